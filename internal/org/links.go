package org

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// ConnectLink lets one person connect Google without signing in here: once, for
// a week. Its token is shown once and kept as a SHA-256.
type ConnectLink struct {
	ID            crm.LinkID
	WorkspaceID   crm.WorkspaceID
	WorkspaceName string
	UserID        crm.UserID
	Email, Name   string
	Services      []crm.Service
	CreatedBy     crm.UserID
	CreatedAt     time.Time
	ExpiresAt     time.Time
	UsedAt        *time.Time
	RevokedAt     *time.Time
}

// LinkWish asks for a connect link for a person.
type LinkWish struct{ Email, Name string }

// CreatedLink is a new link with its token.
type CreatedLink struct {
	Link   ConnectLink
	Token  crm.Secret
	UserID crm.UserID
}

// maxLinks is how many connect links are made at once.
const maxLinks = 500

// CreateConnectLinks makes links for people, and members of those who are none
// yet. Earlier links of theirs end. Without services: Gmail and Calendar, as far
// as the organisation allows them.
func (s *Service) CreateConnectLinks(ctx context.Context, c access.Caller, wishes []LinkWish, services []crm.Service) ([]CreatedLink, error) {
	if err := access.Allow(c, access.MembersManage); err != nil {
		return nil, err
	}
	w, err := s.Store.Workspace(ctx, c.Workspace)
	if err != nil {
		return nil, wrap("finding the workspace", err)
	}
	if services, err = s.linkServices(w.Approval, services); err != nil {
		return nil, err
	}
	if wishes, err = checkLinks(w.Approval, wishes); err != nil {
		return nil, err
	}
	now := s.Now()
	rows, tokens := make([]NewLink, len(wishes)), make([]crm.Secret, len(wishes))
	for i, wish := range wishes {
		if rows[i], tokens[i], err = s.newLink(c, wish, services, now); err != nil {
			return nil, err
		}
	}
	links, err := s.Store.PutLinks(ctx, c.Workspace, now, rows)
	if err != nil {
		return nil, wrap("storing connect links", err)
	}
	created := make([]CreatedLink, len(links))
	for i, l := range links {
		l.WorkspaceName = w.Name
		created[i] = CreatedLink{l, tokens[i], l.UserID}
	}
	return created, nil
}

// linkServices are those that a link may ask for.
func (s *Service) linkServices(a crm.Approval, want []crm.Service) ([]crm.Service, error) {
	if a.State == crm.ApprovalPending || a.State == crm.ApprovalBlocked {
		return nil, &fault.Error{Kind: fault.Blocked, Code: "waiting_for_admin", Action: "/admin/approval",
			Text: "Nobody can connect Google in this workspace now: it is not approved. Approve it first."}
	}
	allowed := func(v crm.Service) bool { return len(a.Products) == 0 || slices.Contains(a.Products, v) }
	if len(want) == 0 {
		for _, v := range s.offered(a.Profile) {
			if (v == crm.ServiceGmail || v == crm.ServiceCalendar) && allowed(v) {
				want = append(want, v)
			}
		}
		if len(want) == 0 {
			want = a.Products
		}
	}
	want, err := s.checkServices("services", a.Profile, want)
	if err != nil {
		return nil, err
	}
	for _, v := range want {
		if !allowed(v) {
			return nil, invalid("services", fmt.Sprintf("must be among those the organisation allows: %s", join(a.Products)))
		}
	}
	return want, nil
}

// checkLinks gives the wishes with addresses in lower case, each address once.
func checkLinks(a crm.Approval, wishes []LinkWish) ([]LinkWish, error) {
	if len(wishes) == 0 || len(wishes) > maxLinks {
		return nil, invalid("people", fmt.Sprintf("must be 1 to %d", maxLinks))
	}
	var out []LinkWish
	seen := map[string]bool{}
	for _, w := range wishes {
		w.Email = normal(w.Email)
		if !validAddress(w.Email) {
			return nil, invalid("email", fmt.Sprintf("must be an e-mail address; %q is none", w.Email))
		}
		_, domain, _ := strings.Cut(w.Email, "@")
		if len(a.AllowedDomains) > 0 && !slices.Contains(a.AllowedDomains, domain) {
			return nil, invalid("email", fmt.Sprintf("must be of a domain that the organisation allows (%s); %q is not", strings.Join(a.AllowedDomains, ", "), w.Email))
		}
		if !seen[w.Email] {
			seen[w.Email] = true
			out = append(out, w)
		}
	}
	return out, nil
}

func (s *Service) newLink(c access.Caller, wish LinkWish, services []crm.Service, now time.Time) (NewLink, crm.Secret, error) {
	u, err := s.newUser(wish.Email, wish.Name, crm.Secret{})
	if err != nil {
		return NewLink{}, crm.Secret{}, err
	}
	id, err := newID[crm.LinkID](s)
	if err != nil {
		return NewLink{}, crm.Secret{}, err
	}
	token, err := s.newToken()
	if err != nil {
		return NewLink{}, crm.Secret{}, err
	}
	l := ConnectLink{
		ID: id, WorkspaceID: c.Workspace, UserID: u.ID, Email: u.Email, Name: u.Name, Services: services,
		CreatedBy: c.UserID, CreatedAt: now, ExpiresAt: now.Add(LinkLife),
	}
	row := s.act(c, "connect_link.create", string(id), "for "+join(services))
	return NewLink{Link: l, User: u, TokenHash: digest(token), Row: row}, crm.NewSecret(token), nil
}

// ConnectLinks gives a page of the links of the workspace that were not revoked,
// the newest first; used and expired ones too, unless only open ones are wanted.
func (s *Service) ConnectLinks(ctx context.Context, c access.Caller, open bool, page Page) ([]ConnectLink, string, error) {
	if err := access.Allow(c, access.MembersManage); err != nil {
		return nil, "", err
	}
	list, next, err := s.Store.LinksOf(ctx, c.Workspace, s.open(open, page))
	return list, next, wrap("listing connect links", err)
}

// RevokeConnectLink ends a link that nobody has used.
func (s *Service) RevokeConnectLink(ctx context.Context, c access.Caller, id crm.LinkID) error {
	if err := access.Allow(c, access.MembersManage); err != nil {
		return err
	}
	return wrap("revoking the connect link", s.Store.RevokeLink(ctx, c.Workspace, id, s.Now(), s.act(c, "connect_link.revoke", string(id), "")))
}

// ConnectLinkByToken finds a link that can be used; fault.NotFound when it is
// unknown, used, revoked or expired, or its person has left the workspace.
func (s *Service) ConnectLinkByToken(ctx context.Context, token crm.Secret) (ConnectLink, error) {
	l, err := s.Store.LinkByHash(ctx, digest(token.Reveal()), s.Now())
	if fault.Is(err, fault.NotFound) {
		return l, &fault.Error{Kind: fault.NotFound, Code: "link_not_found", Err: err,
			Text: "This link was used, revoked or has expired. Ask your administrator for a new one."}
	}
	return l, wrap("finding the connect link", err)
}

// UseConnectLink uses a link up, when its consent completes; fault.Conflict
// with the code link_used the second time.
func (s *Service) UseConnectLink(ctx context.Context, id crm.LinkID) error {
	return wrap("using the connect link", s.Store.UseLink(ctx, id, s.Now()))
}

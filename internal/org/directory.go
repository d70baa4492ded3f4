package org

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// DirectoryUser is a person in the organisation's Google directory (Admin SDK,
// Directory API, users). ID is the sub of their Google account.
type DirectoryUser struct {
	ID, Email, Name, PhotoURL, OrgUnit    string
	Aliases                               []string // their other addresses
	Suspended, Archived, Admin, NoMailbox bool
}

// inUse reports whether the person can connect a mailbox.
func (u DirectoryUser) inUse() bool { return !u.Suspended && !u.Archived && !u.NoMailbox }

// Colleague is a person in the directory, and what is known of them here.
type Colleague struct {
	DirectoryUser
	Member     *crm.Member
	Connected  bool
	Status     crm.ConnectionStatus // of their connection; "" for none
	LinkSentAt *time.Time
}

// ScopeDirectory is what a grant needs for reading the directory; a wider scope
// includes it.
const ScopeDirectory = "https://www.googleapis.com/auth/admin.directory.user.readonly"

var directoryScopes = []string{ScopeDirectory, strings.TrimSuffix(ScopeDirectory, ".readonly")}

const (
	colleaguesUsual = 50
	colleaguesMost  = 200
	directoryPages  = 10 // that one call looks through for people who have not connected
	directoryTries  = 5  // grants that are tried
)

// connectDirectory is where a person consents to reading the directory.
func connectDirectory(c access.Caller) string {
	return "/oauth/authorize?" + url.Values{
		"userId": {string(c.UserID)}, "service": {string(crm.ServiceDirectory)}, "workspace_id": {string(c.Workspace)}, "redirect": {"/admin/colleagues"},
	}.Encode()
}

// Colleagues lists the organisation's directory with who has connected, without
// people who are suspended, archived or have no mailbox. It reads with a grant of
// the caller, else of another administrator; fault.Conflict with the code
// directory_not_connected when nobody has given one.
func (s *Service) Colleagues(ctx context.Context, c access.Caller, query, cursor string, limit int) ([]Colleague, string, error) {
	return s.colleagues(ctx, c, query, cursor, limit, func(Colleague) bool { return true })
}

// NotConnected is Colleagues without those who have connected.
func (s *Service) NotConnected(ctx context.Context, c access.Caller, query, cursor string, limit int) ([]Colleague, string, error) {
	return s.colleagues(ctx, c, query, cursor, limit, func(v Colleague) bool { return !v.Connected })
}

// directoryPlace is where a listing was left: in which grant's listing, on which
// page, and how many of its people were seen.
type directoryPlace struct {
	Grant crm.GrantID `json:"g"`
	Page  string      `json:"p,omitempty"`
	Skip  int         `json:"s,omitempty"`
}

func (p directoryPlace) String() string {
	b, err := json.Marshal(p)
	if err != nil {
		panic("org: a directory place has no JSON: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func readPlace(cursor string) (p directoryPlace, err error) {
	if cursor == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || p.Skip < 0 || p.Grant == "" {
		return p, &fault.Error{Kind: fault.Invalid, Code: "bad_cursor", Text: "The cursor is not one of this list. Begin again without it.", Err: err}
	}
	return p, nil
}

func (s *Service) colleagues(ctx context.Context, c access.Caller, query, cursor string, limit int, wanted func(Colleague) bool) ([]Colleague, string, error) {
	if err := access.Allow(c, access.DirectoryRead); err != nil {
		return nil, "", err
	}
	if limit <= 0 {
		limit = colleaguesUsual
	}
	limit = min(limit, colleaguesMost)
	at, err := readPlace(cursor)
	if err != nil {
		return nil, "", err
	}
	grants, err := s.directoryGrants(ctx, c, at.Grant)
	if err != nil {
		return nil, "", err
	}
	list := []Colleague{}
	for range directoryPages {
		users, next, err := s.directoryPage(ctx, c, &grants, query, at.Page, limit)
		if err != nil {
			return nil, "", err
		}
		at.Grant = grants[0]
		page, err := s.acquaint(ctx, c.Workspace, users)
		if err != nil {
			return nil, "", err
		}
		for i := at.Skip; i < len(page); i++ {
			if !page[i].inUse() || !wanted(page[i]) {
				continue
			}
			if len(list) == limit {
				at.Skip = i
				return list, at.String(), nil
			}
			list = append(list, page[i])
		}
		if next == "" {
			return list, "", nil
		}
		at.Page, at.Skip = next, 0
		if len(list) == limit {
			break
		}
	}
	return list, at.String(), nil
}

// directoryGrants gives the grants to read the directory with, the best first;
// only the one of a cursor when it is still there.
func (s *Service) directoryGrants(ctx context.Context, c access.Caller, only crm.GrantID) ([]crm.GrantID, error) {
	rows, err := s.Store.DirectoryGrants(ctx, c.Workspace, c.UserID)
	if err != nil {
		return nil, wrap("finding a grant for the directory", err)
	}
	var ids []crm.GrantID
	for _, g := range rows {
		if slices.ContainsFunc(g.Scopes, func(scope string) bool { return slices.Contains(directoryScopes, scope) }) {
			ids = append(ids, g.ID)
		}
	}
	if only != "" && slices.Contains(ids, only) {
		return []crm.GrantID{only}, nil
	}
	if only != "" {
		return nil, &fault.Error{Kind: fault.Invalid, Code: "bad_cursor", Text: "The account this list was read with is not connected any more. Begin again without the cursor."}
	}
	if len(ids) == 0 || s.Directory == nil {
		return nil, &fault.Error{Kind: fault.Conflict, Code: "directory_not_connected", Action: connectDirectory(c),
			Text: "Nobody has connected the directory of your organisation. Connect it with a Google account that is an administrator there."}
	}
	return ids[:min(len(ids), directoryTries)], nil
}

// directoryPage reads a page with the first grant that Google lets read; grants
// that it does not are dropped.
func (s *Service) directoryPage(ctx context.Context, c access.Caller, grants *[]crm.GrantID, query, page string, n int) ([]DirectoryUser, string, error) {
	for {
		users, next, err := s.Directory.Users(ctx, (*grants)[0], query, page, n)
		refused := fault.Is(err, fault.Permission) || fault.Is(err, fault.Forbidden) || fault.Is(err, fault.Reconnect) || fault.Is(err, fault.Blocked)
		if !refused {
			return users, next, wrap("reading the directory", err)
		}
		if len(*grants) == 1 {
			return nil, "", &fault.Error{Kind: fault.Conflict, Code: "directory_refused", Action: connectDirectory(c), Err: err,
				Text: "Google does not let the connected account read your organisation's directory. Connect the directory with an account that is an administrator there, or may at least read users."}
		}
		*grants = (*grants)[1:]
	}
}

// acquaint says of a page of people what is known of them here.
func (s *Service) acquaint(ctx context.Context, w crm.WorkspaceID, users []DirectoryUser) ([]Colleague, error) {
	var emails, subs []string
	for _, u := range users {
		emails = append(emails, u.addresses()...)
		if u.ID != "" {
			subs = append(subs, u.ID)
		}
	}
	list := make([]Colleague, len(users))
	if len(users) == 0 {
		return list, nil
	}
	known, err := s.Store.Acquainted(ctx, w, emails, subs)
	if err != nil {
		return nil, wrap("finding who has connected", err)
	}
	byAddress, bySub := map[string]KnownMember{}, map[string]KnownMember{}
	for _, m := range known.Members {
		byAddress[normal(m.Email)] = m
		if m.GoogleSub != "" {
			bySub[m.GoogleSub] = m
		}
	}
	accounts := map[string]crm.ConnectionStatus{}
	for _, k := range known.Connections {
		for _, key := range []string{"sub " + k.GoogleSub, k.GoogleEmail} {
			accounts[key] = better(accounts[key], k.Status)
		}
	}
	for i, u := range users {
		list[i] = colleague(u, byAddress, bySub, accounts)
	}
	return list, nil
}

func (u DirectoryUser) addresses() []string {
	list := []string{normal(u.Email)}
	for _, a := range u.Aliases {
		list = append(list, normal(a))
	}
	return list
}

// colleague looks a person up: by their Google account first, then by each of
// their addresses.
func colleague(u DirectoryUser, byAddress, bySub map[string]KnownMember, accounts map[string]crm.ConnectionStatus) Colleague {
	v := Colleague{DirectoryUser: u, Status: accounts["sub "+u.ID]}
	m, found := bySub[u.ID]
	for _, a := range u.addresses() {
		v.Status = better(v.Status, accounts[a])
		if !found {
			m, found = byAddress[a]
		}
	}
	if found {
		v.Member, v.LinkSentAt = &m.Member, m.LinkSentAt
	}
	v.Connected = slices.Contains([]crm.ConnectionStatus{crm.StatusActive, crm.StatusDegraded, crm.StatusPaused, crm.StatusNeedsReauth}, v.Status)
	return v
}

// standings are states of connections, the best first.
var standings = []crm.ConnectionStatus{
	crm.StatusActive, crm.StatusDegraded, crm.StatusPaused, crm.StatusNeedsReauth, crm.StatusWaitingForAdmin, crm.StatusConnecting, crm.StatusDisconnected,
}

// better gives the better of two states; "" is none.
func better(a, b crm.ConnectionStatus) crm.ConnectionStatus {
	for _, s := range standings {
		if s == a || s == b {
			return s
		}
	}
	return ""
}

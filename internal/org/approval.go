package org

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/access"
	"rapport/internal/crm"
)

// ApprovalRequest is a member who waits for an administrator to approve Google.
type ApprovalRequest struct {
	WorkspaceID crm.WorkspaceID
	UserID      crm.UserID
	Email, Name string
	Note        string
	AskedAt     time.Time
}

// ApprovalWish is what an administrator decides; nil leaves things as they are.
type ApprovalWish struct {
	State          *crm.ApprovalState
	AllowedDomains *[]string         // empty: every domain
	Profile        *crm.ScopeProfile //
	Products       *[]crm.Service    // empty: all that the profile offers
}

// Approval is what the organisation of a workspace has decided about Google.
func (s *Service) Approval(ctx context.Context, w crm.WorkspaceID) (crm.Approval, error) {
	row, err := s.Store.Workspace(ctx, w)
	return row.Approval, wrap("finding the workspace", err)
}

// Decide changes the approval of the workspace the caller has entered. Saying
// approved or blocked, even again, answers the open requests.
func (s *Service) Decide(ctx context.Context, c access.Caller, wish ApprovalWish) (crm.Approval, error) {
	if err := access.Allow(c, access.WorkspaceManage); err != nil {
		return crm.Approval{}, err
	}
	wish, err := s.checkApproval(wish)
	if err != nil {
		return crm.Approval{}, err
	}
	now := s.Now()
	after, err := s.Store.DecideApproval(ctx, c.Workspace, now, func(a *crm.Approval) ([]access.Audit, bool, error) {
		detail, err := s.decide(a, wish)
		if err != nil {
			return nil, false, err
		}
		answers := wish.State != nil && *wish.State != crm.ApprovalPending
		if detail == "" && !answers {
			return nil, false, nil
		}
		a.DecidedBy, a.DecidedAt = c.UserID, now
		return []access.Audit{s.act(c, "approval.decide", string(c.Workspace), or(detail, string(a.State)+", as before"))}, answers, nil
	})
	return after, wrap("storing the approval", err)
}

// checkApproval refuses what makes no sense whatever stands there now.
func (s *Service) checkApproval(wish ApprovalWish) (ApprovalWish, error) {
	if wish.State != nil && !slices.Contains([]crm.ApprovalState{crm.ApprovalPending, crm.ApprovalApproved, crm.ApprovalBlocked}, *wish.State) {
		return wish, invalid("state", "must be pending, approved or blocked")
	}
	if wish.Profile != nil && !slices.Contains([]crm.ScopeProfile{crm.ProfileMetadata, crm.ProfileRead, crm.ProfileFull}, *wish.Profile) {
		return wish, invalid("scope_profile", "must be metadata, read or full")
	}
	if wish.AllowedDomains == nil {
		return wish, nil
	}
	domains, err := checkDomains(*wish.AllowedDomains)
	wish.AllowedDomains = &domains
	return wish, err
}

// maxDomains bounds the list of allowed domains.
const maxDomains = 200

// checkDomains gives domains in lower case, each once, in their order.
func checkDomains(list []string) ([]string, error) {
	var out []string
	for _, text := range list {
		d := strings.TrimSuffix(strings.TrimPrefix(normal(text), "@"), ".")
		if !validDomain(d) {
			return nil, invalid("allowed_domains", fmt.Sprintf("must be domains such as example.com; %q is none", text))
		}
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	if len(out) > maxDomains {
		return nil, invalid("allowed_domains", fmt.Sprintf("must be at most %d", maxDomains))
	}
	return out, nil
}

// validDomain takes host names of two labels or more (RFC 1123) as DNS writes
// them: others than English ones in their xn-- form.
func validDomain(d string) bool {
	labels := strings.Split(d, ".")
	if len(d) > 253 || len(labels) < 2 || strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return false
	}
	return !slices.ContainsFunc(labels, func(l string) bool {
		return l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
	})
}

// decide applies a wish and says in words what changed, "" for nothing.
func (s *Service) decide(a *crm.Approval, wish ApprovalWish) (string, error) {
	var said []string
	if wish.State != nil && *wish.State != a.State {
		said = append(said, fmt.Sprintf("from %s to %s", a.State, *wish.State))
		a.State = *wish.State
	}
	if wish.Profile != nil && *wish.Profile != a.Profile {
		said = append(said, fmt.Sprintf("scope profile %s", *wish.Profile))
		a.Profile = *wish.Profile
	}
	if wish.AllowedDomains != nil && !slices.Equal(*wish.AllowedDomains, a.AllowedDomains) {
		said = append(said, "domains "+or(strings.Join(*wish.AllowedDomains, ", "), "every one"))
		a.AllowedDomains = *wish.AllowedDomains
	}
	if wish.Products == nil {
		return strings.Join(said, "; "), nil
	}
	products, err := s.checkServices("products", a.Profile, *wish.Products)
	if err != nil {
		return "", err
	}
	if !slices.Equal(products, a.Products) {
		said = append(said, "products "+or(join(products), "all of the profile"))
		a.Products = products
	}
	return strings.Join(said, "; "), nil
}

// offered gives the services of a scope profile.
func (s *Service) offered(p crm.ScopeProfile) []crm.Service {
	if s.Offered != nil {
		return s.Offered(p)
	}
	return []crm.Service{crm.ServiceGmail, crm.ServiceCalendar, crm.ServiceContacts, crm.ServiceDirectory, crm.ServiceDrive, crm.ServiceMeet, crm.ServiceSheets}
}

// checkServices gives services each once, in the product's order.
func (s *Service) checkServices(field string, p crm.ScopeProfile, want []crm.Service) ([]crm.Service, error) {
	offered := s.offered(p)
	for _, v := range want {
		if !slices.Contains(offered, v) {
			return nil, invalid(field, fmt.Sprintf("must be among %s with the scope profile %s; %q is not", join(offered), p, v))
		}
	}
	var out []crm.Service
	for _, v := range offered {
		if slices.Contains(want, v) {
			out = append(out, v)
		}
	}
	return out, nil
}

func join(list []crm.Service) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// maxNote bounds what a member writes to their administrator, in characters.
const maxNote = 1000

// AskApproval tells the administrators that the caller waits for them. Asking
// again while the request is open gives that request.
func (s *Service) AskApproval(ctx context.Context, c access.Caller, note string) (ApprovalRequest, error) {
	if err := access.Allow(c, access.ApprovalAsk); err != nil {
		return ApprovalRequest{}, err
	}
	note = strings.TrimSpace(note)
	if utf8.RuneCountInString(note) > maxNote {
		return ApprovalRequest{}, invalid("note", fmt.Sprintf("must have at most %d characters", maxNote))
	}
	r := ApprovalRequest{WorkspaceID: c.Workspace, UserID: c.UserID, Note: note, AskedAt: s.Now()}
	r, _, err := s.Store.AskApproval(ctx, r, s.act(c, "approval.ask", string(c.Workspace), "asked an administrator to approve Google"))
	return r, wrap("asking for approval", err)
}

// ApprovalRequests lists the open requests: administrators see everybody's,
// members their own.
func (s *Service) ApprovalRequests(ctx context.Context, c access.Caller) ([]ApprovalRequest, error) {
	if err := access.Allow(c, access.ApprovalRead); err != nil {
		return nil, err
	}
	only := c.UserID
	if access.Allow(c, access.WorkspaceManage) == nil {
		only = ""
	}
	list, err := s.Store.ApprovalRequests(ctx, c.Workspace, only)
	return list, wrap("listing requests for approval", err)
}

// DismissRequest closes the open request of a member without deciding anything.
// A member may take back their own.
func (s *Service) DismissRequest(ctx context.Context, c access.Caller, user crm.UserID) error {
	action := access.WorkspaceManage
	if user == c.UserID {
		action = access.ApprovalAsk
	}
	if err := access.Allow(c, action); err != nil {
		return err
	}
	return wrap("closing the request", s.Store.AnswerRequest(ctx, c.Workspace, user, s.Now(), s.act(c, "approval.dismiss", string(user), "closed the request for approval")))
}

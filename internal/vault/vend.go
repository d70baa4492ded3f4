package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Vended is an access token given to a plugin.
type Vended struct {
	Access
	Subject string
	Service crm.Service
}

// Vend gives a usable access token of a subject for a service, refreshed when it
// ends within Ahead. It authorises (access.AllowVend), and nothing is given
// before its audit row is durable. The subject's grant for the service is
// served; without one, a connection of the caller's own when the subject is the
// caller and the connection's scopes cover the service: with a key, only one
// whose scopes open nothing but services the key may vend. Errors by Code:
//
//	unknown_service                   with the list (Invalid)
//	bad_user_id                       (Invalid)
//	insufficient_scope                the key's, or the grant's (Forbidden)
//	not_your_tokens                   (Forbidden)
//	not_allowed_by_organisation       its products, profile or domains were narrowed since (Forbidden)
//	waiting_for_admin                 not approved, or blocked (Blocked)
//	token_not_found                   Action is where to authorize (NotFound)
//	google_reauthorization_required   the refresh token is dead; Action as above (Reconnect)
//	decryption_failed                 no key opens it; Action as above (Reconnect)
//	google_unavailable                try again after After (Unavailable)
func (s *Service) Vend(ctx context.Context, c access.Caller, subject string, service crm.Service) (Vended, error) {
	v, err := s.vend(ctx, c, s.placeOf(c, subject, service))
	// The target is the service and not the grant: the trail has an index by target,
	// and rows that lie together in it cost half of those that lie everywhere.
	row := access.Audit{At: s.now(), Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via,
		Action: "token.vend", Target: string(service), Outcome: "ok", Detail: "grant " + string(v.grant), Remote: c.Remote}
	if err != nil {
		row.Target, row.Outcome, row.Detail = cut(string(service), 40), outcomeOf(err), reasonOf(err)
		if !fault.Is(err, fault.Unauthenticated) { // nobody must be able to fill the trail
			s.audit(ctx, row)
		}
		return Vended{}, err
	}
	if err := s.Trail.Record(ctx, row); err != nil {
		return Vended{}, fmt.Errorf("writing the audit trail: %w", err)
	}
	return Vended{v.Access, subject, service}, nil
}

// isOwn reports that the subject asks for itself: by session, or with a key it
// made.
func isOwn(c access.Caller, subject string) bool {
	return c.UserID != "" && string(c.UserID) == subject
}

// placeOf is where a caller asks.
func (s *Service) placeOf(c access.Caller, subject string, service crm.Service) place {
	p := place{workspace: c.Workspace, subject: subject, service: service, own: isOwn(c, subject), maker: s.makerOfLink(c)}
	if p.own && c.Via == access.ViaKey {
		p.may = s.reach(c)
	}
	return p
}

// reach lists the services that a key may vend; "" when that is all of them.
func (s *Service) reach(c access.Caller) string {
	all := s.ServiceNames()
	var names []string
	for _, name := range all {
		if access.AllowVend(c, name, string(c.UserID)) == nil {
			names = append(names, string(name))
		}
	}
	if len(names) == len(all) {
		return ""
	}
	return strings.Join(names, ",")
}

// reaches reports that scopes open nothing but services a key may vend.
func (s *Service) reaches(may string, scopes []string) bool {
	if may == "" {
		return true
	}
	var within []string
	for name := range strings.SplitSeq(may, ",") {
		within = append(within, s.Extra[crm.Service(name)]...)
		for _, table := range ServiceTable {
			within = append(within, table[crm.Service(name)]...)
		}
	}
	return !exceed(scopes, within)
}

// exceed reports that granted scopes open more than the allowed ones do. Those
// of signing in open nothing.
func exceed(granted, allowed []string) bool {
	return slices.ContainsFunc(granted, func(g string) bool {
		return !slices.Contains(signIn, Canonical(g)) && !Covered(allowed, g)
	})
}

// outcomeOf tells a refusal from trouble, for the audit trail.
func outcomeOf(err error) string {
	switch fault.Of(err) {
	case fault.Invalid, fault.NotFound, fault.Forbidden, fault.Unauthenticated, fault.Blocked, fault.Throttled:
		return "denied"
	}
	return "failed"
}

func (s *Service) vend(ctx context.Context, c access.Caller, p place) (shelved, error) {
	if err := s.mayVend(c, p.subject, p.service); err != nil {
		return shelved{}, err
	}
	return s.serve(ctx, p)
}

// mayVend checks what a caller asks for, and whether it may.
func (s *Service) mayVend(c access.Caller, subject string, service crm.Service) error {
	allowed := s.allowVend(c, service, subject)
	if fault.Is(allowed, fault.Unauthenticated) {
		return allowed
	}
	if err := s.known(service); err != nil { // what there is, everybody may know (GET /)
		return err
	}
	if allowed != nil {
		return allowed
	}
	return checkSubject(subject)
}

func (s *Service) allowVend(c access.Caller, service crm.Service, subject string) error {
	if s.Open && c.Workspace != "" {
		return nil
	}
	return access.AllowVend(c, service, subject)
}

// serve gives an access token without asking who may have it.
func (s *Service) serve(ctx context.Context, p place) (shelved, error) {
	now := s.now()
	s.keepStep(ctx, now)
	if v, ok := s.shelf.ready(p, now); ok && v.Expiry.Sub(now) > s.ahead() {
		return v.shelved, nil
	}
	decided, err := s.approvalOf(ctx, p.workspace)
	if err != nil {
		return shelved{}, err
	}
	approval, err := approved(decided.Approval)
	if err != nil {
		return shelved{}, err
	}
	if err := s.stillOn(approval, p.service); err != nil {
		return shelved{}, err
	}
	if v, ok := s.shelf.token(p, now); ok && v.Expiry.Sub(now) > s.ahead() {
		err := s.obeys(v.shelved, approval, p)
		if err == nil {
			v.obeys.Store(decided)
		}
		return v.shelved, err
	}
	version := s.shelf.version()
	g, err := s.servant(ctx, p, approval)
	if err != nil {
		return shelved{}, err
	}
	a, err := s.usable(ctx, g)
	if err != nil {
		return shelved{grant: g.ID}, s.withWayOut(err, p)
	}
	if err := s.serves(a.Scopes, approval, p); err != nil {
		return shelved{grant: g.ID}, err
	}
	v := shelved{grant: g.ID, Access: a, since: now, domain: g.domain(), connection: g.Service == ""}
	if err := s.obeys(v, approval, p); err != nil {
		return shelved{grant: g.ID}, err
	}
	s.shelf.put(p, v, version)
	return v, nil
}

const notAllowed = "not_allowed_by_organisation"

// stillOn refuses a product that the organisation has switched off. It has no
// switch for the operator's services.
func (s *Service) stillOn(a crm.Approval, service crm.Service) error {
	if len(a.Products) == 0 || !slices.Contains(named, service) || slices.Contains(a.Products, service) {
		return nil
	}
	return &fault.Error{Kind: fault.Forbidden, Code: notAllowed,
		Text: fmt.Sprintf("This organisation does not allow %s here. An administrator of the workspace can switch it on.", service)}
}

// obeys refuses a token that goes beyond what the organisation allows by now:
// what was consented to earlier does not outlast a narrower decision.
func (s *Service) obeys(v shelved, a crm.Approval, p place) error {
	names := []crm.Service{p.service}
	if v.connection {
		names = s.ServiceNames()
	}
	var allowed []string
	for _, name := range names {
		list, _ := s.offered(a.Profile, name)
		allowed = append(allowed, list...)
	}
	refuse := func(text string) error {
		return s.withWayOut(&fault.Error{Kind: fault.Forbidden, Code: notAllowed, Text: text}, p)
	}
	if exceed(v.Scopes, allowed) {
		if _, offered := s.offered(a.Profile, p.service); !offered {
			return &fault.Error{Kind: fault.Forbidden, Code: notAllowed,
				Text: fmt.Sprintf("This organisation has narrowed what may be asked of Google, and does not allow %s any more. An administrator of the workspace can allow it again.", p.service)}
		}
		if v.connection {
			return refuse("This organisation has narrowed what may be asked of Google since this account was connected, and its token can do more. Disconnect it and connect it again, or authorise the service for itself.")
		}
		return refuse("This organisation has narrowed what may be asked of Google since this was authorised, and the token can do more. The user has to authorise it again.")
	}
	if len(a.AllowedDomains) > 0 && !slices.ContainsFunc(a.AllowedDomains, func(d string) bool { return strings.EqualFold(d, v.domain) }) {
		return refuse("This organisation allows Google accounts of " + strings.Join(a.AllowedDomains, ", ") + " only. The user has to authorise it with such an account.")
	}
	return nil
}

// domain is the organisation of the account: the text of its address says nothing,
// and stands in only where the organisation was not kept.
func (g Grant) domain() string {
	if g.HostedDomain != nil {
		return *g.HostedDomain
	}
	_, domain, _ := strings.Cut(g.GoogleEmail, "@")
	return domain
}

// servant finds the grant that serves a place.
func (s *Service) servant(ctx context.Context, p place, a crm.Approval) (Grant, error) {
	g, err := s.TokenGrants.ServiceGrant(ctx, p.workspace, p.subject, p.service)
	if err == nil && g.Status != GrantRevoked {
		return g, nil
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Grant{}, fmt.Errorf("looking for a grant: %w", err)
	}
	needed, err := s.scopesFor(a.Profile, p.service)
	if err != nil {
		return Grant{}, err
	}
	if p.own {
		if g, ok, err := s.connected(ctx, p, needed); ok || err != nil {
			return g, err
		}
	}
	return Grant{}, s.withWayOut(&fault.Error{Kind: fault.NotFound, Code: "token_not_found",
		Text: fmt.Sprintf("There is no token of this user for %s. The user has to authorise it first.", p.service)}, p)
}

// connected finds a connection of the subject's own whose scopes cover the
// service: one that works before one that does not, the oldest first.
func (s *Service) connected(ctx context.Context, p place, needed []string) (Grant, bool, error) {
	list, err := s.TokenGrants.OwnGrants(ctx, p.workspace, crm.UserID(p.subject))
	if err != nil {
		return Grant{}, false, fmt.Errorf("looking for the user's connections: %w", err)
	}
	list = slices.DeleteFunc(list, func(g Grant) bool {
		return g.Status == GrantRevoked || len(Missing(g.Scopes, needed)) > 0 || !s.reaches(p.may, g.Scopes)
	})
	if len(list) == 0 {
		return Grant{}, false, nil
	}
	if i := slices.IndexFunc(list, func(g Grant) bool { return g.Status == GrantActive }); i > 0 {
		return list[i], true, nil
	}
	return list[0], true, nil
}

// serves refuses a grant of which nothing for the service is left: people can
// untick boxes, and take permissions back.
func (s *Service) serves(granted []string, a crm.Approval, p place) error {
	needed, err := s.scopesFor(a.Profile, p.service)
	if err != nil { // the profile was narrowed since; what was consented to stays
		return nil //nolint:nilerr // see above
	}
	if missing := Missing(granted, needed); len(missing) < len(needed) {
		return nil
	}
	return s.withWayOut(&fault.Error{Kind: fault.Forbidden, Code: "insufficient_scope", Scopes: needed,
		Text: fmt.Sprintf("The user has not permitted %s at Google. The user has to authorise it again and leave its boxes ticked.", p.service)}, p)
}

// withWayOut puts into an error the address that mends it: for oneself the page
// that needs one's own session, a signed link for those who may make them.
func (s *Service) withWayOut(err error, p place) error {
	var e *fault.Error
	if !errors.As(err, &e) || e.Action != "" || !slices.Contains([]fault.Kind{fault.Reconnect, fault.NotFound, fault.Forbidden}, e.Kind) {
		return err
	}
	out := *e
	if out.Action = s.ownAddress(p); !p.own && !s.Open {
		out.Action, _ = s.link(p, "")
	}
	return &out
}

// Authorization is what a subject has authorised.
type Authorization struct {
	Service         crm.Service
	GoogleEmail     string
	Expiry          time.Time // of the access token; zero when there is none
	HasRefreshToken bool
	Status          GrantStatus
	ByConnection    bool // served by the subject's own connection, there is no grant of its own
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// Authorizations lists what a subject has authorised, in the order of
// ServiceNames. A key sees only the services it may vend; fault.Forbidden when
// that is none.
func (s *Service) Authorizations(ctx context.Context, c access.Caller, subject string) ([]Authorization, error) {
	if err := checkSubject(subject); err != nil {
		return nil, err
	}
	var mine []crm.Service
	var refused error
	for _, name := range s.ServiceNames() {
		if err := s.allowVend(c, name, subject); err != nil {
			refused = err
			continue
		}
		mine = append(mine, name)
	}
	if len(mine) == 0 {
		return nil, refused
	}
	list, err := s.TokenGrants.ServiceGrants(ctx, c.Workspace, subject)
	if err != nil {
		return nil, fmt.Errorf("listing grants: %w", err)
	}
	var own []Grant
	if isOwn(c, subject) {
		if own, err = s.TokenGrants.OwnGrants(ctx, c.Workspace, c.UserID); err != nil {
			return nil, fmt.Errorf("listing the grants of connections: %w", err)
		}
		may := s.placeOf(c, subject, "").may
		own = slices.DeleteFunc(own, func(g Grant) bool { return !s.reaches(may, g.Scopes) })
	}
	approval, err := s.approvalOf(ctx, c.Workspace)
	if err != nil {
		return nil, err
	}
	return s.authorizations(mine, list, own, approval.Approval), nil
}

func (s *Service) authorizations(names []crm.Service, list, own []Grant, a crm.Approval) []Authorization {
	if a.Profile == "" {
		a.Profile = crm.ProfileFull
	}
	out := []Authorization{}
	for _, name := range names {
		if i := slices.IndexFunc(list, func(g Grant) bool { return g.Service == name && g.Status != GrantRevoked }); i >= 0 {
			out = append(out, authorization(name, list[i]))
			continue
		}
		needed, ok := s.offered(a.Profile, name)
		covers := func(g Grant) bool { return g.Status == GrantActive && len(Missing(g.Scopes, needed)) == 0 }
		if i := slices.IndexFunc(own, covers); ok && i >= 0 {
			one := authorization(name, own[i])
			one.ByConnection = true
			out = append(out, one)
		}
	}
	return out
}

func authorization(name crm.Service, g Grant) Authorization {
	return Authorization{Service: name, GoogleEmail: g.GoogleEmail, Expiry: g.Expiry, HasRefreshToken: g.SealedRefresh != "",
		Status: g.Status, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt}
}

// HeldToken is a grant of the token service, for administrators.
type HeldToken struct {
	ID         crm.GrantID
	Subject    string
	LastUsedAt time.Time
	Authorization
}

// HeldTokens lists the workspace's grants of the token service, the newest
// first, for administrators.
func (s *Service) HeldTokens(ctx context.Context, c access.Caller, cursor string, limit int) ([]HeldToken, string, error) {
	if err := access.Allow(c, access.WorkspaceManage); err != nil {
		return nil, "", err
	}
	list, next, err := s.TokenGrants.ServiceGrantsOf(ctx, c.Workspace, cursor, limit)
	if err != nil {
		return nil, "", fmt.Errorf("listing grants: %w", err)
	}
	out := make([]HeldToken, len(list))
	for i, g := range list {
		out[i] = HeldToken{ID: g.ID, Subject: string(g.UserID), LastUsedAt: g.LastUsedAt, Authorization: authorization(g.Service, g)}
	}
	return out, next, nil
}

package vault

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Purposes of a consent.
const (
	PurposeConnect = "connect" // link an account; ends in the browser session that began it
	PurposeLink    = "link"    // the same, begun by a program for its member: the browser need not be signed in
	PurposeSignIn  = "sign_in" // only learn who somebody is
	PurposeToken   = "token"   // a grant of the token service; see Authorize
)

// Request is a wish for consent.
type Request struct {
	Purpose    string           // PurposeConnect when empty
	Services   []crm.Service    // empty: those of the connection, or gmail and calendar for a new one
	Connection crm.ConnectionID // reconnect this one, or add services to it; "" for another account
	LoginHint  string           // address to preselect
	// RedirectURI the consent comes back to; empty: the client's.
	RedirectURI string
	ReturnTo    string // path of our own UI to go back to
	// Link is the connect link the person came by. It is used up in the
	// transaction that stores the connection; a consent that fails leaves it usable.
	Link crm.LinkID
}

// Started is a consent under way.
type Started struct {
	URL       string // Google's consent page
	State     string // for a cookie that ties the consent to the browser
	ExpiresAt time.Time
}

// Begin starts a consent and gives the address to send the browser to.
// Connecting needs connection:manage in the caller's workspace;
// fault.Blocked while the organisation has not approved, fault.Invalid for
// services its profile does not offer, fault.NotFound for a connection that is
// not the caller's.
func (s *Service) Begin(ctx context.Context, caller access.Caller, r Request) (Started, error) {
	if err := checkReturn(r.ReturnTo); err != nil {
		return Started{}, err
	}
	if r.Purpose == PurposeSignIn {
		return s.beginSignIn(ctx, r)
	}
	if err := access.Allow(caller, access.ConnectionManage); err != nil {
		return Started{}, err
	}
	approval, err := s.approved(ctx, caller.Workspace)
	if err != nil {
		return Started{}, err
	}
	p := plan{caller: caller, request: r, profile: approval.Profile, products: approval.Products}
	if err := s.planConnect(ctx, &p); err != nil {
		return Started{}, err
	}
	return s.start(ctx, p.consent, p.ask, p.client)
}

// plan is what Begin works out before it stores anything.
type plan struct {
	caller   access.Caller
	request  Request
	profile  crm.ScopeProfile
	products []crm.Service
	consent  Consent
	ask      ConsentRequest
	client   Client
}

func (s *Service) beginSignIn(ctx context.Context, r Request) (Started, error) {
	client, err := s.Clients.Default(ctx, "")
	if err != nil {
		return Started{}, fmt.Errorf("finding the OAuth client: %w", err)
	}
	c := Consent{Purpose: PurposeSignIn, ReturnTo: r.ReturnTo, RedirectURI: r.RedirectURI, Scopes: signIn}
	return s.start(ctx, c, ConsentRequest{Scopes: signIn, LoginHint: r.LoginHint}, client)
}

// approved gives the workspace's approval when its organisation lets people
// connect; fault.Blocked with Code waiting_for_admin otherwise.
func (s *Service) approved(ctx context.Context, w crm.WorkspaceID) (crm.Approval, error) {
	a, err := s.Approvals.Approval(ctx, w)
	if err != nil {
		return a, fmt.Errorf("reading the organisation's approval: %w", err)
	}
	return approved(a)
}

// approved is Service.approved for an approval that was just read.
func approved(a crm.Approval) (crm.Approval, error) {
	switch a.State {
	case crm.ApprovalPending:
		return a, &fault.Error{Kind: fault.Blocked, Code: "waiting_for_admin",
			Text: "Your organisation has not approved the Google integration yet. Ask an administrator of this workspace."}
	case crm.ApprovalBlocked:
		return a, &fault.Error{Kind: fault.Blocked, Code: "waiting_for_admin",
			Text: "An administrator of this workspace has blocked the Google integration."}
	}
	if a.Profile == "" {
		a.Profile = crm.ProfileFull
	}
	return a, nil
}

// switchedOn answers nil when the workspace's products include the services.
func switchedOn(products []crm.Service, list ...crm.Service) error {
	for _, one := range list {
		needs := one
		if one == crm.ServiceIMAP {
			needs = crm.ServiceGmail
		}
		if len(products) > 0 && !slices.Contains(products, needs) {
			return &fault.Error{Kind: fault.Forbidden, Code: "product_not_allowed",
				Text: fmt.Sprintf("%q is not switched on in this workspace. Ask an administrator.", one)}
		}
	}
	return nil
}

// planConnect chooses scopes, client and prompt.
func (s *Service) planConnect(ctx context.Context, p *plan) error {
	r := p.request
	var known crm.Connection
	var grant Grant
	if r.Connection != "" {
		var err error
		if known, err = s.own(ctx, p.caller, r.Connection); err != nil {
			return err
		}
		if grant, err = s.grantOf(ctx, known); err != nil {
			return err
		}
	}
	list, err := p.services(known)
	if err != nil {
		return err
	}
	scopes, unknown := ScopesOf(p.profile, list...)
	if len(unknown) > 0 && len(r.Services) > 0 {
		return unknownServices(p.profile, unknown)
	}
	client, err := s.clientFor(ctx, p.caller.Workspace, grant)
	if err != nil {
		return err
	}
	p.client = client
	p.consent = Consent{
		Purpose: PurposeConnect, WorkspaceID: p.caller.Workspace, UserID: p.caller.UserID,
		ConnectionID: known.ID, ExpectedSub: known.GoogleSub, Services: list, Scopes: scopes,
		ReturnTo: r.ReturnTo, RedirectURI: r.RedirectURI, LinkID: r.Link,
	}
	if r.Purpose == PurposeLink {
		p.consent.Purpose = PurposeLink
	}
	p.ask = ConsentRequest{Scopes: scopes, Offline: true, Prompt: "select_account consent", LoginHint: r.LoginHint}
	if known.ID != "" {
		s.planAgain(p, known, grant)
	}
	p.ask.Scopes = append(slices.Clone(signIn), p.ask.Scopes...)
	return nil
}

// services are those asked for; of those that are on by default the ones that
// the workspace has switched on.
func (p *plan) services(known crm.Connection) ([]crm.Service, error) {
	if list := p.request.Services; len(list) > 0 {
		return list, switchedOn(p.products, list...)
	}
	usual := servicesOf(known)
	list := slices.DeleteFunc(slices.Clone(usual), func(one crm.Service) bool { return switchedOn(p.products, one) != nil })
	if len(list) == 0 {
		return nil, switchedOn(p.products, usual...)
	}
	return list, nil
}

// planAgain narrows the question to what an account that is connected already
// lacks. prompt=consent stays: only then does Google give a refresh token that
// carries the new scopes.
func (s *Service) planAgain(p *plan, known crm.Connection, grant Grant) {
	p.ask.Prompt = "consent"
	if p.ask.LoginHint == "" {
		p.ask.LoginHint = known.GoogleSub
	}
	if known.GoogleSub == "" {
		p.ask.Prompt = "select_account consent"
		return
	}
	lacking := Missing(grant.Scopes, p.consent.Scopes)
	// Beside gmail.metadata a broader Gmail scope is worthless, so the old grants
	// must not come along then.
	mixes := MetadataOnly(grant.Scopes) && !slices.Contains(p.consent.Scopes, ScopeGmailMetadata)
	if grant.Status == GrantActive && len(lacking) > 0 && !mixes {
		p.ask.Scopes, p.ask.IncludeGranted = lacking, true
		return
	}
	// Without the old grants, everything that is on has to be asked for again.
	on := slices.DeleteFunc(servicesOf(known), func(one crm.Service) bool { return switchedOn(p.products, one) != nil })
	all, _ := ScopesOf(p.profile, append(slices.Clone(p.consent.Services), on...)...)
	p.consent.Scopes, p.ask.Scopes = all, all
}

// own finds a connection that belongs to the caller.
func (s *Service) own(ctx context.Context, caller access.Caller, id crm.ConnectionID) (crm.Connection, error) {
	c, err := s.Connections.Connection(ctx, caller.Workspace, id)
	if err != nil {
		return crm.Connection{}, fmt.Errorf("finding the connection: %w", err)
	}
	if c.UserID != caller.UserID && caller.Via != access.ViaSystem {
		return crm.Connection{}, fault.New(fault.NotFound, "There is no such connection.")
	}
	return c, nil
}

// grantOf gives the connection's grant, or an empty one when it has none.
func (s *Service) grantOf(ctx context.Context, c crm.Connection) (Grant, error) {
	if c.GrantID == "" {
		return Grant{}, nil
	}
	g, err := s.Grants.Grant(ctx, c.GrantID)
	if fault.Is(err, fault.NotFound) {
		return Grant{}, nil
	}
	if err != nil {
		return Grant{}, fmt.Errorf("loading the grant: %w", err)
	}
	return g, nil
}

// clientFor keeps an account with the client it was connected with, as long as
// that client exists.
func (s *Service) clientFor(ctx context.Context, w crm.WorkspaceID, g Grant) (Client, error) {
	if g.ClientID != "" {
		c, err := s.Clients.Client(ctx, g.ClientID)
		if err == nil || !fault.Is(err, fault.NotFound) {
			return c, err
		}
	}
	c, err := s.Clients.Default(ctx, w)
	if err != nil {
		return Client{}, fmt.Errorf("finding the OAuth client: %w", err)
	}
	return c, nil
}

// start stores the consent and makes the address.
func (s *Service) start(ctx context.Context, c Consent, ask ConsentRequest, client Client) (Started, error) {
	state, err := s.token(32)
	if err != nil {
		return Started{}, err
	}
	verifier, err := s.token(32)
	if err != nil {
		return Started{}, err
	}
	if c.Nonce, err = s.token(16); err != nil {
		return Started{}, err
	}
	if c.RedirectURI == "" {
		c.RedirectURI = client.RedirectURI
	}
	c.StateHash, c.Verifier, c.ClientID = hashOf(state), crm.NewSecret(verifier), client.ID
	c.ExpiresAt = s.now().Add(consentLife)
	if err := s.Consents.PutConsent(ctx, c); err != nil {
		return Started{}, fmt.Errorf("storing the consent under way: %w", err)
	}
	ask.State, ask.Nonce, ask.RedirectURI = state, c.Nonce, c.RedirectURI
	ask.Challenge = oauth2.S256ChallengeFromVerifier(verifier)
	return Started{URL: s.Provider.AuthURL(client, ask), State: state, ExpiresAt: c.ExpiresAt}, nil
}

// servicesOf gives the services that are on for a connection; for a new one
// those that are on by default.
func servicesOf(c crm.Connection) []crm.Service {
	if c.ID == "" {
		return []crm.Service{crm.ServiceGmail, crm.ServiceCalendar}
	}
	var out []crm.Service
	if c.GmailSync {
		out = append(out, crm.ServiceGmail)
	}
	if c.CalendarSync {
		out = append(out, crm.ServiceCalendar)
	}
	if c.ContactsSync {
		out = append(out, crm.ServiceContacts)
	}
	if slices.Contains(c.WantedScopes, ScopeMail) {
		out = append(out, crm.ServiceIMAP)
	}
	return out
}

func unknownServices(p crm.ScopeProfile, unknown []crm.Service) error {
	offered := make([]string, 0, 8)
	for _, s := range Services(p) {
		offered = append(offered, string(s))
	}
	return &fault.Error{Kind: fault.Invalid, Code: "unknown_service",
		Text:   fmt.Sprintf("%q is not available here. Available: %s.", unknown[0], strings.Join(offered, ", ")),
		Fields: map[string]string{"services": "one of " + strings.Join(offered, ", ")}}
}

// checkReturn lets a consent come back to a path of our own UI only.
func checkReturn(to string) error {
	u, err := url.Parse(to)
	if to == "" || err == nil && strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.HasPrefix(u.Path, "//") && !strings.ContainsAny(to+u.Path, "\\\r\n\t") {
		return nil
	}
	return &fault.Error{Kind: fault.Invalid, Text: "The page to return to must be a path of this site.",
		Fields: map[string]string{"return_to": "must begin with one /"}}
}

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

// Callback is what came back from Google's consent page.
type Callback struct {
	State, Code      string
	Error            string // "access_denied", "admin_policy_enforced", "org_internal", ...
	ErrorDescription string
	Issuer           string // parameter "iss" (RFC 9207): checked when present
	// Purposes that may end at this address; empty: all.
	Purposes []string
}

// Outcome of a consent. ReturnTo, Purpose and what it is about are set whenever
// the state was known, also beside an error. ReturnTo is a path of ours; for
// PurposeToken it may be an address on an allowed origin.
type Outcome struct {
	Purpose    string
	ReturnTo   string
	Workspace  crm.WorkspaceID
	User       crm.UserID
	Identity   Identity
	Connection crm.Connection // after connecting
	New        bool           // the account was not connected before
	Missing    []Feature      // what is off because its box was left unticked
	Subject    string         // PurposeToken: whose token it is, and for what
	Service    crm.Service
	Link       crm.LinkID // the connect link the person came by
	Replaced   bool       // PurposeToken: a token of another Google account was held before
}

// Complete finishes a consent: takes the state, redeems the code, verifies the
// identity, and for a connection stores it with its grant. Nothing is stored
// when it fails, save that a refusal by an organisation leaves the connection
// in waiting_for_admin. Errors by Code:
//
//	consent_expired          unknown, used or expired state, or none of Purposes: start again (Invalid)
//	access_denied            the person declined (Forbidden)
//	waiting_for_admin        an administrator has to allow it (Blocked)
//	wrong_account            another account than the connection's, or, where the browser is not
//	                         signed in as the member it is for, than that member's own (Conflict)
//	wrong_user               another person is signed in here (Forbidden)
//	domain_not_allowed       the organisation allows other domains only (Forbidden)
//	refresh_token_missing    Google gave none and we hold none: start again (Conflict)
//	insufficient_scope       PurposeToken: every box was left unticked (Forbidden)
//	link_used                the connect link was used or revoked meanwhile (Conflict)
//	google_unavailable       try again (Unavailable)
func (s *Service) Complete(ctx context.Context, caller access.Caller, cb Callback) (Outcome, error) {
	c, err := s.Consents.TakeConsent(ctx, hashOf(cb.State), s.now())
	if fault.Is(err, fault.NotFound) {
		return Outcome{}, &fault.Error{Kind: fault.Invalid, Code: "consent_expired",
			Text: "This sign-in at Google has expired or was used already. Start again."}
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("taking the consent: %w", err)
	}
	if len(cb.Purposes) > 0 && !slices.Contains(cb.Purposes, c.Purpose) {
		s.auditConsent(ctx, caller, c, "denied", "came back to another address")
		return Outcome{}, &fault.Error{Kind: fault.Invalid, Code: "consent_expired",
			Text: "This consent was begun for something else, and has ended. Nothing was stored. Start again."}
	}
	out := Outcome{Purpose: c.Purpose, ReturnTo: c.ReturnTo, Workspace: c.WorkspaceID, User: c.UserID, Subject: c.Subject, Link: c.LinkID}
	if c.Purpose == PurposeToken && len(c.Services) == 1 {
		out.Service = c.Services[0]
	}
	if err := samePerson(caller, c); err != nil {
		s.auditConsent(ctx, caller, c, "denied", "another user was signed in")
		return out, err
	}
	if cb.Error != "" {
		return out, s.refused(ctx, caller, c, cb)
	}
	if err := s.redeem(ctx, caller, c, cb, &out); err != nil {
		s.auditConsent(ctx, caller, c, "failed", reasonOf(err))
		return out, err
	}
	detail := string(out.Connection.Status)
	if out.Replaced {
		detail = "the Google account changed"
	}
	s.auditConsent(ctx, caller, c, "ok", detail)
	return out, nil
}

// samePerson ties a connection to the browser session that began it, so that
// nobody can be led into linking their mailbox to somebody else's account.
func samePerson(caller access.Caller, c Consent) error {
	switch {
	case c.Purpose == PurposeSignIn, caller.UserID == c.UserID,
		c.Purpose == PurposeLink && caller.Via == access.ViaNobody,
		c.Purpose == PurposeToken && c.UserID == "": // by a signed link
		return nil
	}
	return &fault.Error{Kind: fault.Forbidden, Code: "wrong_user",
		Text: "Sign in as the person who started this connection, then start again."}
}

// refused handles an answer without a code.
func (s *Service) refused(ctx context.Context, caller access.Caller, c Consent, cb Callback) error {
	s.auditConsent(ctx, caller, c, "denied", word(cb.Error))
	switch cb.Error {
	case "access_denied":
		return &fault.Error{Kind: fault.Forbidden, Code: "access_denied",
			Text: "Google did not give access. Either it was declined on Google's page, or your organisation restricts this app, or the app is in testing and your account is not on its list of test users."}
	case "admin_policy_enforced", "org_internal":
		if c.Purpose == PurposeConnect || c.Purpose == PurposeLink {
			if err := s.waitForAdmin(ctx, c, cb.Error); err != nil {
				return err
			}
		}
		return &fault.Error{Kind: fault.Blocked, Code: "waiting_for_admin", Text: waitingText(cb.Error)}
	}
	return &fault.Error{Kind: fault.Invalid, Code: "consent_failed",
		Text: fmt.Sprintf("Google refused the request (%s). Start again; if it stays, tell an administrator.", word(cb.Error))}
}

func waitingText(code string) string {
	if code == "org_internal" {
		return "This app is for members of another organisation only. Ask an administrator to make it available to yours."
	}
	return "Your Google Workspace organisation does not allow this app yet. An administrator has to allow it in Google's Admin console (Security, Access and data control, API controls, Manage third-party app access)."
}

// waitForAdmin keeps the wish as a connection, so that the page can say what it
// waits for.
func (s *Service) waitForAdmin(ctx context.Context, c Consent, code string) error {
	conn, err := s.connectionFor(ctx, c, "")
	if err != nil {
		return err
	}
	conn.WantedScopes = union(conn.WantedScopes, c.Scopes)
	conn.Status, conn.StatusReason, conn.UpdatedAt = crm.StatusWaitingForAdmin, waitingText(code), s.now()
	switchOn(&conn, c.Services)
	if err := s.Connections.Waiting(ctx, conn); err != nil {
		return fmt.Errorf("keeping the connection that waits: %w", err)
	}
	return nil
}

// redeem turns the code into tokens and an identity, and stores a connection.
func (s *Service) redeem(ctx context.Context, caller access.Caller, c Consent, cb Callback, out *Outcome) error {
	if cb.Issuer != "" && !s.Provider.Issued(cb.Issuer) {
		return fault.New(fault.Invalid, "The answer does not come from Google. Start again.")
	}
	if c.Purpose != PurposeSignIn { // an administrator may have blocked it while the consent page was open
		if _, err := s.approved(ctx, c.WorkspaceID); err != nil {
			return err
		}
	}
	if c.Maker != "" { // whoever made the link may have left meanwhile
		if err := s.inOffice(ctx, c.WorkspaceID, c.Maker); err != nil {
			return err
		}
	}
	client, err := s.Clients.Client(ctx, c.ClientID)
	if err != nil {
		return fmt.Errorf("finding the OAuth client: %w", err)
	}
	tokens, err := s.Provider.Exchange(ctx, client, cb.Code, c.Verifier, c.RedirectURI)
	if err != nil {
		return fmt.Errorf("redeeming the code: %w", err)
	}
	if out.Identity, err = s.Provider.Verify(ctx, client, tokens.IDToken, c.Nonce); err != nil {
		return fmt.Errorf("verifying the id token: %w", err)
	}
	if c.Purpose == PurposeSignIn {
		if !out.Identity.EmailVerified {
			return fault.New(fault.Forbidden, "Google has not verified the address of this account.")
		}
		return nil
	}
	if err := s.checkIdentity(ctx, c, out.Identity); err != nil {
		return err
	}
	if err := s.ownAccount(ctx, caller, c, out.Identity); err != nil {
		return err
	}
	if len(tokens.Scopes) == 0 {
		tokens.Scopes = append(slices.Clone(signIn), c.Scopes...) // RFC 6749 5.1: left out means as asked
	}
	keep := s.connect
	if c.Purpose == PurposeToken {
		keep = s.keepToken
	}
	err = keep(ctx, c, tokens, out)
	if fault.Is(err, fault.Conflict) && (codeOf(err) == "" || codeOf(err) == "exists") {
		// The same account was connected in another window meanwhile: join it.
		err = keep(ctx, c, tokens, out)
	}
	return err
}

func (s *Service) checkIdentity(ctx context.Context, c Consent, id Identity) error {
	if c.ExpectedSub != "" && c.ExpectedSub != id.Sub {
		conn, err := s.Connections.Connection(ctx, c.WorkspaceID, c.ConnectionID)
		if err != nil {
			return fmt.Errorf("finding the connection: %w", err)
		}
		return &fault.Error{Kind: fault.Conflict, Code: "wrong_account",
			Text: fmt.Sprintf("You chose %s at Google, but this connection belongs to %s. Nothing was changed: start again and choose that account.", id.Email, conn.GoogleEmail)}
	}
	a, err := s.Approvals.Approval(ctx, c.WorkspaceID)
	if err != nil {
		return fmt.Errorf("reading the organisation's approval: %w", err)
	}
	allowed := slices.ContainsFunc(a.AllowedDomains, func(d string) bool { return strings.EqualFold(d, id.HostedDomain) })
	if len(a.AllowedDomains) > 0 && !allowed {
		return &fault.Error{Kind: fault.Forbidden, Code: "domain_not_allowed",
			Text: "This workspace accepts Google accounts of " + strings.Join(a.AllowedDomains, ", ") + " only."}
	}
	return nil
}

// ownAccount lets a consent that anybody may have been led into, because the
// browser need not be signed in, bring the member's own Google account only: that
// of their address here, the one they sign in with, or one they have connected.
func (s *Service) ownAccount(ctx context.Context, caller access.Caller, c Consent, id Identity) error {
	signedIn := caller.Via == access.ViaSession && caller.UserID == c.UserID
	if signedIn || c.Purpose != PurposeLink && c.LinkID == "" {
		return nil
	}
	member, err := s.People.Person(ctx, c.WorkspaceID, c.UserID)
	if err != nil {
		return fmt.Errorf("finding the member: %w", err)
	}
	if id.EmailVerified && strings.EqualFold(id.Email, member.Email) || member.GoogleSub != "" && id.Sub == member.GoogleSub {
		return nil
	}
	_, err = s.Connections.FindConnection(ctx, c.WorkspaceID, c.UserID, id.Sub)
	if err == nil || !fault.Is(err, fault.NotFound) {
		return err
	}
	return &fault.Error{Kind: fault.Conflict, Code: "wrong_account",
		Text: fmt.Sprintf("You chose %s at Google, but this is for %s. Nothing was stored: start again and choose that account, or sign in here first to connect another one.", id.Email, member.Email)}
}

// connect merges what came with what is known and stores both.
func (s *Service) connect(ctx context.Context, c Consent, t Tokens, out *Outcome) error {
	conn, err := s.connectionFor(ctx, c, out.Identity.Sub)
	if err != nil {
		return err
	}
	out.New = conn.GrantID == ""
	grant, err := s.grantFor(ctx, c, out.Identity)
	if err != nil {
		return err
	}
	if err := s.fill(&grant, t, out.Identity); err != nil {
		return err
	}
	s.describe(&conn, c, grant)
	if c.LinkID != "" {
		err = s.Connections.GrantedByLink(ctx, conn, grant, c.LinkID)
	} else {
		err = s.Connections.Granted(ctx, conn, grant)
	}
	if err != nil {
		return fmt.Errorf("storing the connection: %w", err)
	}
	s.changed(grant)
	out.Connection = conn
	out.Missing = Describe(Missing(conn.GrantedScopes, conn.WantedScopes))
	return nil
}

// connectionFor finds the connection a consent is about, or makes one: the one
// it was begun for, the account's, or the one that waited for an administrator.
func (s *Service) connectionFor(ctx context.Context, c Consent, sub string) (crm.Connection, error) {
	if c.ConnectionID != "" {
		conn, err := s.Connections.Connection(ctx, c.WorkspaceID, c.ConnectionID)
		if err == nil || !fault.Is(err, fault.NotFound) {
			return conn, err
		}
	}
	for _, who := range []string{sub, ""} {
		conn, err := s.Connections.FindConnection(ctx, c.WorkspaceID, c.UserID, who)
		if err == nil {
			return conn, nil
		}
		if !fault.Is(err, fault.NotFound) {
			return crm.Connection{}, fmt.Errorf("looking for the account's connection: %w", err)
		}
	}
	id, err := crm.NewID(s.now(), s.random())
	return crm.Connection{
		ID: crm.ConnectionID(id), WorkspaceID: c.WorkspaceID, UserID: c.UserID, Provider: crm.ProviderGoogle,
		Status: crm.StatusConnecting, Settings: crm.DefaultSettings(), CreatedAt: s.now(),
	}, err
}

func (s *Service) grantFor(ctx context.Context, c Consent, id Identity) (Grant, error) {
	g, err := s.Grants.FindGrant(ctx, c.WorkspaceID, c.UserID, id.Sub, c.ClientID)
	if err == nil {
		return g, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return Grant{}, fmt.Errorf("looking for the account's grant: %w", err)
	}
	gid, err := crm.NewID(s.now(), s.random())
	return Grant{
		ID: crm.GrantID(gid), WorkspaceID: c.WorkspaceID, UserID: c.UserID,
		ClientID: c.ClientID, CreatedAt: s.now(),
	}, err
}

// fill puts new tokens into a grant.
func (s *Service) fill(g *Grant, t Tokens, id Identity) error {
	if g.Status == GrantSealed && t.Refresh.IsZero() {
		if _, err := s.Sealer.Open(string(g.ID), fieldRefresh, g.SealedRefresh); err != nil {
			g.SealedRefresh = ""
		}
	}
	if err := s.Sealer.sealInto(g, t); err != nil {
		return err
	}
	if g.SealedRefresh == "" {
		return &fault.Error{Kind: fault.Conflict, Code: "refresh_token_missing",
			Text: "Google gave no lasting access. Start again and confirm the permissions on Google's page."}
	}
	now := s.now()
	if !t.Refresh.IsZero() {
		g.ConsentedAt, g.RefreshExpiresAt = now, time.Time{}
	}
	g.note(t, now)
	g.GoogleSub, g.GoogleEmail, g.HostedDomain, g.Scopes = id.Sub, id.Email, &id.HostedDomain, canonical(t.Scopes)
	g.Status, g.Failures, g.RetryAt = GrantActive, 0, time.Time{}
	g.LastUsedAt, g.UpdatedAt = now, now
	return nil
}

// describe brings a connection in line with its grant.
func (s *Service) describe(conn *crm.Connection, c Consent, g Grant) {
	conn.GrantID, conn.GoogleSub, conn.GoogleEmail = g.ID, g.GoogleSub, g.GoogleEmail
	conn.GrantedScopes = g.Scopes
	switchOn(conn, c.Services)
	conn.WantedScopes = union(conn.WantedScopes, c.Scopes)
	if slices.Contains(c.Scopes, ScopeGmailMetadata) != slices.Contains(conn.WantedScopes, ScopeGmailMetadata) {
		// The profile was widened since: the narrow scope is not wanted beside the broad one.
		conn.WantedScopes = slices.DeleteFunc(conn.WantedScopes, func(x string) bool { return x == ScopeGmailMetadata })
	}
	conn.UpdatedAt = s.now()
	if conn.Status == crm.StatusPaused {
		return
	}
	conn.Status, conn.StatusReason = Standing(conn.GrantedScopes, conn.WantedScopes)
}

// Standing is the status of a connection whose grant works: active, or degraded
// with the reason where wanted scopes are not granted.
func Standing(granted, wanted []string) (crm.ConnectionStatus, string) {
	off := Describe(Missing(granted, wanted))
	if len(off) == 0 {
		return crm.StatusActive, ""
	}
	names := make([]string, len(off))
	for i, f := range off {
		names[i] = f.Name
	}
	return crm.StatusDegraded, "Not permitted at Google: " + strings.Join(names, ", ") + "."
}

func switchOn(conn *crm.Connection, list []crm.Service) {
	for _, s := range list {
		switch s {
		case crm.ServiceGmail:
			conn.GmailSync = true
		case crm.ServiceCalendar:
			conn.CalendarSync = true
		case crm.ServiceContacts:
			conn.ContactsSync = true
		}
	}
}

func canonical(scopes []string) []string {
	out := make([]string, 0, len(scopes))
	for _, s := range scopes {
		out = append(out, Canonical(s))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

func (s *Service) auditConsent(ctx context.Context, caller access.Caller, c Consent, outcome, detail string) {
	row := access.Audit{
		Workspace: c.WorkspaceID, UserID: c.UserID, Via: caller.Via, KeyID: caller.KeyID, Action: "connection.connect",
		Target: string(c.ConnectionID), Outcome: outcome, Detail: detail, Remote: caller.Remote,
	}
	switch c.Purpose {
	case PurposeSignIn:
		row.Action = "login.google"
	case PurposeToken:
		row.Action = "token.authorize"
		for _, name := range c.Services {
			row.Detail = strings.TrimSuffix(string(name)+": "+detail, ": ")
		}
	}
	s.audit(ctx, row)
}

// word makes text from outside fit for the audit trail: a short code or nothing.
func word(text string) string {
	if len(text) > 40 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "unknown_error"
	}
	return text
}

func codeOf(err error) string {
	var e *fault.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// reasonOf is the code or kind of an error: what an audit row may say of it.
func reasonOf(err error) string {
	if code := codeOf(err); code != "" {
		return code
	}
	return fault.Of(err).String()
}

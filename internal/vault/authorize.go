package vault

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// LinkLife is how long a signed authorize link is good for.
const LinkLife = 7 * 24 * time.Hour

// TokenRequest is a wish for a grant of the token service.
type TokenRequest struct {
	Subject string // whose token it becomes: 1 to 200 characters; own session: the own id, or ""
	Service crm.Service
	// Redirect is where the browser goes afterwards: an address on one of
	// AllowedOrigins or on our own, a path of ours, or "".
	Redirect    string
	RedirectURI string // the consent comes back to; empty: the client's
	LoginHint   string
}

// SignedLink is an authorize link as it came back. The zero value is none.
type SignedLink struct {
	Workspace crm.WorkspaceID
	Subject   string
	Service   crm.Service
	Redirect  string
	Expires   time.Time // whole seconds
	Signature string    // base64url of the HMAC-SHA256
}

// AuthorizeLink makes an address that lets whoever opens it give the subject's
// tokens for a service, good for LinkLife and while its maker is in office. An
// API key may make one that may vend them and whose maker is an administrator,
// or an administrator's own session: fault.Forbidden with Code
// administrator_needed for others, who need none for their own tokens.
// fault.Blocked while the organisation has not approved.
func (s *Service) AuthorizeLink(ctx context.Context, c access.Caller, subject string, service crm.Service, redirect string) (address string, expires time.Time, err error) {
	if err := s.mayLink(c, subject, service); err != nil {
		return "", time.Time{}, err
	}
	if err := s.checkRedirect(redirect); err != nil {
		return "", time.Time{}, err
	}
	a, err := s.approved(ctx, c.Workspace)
	if err != nil {
		return "", time.Time{}, err
	}
	if _, err := s.tokenScopes(a, service); err != nil {
		return "", time.Time{}, err
	}
	address, expires = s.link(place{workspace: c.Workspace, subject: subject, service: service, maker: s.makerOfLink(c)}, redirect)
	if address == "" {
		return "", time.Time{}, fault.New(fault.Internal, "no keys are configured to sign links with")
	}
	s.audit(ctx, access.Audit{Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via,
		Action: "token.link", Target: string(service), Outcome: "ok", Remote: c.Remote})
	return address, expires, nil
}

// mayLink says who may make links.
func (s *Service) mayLink(c access.Caller, subject string, service crm.Service) error {
	open := s.Open && c.Workspace != ""
	trusted := open || c.Via == access.ViaSystem
	if !trusted && (c.Via == access.ViaNobody || c.UserID == "") {
		return fault.New(fault.Unauthenticated, "Sign in first, or send an API key.")
	}
	if err := s.known(service); err != nil {
		return err
	}
	if !trusted && c.Via == access.ViaKey {
		if err := access.AllowVend(c, service, subject); err != nil {
			return err
		}
	}
	byAdministrator := c.Administers() && (c.Via == access.ViaKey || c.Via == access.ViaSession)
	if !trusted && !byAdministrator {
		return &fault.Error{Kind: fault.Forbidden, Code: "administrator_needed",
			Text: "Links for others are made by administrators, or with an API key of theirs. For your own tokens open /oauth/authorize while you are signed in."}
	}
	return checkSubject(subject)
}

// Makers of links, as they stand in the signature before an id.
const (
	madeByKey    = "key:"
	madeByPerson = "user:"
	madeByOpen   = "open:" // anybody, in an open house
)

// makerOfLink is who answers for the links of a caller; "" for nobody.
func (s *Service) makerOfLink(c access.Caller) string {
	switch {
	case c.KeyID != "":
		return madeByKey + string(c.KeyID)
	case c.UserID != "" && c.Administers():
		return madeByPerson + string(c.UserID)
	case s.Open:
		return madeByOpen
	}
	return ""
}

// ownAddress is where a signed-in person authorises for themselves.
func (s *Service) ownAddress(p place) string {
	if s.PublicURL == "" {
		return ""
	}
	return s.PublicURL + "/oauth/authorize?" + p.query().Encode()
}

func (p place) query() url.Values {
	return url.Values{"userId": {p.subject}, "service": {string(p.service)}, "workspace_id": {string(p.workspace)}}
}

// link signs an authorize address; "" without keys, address or maker.
func (s *Service) link(p place, redirect string) (string, time.Time) {
	if len(s.LinkKeys) == 0 || s.PublicURL == "" || p.maker == "" {
		return "", time.Time{}
	}
	l := SignedLink{Workspace: p.workspace, Subject: p.subject, Service: p.service, Redirect: redirect, Expires: s.now().Add(LinkLife).Truncate(time.Second)}
	q := p.query()
	q.Set("expires", strconv.FormatInt(l.Expires.Unix(), 10))
	q.Set("signature", base64.RawURLEncoding.EncodeToString(l.mac(s.LinkKeys[0], p.maker))+"."+p.maker)
	if redirect != "" {
		q.Set("redirect", redirect)
	}
	return s.PublicURL + "/oauth/authorize?" + q.Encode(), l.Expires
}

// mac signs every part with its length before it, so that no two links are the
// same text.
func (l SignedLink) mac(key []byte, maker string) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range []string{"rapport authorize link v2", maker, string(l.Workspace), l.Subject, string(l.Service), l.Redirect,
		strconv.FormatInt(l.Expires.Unix(), 10)} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

// signed checks a link: the time it takes says nothing about the signature.
func (s *Service) signed(ctx context.Context, l SignedLink) (madeBy string, err error) {
	mac, maker, _ := strings.Cut(l.Signature, ".")
	given, err := base64.RawURLEncoding.DecodeString(mac)
	good := false
	for _, key := range s.LinkKeys {
		good = hmac.Equal(l.mac(key, maker), given) || good
	}
	if !good || err != nil {
		return "", &fault.Error{Kind: fault.Forbidden, Code: "link_invalid", Text: "This link is not complete, or was changed. Ask for a new one."}
	}
	if now := s.now(); !now.Before(l.Expires) || l.Expires.Sub(now) > LinkLife+time.Minute {
		return "", &fault.Error{Kind: fault.Forbidden, Code: "link_expired", Text: "This link has expired. Ask for a new one."}
	}
	return maker, s.inOffice(ctx, l.Workspace, maker)
}

// inOffice lets a link end with the key or the office of whoever made it.
func (s *Service) inOffice(ctx context.Context, w crm.WorkspaceID, maker string) error {
	var by Person
	err := error(fault.New(fault.NotFound, "nobody made this link"))
	if id, is := strings.CutPrefix(maker, madeByKey); is {
		by, err = s.People.KeyMaker(ctx, w, crm.KeyID(id), s.now())
	} else if id, is := strings.CutPrefix(maker, madeByPerson); is {
		by, err = s.People.Person(ctx, w, crm.UserID(id))
	} else if maker == madeByOpen && s.Open {
		return nil
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("finding who made the link: %w", err)
	}
	if err != nil || !(access.Caller{Role: by.Role}).Administers() {
		return &fault.Error{Kind: fault.Forbidden, Code: "link_expired",
			Text: "This link has ended: the API key or the person that made it is no longer allowed to. Ask for a new one."}
	}
	return nil
}

// Authorize starts a consent for the token service and gives the address to
// send the browser to. Without a link the caller's own session asks for its own
// id; a good link stands for whoever made it, and its subject, service, redirect
// and workspace count, a login hint does not. When the subject is a member of the
// workspace, the browser must be signed in as that member with a link too:
// fault.Unauthenticated with Code sign_in_first, or fault.Forbidden with
// wrong_user. The browser gets Started.State as a cookie: the consent
// has to come back to it.
func (s *Service) Authorize(ctx context.Context, c access.Caller, link SignedLink, r TokenRequest) (Started, error) {
	consent := Consent{Purpose: PurposeToken, WorkspaceID: c.Workspace, RedirectURI: r.RedirectURI}
	switch {
	case link != SignedLink{}:
		var err error
		if consent.Maker, err = s.signed(ctx, link); err != nil {
			return Started{}, err
		}
		consent.WorkspaceID = link.Workspace
		r.Subject, r.Service, r.Redirect, r.LoginHint = link.Subject, link.Service, link.Redirect, ""
		if consent.UserID, err = s.signedInAs(ctx, c, link); err != nil {
			return Started{}, err
		}
	case s.Open && c.Workspace != "":
	default:
		if err := ownConsent(c, &r); err != nil {
			return Started{}, err
		}
		consent.UserID = c.UserID
	}
	if err := s.checkRequest(r); err != nil {
		return Started{}, err
	}
	approval, err := s.approved(ctx, consent.WorkspaceID)
	if err != nil {
		return Started{}, err
	}
	consent.Subject, consent.ReturnTo, consent.Services = r.Subject, r.Redirect, []crm.Service{r.Service}
	if consent.Scopes, err = s.tokenScopes(approval, r.Service); err != nil {
		return Started{}, err
	}
	return s.startToken(ctx, consent, r)
}

// signedInAs gives the member that a link is about, who has to be the one in
// front of the browser; "" when the subject is nobody of ours.
func (s *Service) signedInAs(ctx context.Context, c access.Caller, link SignedLink) (crm.UserID, error) {
	member, err := s.People.Person(ctx, link.Workspace, crm.UserID(link.Subject))
	switch {
	case fault.Is(err, fault.NotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("finding the member: %w", err)
	case c.Via != access.ViaSession || c.UserID == "":
		return "", signInFirst("This link is for a member of this workspace. Sign in first.")
	case c.UserID != member.ID:
		return "", &fault.Error{Kind: fault.Forbidden, Code: "wrong_user",
			Text: "This link is for another member of this workspace. Sign in as that person, then open it again."}
	}
	return member.ID, nil
}

func signInFirst(text string) error {
	return &fault.Error{Kind: fault.Unauthenticated, Code: "sign_in_first", Text: text}
}

// ownConsent lets a session ask for its own id.
func ownConsent(c access.Caller, r *TokenRequest) error {
	if c.Via == access.ViaNobody || c.UserID == "" {
		return signInFirst("Sign in first, or use a signed link.")
	}
	if r.Subject == "" {
		r.Subject = string(c.UserID)
	}
	if c.Via != access.ViaSession || r.Subject != string(c.UserID) {
		return &fault.Error{Kind: fault.Forbidden, Code: "link_needed",
			Text: "This needs a signed link, which a program makes with its API key (POST /api/v1/tokens/authorize-links)."}
	}
	return nil
}

func (s *Service) checkRequest(r TokenRequest) error {
	if err := checkSubject(r.Subject); err != nil {
		return err
	}
	if err := s.known(r.Service); err != nil {
		return err
	}
	return s.checkRedirect(r.Redirect)
}

// tokenScopes are what a service asks for in a workspace.
func (s *Service) tokenScopes(a crm.Approval, service crm.Service) ([]string, error) {
	scopes, err := s.scopesFor(a.Profile, service)
	if err != nil {
		return nil, err
	}
	if slices.Contains(named, service) { // what the operator adds has no switch of its own
		err = switchedOn(a.Products, service)
	}
	return scopes, err
}

// startToken chooses client and prompt. Google gives a refresh token only with
// its consent page, so the page is left out only where we hold one that serves.
func (s *Service) startToken(ctx context.Context, consent Consent, r TokenRequest) (Started, error) {
	held, err := s.TokenGrants.ServiceGrant(ctx, consent.WorkspaceID, r.Subject, r.Service)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Started{}, fmt.Errorf("looking for a grant: %w", err)
	}
	living := err == nil && held.Status == GrantActive
	if !living {
		held.ClientID = "" // a new consent is made with the client of today
	}
	client, err := s.clientFor(ctx, consent.WorkspaceID, held)
	if err != nil {
		return Started{}, err
	}
	ask := ConsentRequest{Scopes: append(slices.Clone(signIn), consent.Scopes...), Offline: true, Prompt: "select_account consent", LoginHint: r.LoginHint}
	if living && held.SealedRefresh != "" && len(Missing(held.Scopes, consent.Scopes)) == 0 && (r.LoginHint == "" || r.LoginHint == held.GoogleEmail) {
		ask.Prompt, ask.LoginHint = "", held.GoogleSub
		if consent.Maker != "" && consent.UserID == "" { // whoever holds the link need not know whose account it is
			ask.Prompt, ask.LoginHint = "select_account", ""
		}
	}
	return s.start(ctx, consent, ask, client)
}

const subjectMost = 200

// checkSubject lets a subject be any text of 1 to 200 characters that can be
// printed.
func checkSubject(subject string) error {
	if subject != "" && utf8.ValidString(subject) && utf8.RuneCountInString(subject) <= subjectMost &&
		!strings.ContainsFunc(subject, unicode.IsControl) {
		return nil
	}
	return &fault.Error{Kind: fault.Invalid, Code: "bad_user_id", Text: "A user id is a text of 1 to 200 characters.",
		Fields: map[string]string{"user_id": "must be 1 to 200 printable characters"}}
}

// checkRedirect lets a consent lead on to our own pages and to registered
// origins only.
func (s *Service) checkRedirect(to string) error {
	if checkReturn(to) == nil {
		return nil
	}
	if origin := originOf(to); origin != "" {
		if origin == originOf(s.PublicURL) || slices.ContainsFunc(s.AllowedOrigins, func(o string) bool { return originOf(o) == origin }) {
			return nil
		}
	}
	return &fault.Error{Kind: fault.Invalid, Code: "redirect_not_allowed",
		Text:   "The address to go on to must be on an origin registered here (ALLOWED_ORIGINS).",
		Fields: map[string]string{"redirect": "must be on a registered origin"}}
}

// originOf gives scheme, host and port of an http address as browsers compare
// them; "" for everything else.
func originOf(address string) string {
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == '\\' || r == utf8.RuneError || unicode.IsControl(r) }) {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Opaque != "" || u.Hostname() == "" {
		return ""
	}
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	usual, ok := map[string]string{"http": "80", "https": "443"}[scheme]
	if !ok {
		return ""
	}
	if port == "" {
		port = usual
	}
	return scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

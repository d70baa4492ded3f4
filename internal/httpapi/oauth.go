package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/vault"
)

const (
	oauthPath     = "/oauth"
	oauthCallback = oauthPath + "/callback"
	againCookie   = "rapport_again" // the query of the last /oauth/authorize, for "start again"
	againLife     = time.Hour
)

// authorizeFields are the parameters of /oauth/authorize.
var authorizeFields = []string{"userId", "service", "redirect", "workspace_id", "expires", "signature", "login_hint"}

const (
	longestField = 2000
	// authorizesAMinute is how often an address may begin to authorise: each time a
	// row is kept until it is over.
	authorizesAMinute = 120
)

// authorize answers GET /oauth/authorize: it sends the browser to Google.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	q := r.URL.Query()
	for _, name := range authorizeFields {
		if len(q.Get(name)) > longestField {
			return s.tokenTrouble(w, r, &fault.Error{Kind: fault.Invalid, Text: "The " + name + " of this link is too long.", Fields: map[string]string{name: "must have at most 2,000 bytes"}}, "")
		}
	}
	if wait := s.authorizing.wait(s.Now(), c.Remote, authorizesAMinute); wait > 0 {
		return &fault.Error{Kind: fault.Throttled, After: wait, Text: "Authorising was begun too often from here. Wait " + wait.Round(time.Second).String() + " and try again."}
	}
	started, err := s.beginAuthorize(r, c, q)
	if err != nil {
		return s.tokenTrouble(w, r, err, "/oauth/authorize?"+known(q).Encode())
	}
	state := s.cookie(crm.NewSecret(started.State), started.ExpiresAt)
	state.Name, state.Path = stateName("rapport_oauth_", started.State), oauthPath
	http.SetCookie(w, &state)
	again := s.cookie(crm.NewSecret(base64URL(known(q).Encode())), s.Now().Add(againLife))
	again.Name, again.Path = againCookie, oauthPath
	http.SetCookie(w, &again)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", started.URL)
	w.WriteHeader(http.StatusFound)
	return nil
}

func (s *Server) beginAuthorize(r *http.Request, c access.Caller, q url.Values) (vault.Started, error) {
	wish := vault.TokenRequest{
		Subject: q.Get("userId"), Service: crm.Service(q.Get("service")), Redirect: q.Get("redirect"),
		LoginHint: q.Get("login_hint"), RedirectURI: s.PublicURL + oauthCallback,
	}
	var started vault.Started
	if q.Has("signature") || q.Has("expires") {
		link := vault.SignedLink{
			Workspace: crm.WorkspaceID(q.Get("workspace_id")), Subject: wish.Subject, Service: wish.Service, Redirect: wish.Redirect,
			Expires: unixTime(q.Get("expires")), Signature: q.Get("signature"),
		}
		err := s.guess(r.Context(), c, guessSignature, func() (err error) {
			started, err = s.Vault.Authorize(r.Context(), c, link, wish)
			return err
		})
		var f *fault.Error
		if errors.As(err, &f) && f.Code == "sign_in_first" {
			return started, &fault.Error{Kind: f.Kind, Code: f.Code, Text: f.Text, Action: signInFor(r), Err: err}
		}
		return started, err
	}
	c, err := s.authorizer(r, c)
	if err != nil {
		return started, err
	}
	return s.Vault.Authorize(r.Context(), c, vault.SignedLink{}, wish)
}

// authorizer puts a caller without a link into their workspace.
func (s *Server) authorizer(r *http.Request, c access.Caller) (access.Caller, error) {
	switch {
	case c.Via != access.ViaNobody:
		return s.broker(r, c)
	case s.Vault.Open && !forwarded(r):
		return s.anybody(r, c)
	}
	return c, &fault.Error{Kind: fault.Unauthenticated, Text: "Sign in first, or open the link that the program made for you.", Action: signInFor(r)}
}

// signInFor is the address that signs in and comes back to what was asked for.
func signInFor(r *http.Request) string {
	return "/login?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
}

// known keeps the parameters of /oauth/authorize and drops all others.
func known(q url.Values) url.Values {
	out := url.Values{}
	for _, name := range authorizeFields {
		if v := q.Get(name); v != "" {
			out.Set(name, v)
		}
	}
	return out
}

// oauthDone answers GET /oauth/callback, where Google sends the browser back.
func (s *Server) oauthDone(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	q := r.URL.Query()
	state := q.Get("state")
	again := s.startAgain(r)
	name := stateName("rapport_oauth_", state)
	begun, err := r.Cookie(name)
	if state == "" || err != nil || subtle.ConstantTimeCompare([]byte(begun.Value), []byte(state)) != 1 {
		return s.tokenTrouble(w, r, &fault.Error{Kind: fault.Invalid, Code: "consent_expired",
			Text: "This consent was begun in another browser, has expired, or was finished already. Nothing was stored. Start again."}, again)
	}
	gone := s.cookie(crm.Secret{}, time.Unix(1, 0))
	gone.Name, gone.Path, gone.MaxAge = name, oauthPath, -1
	http.SetCookie(w, &gone)
	outcome, err := s.Vault.Complete(r.Context(), c, vault.Callback{State: state, Code: q.Get("code"), Error: q.Get("error"), Issuer: q.Get("iss"), Purposes: []string{vault.PurposeToken}})
	if outcome.ReturnTo != "" {
		return s.sendBack(w, r, c, outcome, err)
	}
	if err != nil {
		return s.tokenTrouble(w, r, err, again)
	}
	return s.tokenSuccess(w, outcome)
}

// sendBack sends the browser to the address that the program had asked for.
func (s *Server) sendBack(w http.ResponseWriter, r *http.Request, c access.Caller, outcome vault.Outcome, failed error) error {
	back := outcome.ReturnTo
	if strings.HasPrefix(back, "/") { // else it is on a registered origin
		back = s.ownPath(back, "/crm")
	}
	to, err := url.Parse(back)
	if err != nil {
		return fmt.Errorf("reading the address to go back to: %w", err)
	}
	q := to.Query()
	q.Set("service", string(outcome.Service))
	switch {
	case failed != nil:
		p := problemOf(failed, c.RequestID)
		logFailure(r.Context(), failed, p)
		q.Set("error", p.Code)
		q.Set("error_description", p.Detail)
		q.Set("google", outcomeOf(p.Code))
	case len(outcome.Missing) > 0:
		q.Set("google", "degraded")
	default:
		q.Set("google", "connected")
	}
	to.RawQuery = q.Encode()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusFound)
	return nil
}

// startAgain is the address that the browser's last consent was begun at; "" when
// that is not known.
func (s *Server) startAgain(r *http.Request) string {
	c, err := r.Cookie(againCookie)
	if err != nil {
		return ""
	}
	q, err := url.ParseQuery(fromBase64URL(c.Value))
	if err != nil || q.Get("service") == "" {
		return ""
	}
	return "/oauth/authorize?" + known(q).Encode()
}

// stateName names the cookie of a consent: several may be under way at once.
func stateName(prefix, state string) string {
	sum := sha256.Sum256([]byte(state))
	return prefix + hex.EncodeToString(sum[:6])
}

// Kinds of tokens that somebody may make up. Each is counted by itself.
const (
	guessSignature  = "signature"
	guessLink       = "connect-link"
	guessInvitation = "invitation"
)

// guess lets an address try a token that it may have made up. A right one always
// passes. Only wrong ones are counted: so many are free, then they are answered
// with 429 for up to a minute.
func (s *Server) guess(ctx context.Context, c access.Caller, kind string, try func() error) error {
	wrong := try()
	var f *fault.Error
	if !fault.Is(wrong, fault.NotFound) && !(errors.As(wrong, &f) && f.Code == "link_invalid") {
		return wrong
	}
	wait, err := s.Org.Store.Attempt(ctx, s.Now(), org.GuessKey+kind+":"+access.Line(c.Remote))
	if err != nil {
		return fmt.Errorf("counting the attempt: %w", err)
	}
	if wait > 0 {
		return &fault.Error{Kind: fault.Throttled, After: wait, Text: "Too many links that do not exist were tried from here. Wait " + wait.Round(time.Second).String() + " and try again.", Err: wrong}
	}
	return wrong
}

// wantsPage reports whether somebody looks at the answer in a browser.
func wantsPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

package httpapi

import (
	"context"
	"crypto/subtle"
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
	sessionCookie = "rapport_session"
	// hostCookie is its name on https: browsers take it from this host alone, so
	// that a neighbour in the domain cannot put another session in its place
	// (RFC 6265bis, "The __Host- Prefix").
	hostCookie  = "__Host-" + sessionCookie
	stateCookie = "rapport_state"
)

// presented is what a request shows to say who it is from.
func (s *Server) presented(r *http.Request) org.Presented {
	p := org.Presented{Remote: r.RemoteAddr}
	if scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		p.Bearer = crm.NewSecret(strings.TrimSpace(value))
		return p
	}
	if c, err := r.Cookie(s.sessionName()); err == nil {
		p.Session = crm.NewSecret(c.Value)
	}
	return p
}

func callerOf(ctx context.Context) access.Caller {
	c, _ := ctx.Value(keyCaller).(access.Caller)
	return c
}

type nothing struct{}

type bodyOf[T any] struct {
	Body T
}

type setupOutput struct {
	Cookie http.Cookie `header:"Set-Cookie"`
	Body   Me
}

func (s *Server) getSetup(ctx context.Context, _ access.Caller, _ *nothing) (*bodyOf[SetupState], error) {
	needed, err := s.Org.NeedsSetup(ctx)
	if err != nil {
		return nil, err
	}
	return &bodyOf[SetupState]{SetupState{Needed: needed, GoogleSignIn: s.googleSignIn(ctx)}}, nil
}

func (s *Server) googleSignIn(ctx context.Context) bool {
	return s.GoogleSignIn != nil && s.GoogleSignIn(ctx)
}

// browserInput is what an operation that signs a browser in wants to know of it.
type browserInput[T any] struct {
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      T
}

func (s *Server) setup(ctx context.Context, c access.Caller, in *browserInput[SetupRequest]) (*setupOutput, error) {
	b := in.Body
	user, err := s.Org.Setup(ctx, org.FirstOwner{
		Workspace: b.WorkspaceName, Name: b.Name, Email: b.Email, Password: crm.NewSecret(b.Password), Remote: c.Remote,
	})
	if err != nil {
		return nil, err
	}
	return s.open(ctx, c, user, in.UserAgent)
}

func (s *Server) login(ctx context.Context, c access.Caller, in *browserInput[Credentials]) (*setupOutput, error) {
	user, err := s.Org.SignIn(ctx, in.Body.Email, crm.NewSecret(in.Body.Password), c.Remote)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, c, user, in.UserAgent)
}

// open makes a session for the user and answers with its cookie.
func (s *Server) open(ctx context.Context, c access.Caller, user crm.User, agent string) (*setupOutput, error) {
	token, expires, err := s.Org.OpenSession(ctx, user, c.Remote, agent)
	if err != nil {
		return nil, err
	}
	me, err := s.me(ctx, user)
	if err != nil {
		return nil, err
	}
	return &setupOutput{Cookie: s.cookie(token, expires), Body: me}, nil
}

func (s *Server) sessionName() string {
	if s.secure() {
		return hostCookie
	}
	return sessionCookie
}

func (s *Server) cookie(token crm.Secret, expires time.Time) http.Cookie {
	return http.Cookie{
		Name: s.sessionName(), Value: token.Reveal(), Path: "/", Expires: expires,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.secure(),
	}
}

func (s *Server) createToken(ctx context.Context, c access.Caller, in *bodyOf[Credentials]) (*bodyOf[Token], error) {
	user, err := s.Org.SignIn(ctx, in.Body.Email, crm.NewSecret(in.Body.Password), c.Remote)
	if err != nil {
		return nil, err
	}
	token, life, err := s.Org.IssueToken(user)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Token]{Token{AccessToken: token.Reveal(), TokenType: "Bearer", ExpiresIn: int(life / time.Second)}}, nil
}

type logoutInput struct {
	Session string `cookie:"rapport_session" hidden:"true"`
	OfHost  string `cookie:"__Host-rapport_session" hidden:"true"`
}

type logoutOutput struct {
	Cookie http.Cookie `header:"Set-Cookie"`
}

func (s *Server) logout(ctx context.Context, _ access.Caller, in *logoutInput) (*logoutOutput, error) {
	shown := in.Session
	if s.secure() {
		shown = in.OfHost
	}
	if shown != "" {
		if err := s.Org.CloseSession(ctx, crm.NewSecret(shown)); err != nil {
			return nil, err
		}
	}
	return &logoutOutput{s.endedCookie()}, nil
}

// endedCookie makes the browser forget its session.
func (s *Server) endedCookie() http.Cookie {
	c := s.cookie(crm.Secret{}, time.Unix(1, 0))
	c.MaxAge = -1
	return c
}

type googleLoginInput struct {
	ReturnTo string `query:"return_to" maxLength:"2000" doc:"Path of our own pages to come back to."`
}

type redirectOutput struct {
	Location string        `header:"Location"`
	Cookie   []http.Cookie `header:"Set-Cookie"`
}

// signInsAMinute is how often an address may begin to sign in at Google: each
// time a row is kept until it is over.
const signInsAMinute = 30

func (s *Server) googleLogin(ctx context.Context, c access.Caller, in *googleLoginInput) (*redirectOutput, error) {
	if wait := s.signIns.wait(s.Now(), c.Remote, signInsAMinute); wait > 0 {
		return nil, &fault.Error{Kind: fault.Throttled, After: wait, Text: "Signing in at Google was begun too often from here. Wait " + wait.Round(time.Second).String() + " and try again."}
	}
	started, err := s.Vault.Begin(ctx, c, vault.Request{
		Purpose: vault.PurposeSignIn, ReturnTo: s.ownPath(in.ReturnTo, "/crm"), RedirectURI: s.PublicURL + base + "/auth/google/callback",
	})
	if err != nil {
		return s.backToLogin(ctx, c, err), nil
	}
	return &redirectOutput{Location: started.URL, Cookie: []http.Cookie{s.stateCookie(started.State, started.ExpiresAt)}}, nil
}

// accountPage is the page of the web application about oneself.
const accountPage = "/crm/settings/account"

// stateCookie ties a sign-in at Google to the browser that began it, so that
// nobody can be signed in as somebody else by following a link.
func (s *Server) stateCookie(state string, expires time.Time) http.Cookie {
	c := s.cookie(crm.NewSecret(state), expires)
	c.Name, c.Path = stateCookie, base+"/auth/google"
	return c
}

type callbackInput struct {
	WorkspaceID string `path:"workspace_id"`
	AnyCallback
}

// AnyCallback is what Google sends to a callback.
type AnyCallback struct {
	State     string `query:"state" maxLength:"2000"`
	Code      string `query:"code" maxLength:"4000"`
	Error     string `query:"error" maxLength:"200"`
	Issuer    string `query:"iss" maxLength:"500"`
	UserAgent string `header:"User-Agent" hidden:"true"`
	Begun     string `cookie:"rapport_state" hidden:"true"`
	Cookies   string `header:"Cookie" hidden:"true"`
}

// answer is what Google sent to an address where consents of these purposes end.
func (in AnyCallback) answer(purposes ...string) vault.Callback {
	return vault.Callback{State: in.State, Code: in.Code, Error: in.Error, Issuer: in.Issuer, Purposes: purposes}
}

func (s *Server) googleLoginCallback(ctx context.Context, c access.Caller, in *AnyCallback) (*redirectOutput, error) {
	if subtle.ConstantTimeCompare([]byte(in.Begun), []byte(in.State)) != 1 {
		return s.backToLogin(ctx, c, &fault.Error{Kind: fault.Invalid, Code: "consent_expired", Text: "This sign-in was begun in another browser. Start again."}), nil
	}
	outcome, err := s.Vault.Complete(ctx, c, in.answer(vault.PurposeSignIn))
	if err != nil {
		return s.backToLogin(ctx, c, err), nil
	}
	id := outcome.Identity
	user, err := s.Org.SignInWithGoogle(ctx, org.GoogleIdentity{Sub: id.Sub, Email: id.Email, Name: id.Name, HostedDomain: id.HostedDomain, EmailVerified: id.EmailVerified}, c.Remote)
	if err != nil {
		return s.backToLogin(ctx, c, err), nil
	}
	token, expires, err := s.Org.OpenSession(ctx, user.User, c.Remote, in.UserAgent)
	if err != nil {
		return nil, err
	}
	to := s.ownPath(outcome.ReturnTo, "/crm")
	if user.Cleared { // they have to hear of it
		to = accountPage + "?" + url.Values{"password": {"cleared"}, "next": {to}}.Encode()
	}
	return &redirectOutput{
		Location: to,
		Cookie:   []http.Cookie{s.cookie(token, expires), s.stateCookie("", time.Unix(1, 0))},
	}, nil
}

// backToLogin sends the browser to the sign-in page with the reason as a code.
func (s *Server) backToLogin(ctx context.Context, c access.Caller, err error) *redirectOutput {
	p := problemOf(err, c.RequestID)
	logFailure(ctx, err, p)
	q := url.Values{"error": {p.Code}}
	if p.Status >= 500 {
		q.Set("reference", c.RequestID)
	}
	return &redirectOutput{Location: "/login?" + q.Encode()}
}

func (s *Server) getMe(ctx context.Context, c access.Caller, _ *nothing) (*bodyOf[Me], error) {
	user, err := s.Org.User(ctx, c.UserID)
	if err != nil {
		return nil, err
	}
	me, err := s.me(ctx, user)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Me]{me}, nil
}

type changeMeInput struct{ Body MePatch }

func (s *Server) changeMe(ctx context.Context, c access.Caller, in *changeMeInput) (*bodyOf[Me], error) {
	if err := s.Org.Rename(ctx, c, in.Body.Name); err != nil {
		return nil, err
	}
	return s.getMe(ctx, c, nil)
}

func (s *Server) me(ctx context.Context, user crm.User) (Me, error) {
	memberships, err := s.Org.WorkspacesOf(ctx, user.ID)
	if err != nil {
		return Me{}, err
	}
	return Me{
		User:       User{ID: string(user.ID), Email: user.Email, Name: user.Name},
		Workspaces: each(memberships, workspaceShape),
	}, nil
}

// ownPath gives to when it is a path of our own pages, else other: nobody is
// ever sent to a foreign origin.
func (s *Server) ownPath(to, other string) string {
	to = strings.TrimPrefix(to, s.PublicURL)
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") ||
		strings.HasPrefix(to, "//") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(to+u.Path, "\\\r\n\t") {
		return other
	}
	return u.String()
}

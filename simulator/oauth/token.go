package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rapport/simulator/world"
)

// tokenAnswer is a successful answer of the token endpoint.
type tokenAnswer struct {
	AccessToken           string `json:"access_token"`
	ExpiresIn             int    `json:"expires_in"`
	RefreshToken          string `json:"refresh_token,omitempty"`
	RefreshTokenExpiresIn int    `json:"refresh_token_expires_in,omitempty"`
	Scope                 string `json:"scope,omitempty"`
	TokenType             string `json:"token_type"`
	IDToken               string `json:"id_token,omitempty"`
}

func invalidRequest(description string) *refusal {
	return &refusal{Status: 400, Code: "invalid_request", Description: description}
}

func invalidGrant(description string) *refusal {
	return &refusal{Status: 400, Code: "invalid_grant", Description: description}
}

// token is the token endpoint.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	answer, refused := s.exchange(r)
	if refused != nil {
		refused.write(w)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Server) exchange(r *http.Request) (*tokenAnswer, *refusal) {
	if r.Method != http.MethodPost {
		return nil, &refusal{Status: 405, Code: "invalid_request", Description: "Use POST."}
	}
	if err := r.ParseForm(); err != nil {
		return nil, invalidRequest("Could not parse the request.")
	}
	kind := r.PostForm.Get("grant_type")
	if kind == jwtBearer {
		return s.fromAssertion(r)
	}
	if kind == "" {
		return nil, invalidRequest("Missing required parameter: grant_type")
	}
	cl, refused := s.client(r)
	if refused != nil {
		return nil, refused
	}
	switch kind {
	case "authorization_code":
		return s.fromCode(r, cl)
	case "refresh_token":
		return s.fromRefresh(r, cl)
	}
	return nil, &refusal{Status: 400, Code: "unsupported_grant_type", Description: "Invalid grant_type: " + kind}
}

// client authenticates the application, by Basic or by form.
func (s *Server) client(r *http.Request) (world.Client, *refusal) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if id == "" {
		return world.Client{}, invalidRequest("Could not determine client ID from request.")
	}
	cl, err := s.world.Clients.Get(id)
	if err != nil {
		return world.Client{}, &refusal{Status: 401, Code: "invalid_client", Description: "The OAuth client was not found."}
	}
	if cl.Deleted {
		return world.Client{}, &refusal{Status: 401, Code: "deleted_client", Description: "The OAuth client was deleted."}
	}
	if cl.Public && secret == "" {
		return cl, nil
	}
	if secret == "" {
		return world.Client{}, invalidRequest("client_secret is missing.")
	}
	if !s.world.Clients.CheckSecret(id, secret) {
		return world.Client{}, &refusal{Status: 401, Code: "invalid_client", Description: "Unauthorized"}
	}
	return cl, nil
}

// fromCode exchanges an authorisation code.
func (s *Server) fromCode(r *http.Request, cl world.Client) (*tokenAnswer, *refusal) {
	text := r.PostForm.Get("code")
	switch {
	case text == "":
		return nil, invalidRequest("Missing required parameter: code")
	case !strings.HasPrefix(text, "4/"):
		return nil, invalidGrant("Malformed auth code.")
	}
	c, refused := s.redeem(text, cl, r.PostForm.Get("redirect_uri"), r.PostForm.Get("code_verifier"))
	if refused != nil {
		return nil, refused
	}
	account, ok := s.world.Accounts.Get(c.email)
	if !ok {
		return nil, invalidGrant("The account has been deleted")
	}
	answer := &tokenAnswer{ExpiresIn: int(AccessLife.Seconds()), TokenType: "Bearer", Scope: strings.Join(c.scopes, " ")}
	var from *refreshToken
	if c.offline {
		var expires time.Time
		if life := s.refreshLife(cl, account, c.scopes); life > 0 {
			expires = s.world.Clock.Now().Add(life)
			answer.RefreshTokenExpiresIn = int(life.Seconds())
		}
		from = s.store.issueRefresh(cl, account.Sub, account.Email, c.scopes, expires)
		answer.RefreshToken = from.token
	}
	answer.AccessToken = s.store.issueAccess(cl, account.Sub, account.Email, c.scopes, from)
	var err error
	if answer.IDToken, err = s.idToken(r, cl, account, c.scopes, c.nonce, answer.AccessToken); err != nil {
		return nil, &refusal{Status: 500, Code: "internal_failure", Description: "Backend Error"}
	}
	return answer, nil
}

// redeem checks a code and uses it up.
func (s *Server) redeem(text string, cl world.Client, redirect, verifier string) (*code, *refusal) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	c := s.store.codes[text]
	if c == nil || c.used || c.client != cl.ID || !s.world.Clock.Now().Before(c.expires) {
		return nil, invalidGrant("Bad Request")
	}
	if redirect == "" {
		return nil, invalidRequest("Missing required parameter: redirect_uri")
	}
	if redirect != c.redirect {
		return nil, &refusal{Status: 400, Code: "redirect_uri_mismatch", Description: "Bad Request"}
	}
	if refused := checkVerifier(c, verifier); refused != nil {
		return nil, refused
	}
	c.used = true
	return c, nil
}

func checkVerifier(c *code, verifier string) *refusal {
	switch {
	case c.challenge == "" && verifier != "":
		return invalidGrant("code_verifier or verifier is not needed.")
	case c.challenge == "":
		return nil
	case verifier == "":
		return invalidGrant("Missing code verifier.")
	}
	got := verifier
	if c.challengeMethod == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		got = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if subtle.ConstantTimeCompare([]byte(got), []byte(c.challenge)) != 1 {
		return invalidGrant("Invalid code verifier.")
	}
	return nil
}

// refreshLife is how long a refresh token lives for these scopes, 0 without a
// limit: seven days in Testing unless only the identity is asked for or the
// organisation trusts the application.
func (s *Server) refreshLife(cl world.Client, a world.Account, scopes []string) time.Duration {
	if cl.RefreshLife > 0 {
		return cl.RefreshLife
	}
	_, others := split(scopes)
	trusted := slices.Contains(s.world.Domains.Policy(a.Domain).TrustedClients, cl.ID)
	if cl.Publishing == world.Testing && len(others) > 0 && !trusted {
		return TestingLife
	}
	return 0
}

// fromRefresh exchanges a refresh token.
func (s *Server) fromRefresh(r *http.Request, cl world.Client) (*tokenAnswer, *refusal) {
	text := r.PostForm.Get("refresh_token")
	if text == "" {
		return nil, invalidRequest("Missing required parameter: refresh_token")
	}
	t := s.store.findRefresh(text)
	if t == nil || t.client != cl.ID {
		return nil, invalidGrant("Bad Request")
	}
	account, ok := s.world.Accounts.Get(t.email)
	if !ok {
		return nil, invalidGrant("The account has been deleted")
	}
	// Of a suspended account the tokens sleep; they work again when it is active.
	if account.Closed() || !s.store.usable(t) {
		return nil, invalidGrant("Token has been expired or revoked.")
	}
	if sub := s.store.reauthOf(account.Sub); sub != "" {
		e := invalidGrant("reauth related error (" + sub + ")")
		e.Subtype = sub
		return nil, e
	}
	if s.world.Domains.Policy(account.Domain).Forbids(cl.ID, t.scopes) {
		return nil, &refusal{Status: 400, Code: "admin_policy_enforced",
			Description: "Access to your account data is restricted by policies within your organization. Please contact the administrator of your organization for more information."}
	}
	scopes, refused := narrow(t.scopes, r.PostForm.Get("scope"))
	if refused != nil {
		return nil, refused
	}
	answer := &tokenAnswer{ExpiresIn: int(AccessLife.Seconds()), TokenType: "Bearer", Scope: strings.Join(scopes, " ")}
	if !t.expires.IsZero() {
		answer.RefreshTokenExpiresIn = int(t.expires.Sub(s.world.Clock.Now()).Seconds())
	}
	answer.AccessToken = s.store.issueAccess(cl, account.Sub, account.Email, scopes, t)
	var err error
	if answer.IDToken, err = s.idToken(r, cl, account, scopes, "", answer.AccessToken); err != nil {
		return nil, &refusal{Status: 500, Code: "internal_failure", Description: "Backend Error"}
	}
	return answer, nil
}

func (s *store) reauthOf(sub string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reauth[sub]
}

// narrow applies the scope parameter of a refresh, which may only take away.
func narrow(held []string, asked string) ([]string, *refusal) {
	if asked == "" {
		return held, nil
	}
	want := Normalise(strings.Fields(asked))
	for _, w := range want {
		if !slices.Contains(held, w) {
			return nil, &refusal{Status: 400, Code: "invalid_scope", Description: "Bad Request"}
		}
	}
	return want, nil
}

// idToken makes an id token when the scopes ask for the identity.
func (s *Server) idToken(r *http.Request, cl world.Client, a world.Account, scopes []string, nonce, access string) (string, error) {
	identity, _ := split(scopes)
	if len(identity) == 0 {
		return "", nil
	}
	now := s.world.Clock.Now()
	half := sha256.Sum256([]byte(access))
	claims := jwt.MapClaims{
		"iss": s.issuer(r), "azp": cl.ID, "aud": cl.ID, "sub": a.Sub,
		"at_hash": base64.RawURLEncoding.EncodeToString(half[:16]),
		"iat":     now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	for k, v := range s.profile(r, a, scopes) {
		claims[k] = v
	}
	return s.keys.Sign(claims)
}

// profile is what the identity scopes tell about an account, in OpenID's names.
func (s *Server) profile(r *http.Request, a world.Account, scopes []string) map[string]any {
	out := map[string]any{"sub": a.Sub}
	if a.Kind == world.Member {
		out["hd"] = a.Domain
	}
	if slices.Contains(scopes, ScopeEmail) {
		out["email"], out["email_verified"] = a.Email, true
	}
	if slices.Contains(scopes, ScopeProfile) {
		out["name"], out["given_name"], out["picture"] = a.Name, a.Given(), s.picture(r, a)
		if f := a.Family(); f != "" {
			out["family_name"] = f
		}
	}
	return out
}

const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

var errBadAssertion = errors.New("bad assertion")

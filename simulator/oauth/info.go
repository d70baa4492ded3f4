package oauth

import (
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"rapport/simulator/world"
)

// configuration is the OpenID discovery document.
func (s *Server) configuration(w http.ResponseWriter, r *http.Request) {
	b := s.base(r)
	w.Header().Set("Cache-Control", "public, max-age=3600")
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                s.issuer(r),
		"authorization_endpoint":                b + "/o/oauth2/v2/auth",
		"token_endpoint":                        b + "/token",
		"userinfo_endpoint":                     b + "/v1/userinfo",
		"revocation_endpoint":                   b + "/revoke",
		"jwks_uri":                              b + "/oauth2/v3/certs",
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "email", "profile"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		"claims_supported": []string{"aud", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss",
			"name", "picture", "sub"},
		"code_challenge_methods_supported":               []string{"plain", "S256"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token", jwtBearer},
		"authorization_response_iss_parameter_supported": true,
	})
}

// certs publishes the keys.
func (s *Server) certs(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=20000, must-revalidate, no-transform")
	writeJSON(w, http.StatusOK, map[string]any{"keys": s.keys.Public()})
}

// revoke ends the whole grant a token belongs to: every scope and every token
// of all clients of the project.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	token := r.FormValue("token")
	switch {
	case r.Method != http.MethodPost && r.Method != http.MethodGet:
		(&refusal{Status: 405, Code: "invalid_request", Description: "Use POST."}).write(w)
	case token == "":
		invalidRequest("Missing required parameter: token").write(w)
	case !s.store.revokeToken(token):
		(&refusal{Status: 400, Code: "invalid_token", Description: "Token expired or revoked"}).write(w)
	default:
		writeJSON(w, http.StatusOK, struct{}{})
	}
}

// bearer returns the live access token of a request.
func (s *Server) bearer(r *http.Request) (*accessToken, world.Account, bool) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		text = r.FormValue("access_token")
	}
	return s.live(text)
}

func (s *Server) live(text string) (*accessToken, world.Account, bool) {
	if _, ok := s.Token(text); !ok {
		return nil, world.Account{}, false
	}
	v, ok := s.store.access.Load(text)
	if !ok {
		return nil, world.Account{}, false
	}
	t := v.(*accessToken)
	a, ok := s.world.Accounts.Get(t.Account)
	if !ok {
		a = world.Account{Email: t.Account, Sub: t.sub, Kind: world.Outside} // a service account
	}
	return t, a, true
}

// userInfo is OpenID's userinfo.
func (s *Server) userInfo(w http.ResponseWriter, r *http.Request) {
	t, a, ok := s.identified(w, r)
	if !ok {
		return
	}
	writeJSON(w, http.StatusOK, s.profile(r, a, t.Scopes))
}

// userInfo2 is the userinfo of the oauth2/v2 API, with its own names.
func (s *Server) userInfo2(w http.ResponseWriter, r *http.Request) {
	t, a, ok := s.identified(w, r)
	if !ok {
		return
	}
	p := s.profile(r, a, t.Scopes)
	out := map[string]any{"id": p["sub"]}
	for from, to := range map[string]string{"email": "email", "email_verified": "verified_email", "name": "name",
		"given_name": "given_name", "family_name": "family_name", "picture": "picture", "hd": "hd"} {
		if v, has := p[from]; has {
			out[to] = v
		}
	}
	writeJSON(w, http.StatusOK, out)
}

func (s *Server) identified(w http.ResponseWriter, r *http.Request) (*accessToken, world.Account, bool) {
	t, a, ok := s.bearer(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`)
		(&refusal{Status: 401, Code: "invalid_request", Description: "Invalid Credentials"}).write(w)
		return nil, a, false
	}
	if identity, _ := split(t.Scopes); len(identity) == 0 {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="insufficient_scope"`)
		(&refusal{Status: 403, Code: "insufficient_scope", Description: "Request had insufficient authentication scopes."}).write(w)
		return nil, a, false
	}
	return t, a, true
}

func invalidValue(w http.ResponseWriter) {
	(&refusal{Status: 400, Code: "invalid_token", Description: "Invalid Value"}).write(w)
}

// tokenInfo explains an access token or an id token; numbers and booleans are
// strings.
func (s *Server) tokenInfo(w http.ResponseWriter, r *http.Request) {
	if raw := r.FormValue("id_token"); raw != "" {
		s.idTokenInfo(w, raw)
		return
	}
	t, a, ok := s.live(r.FormValue("access_token"))
	if !ok {
		invalidValue(w)
		return
	}
	left := t.expires.Sub(s.world.Clock.Now())
	out := map[string]string{
		"azp": t.Client, "aud": t.Client, "scope": strings.Join(t.Scopes, " "),
		"exp": strconv.FormatInt(t.expires.Unix(), 10), "expires_in": strconv.Itoa(int(left.Seconds())),
		"access_type": accessType(t),
	}
	if slices.Contains(t.Scopes, ScopeOpenID) || slices.Contains(t.Scopes, ScopeProfile) || slices.Contains(t.Scopes, ScopeEmail) {
		out["sub"] = a.Sub
	}
	if slices.Contains(t.Scopes, ScopeEmail) {
		out["email"], out["email_verified"] = a.Email, "true"
	}
	writeJSON(w, http.StatusOK, out)
}

func (s *Server) idTokenInfo(w http.ResponseWriter, raw string) {
	claims := jwt.MapClaims{}
	t, err := jwt.ParseWithClaims(raw, claims, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if key := s.keys.find(kid); key != nil {
			return key, nil
		}
		return nil, errBadAssertion
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(s.world.Clock.Now))
	if err != nil {
		invalidValue(w)
		return
	}
	out := map[string]string{"alg": "RS256", "typ": "JWT", "kid": fmt.Sprint(t.Header["kid"])}
	for k, v := range claims {
		if f, ok := v.(float64); ok {
			out[k] = strconv.FormatInt(int64(f), 10)
			continue
		}
		out[k] = fmt.Sprint(v)
	}
	writeJSON(w, http.StatusOK, out)
}

// tokenInfo2 is tokeninfo of the oauth2/v2 API.
func (s *Server) tokenInfo2(w http.ResponseWriter, r *http.Request) {
	t, a, ok := s.live(r.FormValue("access_token"))
	if !ok {
		invalidValue(w)
		return
	}
	out := map[string]any{
		"audience": t.Client, "issued_to": t.Client, "scope": strings.Join(t.Scopes, " "),
		"expires_in": int(t.expires.Sub(s.world.Clock.Now()).Seconds()), "access_type": accessType(t),
	}
	if identity, _ := split(t.Scopes); len(identity) > 0 {
		out["user_id"] = a.Sub
	}
	if slices.Contains(t.Scopes, ScopeEmail) {
		out["email"], out["verified_email"] = a.Email, true
	}
	writeJSON(w, http.StatusOK, out)
}

func accessType(t *accessToken) string {
	if t.refresh != nil {
		return "offline"
	}
	return "online"
}

// AvatarPath is where pictures are served: AvatarPath + sub.
const AvatarPath = "/a/"

func (s *Server) picture(r *http.Request, a world.Account) string {
	return s.base(r) + AvatarPath + a.Sub
}

var avatarColours = []string{"#1a73e8", "#0b8043", "#a142f4", "#c5221f", "#e37400", "#007b83", "#9334e6", "#5f6368"}

func avatarColour(sub string) string {
	n := 0
	for _, c := range sub {
		n = (n*31 + int(c)) % 997
	}
	return avatarColours[n%len(avatarColours)]
}

func initial(a world.Account) string {
	for _, r := range a.Name + a.Email {
		return strings.ToUpper(string(r))
	}
	return "?"
}

// Avatar serves the picture of an account: its initial on its colour.
func (s *Server) Avatar(w http.ResponseWriter, r *http.Request) {
	a, ok := s.world.Accounts.BySub(strings.TrimPrefix(r.URL.Path, AvatarPath))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96"><rect width="96" height="96" fill="%s"/><text x="48" y="48" dy=".36em" text-anchor="middle" fill="#fff" font-family="system-ui,sans-serif" font-size="44">%s</text></svg>`,
		avatarColour(a.Sub), html.EscapeString(initial(a)))
}

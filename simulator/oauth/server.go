// Package oauth is the simulated Google's sign-in: the consent page, the token
// endpoint, revocation, user information and the keys that sign id tokens. It
// keeps who granted what to which application and hands front the grant of an
// access token.
package oauth

import (
	"encoding/json"
	"net/http"
	"strings"

	"rapport/simulator/world"
)

// Options change how the server presents itself.
type Options struct {
	// Issuer is the issuer of id tokens and callbacks; empty means the address
	// the simulator is reached at.
	Issuer string
	// BaseURL is the address of the endpoints; empty means the address of the
	// request being answered.
	BaseURL string
}

// Server holds grants and answers the endpoints.
type Server struct {
	world *world.World
	opt   Options
	keys  *Keys
	store *store

	robots serviceAccounts
}

// New returns a server without any grants.
func New(w *world.World, opt Options) *Server {
	return &Server{world: w, opt: opt, keys: ProcessKeys(), store: newStore(w),
		robots: serviceAccounts{list: map[string]*ServiceAccount{}}}
}

// Endpoint is one address the server answers.
type Endpoint struct {
	Path    string
	Name    string // in faults and the log: auth, token, revoke, …
	Handler http.Handler
}

// Endpoints lists all addresses, with Google's paths.
func (s *Server) Endpoints() []Endpoint {
	return []Endpoint{
		{"/o/oauth2/v2/auth", "auth", http.HandlerFunc(s.authorize)},
		{"/o/oauth2/auth", "auth", http.HandlerFunc(s.authorize)},
		{"/token", "token", http.HandlerFunc(s.token)},
		{"/o/oauth2/token", "token", http.HandlerFunc(s.token)},
		{"/revoke", "revoke", http.HandlerFunc(s.revoke)},
		{"/o/oauth2/revoke", "revoke", http.HandlerFunc(s.revoke)},
		{"/.well-known/openid-configuration", "configuration", http.HandlerFunc(s.configuration)},
		{"/oauth2/v3/certs", "certs", http.HandlerFunc(s.certs)},
		{"/.well-known/risc-configuration", "risc", http.HandlerFunc(s.riscConfiguration)},
		{riscCerts, "risc", http.HandlerFunc(s.riscCertificates)},
		{"/tokeninfo", "tokeninfo", http.HandlerFunc(s.tokenInfo)},
		{"/oauth2/v3/tokeninfo", "tokeninfo", http.HandlerFunc(s.tokenInfo)},
		{"/oauth2/v2/tokeninfo", "tokeninfo", http.HandlerFunc(s.tokenInfo2)},
		{"/oauth2/v1/tokeninfo", "tokeninfo", http.HandlerFunc(s.tokenInfo2)},
		{"/v1/userinfo", "userinfo", http.HandlerFunc(s.userInfo)},
		{"/oauth2/v3/userinfo", "userinfo", http.HandlerFunc(s.userInfo)},
		{"/oauth2/v2/userinfo", "userinfo", http.HandlerFunc(s.userInfo2)},
		{"/oauth2/v1/userinfo", "userinfo", http.HandlerFunc(s.userInfo2)},
		{"/userinfo/v2/me", "userinfo", http.HandlerFunc(s.userInfo2)},
	}
}

// Who tells whose request this is, as far as its tokens say, without
// answering it: faults and the log want to know first.
func (s *Server) Who(r *http.Request) (account, client string) {
	client = r.FormValue("client_id")
	if id, _, ok := r.BasicAuth(); ok {
		client = id
	}
	for _, field := range []string{"refresh_token", "code", "token", "access_token", "account"} {
		if v := r.FormValue(field); v != "" {
			if field == "account" {
				return v, client
			}
			if email, of := s.store.owner(v, s.world.Clock.Now()); email != "" {
				return email, of
			}
		}
	}
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		if email, of := s.store.owner(t, s.world.Clock.Now()); email != "" {
			return email, of
		}
	}
	return "", client
}

func (s *Server) base(r *http.Request) string {
	if s.opt.BaseURL != "" {
		return s.opt.BaseURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

func (s *Server) issuer(r *http.Request) string {
	if s.opt.Issuer != "" {
		return s.opt.Issuer
	}
	return s.base(r)
}

// Reset forgets every grant and token.
func (s *Server) Reset() { s.store.reset() }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate")
	}
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // the client went away: nothing to do
}

// refusal is an OAuth error answer.
type refusal struct {
	Status      int    `json:"-"`
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	Subtype     string `json:"error_subtype,omitempty"`
}

func (e *refusal) Error() string { return e.Code + ": " + e.Description }

func (e *refusal) write(w http.ResponseWriter) { writeJSON(w, e.Status, e) }

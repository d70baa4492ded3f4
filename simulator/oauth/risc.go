package oauth

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Security events are what Cross-Account Protection (RISC) tells applications
// about an account: developers.google.com/identity/protocols/risc.

const (
	riscEvents  = "https://schemas.openid.net/secevent/risc/event-type/"
	oauthEvents = "https://schemas.openid.net/secevent/oauth/event-type/"

	// riscIssuer is how Google spells itself in security event tokens.
	riscIssuer = "https://accounts.google.com/"
	riscCerts  = "/risc/v1/certs"
)

// eventTypes maps the short names to the addresses of the event types.
var eventTypes = map[string]string{
	"sessions-revoked":                   riscEvents + "sessions-revoked",
	"tokens-revoked":                     oauthEvents + "tokens-revoked",
	"token-revoked":                      oauthEvents + "token-revoked",
	"account-disabled":                   riscEvents + "account-disabled",
	"account-enabled":                    riscEvents + "account-enabled",
	"account-credential-change-required": riscEvents + "account-credential-change-required",
	"credential-change-required":         riscEvents + "account-credential-change-required",
	"verification":                       riscEvents + "verification",
}

// riscKeys sign security events: other keys than those of id tokens, so that a
// receiver has to follow the configuration to find them.
var riscKeys = sync.OnceValue(func() *Keys {
	k := &Keys{}
	k.Rotate()
	return k
})

func (s *Server) riscConfiguration(w http.ResponseWriter, r *http.Request) {
	b := s.base(r)
	w.Header().Set("Cache-Control", "public, max-age=3600")
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": riscIssuer, "jwks_uri": b + riscCerts,
		"delivery_methods_supported": []string{"https://schemas.openid.net/secevent/risc/delivery-method/push"},
		"configuration_endpoint":     b + "/v1beta/stream", "status_endpoint": b + "/v1beta/stream/status",
		"add_subject_endpoint": b + "/v1beta/stream/subjects:add", "remove_subject_endpoint": b + "/v1beta/stream/subjects:remove",
		"verification_endpoint": b + "/v1beta/stream:verify",
	})
}

func (s *Server) riscCertificates(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=20000, must-revalidate, no-transform")
	writeJSON(w, http.StatusOK, map[string]any{"keys": riscKeys().Public()})
}

// SecurityEvent describes a security event to make.
type SecurityEvent struct {
	Email   string
	Event   string   // short name: "tokens-revoked"
	Reason  string   // of account-disabled: hijacking, bulk-account
	Clients []string // audience; empty: every client the user gave something to
	Token   string   // of token-revoked; empty: the user's newest refresh token
	Prefix  bool     // name the token by its first 16 characters instead of a hash
	State   string   // of verification

	// Forged chooses what is wrong: "" (good), none (not signed), key (another
	// key), algorithm (HMAC), issuer, audience, future (issued tomorrow).
	Forged string
}

// SignSecurityEvent makes a security event token.
func (s *Server) SignSecurityEvent(e SecurityEvent) (string, error) {
	kind := eventTypes[e.Event]
	if kind == "" {
		return "", fmt.Errorf("event %q: use one of sessions-revoked, tokens-revoked, token-revoked, account-disabled, account-enabled, account-credential-change-required, verification", e.Event)
	}
	a, ok := s.world.Accounts.Get(e.Email)
	if !ok {
		return "", errNoAccount
	}
	body := map[string]any{"subject": map[string]string{"subject_type": "iss-sub", "iss": riscIssuer, "sub": a.Sub}}
	switch e.Event {
	case "verification":
		body = map[string]any{"state": e.State}
	case "token-revoked":
		subject, err := s.tokenSubject(a.Sub, e)
		if err != nil {
			return "", err
		}
		body = map[string]any{"subject": subject}
	}
	if e.Reason != "" {
		body["reason"] = e.Reason
	}
	if len(e.Clients) == 0 {
		e.Clients = s.clientsOf(a.Sub)
	}
	claims := jwt.MapClaims{"iss": riscIssuer, "aud": e.Clients, "iat": s.world.Clock.Now().Unix(), "jti": random(18), "events": map[string]any{kind: body}}
	return forged(claims, e.Forged)
}

// tokenSubject names a refresh token without giving it away.
func (s *Server) tokenSubject(sub string, e SecurityEvent) (map[string]string, error) {
	token := e.Token
	if token == "" {
		token = s.newestRefresh(sub)
	}
	if len(token) < 16 {
		return nil, fmt.Errorf("%s has no refresh token", e.Email)
	}
	out := map[string]string{"subject_type": "oauth_token", "token_type": "refresh_token", "token_identifier_alg": "prefix", "token": token[:16]}
	if !e.Prefix {
		once := sha512.Sum512([]byte(token))
		twice := sha512.Sum512(once[:])
		out["token_identifier_alg"], out["token"] = "hash_base64_sha512_sha512", base64.StdEncoding.EncodeToString(twice[:])
	}
	return out, nil
}

func (s *Server) newestRefresh(sub string) string {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	var newest *refreshToken
	for _, t := range s.store.refresh {
		if t.sub == sub && !t.dead && (newest == nil || t.created.After(newest.created)) {
			newest = t
		}
	}
	if newest == nil {
		return ""
	}
	return newest.token
}

// clientsOf lists the clients of the projects that a user gave something to,
// and those that had a refresh token before that was taken back: they hear of it.
func (s *Server) clientsOf(sub string) []string {
	all := s.world.Clients.List()
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	had := map[string]bool{}
	for _, t := range s.store.refresh {
		had[t.client] = had[t.client] || t.sub == sub
	}
	out := []string{}
	for _, c := range all {
		if had[c.ID] || s.store.grants[grantKey{c.Project, sub}] != nil {
			out = append(out, c.ID)
		}
	}
	return out
}

// forged signs claims, well or badly.
func forged(claims jwt.MapClaims, how string) (string, error) {
	keys := riscKeys()
	switch how {
	case "":
	case "none":
		return jwt.NewWithClaims(jwt.SigningMethodNone, claims).SignedString(jwt.UnsafeAllowNoneSignatureType)
	case "algorithm":
		return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(keys.Public()[0].N))
	case "key":
		other := &Keys{}
		other.Rotate()
		keys = other
	case "issuer":
		claims["iss"] = "https://accounts.elsewhere.example/"
	case "audience":
		claims["aud"] = []string{"somebody-elses-client.apps.googleusercontent.com"}
	case "future":
		claims["iat"] = time.Unix(claims["iat"].(int64), 0).Add(24 * time.Hour).Unix()
	default:
		return "", fmt.Errorf("forged %q: use none, key, algorithm, issuer, audience, future or nothing", how)
	}
	return keys.Sign(claims)
}

// SendSecurityEvent makes a security event token and delivers it to a receiver,
// as Google does; it gives the token and the status of the answer.
func (s *Server) SendSecurityEvent(ctx context.Context, e SecurityEvent, to string) (token string, status int, err error) {
	token, err = s.SignSecurityEvent(e)
	if err != nil {
		return "", 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewBufferString(token))
	if err != nil {
		return "", 0, fmt.Errorf("receiver: %w", err)
	}
	req.Header.Set("Content-Type", "application/secevent+jwt")
	req.Header.Set("Accept", "application/json")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return "", 0, fmt.Errorf("deliver the event: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // what it says does not matter
	return token, res.StatusCode, nil
}

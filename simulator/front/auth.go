package front

import (
	"net/http"
	"net/url"
	"strings"

	"rapport/simulator/discovery"
)

// authState says why a request has no grant.
type authState int

const (
	authOK authState = iota
	authMissing
	authInvalid
)

// authenticate finds the grant of a request. A part of a batch uses its own
// Authorization header or the one of the batch.
func (s *Server) authenticate(r *http.Request, query url.Values, p partOf) (*Grant, authState) {
	token := bearer(r, query)
	if token == "" {
		if p.outer == nil {
			return nil, authMissing
		}
		if p.grant != nil {
			return p.grant, authOK
		}
		if bearer(p.outer, p.outer.URL.Query()) == "" {
			return nil, authMissing
		}
		return nil, authInvalid
	}
	g, ok := s.Tokens.Token(token)
	if !ok {
		return nil, authInvalid
	}
	return g, authOK
}

func bearer(r *http.Request, query url.Values) string {
	h := r.Header.Get("Authorization")
	if len(h) > 7 && strings.EqualFold(h[:7], "bearer ") {
		return strings.TrimSpace(h[7:])
	}
	if h != "" {
		return h // something else: never a valid token
	}
	if t := query.Get("access_token"); t != "" {
		return t
	}
	return query.Get("oauth_token")
}

const authRealm = `Bearer realm="https://accounts.google.com/"`

// unauthenticated is Google's 401 for a missing or a bad token.
func unauthenticated(state authState, m *discovery.Method) *Error {
	e := &Error{
		Code: 401, Status: "UNAUTHENTICATED", Location: "Authorization",
		Message: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
		Reason:  "authError", ErrorMessage: "Invalid Credentials",
		Header:  http.Header{"Www-Authenticate": {authRealm + `, error="invalid_token"`}},
		Details: []any{errorInfo("ACCESS_TOKEN_TYPE_UNSUPPORTED", m)},
	}
	if state == authMissing {
		e.Message = "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
		e.Reason, e.ErrorMessage = "required", "Login Required."
		e.Header = http.Header{"Www-Authenticate": {authRealm}}
		e.Details = []any{errorInfo("CREDENTIALS_MISSING", m)}
	}
	if m == nil {
		e.Details = nil
	}
	return e
}

// insufficientScope is the 403 of a token that lacks every scope of the method.
func insufficientScope(m *discovery.Method) *Error {
	return &Error{
		Code: 403, Status: "PERMISSION_DENIED",
		Message: "Request had insufficient authentication scopes.",
		Reason:  "insufficientPermissions", ErrorMessage: "Insufficient Permission",
		Header:  http.Header{"Www-Authenticate": {authRealm + `, error="insufficient_scope", scope="` + strings.Join(m.Scopes, " ") + `"`}},
		Details: []any{errorInfo("ACCESS_TOKEN_SCOPE_INSUFFICIENT", m)},
	}
}

func errorInfo(reason string, m *discovery.Method) any {
	if m == nil {
		return nil
	}
	return map[string]any{
		"@type":    "type.googleapis.com/google.rpc.ErrorInfo",
		"reason":   reason,
		"domain":   "googleapis.com",
		"metadata": map[string]string{"service": m.API.Host, "method": m.ID},
	}
}

package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/fstest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
)

func TestARouteWithoutARuleIsNotRegistered(t *testing.T) {
	r := &router{mux: http.NewServeMux(), server: &Server{}}
	r.api, _ = r.server.API(r.mux)
	h := func(context.Context, access.Caller, *nothing) (*nothing, error) { return nil, nil }
	plainly := func(http.ResponseWriter, *http.Request, access.Caller) error { return nil }
	for name, broken := range map[string]rule{"none": {}, "an unknown action": may("dance"), "holding nothing": holds("")} {
		require.Panics(t, func() { add(r, broken, get, "/x", "x", "", h) }, name)
		require.Panics(t, func() { plain(r, broken, get, "/x", "x", "", plainly) }, name)
	}
	require.NotPanics(t, func() { add(r, anyone, get, "/x", "x", "", h) })
}

func TestSecretsLeaveTheAddress(t *testing.T) {
	for _, c := range []struct{ address, path, secret string }{
		{"/api/v1/google/proxy/rapl_abc/gmail/v1/users/me/messages?q=x", "/api/v1/google/proxy/-/gmail/v1/users/me/messages", "rapl_abc"},
		{"/api/v1/google/proxy/rapl_abc/calendar/v3/calendars/a%2Fb%23c/events", "/api/v1/google/proxy/-/calendar/v3/calendars/a%2Fb%23c/events", "rapl_abc"},
		{"/api/v1/google/proxy/rapl_abc", "/api/v1/google/proxy/-", "rapl_abc"},
		{"/api/v1/invitations/tok%65n/accept", "/api/v1/invitations/-/accept", "token"},
		{"/api/v1/connect-links/token/start", "/api/v1/connect-links/-/start", "token"},
		{"/invite/token", "/invite/-", "token"},
		{"/connect/token?google=denied", "/connect/-", "token"},
		{"/api/v1/invitations/", "/api/v1/invitations/", ""},
		{"/api/v1/me", "/api/v1/me", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, c.address, nil)
		secret, odd := hide(r)
		require.False(t, odd)
		require.Equal(t, c.secret, secret.Reveal(), c.address)
		require.Equal(t, c.path, r.URL.EscapedPath(), c.address)
		if c.secret != "" {
			require.NotContains(t, r.RequestURI+r.URL.String(), c.secret)
		}
		ctx := context.WithValue(t.Context(), keyRequest, &request{hidden: secret})
		before, err := url.Parse(c.address)
		require.NoError(t, err)
		require.Equal(t, before.Path, shownAgain(ctx, r.URL.Path))
	}
}

func TestOddSpellingsOfSecretPathsLeadNowhere(t *testing.T) {
	const secret = "rapl_Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8"
	var seen []string
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	s := &Server{
		Pages: fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}}, Metrics: registry, PublicURL: "http://localhost:8000",
		Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Trace: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = append(seen, r.URL.String()+" "+r.RequestURI)
				next.ServeHTTP(w, r)
			})
		},
	}
	h, err := s.Handler()
	require.NoError(t, err)
	for _, path := range []string{
		"/api/v1//google/proxy/" + secret + "/gmail/v1/x", "//api/v1/google/proxy/" + secret + "/gmail/v1/x", "/api/v1/google/%70roxy/" + secret + "/gmail/v1/x",
		"/api/v1/google/proxy/" + secret + "//gmail/v1/x", "/api/v1/google/proxy//" + secret + "/gmail/v1/x", "/api/v1/x/../google/proxy/" + secret,
		"/api/v1/connect%2Dlinks/" + secret + "/start", "/api/v1/Connect-Links/" + secret, "/api/v1/invitations/./" + secret, "/API/v1/invitations/" + secret,
		"/api%2Fv1%2Finvitations%2F" + secret, "/api%252Fv1%252Finvitations%252F" + secret, "/api\\v1\\invitations\\" + secret, "/Invite/" + secret, "/%63onnect/" + secret, "//connect/" + secret,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL, err = url.Parse("http://localhost:8000" + path)
		require.NoError(t, err)
		r.RequestURI = path
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, http.StatusNotFound, w.Code, path)
		require.Empty(t, w.Header().Get("Location"), path)
		require.NotContains(t, w.Body.String(), secret)
	}
	for _, path := range []string{"/crm/" + secret, "/api/v1/nothing/" + secret + "/x", "/api/v1/nothing/" + secret[5:], "/api/token/ivo@northwind-lamps.example/gmail", "/api//token/ivo@northwind-lamps.example/gmail", "/API/Tokens/ivo@northwind-lamps.example", "/api/%74oken/ivo%2Fnorthwind-lamps/gmail", "/api/token/ivo%2Fnorthwind-lamps", "/oauth/authorize?signature=" + secret} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodHead, path, nil))
	}
	for _, place := range append(seen, log.String()) {
		require.NotContains(t, place, secret[5:])
		require.NotContains(t, place, "northwind-lamps")
	}
	require.NotEmpty(t, seen)
	found, err := registry.Gather()
	require.NoError(t, err)
	for _, family := range found {
		require.NotContains(t, family.String(), secret[5:])
	}
}

func TestWhatLogsShowOfAPath(t *testing.T) {
	for path, shown := range map[string]string{
		"/api/token/ivo@x.example/gmail": "/api/token/{userId}/gmail", "/api/token/a%2Fb/gmail": "/api/token/{userId}/gmail", "/api/token/a/b/c": "/api/token/{userId}",
		"/api/tokens/ivo": "/api/tokens/{userId}", "//api/token/ivo/gmail": "/api/token/{userId}", "/api/v1/me": "/api/v1/me",
		"/crm/rpt_abc": "/crm/[redacted]", "/api/v1/workspaces/01900000-0000-7000-8000-000000000000/members": "/api/v1/workspaces/01900000-0000-7000-8000-000000000000/members",
	} {
		u, err := url.Parse("http://x" + path)
		require.NoError(t, err)
		require.Equal(t, shown, shownPath(u), path)
	}
}

func TestPathsThroughALease(t *testing.T) {
	path := func(rest string) (string, error) {
		r := httptest.NewRequest(http.MethodGet, proxyPath+"rapl_abc"+rest, nil)
		if _, odd := hide(r); odd {
			return "", errors.New("odd")
		}
		return googlePath(r)
	}
	for _, good := range []string{"/gmail/v1/users/me/messages", "/v4/spreadsheets/1/values/A1%3AB2:append", "/calendar/v3/calendars/a%2Fb/events", "/drive/v3/files/.hidden"} {
		got, err := path(good)
		require.NoError(t, err)
		require.Equal(t, good, got)
	}
	for _, bad := range []string{"", "/gmail/../admin", "/gmail/%2e%2e/admin", "/a%2F..%2Fb", "/a/.%2e", "/a%5c..%5cb", "/a%00b", "/a%0d%0ab", "/."} {
		_, err := path(bad)
		require.Error(t, err, bad)
	}
}

func TestWhatGoogleAnswersDoesNothingUnderOurOrigin(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("X-Request-Id", "ours")
	w.Header().Set("X-Frame-Options", "DENY")
	w.Header().Set("Access-Control-Allow-Origin", "https://app.example.org")
	out := &googleAnswer{ResponseWriter: w, ours: w.Header().Clone(), onward: "https://crm.example.org" + proxyPath + "rapl_abc"}
	for name, value := range map[string]string{
		"Set-Cookie": "SID=1", "Content-Type": "text/html", "Access-Control-Allow-Origin": "*", "X-Frame-Options": "SAMEORIGIN", "X-Request-Id": "theirs",
		"Content-Security-Policy": "default-src *", "Etag": `"1"`, "Location": "/upload/gmail/v1/users/me/messages/send?upload_id=1",
	} {
		out.Header().Set(name, value)
	}
	_, err := out.Write([]byte("<script>alert(1)</script>"))
	require.NoError(t, err)
	h := w.Result().Header
	require.Equal(t, "sandbox; default-src 'none'", h.Get("Content-Security-Policy"))
	require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
	require.Equal(t, "https://app.example.org", h.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "DENY", h.Get("X-Frame-Options"))
	require.Equal(t, "ours", h.Get("X-Request-Id"))
	require.Equal(t, `"1"`, h.Get("Etag"))
	require.Equal(t, "https://crm.example.org"+proxyPath+"rapl_abc/upload/gmail/v1/users/me/messages/send?upload_id=1", h.Get("Location"), "an upload goes on through us")
	require.Empty(t, h.Get("Set-Cookie"))
}

func TestWhoHearsOfWhat(t *testing.T) {
	admin := access.Caller{Via: access.ViaSession, UserID: "ada", Workspace: "w", Role: crm.RoleAdmin}
	member := access.Caller{Via: access.ViaSession, UserID: "ben", Workspace: "w", Role: crm.RoleMember}
	asked := fact.Fact{Kind: fact.ApprovalAsked, WorkspaceID: "w", Data: json.RawMessage(`{"user_id":"cleo"}`)}
	for name, c := range map[string]struct {
		f             fact.Fact
		admin, member bool
	}{
		"a request":            {asked, true, false},
		"a member's own":       {fact.Fact{Kind: fact.ApprovalAsked, WorkspaceID: "w", Data: json.RawMessage(`{"user_id":"ben"}`)}, true, true},
		"a decision":           {fact.Fact{Kind: fact.ApprovalDecided, WorkspaceID: "w"}, true, true},
		"somebody's mail":      {fact.Fact{Kind: fact.MailArrived, WorkspaceID: "w", UserID: "ben"}, false, true},
		"another workspace":    {fact.Fact{Kind: fact.ApprovalDecided, WorkspaceID: "v"}, false, false},
		"between our programs": {fact.Fact{Kind: fact.GrantChanged, WorkspaceID: "w", UserID: "ben"}, false, false},
	} {
		require.Equal(t, c.admin, concerns(admin, c.f), name)
		require.Equal(t, c.member, concerns(member, c.f), name)
	}
}

// TestTracesSeeNoSecrets: what makes spans of requests gets addresses without
// the secrets that some carry.
func TestTracesSeeNoSecrets(t *testing.T) {
	var seen []string
	s := &Server{
		Pages: fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}}, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), PublicURL: "http://localhost:8000",
		Trace: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = append(seen, r.URL.String()+" "+r.RequestURI)
				next.ServeHTTP(w, r)
			})
		},
	}
	h, err := s.Handler()
	require.NoError(t, err)
	for _, path := range []string{"/api/v1/google/proxy/secret/gmail/v1/x", "/api/v1/invitations/secret", "/api/v1/connect-links/secret/start", "/invite/secret", "/connect/secret"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
	require.Len(t, seen, 5)
	for _, address := range seen {
		require.NotContains(t, address, "secret")
	}
	again := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8000/invite/secret", nil)
	again.Header.Set("Sec-Fetch-Mode", "navigate")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, again)
	require.Equal(t, "http://localhost:8000/invite/secret", w.Header().Get("Location"), "the browser goes on to the same page under our name")
}

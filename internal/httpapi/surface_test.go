package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/httpapi"
	"rapport/internal/store/storetest"
	"rapport/web"
)

// get asks for an address as a browser and gives the answer with its body.
func get(t *testing.T, address string, header ...string) (*http.Response, string) {
	t.Helper()
	return send(t, http.MethodGet, address, "", header...)
}

func send(t *testing.T, method, address, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	h := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := h.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(text)
}

func problem(t *testing.T, answer *http.Response, text string) client.Problem {
	t.Helper()
	require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"), text)
	var p client.Problem
	require.NoError(t, json.Unmarshal([]byte(text), &p))
	require.Equal(t, answer.StatusCode, p.Status)
	require.Equal(t, "about:blank", p.Type)
	require.NotEmpty(t, p.Title)
	require.NotEmpty(t, p.Detail)
	require.NotEmpty(t, p.Code)
	require.Equal(t, answer.Header.Get("X-Request-Id"), p.RequestID)
	return p
}

func TestBadRequestsAreNamedByField(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	w.SetUp()
	bearer := []string{"Authorization", "Bearer " + token(t, w, apptest.Mara)}
	home := w.URL + "/api/v1/workspaces/" + w.Home
	g := home + "/integrations/google"
	for _, c := range []struct {
		name, method, address, body, kind string
		status                            int
		code, field                       string
	}{
		{"no JSON", "POST", w.URL + "/api/v1/auth/login", "{", "application/json", 400, "bad_request", "body"},
		{"no body", "POST", w.URL + "/api/v1/auth/login", "", "application/json", 400, "bad_request", ""},
		{"lists without end", "POST", w.URL + "/api/v1/auth/login", `{"email":[` + strings.Repeat("{},", 60_000) + `{}]}`, "application/json", 400, "bad_request", "body"},
		{"unknown field", "POST", w.URL + "/api/v1/auth/login", `{"email":"a@b.example","password":"x","admin":true}`, "application/json", 422, "validation_failed", "admin"},
		{"missing field", "POST", w.URL + "/api/v1/auth/login", `{"email":"a@b.example"}`, "application/json", 422, "validation_failed", "password"},
		{"wrong type", "POST", home + "/members", `{"email":7}`, "application/json", 422, "validation_failed", "email"},
		{"no address", "POST", home + "/members", `{"email":"nobody"}`, "application/json", 422, "validation_failed", "email"},
		{"wrong role", "POST", home + "/members", `{"email":"a@b.example","role":"king"}`, "application/json", 422, "validation_failed", "role"},
		{"short password", "POST", home + "/members", `{"email":"a@b.example","password":"short"}`, "application/json", 422, "validation_failed", "password"},
		{"too large", "POST", w.URL + "/api/v1/auth/login", `{"email":"` + strings.Repeat("x", 2<<20) + `"}`, "application/json", 413, "too_large", ""},
		{"wrong media type", "POST", w.URL + "/api/v1/auth/login", `a=b`, "application/x-www-form-urlencoded", 415, "unsupported_media_type", "body"},
		{"wrong method", "DELETE", w.URL + "/api/v1/me", "", "", 405, "method_not_allowed", ""},
		{"no such path", "GET", w.URL + "/api/v1/nothing", "", "", 404, "not_found", ""},
		{"limit", "GET", g + "/gmail/emails?limit=0", "", "", 422, "validation_failed", "limit"},
		{"unread", "GET", g + "/gmail/emails?is_unread=maybe", "", "", 422, "validation_failed", "is_unread"},
		{"time zone", "GET", g + "/gmail/emails?q=after:2026/01/01&time_zone=Moon/Base", "", "", 422, "validation_failed", "time_zone"},
		{"the server's time zone", "GET", g + "/gmail/emails?q=after:2026/01/01&time_zone=Local", "", "", 422, "validation_failed", "time_zone"},
		{"service", "GET", g + "/connect?services=fax", "", "", 422, "validation_failed", "services"},
		{"wait", "POST", g + "/gmail/sync?wait=soon", "", "", 422, "validation_failed", "wait"},
		{"not connected", "POST", g + "/gmail/sync", "", "", 404, "not_connected", ""},
		{"foreign connection", "GET", g + "/status?connection_id=x", "", "", 404, "not_found", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, text := send(t, c.method, c.address, c.body, append([]string{"Content-Type", c.kind}, bearer...)...)
			require.Equal(t, c.status, answer.StatusCode, text)
			p := problem(t, answer, text)
			require.Equal(t, c.code, p.Code)
			if c.field != "" {
				require.Contains(t, p.Fields, c.field)
			}
			if c.status == http.StatusRequestEntityTooLarge {
				require.Equal(t, "The request is larger than the 1 MB that are taken here. Send less at once.", p.Detail)
			}
			require.NotContains(t, text, "short\"", "values are not echoed")
		})
	}
}

func TestInternalTextNeverLeaves(t *testing.T) {
	var log bytes.Buffer
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Log = &log })
	w.SetUp()
	bearer := token(t, w, apptest.Mara)
	_, err := w.App.Store.DB().Exec("SELECT 1")
	require.NoError(t, err)
	require.NoError(t, w.App.Store.Close())
	answer, text := get(t, w.URL+"/api/v1/me", "Authorization", "Bearer "+bearer, "X-Request-Id", "request-4711")
	require.GreaterOrEqual(t, answer.StatusCode, 500)
	p := problem(t, answer, text)
	for _, secret := range []string{"sql", "database is closed", "SELECT", "internal/"} {
		require.NotContains(t, text, secret)
	}
	if p.Code == "internal" {
		require.Contains(t, p.Detail, p.RequestID)
	}
	answer, _ = get(t, w.URL+"/ready")
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
	answer, _ = get(t, w.URL+"/health")
	require.Equal(t, http.StatusOK, answer.StatusCode)
}

func TestRequestIDs(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	answer, _ := get(t, w.URL+"/health", "X-Request-Id", "trace-me-4711")
	require.Equal(t, "trace-me-4711", answer.Header.Get("X-Request-Id"))
	answer, _ = get(t, w.URL+"/health", "X-Request-Id", "evil\"id <script>")
	require.Regexp(t, "^[A-Za-z0-9_-]{16}$", answer.Header.Get("X-Request-Id"), "one of our own")
}

func TestPagesAndTheirCaching(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	index, err := fs.ReadFile(web.Files(), "index.html")
	require.NoError(t, err)
	for _, path := range []string{"/", "/crm/inbox", "/login", "/deep/route/of/the/application"} {
		answer, text := get(t, w.URL+path, "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Equal(t, string(index), text, path)
		require.Equal(t, "no-cache", answer.Header.Get("Cache-Control"))
		policy := answer.Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'self'")
		require.Contains(t, policy, "frame-ancestors 'none'")
		require.NotContains(t, policy, "script-src 'self' 'unsafe-inline'")
		again, _ := get(t, w.URL+path, "Accept", "text/html", "If-None-Match", answer.Header.Get("Etag"))
		require.Equal(t, http.StatusNotModified, again.StatusCode)
	}
	answer, _ := get(t, w.URL+"/assets/gone-abc123.js")
	require.Equal(t, http.StatusNotFound, answer.StatusCode, "a script that is gone is not index.html")
	answer, _ = send(t, http.MethodPost, w.URL+"/crm", "")
	require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
	assets, err := fs.Glob(web.Files(), "assets/*")
	require.NoError(t, err)
	for _, name := range assets {
		answer, _ := get(t, w.URL+"/"+strings.TrimSuffix(name, ".gz"))
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Contains(t, answer.Header.Get("Cache-Control"), "immutable")
		break
	}
}

func TestDescriptionAndDocumentation(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	answer, text := get(t, w.URL+"/openapi.json")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct{ OperationID string }
	}
	require.NoError(t, json.Unmarshal([]byte(text), &doc))
	require.True(t, strings.HasPrefix(doc.OpenAPI, "3.1"))
	seen := map[string]bool{}
	for path, item := range doc.Paths {
		for method, op := range item {
			require.NotEmpty(t, op.OperationID, method+" "+path)
			require.False(t, seen[op.OperationID], op.OperationID)
			seen[op.OperationID] = true
		}
	}
	answer, text = get(t, w.URL+"/docs")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.NotContains(t, text, "https://", "it works offline")
}

func TestOpenAPIFileIsFresh(t *testing.T) {
	want, err := (&httpapi.Server{Version: "dev"}).OpenAPI()
	require.NoError(t, err)
	have, err := os.ReadFile("../../web/openapi.json")
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, have), "web/openapi.json is old: make generate")
}

func TestPagesOfOtherOriginsCannotChangeAnything(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Environ = append(s.Environ, "ALLOWED_ORIGINS=https://app.example.org") })
	w.SetUp()
	login := `{"email":"` + apptest.Mara + `","password":"` + apptest.Password + `"}`
	post := func(origin, site string) (*http.Response, string) {
		return send(t, http.MethodPost, w.URL+"/api/v1/auth/login", login, "Content-Type", "application/json", "Origin", origin, "Sec-Fetch-Site", site)
	}
	answer, text := post("https://evil.example", "cross-site")
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
	require.Equal(t, "cross_origin", problem(t, answer, text).Code)
	require.Empty(t, answer.Header.Get("Access-Control-Allow-Origin"))
	answer, _ = post("https://app.example.org", "cross-site")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "https://app.example.org", answer.Header.Get("Access-Control-Allow-Origin"))
	answer, _ = post(w.Config.PublicURL, "same-origin")
	require.Equal(t, http.StatusOK, answer.StatusCode)

	answer, _ = send(t, http.MethodOptions, w.URL+"/api/v1/me", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "GET")
	require.Empty(t, answer.Header.Get("Access-Control-Allow-Origin"))
	answer, _ = send(t, http.MethodOptions, w.URL+"/api/v1/me", "", "Origin", "https://app.example.org", "Access-Control-Request-Method", "GET")
	require.Equal(t, "https://app.example.org", answer.Header.Get("Access-Control-Allow-Origin"))
}

func TestAddressesBehindTrustedProxies(t *testing.T) {
	refused := func(w *apptest.World) bool {
		for i := range 60 {
			address := fmt.Sprintf("198.51.100.%d", i)
			answer, _ := send(t, http.MethodPost, w.URL+"/api/v1/auth/token", fmt.Sprintf(`{"email":"somebody%d@x.example","password":"guess"}`, i),
				"Content-Type", "application/json", "X-Forwarded-For", "203.0.113.9, "+address)
			if answer.StatusCode == http.StatusTooManyRequests {
				return true
			}
		}
		return false
	}
	w := apptest.Start(t, storetest.SQLite)
	w.SetUp()
	require.True(t, refused(w), "a made-up address does not help against the limit")
	w = apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Environ = append(s.Environ, "TRUSTED_PROXIES=127.0.0.0/8,10.0.0.1") })
	w.SetUp()
	require.False(t, refused(w), "a trusted proxy says who calls: sixty different people")
}

func TestMetrics(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Environ = append(s.Environ, "METRICS_TOKEN=let-me-see") })
	owner := w.SetUp()
	require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
	w.Imported(owner)
	answer, _ := get(t, w.URL+"/metrics")
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
	names := []string{
		"rapport_http_request_duration_seconds_count{code=\"200\",route=\"GET /api/v1/workspaces/{workspace_id}/integrations/google/status\"}",
		"rapport_google_units_total{method=\"messages.list\"}", "rapport_facts_total{kind=\"connection.granted\"} 1", "rapport_job_duration_seconds_count{kind=\"gmail.backfill\",outcome=\"ok\"}",
		"rapport_connections{status=\"active\"} 1", "rapport_ledger_items{parked=\"no\"} 0", "rapport_jobs{state=\"waiting\"}", "rapport_runs_total{", "rapport_sync_lag_seconds{",
	}
	var text string
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) { // jobs and facts are counted a moment after they are on record
		_, text = get(t, w.URL+"/metrics", "Authorization", "Bearer let-me-see")
		i := slices.IndexFunc(names, func(name string) bool { return !strings.Contains(text, name) })
		if i < 0 {
			break
		}
		require.Less(t, time.Since(began), 30*time.Second, "%s is not among\n%s", names[i], text)
	}
	require.NotContains(t, text, w.Home, "no ids in labels")
	require.NotContains(t, text, apptest.Mara)
}

func TestLogsHoldNoSecretsAndNoMail(t *testing.T) {
	var log bytes.Buffer
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Log = &log })
	owner := w.SetUp()
	require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
	w.Imported(owner)
	found, err := owner.Workspace(w.Home).Emails(ctx, client.EmailQuery{})
	require.NoError(t, err)
	w.Stop()
	require.NotEmpty(t, log.String())
	for _, secret := range []string{apptest.Password, apptest.Key, apptest.Mara, "ya29.", "GOCSPX", "code=", found.Items[0].Subject, found.Items[0].Snippet[:20]} {
		require.NotContains(t, log.String(), secret)
	}
}

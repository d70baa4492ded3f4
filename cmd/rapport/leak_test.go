package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/config/configtest"
	"rapport/internal/store/storetest"
	"rapport/simulator/world"
)

// given are the answers of ours that hand a secret to whom it belongs.
func given(r *http.Request, status int) bool {
	if status >= 300 {
		return false
	}
	switch path := r.URL.Path; r.Method {
	case http.MethodPost:
		return strings.HasSuffix(path, "/auth/token") || strings.HasSuffix(path, "/api-keys") || strings.HasSuffix(path, "/leases") ||
			strings.HasSuffix(path, "/invitations") || strings.HasSuffix(path, "/connect-links") || strings.HasSuffix(path, "/authorize-links")
	case http.MethodGet:
		return strings.HasPrefix(path, "/api/token/") || strings.HasSuffix(path, "/integrations/google/connect")
	}
	return false
}

// TestNoSecretIsEverPrinted lives through everything that handles secrets, with
// logs at debug, traces sent to a collector and failures of every kind, ends
// with a crash, and then looks for every secret that existed in everything that
// was printed: logs, crash, traces, metrics, pages, problems, audit and all
// other rows.
func TestNoSecretIsEverPrinted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		s := newSecretive(t, d)
		s.live()
		s.end()
		kinds := slices.Compact(slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Values(s.k.secrets))...))))
		t.Logf("%d secrets of %d kinds looked for in %d places", len(s.k.secrets), len(kinds), len(s.k.printed))
		for _, kind := range []string{"google access_token", "google refresh_token", "google id_token", "google form code", "google form code_verifier", "google form client_secret",
			"ours key", "ours handle", "ours link", "ours access_token", "ours cookie", "ours signature", "encryption key", "a password"} {
			require.Contains(t, kinds, kind, "the test has not seen one")
		}
		for _, where := range []string{"log", "crash", "traces", "database", "doctor", "ours answers to GET /metrics", "ours answers to GET /docs"} {
			require.Greater(t, len(s.k.printed[where]), 200, "nothing was printed in %s", where)
		}
		require.Contains(t, string(s.k.printed["log"]), "level=DEBUG")
		require.Contains(t, string(s.k.printed["crash"]), "goroutine ")
		require.Empty(t, s.k.leaks())
	})
}

// secretive is an installation between two observers.
type secretive struct {
	t       *testing.T
	k       *keeper
	d       storetest.Database
	w       *apptest.World
	google  *httptest.Server // in front of the simulator
	front   *httptest.Server // in front of the program
	program *server
	environ []string
}

const clientSecretOfPage = "GOCSPX-entered-on-the-page-0001"

func newSecretive(t *testing.T, d storetest.Database) *secretive {
	t.Helper()
	s := &secretive{t: t, d: d, k: &keeper{secrets: map[string][]string{}, printed: map[string][]byte{}}}
	sim := apptest.Simulator(t, 4, "none")
	s.google = s.k.between(t, "google", sim.URL, nil)
	s.front = s.k.between(t, "ours", func() string { return s.program.url }, given)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		in := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			if z, err := gzip.NewReader(r.Body); err == nil {
				in = z
			}
		}
		body, err := io.ReadAll(in)
		if err == nil {
			s.k.print("traces", body)
		}
	}))
	t.Cleanup(collector.Close)
	s.environ = append(settingsFor(t, d, sim), "GOOGLE_BASE_URL="+s.google.URL, "PUBLIC_URL="+strings.Replace(s.front.URL, "127.0.0.1", "localhost", 1), "LOG_LEVEL=debug",
		"OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_BSP_SCHEDULE_DELAY=100", "METRICS_TOKEN=the-token-of-the-metrics", "ENCRYPTION_KEY="+configtest.Key+","+newKey)
	for kind, value := range map[string]string{"encryption key": configtest.Key, "a password": apptest.Password, "metrics token": "the-token-of-the-metrics",
		"client secret": world.DemoClientSecret, "client secret of the page": clientSecretOfPage, "a wrong password": "the wrong horse battery"} {
		s.k.secret(kind, value)
	}
	s.k.secret("encryption key", newKey)
	s.program = serves(t, s.environ)
	s.w = &apptest.World{T: t, Sim: sim, URL: s.front.URL}
	return s
}

// live does everything that has to do with secrets.
func (s *secretive) live() {
	t := s.t
	owner := s.w.SetUp()
	home := owner.Workspace(s.w.Home)
	_, err := s.w.Nobody().SignIn(ctx, apptest.Mara, "the wrong horse battery")
	require.Error(t, err)
	browser, h := s.w.Browser(apptest.Mara)
	s.faulty(func() { // the exchange of a code fails first
		s.w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara})
	}, "token", "html")
	require.Equal(t, "connected", s.w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
	s.w.Imported(owner)
	// It reads the profile as well, and would use up the fault that a lease is to meet.
	s.w.Until(owner, "the first check", func(s client.Status) bool { return s.Completeness != nil })

	plugin := s.w.Key(owner, "tokens:vend:*")
	s.tokens(plugin)
	s.leases(plugin)
	s.organisation(home)
	s.pages(h)
	_, err = home.Examine(ctx)
	require.NoError(t, err)
	require.NoError(t, browser.SignOutEverywhere(ctx, client.SignOutEverywhere{}))
}

// faulty does something while an endpoint of Google fails in a way.
func (s *secretive) faulty(do func(), method, kind string) {
	s.t.Helper()
	control(s.t, s.w.Sim, http.MethodPost, "faults", fmt.Sprintf(`{"api":"oauth","method":%q,"kind":%q,"when":"after"}`, method, kind), nil)
	do()
	control(s.t, s.w.Sim, http.MethodDelete, "faults", "", nil)
}

// tokens vends, lets refreshes fail in every way, and revokes.
func (s *secretive) tokens(plugin *client.Client) {
	t := s.t
	db := (&broker{t: t, d: s.d, environ: s.environ}).database()
	for i, kind := range []string{"html", "garbage", "cut", "status"} {
		subject := "subject-" + strconv.Itoa(i)
		s.w.Authorise(plugin, subject, "gmail", apptest.Mara)
		_, err := db.Exec("UPDATE oauth_grants SET token_expiry = $1 WHERE subject = $2", time.Now().Add(-time.Minute).UnixMicro(), subject)
		require.NoError(t, err)
		s.faulty(func() {
			_, err := plugin.Vend(ctx, subject, "gmail")
			require.Error(t, err)
		}, "token", kind)
	}
	s.w.Authorise(plugin, "subject-4", "drive", apptest.Mara)
	_, err := plugin.Vend(ctx, "subject-4", "drive")
	require.NoError(t, err)
	_, err = plugin.Vend(ctx, "subject-4", "gmail")
	require.Error(t, err)
	_, err = plugin.AuthorizedServices(ctx, "subject-4")
	require.NoError(t, err)
	s.faulty(func() { _, _ = plugin.RevokeToken(ctx, "subject-4", "drive") }, "revoke", "status")
	s.w.Authorise(plugin, "subject-5", "gmail", apptest.Jonas)
	_, err = plugin.RevokeToken(ctx, "subject-5", "gmail")
	require.NoError(t, err)
	s.w.Authorise(plugin, "subject-6", "gmail", apptest.Jonas)
	s.w.Sim.OAuth.RevokeAccount(apptest.Jonas, "")
	_, err = db.Exec("UPDATE oauth_grants SET token_expiry = $1 WHERE subject = 'subject-6'", time.Now().Add(-time.Minute).UnixMicro())
	require.NoError(t, err)
	_, err = plugin.Vend(ctx, "subject-6", "gmail")
	require.Error(t, err)
}

// leases makes one, uses it well and badly, and cuts it.
func (s *secretive) leases(plugin *client.Client) {
	t := s.t
	s.w.Authorise(plugin, "leased", "gmail", apptest.Mara)
	lease, err := plugin.CreateLease(ctx, client.LeaseWish{Name: "newsletter", UserID: "leased", Service: "gmail", Paths: []string{"/gmail/v1/users/me/profile"}})
	require.NoError(t, err)
	s.k.secret("ours handle", lease.Handle)
	use := func(path string, status int) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, s.front.URL+mustPath(t, lease.URL)+path, nil)
		require.NoError(t, err)
		a, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer func() { _ = a.Body.Close() }()
		require.Equal(t, status, a.StatusCode, path)
	}
	use("/gmail/v1/users/me/profile", http.StatusOK)
	use("/gmail/v1/users/me/messages", http.StatusForbidden)
	control(t, s.w.Sim, http.MethodPost, "faults", `{"api":"gmail","method":"getProfile","kind":"cut","times":1}`, nil)
	use("/gmail/v1/users/me/profile", http.StatusBadGateway)
	require.NoError(t, plugin.CutLease(ctx, lease.ID))
	use("/gmail/v1/users/me/profile", http.StatusUnauthorized)
}

func mustPath(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.EscapedPath()
}

// organisation enters credentials, invites people and sends connect links.
func (s *secretive) organisation(home *client.InWorkspace) {
	t := s.t
	made, err := home.AddGoogleClient(ctx, client.NewGoogleClient{Name: "page", GoogleClientID: "100000000077-page.apps.googleusercontent.com", ClientSecret: clientSecretOfPage})
	require.NoError(t, err)
	_, err = home.GoogleClients(ctx)
	require.NoError(t, err)
	invited, err := home.Invite(ctx, client.NewInvitation{Email: apptest.Jonas, Role: "member"})
	require.NoError(t, err)
	token := linkToken.FindStringSubmatch(invited.URL)
	require.NotNil(t, token, "an invitation has a link")
	_, err = s.w.Nobody().Invitation(ctx, token[1])
	require.NoError(t, err)
	_, err = s.w.Nobody().AcceptInvitation(ctx, token[1], client.AcceptInvitation{Name: "Jonas", Password: apptest.Password})
	require.NoError(t, err)
	links, err := home.CreateConnectLinks(ctx, client.NewConnectLinks{People: []client.LinkPerson{{Email: apptest.Elena}}})
	require.NoError(t, err)
	token = linkToken.FindStringSubmatch(links[0].URL)
	require.NotNil(t, token, "a connect link has a token")
	s.fetch(http.DefaultClient, "/api/v1/connect-links/"+token[1])
	s.fetch(http.DefaultClient, "/connect/"+token[1])
	_, err = home.Audit(ctx, client.AuditQuery{})
	require.NoError(t, err)
	_, err = home.Connections(ctx, "")
	require.NoError(t, err)
	_, err = home.ServiceTokens(ctx, "")
	require.NoError(t, err)
	require.NoError(t, home.RetireGoogleClient(ctx, made.ID))
}

// pages opens what browsers show, also with garbage and stolen values.
func (s *secretive) pages(h *http.Client) {
	for _, path := range []string{"/", "/login", "/docs", "/openapi.json", "/health", "/ready", "/crm/settings/account", "/invite/0123456789abcdefghijklmnopq", "/no/such/page",
		"/oauth/callback?state=0123456789abcdef&code=4%2F0stolen-code-of-somebody", "/api/v1/integrations/google/callback?state=0123456789abcdef&code=4%2F0stolen-code-of-somebody",
		"/api/v1/auth/google/callback?state=0123456789abcdef&code=4%2F0stolen-code-of-somebody", "/oauth/authorize?userId=x&service=gmail&signature=0123456789abcdef", "/api/token/x/gmail"} {
		s.fetch(h, path)
		s.fetch(http.DefaultClient, path)
	}
	r, err := http.NewRequest(http.MethodGet, s.front.URL+"/metrics", nil)
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer the-token-of-the-metrics")
	a, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	_ = a.Body.Close()
	event, err := http.Post(s.front.URL+"/api/v1/auth/google/risc", "application/secevent+jwt", strings.NewReader("eyJhbGciOiJub25lIn0.eyJqdGkiOiJmb3JnZWQtZXZlbnQifQ."))
	require.NoError(s.t, err)
	_ = event.Body.Close()
}

func (s *secretive) fetch(h *http.Client, path string) {
	s.t.Helper()
	still := *h
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a, err := still.Get(s.front.URL + path)
	require.NoError(s.t, err)
	_, _ = io.Copy(io.Discard, a.Body)
	_ = a.Body.Close()
}

// end stops the program, runs commands, lets a second one crash, and collects
// what all of them printed.
func (s *secretive) end() {
	t := s.t
	s.program.stop()
	s.k.print("log", []byte(s.program.log.String()))
	for _, args := range [][]string{{"doctor"}, {"doctor", "--json"}, {"keys", "rotate"}, {"verify"}} {
		r := runs(t, s.environ, args...)
		s.k.print(args[0], []byte(r.out+r.errs))
	}
	s.program = serves(t, s.environ)
	owner := s.w.SignIn(apptest.Mara)
	control(t, s.w.Sim, http.MethodPost, "latency", `{"ms":2000}`, nil)
	asked := make(chan struct{})
	go func() { close(asked); _, _ = owner.Workspace(s.w.Home).Examine(ctx) }()
	<-asked
	require.NoError(t, s.program.cmd.Process.Signal(syscall.SIGQUIT)) // a crash with all stacks
	<-s.program.gone
	s.k.print("crash", []byte(s.program.log.String()))
	control(t, s.w.Sim, http.MethodPost, "latency", `{"ms":0}`, nil)
	db := (&broker{t: t, d: s.d, environ: s.environ}).database()
	s.k.print("database", []byte(dump(t, db, "audit_log", "oauth_grants", "oauth_clients", "oauth_consents", "google_integrations", "api_keys", "sessions", "users", "invitations",
		"connect_links", "token_leases", "facts", "jobs", "idempotency_keys", "security_events", "login_attempts", "sync_runs", "sync_failures")))
}

package app_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app"
	"rapport/internal/app/apptest"
	"rapport/internal/config"
	"rapport/internal/config/configtest"
	"rapport/internal/crm"
	"rapport/internal/store/storetest"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var (
	ctx    = context.Background()
	nobody = slog.New(slog.DiscardHandler)
)

// patient is an installation with a set-up that may be wrong.
type patient struct {
	*apptest.World
	t     *testing.T
	owner *client.Client
	ask   *http.Client // what doctor asks with; nil: its own
	now   func() time.Time
}

const otherKey = "u2vRkzJvFcJ8PzRwhn9b3m0lWkVZ8n1p0dJc6Yx0aXo="

// illness is one thing that is wrong, or nothing.
type illness struct {
	name    string
	environ []string
	lonely  bool             // nobody is connected
	spoil   func(p *patient) // after people have connected
	broken  string           // the first broken link
	states  map[string]string
	text    string // in the finding of the broken link, or of the first warning
	fix     string
	action  string
}

const topicName = "projects/" + world.DemoProjectID + "/topics/gmail"

// illnesses: each finding of doctor stands here with the simulator in exactly
// that condition.
var illnesses = []illness{
	{name: "nothing", states: map[string]string{"settings": "ok", "data_folder": "ok", "database": "ok", "encryption_key": "ok", "public_address": "ok", "google": "ok", "clock": "ok",
		"oauth_client": "ok", "redirect_connect": "ok", "redirect_sign_in": "ok", "redirect_tokens": "ok", "publishing": "ok", "approval": "ok", "admin_policy": "ok",
		"grants": "ok", "api_gmail": "ok", "pubsub_topic": "skipped", "push_endpoint": "skipped"}},
	{name: "nobody is connected", lonely: true, states: map[string]string{"oauth_client": "ok", "grants": "skipped", "api_gmail": "skipped", "publishing": "skipped", "admin_policy": "skipped"}},
	{name: "no client", environ: []string{"GOOGLE_CLIENT_ID=", "GOOGLE_CLIENT_SECRET="}, lonely: true, broken: "oauth_client", text: "None is configured", fix: "GOOGLE_CLIENT_ID", action: "/admin/google",
		states: map[string]string{"redirect_connect": "skipped", "grants": "skipped"}},
	{name: "wrong secret", spoil: func(p *patient) { p.project(`{"secret":"another"}`) }, broken: "oauth_client", text: "refuses the client", fix: "Copy the client's id and secret",
		action: "console.cloud.google.com", states: map[string]string{"redirect_connect": "skipped", "publishing": "skipped", "api_gmail": "skipped", "clock": "ok"}},
	{name: "unknown client", environ: []string{"GOOGLE_CLIENT_ID=100000000099-nobody.apps.googleusercontent.com"}, lonely: true,
		spoil: func(p *patient) {
			p.project(`{"client_id":"100000000099-nobody.apps.googleusercontent.com","secret":"x"}`)
		}, broken: "oauth_client", text: "invalid_client"},
	{name: "deleted client", spoil: func(p *patient) { p.project(`{"deleted":true}`) }, broken: "oauth_client", text: "was deleted", fix: "Restore it"},
	{name: "redirect URI for connecting not registered", spoil: func(p *patient) { p.registered(config.SignInCallback, config.TokenCallback) }, broken: "redirect_connect",
		text: config.ConnectCallback, fix: "add exactly: http", action: "/apis/credentials", states: map[string]string{"redirect_sign_in": "ok", "redirect_tokens": "ok"}},
	{name: "redirect URI for signing in not registered", spoil: func(p *patient) { p.registered(config.ConnectCallback, config.TokenCallback) }, broken: "redirect_sign_in", text: config.SignInCallback},
	{name: "redirect URI of the token service not registered", spoil: func(p *patient) { p.registered(config.ConnectCallback, config.SignInCallback) }, broken: "redirect_tokens", text: config.TokenCallback},
	{name: "Gmail API not enabled", spoil: func(p *patient) { p.project(`{"disabled_apis":["gmail"]}`) }, broken: "api_gmail", text: "not enabled", fix: "Enable",
		action: "/apis/library/gmail.googleapis.com", states: map[string]string{"grants": "ok"}},
	{name: "Drive API not enabled", spoil: func(p *patient) { p.authorise("drive"); p.project(`{"disabled_apis":["drive"]}`) }, broken: "api_drive", action: "/apis/library/drive.googleapis.com",
		states: map[string]string{"api_gmail": "ok"}},
	{name: "Sheets API not enabled", spoil: func(p *patient) { p.authorise("sheets"); p.project(`{"disabled_apis":["sheets"]}`) }, broken: "api_sheets", states: map[string]string{"api_gmail": "ok"}},
	{name: "Meet API not enabled", spoil: func(p *patient) { p.authorise("meet"); p.project(`{"disabled_apis":["meet"]}`) }, broken: "api_meet"},
	{name: "Admin SDK not enabled", spoil: func(p *patient) { p.authorise("directory"); p.project(`{"disabled_apis":["directory"]}`) }, broken: "api_directory"},
	{name: "all APIs enabled", spoil: func(p *patient) { p.authorise("drive"); p.authorise("sheets"); p.authorise("meet") },
		states: map[string]string{"api_gmail": "ok", "api_drive": "ok", "api_sheets": "ok", "api_meet": "ok"}},
	{name: "in Testing", lonely: true, spoil: func(p *patient) { p.project(`{"publishing":"testing"}`); p.connect() }, states: map[string]string{"publishing": "warning", "api_gmail": "ok"},
		text: "in 6 days 23 hours", fix: "Publish app", action: "/auth/audience"},
	{name: "grants that died after seven days", spoil: func(p *patient) {
		for range 2 {
			p.authorise("gmail")
		}
		p.died(7 * 24 * time.Hour)
	}, broken: "grants", states: map[string]string{"publishing": "warning", "api_gmail": "skipped"}, text: "Every grant has ended", fix: "connect again"},
	{name: "access was removed", spoil: func(p *patient) { p.Sim.OAuth.RevokeAccount(apptest.Mara, "") }, broken: "grants", text: "1 has ended", fix: "connect again", action: "/admin/connections",
		states: map[string]string{"api_gmail": "skipped", "oauth_client": "ok"}},
	{name: "the organisation blocks the app", spoil: func(p *patient) { p.project(`{"blocked":{"domain":"northwind-lamps.example","app":true}}`) }, broken: "admin_policy",
		text: "admin_policy_enforced", fix: "API controls", action: "admin.google.com"},
	{name: "a connection waits for the organisation", lonely: true, spoil: func(p *patient) {
		p.project(`{"blocked":{"domain":"northwind-lamps.example","app":true,"mode":"callback"}}`)
		p.connect()
	}, broken: "admin_policy", text: "1 connection waits", fix: world.DemoClientID, action: "admin.google.com"},
	{name: "the service is off for the account", spoil: func(p *patient) {
		p.fault(front.Fault{API: "gmail", Method: "getProfile", Kind: "status", Status: 403, Reason: "domainPolicy"})
	}, broken: "api_gmail", text: "administrators", action: "admin.google.com"},
	{name: "approval pending", spoil: func(p *patient) { p.decide("pending") }, broken: "approval", text: "has not been approved", fix: "approval page", action: "/admin/approval"},
	{name: "approval blocked", spoil: func(p *patient) { p.decide("blocked") }, broken: "approval", text: "blocked Google", action: "/admin/approval"},
	{name: "clock behind", spoil: func(p *patient) { p.now = func() time.Time { return time.Now().Add(-20 * time.Minute) } }, broken: "clock", text: "behind", fix: "NTP",
		states: map[string]string{"oauth_client": "ok"}},
	{name: "clock a little ahead", spoil: func(p *patient) { p.now = func() time.Time { return time.Now().Add(time.Minute) } }, states: map[string]string{"clock": "warning"}, text: "ahead"},
	{name: "lost key", spoil: func(p *patient) { p.Config.EncryptionKey = crm.NewSecret(otherKey) }, broken: "encryption_key", text: "1 of 1 stored grants", fix: "behind the present one",
		states: map[string]string{"grants": "skipped", "api_gmail": "skipped", "oauth_client": "ok"}},
	{name: "Google cannot be reached", spoil: func(p *patient) { p.Config.GoogleBaseURL = "http://127.0.0.1:1" }, broken: "google", text: "cannot be reached", fix: "HTTPS_PROXY",
		states: map[string]string{"clock": "skipped", "oauth_client": "skipped", "redirect_connect": "skipped", "api_gmail": "skipped", "database": "ok"}},
	{name: "token endpoint down", spoil: func(p *patient) {
		p.fault(front.Fault{API: "oauth", Method: "token", Kind: "status", Status: 500})
	}, broken: "google", text: "The token endpoint"},
	{name: "no TLS", environ: []string{"PUBLIC_URL=http://crm.example.org"}, lonely: true, broken: "public_address", text: "http for localhost only", fix: "https",
		states: map[string]string{"push_endpoint": "skipped"}},
	{name: "an address of numbers", environ: []string{"PUBLIC_URL=https://203.0.113.7"}, lonely: true, broken: "public_address", text: "no IP addresses"},
	{name: "topic is right", environ: []string{"GOOGLE_PUBSUB_TOPIC=" + topicName}, spoil: func(p *patient) { p.topic(topicName, true) }, states: map[string]string{"pubsub_topic": "ok"}},
	{name: "no topic", environ: []string{"GOOGLE_PUBSUB_TOPIC=" + topicName}, broken: "pubsub_topic", text: "There is no topic", fix: "gcloud pubsub topics create", action: "cloudpubsub"},
	{name: "Gmail may not publish", environ: []string{"GOOGLE_PUBSUB_TOPIC=" + topicName}, spoil: func(p *patient) { p.topic(topicName, false) }, broken: "pubsub_topic",
		text: "may not publish", fix: "gmail-api-push@system.gserviceaccount.com"},
	{name: "topic of another project", environ: []string{"GOOGLE_PUBSUB_TOPIC=projects/somebody-elses/topics/gmail"}, broken: "pubsub_topic", text: "not in the Google Cloud project", fix: "in the project of the OAuth client"},
	{name: "another program watches", environ: []string{"GOOGLE_PUBSUB_TOPIC=" + topicName}, spoil: func(p *patient) {
		p.topic(topicName, true)
		p.topic("projects/"+world.DemoProjectID+"/topics/others", true)
		p.watch("projects/" + world.DemoProjectID + "/topics/others")
	}, states: map[string]string{"pubsub_topic": "warning"}, text: "watched with another topic"},
	{name: "reachable from outside", environ: []string{"PUBLIC_URL=https://crm.example.org"}, lonely: true, spoil: func(p *patient) { p.outside(http.StatusOK, `{"status":"ok","version":"test"}`) },
		states: map[string]string{"push_endpoint": "ok"}},
	{name: "something else answers", environ: []string{"PUBLIC_URL=https://crm.example.org"}, lonely: true, spoil: func(p *patient) { p.outside(http.StatusOK, `<html>Welcome to nginx</html>`) },
		broken: "push_endpoint", text: "something else", fix: "proxy"},
	{name: "nothing answers", environ: []string{"PUBLIC_URL=https://crm.example.org"}, lonely: true, spoil: func(p *patient) { p.outside(0, "") }, broken: "push_endpoint", text: "cannot be reached from this machine"},
}

func TestDoctorNamesTheFirstBrokenLink(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		for _, ill := range illnesses {
			t.Run(ill.name, func(t *testing.T) {
				p := admit(t, d, ill)
				before := p.everything()
				report := p.examine()
				require.Equal(t, before, p.everything(), "doctor changes nothing")
				p.stopped()
				all, _ := json.MarshalIndent(report, "", " ")
				require.Equal(t, ill.broken, report.Broken, "%s", all)
				about := ill.about(report)
				for id, state := range ill.states {
					require.Equal(t, state, finding(report, id).State, "%s: %s", id, all)
				}
				require.Contains(t, about.Text, ill.text, "%s", all)
				require.Contains(t, about.Fix, ill.fix)
				require.Contains(t, about.ActionURL, ill.action)
				for _, f := range report.Findings {
					if f.State == app.FindingBroken {
						require.NotEmpty(t, f.Fix, "what to do about %s", f.ID)
					}
					if ill.broken == "" {
						require.NotEqual(t, app.FindingBroken, f.State, "%s", all)
					}
				}
			})
		}
	})
}

// about is the finding whose words are checked.
func (ill illness) about(r client.DoctorReport) client.Finding {
	if ill.broken != "" {
		return finding(r, ill.broken)
	}
	i := slices.IndexFunc(r.Findings, func(f client.Finding) bool { return f.State == app.FindingWarning })
	if i < 0 {
		return client.Finding{}
	}
	return r.Findings[i]
}

func finding(r client.DoctorReport, id string) client.Finding {
	i := slices.IndexFunc(r.Findings, func(f client.Finding) bool { return f.ID == id })
	if i < 0 {
		return client.Finding{State: "absent"}
	}
	return r.Findings[i]
}

func admit(t *testing.T, d storetest.Database, ill illness) *patient {
	t.Helper()
	p := &patient{t: t}
	p.World = apptest.Start(t, d, func(s *apptest.Setup) { s.Environ = append(ill.environ, "WITHOUT_SYNC=true"); s.Messages = 1 })
	p.owner = p.SetUp()
	if !ill.lonely {
		p.connect()
	}
	if ill.spoil != nil {
		ill.spoil(p)
	}
	return p
}

// connect lets Mara connect her mailbox, or try to.
func (p *patient) connect() {
	p.t.Helper()
	p.Connect(p.owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara})
}

// examine asks the running program, or the command where settings were changed.
func (p *patient) examine() client.DoctorReport {
	p.t.Helper()
	if p.ask == nil && p.now == nil && p.Config.EncryptionKey.Reveal() == apptest.Key {
		report, err := p.owner.Workspace(p.Home).Examine(ctx)
		require.NoError(p.t, err)
		return report
	}
	return app.Doctor(ctx, app.Options{Config: p.Config, Version: "test", Log: nobody, Now: p.now}, "", p.ask)
}

func (p *patient) control(path, body string) {
	p.t.Helper()
	a, err := http.Post(p.Sim.URL()+"/_sim/"+path, "application/json", strings.NewReader(body))
	require.NoError(p.t, err)
	defer func() { _ = a.Body.Close() }()
	require.Equal(p.t, http.StatusOK, a.StatusCode)
}

func (p *patient) project(change string) { p.t.Helper(); p.control("project", change) }

// registered are the only redirect URIs of the client.
func (p *patient) registered(paths ...string) {
	p.t.Helper()
	for i := range paths {
		paths[i] = p.Config.PublicURL + paths[i]
	}
	list, err := json.Marshal(map[string]any{"redirect_uris": paths})
	require.NoError(p.t, err)
	p.project(string(list))
}

func (p *patient) fault(f front.Fault) {
	p.t.Helper()
	_, err := p.Sim.Front.Faults.Add(f)
	require.NoError(p.t, err)
	p.t.Cleanup(p.Sim.Front.Faults.Clear)
}

func (p *patient) decide(state string) {
	p.t.Helper()
	_, err := p.owner.Workspace(p.Home).DecideApproval(ctx, client.ApprovalPatch{State: state})
	require.NoError(p.t, err)
}

func (p *patient) topic(name string, open bool) {
	p.t.Helper()
	if open {
		require.NoError(p.t, p.Sim.PubSub.CreateTopic(name, front.GmailPublisher))
		return
	}
	require.NoError(p.t, p.Sim.PubSub.CreateTopic(name))
}

// watch begins to watch the mailbox as another program of the project would.
func (p *patient) watch(topic string) {
	p.t.Helper()
	token, err := p.Sim.OAuth.IssueToken(apptest.Mara, world.DemoClientID, []string{"https://mail.google.com/"})
	require.NoError(p.t, err)
	r, err := http.NewRequest(http.MethodPost, p.Sim.URL()+"/gmail/v1/users/me/watch", strings.NewReader(`{"topicName":"`+topic+`"}`))
	require.NoError(p.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	a, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	defer func() { _ = a.Body.Close() }()
	require.Equal(p.t, http.StatusOK, a.StatusCode)
}

// authorise gives Mara a grant of the token service.
func (p *patient) authorise(service string) {
	p.t.Helper()
	p.Authorise(p.Key(p.owner, "tokens:vend:*"), fmt.Sprintf("subject-%d", time.Now().UnixNano()), service, apptest.Mara)
}

// died makes every grant one that Google ended so long after its consent.
func (p *patient) died(after time.Duration) {
	p.t.Helper()
	now := time.Now()
	_, err := database(p.t, p.World).Exec("UPDATE oauth_grants SET status = 'dead', access_token = '', refresh_token = '', consented_at = $1, died_at = $2, lived = $3",
		now.Add(-after-time.Hour).UnixMicro(), now.Add(-time.Hour).UnixMicro(), after.Microseconds())
	require.NoError(p.t, err)
}

// outside is what the public address leads to; status 0: nothing.
func (p *patient) outside(status int, body string) {
	p.t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	p.t.Cleanup(s.Close)
	p.registered(config.ConnectCallback, config.SignInCallback, config.TokenCallback)
	p.ask = &http.Client{Transport: &http.Transport{
		DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			if status == 0 {
				return nil, errors.New("connection refused")
			}
			d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // a server of this test
			return d.DialContext(ctx, network, s.Listener.Addr().String())
		},
	}}
}

// everything that the installation knows of Google, and what it has told.
func (p *patient) everything() string {
	p.t.Helper()
	var out strings.Builder
	for _, table := range []string{"workspaces", "users", "members", "oauth_grants", "oauth_consents", "oauth_clients", "google_integrations", "audit_log", "facts", "jobs", "token_leases", "security_events"} {
		rows, err := p.App.Store.DB().Query("SELECT * FROM " + table)
		require.NoError(p.t, err)
		columns, err := rows.Columns()
		require.NoError(p.t, err)
		var lines []string
		for rows.Next() {
			values := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			require.NoError(p.t, rows.Scan(into...))
			lines = append(lines, fmt.Sprintf("%s %v\n", table, values))
		}
		require.NoError(p.t, rows.Err())
		require.NoError(p.t, rows.Close())
		slices.Sort(lines)
		out.WriteString(strings.Join(lines, ""))
	}
	return out.String()
}

// stopped requires that each watch that doctor began has been stopped.
func (p *patient) stopped() {
	p.t.Helper()
	watched := 0
	for _, r := range p.Sim.Front.Log.Since(0) {
		switch {
		case strings.HasSuffix(r.Method, "watch") && r.Status == http.StatusOK:
			watched++
		case strings.HasSuffix(r.Method, "stop") && r.Status/100 == 2:
			watched = 0
		}
	}
	if p.Config.PubSubTopic != "" && strings.Contains(p.t.Name(), "another_program") {
		require.Equal(p.t, 1, watched, "the other program's watch is left alone")
		return
	}
	require.Zero(p.t, watched)
}

// TestDoctorBeforeTheFirstStart makes nothing where there is nothing.
func TestDoctorBeforeTheFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	sim := apptest.Simulator(t, 0, "none")
	c, err := config.Load([]string{"DATA_DIR=" + dir, "GOOGLE_BASE_URL=" + sim.URL(), "GOOGLE_CLIENT_ID=" + world.DemoClientID, "GOOGLE_CLIENT_SECRET=" + world.DemoClientSecret}, "")
	require.NoError(t, err)
	report := app.Doctor(ctx, app.Options{Config: c, Log: nobody}, "", nil)
	require.Empty(t, report.Broken, "%+v", report)
	require.Equal(t, "warning", finding(report, "data_folder").State)
	require.Equal(t, "skipped", finding(report, "database").State)
	require.Equal(t, "ok", finding(report, "redirect_connect").State)
	require.NoDirExists(t, dir)
}

func TestDoctorAndTheHouse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	sim := apptest.Simulator(t, 0, "none")
	base := []string{"GOOGLE_BASE_URL=" + sim.URL(), "GOOGLE_CLIENT_ID=" + world.DemoClientID, "GOOGLE_CLIENT_SECRET=" + world.DemoClientSecret}
	garbage := filepath.Join(t.TempDir(), "rapport.db")
	require.NoError(t, os.WriteFile(garbage, []byte(strings.Repeat("this is no database\n", 500)), 0o600))
	for _, c := range []struct {
		environ []string
		broken  string
	}{
		{[]string{"DATA_DIR=" + file, "DATABASE_PATH=" + filepath.Join(t.TempDir(), "x.db"), "ENCRYPTION_KEY=" + configtest.Key}, "data_folder"},
		{[]string{"DATA_DIR=" + t.TempDir(), "DATABASE_PATH=" + garbage, "ENCRYPTION_KEY=" + configtest.Key}, "database"},
		{[]string{"DATA_DIR=" + t.TempDir(), "DATABASE_URL=postgres://rapport:t0psecret@127.0.0.1:1/x", "ENCRYPTION_KEY=" + configtest.Key}, "database"},
	} {
		settings, err := config.Load(append(slices.Clone(base), c.environ...), "")
		require.NoError(t, err)
		report := app.Doctor(ctx, app.Options{Config: settings, Log: nobody}, "", nil)
		require.Equal(t, c.broken, report.Broken, "%+v", report)
		require.Equal(t, "ok", finding(report, "oauth_client").State, "what does not depend on it is looked at")
		require.NotContains(t, fmt.Sprint(report), "t0psecret")
	}
}

// TestOneExaminationAtATime refuses a second one, and members.
func TestOneExaminationAtATime(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Environ = []string{"WITHOUT_SYNC=true"} })
	owner := w.SetUp()
	member := w.AddMember(owner, apptest.Jonas, "member")
	_, err := member.Workspace(w.Home).Examine(ctx)
	var problem *client.Problem
	require.ErrorAs(t, err, &problem)
	require.Equal(t, http.StatusForbidden, problem.Status)
	_, err = w.Sim.Front.Faults.Add(front.Fault{API: "oauth", Method: "certs", Kind: "slow", DelayMS: 1500, Times: 1})
	require.NoError(t, err)
	both := make(chan error, 2)
	for range 2 {
		go func() { _, err := owner.Workspace(w.Home).Examine(ctx); both <- err }()
	}
	refused, one := errors.Join(<-both, <-both), &client.Problem{}
	require.ErrorAs(t, refused, &one)
	require.Equal(t, http.StatusConflict, one.Status)
	require.Equal(t, "already_running", one.Code)
	_, err = owner.Workspace(w.Home).Examine(ctx)
	require.NoError(t, err, "afterwards it can be asked again")
}

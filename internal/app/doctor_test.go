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
	_, err = w.Sim.Front.Faults.Add(front.Fault{API: "oauth", Method: "certs", Kind: "slow", DelayMS: 10_000, Times: 1})
	require.NoError(t, err)
	asked := func() (n int) {
		for _, r := range w.Sim.Front.Log.Since(0) {
			if r.API == "oauth" && r.Method == "certs" {
				n++
			}
		}
		return n
	}
	before := asked()
	first, leave := context.WithCancel(ctx)
	defer leave()
	left := make(chan struct{})
	go func() { _, _ = owner.Workspace(w.Home).Examine(first); close(left) }()
	require.Eventually(t, func() bool { return asked() > before }, 30*time.Second, time.Millisecond, "the first waits for Google")
	_, err = owner.Workspace(w.Home).Examine(ctx)
	require.ErrorAs(t, err, &problem)
	require.Equal(t, http.StatusConflict, problem.Status)
	require.Equal(t, "already_running", problem.Code)
	leave() // the slow answer need not be waited for
	<-left
	require.Eventually(t, func() bool {
		_, err = owner.Workspace(w.Home).Examine(ctx)
		return err == nil
	}, 30*time.Second, 20*time.Millisecond, "afterwards it can be asked again")
}

// TestDoctorLeavesAnOlderDatabase at its version, and makes no key.
func TestDoctorLeavesAnOlderDatabase(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		w := apptest.Start(t, d, func(s *apptest.Setup) { s.Messages = 0; s.Environ = []string{"WITHOUT_SYNC=true"} })
		db := database(t, w)
		var newest int64
		require.NoError(t, db.QueryRow("SELECT MAX(version_id) FROM goose_db_version").Scan(&newest))
		settings := *w.Config
		settings.EncryptionKey = crm.Secret{}
		report := app.Doctor(ctx, app.Options{Config: &settings, Log: nobody}, "", nil)
		require.Equal(t, "encryption_key", report.Broken, "%+v", report)
		require.NoFileExists(t, settings.KeyFile())

		_, err := db.Exec("DELETE FROM goose_db_version WHERE version_id = $1", newest)
		require.NoError(t, err)
		report = app.Doctor(ctx, app.Options{Config: w.Config, Log: nobody}, "", nil)
		require.Equal(t, "database", report.Broken, "%+v", report)
		require.Contains(t, finding(report, "database").Text, "rapport migrate")
		var now int64
		require.NoError(t, db.QueryRow("SELECT MAX(version_id) FROM goose_db_version").Scan(&now))
		require.Less(t, now, newest)
		_, err = db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)", newest, true) // the next test may get this database
		require.NoError(t, err)
	})
}

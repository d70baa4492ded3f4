package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/config"
	"rapport/internal/config/configtest"
	"rapport/internal/store/storetest"
)

func TestReferencePagesAreFresh(t *testing.T) {
	dir := t.TempDir()
	r := runs(t, nil, "docs", "--dir", dir, "--env", filepath.Join(dir, "example"), "--scopes", filepath.Join(dir, "profiles.json"), "--currencies", filepath.Join(dir, "currencies.json"))
	require.Equal(t, exitOK, r.code, r.errs)
	for made, kept := range map[string]string{
		"configuration.md": "docs/reference/configuration.md", "commands.md": "docs/reference/commands.md",
		"exit-codes.md": "docs/reference/exit-codes.md", "example": ".env.example", "profiles.json": "web/src/lib/profiles.json", "currencies.json": "web/src/lib/currencies.json",
	} {
		want, err := os.ReadFile(filepath.Join(dir, made))
		require.NoError(t, err)
		have, err := os.ReadFile(filepath.Join("../..", kept))
		require.NoError(t, err)
		require.Equal(t, string(want), string(have), "%s is old: make generate", kept)
	}
}

func TestServeHelpListsEverySetting(t *testing.T) {
	r := runs(t, nil, "serve", "--help")
	require.Equal(t, exitOK, r.code)
	for _, v := range config.Variables() {
		require.Contains(t, r.out, v.Name)
		require.Contains(t, r.out, v.Doc)
	}
}

func TestFirstStartMakesWhatItNeeds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	s := serves(t, []string{"DATA_DIR=" + dir})
	info, err := os.Stat(filepath.Join(dir, "encryption.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, err = os.Stat(filepath.Join(dir, "rapport.db"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(s.log.String(), "/setup") }, 30*time.Second, 5*time.Millisecond, "it says what to do next")
	before, err := os.ReadFile(filepath.Join(dir, "encryption.key"))
	require.NoError(t, err)
	s.stop()
	serves(t, []string{"DATA_DIR=" + dir}).stop()
	after, err := os.ReadFile(filepath.Join(dir, "encryption.key"))
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestStopIsQuickWithOpenEventStreams(t *testing.T) {
	s := serves(t, []string{"DATA_DIR=" + t.TempDir()})
	w := s.world(nil, "")
	owner := w.SetUp()
	ready := make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- owner.Workspace(w.Home).Events(ctx, func(client.Happening) error { ready <- struct{}{}; return nil })
	}()
	<-ready
	began := time.Now()
	s.stop()
	require.Less(t, time.Since(began), 8*time.Second, "it is not cut off after stopPatience")
	require.NoError(t, <-ended, "the stream ends in order")
}

func TestSettingsFileBesideTheProgram(t *testing.T) {
	c := command(t, nil, "doctor", "--json")
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir, ".env"), []byte("PUBLIC_URL=http://crm.example.org\nGOOGLE_BASE_URL=http://127.0.0.1:1\n"), 0o600))
	r := finish(t, c)
	require.Equal(t, exitFailure, r.code)
	states := map[string]string{}
	var report client.DoctorReport
	require.NoError(t, json.Unmarshal([]byte(r.out), &report))
	for _, f := range report.Findings {
		states[f.ID] = f.State
		if f.State == "broken" {
			require.NotEmpty(t, f.Fix, f.Name)
		}
	}
	require.Equal(t, "ok", states["settings"])
	require.Equal(t, "skipped", states["database"], "doctor makes none")
	require.Equal(t, "skipped", states["encryption_key"])
	require.Equal(t, "broken", states["public_address"], "http is for localhost only")
	require.Equal(t, "broken", states["google"])
	require.Equal(t, "skipped", states["oauth_client"], "what needs Google is not looked at")
	require.Equal(t, "public_address", report.Broken, "the first of them")
	require.NoDirExists(t, filepath.Join(c.Dir, "data"))
}

// TestALifeOnTheCommandLine makes people and keys, connects, syncs, verifies,
// and changes the encryption key, on both databases.
func TestALifeOnTheCommandLine(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		sim := apptest.Simulator(t, 30, "none")
		environ := settingsFor(t, d, sim)
		first := command(t, environ, "user", "create", "--email", apptest.Mara, "--workspace", "Northwind Lamps", "--password-stdin")
		first.Stdin = strings.NewReader(apptest.Password + "\n")
		r := finish(t, first)
		require.Equal(t, exitOK, r.code, r.errs)
		require.Contains(t, r.out, "as owner")
		var made struct{ Email, Password, Role string }
		r = runs(t, environ, "user", "create", "--email", apptest.Jonas, "--json")
		require.Equal(t, exitOK, r.code, r.errs)
		require.NoError(t, json.Unmarshal([]byte(r.out), &made))
		require.Equal(t, "member", made.Role)
		require.GreaterOrEqual(t, len(made.Password), 20)
		runs(t, environ, "user", "create", "--email", apptest.Jonas).oneLine(t, exitFailure)
		runs(t, environ, "user", "create", "--email", "nobody").oneLine(t, exitFailure)
		r = runs(t, environ, "apikey", "create", "--email", apptest.Mara, "--scope", "*")
		require.Equal(t, exitOK, r.code, r.errs)
		key := strings.TrimSpace(r.out)

		s := serves(t, append(environ, "WITHOUT_SYNC=true"))
		w := s.world(sim, "default")
		_, err := w.Nobody().SignIn(ctx, apptest.Jonas, made.Password)
		require.NoError(t, err)
		forgotten := command(t, environ, "user", "password", "--email", apptest.Jonas, "--password-stdin")
		forgotten.Stdin = strings.NewReader("another password\n")
		r = finish(t, forgotten)
		require.Equal(t, exitOK, r.code, r.errs)
		require.NotContains(t, r.out, "another password")
		_, err = w.Nobody().SignIn(ctx, apptest.Jonas, made.Password)
		require.Error(t, err, "the old one")
		_, err = w.Nobody().SignIn(ctx, apptest.Jonas, "another password")
		require.NoError(t, err)
		r = runs(t, environ, "user", "password", "--email", apptest.Jonas, "--json")
		require.Equal(t, exitOK, r.code, r.errs)
		require.NoError(t, json.Unmarshal([]byte(r.out), &made))
		_, err = w.Nobody().SignIn(ctx, apptest.Jonas, made.Password)
		require.NoError(t, err)
		runs(t, environ, "user", "password", "--email", "nobody@x.example").oneLine(t, exitFailure)
		runs(t, environ, "user", "password").oneLine(t, exitUsage)
		owner := client.New(s.url, client.WithToken(key))
		keepsAll(t, owner.Workspace("default"))
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))

		r = runs(t, environ, "sync", "--dry-run", "--json")
		require.Equal(t, exitOK, r.code, r.errs)
		var preview []struct{ Messages, Units int64 }
		require.NoError(t, json.Unmarshal([]byte(r.out), &preview))
		require.EqualValues(t, len(wanted(t, sim, apptest.Mara)), preview[0].Messages)
		require.Empty(t, stored(t, owner.Workspace("default")), "a dry run stores nothing")

		r = runs(t, environ, "sync", "--connection", apptest.Mara)
		require.Equal(t, exitOK, r.code, r.errs)
		require.Contains(t, r.out, "succeeded")
		equalsMailbox(t, sim, owner.Workspace("default"))
		r = runs(t, environ, "sync", "--full", "--json")
		require.Equal(t, exitOK, r.code, r.errs)
		equalsMailbox(t, sim, owner.Workspace("default"))
		runs(t, environ, "sync", "--connection", "nobody@x.example").oneLine(t, exitFailure)

		r = runs(t, environ, "enrich", "--json")
		require.Equal(t, exitOK, r.code, r.errs)
		require.Contains(t, r.out, `"mail.enrich"`)
		r = runs(t, environ, "enrich", "--connection", apptest.Mara)
		require.Equal(t, exitOK, r.code, r.errs)
		require.Contains(t, r.out, "succeeded")
		runs(t, environ, "enrich", "--connection", "nobody@x.example").oneLine(t, exitFailure)
		runs(t, append(environ, "LLM_PROVIDER=openai", "LLM_MODEL=tiny"), "enrich").oneLine(t, exitConfig)

		r = runs(t, environ, "verify", "--json")
		require.Equal(t, exitOK, r.code, r.errs)
		require.Contains(t, r.out, `"unexplained": 0`)
		checkDoctor(t, environ)
		checkRotation(t, environ, owner, s)
	})
}

func checkDoctor(t *testing.T, environ []string) {
	t.Helper()
	r := runs(t, append(environ, "PUBLIC_URL=http://localhost:8000"), "doctor")
	require.Equal(t, exitOK, r.code, r.out)
	require.Contains(t, r.out, "Opens all 1 stored grants")
	require.Contains(t, r.out, "Google knows the client")
	require.Contains(t, r.out, "Gmail API: Answers")
	r = runs(t, append(environ, "GOOGLE_CLIENT_SECRET=wrong"), "doctor")
	require.Equal(t, exitFailure, r.code)
	require.Contains(t, r.out, "refuses the client")
}

const newKey = "u2vRkzJvFcJ8PzRwhn9b3m0lWkVZ8n1p0dJc6Yx0aXo="

// checkRotation changes the key under a running server that still has the old
// one, and stops it.
func checkRotation(t *testing.T, environ []string, owner *client.Client, s *server) {
	t.Helper()
	lost := append(environ, "ENCRYPTION_KEY="+newKey)
	line := finishLast(t, lost, "keys", "rotate")
	require.Contains(t, line, "reconnect")
	r := runs(t, lost, "doctor")
	require.Contains(t, r.out, "1 of 1 stored grants cannot be opened")

	both := append(environ, "ENCRYPTION_KEY="+newKey+","+configtest.Key)
	r = runs(t, both, "keys", "rotate")
	require.Equal(t, exitOK, r.code, r.errs)
	require.Contains(t, r.out, "1 sealed anew")
	r = runs(t, both, "keys", "rotate", "--json")
	require.Contains(t, r.out, `"resealed": 0`)
	r = runs(t, lost, "sync")
	require.Equal(t, exitOK, r.code, r.errs)
	status, err := owner.Workspace("default").Status(ctx, "")
	require.NoError(t, err)
	require.Equal(t, "active", status.Status)

	r = runs(t, append(environ, "ENCRYPTION_KEY="+configtest.Key), "sync") // the old key alone
	require.Equal(t, exitGoogle, r.code, "%s%s", r.out, r.errs)
	status, err = owner.Workspace("default").Status(ctx, "")
	require.NoError(t, err)
	require.Equal(t, "needs_reauth", status.Status, "a lost key is told to the owner")
	s.stop() // one program serves an SQLite database
	again := serves(t, lost)
	defer again.stop()
	again.world(nil, "default").Until(client.New(again.url, client.WithToken(tokenOf(t, again))), "the key to be found back",
		func(s client.Status) bool { return s.Status == "active" })
}

// tokenOf signs the owner in at a server.
func tokenOf(t *testing.T, s *server) string {
	t.Helper()
	var out client.Token
	require.NoError(t, client.New(s.url).Do(ctx, http.MethodPost, "/api/v1/auth/token", client.Credentials{Email: apptest.Mara, Password: apptest.Password}, &out))
	return out.AccessToken
}

// finishLast runs a command that prints something before it fails.
func finishLast(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	r := runs(t, environ, args...)
	require.Equal(t, exitKey, r.code, "%s%s", r.out, r.errs)
	return r.errs
}

func TestDemoPrintsOneLineAndRunsAgain(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "demo")
	var before client.Status
	var world string
	for round := range 2 {
		c := command(t, nil, "demo", "--port", "0", "--sim-port", "0", "--data", data, "--json")
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		log := &syncBuffer{}
		c.Stderr = log
		require.NoError(t, c.Start())
		t.Cleanup(func() { _ = c.Process.Kill() })
		line, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err, "%s", log)
		var ready struct {
			URL         string `json:"url"`
			SimURL      string `json:"sim_url"`
			WorkspaceID string `json:"workspace_id"`
			Owner       struct{ Email, Password string }
			Member      struct{ Email, Password string }
			APIKey      string `json:"api_key"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &ready))
		us := client.New(ready.URL, client.WithToken(ready.APIKey))
		status, err := us.Workspace(ready.WorkspaceID).Status(ctx, "")
		require.NoError(t, err, "it listens when the line is printed")
		require.Equal(t, "active", status.Status)
		require.Equal(t, ready.Owner.Email, status.GoogleEmail)
		if round == 1 {
			require.Equal(t, before.ConnectionID, status.ConnectionID)
			again, err := os.ReadFile(filepath.Join(data, "sim.json"))
			require.NoError(t, err)
			require.Equal(t, world, string(again), "the same simulated mailboxes")
			require.GreaterOrEqual(t, status.Counts.Messages, before.Counts.Messages)
		}
		text, err := os.ReadFile(filepath.Join(data, "sim.json"))
		require.NoError(t, err)
		before, world = status, string(text)
		member, err := us.SignIn(ctx, ready.Member.Email, ready.Member.Password)
		require.NoError(t, err)
		none, err := member.Workspace(ready.WorkspaceID).Status(ctx, "")
		require.NoError(t, err)
		require.Equal(t, "none", none.Status, "the second member has not connected yet")
		answer, err := http.Get(ready.SimURL + "/_sim/accounts")
		require.NoError(t, err)
		_ = answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		run, err := us.Workspace(ready.WorkspaceID).Sync(ctx, client.SyncRequest{}, 30*time.Second)
		require.NoError(t, err)
		require.Equal(t, "succeeded", run.State, "%+v", run)
		require.NoError(t, c.Process.Signal(os.Interrupt))
		require.NoError(t, c.Wait(), "%s", log)
	}
}

package main

import (
	"database/sql"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

// setting is the last value of a variable.
func setting(environ []string, name string) string {
	out := ""
	for _, e := range environ {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			out = v
		}
	}
	return out
}

func TestLostKeyIsNotReplacedSilently(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		environ := append(settingsFor(t, d, nil), "ENCRYPTION_KEY=")
		key := filepath.Join(setting(environ, "DATA_DIR"), "encryption.key")
		r := runs(t, environ, "migrate")
		require.Equal(t, exitOK, r.code, r.errs)
		require.NoError(t, os.Remove(key))
		require.Equal(t, exitOK, runs(t, environ, "migrate").code, "nothing is sealed yet: a new key is as good")
		kept, err := os.ReadFile(key)
		require.NoError(t, err)

		driver, address := "sqlite", setting(environ, "DATABASE_PATH")
		if d == storetest.PostgreSQL {
			driver, address = "pgx", setting(environ, "DATABASE_URL")
		}
		db, err := sql.Open(driver, address)
		require.NoError(t, err)
		_, err = db.Exec(`INSERT INTO oauth_grants (id, workspace_id, subject, google_sub, google_email, client_id, access_token, refresh_token,
			token_expiry, granted_scopes, status, failures, retry_at, last_used_at, created_at, updated_at)
			VALUES ('g1', 'w1', 'u1', '1', 'mara@northwind-lamps.example', 'c', '', 'sealed', 0, '[]', 'active', 0, 0, 0, 0, 0)`)
		require.NoError(t, err)
		require.NoError(t, db.Close())
		require.NoError(t, os.Remove(key))
		for _, name := range []string{"serve", "migrate", "sync"} {
			line := runs(t, environ, name).oneLine(t, exitKey)
			require.Contains(t, line, key)
			require.Contains(t, line, "bring the file back")
			require.Contains(t, line, "rapport keys create")
			require.NoFileExists(t, key)
		}
		require.NoError(t, os.WriteFile(key, kept, 0o600))
		require.Equal(t, exitOK, runs(t, environ, "migrate").code, "the file is back")
		runs(t, environ, "keys", "create").oneLine(t, exitKey)
		again, err := os.ReadFile(key)
		require.NoError(t, err)
		require.Equal(t, kept, again)

		require.NoError(t, os.Remove(key))
		r = runs(t, environ, "keys", "create")
		require.Equal(t, exitOK, r.code, r.errs)
		require.Contains(t, r.out, "reconnect")
		serves(t, environ).stop()
	})
}

func TestMistypedFolderMakesNoInstallation(t *testing.T) {
	for _, args := range [][]string{{"verify"}, {"sync"}, {"sync", "--dry-run"}, {"keys", "rotate"}, {"keys", "create"}, {"apikey", "create", "--email", apptest.Mara}} {
		dir := filepath.Join(t.TempDir(), "mistyped")
		line := runs(t, []string{"DATA_DIR=" + dir}, args...).oneLine(t, exitDatabase)
		require.Contains(t, line, "there is no installation at "+dir)
		require.NoDirExists(t, dir)
	}
}

func TestDatabaseIsPrivate(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755)) // somebody else made the folder
	private := func() {
		t.Helper()
		for _, end := range []string{"", "-wal", "-shm", ".lock"} {
			info, err := os.Stat(filepath.Join(dir, "rapport.db"+end))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "rapport.db%s", end)
		}
	}
	s := serves(t, []string{"DATA_DIR=" + dir})
	private()
	s.stop()
	require.NoError(t, os.Chmod(filepath.Join(dir, "rapport.db"), 0o644))
	require.NoError(t, os.Chmod(filepath.Join(dir, "rapport.db.lock"), 0o644))
	s = serves(t, []string{"DATA_DIR=" + dir})
	private()
	s.stop()
}

func TestOneProgramServesADatabase(t *testing.T) {
	dir := t.TempDir()
	environ := []string{"DATA_DIR=" + dir}
	first := serves(t, environ)
	for _, args := range [][]string{{"serve"}, {"demo", "--port", "0", "--sim-port", "0", "--data", dir}} {
		line := runs(t, environ, args...).oneLine(t, exitRunning)
		require.Contains(t, line, dir)
		require.Contains(t, line, "stop it")
	}
	r := runs(t, environ, "user", "create", "--email", apptest.Mara)
	require.Equal(t, exitOK, r.code, "short commands work beside it: %s", r.errs)
	r = runs(t, environ, "apikey", "create", "--email", apptest.Mara)
	require.Equal(t, exitOK, r.code, r.errs)
	first.kill()
	serves(t, environ).stop()
}

// connected is an installation whose owner is connected, with no server running.
func connected(t *testing.T) []string {
	t.Helper()
	sim := apptest.Simulator(t, 10, "none")
	environ := settingsFor(t, storetest.SQLite, sim)
	s := serves(t, append(environ, "WITHOUT_SYNC=true"))
	w := s.world(sim, "")
	require.Equal(t, "connected", w.Connect(w.SetUp(), client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
	s.stop()
	return environ
}

// silent is a server that takes connections and says nothing; rings at each.
func silent(t *testing.T) (address string, rings <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	bell := make(chan struct{}, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var open []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			open = append(open, c)
			select {
			case bell <- struct{}{}:
			default:
			}
		}
		for _, c := range open {
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return "http://" + l.Addr().String(), bell
}

func TestSyncAndVerifyGiveUpWithoutGoogle(t *testing.T) {
	t.Parallel()
	environ := connected(t)
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>Please sign in to the hotel's network</html>"))
	}))
	defer html.Close()
	mute, _ := silent(t)
	for _, at := range [][2]string{{"refused", "http://127.0.0.1:1"}, {"a page", html.URL}, {"unknown host", "http://google.invalid"}, {"silent", mute}} {
		name, address := at[0], at[1]
		for _, command := range [][]string{{"sync"}, {"verify"}, {"sync", "--full"}, {"sync", "--dry-run"}} {
			t.Run(name+", "+strings.Join(command, " "), func(t *testing.T) {
				began := time.Now()
				r := runs(t, append(environ, "GOOGLE_BASE_URL="+address, "LOG_LEVEL=info"), append(command, "--timeout", "1s")...)
				require.Equal(t, exitGoogle, r.code, "%s%s", r.out, r.errs)
				require.Equal(t, 1, strings.Count(r.errs, "rapport: "+apptest.Mara), "%s", r.errs)
				require.LessOrEqual(t, strings.Count(r.errs, "\n"), 2, "at most how far it got, and why it ends: %s", r.errs)
				require.Less(t, time.Since(began), 20*time.Second)
			})
		}
	}
	runs(t, environ, "sync", "--timeout", "-1s").oneLine(t, exitUsage)
	r := runs(t, environ, "sync")
	require.Equal(t, exitOK, r.code, "Google is back: %s", r.errs)
	r = runs(t, environ, "verify")
	require.Equal(t, exitOK, r.code, r.errs)
}

func TestSyncIsInterruptedAtOnce(t *testing.T) {
	t.Parallel()
	environ := connected(t)
	for _, name := range []string{"sync", "verify"} {
		mute, rings := silent(t)
		c := command(t, append(environ, "GOOGLE_BASE_URL="+mute), name)
		log := &syncBuffer{}
		c.Stderr = log
		require.NoError(t, c.Start())
		t.Cleanup(func() { _ = c.Process.Kill() })
		select {
		case <-rings:
		case <-time.After(30 * time.Second):
			require.FailNow(t, "nobody called", "%s", log)
		}
		began := time.Now()
		require.NoError(t, c.Process.Signal(syscall.SIGTERM))
		require.Error(t, c.Wait())
		require.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), "%s", log)
		require.Less(t, time.Since(began), 10*time.Second)
	}
}

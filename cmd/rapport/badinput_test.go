package main

import (
	"context"
	"database/sql"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"rapport/internal/config"
	"rapport/internal/config/configtest"
	"rapport/internal/store/storetest"
)

func TestEachWrongSettingIsOneLineAndExitCode3(t *testing.T) {
	for _, v := range config.Variables() {
		value, can := configtest.Wrong[v.Name]
		if !can {
			require.Contains(t, configtest.Free, v.Name)
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			line := runs(t, []string{v.Name + "=" + value}, "serve").oneLine(t, exitConfig)
			require.True(t, strings.HasPrefix(line, configtest.Named(v.Name)+": "), line)
			if v.Secret {
				require.NotContains(t, line, value)
			}
		})
	}
}

func TestAllWrongSettingsAtOnce(t *testing.T) {
	r := runs(t, []string{"LOG_LEVEL=loud", "WORKERS=0", "PUBLIC_URL=nowhere"}, "migrate")
	require.Equal(t, exitConfig, r.code)
	require.Equal(t, 3, strings.Count(r.errs, "\n"), r.errs)
}

func TestAnOpenBrokerIsForLoopbackAndSaysSo(t *testing.T) {
	line := runs(t, []string{"BROKER_OPEN=true", "SERVICE_HOST=0.0.0.0"}, "serve").oneLine(t, exitConfig)
	require.True(t, strings.HasPrefix(line, "BROKER_OPEN: "), line)
	s := serves(t, []string{"BROKER_OPEN=true", "DATA_DIR=" + t.TempDir(), "LOG_LEVEL=warn"})
	require.Eventually(t, func() bool { return strings.Contains(s.log.String(), "BROKER_OPEN is set") }, 10*time.Second, 5*time.Millisecond)
	s.stop()
}

func TestWrongCommandLines(t *testing.T) {
	for _, args := range [][]string{{"fly"}, {"serve", "now"}, {"serve", "--fast"}, {"user", "create"}, {"apikey", "create"}, {"demo", "--port", "x"}} {
		runs(t, nil, args...).oneLine(t, exitUsage)
	}
}

func TestBrokenKeyFile(t *testing.T) {
	for name, broken := range map[string]func(path string) error{
		"empty":    func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"garbage":  func(path string) error { return os.WriteFile(path, []byte("not a key\n"), 0o600) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, broken(filepath.Join(dir, "encryption.key")))
			line := runs(t, []string{"DATA_DIR=" + dir}, "serve").oneLine(t, exitKey)
			require.Contains(t, line, "encryption.key")
			require.NotContains(t, line, "not a key\n")
		})
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		environ := settingsFor(t, d, nil)
		driver, address := "sqlite", ""
		for _, e := range environ {
			if url, ok := strings.CutPrefix(e, "DATABASE_URL="); ok {
				driver, address = "pgx", url
			} else if path, ok := strings.CutPrefix(e, "DATABASE_PATH="); ok {
				address = path
			}
		}
		db, err := sql.Open(driver, address)
		require.NoError(t, err)
		_, err = db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, " + map[string]string{"sqlite": "1", "pgx": "true"}[driver] + ")")
		require.NoError(t, err)
		defer func() { // the next test may get this database
			_, err := db.Exec("DELETE FROM goose_db_version WHERE version_id = 99999")
			require.NoError(t, err)
			require.NoError(t, db.Close())
		}()
		for _, name := range []string{"serve", "migrate", "doctor"} {
			r := runs(t, environ, name)
			if name == "doctor" {
				require.Equal(t, exitFailure, r.code)
				require.Contains(t, r.out, "99999")
				continue
			}
			line := r.oneLine(t, exitDatabase)
			require.Contains(t, line, "99999")
			require.Contains(t, line, "newer")
		}
	})
}

func TestDatabaseThatCannotBeUsed(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	line := runs(t, []string{"DATABASE_URL=postgres://rapport:t0psecret@" + closed.Addr().String() + "/x"}, "serve").oneLine(t, exitDatabase)
	require.True(t, strings.HasPrefix(line, "DATABASE_URL: "), line)
	require.NotContains(t, line, "t0psecret")

	path := filepath.Join(t.TempDir(), "not.db")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("this is no database\n", 500)), 0o600))
	line = runs(t, []string{"DATABASE_PATH=" + path}, "serve").oneLine(t, exitDatabase)
	require.Contains(t, line, path)

	if server := os.Getenv("TEST_DATABASE_URL"); server != "" {
		absent, err := url.Parse(server)
		require.NoError(t, err)
		absent.Path = "/no_such_database_here"
		line = runs(t, []string{"DATABASE_URL=" + absent.String()}, "serve").oneLine(t, exitDatabase)
		require.True(t, strings.HasPrefix(line, "DATABASE_URL: "), line)
	}
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	require.Contains(t, runs(t, []string{"SERVICE_PORT=" + port}, "serve").oneLine(t, exitPort), "SERVICE_PORT: 127.0.0.1:"+port)
	require.Contains(t, runs(t, nil, "sim", "--port", port).oneLine(t, exitPort), port)
	require.Contains(t, runs(t, nil, "demo", "--port", port, "--sim-port", "0").oneLine(t, exitPort), port)
	require.Contains(t, runs(t, nil, "demo", "--port", "0", "--sim-port", port).oneLine(t, exitPort), port)
	require.Contains(t, runs(t, []string{"PPROF_ADDRESS=127.0.0.1:" + port, "LOG_LEVEL=warn", "GOOGLE_CLIENT_ID=x", "GOOGLE_CLIENT_SECRET=y"}, "serve").oneLine(t, exitPort), "PPROF_ADDRESS")
	require.Contains(t, runs(t, []string{"SERVICE_HOST=203.0.113.7"}, "serve").oneLine(t, exitPort), "SERVICE_HOST")
}

func TestDataFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	line := runs(t, []string{"DATA_DIR=" + filepath.Join(file, "below")}, "serve").oneLine(t, exitDisk)
	require.Contains(t, line, "DATA_DIR")
}

// TestFullDisk starts on file systems of a few pages each: too small for the
// key, and too small for the database.
func TestFullDisk(t *testing.T) {
	for _, size := range []string{"4k", "64k"} {
		for _, environ := range [][]string{nil, {"ENCRYPTION_KEY=" + configtest.Key}} {
			c := command(t, append([]string{"DATA_DIR=" + t.TempDir()}, environ...), "serve")
			small, possible := onSmallDisk(t, c, size)
			if !possible {
				t.Log("this machine lets nobody mount a small file system: a full disk is not tested")
				return
			}
			line := finish(t, small).oneLine(t, exitDisk)
			require.Contains(t, strings.ToLower(line), "space")
		}
	}
}

// onSmallDisk runs a command with a file system of a size on its data folder, in
// a mount namespace of its own.
func onSmallDisk(t *testing.T, c *exec.Cmd, size string) (*exec.Cmd, bool) {
	t.Helper()
	var dir string
	for _, e := range c.Env {
		if d, ok := strings.CutPrefix(e, "DATA_DIR="); ok {
			dir = d
		}
	}
	script := "mount -t tmpfs -o size=" + size + " small '" + dir + "' && exec \"$@\""
	for _, unshare := range [][]string{{"unshare", "-m"}, {"unshare", "-rm"}} {
		try := append(unshare[1:], "sh", "-c", script, "sh")
		if exec.CommandContext(context.Background(), unshare[0], append(try, "true")...).Run() != nil {
			continue
		}
		small := exec.Command(unshare[0], append(try, c.Args...)...)
		small.Env, small.Dir = c.Env, c.Dir
		return small, true
	}
	return nil, false
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/config/configtest"
	"rapport/internal/netguard/porttest"
	"rapport/internal/store/storetest"
	"rapport/simulator"
	"rapport/simulator/world"
)

var ctx = context.Background()

// binary is the real program, built once for all tests.
var binary string

// buildFlags are those the program is built with.
var buildFlags []string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "rapport-cmd")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "rapport")
	if out, err := exec.Command("go", slices.Concat([]string{"build"}, buildFlags, []string{"-o", binary, "."})...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		os.Exit(1)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	storetest.Main(m)
}

// result of a command that has ended.
type result struct {
	code      int
	out, errs string
}

// command prepares the program in an empty folder with these settings alone.
func command(t *testing.T, environ []string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(binary, args...)
	c.Dir = t.TempDir()
	c.Env = append([]string{"HOME=" + c.Dir, "PATH=" + os.Getenv("PATH"), "SERVICE_PORT=0"}, environ...)
	return c
}

// runs runs the program to its end.
func runs(t *testing.T, environ []string, args ...string) result {
	t.Helper()
	return finish(t, command(t, environ, args...))
}

func finish(t *testing.T, c *exec.Cmd) result {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	require.NoError(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case <-ended:
	case <-time.After(2 * time.Minute):
		_ = c.Process.Kill()
		<-ended
		require.FailNow(t, "the command did not end", "%s\n%s", out.String(), errs.String())
	}
	return result{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// oneLine is the single line a failed command says.
func (r result) oneLine(t *testing.T, code int) string {
	t.Helper()
	require.Equal(t, code, r.code, "%s%s", r.out, r.errs)
	line := strings.TrimSuffix(r.errs, "\n")
	require.NotContains(t, line, "\n")
	text, ours := strings.CutPrefix(line, "rapport: ")
	require.True(t, ours, line)
	return text
}

// settingsFor are the settings of a program on a database and a simulator.
func settingsFor(t *testing.T, d storetest.Database, sim *simulator.Simulator) []string {
	t.Helper()
	environ := []string{"DATA_DIR=" + t.TempDir(), "ENCRYPTION_KEY=" + configtest.Key, "LOG_LEVEL=warn"}
	if sim != nil {
		environ = append(environ, "GOOGLE_BASE_URL="+sim.URL(), "GOOGLE_QUOTA=none",
			"GOOGLE_CLIENT_ID="+world.DemoClientID, "GOOGLE_CLIENT_SECRET="+world.DemoClientSecret)
	}
	if url := storetest.Options(t, d).URL; d == storetest.PostgreSQL {
		environ = append(environ, "DATABASE_URL="+url)
	} else {
		environ = append(environ, "DATABASE_PATH="+url)
	}
	return slices.Clip(environ) // callers append
}

// server is a running `rapport serve`.
type server struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	log  *syncBuffer
	gone chan struct{}
}

// serves starts `rapport serve` and waits until it answers. Another program may
// take the port before it does: then there is another port.
func serves(t *testing.T, environ []string) *server {
	t.Helper()
	for range 5 {
		port, err := porttest.Free()
		require.NoError(t, err)
		if s := launch(t, environ, port); s.answers() {
			return s
		}
	}
	require.FailNow(t, "every port was taken")
	return nil
}

// launch starts `rapport serve` on a port.
func launch(t *testing.T, environ []string, port string) *server {
	t.Helper()
	s := &server{t: t, cmd: command(t, append(environ, "SERVICE_PORT="+port), "serve"), url: "http://127.0.0.1:" + port, log: &syncBuffer{}, gone: make(chan struct{})}
	s.cmd.Stderr = s.log
	require.NoError(t, s.cmd.Start())
	go func() { _ = s.cmd.Wait(); close(s.gone) }()
	t.Cleanup(func() {
		s.kill()
		require.NotContains(t, s.log.String(), "WARNING: DATA RACE")
	})
	return s
}

// answers waits until a server answers; false when its port was taken.
func (s *server) answers() bool {
	s.t.Helper()
	ended := func() bool {
		select {
		case <-s.gone:
			return true
		default:
			return false
		}
	}
	hasty := &http.Client{Timeout: 2 * time.Second} // whoever has the port instead may never answer
	require.Eventually(s.t, func() bool {
		if ended() {
			return true // who answers now is somebody else
		}
		answer, err := hasty.Get(s.url + "/health")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}, 30*time.Second, 5*time.Millisecond, "%s", s.log)
	if ended() {
		require.Equal(s.t, exitPort, s.cmd.ProcessState.ExitCode(), "it ended: %s", s.log)
		return false
	}
	return true
}

// kill is kill -9.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.gone
}

// stop is a polite end.
func (s *server) stop() {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGTERM))
	<-s.gone
	require.Equal(s.t, 0, s.cmd.ProcessState.ExitCode(), "%s", s.log)
}

// world gives the helpers of apptest for a server in a process of its own.
func (s *server) world(sim *simulator.Simulator, home string) *apptest.World {
	return &apptest.World{T: s.t, Sim: sim, URL: s.url, Home: home}
}

// syncBuffer is a buffer that is written and read at once.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// stored lists the Gmail ids of a mailbox as the API gives them, each once.
func stored(t *testing.T, c *client.InWorkspace) map[string]client.EmailItem {
	t.Helper()
	out := map[string]client.EmailItem{}
	require.NoError(t, c.EachEmail(ctx, client.EmailQuery{Limit: 200}, func(e client.EmailItem) error {
		require.NotContains(t, out, e.GmailID, "a message is stored twice")
		out[e.GmailID] = e
		return nil
	}))
	return out
}

package scenario

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/store/storetest"
)

// play is a piece of work that is disturbed: what came before it went well.
type play struct {
	name  string
	given func(h *house) *process // up to the moment from which it is disturbed
	page  int                     // size of Google's lists from then on
}

// plays are the ways in which mail gets in.
var plays = []play{
	{name: "full", given: func(h *house) *process {
		h.furnish()
		p := h.boot()
		h.connect(p)
		h.clock.Move(time.Hour) // the first token has ended
		return p
	}},
	{name: "incremental", page: 6, given: func(h *house) *process {
		s := h.furnish()
		p := h.synced()
		h.change(s)
		h.clock.Move(time.Hour)
		return p
	}},
	{name: "expired", page: 40, given: func(h *house) *process {
		s := h.furnish()
		p := h.synced()
		h.change(s)
		require.NoError(h.t, h.sim.Mail.ExpireHistory(h.account))
		h.deliver("", "INBOX")
		h.remove(h.ids("INBOX")[3])
		h.clock.Move(time.Hour)
		return p
	}},
}

// synced is a process that has imported the mailbox.
func (h *house) synced() *process {
	h.t.Helper()
	p := h.boot()
	h.connect(p)
	require.NoError(h.t, p.begin())
	require.NoError(h.t, p.settle())
	return p
}

// messages in a mailbox before it is furnished: more than the first chunk of a
// back-fill takes.
const messages = 48

// TestCrashes kills the process at every call to Google and at every write, and
// starts it again.
func TestCrashes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		for _, s := range plays {
			for _, at := range []struct {
				what string
				arm  func(p *process, k int) (hit func() bool)
			}{{"call", killAtCall}, {"write", killAtWrite}} {
				t.Run(s.name+"/"+at.what, func(t *testing.T) {
					began, k := time.Now(), 1
					for ; w.crash(t, s, at.what, k, at.arm); k += stride() {
						if t.Failed() {
							return
						}
					}
					t.Logf("%d times killed, %v", (k-1)/stride(), time.Since(began).Round(time.Millisecond))
				})
			}
		}
	})
}

// stride leaves some points out under -short.
func stride() int {
	if testing.Short() {
		return 7
	}
	return 1
}

// crash plays once and kills at point k; it answers whether there is such a
// point.
func (w *town) crash(t *testing.T, s play, what string, k int, arm func(*process, int) func() bool) (hit bool) {
	t.Run(fmt.Sprint(what, " ", k), func(t *testing.T) {
		h := w.newHouse(t, messages)
		defer h.leave()
		p := s.given(h)
		h.page = s.page
		killed := arm(p, k)
		err := p.begin()
		if err == nil {
			err = p.settle()
		}
		if hit = killed(); hit {
			require.Error(t, err)
			p = h.reborn(p)
			err = p.begin()
			require.NoError(t, err)
			err = p.settle()
		}
		require.NoError(t, err)
		p.calm()
		h.sound()
		p.idle()
		p.stop()
		if t.Failed() {
			t.Log(&p.trail)
		}
	})
	return hit
}

// reborn is another process over what a killed one left, a minute later.
func (h *house) reborn(dead *process) *process {
	h.t.Helper()
	dead.stop()
	h.clock.Move(61 * time.Second)
	p := h.boot()
	p.trail.add("%s\n--- a minute later", &dead.trail)
	return p
}

// killAtCall kills the process when the k-th call from now on is on its way; a
// token that Google has given anew is lost with its answer.
func killAtCall(p *process, k int) func() bool {
	at := p.calls.Load() + int64(k)
	kill := func(token bool) func(int64, *http.Request) error {
		return func(n int64, r *http.Request) error {
			if n == at && token == (r.URL.Path == "/token") {
				return p.kill()
			}
			return nil
		}
	}
	p.before, p.after = kill(false), kill(true)
	return p.dead.Load
}

// killAtWrite kills the process at the k-th write from now on. Statements of
// one kind in a row count once, reading ones not at all: where a transaction
// ends before its commit it leaves nothing behind. On PostgreSQL only the ends
// of transactions count; THOROUGH=1 takes every statement.
func killAtWrite(p *process, k int) func() bool {
	seen, last := 0, ""
	p.wrote = func(_ int64, op string) error {
		again := op == last
		if last = op; again || reads(op) {
			return nil
		}
		if p.db == storetest.PostgreSQL && os.Getenv("THOROUGH") == "" && !strings.Contains(op, "/commit") {
			return nil
		}
		if seen++; seen == k {
			return p.kill()
		}
		return nil
	}
	return p.dead.Load
}

func reads(op string) bool {
	_, statement, _ := strings.Cut(op, "/")
	for _, w := range []string{"read", "look", "lock", "count threads", "compare"} {
		if strings.HasPrefix(statement, w) {
			return true
		}
	}
	return false
}

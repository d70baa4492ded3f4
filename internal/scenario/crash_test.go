package scenario

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/store/storetest"
)

// play is a piece of work that is disturbed: what came before it went well.
type play struct {
	name  string
	mail  int                     // generated messages in the mailbox
	given func(h *house) *process // up to the moment from which it is disturbed
	page  int                     // size of Google's lists from then on
	then  func(h *house)          // nil, or what has to be true in the end besides
}

// plays are the ways in which mail gets in. With what is furnished the first
// mailbox has more messages than the first chunk of a back-fill takes.
var plays = []play{
	{name: "full", mail: 48, given: func(h *house) *process {
		h.furnish()
		p := h.boot()
		h.connect(p)
		h.clock.Move(time.Hour) // the first token has ended
		return p
	}},
	{name: "incremental", mail: 10, page: 6, given: func(h *house) *process {
		s := h.furnish()
		p := h.synced()
		h.change(s)
		h.clock.Move(time.Hour)
		return p
	}},
	{name: "expired", mail: 10, page: 12, given: func(h *house) *process {
		s := h.furnish()
		p := h.synced()
		h.change(s)
		require.NoError(h.t, h.sim.Mail.ExpireHistory(h.account))
		h.deliver("", "INBOX")
		h.remove(h.ids("INBOX")[3])
		h.clock.Move(time.Hour)
		return p
	}},
	{name: "changes", mail: 30, page: 6, given: givenChanges, then: changesArrived},
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

// TestCrashes kills the process at every call to Google and at every write, and
// starts it again. On PostgreSQL it is every third, in short runs every 13th; THOROUGH=1
// leaves none out.
func TestCrashes(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		step := 1
		switch {
		case testing.Short():
			step = 13
		case d == storetest.PostgreSQL && !thorough:
			step = 3
		}
		for _, s := range plays {
			for _, at := range []struct {
				what string
				arm  func(p *process, k int) (hit func() bool)
			}{{"call", killAtCall}, {"write", killAtWrite}} {
				t.Run(s.name+"/"+at.what, func(t *testing.T) {
					began, times, k := time.Now(), 0, 1
					for ; w.crash(t, s, at.what, k, at.arm) && !t.Failed(); k += step {
						times++
					}
					t.Logf("killed %d times, %v", times, time.Since(began).Round(time.Millisecond))
				})
			}
		}
	})
}

// each runs a test on both databases at the same time.
func each(t *testing.T, test func(t *testing.T, d storetest.Database)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		test(t, d)
	})
}

// thorough takes everything that is otherwise sampled.
var thorough = os.Getenv("THOROUGH") != ""

// crash plays once and kills at point k; it answers whether there is such a
// point.
func (w *town) crash(t *testing.T, s play, what string, k int, arm func(*process, int) func() bool) (hit bool) {
	t.Run(fmt.Sprint(what, " ", k), func(t *testing.T) {
		h := w.newHouse(t, s.mail)
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
		if s.then != nil {
			s.then(h)
		}
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
	alike, seen := map[string]int{}, 0
	var at atomic.Int64
	kill := func(token bool) func(int64, *http.Request) error {
		return func(n int64, r *http.Request) error {
			if n == at.Load() && token == (r.URL.Path == "/token") {
				return p.kill()
			}
			return nil
		}
	}
	p.after.set(kill(true))
	p.before.set(func(n int64, r *http.Request) error {
		if alike[likeness(r)]++; alike[likeness(r)] <= 3 || thorough {
			if seen++; seen == k {
				at.Store(n)
			}
		}
		return kill(false)(n, r)
	})
	return p.dead.Load
}

// killAtWrite kills the process at the k-th write from now on. Statements of
// one kind in a row count once, reading ones not at all: where a transaction
// ends before its commit it leaves nothing behind. Usually only the ends of
// transactions count: before the commit, and after it.
func killAtWrite(p *process, k int) func() bool {
	seen, last := 0, ""
	p.wrote.set(func(_ int64, op string) error {
		again := op == last
		if last = op; again || reads(op) {
			return nil
		}
		if !thorough && !strings.Contains(op, "/commit") {
			return nil
		}
		if seen++; seen == k {
			return p.kill()
		}
		return nil
	})
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

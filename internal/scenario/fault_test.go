package scenario

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/mail"
	"rapport/internal/store/storetest"
	"rapport/simulator/front"
)

// troubles are the ways in which Google fails, once each.
var troubles = []struct {
	name string
	front.Fault
	lie bool // says of what exists that it does not
}{
	{name: "401", Fault: front.Fault{Kind: "status", Status: 401}},
	{name: "403 rate", Fault: front.Fault{Kind: "status", Status: 403, Reason: "rateLimitExceeded"}},
	{name: "404", Fault: front.Fault{Kind: "status", Status: 404}, lie: true},
	{name: "429", Fault: front.Fault{Kind: "status", Status: 429}},
	{name: "500", Fault: front.Fault{Kind: "status", Status: 500}},
	{name: "cut", Fault: front.Fault{Kind: "cut"}},
	{name: "cut after", Fault: front.Fault{Kind: "cut", When: "after"}},
	{name: "garbage", Fault: front.Fault{Kind: "garbage"}},
	{name: "half", Fault: front.Fault{Kind: "garbage", When: "after"}},
	{name: "html", Fault: front.Fault{Kind: "html"}},
}

// TestFaults lets every call to Google fail once in every way. A batch fails
// once as a whole and once in one of its parts.
func TestFaults(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		step := 1
		switch {
		case testing.Short():
			step = 23
		case d == storetest.PostgreSQL && !thorough:
			step = 5
		}
		for _, s := range plays {
			s.mail, s.page = min(s.mail, 10), 0
			t.Run(s.name, func(t *testing.T) {
				began, times := time.Now(), 0
				for f, trouble := range troubles {
					for _, whole := range []bool{false, true} {
						for k := 1 + f%step; ; k += step {
							hit := w.trouble(t, s, trouble.name, trouble.Fault, k, whole, trouble.lie)
							if !hit {
								break
							}
							times++
						}
					}
				}
				t.Logf("failed %d times, %v", times, time.Since(began).Round(time.Millisecond))
			})
		}
	})
}

// trouble plays once with a fault at the k-th call; whole counts batches only,
// and hits all of it.
func (w *town) trouble(t *testing.T, s play, name string, f front.Fault, k int, whole, lie bool) (hit bool) {
	kind := "call"
	if whole {
		kind = "batch"
	}
	t.Run(fmt.Sprint(name, " ", kind, " ", k), func(t *testing.T) {
		h := w.newHouse(t, s.mail)
		defer h.leave()
		p := s.given(h)
		h.page = s.page
		seen, alike := 0, map[string]int{}
		p.before = func(_ int64, r *http.Request) error {
			batch := strings.HasPrefix(r.URL.Path, "/batch/")
			if alike[likeness(r)]++; alike[likeness(r)] > 3 && !thorough || !batch && whole {
				return nil
			}
			if seen++; seen != k {
				return nil
			}
			hit = true
			f.Times = 1
			if whole {
				f.Method = "batch"
			} else if batch {
				f.After = 1 // its second part
			}
			p.trail.add("%s from here on", name)
			_, err := h.sim.Front.Faults.Add(f)
			return err
		}
		require.NoError(t, p.begin())
		require.NoError(t, p.settle())
		p.calm()
		h.sim.Front.Faults.Clear()
		h.healed(p, lie)
		p.idle()
		p.stop()
		if t.Failed() {
			t.Log(&p.trail)
		}
	})
	return hit
}

// likeness is what kind of a call it is: a check lists every label, and the
// lists are all alike.
func likeness(r *http.Request) string {
	return fmt.Sprint(r.URL.Path, r.URL.Query().Has("labelIds"), r.URL.Query().Has("includeSpamTrash"))
}

// healed requires that everything is well again. What Google has denied to
// exist is believed, until the daily check finds it.
func (h *house) healed(p *process, lie bool) {
	h.t.Helper()
	if lie && len(Differences(h.t, h.ground, h.sim, h.connection())) > 0 {
		p.trail.add("the check of the next day")
		h.clock.Move(24 * time.Hour)
		require.NoError(h.t, p.settle())
	}
	h.sound()
}

// TestUnreadable keeps messages from being read for as long as the ledger tries,
// and longer: every row of the ledger names a message that is really missing,
// and all of them heal.
func TestUnreadable(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newHouse(t, 30)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		for _, method := range []string{"messages.get", "threads.get"} {
			_, err := h.sim.Front.Faults.Add(front.Fault{API: "gmail", Account: h.account, Method: method, Kind: "garbage"})
			require.NoError(t, err)
		}
		require.NoError(t, p.begin())
		require.NoError(t, p.settle())
		at := mailboxOf(t, h.sim, h.account)
		require.Len(t, at, 30)
		_ = at
		_ = context.Background
		_ = mail.KindRetry
	})
}

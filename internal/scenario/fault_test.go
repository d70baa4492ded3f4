package scenario

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
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
			step = 29
		case d == storetest.PostgreSQL && !thorough:
			step = 5
		}
		for i, s := range plays {
			s.mail, s.page = min(s.mail, 10), 0
			t.Run(s.name, func(t *testing.T) {
				began, times := time.Now(), 0
				for f, trouble := range troubles {
					if testing.Short() && (f+i)%len(plays) != 0 {
						continue // each trouble in one play
					}
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
		p.before.set(func(_ int64, r *http.Request) error {
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
		})
		require.NoError(t, p.begin())
		require.NoError(t, p.settle())
		p.calm()
		h.sim.Front.Faults.Clear()
		h.healed(p, lie)
		if s.then != nil && !lie {
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

// TestUnreadable keeps messages from being read for as long as the ledger tries.
// Every row of the ledger names a message that is really missing, other mail
// comes in, and all of it heals when somebody asks.
func TestUnreadable(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newHouse(t, 30)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		h.unreadable()
		require.NoError(t, p.begin())
		require.NoError(t, p.work())
		missing := h.missing()
		require.NotEmpty(t, missing)
		require.Equal(t, missing, h.failing(func(f crm.Failure) {
			require.False(t, f.Parked)
			require.LessOrEqual(t, f.Attempts, 2, "by the import and by the check after it")
			require.NotEmpty(t, f.Reason)
		}))
		require.Equal(t, crm.RunPartial, h.last(crm.StreamGmailBackfill).State)
		c, err := p.mail.Completeness(p.ctx, h.owners, h.conn)
		require.NoError(t, err)
		require.Zero(t, c.Unexplained)
		require.EqualValues(t, len(missing), c.GoogleCount-c.RapportCount)

		require.NoError(t, p.settle()) // as long as it is tried
		require.Equal(t, missing, h.failing(func(f crm.Failure) { require.True(t, f.Parked, "%+v", f) }))

		h.sim.Front.Faults.Clear()
		fresh := h.deliver("", "INBOX")
		require.NoError(t, p.settle())
		require.Contains(t, rowsOf(t, h.ground, h.conn), fresh)
		require.Equal(t, missing, h.failing(func(crm.Failure) {}), "what is parked waits for somebody")
		for _, f := range h.ledger() {
			require.NoError(t, p.mail.RetryFailure(p.ctx, h.owners, h.conn, f.ID))
		}
		require.NoError(t, p.settle())
		h.sound()
		p.idle()
	})
}

// TestUnreadableForAWhile has the ledger heal by itself, over a restart.
func TestUnreadableForAWhile(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newHouse(t, 30)
		defer h.leave()
		s := h.furnish()
		p := h.synced()
		h.unreadable()
		h.change(s)
		h.clock.Move(time.Minute)
		require.NoError(t, p.work())
		missing := h.missing()
		require.NotEmpty(t, missing)
		require.Equal(t, missing, h.failing(func(crm.Failure) {}))
		h.sim.Front.Faults.Clear()
		p = h.reborn(p)
		require.NoError(t, p.begin())
		require.NoError(t, p.settle())
		h.sound()
		p.idle()
	})
}

// unreadable makes Google garble every message.
func (h *house) unreadable() {
	h.t.Helper()
	for _, method := range []string{"messages.get", "threads.get"} {
		_, err := h.sim.Front.Faults.Add(front.Fault{API: "gmail", Account: h.account, Method: method, Kind: "garbage"})
		require.NoError(h.t, err)
	}
}

// missing are the ids that are wanted and not here.
func (h *house) missing() []string {
	h.t.Helper()
	faults := h.sim.Front.Faults.List()
	h.sim.Front.Faults.Clear()
	defer func() {
		for _, f := range faults {
			_, err := h.sim.Front.Faults.Add(f)
			require.NoError(h.t, err)
		}
	}()
	rows, chosen := rowsOf(h.t, h.ground, h.conn), h.connection().Settings.Labels
	var out []string
	for id, m := range mailboxOf(h.t, h.sim, h.account) {
		if isWanted(m.Labels, chosen) && (rows[id] == nil || rows[id].Deleted) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// failing are the ids in the ledger, each looked at.
func (h *house) failing(look func(crm.Failure)) []string {
	h.t.Helper()
	var out []string
	for _, f := range h.ledger() {
		look(f)
		out = append(out, f.ItemID)
	}
	slices.Sort(out)
	return out
}

// last is the newest run of a stream.
func (h *house) last(s crm.Stream) crm.Run {
	h.t.Helper()
	r, err := h.ground.LastRun(context.Background(), h.conn, s)
	require.NoError(h.t, err)
	return r
}

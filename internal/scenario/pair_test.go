package scenario

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/store/storetest"
)

// TestTwoWorkers lets two processes do every step of one mailbox at the same
// time, as they do when the lease of a job is lost in a pause, while the mailbox
// changes.
func TestTwoWorkers(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newHouse(t, 80)
		defer h.leave()
		h.page = 15
		s := h.furnish()
		p := h.boot()
		h.connect(p)
		require.NoError(t, p.begin())
		both := []*process{p, h.boot()}
		for round := range 6 {
			var all sync.WaitGroup
			for _, k := range kinds {
				for _, p := range both {
					all.Go(func() {
						for more, n := true, 0; more && n < 50; n++ {
							var err error
							if more, err = p.step(k); err != nil && !fault.Passing(err) && !fault.Is(err, fault.Conflict) {
								t.Errorf("%s: %v", k, err)
								return
							}
						}
					})
				}
			}
			if round == 0 {
				h.change(s)
			}
			h.deliver("", "INBOX")
			h.remove(h.ids("INBOX")[1])
			all.Wait()
			h.clock.Move(20 * time.Minute)
			require.False(t, t.Failed(), "%s", &p.trail)
		}
		require.NoError(t, p.settle())
		h.sound()
		p.idle()
		both[1].idle()
	})
}

// TestTwoProcesses share the queue: each message is fetched by one of them, and
// the token is refreshed once.
func TestTwoProcesses(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newHouse(t, 120)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		require.NoError(t, p.begin())
		h.clock.Move(time.Hour)
		since := h.sim.Front.Log.Since(0)
		number := uint64(0)
		if len(since) > 0 {
			number = since[len(since)-1].Number
		}
		both := []*process{p, h.boot()}
		var all sync.WaitGroup
		for _, p := range both {
			p.vault.After = nil // leases are as long as the refresh really takes
			all.Go(func() { require.NoError(t, p.work()) })
		}
		all.Wait()
		require.NoError(t, p.settle())
		h.sound()
		refreshed, fetched := 0, map[string]int{}
		for _, r := range h.sim.Front.Log.Since(number) {
			switch r.Method {
			case "token":
				refreshed++
			case "messages.get", "threads.get":
				fetched[r.Path]++
			}
		}
		require.Equal(t, 1, refreshed)
		require.NotEmpty(t, fetched)
		for path, n := range fetched {
			require.Equal(t, 1, n, path)
		}
	})
}

// TestDisconnecting in the middle of an import leaves nothing that looks as if
// somebody worked on it; connecting again goes on.
func TestDisconnecting(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newHouse(t, 90)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		require.NoError(t, p.begin())
		p.mail.Budget = 0 // one page a step
		for range 2 {
			more, err := p.step(mail.KindBackfill)
			require.NoError(t, err)
			require.True(t, more)
		}
		_, err := p.mail.Verify(p.ctx, h.owners, h.conn)
		require.NoError(t, err)
		require.Nil(t, h.last(crm.StreamGmailBackfill).FinishedAt)
		_, err = p.vault.Disconnect(p.ctx, h.owners, h.conn)
		require.NoError(t, err)
		h.corridors(p)
		require.NoError(t, p.settle())
		for _, r := range h.runs() {
			require.Equal(t, crm.RunCancelled, r.State, "%s", r.Stream)
		}
		require.NotEmpty(t, rowsOf(t, h.ground, h.conn), "what is here stays")
		calls := p.calls.Load()
		for _, k := range kinds {
			p.alone(k)
		}
		require.Equal(t, calls, p.calls.Load())

		h.connect(p)
		h.corridors(p)
		require.NoError(t, p.settle())
		h.sound()
		p.idle()
	})
}

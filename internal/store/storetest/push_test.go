package storetest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/mail"
	"rapport/internal/mail/push"
	"rapport/internal/store/storetest"
)

func watchOf(t *testing.T, w *storetest.World, c crm.Connection) push.Watch {
	t.Helper()
	got, err := w.Watching(context.Background(), c.ID)
	require.NoError(t, err)
	return got
}

// TestWatchIsKept: every field comes back, and a fact tells what people see of it.
func TestWatchIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := storetest.NewWorld(t, d)
		ctx := context.Background()
		c := w.Connect(w.Home, w.Ada, "ada.watched")
		require.Equal(t, push.Watch{}, watchOf(t, w, c))
		at := func(m int) time.Time { return storetest.Start.Add(time.Duration(m) * time.Minute) }
		full := push.Watch{Topic: "projects/p/topics/t", State: push.On, ExpiresAt: at(9000), RenewedAt: at(1), TriedAt: at(2), Error: "what", NextStep: "next", Via: push.ByPull,
			NotifiedAt: at(3), Announced: 1 << 62, PublishedAt: at(4), LookedAgain: 3, Suspect: 7, SuspectAt: at(5), MissedAt: at(6), Interval: 90 * time.Minute, Delays: []int64{3, 1, 2}}
		before, err := w.LastFact(ctx)
		require.NoError(t, err)
		next := at(77)
		require.NoError(t, w.ChangeWatch(ctx, c, func(x *push.Watch) *time.Time { *x = full; return &next }))
		require.Equal(t, full, watchOf(t, w, c))
		due, err := w.DueConnections(ctx, at(76), "", 10)
		require.NoError(t, err)
		require.NotContains(t, due, c.ID)
		facts, err := w.FactsAfter(ctx, before, 10)
		require.NoError(t, err)
		require.Len(t, facts, 1)
		require.Equal(t, fact.WatchChanged, facts[0].Kind)
		require.Equal(t, w.Ada.ID, facts[0].UserID, "a matter of its owner")

		writes := 0
		w.Hook = func(_ context.Context, op string) error {
			if op == "push.ChangeWatch/save watches" {
				writes++
			}
			return nil
		}
		require.NoError(t, w.ChangeWatch(ctx, c, func(*push.Watch) *time.Time { return nil }))
		require.Zero(t, writes, "nothing changed")
	})
}

// TestAnnounce: every syncing connection with the address hears of it, in
// whichever workspace; the note and the job are one transaction; repetitions
// write nothing.
func TestAnnounce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := storetest.NewWorld(t, d)
		ctx := context.Background()
		one, two, other := w.Connect(w.Home, w.Ada, "ada.watched"), w.Connect(w.Abroad, w.Cleo, "cleo.watched"), w.Connect(w.Home, w.Ben, "ben.watched")
		two.GoogleEmail, two.GoogleSub = one.GoogleEmail, one.GoogleSub
		require.NoError(t, w.Waiting(ctx, two))
		announce := func(id uint64, address string) push.Outcome {
			got, err := w.Announce(ctx, []push.Notice{{Address: address, HistoryID: id, Via: push.ByPush, PublishedAt: w.Clock.Now()}}, mail.HistoryJob)
			require.NoError(t, err)
			return got[0]
		}
		queued := func(c crm.Connection) bool {
			_, _, err := w.Job(ctx, mail.KindHistory, string(c.ID))
			return err == nil
		}
		require.Equal(t, push.Unknown, announce(5, "nobody@elsewhere.example"))
		require.Equal(t, push.Taken, announce(100, one.GoogleEmail))
		require.True(t, queued(one))
		require.True(t, queued(two))
		require.False(t, queued(other))
		require.EqualValues(t, 100, watchOf(t, w, two).Announced)

		writes := 0
		w.Hook = func(context.Context, string) error { writes++; return nil }
		for _, id := range []uint64{100, 99, 1} {
			require.Equal(t, push.Known, announce(id, one.GoogleEmail))
		}
		require.Zero(t, writes)

		w.Hook = func(_ context.Context, op string) error {
			if op == "push.Announce/insert jobs" {
				return context.DeadlineExceeded
			}
			return nil
		}
		_, err := w.Announce(ctx, []push.Notice{{Address: one.GoogleEmail, HistoryID: 200, Via: push.ByPush}}, mail.HistoryJob)
		require.Error(t, err)
		require.EqualValues(t, 100, watchOf(t, w, one).Announced, "the note without its job is not kept")
		w.Hook = nil

		two.Status = crm.StatusPaused
		require.NoError(t, w.Waiting(ctx, two))
		require.Equal(t, push.Taken, announce(300, one.GoogleEmail))
		require.EqualValues(t, 100, watchOf(t, w, two).Announced, "a paused one hears nothing")

		// Many at once are one job.
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				_, err := w.Announce(ctx, []push.Notice{{Address: one.GoogleEmail, HistoryID: uint64(301 + i%7), Via: push.ByPush}}, mail.HistoryJob)
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 307, watchOf(t, w, one).Announced)
	})
}

// TestTheFirstNotificationIsNotForgotten: it comes while the answer of the watch
// is being stored, before there is a row to lock.
func TestTheFirstNotificationIsNotForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := storetest.NewWorld(t, d)
		ctx := context.Background()
		for i := range 30 {
			c := w.Connect(w.Home, w.Ada, fmt.Sprintf("first%d", i))
			var both sync.WaitGroup
			both.Go(func() {
				if err := w.ChangeWatch(ctx, c, func(x *push.Watch) *time.Time { x.State, x.Topic = push.On, "t"; return nil }); err != nil {
					t.Error(err)
				}
			})
			both.Go(func() {
				if _, err := w.Announce(ctx, []push.Notice{{Address: c.GoogleEmail, HistoryID: 9, Via: push.ByPush}}, mail.HistoryJob); err != nil {
					t.Error(err)
				}
			})
			both.Wait()
			got := watchOf(t, w, c)
			require.Equal(t, push.On, got.State, "%d", i)
			require.Equal(t, push.ByPush, got.Via, "%d", i)
		}
	})
}

// TestOverdue finds what has to be begun, renewed or ended, and nothing else.
func TestOverdue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := storetest.NewWorld(t, d)
		ctx := context.Background()
		c := w.Connect(w.Home, w.Ada, "ada.watched")
		now := w.Clock.Now()
		const topic = "projects/p/topics/t"
		overdue := func(topic string) bool {
			ids, err := w.Overdue(ctx, push.OverdueQuery{Topic: topic, Renewed: now.Add(-25 * time.Hour), Soon: now.Add(48 * time.Hour), Tried: now.Add(-time.Hour)}, "", 10)
			require.NoError(t, err)
			return len(ids) == 1 && ids[0] == c.ID
		}
		require.True(t, overdue(topic), "never watched")
		require.False(t, overdue(""), "nothing is to be watched")
		good := push.Watch{Topic: topic, State: push.On, RenewedAt: now.Add(-2 * time.Hour), TriedAt: now.Add(-2 * time.Hour), ExpiresAt: now.Add(100 * time.Hour)}
		for name, x := range map[string]struct {
			change func(*push.Watch)
			topic  string
			want   bool
		}{
			"fresh":           {func(*push.Watch) {}, topic, false},
			"not renewed":     {func(w *push.Watch) { w.RenewedAt = now.Add(-26 * time.Hour) }, topic, true},
			"ends soon":       {func(w *push.Watch) { w.ExpiresAt = now.Add(47 * time.Hour) }, topic, true},
			"failed":          {func(w *push.Watch) { w.State = push.Failed }, topic, true},
			"failed just now": {func(w *push.Watch) { w.State, w.TriedAt = push.Failed, now }, topic, false},
			"another topic":   {func(*push.Watch) {}, "projects/p/topics/new", true},
			"no topic":        {func(*push.Watch) {}, "", true},
		} {
			require.NoError(t, w.ChangeWatch(ctx, c, func(p *push.Watch) *time.Time { *p = good; x.change(p); return nil }))
			require.Equal(t, x.want, overdue(x.topic), name)
		}
		require.NoError(t, w.ChangeWatch(ctx, c, func(p *push.Watch) *time.Time { *p = good; return nil }))
		c.GmailSync = false
		require.NoError(t, w.Waiting(ctx, c))
		require.True(t, overdue(topic), "mail is off, and it is watched")
		shared, err := w.WatchShared(ctx, crm.Connection{ID: "another", GoogleSub: c.GoogleSub}, topic)
		require.NoError(t, err)
		require.False(t, shared)
	})
}

// TestTurnsAtMailboxes: one holder at a time, until it gives back or its time is over.
func TestTurnsAtMailboxes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := storetest.NewWorld(t, d)
		ctx := context.Background()
		now := w.Clock.Now()
		take := func(holder string, at time.Time) bool {
			ok, err := w.TakeTurn(ctx, "watch:1", holder, at, at.Add(time.Minute))
			require.NoError(t, err)
			return ok
		}
		require.True(t, take("a", now))
		require.True(t, take("a", now), "prolonged")
		require.False(t, take("b", now.Add(59*time.Second)))
		require.NoError(t, w.EndTurn(ctx, "watch:1", "b"))
		require.False(t, take("b", now))
		require.True(t, take("b", now.Add(time.Minute)), "whoever had it is gone")
		require.NoError(t, w.EndTurn(ctx, "watch:1", "b"))
		require.True(t, take("a", now))
	})
}

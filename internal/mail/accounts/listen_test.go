package accounts_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/mail/accounts"
	"rapport/internal/store/storetest"
	"rapport/internal/work"
)

func TestOneProcessListensToAnAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		v := w.add()
		claim := func(holder string) int {
			now := w.Clock.Now()
			list, err := w.Watch(context.Background(), holder, now, now.Add(time.Minute), 10)
			require.NoError(t, err)
			return len(list)
		}
		require.Zero(t, claim("one"), "not before it was synced")
		w.sync(v.ID)
		require.Equal(t, 1, claim("one"))
		require.Zero(t, claim("two"))
		w.Clock.Move(40 * time.Second)
		require.Equal(t, 1, claim("one"), "it stays with who has it")
		w.Clock.Move(40 * time.Second)
		require.Zero(t, claim("two"))
		w.Clock.Move(time.Minute)
		require.Equal(t, 1, claim("two"), "a process that died is waited for no longer than its lease")
		require.Zero(t, claim("one"))
		_, err := w.ChangeAccount(context.Background(), v.ID, func(a *crm.Account) error { a.State = crm.AccountRefused; return nil })
		require.NoError(t, err)
		require.Zero(t, claim("two"), "nobody listens where the sign-in is refused")
	})
}

// enqueued counts how often an account was put to be polled often.
type enqueued struct {
	work.Queue
	polls atomic.Int64
}

func (q *enqueued) Enqueue(ctx context.Context, jobs ...work.Job) error {
	if err := q.Queue.Enqueue(ctx, jobs...); err != nil {
		return err
	}
	for _, j := range jobs {
		if j.Kind == accounts.KindSync && j.Every == accounts.PollEvery {
			q.polls.Add(1)
		}
	}
	return nil
}

// While a server tells of news the account is hardly polled; when it stops telling,
// or nobody listens any more, it is polled often again.
func TestAnAccountThatIsListenedToIsHardlyPolled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		put := &enqueued{Queue: w.Store}
		w.Service.Queue = put
		v := w.add()
		w.sync(v.ID)
		every := func() time.Duration {
			job, _, err := w.Store.Job(context.Background(), accounts.KindSync, string(v.ID))
			require.NoError(t, err)
			return job.Every
		}
		until := func(d time.Duration, why string) {
			require.Eventually(t, func() bool { return every() == d }, 20*time.Second, 10*time.Millisecond, why)
		}
		require.Equal(t, accounts.PollEvery, every(), "nobody listens yet")
		listen := func() (stop func()) {
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() { w.Listen(ctx, "here"); close(done) }()
			return func() { cancel(); <-done }
		}
		stop := listen()
		until(accounts.ListenedEvery, "the server tells")
		w.sync(v.ID)
		require.Equal(t, accounts.ListenedEvery, every())
		require.NoError(t, w.News(context.Background(), v.ID))
		require.Equal(t, accounts.ListenedEvery, every(), "what somebody asks for does not change it")
		before := put.polls.Load()
		w.server.Kick(t, w.user)
		// The job says so only until the next session, too short to be met for sure.
		require.Eventually(t, func() bool { return put.polls.Load() > before }, 20*time.Second, 10*time.Millisecond, "the server has gone")
		until(accounts.ListenedEvery, "and is back")
		stop()
		require.Equal(t, accounts.PollEvery, every(), "it ended with a word")

		// One that died has said nothing: the next look finds that nobody listens.
		require.NoError(t, w.Store.Enqueue(context.Background(), work.Job{Kind: accounts.KindSync, Subject: string(v.ID), DueAt: w.Clock.Now(), Every: accounts.ListenedEvery}))
		w.sync(v.ID)
		require.Equal(t, accounts.ListenedEvery, every(), "its lease is not over")
		w.Clock.Move(2 * time.Minute)
		w.sync(v.ID)
		require.Equal(t, accounts.PollEvery, every())
	})
}

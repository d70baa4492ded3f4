package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/fault"
	"rapport/internal/work"
)

var someKinds = []work.Kind{"k", "other"}

func (w *World) claim(holder string, now time.Time, n int) []work.Claimed {
	w.T.Helper()
	list, err := w.Claim(ctx, holder, someKinds, now, now.Add(time.Minute), n)
	require.NoError(w.T, err)
	return list
}

func claimedSubjects(list []work.Claimed) []string {
	names := []string{}
	for _, c := range list {
		names = append(names, c.Subject)
	}
	return names
}

func TestJobsAreClaimedInOrder(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		job := func(subject string, due time.Duration, priority int) work.Job {
			return work.Job{Kind: "k", Subject: subject, DueAt: Start.Add(due), Priority: priority}
		}
		require.NoError(t, w.Enqueue(ctx))
		require.NoError(t, w.Enqueue(ctx, job("late", -1*time.Second, 0), job("early", -3*time.Second, 0), job("urgent", 0, 5), job("future", time.Hour, 9), job("low", -time.Hour, -1)))
		require.NoError(t, w.Enqueue(ctx, work.Job{Kind: "unknown", Subject: "x", DueAt: Start}))
		got := w.claim("me", Start, 2)
		require.ElementsMatch(t, []string{"urgent", "early"}, claimedSubjects(got))
		require.Equal(t, 1, got[0].Attempts)
		require.Equal(t, "me", got[0].Holder)
		require.Equal(t, Start.Add(time.Minute), got[0].LeaseUntil)
		require.ElementsMatch(t, []string{"late", "low"}, claimedSubjects(w.claim("you", Start, 10)))
		require.Empty(t, w.claim("me", Start, 10))
		next, err := w.NextDue(ctx, someKinds)
		require.NoError(t, err)
		require.Equal(t, Start.Add(time.Minute), next, "when a lease may be lost")
		require.Equal(t, []string{"future"}, claimedSubjects(w.claim("me", Start.Add(time.Hour), 1)))
	})
}

func TestJobsAreAskedForOnce(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		ask := func(due time.Duration) {
			require.NoError(t, w.Enqueue(ctx, work.Job{Kind: "k", Subject: "s", DueAt: Start.Add(due)}))
		}
		due := func() time.Duration {
			j, _, err := w.Job(ctx, "k", "s")
			require.NoError(t, err)
			return j.DueAt.Sub(Start)
		}
		ask(time.Hour)
		ask(2 * time.Hour)
		require.Equal(t, time.Hour, due(), "never later")
		ask(time.Minute)
		require.Equal(t, time.Minute, due(), "but earlier")
		require.NoError(t, w.Enqueue(ctx, work.Job{Kind: "k", Subject: "s", DueAt: Start.Add(30 * time.Second)}, work.Job{Kind: "k", Subject: "s", DueAt: Start.Add(time.Second)}))
		require.Equal(t, time.Second, due(), "twice in one call")

		got := w.claim("me", Start.Add(time.Minute), 1)
		require.Len(t, got, 1)
		ask(5 * time.Minute) // while it runs
		ask(3 * time.Minute)
		ask(4 * time.Minute)
		require.Empty(t, w.claim("you", Start.Add(time.Minute+time.Second), 1))
		require.NoError(t, w.Finish(ctx, "me", work.Outcome{ID: got[0].ID}))
		require.Equal(t, 3*time.Minute, due(), "due once more, at the earliest time asked for")
		got = w.claim("me", Start.Add(3*time.Minute), 1)
		require.Equal(t, 1, got[0].Attempts)
		ask(10 * time.Minute)
		require.NoError(t, w.Finish(ctx, "me", work.Outcome{ID: got[0].ID, Next: Start.Add(time.Hour), Attempts: 1, Error: "Gmail was away."}))
		require.Equal(t, 10*time.Minute, due())
		_, text, err := w.Job(ctx, "k", "s")
		require.NoError(t, err)
		require.Equal(t, "Gmail was away.", text)
		require.NoError(t, w.Cancel(ctx, "k", "s"))
		_, _, err = w.Job(ctx, "k", "s")
		require.Equal(t, fault.NotFound, fault.Of(err))
		next, err := w.NextDue(ctx, someKinds)
		require.NoError(t, err)
		require.Zero(t, next)
	})
}

func TestJobsOfAGroupRunOneByOne(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		for i := range 6 {
			require.NoError(t, w.Enqueue(ctx, work.Job{Kind: "k", Subject: fmt.Sprint(i), Group: fmt.Sprint("g", i%2), DueAt: Start}, work.Job{Kind: "other", Subject: fmt.Sprint(i), DueAt: Start.Add(time.Second)}))
		}
		first := w.claim("me", Start, 10)
		require.Len(t, first, 2)
		require.NotEqual(t, first[0].Group, first[1].Group)
		require.Empty(t, w.claim("you", Start, 10))
		require.NoError(t, w.Finish(ctx, "me", work.Outcome{ID: first[0].ID}))
		next := w.claim("you", Start, 10)
		require.Len(t, next, 1)
		require.Equal(t, first[0].Group, next[0].Group)
		require.Len(t, w.claim("you", Start.Add(time.Second), 10), 6, "jobs without a group run as they like")
	})
}

func TestLeasesOfJobs(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		require.NoError(t, w.Enqueue(ctx, work.Job{Kind: "k", Subject: "a", DueAt: Start}, work.Job{Kind: "k", Subject: "b", DueAt: Start}))
		got := w.claim("me", Start, 2)
		kept, err := w.Extend(ctx, "me", Start.Add(5*time.Minute), got[0].ID)
		require.NoError(t, err)
		require.Equal(t, []int64{got[0].ID}, kept)
		kept, err = w.Extend(ctx, "you", Start.Add(5*time.Minute), got[0].ID, got[1].ID)
		require.NoError(t, err)
		require.Empty(t, kept)
		lost := w.claim("you", Start.Add(time.Minute), 2)
		require.Equal(t, []string{got[1].Subject}, claimedSubjects(lost))
		require.Equal(t, 2, lost[0].Attempts)
		require.NoError(t, w.Finish(ctx, "me", work.Outcome{ID: got[1].ID}))
		_, _, err = w.Job(ctx, "k", got[1].Subject)
		require.NoError(t, err, "the first holder has no say any more")
		require.NoError(t, w.Finish(ctx, "you", work.Outcome{ID: got[1].ID}))
		_, _, err = w.Job(ctx, "k", got[1].Subject)
		require.Equal(t, fault.NotFound, fault.Of(err))

		now := Start.Add(10 * time.Minute) // what kills its holders waits longer and longer
		deaths := 1
		for ; deaths < 10; deaths++ {
			if len(w.claim("me", now, 1)) == 0 {
				break
			}
			now = now.Add(2 * time.Minute)
		}
		require.Equal(t, 4, deaths)
		require.Len(t, w.claim("me", now.Add(5*time.Minute), 1), 1)
	})
}

func TestManyWorkersClaimEachJobOnce(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		const jobs, groups, workers = 120, 7, 5
		var list []work.Job
		for i := range jobs {
			list = append(list, work.Job{Kind: "k", Subject: fmt.Sprint(i), Group: fmt.Sprint(i % groups), DueAt: Start})
		}
		require.NoError(t, w.Enqueue(ctx, list...))
		var mu sync.Mutex
		var wg sync.WaitGroup
		ran, busy := map[string]int{}, map[string]bool{}
		for i := range workers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for {
					claimed, err := w.Claim(ctx, fmt.Sprint(i), someKinds, Start, Start.Add(time.Hour), 3)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if len(ran) == jobs {
						mu.Unlock()
						return
					}
					for _, c := range claimed {
						ran[c.Subject]++
						if busy[c.Group] {
							t.Errorf("two jobs of group %s at once", c.Group)
						}
						busy[c.Group] = true
					}
					mu.Unlock()
					mu.Lock()
					var done []work.Outcome
					for _, c := range claimed {
						busy[c.Group] = false
						done = append(done, work.Outcome{ID: c.ID})
					}
					mu.Unlock()
					if err := w.Finish(ctx, fmt.Sprint(i), done...); err != nil {
						t.Error(err)
						return
					}
				}
			}()
		}
		wg.Wait()
		require.Len(t, ran, jobs)
		for s, n := range ran {
			require.Equal(t, 1, n, s)
		}
	})
}

func TestJobsRing(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		rings, stop := w.JobsBell()
		require.NoError(t, w.Enqueue(ctx, work.Job{Kind: "k", Subject: "later", DueAt: Start.Add(time.Hour)}))
		select {
		case <-rings:
			t.Error("rang for a job that is not due")
		default:
		}
		require.NoError(t, w.Enqueue(ctx, work.Job{Kind: "k", Subject: "now", DueAt: Start}))
		<-rings
		stop()
	})
}

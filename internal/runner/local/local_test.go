package local_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/fault"
	"rapport/internal/runner/local"
	"rapport/internal/work"
)

// rows keeps jobs in memory as the store keeps them in a table.
type rows struct {
	mu       sync.Mutex
	jobs     map[int64]*row
	bell     chan struct{}
	broken   error // answer of every call
	finishes int
	extends  int
}

type row struct {
	work.Claimed
	running bool
	text    string
}

func newRows(jobs ...work.Job) *rows {
	r := &rows{jobs: map[int64]*row{}, bell: make(chan struct{}, 1)}
	for _, j := range jobs {
		r.add(j)
	}
	return r
}

func (r *rows) add(j work.Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := int64(len(r.jobs) + 1)
	r.jobs[id] = &row{Claimed: work.Claimed{Job: j, ID: id}}
	select {
	case r.bell <- struct{}{}:
	default:
	}
}

func (r *rows) Claim(_ context.Context, holder string, kinds []work.Kind, now, until time.Time, limit int) ([]work.Claimed, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken != nil {
		return nil, r.broken
	}
	groups := map[string]bool{}
	var due []*row
	for _, j := range r.jobs {
		if j.running && j.LeaseUntil.After(now) {
			groups[j.Group] = true
		} else if !j.DueAt.After(now) && slices.Contains(kinds, j.Kind) {
			due = append(due, j)
		}
	}
	slices.SortFunc(due, func(a, b *row) int {
		if a.Priority != b.Priority {
			return b.Priority - a.Priority
		}
		return a.DueAt.Compare(b.DueAt)
	})
	var claimed []work.Claimed
	for _, j := range due {
		if len(claimed) == limit || j.Group != "" && groups[j.Group] {
			continue
		}
		groups[j.Group] = true
		j.running, j.Holder, j.LeaseUntil = true, holder, until
		j.Attempts++
		claimed = append(claimed, j.Claimed)
	}
	return claimed, nil
}

func (r *rows) Extend(_ context.Context, holder string, until time.Time, ids ...int64) (kept []int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.extends++
	for _, id := range ids {
		if j := r.jobs[id]; j != nil && j.running && j.Holder == holder {
			j.LeaseUntil = until
			kept = append(kept, id)
		}
	}
	return kept, r.broken
}

func (r *rows) Finish(_ context.Context, holder string, done ...work.Outcome) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken != nil {
		return r.broken
	}
	r.finishes++
	for _, d := range done {
		j := r.jobs[d.ID]
		switch {
		case j == nil || j.Holder != holder:
		case d.Next.IsZero():
			delete(r.jobs, d.ID)
		default:
			j.running, j.DueAt, j.Attempts, j.text = false, d.Next, d.Attempts, d.Error
		}
	}
	return nil
}

func (r *rows) NextDue(context.Context, []work.Kind) (at time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.jobs {
		if !j.running && (at.IsZero() || j.DueAt.Before(at)) {
			at = j.DueAt
		}
	}
	return at, r.broken
}

func (r *rows) JobsBell() (<-chan struct{}, func()) { return r.bell, func() {} }

func (r *rows) set(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = err
}

func (r *rows) job(id int64) row {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.jobs[id] == nil {
		return row{}
	}
	return *r.jobs[id]
}

func (r *rows) left() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.jobs)
}

// running starts a runner within a synctest bubble; stop ends it and gives what
// Run answered.
func running(r *rows, log *bytes.Buffer, change func(*local.Runner), steps ...work.Definition) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	runner := &local.Runner{Rows: r, Holder: "one", Definitions: steps, Random: func() float64 { return 0.5 }, Log: slog.New(slog.NewTextHandler(log, nil))}
	if change != nil {
		change(runner)
	}
	end := make(chan error, 1)
	go func() { end <- runner.Run(ctx) }()
	return func() error {
		cancel()
		return <-end
	}
}

func bubble(t *testing.T, name string, test func(t *testing.T, log *bytes.Buffer)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, &bytes.Buffer{}) })
	})
}

func job(subject string) work.Job { return work.Job{Kind: "k", Subject: subject, DueAt: time.Now()} }

func TestRunner(t *testing.T) {
	bubble(t, "a job that is through is gone", func(t *testing.T, log *bytes.Buffer) {
		r := newRows(job("a"), job("b"))
		var ran []string
		var mu sync.Mutex
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(_ context.Context, s string) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			ran = append(ran, s)
			return false, nil
		}})
		synctest.Wait()
		require.NoError(t, stop())
		require.ElementsMatch(t, []string{"a", "b"}, ran)
		require.Zero(t, r.left())
	})

	bubble(t, "a job waits until it is due", func(t *testing.T, log *bytes.Buffer) {
		j := job("later")
		j.DueAt = time.Now().Add(42 * time.Minute)
		r := newRows(j)
		began, ran := time.Now(), time.Time{}
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(context.Context, string) (bool, error) {
			ran = time.Now()
			return false, nil
		}})
		time.Sleep(time.Hour)
		require.NoError(t, stop())
		require.WithinDuration(t, began.Add(42*time.Minute), ran, time.Second)
	})

	bubble(t, "a job that is asked for wakes the runner", func(t *testing.T, log *bytes.Buffer) {
		r := newRows()
		ran := make(chan time.Time, 1)
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(context.Context, string) (bool, error) {
			ran <- time.Now()
			return false, nil
		}})
		synctest.Wait()
		asked := time.Now()
		r.add(job("now"))
		require.Equal(t, asked, <-ran)
		require.NoError(t, stop())
	})

	bubble(t, "every: due again so long after it ended", func(t *testing.T, log *bytes.Buffer) {
		j := job("tick")
		j.Every = time.Minute
		r := newRows(j)
		var times []time.Duration
		began := time.Now()
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(context.Context, string) (bool, error) {
			times = append(times, time.Since(began).Round(time.Second))
			time.Sleep(10 * time.Second)
			return false, nil
		}})
		time.Sleep(3 * time.Minute)
		require.NoError(t, stop())
		require.Equal(t, []time.Duration{0, 70 * time.Second, 140 * time.Second}, times)
	})

	bubble(t, "more: goes on in its slice, then lets others pass", func(t *testing.T, log *bytes.Buffer) {
		r := newRows(job("long"))
		var order []string
		stop := running(r, log, func(r *local.Runner) { r.Parallel, r.Slice = 1, 2*time.Second },
			work.Definition{Kind: "k", Step: func(_ context.Context, s string) (bool, error) {
				order = append(order, s)
				time.Sleep(time.Second)
				return s == "long" && len(order) < 6, nil
			}})
		time.Sleep(time.Second / 2)
		r.add(job("short"))
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		require.Equal(t, []string{"long", "long", "short", "long", "long", "long"}, order)
		require.Zero(t, r.left())
	})

	bubble(t, "the lease is renewed while a step runs", func(t *testing.T, log *bytes.Buffer) {
		r := newRows(job("slow"))
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(context.Context, string) (bool, error) {
			time.Sleep(4 * time.Minute)
			return false, nil
		}})
		time.Sleep(3 * time.Minute)
		require.True(t, r.job(1).LeaseUntil.After(time.Now()))
		time.Sleep(2 * time.Minute)
		require.NoError(t, stop())
		require.Zero(t, r.left())
	})

	bubble(t, "a step whose lease was lost is stopped", func(t *testing.T, log *bytes.Buffer) {
		r := newRows(job("stolen"))
		ended := make(chan error, 1)
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(ctx context.Context, _ string) (bool, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return false, ctx.Err()
		}})
		synctest.Wait()
		r.mu.Lock()
		r.jobs[1].Holder = "other"
		r.mu.Unlock()
		time.Sleep(30 * time.Second)
		require.ErrorIs(t, <-ended, context.Canceled)
		require.NoError(t, stop())
		require.Equal(t, "other", r.job(1).Holder)
	})

	bubble(t, "a step that takes too long is stopped and tried again", func(t *testing.T, log *bytes.Buffer) {
		r := newRows(job("stuck"))
		stop := running(r, log, nil, work.Definition{Kind: "k", Timeout: time.Minute, Step: func(ctx context.Context, _ string) (bool, error) {
			<-ctx.Done()
			return false, fmt.Errorf("reading: %w", ctx.Err())
		}})
		time.Sleep(time.Minute)
		synctest.Wait()
		j := r.job(1)
		require.Equal(t, 1, j.Attempts)
		require.True(t, j.DueAt.After(time.Now()))
		require.NoError(t, stop())
	})

	bubble(t, "a step that panics is recorded and tried again", func(t *testing.T, log *bytes.Buffer) {
		r := newRows(job("bad"), job("good"))
		tries := 0
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(_ context.Context, s string) (bool, error) {
			if s == "bad" {
				if tries++; tries < 3 {
					panic("nested a thousand levels")
				}
			}
			return false, nil
		}})
		synctest.Wait()
		require.Equal(t, "Something went wrong inside Rapport.", r.job(1).text)
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		require.Equal(t, 3, tries)
		require.Zero(t, r.left())
		require.Contains(t, log.String(), "nested a thousand levels")
	})

	bubble(t, "stopping lets a step end and keeps its outcome", func(t *testing.T, log *bytes.Buffer) {
		r := newRows(job("a"))
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(context.Context, string) (bool, error) {
			time.Sleep(5 * time.Second)
			return false, nil
		}})
		time.Sleep(time.Second)
		require.NoError(t, stop())
		require.Zero(t, r.left())
	})

	bubble(t, "stopping cuts off a step after the grace, to be run again", func(t *testing.T, log *bytes.Buffer) {
		r := newRows(job("a"))
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(ctx context.Context, _ string) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}})
		synctest.Wait()
		began := time.Now()
		require.NoError(t, stop())
		require.Equal(t, 10*time.Second, time.Since(began))
		require.Equal(t, 0, r.job(1).Attempts)
		require.False(t, r.job(1).running)
	})

	bubble(t, "an outcome is kept while the database is away", func(t *testing.T, log *bytes.Buffer) {
		r := newRows(job("a"))
		ran := 0
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(context.Context, string) (bool, error) {
			ran++
			r.set(errors.New("no database"))
			return false, nil
		}})
		time.Sleep(10 * time.Second)
		r.set(nil)
		time.Sleep(10 * time.Second)
		require.NoError(t, stop())
		require.Zero(t, r.left())
		require.Equal(t, 1, ran)
	})

	bubble(t, "jobs of one group run one after the other, groups side by side", func(t *testing.T, log *bytes.Buffer) {
		var jobs []work.Job
		for i := range 6 {
			jobs = append(jobs, work.Job{Kind: "k", Subject: fmt.Sprint(i), Group: fmt.Sprint("g", i%2), DueAt: time.Now()})
		}
		r := newRows(jobs...)
		var mu sync.Mutex
		busy, most := map[string]int{}, 0
		began := time.Now()
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(_ context.Context, s string) (bool, error) {
			group := string(s[0]%2 + '0')
			mu.Lock()
			busy[group]++
			require.Equal(t, 1, busy[group])
			most = max(most, busy["0"]+busy["1"])
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			busy[group]--
			mu.Unlock()
			return false, nil
		}})
		for r.left() > 0 {
			time.Sleep(100 * time.Millisecond)
		}
		require.LessOrEqual(t, time.Since(began), 4*time.Second)
		require.Equal(t, 2, most)
		require.NoError(t, stop())
	})

	t.Run("a kind defined twice is refused", func(t *testing.T) {
		d := work.Definition{Kind: "k"}
		r := &local.Runner{Rows: newRows(), Definitions: []work.Definition{d, d}}
		require.ErrorContains(t, r.Run(context.Background()), "twice")
	})
}

// TestUrgentWorkHasPlacesOfItsOwn: long work in every place holds up nothing
// urgent, and what is urgent leaves the others their places.
func TestUrgentWorkHasPlacesOfItsOwn(t *testing.T) {
	bubble(t, "it runs at once", func(t *testing.T, log *bytes.Buffer) {
		r := newRows()
		for i := range 6 {
			r.add(work.Job{Kind: "long", Subject: fmt.Sprint(i), DueAt: time.Now(), Priority: 3})
		}
		free, patient := make(chan struct{}), make(chan bool, 100)
		var mu sync.Mutex
		began := map[string]time.Time{}
		most, now := 0, 0
		step := func(kind string, wait func()) work.Step {
			return func(ctx context.Context, subject string) (bool, error) {
				mu.Lock()
				began[kind+subject] = time.Now()
				now++
				most = max(most, now)
				mu.Unlock()
				patient <- work.CanWait(ctx) == (kind == "long")
				wait()
				mu.Lock()
				now--
				mu.Unlock()
				return false, nil
			}
		}
		stop := running(r, log, func(l *local.Runner) { l.Parallel = 2 },
			work.Definition{Kind: "long", Step: step("long", func() { <-free })},
			work.Definition{Kind: "short", Urgent: true, Step: step("short", func() { time.Sleep(10 * time.Millisecond) })})
		synctest.Wait()
		mu.Lock()
		require.Len(t, began, 2, "two places for everything")
		mu.Unlock()
		asked := time.Now()
		for i := range 4 {
			r.add(work.Job{Kind: "short", Subject: fmt.Sprint(i), DueAt: asked, Priority: 10})
		}
		time.Sleep(time.Second)
		mu.Lock()
		for i := range 4 {
			require.WithinDuration(t, asked, began[fmt.Sprint("short", i)], 20*time.Millisecond)
		}
		require.Equal(t, 4, most)
		mu.Unlock()
		close(free)
		time.Sleep(time.Second)
		require.NoError(t, stop())
		require.Zero(t, r.left())
		close(patient)
		for as := range patient {
			require.True(t, as, "what is not urgent is patient")
		}
	})
}

func TestAfter(t *testing.T) {
	for _, c := range []struct {
		err      error
		attempts int
		wait     time.Duration
		again    bool
	}{
		{fault.New(fault.Reconnect, "x"), 1, 0, false},
		{fault.New(fault.Permission, "x"), 1, 0, false},
		{fault.New(fault.Blocked, "x"), 1, 0, false},
		{fault.New(fault.NotFound, "x"), 1, 0, false},
		{fault.New(fault.Gone, "x"), 1, 0, false},
		{fault.New(fault.Invalid, "x"), 1, 0, false},
		{&fault.Error{Kind: fault.Throttled, After: 40 * time.Second}, 7, 42 * time.Second, true},
		{fault.New(fault.Throttled, "x"), 1, time.Second, true},
		{fault.New(fault.Stale, "x"), 1, time.Second, true},
		{fault.New(fault.Stale, "x"), 30, time.Minute, true},
		{fault.New(fault.Unavailable, "x"), 1, time.Second, true},
		{fault.New(fault.Unavailable, "x"), 4, 8 * time.Second, true},
		{fault.New(fault.Unavailable, "x"), 400, 5 * time.Minute, true},
		{context.DeadlineExceeded, 2, 2 * time.Second, true},
		{errors.New("x"), 1, 10 * time.Second, true},
		{errors.New("x"), 3, 40 * time.Second, true},
		{errors.New("x"), 64, time.Hour, true},
	} {
		wait, again := local.After(c.err, c.attempts, 0.5)
		require.Equal(t, c.again, again, "%v", c.err)
		if c.err.Error() == "" || fault.After(c.err) > 0 {
			require.Equal(t, c.wait, wait.Round(time.Second), "%v", c.err)
			continue
		}
		require.Equal(t, c.wait, wait, "%v after %d", c.err, c.attempts)
	}
	low, _ := local.After(errors.New("x"), 1, 0)
	high, _ := local.After(errors.New("x"), 1, 0.999)
	require.Equal(t, 7500*time.Millisecond, low)
	require.Greater(t, high, 12*time.Second)
}

func TestFailedJobs(t *testing.T) {
	bubble(t, "no retry where somebody has to do something", func(t *testing.T, log *bytes.Buffer) {
		r := newRows(job("a"))
		ran := 0
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(context.Context, string) (bool, error) {
			ran++
			return false, fault.New(fault.Reconnect, "Connect again.")
		}})
		time.Sleep(24 * time.Hour)
		require.NoError(t, stop())
		require.Equal(t, 1, ran)
		require.Zero(t, r.left())
	})
	bubble(t, "a repeated job keeps its rhythm when it fails", func(t *testing.T, log *bytes.Buffer) {
		j := job("tick")
		j.Every = time.Minute
		r := newRows(j)
		var times []time.Duration
		began := time.Now()
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(context.Context, string) (bool, error) {
			times = append(times, time.Since(began).Round(time.Second))
			return false, fault.New(fault.Permission, "x")
		}})
		time.Sleep(130 * time.Second)
		require.NoError(t, stop())
		require.Equal(t, []time.Duration{0, 60 * time.Second, 120 * time.Second}, times)
	})
	bubble(t, "a step that is cut when stopping has not failed", func(t *testing.T, log *bytes.Buffer) {
		r := newRows(job("a"))
		stop := running(r, log, func(r *local.Runner) { r.Grace = time.Second }, work.Definition{Kind: "k", Step: func(ctx context.Context, _ string) (bool, error) {
			<-ctx.Done()
			return false, fault.New(fault.Unavailable, "Gmail is away.") // what a room makes of a cut request
		}})
		synctest.Wait()
		require.NoError(t, stop())
		require.Equal(t, 1, r.left())
		require.Zero(t, r.job(1).Attempts)
		require.Empty(t, log.String())
	})
	bubble(t, "passing trouble is tried again with growing waits", func(t *testing.T, log *bytes.Buffer) {
		r := newRows(job("a"))
		var times []time.Duration
		began := time.Now()
		stop := running(r, log, nil, work.Definition{Kind: "k", Step: func(context.Context, string) (bool, error) {
			times = append(times, time.Since(began).Round(time.Second))
			if len(times) == 4 {
				return false, nil
			}
			return false, fault.New(fault.Unavailable, "Gmail is away.")
		}})
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		require.Equal(t, []time.Duration{0, 1 * time.Second, 3 * time.Second, 7 * time.Second}, times)
		require.Zero(t, r.left())
	})
}

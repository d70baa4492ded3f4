// Package local runs jobs that stand as rows in our own database.
//
// Rules:
//   - A job is held under a lease that is renewed while its step runs. Whoever
//     dies loses it, and somebody else goes on.
//   - Steps are bounded and idempotent: running one twice is harmless, and
//     happens only after a crash.
//   - A step that asks for more goes on at once until its slice of time is over;
//     then the job stands in line again behind those that waited.
//   - Urgent work has as many places of its own as there are for everything.
//   - How a failed job goes on is decided here and nowhere else (see After).
//   - A step that panics is a step that failed.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"rapport/internal/fault"
	"rapport/internal/work"
)

// Rows keeps jobs; the store does.
type Rows interface {
	// Claim gives due jobs of the kinds, of each group at most one.
	Claim(ctx context.Context, holder string, kinds []work.Kind, now, until time.Time, limit int) ([]work.Claimed, error)
	// Extend renews leases and gives the jobs that are still held.
	Extend(ctx context.Context, holder string, until time.Time, ids ...int64) ([]int64, error)
	Finish(ctx context.Context, holder string, done ...work.Outcome) error
	// NextDue is when there is something to claim, the zero time for never.
	NextDue(ctx context.Context, kinds []work.Kind) (time.Time, error)
	// JobsBell rings when jobs may have become due.
	JobsBell() (rings <-chan struct{}, stop func())
}

// Ended says how a step went, for metrics.
type Ended struct {
	Kind  work.Kind
	Took  time.Duration
	Steps int
	Err   error
}

// Runner runs jobs. Rows, Holder and Definitions are required.
type Runner struct {
	Rows        Rows
	Holder      string // unique among the processes at one database
	Definitions []work.Definition
	Parallel    int              // steps at a time, and as many urgent ones besides; 0: 8
	Now         func() time.Time // nil: time.Now
	Log         *slog.Logger
	Random      func() float64 // in [0, 1), for jitter; nil: math/rand
	Ended       func(Ended)    // nil: nobody asks

	Lease time.Duration // 0: a minute; renewed at a third of it
	Slice time.Duration // 0: 2 s; how long a job may go on with further steps
	Step  time.Duration // 0: 5 min; of a step whose definition says nothing
	Look  time.Duration // 0: 5 s; between looks when nothing rings
	Grace time.Duration // 0: 10 s; for steps to end when stopping
}

func or[T comparable](v, usual T) T {
	var zero T
	if v == zero {
		return usual
	}
	return v
}

// Run claims and runs jobs until ctx ends, then lets the steps under way end
// (for Grace, then their contexts are cancelled) and writes down how they did.
// It returns nil after an orderly stop.
func (r *Runner) Run(ctx context.Context) error {
	own := *r // the defaults are ours, not the caller's
	w := &worker{
		Runner: &own, parallel: or(r.Parallel, 8), steps: map[work.Kind]work.Definition{}, running: map[int64]context.CancelFunc{},
		ordinary: map[int64]bool{}, ended: make(chan ended, 2*or(r.Parallel, 8)), stopping: make(chan struct{}),
	}
	if w.Now == nil {
		w.Now = time.Now
	}
	if w.Log == nil {
		w.Log = slog.Default()
	}
	if w.Random == nil {
		w.Random = rand.Float64
	}
	for _, d := range r.Definitions {
		if _, twice := w.steps[d.Kind]; twice {
			return fmt.Errorf("the job %q is defined twice", d.Kind)
		}
		w.steps[d.Kind] = d
		w.kinds = append(w.kinds, d.Kind)
		if d.Urgent {
			w.urgent = append(w.urgent, d.Kind)
		}
	}
	return w.run(ctx)
}

// worker is a Run under way. Only its main loop touches its fields; steps report
// through ended.
type worker struct {
	*Runner
	parallel int
	kinds    []work.Kind
	urgent   []work.Kind
	steps    map[work.Kind]work.Definition
	running  map[int64]context.CancelFunc
	ordinary map[int64]bool // those of running that are not urgent
	ended    chan ended
	done     []work.Outcome // not written down yet
	stopping chan struct{}  // closed when stopping
}

// ended is a job that a step goroutine is through with.
type ended struct {
	job   work.Claimed
	more  bool
	err   error
	cut   bool // we have cancelled it: stopping, or its lease was lost
	steps int
	took  time.Duration
}

func (w *worker) run(ctx context.Context) error {
	rings, quiet := w.Rows.JobsBell()
	defer quiet()
	beat := time.NewTicker(or(w.Lease, time.Minute) / 3)
	defer beat.Stop()
	look := time.NewTimer(0)
	defer look.Stop()
	for ctx.Err() == nil {
		w.collect()
		w.writeDown(ctx)
		wait := w.fill(ctx)
		look.Reset(wait)
		select {
		case <-ctx.Done():
		case e := <-w.ended:
			w.note(e)
		case <-rings:
		case <-look.C:
		case <-beat.C:
			w.renew(ctx)
		}
	}
	return w.drain(beat.C)
}

// collect takes in everything that has ended.
func (w *worker) collect() {
	for {
		select {
		case e := <-w.ended:
			w.note(e)
		default:
			return
		}
	}
}

// note makes the end of a step the outcome of its job.
func (w *worker) note(e ended) {
	if cancel, ok := w.running[e.job.ID]; ok {
		cancel()
		delete(w.running, e.job.ID)
		delete(w.ordinary, e.job.ID)
	}
	w.done = append(w.done, w.outcome(e))
	if w.Ended != nil {
		w.Ended(Ended{Kind: e.job.Kind, Took: e.took, Steps: e.steps, Err: e.err})
	}
}

// writeDown stores outcomes. What cannot be stored now is tried again at the
// next turn; when the database stays away, the leases run out and the jobs are
// run once more.
func (w *worker) writeDown(ctx context.Context) {
	if len(w.done) == 0 {
		return
	}
	if err := w.Rows.Finish(ctx, w.Holder, w.done...); err != nil {
		if ctx.Err() == nil {
			w.Log.WarnContext(ctx, "the outcome of jobs could not be stored; trying again", "jobs", len(w.done), "error", err)
		}
		return
	}
	w.done = w.done[:0]
}

// pause is how long to wait after trouble, or for groups that are busy.
const pause = 250 * time.Millisecond

// fill claims jobs for the free places and starts them; it gives how long to
// wait before looking again.
func (w *worker) fill(ctx context.Context) time.Duration {
	if len(w.done) > 0 { // what has ended could not be written down
		return pause
	}
	places := w.parallel
	if len(w.urgent) > 0 {
		places *= 2
	}
	if free := min(w.parallel-len(w.ordinary), places-len(w.running)); free > 0 {
		if wait, full := w.claim(ctx, w.kinds, free); !full {
			return wait
		}
	}
	if free := places - len(w.running); free > 0 && len(w.urgent) > 0 {
		if wait, full := w.claim(ctx, w.urgent, free); !full {
			return wait
		}
	}
	return or(w.Look, 5*time.Second) // the end of a job wakes us
}

// claim starts jobs of some kinds in free places. Unless all of them are full
// now, it gives how long to wait before looking for more.
func (w *worker) claim(ctx context.Context, kinds []work.Kind, free int) (wait time.Duration, full bool) {
	now := w.Now()
	claimed, err := w.Rows.Claim(ctx, w.Holder, kinds, now, now.Add(or(w.Lease, time.Minute)), free)
	if err != nil {
		if ctx.Err() == nil {
			w.Log.WarnContext(ctx, "jobs could not be claimed; trying again", "error", err)
		}
		return pause, false
	}
	for _, job := range claimed {
		w.start(job)
	}
	if len(claimed) == free {
		return 0, true
	}
	next, err := w.Rows.NextDue(ctx, kinds)
	if err != nil || next.IsZero() {
		return or(w.Look, 5*time.Second), false
	}
	return min(max(next.Sub(w.Now()), pause), or(w.Look, 5*time.Second)), false
}

func (w *worker) start(job work.Claimed) {
	ctx, cancel := context.WithCancel(context.Background())
	w.running[job.ID] = cancel
	definition := w.steps[job.Kind]
	if !definition.Urgent {
		w.ordinary[job.ID] = true
	}
	go func() {
		began := time.Now()
		e := ended{job: job}
		for {
			e.steps++
			e.more, e.err = w.call(ctx, definition, job.Subject)
			if e.err != nil || !e.more || time.Since(began) >= or(w.Slice, 2*time.Second) || w.stopped() {
				break
			}
		}
		e.took, e.cut = time.Since(began), ctx.Err() != nil
		w.ended <- e
	}()
}

func (w *worker) stopped() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

// call runs one step within its time. A panic is an error with its stack.
func (w *worker) call(ctx context.Context, d work.Definition, subject string) (more bool, err error) {
	if !d.Urgent {
		ctx = work.Patient(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, or(d.Timeout, or(w.Step, 5*time.Minute)))
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			more, err = false, fmt.Errorf("step %s panicked: %v\n%s", d.Kind, p, debug.Stack())
		}
	}()
	return d.Step(ctx, subject)
}

// renew extends the leases of what runs, and stops what has been lost: somebody
// else may run it by now.
func (w *worker) renew(ctx context.Context) {
	if len(w.running) == 0 {
		return
	}
	ids := make([]int64, 0, len(w.running))
	for id := range w.running {
		ids = append(ids, id)
	}
	kept, err := w.Rows.Extend(ctx, w.Holder, w.Now().Add(or(w.Lease, time.Minute)), ids...)
	if err != nil {
		w.Log.WarnContext(ctx, "leases of jobs could not be renewed; trying again", "error", err)
		return
	}
	still := make(map[int64]bool, len(kept))
	for _, id := range kept {
		still[id] = true
	}
	for id, cancel := range w.running {
		if !still[id] {
			cancel()
		}
	}
}

// drain stops in good order.
func (w *worker) drain(beat <-chan time.Time) error {
	close(w.stopping)
	grace := time.NewTimer(or(w.Grace, 10*time.Second))
	defer grace.Stop()
	for len(w.running) > 0 {
		select {
		case e := <-w.ended:
			w.note(e)
		case <-beat:
			w.renew(context.Background())
		case <-grace.C:
			for _, cancel := range w.running {
				cancel()
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), or(w.Grace, 10*time.Second))
	defer cancel()
	w.writeDown(ctx)
	if len(w.done) > 0 {
		return errors.New("the outcome of some jobs could not be stored; they will be run again")
	}
	return nil
}

// outcome decides how a job goes on.
func (w *worker) outcome(e ended) work.Outcome {
	now := w.Now()
	out := work.Outcome{ID: e.job.ID}
	switch {
	case e.err == nil && e.more:
		out.Next = now
	case e.err == nil && e.job.Every > 0:
		out.Next = now.Add(e.job.Every)
	case e.err == nil:
	case e.cut, w.stopped() && errors.Is(e.err, context.Canceled):
		w.Log.Debug("job cut", "kind", string(e.job.Kind), "subject", e.job.Subject, "error", e.err)
		out.Next, out.Attempts = now, e.job.Attempts-1
	default:
		out = w.failed(e, now)
	}
	return out
}

func (w *worker) failed(e ended, now time.Time) work.Outcome {
	out := work.Outcome{ID: e.job.ID, Attempts: e.job.Attempts, Error: plain(e.err)}
	wait, again := After(e.err, e.job.Attempts, w.Random())
	switch {
	case again && e.job.Every > 0:
		wait = min(wait, max(e.job.Every, fault.After(e.err)))
	case !again && e.job.Every > 0:
		wait, again = e.job.Every, true
		out.Attempts = 0
	}
	if again {
		out.Next = now.Add(wait)
	}
	level := slog.LevelWarn
	if fault.Of(e.err) == fault.Internal {
		level = slog.LevelError
	}
	w.Log.Log(context.Background(), level, "job failed", "kind", string(e.job.Kind), "subject", e.job.Subject, "attempts", e.job.Attempts,
		"again", again, "wait", wait.Round(time.Millisecond), "error", e.err)
	return out
}

// plain is an error in words for people.
func plain(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Text != "" {
		return f.Text
	}
	return "Something went wrong inside Rapport."
}

// After is the one retry policy: how long to wait after a failed step, and
// whether to try again at all. attempts counts this failure (1 or more), random
// is in [0, 1).
//
//	reconnect, permission, blocked     not again: somebody has to do something
//	not found, gone, invalid           not again: there is nothing to do
//	throttled                          when the other side says, else as unavailable
//	stale                              soon: another worker was faster
//	unavailable                        1 s, doubled to 5 min
//	everything else                    10 s, doubled to 1 h
//
// Waits vary by a quarter either way, so that what failed together does not come
// back together.
func After(err error, attempts int, random float64) (wait time.Duration, again bool) {
	doubled := func(first, most time.Duration) time.Duration {
		wait := most
		if n := max(attempts-1, 0); n < 20 {
			wait = min(first<<n, most)
		}
		return time.Duration(float64(wait) * (0.75 + random/2))
	}
	switch fault.Of(err) {
	case fault.Reconnect, fault.Permission, fault.Blocked, fault.NotFound, fault.Gone, fault.Invalid:
		return 0, false
	case fault.Throttled:
		if after := fault.After(err); after > 0 {
			return after + time.Duration(float64(after)*random/10), true
		}
		return doubled(time.Second, 5*time.Minute), true
	case fault.Stale, fault.Conflict:
		return doubled(time.Second, time.Minute), true
	case fault.Unavailable:
		return doubled(time.Second, 5*time.Minute), true
	}
	return doubled(10*time.Second, time.Hour), true
}

package google

import (
	"context"
	"sync"
	"time"

	"rapport/internal/fault"
	"rapport/internal/mail"
)

// Limiter keeps all calls of this process within Google's quota: a bucket of
// units for each mailbox and one for each project, a cool-down shared by
// everything that works on a mailbox, and a gate on how many requests are under
// way at a time. Interactive work goes ahead of normal, normal ahead of
// background; equals are served in the order they came.
//
// A bucket holds a minute's units less a margin, because Google counts a call
// when it arrives and we when it leaves. The last units in it are kept for
// interactive work. It learns: a refusal empties it, pauses the mailbox until
// the moment Google names, and lowers the rate, which recovers slowly.
type Limiter struct {
	quota  Quota
	now    func() time.Time
	after  func(d time.Duration, do func())
	shared Shared
	log    func(key string, err error)

	mu       sync.Mutex
	users    map[string]*account
	projects map[string]*bucket
	swept    time.Time
}

// Shared is a bucket that several processes draw from (the store keeps it).
type Shared interface {
	// Take removes up to want units from the bucket key, which holds capacity,
	// gains perSecond, and is full when first seen; keep units are to stay in it.
	// It gives what it got, or how long until a unit is there.
	Take(ctx context.Context, key string, want, keep, capacity, perSecond float64, now time.Time) (got float64, wait time.Duration, err error)
}

const (
	// margin of a bucket for calls that overtake each other on the way: 1 % is
	// 600 ms worth of refill.
	margin = 0.01
	// kept is the share of a bucket only interactive work may use.
	kept = 0.02

	slowest    = 0.25 // a learned rate never falls below this share
	slower     = 0.9  // what a refusal leaves of the rate
	recovery   = 0.05 // of the full rate regained in each recoverBy
	recoverBy  = 30 * time.Second
	longestNap = 30 * time.Second // background work does not wait longer for a cool-down
)

// LimiterOptions are all optional.
type LimiterOptions struct {
	Now func() time.Time
	// After calls do, in a goroutine of its own, when d has passed; nil:
	// time.AfterFunc.
	After  func(d time.Duration, do func())
	Shared Shared
	// Failed hears of a shared bucket that cannot be reached; the limiter then
	// goes on alone, with its own.
	Failed func(key string, err error)
}

// NewLimiter makes a limiter with all buckets full.
func NewLimiter(q Quota, o LimiterOptions) *Limiter {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Failed == nil {
		o.Failed = func(string, error) {}
	}
	return &Limiter{quota: q, now: o.Now, after: o.After, shared: o.Shared, log: o.Failed,
		users: map[string]*account{}, projects: map[string]*bucket{}}
}

// account is what all work on one mailbox of one project shares.
type account struct {
	units   *bucket
	project *bucket
	gate    *gate

	used time.Time // under Limiter.mu
}

// account finds or makes the shared state of a mailbox.
func (l *Limiter) account(project, user string) *account {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.sweep(now)
	key := project + "/" + user
	a, ok := l.users[key]
	if !ok {
		p := l.projects[project]
		if p == nil {
			p = l.bucket("project:"+project, l.quota.PerProject, now)
			l.projects[project] = p
		}
		a = &account{units: l.bucket("user:"+key, l.quota.PerUser, now), project: p, gate: newGate()}
		l.users[key] = a
	}
	a.used = now
	return a
}

// sweep forgets mailboxes that nobody has opened for so long that a new state
// would be the same.
func (l *Limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < 10*time.Minute {
		return
	}
	l.swept = now
	for key, a := range l.users {
		if now.Sub(a.used) > time.Hour && a.units.idle(now) && a.gate.idle() {
			delete(l.users, key)
		}
	}
}

func (l *Limiter) bucket(key string, perMinute int64, now time.Time) *bucket {
	full := float64(perMinute) * (1 - margin)
	b := &bucket{key: key, capacity: full, rate: float64(perMinute) / 60, keep: full * kept,
		share: 1, level: full, at: now, now: l.now, after: l.after, shared: l.shared, failed: l.log}
	if l.shared != nil {
		b.level = 0
	}
	return b
}

// take waits until units may be spent for a call of this priority.
// fault.Throttled, with After, when the mailbox cools down for longer than the
// work can wait.
func (a *account) take(ctx context.Context, units int64, p mail.Priority) error {
	if err := a.units.take(ctx, float64(units), p); err != nil {
		return err
	}
	return a.project.take(ctx, float64(units), p)
}

// spare is the units that could be spent now without waiting.
func (a *account) spare(p mail.Priority) int64 {
	return int64(min(a.units.spare(p), a.project.spare(p)))
}

// bucket is one token bucket with queues for those who wait.
type bucket struct {
	key    string
	now    func() time.Time
	after  func(d time.Duration, do func()) // nil: time.AfterFunc
	shared Shared
	failed func(key string, err error)

	mu        sync.Mutex
	capacity  float64
	rate      float64 // units a second as configured
	share     float64 // of the rate, as learned
	learned   time.Time
	keep      float64
	level     float64
	at        time.Time
	cool      time.Time // nothing is spent before
	waiting   [3][]*waiter
	timer     *time.Timer
	leasing   bool
	alone     bool      // the shared bucket failed; own refill until it works again
	leaseWait time.Time // nothing is there before, for those who leave leaseKeep
	leaseKeep float64
	plenty    bool // the last lease was given in full
}

type waiter struct {
	units float64
	ready chan struct{}
}

// floor is what has to stay in the bucket for work of higher priority. Of a
// shared bucket it stays where that is kept, not in each process.
func (b *bucket) floor(p mail.Priority) float64 {
	if b.shared != nil && !b.alone {
		return 0
	}
	return b.kept(p)
}

func (b *bucket) kept(p mail.Priority) float64 {
	if p == mail.Interactive {
		return 0
	}
	return b.keep
}

func (b *bucket) take(ctx context.Context, units float64, p mail.Priority) error {
	b.mu.Lock()
	now := b.now()
	if nap := b.cool.Sub(now); nap > b.patience(p) {
		b.mu.Unlock()
		return throttled(nap)
	}
	b.refill(now)
	if b.first(p) && b.can(units, p, now) {
		b.level -= units
		b.mu.Unlock()
		return nil
	}
	w := &waiter{units, make(chan struct{})}
	b.waiting[p] = append(b.waiting[p], w)
	b.serve(now)
	b.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	return b.leave(ctx, w, p)
}

// leave takes a waiter out of its queue. One who was served in the same moment
// gives the units back.
func (b *bucket) leave(ctx context.Context, w *waiter, p mail.Priority) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	for i, x := range b.waiting[p] {
		if x == w {
			b.waiting[p] = append(b.waiting[p][:i:i], b.waiting[p][i+1:]...)
			b.serve(now)
			return ctx.Err()
		}
	}
	b.level = min(b.level+w.units, b.capacity)
	b.serve(now)
	return ctx.Err()
}

// patience is how long a cool-down may last before the work is better put off.
func (b *bucket) patience(p mail.Priority) time.Duration {
	if p == mail.Interactive {
		return 5 * time.Second
	}
	return longestNap
}

func throttled(after time.Duration) error {
	return &fault.Error{Kind: fault.Throttled, Code: "rate_limited", After: after,
		Text: "Google asks for a pause on this mailbox. It goes on by itself."}
}

// first reports whether nobody waits who goes before a newcomer of p.
func (b *bucket) first(p mail.Priority) bool {
	for q := p; int(q) < len(b.waiting); q++ {
		if len(b.waiting[q]) > 0 {
			return false
		}
	}
	return true
}

func (b *bucket) can(units float64, p mail.Priority, now time.Time) bool {
	return !now.Before(b.cool) && b.level >= b.need(units, p)
}

// need is the level at which a call can be made. One dearer than the whole
// bucket goes when the bucket is full.
func (b *bucket) need(units float64, p mail.Priority) float64 {
	return min(units+b.floor(p), b.capacity)
}

// refill adds what has come since the last look, and lets a lowered rate recover.
func (b *bucket) refill(now time.Time) {
	passed := now.Sub(b.at)
	if passed <= 0 {
		return
	}
	b.at = now
	if b.share < 1 && now.Sub(b.learned) >= recoverBy {
		steps := now.Sub(b.learned) / recoverBy
		b.share = min(1, b.share+recovery*float64(steps))
		b.learned = b.learned.Add(steps * recoverBy)
	}
	if b.shared == nil || b.alone {
		b.level = min(b.capacity, b.level+b.rate*b.share*passed.Seconds())
	} else if passed > leaseLife {
		b.level = 0 // leased long ago: the common bucket has been refilled since
	}
}

// serve gives units to those who wait, in order, and sets the clock for the next.
func (b *bucket) serve(now time.Time) {
	b.refill(now)
	for p := mail.Interactive; p >= mail.Background; p-- {
		for len(b.waiting[p]) > 0 {
			w := b.waiting[p][0]
			if !b.can(w.units, p, now) {
				b.wait(w, p, now)
				return
			}
			b.level -= w.units
			b.waiting[p] = b.waiting[p][1:]
			close(w.ready)
		}
	}
	if b.timer != nil {
		b.timer.Stop()
	}
}

// wait arranges for serve to be called when w can be served.
func (b *bucket) wait(w *waiter, p mail.Priority, now time.Time) {
	d := b.cool.Sub(now)
	missing := b.need(w.units, p) - b.level
	if b.shared != nil && !b.alone {
		if d <= 0 {
			b.lease(missing, b.kept(p), now)
			return
		}
	} else if missing > 0 {
		d = max(d, time.Duration(missing/(b.rate*b.share)*float64(time.Second))+time.Microsecond)
	}
	b.wake(d)
}

func (b *bucket) wake(d time.Duration) {
	switch {
	case b.after != nil:
		b.after(d, b.awake)
	case b.timer == nil:
		b.timer = time.AfterFunc(d, b.awake)
	default:
		b.timer.Reset(d)
	}
}

func (b *bucket) awake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serve(b.now())
}

func (b *bucket) spare(p mail.Priority) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.refill(now)
	if now.Before(b.cool) || !b.first(p) {
		return 0
	}
	if b.shared != nil && !b.alone && b.plenty {
		return b.level + b.capacity*plentiful
	}
	return max(0, b.level-b.floor(p))
}

// takes is how long it takes to spend so many units from now on.
func (b *bucket) takes(units float64, p mail.Priority) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.refill(now)
	level := b.level
	if b.shared != nil && !b.alone {
		level = b.capacity // as far as this process knows
	}
	missing := max(0, units+b.floor(p)-level)
	return max(0, b.cool.Sub(now)) + time.Duration(missing/(b.rate*b.share)*float64(time.Second))
}

// refused learns from an answer of Google: nothing is there, come back after.
func (b *bucket) refused(after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.refill(now)
	if until := now.Add(after); until.After(b.cool) {
		if !now.Before(b.cool) {
			// The first refusal of a wave; those that were under way with it say
			// nothing new.
			b.share = max(slowest, b.share*slower)
		}
		b.cool = until
	}
	b.learned = now
	b.level = min(b.level, b.keep)
	b.serve(now)
}

// pause delays everything for a moment without learning anything about the rate.
func (b *bucket) pause(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if until := now.Add(d); until.After(b.cool) {
		b.cool = until
	}
	b.serve(now)
}

func (b *bucket) cooling(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(0, b.cool.Sub(now))
}

func (b *bucket) idle(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill(now)
	full := b.level >= b.capacity || b.shared != nil
	return full && b.share == 1 && !now.Before(b.cool) && b.first(mail.Background)
}

package google

import (
	"context"
	"sync"
	"time"

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
	second  *bucket // nil without a limit by the second
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
		if l.quota.PerSecond > 0 {
			a.second = l.bucket("second:"+key, 60*l.quota.PerSecond, now)
			a.second.limit(float64(l.quota.PerSecond))
		}
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
	if a.second != nil {
		if err := a.second.take(ctx, float64(units), p); err != nil {
			return err
		}
	}
	return a.project.take(ctx, float64(units), p)
}

// spare is the units that could be spent now without waiting.
func (a *account) spare(p mail.Priority) int64 {
	n := min(a.units.spare(p), a.project.spare(p))
	if a.second != nil {
		n = min(n, a.second.spare(p))
	}
	return int64(n)
}

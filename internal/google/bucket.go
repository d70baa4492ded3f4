package google

import (
	"context"
	"sync"
	"time"

	"rapport/internal/fault"
	"rapport/internal/mail"
)

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

// limit makes a new bucket hold less than a minute's units.
func (b *bucket) limit(capacity float64) {
	b.capacity, b.keep = capacity, 0
	b.level = min(b.level, capacity)
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
	b.refill(now)
	if nap := b.cool.Sub(now); nap > b.patience(p) {
		b.mu.Unlock()
		return throttled(nap)
	}
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
	if passed < -time.Second {
		// The clock was set back: what was noted in its old time moves along.
		b.at, b.cool, b.learned, b.leaseWait = now, b.cool.Add(passed), b.learned.Add(passed), b.leaseWait.Add(passed)
	}
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

func (b *bucket) idle(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill(now)
	full := b.level >= b.capacity || b.shared != nil
	return full && b.share == 1 && !now.Before(b.cool) && b.first(mail.Background)
}

package google

import (
	"context"
	"time"
)

// Drawing from a bucket shared by processes: units are leased in pieces large
// enough that not every call asks the store, and small enough that little is
// stuck in a process that stops.

const (
	leaseLife    = 5 * time.Second // leased units that are not spent by then are given up
	leaseSeconds = 0.25            // a piece is what a bucket gains in that time
	leaseTimeout = 2 * time.Second

	longestLeaseWait = 5 * time.Second

	// plentiful is the share of a bucket thought to be there when the last lease
	// was given in full: enough for a batch. If it is not there, the batch waits.
	plentiful  = 1.0 / 12
	leaseRetry = 10 * time.Second // after a failure the bucket goes on alone for so long
)

// lease asks for units in the background, once at a time. b.mu is held.
func (b *bucket) lease(missing, keep float64, now time.Time) {
	if b.leasing {
		return
	}
	if d := b.leaseWait.Sub(now); d > 0 && keep >= b.leaseKeep {
		b.wake(d)
		return
	}
	b.leasing, b.leaseKeep = true, keep
	want := min(max(missing, b.rate*b.share*leaseSeconds), b.capacity-keep)
	rate := b.rate * b.share
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), leaseTimeout)
		defer cancel()
		got, wait, err := b.shared.Take(ctx, b.key, want, keep, b.capacity, rate, now)
		b.leased(want, got, wait, err)
	}()
}

// leased takes what came. When it was less than asked for, the rest is asked
// for when it can have come in: not at each unit.
func (b *bucket) leased(want, got float64, wait time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.leasing, b.at = false, now
	if err != nil {
		b.failed(b.key, err)
		b.goAlone()
	}
	b.level += got
	b.plenty = got >= want
	if !b.plenty {
		rest := time.Duration((want - got) / (b.rate * b.share) * float64(time.Second))
		b.leaseWait = now.Add(min(max(wait, rest), longestLeaseWait))
	}
	b.serve(now)
}

// goAlone uses an own bucket, empty at first, until the shared one is tried again.
func (b *bucket) goAlone() {
	b.alone, b.level = true, 0
	later(b.after, leaseRetry, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.alone, b.level = false, 0
		b.serve(b.now())
	})
}

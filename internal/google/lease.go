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
	leaseRetry   = 10 * time.Second // after a failure the bucket goes on alone for so long
)

// lease asks for units in the background, once at a time. b.mu is held.
func (b *bucket) lease(missing, keep float64, now time.Time) {
	if b.leasing {
		return
	}
	if d := b.leaseWait.Sub(now); d > 0 {
		b.wake(d)
		return
	}
	b.leasing = true
	want := max(missing, b.rate*b.share*leaseSeconds)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), leaseTimeout)
		defer cancel()
		got, wait, err := b.shared.Take(ctx, b.key, want, keep, b.capacity, b.rate*b.share, now)
		b.leased(got, wait, err)
	}()
}

func (b *bucket) leased(got float64, wait time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.leasing = false
	b.at = now
	if err != nil {
		b.failed(b.key, err)
		b.alone = true
		time.AfterFunc(leaseRetry, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.alone, b.level = false, 0
			b.serve(b.now())
		})
	}
	b.level += got
	if got <= 0 {
		b.leaseWait = now.Add(max(wait, time.Millisecond))
	}
	b.serve(now)
}

package world

import (
	"sync"
	"sync/atomic"
	"time"
)

// Clock is the time of the simulated Google: a base clock plus an offset that
// only moves when somebody asks. All expiries of the simulator are computed
// from it when they are looked at, so advancing it takes effect at once.
type Clock struct {
	base   func() time.Time
	offset atomic.Int64

	mu    sync.Mutex
	moved chan struct{} // closed when somebody moves the clock, nil: nobody waits
}

// NewClock returns a clock running on base; nil means time.Now.
func NewClock(base func() time.Time) *Clock {
	if base == nil {
		base = time.Now
	}
	return &Clock{base: base}
}

// Now is the simulated time in UTC.
func (c *Clock) Now() time.Time {
	return c.base().UTC().Add(time.Duration(c.offset.Load()))
}

// Advance moves the clock by d (backwards when negative) and returns the new time.
func (c *Clock) Advance(d time.Duration) time.Time {
	c.offset.Add(int64(d))
	c.wake()
	return c.Now()
}

// Moved is closed when somebody moves the clock next.
func (c *Clock) Moved() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moved == nil {
		c.moved = make(chan struct{})
	}
	return c.moved
}

func (c *Clock) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moved != nil {
		close(c.moved)
		c.moved = nil
	}
}

// Offset is how far the clock was moved from its base.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }

// Reset puts the clock back on its base.
func (c *Clock) Reset() {
	c.offset.Store(0)
	c.wake()
}

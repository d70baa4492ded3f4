package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"rapport/internal/work"
)

// turn lets one write at a time, in the order they came. Work that can wait
// (work.Patient) lets others go first, but for no longer than turnPatience.
type turn struct {
	mu      sync.Mutex
	taken   bool
	hasty   []*waiter
	patient []*waiter
}

type waiter struct {
	ready chan struct{} // closed when it is its turn
	since time.Time
}

const turnPatience = 250 * time.Millisecond

func (q *turn) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	if !q.taken {
		q.taken = true
		q.mu.Unlock()
		return nil
	}
	w := &waiter{make(chan struct{}), time.Now()}
	line := &q.hasty
	if work.CanWait(ctx) {
		line = &q.patient
	}
	*line = append(*line, w)
	q.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	i := slices.Index(*line, w)
	if i >= 0 {
		*line = slices.Delete(*line, i, i+1)
	}
	q.mu.Unlock()
	if i < 0 { // it has become our turn at the same moment
		q.pass()
	}
	return ctx.Err()
}

// pass ends a turn.
func (q *turn) pass() {
	q.mu.Lock()
	defer q.mu.Unlock()
	line := &q.hasty
	if len(q.hasty) == 0 || len(q.patient) > 0 && time.Since(q.patient[0].since) > turnPatience && q.patient[0].since.Before(q.hasty[0].since) {
		line = &q.patient
	}
	if len(*line) == 0 {
		q.taken = false
		return
	}
	next := (*line)[0]
	*line = slices.Delete(*line, 0, 1)
	close(next.ready)
}

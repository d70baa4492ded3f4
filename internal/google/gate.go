package google

import (
	"context"
	"sync"

	"rapport/internal/mail"
)

// gate limits how many requests of a mailbox are under way at a time, each part
// of a batch counted. It adapts: it opens by one with every success until the
// first refusal ("Too many concurrent requests for user"), which halves it;
// from then on it opens by one per round of successes.
type gate struct {
	mu      sync.Mutex
	width   float64
	inside  int
	refused bool // once; slow growth since
	epoch   int  // counts halvings: late refusals of one wave halve once
	waiting [3][]*entrant
}

type entrant struct {
	places int
	epoch  int
	ready  chan struct{}
}

const (
	gateStart  = 12
	gateWidest = 25
	gateLeast  = 1
)

func newGate() *gate { return &gate{width: gateStart} }

// enter waits for places and gives the epoch they were given in.
func (g *gate) enter(ctx context.Context, places int, p mail.Priority) (int, error) {
	g.mu.Lock()
	e := &entrant{places: places, ready: make(chan struct{})}
	g.waiting[p] = append(g.waiting[p], e)
	g.admit()
	g.mu.Unlock()
	select {
	case <-e.ready:
		return e.epoch, nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, x := range g.waiting[p] {
		if x == e {
			g.waiting[p] = append(g.waiting[p][:i:i], g.waiting[p][i+1:]...)
			g.admit()
			return 0, ctx.Err()
		}
	}
	g.inside -= places // admitted in the same moment
	g.admit()
	return 0, ctx.Err()
}

// admit lets in who fits, by priority and order. A batch wider than the gate
// goes in alone.
func (g *gate) admit() {
	for p := mail.Interactive; p >= mail.Background; p-- {
		for len(g.waiting[p]) > 0 {
			e := g.waiting[p][0]
			if g.inside > 0 && g.inside+e.places > int(g.width) {
				return
			}
			g.inside += e.places
			g.waiting[p] = g.waiting[p][1:]
			e.epoch = g.epoch
			close(e.ready)
		}
	}
}

// leave gives places back: so many of their calls succeeded, and whether one
// was refused for concurrency.
func (g *gate) leave(places, succeeded, epoch int, tooMany bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside -= places
	switch {
	case tooMany && epoch == g.epoch:
		g.width = max(gateLeast, g.width/2)
		g.refused = true
		g.epoch++
	case tooMany:
	case g.refused:
		g.width = min(gateWidest, g.width+float64(succeeded)/g.width)
	default:
		g.width = min(gateWidest, g.width+float64(succeeded))
	}
	g.admit()
}

// halve narrows the gate because a part of a batch was refused for concurrency.
func (g *gate) halve() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.width = max(gateLeast, g.width/2)
	g.refused = true
	g.epoch++
}

// room is how many places a batch may take so that two fit in.
func (g *gate) room() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(1, int(g.width)/2)
}

func (g *gate) widthNow() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return int(g.width)
}

func (g *gate) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside == 0
}

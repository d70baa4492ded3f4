package httpapi

import (
	"sync"
	"time"

	"rapport/internal/access"
)

// pace lets each address do a thing so often a minute, in this process. The zero
// pace is ready.
type pace struct {
	mu    sync.Mutex
	begun time.Time // of the minute that is counted
	seen  map[string]int
}

// wait counts one more of an address and says how long it has to wait: 0 within
// the limit.
func (p *pace) wait(now time.Time, remote string, limit int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	since := now.Sub(p.begun)
	if since < 0 || since >= time.Minute {
		p.begun, p.seen, since = now, map[string]int{}, 0
	}
	key := access.Line(remote)
	if p.seen[key] >= limit {
		return time.Minute - since
	}
	p.seen[key]++
	return 0
}

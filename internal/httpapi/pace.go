package httpapi

import (
	"net/netip"
	"sync"
	"time"
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
	key := line(remote)
	if p.seen[key] >= limit {
		return time.Minute - since
	}
	p.seen[key]++
	return 0
}

// line is the address of whoever has a line: of IPv6 everybody has a whole
// network (RFC 6177).
func line(remote string) string {
	ip, err := netip.ParseAddr(remote)
	if err != nil || ip.Unmap().Is4() {
		return remote
	}
	net, err := ip.Prefix(64)
	if err != nil {
		return remote
	}
	return net.String()
}

package imapsmtp

import (
	"context"
	"net"
	"slices"
	"time"

	"rapport/internal/netguard"
)

// Guarded dials addresses of the public internet only, or everywhere. The address
// is judged when the connection is made, after its name was resolved: no name can
// point inside on the second look. trusted are addresses of the operator's own.
func Guarded(everywhere bool, trusted ...string) Dial {
	open := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: time.Minute}
	guarded := *open
	guarded.Control = netguard.Control
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if everywhere || slices.Contains(trusted, address) {
			return open.DialContext(ctx, network, address)
		}
		return guarded.DialContext(ctx, network, address)
	}
}

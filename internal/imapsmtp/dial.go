package imapsmtp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"rapport/internal/fault"
)

// Guarded dials addresses of the public internet only, or everywhere. The address
// is judged when the connection is made, after its name was resolved: no name can
// point inside on the second look. trusted are addresses of the operator's own.
func Guarded(everywhere bool, trusted ...string) Dial {
	open := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: time.Minute}
	guarded := *open
	guarded.Control = func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("reading an address: %w", err)
		}
		if !public(at.Addr()) {
			return &fault.Error{Kind: fault.Forbidden, Code: "address_not_allowed",
				Text: "This server is not on the public internet, and Rapport does not go there. Whoever runs Rapport can allow it (OUTBOUND_ALLOW_PRIVATE)."}
		}
		return nil
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if everywhere || slices.Contains(trusted, address) {
			return open.DialContext(ctx, network, address)
		}
		return guarded.DialContext(ctx, network, address)
	}
}

// reserved are networks that net/netip does not name and the internet does not
// route (IANA's registries of special-purpose addresses).
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"),
}

func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(a) })
}

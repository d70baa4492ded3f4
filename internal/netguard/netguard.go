// Package netguard says which addresses a server may go to when people choose
// where: those of the public internet, unless its operator allows more. It is
// pure; the doors that dial use it.
package netguard

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"rapport/internal/fault"
)

// reserved are networks that net/netip does not name and the internet does not
// route, or that lead to IPv4 addresses by another way (IANA's registries of
// special-purpose addresses).
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"),
}

// global is all that is given out of IPv6 (RFC 4291, IANA): what lies beside it is
// local, translated (NAT64, IPv4-compatible) or nobody's.
var global = netip.MustParsePrefix("2000::/3")

// Public reports whether an address is one of the public internet. IPv4 written as
// IPv6 is judged as IPv4.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	switch {
	case !a.IsValid(), !a.IsGlobalUnicast(), a.IsPrivate(), a.Is6() && !global.Contains(a):
		return false
	}
	return !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Refused is the error for an address that is not public.
func Refused() error {
	return &fault.Error{Kind: fault.Forbidden, Code: "address_not_allowed",
		Text: "This server is not on the public internet, and Rapport does not go there. Whoever runs Rapport can allow it (OUTBOUND_ALLOW_PRIVATE)."}
}

// Control is for net.Dialer: it judges the address a connection is about to be
// made to, after its name was resolved, so that no name can point inside on the
// second look.
func Control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("reading an address: %w", err)
	}
	if !Public(at.Addr()) {
		return Refused()
	}
	return nil
}

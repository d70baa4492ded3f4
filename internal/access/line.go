package access

import "net/netip"

// Line is the address of whoever has a line, which tries are counted by: of IPv6
// everybody has a whole network (RFC 6177), so that one person has as many
// addresses there as they like. What is no address stays as it is.
func Line(remote string) string {
	ip, err := netip.ParseAddr(remote)
	if err != nil || ip.Unmap().Is4() {
		return remote
	}
	net, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return remote
	}
	return net.String()
}

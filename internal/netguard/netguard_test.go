package netguard_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/fault"
	"rapport/internal/netguard"
)

func TestPublic(t *testing.T) {
	for address, public := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "93.184.216.34": true, "172.15.255.255": true, "172.32.0.1": true, "100.63.255.255": true, "100.128.0.1": true, "2606:4700::1111": true, "2a00:1450:4001::5e": true,
		"127.0.0.1": false, "127.8.9.10": false, "::1": false, "0.0.0.0": false, "0.1.2.3": false, "::": false,
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "fc00::1": false, "fd12:3456::1": false,
		"169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false,
		"100.64.0.1": false, "100.127.255.255": false,
		"224.0.0.1": false, "239.1.2.3": false, "ff02::1": false, "255.255.255.255": false, "240.0.0.1": false,
		"192.0.0.1": false, "192.0.2.1": false, "198.18.0.1": false, "198.51.100.7": false, "203.0.113.9": false, "192.88.99.1": false, "2001:db8::1": false, "3fff::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:8.8.8.8": true,
		"::127.0.0.1": false, "::a00:1": false, // IPv4-compatible
		"64:ff9b::7f00:1": false, "64:ff9b::8.8.8.8": false, "64:ff9b:1::a00:1": false, // NAT64
		"2002:7f00:1::1": false, "2001::1": false, // 6to4, Teredo
		"100::1": false, "5f00::1": false, "4000::1": false,
	} {
		require.Equal(t, public, netguard.Public(netip.MustParseAddr(address)), address)
	}
	require.False(t, netguard.Public(netip.Addr{}))
}

func TestControl(t *testing.T) {
	require.NoError(t, netguard.Control("tcp4", "8.8.8.8:443", nil))
	require.Equal(t, fault.Forbidden, fault.Of(netguard.Control("tcp4", "127.0.0.1:443", nil)))
	require.Equal(t, fault.Forbidden, fault.Of(netguard.Control("tcp6", "[::1]:443", nil)))
	require.Error(t, netguard.Control("unix", "/run/socket", nil))
}

func FuzzPublic(f *testing.F) {
	for _, s := range []string{"::ffff:127.0.0.1", "64:ff9b::7f00:1", "8.8.8.8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return
		}
		if netguard.Public(a) && (a.Unmap().IsLoopback() || a.Unmap().IsPrivate() || a.Unmap().IsLinkLocalUnicast() || a.IsMulticast()) {
			t.Fatalf("%s is called public", a)
		}
	})
}

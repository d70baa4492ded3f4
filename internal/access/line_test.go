package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
)

func TestLine(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "::ffff:192.0.2.1", "2001:db8::1": "2001:db8::/64", "2001:db8::ffff:2": "2001:db8::/64",
		"2001:db8:0:1::2": "2001:db8:0:1::/64", "fe80::1%eth0": "fe80::/64", "fe80::2%x": "fe80::/64", "command line": "command line", "": "",
	} {
		require.Equal(t, want, access.Line(remote), remote)
	}
}

package httpapi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPace(t *testing.T) {
	var p pace
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for range 3 {
		require.Zero(t, p.wait(now, "192.0.2.1", 3))
	}
	now = now.Add(20 * time.Second)
	require.Equal(t, 40*time.Second, p.wait(now, "192.0.2.1", 3))
	require.Zero(t, p.wait(now, "192.0.2.2", 3), "others go on")
	for range 3 {
		require.Zero(t, p.wait(now, "2001:db8::1", 3))
	}
	require.NotZero(t, p.wait(now, "2001:db8::ffff:2", 3), "a network of one line counts as one")
	require.Zero(t, p.wait(now, "2001:db8:0:1::2", 3))
	now = now.Add(40 * time.Second)
	require.Zero(t, p.wait(now, "192.0.2.1", 3), "a minute later")
}

package app

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDemoGoesOnInItsWorld(t *testing.T) {
	dir := t.TempDir()
	start := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	first, err := demoWorld(dir, func() time.Time { return start })
	require.NoError(t, err)
	require.Equal(t, World{Seed: DemoSeed, Until: start}, first)
	again, err := demoWorld(dir, func() time.Time { return start.AddDate(0, 0, 40) })
	require.NoError(t, err)
	require.Equal(t, first, again)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "sim.json"), []byte("{"), 0o600))
	_, err = demoWorld(dir, time.Now)
	require.Equal(t, WithConfiguration, WithWhat(err))
	require.ErrorContains(t, err, "sim.json")
}

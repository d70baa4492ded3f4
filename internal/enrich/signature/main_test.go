package signature

import (
	"os"
	"testing"
)

// TestMain reads the lists for tests of what stands behind Extract.
func TestMain(m *testing.M) {
	learn()
	os.Exit(m.Run())
}

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	mentioned = regexp.MustCompile("`([a-z/]+)`|\\b((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)(…?)")
	defined   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z]\w*)\(`)
)

// TestEveryThreatHasItsTest: the tests that docs/security.md names exist.
func TestEveryThreatHasItsTest(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	require.NoError(t, err)
	threats, tests := 0, 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.Contains(cells[1], "---") || strings.TrimSpace(cells[1]) == "threat" {
			continue
		}
		threats++
		folder, found := "", 0
		for _, m := range mentioned.FindAllStringSubmatch(cells[3], -1) {
			if m[1] != "" {
				folder = m[1]
				continue
			}
			found++
			require.True(t, exists(t, folder, m[2], m[3] != ""), "%s in %s, for: %s", m[2], folder, cells[1])
		}
		if strings.Contains(cells[3], "web/e2e") || strings.Contains(cells[3], "storetest`") {
			found++
		}
		require.Positive(t, found, "no test for: %s", cells[1])
		tests += found
	}
	require.Greater(t, threats, 30)
	require.Greater(t, tests, threats)
}

// exists looks for a test in a folder, by its name or its beginning.
func exists(t *testing.T, folder, name string, begins bool) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", folder, "*.go"))
	require.NoError(t, err)
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, m := range defined.FindAllStringSubmatch(string(text), -1) {
			if m[1] == name || begins && strings.HasPrefix(m[1], name) {
				return true
			}
		}
	}
	return false
}

package httpapi

import (
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestListsWithoutEnd are refused before they become memory, and what only looks
// like one is none.
func TestListsWithoutEnd(t *testing.T) {
	for text, many := range map[string]bool{
		`{}`: false, ``: false, `"`: false, `"\`: false,
		`{"to":["a","b"],"text":"x"}`:                                   false,
		`{"to":["a","b","c"],"text":"x"}`:                               false,
		`{"to":["a","b","c","d"],"text":""}`:                            true,
		`{"text":"` + strings.Repeat(`,\",\\`, 100) + `"}`:              false,
		`{"attachments":[` + strings.Repeat("{},", 100) + `{}]}`:        true,
		`{"text":"\\","to":[` + strings.Repeat(`"",`, 100) + `""]}`:     true,
		`{"text":"\\\"","to":[` + strings.Repeat(`"\"",`, 100) + `""]}`: true,
	} {
		require.Equal(t, many, manyValues([]byte(text), 3), "%.60s", text)
	}
	text := []byte(`{"attachments":[` + strings.Repeat(`{},`, 1_000_000) + `{}]}`)
	least := uint64(math.MaxUint64) // what other goroutines take counts, too
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var body letterBody
		require.ErrorContains(t, formats()["application/json"].Unmarshal(text, &body), "more than 50000 values")
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	require.Less(t, least, uint64(len(text)))
}

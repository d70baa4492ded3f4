package google

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/mail"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var _ Shared = (*store.Store)(nil)

func TestTheStoreKeepsASharedBucket(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		s := storetest.Open(t, d)
		for range 2 { // processes
			l := NewLimiter(quotaOf(6000), LimiterOptions{Shared: s, Failed: func(_ string, err error) { t.Error(err) }})
			for range 10 {
				require.NoError(t, l.account("p", "u").take(t.Context(), 100, mail.Background))
			}
		}
		left, _, err := s.Take(t.Context(), "user:p/u", 6000, 0, 5940, 100, time.Now())
		require.NoError(t, err)
		require.InDelta(t, 5940-2000, left, 1500, "what came in meanwhile, and what a process holds")
		require.Less(t, left, 5940.0)
	})
}

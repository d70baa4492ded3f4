package store

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/work"
)

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q turn
		order := make(chan string, 10)
		wants := func(name string, ctx context.Context) {
			go func() {
				if q.take(ctx) == nil {
					order <- name
				}
			}()
			synctest.Wait()
		}
		require.NoError(t, q.take(t.Context()))
		patient := work.Patient(t.Context())
		given, giveUp := context.WithCancel(t.Context())
		wants("import", patient)
		wants("gone", given)
		wants("first", t.Context())
		wants("second", t.Context())
		giveUp()
		synctest.Wait()
		for _, want := range []string{"first", "second", "import"} {
			q.pass()
			require.Equal(t, want, <-order)
		}

		wants("import", patient)
		time.Sleep(2 * turnPatience)
		wants("late", t.Context())
		q.pass()
		require.Equal(t, "import", <-order, "nobody waits for ever")
		q.pass()
		require.Equal(t, "late", <-order)
		q.pass()
		require.NoError(t, q.take(t.Context()), "nobody holds it")
		require.Error(t, q.take(given))
	})
}

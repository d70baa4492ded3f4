package accounts_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/store/storetest"
)

func TestOneProcessListensToAnAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		v := w.add()
		claim := func(holder string) int {
			now := w.Clock.Now()
			list, err := w.Watch(context.Background(), holder, now, now.Add(time.Minute), 10)
			require.NoError(t, err)
			return len(list)
		}
		require.Zero(t, claim("one"), "not before it was synced")
		w.sync(v.ID)
		require.Equal(t, 1, claim("one"))
		require.Zero(t, claim("two"))
		w.Clock.Move(40 * time.Second)
		require.Equal(t, 1, claim("one"), "it stays with who has it")
		w.Clock.Move(40 * time.Second)
		require.Zero(t, claim("two"))
		w.Clock.Move(time.Minute)
		require.Equal(t, 1, claim("two"), "a process that died is waited for no longer than its lease")
		require.Zero(t, claim("one"))
		_, err := w.ChangeAccount(context.Background(), v.ID, func(a *crm.Account) error { a.State = crm.AccountRefused; return nil })
		require.NoError(t, err)
		require.Zero(t, claim("two"), "nobody listens where the sign-in is refused")
	})
}

package vault_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

func TestManyVendsOfAnEndedTokenRefreshOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		second := h.other()
		time.Sleep(2 * time.Hour)
		tokens := make([]string, 64)
		var all sync.WaitGroup
		for i := range tokens {
			s := h.Service
			if i%2 == 1 {
				s = second
			}
			all.Go(func() {
				v, err := s.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
				require.NoError(t, err)
				tokens[i] = v.Token.Reveal()
			})
		}
		all.Wait()
		require.Equal(t, 1, h.provider.Count())
		for _, x := range tokens {
			require.Equal(t, tokens[0], x)
		}
	})
}

// failing makes the next n refreshes fail.
func failing(h *house, n int, err error) {
	h.provider.Script(func(count int) error {
		if count <= n {
			return err
		}
		return nil
	})
}

func TestARefreshThatFailsTwiceThenWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, g := authorized(t)
		time.Sleep(2 * time.Hour)
		failing(h, 2, fault.New(fault.Unavailable, "503"))
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				for {
					_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
					if err == nil {
						return
					}
					require.Equal(t, fault.Unavailable, fault.Of(err), "an outage is not a death")
					require.Positive(t, fault.After(err))
					time.Sleep(fault.After(err))
				}
			})
		}
		all.Wait()
		require.Equal(t, 3, h.provider.Count())
		after, err := h.memory.Grant(t.Context(), g.ID)
		require.NoError(t, err)
		require.Equal(t, vault.GrantActive, after.Status)
		require.Zero(t, after.Failures)
	})
}

func TestADeathAmongManyCallersIsAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, g := authorized(t)
		second := h.other()
		time.Sleep(2 * time.Hour)
		h.provider.Block, h.provider.Entered = make(chan struct{}), make(chan struct{}, 64)
		var all sync.WaitGroup
		for i := range 64 {
			s := h.Service
			if i%2 == 1 {
				s = second
			}
			all.Go(func() {
				_, err := s.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
				require.Equal(t, "google_reauthorization_required", code(err))
			})
		}
		<-h.provider.Entered
		h.provider.KillAll() // in the middle of the refresh
		close(h.provider.Block)
		all.Wait()
		require.Equal(t, 1, h.provider.Count())
		after, err := h.memory.Grant(t.Context(), g.ID)
		require.NoError(t, err)
		require.Equal(t, vault.GrantDead, after.Status)
		require.WithinDuration(t, time.Now(), after.DiedAt, time.Second)
		require.Equal(t, after.DiedAt.Sub(after.ConsentedAt), after.Lived)
		for _, row := range h.memory.Rows {
			if row.Action == "token.refresh" {
				require.Empty(t, row.UserID, "a subject is any text, an address perhaps")
				require.Equal(t, "drive: reconnect", row.Detail)
			}
		}
	})
}

func TestAHolderThatWasKilledHoldsNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, g := authorized(t)
		time.Sleep(2 * time.Hour)
		now := time.Now()
		_, mine, err := h.memory.LeaseGrant(t.Context(), g.ID, "a process that was killed", now, now.Add(30*time.Second))
		require.NoError(t, err)
		require.True(t, mine)
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
				require.NoError(t, err)
			})
		}
		all.Wait()
		require.InDelta(t, 30, time.Since(now).Seconds(), 1)
		require.Equal(t, 1, h.provider.Count())
	})
}

func TestInACoolDownTheValidTokenIsGivenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		time.Sleep(56 * time.Minute)
		h.provider.Fails = &fault.Error{Kind: fault.Throttled, After: time.Minute, Text: "slow down"}
		_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		leases := h.count("LeaseGrant")
		began := time.Now()
		for range 100 {
			_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
			require.NoError(t, err)
		}
		require.Zero(t, time.Since(began))
		require.Zero(t, *leases)
	})
}

func TestScopesThatShrinkAtARefreshDegradeTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		time.Sleep(2 * time.Hour)
		h.provider.Narrow = []string{"openid", vault.ScopeGmailReadonly, vault.ScopeCalendar}
		_, err := h.Token(t.Context(), id)
		require.NoError(t, err)
		c, _ := h.memory.Only()
		require.Equal(t, crm.StatusDegraded, c.Status)
		require.Contains(t, c.StatusReason, "Send mail")
		require.NotContains(t, c.GrantedScopes, vault.ScopeGmailSend)
		time.Sleep(2 * time.Hour)
		h.provider.Narrow = nil
		_, err = h.Token(t.Context(), id)
		require.NoError(t, err)
		c, _ = h.memory.Only()
		require.Equal(t, crm.StatusActive, c.Status)
		require.Empty(t, c.StatusReason)

		// A grant that is dead is not brought back by what its last answer said.
		h.provider.Narrow = []string{"openid"}
		time.Sleep(2 * time.Hour)
		h.provider.KillAll()
		_, err = h.Token(context.WithoutCancel(t.Context()), id)
		require.Error(t, err)
		c, _ = h.memory.Only()
		require.Equal(t, crm.StatusNeedsReauth, c.Status)
	})
}

package vault_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
	"rapport/internal/vault/vaulttest"
)

// connected is a house on the bubble's clock with one connection.
func connected(t *testing.T) (*house, crm.GrantID) {
	t.Helper()
	h := &house{}
	h.memory = vaulttest.New(vault.Client{ID: "env", GoogleID: "100-x.apps"})
	h.provider = vaulttest.NewProvider(time.Now)
	h.Service, h.key = serviceOn(t, h.memory, h.provider, time.Now)
	_, err := h.connect(t, ada, vault.Request{}, adas)
	require.NoError(t, err)
	_, g := h.memory.Only()
	return h, g.ID
}

// other is another process on the same database.
func (h *house) other() *vault.Service {
	s := h.Service
	return &vault.Service{Provider: s.Provider, Clients: s.Clients, Consents: s.Consents, Grants: s.Grants,
		Connections: s.Connections, Approvals: s.Approvals, Trail: s.Trail, Sealer: s.Sealer, Now: s.Now, Random: s.Random,
		TokenGrants: s.TokenGrants, Leases: s.Leases, Upkeep: s.Upkeep, People: s.People, PublicURL: s.PublicURL, LinkKeys: s.LinkKeys}
}

func TestATokenIsRefreshedAheadOfItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		first, err := h.Token(t.Context(), id)
		require.NoError(t, err)
		time.Sleep(54 * time.Minute)
		same, err := h.Token(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, first.Token, same.Token)
		require.Zero(t, h.provider.Count())
		time.Sleep(time.Minute)
		next, err := h.Token(t.Context(), id)
		require.NoError(t, err)
		require.NotEqual(t, first.Token, next.Token)
		require.Equal(t, 1, h.provider.Count())
		require.Equal(t, []string{"connection.connect ok", "token.refresh ok"}, h.memory.Audited())
	})
}

func TestManyCallersOnAnEndedTokenRefreshOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		second := h.other()
		time.Sleep(2 * time.Hour)
		h.provider.Block = make(chan struct{})
		var all sync.WaitGroup
		tokens := make([]string, 64)
		for i := range tokens {
			s := h.Service
			if i%2 == 1 {
				s = second
			}
			all.Go(func() {
				a, err := s.Token(t.Context(), id)
				require.NoError(t, err)
				tokens[i] = a.Token.Reveal()
			})
		}
		time.Sleep(3 * time.Second)
		close(h.provider.Block)
		all.Wait()
		require.Equal(t, 1, h.provider.Count())
		for _, x := range tokens {
			require.Equal(t, tokens[0], x)
		}
	})
}

func TestAValidTokenIsUsedWhileTheRefreshIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		first, err := h.Token(t.Context(), id)
		require.NoError(t, err)
		time.Sleep(56 * time.Minute)
		h.provider.Block = make(chan struct{})
		began := time.Now()
		got, err := h.Token(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, first.Token, got.Token)
		require.Equal(t, vault.DefaultPatience, time.Since(began))
		close(h.provider.Block)
		synctest.Wait()
		got, err = h.Token(t.Context(), id)
		require.NoError(t, err)
		require.NotEqual(t, first.Token, got.Token, "the refresh went on without its first caller")
		require.Equal(t, 1, h.provider.Count())
	})
}

func TestACallerWhoGivesUpDoesNotEndTheRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		time.Sleep(2 * time.Hour)
		h.provider.Block = make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := h.Token(ctx, id)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(h.provider.Block)
		synctest.Wait()
		_, err = h.Token(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, 1, h.provider.Count())
	})
}

func TestARotatedRefreshTokenReplacesTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		h.provider.RotateOn = true
		for range 3 {
			time.Sleep(2 * time.Hour)
			_, err := h.Token(t.Context(), id)
			require.NoError(t, err)
		}
		require.Equal(t, 3, h.provider.Count())
	})
}

func TestADeadGrantIsSaidOnceAndNeverAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		h.provider.KillAll()
		time.Sleep(2 * time.Hour)
		for range 3 {
			_, err := h.Token(t.Context(), id)
			require.Equal(t, fault.Reconnect, fault.Of(err))
			require.Equal(t, "google_reauthorization_required", code(err))
		}
		require.Equal(t, 1, h.provider.Count())
		c, g := h.memory.Only()
		require.Equal(t, crm.StatusNeedsReauth, c.Status)
		require.NotEmpty(t, c.StatusReason)
		require.Equal(t, vault.GrantDead, g.Status)
		require.Empty(t, g.SealedRefresh)
		require.Equal(t, []string{"connection.granted active", "connection.needs_reauth needs_reauth"}, h.memory.Facts)

		out, err := h.connect(t, ada, vault.Request{Connection: c.ID}, adas)
		require.NoError(t, err)
		require.Equal(t, crm.StatusActive, out.Connection.Status)
		_, err = h.Token(t.Context(), id)
		require.NoError(t, err)
	})
}

func TestADeathNotedBeforeACrashReachesTheConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		h.provider.KillAll()
		time.Sleep(2 * time.Hour)
		h.memory.Fail = func(m string) error {
			if m == "Lost" {
				return errors.New("killed")
			}
			return nil
		}
		_, err := h.Token(t.Context(), id)
		require.ErrorContains(t, err, "killed")
		h.memory.Fail = nil
		_, err = h.Token(t.Context(), id)
		require.Equal(t, fault.Reconnect, fault.Of(err))
		c, _ := h.memory.Only()
		require.Equal(t, crm.StatusNeedsReauth, c.Status)
	})
}

func TestAnOutageChangesNothingAndIsNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		held, err := h.Token(t.Context(), id)
		require.NoError(t, err)
		h.provider.Fails = fault.New(fault.Unavailable, "503")

		time.Sleep(56 * time.Minute)
		got, err := h.Token(t.Context(), id)
		require.NoError(t, err, "the old token is still good")
		require.Equal(t, held.Token, got.Token)

		time.Sleep(time.Hour)
		before := h.provider.Count()
		for range 600 { // ten minutes of a caller each second
			_, err := h.Token(t.Context(), id)
			require.Equal(t, fault.Unavailable, fault.Of(err))
			require.Positive(t, fault.After(err))
			time.Sleep(time.Second)
		}
		require.LessOrEqual(t, h.provider.Count()-before, 10, "1, 2, 4 … seconds apart")
		c, g := h.memory.Only()
		require.Equal(t, crm.StatusActive, c.Status)
		require.Equal(t, vault.GrantActive, g.Status)

		h.provider.Fails = nil
		time.Sleep(15 * time.Minute)
		_, err = h.Token(t.Context(), id)
		require.NoError(t, err)
		_, g = h.memory.Only()
		require.Zero(t, g.Failures)
		require.True(t, g.RetryAt.IsZero())
	})
}

func TestGooglesPauseIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		time.Sleep(2 * time.Hour)
		h.provider.Fails = &fault.Error{Kind: fault.Throttled, After: 90 * time.Second, Text: "slow down"}
		_, err := h.Token(t.Context(), id)
		require.GreaterOrEqual(t, fault.After(err), 90*time.Second)
		h.provider.Fails = nil
		time.Sleep(89 * time.Second)
		_, err = h.Token(t.Context(), id)
		require.Error(t, err)
		require.Equal(t, 1, h.provider.Count())
		time.Sleep(2 * time.Second)
		_, err = h.Token(t.Context(), id)
		require.NoError(t, err)
	})
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		second := h.other()
		refused, err := h.Token(t.Context(), id)
		require.NoError(t, err)
		var all sync.WaitGroup
		for i := range 32 {
			s := h.Service
			if i%2 == 1 {
				s = second
			}
			all.Go(func() {
				a, err := s.Renew(t.Context(), id, refused.Token)
				require.NoError(t, err)
				require.NotEqual(t, refused.Token, a.Token)
			})
		}
		all.Wait()
		require.Equal(t, 1, h.provider.Count())

		// A late refusal of the old token does not touch the new one.
		_, err = h.Renew(t.Context(), id, refused.Token)
		require.NoError(t, err)
		require.Equal(t, 1, h.provider.Count())

		// A mailbox that refuses everything does not become a stream of refreshes.
		a, err := h.Token(t.Context(), id)
		require.NoError(t, err)
		_, err = h.Renew(t.Context(), id, a.Token)
		require.Equal(t, fault.Unavailable, fault.Of(err))
		require.Equal(t, 1, h.provider.Count())
		time.Sleep(31 * time.Second)
		_, err = h.Renew(t.Context(), id, a.Token)
		require.NoError(t, err)
		require.Equal(t, 2, h.provider.Count())
	})
}

func TestAWorkerThatDiesInARefreshIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		time.Sleep(2 * time.Hour)
		now := time.Now()
		_, mine, err := h.memory.LeaseGrant(t.Context(), id, "a process that was killed", now, now.Add(30*time.Second))
		require.NoError(t, err)
		require.True(t, mine)
		began := time.Now()
		_, err = h.Token(t.Context(), id)
		require.NoError(t, err)
		require.InDelta(t, 30, time.Since(began).Seconds(), 1)
		require.Equal(t, 1, h.provider.Count())
	})
}

func TestARefreshThatLosesAgainstAReconnectWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		c, _ := h.memory.Only()
		time.Sleep(2 * time.Hour)
		h.provider.Block, h.provider.Entered = make(chan struct{}), make(chan struct{}, 1)
		result := make(chan error, 1)
		go func() {
			_, err := h.Token(t.Context(), id)
			result <- err
		}()
		<-h.provider.Entered
		_, err := h.connect(t, ada, vault.Request{Connection: c.ID}, adas)
		require.NoError(t, err)
		_, fresh := h.memory.Only()
		h.provider.KillAll() // what the slow refresh holds is dead
		close(h.provider.Block)
		require.Error(t, <-result)
		after, grant := h.memory.Only()
		require.Equal(t, fresh, grant)
		require.Equal(t, crm.StatusActive, after.Status)
	})
}

func TestALostKeyIsAClearErrorAndHealsWhenItComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		good := h.Sealer
		key, err := vault.NewKey()
		require.NoError(t, err)
		h.Sealer, err = vault.NewSealer(key)
		require.NoError(t, err)
		for range 2 {
			_, err = h.Token(t.Context(), id)
			require.Equal(t, "decryption_failed", code(err))
			require.Equal(t, fault.Reconnect, fault.Of(err))
		}
		c, g := h.memory.Only()
		require.Equal(t, crm.StatusNeedsReauth, c.Status)
		require.Equal(t, vault.GrantSealed, g.Status)
		require.Equal(t, []string{"connection.connect ok", "token.unseal failed"}, h.memory.Audited())

		h.Sealer = good
		_, err = h.Token(t.Context(), id)
		require.NoError(t, err)
		c, g = h.memory.Only()
		require.Equal(t, crm.StatusActive, c.Status)
		require.Equal(t, vault.GrantActive, g.Status)
		require.Zero(t, h.provider.Count())
	})
}

func TestAReconnectReplacesWhatNoKeyOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		key, err := vault.NewKey()
		require.NoError(t, err)
		h.Sealer, err = vault.NewSealer(key)
		require.NoError(t, err)
		_, err = h.Token(t.Context(), id)
		require.Error(t, err)
		c, _ := h.memory.Only()
		_, err = h.connect(t, ada, vault.Request{Connection: c.ID}, adas)
		require.NoError(t, err)
		_, err = h.Token(t.Context(), id)
		require.NoError(t, err)
	})
}

func TestAValueCopiedIntoAnotherRowIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		victim := adas
		victim.Sub = "2002"
		out, err := h.connect(t, bo, vault.Request{}, victim)
		require.NoError(t, err)
		stolen := h.memory.Held[out.Connection.GrantID].SealedRefresh
		h.memory.Update(id, func(g *vault.Grant) { g.SealedRefresh = stolen })
		_, err = h.Token(t.Context(), id)
		require.ErrorIs(t, err, vault.ErrMisplace)
	})
}

func TestRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		for i := range 250 {
			who := adas
			who.Sub = string(rune('a'+i%26)) + time.Duration(i).String()
			_, err := h.connect(t, bo, vault.Request{}, who)
			require.NoError(t, err)
		}
		oldKeys := h.Sealer
		newKey, err := vault.NewKey()
		require.NoError(t, err)
		only, err := vault.NewSealer(newKey)
		require.NoError(t, err)
		h.Sealer = joined(t, newKey, h)
		h.memory.Update(id, func(g *vault.Grant) { g.SealedAccess = "broken" })

		// A first attempt dies after two pages; the second goes on from there.
		pages := 0
		h.memory.Fail = func(m string) error {
			if m == "ResealPage" {
				if pages++; pages == 3 {
					return errors.New("killed")
				}
			}
			return nil
		}
		part, err := h.Rotate(t.Context(), "", nil)
		require.ErrorContains(t, err, "killed")
		require.Equal(t, int64(200), part.Seen)
		h.memory.Fail = nil
		var seen []int64
		rest, err := h.Rotate(t.Context(), part.After, func(r vault.Rotation) { seen = append(seen, r.Seen) })
		require.NoError(t, err)
		require.Equal(t, []int64{51}, seen)
		require.Equal(t, int64(250), part.Resealed+rest.Resealed)
		require.Equal(t, []crm.GrantID{id}, append(part.Failed, rest.Failed...))

		again, err := h.Rotate(t.Context(), "", nil)
		require.NoError(t, err)
		require.Zero(t, again.Resealed)
		for gid, g := range h.memory.Held {
			if gid == id {
				continue
			}
			_, err := only.Open(string(gid), "refresh_token", g.SealedRefresh)
			require.NoError(t, err)
			_, err = oldKeys.Open(string(gid), "refresh_token", g.SealedRefresh)
			require.Error(t, err)
		}
	})
}

// joined is a sealer whose first key is new and that still opens what h sealed.
func joined(t *testing.T, first crm.Secret, h *house) *vault.Sealer {
	t.Helper()
	s, err := vault.NewSealer(crm.NewSecret(first.Reveal() + "," + h.key.Reveal()))
	require.NoError(t, err)
	return s
}

func TestARefreshThatStraddlesARotationWritesUnderTheFirstKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, id := connected(t)
		newKey, err := vault.NewKey()
		require.NoError(t, err)
		h.Sealer = joined(t, newKey, h)
		time.Sleep(2 * time.Hour)
		h.provider.Block, h.provider.Entered = make(chan struct{}), make(chan struct{}, 1)
		result := make(chan error, 1)
		go func() {
			_, err := h.Token(t.Context(), id)
			result <- err
		}()
		<-h.provider.Entered // holds the old sealed value
		_, err = h.Rotate(t.Context(), "", nil)
		require.NoError(t, err)
		close(h.provider.Block)
		require.NoError(t, <-result)
		only, err := vault.NewSealer(newKey)
		require.NoError(t, err)
		_, g := h.memory.Only()
		_, err = only.Open(string(id), "refresh_token", g.SealedRefresh)
		require.NoError(t, err)
	})
}

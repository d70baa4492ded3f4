package vault_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
	"rapport/internal/vault/vaulttest"
)

// lampKey is a plugin's key in the workspace of the real databases.
var lampKey = access.Caller{Via: access.ViaKey, UserID: user, KeyID: "key", Workspace: workspace, Role: crm.RoleOwner, Scopes: []string{"tokens:vend:*"}, Remote: "192.0.2.7"}

// authorizeOn lets a subject give its tokens by a signed link: made by one
// process, opened at the other.
func authorizeOn(t *testing.T, both [2]*vault.Service, p *vaulttest.Provider, subject string, service crm.Service) {
	t.Helper()
	address, _, err := both[0].AuthorizeLink(t.Context(), lampKey, subject, service, "")
	require.NoError(t, err)
	started, err := both[1].Authorize(t.Context(), access.Caller{}, read(t, address), vault.TokenRequest{})
	require.NoError(t, err)
	state, one := p.Grant(started.URL, adas)
	out, err := both[0].Complete(t.Context(), access.Caller{}, vault.Callback{State: state, Code: one})
	require.NoError(t, err)
	require.Equal(t, subject, out.Subject)
}

func TestTheTokenServiceOnRealDatabases(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		clock, provider, _, both := twoProcesses(t, d)
		ctx := t.Context()
		authorizeOn(t, both, provider, "shop-7", crm.ServiceDrive)
		vend := func(i int) (vault.Vended, error) {
			return both[i%2].Vend(ctx, lampKey, "shop-7", crm.ServiceDrive)
		}
		for round, callers := range []int{64, 64, 1000} {
			tokens := make([]string, callers)
			var all sync.WaitGroup
			for i := range tokens {
				all.Go(func() {
					v, err := vend(i)
					require.NoError(t, err)
					tokens[i] = v.Token.Reveal()
				})
			}
			all.Wait()
			for _, x := range tokens {
				require.Equal(t, tokens[0], x)
			}
			require.Equal(t, round, provider.Count(), "one refresh for both processes")
			clock.Advance(2 * time.Hour)
		}

		// What one process ends, the other stops vending within three seconds.
		_, err := vend(0)
		require.NoError(t, err)
		out, err := both[1].RevokeToken(ctx, lampKey, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		require.True(t, out.AtGoogle)
		_, err = vend(1)
		require.Equal(t, "token_not_found", code(err))
		clock.Advance(3 * time.Second)
		_, err = vend(0)
		require.Equal(t, "token_not_found", code(err))

		authorizeOn(t, both, provider, "shop-7", crm.ServiceDrive)
		_, err = vend(0)
		require.NoError(t, err)
		did, err := both[1].ReceiveSecurityEvent(ctx, vault.SecurityEvent{JTI: "1", Kind: vault.EventTokensRevoked, Sub: adas.Sub})
		require.NoError(t, err)
		require.Equal(t, 1, did.Grants)
		clock.Advance(3 * time.Second)
		_, err = vend(0)
		require.Equal(t, "google_reauthorization_required", code(err))
		require.Equal(t, fault.Reconnect, fault.Of(err))
	})
}

func TestEveryVendIsInTheTrail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		_, provider, _, both := twoProcesses(t, d)
		for i := range 4 {
			authorizeOn(t, both, provider, fmt.Sprint("shop-", i), crm.ServiceDrive)
		}
		const callers, each = 32, 25
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				for j := range each {
					_, err := both[i%2].Vend(t.Context(), lampKey, fmt.Sprint("shop-", (i+j)%4), crm.ServiceDrive)
					require.NoError(t, err)
				}
			})
		}
		all.Wait()
		var n int
		require.NoError(t, both[0].Grants.(*store.Store).DB().QueryRow(
			"SELECT COUNT(*) FROM audit_log WHERE action = 'token.vend' AND outcome = 'ok' AND key_id = 'key' AND remote = '192.0.2.7' AND target = 'drive'").Scan(&n))
		require.Equal(t, callers*each, n)
	})
}

func TestALeaseOnRealDatabases(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		_, provider, _, both := twoProcesses(t, d)
		authorizeOn(t, both, provider, "shop-7", crm.ServiceDrive)
		session := access.Caller{Via: access.ViaSession, UserID: user, Workspace: workspace, Role: crm.RoleOwner}
		mine := lampKey
		mine.KeyID = "" // there is no such key in the table
		l, handle, err := both[0].CreateLease(t.Context(), mine, reading)
		require.NoError(t, err)
		_, a, err := both[1].UseLease(t.Context(), handle, "GET", "/drive/v3/files/17", "198.51.100.4")
		require.NoError(t, err)
		require.False(t, a.Token.IsZero())
		_, _, err = both[1].UseLease(t.Context(), handle, "DELETE", "/drive/v3/files/17", "")
		require.Equal(t, "lease_method", code(err))
		require.NoError(t, both[0].CutLease(t.Context(), session, l.ID))
		_, _, err = both[1].UseLease(t.Context(), handle, "GET", "/drive/v3/files/17", "")
		require.Equal(t, "lease_over", code(err), "at once, in every process")
		list, _, err := both[1].LeasesOf(t.Context(), session, "", 10)
		require.NoError(t, err)
		require.EqualValues(t, 1, list[0].Calls)
		require.EqualValues(t, 2, list[0].Refused)
	})
}

func TestRotatingWhileVendsGoOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		clock, provider, _, both := twoProcesses(t, d)
		first, second := mustKey(t), mustKey(t)
		old, err := vault.NewSealer(first)
		require.NoError(t, err)
		both[0].Sealer, both[1].Sealer = old, old
		const subjects = 30
		for i := range subjects {
			authorizeOn(t, both, provider, fmt.Sprint("shop-", i), crm.ServiceDrive)
		}
		clock.Advance(2 * time.Hour) // every token has to be refreshed while keys change
		joint, err := vault.NewSealer(crm.NewSecret(second.Reveal() + "," + first.Reveal()))
		require.NoError(t, err)
		both[0].Sealer, both[1].Sealer = joint, joint
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for j := range subjects {
					_, err := both[i%2].Vend(t.Context(), lampKey, fmt.Sprint("shop-", (i+j)%subjects), crm.ServiceDrive)
					require.NoError(t, err)
				}
			})
		}
		_, err = both[1].Rotate(t.Context(), "", nil)
		require.NoError(t, err)
		all.Wait()
		again, err := both[1].Rotate(t.Context(), "", nil)
		require.NoError(t, err)
		require.Zero(t, again.Resealed, "what refreshes wrote back meanwhile is under the first key already")
		only, err := vault.NewSealer(second)
		require.NoError(t, err)
		page, err := both[0].Grants.ResealPage(t.Context(), "", 100)
		require.NoError(t, err)
		require.Len(t, page, subjects)
		for _, g := range page {
			_, err := only.Open(string(g.ID), "refresh_token", g.SealedRefresh)
			require.NoError(t, err)
			_, err = only.Open(string(g.ID), "access_token", g.SealedAccess)
			require.NoError(t, err)
		}
		require.Equal(t, subjects, provider.Count(), "each was refreshed once")
	})
}

package vault_test

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
	"rapport/internal/vault/vaulttest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// moving is a clock that tests move.
type moving struct{ at atomic.Int64 }

func (c *moving) Now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *moving) Advance(d time.Duration) { c.at.Add(int64(d)) }

// twoProcesses are two vaults with stores of their own on one database.
func twoProcesses(t *testing.T, d storetest.Database) (*moving, *vaulttest.Provider, *vaulttest.Memory, [2]*vault.Service) {
	t.Helper()
	clock := &moving{}
	clock.at.Store(time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC).UnixNano())
	provider := vaulttest.NewProvider(clock.Now)
	others := vaulttest.New(vault.Client{ID: "env", GoogleID: "100-x.apps", RedirectURI: "https://crm.example/callback"})
	key, err := vault.NewKey()
	require.NoError(t, err)
	sealer, err := vault.NewSealer(key)
	require.NoError(t, err)
	o := storetest.Options(t, d, func(o *store.Options) { o.Now = clock.Now })
	var out [2]*vault.Service
	for i := range out {
		s, err := store.Open(context.Background(), o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		out[i] = &vault.Service{Provider: provider, Clients: others, Consents: s, Grants: s, Connections: s, Approvals: others,
			Trail: s, Sealer: sealer, Now: clock.Now, Random: rand.Reader, TokenGrants: s, Leases: s, Upkeep: s, People: s,
			PublicURL: "https://crm.example", LinkKeys: [][]byte{[]byte("key of links")}}
	}
	people := out[0].Grants.(*store.Store)
	require.NoError(t, people.Setup(t.Context(), crm.Workspace{ID: workspace, Name: "Lamps"}, crm.User{ID: user, Email: "ada@northwind-lamps.example", Name: "Ada Winter"}))
	require.NoError(t, people.PutKey(t.Context(), org.APIKey{ID: "key", WorkspaceID: workspace, UserID: user, Hash: []byte("key"), CreatedAt: clock.Now()}))
	return clock, provider, others, out
}

const (
	workspace crm.WorkspaceID = "0198c0de-0000-7000-8000-000000000001"
	user      crm.UserID      = "0198c0de-0000-7000-8000-000000000002"
)

var owner = access.Caller{Via: access.ViaSession, UserID: user, Workspace: workspace, Role: crm.RoleOwner}

func connectOn(t *testing.T, s *vault.Service, p *vaulttest.Provider, r vault.Request) vault.Outcome {
	t.Helper()
	started, err := s.Begin(t.Context(), owner, r)
	require.NoError(t, err)
	state, one := p.Grant(started.URL, adas)
	out, err := s.Complete(t.Context(), owner, vault.Callback{State: state, Code: one})
	require.NoError(t, err)
	return out
}

func TestTwoProcessesOnOneDatabaseRefreshOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		clock, provider, _, both := twoProcesses(t, d)
		out := connectOn(t, both[0], provider, vault.Request{})
		for round := 1; round <= 3; round++ {
			clock.Advance(2 * time.Hour)
			var all sync.WaitGroup
			tokens := make([]crm.Secret, 64)
			for i := range tokens {
				all.Go(func() {
					a, err := both[i%2].Token(t.Context(), out.Connection.GrantID)
					require.NoError(t, err)
					tokens[i] = a.Token
				})
			}
			all.Wait()
			require.Equal(t, round, provider.Count())
			for _, x := range tokens {
				require.Equal(t, tokens[0].Reveal(), x.Reveal())
			}
		}
	})
}

func TestTheLifeOfAConnectionOnRealDatabases(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		clock, provider, _, both := twoProcesses(t, d)
		ctx := t.Context()
		out := connectOn(t, both[0], provider, vault.Request{})
		conn, grant := out.Connection.ID, out.Connection.GrantID
		state := func() crm.ConnectionStatus {
			c, err := both[1].Connections.Connection(ctx, workspace, conn)
			require.NoError(t, err)
			return c.Status
		}
		require.Equal(t, crm.StatusActive, state())

		provider.KillAll()
		clock.Advance(2 * time.Hour)
		for i := range 4 {
			_, err := both[i%2].Token(ctx, grant)
			require.Equal(t, fault.Reconnect, fault.Of(err))
		}
		require.Equal(t, 1, provider.Count())
		require.Equal(t, crm.StatusNeedsReauth, state())

		again := connectOn(t, both[1], provider, vault.Request{Connection: conn})
		require.Equal(t, conn, again.Connection.ID)
		require.Equal(t, crm.StatusActive, state())
		_, err := both[0].Token(ctx, grant)
		require.NoError(t, err)

		key, err := vault.NewKey()
		require.NoError(t, err)
		good := both[0].Sealer
		both[0].Sealer, err = vault.NewSealer(key)
		require.NoError(t, err)
		_, err = both[0].Token(ctx, grant)
		require.Equal(t, "decryption_failed", code(err))
		require.Equal(t, crm.StatusNeedsReauth, state())
		both[0].Sealer = good
		_, err = both[0].Token(ctx, grant)
		require.NoError(t, err)
		require.Equal(t, crm.StatusActive, state())

		gone, err := both[1].Disconnect(ctx, owner, conn)
		require.NoError(t, err)
		require.True(t, gone.Revoked)
		require.Equal(t, crm.StatusDisconnected, state())
		_, err = both[0].Token(ctx, grant)
		require.Equal(t, fault.Reconnect, fault.Of(err))

		back := connectOn(t, both[0], provider, vault.Request{})
		require.Equal(t, conn, back.Connection.ID)
	})
}

func TestWaitingForAnAdministratorOnRealDatabases(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		_, provider, _, both := twoProcesses(t, d)
		for range 2 {
			started, err := both[0].Begin(t.Context(), owner, vault.Request{})
			require.NoError(t, err)
			_, err = both[1].Complete(t.Context(), owner, vault.Callback{State: started.State, Error: "admin_policy_enforced"})
			require.Equal(t, fault.Blocked, fault.Of(err))
		}
		out := connectOn(t, both[0], provider, vault.Request{})
		require.Equal(t, crm.StatusActive, out.Connection.Status)
		list, _, err := both[0].Grants.(*store.Store).ConnectionsOf(t.Context(), workspace, "", 0)
		require.NoError(t, err)
		require.Len(t, list, 1)
	})
}

func TestRotatingOnRealDatabases(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		_, provider, _, both := twoProcesses(t, d)
		first, second := mustKey(t), mustKey(t)
		before, err := vault.NewSealer(first)
		require.NoError(t, err)
		joint, err := vault.NewSealer(crm.NewSecret(second.Reveal() + "," + first.Reveal()))
		require.NoError(t, err)
		after, err := vault.NewSealer(second)
		require.NoError(t, err)
		both[0].Sealer, both[1].Sealer = before, joint
		out := connectOn(t, both[0], provider, vault.Request{})
		r, err := both[1].Rotate(t.Context(), "", nil)
		require.NoError(t, err)
		require.Equal(t, int64(1), r.Resealed)
		both[0].Sealer = after
		_, err = both[0].Token(t.Context(), out.Connection.GrantID)
		require.NoError(t, err)
	})
}

func mustKey(t *testing.T) crm.Secret {
	t.Helper()
	k, err := vault.NewKey()
	require.NoError(t, err)
	return k
}

package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/store"
	"rapport/internal/vault"
	"rapport/internal/vault/vaulttest"
)

// BenchmarkVend vends tokens of 1,000 users × 5 services to callers at once,
// each with its durable audit row. p99-ms is what the slowest of a hundred waits.
func BenchmarkVend(b *testing.B) {
	for _, d := range []Database{SQLite, PostgreSQL} {
		if d == PostgreSQL && os.Getenv("TEST_DATABASE_URL") == "" {
			b.Log("TEST_DATABASE_URL is not set: PostgreSQL is not measured")
			continue
		}
		for _, callers := range []int{1, 64, 256} {
			b.Run(fmt.Sprintf("%s/%d callers", d, callers), func(b *testing.B) { vendBench(b, d, callers) })
		}
	}
}

const vendUsers = 1000

var vendServices = []crm.Service{crm.ServiceGmail, crm.ServiceDrive, crm.ServiceCalendar, crm.ServiceSheets, crm.ServiceContacts}

func vendBench(b *testing.B, d Database, callers int) {
	w := NewWorld(b, d, func(o *store.Options) { o.Now = time.Now })
	v := vaultOn(b, w.Store, time.Now)
	for i := range vendUsers {
		for _, service := range vendServices {
			putToken(b, v, w, fmt.Sprint("user-", i), service)
		}
	}
	key := access.Caller{Via: access.ViaKey, UserID: w.Ada.ID, KeyID: "key", Workspace: w.Home, Role: crm.RoleAdmin, Scopes: []string{"tokens:vend:*"}, Remote: "192.0.2.7"}
	for i := range vendUsers { // warm
		for _, service := range vendServices {
			_, err := v.Vend(context.Background(), key, fmt.Sprint("user-", i), service)
			require.NoError(b, err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	spent := cpu(b)
	times := make([][]time.Duration, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			n := b.N / callers
			if i < b.N%callers {
				n++
			}
			for range n {
				began := time.Now()
				if _, err := v.Vend(context.Background(), key, fmt.Sprint("user-", r.IntN(vendUsers)), vendServices[r.IntN(len(vendServices))]); err != nil {
					b.Error(err)
					return
				}
				times[i] = append(times[i], time.Since(began))
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cpu(b)-spent).Microseconds())/float64(b.N), "cpu-µs/op")
	took := slices.Concat(times...)
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "vends/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// cpu is the time that this process has computed: it says more than the clock
// on a machine that others use.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// vaultOn is a vault on a real store.
func vaultOn(t testing.TB, s *store.Store, now func() time.Time) *vault.Service {
	t.Helper()
	key, err := vault.NewKey()
	require.NoError(t, err)
	sealer, err := vault.NewSealer(key)
	require.NoError(t, err)
	others := vaulttest.New(vault.Client{ID: "env", GoogleID: "100-x.apps", RedirectURI: "https://crm.example/callback"})
	return &vault.Service{Provider: vaulttest.NewProvider(now), Clients: others, Consents: s, Grants: s, Connections: s, Approvals: others,
		TokenGrants: s, Leases: s, Upkeep: s, People: s, Trail: s, Sealer: sealer, Now: now, PublicURL: "https://crm.example", LinkKeys: [][]byte{[]byte("key of links")}}
}

// putToken stores a grant of the token service that lives an hour.
func putToken(t testing.TB, v *vault.Service, w *World, subject string, service crm.Service) vault.Grant {
	t.Helper()
	now := v.Now()
	scopes, unknown := vault.ScopesOf(crm.ProfileFull, service)
	require.Empty(t, unknown)
	g := vault.Grant{ID: crm.GrantID(w.ID()), WorkspaceID: w.Home, UserID: crm.UserID(subject), Service: service, GoogleSub: "sub-" + subject,
		GoogleEmail: subject + "@harbour-tea.example", ClientID: "env", Expiry: now.Add(time.Hour), Scopes: scopes, Status: vault.GrantActive,
		LastUsedAt: now, ConsentedAt: now, CreatedAt: now, UpdatedAt: now}
	var err error
	g.SealedAccess, err = v.Sealer.Seal(string(g.ID), "access_token", crm.NewSecret("ya29.a0AfH6SMBx-invented-token-of-a-usual-length-0123456789-0123456789-0123456789"))
	require.NoError(t, err)
	g.SealedRefresh, err = v.Sealer.Seal(string(g.ID), "refresh_token", crm.NewSecret("1//0e-invented-refresh-token-of-a-usual-length"))
	require.NoError(t, err)
	require.NoError(t, w.SaveGrant(context.Background(), g))
	return g
}

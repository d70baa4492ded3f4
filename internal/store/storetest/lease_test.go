package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/vault"
)

func leased(w *World, id string) vault.Lease {
	return vault.Lease{ID: crm.LeaseID(id), WorkspaceID: w.Home, UserID: w.Ada.ID, Name: "newsletter", Subject: "shop-7", Service: crm.ServiceDrive,
		Methods: []string{"GET", "POST"}, Paths: []string{"/drive/v3/files*"}, PerMinute: 600, MaxCalls: 10, CreatedAt: Start, ExpiresAt: Start.Add(15 * time.Minute)}
}

// allow lets every call through that the bound of calls allows.
func allow(state vault.LeaseState) (access.Audit, error) {
	row := access.Audit{Workspace: state.WorkspaceID, Action: "lease.use", Target: string(state.ID), Outcome: "ok"}
	if state.MaxCalls > 0 && state.Calls >= state.MaxCalls {
		row.Outcome = "denied"
		return row, fault.New(fault.Unauthenticated, "no more")
	}
	return row, nil
}

func (w *World) lastAudit() access.Audit {
	w.T.Helper()
	page, _, err := w.AuditOf(ctx, w.Home, org.AuditQuery{Limit: 1})
	require.NoError(w.T, err)
	require.NotEmpty(w.T, page)
	return page[0].Audit
}

func TestLeasesAreKept(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		for i := range 5 {
			l := leased(w, fmt.Sprint("l", i))
			if i == 3 {
				l.UserID = w.Ben.ID
			}
			require.NoError(t, w.PutLease(ctx, l, fmt.Sprint("hash", i)))
		}
		require.Equal(t, fault.Conflict, fault.Of(w.PutLease(ctx, leased(w, "again"), "hash0")), "a handle is one lease's")
		page, next, err := w.LeasesOf(ctx, w.Home, "", "", 3)
		require.NoError(t, err)
		require.Len(t, page, 3)
		require.Equal(t, leased(w, "l4"), page[0], "every field, the newest first")
		rest, end, err := w.LeasesOf(ctx, w.Home, "", next, 3)
		require.NoError(t, err)
		require.Len(t, rest, 2)
		require.Empty(t, end)
		bens, _, err := w.LeasesOf(ctx, w.Home, w.Ben.ID, "", 0)
		require.NoError(t, err)
		require.Len(t, bens, 1)
		byKey := leased(w, "l5")
		byKey.KeyID = "k"
		require.NoError(t, w.PutLease(ctx, byKey, "hash5"))
		ofKey, _, err := w.KeyLeases(ctx, w.Home, "k", "", 0)
		require.NoError(t, err)
		require.Equal(t, []vault.Lease{byKey}, ofKey)
		for _, other := range []crm.KeyID{"other", ""} {
			ofKey, _, err = w.KeyLeases(ctx, w.Home, other, "", 0)
			require.NoError(t, err)
			require.Empty(t, ofKey)
			require.Equal(t, fault.NotFound, fault.Of(w.CutKeyLease(ctx, w.Home, other, "l5", Start)))
			require.Equal(t, fault.NotFound, fault.Of(w.CutKeyLease(ctx, w.Home, other, "l0", Start)))
		}
		require.Equal(t, fault.NotFound, fault.Of(w.CutKeyLease(ctx, w.Abroad, "k", "l5", Start)))
		require.NoError(t, w.CutKeyLease(ctx, w.Home, "k", "l5", Start))
		ofKey, _, err = w.KeyLeases(ctx, w.Home, "k", "", 0)
		require.NoError(t, err)
		require.NotNil(t, ofKey[0].CutAt)
		abroad, _, err := w.LeasesOf(ctx, w.Abroad, "", "", 0)
		require.NoError(t, err)
		require.Empty(t, abroad)

		at := Start.Add(time.Minute)
		require.Equal(t, fault.NotFound, fault.Of(w.CutLease(ctx, w.Abroad, "", "l0", at)))
		require.Equal(t, fault.NotFound, fault.Of(w.CutLease(ctx, w.Home, w.Ben.ID, "l0", at)))
		require.Equal(t, fault.NotFound, fault.Of(w.CutLease(ctx, w.Home, "", "nothing", at)))
		require.NoError(t, w.CutLease(ctx, w.Home, w.Ada.ID, "l0", at))
		require.NoError(t, w.CutLease(ctx, w.Home, "", "l0", at.Add(time.Hour)), "twice is harmless")
		got, err := w.UseLease(ctx, "hash0", at, allow)
		require.NoError(t, err)
		require.Equal(t, at, *got.CutAt, "when it was cut first")

		n, err := w.PurgeLeases(ctx, Start.Add(15*time.Minute))
		require.NoError(t, err)
		require.Zero(t, n)
		n, err = w.PurgeLeases(ctx, Start.Add(15*time.Minute+time.Second))
		require.NoError(t, err)
		require.EqualValues(t, 6, n)
	})
}

func TestCallsOfALeaseAreCounted(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		require.NoError(t, w.PutLease(ctx, leased(w, "l"), "hash"))
		_, err := w.UseLease(ctx, "other", Start, func(vault.LeaseState) (access.Audit, error) { t.Error("asked"); return access.Audit{}, nil })
		require.Equal(t, fault.NotFound, fault.Of(err))
		inMinute := func(at time.Time) (n int64) {
			_, err := w.UseLease(ctx, "hash", at, func(s vault.LeaseState) (access.Audit, error) {
				n = s.InMinute
				require.True(t, s.Holder)
				return allow(s)
			})
			require.NoError(t, err)
			return n
		}
		require.EqualValues(t, 0, inMinute(Start))
		require.EqualValues(t, 1, inMinute(Start.Add(59*time.Second)))
		require.EqualValues(t, 0, inMinute(Start.Add(time.Minute)))
		require.EqualValues(t, 1, inMinute(Start.Add(61*time.Second)))
		no := fault.New(fault.Forbidden, "no")
		got, err := w.UseLease(ctx, "hash", Start.Add(62*time.Second), func(s vault.LeaseState) (access.Audit, error) {
			return access.Audit{Workspace: w.Home, Action: "lease.use", Outcome: "denied"}, no
		})
		require.ErrorIs(t, err, no)
		require.EqualValues(t, 4, got.Calls)
		require.EqualValues(t, 1, got.Refused)
		require.Equal(t, "denied", w.lastAudit().Outcome)
		rows := len(w.Dump()["audit_log"])
		_, err = w.UseLease(ctx, "hash", Start.Add(62*time.Second), func(vault.LeaseState) (access.Audit, error) { return access.Audit{}, no })
		require.ErrorIs(t, err, no)
		require.Len(t, w.Dump()["audit_log"], rows, "a zero row is none")
		list, _, err := w.LeasesOf(ctx, w.Home, "", "", 0)
		require.NoError(t, err)
		require.EqualValues(t, 4, list[0].Calls)
		require.EqualValues(t, 2, list[0].Refused)
		require.Equal(t, Start.Add(61*time.Second), *list[0].LastUsedAt, "a refusal is no use")
	})
}

func TestCallsAtOnceAreNoMoreThanAllowed(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		require.NoError(t, w.PutLease(ctx, leased(w, "l"), "hash"))
		var all sync.WaitGroup
		var through atomic.Int64
		for range 64 {
			all.Go(func() {
				_, err := w.UseLease(ctx, "hash", Start, allow)
				if err == nil {
					through.Add(1)
				} else if !fault.Is(err, fault.Unauthenticated) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 10, through.Load())
		list, _, err := w.LeasesOf(ctx, w.Home, "", "", 0)
		require.NoError(t, err)
		require.EqualValues(t, 10, list[0].Calls)
		require.EqualValues(t, 54, list[0].Refused)
	})
}

func TestALeaseKnowsWhetherItsHolderIsGood(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		end := Start.Add(10 * time.Minute)
		require.NoError(t, w.PutKey(ctx, org.APIKey{ID: "k", WorkspaceID: w.Home, UserID: w.Ada.ID, Name: "shop", Prefix: "x", Hash: []byte("h"), ExpiresAt: &end, CreatedAt: Start}))
		put := func(id string, change func(*vault.Lease)) {
			l := leased(w, id)
			change(&l)
			require.NoError(t, w.PutLease(ctx, l, id))
		}
		dora := w.user("dora")
		require.NoError(t, w.AddMember(ctx, crm.Member{WorkspaceID: w.Home, UserID: dora.ID, Role: crm.RoleMember, JoinedAt: Start}, dora))
		require.NoError(t, w.PutKey(ctx, org.APIKey{ID: "d", WorkspaceID: w.Home, UserID: dora.ID, Hash: []byte("d"), CreatedAt: Start}))
		put("by a plain member's key, for somebody", func(l *vault.Lease) { l.UserID, l.KeyID = dora.ID, "d" })
		put("by a plain member's key, for its maker", func(l *vault.Lease) { l.UserID, l.KeyID, l.Subject = dora.ID, "d", string(dora.ID) })
		put("by session", func(*vault.Lease) {})
		put("by key", func(l *vault.Lease) { l.KeyID = "k" })
		put("by a key that is gone", func(l *vault.Lease) { l.KeyID = "nothing" })
		put("by somebody who left", func(l *vault.Lease) { l.UserID = w.Cleo.ID })
		put("by nobody, in an open house", func(l *vault.Lease) { l.UserID = "" })
		holder := func(id string, at time.Time) (good bool) {
			_, err := w.UseLease(ctx, id, at, func(s vault.LeaseState) (access.Audit, error) {
				good = s.Holder
				return allow(s)
			})
			require.NoError(t, err)
			return good
		}
		require.True(t, holder("by session", Start))
		require.True(t, holder("by key", Start))
		require.False(t, holder("by a plain member's key, for somebody", Start))
		require.True(t, holder("by a plain member's key, for its maker", Start))
		require.False(t, holder("by key", end), "the key has expired")
		require.False(t, holder("by a key that is gone", Start))
		require.False(t, holder("by somebody who left", Start))
		require.True(t, holder("by nobody, in an open house", Start))
		require.NoError(t, w.RevokeKey(ctx, w.Home, "k", Start))
		require.False(t, holder("by key", Start))
	})
}

func TestACallOfALeaseIsAtomic(t *testing.T) {
	atomically(t, func(w *World) func() error {
		require.NoError(w.T, w.PutLease(ctx, leased(w, "l"), "hash"))
		return func() error {
			_, err := w.UseLease(ctx, "hash", Start, allow)
			return err
		}
	})
}

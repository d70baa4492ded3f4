package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

func TestAuditTrail(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		var rows []access.Audit
		for i := range 5 {
			rows = append(rows, access.Audit{At: Start.Add(time.Duration(i) * time.Second), Workspace: w.Home, UserID: w.Ada.ID, KeyID: "k", Via: access.ViaKey,
				Action: "token.vend", Target: fmt.Sprint(i), Outcome: "ok", Detail: "detail\x00", Remote: "192.0.2.1"})
		}
		require.NoError(t, w.Record(ctx, rows...))
		require.NoError(t, w.Record(ctx))
		require.NoError(t, w.Record(ctx, access.Audit{Workspace: w.Abroad, Action: "x"}))
		page, next, err := w.AuditOf(ctx, w.Home, org.AuditQuery{Limit: 3})
		require.NoError(t, err)
		rows[4].Detail = "detail"
		require.Equal(t, org.AuditRow{ID: page[0].ID, Audit: rows[4], UserName: "ada"}, page[0])
		require.Len(t, page, 3)
		require.NoError(t, w.Record(ctx, access.Audit{At: Start.Add(time.Hour), Workspace: w.Home, Action: "new"}))
		rest, end, err := w.AuditOf(ctx, w.Home, org.AuditQuery{Limit: 3, Cursor: next})
		require.NoError(t, err)
		require.Len(t, rest, 2, "a page goes on where it ended")
		require.Empty(t, end)
		other, _, err := w.AuditOf(ctx, w.Abroad, org.AuditQuery{})
		require.NoError(t, err)
		require.Equal(t, Start, other[0].At, "without a time it is now")
		for _, bad := range []string{"x", "MC5h", "!"} {
			_, _, err = w.AuditOf(ctx, w.Home, org.AuditQuery{Cursor: bad})
			require.Equal(t, fault.Invalid, fault.Of(err), bad)
		}
	})
}

func TestAuditFilters(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		actions := []string{"token.vend", "token.refresh", "login", "login.failed", "tokens", "member.role"}
		users := []crm.UserID{w.Ada.ID, w.Ben.ID, ""}
		var all []access.Audit
		for i := range 180 { // three rows each second
			all = append(all, access.Audit{At: Start.Add(time.Duration(i/3) * time.Second), Workspace: w.Home, UserID: users[i%3], Action: actions[i%len(actions)], Target: fmt.Sprint("t", i%7), Outcome: "ok"})
			require.NoError(t, w.Record(ctx, all[i], access.Audit{At: all[i].At, Workspace: w.Abroad, UserID: w.Ada.ID, Action: "token.vend", Target: "t1", Outcome: "ok"}))
		}
		is := func(q org.AuditQuery, r access.Audit) bool {
			return (q.UserID == "" || r.UserID == q.UserID) && (q.Action == "" || len(r.Action) >= len(q.Action) && r.Action[:len(q.Action)] == q.Action) &&
				(q.Target == "" || r.Target == q.Target) && (q.Since.IsZero() || !r.At.Before(q.Since)) && (q.Until.IsZero() || r.At.Before(q.Until))
		}
		for _, user := range []crm.UserID{"", w.Ada.ID, "nobody", "\x00"} {
			for _, action := range []string{"", "token.", "token", "login", "login.failed", "none", "%"} {
				for _, target := range []string{"", "t1", "none", "\xff"} {
					for _, span := range [][2]time.Time{{}, {Start.Add(10 * time.Second)}, {Start.Add(10 * time.Second), Start.Add(31 * time.Second)}} {
						q := org.AuditQuery{UserID: user, Action: action, Target: target, Since: span[0], Until: span[1], Limit: 7}
						var want []access.Audit
						for i := len(all) - 1; i >= 0; i-- {
							if is(q, all[i]) {
								want = append(want, all[i])
							}
						}
						var got []access.Audit
						for {
							page, next, err := w.AuditOf(ctx, w.Home, q)
							require.NoError(t, err)
							for _, r := range page {
								got = append(got, r.Audit)
							}
							if next == "" {
								break
							}
							require.Len(t, page, 7)
							q.Cursor = next
						}
						require.Equal(t, want, got, "%q %q %q %v", user, action, target, span)
					}
				}
			}
		}
	})
}

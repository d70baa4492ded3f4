package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/org"
)

func TestWhatIsOverIsDeleted(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		for i := range 7 {
			id := fmt.Sprint(i)
			end := Start.Add(time.Duration(i) * time.Hour)
			require.NoError(t, w.PutSession(ctx, org.Session{TokenHash: id, UserID: w.Ada.ID, CreatedAt: Start, LastSeenAt: Start, ExpiresAt: end.Add(time.Second)}))
			require.NoError(t, w.PutInvitation(ctx, org.Invitation{ID: crm.InvitationID(id), WorkspaceID: w.Home, Email: id + "@x.example", CreatedAt: Start, ExpiresAt: end}, id))
			_, err := w.PutLinks(ctx, w.Home, Start, []org.NewLink{{Link: org.ConnectLink{ID: crm.LinkID(id), WorkspaceID: w.Home, UserID: crm.UserID(id), Email: id + "@x.example", CreatedAt: Start, ExpiresAt: end},
				User: crm.User{ID: crm.UserID(id), Email: id + "@x.example"}, TokenHash: id, Row: access.Audit{Workspace: w.Home, Action: "connect_link.create"}}})
			require.NoError(t, err)
			_, err = w.Attempt(ctx, end, "account:"+id)
			require.NoError(t, err)
		}
		before := w.Dump()
		more, err := w.PurgeEnded(ctx, Start, 2)
		require.NoError(t, err)
		require.False(t, more)
		require.Equal(t, before, w.Dump(), "what ends just then is kept")

		rounds := 0
		for more = true; more; rounds++ {
			more, err = w.PurgeEnded(ctx, Start.Add(5*time.Hour), 2)
			require.NoError(t, err)
		}
		require.Equal(t, 3, rounds, "two, two, and one of five")
		after := w.Dump()
		for table := range before {
			switch table {
			case "sessions", "invitations", "connect_links", "login_attempts":
				require.Len(t, after[table], 2, table)
				require.Subset(t, before[table], after[table], table)
			default:
				require.Equal(t, before[table], after[table], table)
			}
		}
	})
}

func TestOldAuditRowsAreDeleted(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		var rows []access.Audit
		for i := range 30 {
			rows = append(rows, access.Audit{At: Start.Add(time.Duration(i) * time.Minute), Workspace: []crm.WorkspaceID{w.Home, w.Abroad, ""}[i%3],
				Action: []string{"token.vend", "login"}[i%2], Outcome: "ok"})
		}
		require.NoError(t, w.Record(ctx, rows...))
		before := w.Dump()
		more, err := w.PurgeAudit(ctx, Start, 100)
		require.NoError(t, err)
		require.False(t, more)
		require.Equal(t, before, w.Dump())
		rounds := 0
		for more = true; more; rounds++ {
			n := len(w.Dump()["audit_log"])
			more, err = w.PurgeAudit(ctx, Start.Add(20*time.Minute), 7)
			require.NoError(t, err)
			require.LessOrEqual(t, n-len(w.Dump()["audit_log"]), 7)
		}
		require.Equal(t, 3, rounds)
		after := w.Dump()
		young := slices.DeleteFunc(before["audit_log"], func(line string) bool {
			var id, at int64
			_, err := fmt.Sscanf(line, "id=%d at=%d", &id, &at)
			require.NoError(t, err)
			return at < Start.Add(20*time.Minute).UnixMicro()
		})
		require.Len(t, young, 10)
		require.Equal(t, young, after["audit_log"], "those from then on, of every workspace")
		delete(before, "audit_log")
		delete(after, "audit_log")
		require.Equal(t, before, after)
	})
}

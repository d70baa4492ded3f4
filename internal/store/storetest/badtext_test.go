package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

// What comes in an address or a query may be any bytes. SQLite finds nothing by
// them; PostgreSQL takes them for a mistake, and it is the caller's.
func TestTextThatIsNoneIsTheCallersMistake(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		for _, id := range []string{"\x00", "a\x00b", "\xff", "\xed\xa0\x80"} {
			_, err := w.User(ctx, crm.UserID(id))
			require.Contains(t, []fault.Kind{fault.NotFound, fault.Invalid}, fault.Of(err), "%q", id)
			require.Contains(t, []fault.Kind{fault.NotFound, fault.Invalid}, fault.Of(w.RevokeKey(ctx, w.Home, crm.KeyID(id), Start)), "%q", id)
			for _, err := range []error{
				w.RevokeInvitation(ctx, w.Home, crm.InvitationID(id), Start), w.RevokeLink(ctx, w.Home, crm.LinkID(id), Start),
				w.AnswerRequest(ctx, w.Home, crm.UserID(id), Start), w.ChangeRole(ctx, org.MemberChange{Workspace: w.Home, Target: crm.UserID(id)}, crm.RoleAdmin, nil),
			} {
				require.Contains(t, []fault.Kind{fault.NotFound, fault.Invalid}, fault.Of(err), "%q", id)
			}
			rows, _, err := w.AuditOf(ctx, w.Home, org.AuditQuery{Target: id})
			require.NoError(t, err)
			require.Empty(t, rows)
			known, err := w.Acquainted(ctx, w.Home, []string{id, w.Ada.Email}, []string{id})
			require.NoError(t, err)
			require.Len(t, known.Members, 1)
		}
	})
}

package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
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
		}
	})
}

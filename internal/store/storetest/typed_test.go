package storetest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/records"
	"rapport/internal/store/storetest"
)

func TestWhoTypedAValueIsNamed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		anna := x.make(crm.Person, set{"name": "Anna Berg", "title": "Buyer"})
		require.Equal(t, x.Ada.Name, anna.Sources["title"].Name, "the answer to what makes it names them")
		changed, err := x.Change(ctx, x.ben, anna.ID, 0, in(t, set{"title": "Head of Purchasing"}))
		require.NoError(t, err)
		require.Equal(t, x.Ben.Name, changed.Sources["title"].Name)
		changed, err = x.Change(ctx, x.key, anna.ID, 0, in(t, set{"website": "anna.example"}))
		require.NoError(t, err)
		look := func() crm.Record {
			r, err := x.One(ctx, x.ada, anna.ID)
			require.NoError(t, err)
			return r
		}
		r := look()
		require.Equal(t, changed.Sources, r.Sources)
		require.Equal(t, []any{x.Ada.ID, x.Ada.Name}, []any{r.Sources["name"].UserID, r.Sources["name"].Name})
		require.Equal(t, []any{x.Ben.ID, x.Ben.Name}, []any{r.Sources["title"].UserID, r.Sources["title"].Name})
		require.Equal(t, crm.ByAPI, r.Sources["website"].By)
		require.Empty(t, r.Sources["website"].Name, "a program types nothing")

		many, err := x.ChangeMany(ctx, x.ben, records.Many{IDs: []crm.RecordID{anna.ID}}, in(t, set{"owner_id": "me"}))
		require.NoError(t, err)
		require.Equal(t, 1, many.Count)
		require.Equal(t, x.Ben.Name, look().Sources["owner"].Name)
		x.leaves(x.Ada.ID)
		require.Equal(t, x.Ben.Name, look().Sources["title"].Name, "who has left is named still")
		x.handOver(x.Ada.ID)
		r = look()
		require.Equal(t, []any{x.Ada.ID, x.Ada.ID}, []any{r.OwnerID, r.Sources["owner"].UserID}, "an owner is set by who took the other one out")
	})
}

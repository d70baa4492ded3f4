package storetest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/records"
	"rapport/internal/store/storetest"
)

// The records of a tag that many have are read in each order, alone and with other
// filters, page by page: what the whole list has in that order, without those that have
// not the tag.
func TestATagOfManyIsReadInEveryOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		vip, err := x.CreateTag(ctx, x.ada, "VIP", "", false)
		require.NoError(t, err)
		x.manyPeople(2500)
		everybody := x.everything(records.Query{Type: crm.Person})
		var half []crm.RecordID
		for i, r := range everybody {
			if i*7919%5 < 2 {
				half = append(half, r.ID)
			}
		}
		many := func(m records.Many, values set) records.Changed {
			x.Clock.Move(time.Minute)
			done, err := x.ChangeMany(ctx, x.ada, m, in(t, values))
			require.NoError(t, err)
			return done
		}
		var tagged []records.Changed
		for some := range slices.Chunk(half, 500) {
			tagged = append(tagged, many(records.Many{IDs: some, Add: []crm.TagID{vip.ID}}, nil))
		}
		many(records.Many{IDs: half[:500]}, set{"owner_id": x.Ben.ID})
		company := x.make(crm.Company, set{"name": "Harbour", "tag_ids": []any{vip.ID}})
		gone := many(records.Many{IDs: half[900:940], Delete: true}, nil)
		for i, id := range half[:60] { // they move in the orders
			x.Clock.Move(time.Minute)
			_, err := x.Change(ctx, x.ada, id, 0, in(t, set{"name": fmt.Sprintf("Zoe %d", i*31%60), "company_id": company.ID}))
			require.NoError(t, err)
		}
		check := func(want int) {
			t.Helper()
			for _, sort := range []string{"name", "-name", "updated_at", "-updated_at", "created_at", "-created_at", "last_at", "-last_at", "stage"} {
				for _, q := range []records.Query{{Type: crm.Person}, {Type: crm.Person, Owner: x.Ben.ID}, {Type: crm.Person, Company: company.ID}, {Type: crm.Person, Q: "zoe"}, {}} {
					if q.Sort = sort; q.Type == "" && sort == "stage" {
						continue
					}
					var left []crm.RecordID
					for _, r := range x.everything(q) {
						if slices.ContainsFunc(r.Tags, func(g crm.Tag) bool { return g.ID == vip.ID }) {
							left = append(left, r.ID)
						}
					}
					q.Tag = vip.ID
					var read []crm.RecordID
					for _, r := range x.everything(q) {
						read = append(read, r.ID)
					}
					require.Equal(t, left, read, "%+v", q)
				}
			}
			page, err := x.List(ctx, x.ada, records.Query{Type: crm.Person, Tag: vip.ID})
			require.NoError(t, err)
			require.Equal(t, want, page.Total)
			page, err = x.List(ctx, x.ada, records.Query{Tag: vip.ID, Sort: "-last_at"})
			require.NoError(t, err)
			require.Equal(t, want+1, page.Total, "and the company")
		}
		check(960)
		_, err = x.Undo(ctx, x.ada, gone.UndoID)
		require.NoError(t, err)
		check(1000)
		for _, done := range tagged {
			_, err = x.Undo(ctx, x.ada, done.UndoID)
			require.NoError(t, err)
		}
		require.Len(t, x.everything(records.Query{Tag: vip.ID}), 1, "taken off all but the company")
	})
}

// manyPeople makes people as many imports would, at other times and with other names.
func (x *desk) manyPeople(n int) {
	x.T.Helper()
	_, err := x.ObjectTypes(context.Background(), x.Home)
	require.NoError(x.T, err)
	db := x.Look()
	defer func() { require.NoError(x.T, db.Close()) }()
	_, err = db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST($2 AS INTEGER))
		INSERT INTO records (id, workspace_id, list_no, type, name, name_key, stage, stage_rank, maker, words, created_at, updated_at, last_at)
		SELECT 'person' || n.i, o.workspace_id, o.no, o.key, 'Name ' || n.i, 'name ' || (n.i * 7919 % 20011), 'lead', 1, 'mail', ' name ' || n.i,
		n.i * 7907 % 20021, n.i * 7901 % 20023, n.i * 7883 % 20029 FROM n, object_types o WHERE o.workspace_id = $1 AND o.key = 'person'`, string(x.Home), n)
	require.NoError(x.T, err)
}

// everything reads all pages of a list.
func (x *desk) everything(q records.Query) []crm.Record {
	x.T.Helper()
	var out []crm.Record
	for q.Limit = 500; ; {
		page, err := x.List(context.Background(), x.ada, q)
		require.NoError(x.T, err)
		out = append(out, page.Records...)
		if q.Cursor = page.Next; q.Cursor == "" {
			return out
		}
	}
}

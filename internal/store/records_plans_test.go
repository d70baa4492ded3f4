package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/records"
	"rapport/internal/store"
	. "rapport/internal/store/storetest"
)

// A page of records is read by the index of its order, or by that of a filter that
// chooses few: nothing goes through all records.
func TestPagesOfRecordsGoByAnIndex(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		ctx := context.Background()
		w := NewWorld(t, d)
		_, err := w.ObjectTypes(ctx, w.Home)
		require.NoError(t, err)
		c := Caller(w.Home, w.Ada)
		db := w.Look()
		defer func() { require.NoError(t, db.Close()) }()
		for _, kind := range []crm.RecordType{crm.Person, crm.Deal} {
			_, err = db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
				INSERT INTO records (id, workspace_id, list_no, type, name, name_key, stage, stage_rank, amount_minor, close_date, class, owner_id, maker, words, created_at, updated_at, last_at, company_no)
				SELECT o.key || n.i, o.workspace_id, o.no, o.key, 'Name ' || n.i, 'name ' || (n.i * 7919 % 20011), 'new', 1 + n.i % 3, n.i % 997, '2026-11-' || (10 + n.i % 20), CASE WHEN n.i % 3 = 0 THEN 'lead' ELSE 'vendor' END,
				CASE WHEN n.i % 3 = 0 THEN CAST($2 AS TEXT) ELSE '' END, 'mail', ' name ' || n.i, n.i * 7907 % 20021, n.i * 7901 % 20023, n.i * 7883 % 20029, CASE WHEN n.i % 4 = 0 THEN 1 ELSE 2 + n.i END
				FROM n, object_types o WHERE o.workspace_id = $1 AND o.key = '`+string(kind)+`'`, string(w.Home), string(w.Ada.ID))
			require.NoError(t, err)
		}
		tag, err := w.PutTag(ctx, c, crm.Tag{ID: "vip", Name: "VIP"}, 10)
		require.NoError(t, err)
		_, err = db.Exec(`INSERT INTO record_tags (tag_no, record_no, list_no, name_key, created_at, updated_at, last_at)
			SELECT g.no, r.no, r.list_no, r.name_key, r.created_at, r.updated_at, r.last_at FROM tags g, records r WHERE r.type = 'person' AND r.no % 3 = 0`)
		require.NoError(t, err)
		analysed(t, d, db)
		type overheard struct {
			query string
			args  []any
		}
		var said []overheard
		store.Overhear(w.Store, func(q string, a []any) { said = append(said, overheard{q, a}) })
		plan := func(o overheard) string {
			explain := "EXPLAIN QUERY PLAN "
			if d == PostgreSQL {
				explain = "EXPLAIN "
			}
			rows, err := db.Query(explain+o.query, o.args...)
			require.NoError(t, err, o.query)
			defer func() { _ = rows.Close() }()
			var lines []string
			for rows.Next() {
				var id, parent, unused int
				var line string
				if d == PostgreSQL {
					require.NoError(t, rows.Scan(&line))
				} else {
					require.NoError(t, rows.Scan(&id, &parent, &unused, &line))
				}
				lines = append(lines, line)
			}
			require.NoError(t, rows.Err())
			return strings.Join(lines, "\n")
		}
		for index, list := range map[string][]records.Query{
			"records_name":        {{Type: crm.Person}, {Type: crm.Person, Sort: "-name"}},
			"records_updated":     {{Type: crm.Person, Sort: "-updated_at"}, {Type: crm.Person, Sort: "updated_at", Owner: w.Ada.ID}, {Type: crm.Person, Sort: "-updated_at", Owner: w.Ada.ID, Class: "lead"}},
			"records_created":     {{Type: crm.Person, Sort: "-created_at"}},
			"records_last":        {{Type: crm.Person, Sort: "-last_at"}},
			"records_stage":       {{Type: crm.Deal, Sort: "stage"}, {Type: crm.Deal, Stage: "won"}, {Type: crm.Deal, Stage: "new"}},
			"records_amount":      {{Type: crm.Deal, Sort: "-amount"}},
			"records_close":       {{Type: crm.Deal, Sort: "close_date"}},
			"records_owner":       {{Type: crm.Person, Owner: w.Ada.ID}},
			"records_class":       {{Type: crm.Person, Class: "lead"}},
			"record_tags_name":    {{Type: crm.Person, Tag: tag.ID}, {Type: crm.Person, Tag: tag.ID, Sort: "-name", Class: "lead"}},
			"record_tags_updated": {{Type: crm.Person, Tag: tag.ID, Sort: "-updated_at"}, {Type: crm.Person, Tag: tag.ID, Sort: "updated_at", Owner: w.Ada.ID}},
			"record_tags_created": {{Type: crm.Person, Tag: tag.ID, Sort: "-created_at"}},
			"record_tags_last":    {{Type: crm.Person, Tag: tag.ID, Sort: "-last_at"}},
			"records_company":     {{Type: crm.Person, Company: "person2"}},
			"records_deleted":     {{Type: crm.Person, Deleted: true}},
		} {
			for _, q := range list {
				q.Limit = 50
				for pages := 0; pages < 2; pages++ {
					said = nil
					page, err := w.ListRecords(ctx, c, q)
					require.NoError(t, err)
					all := ""
					for _, o := range said {
						p := plan(o)
						if !strings.HasPrefix(o.query, "WITH m") || d == SQLite { // few of so small a table PostgreSQL may find by reading all of it
							require.NotRegexp(t, `Seq Scan on records\b|SCAN r$|SCAN records\b`, p, "%+v: %.200s", q, o.query)
						}
						if strings.Contains(o.query, " AS k0") {
							all += p
							require.NotRegexp(t, `TEMP B-TREE`, p, "%+v: %.200s", q, o.query)
						}
					}
					if len(page.Records) > 0 && q.Stage != "won" && q.Company == "" { // of what chooses few the index does not matter
						require.Contains(t, all, index, "%+v", q)
					}
					if q.Cursor = page.Next; q.Cursor == "" {
						break
					}
				}
			}
		}
		// Five thousand of twenty: found along the order, in it, each once, and counted.
		for _, sort := range []string{"name", "-updated_at"} {
			q := records.Query{Type: crm.Person, Company: "person1", Sort: sort, Limit: 500}
			seen, last := map[crm.RecordID]bool{}, crm.Record{}
			for {
				page, err := w.ListRecords(ctx, c, q)
				require.NoError(t, err)
				if q.Cursor == "" {
					require.Equal(t, 5000, page.Total)
				}
				for _, r := range page.Records {
					require.False(t, seen[r.ID])
					require.False(t, sort == "-updated_at" && last.ID != "" && r.UpdatedAt.After(last.UpdatedAt))
					seen[r.ID], last = true, r
				}
				if q.Cursor = page.Next; q.Cursor == "" {
					break
				}
			}
			require.Len(t, seen, 5000)
		}
	})
}

package store

import (
	"context"
	"strconv"
	"strings"
)

func (d *sqliteDB) indexRecords(ctx context.Context, t *tx, nos []int64, documents []string) error {
	for i, no := range nos {
		if _, err := t.exec(ctx, "write index of records", "INSERT OR REPLACE INTO record_index (rowid, words) VALUES (?, ?)", no, documents[i]); err != nil {
			return err
		}
	}
	return nil
}

func (d *sqliteDB) dropRecords(ctx context.Context, t *tx, nos []int64) error {
	_, err := t.exec(ctx, "drop records from index", "DELETE FROM record_index WHERE "+d.in("rowid", 1), d.list(nos))
	return err
}

func (d *sqliteDB) recordMatches(n int) string {
	return "SELECT x.rowid AS no FROM record_index x WHERE x.record_index MATCH " + parameter(n)
}

func (d *sqliteDB) recordQuery(lists []int64, beginnings []string, whole bool) string {
	parts := make([]string, len(lists))
	for i, list := range lists {
		parts[i] = `"` + listWord(list) + `"`
	}
	text := "(" + strings.Join(parts, " OR ") + ")"
	for _, b := range beginnings {
		text += ` AND "` + b + `"`
		if !whole {
			text += " *"
		}
	}
	return text
}

func (d *postgresDB) indexRecords(ctx context.Context, t *tx, nos []int64, documents []string) error {
	vectors := make([]string, len(documents))
	for i, doc := range documents {
		vectors[i] = "'" + strings.Join(strings.Fields(doc), "' '") + "'"
	}
	_, err := t.exec(ctx, "write index of records", `INSERT INTO record_index (record_no, doc) SELECT v.no, v.doc::tsvector
		FROM unnest($1::bigint[], $2::text[]) v(no, doc) ON CONFLICT (record_no) DO UPDATE SET doc = excluded.doc`, nos, vectors)
	return err
}

func (d *postgresDB) dropRecords(ctx context.Context, t *tx, nos []int64) error {
	_, err := t.exec(ctx, "drop records from index", "DELETE FROM record_index WHERE "+d.in("record_no", 1), nos)
	return err
}

func (d *postgresDB) recordMatches(n int) string {
	return "SELECT g.record_no AS no FROM record_index g WHERE g.doc @@ CAST(" + parameter(n) + " AS text)::tsquery"
}

func (d *postgresDB) recordQuery(lists []int64, beginnings []string, whole bool) string {
	parts := make([]string, len(lists))
	for i, list := range lists {
		parts[i] = "'" + listWord(list) + "'"
	}
	text := "(" + strings.Join(parts, " | ") + ")"
	for _, b := range beginnings {
		text += " & '" + b + "'"
		if !whole {
			text += ":*"
		}
	}
	return text
}

// parameter is parameter n.
func parameter(n int) string { return "$" + strconv.Itoa(n) }

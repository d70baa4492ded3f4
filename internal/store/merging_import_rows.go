package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/records"
	"rapport/internal/records/merging"
)

// rowFailed is the error of one row: the others of its piece are stored without it.
type rowFailed struct {
	row int64
	why string
}

func (e *rowFailed) Error() string { return fmt.Sprintf("row %d: %s", e.row, e.why) }

// ImportSome stores the rows of the import's next piece.
func (s *Store) ImportSome(ctx context.Context, in merging.Import, rows []merging.Row) (more bool, err error) {
	rows = slices.Clone(rows)
	for range len(rows) + 1 {
		err = s.write(ctx, "merging.ImportSome", func(t *tx) error {
			now, err := one(ctx, t, "read import", scanImport, "SELECT "+importColumns+" FROM imports i WHERE i.id = $1"+s.d.forUpdate(), string(in.ID))
			if err != nil {
				return err
			}
			if now.Piece != in.Piece || now.State != merging.ImportQueued && now.State != merging.ImportRunning {
				more = true // somebody else has stored it
				return nil
			}
			x := &importing{t: t, in: now, by: crm.Source{By: crm.ByImport, At: clock(t.now)}, maker: crm.Maker{By: crm.ByImport, UserID: now.UserID, KeyID: now.KeyID}}
			for _, row := range rows {
				if err := x.row(ctx, row); err != nil {
					return rowError(row, err)
				}
			}
			more, err = x.end(ctx, int64(len(rows)))
			return err
		})
		var failed *rowFailed
		if !errors.As(err, &failed) {
			return more, err
		}
		for i := range rows {
			if rows[i].Number == failed.row {
				rows[i].Wrong = failed.why
			}
		}
	}
	return more, err
}

// rowError is the error of a row where it is the row that is wrong.
func rowError(row merging.Row, err error) error {
	var f *fault.Error
	if errors.As(err, &f) && (f.Kind == fault.Invalid || f.Kind == fault.NotFound || f.Kind == fault.Conflict && f.Code != "") {
		return &rowFailed{row.Number, f.Text}
	}
	return err
}

// importing is one piece of an import.
type importing struct {
	t        *tx
	in       merging.Import
	by       crm.Source
	maker    crm.Maker
	mistakes []merging.Mistake
}

func (x *importing) row(ctx context.Context, row merging.Row) error {
	if why := row.Why(); why != "" {
		x.mistakes = append(x.mistakes, merging.Mistake{Row: row.Number, Name: row.Name, Why: why})
	}
	if row.Wrong != "" {
		x.in.Counts["failed"]++
		return nil
	}
	known := matched{}
	if x.in.OnMatch != merging.MatchCreate {
		by, err := x.t.s.matchRows(ctx, x.t, x.in, []merging.Row{row})
		if err != nil {
			return err
		}
		known = by[row.Number]
	}
	switch {
	case known.no == 0:
		return x.create(ctx, row)
	case x.in.OnMatch == merging.MatchSkip:
		x.in.Counts["skipped"]++
		return nil
	}
	return x.update(ctx, row, known.no)
}

// create makes the record of a row.
func (x *importing) create(ctx context.Context, row merging.Row) error {
	var err error
	if row.Wish.Company, err = x.company(ctx, row.Company); err != nil {
		return err
	}
	if row.Wish.Owner, err = x.owner(ctx, row.Owner); err != nil {
		return err
	}
	r, err := x.t.makeRecord(ctx, x.in.Workspace, x.in.Type, x.maker, x.by, row.Wish)
	if err != nil {
		return err
	}
	if err := x.tags(ctx, row.Tags, r); err != nil {
		return err
	}
	x.in.Counts["created"]++
	return x.note(ctx, r, true, nil)
}

// update completes the record of a row.
func (x *importing) update(ctx context.Context, row merging.Row, no int64) error {
	r, err := x.t.recordLocked(ctx, x.in.Workspace, no)
	if err != nil {
		return err
	}
	before, err := x.t.partsOf(ctx, r)
	if err != nil {
		return err
	}
	typed := func(field string) bool { return r.Sources[field].By == crm.ByMember && !x.in.Overwrite }
	wish := row.ForKnown(r.Record, x.in.Overwrite)
	if !typed("company") && (r.Company == nil || sortKey(r.Company.Name) != sortKey(row.Company)) {
		if wish.Company, err = x.company(ctx, row.Company); err != nil {
			return err
		}
	}
	if !typed("owner") {
		if wish.Owner, err = x.owner(ctx, row.Owner); err != nil {
			return err
		}
	}
	if _, err := x.t.fillRow(ctx, r, x.by, &wish); err != nil {
		return err
	}
	if err := x.tags(ctx, row.Tags, r); err != nil {
		return err
	}
	after, err := x.t.partsOf(ctx, r)
	if err != nil {
		return err
	}
	var changes []mergeChange
	keys := map[string]bool{}
	for _, p := range []recordParts{before, after} {
		for key := range p {
			keys[key] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if before[key] != after[key] {
			changes = append(changes, mergeChange{Key: key, Before: before[key], After: after[key], From: r.no})
		}
	}
	if len(changes) == 0 {
		x.in.Counts["skipped"]++
		return nil
	}
	x.in.Counts["updated"]++
	return x.note(ctx, r, false, changes)
}

// note notes what the import did to a record; what it made stays made.
func (x *importing) note(ctx context.Context, r *recordRow, made bool, changes []mergeChange) error {
	if !made {
		text, err := one(ctx, x.t, "read what was noted", scanText, "SELECT before FROM import_records WHERE import_id = $1 AND record_no = $2", string(x.in.ID), r.no)
		if err != nil && !errors.Is(err, errNone) {
			return err
		}
		var earlier []mergeChange
		if err := fromJSON(text, &earlier); err != nil {
			return err
		}
		changes = append(earlier, changes...)
	}
	_, err := x.t.exec(ctx, "note record", `INSERT INTO import_records (import_id, record_no, made, before, version) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (import_id, record_no) DO UPDATE SET before = excluded.before, version = excluded.version`, string(x.in.ID), r.no, made, clean(jsonText(changes)), r.Version)
	return err
}

// company finds the company of a name, and makes it when there is none.
func (x *importing) company(ctx context.Context, name string) (*crm.RecordID, error) {
	name = strings.Join(strings.Fields(name), " ")
	key := sortKey(name)
	if key == "" {
		return nil, nil
	}
	w := x.in.Workspace
	if err := x.t.s.d.lock(ctx, x.t, lockOf(w, "company", key)); err != nil {
		return nil, err
	}
	list, err := x.t.listOf(ctx, w, crm.Company)
	if err != nil {
		return nil, err
	}
	ids, err := all(ctx, x.t, "find company", scanText, "SELECT id FROM records WHERE list_no = $1 AND name_key = $2 AND deleted_at IS NULL ORDER BY no LIMIT 1", list.no, key)
	if err != nil {
		return nil, err
	}
	if len(ids) > 0 {
		return (*crm.RecordID)(&ids[0]), nil
	}
	if runes := []rune(name); len(runes) > 300 {
		name = string(runes[:300])
	}
	r, err := x.t.makeRecord(ctx, w, crm.Company, x.maker, x.by, records.Wish{Name: &name})
	if err != nil {
		return nil, err
	}
	return &r.ID, x.note(ctx, r, true, nil)
}

// owner finds a member by address or name; nobody when there is none.
func (x *importing) owner(ctx context.Context, text string) (*crm.UserID, error) {
	if text = strings.TrimSpace(text); text == "" {
		return nil, nil
	}
	ids, err := all(ctx, x.t, "find owner", scanText, "SELECT u.id FROM members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND (LOWER(u.email) = $2 OR u.name = $3) ORDER BY u.id LIMIT 1",
		string(x.in.Workspace), clean(strings.ToLower(text)), clean(text))
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return (*crm.UserID)(&ids[0]), nil
}

// tags puts shared tags on a record by their names, making those that are none yet.
func (x *importing) tags(ctx context.Context, names []string, r *recordRow) error {
	for _, name := range names {
		if runes := []rune(name); len(runes) > 60 {
			name = string(runes[:60])
		}
		key := tagKey(name)
		if key == "" {
			continue
		}
		_, err := x.t.exec(ctx, "make tag", `INSERT INTO tags (id, workspace_id, owner_id, name, name_key, colour, created_at)
			SELECT $1, $2, '', $3, $4, '#5b6577', $5 WHERE (SELECT COUNT(*) FROM tags g WHERE g.workspace_id = $2 AND g.owner_id = '') < 500 ON CONFLICT DO NOTHING`,
			x.t.s.newID(), string(x.in.Workspace), clean(name), key, x.t.now)
		if err == nil {
			_, err = x.t.exec(ctx, "put tag on", tagRecords+"g.workspace_id = $1 AND g.owner_id = '' AND g.name_key = $2 AND r.no = $3 ON CONFLICT DO NOTHING", string(x.in.Workspace), key, r.no)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// end counts the piece; more: it was not the last.
func (x *importing) end(ctx context.Context, rows int64) (more bool, err error) {
	n := len(x.mistakes)
	numbers, names, whys := make([]int64, n), make([]string, n), make([]string, n)
	for i, m := range x.mistakes {
		numbers[i], names[i], whys[i] = m.Row, clean(m.Name), clean(m.Why)
	}
	err = x.t.insert(ctx, "insert mistakes", "import_mistakes", n, "ON CONFLICT DO NOTHING", column{"import_id", times(n, string(x.in.ID))}, column{"row_no", numbers}, column{"name", names}, column{"why", whys})
	if err != nil {
		return false, err
	}
	x.in.Piece, x.in.Done = min(x.in.Piece+1, x.in.Pieces), x.in.Done+rows
	state, ended := merging.ImportRunning, (*int64)(nil)
	if more = x.in.Piece < x.in.Pieces; !more {
		state, ended = merging.ImportDone, &x.t.now
		if _, err := x.t.exec(ctx, "drop rows", "DELETE FROM import_pieces WHERE import_id = $1", string(x.in.ID)); err != nil {
			return false, err
		}
	}
	_, err = x.t.exec(ctx, "count piece", "UPDATE imports SET state = $2, piece = $3, done = $4, counts = $5, ended_at = $6 WHERE id = $1", string(x.in.ID), string(state), x.in.Piece, x.in.Done, jsonText(x.in.Counts), ended)
	return more, err
}

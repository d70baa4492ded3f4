package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/records"
	"rapport/internal/records/merging"
)

// A file is stored in pieces of rows. Each piece becomes records in one transaction with
// the number of the next: a crash repeats a piece and doubles none.

// How long imports can be undone, and how long those that never ran stay.
const (
	importUndone = 30 * 24 * time.Hour
	importReady  = 7 * 24 * time.Hour
)

const (
	noImport      = "There is no such import."
	importColumns = "i.id, i.workspace_id, i.user_id, i.key_id, i.type, i.format, i.name, i.state, i.columns, i.on_match, i.overwrite, i.rows, i.pieces, i.piece, i.done, i.counts, i.preview, i.created_at, i.began_at, i.ended_at"
)

func scanImport(r scanner) (in merging.Import, err error) {
	var columns, counts, preview string
	var created int64
	var began, ended *int64
	err = r.Scan(&in.ID, &in.Workspace, &in.UserID, &in.KeyID, &in.Type, &in.Format, &in.Name, &in.State, &columns, &in.OnMatch, &in.Overwrite, &in.Rows, &in.Pieces, &in.Piece, &in.Done, &counts, &preview,
		&created, &began, &ended)
	in.CreatedAt, in.BeganAt, in.EndedAt = clock(created), clockPtr(began), clockPtr(ended)
	in.Counts = map[string]int64{}
	return in, errors.Join(err, fromJSON(columns, &in.Columns), fromObject(counts, &in.Counts), fromJSON(preview, &in.Preview))
}

// PutImport stores an import with the rows of its file.
func (s *Store) PutImport(ctx context.Context, in merging.Import, pieces [][][]string) error {
	err := s.write(ctx, "merging.PutImport", func(t *tx) error {
		_, err := t.exec(ctx, "drop old imports", "DELETE FROM imports WHERE workspace_id = $1 AND state = 'ready' AND created_at < $2", string(in.Workspace), t.now-importReady.Microseconds())
		if err == nil {
			_, err = t.exec(ctx, "drop what cannot be undone any more", "DELETE FROM import_records WHERE import_id IN (SELECT i.id FROM imports i WHERE i.workspace_id = $1 AND i.ended_at < $2)", string(in.Workspace), t.now-importUndone.Microseconds())
		}
		if err == nil {
			_, err = t.exec(ctx, "insert import", "INSERT INTO imports (id, workspace_id, user_id, key_id, type, format, name, state, columns, on_match, overwrite, rows, pieces, done, piece, counts, preview, trouble, created_at) VALUES "+marks(1, 19),
				string(in.ID), string(in.Workspace), string(in.UserID), string(in.KeyID), string(in.Type), in.Format, clean(in.Name), string(in.State), clean(jsonText(in.Columns)), string(in.OnMatch), in.Overwrite,
				in.Rows, in.Pieces, int64(0), int64(0), "{}", "[]", "", t.now)
		}
		return err
	})
	const atOnce = 40
	for begin := 0; begin < len(pieces) && err == nil; begin += atOnce {
		some := pieces[begin:min(len(pieces), begin+atOnce)]
		err = s.write(ctx, "merging.PutImport", func(t *tx) error {
			n := len(some)
			numbers, firsts, data := make([]int64, n), make([]int64, n), make([]string, n)
			for i, rows := range some {
				numbers[i], data[i] = int64(begin+i), clean(jsonText(rows))
				firsts[i] = numbers[i]*int64(len(pieces[0])) + 1
			}
			return t.insert(ctx, "insert rows", "import_pieces", n, "", column{"import_id", times(n, string(in.ID))}, column{"piece", numbers}, column{"first_row", firsts}, column{"data", data})
		})
	}
	return err
}

// ImportOf reads an import.
func (s *Store) ImportOf(ctx context.Context, w crm.WorkspaceID, id crm.ImportID) (merging.Import, error) {
	in, err := one(ctx, s.reading("merging.ImportOf"), "read", scanImport, "SELECT "+importColumns+" FROM imports i WHERE i.id = $1 AND ($2 = '' OR i.workspace_id = $2)", clean(string(id)), string(w))
	return found(in, err, noImport)
}

// Imports lists imports, the newest first.
func (s *Store) Imports(ctx context.Context, w crm.WorkspaceID, cursor string, limit int) ([]merging.Import, string, error) {
	at, id, err := readCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	limit = pageLimit(limit)
	list, err := all(ctx, s.reading("merging.Imports"), "list", scanImport, "SELECT "+importColumns+" FROM imports i WHERE i.workspace_id = $1 AND (i.created_at, i.id) < ($2, $3) ORDER BY i.created_at DESC, i.id DESC LIMIT $4",
		string(w), at, orLast(cursor, id), int64(limit+1))
	if err != nil {
		return nil, "", err
	}
	list, next := cutPage(list, limit, func(in merging.Import) (int64, string) { return stamp(in.CreatedAt), string(in.ID) })
	return list, next, nil
}

// ImportPiece reads some rows of a file.
func (s *Store) ImportPiece(ctx context.Context, id crm.ImportID, piece int64) ([][]string, error) {
	text, err := one(ctx, s.reading("merging.ImportPiece"), "read", scanText, "SELECT data FROM import_pieces WHERE import_id = $1 AND piece = $2", string(id), piece)
	if errors.Is(err, errNone) {
		return nil, nil
	}
	var rows [][]string
	return rows, errors.Join(err, fromJSON(text, &rows))
}

// SaveForeseen stores what would become of an import.
func (s *Store) SaveForeseen(ctx context.Context, in merging.Import) error {
	return s.write(ctx, "merging.SaveForeseen", func(t *tx) error {
		n, err := t.exec(ctx, "save", "UPDATE imports SET columns = $2, on_match = $3, overwrite = $4, counts = $5, preview = $6 WHERE id = $1 AND state = 'ready'",
			string(in.ID), clean(jsonText(in.Columns)), string(in.OnMatch), in.Overwrite, jsonText(in.Counts), clean(jsonText(in.Preview)))
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "This import has begun already.")
		}
		return err
	})
}

// BeginImport moves an import on.
func (s *Store) BeginImport(ctx context.Context, c access.Caller, id crm.ImportID, to merging.ImportState, row access.Audit) (merging.Import, error) {
	var after merging.Import
	err := s.write(ctx, "merging.BeginImport", func(t *tx) error {
		read := func(lock string) (err error) {
			after, err = one(ctx, t, "read import", scanImport, "SELECT "+importColumns+" FROM imports i WHERE i.id = $1 AND i.workspace_id = $2"+lock, clean(string(id)), string(c.Workspace))
			after, err = found(after, err, noImport)
			return err
		}
		if err := read(s.d.forUpdate()); err != nil {
			return err
		}
		switch {
		case to == merging.ImportQueued && after.State == merging.ImportReady:
			after.Counts = map[string]int64{}
		case to == merging.ImportQueued:
			return &fault.Error{Kind: fault.Conflict, Code: "import_began", Text: "This import has begun already."}
		case after.State == merging.ImportUndone || after.State == merging.ImportUndoing:
			return &fault.Error{Kind: fault.Conflict, Code: "undone", Text: "This import was undone already."}
		case after.State == merging.ImportReady:
			return &fault.Error{Kind: fault.Conflict, Code: "import_not_run", Text: "This import has not run: there is nothing to undo."}
		case after.EndedAt != nil && stamp(*after.EndedAt) < t.now-importUndone.Microseconds():
			return &fault.Error{Kind: fault.Conflict, Code: "too_long_ago", Text: "This import was too long ago to be undone."}
		}
		_, err := t.exec(ctx, "begin", "UPDATE imports SET state = $2, counts = $3, began_at = COALESCE(began_at, $4), ended_at = NULL WHERE id = $1", string(after.ID), string(to), jsonText(after.Counts), t.now)
		if err == nil {
			err = t.record(ctx, []access.Audit{row})
		}
		if err != nil {
			return err
		}
		return read("")
	})
	return after, err
}

// ImportMistakes gives rows that could not be stored as they are.
func (s *Store) ImportMistakes(ctx context.Context, w crm.WorkspaceID, id crm.ImportID, after int64, limit int) ([]merging.Mistake, error) {
	if _, err := s.ImportOf(ctx, w, id); err != nil {
		return nil, err
	}
	return all(ctx, s.reading("merging.ImportMistakes"), "list", func(r scanner) (m merging.Mistake, err error) { return m, r.Scan(&m.Row, &m.Name, &m.Why) },
		"SELECT row_no, name, why FROM import_mistakes WHERE import_id = $1 AND row_no > $2 ORDER BY row_no LIMIT $3", clean(string(id)), after, int64(limit))
}

// Foresee says what would become of rows.
func (s *Store) Foresee(ctx context.Context, _ access.Caller, in merging.Import, rows []merging.Row) ([]merging.Foreseen, error) {
	known, err := s.matchRows(ctx, s.reading("merging.Foresee"), in, rows)
	if err != nil {
		return nil, err
	}
	out := make([]merging.Foreseen, len(rows))
	for i, row := range rows {
		f := merging.Foreseen{Row: row.Number, Name: row.Name, Action: "create", Why: row.Why()}
		m, there := known[row.Number]
		switch {
		case row.Wrong != "":
			f.Action = "error"
		case there && in.OnMatch == merging.MatchSkip:
			f.Action, f.Why = "skip", strings.TrimSpace(m.why+" "+f.Why)
		case there && in.OnMatch == merging.MatchUpdate:
			f.Action, f.Why = "update", strings.TrimSpace(m.why+" "+f.Why)
		}
		out[i] = f
	}
	return out, nil
}

// matched is the record that a row is about, and by what.
type matched struct {
	no  int64
	why string
}

// matchRows finds the records that rows are about: by their id, by an id in another
// system, by an address (companies: a domain), by the name (people: in their company).
func (s *Store) matchRows(ctx context.Context, from source, in merging.Import, rows []merging.Row) (map[int64]matched, error) {
	m := &matching{s: s, from: from, in: in, rows: rows, out: map[int64]matched{}}
	lists, err := s.lists(ctx, from, in.Workspace)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(lists, func(l *recordList) bool { return l.Key == in.Type })
	if at < 0 {
		return m.out, nil
	}
	m.list = lists[at].no
	for _, by := range []func(context.Context) error{m.byID, m.byExternal, m.byAddress, m.byName} {
		if err := by(ctx); err != nil {
			return nil, err
		}
	}
	return m.out, nil
}

type matching struct {
	s    *Store
	from source
	in   merging.Import
	list int64
	rows []merging.Row
	out  map[int64]matched
}

// found notes what rows are about that have no record yet; keys gives what a row is
// looked up by.
func (m *matching) found(by map[string]int64, why string, keys func(merging.Row) []string) {
	for _, row := range m.rows {
		if _, has := m.out[row.Number]; has {
			continue
		}
		for _, key := range keys(row) {
			if no := by[key]; no != 0 {
				m.out[row.Number] = matched{no, fmt.Sprintf(why, key)}
				break
			}
		}
	}
}

// wanted gives what rows without a record are looked up by.
func (m *matching) wanted(keys func(merging.Row) []string) []string {
	seen := map[string]bool{}
	for _, row := range m.rows {
		if _, has := m.out[row.Number]; !has && row.Wrong == "" {
			for _, key := range keys(row) {
				seen[key] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// look reads records by keys, the oldest of each.
func (m *matching) look(ctx context.Context, query string, args ...any) (map[string]int64, error) {
	by := map[string]int64{}
	return by, each(ctx, m.from, "match rows", func(r scanner) error {
		var key string
		var no int64
		err := r.Scan(&key, &no)
		if before := by[key]; before == 0 || no < before {
			by[key] = no
		}
		return err
	}, query, args...)
}

func (m *matching) byID(ctx context.Context) error {
	keys := func(r merging.Row) []string {
		if r.ID == "" {
			return nil
		}
		return []string{clean(string(r.ID))}
	}
	ids := m.wanted(keys)
	if len(ids) == 0 {
		return nil
	}
	by, err := m.look(ctx, "SELECT id, no FROM records WHERE list_no = $1 AND (deleted_at IS NULL OR merged_into <> '') AND "+m.s.d.in("id", 2), m.list, m.s.d.list(ids))
	for id, no := range by {
		if err == nil {
			by[id], err = survivorOf(ctx, m.from, no)
		}
	}
	m.found(by, "Is there by its id.%.0s", keys)
	return err
}

func (m *matching) byExternal(ctx context.Context) error {
	systems := map[string]bool{}
	for _, row := range m.rows {
		for system := range row.Wish.ExternalIDs {
			systems[system] = true
		}
	}
	for _, system := range slices.Sorted(maps.Keys(systems)) {
		keys := func(r merging.Row) []string {
			if id := r.Wish.ExternalIDs[system]; id != "" {
				return []string{clean(id)}
			}
			return nil
		}
		ids := m.wanted(keys)
		if len(ids) == 0 {
			continue
		}
		by, err := m.look(ctx, "SELECT x.external_id, r.no FROM external_ids x JOIN records r ON r.no = x.record_no AND r.deleted_at IS NULL AND r.list_no = $3 WHERE x.workspace_id = $1 AND x.system = $2 AND "+m.s.d.in("x.external_id", 4),
			string(m.in.Workspace), clean(system), m.list, m.s.d.list(ids))
		if err != nil {
			return err
		}
		m.found(by, "Is there by its id in "+strings.ReplaceAll(system, "%", "")+" (%s).", keys)
	}
	return nil
}

func (m *matching) byAddress(ctx context.Context) error {
	emails := func(r merging.Row) []string {
		if r.Wish.Emails == nil {
			return nil
		}
		return keysOf(*r.Wish.Emails, func(c crm.Contact) string { return contactKey("emails", c) })
	}
	domains := func(r merging.Row) []string {
		if r.Wish.Domains == nil {
			return nil
		}
		return *r.Wish.Domains
	}
	for _, q := range []struct {
		table, column, why string
		keys               func(merging.Row) []string
	}{{"record_emails", "key", "Is there with %s.", emails}, {"record_domains", "domain", "Is there with %s.", domains}} {
		values := m.wanted(q.keys)
		if len(values) == 0 {
			continue
		}
		by, err := m.look(ctx, "SELECT x."+q.column+", r.no FROM "+q.table+" x JOIN records r ON r.no = x.record_no AND r.deleted_at IS NULL AND r.list_no = $2 WHERE x.workspace_id = $1 AND "+m.s.d.in("x."+q.column, 3),
			string(m.in.Workspace), m.list, m.s.d.list(values))
		if err != nil {
			return err
		}
		m.found(by, q.why, q.keys)
	}
	return nil
}

func (m *matching) byName(ctx context.Context) error {
	const between = "\x1f"
	person := m.in.Type == crm.Person
	keys := func(r merging.Row) []string {
		name := sortKey(r.Name)
		if name == "" || person && sortKey(r.Company) == "" {
			return nil
		}
		if person {
			return []string{name + between + sortKey(r.Company)}
		}
		return []string{name + between}
	}
	var names []string
	for _, key := range m.wanted(keys) {
		name, _, _ := strings.Cut(key, between)
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil
	}
	by, err := m.look(ctx, "SELECT r.name_key || '"+between+"' || "+map[bool]string{true: "COALESCE(co.name_key, '')", false: "''"}[person]+
		", r.no FROM records r LEFT JOIN records co ON co.no = r.company_no AND co.deleted_at IS NULL WHERE r.list_no = $1 AND r.deleted_at IS NULL AND "+m.s.d.in("r.name_key", 2), m.list, m.s.d.list(slices.Compact(names)))
	why := "Is there by its name.%.0s"
	if person {
		why = "Is there by name and company.%.0s"
	}
	m.found(by, why, keys)
	return err
}

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
			_, err = x.t.exec(ctx, "put tag on", "INSERT INTO record_tags (tag_no, record_no) SELECT g.no, $3 FROM tags g WHERE g.workspace_id = $1 AND g.owner_id = '' AND g.name_key = $2 ON CONFLICT DO NOTHING", string(x.in.Workspace), key, r.no)
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

// UndoImportSome takes back some of what an import did.
func (s *Store) UndoImportSome(ctx context.Context, in merging.Import) (more bool, err error) {
	const atOnce = 100
	type done struct {
		no   int64
		made bool
		text string
	}
	err = s.write(ctx, "merging.UndoImportSome", func(t *tx) error {
		now, err := one(ctx, t, "read import", scanImport, "SELECT "+importColumns+" FROM imports i WHERE i.id = $1"+s.d.forUpdate(), string(in.ID))
		if err != nil {
			return err
		}
		if more = now.State == merging.ImportUndoing; !more {
			return nil
		}
		list, err := all(ctx, t, "read what it did", func(r scanner) (d done, err error) { return d, r.Scan(&d.no, &d.made, &d.text) },
			"SELECT record_no, made, before FROM import_records WHERE import_id = $1 ORDER BY record_no DESC LIMIT $2", string(in.ID), int64(atOnce))
		if err != nil {
			return err
		}
		var gone []*recordRow
		var nos []int64
		for _, d := range list {
			nos = append(nos, d.no)
			r, err := t.recordLocked(ctx, in.Workspace, d.no)
			if errors.Is(err, errNone) || err == nil && r.DeletedAt != nil {
				continue
			}
			if err != nil {
				return err
			}
			kept, err := t.unimport(ctx, now, r, d.made, d.text)
			switch {
			case err != nil:
				return err
			case kept:
				now.Counts["kept"]++
			default:
				now.Counts["undone"]++
				if d.made {
					gone = append(gone, r)
				}
			}
		}
		if err := t.deleteRecords(ctx, gone, ""); err != nil {
			return err
		}
		if len(nos) > 0 {
			if _, err := t.exec(ctx, "cross off", "DELETE FROM import_records WHERE import_id = $1 AND "+s.d.in("record_no", 2), string(in.ID), s.d.list(nos)); err != nil {
				return err
			}
		}
		state, ended := merging.ImportUndoing, (*int64)(nil)
		if more = len(list) == atOnce; !more {
			state, ended = merging.ImportUndone, &t.now
		}
		_, err = t.exec(ctx, "count", "UPDATE imports SET state = $2, counts = $3, ended_at = $4 WHERE id = $1", string(in.ID), string(state), jsonText(now.Counts), ended)
		return err
	})
	return more, err
}

// unimport puts back what an import did to a record, as far as it is still so; kept:
// somebody has made it theirs since. What was made its caller deletes.
func (t *tx) unimport(ctx context.Context, in merging.Import, r *recordRow, made bool, text string) (kept bool, err error) {
	if made {
		for _, source := range r.Sources {
			if source.By == crm.ByMember || source.By == crm.ByAPI {
				return true, nil
			}
		}
		n, err := one(ctx, t, "look for what hangs on it", scanInt, `SELECT (SELECT COUNT(*) FROM notes WHERE record_no = $1) + (SELECT COUNT(*) FROM tasks WHERE record_no = $1)
			+ (SELECT COUNT(*) FROM record_merges WHERE survivor_no = $1 AND undone_at IS NULL)`, r.no)
		return n > 0, err
	}
	var changes []mergeChange
	if err := json.Unmarshal([]byte(text), &changes); err != nil {
		return false, fmt.Errorf("reading what an import did: %w", err)
	}
	now, err := t.partsOf(ctx, r)
	if err != nil {
		return false, err
	}
	f := &reforming{t: t, r: r, shown: map[int64]bool{}}
	for _, x := range slices.Backward(changes) {
		if now[x.Key] != x.After {
			kept = true
			continue
		}
		if system, external := strings.CutPrefix(x.Key, "external:"); external {
			if _, err := t.exec(ctx, "drop external id", "DELETE FROM external_ids WHERE record_no = $1 AND system = $2", r.no, system); err != nil {
				return false, err
			}
			continue
		}
		if err := f.set(ctx, x.Key, x.Before, x.From); err != nil {
			return false, err
		}
		now[x.Key] = x.Before
	}
	return kept, f.save(ctx)
}

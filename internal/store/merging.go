package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/records/merging"
)

var _ merging.Store = (*Store)(nil)

// Records that are taken into another are deleted and stay otherwise as they were; the
// other one gets the parts that it has not. What can be of one record alone goes over:
// notes, tasks, evidence, and what points to them. The merge notes all of it, so that
// what one record is follows from what it was, from the merges that stand, and from what
// was changed since: merges can be undone in any order.

// mergeBody is what record_merges.body holds.
type mergeBody struct {
	Changes []mergeChange `json:"changes,omitempty"`
	// Had are the parts of the others, in their order: what one does not give now it
	// gives when another merge is undone.
	Had []hadPart `json:"had,omitempty"`
	// Chosen are fields of which somebody has said whose value stays.
	Chosen []string            `json:"chosen,omitempty"`
	Moved  map[string][]moved  `json:"moved,omitempty"` // rows, by what they are
	Names  map[string][]string `json:"names,omitempty"` // the same where rows have ids
	Gone   []int64             `json:"gone"`
}

// mergeChange is a part that was changed. From is the record that it came from.
type mergeChange struct {
	Key    string `json:"k"`
	Before string `json:"b,omitempty"`
	After  string `json:"a,omitempty"`
	From   int64  `json:"f"`
}

type hadPart struct {
	Key   string `json:"k"`
	Value string `json:"v"`
	From  int64  `json:"f"`
}

// moved is a row that went over: its number, whose it was, and in relations the field.
type moved struct {
	No    int64  `json:"n"`
	From  int64  `json:"f"`
	Field string `json:"d,omitempty"`
}

// storedMerge is a row of record_merges.
type storedMerge struct {
	no, survivor int64
	id           crm.MergeID
	at           int64
	undoneAt     *int64
	body         mergeBody
	touched      bool
}

func scanMerge(r scanner) (*storedMerge, error) {
	m := &storedMerge{}
	var body string
	if err := r.Scan(&m.no, &m.id, &m.survivor, &m.at, &m.undoneAt, &body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(body), &m.body); err != nil {
		return nil, fmt.Errorf("reading a merge: %w", err)
	}
	return m, nil
}

const mergeColumns = "m.no, m.id, m.survivor_no, m.at, m.undone_at, m.body"

// keepable are the names in the API of fields that can be chosen, where they differ
// from those of parts.
var keepable = map[string]string{"company_id": "company", "owner_id": "owner"}

// MergeRecords takes records into another.
func (s *Store) MergeRecords(ctx context.Context, c access.Caller, id crm.MergeID, wish merging.MergeWish, row access.Audit) (made merging.Merge, into crm.Record, err error) {
	err = s.write(ctx, "merging.MergeRecords", func(t *tx) error {
		if _, err := t.lockLinking(ctx, c.Workspace); err != nil {
			return err
		}
		survivor, others, err := t.toMerge(ctx, c, wish)
		if err != nil {
			return err
		}
		m := &storedMerge{id: id, survivor: survivor.no, body: mergeBody{Moved: map[string][]moved{}, Names: map[string][]string{}}}
		f := &reforming{t: t, r: survivor, shown: map[int64]bool{}}
		if err := t.mergeParts(ctx, f, others, wish, m); err != nil {
			return err
		}
		if err := f.save(ctx); err != nil {
			return err
		}
		t.recordTold(fact.RecordChanged, survivor, true)
		if err := t.deleteRecords(ctx, others, survivor.ID); err != nil {
			return err
		}
		for _, o := range others {
			m.body.Gone = append(m.body.Gone, o.no)
			if err := t.takeOver(ctx, o, survivor, m); err != nil {
				return err
			}
		}
		if err := t.noteActivity(ctx, nil, map[int64]bool{survivor.no: true}); err != nil {
			return err
		}
		if err := t.putMerge(ctx, c, m); err != nil {
			return err
		}
		if err := t.record(ctx, []access.Audit{row}); err != nil {
			return err
		}
		t.recordLinked(c.Workspace, survivor.ID)
		if into, err = t.shownIn(ctx, c, survivor.no); err != nil {
			return err
		}
		list, err := s.mergesShown(ctx, t, " WHERE m.no = $1", m.no)
		if err == nil {
			made = list[0]
		}
		return err
	})
	return made, into, err
}

// toMerge reads the records of a merge under locks, the others in their order.
func (t *tx) toMerge(ctx context.Context, c access.Caller, wish merging.MergeWish) (*recordRow, []*recordRow, error) {
	ids := append([]crm.RecordID{wish.Into}, wish.Others...)
	nos, err := all(ctx, t, "find records", scanInt, "SELECT no FROM records WHERE workspace_id = $1 AND deleted_at IS NULL AND "+t.s.d.in("id", 2), string(c.Workspace), t.s.d.list(cleaned(ids)))
	if err != nil {
		return nil, nil, err
	}
	rows, err := t.recordsLocked(ctx, c.Workspace, nos...)
	if err != nil {
		return nil, nil, err
	}
	in := make([]*recordRow, 0, len(ids))
	for _, id := range ids {
		at := slices.IndexFunc(rows, func(r *recordRow) bool { return r.ID == id && r.DeletedAt == nil })
		if at < 0 {
			return nil, nil, fault.New(fault.NotFound, noRecord)
		}
		if rows[at].list != rows[max(0, slices.IndexFunc(rows, func(r *recordRow) bool { return r.ID == wish.Into }))].list {
			return nil, nil, badField("other_ids", "must be records of the same type")
		}
		in = append(in, rows[at])
	}
	return in[0], in[1:], nil
}

// mergeParts gives the record the parts that it has not, and those that were chosen.
func (t *tx) mergeParts(ctx context.Context, f *reforming, others []*recordRow, wish merging.MergeWish, m *storedMerge) error {
	book := t.mergeBook()
	read := func(r *recordRow) (recordParts, error) {
		p, err := t.partsOf(ctx, r)
		if err == nil {
			err = book.origins(ctx, r.no, p)
		}
		return p, err
	}
	now, err := read(f.r)
	if err != nil {
		return err
	}
	of := map[crm.RecordID]recordParts{f.r.ID: maps.Clone(now)}
	numbers := map[crm.RecordID]int64{f.r.ID: f.r.no}
	for _, o := range others {
		p, err := read(o)
		if err != nil {
			return err
		}
		of[o.ID], numbers[o.ID] = p, o.no
		for _, key := range slices.Sorted(maps.Keys(p)) {
			m.body.Had = append(m.body.Had, hadPart{key, p[key], o.no})
		}
	}
	list, err := t.listByNo(ctx, f.r.WorkspaceID, f.r.list)
	if err != nil {
		return err
	}
	for _, field := range slices.Sorted(maps.Keys(wish.Keep)) {
		key := field
		if other, named := keepable[field]; named {
			key = other
		}
		if !chosenOne(key, f.r, list) {
			return badField("keep."+clean(field[:min(len(field), 64)]), "is no field of which one value stays")
		}
		m.body.Chosen = append(m.body.Chosen, key)
		from := wish.Keep[field]
		if err := f.change(ctx, book, m, mergeChange{key, now[key], of[from][key], numbers[from]}); err != nil {
			return err
		}
		now[key] = of[from][key]
	}
	for _, h := range m.body.Had {
		if now[h.Key] != "" || slices.Contains(m.body.Chosen, h.Key) {
			continue
		}
		if err := f.change(ctx, book, m, mergeChange{h.Key, "", h.Value, h.From}); err != nil {
			return err
		}
		now[h.Key] = h.Value
	}
	return book.save(ctx)
}

// chosenOne reports whether a part is a field of which one value stays.
func chosenOne(key string, r *recordRow, list *recordList) bool {
	if field, own := strings.CutPrefix(key, "fields."); own {
		return slices.ContainsFunc(list.Fields, func(d crm.Field) bool { return d.Key == field })
	}
	return singleTexts(r)[key] != nil || slices.Contains([]string{"name", "amount", "class", "company", "owner"}, key)
}

// change changes a part and notes it.
func (f *reforming) change(ctx context.Context, b *mergeBook, m *storedMerge, x mergeChange) error {
	if x.Before == x.After {
		return nil
	}
	m.body.Changes = append(m.body.Changes, x)
	to, err := b.instead(ctx, f.r.no, x.Key, x.Before, x.After)
	if err != nil {
		return err
	}
	return f.set(ctx, x.Key, to, x.From)
}

// takeOver moves what can be of one record alone.
func (t *tx) takeOver(ctx context.Context, from, to *recordRow, m *storedMerge) error {
	for _, table := range []string{"notes", "tasks"} {
		ids, err := all(ctx, t, "read "+table, scanText, "SELECT id FROM "+table+" WHERE record_no = $1 ORDER BY id", from.no)
		if err != nil {
			return err
		}
		if err := t.moveRows(ctx, table, ids, from.no, to.no, m); err != nil {
			return err
		}
	}
	ids, err := all(ctx, t, "read sightings", scanText, `SELECT s.id FROM sightings s WHERE s.record_no = $1
		AND NOT EXISTS (SELECT 1 FROM sightings o WHERE o.record_no = $2 AND o.field = s.field AND o.value_key = s.value_key AND o.pos = s.pos) ORDER BY s.id`, from.no, to.no)
	if err == nil {
		err = t.moveRows(ctx, "sightings", ids, from.no, to.no, m)
	}
	if err != nil {
		return err
	}
	if err := t.moveLinks(ctx, from.no, to.no); err != nil {
		return err
	}
	people, err := all(ctx, t, "read who belongs to it", scanInt, "SELECT no FROM records WHERE company_no = $1 ORDER BY no", from.no)
	if err != nil {
		return err
	}
	for _, no := range people {
		m.body.Moved["company"] = append(m.body.Moved["company"], moved{No: no, From: from.no})
	}
	if err := t.belongTo(ctx, to.WorkspaceID, people, from.no, to); err != nil {
		return err
	}
	return t.repoint(ctx, from.no, to, m)
}

// moveRows moves rows with ids from a record to another, and notes them.
func (t *tx) moveRows(ctx context.Context, table string, ids []string, from, to int64, m *storedMerge) error {
	if len(ids) == 0 {
		return nil
	}
	key := fmt.Sprintf("%s:%d", table, from)
	m.body.Names[key] = append(m.body.Names[key], ids...)
	return t.moveIDs(ctx, table, ids, from, to)
}

func (t *tx) moveIDs(ctx context.Context, table string, ids []string, from, to int64) error {
	for piece := range slices.Chunk(ids, changePiece) {
		if _, err := t.exec(ctx, "move "+table, "UPDATE "+table+" SET record_no = $1 WHERE record_no = $2 AND "+t.s.d.in("id", 3), to, from, t.s.d.list(piece)); err != nil {
			return err
		}
	}
	return nil
}

// belongTo lets records that belong to one company belong to another; those that
// belong to another one already stay.
func (t *tx) belongTo(ctx context.Context, w crm.WorkspaceID, nos []int64, from int64, to *recordRow) error {
	for piece := range slices.Chunk(nos, changePiece) {
		rows, err := t.recordsLocked(ctx, w, piece...)
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(rows, func(r *recordRow) bool { return r.companyNo != from })
		n := len(rows)
		changed, words, versions := make([]int64, n), make([]string, n), make([]int64, n)
		var live []int64
		var docs []string
		for i, r := range rows {
			r.companyNo, r.Company = to.no, &crm.RecordRef{ID: to.ID, Type: to.Type, Name: to.Name}
			r.Version++
			changed[i], words[i], versions[i] = r.no, r.words(), r.Version
			if r.DeletedAt == nil {
				live, docs = append(live, r.no), append(docs, listWord(r.list)+words[i])
				t.recordTold(fact.RecordChanged, r, true)
			}
		}
		err = t.update(ctx, "move people", "records", n, column{"no", changed}, column{"company_no", times(n, to.no)}, column{"words", words}, column{"version", versions}, column{"updated_at", times(n, t.now)})
		if err != nil {
			return err
		}
		if len(live) > 0 {
			if err := t.s.d.indexRecords(ctx, t, live, docs); err != nil {
				return err
			}
		}
	}
	return nil
}

// repoint lets fields that point to a record point to another.
func (t *tx) repoint(ctx context.Context, from int64, to *recordRow, m *storedMerge) error {
	rows, err := all(ctx, t, "read what points to it", func(r scanner) (x moved, err error) {
		x.From = from
		return x, r.Scan(&x.No, &x.Field)
	}, "SELECT record_no, field FROM record_relations WHERE target_no = $1 ORDER BY record_no, field", from)
	if err != nil || len(rows) == 0 {
		return err
	}
	m.body.Moved["relations"] = append(m.body.Moved["relations"], rows...)
	if _, err := t.exec(ctx, "point to the other", "UPDATE record_relations SET target_no = $2 WHERE target_no = $1", from, to.no); err != nil {
		return err
	}
	nos := make([]int64, len(rows))
	for i, x := range rows {
		nos[i] = x.No
	}
	return t.showAnew(ctx, to.WorkspaceID, nos)
}

// showAnew counts the version of records on and tells of them: something of them is
// shown differently.
func (t *tx) showAnew(ctx context.Context, w crm.WorkspaceID, nos []int64) error {
	slices.Sort(nos)
	for piece := range slices.Chunk(slices.Compact(nos), changePiece) {
		rows, err := t.recordsLocked(ctx, w, piece...)
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(rows, func(r *recordRow) bool { return r.DeletedAt != nil })
		n := len(rows)
		changed, versions := make([]int64, n), make([]int64, n)
		for i, r := range rows {
			changed[i], versions[i] = r.no, r.Version+1
			t.recordTold(fact.RecordChanged, r, true)
		}
		if err := t.update(ctx, "count versions", "records", n, column{"no", changed}, column{"version", versions}, column{"updated_at", times(n, t.now)}); err != nil {
			return err
		}
	}
	return nil
}

// putMerge stores a merge.
func (t *tx) putMerge(ctx context.Context, c access.Caller, m *storedMerge) (err error) {
	m.no, err = one(ctx, t, "insert merge", scanInt, "INSERT INTO record_merges (id, workspace_id, survivor_no, by_user, at, body) VALUES "+marks(1, 6)+" RETURNING no",
		string(m.id), string(c.Workspace), m.survivor, string(c.UserID), t.now, clean(jsonText(m.body)))
	if err != nil {
		return err
	}
	n := len(m.body.Gone) + 1
	gone := times(n, true)
	gone[n-1] = false
	return t.insert(ctx, "insert merged", "merged_records", n, "", column{"record_no", append(slices.Clone(m.body.Gone), m.survivor)}, column{"merge_no", times(n, m.no)}, column{"gone", gone})
}

// mergesShown reads merges with the names of their records.
func (s *Store) mergesShown(ctx context.Context, from source, where string, args ...any) ([]merging.Merge, error) {
	at := map[int64]int{}
	var list []merging.Merge
	err := each(ctx, from, "read merges", func(r scanner) error {
		var m merging.Merge
		var no, when int64
		var undone *int64
		err := r.Scan(&no, &m.ID, &m.By.ID, &m.By.Name, &when, &undone)
		m.At, m.UndoneAt = clock(when), clockPtr(undone)
		at[no] = len(list)
		list = append(list, m)
		return err
	}, "SELECT m.no, m.id, m.by_user, COALESCE(u.name, ''), m.at, m.undone_at FROM record_merges m LEFT JOIN users u ON u.id = m.by_user"+where, args...)
	if err != nil || len(list) == 0 {
		return list, err
	}
	return list, each(ctx, from, "read merged records", func(r scanner) error {
		var no int64
		var gone bool
		var ref crm.RecordRef
		if err := r.Scan(&no, &gone, &ref.ID, &ref.Type, &ref.Name); err != nil {
			return err
		}
		if m := &list[at[no]]; gone {
			m.Others = append(m.Others, ref)
		} else {
			m.Into = ref
		}
		return nil
	}, "SELECT x.merge_no, x.gone, r.id, r.type, r.name FROM merged_records x JOIN records r ON r.no = x.record_no WHERE "+s.d.in("x.merge_no", 1)+" ORDER BY x.merge_no, r.no",
		s.d.list(slices.Sorted(maps.Keys(at))))
}

// Merges lists merges, the newest first.
func (s *Store) Merges(ctx context.Context, c access.Caller, record crm.RecordID, cursor string, limit int) ([]merging.Merge, string, error) {
	at, id, err := readCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	from := s.reading("merging.Merges")
	limit = pageLimit(limit)
	where, args := " WHERE m.workspace_id = $1 AND (m.at, m.id) < ($2, $3)", []any{string(c.Workspace), at, orLast(cursor, id)}
	if record != "" {
		no, err := one(ctx, from, "find record", scanInt, "SELECT no FROM records WHERE id = $1 AND workspace_id = $2", clean(string(record)), string(c.Workspace))
		if no, err = found(no, err, noRecord); err != nil {
			return nil, "", err
		}
		where, args = where+" AND m.no IN (SELECT x.merge_no FROM merged_records x WHERE x.record_no = $4)", append(args, no)
	}
	list, err := s.mergesShown(ctx, from, where+fmt.Sprintf(" ORDER BY m.at DESC, m.id DESC LIMIT %d", limit+1), args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cutPage(list, limit, func(m merging.Merge) (int64, string) { return stamp(m.At), string(m.ID) })
	return list, next, nil
}

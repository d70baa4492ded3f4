package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/records"
)

// Many records are changed in one transaction. What they were before is kept beside the
// change, so that it can be undone as far as nobody has changed them since.

// undoKept is how long changes can be undone.
const undoKept = 7 * 24 * time.Hour

// changePiece is how many records are read and written at once.
const changePiece = 500

// changedRow is what one record was before, and its version after.
type changedRow struct {
	No      int64                 `json:"n"`
	Version int64                 `json:"v"`
	Owner   crm.UserID            `json:"o,omitempty"`
	Stage   string                `json:"s,omitempty"`
	Class   crm.Class             `json:"c,omitzero"`
	Sources map[string]crm.Source `json:"f,omitempty"`
	On, Off []int64               `json:",omitempty"` // tags that were put on, taken off
}

// changeBefore is what record_changes.before holds.
type changeBefore struct {
	Deleted bool         `json:"deleted,omitempty"`
	Rows    []changedRow `json:"rows"`
}

// ChangeRecords changes many records at once, all or none.
func (s *Store) ChangeRecords(ctx context.Context, c access.Caller, m records.Many, by crm.Source, row access.Audit) (records.Changed, error) {
	nos, err := s.meant(ctx, c, m)
	if err != nil {
		return records.Changed{}, err
	}
	var done records.Changed
	err = s.write(ctx, "records.ChangeRecords", func(t *tx) error {
		change := massChange{t: t, c: c, m: m, by: by, before: changeBefore{Deleted: m.Delete}}
		if err := change.prepare(ctx); err != nil {
			return err
		}
		for piece := range slices.Chunk(nos, changePiece) {
			rows, err := t.recordsLocked(ctx, c.Workspace, piece...)
			if err != nil {
				return err
			}
			rows = slices.DeleteFunc(rows, func(r *recordRow) bool { return r.DeletedAt != nil })
			if err := change.piece(ctx, rows); err != nil {
				return err
			}
		}
		done = records.Changed{Count: len(change.before.Rows), UndoID: crm.RecordChangeID(s.newID())}
		if _, err := t.exec(ctx, "drop old changes", "DELETE FROM record_changes WHERE at < $1", t.now-undoKept.Microseconds()); err != nil {
			return err
		}
		_, err := t.exec(ctx, "insert change", "INSERT INTO record_changes (id, workspace_id, user_id, at, before) VALUES ($1, $2, $3, $4, $5)",
			string(done.UndoID), string(c.Workspace), string(c.UserID), t.now, jsonText(change.before))
		if err != nil {
			return err
		}
		row.Target, row.Detail = string(done.UndoID), fmt.Sprintf("%d records: %s", done.Count, row.Detail)
		return t.record(ctx, []access.Audit{row})
	})
	return done, err
}

// meant gives the numbers of the records that are to be changed, in order.
func (s *Store) meant(ctx context.Context, c access.Caller, m records.Many) ([]int64, error) {
	if m.All == nil {
		ids := make([]string, len(m.IDs))
		for i, id := range m.IDs {
			ids[i] = clean(string(id))
		}
		nos, err := all(ctx, s.reading("records.ChangeRecords"), "find records", scanInt,
			"SELECT no FROM records WHERE workspace_id = $1 AND deleted_at IS NULL AND "+s.d.in("id", 2)+" ORDER BY no", string(c.Workspace), s.d.list(ids))
		if err == nil && len(nos) == 0 {
			err = fault.New(fault.NotFound, "None of these records is there.")
		}
		return nos, err
	}
	l, err := s.listing(ctx, c, *m.All)
	if err != nil || l.never {
		return nil, err
	}
	at, err := l.walk(ctx, nil, records.MostChanged+1)
	if err != nil {
		return nil, err
	}
	if len(at) > records.MostChanged {
		return nil, &fault.Error{Kind: fault.Invalid, Code: "too_many", Text: fmt.Sprintf("These are more than %d records. Choose fewer at once.", records.MostChanged),
			Fields: map[string]string{"all": "chooses too many"}}
	}
	nos := make([]int64, len(at))
	for i, p := range at {
		nos[i] = p.no
	}
	slices.Sort(nos)
	return nos, nil
}

// massChange is one run of ChangeRecords.
type massChange struct {
	t      *tx
	c      access.Caller
	m      records.Many
	by     crm.Source
	add    map[int64]bool // tags, whether they are shared
	remove map[int64]bool
	before changeBefore
}

func (x *massChange) prepare(ctx context.Context) (err error) {
	if x.by.At.IsZero() {
		x.by.At = clock(x.t.now)
	}
	if x.add, err = x.t.tagNos(ctx, x.c, "add_tags", x.m.Add); err != nil {
		return err
	}
	if x.remove, err = x.t.tagNos(ctx, x.c, "remove_tags", x.m.Remove); err != nil {
		return err
	}
	if o := x.m.Set.Owner; o != nil && *o != "" {
		n, err := one(ctx, x.t, "find owner", scanInt, "SELECT COUNT(*) FROM members WHERE workspace_id = $1 AND user_id = $2", string(x.c.Workspace), clean(string(*o)))
		if err == nil && n == 0 {
			err = errNone
		}
		if err != nil {
			return refersToNone("set.owner_id", err)
		}
	}
	return nil
}

// piece changes some records, which are locked.
func (x *massChange) piece(ctx context.Context, rows []*recordRow) error {
	if x.m.Delete {
		if err := x.t.deleteRecords(ctx, rows, ""); err != nil {
			return err
		}
		for _, r := range rows {
			x.before.Rows = append(x.before.Rows, changedRow{No: r.no, Version: r.Version})
		}
		return nil
	}
	was := make([]changedRow, len(rows))
	var touched []*recordRow
	for i, r := range rows {
		was[i] = changedRow{No: r.no, Owner: r.OwnerID, Stage: r.Stage, Class: r.Class, Sources: maps.Clone(r.Sources)}
		changed, addresses, err := x.set(r)
		if err != nil {
			return err
		}
		if changed {
			r.Version++
			touched = append(touched, r)
			x.t.recordTold(fact.RecordChanged, r, addresses)
		} else {
			was[i].Sources = nil
		}
		was[i].Version = r.Version
	}
	if err := x.t.saveMany(ctx, touched); err != nil {
		return err
	}
	if err := x.tags(ctx, rows, was); err != nil {
		return err
	}
	x.before.Rows = append(x.before.Rows, was...)
	return nil
}

// set changes one record in memory.
func (x *massChange) set(r *recordRow) (changed, addresses bool, err error) {
	f := filling{t: x.t, r: r, by: x.by}
	if s := x.m.Set.Stage; s != nil {
		if stageRank(r.Type, *s) == 0 || r.Type != crm.Person && r.Type != crm.Deal {
			return false, false, badField("set.stage", "is no stage of every one of these records")
		}
		f.text("stage", &r.Stage, s, partStage)
	}
	if c := x.m.Set.Class; c != nil {
		if r.Type != crm.Person {
			return false, false, badField("set.class", "is for people")
		}
		if *c != r.Class && f.may("class") {
			r.Class = *c
			if f.note("class", 0); c.Name == "" {
				delete(r.Sources, "class")
			}
		}
	}
	if o := x.m.Set.Owner; o != nil && *o != r.OwnerID && f.may("owner") {
		r.OwnerID = *o
		f.note("owner", 0)
	}
	return len(f.changed) > 0, f.parts&partStage != 0, nil
}

// saveMany stores what many records change in: owner, stage and class.
func (t *tx) saveMany(ctx context.Context, rows []*recordRow) error {
	n := len(rows)
	nos, versions, ranks, confidences := make([]int64, n), make([]int64, n), make([]int64, n), make([]float64, n)
	owners, stages, sources := make([]string, n), make([]string, n), make([]string, n)
	classes, bys, whys := make([]string, n), make([]string, n), make([]string, n)
	for i, r := range rows {
		nos[i], versions[i], ranks[i], confidences[i] = r.no, r.Version, stageRank(r.Type, r.Stage), r.Class.Confidence
		owners[i], stages[i], sources[i] = clean(string(r.OwnerID)), r.Stage, objectText(r.Sources)
		classes[i], bys[i], whys[i] = r.Class.Name, r.Class.By, r.Class.Why
	}
	return t.update(ctx, "save many records", "records", n, column{"no", nos}, column{"owner_id", owners}, column{"stage", stages}, column{"stage_rank", ranks},
		column{"class", classes}, column{"class_confidence", confidences}, column{"class_by", bys}, column{"class_why", whys}, column{"sources", sources},
		column{"updated_at", times(n, t.now)}, column{"version", versions})
}

// tags puts tags on and takes them off, noting where that changed something.
func (x *massChange) tags(ctx context.Context, rows []*recordRow, was []changedRow) error {
	nos := make([]int64, len(rows))
	for i, r := range rows {
		nos[i] = r.no
	}
	tagged := func(tag int64) (map[int64]bool, error) {
		have := map[int64]bool{}
		list, err := all(ctx, x.t, "read tagged", scanInt, "SELECT record_no FROM record_tags WHERE tag_no = $1 AND "+x.t.s.d.in("record_no", 2), tag, x.t.s.d.list(nos))
		for _, no := range list {
			have[no] = true
		}
		return have, err
	}
	for _, tag := range slices.Sorted(maps.Keys(x.add)) {
		have, err := tagged(tag)
		if err != nil {
			return err
		}
		var missing []int64
		for i, no := range nos {
			if !have[no] {
				missing = append(missing, no)
				was[i].On = append(was[i].On, tag)
				x.toldTag(rows[i], x.add[tag])
			}
		}
		if err := x.t.putTag(ctx, tag, missing); err != nil {
			return err
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(x.remove)) {
		have, err := tagged(tag)
		if err != nil {
			return err
		}
		for i, no := range nos {
			if have[no] {
				was[i].Off = append(was[i].Off, tag)
				x.toldTag(rows[i], x.remove[tag])
			}
		}
		if _, err := x.t.exec(ctx, "take tag off", "DELETE FROM record_tags WHERE tag_no = $1 AND "+x.t.s.d.in("record_no", 2), tag, x.t.s.d.list(nos)); err != nil {
			return err
		}
	}
	return nil
}

func (x *massChange) toldTag(r *recordRow, shared bool) {
	if shared {
		x.t.recordTold(fact.RecordChanged, r, false)
	}
}

// UndoRecords puts back what ChangeRecords did, but for records changed since.
func (s *Store) UndoRecords(ctx context.Context, c access.Caller, id crm.RecordChangeID, row access.Audit) (records.Changed, error) {
	var done records.Changed
	err := s.write(ctx, "records.UndoRecords", func(t *tx) error {
		done = records.Changed{}
		n, err := t.exec(ctx, "take change", "UPDATE record_changes SET undone_at = $4 WHERE id = $1 AND workspace_id = $2 AND user_id = $3 AND undone_at IS NULL",
			clean(string(id)), string(c.Workspace), string(c.UserID), t.now)
		if err != nil {
			return err
		}
		text, err := one(ctx, t, "read change", scanText, "SELECT before FROM record_changes WHERE id = $1 AND workspace_id = $2 AND user_id = $3", clean(string(id)), string(c.Workspace), string(c.UserID))
		if text, err = found(text, err, "There is no such change, or it was too long ago."); err != nil {
			return err
		}
		if n == 0 {
			return &fault.Error{Kind: fault.Conflict, Code: "undone", Text: "This was undone already."}
		}
		var before changeBefore
		if err := json.Unmarshal([]byte(text), &before); err != nil {
			return fmt.Errorf("reading what records were before: %w", err)
		}
		for piece := range slices.Chunk(before.Rows, changePiece) {
			n, err := t.undoPiece(ctx, c, before.Deleted, piece)
			if err != nil {
				return err
			}
			done.Count += n
		}
		return t.record(ctx, []access.Audit{row})
	})
	return done, err
}

// undoPiece puts back what some records were, and says how many.
func (t *tx) undoPiece(ctx context.Context, c access.Caller, deleted bool, piece []changedRow) (int, error) {
	nos := make([]int64, len(piece))
	for i, b := range piece {
		nos[i] = b.No
	}
	rows, err := t.recordsLocked(ctx, c.Workspace, nos...)
	if err != nil {
		return 0, err
	}
	at := make(map[int64]*recordRow, len(rows))
	for _, r := range rows {
		at[r.no] = r
	}
	var same []*recordRow
	count := 0
	for _, b := range piece {
		r := at[b.No]
		if r == nil {
			continue
		}
		unchanged := r.Version == b.Version && (r.DeletedAt != nil) == deleted
		if unchanged && !deleted && b.Sources != nil {
			stage := r.Stage != b.Stage
			r.OwnerID, r.Stage, r.Class, r.Sources = b.Owner, b.Stage, b.Class, b.Sources
			r.Version++
			t.recordTold(fact.RecordChanged, r, stage)
		}
		if unchanged && (deleted || b.Sources != nil) {
			same = append(same, r)
		}
		back, err := t.undoTags(ctx, r, b)
		if err != nil {
			return 0, err
		}
		if back || unchanged && (deleted || b.Sources != nil) {
			count++
		}
	}
	if deleted {
		return count, t.restoreRecords(ctx, same)
	}
	return count, t.saveMany(ctx, same)
}

// undoTags takes off tags that were put on and the other way round, those that are
// still there.
func (t *tx) undoTags(ctx context.Context, r *recordRow, b changedRow) (bool, error) {
	for _, tag := range b.On {
		if _, err := t.exec(ctx, "take tag off", "DELETE FROM record_tags WHERE tag_no = $1 AND record_no = $2", tag, r.no); err != nil {
			return false, err
		}
	}
	for _, tag := range b.Off {
		if err := t.putTag(ctx, tag, []int64{r.no}); err != nil {
			return false, err
		}
	}
	if len(b.On)+len(b.Off) == 0 {
		return false, nil
	}
	shared, err := one(ctx, t, "are tags shared", scanInt, "SELECT COUNT(*) FROM tags WHERE owner_id = '' AND "+t.s.d.in("no", 1), t.s.d.list(append(slices.Clone(b.On), b.Off...)))
	if shared > 0 {
		t.recordTold(fact.RecordChanged, r, false)
	}
	return true, err
}

package store

import (
	"context"
	"errors"
	"maps"
	"slices"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/records"
)

var _ records.Store = (*Store)(nil)

// RecordOf reads a record, a deleted one too; not one whose type is gone.
func (s *Store) RecordOf(ctx context.Context, c access.Caller, id crm.RecordID) (crm.Record, error) {
	return s.recordShown(ctx, c, s.steady("records.RecordOf"), id)
}

func (s *Store) recordShown(ctx context.Context, c access.Caller, from source, id crm.RecordID) (crm.Record, error) {
	no, err := one(ctx, from, "find record", scanInt, "SELECT r.no FROM records r JOIN object_types o ON o.no = r.list_no AND o.deleted_at IS NULL WHERE r.id = $1 AND r.workspace_id = $2",
		clean(string(id)), string(c.Workspace))
	if _, err = found(no, err, noRecord); err != nil {
		return crm.Record{}, err
	}
	list, err := s.recordsShown(ctx, c, from, []int64{no})
	if err == nil && len(list) == 0 {
		return crm.Record{}, fault.New(fault.NotFound, noRecord)
	}
	if err != nil {
		return crm.Record{}, err
	}
	return list[0], nil
}

// RecordByExternal finds a record that is not deleted by its id in another system; one
// that was merged leads to where it went.
func (s *Store) RecordByExternal(ctx context.Context, c access.Caller, system, id string) (crm.Record, error) {
	from := s.steady("records.RecordByExternal")
	no, err := one(ctx, from, "find record", scanInt, `SELECT r.no FROM external_ids x JOIN records r ON r.no = x.record_no AND (r.deleted_at IS NULL OR r.merged_into <> '')
		WHERE x.workspace_id = $1 AND x.system = $2 AND x.external_id = $3`, string(c.Workspace), clean(system), clean(id))
	if err == nil {
		no, err = survivorOf(ctx, from, no)
	}
	if _, err = found(no, err, noRecord); err != nil {
		return crm.Record{}, err
	}
	list, err := s.recordsShown(ctx, c, from, []int64{no})
	if err == nil && (len(list) == 0 || list[0].DeletedAt != nil) {
		return crm.Record{}, fault.New(fault.NotFound, noRecord)
	}
	if err != nil {
		return crm.Record{}, err
	}
	return list[0], nil
}

// shownIn reads a record that the transaction has written.
func (t *tx) shownIn(ctx context.Context, c access.Caller, no int64) (crm.Record, error) {
	list, err := t.s.recordsShown(ctx, c, t, []int64{no})
	if err == nil && len(list) == 0 {
		err = errNone
	}
	if err != nil {
		return crm.Record{}, err
	}
	return list[0], nil
}

// CreateRecord stores a new record.
func (s *Store) CreateRecord(ctx context.Context, c access.Caller, n records.NewRecord, row access.Audit) (crm.Record, error) {
	var made crm.Record
	err := s.write(ctx, "records.CreateRecord", func(t *tx) error {
		list, err := t.listOf(ctx, c.Workspace, crm.RecordType(clean(string(n.Type))))
		if fault.Is(err, fault.NotFound) {
			return badField("type", "is no type of records")
		}
		if err != nil {
			return err
		}
		wish, err := n.Wish(list.ObjectType)
		if err != nil {
			return err
		}
		r, err := t.makeRecord(ctx, c.Workspace, list.Key, n.Maker, n.By, wish)
		if err != nil {
			return err
		}
		if _, err := t.putTags(ctx, c, r, wish.Tags); err != nil {
			return err
		}
		row.Target = string(r.ID)
		if err := t.record(ctx, []access.Audit{row}); err != nil {
			return err
		}
		made, err = t.shownIn(ctx, c, r.no)
		return err
	})
	return made, err
}

// lockedByID reads a record by its id under a lock.
func (t *tx) lockedByID(ctx context.Context, w crm.WorkspaceID, id crm.RecordID) (*recordRow, *recordList, error) {
	no, err := one(ctx, t, "find record", scanInt, "SELECT no FROM records WHERE id = $1 AND workspace_id = $2", clean(string(id)), string(w))
	var r *recordRow
	if err == nil {
		r, err = t.recordLocked(ctx, w, no)
	}
	if r, err = found(r, err, noRecord); err != nil {
		return nil, nil, err
	}
	list, err := t.listByNo(ctx, w, r.list)
	if err != nil {
		return nil, nil, err
	}
	if list.DeletedAt != nil {
		return nil, nil, fault.New(fault.NotFound, noRecord)
	}
	return r, list, nil
}

// ChangeRecord lets judge see a record under a lock and say what is to be changed.
func (s *Store) ChangeRecord(ctx context.Context, c access.Caller, id crm.RecordID, by crm.Source, row access.Audit, judge func(crm.Record, crm.ObjectType) (records.Wish, error)) (crm.Record, error) {
	var after crm.Record
	err := s.write(ctx, "records.ChangeRecord", func(t *tx) error {
		r, list, err := t.lockedByID(ctx, c.Workspace, id)
		if err != nil {
			return err
		}
		wish, err := judge(r.Record, list.ObjectType)
		if err != nil {
			return err
		}
		done, err := t.fillRow(ctx, r, by, &wish)
		if err != nil {
			return err
		}
		tagged, err := t.putTags(ctx, c, r, wish.Tags)
		if err != nil {
			return err
		}
		if len(done.Changed) > 0 || tagged {
			if err := t.record(ctx, []access.Audit{row}); err != nil {
				return err
			}
		}
		after, err = t.shownIn(ctx, c, r.no)
		return err
	})
	return after, err
}

// putTags gives a record tags in place of those the caller sees, and says whether that
// changed any. Tags are not part of the version; private ones nobody is told of.
func (t *tx) putTags(ctx context.Context, c access.Caller, r *recordRow, want *[]crm.TagID) (bool, error) {
	if want == nil {
		return false, nil
	}
	tags, err := t.tagNos(ctx, c, "tag_ids", *want)
	if err != nil {
		return false, err
	}
	have := map[int64]bool{} // shared
	err = each(ctx, t, "read tags", func(row scanner) error {
		var no int64
		var shared bool
		err := row.Scan(&no, &shared)
		have[no] = shared
		return err
	}, "SELECT t.no, t.owner_id = '' FROM record_tags x JOIN tags t ON t.no = x.tag_no WHERE x.record_no = $1 AND t.workspace_id = $2 AND t.owner_id IN ('', $3)", r.no, string(c.Workspace), string(c.UserID))
	if err != nil {
		return false, err
	}
	changed, told := false, false
	for _, no := range slices.Sorted(maps.Keys(tags)) {
		if _, has := have[no]; !has {
			if err := t.putTag(ctx, no, []int64{r.no}); err != nil {
				return false, err
			}
			changed, told = true, told || tags[no]
		}
		delete(have, no)
	}
	for _, no := range slices.Sorted(maps.Keys(have)) {
		if _, err := t.exec(ctx, "take tag off", "DELETE FROM record_tags WHERE tag_no = $1 AND record_no = $2", no, r.no); err != nil {
			return false, err
		}
		changed, told = true, told || have[no]
	}
	if told {
		t.recordTold(fact.RecordChanged, r, false)
	}
	return changed, nil
}

// tagNos finds tags that the caller sees: by number, whether they are shared.
// fault.Invalid in a field for one that is not there.
func (t *tx) tagNos(ctx context.Context, c access.Caller, field string, ids []crm.TagID) (map[int64]bool, error) {
	found := map[int64]bool{}
	for _, id := range ids {
		err := each(ctx, t, "find tag", func(row scanner) error {
			var no int64
			var shared bool
			err := row.Scan(&no, &shared)
			found[no] = shared
			return err
		}, "SELECT no, owner_id = '' FROM tags WHERE id = $1 AND workspace_id = $2 AND owner_id IN ('', $3)", clean(string(id)), string(c.Workspace), string(c.UserID))
		if err != nil {
			return nil, err
		}
	}
	different := slices.Clone(ids)
	slices.Sort(different)
	if len(found) != len(slices.Compact(different)) {
		return nil, refersToNone(field, errNone)
	}
	return found, nil
}

// DeleteRecord deletes a record; its rows stay.
func (s *Store) DeleteRecord(ctx context.Context, c access.Caller, id crm.RecordID, row access.Audit, judge func(crm.Record) error) error {
	return s.write(ctx, "records.DeleteRecord", func(t *tx) error {
		r, _, err := t.lockedByID(ctx, c.Workspace, id)
		if err == nil && r.DeletedAt != nil {
			err = fault.New(fault.NotFound, noRecord)
		}
		if err == nil {
			err = judge(r.Record)
		}
		if err == nil {
			err = t.deleteRecords(ctx, []*recordRow{r}, "")
		}
		if err != nil {
			return err
		}
		return t.record(ctx, []access.Audit{row})
	})
}

// deleteRecords deletes records that were read under a lock; into is the record that
// they were merged into, "" for none.
func (t *tx) deleteRecords(ctx context.Context, rows []*recordRow, into crm.RecordID) error {
	n := len(rows)
	if n == 0 {
		return nil
	}
	nos, versions := make([]int64, n), make([]int64, n)
	at := t.now
	for i, r := range rows {
		r.Version++
		r.DeletedAt, r.MergedInto = clockPtr(&at), into
		nos[i], versions[i] = r.no, r.Version
		t.recordCounted(r.list, -1)
		t.recordTold(fact.RecordDeleted, r, true)
		t.records.told[len(t.records.told)-1].into = into
	}
	err := t.update(ctx, "delete records", "records", n, column{"no", nos}, column{"deleted_at", times(n, &at)}, column{"merged_into", times(n, string(into))},
		column{"updated_at", times(n, at)}, column{"version", versions})
	if err != nil {
		return err
	}
	return t.s.d.dropRecords(ctx, t, nos)
}

// RestoreRecord brings a deleted record back.
func (s *Store) RestoreRecord(ctx context.Context, c access.Caller, id crm.RecordID, row access.Audit) (crm.Record, error) {
	var back crm.Record
	err := s.write(ctx, "records.RestoreRecord", func(t *tx) error {
		r, _, err := t.lockedByID(ctx, c.Workspace, id)
		if err != nil {
			return err
		}
		if r.MergedInto != "" {
			return &fault.Error{Kind: fault.Conflict, Code: "merged", Text: "This record was merged into another. Undo that instead."}
		}
		if r.DeletedAt != nil {
			if err := t.restoreRecords(ctx, []*recordRow{r}); err != nil {
				return err
			}
			if err := t.record(ctx, []access.Audit{row}); err != nil {
				return err
			}
		}
		back, err = t.shownIn(ctx, c, r.no)
		return err
	})
	return back, err
}

// restoreRecords is the way back from deleteRecords.
func (t *tx) restoreRecords(ctx context.Context, rows []*recordRow) error {
	n := len(rows)
	if n == 0 {
		return nil
	}
	nos, versions, docs := make([]int64, n), make([]int64, n), make([]string, n)
	for i, r := range rows {
		r.Version++
		r.DeletedAt, r.MergedInto = nil, ""
		nos[i], versions[i], docs[i] = r.no, r.Version, listWord(r.list)+r.words()
		t.recordCounted(r.list, 1)
		t.recordTold(fact.RecordRestored, r, true)
	}
	err := t.update(ctx, "restore records", "records", n, column{"no", nos}, column{"deleted_at", make([]*int64, n)}, column{"merged_into", make([]string, n)},
		column{"updated_at", times(n, t.now)}, column{"version", versions})
	if err != nil {
		return err
	}
	return t.s.d.indexRecords(ctx, t, nos, docs)
}

// Region is where numbers without a country code are from, "" unless chosen.
func (s *Store) Region(ctx context.Context, w crm.WorkspaceID) (string, error) {
	region, err := one(ctx, s.reading("records.Region"), "read", scanText, "SELECT region FROM record_settings WHERE workspace_id = $1", string(w))
	if errors.Is(err, errNone) {
		return "", nil
	}
	return region, err
}

// SetRegion chooses it.
func (s *Store) SetRegion(ctx context.Context, w crm.WorkspaceID, region string, row access.Audit) error {
	return s.write(ctx, "records.SetRegion", func(t *tx) error {
		_, err := t.exec(ctx, "save region", "INSERT INTO record_settings (workspace_id, region) VALUES ($1, $2) ON CONFLICT (workspace_id) DO UPDATE SET region = excluded.region", string(w), region)
		if err != nil {
			return err
		}
		return t.record(ctx, []access.Audit{row})
	})
}

// putExternal notes what other systems call a record. What a deleted record is called
// goes to the one that is there.
func (t *tx) putExternal(ctx context.Context, r *recordRow, names map[string]string) (bool, error) {
	changed := false
	for _, system := range slices.Sorted(maps.Keys(names)) {
		id := clean(names[system])
		had, err := one(ctx, t, "read external id", scanText, "SELECT external_id FROM external_ids WHERE record_no = $1 AND system = $2", r.no, clean(system))
		if err != nil && !errors.Is(err, errNone) {
			return changed, err
		}
		if had == id {
			continue
		}
		changed = true
		if _, err := t.exec(ctx, "drop external id", "DELETE FROM external_ids WHERE record_no = $1 AND system = $2", r.no, clean(system)); err != nil {
			return changed, err
		}
		if id == "" {
			continue
		}
		_, err = t.exec(ctx, "free external id", `DELETE FROM external_ids WHERE workspace_id = $1 AND system = $2 AND external_id = $3
			AND EXISTS (SELECT 1 FROM records d WHERE d.no = external_ids.record_no AND d.deleted_at IS NOT NULL)`, string(r.WorkspaceID), clean(system), id)
		if err != nil {
			return changed, err
		}
		n, err := t.exec(ctx, "insert external id", "INSERT INTO external_ids (workspace_id, system, external_id, record_no) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
			string(r.WorkspaceID), clean(system), id, r.no)
		if err != nil {
			return changed, err
		}
		if n == 0 {
			return changed, &fault.Error{Kind: fault.Conflict, Code: records.CodeTaken, Text: "Another record has this id in " + clean(system) + ".",
				Fields: map[string]string{"external_ids." + clean(system): "is another record's"}}
		}
	}
	return changed, nil
}

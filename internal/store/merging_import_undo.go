package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/records/merging"
)

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

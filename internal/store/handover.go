package store

import (
	"context"
	"fmt"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/records"
)

// Records and open tasks of somebody who has left a workspace go to a successor, or to
// nobody. There may be many: each piece is a transaction, and finds what is left by whose
// it is.

// HandOver implements records.Store. It holds back changes of members meanwhile, so that
// nothing goes to a successor who leaves at the same time.
func (s *Store) HandOver(ctx context.Context, h records.HandOver, by crm.Source, most int) (more bool, err error) {
	err = s.write(ctx, "records.HandOver", func(t *tx) error {
		more = false
		if err := t.lockWorkspace(ctx, h.Workspace); err != nil {
			return err
		}
		back, err := t.isMember(ctx, h.Workspace, h.From)
		if err != nil || back {
			return err // what is a member's stays theirs
		}
		to := h.To
		if there, err := t.isMember(ctx, h.Workspace, to); err != nil {
			return err
		} else if !there {
			to = ""
		}
		left, err := t.handOverRecords(ctx, h, to, by, most)
		if err == nil && left > 0 {
			left, err = t.handOverTasks(ctx, h, to, left)
		}
		more = left == 0
		return err
	})
	return more && err == nil, err
}

func (t *tx) isMember(ctx context.Context, w crm.WorkspaceID, u crm.UserID) (bool, error) {
	n, err := one(ctx, t, "find member", scanInt, "SELECT COUNT(*) FROM members WHERE workspace_id = $1 AND user_id = $2", string(w), clean(string(u)))
	return n > 0, err
}

// ownedBy are the records of a list that somebody owns; those that are deleted may come
// back.
var ownedBy = []string{
	"FROM records WHERE list_no = $1 AND owner_id = $2 AND deleted_at IS NULL",
	"FROM records WHERE list_no = $1 AND owner_id = $2 AND deleted_at IS NOT NULL",
}

// handOverRecords gives at most some records to another owner, and says how many more
// could have been.
func (t *tx) handOverRecords(ctx context.Context, h records.HandOver, to crm.UserID, by crm.Source, most int) (left int, err error) {
	lists, err := all(ctx, t, "read lists", scanInt, "SELECT no FROM object_types WHERE workspace_id = $1 ORDER BY no", string(h.Workspace))
	if err != nil {
		return 0, err
	}
	var nos []int64
	for _, list := range lists {
		for _, owned := range ownedBy {
			if len(nos) == most {
				break
			}
			some, err := all(ctx, t, "find owned", scanInt, fmt.Sprintf("SELECT no %s LIMIT %d", owned, most-len(nos)), list, string(h.From))
			if err != nil {
				return 0, err
			}
			nos = append(nos, some...)
		}
	}
	if len(nos) == 0 {
		return most, nil
	}
	rows, err := t.recordsLocked(ctx, h.Workspace, nos...)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		f := filling{t: t, r: r, by: by}
		r.OwnerID = to
		r.Version++
		f.note("owner", 0)
		if to == "" {
			delete(r.Sources, "owner")
		}
		if r.DeletedAt == nil {
			t.recordTold(fact.RecordChanged, r, false)
		}
	}
	return most - len(nos), t.saveMany(ctx, rows)
}

// handOverTasks does the same for open tasks; done ones tell who has done them.
func (t *tx) handOverTasks(ctx context.Context, h records.HandOver, to crm.UserID, most int) (left int, err error) {
	list, err := all(ctx, t, "find tasks", scanTask, "SELECT "+taskColumns+" FROM "+taskFrom+fmt.Sprintf(" WHERE k.workspace_id = $1 AND k.assignee_id = $2 AND k.done_at IS NULL LIMIT %d", most),
		string(h.Workspace), string(h.From))
	if err != nil || len(list) == 0 {
		return most, err
	}
	ids := make([]string, len(list))
	for i, k := range list {
		ids[i] = string(k.ID)
		if k.Record != nil {
			t.recordLinked(h.Workspace, k.Record.ID)
		}
	}
	_, err = t.exec(ctx, "hand over tasks", "UPDATE tasks SET assignee_id = $1, updated_at = $2, version = version + 1 WHERE assignee_id = $3 AND done_at IS NULL AND "+t.s.d.in("id", 4),
		string(to), t.now, string(h.From), t.s.d.list(ids))
	return most - len(list), err
}

// owns counts the records and open tasks of somebody.
func (t *tx) owns(ctx context.Context, w crm.WorkspaceID, u crm.UserID) (recordCount, tasks int64, err error) {
	recordCount, err = one(ctx, t, "count owned", scanInt, "SELECT COUNT(*) FROM records r JOIN object_types o ON o.no = r.list_no WHERE o.workspace_id = $1 AND o.deleted_at IS NULL AND r.owner_id = $2 AND r.deleted_at IS NULL", string(w), string(u))
	if err == nil {
		tasks, err = one(ctx, t, "count tasks", scanInt, "SELECT COUNT(*) FROM tasks WHERE workspace_id = $1 AND assignee_id = $2 AND done_at IS NULL", string(w), string(u))
	}
	return recordCount, tasks, err
}

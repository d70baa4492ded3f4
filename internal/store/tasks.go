package store

import (
	"context"
	"errors"
	"math"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/records"
)

const (
	noTask = "There is no such task."
	// taskColumns are those of scanTask, from taskFrom. A task stays when its record is
	// deleted, and shows none then.
	taskColumns = `k.id, k.title, k.due_at, k.done_at, k.assignee_id, COALESCE(a.name, ''), k.author_id, COALESCE(u.name, ''), k.created_at, k.updated_at, k.version,
		COALESCE(r.id, ''), COALESCE(r.type, ''), COALESCE(r.name, '')`
	taskFrom = "tasks k LEFT JOIN records r ON r.no = k.record_no AND r.deleted_at IS NULL LEFT JOIN users a ON a.id = k.assignee_id LEFT JOIN users u ON u.id = k.author_id"
	// taskDue is when an open task is due, at the end for those without a date.
	taskDue = "COALESCE(k.due_at, 9223372036854775807)"
)

func scanTask(r scanner) (records.Task, error) {
	var k records.Task
	var ref crm.RecordRef
	var due, done *int64
	var created, updated int64
	err := r.Scan(&k.ID, &k.Title, &due, &done, &k.AssigneeID, &k.Assignee.Name, &k.AuthorID, &k.Author.Name, &created, &updated, &k.Version, &ref.ID, &ref.Type, &ref.Name)
	k.DueAt, k.DoneAt, k.CreatedAt, k.UpdatedAt = clockPtr(due), clockPtr(done), clock(created), clock(updated)
	k.Assignee.ID, k.Author.ID = k.AssigneeID, k.AuthorID
	if ref.ID != "" {
		k.Record = &ref
	}
	return k, err
}

// TasksOf lists tasks: open ones by when they are due, others the newest first.
func (s *Store) TasksOf(ctx context.Context, c access.Caller, q records.TaskQuery) ([]records.Task, string, error) {
	from := s.reading("records.TasksOf")
	args := []any{string(c.Workspace)}
	arg := func(v any) string { args = append(args, v); return parameter(len(args)) }
	where := "k.workspace_id = $1"
	if q.Record != "" {
		no, err := recordNo(ctx, from, c.Workspace, crm.RecordID(clean(string(q.Record))))
		if _, err = found(no, err, noRecord); err != nil {
			return nil, "", err
		}
		where += " AND k.record_no = " + arg(no)
	}
	if q.Assignee != "" {
		where += " AND k.assignee_id = " + arg(clean(string(q.Assignee)))
	}
	order, rises := "k.created_at", false
	switch q.State {
	case records.TasksOpen, records.TasksOverdue:
		order, rises = taskDue, true
		where += " AND k.done_at IS NULL"
		if q.State == records.TasksOverdue {
			where += " AND " + taskDue + " < " + arg(stamp(q.Now))
		}
	case records.TasksDone:
		order = "k.done_at"
		where += " AND k.done_at IS NOT NULL"
	}
	read, beyond, direction := readCursor, "<", " DESC"
	if rises {
		read, beyond, direction = readCursorRising, ">", ""
	}
	at, id, err := read(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	if !rises {
		id = orLast(q.Cursor, id)
	}
	limit := pageLimit(q.Limit)
	list, err := all(ctx, from, "list", scanTask, "SELECT "+taskColumns+" FROM "+taskFrom+" WHERE "+where+" AND ("+order+", k.id) "+beyond+" ("+arg(at)+", "+arg(id)+
		") ORDER BY "+order+direction+", k.id"+direction+" LIMIT "+arg(int64(limit+1)), args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cutPage(list, limit, func(k records.Task) (int64, string) {
		switch {
		case rises && k.DueAt == nil:
			return math.MaxInt64, string(k.ID)
		case rises:
			return stamp(*k.DueAt), string(k.ID)
		case q.State == records.TasksDone:
			return stamp(*k.DoneAt), string(k.ID)
		}
		return stamp(k.CreatedAt), string(k.ID)
	})
	return list, next, nil
}

// Task reads a task.
func (s *Store) Task(ctx context.Context, c access.Caller, id crm.TaskID) (records.Task, error) {
	return taskOf(ctx, s.reading("records.Task"), c, id, "")
}

func taskOf(ctx context.Context, from source, c access.Caller, id crm.TaskID, lock string) (records.Task, error) {
	k, err := one(ctx, from, "read task", scanTask, "SELECT "+taskColumns+" FROM "+taskFrom+" WHERE k.id = $1 AND k.workspace_id = $2"+lock, clean(string(id)), string(c.Workspace))
	return found(k, err, noTask)
}

// taskRecord finds the record that a task is for, nil for none.
func (t *tx) taskRecord(ctx context.Context, c access.Caller, id crm.RecordID) (*int64, error) {
	if id == "" {
		return nil, nil
	}
	no, err := recordNo(ctx, t, c.Workspace, crm.RecordID(clean(string(id))))
	if err != nil {
		return nil, refersToNone("record_id", err)
	}
	return &no, nil
}

// assignable reports an assignee who is no member.
func (t *tx) assignable(ctx context.Context, c access.Caller, u crm.UserID) error {
	if u == "" {
		return nil
	}
	n, err := one(ctx, t, "find assignee", scanInt, "SELECT COUNT(*) FROM members WHERE workspace_id = $1 AND user_id = $2", string(c.Workspace), clean(string(u)))
	if err == nil && n == 0 {
		err = errNone
	}
	if err != nil {
		return refersToNone("assignee_id", err)
	}
	return nil
}

// PutTask stores a new task, of a record or of none.
func (s *Store) PutTask(ctx context.Context, c access.Caller, record crm.RecordID, k crm.Task) (records.Task, error) {
	var made records.Task
	err := s.write(ctx, "records.PutTask", func(t *tx) error {
		no, err := t.taskRecord(ctx, c, record)
		if err == nil {
			err = t.assignable(ctx, c, k.AssigneeID)
		}
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, "insert task", `INSERT INTO tasks (id, workspace_id, record_no, title, due_at, done_at, assignee_id, author_id, created_at, updated_at, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, 1)`, string(k.ID), string(c.Workspace), no, clean(k.Title), stampPtr(k.DueAt), stampPtr(k.DoneAt), string(k.AssigneeID), string(k.AuthorID), t.now)
		if err == nil && no != nil {
			err = t.touchRecords(ctx, t.now, *no)
		}
		if err != nil {
			return err
		}
		made, err = taskOf(ctx, t, c, k.ID, "")
		t.taskTold(c, made)
		return err
	})
	return made, err
}

func (t *tx) taskTold(c access.Caller, k records.Task) {
	if k.Record != nil {
		t.recordLinked(c.Workspace, k.Record.ID)
	}
}

// ChangeTask lets change alter a task.
func (s *Store) ChangeTask(ctx context.Context, c access.Caller, id crm.TaskID, change func(*crm.Task) (*crm.RecordID, error)) (records.Task, error) {
	var after records.Task
	err := s.write(ctx, "records.ChangeTask", func(t *tx) error {
		k, err := taskOf(ctx, t, c, id, t.locked("k"))
		if err != nil {
			return err
		}
		t.taskTold(c, k)
		assignee := k.AssigneeID
		record, err := change(&k.Task)
		if err == nil && k.AssigneeID != assignee {
			err = t.assignable(ctx, c, k.AssigneeID)
		}
		if err != nil {
			return err
		}
		if record != nil {
			no, err := t.taskRecord(ctx, c, *record)
			if err != nil {
				return err
			}
			if _, err := t.exec(ctx, "move task", "UPDATE tasks SET record_no = $2 WHERE id = $1", string(k.ID), no); err != nil {
				return err
			}
		}
		_, err = t.exec(ctx, "save task", "UPDATE tasks SET title = $2, due_at = $3, done_at = $4, assignee_id = $5, updated_at = $6, version = version + 1 WHERE id = $1",
			string(k.ID), clean(k.Title), stampPtr(k.DueAt), stampPtr(k.DoneAt), string(k.AssigneeID), t.now)
		if err != nil {
			return err
		}
		after, err = taskOf(ctx, t, c, id, "")
		t.taskTold(c, after)
		return err
	})
	return after, err
}

// DropTask deletes a task.
func (s *Store) DropTask(ctx context.Context, c access.Caller, id crm.TaskID, row access.Audit) error {
	return s.write(ctx, "records.DropTask", func(t *tx) error {
		k, err := taskOf(ctx, t, c, id, t.locked("k"))
		if err != nil {
			return err
		}
		n, err := t.exec(ctx, "delete task", "DELETE FROM tasks WHERE id = $1", string(k.ID))
		if err == nil && n == 0 {
			err = errNone
		}
		if errors.Is(err, errNone) {
			return fault.New(fault.NotFound, noTask)
		}
		if err != nil {
			return err
		}
		t.taskTold(c, k)
		return t.record(ctx, []access.Audit{row})
	})
}

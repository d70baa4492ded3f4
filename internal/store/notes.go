package store

import (
	"context"
	"encoding/json"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/records"
)

const (
	noNote = "There is no such note."
	// noteColumns are those of scanNote, from noteFrom: notes of records that are there.
	noteColumns = "n.id, n.text, n.author_id, COALESCE(u.name, ''), n.created_at, n.updated_at, r.id, r.type, r.name"
	noteFrom    = "notes n JOIN records r ON r.no = n.record_no AND r.deleted_at IS NULL LEFT JOIN users u ON u.id = n.author_id"
)

func scanNote(r scanner) (records.Note, error) {
	var n records.Note
	var created, updated int64
	err := r.Scan(&n.ID, &n.Text, &n.AuthorID, &n.Author.Name, &created, &updated, &n.Record.ID, &n.Record.Type, &n.Record.Name)
	n.CreatedAt, n.UpdatedAt, n.Author.ID = clock(created), clock(updated), n.AuthorID
	return n, err
}

// NotesOf lists the notes of a record, the newest first.
func (s *Store) NotesOf(ctx context.Context, c access.Caller, record crm.RecordID, cursor string, limit int) ([]records.Note, string, error) {
	at, id, err := readCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	from := s.reading("records.NotesOf")
	no, err := recordNo(ctx, from, c.Workspace, crm.RecordID(clean(string(record))))
	if _, err = found(no, err, noRecord); err != nil {
		return nil, "", err
	}
	limit = pageLimit(limit)
	list, err := all(ctx, from, "list", scanNote, "SELECT "+noteColumns+" FROM "+noteFrom+
		" WHERE n.record_no = $1 AND (n.created_at, n.id) < ($2, $3) ORDER BY n.created_at DESC, n.id DESC LIMIT $4", no, at, orLast(cursor, id), int64(limit+1))
	if err != nil {
		return nil, "", err
	}
	list, next := cutPage(list, limit, func(n records.Note) (int64, string) { return stamp(n.CreatedAt), string(n.ID) })
	return list, next, nil
}

// orLast is the id of a cursor; without one it is behind all ids.
func orLast(cursor, id string) string {
	if cursor == "" {
		return "\U0010FFFF"
	}
	return id
}

// cutPage is pageOf where the place is a number.
func cutPage[T any](list []T, limit int, at func(T) (int64, string)) ([]T, string) {
	if len(list) <= limit {
		return list, ""
	}
	n, id := at(list[limit-1])
	return list[:limit], writeCursor(n, id)
}

// recordLinked tells that the timeline of a record has changed.
func (t *tx) recordLinked(w crm.WorkspaceID, id crm.RecordID) {
	t.fact(fact.Fact{Kind: fact.RecordLinked, WorkspaceID: w, Data: json.RawMessage(jsonText(map[string]any{"ids": []crm.RecordID{id}}))})
}

// PutNote stores a new note on a record.
func (s *Store) PutNote(ctx context.Context, c access.Caller, record crm.RecordID, n crm.Note) (records.Note, error) {
	var made records.Note
	err := s.write(ctx, "records.PutNote", func(t *tx) error {
		no, err := recordNo(ctx, t, c.Workspace, crm.RecordID(clean(string(record))))
		if _, err = found(no, err, noRecord); err != nil {
			return err
		}
		_, err = t.exec(ctx, "insert note", "INSERT INTO notes (id, workspace_id, record_no, text, author_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6)",
			string(n.ID), string(c.Workspace), no, clean(n.Text), string(n.AuthorID), t.now)
		if err != nil {
			return err
		}
		if err := t.touchRecords(ctx, t.now, no); err != nil {
			return err
		}
		made, err = t.noteOf(ctx, c, n.ID, "")
		t.recordLinked(c.Workspace, made.Record.ID)
		return err
	})
	return made, err
}

func (t *tx) noteOf(ctx context.Context, c access.Caller, id crm.NoteID, lock string) (records.Note, error) {
	n, err := one(ctx, t, "read note", scanNote, "SELECT "+noteColumns+" FROM "+noteFrom+" WHERE n.id = $1 AND n.workspace_id = $2"+lock, clean(string(id)), string(c.Workspace))
	return found(n, err, noNote)
}

// locked ends a SELECT that takes the rows of one table of several for writing.
func (t *tx) locked(table string) string {
	if lock := t.s.d.forUpdate(); lock != "" {
		return lock + " OF " + table
	}
	return ""
}

// ChangeNote lets change alter a note.
func (s *Store) ChangeNote(ctx context.Context, c access.Caller, id crm.NoteID, change func(*crm.Note) error) (records.Note, error) {
	var after records.Note
	err := s.write(ctx, "records.ChangeNote", func(t *tx) (err error) {
		if after, err = t.noteOf(ctx, c, id, t.locked("n")); err != nil {
			return err
		}
		if err := change(&after.Note); err != nil {
			return err
		}
		after.UpdatedAt = clock(t.now)
		t.recordLinked(c.Workspace, after.Record.ID)
		_, err = t.exec(ctx, "save note", "UPDATE notes SET text = $2, updated_at = $3 WHERE id = $1", string(after.ID), clean(after.Text), t.now)
		return err
	})
	return after, err
}

// DropNote deletes a note that judge lets go.
func (s *Store) DropNote(ctx context.Context, c access.Caller, id crm.NoteID, row access.Audit, judge func(crm.Note) error) error {
	return s.write(ctx, "records.DropNote", func(t *tx) error {
		n, err := t.noteOf(ctx, c, id, t.locked("n"))
		if err != nil {
			return err
		}
		if err := judge(n.Note); err != nil {
			return err
		}
		if _, err := t.exec(ctx, "delete note", "DELETE FROM notes WHERE id = $1", string(n.ID)); err != nil {
			return err
		}
		t.recordLinked(c.Workspace, n.Record.ID)
		return t.record(ctx, []access.Audit{row})
	})
}

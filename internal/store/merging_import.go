package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
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

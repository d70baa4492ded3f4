package store

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"rapport/internal/mail"
	"rapport/internal/work"
)

// The full-text index is written a moment after the rows: a sync is faster by
// more than half, and its transactions are short. What waits stands in
// email_index_queue, written with the rows. A search indexes what waits in the
// mailboxes it looks into before it looks, so it is right at any moment; Apply
// does the same when too much waits, so a search never waits long.

// entry is a document on its way into the index.
type entry struct {
	pos      int64
	turn     int64
	gone     bool
	document document
}

// Bounds of what waits: a piece is indexed in one transaction, and with more
// than the backlog waiting Apply indexes some itself.
const (
	indexPiece   = 250
	indexBacklog = 4000
)

// IndexPending indexes up to n messages that wait, the newest first, and gives
// how many it did. Calling it from several processes is harmless.
func (s *Store) IndexPending(ctx context.Context, n int) (int, error) {
	done := 0
	for done < n {
		k, err := s.indexSome(ctx, 0, highest(mostBoxes), min(indexPiece, n-done))
		done += k
		if err != nil || k == 0 {
			return done, err
		}
	}
	return done, nil
}

// KeepIndexed indexes what waits, as it comes, until ctx ends.
func (s *Store) KeepIndexed(ctx context.Context) {
	rings, stop := s.index.listen()
	defer stop()
	for {
		if _, err := s.IndexPending(work.Patient(ctx), 1<<30); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "indexing for search has to wait", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-rings:
		}
	}
}

// indexFor indexes what waits in the mailboxes a search with words looks into.
func (s *Store) indexFor(ctx context.Context, boxes []box, q *mail.Search) error {
	if q == nil || q.Root == nil || !wordy(q.Root) {
		return nil
	}
	waiting, err := one(ctx, s.reading("mail.List"), "look for waiting", scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM email_index_queue LIMIT 1) w")
	if err != nil || waiting == 0 {
		return err
	}
	for _, b := range boxes {
		for {
			n, err := s.indexSome(ctx, lowest(b.no), highest(b.no), indexPiece)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
	}
	return nil
}

// wordy reports whether a search asks for words.
func wordy(n mail.Node) bool {
	var nodes []mail.Node
	switch n := n.(type) {
	case mail.Words, mail.Address:
		return true
	case mail.Field:
		return n.Name != mail.FieldMessageID
	case mail.And:
		nodes = n.Nodes
	case mail.Or:
		nodes = n.Nodes
	case mail.Not:
		return wordy(n.Node)
	}
	for _, one := range nodes {
		if wordy(one) {
			return true
		}
	}
	return false
}

// relieve indexes some after an Apply that found a large backlog.
func (s *Store) relieve(ctx context.Context) {
	n, err := one(ctx, s.reading("mail.Apply"), "measure backlog", scanInt,
		"SELECT COUNT(*) FROM (SELECT 1 FROM email_index_queue LIMIT $1) w", int64(indexBacklog+1))
	if err == nil && n > indexBacklog {
		_, err = s.IndexPending(ctx, 4*indexPiece)
	}
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "indexing for search has to wait", "error", err)
	}
}

// indexSome indexes up to n waiting messages of a range of positions. The texts
// are read and folded before the transaction; what was noted once more meanwhile
// (its turn has changed) keeps waiting.
func (s *Store) indexSome(ctx context.Context, low, high int64, n int) (int, error) {
	documents, err := s.waiting(ctx, low, high, n)
	if err != nil || len(documents) == 0 {
		return 0, err
	}
	n = len(documents)
	err = s.write(ctx, "IndexPending", func(t *tx) error {
		pos := make([]int64, len(documents))
		for i, e := range documents {
			pos[i] = e.pos
		}
		turns := make(map[int64]int64, len(documents))
		err := each(ctx, t, "compare turns", func(r scanner) error {
			var p, turn int64
			err := r.Scan(&p, &turn)
			turns[p] = turn
			return err
		}, "SELECT pos, turn FROM email_index_queue WHERE "+s.d.in("pos", 1)+s.d.forUpdate(), s.d.list(pos))
		if err != nil {
			return err
		}
		ready := slices.DeleteFunc(documents, func(e entry) bool { return turns[e.pos] != e.turn })
		if len(ready) == 0 {
			return nil
		}
		// FTS5 gathers documents in memory as long as their numbers rise.
		slices.SortFunc(ready, func(x, y entry) int { return cmp.Compare(x.pos, y.pos) })
		if err := s.d.index(ctx, t, ready); err != nil {
			return err
		}
		done, at := make([]int64, len(ready)), make([]int64, len(ready))
		for i, e := range ready {
			done[i], at[i] = e.pos, e.turn
		}
		return s.d.remove(ctx, t, "clear queue", "email_index_queue", len(done), column{"pos", done}, column{"turn", at})
	})
	if err != nil {
		return 0, err
	}
	if err := s.d.grow(ctx, s, n); err != nil { // slower searches, no wrong ones
		s.log.WarnContext(ctx, "statistics of the search index are old", "error", err)
	}
	return n, nil
}

// waiting reads and folds messages that wait.
func (s *Store) waiting(ctx context.Context, low, high int64, n int) ([]entry, error) {
	type text struct {
		entry
		subject, fromName, fromEmail, to, cc, bcc, body string
	}
	from := s.reading("IndexPending")
	rows, err := all(ctx, from, "read waiting", func(r scanner) (v text, err error) {
		err = r.Scan(&v.pos, &v.turn, &v.gone, &v.subject, &v.fromName, &v.fromEmail, &v.to, &v.cc, &v.bcc, &v.body)
		return v, err
	}, `SELECT q.pos, q.turn, e.deleted_at IS NOT NULL, e.subject, e.from_name, e.from_email, e.to_emails, e.cc, e.bcc, COALESCE(b.body_text, '')
		FROM email_index_queue q JOIN synced_emails e ON e.pos = q.pos LEFT JOIN email_bodies b ON b.pos = q.pos
		WHERE q.pos BETWEEN $1 AND $2 ORDER BY q.pos DESC LIMIT $3`, low, high, int64(n))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	pos := make([]int64, len(rows))
	for i, r := range rows {
		pos[i] = r.pos
	}
	files := map[int64][]string{}
	err = each(ctx, from, "read file names", func(r scanner) error {
		var p int64
		var name string
		err := r.Scan(&p, &name)
		files[p] = append(files[p], name)
		return err
	}, "SELECT pos, name FROM email_attachments WHERE "+s.d.in("pos", 1)+" ORDER BY pos, part_id", s.d.list(pos))
	if err != nil {
		return nil, err
	}
	documents := make([]entry, len(rows))
	for i, r := range rows {
		documents[i] = r.entry
		if !r.gone {
			documents[i].document = documentOf([...]string{
				r.subject, r.fromName + " " + r.fromEmail, addressWords(r.to), addressWords(r.cc), addressWords(r.bcc), strings.Join(files[r.pos], " \n "), r.body})
		}
	}
	return documents, nil
}

// addressWords are names and addresses of a stored list.
func addressWords(list string) string {
	var v []struct{ Name, Email string }
	if fromJSON(list, &v) != nil {
		return ""
	}
	var b strings.Builder
	for _, a := range v {
		b.WriteString(a.Name + " " + a.Email + " \n ")
	}
	return b.String()
}

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

var _ mail.Aging = (*Store)(nil)

// aging is a mailbox with the positions below which messages and texts are too old.
type aging struct {
	no              int64
	workspace       crm.WorkspaceID
	owner           crm.UserID
	open            bool
	messages, texts int64
}

func scanAging(now time.Time) func(scanner) (aging, error) {
	return func(r scanner) (aging, error) {
		var a aging
		var p crm.MailPolicy
		err := r.Scan(&a.no, &a.workspace, &a.owner, &a.open, &p.RetentionDays, &p.BodyRetentionDays)
		messages, texts := mail.Cutoffs(p, now)
		a.messages, a.texts = below(a.no, messages), below(a.no, texts)
		return a, err
	}
}

// below is the position that everything before a date is under. A second that
// flowed over stands a little later and goes a little later.
func below(no int64, date time.Time) int64 {
	if date.IsZero() {
		return lowest(no)
	}
	return secondsToPosition(no, date.Unix())
}

const agingColumns = "c.no, c.workspace_id, c.user_id, c.visibility NOT IN ('', 'private') OR " + sharesSome + ", p.retention_days, p.body_retention_days"

// Aged gives mailboxes that hold something too old. Each is asked by the ends of
// its positions, so that a mailbox without costs next to nothing.
func (s *Store) Aged(ctx context.Context, now time.Time, limit int) ([]crm.ConnectionID, error) {
	var due []crm.ConnectionID
	after := int64(0)
	for {
		var last int64
		boxes := map[int64]crm.ConnectionID{}
		list, err := all(ctx, s.reading("mail.Aged"), "list", func(r scanner) (aging, error) {
			var id crm.ConnectionID
			a, err := scanAging(now)(scanFirst{r, &id})
			boxes[a.no], last = id, a.no
			return a, err
		}, "SELECT c.id, "+agingColumns+` FROM mail_policies p JOIN google_integrations c ON c.workspace_id = p.workspace_id
			WHERE (p.retention_days > 0 OR p.body_retention_days > 0) AND c.no > $1 ORDER BY c.no LIMIT 500`, after)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			n, err := one(ctx, s.reading("mail.Aged"), "look", scanInt, `SELECT COUNT(*) FROM (
				SELECT * FROM (SELECT e.pos FROM synced_emails e WHERE e.pos >= $1 AND e.pos < $2 LIMIT 1) m UNION ALL
				SELECT * FROM (SELECT b.pos FROM email_bodies b WHERE b.pos >= $1 AND b.pos < $3 AND (b.body_text <> '' OR b.body_html <> '') LIMIT 1) t) x`,
				lowest(a.no), a.messages, a.texts)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				if due = append(due, boxes[a.no]); len(due) == limit {
					return due, nil
				}
			}
		}
		if len(list) < 500 {
			return due, nil
		}
		after = last
	}
}

// scanFirst takes one column off a row before the rest is read.
type scanFirst struct {
	scanner
	first any
}

func (s scanFirst) Scan(dest ...any) error { return s.scanner.Scan(append([]any{s.first}, dest...)...) }

// Age drops up to n messages of a mailbox that are too old, with all that hangs
// on them, and the texts of up to n others.
func (s *Store) Age(ctx context.Context, c crm.ConnectionID, now time.Time, n int) (int, error) {
	dropped := 0
	err := s.write(ctx, "mail.Age", func(t *tx) error {
		a, err := one(ctx, t, "lock connection", scanAging(now), "SELECT "+agingColumns+` FROM google_integrations c JOIN mail_policies p ON p.workspace_id = c.workspace_id
			WHERE c.id = $1`+t.s.d.forUpdate(), string(c))
		if errors.Is(err, errNone) {
			return nil
		}
		if err != nil {
			return err
		}
		messages, err := t.dropOld(ctx, c, a, n)
		if err != nil {
			return err
		}
		texts, err := t.dropTexts(ctx, a, n)
		dropped = messages + texts
		return err
	})
	if errors.Is(err, errNone) || fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return dropped, err
}

// dropOld drops the oldest messages below a position.
func (t *tx) dropOld(ctx context.Context, c crm.ConnectionID, a aging, n int) (int, error) {
	w := &sweep{t: t, connection: c, workspace: a.workspace, owner: a.owner, open: a.open, no: a.no}
	err := each(ctx, t, "read old emails", func(r scanner) error {
		var labels string
		m, h := &message{}, &held{}
		err := r.Scan(&h.pos, &h.id, &m.gmailID, &h.thread, &labels, &h.history, &h.live, &h.shown, &h.files)
		if err != nil {
			return err
		}
		h.labels, err = readList(labels)
		m.was, m.pos, m.id, m.thread, m.labels, m.history = h, h.pos, h.id, h.thread, h.labels, h.history
		w.gone, w.why = append(w.gone, m), append(w.why, mail.RetentionRule)
		return err
	}, `SELECT pos, id, gmail_id, gmail_thread_id, labels, history_id, deleted_at IS NULL, shown, has_attachments
		FROM synced_emails WHERE pos >= $1 AND pos < $2 ORDER BY pos LIMIT $3`, lowest(a.no), a.messages, int64(n))
	if err != nil {
		return 0, err
	}
	return len(w.gone), w.remove(ctx)
}

// dropTexts drops texts, the answers they stand in and the bytes of files below a
// position; who wrote to whom about what stays, and is found.
func (t *tx) dropTexts(ctx context.Context, a aging, n int) (int, error) {
	pos, err := all(ctx, t, "find old texts", scanInt, `SELECT b.pos FROM email_bodies b
		WHERE b.pos >= $1 AND b.pos < $2 AND (b.body_text <> '' OR b.body_html <> '') ORDER BY b.pos LIMIT $3`, lowest(a.no), a.texts, int64(n))
	if err != nil || len(pos) == 0 {
		return 0, err
	}
	list := t.s.d.list(pos)
	for _, step := range []struct{ what, query string }{
		{"drop texts", "DELETE FROM email_bodies WHERE " + t.s.d.in("pos", 1)},
		{"drop answers", "DELETE FROM email_raw WHERE " + t.s.d.in("pos", 1)},
		{"drop quoted lines", "UPDATE sightings SET line = '', raw = '' WHERE " + t.s.d.in("pos", 1)},
		{"drop snippets", "UPDATE synced_emails SET snippet = '' WHERE " + t.s.d.in("pos", 1)},
	} {
		if _, err := t.exec(ctx, step.what, step.query, list); err != nil {
			return 0, err
		}
	}
	if err := t.dropFileBytes(ctx, pos); err != nil {
		return 0, err
	}
	turns := make([]int64, len(pos))
	for i := range turns {
		turns[i] = 1
	}
	err = t.insert(ctx, "queue for index", "email_index_queue", len(pos), "ON CONFLICT (pos) DO UPDATE SET turn = email_index_queue.turn + 1", column{"pos", pos}, column{"turn", turns})
	if err != nil {
		return 0, fmt.Errorf("queueing old emails for the index: %w", err)
	}
	return len(pos), nil
}

package store

import (
	"context"
	"errors"
	"strconv"
	"time"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

var _ mail.Streams = (*Store)(nil)

const checkpointColumns = "mark, page, held, full_pass, pass, done"

func scanCheckpoint(r scanner) (engine.Checkpoint, error) {
	var c engine.Checkpoint
	err := r.Scan(&c.Mark, &c.Page, &c.Held, &c.Full, &c.Pass, &c.Done)
	return c, err
}

// checkpoint reads a stream's position; a stream that has not begun has the
// zero one.
func checkpoint(ctx context.Context, from source, k mail.Key, suffix string) (at engine.Checkpoint, begun bool, err error) {
	at, err = one(ctx, from, "read checkpoint", scanCheckpoint,
		"SELECT "+checkpointColumns+" FROM sync_streams WHERE integration_id = $1 AND stream = $2"+suffix, string(k.Connection), string(k.Stream))
	if errors.Is(err, errNone) {
		return engine.Checkpoint{}, false, nil
	}
	return at, true, err
}

// Load gives where a stream was left.
func (s *Store) Load(ctx context.Context, k mail.Key) (engine.Checkpoint, error) {
	at, _, err := checkpoint(ctx, s.reading("mail.Load"), k, "")
	return at, err
}

// Known gives the state of those of the ids that are stored, in the ledger, or
// kept out by rules.
func (s *Store) Known(ctx context.Context, c crm.ConnectionID, gmailIDs []string) (map[string]mail.KnownEmail, error) {
	known := make(map[string]mail.KnownEmail, len(gmailIDs))
	if len(gmailIDs) == 0 {
		return known, nil
	}
	from := s.reading("mail.Known")
	err := each(ctx, from, "read failures", func(r scanner) error {
		var id string
		err := r.Scan(&id)
		known[id] = mail.KnownEmail{Failed: true}
		return err
	}, "SELECT item_id FROM sync_failures WHERE integration_id = $1 AND "+s.d.in("item_id", 2), string(c), s.d.list(gmailIDs))
	if err != nil {
		return nil, err
	}
	err = each(ctx, from, "read excluded", func(r scanner) error {
		var id string
		err := r.Scan(&id)
		known[id] = mail.KnownEmail{Excluded: true}
		return err
	}, "SELECT gmail_id FROM excluded_emails WHERE integration_id = $1 AND "+s.d.in("gmail_id", 2), string(c), s.d.list(gmailIDs))
	if err != nil {
		return nil, err
	}
	err = each(ctx, from, "read emails", func(r scanner) error {
		var id, labels, remote string
		var k mail.KnownEmail
		var date, history int64
		err := r.Scan(&id, &labels, &remote, &history, &date, &k.Deleted)
		k.HistoryID, k.Date = uint64(history), clock(date)
		err = errors.Join(err, fromJSON(labels, &k.Shown))
		k.Labels, k.Excluded = k.Shown, k.Deleted && known[id].Excluded
		if remote != "" {
			k.Labels = nil
			err = errors.Join(err, fromJSON(remote, &k.Labels))
		}
		known[id] = k
		return err
	}, `SELECT e.gmail_id, e.labels, COALESCE(r.labels, ''), e.history_id, e.gmail_date, e.deleted_at IS NOT NULL
		FROM synced_emails e LEFT JOIN email_remote r ON r.pos = e.pos
		WHERE e.integration_id = $1 AND `+s.d.in("e.gmail_id", 2), string(c), s.d.list(gmailIDs))
	return known, err
}

// Rewind sets a stream's mark back, never forward.
func (s *Store) Rewind(ctx context.Context, k mail.Key, mark engine.Cursor) error {
	want, err := strconv.ParseUint(string(mark), 10, 64)
	if err != nil {
		return fault.New(fault.Invalid, "%q is not a history id", string(mark))
	}
	return s.write(ctx, "mail.Rewind", func(t *tx) error {
		at, begun, err := checkpoint(ctx, t, k, s.d.forUpdate())
		if err != nil || !begun || at.Full {
			return err
		}
		if now, err := strconv.ParseUint(string(at.Mark), 10, 64); err != nil || now <= want {
			return nil
		}
		at.Mark, at.Page = mark, ""
		return t.saveCheckpoint(ctx, k, at, true)
	})
}

// Restart forgets a stream's position. The number of its passes goes on.
func (s *Store) Restart(ctx context.Context, k mail.Key) error {
	return s.write(ctx, "mail.Restart", func(t *tx) error {
		at, begun, err := checkpoint(ctx, t, k, s.d.forUpdate())
		if err != nil || !begun {
			return err
		}
		return t.saveCheckpoint(ctx, k, engine.Checkpoint{Pass: at.Pass}, true)
	})
}

// saveCheckpoint stores a position and, for the history stream, shows its mark
// at the connection.
func (t *tx) saveCheckpoint(ctx context.Context, k mail.Key, at engine.Checkpoint, begun bool) error {
	var err error
	if begun {
		_, err = t.exec(ctx, "update checkpoint", `UPDATE sync_streams SET mark = $3, page = $4, held = $5, full_pass = $6, pass = $7, done = $8, updated_at = $9
			WHERE integration_id = $1 AND stream = $2`,
			string(k.Connection), string(k.Stream), string(at.Mark), string(at.Page), string(at.Held), at.Full, at.Pass, at.Done, t.now)
	} else {
		_, err = t.exec(ctx, "insert checkpoint", "INSERT INTO sync_streams (integration_id, stream, "+checkpointColumns+", updated_at) VALUES "+marks(1, 9),
			string(k.Connection), string(k.Stream), string(at.Mark), string(at.Page), string(at.Held), at.Full, at.Pass, at.Done, t.now)
	}
	if err != nil || k.Stream != crm.StreamGmailHistory {
		return err
	}
	_, err = t.exec(ctx, "show history id", "UPDATE google_integrations SET gmail_history_id = $2 WHERE id = $1 AND gmail_history_id <> $2",
		string(k.Connection), string(at.Mark))
	return err
}

// storedAtOnce is how many rows EachStored reads at a time, so that no cursor
// stays open while the caller works.
const storedAtOnce = 2000

// EachStored walks the stored, not deleted messages of a connection in gmail id
// order, with the labels Google says.
func (s *Store) EachStored(ctx context.Context, c crm.ConnectionID, yield func(gmailID string, date time.Time, labels []string) error) error {
	type stored struct {
		id, labels string
		date       int64
	}
	after := ""
	for {
		rows, err := all(ctx, s.reading("mail.EachStored"), "read", func(r scanner) (v stored, err error) {
			err = r.Scan(&v.id, &v.date, &v.labels)
			return v, err
		}, `SELECT e.gmail_id, e.gmail_date, COALESCE(r.labels, e.labels) FROM synced_emails e LEFT JOIN email_remote r ON r.pos = e.pos
			WHERE e.integration_id = $1 AND e.gmail_id > $2 AND e.deleted_at IS NULL ORDER BY e.gmail_id LIMIT $3`, string(c), after, int64(storedAtOnce))
		if err != nil {
			return err
		}
		for _, v := range rows {
			labels, err := readList(v.labels)
			if err != nil {
				return err
			}
			if err := yield(v.id, clock(v.date), labels); err != nil {
				return err
			}
		}
		if len(rows) < storedAtOnce {
			return nil
		}
		after = rows[len(rows)-1].id
	}
}

// SaveLabels replaces what is known about a mailbox's labels; it writes nothing
// when nothing changed. Labels that have been deleted are forgotten by a job.
func (s *Store) SaveLabels(ctx context.Context, c crm.ConnectionID, labels []crm.Label) error {
	before, err := s.labels(ctx, s.reading("mail.SaveLabels"), c)
	if err != nil {
		return err
	}
	if sameLabels(before, labels) {
		return nil
	}
	return s.write(ctx, "mail.SaveLabels", func(t *tx) error {
		if _, err := t.exec(ctx, "delete labels", "DELETE FROM gmail_labels WHERE integration_id = $1", string(c)); err != nil {
			return err
		}
		if err := t.labelsGone(ctx, c, before, labels); err != nil {
			return err
		}
		n := len(labels)
		of := func(get func(crm.Label) string) []string {
			v := make([]string, n)
			for i, l := range labels {
				v[i] = clean(get(l))
			}
			return v
		}
		return t.insert(ctx, "insert labels", "gmail_labels", n, "ON CONFLICT DO NOTHING",
			column{"integration_id", of(func(crm.Label) string { return string(c) })},
			column{"id", of(func(l crm.Label) string { return l.ID })},
			column{"name", of(func(l crm.Label) string { return l.Name })},
			column{"type", of(func(l crm.Label) string { return l.Type })},
			column{"text_color", of(func(l crm.Label) string { return l.TextColor })},
			column{"background_color", of(func(l crm.Label) string { return l.BackgroundColor })})
	})
}

func (s *Store) labels(ctx context.Context, from source, c crm.ConnectionID) ([]crm.Label, error) {
	return all(ctx, from, "read labels", func(r scanner) (l crm.Label, err error) {
		err = r.Scan(&l.ID, &l.Name, &l.Type, &l.TextColor, &l.BackgroundColor)
		return l, err
	}, "SELECT id, name, type, text_color, background_color FROM gmail_labels WHERE integration_id = $1 ORDER BY id", string(c))
}

func sameLabels(a, b []crm.Label) bool {
	if len(a) != len(b) {
		return false
	}
	byID := make(map[string]crm.Label, len(a))
	for _, l := range a {
		byID[l.ID] = l
	}
	for _, l := range b {
		if old, ok := byID[l.ID]; !ok || old != l {
			return false
		}
	}
	return true
}

const completenessColumns = "checked_at, google_count, rapport_count, missing, extra, relabelled, healed, unexplained, excluded"

// SaveCompleteness stores the result of a completeness check; the last 30 are kept.
func (s *Store) SaveCompleteness(ctx context.Context, k mail.Key, c crm.Completeness) error {
	return s.write(ctx, "mail.SaveCompleteness", func(t *tx) error {
		_, err := t.exec(ctx, "insert check", "INSERT INTO completeness_checks (integration_id, "+completenessColumns+") VALUES "+marks(1, 10)+`
			ON CONFLICT (integration_id, checked_at) DO UPDATE SET google_count = excluded.google_count, rapport_count = excluded.rapport_count,
				missing = excluded.missing, extra = excluded.extra, relabelled = excluded.relabelled, healed = excluded.healed, unexplained = excluded.unexplained, excluded = excluded.excluded`,
			string(k.Connection), stamp(c.CheckedAt), c.GoogleCount, c.RapportCount, c.Missing, c.Extra, c.Relabelled, c.Healed, c.Unexplained, c.Excluded)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, "forget old checks", `DELETE FROM completeness_checks WHERE integration_id = $1 AND checked_at NOT IN
			(SELECT checked_at FROM completeness_checks WHERE integration_id = $1 ORDER BY checked_at DESC LIMIT 30)`, string(k.Connection))
		return err
	})
}

// Completeness gives the last saved result.
func (s *Store) Completeness(ctx context.Context, c crm.ConnectionID) (crm.Completeness, error) {
	v, err := one(ctx, s.reading("mail.Completeness"), "read", func(r scanner) (crm.Completeness, error) {
		v := crm.Completeness{ConnectionID: c}
		var at int64
		err := r.Scan(&at, &v.GoogleCount, &v.RapportCount, &v.Missing, &v.Extra, &v.Relabelled, &v.Healed, &v.Unexplained, &v.Excluded)
		v.CheckedAt = clock(at)
		return v, err
	}, "SELECT "+completenessColumns+" FROM completeness_checks WHERE integration_id = $1 ORDER BY checked_at DESC LIMIT 1", string(c))
	return found(v, err, "The mailbox has not been checked yet.")
}

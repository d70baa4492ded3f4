package store

import (
	"context"
	"fmt"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail/export"
)

var _ export.Rows = (*Store)(nil)

// Whole reads messages with bodies, attachments and what was kept of Google's
// answer, as far as the caller sees them.
func (s *Store) Whole(ctx context.Context, c access.Caller, ids []crm.EmailID) ([]crm.Email, error) {
	list, err := s.seen(ctx, s.reading("export.Whole"), sightOf(c, 2), s.d.in("e.id", 1)+" AND e.deleted_at IS NULL", s.d.list(ids))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	at := make(map[crm.EmailID]int, len(list))
	var full []crm.EmailID
	for i, e := range list {
		if e.View.Level == crm.LevelFull {
			at[e.ID] = i
			full = append(full, e.ID)
		}
	}
	if len(full) == 0 {
		return list, nil
	}
	err = each(ctx, s.reading("export.Whole"), "read answers", func(r scanner) error {
		var id crm.EmailID
		var raw []byte
		if err := r.Scan(&id, &raw); err != nil {
			return err
		}
		list[at[id]].Raw = raw
		return nil
	}, "SELECT e.id, r.raw FROM synced_emails e JOIN email_raw r ON r.pos = e.pos WHERE "+s.d.in("e.id", 1), s.d.list(full))
	return list, err
}

// RawAfter gives messages of a connection of which Google's answer was kept, with
// what does not stand in that answer.
func (s *Store) RawAfter(ctx context.Context, c crm.ConnectionID, after int64, n int) ([]crm.Email, int64, error) {
	no, err := s.numberOf(ctx, c)
	if err != nil {
		return nil, 0, err
	}
	next := int64(0)
	list, err := all(ctx, s.reading("export.RawAfter"), "read", func(r scanner) (e crm.Email, err error) {
		var labels string
		var date, history int64
		if err := r.Scan(&next, &e.GmailID, &e.ThreadID, &labels, &date, &e.Size, &history, &e.Raw); err != nil {
			return e, err
		}
		e.Date, e.HistoryID = clock(date), uint64(history)
		e.Labels, err = readList(labels)
		return e, err
	}, `SELECT e.pos, e.gmail_id, e.gmail_thread_id, e.labels, e.gmail_date, e.size, e.history_id, r.raw
		FROM email_raw r JOIN synced_emails e ON e.pos = r.pos WHERE r.pos > $1 AND r.pos BETWEEN $2 AND $3 AND e.deleted_at IS NULL ORDER BY r.pos LIMIT $4`,
		after, lowest(no), highest(no), int64(n))
	if len(list) < n {
		next = 0
	}
	return list, next, err
}

// RawCount counts a connection's messages with Google's answer, and those without.
func (s *Store) RawCount(ctx context.Context, c crm.ConnectionID) (kept, without int64, err error) {
	no, err := s.numberOf(ctx, c)
	if err != nil {
		return 0, 0, err
	}
	count, err := one(ctx, s.reading("export.RawCount"), "count", func(r scanner) (v [2]int64, err error) { return v, r.Scan(&v[0], &v[1]) },
		`SELECT (SELECT COUNT(*) FROM email_raw r JOIN synced_emails e ON e.pos = r.pos WHERE r.pos BETWEEN $1 AND $2 AND e.deleted_at IS NULL),
			(SELECT COUNT(*) FROM synced_emails e WHERE e.pos BETWEEN $1 AND $2 AND e.deleted_at IS NULL)`, lowest(no), highest(no))
	return count[0], count[1] - count[0], err
}

// numberOf is the number of a connection.
func (s *Store) numberOf(ctx context.Context, c crm.ConnectionID) (int64, error) {
	no, err := one(ctx, s.reading("connection"), "find number", scanInt, "SELECT no FROM google_integrations WHERE id = $1", string(c))
	if err != nil {
		return 0, fmt.Errorf("finding a mailbox: %w", err)
	}
	return no, nil
}

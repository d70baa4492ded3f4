package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/mail/push"
	"rapport/internal/work"
)

var _ push.Watches = (*Store)(nil)

const watchColumns = `topic, state, expires_at, renewed_at, tried_at, error, next_step, via, notified_at, announced, published_at,
	looked_again, suspect, suspect_at, missed_at, "interval", delays`

func scanWatch(r scanner) (push.Watch, error) {
	var w push.Watch
	var expires, renewed, tried, notified, announced, published, again, suspect, suspected, missed, interval int64
	var delays string
	err := r.Scan(&w.Topic, &w.State, &expires, &renewed, &tried, &w.Error, &w.NextStep, &w.Via, &notified, &announced, &published,
		&again, &suspect, &suspected, &missed, &interval, &delays)
	w.ExpiresAt, w.RenewedAt, w.TriedAt, w.NotifiedAt, w.PublishedAt = clock(expires), clock(renewed), clock(tried), clock(notified), clock(published)
	w.Announced, w.LookedAgain, w.Suspect = uint64(announced), int(again), uint64(suspect)
	w.SuspectAt, w.MissedAt, w.Interval = clock(suspected), clock(missed), time.Duration(interval)*time.Microsecond
	return w, errors.Join(err, fromJSON(delays, &w.Delays))
}

// Watching reads what is known of a connection's notifications; the zero value when
// there never were any.
func (s *Store) Watching(ctx context.Context, id crm.ConnectionID) (push.Watch, error) {
	return watchOf(ctx, s.reading("push.Watching"), id, "")
}

func watchOf(ctx context.Context, from source, id crm.ConnectionID, suffix string) (push.Watch, error) {
	w, err := one(ctx, from, "read watch", scanWatch, "SELECT "+watchColumns+" FROM gmail_watches WHERE integration_id = $1"+suffix, string(id))
	if errors.Is(err, errNone) {
		return push.Watch{}, nil
	}
	return w, err
}

// ChangeWatch lets fn change what is known of a connection's notifications, and
// say when its next poll is.
func (s *Store) ChangeWatch(ctx context.Context, c crm.Connection, fn func(w *push.Watch) (next *time.Time)) error {
	return s.write(ctx, "push.ChangeWatch", func(t *tx) error {
		before, err := t.lockWatch(ctx, c)
		if err != nil {
			return err
		}
		after := before
		after.Delays = slices.Clone(before.Delays)
		next := fn(&after)
		if err := t.putWatch(ctx, c, before, after); err != nil {
			return err
		}
		if next == nil {
			return nil
		}
		_, err = t.exec(ctx, "store next poll", "UPDATE google_integrations SET next_poll_at = $2 WHERE id = $1 AND next_poll_at <> $2", string(c.ID), stamp(*next))
		return err
	})
}

// lockWatch takes the row of a connection for writing. It is made first, so that
// two who find none do not both make one, and the later forget the earlier.
func (t *tx) lockWatch(ctx context.Context, c crm.Connection) (push.Watch, error) {
	_, err := t.exec(ctx, "make watch", `INSERT INTO gmail_watches (integration_id, google_sub, `+watchColumns+`)
		VALUES ($1, $2, '', '', 0, 0, 0, '', '', '', 0, 0, 0, 0, 0, 0, 0, 0, 'null') ON CONFLICT DO NOTHING`, string(c.ID), c.GoogleSub)
	if err != nil {
		return push.Watch{}, err
	}
	return watchOf(ctx, t, c.ID, t.s.d.forUpdate())
}

// putWatch stores a watch that has changed, with the fact where people see it.
func (t *tx) putWatch(ctx context.Context, c crm.Connection, before, after push.Watch) error {
	if jsonText(before) == jsonText(after) {
		return nil
	}
	_, err := t.exec(ctx, "save watch", `INSERT INTO gmail_watches (integration_id, google_sub, `+watchColumns+`) VALUES `+marks(1, 19)+`
		ON CONFLICT (integration_id) DO UPDATE SET google_sub = excluded.google_sub, topic = excluded.topic, state = excluded.state, expires_at = excluded.expires_at,
			renewed_at = excluded.renewed_at, tried_at = excluded.tried_at, error = excluded.error, next_step = excluded.next_step, via = excluded.via,
			notified_at = excluded.notified_at, announced = excluded.announced, published_at = excluded.published_at, looked_again = excluded.looked_again,
			suspect = excluded.suspect, suspect_at = excluded.suspect_at, missed_at = excluded.missed_at, "interval" = excluded."interval", delays = excluded.delays`,
		string(c.ID), c.GoogleSub, after.Topic, string(after.State), stamp(after.ExpiresAt), stamp(after.RenewedAt), stamp(after.TriedAt), clean(after.Error), clean(after.NextStep),
		string(after.Via), stamp(after.NotifiedAt), int64(after.Announced), stamp(after.PublishedAt), int64(after.LookedAgain), int64(after.Suspect),
		stamp(after.SuspectAt), stamp(after.MissedAt), after.Interval.Microseconds(), jsonText(after.Delays))
	if err != nil {
		return err
	}
	now := clock(t.now)
	was, is := before.See(now), after.See(now)
	if was.Mode != is.Mode || was.State != is.State || was.Error != is.Error {
		t.fact(fact.Fact{Kind: fact.WatchChanged, WorkspaceID: c.WorkspaceID, ConnectionID: c.ID, UserID: c.UserID,
			Data: []byte(jsonText(map[string]any{"mode": is.Mode, "state": is.State}))})
	}
	return nil
}

// heard is a connection that a notification may concern.
type heard struct {
	conn  crm.Connection
	email string
	mark  uint64
	watch push.Watch
}

// addressed reads the syncing connections with one of the addresses, as they are
// told apart from one another by their ids.
func (s *Store) addressed(ctx context.Context, from source, addresses []string, watch func(crm.Connection) (push.Watch, error)) ([]heard, error) {
	list, err := all(ctx, from, "read addressed connections", func(r scanner) (h heard, err error) {
		var mark string
		err = r.Scan(&h.conn.ID, &h.conn.WorkspaceID, &h.conn.UserID, &h.conn.GoogleSub, &h.email, &mark)
		h.mark, _ = strconv.ParseUint(mark, 10, 64) // none yet: everything is news
		return h, err
	}, `SELECT id, workspace_id, user_id, google_sub, google_email, gmail_history_id FROM google_integrations
		WHERE `+s.d.in("google_email", 1)+` AND gmail_sync_enabled AND status IN ('active', 'degraded') AND provider = 'google' ORDER BY id`, s.d.list(addresses))
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].watch, err = watch(list[i].conn); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Announce notes notifications and asks for the looks that they call for.
func (s *Store) Announce(ctx context.Context, notices []push.Notice, job func(id crm.ConnectionID, due time.Time) work.Job) ([]push.Outcome, error) {
	told := map[string][]int{} // notices by address
	for i, n := range notices {
		told[n.Address] = append(told[n.Address], i)
	}
	addresses := slices.Sorted(maps.Keys(told))
	outcomes := make([]push.Outcome, len(notices))
	hear := func(list []heard, now time.Time) (changed bool, jobs []work.Job) {
		for i := range outcomes {
			outcomes[i] = push.Unknown
		}
		for k := range list {
			h := &list[k]
			h.watch.Delays = slices.Clone(h.watch.Delays)
			for _, i := range told[h.email] {
				due, new := h.watch.Hear(notices[i], h.mark, now)
				changed = changed || new
				if !due.IsZero() {
					jobs = append(jobs, job(h.conn.ID, due))
					outcomes[i] = push.Taken
				} else if outcomes[i] == push.Unknown {
					outcomes[i] = push.Known
				}
			}
		}
		return changed, jobs
	}
	from := s.reading("push.Announce")
	list, err := s.addressed(ctx, from, addresses, func(c crm.Connection) (push.Watch, error) { return watchOf(ctx, from, c.ID, "") })
	if err != nil {
		return nil, err
	}
	if changed, _ := hear(list, s.now()); !changed { // repetitions cost no transaction
		return outcomes, nil
	}
	err = s.write(ctx, "push.Announce", func(t *tx) error {
		list, err := s.addressed(ctx, t, addresses, func(c crm.Connection) (push.Watch, error) { return t.lockWatch(ctx, c) })
		if err != nil {
			return err
		}
		before := slices.Clone(list)
		_, jobs := hear(list, clock(t.now))
		for i, h := range list {
			if err := t.putWatch(ctx, h.conn, before[i].watch, h.watch); err != nil {
				return err
			}
		}
		return t.enqueue(ctx, jobs)
	})
	return outcomes, err
}

// Mark is the history id up to which a connection has been read, 0 before that
// is known.
func (s *Store) Mark(ctx context.Context, id crm.ConnectionID) (uint64, error) {
	text, err := one(ctx, s.reading("push.Mark"), "read", scanText, "SELECT gmail_history_id FROM google_integrations WHERE id = $1", string(id))
	if err != nil && !errors.Is(err, errNone) || text == "" {
		if errors.Is(err, errNone) {
			err = nil
		}
		return 0, err
	}
	mark, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("a stored history id: %w", err)
	}
	return mark, nil
}

// Overdue gives connections whose watch has to be begun, renewed or ended.
func (s *Store) Overdue(ctx context.Context, q push.OverdueQuery, after crm.ConnectionID, limit int) ([]crm.ConnectionID, error) {
	return all(ctx, s.reading("push.Overdue"), "list", func(r scanner) (id crm.ConnectionID, err error) {
		err = r.Scan(&id)
		return id, err
	}, `SELECT c.id FROM google_integrations c LEFT JOIN gmail_watches w ON w.integration_id = c.id
		WHERE c.id > $1 AND COALESCE(w.tried_at, 0) < $2 AND CASE
			WHEN c.gmail_sync_enabled AND c.status IN ('active', 'degraded') AND c.provider = 'google' AND $3 <> ''
			THEN w.integration_id IS NULL OR w.state <> 'on' OR w.topic <> $3 OR w.renewed_at < $4 OR w.expires_at < $5
			ELSE w.state = 'on' AND c.status IN ('active', 'degraded', 'paused') END
		ORDER BY c.id LIMIT $6`, string(after), stamp(q.Tried), q.Topic, stamp(q.Renewed), stamp(q.Soon), int64(limit))
}

// WatchShared reports whether another connection watches the same mailbox with
// the topic: Gmail has one watch for both.
func (s *Store) WatchShared(ctx context.Context, c crm.Connection, topic string) (bool, error) {
	n, err := one(ctx, s.reading("push.WatchShared"), "count", scanInt, `SELECT COUNT(*) FROM gmail_watches w JOIN google_integrations c ON c.id = w.integration_id
		WHERE w.google_sub = $1 AND w.integration_id <> $2 AND w.topic = $3 AND w.state = 'on' AND c.gmail_sync_enabled AND c.status IN ('active', 'degraded')`,
		c.GoogleSub, string(c.ID), topic)
	return n > 0, err
}

// TakeTurn gives holder the sole right to something until a time, or prolongs it.
func (s *Store) TakeTurn(ctx context.Context, name, holder string, now, until time.Time) (bool, error) {
	var n int64
	err := s.write(ctx, "push.TakeTurn", func(t *tx) (err error) {
		n, err = t.exec(ctx, "take turn", `INSERT INTO turns (name, holder, until) VALUES ($1, $2, $4)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE turns.holder = $2 OR turns.until <= $3`,
			name, holder, stamp(now), stamp(until))
		return err
	})
	return n > 0, err
}

// EndTurn gives a right back; one that has gone to another stays there.
func (s *Store) EndTurn(ctx context.Context, name, holder string) error {
	return s.write(ctx, "push.EndTurn", func(t *tx) error {
		_, err := t.exec(ctx, "end turn", "DELETE FROM turns WHERE name = $1 AND holder = $2", name, holder)
		return err
	})
}

// EachWatch shows what is known of each syncing connection's notifications.
func (s *Store) EachWatch(ctx context.Context, see func(push.Watch)) error {
	return each(ctx, s.reading("push.EachWatch"), "list", func(r scanner) error {
		w, err := scanWatch(r)
		if err == nil {
			see(w)
		}
		return err
	}, `SELECT COALESCE(topic, ''), COALESCE(state, 'off'), COALESCE(expires_at, 0), COALESCE(renewed_at, 0), COALESCE(tried_at, 0), COALESCE(error, ''),
			COALESCE(next_step, ''), COALESCE(via, ''), COALESCE(notified_at, 0), COALESCE(announced, 0), COALESCE(published_at, 0), COALESCE(looked_again, 0),
			COALESCE(suspect, 0), COALESCE(suspect_at, 0), COALESCE(missed_at, 0), COALESCE("interval", 0), COALESCE(delays, 'null')
		FROM google_integrations c LEFT JOIN gmail_watches w ON w.integration_id = c.id
		WHERE c.gmail_sync_enabled AND c.status IN ('active', 'degraded') AND c.provider = 'google'`)
}

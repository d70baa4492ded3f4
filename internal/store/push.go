package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
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
		if err := t.makeWatches(ctx, []heard{{conn: c}}); err != nil {
			return err
		}
		before, err := watchOf(ctx, t, c.ID, s.d.forUpdate())
		if err != nil {
			return err
		}
		after := before
		after.Delays = slices.Clone(before.Delays)
		next := fn(&after)
		if err := t.putWatches(ctx, []heard{{conn: c, before: before, watch: after}}); err != nil {
			return err
		}
		if next == nil {
			return nil
		}
		_, err = t.exec(ctx, "store next poll", "UPDATE google_integrations SET next_poll_at = $2 WHERE id = $1 AND next_poll_at <> $2", string(c.ID), stamp(*next))
		return err
	})
}

// makeWatches makes the rows of connections that have none, before they are
// locked: two who find none would both make one, and the later would forget what
// the earlier has stored.
func (t *tx) makeWatches(ctx context.Context, list []heard) error {
	n := len(list)
	empty, none, null := make([]string, n), make([]int64, n), make([]string, n)
	for i := range null {
		null[i] = "null"
	}
	columns := []column{{"integration_id", of(list, func(h heard) string { return string(h.conn.ID) })}, {"google_sub", of(list, func(h heard) string { return h.conn.GoogleSub })}}
	for _, name := range []string{"topic", "state", "error", "next_step", "via"} {
		columns = append(columns, column{name, empty})
	}
	for _, name := range []string{"expires_at", "renewed_at", "tried_at", "notified_at", "announced", "published_at", "looked_again", "suspect", "suspect_at", "missed_at", `"interval"`} {
		columns = append(columns, column{name, none})
	}
	return t.insert(ctx, "make watches", "gmail_watches", n, "ON CONFLICT DO NOTHING", append(columns, column{"delays", null})...)
}

func of[T any](list []heard, get func(heard) T) []T {
	out := make([]T, len(list))
	for i, h := range list {
		out[i] = get(h)
	}
	return out
}

// putWatches stores those that have changed, with the fact where people see it.
func (t *tx) putWatches(ctx context.Context, list []heard) error {
	list = slices.DeleteFunc(slices.Clone(list), func(h heard) bool { return jsonText(h.before) == jsonText(h.watch) })
	text := func(name string, get func(push.Watch) string) column {
		return column{name, of(list, func(h heard) string { return get(h.watch) })}
	}
	number := func(name string, get func(push.Watch) int64) column {
		return column{name, of(list, func(h heard) int64 { return get(h.watch) })}
	}
	columns := []column{
		{"integration_id", of(list, func(h heard) string { return string(h.conn.ID) })}, {"google_sub", of(list, func(h heard) string { return h.conn.GoogleSub })},
		text("topic", func(w push.Watch) string { return w.Topic }), text("state", func(w push.Watch) string { return string(w.State) }),
		number("expires_at", func(w push.Watch) int64 { return stamp(w.ExpiresAt) }), number("renewed_at", func(w push.Watch) int64 { return stamp(w.RenewedAt) }),
		number("tried_at", func(w push.Watch) int64 { return stamp(w.TriedAt) }), text("error", func(w push.Watch) string { return clean(w.Error) }),
		text("next_step", func(w push.Watch) string { return clean(w.NextStep) }), text("via", func(w push.Watch) string { return string(w.Via) }),
		number("notified_at", func(w push.Watch) int64 { return stamp(w.NotifiedAt) }), number("announced", func(w push.Watch) int64 { return int64(w.Announced) }),
		number("published_at", func(w push.Watch) int64 { return stamp(w.PublishedAt) }), number("looked_again", func(w push.Watch) int64 { return int64(w.LookedAgain) }),
		number("suspect", func(w push.Watch) int64 { return int64(w.Suspect) }), number("suspect_at", func(w push.Watch) int64 { return stamp(w.SuspectAt) }),
		number("missed_at", func(w push.Watch) int64 { return stamp(w.MissedAt) }), number(`"interval"`, func(w push.Watch) int64 { return w.Interval.Microseconds() }),
		text("delays", func(w push.Watch) string { return jsonText(w.Delays) }),
	}
	sets := make([]string, 0, len(columns)-1)
	for _, c := range columns[1:] {
		sets = append(sets, c.name+" = excluded."+c.name)
	}
	if err := t.insert(ctx, "save watches", "gmail_watches", len(list), "ON CONFLICT (integration_id) DO UPDATE SET "+strings.Join(sets, ", "), columns...); err != nil {
		return err
	}
	for _, h := range list {
		was, is := h.before.See(clock(t.now)), h.watch.See(clock(t.now))
		if was.Mode != is.Mode || was.State != is.State || was.Error != is.Error {
			t.fact(fact.Fact{Kind: fact.WatchChanged, WorkspaceID: h.conn.WorkspaceID, ConnectionID: h.conn.ID, UserID: h.conn.UserID,
				Data: []byte(jsonText(map[string]any{"mode": is.Mode, "state": is.State}))})
		}
	}
	return nil
}

// heard is a connection that a notification may concern.
type heard struct {
	conn   crm.Connection
	email  string
	mark   uint64
	before push.Watch // as stored
	watch  push.Watch
}

// addressed reads the syncing connections with one of the addresses, with what
// is known of their watches; join is how that is found.
func (s *Store) addressed(ctx context.Context, from source, addresses []string, join, suffix string) ([]heard, error) {
	return all(ctx, from, "read addressed connections", func(r scanner) (h heard, err error) {
		var mark string
		h.watch, err = scanWatch(scanInto(func(dest ...any) error {
			return r.Scan(append([]any{&h.conn.ID, &h.conn.WorkspaceID, &h.conn.UserID, &h.conn.GoogleSub, &h.email, &mark}, dest...)...)
		}))
		h.mark, _ = strconv.ParseUint(mark, 10, 64) // none yet: everything is news
		h.before = h.watch
		h.watch.Delays = slices.Clone(h.watch.Delays)
		return h, err
	}, `SELECT c.id, c.workspace_id, c.user_id, c.google_sub, c.google_email, c.gmail_history_id, `+watchOrNone+`
		FROM google_integrations c `+join+` gmail_watches w ON w.integration_id = c.id
		WHERE `+s.d.in("c.google_email", 1)+` AND c.gmail_sync_enabled AND c.status IN ('active', 'degraded') AND c.provider = 'google' ORDER BY c.id`+suffix, s.d.list(addresses))
}

// watchOrNone are the columns of a watch that may not be there.
const watchOrNone = `COALESCE(w.topic, ''), COALESCE(w.state, ''), COALESCE(w.expires_at, 0), COALESCE(w.renewed_at, 0), COALESCE(w.tried_at, 0), COALESCE(w.error, ''),
	COALESCE(w.next_step, ''), COALESCE(w.via, ''), COALESCE(w.notified_at, 0), COALESCE(w.announced, 0), COALESCE(w.published_at, 0), COALESCE(w.looked_again, 0),
	COALESCE(w.suspect, 0), COALESCE(w.suspect_at, 0), COALESCE(w.missed_at, 0), COALESCE(w."interval", 0), COALESCE(w.delays, 'null')`

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
	found, err := s.addressed(ctx, s.reading("push.Announce"), addresses, "LEFT JOIN", "")
	if err != nil {
		return nil, err
	}
	if changed, _ := hear(found, s.now()); !changed { // repetitions cost no transaction
		return outcomes, nil
	}
	err = s.write(ctx, "push.Announce", func(t *tx) error {
		fresh := slices.DeleteFunc(slices.Clone(found), func(h heard) bool { return !h.before.TriedAt.IsZero() || h.before.Announced > 0 })
		if err := t.makeWatches(ctx, fresh); err != nil {
			return err
		}
		suffix := s.d.forUpdate()
		if suffix != "" {
			suffix += " OF w"
		}
		list, err := s.addressed(ctx, t, addresses, "JOIN", suffix)
		if err != nil {
			return err
		}
		_, jobs := hear(list, clock(t.now))
		if err := t.putWatches(ctx, list); err != nil {
			return err
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
	}, "SELECT "+watchOrNone+`
		FROM google_integrations c LEFT JOIN gmail_watches w ON w.integration_id = c.id
		WHERE c.gmail_sync_enabled AND c.status IN ('active', 'degraded') AND c.provider = 'google'`)
}

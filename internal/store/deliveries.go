package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/webhooks"
)

// Deliveries of a webhook about one object go in their order: the first that is
// live waits or is sent, the others are held. Whoever adds or ends deliveries of a
// webhook has its row locked.

const (
	noDelivery      = "There is no such delivery. The log goes back 30 days."
	deliveryColumns = `d.no, d.id, d.webhook_id, d.workspace_id, d.integration_id, d.user_id, d.event, d.object, d.data, d.at, d.created_at, d.state, d.due_at,
		d.attempts, d.finished_at, d.status, d.error, d.holder, d.lease_until`
)

func scanDelivery(r scanner) (webhooks.Delivery, error) {
	var d webhooks.Delivery
	var data string
	var at, created, due, lease int64
	var finished *int64
	err := r.Scan(&d.No, &d.ID, &d.WebhookID, &d.WorkspaceID, &d.ConnectionID, &d.UserID, &d.Event, &d.Object, &data, &at, &created, &d.State, &due,
		&d.Attempts, &finished, &d.Status, &d.Error, &d.Holder, &lease)
	d.At, d.CreatedAt, d.DueAt, d.LeaseUntil, d.FinishedAt = clock(at), clock(created), clock(due), clock(lease), clockPtr(finished)
	if data != "" {
		d.Data = json.RawMessage(data)
	}
	return d, err
}

// AddDeliveries stores new deliveries; those known by their id, or of webhooks that
// are gone, are left out.
func (s *Store) AddDeliveries(ctx context.Context, list []webhooks.Delivery) error {
	if len(list) == 0 {
		return nil
	}
	of := map[crm.WebhookID][]webhooks.Delivery{}
	for _, d := range list {
		of[d.WebhookID] = append(of[d.WebhookID], d)
	}
	return s.write(ctx, "webhooks.AddDeliveries", func(t *tx) error {
		for _, id := range slices.Sorted(maps.Keys(of)) { // two lock in the same order
			_, err := t.webhookLocked(ctx, id)
			if errors.Is(err, errNone) {
				continue
			}
			if err == nil {
				err = t.addDeliveries(ctx, of[id])
			}
			if err == nil {
				err = t.advance(ctx, id, objectsOf(of[id]))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func objectsOf(list []webhooks.Delivery) []string {
	var objects []string
	for _, d := range list {
		objects = append(objects, d.Object)
	}
	slices.Sort(objects)
	return slices.Compact(objects)
}

func (t *tx) addDeliveries(ctx context.Context, list []webhooks.Delivery) error {
	n := len(list)
	of := func(name string, get func(*webhooks.Delivery) string) column {
		v := make([]string, n)
		for i := range list {
			v[i] = get(&list[i])
		}
		return column{name, v}
	}
	times := func(name string, get func(*webhooks.Delivery) int64) column {
		v := make([]int64, n)
		for i := range list {
			v[i] = get(&list[i])
		}
		return column{name, v}
	}
	none := func(*webhooks.Delivery) int64 { return 0 }
	live := make([]bool, n)
	for i := range live {
		live[i] = true
	}
	return t.insert(ctx, "insert deliveries", "webhook_deliveries", n, "ON CONFLICT (id) DO NOTHING",
		of("id", func(d *webhooks.Delivery) string { return string(d.ID) }),
		of("webhook_id", func(d *webhooks.Delivery) string { return string(d.WebhookID) }),
		of("workspace_id", func(d *webhooks.Delivery) string { return string(d.WorkspaceID) }),
		of("integration_id", func(d *webhooks.Delivery) string { return string(d.ConnectionID) }),
		of("user_id", func(d *webhooks.Delivery) string { return string(d.UserID) }),
		of("event", func(d *webhooks.Delivery) string { return d.Event }),
		of("object", func(d *webhooks.Delivery) string { return d.Object }),
		of("data", func(d *webhooks.Delivery) string { return string(d.Data) }),
		times("at", func(d *webhooks.Delivery) int64 { return stamp(d.At) }),
		times("created_at", func(d *webhooks.Delivery) int64 { return stamp(d.CreatedAt) }),
		of("state", func(*webhooks.Delivery) string { return string(webhooks.Held) }),
		column{"live", live},
		times("due_at", func(d *webhooks.Delivery) int64 { return stamp(d.DueAt) }),
		times("attempts", none), times("status", none),
		of("error", func(*webhooks.Delivery) string { return "" }), of("holder", func(*webhooks.Delivery) string { return "" }), times("lease_until", none))
}

// advance lets the first held delivery about each object go, where none is ahead of it.
func (t *tx) advance(ctx context.Context, id crm.WebhookID, objects []string) error {
	n, err := t.exec(ctx, "advance deliveries", `UPDATE webhook_deliveries SET state = 'waiting' WHERE webhook_id = $1 AND live AND state = 'held' AND `+t.s.d.in("object", 2)+`
		AND no = (SELECT MIN(f.no) FROM webhook_deliveries f WHERE f.webhook_id = $1 AND f.live AND f.object = webhook_deliveries.object AND f.state = 'held')
		AND NOT EXISTS (SELECT 1 FROM webhook_deliveries p WHERE p.webhook_id = $1 AND p.live AND p.object = webhook_deliveries.object AND p.state IN ('waiting', 'sending'))`,
		string(id), t.s.d.list(objects))
	t.jobs = t.jobs || n > 0
	return err
}

// NextDelivery is when there may be something to claim, the zero time for never.
func (s *Store) NextDelivery(ctx context.Context) (time.Time, error) {
	var next int64
	earliest := func(at int64) {
		if next == 0 || at < next {
			next = max(at, 1)
		}
	}
	err := each(ctx, s.reading("webhooks.NextDelivery"), "look", func(r scanner) error {
		var rest int64
		var due *int64
		err := r.Scan(&rest, &due)
		if due != nil {
			earliest(max(rest, *due))
		}
		return err
	}, "SELECT h.rest_until, (SELECT MIN(d.due_at) FROM webhook_deliveries d WHERE d.webhook_id = h.id AND d.state = 'waiting') FROM webhooks h WHERE h.enabled")
	if err != nil {
		return time.Time{}, err
	}
	err = each(ctx, s.reading("webhooks.NextDelivery"), "look for lost ones", func(r scanner) error {
		var lost *int64
		err := r.Scan(&lost)
		if lost != nil {
			earliest(*lost)
		}
		return err
	}, "SELECT MIN(lease_until) FROM webhook_deliveries WHERE state = 'sending'")
	return clock(next), err
}

// ClaimDeliveries gives due deliveries of enabled webhooks to a holder, in no order
// among webhooks. Those whose holder was lost wait again.
func (s *Store) ClaimDeliveries(ctx context.Context, q webhooks.Claim) ([]webhooks.Delivery, error) {
	var claimed []webhooks.Delivery
	err := s.write(ctx, "webhooks.ClaimDeliveries", func(t *tx) error {
		claimed = nil
		if _, err := t.exec(ctx, "free lost deliveries", "UPDATE webhook_deliveries SET state = 'waiting', holder = '', lease_until = 0 WHERE state = 'sending' AND lease_until <= $1", stamp(q.Now)); err != nil {
			return err
		}
		due, err := t.dueWebhooks(ctx, q)
		if err != nil {
			return err
		}
		for _, w := range due {
			if w.places = min(w.places, q.Limit-len(claimed)); w.places <= 0 {
				continue
			}
			list, err := all(ctx, t, "claim deliveries", scanDelivery, `UPDATE webhook_deliveries AS d SET state = 'sending', holder = $3, lease_until = $4
				WHERE no IN (SELECT c.no FROM webhook_deliveries c WHERE c.webhook_id = $1 AND c.state = 'waiting' AND c.due_at <= $2 ORDER BY c.due_at, c.no LIMIT $5) AND state = 'waiting'
				RETURNING `+deliveryColumnsPlain, string(w.id), stamp(q.Now), q.Holder, stamp(q.Until), int64(w.places))
			if err != nil {
				return err
			}
			claimed = append(claimed, list...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(claimed, func(a, b webhooks.Delivery) int { return int(a.No - b.No) })
	return claimed, nil
}

// deliveryColumnsPlain are those of RETURNING, where SQLite knows no alias.
const deliveryColumnsPlain = `no, id, webhook_id, workspace_id, integration_id, user_id, event, object, data, at, created_at, state, due_at,
	attempts, finished_at, status, error, holder, lease_until`

// dueWebhook is one with due deliveries, and how many of them may be begun.
type dueWebhook struct {
	id     crm.WebhookID
	places int
}

func (t *tx) dueWebhooks(ctx context.Context, q webhooks.Claim) ([]dueWebhook, error) {
	list, err := all(ctx, t, "look for due deliveries", func(r scanner) (w dueWebhook, err error) {
		var failures int64
		err = r.Scan(&w.id, &failures)
		w.places = q.PerEndpoint
		if failures > 0 {
			w.places = q.Probes
		}
		w.places -= q.Busy[w.id]
		return w, err
	}, `SELECT h.id, h.failures FROM webhooks h WHERE h.enabled AND h.rest_until <= $1
		AND EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = h.id AND d.state = 'waiting' AND d.due_at <= $1)`, stamp(q.Now))
	list = slices.DeleteFunc(list, func(w dueWebhook) bool { return w.places <= 0 })
	// Where not all find place, those go first that have least under way: many slow
	// receivers of one workspace do not hold up the others'.
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b dueWebhook) int { return cmp.Compare(q.Busy[a.id], q.Busy[b.id]) })
	return list, err
}

// attemptsKept is how many tries of a delivery the log shows.
const attemptsKept = 30

// NoteDelivery stores what became of a delivery that holder has.
func (s *Store) NoteDelivery(ctx context.Context, holder string, id crm.DeliveryID, try *webhooks.Attempt,
	judge func(*webhooks.Endpoint, *webhooks.Delivery) (webhooks.Verdict, []access.Audit)) error {
	return s.write(ctx, "webhooks.NoteDelivery", func(t *tx) error {
		d, err := one(ctx, t, "read delivery", scanDelivery, "SELECT "+deliveryColumns+" FROM webhook_deliveries d WHERE d.id = $1 AND d.state = 'sending' AND d.holder = $2", string(id), holder)
		if errors.Is(err, errNone) { // another's by now, or deleted
			return nil
		}
		if err != nil {
			return err
		}
		e, err := t.webhookLocked(ctx, d.WebhookID)
		if errors.Is(err, errNone) {
			return nil
		}
		if err != nil {
			return err
		}
		was := jsonText(e)
		verdict, rows := judge(&e, &d)
		n, err := t.saveDelivery(ctx, holder, d)
		if err != nil || n == 0 {
			return err
		}
		if try != nil {
			if err := t.saveAttempt(ctx, d.No, *try); err != nil {
				return err
			}
		}
		if jsonText(e) != was {
			if err := t.putWebhook(ctx, e); err != nil {
				return err
			}
		}
		if verdict.Disabled {
			t.webhookDisabled(e)
		}
		return t.afterNote(ctx, d, verdict.Release, rows)
	})
}

func (t *tx) afterNote(ctx context.Context, d webhooks.Delivery, release bool, rows []access.Audit) error {
	if d.State.Over() {
		if err := t.advance(ctx, d.WebhookID, []string{d.Object}); err != nil {
			return err
		}
	}
	if release {
		if err := t.release(ctx, d.WebhookID); err != nil {
			return err
		}
	}
	return t.record(ctx, rows)
}

func (t *tx) saveDelivery(ctx context.Context, holder string, d webhooks.Delivery) (int64, error) {
	return t.exec(ctx, "save delivery", `UPDATE webhook_deliveries SET state = $3, live = $4, due_at = $5, attempts = $6, finished_at = $7, status = $8, error = $9, holder = '', lease_until = 0
		WHERE no = $1 AND state = 'sending' AND holder = $2`,
		d.No, holder, string(d.State), !d.State.Over(), stamp(d.DueAt), int64(d.Attempts), stampPtr(d.FinishedAt), int64(d.Status), clean(d.Error))
}

func (t *tx) saveAttempt(ctx context.Context, no int64, a webhooks.Attempt) error {
	_, err := t.exec(ctx, "insert attempt", "INSERT INTO webhook_attempts (delivery_no, at, took, status, error, answer) VALUES ($1, $2, $3, $4, $5, $6)",
		no, stamp(a.At), a.Took.Microseconds(), int64(a.Status), clean(a.Error), clean(a.Answer))
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "drop old attempts", "DELETE FROM webhook_attempts WHERE delivery_no = $1 AND no <= (SELECT no FROM webhook_attempts WHERE delivery_no = $1 ORDER BY no DESC LIMIT 1 OFFSET $2)",
		no, int64(attemptsKept))
	return err
}

// DeliveriesOf lists the deliveries of a webhook, the newest first.
func (s *Store) DeliveriesOf(ctx context.Context, id crm.WebhookID, q webhooks.Query) ([]webhooks.Delivery, string, error) {
	before, _, err := readCursor(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageLimit(q.Limit)
	list, err := all(ctx, s.reading("webhooks.DeliveriesOf"), "list", scanDelivery, "SELECT "+deliveryColumns+` FROM webhook_deliveries d
		WHERE d.webhook_id = $1 AND d.no < $2 AND ($3 = '' OR d.state = $3) ORDER BY d.no DESC LIMIT $4`, string(id), before, string(q.State), int64(limit+1))
	if err != nil || len(list) <= limit {
		return list, "", err
	}
	last := list[limit-1].No
	return list[:limit], writeCursor(last, strconv.FormatInt(last, 10)), nil
}

// Delivery reads a delivery and its tries, the newest first.
func (s *Store) Delivery(ctx context.Context, webhook crm.WebhookID, id crm.DeliveryID) (webhooks.Delivery, []webhooks.Attempt, error) {
	d, err := one(ctx, s.reading("webhooks.Delivery"), "read", scanDelivery, "SELECT "+deliveryColumns+" FROM webhook_deliveries d WHERE d.webhook_id = $1 AND d.id = $2", string(webhook), string(id))
	if d, err = found(d, err, noDelivery); err != nil {
		return d, nil, err
	}
	tries, err := all(ctx, s.reading("webhooks.Delivery"), "read tries", func(r scanner) (a webhooks.Attempt, err error) {
		var at, took int64
		err = r.Scan(&at, &took, &a.Status, &a.Error, &a.Answer)
		a.At, a.Took = clock(at), time.Duration(took)*time.Microsecond
		return a, err
	}, "SELECT at, took, status, error, answer FROM webhook_attempts WHERE delivery_no = $1 ORDER BY no DESC", d.No)
	return d, tries, err
}

// Redeliver lets a delivery that is over be sent again.
func (s *Store) Redeliver(ctx context.Context, webhook crm.WebhookID, id crm.DeliveryID, rows ...access.Audit) (webhooks.Delivery, error) {
	var d webhooks.Delivery
	err := s.write(ctx, "webhooks.Redeliver", func(t *tx) error {
		_, err := t.webhookLocked(ctx, webhook)
		if _, err = found(webhook, err, noWebhook); err != nil {
			return err
		}
		d, err = one(ctx, t, "read delivery", scanDelivery, "SELECT "+deliveryColumns+" FROM webhook_deliveries d WHERE d.webhook_id = $1 AND d.id = $2", string(webhook), string(id))
		if d, err = found(d, err, noDelivery); err != nil {
			return err
		}
		if !d.State.Over() {
			return &fault.Error{Kind: fault.Conflict, Code: "delivery_under_way", Text: "This delivery is on its way already."}
		}
		_, err = t.exec(ctx, "revive delivery", "UPDATE webhook_deliveries SET state = 'held', live = TRUE, due_at = $2, attempts = 0, finished_at = NULL WHERE no = $1", d.No, t.now)
		if err == nil {
			err = t.advance(ctx, webhook, []string{d.Object})
		}
		if err == nil {
			err = t.record(ctx, rows)
		}
		if err == nil {
			d, err = one(ctx, t, "read it again", scanDelivery, "SELECT "+deliveryColumns+" FROM webhook_deliveries d WHERE d.no = $1", d.No)
		}
		return err
	})
	return d, err
}

// PurgeDeliveries deletes up to limit deliveries that were over before a time, or
// are over and beyond the newest of their webhook.
func (s *Store) PurgeDeliveries(ctx context.Context, before time.Time, keep, limit int) (int64, error) {
	old, err := all(ctx, s.reading("webhooks.PurgeDeliveries"), "list old", scanInt,
		"SELECT no FROM webhook_deliveries WHERE finished_at IS NOT NULL AND finished_at < $1 ORDER BY finished_at LIMIT $2", stamp(before), int64(limit))
	if err != nil {
		return 0, err
	}
	if len(old) < limit {
		many, err := all(ctx, s.reading("webhooks.PurgeDeliveries"), "list many", scanInt, `SELECT d.no FROM webhooks h JOIN webhook_deliveries d ON d.webhook_id = h.id AND NOT d.live
			AND d.no <= (SELECT k.no FROM webhook_deliveries k WHERE k.webhook_id = h.id ORDER BY k.no DESC LIMIT 1 OFFSET $1) LIMIT $2`, int64(keep), int64(limit-len(old)))
		if err != nil {
			return 0, err
		}
		old = append(old, many...)
	}
	if len(old) == 0 {
		return 0, nil
	}
	var n int64
	err = s.write(ctx, "webhooks.PurgeDeliveries", func(t *tx) error {
		if _, err := t.exec(ctx, "delete attempts", "DELETE FROM webhook_attempts WHERE "+s.d.in("delivery_no", 1), s.d.list(old)); err != nil {
			return err
		}
		n, err = t.exec(ctx, "delete deliveries", "DELETE FROM webhook_deliveries WHERE NOT live AND "+s.d.in("no", 1), s.d.list(old))
		return err
	})
	return n, err
}

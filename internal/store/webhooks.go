package store

import (
	"context"
	"encoding/json"
	"errors"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/webhooks"
)

var (
	_ webhooks.Endpoints  = (*Store)(nil)
	_ webhooks.Deliveries = (*Store)(nil)
	_ webhooks.Mail       = (*Store)(nil)
)

const (
	noWebhook      = "There is no such webhook."
	webhookColumns = `h.id, h.workspace_id, h.user_id, h.url, h.description, h.events, h.audience, h.include_body, h.enabled, h.disabled_at, h.disabled_reason,
		h.failures, h.failing_since, h.succeeded_at, h.rest_until, h.sealed_secret, h.sealed_old, h.old_until, h.created_at, h.updated_at`
	webhookWaiting = "(SELECT COUNT(*) FROM webhook_deliveries d WHERE d.webhook_id = h.id AND d.live)"
)

func scanWebhookAnd(r scanner, more ...any) (webhooks.Endpoint, error) {
	var e webhooks.Endpoint
	var events string
	var disabled, failing, succeeded *int64
	var rest, old, created, updated int64
	err := r.Scan(append([]any{&e.ID, &e.WorkspaceID, &e.UserID, &e.URL, &e.Description, &events, &e.Audience, &e.IncludeBody, &e.Enabled, &disabled, &e.DisabledReason,
		&e.Failures, &failing, &succeeded, &rest, &e.SealedSecret, &e.SealedOld, &old, &created, &updated}, more...)...)
	e.DisabledAt, e.FailingSince, e.SucceededAt = clockPtr(disabled), clockPtr(failing), clockPtr(succeeded)
	e.RestUntil, e.OldUntil, e.CreatedAt, e.UpdatedAt = clock(rest), clock(old), clock(created), clock(updated)
	return e, errors.Join(err, fromJSON(events, &e.Events))
}

func scanWebhook(r scanner) (webhooks.Endpoint, error) { return scanWebhookAnd(r) }

func scanWebhookCounted(r scanner) (webhooks.Endpoint, error) {
	var waiting int64
	e, err := scanWebhookAnd(r, &waiting)
	e.Waiting = waiting
	return e, err
}

// PutWebhook stores a new webhook, fault.Conflict when the workspace has most already.
func (s *Store) PutWebhook(ctx context.Context, e webhooks.Endpoint, most int, rows ...access.Audit) error {
	return s.write(ctx, "webhooks.PutWebhook", func(t *tx) error {
		if err := s.d.lock(ctx, t, lockSetup); err != nil { // two at once count as two
			return err
		}
		n, err := one(ctx, t, "count webhooks", scanInt, "SELECT COUNT(*) FROM webhooks WHERE workspace_id = $1", string(e.WorkspaceID))
		if err != nil {
			return err
		}
		if n >= int64(most) {
			return &fault.Error{Kind: fault.Conflict, Code: "too_many_webhooks", Text: "This workspace has as many webhooks as it can have. Delete one first."}
		}
		if err := t.putWebhook(ctx, e); err != nil {
			return err
		}
		return t.record(ctx, rows)
	})
}

func (t *tx) putWebhook(ctx context.Context, e webhooks.Endpoint) error {
	_, err := t.exec(ctx, "save webhook", `INSERT INTO webhooks (id, workspace_id, user_id, url, description, events, audience, include_body, enabled, disabled_at, disabled_reason,
			failures, failing_since, succeeded_at, rest_until, sealed_secret, sealed_old, old_until, created_at, updated_at) VALUES `+marks(1, 20)+`
		ON CONFLICT (id) DO UPDATE SET url = excluded.url, description = excluded.description, events = excluded.events, include_body = excluded.include_body,
			enabled = excluded.enabled, disabled_at = excluded.disabled_at, disabled_reason = excluded.disabled_reason, failures = excluded.failures,
			failing_since = excluded.failing_since, succeeded_at = excluded.succeeded_at, rest_until = excluded.rest_until, sealed_secret = excluded.sealed_secret,
			sealed_old = excluded.sealed_old, old_until = excluded.old_until, updated_at = excluded.updated_at`,
		string(e.ID), string(e.WorkspaceID), string(e.UserID), clean(e.URL), clean(e.Description), listText(e.Events), string(e.Audience), e.IncludeBody, e.Enabled,
		stampPtr(e.DisabledAt), clean(e.DisabledReason), int64(e.Failures), stampPtr(e.FailingSince), stampPtr(e.SucceededAt), stamp(e.RestUntil),
		e.SealedSecret, e.SealedOld, stamp(e.OldUntil), stamp(e.CreatedAt), stamp(e.UpdatedAt))
	return err
}

// Webhook reads a webhook of a workspace.
func (s *Store) Webhook(ctx context.Context, w crm.WorkspaceID, id crm.WebhookID) (webhooks.Endpoint, error) {
	e, err := one(ctx, s.reading("webhooks.Webhook"), "read", scanWebhook,
		"SELECT "+webhookColumns+" FROM webhooks h WHERE h.workspace_id = $1 AND h.id = $2", string(w), string(id))
	return found(e, err, noWebhook)
}

// WaitingFor counts the deliveries of a webhook that are yet to be made.
func (s *Store) WaitingFor(ctx context.Context, id crm.WebhookID) (int64, error) {
	return one(ctx, s.reading("webhooks.WaitingFor"), "count", scanInt, "SELECT COUNT(*) FROM webhook_deliveries WHERE webhook_id = $1 AND live", string(id))
}

// WebhooksOf lists the webhooks of a workspace, the oldest first.
func (s *Store) WebhooksOf(ctx context.Context, w crm.WorkspaceID) ([]webhooks.Endpoint, error) {
	return all(ctx, s.reading("webhooks.WebhooksOf"), "list", scanWebhookCounted,
		"SELECT "+webhookColumns+", "+webhookWaiting+" FROM webhooks h WHERE h.workspace_id = $1 ORDER BY h.created_at, h.id", string(w))
}

// EveryWebhook lists webhooks of all workspaces after an id, in id order.
func (s *Store) EveryWebhook(ctx context.Context, after crm.WebhookID, limit int) ([]webhooks.Endpoint, error) {
	return all(ctx, s.reading("webhooks.EveryWebhook"), "list", scanWebhook, "SELECT "+webhookColumns+" FROM webhooks h WHERE h.id > $1 ORDER BY h.id LIMIT $2", string(after), int64(limit))
}

// Listening lists the enabled webhooks of a workspace.
func (s *Store) Listening(ctx context.Context, w crm.WorkspaceID) ([]webhooks.Endpoint, error) {
	return all(ctx, s.reading("webhooks.Listening"), "list", scanWebhook,
		"SELECT "+webhookColumns+" FROM webhooks h WHERE h.workspace_id = $1 AND h.enabled ORDER BY h.created_at, h.id", string(w))
}

// webhookLocked reads a webhook that the transaction changes, or whose deliveries
// it adds or ends: one at a time, so that none of them is overlooked.
func (t *tx) webhookLocked(ctx context.Context, id crm.WebhookID) (webhooks.Endpoint, error) {
	return one(ctx, t, "read webhook", scanWebhook, "SELECT "+webhookColumns+" FROM webhooks h WHERE h.id = $1"+t.s.d.forUpdate(), string(id))
}

// ChangeWebhook lets change alter a webhook, with its audit rows.
func (s *Store) ChangeWebhook(ctx context.Context, w crm.WorkspaceID, id crm.WebhookID, change func(*webhooks.Endpoint) ([]access.Audit, bool, error)) (webhooks.Endpoint, error) {
	var after webhooks.Endpoint
	err := s.write(ctx, "webhooks.ChangeWebhook", func(t *tx) error {
		e, err := t.webhookLocked(ctx, id)
		if err == nil && e.WorkspaceID != w {
			err = errNone
		}
		if after, err = found(e, err, noWebhook); err != nil {
			return err
		}
		rows, release, err := change(&after)
		if err != nil {
			return err
		}
		if err := t.putWebhook(ctx, after); err != nil {
			return err
		}
		if release {
			if err := t.release(ctx, id); err != nil {
				return err
			}
		}
		return t.record(ctx, rows)
	})
	return after, err
}

// release lets what waits for its next try be tried now.
func (t *tx) release(ctx context.Context, id crm.WebhookID) error {
	t.jobs = true
	_, err := t.exec(ctx, "release deliveries", "UPDATE webhook_deliveries SET due_at = $2 WHERE webhook_id = $1 AND state = 'waiting' AND due_at > $2", string(id), t.now)
	return err
}

// DropWebhook deletes a webhook with its log.
func (s *Store) DropWebhook(ctx context.Context, w crm.WorkspaceID, id crm.WebhookID, rows ...access.Audit) error {
	return s.write(ctx, "webhooks.DropWebhook", func(t *tx) error {
		n, err := t.exec(ctx, "delete webhook", "DELETE FROM webhooks WHERE workspace_id = $1 AND id = $2", string(w), string(id))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, noWebhook)
		}
		if _, err = t.exec(ctx, "delete attempts", "DELETE FROM webhook_attempts WHERE delivery_no IN (SELECT no FROM webhook_deliveries WHERE webhook_id = $1)", string(id)); err != nil {
			return err
		}
		if _, err = t.exec(ctx, "delete deliveries", "DELETE FROM webhook_deliveries WHERE webhook_id = $1", string(id)); err != nil {
			return err
		}
		return t.record(ctx, rows)
	})
}

// webhookDisabled tells that nothing is sent to a webhook any more.
func (t *tx) webhookDisabled(e webhooks.Endpoint) {
	t.fact(fact.Fact{Kind: fact.WebhookDisabled, WorkspaceID: e.WorkspaceID, UserID: e.UserID,
		Data: json.RawMessage(jsonText(map[string]any{"webhook_id": e.ID, "reason": e.DisabledReason}))})
}

// Glimpses says how a caller sees messages, and where they are; those the caller
// sees nothing of are left out. As with VisibleIDs, what is gone counts as seen by
// those who saw it.
func (s *Store) Glimpses(ctx context.Context, c access.Caller, ids []crm.EmailID) ([]webhooks.Glimpse, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	v := sightOf(c, 2)
	gone := "SELECT x.pos, x.id, x.integration_id, x.protected, x.labels, x.gmail_date, x.deleted_at, x.shown AS present, x.shown OR x.deleted_at IS NOT NULL" +
		" OR EXISTS (SELECT 1 FROM email_labels l WHERE l.label = 'TRASH' AND l.pos = x.pos) AS shown FROM synced_emails x WHERE " + s.d.in("x.id", 1)
	return all(ctx, s.reading("webhooks.Glimpses"), "read", func(r scanner) (webhooks.Glimpse, error) {
		var g webhooks.Glimpse
		var labels string
		var date, since int64
		var deleted *int64
		var present bool
		if err := r.Scan(&g.ID, &g.Level, &labels, &date, &deleted, &present, &since); err != nil {
			return g, err
		}
		g.Date, g.Since = clock(date), clock(since)
		g.Gone = deleted != nil || !present && g.Level != crm.LevelFull
		var err error
		g.Labels, err = readList(labels)
		return g, err
	}, "SELECT e.id, "+v.level+", e.labels, e.gmail_date, e.deleted_at, e.present, c.created_at FROM ("+gone+") e"+ofBox+" WHERE "+v.where,
		append([]any{s.d.list(ids)}, v.args...)...)
}

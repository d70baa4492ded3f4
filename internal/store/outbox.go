package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/mail/outbox"
	"rapport/internal/work"
)

var _ outbox.Rows = (*Store)(nil)

const outgoingColumns = `o.id, o.workspace_id, o.integration_id, o.user_id, o.key_id, o.state, o.from_email, o.from_name, o.to_emails, o.cc, o.bcc,
	o.subject, o.thread_id, o.answers, o.draft_id, o.message_id, o.size, o.created_at, o.send_at, o.sent_at, o.gmail_id, o.attempts, o.next_try_at,
	o.error, o.next_step, o.began_at, o.mark, o.settles_at`

// outgoingSeen adds the message as it was synced.
const outgoingSeen = outgoingColumns + `, COALESCE((SELECT e.id FROM synced_emails e
	WHERE e.integration_id = o.integration_id AND e.gmail_id = o.gmail_id AND e.deleted_at IS NULL AND o.gmail_id <> ''), '')`

func scanOutgoing(r scanner) (crm.Outgoing, error) {
	var o crm.Outgoing
	var to, cc, bcc string
	var created, send, next, began, mark, settles, attempts int64
	var sent *int64
	err := r.Scan(&o.ID, &o.WorkspaceID, &o.ConnectionID, &o.UserID, &o.KeyID, &o.State, &o.From.Email, &o.From.Name, &to, &cc, &bcc,
		&o.Subject, &o.ThreadID, &o.Answers, &o.DraftID, &o.MessageID, &o.Size, &created, &send, &sent, &o.GmailID, &attempts, &next,
		&o.Error, &o.NextStep, &began, &mark, &settles)
	if err != nil {
		return o, err
	}
	o.CreatedAt, o.SendAt, o.SentAt, o.NextTryAt, o.Attempts = clock(created), clock(send), clockPtr(sent), clock(next), int(attempts)
	o.Attempt = crm.SendAttempt{Began: clock(began), Mark: uint64(mark), Settles: clock(settles)}
	var errs [3]error
	o.To, errs[0] = readAddresses(to)
	o.Cc, errs[1] = readAddresses(cc)
	o.Bcc, errs[2] = readAddresses(bcc)
	return o, errors.Join(errs[:]...)
}

func scanOutgoingSeen(r scanner) (crm.Outgoing, error) {
	var email crm.EmailID
	o, err := scanOutgoing(with{r, &email})
	o.EmailID = email
	return o, err
}

const noOutgoing = "There is no such message in the outbox."

// PutOutgoing stores a message to be sent with its job, once.
func (s *Store) PutOutgoing(ctx context.Context, o crm.Outgoing, once outbox.Once, raw []byte, job work.Job) (crm.Outgoing, bool, error) {
	row, known := o, false
	err := s.write(ctx, "outbox.PutOutgoing", func(t *tx) error {
		n, err := t.exec(ctx, "insert outgoing", `INSERT INTO outgoing (id, workspace_id, integration_id, user_id, key_id, state, from_email, from_name, to_emails, cc, bcc,
			subject, thread_id, answers, draft_id, message_id, size, created_at, send_at, sent_at, gmail_id, attempts, next_try_at,
			error, next_step, began_at, mark, settles_at, once_key, fingerprint) VALUES `+marks(1, 30)+" ON CONFLICT DO NOTHING",
			string(o.ID), string(o.WorkspaceID), string(o.ConnectionID), string(o.UserID), string(o.KeyID), string(o.State), clean(o.From.Email), clean(o.From.Name),
			addressesText(o.To), addressesText(o.Cc), addressesText(o.Bcc), clean(o.Subject), o.ThreadID, string(o.Answers), o.DraftID, o.MessageID, o.Size,
			stamp(o.CreatedAt), stamp(o.SendAt), stampPtr(o.SentAt), o.GmailID, int64(o.Attempts), stamp(o.NextTryAt), clean(o.Error), clean(o.NextStep),
			stamp(o.Attempt.Began), int64(o.Attempt.Mark), stamp(o.Attempt.Settles), clean(once.Key), once.Fingerprint)
		if err != nil {
			return err
		}
		if n == 0 {
			row, err = t.sameOutgoing(ctx, o, once)
			known = err == nil
			return err
		}
		if _, err := t.exec(ctx, "insert message", "INSERT INTO outgoing_messages (id, raw) VALUES ($1, $2)", string(o.ID), raw); err != nil {
			return err
		}
		t.outgoingFact(o)
		return t.enqueue(ctx, []work.Job{job})
	})
	return row, known, err
}

// sameOutgoing is what stood in the way of a new row: the row of the same key,
// or that of the same draft.
func (t *tx) sameOutgoing(ctx context.Context, o crm.Outgoing, once outbox.Once) (crm.Outgoing, error) {
	row, err := byKey(ctx, t, access.Caller{Workspace: o.WorkspaceID, UserID: o.UserID, KeyID: o.KeyID}, once)
	if !errors.Is(err, errNone) {
		return row, err
	}
	row, err = one(ctx, t, "read draft's row", scanOutgoingSeen, "SELECT "+outgoingSeen+` FROM outgoing o
		WHERE o.integration_id = $1 AND o.draft_id = $2 AND o.draft_id <> '' AND o.state NOT IN ('failed', 'cancelled')`, string(o.ConnectionID), o.DraftID)
	if errors.Is(err, errNone) {
		return row, fmt.Errorf("a message of the outbox was neither stored nor found")
	}
	if err == nil && row.UserID != o.UserID {
		return row, &fault.Error{Kind: fault.Conflict, Code: "draft_is_sent", Text: "This draft is being sent already."}
	}
	return row, err
}

func byKey(ctx context.Context, from source, c access.Caller, once outbox.Once) (crm.Outgoing, error) {
	if once.Key == "" {
		return crm.Outgoing{}, errNone
	}
	var stored []byte
	row, err := one(ctx, from, "read key's row", func(r scanner) (crm.Outgoing, error) { return scanOutgoingSeen(with{r, &stored}) },
		"SELECT "+outgoingSeen+", o.fingerprint FROM outgoing o WHERE o.workspace_id = $1 AND o.user_id = $2 AND o.key_id = $3 AND o.once_key = $4 AND o.once_key <> ''",
		string(c.Workspace), string(c.UserID), string(c.KeyID), clean(once.Key))
	if err == nil && string(stored) != string(once.Fingerprint) {
		return crm.Outgoing{}, &fault.Error{Kind: fault.Conflict, Code: "idempotency_key_reused", Text: "This Idempotency-Key was used for another request."}
	}
	return row, err
}

// OutgoingByKey finds the row that a caller's Idempotency-Key has made.
func (s *Store) OutgoingByKey(ctx context.Context, c access.Caller, once outbox.Once) (crm.Outgoing, error) {
	row, err := byKey(ctx, s.reading("outbox.OutgoingByKey"), c, once)
	return found(row, err, noOutgoing)
}

// outgoingFact tells that a message has another state: a matter of its sender.
func (t *tx) outgoingFact(o crm.Outgoing) {
	t.fact(fact.Fact{Kind: fact.MailSending, WorkspaceID: o.WorkspaceID, ConnectionID: o.ConnectionID, UserID: o.UserID,
		Data: json.RawMessage(jsonText(map[string]any{"outgoing_id": o.ID, "state": o.State}))})
}

// OutgoingOf lists what the caller sends, newest first.
func (s *Store) OutgoingOf(ctx context.Context, c access.Caller, q outbox.Query) ([]crm.Outgoing, string, error) {
	before, id, err := readCursor(q.Page.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageLimit(q.Page.Limit)
	list, err := all(ctx, s.reading("outbox.OutgoingOf"), "list", scanOutgoingSeen, "SELECT "+outgoingSeen+` FROM outgoing o
		WHERE o.workspace_id = $1 AND o.user_id = $2 AND (o.created_at < $3 OR o.created_at = $3 AND o.id < $4)
			AND ($5 = '' OR o.state = $5) AND ($6 = '' OR o.key_id = $6)
		ORDER BY o.created_at DESC, o.id DESC LIMIT $7`,
		string(c.Workspace), string(c.UserID), before, id, string(q.State), keyOf(c, q.OfKey), int64(limit+1))
	if err != nil {
		return nil, "", err
	}
	list, next := pageOf(list, limit, func(o crm.Outgoing) (time.Time, string) { return o.CreatedAt, string(o.ID) })
	return list, next, nil
}

func keyOf(c access.Caller, only bool) string {
	if only {
		return string(c.KeyID)
	}
	return ""
}

// OwnOutgoing gives one message of the caller's.
func (s *Store) OwnOutgoing(ctx context.Context, c access.Caller, id crm.OutgoingID) (crm.Outgoing, error) {
	o, err := one(ctx, s.reading("outbox.OwnOutgoing"), "read", scanOutgoingSeen,
		"SELECT "+outgoingSeen+" FROM outgoing o WHERE o.id = $1 AND o.workspace_id = $2 AND o.user_id = $3", string(id), string(c.Workspace), string(c.UserID))
	return found(o, err, noOutgoing)
}

// OutgoingOfDraft gives the caller's row that sends or has sent a draft.
func (s *Store) OutgoingOfDraft(ctx context.Context, c access.Caller, conn crm.ConnectionID, draft string) (crm.Outgoing, error) {
	o, err := one(ctx, s.reading("outbox.OutgoingOfDraft"), "read", scanOutgoingSeen, "SELECT "+outgoingSeen+` FROM outgoing o
		WHERE o.integration_id = $1 AND o.draft_id = $2 AND o.draft_id <> '' AND o.state NOT IN ('failed', 'cancelled') AND o.workspace_id = $3 AND o.user_id = $4`,
		string(conn), draft, string(c.Workspace), string(c.UserID))
	return found(o, err, noOutgoing)
}

// Outgoing is for background work only.
func (s *Store) Outgoing(ctx context.Context, id crm.OutgoingID) (crm.Outgoing, error) {
	o, err := one(ctx, s.reading("outbox.Outgoing"), "read", scanOutgoing, "SELECT "+outgoingColumns+" FROM outgoing o WHERE o.id = $1", string(id))
	return found(o, err, noOutgoing)
}

// OutgoingMessage gives the MIME message of a row that is not sent.
func (s *Store) OutgoingMessage(ctx context.Context, id crm.OutgoingID) ([]byte, error) {
	raw, err := one(ctx, s.reading("outbox.OutgoingMessage"), "read", func(r scanner) (b []byte, err error) {
		err = r.Scan(&b)
		return b, err
	}, "SELECT raw FROM outgoing_messages WHERE id = $1", string(id))
	return found(raw, err, noOutgoing)
}

// MoveOutgoing changes a row, with what follows from it, in one transaction.
func (s *Store) MoveOutgoing(ctx context.Context, id crm.OutgoingID, change func(*crm.Outgoing) (outbox.Then, error)) (crm.Outgoing, error) {
	var after crm.Outgoing
	err := s.write(ctx, "outbox.MoveOutgoing", func(t *tx) error {
		before, err := one(ctx, t, "read outgoing", scanOutgoing, "SELECT "+outgoingColumns+" FROM outgoing o WHERE o.id = $1"+s.d.forUpdate(), string(id))
		if _, err = found(before, err, noOutgoing); err != nil {
			return err
		}
		after = before
		then, err := change(&after)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, "update outgoing", `UPDATE outgoing SET state = $2, thread_id = $3, send_at = $4, sent_at = $5, gmail_id = $6, attempts = $7,
				next_try_at = $8, error = $9, next_step = $10, began_at = $11, mark = $12, settles_at = $13 WHERE id = $1`,
			string(id), string(after.State), after.ThreadID, stamp(after.SendAt), stampPtr(after.SentAt), after.GmailID, int64(after.Attempts), stamp(after.NextTryAt),
			clean(after.Error), clean(after.NextStep), stamp(after.Attempt.Began), int64(after.Attempt.Mark), stamp(after.Attempt.Settles)); err != nil {
			return err
		}
		return t.moved(ctx, before, after, then)
	})
	return after, err
}

// moved writes what follows from another state.
func (t *tx) moved(ctx context.Context, before, after crm.Outgoing, then outbox.Then) error {
	if after.State == crm.OutgoingSent || after.State == crm.OutgoingCancelled {
		if _, err := t.exec(ctx, "delete message", "DELETE FROM outgoing_messages WHERE id = $1", string(after.ID)); err != nil {
			return err
		}
	}
	if after.State != before.State {
		t.outgoingFact(after)
	}
	if len(then.Audit) > 0 {
		if err := t.record(ctx, then.Audit); err != nil {
			return err
		}
	}
	if len(then.Jobs) == 0 {
		return nil
	}
	return t.enqueue(ctx, then.Jobs)
}

// OverdueOutgoing lists messages that should have moved before.
func (s *Store) OverdueOutgoing(ctx context.Context, before time.Time, limit int) ([]crm.Outgoing, error) {
	return all(ctx, s.reading("outbox.OverdueOutgoing"), "list", scanOutgoing, "SELECT "+outgoingColumns+` FROM outgoing o
		WHERE o.state IN ('queued', 'sending', 'retry') AND o.next_try_at < $1 ORDER BY o.next_try_at LIMIT $2`, stamp(before), int64(limit))
}

// PurgeOutgoing deletes messages that were asked for before a time and are over.
func (s *Store) PurgeOutgoing(ctx context.Context, before time.Time) error {
	const over = "created_at < $1 AND next_try_at < $1 AND state IN ('sent', 'failed', 'cancelled')"
	n, err := one(ctx, s.reading("outbox.PurgeOutgoing"), "look", scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM outgoing WHERE "+over+" LIMIT 1) t", stamp(before))
	if err != nil || n == 0 {
		return err
	}
	return s.write(ctx, "outbox.PurgeOutgoing", func(t *tx) error {
		_, err := t.exec(ctx, "delete outgoing", "DELETE FROM outgoing WHERE id IN (SELECT id FROM outgoing WHERE "+over+" ORDER BY created_at LIMIT 1000)", stamp(before))
		return err
	})
}

// forgetOutgoing takes back what a connection was to send, and deletes what was
// written. The rows stay, without content, until they are purged: who sends a request
// again under its Idempotency-Key must not send a message again.
func (t *tx) forgetOutgoing(ctx context.Context, id crm.ConnectionID) error {
	waiting, err := all(ctx, t, "find waiting", scanOutgoing, "SELECT "+outgoingColumns+` FROM outgoing o
		WHERE o.integration_id = $1 AND o.state IN ('queued', 'retry') ORDER BY o.id`+t.s.d.forUpdate(), string(id))
	if err != nil {
		return err
	}
	for _, o := range waiting {
		open := o.Attempt.Open()
		o.State, o.Error, o.NextStep = crm.OutgoingCancelled, "The data of this mailbox was deleted before the message was sent.", ""
		if open {
			o.State, o.Error = crm.OutgoingFailed, "The data of this mailbox was deleted before it was known whether the message was sent."
		}
		if _, err := t.exec(ctx, "take back", "UPDATE outgoing SET state = $2, error = $3, next_step = '' WHERE id = $1", string(o.ID), string(o.State), o.Error); err != nil {
			return err
		}
		t.outgoingFact(o)
	}
	if _, err := t.exec(ctx, "delete messages", "DELETE FROM outgoing_messages WHERE id IN (SELECT id FROM outgoing WHERE integration_id = $1 AND state <> 'sending')", string(id)); err != nil {
		return err
	}
	_, err = t.exec(ctx, "delete content", `UPDATE outgoing SET from_name = '', to_emails = '[]', cc = '[]', bcc = '[]', subject = ''
		WHERE integration_id = $1 AND state <> 'sending'`, string(id))
	return err
}

// MayStillSend reports whether the sender is a member still and the key, if there
// was one, still good.
func (s *Store) MayStillSend(ctx context.Context, o crm.Outgoing, now time.Time) (bool, error) {
	n, err := one(ctx, s.reading("outbox.MayStillSend"), "read", scanInt, `SELECT COUNT(*) FROM members m WHERE m.workspace_id = $1 AND m.user_id = $2
		AND ($3 = '' OR EXISTS (SELECT 1 FROM api_keys k WHERE k.id = $3 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $4)))`,
		string(o.WorkspaceID), string(o.UserID), string(o.KeyID), stamp(now))
	return n > 0, err
}

package store

import (
	"context"
	"errors"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/mail"
)

func (t *tx) markForSweep(ctx context.Context, boxes []crm.ConnectionID, hides bool) error {
	if len(boxes) == 0 {
		return nil
	}
	_, err := t.exec(ctx, "mark mailboxes", `INSERT INTO mail_sweeps (mailbox, below, hides)
		SELECT c.no, (c.no + 1) * `+sweepStep+`, $2 FROM google_integrations c WHERE `+t.s.d.in("c.id", 1)+`
		ON CONFLICT (mailbox) DO UPDATE SET below = excluded.below, hides = mail_sweeps.hides OR excluded.hides`, t.s.d.list(boxes), hides)
	return err
}

// sweepStep is how many positions a mailbox has.
const sweepStep = "2199023255552" // 1 << timeBits

// PendingSweeps gives mailboxes whose stored mail is still to be gone through.
func (s *Store) PendingSweeps(ctx context.Context, limit int) ([]crm.ConnectionID, error) {
	return all(ctx, s.reading("mail.PendingSweeps"), "list", func(r scanner) (id crm.ConnectionID, err error) { return id, r.Scan(&id) },
		"SELECT c.id FROM mail_sweeps w JOIN google_integrations c ON c.no = w.mailbox ORDER BY w.mailbox LIMIT $1", int64(limit))
}

// Sweep applies the rules to up to n stored messages of a mailbox, the newest
// first, in one transaction: what is excluded goes with all that hangs on it, and
// is noted as excluded; what is protected is marked. more: there are others.
func (s *Store) Sweep(ctx context.Context, c crm.ConnectionID, n int) (removed int, more bool, err error) {
	err = s.write(ctx, "mail.Sweep", func(t *tx) error {
		w := &sweep{t: t, connection: c}
		more, err = w.run(ctx, n)
		removed = len(w.gone)
		return err
	})
	return removed, more, err
}

// sweep is one Sweep under way.
type sweep struct {
	t          *tx
	connection crm.ConnectionID
	workspace  crm.WorkspaceID
	owner      crm.UserID
	open       bool // others than the owner see some of the mailbox
	no         int64

	gone               []*message
	why                []string // rule of each
	shut, opened       []int64
	shutIDs, openedIDs []crm.EmailID
}

func (w *sweep) run(ctx context.Context, n int) (more bool, err error) {
	_, err = one(ctx, w.t, "lock connection", func(r scanner) (int, error) {
		return 0, r.Scan(&w.no, &w.workspace, &w.owner, &w.open)
	}, "SELECT c.no, c.workspace_id, c.user_id, c.visibility NOT IN ('', 'private') OR "+sharesSome+" FROM google_integrations c WHERE c.id = $1"+w.t.s.d.forUpdate(), string(w.connection))
	if errors.Is(err, errNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	below, err := one(ctx, w.t, "read sweep", scanInt, "SELECT below FROM mail_sweeps WHERE mailbox = $1", w.no)
	if errors.Is(err, errNone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	w.t.s.domains.forget(w.workspace) // of before the rule that is swept for
	rules, err := w.t.s.rulesOf(ctx, w.t, w.workspace, w.owner)
	if err != nil {
		return false, err
	}
	last, count, err := w.judge(ctx, rules, below, n)
	if err != nil {
		return false, err
	}
	if err := w.remove(ctx); err != nil {
		return false, err
	}
	if err := w.mark(ctx); err != nil {
		return false, err
	}
	if count == n {
		_, err = w.t.exec(ctx, "note sweep", "UPDATE mail_sweeps SET below = $2 WHERE mailbox = $1", w.no, last)
		return true, err
	}
	_, err = w.t.exec(ctx, "end sweep", "DELETE FROM mail_sweeps WHERE mailbox = $1", w.no)
	if w.open {
		w.t.fact(fact.Fact{Kind: fact.MailShared, WorkspaceID: w.workspace, ConnectionID: w.connection, Data: []byte("{}")})
	}
	return false, err
}

// judge reads messages below a position and sorts them.
func (w *sweep) judge(ctx context.Context, rules *mail.Rules, below int64, n int) (last int64, count int, err error) {
	err = each(ctx, w.t, "read emails", func(r scanner) error {
		var m message
		var e crm.Email
		var to, cc, bcc, replyTo, labels string
		var live, protected bool
		h := &held{}
		err := r.Scan(&h.pos, &h.id, &m.gmailID, &h.thread, &labels, &h.history, &live, &h.shown, &h.files, &e.From.Email, &to, &cc, &bcc, &replyTo, &protected)
		if err != nil {
			return err
		}
		last, count = h.pos, count+1
		var errs [5]error
		h.labels, errs[0] = readList(labels)
		e.To, errs[1] = readAddresses(to)
		e.Cc, errs[2] = readAddresses(cc)
		e.Bcc, errs[3] = readAddresses(bcc)
		e.ReplyTo, errs[4] = readAddresses(replyTo)
		h.live = live
		if rule, out := rules.Excludes(&e); out {
			m.was, m.pos, m.id, m.thread, m.labels, m.history = h, h.pos, h.id, h.thread, h.labels, h.history
			w.gone, w.why = append(w.gone, &m), append(w.why, rule)
		} else if now := rules.Protects(&e); now && !protected {
			w.shut, w.shutIDs = append(w.shut, h.pos), append(w.shutIDs, h.id)
		} else if !now && protected {
			w.opened, w.openedIDs = append(w.opened, h.pos), append(w.openedIDs, h.id)
		}
		return errors.Join(errs[:]...)
	}, `SELECT pos, id, gmail_id, gmail_thread_id, labels, history_id, deleted_at IS NULL, shown, has_attachments, from_email, to_emails, cc, bcc, reply_to, protected
		FROM synced_emails WHERE pos >= $1 AND pos < $2 ORDER BY pos DESC LIMIT $3`, lowest(w.no), below, int64(n))
	return last, count, err
}

// remove deletes what is excluded, with its numbers, texts, files and index entries.
func (w *sweep) remove(ctx context.Context) error {
	if len(w.gone) == 0 {
		return nil
	}
	a := &apply{t: w.t, k: mail.Key{Workspace: w.workspace, Connection: w.connection, Owner: w.owner, Stream: crm.StreamGmailHistory}, no: w.no}
	if a.owner = w.owner; !w.open {
		a.hears = w.owner
	}
	pos := make([]int64, len(w.gone))
	for i, m := range w.gone {
		pos[i] = m.pos
		if m.was.live {
			a.tombstones = append(a.tombstones, m)
		}
	}
	if err := a.saveCounts(ctx); err != nil {
		return err
	}
	if err := w.t.dropEmails(ctx, pos); err != nil {
		return err
	}
	ids := make([]string, len(w.gone))
	for i, m := range w.gone {
		ids[i] = m.gmailID
	}
	a.tell()
	return w.t.saveExcluded(ctx, w.connection, ids, w.why)
}

// dropEmails deletes messages with all that hangs on them, and the bytes of
// files that no other message has. Numbers are the caller's matter.
func (t *tx) dropEmails(ctx context.Context, pos []int64) error {
	if err := t.dropFileBytes(ctx, pos); err != nil {
		return err
	}
	if err := t.noteGone(ctx, pos); err != nil {
		return err
	}
	_, err := t.exec(ctx, "drop emails", "DELETE FROM synced_emails WHERE "+t.s.d.in("pos", 1), t.s.d.list(pos))
	return err
}

// dropFileBytes deletes the kept bytes of files that no message but these has.
func (t *tx) dropFileBytes(ctx context.Context, pos []int64) error {
	_, err := t.exec(ctx, "drop files", `DELETE FROM attachments_cache WHERE hash IN (SELECT a.hash FROM email_attachments a WHERE a.hash <> '' AND `+t.s.d.in("a.pos", 1)+`)
		AND NOT EXISTS (SELECT 1 FROM email_attachments o WHERE o.hash = attachments_cache.hash AND o.hash <> '' AND NOT (`+t.s.d.in("o.pos", 1)+`))`, t.s.d.list(pos))
	return err
}

func (t *tx) saveExcluded(ctx context.Context, c crm.ConnectionID, ids, why []string) error {
	boxes := make([]string, len(ids))
	for i := range ids {
		boxes[i], ids[i] = string(c), clean(ids[i])
	}
	return t.insert(ctx, "note excluded", "excluded_emails", len(ids), "ON CONFLICT (integration_id, gmail_id) DO UPDATE SET rule = excluded.rule",
		column{"integration_id", boxes}, column{"gmail_id", ids}, column{"rule", why})
}

// mark changes who may see messages by their protected addresses.
func (w *sweep) mark(ctx context.Context) error {
	for _, set := range []struct {
		pos       []int64
		ids       []crm.EmailID
		protected bool
	}{{w.shut, w.shutIDs, true}, {w.opened, w.openedIDs, false}} {
		if len(set.pos) == 0 {
			continue
		}
		if _, err := w.t.exec(ctx, "mark protected", "UPDATE synced_emails SET protected = $2 WHERE "+w.t.s.d.in("pos", 1), w.t.s.d.list(set.pos), set.protected); err != nil {
			return err
		}
		for piece := range slices.Chunk(set.ids, idsInFact) {
			w.t.fact(fact.Fact{Kind: fact.MailChanged, WorkspaceID: w.workspace, ConnectionID: w.connection, UserID: w.owner,
				Data: []byte(jsonText(map[string]any{"ids": piece, "count": len(piece)}))})
		}
	}
	return nil
}

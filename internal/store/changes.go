package store

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/mail"
)

var _ mail.Changes = (*Store)(nil)

// changesKept is how long changes that are over can be looked up.
const changesKept = 30 * 24 * time.Hour

// edit changes messages of a connection beside its streams.
func (s *Store) edit(ctx context.Context, name string, w crm.WorkspaceID, c crm.ConnectionID, fn func(a *apply) error) error {
	return s.write(ctx, name, func(t *tx) error {
		a := newApply(t, mail.Key{Workspace: w, Connection: c, Stream: crm.StreamGmailChange})
		if _, err := a.lock(ctx); err != nil {
			return err
		}
		if err := fn(a); err != nil {
			return err
		}
		if err := a.write(ctx); err != nil {
			return err
		}
		a.tell()
		return nil
	})
}

const changeColumns = "id, workspace_id, integration_id, user_id, action, label_id, undo_of, state, messages, reason, created_at, finished_at"

func scanChange(r scanner) (crm.Change, error) {
	var c crm.Change
	var created int64
	var finished *int64
	err := r.Scan(&c.ID, &c.WorkspaceID, &c.ConnectionID, &c.UserID, &c.Action, &c.LabelID, &c.UndoOf, &c.State, &c.Count, &c.Reason, &created, &finished)
	c.CreatedAt, c.FinishedAt = clock(created), clockPtr(finished)
	return c, err
}

const noChange = "There is no such change."

// NextChange gives the first change that Gmail does not have.
func (s *Store) NextChange(ctx context.Context, id crm.ConnectionID) (crm.Change, []mail.ChangeItem, error) {
	var c crm.Change
	var items []mail.ChangeItem
	err := s.write(ctx, "mail.NextChange", func(t *tx) (err error) {
		c, err = one(ctx, t, "find next", scanChange, "SELECT "+changeColumns+` FROM email_changes
			WHERE integration_id = $1 AND pending AND reached = 0 ORDER BY seq LIMIT 1`+s.d.forUpdate(), string(id))
		if c, err = found(c, err, noChange); err != nil {
			return err
		}
		if _, err = t.exec(ctx, "note on its way", "UPDATE email_changes SET asked_at = COALESCE(asked_at, $2) WHERE id = $1", string(c.ID), t.now); err != nil {
			return err
		}
		items, err = all(ctx, t, "read items", scanItem, "SELECT gmail_id, added, removed FROM email_change_items WHERE change_id = $1 ORDER BY pos", string(c.ID))
		return err
	})
	return c, items, err
}

func scanItem(r scanner) (i mail.ChangeItem, err error) {
	var added, removed string
	if err := r.Scan(&i.GmailID, &added, &removed); err != nil {
		return i, err
	}
	if i.Add, err = readList(added); err == nil {
		i.Remove, err = readList(removed)
	}
	return i, err
}

// ChangeDone notes that Gmail has a change.
func (s *Store) ChangeDone(ctx context.Context, c crm.Change, reached uint64) error {
	return s.edit(ctx, "mail.ChangeDone", c.WorkspaceID, c.ConnectionID, func(a *apply) error {
		n, err := a.t.exec(ctx, "note done", `UPDATE email_changes SET state = CASE WHEN state = 'waiting' THEN 'done' ELSE state END,
			reached = $2, finished_at = $3 WHERE id = $1 AND pending AND reached = 0`, string(c.ID), int64(reached), a.t.now)
		if err != nil || n == 0 {
			return err
		}
		return a.caughtUp(ctx, c, reached)
	})
}

// caughtUp ends a change at once when the history has been followed far enough
// already.
func (a *apply) caughtUp(ctx context.Context, c crm.Change, reached uint64) error {
	if reached == 0 { // no history is followed: what the server says is stored already
		a.settled = []string{string(c.ID)}
		return a.readChanged(ctx, string(c.ID))
	}
	at, _, err := checkpoint(ctx, a.t, mail.Key{Connection: c.ConnectionID, Stream: crm.StreamGmailHistory}, "")
	if err != nil || at.Full {
		return err
	}
	if mark, err := strconv.ParseUint(string(at.Mark), 10, 64); err != nil || mark < reached {
		return nil
	}
	a.settled = []string{string(c.ID)}
	return a.readChanged(ctx, string(c.ID))
}

// RefuseChange takes a change back from messages.
func (s *Store) RefuseChange(ctx context.Context, c crm.Change, gmailIDs []string, reached uint64, reason string) error {
	return s.edit(ctx, "mail.RefuseChange", c.WorkspaceID, c.ConnectionID, func(a *apply) error {
		whole := gmailIDs == nil
		if err := a.readChanged(ctx, string(c.ID)); err != nil { // while it is pending
			return err
		}
		n, err := a.t.exec(ctx, "note refused", `UPDATE email_changes SET state = CASE WHEN state = 'undone' THEN state ELSE 'refused' END,
			reason = $2, finished_at = $3, reached = $4, pending = $5 WHERE id = $1 AND pending AND reached = 0`,
			string(c.ID), clean(reason), a.t.now, int64(reached), !whole)
		if err != nil || n == 0 {
			return err
		}
		refused := func(m *message) bool { return whole || slices.Contains(gmailIDs, m.gmailID) }
		a.lifted = func(m *message, p pending) bool { return p.change == string(c.ID) && refused(m) }
		var ids []crm.EmailID
		var at []int64
		for _, m := range a.inOrder() {
			if refused(m) {
				ids, at = append(ids, m.id), append(at, m.pos)
			}
		}
		a.tellRefused(c, ids, reason)
		if !whole {
			_, err = a.t.exec(ctx, "drop items", "DELETE FROM email_change_items WHERE change_id = $1 AND "+a.t.s.d.in("pos", 2), string(c.ID), a.t.s.d.list(at))
		}
		if err != nil || whole {
			return err
		}
		return a.caughtUp(ctx, c, reached)
	})
}

func (a *apply) tellRefused(c crm.Change, ids []crm.EmailID, reason string) {
	for piece := range slices.Chunk(ids, idsInFact) {
		data := jsonText(map[string]any{"change_id": c.ID, "ids": piece, "count": len(piece), "action": c.Action, "reason": reason})
		a.t.fact(fact.Fact{Kind: fact.MailRefused, WorkspaceID: c.WorkspaceID, ConnectionID: c.ConnectionID, UserID: c.UserID, Data: json.RawMessage(data)})
	}
}

// ChangeOf reads a change of a user.
func (s *Store) ChangeOf(ctx context.Context, w crm.WorkspaceID, u crm.UserID, id crm.ChangeID) (crm.Change, error) {
	c, err := one(ctx, s.reading("mail.ChangeOf"), "read", scanChange, "SELECT "+changeColumns+" FROM email_changes WHERE id = $1 AND workspace_id = $2 AND user_id = $3",
		string(id), string(w), string(u))
	return found(c, err, noChange)
}

// ChangesOf lists the changes of a user, the newest first.
func (s *Store) ChangesOf(ctx context.Context, w crm.WorkspaceID, u crm.UserID, state crm.ChangeState, page mail.Page) ([]crm.Change, string, error) {
	at, id, err := readCursor(page.Cursor)
	if err != nil {
		return nil, "", err
	}
	if page.Cursor == "" {
		at = 1 << 62
	}
	n := pageLimit(page.Limit)
	list, err := all(ctx, s.reading("mail.ChangesOf"), "list", scanChange, "SELECT "+changeColumns+` FROM email_changes
		WHERE workspace_id = $1 AND user_id = $2 AND ($3 = '' OR state = $3) AND (created_at < $4 OR created_at = $4 AND id < $5)
		ORDER BY created_at DESC, id DESC LIMIT $6`, string(w), string(u), string(state), at, id, int64(n+1))
	if err != nil || len(list) <= n {
		return list, "", err
	}
	last := list[n-1]
	return list[:n], writeCursor(stamp(last.CreatedAt), string(last.ID)), nil
}

// ChangesWait reports whether Gmail does not have all changes.
func (s *Store) ChangesWait(ctx context.Context, c crm.ConnectionID) (bool, error) {
	n, err := one(ctx, s.reading("mail.ChangesWait"), "look", scanInt,
		"SELECT COUNT(*) FROM (SELECT 1 FROM email_changes WHERE integration_id = $1 AND pending AND reached = 0 LIMIT 1) w", string(c))
	return n > 0, err
}

// Pending gives the messages under pending changes.
func (s *Store) Pending(ctx context.Context, c crm.ConnectionID) (map[string]struct{}, error) {
	out := map[string]struct{}{}
	err := each(ctx, s.reading("mail.Pending"), "read", func(r scanner) error {
		id, err := scanText(r)
		out[id] = struct{}{}
		return err
	}, "SELECT i.gmail_id FROM email_changes c JOIN email_change_items i ON i.change_id = c.id WHERE c.integration_id = $1 AND c.pending", string(c))
	return out, err
}

// ConnectionsOfEmails gives the connections of a user that messages belong to.
func (s *Store) ConnectionsOfEmails(ctx context.Context, w crm.WorkspaceID, u crm.UserID, ids []crm.EmailID) ([]crm.ConnectionID, error) {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = string(id)
	}
	return all(ctx, s.reading("mail.ConnectionsOfEmails"), "find", func(r scanner) (id crm.ConnectionID, err error) {
		err = r.Scan(&id)
		return id, err
	}, `SELECT DISTINCT e.integration_id FROM synced_emails e JOIN google_integrations c ON c.id = e.integration_id
		WHERE e.workspace_id = $1 AND c.user_id = $2 AND e.deleted_at IS NULL AND `+s.d.in("e.id", 3), string(w), string(u), s.d.list(list))
}

package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/work"
)

var _ mail.Changes = (*Store)(nil)

// Messages under pending changes have a row in email_remote with what Google
// says; their labels are mail.Overlay of it. Applies and changes of one
// connection run one after the other, since all of them lock it first.

// overlayLife is how long a change that Gmail has taken lies over what the
// history says, should the history never be followed far enough.
const overlayLife = time.Hour

// changesKept is how long changes that are over can be looked up.
const changesKept = 30 * 24 * time.Hour

// pending is what a change makes of one message.
type pending struct {
	change string
	delta  mail.Delta
}

// readPending reads what lies over messages.
func (a *apply) readPending(ctx context.Context, of []*message) error {
	if !a.overlaid || len(of) == 0 {
		return nil
	}
	at := make([]int64, len(of))
	byPos := make(map[int64]*message, len(of))
	for i, m := range of {
		at[i], byPos[m.pos] = m.pos, m
	}
	err := each(ctx, a.t, "read remote", func(r scanner) error {
		var pos int64
		var labels string
		err := r.Scan(&pos, &labels)
		if err != nil {
			return err
		}
		m := byPos[pos]
		m.remote, err = readList(labels)
		if m.remote == nil {
			m.remote = []string{}
		}
		m.was.remote = m.remote
		return err
	}, "SELECT pos, labels FROM email_remote WHERE "+a.t.s.d.in("pos", 1), a.t.s.d.list(at))
	if err != nil {
		return err
	}
	return each(ctx, a.t, "read pending", func(r scanner) error {
		var pos int64
		var p pending
		var added, removed string
		if err := r.Scan(&pos, &p.change, &added, &removed); err != nil {
			return err
		}
		var errs [2]error
		p.delta.Add, errs[0] = readList(added)
		p.delta.Remove, errs[1] = readList(removed)
		byPos[pos].pending = append(byPos[pos].pending, p)
		return errors.Join(errs[:]...)
	}, "SELECT i.pos, c.id, i.added, i.removed FROM email_change_items i JOIN email_changes c ON c.id = i.change_id WHERE "+
		a.t.s.d.in("i.pos", 1)+" AND c.pending ORDER BY c.seq", a.t.s.d.list(at))
}

// say notes the labels that Google says.
func (m *message) say(labels []string) {
	m.remote = labelSet(labels)
	m.overlay()
}

func (m *message) overlay() {
	deltas := make([]mail.Delta, len(m.pending))
	for i, p := range m.pending {
		deltas[i] = p.delta
	}
	m.labels = mail.Overlay(m.remote, deltas)
}

// shows says whether lists show a message.
func (a *apply) shows(m *message) bool {
	return shown(m.live, m.labels) && mail.Shown(m.labels, a.view)
}

// followed finds the changes that the history has told of when it is followed to
// a new mark: they are pending no longer.
func (a *apply) followed(ctx context.Context, from, at engine.Checkpoint) error {
	if !a.overlaid || a.k.Stream != crm.StreamGmailHistory || at.Full || at == from {
		return nil
	}
	mark, err := strconv.ParseInt(string(at.Mark), 10, 64)
	if err != nil {
		return nil // never followed yet
	}
	a.settled, err = all(ctx, a.t, "find followed", scanText, `SELECT id FROM email_changes WHERE integration_id = $1 AND pending AND reached > 0
		AND (reached <= $2 OR finished_at < $3)`, string(a.k.Connection), mark, a.t.now-overlayLife.Microseconds())
	if err != nil || len(a.settled) == 0 {
		return err
	}
	return a.readChanged(ctx, a.settled...)
}

// readChanged reads the messages of changes.
func (a *apply) readChanged(ctx context.Context, changes ...string) error {
	_, err := a.read(ctx, "pos IN (SELECT i.pos FROM email_change_items i WHERE "+a.t.s.d.in("i.change_id", 1)+")", a.t.s.d.list(changes))
	return err
}

// inOrder are the messages read so far, the oldest first.
func (a *apply) inOrder() []*message {
	return slices.SortedFunc(maps.Values(a.messages), byPosition)
}

func byPosition(x, y *message) int { return cmp.Compare(x.pos, y.pos) }

// drop takes from messages what is pending no longer.
func (a *apply) drop() {
	if len(a.settled) == 0 && a.lifted == nil {
		return
	}
	for _, m := range a.inOrder() {
		n := len(m.pending)
		m.pending = slices.DeleteFunc(m.pending, func(p pending) bool {
			return slices.Contains(a.settled, p.change) || a.lifted != nil && a.lifted(m, p)
		})
		if len(m.pending) < n && m.live {
			m.overlay()
			a.touch(m)
		}
	}
}

// savePending stores what Google says of messages under pending changes.
func (a *apply) savePending(ctx context.Context) error {
	if !a.overlaid {
		return nil
	}
	var keep []*message
	var over []int64
	for _, m := range a.inOrder() {
		switch {
		case m.was == nil:
		case len(m.pending) == 0 && m.was.remote != nil:
			over = append(over, m.pos)
		case len(m.pending) > 0 && (m.was.remote == nil || !slices.Equal(m.remote, m.was.remote)):
			keep = append(keep, m)
		}
	}
	a.wrote = a.wrote || len(keep)+len(over)+len(a.settled) > 0
	err := a.t.insert(ctx, "save remote", "email_remote", len(keep), "ON CONFLICT (pos) DO UPDATE SET labels = excluded.labels",
		position(keep), texts("labels", keep, func(m *message) string { return listText(m.remote) }))
	if err != nil {
		return err
	}
	if len(over) > 0 {
		if _, err := a.t.exec(ctx, "forget remote", "DELETE FROM email_remote WHERE "+a.t.s.d.in("pos", 1), a.t.s.d.list(over)); err != nil {
			return err
		}
	}
	if len(a.settled) > 0 {
		_, err = a.t.exec(ctx, "settle changes", "UPDATE email_changes SET pending = FALSE WHERE "+a.t.s.d.in("id", 1), a.t.s.d.list(a.settled))
	}
	return err
}

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

// AddChange applies an aim to messages and stores the change.
func (s *Store) AddChange(ctx context.Context, c crm.Change, p mail.Pick, aim mail.Aim, send work.Job) (crm.Change, error) {
	err := s.edit(ctx, "mail.AddChange", c.WorkspaceID, c.ConnectionID, func(a *apply) error {
		picked, left, err := a.pick(ctx, p)
		if err != nil {
			return err
		}
		c.LeftOut = left
		c, err = a.change(ctx, c, send, picked, func(m *message) mail.Delta {
			if aim.Having != "" && !slices.Contains(m.labels, aim.Having) {
				return mail.Delta{}
			}
			return aim.Delta
		})
		return err
	})
	return c, err
}

// pick reads the messages of a change: those named, and of the threads named
// what they show. left is what is not there.
func (a *apply) pick(ctx context.Context, p mail.Pick) (picked []*message, left []crm.LeftOut, err error) {
	if len(p.Emails) > 0 {
		if picked, left, err = a.pickEmails(ctx, p.Emails); err != nil {
			return nil, nil, err
		}
	}
	if len(p.Threads) > 0 {
		of, missing, err := a.pickThreads(ctx, p.Threads)
		if err != nil {
			return nil, nil, err
		}
		picked, left = append(picked, of...), append(left, missing...)
	}
	switch {
	case len(picked) == 0:
		return nil, nil, fault.New(fault.NotFound, "There is no such message.")
	case len(picked) > mail.MostChanged:
		return nil, nil, &fault.Error{Kind: fault.Invalid, Text: fmt.Sprintf("These are %d messages; at most 1,000 can be changed at once.", len(picked)),
			Fields: map[string]string{"thread_ids": "have more than 1,000 messages"}}
	}
	return picked, left, nil
}

func (a *apply) pickEmails(ctx context.Context, emails []crm.EmailID) (picked []*message, left []crm.LeftOut, err error) {
	ids := make([]string, len(emails))
	for i, id := range emails {
		ids[i] = string(id)
	}
	picked, err = a.read(ctx, "integration_id = $1 AND deleted_at IS NULL AND "+a.t.s.d.in("id", 2), string(a.k.Connection), a.t.s.d.list(ids))
	if err != nil {
		return nil, nil, err
	}
	there := make(map[crm.EmailID]bool, len(picked))
	for _, m := range picked {
		there[m.id] = true
	}
	for _, id := range emails {
		if !there[id] {
			left = append(left, crm.LeftOut{Email: id, Reason: crm.LeftOutUnknown})
			there[id] = true // named twice, told once
		}
	}
	return picked, left, nil
}

func (a *apply) pickThreads(ctx context.Context, threads []string) (picked []*message, left []crm.LeftOut, err error) {
	found, err := a.read(ctx, "integration_id = $1 AND deleted_at IS NULL AND pos BETWEEN $3 AND $4 AND "+a.t.s.d.in("gmail_thread_id", 2),
		string(a.k.Connection), a.t.s.d.list(threads), lowest(a.no), highest(a.no))
	if err != nil {
		return nil, nil, err
	}
	there, seen := map[string]bool{}, map[string]bool{}
	for _, m := range a.messages { // those named by themselves, too
		there[m.thread], seen[m.thread] = true, seen[m.thread] || m.was.shown
	}
	for _, m := range found {
		if m.was.shown || !seen[m.thread] {
			picked = append(picked, m)
		}
	}
	for _, id := range threads {
		if !there[id] {
			left = append(left, crm.LeftOut{Thread: id, Reason: crm.LeftOutUnknown})
			there[id] = true
		}
	}
	return picked, left, nil
}

// change makes a change of what an aim does to messages, and lays it over them.
func (a *apply) change(ctx context.Context, c crm.Change, send work.Job, of []*message, aim func(*message) mail.Delta) (crm.Change, error) {
	slices.SortFunc(of, byPosition)
	var changed []*message
	for _, m := range of {
		if slices.Contains(m.labels, "DRAFT") {
			c.LeftOut = append(c.LeftOut, crm.LeftOut{Email: m.id, Reason: crm.LeftOutDraft})
			continue
		}
		d := aim(m).Of(m.labels)
		if d.Empty() {
			continue
		}
		m.pending = append(m.pending, pending{string(c.ID), d})
		m.overlay()
		a.touch(m)
		changed = append(changed, m)
		a.overlaid = true
	}
	c.CreatedAt, c.State, c.Count = clock(a.t.now), crm.ChangeWaiting, int64(len(changed))
	var finished *int64
	if len(changed) == 0 {
		c.State, finished = crm.ChangeDone, &a.t.now
		c.FinishedAt = clockPtr(finished)
	}
	if _, err := a.t.exec(ctx, "forget old changes", "DELETE FROM email_changes WHERE integration_id = $1 AND NOT pending AND created_at < $2",
		string(c.ConnectionID), a.t.now-changesKept.Microseconds()); err != nil {
		return c, err
	}
	_, err := a.t.exec(ctx, "insert change", "INSERT INTO email_changes ("+changeColumns+", seq, pending, reached) SELECT "+dollars(12)+
		", (SELECT COALESCE(MAX(seq), 0) + 1 FROM email_changes WHERE integration_id = $3), $13, 0",
		string(c.ID), string(c.WorkspaceID), string(c.ConnectionID), string(c.UserID), string(c.Action), clean(c.LabelID), string(c.UndoOf), string(c.State),
		c.Count, "", a.t.now, finished, len(changed) > 0)
	if err != nil || len(changed) == 0 {
		return c, err
	}
	last := func(m *message) mail.Delta { return m.pending[len(m.pending)-1].delta }
	err = a.t.insert(ctx, "insert change items", "email_change_items", len(changed), "",
		texts("change_id", changed, func(*message) string { return string(c.ID) }), position(changed),
		texts("gmail_id", changed, func(m *message) string { return m.gmailID }),
		texts("added", changed, func(m *message) string { return listText(last(m).Add) }),
		texts("removed", changed, func(m *message) string { return listText(last(m).Remove) }))
	if err != nil {
		return c, err
	}
	return c, a.t.enqueue(ctx, []work.Job{send})
}

// dollars gives "$1, $2", cast to what the columns of a change hold where
// PostgreSQL cannot tell.
func dollars(n int) string {
	out := ""
	for i := 1; i <= n; i++ {
		if i > 1 {
			out += ", "
		}
		switch i {
		case 9, 11, 12:
			out += fmt.Sprintf("CAST($%d AS BIGINT)", i)
		default:
			out += fmt.Sprintf("CAST($%d AS TEXT)", i)
		}
	}
	return out
}

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

// UndoChange takes a change back.
func (s *Store) UndoChange(ctx context.Context, c crm.Change, inverse crm.ChangeID, send work.Job) (crm.Change, error) {
	err := s.edit(ctx, "mail.UndoChange", c.WorkspaceID, c.ConnectionID, func(a *apply) error {
		now, err := one(ctx, a.t, "read change", scanChange, "SELECT "+changeColumns+" FROM email_changes WHERE id = $1", string(c.ID))
		if c, err = found(now, err, noChange); err != nil {
			return err
		}
		switch c.State {
		case crm.ChangeUndone:
			return nil
		case crm.ChangeRefused:
			return fault.New(fault.Conflict, "Gmail has refused this change: there is nothing to take back.")
		}
		if err := a.readChanged(ctx, string(c.ID)); err != nil {
			return err
		}
		n, err := a.t.exec(ctx, "take back unsent", "UPDATE email_changes SET state = 'undone', pending = FALSE, finished_at = $2 WHERE id = $1 AND pending AND asked_at IS NULL",
			string(c.ID), a.t.now)
		if err != nil {
			return err
		}
		if n == 1 {
			a.lifted = func(_ *message, p pending) bool { return p.change == string(c.ID) }
		} else if err := a.takeBack(ctx, c, inverse, send); err != nil {
			return err
		}
		c.State, c.FinishedAt = crm.ChangeUndone, clockPtr(&a.t.now)
		return nil
	})
	return c, err
}

// takeBack lets the inverse follow a change that Gmail has, or may have.
func (a *apply) takeBack(ctx context.Context, c crm.Change, inverse crm.ChangeID, send work.Job) error {
	if _, err := a.t.exec(ctx, "note undone", "UPDATE email_changes SET state = 'undone', finished_at = $2 WHERE id = $1", string(c.ID), a.t.now); err != nil {
		return err
	}
	deltas := map[string]mail.Delta{}
	items, err := all(ctx, a.t, "read items", scanItem, "SELECT gmail_id, added, removed FROM email_change_items WHERE change_id = $1", string(c.ID))
	if err != nil {
		return err
	}
	for _, i := range items {
		deltas[i.GmailID] = i.Inverse()
	}
	of := make([]*message, 0, len(items))
	for _, i := range items {
		if m := a.messages[i.GmailID]; m != nil && m.live {
			of = append(of, m)
		}
	}
	_, err = a.change(ctx, crm.Change{
		ID: inverse, WorkspaceID: c.WorkspaceID, ConnectionID: c.ConnectionID, UserID: c.UserID, Action: crm.ActionUndo, UndoOf: c.ID,
	}, send, of, func(m *message) mail.Delta { return deltas[m.gmailID] })
	return err
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

package store

import (
	"context"
	"fmt"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/work"
)

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

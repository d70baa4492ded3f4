package store

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/mail"
)

// Messages under pending changes have a row in email_remote with what Google
// says; their labels are mail.Overlay of it. Applies and changes of one
// connection run one after the other, since all of them lock it first.

// overlayLife is how long a change that Gmail has taken lies over what the
// history says, should the history never be followed far enough.
const overlayLife = time.Hour

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

package scenario

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/store/storetest"
	"rapport/simulator/front"
)

// stored gives the newest stored messages of a house.
func (h *house) stored(n int) (ids []crm.EmailID) {
	h.t.Helper()
	query(h.t, h.ground, func(scan func(...any)) {
		var id crm.EmailID
		scan(&id)
		ids = append(ids, id)
	}, "SELECT id FROM synced_emails WHERE integration_id = $1 AND deleted_at IS NULL ORDER BY pos DESC LIMIT $2", string(h.conn), n)
	return ids
}

// idOf is the message stored for one of Google's.
func (h *house) idOf(gmailID string) crm.EmailID {
	h.t.Helper()
	r := rowsOf(h.t, h.ground, h.conn)[gmailID]
	require.NotNil(h.t, r, gmailID)
	return r.ID
}

// change lets the owner change mail in the program, or take a change back.
func (m *machine) change() {
	m.note()
	p := m.two[m.r.IntN(2)]
	if p.dead.Load() {
		return
	}
	if m.r.IntN(4) == 0 {
		list, _, err := m.ground.ChangesOf(context.Background(), m.owners.Workspace, m.owners.UserID, "", mail.Page{Limit: 5})
		require.NoError(m.t, err)
		if len(list) == 0 {
			return
		}
		c := list[m.r.IntN(len(list))]
		m.say("%s %s is taken back", c.State, c.Action)
		_, err = p.mail.UndoChange(p.ctx, m.owners, c.ID)
		m.expected(p, err)
		return
	}
	ids := m.stored(12)
	if len(ids) == 0 {
		return
	}
	m.r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	w := mail.Wish{Pick: mail.Pick{Emails: ids[:1+m.r.IntN(len(ids))]}, Action: pick(m, crm.ActionRead, crm.ActionUnread, crm.ActionStar, crm.ActionUnstar,
		crm.ActionArchive, crm.ActionInbox, crm.ActionTrash, crm.ActionUntrash, crm.ActionSpam, crm.ActionNotSpam)}
	if m.r.IntN(2) == 0 {
		w.Action, w.Label = pick(m, crm.ActionAddLabel, crm.ActionAddLabel, crm.ActionRemoveLabel), m.ours
	}
	m.say("%s %s of %d messages", w.Action, w.Label, len(w.Emails))
	_, err := p.mail.ChangeMail(p.ctx, m.owners, w)
	switch fault.Of(err) {
	case fault.NotFound, fault.Invalid: // deleted meanwhile; a label that is not known here yet
		if err != nil && !p.dead.Load() {
			return
		}
	}
	m.expected(p, err)
}

// delta of one message in one change, as stored.
type delta struct {
	gmailID        string
	added, removed []string
}

func (h *house) deltas(where string) (out []delta) {
	h.t.Helper()
	query(h.t, h.ground, func(scan func(...any)) {
		var d delta
		var added, removed string
		scan(&d.gmailID, &added, &removed)
		require.NoError(h.t, json.Unmarshal([]byte(added), &d.added))
		require.NoError(h.t, json.Unmarshal([]byte(removed), &d.removed))
		out = append(out, d)
	}, "SELECT i.gmail_id, i.added, i.removed FROM email_changes c JOIN email_change_items i ON i.change_id = c.id WHERE c.integration_id = $1 AND "+
		where+" ORDER BY c.seq", string(h.conn))
	return out
}

// overlaid requires that every message shows what Google says of it with the
// pending changes on top: nobody sees one flicker.
func (h *house) overlaid() {
	h.t.Helper()
	over := map[string][]mail.Delta{}
	for _, d := range h.deltas("c.pending") {
		over[d.gmailID] = append(over[d.gmailID], mail.Delta{Add: d.added, Remove: d.removed})
	}
	remote := 0
	query(h.t, h.ground, func(scan func(...any)) {
		var id, labels, says string
		var deleted bool
		scan(&id, &labels, &says, &deleted)
		remote++
		if deleted {
			return
		}
		var shown, google []string
		require.NoError(h.t, json.Unmarshal([]byte(labels), &shown))
		require.NoError(h.t, json.Unmarshal([]byte(says), &google))
		require.Equal(h.t, mail.Overlay(google, over[id]), append([]string{}, shown...), "%s: Google says %v, on top %v", id, google, over[id])
	}, "SELECT e.gmail_id, e.labels, r.labels, e.deleted_at IS NOT NULL FROM synced_emails e JOIN email_remote r ON r.pos = e.pos WHERE e.integration_id = $1", string(h.conn))
	require.Equal(h.t, len(over), remote, "messages under pending changes, and what Google says of them")
}

// made is a change as it was stored last.
type made struct {
	at, seq int64
	refused bool
	nothing bool // taken back before it was on its way
	deltas  []delta
}

// note keeps all changes: a month later a new one has the store forget those that are
// over, and months pass here.
func (m *machine) note() {
	m.t.Helper()
	now := map[string]made{}
	query(m.t, m.ground, func(scan func(...any)) {
		var id, state, added, removed string
		var asked bool
		var c made
		var d delta
		scan(&id, &c.at, &c.seq, &state, &asked, &d.gmailID, &added, &removed)
		require.NoError(m.t, json.Unmarshal([]byte(added), &d.added))
		require.NoError(m.t, json.Unmarshal([]byte(removed), &d.removed))
		c.refused, c.nothing = state == string(crm.ChangeRefused), state == string(crm.ChangeUndone) && !asked
		c.deltas = append(now[id].deltas, d)
		now[id] = c
	}, `SELECT c.id, c.created_at, c.seq, c.state, c.asked_at IS NOT NULL, i.gmail_id, i.added, i.removed
		FROM email_changes c JOIN email_change_items i ON i.change_id = c.id WHERE c.integration_id = $1`, string(m.conn))
	maps.Copy(m.changes, now)
}

// delivered requires that no change is on its way any more, and that each
// message has our own label just when the last change of it says so.
func (m *machine) delivered() {
	m.t.Helper()
	require.Empty(m.t, m.deltas("c.pending"))
	m.note()
	changes := slices.SortedFunc(maps.Values(m.changes), func(a, b made) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) })
	if slices.ContainsFunc(changes, func(c made) bool { return c.refused }) {
		return // later ones were made over them
	}
	want := map[string]bool{}
	for _, c := range changes {
		if c.nothing {
			continue
		}
		for _, d := range c.deltas {
			switch {
			case slices.Contains(d.added, m.ours):
				want[d.gmailID] = true
			case slices.Contains(d.removed, m.ours):
				want[d.gmailID] = false
			}
		}
	}
	for id, e := range mailboxOf(m.t, m.sim, m.account) {
		require.Equal(m.t, want[id], slices.Contains(e.Labels, m.ours), "%s has %v", id, e.Labels)
	}
}

// givenChanges are changes that wait, in every way of sending them: many messages
// at once, few, different ones of a kind, one that takes another back; and the
// owner is at work at Google, too.
func givenChanges(h *house) *process {
	s := h.furnish()
	p := h.synced()
	wish := func(action crm.ChangeAction, label string, ids ...crm.EmailID) crm.Change {
		c, err := p.mail.ChangeMail(p.ctx, h.owners, mail.Wish{Pick: mail.Pick{Emails: ids}, Action: action, Label: label})
		require.NoError(h.t, err)
		return c
	}
	_, err := p.mail.CreateLabel(p.ctx, h.owners, h.conn, "Arrived")
	require.NoError(h.t, err)
	arrived := h.labelNamed("Arrived")
	wish(crm.ActionAddLabel, arrived, h.stored(100)...)
	wish(crm.ActionTrash, "", h.idOf(s.plain), h.idOf(s.archived))
	star := wish(crm.ActionStar, "", h.idOf(s.unread))
	_, _, err = p.store.NextChange(p.ctx, h.conn)
	require.NoError(h.t, err)
	wish(crm.ActionRead, "", h.idOf(s.unread))
	_, err = p.mail.UndoChange(p.ctx, h.owners, star.ID)
	require.NoError(h.t, err)
	h.change(s)
	h.clock.Move(time.Hour)
	return p
}

func (h *house) labelNamed(name string) string {
	h.t.Helper()
	list, err := h.google.Users.Labels.List("me").Do()
	require.NoError(h.t, err)
	for _, l := range list.Labels {
		if l.Name == name {
			return l.Id
		}
	}
	require.FailNow(h.t, "no such label", name)
	return ""
}

// changesArrived: all of them are at Google, in their order.
func changesArrived(h *house) {
	h.t.Helper()
	require.Empty(h.t, h.deltas("c.pending"))
	arrived, at := h.labelNamed("Arrived"), mailboxOf(h.t, h.sim, h.account)
	meant := 0
	for _, d := range h.deltas("c.action = 'add_label'") {
		if e := at[d.gmailID]; e != nil {
			if meant++; !slices.Contains(e.Labels, arrived) {
				h.t.Errorf("%s has %v, without %s", d.gmailID, e.Labels, arrived)
			}
		}
	}
	require.Positive(h.t, meant)
}

// TestChangesComeBackWithTheHistory: what Google says meanwhile is shown together
// with a change of ours, and our own change is no news when it comes back.
func TestChangesComeBackWithTheHistory(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newHouse(t, 12)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		label := h.label("Projects")
		id := h.deliver("", "INBOX", "UNREAD")
		require.NoError(t, p.begin())
		require.NoError(t, p.settle())
		labels := func() []string { return rowsOf(t, h.ground, h.conn)[id].Labels }

		c, err := p.mail.ChangeMail(p.ctx, h.owners, mail.Wish{Pick: mail.Pick{Emails: []crm.EmailID{h.idOf(id)}}, Action: crm.ActionStar})
		require.NoError(t, err)
		require.Equal(t, []string{"INBOX", "STARRED", "UNREAD"}, labels(), "at once")
		h.modify(id, []string{label}, []string{"UNREAD"})
		p.alone(mail.KindHistory)
		require.Equal(t, []string{"INBOX", label, "STARRED"}, labels(), "both")
		v, err := p.mail.Verify(p.ctx, h.owners, h.conn)
		require.NoError(t, err)
		p.alone(mail.KindVerify)
		complete, err := h.ground.Completeness(p.ctx, h.conn)
		require.NoError(t, err)
		require.Zero(t, complete.Relabelled, "a change on its way is no difference: %+v", complete)
		require.NotEmpty(t, v.ID)

		p.alone(mail.KindChange)
		require.Equal(t, []string{"INBOX", label, "STARRED"}, labels())
		at, err := h.ground.LastFact(p.ctx)
		require.NoError(t, err)
		runs := len(h.runs())
		h.overlaid()
		p.alone(mail.KindHistory)
		require.Equal(t, []string{"INBOX", label, "STARRED"}, labels())
		told, err := h.ground.FactsAfter(p.ctx, at, 100)
		require.NoError(t, err)
		require.Empty(t, told, "our own change is no news")
		require.Len(t, h.runs(), runs, "and no run")
		require.Empty(t, h.deltas("c.pending"))
		done, err := h.ground.ChangeOf(p.ctx, h.owners.Workspace, h.owners.UserID, c.ID)
		require.NoError(t, err)
		require.Equal(t, crm.ChangeDone, done.State)
		h.sound()
		p.idle()
	})
}

// TestChangesAreRefused: what Gmail does not take is put back, and told in words.
func TestChangesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		for _, c := range []struct {
			name, reason string
			prepare      func(h *house, label, id string)
		}{
			{"label gone", "Gmail does not have this label any more.", func(h *house, label, _ string) {
				require.NoError(h.t, h.google.Users.Labels.Delete("me", label).Do())
			}},
			{"message gone", "Gmail does not have this mail any more.", func(h *house, _, id string) { h.remove(id) }},
			{"not allowed", "Google does not allow this for the account.", func(h *house, _, _ string) {
				_, err := h.sim.Front.Faults.Add(front.Fault{API: "gmail", Account: h.account, Method: "messages.modify", Kind: "status", Status: 403, Reason: "forbidden", Times: 1})
				require.NoError(h.t, err)
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				h := w.newHouse(t, 5)
				defer h.leave()
				p := h.boot()
				h.connect(p)
				label := h.label("Projects")
				id := h.deliver("", "INBOX", "UNREAD")
				require.NoError(t, p.begin())
				require.NoError(t, p.settle())
				made, err := p.mail.ChangeMail(p.ctx, h.owners, mail.Wish{Pick: mail.Pick{Emails: []crm.EmailID{h.idOf(id)}}, Action: crm.ActionAddLabel, Label: label})
				require.NoError(t, err)
				require.Contains(t, rowsOf(t, h.ground, h.conn)[id].Labels, label)
				c.prepare(h, label, id)
				p.alone(mail.KindChange)
				require.Equal(t, []string{"INBOX", "UNREAD"}, rowsOf(t, h.ground, h.conn)[id].Labels)
				now, err := h.ground.ChangeOf(p.ctx, h.owners.Workspace, h.owners.UserID, made.ID)
				require.NoError(t, err)
				require.Equal(t, crm.ChangeRefused, now.State)
				require.Equal(t, c.reason, now.Reason)
				var told []string
				for _, f := range h.facts() {
					if f.Kind == fact.MailRefused {
						told = append(told, string(f.Data))
						require.Equal(t, h.owners.UserID, f.UserID)
					}
				}
				require.Len(t, told, 1)
				require.Contains(t, told[0], c.reason)
				_, err = p.mail.UndoChange(p.ctx, h.owners, made.ID)
				require.Equal(t, fault.Conflict, fault.Of(err))
				require.NoError(t, p.settle())
				h.sound()
				p.idle()
			})
		}
	})
}

// TestChangesWaitForAccess: without access they wait, and go out when the account
// is connected again.
func TestChangesWaitForAccess(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newHouse(t, 5)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		id := h.deliver("", "INBOX", "UNREAD")
		require.NoError(t, p.begin())
		require.NoError(t, p.settle())
		made, err := p.mail.ChangeMail(p.ctx, h.owners, mail.Wish{Pick: mail.Pick{Emails: []crm.EmailID{h.idOf(id)}}, Action: crm.ActionArchive})
		require.NoError(t, err)
		h.sim.OAuth.RevokeAccount(h.account, "")
		require.NoError(t, p.settle())
		h.corridors(p)
		now, err := h.ground.ChangeOf(p.ctx, h.owners.Workspace, h.owners.UserID, made.ID)
		require.NoError(t, err)
		require.Equal(t, crm.ChangeWaiting, now.State)
		require.Equal(t, []string{"UNREAD"}, rowsOf(t, h.ground, h.conn)[id].Labels)
		require.Contains(t, mailboxOf(t, h.sim, h.account)[id].Labels, "INBOX")
		h.connect(p)
		h.corridors(p)
		require.NoError(t, p.settle())
		require.NotContains(t, mailboxOf(t, h.sim, h.account)[id].Labels, "INBOX")
		h.sound()
		p.idle()
	})
}

// TestChangesGoOutInBatches: few messages one by one, many at once, by what is
// cheaper; and undo gives back what each message had.
func TestChangesGoOutInBatches(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newHouse(t, 60)
		defer h.leave()
		p := h.boot()
		h.connect(p, func(s *crm.ConnectionSettings) { s.Labels = []string{crm.AllLabels} })
		require.NoError(t, p.begin())
		require.NoError(t, p.settle())
		before := mailboxOf(t, h.sim, h.account)
		calls := func(do func()) map[string]int {
			since := h.sim.Front.Log.Since(0)
			last := since[len(since)-1].Number
			do()
			n := map[string]int{}
			for _, r := range h.sim.Front.Log.Since(last) {
				n[r.Method]++
			}
			return n
		}
		var made crm.Change
		n := calls(func() {
			var err error
			made, err = p.mail.ChangeMail(p.ctx, h.owners, mail.Wish{Pick: mail.Pick{Emails: h.stored(50)}, Action: crm.ActionUnread})
			require.NoError(t, err)
			p.alone(mail.KindChange)
		})
		require.Equal(t, 1, n["messages.batchModify"], "%v", n)
		require.Zero(t, n["messages.modify"], "%v", n)
		require.Positive(t, made.Count)
		n = calls(func() {
			_, err := p.mail.UndoChange(p.ctx, h.owners, made.ID)
			require.NoError(t, err)
			p.alone(mail.KindChange)
		})
		require.Equal(t, 1, n["messages.batchModify"]+n["messages.modify"]/9, "%v", n)
		require.NoError(t, p.settle())
		after := mailboxOf(t, h.sim, h.account)
		for id, e := range before {
			require.Equal(t, e.Labels, after[id].Labels, "undo gives back what %s had", id)
		}
		n = calls(func() {
			_, err := p.mail.ChangeMail(p.ctx, h.owners, mail.Wish{Pick: mail.Pick{Emails: h.stored(3)}, Action: crm.ActionTrash})
			require.NoError(t, err)
			p.alone(mail.KindChange)
		})
		require.Zero(t, n["messages.batchModify"], "%v", n)
		require.Equal(t, 3, n["messages.modify"], "%v", n)
		require.NoError(t, p.settle())
		h.sound()
		p.idle()
	})
}

// TestLabelsOnAndOff: turning one on fetches what is missing and no more, turning
// it off hides its messages or keeps them, and those that are hidden come back
// without being fetched again.
func TestLabelsOnAndOff(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newHouse(t, 10)
		defer h.leave()
		p := h.boot()
		label := h.label("Projects")
		var alone []string
		for range 5 {
			alone = append(alone, h.deliver("", label))
		}
		both := h.deliver("", label, "INBOX")
		h.connect(p)
		require.NoError(t, p.begin())
		require.NoError(t, p.settle())
		turn := func(off map[string]string, chosen ...string) {
			h.choose(func(s *crm.ConnectionSettings) { mail.ChooseLabels(s, chosen, off) })
			h.corridors(p)
			require.NoError(t, p.settle())
		}
		fetched := func() (n int) {
			for _, r := range h.sim.Front.Log.Since(0) {
				if r.Method == "messages.get" || r.Method == "threads.get" {
					n++
				}
			}
			return n
		}
		seen := func(label string) (n int) {
			page, err := h.ground.List(p.ctx, h.owners, mail.ListQuery{Workspace: h.owners.Workspace, Connection: h.conn, Label: label, Page: mail.Page{Limit: 200}})
			require.NoError(t, err)
			return len(page.Emails)
		}
		n := fetched()
		turn(nil, "INBOX", "SENT", label)
		require.Equal(t, 6, seen(label))
		require.Equal(t, 5, fetched()-n, "what is stored is not fetched again")
		h.sound()

		turn(map[string]string{label: "hide"}, "INBOX", "SENT")
		require.Equal(t, 1, seen(label), "the one that is in the inbox, too")
		for search, want := range map[string]int{"label:projects": 1, "label:projects in:anywhere": 1, "in:anywhere rfc822msgid:nothing": 0} {
			page, err := h.ground.List(p.ctx, h.owners, mail.ListQuery{Workspace: h.owners.Workspace, Connection: h.conn, Search: mail.ParseSearch(search, mail.Viewer{Now: h.clock.Now()})})
			require.NoError(t, err)
			require.Len(t, page.Emails, want, search)
		}
		counts, err := h.ground.CountsOf(p.ctx, h.conn)
		require.NoError(t, err)
		require.EqualValues(t, seen(""), counts.Messages)
		h.modify(alone[0], []string{"STARRED"}, nil) // goes on being updated
		h.modify(alone[1], []string{"INBOX"}, nil)   // has a label that is on
		h.modify(both, nil, []string{"INBOX"})
		require.NoError(t, p.settle())
		require.Equal(t, 1, seen(label))
		require.Contains(t, rowsOf(t, h.ground, h.conn)[alone[0]].Labels, "STARRED")

		n = fetched()
		turn(nil, "INBOX", "SENT", label)
		require.Equal(t, 6, seen(label), "they come back")
		require.Equal(t, n, fetched(), "from here")
		turn(map[string]string{label: "keep"}, "INBOX", "SENT")
		require.Equal(t, 6, seen(label))
		late := h.deliver("", label)
		require.NoError(t, p.settle())
		require.Nil(t, rowsOf(t, h.ground, h.conn)[late], "it is off")

		require.NoError(t, h.google.Users.Labels.Delete("me", label).Do())
		_, err = p.mail.Verify(p.ctx, h.owners, h.conn)
		require.NoError(t, err)
		require.NoError(t, p.settle())
		require.NotContains(t, fmt.Sprint(h.connection().Settings), label, "a label deleted at Google is forgotten")
		require.Zero(t, seen(label))
		p.idle()
	})
}

// TestChangedWhileCounted: a change that goes out in the middle of a check is no
// difference either.
func TestChangedWhileCounted(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newHouse(t, 20)
		defer h.leave()
		p, other := h.boot(), (*process)(nil)
		h.connect(p)
		require.NoError(t, p.begin())
		require.NoError(t, p.settle())
		other = h.boot()
		ids := h.stored(15)
		done := false
		p.before.open(func(_ int64, r *http.Request) error {
			if done || !r.URL.Query().Has("labelIds") {
				return nil
			}
			done = true
			_, err := other.mail.ChangeMail(other.ctx, h.owners, mail.Wish{Pick: mail.Pick{Emails: ids}, Action: crm.ActionStar})
			if err == nil {
				_, err = other.step(mail.KindChange)
			}
			return err
		})
		_, err := p.mail.Verify(p.ctx, h.owners, h.conn)
		require.NoError(t, err)
		p.alone(mail.KindVerify)
		require.True(t, done)
		p.calm()
		c, err := h.ground.Completeness(p.ctx, h.conn)
		require.NoError(t, err)
		require.Zero(t, c.Relabelled+c.Missing+c.Extra+c.Unexplained, "%+v", c)
		require.NoError(t, p.settle())
		h.sound()
		p.idle()
	})
}

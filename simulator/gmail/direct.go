package gmail

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"rapport/simulator/control"
)

// Mailbox is the mail of one account for those who serve it by another
// protocol than the API. Two of them are equal when they are the same mailbox:
// one that was made anew is another.
type Mailbox struct {
	r *Room
	m *mailbox
}

// Summary is what is known of a message without opening it.
type Summary struct {
	ID, Thread uint64
	Date       time.Time
	Labels     []string // ids; shared, not to be changed
	History    uint64   // of its last change
}

// Change is one line of a mailbox's history.
type Change struct {
	History, ID uint64
	Labels      []string // ids it has afterwards
	Gone        bool
}

// Label is a label of a mailbox.
type Label struct {
	ID, Name string
	System   bool
}

// ErrRefused is returned for changes that a mailbox does not allow.
var ErrRefused = errors.New("the mailbox does not allow this")

// Mailbox opens the mail of an account; false when it has none.
func (r *Room) Mailbox(email string) (Mailbox, bool) {
	m := r.box(email)
	if m == nil || m.account.NoMailbox {
		return Mailbox{}, false
	}
	return Mailbox{r, m}, true
}

// Email is the address of the account.
func (b Mailbox) Email() string { return b.m.account.Email }

// Changed is closed at the next change.
func (b Mailbox) Changed() <-chan struct{} {
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	if b.m.wake == nil {
		b.m.wake = make(chan struct{})
	}
	return b.m.wake
}

// Labels lists the labels.
func (b Mailbox) Labels() []Label {
	b.m.mu.RLock()
	defer b.m.mu.RUnlock()
	out := make([]Label, 0, len(b.m.labels))
	for _, l := range b.m.labels {
		out = append(out, Label{l.id, l.name, l.system})
	}
	return out
}

// All shows every message in the order of their ids, and returns the history id
// that this is the state of.
func (b Mailbox) All(see func(Summary)) uint64 {
	b.r.purge(b.m)
	b.m.mu.RLock()
	defer b.m.mu.RUnlock()
	names := map[uint32][]string{}
	for slot := uint32(1); int(slot) < len(b.m.entries); slot++ {
		if b.m.entries[slot].set != gone {
			see(b.m.summary(slot, names))
		}
	}
	return b.m.history
}

func (m *mailbox) summary(slot uint32, names map[uint32][]string) Summary {
	e := &m.entries[slot]
	return Summary{ID: e.id, Thread: m.entries[e.root].id, Date: time.UnixMilli(e.date).UTC(), Labels: m.idsOf(e.set, names), History: max(e.history, 1)}
}

// idsOf lists the ids of a set of labels; names remembers them.
func (m *mailbox) idsOf(set uint32, names map[uint32][]string) []string {
	if ids, ok := names[set]; ok {
		return ids
	}
	ids := make([]string, 0, len(m.sets[set].nos))
	for _, n := range m.sets[set].nos {
		ids = append(ids, m.labelNames[n])
	}
	if names != nil {
		names[set] = ids
	}
	return ids
}

// Since shows the changes after a history id and returns the newest one; false
// when that history is forgotten.
func (b Mailbox) Since(history uint64, see func(Change)) (uint64, bool) {
	b.r.purge(b.m)
	m := b.m
	m.mu.RLock()
	defer m.mu.RUnlock()
	if history < m.floor {
		return m.history, false
	}
	names := map[uint32][]string{}
	from := sort.Search(len(m.records), func(i int) bool { return m.records[i].id > history })
	for i := range m.records[from:] {
		r := &m.records[from+i]
		see(Change{History: r.id, ID: m.entries[r.slot].id, Labels: m.idsOf(r.after, names), Gone: r.kind == deleted})
	}
	return m.history, true
}

// Message finds a message.
func (b Mailbox) Message(id uint64) (Summary, bool) {
	b.m.mu.RLock()
	defer b.m.mu.RUnlock()
	slot, ok := b.m.find(id)
	if !ok {
		return Summary{}, false
	}
	return b.m.summary(slot, nil), true
}

// Raw is a message as it lies in the mailbox.
func (b Mailbox) Raw(id uint64) ([]byte, bool) {
	b.m.mu.RLock()
	slot, ok := b.m.find(id)
	if !ok {
		b.m.mu.RUnlock()
		return nil, false
	}
	v := b.m.look(slot)
	b.m.mu.RUnlock()
	defer v.release()
	return slices.Clone(v.load()), true
}

// Search finds messages as the API's q does, spam and trash included.
func (b Mailbox) Search(q string) map[uint64]bool {
	m := b.m
	m.mu.RLock()
	defer m.mu.RUnlock()
	req := request{start: m.newest(), plan: m.search(parseQuery(q, b.r.world.Clock.Now(), pacific), nil, true)}
	out := map[uint64]bool{}
	m.walk(&req, func(slot uint32) bool {
		out[m.entries[slot].id] = true
		return true
	})
	return out
}

// change runs f on the mailbox alone and tells who watches it.
func (b Mailbox) change(f func(m *mailbox)) {
	b.m.mu.Lock()
	f(b.m)
	due := b.m.takeDue()
	b.m.mu.Unlock()
	b.r.notify(b.m, due)
}

// Modify adds and removes labels by their ids; those the mailbox does not have
// are passed over. Messages whose labels stay as they are get no history, unless
// touch is set: then a line that the API does not show.
func (b Mailbox) Modify(ids []uint64, add, remove []string, touch bool) {
	b.change(func(m *mailbox) {
		numbers := func(names []string) (out []labelNo) {
			for _, n := range names {
				if l := m.labelByID(n); l != nil {
					out = append(out, l.no)
				}
			}
			return out
		}
		c := change{add: numbers(add), remove: numbers(remove)}
		for _, id := range ids {
			slot, ok := m.find(id)
			if ok && !m.relabel(slot, m.apply(m.entries[slot].set, c)) && touch {
				set := m.entries[slot].set
				m.write(record{slot: slot, kind: relabelled, before: set, after: set})
			}
		}
	})
}

// Delete removes messages for good.
func (b Mailbox) Delete(ids []uint64) {
	b.change(func(m *mailbox) {
		for _, id := range ids {
			if slot, ok := m.find(id); ok {
				m.remove(slot)
			}
		}
	})
}

// Insert adds a message as it is, with labels by their ids, and threads it by
// its references. With DRAFT it is a draft for the API too.
func (b Mailbox) Insert(raw []byte, at time.Time, labels []string) uint64 {
	var id uint64
	b.change(func(m *mailbox) {
		l := open(raw)
		if l.first("Message-ID") == nil {
			raw = prefixed(raw, "Message-ID: "+m.newMessageID())
		}
		var nos []labelNo
		for _, n := range labels {
			if l := m.labelByID(n); l != nil {
				nos = append(nos, l.no)
			}
		}
		slot := m.put(entry{id: m.newID(b.r.world.Clock.Now()), date: at.UnixMilli(), set: m.set(nos), body: newStored(raw)}, m.threadByReferences(l))
		id = m.entries[slot].id
		if slices.Contains(nos, lDraft) {
			m.drafts = append(m.drafts, draft{id: fmt.Sprintf("r%d", m.draw(0)>>1), slot: slot})
		}
	})
	return id
}

// CreateLabel makes a label of the user.
func (b Mailbox) CreateLabel(name string) (Label, error) {
	var out Label
	err := ErrRefused
	b.change(func(m *mailbox) {
		if err = m.checkName(name, nil); err == nil {
			l := m.newUserLabel(strings.TrimSpace(name))
			out = Label{l.id, l.name, false}
		}
	})
	return out, err
}

// RenameLabel gives a label of the user another name.
func (b Mailbox) RenameLabel(id, name string) error {
	err := ErrRefused
	b.change(func(m *mailbox) {
		if l := m.labelByID(id); l != nil && !l.system {
			if err = m.checkName(name, l); err == nil {
				l.name = strings.TrimSpace(name)
			}
		}
	})
	return err
}

// DeleteLabel removes a label of the user from the mailbox and all messages.
func (b Mailbox) DeleteLabel(id string) error {
	err := ErrRefused
	b.change(func(m *mailbox) {
		if l := m.labelByID(id); l != nil && !l.system {
			m.dropLabel(l)
			err = nil
		}
	})
	return err
}

// Submit sends a message to recipients as SMTP does: with a copy in Sent, From
// made one of the account's addresses, Bcc taken out. A Message-ID is kept.
func (b Mailbox) Submit(raw []byte, to []string, client string) (uint64, error) {
	l := open(raw)
	for _, address := range to {
		if key := strings.ToLower(address); !slices.Contains(l.to, key) {
			l.to = append(l.to, key)
		}
	}
	if len(l.to) == 0 {
		return 0, ErrRefused
	}
	now := b.r.world.Clock.Now()
	stamp := now.In(pacific).Format("Mon, 2 Jan 2006 15:04:05 -0700 (MST)")
	own := l.text("Message-ID")
	var id uint64
	b.change(func(m *mailbox) {
		l.complete(m, now)
		if own != "" {
			l.set("Message-ID", own)
		}
		received := "Received: from " + headerSafe(client) + "\r\n        by smtp.gmail.com with ESMTPSA id " + hexID(m.draw(0)) + ";\r\n        " + stamp
		e := entry{id: m.newID(now), date: now.UnixMilli(), set: m.set(m.sentLabels(l.to)), body: newStored(prefixed(l.bytes(), received))}
		id = m.entries[m.put(e, m.threadByReferences(l))].id
	})
	l.drop("Bcc")
	b.r.deliver(b.m, l, now)
	b.r.log(control.Sent{Time: now, From: b.m.account.Email, To: l.to, Subject: l.text("Subject"), MessageID: l.text("Message-ID"), ID: hexID(id), Why: "send"})
	return id, nil
}

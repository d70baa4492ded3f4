package gmail

import (
	"net/mail"
	"time"

	"rapport/simulator/front"
)

// messagesInsert adds a message as IMAP APPEND does: nobody is told, nothing
// is checked but its labels.
func (r *Room) messagesInsert(c *front.Call) (any, error) { return r.insert(c, "receivedTime") }

// messagesImport adds a message as if it had been received: threaded by its
// references, dated by its Date header.
func (r *Room) messagesImport(c *front.Call) (any, error) { return r.insert(c, "dateHeader") }

func (r *Room) insert(c *front.Call, dates string) (any, error) {
	var body messageBody
	if err := decodeBody(c, &body); err != nil {
		return nil, err
	}
	raw, err := rawOf(c, &body)
	if err != nil {
		return nil, err
	}
	if d := c.Query.Get("internalDateSource"); d != "" {
		dates = d
	}
	now := r.world.Clock.Now()
	date := now
	if dates == "dateHeader" {
		date = headerDate(raw, now)
	}
	return r.change(c, func(m *mailbox) (any, error) {
		labels, err := m.resolve(body.LabelIDs)
		if err != nil {
			return nil, err
		}
		l := open(raw)
		root, err := m.threadFor(l, body.ThreadID)
		if err != nil {
			return nil, err
		}
		if root == 0 {
			root = m.threadByReferences(l)
		}
		if l.first("Message-ID") == nil {
			raw = prefixed(raw, "Message-ID: "+m.newMessageID())
		}
		slot := m.put(entry{id: m.newID(now), date: date.UnixMilli(), set: m.set(labels), body: newStored(raw)}, root)
		answer := m.brief(slot)
		if c.Query.Get("deleted") == "true" { // visible to Vault only
			m.remove(slot)
		}
		return answer, nil
	})
}

// headerDate is the time in a message's Date header, or def.
func headerDate(raw []byte, def time.Time) time.Time {
	f := open(raw).first("Date")
	if f == nil {
		return def
	}
	t, err := mail.ParseDate(string(unfold(nil, f.value)))
	if err != nil || t.Year() < 1971 {
		return def
	}
	return t
}

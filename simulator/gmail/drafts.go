package gmail

import (
	"encoding/base64"
	"fmt"
	"slices"

	"rapport/simulator/front"
)

// draft ties a draft's stable id to its present message.
type draft struct {
	id   string
	slot uint32
}

type draftBody struct {
	ID      string      `json:"id"`
	Message messageBody `json:"message"`
}

func (m *mailbox) draftByID(id string) (draft, bool) {
	i := slices.IndexFunc(m.drafts, func(d draft) bool { return d.id == id })
	if i < 0 {
		return draft{}, false
	}
	return m.drafts[i], true
}

// draftRef is {"id","message":{"id","threadId"[,"labelIds"]}}.
func (m *mailbox) draftRef(dst []byte, d draft, labels bool) []byte {
	e := &m.entries[d.slot]
	dst = append(append(append(dst, `{"id":"`...), d.id...), `","message":`...)
	dst = m.appendRef(dst, e)
	if labels {
		dst = m.appendLabelIDs(dst, e.set)
	}
	return append(dst, "}}"...)
}

func (r *Room) draftsCreate(c *front.Call) (any, error) {
	var body draftBody
	if err := decodeBody(c, &body); err != nil {
		return nil, err
	}
	raw, err := rawOf(c, &body.Message)
	if err != nil {
		return nil, err
	}
	return r.change(c, func(m *mailbox) (any, error) {
		root, err := m.draftThread(body.Message.ThreadID)
		if err != nil {
			return nil, err
		}
		d := draft{id: fmt.Sprintf("r%d", m.draw(0)>>1), slot: m.saveDraft(r, raw, root)}
		m.drafts = append(m.drafts, d)
		return front.Raw(m.draftRef(nil, d, true)), nil
	})
}

// draftThread is the thread a draft names. A draft belongs to it whatever its
// subject; only sending compares.
func (m *mailbox) draftThread(threadID string) (uint32, error) {
	if threadID == "" {
		return 0, nil
	}
	id, ok := parseID(threadID)
	if !ok {
		return 0, invalid("Invalid thread_id value")
	}
	root, ok := m.findThread(id)
	if !ok {
		return 0, notFound()
	}
	return root, nil
}

func (m *mailbox) saveDraft(r *Room, raw []byte, root uint32) uint32 {
	now := r.world.Clock.Now()
	l := open(raw)
	l.complete(m, now)
	return m.put(entry{id: m.newID(now), date: now.UnixMilli(), set: m.set([]labelNo{lDraft}), body: newStored(l.bytes())}, root)
}

// draftsUpdate replaces the message: a new message id, the draft's id stays.
func (r *Room) draftsUpdate(c *front.Call) (any, error) {
	var body draftBody
	if err := decodeBody(c, &body); err != nil {
		return nil, err
	}
	raw, err := rawOf(c, &body.Message)
	if err != nil {
		return nil, err
	}
	return r.change(c, func(m *mailbox) (any, error) {
		d, ok := m.draftByID(c.Path.Get("id"))
		if !ok {
			return nil, notFound()
		}
		root := m.entries[d.slot].root
		if t := body.Message.ThreadID; t != "" {
			if root, err = m.draftThread(t); err != nil {
				return nil, err
			}
		}
		old := d.slot
		d.slot = m.saveDraft(r, raw, root)
		i := slices.IndexFunc(m.drafts, func(o draft) bool { return o.id == d.id })
		m.drafts[i] = d
		m.remove(old)
		return front.Raw(m.draftRef(nil, d, true)), nil
	})
}

func (r *Room) draftsDelete(c *front.Call) (any, error) {
	return r.change(c, func(m *mailbox) (any, error) {
		d, ok := m.draftByID(c.Path.Get("id"))
		if !ok {
			return nil, notFound()
		}
		m.remove(d.slot)
		return nil, nil
	})
}

func (r *Room) draftsGet(c *front.Call) (any, error) {
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	f, err := formatOf(c)
	if err != nil {
		return nil, err
	}
	m.mu.RLock()
	d, ok := m.draftByID(c.Path.Get("id"))
	if !ok {
		m.mu.RUnlock()
		return nil, notFound()
	}
	v := m.look(d.slot)
	m.mu.RUnlock()
	out := append(append([]byte(`{"id":"`), d.id...), `","message":`...)
	return front.Raw(append(r.appendMessage(out, &v, f, c.Now), '}')), nil
}

func (r *Room) draftsList(c *front.Call) (any, error) {
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	req, err := r.listRequest(c, m)
	if err != nil {
		return nil, err
	}
	bySlot := make(map[uint32]draft, len(m.drafts))
	for _, d := range m.drafts {
		bySlot[d.slot] = d
	}
	req.plan.tests = slices.Insert(req.plan.tests, 0, m.labelTest(lDraft))
	out := []byte{'{'}
	n, more, last := 0, false, uint32(0)
	m.walk(&req, func(slot uint32) bool {
		d, ok := bySlot[slot]
		if !ok {
			return true
		}
		if n == req.size {
			more = true
			return false
		}
		if n == 0 {
			out = append(out, `"drafts":[`...)
		} else {
			out = append(out, ',')
		}
		out = m.draftRef(out, d, false)
		n, last = n+1, slot
		return true
	})
	return finishList(m, c, out, n, more, last, req.bound), nil
}

// draftsSend sends a draft, or the message that comes with the request in its
// place; the draft is gone then.
func (r *Room) draftsSend(c *front.Call) (any, error) {
	var body draftBody
	if err := decodeBody(c, &body); err != nil {
		return nil, err
	}
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	if body.ID == "" {
		raw, err := rawOf(c, &body.Message)
		if err != nil {
			return nil, err
		}
		return r.send(c, m, raw, body.Message.ThreadID, "")
	}
	m.mu.RLock()
	d, ok := m.draftByID(body.ID)
	var raw []byte
	var threadID string
	if ok {
		raw = m.entries[d.slot].body.raw
		if root := m.entries[d.slot].root; root != d.slot {
			threadID = hexID(m.entries[root].id)
		}
	}
	m.mu.RUnlock()
	if !ok {
		return nil, notFound()
	}
	if body.Message.Raw != "" || c.Media != nil {
		if raw, err = rawOf(c, &body.Message); err != nil {
			return nil, err
		}
		if body.Message.ThreadID != "" {
			threadID = body.Message.ThreadID
		}
	}
	return r.send(c, m, raw, threadID, body.ID)
}

// decodeAny reads base64 in either alphabet, padded or not.
func decodeAny(s string) ([]byte, error) {
	s = trimBase64(s)
	if b, err := base64.RawURLEncoding.DecodeString(s); err == nil {
		return b, nil
	}
	return base64.RawStdEncoding.DecodeString(s)
}

func trimBase64(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := s[i]; c != '=' && c != '\n' && c != '\r' && c != ' ' {
			out = append(out, c)
		}
	}
	return string(out)
}

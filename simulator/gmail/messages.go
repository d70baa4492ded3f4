package gmail

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"rapport/simulator/front"
)

func (r *Room) messagesGet(c *front.Call) (any, error) {
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	f, err := formatOf(c)
	if err != nil {
		return nil, err
	}
	m.mu.RLock()
	slot, err := m.message(c.Path.Get("id"))
	if err != nil {
		m.mu.RUnlock()
		return nil, err
	}
	v := m.look(slot)
	m.mu.RUnlock()
	return front.Raw(r.appendMessage(make([]byte, 0, 12<<10), &v, f, c.Now)), nil
}

// brief is the answer of methods that change a message.
func (m *mailbox) brief(slot uint32) front.Raw {
	e := &m.entries[slot]
	return append(m.appendLabelIDs(m.appendRef(nil, e), e.set), '}')
}

// labelChange is the body of the modify methods.
type labelChange struct {
	IDs    []string `json:"ids"`
	Add    []string `json:"addLabelIds"`
	Remove []string `json:"removeLabelIds"`
}

func (m *mailbox) change(c *front.Call) (change, labelChange, error) {
	var body labelChange
	if err := decodeBody(c, &body); err != nil {
		return change{}, body, err
	}
	if len(body.Add) > 100 || len(body.Remove) > 100 {
		return change{}, body, invalid("Cannot add or remove more than 100 labels at once") // wording not documented
	}
	var ch change
	var err error
	if ch.add, err = m.resolve(body.Add); err != nil {
		return ch, body, err
	}
	if ch.remove, err = m.resolve(body.Remove); err != nil {
		return ch, body, err
	}
	for i, n := range append(slices.Clone(ch.add), ch.remove...) {
		if n == lSent || n == lDraft || n == lChat {
			return ch, body, invalidLabel(append(slices.Clone(body.Add), body.Remove...)[i])
		}
	}
	for _, n := range ch.add {
		if slices.Contains(ch.remove, n) {
			return ch, body, invalid("Cannot both add and remove the same label") // wording not documented
		}
	}
	return ch, body, nil
}

func decodeBody(c *front.Call, into any) error {
	if len(c.Body) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.Body, into); err != nil {
		return invalid("Invalid JSON payload received. " + err.Error())
	}
	return nil
}

func (r *Room) messagesModify(c *front.Call) (any, error) {
	return r.change(c, func(m *mailbox) (any, error) {
		slot, err := m.message(c.Path.Get("id"))
		if err != nil {
			return nil, err
		}
		ch, _, err := m.change(c)
		if err != nil {
			return nil, err
		}
		m.relabel(slot, m.apply(m.entries[slot].set, ch))
		return m.brief(slot), nil
	})
}

// maxBatch is how many ids batchModify and batchDelete take.
const maxBatch = 1000

func (r *Room) messagesBatchModify(c *front.Call) (any, error) {
	return r.change(c, func(m *mailbox) (any, error) {
		ch, body, err := m.change(c)
		if err != nil {
			return nil, err
		}
		slots, err := m.batch(body.IDs)
		if err != nil {
			return nil, err
		}
		for _, s := range slots {
			m.relabel(s, m.apply(m.entries[s].set, ch))
		}
		return nil, nil
	})
}

// batch finds the messages of a list of ids; unknown ids are passed over.
func (m *mailbox) batch(ids []string) ([]uint32, error) {
	if len(ids) == 0 {
		return nil, invalid("No message ids specified.") // wording not documented
	}
	if len(ids) > maxBatch {
		return nil, invalid(fmt.Sprintf("Too many message ids specified; at most %d are allowed.", maxBatch)) // wording not documented
	}
	var slots []uint32
	for _, text := range ids {
		id, ok := parseID(text)
		if !ok {
			return nil, invalid("Invalid id value")
		}
		if slot, ok := m.find(id); ok {
			slots = append(slots, slot)
		}
	}
	return slots, nil
}

func (r *Room) messagesTrash(c *front.Call) (any, error) {
	return r.flag(c, change{add: []labelNo{lTrash}})
}

func (r *Room) messagesUntrash(c *front.Call) (any, error) {
	return r.flag(c, change{remove: []labelNo{lTrash}})
}

func (r *Room) flag(c *front.Call, ch change) (any, error) {
	return r.change(c, func(m *mailbox) (any, error) {
		slot, err := m.message(c.Path.Get("id"))
		if err != nil {
			return nil, err
		}
		m.relabel(slot, m.apply(m.entries[slot].set, ch))
		return m.brief(slot), nil
	})
}

func (r *Room) messagesDelete(c *front.Call) (any, error) {
	return r.change(c, func(m *mailbox) (any, error) {
		slot, err := m.message(c.Path.Get("id"))
		if err != nil {
			return nil, err
		}
		m.remove(slot)
		return nil, nil
	})
}

func (r *Room) messagesBatchDelete(c *front.Call) (any, error) {
	return r.change(c, func(m *mailbox) (any, error) {
		var body labelChange
		if err := decodeBody(c, &body); err != nil {
			return nil, err
		}
		slots, err := m.batch(body.IDs)
		if err != nil {
			return nil, err
		}
		for _, s := range slots {
			if m.entries[s].set != gone { // named twice
				m.remove(s)
			}
		}
		return nil, nil
	})
}

// attachmentsGet answers the bytes of a part. An id that was made for another
// message, is too old or no id at all is refused.
func (r *Room) attachmentsGet(c *front.Call) (any, error) {
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	m.mu.RLock()
	slot, err := m.message(c.Path.Get("messageId"))
	if err != nil {
		m.mu.RUnlock()
		return nil, err
	}
	v := m.look(slot)
	m.mu.RUnlock()
	defer v.release()
	no, ok := m.openAttachmentID(c.Path.Get("id"), v.e.id, c.Now)
	if !ok {
		return nil, invalid("Invalid attachment token")
	}
	p := v.root().find(no)
	if p == nil {
		return nil, invalid("Invalid attachment token")
	}
	data := p.decoded()
	out := fmt.Appendf(make([]byte, 0, len(data)*4/3+64), `{"size":%d,"data":"`, len(data))
	out = base64.URLEncoding.AppendEncode(out, data)
	return front.Raw(append(out, `"}`...)), nil
}

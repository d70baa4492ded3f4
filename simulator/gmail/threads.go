package gmail

import (
	"slices"
	"strconv"

	"rapport/simulator/front"
)

// threadOf finds a thread by the id of a request.
func (m *mailbox) threadOf(text string) (uint32, error) {
	id, ok := parseID(text)
	if !ok {
		return 0, invalid("Invalid id value")
	}
	root, ok := m.findThread(id)
	if !ok {
		return 0, notFound()
	}
	return root, nil
}

// inOrder lists a thread's messages, oldest first.
func (m *mailbox) inOrder(root uint32) []uint32 {
	slots := m.thread(root)
	slices.SortStableFunc(slots, func(a, b uint32) int { return int(m.entries[a].date - m.entries[b].date) })
	return slots
}

func (r *Room) threadsGet(c *front.Call) (any, error) {
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	f, err := formatOf(c)
	if err != nil {
		return nil, err
	}
	m.mu.RLock()
	root, err := m.threadOf(c.Path.Get("id"))
	if err != nil {
		m.mu.RUnlock()
		return nil, err
	}
	id := m.entries[root].id
	var views []view
	history := uint64(0)
	for _, s := range m.inOrder(root) {
		views = append(views, m.look(s))
		history = max(history, m.entries[s].history)
	}
	m.mu.RUnlock()
	out := make([]byte, 0, 12<<10*len(views))
	out = appendHex(append(out, `{"id":"`...), id)
	out = strconv.AppendUint(append(out, `","historyId":"`...), history, 10)
	out = append(out, `","messages":[`...)
	for i := range views {
		if i > 0 {
			out = append(out, ',')
		}
		out = r.appendMessage(out, &views[i], f, c.Now)
	}
	return front.Raw(append(out, "]}"...)), nil
}

// threadAnswer lists the messages of a thread after a change.
func (m *mailbox) threadAnswer(root uint32) front.Raw {
	out := append(appendHex(append([]byte(nil), `{"id":"`...), m.entries[root].id), `","messages":[`...)
	for i, s := range m.inOrder(root) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, m.brief(s)...)
	}
	return append(out, "]}"...)
}

func (r *Room) changeThread(c *front.Call, what func(m *mailbox) (change, error)) (any, error) {
	return r.change(c, func(m *mailbox) (any, error) {
		root, err := m.threadOf(c.Path.Get("id"))
		if err != nil {
			return nil, err
		}
		ch, err := what(m)
		if err != nil {
			return nil, err
		}
		for _, s := range m.thread(root) {
			m.relabel(s, m.apply(m.entries[s].set, ch))
		}
		return m.threadAnswer(root), nil
	})
}

func (r *Room) threadsModify(c *front.Call) (any, error) {
	return r.changeThread(c, func(m *mailbox) (change, error) {
		ch, _, err := m.change(c)
		return ch, err
	})
}

func (r *Room) threadsTrash(c *front.Call) (any, error) {
	return r.changeThread(c, func(*mailbox) (change, error) { return change{add: []labelNo{lTrash}}, nil })
}

func (r *Room) threadsUntrash(c *front.Call) (any, error) {
	return r.changeThread(c, func(*mailbox) (change, error) { return change{remove: []labelNo{lTrash}}, nil })
}

func (r *Room) threadsDelete(c *front.Call) (any, error) {
	return r.change(c, func(m *mailbox) (any, error) {
		root, err := m.threadOf(c.Path.Get("id"))
		if err != nil {
			return nil, err
		}
		for _, s := range m.thread(root) {
			m.remove(s)
		}
		return nil, nil
	})
}

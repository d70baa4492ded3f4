package gmail

import (
	"sort"
	"strconv"
	"time"

	"rapport/simulator/front"
)

type recordKind uint8

const (
	added recordKind = iota
	deleted
	relabelled
)

// record is one change of one message.
type record struct {
	id     uint64
	at     int64 // ms
	slot   uint32
	before uint32 // labels before
	after  uint32 // labels after; of a deleted message its last ones
	kind   recordKind
}

// historyLife is how long history is kept; Google promises at least a week
// "typically".
const historyLife = 14 * 24 * time.Hour

// write appends a record and remembers whom to notify.
func (m *mailbox) write(r record) {
	r.id = m.tick()
	now := m.clock.Now()
	r.at = now.UnixMilli()
	m.entries[r.slot].history = r.id
	m.records = append(m.records, r)
	m.stats.valid = false
	if m.wake != nil {
		close(m.wake)
		m.wake = nil
	}
	for _, w := range m.watches {
		if w.wants(m, &r) && now.Before(w.expires) {
			m.due = append(m.due, notice{topic: w.topic, history: r.id})
		}
	}
}

// forget drops what is older than historyLife.
func (m *mailbox) forget(now time.Time) {
	limit := now.Add(-historyLife).UnixMilli()
	n := sort.Search(len(m.records), func(i int) bool { return m.records[i].at >= limit })
	if n > 0 {
		m.floor = m.records[n-1].id
		m.records = append([]record(nil), m.records[n:]...)
	}
}

// expireHistory makes every history id known so far too old.
func (m *mailbox) expireHistory() {
	m.floor = m.tick()
	m.records = nil
}

func (r *Room) historyList(c *front.Call) (any, error) {
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	text := c.Query.Get("startHistoryId")
	if text == "" {
		return nil, invalid("Missing required parameter: startHistoryId") // wording not documented
	}
	start, perr := strconv.ParseUint(text, 10, 64)
	if perr != nil {
		return nil, invalid("Invalid startHistoryId") // wording not documented
	}
	size := pageSize(c, 100, 500)
	var want historyFilter
	for _, t := range c.Query["historyTypes"] {
		want.types = true
		switch t {
		case "messageAdded":
			want.added = true
		case "messageDeleted":
			want.deleted = true
		case "labelAdded":
			want.labelAdded = true
		case "labelRemoved":
			want.labelRemoved = true
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(r.world.Clock.Now())
	if id := c.Query.Get("labelId"); id != "" {
		l := m.labelByID(id)
		if l == nil {
			return nil, invalidLabel(id)
		}
		want.label, want.no = true, l.no
	}
	if start < m.floor || start > m.history {
		return nil, notFound()
	}
	bound := queryHash("history", text, c.Query.Get("labelId"), c.Query["historyTypes"])
	from := start
	if tok := c.Query.Get("pageToken"); tok != "" {
		at, ok := m.openToken(tok, bound)
		if !ok {
			return nil, invalid("Invalid pageToken")
		}
		from = at
		if from < m.floor {
			return nil, notFound()
		}
	}
	return m.historyPage(from, size, want, bound), nil
}

// historyFilter is the part of the history somebody asked for.
type historyFilter struct {
	types, added, deleted, labelAdded, labelRemoved bool
	label                                           bool
	no                                              labelNo
}

// historyPage writes the records after from. A page covers size records of
// the mailbox; a filter may leave fewer of them, or none, as Google's does.
func (m *mailbox) historyPage(from uint64, size int, want historyFilter, bound uint64) front.Raw {
	i := sort.Search(len(m.records), func(i int) bool { return m.records[i].id > from })
	end := min(i+size, len(m.records))
	out := append(make([]byte, 0, 256*(end-i)+64), '{')
	n := 0
	for ; i < end; i++ {
		mark := len(out)
		if n == 0 {
			out = append(out, `"history":[`...)
		} else {
			out = append(out, ',')
		}
		var ok bool
		if out, ok = m.appendRecord(out, &m.records[i], want); ok {
			n++
		} else {
			out = out[:mark]
		}
	}
	if n > 0 {
		out = append(out, "],"...)
	}
	if end < len(m.records) {
		out = append(out, `"nextPageToken":"`...)
		out = append(append(out, m.sealToken(m.records[end-1].id, bound)...), `",`...)
	}
	out = append(out, `"historyId":"`...)
	out = strconv.AppendUint(out, m.history, 10)
	return append(out, `"}`...)
}

func (m *mailbox) appendRecord(dst []byte, r *record, want historyFilter) ([]byte, bool) {
	all := !want.types
	gained, lost := m.difference(r.before, r.after), m.difference(r.after, r.before)
	isAdded := r.kind == added && (all || want.added)
	isDeleted := r.kind == deleted && (all || want.deleted)
	hasGained := r.kind == relabelled && len(gained) > 0 && (all || want.labelAdded)
	hasLost := r.kind == relabelled && len(lost) > 0 && (all || want.labelRemoved)
	if !isAdded && !isDeleted && !hasGained && !hasLost {
		return dst, false
	}
	// With labelId only what still carries the label afterwards is told, so
	// that leaving the label is not seen.
	if want.label && !m.sets[r.after].has(want.no) {
		return dst, false
	}
	e := &m.entries[r.slot]
	dst = strconv.AppendUint(append(dst, `{"id":"`...), r.id, 10)
	dst = append(dst, `","messages":[`...)
	dst = append(m.appendRef(dst, e), "}]"...)
	message := func(key string) {
		dst = append(append(append(dst, `,"`...), key...), `":[{"message":`...)
		dst = m.appendRef(dst, e)
		dst = append(m.appendLabelIDs(dst, r.after), '}')
	}
	if isAdded {
		message("messagesAdded")
		dst = append(dst, "}]"...)
	}
	if isDeleted {
		message("messagesDeleted")
		dst = append(dst, "}]"...)
	}
	if hasGained {
		message("labelsAdded")
		dst = append(m.appendNames(append(dst, `,"labelIds":[`...), gained), "]}]"...)
	}
	if hasLost {
		message("labelsRemoved")
		dst = append(m.appendNames(append(dst, `,"labelIds":[`...), lost), "]}]"...)
	}
	return append(dst, '}'), true
}

// appendRef appends `{"id":"…","threadId":"…"` without the closing brace.
func (m *mailbox) appendRef(dst []byte, e *entry) []byte {
	dst = appendHex(append(dst, `{"id":"`...), e.id)
	dst = appendHex(append(dst, `","threadId":"`...), m.entries[e.root].id)
	return append(dst, '"')
}

func (m *mailbox) appendLabelIDs(dst []byte, set uint32) []byte {
	if len(m.sets[set].json) == 0 {
		return dst
	}
	return append(append(append(dst, `,"labelIds":[`...), m.sets[set].json...), ']')
}

func (m *mailbox) appendNames(dst []byte, nos []labelNo) []byte {
	for i, n := range nos {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), m.labelNames[n]...), '"')
	}
	return dst
}

package gmail

import (
	"sort"
	"strconv"

	"rapport/simulator/front"
)

// request is what the list methods have in common.
type request struct {
	plan  plan
	size  int
	bound uint64
	start int // position in order; the walk goes down from there
}

// listRequest reads q, labelIds, includeSpamTrash, maxResults and pageToken.
// The caller holds the lock.
func (r *Room) listRequest(c *front.Call, m *mailbox) (request, error) {
	q := c.Query.Get("q")
	if q != "" && isNarrow(c) {
		return request{}, forbidden("Metadata scope does not support 'q' parameter")
	}
	labels, err := m.resolve(c.Query["labelIds"])
	if err != nil {
		return request{}, err
	}
	hidden := c.Query.Get("includeSpamTrash") == "true"
	req := request{
		size:  pageSize(c, 100, 500),
		bound: queryHash(c.Method, q, c.Query["labelIds"], strconv.FormatBool(hidden)),
		start: m.newest(),
	}
	if tok := c.Query.Get("pageToken"); tok != "" {
		place, ok := m.openToken(tok, req.bound)
		if !ok || place >= uint64(len(m.entries)) {
			return request{}, invalid("Invalid pageToken")
		}
		req.start = m.position(uint32(place))
	}
	req.plan = m.search(parseQuery(q, r.world.Clock.Now(), pacific), labels, hidden)
	if p := sort.Search(len(m.order), func(i int) bool { return m.entries[m.order[i]].date > req.plan.newest }); p < req.start {
		req.start = p
	}
	return req, nil
}

// position finds a slot in order.
func (m *mailbox) position(slot uint32) int {
	e := &m.entries[slot]
	i := sort.Search(len(m.order), func(i int) bool { return m.entries[m.order[i]].date >= e.date })
	for i < len(m.order) && m.order[i] != slot {
		i++
	}
	return i
}

// breath is after how many messages a walk lets writers in.
const breath = 4096

// walk visits matching messages, newest first, until visit returns false. The
// caller holds the lock for reading; it is let go now and then.
func (m *mailbox) walk(req *request, visit func(slot uint32) bool) {
	pr := probe{m: m}
	for i, n := req.start-1, 1; i >= 0; i, n = i-1, n+1 {
		slot := m.order[i]
		if n%breath == 0 {
			m.mu.RUnlock()
			m.mu.RLock()
			i = m.position(slot)
		}
		e := &m.entries[slot]
		if e.date < req.plan.oldest {
			return
		}
		if e.set == gone {
			continue
		}
		pr.reset(slot)
		if req.plan.match(&pr) && !visit(slot) {
			return
		}
	}
}

// estimate is what Google's estimate is: right for a short list, else 201.
func estimate(c *front.Call, n int, more bool) int {
	if more || c.Query.Get("pageToken") != "" {
		return 201
	}
	return n
}

func (r *Room) messagesList(c *front.Call) (any, error) {
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
	out := append(make([]byte, 0, 64*req.size+64), '{')
	n, more, last := 0, false, uint32(0)
	m.walk(&req, func(slot uint32) bool {
		if n == req.size {
			more = true
			return false
		}
		if n == 0 {
			out = append(out, `"messages":[`...)
		} else {
			out = append(out, ',')
		}
		out = append(m.appendRef(out, &m.entries[slot]), '}')
		n, last = n+1, slot
		return true
	})
	return finishList(m, c, out, n, more, last, req.bound), nil
}

func finishList(m *mailbox, c *front.Call, out []byte, n int, more bool, last uint32, bound uint64) front.Raw {
	if n > 0 {
		out = append(out, "],"...)
	}
	if more {
		out = append(append(append(out, `"nextPageToken":"`...), m.sealToken(uint64(last), bound)...), `",`...)
	}
	out = strconv.AppendInt(append(out, `"resultSizeEstimate":`...), int64(estimate(c, n, more)), 10)
	return append(out, '}')
}

// threadsList lists a thread where its newest matching message stands.
func (r *Room) threadsList(c *front.Call) (any, error) {
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
	out := append(make([]byte, 0, 320*req.size+64), '{')
	n, more, last := 0, false, uint32(0)
	pr := probe{m: m}
	m.walk(&req, func(slot uint32) bool {
		if m.newerMatch(&req, &pr, slot) {
			return true
		}
		if n == req.size {
			more = true
			return false
		}
		if n == 0 {
			out = append(out, `"threads":[`...)
		} else {
			out = append(out, ',')
		}
		out = r.appendThreadRow(out, m, m.entries[slot].root, isNarrow(c))
		n, last = n+1, slot
		return true
	})
	return finishList(m, c, out, n, more, last, req.bound), nil
}

// newerMatch tells that a thread stands further up in the list already.
func (m *mailbox) newerMatch(req *request, pr *probe, slot uint32) bool {
	e := &m.entries[slot]
	for s := e.root; s != 0; s = m.entries[s].next {
		o := &m.entries[s]
		if s == slot || o.set == gone || o.date < e.date || o.date == e.date && s < slot {
			continue
		}
		pr.reset(s)
		if req.plan.match(pr) {
			return true
		}
	}
	return false
}

// appendThreadRow writes {"id","snippet","historyId"}: the snippet is the
// newest message's, the history id the highest.
func (r *Room) appendThreadRow(dst []byte, m *mailbox, root uint32, narrow bool) []byte {
	var newest, history = root, uint64(0)
	found := false
	for _, s := range m.thread(root) {
		if e := &m.entries[s]; !found || e.date >= m.entries[newest].date {
			newest, found = s, true
		}
		history = max(history, m.entries[s].history)
	}
	dst = append(appendHex(append(dst, `{"id":"`...), m.entries[root].id), '"')
	if !narrow {
		v := m.look(newest)
		dst = append(appendSnippet(append(dst, `,"snippet":"`...), v.root().plain()), '"')
		v.release()
	}
	dst = strconv.AppendUint(append(dst, `,"historyId":"`...), history, 10)
	return append(dst, `"}`...)
}

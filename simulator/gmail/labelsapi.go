package gmail

import (
	"cmp"
	"slices"
	"strings"

	"rapport/simulator/front"
)

// labelAnswer is a label as the API shows it.
type labelAnswer struct {
	ID             string       `json:"id"`
	Name           string       `json:"name"`
	MessageList    string       `json:"messageListVisibility,omitempty"`
	LabelList      string       `json:"labelListVisibility,omitempty"`
	Type           string       `json:"type,omitempty"`
	MessagesTotal  *int         `json:"messagesTotal,omitempty"`
	MessagesUnread *int         `json:"messagesUnread,omitempty"`
	ThreadsTotal   *int         `json:"threadsTotal,omitempty"`
	ThreadsUnread  *int         `json:"threadsUnread,omitempty"`
	Color          *labelColour `json:"color,omitempty"`
}

type labelColour struct {
	Text       string `json:"textColor"`
	Background string `json:"backgroundColor"`
}

func (l *label) answer() labelAnswer {
	a := labelAnswer{ID: l.id, Name: l.name, MessageList: l.inMessages, LabelList: l.inList, Type: "user"}
	if l.system {
		a.Type = "system"
	}
	if l.background != "" {
		a.Color = &labelColour{l.text, l.background}
	}
	return a
}

// threadStats are the counts of threads by label, made when asked for and
// kept until something changes.
type threadStats struct {
	valid         bool
	total, unread []int // by labelNo
}

func (m *mailbox) countThreads() {
	if m.stats.valid {
		return
	}
	s := threadStats{valid: true, total: make([]int, len(m.labelNames)), unread: make([]int, len(m.labelNames))}
	count := func(nos []labelNo, unread bool, by int) {
		for i, n := range nos {
			if i > 0 && nos[i-1] == n {
				continue
			}
			s.total[n] += by
			if unread {
				s.unread[n] += by
			}
		}
	}
	alone := make([]int, len(m.sets)) // threads of one message, by its set
	var nos []labelNo
	for root := uint32(1); int(root) < len(m.entries); root++ {
		e := &m.entries[root]
		switch {
		case e.root != root:
		case e.next == 0:
			alone[e.set]++
		default:
			nos = nos[:0]
			unread := false
			for at := root; at != 0; at = m.entries[at].next {
				set := &m.sets[m.entries[at].set]
				unread = unread || set.bits&(1<<lUnread) != 0
				nos = append(nos, set.nos...)
			}
			slices.Sort(nos)
			count(nos, unread, 1)
		}
	}
	for set, by := range alone {
		count(m.sets[set].nos, m.sets[set].has(lUnread), by)
	}
	m.stats = s
}

// counted adds the numbers that labels.get has.
func (m *mailbox) counted(l *label) labelAnswer {
	a := l.answer()
	m.countThreads()
	var total, unread int
	for i := range m.sets {
		if s := &m.sets[i]; s.count > 0 && s.has(l.no) {
			total += s.count
			if s.has(lUnread) {
				unread += s.count
			}
		}
	}
	var threads, unreadThreads int
	if int(l.no) < len(m.stats.total) { // else made since
		threads, unreadThreads = m.stats.total[l.no], m.stats.unread[l.no]
	}
	a.MessagesTotal, a.MessagesUnread, a.ThreadsTotal, a.ThreadsUnread = &total, &unread, &threads, &unreadThreads
	return a
}

func (r *Room) labelsList(c *front.Call) (any, error) {
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := make([]labelAnswer, 0, len(m.labels))
	for _, l := range m.labels {
		out = append(out, l.answer())
	}
	return map[string][]labelAnswer{"labels": out}, nil
}

func (m *mailbox) labelOf(c *front.Call) (*label, error) {
	l := m.labelByID(c.Path.Get("id"))
	if l == nil {
		return nil, notFound()
	}
	return l, nil
}

func (r *Room) labelsGet(c *front.Call) (any, error) {
	return r.change(c, func(m *mailbox) (any, error) {
		l, err := m.labelOf(c)
		if err != nil {
			return nil, err
		}
		return m.counted(l), nil
	})
}

// labelBody is what a client may write of a label.
type labelBody struct {
	ID          *string      `json:"id"`
	Name        *string      `json:"name"`
	MessageList *string      `json:"messageListVisibility"`
	LabelList   *string      `json:"labelListVisibility"`
	Color       *labelColour `json:"color"`
}

// maxLabels and maxLabelName are Gmail's limits; the length is observed.
const (
	maxLabels    = 10000
	maxLabelName = 225
)

// reserved are names no label of a user can have.
var reserved = []string{
	"inbox", "sent", "draft", "drafts", "spam", "trash", "unread", "starred", "important", "chat", "chats", "bin", "all mail",
	"category_personal", "category_social", "category_promotions", "category_updates", "category_forums",
	"personal", "social", "promotions", "updates", "forums", "travel", "finance", "voicemail", "scheduled", "muted", "allmail",
}

func (m *mailbox) checkName(name string, self *label) error {
	trimmed := strings.TrimSpace(name)
	if trimmed == "" || len([]rune(trimmed)) > maxLabelName || slices.Contains(reserved, strings.ToLower(trimmed)) ||
		strings.HasPrefix(trimmed, "/") || strings.HasSuffix(trimmed, "/") || strings.Contains(trimmed, "//") {
		return invalid("Invalid label name")
	}
	if other := m.labelNamed(trimmed); other != nil && other != self {
		return &front.Error{Code: 409, Message: "Label name exists or conflicts", Reason: "aborted", Status: "ABORTED"}
	}
	return nil
}

func checkColour(c *labelColour) error {
	if c == nil {
		return nil
	}
	if c.Text == "" || c.Background == "" || !palette[strings.ToLower(c.Text)] || !palette[strings.ToLower(c.Background)] {
		return invalid("Label color " + cmp.Or(c.Background, c.Text) + " is not on the allowed color palette")
	}
	return nil
}

func checkVisibility(b *labelBody) error {
	if b.MessageList != nil && !slices.Contains([]string{"show", "hide"}, *b.MessageList) {
		return invalid("Invalid messageListVisibility")
	}
	if b.LabelList != nil && !slices.Contains([]string{"labelShow", "labelShowIfUnread", "labelHide"}, *b.LabelList) {
		return invalid("Invalid labelListVisibility")
	}
	return nil
}

func (r *Room) labelsCreate(c *front.Call) (any, error) {
	var body labelBody
	if err := decodeBody(c, &body); err != nil {
		return nil, err
	}
	return r.change(c, func(m *mailbox) (any, error) {
		name := ""
		if body.Name != nil {
			name = strings.TrimSpace(*body.Name)
		}
		if err := m.checkLabel(name, &body, nil); err != nil {
			return nil, err
		}
		if len(m.labels)-len(systemOrder) >= maxLabels {
			return nil, invalid("Label limit exceeded") // wording not documented
		}
		l := m.newUserLabel(name)
		l.write(&body)
		return l.answer(), nil
	})
}

func (m *mailbox) checkLabel(name string, body *labelBody, self *label) error {
	if err := m.checkName(name, self); err != nil {
		return err
	}
	if err := checkColour(body.Color); err != nil {
		return err
	}
	return checkVisibility(body)
}

func (l *label) write(b *labelBody) {
	if b.Name != nil {
		l.name = strings.TrimSpace(*b.Name)
	}
	if b.MessageList != nil {
		l.inMessages = *b.MessageList
	}
	if b.LabelList != nil {
		l.inList = *b.LabelList
	}
	if b.Color != nil {
		l.text, l.background = strings.ToLower(b.Color.Text), strings.ToLower(b.Color.Background)
	}
}

func (r *Room) labelsUpdate(c *front.Call) (any, error) { return r.labelWrite(c, true) }
func (r *Room) labelsPatch(c *front.Call) (any, error)  { return r.labelWrite(c, false) }

func (r *Room) labelWrite(c *front.Call, whole bool) (any, error) {
	var body labelBody
	if err := decodeBody(c, &body); err != nil {
		return nil, err
	}
	return r.change(c, func(m *mailbox) (any, error) {
		l, err := m.labelOf(c)
		if err != nil {
			return nil, err
		}
		if l.system {
			return nil, invalid("Invalid update request")
		}
		name := l.name
		if body.Name != nil {
			name = *body.Name
		} else if whole {
			name = ""
		}
		if err := m.checkLabel(name, &body, l); err != nil {
			return nil, err
		}
		if whole && body.Color == nil {
			l.text, l.background = "", ""
		}
		l.write(&body)
		return l.answer(), nil
	})
}

// labelsDelete removes a label from the mailbox and from all messages.
func (r *Room) labelsDelete(c *front.Call) (any, error) {
	return r.change(c, func(m *mailbox) (any, error) {
		l, err := m.labelOf(c)
		if err != nil {
			return nil, err
		}
		if l.system {
			return nil, invalid("Invalid delete request")
		}
		m.dropLabel(l)
		return nil, nil
	})
}

// dropLabel takes a label from all messages and from the mailbox.
func (m *mailbox) dropLabel(l *label) {
	for slot := uint32(1); int(slot) < len(m.entries); slot++ {
		if set := m.entries[slot].set; m.sets[set].has(l.no) {
			m.relabel(slot, m.apply(set, change{remove: []labelNo{l.no}}))
		}
	}
	m.labels = slices.DeleteFunc(m.labels, func(o *label) bool { return o == l })
	delete(m.labelIDs, l.id)
}

var palette = func() map[string]bool {
	out := map[string]bool{}
	for _, c := range strings.Fields(`#000000 #434343 #666666 #999999 #cccccc #efefef #f3f3f3 #ffffff #fb4c2f #ffad47 #fad165 #16a766 #43d692 #4a86e8 #a479e2 #f691b3
		#f6c5be #ffe6c7 #fef1d1 #b9e4d0 #c6f3de #c9daf8 #e4d7f5 #fcdee8 #efa093 #ffd6a2 #fce8b3 #89d3b2 #a0eac9 #a4c2f4 #d0bcf1 #fbc8d9
		#e66550 #ffbc6b #fcda83 #44b984 #68dfa9 #6d9eeb #b694e8 #f7a7c0 #cc3a21 #eaa041 #f2c960 #149e60 #3dc789 #3c78d8 #8e63ce #e07798
		#ac2b16 #cf8933 #d5ae49 #0b804b #2a9c68 #285bac #653e9b #b65775 #822111 #a46a21 #aa8831 #076239 #1a764d #1c4587 #41236d #83334c
		#464646 #e7e7e7 #0d3472 #b6cff5 #0d3b44 #98d7e4 #3d188e #e3d7ff #711a36 #fbd3e0 #8a1c0a #f2b2a8 #7a2e0b #ffc8af #7a4706 #ffdeb5
		#594c05 #fbe983 #684e07 #fdedc1 #0b4f30 #b3efd3 #04502e #a2dcc1 #c2c2c2 #4986e7 #2da2bb #b99aff #994a64 #f691b2 #ff7537 #ffad46
		#662e37 #ebdbde #cca6ac #094228 #42d692 #16a765 #757575 #1e53b8 #007286 #7858c3 #c2185b #d93025 #54240e #633e04 #521d28 #202124 #083018`) {
		out[c] = true
	}
	return out
}()

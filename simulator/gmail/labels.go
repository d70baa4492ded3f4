package gmail

import (
	"fmt"
	"slices"
	"strings"
)

// labelNo numbers the labels of a mailbox; numbers are never used again.
type labelNo uint16

// System labels, in the order labelIds list them.
const (
	lUnread labelNo = iota
	lStarred
	lImportant
	lTrash
	lSpam
	lDraft
	lChat
	lForums
	lUpdates
	lPersonal
	lPromotions
	lSocial
	lSent
	lInbox
	lYellowStar
	firstUserLabel = 64
)

var systemIDs = map[labelNo]string{
	lUnread: "UNREAD", lStarred: "STARRED", lImportant: "IMPORTANT", lTrash: "TRASH", lSpam: "SPAM", lDraft: "DRAFT", lChat: "CHAT",
	lForums: "CATEGORY_FORUMS", lUpdates: "CATEGORY_UPDATES", lPersonal: "CATEGORY_PERSONAL", lPromotions: "CATEGORY_PROMOTIONS",
	lSocial: "CATEGORY_SOCIAL", lSent: "SENT", lInbox: "INBOX", lYellowStar: "YELLOW_STAR",
}

// systemOrder is the order of labels.list.
var systemOrder = []labelNo{
	lChat, lSent, lInbox, lImportant, lTrash, lDraft, lSpam, lForums, lUpdates, lPersonal, lPromotions, lSocial, lYellowStar, lStarred, lUnread,
}

// label is one label of a mailbox.
type label struct {
	no         labelNo
	id, name   string
	system     bool
	inMessages string // messageListVisibility
	inList     string // labelListVisibility
	background string
	text       string
}

func systemLabels() []*label {
	var out []*label
	for _, no := range systemOrder {
		l := &label{no: no, id: systemIDs[no], name: systemIDs[no], system: true, inMessages: "hide", inList: "labelHide"}
		switch no {
		case lSent, lInbox, lDraft, lStarred, lUnread:
			l.inMessages, l.inList = "", ""
		}
		out = append(out, l)
	}
	return out
}

// labelByID finds a label; nil when the mailbox has none of this id.
func (m *mailbox) labelByID(id string) *label { return m.labelIDs[id] }

func (m *mailbox) labelNamed(name string) *label {
	for _, l := range m.labels {
		if strings.EqualFold(l.name, name) {
			return l
		}
	}
	return nil
}

func (m *mailbox) addLabel(l *label) {
	m.labels = append(m.labels, l)
	m.labelIDs[l.id] = l
	for int(l.no) >= len(m.labelNames) {
		m.labelNames = append(m.labelNames, "")
	}
	m.labelNames[l.no] = l.id
}

func (m *mailbox) newUserLabel(name string) *label {
	m.nextLabel++
	l := &label{no: labelNo(firstUserLabel + m.nextLabel - 1), id: fmt.Sprintf("Label_%d", m.nextLabel), name: name, inMessages: "show", inList: "labelShow"}
	m.addLabel(l)
	return l
}

// labelSet is a set of labels that some messages have; sets are shared, so
// that a message only stores a number.
type labelSet struct {
	nos   []labelNo // sorted
	bits  uint64    // of the labels below 64
	json  []byte    // `"UNREAD","INBOX"`
	count int       // messages that have it
}

func (s *labelSet) has(no labelNo) bool {
	if no < 64 {
		return s.bits>>no&1 == 1
	}
	_, ok := slices.BinarySearch(s.nos, no)
	return ok
}

// gone is the set of messages that do not exist any more; bare has no label.
const (
	gone uint32 = 0
	bare uint32 = 1
)

// set returns the number of a set of labels.
func (m *mailbox) set(nos []labelNo) uint32 {
	slices.Sort(nos)
	nos = slices.Compact(nos)
	key := make([]byte, 0, 2*len(nos)+1)
	key = append(key, '.')
	for _, n := range nos {
		key = append(key, byte(n>>8), byte(n))
	}
	if i, ok := m.setIndex[string(key)]; ok {
		return i
	}
	s := labelSet{nos: slices.Clone(nos)}
	for _, n := range nos {
		if n < 64 {
			s.bits |= 1 << n
		}
		if len(s.json) > 0 {
			s.json = append(s.json, ',')
		}
		s.json = append(append(append(s.json, '"'), m.labelNames[n]...), '"')
	}
	i := uint32(len(m.sets))
	m.sets = append(m.sets, s)
	m.setIndex[string(key)] = i
	return i
}

// change is a set of labels to add and to remove.
type change struct{ add, remove []labelNo }

// apply returns the set after a change, with what Gmail does by itself:
// spam and trash leave the inbox.
func (m *mailbox) apply(set uint32, c change) uint32 {
	nos := make([]labelNo, 0, len(m.sets[set].nos)+len(c.add))
	for _, n := range m.sets[set].nos {
		if !slices.Contains(c.remove, n) {
			nos = append(nos, n)
		}
	}
	nos = append(nos, c.add...)
	if slices.Contains(c.add, lSpam) || slices.Contains(c.add, lTrash) {
		nos = slices.DeleteFunc(nos, func(n labelNo) bool { return n == lInbox })
	}
	return m.set(nos)
}

// difference lists the labels in b that are not in a.
func (m *mailbox) difference(a, b uint32) []labelNo {
	var out []labelNo
	for _, n := range m.sets[b].nos {
		if !m.sets[a].has(n) {
			out = append(out, n)
		}
	}
	return out
}

// resolve turns label ids of a request into numbers.
func (m *mailbox) resolve(ids []string) ([]labelNo, error) {
	out := make([]labelNo, 0, len(ids))
	for _, id := range ids {
		l := m.labelByID(id)
		if l == nil {
			return nil, invalidLabel(id)
		}
		out = append(out, l.no)
	}
	return out, nil
}

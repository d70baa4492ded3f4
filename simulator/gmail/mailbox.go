package gmail

import (
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rapport/simulator/data"
	"rapport/simulator/world"
)

// entry is one message. Entries lie in the order of their ids; one that is
// gone keeps its place.
type entry struct {
	id      uint64
	date    int64   // internalDate, ms
	history uint64  // last change
	body    *stored // nil: generated
	set     uint32  // labels
	root    uint32  // slot of the thread's first message
	next    uint32  // slot of the thread's next message, 0: none
	thread  uint32  // generated: key
	pos     uint16  // generated: key
	src     uint16  // generated: which source
}

func (e *entry) key() data.Key { return data.Key{Thread: e.thread, Pos: e.pos} }

// stored is a message kept as it came.
type stored struct {
	raw       []byte
	messageID string
	subject   string // normalised, for threading
	parse     sync.Once
	parsed    *part
}

// root parses the message when it is first looked at.
func (s *stored) root() *part {
	s.parse.Do(func() { s.parsed = parseMIME(s.raw) })
	return s.parsed
}

// source is a generator whose messages a mailbox shows.
type source struct {
	*data.Source
	first []uint32 // slot of the first message of each thread, 0: not here
}

// mailbox is all mail of one account. Slot 0 of entries is never used.
type mailbox struct {
	mu      sync.RWMutex
	account world.Account
	person  *data.Person
	clock   *world.Clock
	secret  uint64 // of attachment ids and page tokens

	entries []entry
	order   []uint32 // slots by (date, id), those of gone messages included
	lastID  uint64
	seq     uint64 // of everything drawn for this mailbox

	sets     []labelSet
	setIndex map[string]uint32

	labels     []*label
	labelIDs   map[string]*label
	labelNames []string // ids by number
	nextLabel  int

	records []record
	floor   uint64 // history before this is forgotten
	history uint64 // id of the newest record

	messages, threads int

	sources  []source
	byHeader map[string]uint32 // Message-ID of stored messages
	drafts   []draft
	watches  map[string]*watch // by project
	sendAs   []sendAs
	due      []notice
	wake     chan struct{} // closed at the next change, nil: nobody waits

	bins      map[uint32]int64 // when messages came into spam or trash, ms
	nextPurge atomic.Int64     // when the first of them is over

	stats threadStats
}

func newMailbox(a world.Account, p *data.Person, clock *world.Clock, seed uint64) *mailbox {
	m := &mailbox{
		account: a, person: p, clock: clock, secret: seed, seq: seed,
		entries: make([]entry, 1), setIndex: map[string]uint32{}, labelIDs: map[string]*label{},
		byHeader: map[string]uint32{}, watches: map[string]*watch{}, bins: map[uint32]int64{},
	}
	m.nextPurge.Store(1<<63 - 1)
	m.sets = append(m.sets, labelSet{}) // gone
	for _, l := range systemLabels() {
		m.addLabel(l)
	}
	m.set(nil) // bare
	m.history = 1000 + m.draw(9000)
	m.sendAs = []sendAs{{SendAsEmail: a.Email, DisplayName: a.Name, Primary: true, Default: true}}
	return m
}

// draw returns a number in [0, n) from the mailbox's own stream.
func (m *mailbox) draw(n uint64) uint64 {
	m.seq += 0x9e3779b97f4a7c15
	x := m.seq
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	if n == 0 {
		return x
	}
	return x % n
}

// tick moves the history forward; ids have gaps as Google's have.
func (m *mailbox) tick() uint64 {
	m.history += 1 + m.draw(40)
	return m.history
}

// newID makes an id: time and noise, always above the last one.
func (m *mailbox) newID(now time.Time) uint64 {
	id := uint64(now.UnixMilli())<<20 | m.draw(1<<20)
	m.lastID = max(m.lastID+1, id)
	return m.lastID
}

// find returns the slot of a message that exists.
func (m *mailbox) find(id uint64) (uint32, bool) {
	i := sort.Search(len(m.entries)-1, func(i int) bool { return m.entries[i+1].id >= id }) + 1
	if i >= len(m.entries) || m.entries[i].id != id || m.entries[i].set == gone {
		return 0, false
	}
	return uint32(i), true
}

// thread returns the slots of a thread's messages, oldest id first; none when
// all are gone.
func (m *mailbox) thread(root uint32) []uint32 {
	var out []uint32
	for s := root; s != 0; s = m.entries[s].next {
		if m.entries[s].set != gone {
			out = append(out, s)
		}
	}
	return out
}

// findThread returns the first slot of a thread that has messages.
func (m *mailbox) findThread(id uint64) (uint32, bool) {
	i := sort.Search(len(m.entries)-1, func(i int) bool { return m.entries[i+1].id >= id }) + 1
	if i >= len(m.entries) || m.entries[i].id != id || m.entries[i].root != uint32(i) {
		return 0, false
	}
	for s := uint32(i); s != 0; s = m.entries[s].next {
		if m.entries[s].set != gone {
			return uint32(i), true
		}
	}
	return 0, false
}

func (m *mailbox) set1(slot, set uint32) {
	e := &m.entries[slot]
	m.sets[e.set].count--
	m.sets[set].count++
	e.set = set
}

// put adds a message to a thread (root 0: a new one) and writes history.
func (m *mailbox) put(e entry, root uint32) uint32 {
	slot := uint32(len(m.entries))
	e.root = slot
	m.entries = append(m.entries, e)
	if root != 0 {
		last := root
		alive := false
		for s := root; s != 0; s = m.entries[s].next {
			last, alive = s, alive || m.entries[s].set != gone
		}
		m.entries[last].next = slot
		m.entries[slot].root = root
		if !alive {
			m.threads++
		}
	} else {
		m.threads++
	}
	m.sets[e.set].count++
	m.messages++
	m.insertOrder(slot)
	if e.body != nil && e.body.messageID != "" {
		m.byHeader[e.body.messageID] = slot
	}
	m.bin(slot, bare, e.set, m.clock.Now().UnixMilli())
	m.write(record{slot: slot, kind: added, after: e.set})
	return slot
}

// insertOrder keeps order sorted by date; mail mostly comes at the end.
func (m *mailbox) insertOrder(slot uint32) {
	e := &m.entries[slot]
	at := len(m.order)
	if at > 0 && m.entries[m.order[at-1]].date > e.date {
		at = sort.Search(at, func(i int) bool { return m.entries[m.order[i]].date > e.date })
	}
	m.order = slices.Insert(m.order, at, slot)
}

// relabel gives a message another set of labels; false when nothing changes.
func (m *mailbox) relabel(slot, set uint32) bool {
	before := m.entries[slot].set
	if before == set {
		return false
	}
	m.set1(slot, set)
	m.bin(slot, before, set, m.clock.Now().UnixMilli())
	m.write(record{slot: slot, kind: relabelled, before: before, after: set})
	return true
}

// remove deletes a message for good.
func (m *mailbox) remove(slot uint32) {
	e := &m.entries[slot]
	before := e.set
	delete(m.bins, slot)
	m.set1(slot, gone)
	m.messages--
	if len(m.thread(e.root)) == 0 {
		m.threads--
	}
	if e.body != nil {
		if m.byHeader[e.body.messageID] == slot {
			delete(m.byHeader, e.body.messageID)
		}
		e.body = nil
	}
	m.drafts = slices.DeleteFunc(m.drafts, func(d draft) bool { return d.slot == slot })
	m.write(record{slot: slot, kind: deleted, before: before, after: before})
}

// newest returns the position after the newest message of order.
func (m *mailbox) newest() int { return len(m.order) }

// hexID writes an id as the API shows it.
func hexID(id uint64) string { return string(appendHex(nil, id)) }

func appendHex(dst []byte, id uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[id>>shift&15])
	}
	return dst
}

// parseID reads an id: ok is false for what is no id at all.
func parseID(s string) (id uint64, ok bool) {
	if s == "" || len(s) > 16 || strings.ToLower(s) != s {
		return 0, false
	}
	id, err := strconv.ParseUint(s, 16, 64)
	return id, err == nil
}

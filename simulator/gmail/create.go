package gmail

import (
	"slices"
	"strings"
	"time"

	"rapport/simulator/data"
	"rapport/simulator/world"
)

// castSeed is the seed of the people everybody writes to: the same in all
// mailboxes of a world, so that they know each other.
const castSeed = 1

// planned is a generated message before it has an id.
type planned struct {
	date   int64
	set    uint32
	thread uint32
	pos    uint16
	src    uint16
}

// Options of generated mailboxes beyond their size.
type Options struct {
	PerThread float64       // average messages of a conversation, default 1.85
	Extra     int           // additional bytes of text in an average message; 0: usual, below: none
	Span      time.Duration // from the oldest to the newest; 0 chooses by the number
}

// Create makes the mailbox of an account with n generated messages; one that
// exists is replaced. The same account, n and seed give the same messages,
// counted back from the time of the clock.
func (r *Room) Create(a world.Account, n int, seed int64) error {
	return r.CreateWith(a, n, seed, Options{})
}

// CreateWith is Create with a say in what the messages are like.
func (r *Room) CreateWith(a world.Account, n int, seed int64, o Options) error {
	cast := data.CastOf(castSeed)
	person := cast.Someone(a.Email, a.Name)
	now := r.world.Clock.Now()
	if !r.world.Until.IsZero() {
		now = r.world.Until.UTC()
	}
	m := newMailbox(a, person, r.world.Clock, uint64(seed)^uint64(len(a.Email))<<56^hashOf(a.Email))
	if n > 0 {
		m.generate(cast, n, seed, now, o)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.boxes[a.Email] = m
	return nil
}

func hashOf(s string) uint64 { return queryHash(s) }

// generate fills an empty mailbox.
func (m *mailbox) generate(cast *data.Cast, n int, seed int64, now time.Time, o Options) {
	m.sendAs[0].Signature = m.person.SignatureHTML()
	for _, name := range data.Folders {
		m.newUserLabel(name)
	}
	// The whole ten minutes: mailboxes created together share conversations
	// that must have the same dates.
	until := now.Truncate(10 * time.Minute)
	if o.Extra == 0 && !isSeat(m.account.Email) {
		o.Extra = usualExtra
	}
	o.Extra = max(o.Extra, 0)
	all := m.shared(cast, n, seed, until, o)
	own := data.NewSource(cast, data.Options{Seed: uint64(seed) ^ hashOf(m.account.Email), Owner: m.person, Messages: n - len(all), Until: until,
		Span: o.Span, PerThread: o.PerThread, Extra: o.Extra})
	all = m.plan(all, own)
	slices.SortFunc(all, func(a, b planned) int {
		if a.date != b.date {
			if a.date < b.date {
				return -1
			}
			return 1
		}
		if a.thread != b.thread {
			return int(a.thread) - int(b.thread)
		}
		return int(a.pos) - int(b.pos)
	})
	m.settle(all, now)
}

// usualExtra makes an average message about as large as real ones are: 8 to
// 10 KB of JSON in format full.
const usualExtra = 450

func isSeat(email string) bool {
	return slices.ContainsFunc(data.Demo(), func(s data.Seat) bool { return s.Email == email })
}

// shared plans what a seat of the demo world sees of the conversations of
// seats before it.
func (m *mailbox) shared(cast *data.Cast, n int, seed int64, until time.Time, o Options) []planned {
	seats := data.Demo()
	at := slices.IndexFunc(seats, func(s data.Seat) bool { return s.Email == m.account.Email })
	if at < 0 || seats[at].Messages != n || seats[at].Seed != seed {
		return nil
	}
	var all []planned
	for i, s := range seats[:at] {
		owner := cast.Someone(s.Email, s.Name)
		size := s.Messages
		if i > 0 {
			box := newMailbox(world.Account{Email: s.Email, Name: s.Name, Domain: s.Domain}, owner, m.clock, 0)
			size -= len(box.shared(cast, s.Messages, s.Seed, until, o))
		}
		src := data.NewSource(cast, data.Options{Seed: uint64(s.Seed) ^ hashOf(s.Email), Owner: owner, Messages: size, Until: until,
			Span: o.Span, PerThread: o.PerThread, Extra: o.Extra})
		all = m.plan(all, src)
	}
	if limit := n * 2 / 3; len(all) > limit { // some mail of one's own
		all = newestThreads(all, limit)
	}
	return all
}

// newestThreads keeps whole conversations up to about limit messages.
func newestThreads(all []planned, limit int) []planned {
	type key struct {
		src    uint16
		thread uint32
	}
	last := map[key]int64{}
	count := map[key]int{}
	for _, p := range all {
		k := key{p.src, p.thread}
		last[k], count[k] = max(last[k], p.date), count[k]+1
	}
	keys := make([]key, 0, len(last))
	for k := range last {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		if last[a] != last[b] {
			return int(last[b]/1000 - last[a]/1000)
		}
		return int(a.thread) - int(b.thread)
	})
	keep := map[key]bool{}
	for _, k := range keys {
		if limit < count[k] {
			break
		}
		limit -= count[k]
		keep[k] = true
	}
	return slices.DeleteFunc(all, func(p planned) bool { return !keep[key{p.src, p.thread}] })
}

// plan adds the messages of a source that the mailbox has.
func (m *mailbox) plan(all []planned, src *data.Source) []planned {
	no := uint16(len(m.sources))
	m.sources = append(m.sources, source{Source: src, first: make([]uint32, src.Threads())})
	sets := map[data.Place]uint32{}
	src.Plan(m.person, func(k data.Key, date int64, p data.Place) {
		set, ok := sets[p]
		if !ok {
			set = m.set(m.placeLabels(p))
			sets[p] = set
		}
		all = append(all, planned{date: date, set: set, thread: k.Thread, pos: k.Pos, src: no})
	})
	return all
}

func (m *mailbox) placeLabels(p data.Place) []labelNo {
	var nos []labelNo
	for no, has := range map[labelNo]bool{
		lSent: p.Sent, lInbox: p.Inbox, lUnread: p.Unread, lStarred: p.Starred, lImportant: p.Important, lSpam: p.Spam, lTrash: p.Trash,
	} {
		if has {
			nos = append(nos, no)
		}
	}
	if p.Category != "" {
		nos = append(nos, flagNames[strings.ToLower(p.Category)])
	}
	if l := m.labelNamed(p.Folder); p.Folder != "" && l != nil {
		nos = append(nos, l.no)
	}
	return nos
}

// settle gives planned messages, sorted by date, their ids and history. The
// history of the last week is still known.
func (m *mailbox) settle(all []planned, now time.Time) {
	m.entries = make([]entry, 1, len(all)+len(all)/16+64)
	m.order = make([]uint32, 0, cap(m.entries))
	recent := now.Add(-7 * 24 * time.Hour).UnixMilli()
	tails := make([][]uint32, len(m.sources))
	for i := range tails {
		tails[i] = make([]uint32, len(m.sources[i].first))
	}
	for _, p := range all {
		slot := uint32(len(m.entries))
		id := uint64(p.date)<<20 | m.draw(1<<20)
		m.lastID = max(m.lastID+1, id)
		e := entry{id: m.lastID, date: p.date, history: m.tick(), set: p.set, root: slot, thread: p.thread, pos: p.pos, src: p.src}
		first := m.sources[p.src].first
		if root := first[p.thread]; root != 0 {
			e.root = root
			m.entries[tails[p.src][p.thread]].next = slot
		} else {
			first[p.thread] = slot
			m.threads++
		}
		tails[p.src][p.thread] = slot
		m.entries = append(m.entries, e)
		m.order = append(m.order, slot)
		m.sets[p.set].count++
		m.messages++
		m.bin(slot, bare, p.set, p.date)
		if p.date >= recent {
			m.records = append(m.records, record{id: e.history, at: p.date, slot: slot, kind: added, after: p.set})
		} else {
			m.floor = e.history
		}
	}
}

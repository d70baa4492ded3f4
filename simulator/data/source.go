package data

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"
	"time"
)

// Key names one message of a Source.
type Key struct {
	Thread uint32
	Pos    uint16
}

// Options describe the mail of one mailbox.
type Options struct {
	Seed      uint64
	Owner     *Person
	Messages  int
	Until     time.Time     // of the newest message
	Span      time.Duration // from the oldest to the newest; 0 chooses by Messages
	PerThread float64       // average messages of a conversation, default 1.85
	Extra     int           // additional bytes of text in an average message
}

// Source is the mail of one mailbox, written when asked for.
type Source struct {
	cast      *Cast
	seed      uint64
	owner     *Person
	mates     []*Person
	customers []*Person
	sells     bool // the owner sells lamps; else buys them
	until     int64
	span      int64
	threads   int
	lastLen   int
	share     float64 // of conversations among threads
	more      float64 // chance that a conversation goes on
	extra     int
}

// NewSource plans the mail of a mailbox.
func NewSource(c *Cast, o Options) *Source {
	if o.PerThread == 0 {
		o.PerThread = 1.85
	}
	if o.Span == 0 {
		o.Span = max(365*24*time.Hour, time.Duration(float64(o.Messages)/250*24)*time.Hour)
	}
	s := &Source{cast: c, seed: mix(o.Seed), owner: o.Owner, until: o.Until.UnixMilli(), span: o.Span.Milliseconds(), extra: o.Extra}
	s.sells = o.Owner.Company.Trade == "home"
	s.setLengths(o.PerThread)
	s.chooseMates()
	d := dice(hash2(s.seed, 3))
	all := append([]*Person(nil), c.byTrade["customer"]...)
	for i := range all {
		j := d.in(i, len(all)-1)
		all[i], all[j] = all[j], all[i]
	}
	s.customers = favourites(all)
	left := o.Messages
	for left > 0 {
		n := s.length(uint32(s.threads))
		s.lastLen = min(n, left)
		left -= s.lastLen
		s.threads++
	}
	return s
}

// favourites puts the people who have an account first.
func favourites(all []*Person) []*Person {
	front := 0
	for i, p := range all {
		for _, seat := range Demo() {
			if p.Email == seat.Email {
				all[i], all[front] = all[front], all[i]
				front++
			}
		}
	}
	return all
}

// setLengths solves "singles + conversations = average" for the share of
// conversations and their length.
func (s *Source) setLengths(avg float64) {
	s.share = 0.45
	if avg < 1.45 {
		s.share = max(avg-1, 0)
	}
	if s.share > 0 {
		mean := (avg - (1 - s.share)) / s.share // of a conversation, at least 2
		s.more = max(0, 1-1/(mean-1))
	}
}

// chooseMates picks colleagues. Among the seats of the demo only later ones
// are chosen, so that a shared conversation belongs to exactly one Source.
func (s *Source) chooseMates() {
	if !s.sells {
		s.mates = s.cast.Home.People[3:]
		return
	}
	home := s.owner.Company
	after := -1
	for i, p := range home.People {
		if p.Email == s.owner.Email {
			after = i
		}
	}
	for i, p := range home.People {
		if i > after && p.Email != s.owner.Email {
			s.mates = append(s.mates, p)
		}
	}
	if len(s.mates) == 0 {
		s.mates = s.cast.Home.People[3:]
	}
}

// Threads is the number of conversations.
func (s *Source) Threads() int { return s.threads }

// Len is the number of messages of a conversation.
func (s *Source) Len(thread uint32) int {
	if int(thread) == s.threads-1 {
		return s.lastLen
	}
	return s.length(thread)
}

func (s *Source) length(thread uint32) int {
	d := dice(hash2(s.seed, uint64(thread)))
	if d.float() >= s.share {
		return 1
	}
	n := 2
	if s.more > 0 {
		n += int(math.Log(1-d.float()) / math.Log(s.more))
	}
	return min(n, 60)
}

type kind byte

const (
	conversation kind = iota
	newsletter
	notification
	receipt
	invitation
	bounce
	single
	spam
)

// thread is what all messages of one conversation share.
type thread struct {
	no    uint32
	h     uint64
	kind  kind
	n     int
	story *story
	robot *robot
	me    *Person // the seller
	other *Person // the customer, or whoever it is with
	extra *Person // a colleague of other, or of whom it is about
	about *Person // a customer that partners talk about, nil: other
	mate  *Person // a colleague of me
	base  int     // first message of "more" after the story
}

func (s *Source) thread(no uint32) thread {
	d := dice(hash2(s.seed, uint64(no)))
	t := thread{no: no, h: hash2(s.seed, uint64(no)+1<<40), n: s.Len(no)}
	isTalk := d.float() < s.share
	d = dice(t.h)
	t.me, t.mate = s.owner, pick(&d, s.mates)
	if isTalk {
		s.chooseStory(&t, &d)
		return t
	}
	t.kind = singleKind(d.n(100))
	if t.kind == spam && s.until-s.end(no, 0) > 30*86400000 {
		t.kind = notification // Gmail empties spam and trash after 30 days
	}
	t.other = s.customer(&d)
	switch t.kind {
	case newsletter:
		t.robot = &newsletters[d.n(len(newsletters))]
	case notification:
		t.robot = &notifiers[d.n(len(notifiers))]
	case receipt:
		t.robot = &shops[d.n(len(shops))]
	case spam:
		t.robot = &swindlers[d.n(len(swindlers))]
	case bounce, invitation:
	default:
		name := "inquiry/en"
		if d.pct(40) {
			name = "note/en"
		}
		t.story = pick(&d, stories()[name])
	}
	s.finish(&t, &d)
	return t
}

func singleKind(n int) kind {
	switch {
	case n < 26:
		return newsletter
	case n < 52:
		return notification
	case n < 62:
		return receipt
	case n < 71:
		return invitation
	case n < 73:
		return bounce
	case n < 97:
		return single
	default:
		return spam
	}
}

// chooseStory chooses who talks and about what.
func (s *Source) chooseStory(t *thread, d *dice) {
	lib := stories()
	what := d.n(100)
	if !s.sells {
		what = 99
	}
	switch {
	case what < 15:
		t.other, t.story = s.customer(d), pick(d, lib["team/en"])
	case what < 23:
		t.other, t.story = pick(d, s.cast.byTrade[supplier]), pick(d, lib["supplier/en"])
	case what < 27:
		t.other, t.story = pick(d, s.cast.byTrade[partner]), pick(d, lib["partner/en"])
		t.about = s.customer(d)
	default:
		t.other, t.story = s.customer(d), pick(d, lib["customer/en"])
		if own := lib["customer/"+t.other.Lang]; t.other.Lang != "en" && len(own) > 0 && d.pct(60) {
			if st := pick(d, own); len(st.lines) >= t.n {
				t.story = st
			}
		}
	}
	s.finish(t, d)
}

// customer prefers some customers to others, as sales people do.
func (s *Source) customer(d *dice) *Person {
	f := d.float()
	return s.customers[int(f*f*float64(len(s.customers)))]
}

func (s *Source) finish(t *thread, d *dice) {
	if !s.sells {
		t.other = s.owner
		t.me = pick(d, s.mates)
		t.mate = pick(d, s.mates)
	}
	whose := t.other
	if t.about != nil {
		whose = t.about
	}
	t.extra = whose
	for range 4 {
		if t.extra = pick(d, whose.Company.People); t.extra != whose {
			break
		}
	}
	if t.story != nil {
		t.base = int(t.h>>8) % 4 * 2
	}
}

// line tells who writes message pos, and what.
func (t *thread) line(pos int) *line {
	if pos < len(t.story.lines) {
		return &t.story.lines[pos]
	}
	more := stories()["more/en"][0].lines
	i := pos - len(t.story.lines) + t.base
	if t.story.lines[len(t.story.lines)-1].who == 'c' || t.story.lines[len(t.story.lines)-1].who == 'd' {
		i++ // it is our turn
	}
	return &more[i%len(more)]
}

// who resolves the letter of a line.
func (t *thread) who(letter byte) *Person {
	switch letter {
	case 'm':
		return t.me
	case 'k':
		return t.mate
	case 'd':
		return t.extra
	default:
		if t.story != nil && t.story.kind == "team" {
			return t.mate
		}
		return t.other
	}
}

// Date is the time of a message in milliseconds.
func (s *Source) Date(k Key) int64 {
	t := s.thread(k.Thread)
	return s.date(&t, k)
}

func (s *Source) date(t *thread, k Key) int64 {
	d := dice(t.h + 9)
	at := s.end(k.Thread, d.float())
	human := t.kind == conversation || t.kind == single || t.kind == invitation
	if s.until-at > 12*3600*1000 && human {
		at = working(at, d.next())
	}
	for pos := t.n - 1; pos > int(k.Pos); pos-- {
		g := dice(hash2(t.h, uint64(pos)+20))
		gap := int64(8+g.n(400)) * 60000
		if g.pct(45) {
			gap += int64(g.n(80)) * 3600 * 1000
		}
		if at -= gap; human {
			at = working(at, g.next())
		}
	}
	return at
}

// end is when a conversation ends: conversations lie closer together towards
// the end of the span, as business grew.
func (s *Source) end(no uint32, within float64) int64 {
	left := 1 - (float64(no)+within)/float64(s.threads)
	return s.until - int64(float64(s.span)*left*math.Sqrt(math.Sqrt(left)))
}

// working moves a time back to office hours of a working day.
func working(ms int64, h uint64) int64 {
	const day = 86400000
	d, in := ms/day, ms%day
	switch wd := (d + 4) % 7; {
	case wd == 6 && h%10 < 9:
		d, in = d-1, in%(9*3600000)+8*3600000
	case wd == 0 && h%10 < 9:
		d, in = d-2, in%(9*3600000)+8*3600000
	}
	hour := in / 3600000
	switch {
	case hour >= 19 && h>>8%6 != 0:
		in = 10*3600000 + in%(8*3600000)
	case hour < 6:
		d, in = d-1, 9*3600000+(in*5)%(9*3600000)
		if wd := (d + 4) % 7; wd == 0 {
			d -= 2
		} else if wd == 6 {
			d--
		}
	}
	return min(ms, d*day+in)
}

// messageID of a message: its key is hidden in it, so that a References header
// can be followed back without an index.
func (s *Source) messageID(dst []byte, k Key, from *Person, domain string) []byte {
	var b [12]byte
	v := uint64(k.Thread)<<16 | uint64(k.Pos)
	check := uint32(hash2(s.seed, v))
	binary.BigEndian.PutUint32(b[:4], check)
	binary.BigEndian.PutUint64(b[4:], v^mix(s.seed^uint64(check)))
	dst = append(dst, "<CA"...)
	dst = base64.URLEncoding.AppendEncode(dst, b[:])
	if from != nil {
		domain = from.Company.Domain
		if from.Company.Trade == "home" || from.style%3 == 0 {
			return append(dst, "@mail.gmail.com>"...)
		}
	}
	return append(append(append(dst, "@mail."...), domain...), '>')
}

// MessageKey finds the message a Message-ID of this source names.
func (s *Source) MessageKey(id string) (Key, bool) {
	id = strings.Trim(id, "<> ")
	local, _, _ := strings.Cut(id, "@")
	if len(local) != 18 || !strings.HasPrefix(local, "CA") {
		return Key{}, false
	}
	b, err := base64.URLEncoding.DecodeString(local[2:])
	if err != nil {
		return Key{}, false
	}
	check := binary.BigEndian.Uint32(b[:4])
	v := binary.BigEndian.Uint64(b[4:]) ^ mix(s.seed^uint64(check))
	k := Key{Thread: uint32(v >> 16), Pos: uint16(v)}
	if uint32(hash2(s.seed, v)) != check || int(k.Thread) >= s.threads || int(k.Pos) >= s.Len(k.Thread) {
		return Key{}, false
	}
	return k, true
}

// Owner is whose mailbox it is.
func (s *Source) Owner() *Person { return s.owner }

package mail

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// gmail is a mailbox in memory that keeps Gmail's promises: growing history
// ids, records that expire, lists newest first, threads, pages.
type gmail struct {
	mu       sync.Mutex
	messages map[string]*Message
	history  []HistoryRecord
	last     uint64 // newest history id
	first    uint64 // history before it has expired
	labels   []crm.Label
	perPage  int
	made     int
	calls    map[string]int
	forgets  func() bool // page tokens
	units    int64
	fail     func(call, id string) error // nil error: the call goes through
}

func newGmail() *gmail {
	g := &gmail{messages: map[string]*Message{}, last: 1000, perPage: 7, calls: map[string]int{}}
	for _, l := range []string{"INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "UNREAD", "STARRED", "CHAT"} {
		g.labels = append(g.labels, crm.Label{ID: l, Name: l, Type: "system"})
	}
	g.labels = append(g.labels, crm.Label{ID: "Label_1", Name: "Customers", Type: "user"})
	return g
}

var dawn = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// deliver adds a message and gives its id. An empty thread begins one.
func (g *gmail) deliver(thread string, labels ...string) string {
	g.made++
	id := fmt.Sprintf("%016x", 0x18c0000000000000+uint64(g.made)<<16)
	m := &Message{
		ID: id, ThreadID: cmp.Or(thread, id), Labels: slices.Clone(labels), InternalDate: dawn.Add(time.Duration(g.made) * time.Minute), Size: 1000,
		Payload: Part{MIME: "text/plain", Body: []byte("body of " + id), Headers: []Header{{"Subject", "message " + strconv.Itoa(g.made)}, {"From", "ada@lamps.example"}}},
		Raw:     []byte("{}"),
	}
	g.messages[id] = m
	g.record(m, MessageAdded, nil, nil)
	return id
}

func (g *gmail) record(m *Message, k HistoryKind, added, removed []string) {
	g.last += 1 + uint64(g.made)%3
	m.HistoryID = g.last
	r := HistoryRecord{ID: g.last, Kind: k, Ref: Ref{m.ID, m.ThreadID}, Added: added, Removed: removed}
	if k != MessageDeleted {
		r.Labels = slices.Clone(m.Labels)
	}
	g.history = append(g.history, r)
}

// label adds and removes labels; as at Gmail only what changes is recorded.
func (g *gmail) label(id string, add, remove []string) {
	m := g.messages[id]
	has := func(l string) bool { return slices.Contains(m.Labels, l) }
	remove = slices.DeleteFunc(slices.Clone(remove), func(l string) bool { return !has(l) || slices.Contains(add, l) })
	add = slices.DeleteFunc(slices.Clone(add), has)
	if len(add)+len(remove) == 0 {
		return
	}
	m.Labels = slices.DeleteFunc(slices.Clone(m.Labels), func(l string) bool { return slices.Contains(remove, l) })
	m.Labels = append(m.Labels, add...)
	g.record(m, LabelsChanged, add, nil)
	if len(remove) > 0 { // one record of Gmail's may say both; it is read as two of one id
		r := &g.history[len(g.history)-1]
		second := *r
		second.Added, second.Removed = nil, remove
		if len(add) == 0 {
			*r = second
		} else {
			g.history = append(g.history, second)
		}
	}
}

func (g *gmail) delete(id string) {
	m := g.messages[id]
	delete(g.messages, id)
	g.record(m, MessageDeleted, nil, nil)
}

// expire forgets all history so far.
func (g *gmail) expire() { g.first = g.last + 1; g.last++ }

func (g *gmail) newestFirst() []*Message {
	all := make([]*Message, 0, len(g.messages))
	for _, m := range g.messages {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *Message) int {
		return cmp.Or(b.InternalDate.Compare(a.InternalDate), cmp.Compare(b.ID, a.ID))
	})
	return all
}

// box is a Mailbox on a gmail.
type box struct{ g *gmail }

func (g *gmail) Open(context.Context, crm.Connection, Priority) (Mailbox, error) {
	if err := g.call("open", ""); err != nil {
		return nil, err
	}
	return &box{g}, nil
}

func (g *gmail) call(name, id string) error {
	g.mu.Lock()
	g.calls[name]++
	if name == "list" { // the only calls made side by side
		defer g.mu.Unlock()
	} else {
		g.mu.Unlock()
	}
	if g.fail != nil {
		return g.fail(name, id)
	}
	return nil
}

func (b *box) Spent() int64 { return b.g.units }

func (b *box) Profile(context.Context) (Profile, error) {
	if err := b.g.call("profile", ""); err != nil {
		return Profile{}, err
	}
	b.g.units++
	return Profile{Email: "me@lamps.example", Messages: int64(len(b.g.messages)), HistoryID: b.g.last}, nil
}

func (b *box) Labels(context.Context) ([]crm.Label, error) {
	if err := b.g.call("labels", ""); err != nil {
		return nil, err
	}
	b.g.units++
	return slices.Clone(b.g.labels), nil
}

func (b *box) List(_ context.Context, l Listing, page string) (Listed, error) {
	if err := b.g.call("list", page); err != nil {
		return Listed{}, err
	}
	b.g.mu.Lock()
	defer b.g.mu.Unlock()
	b.g.units += 5
	var all []Ref
	for _, m := range b.g.newestFirst() {
		hidden := slices.Contains(m.Labels, "SPAM") || slices.Contains(m.Labels, "TRASH")
		has := !slices.ContainsFunc(l.Labels, func(want string) bool { return !slices.Contains(m.Labels, want) })
		if has && (l.IncludeSpamTrash || !hidden) {
			all = append(all, Ref{m.ID, m.ThreadID})
		}
	}
	if page != "" && b.g.forgets != nil && b.g.forgets() {
		return Listed{}, fault.New(fault.Stale, "the page token is no good any more")
	}
	from, _ := strconv.Atoi(page)
	from = min(from, len(all))
	to := min(from+b.g.perPage, len(all))
	out := Listed{Refs: all[from:to], Estimate: 201}
	if to < len(all) {
		out.Next = strconv.Itoa(to)
	}
	return out, nil
}

func (b *box) History(_ context.Context, since uint64, page string) (HistoryPage, error) {
	if err := b.g.call("history", page); err != nil {
		return HistoryPage{}, err
	}
	b.g.units += 2
	if since < b.g.first {
		return HistoryPage{}, fault.New(fault.Stale, "the history id is too old")
	}
	var all []HistoryRecord
	for _, r := range b.g.history {
		if r.ID > since {
			all = append(all, r)
		}
	}
	if page != "" && b.g.forgets != nil && b.g.forgets() {
		return HistoryPage{}, fault.New(fault.Invalid, "the page token is no good any more")
	}
	from, _ := strconv.Atoi(page)
	from = min(from, len(all))
	to := min(from+b.g.perPage, len(all))
	for to < len(all) && to > from && all[to].ID == all[to-1].ID {
		to++
	}
	out := HistoryPage{Records: all[from:to], HistoryID: b.g.last}
	if to < len(all) {
		out.Next = strconv.Itoa(to)
	}
	return out, nil
}

func (b *box) Fetch(_ context.Context, refs []Ref, yield func(Fetched) error) error {
	if err := b.g.call("fetch", ""); err != nil {
		return err
	}
	for _, r := range refs {
		f := Fetched{Ref: r}
		m := b.g.messages[r.ID]
		if err := b.g.call("get", r.ID); err != nil {
			f.Err = err
		} else if m == nil {
			f.Err = fault.New(fault.Gone, "no such message")
		} else {
			c := *m
			c.Labels = slices.Clone(m.Labels)
			f.Message, f.Ref.ThreadID = &c, c.ThreadID
		}
		b.g.units += 20
		if err := yield(f); err != nil {
			return err
		}
	}
	return nil
}

func (b *box) Attachment(_ context.Context, message, part string, w io.Writer) error {
	_, err := io.WriteString(w, message+"/"+part)
	return err
}

package link

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
)

// circle of Northwind Lamps: Mara and Jonas work there, Jonas writes from elsewhere too.
var circle = Circle{
	Colleague: func(e string) bool { return strings.HasSuffix(e, "@northwind-lamps.example") },
	Member:    func(e string) bool { return e == "mara@northwind-lamps.example" || e == "jonas@private.example" },
	Blocked:   func(e string) bool { return strings.HasSuffix(e, "@spam.example") },
}

const mara = "mara@northwind-lamps.example"

// book: Elena and Otto work at Harbour, which has a deal with Elena in it; a consultant
// of the deal works nowhere.
func book() *Book {
	var b Book
	b.Exclude("northwind-lamps.example")
	b.AddAddress("elena", "elena@harbour.example")
	b.AddAddress("elena", "elena.fischer@gmail.com")
	b.AddAddress("otto", "otto@harbour.example")
	b.AddAddress("kim", "kim@consulting.example")
	b.AddAddress("mara", mara)
	b.AddAddress("guest", "guest@northwind-lamps.example")
	b.AddDomain("harbour", "harbour.example")
	b.AddDomain("own", "northwind-lamps.example")
	b.AddDomain("free", "gmail.com")
	b.WorksAt("elena", "harbour")
	b.WorksAt("otto", "harbour")
	b.InDeal("elena", "deal")
	b.InDeal("kim", "deal")
	b.WorksAt("deal", "harbour")
	return &b
}

func list(emails string) []crm.Address {
	var all []crm.Address
	for e := range strings.FieldsSeq(emails) {
		all = append(all, crm.Address{Email: e})
	}
	return all
}

// from makes a shown message: from, to and cc.
func from(id int64, sender, to string, change ...func(*Message)) Message {
	m := Message{ID: id, From: crm.Address{Email: sender}, To: list(to), Shown: true}
	for _, f := range change {
		f(&m)
	}
	return m
}

func short(links []Link, skips []Skip) (out []string) {
	for _, l := range links {
		why := l.Address
		if l.Via != "" {
			why += " via " + string(l.Via)
		}
		if l.Source != l.Message {
			why += fmt.Sprintf(" of %d", l.Source)
		}
		if l.Deep {
			why += " deep"
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%d %s %s %s", l.Message, l.Record, l.Rule, strings.TrimSpace(why))))
	}
	for _, s := range skips {
		out = append(out, fmt.Sprintf("%d skipped %s", s.Message, s.Rule))
	}
	return out
}

func TestRules(t *testing.T) {
	bulk := func(m *Message) { m.Bulk = true }
	draft := func(m *Message) { m.Draft, m.Shown = true, false }
	hidden := func(m *Message) { m.Shown = false }
	protected := func(m *Message) { m.Protected = true }
	by := func(r crm.RecordID, message int64) Choice { return Choice{Record: r, Message: message, By: "jonas"} }
	not := func(r crm.RecordID, message int64) Choice { return Choice{Record: r, Message: message, Removed: true} }
	for _, c := range []struct {
		name     string
		messages []Message
		choices  []Choice
		want     []string
	}{
		{"a person writes, with company and open deal", []Message{from(1, "elena@harbour.example", mara)}, nil,
			[]string{"1 deal deal elena@harbour.example via elena", "1 elena address elena@harbour.example", "1 harbour domain elena@harbour.example"}},
		{"one is written to, at another address of theirs", []Message{from(1, mara, "Elena.Fischer+lamps@gmail.com")}, nil,
			[]string{"1 deal deal Elena.Fischer+lamps@gmail.com via elena", "1 elena address Elena.Fischer+lamps@gmail.com", "1 harbour company Elena.Fischer+lamps@gmail.com via elena"}},
		{"a copy counts", []Message{from(1, mara, "x@elsewhere.example", func(m *Message) { m.Cc = list("otto@harbour.example") })}, nil,
			[]string{"1 harbour domain otto@harbour.example", "1 otto address otto@harbour.example"}},
		{"a blind copy and an address for replies count, for those who see them", []Message{from(1, mara, "x@elsewhere.example", func(m *Message) { m.Bcc, m.ReplyTo = list("otto@harbour.example"), list("kim@consulting.example") })}, nil,
			[]string{"1 deal deal kim@consulting.example via kim deep", "1 harbour domain otto@harbour.example deep", "1 kim address kim@consulting.example deep", "1 otto address otto@harbour.example deep"}},
		{"what everybody sees explains better", []Message{from(1, mara, "elena@harbour.example", func(m *Message) { m.Bcc = list("elena.fischer@gmail.com otto@harbour.example") })}, nil,
			[]string{"1 deal deal elena@harbour.example via elena", "1 elena address elena@harbour.example", "1 harbour domain elena@harbour.example", "1 otto address otto@harbour.example deep"}},
		{"a deal leads to its company", []Message{from(1, "kim@consulting.example", mara)}, nil,
			[]string{"1 deal deal kim@consulting.example via kim", "1 harbour company kim@consulting.example via deal", "1 kim address kim@consulting.example"}},
		{"a domain alone", []Message{from(1, "desk@harbour.example", mara)}, nil, []string{"1 harbour domain desk@harbour.example"}},
		{"free mail is no company", []Message{from(1, "someone@gmail.com", mara)}, nil, []string{"1 skipped nobody"}},
		{"one's own domain is no company, a member no person", []Message{from(1, mara, "x@elsewhere.example boss@northwind-lamps.example")}, nil, []string{"1 skipped nobody"}},
		{"a person with an address of ours who is no member", []Message{from(1, "x@elsewhere.example", "guest@northwind-lamps.example "+mara)}, nil, []string{"1 guest address guest@northwind-lamps.example"}},
		{"among colleagues", []Message{from(1, mara, "jonas@private.example guest@northwind-lamps.example")}, nil, []string{"1 skipped colleagues"}},
		{"with a blocked address", []Message{from(1, "elena@harbour.example", mara+" x@spam.example")}, nil, []string{"1 skipped blocked"}},
		{"bulk", []Message{from(1, "elena@harbour.example", mara, bulk)}, nil, []string{"1 skipped bulk"}},
		{"a draft", []Message{from(1, mara, "elena@harbour.example", draft)}, nil, []string{"1 skipped draft"}},
		{"what is not shown does not exist", []Message{from(1, "elena@harbour.example", mara, hidden), from(2, "x@elsewhere.example", mara)}, nil, []string{"2 skipped nobody"}},
		{"from nobody", []Message{{ID: 1, Shown: true}}, nil, []string{"1 skipped nobody"}},

		{"the conversation is linked", []Message{from(1, "otto@harbour.example", mara), from(2, mara, "x@elsewhere.example")}, nil,
			[]string{"1 harbour domain otto@harbour.example", "1 otto address otto@harbour.example", "2 harbour thread otto@harbour.example of 1", "2 otto thread otto@harbour.example of 1"}},
		{"a later message links the earlier ones", []Message{from(1, mara, "x@elsewhere.example"), from(2, "desk@harbour.example", mara)}, nil,
			[]string{"1 harbour thread desk@harbour.example of 2", "2 harbour domain desk@harbour.example"}},
		{"a message's own reason goes before the conversation's", []Message{from(1, "otto@harbour.example", mara), from(2, mara, "desk@harbour.example")}, nil,
			[]string{"1 harbour domain otto@harbour.example", "1 otto address otto@harbour.example", "2 harbour domain desk@harbour.example", "2 otto thread otto@harbour.example of 1"}},
		{"what is left out stays out of a linked conversation", []Message{from(1, "desk@harbour.example", mara), from(2, mara, "jonas@private.example"), from(3, "list@harbour.example", mara, bulk), from(4, mara, "desk@harbour.example", draft)}, nil,
			[]string{"1 harbour domain desk@harbour.example", "2 skipped colleagues", "3 skipped bulk", "4 skipped draft"}},
		{"what all see of a conversation goes before what is protected", []Message{from(1, "desk@harbour.example", mara, protected), from(2, mara, "desk@harbour.example"), from(3, mara, "x@elsewhere.example")}, nil,
			[]string{"1 harbour domain desk@harbour.example", "2 harbour domain desk@harbour.example", "3 harbour thread desk@harbour.example of 2"}},

		{"by hand, the whole conversation", []Message{from(1, "x@elsewhere.example", mara), from(2, mara, "jonas@private.example"), from(3, mara, "x@elsewhere.example", draft)}, []Choice{by("otto", 0)},
			[]string{"1 harbour company via otto", "1 otto manual", "2 harbour company via otto", "2 otto manual", "3 skipped draft"}},
		{"by hand, one message: the others do not follow", []Message{from(1, "x@elsewhere.example", mara), from(2, "x@elsewhere.example", mara)}, []Choice{by("harbour", 2)},
			[]string{"2 harbour manual", "1 skipped nobody"}},
		{"by hand goes before rules", []Message{from(1, "otto@harbour.example", mara)}, []Choice{by("otto", 0)}, []string{"1 harbour domain otto@harbour.example", "1 otto manual"}},
		{"bulk by hand", []Message{from(1, "elena@harbour.example", mara, bulk)}, []Choice{by("harbour", 1)}, []string{"1 harbour manual"}},
		{"a draft by hand", []Message{from(1, mara, "x@elsewhere.example", draft)}, []Choice{by("harbour", 1)}, []string{"1 harbour manual"}},
		{"removed stays removed, in messages to come too", []Message{from(1, "otto@harbour.example", mara), from(2, "otto@harbour.example", mara)}, []Choice{not("otto", 0)},
			[]string{"1 harbour domain otto@harbour.example", "2 harbour domain otto@harbour.example"}},
		{"removed from one message", []Message{from(1, "desk@harbour.example", mara), from(2, "desk@harbour.example", mara)}, []Choice{not("harbour", 2)},
			[]string{"1 harbour domain desk@harbour.example", "2 skipped nobody"}},
		{"a message's choice goes before the conversation's", []Message{from(1, "x@elsewhere.example", mara), from(2, "x@elsewhere.example", mara)}, []Choice{not("harbour", 2), by("harbour", 0)},
			[]string{"1 harbour manual", "2 skipped nobody"}},
		{"a removed company does not come back by somebody linked by hand", []Message{from(1, "x@elsewhere.example", mara)}, []Choice{by("otto", 0), not("harbour", 0)}, []string{"1 otto manual"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Empty(t, cmp.Diff(c.want, short(book().Link(Conversation{c.messages, c.choices}, circle))))
		})
	}
}

// randomConversation makes up messages and choices about the people of book.
func randomConversation(r *rand.Rand) Conversation {
	people := strings.Fields("elena@harbour.example ELENA@harbour.example elena.fischer@gmail.com otto@harbour.example kim@consulting.example desk@harbour.example x@elsewhere.example y@shop.co.uk " +
		"someone@gmail.com x@spam.example noreply@harbour.example " + mara + " jonas@private.example guest@northwind-lamps.example")
	some := func(most int) (list []crm.Address) {
		for range r.IntN(most + 1) {
			list = append(list, crm.Address{Email: people[r.IntN(len(people))]})
		}
		return list
	}
	var c Conversation
	for i := range 1 + r.IntN(6) {
		m := Message{ID: int64(10 + i), From: crm.Address{Email: people[r.IntN(len(people))]}, To: some(2), Cc: some(1), Bcc: some(1), ReplyTo: some(1),
			Bulk: r.IntN(6) == 0, Protected: r.IntN(5) == 0, Shown: r.IntN(7) > 0}
		m.Draft = !m.Shown && r.IntN(2) == 0
		m.Sent = r.IntN(3) == 0
		c.Messages = append(c.Messages, m)
	}
	for _, record := range []crm.RecordID{"elena", "otto", "harbour", "deal", "kim"} {
		for _, at := range []int64{0, 10, 11, 12} {
			if r.IntN(12) == 0 {
				c.Choices = append(c.Choices, Choice{Record: record, Message: at, Removed: r.IntN(2) == 0, By: "jonas"})
			}
		}
	}
	return c
}

func shuffled[T any](r *rand.Rand, in []T) []T {
	out := slices.Clone(in)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// All at once, one by one in any order, and once more are the same: mail makes
// contacts on the way, and what was made counts for what was there before.
func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 5))
		var conversations []Conversation
		for range 1 + r.IntN(4) {
			conversations = append(conversations, randomConversation(r))
		}
		all := newDesk()
		all.see(conversations...)
		want := all.links(conversations)
		for range 3 {
			one := newDesk()
			grown := make([]Conversation, len(conversations))
			for i, c := range conversations {
				grown[i].Choices = shuffled(r, c.Choices)
			}
			type arrival struct{ in, message int }
			var order []arrival
			for i, c := range conversations {
				for j := range c.Messages {
					order = append(order, arrival{i, j})
				}
			}
			for _, a := range shuffled(r, order) {
				grown[a.in].Messages = append(grown[a.in].Messages, conversations[a.in].Messages[a.message])
				one.see(grown[a.in])
			}
			require.Empty(t, cmp.Diff(want, one.links(grown)), "seed %d", seed)
		}
		all.see(conversations...)
		require.Empty(t, cmp.Diff(want, all.links(conversations)), "seed %d, once more", seed)
	}
}

// desk is a Book to which mail adds.
type desk struct {
	*Book
	made []string
}

func newDesk() *desk { return &desk{Book: book()} }

func (d *desk) see(conversations ...Conversation) {
	for _, c := range conversations {
		for _, p := range Contacts(c, circle, crm.ContactsSent) {
			if len(d.addresses[p.Key]) > 0 {
				continue
			}
			person := crm.RecordID("person " + p.Email)
			d.AddAddress(person, p.Email)
			if p.Domain != "" {
				if len(d.domains[p.Domain]) == 0 {
					d.AddDomain(crm.RecordID("company "+p.Domain), p.Domain)
				}
				d.WorksAt(person, d.domains[p.Domain][0])
			}
			d.made = append(d.made, p.Email)
		}
	}
}

func (d *desk) links(conversations []Conversation) (out []string) {
	for _, c := range conversations {
		out = append(out, short(d.Link(c, circle))...)
	}
	slices.Sort(d.made)
	return append(out, d.made...)
}

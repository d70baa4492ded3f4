package link

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"rapport/internal/crm"
)

// Message of a conversation, as far as linking looks at it.
type Message struct {
	ID                   int64 // what the caller knows it by; a conversation's rise with its dates
	From                 crm.Address
	To, Cc, Bcc, ReplyTo []crm.Address
	Sent                 bool // by the owner of the mailbox
	Bulk                 bool
	Draft                bool
	Shown                bool // neither deleted nor spam, trash, draft or behind a hidden label
	Protected            bool // its owner's alone
}

// Choice is what somebody decided about a conversation and a record: it wins.
type Choice struct {
	Record  crm.RecordID
	Message int64 // 0: the whole conversation
	Removed bool  // not to be linked; else linked
	By      crm.UserID
	At      time.Time
}

// Conversation is the messages of one thread of one mailbox with what people have
// decided about it.
type Conversation struct {
	Messages []Message
	Choices  []Choice
}

// Circle is whom a conversation does not make records of.
type Circle struct {
	Colleague func(email string) bool // of the workspace
	Member    func(email string) bool // somebody's own address here: a colleague who is no record's either
	Blocked   func(email string) bool
}

// Link ties a message to a record, and says why.
type Link struct {
	Message int64
	Record  crm.RecordID
	Rule    crm.LinkRule
	Address string       // the address that did it, as written; "" by hand
	Via     crm.RecordID // the person of a deal or a company that it belongs to
	Source  int64        // the message with the address: another one by crm.LinkThread
	Deep    bool         // the address is one of those that only who reads everything of the source sees
	By      crm.UserID   // by hand
	At      time.Time    // by hand
	far     bool         // a company by way of a deal
}

// Skip is a message that no rule is applied to.
type Skip struct {
	Message int64
	Rule    crm.SkipRule
}

// Book is what is known of the records that some conversations may belong to. The
// zero Book is empty and ready.
type Book struct {
	Index
	companies map[crm.RecordID]crm.RecordID
	deals     map[crm.RecordID][]crm.RecordID
}

// WorksAt says that a person works at a company, or that a deal is one with it.
func (b *Book) WorksAt(r, company crm.RecordID) {
	if b.companies == nil {
		b.companies = map[crm.RecordID]crm.RecordID{}
	}
	b.companies[r] = company
}

// InDeal says that a person is one of an open deal's.
func (b *Book) InDeal(person, deal crm.RecordID) { add(&b.deals, person, deal) }

// order of the rules: of several that tie a message to a record, the first is kept.
var order = map[crm.LinkRule]int{crm.LinkManual: 0, crm.LinkAddress: 1, crm.LinkDeal: 2, crm.LinkDomain: 3, crm.LinkCompany: 4, crm.LinkThread: 5}

// Link applies the rules to a conversation:
//
//   - What people decided wins: a link by hand is kept, a removed one stays removed,
//     for a message before the whole conversation.
//   - A message is linked to whom its addresses belong, to their open deals, to the
//     companies whose domain an address has, and to the companies of all these.
//   - What one message of the conversation is linked to, all are.
//   - Drafts, bulk mail, mail with blocked addresses and mail among colleagues are
//     left out, but for links by hand; what is not shown has no links.
//
// The outcome depends on the conversation alone: not on the order of its messages,
// nor on what was linked before. Links come by message and record, skipped messages
// in the order of their numbers.
func (b *Book) Link(c Conversation, who Circle) ([]Link, []Skip) {
	messages := slices.SortedFunc(slices.Values(c.Messages), func(x, y Message) int { return cmp.Compare(x.ID, y.ID) })
	own := make([][]Link, len(messages)) // by the message's own addresses
	why := make([]crm.SkipRule, len(messages))
	best := map[crm.RecordID]Link{} // what the conversation as a whole is linked to
	protected := map[int64]bool{}
	for i := range messages {
		m := &messages[i]
		protected[m.ID] = m.Protected
		if why[i] = skips(m, who); why[i] != "" || !m.Shown {
			continue
		}
		own[i] = b.own(m, who)
		for _, l := range own[i] {
			if at, ok := best[l.Record]; !ok || better(l, at, protected) {
				best[l.Record] = l
			}
		}
	}
	var links []Link
	var skipped []Skip
	for i := range messages {
		m := &messages[i]
		found := links
		if m.Shown || m.Draft {
			found = b.settle(links, m, own[i], best, c.Choices, m.Shown && why[i] == "")
		}
		switch {
		case len(found) > len(links):
		case why[i] != "" && (m.Shown || m.Draft):
			skipped = append(skipped, Skip{m.ID, why[i]})
		case m.Shown:
			skipped = append(skipped, Skip{m.ID, crm.SkipNobody})
		}
		links = found
	}
	return links, skipped
}

// better reports whether a link is better explained by a than by b: by what more
// people see, then by the order of the rules, then by the older message.
func better(a, b Link, protected map[int64]bool) bool {
	hidden := func(l Link) int { return one(l.Deep || protected[l.Source]) }
	return cmp.Or(cmp.Compare(hidden(a), hidden(b)), cmp.Compare(order[a.Rule], order[b.Rule]), cmp.Compare(one(a.far), one(b.far)),
		cmp.Compare(a.Source, b.Source), cmp.Compare(a.Via, b.Via)) < 0
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// settle appends the links of one message.
func (b *Book) settle(links []Link, m *Message, own []Link, best map[crm.RecordID]Link, choices []Choice, follows bool) []Link {
	mine := map[crm.RecordID]Link{}
	if follows {
		for r, l := range best {
			if l.Source != m.ID {
				l.Rule = crm.LinkThread
			}
			l.Message = m.ID
			mine[r] = l
		}
		for _, l := range own {
			mine[l.Record] = l
		}
	}
	decided := chosen(m, choices)
	for _, r := range slices.Sorted(maps.Keys(decided)) {
		c := decided[r]
		if c.Removed {
			continue
		}
		mine[r] = Link{Message: m.ID, Record: r, Rule: crm.LinkManual, Source: m.ID, By: c.By, At: c.At}
		if company := b.companies[r]; company != "" && mine[company].Record == "" {
			mine[company] = Link{Message: m.ID, Record: company, Rule: crm.LinkCompany, Via: r, Source: m.ID}
		}
	}
	for r, c := range decided {
		if c.Removed {
			delete(mine, r)
		}
	}
	first := len(links)
	for _, l := range mine {
		links = append(links, l)
	}
	slices.SortFunc(links[first:], func(x, y Link) int { return cmp.Compare(x.Record, y.Record) })
	return links
}

// chosen is what was decided about a message: for it, else for its conversation.
func chosen(m *Message, choices []Choice) map[crm.RecordID]Choice {
	var of map[crm.RecordID]Choice
	for _, c := range choices {
		if c.Message != m.ID && (c.Message != 0 || m.Draft) {
			continue
		}
		if at, ok := of[c.Record]; ok && at.Message != 0 {
			continue
		}
		if of == nil {
			of = map[crm.RecordID]Choice{}
		}
		of[c.Record] = c
	}
	return of
}

// party is somebody who takes part in a message.
type party struct {
	crm.Address
	deep bool // told to those alone who see the whole message
}

func parties(m *Message) []party {
	list := make([]party, 0, 1+len(m.To)+len(m.Cc)+len(m.Bcc)+len(m.ReplyTo))
	list = append(list, party{Address: m.From})
	for _, part := range []struct {
		of   []crm.Address
		deep bool
	}{{m.To, false}, {m.Cc, false}, {m.Bcc, true}, {m.ReplyTo, true}} {
		for _, a := range part.of {
			list = append(list, party{a, part.deep})
		}
	}
	return slices.DeleteFunc(list, func(p party) bool { return Key(p.Email) == "" })
}

// Keys are the addresses of those who take part in a message, in the form they are
// compared in, each once.
func (m *Message) Keys() []string {
	var keys []string
	for _, p := range parties(m) {
		if k := Key(p.Email); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// skips says why no rule is applied to a message, "" where they are.
func skips(m *Message, who Circle) crm.SkipRule {
	all := parties(m)
	switch {
	case m.Draft:
		return crm.SkipDraft
	case who.Blocked != nil && slices.ContainsFunc(all, func(p party) bool { return who.Blocked(p.Email) }):
		return crm.SkipBlocked
	case m.Bulk:
		return crm.SkipBulk
	case len(all) > 0 && !slices.ContainsFunc(all, func(p party) bool { return !who.colleague(p.Email) }):
		return crm.SkipColleagues
	}
	return ""
}

func (c Circle) colleague(email string) bool {
	return c.Colleague != nil && c.Colleague(email) || c.member(email)
}

func (c Circle) member(email string) bool { return c.Member != nil && c.Member(email) }

// own are the links by a message's own addresses, one for each record.
func (b *Book) own(m *Message, who Circle) []Link {
	var list []Link
	keep := func(l Link) {
		l.Message, l.Source = m.ID, m.ID
		i := slices.IndexFunc(list, func(x Link) bool { return x.Record == l.Record })
		if i < 0 {
			list = append(list, l)
		} else if better(l, list[i], nil) {
			list[i] = l
		}
	}
	var found []Match
	for _, p := range parties(m) {
		if who.member(p.Email) {
			continue
		}
		found = b.Match(found[:0], p.Address)
		for _, f := range found {
			l := Link{Record: f.Record, Rule: crm.LinkAddress, Address: p.Email, Deep: p.deep}
			if f.Rule == ByDomain {
				if who.colleague(p.Email) {
					continue
				}
				l.Rule = crm.LinkDomain
			}
			keep(l)
			if company := b.companies[f.Record]; company != "" {
				keep(Link{Record: company, Rule: crm.LinkCompany, Address: p.Email, Via: f.Record, Deep: p.deep})
			}
			for _, d := range b.deals[f.Record] {
				keep(Link{Record: d, Rule: crm.LinkDeal, Address: p.Email, Via: f.Record, Deep: p.deep})
				if company := b.companies[d]; company != "" {
					keep(Link{Record: company, Rule: crm.LinkCompany, Address: p.Email, Via: d, Deep: p.deep, far: true})
				}
			}
		}
	}
	return list
}

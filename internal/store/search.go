package store

import (
	"context"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/mail"
)

// A search is compiled in two parts. What is about words and has to hold for
// every message becomes one full-text query, which leads; the rest becomes
// conditions. Words are folded (fold.go), so nothing of what was typed reaches
// SQL or a full-text query but letters and digits, quoted and bound. A part
// without any word ("!!!") says nothing and is left out.

// phrase is one or more words that follow each other. A search is a tree of
// phrases: all of them, any of them, or the first without the others.
type phrase struct {
	op     textOp
	field  int // of documentFields, everyField: any of them
	words  []string
	prefix bool // the last word may go on
	of     []*phrase
}

type textOp int

const (
	opPhrase textOp = iota
	opAll
	opAny
	opWithout // the first and none of the others
	opNothing // matches nothing: what it asks for is hidden
)

const everyField = -1

// search compiles a tree into the filter. Negated words are taken off within
// the full-text query if there is one, and are a condition if not.
func (f *filter) search(ctx context.Context, root mail.Node) error {
	if err := f.look(ctx, root, true); err != nil {
		return err
	}
	var with, without []*phrase
	for _, n := range conjuncts(root) {
		if p, ok := f.textOf(n); ok {
			if p.hidden() {
				f.never = true
				return nil
			}
			with = append(with, given(p)...)
			continue
		}
		switch n := n.(type) {
		case mail.Not:
			if p, ok := f.textOf(n.Node); ok {
				if !p.hidden() {
					without = append(without, given(p)...)
				}
				continue
			}
			f.and(f.condition(n))
		case mail.Label:
			f.wantLabel(n.Name)
		case mail.Flag:
			f.wantFlag(n.Name)
		case mail.Date:
			f.between(n)
		default:
			f.and(f.condition(n))
		}
	}
	if len(with) == 0 {
		for _, p := range without {
			f.and("NOT (" + f.s.d.textCondition(f, p) + ")")
		}
		return nil
	}
	lead := &phrase{op: opAll, of: with}
	if len(without) > 0 {
		lead = &phrase{op: opWithout, of: append([]*phrase{lead}, without...)}
	}
	f.text = f.s.d.textLead(f, lead)
	frequent, err := f.s.d.frequent(ctx, f, lead)
	if f.textLeads = !frequent; frequent {
		f.and(f.s.d.matched(f))
	}
	return err
}

// given is a phrase as a list, empty for a part that says nothing.
func given(p *phrase) []*phrase {
	if p == nil {
		return nil
	}
	return []*phrase{p}
}

// conjuncts are the parts that all have to hold.
func conjuncts(n mail.Node) []mail.Node {
	and, ok := n.(mail.And)
	if !ok {
		return []mail.Node{n}
	}
	var list []mail.Node
	for _, one := range and.Nodes {
		list = append(list, conjuncts(one)...)
	}
	return list
}

// textOf gives a part as phrases if it is about words only and says what has to
// be there. ok without a phrase: it says nothing.
func (f *filter) textOf(n mail.Node) (p *phrase, ok bool) {
	switch n := n.(type) {
	case mail.Words:
		return f.phraseOf(n.Text, everyField, n.Prefix), true
	case mail.Address:
		return f.addressOf(n.Text), true
	case mail.Field:
		field, ok := fieldOf(n.Name)
		if !ok {
			return nil, false
		}
		return f.phraseOf(n.Text, field, n.Prefix), true
	case mail.And:
		return f.combined(opAll, n.Nodes)
	case mail.Or:
		return f.combined(opAny, n.Nodes)
	}
	return nil, false
}

func (f *filter) combined(op textOp, nodes []mail.Node) (*phrase, bool) {
	c := &phrase{op: op}
	hidden := false
	for _, n := range nodes {
		p, ok := f.textOf(n)
		switch {
		case !ok:
			return nil, false
		case p.hidden():
			hidden = true
		case p != nil:
			c.of = append(c.of, p)
		}
	}
	if hidden && (op == opAll || len(c.of) == 0) {
		return &phrase{op: opNothing}, true
	}
	switch len(c.of) {
	case 0:
		return nil, true
	case 1:
		return c.of[0], true
	}
	return c, true
}

// wordsInPhrase bounds a phrase.
const wordsInPhrase = 50

// phraseOf asks for words in a field or in all of them, of those that the lens
// shows.
func (f *filter) phraseOf(text string, field int, prefix bool) *phrase {
	list := foldedWords(text, wordsInPhrase)
	if len(list) == 0 {
		return nil
	}
	p := phrase{op: opPhrase, field: field, words: list, prefix: prefix}
	if !f.lens.partial() {
		return &p
	}
	any := &phrase{op: opAny}
	for i := range documentFields {
		if (field == everyField || field == i) && f.lens.shows(i) {
			one := p
			one.field = i
			any.of = append(any.of, &one)
		}
	}
	switch len(any.of) {
	case 0:
		return &phrase{op: opNothing}
	case 1:
		return any.of[0]
	}
	return any
}

// addressOf asks for the beginning of a name or address, which every lens shows.
func (f *filter) addressOf(text string) *phrase {
	list := foldedWords(text, wordsInPhrase)
	if len(list) == 0 {
		return nil
	}
	any := &phrase{op: opAny}
	for i, field := range documentFields {
		switch field.name {
		case "sender", "recipients", "cc":
			any.of = append(any.of, &phrase{op: opPhrase, field: i, words: list, prefix: true})
		}
	}
	return any
}

// shows reports whether a field of the document is seen through the lens.
func (l lens) shows(field int) bool {
	switch documentFields[field].name {
	case "sender", "recipients", "cc":
		return true
	case "subject":
		return l.level != crm.LevelMetadata
	}
	return !l.partial()
}

// hidden reports whether the phrase matches nothing because what it asks for is
// not seen.
func (p *phrase) hidden() bool { return p != nil && p.op == opNothing }

func fieldOf(name mail.FieldName) (int, bool) {
	switch name {
	case mail.FieldSubject:
		return 0, true
	case mail.FieldFrom:
		return 1, true
	case mail.FieldTo:
		return 2, true
	case mail.FieldCc:
		return 3, true
	case mail.FieldBcc:
		return 4, true
	case mail.FieldFilename:
		return 5, true
	}
	return 0, false
}

// condition makes any part a condition on e, "" when it says nothing.
func (f *filter) condition(n mail.Node) string {
	if p, ok := f.textOf(n); ok {
		if p == nil {
			return ""
		}
		if p.hidden() {
			return "FALSE"
		}
		return f.s.d.textCondition(f, p)
	}
	switch n := n.(type) {
	case mail.And:
		return f.joined(n.Nodes, " AND ")
	case mail.Or:
		return f.joined(n.Nodes, " OR ")
	case mail.Not:
		if c := f.condition(n.Node); c != "" {
			return "NOT (" + c + ")"
		}
		return ""
	case mail.Label:
		return f.labelled(n.Name)
	case mail.Flag:
		return f.flagged(n.Name)
	case mail.Date:
		return f.dated(n)
	case mail.SizeRange:
		return f.sized(n)
	case mail.Field:
		if f.lens.partial() {
			return "FALSE"
		}
		id := strings.Trim(strings.TrimSpace(clean(n.Text)), "<>")
		return "(e.rfc822_message_id IN (" + f.arg(id) + ", " + f.arg("<"+id+">") + ") AND e.rfc822_message_id <> '')" // as its index has it
	}
	return ""
}

func (f *filter) joined(nodes []mail.Node, with string) string {
	var parts []string
	for _, n := range nodes {
		if c := f.condition(n); c != "" {
			parts = append(parts, c)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, with) + ")"
}

func (f *filter) dated(d mail.Date) string {
	var parts []string
	if d.From != 0 {
		parts = append(parts, "e.gmail_date >= "+f.arg(d.From*1_000_000))
	}
	if d.To != 0 {
		parts = append(parts, "e.gmail_date < "+f.arg(d.To*1_000_000))
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

// between narrows the range of positions as well; an hour of slack covers
// messages that were placed beside a second that was full.
func (f *filter) between(d mail.Date) {
	const slack = 3600
	f.and(f.dated(d))
	if d.From != 0 {
		f.low = max(f.low, secondsToPosition(f.box.no, d.From-slack))
	}
	if d.To != 0 {
		f.high = min(f.high, secondsToPosition(f.box.no, d.To+slack))
	}
}

func (f *filter) sized(r mail.SizeRange) string {
	if f.lens.partial() && r != (mail.SizeRange{}) {
		return "FALSE"
	}
	var parts []string
	if r.From != 0 {
		parts = append(parts, "e.size >= "+f.arg(r.From))
	}
	if r.To != 0 {
		parts = append(parts, "e.size < "+f.arg(r.To))
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

func (f *filter) flagged(name mail.FlagName) string {
	if f.lens.partial() && name != mail.FlagAnywhere {
		return "FALSE"
	}
	switch name {
	case mail.FlagUnread:
		return "NOT e.is_read"
	case mail.FlagRead:
		return "e.is_read"
	case mail.FlagStarred:
		return "e.is_starred"
	case mail.FlagAttachment:
		return "e.has_attachments"
	}
	return ""
}

// wantFlag is a flag that every message has to carry.
func (f *filter) wantFlag(name mail.FlagName) {
	if f.lens.partial() && name != mail.FlagAnywhere {
		f.never = true
		return
	}
	switch name {
	case mail.FlagUnread:
		f.labels = append(f.labels, "UNREAD")
	case mail.FlagStarred:
		f.labels = append(f.labels, "STARRED")
	case mail.FlagAttachment:
		f.labels = append(f.labels, attachmentLabel)
	default:
		f.and(f.flagged(name))
	}
}

// wantLabel is a label that every message has to carry.
func (f *filter) wantLabel(name string) {
	switch ids := f.idsOf(name); len(ids) {
	case 0:
		f.never = true
	case 1:
		f.labels = append(f.labels, ids[0])
	default:
		f.and(f.labelled(name))
	}
}

func (f *filter) labelled(name string) string {
	var parts []string
	for _, id := range f.idsOf(name) {
		parts = append(parts, f.carries(id))
	}
	if len(parts) == 0 {
		return "FALSE"
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// look walks a search once before it is compiled: it bounds its size, reads the
// mailbox's labels if it names any, and notes whether spam, trash or drafts are
// asked for.
func (f *filter) look(ctx context.Context, n mail.Node, wanted bool) error {
	if err := f.grow(); err != nil {
		return err
	}
	var nodes []mail.Node
	switch n := n.(type) {
	case mail.And:
		nodes = n.Nodes
	case mail.Or:
		nodes = n.Nodes
	case mail.Not:
		return f.look(ctx, n.Node, !wanted)
	case mail.Flag:
		f.anywhere = f.anywhere || wanted && n.Name == mail.FlagAnywhere
	case mail.Label:
		if err := f.readNames(ctx); err != nil {
			return err
		}
		for _, id := range f.idsOf(n.Name) {
			if wanted && hides(id) {
				f.asked = append(f.asked, id)
			}
		}
	}
	for _, one := range nodes {
		if err := f.look(ctx, one, wanted); err != nil {
			return err
		}
	}
	return nil
}

// readNames reads the labels of the mailbox, once.
func (f *filter) readNames(ctx context.Context) error {
	if f.names != nil {
		return nil
	}
	list, err := f.s.labels(ctx, f.s.reading("mail.List"), f.box.id)
	if err != nil {
		return err
	}
	f.names = []namedLabel{}
	for id, name := range systemLabels {
		f.names = append(f.names, namedLabel{id, name})
	}
	for _, l := range list {
		f.names = append(f.names, namedLabel{l.ID, labelForm(l.ID)}, namedLabel{l.ID, labelForm(l.Name)})
	}
	return nil
}

// systemLabels are the names Gmail's search uses for labels of its own
// (Gmail Help, "Refine searches in Gmail").
var systemLabels = map[string]string{
	"INBOX": "inbox", "SENT": "sent", "DRAFT": "drafts", "SPAM": "spam", "TRASH": "trash",
	"STARRED": "starred", "IMPORTANT": "important", "UNREAD": "unread",
	"CATEGORY_PERSONAL": "primary", "CATEGORY_SOCIAL": "social", "CATEGORY_PROMOTIONS": "promotions",
	"CATEGORY_UPDATES": "updates", "CATEGORY_FORUMS": "forums",
}

// labelForm is a label's name as searches write it: without case, with hyphens
// for spaces and slashes.
func labelForm(name string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '/' || r == '_' {
			return '-'
		}
		return r
	}, strings.Join(strings.Fields(strings.ToLower(clean(name))), " "))
}

// idsOf gives the labels of the mailbox that a name means.
func (f *filter) idsOf(name string) []string {
	form := labelForm(name)
	var ids []string
	for _, l := range f.names {
		if l.name == form || labelForm(l.id) == form {
			if f.lens.partial() && !slices.Contains(harmless, l.id) {
				continue
			}
			if !slices.Contains(ids, l.id) {
				ids = append(ids, l.id)
			}
		}
	}
	return ids
}

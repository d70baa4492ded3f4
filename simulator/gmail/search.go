package gmail

import (
	"bytes"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rapport/simulator/data"
)

// test decides about one message.
type test struct {
	cost  int // of one look: 0 entry, 1 envelope, 2 text
	match func(*probe) bool
}

// probe is the message a search looks at; what is expensive is made when a
// test asks for it. One probe serves all messages of a search.
type probe struct {
	m    *mailbox
	slot uint32
	e    *entry

	hasEnvelope, hasText bool
	env                  data.Envelope
	from, to, cc, bcc    []byte // lower case
	subject, text, list  []byte
	files                []string
	size                 int
	scratch              []byte
}

func (p *probe) reset(slot uint32) {
	p.slot, p.e = slot, &p.m.entries[slot]
	p.hasEnvelope, p.hasText, p.size = false, false, -1
}

// envelope loads people, subject and files.
func (p *probe) envelope() {
	if p.hasEnvelope {
		return
	}
	p.hasEnvelope = true
	p.files = p.files[:0]
	if p.e.body == nil {
		p.m.sources[p.e.src].Envelope(p.e.key(), p.m.person, &p.env)
		p.from, p.to, p.cc, p.bcc = lower(p.from, p.env.From), lower(p.to, p.env.To), lower(p.cc, p.env.Cc), p.bcc[:0]
		p.subject, p.list = lower(p.subject, p.env.Subject), append(p.list[:0], p.env.List...)
		p.files = append(p.files, p.env.Files...)
		return
	}
	root := p.e.body.root()
	all := func(dst []byte, name string) []byte {
		dst = dst[:0]
		for _, f := range root.fields {
			if strings.EqualFold(string(f.name), name) {
				dst = append(lowerOnto(append(dst, ' '), []byte(headerText(f.value))), ' ')
			}
		}
		return dst
	}
	p.from, p.to, p.cc, p.bcc = all(p.from, "From"), all(p.to, "To"), all(p.cc, "Cc"), all(p.bcc, "Bcc")
	p.subject, p.list = all(p.subject, "Subject"), all(p.list, "List-Id")
	for _, f := range root.files() {
		p.files = append(p.files, strings.ToLower(f.filename))
	}
}

// body loads the text.
func (p *probe) body() []byte {
	if !p.hasText {
		p.hasText = true
		if p.e.body == nil {
			p.scratch = p.m.sources[p.e.src].AppendText(p.scratch[:0], p.e.key())
			p.text = lower(p.text, p.scratch)
		} else {
			p.text = lower(p.text, p.e.body.root().plain())
		}
	}
	return p.text
}

// bytes is the size of the whole message.
func (p *probe) bytes() int {
	if p.size < 0 {
		if p.e.body != nil {
			p.size = len(p.e.body.raw)
		} else {
			p.scratch = p.m.sources[p.e.src].AppendRaw(p.scratch[:0], p.e.key(), p.m.person)
			p.size = len(p.scratch)
		}
	}
	return p.size
}

func lower(dst, src []byte) []byte { return lowerOnto(dst[:0], src) }

func lowerOnto(dst, src []byte) []byte {
	for len(src) > 0 {
		if c := src[0]; c < utf8.RuneSelf {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
			src = src[1:]
			continue
		}
		r, size := utf8.DecodeRune(src)
		dst = utf8.AppendRune(dst, unicode.ToLower(r))
		src = src[size:]
	}
	return dst
}

// containsWords finds words that stand for themselves in text: "art" is not in
// "party". Scripts without spaces are searched for anywhere.
func containsWords(text []byte, words string) bool {
	if words == "" {
		return false
	}
	first, _ := utf8.DecodeRuneInString(words)
	last, _ := utf8.DecodeLastRuneInString(words)
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte(words))
		if i < 0 {
			return false
		}
		i += at
		end := i + len(words)
		before, _ := utf8.DecodeLastRune(text[:i])
		after, _ := utf8.DecodeRune(text[end:])
		if (i == 0 || !isLetter(before) || !isLetter(first)) && (end == len(text) || !isLetter(after) || !isLetter(last)) {
			return true
		}
		at = i + 1
	}
}

// isLetter is true for what words consist of in scripts that separate words.
func isLetter(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z'
	}
	return unicode.IsLetter(r) && !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
}

// plan is a search ready to run.
type plan struct {
	tests  []test
	oldest int64 // only messages from here
	newest int64 // to here
	hidden bool  // spam and trash were asked for
}

// search compiles a query together with the labels of a request.
func (m *mailbox) search(e *expr, labels []labelNo, includeHidden bool) plan {
	p := plan{oldest: -1 << 62, newest: 1<<62 - 1, hidden: includeHidden}
	for _, l := range labels {
		p.tests = append(p.tests, m.labelTest(l))
		p.hidden = p.hidden || l == lSpam || l == lTrash
	}
	if e != nil {
		kids := []*expr{e}
		if e.op == opAnd {
			kids = e.kids
		}
		for _, k := range kids {
			p.narrow(k)
			p.tests = append(p.tests, m.compile(k))
		}
		p.hidden = p.hidden || asksHidden(e, false)
	}
	if !p.hidden {
		p.tests = append(p.tests, test{0, func(p *probe) bool { return p.m.sets[p.e.set].bits&(1<<lSpam|1<<lTrash) == 0 }})
	}
	slices.SortStableFunc(p.tests, func(a, b test) int { return a.cost - b.cost })
	return p
}

// asksHidden finds in:spam, in:trash and in:anywhere outside of negations.
func asksHidden(e *expr, negated bool) bool {
	if e.op == opTerm {
		if negated || e.key != "in" && e.key != "label" && e.key != "is" {
			return false
		}
		return e.text == "spam" || e.text == "trash" || e.text == "anywhere"
	}
	for _, k := range e.kids {
		if asksHidden(k, negated != (e.op == opNot)) {
			return true
		}
	}
	return false
}

// narrow keeps the dates of a term that must hold.
func (p *plan) narrow(e *expr) {
	if e.op != opTerm {
		return
	}
	switch e.key {
	case "after":
		p.oldest = max(p.oldest, e.time.UnixMilli())
	case "before":
		p.newest = min(p.newest, e.time.UnixMilli()-1)
	}
}

func (p *plan) match(pr *probe) bool {
	for i := range p.tests {
		if !p.tests[i].match(pr) {
			return false
		}
	}
	return true
}

func (m *mailbox) compile(e *expr) test {
	switch e.op {
	case opNot:
		t := m.compile(e.kids[0])
		return test{t.cost, func(p *probe) bool { return !t.match(p) }}
	case opAnd, opOr:
		tests := make([]test, 0, len(e.kids))
		cost := 0
		for _, k := range e.kids {
			t := m.compile(k)
			tests, cost = append(tests, t), max(cost, t.cost)
		}
		slices.SortStableFunc(tests, func(a, b test) int { return a.cost - b.cost })
		or := e.op == opOr
		return test{cost, func(p *probe) bool {
			for i := range tests {
				if tests[i].match(p) == or {
					return or
				}
			}
			return !or
		}}
	}
	return m.compileTerm(e)
}

var never = test{0, func(*probe) bool { return false }}

func (m *mailbox) compileTerm(e *expr) test {
	text := e.text
	if (e.key == "from" || e.key == "to" || e.key == "cc" || e.key == "bcc" || e.key == "deliveredto") && text == "me" {
		text = m.account.Email
	}
	switch e.key {
	case "":
		return wordTest(text)
	case "from":
		return test{1, func(p *probe) bool { p.envelope(); return containsWords(p.from, text) }}
	case "to":
		// Gmail's to: also finds copies
		return test{1, func(p *probe) bool {
			p.envelope()
			return containsWords(p.to, text) || containsWords(p.cc, text) || containsWords(p.bcc, text)
		}}
	case "cc":
		return test{1, func(p *probe) bool { p.envelope(); return containsWords(p.cc, text) }}
	case "bcc":
		return test{1, func(p *probe) bool { p.envelope(); return containsWords(p.bcc, text) }}
	case "subject":
		return test{1, func(p *probe) bool { p.envelope(); return containsWords(p.subject, text) }}
	case "list":
		return test{1, func(p *probe) bool { p.envelope(); return containsWords(p.list, text) }}
	case "filename":
		return test{1, func(p *probe) bool {
			p.envelope()
			return slices.ContainsFunc(p.files, func(f string) bool { return fileMatches(f, text) })
		}}
	case "before":
		at := e.time.UnixMilli()
		return test{0, func(p *probe) bool { return p.e.date < at }}
	case "after":
		at := e.time.UnixMilli()
		return test{0, func(p *probe) bool { return p.e.date >= at }}
	case "larger":
		return test{2, func(p *probe) bool { return int64(p.bytes()) > e.size }}
	case "smaller":
		return test{2, func(p *probe) bool { return int64(p.bytes()) < e.size }}
	case "rfc822msgid":
		return m.messageIDTest(e.raw)
	case "deliveredto":
		return test{2, func(p *probe) bool { return p.delivered(text) }}
	case "in", "label", "is", "category", "has":
		return m.flagTest(e.key, text)
	}
	return never
}

func wordTest(text string) test {
	return test{2, func(p *probe) bool {
		p.envelope()
		if containsWords(p.subject, text) || containsWords(p.from, text) || containsWords(p.to, text) || containsWords(p.cc, text) {
			return true
		}
		return slices.ContainsFunc(p.files, func(f string) bool { return containsWords([]byte(strings.ToLower(f)), text) }) ||
			containsWords(p.body(), text)
	}}
}

// fileMatches compares a file name with a name, a part of it or an extension.
func fileMatches(name, text string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "."+text) || containsWords([]byte(name), text)
}

func (m *mailbox) messageIDTest(id string) test {
	slot, ok := m.byMessageID(strings.Trim(id, "<> "))
	if !ok {
		return never
	}
	return test{0, func(p *probe) bool { return p.slot == slot }}
}

// delivered looks at Delivered-To, which copies that Gmail received have.
func (p *probe) delivered(address string) bool {
	v := p.m.look(p.slot)
	defer v.release()
	return strings.EqualFold(v.root().get("Delivered-To"), address)
}

func (m *mailbox) labelTest(no labelNo) test {
	return test{0, func(p *probe) bool { return p.m.sets[p.e.set].has(no) }}
}

var flagNames = map[string]labelNo{
	"inbox": lInbox, "sent": lSent, "draft": lDraft, "drafts": lDraft, "spam": lSpam, "trash": lTrash, "bin": lTrash, "chats": lChat, "chat": lChat,
	"unread": lUnread, "starred": lStarred, "important": lImportant,
	"primary": lPersonal, "personal": lPersonal, "social": lSocial, "promotions": lPromotions, "updates": lUpdates, "forums": lForums,
}

func (m *mailbox) flagTest(key, text string) test {
	switch {
	case key == "has":
		return m.hasTest(text)
	case text == "anywhere" || text == "all" && key == "in":
		return test{0, func(*probe) bool { return true }}
	case text == "read" && key == "is":
		return test{0, func(p *probe) bool { return p.m.sets[p.e.set].bits&(1<<lUnread) == 0 }}
	case text == "archive" && key == "in":
		return test{0, func(p *probe) bool {
			return p.m.sets[p.e.set].bits&(1<<lInbox|1<<lTrash|1<<lSpam|1<<lDraft|1<<lSent) == 0
		}}
	}
	if no, ok := flagNames[text]; ok && (key != "label" || no != lPersonal) {
		return m.labelTest(no)
	}
	for _, l := range m.labels {
		if strings.ToLower(l.id) == text || sameLabel(l.name, text) {
			return m.labelTest(l.no)
		}
	}
	return never
}

// sameLabel compares as Gmail writes labels in searches: spaces, slashes and
// other signs are dashes.
func sameLabel(name, text string) bool {
	dashed := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == ' ' || r == '/' || r == '&' || r == '(' || r == ')' || r == '_' {
				return '-'
			}
			return unicode.ToLower(r)
		}, s)
	}
	return dashed(name) == dashed(text)
}

func (m *mailbox) hasTest(text string) test {
	switch text {
	case "attachment":
		return test{1, func(p *probe) bool { p.envelope(); return len(p.files) > 0 }}
	case "userlabels", "nouserlabels":
		want := text == "userlabels"
		return test{0, func(p *probe) bool {
			nos := p.m.sets[p.e.set].nos
			return (len(nos) > 0 && nos[len(nos)-1] >= firstUserLabel) == want
		}}
	case "yellow-star":
		return m.labelTest(lStarred)
	}
	return never
}

// pacific is the time zone in which Gmail reads dates of a search.
var pacific = time.FixedZone("PST", -8*3600)

package mail

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Viewer is who searches: days begin at midnight in Zone, "me" is one of Emails.
type Viewer struct {
	Now    time.Time
	Zone   *time.Location // nil: UTC
	Emails []string
}

const separators = " \t\r\n\u00a0"

// Bounds of a query.
const (
	maxQuery = 2000 // bytes
	maxTerms = 100
	maxNest  = 20
)

// ParseSearch reads a query in Gmail's operators ("Search operators you can use
// with Gmail", Gmail Help): words, "phrases", -not, OR, (all) and {any}, from:
// to: cc: bcc: subject: label: in: is: has: filename: before: after: older:
// newer: older_than: newer_than: rfc822msgid: larger: smaller: size: category:.
// It never fails: what it cannot understand is searched for as words. nil means
// that nothing is asked.
func ParseSearch(query string, v Viewer) *Search {
	if v.Zone == nil {
		v.Zone = time.UTC
	}
	p := searcher{in: cutText(clean(query), maxQuery), Viewer: v}
	root := p.all(0, 0)
	if root == nil {
		return nil
	}
	return &Search{Root: root}
}

type searcher struct {
	Viewer
	in    string
	terms int
}

func (p *searcher) space() { p.in = strings.TrimLeft(p.in, separators) }

// all reads terms up to a closing bracket: together they must all match, except
// for neighbours joined by OR.
func (p *searcher) all(until byte, depth int) Node {
	var groups [][]Node // all of the groups; any of the nodes in one
	or := false
	for {
		p.space()
		if p.in == "" {
			break
		}
		if c := p.in[0]; c == ')' || c == '}' {
			if c == until {
				break
			}
			p.in = p.in[1:]
			continue
		}
		if rest, ok := keyword(p.in, "OR"); ok || p.in[0] == '|' {
			if !ok {
				rest = p.in[1:]
			}
			p.in, or = rest, true
			continue
		}
		if rest, ok := keyword(p.in, "AND"); ok {
			p.in = rest
			continue
		}
		n := p.term(depth)
		if n == nil {
			continue
		}
		if or && len(groups) > 0 {
			groups[len(groups)-1] = append(groups[len(groups)-1], n)
		} else {
			groups = append(groups, []Node{n})
		}
		or = false
	}
	if until == '}' { // any of them
		var any []Node
		for _, g := range groups {
			any = append(any, g...)
		}
		return either(any)
	}
	var nodes []Node
	for _, g := range groups {
		nodes = append(nodes, either(g))
	}
	switch len(nodes) {
	case 0:
		return nil
	case 1:
		return nodes[0]
	}
	return And{nodes}
}

func either(nodes []Node) Node {
	switch len(nodes) {
	case 0:
		return nil
	case 1:
		return nodes[0]
	}
	return Or{nodes}
}

// keyword cuts OR or AND off where it stands as a word.
func keyword(s, word string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(s, word)
	return rest, ok && (rest == "" || strings.ContainsRune(" \t(){}\"-", rune(rest[0])))
}

// term reads one thing: a group, a negation, an operator, a phrase or a word.
func (p *searcher) term(depth int) Node {
	if p.terms++; p.terms > maxTerms {
		p.in = ""
		return nil
	}
	switch c := p.in[0]; {
	case c == '-' || c == '!':
		p.in = p.in[1:]
		if p.ends() {
			return nil
		}
		if n := p.term(depth); n != nil {
			return Not{n}
		}
		return nil
	case c == '(' || c == '{':
		p.in = p.in[1:]
		if depth >= maxNest {
			return nil
		}
		end := byte(')')
		if c == '{' {
			end = '}'
		}
		n := p.all(end, depth+1)
		p.in = strings.TrimPrefix(p.in, string(end))
		return n
	case c == '"':
		return phrase(p.quoted())
	case c == '+':
		p.in = p.in[1:]
		if p.ends() {
			return nil
		}
		return p.term(depth)
	}
	return p.word(depth)
}

// ends says whether no term begins here.
func (p *searcher) ends() bool {
	return p.in == "" || strings.ContainsRune(separators+")}", []rune(p.in[:min(len(p.in), 4)])[0])
}

// quoted reads a phrase; one that is not closed goes to the end.
func (p *searcher) quoted() string {
	text, rest, _ := strings.Cut(p.in[1:], `"`)
	p.in = rest
	return strings.Join(strings.Fields(text), " ")
}

func phrase(text string) Node {
	if text == "" {
		return nil
	}
	return Words{Text: text, Phrase: true}
}

// word reads an operator with its value, or a word.
func (p *searcher) word(depth int) Node {
	end := strings.IndexAny(p.in, separators+"(){}\"")
	if end < 0 {
		end = len(p.in)
	}
	text := p.in[:end]
	name, value, ok := strings.Cut(text, ":")
	name = strings.ToLower(name)
	if !ok || !operators[name] {
		last := p.in[end:] == "" // still being typed
		p.in = p.in[end:]
		return Words{Text: text, Prefix: last}
	}
	p.in = p.in[end:]
	if value == "" && p.in != "" {
		switch p.in[0] {
		case '"':
			value = p.quoted()
		case '(', '{':
			return p.each(name, depth)
		}
	}
	if value == "" {
		return nil
	}
	return p.operator(name, value)
}

// each reads name:(a b) and name:{a b}: the operator with each of the values.
func (p *searcher) each(name string, depth int) Node {
	open := p.in[0]
	end := byte(')')
	if open == '{' {
		end = '}'
	}
	inner, rest, _ := strings.Cut(p.in[1:], string(end))
	p.in = rest
	sub := searcher{Viewer: p.Viewer, terms: p.terms}
	var nodes []Node
	or := open == '{'
	for _, value := range fieldsQuoted(inner) {
		if value == "OR" || value == "|" {
			or = true
			continue
		}
		if p.terms++; p.terms > maxTerms || depth > maxNest {
			break
		}
		negated := strings.HasPrefix(value, "-")
		if n := sub.operator(name, strings.Trim(value, `-"`)); n != nil && negated {
			nodes = append(nodes, Not{n})
		} else if n != nil {
			nodes = append(nodes, n)
		}
	}
	if or || len(nodes) < 2 {
		return either(nodes)
	}
	return And{nodes}
}

// fieldsQuoted splits at spaces outside of quotes.
func fieldsQuoted(s string) []string {
	quoted := false
	return strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\t')
	})
}

var operators = map[string]bool{
	"from": true, "to": true, "cc": true, "bcc": true, "subject": true, "label": true, "in": true, "is": true, "has": true, "filename": true,
	"before": true, "after": true, "older": true, "newer": true, "older_than": true, "newer_than": true, "rfc822msgid": true,
	"larger": true, "smaller": true, "larger_than": true, "smaller_than": true, "size": true, "category": true, "l": true,
}

func (p *searcher) operator(name, value string) Node {
	value = strings.Join(strings.Fields(strings.Trim(value, `"`)), " ")
	if value == "" {
		return nil
	}
	var n Node
	switch name {
	case "from", "to", "cc", "bcc":
		return p.person(FieldName(name), value)
	case "subject", "filename":
		return Field{FieldName(name), value}
	case "rfc822msgid":
		return Field{FieldMessageID, strings.Trim(value, "<>")}
	case "label", "l":
		return Label{value}
	case "category":
		n = category(value)
	case "in":
		n = inPlace(value)
	case "is":
		n = is(value)
	case "has":
		n = has(value)
	case "before", "after", "older", "newer":
		n = p.day(name, value)
	case "older_than", "newer_than":
		n = p.age(name, value)
	default:
		n = size(name, value)
	}
	if n == nil { // not understood: the words as they are
		return Words{Text: name + ":" + value}
	}
	return n
}

// person finds an address or a name; "me" is the viewer.
func (p *searcher) person(f FieldName, value string) Node {
	if !strings.EqualFold(value, "me") || len(p.Emails) == 0 {
		return Field{f, value}
	}
	var mine []Node
	for _, e := range p.Emails {
		mine = append(mine, Field{f, e})
	}
	return either(mine)
}

func category(value string) Node {
	switch strings.ToLower(value) {
	case "primary":
		return Label{"CATEGORY_PERSONAL"}
	case "social", "promotions", "updates", "forums":
		return Label{"CATEGORY_" + strings.ToUpper(value)}
	}
	return nil
}

func inPlace(value string) Node {
	switch v := strings.ToLower(value); v {
	case "anywhere", "any":
		return Flag{FlagAnywhere}
	case "inbox", "sent", "spam", "trash", "draft", "chat", "important":
		return Label{strings.ToUpper(v)}
	case "drafts", "chats":
		return Label{strings.ToUpper(strings.TrimSuffix(v, "s"))}
	case "bin":
		return Label{"TRASH"}
	case "junk":
		return Label{"SPAM"}
	case "starred", "unread", "read":
		return Flag{FlagName(v)}
	case "archive":
		return Not{Or{[]Node{Label{"INBOX"}, Label{"SENT"}, Label{"DRAFT"}, Label{"SPAM"}, Label{"TRASH"}}}}
	}
	return Label{value}
}

func is(value string) Node {
	switch v := strings.ToLower(value); v {
	case "unread", "read", "starred":
		return Flag{FlagName(v)}
	case "important", "sent", "inbox", "draft", "chat":
		return Label{strings.ToUpper(v)}
	}
	return nil
}

func has(value string) Node {
	switch strings.ToLower(value) {
	case "attachment", "attachments":
		return Flag{FlagAttachment}
	case "star", "yellow-star":
		return Flag{FlagStarred}
	}
	return nil
}

// day bounds the date: before: ends where the day begins, after: begins there.
func (p *searcher) day(name, value string) Node {
	at, ok := p.date(value)
	if !ok {
		return nil
	}
	if name == "before" || name == "older" {
		return Date{To: at}
	}
	return Date{From: at}
}

// date reads a day in the viewer's zone, or seconds since 1970.
func (p *searcher) date(value string) (int64, bool) {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 99_999_999 {
		return min(n, math.MaxInt32*4), true
	}
	value = strings.NewReplacer("-", "/", ".", "/").Replace(value)
	for _, layout := range []string{"2006/1/2", "1/2/2006", "2006/1", "2006"} {
		if t, err := time.ParseInLocation(layout, value, p.Zone); err == nil && t.Year() > 0 {
			return t.Unix(), true
		}
	}
	switch strings.ToLower(value) {
	case "today":
		return p.midnight(0), true
	case "yesterday":
		return p.midnight(-1), true
	}
	return 0, false
}

func (p *searcher) midnight(days int) int64 {
	y, m, d := p.Now.In(p.Zone).Date()
	return time.Date(y, m, d+days, 0, 0, 0, 0, p.Zone).Unix()
}

// age bounds the date from now: 2h, 3d, 1w, 2m, 1y.
func (p *searcher) age(name, value string) Node {
	unit := value[len(value)-1] | 0x20
	n, err := strconv.Atoi(value[:len(value)-1])
	if err != nil || n < 0 || n > 100_000 {
		return nil
	}
	now := p.Now.In(p.Zone)
	var at time.Time
	switch unit {
	case 'h':
		at = now.Add(-time.Duration(n) * time.Hour)
	case 'd':
		at = now.AddDate(0, 0, -n)
	case 'w':
		at = now.AddDate(0, 0, -7*n)
	case 'm':
		at = now.AddDate(0, -n, 0)
	case 'y':
		at = now.AddDate(-n, 0, 0)
	default:
		return nil
	}
	if name == "older_than" {
		return Date{To: max(at.Unix(), 1)}
	}
	return Date{From: max(at.Unix(), 1)}
}

// size bounds the size: 10000, 500K, 10M, 1G.
func size(name, value string) Node {
	factor := int64(1)
	switch v := strings.ToUpper(strings.TrimSuffix(strings.ToUpper(value), "B")); {
	case strings.HasSuffix(v, "K"):
		factor, value = 1<<10, v[:len(v)-1]
	case strings.HasSuffix(v, "M"):
		factor, value = 1<<20, v[:len(v)-1]
	case strings.HasSuffix(v, "G"):
		factor, value = 1<<30, v[:len(v)-1]
	default:
		value = v
	}
	n, err := strconv.ParseInt(value, 10, 40)
	if err != nil || n < 0 {
		return nil
	}
	if name == "smaller" || name == "smaller_than" {
		return SizeRange{To: max(n*factor, 1)}
	}
	return SizeRange{From: max(n*factor, 1)}
}

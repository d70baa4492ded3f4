package gmail

import (
	"strings"
	"time"
	"unicode"
)

// expr is a parsed search. Operators are Gmail's:
// https://support.google.com/mail/answer/7190
type expr struct {
	op   exprOp
	kids []*expr // and, or, not
	key  string  // term: the operator, "" for words
	text string  // term: its value, lower case
	raw  string  // term: its value as written
	time time.Time
	size int64
}

type exprOp uint8

const (
	opAnd exprOp = iota
	opOr
	opNot
	opTerm
)

// operators that take a value.
var operators = map[string]bool{
	"from": true, "to": true, "cc": true, "bcc": true, "subject": true, "label": true, "in": true, "is": true, "has": true, "filename": true,
	"before": true, "after": true, "older": true, "newer": true, "older_than": true, "newer_than": true, "larger": true, "smaller": true, "size": true,
	"rfc822msgid": true, "list": true, "deliveredto": true, "category": true, "larger_than": true, "smaller_than": true,
}

type token struct {
	kind byte // word ', phrase ", operator :, and the signs - ( ) { } |
	text string
}

// parseQuery parses a search; nil means everything. now and zone give dates
// their meaning.
func parseQuery(q string, now time.Time, zone *time.Location) *expr {
	p := &queryParser{tokens: lexQuery(q), now: now, zone: zone}
	var all []*expr
	for p.at < len(p.tokens) {
		e := p.all("", 0)
		if e != nil {
			all = append(all, e)
		}
		if p.at < len(p.tokens) { // a closing sign that nothing opened
			p.at++
		}
	}
	return join(opAnd, all)
}

func join(op exprOp, list []*expr) *expr {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return &expr{op: op, kids: list}
}

func lexQuery(q string) []token {
	var out []token
	for i := 0; i < len(q); {
		c := q[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',':
			i++
		case strings.IndexByte("(){}|", c) >= 0:
			out = append(out, token{kind: c})
			i++
		case c == '"':
			text, n := quoted(q[i:])
			out = append(out, token{'"', text})
			i += n
		case c == '-' && i+1 < len(q) && q[i+1] != ' ' && (i == 0 || strings.IndexByte(" \t({|,\n", q[i-1]) >= 0):
			out = append(out, token{kind: '-'})
			i++
		default:
			t, n := lexWord(q[i:])
			out = append(out, t)
			i += n
		}
	}
	return out
}

func quoted(s string) (text string, n int) {
	end := strings.IndexByte(s[1:], '"')
	if end < 0 {
		return s[1:], len(s)
	}
	return s[1 : 1+end], end + 2
}

// lexWord reads a word, or an operator up to its colon.
func lexWord(s string) (token, int) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ':' && operators[strings.ToLower(s[:i])]:
			return token{':', strings.ToLower(s[:i])}, i + 1
		case strings.IndexByte(" \t\n\r(){}\"|,", c) >= 0:
			return token{'\'', s[:i]}, i
		}
	}
	return token{'\'', s}, len(s)
}

type queryParser struct {
	tokens []token
	at     int
	now    time.Time
	zone   *time.Location
	depth  int
}

func (p *queryParser) peek() byte {
	if p.at >= len(p.tokens) {
		return 0
	}
	return p.tokens[p.at].kind
}

func (p *queryParser) isWord(text string) bool {
	return p.peek() == '\'' && p.tokens[p.at].text == text
}

// all parses terms that must all hold, up to a closing sign. OR binds tighter
// than the space between words.
func (p *queryParser) all(key string, end byte) *expr {
	var list []*expr
	for p.at < len(p.tokens) && p.peek() != end && p.peek() != ')' && p.peek() != '}' {
		if p.isWord("AND") {
			p.at++
			continue
		}
		e := p.either(key)
		if e != nil {
			list = append(list, e)
		}
	}
	return join(opAnd, list)
}

func (p *queryParser) either(key string) *expr {
	var list []*expr
	if e := p.one(key); e != nil {
		list = append(list, e)
	}
	for p.isWord("OR") || p.peek() == '|' {
		p.at++
		if p.at >= len(p.tokens) {
			break
		}
		if e := p.one(key); e != nil {
			list = append(list, e)
		}
	}
	return join(opOr, list)
}

// one parses a term, a group or a negation; key is the operator of a group
// such as subject:(a b).
func (p *queryParser) one(key string) *expr {
	t := p.tokens[p.at]
	p.at++
	switch t.kind {
	case '-':
		if p.at >= len(p.tokens) {
			return nil
		}
		if e := p.one(key); e != nil {
			return &expr{op: opNot, kids: []*expr{e}}
		}
		return nil
	case '(', '{':
		return p.group(key, t.kind)
	case ':':
		return p.value(t.text)
	case '"':
		return p.term(key, t.text)
	case '\'':
		if t.text == "OR" || t.text == "AND" {
			return nil
		}
		return p.term(key, strings.TrimPrefix(t.text, "+"))
	}
	return nil
}

// maxGroups is how deep groups may lie in each other.
const maxGroups = 100

func (p *queryParser) group(key string, open byte) *expr {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxGroups {
		p.at = len(p.tokens)
		return nil
	}
	var e *expr
	if open == '(' {
		e = p.all(key, ')')
	} else {
		var list []*expr
		for p.at < len(p.tokens) && p.peek() != '}' && p.peek() != ')' {
			if one := p.either(key); one != nil {
				list = append(list, one)
			}
		}
		e = join(opOr, list)
	}
	if k := p.peek(); k == ')' || k == '}' {
		p.at++
	}
	return e
}

func (p *queryParser) value(key string) *expr {
	switch p.peek() {
	case '(', '{':
		open := p.peek()
		p.at++
		return p.group(key, open)
	case '"', '\'':
		t := p.tokens[p.at]
		p.at++
		return p.term(key, t.text)
	case ':':
		// from:subject:x: the inner operator is text of the outer one
		t := p.tokens[p.at]
		p.at++
		return p.term(key, t.text)
	}
	return nil
}

func (p *queryParser) term(key, text string) *expr {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	e := &expr{op: opTerm, key: key, raw: text, text: strings.ToLower(text)}
	var ok = true
	switch key {
	case "before", "older", "after", "newer":
		e.time, ok = p.date(text)
		e.key = map[string]string{"before": "before", "older": "before", "after": "after", "newer": "after"}[key]
	case "older_than":
		e.time, ok = p.ago(text)
		e.key = "before"
	case "newer_than":
		e.time, ok = p.ago(text)
		e.key = "after"
	case "larger", "larger_than", "size":
		e.size, ok = bytesOf(text)
		e.key = "larger"
	case "smaller", "smaller_than":
		e.size, ok = bytesOf(text)
		e.key = "smaller"
	}
	if !ok { // what cannot be understood finds nothing
		return &expr{op: opTerm, key: "nothing"}
	}
	return e
}

// date reads 2026/03/01, 2026-03-01, 03/01/2026 or seconds since 1970.
func (p *queryParser) date(s string) (time.Time, bool) {
	for _, layout := range []string{"2006/1/2", "2006-1-2", "1/2/2006", "1-2-2006"} {
		if t, err := time.ParseInLocation(layout, s, p.zone); err == nil {
			return t, true
		}
	}
	var n int64
	for _, c := range s {
		if c < '0' || c > '9' || n > 1<<40 {
			return time.Time{}, false
		}
		n = n*10 + int64(c-'0')
	}
	return time.Unix(n, 0), len(s) > 0
}

// ago reads 3d, 2m, 1y (also 5h, as Gmail does).
func (p *queryParser) ago(s string) (time.Time, bool) {
	n := 0
	for i, c := range s {
		switch {
		case c >= '0' && c <= '9' && n < 1e6:
			n = n*10 + int(c-'0')
			continue
		case i == 0 || i != len(s)-1:
			return time.Time{}, false
		}
		switch unicode.ToLower(c) {
		case 'h':
			return p.now.Add(-time.Duration(n) * time.Hour), true
		case 'd':
			return p.now.AddDate(0, 0, -n), true
		case 'w':
			return p.now.AddDate(0, 0, -7*n), true
		case 'm':
			return p.now.AddDate(0, -n, 0), true
		case 'y':
			return p.now.AddDate(-n, 0, 0), true
		}
	}
	return time.Time{}, false
}

// bytesOf reads 1000, 10K, 5M.
func bytesOf(s string) (int64, bool) {
	s = strings.TrimSuffix(strings.ToUpper(s), "B")
	unit := int64(1)
	switch {
	case strings.HasSuffix(s, "K"):
		unit, s = 1<<10, s[:len(s)-1]
	case strings.HasSuffix(s, "M"):
		unit, s = 1<<20, s[:len(s)-1]
	case strings.HasSuffix(s, "G"):
		unit, s = 1<<30, s[:len(s)-1]
	}
	var n int64
	for _, c := range s {
		if c < '0' || c > '9' || n > 1<<32 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n * unit, len(s) > 0
}

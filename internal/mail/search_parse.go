package mail

import (
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
// newer: older_than: newer_than: rfc822msgid: larger: smaller: size: category:
// list: deliveredto:.
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
// for neighbours joined by OR. Within braces any of them is enough.
func (p *searcher) all(until byte, depth int) Node {
	var groups [][]Node // all of the groups; any of the nodes in one
	or := until == '}'
	for p.more(until) {
		if p.joins("OR", "|") {
			or = true
			continue
		}
		if p.joins("AND", "&&") {
			continue
		}
		n := p.term(depth)
		switch {
		case n == nil:
			continue
		case or && len(groups) > 0:
			groups[len(groups)-1] = append(groups[len(groups)-1], n)
		default:
			groups = append(groups, []Node{n})
		}
		or = until == '}'
	}
	nodes := make([]Node, len(groups))
	for i, g := range groups {
		nodes[i] = either(g)
	}
	switch len(nodes) {
	case 0:
		return nil
	case 1:
		return nodes[0]
	}
	return And{nodes}
}

// more goes to the next term; brackets that close nothing are passed over.
func (p *searcher) more(until byte) bool {
	for {
		p.space()
		if p.in == "" || p.in[0] == until {
			return false
		}
		if p.in[0] != ')' && p.in[0] != '}' {
			return true
		}
		p.in = p.in[1:]
	}
}

// joins takes a word or a sign that joins terms.
func (p *searcher) joins(word, sign string) bool {
	rest, ok := strings.CutPrefix(p.in, word)
	if ok = ok && (rest == "" || strings.ContainsRune(" \t(){}\"-", rune(rest[0]))); !ok {
		rest, ok = strings.CutPrefix(p.in, sign)
	}
	if ok {
		p.in = rest
	}
	return ok
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
	bare := value != ""
	if !bare && p.in != "" {
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
	n := p.operator(name, value)
	if f, ok := n.(Field); ok && bare && p.in == "" && strings.EqualFold(f.Text, value) {
		f.Prefix = f.Name != FieldMessageID
		return f
	}
	return n
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

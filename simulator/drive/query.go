package drive

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rapport/simulator/files"
	"rapport/simulator/front"
)

// view is what a condition may look at besides the file.
type view struct {
	tree *files.Tree
	call *front.Call
}

// condition is a parsed search query (Drive's guide "Search query terms and
// operators").
type condition func(v view, f *files.File) bool

// parseQuery reads q; an empty one wants everything.
func parseQuery(text string) (condition, bool) {
	p := &parser{rest: text}
	if p.skip(); p.rest == "" {
		return func(view, *files.File) bool { return true }, true
	}
	c, ok := p.or()
	p.skip()
	return c, ok && p.rest == ""
}

type parser struct{ rest string }

func (p *parser) skip() { p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace) }

// word takes a word: a field, an operator in letters, a value without quotes.
func (p *parser) word() string {
	p.skip()
	n := strings.IndexFunc(p.rest, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if n < 0 {
		n = len(p.rest)
	}
	w := p.rest[:n]
	p.rest = p.rest[n:]
	return w
}

func (p *parser) sign(s string) bool {
	p.skip()
	var ok bool
	p.rest, ok = strings.CutPrefix(p.rest, s)
	return ok
}

// keyword takes one of the words that join conditions.
func (p *parser) keyword(w string) bool {
	p.skip()
	if len(p.rest) < len(w) || !strings.EqualFold(p.rest[:len(w)], w) {
		return false
	}
	if next, _ := utf8.DecodeRuneInString(p.rest[len(w):]); unicode.IsLetter(next) || unicode.IsDigit(next) {
		return false
	}
	p.rest = p.rest[len(w):]
	return true
}

// text takes a quoted value; \' and \\ stand for themselves.
func (p *parser) text() (string, bool) {
	if !p.sign("'") {
		return "", false
	}
	var out strings.Builder
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\\' && i+1 < len(p.rest):
			i++
			out.WriteByte(p.rest[i])
		case c == '\'':
			p.rest = p.rest[i+1:]
			return out.String(), true
		default:
			out.WriteByte(c)
		}
	}
	return "", false
}

func (p *parser) or() (condition, bool) {
	left, ok := p.and()
	for ok && p.keyword("or") {
		var right condition
		if right, ok = p.and(); ok {
			a, b := left, right
			left = func(v view, f *files.File) bool { return a(v, f) || b(v, f) }
		}
	}
	return left, ok
}

func (p *parser) and() (condition, bool) {
	left, ok := p.single()
	for ok && p.keyword("and") {
		var right condition
		if right, ok = p.single(); ok {
			a, b := left, right
			left = func(v view, f *files.File) bool { return a(v, f) && b(v, f) }
		}
	}
	return left, ok
}

func (p *parser) single() (condition, bool) {
	if p.keyword("not") {
		c, ok := p.single()
		return func(v view, f *files.File) bool { return !c(v, f) }, ok
	}
	if p.sign("(") {
		c, ok := p.or()
		return c, ok && p.sign(")")
	}
	if value, ok := p.text(); ok {
		return p.in(value)
	}
	field := p.word()
	if field == "sharedWithMe" {
		if p.sign("=") {
			return p.truth(func(*files.File) bool { return false }, "=")
		}
		return func(view, *files.File) bool { return false }, true
	}
	return p.term(field, p.operator())
}

func (p *parser) operator() string {
	for _, s := range []string{"!=", "<=", ">=", "=", "<", ">"} {
		if p.sign(s) {
			return s
		}
	}
	return strings.ToLower(p.word())
}

// in is "'value' in field".
func (p *parser) in(value string) (condition, bool) {
	if !p.keyword("in") {
		return nil, false
	}
	switch p.word() {
	case "parents":
		return func(v view, f *files.File) bool {
			id := value
			if id == "root" {
				id = v.tree.Root(v.call.Account)
			}
			return slices.Contains(f.Parents, id)
		}, true
	case "owners", "writers", "readers":
		return func(v view, f *files.File) bool {
			return strings.EqualFold(f.Owner, value) || value == "me" && f.Owner == v.call.Account
		}, true
	}
	return nil, false
}

func (p *parser) term(field, op string) (condition, bool) {
	switch field {
	case "trashed":
		return p.truth((*files.File).InBin, op)
	case "starred":
		return p.truth(func(f *files.File) bool { return f.Starred }, op)
	case "createdTime":
		return p.moment(func(f *files.File) time.Time { return f.Created }, op)
	case "modifiedTime", "viewedByMeTime":
		return p.moment(func(f *files.File) time.Time { return f.Modified }, op)
	case "properties", "appProperties":
		return p.property(field, op)
	}
	value, ok := p.text()
	if !ok {
		return nil, false
	}
	low := strings.ToLower(value)
	switch field + " " + op {
	case "name =":
		return func(_ view, f *files.File) bool { return strings.EqualFold(f.Name, value) }, true
	case "name !=":
		return func(_ view, f *files.File) bool { return !strings.EqualFold(f.Name, value) }, true
	case "name contains":
		return func(_ view, f *files.File) bool { return beginsWord(strings.ToLower(f.Name), low) }, true
	case "fullText contains":
		low = strings.Trim(low, `"`)
		return func(_ view, f *files.File) bool {
			return beginsWord(strings.ToLower(f.Name+" "+f.Description+" "+written(f)), low)
		}, true
	case "mimeType =":
		return func(_ view, f *files.File) bool { return f.Type == value }, true
	case "mimeType !=":
		return func(_ view, f *files.File) bool { return f.Type != value }, true
	case "mimeType contains":
		return func(_ view, f *files.File) bool { return strings.Contains(f.Type, low) }, true
	}
	return nil, false
}

// beginsWord tells whether a text is in another one where a word begins.
func beginsWord(text, what string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], what)
		if i < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRuneInString(text[:at+i])
		if at+i == 0 || !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			return true
		}
		at += i + 1
	}
}

// written is the text of a file.
func written(f *files.File) string {
	switch {
	case f.Book != nil:
		return string(f.Book.CSV())
	case strings.HasPrefix(f.Type, "text/"):
		return string(f.Content)
	}
	return ""
}

func (p *parser) truth(of func(*files.File) bool, op string) (condition, bool) {
	want := p.word()
	if want != "true" && want != "false" || op != "=" && op != "!=" {
		return nil, false
	}
	is := (want == "true") == (op == "=")
	return func(_ view, f *files.File) bool { return of(f) == is }, true
}

func (p *parser) moment(of func(*files.File) time.Time, op string) (condition, bool) {
	text, ok := p.text()
	if !ok {
		return nil, false
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if at, err = time.Parse("2006-01-02T15:04:05", text); err != nil {
			if at, err = time.Parse("2006-01-02", text); err != nil {
				return nil, false
			}
		}
	}
	fits := map[string]func(n int) bool{
		"<": func(n int) bool { return n < 0 }, "<=": func(n int) bool { return n <= 0 }, "=": func(n int) bool { return n == 0 },
		"!=": func(n int) bool { return n != 0 }, ">": func(n int) bool { return n > 0 }, ">=": func(n int) bool { return n >= 0 },
	}[op]
	return func(_ view, f *files.File) bool { return fits(of(f).Compare(at)) }, fits != nil
}

// property is "properties has { key='k' and value='v' }".
func (p *parser) property(field, op string) (condition, bool) {
	if op != "has" || !p.sign("{") || !p.keyword("key") || !p.sign("=") {
		return nil, false
	}
	key, ok := p.text()
	if !ok || !p.keyword("and") || !p.keyword("value") || !p.sign("=") {
		return nil, false
	}
	value, ok := p.text()
	return func(v view, f *files.File) bool {
		all := f.Properties
		if field == "appProperties" {
			all = f.AppProperties[v.call.Project]
		}
		got, has := all[key]
		return has && got == value
	}, ok && p.sign("}")
}

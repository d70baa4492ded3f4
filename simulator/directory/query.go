package directory

import (
	"slices"
	"strings"
	"unicode"

	"rapport/simulator/world"
)

// condition is a parsed query.
type condition func(a world.Account) bool

// parseQuery reads the query syntax of the guide "Search for users": clauses of
// field, operator and value, all of which have to hold. A value alone is looked
// for in given name, family name and address.
func parseQuery(text string) (condition, error) {
	var all []condition
	rest := strings.TrimSpace(text)
	for rest != "" {
		c, after, ok := clause(rest)
		if !ok {
			return nil, invalidInput(text)
		}
		all = append(all, c)
		rest = strings.TrimLeftFunc(after, unicode.IsSpace)
	}
	return func(a world.Account) bool {
		for _, c := range all {
			if !c(a) {
				return false
			}
		}
		return true
	}, nil
}

// clause takes one clause off the text.
func clause(text string) (c condition, rest string, ok bool) {
	n := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if n <= 0 || text[n] != ':' && text[n] != '=' {
		v, rest, ok := value(text)
		return anywhere(v), rest, ok && v.text != ""
	}
	v, rest, ok := value(text[n+1:])
	if !ok || v.text == "" {
		return nil, "", false
	}
	c, ok = term(text[:n], text[n], v)
	return c, rest, ok
}

// operand is a value; prefix: a star followed it.
type operand struct {
	text   string
	prefix bool
}

// value takes a value off the text: quoted, with \' for a quote, or up to the
// next space.
func value(text string) (v operand, rest string, ok bool) {
	var out strings.Builder
	if !strings.HasPrefix(text, "'") {
		word, rest, _ := strings.Cut(text, " ")
		plain, star := strings.CutSuffix(word, "*")
		return operand{strings.ToLower(plain), star}, rest, !strings.ContainsAny(plain, "'*")
	}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			out.WriteByte(text[i])
		case text[i] == '\'':
			rest, star := strings.CutPrefix(text[i+1:], "*")
			s := out.String()
			if plain, inside := strings.CutSuffix(s, "*"); inside {
				s, star = plain, true
			}
			return operand{strings.ToLower(s), star}, rest, rest == "" || rest[0] == ' '
		default:
			out.WriteByte(text[i])
		}
	}
	return operand{}, "", false
}

func anywhere(v operand) condition {
	return func(a world.Account) bool {
		return begins(a.Given(), v.text) || begins(a.Family(), v.text) || begins(a.Email, v.text)
	}
}

// begins tells whether a word of a text begins with what is looked for.
func begins(text, what string) bool {
	text = strings.ToLower(text)
	for i := range text {
		if strings.HasPrefix(text[i:], what) && (i == 0 || !isWord(text[i-1])) {
			return true
		}
	}
	return false
}

func isWord(b byte) bool { return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b >= 0x80 }

// texts are the fields that hold text, and truths those that are yes or no.
var (
	texts = map[string]func(a world.Account) string{
		"name": func(a world.Account) string { return a.Name }, "email": func(a world.Account) string { return a.Email },
		"givenname": world.Account.Given, "familyname": world.Account.Family,
		"orgunitpath": unit, "orgtitle": func(a world.Account) string { return a.Title },
	}
	truths = map[string]func(a world.Account) bool{
		"isadmin": func(a world.Account) bool { return a.Admin }, "isdelegatedadmin": func(world.Account) bool { return false },
		"issuspended": func(a world.Account) bool { return a.Suspended }, "isarchived": func(a world.Account) bool { return a.Archived },
		"isenrolledin2sv": func(world.Account) bool { return true }, "isenforcedin2sv": func(world.Account) bool { return true },
	}
)

func term(field string, op byte, v operand) (condition, bool) {
	field = strings.ToLower(field)
	if of := truths[field]; of != nil {
		return func(a world.Account) bool { return of(a) == (v.text == "true") }, op == '=' && (v.text == "true" || v.text == "false")
	}
	of := texts[field]
	switch {
	case of == nil:
		return nil, false
	case field == "email" && len(v.text) > 0: // any of the addresses
		return func(a world.Account) bool {
			return slices.ContainsFunc(append([]string{a.Email}, a.Aliases...), func(x string) bool { return v.fits(x, op) })
		}, op == ':' || !v.prefix
	case field == "orgunitpath": // with what is below it
		return func(a world.Account) bool {
			have := strings.ToLower(of(a))
			return have == v.text || strings.HasPrefix(have, strings.TrimSuffix(v.text, "/")+"/")
		}, op == '=' && !v.prefix
	}
	return func(a world.Account) bool { return v.fits(of(a), op) }, op == ':' || !v.prefix
}

// fits compares a text with a value: all of it (=), its beginning (:…*), or
// anything in it (:).
func (v operand) fits(text string, op byte) bool {
	text = strings.ToLower(text)
	switch {
	case op == '=':
		return text == v.text
	case v.prefix:
		return strings.HasPrefix(text, v.text)
	}
	return strings.Contains(text, v.text)
}

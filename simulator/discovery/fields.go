package discovery

import (
	"fmt"
	"strings"
)

// Mask is a parsed `fields` selection: names mapped to what is selected below
// them, nil meaning everything.
type Mask map[string]Mask

// ParseFields reads a partial-response selection ("items(id,summary),nextPageToken",
// "a/b", "*") and checks it against what the method answers.
func (m *Method) ParseFields(selection string) (Mask, *Violation) {
	p := fieldParser{text: selection}
	mask, err := p.list()
	if err == nil && p.at < len(p.text) {
		err = fmt.Errorf("Invalid field selection %s", selection)
	}
	if err == nil {
		err = checkMask(mask, m.Response, "")
	}
	if err != nil {
		return nil, &Violation{Field: "fields", Query: true, Reason: "invalidParameter", Message: err.Error()}
	}
	return mask, nil
}

type fieldParser struct {
	text string
	at   int
}

func (p *fieldParser) list() (Mask, error) {
	mask := Mask{}
	for {
		if err := p.path(mask); err != nil {
			return nil, err
		}
		if p.at >= len(p.text) || p.text[p.at] != ',' {
			return mask, nil
		}
		p.at++
	}
}

// path reads "a/b(c,d)" into mask, merging with what is there.
func (p *fieldParser) path(mask Mask) error {
	start := p.at
	for p.at < len(p.text) && !strings.ContainsRune(",/.()", rune(p.text[p.at])) {
		p.at++
	}
	name := p.text[start:p.at]
	if name == "" {
		return fmt.Errorf("Invalid field selection %s", p.text)
	}
	below, seen := mask[name]
	if seen && below == nil {
		below = Mask{} // parsed for syntax only: everything is selected already
	}
	if p.at >= len(p.text) || p.text[p.at] == ',' || p.text[p.at] == ')' {
		mask[name] = nil
		return nil
	}
	all := seen && mask[name] == nil
	if below == nil {
		below = Mask{}
	}
	open := p.text[p.at]
	p.at++
	switch open {
	case '/', '.':
		if err := p.path(below); err != nil {
			return err
		}
	case '(':
		sub, err := p.list()
		if err != nil {
			return err
		}
		if p.at >= len(p.text) || p.text[p.at] != ')' {
			return fmt.Errorf("Invalid field selection %s", p.text)
		}
		p.at++
		for k, v := range sub {
			below[k] = v
		}
	default:
		return fmt.Errorf("Invalid field selection %s", p.text)
	}
	if !all {
		mask[name] = below
	}
	return nil
}

func checkMask(mask Mask, s *Schema, at string) error {
	for s != nil && s.Type == "array" {
		s = s.Items
	}
	if s == nil || s.Type == "any" || s.Type == "" {
		return nil
	}
	for name, below := range mask {
		if name == "*" {
			continue
		}
		next := s.Properties[name]
		if next == nil {
			next = s.Values
		}
		if next == nil {
			return fmt.Errorf("Invalid field selection %s", strings.TrimPrefix(at+"/"+name, "/"))
		}
		if below != nil {
			if err := checkMask(below, next, at+"/"+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Select copies from a JSON text what the mask selects. Arrays are gone
// through item by item, as Google does. The text must be valid JSON.
func (k Mask) Select(dst, src []byte) []byte {
	out, _ := selectValue(dst, src, k)
	return out
}

// selectValue copies one value, filtered, and returns what follows it.
func selectValue(dst, src []byte, k Mask) (out, rest []byte) {
	src = skipSpace(src)
	if k == nil || len(src) == 0 {
		n := valueLen(src)
		return append(dst, src[:n]...), src[n:]
	}
	switch src[0] {
	case '{':
		return selectObject(dst, src[1:], k)
	case '[':
		return selectArray(dst, src[1:], k)
	}
	n := valueLen(src)
	return append(dst, src[:n]...), src[n:]
}

func selectObject(dst, src []byte, k Mask) (out, rest []byte) {
	dst = append(dst, '{')
	first := true
	for {
		src = skipSpace(src)
		if len(src) == 0 {
			return dst, src
		}
		if src[0] == '}' {
			return append(dst, '}'), src[1:]
		}
		if src[0] == ',' {
			src = src[1:]
			continue
		}
		n := valueLen(src)
		key := src[:n]
		src = skipSpace(src[n:])
		if n < 2 || len(src) == 0 {
			return dst, nil // not JSON
		}
		src = skipSpace(src[1:]) // the colon
		below, wanted := k[string(key[1:len(key)-1])]
		if !wanted {
			below, wanted = k["*"]
		}
		if !wanted {
			src = src[valueLen(src):]
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(dst, key...), ':')
		dst, src = selectValue(dst, src, below)
	}
}

func selectArray(dst, src []byte, k Mask) (out, rest []byte) {
	dst = append(dst, '[')
	for {
		src = skipSpace(src)
		if len(src) == 0 {
			return dst, src
		}
		switch src[0] {
		case ']':
			return append(dst, ']'), src[1:]
		case ',':
			dst = append(dst, ',')
			src = src[1:]
		default:
			before := len(src)
			if dst, src = selectValue(dst, src, k); len(src) == before {
				return dst, nil // not JSON
			}
		}
	}
}

func skipSpace(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\n' || s[0] == '\t' || s[0] == '\r') {
		s = s[1:]
	}
	return s
}

// valueLen is the length of the JSON value s starts with.
func valueLen(s []byte) int {
	depth, i := 0, 0
	for i < len(s) {
		switch c := s[i]; c {
		case '"':
			i++
			for i < len(s) && s[i] != '"' {
				if s[i] == '\\' {
					i++
				}
				i++
			}
			if i < len(s) {
				i++
			}
			if depth == 0 {
				return min(i, len(s))
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			if depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return len(s)
}

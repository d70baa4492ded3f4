package google

import "strings"

func (r *reader) space() {
	for r.i < len(r.s) {
		switch r.s[r.i] {
		case ' ', '\n', '\r', '\t':
			r.i++
		default:
			return
		}
	}
}

func (r *reader) end() error {
	r.space()
	if r.i != len(r.s) {
		return r.fail("text after the end")
	}
	return nil
}

// next gives the next byte that is not space, 0 at the end.
func (r *reader) next() byte {
	r.space()
	if r.i < len(r.s) {
		return r.s[r.i]
	}
	return 0
}

func (r *reader) enter(open byte) error {
	if r.next() != open {
		return r.fail("unexpected value")
	}
	r.i++
	if r.depth++; r.depth > maxDepth {
		return r.fail("nested too deep")
	}
	return nil
}

// object calls field after each key; field has to take the value. A null is an
// object without fields.
func (r *reader) object(field func(key string) error) error {
	if r.null() {
		return nil
	}
	if err := r.enter('{'); err != nil {
		return err
	}
	defer func() { r.depth-- }()
	if r.next() == '}' {
		r.i++
		return nil
	}
	for {
		r.space()
		key, err := r.str()
		if err != nil {
			return err
		}
		if r.next() != ':' {
			return r.fail("no colon")
		}
		r.i++
		if err := field(key); err != nil {
			return err
		}
		switch r.next() {
		case ',':
			r.i++
		case '}':
			r.i++
			return nil
		default:
			return r.fail("unfinished object")
		}
	}
}

// array calls item for each element; item has to take it. A null is an empty one.
func (r *reader) array(item func() error) error {
	if r.null() {
		return nil
	}
	if err := r.enter('['); err != nil {
		return err
	}
	defer func() { r.depth-- }()
	if r.next() == ']' {
		r.i++
		return nil
	}
	for {
		r.space()
		if err := item(); err != nil {
			return err
		}
		switch r.next() {
		case ',':
			r.i++
		case ']':
			r.i++
			return nil
		default:
			return r.fail("unfinished array")
		}
	}
}

// skip passes over any value.
func (r *reader) skip() error {
	switch c := r.next(); c {
	case '{':
		return r.object(func(string) error { return r.skip() })
	case '[':
		return r.array(r.skip)
	case '"':
		_, err := r.str()
		return err
	case 't', 'f', 'n':
		for _, word := range [...]string{"true", "false", "null"} {
			if strings.HasPrefix(r.s[r.i:], word) {
				r.i += len(word)
				return nil
			}
		}
		return r.fail("unknown word")
	}
	return r.skipNumber()
}

// skipNumber passes over a number in JSON's grammar.
func (r *reader) skipNumber() error {
	digits := func() bool {
		from := r.i
		for r.i < len(r.s) && r.s[r.i]-'0' <= 9 {
			r.i++
		}
		return r.i > from
	}
	if r.i < len(r.s) && r.s[r.i] == '-' {
		r.i++
	}
	if r.i < len(r.s) && r.s[r.i] == '0' {
		r.i++
	} else if !digits() {
		return r.fail("unexpected value")
	}
	if r.i < len(r.s) && r.s[r.i] == '.' {
		r.i++
		if !digits() {
			return r.fail("unfinished number")
		}
	}
	if r.i < len(r.s) && r.s[r.i]|0x20 == 'e' {
		r.i++
		if r.i < len(r.s) && (r.s[r.i] == '+' || r.s[r.i] == '-') {
			r.i++
		}
		if !digits() {
			return r.fail("unfinished number")
		}
	}
	return nil
}

package google

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks, by its high bit, the first byte of a word that a plain JSON
// string cannot hold as it is: a quote, a backslash, a control character; and
// bytes that are not ASCII. (The lowest mark is exact; those above it may not
// be, because subtraction borrows.)
func special(w uint64) uint64 {
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return (w | (w - ones*0x20) | (quote - ones) | (slash - ones)) & highs
}

// str takes a string. Without escapes and with valid UTF-8 it is a slice of the
// text.
func (r *reader) str() (string, error) {
	if r.i >= len(r.s) || r.s[r.i] != '"' {
		return "", r.fail("not a string")
	}
	from := r.i + 1
	i, ascii := from, true
	for {
		i = r.plain(i)
		if i >= len(r.s) {
			r.i = i
			return "", r.fail("unfinished string")
		}
		switch c := r.s[i]; {
		case c == '"':
			r.i = i + 1
			if out := r.s[from:i]; ascii || utf8.ValidString(out) {
				return out, nil
			}
			return r.unescape(from, i)
		case c == '\\':
			end, err := r.closing(i)
			if err != nil {
				return "", err
			}
			r.i = end + 1
			return r.unescape(from, end)
		case c < 0x20:
			r.i = i
			return "", r.fail("control character in a string")
		default:
			ascii = false
			i++
		}
	}
}

// plain gives the first byte from i on that needs a look.
func (r *reader) plain(i int) int {
	b := unsafe.Slice(unsafe.StringData(r.s), len(r.s))
	for ; i+8 <= len(b); i += 8 {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			break
		}
	}
	return i
}

// closing finds the quote that ends the string around i.
func (r *reader) closing(i int) (int, error) {
	for {
		i = r.plain(i)
		if i >= len(r.s) {
			r.i = i
			return 0, r.fail("unfinished string")
		}
		switch c := r.s[i]; {
		case c == '"':
			return i, nil
		case c == '\\':
			i += 2
		case c < 0x20:
			r.i = i
			return 0, r.fail("control character in a string")
		default:
			i++
		}
	}
}

// unescape makes a string with escapes, or with bytes that are not UTF-8, which
// become U+FFFD one by one as in encoding/json.
func (r *reader) unescape(from, to int) (string, error) {
	s := r.s[from:to]
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\\':
			n, err := r.escape(s[i:], &out)
			if err != nil {
				return "", err
			}
			i += n
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			u, n := utf8.DecodeRuneInString(s[i:])
			out = utf8.AppendRune(out, u)
			i += n
		}
	}
	return unsafe.String(unsafe.SliceData(out), len(out)), nil
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads the escape that s begins with, and says how long it is.
func (r *reader) escape(s string, out *[]byte) (int, error) {
	if len(s) < 2 {
		return 0, r.fail("unfinished escape")
	}
	if c := escapes[s[1]]; c != 0 {
		*out = append(*out, c)
		return 2, nil
	}
	u, ok := unicodeEscape(s)
	if !ok {
		return 0, r.fail("unknown escape")
	}
	n := 6
	if utf16.IsSurrogate(u) {
		low, ok := unicodeEscape(s[6:])
		u = utf16.DecodeRune(u, low)
		if ok && u != utf8.RuneError {
			n = 12
		} else {
			u = utf8.RuneError
		}
	}
	*out = utf8.AppendRune(*out, u)
	return n, nil
}

// unicodeEscape reads \uXXXX.
func unicodeEscape(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		if c := s[i] | 0x20; !(s[i] >= '0' && s[i] <= '9') && !(c >= 'a' && c <= 'f') {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s[2:6], 16, 32)
	return rune(n), err == nil
}

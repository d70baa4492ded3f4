package gmail

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// decoded undoes the transfer encoding.
func (p *part) decoded() []byte { return p.decodeInto(make([]byte, 0, len(p.body))) }

// decodeInto is decoded with memory to use, which the result may alias.
func (p *part) decodeInto(buf []byte) []byte {
	switch p.encoding {
	case "base64":
		return decodeBase64(buf[:0], p.body)
	case "quoted-printable":
		return decodeQP(buf[:0], p.body)
	default:
		return p.body
	}
}

// decodeBase64 skips everything that is not of the alphabet.
func decodeBase64(clean, b []byte) []byte {
	for _, c := range b {
		if c = alphabet[c]; c != 0 {
			clean = append(clean, c)
		}
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	n, _ := base64.RawStdEncoding.Decode(clean, clean) // only letters of the alphabet are left
	return clean[:n]
}

// alphabet maps both alphabets of base64 to the standard one, the rest to 0.
var alphabet = func() (t [256]byte) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = c
	}
	t['-'], t['_'] = '+', '/'
	return t
}()

func decodeQP(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '=')
		if i < 0 {
			return append(dst, b...)
		}
		dst = append(dst, b[:i]...)
		b = b[i+1:]
		if hi, ok := unhex(b, 0); ok {
			if lo, ok := unhex(b, 1); ok {
				dst = append(dst, hi<<4|lo)
				b = b[2:]
				continue
			}
		}
		j := 0
		for j < len(b) && (b[j] == ' ' || b[j] == '\t' || b[j] == '\r') {
			j++
		}
		switch {
		case j == len(b):
			return dst
		case b[j] == '\n':
			b = b[j+1:]
		default:
			dst = append(dst, '=')
		}
	}
}

func unhex(b []byte, i int) (byte, bool) {
	if i >= len(b) {
		return 0, false
	}
	switch c := b[i]; {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// text is the content of a text part in UTF-8.
func (p *part) text() []byte { return p.inUTF8(p.decoded()) }

// inUTF8 converts the decoded content of a text part, as Gmail does; the
// Content-Type header keeps naming the original charset.
func (p *part) inUTF8(b []byte) []byte {
	switch p.charset {
	case "", "utf-8", "us-ascii", "utf8":
	default:
		if out, ok := toUTF8(b, p.charset); ok {
			return out
		}
	}
	if !utf8.Valid(b) { // a charset nobody named or knows
		if out, ok := toUTF8(b, "windows-1252"); ok {
			return out
		}
	}
	return b
}

func toUTF8(b []byte, charset string) ([]byte, bool) {
	enc, err := htmlindex.Get(charset)
	if err != nil {
		return nil, false
	}
	out, err := enc.NewDecoder().Bytes(b)
	return out, err == nil
}

package data

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
)

var charsets = map[string]encoding.Encoding{
	"iso-8859-1":   charmap.ISO8859_1,
	"iso-8859-2":   charmap.ISO8859_2,
	"windows-1251": charmap.Windows1251,
	"iso-2022-jp":  japanese.ISO2022JP,
	"gb18030":      simplifiedchinese.GB18030,
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// encodeText turns UTF-8 into charset; ok is false when it has no way to say it.
func encodeText(text []byte, charset string) (out []byte, ok bool) {
	enc, known := charsets[charset]
	if !known {
		return text, charset == "utf-8"
	}
	out, err := enc.NewEncoder().Bytes(text)
	return out, err == nil
}

// appendCRLF appends text with network line ends.
func appendCRLF(dst, text []byte) []byte {
	for _, c := range text {
		if c == '\n' {
			dst = append(dst, '\r')
		}
		dst = append(dst, c)
	}
	return dst
}

const hexDigits = "0123456789ABCDEF"

// appendQP appends text as quoted-printable; line ends become CRLF.
func appendQP(dst, text []byte) []byte {
	for more := true; more; {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			more = false
		}
		dst = appendQPLine(dst, line)
		if more {
			dst = append(dst, '\r', '\n')
		}
	}
	return dst
}

func appendQPLine(dst, line []byte) []byte {
	col, run := 0, 0 // line[run:i] is not written yet
	for i, c := range line {
		plain := c > ' ' && c <= '~' && c != '=' || c == ' ' && i+1 < len(line)
		need := 1
		if !plain {
			need = 3
		}
		if col+need > 75 {
			dst = append(append(dst, line[run:i]...), '=', '\r', '\n')
			run, col = i, 0
		}
		if !plain {
			dst = append(append(dst, line[run:i]...), '=', hexDigits[c>>4], hexDigits[c&15])
			run = i + 1
		}
		col += need
	}
	return append(dst, line[run:]...)
}

// appendBase64 appends b in lines of 76 characters.
func appendBase64(dst, b []byte) []byte {
	for len(b) > 57 {
		dst = base64.StdEncoding.AppendEncode(dst, b[:57])
		dst = append(dst, '\r', '\n')
		b = b[57:]
	}
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '\r', '\n')
}

// appendWords appends a header text, as encoded words (RFC 2047) when needed.
func appendWords(dst, text []byte, charset string) []byte {
	if isASCII(text) {
		return append(dst, text...)
	}
	if _, ok := encodeText(text, charset); !ok {
		charset = "utf-8"
	}
	first := true
	for len(text) > 0 {
		n := 0
		for n < len(text) {
			_, size := utf8.DecodeRune(text[n:])
			if n+size > 36 {
				break
			}
			n += size
		}
		chunk, _ := encodeText(text[:n], charset)
		if !first {
			dst = append(dst, "\r\n "...)
		}
		first = false
		dst = append(append(append(dst, "=?"...), charset...), "?B?"...)
		dst = append(base64.StdEncoding.AppendEncode(dst, chunk), "?="...)
		text = text[n:]
	}
	return dst
}

// appendMailbox appends "Name <address>" for a header.
func appendMailbox(dst []byte, p *Person, charset string) []byte {
	if name := []byte(p.Display); isASCII(name) {
		dst = append(dst, name...)
	} else {
		dst = appendWords(dst, name, charset)
	}
	return append(append(append(dst, " <"...), p.Email...), '>')
}

// appendEscaped appends text as HTML.
func appendEscaped(dst, text []byte) []byte {
	for _, c := range text {
		switch c {
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '&':
			dst = append(dst, "&amp;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

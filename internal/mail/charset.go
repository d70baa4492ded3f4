package mail

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
)

// decode makes valid UTF-8 of text in a declared charset. Declarations are often
// wrong: valid UTF-8 with a character beyond ASCII is taken for UTF-8 (nothing
// else looks like it by accident), what nothing fits is read as windows-1252.
// Gmail converts text parts to UTF-8 and leaves the sender's charset in the
// header; converted says that this is to be expected.
func decode(b []byte, declared string, converted bool) string {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return clean(string(b[3:]))
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return clean(wide(b[2:], false))
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return clean(wide(b[2:], true))
	}
	name := charsetName(declared)
	if ascii(b) && !sevenBit(name) && !bytes.Contains(b, []byte("\x1b$")) {
		return clean(string(b))
	}
	valid := utf8.Valid(b)
	switch name {
	case "utf-8", "us-ascii", "":
		if valid && !ascii(b) || name == "utf-8" && mostlyUTF8(b) {
			return clean(string(b))
		}
		return clean(guess(b))
	case "utf-7":
		return clean(utf7(b))
	}
	if valid && !ascii(b) && (converted || !multiByte(name)) {
		return clean(string(b))
	}
	enc := encodingOf(name)
	if enc == nil {
		if valid && !ascii(b) {
			return clean(string(b))
		}
		return clean(guess(b))
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil || valid && !ascii(b) && bytes.ContainsRune(out, utf8.RuneError) {
		return clean(string(b))
	}
	return clean(string(out))
}

// charsetName normalises a declared name; "" when there is none.
func charsetName(s string) string {
	s = strings.ToLower(strings.Trim(s, " \t\r\n\"'<>;"))
	s = strings.TrimPrefix(s, "charset=")
	switch s {
	case "utf8", "utf-8", "unicode-1-1-utf-8", "utf8mb4", "unicode":
		return "utf-8"
	case "ascii", "us-ascii", "ansi_x3.4-1968", "7bit", "8bit", "unknown", "unknown-8bit", "x-unknown", "default", "none", "binary", "ansi":
		return "us-ascii"
	case "utf-7", "unicode-1-1-utf-7", "utf7":
		return "utf-7"
	case "cp936", "gb2312", "gb_2312-80", "x-gbk", "936":
		return "gbk"
	case "cp932", "ms932", "x-sjis", "sjis", "shift-jis":
		return "shift_jis"
	case "ks_c_5601-1987", "ks_c_5601", "cp949", "ksc5601":
		return "euc-kr"
	case "cp1252", "win-1252", "windows1252":
		return "windows-1252"
	case "cp1251", "win-1251", "windows1251":
		return "windows-1251"
	case "cp1250", "win-1250":
		return "windows-1250"
	case "latin1", "latin-1", "iso8859-1", "iso-8859-1", "iso_8859-1", "iso-8859-1-windows-3.1-latin-1", "8859_1":
		return "windows-1252"
	}
	if rest, ok := strings.CutPrefix(s, "iso8859-"); ok {
		return "iso-8859-" + rest
	}
	if rest, ok := strings.CutPrefix(s, "iso-8859-"); ok && strings.HasSuffix(rest, "-i") {
		return "iso-8859-" + strings.TrimSuffix(rest, "-i")
	}
	return s
}

func encodingOf(name string) encoding.Encoding {
	switch name {
	case "iso-2022-jp", "iso-2022-jp-2", "iso-2022-jp-3", "cp50220", "csiso2022jp", "iso-2022-jp-ms":
		return japanese.ISO2022JP
	}
	if enc, err := htmlindex.Get(name); err == nil {
		return enc
	}
	if enc, err := ianaindex.MIME.Encoding(name); err == nil {
		return enc
	}
	return nil
}

// sevenBit are charsets that look like ASCII.
func sevenBit(name string) bool {
	return name == "utf-7" || strings.HasPrefix(name, "iso-2022-") || strings.HasPrefix(name, "hz-") ||
		strings.HasPrefix(name, "utf-16") || strings.HasPrefix(name, "cp5022") || strings.Contains(name, "ebcdic") || name == "ibm037"
}

// multiByte are charsets of which text may be valid UTF-8 by accident.
func multiByte(name string) bool {
	switch name {
	case "gbk", "gb18030", "big5", "big5-hkscs", "shift_jis", "euc-jp", "euc-kr":
		return true
	}
	return sevenBit(name)
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// mostlyUTF8 says whether more sequences are right than wrong.
func mostlyUTF8(b []byte) bool {
	good, bad := 0, 0
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		i += n
	}
	return good >= bad
}

// guess reads text whose charset nobody told.
func guess(b []byte) string {
	if bytes.Contains(b, []byte("\x1b$")) {
		if out, err := japanese.ISO2022JP.NewDecoder().Bytes(b); err == nil {
			return string(out)
		}
	}
	if utf8.Valid(b) {
		return string(b)
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return string(b)
	}
	return string(out)
}

func wide(b []byte, big bool) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		if big {
			u[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
		} else {
			u[i] = uint16(b[2*i+1])<<8 | uint16(b[2*i])
		}
	}
	return string(utf16.Decode(u))
}

// utf7 decodes UTF-7 (RFC 2152); what is malformed stays as it is.
func utf7(b []byte) string {
	var out strings.Builder
	for i := 0; i < len(b); i++ {
		if b[i] != '+' {
			out.WriteByte(b[i])
			continue
		}
		end := i + 1
		for end < len(b) && isBase64(b[end]) {
			end++
		}
		switch raw, err := base64.RawStdEncoding.DecodeString(string(b[i+1 : end])); {
		case end == i+1 && end < len(b) && b[end] == '-':
			out.WriteByte('+')
		case err != nil || end == i+1:
			out.Write(b[i:end])
			end--
		default:
			out.WriteString(wide(raw, true))
			if end >= len(b) || b[end] != '-' {
				end--
			}
		}
		i = end
	}
	return out.String()
}

func isBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}

// clean makes valid UTF-8 without NUL, which PostgreSQL's text refuses, and
// without other control characters that nothing shows.
func clean(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if !odd(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' && r != '\t' && r != '\r' || r == 0x7f || r == 0xFEFF {
			return -1
		}
		return r
	}, s)
}

// odd says whether clean has something to take out of valid UTF-8.
func odd(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x20 && c != 0x7f && c != 0xEF, c == '\n', c == '\t', c == '\r':
		case c == 0xEF && (s[i+1] != 0xBB || s[i+2] != 0xBF): // not a byte order mark
		default:
			return true
		}
	}
	return false
}

package mail

import (
	"mime"
	"strings"
	"time"

	stdmail "net/mail"
)

// Bounds of what is taken from headers: a header bomb is cut, not refused.
const (
	maxHeader = 64 << 10 // bytes of one decoded value
	maxRefs   = 200
)

// header gives the first value of a field, case-insensitively, as received.
func header(hs []Header, name string) string {
	for i := range hs {
		if strings.EqualFold(hs[i].Name, name) {
			return hs[i].Value
		}
	}
	return ""
}

// unfold removes line breaks of folding and cuts what is too long.
func unfold(s string) string {
	if len(s) > maxHeader {
		s = s[:maxHeader]
	}
	if strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\n", ""), "\r", "")
	}
	return strings.Trim(s, " \t")
}

// decodeHeader decodes RFC 2047 words and makes valid UTF-8 of raw bytes.
// Adjacent words of one charset are joined before decoding: senders split
// characters between them. declared is the charset of raw bytes, if anything
// tells it.
func decodeHeader(s, declared string) string {
	s = unfold(s)
	if !strings.Contains(s, "=?") {
		return plainHeader(s, declared)
	}
	var out strings.Builder
	var pending []byte
	charset := ""
	flush := func() {
		if len(pending) > 0 {
			out.WriteString(decode(pending, charset, false))
		}
		pending = pending[:0]
	}
	for s != "" {
		start := strings.Index(s, "=?")
		if start < 0 {
			break
		}
		cs, text, rest, ok := word(s[start:])
		if !ok {
			flush()
			out.WriteString(plainHeader(s[:start+2], declared))
			s = s[start+2:]
			continue
		}
		if between := s[:start]; len(pending) == 0 || strings.Trim(between, " \t") != "" {
			flush()
			out.WriteString(plainHeader(between, declared))
		}
		if cs != charset {
			flush()
		}
		charset, pending, s = cs, append(pending, text...), rest
	}
	flush()
	out.WriteString(plainHeader(s, declared))
	return out.String()
}

// plainHeader makes valid UTF-8 of what is no encoded word.
func plainHeader(s, declared string) string {
	for i := range len(s) {
		if s[i] >= 0x80 || s[i] == 0x1b {
			return decode([]byte(s), declared, false)
		}
	}
	return clean(s)
}

// word reads one encoded word at the beginning of s.
func word(s string) (charset string, text []byte, rest string, ok bool) {
	parts := strings.SplitN(s[2:], "?", 3)
	if len(parts) < 3 || len(parts[1]) != 1 || len(parts[0]) == 0 || len(parts[0]) > 60 {
		return "", nil, "", false
	}
	body, rest, ok := strings.Cut(parts[2], "?=")
	if !ok {
		return "", nil, "", false
	}
	charset, _, _ = strings.Cut(parts[0], "*") // RFC 2231 language
	switch parts[1] {
	case "B", "b":
		return charset, unbase64([]byte(body)), rest, true
	case "Q", "q":
		// A "?" inside is forbidden, but "=?=" happens: =3F was meant.
		return charset, unq(body), rest, true
	}
	return "", nil, "", false
}

func unq(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0:
			out = append(out, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// unbase64 decodes whatever is base64 in b, either alphabet, and passes over
// everything else. Padding in the middle ends a piece: senders join pieces.
func unbase64(b []byte) []byte {
	out := make([]byte, 0, len(b)*3/4)
	var acc uint32
	bits := 0
	for _, c := range b {
		v := base64Value(c)
		if v < 0 {
			if c == '=' {
				acc, bits = 0, 0
			}
			continue
		}
		acc, bits = acc<<6|uint32(v), bits+6
		if bits >= 8 {
			bits -= 8
			out = append(out, byte(acc>>bits))
		}
	}
	return out
}

func base64Value(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '+' || c == '-':
		return 62
	case c == '/' || c == '_':
		return 63
	}
	return -1
}

// parameters reads a header with parameters ("text/plain; charset=x"), RFC 2231
// ones included; malformed ones as far as they go.
func parameters(value string) (main string, params map[string]string) {
	value = unfold(value)
	if main, params, err := mime.ParseMediaType(value); err == nil {
		return main, params
	}
	main, rest, _ := strings.Cut(value, ";")
	main, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(main)), " ")
	params = map[string]string{}
	for rest != "" && len(params) < 50 {
		var p string
		p, rest = cutUnquoted(rest, ';')
		k, v, ok := strings.Cut(p, "=")
		if !ok {
			continue
		}
		k, v = strings.ToLower(strings.TrimSpace(k)), strings.Trim(strings.TrimSpace(v), `"'`)
		if base, ok := strings.CutSuffix(k, "*"); ok {
			k, v = base, extended(v)
		}
		if _, twice := params[k]; !twice {
			params[k] = v
		}
	}
	return main, params
}

// extended decodes an RFC 2231 value: charset'language'percent-encoded.
func extended(v string) string {
	parts := strings.SplitN(v, "'", 3)
	if len(parts) != 3 {
		return v
	}
	out := make([]byte, 0, len(v))
	for i, s := 0, parts[2]; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0 {
			out = append(out, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return decode(out, parts[0], false)
}

func cutUnquoted(s string, sep byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// messageIDs splits References and In-Reply-To. Angle brackets are dropped.
func messageIDs(s string) []string {
	s = unfold(s)
	var out []string
	for s != "" && len(out) < maxRefs {
		start := strings.IndexByte(s, '<')
		if start < 0 {
			break
		}
		end := strings.IndexByte(s[start:], '>')
		if end < 0 {
			break
		}
		if id := strings.Join(strings.Fields(s[start+1:start+end]), ""); id != "" {
			out = append(out, clean(id))
		}
		s = s[start+end+1:]
	}
	if out == nil {
		if f := strings.Fields(s); len(f) > 0 && strings.Contains(f[0], "@") {
			out = []string{clean(f[0])}
		}
	}
	return out
}

// dateHeader reads a Date field, zero when it says nothing.
func dateHeader(s string) time.Time {
	s = unfold(s)
	if t, err := stdmail.ParseDate(s); err == nil {
		return t
	}
	if i := strings.IndexByte(s, '('); i > 0 {
		s = strings.TrimSpace(s[:i])
	}
	for _, layout := range []string{
		"Mon, 2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 MST",
		"Mon, 2 Jan 2006 15:04:05", "Mon Jan 2 15:04:05 2006", "Mon, 2-Jan-2006 15:04:05 MST", "2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

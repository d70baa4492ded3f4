package mail

import (
	"mime"
	"strings"
	"time"

	stdmail "net/mail"

	"rapport/internal/crm"
)

// Bounds of what is taken from headers: a header bomb is cut, not refused.
const (
	maxHeader    = 64 << 10 // bytes of one decoded value
	maxAddresses = 2000
	maxRefs      = 200
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
	if strings.ContainsAny(s, "\r\n") {
		s = strings.NewReplacer("\r\n", "", "\n", "", "\r", "").Replace(s)
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

// addresses reads a list of addresses as tolerantly as mail programs do: quoted
// and unquoted names, comments, groups, semicolons, missing brackets.
func addresses(value, charset string) []crm.Address {
	value = unfold(value)
	var out []crm.Address
	for _, piece := range splitAddresses(value) {
		if a, ok := address(piece, charset); ok {
			out = append(out, a)
		}
		if len(out) == maxAddresses {
			break
		}
	}
	return out
}

// splitAddresses cuts a list at commas and semicolons outside of quotes,
// comments and brackets, and drops the names of groups.
func splitAddresses(s string) []string {
	var out []string
	start, depth := 0, 0
	quoted, angle := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"' && depth == 0:
			quoted = !quoted && strings.IndexByte(s[i+1:], '"') >= 0
		case quoted:
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == ':' && !angle && !strings.Contains(s[start:i], "@"):
			start = i + 1
		case (c == ',' || c == ';') && !angle:
			out, start = append(out, s[start:i]), i+1
		}
	}
	return append(out, s[start:])
}

func address(s, charset string) (crm.Address, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return crm.Address{}, false
	}
	name, comment, email := "", "", ""
	if open := lastAngle(s); open >= 0 {
		email = s[open+1:]
		if end := strings.IndexByte(email, '>'); end >= 0 {
			email = email[:end]
		}
		name, comment = uncomment(s[:open])
	} else {
		var rest string
		rest, comment = uncomment(s)
		if email = withAt(rest); email == "" {
			return crm.Address{Name: displayName(rest, charset)}, displayName(rest, charset) != ""
		}
	}
	if name == "" {
		name = comment
	}
	email = bare(email)
	name = displayName(name, charset)
	if strings.EqualFold(name, email) && name != "" {
		name = ""
	}
	return crm.Address{Name: name, Email: email}, email != "" || name != ""
}

// lastAngle finds the bracket that opens the address, outside of quotes.
func lastAngle(s string) int {
	quoted, at := false, -1
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '"' && (quoted || strings.IndexByte(s[i+1:], '"') >= 0):
			quoted = !quoted
		case s[i] == '<' && !quoted:
			at = i
		}
	}
	return at
}

// uncomment separates comments in parentheses from the rest.
func uncomment(s string) (rest, comment string) {
	if !strings.Contains(s, "(") {
		return s, ""
	}
	var r, c strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == '"' && depth == 0:
			quoted = !quoted
			r.WriteByte(b)
		case b == '(' && !quoted:
			depth++
		case b == ')' && !quoted && depth > 0:
			depth--
		case depth > 0:
			c.WriteByte(b)
		default:
			r.WriteByte(b)
		}
	}
	return r.String(), c.String()
}

func withAt(s string) string {
	for _, f := range strings.Fields(s) {
		if strings.Contains(f, "@") {
			return f
		}
	}
	return ""
}

// bare is an address in lower case without what people put around it.
func bare(s string) string {
	s = strings.Join(strings.Fields(s), "")
	s = strings.Trim(s, "<>\"'`,;:()[]")
	if i := strings.LastIndex(s, ":"); i >= 0 && strings.HasPrefix(s, "@") { // source route
		s = s[i+1:]
	}
	if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
		s = s[7:]
	}
	if len(s) > 320 {
		s = s[:320]
	}
	return strings.ToLower(decodeHeader(s, ""))
}

func displayName(s, charset string) string {
	s = strings.TrimSpace(s)
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	if strings.ContainsAny(s, `\"`) {
		s = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `"`, "", `\`, "").Replace(s)
	}
	s = strings.Join(strings.Fields(decodeHeader(s, charset)), " ")
	for len(s) > 1 && (s[0] == '"' && s[len(s)-1] == '"' || s[0] == '\'' && s[len(s)-1] == '\'') {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	return s
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

// bulk says whether a message was sent to many or by a machine: List-Id,
// List-Unsubscribe, Precedence, Auto-Submitted.
func bulk(hs []Header) bool {
	for i := range hs {
		v := strings.ToLower(strings.TrimSpace(hs[i].Value))
		switch strings.ToLower(hs[i].Name) {
		case "list-id", "list-unsubscribe":
			return true
		case "precedence":
			if v == "bulk" || v == "list" || v == "junk" || v == "auto_reply" {
				return true
			}
		case "auto-submitted":
			if v != "" && !strings.HasPrefix(v, "no") {
				return true
			}
		}
	}
	return false
}

package mail

import (
	"strings"

	"rapport/internal/crm"
)

const maxAddresses = 2000 // of one field

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
		// A ">" within was an encoded one: what follows it belongs to the address, else
		// a sender could pass for somebody of another domain.
		if end := strings.IndexByte(email, '>'); end >= 0 {
			if rest, _ := uncomment(email[end:]); !strings.Contains(rest, "@") {
				email = email[:end]
			}
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
	return strings.ToLower(plainHeader(s, "")) // no encoded words here: RFC 2047, 5 (3)
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

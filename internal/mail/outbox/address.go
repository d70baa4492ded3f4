package outbox

import (
	stdmail "net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"rapport/internal/crm"
)

// maxRecipients is how many addresses a message may have (Gmail API: 500).
const maxRecipients = 500

// breaks reports whether text would end a header field, or pretend to: control
// characters, and what some programs take for the end of a line.
func breaks(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' })
}

// straight takes out what turns the direction of writing (Unicode's embeddings,
// overrides and isolates): a name or subject that reads as another one. Marks that
// right-to-left scripts need stay.
func straight(s string) string {
	return strings.Map(func(r rune) rune {
		if turns(r) {
			return -1
		}
		return r
	}, s)
}

func turns(r rune) bool { return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' }

// parseAddresses reads a field of recipients, each "Name <a@b>" or "a@b".
func parseAddresses(field string, list []string) ([]crm.Address, error) {
	var out []crm.Address
	for _, text := range list {
		if strings.TrimSpace(text) == "" {
			continue
		}
		a, ok := parseAddress(text)
		if !ok {
			return nil, invalid(field, "has something that is no e-mail address", "One of the recipients is no e-mail address.")
		}
		out = append(out, a)
	}
	return out, nil
}

// parseAddress reads one address. It takes names as people write them, with
// commas, dots and any letters; it takes no address that needs quotes.
func parseAddress(text string) (crm.Address, bool) {
	if breaks(text) || len(text) > 1000 {
		return crm.Address{}, false
	}
	text = strings.TrimSpace(text)
	name, address := "", text
	if open := strings.LastIndexByte(text, '<'); open >= 0 && strings.HasSuffix(text, ">") {
		name, address = strings.TrimSpace(text[:open]), text[open+1:len(text)-1]
	}
	if n := len(name); n >= 2 && name[0] == '"' && name[n-1] == '"' {
		name = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(name[1 : n-1])
	}
	email, ok := cleanAddress(strings.TrimSpace(address))
	return crm.Address{Name: straight(name), Email: email}, ok
}

// cleanAddress checks an address and writes its domain as it travels.
func cleanAddress(address string) (string, bool) {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || at > 64 || strings.ContainsFunc(address, turns) {
		return "", false
	}
	local, domain := address[:at], strings.ToLower(address[at+1:])
	for i := range len(domain) {
		if domain[i] >= utf8.RuneSelf {
			ascii, err := idna.Lookup.ToASCII(domain)
			if err != nil {
				return "", false
			}
			domain = ascii
			break
		}
	}
	if !validDomain(domain) {
		return "", false
	}
	out := local + "@" + domain
	// The parser of the standard library has the last word on the local part.
	parsed, err := stdmail.ParseAddress("<" + out + ">")
	if err != nil || parsed.Address != out || strings.ContainsAny(local, "\"\\ ()<>[],;:@") {
		return "", false
	}
	return out, len(out) <= 254
}

func validDomain(d string) bool {
	if d == "" || len(d) > 253 || !strings.Contains(d, ".") {
		return false
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}

// distinct leaves each address where it stands first: in To before Cc before Bcc.
func distinct(fields ...*[]crm.Address) {
	seen := map[string]bool{}
	for _, f := range fields {
		var kept []crm.Address
		for _, a := range *f {
			if key := strings.ToLower(a.Email); !seen[key] {
				seen[key] = true
				kept = append(kept, a)
			}
		}
		*f = kept
	}
}

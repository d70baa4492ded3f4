package enrich

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"rapport/internal/enrich/signature"
)

// fold is the form in which texts are compared: without case, accents, punctuation
// and differences of space.
func fold(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			if r == 'ß' {
				b.WriteString("ss")
				continue
			}
			b.WriteRune(unicode.ToLower(r))
		case unicode.Is(unicode.Mn, r) || hidden(r):
		default:
			gap = true
		}
	}
	return b.String()
}

// hidden are characters that nobody sees: they join, separate, turn around or tag
// text.
func hidden(r rune) bool {
	switch {
	case r == '\u00ad', r == '\u034f', r == '\u061c', r == '\u115f', r == '\u1160', r == '\u17b4', r == '\u17b5', r == '\u3164', r == '\uffa0', r == '\ufeff',
		r >= '\u180b' && r <= '\u180f', r >= '\u200b' && r <= '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2060' && r <= '\u206f',
		r >= '\ufe00' && r <= '\ufe0f', r >= '\ufff0' && r <= '\ufffb', r >= '\U000e0000' && r <= '\U000e0fff', r >= '\U0001d173' && r <= '\U0001d17a':
		return true
	}
	return unicode.IsControl(r) && r != '\n' && r != '\t'
}

// visible is a text without what nobody sees, each line break one.
func visible(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\u0085", "\n", "\u00a0", " ").Replace(s)
	return strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// legalForms end names of companies, or do not.
var legalForms = []string{
	"ab", "ag", "aps", "as", "asa", "bv", "co", "company", "corp", "corporation", "eg", "ek", "ev", "gbr", "gmbh", "inc", "incorporated", "kft", "kg", "kgaa", "lda", "limited", "llc", "llp", "ltd",
	"ltda", "mbh", "nv", "ohg", "oy", "oyj", "plc", "pllc", "pte", "pty", "pvt", "sa", "sarl", "sas", "se", "sl", "spa", "srl", "ug",
}

// valueKey is what two ways of writing one value have in common.
func valueKey(field, value string) string {
	switch field {
	case signature.FieldPhone:
		return value
	case signature.FieldName:
		parts := strings.Fields(fold(value))
		slices.Sort(parts) // "Linden, Mara" is Mara Linden
		return strings.Join(parts, " ")
	case signature.FieldCompany, fieldCompanyName:
		parts := strings.Fields(fold(strings.NewReplacer(".", "", "&", " ").Replace(value)))
		for len(parts) > 1 && slices.Contains(legalForms, parts[len(parts)-1]) {
			parts = parts[:len(parts)-1]
		}
		return strings.Join(parts, " ")
	case signature.FieldLinkedIn, signature.FieldWebsite:
		v := strings.ToLower(strings.TrimSpace(value))
		if _, rest, cut := strings.Cut(v, "://"); cut {
			v = rest
		}
		return strings.TrimRight(strings.TrimPrefix(v, "www."), "/")
	}
	return fold(value)
}

// fieldCompanyName is the name of a company's own record.
const fieldCompanyName = "company_name"

// same reports whether two values of a field say the same.
func same(field, a, b string) bool { return valueKey(field, a) == valueKey(field, b) }

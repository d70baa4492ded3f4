package enrich

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"

	"rapport/internal/enrich/signature"
	"rapport/internal/link"
)

// Claim is what a model says stands in a text.
type Claim struct {
	Field string
	Value string
	Label string // of a phone
}

// Screen keeps of a model's claims those that hold. Each has to
//
//   - stand in the text, and not within a sentence: a line or a part of one that
//     says nothing else. So no sentence can order a value.
//   - look like what it is called.
//   - be the sender's: a name has to be the one the message came from.
//
// The line a value stands in is taken from the text, never from the model.
func Screen(claims []Claim, m signature.Message, lines []string) []signature.Value {
	page := pageOf(lines)
	var out []signature.Value
	for _, c := range claims {
		v := visible(c.Value)
		if v != strings.ToValidUTF8(c.Value, "") || strings.TrimSpace(v) == "" || len(v) > longestClaim {
			continue // hidden characters, nothing, or a whole text
		}
		v = strings.TrimSpace(v)
		check, known := checks[c.Field]
		if !known {
			continue
		}
		line, stands := page.find(v, c.Field)
		if !stands {
			continue
		}
		value, ok := check(v, m)
		if !ok {
			continue
		}
		value.Field, value.Raw, value.Line = c.Field, v, line
		if c.Field == signature.FieldPhone {
			value.Label = label(c.Label, line)
		}
		out = append(out, value)
	}
	return out
}

const (
	longestClaim = 300
	longestLine  = 160 // longer ones are sentences
)

// page is the sender's own lines, cut into the parts that can be a value.
type page struct {
	lines []string
	parts [][]string // of each line, folded
}

// apart is what stands between values in one line.
var apart = regexp.MustCompile(`\s*[|•·●▪◦/;,\t]\s*|\s+[-–—~]\s+|\s{3,}|\s+(?:at|@|bei|chez|en|presso|bij|hos)\s+`)

// pretext is what stands before a value: "Tel.:", "M", "LinkedIn:".
var pretext = regexp.MustCompile(`^[\p{L}.\- ]{1,20}(?:\([\p{L} ]{1,12}\))?\s*[:.]\s*|^(?:[TMPFDCEW]|Tel|Mob|Fax|Phone|Mobile|Cell|Office|Direct)\.?\s+`)

func pageOf(lines []string) page {
	p := page{}
	for _, l := range lines {
		l = strings.TrimSpace(visible(l))
		if l == "" || utf8.RuneCountInString(l) > longestLine {
			continue
		}
		p.lines = append(p.lines, l)
		var parts []string
		add := func(s string) {
			s = strings.Trim(s, " \t*_<>()[]\"'“”„")
			if f := fold(s); f != "" {
				parts = append(parts, f)
			}
			if rest := pretext.ReplaceAllString(s, ""); rest != s && rest != "" {
				parts = append(parts, fold(rest))
			}
		}
		add(l)
		if !sentence(l) {
			cuts := apart.FindAllStringIndex(l, -1)
			// Every run of parts may be one value: titles and addresses have commas.
			at := []int{0}
			for _, c := range cuts {
				at = append(at, c[0], c[1])
			}
			at = append(at, len(l))
			for i := 0; i < len(at); i += 2 {
				for j := i; j < len(at) && j < i+12; j += 2 {
					add(l[at[i]:at[j+1]])
				}
			}
		}
		p.parts = append(p.parts, parts)
	}
	return p
}

// sentence reports whether a line is prose: of it only the whole can be a value.
func sentence(l string) bool {
	words := strings.Fields(l)
	if len(words) < 6 {
		return false
	}
	lower := 0
	for _, w := range words {
		if r, _ := utf8.DecodeRuneInString(w); unicode.IsLower(r) {
			lower++
		}
	}
	return lower*2 > len(words)
}

// find gives the line a value stands in; an address may go over several.
func (p page) find(value, field string) (line string, ok bool) {
	want := fold(value)
	if want == "" {
		return "", false
	}
	for i, parts := range p.parts {
		for _, part := range parts {
			if part == want {
				return p.lines[i], true
			}
		}
	}
	if field != signature.FieldAddress {
		return "", false
	}
	for i := range p.lines {
		all := ""
		for j := i; j < len(p.lines) && j < i+5; j++ {
			all = strings.TrimSpace(all + " " + fold(p.lines[j]))
			if all == want {
				return strings.Join(p.lines[i:j+1], "\n"), true
			}
		}
	}
	return "", false
}

// checks say whether a value looks like what it is called, and how it is stored.
var checks = map[string]func(v string, m signature.Message) (signature.Value, bool){
	signature.FieldName:     checkName,
	signature.FieldTitle:    checkTitle,
	signature.FieldCompany:  checkCompany,
	signature.FieldPhone:    checkPhone,
	signature.FieldLinkedIn: checkLinkedIn,
	signature.FieldWebsite:  checkWebsite,
	signature.FieldAddress:  checkAddress,
}

// How sure a model is of what holds.
const (
	surely  = 0.9
	rather  = 0.85
	perhaps = 0.75
)

func checkName(v string, m signature.Message) (signature.Value, bool) {
	words := strings.Fields(v)
	if len(words) < 2 || len(words) > 6 || strings.ContainsFunc(v, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && !strings.ContainsRune(" .,-'’()", r)
	}) {
		return signature.Value{}, false
	}
	return signature.Value{Value: v, Confidence: surely}, ofSender(v, m.FromName, m.FromEmail)
}

// ofSender reports whether a name has a word in common with the name or address
// that the message came from.
func ofSender(name, fromName, fromEmail string) bool {
	from := map[string]bool{}
	for _, w := range strings.Fields(fold(fromName)) {
		from[w] = true
	}
	local, _, _ := strings.Cut(fromEmail, "@")
	local = fold(local)
	for _, w := range strings.Fields(fold(name)) {
		if n := utf8.RuneCountInString(w); n > 1 && from[w] || n > 2 && strings.Contains(strings.ReplaceAll(local, " ", ""), w) {
			return true
		}
	}
	return false
}

// plainWords reports whether a value is a few words, with nothing that stands in
// other fields.
func plainWords(v string, longest int) bool {
	digits := 0
	for _, r := range v {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	return utf8.RuneCountInString(v) <= longest && len(strings.Fields(v)) <= 12 && digits <= 4 && strings.ContainsFunc(v, unicode.IsLetter) &&
		!strings.ContainsAny(v, "@<>{}[]\\=\n`") && !strings.Contains(v, "://") && !strings.HasSuffix(v, "?") && !strings.HasSuffix(v, "!")
}

func checkTitle(v string, _ signature.Message) (signature.Value, bool) {
	return signature.Value{Value: v, Confidence: rather}, plainWords(v, 90) && utf8.RuneCountInString(v) > 1
}

func checkCompany(v string, _ signature.Message) (signature.Value, bool) {
	return signature.Value{Value: v, Confidence: rather}, plainWords(v, 90) && utf8.RuneCountInString(v) > 1
}

func checkPhone(v string, m signature.Message) (signature.Value, bool) {
	if len(v) > 40 || strings.ContainsRune(v, '\n') {
		return signature.Value{}, false
	}
	n, err := phonenumbers.Parse(v, m.Region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return signature.Value{}, false
	}
	out := signature.Value{Value: phonenumbers.Format(n, phonenumbers.E164), Ext: n.GetExtension(), Confidence: surely}
	return out, true
}

// label is that of a phone: what the model says, where it is one we know.
func label(says, line string) string {
	switch l := strings.ToLower(strings.TrimSpace(says)); l {
	case "work", "mobile", "home", "fax":
		return l
	}
	if strings.Contains(fold(line), "fax") {
		return "fax"
	}
	return "work"
}

var profile = regexp.MustCompile(`^(?i:(?:https?://)?(?:[a-z]{2,3}\.)?linkedin\.com)(/(?:in|pub|company)/[\p{L}\p{N}\-_%./]{2,100}?)/?$`)

func checkLinkedIn(v string, _ signature.Message) (signature.Value, bool) {
	m := profile.FindStringSubmatch(v)
	if m == nil || !strings.HasPrefix(strings.ToLower(m[1]), "/in/") && !strings.HasPrefix(strings.ToLower(m[1]), "/pub/") {
		return signature.Value{}, false
	}
	return signature.Value{Value: "https://www.linkedin.com" + m[1], Confidence: surely}, true
}

func checkWebsite(v string, _ signature.Message) (signature.Value, bool) {
	address := v
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(v, " @<>\"") || u.Port() != "" {
		return signature.Value{}, false
	}
	if link.Registrable(u.Hostname()) == "" || profile.MatchString(v) {
		return signature.Value{}, false
	}
	u.Host = strings.ToLower(u.Host)
	return signature.Value{Value: strings.TrimSuffix(u.String(), "/"), Confidence: rather}, true
}

func checkAddress(v string, _ signature.Message) (signature.Value, bool) {
	if !strings.ContainsFunc(v, unicode.IsDigit) || !strings.ContainsFunc(v, unicode.IsLetter) || strings.ContainsAny(v, "@<>{}") || strings.Contains(v, "://") ||
		utf8.RuneCountInString(v) > 250 || len(strings.Fields(v)) < 3 || strings.Count(v, "\n") > 5 {
		return signature.Value{}, false
	}
	return signature.Value{Value: v, Confidence: perhaps}, true
}

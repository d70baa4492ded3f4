package signature

import (
	"regexp"
	"strings"
)

// phone is a number as it stands in a line.
type phone struct {
	from, to int // bytes of the segment, with its label
	raw      string
	digits   string
	label    string // work, mobile, home, fax, pager; "" if none stands there
	ext      string
	plus     bool // with country code
	grouped  bool // written like a North American number
}

// labelWords say what a number is for. "-" is a number that is no phone.
var labelWords = func() map[string]string {
	out := map[string]string{}
	for label, list := range map[string]string{
		LabelWork:   "tel telefon telephone phone phones ph p t tlf tfn tf te office work wk w o off direct dir d main m/f switchboard ddi dd did dial voice vox v free toll-free tollfree toll reception business bus desk landline standard zentrale durchwahl dw fon fono telefono telefone telefoon teléfono téléphone téléfon telefonnummer puh puhelin call secr secretary secretariat sekretariat telno lab department dept company firm festnetz fixe fijo fixo fisso vast kontor centralita switch hotline tél tel.nr telnr telefonisch phone# tel# ph# no number nr numero № ☎ 📞 ✆ 電話 電話番号 电话 전화 тел тел. телефон",
		LabelMobile: "mobile mobil mob m cell cellular c handy gsm portable port movil móvil celular cel telemovel telemóvel tlm tm cellulare cell. mobiel mobilnummer mobiltelefon komorka komórka kom tel.kom matkapuhelin matkap gsm: 携帯 手机 手機 휴대폰 моб мобильный iphone cellphone cel. mob. mobilni whatsapp mobile# cell# 📱 personalcell",
		LabelFax:    "fax f facsimile facs telefax fx faks telecopie télécopie telecopy fax# fax. telefaks efax e-fax ファックス ファクス 传真 傳真 факс 팩스 📠",
		LabelHome:   "home h hm privat private priv prive privé res residence residential domicile casa thuis hem personal dom",
		LabelPager:  "pager pgr beeper page",
		"-":         "icq uin vat ust-id ustid hrb hra iban blz konto account acct isbn issn siret siren cvr abn acn pgp gpg key fingerprint id license licence lic dre zip code passcode pin password conference meeting confirmation ticket bug case order invoice skype msn aim version v. build room suite box po p.o postfach fips rfc ip dunar orgnr org.nr kvk btw bic swift nip regon krs cif nif ico dic ssn gps lat lon since established est founded ref bgpb tracking registration reg grant sku model serial item part orcid doi patent npi cage duns ein tin",
	} {
		for w := range strings.FieldsSeq(list) {
			out[fold(w)] = label
		}
	}
	return out
}()

var (
	extension = regexp.MustCompile(`^\s*[,;(]?\s*(?:x|ext\.?|extn\.?|extension|durchwahl|dw\.?|poste|interno|int\.?|anexo|ramal|toestel|tst\.?|wew\.?|ankn\.?|loc\.?)\s*[:.#]?\s*(\d{1,6})\)?`)
	orTrunk   = regexp.MustCompile(`^\(\+\d{1,3} or 0\)`)
	vanity    = regexp.MustCompile(`^1?[-. ]?\(?8(?:00|88|77|66|55|44|33)\)?[-. ][A-Z0-9][A-Z0-9-]{5,9}[A-Z0-9]\b`)
	nanp      = regexp.MustCompile(`^(?:\+?1[-. ]{0,3})?(?:\(\d{3}\)[ -/.]{0,3}|\d{3}[-./ ]{1,3})\d{3}[-. ]{1,3}\d{4}$`)
	remark    = regexp.MustCompile(`^ {0,2}\([\pL .]{1,16}\)`)
	local     = regexp.MustCompile(`^\d{3}[-. ]\d{4}$`)
	daily     = regexp.MustCompile(`^(?:\d{1,2}[-./]\d{1,2}[-./]\d{2,4}|\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{4}\s?-\s?\d{3,4}|\d{5}-\d{3,4}|\d{2}\.\d{3}-\d{3}|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}|\d{5,6} \d{1,5})$`)
)

// phoneLike is a cheap look for a number that could be one.
func phoneLike(s string) bool {
	digits := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if digits++; digits >= 7 {
				return true
			}
		case c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/' || c == '+':
		default:
			digits = 0
		}
	}
	return false
}

// scanPhones finds the numbers of a segment, with their labels.
func scanPhones(s string) []phone {
	if !phoneLike(s) && !strings.Contains(s, "8") {
		return nil
	}
	var out []phone
	after := 0 // end of the number before
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '+' && c != '(' && (c < '0' || c > '9') || i > 0 && joins(s[i-1]) {
			continue
		}
		to := i + len(vanity.FindString(s[i:]))
		if to == i || !strings.ContainsAny(s[i:to], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			to = run(s, i)
		}
		if to <= i {
			continue
		}
		p, ok := phoneAt(s, after, i, to)
		if ok {
			out = append(out, p)
			after = p.to
		}
		i = max(to, p.to) - 1
	}
	return out
}

// joins says whether a byte before a digit makes it part of a word.
func joins(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '@' || c == '_' || c == '$' || c == '='
}

// run is the end of the run of digits and their separators that begins at i;
// i if it is too short for a number.
func run(s string, i int) int {
	end, digits, j := i, 0, i
	if m := orTrunk.FindString(s[i:]); m != "" {
		j += len(m)
	}
	for gap := 0; j < len(s) && digits < 18; j++ {
		switch c := s[j]; {
		case c >= '0' && c <= '9':
			if gap > 4 || gap > 2 && s[j-1] == ' ' && s[j-gap] == ' ' && !strings.ContainsAny(s[j-gap:j], "-/()") {
				return end
			}
			if digits++; true {
				end, gap = j+1, 0
			}
		case strings.IndexByte(" -./()", c) >= 0:
			if gap++; c == '(' && digits >= 7 || c == '/' && digits >= 9 {
				return end
			}
		case strings.HasPrefix(s[j:], "–"), strings.HasPrefix(s[j:], "‑"), strings.HasPrefix(s[j:], "‐"):
			j += 2
			gap++
		case c == '+' && j == i || c == '+' && j == i+1 && s[i] == '(':
		default:
			return end
		}
		if digits >= 7 && gap == 3 && s[j] == ' ' && (s[j-1] == '-' || s[j-1] == '/') && more(s[j:]) >= 7 {
			return end
		}
	}
	return end
}

// more counts the digits that follow before the next letter.
func more(s string) int {
	n := 0
	for i := 0; i < len(s) && i < 30; i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			n++
		case c != ' ' && c != '-' && c != '.' && c != '(' && c != ')' && c != '+':
			return n
		}
	}
	return n
}

// phoneAt judges the run [i,to) of a segment whose last number ended at after.
func phoneAt(s string, after, i, to int) (phone, bool) {
	raw := strings.TrimRight(s[i:to], " -./(")
	if strings.HasPrefix(raw, "(") && !strings.Contains(raw, ")") {
		raw = raw[1:]
		i++
	}
	if strings.HasSuffix(strings.TrimRight(s[:i], " "), "〒") {
		return phone{to: to}, false
	}
	p := phone{from: i, to: i + len(raw), raw: raw, digits: onlyDigits(raw)}
	p.plus = strings.HasPrefix(raw, "+") || strings.HasPrefix(raw, "(+") || strings.HasPrefix(raw, "00") && len(p.digits) >= 11
	p.grouped = nanp.MatchString(raw)
	rest := s[p.to:]
	if m := extension.FindStringSubmatchIndex(lower(rest)); m != nil {
		p.ext = rest[m[2]:m[3]]
		p.to += m[1]
		rest = s[p.to:]
	}
	before, start := labelBefore(s[after:i])
	if before == "" && !p.plus && !p.grouped && !parted(s[after:i]) {
		return p, false
	}
	p.label = before
	if start >= 0 {
		p.from = after + start
	}
	if before == "" {
		if label, n := labelAfter(rest); n > 0 {
			p.label = label
			p.to += n
		} else {
			p.to += len(remark.FindString(rest))
		}
	}
	return p, p.plausible(rest, strings.Trim(s, " -–|~,;<>") == raw)
}

// parted says whether what stands before a number is apart from it: nothing, or
// a separator.
func parted(before string) bool {
	before = strings.TrimRight(before, " (")
	return before == "" || strings.ContainsAny(before[len(before)-1:], "|,;:~)/-") || strings.HasSuffix(before, "•") || strings.HasSuffix(before, "·") || strings.HasSuffix(before, "–")
}

// plausible says whether the run can be a phone at all.
func (p *phone) plausible(rest string, alone bool) bool {
	n := len(p.digits)
	if p.label == "-" || n < 6 || n > 16 || n < 7 && p.label == "" {
		return false
	}
	if p.label == "" && rest != "" && (joins(rest[0]) || rest[0] == '%' || rest[0] == ':') {
		return false
	}
	if daily.MatchString(p.raw) && (p.label == "" || strings.Contains(p.raw, ".") && strings.Count(p.raw, ".") == 3 && n <= 8) {
		return false
	}
	return p.label != "" || p.plus || p.grouped || alone && (local.MatchString(p.raw) || n >= 8 && strings.ContainsAny(p.raw, " -./")) || n >= 9 && (p.digits[0] == '0' || n == 10 || len(strings.FieldsFunc(p.raw, func(r rune) bool { return r < 48 || r > 57 })) >= 3)
}

// labelBefore reads the label in front of a number: its meaning and where it
// begins, -1 if there is none.
func labelBefore(s string) (string, int) {
	t := strings.TrimRight(s, " \t:.-=#>()[]–—~")
	words := strings.Fields(t)
	label := ""
	start := -1
	for k := len(words) - 1; k >= 0 && k >= len(words)-3; k-- {
		w := strings.Trim(fold(words[k]), ".,:;()[]|#<>-")
		l := labelOf(w)
		if l == "" && label == "" && k < len(words)-1 {
			break
		}
		if l == "" && (k < len(words)-1 || !strings.HasSuffix(t, w)) {
			break
		}
		if l == "" {
			if w == "us" || w == "uk" || w == "int" || w == "intl" || w == "int'l" || w == "germany" || w == "(us)" {
				continue
			}
			break
		}
		if len(w) == 1 && k < len(words)-1 && label != "" {
			break
		}
		if label == "" || label == LabelWork || l == "-" {
			label = l
		}
		start = strings.LastIndex(s[:endOf(s, words, k)], words[k])
	}
	return label, start
}

// endOf is the byte behind word k of the words of s.
func endOf(s string, words []string, k int) int {
	at := len(strings.TrimRight(s, " "))
	for j := len(words) - 1; j >= k; j-- {
		at = strings.LastIndex(s[:at], words[j])
		if j == k {
			return at + len(words[j])
		}
	}
	return at
}

// labelOf is the meaning of one label; "tel/fax" is a voice phone.
func labelOf(w string) string {
	if l, ok := labelWords[w]; ok {
		return l
	}
	if i := strings.IndexAny(w, "/&+"); i > 0 && i < len(w)-1 {
		a, b := labelOf(strings.Trim(w[:i], ".")), labelOf(strings.Trim(w[i+1:], "."))
		if a != "" && b != "" {
			if a == LabelFax {
				return b
			}
			return a
		}
	}
	return ""
}

// labelAfter reads a label behind a number: "312-555-0101 (fax)". What belongs
// to the next number is none.
func labelAfter(s string) (string, int) {
	t := strings.TrimLeft(s, " -–,(:[")
	skipped := len(s) - len(t)
	end := strings.IndexAny(t, " ,;)|/]")
	if end < 0 {
		end = len(t)
	}
	w := strings.Trim(fold(t[:end]), ".:")
	l := labelOf(w)
	if l == "" || l == "-" || len(w) == 1 && !strings.ContainsAny(s[:skipped], "([-") && strings.TrimSpace(t[end:]) != "" || len(t[:end]) > 0 && t[end-1] == ':' {
		return "", 0
	}
	if next := strings.TrimLeft(t[end:], " :.)"); next != "" && (next[0] >= '0' && next[0] <= '9' || next[0] == '+' || next[0] == '(' && phoneLike(next)) && !strings.HasPrefix(strings.TrimLeft(t[end:], " "), ")") {
		return "", 0
	}
	if end < len(t) && (t[end] == ')' || t[end] == ']') {
		end++
	}
	return l, skipped + end
}

func onlyDigits(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			b.WriteByte(c)
		case c >= 'A' && c <= 'Z':
			b.WriteByte("22233344455566677778889999"[c-'A'])
		}
	}
	return b.String()
}

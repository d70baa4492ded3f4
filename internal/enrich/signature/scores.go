package signature

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// state is what an atom is.
type state uint8

const (
	other state = iota
	name
	title
	company
	unit
	address
	states_ // how many there are
)

// score fills in how well the atom would be each state, by its words alone.
func (a *atom) score(who *sender) {
	f := features(a)
	a.scores[other] = 0.7
	if f.prose || f.quote {
		a.scores[other] = 3
	}
	a.scores[name] = a.nameScore(f, who)
	a.scores[title] = a.titleScore(f)
	a.scores[company], a.scores[unit] = a.companyScore(f, who)
	if f.heads == 1 && f.unknown > 0 && a.scores[title] > 0 && strings.Contains(a.folded, " ") && slices.Contains(who.domains, strings.ReplaceAll(a.folded, " ", "-")) {
		a.scores[title] -= 2 // "Rydell Konsult" of rydell-konsult.example
	}
	a.scores[address] = a.addressScore(f)
	switch a.label {
	case "address":
		a.scores[address] += 2.5
	case "company":
		a.scores[company] += 2.5
	case "title":
		a.scores[title] += 2.5
	case "name":
		a.scores[name] += 2.5
	case "drop":
		a.scores[other] += 3
	}
}

// traits are what the scores look at.
type traits struct {
	n, caps, upper, digits, small int // words: all, capitalised, in capitals, with digits, of sentences
	heads, modifiers              int
	legal, org, strong, unit      int
	given, street, premise        int
	talk, mild, unknown, signs    int // words of greetings and mottos, such that companies carry, too; proper words no lexicon has; "&" and the like
	quote, prose, cjk             bool
}

func features(a *atom) traits {
	var t traits
	fields := strings.Fields(a.text)
	t.n = len(fields)
	for i, w := range fields {
		f := a.words[min(i, len(a.words)-1)]
		trimmed := strings.Trim(f, ".,:;()\"'")
		r, _ := utf8.DecodeRuneInString(strings.TrimLeft(w, "(\"'"))
		t.caps += count(unicode.IsUpper(r) || r > 0x2E80)
		t.signs += count(w == "&" || w == "+")
		t.talk += count(talkWords.whole[trimmed] || talkWords.whole[strings.TrimRight(trimmed, "!?")])
		t.mild += count(mildWords.whole[strings.TrimRight(trimmed, "!?")])
		t.unknown += count(unicode.IsUpper(r) && proper(trimmed))
		t.upper += count(len(w) > 1 && w == strings.ToUpper(w) && unicode.IsUpper(r))
		t.digits += count(strings.ContainsAny(w, "0123456789"))
		listed := known[trimmed] || known[f]
		t.small += count(listed && smallWords.whole[trimmed] && !unicode.IsUpper(r))
		t.heads += count(titleHeads.has(trimmed) || slashed(trimmed))
		t.modifiers += count(listed && titleModifiers.whole[trimmed])
		t.legal += count(legalForm(w, f, i == len(fields)-1, t.n))
		t.org += count(listed && orgWords.whole[trimmed] || compoundOrg(trimmed))
		t.strong += count(listed && orgStrong.whole[trimmed] || compoundStrong(trimmed))
		t.unit += count(listed && (orgUnits.whole[f] || orgUnits.whole[trimmed]))
		t.given += count(listed && givenNames.whole[trimmed])
		t.street += count(streetWords.has(f) || streetWords.has(trimmed))
		t.premise += count(listed && (premises.whole[f] || premises.whole[trimmed]))
	}
	if t.org+t.strong+t.legal == 0 {
		t.talk += t.mild
	}
	t.quote = strings.HasPrefix(a.text, "\"") || strings.HasPrefix(a.text, "“") || strings.HasPrefix(a.text, "„") || strings.HasPrefix(a.text, "«")
	t.prose = strings.Contains(a.text, "@") || a.prose || t.n > 14 || t.n >= 7 && t.caps*3 < t.n && t.heads == 0
	t.cjk = strings.IndexFunc(a.text, func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
	}) >= 0
	return t
}

// proper says whether a word is likely a name: no lexicon has it, and it does
// not end like words for things that people do.
func proper(w string) bool {
	if utf8.RuneCountInString(w) < 3 {
		return false
	}
	if known[w] {
		return givenNames.whole[w] || cities.whole[w] || states.whole[w]
	}
	for _, e := range subjects {
		if strings.HasSuffix(w, e) {
			return false
		}
	}
	return true
}

// subjects are how words for fields and doings end.
var subjects = []string{"ing", "ings", "ment", "ments", "tion", "tions", "sion", "sions", "ics", "logy", "logie", "logia", "graphy", "nomy", "istry", "ance", "ence", "ances", "ences", "ship", "ity", "ities", "sis", "ness",
	"al", "ive", "ive", "ung", "ungen", "heit", "keit", "schaft", "wesen", "ation", "acion", "zione", "cao", "age", "ik", "kunde", "ques", "ique", "mie", "gie", "ture", "ery", "ists", "ers", "ors"}

// slashed says whether a part of "AVP/Administration" is a title's head.
func slashed(w string) bool {
	if !strings.Contains(w, "/") {
		return false
	}
	for part := range strings.SplitSeq(w, "/") {
		if titleHeads.has(part) {
			return true
		}
	}
	return false
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// legalForm says whether a word is a company's legal form. Short forms that
// are words of languages count at the end and in their usual letters only.
func legalForm(w, f string, last bool, n int) bool {
	bare := strings.TrimRight(f, ",;)")
	if !orgLegal.whole[bare] && !orgLegal.whole[strings.TrimRight(bare, ".")] || n < 2 {
		return false
	}
	switch strings.Trim(bare, ".") {
	case "plc", "llc", "inc", "ltd", "sarl", "srl", "kft", "gmbh":
		return true
	}
	r, _ := utf8.DecodeRuneInString(w)
	if len(strings.Trim(bare, ".")) <= 3 && !strings.Contains(bare, "/") {
		return last && (unicode.IsUpper(r) || bare == "z o.o.") || strings.HasSuffix(w, ",") && unicode.IsUpper(r)
	}
	return unicode.IsUpper(r) || strings.Contains(bare, ".")
}

func compoundOrg(w string) bool {
	for _, e := range []string{"soft", "tech", "werke", "werk", "bau", "handel", "technik", "bank", "systeme", "verlag", "kanzlei", "klinik", "institut", "zentrum"} {
		if len(w) > len(e)+2 && strings.HasSuffix(w, e) {
			return true
		}
	}
	return false
}

func compoundStrong(w string) bool {
	for _, e := range []string{"universitat", "universitaet", "-university", "universiteit", "universitet", "institut", "institute", "hochschule", "hogskolan", "universit?t", "hogskola", "hogeschool", "universitetet", "-universitat", "institutet", "sykehus", "ziekenhuis", "krankenhaus"} {
		if len(w) > len(e) && strings.HasSuffix(w, e) {
			return true
		}
	}
	return strings.HasPrefix(w, "universit") || strings.HasPrefix(w, "uniwersyt")
}

func (a *atom) nameScore(t traits, who *sender) float64 {
	toks := nameTokens(a.folded)
	if t.cjk {
		return a.cjkName(who)
	}
	if len(toks) < 2 && !strings.Contains(a.text, " ") || len(toks) == 0 || len(toks) > 5 || len(a.words) < 2 || t.digits > 0 || t.prose || t.small > 1 || !a.nameLetters() {
		return -3
	}
	if utf8.RuneCountInString(strings.Trim(a.words[len(a.words)-1], ".")) < 2 {
		return -3 // "Mara L."
	}
	s := who.alike(toks)
	v := 0.4 + 3*s
	if s > 0 && s < 0.6 {
		v -= 1
	}
	v += 0.7 * float64(min(t.given, 2))
	v -= 1.2 * float64(t.heads+t.legal+min(t.org, 2)+2*t.strong)
	v -= 1.2 * float64(t.unit)
	if s < 0.85 {
		v -= 0.6 * float64(max(t.modifiers-t.given, 0))
	}
	if t.caps+particles(a.words) < len(toks) {
		v -= 1.2
	}
	if len(toks) > 3 && s < 0.6 {
		v--
	}
	if countries[a.folded] != "" || states.whole[a.folded] || cities.whole[a.folded] {
		v -= 3
	}
	return v
}

// particles counts the small words of surnames.
func particles(words []string) int {
	n := 0
	for _, w := range words {
		n += count(joints.whole[w])
	}
	return n
}

// nameLetters says whether the atom has only what names have.
func (a *atom) nameLetters() bool {
	for _, r := range a.text {
		if !unicode.IsLetter(r) && !unicode.Is(unicode.Mn, r) && !strings.ContainsRune(" .'’-?`\ufffd()\"", r) {
			return false
		}
	}
	return true
}

// cjkName scores a name without spaces by the header's.
func (a *atom) cjkName(who *sender) float64 {
	bare := strings.ReplaceAll(a.folded, " ", "")
	if n := utf8.RuneCountInString(bare); n < 2 || n > 8 {
		return -3
	}
	if joined := strings.Join(who.tokens, ""); joined != "" && (bare == joined || strings.Join(reversed(who.tokens), "") == bare) {
		return 4
	}
	return -1
}

func reversed(s []string) []string {
	out := make([]string, 0, len(s))
	for i := len(s) - 1; i >= 0; i-- {
		out = append(out, s[i])
	}
	return out
}

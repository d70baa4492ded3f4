package signature

import (
	"regexp"
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
		t.upper += count(len(w) > 1 && w == strings.ToUpper(w) && unicode.IsUpper(r))
		t.digits += count(strings.ContainsAny(w, "0123456789"))
		t.small += count(smallWords.whole[trimmed] && !unicode.IsUpper(r))
		t.heads += count(titleHeads.has(trimmed) || slashed(trimmed))
		t.modifiers += count(titleModifiers.whole[trimmed])
		t.legal += count(legalForm(w, f, i == len(fields)-1, t.n))
		t.org += count(orgWords.whole[trimmed] || compoundOrg(trimmed))
		t.strong += count(orgStrong.whole[trimmed] || compoundStrong(trimmed))
		t.unit += count(orgUnits.whole[f] || orgUnits.whole[trimmed])
		t.given += count(givenNames.whole[trimmed])
		t.street += count(streetWords.has(f) || streetWords.has(trimmed))
		t.premise += count(premises.whole[f] || premises.whole[trimmed])
	}
	t.quote = strings.HasPrefix(a.text, "\"") || strings.HasPrefix(a.text, "“") || strings.HasPrefix(a.text, "„") || strings.HasPrefix(a.text, "«")
	t.prose = a.prose || t.n > 14 || t.n >= 7 && t.caps*3 < t.n && t.heads == 0
	t.cjk = strings.IndexFunc(a.text, func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
	}) >= 0
	return t
}

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
	r, _ := utf8.DecodeRuneInString(w)
	if len(strings.Trim(bare, ".")) <= 3 && !strings.Contains(bare, "/") {
		return last && (unicode.IsUpper(r) || bare == "z o.o.") || strings.HasSuffix(w, ",") && unicode.IsUpper(r)
	}
	return unicode.IsUpper(r) || strings.Contains(bare, ".") || bare == "gmbh"
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

// weakHeads are title words that are as often something else.
var weakHeads = map[string]bool{"member": true, "associate": true, "fellow": true, "host": true, "reader": true, "major": true, "captain": true, "owner": true, "lead": true, "head": true, "chair": true, "partner": true, "chef": true, "agent": true, "principal": true, "commercial": true, "master": true, "vertrieb": true, "pilot": true, "intern": true, "volunteer": true, "author": true, "hacker": true, "capo": true, "leder": true, "advocate": true, "operator": true}

func (a *atom) titleScore(t traits) float64 {
	if t.prose || t.n > 11 {
		return -3
	}
	if t.cjk {
		for w := range titleHeads.whole {
			if w[0] >= 0x80 && strings.HasSuffix(a.folded, w) {
				return 2.5
			}
		}
		return -1
	}
	phrase := 0
	for i := range a.words {
		phrase = max(phrase, count(titleHeads.opening(a.words[i:]) > 1))
	}
	if t.heads+phrase == 0 {
		if t.modifiers*2 >= t.n && t.n > 0 && t.caps > 0 {
			return 0.3
		}
		return -1
	}
	v := 2.2
	if t.heads == 1 && phrase == 0 {
		for _, w := range a.words {
			if weakHeads[strings.Trim(w, ".,:;()")] {
				v = 1.5
			}
		}
	}
	v += min(0.3*float64(t.modifiers), 0.9)
	v -= 0.8*float64(t.digits) + 0.5*float64(max(t.small-1, 0)) + 1.5*float64(t.legal) + 0.8*float64(t.strong)
	if t.caps == 0 {
		v -= 0.8
	}
	if strings.HasSuffix(a.text, ".") || strings.HasSuffix(a.text, "!") || strings.HasSuffix(a.text, "?") {
		v -= 0.8
	}
	if a.degreeFirst() {
		v -= 2
	}
	if a.sep == "(" {
		v--
	}
	return v
}

// degreeFirst says whether the atom is a degree and its subject: "PhD in Physics".
func (a *atom) degreeFirst() bool {
	if len(a.words) == 0 || !degrees.whole[a.words[0]] {
		return false
	}
	for _, w := range a.words[1:] {
		if titleHeads.has(strings.Trim(w, ".,")) {
			return false
		}
	}
	return true
}

func (a *atom) companyScore(t traits, who *sender) (asCompany, asUnit float64) {
	if t.prose || t.n > 12 || t.n == 0 {
		return -3, -3
	}
	if t.cjk {
		if orgLegal.in(a.folded) || strings.HasSuffix(a.folded, "大学") || strings.HasSuffix(a.folded, "会社") || strings.HasSuffix(a.folded, "公司") {
			return 2.5, 0
		}
		return -0.5, -0.5
	}
	v := -0.4
	v += 2.2*float64(min(t.legal, 1)) + 1.7*float64(min(t.strong, 1)) + 0.7*float64(min(t.org, 2))
	if strings.Contains(a.text, " & ") && t.caps*2 > t.n {
		v += 0.5
	}
	fit := who.employs(a.folded)
	v += 2.2 * fit
	if toks := nameTokens(a.folded); t.legal+t.org+t.strong == 0 && len(toks) > 1 && who.alike(toks) >= 0.85 {
		v -= 2.5 // the sender's name, of which the domain is a part
	}
	if t.legal == 0 {
		v -= 0.9 * float64(t.heads)
	}
	if w, _, _ := strings.Cut(a.folded, " "); orgKnown.whole[w] && t.n <= 4 {
		v += 1.6
	}
	if cities.whole[a.folded] {
		v -= 2
	}
	if a.alone && (t.n > 1 || t.upper > 0 && len(a.text) < 8) && t.n <= 5 && t.caps >= (t.n+1)/2+t.n/3 && t.digits == 0 {
		v += 0.7 // a line of its own, in capitals: a company more often than nothing
	}
	v -= 0.3*float64(t.digits) + 0.5*float64(t.small)
	if t.caps*2 < t.n-t.small && !(t.org > 0 && orgWords.whole[a.words[0]]) {
		v--
	}
	if a.degreeFirst() {
		v -= 2
	}
	if t.street > 0 && t.digits > 0 {
		v--
	}
	if countries[a.folded] != "" || states.whole[a.folded] {
		v -= 2
	}
	if houseFirst.MatchString(a.text) {
		v -= 2
	}
	if a.sep == "(" && fit == 0 {
		v--
	}
	u := -1.0
	if t.unit > 0 {
		u = v + 1.3
		if t.strong == 0 && t.legal == 0 {
			v -= 0.3
			u += 0.4
		}
	}
	return v, u
}

var (
	zipUS       = regexp.MustCompile(`\b(?:[A-Z]{2}|[A-Z]\.[A-Z]\.|Tx|Ca)[ ,.]+\d{5}(?:-\d{4})?\b`)
	zipGB       = regexp.MustCompile(`\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b|\b[A-Z]\d[0-9W] ?[A-Z0-9]{4}$`)
	zipCA       = regexp.MustCompile(`\b[ABCEGHJ-NPRSTVXY]\d[A-Z][ -]?\d[A-Z]\d\b`)
	zipNL       = regexp.MustCompile(`^(?:NL-?)?\d{4} ?[A-Z]{2}\b`)
	zipPrefixed = regexp.MustCompile(`^(?:[A-Z]{2,6}-)?(?:[A-Z]{1,3}[- ]{0,2})\d{4,6},? \p{L}`)
	zipBefore   = regexp.MustCompile(`^\d{4,5} \p{Lu}[\p{L}?.'-]{2,}`)
	zipSpaced   = regexp.MustCompile(`^(?:[A-Z]{1,2}-)?\d{3} \d{2}(?: \p{L}|$)|^\d{2}-\d{3}\b|^\d{4}-\d{3}\b|^\d{5}-\d{3}\b|\b\d{5}-\d{3}$|\b\d{3}-\d{4}$|\b\d{2}\.\d{3}-\d{3}$|^〒`)
	zipAfter    = regexp.MustCompile(`^\p{L}[\p{L}.'-]{2,}[\p{L} .'-]{0,30},? ?(?:[A-Z]{2,3} )?\d{4,6}$`)
	zipInside   = regexp.MustCompile(`\pL.* (?:[A-Z]{1,2}-)?\d{4,5} \p{Lu}[\p{L}?.'-]{2,}`)
	zipAlone    = regexp.MustCompile(`^\d{5}(?:-\d{4})?$|^\d{6}$`)
	houseFirst  = regexp.MustCompile(`^\d{1,5}(?:[A-Za-z]|[-/ ]{1,3}\d{1,5})?,? (?:\p{L}|\d+(?:st|nd|rd|th))`)
	dateLike    = regexp.MustCompile(`\b(?:19|20)\d\d\b|\b(?:jan(?:uary?)?|feb(?:ruary?)?|mar(?:ch|z)?|apr(?:il)?|ma[yi]|jun[ei]?|jul[yi]?|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)\.? \d`)
	houseLast   = regexp.MustCompile(`\p{L}[.)]? ?\d{1,4} ?[A-Za-z]?(?:[-/]\d{1,4}[A-Za-z]?)?$|\b[sS]/[nN]$`)
	boxed       = regexp.MustCompile(`(?i)\b(?:p\.? ?o\.? ?box|postfach|bo[iî]te postale|b\.?p\.?|postbus|postboks|caixa postal|apartado|casella postale|box) *\d+`)
)

// stateZip says whether the atom is a state and its code: "Michigan 48824".
func (a *atom) stateZip() bool {
	i := strings.LastIndexByte(a.folded, ' ')
	return i > 0 && zipAlone.MatchString(a.folded[i+1:]) && states.whole[strings.TrimRight(a.folded[:i], " ,")]
}

func (a *atom) addressScore(t traits) float64 {
	if t.prose || t.n > 12 {
		return -3
	}
	v := -0.9
	if t.cjk && (strings.ContainsAny(a.text, "都府県市区町村省路号") && t.digits > 0 || strings.HasPrefix(a.text, "〒")) {
		return 2
	}
	if !strings.ContainsAny(a.text, "0123456789") && !strings.Contains(a.folded, "s/n") {
		return v + a.placeScore(t)
	}
	number := houseFirst.MatchString(a.text) || houseLast.MatchString(a.text)
	switch {
	case t.street > 0 && number:
		v += 3.2
	case t.street > 0 && t.digits > 0:
		v += 2
	case houseFirst.MatchString(a.text) && t.n >= 2 && t.n <= 7 && t.caps*2 >= t.n-1:
		v += 1.6
	case t.n >= 2 && t.n <= 5 && t.caps*2 >= t.n && !dateLike.MatchString(a.folded) && houseLast.MatchString(a.text):
		v++
	}
	switch {
	case zipUS.MatchString(a.text), zipCA.MatchString(a.text), zipGB.MatchString(a.text), zipNL.MatchString(a.text), zipPrefixed.MatchString(a.text), zipSpaced.MatchString(a.text):
		v += 2.6
	case zipBefore.MatchString(a.text), zipAlone.MatchString(a.text), zipInside.MatchString(a.text):
		v += 2
	case a.stateZip():
		v += 2.6
	case zipAfter.MatchString(a.text):
		v += 1.8
	}
	if boxed.MatchString(a.text) {
		v += 3
	}
	if dateLike.MatchString(a.folded) {
		v -= 2
	}
	return v + a.placeScore(t)
}

// placeScore is the part of the score that needs no number: streets, floors,
// states and countries by name.
func (a *atom) placeScore(t traits) float64 {
	v := 0.0
	if t.digits == 0 && t.street > 0 && t.n > 1 && t.heads == 0 && t.org == 0 {
		v++
	}
	if t.premise > 0 && (t.digits > 0 || t.n <= 3) {
		v += 1.3
	}
	if countries[strings.Trim(a.folded, " .()")] != "" {
		v += 2.6
	}
	if cities.whole[a.folded] {
		v += 1.3
	}
	if i := strings.LastIndexByte(a.folded, ' '); i > 0 && t.digits > 0 && countries[strings.Trim(a.folded[i:], " .()")] != "" {
		v += 0.6
	}
	if states.whole[a.folded] || stateCodes.whole[a.folded] && t.upper > 0 {
		v += 2
	}
	v -= 1.2*float64(t.heads) + 1.5*float64(t.legal) + 1.2*float64(min(t.strong, 1)) + 0.3*float64(t.small)
	return v
}

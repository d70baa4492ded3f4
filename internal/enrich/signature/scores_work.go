package signature

import (
	"slices"
	"strings"
	"unicode"
)

// weakHeads are title words that are as often something else.
var weakHeads = map[string]bool{"member": true, "associate": true, "fellow": true, "host": true, "reader": true, "major": true, "captain": true, "owner": true, "lead": true, "head": true, "chair": true, "partner": true, "chef": true, "agent": true, "principal": true, "commercial": true, "master": true, "vertrieb": true, "pilot": true, "intern": true, "volunteer": true, "author": true, "hacker": true, "capo": true, "leder": true, "advocate": true, "operator": true}

// titleScore is how well the atom would be a job title: it needs a head, and
// small words, numbers and a sentence's end speak against it.
func (a *atom) titleScore(t traits) float64 {
	if t.prose || t.n > 11 {
		return -3
	}
	if t.cjk {
		return a.cjkTitle()
	}
	phrase := 0
	for i := range a.words {
		phrase = max(phrase, count(titleHeads.opening(a.words[i:]) > 1))
	}
	if t.heads+phrase == 0 {
		if t.modifiers*2 >= t.n && t.n > 0 && t.caps > 0 && (t.org == 0 || t.unknown == 0) {
			return 0.3
		}
		return -1
	}
	v := 2.2
	if t.heads == 1 && phrase == 0 && slices.ContainsFunc(a.words, func(w string) bool { return weakHeads[strings.Trim(w, ".,:;()")] }) {
		v = 1.5
	}
	v += min(0.3*float64(t.modifiers), 0.9)
	v -= 0.8*float64(t.digits) + 0.5*float64(max(t.small-1, 0)) + 1.5*float64(t.legal) + 0.8*float64(t.strong)
	v -= 0.8*float64(count(t.caps == 0)) + 0.8*float64(count(strings.ContainsAny(a.text[len(a.text)-1:], ".!?")))
	return v - 2*float64(count(a.degreeFirst())) - float64(count(a.sep == "(")) - 2*float64(count(a.sep == "@"))
}

func (a *atom) cjkTitle() float64 {
	for w := range titleHeads.whole {
		if w[0] >= 0x80 && strings.HasSuffix(a.folded, w) {
			return 2.5
		}
	}
	return -1
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

// companyScore is how well the atom would be a company, and how well a part of
// one: by its words, its fit with the sender's domain and its shape.
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
	v := -0.4 + 2.2*float64(min(t.legal, 1)) + 1.7*float64(min(t.strong, 1)) + 0.7*float64(min(t.org, 2))
	v += 0.5 * float64(count(strings.Contains(a.text, " & ") && t.caps*2 > t.n))
	fit := who.employs(a.folded)
	v += 2.2 * fit
	if w, _, _ := strings.Cut(a.folded, " "); orgKnown.whole[w] && t.n <= 4 {
		v += 1.6
	}
	v += a.shape(t, fit)
	switch {
	case a.sep == "(" && fit == 0:
		v--
	case a.sep == "@" && t.talk == 0 && t.caps > 0:
		v += 1.2 // "Head of Sales at Northwind"
	case a.sep == "," && fit == 0 && t.legal+t.strong+t.unknown == 0:
		v -= 0.5 // "Director, Media Services"
	}
	if t.signs == 1 && t.n == 3 && t.given > 0 && fit < 0.7 && (who.named(a.words[0]) || who.named(a.words[2])) {
		v -= 2 // "Tom & Mara"
	}
	v -= a.otherThanCompany(t, who)
	u := -1.0
	if t.unit > 0 {
		u = v + 1.3
		if t.strong == 0 && t.legal == 0 {
			v, u = v-0.3, u+0.4
		}
	}
	return v, u
}

// shape is what the look of the words says for a company: a line of its own in
// capitals, "&" between names, capitals inside a word, a name beside a word of
// companies. Words of greetings and mottos say the opposite.
func (a *atom) shape(t traits, fit float64) float64 {
	if asides.opens(a.folded) || fit < 0.7 && t.signs == 1 && t.n == 3 && t.given == 2 { // "Tom & Mara"
		return -5
	}
	if t.legal+t.strong > 0 || fit >= 0.7 {
		return 0.7 * float64(count(a.alone))
	}
	v := 0.0
	if last := a.words[len(a.words)-1]; t.n > 2 && len(last) > 4 && strings.HasSuffix(last, ".") && !orgWords.whole[last] {
		v -= 1.5 // a sentence
	}
	if t.talk == 0 {
		words := t.n - t.signs
		if a.alone && (t.n > 1 || t.upper > 0 && len(a.text) < 8) && t.n <= 6 && t.caps >= (words+1)/2+words/3 && t.digits == 0 && (t.n != 2 || !placeFirst[a.words[0]]) {
			v += 0.7 // a company more often than nothing
		}
		v += 0.6*float64(count((t.org > 0 || t.signs > 0 && t.given < 2 && t.unknown > t.given) && t.unknown > 0 && t.caps*2 > t.n-t.signs)) + 1.2*float64(count(a.branded(t)))
	}
	penalty := 1.2
	if t.org > 0 {
		penalty = 0.5
	}
	return v - penalty*float64(min(t.talk, 2))
}

// placeFirst are words that places of two words begin with.
var placeFirst = wordSet("san santa sao sankt saint sainte bad los las port fort mount mt lake new north south east west upper lower")

// branded says whether a word of the atom is written the way names of companies
// are and nothing else: capitals inside it.
func (a *atom) branded(t traits) bool {
	if t.n > 3 || t.digits > 0 {
		return false
	}
	for w := range strings.FieldsSeq(a.text) {
		if camel(w) && !known[fold(strings.Trim(w, ".,()"))] {
			return true
		}
	}
	return false
}

// camel says whether a word has a capital behind two small letters and a small
// letter behind that; surnames with a prefix (MacLeod, VanDyke) do not count.
func camel(w string) bool {
	small := 0
	for i, r := range w {
		switch {
		case unicode.IsLower(r):
			small++
		case unicode.IsUpper(r):
			if small >= 2 && i+2 <= len(w) && !joints.whole[fold(w[:i])] {
				return true
			}
			small = 0
		default:
			return false
		}
	}
	return false
}

// otherThanCompany is what speaks for the atom being a title, a place, a street,
// a degree, a sentence or the sender's own name, of which the domain is a part.
func (a *atom) otherThanCompany(t traits, who *sender) float64 {
	v := 0.3*float64(t.digits) + 0.5*float64(t.small)
	if toks := nameTokens(a.folded); t.legal+t.org+t.strong == 0 && len(toks) > 1 && who.alike(toks) >= 0.85 {
		v += 2.5
	}
	if t.legal == 0 {
		v += 0.9 * float64(t.heads)
	}
	if t.caps*2 < t.n-t.small && !(t.org > 0 && orgWords.whole[a.words[0]]) {
		v++
	}
	v += 2 * float64(count(a.degreeFirst())+count(houseFirst.MatchString(a.text))+count(cities.whole[a.folded])+count(countries[a.folded] != "" || states.whole[a.folded]))
	return v + float64(count(t.street > 0 && t.digits > 0))
}

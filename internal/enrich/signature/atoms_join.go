package signature

import (
	"regexp"
	"strings"
)

// employed parts the last atom where a title is followed by its place: "Head of
// Sales at Northwind". A university's "at" is part of its name.
func (p *parts) employed() {
	a := p.atoms[len(p.atoms)-1]
	if asides.opens(a.folded) {
		return // "Author of Lamps at Night"
	}
	for i, w := range a.words {
		if i == 0 || i == len(a.words)-1 || w != "at" && w != "@" && w != "bei" && w != "chez" && w != "presso" {
			continue
		}
		head := features(&atom{text: strings.Join(strings.Fields(a.text)[:i], " "), words: a.words[:i]})
		if head.heads == 0 || head.strong > 0 || a.words[i+1] == "law" || a.words[i+1] == "large" || len(strings.Fields(a.text)) != len(a.words) {
			return
		}
		left, right := a, a
		left.text, right.text = strings.Join(strings.Fields(a.text)[:i], " "), strings.Join(strings.Fields(a.text)[i+1:], " ")
		left.folded, right.folded = fold(left.text), fold(right.text)
		left.words, right.words, right.sep = a.words[:i:i], a.words[i+1:], "@"
		p.atoms = append(p.atoms[:len(p.atoms)-1], left, right)
		return
	}
}

// attach adds text that is no atom of its own to the atom before it: a legal
// form to its company, a street to its house number. Degrees are dropped.
func (p *parts) attach(t, sep string) bool {
	f := fold(t)
	if orgDegrees(f) {
		return true
	}
	if len(p.atoms) == 0 {
		return false
	}
	last := &p.atoms[len(p.atoms)-1]
	if sep != "," {
		return false
	}
	bare := strings.TrimRight(f, ".")
	switch {
	case houseNumber.MatchString(f) && streets(last.words), f == "s/n", orgLegal.whole[f] || orgLegal.whole[bare], len(last.text) <= 5 && onlyDigits(last.text) == last.text:
		last.text += ", " + t
		last.folded += ", " + f
		last.words = append(last.words, repaired(strings.Fields(f))...)
		return true
	}
	return false
}

// houseNumber is what follows a street behind a comma: "Via Roma, 12".
var houseNumber = regexp.MustCompile(`^(?:n[.º°]? ?)?\d{1,4} ?[a-z]?(?:[-/]\d{1,4} ?[a-z]?)?$`)

func streets(words []string) bool {
	for _, w := range words {
		if streetWords.has(w) {
			return true
		}
	}
	return len(words) > 0 && strings.HasPrefix(words[0], "c/")
}

// orgDegrees says whether text is nothing but degrees and memberships.
func orgDegrees(f string) bool {
	for w := range strings.FieldsSeq(f) {
		if w = strings.Trim(w, "(),"); !degrees.whole[w] && !degrees.whole[w+"."] || len(w) < 2 {
			return false
		}
	}
	return f != ""
}

// repaired puts letters back that became "?" on the way, where the word is
// then one of the lexicons'.
func repaired(words []string) []string {
	for i, w := range words {
		j := strings.IndexByte(w, '?')
		if j < 0 || j == 0 && len(w) == 1 {
			continue
		}
		for _, c := range []string{"e", "a", "o", "u", "i", "c", "n", "ss"} {
			if try := w[:j] + c + w[j+1:]; known[strings.Trim(try, ".,:;()")] {
				words[i] = try
				break
			}
		}
	}
	return words
}

// part cuts the sender's name off the first atom when more follows it without a
// sign between.
func (p *parts) part(who *sender) {
	if len(p.atoms) == 0 {
		return
	}
	a := p.atoms[0]
	fields := strings.Fields(a.text)
	n := who.leading(a.words)
	if n == 0 || len(fields) != len(a.words) {
		return
	}
	name, rest := a, a
	name.text, rest.text = strings.Join(fields[:n], " "), strings.Join(fields[n:], " ")
	name.folded, rest.folded = fold(name.text), fold(rest.text)
	name.words, rest.words, rest.sep = a.words[:n:n], a.words[n:], "|"
	p.atoms = append([]atom{name, rest}, p.atoms[1:]...)
}

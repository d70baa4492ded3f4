package signature

import "strings"

// markFooters finds what lists, scanners, ad sellers and lawyers put below.
func markFooters(lines []line) {
	spaced := doubleSpaced(lines)
	for i := 0; i < len(lines); i++ {
		l := &lines[i]
		if l.kind != own || l.blank() {
			continue
		}
		switch {
		case l.rule:
			if j := footerBelow(lines, i, spaced); j >= 0 {
				i = close_(lines, i, j)
			}
		case footerLine(l):
			if p := previousFilled(lines, i); p >= 0 && i-p <= 2 && lines[p].kind == own && listLine(&lines[p]) {
				lines[p].kind = footer
			}
			i = close_(lines, i, i)
		}
	}
	markLegal(lines)
}

// doubleSpaced says whether the text has an empty line between any two, as text
// made of HTML paragraphs has.
func doubleSpaced(lines []line) bool {
	together, filled := 0, 0
	for i := range lines {
		if lines[i].blank() {
			continue
		}
		if filled++; i > 0 && !lines[i-1].blank() {
			together++
		}
	}
	return filled > 5 && together*8 < filled
}

// listLine says whether a line names a list and its address.
func listLine(l *line) bool {
	if !strings.Contains(l.text, "@") || l.words > 12 {
		return false
	}
	for w := range strings.FieldsSeq(l.folded) {
		switch strings.Trim(w, ".,:;()'") {
		case "list", "group", "groups", "users", "announce", "discuss", "discussion", "developers", "members", "events", "forum":
			return true
		}
	}
	return false
}

// footerLine says whether a line begins a footer.
func footerLine(l *line) bool {
	if l.words > 30 {
		return false
	}
	f := l.folded
	start := strings.TrimLeft(f, "-_=*~#+>< |")
	if footerStarts.opens(cut(start, 120)) && !l.asks() {
		return true
	}
	return footerParts.anywhere(f) || l.words <= 8 && devices.anywhere(f)
}

// asks says whether a line that could begin a footer is a sentence to the
// reader that goes on.
func (l *line) asks() bool {
	return strings.HasPrefix(l.folded, "sent from") && l.words > 7 || strings.HasPrefix(l.folded, "click") && strings.Contains(l.folded, " and ")
}

// footerBelow is the line below rule i that shows it to open a footer, -1 if
// none does: up to four lines of the paragraph are read, as long as none has a
// phone.
func footerBelow(lines []line, i int, spaced bool) int {
	seen := 0
	for j := i + 1; j < len(lines) && seen < 4; j++ {
		l := &lines[j]
		if l.blank() && (seen == 0 || spaced && !lines[j-1].blank()) {
			continue
		}
		if l.blank() || l.kind != own {
			return -1
		}
		if footerLine(l) || strings.Contains(l.folded, "mailing list") || strings.HasSuffix(l.folded, " list") || strings.Contains(l.folded, "-list") && strings.Contains(l.folded, "@") {
			return j
		}
		if seen++; phoneLike(l.text) {
			return -1
		}
	}
	return -1
}

// close_ makes a footer of the lines from i on, as far as the footer goes: over
// the line that shows it and to the end of its paragraph; after it, what the
// sender wrote may go on only below a signature's delimiter.
func close_(lines []line, i, sure int) int {
	j := i
	for ; j < len(lines); j++ {
		l := &lines[j]
		if l.kind != own {
			break
		}
		if j > sure && strings.TrimSpace(l.raw) == "--" && footerBelow(lines, j, false) < 0 {
			break
		}
		l.kind = footer
	}
	return j - 1
}

// markLegal finds disclaimers, by paragraph, and lines of registers.
func markLegal(lines []line) {
	for i := 0; i < len(lines); i++ {
		if lines[i].kind != own || lines[i].blank() {
			continue
		}
		j := i
		for j < len(lines) && lines[j].kind == own && !lines[j].blank() {
			j++
		}
		if at := legalFrom(lines[i:j]); at >= 0 {
			close_(lines, i+at, j-1)
		}
		i = j
	}
	for i := range lines {
		if l := &lines[i]; l.kind == own && l.words > 2 && adverts.opens(cut(strings.TrimLeft(l.folded, "-*>~ "), 80)) {
			l.silence()
		}
		if l := &lines[i]; l.kind == own && registryLine(l) {
			l.silence()
			p := previousFilled(lines, i)
			if p >= 0 && i-p <= 2 && hasLegalForm(&lines[p]) && (p == 0 || lines[p-1].blank() || lines[p-1].rule) {
				lines[p].silence() // "Northwind Ltd." above its registered office
			}
		}
	}
}

// silence keeps the line in place, but nothing is read from it.
func (l *line) silence() { l.mute, l.text, l.folded, l.words = true, "", "", 0 }

func hasLegalForm(l *line) bool {
	return features(&atom{text: strings.TrimRight(l.text, ","), words: strings.Fields(strings.TrimRight(l.folded, ","))}).legal > 0
}

// legalFrom is the line of a paragraph at which a disclaimer begins, -1 if
// there is none.
func legalFrom(paragraph []line) int {
	total, first := 0, -1
	for i := range paragraph {
		l := &paragraph[i]
		if l.words < 4 && total == 0 {
			continue
		}
		text := l.folded
		if len(l.raw) > longLine {
			text = fold(cut(l.raw, 3000))
		}
		n := legalWords.count(text)
		if n > 0 && first < 0 {
			first = i
		}
		total += n
	}
	if total < 2 || first < 0 {
		return -1
	}
	words := 0
	for i := first; i < len(paragraph); i++ {
		words += paragraph[i].words
	}
	if words < 8 {
		return -1
	}
	for first > 0 && paragraph[first-1].prose() { // it began in the middle of a sentence
		first--
	}
	return first
}

// registryLine says whether a line tells a company's register or seat.
func registryLine(l *line) bool {
	return l.words > 1 && registryWords.in(l.folded)
}

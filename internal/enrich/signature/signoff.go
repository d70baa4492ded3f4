package signature

import "strings"

// isSignOff says whether a line closes the letter; what stands behind the
// words of closing may be the name.
func isSignOff(l *line, b *block) bool {
	if l.words == 0 || l.words > 12 {
		return false
	}
	f, text := strings.TrimLeft(l.folded, "-–— "), strings.TrimLeft(l.text, "-–— ")
	if !signOffs.firsts[strings.TrimRight(f[:strings.IndexAny(f+" ", " ,;")], ends)] && !strings.Contains(f, ". ") {
		return false
	}
	if i := strings.LastIndex(text, ". "); i > 0 && signOffs.opens(fold(text[i+2:])) {
		text = text[i+2:] // "That is all. Best, Mara"
		f = fold(text)
	}
	if i, j := strings.IndexAny(f, ",;"), strings.IndexAny(text, ",;"); i > 0 && j > 0 && i+1 < len(f) && f[i+1] != ' ' {
		f, text = f[:i+1]+" "+f[i+1:], text[:j+1]+" "+text[j+1:] // "Regards,Mara"
	}
	words := strings.Fields(f)
	n := signOffs.opening(words)
	if n == 0 || n == len(words) {
		return n > 0
	}
	rest := words[n:]
	if goesOn(rest[0]) {
		return strings.ContainsAny(f[len(f)-1:], ",!.-") && len(words) <= 8 || len(words) <= 4
	}
	fields := strings.Fields(text)
	if len(fields) != len(words) || len(rest) > 5 {
		return false
	}
	b.inline = strings.Trim(strings.Join(fields[n:], " "), " ,-–")
	return true
}

// goesOn says whether a word carries on a sentence: "Thanks for your help".
func goesOn(w string) bool {
	return smallWords.whole[w] || w == "for" || w == "of" || w == "again" || w == "and" || w == "&"
}

package signature

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// opening is what shows where a signature begins.
type opening uint8

const (
	tail      opening = iota // nothing but the end of the text
	named                    // a line with the sender's name
	ruled                    // a drawn line
	signedOff                // "Best regards,"
	delimited                // "-- "
)

// worth of an opening, before anything is read.
var worth = map[opening]float64{tail: 0.2, named: 1.4, ruled: 0.8, signedOff: 1.7, delimited: 2}

// block is a stretch of lines that may be a signature.
type block struct {
	start, end int // lines
	opening    opening
	inline     string // what stands behind the sign-off on its own line: "Regards, Mara Lind"
	above      int    // a line above the delimiter where a name may stand, -1 for none
	after      int    // lines of prose that follow in the same stretch
}

const (
	maxBlock  = 26 // filled lines of a signature
	maxBlocks = 14 // candidates that are read, the last ones
)

// blocks finds the candidates in each stretch of the sender's own lines.
func blocks(lines []line, who sender) []block {
	var out []block
	for i := 0; i < len(lines); {
		if lines[i].kind != own {
			i++
			continue
		}
		j := i
		for j < len(lines) && lines[j].kind == own {
			j++
		}
		out = append(out, candidates(lines, i, j, &who)...)
		i = j
	}
	if n := len(out); n > maxBlocks {
		out = append(out[:maxBlocks/2:maxBlocks/2], out[n-maxBlocks/2:]...)
	}
	return out
}

// candidates are the blocks of one stretch of own lines, the last dozen.
func candidates(lines []line, from, to int, who *sender) []block {
	var out []block
	for i := to - 1; i >= from && len(out) < maxBlocks; i-- {
		l := &lines[i]
		if l.blank() {
			continue
		}
		b := block{start: i + 1, end: to, above: -1}
		switch {
		case l.rule:
			b.opening = ruled
			if s := strings.TrimSpace(l.raw); s == "--" || s == "—" || s == "–" || s == "---" {
				b.opening = delimited
			}
			b.above = previousFilled(lines[:i+1], i)
			if b.above < from {
				b.above = -1
			}
		case i >= from && isSignOff(l, &b):
			b.opening = signedOff
		case namesSender(l, who):
			b.start, b.opening = i, named
		case l.kind == own && (i == from || lines[i-1].blank()) && l.words <= 8 && len(out) < 3 && !l.prose():
			b.start, b.opening = i, tail
		default:
			continue
		}
		if finish(lines, &b, to) {
			out = append(out, b)
		}
		if up := above(lines, i, from); b.opening == named && up < i {
			b.start = up
			out = append(out, b)
		}
	}
	return out
}

// above is the first of up to three short lines right above line i, where a
// company or a title may stand before the name.
func above(lines []line, i, from int) int {
	up := i
	for up > from && i-up < 3 {
		l := &lines[up-1]
		if l.blank() || l.rule || l.words > 7 || l.prose() || isSignOff(l, &block{}) {
			break
		}
		up--
	}
	return up
}

// namesSender says whether a line is the sender's full name, with little else.
func namesSender(l *line, who *sender) bool {
	if l.words < 2 || l.words > 30 || len(who.tokens) == 0 && who.local == "" {
		return false
	}
	text := l.folded
	for _, sep := range []string{"  ", ",", "|", " - ", " – ", "<", "•", "·", ";", "(", "//", " / "} {
		if i := strings.Index(text, sep); i > 0 {
			text = text[:i]
		}
	}
	if l.words <= 12 && !l.prose() && who.leading(strings.Fields(text)) > 0 {
		return true
	}
	if strings.Count(text, " ") > 5 || l.words > 9 && len(text) == len(l.folded) {
		return false
	}
	tokens := nameTokens(text)
	return len(tokens) >= 2 && len(tokens) <= 4 && who.alike(tokens) >= 0.85
}

// finish finds where the block ends: at prose, which is no signature's, or at
// the end of the stretch. It says whether anything is left.
func finish(lines []line, b *block, to int) bool {
	filled, last := 0, b.start
	for i := b.start; i < to; i++ {
		l := &lines[i]
		if l.blank() {
			continue
		}
		if filled++; filled > maxBlock {
			to = i
			break
		}
		if stops(lines, i, to) || i > b.start && b.opening != tail && isSignOff(l, &block{}) && l.words <= 3 && filled > 2 {
			b.after = proseLines(lines[i:to])
			to = i
			break
		}
		last = i + 1
	}
	b.end = last
	return b.end > b.start || b.inline != ""
}

// stops says whether the signature ends above line i: there a paragraph of
// prose begins, or a postscript.
func stops(lines []line, i, to int) bool {
	l := &lines[i]
	if strings.HasPrefix(l.folded, "ps:") || strings.HasPrefix(l.folded, "p.s.") || strings.HasPrefix(l.folded, "ps ") {
		return true
	}
	if !l.prose() || phoneLike(l.text) && l.words < 12 {
		return false
	}
	if l.words >= 16 || len(l.raw) > longLine {
		return true
	}
	next := i + 1
	return next < to && lines[next].kind == own && lines[next].prose() && !strings.ContainsAny(l.text[:1], "\"“„'«")
}

func proseLines(lines []line) int {
	n := 0
	for i := range lines {
		if lines[i].kind == own && !lines[i].blank() && lines[i].prose() {
			n++
		}
	}
	return n
}

// texts are the readable lines of a block, a number that was broken over two
// lines and a label that stands alone joined with what follows.
func (b block) texts(lines []line) []string {
	out := make([]string, b.end-b.start)
	for i := range out {
		if l := &lines[b.start+i]; l.kind == own && !l.mute && len(l.raw) <= longLine {
			out[i] = strings.TrimRight(plain(l.raw), " ")
		}
	}
	for i := 0; i+1 < len(out); i++ {
		switch {
		case out[i] == "" || out[i+1] == "":
		case aloneLabel(out[i]) || unfinished(out[i]) && indentOf(out[i+1]) < 12:
			out[i+1], out[i] = out[i]+" "+strings.TrimSpace(out[i+1]), ""
		default:
			joinNumber(&out[i], &out[i+1])
		}
	}
	return out
}

// unfinished says whether a line was broken in the middle of a name: it ends
// with "of", "and" and the like.
func unfinished(s string) bool {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 || strings.Contains(s, "   ") {
		return false
	}
	if words := strings.Fields(s); capitalised(words)*2 < len(words) {
		return false
	}
	switch fold(s[i+1:]) {
	case "of", "and", "for", "the", "&", "de", "du", "des", "del", "della", "degli", "di", "und", "fur", "et", "voor", "van", "och", "og", "in":
		return true
	}
	return false
}

func capitalised(words []string) int {
	n := 0
	for _, w := range words {
		r, _ := utf8.DecodeRuneInString(w)
		n += count(unicode.IsUpper(r))
	}
	return n
}

func indentOf(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }

func aloneLabel(s string) bool {
	s = strings.Trim(strings.TrimSpace(s), "*")
	return len(s) > 1 && len(s) < 16 && (strings.HasSuffix(s, ":") || len(s) > 2 && s[0] >= 'A') && labelOf(strings.Trim(fold(s), ".: ")) != "" && labelOf(strings.Trim(fold(s), ".: ")) != "-"
}

// joinNumber moves the rest of a number from the start of the next line to the
// end of this one.
func joinNumber(this, next *string) {
	end := len(strings.TrimRight(*this, " 0123456789-.()/"))
	begin := len(*next) - len(strings.TrimLeft(*next, " 0123456789-.()/"))
	have, rest := len(onlyDigits((*this)[end:])), len(onlyDigits((*next)[:begin]))
	if have < 2 || rest < 3 || have+rest < 8 || have+rest > 15 || have >= 9 {
		return
	}
	if !strings.HasSuffix((*this)[:end], "+") {
		if label, _ := labelBefore((*this)[:end]); label == "" || label == "-" {
			return
		}
	}
	*this += " " + strings.TrimSpace((*next)[:begin])
	*next = strings.Repeat(" ", begin) + (*next)[begin:]
}

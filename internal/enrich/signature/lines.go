package signature

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a line is for.
type lineKind uint8

const (
	own    lineKind = iota // the sender's own words
	quoted                 // somebody's words, with marks or below a reply header
	header                 // of a quote or a forwarded message
	footer                 // of a list, an ad, a scanner, the law
)

// line is a line of the text.
type line struct {
	start, end int    // bytes in the text, without the line break
	raw        string // text[start:end]
	text       string // readable: no marks of bold, no odd spaces, trimmed
	folded     string
	kind       lineKind
	head       string // the header's field it is, read once
	headRead   bool
	words      int
	mute       bool // the sender's, but not to be read
	rule       bool // nothing but dashes, stars and the like
}

func (l *line) blank() bool { return l.text == "" }

const (
	longLine = 600 // longer ones are paragraphs; nothing is looked for in them
	maxLines = 8000
)

// split parts the text into lines.
func split(text string) []line {
	if len(text) > maxText {
		text = text[:maxText]
		if i := strings.LastIndexByte(text, '\n'); i > 0 {
			text = text[:i]
		}
	}
	lines := make([]line, 0, min(strings.Count(text, "\n")+1, maxLines))
	for at := 0; at <= len(text) && len(lines) < maxLines; {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text)
		} else {
			end += at
		}
		l := line{start: at, end: end, raw: strings.TrimSuffix(text[at:end], "\r")}
		l.read()
		lines = append(lines, l)
		at = end + 1
	}
	return lines
}

func (l *line) read() {
	l.end = l.start + len(l.raw)
	raw := l.raw
	if len(raw) > longLine {
		if strings.TrimSpace(raw) == "" {
			return
		}
		l.text, l.words = strings.TrimSpace(cut(raw, longLine)), longLine/6
		if l.folded = fold(l.text); l.folded == "" {
			l.text = ""
		}
		return
	}
	readable := plain(raw)
	l.text = strings.TrimSpace(readable)
	if l.folded = fold(l.text); l.folded == "" {
		l.text = "" // accents without letters
	}
	l.words = len(strings.Fields(l.text))
	l.rule = isRule(strings.TrimSpace(raw))
}

// cut shortens text to at most n bytes, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// plain takes away what is not for reading: stars of bold, zero-width
// characters, odd spaces. Tabs become gaps.
func plain(s string) string {
	simple := true
	for i := range len(s) {
		if c := s[i]; c == '*' || c == '\t' || c >= utf8.RuneSelf || c < ' ' {
			simple = false
			break
		}
	}
	if simple {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		switch {
		case r == '*':
		case r == '\t':
			b.WriteString("    ")
		case r == '\u00a0' || r == '\u202f' || r == '\u2007' || r == '\u2009' || r == '\u3000' || r == '\u2003' || r == '\u2002':
			b.WriteByte(' ')
		case r >= '！' && r <= '～': // full-width letters, digits and signs
			b.WriteRune(r - '！' + '!')
		case r == utf8.RuneError, r >= 0x1F000 && r < 0x20000, r == '®', r == '™', r == '©', unicode.Is(unicode.Cf, r), unicode.IsControl(r):
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isRule says whether a line is drawn: "--", "____", "* * *", "~-~-~".
func isRule(s string) bool {
	if len(s) < 2 {
		return s == "—" || s == "–"
	}
	marks := 0
	for _, r := range s {
		switch {
		case strings.ContainsRune("-_=*~#+—–─━.·:|", r):
			marks++
		case r == ' ':
		default:
			return false
		}
	}
	return marks >= 2
}

// prose says whether a line is a piece of a sentence: many words, small ones
// among them, few capitals.
func (l *line) prose() bool {
	if l.words < 5 || strings.Contains(l.text, "   ") {
		return false
	}
	small, capitals := 0, 0
	for w := range strings.FieldsSeq(l.text) {
		r, _ := utf8.DecodeRuneInString(w)
		switch {
		case smallWords.whole[strings.Trim(fold(w), ".,:;!?()\"'")]:
			small++
		case unicode.IsUpper(r) || unicode.IsDigit(r):
			capitals++
		}
	}
	if l.words >= 8 {
		return small >= 2 && small*5 >= l.words || capitals*3 < l.words
	}
	return small >= 2 && capitals*2 < l.words || small >= 3
}

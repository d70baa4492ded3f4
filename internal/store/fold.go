package store

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Folding is how text becomes words, for the index and for searches alike and
// for both databases: words are runs of letters and digits; case and accents
// are taken off (also ß, ø, ł, æ …, and compatibility forms such as ﬁ); scripts
// that write without spaces give a word for each character, so that a search for
// several of them is a phrase. Words are cut after 64 bytes.
const wordMost = 64

// words folds a text into at most limit words, calling see for each; the bytes
// are overwritten by the next one.
func words(text string, limit int, see func(word []byte)) {
	var buf [wordMost + utf8.UTFMax]byte
	n := 0
	flush := func() {
		if n > 0 {
			if limit > 0 {
				see(buf[:min(n, wordMost)])
			}
			limit--
			n = 0
		}
	}
	for i := 0; i < len(text) && limit > 0; {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			case 'A' <= c && c <= 'Z':
				c += 'a' - 'A'
			default:
				flush()
				continue
			}
			if n < wordMost {
				buf[n] = c
				n++
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		foldRune(r, func(r rune) {
			switch {
			case r == wordEnd:
				flush()
			case single(r):
				flush()
				n = utf8.EncodeRune(buf[:], r)
				flush()
			case n+utf8.RuneLen(r) <= wordMost:
				n += utf8.EncodeRune(buf[n:], r)
			}
		})
	}
	flush()
}

const wordEnd = -1

// foldRune gives what a character beyond ASCII becomes: folded characters, or
// the end of a word.
func foldRune(r rune, see func(rune)) {
	if plain, ok := plainForms[r]; ok {
		for _, p := range plain {
			see(p)
		}
		return
	}
	var encoded [utf8.UTFMax]byte
	size := utf8.EncodeRune(encoded[:], r)
	decomposed := norm.NFKD.Properties(encoded[:size]).Decomposition()
	if decomposed == nil {
		foldPlain(r, see)
		return
	}
	for _, d := range string(decomposed) {
		if plain, ok := plainForms[d]; ok {
			for _, p := range plain {
				see(p)
			}
			continue
		}
		foldPlain(d, see)
	}
}

func foldPlain(r rune, see func(rune)) {
	switch {
	case accent(r):
	case unicode.IsLetter(r), unicode.IsNumber(r), unicode.IsMark(r):
		see(unicode.ToLower(r))
	default:
		see(wordEnd)
	}
}

// plainForms are letters that Unicode does not take apart.
var plainForms = map[rune]string{
	'ß': "ss", 'ẞ': "ss", 'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe", 'ø': "o", 'Ø': "o", 'ł': "l", 'Ł': "l",
	'đ': "d", 'Đ': "d", 'ð': "d", 'Ð': "d", 'þ': "th", 'Þ': "th", 'ı': "i", 'İ': "i", 'ħ': "h", 'Ħ': "h",
	'\u00ad': "", '\u200b': "", '\u200c': "", '\u200d': "", '\ufeff': "", // soft hyphen, zero width: nothing
}

// accent reports marks that are taken off: those of Latin, Greek, Cyrillic,
// Hebrew and Arabic. Marks of other scripts are part of the word.
func accent(r rune) bool {
	switch {
	case 0x0300 <= r && r <= 0x036f, 0x0591 <= r && r <= 0x05c7 && unicode.IsMark(r), 0x0610 <= r && r <= 0x061a,
		0x064b <= r && r <= 0x065f, r == 0x0670, 0x1ab0 <= r && r <= 0x1aff, 0x1dc0 <= r && r <= 0x1dff,
		0x20d0 <= r && r <= 0x20ff, 0xfe00 <= r && r <= 0xfe0f, 0xfe20 <= r && r <= 0xfe2f:
		return true
	}
	return false
}

// single reports characters of scripts that write without spaces.
func single(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// foldedWords is words as a list.
func foldedWords(text string, limit int) []string {
	var list []string
	words(text, limit, func(w []byte) { list = append(list, string(w)) })
	return list
}

// document is the text of a message as it is indexed: the folded words of its
// fields with spaces between them, in the order of documentFields.
type document [len(documentFields)]string

// documentFields: the column of the SQLite index, the prefix of words of this
// field only in the PostgreSQL index (the body has none: nothing asks for it
// alone), and how many words of it are indexed.
var documentFields = [...]struct {
	name   string
	prefix string
	most   int
}{
	{"subject", "s", 500},
	{"sender", "f", 100},
	{"recipients", "t", 1500},
	{"cc", "c", 1500},
	{"bcc", "b", 500},
	{"files", "n", 1000},
	{"body", "", 10000},
}

// repeatMost is how often one word of a message can be part of a phrase:
// PostgreSQL keeps 256 positions of a word. Both databases leave the later ones
// out, so both find the same.
const repeatMost = 255

// filler stands for a word left out. It is no letter, so nothing searches for it.
const filler = "·"

// documentOf folds the fields of a message.
func documentOf(texts [len(documentFields)]string) document {
	d, often := foldFields(texts, nil)
	if often { // rare: somewhere a word may be repeated too much
		d, _ = foldFields(texts, map[string]int{})
	}
	return d
}

// foldFields folds; with times it leaves out what is repeated too much, without
// it only says whether that may be so (it counts words that share a hash as one).
func foldFields(texts [len(documentFields)]string, times map[string]int) (d document, often bool) {
	var counts [512]uint8
	var buf []byte
	for i, text := range texts {
		if text == "" {
			continue
		}
		buf = buf[:0]
		words(text, documentFields[i].most, func(w []byte) {
			if len(buf) > 0 {
				buf = append(buf, ' ')
			}
			if times == nil {
				h := uint32(len(w))
				for _, c := range w {
					h = h*31 + uint32(c)
				}
				if c := &counts[(h^h>>9)%uint32(len(counts))]; *c == repeatMost {
					often = true
				} else {
					*c++
				}
			} else if times[string(w)]++; times[string(w)] > repeatMost {
				w = []byte(filler)
			}
			buf = append(buf, w...)
		})
		d[i] = string(buf)
	}
	return d, often
}

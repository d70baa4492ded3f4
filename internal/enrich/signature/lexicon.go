package signature

import (
	"embed"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

//go:embed lexicon/*.txt
var lexicons embed.FS

// words is one list: whole entries and, from entries that begin with "-",
// endings of compound words.
type words struct {
	whole   map[string]bool
	firsts  map[string]bool     // their first words
	starts  [1 << 12]bool       // hashes of the entries' first two bytes
	entries map[string][]string // by their first two bytes
	endings map[string][]string // by their last three bytes
	longest int                 // words in the longest entry
}

func (w *words) add(entry string) {
	if w.whole == nil {
		w.whole, w.firsts = map[string]bool{}, map[string]bool{}
	}
	entry = fold(entry)
	if ending, ok := strings.CutPrefix(entry, "-"); ok && len(ending) > 2 {
		if w.endings == nil {
			w.endings = map[string][]string{}
		}
		last := ending[len(ending)-3:]
		w.endings[last] = append(w.endings[last], ending)
		return
	}
	w.whole[entry] = true
	first, _, _ := strings.Cut(entry, " ")
	w.firsts[strings.TrimRight(first, ends)] = true
	if len(entry) > 1 {
		if w.entries == nil {
			w.entries = map[string][]string{}
		}
		w.starts[start(entry)] = true
		w.entries[entry[:2]] = append(w.entries[entry[:2]], entry)
	}
	w.longest = max(w.longest, strings.Count(entry, " ")+1)
}

// has says whether a folded word stands in the list or ends like one.
func (w *words) has(word string) bool {
	if w.whole[word] || w.whole[strings.Trim(word, ".,:;()\"'")] {
		return true
	}
	word = strings.TrimRight(word, ",:;)")
	if len(word) < 3 || len(w.endings) == 0 {
		return false
	}
	for _, e := range w.endings[word[len(word)-3:]] {
		if len(word) > len(e)+2 && strings.HasSuffix(word, e) {
			return true
		}
	}
	return false
}

// ends are the signs behind a word that do not belong to it.
const ends = ".,:;!~"

// opens says whether folded text begins with an entry.
func (w *words) opens(text string) bool {
	text = strings.TrimLeft(text, " ")
	first, _, _ := strings.Cut(text, " ")
	return w.firsts[strings.TrimRight(first, ends)] && w.opening(strings.Fields(text)) > 0
}

// opening is how many words at the start of folded words are an entry, 0 for none.
func (w *words) opening(text []string) int {
	if len(text) == 0 || !w.firsts[strings.TrimRight(text[0], ends)] {
		return 0
	}
	for n := min(w.longest, len(text)); n > 0; n-- {
		if w.whole[strings.TrimRight(strings.Join(text[:n], " "), ends)] || w.whole[strings.Join(text[:n], " ")] {
			return n
		}
	}
	return 0
}

func start(s string) int { return (int(s[0])<<5 ^ int(s[1])) & (1<<12 - 1) }

// in says whether one of the entries stands in folded text as words.
func (w *words) in(text string) bool { return w.count(text) > 0 }

// anywhere says whether one of the entries stands in folded text, in words too.
func (w *words) anywhere(text string) bool {
	for i := 0; i+1 < len(text); i++ {
		if w.starts[start(text[i:])] {
			for _, e := range w.entries[text[i:i+2]] {
				if strings.HasPrefix(text[i:], e) {
					return true
				}
			}
		}
	}
	return false
}

// count is how many of the entries stand in folded text, each at the start of a
// word; short ones are whole words.
func (w *words) count(text string) int {
	var seen []string
	for i := 0; i+1 < len(text); i++ {
		if i > 0 && letter(text[i-1]) || !w.starts[start(text[i:])] {
			continue
		}
		for _, e := range w.entries[text[i:i+2]] {
			if end := i + len(e); strings.HasPrefix(text[i:], e) && (len(e) > 5 || end == len(text) || !letter(text[end])) && !slices.Contains(seen, e) {
				seen = append(seen, e)
			}
		}
	}
	return len(seen)
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= 0x80 }

// The lists of the folder lexicon, by file and section.
var (
	titleHeads, titleModifiers                        words
	orgLegal, orgWords, orgStrong, orgUnits, orgKnown words
	states, stateCodes, streetWords, premises, cities words
	signOffs, smallWords, honorifics, degrees, joints words
	givenNames, freeMail, roles                       words
	footerStarts, footerParts, devices                words
	legalWords, registryWords, adverts, saidWords     words
	talkWords, mildWords, asides                      words
	countries                                         = map[string]string{}
	known                                             = map[string]bool{}  // every word of the lists
	families                                          = map[string][]int{} // name → numbers of its families
)

// learn reads the lists when the first text is: a program that enriches nothing does
// without them.
var learn = sync.OnceFunc(func() {
	into := map[string]*words{
		"head": &titleHeads, "german": &titleHeads, "french": &titleHeads, "spanish": &titleHeads, "portuguese": &titleHeads, "italian": &titleHeads,
		"dutch": &titleHeads, "nordic": &titleHeads, "polish": &titleHeads, "japanese": &titleHeads, "russian": &titleHeads, "modifier": &titleModifiers,
		"org": &orgWords, "strong": &orgStrong, "unit": &orgUnits, "known": &orgKnown, "states": &states, "cities": &cities, "street": &streetWords, "premises": &premises,
		"signoff": &signOffs, "small": &smallWords, "honorific": &honorifics, "degree": &degrees, "particle": &joints, "given": &givenNames, "freemail": &freeMail, "role": &roles,
		"footer": &footerStarts, "anywhere": &footerParts, "device": &devices, "registry": &registryWords, "talk": &talkWords, "mild": &mildWords, "aside": &asides, "advert": &adverts, "said": &saidWords,
	}
	family := 0
	eachEntry(func(file, section, entry string) {
		for w := range strings.FieldsSeq(fold(entry)) {
			known[w] = true
		}
		switch {
		case section == "countries":
			name, region, _ := strings.Cut(entry, "=")
			countries[fold(name)] = region
		case section == "family":
			family++
			for _, name := range strings.Fields(entry) {
				families[name] = append(families[name], family)
			}
		case section == "codes":
			stateCodes.add(entry)
		case section == "legal" && file == "orgs.txt":
			orgLegal.add(entry)
		case section == "legal":
			legalWords.add(entry)
		default:
			into[section].add(entry)
		}
	})
})

// eachEntry reads the lexicons: "#" begins a comment, "[x]" a section, commas
// part entries; a comma inside "co.,ltd" has no space after it.
func eachEntry(use func(file, section, entry string)) {
	files, err := lexicons.ReadDir("lexicon")
	if err != nil {
		panic(err) // embedded when compiled
	}
	for _, f := range files {
		data, err := lexicons.ReadFile("lexicon/" + f.Name())
		if err != nil {
			panic(err)
		}
		section := ""
		for line := range strings.SplitSeq(string(data), "\n") {
			switch {
			case line == "" || line[0] == '#':
			case line[0] == '[' && strings.HasSuffix(line, "]") && !strings.Contains(line, " "):
				section = line[1 : len(line)-1]
			default:
				for entry := range strings.SplitSeq(line+" ", ", ") {
					if entry = strings.TrimRight(strings.TrimSpace(entry), ","); entry != "" {
						use(f.Name(), section, entry)
					}
				}
			}
		}
	}
}

// cyrillic is how Cyrillic letters are written in Latin ones, as headers do.
var cyrillic = map[rune]string{'а': "a", 'б': "b", 'в': "v", 'г': "g", 'д': "d", 'е': "e", 'ж': "zh", 'з': "z", 'и': "i", 'к': "k", 'л': "l", 'м': "m", 'н': "n", 'о': "o", 'п': "p", 'р': "r", 'с': "s", 'т': "t", 'у': "u", 'ф': "f", 'х': "kh", 'ц': "ts", 'ч': "ch", 'ш': "sh", 'щ': "shch", 'ъ': "", 'ы': "y", 'ь': "", 'э': "e", 'ю': "yu", 'я': "ya", 'і': "i", 'є': "ye", 'ђ': "dj"}

// fold makes text comparable: lower case, no accents, ß as ss, Cyrillic letters
// as Latin ones.
func fold(s string) string {
	ascii := true
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFD.String(s) {
		switch r = unicode.ToLower(r); {
		case unicode.Is(unicode.Mn, r):
		case r == 'ß':
			b.WriteString("ss")
		case r == 'ø':
			b.WriteByte('o')
		case r == 'ł':
			b.WriteByte('l')
		case r == 'æ':
			b.WriteString("ae")
		case r == 'ı':
			b.WriteByte('i')
		case r >= 'а' && r <= 'я' || r == 'і' || r == 'є' || r == 'ђ':
			b.WriteString(cyrillic[r])
		case r == '’' || r == '‘' || r == '´':
			b.WriteByte('\'')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

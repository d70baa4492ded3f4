package merging

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"rapport/internal/crm"
)

// Looks is what of a record is compared with others.
type Looks struct {
	Type    crm.RecordType
	Name    string
	Company int64 // of a person: the number of their company, 0 for none
}

//go:embed nicknames.txt
var nicknameText string

// nicknames gives the groups that a given name is of: names in a line are short forms
// of each other.
var nicknames = sync.OnceValue(func() map[string][]int {
	of := map[string][]int{}
	group := 0
	for line := range strings.SplitSeq(nicknameText, "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, name := range strings.Fields(line) {
			of[name] = append(of[name], group)
		}
		group++
	}
	return of
})

var (
	honours    = words("dr prof mr mrs ms miss mx sir herr frau hr fr dipl ing mag msc bsc mba phd jr sr ii iii iv de la von van der den del di da le du mme monsieur madame senor senora")
	legalForms = words("gmbh ag kg ohg gbr ug se mbh co inc incorporated llc llp lp ltd limited plc corp corporation company sarl sas sa eurl bv nv oy oyj ab as aps spa srl sl slu sro zoo sp kft pty pte the and und et y the holding group gruppe")
)

func words(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(list) {
		out[w] = true
	}
	return out
}

var foldedLetters = strings.NewReplacer("ß", "ss", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "æ", "ae", "œ", "oe", "ı", "i")

// folded gives the words of a name, in small letters without accents.
func folded(name string) []string {
	name = foldedLetters.Replace(strings.ToLower(name))
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r), r == '\'', r == '’', r == '.':
			return -1
		case unicode.IsLetter(r), unicode.IsDigit(r):
			return r
		}
		return ' '
	}, norm.NFD.String(name))
	return strings.Fields(name)
}

// person is the name of a person, taken apart.
type person struct{ first, last string }

func personOf(name string) (person, bool) {
	if last, first, comma := strings.Cut(name, ","); comma && !strings.Contains(first, ",") {
		name = first + " " + last
	}
	name = strings.ReplaceAll(name, ".", ". ")
	list := slices.DeleteFunc(folded(name), func(w string) bool { return honours[w] })
	if len(list) < 2 {
		return person{}, false
	}
	return person{list[0], list[len(list)-1]}, true
}

// companyName is the name of a company without its legal form.
func companyName(name string) string {
	list := folded(name)
	plain := slices.DeleteFunc(slices.Clone(list), func(w string) bool { return legalForms[w] })
	if len(plain) == 0 {
		plain = list
	}
	return strings.Join(plain, "")
}

// skeleton is what words that sound alike have in common.
func skeleton(word string) string {
	word = strings.NewReplacer("ph", "f", "th", "t", "sch", "s", "sh", "s", "ch", "k", "ck", "k", "c", "k", "q", "k", "z", "s", "v", "w", "y", "i", "j", "i").Replace(word)
	var b strings.Builder
	last := rune(0)
	for i, r := range word {
		if r != last && (i == 0 || !strings.ContainsRune("aeiouh", r)) {
			b.WriteRune(r)
		}
		last = r
	}
	return b.String()
}

// Keys are what records have in common that may be alike by their names: only those
// that share one are compared.
func (l Looks) Keys() []string {
	var keys []string
	add := func(parts ...string) {
		if key := strings.Join(parts, "|"); !slices.Contains(keys, key) && len(key) < 200 {
			keys = append(keys, key)
		}
	}
	switch l.Type {
	case crm.Person:
		p, ok := personOf(l.Name)
		if !ok || l.Company == 0 {
			return nil
		}
		company := strconv.FormatInt(l.Company, 36)
		add("l", company, skeleton(p.last))
		add("l", company, skeleton(p.first))
		add("f", company, p.first[:1], p.last[:1])
		for _, group := range nicknames()[p.first] {
			add("n", company, strconv.Itoa(group), p.last[:1])
		}
	case crm.Company:
		if name := companyName(l.Name); len(name) >= 2 {
			add("c", skeleton(name))
			add("p", name[:min(len(name), 5)], strconv.Itoa(len(name)/4))
		}
	}
	return keys
}

// AlikeNames says how alike two names are, 0 to 1; below 0.6 they are not.
func AlikeNames(kind crm.RecordType, a, b string) float64 {
	if kind != crm.Person {
		return alikeWords(companyName(a), companyName(b))
	}
	p, ok := personOf(a)
	q, also := personOf(b)
	if !ok || !also {
		if strings.Join(folded(a), " ") == strings.Join(folded(b), " ") {
			return 1
		}
		return 0
	}
	straight := min(alikeGiven(p.first, q.first), alikeWords(p.last, q.last))
	return max(straight, 0.95*min(alikeWords(p.first, q.last), alikeWords(p.last, q.first)))
}

// alikeGiven compares given names: short forms and initials are alike.
func alikeGiven(a, b string) float64 {
	if a == b {
		return 1
	}
	for _, group := range nicknames()[a] {
		if slices.Contains(nicknames()[b], group) {
			return 0.95
		}
	}
	if (len(a) == 1 || len(b) == 1) && a[0] == b[0] {
		return 0.8
	}
	if short, long := min(len(a), len(b)), max(len(a), len(b)); short >= 3 && long > short && (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)) {
		return 0.85
	}
	return alikeWords(a, b)
}

// alikeWords compares words by how many letters are different: one in five or so.
func alikeWords(a, b string) float64 {
	if a == b {
		return 1
	}
	long := max(len(a), len(b))
	if long < 4 {
		return 0
	}
	d := distance(a, b)
	if d > max(1, long/6) {
		return 0
	}
	return 1 - float64(d)/float64(long)
}

// distance counts letters to be changed, put in, left out or swapped with the next.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 100 || len(y) > 100 {
		return max(len(x), len(y))
	}
	var before, row []int
	next := make([]int, len(y)+1)
	for j := range next {
		next[j] = j
	}
	for i := 1; i <= len(x); i++ {
		before, row = row, next
		next = make([]int, len(y)+1)
		next[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
	}
	return next[len(y)]
}

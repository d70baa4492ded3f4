package signature

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// atom is the smallest piece of a block that can be a name, a title, a company
// or a part of an address: text between separators.
type atom struct {
	text    string
	folded  string
	words   []string // folded
	line    int      // index in the text's lines
	segment int      // atoms of one segment stand side by side
	sep     string   // what parts it from the atom before, within the segment
	label   string   // in front of the segment: "address", "company", "title", "name", "drop"
	prose   bool
	scores  [states_]float64
	state   state
}

// parts is a block taken apart.
type parts struct {
	atoms  []atom
	phones []placed[phone]
	links  []placed[link]
}

type placed[T any] struct {
	it      T
	line    int
	segment int
}

// segment is a stretch of a line between wide gaps.
type segment struct {
	text   string
	line   int
	column int
	right  bool
}

// take parts the lines of a block into segments, segments into links, phones
// and atoms. Two columns are read one after the other.
func take(lines []line, b block) parts {
	var p parts
	segs := segments(lines, b)
	sort.SliceStable(segs, func(i, j int) bool { return !segs[i].right && segs[j].right })
	for n, s := range segs {
		p.segment(s, n)
	}
	return p
}

// segments parts lines at gaps of three spaces and more, and finds the second
// column: gaps of two lines that end at the same place.
func segments(lines []line, b block) []segment {
	var out []segment
	starts := map[int]int{}
	texts := b.texts(lines)
	for i := b.start; i < b.end; i++ {
		if lines[i].kind != own || texts[i-b.start] == "" || lines[i].rule || len(lines[i].raw) > longLine {
			continue
		}
		first := true
		for _, s := range gaps(texts[i-b.start]) {
			s.line = i
			out = append(out, s)
			if !first {
				starts[s.column/3]++
			}
			first = false
		}
	}
	for i := range out {
		c := out[i].column
		if c < 12 {
			continue
		}
		if n := starts[c/3] + starts[c/3+1] + starts[c/3-1]; n >= 2 {
			out[i].right = true
		}
	}
	return out
}

// gaps parts one line at gaps. A label keeps what follows it, however wide the
// gap.
func gaps(s string) []segment {
	var out []segment
	for at := 0; at < len(s); {
		for at < len(s) && s[at] == ' ' {
			at++
		}
		if at == len(s) {
			break
		}
		end := at
		for {
			i := strings.Index(s[end:], "   ")
			if i < 0 {
				end = len(s)
				break
			}
			end += i
			if !bareLabel(s[at:end]) {
				break
			}
			for end < len(s) && s[end] == ' ' {
				end++
			}
		}
		out = append(out, segment{text: strings.TrimSpace(s[at:end]), column: at})
		at = end
	}
	return out
}

// bareLabel says whether a piece of text is nothing but what names the next.
func bareLabel(s string) bool {
	s = strings.TrimSpace(s)
	if strings.HasSuffix(s, ":") {
		return len(s) < 24
	}
	return len(s) > 1 && labelOf(strings.Trim(fold(s), ".:")) != ""
}

// segment takes one segment apart.
func (p *parts) segment(s segment, n int) {
	text := s.text
	if strings.ContainsAny(text, "[<") {
		text = cid.ReplaceAllStringFunc(text, func(m string) string { return strings.Repeat(" ", len(m)) })
	}
	text = strings.ReplaceAll(text, "<>", "  ")
	taken := []byte(text) // what is a link or a phone becomes 0
	for _, l := range links(text) {
		p.links = append(p.links, placed[link]{l, s.line, n})
		clear(taken[l.from:l.to])
	}
	for _, ph := range scanPhones(strings.ReplaceAll(string(taken), "\x00", "~")) {
		p.phones = append(p.phones, placed[phone]{ph, s.line, n})
		clear(taken[ph.from:ph.to])
	}
	label := ""
	for piece := range strings.SplitSeq(string(taken), "\x00") {
		if piece = strings.TrimSpace(piece); piece != "" {
			label = p.piece(piece, s, n, label)
		}
	}
}

// separators part atoms besides commas.
var separators = strings.NewReplacer(" | ", "\x01|\x02", "|", "\x01|\x02", " • ", "\x01|\x02", "•", "\x01|\x02", " · ", "\x01|\x02", "·", "\x01|\x02", " // ", "\x01//\x02", " :: ", "\x01|\x02", " – ", "\x01-\x02", " — ", "\x01-\x02", " - ", "\x01-\x02", ", ", "\x01,\x02", "; ", "\x01;\x02", " ~ ", "\x01|\x02", " ¦ ", "\x01|\x02", "、", "\x01,\x02", " ● ", "\x01|\x02", " ▪ ", "\x01|\x02", " ♦ ", "\x01|\x02", " / ", "\x01/\x02")

// piece makes atoms of a piece of text between links and phones. The label in
// front of it says what the atoms are.
func (p *parts) piece(text string, s segment, n int, label string) string {
	text = strings.Trim(text, " \t<>,;|·•~=#")
	head, rest, found := strings.Cut(text, ":")
	if found && len(head) < 24 && strings.Count(strings.TrimSpace(head), " ") < 3 {
		label, text = fieldLabel(fold(strings.TrimSpace(head))), strings.TrimSpace(rest)
	} else if l := fieldLabel(strings.Trim(fold(text), " .-")); l == "drop" {
		return ""
	}
	if text == "" {
		return label
	}
	sep := ""
	for _, t := range strings.Split(separators.Replace(text), "\x01") {
		if mark, after, ok := strings.Cut(t, "\x02"); ok {
			sep, t = mark, after
		}
		t = strings.Trim(t, " \t,;|-–—*_<>")
		if utf8.RuneCountInString(t) < 2 && sep == "" || t == "" {
			continue
		}
		f := fold(t)
		p.atoms = append(p.atoms, atom{text: t, folded: f, words: strings.Fields(f), line: s.line, segment: n, sep: sep, label: label})
		sep = ","
	}
	return ""
}

// fieldLabel is what a label in front of text says about it, "" for nothing.
func fieldLabel(l string) string {
	l = strings.Trim(l, " .*")
	switch l {
	case "address", "addr", "adresse", "adres", "direccion", "indirizzo", "endereco", "anschrift", "adress", "postal address", "mailing address", "office address", "postadresse", "visiting address", "besuchsadresse", "street address", "location", "住所", "地址", "mail", "snail mail", "postal mail", "snailmail", "us mail", "post", "sede":
		return "address"
	case "company", "firma", "empresa", "organisation", "organization", "societe", "azienda", "bedrijf", "会社名", "affiliation":
		return "company"
	case "title", "position", "funktion", "fonction", "cargo", "functie", "job title", "stanowisko", "befattning", "役職":
		return "title"
	case "name", "nom", "nombre", "nome", "naam", "imie", "氏名", "名前":
		return "name"
	case "office", "room", "lab", "build", "building":
		return ""
	case "email", "e-mail", "e mail", "email address", "e-mail address", "mailto", "correo", "courriel", "web", "website", "web site", "www", "http", "https", "url", "homepage", "home page", "internet", "site", "skype", "icq", "aim", "msn", "jabber", "yahoo", "linkedin", "twitter", "facebook", "xing", "blog", "follow us", "follow me", "my linkedin", "pgp", "gpg", "pgp key", "fingerprint", "key", "im", "irc", "orcid", "google", "office hours", "hours", "ps", "p.s.", "re", "note", "vat", "ust-idnr", "instagram", "youtube", "github", "sip", "video", "book a meeting", "e", "w", "a":
		return "drop"
	}
	if l := labelOf(l); l != "" {
		return "drop"
	}
	return ""
}

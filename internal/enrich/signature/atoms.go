package signature

import (
	"regexp"
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
	alone   bool // nothing else stands in its segment
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
func (r *reader) take(b block) parts {
	var p parts
	segs := segments(r.lines, b)
	sort.SliceStable(segs, func(i, j int) bool { return !segs[i].right && segs[j].right })
	for n, s := range segs {
		p.append(r.segment(s), n)
	}
	return p
}

// segment takes one segment apart, once however many blocks it stands in.
func (r *reader) segment(s segment) *parts {
	key := segmentKey{s.line, s.text}
	if p := r.segments[key]; p != nil {
		return p
	}
	p := &parts{}
	prose := r.lines[s.line].prose()
	if prose && !phoneLike(s.text) {
		p.atoms = []atom{{text: s.text, folded: fold(s.text), words: strings.Fields(fold(s.text)), line: s.line}}
	} else {
		p.segment(s)
		p.part(r.who)
	}
	p.first(s.text)
	for i := range p.atoms {
		p.atoms[i].prose = prose
		p.atoms[i].score(r.who)
	}
	r.segments[key] = p
	return p
}

// first marks an atom that is all of its segment but for brackets or a city
// behind it: "Northwind Lamps (Europe)", "Northwind Lamps, Hamburg".
func (p *parts) first(text string) {
	if len(p.atoms) == 0 || !strings.HasPrefix(text, p.atoms[0].text) {
		return
	}
	switch a := &p.atoms[len(p.atoms)-1]; {
	case len(p.atoms) == 1:
		p.atoms[0].alone = a.text == text
	case len(p.atoms) == 2 && strings.HasSuffix(strings.TrimRight(text, ")"), a.text):
		p.atoms[0].alone = a.sep == "(" || a.sep == "," && cities.whole[a.folded]
	}
}

func (p *parts) append(q *parts, n int) {
	for _, a := range q.atoms {
		a.segment = n
		p.atoms = append(p.atoms, a)
	}
	for _, ph := range q.phones {
		ph.segment = n
		p.phones = append(p.phones, ph)
	}
	for _, l := range q.links {
		l.segment = n
		p.links = append(p.links, l)
	}
}

// segments parts lines at gaps of three spaces and more, and finds the second
// column: gaps of two lines that end at the same place.
func segments(lines []line, b block) []segment {
	var out []segment
	starts := map[int]int{}
	texts := b.texts(lines)
	shared := columns(texts)
	for i := b.start; i < b.end; i++ {
		if lines[i].kind != own || texts[i-b.start] == "" || lines[i].rule || len(lines[i].raw) > longLine {
			continue
		}
		first := true
		for _, s := range gaps(texts[i-b.start], shared) {
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

// columns are the places at which three lines or more begin anew after two
// spaces: there a second column begins, however narrow the gap.
func columns(texts []string) map[int]bool {
	at := map[int]int{}
	for _, s := range texts {
		seen := 0
		for i := 2; i < len(s); i++ {
			if s[i] != ' ' && s[i-1] == ' ' && s[i-2] == ' ' && i >= 12 && i != seen {
				at[i]++
				seen = i
			}
		}
	}
	out := map[int]bool{}
	for i, n := range at {
		if n >= 3 {
			out[i] = true
		}
	}
	return out
}

// nextGap is where the next gap of s begins, -1 if there is none; s stands at
// column column of its line.
func nextGap(s string, column int, shared map[int]bool) int {
	for i := 0; i+2 < len(s); i++ {
		if s[i] != ' ' || s[i+1] != ' ' {
			continue
		}
		if s[i+2] == ' ' || shared[column+i+2] {
			return i
		}
	}
	return -1
}

// gaps parts one line at gaps. A label keeps what follows it, however wide the
// gap.
func gaps(s string, shared map[int]bool) []segment {
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
			i := nextGap(s[end:], end, shared)
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
func (p *parts) segment(s segment) {
	text := s.text
	if strings.ContainsAny(text, "[<") {
		text = dialled(text)
		text = cid.ReplaceAllStringFunc(text, func(m string) string { return strings.Repeat(" ", len(m)) })
	}
	text = strings.ReplaceAll(text, "<>", "  ")
	taken := []byte(text) // what is a link or a phone becomes 0
	for _, l := range links(text) {
		p.links = append(p.links, placed[link]{l, s.line, 0})
		clear(taken[l.from:l.to])
	}
	for _, ph := range scanPhones(strings.ReplaceAll(string(taken), "\x00", "~")) {
		p.phones = append(p.phones, placed[phone]{ph, s.line, 0})
		clear(taken[ph.from:ph.to])
	}
	label := ""
	for piece := range strings.SplitSeq(string(taken), "\x00") {
		if piece = strings.TrimSpace(piece); piece != "" {
			label = p.piece(piece, s, label)
		}
	}
}

// tel is the address of a link to a telephone, behind the link's text.
var tel = regexp.MustCompile(`<tel:([^>]*)>`)

// dialled frees the number of a link whose text has no number, which stays in
// its place: "Call me <tel:+491174960123>". Others are taken away.
func dialled(text string) string {
	if !strings.Contains(text, "<tel:") {
		return text
	}
	shown := onlyDigits(tel.ReplaceAllString(text, ""))
	return tel.ReplaceAllStringFunc(text, func(m string) string {
		number := strings.TrimSuffix(strings.TrimPrefix(m, "<tel:"), ">")
		if d := onlyDigits(number); len(d) < 7 || strings.Contains(shown, d[len(d)-7:]) {
			return strings.Repeat(" ", len(m))
		}
		return strings.Repeat(" ", 2) + number + strings.Repeat(" ", len(m)-len(number)-2)
	})
}

// separators part atoms besides commas.
var separators = strings.NewReplacer(" | ", "\x01|\x02", "|", "\x01|\x02", " • ", "\x01|\x02", "•", "\x01|\x02", " · ", "\x01|\x02", "·", "\x01|\x02", " // ", "\x01//\x02", " :: ", "\x01|\x02", " – ", "\x01-\x02", " — ", "\x01-\x02", " - ", "\x01-\x02", ", ", "\x01,\x02", "; ", "\x01;\x02", " ~ ", "\x01|\x02", " ¦ ", "\x01|\x02", "、", "\x01,\x02", " ● ", "\x01|\x02", " ▪ ", "\x01|\x02", " ♦ ", "\x01|\x02", " / ", "\x01/\x02", " (", "\x01(\x02", ") ", "\x01 \x02", " @ ", "\x01@\x02")

// dashes are drawn between two things: "--- Dept. of Lamps".
var dashes = regexp.MustCompile(`(?:^|\s)[-_=~]{2,}(?:\s|$)`)

var brackets = strings.NewReplacer("\x03", "(", "\x04", ")")

// registered is a company's number in a register.
var registered = regexp.MustCompile(`(?i)[ ,(-]+(?:ABN|ACN|ARBN|VAT(?: no\.?)?|CIF|NIF|P\.? ?IVA|SIRET|SIREN|RCS|KvK|HRB|CVR|Org\.? ?nr\.?|CNPJ|NIP|GSTIN|CIN)\b[ :.]*[A-Z]{0,3}\d[\d .A-Z/-]*\)?$`)

// nickname is a name in brackets inside a name: "John (Jack) Poole".
var nickname = regexp.MustCompile(`\((\p{Lu}[\p{L}'-]{1,14})\) (\p{Lu})`)

// piece makes atoms of a piece of text between links and phones. The label in
// front of it says what the atoms are.
func (p *parts) piece(text string, s segment, label string) string {
	text = tidied(text)
	head, rest, found := strings.Cut(text, ":")
	if found && len(head) < 24 && strings.Count(strings.TrimSpace(head), " ") < 3 {
		label, text = fieldLabel(fold(strings.TrimSpace(head))), strings.TrimSpace(rest)
	} else if l := fieldLabel(strings.Trim(fold(text), " .-")); l == "drop" {
		return ""
	}
	if text == "" {
		return label
	}
	if strings.Contains(text, "(") {
		text = nickname.ReplaceAllString(text, "\x03$1\x04 $2")
	}
	sep := ""
	for _, t := range strings.Split(separators.Replace(text), "\x01") {
		t = brackets.Replace(t)
		if mark, after, ok := strings.Cut(t, "\x02"); ok {
			sep, t = mark, after
		}
		t = unbracketed(strings.Trim(t, " \t,;|-–—*_<>"), sep)
		if utf8.RuneCountInString(t) < 2 && sep == "" || t == "" {
			continue
		}
		if p.attach(t, sep) {
			sep = ","
			continue
		}
		t = behalf.ReplaceAllString(t, "")
		f := fold(t)
		p.atoms = append(p.atoms, atom{text: t, folded: f, words: repaired(strings.Fields(f)), line: s.line, sep: sep, label: label})
		p.employed()
		sep = ","
	}
	return ""
}

// behalf is what stands in front of the company somebody writes for.
var behalf = regexp.MustCompile(`(?i)^(?:c/o |for (?:and|&) on behalf of (?:m/s\.? )?)`)

// tidied takes drawn dashes, signs at the ends and register numbers away.
func tidied(text string) string {
	if strings.Contains(text, "--") || strings.Contains(text, "__") || strings.Contains(text, "==") || strings.Contains(text, "~~") {
		text = dashes.ReplaceAllString(text, " | ")
	}
	text = strings.Trim(text, " \t<>,;|·•~=#/\\")
	if strings.ContainsAny(text, "0123456789") {
		text = registered.ReplaceAllString(text, "")
	}
	return text
}

// unbracketed takes brackets away that are around the text or were cut in two.
func unbracketed(t, sep string) string {
	if sep == "(" || strings.HasPrefix(t, "(") {
		return strings.Trim(t, "()")
	}
	if !strings.Contains(t, "(") && sep != "" {
		return strings.TrimRight(t, ")")
	}
	return t
}

// fieldLabel is what a label in front of text says about it, "" for nothing.
func fieldLabel(l string) string {
	l = strings.Trim(l, " .*")
	switch l {
	case "address", "addr", "adresse", "adres", "direccion", "indirizzo", "endereco", "anschrift", "adress", "postal address", "mailing address", "office address", "postadresse", "visiting address", "besuchsadresse", "street address", "location", "住所", "地址", "mail", "snail mail", "cep", "zip", "plz", "postcode", "zip code", "bairro", "cp", "postal mail", "snailmail", "us mail", "post", "sede":
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

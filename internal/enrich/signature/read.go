package signature

import (
	"strings"
)

// reading is what a block was read as.
type reading struct {
	block  block
	parts  parts
	who    *sender
	name   *atom // the best name, nil if there is none
	nameOf float64
	score  float64
	reach  int // ways to reach the sender: phones, addresses, links, a title, a company
}

// reader reads the blocks of one message; what they share is read once.
type reader struct {
	lines    []line
	who      *sender
	segments map[segmentKey]*parts
}

type segmentKey struct {
	line int
	text string
}

// read takes a block apart and says how likely it is a signature.
func (rd *reader) read(b block) reading {
	r := reading{block: b, who: rd.who}
	r.parts = rd.take(b)
	if b.inline != "" {
		a := atom{text: b.inline, folded: fold(b.inline), words: strings.Fields(fold(b.inline)), line: b.start - 1, segment: -1}
		a.score(rd.who)
		r.parts.atoms = append([]atom{a}, r.parts.atoms...)
	}
	r.sites()
	if len(r.parts.atoms) > 0 {
		if first := &r.parts.atoms[0]; first.scores[name] > -3 {
			first.scores[name] += 0.6
		}
	}
	slots(r.parts.atoms)
	decode(r.parts.atoms)
	r.campus()
	r.pickName(rd.lines)
	r.weigh(rd.lines)
	return r
}

// sites makes companies likelier whose name is the host of a link or of a mail
// address in the block: FOSS Trading, www.fosstrading.example.
func (r *reading) sites() {
	var hosts sender
	for _, l := range r.parts.links {
		host := hostOf(l.it.url)
		if l.it.mail != "" {
			_, host, _ = strings.Cut(l.it.mail, "@")
		}
		if host != "" && !elsewhere(host) && !(r.who.host != "" && strings.HasSuffix(host, r.who.host)) {
			hosts.domains = append(hosts.domains, tellingLabels(host)...)
		}
	}
	if len(hosts.domains) == 0 {
		return
	}
	for i := range r.parts.atoms {
		if a := &r.parts.atoms[i]; a.scores[company] > -1.5 && len(a.words) > 1 {
			a.scores[company] += 1.2 * hosts.employs(a.folded)
		}
	}
}

// slots makes companies likelier that stand where companies stand, behind a
// title: "Mara Lind | Head of Sales | Northwind", or a line of its own with one
// word that is nothing else. A line that a place follows is a part of the place.
func slots(atoms []atom) {
	for i := 1; i < len(atoms); i++ {
		a, before := &atoms[i], &atoms[i-1]
		if before.scores[title] < 1.5 || a.scores[company] < -0.6 || a.scores[title] > 0 || a.scores[unit] > -1 || a.scores[name] > 3 {
			continue
		}
		t := features(a)
		if t.unknown == 0 || t.talk+t.digits > 0 || placeFirst[a.words[0]] || t.n > 4 || placeNamed(a.words) {
			continue
		}
		switch {
		case a.segment == before.segment && (a.sep == "|" || a.sep == "-" || a.sep == "//" || a.sep == "/"):
			a.scores[company] += 0.9
		case a.alone && t.n == 1 && before.segment == a.segment-1 && (i+1 == len(atoms) || atoms[i+1].scores[address] < 0.8):
			a.scores[company] += 1.1
		}
	}
}

// placeNamed says whether the last word ends the way places do.
func placeNamed(words []string) bool {
	w := words[len(words)-1]
	if countries[w] != "" || cities.whole[w] || states.whole[w] {
		return true
	}
	for _, e := range placeEndings {
		if len(w) > len(e)+1 && strings.HasSuffix(w, e) {
			return true
		}
	}
	return false
}

var placeEndings = []string{"burg", "berg", "burgh", "borough", "bury", "ton", "ville", "stadt", "heim", "dorf", "ford", "ham", "field", "land", "shire", "hausen", "furt", "bach", "feld", "kirchen", "mouth", "port", "wick", "wich", "sted", "stad", "holm", "borg", "vik", "dal", "grad", "gorod", "sk", "owo", "ice", "polis", "abad", "pur", "nagar", "ingen", "hagen", "brugge", "brook", "haven", "dam", "recht", "hoven", "lund", "haugen", "city", "springs", "falls", "beach", "hills", "valley", "village", "island", "bridge", "wood", "worth", "moor", "mere", "side", "cester", "chester", "minster"}

// campus keeps "University of California, San Diego" together: a state's
// university has its place in its name.
func (r *reading) campus() {
	atoms := r.parts.atoms
	for i := 1; i < len(atoms); i++ {
		if atoms[i-1].state != company || atoms[i].segment != atoms[i-1].segment || atoms[i].sep != "," || atoms[i].state == company {
			continue
		}
		if _, of, ok := strings.Cut(atoms[i-1].folded, "university of "); ok && states.whole[of] && !strings.ContainsAny(atoms[i].text, "0123456789") && countries[atoms[i].folded] == "" && !stateCodes.whole[atoms[i].folded] {
			atoms[i].state = company
		}
	}
	r.partners()
	r.subjects()
}

// subjects keeps an institution's list together: "Institute of Fisheries,
// Wildlife and Lamps".
func (r *reading) subjects() {
	atoms := r.parts.atoms
	for i := 1; i < len(atoms); i++ {
		a := &atoms[i]
		if a.segment != atoms[i-1].segment || a.sep != "," || a.state != other || atoms[i-1].state != company || orgUnits.whole[a.words[0]] {
			continue
		}
		for _, and := range []string{" and ", " & ", " et ", " e ", " y ", " und ", " i ", " en ", " och "} {
			if strings.Contains(" "+a.folded, and) && len(a.words) <= 9 && !a.prose {
				a.state = company
				break
			}
		}
	}
}

// firm says whether the last of atoms ends a list of partners: it has a legal
// form, or all of it and of what stands before are surnames.
func firm(atoms []atom, who *sender) bool {
	last := &atoms[len(atoms)-1]
	t := features(last)
	if t.legal > 0 {
		return true
	}
	for i := len(atoms) - 2; i >= 0 && atoms[i].segment == last.segment; i-- {
		if f := features(&atoms[i]); f.n != 1 || f.unknown != 1 || who.named(atoms[i].folded) {
			return false
		}
	}
	return t.signs == 1 && t.n == 3 && t.unknown == 2
}

// partners keeps "Olson, Beck & Harris LLP" together.
func (r *reading) partners() {
	atoms := r.parts.atoms
	for i := 1; i < len(atoms); i++ {
		a := &atoms[i]
		if a.state != company && (a.state != other || a.scores[company] < 0.3 || i+1 < len(atoms) && atoms[i+1].segment == a.segment) || a.sep != "," || !strings.Contains(a.text, " & ") && !strings.Contains(a.folded, " and ") || !firm(atoms[:i+1], r.who) {
			continue
		}
		a.state = company
		for j := i - 1; j >= 0 && atoms[j].segment == a.segment && atoms[j+1].sep == "," && len(atoms[j].words) <= 2 && atoms[j].state != title && r.who.alike(nameTokens(atoms[j].folded)) < 0.6; j-- {
			atoms[j].state = company
		}
	}
}

// pickName keeps the best of the atoms that were read as names; without one,
// the line above the delimiter may have it.
func (r *reading) pickName(lines []line) {
	best := -1.0
	for i := range r.parts.atoms {
		if a := &r.parts.atoms[i]; a.state == name && a.scores[name] > best {
			best, r.name = a.scores[name], a
		}
	}
	if r.name != nil {
		r.nameOf = r.who.alike(nameTokens(r.name.folded))
	}
	if r.nameOf < 0.6 && r.block.above >= 0 {
		l := &lines[r.block.above]
		a := atom{text: strings.Trim(l.text, " -–,*"), folded: strings.Trim(l.folded, " -–,*"), line: r.block.above}
		a.words = strings.Fields(a.folded)
		if a.score(r.who); l.words <= 5 && r.who.alike(nameTokens(a.folded)) >= 0.6 && a.scores[name] > 1.4 {
			r.name = &a
		}
	}
	if r.name != nil {
		r.nameOf = r.who.alike(nameTokens(r.name.folded))
		if !strings.Contains(r.name.text, " ") && r.name.scores[name] >= 4 {
			r.nameOf = 1
		}
	}
}

// weigh adds up what speaks for a signature of this sender.
func (r *reading) weigh(lines []line) {
	s := worth[r.block.opening] - 0.3*float64(min(r.block.after, 5))
	switch {
	case r.name == nil && r.firstName(lines):
		s++
	case r.name == nil:
	case r.nameOf >= 0.6:
		s += 2
	case len(r.who.tokens) >= 2 && r.nameOf == 0:
		s -= 0.6
	default:
		s += 0.6
		if first, _, _ := strings.Cut(r.name.folded, " "); givenNames.whole[first] {
			s += 0.4
		}
	}
	for i, p := range r.parts.phones {
		if i < 3 {
			s += 0.5
			if p.it.label != "" {
				s += 0.3
			}
		}
		r.reach++
	}
	s -= 1.2 * float64(max(len(r.parts.phones)-5, 0)) // a list of people
	s += r.weighLinks() + r.weighAtoms(lines)
	if r.block.opening == tail && r.lonePhone(lines) {
		s += 2
	}
	if r.name == nil && r.reach == 1 && len(r.parts.phones) == 0 && r.block.opening < delimited {
		s-- // a company under a greeting speaks for itself, not for a person
	}
	r.score = s
}

// firstName says whether the first line of the block, or the one above its
// delimiter, is nothing but the sender's first name.
func (r *reading) firstName(lines []line) bool {
	i := r.block.above
	if i < 0 {
		i = nextFilled(lines[:r.block.end], r.block.start-1)
	}
	return i >= 0 && lines[i].words == 1 && r.who.named(strings.Trim(lines[i].folded, " ,.-–"))
}

// lonePhone says whether the block is a short line and a phone on its own, the
// way people sign quick notes: nobody else's number stands like that.
func (r *reading) lonePhone(lines []line) bool {
	n, first := 0, -1
	for i := r.block.start; i < r.block.end; i++ {
		if !lines[i].blank() && !lines[i].rule {
			if n++; first < 0 {
				first = i
			}
		}
	}
	if n != 2 || len(r.parts.phones) != 1 || r.parts.phones[0].line == first || lines[first].words > 2 {
		return false
	}
	p := r.parts.phones[0]
	text := strings.TrimSpace(lines[p.line].text)
	return len(text)-(p.it.to-p.it.from) <= 2
}

func (r *reading) weighLinks() float64 {
	s := 0.0
	mails := 0
	for _, l := range r.parts.links {
		switch {
		case l.it.mail != "":
			mails++
			local, host, _ := strings.Cut(l.it.mail, "@")
			switch {
			case local == r.who.local && r.who.local != "":
				s += 1.2
			case len(r.who.domains) > 0 && strings.HasSuffix(host, r.who.host):
				s += 0.3
			case r.who.fits(local):
				s += 1
			}
		case linkedIn(l.it.url) != "":
			s += 0.8
			r.reach++
		default:
			if h := hostOf(l.it.url); !elsewhere(h) && r.who.host != "" && strings.HasSuffix(h, r.who.host) {
				s += 0.4
			}
		}
	}
	if mails > 3 {
		s -= 1.5
	}
	return s
}

// fits says whether another address's local part has the sender's name in it.
func (w *sender) fits(local string) bool {
	for _, t := range w.tokens {
		if len(t) >= 3 && strings.Contains(local, t) {
			return true
		}
	}
	return false
}

func (r *reading) weighAtoms(lines []line) float64 {
	var seen [states_]bool
	s := 0.0
	names := 0
	for i := range r.parts.atoms {
		a := &r.parts.atoms[i]
		if a.state == name {
			names++
		}
		if seen[a.state] || a.scores[a.state] < 0.8 {
			continue
		}
		seen[a.state] = true
		switch a.state {
		case title:
			s += 0.8
			r.reach++
		case company:
			s += 0.6
			r.reach++
			if r.who.employs(a.folded) > 0 {
				s += 0.5
			}
		case address:
			s += 0.6
		}
	}
	if names > 2 {
		s -= 0.8 * float64(names-2)
	}
	return s - 0.6*float64(proseLines(lines[r.block.start:max(r.block.end, r.block.start)]))
}

// threshold is what a reading needs to count: more where the mail is a list's
// or a machine's.
func (r *reading) threshold(m Message) float64 {
	t := 2.6
	if m.Bulk {
		t++
	}
	if desk, _, _ := strings.Cut(r.who.local, "."); roles.whole[desk] && r.name == nil && r.block.opening < delimited {
		t += 0.8
	}
	return t
}

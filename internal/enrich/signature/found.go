package signature

import (
	"math"
	"strings"
)

// found makes the values of a reading that counts.
func (r *reading) found(lines []line, m Message) Found {
	f := Found{Kind: KindNameOnly}
	base := 1 / (1 + math.Exp(2-0.9*r.score)) // of the block
	add := func(v Value, from, to int, sure float64) {
		v.Line = quote(lines, from, to)
		v.Confidence = math.Round(100*math.Max(0.05, math.Min(0.99, base*sure))) / 100
		f.Values = append(f.Values, v)
	}
	if r.name != nil && r.ours() {
		text := cleanName(r.name.text)
		add(Value{Field: FieldName, Value: text, Raw: text}, r.name.line, r.name.line, 0.8+0.2*r.nameOf)
	}
	if t, from, to, ok := r.titleText(); ok {
		add(Value{Field: FieldTitle, Value: t, Raw: t}, from, to, 0.95)
	}
	if c, from, to, ok := r.companyText(); ok {
		add(Value{Field: FieldCompany, Value: c, Raw: c}, from, to, 0.85+0.13*r.who.employs(fold(c)))
	}
	r.addPhones(m, add)
	r.addLinks(add)
	if a, from, to, ok := r.addressText(); ok {
		add(Value{Field: FieldAddress, Value: a, Raw: a}, from, to, 0.9)
	}
	for _, v := range f.Values {
		if v.Field != FieldName {
			f.Kind = KindSignature
		}
	}
	if len(f.Values) == 0 {
		return Found{Kind: KindNone}
	}
	f.Block = quote(lines, r.block.start, max(r.block.end-1, r.block.start))
	return f
}

// quote is the text from line from to line to, as it stands there.
func quote(lines []line, from, to int) string {
	from = min(from, len(lines)-1)
	if to < from || to >= len(lines) {
		to = from
	}
	if from == to {
		return lines[from].raw
	}
	var b strings.Builder
	for i := from; i <= to; i++ {
		if i > from {
			if lines[i].start-lines[i-1].end == 2 {
				b.WriteByte('\r')
			}
			b.WriteByte('\n')
		}
		b.WriteString(lines[i].raw)
	}
	return b.String()
}

// ours says whether the name is the sender's as far as can be told: a name that
// has nothing of the header's needs more around it.
func (r *reading) ours() bool {
	if r.nameOf >= 0.5 {
		return true
	}
	if len(r.who.tokens) >= 2 && r.nameOf == 0 {
		return r.reach > 0 && r.block.opening >= signedOff && r.name.scores[name] >= 1.6
	}
	return r.block.opening >= ruled && r.name.scores[name] >= 0.9
}

// cleanName takes honorifics and degrees away.
func cleanName(s string) string {
	s = strings.Trim(s, " ,;:-–.()\"")
	words := strings.Fields(s)
	for len(words) > 2 && (honorifics.whole[fold(words[0])] || abbreviated(words[0])) {
		words = words[1:]
	}
	for len(words) > 2 {
		w := fold(strings.Trim(words[len(words)-1], ",()"))
		if !degrees.whole[w] || w == "jr" || w == "jr." || w == "sr." || w == "ii" || w == "iii" {
			break
		}
		words = words[:len(words)-1]
	}
	if i := len(words) - 1; strings.HasPrefix(words[0], "(") || strings.HasSuffix(words[i], ")") && !strings.Contains(s, "(") {
		words[i] = strings.Trim(words[i], "()")
	}
	return strings.TrimRight(strings.Join(words, " "), ",")
}

// abbreviated says whether a word is an abbreviation longer than an initial:
// "Dipl.-Ing.".
func abbreviated(w string) bool {
	for part := range strings.SplitSeq(w, ".") {
		if len(part) > 2 {
			return strings.Contains(w, ".")
		}
	}
	return false
}

// joined is the text of the atoms from i to j.
func (p *parts) joined(i, j int) string {
	var b strings.Builder
	for k := i; k <= j; k++ {
		if k > i {
			switch sep := p.atoms[k].sep; {
			case p.atoms[k].segment != p.atoms[k-1].segment, sep == ",":
				b.WriteString(", ")
			case sep == "@":
				b.WriteString(" at ")
			case sep == "(":
				b.WriteString(" (" + p.atoms[k].text + ")")
				continue
			case sep == " ":
				b.WriteByte(' ')
			default:
				b.WriteString(" " + sep + " ")
			}
		}
		b.WriteString(p.atoms[k].text)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// titleText is the best run of title atoms in one segment.
func (r *reading) titleText() (string, int, int, bool) {
	p := &r.parts
	best, bi, bj := 0.0, -1, -1
	for i := 0; i < len(p.atoms); i++ {
		if p.atoms[i].state != title {
			continue
		}
		j, s := i, p.atoms[i].scores[title]
		for j+1 < len(p.atoms) && p.atoms[j+1].state == title && p.atoms[j+1].segment == p.atoms[i].segment && p.atoms[j+1].sep != "|" {
			j++
			s = max(s, p.atoms[j].scores[title])
		}
		if s > best+0.4 {
			best, bi, bj = s, i, j
		}
		i = j
	}
	if bi < 0 || best < 1 {
		return "", 0, 0, false
	}
	return strings.Trim(p.joined(bi, bj), " .,:;"), p.atoms[bi].line, p.atoms[bj].line, true
}

// companyText is the best company; a department only stands for it when there
// is none.
func (r *reading) companyText() (string, int, int, bool) {
	p := &r.parts
	best, bi, bj := 0.0, -1, -1
	for i := 0; i < len(p.atoms); i++ {
		a := &p.atoms[i]
		if a.state != company && a.state != unit {
			continue
		}
		j, s := i, a.scores[a.state]
		if a.state == unit {
			s -= 1.5
		}
		if r.name != nil && a.line == r.name.line && a.sep == "(" && r.who.employs(a.folded) == 0 {
			s -= 1.5 // beside the name: where the sender is from, not where he works
		}
		for a.state == company && j+1 < len(p.atoms) && p.atoms[j+1].state == company && p.atoms[j+1].segment == a.segment && p.atoms[j+1].sep == "," {
			j++
			s = max(s, p.atoms[j].scores[company])
		}
		if s > best+0.2 {
			best, bi, bj = s, i, j
		}
		i = j
	}
	if bi < 0 || best < 0.2 {
		return "", 0, 0, false
	}
	return strings.Trim(p.joined(bi, bj), " ,:;"), p.atoms[bi].line, p.atoms[bj].line, true
}

func (r *reading) addPhones(m Message, add func(Value, int, int, float64)) {
	regions := r.regionsOf(m)
	seen := map[string]bool{}
	for _, p := range r.parts.phones {
		e164, mobile, sure := resolve(p.it, regions)
		if e164 == "" && (p.it.label == "" && !local.MatchString(p.it.raw) || len(p.it.digits) < 7) || e164 != "" && !sure && p.it.label == "" && !p.it.plus && !p.it.grouped {
			continue
		}
		v := Value{Field: FieldPhone, Value: e164, Label: p.it.label, Ext: p.it.ext, Raw: p.it.raw}
		switch {
		case v.Value != "":
		case strings.ContainsAny(p.it.raw, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
			v.Value = p.it.digits
		default:
			v.Value = p.it.raw
		}
		if v.Label == "" {
			v.Label = LabelWork
			if mobile {
				v.Label = LabelMobile
			}
		}
		if key := v.Value + v.Ext; !seen[key] {
			seen[key] = true
			c := 0.98
			if !sure {
				c = 0.8
			}
			add(v, p.line, p.line, c)
		}
	}
}

func (r *reading) addLinks(add func(Value, int, int, float64)) {
	site, profile := false, false
	for _, l := range r.parts.links {
		if l.it.url == "" {
			continue
		}
		if u := linkedIn(l.it.url); u != "" {
			if !profile {
				add(Value{Field: FieldLinkedIn, Value: u, Raw: l.it.url}, l.line, l.line, 0.97)
			}
			profile = true
			continue
		}
		host := hostOf(l.it.url)
		ours := r.who.host != "" && (strings.HasSuffix(host, r.who.host) || strings.HasSuffix(r.who.host, host))
		if elsewhere(host) || site || strings.Contains(strings.ToLower(l.it.url), "linkedin.com") || r.reach == 0 && r.nameOf < 0.6 {
			continue
		}
		site = true
		add(Value{Field: FieldWebsite, Value: l.it.url, Raw: l.it.url}, l.line, l.line, 0.75+0.2*float64(count(ours)))
	}
}

// addressText is the longest run of address atoms that has a street, a box or
// a postal code.
func (r *reading) addressText() (string, int, int, bool) {
	p := &r.parts
	best, bi, bj := 0.0, -1, -1
	for i := 0; i < len(p.atoms); i++ {
		if p.atoms[i].state != address {
			continue
		}
		j, s := i, max(p.atoms[i].scores[address], 0)
		for j+1 < len(p.atoms) && p.atoms[j+1].state == address && p.atoms[j+1].line-p.atoms[j].line <= 3 {
			j++
			s += max(p.atoms[j].scores[address], 0)
		}
		if p.postal(i, j) {
			s += 3
		}
		if p.anchored(i, j) && s > best {
			best, bi, bj = s, i, j
		}
		i = j
	}
	if bi < 0 || best < 1.2 {
		return "", 0, 0, false
	}
	bi, bj = p.widen(p.narrow(bi, bj))
	from, to := p.atoms[bi].line, p.atoms[bj].line
	if to < from || to-from > 8 {
		to = from
	}
	return strings.Trim(p.joined(bi, bj), " ,.;"), from, to, true
}

// narrow drops atoms at the ends of a run whose whole segment has nothing of an
// address.
func (p *parts) narrow(i, j int) (int, int) {
	bare := func(k int) bool {
		for l := i; l <= j; l++ {
			if p.atoms[l].segment == p.atoms[k].segment && p.atoms[l].scores[address] > 0 {
				return false
			}
		}
		return true
	}
	for i < j && bare(i) {
		i++
	}
	for j > i && bare(j) {
		j--
	}
	return i, j
}

// widen takes the places beside a run that were read as nothing: "Saint Benoist
// - 78610 Auffargis".
func (p *parts) widen(i, j int) (int, int) {
	free := func(k int) bool {
		a := &p.atoms[k]
		return a.state == other && !a.prose && a.label != "drop" && len(a.words) <= 6 && a.scores[other] < 1
	}
	for i > 0 && p.atoms[i-1].segment == p.atoms[i].segment && free(i-1) {
		i--
	}
	for j+1 < len(p.atoms) && p.atoms[j+1].segment == p.atoms[j].segment && free(j+1) {
		j++
	}
	return i, j
}

// postal says whether a run has a street with its number, a box or a code, and
// not floors and rooms only.
func (p *parts) postal(i, j int) bool {
	for k := i; k <= j; k++ {
		if a := &p.atoms[k]; a.scores[address] >= 0.8 && strings.ContainsAny(a.text, "0123456789") && !premises.whole[a.words[0]] {
			return true
		}
	}
	return false
}

// anchored says whether a run of atoms has what mail needs to arrive.
func (p *parts) anchored(i, j int) bool {
	for k := i; k <= j; k++ {
		if p.atoms[k].scores[address] >= 1 && strings.ContainsAny(p.atoms[k].text, "0123456789") {
			return true
		}
	}
	return false
}

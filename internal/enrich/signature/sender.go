package signature

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sender is who the header says wrote the message.
type sender struct {
	tokens   []string // of the name, folded: given names, surnames; no initials
	local    string   // the address before the @, folded
	domains  []string // telling labels of the address's domain: "northwind" of mail.northwind.example
	host     string   // the domain
	robot    bool     // an address that nobody reads
	employer string   // the company in the header's name, folded: "Mara Lind (Northwind)"
	mailbox  string   // the address before the @ where it is not the sender's name
}

// senderOf reads the header's name and address. A name that is an address, or
// one a list put its own address to, tells less.
func senderOf(m Message) sender {
	w := sender{}
	name := fold(m.FromName)
	listed := false
	if i := strings.Index(name, " via "); i >= 0 {
		name, listed = name[:i], true
	}
	name = w.affiliated(name)
	if !strings.Contains(name, "@") && !strings.Contains(name, " at ") {
		w.tokens = nameTokens(name)
	}
	local, host, ok := strings.Cut(strings.TrimSpace(fold(m.FromEmail)), "@")
	if !ok {
		return w
	}
	w.robot = isRobot(local)
	if listed || strings.HasPrefix(host, "lists.") || strings.HasPrefix(host, "list.") {
		return w
	}
	w.local, w.host = local, host
	w.domains = variants(tellingLabels(host))
	w.unrole()
	if !w.personal() {
		w.mailbox = w.local
	}
	return w
}

// affiliated takes the company off a header's name: "Mara Lind (Northwind)",
// "Mara Lind | Northwind", "Mara at Northwind", "Mara Lind - Northwind".
func (w *sender) affiliated(name string) string {
	for _, sep := range []string{" | ", " @ ", " at ", " from ", " - ", " – ", " — ", " / ", " (", "(", "<", "["} {
		i := strings.Index(name, sep)
		if i <= 0 {
			continue
		}
		head, rest := strings.TrimSpace(name[:i]), strings.Trim(name[i+len(sep):], " )]>")
		if strings.Contains(rest, ".") && !strings.Contains(rest, " ") || strings.Contains(rest, "@") {
			if sep == " at " {
				return name // an address
			}
			return head
		}
		if person(rest) && !person(head) && sep != "<" && sep != "[" { // "Northwind | Mara Lind"
			head, rest = rest, head
		}
		if len(rest) > 2 && rest[0] >= 'a' && !strings.Contains(rest, "/") && !talkWords.whole[rest] && !roles.whole[rest] {
			w.employer = rest
		}
		return head
	}
	return name
}

// person says whether a folded name of two words and more begins with a given
// name.
func person(name string) bool {
	first, _, more := strings.Cut(name, " ")
	return more && givenNames.whole[first]
}

// personal says whether the address before the @ may be the sender's name: one
// of his words, or nothing that is known about him.
func (w *sender) personal() bool {
	if len(w.tokens) == 0 || len(w.local) < 4 || strings.ContainsAny(w.local, "0123456789._+") || roles.whole[w.local] {
		return true
	}
	for _, t := range w.tokens {
		if strings.Contains(w.local, cut(t, 3)) {
			return true
		}
	}
	return false
}

// tellingLabels are the labels of a host that may be a company's name; none for
// mail providers.
func tellingLabels(host string) []string {
	labels := strings.Split(host, ".")
	if len(labels) > 1 && freeMail.whole[labels[len(labels)-2]] {
		return nil
	}
	var out []string
	for _, l := range labels[:max(len(labels)-1, 0)] {
		if len(l) > 1 && !freeMail.whole[l] && !slices.Contains([]string{"com", "co", "ac", "edu", "org", "net", "gov", "www", "uni"}, l) {
			out = append(out, l)
		}
	}
	return out
}

// unrole takes what is no person's out of the header's name: desks, and the
// company of the address. A company's name has nothing else.
func (w *sender) unrole() {
	words := w.tokens
	w.tokens = nil
	person := slices.ContainsFunc(words, func(t string) bool { return givenNames.whole[t] })
	for _, t := range words {
		if orgLegal.whole[t] || orgStrong.whole[t] {
			w.tokens = nil
			return
		}
		if !roles.whole[t] && (person || len(words) < 2 || !slices.Contains(w.domains, t)) {
			w.tokens = append(w.tokens, t)
		}
	}
}

// isRobot says whether the part before the @ is a machine's.
func isRobot(local string) bool {
	for _, r := range []string{"no-reply", "noreply", "no_reply", "donotreply", "do-not-reply", "mailer-daemon", "postmaster", "bounce", "notification", "notify", "automated", "root", "daemon", "nagios", "jenkins", "cron"} {
		if local == r || strings.HasPrefix(local, r) && len(r) > 5 {
			return true
		}
	}
	return false
}

// nameTokens are the words of a folded name without initials, titles, degrees
// and numbers. What could be a degree stays where there would be no name
// without it: Jack Ma.
func nameTokens(folded string) []string {
	var out, kept []string
	for _, t := range strings.FieldsFunc(folded, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("'?.-\ufffd", r)
	}) {
		if strings.ContainsAny(t, "0123456789") {
			continue
		}
		extra := honorifics.whole[t] || degrees.whole[t]
		for part := range strings.SplitSeq(t, ".") {
			if part = strings.Trim(part, "'-"); utf8.RuneCountInString(part) < 2 {
				continue
			}
			kept = append(kept, part)
			if !extra {
				out = append(out, part)
			}
		}
	}
	if len(out) < 2 {
		return kept
	}
	return out
}

// alike is how well a name's words fit the sender: 1 when given name and
// surname do, 0 when nothing does. Short forms (Bill, William) fit.
func (w *sender) alike(tokens []string) float64 {
	if len(tokens) == 0 {
		return 0
	}
	hits, sure := 0.0, 0
	for i, t := range tokens {
		if a, b, ok := strings.Cut(t, "-"); ok && !w.named(t) && w.named(a) && w.named(b) {
			sure++
			hits++
			continue
		}
		switch {
		case roles.whole[t]:
		case w.named(t):
			hits, sure = hits+1, sure+1
		case i == 0 && (w.family(t) || w.shortened(t)):
			hits, sure = hits+0.9, sure+1
		case len(t) >= 3 && strings.Contains(w.local, strings.ReplaceAll(t, "'", "")):
			hits, sure = hits+1, sure+1
		}
	}
	switch {
	case sure >= 2:
		return 1
	case sure == 1 && w.initial(tokens):
		return 0.9
	case sure == 1 && len(w.tokens) < 2 && len(tokens) > 1:
		return 0.7
	default:
		return hits / float64(len(tokens))
	}
}

// leading is how many words at the start of a line are the sender's full name
// when a title or a company follows with no sign between, as cells of a table
// do: "Mara Lind Head of Sales". 0 if that is not so.
func (w *sender) leading(words []string) int {
	for n := 2; n <= 4 && n < len(words); n++ {
		name := nameTokens(strings.Join(words[:n], " "))
		if len(name) < 2 || w.alike(name) < 1 || joints.whole[words[n-1]] || words[n] == "&" || words[n] == "and" {
			continue
		}
		if n+1 < len(words) && w.alike(nameTokens(words[n])) > 0.9 {
			continue // a longer name
		}
		for _, rest := range words[n:] {
			if rest = strings.Trim(rest, ".,:;()|"); titleHeads.has(rest) || orgStrong.whole[rest] || orgLegal.whole[rest] && len(rest) > 2 {
				return n
			}
		}
		return 0
	}
	return 0
}

// initial says whether an address such as jdoe goes with the words John Doe.
func (w *sender) initial(tokens []string) bool {
	if len(tokens) < 2 || w.local == "" {
		return false
	}
	first, last := tokens[0], tokens[len(tokens)-1]
	return strings.HasPrefix(w.local, first[:1]) && strings.Contains(w.local, cut(last, 5)) || strings.HasPrefix(w.local, cut(last, 5)) && strings.Contains(w.local[1:], first[:1])
}

func (w *sender) named(t string) bool {
	for _, s := range w.tokens {
		if s == t || like(s, t) || strings.Contains(s, "-") && (strings.HasPrefix(s, t+"-") || strings.HasSuffix(s, "-"+t)) {
			return true
		}
	}
	return false
}

// family says whether a given name is a form of one of the sender's.
func (w *sender) family(t string) bool {
	for _, f := range families[t] {
		for _, s := range w.tokens {
			for _, g := range families[s] {
				if f == g {
					return true
				}
			}
		}
	}
	return false
}

// shortened says whether one of the sender's names begins the word or the word
// it: Nat, Nathaniel.
func (w *sender) shortened(t string) bool {
	for _, s := range w.tokens {
		if len(s) >= 3 && len(t) >= 3 && (strings.HasPrefix(t, s) || strings.HasPrefix(s, t)) {
			return true
		}
	}
	return false
}

// like compares words of which one lost its accented letters to "?", and
// words that differ by how an accent is written out.
func like(a, b string) bool {
	ra, rb := []rune(a), []rune(b)
	if len(ra) != len(rb) || len(ra) < 3 {
		return false
	}
	wild := 0
	for i := range ra {
		switch {
		case ra[i] == rb[i]:
		case ra[i] == '?' || rb[i] == '?' || ra[i] == '\ufffd' || rb[i] == '\ufffd':
			wild++
		default:
			return false
		}
	}
	return wild > 0 && wild*2 < len(ra)
}

// employs is how well a company's name fits the sender's domain: 1 when a word
// of it, or its words run together, is the domain's label; 0.7 when its
// initials are.
func (w *sender) employs(folded string) float64 {
	if w.employer != "" && (folded == w.employer || strings.HasPrefix(folded, w.employer+" ") || len(folded) > 3 && strings.HasPrefix(w.employer, folded+" ")) {
		return 1
	}
	if w.mailbox != "" && strings.ReplaceAll(folded, " ", "") == w.mailbox && !givenNames.whole[folded] {
		return 1
	}
	if len(w.domains) == 0 {
		return 0
	}
	words := strings.FieldsFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	best := 0.0
	for _, d := range w.domains {
		best = max(best, fitsLabel(words, d))
	}
	return best
}

// fitsLabel is how well a company's words fit one label of a domain.
func fitsLabel(words []string, label string) float64 {
	var initials, joined strings.Builder
	for _, t := range words {
		joined.WriteString(t)
		if !smallWords.whole[t] && !joints.whole[t] && t != "of" && t != "and" && t != "for" {
			initials.WriteByte(t[0])
		}
		if t == label || len(t) > 2 && strings.HasPrefix(label, t+"-") || len(t) >= 4 && (strings.HasPrefix(label, t) || strings.HasSuffix(label, "-"+t)) || len(label) >= 4 && strings.HasPrefix(t, label) {
			return 1
		}
	}
	bare := strings.ReplaceAll(label, "-", "")
	if len(bare) >= 4 && strings.Contains(joined.String(), bare) {
		return 1
	}
	i := initials.String()
	if len(i) >= 2 && (bare == i || len(i) > 2 && strings.HasPrefix(bare, i) || len(bare) > 2 && strings.HasPrefix(i, bare)) || len(bare) > 5 && abridged(words, bare, 0) {
		return 0.7
	}
	return 0
}

// abridged says whether a label is made of the beginnings of words in their
// order, three letters and more of each: northlamp, Northern Lamp Works.
func abridged(words []string, label string, used int) bool {
	if label == "" {
		return used > 1
	}
	for i, w := range words {
		for n := min(len(w), len(label)); n >= 3; n-- {
			if w[:n] == label[:n] && abridged(words[i+1:], label[n:], used+1) {
				return true
			}
		}
	}
	return false
}

// variants adds to labels how else the company may be written: without the
// letters that stand for dots on vowels, and without what is put in front of a
// name that was taken (getnorthwind).
func variants(labels []string) []string {
	for _, l := range labels[:len(labels):len(labels)] {
		if plain := undotted.Replace(l); plain != l && len(plain) > 3 {
			labels = append(labels, plain)
		}
		for _, front := range []string{"get", "try", "the", "my", "use", "join", "team", "hello"} {
			if rest := strings.TrimPrefix(l, front); rest != l && len(rest) > 4 {
				labels = append(labels, rest)
			}
		}
	}
	return labels
}

var undotted = strings.NewReplacer("ae", "a", "oe", "o", "ue", "u")

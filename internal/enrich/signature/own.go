package signature

import (
	"regexp"
	"slices"
	"strings"
)

// markOwn gives each line its kind: what stands in quotes, below headers of
// replies and forwards, and in footers is not the sender's own.
func markOwn(lines []line) {
	markQuotes(lines)
	markHeaders(lines)
	markFooters(lines)
	markOthers(lines)
}

// markQuotes finds lines with quote marks. "|" is one when several lines in a
// row have it and it stands alone at the front.
func markQuotes(lines []line) {
	for i := range lines {
		raw := strings.TrimLeft(lines[i].raw, " \t")
		switch {
		case strings.HasPrefix(raw, ">"), strings.HasPrefix(raw, "&gt;"), strings.HasPrefix(raw, "|>"):
			lines[i].kind = quoted
		case strings.HasPrefix(raw, "|") && (barred(lines, i-1) || barred(lines, i+1)):
			lines[i].kind = quoted
		case strings.Contains(cut(raw, 8), ">") && initialled.MatchString(raw):
			lines[i].kind = quoted
		}
	}
	for i := 1; i+1 < len(lines); i++ { // an empty line between two quoted ones
		if lines[i].blank() && lines[i-1].kind == quoted {
			if n := nextFilled(lines, i); n >= 0 && lines[n].kind == quoted && n-i < 3 {
				lines[i].kind = quoted
			}
		}
	}
}

// initialled is a quote mark with the quoted person's initials.
var initialled = regexp.MustCompile(`^[A-Z][A-Za-z]{0,4}>+ `)

// barred is a line "| words" with no second bar.
func barred(lines []line, i int) bool {
	if i < 0 || i >= len(lines) {
		return false
	}
	raw := strings.TrimSpace(lines[i].raw)
	return strings.HasPrefix(raw, "|") && strings.Count(raw, "|") == 1
}

func nextFilled(lines []line, i int) int {
	for i++; i < len(lines); i++ {
		if !lines[i].blank() {
			return i
		}
	}
	return -1
}

func previousFilled(lines []line, i int) int {
	for i--; i >= 0; i-- {
		if !lines[i].blank() {
			return i
		}
	}
	return -1
}

var (
	// original is the line above a quoted or forwarded message: words between dashes.
	original = regexp.MustCompile(`^[\s>]*[-_=*~]{2,}\s*(original|forwarded|reply|begin forward|ursp.{1,3}ngliche|weitergeleitet|message d'origine|message transf|message original|mensaje|messaggio|oorspronkelijk|doorgestuurd|mensagem|ursprungligt|vidarebefordrat|original(e|t)?|opprinnelig|oprindelig|videresendt|wiadomo|alkuper|p.vodn|iskhodnoe|peresylaemoe)[^\n]{0,120}$`)
	forward  = regexp.MustCompile(`^(begin forwarded message|anfang der weitergeleiteten|debut du message|inicio del mensaje|inizio messaggio|begin doorgestuurd|forwarded by |----- ?forwarded by|start of forwarded|-+ ?forwarded (message|by)|included message|---- on .* wrote ----)`)
	// head is a field of a quoted message's header.
	head = regexp.MustCompile(`^(from|sent|date|to|cc|bcc|subject|reply-to|importance|von|gesendet|datum|an|betreff|de|envoy.{1,2}|. |à|a|objet|fecha|enviado|enviada|enviado el|enviada em|para|asunto|assunto|da|inviato|data|oggetto|van|verzonden|verstuurd|aan|onderwerp|fr.n|skickat|till|.mne|sendt|til|emne|od|wys.ano|do|temat|dw|odesl.no|komu|p.edm.t|l.hett.j.|vastaanottaja|aihe|ot|komu|data|tema|otpravleno|差出人|送信日時|宛先|件名|发件人|发送时间|收件人|主题)\s*:`)
	// said is how the line above a quote ends.
	said = regexp.MustCompile(`(wrote|writes|write|said|says|schrieb|schreibt|geschrieben|a .crit|.crit|escribi.|escribe|escreveu|scrisse|ha scritto|scrive|schreef|het volgende geschreven|skrev|skriver|kirjoitti|napisa.(\(a\))?|pisze|napsal(\(a\))?|.rta|pishet|napisal(\(a\))?|wrote on [^:]{4,60}|:)\s*[:：]?\s*$`)
	// dated is Google's short form and the Notes form: a date and an address.
	dated = regexp.MustCompile(`^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*<[^>]*@[^>]*>:?$`)
	whole = regexp.MustCompile(`^(?:[\pL.]{2,10},? )?(?:\d{1,4}[-./ ]|[\pL]{3,9} \d).*\d[:.]\d{2}(?: ?[ap]\.?m\.?)?$`) // a line that is a date and a time
	stamp = regexp.MustCompile(`\d{1,2}[:/.]\d{2}`)
)

// markHeaders finds where other messages begin. Below a header without quote
// marks everything is somebody else's.
func markHeaders(lines []line) {
	for i := 0; i < len(lines); i++ {
		l := &lines[i]
		if l.blank() || l.kind == quoted || l.words > 40 {
			continue
		}
		if isBorder(lines, i) {
			end(lines, i)
			return
		}
		if n := announces(lines, i); n > 0 {
			next := nextFilled(lines, i+n-1)
			for j := i; j < i+n; j++ {
				lines[j].kind = header
			}
			if next >= 0 && lines[next].kind != quoted && mayCut(lines, i, n, next) {
				end(lines, i)
				return
			}
			i += n - 1
		}
	}
}

// mayCut says whether what follows an announcement without quote marks is the
// other message: the announcement names an address or a date.
func mayCut(lines []line, i, n, next int) bool {
	for j := i; j < i+n; j++ {
		t := lines[j].text
		if strings.Contains(t, "@") || strings.Contains(t, " at ") && strings.Contains(t, ">") || stamp.MatchString(t) {
			return true
		}
	}
	return opensDate(lines[i].folded) && next-(i+n-1) <= 3
}

// end gives everything from line i to the end away.
func end(lines []line, i int) {
	for ; i < len(lines); i++ {
		if lines[i].kind == own {
			lines[i].kind = header
		}
	}
}

// isBorder says whether line i begins another message's header.
func isBorder(lines []line, i int) bool {
	f := lines[i].folded
	raw := strings.ToLower(strings.TrimSpace(lines[i].raw))
	if !lines[i].rule && raw != "" && strings.ContainsAny(raw[:1], "-_=*~") && original.MatchString(fold(raw)) {
		return true
	}
	if (strings.Contains(f, "orward") || strings.Contains(f, "weitergel") || strings.Contains(f, "included") || strings.Contains(f, "wrote ----")) && forward.MatchString(f) {
		return true
	}
	return headed(lines, i)
}

// headed says whether a block of header fields begins at line i, which is a
// field itself or a Notes line with a name or a date above the fields.
func headed(lines []line, i int) bool {
	if lines[i].headField() != "" {
		n := fields(lines, i, 25)
		return n >= 3 || n >= 2 && strings.Contains(lines[i].text, "@")
	}
	if !strings.Contains(lines[i].text, "@") && (!strings.ContainsAny(lines[i].text, ":/.") || !stamp.MatchString(lines[i].text)) {
		return false
	}
	next := nextFilled(lines, i)
	if next < 0 || next-i > 3 {
		return false
	}
	if next-i < 3 && lines[next].words <= 7 && strings.HasSuffix(lines[i].text, ">") && lines[i].words <= 6 && whole.MatchString(lines[next].folded) {
		return true
	}
	if lines[next].headField() != "" {
		return fields(lines, next, 25) >= 2
	}
	after := nextFilled(lines, next)
	return after > 0 && after-next <= 3 && stamp.MatchString(lines[next].text) && lines[after].headField() != "" && fields(lines, after, 25) >= 2
}

// opensDate says whether a folded line begins like "On Friday, 4 March".
func opensDate(f string) bool {
	first, _, _ := strings.Cut(f, " ")
	if first == "" || !dateWords[first] && (first[0] < '0' || first[0] > '9' || !strings.ContainsAny(first, "-./")) {
		return false
	}
	return strings.ContainsAny(f, "0123456789")
}

var dateWords = map[string]bool{"on": true, "am": true, "le": true, "el": true, "em": true, "il": true, "op": true, "den": true, "pa": true, "dnia": true, "w": true, "dne": true, "at": true, "in": true}

// headField is the name of the header's field the line is, "" if it is none.
func (l *line) headField() string {
	if !l.headRead {
		l.headRead = true
		if strings.Contains(cut(l.folded, 24), ":") {
			if m := head.FindStringSubmatch(l.folded); m != nil {
				l.head = m[1]
			}
		}
	}
	return l.head
}

// fields counts different header fields in the n lines from i.
func fields(lines []line, i, n int) int {
	var seen []string
	blank := 0
	for j := i; j < len(lines) && j < i+n; j++ {
		if lines[j].blank() {
			if blank++; blank > 3 {
				break
			}
			continue
		}
		blank = 0
		if lines[j].prose() && lines[j].words > 9 && !strings.Contains(lines[j].text, "@") {
			break
		}
		if f := lines[j].headField(); f != "" && !slices.Contains(seen, f) {
			seen = append(seen, f)
		}
	}
	return len(seen)
}

// announces is how many lines from i say that somebody wrote what follows:
// "On Friday, Mara wrote:", which may be broken over four lines; 0 if none.
func announces(lines []line, i int) int {
	f := lines[i].folded
	if f[0] >= '0' && f[0] <= '9' && dated.MatchString(f) {
		return 1
	}
	dateLike := opensDate(f)
	if !dateLike {
		if lines[i].words <= 16 && strings.ContainsAny(lastByte(f), ":：") && saidWords.anywhere(f) && said.MatchString(f) {
			return 1
		}
		if !strings.Contains(f, "@") && !strings.Contains(f, " at ") {
			return 0
		}
	}
	whole := ""
	for n := 1; n <= 4 && i+n <= len(lines); n++ {
		l := &lines[i+n-1]
		if l.blank() || l.kind == quoted || l.words > 40 {
			return 0
		}
		whole += " " + l.folded
		if ends := strings.ContainsAny(lastByte(l.folded), ":："); ends && saidWords.anywhere(whole) && said.MatchString(whole) {
			return n
		}
	}
	return 0
}

func lastByte(s string) string {
	if s == "" {
		return ""
	}
	return s[len(s)-1:]
}

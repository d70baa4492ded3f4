package signature

import "time"

// Message is a mail as far as the engine needs it.
type Message struct {
	FromName  string
	FromEmail string
	Subject   string
	Text      string // plain text, or text made from HTML
	Date      time.Time
	Region    string // where the sender probably is (ISO 3166, "DE"); "" if unknown
	Bulk      bool   // list, newsletter or automated mail
}

// What a message ends with.
const (
	KindSignature = "signature" // something by which the sender can be reached or placed
	KindNameOnly  = "name_only"
	KindNone      = "none"
)

// The fields of a Value.
const (
	FieldName     = "name"
	FieldTitle    = "title"
	FieldCompany  = "company"
	FieldPhone    = "phone"
	FieldLinkedIn = "linkedin"
	FieldWebsite  = "website"
	FieldAddress  = "address"
)

// The labels of a phone.
const (
	LabelWork   = "work"
	LabelMobile = "mobile"
	LabelHome   = "home"
	LabelFax    = "fax"
	LabelPager  = "pager"
)

// Found is what the sender says about himself at the end of a message.
type Found struct {
	Kind   string
	Values []Value
	Block  string // the lines that were taken for the signature, as they stand in the text
}

// Value is one thing found.
type Value struct {
	Field      string
	Value      string  // a phone in E.164 where its country is known
	Label      string  // of a phone: work, mobile, home, fax, pager
	Ext        string  // of a phone
	Raw        string  // as written
	Line       string  // the line (or lines, of an address) it stands in, a part of the text byte by byte
	Confidence float64 // 0 to 1
}

// Get is the first value of a field, "" if there is none.
func (f Found) Get(field string) string {
	for _, v := range f.Values {
		if v.Field == field {
			return v.Value
		}
	}
	return ""
}

// maxText is how much of a message is read; what stands behind it is quoted
// mail or machine output.
const maxText = 256 << 10

// Extract finds the sender's signature and what it says. It does no I/O, takes
// time in proportion to the text and never fails: what is unsure is left out.
func Extract(m Message) Found {
	learn()
	lines := split(m.Text)
	markOwn(lines)
	who := senderOf(m)
	if who.robot || invitation(lines) {
		return Found{Kind: KindNone}
	}
	best := reading{who: &who}
	rd := reader{lines: lines, who: &who, segments: map[segmentKey]*parts{}}
	for _, b := range blocks(lines, who) {
		if r := rd.read(b); r.score > best.score {
			best = r
		}
	}
	if best.score < best.threshold(m) {
		return Found{Kind: KindNone}
	}
	return best.found(lines, m)
}

// The heads under which calendars name people in an invitation.
var (
	organizers = map[string]bool{"organizer": true, "organiser": true, "organisator": true, "organisateur": true, "organizador": true, "organizzatore": true, "veranstalter": true}
	guests     = map[string]bool{"guests": true, "invitees": true, "attendees": true, "gaste": true, "teilnehmer": true, "invites": true, "participants": true, "invitados": true, "invitati": true, "convidados": true}
)

// invitation reports whether a calendar wrote the text: it says who is invited by whom.
func invitation(lines []line) bool {
	by, whom := false, false
	for i := range lines {
		if lines[i].kind == own {
			by, whom = by || organizers[lines[i].folded], whom || guests[lines[i].folded]
		}
	}
	return by && whom
}

// Own is the sender's own lines of a text, blank ones among them: what stands in
// quotes, below headers of replies and forwards, and in footers is left out. His
// signature stays.
func Own(text string) []string {
	learn()
	lines := split(text)
	markOwn(lines)
	var out []string
	for i := range lines {
		if lines[i].kind == own {
			out = append(out, lines[i].raw)
		}
	}
	return out
}

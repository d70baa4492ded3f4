package mail

import (
	"html"
	"strings"
	"unicode/utf8"

	"rapport/internal/crm"
)

// Bounds of what is kept of one message.
const (
	maxText        = 4 << 20
	maxHTML        = 8 << 20
	maxAttachments = 1000
	maxSubject     = 4 << 10
	maxSnippet     = 200 // runes
)

// ParseMessage makes a row of a message as Gmail gave it. It never fails: what
// is malformed is read as far as it goes. All text is valid UTF-8; time and
// memory are proportional to the message's size.
func ParseMessage(m *Message) *crm.Email {
	payload := &m.Payload
	if m.MIME {
		payload = parts(m.Raw)
	}
	e := envelope(payload.Headers)
	e.GmailID, e.ThreadID, e.Labels, e.HistoryID = m.ID, m.ThreadID, m.Labels, m.HistoryID
	e.Date, e.Size = m.InternalDate, m.Size
	a := assembly{converted: !m.MIME}
	a.walk(payload)
	a.finish(e)
	if s := strings.TrimSpace(m.Snippet); s != "" {
		e.Snippet = clean(s)
	}
	return e
}

// envelope reads the fields of a message's header.
func envelope(hs []Header) *crm.Email {
	e := &crm.Email{}
	_, params := parameters(header(hs, "Content-Type"))
	charset := params["charset"] // of raw bytes in headers, most likely
	for i := range hs {
		field(e, fieldNamed(hs[i].Name), hs[i].Value, charset)
	}
	return e
}

// fields are the header fields that make a row.
var fields = []string{
	"subject", "from", "to", "cc", "bcc", "reply-to", "message-id", "in-reply-to", "references",
	"list-id", "list-unsubscribe", "precedence", "auto-submitted",
}

// fieldNamed gives the name as it stands in fields, "" for all others.
func fieldNamed(name string) string {
	for _, f := range fields {
		if len(f) == len(name) && strings.EqualFold(f, name) {
			return f
		}
	}
	return ""
}

func field(e *crm.Email, name, value, charset string) {
	switch name {
	case "subject":
		set(&e.Subject, cutText(strings.Join(strings.Fields(decodeHeader(value, charset)), " "), maxSubject))
	case "from":
		if as := addresses(value, charset); len(as) > 0 && e.From == (crm.Address{}) {
			e.From = as[0]
		}
	case "to":
		e.To = more(e.To, value, charset)
	case "cc":
		e.Cc = more(e.Cc, value, charset)
	case "bcc":
		e.Bcc = more(e.Bcc, value, charset)
	case "reply-to":
		e.ReplyTo = more(e.ReplyTo, value, charset)
	case "message-id":
		set(&e.RFC822MessageID, first(messageIDs(value)...))
	case "in-reply-to":
		set(&e.InReplyTo, first(messageIDs(value)...))
	case "references":
		if e.References == nil {
			e.References = messageIDs(value)
		}
	default:
		e.Bulk = e.Bulk || bulk(name, value)
	}
}

// bulk says whether a field tells that a message was sent to many or by a
// machine: List-Id, List-Unsubscribe, Precedence, Auto-Submitted.
func bulk(name, value string) bool {
	switch name {
	case "list-id", "list-unsubscribe":
		return true
	case "precedence":
		v := strings.ToLower(strings.TrimSpace(value))
		return v == "bulk" || v == "list" || v == "junk" || v == "auto_reply"
	case "auto-submitted":
		v := strings.ToLower(strings.TrimSpace(value))
		return v != "" && !strings.HasPrefix(v, "no")
	}
	return false
}

func set(field *string, v string) {
	if *field == "" {
		*field = v
	}
}

// more appends the addresses of a repeated field, within bounds.
func more(have []crm.Address, value, charset string) []crm.Address {
	if len(have) >= maxAddresses {
		return have
	}
	return append(have, addresses(value, charset)...)
}

// assembly puts the body of a message together from its parts, in their order.
// Each segment is one piece of content in its best text and HTML forms.
type assembly struct {
	converted   bool // text parts are UTF-8 already, whatever they declare
	segments    []segment
	attachments []crm.Attachment
	nested      []segment // text within attached messages, for want of other text
	texts       int       // bytes taken so far
	htmls       int
}

type segment struct{ text, html string }

// surround is what the multiparts around a part make of it.
type surround struct {
	segment  int // index of the alternative's segment, -1: each part its own
	related  bool
	attached bool // within an attached message
	root     bool // the whole message
}

// walk visits parts in order without recursion: mail is nested by strangers.
func (a *assembly) walk(root *Part) {
	type visit struct {
		part *Part
		in   surround
	}
	stack := []visit{{root, surround{segment: -1, root: true}}}
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		kind := strings.ToLower(v.part.MIME)
		if kind == "message/rfc822" && v.part != root {
			a.attach(v.part, kind)
			v.in = surround{segment: -1, attached: true}
		} else if len(v.part.Parts) == 0 {
			a.leaf(v.part, kind, v.in)
			continue
		} else {
			v.in = a.enter(kind, v.in)
		}
		for i := len(v.part.Parts) - 1; i >= 0; i-- {
			stack = append(stack, visit{&v.part.Parts[i], v.in})
		}
	}
}

// enter gives the context of a multipart's children.
func (a *assembly) enter(kind string, in surround) surround {
	in.root = false
	switch kind {
	case "multipart/alternative":
		if in.segment < 0 && !in.attached {
			a.segments = append(a.segments, segment{})
			in.segment = len(a.segments) - 1
		}
	case "multipart/related":
		in.related = true
	}
	return in
}

// leaf takes a part that has no parts.
func (a *assembly) leaf(p *Part, kind string, in surround) {
	disposition, dparams := parameters(header(p.Headers, "Content-Disposition"))
	ctype, params := parameters(header(p.Headers, "Content-Type"))
	if kind == "" {
		kind = ctype
	}
	if kind == "" || strings.HasPrefix(kind, "multipart/") { // without parts: nothing told them apart
		kind = "text/plain"
	}
	name := p.Filename
	if name == "" {
		name = first(dparams["filename"], params["name"])
	}
	switch file := disposition == "attachment" || p.AttachmentID != "" && len(p.Body) == 0; {
	case file || !isText(kind) || kind == "text/html" && a.aside(name, disposition, in):
		if !in.attached && (len(p.Body) > 0 || p.Size > 0 || name != "" || p.AttachmentID != "") {
			a.attachNamed(p, kind, disposition, name, in)
		}
		return
	case a.aside(name, disposition, in) && !in.attached:
		a.attachNamed(p, kind, disposition, name, in) // shown in the text as well
	}
	text := decode(clip(p.Body, maxHTML), params["charset"], a.converted)
	var s segment
	if kind != "text/plain" && kind != "text" {
		s.html = text
		a.htmls += len(text)
	} else {
		if strings.EqualFold(params["format"], "flowed") {
			text = unflow(text, strings.EqualFold(params["delsp"], "yes"))
		}
		s.text = cutText(text, maxText)
		a.texts += len(s.text)
	}
	a.add(s, in)
}

func isText(kind string) bool {
	return kind == "text/plain" || kind == "text/html" || kind == "text" || kind == "text/enriched"
}

// aside says whether a text part is a file rather than what was written: it has
// a name, stands beside the message, and nobody said that it is shown in line.
func (a *assembly) aside(name, disposition string, in surround) bool {
	return name != "" && disposition != "inline" && in.segment < 0 && !in.related && !in.root
}

// add puts a piece where it belongs, within the bounds of a message.
func (a *assembly) add(s segment, in surround) {
	if a.texts > 2*maxText {
		s.text = ""
	}
	if a.htmls > 2*maxHTML {
		s.html = ""
	}
	switch {
	case s == segment{}:
	case in.attached:
		a.nested = append(a.nested, s)
	case in.segment >= 0:
		at := &a.segments[in.segment]
		at.text = join(at.text, s.text, "\n")
		at.html = join(at.html, s.html, "\n")
	default:
		a.segments = append(a.segments, s)
	}
}

func (a *assembly) attach(p *Part, kind string) {
	disposition, dparams := parameters(header(p.Headers, "Content-Disposition"))
	_, params := parameters(header(p.Headers, "Content-Type"))
	a.attachNamed(p, kind, disposition, first(p.Filename, dparams["filename"], params["name"]), surround{})
}

func (a *assembly) attachNamed(p *Part, kind, disposition, name string, in surround) {
	if len(a.attachments) >= maxAttachments {
		return
	}
	cid := strings.Trim(unfold(header(p.Headers, "Content-ID")), "<> ")
	size := p.Size
	if size == 0 {
		size = int64(len(p.Body))
	}
	a.attachments = append(a.attachments, crm.Attachment{
		PartID: p.ID, Name: fileName(name, kind), Type: clean(kind), Size: size, ContentID: clean(cid),
		Inline: cid != "" && disposition != "attachment" && (in.related || disposition == "inline") && strings.HasPrefix(kind, "image/"),
	})
}

// fileName makes a name to show and to save under: no path, no control
// characters, never empty.
func fileName(name, kind string) string {
	name = decodeHeader(name, "")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 { // bidi overrides hide extensions
			return -1
		}
		return r
	}, name))
	if name != "" && name != "." && name != ".." {
		return cutText(name, 255)
	}
	switch kind {
	case "message/rfc822":
		return "message.eml"
	case "text/calendar":
		return "invite.ics"
	case "application/ms-tnef":
		return "winmail.dat"
	case "text/html":
		return "page.html"
	}
	major, minor, _ := strings.Cut(kind, "/")
	switch {
	case major == "text":
		return "text.txt"
	case major == "image" && minor != "" && len(minor) < 5:
		return "image." + minor
	}
	return "attachment"
}

// finish fills in what the parts came to.
func (a *assembly) finish(e *crm.Email) {
	if len(a.segments) == 0 || a.empty() {
		a.segments = append(a.segments, a.nested...)
	}
	var text, page strings.Builder
	hasHTML := false
	for _, s := range a.segments {
		hasHTML = hasHTML || s.html != ""
	}
	for _, s := range a.segments {
		t := s.text
		if strings.TrimSpace(t) == "" && s.html != "" {
			t = TextOf(s.html)
		}
		if t = strings.TrimSpace(t); t != "" && text.Len() < maxText {
			if text.Len() > 0 {
				text.WriteString("\n\n")
			}
			text.WriteString(t)
		}
		switch {
		case page.Len() > maxHTML:
		case s.html != "":
			page.WriteString(s.html)
		case hasHTML && strings.TrimSpace(s.text) != "":
			page.WriteString("<pre>" + html.EscapeString(s.text) + "</pre>")
		}
	}
	e.BodyText = cutText(text.String(), maxText)
	e.BodyHTML = cutText(page.String(), maxHTML)
	e.Attachments = a.attachments
	for _, f := range a.attachments {
		e.HasAttachments = e.HasAttachments || !f.Inline
	}
	e.Snippet = snippet(e.BodyText)
}

func (a *assembly) empty() bool {
	for _, s := range a.segments {
		if strings.TrimSpace(s.text) != "" || s.html != "" {
			return false
		}
	}
	return true
}

// snippet is the beginning of a text on one line.
func snippet(text string) string {
	var b strings.Builder
	n := 0
	for w := range strings.FieldsSeq(cutText(text, 8*maxSnippet)) {
		if n > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
		if n += utf8.RuneCountInString(w) + 1; n > maxSnippet {
			break
		}
	}
	return cutRunes(b.String(), maxSnippet)
}

func cutRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// cutText shortens a text to at most n bytes between characters.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func clip(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	return b[:n]
}

func join(a, b, sep string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + sep + b
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

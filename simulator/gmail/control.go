package gmail

import (
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"time"

	"rapport/simulator/control"
)

// ErrNoMailbox is returned for an account without a mailbox.
var ErrNoMailbox = errors.New("no such mailbox")

// Counts tells the size of a mailbox.
func (r *Room) Counts(email string) (control.Counts, bool) {
	m := r.box(email)
	if m == nil {
		return control.Counts{}, false
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return control.Counts{Messages: m.messages, HistoryID: m.history}, true
}

// ExpireHistory makes every history id known so far too old.
func (r *Room) ExpireHistory(email string) error {
	m := r.box(email)
	if m == nil {
		return ErrNoMailbox
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expireHistory()
	return nil
}

// Sent lists everything that left an account, oldest first.
func (r *Room) Sent() []control.Sent {
	r.sentMu.Lock()
	defer r.sentMu.Unlock()
	return slices.Clone(r.sent)
}

// Reset drops all mailboxes and the list of what was sent.
func (r *Room) Reset() {
	r.mu.Lock()
	r.boxes = map[string]*mailbox{}
	r.mu.Unlock()
	r.sentMu.Lock()
	r.sent = nil
	r.sentMu.Unlock()
}

// Deliver puts a message into a mailbox as if it had arrived. A raw message is
// kept byte for byte; a composed one gets the header fields mail has that
// came in. Labels that do not exist yet are made.
func (r *Room) Deliver(email string, msg control.Message) (control.Delivered, error) {
	m := r.box(email)
	if m == nil {
		return control.Delivered{}, ErrNoMailbox
	}
	at := msg.Date
	if at.IsZero() {
		at = r.world.Clock.Now()
	}
	raw, err := m.rawMessage(&msg, at)
	if err != nil {
		return control.Delivered{}, err
	}
	m.mu.Lock()
	labels := m.labelsNamed(msg.Labels)
	root := uint32(0)
	if msg.ThreadID != "" {
		id, ok := parseID(msg.ThreadID)
		if ok {
			root, ok = m.findThread(id)
		}
		if !ok {
			m.mu.Unlock()
			return control.Delivered{}, fmt.Errorf("no thread %q", msg.ThreadID)
		}
	} else {
		root = m.threadByReferences(open(raw))
	}
	slot := m.put(entry{id: m.newID(r.world.Clock.Now()), date: at.UnixMilli(), set: m.set(labels), body: newStored(raw)}, root)
	e := m.entries[slot]
	out := control.Delivered{ID: hexID(e.id), ThreadID: hexID(m.entries[e.root].id), HistoryID: e.history}
	due := m.takeDue()
	m.mu.Unlock()
	r.notify(m, due)
	return out, nil
}

// labelsNamed finds labels by id or name and makes those that are missing.
func (m *mailbox) labelsNamed(names []string) []labelNo {
	if len(names) == 0 {
		return []labelNo{lInbox, lUnread}
	}
	var out []labelNo
	for _, n := range names {
		l := m.labelByID(n)
		if l == nil {
			l = m.labelNamed(n)
		}
		if l == nil {
			l = m.newUserLabel(n)
		}
		out = append(out, l.no)
	}
	return out
}

func (m *mailbox) rawMessage(msg *control.Message, at time.Time) ([]byte, error) {
	if msg.Raw != "" {
		raw, err := decodeAny(msg.Raw)
		if err != nil {
			return nil, fmt.Errorf("raw: %w", err)
		}
		return raw, nil
	}
	from, err := addressParser.Parse(msg.From)
	if err != nil {
		return nil, fmt.Errorf("from %q: %w", msg.From, err)
	}
	m.mu.Lock()
	id := m.newMessageID()
	m.mu.Unlock()
	id = strings.TrimSuffix(id, "@mail.gmail.com>") + "@" + from.Address[strings.LastIndexByte(from.Address, '@')+1:] + ">"
	var b strings.Builder
	for _, f := range trace(m.account, from.Address, at) {
		b.WriteString(f + "\r\n")
	}
	to := msg.To
	if len(to) == 0 {
		to = []string{(&mail.Address{Name: m.account.Name, Address: m.account.Email}).String()}
	}
	b.WriteString("MIME-Version: 1.0\r\nFrom: " + headerSafe(from.String()) + "\r\nTo: " + headerSafe(strings.Join(to, ", ")) + "\r\nSubject: " + mime.BEncoding.Encode("utf-8", headerSafe(msg.Subject)))
	b.WriteString("\r\nDate: " + at.Format("Mon, 2 Jan 2006 15:04:05 -0700") + "\r\nMessage-ID: " + id + "\r\n")
	if msg.InReplyTo != "" {
		ref := "<" + strings.Trim(headerSafe(msg.InReplyTo), "<> ") + ">"
		b.WriteString("In-Reply-To: " + ref + "\r\nReferences: " + ref + "\r\n")
	}
	return composeBody(&b, msg, strings.Trim(id, "<>")[2:18])
}

func headerSafe(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }

// composeBody writes text, HTML and attachments.
func composeBody(b *strings.Builder, msg *control.Message, tag string) ([]byte, error) {
	outer, inner := "mixed_"+tag, "alt_"+tag
	if len(msg.Attachments) > 0 {
		b.WriteString(`Content-Type: multipart/mixed; boundary="` + outer + "\"\r\n\r\n--" + outer + "\r\n")
	}
	text := func(kind, s string) error {
		b.WriteString("Content-Type: " + kind + "; charset=\"UTF-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
		w := quotedprintable.NewWriter(b)
		if _, err := w.Write([]byte(s)); err != nil {
			return err
		}
		return w.Close()
	}
	var err error
	switch {
	case msg.HTML == "":
		err = text("text/plain", msg.Text)
	case msg.Text == "":
		err = text("text/html", msg.HTML)
	default:
		b.WriteString(`Content-Type: multipart/alternative; boundary="` + inner + "\"\r\n\r\n--" + inner + "\r\n")
		err = errors.Join(text("text/plain", msg.Text), func() error { b.WriteString("\r\n--" + inner + "\r\n"); return nil }(), text("text/html", msg.HTML))
		b.WriteString("\r\n--" + inner + "--\r\n")
	}
	if err != nil {
		return nil, fmt.Errorf("writing text: %w", err)
	}
	for _, a := range msg.Attachments {
		raw, err := decodeAny(a.Data)
		if err != nil {
			return nil, fmt.Errorf("attachment %q: %w", a.Name, err)
		}
		kind := a.Type
		if kind == "" {
			kind = "application/octet-stream"
		}
		b.WriteString("\r\n--" + outer + "\r\nContent-Type: " + headerSafe(kind) + "\r\n")
		b.WriteString("Content-Disposition: " + mime.FormatMediaType("attachment", map[string]string{"filename": headerSafe(a.Name)}) + "\r\nContent-Transfer-Encoding: base64\r\n\r\n")
		enc := base64.StdEncoding.EncodeToString(raw)
		for len(enc) > 76 {
			b.WriteString(enc[:76] + "\r\n")
			enc = enc[76:]
		}
		b.WriteString(enc)
	}
	if len(msg.Attachments) > 0 {
		b.WriteString("\r\n--" + outer + "--\r\n")
	}
	return []byte(b.String()), nil
}

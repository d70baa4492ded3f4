package gmail

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"rapport/simulator/control"
	"rapport/simulator/front"
)

func (r *Room) messagesSend(c *front.Call) (any, error) {
	var body messageBody
	if err := decodeBody(c, &body); err != nil {
		return nil, err
	}
	raw, err := rawOf(c, &body)
	if err != nil {
		return nil, err
	}
	m, err := r.mailboxOf(c)
	if err != nil {
		return nil, err
	}
	return r.send(c, m, raw, body.ThreadID, "")
}

// send puts a message into Sent and delivers it. draftID names the draft that
// it was, if any.
func (r *Room) send(c *front.Call, m *mailbox, raw []byte, threadID, draftID string) (any, error) {
	l := open(raw)
	if err := l.recipients(); err != nil {
		return nil, err
	}
	now := r.world.Clock.Now()
	m.mu.Lock()
	slot, err := m.file(l, threadID, now, c.Project)
	if err != nil {
		m.mu.Unlock()
		return nil, err
	}
	if draftID != "" {
		if d, ok := m.draftByID(draftID); ok {
			m.remove(d.slot)
		}
	}
	answer := m.brief(slot)
	id := m.entries[slot].id
	due := m.takeDue()
	m.mu.Unlock()
	r.notify(m, due)
	l.drop("Bcc")
	r.deliver(m, l, now)
	r.log(control.Sent{
		Time: now, From: m.account.Email, To: l.to, Subject: l.text("Subject"), MessageID: l.id, ID: hexID(id), Why: "send",
	})
	return answer, nil
}

func (l *letter) text(name string) string {
	if f := l.first(name); f != nil {
		return headerText(f.value)
	}
	return ""
}

// file completes a message and puts it into its sender's mailbox. One that is
// sent to its sender is also in the inbox.
func (m *mailbox) file(l *letter, threadID string, now time.Time, project string) (uint32, error) {
	root, err := m.threadFor(l, threadID)
	if err != nil {
		return 0, err
	}
	l.complete(m, now)
	received := "Received: from " + project + "\r\n        named unknown\r\n        by gmailapi.google.com\r\n        with HTTPREST;\r\n        " + now.In(pacific).Format("Mon, 2 Jan 2006 15:04:05 -0700")
	e := entry{id: m.newID(now), date: now.UnixMilli(), set: m.set(m.sentLabels(l.to)), body: newStored(prefixed(l.bytes(), received))}
	return m.put(e, root), nil
}

// sentLabels are the labels of a message that leaves for recipients.
func (m *mailbox) sentLabels(to []string) []labelNo {
	if slices.ContainsFunc(to, func(a string) bool { return m.alias(a) != nil }) {
		return []labelNo{lSent, lUnread, lInbox}
	}
	return []labelNo{lSent}
}

// threadFor decides the thread of a message that a client writes: the one it
// names, if subject and references agree with it; else a new one.
func (m *mailbox) threadFor(l *letter, threadID string) (uint32, error) {
	if threadID == "" {
		return 0, nil
	}
	id, ok := parseID(threadID)
	if !ok {
		return 0, invalid("Invalid thread_id value")
	}
	root, ok := m.findThread(id)
	if !ok {
		return 0, notFound()
	}
	subject := normalSubject(l.text("Subject"))
	for _, ref := range l.references() {
		if slot, ok := m.byMessageID(ref); ok && m.entries[slot].root == root && m.subjectOf(slot) == subject {
			return m.open(root), nil
		}
	}
	return 0, nil
}

// references lists the Message-IDs a message answers, nearest first.
func (l *letter) references() []string {
	var out []string
	for _, name := range []string{"In-Reply-To", "References"} {
		if f := l.first(name); f != nil {
			ids := strings.Fields(string(unfold(nil, f.value)))
			for i := len(ids) - 1; i >= 0; i-- {
				out = append(out, strings.Trim(ids[i], "<>,"))
			}
		}
	}
	if len(out) > 200 {
		out = out[:200]
	}
	return out
}

// threadByReferences finds the thread of a message that arrives.
func (m *mailbox) threadByReferences(l *letter) uint32 {
	subject := normalSubject(l.text("Subject"))
	for _, ref := range l.references() {
		if slot, ok := m.byMessageID(ref); ok && m.subjectOf(slot) == subject {
			return m.open(m.entries[slot].root)
		}
	}
	return 0
}

// maxThread is where Gmail splits a conversation.
const maxThread = 100

// open returns root if its thread takes another message, else 0.
func (m *mailbox) open(root uint32) uint32 {
	if len(m.thread(root)) >= maxThread {
		return 0
	}
	return root
}

// byMessageID finds a message by its Message-ID, without the brackets.
func (m *mailbox) byMessageID(id string) (uint32, bool) {
	if slot, ok := m.byHeader[id]; ok && m.entries[slot].set != gone {
		return slot, true
	}
	for i := range m.sources {
		k, ok := m.sources[i].MessageKey(id)
		if !ok {
			continue
		}
		for s := m.sources[i].first[k.Thread]; s != 0; s = m.entries[s].next {
			if e := &m.entries[s]; e.body == nil && e.set != gone && int(e.src) == i && e.key() == k {
				return s, true
			}
		}
	}
	return 0, false
}

// subjectOf is a message's subject without prefixes.
func (m *mailbox) subjectOf(slot uint32) string {
	e := &m.entries[slot]
	if e.body != nil {
		return e.body.subject
	}
	pr := probe{m: m}
	pr.reset(slot)
	pr.envelope()
	return normalSubject(string(pr.env.Subject))
}

var replyPrefixes = []string{"re:", "fwd:", "fw:", "aw:", "wg:", "sv:", "vs:", "r:", "rv:", "tr:", "antw:", "odp:", "res:", "enc:", "回复:", "转发:"}

// normalSubject makes subjects of one conversation equal.
func normalSubject(s string) string {
	s = strings.ToLower(strings.Join(strings.Fields(s), " "))
	for again := true; again; {
		again = false
		for _, p := range replyPrefixes {
			if strings.HasPrefix(s, p) {
				s, again = strings.TrimSpace(s[len(p):]), true
			}
		}
	}
	return s
}

func newStored(raw []byte) *stored {
	fields, _ := splitHeader(raw)
	p := part{fields: fields}
	id := strings.TrimSpace(p.get("Message-ID"))
	return &stored{raw: raw, messageID: strings.Trim(id, "<>"), subject: normalSubject(p.get("Subject"))}
}

// deliver brings a message to those recipients that have an account. Nobody
// at a domain of this world is a bounce; other domains swallow the message.
func (r *Room) deliver(from *mailbox, l *letter, now time.Time) {
	raw := l.bytes()
	sender := from.account.Email
	for _, to := range l.to {
		m := r.box(to)
		switch {
		case m == from:
		case m != nil:
			r.arrive(m, prefixed(raw, trace(m.account, sender, now)...), now, nil, true)
		case r.hosts(to[strings.LastIndexByte(to, '@')+1:]):
			r.arrive(from, bounce(from, to, raw, now), now, nil, true)
		}
	}
}

// hosts tells whether some account has this domain.
func (r *Room) hosts(domain string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, m := range r.boxes {
		if m.account.Domain == domain && strings.HasSuffix(m.account.Email, "@"+domain) {
			return true
		}
	}
	return false
}

// arrive puts a message into a mailbox as mail that came in. labels nil means
// INBOX and UNREAD.
func (r *Room) arrive(m *mailbox, raw []byte, now time.Time, labels []labelNo, threaded bool) uint32 {
	s := newStored(raw)
	m.mu.Lock()
	root := uint32(0)
	if threaded {
		root = m.threadByReferences(open(raw))
	}
	if labels == nil {
		labels = []labelNo{lInbox, lUnread}
	}
	slot := m.put(entry{id: m.newID(r.world.Clock.Now()), date: now.UnixMilli(), set: m.set(labels), body: s}, root)
	due := m.takeDue()
	m.mu.Unlock()
	r.notify(m, due)
	return slot
}

// Outbox is for other rooms that send mail for an account, as the calendar does
// with invitations. Nothing is put into the account's own Sent.
func (r *Room) Outbox() front.Delivery { return outbox{r} }

type outbox struct{ *Room }

// Deliver implements front.Delivery.
func (r outbox) Deliver(o front.Outgoing) error {
	l := open(o.Raw)
	now := r.world.Clock.Now()
	for _, to := range o.To {
		if m := r.box(to); m != nil {
			r.arrive(m, prefixed(o.Raw, trace(m.account, o.From, now)...), now, nil, true)
		}
	}
	r.log(control.Sent{Time: now, From: o.From, To: o.To, Subject: l.text("Subject"), MessageID: l.text("Message-ID"), Why: o.Why})
	return nil
}

func (r *Room) log(s control.Sent) {
	r.sentMu.Lock()
	defer r.sentMu.Unlock()
	r.sent = append(r.sent, s)
}

// bounce is the delivery report for an address that does not exist.
func bounce(m *mailbox, to string, original []byte, now time.Time) []byte {
	l := open(original)
	m.mu.Lock()
	id := m.newMessageID()
	m.mu.Unlock()
	boundary := "000000000000" + base64.RawURLEncoding.EncodeToString([]byte(id))[:16]
	lines := []string{
		"Delivered-To: " + m.account.Email,
		"From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
		"To: " + m.account.Email,
		"Subject: Delivery Status Notification (Failure)",
		"Date: " + now.In(pacific).Format("Mon, 2 Jan 2006 15:04:05 -0700"),
		"Message-ID: " + id,
		"In-Reply-To: " + l.text("Message-ID"),
		"References: " + l.text("Message-ID"),
		"Auto-Submitted: auto-replied",
		"X-Failed-Recipients: " + to,
		"MIME-Version: 1.0",
		`Content-Type: multipart/report; boundary="` + boundary + `"; report-type=delivery-status`,
		"",
		"--" + boundary,
		`Content-Type: text/plain; charset="UTF-8"`,
		"",
		"** Address not found **",
		"",
		"Your message wasn't delivered to " + to + " because the address couldn't be found, or is unable to receive mail.",
		"",
		"--" + boundary,
		"Content-Type: message/delivery-status",
		"",
		"Reporting-MTA: dns; googlemail.com",
		"",
		"Final-Recipient: rfc822; " + to,
		"Action: failed",
		"Status: 5.1.1",
		"Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.",
		"",
		"--" + boundary,
		"Content-Type: message/rfc822",
		"",
		string(original),
		"--" + boundary + "--",
		"",
	}
	return []byte(strings.Join(lines, "\r\n"))
}

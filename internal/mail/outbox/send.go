package outbox

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// Message is what somebody wants sent.
type Message struct {
	Connection  crm.ConnectionID // "" for that of the message answered, or the first one
	From        string           // an address of the account; "" for the usual one
	To, Cc, Bcc []string         // "Name <a@b>" or "a@b"
	Subject     string
	Text, HTML  string
	Answers     crm.EmailID // the message replied to
	Forwards    crm.EmailID // the message passed on
	Attachments []Attachment
	Originals   []string // attachments of the forwarded message that go along, by id; nil: all
	DraftID     string   // the draft this takes the place of
	SendAt      time.Time
	Undo        time.Duration // how long it can be taken back at least
}

// Attachment is a file that comes with the message, or, by its id, one that the
// forwarded message or the draft has.
type Attachment struct {
	ID, Name, Type string
	Data           []byte
}

// mostUndo is the longest time to take a message back.
const mostUndo = 30 * time.Second

// Send stores a message to be sent. Asked twice with one key it is stored once.
func (s *Service) Send(ctx context.Context, c access.Caller, m Message, once Once) (crm.Outgoing, error) {
	if err := access.Allow(c, access.MailSend); err != nil {
		return crm.Outgoing{}, err
	}
	if known, err := s.known(ctx, c, once); known.ID != "" || err != nil {
		return known, err
	}
	if err := s.plannable(m.SendAt); err != nil {
		return crm.Outgoing{}, err
	}
	id, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return crm.Outgoing{}, err
	}
	w := &writing{Service: s, caller: c, message: m, content: content{ID: crm.OutgoingID(id), MessageID: id + "@rapport"}}
	if err := w.begin(ctx); err != nil {
		return crm.Outgoing{}, err
	}
	if err := w.recipients(); err != nil {
		return crm.Outgoing{}, err
	}
	if err := w.fill(ctx); err != nil {
		return crm.Outgoing{}, err
	}
	raw, err := compose(w.content)
	if err != nil {
		return crm.Outgoing{}, err
	}
	o, err := s.put(ctx, w.row(), raw, once, min(max(m.Undo, 0), mostUndo), m.SendAt)
	if err != nil || o.ID == w.content.ID {
		return o, err
	}
	if same, err := s.known(ctx, c, once); same.ID != "" || err != nil { // the other click was faster
		return same, err
	}
	return crm.Outgoing{}, &fault.Error{Kind: fault.Conflict, Code: "draft_is_sent", Text: "This draft is being sent already."}
}

// known is the row that a key has made before; none when there is none.
func (s *Service) known(ctx context.Context, c access.Caller, once Once) (crm.Outgoing, error) {
	if once.Key == "" {
		return crm.Outgoing{}, nil
	}
	o, err := s.Rows.OutgoingByKey(ctx, c, once)
	if fault.Is(err, fault.NotFound) {
		return crm.Outgoing{}, nil
	}
	return o, err
}

// put stores the row with its job.
func (s *Service) put(ctx context.Context, o crm.Outgoing, raw []byte, once Once, undo time.Duration, at time.Time) (crm.Outgoing, error) {
	o.State, o.CreatedAt, o.Size = crm.OutgoingQueued, s.Now(), int64(len(raw))
	o.SendAt = later(at.UTC().Truncate(time.Microsecond), o.CreatedAt.Add(undo))
	o.NextTryAt = o.SendAt
	if once.Fingerprint == nil {
		once.Fingerprint = []byte{}
	}
	row, _, err := s.Rows.PutOutgoing(ctx, o, once, raw, job(o))
	return row, err
}

// writing is a message being put together.
type writing struct {
	*Service
	caller   access.Caller
	message  Message
	content  content
	conn     crm.Connection
	post     Post
	alias    crm.SendAs
	original *mail.Read // answered or forwarded
	draft    *Draft
	thread   string
}

// begin finds the connection, the original and the address to send from.
func (w *writing) begin(ctx context.Context) error {
	m := &w.message
	if m.Answers != "" && m.Forwards != "" {
		return invalid("forward_email_id", "cannot stand beside reply_to_email_id", "A message is a reply or a forward, not both.")
	}
	if id := m.Answers + m.Forwards; id != "" {
		reader := w.caller
		if m.Answers != "" && reader.Via == access.ViaKey { // to answer, only the thread is read
			reader.Scopes = append(slices.Clone(reader.Scopes), access.Policy[access.MailRead].Scope)
		}
		e, err := w.Mail.Email(ctx, reader, id, mail.Reading{Images: true})
		if err != nil {
			return err
		}
		w.original = &e
	}
	var err error
	if w.conn, err = w.connection(ctx); err != nil {
		return err
	}
	if w.post, err = w.open(ctx, w.conn, mail.Interactive); err != nil {
		return err
	}
	list, err := w.aliasesOf(ctx, w.post, w.conn)
	if err != nil {
		return err
	}
	wanted := ""
	if strings.TrimSpace(m.From) != "" {
		a, ok := parseAddress(m.From)
		if !ok {
			return invalid("from", "is no e-mail address", "The sender is no e-mail address.")
		}
		wanted = a.Email
	}
	if w.alias, err = choose(list, wanted); err != nil {
		return err
	}
	return w.sender(ctx)
}

// connection is the chosen one, or that of the original if it is the caller's, or
// the first.
func (w *writing) connection(ctx context.Context) (crm.Connection, error) {
	if w.message.Connection == "" && w.original != nil {
		conn, err := w.mine(ctx, w.caller, w.original.ConnectionID)
		if !fault.Is(err, fault.NotFound) {
			return conn, err
		}
	}
	return w.mine(ctx, w.caller, w.message.Connection)
}

// sender is the name and address in From: the alias', with the member's name where
// Gmail has none.
func (w *writing) sender(ctx context.Context) error {
	c := &w.content
	c.From = crm.Address{Name: w.alias.Name, Email: w.alias.Email}
	if c.From.Name == "" {
		m, err := w.People.Member(ctx, w.conn.WorkspaceID, w.conn.UserID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		c.From.Name = m.Name
	}
	if breaks(c.From.Name) {
		c.From.Name = ""
	}
	c.ReplyTo = w.alias.ReplyTo
	return nil
}

func (w *writing) recipients() error {
	if err := w.addresses(); err != nil {
		return err
	}
	c := &w.content
	n := len(c.To) + len(c.Cc) + len(c.Bcc)
	switch {
	case n == 0:
		return invalid("to", "needs a recipient", "Nobody is named to send this to.")
	case n > maxRecipients:
		return &fault.Error{Kind: fault.Invalid, Code: "too_many_recipients", Fields: map[string]string{"to": "has too many recipients"},
			Text: fmt.Sprintf("This message has %d recipients; Gmail takes %d.", n, maxRecipients)}
	}
	return nil
}

func (w *writing) addresses() (err error) {
	m, c := &w.message, &w.content
	if c.To, err = parseAddresses("to", m.To); err != nil {
		return err
	}
	if c.Cc, err = parseAddresses("cc", m.Cc); err != nil {
		return err
	}
	if c.Bcc, err = parseAddresses("bcc", m.Bcc); err != nil {
		return err
	}
	distinct(&c.To, &c.Cc, &c.Bcc)
	return nil
}

// fill takes in subject, thread, bodies and files.
func (w *writing) fill(ctx context.Context) error {
	m, c := &w.message, &w.content
	c.Subject = strings.TrimSpace(straight(m.Subject))
	w.threaded()
	html := w.byContentID(m.HTML)
	var named []string
	c.Text, c.HTML = bodies(m.Text, html, func(id string) bool {
		for _, a := range w.pictures() {
			if strings.EqualFold(a.ContentID, id) {
				named = append(named, id)
				return true
			}
		}
		return false
	})
	seed := string(c.ID)
	if seed == "" {
		seed = "draft"
	}
	c.HTML, c.Inline = pictures(c.HTML, seed)
	if err := w.inline(ctx, named); err != nil {
		return err
	}
	return w.files(ctx, named)
}

// threaded puts a reply into its conversation: In-Reply-To, References, subject,
// and Gmail's thread id where the mailbox is the same.
func (w *writing) threaded() {
	m, c := &w.message, &w.content
	if w.original == nil {
		return
	}
	e := &w.original.Email
	prefix := "Re: "
	if m.Forwards != "" {
		prefix = "Fwd: "
	}
	if c.Subject == "" {
		c.Subject = prefixed(prefix, oneLine(e.Subject))
	}
	if m.Answers == "" {
		return
	}
	if e.RFC822MessageID != "" {
		c.InReplyTo = e.RFC822MessageID
		c.References = append(shorten(e.References), e.RFC822MessageID)
	}
	if e.ConnectionID == w.conn.ID {
		w.thread = e.ThreadID
	}
}

// mostReferences is how many ids References has: the first and the newest ones
// (RFC 5537, section 3.4.4, says what to leave out).
const mostReferences = 50

func shorten(ids []string) []string {
	ids = slices.Clone(ids)
	if len(ids) > mostReferences {
		ids = append(ids[:1], ids[len(ids)-mostReferences+1:]...)
	}
	return ids
}

var replyPrefix = regexp.MustCompile(`(?i)^(re|aw|sv|vs|antw|odp|res|r)\s*:`)
var forwardPrefix = regexp.MustCompile(`(?i)^(fwd?|wg|tr|rv|enc)\s*:`)

// prefixed puts "Re: " or "Fwd: " in front unless it is there.
func prefixed(prefix, subject string) string {
	has := replyPrefix
	if prefix != "Re: " {
		has = forwardPrefix
	}
	if has.MatchString(subject) {
		return subject
	}
	return prefix + subject
}

// oneLine is text that came in from outside as it may stand in a header.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(straight(s), func(r rune) bool { return r == ' ' || breaks(string(r)) }), " ")
}

// attachmentAddress finds our own address of a picture of a message.
var attachmentAddress = regexp.MustCompile(`src="[^"]*/gmail/emails/([0-9a-f-]+)/attachments/([0-9a-f-]+)(?:\?[^"]*)?"`)

// byContentID names pictures of the original by cid, where the page named them by
// our address.
func (w *writing) byContentID(html string) string {
	if w.original == nil {
		return html
	}
	return attachmentAddress.ReplaceAllStringFunc(html, func(found string) string {
		m := attachmentAddress.FindStringSubmatch(found)
		for _, a := range w.original.Attachments {
			if m[1] == string(w.original.ID) && m[2] == string(a.ID) && a.ContentID != "" {
				return `src="cid:` + url.PathEscape(a.ContentID) + `"`
			}
		}
		return found
	})
}

// pictures are the attachments of the original that its text shows.
func (w *writing) pictures() []crm.Attachment {
	if w.original == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(w.original.Attachments), func(a crm.Attachment) bool {
		return a.ContentID == "" || !strings.HasPrefix(a.Type, "image/") || !idLike(a.ContentID)
	})
}

// inline fetches the pictures of the original that the text shows.
func (w *writing) inline(ctx context.Context, named []string) error {
	for _, a := range w.pictures() {
		if !slices.ContainsFunc(named, func(id string) bool { return strings.EqualFold(id, a.ContentID) }) {
			continue
		}
		f, err := w.fetchOriginal(ctx, a)
		if err != nil {
			return err
		}
		f.ContentID = a.ContentID
		w.content.Inline = append(w.content.Inline, f)
	}
	return nil
}

// fetchOriginal fetches one attachment of the original.
func (w *writing) fetchOriginal(ctx context.Context, a crm.Attachment) (file, error) {
	if w.size()+a.Size > maxMessage {
		return file{}, tooBig(w.size() + a.Size)
	}
	_, write, err := w.Mail.Attachment(ctx, w.caller, w.original.ID, a.ID)
	if err != nil {
		return file{}, fmt.Errorf("fetching an attachment of the original: %w", err)
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return file{}, fmt.Errorf("fetching an attachment of the original: %w", err)
	}
	return file{Name: oneLine(a.Name), Type: oneLine(a.Type), Data: b.Bytes()}, nil
}

func (w *writing) size() (n int64) {
	for _, list := range [][]file{w.content.Inline, w.content.Files} {
		for _, f := range list {
			n += int64(len(f.Data))
		}
	}
	return n
}

// files takes in the attachments: those that came along, those of the original
// that are passed on, those the draft has already.
func (w *writing) files(ctx context.Context, shown []string) error {
	kept, err := w.kept(ctx)
	if err != nil {
		return err
	}
	for _, a := range w.message.Attachments {
		if a.ID == "" || len(a.Data) > 0 {
			w.content.Files = append(w.content.Files, file{Name: straight(a.Name), Type: a.Type, Data: a.Data})
		}
	}
	if err := w.passedOn(ctx, shown); err != nil {
		return err
	}
	for _, part := range kept {
		f, err := w.fromDraft(ctx, part)
		if err != nil {
			return err
		}
		w.content.Files = append(w.content.Files, f)
	}
	return nil
}

// named are the attachments that the message names by their ids, each with the
// field that does, and whether it names any or says that there are none.
func (w *writing) named() (ids, fields []string, listed bool) {
	add := func(id, field string) {
		if !slices.Contains(ids, id) {
			ids, fields = append(ids, id), append(fields, field)
		}
	}
	for _, a := range w.message.Attachments {
		if a.ID != "" && len(a.Data) == 0 {
			add(a.ID, "attachments")
		}
	}
	for _, id := range w.message.Originals {
		add(id, "attachment_ids")
	}
	return ids, fields, w.message.Originals != nil || len(ids) > 0
}

// passes says whether the original that is passed on has an attachment.
func (w *writing) passes(id string) bool {
	return w.message.Forwards != "" && slices.ContainsFunc(w.original.Attachments, func(a crm.Attachment) bool { return string(a.ID) == id })
}

// passedOn fetches the attachments of the forwarded message.
func (w *writing) passedOn(ctx context.Context, shown []string) error {
	if w.message.Forwards == "" {
		return nil
	}
	wanted, _, listed := w.named()
	for _, a := range w.original.Attachments {
		switch {
		case listed && !slices.Contains(wanted, string(a.ID)):
			continue
		case !listed && slices.Contains(shown, a.ContentID) && a.ContentID != "":
			continue // stands in the text
		}
		f, err := w.fetchOriginal(ctx, a)
		if err != nil {
			return err
		}
		w.content.Files = append(w.content.Files, f)
	}
	return nil
}

// kept are the parts of the draft that stay. What neither the draft nor the
// message passed on has is a mistake: the mail must not leave without it.
func (w *writing) kept(ctx context.Context) (parts []string, err error) {
	ids, fields, _ := w.named()
	var has []crm.Attachment
	for i, id := range ids {
		if w.passes(id) {
			continue
		}
		if w.draft == nil && w.message.DraftID != "" {
			d, err := w.post.Draft(ctx, w.message.DraftID)
			if err != nil {
				return nil, err
			}
			w.draft = &d
		}
		if has == nil && w.draft != nil {
			has = mail.ParseMessage(w.draft.Message).Attachments
		}
		if !slices.ContainsFunc(has, func(a crm.Attachment) bool { return a.PartID == id }) {
			return nil, unknownAttachment(fields[i])
		}
		parts = append(parts, id)
	}
	return parts, nil
}

func unknownAttachment(field string) error {
	return &fault.Error{Kind: fault.Invalid, Code: "unknown_attachment", Fields: map[string]string{field: "names a file that is not there"},
		Text: "A file that was to go along is neither in the draft nor in the message passed on. Attach it again, or leave it out."}
}

// row is the row of the message.
func (w *writing) row() crm.Outgoing {
	c := &w.content
	return crm.Outgoing{ID: c.ID, WorkspaceID: w.conn.WorkspaceID, ConnectionID: w.conn.ID, UserID: w.caller.UserID, KeyID: w.caller.KeyID,
		From: c.From, To: c.To, Cc: c.Cc, Bcc: c.Bcc, Subject: c.Subject, ThreadID: w.thread, Answers: w.message.Answers,
		DraftID: w.message.DraftID, MessageID: c.MessageID}
}

package outbox

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// DraftView is a draft as people see it.
type DraftView struct {
	ID         string
	Connection crm.ConnectionID
	Email      *crm.Email // attachments have their part's id
	HTML       string     // made safe
}

// Drafts lists the drafts in the caller's mailbox, newest first, without bodies.
func (s *Service) Drafts(ctx context.Context, c access.Caller, id crm.ConnectionID, page mail.Page) ([]DraftView, string, error) {
	post, conn, err := s.own(ctx, c, access.MailRead, id)
	if err != nil {
		return nil, "", err
	}
	list, next, err := post.Drafts(ctx, page.Cursor, page.Limit)
	if err != nil {
		return nil, "", err
	}
	out := make([]DraftView, len(list))
	for i, d := range list {
		out[i] = view(d, conn.ID)
	}
	return out, next, nil
}

// own opens the caller's own mailbox for sending.
func (s *Service) own(ctx context.Context, c access.Caller, a access.Action, id crm.ConnectionID) (Post, crm.Connection, error) {
	if err := access.Allow(c, a); err != nil {
		return nil, crm.Connection{}, err
	}
	conn, err := s.mine(ctx, c, id)
	if err != nil {
		return nil, conn, err
	}
	post, err := s.open(ctx, conn, mail.Interactive)
	return post, conn, err
}

func view(d Draft, c crm.ConnectionID) DraftView {
	e := mail.ParseMessage(d.Message)
	for i := range e.Attachments {
		e.Attachments[i].ID = crm.AttachmentID(e.Attachments[i].PartID)
	}
	return DraftView{ID: d.ID, Connection: c, Email: e, HTML: mail.Sanitise(e.BodyHTML, mail.SafeOptions{Images: true}).HTML}
}

// Draft gives one draft, with the pictures of its text in the HTML (data:).
func (s *Service) Draft(ctx context.Context, c access.Caller, id crm.ConnectionID, draft string) (DraftView, error) {
	post, conn, err := s.own(ctx, c, access.MailRead, id)
	if err != nil {
		return DraftView{}, err
	}
	d, err := post.Draft(ctx, draft)
	if err != nil {
		return DraftView{}, err
	}
	return opened(ctx, post, d, conn.ID)
}

func opened(ctx context.Context, post Post, d Draft, c crm.ConnectionID) (DraftView, error) {
	v := view(d, c)
	return v, withPictures(ctx, post, d, &v)
}

// mostPictures bounds what stands in the HTML of a draft, in bytes; the pictures
// beyond stay among the attachments.
const mostPictures = 5 << 20

// withPictures takes the pictures that a draft's text names into its HTML, as it
// takes them back when the draft is saved.
func withPictures(ctx context.Context, post Post, d Draft, v *DraftView) error {
	shown := map[string]string{} // the data: of a picture by its Content-ID
	mail.Sanitise(v.Email.BodyHTML, mail.SafeOptions{Images: true, Inline: func(id string) string {
		shown[strings.ToLower(id)] = ""
		return ""
	}})
	var size int64
	var rest []crm.Attachment
	for _, a := range v.Email.Attachments {
		id := strings.ToLower(a.ContentID)
		if _, ok := shown[id]; !ok || !pictureType.MatchString(a.Type) || size+a.Size > mostPictures {
			rest = append(rest, a)
			continue
		}
		size += a.Size
		var b bytes.Buffer
		if err := post.DraftPart(ctx, d, a.PartID, &b); err != nil {
			return fmt.Errorf("reading a picture of the draft: %w", err)
		}
		shown[id] = "data:" + a.Type + ";base64," + base64.StdEncoding.EncodeToString(b.Bytes())
	}
	v.Email.Attachments = rest
	v.HTML = mail.Sanitise(v.Email.BodyHTML, mail.SafeOptions{Images: true, Inline: func(id string) string { return shown[strings.ToLower(id)] }}).HTML
	return nil
}

// SaveDraft makes a draft in Gmail, or replaces the one named in m. Recipients may
// be missing still. The answer is the one Draft gives.
func (s *Service) SaveDraft(ctx context.Context, c access.Caller, m Message) (DraftView, error) {
	if err := access.Allow(c, access.MailSend); err != nil {
		return DraftView{}, err
	}
	w := &writing{Service: s, caller: c, message: m}
	if err := w.begin(ctx); err != nil {
		return DraftView{}, err
	}
	if err := w.addresses(); err != nil {
		return DraftView{}, err
	}
	if m.DraftID != "" {
		d, err := w.post.Draft(ctx, m.DraftID)
		if err != nil {
			return DraftView{}, err
		}
		w.draft = &d
	}
	if err := w.fill(ctx); err != nil {
		return DraftView{}, err
	}
	if w.draft != nil && m.Answers == "" {
		w.staysInThread()
	}
	raw, err := compose(w.content)
	if err != nil {
		return DraftView{}, err
	}
	saved, err := w.post.SaveDraft(ctx, m.DraftID, Letter{Raw: raw, ThreadID: w.thread})
	if err != nil {
		return DraftView{}, err
	}
	d, err := w.post.Draft(ctx, saved.ID)
	if err != nil {
		return DraftView{}, fmt.Errorf("reading the draft that was saved: %w", err)
	}
	return opened(ctx, w.post, d, w.conn.ID)
}

// staysInThread keeps a draft that was a reply one, when it is edited.
func (w *writing) staysInThread() {
	e := mail.ParseMessage(w.draft.Message)
	w.content.InReplyTo, w.content.References = e.InReplyTo, shorten(e.References)
	w.thread = e.ThreadID
}

// fromDraft takes over a part of the draft.
func (w *writing) fromDraft(ctx context.Context, part string) (file, error) {
	e := mail.ParseMessage(w.draft.Message)
	for _, a := range e.Attachments {
		if a.PartID != part {
			continue
		}
		var b bytes.Buffer
		if err := w.post.DraftPart(ctx, *w.draft, part, &b); err != nil {
			return file{}, fmt.Errorf("taking over an attachment of the draft: %w", err)
		}
		return file{Name: oneLine(a.Name), Type: oneLine(a.Type), Data: b.Bytes()}, nil
	}
	return file{}, unknownAttachment("attachments")
}

// DeleteDraft deletes a draft in Gmail.
func (s *Service) DeleteDraft(ctx context.Context, c access.Caller, id crm.ConnectionID, draft string) error {
	post, _, err := s.own(ctx, c, access.MailSend, id)
	if err != nil {
		return err
	}
	return post.DeleteDraft(ctx, draft)
}

// SendDraft sends a draft as it stands in Gmail now. Asked twice it is sent once:
// a draft has one row.
func (s *Service) SendDraft(ctx context.Context, c access.Caller, conn crm.ConnectionID, draft string, once Once, undo time.Duration, at time.Time) (crm.Outgoing, error) {
	if err := access.Allow(c, access.MailSend); err != nil {
		return crm.Outgoing{}, err
	}
	if known, err := s.known(ctx, c, once); known.ID != "" || err != nil {
		return known, err
	}
	if err := s.plannable(at); err != nil {
		return crm.Outgoing{}, err
	}
	post, own, err := s.own(ctx, c, access.MailSend, conn)
	if err != nil {
		return crm.Outgoing{}, err
	}
	d, raw, err := post.RawDraft(ctx, draft)
	if err != nil {
		return s.sentBefore(ctx, c, own.ID, draft, err)
	}
	e := mail.ParseMessage(d.Message)
	if err := s.sendable(ctx, post, own, e); err != nil {
		return crm.Outgoing{}, err
	}
	text, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return crm.Outgoing{}, err
	}
	id := crm.OutgoingID(text)
	raw = marked(raw, id)
	if len(raw) > maxMessage {
		return crm.Outgoing{}, tooBig(int64(len(raw)))
	}
	o := crm.Outgoing{ID: id, WorkspaceID: own.WorkspaceID, ConnectionID: own.ID, UserID: c.UserID, KeyID: c.KeyID, From: e.From,
		To: e.To, Cc: e.Cc, Bcc: e.Bcc, Subject: e.Subject, ThreadID: e.ThreadID, DraftID: draft}
	return s.put(ctx, o, raw, once, min(max(undo, 0), mostUndo), at)
}

// sendable checks what a draft is to be sent with.
func (s *Service) sendable(ctx context.Context, post Post, conn crm.Connection, e *crm.Email) error {
	n := len(e.To) + len(e.Cc) + len(e.Bcc)
	if n == 0 {
		return invalid("to", "needs a recipient", "Nobody is named to send this to.")
	}
	if n > maxRecipients {
		return &fault.Error{Kind: fault.Invalid, Code: "too_many_recipients", Text: "This message has " + strconv.Itoa(n) + " recipients; Gmail takes 500."}
	}
	list, err := s.aliasesOf(ctx, post, conn)
	if err != nil {
		return err
	}
	_, err = choose(list, e.From.Email)
	return err
}

// sentBefore gives the row of a draft that is gone because it was sent from here.
func (s *Service) sentBefore(ctx context.Context, c access.Caller, conn crm.ConnectionID, draft string, err error) (crm.Outgoing, error) {
	if !fault.Is(err, fault.NotFound) {
		return crm.Outgoing{}, err
	}
	o, missing := s.Rows.OutgoingOfDraft(ctx, c, conn, draft)
	if missing != nil {
		return crm.Outgoing{}, err
	}
	return o, nil
}

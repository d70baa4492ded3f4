package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/outbox"
)

type (
	SendRequest     = client.SendRequest
	SendAttachment  = client.SendAttachment
	Outgoing        = client.Outgoing
	Reschedule      = client.Reschedule
	Draft           = client.Draft
	DraftAttachment = client.DraftAttachment
	SendDraft       = client.SendDraft
	SendAs          = client.SendAs
	Composition     = client.Composition
)

// registerSending is what is sent: the outbox, drafts, aliases.
func (s *Server) registerSending(r *router) {
	const out, drafts = g + "/gmail/outbox", g + "/gmail/drafts"
	add(r, may(access.MailSend), post, g+"/gmail/send", "send-email", "Send a message, a reply or a forward", s.sendEmail, status(202), letters(r), says(sendingSays))
	add(r, may(access.MailSend), get, out, "list-outbox", "What the caller sends, newest first", s.listOutbox,
		says("An API key without the right to read mail sees what was sent with it."))
	add(r, may(access.MailSend), get, out+"/{outgoing_id}", "get-outgoing", "One message of the outbox", s.getOutgoing)
	add(r, may(access.MailSend), remove, out+"/{outgoing_id}", "cancel-outgoing", "Take a message back that is not on its way yet", s.cancelOutgoing,
		says("409 too_late once Gmail has it, or may have it."))
	add(r, may(access.MailSend), post, out+"/{outgoing_id}/retry", "retry-outgoing", "Send a message that failed, or waits for another try, now", s.retryOutgoing, status(202))
	add(r, may(access.MailSend), patch, out+"/{outgoing_id}", "reschedule-outgoing", "Give a message that waits another time", s.reschedule)
	add(r, may(access.MailRead), get, drafts, "list-drafts", "Drafts in Gmail, newest first, without bodies", s.listDrafts)
	add(r, may(access.MailSend), post, drafts, "create-draft", "Make a draft in Gmail", s.createDraft, status(201), letters(r))
	add(r, may(access.MailRead), get, drafts+"/{draft_id}", "get-draft", "One draft", s.getDraft)
	add(r, may(access.MailSend), put, drafts+"/{draft_id}", "update-draft", "Replace a draft", s.updateDraft, letters(r))
	add(r, may(access.MailSend), remove, drafts+"/{draft_id}", "delete-draft", "Delete a draft in Gmail", s.deleteDraft)
	add(r, may(access.MailSend), post, drafts+"/{draft_id}/send", "send-draft", "Send a draft as it stands in Gmail", s.sendDraft, status(202),
		says("Asked twice it is sent once, with or without an Idempotency-Key."))
	add(r, may(access.MailSend), get, g+"/gmail/send-as", "list-send-as", "Addresses that mail may be sent from, with their signatures", s.listSendAs)
	add(r, may(access.MailRead), get, g+"/gmail/emails/{email_id}/compose", "compose-answer", "What a reply or forward begins with: recipients, subject, signature above the quotation", s.composeAnswer)
}

const sendingSays = "The message is stored first and sent then, once: a request with the same Idempotency-Key gives the row of the first one (409 idempotency_key_reused when it is another request). " +
	"Where Gmail's answer is lost, Rapport looks whether the message was sent before it tries again. The whole request may have 40 MB, the message 25 MB as it travels."

// maxLetter is how large a request with attachments may be: 25 MB of a message
// are at most some 35 MB in JSON.
const maxLetter = 40 << 20

// letterBody is a SendRequest that is read without being checked against the
// schema first. A field nobody knows is a mistake all the same: who misspells
// send_at does not want the message to leave now.
type letterBody struct{ SendRequest }

// Schema is that of the request.
func (letterBody) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[SendRequest](), true, "SendRequest")
}

// UnmarshalJSON refuses fields that do not exist.
func (l *letterBody) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(&l.SendRequest)
}

// check refuses what the schema would have refused, were it asked.
func (l *letterBody) check() error {
	if l.UndoSeconds < 0 || l.UndoSeconds > 30 {
		return &fault.Error{Kind: fault.Invalid, Text: "A message can be held back for up to 30 seconds.", Fields: map[string]string{"undo_seconds": "must be between 0 and 30"}}
	}
	return nil
}

type sendInput struct {
	InWorkspace
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"Asking again with the same value and the same request gives the row of the first time; nothing is sent twice."`
	Body letterBody
}

func (s *Server) sendEmail(ctx context.Context, c access.Caller, in *sendInput) (*bodyOf[Outgoing], error) {
	if err := in.Body.check(); err != nil {
		return nil, err
	}
	once, err := onceOf(in.Key, fingerprint(in.Body.SendRequest))
	if err != nil {
		return nil, err
	}
	o, err := s.Outbox.Send(ctx, c, messageOf(in.Body.SendRequest), once)
	return s.outgoingAnswer(o, err)
}

// fingerprint is a request with its files by their hashes.
func fingerprint(in SendRequest) SendRequest {
	in.Attachments = each(in.Attachments, func(a SendAttachment) SendAttachment {
		print := sha256.Sum256(a.Data)
		a.Data = print[:]
		return a
	})
	return in
}

// onceOf is an Idempotency-Key with the fingerprint of its request.
func onceOf(key string, request any) (outbox.Once, error) {
	if key == "" {
		return outbox.Once{}, nil
	}
	print := sha256.New()
	if err := json.NewEncoder(print).Encode(request); err != nil {
		return outbox.Once{}, fmt.Errorf("taking the fingerprint of the request: %w", err)
	}
	return outbox.Once{Key: key, Fingerprint: print.Sum(nil)}, nil
}

func messageOf(in SendRequest) outbox.Message {
	m := outbox.Message{
		Connection: crm.ConnectionID(in.ConnectionID), From: in.From, To: in.To, Cc: in.Cc, Bcc: in.Bcc, Subject: in.Subject, Text: in.Text, HTML: in.HTML,
		Answers: crm.EmailID(in.ReplyToEmailID), Forwards: crm.EmailID(in.ForwardEmailID), DraftID: in.DraftID, Undo: time.Duration(in.UndoSeconds) * time.Second,
		Attachments: each(in.Attachments, func(a SendAttachment) outbox.Attachment {
			return outbox.Attachment{ID: a.ID, Name: a.Name, Type: a.Type, Data: a.Data}
		}),
	}
	if in.AttachmentIDs != nil {
		m.Originals = append([]string{}, *in.AttachmentIDs...)
	}
	if in.SendAt != nil {
		m.SendAt = *in.SendAt
	}
	return m
}

func (s *Server) outgoingAnswer(o crm.Outgoing, err error) (*bodyOf[Outgoing], error) {
	if err != nil {
		return nil, err
	}
	return &bodyOf[Outgoing]{outgoingShape(o)}, nil
}

func outgoingShape(o crm.Outgoing) Outgoing {
	out := Outgoing{
		ID: string(o.ID), ConnectionID: string(o.ConnectionID), State: string(o.State), From: written(o.From), To: each(o.To, written), Cc: each(o.Cc, written),
		Bcc: each(o.Bcc, written), Subject: o.Subject, ThreadID: o.ThreadID, ReplyToEmailID: string(o.Answers), DraftID: o.DraftID, CreatedAt: o.CreatedAt.UTC(),
		SendAt: o.SendAt.UTC(), SentAt: utc(o.SentAt), EmailID: string(o.EmailID), GmailID: o.GmailID, Attempts: o.Attempts,
		Error: o.Error, NextStep: o.NextStep, CanCancel: o.CanCancel(),
	}
	if !o.State.Over() {
		out.NextTryAt = utc(&o.NextTryAt)
	}
	return out
}

// written is an address with its name, as it is given to be sent.
func written(a crm.Address) string {
	if a.Name == "" {
		return a.Email
	}
	return a.Name + " <" + a.Email + ">"
}

type outboxInput struct {
	InWorkspace
	PageInput
	State string `query:"state" enum:"queued,sending,sent,retry,failed,cancelled"`
}

func (s *Server) listOutbox(ctx context.Context, c access.Caller, in *outboxInput) (*bodyOf[List[Outgoing]], error) {
	list, next, err := s.Outbox.List(ctx, c, outbox.Query{State: crm.OutgoingState(in.State), Page: in.page()})
	return pageOf(list, next, err, outgoingShape)
}

// InOutgoing is the path of a message in the outbox.
type InOutgoing struct {
	InWorkspace
	OutgoingID string `path:"outgoing_id"`
}

func (s *Server) getOutgoing(ctx context.Context, c access.Caller, in *InOutgoing) (*bodyOf[Outgoing], error) {
	o, err := s.Outbox.Get(ctx, c, crm.OutgoingID(in.OutgoingID))
	return s.outgoingAnswer(o, err)
}

func (s *Server) cancelOutgoing(ctx context.Context, c access.Caller, in *InOutgoing) (*bodyOf[Outgoing], error) {
	o, err := s.Outbox.Cancel(ctx, c, crm.OutgoingID(in.OutgoingID))
	return s.outgoingAnswer(o, err)
}

func (s *Server) retryOutgoing(ctx context.Context, c access.Caller, in *InOutgoing) (*bodyOf[Outgoing], error) {
	o, err := s.Outbox.Retry(ctx, c, crm.OutgoingID(in.OutgoingID))
	return s.outgoingAnswer(o, err)
}

type rescheduleInput struct {
	InOutgoing
	Body Reschedule
}

func (s *Server) reschedule(ctx context.Context, c access.Caller, in *rescheduleInput) (*bodyOf[Outgoing], error) {
	o, err := s.Outbox.Reschedule(ctx, c, crm.OutgoingID(in.OutgoingID), in.Body.SendAt)
	return s.outgoingAnswer(o, err)
}

type draftsInput struct {
	InWorkspace
	Limit        int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"Each draft is read from Gmail."`
	Cursor       string `query:"cursor" maxLength:"1000" doc:"next_cursor of the page before."`
	ConnectionID string `query:"connection_id" doc:"The caller's first connection when absent."`
}

func (s *Server) listDrafts(ctx context.Context, c access.Caller, in *draftsInput) (*bodyOf[List[Draft]], error) {
	list, next, err := s.Outbox.Drafts(ctx, c, crm.ConnectionID(in.ConnectionID), mail.Page{Limit: in.Limit, Cursor: in.Cursor})
	return pageOf(list, next, err, draftShape)
}

func draftShape(d outbox.DraftView) Draft {
	e := d.Email
	return Draft{
		ID: d.ID, ConnectionID: string(d.Connection), GmailMessageID: e.GmailID, ThreadID: e.ThreadID, From: written(e.From), To: each(e.To, written), Cc: each(e.Cc, written),
		Bcc: each(e.Bcc, written), Subject: e.Subject, Text: e.BodyText, HTML: d.HTML, Snippet: e.Snippet, UpdatedAt: e.Date.UTC(), Attachments: each(e.Attachments, fileShape),
	}
}

func fileShape(a crm.Attachment) DraftAttachment {
	return DraftAttachment{ID: string(a.ID), Name: a.Name, Type: a.Type, Size: a.Size}
}

// InDraft is the path of a draft.
type InDraft struct {
	InWorkspace
	DraftID      string `path:"draft_id"`
	ConnectionID string `query:"connection_id" doc:"The caller's first connection when absent."`
}

func (s *Server) getDraft(ctx context.Context, c access.Caller, in *InDraft) (*bodyOf[Draft], error) {
	d, err := s.Outbox.Draft(ctx, c, crm.ConnectionID(in.ConnectionID), in.DraftID)
	return draftAnswer(d, err)
}

func draftAnswer(d outbox.DraftView, err error) (*bodyOf[Draft], error) {
	if err != nil {
		return nil, err
	}
	return &bodyOf[Draft]{draftShape(d)}, nil
}

type createDraftInput struct {
	InWorkspace
	Body letterBody
}

func (s *Server) createDraft(ctx context.Context, c access.Caller, in *createDraftInput) (*bodyOf[Draft], error) {
	if err := in.Body.check(); err != nil {
		return nil, err
	}
	in.Body.DraftID = ""
	d, err := s.Outbox.SaveDraft(ctx, c, messageOf(in.Body.SendRequest))
	return draftAnswer(d, err)
}

type updateDraftInput struct {
	InWorkspace
	DraftID string `path:"draft_id"`
	Body    letterBody
}

func (s *Server) updateDraft(ctx context.Context, c access.Caller, in *updateDraftInput) (*bodyOf[Draft], error) {
	if err := in.Body.check(); err != nil {
		return nil, err
	}
	in.Body.DraftID = in.DraftID
	d, err := s.Outbox.SaveDraft(ctx, c, messageOf(in.Body.SendRequest))
	return draftAnswer(d, err)
}

func (s *Server) deleteDraft(ctx context.Context, c access.Caller, in *InDraft) (*nothing, error) {
	return nil, s.Outbox.DeleteDraft(ctx, c, crm.ConnectionID(in.ConnectionID), in.DraftID)
}

type sendDraftInput struct {
	InDraft
	Key  string `header:"Idempotency-Key" maxLength:"200"`
	Body *SendDraft
}

func (s *Server) sendDraft(ctx context.Context, c access.Caller, in *sendDraftInput) (*bodyOf[Outgoing], error) {
	if in.Body == nil {
		in.Body = &SendDraft{}
	}
	once, err := onceOf(in.Key, []any{in.DraftID, in.ConnectionID, in.Body})
	if err != nil {
		return nil, err
	}
	var at time.Time
	if in.Body.SendAt != nil {
		at = *in.Body.SendAt
	}
	o, err := s.Outbox.SendDraft(ctx, c, crm.ConnectionID(in.ConnectionID), in.DraftID, once, time.Duration(in.Body.UndoSeconds)*time.Second, at)
	return s.outgoingAnswer(o, err)
}

type sendAsInput struct {
	InWorkspace
	ConnectionID string `query:"connection_id" doc:"The caller's first connection when absent."`
}

func (s *Server) listSendAs(ctx context.Context, c access.Caller, in *sendAsInput) (*bodyOf[List[SendAs]], error) {
	list, err := s.Outbox.SendAs(ctx, c, crm.ConnectionID(in.ConnectionID))
	if err != nil {
		return nil, err
	}
	return listOf(each(list, func(a crm.SendAs) SendAs {
		return SendAs{Email: a.Email, Name: a.Name, SignatureHTML: mail.Sanitise(a.Signature, mail.SafeOptions{Images: true}).HTML, ReplyTo: a.ReplyTo,
			IsDefault: a.Default, IsPrimary: a.Primary, Verified: a.Verified}
	})), nil
}

type composeInput struct {
	InWorkspace
	EmailID string `path:"email_id"`
	Kind    string `query:"kind" enum:"reply,reply_all,forward" default:"reply"`

	TimeZone string `query:"time_zone" maxLength:"64" doc:"Of the time that is quoted, as an IANA name. Without it the time is in UTC and says so."`
}

func (s *Server) composeAnswer(ctx context.Context, c access.Caller, in *composeInput) (*bodyOf[Composition], error) {
	zone, err := zoneOf(in.TimeZone)
	if err != nil {
		return nil, err
	}
	b, err := s.Outbox.Begin(ctx, c, crm.EmailID(in.EmailID), outbox.AnswerKind(in.Kind), reading(c, Pictures{Images: true}), zone)
	if err != nil {
		return nil, err
	}
	out := Composition{ConnectionID: string(b.Connection), From: written(crm.Address{Name: b.From.Name, Email: b.From.Email}), To: each(b.To, written), Cc: each(b.Cc, written),
		Subject: b.Subject, HTML: b.HTML, Text: b.Text, Attachments: each(b.Attachments, fileShape)}
	if b.Kind == outbox.Forward {
		out.ForwardEmailID = in.EmailID
	} else {
		out.ReplyToEmailID = in.EmailID
	}
	return &bodyOf[Composition]{out}, nil
}

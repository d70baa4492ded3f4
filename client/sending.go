package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// SendRequest is a message to be sent.
type SendRequest struct {
	To             []string         `json:"to,omitempty" doc:"Each \"Name <a@b>\" or \"a@b\". 500 recipients at most in to, cc and bcc together."`
	Cc             []string         `json:"cc,omitempty"`
	Bcc            []string         `json:"bcc,omitempty"`
	Subject        string           `json:"subject,omitempty" doc:"Of a reply or forward: that of the original when empty. Gmail keeps a reply in its conversation only with the same subject."`
	Text           string           `json:"text,omitempty" doc:"Derived from html when empty."`
	HTML           string           `json:"html,omitempty" doc:"Made safe on its way out."`
	ReplyToEmailID string           `json:"reply_to_email_id,omitempty" doc:"The message this answers."`
	ForwardEmailID string           `json:"forward_email_id,omitempty" doc:"The message this passes on, with its attachments."`
	Attachments    []SendAttachment `json:"attachments,omitempty"`
	AttachmentIDs  *[]string        `json:"attachment_ids,omitempty" doc:"Attachments of the forwarded message that go along; all when absent."`
	From           string           `json:"from,omitempty" doc:"An address of the account (see send-as); its usual one when empty."`
	SendAt         *time.Time       `json:"send_at,omitempty" doc:"Not before. It survives restarts."`
	ConnectionID   string           `json:"connection_id,omitempty" doc:"That of the original, else the caller's first connection, when absent."`
	UndoSeconds    int              `json:"undo_seconds,omitempty" minimum:"0" maximum:"30" doc:"So long it can be cancelled at least."`
	DraftID        string           `json:"draft_id,omitempty" doc:"The Gmail draft that this takes the place of: it is gone when this is sent."`
}

// SendAttachment is a file that goes along.
type SendAttachment struct {
	ID   string `json:"id,omitempty" doc:"Of an attachment that the forwarded message or the draft has, instead of data."`
	Name string `json:"name,omitempty"`
	Type string `json:"type,omitempty" doc:"application/octet-stream when empty."`
	Data []byte `json:"data,omitempty" doc:"Base64."`
}

// Outgoing is a message in the outbox.
type Outgoing struct {
	ID             string     `json:"id"`
	ConnectionID   string     `json:"connection_id"`
	State          string     `json:"state" enum:"queued,sending,sent,retry,failed,cancelled"`
	From           string     `json:"from"`
	To             []string   `json:"to"`
	Cc             []string   `json:"cc"`
	Bcc            []string   `json:"bcc"`
	Subject        string     `json:"subject"`
	ThreadID       string     `json:"thread_id" doc:"Gmail's thread it belongs to; empty for a new one that is not sent yet."`
	ReplyToEmailID string     `json:"reply_to_email_id"`
	DraftID        string     `json:"draft_id"`
	CreatedAt      time.Time  `json:"created_at"`
	SendAt         time.Time  `json:"send_at"`
	SentAt         *time.Time `json:"sent_at"`
	EmailID        string     `json:"email_id" doc:"The message as it was synced; empty until then."`
	GmailID        string     `json:"gmail_id" doc:"Empty until it is sent."`
	Attempts       int        `json:"attempts"`
	NextTryAt      *time.Time `json:"next_try_at" doc:"Null when nothing more happens by itself."`
	Error          string     `json:"error" doc:"In plain words, empty when all is well."`
	NextStep       string     `json:"next_step"`
	CanCancel      bool       `json:"can_cancel" doc:"It can be taken back now."`
}

// Reschedule gives a message that waits another time.
type Reschedule struct {
	SendAt time.Time `json:"send_at"`
}

// Draft is a draft in Gmail.
type Draft struct {
	ID             string            `json:"id"`
	ConnectionID   string            `json:"connection_id"`
	GmailMessageID string            `json:"gmail_message_id" doc:"Another one after each change."`
	ThreadID       string            `json:"thread_id"`
	From           string            `json:"from"`
	To             []string          `json:"to"`
	Cc             []string          `json:"cc"`
	Bcc            []string          `json:"bcc"`
	Subject        string            `json:"subject"`
	Text           string            `json:"text"`
	HTML           string            `json:"html" doc:"Made safe."`
	Snippet        string            `json:"snippet"`
	Attachments    []DraftAttachment `json:"attachments"`
	UpdatedAt      time.Time         `json:"updated_at"`
}

// DraftAttachment is a file of a draft or of a message that is passed on. Name it by its
// id to keep it when the draft is saved or sent.
type DraftAttachment struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
	Size int64  `json:"size"`
}

// SendDraft sends a draft as it stands.
type SendDraft struct {
	UndoSeconds int        `json:"undo_seconds,omitempty" minimum:"0" maximum:"30"`
	SendAt      *time.Time `json:"send_at,omitempty"`
}

// SendAs is an address that a connection may send from.
type SendAs struct {
	Email         string `json:"email"`
	Name          string `json:"name"`
	SignatureHTML string `json:"signature_html" doc:"Made safe."`
	ReplyTo       string `json:"reply_to"`
	IsDefault     bool   `json:"is_default"`
	IsPrimary     bool   `json:"is_primary"`
	Verified      bool   `json:"verified" doc:"Without it Gmail would send from the account's own address; Rapport refuses instead."`
}

// Composition is what a composer opens with.
type Composition struct {
	ConnectionID   string            `json:"connection_id"`
	From           string            `json:"from"`
	To             []string          `json:"to"`
	Cc             []string          `json:"cc"`
	Subject        string            `json:"subject"`
	HTML           string            `json:"html" doc:"The signature above the quotation, all made safe."`
	Text           string            `json:"text"`
	ReplyToEmailID string            `json:"reply_to_email_id"`
	ForwardEmailID string            `json:"forward_email_id"`
	Attachments    []DraftAttachment `json:"attachments"`
}

// Keyed makes calls with an Idempotency-Key: asking twice with one key sends once.
func (w *InWorkspace) Keyed(key string) *InWorkspace {
	keyed := *w
	keyed.client = w.client.With(withHeader("Idempotency-Key", key))
	return &keyed
}

func withHeader(name, value string) Option {
	return func(c *Client) {
		h := *c.http
		next := h.Transport
		if next == nil {
			next = http.DefaultTransport
		}
		h.Transport = headed{next, name, value}
		c.http = &h
	}
}

type headed struct {
	next        http.RoundTripper
	name, value string
}

func (h headed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(h.name, h.value)
	return h.next.RoundTrip(r)
}

// Send puts a message into the outbox.
func (w *InWorkspace) Send(ctx context.Context, in SendRequest) (Outgoing, error) {
	var out Outgoing
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/gmail/send", in, &out)
}

// Outbox lists what the caller sends, newest first; state "" for all.
func (w *InWorkspace) Outbox(ctx context.Context, state string, p Page) (List[Outgoing], error) {
	var out List[Outgoing]
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/outbox"+query("state", state, "cursor", p.Cursor, "limit", p.limit()), nil, &out)
}

// Outgoing gives one message of the outbox.
func (w *InWorkspace) Outgoing(ctx context.Context, id string) (Outgoing, error) {
	var out Outgoing
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/outbox/"+url.PathEscape(id), nil, &out)
}

// CancelOutgoing takes a message back; conflict when it is too late.
func (w *InWorkspace) CancelOutgoing(ctx context.Context, id string) (Outgoing, error) {
	var out Outgoing
	return out, w.client.Do(ctx, http.MethodDelete, w.google+"/gmail/outbox/"+url.PathEscape(id), nil, &out)
}

// RetryOutgoing sends a message that failed now.
func (w *InWorkspace) RetryOutgoing(ctx context.Context, id string) (Outgoing, error) {
	var out Outgoing
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/gmail/outbox/"+url.PathEscape(id)+"/retry", nil, &out)
}

// RescheduleOutgoing gives a message that waits another time.
func (w *InWorkspace) RescheduleOutgoing(ctx context.Context, id string, at time.Time) (Outgoing, error) {
	var out Outgoing
	return out, w.client.Do(ctx, http.MethodPatch, w.google+"/gmail/outbox/"+url.PathEscape(id), Reschedule{SendAt: at}, &out)
}

// Drafts lists the drafts of a connection, newest first, without bodies.
func (w *InWorkspace) Drafts(ctx context.Context, connection string, p Page) (List[Draft], error) {
	var out List[Draft]
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/drafts"+query("connection_id", connection, "cursor", p.Cursor, "limit", p.limit()), nil, &out)
}

// Draft gives one draft.
func (w *InWorkspace) Draft(ctx context.Context, connection, id string) (Draft, error) {
	var out Draft
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/drafts/"+url.PathEscape(id)+query("connection_id", connection), nil, &out)
}

// SaveDraft makes a draft, or replaces the one with in.DraftID.
func (w *InWorkspace) SaveDraft(ctx context.Context, in SendRequest) (Draft, error) {
	var out Draft
	if in.DraftID != "" {
		return out, w.client.Do(ctx, http.MethodPut, w.google+"/gmail/drafts/"+url.PathEscape(in.DraftID), in, &out)
	}
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/gmail/drafts", in, &out)
}

// DeleteDraft deletes a draft in Gmail.
func (w *InWorkspace) DeleteDraft(ctx context.Context, connection, id string) error {
	return w.client.Do(ctx, http.MethodDelete, w.google+"/gmail/drafts/"+url.PathEscape(id)+query("connection_id", connection), nil, nil)
}

// SendDraft sends a draft as it stands in Gmail.
func (w *InWorkspace) SendDraft(ctx context.Context, connection, id string, in SendDraft) (Outgoing, error) {
	var out Outgoing
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/gmail/drafts/"+url.PathEscape(id)+"/send"+query("connection_id", connection), in, &out)
}

// SendAs lists the addresses that a connection may send from.
func (w *InWorkspace) SendAs(ctx context.Context, connection string) ([]SendAs, error) {
	var out List[SendAs]
	return out.Items, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/send-as"+query("connection_id", connection), nil, &out)
}

// Compose begins an answer to a message: reply, reply_all or forward.
func (w *InWorkspace) Compose(ctx context.Context, email, kind string) (Composition, error) {
	var out Composition
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/emails/"+url.PathEscape(email)+"/compose"+query("kind", kind), nil, &out)
}

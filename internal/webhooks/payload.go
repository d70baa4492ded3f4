package webhooks

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Payload is what is sent.
type Payload struct {
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"` // when it happened
	Data      json.RawMessage `json:"data"`
}

// maxText bounds the text of a message in a payload.
const maxText = 256 << 10

// errUnseen: the audience of the endpoint does not see it, or not any more.
var errUnseen = fault.New(fault.NotFound, "Who this webhook is for does not see it any more.")

// payload reads what a delivery tells, as far as its audience sees it now;
// fault.NotFound when that is nothing.
func (s *Service) payload(ctx context.Context, e *Endpoint, d *Delivery) ([]byte, error) {
	if e.Audience == ForMaker {
		if _, err := s.People.Member(ctx, e.WorkspaceID, e.UserID); fault.Is(err, fault.NotFound) {
			return nil, errUnseen
		} else if err != nil {
			return nil, wrap("looking for the maker of a webhook", err)
		}
	}
	data, err := s.data(ctx, e, d)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(data)
	if err == nil {
		text, err = json.Marshal(Payload{Type: d.Event, Timestamp: d.At.UTC(), Data: text})
	}
	return text, wrap("writing a payload", err)
}

func (s *Service) data(ctx context.Context, e *Endpoint, d *Delivery) (any, error) {
	switch d.Event {
	case EmailReceived, EmailSent, EmailUpdated:
		m, err := s.Mail.Email(ctx, e.caller(), crm.EmailID(d.Object))
		if err != nil {
			return nil, wrap("reading the message of a delivery", err)
		}
		return emailData(e, &m), nil
	case EmailDeleted:
		seen, err := s.Mail.Glimpses(ctx, e.caller(), []crm.EmailID{crm.EmailID(d.Object)})
		if err != nil {
			return nil, wrap("looking for the message of a delivery", err)
		}
		if len(seen) == 0 {
			return nil, errUnseen
		}
		return map[string]any{"id": d.Object, "connection_id": d.ConnectionID}, nil
	case RecordCreated, RecordUpdated, RecordRestored:
		r, err := s.Records.RecordPayload(ctx, e.caller(), crm.RecordID(d.Object))
		return r, wrap("reading the record of a delivery", err)
	case RecordDeleted:
		return map[string]any{"id": d.Object}, nil
	case Test:
		return map[string]any{"webhook_id": e.ID, "message": "This is a test of your webhook."}, nil
	}
	return connectionData(d)
}

// connectionData is what a fact about a connection says, with whose it is.
func connectionData(d *Delivery) (any, error) {
	data := map[string]any{}
	if err := decode(d.Data, &data); err != nil {
		return nil, err
	}
	data["connection_id"], data["user_id"] = d.ConnectionID, d.UserID
	if run, has := data["run"]; has {
		delete(data, "run")
		data["run_id"] = run
	}
	return data, nil
}

// Email is a message in a payload, with the names of the API. What the audience
// does not see is empty.
type Email struct {
	ID             crm.EmailID      `json:"id"`
	ConnectionID   crm.ConnectionID `json:"connection_id"`
	OwnerID        crm.UserID       `json:"owner_id"`
	Access         crm.Level        `json:"access"`
	GmailID        string           `json:"gmail_id"`
	GmailThreadID  string           `json:"gmail_thread_id"`
	MessageID      string           `json:"message_id"`
	Subject        string           `json:"subject"`
	FromEmail      string           `json:"from_email"`
	FromName       string           `json:"from_name"`
	ToEmails       []string         `json:"to_emails"`
	Cc             []string         `json:"cc"`
	Snippet        string           `json:"snippet"`
	Labels         []string         `json:"labels"`
	IsRead         bool             `json:"is_read"`
	IsStarred      bool             `json:"is_starred"`
	GmailDate      time.Time        `json:"gmail_date"`
	HasAttachments bool             `json:"has_attachments"`
	Attachments    []File           `json:"attachments,omitempty"`
	BodyText       string           `json:"body_text,omitempty"`
	BodyCut        bool             `json:"body_cut,omitempty"`
}

// File is an attachment in a payload: never its content.
type File struct {
	ID   crm.AttachmentID `json:"id"`
	Name string           `json:"name"`
	Type string           `json:"type"`
	Size int64            `json:"size"`
}

func emailData(e *Endpoint, m *crm.Email) Email {
	full := m.View.Level == crm.LevelFull
	out := Email{
		ID: m.ID, ConnectionID: m.ConnectionID, OwnerID: m.View.Owner, Access: m.View.Level, GmailID: m.GmailID, GmailThreadID: m.ThreadID,
		MessageID: m.RFC822MessageID, Subject: m.Subject, FromEmail: m.From.Email, FromName: m.From.Name, ToEmails: addresses(m.To), Cc: addresses(m.Cc),
		Snippet: m.Snippet, Labels: append([]string{}, m.Labels...), IsRead: full && m.IsRead(), IsStarred: m.IsStarred(), GmailDate: m.Date.UTC(), HasAttachments: m.HasAttachments,
	}
	if !full {
		return out
	}
	for _, f := range m.Attachments {
		out.Attachments = append(out.Attachments, File{ID: f.ID, Name: f.Name, Type: f.Type, Size: f.Size})
	}
	if e.IncludeBody {
		out.BodyText, out.BodyCut = cut(m.BodyText, maxText)
	}
	return out
}

func addresses(list []crm.Address) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.Email
	}
	return out
}

// cut shortens a text to so many bytes, at a character's end.
func cut(text string, most int) (string, bool) {
	if len(text) <= most {
		return text, false
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.TrimSpace(text[:most]), true
}

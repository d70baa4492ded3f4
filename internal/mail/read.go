package mail

import (
	"context"
	"fmt"
	"io"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Read is a message as a reader gets it. BodyHTML is safe to show; Blocked
// counts the images that were not loaded from outside.
type Read struct {
	crm.Email
	Blocked int
}

// AttachmentURL gives the address under which the web UI and API clients get an
// attachment.
type AttachmentURL func(email crm.EmailID, attachment crm.AttachmentID) string

// Reading chooses how messages are shown.
type Reading struct {
	Images        bool          // load images from their senders' servers
	AttachmentURL AttachmentURL // for inline images; nil: they are not shown
}

// List gives a page of the messages the caller may see, newest first.
func (s *Service) List(ctx context.Context, caller access.Caller, q ListQuery) (EmailPage, error) {
	if err := access.Allow(caller, access.MailRead); err != nil {
		return EmailPage{}, err
	}
	q.Workspace = caller.Workspace
	return s.Emails.List(ctx, caller, q)
}

// Email gives one message with safe HTML.
func (s *Service) Email(ctx context.Context, caller access.Caller, id crm.EmailID, how Reading) (Read, error) {
	if err := access.Allow(caller, access.MailRead); err != nil {
		return Read{}, err
	}
	e, err := s.Emails.Email(ctx, caller, id)
	if err != nil {
		return Read{}, err
	}
	return show(e, how), nil
}

// Thread gives the messages of a thread, oldest first, with safe HTML.
func (s *Service) Thread(ctx context.Context, caller access.Caller, c crm.ConnectionID, thread string, how Reading) ([]Read, error) {
	if err := access.Allow(caller, access.MailRead); err != nil {
		return nil, err
	}
	emails, err := s.Emails.Thread(ctx, caller, c, thread)
	if err != nil {
		return nil, err
	}
	out := make([]Read, len(emails))
	for i, e := range emails {
		out[i] = show(e, how)
	}
	return out, nil
}

// show makes a message safe and points inline images at their attachments.
func show(e crm.Email, how Reading) Read {
	o := SafeOptions{Images: how.Images}
	if how.AttachmentURL != nil {
		o.Inline = func(cid string) string {
			for _, a := range e.Attachments {
				if a.ContentID != "" && strings.EqualFold(a.ContentID, cid) && strings.HasPrefix(a.Type, "image/") && a.Type != "image/svg+xml" {
					return how.AttachmentURL(e.ID, a.ID)
				}
			}
			return ""
		}
	}
	safe := SafeHTML{}
	if e.BodyHTML != "" {
		safe = Sanitise(e.BodyHTML, o)
	}
	e.BodyHTML, e.Raw = safe.HTML, nil
	return Read{Email: e, Blocked: safe.Blocked}
}

// Attachment describes an attachment and gives a function that writes its bytes,
// fetched from Gmail at that moment.
func (s *Service) Attachment(ctx context.Context, caller access.Caller, id crm.EmailID, a crm.AttachmentID) (crm.Attachment, func(io.Writer) error, error) {
	if err := access.Allow(caller, access.MailRead); err != nil {
		return crm.Attachment{}, nil, err
	}
	e, err := s.Emails.Email(ctx, caller, id)
	if err != nil {
		return crm.Attachment{}, nil, err
	}
	for _, found := range e.Attachments {
		if found.ID == a {
			return found, func(w io.Writer) error { return s.download(ctx, e, found, w) }, nil
		}
	}
	return crm.Attachment{}, nil, fault.New(fault.NotFound, "There is no such attachment.")
}

func (s *Service) download(ctx context.Context, e crm.Email, a crm.Attachment, w io.Writer) error {
	c, err := s.Connections.Connection(ctx, e.WorkspaceID, e.ConnectionID)
	if err != nil {
		return err
	}
	if err := syncable(c); err != nil && !syncsByIMAP(c) {
		return err
	}
	box, err := s.Mailboxes.Open(ctx, c, Interactive)
	if err != nil {
		return err
	}
	if err := box.Attachment(ctx, e.GmailID, a.PartID, w); err != nil {
		return fmt.Errorf("fetching an attachment: %w", err)
	}
	return nil
}

// Labels gives the labels of a mailbox with their numbers.
func (s *Service) Labels(ctx context.Context, caller access.Caller, c crm.ConnectionID) ([]LabelCount, error) {
	if err := access.Allow(caller, access.MailRead); err != nil {
		return nil, err
	}
	return s.Emails.LabelsOf(ctx, caller, c)
}

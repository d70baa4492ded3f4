package httpapi

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail"
)

// PageInput asks for a page of a list.
type PageInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" maxLength:"1000" doc:"next_cursor of the page before."`
}

func (p PageInput) page() mail.Page { return mail.Page{Limit: p.Limit, Cursor: p.Cursor} }

type listEmailsInput struct {
	InWorkspace
	PageInput
	Q            string         `query:"q" maxLength:"2000" doc:"Gmail's search operators: from: to: subject: has:attachment is:unread label: in: before: after: older_than: newer_than: larger: filename: OR - \"phrase\" ..."`
	Label        string         `query:"label" maxLength:"300" doc:"Gmail label id."`
	RecordID     string         `query:"record_id" maxLength:"64" doc:"Messages linked to a record."`
	IsUnread     optional[bool] `query:"is_unread"`
	ConnectionID string         `query:"connection_id" doc:"Everything the caller may see when absent."`
	Threads      bool           `query:"threads" doc:"One row per conversation: its newest message."`
}

func (s *Server) listEmails(ctx context.Context, c access.Caller, in *listEmailsInput) (*bodyOf[List[EmailItem]], error) {
	if in.RecordID != "" { // nothing is linked before there are records
		return listOf([]EmailItem{}), nil
	}
	found, err := s.Mail.List(ctx, c, mail.ListQuery{
		Workspace: c.Workspace, Connection: crm.ConnectionID(in.ConnectionID), Label: in.Label,
		Unread: in.IsUnread.pointer(), Threads: in.Threads, Page: in.page(),
	}, in.Q)
	if err != nil {
		return nil, err
	}
	out := listOf(each(found.Emails, itemShape))
	out.Body.NextCursor = found.Next
	if found.Total >= 0 {
		out.Body.Total = &found.Total
	}
	return out, nil
}

type emailInput struct {
	InWorkspace
	EmailID string `path:"email_id"`
}

func (s *Server) getEmail(ctx context.Context, c access.Caller, in *emailInput) (*bodyOf[Email], error) {
	e, err := s.Mail.Email(ctx, c, crm.EmailID(in.EmailID))
	if err != nil {
		return nil, err
	}
	thread, err := s.Mail.Thread(ctx, c, e.ConnectionID, e.ThreadID)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Email]{s.emailShape(e, len(thread))}, nil
}

type threadInput struct {
	InWorkspace
	ThreadID     string `path:"thread_id" doc:"Gmail's thread id."`
	ConnectionID string `query:"connection_id" doc:"The caller's first connection when absent."`
}

func (s *Server) getThread(ctx context.Context, c access.Caller, in *threadInput) (*bodyOf[Thread], error) {
	id := crm.ConnectionID(in.ConnectionID)
	if id == "" {
		conn, err := s.mine(ctx, c, "")
		if err != nil {
			return nil, err
		}
		id = conn.ID
	}
	messages, err := s.Mail.Thread(ctx, c, id, in.ThreadID)
	if err != nil {
		return nil, err
	}
	out := Thread{GmailThreadID: in.ThreadID, ConnectionID: string(id)}
	out.Items = each(messages, func(e crm.Email) Email { return s.emailShape(e, len(messages)) })
	if len(messages) > 0 {
		out.Subject = messages[0].Subject
	}
	return &bodyOf[Thread]{out}, nil
}

type attachmentInput struct {
	InWorkspace
	EmailID      string `path:"email_id"`
	AttachmentID string `path:"attachment_id"`
}

// getAttachment streams the bytes from Gmail: they are not stored here.
func (s *Server) getAttachment(ctx context.Context, c access.Caller, in *attachmentInput) (*huma.StreamResponse, error) {
	out := &attachmentWriter{}
	ready, done := make(chan struct{}), make(chan error, 1)
	body, pipe := io.Pipe()
	go func() {
		err := s.Mail.Attachment(ctx, c, crm.EmailID(in.EmailID), crm.AttachmentID(in.AttachmentID), func(a crm.Attachment) io.Writer {
			out.attachment = a
			close(ready)
			return pipe
		})
		_ = pipe.CloseWithError(err)
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return nil, err
		}
	case <-ready:
	}
	// The first bytes decide between an answer and a problem.
	first := make([]byte, 32<<10)
	n, err := io.ReadFull(body, first)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		out.headers(hc)
		_, w := humago.Unwrap(hc)
		_, _ = w.Write(first[:n])
		if _, err := io.Copy(w, body); err != nil {
			panic(http.ErrAbortHandler) // the length is already promised: cut the connection
		}
	}}, nil
}

type attachmentWriter struct{ attachment crm.Attachment }

// headers make the browser save the file and never run it.
func (a *attachmentWriter) headers(ctx huma.Context) {
	kind := a.attachment.Type
	if _, _, err := mime.ParseMediaType(kind); err != nil {
		kind = "application/octet-stream"
	}
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, a.attachment.Name)
	if name == "" {
		name = "attachment"
	}
	ctx.SetHeader("Content-Type", kind)
	ctx.SetHeader("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	ctx.SetHeader("Content-Security-Policy", "sandbox; default-src 'none'")
	ctx.SetHeader("Cache-Control", "private, max-age=300")
	ctx.SetStatus(http.StatusOK)
}

type labelsInput struct {
	InWorkspace
	ConnectionID string `query:"connection_id" doc:"The caller's first connection when absent."`
}

func (s *Server) listLabels(ctx context.Context, c access.Caller, in *labelsInput) (*bodyOf[List[Label]], error) {
	conn, err := s.mine(ctx, c, in.ConnectionID)
	if err != nil {
		return nil, err
	}
	labels, err := s.Mail.Labels(ctx, c, conn.ID)
	if err != nil {
		return nil, err
	}
	return listOf(each(labels, func(l mail.LabelCount) Label { return labelShape(l, conn.Settings.Labels) })), nil
}

func labelShape(l mail.LabelCount, chosen []string) Label {
	out := Label{ID: l.ID, Name: l.Name, Type: l.Type, Color: l.BackgroundColor, Unread: l.Unread, Total: l.Total}
	for _, id := range chosen {
		out.Chosen = out.Chosen || id == l.ID || id == crm.AllLabels
	}
	return out
}

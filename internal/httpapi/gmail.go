package httpapi

import (
	"context"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
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
	Mine         optional[bool] `query:"mine" doc:"true: the caller's own mailboxes only. false: only what colleagues let the caller see."`
	TimeZone     string         `query:"time_zone" maxLength:"64" doc:"Where days begin in before: and after:, as an IANA name. UTC when absent."`
	Threads      bool           `query:"threads" doc:"One row per conversation: its newest message."`
	Sort         string         `query:"sort" enum:"newest,relevance" default:"newest" doc:"relevance: the best first, of the newest 500 messages that match (ranked says how many those are)."`
}

func (s *Server) listEmails(ctx context.Context, c access.Caller, in *listEmailsInput) (*bodyOf[List[EmailItem]], error) {
	q := mail.ListQuery{
		Workspace: c.Workspace, Connection: crm.ConnectionID(in.ConnectionID), Label: in.Label, Record: crm.RecordID(in.RecordID),
		Mine: in.Mine.pointer(), Unread: in.IsUnread.pointer(), Threads: in.Threads, Relevance: in.Sort == "relevance", Page: in.page(),
	}
	if strings.TrimSpace(in.Q) != "" {
		viewer, err := s.viewer(ctx, c, in.TimeZone)
		if err != nil {
			return nil, err
		}
		q.Search = mail.ParseSearch(in.Q, viewer)
	}
	found, err := s.Mail.List(ctx, c, q)
	if err != nil {
		return nil, err
	}
	out := listOf(each(found.Emails, itemShape))
	out.Body.NextCursor = found.Next
	if found.Total >= 0 {
		out.Body.Total = &found.Total
	}
	if q.Relevance {
		out.Body.Ranked = &found.Ranked
	}
	return out, nil
}

// viewer is who searches.
func (s *Server) viewer(ctx context.Context, c access.Caller, zone string) (mail.Viewer, error) {
	v := mail.Viewer{Now: s.Now()}
	var err error
	if v.Zone, err = zoneOf(zone); err != nil {
		return v, err
	}
	mine, err := s.Connections.Mine(ctx, c)
	if err != nil {
		return v, err
	}
	for _, conn := range mine {
		v.Emails = append(v.Emails, conn.GoogleEmail)
	}
	return v, nil
}

// zoneOf is a time zone by its name, nil for none.
func zoneOf(name string) (*time.Location, error) {
	if name == "" {
		return nil, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // Go's name for the server's own zone
		return nil, &fault.Error{Kind: fault.Invalid, Text: "There is no such time zone.", Fields: map[string]string{"time_zone": "must be an IANA name like Europe/Stockholm"}}
	}
	return zone, nil
}

// Pictures says what becomes of pictures on other servers.
type Pictures struct {
	Images bool `query:"images" default:"true" doc:"Keep the addresses of pictures on other servers. Loading one tells the sender that the mail was opened: hold them back until the reader asks. With false they are taken out here."`
}

type emailInput struct {
	InWorkspace
	Pictures
	EmailID string `path:"email_id"`
}

// reading is how messages are shown to a caller.
func reading(c access.Caller, p Pictures) mail.Reading {
	return mail.Reading{Images: p.Images, AttachmentURL: func(e crm.EmailID, a crm.AttachmentID) string {
		return base + "/workspaces/" + string(c.Workspace) + "/integrations/google/gmail/emails/" + string(e) + "/attachments/" + string(a) + "?inline=1"
	}}
}

func (s *Server) getEmail(ctx context.Context, c access.Caller, in *emailInput) (*bodyOf[Email], error) {
	e, err := s.Mail.Email(ctx, c, crm.EmailID(in.EmailID), reading(c, in.Pictures))
	if err != nil {
		return nil, err
	}
	thread, err := s.Mail.Emails.Thread(ctx, c, e.ConnectionID, e.ThreadID) // to count, not to show
	if err != nil {
		return nil, err
	}
	return &bodyOf[Email]{emailShape(e, len(thread))}, nil
}

type threadInput struct {
	InWorkspace
	Pictures
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
	messages, err := s.Mail.Thread(ctx, c, id, in.ThreadID, reading(c, in.Pictures))
	if err != nil {
		return nil, err
	}
	out := Thread{GmailThreadID: in.ThreadID, ConnectionID: string(id)}
	out.Items = each(messages, func(e mail.Read) Email { return emailShape(e, len(messages)) })
	for _, m := range messages { // the first whose subject is seen
		if out.Subject = m.Subject; out.Subject != "" {
			break
		}
	}
	return &bodyOf[Thread]{out}, nil
}

type attachmentInput struct {
	InWorkspace
	EmailID      string `path:"email_id"`
	AttachmentID string `path:"attachment_id"`
	Inline       bool   `query:"inline" doc:"Show a picture in its place instead of saving it."`
}

// getAttachment streams the bytes from Gmail.
func (s *Server) getAttachment(ctx context.Context, c access.Caller, in *attachmentInput) (*huma.StreamResponse, error) {
	about, write, err := s.Mail.Attachment(ctx, c, crm.EmailID(in.EmailID), crm.AttachmentID(in.AttachmentID))
	if err != nil {
		return nil, err
	}
	body, pipe := io.Pipe()
	go func() { _ = pipe.CloseWithError(write(pipe)) }()
	// The first bytes decide between an answer and a problem.
	first := make([]byte, 32<<10)
	n, err := io.ReadFull(body, first)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		attachmentHeaders(hc, about, in.Inline)
		_, w := humago.Unwrap(hc)
		// Ten minutes: 25 MB on a slow line.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(10 * time.Minute))
		_, err := w.Write(first[:n])
		if err == nil {
			_, err = io.Copy(w, body)
		}
		_ = body.CloseWithError(err)
		if err != nil {
			panic(http.ErrAbortHandler) // half a file must not look like a whole one
		}
	}}, nil
}

// shown are the types that may be shown in place: pictures that cannot carry
// script.
var shown = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif"}

// attachmentHeaders make the browser save the file and never run it.
func attachmentHeaders(ctx huma.Context, a crm.Attachment, inline bool) {
	kind, _, err := mime.ParseMediaType(a.Type)
	if err != nil {
		kind = ""
	}
	how := "attachment"
	switch {
	case !slices.Contains(shown, kind): // a page of ours must not take it for a script of ours
		kind = "application/octet-stream"
	case inline:
		how = "inline"
	}
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, a.Name)
	if name == "" {
		name = "attachment"
	}
	ctx.SetHeader("Content-Type", kind)
	ctx.SetHeader("Content-Disposition", mime.FormatMediaType(how, map[string]string{"filename": name}))
	ctx.SetHeader("Content-Security-Policy", "sandbox; default-src 'none'")
	ctx.SetHeader("X-Content-Type-Options", "nosniff")
	ctx.SetHeader("Cross-Origin-Resource-Policy", "same-origin")
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
	return listOf(each(labels, func(l mail.LabelCount) Label { return labelShape(l, conn.Settings) })), nil
}

func labelShape(l mail.LabelCount, chosen crm.ConnectionSettings) Label {
	return Label{
		ID: l.ID, Name: l.Name, Type: l.Type, Color: l.BackgroundColor, TextColor: l.TextColor, Unread: l.Unread, Total: l.Total,
		Chosen: slices.Contains(chosen.Labels, l.ID) || slices.Contains(chosen.Labels, crm.AllLabels), Off: labelsOff(chosen)[l.ID],
	}
}

// labelsOff says what became of the messages of labels that were turned off.
func labelsOff(s crm.ConnectionSettings) map[string]string {
	out := make(map[string]string, len(s.Hidden)+len(s.Kept))
	for _, l := range s.Hidden {
		out[l] = "hide"
	}
	for _, l := range s.Kept {
		out[l] = "keep"
	}
	return out
}

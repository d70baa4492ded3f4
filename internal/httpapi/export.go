package httpapi

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/export"
)

// registerExport is mail as files.
func (s *Server) registerExport(r *router) {
	add(r, may(access.MailExport), get, g+"/gmail/export", "export-emails", "Mail as a file: a message, a conversation, what a search finds, or everything", s.exportMail,
		says("Streams the newest first. mbox and eml hold what the caller sees in full; jsonl has one JSON object a line, with access telling how much of the message is seen. eml of several messages is a ZIP archive. "+
			"With original=true each message is asked for at Google as it was sent, files included (20 units of quota each); without, it is put together from what is stored: header and texts, and a note in place of each file. "+
			"A message or a conversation by itself comes as it was sent, unless original=false. "+
			"Trailers behind the file count what it holds ("+exportedTrailer+"), what mbox and eml leave out because the caller sees a part of it only ("+leftOutTrailer+"), and what was put together ("+rebuiltTrailer+"). Where that is all there is, the answer is 403."),
		answers("200", "application/octet-stream", "The file; cut off without its end if something fails midway"))
}

type exportInput struct {
	InWorkspace
	Format       string         `query:"format" enum:"mbox,eml,jsonl" default:"mbox"`
	EmailID      string         `query:"email_id" maxLength:"64" doc:"One message."`
	ThreadID     string         `query:"thread_id" maxLength:"64" doc:"One conversation, of connection_id."`
	ConnectionID string         `query:"connection_id" maxLength:"64" doc:"Everything the caller sees when absent; of a conversation, the caller's first connection."`
	Q            string         `query:"q" maxLength:"2000" doc:"Gmail's search operators, as in the list."`
	Label        string         `query:"label" maxLength:"300" doc:"Gmail label id."`
	TimeZone     string         `query:"time_zone" maxLength:"64"`
	Original     optional[bool] `query:"original" doc:"Ask Google for the messages as they were sent."`
}

func (s *Server) exportMail(ctx context.Context, c access.Caller, in *exportInput) (*huma.StreamResponse, error) {
	wish := export.Wish{
		Format: export.Format(in.Format), Email: crm.EmailID(in.EmailID), Connection: crm.ConnectionID(in.ConnectionID), Thread: in.ThreadID,
		List: mail.ListQuery{Label: in.Label}, Original: in.EmailID != "" || in.ThreadID != "",
	}
	if p := in.Original.pointer(); p != nil {
		wish.Original = *p
	}
	if wish.Thread != "" && wish.Connection == "" {
		mine, err := s.mine(ctx, c, "")
		if err != nil {
			return nil, err
		}
		wish.Connection = mine.ID
	}
	if strings.TrimSpace(in.Q) != "" {
		viewer, err := s.viewer(ctx, c, in.TimeZone)
		if err != nil {
			return nil, err
		}
		wish.List.Search = mail.ParseSearch(in.Q, viewer)
	}
	body, pipe := io.Pipe()
	var outcome export.Outcome // once body has ended
	go func() {
		var err error
		outcome, err = s.Export.Export(ctx, c, wish, pipe, nil)
		_ = pipe.CloseWithError(err)
	}()
	// The first bytes decide between an answer and a problem.
	first := make([]byte, 32<<10)
	n, err := io.ReadFull(body, first)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if err != nil && outcome.Written == 0 && outcome.Partly > 0 {
		return nil, fault.New(fault.Forbidden, "You see a part of these messages only. Ask their owners to share them.")
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		exportHeaders(hc, wish, s.Now())
		_, w := humago.Unwrap(hc)
		out := patient{w, http.NewResponseController(w)}
		_, err := out.Write(first[:n])
		if err == nil {
			_, err = io.Copy(out, body)
		}
		_ = body.CloseWithError(err)
		if err != nil {
			panic(http.ErrAbortHandler) // half a file must not look like a whole one
		}
		for name, n := range map[string]int64{exportedTrailer: outcome.Written, leftOutTrailer: outcome.Partly, rebuiltTrailer: outcome.Rebuilt} {
			w.Header().Set(name, strconv.FormatInt(n, 10))
		}
	}}, nil
}

// What stands behind an export (RFC 9110, 6.5): only its end knows.
const (
	exportedTrailer = "Rapport-Exported"
	leftOutTrailer  = "Rapport-Left-Out"
	rebuiltTrailer  = "Rapport-Rebuilt"
)

// patient gives each piece of a long answer time of its own.
type patient struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (p patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(time.Minute)) // a server that cannot set deadlines still streams
	return p.w.Write(b)
}

func exportHeaders(hc huma.Context, w export.Wish, now time.Time) {
	kind, end := "application/mbox", ".mbox"
	switch {
	case w.Format == export.JSONL:
		kind, end = "application/x-ndjson", ".jsonl"
	case w.Format == export.EML && w.Single():
		kind, end = "application/octet-stream", ".eml" // a browser must not show it in place
	case w.Format == export.EML:
		kind, end = "application/zip", ".zip"
	}
	hc.SetHeader("Content-Type", kind)
	hc.SetHeader("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "mail-" + now.UTC().Format("2006-01-02") + end}))
	hc.SetHeader("Content-Security-Policy", "sandbox; default-src 'none'")
	hc.SetHeader("Cache-Control", "no-store")
	hc.SetHeader("Trailer", strings.Join([]string{exportedTrailer, leftOutTrailer, rebuiltTrailer}, ", "))
	hc.SetStatus(http.StatusOK)
}

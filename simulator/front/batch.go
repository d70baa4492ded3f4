package front

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
)

// MaxParts is how many calls one batch may hold.
const MaxParts = 100

// serveBatch answers POST /batch/<api>/<version>: every part is a request of
// its own for log, faults, quota and scopes; the batch answers 200 whatever
// happens to the parts. Parts run at the same time.
func (s *Server) serveBatch(w http.ResponseWriter, r *http.Request) {
	now := s.World.Clock.Now()
	entry := Entry{Time: now, HTTP: r.Method, Path: r.URL.RequestURI(), Method: "batch", Batch: s.Log.batches.Add(1)}
	rep := s.batch(w, r, &entry)
	entry.Status = rep.status
	if rep.mode == "cut" {
		entry.Status = 0
	}
	s.Log.Add(entry)
	s.write(w, r, rep)
}

func (s *Server) batch(w http.ResponseWriter, r *http.Request, entry *Entry) reply {
	api, ok := s.batchAPI(r.URL.Path)
	if !ok || r.Method != http.MethodPost {
		return reply{status: 404, kind: "text/html; charset=UTF-8", body: []byte(notFoundPage(r.URL.Path))}
	}
	entry.API = api
	grant, state := s.authenticate(r, r.URL.Query(), partOf{})
	if state == authInvalid {
		return errorReply(nil, unauthenticated(state, nil))
	}
	if grant != nil {
		entry.Account, entry.Client = grant.Account, grant.Client
	}
	if f := s.Faults.Pick(api, "batch", entry.Account); f != nil {
		return f.reply(nil, s, entry.Time)
	}
	parts, err := readParts(w, r)
	if err != nil {
		return errorReply(nil, err)
	}
	entry.Parts = len(parts)
	return s.runParts(r, parts, api, grant, entry.Batch)
}

// batchAPI finds the API of a batch path: /batch/gmail/v1, or /batch alone,
// which hosts with one API (people.googleapis.com) answer.
func (s *Server) batchAPI(path string) (string, bool) {
	rest := strings.Trim(strings.TrimPrefix(path, "/batch"), "/")
	if rest == "" {
		return "", true
	}
	api := s.apis[rest]
	if api == nil {
		return "", false
	}
	for _, ep := range s.handlers {
		if ep.method.API == api {
			return ep.room, true
		}
	}
	return "", false
}

// part is one request of a batch.
type part struct {
	id      string // Content-ID
	request *http.Request
	body    []byte
	err     *Error // the part could not be read
}

func readParts(w http.ResponseWriter, r *http.Request) ([]part, *Error) {
	bad := func(format string, a ...any) *Error {
		return &Error{Code: 400, Reason: "badRequest", Status: "INVALID_ARGUMENT", Message: fmt.Sprintf(format, a...)}
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" || params["boundary"] == "" {
		return nil, bad("Failed to parse batch request, error: Missing or invalid boundary in Content-Type.")
	}
	mr := multipart.NewReader(http.MaxBytesReader(w, r.Body, maxBody), params["boundary"])
	var parts []part
	for {
		p, err := mr.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, bad("Failed to parse batch request, error: %v.", err)
		}
		if len(parts) == MaxParts {
			return nil, bad("The batch request exceeds the maximum of %d calls.", MaxParts)
		}
		parts = append(parts, readPart(r, p))
	}
	if len(parts) == 0 {
		return nil, bad("Failed to parse batch request, error: 0 items; received no parts.")
	}
	return parts, nil
}

// readPart parses "GET /path[ HTTP/1.1]", headers and a body.
func readPart(outer *http.Request, p *multipart.Part) part {
	out := part{id: p.Header.Get("Content-Id")}
	fail := func(msg string) part {
		out.err = &Error{Code: 400, Reason: "badRequest", Status: "INVALID_ARGUMENT", Message: "Failed to parse batch request part: " + msg}
		return out
	}
	if kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); kind != "application/http" {
		return fail("Content-Type is not application/http.")
	}
	br := bufio.NewReader(p)
	line, err := textproto.NewReader(br).ReadLine()
	if err != nil {
		return fail("no request line.")
	}
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return fail("malformed request line.")
	}
	header, err := textproto.NewReader(br).ReadMIMEHeader()
	if err != nil && err != io.EOF {
		return fail("malformed headers.")
	}
	out.body, err = io.ReadAll(br)
	if err != nil {
		return fail("unreadable body.")
	}
	if n, err := strconv.Atoi(header.Get("Content-Length")); err == nil && n < len(out.body) {
		out.body = out.body[:n]
	}
	req, err := http.NewRequestWithContext(outer.Context(), strings.ToUpper(fields[0]), fields[1], http.NoBody)
	if err != nil {
		return fail("malformed address.")
	}
	req.Header = http.Header(header)
	req.RemoteAddr, req.Host = outer.RemoteAddr, outer.Host
	out.request = req
	return out
}

// runParts runs all parts at the same time and joins the answers in order.
// Places under the concurrency limit are taken for all parts before the first
// one runs: that is how a batch meets Gmail, all at once.
func (s *Server) runParts(r *http.Request, parts []part, api string, grant *Grant, batch uint64) reply {
	replies := make([]reply, len(parts))
	places := make([]partOf, len(parts))
	leave := make([]func(), len(parts))
	for i, p := range parts {
		places[i] = partOf{batch: batch, part: i + 1, grant: grant, outer: r}
		leave[i] = func() {}
		if grant != nil && p.err == nil {
			leave[i], places[i].held, places[i].denied = s.reserve(grant)
		}
	}
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() {
			defer leave[i]()
			replies[i] = s.runPart(&parts[i], api, places[i])
		})
	}
	wg.Wait()
	return joinParts(r.Context(), parts, replies)
}

func (s *Server) runPart(p *part, api string, at partOf) reply {
	if p.err != nil {
		return errorReply(nil, p.err)
	}
	if owner := s.owner(p.request.URL.Path); api != "" && owner != api {
		return errorReply(nil, &Error{Code: 400, Reason: "badRequest", Status: "INVALID_ARGUMENT",
			Message: "Batch requests of several APIs are not supported: " + p.request.URL.Path})
	}
	return s.answer(p.request, p.body, at)
}

func (s *Server) reserve(g *Grant) (leave func(), held, denied bool) {
	release, ok := s.Quota.Enter(g)
	if !ok {
		return func() {}, false, true
	}
	return release, true, false
}

func joinParts(ctx context.Context, parts []part, replies []reply) reply {
	const boundary = "batch_simulated_h7Yc2Qm0aVw"
	var out bytes.Buffer
	rep := reply{status: 200, kind: "multipart/mixed; boundary=" + boundary}
	for i, p := range parts {
		in := replies[i]
		if in.mode != "" && rep.mode != "cut" {
			rep.mode, rep.delay = in.mode, max(rep.delay, in.delay)
		}
		fmt.Fprintf(&out, "--%s\r\nContent-Type: application/http\r\n", boundary)
		if p.id != "" {
			fmt.Fprintf(&out, "Content-ID: %s\r\n", responseID(p.id))
		}
		out.WriteString("\r\n")
		writePart(&out, in)
	}
	fmt.Fprintf(&out, "--%s--\r\n", boundary)
	rep.body = out.Bytes()
	if ctx.Err() != nil {
		rep.body = nil
	}
	return rep
}

func writePart(out *bytes.Buffer, in reply) {
	fmt.Fprintf(out, "HTTP/1.1 %d %s\r\n", in.status, http.StatusText(in.status))
	kind := in.kind
	if kind == "" {
		kind = jsonType
	}
	for k, v := range in.header {
		for _, one := range v {
			fmt.Fprintf(out, "%s: %s\r\n", k, one)
		}
	}
	if len(in.body) > 0 {
		fmt.Fprintf(out, "Content-Type: %s\r\n", kind)
	}
	fmt.Fprintf(out, "Content-Length: %d\r\n\r\n", len(in.body))
	out.Write(in.body)
	out.WriteString("\r\n")
}

// responseID is the Content-ID of an answer: <item1> becomes <response-item1>.
func responseID(id string) string {
	if after, ok := strings.CutPrefix(id, "<"); ok {
		return "<response-" + after
	}
	return "response-" + id
}

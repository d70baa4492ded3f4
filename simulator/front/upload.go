package front

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"rapport/simulator/discovery"
)

// uploads holds the resumable uploads under way.
type uploads struct {
	mu       sync.Mutex
	next     int
	sessions map[string]*session
}

// session is one resumable upload.
type session struct {
	mu       sync.Mutex
	method   *discovery.Method
	metadata []byte
	media    []byte
	kind     string // content type of the media
	started  time.Time
}

func (u *uploads) reset() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sessions = map[string]*session{}
}

// find returns the upload a request continues, nil for other requests.
func (u *uploads) find(r *http.Request) *session {
	if !strings.Contains(r.URL.RawQuery, "upload_id=") {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sessions[r.URL.Query().Get("upload_id")]
}

// sessionLife is how long Google keeps a resumable upload.
const sessionLife = 7 * 24 * time.Hour

// media is what a request uploads.
type media struct {
	data []byte
	kind string // content type
}

// receive separates the media of an upload from its JSON. A reply means the
// request is answered with it: an error, the start of a resumable upload, or
// a chunk that is not the last.
func (s *Server) receive(r *http.Request, m *discovery.Method, upload bool, query url.Values, body []byte) (sent media, rest []byte, done *reply) {
	if !upload {
		return media{}, body, nil
	}
	kind := query.Get("uploadType")
	if kind == "" {
		kind = query.Get("upload_protocol")
	}
	var err *Error
	switch kind {
	case "media", "raw":
		sent = media{data: body, kind: r.Header.Get("Content-Type")}
	case "multipart":
		sent, rest, err = splitRelated(r.Header.Get("Content-Type"), body)
	case "resumable":
		sent, rest, done, err = s.resumable(r, m, query, body)
	default:
		err = &Error{Code: 400, Reason: "badRequest", Status: "INVALID_ARGUMENT",
			Message: fmt.Sprintf("Upload type %q: use media, multipart or resumable.", kind)}
	}
	if err == nil && int64(len(sent.data)) > m.Upload.MaxSize {
		err = tooLarge(m)
	}
	if err != nil {
		rep := errorReply(m.API, err)
		return media{}, nil, &rep
	}
	query.Del("upload_id") // not a parameter of the method
	return sent, rest, done
}

func tooLarge(m *discovery.Method) *Error {
	return &Error{Code: 413, Reason: "uploadTooLarge", Status: "INVALID_ARGUMENT",
		Message: fmt.Sprintf("Media too large. Limit: %d", m.Upload.MaxSize)}
}

// splitRelated takes a multipart/related body apart: metadata, then media.
func splitRelated(contentType string, body []byte) (sent media, meta []byte, _ *Error) {
	bad := &Error{Code: 400, Reason: "badContent", Status: "INVALID_ARGUMENT", Message: "Bad content: a multipart upload has a JSON part and a media part."}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return media{}, nil, bad
	}
	mr := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	var got [2]media
	for i := range got {
		p, err := mr.NextRawPart()
		if err != nil {
			return media{}, nil, bad
		}
		var from io.Reader = p
		if strings.EqualFold(p.Header.Get("Content-Transfer-Encoding"), "base64") {
			from = base64.NewDecoder(base64.StdEncoding, p)
		}
		if got[i].data, err = io.ReadAll(from); err != nil {
			return media{}, nil, bad
		}
		got[i].kind = p.Header.Get("Content-Type")
	}
	if _, err := mr.NextRawPart(); err != io.EOF {
		return media{}, nil, bad
	}
	return got[1], got[0].data, nil
}

// resumable starts an upload (no upload_id) or takes a chunk of one.
func (s *Server) resumable(r *http.Request, m *discovery.Method, query url.Values, body []byte) (sent media, meta []byte, done *reply, _ *Error) {
	id := query.Get("upload_id")
	if id == "" {
		rep, err := s.startUpload(r, m, query, body)
		return media{}, nil, rep, err
	}
	s.uploads.mu.Lock()
	up := s.uploads.sessions[id]
	s.uploads.mu.Unlock()
	if up == nil || up.method != m || s.World.Clock.Now().Sub(up.started) > sessionLife {
		return media{}, nil, nil, &Error{Code: 404, Reason: "notFound", Status: "NOT_FOUND", Message: "No such upload session."}
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	complete, err := up.take(r.Header.Get("Content-Range"), body)
	if err != nil {
		return media{}, nil, nil, err
	}
	if !complete {
		rep := up.incomplete(r)
		return media{}, nil, &rep, nil
	}
	s.uploads.mu.Lock()
	delete(s.uploads.sessions, id)
	s.uploads.mu.Unlock()
	if up.kind == "" {
		up.kind = r.Header.Get("Content-Type")
	}
	return media{up.media, up.kind}, up.metadata, nil, nil
}

func (s *Server) startUpload(r *http.Request, m *discovery.Method, query url.Values, body []byte) (*reply, *Error) {
	if n, err := strconv.ParseInt(r.Header.Get("X-Upload-Content-Length"), 10, 64); err == nil && n > m.Upload.MaxSize {
		return nil, tooLarge(m)
	}
	if len(body) > 0 && !json.Valid(body) {
		return nil, &Error{Code: 400, Reason: "parseError", Status: "INVALID_ARGUMENT", Message: "Parse Error"}
	}
	s.uploads.mu.Lock()
	defer s.uploads.mu.Unlock()
	s.uploads.next++
	id := fmt.Sprintf("AB%010d", s.uploads.next)
	s.uploads.sessions[id] = &session{method: m, metadata: body, kind: r.Header.Get("X-Upload-Content-Type"), started: s.World.Clock.Now()}
	again := url.Values{}
	for k, v := range query {
		again[k] = v
	}
	again.Set("upload_id", id)
	where := baseURL(r) + r.URL.EscapedPath() + "?" + again.Encode()
	return &reply{status: 200, header: http.Header{"Location": {where}, "X-Guploader-Uploadid": {id}}}, nil
}

// take adds a chunk. Content-Range is "bytes a-b/total", "bytes a-b/*", or
// "bytes */total" to ask how far it is; none means the whole media.
func (u *session) take(contentRange string, body []byte) (complete bool, _ *Error) {
	if contentRange == "" {
		u.media = append(u.media[:0], body...)
		return true, nil
	}
	bad := &Error{Code: 400, Reason: "badRequest", Status: "INVALID_ARGUMENT", Message: "Failed to parse Content-Range header."}
	span, total, ok := strings.Cut(strings.TrimPrefix(contentRange, "bytes "), "/")
	if !ok {
		return false, bad
	}
	size := int64(-1)
	if total != "*" {
		n, err := strconv.ParseInt(total, 10, 64)
		if err != nil {
			return false, bad
		}
		size = n
	}
	if span != "*" {
		first, _, ok := strings.Cut(span, "-")
		from, err := strconv.Atoi(first)
		if !ok || err != nil || from > len(u.media) {
			return false, bad
		}
		u.media = append(u.media[:from], body...)
	}
	if int64(len(u.media)) > u.method.Upload.MaxSize {
		return false, tooLarge(u.method)
	}
	return size >= 0 && int64(len(u.media)) >= size, nil
}

// incomplete is 308, or, for clients that ask (Google's own), 200 with the
// 308 in a header.
func (u *session) incomplete(r *http.Request) reply {
	rep := reply{status: http.StatusPermanentRedirect, header: http.Header{}}
	if n := len(u.media); n > 0 {
		rep.header.Set("Range", fmt.Sprintf("bytes=0-%d", n-1))
	}
	if r.Header.Get("X-GUploader-No-308") == "yes" {
		rep.status = http.StatusOK
		rep.header.Set("X-HTTP-Status-Code-Override", "308")
	}
	return rep
}

// baseURL is where the request came to.
func baseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

package front

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"rapport/simulator/discovery"
)

// Reply is an answer of a handler that needs more than a JSON body: a status
// other than 200, headers (ETag), or a body that is not JSON.
type Reply struct {
	Status int // 0 means 200
	Header http.Header
	Type   string // content type; empty means Body is JSON to encode
	Body   any    // []byte when Type is set
}

// render turns what a handler answered into a reply.
func render(answer any, mask discovery.Mask, query url.Values) reply {
	rep := reply{status: http.StatusOK}
	switch a := answer.(type) {
	case nil:
		rep.status = http.StatusNoContent
		return rep
	case Raw:
		rep.body = a
	case Reply:
		if a.Status != 0 {
			rep.status = a.Status
		}
		rep.header, rep.kind = a.Header, a.Type
		if a.Type != "" {
			rep.body, _ = a.Body.([]byte)
			return rep
		}
		if a.Body == nil {
			return rep
		}
		if raw, ok := a.Body.(Raw); ok {
			rep.body = raw
		} else {
			return encode(rep, a.Body, mask, query)
		}
	default:
		return encode(rep, answer, mask, query)
	}
	return shape(rep, mask, query)
}

func encode(rep reply, v any, mask discovery.Mask, query url.Values) reply {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return errorReply(nil, asError(err))
	}
	rep.body = b.Bytes()
	return shape(rep, mask, query)
}

// shape applies `fields` and `prettyPrint`.
func shape(rep reply, mask discovery.Mask, query url.Values) reply {
	if mask != nil {
		rep.body = mask.Select(make([]byte, 0, len(rep.body)), rep.body)
	}
	if query.Get("prettyPrint") != "false" {
		var b bytes.Buffer
		if json.Indent(&b, bytes.TrimSpace(rep.body), "", "  ") == nil {
			b.WriteByte('\n')
			rep.body = b.Bytes()
		}
	}
	return rep
}

const jsonType = "application/json; charset=UTF-8"

// write sends a reply over HTTP.
func (s *Server) write(w http.ResponseWriter, r *http.Request, rep reply) {
	if rep.mode == "cut" && len(rep.body) == 0 {
		cut(w)
	}
	h := w.Header()
	for k, v := range rep.header {
		h[k] = v
	}
	if off := s.World.Clock.Offset(); off != 0 {
		h.Set("Date", s.World.Clock.Now().Format(http.TimeFormat))
	}
	if rep.status == http.StatusNoContent || (len(rep.body) == 0 && rep.kind == "") {
		w.WriteHeader(rep.status)
		return
	}
	h.Set("Vary", "Origin, X-Origin, Referer")
	if rep.kind != "" {
		h.Set("Content-Type", rep.kind)
	} else {
		h.Set("Content-Type", jsonType)
	}
	body := rep.body
	if len(body) > 1024 && wantsGzip(r) {
		body = gzipped(body)
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(rep.status)
	if rep.mode == "cut" {
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // closes the connection
	}
	if rep.mode == "slow" {
		writeSlowly(r.Context(), w, body, rep.delay)
		return
	}
	_, _ = w.Write(body) // the client went away: nothing to do
}

// cut closes the connection after the first bytes of an answer. Without any
// bytes Go's client would quietly repeat the request on another connection.
func cut(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_, _ = conn.Write([]byte("HTTP/1.1 2"))
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// writeSlowly sends half of the body, waits, and sends the rest.
func writeSlowly(ctx context.Context, w http.ResponseWriter, body []byte, d time.Duration) {
	half := len(body) / 2
	_, _ = w.Write(body[:half])
	_ = http.NewResponseController(w).Flush()
	pause(ctx, d)
	_, _ = w.Write(body[half:])
}

// wantsGzip follows Google's old rule: Accept-Encoding and a User-Agent that
// contains "gzip".
func wantsGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && strings.Contains(r.UserAgent(), "gzip")
}

var zippers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return z
}}

func gzipped(b []byte) []byte {
	z := zippers.Get().(*gzip.Writer)
	defer zippers.Put(z)
	var out bytes.Buffer
	z.Reset(&out)
	_, _ = z.Write(b) // a bytes.Buffer never fails
	_ = z.Close()
	return out.Bytes()
}

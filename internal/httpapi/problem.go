package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/client"
	"rapport/internal/fault"
	"rapport/internal/records"
)

// Problem is how an error leaves (RFC 9457).
type Problem struct {
	client.Problem
	header http.Header
}

func (p *Problem) GetStatus() int          { return p.Status }
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType makes huma answer application/problem+json.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// statuses is the only map from faults to HTTP.
var statuses = map[fault.Kind]struct {
	status int
	code   string
}{
	fault.Internal:        {http.StatusInternalServerError, "internal"},
	fault.Invalid:         {http.StatusUnprocessableEntity, "validation_failed"},
	fault.NotFound:        {http.StatusNotFound, "not_found"},
	fault.Conflict:        {http.StatusConflict, "conflict"},
	fault.Forbidden:       {http.StatusForbidden, "access_denied"},
	fault.Unauthenticated: {http.StatusUnauthorized, "unauthenticated"},
	fault.Reconnect:       {http.StatusConflict, "google_reauthorization_required"},
	fault.Permission:      {http.StatusForbidden, "insufficient_permission"},
	fault.Stale:           {http.StatusConflict, "conflict"},
	fault.Throttled:       {http.StatusTooManyRequests, "rate_limited"},
	fault.Unavailable:     {http.StatusServiceUnavailable, "unavailable"},
	fault.Gone:            {http.StatusGone, "gone"},
	fault.Blocked:         {http.StatusForbidden, "waiting_for_admin"},
}

// problemOf turns any error into the answer for it. Text of a classified fault
// is meant for people; that of the errors it wraps is not.
func problemOf(err error, requestID string) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		if p.RequestID == "" {
			p.RequestID = requestID
		}
		return p
	}
	kind := fault.Of(err)
	known := statuses[kind]
	p = &Problem{header: http.Header{}, Problem: client.Problem{
		Type: "about:blank", Title: http.StatusText(known.status), Status: known.status, Code: known.code, RequestID: requestID,
	}}
	var f *fault.Error
	if errors.As(err, &f) && kind != fault.Internal {
		p.Detail, p.ActionURL, p.Fields, p.Scopes = plainText(f), f.Action, f.Fields, f.Scopes
		if f.Code != "" {
			p.Code = f.Code
		}
		if f.Code == records.CodeChanged { // whoever asked named the version (RFC 9110, 13.1.1)
			p.Status, p.Title = http.StatusPreconditionFailed, http.StatusText(http.StatusPreconditionFailed)
		}
	}
	if p.Detail == "" {
		p.Detail = defaultText(kind, requestID)
	}
	if after := fault.After(err); after > 0 || kind == fault.Throttled {
		p.header.Set("Retry-After", strconv.Itoa(max(1, int((after+time.Second-1)/time.Second))))
	}
	if kind == fault.Unauthenticated {
		p.header.Set("WWW-Authenticate", `Bearer realm="rapport"`)
	}
	return p
}

// plainText is the text of a fault without the texts of what it wraps.
func plainText(f *fault.Error) string {
	if f.Err == nil {
		return f.Text
	}
	inner := f.Err.Error()
	if i := strings.Index(f.Text, inner); inner != "" && i >= 0 {
		return strings.TrimRight(strings.TrimSpace(f.Text[:i]), ":")
	}
	return f.Text
}

func defaultText(k fault.Kind, requestID string) string {
	switch k {
	case fault.NotFound:
		return "There is no such thing here."
	case fault.Unavailable:
		return "This cannot be done right now. Try again in a moment."
	case fault.Throttled:
		return "Too many requests. Try again in a moment."
	case fault.Reconnect:
		return "Google no longer accepts this connection. Connect the account again."
	case fault.Internal:
		return "Something went wrong on our side. Reference: " + requestID
	}
	return http.StatusText(statuses[k].status)
}

// Mistakes that huma finds by itself (validation, media types, sizes) leave in
// the same shape.
func init() {
	huma.DefaultArrayNullable = false
	huma.NewError = newProblem
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		broken := errors.Join(errs...)
		if f := (*fault.Error)(nil); errors.As(broken, &f) { // of ours, while the request was read
			p := problemOf(f, requestIDOf(ctx.Context()))
			for name := range p.header {
				ctx.SetHeader(name, p.header.Get(name))
			}
			return p
		}
		if errors.Is(broken, io.ErrUnexpectedEOF) { // whoever asked went away: no failure of ours
			status, msg = http.StatusBadRequest, "The request broke off before all of it was here. Send it again."
		}
		p := newProblem(status, msg, errs...).(*Problem)
		p.RequestID = requestIDOf(ctx.Context())
		if status == http.StatusRequestEntityTooLarge {
			p.Detail = tooLarge(ctx.Operation().MaxBodyBytes)
		}
		if status >= 500 {
			requestOf(ctx.Context()).logger().ErrorContext(ctx.Context(), "request failed", "error", broken)
			p.Detail = defaultText(fault.Internal, p.RequestID)
		}
		return p
	}
}

// tooLarge tells how large a request may be.
func tooLarge(most int64) string {
	if most == maxLetter {
		return "This message is too large: Gmail takes 25 MB, attachments encoded. Leave some out, or share them as links."
	}
	return fmt.Sprintf("The request is larger than the %d MB that are taken here. Send less at once.", most>>20)
}

// codesByStatus names the problems that huma finds.
var codesByStatus = map[int]string{
	http.StatusBadRequest:            "bad_request",
	http.StatusRequestTimeout:        "timeout",
	http.StatusRequestEntityTooLarge: "too_large",
	http.StatusUnsupportedMediaType:  "unsupported_media_type",
	http.StatusNotAcceptable:         "not_acceptable",
	http.StatusUnprocessableEntity:   "validation_failed",
	http.StatusMethodNotAllowed:      "method_not_allowed",
	http.StatusNotFound:              "not_found",
	http.StatusForbidden:             "access_denied",
}

func newProblem(status int, msg string, errs ...error) huma.StatusError {
	p := &Problem{Problem: client.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: msg, Code: codesByStatus[status]}}
	if p.Code == "" {
		p.Code = "internal"
	}
	for _, err := range errs {
		var d *huma.ErrorDetail
		if !errors.As(err, &d) {
			continue
		}
		if p.Fields == nil {
			p.Fields = map[string]string{}
		}
		where, what := fieldOf(d)
		p.Fields[where] = what
	}
	if status == http.StatusUnprocessableEntity || status == http.StatusBadRequest {
		p.Detail = "The request is not valid: see fields."
	}
	if len(p.Fields) == 0 {
		p.Detail = msg
	}
	if status == http.StatusRequestTimeout {
		p.Detail = "The request came in too slowly. Send it again, or over a faster line."
	}
	return p
}

// fieldOf names the field that a finding of huma is about. A value is never
// part of it: it may be a password.
func fieldOf(d *huma.ErrorDetail) (where, what string) {
	where = d.Location
	for _, part := range []string{"body.", "query.", "path.", "header."} {
		where = strings.TrimPrefix(where, part)
	}
	name, required := strings.CutSuffix(d.Message, " to be present")
	if !required {
		return where, d.Message
	}
	name = strings.TrimPrefix(name, "expected required property ")
	if where == "body" {
		return name, "is required"
	}
	return where + "." + name, "is required"
}

// writeProblem answers a request outside huma.
func writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err, requestIDOf(r.Context()))
	logFailure(r.Context(), err, p)
	for k, v := range p.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// logFailure writes down what the answer hides.
func logFailure(ctx context.Context, err error, p *Problem) {
	r := requestOf(ctx)
	if p.Status < 500 && !r.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	log := r.logger()
	switch {
	case p.Status >= 500 && p.Code == "internal":
		log.ErrorContext(ctx, "request failed", "error", err)
	case p.Status >= 500:
		log.WarnContext(ctx, "request not served", "code", p.Code, "error", err)
	default:
		log.DebugContext(ctx, "request refused", "code", p.Code, "error", err)
	}
}

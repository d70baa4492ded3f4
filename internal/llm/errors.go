package llm

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rapport/internal/enrich"
	"rapport/internal/fault"
)

// Codes of faults of this door.
const (
	codeKey     = "model_key_refused"
	codeUnknown = "model_unknown"
	codeCredit  = "model_no_credit"
	codeRate    = "model_rate_limited"
	codeDown    = "model_unavailable"
	codeTimeout = "model_timeout"
	codeRequest = "model_request_refused"
)

// longestWait bounds what a provider may make us wait.
const longestWait = time.Hour

// garbled is the fault for an answer that cannot be used.
func garbled(why string) error {
	return &fault.Error{Kind: fault.Invalid, Code: enrich.CodeGarbled, Text: "The model's answer " + why + "."}
}

// refused is the fault for a text the model does not want to answer to.
func refused() error {
	return &fault.Error{Kind: fault.Invalid, Code: enrich.CodeRefused, Text: "The model does not want to answer."}
}

// classify makes a fault of an answer that is not 200. Of its body only codes are
// read: texts of providers may quote what was asked.
func classify(status int, header http.Header, body []byte, now time.Time) error {
	code := errorCode(body)
	e := &fault.Error{Err: fmt.Errorf("the model's provider answered %d %s", status, code)}
	switch {
	case code == "insufficient_quota" || code == "billing_error" || status == http.StatusPaymentRequired:
		e.Kind, e.Code, e.Text = fault.Blocked, codeCredit, "The account at the model's provider has no credit left. Top it up, or choose another model."
	case status == http.StatusTooManyRequests:
		e.Kind, e.Code, e.Text = fault.Throttled, codeRate, "The model's provider asks for fewer questions at a time."
		e.After = retryAfter(header, body, now)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, code == "API_KEY_INVALID":
		e.Kind, e.Code, e.Text = fault.Forbidden, codeKey, "The model's provider refuses the API key. Enter one that may use this model."
	case status == http.StatusNotFound:
		e.Kind, e.Code, e.Text = fault.NotFound, codeUnknown, "There is no such model at this address. Check the name of the model and the address."
	case status >= 300 && status < 400:
		e.Kind, e.Code, e.Text = fault.Blocked, codeRequest, "The model's address points elsewhere, and redirects are not followed. Enter the address it points to."
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status >= 500:
		e.Kind, e.Code, e.Text = fault.Unavailable, codeDown, "The model's provider has a problem now."
		e.After = retryAfter(header, body, now)
	default:
		e.Kind, e.Code, e.Text = fault.Blocked, codeRequest, fmt.Sprintf("The model's provider refuses the question (%d). The model may not be able to answer in a given shape: choose another.", status)
	}
	return e
}

// errorCode is the machine-readable part of an error: OpenAI's error.code or
// error.type, Anthropic's error.type, Google's reason or error.status.
func errorCode(body []byte) string {
	var envelope struct {
		Error json.RawMessage `json:"error"`
	}
	var e struct {
		Code, Type, Status any
		Details            []struct{ Reason string }
	}
	if json.Unmarshal(body, &envelope) != nil || json.Unmarshal(envelope.Error, &e) != nil {
		return ""
	}
	for _, d := range e.Details {
		if isCode(d.Reason) {
			return d.Reason
		}
	}
	for _, v := range []any{e.Code, e.Status, e.Type} {
		if s, is := v.(string); is && isCode(s) {
			return s
		}
	}
	return ""
}

func isCode(s string) bool {
	return s != "" && len(s) <= 60 && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// retryAfter is how long the provider asks to wait: Retry-After in seconds or as a
// date (RFC 9110, 10.2.3), OpenAI's retry-after-ms, or Google's RetryInfo.
func retryAfter(h http.Header, body []byte, now time.Time) time.Duration {
	if ms, err := strconv.ParseInt(h.Get("Retry-After-Ms"), 10, 64); err == nil {
		return bounded(ms, time.Millisecond)
	}
	v := h.Get("Retry-After")
	if n, err := strconv.ParseInt(v, 10, 64); err == nil {
		return bounded(n, time.Second)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(0, at.Sub(now)), longestWait)
	}
	var envelope struct {
		Error struct {
			Details []struct{ RetryDelay string }
		}
	}
	if json.Unmarshal(body, &envelope) == nil {
		for _, d := range envelope.Error.Details {
			if wait, err := time.ParseDuration(d.RetryDelay); err == nil {
				return min(max(0, wait), longestWait)
			}
		}
	}
	return 0
}

func bounded(n int64, unit time.Duration) time.Duration {
	if n <= 0 {
		return 0
	}
	return time.Duration(min(n, int64(longestWait/unit))) * unit
}

// unreachable is the fault for no answer at all.
func unreachable(ctx context.Context, err error) error {
	var f *fault.Error
	var network net.Error
	var certificate *tls.CertificateVerificationError
	var dns *net.DNSError
	switch {
	case errors.As(err, &f) && f.Kind == fault.Forbidden: // the guard
		return f
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return &fault.Error{Kind: fault.Unavailable, Code: codeTimeout, Text: "The model did not answer in time."}
	case errors.As(err, &certificate):
		return &fault.Error{Kind: fault.Unavailable, Code: codeDown, Text: "The certificate of the model's server is not valid."}
	case errors.As(err, &dns):
		return &fault.Error{Kind: fault.Unavailable, Code: codeDown, Text: "The name of the model's server cannot be found."}
	}
	return &fault.Error{Kind: fault.Unavailable, Code: codeDown, Text: "The model's server cannot be reached."}
}

package front

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"

	"rapport/simulator/discovery"
)

// statusOf gives the canonical status of an HTTP code.
var statusOf = map[int]string{
	400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
	409: "ALREADY_EXISTS", 412: "FAILED_PRECONDITION", 413: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED",
	500: "INTERNAL", 501: "UNIMPLEMENTED", 502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}

// reasonOf gives the usual reason of an HTTP code.
var reasonOf = map[int]string{
	400: "badRequest", 401: "authError", 403: "forbidden", 404: "notFound", 409: "aborted", 410: "gone",
	412: "conditionNotMet", 429: "rateLimitExceeded", 500: "backendError", 502: "backendError", 503: "backendError", 504: "backendError",
}

// messageOf gives the usual text of an HTTP code.
var messageOf = map[int]string{
	400: "Request contains an invalid argument.", 401: "Invalid Credentials", 403: "The caller does not have permission",
	404: "Requested entity was not found.", 409: "The operation was aborted.", 410: "Gone", 412: "Precondition Failed",
	429: "Resource has been exhausted (e.g. check quota).", 500: "Internal error encountered.",
	502: "Bad Gateway", 503: "The service is currently unavailable.", 504: "Deadline expired before operation could complete.",
}

// asError makes any error a Google error.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: 500, Message: "Internal error encountered.", Reason: "backendError", Status: "INTERNAL",
		Details: []any{map[string]string{"@type": "type.googleapis.com/google.rpc.DebugInfo", "detail": err.Error()}}}
}

// errorReply writes an error in the envelope of the API: with errors[] and
// status on most, without status on the old ones (Calendar, Drive).
func errorReply(api *discovery.API, e *Error) reply {
	body := errorEnvelope{Code: e.Code, Message: e.Message, Details: e.Details}
	if body.Message == "" {
		body.Message = messageOf[e.Code]
	}
	body.Status = e.Status
	if body.Status == "" && (api == nil || !api.Classic) {
		body.Status = statusOf[e.Code]
	}
	if wantsErrors(api) {
		reason := e.Reason
		if reason == "" {
			reason = reasonOf[e.Code]
		}
		item := errorItem{Message: e.ErrorMessage, Domain: e.Domain, Reason: reason, Location: e.Location, ExtendedHelp: e.ExtendedHelp}
		if item.Message == "" {
			item.Message = body.Message
		}
		if item.Domain == "" {
			item.Domain = "global"
		}
		if item.Location != "" {
			item.LocationType = e.LocationType
			if item.LocationType == "" {
				item.LocationType = "header"
			}
		}
		body.Errors = []errorItem{item}
	}
	out, err := json.Marshal(map[string]errorEnvelope{"error": body})
	if err != nil {
		out = fmt.Appendf(nil, `{"error":{"code":%d,"message":"unprintable"}}`, e.Code)
	}
	return reply{status: e.Code, header: e.Header, body: out}
}

// wantsErrors tells whether an API lists errors[] beside its status. People,
// Sheets, Meet and Pub/Sub do not.
func wantsErrors(api *discovery.API) bool {
	if api == nil {
		return true
	}
	switch api.Name {
	case "people", "sheets", "meet", "pubsub":
		return false
	}
	return true
}

type errorEnvelope struct {
	Code    int         `json:"code"`
	Message string      `json:"message"`
	Errors  []errorItem `json:"errors,omitempty"`
	Status  string      `json:"status,omitempty"`
	Details []any       `json:"details,omitempty"`
}

type errorItem struct {
	Message      string `json:"message"`
	Domain       string `json:"domain"`
	Reason       string `json:"reason"`
	Location     string `json:"location,omitempty"`
	LocationType string `json:"locationType,omitempty"`
	ExtendedHelp string `json:"extendedHelp,omitempty"`
}

// violation is the 400 for a request the discovery document does not allow.
func violation(api *discovery.API, v *discovery.Violation) *Error {
	e := &Error{Code: 400, Message: v.Message, Reason: v.Reason, Status: "INVALID_ARGUMENT"}
	if v.Query {
		e.Location, e.LocationType = v.Field, "parameter"
	}
	if api.Classic {
		e.Status = ""
		return e
	}
	e.Details = []any{map[string]any{
		"@type":           "type.googleapis.com/google.rpc.BadRequest",
		"fieldViolations": []map[string]string{{"field": v.Field, "description": v.Message}},
	}}
	return e
}

func tooManyConcurrent() *Error {
	return &Error{Code: http.StatusTooManyRequests, Message: "Too many concurrent requests for user",
		Reason: "rateLimitExceeded", Domain: "usageLimits", Status: "RESOURCE_EXHAUSTED"}
}

func notFoundPage(path string) string {
	return `<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error 404 (Not Found)!!1</title>
  <p><b>404.</b> <ins>That’s an error.</ins>
  <p>The requested URL <code>` + html.EscapeString(path) + `</code> was not found on this server.  <ins>That’s all we know.</ins>
`
}

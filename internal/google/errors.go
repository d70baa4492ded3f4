package google

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"rapport/internal/fault"
)

// Codes that a classified error of this package may carry, beside those of the
// HTTP API.
const (
	codeUnauthenticated = "token_refused"       // 401: refresh once, then try again
	codeConcurrent      = "too_many_concurrent" // fewer requests at a time, same rate
	codeUserRate        = "user_rate"           // slower for this mailbox
	codeProjectRate     = "project_rate"        // slower for the whole project
	codeForbidden       = "forbidden_at_google" // this item or address, whatever the scopes
	codeTooLarge        = "too_large"           // the answer exceeds maxAnswer
	codeGarbled         = "garbled"             // an answer that could not be read, again and again
	codeNotGoogle       = "not_google"          // no answer of the API at all: a proxy, an outage page
)

// answer is an error answer of an API, as far as it decides anything.
type answer struct {
	status  int
	header  http.Header
	json    bool
	message string
	code    string   // error.status: "PERMISSION_DENIED"
	reasons []string // errors[].reason and details[].reason
}

// classify makes a fault of an HTTP error answer (behaviour reference 2.3, 2.4,
// 3.13). It decides by status, error.status and reasons; by text only where
// Google gives nothing else: the two kinds of failedPrecondition, the limit on
// concurrency, the metadata scope's rules, and plain-text quota refusals.
func classify(status int, header http.Header, body []byte, now time.Time) *fault.Error {
	a := readAnswer(status, header, body)
	e := a.classify(now)
	e.Err = &apiError{status, a.code, a.reasons, a.json}
	if e.After == 0 && fault.Passing(e) {
		e.After = a.retryAfter(now)
	}
	return e
}

// apiError is what logs may know of an answer: no text, since texts of Google
// name addresses.
type apiError struct {
	status  int
	code    string
	reasons []string
	json    bool // it is an answer of the API, not of something on the way
}

func (e *apiError) Error() string {
	return strings.TrimSpace("google answered " + strconv.Itoa(e.status) + " " + strings.Join(e.reasons, ","))
}

func readAnswer(status int, header http.Header, body []byte) answer {
	a := answer{status: status, header: header}
	var envelope struct {
		Error struct {
			Message string
			Status  string
			Errors  []struct{ Reason string }
			Details []struct{ Reason string }
		}
	}
	if json.Unmarshal(body, &envelope) != nil {
		a.message = string(body[:min(len(body), 500)])
		return a
	}
	e := envelope.Error
	a.message, a.code = e.Message, e.Status
	for _, r := range append(e.Errors, e.Details...) {
		if r.Reason != "" {
			a.reasons = append(a.reasons, r.Reason)
		}
	}
	a.json = a.message != "" || a.code != "" || len(a.reasons) > 0
	return a
}

func (a *answer) has(reasons ...string) bool {
	return slices.ContainsFunc(reasons, func(r string) bool { return slices.Contains(a.reasons, r) })
}

func (a *answer) says(text string) bool {
	return strings.Contains(strings.ToLower(a.message), strings.ToLower(text))
}

func (a *answer) classify(now time.Time) *fault.Error {
	switch {
	case a.status == 400:
		return a.badRequest()
	case a.status == 401:
		return &fault.Error{Kind: fault.Unavailable, Code: codeUnauthenticated, Text: "Google refused the access token."}
	case a.status == 403 || a.status == 429:
		return a.refused(now)
	case a.status == 404 && a.json:
		return &fault.Error{Kind: fault.NotFound, Text: "Google does not know this item."}
	case a.status == 404:
		return &fault.Error{Kind: fault.Unavailable, Code: codeNotGoogle, Text: "The answer does not come from Google's API."}
	case a.status == 409:
		return &fault.Error{Kind: fault.Conflict, Text: "It conflicts with something that exists at Google."}
	case a.status == 410 && a.has("deleted"):
		return &fault.Error{Kind: fault.Gone, Text: "It was deleted at Google."}
	case a.status == 410 || a.status == 412:
		return &fault.Error{Kind: fault.Stale, Text: "It has changed at Google since it was read."}
	case a.status == 413:
		return &fault.Error{Kind: fault.Invalid, Text: "It is larger than Google accepts."}
	case a.status == 408 || a.status >= 500:
		return &fault.Error{Kind: fault.Unavailable, Code: "google_unavailable", Text: "Google has a problem just now."}
	case a.status >= 300 && a.status < 400:
		return &fault.Error{Kind: fault.Unavailable, Code: codeNotGoogle, Text: "The answer does not come from Google's API."}
	}
	return &fault.Error{Kind: fault.Internal, Text: "Google refused a request."}
}

func (a *answer) badRequest() *fault.Error {
	switch {
	case a.has("EXPIRED_SYNC_TOKEN"):
		return &fault.Error{Kind: fault.Stale, Text: "The position is too old for Google."}
	case (a.has("failedPrecondition") || a.code == "FAILED_PRECONDITION") && a.says("not enabled"):
		return &fault.Error{Kind: fault.Blocked, Code: "mailbox_unavailable",
			Text: "Gmail is not switched on for this account. An administrator can switch it on in Google's Admin console."}
	case a.has("failedPrecondition") || a.code == "FAILED_PRECONDITION":
		return &fault.Error{Kind: fault.Unavailable, Code: "google_unavailable", Text: "Google cannot open this mailbox just now."}
	case !a.json:
		return &fault.Error{Kind: fault.Unavailable, Code: codeNotGoogle, Text: "The answer does not come from Google's API."}
	}
	return &fault.Error{Kind: fault.Invalid, Text: "Google did not accept the request."}
}

// refused sorts 403 and 429: a quota answer comes as either.
func (a *answer) refused(now time.Time) *fault.Error {
	switch {
	case a.says("too many concurrent requests"):
		return &fault.Error{Kind: fault.Throttled, Code: codeConcurrent, Text: "Too many requests for this mailbox at a time."}
	case a.has("dailyLimitExceeded"):
		return &fault.Error{Kind: fault.Throttled, Code: codeProjectRate, After: untilPacificMidnight(now),
			Text: "Today's quota of the Google project is used up."}
	case a.has("quotaExceeded"):
		return &fault.Error{Kind: fault.Throttled, Code: codeUserRate, After: 10 * time.Minute,
			Text: "Google asks for a long pause."}
	case a.status == 429 || a.has("rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"),
		!a.json && (a.says("quota exceeded") || a.says("rate higher than configured") || a.says("rate limit")):
		return a.rate()
	case a.has("accessNotConfigured", "SERVICE_DISABLED"):
		return &fault.Error{Kind: fault.Blocked, Code: "api_disabled",
			Text: "The Google API is not enabled in the Google Cloud project of this installation. The operator can enable it there."}
	case a.has("domainPolicy", "notACalendarUser"):
		return &fault.Error{Kind: fault.Blocked, Code: "domain_policy",
			Text: "The administrators of this Google organisation do not allow it for this account."}
	case a.has("insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT") || a.says("metadata scope"):
		return &fault.Error{Kind: fault.Permission, Code: "insufficient_permission", Scopes: a.neededScopes(),
			Text: "The permission for this was not given at Google."}
	case !a.json:
		return &fault.Error{Kind: fault.Unavailable, Code: codeNotGoogle, Text: "The answer does not come from Google's API."}
	}
	return &fault.Error{Kind: fault.Forbidden, Code: codeForbidden, Text: "Google does not allow this for the account."}
}

// rate tells a user's limit from the project's: only the text does.
func (a *answer) rate() *fault.Error {
	e := &fault.Error{Kind: fault.Throttled, Code: codeUserRate, Text: "The mailbox is used faster than Google allows."}
	if a.says("limit 'units per minute'") || a.says("limit 'queries per minute'") {
		e.Code, e.Text = codeProjectRate, "This installation is used faster than Google allows."
	}
	return e
}

var retryText = regexp.MustCompile(`(?i)retry after\s+(\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:?\d\d))`)

// retryAfter is when Google wants to be asked again: the header in both its
// forms, or the moment in the text (which is where Gmail puts it).
func (a *answer) retryAfter(now time.Time) time.Duration {
	if v := a.header.Get("Retry-After"); v != "" {
		if n, err := strconv.Atoi(v); err == nil && n >= 0 {
			return time.Duration(n) * time.Second
		}
		if t, err := http.ParseTime(v); err == nil {
			return max(t.Sub(now), 0)
		}
	}
	if m := retryText.FindStringSubmatch(a.message); m != nil {
		if t, err := time.Parse(time.RFC3339Nano, m[1]); err == nil {
			return max(t.Sub(now), 0)
		}
	}
	return 0
}

var scopeParam = regexp.MustCompile(`scope="([^"]*)"`)

// neededScopes are those of which one would do (WWW-Authenticate).
func (a *answer) neededScopes() []string {
	if m := scopeParam.FindStringSubmatch(a.header.Get("WWW-Authenticate")); m != nil {
		return strings.Fields(m[1])
	}
	return nil
}

// untilPacificMidnight: quota days end there. Without time-zone data the
// winter time stands in.
func untilPacificMidnight(now time.Time) time.Duration {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		zone = time.FixedZone("PST", -8*3600)
	}
	t := now.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, zone).Sub(now)
}

// fromCall classifies what a call of Google's client library returned.
func fromCall(err error, now time.Time) error {
	if err == nil {
		return nil
	}
	var e *googleapi.Error
	if errors.As(err, &e) {
		return classify(e.Code, e.Header, []byte(e.Body), now)
	}
	return fromNetwork(err)
}

// fromNetwork classifies an error without an answer, or with one that could not
// be read: time-outs, refused and cut connections, DNS, garbled JSON.
func fromNetwork(err error) error {
	var classified *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &classified):
		return err
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, errTooLarge):
		return &fault.Error{Kind: fault.Invalid, Code: codeTooLarge, Text: "Google's answer is larger than can be handled.", Err: err}
	}
	return &fault.Error{Kind: fault.Unavailable, Code: "google_unavailable", Text: "Google cannot be reached just now.", Err: err}
}

// ended are the definite answers of the token endpoint that a grant is no more
// (behaviour reference 1.7).
var ended = []string{"invalid_grant", "admin_policy_enforced", "deleted_client", "unauthorized_client"}

// badCode are answers to an exchange that another try with the same code does not mend.
var badCode = []string{"invalid_request", "redirect_uri_mismatch"}

// fromToken classifies an error of the token endpoint. dead is what a definite
// refusal means: fault.Reconnect at a refresh, fault.Invalid at an exchange.
func fromToken(err error, dead fault.Kind, now time.Time) error {
	var e *oauth2.RetrieveError
	if !errors.As(err, &e) || e.Response == nil {
		return fromNetwork(err)
	}
	status := e.Response.StatusCode
	// The library's error holds the whole answer, so it is not wrapped.
	cause := &apiError{status, "", []string{shortCode(e.ErrorCode)}, true}
	switch {
	case status == 429:
		a := answer{status: status, header: e.Response.Header, message: e.ErrorDescription}
		return &fault.Error{Kind: fault.Throttled, Code: codeUserRate, After: a.retryAfter(now), Err: cause, Text: "Google asks for a pause."}
	case status < 400 || status >= 500:
		return &fault.Error{Kind: fault.Unavailable, Code: "google_unavailable", Err: cause, Text: "Google has a problem just now."}
	case slices.Contains(ended, e.ErrorCode) && dead == fault.Reconnect:
		return &fault.Error{Kind: dead, Code: "google_reauthorization_required", Err: cause, Text: "Google has ended the access."}
	case dead == fault.Invalid && (slices.Contains(ended, e.ErrorCode) || slices.Contains(badCode, e.ErrorCode)):
		return &fault.Error{Kind: fault.Invalid, Code: "consent_expired", Err: cause, Text: "Google did not accept the code: it was used or has expired. Start again."}
	case e.ErrorCode == "invalid_client":
		return &fault.Error{Kind: fault.Unavailable, Code: "oauth_client_refused", Err: cause,
			Text: "Google does not accept this installation's OAuth client. The operator has to check client id and secret."}
	}
	return &fault.Error{Kind: fault.Unavailable, Code: "google_unavailable", Err: cause, Text: "Google refused the request for now."}
}

// shortCode keeps an error code out of logs that is not one.
func shortCode(code string) string {
	if len(code) > 40 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "unknown"
	}
	return code
}

package google

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"rapport/internal/fault"
)

var noon = time.Date(2026, 7, 18, 12, 0, 0, 0, time.UTC)

// body is an error answer in the envelope of the newer APIs.
func body(code int, message, reason, status, detail string) string {
	d := ""
	if detail != "" {
		d = `,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"` + detail + `","domain":"googleapis.com"}]`
	}
	e := ""
	if reason != "" {
		e = `,"errors":[{"message":"x","domain":"global","reason":"` + reason + `"}]`
	}
	return fmt.Sprintf(`{"error":{"code":%d,"message":%q%s,"status":%q%s}}`, code, message, e, status, d)
}

func TestClassification(t *testing.T) {
	type h = http.Header
	quoted := "User-rate limit exceeded.  Retry after 2026-07-18T12:00:30.000Z"
	for _, c := range []struct {
		what   string
		status int
		header h
		body   string
		kind   fault.Kind
		code   string
		after  time.Duration
	}{
		// 2.4, in its order
		{"bad token", 401, nil, body(401, "Request had invalid authentication credentials.", "authError", "UNAUTHENTICATED", ""), fault.Unavailable, codeUnauthenticated, 0},
		{"no token", 401, nil, body(401, "Login Required", "required", "UNAUTHENTICATED", "CREDENTIALS_MISSING"), fault.Unavailable, codeUnauthenticated, 0},
		{"scope", 403, nil, body(403, "Request had insufficient authentication scopes.", "insufficientPermissions", "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), fault.Permission, "insufficient_permission", 0},
		{"scope, People's form", 403, nil, body(403, "Request had insufficient authentication scopes.", "", "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), fault.Permission, "insufficient_permission", 0},
		{"API off", 403, nil, body(403, "Gmail API has not been used in project 1 before or it is disabled.", "accessNotConfigured", "PERMISSION_DENIED", "SERVICE_DISABLED"), fault.Blocked, "api_disabled", 0},
		{"domain policy", 403, nil, body(403, "The domain administrators have disabled Gmail apps.", "domainPolicy", "", ""), fault.Blocked, "domain_policy", 0},
		{"403 rate", 403, nil, body(403, quoted, "rateLimitExceeded", "PERMISSION_DENIED", ""), fault.Throttled, codeUserRate, 30 * time.Second},
		{"403 user rate", 403, nil, body(403, quoted, "userRateLimitExceeded", "PERMISSION_DENIED", ""), fault.Throttled, codeUserRate, 30 * time.Second},
		{"daily", 403, nil, body(403, "Daily Limit Exceeded", "dailyLimitExceeded", "", ""), fault.Throttled, codeProjectRate, 19 * time.Hour},
		{"calendar abuse", 403, nil, body(403, "Calendar usage limits exceeded.", "quotaExceeded", "", ""), fault.Throttled, codeUserRate, 10 * time.Minute},
		{"not found", 404, nil, body(404, "Requested entity was not found.", "notFound", "NOT_FOUND", ""), fault.NotFound, "", 0},
		{"429", 429, nil, body(429, quoted, "rateLimitExceeded", "RESOURCE_EXHAUSTED", ""), fault.Throttled, codeUserRate, 30 * time.Second},
		{"429 bare", 429, nil, ``, fault.Throttled, codeUserRate, 0},
		{"500", 500, nil, body(500, "Internal error encountered.", "backendError", "INTERNAL", ""), fault.Unavailable, "google_unavailable", 0},
		{"503 with a header", 503, h{"Retry-After": {"7"}}, body(503, "The service is currently unavailable.", "backendError", "UNAVAILABLE", ""), fault.Unavailable, "google_unavailable", 7 * time.Second},
		{"504", 504, nil, "", fault.Unavailable, "google_unavailable", 0},
		// 3.13
		{"project quota", 403, nil, body(403, "Quota exceeded for quota metric 'Queries' and limit 'Units per minute' of service 'gmail.googleapis.com' for consumer 'project_number:1'.", "rateLimitExceeded", "", ""), fault.Throttled, codeProjectRate, 0},
		{"user quota", 403, nil, body(403, "Quota exceeded for quota metric 'Queries' and limit 'Units per minute per user' of service 'gmail.googleapis.com' for consumer 'project_number:1'.", "rateLimitExceeded", "", ""), fault.Throttled, codeUserRate, 0},
		{"concurrency", 429, nil, body(429, "Too many concurrent requests for user", "rateLimitExceeded", "RESOURCE_EXHAUSTED", ""), fault.Throttled, codeConcurrent, 0},
		{"precondition, passing", 400, nil, body(400, "Precondition check failed.", "failedPrecondition", "FAILED_PRECONDITION", ""), fault.Unavailable, "google_unavailable", 0},
		{"precondition, lasting", 400, nil, body(400, "Mail service not enabled", "failedPrecondition", "FAILED_PRECONDITION", ""), fault.Blocked, "mailbox_unavailable", 0},
		// 3.5
		{"metadata and q", 403, nil, body(403, "Metadata scope does not support 'q' parameter", "forbidden", "PERMISSION_DENIED", ""), fault.Permission, "insufficient_permission", 0},
		{"metadata and full", 403, nil, body(403, "Metadata scope doesn't allow format FULL", "forbidden", "PERMISSION_DENIED", ""), fault.Permission, "insufficient_permission", 0},
		{"another mailbox", 403, nil, body(403, "Delegation denied for bo@x.example", "forbidden", "PERMISSION_DENIED", ""), fault.Forbidden, codeForbidden, 0},
		{"bad id", 400, nil, body(400, "Invalid id value", "invalidArgument", "INVALID_ARGUMENT", ""), fault.Invalid, "", 0},
		// the other APIs
		{"People's expired token", 400, nil, body(400, "Sync token is expired.", "", "FAILED_PRECONDITION", "EXPIRED_SYNC_TOKEN"), fault.Stale, "", 0},
		{"410 full sync", 410, nil, body(410, "Sync token is no longer valid", "fullSyncRequired", "", ""), fault.Stale, "", 0},
		{"410 deleted", 410, nil, body(410, "Resource has been deleted", "deleted", "", ""), fault.Gone, "", 0},
		{"412", 412, nil, body(412, "Precondition Failed", "conditionNotMet", "", ""), fault.Stale, "", 0},
		{"409", 409, nil, body(409, "Label name exists or conflicts", "aborted", "ABORTED", ""), fault.Conflict, "", 0},
		{"not a calendar user", 403, nil, body(403, "The user must be signed up for Google Calendar.", "notACalendarUser", "", ""), fault.Blocked, "domain_policy", 0},
		// Retry-After in both forms, and before the text
		{"seconds", 429, h{"Retry-After": {"120"}}, body(429, quoted, "rateLimitExceeded", "", ""), fault.Throttled, codeUserRate, 2 * time.Minute},
		{"date", 429, h{"Retry-After": {"Sat, 18 Jul 2026 12:05:00 GMT"}}, "", fault.Throttled, codeUserRate, 5 * time.Minute},
		{"date that has passed", 429, h{"Retry-After": {"Sat, 18 Jul 2026 11:05:00 GMT"}}, "", fault.Throttled, codeUserRate, 0},
		{"nonsense", 429, h{"Retry-After": {"soon"}}, "", fault.Throttled, codeUserRate, 0},
		{"zone with an offset", 429, nil, body(429, "User-rate limit exceeded.  Retry after 2026-07-18T14:00:10+02:00", "rateLimitExceeded", "", ""), fault.Throttled, codeUserRate, 10 * time.Second},
		// answers that are not the API's
		{"HTML 404", 404, nil, "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", fault.Unavailable, codeNotGoogle, 0},
		{"HTML 502", 502, nil, "<html>Bad Gateway</html>", fault.Unavailable, "google_unavailable", 0},
		{"a proxy's 403", 403, nil, "<html>Blocked by your company</html>", fault.Unavailable, codeNotGoogle, 0},
		{"a proxy's 400", 400, nil, "Bad Request", fault.Unavailable, codeNotGoogle, 0},
		{"JSON of others", 404, nil, `{"message":"no Route matched"}`, fault.Unavailable, codeNotGoogle, 0},
		{"a redirect to a portal", 302, nil, "", fault.Unavailable, codeNotGoogle, 0},
		{"plain quota", 403, nil, "Request rate higher than configured", fault.Throttled, codeUserRate, 0},
		{"plain quota metric", 403, nil, "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service", fault.Throttled, codeProjectRate, 0},
		{"something new", 418, nil, body(418, "teapot", "", "", ""), fault.Internal, "", 0},
	} {
		e := classify(c.status, c.header, []byte(c.body), noon)
		require.Equal(t, c.kind, e.Kind, c.what)
		require.Equal(t, c.code, e.Code, c.what)
		require.Equal(t, c.after, e.After, c.what)
		require.NotEmpty(t, e.Text, c.what)
		require.NotContains(t, e.Error(), "bo@x.example", "%s: texts of Google name people", c.what)
	}
}

func TestTheNeededScopesAreNamed(t *testing.T) {
	h := http.Header{"Www-Authenticate": {`Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="https://mail.google.com/ https://www.googleapis.com/auth/gmail.readonly"`}}
	e := classify(403, h, []byte(body(403, "x", "insufficientPermissions", "PERMISSION_DENIED", "")), noon)
	require.Equal(t, []string{"https://mail.google.com/", "https://www.googleapis.com/auth/gmail.readonly"}, e.Scopes)
}

func TestErrorsOfTheLibraryAreClassified(t *testing.T) {
	wrapped := fmt.Errorf("calling: %w", &googleapi.Error{Code: 404, Body: body(404, "Requested entity was not found.", "notFound", "NOT_FOUND", "")})
	require.Equal(t, fault.NotFound, fault.Of(fromCall(wrapped, noon)))
	require.NoError(t, fromCall(nil, noon))
	require.Equal(t, fault.Unavailable, fault.Of(fromCall(&url.Error{Op: "Get", Err: errors.New("connection refused")}, noon)))
	require.ErrorIs(t, fromCall(context.Canceled, noon), context.Canceled)
	require.Equal(t, fault.Unavailable, fault.Of(fromCall(context.DeadlineExceeded, noon)))
	// A refresh that fails inside a call is not a *googleapi.Error.
	dead := &url.Error{Op: "Get", Err: fault.New(fault.Reconnect, "dead")}
	require.Equal(t, fault.Reconnect, fault.Of(fromCall(dead, noon)))
}

// Every row of the token endpoint's table (behaviour reference 1.7).
func TestTokenEndpointErrors(t *testing.T) {
	const expired = "Token has been expired or revoked."
	for _, c := range []struct {
		status   int
		code     string
		text     string
		refresh  fault.Kind
		exchange fault.Kind
	}{
		{400, "invalid_grant", expired, fault.Reconnect, fault.Invalid},
		{400, "invalid_grant", "Bad Request", fault.Reconnect, fault.Invalid},
		{400, "invalid_grant", "The account has been deleted", fault.Reconnect, fault.Invalid},
		{400, "invalid_grant", "reauth related error (invalid_rapt)", fault.Reconnect, fault.Invalid},
		{400, "invalid_grant", "reauth related error (rapt_required)", fault.Reconnect, fault.Invalid},
		{400, "invalid_grant", "Malformed auth code.", fault.Reconnect, fault.Invalid},
		{400, "invalid_grant", "Invalid code verifier.", fault.Reconnect, fault.Invalid},
		{400, "invalid_request", "Missing required parameter: code", fault.Unavailable, fault.Invalid},
		{400, "invalid_request", "client_secret is missing.", fault.Unavailable, fault.Invalid},
		{400, "redirect_uri_mismatch", "Bad Request", fault.Unavailable, fault.Invalid},
		{401, "invalid_client", "The OAuth client was not found.", fault.Unavailable, fault.Unavailable},
		{401, "invalid_client", "Unauthorized", fault.Unavailable, fault.Unavailable},
		{400, "unauthorized_client", "Client is unauthorized", fault.Reconnect, fault.Invalid},
		{401, "unauthorized_client", "Client is unauthorized", fault.Reconnect, fault.Invalid},
		{401, "deleted_client", "", fault.Reconnect, fault.Invalid},
		{403, "access_denied", "Account restricted", fault.Unavailable, fault.Unavailable},
		{400, "admin_policy_enforced", "", fault.Reconnect, fault.Invalid},
		{500, "internal_failure", "Backend Error", fault.Unavailable, fault.Unavailable},
		{503, "internal_failure", "Backend Error", fault.Unavailable, fault.Unavailable},
		{500, "invalid_grant", expired, fault.Unavailable, fault.Unavailable}, // a 5xx is never definite
		{429, "rate_limit_exceeded", "", fault.Throttled, fault.Throttled},
		{400, "", "", fault.Unavailable, fault.Unavailable}, // no JSON
	} {
		err := &oauth2.RetrieveError{Response: &http.Response{StatusCode: c.status, Header: http.Header{}}, ErrorCode: c.code, ErrorDescription: c.text}
		wrapped := &url.Error{Op: "Post", URL: "x", Err: err}
		require.Equal(t, c.refresh, fault.Of(fromToken(wrapped, fault.Reconnect, noon)), "%+v", c)
		require.Equal(t, c.exchange, fault.Of(fromToken(wrapped, fault.Invalid, noon)), "%+v", c)
	}
	require.Equal(t, fault.Unavailable, fault.Of(fromToken(errors.New("oauth2: cannot parse json"), fault.Reconnect, noon)))
	require.Equal(t, fault.Unavailable, fault.Of(fromToken(&url.Error{Op: "Post", Err: errors.New("timeout")}, fault.Reconnect, noon)))
}

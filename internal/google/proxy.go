package google

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/crm"
)

// Proxy passes calls of plugins on to Google's APIs with a token they never see.
type Proxy struct {
	endpoints Endpoints
	transport http.RoundTripper
	longest   time.Duration
	failed    func(service crm.Service, err error)
}

// ProxyOptions of NewProxy. Wrap, Longest and Failed may be empty.
type ProxyOptions struct {
	Endpoints Endpoints
	Wrap      func(http.RoundTripper) http.RoundTripper // tracing, as in NewHTTPClient
	Longest   time.Duration                             // of one call with all its bytes; 10 minutes
	Failed    func(service crm.Service, err error)      // hears of calls that did not reach Google
}

// NewProxy makes a proxy with connections of its own.
func NewProxy(o ProxyOptions) *Proxy {
	p := &Proxy{endpoints: o.Endpoints, transport: newTransport(), longest: o.Longest, failed: o.Failed}
	if p.longest <= 0 {
		p.longest = 10 * time.Minute
	}
	if p.failed == nil {
		p.failed = func(crm.Service, error) {}
	}
	if o.Wrap != nil {
		p.transport = o.Wrap(p.transport)
	}
	return p
}

// Forward makes the call r at Google with the access token and streams both
// ways. path is Google's, escaped and with its slash; the query is r's. Only
// headers that Google's APIs know go there, and no redirect is followed. Google's
// answer comes back as it is, errors included, without what would speak for
// another site under our address; a Location within the same API is given as path
// and query alone. Calls in a batch, parameters that override the method or bring
// credentials (see refusedParameter), and bodies of form fields, which Google
// binds like parameters, are refused with 400: what is in them cannot be checked
// against what the caller may. It answers by itself in every case; 502 and 504
// (application/problem+json) when Google cannot be reached or is too slow.
func (p *Proxy) Forward(w http.ResponseWriter, r *http.Request, token crm.Secret, service crm.Service, path string) {
	query := r.URL.Query()
	for name := range query {
		if refusedParameter(name) {
			refuse(w, http.StatusBadRequest, "bad_parameter", "The parameter "+strconv.Quote(name)+" cannot be used through Rapport.")
			return
		}
	}
	if strings.Contains(strings.ToLower(strings.Join(r.Header.Values("Content-Type"), ",")), "x-www-form-urlencoded") {
		refuse(w, http.StatusBadRequest, "bad_body", "Form fields cannot be sent through Rapport. Send JSON, with its Content-Type.")
		return
	}
	target, ok := p.target(service, path, query)
	if !ok {
		refuse(w, http.StatusBadRequest, "bad_path", "This path cannot be called through Rapport.")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), p.longest)
	defer cancel()
	proxy := httputil.ReverseProxy{
		Transport:     p.transport,
		FlushInterval: -1, // at once: the other side may be waiting for a part of the answer
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.Out.URL, pr.Out.Host = target, target.Host
			pr.Out.Header = forGoogle(pr.In.Header)
			pr.Out.Header.Set("Authorization", "Bearer "+token.Reveal())
		},
		ModifyResponse: func(res *http.Response) error {
			forCaller(res, target)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { p.trouble(w, service, err) },
		ErrorLog:     log.New(told{p, service}, "", 0), // an answer that breaks off in its middle
	}
	proxy.ServeHTTP(w, r.WithContext(ctx))
}

// Google's APIs know parameters that belong to no method (Cloud APIs, "System
// parameters"). Of those with a $ these say how an answer is written; others name
// another method ($httpMethod), headers or credentials. The rest bring
// credentials, make a script of the answer, or speak for another user or project.
var (
	harmlessSystem = []string{"$alt", "$fields", "$prettyPrint", "$.xgafv"}
	refusedPlain   = []string{"access_token", "oauth_token", "bearer_token", "authorization", "key", "callback", "userip", "userproject", "xoauth_requestor_id", "httpmethod"}
)

// refusedParameter reports whether a parameter does not go to Google.
func refusedParameter(name string) bool {
	name = strings.TrimSpace(name)
	if strings.HasPrefix(name, "$") {
		return !slices.Contains(harmlessSystem, name)
	}
	return slices.Contains(refusedPlain, strings.ToLower(name))
}

// target is the address at Google.
func (p *Proxy) target(service crm.Service, path string, query url.Values) (*url.URL, bool) {
	plain, err := url.PathUnescape(path)
	segments := strings.Split(strings.TrimPrefix(plain, "/"), "/")
	odd := func(s string) bool { return s == "." || s == ".." }
	if err != nil || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") || strings.ContainsAny(plain, "\\\r\n\x00") ||
		slices.ContainsFunc(segments, odd) || segments[0] == "" || segments[0] == "batch" || strings.HasPrefix(segments[0], "batch:") {
		return nil, false
	}
	root := p.endpoints.host(service, plain)
	u, err := url.Parse(strings.TrimSuffix(root, "/") + path)
	if root == "" || err != nil || u.Host == "" {
		return nil, false
	}
	u.RawQuery = query.Encode()
	return u, true
}

// toGoogle are the headers that Google's APIs read, beside those that begin with
// one of toGoogleBegin. Whatever else a caller sends is about us.
var (
	toGoogle = []string{"Accept", "Accept-Encoding", "Accept-Language", "Content-Encoding", "Content-Range", "Content-Type", "If-Match",
		"If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Range", "User-Agent", "X-Goog-Api-Client", "X-Goog-Fieldmask"}
	toGoogleBegin = []string{"X-Upload-Content-", "X-Goog-Upload-", "X-Guploader-"}
)

func forGoogle(in http.Header) http.Header {
	out := http.Header{}
	for name, values := range in {
		name = textproto.CanonicalMIMEHeaderKey(name)
		if slices.Contains(toGoogle, name) || slices.ContainsFunc(toGoogleBegin, func(b string) bool { return strings.HasPrefix(name, b) }) {
			out[name] = slices.Clone(values)
		}
	}
	if out.Get("User-Agent") == "" {
		out.Set("User-Agent", "") // else Go names itself
	}
	return out
}

// notToCaller are headers that a browser would take as spoken by us.
var notToCaller = []string{"Set-Cookie", "Set-Cookie2", "Alt-Svc", "Strict-Transport-Security", "Clear-Site-Data", "Nel", "Report-To", "Reporting-Endpoints",
	"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Expose-Headers"}

func forCaller(res *http.Response, target *url.URL) {
	for _, name := range notToCaller {
		res.Header.Del(name)
	}
	to, err := url.Parse(res.Header.Get("Location"))
	if err == nil && to.Host == target.Host { // the address of an upload that goes on
		res.Header.Set("Location", to.RequestURI())
	}
}

func (p *Proxy) trouble(w http.ResponseWriter, service crm.Service, err error) {
	p.failed(service, err)
	switch {
	case errors.Is(err, context.Canceled): // the caller went away
		w.WriteHeader(http.StatusBadGateway)
	case errors.Is(err, context.DeadlineExceeded):
		refuse(w, http.StatusGatewayTimeout, "google_unavailable", "Google took too long.")
	default:
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			refuse(w, http.StatusRequestEntityTooLarge, "too_large", "That is more than can be sent this way.")
			return
		}
		refuse(w, http.StatusBadGateway, "google_unavailable", "Google cannot be reached just now.")
	}
}

// told passes what the standard library would print to Failed.
type told struct {
	proxy   *Proxy
	service crm.Service
}

func (t told) Write(text []byte) (int, error) {
	t.proxy.failed(t.service, errors.New(strings.TrimSpace(string(text))))
	return len(text), nil
}

// refuse answers in our own name (RFC 9457).
func refuse(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the caller went away: nothing to do
		"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": text,
	})
}

package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"

	"rapport/internal/crm"
)

// Some paths carry a secret: the handle of a lease, the token of an invitation or
// of a connect link. It is taken out of the request before anything reads its
// address, so that no log line, metric, trace or error can hold it.

// hiding are the beginnings of such paths; what follows up to a slash is secret.
var hiding = []string{proxyPath, base + "/invitations/", base + "/connect-links/", "/invite/", "/connect/"}

const proxyPath = base + "/google/proxy/"

// hiddenMark stands in a path for the secret that was taken out.
const hiddenMark = "-"

// hide takes the secret out of the address of a request and gives it. An address
// that leads to a secret and is spelled in another way than ours (doubled slashes,
// escaped letters, other case) is odd: all behind its beginning is taken out, and
// it is to be answered with 404.
func hide(r *http.Request) (secret crm.Secret, odd bool) {
	whole := r.URL.EscapedPath()
	if strings.HasPrefix(whole, tokenPath) && plainAlready(whole) { // most of what is asked
		return crm.Secret{}, false
	}
	for _, start := range hiding {
		rest, is := strings.CutPrefix(whole, start)
		if !is {
			continue
		}
		if clean(whole) != whole {
			break
		}
		token, after, more := strings.Cut(rest, "/")
		if token == "" {
			return crm.Secret{}, false
		}
		path := start + hiddenMark
		if more {
			path += "/" + after
		}
		readdress(r, path)
		return crm.NewSecret(unescaped(token)), false
	}
	plain := plainest(whole)
	for _, start := range hiding {
		// The page behind /connect is nobody's secret; what stands behind a slash is.
		if len(plain) > len(start) && strings.EqualFold(plain[:len(start)], start) {
			readdress(r, start+hiddenMark)
			return crm.Secret{}, true
		}
	}
	return crm.Secret{}, false
}

// readdress gives a request another path, which is escaped.
func readdress(r *http.Request, path string) {
	u := *r.URL
	if u.Path, u.RawPath = unescaped(path), path; u.Path == path {
		u.RawPath = ""
	}
	r.URL = &u
	r.RequestURI = u.RequestURI()
}

// clean is a path as http.ServeMux wants it.
func clean(p string) string {
	out := path.Clean("/" + p)
	if strings.HasSuffix(p, "/") && out != "/" {
		out += "/"
	}
	return out
}

// plainest is an escaped path as far as it can be made plain: unescaped again and
// again, with slashes alone, each once, and no dots between them.
func plainest(escaped string) string {
	for range 5 {
		plain, err := url.PathUnescape(escaped)
		if err != nil || plain == escaped {
			break
		}
		escaped = plain
	}
	return clean(strings.ReplaceAll(escaped, "\\", "/"))
}

// plainAlready reports that plainest gives the path back as it is.
func plainAlready(escaped string) bool {
	return !strings.ContainsAny(escaped, `%\`) && !strings.Contains(escaped, "//") && !strings.Contains(escaped, "/.")
}

// secretLooking is what one of our tokens, keys or handles looks like, wherever
// it stands.
var secretLooking = regexp.MustCompile(`(?i)\brap[a-z]?_[A-Za-z0-9_-]+|\brpt_[A-Za-z0-9_-]+|[A-Za-z0-9_-]{40,}`)

// tokenPaths are followed by the name that a plugin gives its user, which may be
// the address of a person.
var tokenPaths = []string{tokenPath, "/api/tokens/"}

var plainName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// shownPath is a path as logs and traces show it: without the names that plugins
// give their users, and without what may be a secret.
func shownPath(u *url.URL) string {
	escaped := u.EscapedPath()
	plain := plainest(escaped)
	for _, start := range tokenPaths {
		if len(plain) <= len(start) || !strings.EqualFold(plain[:len(start)], start) {
			continue
		}
		user, service, _ := strings.Cut(strings.TrimPrefix(escaped, start), "/")
		if strings.HasPrefix(escaped, start) && user != "" && plainName.MatchString(service) {
			return start + "{userId}/" + service
		}
		return start + "{userId}"
	}
	return secretLooking.ReplaceAllString(plain, "[redacted]")
}

// traced lets Trace see a request under the address that is shown, and what it
// wraps under its own.
func traced(trace func(http.Handler) http.Handler, next http.Handler) http.Handler {
	type address struct {
		url *url.URL
		uri string
	}
	type key struct{}
	inner := trace(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if own, known := r.Context().Value(key{}).(address); known {
			r.URL, r.RequestURI = own.url, own.uri
		}
		next.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own := address{r.URL, r.RequestURI}
		shown := r.WithContext(context.WithValue(r.Context(), key{}, own))
		// Queries carry signatures and codes.
		shown.URL = &url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: shownPath(r.URL)}
		shown.RequestURI = shown.URL.RequestURI()
		inner.ServeHTTP(w, shown)
	})
}

// hiddenOf gives the secret that was taken out of the path of a request.
func hiddenOf(ctx context.Context) crm.Secret { return requestOf(ctx).hidden }

// shownAgain puts the secret back, for sending a browser to the same address
// under another name.
func shownAgain(ctx context.Context, path string) string {
	secret := hiddenOf(ctx)
	if secret.IsZero() {
		return path
	}
	for _, start := range hiding {
		if rest, is := strings.CutPrefix(path, start+hiddenMark); is {
			return start + secret.Reveal() + rest
		}
	}
	return path
}

func unescaped(text string) string {
	plain, err := url.PathUnescape(text)
	if err != nil { // cannot be: it comes from an address that was parsed
		return text
	}
	return plain
}

package httpapi

import (
	"context"
	"net/http"
	"net/url"
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

// hide takes the secret out of the address of a request and gives it.
func hide(r *http.Request) crm.Secret {
	for _, start := range hiding {
		rest, is := strings.CutPrefix(r.URL.EscapedPath(), start)
		if !is {
			continue
		}
		secret, after, more := strings.Cut(rest, "/")
		if secret == "" {
			return crm.Secret{}
		}
		path := start + hiddenMark
		if more {
			path += "/" + after
		}
		u := *r.URL
		if u.Path, u.RawPath = unescaped(path), path; u.Path == path {
			u.RawPath = ""
		}
		r.URL = &u
		r.RequestURI = u.RequestURI()
		return crm.NewSecret(unescaped(secret))
	}
	return crm.Secret{}
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

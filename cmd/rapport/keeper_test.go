package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// keeper knows every secret that has existed, by its kind, and everything that
// was printed, by where.
type keeper struct {
	mu      sync.Mutex
	secrets map[string][]string
	printed map[string][]byte
}

// secret notes a value that must never be printed.
func (k *keeper) secret(kind, value string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(value) >= 8 && !slices.Contains(k.secrets[value], kind) {
		k.secrets[value] = append(k.secrets[value], kind)
	}
}

// print notes what somebody could read.
func (k *keeper) print(where string, text []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.printed[where] = append(append(k.printed[where], text...), '\n')
}

// leaks looks for each secret in everything printed, as it is and as it would
// stand in an address. It names kinds and places, never the secret.
func (k *keeper) leaks() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for value, kinds := range k.secrets {
		for where, text := range k.printed {
			for _, form := range []string{value, url.QueryEscape(value), url.PathEscape(value), jsonInside(value)} {
				if i := bytes.Index(text, []byte(form)); i >= 0 {
					line := text[bytes.LastIndexByte(text[:i], '\n')+1 : i]
					out = append(out, fmt.Sprintf("%s in %s, behind: %s", strings.Join(kinds, " = "), where, line[max(0, len(line)-120):]))
					break
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func jsonInside(s string) string {
	b, _ := json.Marshal(s) // a string always can be
	return string(b[1 : len(b)-1])
}

// secretFields are those of forms and answers that hold secrets.
var secretFields = []string{"access_token", "refresh_token", "id_token", "code", "code_verifier", "client_secret", "token", "assertion", "state", "password", "key", "handle", "signature"}

// fromForm notes what a form or query holds.
func (k *keeper) fromForm(where string, form url.Values) {
	for _, name := range secretFields {
		for _, v := range form[name] {
			k.secret(where+" "+name, v)
		}
	}
}

// fromJSON notes what an answer holds, at any depth.
func (k *keeper) fromJSON(where string, body []byte) {
	var answer any
	if json.Unmarshal(body, &answer) != nil {
		return
	}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for n, x := range v {
				walk(n, x)
			}
		case []any:
			for _, x := range v {
				walk(name, x)
			}
		case string:
			if slices.Contains(secretFields, name) {
				k.secret(where+" "+name, v)
			}
			if u, err := url.Parse(v); err == nil && (name == "url" || name == "action_url") { // links carry theirs
				k.fromForm(where, u.Query())
				if m := linkToken.FindStringSubmatch(u.Path); m != nil {
					k.secret(where+" link", m[1])
				}
			}
		}
	}
	walk("", answer)
}

var wayOut = regexp.MustCompile(`"action_url":"[^"]*"`)

var linkToken = regexp.MustCompile(`/(?:invite|connect|proxy)/([\w-]{20,})`)

// between is a server in front of another that sees everything pass.
func (k *keeper) between(t *testing.T, name string, to func() string, given func(r *http.Request, status int) bool) *httptest.Server {
	t.Helper()
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			u, err := url.Parse(to())
			if err == nil {
				r.SetURL(u)
			}
			r.Out.Host = r.In.Host // it names itself by how it is reached
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ModifyResponse: func(a *http.Response) error {
			r := a.Request
			for _, c := range a.Cookies() {
				k.secret(name+" cookie", c.Value)
			}
			if u, err := a.Location(); err == nil {
				k.fromForm(name+" redirect", u.Query())
			}
			if strings.HasSuffix(r.URL.Path, "/events") {
				return nil
			}
			body, err := io.ReadAll(a.Body)
			if err != nil {
				return err
			}
			a.Body = io.NopCloser(bytes.NewReader(body))
			plain := body
			if a.Header.Get("Content-Encoding") == "gzip" {
				if z, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
					plain, _ = io.ReadAll(z)
				}
			}
			if given == nil || given(r, a.StatusCode) {
				k.fromJSON(name, plain)
			} else {
				if strings.HasPrefix(r.URL.Path, "/api/token/") { // the way out is meant for who asks
					for _, way := range wayOut.FindAllString(string(plain), -1) {
						k.fromJSON(name, []byte("{"+way+"}"))
					}
					plain = wayOut.ReplaceAll(plain, nil)
				}
				k.print(name+" answers to "+r.Method+" "+shape(r.URL.Path), plain)
			}
			return nil
		},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.secret(name+" bearer", strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if form, err := url.ParseQuery(string(body)); err == nil && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			k.fromForm(name+" form", form)
		}
		k.fromJSON(name+" body", body)
		k.fromForm(name+" query", url.Values{"code": r.URL.Query()["code"], "state": r.URL.Query()["state"], "signature": r.URL.Query()["signature"]})
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// shape is a path without what tells one from another.
func shape(path string) string { return linkToken.ReplaceAllString(path, "/…") }

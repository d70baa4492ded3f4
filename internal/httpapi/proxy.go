package httpapi

import (
	"net/http"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Proxy passes a call on to Google and streams its answer back.
type Proxy interface {
	// Forward makes the call with the access token. path is Google's, still
	// escaped and with its slash. It passes on only headers and parameters that are
	// Google's business, and answers by itself, errors of Google and of the network
	// included.
	Forward(w http.ResponseWriter, r *http.Request, token crm.Secret, service crm.Service, path string)
}

const (
	proxyMost = 40 << 20         // Gmail's uploads end at 35 MB
	proxyTime = 10 * time.Minute // for a file on a slow line
)

// notUnderOurs are headers that a browser would take as said by us.
var notUnderOurs = []string{"Set-Cookie", "Content-Security-Policy-Report-Only", "Refresh", "Service-Worker-Allowed", "Server"}

// proxyLease makes one call to Google with the handle of a lease.
func (s *Server) proxyLease(w http.ResponseWriter, r *http.Request, c access.Caller) error {
	// A page of ours must not take what Google answers for its own script or style.
	if to := r.Header.Get("Sec-Fetch-Dest"); to != "" && to != "empty" && to != "document" {
		return &fault.Error{Kind: fault.Forbidden, Code: "not_for_pages", Text: "Answers through a lease are for programs; pages cannot embed them."}
	}
	path, err := googlePath(r)
	if err != nil {
		return err
	}
	lease, token, err := s.Vault.UseLease(r.Context(), hiddenOf(r.Context()), r.Method, path, c.Remote)
	if err != nil {
		return err
	}
	if r.ContentLength > proxyMost {
		return newProblem(http.StatusRequestEntityTooLarge, "At most 40 MB can be sent through a lease.")
	}
	control := http.NewResponseController(w)
	// A server that cannot set deadlines still streams.
	_ = control.SetReadDeadline(time.Now().Add(proxyTime))
	_ = control.SetWriteDeadline(time.Now().Add(proxyTime))
	out := r.Clone(r.Context())
	out.Body = http.MaxBytesReader(w, r.Body, proxyMost)
	out.Header.Del("Authorization")
	out.Header.Del("Cookie")
	s.Proxy.Forward(&googleAnswer{ResponseWriter: w, ours: w.Header().Clone(), onward: s.PublicURL + proxyPath + hiddenOf(r.Context()).Reveal()}, out, token.Token, lease.Service, path)
	return nil
}

// googlePath is Google's path of a call through a lease, still escaped. It
// refuses paths that name another one in a roundabout way.
func googlePath(r *http.Request) (string, error) {
	rest, _ := strings.CutPrefix(r.URL.EscapedPath(), proxyPath+hiddenMark)
	plain := strings.ReplaceAll(unescaped(rest), "\\", "/")
	for part := range strings.SplitSeq(strings.TrimPrefix(plain, "/"), "/") {
		if part == "." || part == ".." {
			return "", &fault.Error{Kind: fault.Invalid, Code: "bad_path", Text: "A path through a lease has no . or .. in it."}
		}
	}
	if !strings.HasPrefix(rest, "/") || strings.ContainsFunc(plain, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return "", &fault.Error{Kind: fault.Invalid, Code: "bad_path", Text: "Put a path of Google's behind the handle."}
	}
	return rest, nil
}

// googleAnswer is an answer of Google on its way to a caller. It is shown under
// our origin, so it may do nothing there.
type googleAnswer struct {
	http.ResponseWriter
	ours   http.Header // set by us before: these win
	onward string      // address that a path of Google's is put behind
	begun  bool
}

func (a *googleAnswer) WriteHeader(code int) {
	if !a.begun && code >= http.StatusOK {
		a.begun = true
		h := a.Header()
		for _, name := range notUnderOurs {
			h.Del(name)
		}
		if to := h.Get("Location"); strings.HasPrefix(to, "/") { // an upload goes on there, through us
			h.Set("Location", a.onward+to)
		}
		for name, values := range a.ours {
			if name != "Cache-Control" {
				h[name] = values
			}
		}
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
	}
	a.ResponseWriter.WriteHeader(code)
}

func (a *googleAnswer) Write(b []byte) (int, error) {
	if !a.begun {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *googleAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

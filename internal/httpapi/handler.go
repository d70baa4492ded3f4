package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/rs/cors"

	"rapport/internal/fault"
)

// Handler answers everything: API, documentation, health, metrics and pages.
func (s *Server) Handler() (http.Handler, error) {
	pages, err := newPages(s.Pages, s.PublicURL)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	api, _ := s.API(mux)
	s.description = sync.OnceValues(func() ([]byte, error) { return indentJSON(api.OpenAPI()) })
	s.pages, s.docs = pages, docsPage(api.OpenAPI(), pages)
	mux.Handle("GET /docs/", docsFiles(pages))
	mux.HandleFunc("/api/", s.noSuchOperation(mux))
	mux.Handle("/", pages)

	guard, err := s.crossOrigin()
	if err != nil {
		return nil, err
	}
	zip, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.ContentTypes(compressible))
	if err != nil {
		return nil, fmt.Errorf("setting up compression: %w", err)
	}
	inner := guard(s.measure(mux))
	if s.Trace != nil {
		inner = traced(s.Trace, inner)
	}
	h := unzipped(inner, func(h http.Handler) http.Handler { return zip(h) })
	h = s.cors().Handler(h)
	h = securityHeaders(pages.policy, s.secure(), h)
	h = s.outermost(h)
	return h, nil
}

// unzipped compresses all but streams, which the compressor would hold back, and
// tokens, which are short and many.
func unzipped(plain http.Handler, zip func(http.Handler) http.Handler) http.Handler {
	zipped := zip(plain)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") || strings.HasPrefix(r.URL.Path, proxyPath) || strings.HasPrefix(r.URL.Path, tokenPath) {
			plain.ServeHTTP(w, r)
			return
		}
		zipped.ServeHTTP(w, r)
	})
}

var compressible = []string{"application/json", "application/problem+json", "text/html", "text/css", "text/javascript", "application/javascript", "image/svg+xml", "text/plain"}

func (s *Server) secure() bool { return strings.HasPrefix(s.PublicURL, "https://") }

// crossOrigin refuses requests that change something and come from a page of
// another origin (CSRF). Programs send no Origin and pass.
func (s *Server) crossOrigin() (func(http.Handler) http.Handler, error) {
	p := http.NewCrossOriginProtection()
	for _, origin := range append([]string{s.PublicURL}, s.AllowedOrigins...) {
		if origin == "" {
			continue
		}
		if err := p.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("trusting the origin %q: %w", origin, err)
		}
	}
	p.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, r, &fault.Error{Kind: fault.Forbidden, Code: "cross_origin", Text: "Requests from pages of other origins are not accepted. Add the origin to ALLOWED_ORIGINS."})
	}))
	return p.Handler, nil
}

func (s *Server) cors() *cors.Cors {
	return cors.New(cors.Options{
		AllowedOrigins: s.AllowedOrigins, AllowOriginFunc: func(origin string) bool { return slices.Contains(s.AllowedOrigins, origin) },
		AllowedMethods:   []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete},
		AllowedHeaders:   []string{"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "X-Request-Id"},
		ExposedHeaders:   []string{"X-Request-Id", "Retry-After", "ETag", "Content-Disposition"},
		AllowCredentials: true, MaxAge: 600,
	})
}

// dataPolicy is the Content-Security-Policy of answers that are no pages: opened
// in a browser they load and run nothing.
const dataPolicy = "default-src 'none'; frame-ancestors 'none'"

func securityHeaders(policy string, secure bool, next http.Handler) http.Handler {
	every := map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}
	if secure {
		every["Strict-Transport-Security"] = "max-age=31536000"
	}
	// Made once: they are set on every answer.
	data := fixed(every, map[string]string{"Content-Security-Policy": dataPolicy, "Cache-Control": "no-store", "X-Robots-Tag": "noindex"})
	page := fixed(every, map[string]string{
		"Content-Security-Policy": policy, "Referrer-Policy": "strict-origin-when-cross-origin", "Cross-Origin-Opener-Policy": "same-origin",
		"Permissions-Policy": "camera=(), microphone=(), geolocation=()",
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, path := w.Header(), r.URL.Path
		if strings.HasPrefix(path, "/api/") {
			maps.Copy(h, data)
		} else {
			maps.Copy(h, page)
		}
		for _, start := range []string{oauthPath + "/", "/invite/", linkPage} {
			if strings.HasPrefix(path, start) { // their addresses carry secrets
				h.Set("X-Robots-Tag", "noindex")
				h.Set("Referrer-Policy", "no-referrer")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// fixed are headers that nobody changes in place.
func fixed(sets ...map[string]string) http.Header {
	out := http.Header{}
	for _, set := range sets {
		for name, value := range set {
			out[name] = slices.Clip([]string{value})
		}
	}
	return out
}

// outermost gives every request an id and its real address, writes the log
// line, and turns a panic into a problem.
func (s *Server) outermost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := requestID(r)
		w.Header().Set("X-Request-Id", id)
		about := &request{id: id, log: s.Log}
		r = r.WithContext(context.WithValue(r.Context(), keyRequest, about))
		r.RemoteAddr = s.remote(r)
		hidden, odd := hide(r)
		about.hidden = hidden
		out := &recorder{ResponseWriter: w}
		defer func() {
			if broken := recover(); broken != nil {
				if broken == http.ErrAbortHandler {
					panic(broken)
				}
				about.logger().ErrorContext(r.Context(), "panic", "panic", broken, "stack", string(debug.Stack()))
				if out.status == 0 {
					writeProblem(out, r, errors.New("panic"))
				}
			}
			if level := levelOf(r, out.status); s.Log.Enabled(r.Context(), level) {
				s.Log.LogAttrs(r.Context(), level, "request", slog.String("request_id", id), slog.String("method", r.Method),
					slog.String("path", shownPath(r.URL)), slog.Int("status", out.status), slog.Duration("took", time.Since(began)))
			}
		}()
		if odd { // sending it on to the right spelling would write the secret once more
			writeProblem(out, r, fault.New(fault.NotFound, "There is nothing at this address. See /docs."))
			return
		}
		next.ServeHTTP(out, r)
	})
}

func levelOf(r *http.Request, status int) slog.Level {
	switch {
	case status >= 500:
		return slog.LevelWarn
	case status == http.StatusOK && strings.HasPrefix(r.URL.Path, tokenPath):
		return slog.LevelDebug // each of them is a row of the audit trail
	case strings.HasPrefix(r.URL.Path, "/api/"), strings.HasPrefix(r.URL.Path, oauthPath+"/"):
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// requestID takes a sensible id from the caller, or makes one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	plain := func(c rune) bool {
		return c == '-' || c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	if n := len(id); n >= 8 && n <= 64 && !strings.ContainsFunc(id, func(c rune) bool { return !plain(c) }) {
		return id
	}
	b := make([]byte, 12)
	_, _ = rand.Read(b) // never fails (package crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// remote is the address of the caller: through proxies that are trusted, the
// last address that none of them wrote.
func (s *Server) remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if len(s.TrustedProxies) == 0 || !s.trusted(host) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		ip, err := netip.ParseAddr(hop)
		if err != nil {
			return host
		}
		if host = ip.WithZone("").String(); !s.trusted(host) { // a zone is any text
			return host
		}
	}
	return host
}

func (s *Server) trusted(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}

// noSuchOperation tells an unknown path from a wrong method.
func (s *Server) noSuchOperation(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete} {
			other := r.Clone(r.Context())
			other.Method = method
			if _, pattern := mux.Handler(other); pattern != "/api/" {
				allowed = append(allowed, method)
			}
		}
		if len(allowed) == 0 {
			writeProblem(w, r, fault.New(fault.NotFound, "There is no such operation. See /docs."))
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, r, newProblem(http.StatusMethodNotAllowed, "This path does not take "+r.Method+"."))
	}
}

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(code int) {
	if r.status == 0 {
		r.status = code
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
)

// pages serves the built web application. Paths that name no file are routes of
// the application and get index.html.
type pages struct {
	files  fs.FS
	index  []byte
	policy string // Content-Security-Policy of everything we answer
}

func newPages(files fs.FS) (*pages, error) {
	index, err := fs.ReadFile(files, "index.html")
	if err != nil {
		return nil, fmt.Errorf("reading the web application: %w", err)
	}
	return &pages{files: files, index: index, policy: policyFor(index)}, nil
}

var inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// policyFor allows what the application needs and nothing else: its own files,
// its own inline scripts by hash, and pictures of mail that the reader chose to
// load.
func policyFor(index []byte) string {
	scripts := "'self'"
	for _, m := range inlineScript.FindAllSubmatch(index, -1) {
		sum := sha256.Sum256(m[1])
		scripts += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return strings.Join([]string{
		"default-src 'self'", "script-src " + scripts, "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob: https:",
		"font-src 'self' data:", "connect-src 'self'", "frame-src 'self' blob:", "object-src 'none'", "base-uri 'none'",
		"form-action 'self'", "frame-ancestors 'none'",
	}, "; ")
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		problem := newProblem(http.StatusMethodNotAllowed, "Pages are only read.").(*Problem)
		problem.RequestID = requestIDOf(r.Context())
		writeProblem(w, r, problem)
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	body, err := fs.ReadFile(p.files, name)
	switch {
	case err == nil && name != "index.html":
		p.file(w, r, name, body)
	case strings.HasPrefix(name, "assets/"):
		// A page of an older build asks for files that are gone: index.html would
		// be taken for a script.
		http.NotFound(w, r)
	default:
		w.Header().Set("Cache-Control", "no-cache")
		serveBytes(w, r, "text/html; charset=utf-8", p.index)
	}
}

func (p *pages) file(w http.ResponseWriter, r *http.Request, name string, body []byte) {
	w.Header().Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" {
		kind = http.DetectContentType(body)
	}
	serveBytes(w, r, kind, body)
}

// serveBytes answers with a body that is known whole; browsers revalidate it by
// its hash.
func serveBytes(w http.ResponseWriter, r *http.Request, kind string, body []byte) {
	sum := sha256.Sum256(body)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	w.Header().Set("Content-Type", kind)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

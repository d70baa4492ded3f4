package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pages serves the built web application. Paths that name no file are routes of
// the application and get index.html.
type pages struct {
	files  fs.FS
	index  []byte
	policy string // Content-Security-Policy of everything we answer
	public *url.URL
}

// home is where a page has to be opened instead, when it was opened under
// another name of this machine (127.0.0.1 for localhost): cookies and Google's
// redirect belong to one name.
func (p *pages) home(r *http.Request) string {
	if p.public == nil || r.Host == p.public.Host || r.Header.Get("Sec-Fetch-Mode") != "navigate" {
		return ""
	}
	here, port, err := net.SplitHostPort(r.Host)
	if err != nil || port != p.public.Port() || !loopback(here) || !loopback(p.public.Hostname()) {
		return ""
	}
	to := *r.URL
	to.Scheme, to.Host = p.public.Scheme, p.public.Host
	to.Path, to.RawPath = shownAgain(r.Context(), to.Path), ""
	return to.String()
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func newPages(files fs.FS, publicURL string) (*pages, error) {
	index, err := fs.ReadFile(files, "index.html")
	if err != nil {
		return nil, fmt.Errorf("reading the web application: %w", err)
	}
	public, err := url.Parse(publicURL)
	if err != nil {
		return nil, fmt.Errorf("reading the public address: %w", err)
	}
	return &pages{files: files, index: index, policy: policyFor(index), public: public}, nil
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
		writeProblem(w, r, newProblem(http.StatusMethodNotAllowed, "Pages are only read."))
		return
	}
	if to := p.home(r); to != "" {
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	switch {
	case name != "index.html" && p.file(w, r, name):
	case strings.HasPrefix(name, "assets/"):
		// A page of an older build asks for files that are gone: index.html would
		// be taken for a script.
		http.NotFound(w, r)
	default:
		w.Header().Set("Cache-Control", "no-cache")
		serveBytes(w, r, "text/html; charset=utf-8", p.index)
	}
}

// packedSuffix is what the web build puts after the name of a file that it keeps
// compressed only.
const packedSuffix = ".gz"

// has tells whether the web build has a file of this name, compressed or not.
func (p *pages) has(name string) bool {
	_, err := fs.Stat(p.files, name)
	if err != nil {
		_, err = fs.Stat(p.files, name+packedSuffix)
	}
	return err == nil
}

// file answers with a file of the web build; false when there is none.
func (p *pages) file(w http.ResponseWriter, r *http.Request, name string) bool {
	body, err := fs.ReadFile(p.files, name)
	packed := false
	if err != nil {
		body, err = fs.ReadFile(p.files, name+packedSuffix)
		packed = true
	}
	if err != nil {
		return false
	}
	w.Header().Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if packed {
		servePacked(w, r, kind, body)
		return true
	}
	if kind == "" {
		kind = http.DetectContentType(body)
	}
	serveBytes(w, r, kind, body)
	return true
}

// servePacked answers with a file that is kept compressed: as it is where the
// client takes that, unpacked for others and for parts of it, so that a Range
// always counts bytes of the file itself.
func servePacked(w http.ResponseWriter, r *http.Request, kind string, packed []byte) {
	h := w.Header()
	if !slices.Contains(h.Values("Vary"), "Accept-Encoding") { // a compressor around us says it, too
		h.Add("Vary", "Accept-Encoding")
	}
	h.Set("Content-Type", kind)
	tag := hashOf(packed)
	if r.Header.Get("Range") == "" && takesGzip(r.Header) {
		h.Set("ETag", `"`+tag+`-gzip"`)
		h.Set("Content-Encoding", "gzip")
		if r.Header.Get("If-Match") == "" { // may be answered with 412 and no body
			h.Set("Content-Length", strconv.Itoa(len(packed)))
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(packed))
		return
	}
	body, err := unpack(packed)
	if err != nil {
		writeProblem(w, r, err)
		return
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpacking a file of the web application: %w", err)
	}
	body, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("unpacking a file of the web application: %w", err)
	}
	return body, nil
}

// takesGzip tells whether a client takes gzip (RFC 9110, 12.5.3): it is named, or
// everything is, and not with the weight 0.
func takesGzip(h http.Header) bool {
	takes := false
	for _, choice := range strings.Split(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(choice, " ", "")), ";q=")
		q, err := strconv.ParseFloat(weight, 64)
		wanted := weight == "" || err == nil && q > 0
		switch name {
		case "gzip", "x-gzip":
			return wanted
		case "*":
			takes = wanted
		}
	}
	return takes
}

// serveBytes answers with a body that is known whole; browsers revalidate it by
// its hash.
func serveBytes(w http.ResponseWriter, r *http.Request, kind string, body []byte) {
	w.Header().Set("ETag", `"`+hashOf(body)+`"`)
	w.Header().Set("Content-Type", kind)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

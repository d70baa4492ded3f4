package google

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"rapport/internal/crm"
)

// part is the answer to one call of a batch.
type part struct {
	body []byte
	err  error
}

// together makes several calls in one request (Google's "Batching requests":
// multipart/mixed of application/http, at most 25 parts here, n parts cost n
// requests of quota). nil for a group of one, which goes by itself.
func (f *fetch) together(ctx context.Context, group []fetchCall) []part {
	if len(group) < 2 {
		return nil
	}
	paths := make([]string, len(group))
	s := spend{places: len(group)}
	for i, c := range group {
		paths[i] = f.pathOf(c)
		s.units += c.units
	}
	var parts []part
	err := f.call(ctx, s, true, func(ctx context.Context, token crm.Secret) (int, error) {
		var err error
		parts, err = f.door.batch(ctx, paths, token)
		for i, c := range group {
			if err != nil {
				f.note(c.method(), c.units, err)
			} else {
				f.note(c.method(), c.units, parts[i].err)
			}
		}
		if err != nil {
			return 0, err
		}
		return f.learn(ctx, parts), nil
	})
	if err != nil {
		parts = make([]part, len(group))
		for i := range parts {
			parts[i].err = err
		}
	}
	return parts
}

// learn lets limiter and gate know of parts that were refused, once per batch.
// It gives the number that succeeded.
func (f *fetch) learn(ctx context.Context, parts []part) int {
	succeeded, told := 0, map[string]bool{}
	for _, p := range parts {
		code := codeOf(p.err)
		switch {
		case p.err == nil:
			succeeded++
		case told[code]:
		case code == codeConcurrent:
			f.account.gate.halve()
		case code == codeUserRate || code == codeProjectRate:
			_ = f.cool(ctx, p.err, f.pauses().NextBackOff()) // never waits for these two
		}
		told[code] = true
	}
	return succeeded
}

const boundary = "rapport_batch_8b1f2c"

// batch sends one batch request. Its error is one of the whole batch.
func (g *Gmail) batch(ctx context.Context, paths []string, token crm.Secret) ([]part, error) {
	var b bytes.Buffer
	for i, p := range paths {
		fmt.Fprintf(&b, "--%s\r\nContent-Type: application/http\r\nContent-ID: <item%d>\r\n\r\nGET /%s HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n", boundary, i, p)
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.base+"batch/gmail/v1", &b)
	if err != nil {
		return nil, fmt.Errorf("making a batch request: %w", err)
	}
	req.Header.Set("Content-Type", `multipart/mixed; boundary=`+boundary)
	header, body, err := g.send(req, token)
	if err != nil {
		return nil, err
	}
	answers, err := parseBatch(header.Get("Content-Type"), body, len(paths))
	if err != nil {
		return nil, garbled(err)
	}
	parts := make([]part, len(paths))
	for i, a := range answers {
		switch {
		case a == nil:
			parts[i].err = garbled(errors.New("a part of the batch has no answer"))
		case a.status == http.StatusOK:
			parts[i].body = a.body
		default:
			parts[i].err = classify(a.status, a.header, a.body, g.now())
		}
	}
	return parts, nil
}

// inner is one HTTP answer within a batch.
type inner struct {
	status int
	header http.Header
	body   []byte
}

// parseBatch splits a multipart/mixed answer. Parts are matched by Content-ID
// ("response-itemN"), since their order is not promised; nil stands for a
// part that is missing or cannot be read. Bodies are slices of the answer.
func parseBatch(contentType string, body []byte, n int) ([]*inner, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/mixed" || params["boundary"] == "" {
		return nil, fmt.Errorf("a batch answered with %q", kind)
	}
	out := make([]*inner, n)
	delimiter := []byte("--" + params["boundary"])
	rest, found := after(body, delimiter, true)
	for found {
		var one []byte
		if one, rest, found = section(rest, delimiter); one == nil {
			break
		}
		if i, a := readInner(one); i >= 0 && i < n && a != nil && out[i] == nil {
			out[i] = a
		}
	}
	return out, nil
}

// after gives what follows the first delimiter at the beginning of a line.
func after(body, delimiter []byte, start bool) ([]byte, bool) {
	if start && bytes.HasPrefix(body, delimiter) {
		return body[len(delimiter):], true
	}
	line := append([]byte("\n"), delimiter...)
	i := bytes.Index(body, line)
	if i < 0 {
		return nil, false
	}
	return body[i+len(line):], true
}

// section gives the part up to the next delimiter, without the line break that
// belongs to it, and what follows. nil after the closing delimiter.
func section(rest, delimiter []byte) (one, next []byte, found bool) {
	if bytes.HasPrefix(rest, []byte("--")) {
		return nil, nil, false
	}
	line := append([]byte("\n"), delimiter...)
	i := bytes.Index(rest, line)
	if i < 0 {
		return nil, nil, false // cut short: what is there of the last part is not whole
	}
	return bytes.TrimSuffix(rest[:i], []byte("\r")), rest[i+len(line):], true
}

// readInner reads a part: its headers, a status line, the answer's headers and
// body. It gives the number in the Content-ID.
func readInner(one []byte) (int, *inner) {
	outer, rest := headers(one)
	id := outer.Get("Content-Id")
	i := strings.Index(id, "item")
	if i < 0 {
		return -1, nil
	}
	number, err := strconv.Atoi(strings.TrimRight(id[i+len("item"):], "> "))
	if err != nil {
		return -1, nil
	}
	line, rest, _ := bytes.Cut(rest, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 2 || !bytes.HasPrefix(fields[0], []byte("HTTP/")) {
		return number, nil
	}
	status, err := strconv.Atoi(string(fields[1]))
	if err != nil || status < 100 || status > 999 {
		return number, nil
	}
	a := &inner{status: status}
	a.header, a.body = headers(rest)
	if n, err := strconv.Atoi(a.header.Get("Content-Length")); err == nil {
		if n < 0 || n > len(a.body) {
			return number, nil
		}
		a.body = a.body[:n:n]
	}
	a.body = bytes.TrimSpace(a.body)
	return number, a
}

// headers reads header lines up to an empty one and gives what follows.
func headers(b []byte) (http.Header, []byte) {
	h := http.Header{}
	b = bytes.TrimPrefix(bytes.TrimPrefix(b, []byte("\r")), []byte("\n"))
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		b = rest
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok {
			h.Add(textproto.TrimString(string(name)), textproto.TrimString(string(value)))
		}
	}
	return h, b
}

package gmail

import (
	"bytes"
	"mime"
	"strings"
	"unicode/utf8"
)

// part is a part of a message, as slices of its raw bytes.
type part struct {
	id       string // partId: "" of the root, "0", "0.1", …
	no       int    // in order of appearance
	fields   []field
	kind     string // "text/plain", lower case
	charset  string
	boundary string
	encoding string
	filename string
	attached bool // Content-Disposition: attachment
	inline   bool // Content-Disposition: inline
	body     []byte
	parts    []*part
}

type field struct{ name, value []byte }

// maxDepth is how deep parts are opened; what lies deeper stays closed.
const maxDepth = 64

// parseMIME never fails: what it does not understand is text.
func parseMIME(raw []byte) *part {
	n := 0
	return parsePart(raw, "", 0, &n, "text/plain")
}

func parsePart(raw []byte, id string, depth int, count *int, def string) *part {
	p := &part{id: id, no: *count, kind: def}
	*count++
	room := 4
	if depth == 0 {
		room = 24
	}
	p.fields, p.body = splitHeaderInto(make([]field, 0, room), raw)
	p.describe()
	if depth >= maxDepth {
		return p
	}
	switch {
	case strings.HasPrefix(p.kind, "multipart/"):
		def := "text/plain"
		if p.kind == "multipart/digest" {
			def = "message/rfc822"
		}
		for i, sub := range splitMultipart(p.body, p.boundary) {
			p.parts = append(p.parts, parsePart(sub, childID(id, i), depth+1, count, def))
		}
		if len(p.parts) == 0 {
			p.kind = "text/plain" // no boundary: as plain text
		}
	case p.kind == "message/rfc822":
		p.parts = []*part{parsePart(p.decoded(), childID(id, 0), depth+1, count, "text/plain")}
	}
	return p
}

func childID(id string, i int) string {
	n := itoa(i)
	if id == "" {
		return n
	}
	return id + "." + n
}

func itoa(i int) string {
	if i < 10 {
		return "0123456789"[i : i+1]
	}
	return itoa(i/10) + "0123456789"[i%10:i%10+1]
}

// splitHeader separates header fields from the body. A line that is no field
// ends the header, as an empty one does.
func splitHeader(raw []byte) (fields []field, body []byte) { return splitHeaderInto(nil, raw) }

func splitHeaderInto(fields []field, raw []byte) (_ []field, body []byte) {
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n')
		if end < 0 {
			end = len(raw) - 1
		}
		line := raw[:end+1]
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return fields, raw[end+1:]
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 || bytes.ContainsAny(line[:colon], " \t") && len(bytes.TrimRight(line[:colon], " \t")) == 0 {
			return fields, raw
		}
		name := bytes.TrimRight(line[:colon], " \t")
		if bytes.ContainsAny(name, " \t") {
			if len(fields) == 0 && bytes.HasPrefix(line, []byte("From ")) {
				raw = raw[end+1:] // the envelope line of an mbox
				continue
			}
			return fields, raw
		}
		next := end + 1
		for next < len(raw) && (raw[next] == ' ' || raw[next] == '\t') {
			e := bytes.IndexByte(raw[next:], '\n')
			if e < 0 {
				next = len(raw)
				break
			}
			next += e + 1
		}
		fields = append(fields, field{name, bytes.TrimSpace(raw[colon+1 : next])})
		raw = raw[next:]
	}
	return fields, nil
}

// get returns the first field of a name, unfolded and decoded.
func (p *part) get(name string) string {
	for _, f := range p.fields {
		if len(f.name) == len(name) && strings.EqualFold(string(f.name), name) {
			return headerText(f.value)
		}
	}
	return ""
}

// unfold removes the line ends of a folded field; the white space stays.
func unfold(dst, value []byte) []byte {
	for _, c := range value {
		if c != '\r' && c != '\n' {
			dst = append(dst, c)
		}
	}
	return dst
}

// describe reads the fields that say what the part is.
func (p *part) describe() {
	for _, f := range p.fields {
		if len(f.name) < 8 || (f.name[0] != 'C' && f.name[0] != 'c') {
			continue
		}
		switch strings.ToLower(string(f.name)) {
		case "content-type":
			kind, params := mediaType(string(unfold(nil, f.value)))
			if strings.Contains(kind, "/") {
				p.kind = kind
			}
			p.charset, p.boundary = strings.ToLower(params["charset"]), params["boundary"]
			if p.filename == "" {
				p.filename = headerText([]byte(params["name"]))
			}
		case "content-disposition":
			kind, params := mediaType(string(unfold(nil, f.value)))
			p.attached, p.inline = kind == "attachment", kind == "inline"
			if params["filename"] != "" {
				p.filename = headerText([]byte(params["filename"]))
			}
		case "content-transfer-encoding":
			p.encoding = strings.ToLower(string(bytes.TrimSpace(f.value)))
		}
	}
}

// mediaType parses "kind; name=value", tolerant of what mail programs write.
func mediaType(s string) (string, map[string]string) {
	if kind, params, ok := quickMediaType(s); ok {
		return kind, params
	}
	kind, params, err := mime.ParseMediaType(s)
	if err == nil {
		return kind, params
	}
	head, rest, _ := strings.Cut(s, ";")
	params = map[string]string{}
	for _, one := range strings.Split(rest, ";") {
		name, value, ok := strings.Cut(one, "=")
		if ok {
			params[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return strings.ToLower(strings.TrimSpace(head)), params
}

// quickMediaType handles the usual forms: `kind`, and `kind; a=b; c="d"`
// without escapes and without RFC 2231.
func quickMediaType(s string) (string, map[string]string, bool) {
	if strings.ContainsAny(s, "\\*") {
		return "", nil, false
	}
	head, rest, _ := strings.Cut(s, ";")
	kind := strings.ToLower(strings.TrimSpace(head))
	if kind == "" || strings.ContainsAny(kind, " \t\"") {
		return "", nil, false
	}
	params := make(map[string]string, 2)
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			return "", nil, false
		}
		name = strings.ToLower(strings.TrimSpace(name))
		var value string
		if strings.HasPrefix(after, `"`) {
			value, rest, ok = strings.Cut(after[1:], `"`)
			if !ok {
				return "", nil, false
			}
			rest = strings.TrimPrefix(strings.TrimSpace(rest), ";")
		} else {
			value, rest, _ = strings.Cut(after, ";")
			value = strings.TrimSpace(value)
		}
		params[name] = value
	}
	return kind, params, true
}

// splitMultipart cuts a body at its boundary lines.
func splitMultipart(body []byte, boundary string) [][]byte {
	if boundary == "" {
		return nil
	}
	delim := append([]byte("--"), boundary...)
	var out [][]byte
	start := -1
	for at := 0; at < len(body); {
		i := bytes.Index(body[at:], delim)
		if i < 0 {
			break
		}
		i += at
		at = i + len(delim)
		if i > 0 && body[i-1] != '\n' {
			continue
		}
		rest := body[at:]
		last := bytes.HasPrefix(rest, []byte("--"))
		end := bytes.IndexByte(rest, '\n')
		if tail := rest; !last {
			if end >= 0 {
				tail = rest[:end]
			}
			if len(bytes.TrimSpace(tail)) > 0 {
				continue // a longer boundary that begins the same
			}
		}
		if start >= 0 {
			out = append(out, trimLineEnd(body[start:i]))
		}
		if last {
			return out
		}
		if end < 0 {
			return out
		}
		at += end + 1
		start = at
	}
	if start >= 0 && start <= len(body) {
		out = append(out, body[start:]) // the closing boundary is missing
	}
	return out
}

func trimLineEnd(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte("\n"))
	return bytes.TrimSuffix(b, []byte("\r"))
}

// isInline tells that a part's bytes are part of the answer; others have an
// attachment id.
func (p *part) isInline() bool {
	if p.filename != "" || p.attached {
		return false
	}
	return strings.HasPrefix(p.kind, "text/") || strings.HasPrefix(p.kind, "multipart/") || p.kind == "message/delivery-status"
}

// inlineLimit is the size up to which text comes inline. Google documents
// that large bodies get an attachment id, but not where that begins.
const inlineLimit = 512 << 10

// headerText unfolds a field and decodes its encoded words. Words in the
// multi-byte charsets of East Asia stay as they are: real answers have both.
func headerText(value []byte) string {
	s := string(unfold(nil, value))
	if !strings.Contains(s, "=?") {
		return s
	}
	out, err := wordDecoder.DecodeHeader(s)
	if err != nil || !utf8.ValidString(out) {
		return s
	}
	return out
}

var wordDecoder = &mime.WordDecoder{CharsetReader: charsetReader}

// walk visits a part and all parts within it.
func (p *part) walk(visit func(*part) bool) bool {
	if !visit(p) {
		return false
	}
	for _, c := range p.parts {
		if !c.walk(visit) {
			return false
		}
	}
	return true
}

// find returns the part of a number.
func (p *part) find(no int) *part {
	var found *part
	p.walk(func(q *part) bool {
		if q.no == no {
			found = q
		}
		return found == nil
	})
	return found
}

// files lists the parts that are attachments; pictures within the text are not.
func (p *part) files() []*part {
	var out []*part
	p.walk(func(q *part) bool {
		if q.filename != "" && len(q.parts) == 0 && !(q.inline && strings.HasPrefix(q.kind, "image/")) {
			out = append(out, q)
		}
		return true
	})
	return out
}

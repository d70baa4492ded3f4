package mail

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"rapport/internal/crm"
)

// maxRaw is the largest message that is read whole.
const maxRaw = 64 << 20

// ParseRaw reads a message in RFC 5322 form with the same outcome as
// ParseMessage for Gmail's JSON of it. Only reading can fail.
func ParseRaw(r io.Reader) (*crm.Email, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxRaw))
	if err != nil {
		return nil, fmt.Errorf("reading a message: %w", err)
	}
	root := parts(data)
	e := envelope(root.Headers)
	e.Size, e.Date = int64(len(data)), dateHeader(header(root.Headers, "Date"))
	a := assembly{}
	a.walk(root)
	a.finish(e)
	return e, nil
}

// parts are those of a message in RFC 5322 form.
func parts(data []byte) *Part {
	if bytes.IndexByte(data, '\n') < 0 {
		data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n")) // lines of an old kind
	}
	return split(data)
}

// Bounds of the structure of a raw message.
const (
	maxParts   = 20_000
	maxHeaders = 5_000
)

// open is a multipart that has not been closed yet.
type open struct {
	part     *builder
	boundary string
	start    int // of its body
}

// builder is a part while its children are collected.
type builder struct {
	Part
	children []*builder
	encoding string
	raw      []byte
	holds    int64 // of an attached message in plain sight: its size
}

// attached is an attached message that has not ended yet.
type attached struct {
	part  *builder
	level int // of the multipart it lies in
	start int
}

// split cuts a message into its parts in one pass: the open boundaries are kept
// in a list, so that depth costs no more than length does.
func split(data []byte) *Part {
	root, body := entity(data, "")
	s := splitter{data: data, levels: map[string]int{}, parts: 1}
	s.enter(root, len(data)-len(body))
	for at := s.start; at < len(data); {
		line, next := nextDash(data, at)
		if line < 0 || s.parts >= maxParts {
			break
		}
		at = next
		level, last, ok := boundaryAt(data[line:next], s.levels)
		if !ok {
			continue
		}
		s.close(line)
		s.leave(level, line)
		if last {
			s.pop(level, line)
			continue
		}
		s.pop(level+1, line)
		s.child(level, next)
		at = s.start
	}
	s.close(len(data))
	s.leave(0, len(data))
	s.pop(0, len(data))
	return build(root)
}

// splitter is the state of split.
type splitter struct {
	data    []byte
	stack   []open
	levels  map[string]int // boundary → its level
	current *builder       // the part whose content begins at start, nil within a multipart
	start   int
	parts   int
	within  []attached
}

// enter begins a part whose content starts at start.
func (s *splitter) enter(b *builder, start int) {
	s.current, s.start = b, start
	if !strings.HasPrefix(b.MIME, "multipart/") {
		return
	}
	_, params := parameters(header(b.Headers, "Content-Type"))
	if boundary := params["boundary"]; boundary != "" {
		s.stack = append(s.stack, open{b, boundary, start})
		s.levels[boundary] = len(s.stack) - 1
		s.current = nil
	}
}

// child begins a part of a multipart at its header; an attached message in plain
// sight is gone into.
func (s *splitter) child(level, at int) {
	parent := s.stack[level].part
	b, rest := entity(s.data[at:], childID(parent))
	parent.children = append(parent.children, b)
	s.parts++
	for b.holdsMessage() && s.parts < maxParts {
		outer := b
		s.within = append(s.within, attached{outer, level, len(s.data) - len(rest)})
		b, rest = entity(rest, childID(outer))
		outer.children = append(outer.children, b)
		s.parts++
	}
	s.enter(b, len(s.data)-len(rest))
}

// close ends the content of the current part. The line break before a boundary is
// the boundary's (RFC 2046, 5.1.1); that at the end of the message is the content's.
func (s *splitter) close(end int) {
	if s.current == nil {
		return
	}
	s.current.raw = s.data[s.start:max(s.start, end)]
	if end < len(s.data) {
		s.current.raw = trimBreak(s.current.raw)
	}
	s.current = nil
}

// leave ends the attached messages in the multiparts from a level down.
func (s *splitter) leave(level, end int) {
	for i := len(s.within) - 1; i >= 0 && s.within[i].level >= level; i-- {
		m := s.within[i]
		m.part.holds = int64(len(trimBreak(s.data[m.start:max(m.start, end)])))
		s.within = s.within[:i]
	}
}

// pop ends the multiparts down to a level. One in which nothing told parts apart
// is content as a whole.
func (s *splitter) pop(level, end int) {
	for len(s.stack) > level {
		top := s.stack[len(s.stack)-1]
		delete(s.levels, top.boundary)
		if len(top.part.children) == 0 {
			top.part.raw = trimBreak(s.data[top.start:max(top.start, end)])
		}
		s.stack = s.stack[:len(s.stack)-1]
		for i, o := range s.stack {
			if o.boundary == top.boundary { // the name was used twice
				s.levels[o.boundary] = i
			}
		}
	}
}

// entity reads the header of a part; body is what follows it.
func entity(data []byte, id string) (*builder, []byte) {
	b := &builder{}
	b.ID = id
	b.Headers, data = headers(data)
	b.MIME, _ = parameters(header(b.Headers, "Content-Type"))
	b.MIME = strings.ToLower(b.MIME)
	b.encoding = strings.ToLower(strings.Trim(unfold(header(b.Headers, "Content-Transfer-Encoding")), " ;\""))
	return b, data
}

// holdsMessage says whether a part is an attached message in plain sight.
func (b *builder) holdsMessage() bool {
	return b.MIME == "message/rfc822" && b.encoding != "base64" && b.encoding != "quoted-printable"
}

// headers reads fields up to the empty line. A line that is no field and
// continues none is passed over, as mail programs do; a part that begins
// without any field is all body.
func headers(data []byte) ([]Header, []byte) {
	var hs []Header
	for len(data) > 0 {
		line, rest := cutLine(data)
		if len(line) == 0 {
			return hs, rest
		}
		switch colon := bytes.IndexByte(line, ':'); {
		case line[0] == ' ' || line[0] == '\t':
			if n := len(hs); n > 0 && len(hs[n-1].Value) < maxHeader {
				hs[n-1].Value += "\n" + string(line)
			}
		case bytes.HasPrefix(line, []byte("--")) && len(hs) == 0:
			return hs, data
		case colon > 0 && !bytes.ContainsAny(line[:colon], " \t") || colon > 0 && len(bytes.TrimRight(line[:colon], " \t")) > 0 && !bytes.ContainsAny(bytes.TrimRight(line[:colon], " \t"), " \t"):
			if len(hs) < maxHeaders {
				hs = append(hs, Header{Name: string(bytes.TrimRight(line[:colon], " \t")), Value: string(clip(bytes.TrimLeft(line[colon+1:], " \t"), maxHeader))})
			}
		case len(hs) == 0 && !bytes.HasPrefix(line, []byte("From ")) && !bytes.HasPrefix(line, []byte(">From ")):
			return hs, data
		}
		data = rest
	}
	return hs, data
}

func cutLine(data []byte) (line, rest []byte) {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		return data, nil
	}
	line, rest = data[:i], data[i+1:]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, rest
}

// nextDash finds the next line that begins with two dashes, at or after at,
// which is the beginning of a line.
func nextDash(data []byte, at int) (line, next int) {
	if bytes.HasPrefix(data[at:], []byte("--")) {
		line = at
	} else {
		i := bytes.Index(data[at:], []byte("\n--"))
		if i < 0 {
			return -1, len(data)
		}
		line = at + i + 1
	}
	if end := bytes.IndexByte(data[line:], '\n'); end >= 0 {
		return line, line + end + 1
	}
	return line, len(data)
}

// boundaryAt says which open multipart a line delimits, and whether it ends it.
func boundaryAt(line []byte, levels map[string]int) (level int, last, ok bool) {
	if len(line) > 2+2+1000 {
		return 0, false, false
	}
	text := bytes.TrimRight(line[2:], " \t\r\n")
	if level, ok = levels[string(text)]; ok {
		return level, false, true
	}
	if text, last = bytes.CutSuffix(text, []byte("--")); last {
		level, ok = levels[string(text)]
	}
	return level, last, ok
}

func trimBreak(b []byte) []byte {
	b, _ = bytes.CutSuffix(b, []byte("\n"))
	b, _ = bytes.CutSuffix(b, []byte("\r"))
	return b
}

// childID is a part's id as Gmail counts: "0", "1", "1.0".
func childID(parent *builder) string {
	n := strconv.Itoa(len(parent.children))
	if parent.ID == "" || len(parent.ID) > 200 {
		return n
	}
	return parent.ID + "." + n
}

// build decodes leaves and turns builders into parts, deepest first.
func build(root *builder) *Part {
	order := []*builder{root}
	for i := 0; i < len(order); i++ {
		order = append(order, order[i].children...)
	}
	for i := len(order) - 1; i >= 0; i-- {
		b := order[i]
		if len(b.children) == 0 {
			b.Body = transfer(b.raw, b.encoding)
			b.Size = int64(len(b.Body))
			continue
		}
		b.Parts = make([]Part, len(b.children))
		for j, c := range b.children {
			b.Parts[j] = c.Part
			b.Size += c.Size
		}
		if b.holds > 0 {
			b.Size = b.holds
		}
	}
	return &root.Part
}

// transfer undoes the content transfer encoding.
func transfer(raw []byte, encoding string) []byte {
	switch encoding {
	case "base64":
		return unbase64(raw)
	case "quoted-printable":
		return unquote(raw)
	case "x-uuencode", "uuencode", "x-uue", "uue":
		return unuu(raw)
	}
	return raw
}

// unquote decodes quoted-printable; what is malformed stays as it is.
func unquote(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '=' {
			out = append(out, c)
			continue
		}
		if i+2 < len(raw) && hexDigit(raw[i+1]) >= 0 && hexDigit(raw[i+2]) >= 0 {
			out = append(out, byte(hexDigit(raw[i+1])<<4|hexDigit(raw[i+2])))
			i += 2
			continue
		}
		end := i + 1
		for end < len(raw) && (raw[end] == ' ' || raw[end] == '\t' || raw[end] == '\r') {
			end++
		}
		if end >= len(raw) || raw[end] == '\n' { // soft line break
			i = end
			continue
		}
		out = append(out, c)
	}
	return out
}

// unuu decodes uuencoded data between its begin and end lines.
func unuu(raw []byte) []byte {
	var out []byte
	for begun := false; len(raw) > 0; {
		var line []byte
		line, raw = cutLine(raw)
		if !begun {
			begun = bytes.HasPrefix(line, []byte("begin "))
			continue
		}
		if len(line) == 0 || bytes.Equal(line, []byte("end")) {
			break
		}
		n := int(line[0]-' ') & 63
		for i := 1; i+3 < len(line) && n > 0; i += 4 {
			var v uint32
			for _, c := range line[i : i+4] {
				v = v<<6 | uint32(c-' ')&63
			}
			three := []byte{byte(v >> 16), byte(v >> 8), byte(v)}
			out = append(out, three[:min(n, 3)]...)
			n -= 3
		}
	}
	return out
}

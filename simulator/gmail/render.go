package gmail

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"rapport/simulator/front"
)

// view is a message on its way into an answer: what is needed of its entry,
// copied so that the mailbox need not stay locked while it is written.
type view struct {
	m       *mailbox
	e       entry
	thread  uint64
	labels  []byte // the JSON of labelIds
	src     source
	raw     []byte
	parsed  *part
	scratch *scratch
}

// scratch is memory that is used again.
type scratch struct{ raw, text []byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// look copies what is needed of a slot. The caller holds the lock.
func (m *mailbox) look(slot uint32) view {
	e := m.entries[slot]
	v := view{m: m, e: e, thread: m.entries[e.root].id, labels: m.sets[e.set].json}
	if e.body == nil {
		v.src = m.sources[e.src]
	}
	return v
}

// load makes the raw message; release gives its memory back.
func (v *view) load() []byte {
	if v.raw == nil {
		if v.e.body != nil {
			v.raw = v.e.body.raw
		} else {
			v.scratch = scratches.Get().(*scratch)
			v.scratch.raw = v.src.AppendRaw(v.scratch.raw[:0], v.e.key(), v.m.person)
			v.raw = v.scratch.raw
		}
	}
	return v.raw
}

func (v *view) release() {
	if v.scratch != nil {
		scratches.Put(v.scratch)
		v.scratch = nil
	}
}

func (v *view) root() *part {
	if v.parsed == nil {
		v.load()
		if v.e.body != nil {
			v.parsed = v.e.body.root()
		} else {
			v.parsed = parseMIME(v.raw)
		}
	}
	return v.parsed
}

// format is what messages.get asks for.
type format struct {
	name    string   // minimal, metadata, full, raw
	headers []string // metadataHeaders
	narrow  bool     // the token has the metadata scope
}

const metadataScope = "https://www.googleapis.com/auth/gmail.metadata"

// formatOf reads format and metadataHeaders. A token with the metadata scope
// sees metadata only, whatever other scopes it has.
func formatOf(c *front.Call) (format, error) {
	f := format{name: strings.ToLower(c.Query.Get("format")), headers: c.Query["metadataHeaders"], narrow: isNarrow(c)}
	if f.name == "" {
		f.name = "full"
	}
	if f.narrow && (f.name == "full" || f.name == "raw") {
		return f, forbidden("Metadata scope doesn't allow format " + strings.ToUpper(f.name))
	}
	return f, nil
}

func isNarrow(c *front.Call) bool {
	for _, s := range c.Scopes {
		if s == metadataScope {
			return true
		}
	}
	return false
}

// appendMessage writes a message in a format.
func (r *Room) appendMessage(dst []byte, v *view, f format, now time.Time) []byte {
	defer v.release()
	dst = appendHex(append(dst, `{"id":"`...), v.e.id)
	dst = appendHex(append(dst, `","threadId":"`...), v.thread)
	dst = append(dst, '"')
	if len(v.labels) > 0 {
		dst = append(append(append(dst, `,"labelIds":[`...), v.labels...), ']')
	}
	raw := v.load()
	if !f.narrow {
		dst = append(appendSnippet(append(dst, `,"snippet":"`...), v.root().plain()), '"')
	}
	switch f.name {
	case "full":
		dst = r.appendPart(append(dst, `,"payload":`...), v, v.root(), now)
	case "metadata":
		p := v.root()
		dst = append(dst, `,"payload":{"partId":"","mimeType":`...)
		dst = appendString(dst, p.kind)
		dst = append(appendHeaders(append(dst, `,"headers":[`...), p.fields, f.headers), "]}"...)
	case "raw":
		dst = append(base64.URLEncoding.AppendEncode(append(dst, `,"raw":"`...), raw), '"')
	}
	dst = strconv.AppendInt(append(dst, `,"sizeEstimate":`...), int64(len(raw)), 10)
	dst = strconv.AppendUint(append(dst, `,"historyId":"`...), v.e.history, 10)
	dst = strconv.AppendInt(append(dst, `","internalDate":"`...), v.e.date, 10)
	return append(dst, `"}`...)
}

func (r *Room) appendPart(dst []byte, v *view, p *part, now time.Time) []byte {
	dst = append(append(append(dst, `{"partId":"`...), p.id...), `","mimeType":`...)
	dst = appendString(dst, p.kind)
	dst = appendString(append(dst, `,"filename":`...), p.filename)
	dst = append(appendHeaders(append(dst, `,"headers":[`...), p.fields, nil), `],"body":{`...)
	switch {
	case len(p.parts) > 0 && p.kind != "message/rfc822":
		dst = append(dst, `"size":0`...)
	case p.isInline():
		var buf []byte
		if v.scratch != nil {
			buf = v.scratch.text[:0]
		}
		data := p.decodeInto(buf)
		if v.scratch != nil && (p.encoding == "base64" || p.encoding == "quoted-printable") {
			v.scratch.text = data // as it may have grown
		}
		if strings.HasPrefix(p.kind, "text/") {
			data = p.inUTF8(data)
		}
		if len(data) > inlineLimit {
			dst = r.appendAttachment(dst, v, p, len(data), now)
			break
		}
		dst = strconv.AppendInt(append(dst, `"size":`...), int64(len(data)), 10)
		if len(data) > 0 {
			dst = append(base64.URLEncoding.AppendEncode(append(dst, `,"data":"`...), data), '"')
		}
	default:
		dst = r.appendAttachment(dst, v, p, len(p.decoded()), now)
	}
	dst = append(dst, '}')
	if len(p.parts) > 0 {
		dst = append(dst, `,"parts":[`...)
		for i, c := range p.parts {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = r.appendPart(dst, v, c, now)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func (r *Room) appendAttachment(dst []byte, v *view, p *part, size int, now time.Time) []byte {
	dst = r.appendAttachmentID(append(dst, `"attachmentId":"`...), v.m, v.e.id, p.no, now)
	return strconv.AppendInt(append(dst, `","size":`...), int64(size), 10)
}

// appendHeaders writes header fields, all or those of a list.
func appendHeaders(dst []byte, fields []field, only []string) []byte {
	first := true
	for _, f := range fields {
		if only != nil && !wanted(f.name, only) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendStringBytes(append(dst, `{"name":`...), f.name)
		dst = append(dst, `,"value":`...)
		if bytes.Contains(f.value, encodedWord) {
			dst = appendString(dst, headerText(f.value))
		} else {
			dst = appendFolded(dst, f.value)
		}
		dst = append(dst, '}')
	}
	return dst
}

var encodedWord = []byte("=?")

func wanted(name []byte, only []string) bool {
	for _, o := range only {
		if len(o) == len(name) && strings.EqualFold(o, string(name)) {
			return true
		}
	}
	return false
}

// appendFolded is appendStringBytes of an unfolded value.
func appendFolded(dst, value []byte) []byte {
	dst = append(dst, '"')
	for len(value) > 0 {
		n := plainRun(value)
		dst = append(dst, value[:n]...)
		value = value[n:]
		if len(value) == 0 {
			break
		}
		if value[0] == '\r' || value[0] == '\n' {
			value = value[1:]
			continue
		}
		r, size := utf8.DecodeRune(value)
		dst = appendRune(dst, r)
		value = value[size:]
	}
	return append(dst, '"')
}

// plainRun is the length of what JSON writes as it is.
func plainRun(b []byte) int {
	for i, c := range b {
		if c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return i
		}
	}
	return len(b)
}

func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		dst = appendRune(dst, r)
	}
	return append(dst, '"')
}

func appendStringBytes(dst, s []byte) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		n := plainRun(s)
		dst = append(dst, s[:n]...)
		s = s[n:]
		if len(s) > 0 {
			r, size := utf8.DecodeRune(s)
			dst = appendRune(dst, r)
			s = s[size:]
		}
	}
	return append(dst, '"')
}

const hexLower = "0123456789abcdef"

func appendRune(dst []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\t':
		return append(dst, `\t`...)
	case r < ' ':
		return append(dst, '\\', 'u', '0', '0', hexLower[r>>4], hexLower[r&15])
	default:
		return utf8.AppendRune(dst, r)
	}
}

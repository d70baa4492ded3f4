package google

import (
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"rapport/internal/mail"
)

// DecodeMessage reads one message object of the Gmail API (format full or
// metadata). raw is kept as Message.Raw and must not change afterwards.
//
// It is written by hand because decoding is the largest cost we have per
// message: the general decoder takes some five times as long. It accepts what
// encoding/json accepts, with these rules: keys are compared exactly, the last
// of equal keys wins, null is the zero value, unknown keys are passed over, and
// numbers may be quoted or not (Gmail quotes 64-bit ones).
func DecodeMessage(raw []byte) (*mail.Message, error) {
	r := reader{s: unsafe.String(unsafe.SliceData(raw), len(raw))}
	m := &mail.Message{}
	if err := r.message(m); err != nil {
		return nil, err
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	m.Raw = raw
	return m, nil
}

// decodeThread reads a thread object; each message's Raw is its part of raw.
func decodeThread(raw []byte) ([]*mail.Message, error) {
	r := reader{s: unsafe.String(unsafe.SliceData(raw), len(raw))}
	var out []*mail.Message
	err := r.object(func(key string) error {
		if key != "messages" {
			return r.skip()
		}
		out = nil
		return r.array(func() error {
			from := r.i
			m := &mail.Message{}
			if err := r.message(m); err != nil {
				return err
			}
			m.Raw = raw[from:r.i:r.i]
			out = append(out, m)
			return nil
		})
	})
	if err == nil {
		err = r.end()
	}
	return out, err
}

// reader walks over a JSON text. All strings it gives without escapes are
// slices of that text, not copies of it.
type reader struct {
	s     string
	i     int
	depth int
}

// maxDepth is that of encoding/json.
const maxDepth = 10000

var errJSON = errors.New("malformed JSON")

func (r *reader) fail(what string) error {
	return fmt.Errorf("%w: %s at byte %d", errJSON, what, r.i)
}

func (r *reader) message(m *mail.Message) error {
	return r.object(func(key string) (err error) {
		switch key {
		case "id":
			m.ID, err = r.text()
		case "threadId":
			m.ThreadID, err = r.text()
		case "labelIds":
			m.Labels, err = r.texts()
		case "snippet":
			if m.Snippet, err = r.text(); strings.IndexByte(m.Snippet, '&') >= 0 {
				m.Snippet = html.UnescapeString(m.Snippet)
			}
		case "historyId":
			m.HistoryID, err = r.unsigned()
		case "internalDate":
			m.InternalDate, err = r.millis()
		case "sizeEstimate":
			m.Size, err = r.integer()
		case "payload":
			m.Payload = mail.Part{}
			err = r.part(&m.Payload)
		default:
			err = r.skip()
		}
		return err
	})
}

func (r *reader) part(p *mail.Part) error {
	return r.object(func(key string) (err error) {
		switch key {
		case "partId":
			p.ID, err = r.text()
		case "mimeType":
			p.MIME, err = r.text()
		case "filename":
			p.Filename, err = r.text()
		case "headers":
			p.Headers, err = r.headers()
		case "body":
			p.Body, p.AttachmentID, p.Size = nil, "", 0
			err = r.body(p)
		case "parts":
			p.Parts = nil
			err = r.array(func() error {
				p.Parts = append(p.Parts, mail.Part{})
				return r.part(&p.Parts[len(p.Parts)-1])
			})
		default:
			err = r.skip()
		}
		return err
	})
}

func (r *reader) headers() ([]mail.Header, error) {
	var out []mail.Header
	err := r.array(func() error {
		if out == nil {
			out = make([]mail.Header, 0, r.guess())
		}
		out = append(out, mail.Header{})
		h := &out[len(out)-1]
		return r.object(func(key string) (err error) {
			switch key {
			case "name":
				h.Name, err = r.text()
			case "value":
				h.Value, err = r.text()
			default:
				err = r.skip()
			}
			return err
		})
	})
	return out, err
}

// guess is how many headers to make room for: the root of a message has some
// thirty, parts have a few.
func (r *reader) guess() int {
	if r.depth > 4 { // message, payload, parts, part, headers
		return 4
	}
	return 32
}

func (r *reader) body(p *mail.Part) error {
	return r.object(func(key string) (err error) {
		switch key {
		case "attachmentId":
			p.AttachmentID, err = r.text()
		case "size":
			p.Size, err = r.integer()
		case "data":
			var text string
			if text, err = r.text(); err == nil {
				p.Body, err = decodeBase64(text)
			}
		default:
			err = r.skip()
		}
		return err
	})
}

// ---- values ----

// null takes a null if there is one.
func (r *reader) null() bool {
	r.space()
	if strings.HasPrefix(r.s[r.i:], "null") {
		r.i += 4
		return true
	}
	return false
}

func (r *reader) text() (string, error) {
	if r.null() {
		return "", nil
	}
	return r.str()
}

func (r *reader) texts() ([]string, error) {
	var out []string
	err := r.array(func() error {
		if out == nil {
			out = make([]string, 0, 6)
		}
		t, err := r.text()
		out = append(out, t)
		return err
	})
	return out, err
}

// number takes a number, quoted or not, as text; "" for null.
func (r *reader) number() (string, error) {
	if r.null() {
		return "", nil
	}
	if r.i < len(r.s) && r.s[r.i] == '"' {
		return r.str()
	}
	from := r.i
	if err := r.skipNumber(); err != nil {
		return "", err
	}
	return r.s[from:r.i], nil
}

func (r *reader) unsigned() (uint64, error) {
	t, err := r.number()
	if err != nil || t == "" {
		return 0, err
	}
	n, err := strconv.ParseUint(t, 10, 64)
	if err != nil {
		return 0, r.fail("not an unsigned number")
	}
	return n, nil
}

func (r *reader) integer() (int64, error) {
	t, err := r.number()
	if err != nil || t == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(t, 10, 64)
	if err != nil {
		return 0, r.fail("not a whole number")
	}
	return n, nil
}

// millis reads milliseconds since 1970. Gmail keeps what senders invent within
// bounds; anything our databases could not hold is refused.
func (r *reader) millis() (time.Time, error) {
	n, err := r.integer()
	if err != nil || n == 0 {
		return time.Time{}, err
	}
	if n > math.MaxInt64/1_000_000 || n < math.MinInt64/1_000_000 {
		return time.Time{}, r.fail("a time out of bounds")
	}
	return time.UnixMilli(n).UTC(), nil
}

// decodeBase64 decodes base64url as Gmail gives it, with or without padding; it
// takes the standard alphabet too.
func decodeBase64(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	text = strings.TrimRight(text, "=")
	if strings.IndexByte(text, '+') >= 0 || strings.IndexByte(text, '/') >= 0 {
		text = strings.NewReplacer("+", "-", "/", "_").Replace(text)
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: a body that is not base64", errJSON)
	}
	return b, nil
}

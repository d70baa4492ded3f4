package export

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"

	"github.com/klauspost/compress/zstd"

	"rapport/internal/crm"
	"rapport/internal/mail"
)

// rebuild puts a message together from what is stored.
func (s *Service) rebuild(e *crm.Email) ([]byte, error) {
	var b bytes.Buffer
	raw, err := unpack(e.Raw)
	if err != nil {
		return nil, err
	}
	if raw != nil && !isJSON(raw) { // of an e-mail account: as it was sent
		return raw, nil
	}
	if raw != nil {
		m, err := s.Decode(raw)
		if err != nil {
			return nil, fmt.Errorf("reading Google's stored answer: %w", err)
		}
		err = part(&b, &m.Payload, string(e.ID))
		return b.Bytes(), err
	}
	plain(&b, e)
	return b.Bytes(), nil
}

// isJSON tells Google's answer from a message, whose first line is a header's.
func isJSON(raw []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(raw, " \r\n\t"), []byte("{")) }

// maxUnpacked bounds what a stored answer may become.
const maxUnpacked = 256 << 20

func unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, nil
	}
	r, err := zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("unpacking Google's stored answer: %w", err)
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("unpacking Google's stored answer: %w", err)
	}
	return raw, nil
}

const crlf = "\r\n"

func headerLine(b *bytes.Buffer, name, value string) {
	b.WriteString(oneLine(name))
	b.WriteString(": ")
	b.WriteString(oneLine(strings.NewReplacer("\r\n ", " ", "\r\n\t", " ", "\n ", " ", "\n\t", " ").Replace(value)))
	b.WriteString(crlf)
}

// part writes a part with all that is within it.
func part(b *bytes.Buffer, p *mail.Part, seed string) error {
	kind, params, err := mime.ParseMediaType(headerOf(p, "Content-Type"))
	if err != nil {
		kind, params = p.MIME, map[string]string{}
	}
	boundary := ""
	if len(p.Parts) > 0 {
		if boundary = params["boundary"]; boundary == "" || strings.ContainsAny(boundary, "\r\n\"") || len(boundary) > 70 {
			sum := sha256.Sum256([]byte(seed + p.ID))
			boundary = "rapport-" + hex.EncodeToString(sum[:12])
		}
		if !strings.HasPrefix(kind, "multipart/") {
			kind = "multipart/mixed"
		}
		params["boundary"] = boundary
	}
	omitted := len(p.Parts) == 0 && p.Body == nil && p.Size > 0
	for _, h := range p.Headers {
		switch strings.ToLower(h.Name) {
		case "content-type", "content-transfer-encoding":
		default:
			headerLine(b, h.Name, h.Value)
		}
	}
	if kind != "" {
		if text := mime.FormatMediaType(kind, params); text != "" {
			headerLine(b, "Content-Type", text)
		} else {
			headerLine(b, "Content-Type", kind)
		}
	}
	if len(p.Parts) > 0 {
		b.WriteString(crlf)
		for i := range p.Parts {
			b.WriteString("--" + boundary + crlf)
			if err := part(b, &p.Parts[i], seed); err != nil {
				return err
			}
			b.WriteString(crlf)
		}
		b.WriteString("--" + boundary + "--" + crlf)
		return nil
	}
	if omitted {
		headerLine(b, "X-Rapport-Left-Out", fmt.Sprintf("%d bytes; export with the originals to have them", p.Size))
	}
	return body(b, p.Body, strings.HasPrefix(kind, "text/") || kind == "")
}

func headerOf(p *mail.Part, name string) string {
	for _, h := range p.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return p.MIME
}

// body writes the end of a part's header and its bytes.
func body(b *bytes.Buffer, data []byte, text bool) error {
	if text {
		headerLine(b, "Content-Transfer-Encoding", "quoted-printable")
		b.WriteString(crlf)
		w := quotedprintable.NewWriter(b)
		if _, err := w.Write(data); err != nil {
			return err
		}
		return w.Close()
	}
	headerLine(b, "Content-Transfer-Encoding", "base64")
	b.WriteString(crlf)
	encoded := base64.StdEncoding.EncodeToString(data)
	for len(encoded) > 0 {
		n := min(76, len(encoded))
		b.WriteString(encoded[:n] + crlf)
		encoded = encoded[n:]
	}
	return nil
}

// plain writes a message of which Google's answer was not kept.
func plain(b *bytes.Buffer, e *crm.Email) {
	word := func(s string) string { return mime.QEncoding.Encode("utf-8", oneLine(s)) }
	address := func(list ...crm.Address) string {
		var out []string
		for _, a := range list {
			if a.Name == "" {
				out = append(out, "<"+oneLine(a.Email)+">")
			} else {
				out = append(out, mime.QEncoding.Encode("utf-8", quoted(a.Name))+" <"+oneLine(a.Email)+">")
			}
		}
		return strings.Join(out, ", ")
	}
	ids := func(list ...string) string {
		var out []string
		for _, id := range list {
			out = append(out, "<"+strings.Trim(oneLine(id), "<>")+">")
		}
		return strings.Join(out, " ")
	}
	headerLine(b, "Date", dateOf(e).Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	headerLine(b, "From", address(e.From))
	for _, h := range []struct {
		name string
		list []crm.Address
	}{{"To", e.To}, {"Cc", e.Cc}, {"Bcc", e.Bcc}, {"Reply-To", e.ReplyTo}} {
		if len(h.list) > 0 {
			headerLine(b, h.name, address(h.list...))
		}
	}
	headerLine(b, "Subject", word(e.Subject))
	if e.RFC822MessageID != "" {
		headerLine(b, "Message-ID", ids(e.RFC822MessageID))
	}
	if e.InReplyTo != "" {
		headerLine(b, "In-Reply-To", ids(e.InReplyTo))
	}
	if len(e.References) > 0 {
		headerLine(b, "References", ids(e.References...))
	}
	for _, a := range e.Attachments {
		headerLine(b, "X-Rapport-Left-Out", fmt.Sprintf("%s, %d bytes; export with the originals to have it", word(a.Name), a.Size))
	}
	headerLine(b, "MIME-Version", "1.0")
	if e.BodyHTML != "" {
		headerLine(b, "Content-Type", "text/html; charset=utf-8")
		_ = body(b, []byte(e.BodyHTML), true) // a buffer takes everything
		return
	}
	headerLine(b, "Content-Type", "text/plain; charset=utf-8")
	_ = body(b, []byte(e.BodyText), true)
}

// quoted is a display name that may hold commas and quotes.
func quoted(name string) string {
	if strings.ContainsAny(name, `()<>[]:;@\,."`) {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	}
	return name
}

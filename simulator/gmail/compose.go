package gmail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"rapport/simulator/front"
	"rapport/simulator/world"
)

// messageBody is a Message as clients send it.
type messageBody struct {
	Raw      string   `json:"raw"`
	ThreadID string   `json:"threadId"`
	LabelIDs []string `json:"labelIds"`
}

const noRaw = "'raw' RFC822 payload message string or uploading message via /upload/* URL required"

// maxJSON is how large a message may be when it comes in JSON; larger ones
// must be uploaded. Google documents no number; about 5 MB was seen.
const maxJSON = 5 << 20

// rawOf takes the message out of an upload or of the field raw.
func rawOf(c *front.Call, body *messageBody) ([]byte, error) {
	if c.Media != nil {
		return c.Media, nil
	}
	if body.Raw == "" {
		return nil, invalid(noRaw)
	}
	// URL-safe alphabet, padded or not; the standard one is refused.
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(body.Raw, "="))
	if err != nil || strings.ContainsAny(body.Raw, "\r\n") {
		return nil, invalid(fmt.Sprintf("Invalid value at 'message.raw' (TYPE_BYTES), Base64 decoding failed for %q", abridged(body.Raw)))
	}
	if len(raw) > maxJSON {
		return nil, &front.Error{Code: 413, Message: "Request payload size exceeds the limit: 5242880 bytes.", Reason: "uploadTooLarge", Status: "INVALID_ARGUMENT"}
	}
	return raw, nil
}

func abridged(s string) string {
	if len(s) > 100 {
		return s[:100]
	}
	return s
}

// letter is a message on its way out, its header taken apart.
type letter struct {
	fields []field
	body   []byte
	to     []string // envelope recipients, each once
	id     string   // new Message-ID
}

// maxRecipients is how many recipients a message may have through the API.
const maxRecipients = 500

func (l *letter) first(name string) *field {
	for i := range l.fields {
		if strings.EqualFold(string(l.fields[i].name), name) {
			return &l.fields[i]
		}
	}
	return nil
}

func (l *letter) drop(name string) {
	kept := l.fields[:0:0]
	for _, f := range l.fields {
		if !strings.EqualFold(string(f.name), name) {
			kept = append(kept, f)
		}
	}
	l.fields = kept
}

func (l *letter) set(name, value string) {
	if f := l.first(name); f != nil {
		f.value = []byte(value)
		return
	}
	l.fields = append(l.fields, field{[]byte(name), []byte(value)})
}

// addressParser reads names in any charset: only the addresses matter.
var addressParser = mail.AddressParser{WordDecoder: wordDecoder}

// recipients collects the addresses of To, Cc and Bcc.
func (l *letter) recipients() error {
	seen := map[string]bool{}
	for _, name := range []string{"To", "Cc", "Bcc"} {
		for _, f := range l.fields {
			if !strings.EqualFold(string(f.name), name) || len(bytes.TrimSpace(f.value)) == 0 {
				continue
			}
			list, err := addressParser.ParseList(string(unfold(nil, f.value)))
			if err != nil && strings.Contains(string(f.value), "undisclosed-recipients") {
				continue
			}
			if err != nil {
				return invalid("Invalid " + name + " header")
			}
			for _, a := range list {
				if at := strings.LastIndexByte(a.Address, '@'); at <= 0 || at == len(a.Address)-1 {
					return invalid("Invalid " + name + " header")
				}
				if key := strings.ToLower(a.Address); !seen[key] {
					seen[key] = true
					l.to = append(l.to, key)
				}
			}
		}
	}
	if len(l.to) == 0 {
		return invalid("Recipient address required")
	}
	if len(l.to) > maxRecipients {
		return invalid("Too many recipients") // wording not documented
	}
	return nil
}

// open takes a raw message apart.
func open(raw []byte) *letter {
	l := &letter{}
	l.fields, l.body = splitHeader(raw)
	return l
}

// bytes writes the message with network line ends in the header.
func (l *letter) bytes() []byte {
	out := make([]byte, 0, len(l.body)+1024)
	for _, f := range l.fields {
		out = append(append(append(out, f.name...), ": "...), f.value...)
		out = append(out, "\r\n"...)
	}
	return append(append(out, "\r\n"...), l.body...)
}

// complete gives a message what Gmail gives those that leave it: an allowed
// From, a Date, and a Message-ID of its own.
func (l *letter) complete(m *mailbox, now time.Time) {
	l.fixFrom(m)
	if l.first("Date") == nil {
		l.set("Date", now.In(pacific).Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	}
	l.id = m.newMessageID()
	l.drop("Message-ID")
	l.set("Message-ID", l.id)
	if l.first("MIME-Version") == nil {
		l.set("MIME-Version", "1.0")
	}
}

// newMessageID makes a Message-ID such as Gmail's.
func (m *mailbox) newMessageID() string {
	var b [24]byte
	for i := 0; i < len(b); i += 8 {
		v := m.draw(0)
		for j := range 8 {
			b[i+j] = byte(v >> (8 * j))
		}
	}
	return "<CA" + base64.RawURLEncoding.EncodeToString(b[:]) + "@mail.gmail.com>"
}

// fixFrom replaces a From that is not one of the account's addresses.
func (l *letter) fixFrom(m *mailbox) {
	f := l.first("From")
	if f != nil {
		a, err := addressParser.Parse(string(unfold(nil, f.value)))
		if err == nil {
			s := m.alias(a.Address)
			if s != nil && (s.Primary || s.Verification == "accepted") {
				return
			}
			l.set("X-Google-Original-From", string(f.value))
		}
	}
	s := &m.sendAs[0]
	name := s.DisplayName
	if name == "" {
		name = m.account.Name
	}
	l.set("From", (&mail.Address{Name: name, Address: m.account.Email}).String())
}

// prefixed puts header fields in front of a message.
func prefixed(raw []byte, fields ...string) []byte {
	out := make([]byte, 0, len(raw)+512)
	for _, f := range fields {
		out = append(append(out, f...), "\r\n"...)
	}
	return append(out, raw...)
}

// trace is what Gmail writes on top of a message that arrives.
func trace(to world.Account, from string, now time.Time) []string {
	stamp := now.In(pacific).Format("Mon, 2 Jan 2006 15:04:05 -0700 (MST)")
	domain := from[strings.LastIndexByte(from, '@')+1:]
	return []string{
		"Delivered-To: " + to.Email,
		"Received: by 2002:a05:7010:1f0e:b0:3d5:7e6c:9a1b with SMTP id x14csp;\r\n        " + stamp,
		"Return-Path: <" + from + ">",
		"Received: from mail-sor-f41.google.com (mail-sor-f41.google.com. [209.85.220.41])\r\n        by mx.google.com with SMTPS id x14sor\r\n        for <" + to.Email + ">;\r\n        " + stamp,
		"Received-SPF: pass (google.com: domain of " + from + " designates 209.85.220.41 as permitted sender) client-ip=209.85.220.41;",
		"Authentication-Results: mx.google.com;\r\n       dkim=pass header.i=@" + domain + ";\r\n       spf=pass smtp.mailfrom=" + from + ";\r\n       dmarc=pass header.from=" + domain,
	}
}

package outbox

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	stdmail "net/mail"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message"
	gomail "github.com/emersion/go-message/mail"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// maxMessage is how large a message may be as it travels, attachments encoded.
const maxMessage = 25 << 20

// content is everything a message is made of.
type content struct {
	ID          crm.OutgoingID // "" for a draft: no marks
	MessageID   string
	From        crm.Address
	ReplyTo     string
	To, Cc, Bcc []crm.Address
	Subject     string
	InReplyTo   string
	References  []string
	Text, HTML  string
	Inline      []file // pictures the HTML names by cid
	Files       []file
}

// file is an attachment.
type file struct {
	Name, Type, ContentID string
	Data                  []byte
}

// compose writes a message (RFC 5322). Text with characters that no header can
// have does not get in: fields are checked, names encoded (RFC 2047, RFC 2231).
func compose(c content) ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	h, err := c.header()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(c.estimate())
	if err := c.write(&out, h); err != nil {
		return nil, fmt.Errorf("writing a message: %w", err)
	}
	if out.Len() > maxMessage {
		return nil, tooBig(int64(out.Len()))
	}
	return out.Bytes(), nil
}

func tooBig(n int64) error {
	return &fault.Error{Kind: fault.Invalid, Code: "too_large", Fields: map[string]string{"attachments": "are too large together"},
		Text: fmt.Sprintf("This message would be %.1f MB on its way; Gmail takes 25 MB, attachments encoded. Leave some out, or share them as links.", float64(n)/(1<<20))}
}

// estimate is the size of the message, nearly.
func (c *content) estimate() int {
	n := 4096 + len(c.Text) + len(c.HTML) + (len(c.Text)+len(c.HTML))/10
	for _, list := range [][]file{c.Inline, c.Files} {
		for _, f := range list {
			n += len(f.Data)*78/57 + 1024
		}
	}
	return n
}

// check refuses what cannot stand in a header, and what is too much before
// anything is written.
func (c *content) check() error {
	for field, text := range map[string]string{"subject": c.Subject, "reply_to": c.ReplyTo, "from": c.From.Name + c.From.Email, "in_reply_to": c.InReplyTo, "message_id": c.MessageID} {
		if breaks(text) {
			return invalid(field, "has a line break or a control character", "A line break or a control character does not belong there.")
		}
	}
	if len(c.Subject) > 2000 {
		return invalid("subject", "is too long", "The subject is too long.")
	}
	for field, list := range map[string][]crm.Address{"to": c.To, "cc": c.Cc, "bcc": c.Bcc} {
		for _, a := range list {
			if breaks(a.Name) || breaks(a.Email) {
				return invalid(field, "has a line break or a control character", "A line break or a control character does not belong there.")
			}
		}
	}
	for _, list := range [][]file{c.Inline, c.Files} {
		for _, f := range list {
			if breaks(f.Name) || breaks(f.Type) || breaks(f.ContentID) || len(f.Name) > 255 {
				return invalid("attachments", "has a name that no file has", "The name of an attachment has a line break or a control character, or is too long.")
			}
		}
	}
	if n := c.estimate(); n > maxMessage+maxMessage/8 {
		return tooBig(int64(n))
	}
	return nil
}

func (c *content) header() (gomail.Header, error) {
	var h gomail.Header
	if c.ID != "" {
		h.Set(MarkerHeader, string(c.ID))
		h.SetMessageID(c.MessageID)
	}
	if len(c.References) > 0 {
		h.SetMsgIDList("References", safeIDs(c.References))
	}
	if c.InReplyTo != "" {
		h.SetMsgIDList("In-Reply-To", safeIDs([]string{c.InReplyTo}))
	}
	h.Set("Subject", literal(c.Subject))
	for _, f := range []struct {
		name string
		list []crm.Address
	}{{"Bcc", c.Bcc}, {"Cc", c.Cc}, {"To", c.To}, {"From", []crm.Address{c.From}}} {
		if len(f.list) > 0 {
			h.Set(f.name, addressList(f.list))
		}
	}
	if c.ReplyTo != "" {
		a, ok := parseAddress(c.ReplyTo)
		if !ok {
			return h, fault.New(fault.Invalid, "The reply address of this alias is none.")
		}
		h.Set("Reply-To", addressList([]crm.Address{a}))
	}
	return h, nil
}

// idLike tells whether a text is made of what a Message-ID may be made of, so
// that it cannot leave its field.
func idLike(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < '!' || c > '~' || c == '<' || c == '>' {
			return false
		}
	}
	return text != "" && len(text) <= 900
}

func safeIDs(ids []string) []string {
	var out []string
	for _, id := range ids {
		if idLike(id) {
			out = append(out, id)
		}
	}
	return out
}

func addressList(list []crm.Address) string {
	out := make([]string, len(list))
	for i, a := range list {
		if strings.Contains(a.Name, wordStart) {
			out[i] = literal(a.Name) + " <" + a.Email + ">"
		} else {
			out[i] = (&stdmail.Address{Name: a.Name, Address: a.Email}).String()
		}
	}
	return strings.Join(out, ", ")
}

// wordStart begins an encoded word, and wordText is how much of a text one takes
// (RFC 2047, 2: 75 characters, here of base64).
const (
	wordStart = "=?"
	wordText  = 45
)

// literal writes text into a header so that it is read as it was written: what
// looks encoded is encoded once more, or the other end would decode it.
func literal(s string) string {
	if !strings.Contains(s, wordStart) {
		return mime.QEncoding.Encode("utf-8", s)
	}
	var words []string
	for s != "" {
		n := min(wordText, len(s))
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		words, s = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?="), s[n:]
	}
	return strings.Join(words, " ")
}

// write writes the parts: what may be read in one of two ways, with its pictures,
// before the files.
func (c *content) write(w io.Writer, h gomail.Header) error {
	top := h.Header
	if len(c.Files) == 0 {
		return c.text(func(part message.Header) (*message.Writer, error) {
			for f := part.Fields(); f.Next(); {
				top.Set(f.Key(), f.Value())
			}
			return message.CreateWriter(w, top)
		})
	}
	top.Set("Content-Type", "multipart/mixed")
	mixed, err := message.CreateWriter(w, top)
	if err != nil {
		return err
	}
	if err := c.text(mixed.CreatePart); err != nil {
		return err
	}
	for _, f := range c.Files {
		if err := f.write(mixed.CreatePart, "attachment"); err != nil {
			return err
		}
	}
	return mixed.Close()
}

// open begins a part.
type open func(message.Header) (*message.Writer, error)

func (c *content) text(begin open) error {
	if c.HTML == "" {
		return words(begin, "text/plain", c.Text)
	}
	alternative, err := begin(kind("multipart/alternative"))
	if err != nil {
		return err
	}
	if err := words(alternative.CreatePart, "text/plain", c.Text); err != nil {
		return err
	}
	if err := c.page(alternative.CreatePart); err != nil {
		return err
	}
	return alternative.Close()
}

// page writes the HTML, with the pictures it shows.
func (c *content) page(begin open) error {
	if len(c.Inline) == 0 {
		return words(begin, "text/html", c.HTML)
	}
	related, err := begin(kind("multipart/related"))
	if err != nil {
		return err
	}
	if err := words(related.CreatePart, "text/html", c.HTML); err != nil {
		return err
	}
	for _, f := range c.Inline {
		if err := f.write(related.CreatePart, "inline"); err != nil {
			return err
		}
	}
	return related.Close()
}

func kind(of string) message.Header {
	var h message.Header
	h.Set("Content-Type", of)
	return h
}

func words(begin open, of, text string) error {
	var h message.Header
	h.SetContentType(of, map[string]string{"charset": "UTF-8"})
	h.Set("Content-Transfer-Encoding", "quoted-printable")
	part, err := begin(h)
	if err != nil {
		return err
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	if _, err := io.WriteString(part, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		return err
	}
	return part.Close()
}

func (f file) write(begin open, disposition string) error {
	var h message.Header
	h.Set("Content-Transfer-Encoding", "base64")
	h.SetContentType(fileType(f.Type), nil)
	if f.ContentID != "" {
		h.Set("Content-Id", "<"+f.ContentID+">")
	}
	// Written here, since go-message would put RFC 2047 where RFC 2231 belongs.
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": fileName(f.Name)}))
	part, err := begin(h)
	if err != nil {
		return err
	}
	if _, err := part.Write(f.Data); err != nil {
		return err
	}
	return part.Close()
}

// fileType is a type that names one part only; what is more, or no type at all,
// is just bytes.
func fileType(of string) string {
	media, _, err := mime.ParseMediaType(of)
	if err != nil || !strings.Contains(media, "/") || strings.HasPrefix(media, "multipart/") || strings.HasPrefix(media, "message/") {
		return "application/octet-stream"
	}
	return media
}

func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, strings.TrimSpace(name))
	if name == "" {
		return "attachment"
	}
	return name
}

// picture is an image that stands in the HTML itself, as sanitised.
var picture = regexp.MustCompile(`src="data:(image/(?:png|jpe?g|gif|webp|bmp));base64,([A-Za-z0-9+/=%\s]+)"`)

// pictureType is a type of which images may stand in the HTML itself.
var pictureType = regexp.MustCompile(`^image/(?:png|jpe?g|gif|webp|bmp)$`)

// pictures takes images out of the HTML, which mail programs do not show there,
// and names them by cid.
func pictures(html, seed string) (string, []file) {
	var out []file
	html = picture.ReplaceAllStringFunc(html, func(found string) string {
		m := picture.FindStringSubmatch(found)
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(m[2]), ""))
		if err != nil {
			return found
		}
		n := strconv.Itoa(len(out) + 1)
		f := file{Name: "image" + n + "." + strings.TrimPrefix(m[1], "image/"), Type: m[1], ContentID: "image" + n + "." + seed + "@rapport", Data: data}
		out = append(out, f)
		return `src="cid:` + f.ContentID + `"`
	})
	return html, out
}

// bodies are text and HTML as they go out: the HTML made safe, the text derived
// where there is none. cid says which pictures of the original may stay.
func bodies(text, html string, cid func(string) bool) (string, string) {
	if strings.TrimSpace(html) == "" {
		return text, ""
	}
	safe := mail.Sanitise(html, mail.SafeOptions{Images: true, Inline: func(id string) string {
		if cid(id) {
			return "cid:" + id
		}
		return ""
	}}).HTML
	if strings.TrimSpace(text) == "" {
		text = mail.TextOf(safe)
	}
	return text, safe
}

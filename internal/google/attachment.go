package google

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/vault"
)

// Attachment writes the decoded bytes of a part. Gmail's attachment ids change
// from one read to the next, so the message is read again to find the fresh one
// by the part's id. On an error some bytes may have been written.
// fault.Gone when the message or part does not exist any more.
func (m *mailbox) Attachment(ctx context.Context, messageID, partID string, w io.Writer) error {
	if m.metadataOnly() {
		return noPermission(vault.ScopeGmailReadonly)
	}
	f := &fetch{mailbox: m}
	c := fetchCall{refs: []mail.Ref{{ID: messageID}}, units: m.cost("messages.get")}
	body, err := f.get(ctx, c, false)
	if err != nil {
		return fmt.Errorf("reading the message of an attachment: %w", gone(err))
	}
	msg, err := f.decoded(ctx, c, body)
	if err != nil {
		return fmt.Errorf("reading the message of an attachment: %w", gone(err))
	}
	p := findPart(&msg.Payload, partID)
	if p == nil {
		return fault.New(fault.Gone, "The attachment does not exist any more.")
	}
	if p.AttachmentID == "" {
		_, err := w.Write(p.Body)
		return err
	}
	path := "gmail/v1/users/me/messages/" + url.PathEscape(messageID) + "/attachments/" + url.PathEscape(p.AttachmentID) + "?alt=json&prettyPrint=false"
	return m.download(ctx, path, w)
}

// findPart looks for a part without recursion: mail can be nested deep.
func findPart(root *mail.Part, id string) *mail.Part {
	todo := []*mail.Part{root}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if p.ID == id {
			return p
		}
		for i := range p.Parts {
			todo = append(todo, &p.Parts[i])
		}
	}
	return nil
}

// download streams attachments.get. Once bytes have gone out there is no
// second try.
func (m *mailbox) download(ctx context.Context, path string, w io.Writer) error {
	const method = "messages.attachments.get"
	out := &counted{w: w}
	err := m.call(ctx, spend{method, m.cost(method), 1}, false, func(ctx context.Context, token crm.Secret) (int, error) {
		err := m.door.stream(ctx, path, token, out)
		if err != nil && out.n > 0 && fault.Passing(err) {
			err = fault.New(fault.Internal, "the attachment broke off: %w", err)
		}
		if err != nil {
			return 0, err
		}
		return 1, nil
	})
	if out.n > 0 && fault.Is(err, fault.Internal) {
		return &fault.Error{Kind: fault.Unavailable, Code: "google_unavailable", Text: "The attachment broke off on the way. Try again.", Err: err}
	}
	return gone(err)
}

type counted struct {
	w   io.Writer
	n   int64
	err error
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.err = err
	return n, err
}

func (g *Gmail) stream(ctx context.Context, path string, token crm.Secret, w *counted) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.base+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	req.Header.Set("User-Agent", g.userAgent)
	res, err := g.client.Do(req)
	if err != nil {
		return fromNetwork(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		if err != nil {
			return fromNetwork(err)
		}
		return classify(res.StatusCode, res.Header, body, g.now())
	}
	if err := copyData(w, res.Body); err != nil {
		if w.err != nil {
			return w.err // the reader of the attachment went away
		}
		return fromNetwork(err)
	}
	return nil
}

// copyData decodes the member "data" of a flat JSON object while it arrives.
func copyData(w io.Writer, body io.Reader) error {
	r := bufio.NewReaderSize(body, 32<<10)
	if err := seekData(r); err != nil {
		return err
	}
	_, err := io.Copy(w, base64.NewDecoder(base64.RawURLEncoding, &quoted{r: r}))
	if err != nil {
		return fmt.Errorf("decoding an attachment: %w", err)
	}
	return nil
}

var errNoData = errors.New("an attachment without data")

// seekData reads up to the opening quote of the member's value. "size" is a
// number and the attachment's id holds no quote, so the first match is it.
func seekData(r *bufio.Reader) error {
	for {
		word, err := r.ReadBytes('"')
		if err != nil {
			return errNoData
		}
		if !bytes.HasSuffix(word, []byte(`data"`)) || len(word) != len(`data"`) {
			continue
		}
		between, err := r.ReadBytes('"')
		if err != nil {
			return errNoData
		}
		if string(bytes.Join(bytes.Fields(between), nil)) == `:"` {
			return nil
		}
	}
}

// quoted reads base64 up to the closing quote, turning the standard alphabet
// into Gmail's and leaving out padding.
type quoted struct {
	r   *bufio.Reader
	end bool
}

func (q *quoted) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && !q.end {
		c, err := q.r.ReadByte()
		if err != nil {
			return n, io.ErrUnexpectedEOF
		}
		switch c {
		case '"':
			q.end = true
		case '=':
		case '+':
			p[n] = '-'
			n++
		case '/':
			p[n] = '_'
			n++
		default:
			p[n] = c
			n++
		}
		if n > 0 && q.r.Buffered() == 0 {
			break
		}
	}
	if n == 0 && q.end {
		return 0, io.EOF
	}
	return n, nil
}

package google

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	gmail "google.golang.org/api/gmail/v1"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/outbox"
	"rapport/internal/vault"
)

// Posts opens mailboxes for sending; it implements outbox.Posts.
type Posts struct{ Gmail *Gmail }

var (
	_ outbox.Posts = Posts{}
	_ outbox.Post  = (*mailbox)(nil)
)

// Open opens the mailbox of a connection for sending. fault.Permission when the
// grant does not let mail be sent.
func (p Posts) Open(ctx context.Context, c crm.Connection, priority mail.Priority) (outbox.Post, error) {
	if c.GrantID == "" {
		return nil, &fault.Error{Kind: fault.Reconnect, Code: "google_reauthorization_required", Text: "This account is not connected."}
	}
	g := p.Gmail
	a, err := g.Tokens.Token(ctx, c.GrantID)
	if err != nil {
		return nil, err
	}
	if len(vault.Missing(a.Scopes, []string{vault.ScopeGmailSend})) > 0 {
		return nil, &fault.Error{Kind: fault.Permission, Code: "insufficient_permission", Scopes: []string{vault.ScopeGmailSend},
			Text: "The permission to send mail was not given at Google."}
	}
	return g.open(c, priority, a), nil
}

// Mark is the mailbox's history id now.
func (m *mailbox) Mark(ctx context.Context) (uint64, error) {
	p, err := m.Profile(ctx)
	return p.HistoryID, err
}

// definite are the answers by which Google says that it has not taken a message:
// the request was not carried out. 429 is not among them: looking costs two units,
// and being wrong costs a second copy.
var definite = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestEntityTooLarge}

// refusal marks an error as Google's own word that nothing was accepted, or as an
// answer that leaves it open.
func refusal(err error) error {
	var a *apiError
	switch {
	case !errors.As(err, &a):
		return err
	case a.json && slices.Contains(definite, a.status) && !fault.Is(err, fault.Throttled):
		return &outbox.Refusal{Err: err}
	}
	return &outbox.Answer{Err: err}
}

// Send hands one message over by the upload address, whatever its size: that in
// JSON is limited to some 5 MB. A token that Google refuses is renewed once, since
// 401 is decided before anything else; there is no other second try.
func (m *mailbox) Send(ctx context.Context, l outbox.Letter) (outbox.Sent, error) {
	method, path, meta := "messages.send", "messages/send", map[string]any{}
	if l.ThreadID != "" {
		meta["threadId"] = l.ThreadID
	}
	if l.DraftID != "" {
		method, path, meta = "drafts.send", "drafts/send", map[string]any{"id": l.DraftID, "message": meta}
	}
	var out struct{ ID, ThreadID string }
	err := m.upload(ctx, method, http.MethodPost, path, meta, l.Raw, &out)
	if err != nil {
		return outbox.Sent{}, fmt.Errorf("sending: %w", err)
	}
	return outbox.Sent{ID: out.ID, ThreadID: out.ThreadID}, nil
}

// upload makes one upload of a message with its metadata (uploadType=multipart)
// and reads the answer. Errors before the request leaves are refusals.
func (m *mailbox) upload(ctx context.Context, method, verb, path string, meta any, raw []byte, out any) error {
	about, err := json.Marshal(meta)
	if err != nil {
		return &outbox.Refusal{Err: fmt.Errorf("writing the metadata of a message: %w", err)}
	}
	s := spend{method, m.cost(method), 1}
	if err := m.account.take(ctx, s.units, m.priority); err != nil {
		return &outbox.Refusal{Err: err}
	}
	for renewed := false; ; renewed = true {
		token, err := m.token(ctx)
		if err != nil {
			return &outbox.Refusal{Err: err}
		}
		err = m.once(ctx, s, token, func(ctx context.Context, token crm.Secret) (int, error) {
			if err := m.door.upload(ctx, verb, path, about, raw, token, out); err != nil {
				return 0, err
			}
			return 1, nil
		})
		if codeOf(err) != codeUnauthenticated || renewed {
			return refusal(err)
		}
		if err := m.renew(ctx, token); err != nil {
			return &outbox.Refusal{Err: err}
		}
	}
}

func (g *Gmail) upload(ctx context.Context, verb, path string, meta, raw []byte, token crm.Secret, out any) error {
	boundary := rand.Text() + rand.Text() // 52 letters that no message holds but by a miracle
	head := "--" + boundary + "\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n" + string(meta) +
		"\r\n--" + boundary + "\r\nContent-Type: message/rfc822\r\n\r\n"
	tail := "\r\n--" + boundary + "--\r\n"
	// Not a buffer of its own, and so nothing the transport could send again by itself.
	body := io.MultiReader(bytes.NewReader([]byte(head)), bytes.NewReader(raw), bytes.NewReader([]byte(tail)))
	req, err := http.NewRequestWithContext(ctx, verb, g.base+"upload/gmail/v1/users/me/"+path+"?uploadType=multipart&alt=json&prettyPrint=false", body)
	if err != nil {
		return &outbox.Refusal{Err: fmt.Errorf("making a request: %w", err)}
	}
	req.ContentLength = int64(len(head) + len(raw) + len(tail))
	req.Header.Set("Content-Type", "multipart/related; boundary="+boundary)
	_, answer, err := g.send(req, token)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return garbled(err)
	}
	return nil
}

// Aliases reads settings.sendAs.list.
func (m *mailbox) Aliases(ctx context.Context) ([]crm.SendAs, error) {
	var out []crm.SendAs
	err := m.ordinary(ctx, "settings.sendAs.list", func(ctx context.Context, header func(http.Header)) error {
		c := m.door.service.Users.Settings.SendAs.List("me").Context(ctx)
		header(c.Header())
		list, err := c.Do()
		if err != nil {
			return err
		}
		out = out[:0]
		for _, a := range list.SendAs {
			out = append(out, crm.SendAs{Email: a.SendAsEmail, Name: a.DisplayName, Signature: a.Signature, ReplyTo: a.ReplyToAddress,
				Default: a.IsDefault, Primary: a.IsPrimary, Verified: a.IsPrimary || a.VerificationStatus == "accepted"})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the addresses to send from: %w", err)
	}
	return out, nil
}

// lookMost is how many messages are looked through for one that may have been sent.
const lookMost = 500

// Arrived lists what has come into Sent since a mark. The history is asked first:
// whatever Google accepted after the mark stands in it, as an addition, even when
// it was deleted since. It is neither searched nor filtered at Google, because
// searches run behind. Where the mark is forgotten, Sent is listed newest first.
func (m *mailbox) Arrived(ctx context.Context, mark uint64, since time.Time) ([]outbox.Trace, bool, error) {
	refs, whole, err := m.added(ctx, mark)
	if fault.Is(err, fault.Stale) {
		return m.listed(ctx, since)
	}
	if err != nil {
		return nil, false, err
	}
	var out []outbox.Trace
	for _, r := range refs {
		t, _, err := m.trace(ctx, r)
		if err != nil {
			return nil, false, err
		}
		out = append(out, t)
	}
	return out, whole, nil
}

// added gives what the history says was added to Sent.
func (m *mailbox) added(ctx context.Context, mark uint64) (refs []mail.Ref, whole bool, err error) {
	seen := map[string]bool{}
	for page := ""; ; {
		h, err := m.History(ctx, mark, page)
		if err != nil {
			return nil, false, err
		}
		for _, r := range h.Records {
			if r.Kind != mail.MessageAdded || seen[r.Ref.ID] || len(r.Labels) > 0 && !slices.Contains(r.Labels, "SENT") {
				continue
			}
			seen[r.Ref.ID] = true
			refs = append(refs, r.Ref)
		}
		if len(refs) > lookMost {
			return refs[:lookMost], false, nil
		}
		if page = h.Next; page == "" {
			return refs, true, nil
		}
	}
}

// skew is how far Google's clock may be from ours.
const skew = time.Hour

// listed looks through Sent itself, newest first, down to what is older than the
// attempt.
func (m *mailbox) listed(ctx context.Context, since time.Time) (out []outbox.Trace, whole bool, err error) {
	for page := ""; ; {
		list, err := m.List(ctx, mail.Listing{Labels: []string{"SENT"}, IncludeSpamTrash: true}, page)
		if err != nil {
			return nil, false, err
		}
		for _, r := range list.Refs {
			t, at, err := m.trace(ctx, r)
			if err != nil {
				return nil, false, err
			}
			if !t.Gone && at.Before(since.Add(-skew)) {
				return out, true, nil
			}
			if out = append(out, t); len(out) > lookMost {
				return out, false, nil
			}
		}
		if page = list.Next; page == "" {
			return out, true, nil
		}
	}
}

// marks are the fields by which a message is recognised.
var marks = []string{outbox.MarkerHeader, "Message-ID", "X-Google-Original-Message-ID", "Subject", "To"}

// trace reads what tells whose a message is.
func (m *mailbox) trace(ctx context.Context, r mail.Ref) (outbox.Trace, time.Time, error) {
	q := url.Values{"format": {"metadata"}, "metadataHeaders": marks, "alt": {"json"}, "prettyPrint": {"false"}}
	var msg *mail.Message
	err := m.call(ctx, spend{"messages.get", m.cost("messages.get"), 1}, false, func(ctx context.Context, token crm.Secret) (int, error) {
		body, err := m.door.get(ctx, "gmail/v1/users/me/messages/"+url.PathEscape(r.ID)+"?"+q.Encode(), token)
		if err == nil {
			if msg, err = DecodeMessage(body); err != nil {
				err = garbled(err)
			}
		}
		if err != nil {
			return 0, err
		}
		return 1, nil
	})
	if fault.Is(err, fault.NotFound) {
		return outbox.Trace{ID: r.ID, ThreadID: r.ThreadID, Gone: true}, time.Time{}, nil
	}
	if err != nil {
		return outbox.Trace{}, time.Time{}, fmt.Errorf("looking at a sent message: %w", err)
	}
	e := mail.ParseMessage(msg)
	t := outbox.Trace{ID: msg.ID, ThreadID: msg.ThreadID, Subject: e.Subject, To: e.To}
	for _, h := range msg.Payload.Headers {
		t.Take(h.Name, h.Value)
	}
	return t, msg.InternalDate, nil
}

// pageSize as the API wants it.
func pageSize(n int) int64 {
	if n <= 0 {
		return 20
	}
	return int64(min(n, 100))
}

// draftOf is a draft as the API gives it, in our shape.
func draftOf(d *gmail.Draft) (outbox.Draft, error) {
	out := outbox.Draft{ID: d.Id}
	if d.Message == nil {
		return out, garbled(errors.New("a draft without a message"))
	}
	raw, err := json.Marshal(d.Message)
	if err != nil {
		return out, garbled(err)
	}
	if out.Message, err = DecodeMessage(raw); err != nil {
		return out, garbled(fmt.Errorf("message %s: %w", strconv.Quote(d.Message.Id), err))
	}
	return out, nil
}

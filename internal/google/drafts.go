package google

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	gmail "google.golang.org/api/gmail/v1"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail/outbox"
)

// draftsAtOnce is how many drafts of a page are read at a time.
const draftsAtOnce = 5

// Drafts gives a page of drafts with their headers, newest first.
func (m *mailbox) Drafts(ctx context.Context, page string, limit int) ([]outbox.Draft, string, error) {
	var ids []string
	next := ""
	err := m.ordinary(ctx, "drafts.list", func(ctx context.Context, header func(http.Header)) error {
		c := m.door.service.Users.Drafts.List("me").MaxResults(pageSize(limit)).Context(ctx)
		if page != "" {
			c.PageToken(page)
		}
		header(c.Header())
		list, err := c.Do()
		if err != nil {
			return err
		}
		ids, next = ids[:0], list.NextPageToken
		for _, d := range list.Drafts {
			ids = append(ids, d.Id)
		}
		return nil
	})
	if fault.Is(err, fault.Invalid) && page != "" {
		err = &fault.Error{Kind: fault.Invalid, Code: "bad_cursor", Text: "The cursor is not one of this list. Begin again without it.", Err: err}
	}
	if err != nil {
		return nil, "", fmt.Errorf("listing drafts: %w", err)
	}
	list, err := m.readDrafts(ctx, ids)
	return list, next, err
}

// readDrafts reads several at a time, in their order; one that is gone meanwhile
// is left out.
func (m *mailbox) readDrafts(ctx context.Context, ids []string) ([]outbox.Draft, error) {
	found, errs := make([]outbox.Draft, len(ids)), make([]error, len(ids))
	places := make(chan struct{}, draftsAtOnce)
	var all sync.WaitGroup
	for i, id := range ids {
		places <- struct{}{}
		all.Go(func() {
			found[i], errs[i] = m.readDraft(ctx, id, "metadata")
			<-places
		})
	}
	all.Wait()
	var out []outbox.Draft
	for i, d := range found {
		if fault.Is(errs[i], fault.NotFound) {
			continue
		}
		if errs[i] != nil {
			return nil, errs[i]
		}
		out = append(out, d)
	}
	return out, nil
}

// Draft reads a draft whole.
func (m *mailbox) Draft(ctx context.Context, id string) (outbox.Draft, error) {
	return m.readDraft(ctx, id, "full")
}

func (m *mailbox) readDraft(ctx context.Context, id, format string) (outbox.Draft, error) {
	var out outbox.Draft
	err := m.call(ctx, spend{"drafts.get", m.cost("drafts.get"), 1}, false, func(ctx context.Context, token crm.Secret) (int, error) {
		body, err := m.door.get(ctx, "gmail/v1/users/me/drafts/"+url.PathEscape(id)+"?format="+format+"&alt=json&prettyPrint=false", token)
		if err != nil {
			return 0, err
		}
		var d struct {
			ID      string
			Message json.RawMessage
		}
		if err := json.Unmarshal(body, &d); err != nil {
			return 0, garbled(err)
		}
		out.ID = d.ID
		if out.Message, err = DecodeMessage(d.Message); err != nil {
			return 0, garbled(err)
		}
		return 1, nil
	})
	if err != nil {
		return outbox.Draft{}, fmt.Errorf("reading a draft: %w", noDraft(err))
	}
	return out, nil
}

// RawDraft reads a draft whole, and as it would travel. Two calls; when it was
// changed between them they are made again.
func (m *mailbox) RawDraft(ctx context.Context, id string) (outbox.Draft, []byte, error) {
	for range 3 {
		d, err := m.Draft(ctx, id)
		if err != nil {
			return d, nil, err
		}
		var raw struct{ Message struct{ ID, Raw string } }
		err = m.call(ctx, spend{"drafts.get", m.cost("drafts.get"), 1}, false, func(ctx context.Context, token crm.Secret) (int, error) {
			body, err := m.door.get(ctx, "gmail/v1/users/me/drafts/"+url.PathEscape(id)+"?format=raw&alt=json&prettyPrint=false", token)
			if err == nil {
				if err = json.Unmarshal(body, &raw); err != nil {
					err = garbled(err)
				}
			}
			if err != nil {
				return 0, err
			}
			return 1, nil
		})
		if err != nil {
			return d, nil, fmt.Errorf("reading a draft: %w", noDraft(err))
		}
		if raw.Message.ID != d.Message.ID {
			continue
		}
		text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(raw.Message.Raw, "="))
		if err != nil {
			return d, nil, fmt.Errorf("reading a draft: %w", garbled(err))
		}
		return d, text, nil
	}
	return outbox.Draft{}, nil, fault.New(fault.Conflict, "The draft is being changed in Gmail just now. Try again in a moment.")
}

func noDraft(err error) error {
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		return &fault.Error{Kind: fault.NotFound, Text: "There is no such draft in Gmail: it was sent or deleted.", Err: err}
	}
	return err
}

// SaveDraft makes a draft, or replaces the message of one. Making is not tried
// again by itself: an answer that is lost could leave two drafts.
func (m *mailbox) SaveDraft(ctx context.Context, id string, l outbox.Letter) (outbox.Draft, error) {
	message := map[string]any{}
	if l.ThreadID != "" {
		message["threadId"] = l.ThreadID
	}
	method, verb, path := "drafts.create", http.MethodPost, "drafts"
	if id != "" {
		method, verb, path = "drafts.update", http.MethodPut, "drafts/"+url.PathEscape(id)
	}
	var d gmail.Draft
	err := m.upload(ctx, method, verb, path, map[string]any{"message": message}, l.Raw, &d)
	if id != "" && fault.Is(err, fault.NotFound) {
		err = noDraft(err)
	}
	if err != nil {
		return outbox.Draft{}, fmt.Errorf("saving a draft: %w", err)
	}
	return draftOf(&d)
}

// DeleteDraft deletes a draft; one that is gone is deleted.
func (m *mailbox) DeleteDraft(ctx context.Context, id string) error {
	err := m.ordinary(ctx, "drafts.delete", func(ctx context.Context, header func(http.Header)) error {
		c := m.door.service.Users.Drafts.Delete("me", id).Context(ctx)
		header(c.Header())
		return c.Do()
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("deleting a draft: %w", err)
	}
	return nil
}

// DraftPart writes the decoded bytes of a part of a draft's message.
func (m *mailbox) DraftPart(ctx context.Context, d outbox.Draft, part string, w io.Writer) error {
	p := findPart(&d.Message.Payload, part)
	if p == nil {
		return fault.New(fault.Gone, "The attachment does not exist any more.")
	}
	if p.AttachmentID == "" {
		_, err := w.Write(p.Body)
		return err
	}
	return m.download(ctx, "gmail/v1/users/me/messages/"+url.PathEscape(d.Message.ID)+"/attachments/"+url.PathEscape(p.AttachmentID)+"?alt=json&prettyPrint=false", w)
}

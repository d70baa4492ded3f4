package google

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	gmail "google.golang.org/api/gmail/v1"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

var _ mail.Changer = (*mailbox)(nil)

// Modify changes labels: one by one while that costs less than a batch
// (users.messages.modify, users.messages.batchModify). Trash and spam are labels
// as any other there, at a quarter of the cost of users.messages.trash.
func (m *mailbox) Modify(ctx context.Context, ids []string, d mail.Delta) (missing []string, err error) {
	if len(ids) == 0 || d.Empty() {
		return nil, nil
	}
	if int64(len(ids))*m.cost("messages.modify") >= m.cost("messages.batchModify") {
		return nil, m.modifyAll(ctx, ids, d)
	}
	for _, id := range ids {
		err := m.ordinary(ctx, "messages.modify", func(ctx context.Context, header func(http.Header)) error {
			c := m.door.service.Users.Messages.Modify("me", id, &gmail.ModifyMessageRequest{AddLabelIds: d.Add, RemoveLabelIds: d.Remove}).
				Fields("id").Context(ctx)
			header(c.Header())
			_, err := c.Do()
			return err
		})
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
			missing = append(missing, id)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("changing labels of a message: %w", err)
		}
	}
	return missing, nil
}

func (m *mailbox) modifyAll(ctx context.Context, ids []string, d mail.Delta) error {
	err := m.wordless(ctx, "messages.batchModify", http.MethodPost, "messages/batchModify",
		&gmail.BatchModifyMessagesRequest{Ids: ids, AddLabelIds: d.Add, RemoveLabelIds: d.Remove})
	if err != nil {
		return fmt.Errorf("changing labels of messages: %w", err)
	}
	return nil
}

// wordless makes a call that Gmail answers without content. The client library
// takes any answer of success for that of Gmail; a page that something on the
// way puts in its place is none.
func (m *mailbox) wordless(ctx context.Context, method, verb, path string, body any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return fmt.Errorf("writing the request: %w", err)
		}
	}
	return m.call(ctx, spend{method, m.cost(method), 1}, false, func(ctx context.Context, token crm.Secret) (int, error) {
		req, err := http.NewRequestWithContext(ctx, verb, m.door.base+"gmail/v1/users/me/"+path+"?prettyPrint=false", bytes.NewReader(text))
		if err != nil {
			return 0, fmt.Errorf("making a request: %w", err)
		}
		if body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
		req.Header.Set("User-Agent", m.door.userAgent)
		res, err := m.door.client.Do(req)
		if err != nil {
			return 0, fromNetwork(err)
		}
		defer res.Body.Close()
		answer, err := readBody(res)
		switch said := string(bytes.TrimSpace(answer)); {
		case err != nil:
			return 0, fromNetwork(err)
		case res.StatusCode == http.StatusNoContent, res.StatusCode == http.StatusOK && (said == "" || said == "{}"):
			return 1, nil
		case res.StatusCode == http.StatusOK:
			return 0, garbled(errors.New("an answer where there should be none"))
		}
		return 0, classify(res.StatusCode, res.Header, answer, m.now())
	})
}

func labelOf(l *gmail.Label) crm.Label {
	out := crm.Label{ID: l.Id, Name: l.Name, Type: l.Type}
	if l.Color != nil {
		out.TextColor, out.BackgroundColor = l.Color.TextColor, l.Color.BackgroundColor
	}
	return out
}

// CreateLabel makes a label (users.labels.create).
func (m *mailbox) CreateLabel(ctx context.Context, name string) (out crm.Label, err error) {
	err = m.ordinary(ctx, "labels.create", func(ctx context.Context, header func(http.Header)) error {
		c := m.door.service.Users.Labels.Create("me", &gmail.Label{Name: name, LabelListVisibility: "labelShow", MessageListVisibility: "show"}).Context(ctx)
		header(c.Header())
		l, err := c.Do()
		if err == nil {
			out = labelOf(l)
		}
		return err
	})
	if err != nil {
		return out, fmt.Errorf("making a label: %w", err)
	}
	return out, nil
}

// RenameLabel renames a label (users.labels.patch).
func (m *mailbox) RenameLabel(ctx context.Context, id, name string) (out crm.Label, err error) {
	err = m.ordinary(ctx, "labels.patch", func(ctx context.Context, header func(http.Header)) error {
		c := m.door.service.Users.Labels.Patch("me", id, &gmail.Label{Name: name}).Context(ctx)
		header(c.Header())
		l, err := c.Do()
		if err == nil {
			out = labelOf(l)
		}
		return err
	})
	if err != nil {
		return out, fmt.Errorf("renaming a label: %w", err)
	}
	return out, nil
}

// DeleteLabel deletes a label (users.labels.delete).
func (m *mailbox) DeleteLabel(ctx context.Context, id string) error {
	if err := m.wordless(ctx, "labels.delete", http.MethodDelete, "labels/"+url.PathEscape(id), nil); err != nil {
		return fmt.Errorf("deleting a label: %w", err)
	}
	return nil
}

package google

import (
	"context"
	"fmt"
	"net/http"

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
	err := m.ordinary(ctx, "messages.batchModify", func(ctx context.Context, header func(http.Header)) error {
		c := m.door.service.Users.Messages.BatchModify("me", &gmail.BatchModifyMessagesRequest{Ids: ids, AddLabelIds: d.Add, RemoveLabelIds: d.Remove}).Context(ctx)
		header(c.Header())
		return c.Do()
	})
	if err != nil {
		return fmt.Errorf("changing labels of messages: %w", err)
	}
	return nil
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
	err := m.ordinary(ctx, "labels.delete", func(ctx context.Context, header func(http.Header)) error {
		c := m.door.service.Users.Labels.Delete("me", id).Context(ctx)
		header(c.Header())
		return c.Do()
	})
	if err != nil {
		return fmt.Errorf("deleting a label: %w", err)
	}
	return nil
}

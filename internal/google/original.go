package google

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/mail/export"
	"rapport/internal/vault"
)

var _ export.Originals = (*mailbox)(nil)

// Original reads a message as it was sent (users.messages.get, format raw).
// fault.Permission with the metadata scope, fault.Gone when it is not there.
func (m *mailbox) Original(ctx context.Context, messageID string) ([]byte, error) {
	if m.metadataOnly() {
		return nil, noPermission(vault.ScopeGmailReadonly)
	}
	var raw []byte
	err := m.ordinary(ctx, "messages.get", func(ctx context.Context, header func(http.Header)) error {
		c := m.door.service.Users.Messages.Get("me", messageID).Format("raw").Context(ctx)
		header(c.Header())
		x, err := c.Do()
		if err != nil {
			return err
		}
		raw, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(x.Raw, "="))
		return err
	})
	if fault.Is(err, fault.NotFound) {
		err = &fault.Error{Kind: fault.Gone, Text: "The message is not at Google any more.", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("reading an original: %w", err)
	}
	return raw, nil
}

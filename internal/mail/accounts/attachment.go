package accounts

import (
	"context"
	"fmt"
	"io"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// Raw reads a stored message from its server as it is there (RFC 5322).
func (s *Service) Raw(ctx context.Context, c crm.ConnectionID, messageID string) ([]byte, error) {
	a, err := s.Rows.AccountOf(ctx, c)
	if err != nil {
		return nil, err
	}
	places, err := s.Copies.CopiesOf(ctx, a.ID, messageID)
	if err != nil {
		return nil, fmt.Errorf("finding a message on its server: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, interactive)
	defer cancel()
	box, err := s.open(ctx, a)
	if err != nil {
		return nil, err
	}
	defer box.Close()
	for _, p := range places {
		at, err := box.Enter(ctx, p.Folder)
		if fault.Is(err, fault.NotFound) || err == nil && at.Validity != p.Validity {
			continue
		}
		if err != nil {
			return nil, err
		}
		var found []byte
		err = box.Bodies(ctx, []Head{{UID: p.UID}}, func(_ uint32, raw []byte) error { found = raw; return nil })
		if err != nil || found != nil {
			return found, err
		}
	}
	return nil, fault.New(fault.Gone, "The message is not on the mail server any more.")
}

// Attachment writes the decoded bytes of a part of a stored message.
func (s *Service) Attachment(ctx context.Context, c crm.ConnectionID, messageID, partID string, w io.Writer) error {
	raw, err := s.Raw(ctx, c, messageID)
	if err != nil {
		return err
	}
	part, err := mail.RawPart(raw, partID)
	if err != nil {
		return err
	}
	_, err = w.Write(part)
	return err
}

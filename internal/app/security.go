package app

import (
	"context"
	"fmt"

	"rapport/internal/crm"
)

// securityEvents takes what Google tells about accounts (Cross-Account
// Protection): the vault ends grants, and the people who sign in with the
// account are signed out.
type securityEvents struct{ app *App }

// Receive verifies an event and acts on it. fault.Invalid when it is not
// Google's or not for us. A repetition is no error.
func (s securityEvents) Receive(ctx context.Context, token crm.Secret) error {
	known, err := s.app.clients.all(ctx)
	if err != nil {
		return err
	}
	e, err := s.app.verifier.VerifySecurityEvent(ctx, known, token)
	if err != nil {
		return fmt.Errorf("verifying a security event: %w", err)
	}
	out, err := s.app.Vault.ReceiveSecurityEvent(ctx, e)
	if err != nil {
		return err
	}
	s.app.meters.securityEvent(e.Kind)
	if len(out.Users) == 0 {
		return nil
	}
	if err := s.app.Org.EndSessionsOf(ctx, out.Users); err != nil {
		return fmt.Errorf("signing people out after a security event: %w", err)
	}
	return nil
}

package app

import (
	"rapport/internal/mail/outbox"
)

// buildOutbox makes the outbox and joins it with its doors.
func (a *App) buildOutbox(doors) error {
	a.Outbox = &outbox.Service{}
	return nil
}

// outboxWork is what the outbox does in the background.
func (a *App) outboxWork() background { return background{} }

// outboxCorridors is what follows from facts there.
func (a *App) outboxCorridors() []corridor { return nil }

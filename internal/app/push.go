package app

import (
	"rapport/internal/mail/push"
)

// buildPush makes push and joins it with its doors.
func (a *App) buildPush(doors) error {
	a.Push = &push.Service{}
	return nil
}

// pushWork is what push does in the background.
func (a *App) pushWork() background { return background{} }

// pushCorridors is what follows from facts there.
func (a *App) pushCorridors() []corridor { return nil }

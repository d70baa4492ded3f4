package app

import (
	"rapport/internal/webhooks"
)

// buildWebhooks makes webhooks and joins it with its doors.
func (a *App) buildWebhooks(doors) error {
	a.Webhooks = &webhooks.Service{}
	return nil
}

// webhooksWork is what webhooks does in the background.
func (a *App) webhooksWork() background { return background{} }

// webhooksCorridors is what follows from facts there.
func (a *App) webhooksCorridors() []corridor { return nil }

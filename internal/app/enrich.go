package app

import (
	"crypto/rand"

	"rapport/internal/enrich"
)

// buildEnrich makes the room and joins it with its doors.
func (a *App) buildEnrich(doors) error {
	a.Enrich = &enrich.Service{Now: a.now, Random: rand.Reader, Log: a.log}
	return nil
}

// enrichWork is what it does in the background.
func (a *App) enrichWork() background { return background{} }

// enrichCorridors is what follows from facts there.
func (a *App) enrichCorridors() []corridor { return nil }

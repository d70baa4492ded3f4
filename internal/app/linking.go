package app

import (
	"crypto/rand"

	"rapport/internal/records/linking"
)

// buildLinking makes the room and joins it with its doors.
func (a *App) buildLinking(doors) error {
	a.Linking = &linking.Service{Now: a.now, Random: rand.Reader, Log: a.log}
	return nil
}

// linkingWork is what it does in the background.
func (a *App) linkingWork() background { return background{} }

// linkingCorridors is what follows from facts there.
func (a *App) linkingCorridors() []corridor { return nil }

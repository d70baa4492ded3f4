package app

import (
	"crypto/rand"

	"rapport/internal/records/merging"
)

// buildMerging makes the room and joins it with its doors.
func (a *App) buildMerging(doors) error {
	a.Merging = &merging.Service{Store: a.Store, Now: a.now, Random: rand.Reader, Log: a.log}
	return nil
}

// mergingWork is what it does in the background.
func (a *App) mergingWork() background { return background{} }

package app

import (
	"crypto/rand"

	"rapport/internal/records"
)

// buildRecords makes the room and joins it with its doors.
func (a *App) buildRecords(doors) error {
	a.Records = &records.Service{Now: a.now, Random: rand.Reader, Log: a.log}
	return nil
}

// recordsWork is what it does in the background.
func (a *App) recordsWork() background { return background{} }

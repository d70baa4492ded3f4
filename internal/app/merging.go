package app

import (
	"crypto/rand"

	"rapport/internal/fact"
	"rapport/internal/records/merging"
)

// buildMerging makes the room and joins it with its doors.
func (a *App) buildMerging(doors) error {
	a.Merging = &merging.Service{Store: a.Store, Lister: a.Records, Queue: a.Store, Now: a.now, Random: rand.Reader, Log: a.log, Budget: stepBudget}
	return nil
}

// mergingWork is what it does in the background.
func (a *App) mergingWork() background { return background{definitions: a.Merging.Definitions()} }

// mergingCorridors is what follows from facts there.
func (a *App) mergingCorridors() []corridor {
	const compared = "they are compared with others that may be the same"
	return []corridor{
		{fact.RecordCreated, compared, a.Merging.RecordsChanged}, {fact.RecordChanged, compared, a.Merging.RecordsChanged},
		{fact.RecordDeleted, compared, a.Merging.RecordsChanged}, {fact.RecordRestored, compared, a.Merging.RecordsChanged},
	}
}

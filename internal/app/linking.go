package app

import (
	"crypto/rand"

	"rapport/internal/fact"
	"rapport/internal/records/linking"
)

// buildLinking makes the room and joins it with its doors.
func (a *App) buildLinking(doors) error {
	a.Linking = &linking.Service{Store: a.Store, Queue: a.Store, Now: a.now, Random: rand.Reader, Log: a.log, Budget: stepBudget}
	return nil
}

// linkingWork is what it does in the background.
func (a *App) linkingWork() background {
	return background{schedule: a.Linking.Schedule(), definitions: a.Linking.Definitions()}
}

// linkingCorridors is what follows from facts there.
func (a *App) linkingCorridors() []corridor {
	const mail, records = "their conversations are linked to records", "mail of theirs is linked anew, in the background"
	return []corridor{
		{fact.MailArrived, mail, a.Linking.Mail}, {fact.MailChanged, mail, a.Linking.Mail},
		{fact.RecordCreated, records, a.Linking.Records}, {fact.RecordChanged, records, a.Linking.Records},
		{fact.RecordDeleted, records, a.Linking.Records}, {fact.RecordRestored, records, a.Linking.Records},
	}
}

package app

import (
	"crypto/rand"
	"fmt"

	"rapport/internal/crm"
	"rapport/internal/google"
	"rapport/internal/mail/outbox"
)

// buildOutbox makes the outbox and joins it with its doors.
func (a *App) buildOutbox(doors) error {
	boxes, is := a.Mail.Mailboxes.(*google.Gmail)
	if !is {
		return fmt.Errorf("the outbox needs the door to Gmail")
	}
	a.Outbox = &outbox.Service{
		Rows: a.Store, Posts: google.Posts{Gmail: boxes}, Mail: a.Mail, Connections: a.Store, Approvals: a.Org, People: a.Store, Queue: a.Store,
		Now: a.now, Random: rand.Reader, Log: a.log,
		Reconnect: func(c crm.Connection) string {
			return "/api/v1/workspaces/" + string(c.WorkspaceID) + "/integrations/google/connect?redirect=1&connection_id=" + string(c.ID)
		},
	}
	return nil
}

// outboxWork is what the outbox does in the background.
func (a *App) outboxWork() background {
	return background{schedule: a.Outbox.Schedule(), definitions: a.Outbox.Definitions()}
}

// outboxCorridors is what follows from facts there.
func (a *App) outboxCorridors() []corridor { return nil }

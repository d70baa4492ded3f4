package httpapi

import (
	"context"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/vault"
	"rapport/internal/work"
)

// Connections is what the operations need of the store about connections,
// beside what the rooms do themselves.
type Connections interface {
	// Mine lists the caller's own connections in their workspace, oldest first.
	Mine(ctx context.Context, c access.Caller) ([]crm.Connection, error)
	// Change lets change work on one of the caller's own connections and stores
	// it, with the fact connection.changed, in one transaction.
	Change(ctx context.Context, c access.Caller, id crm.ConnectionID, change func(*crm.Connection) error) (crm.Connection, error)
	// DeleteData deletes everything that was synced for a connection and gives the
	// number of messages. Called again after a crash it goes on.
	DeleteData(ctx context.Context, w crm.WorkspaceID, id crm.ConnectionID) (int64, error)
	// LastRun gives the newest run of a stream, fault.NotFound before the first.
	LastRun(ctx context.Context, c crm.ConnectionID, stream crm.Stream) (crm.Run, error)
	// ConnectionsOf lists all connections of a workspace with how they do.
	ConnectionsOf(ctx context.Context, w crm.WorkspaceID, cursor string, limit int) ([]vault.ConnectionHealth, string, error)
}

// Doctor walks the chain from the settings to Google.
type Doctor interface {
	Examine(ctx context.Context, c access.Caller) (client.DoctorReport, error)
}

// SecurityEvents acts on what Google tells about accounts.
type SecurityEvents interface {
	// Receive verifies a security event token and acts on it, once. fault.Invalid
	// when it is not Google's or not for us.
	Receive(ctx context.Context, token crm.Secret) error
}

// Queue tells when work is due, for people who wait for it.
type Queue interface {
	// Job gives the job of a kind for a subject and why its last try failed;
	// fault.NotFound when nothing waits.
	Job(ctx context.Context, kind work.Kind, subject string) (job work.Claimed, failure string, err error)
}

// Facts gives what happens, for the streams of live events.
type Facts interface {
	// Subscribe gives each fact of a workspace from now on. The channel is closed
	// when the reader falls behind or the program stops; end is called when the
	// reader has had enough.
	Subscribe(w crm.WorkspaceID) (facts <-chan fact.Fact, end func())
}

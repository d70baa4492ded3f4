package httpapi

import (
	"context"
	"io"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/mail"
)

// Google is what the operations need of the vault: consent and its end.
type Google interface {
	// Begin gives the address of Google's consent page.
	Begin(ctx context.Context, c access.Caller, r ConsentWish) (string, error)
	// Complete redeems what Google sent to the callback. It answers an Outcome
	// in every case that a person can do something about.
	Complete(ctx context.Context, r CallbackQuery) (Outcome, error)
	Disconnect(ctx context.Context, c access.Caller, id crm.ConnectionID, deleteData bool) (DisconnectResult, error)
	// BeginSignIn and CompleteSignIn are the same for signing in with Google.
	BeginSignIn(ctx context.Context, returnTo string) (string, error)
	CompleteSignIn(ctx context.Context, r CallbackQuery) (Identity, Outcome, error)
	// Missing names what is off without the scopes that were wanted and not given.
	Missing(c crm.Connection) []MissingScope
}

// ConsentWish is what a member wants to connect.
type ConsentWish struct {
	Services   []crm.Service
	Connection crm.ConnectionID // reconnect, or ""
	ReturnTo   string           // path of our own pages
	Redirect   string           // the callback of the address the browser uses, "" for the configured one
}

// CallbackQuery is what Google sends to a callback.
type CallbackQuery struct {
	State, Code, Error, ErrorSubtype string
	Workspace                        crm.WorkspaceID // of the path, "" for the fixed callback
}

// Outcome of a consent.
type Outcome struct {
	Result    string // connected, degraded, denied, wrong_account, waiting_for_admin, expired, error
	ReturnTo  string
	Workspace crm.WorkspaceID
}

// DisconnectResult says what a disconnect did.
type DisconnectResult struct {
	Revoked bool
	Deleted int64
	Message string
}

// Identity is a person as Google vouches for them.
type Identity struct {
	Sub, Email, Name, HostedDomain string
	EmailVerified                  bool
}

// Connections is what the operations need to know about connections. What does
// not belong to the caller does not exist.
type Connections interface {
	Mine(ctx context.Context, c access.Caller) ([]crm.Connection, error)
	Change(ctx context.Context, c access.Caller, id crm.ConnectionID, change func(*crm.Connection) error) (crm.Connection, error)
}

// Mail is what the operations need of the mail room.
type Mail interface {
	List(ctx context.Context, c access.Caller, q mail.ListQuery, search string) (mail.EmailPage, error)
	Email(ctx context.Context, c access.Caller, id crm.EmailID) (crm.Email, error)
	Thread(ctx context.Context, c access.Caller, connection crm.ConnectionID, threadID string) ([]crm.Email, error)
	SafeHTML(e crm.Email) string
	Attachment(ctx context.Context, c access.Caller, id crm.EmailID, attachment crm.AttachmentID, begin func(crm.Attachment) io.Writer) error
	Labels(ctx context.Context, c access.Caller, connection crm.ConnectionID) ([]mail.LabelCount, error)
	Totals(ctx context.Context, connection crm.ConnectionID) (mail.Totals, error)
	Streams(ctx context.Context, connection crm.Connection) ([]StreamState, error)
	Completeness(ctx context.Context, connection crm.ConnectionID) (*crm.Completeness, error)

	Sync(ctx context.Context, c access.Caller, connection crm.Connection, full bool) (crm.Run, error)
	Verify(ctx context.Context, c access.Caller, connection crm.Connection) (crm.Run, error)
	Preview(ctx context.Context, c access.Caller, connection crm.Connection) (Preview, error)
	Run(ctx context.Context, c access.Caller, id crm.RunID) (crm.Run, error)
	Runs(ctx context.Context, c access.Caller, connection crm.ConnectionID, p mail.Page) ([]crm.Run, string, error)
	Failures(ctx context.Context, c access.Caller, connection crm.ConnectionID, p mail.Page) ([]crm.Failure, string, error)
	RetryFailure(ctx context.Context, c access.Caller, connection crm.ConnectionID, id crm.FailureID) error
}

// StreamState is where a stream stands.
type StreamState struct {
	Stream   crm.Stream
	Run      *crm.Run // the last one, nil before the first
	NextRun  *time.Time
	Done     bool
	Waiting  bool
	Error    string
	NextStep string
}

// Facts gives what happened, for the streams of live events.
type Facts interface {
	// Subscribe calls see for each fact of a workspace from now on, until ctx ends.
	Subscribe(ctx context.Context, w crm.WorkspaceID) (<-chan fact.Fact, func())
}

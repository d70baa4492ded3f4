package push

import (
	"context"
	"time"

	"rapport/internal/crm"
	"rapport/internal/work"
)

// Mailboxes begins and ends watches at Google (implemented by internal/google).
type Mailboxes interface {
	// Watch has Gmail publish to the topic when something changes in the mailbox
	// (users.watch); called again it renews. Errors carry one of the codes below
	// where somebody has to do something.
	Watch(ctx context.Context, c crm.Connection, topic string) (Begun, error)
	// StopWatch ends the watch that the project of the connection's client has on
	// the mailbox (users.stop). Stopping nothing is no error.
	StopWatch(ctx context.Context, c crm.Connection) error
}

// Begun is Gmail's answer to a watch.
type Begun struct {
	HistoryID uint64 // the mailbox's: changes after it will be told of
	ExpiresAt time.Time
}

// Codes of errors of Watch.
const (
	CodeNoTopic      = "watch_no_topic"
	CodeNotPublisher = "watch_not_publisher"
	CodeOtherProject = "watch_other_project"
	CodeTaken        = "watch_taken" // another topic is watched with: stop, then watch
)

// Verifier knows who posts a notification.
type Verifier interface {
	// VerifyPush checks the token of a push request. fault.Unauthenticated when it
	// is not Pub/Sub's for us, fault.Unavailable when Google's keys cannot be had.
	VerifyPush(ctx context.Context, token crm.Secret) error
}

// Subscription is pulled for notifications (implemented by internal/google).
type Subscription interface {
	Name() string
	// Pull waits for messages, for a minute or so, and gives up to most. None is
	// no error.
	Pull(ctx context.Context, most int) ([]Message, error)
	Acknowledge(ctx context.Context, acks []string) error
}

// Message is a message of Pub/Sub.
type Message struct {
	Ack         string // names it for Acknowledge
	Data        []byte // decoded
	PublishedAt time.Time
}

// Watches keeps what is known of mailboxes' notifications (implemented by
// internal/store).
type Watches interface {
	// Watching reads; a connection that was never watched has the zero one.
	Watching(ctx context.Context, id crm.ConnectionID) (Watch, error)
	// ChangeWatch lets fn change it, in one transaction with the fact
	// watch.changed where what people see of it has changed, and with the time of
	// the connection's next poll where fn gives one.
	ChangeWatch(ctx context.Context, c crm.Connection, fn func(w *Watch) (next *time.Time)) error
	// Announce notes notifications at every syncing connection with their address
	// and, where one tells news, asks for the job of it, in one transaction. It
	// gives an outcome for each notice.
	Announce(ctx context.Context, notices []Notice, job func(id crm.ConnectionID, due time.Time) work.Job) ([]Outcome, error)
	// Mark is the history id up to which a connection has been read, 0 before
	// that is known.
	Mark(ctx context.Context, id crm.ConnectionID) (uint64, error)
	// Overdue gives connections that should be watched with the topic and are not,
	// or whose watch was not renewed since, or ends before soon, or is of another
	// topic; and those that are watched and should not be. None that was tried
	// since. In pages by id. An empty topic: nothing should be watched.
	Overdue(ctx context.Context, q OverdueQuery, after crm.ConnectionID, limit int) ([]crm.ConnectionID, error)
	// WatchShared reports whether another connection watches the mailbox with the topic.
	WatchShared(ctx context.Context, c crm.Connection, topic string) (bool, error)
	// TakeTurn gives holder the sole right to what name names until a time, or
	// prolongs it; false when somebody else has it.
	TakeTurn(ctx context.Context, name, holder string, now, until time.Time) (bool, error)
	EndTurn(ctx context.Context, name, holder string) error
}

// OverdueQuery of Watches.Overdue.
type OverdueQuery struct {
	Topic   string
	Renewed time.Time // not renewed since
	Soon    time.Time // ends before
	Tried   time.Time // not tried since
}

// Connections reads connections for background work.
type Connections interface {
	ConnectionByID(ctx context.Context, id crm.ConnectionID) (crm.Connection, error)
}

// Meter counts, for metrics. All may be called at a time.
type Meter interface {
	Notified(via Mode, outcome Outcome)
	Delayed(via Mode, d time.Duration)
}

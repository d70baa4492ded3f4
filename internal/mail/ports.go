package mail

import (
	"context"
	"io"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/engine"
)

// ---- the mailbox at Google (implemented by internal/google) ----

// Mailboxes opens the mailbox of a connection. The mailbox takes its tokens
// from the vault, obeys the quota and retries passing errors by itself; what it
// returns is classified: fault.Reconnect, Permission, Stale, Gone, Throttled
// (the mailbox is cooling down), Unavailable.
type Mailboxes interface {
	Open(ctx context.Context, c crm.Connection, p Priority) (Mailbox, error)
}

// Priority of calls when quota is short.
type Priority int

const (
	Background  Priority = iota // back-fill, verify
	Normal                      // incremental sync
	Interactive                 // somebody is waiting
)

// Mailbox is one Gmail mailbox, read only for now.
type Mailbox interface {
	Profile(ctx context.Context) (Profile, error)
	Labels(ctx context.Context) ([]crm.Label, error)
	// List gives message ids, newest first (users.messages.list).
	List(ctx context.Context, l Listing, page string) (Listed, error)
	// History gives the changes after a history id (users.history.list);
	// fault.Stale when Google has forgotten it.
	History(ctx context.Context, since uint64, page string) (HistoryPage, error)
	// Fetch reads messages, in the order of refs as far as quota-efficient
	// fetching allows: it may read whole threads where that is cheaper and then
	// yields the thread's other messages too (Extra). Every ref is yielded
	// exactly once, with its error if it could not be read. An error of yield,
	// or one that concerns the whole mailbox, ends the fetch and is returned.
	Fetch(ctx context.Context, refs []Ref, yield func(Fetched) error) error
	// Attachment writes the decoded bytes of a part.
	Attachment(ctx context.Context, messageID, partID string, w io.Writer) error
	// Spent is the quota units used through this Mailbox so far.
	Spent() int64
}

// Profile of a mailbox (users.getProfile).
type Profile struct {
	Email     string
	Messages  int64
	Threads   int64
	HistoryID uint64
}

// Listing chooses what List gives.
type Listing struct {
	Labels           []string // all of them (AND)
	Query            string   // Gmail search; not possible with the metadata scope
	IncludeSpamTrash bool
}

// Listed is a page of ids.
type Listed struct {
	Refs     []Ref
	Next     string
	Estimate int64 // Google's resultSizeEstimate: unreliable
}

// Ref names a message.
type Ref struct{ ID, ThreadID string }

// Fetched is one answer of Fetch.
type Fetched struct {
	Ref     Ref
	Message *Message // nil when Err is set
	Err     error    // fault.Gone: it does not exist any more
	Extra   bool     // not asked for, came along with its thread
}

// HistoryPage is a page of changes in their order.
type HistoryPage struct {
	Records   []HistoryRecord
	Next      string
	HistoryID uint64 // the mailbox's; a cursor only on the last page
}

// HistoryRecord is one change. Labels is the full label set after the change,
// nil for deletions.
type HistoryRecord struct {
	ID     uint64
	Kind   HistoryKind
	Ref    Ref
	Labels []string
	// Added and Removed are the labels this record added or removed, for
	// LabelsChanged.
	Added, Removed []string
}

// HistoryKind of a record.
type HistoryKind int

const (
	MessageAdded HistoryKind = iota
	MessageDeleted
	LabelsChanged
)

// Message is a message as Google gave it, decoded from JSON but not from MIME.
// Raw is Google's answer as received (one message object), or, with MIME, the
// message itself (RFC 5322), of which Payload is made when it is parsed.
type Message struct {
	ID, ThreadID string
	Labels       []string
	Snippet      string // HTML-escaped by Gmail, unescaped here
	HistoryID    uint64
	InternalDate time.Time
	Size         int64
	Payload      Part
	Raw          []byte
	MIME         bool
}

// Part is one MIME part (MessagePart).
type Part struct {
	ID           string
	MIME         string
	Filename     string
	Headers      []Header
	Body         []byte // decoded from base64url; nil for attachments
	AttachmentID string // valid only for a moment
	Size         int64
	Parts        []Part
}

// Header of a part; names keep the sender's case.
type Header struct{ Name, Value string }

// Estimator is what a Mailbox may say about the cost of fetching n messages one
// by one under its quota.
type Estimator interface {
	Estimate(n int64) (units int64, takes time.Duration)
}

// ---- our side (implemented by internal/store) ----

// Item is what a Gmail stream brings: a whole message, or only its new labels.
//
// engine.Change.Rev is the decimal history id up to which the change is known:
// the message's own for a whole message, the record's for labels and deletions;
// "" when nobody knows it (a message that was gone when fetched). A change whose
// Rev is lower than the stored row's HistoryID is ignored, a tombstone's
// included: a message fetched before a deletion that is applied already stays
// deleted. A whole message with the same or a higher Rev revives a tombstone.
// Where Change.Err is set, Value is nil or carries the ThreadID for the ledger.
type Item struct {
	Email    *crm.Email // nil: only Labels changed
	ThreadID string
	Labels   []string
	Skip     bool // known already or not wanted: counts as seen, writes nothing
	Echo     bool // the labels are those shown already: only what is known of Google moves on
}

// Key names one stream of one connection.
type Key struct {
	Workspace  crm.WorkspaceID
	Connection crm.ConnectionID
	Owner      crm.UserID
	Stream     crm.Stream
	Run        crm.RunID // counts go to this run, in the same transaction; "" for none
	Units      int64     // quota units spent since the last Apply, added to the run's counts
}

// Streams keeps positions and items.
type Streams interface {
	Load(ctx context.Context, k Key) (engine.Checkpoint, error)
	// Apply writes a batch in ONE transaction: messages inserted or updated by
	// (connection, gmail id), labels changed, gone ones tombstoned, failed ones
	// put in the ledger, succeeded ones taken out of it, the run's counts and, where
	// b.Total is set, its expected number, the facts mail.arrived / mail.changed, and the checkpoint. Applying twice
	// changes nothing the second time. A batch that changes nothing writes
	// nothing. fault.Stale when the stored checkpoint is not `from`, or the
	// connection was disconnected meanwhile.
	// Whole messages that rules keep out (Rules, read in the transaction) are not
	// stored but noted as Excluded, and count as skipped; protected ones are marked.
	// Label-only items of unknown messages are ignored, deletions of unknown
	// messages too (but both take the item out of the ledger). b.Sweep is never
	// set: mail is tombstoned by name only. Next try and parking of a failed item
	// are NextTry's.
	Apply(ctx context.Context, k Key, from engine.Checkpoint, b engine.Batch[Item]) (crm.Counts, error)
	// Known gives the state of those of the ids that are stored, tombstones
	// included, of those in the ledger (Failed), and of those that rules keep out
	// (Excluded).
	Known(ctx context.Context, c crm.ConnectionID, gmailIDs []string) (map[string]KnownEmail, error)
	// Restart forgets a stream's position, so that it begins a new full pass.
	Restart(ctx context.Context, k Key) error
	// EachStored walks the stored, not deleted messages of a connection with
	// the labels Google says, in gmail id order, for the completeness check.
	EachStored(ctx context.Context, c crm.ConnectionID, yield func(gmailID string, date time.Time, labels []string) error) error
	SaveLabels(ctx context.Context, c crm.ConnectionID, labels []crm.Label) error
	SaveCompleteness(ctx context.Context, k Key, c crm.Completeness) error
	// Completeness gives the last saved result, fault.NotFound before the first.
	Completeness(ctx context.Context, c crm.ConnectionID) (crm.Completeness, error)
}

// KnownEmail is the state of a stored message.
type KnownEmail struct {
	Date      time.Time
	Labels    []string // as Google says, as far as it is known
	Shown     []string // with pending changes; the same where there are none
	HistoryID uint64
	Deleted   bool
	Failed    bool // not stored, but in the ledger
	Excluded  bool // not stored: a rule keeps it out
}

// Runs keeps runs.
type Runs interface {
	// BeginRun starts a run or gives the one going on (never two per stream and connection).
	BeginRun(ctx context.Context, r crm.Run) (run crm.Run, begun bool, err error)
	// Running gives the run going on of a stream, fault.NotFound when there is none.
	Running(ctx context.Context, c crm.ConnectionID, s crm.Stream) (crm.Run, error)
	// LastRun gives the newest run of a stream, fault.NotFound before the first.
	LastRun(ctx context.Context, c crm.ConnectionID, s crm.Stream) (crm.Run, error)
	// EndRun stores state, error, next step and end of a run (its counts are kept
	// by Apply) with the fact sync.completed or sync.failed; ending an ended run
	// changes nothing.
	EndRun(ctx context.Context, r crm.Run) error
	Run(ctx context.Context, w crm.WorkspaceID, id crm.RunID) (crm.Run, error)
	RunsOf(ctx context.Context, c crm.ConnectionID, page Page) ([]crm.Run, string, error)
}

// Ledger keeps items that failed.
type Ledger interface {
	// DueFailures gives the items of a connection that are due and not parked, the
	// longest due first.
	DueFailures(ctx context.Context, c crm.ConnectionID, now time.Time, limit int) ([]crm.Failure, error)
	FailuresOf(ctx context.Context, c crm.ConnectionID, page Page) ([]crm.Failure, string, error)
	// RetryFailure makes one item due now and unparks it.
	RetryFailure(ctx context.Context, w crm.WorkspaceID, c crm.ConnectionID, id crm.FailureID, now time.Time) error
}

// tries are the waits after each failed attempt of an item; then it is parked.
var tries = [...]time.Duration{
	time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// NextTry says when an item that has failed attempts times (1 or more) is tried
// again, or that it is parked until somebody asks for it.
func NextTry(attempts int, now time.Time) (at time.Time, parked bool) {
	if attempts > len(tries) {
		return now, true
	}
	return now.Add(tries[max(attempts, 1)-1]), false
}

// Page is a piece of a list: Limit rows after the opaque Cursor.
type Page struct {
	Limit  int
	Cursor string
}

// Emails reads what is stored. Tenant and visibility conditions are part of
// every query: what the caller may not see does not exist (fault.NotFound).
type Emails interface {
	List(ctx context.Context, c access.Caller, q ListQuery) (EmailPage, error)
	Email(ctx context.Context, c access.Caller, id crm.EmailID) (crm.Email, error)
	Thread(ctx context.Context, c access.Caller, connection crm.ConnectionID, threadID string) ([]crm.Email, error)
	LabelsOf(ctx context.Context, c access.Caller, connection crm.ConnectionID) ([]LabelCount, error)
	CountsOf(ctx context.Context, connection crm.ConnectionID) (Totals, error)
	// VisibleIDs says how much the caller sees of messages; the others are left out.
	// For live events and webhooks: messages that have just gone count as seen by
	// those who saw them.
	VisibleIDs(ctx context.Context, c access.Caller, ids []crm.EmailID) (map[crm.EmailID]crm.Level, error)
}

// ListQuery is a list of messages, newest first.
type ListQuery struct {
	Workspace  crm.WorkspaceID
	Connection crm.ConnectionID // "" for all the caller may see
	Mine       *bool            // the caller's own mailboxes only, or only those of others
	Search     *Search          // nil: everything not in spam or trash
	Label      string           // Gmail label id
	Record     crm.RecordID     // those linked to a record; fault.NotFound when there is none
	Linked     *crm.RecordType  // those linked to any record, of a type where it is not ""
	Unread     *bool
	Threads    bool // one row per thread: its newest message
	Relevance  bool // the best first, of the newest ones that match (Ranked)
	Page       Page
}

// EmailPage is a page of a list. Emails carry no bodies.
type EmailPage struct {
	Emails []ListedEmail
	Next   string
	Total  int64 // -1 when counting would be too dear
	Ranked int   // of a list by relevance: how many of the newest matches were compared
}

// ListedEmail is a row of the inbox.
type ListedEmail struct {
	crm.Email
	ThreadCount   int
	ThreadSenders []crm.Address // of those messages, by the first each wrote; of lists of threads alone
}

// LabelCount is a label with its numbers.
type LabelCount struct {
	crm.Label
	Unread, Total int64
}

// Totals of a connection.
type Totals struct{ Messages, Unread, Threads, Failures, Parked int64 }

// Connections is what mail has to know about connections.
type Connections interface {
	Connection(ctx context.Context, w crm.WorkspaceID, id crm.ConnectionID) (crm.Connection, error)
	// ConnectionByID is for background work only: no workspace to check against.
	ConnectionByID(ctx context.Context, id crm.ConnectionID) (crm.Connection, error)
	// DueConnections gives connections whose next poll is due, in pages by id.
	DueConnections(ctx context.Context, now time.Time, after crm.ConnectionID, limit int) ([]crm.ConnectionID, error)
	// Polled stores when a connection is to be polled next.
	Polled(ctx context.Context, id crm.ConnectionID, next time.Time) error
}

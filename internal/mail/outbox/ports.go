package outbox

import (
	"context"
	"io"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail"
	"rapport/internal/work"
)

// ---- the mailbox at Google (implemented by internal/google) ----

// Posts opens mailboxes for sending. What it returns is classified.
type Posts interface {
	// Open opens the mailbox of a connection for p. fault.Reconnect when the grant
	// is dead, fault.Permission when it has no scope to send.
	Open(ctx context.Context, c crm.Connection, p mail.Priority) (Post, error)
}

// Post is one mailbox, for sending.
type Post interface {
	// Aliases lists the addresses the account may send from (settings.sendAs.list).
	// fault.Permission where the grant does not let it be read.
	Aliases(ctx context.Context) ([]crm.SendAs, error)
	// Mark is the mailbox's history id now. fault.Permission where the grant does
	// not let it be read.
	Mark(ctx context.Context) (uint64, error)
	// Send hands one message over, with at most one request that could be
	// accepted: it never tries again by itself. An error that Refused reports is
	// Google's own word that it has not taken the message; after every other error
	// it may have.
	Send(ctx context.Context, l Letter) (Sent, error)
	// Arrived lists what has come into Sent since a mark, or, when Google has
	// forgotten the mark, since a time. whole is false when there was too much to
	// look through.
	Arrived(ctx context.Context, mark uint64, since time.Time) (found []Trace, whole bool, err error)

	Drafts(ctx context.Context, page string, limit int) (list []Draft, next string, err error)
	Draft(ctx context.Context, id string) (Draft, error)
	// RawDraft reads a draft as it would travel, too.
	RawDraft(ctx context.Context, id string) (Draft, []byte, error)
	// SaveDraft makes a draft, or replaces the message of the draft id.
	SaveDraft(ctx context.Context, id string, l Letter) (Draft, error)
	DeleteDraft(ctx context.Context, id string) error
	// DraftPart writes the decoded bytes of a part of a draft's message.
	DraftPart(ctx context.Context, d Draft, part string, w io.Writer) error
}

// Letter is a message as it goes to Gmail.
type Letter struct {
	Raw      []byte // RFC 5322
	ThreadID string // "" for a thread of its own
	DraftID  string // the draft it takes the place of; "" for none
}

// Sent is Gmail's name for a message it has taken.
type Sent struct{ ID, ThreadID string }

// Trace is a message in Sent, as far as it tells whose it is.
type Trace struct {
	ID, ThreadID string
	Gone         bool // it was there and cannot be read any more
	Marker       string
	MessageIDs   []string // Message-ID, and the one Gmail has put in its place
	Subject      string
	To           []crm.Address
}

// Draft is a draft at Gmail.
type Draft struct {
	ID      string // stable
	Message *mail.Message
}

// ---- our side (implemented by internal/store) ----

// Rows keeps the outbox.
type Rows interface {
	// PutOutgoing stores a message to be sent and asks for the job that sends it,
	// in one transaction, with the fact mail.sending. Where the same key was used
	// by the same caller before, or the draft is being sent already, nothing is
	// stored: the row of the first time is given with known, or fault.Conflict
	// when the key came with another request.
	PutOutgoing(ctx context.Context, o crm.Outgoing, once Once, raw []byte, job work.Job) (row crm.Outgoing, known bool, err error)
	// OutgoingByKey finds the row of an Idempotency-Key, fault.NotFound for a new
	// one; fault.Conflict when the key came with another request.
	OutgoingByKey(ctx context.Context, c access.Caller, once Once) (crm.Outgoing, error)
	// OutgoingOf lists what the caller sends, newest first; state "" for all.
	OutgoingOf(ctx context.Context, c access.Caller, q Query) ([]crm.Outgoing, string, error)
	// OwnOutgoing gives one message of the caller's.
	OwnOutgoing(ctx context.Context, c access.Caller, id crm.OutgoingID) (crm.Outgoing, error)
	// Outgoing is for background work only: there is no caller to check against.
	Outgoing(ctx context.Context, id crm.OutgoingID) (crm.Outgoing, error)
	// OutgoingOfDraft gives the caller's row that sends or has sent a draft.
	OutgoingOfDraft(ctx context.Context, c access.Caller, conn crm.ConnectionID, draft string) (crm.Outgoing, error)
	// OutgoingMessage gives the MIME message of a row that is not sent.
	OutgoingMessage(ctx context.Context, id crm.OutgoingID) ([]byte, error)
	// MoveOutgoing lets change work on a row, which no other transaction changes
	// meanwhile, and stores it with what follows from it in one transaction: the
	// fact mail.sending when the state is another, audit rows, jobs. The message is
	// dropped when it is sent or cancelled.
	MoveOutgoing(ctx context.Context, id crm.OutgoingID, change func(o *crm.Outgoing) (Then, error)) (crm.Outgoing, error)
	// OverdueOutgoing lists messages that should have moved before, the longest
	// overdue first.
	OverdueOutgoing(ctx context.Context, before time.Time, limit int) ([]crm.Outgoing, error)
	// PurgeOutgoing deletes messages that were asked for before a time and are over.
	PurgeOutgoing(ctx context.Context, before time.Time) error
	// MayStillSend reports whether the sender is a member still and the key, if
	// there was one, still good.
	MayStillSend(ctx context.Context, o crm.Outgoing, now time.Time) (bool, error)
}

// Once is what makes asking twice harmless.
type Once struct {
	Key         string // "" for none
	Fingerprint []byte
}

// Then is what is written together with a change of a row.
type Then struct {
	Jobs  []work.Job
	Audit []access.Audit
}

// Query chooses rows of the outbox.
type Query struct {
	State crm.OutgoingState
	Page  mail.Page
	OfKey bool // only what was asked for with the caller's key
}

// ---- neighbours ----

// Mail is what the outbox needs of the mail room: originals to answer and to
// pass on, as far as the caller may see them.
type Mail interface {
	Email(ctx context.Context, c access.Caller, id crm.EmailID, how mail.Reading) (mail.Read, error)
	Attachment(ctx context.Context, c access.Caller, id crm.EmailID, a crm.AttachmentID) (crm.Attachment, func(io.Writer) error, error)
}

// Connections is what the outbox has to know about connections.
type Connections interface {
	Mine(ctx context.Context, c access.Caller) ([]crm.Connection, error)
	ConnectionByID(ctx context.Context, id crm.ConnectionID) (crm.Connection, error)
}

// Approvals says what an organisation has decided about Google.
type Approvals interface {
	Approval(ctx context.Context, w crm.WorkspaceID) (crm.Approval, error)
}

// People gives the names of senders.
type People interface {
	Member(ctx context.Context, w crm.WorkspaceID, u crm.UserID) (crm.Member, error)
}

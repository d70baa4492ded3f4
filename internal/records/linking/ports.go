package linking

import (
	"context"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/records"
)

// Store keeps links (implemented by internal/store). What is noted stays noted until
// it is done: a crash repeats work and loses none. Work of one workspace waits for
// each other.
type Store interface {
	// NoteMail notes the conversations of messages of a workspace, and gives how many.
	NoteMail(ctx context.Context, w crm.WorkspaceID, ids []crm.EmailID) (int, error)
	// NoteRecords notes records, whatever their state, so that WalkRecords notes the
	// conversations they are linked to or could be.
	NoteRecords(ctx context.Context, w crm.WorkspaceID, ids []crm.RecordID) error
	// LinkSome looks at up to n noted conversations in one transaction: makes the
	// contacts that the connection's policy wants, stores the links that link.Book
	// finds and takes away others, notes what was skipped and why, tells of the
	// records (record.linked), and crosses the conversations off.
	LinkSome(ctx context.Context, w crm.WorkspaceID, n int) (Piece, error)
	// WalkRecords notes conversations of noted records, of up to n messages; more:
	// there are others.
	WalkRecords(ctx context.Context, w crm.WorkspaceID, n int) (more bool, err error)
	// BeginLinkWalk begins a walk through all mail of a workspace, unless one is going
	// on, or has ended since.
	BeginLinkWalk(ctx context.Context, w crm.WorkspaceID, since time.Time) error
	// LinkWalk notes the conversations of the next n messages of a walk, the newest of each
	// mailbox first; more: it is not at its end.
	LinkWalk(ctx context.Context, w crm.WorkspaceID, n int) (more bool, err error)
	// Workspaces lists those after one, by id.
	Workspaces(ctx context.Context, after crm.WorkspaceID, limit int) ([]crm.WorkspaceID, error)
	// TidyLinks drops addresses without mail among the next n after one; next is 0 at
	// the end.
	TidyLinks(ctx context.Context, after int64, n int) (next int64, err error)

	// Choose stores what somebody decided, and links the conversation anew; it gives
	// the links of the message. fault.NotFound for a message or record that the caller
	// does not see.
	Choose(ctx context.Context, c access.Caller, d Choice) ([]crm.MailLink, error)
	// Timeline gives a page of activities, the newest first, and the next cursor. Of
	// mail it shows what the caller sees of it; a message that lies in several
	// mailboxes comes once.
	Timeline(ctx context.Context, c access.Caller, q TimelineQuery) ([]Activity, string, error)
	// LinkingState gives numbers of the mailboxes that the caller sees all of, of every
	// one to administrators.
	LinkingState(ctx context.Context, c access.Caller) (State, error)
	// SkippedMail gives a page of messages that were skipped by a rule, as the caller
	// sees them, the newest first.
	SkippedMail(ctx context.Context, c access.Caller, rule crm.SkipRule, limit int, cursor string) ([]crm.Email, string, error)
}

// Piece is what one LinkSome did.
type Piece struct {
	Conversations, Messages int
	Added, Removed          int // links
	People, Companies       int // that mail made
}

// Choice of somebody about a message, or its whole conversation, and a record.
type Choice struct {
	Email   crm.EmailID
	Record  crm.RecordID
	Whole   bool
	Removed bool
}

// Activity with the people of its note or task.
type Activity struct {
	crm.Activity
	Author, Assignee records.Person
}

// TimelineQuery chooses activities.
type TimelineQuery struct {
	Record crm.RecordID       // of one record (of a company, its people's and deals' too); "": of all
	Type   crm.RecordType     // of all: of records of a type
	User   crm.UserID         // whose mailbox, note or task it is
	Kinds  []crm.ActivityKind // empty: every kind
	Limit  int
	Cursor string
}

// State of linking in a workspace.
type State struct {
	Linked  int64
	Missing int64 // messages that the last audit found without a link they should have had; it linked them
	Skipped map[crm.SkipRule]int64
	Waiting int64 // conversations that are noted
	Walk    *Walk // going on
	Audited *time.Time
}

// Walk is how far a walk through all mail has come.
type Walk struct {
	Seen, Total int64
	Begun       time.Time
}

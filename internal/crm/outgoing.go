package crm

import "time"

// OutgoingState is where a message in the outbox is: queued → sending → sent,
// or retry → sending again, or failed, or cancelled.
type OutgoingState string

const (
	OutgoingQueued    OutgoingState = "queued"    // waits for its time
	OutgoingSending   OutgoingState = "sending"   // on its way to Gmail just now
	OutgoingSent      OutgoingState = "sent"      // Gmail has it
	OutgoingRetry     OutgoingState = "retry"     // an attempt came to nothing, another one follows
	OutgoingFailed    OutgoingState = "failed"    // given up, with the reason
	OutgoingCancelled OutgoingState = "cancelled" // taken back before it was sent
)

// Over reports whether nothing more happens by itself.
func (s OutgoingState) Over() bool {
	return s == OutgoingSent || s == OutgoingFailed || s == OutgoingCancelled
}

// Outgoing is a message in the outbox (table outgoing). The message itself, as
// MIME, is kept beside it until it is sent.
type Outgoing struct {
	ID           OutgoingID
	WorkspaceID  WorkspaceID
	ConnectionID ConnectionID
	UserID       UserID // who sends
	KeyID        KeyID  // the API key it was asked for with, "" for a person
	State        OutgoingState
	From         Address
	To, Cc, Bcc  []Address
	Subject      string
	ThreadID     string  // Gmail's thread it belongs into; after sending the one it is in
	Answers      EmailID // the message it replies to, "" for none
	DraftID      string  // the Gmail draft that is sent, "" for none
	MessageID    string  // our own, which Gmail may replace
	Size         int64   // of the MIME message
	CreatedAt    time.Time
	SendAt       time.Time // not earlier
	SentAt       *time.Time
	GmailID      string  // once sent
	EmailID      EmailID // once sent and synced
	Attempts     int
	NextTryAt    time.Time
	Error        string // plain words
	NextStep     string
	Attempt      SendAttempt
}

// SendAttempt is an attempt to send of which nobody knows what came of it: Gmail
// may have the message. The zero value: there is none.
type SendAttempt struct {
	Began time.Time
	// Mark is the mailbox's history id before the attempt: what Gmail accepted in
	// it stands in the history after the mark. 0: it could not be read.
	Mark uint64
	// Settles is from when on a message that is not found was not accepted.
	Settles time.Time
}

// Open reports whether there is such an attempt.
func (a SendAttempt) Open() bool { return !a.Began.IsZero() }

// CanCancel reports whether the message can be taken back now.
func (o *Outgoing) CanCancel() bool {
	return (o.State == OutgoingQueued || o.State == OutgoingRetry) && !o.Attempt.Open()
}

// Recipients is the number of addresses it goes to.
func (o *Outgoing) Recipients() int { return len(o.To) + len(o.Cc) + len(o.Bcc) }

// SendAs is an address that mail may be sent from (Gmail: settings.sendAs).
type SendAs struct {
	Email     string
	Name      string
	Signature string // HTML, as Gmail has it
	ReplyTo   string
	Default   bool
	Primary   bool
	Verified  bool
}

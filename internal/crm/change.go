package crm

import "time"

// StreamGmailChange names what Rapport itself changes, where facts name a stream.
const StreamGmailChange Stream = "gmail.change"

// Change is a change of labels asked for here and written to Gmail a moment
// later (table email_changes).
type Change struct {
	ID           ChangeID
	WorkspaceID  WorkspaceID
	ConnectionID ConnectionID
	UserID       UserID
	Action       ChangeAction
	LabelID      string // of add_label and remove_label
	State        ChangeState
	Count        int64    // messages that it changes
	Reason       string   // why Gmail refused it, in plain words
	UndoOf       ChangeID // the change that this one takes back
	CreatedAt    time.Time
	FinishedAt   *time.Time
	// LeftOut is what was asked for and is not part of the change. It is told when
	// the change is made, and not kept.
	LeftOut []LeftOut
}

// LeftOut is a message or a conversation that a change does not touch.
type LeftOut struct {
	Email  EmailID // or
	Thread string
	Reason LeftOutReason
}

// LeftOutReason is why something is not part of a change.
type LeftOutReason string

const (
	LeftOutUnknown LeftOutReason = "not_found" // not in this mailbox, or gone
	LeftOutDraft   LeftOutReason = "draft"     // drafts are changed as drafts
)

// ChangeAction is what is done to messages.
type ChangeAction string

const (
	ActionRead        ChangeAction = "read"
	ActionUnread      ChangeAction = "unread"
	ActionStar        ChangeAction = "star"
	ActionUnstar      ChangeAction = "unstar"
	ActionArchive     ChangeAction = "archive"
	ActionInbox       ChangeAction = "inbox"
	ActionTrash       ChangeAction = "trash"
	ActionUntrash     ChangeAction = "untrash"
	ActionSpam        ChangeAction = "spam"
	ActionNotSpam     ChangeAction = "not_spam"
	ActionAddLabel    ChangeAction = "add_label"
	ActionRemoveLabel ChangeAction = "remove_label"
	ActionUndo        ChangeAction = "undo" // takes back another change
)

// ChangeState is how far a change is.
type ChangeState string

const (
	ChangeWaiting ChangeState = "waiting" // shown here, on its way to Gmail
	ChangeDone    ChangeState = "done"
	ChangeRefused ChangeState = "refused" // Gmail did not take it: the labels are as before
	ChangeUndone  ChangeState = "undone"
)

// Package fact says what happened. A fact is written in the transaction of its
// cause and delivered at least once, in order per workspace.
package fact

import (
	"encoding/json"
	"time"

	"rapport/internal/crm"
)

// Kind of a fact; the same names go out as webhooks and live events.
type Kind string

const (
	ConnectionGranted Kind = "connection.granted" // tokens are there, streams may start
	ConnectionLost    Kind = "connection.needs_reauth"
	ConnectionChanged Kind = "connection.changed" // status, settings
	ApprovalAsked     Kind = "approval.asked"     // a member waits for an administrator
	ApprovalDecided   Kind = "approval.decided"
	MemberRemoved     Kind = "member.removed" // no longer of the workspace: user id in Data
	MemberChanged     Kind = "member.changed" // another role: user_id and role in Data
	GrantChanged      Kind = "grant.changed"  // tokens handed out before may be worthless: grant id in Data
	MailArrived       Kind = "mail.arrived"   // new messages, ids in Data
	MailChanged       Kind = "mail.changed"   // labels, read state, deletion (then among deleted, too)
	MailSending       Kind = "mail.sending"   // a message of the outbox has another state: outgoing_id and state in Data
	MailRefused       Kind = "mail.refused"   // Gmail refused a change, labels are as before: ids, change_id and reason in Data
	MailShared        Kind = "mail.shared"    // others see more of a mailbox, or less: connection_id and, of a conversation, thread_id in Data
	WatchChanged      Kind = "watch.changed"  // how news of a mailbox come in
	SyncProgress      Kind = "sync.progress"
	SyncFinished      Kind = "sync.completed"
	SyncFailed        Kind = "sync.failed"
	RecordCreated     Kind = "record.created" // ids of records in Data, at most 500 a fact
	RecordChanged     Kind = "record.updated" // ids; addresses: those it has got or lost are to be linked anew
	RecordDeleted     Kind = "record.deleted" // ids, merged_into where that is why
	RecordRestored    Kind = "record.restored"
	RecordLinked      Kind = "record.linked"    // its timeline has changed: ids of records
	RecordSuggested   Kind = "record.suggested" // there are suggestions to look at: ids of records
	WebhookDisabled   Kind = "webhook.disabled" // we stopped sending there: webhook_id and reason in Data
)

// Fact is one thing that happened.
type Fact struct {
	Seq          int64 // position in the outbox, given by the store
	Kind         Kind
	WorkspaceID  crm.WorkspaceID
	ConnectionID crm.ConnectionID
	UserID       crm.UserID // whose private matter it is; "" for the whole workspace
	At           time.Time
	Data         json.RawMessage // small: ids and counts, never content
}

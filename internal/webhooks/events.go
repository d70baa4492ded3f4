package webhooks

import "slices"

// Everything is the entry of an endpoint's events that chooses all, also those
// that are yet to be invented.
const Everything = "*"

// Events.
const (
	EmailReceived          = "email.received"
	EmailSent              = "email.sent"
	EmailUpdated           = "email.updated"
	EmailDeleted           = "email.deleted"
	ConnectionGranted      = "connection.granted"
	ConnectionNeedsReauth  = "connection.needs_reauth"
	ConnectionChanged      = "connection.changed"
	ConnectionDisconnected = "connection.disconnected"
	SyncCompleted          = "sync.completed"
	SyncFailed             = "sync.failed"
	RecordCreated          = "record.created"
	RecordUpdated          = "record.updated"
	RecordDeleted          = "record.deleted"
	RecordRestored         = "record.restored"

	// Test is sent when somebody asks for it, to any endpoint.
	Test = "webhook.test"
)

// Event is something an endpoint can be told.
type Event struct {
	Name  string
	Words string
}

// Events are all that can be chosen.
var Events = []Event{
	{EmailReceived, "A message came in."},
	{EmailSent, "A message went out, from here or from Gmail."},
	{EmailUpdated, "Labels, read state or content of a message changed."},
	{EmailDeleted, "A message is gone, or in the trash."},
	{ConnectionGranted, "Somebody connected a Google account, or connected it again."},
	{ConnectionNeedsReauth, "Google ended its permission: the account has to be connected again."},
	{ConnectionChanged, "State or settings of a connection changed."},
	{ConnectionDisconnected, "Somebody disconnected an account."},
	{SyncCompleted, "A sync run ended."},
	{SyncFailed, "A sync run ended with an error."},
	{RecordCreated, "A person, company, deal or custom object was made, by whomever."},
	{RecordUpdated, "Fields or shared tags of a record changed."},
	{RecordDeleted, "A record was deleted, or merged into another."},
	{RecordRestored, "A deleted record was brought back."},
}

func known(event string) bool {
	return event == Everything || slices.ContainsFunc(Events, func(e Event) bool { return e.Name == event })
}

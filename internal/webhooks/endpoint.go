package webhooks

import (
	"encoding/json"
	"slices"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
)

// Audience is for whose eyes the payloads of an endpoint are.
type Audience string

const (
	// ForWorkspace: what every member sees. Private mail never leaves.
	ForWorkspace Audience = "workspace"
	// ForMaker: what the member sees who made the endpoint, their own mail too. It
	// ends when they leave.
	ForMaker Audience = "mine"
)

// Endpoint is an address of another program, with what it is told.
type Endpoint struct {
	ID          crm.WebhookID
	WorkspaceID crm.WorkspaceID
	UserID      crm.UserID // who made it
	URL         string
	Description string
	Events      []string // Everything, or names of events
	Audience    Audience
	IncludeBody bool // texts of messages that the audience sees in full
	CreatedAt   time.Time
	UpdatedAt   time.Time

	Enabled        bool
	DisabledAt     *time.Time
	DisabledReason string // in plain words

	Failures     int        // tries in a row that failed, of all deliveries
	FailingSince *time.Time // the first of them
	SucceededAt  *time.Time
	RestUntil    time.Time // nothing is sent before

	SealedSecret string
	SealedOld    string // signs too until OldUntil
	OldUntil     time.Time

	Waiting int64 // deliveries; filled by lists
}

// Wants reports whether the endpoint chose an event.
func (e *Endpoint) Wants(event string) bool {
	return slices.Contains(e.Events, Everything) || slices.Contains(e.Events, event)
}

// caller sees what the endpoint may be told.
func (e *Endpoint) caller() access.Caller {
	if e.Audience == ForMaker {
		return access.Caller{Via: access.ViaKey, UserID: e.UserID, Workspace: e.WorkspaceID}
	}
	return access.Everyone(e.WorkspaceID)
}

// closedTo reports whether a caller may neither read what the endpoint is sent nor
// send it elsewhere.
func (e *Endpoint) closedTo(c access.Caller) bool {
	return e.Audience == ForMaker && e.UserID != c.UserID
}

// disable stops an endpoint.
func (e *Endpoint) disable(now time.Time, reason string) {
	e.Enabled, e.DisabledAt, e.DisabledReason = false, &now, reason
}

// enable lets it go on as if nothing had failed.
func (e *Endpoint) enable() {
	e.Enabled, e.DisabledAt, e.DisabledReason = true, nil, ""
	e.recovered()
}

func (e *Endpoint) recovered() {
	e.Failures, e.FailingSince, e.RestUntil = 0, nil, time.Time{}
}

// State of a delivery.
type State string

const (
	Held      State = "held"      // behind an earlier one about the same object
	Waiting   State = "waiting"   // for its time
	Sending   State = "sending"   // under way
	Delivered State = "delivered" // answered with 2xx
	Failed    State = "failed"    // given up
	Withheld  State = "withheld"  // not sent: its audience does not see it any more
)

// Over reports whether a delivery is through unless it is sent again by hand.
func (s State) Over() bool { return s == Delivered || s == Failed || s == Withheld }

// Delivery is one event for one endpoint.
type Delivery struct {
	ID           crm.DeliveryID
	No           int64 // order, given by the store
	WebhookID    crm.WebhookID
	WorkspaceID  crm.WorkspaceID
	ConnectionID crm.ConnectionID
	UserID       crm.UserID // whose matter the event is, "" for the workspace's
	Event        string
	Object       string          // id of what it is about: deliveries keep their order per object
	Data         json.RawMessage // small: ids and counts, never content
	At           time.Time       // when it happened
	CreatedAt    time.Time

	State      State
	DueAt      time.Time
	Attempts   int // of this series: sending again by hand begins a new one
	FinishedAt *time.Time
	Status     int    // of the last answer, 0 without one
	Error      string // why the last try failed, in plain words

	Holder     string
	LeaseUntil time.Time
}

// Attempt is one try of a delivery.
type Attempt struct {
	At     time.Time
	Took   time.Duration
	Status int    // of the answer, 0 without one
	Error  string // in plain words, "" when it was delivered
	Answer string // the beginning of the answer
}

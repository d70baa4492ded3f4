package webhooks

import (
	"context"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
)

// Endpoints keeps endpoints.
type Endpoints interface {
	// PutWebhook stores a new endpoint, fault.Conflict when the workspace has most already.
	PutWebhook(ctx context.Context, e Endpoint, most int, rows ...access.Audit) error
	Webhook(ctx context.Context, w crm.WorkspaceID, id crm.WebhookID) (Endpoint, error)
	// WebhooksOf lists the endpoints of a workspace, the oldest first.
	WebhooksOf(ctx context.Context, w crm.WorkspaceID) ([]Endpoint, error)
	// Listening lists those that are enabled.
	Listening(ctx context.Context, w crm.WorkspaceID) ([]Endpoint, error)
	// EveryWebhook lists endpoints of all workspaces after an id, in id order.
	EveryWebhook(ctx context.Context, after crm.WebhookID, limit int) ([]Endpoint, error)
	// ChangeWebhook lets change alter an endpoint under a lock, and stores the audit
	// rows it gives; release lets its waiting deliveries be tried at once. change may
	// be called more than once.
	ChangeWebhook(ctx context.Context, w crm.WorkspaceID, id crm.WebhookID, change func(*Endpoint) (rows []access.Audit, release bool, err error)) (Endpoint, error)
	// DropWebhook deletes an endpoint with its log.
	DropWebhook(ctx context.Context, w crm.WorkspaceID, id crm.WebhookID, rows ...access.Audit) error
}

// Deliveries keeps what is sent.
type Deliveries interface {
	// AddDeliveries stores new deliveries, in their order, all or none. Those that are
	// known by their id, or whose endpoint is gone, are left out.
	AddDeliveries(ctx context.Context, list []Delivery) error
	// ClaimDeliveries gives due deliveries of enabled endpoints to a holder.
	ClaimDeliveries(ctx context.Context, q Claim) ([]Delivery, error)
	// NextDelivery is when there may be something to claim, the zero time for never.
	NextDelivery(ctx context.Context) (time.Time, error)
	// NoteDelivery lets judge note a try on a delivery that holder still has and on its
	// endpoint, and stores both with the try (nil: none was made) and audit rows. A
	// delivery that is over lets the next one about its object go. When the endpoint
	// gets disabled the fact webhook.disabled is told.
	NoteDelivery(ctx context.Context, holder string, id crm.DeliveryID, try *Attempt, judge func(*Endpoint, *Delivery) (Verdict, []access.Audit)) error
	// DeliveriesOf lists the deliveries of an endpoint, the newest first.
	DeliveriesOf(ctx context.Context, id crm.WebhookID, q Query) ([]Delivery, string, error)
	// Delivery reads a delivery and its tries, the newest first.
	Delivery(ctx context.Context, webhook crm.WebhookID, id crm.DeliveryID) (Delivery, []Attempt, error)
	// WaitingFor counts the deliveries of an endpoint that are yet to be made.
	WaitingFor(ctx context.Context, id crm.WebhookID) (int64, error)
	// Redeliver lets a delivery that is over be sent again, fault.Conflict for others.
	Redeliver(ctx context.Context, webhook crm.WebhookID, id crm.DeliveryID, rows ...access.Audit) (Delivery, error)
	// PurgeDeliveries deletes up to limit deliveries that were over before a time, or
	// that are beyond the newest kept of their endpoint.
	PurgeDeliveries(ctx context.Context, before time.Time, keep, limit int) (int64, error)
	// JobsBell rings when deliveries may have become due.
	JobsBell() (rings <-chan struct{}, stop func())
}

// Claim asks for due deliveries.
type Claim struct {
	Holder     string
	Now, Until time.Time
	Limit      int
	// PerEndpoint is how many of one endpoint may be under way, of one that fails Probes.
	PerEndpoint, Probes int
	Busy                map[crm.WebhookID]int // those under way here
}

// Query chooses deliveries; no state is all.
type Query struct {
	State  State
	Cursor string
	Limit  int
}

// Glimpse is how a caller sees a message, with where it is.
type Glimpse struct {
	ID     crm.EmailID
	Level  crm.Level
	Gone   bool // deleted, or in the trash of a mailbox that they see in part
	Labels []string
	Date   time.Time
	Since  time.Time // when its mailbox was connected
}

// Mail reads messages as far as a caller sees them.
type Mail interface {
	// Glimpses leaves out what the caller sees nothing of.
	Glimpses(ctx context.Context, c access.Caller, ids []crm.EmailID) ([]Glimpse, error)
	// Email is fault.NotFound for what the caller does not see.
	Email(ctx context.Context, c access.Caller, id crm.EmailID) (crm.Email, error)
}

// Records reads records as the API shows them.
type Records interface {
	// RecordPayload is fault.NotFound for what is not there; what was deleted is.
	RecordPayload(ctx context.Context, c access.Caller, id crm.RecordID) (any, error)
}

// People knows who is a member.
type People interface {
	// Member is fault.NotFound for people outside.
	Member(ctx context.Context, w crm.WorkspaceID, u crm.UserID) (crm.Member, error)
}

// Sealer keeps secrets closed while they lie in the database.
type Sealer interface {
	Seal(row, field string, value crm.Secret) (string, error)
	Open(row, field, sealed string) (crm.Secret, error)
	// Current reports whether the first key opens the value.
	Current(row, field, sealed string) bool
}

// Message is what goes out.
type Message struct {
	URL     string
	ID      string // the webhook-id
	At      time.Time
	Body    []byte
	Secrets []crm.Secret // each signs
}

// Answer is what came of it.
type Answer struct {
	Status  int
	Body    string        // its beginning
	After   time.Duration // Retry-After
	Trouble string        // why it counts as failed, in plain words; "": it was taken
}

// Poster sends messages. It gives an answer, whatever happens.
type Poster interface {
	Post(ctx context.Context, m Message) Answer
	// Check says what is wrong with an address, in plain words; "": nothing.
	Check(url string) string
}

// Meter counts; nil counts nothing.
type Meter interface {
	Delivered(event string, state State, took time.Duration)
}

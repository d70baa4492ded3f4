package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// NewWebhook asks for a webhook.
type NewWebhook struct {
	URL         string   `json:"url" minLength:"1" maxLength:"2000" doc:"Where events are posted; https."`
	Events      []string `json:"events" minItems:"1" maxItems:"100" doc:"Names of events, or * for all."`
	Audience    string   `json:"audience,omitempty" enum:"workspace,mine" default:"workspace" doc:"workspace: what every member sees; private mail never leaves. mine: what you see, your own mail too, until you leave."`
	Description string   `json:"description,omitempty" maxLength:"500"`
	IncludeBody bool     `json:"include_body,omitempty" doc:"Texts of messages that the audience sees in full, up to 256 KiB."`
}

// WebhookPatch changes a webhook; what is absent stays.
type WebhookPatch struct {
	URL         *string   `json:"url,omitempty" maxLength:"2000"`
	Events      *[]string `json:"events,omitempty" maxItems:"100"`
	Description *string   `json:"description,omitempty" maxLength:"500"`
	IncludeBody *bool     `json:"include_body,omitempty"`
	State       string    `json:"state,omitempty" enum:"enabled,disabled"`
}

// Webhook is an address of another program, with what it is told.
type Webhook struct {
	ID             string     `json:"id"`
	URL            string     `json:"url"`
	Events         []string   `json:"events"`
	Audience       string     `json:"audience" enum:"workspace,mine"`
	Description    string     `json:"description"`
	IncludeBody    bool       `json:"include_body"`
	State          string     `json:"state" enum:"enabled,disabled"`
	DisabledAt     *time.Time `json:"disabled_at"`
	DisabledReason string     `json:"disabled_reason" doc:"In plain words."`
	CreatedBy      string     `json:"created_by"`
	Mine           bool       `json:"mine" doc:"The caller made it."`
	CreatedAt      time.Time  `json:"created_at"`
	UpdatedAt      time.Time  `json:"updated_at"`
	LastSuccessAt  *time.Time `json:"last_success_at"`
	FailingSince   *time.Time `json:"failing_since" doc:"The first failed try after the last success. After three days the webhook is disabled."`
	Waiting        int64      `json:"waiting" doc:"Deliveries that are yet to be made."`
	OldSecretUntil *time.Time `json:"old_secret_until" doc:"Until then the secret before the last rotation signs too."`
}

// CreatedWebhook is a webhook with its secret, which is shown this once.
type CreatedWebhook struct {
	Webhook
	Secret string `json:"secret" doc:"whsec_ and the key as base64. Shown this once."`
}

// WebhookEvent is something a webhook can be told.
type WebhookEvent struct {
	Name  string `json:"name"`
	Words string `json:"words"`
}

// WebhookDelivery is one event for one webhook.
type WebhookDelivery struct {
	ID           string     `json:"id" doc:"The webhook-id header, the same over all tries."`
	Event        string     `json:"event"`
	ObjectID     string     `json:"object_id" doc:"What it is about. Deliveries about one object go in their order."`
	ConnectionID string     `json:"connection_id"`
	State        string     `json:"state" enum:"held,waiting,sending,delivered,failed,withheld" doc:"held: behind an earlier one about the same object. withheld: its audience does not see it any more."`
	HappenedAt   time.Time  `json:"happened_at"`
	CreatedAt    time.Time  `json:"created_at"`
	NextTryAt    *time.Time `json:"next_try_at"`
	FinishedAt   *time.Time `json:"finished_at"`
	Attempts     int        `json:"attempts"`
	Status       int        `json:"status" doc:"HTTP status of the last answer, 0 without one."`
	Error        string     `json:"error" doc:"Why the last try failed, in plain words."`
}

// WebhookTry is one try of a delivery.
type WebhookTry struct {
	At     time.Time `json:"at"`
	TookMS int64     `json:"took_ms"`
	Status int       `json:"status"`
	Error  string    `json:"error"`
	Answer string    `json:"answer" doc:"The beginning of the receiver's answer."`
}

// WebhookDeliveryDetail is a delivery with its tries.
type WebhookDeliveryDetail struct {
	WebhookDelivery
	Tries   []WebhookTry    `json:"tries" doc:"The newest first."`
	Payload json.RawMessage `json:"payload" doc:"What is sent, as its audience sees it now; null when it would be withheld. Payloads are not stored."`
}

// Webhooks lists the webhooks of the workspace, the oldest first.
func (w *InWorkspace) Webhooks(ctx context.Context) (List[Webhook], error) {
	var out List[Webhook]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/webhooks", nil, &out)
}

// WebhookEvents lists what webhooks can be told.
func (w *InWorkspace) WebhookEvents(ctx context.Context) (List[WebhookEvent], error) {
	var out List[WebhookEvent]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/webhook-events", nil, &out)
}

// CreateWebhook makes a webhook and gives its secret.
func (w *InWorkspace) CreateWebhook(ctx context.Context, in NewWebhook) (CreatedWebhook, error) {
	var out CreatedWebhook
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/webhooks", in, &out)
}

func (w *InWorkspace) webhook(id string) string { return w.path + "/webhooks/" + url.PathEscape(id) }

// Webhook reads a webhook.
func (w *InWorkspace) Webhook(ctx context.Context, id string) (Webhook, error) {
	var out Webhook
	return out, w.client.Do(ctx, http.MethodGet, w.webhook(id), nil, &out)
}

// ChangeWebhook changes a webhook, or switches it off and on.
func (w *InWorkspace) ChangeWebhook(ctx context.Context, id string, in WebhookPatch) (Webhook, error) {
	var out Webhook
	return out, w.client.Do(ctx, http.MethodPatch, w.webhook(id), in, &out)
}

// DeleteWebhook deletes a webhook with its log.
func (w *InWorkspace) DeleteWebhook(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodDelete, w.webhook(id), nil, nil)
}

// RotateWebhook gives a webhook a new secret; the old one signs too for a day.
func (w *InWorkspace) RotateWebhook(ctx context.Context, id string) (CreatedWebhook, error) {
	var out CreatedWebhook
	return out, w.client.Do(ctx, http.MethodPost, w.webhook(id)+"/rotate", nil, &out)
}

// TestWebhook sends a webhook a test.
func (w *InWorkspace) TestWebhook(ctx context.Context, id string) (WebhookDelivery, error) {
	var out WebhookDelivery
	return out, w.client.Do(ctx, http.MethodPost, w.webhook(id)+"/test", nil, &out)
}

// WebhookDeliveries lists deliveries, the newest first; state "" is all.
func (w *InWorkspace) WebhookDeliveries(ctx context.Context, id, state, cursor string) (List[WebhookDelivery], error) {
	var out List[WebhookDelivery]
	return out, w.client.Do(ctx, http.MethodGet, w.webhook(id)+"/deliveries"+query("state", state, "cursor", cursor), nil, &out)
}

// WebhookDelivery reads a delivery with its tries.
func (w *InWorkspace) WebhookDelivery(ctx context.Context, id, delivery string) (WebhookDeliveryDetail, error) {
	var out WebhookDeliveryDetail
	return out, w.client.Do(ctx, http.MethodGet, w.webhook(id)+"/deliveries/"+url.PathEscape(delivery), nil, &out)
}

// Redeliver sends a delivery again, with the same id.
func (w *InWorkspace) Redeliver(ctx context.Context, id, delivery string) (WebhookDelivery, error) {
	var out WebhookDelivery
	return out, w.client.Do(ctx, http.MethodPost, w.webhook(id)+"/deliveries/"+url.PathEscape(delivery)+"/redeliver", nil, &out)
}

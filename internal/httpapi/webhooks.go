package httpapi

import (
	"context"
	"encoding/json"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/webhooks"
)

type (
	Webhook               = client.Webhook
	NewWebhook            = client.NewWebhook
	WebhookPatch          = client.WebhookPatch
	CreatedWebhook        = client.CreatedWebhook
	WebhookEvent          = client.WebhookEvent
	WebhookDelivery       = client.WebhookDelivery
	WebhookDeliveryDetail = client.WebhookDeliveryDetail
	WebhookTry            = client.WebhookTry
)

// registerWebhooks is webhooks out.
func (s *Server) registerWebhooks(r *router) {
	manage := may(access.WebhooksManage)
	const one = w + "/webhooks/{webhook_id}"
	add(r, manage, get, w+"/webhook-events", "list-webhook-events", "What webhooks can be told", s.listWebhookEvents)
	add(r, manage, get, w+"/webhooks", "list-webhooks", "Webhooks of the workspace", s.listWebhooks)
	add(r, manage, post, w+"/webhooks", "create-webhook", "Create a webhook; its secret is shown this once", once(s, "create-webhook", s.createWebhook), status(201), says(webhookSays))
	add(r, manage, get, one, "get-webhook", "One webhook", s.getWebhook)
	add(r, manage, patch, one, "change-webhook", "Change a webhook, disable or enable it", s.changeWebhook,
		says("Enabling lets what waits be tried at once. A webhook for its maker's eyes can be disabled by other administrators, not changed."))
	add(r, manage, remove, one, "delete-webhook", "Delete a webhook with its log", s.deleteWebhook)
	add(r, manage, post, one+"/rotate", "rotate-webhook", "Give a webhook a new secret; the old one signs too for 24 hours", s.rotateWebhook)
	add(r, manage, post, one+"/test", "test-webhook", "Send a webhook a test", s.testWebhook, status(202))
	add(r, manage, get, one+"/deliveries", "list-webhook-deliveries", "What a webhook was sent, the newest first", s.listDeliveries)
	add(r, manage, get, one+"/deliveries/{delivery_id}", "get-webhook-delivery", "One delivery, with its tries and payload", s.getDelivery)
	add(r, manage, post, one+"/deliveries/{delivery_id}/redeliver", "redeliver-webhook", "Send a delivery again, with the same id", s.redeliver, status(202))
}

const webhookSays = "Events are posted as Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature): at least once, in order per object, tried for three days. " +
	"Payloads hold what the audience sees when they are sent."

func webhookShape(c access.Caller, e webhooks.Endpoint) Webhook {
	out := Webhook{
		ID: string(e.ID), URL: e.URL, Events: texts(e.Events), Audience: string(e.Audience), Description: e.Description, IncludeBody: e.IncludeBody,
		State: "enabled", DisabledAt: utc(e.DisabledAt), DisabledReason: e.DisabledReason, CreatedBy: string(e.UserID), Mine: e.UserID == c.UserID,
		CreatedAt: e.CreatedAt.UTC(), UpdatedAt: e.UpdatedAt.UTC(), LastSuccessAt: utc(e.SucceededAt), FailingSince: utc(e.FailingSince), Waiting: e.Waiting,
	}
	if !e.Enabled {
		out.State = "disabled"
	}
	if e.SealedOld != "" {
		out.OldSecretUntil = given(e.OldUntil)
	}
	return out
}

func deliveryShape(d webhooks.Delivery) WebhookDelivery {
	out := WebhookDelivery{
		ID: string(d.ID), Event: d.Event, ObjectID: d.Object, ConnectionID: string(d.ConnectionID), State: string(d.State), HappenedAt: d.At.UTC(), CreatedAt: d.CreatedAt.UTC(),
		FinishedAt: utc(d.FinishedAt), Attempts: d.Attempts, Status: d.Status, Error: d.Error,
	}
	if d.State == webhooks.Waiting {
		out.NextTryAt = given(d.DueAt)
	}
	return out
}

func (s *Server) listWebhookEvents(context.Context, access.Caller, *InWorkspace) (*bodyOf[List[WebhookEvent]], error) {
	return listOf(each(webhooks.Events, func(e webhooks.Event) WebhookEvent { return WebhookEvent(e) })), nil
}

func (s *Server) listWebhooks(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[List[Webhook]], error) {
	list, err := s.Webhooks.List(ctx, c)
	if err != nil {
		return nil, err
	}
	return listOf(each(list, func(e webhooks.Endpoint) Webhook { return webhookShape(c, e) })), nil
}

type newWebhookInput struct {
	InWorkspace
	Idempotent
	Body NewWebhook
}

func (s *Server) createWebhook(ctx context.Context, c access.Caller, in *newWebhookInput) (*bodyOf[CreatedWebhook], error) {
	b := in.Body
	e, secret, err := s.Webhooks.Create(ctx, c, webhooks.Audience(b.Audience), webhooks.Wish{URL: &b.URL, Events: &b.Events, Description: &b.Description, IncludeBody: &b.IncludeBody})
	if err != nil {
		return nil, err
	}
	return &bodyOf[CreatedWebhook]{CreatedWebhook{Webhook: webhookShape(c, e), Secret: secret.Reveal()}}, nil
}

// InWebhook is a path with a webhook.
type InWebhook struct {
	InWorkspace
	WebhookID string `path:"webhook_id"`
}

func (i InWebhook) id() crm.WebhookID { return crm.WebhookID(i.WebhookID) }

func (s *Server) getWebhook(ctx context.Context, c access.Caller, in *InWebhook) (*bodyOf[Webhook], error) {
	e, err := s.Webhooks.One(ctx, c, in.id())
	if err != nil {
		return nil, err
	}
	return &bodyOf[Webhook]{webhookShape(c, e)}, nil
}

type changeWebhookInput struct {
	InWebhook
	Body WebhookPatch
}

func (s *Server) changeWebhook(ctx context.Context, c access.Caller, in *changeWebhookInput) (*bodyOf[Webhook], error) {
	b := in.Body
	wish := webhooks.Wish{URL: b.URL, Events: b.Events, Description: b.Description, IncludeBody: b.IncludeBody}
	if b.State != "" {
		on := b.State == "enabled"
		wish.Enabled = &on
	}
	if _, err := s.Webhooks.Change(ctx, c, in.id(), wish); err != nil {
		return nil, err
	}
	return s.getWebhook(ctx, c, &in.InWebhook)
}

func (s *Server) deleteWebhook(ctx context.Context, c access.Caller, in *InWebhook) (*nothing, error) {
	return nil, s.Webhooks.Drop(ctx, c, in.id())
}

func (s *Server) rotateWebhook(ctx context.Context, c access.Caller, in *InWebhook) (*bodyOf[CreatedWebhook], error) {
	e, secret, err := s.Webhooks.Rotate(ctx, c, in.id())
	if err != nil {
		return nil, err
	}
	return &bodyOf[CreatedWebhook]{CreatedWebhook{Webhook: webhookShape(c, e), Secret: secret.Reveal()}}, nil
}

func (s *Server) testWebhook(ctx context.Context, c access.Caller, in *InWebhook) (*bodyOf[WebhookDelivery], error) {
	d, err := s.Webhooks.Test(ctx, c, in.id())
	if err != nil {
		return nil, err
	}
	return &bodyOf[WebhookDelivery]{deliveryShape(d)}, nil
}

type deliveriesInput struct {
	InWebhook
	PageInput
	State string `query:"state" enum:"held,waiting,sending,delivered,failed,withheld"`
}

func (s *Server) listDeliveries(ctx context.Context, c access.Caller, in *deliveriesInput) (*bodyOf[List[WebhookDelivery]], error) {
	list, next, err := s.Webhooks.DeliveriesOf(ctx, c, in.id(), webhooks.Query{State: webhooks.State(in.State), Cursor: in.Cursor, Limit: in.Limit})
	return pageOf(list, next, err, deliveryShape)
}

type deliveryInput struct {
	InWebhook
	DeliveryID string `path:"delivery_id"`
}

func (s *Server) getDelivery(ctx context.Context, c access.Caller, in *deliveryInput) (*bodyOf[WebhookDeliveryDetail], error) {
	d, err := s.Webhooks.Delivery(ctx, c, in.id(), crm.DeliveryID(in.DeliveryID))
	if err != nil {
		return nil, err
	}
	out := WebhookDeliveryDetail{WebhookDelivery: deliveryShape(d.Delivery), Payload: json.RawMessage(d.Payload), Tries: each(d.Tries, func(a webhooks.Attempt) WebhookTry {
		return WebhookTry{At: a.At.UTC(), TookMS: a.Took.Milliseconds(), Status: a.Status, Error: a.Error, Answer: a.Answer}
	})}
	if d.Payload == nil {
		out.Payload = json.RawMessage("null")
	}
	return &bodyOf[WebhookDeliveryDetail]{out}, nil
}

func (s *Server) redeliver(ctx context.Context, c access.Caller, in *deliveryInput) (*bodyOf[WebhookDelivery], error) {
	d, err := s.Webhooks.Redeliver(ctx, c, in.id(), crm.DeliveryID(in.DeliveryID))
	if err != nil {
		return nil, err
	}
	return &bodyOf[WebhookDelivery]{deliveryShape(d)}, nil
}

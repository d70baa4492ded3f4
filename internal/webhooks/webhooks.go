package webhooks

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Service is this part of the product. All fields but Late and Meter are required.
type Service struct {
	Endpoints  Endpoints
	Deliveries Deliveries
	Mail       Mail
	Records    Records
	People     People
	Sealer     Sealer
	Poster     Poster
	Now        func() time.Time
	Random     io.Reader
	Holder     string // unique among the processes at one database
	Log        *slog.Logger
	Late       func() float64 // in [0, 1), for jitter; nil: math/rand
	Meter      Meter
}

const (
	mostEndpoints  = 50 // of a workspace
	maxDescription = 500
	secretPrefix   = "whsec_"
	secretField    = "webhook.secret"
	// oldSigns is how long the old secret signs beside the new one.
	oldSigns = 24 * time.Hour
)

// Wish asks for an endpoint, or for a change of one: nil stays.
type Wish struct {
	URL         *string
	Description *string
	Events      *[]string
	IncludeBody *bool
	Enabled     *bool
}

// Create makes an endpoint. Its secret is given this once.
func (s *Service) Create(ctx context.Context, c access.Caller, a Audience, wish Wish) (Endpoint, crm.Secret, error) {
	if err := access.Allow(c, access.WebhooksManage); err != nil {
		return Endpoint{}, crm.Secret{}, err
	}
	if a != ForWorkspace && a != ForMaker {
		return Endpoint{}, crm.Secret{}, invalid("audience", "must be workspace or mine")
	}
	if wish.URL == nil || wish.Events == nil {
		return Endpoint{}, crm.Secret{}, invalid("url", "must not be absent, nor must events")
	}
	now := s.Now()
	id, err := crm.NewID(now, s.Random)
	if err != nil {
		return Endpoint{}, crm.Secret{}, err
	}
	e := Endpoint{ID: crm.WebhookID(id), WorkspaceID: c.Workspace, UserID: c.UserID, Audience: a, Enabled: true, CreatedAt: now, UpdatedAt: now}
	if err := s.alter(&e, wish); err != nil {
		return Endpoint{}, crm.Secret{}, err
	}
	secret, err := s.newSecret(&e)
	if err != nil {
		return Endpoint{}, crm.Secret{}, err
	}
	err = s.Endpoints.PutWebhook(ctx, e, mostEndpoints, s.act(c, "webhook.create", e.ID, "for "+string(a)+": "+strings.Join(e.Events, " ")))
	return e, secret, wrap("storing the webhook", err)
}

// newSecret gives an endpoint a secret, and the secret.
func (s *Service) newSecret(e *Endpoint) (crm.Secret, error) {
	var bits [32]byte
	if _, err := io.ReadFull(s.Random, bits[:]); err != nil {
		return crm.Secret{}, fmt.Errorf("reading randomness for a secret: %w", err)
	}
	secret := crm.NewSecret(secretPrefix + base64.StdEncoding.EncodeToString(bits[:]))
	sealed, err := s.Sealer.Seal(string(e.ID), secretField, secret)
	if err != nil {
		return crm.Secret{}, fmt.Errorf("sealing the secret of a webhook: %w", err)
	}
	e.SealedSecret = sealed
	return secret, nil
}

// alter does what a wish asks for, if it is in order.
func (s *Service) alter(e *Endpoint, wish Wish) error {
	if wish.URL != nil {
		if wrong := s.Poster.Check(*wish.URL); wrong != "" {
			return invalid("url", wrong)
		}
		e.URL = *wish.URL
	}
	if wish.Description != nil {
		if e.Description = strings.TrimSpace(*wish.Description); len(e.Description) > maxDescription {
			return invalid("description", fmt.Sprintf("must have at most %d bytes", maxDescription))
		}
	}
	if wish.Events != nil {
		events := slices.Clone(*wish.Events)
		slices.Sort(events)
		events = slices.Compact(events)
		unknown := slices.IndexFunc(events, func(name string) bool { return !known(name) })
		switch {
		case len(events) == 0:
			return invalid("events", "must not be empty")
		case unknown >= 0:
			return invalid("events", "there is no event "+fmt.Sprintf("%.60q", events[unknown]))
		case slices.Contains(events, Everything):
			events = []string{Everything}
		}
		e.Events = events
	}
	if wish.IncludeBody != nil {
		e.IncludeBody = *wish.IncludeBody
	}
	return nil
}

// List gives the endpoints of the workspace, the oldest first.
func (s *Service) List(ctx context.Context, c access.Caller) ([]Endpoint, error) {
	if err := access.Allow(c, access.WebhooksManage); err != nil {
		return nil, err
	}
	list, err := s.Endpoints.WebhooksOf(ctx, c.Workspace)
	return list, wrap("listing webhooks", err)
}

// One reads an endpoint.
func (s *Service) One(ctx context.Context, c access.Caller, id crm.WebhookID) (Endpoint, error) {
	if err := access.Allow(c, access.WebhooksManage); err != nil {
		return Endpoint{}, err
	}
	e, err := s.Endpoints.Webhook(ctx, c.Workspace, id)
	if err == nil {
		e.Waiting, err = s.Deliveries.WaitingFor(ctx, id)
	}
	return e, wrap("reading the webhook", err)
}

// own is One for those who may read what the endpoint is sent.
func (s *Service) own(ctx context.Context, c access.Caller, id crm.WebhookID) (Endpoint, error) {
	e, err := s.One(ctx, c, id)
	if err == nil && e.closedTo(c) {
		err = notYours()
	}
	return e, err
}

func notYours() error {
	return &fault.Error{Kind: fault.Forbidden, Code: "not_your_webhook",
		Text: "This webhook carries what its maker alone may see. Others can disable or delete it, nothing else."}
}

// Change alters an endpoint. Others than its maker can only disable one that is for
// its maker's eyes. Enabling lets what waits be tried at once.
func (s *Service) Change(ctx context.Context, c access.Caller, id crm.WebhookID, wish Wish) (Endpoint, error) {
	if err := access.Allow(c, access.WebhooksManage); err != nil {
		return Endpoint{}, err
	}
	stops := wish.Enabled != nil && !*wish.Enabled && wish.URL == nil && wish.Description == nil && wish.Events == nil && wish.IncludeBody == nil
	e, err := s.Endpoints.ChangeWebhook(ctx, c.Workspace, id, func(e *Endpoint) ([]access.Audit, bool, error) {
		if e.closedTo(c) && !stops {
			return nil, false, notYours()
		}
		if err := s.alter(e, wish); err != nil {
			return nil, false, err
		}
		release := false
		e.UpdatedAt = s.Now()
		switch {
		case wish.Enabled == nil || *wish.Enabled == e.Enabled:
		case *wish.Enabled:
			e.enable()
			release = true
		default:
			e.disable(e.UpdatedAt, "Somebody switched it off.")
			e.recovered()
		}
		return []access.Audit{s.act(c, "webhook.change", id, changed(wish))}, release, nil
	})
	return e, wrap("changing the webhook", err)
}

// changed names the fields of a wish.
func changed(w Wish) string {
	var names []string
	for name, is := range map[string]bool{
		"url": w.URL != nil, "description": w.Description != nil, "events": w.Events != nil, "include_body": w.IncludeBody != nil,
		"enabled": w.Enabled != nil && *w.Enabled, "disabled": w.Enabled != nil && !*w.Enabled,
	} {
		if is {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// Drop deletes an endpoint with its log.
func (s *Service) Drop(ctx context.Context, c access.Caller, id crm.WebhookID) error {
	if err := access.Allow(c, access.WebhooksManage); err != nil {
		return err
	}
	return wrap("deleting the webhook", s.Endpoints.DropWebhook(ctx, c.Workspace, id, s.act(c, "webhook.delete", id, "")))
}

// Rotate gives an endpoint a new secret, which is given this once. The old one
// signs too for a day.
func (s *Service) Rotate(ctx context.Context, c access.Caller, id crm.WebhookID) (Endpoint, crm.Secret, error) {
	if err := access.Allow(c, access.WebhooksManage); err != nil {
		return Endpoint{}, crm.Secret{}, err
	}
	var secret crm.Secret
	e, err := s.Endpoints.ChangeWebhook(ctx, c.Workspace, id, func(e *Endpoint) (_ []access.Audit, _ bool, err error) {
		if e.closedTo(c) {
			return nil, false, notYours()
		}
		e.SealedOld, e.OldUntil, e.UpdatedAt = e.SealedSecret, s.Now().Add(oldSigns), s.Now()
		secret, err = s.newSecret(e)
		return []access.Audit{s.act(c, "webhook.rotate", id, "")}, false, err
	})
	return e, secret, wrap("changing the secret of the webhook", err)
}

// Test sends an endpoint a test.
func (s *Service) Test(ctx context.Context, c access.Caller, id crm.WebhookID) (Delivery, error) {
	e, err := s.own(ctx, c, id)
	if err != nil {
		return Delivery{}, err
	}
	if !e.Enabled {
		return Delivery{}, disabled()
	}
	now := s.Now()
	made, err := crm.NewID(now, s.Random)
	if err != nil {
		return Delivery{}, err
	}
	d := Delivery{ID: crm.DeliveryID(made), WebhookID: e.ID, WorkspaceID: e.WorkspaceID, UserID: c.UserID, Event: Test, Object: made, At: now, CreatedAt: now, DueAt: now, State: Waiting}
	if err := s.Deliveries.AddDeliveries(ctx, []Delivery{d}); err != nil {
		return Delivery{}, wrap("storing the test", err)
	}
	stored, _, err := s.Deliveries.Delivery(ctx, e.ID, d.ID)
	return stored, wrap("reading the test", err)
}

func disabled() error {
	return &fault.Error{Kind: fault.Conflict, Code: "webhook_disabled", Text: "This webhook is disabled. Enable it first."}
}

// DeliveriesOf gives the log of an endpoint, the newest first.
func (s *Service) DeliveriesOf(ctx context.Context, c access.Caller, id crm.WebhookID, q Query) ([]Delivery, string, error) {
	if _, err := s.own(ctx, c, id); err != nil {
		return nil, "", err
	}
	list, next, err := s.Deliveries.DeliveriesOf(ctx, id, q)
	return list, next, wrap("listing deliveries", err)
}

// Shown is a delivery with its tries, and the payload as it would be sent now: nil
// when it would be withheld.
type Shown struct {
	Delivery
	Tries   []Attempt
	Payload []byte
}

// Delivery reads a delivery.
func (s *Service) Delivery(ctx context.Context, c access.Caller, webhook crm.WebhookID, id crm.DeliveryID) (Shown, error) {
	e, err := s.own(ctx, c, webhook)
	if err != nil {
		return Shown{}, err
	}
	d, tries, err := s.Deliveries.Delivery(ctx, e.ID, id)
	if err != nil {
		return Shown{}, wrap("reading the delivery", err)
	}
	payload, err := s.payload(ctx, &e, &d)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Shown{}, err
	}
	return Shown{Delivery: d, Tries: tries, Payload: payload}, nil
}

// Redeliver sends a delivery again that is over, with the same id.
func (s *Service) Redeliver(ctx context.Context, c access.Caller, webhook crm.WebhookID, id crm.DeliveryID) (Delivery, error) {
	e, err := s.own(ctx, c, webhook)
	if err != nil {
		return Delivery{}, err
	}
	if !e.Enabled {
		return Delivery{}, disabled()
	}
	d, err := s.Deliveries.Redeliver(ctx, e.ID, id, s.act(c, "webhook.redeliver", e.ID, string(id)))
	return d, wrap("sending a delivery again", err)
}

// act is the audit row of something a caller does.
func (s *Service) act(c access.Caller, action string, id crm.WebhookID, detail string) access.Audit {
	return access.Audit{
		At: s.Now(), Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via,
		Action: action, Target: string(id), Outcome: "ok", Detail: detail, Remote: c.Remote,
	}
}

func (s *Service) late() float64 {
	if s.Late != nil {
		return s.Late()
	}
	return rand.Float64()
}

func invalid(field, what string) error {
	return &fault.Error{Kind: fault.Invalid, Text: field + " " + what + ".", Fields: map[string]string{field: what}}
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

package webhooks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
)

// Follow makes the deliveries that a fact calls for. Following it again makes none
// twice.
func (s *Service) Follow(ctx context.Context, f fact.Fact) error {
	read, has := turns[f.Kind]
	if !has {
		return nil
	}
	endpoints, err := s.Endpoints.Listening(ctx, f.WorkspaceID)
	if err != nil || len(endpoints) == 0 {
		return wrap("reading the webhooks of a workspace", err)
	}
	var list []Delivery
	told := map[access.Via]map[crm.UserID][]happening{} // by audience: several endpoints have one in common
	for _, e := range endpoints {
		c := e.caller()
		if told[c.Via] == nil {
			told[c.Via] = map[crm.UserID][]happening{}
		}
		happened, known := told[c.Via][c.UserID]
		if !known {
			if happened, err = read(ctx, s, f, c); err != nil {
				return fmt.Errorf("turning the fact %s into events: %w", f.Kind, err)
			}
			told[c.Via][c.UserID] = happened
		}
		for _, h := range happened {
			if e.Wants(h.event) {
				list = append(list, s.delivery(&e, f, h))
			}
		}
	}
	return wrap("storing deliveries", s.Deliveries.AddDeliveries(ctx, list))
}

// happening is an event as an audience hears of it.
type happening struct {
	event  string
	object string
	data   json.RawMessage
}

func (s *Service) delivery(e *Endpoint, f fact.Fact, h happening) Delivery {
	now := s.Now()
	return Delivery{
		ID: deliveryID(f.Seq, e.ID, h.object), WebhookID: e.ID, WorkspaceID: f.WorkspaceID, ConnectionID: f.ConnectionID, UserID: f.UserID,
		Event: h.event, Object: h.object, Data: h.data, At: f.At, CreatedAt: now, DueAt: now, State: Waiting,
	}
}

// deliveryID follows from what a delivery is made of: a UUID version 8 (RFC 9562).
func deliveryID(seq int64, e crm.WebhookID, object string) crm.DeliveryID {
	b := sha256.Sum256([]byte(strconv.FormatInt(seq, 10) + "\x00" + string(e) + "\x00" + object))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:16])
	return crm.DeliveryID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}

// turn says what a fact is for a caller.
type turn func(ctx context.Context, s *Service, f fact.Fact, c access.Caller) ([]happening, error)

var turns = map[fact.Kind]turn{
	fact.MailArrived:       arrived,
	fact.MailChanged:       altered,
	fact.ConnectionGranted: ofConnection(ConnectionGranted),
	fact.ConnectionLost:    ofConnection(ConnectionNeedsReauth),
	fact.ConnectionChanged: ofConnection(ConnectionChanged),
	fact.SyncFinished:      ofConnection(SyncCompleted),
	fact.SyncFailed:        ofConnection(SyncFailed),
	fact.RecordCreated:     ofRecords(RecordCreated),
	fact.RecordChanged:     ofRecords(RecordUpdated),
	fact.RecordDeleted:     ofRecords(RecordDeleted),
	fact.RecordRestored:    ofRecords(RecordRestored),
}

// Kinds are the facts to follow.
func Kinds() []fact.Kind {
	kinds := make([]fact.Kind, 0, len(turns))
	for k := range turns {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// ofConnection is about a connection: administrators and its owner may know of it,
// and administrators alone make endpoints for the workspace.
func ofConnection(event string) turn {
	return func(_ context.Context, _ *Service, f fact.Fact, c access.Caller) ([]happening, error) {
		if c.Via != access.ViaWorkspace && f.UserID != c.UserID {
			return nil, nil
		}
		var now struct {
			Status crm.ConnectionStatus `json:"status"`
		}
		if err := decode(f.Data, &now); err != nil {
			return nil, err
		}
		named := event
		if event == ConnectionChanged && now.Status == crm.StatusDisconnected {
			named = ConnectionDisconnected
		}
		return []happening{{named, string(f.ConnectionID), f.Data}}, nil
	}
}

// ofRecords is about records, which every member sees.
func ofRecords(event string) turn {
	return func(_ context.Context, _ *Service, f fact.Fact, _ access.Caller) ([]happening, error) {
		var told struct {
			IDs []crm.RecordID `json:"ids"`
		}
		if err := decode(f.Data, &told); err != nil {
			return nil, err
		}
		list := make([]happening, len(told.IDs))
		for i, id := range told.IDs {
			list[i] = happening{event: event, object: string(id)}
		}
		return list, nil
	}
}

// decode reads the data of a fact; it may have none.
func decode(data json.RawMessage, into any) error {
	if len(data) == 0 {
		return nil
	}
	return wrap("reading its data", json.Unmarshal(data, into))
}

// about is what facts about messages hold.
type about struct {
	Stream  crm.Stream    `json:"stream"`
	IDs     []crm.EmailID `json:"ids"`
	Deleted []crm.EmailID `json:"deleted"`
}

const (
	// imported is how long after its date a message that a back-fill brings is still
	// news: the stream of changes may find it known already.
	imported = 24 * time.Hour
	// early is how far Google's clock and ours may differ.
	early = 5 * time.Minute
)

// arrived: messages that are news. What is imported of the time before the mailbox
// was connected is not.
func arrived(ctx context.Context, s *Service, f fact.Fact, c access.Caller) ([]happening, error) {
	told, seen, err := s.glimpse(ctx, f, c)
	var list []happening
	for _, g := range seen {
		old := g.Date.Before(g.Since.Add(-early)) || told.Stream == crm.StreamGmailBackfill && f.At.Sub(g.Date) > imported
		if g.Gone || old || slices.ContainsFunc(g.Labels, aside) {
			continue
		}
		event := EmailReceived
		if slices.Contains(g.Labels, "SENT") {
			event = EmailSent
		}
		list = append(list, happening{event: event, object: string(g.ID)})
	}
	return list, err
}

// aside are labels of what did not really arrive.
func aside(label string) bool { return label == "SPAM" || label == "TRASH" || label == "DRAFT" }

func altered(ctx context.Context, s *Service, f fact.Fact, c access.Caller) ([]happening, error) {
	_, seen, err := s.glimpse(ctx, f, c)
	var list []happening
	for _, g := range seen {
		event := EmailUpdated
		if g.Gone {
			event = EmailDeleted
		}
		if !slices.Contains(g.Labels, "DRAFT") {
			list = append(list, happening{event: event, object: string(g.ID)})
		}
	}
	return list, err
}

// glimpse gives what the caller sees of the messages of a fact, in the fact's order.
func (s *Service) glimpse(ctx context.Context, f fact.Fact, c access.Caller) (about, []Glimpse, error) {
	var told about
	if err := decode(f.Data, &told); err != nil {
		return told, nil, err
	}
	seen, err := s.Mail.Glimpses(ctx, c, told.IDs)
	if err != nil {
		return told, nil, fmt.Errorf("reading messages: %w", err)
	}
	at := make(map[crm.EmailID]int, len(told.IDs))
	for i, id := range told.IDs {
		at[id] = i
	}
	slices.SortFunc(seen, func(a, b Glimpse) int { return at[a.ID] - at[b.ID] })
	return told, seen, nil
}

// MemberLeft ends the endpoints that were for the eyes of somebody who is no member
// any more.
func (s *Service) MemberLeft(ctx context.Context, w crm.WorkspaceID, u crm.UserID) error {
	if _, err := s.People.Member(ctx, w, u); !fault.Is(err, fault.NotFound) {
		return wrap("looking for the member", err)
	}
	list, err := s.Endpoints.WebhooksOf(ctx, w)
	if err != nil {
		return wrap("listing webhooks", err)
	}
	for _, e := range list {
		if e.Audience != ForMaker || e.UserID != u {
			continue
		}
		err := s.Endpoints.DropWebhook(ctx, w, e.ID, s.act(access.System(w), "webhook.delete", e.ID, "its member left"))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return wrap("deleting the webhook of somebody who left", err)
		}
	}
	return nil
}

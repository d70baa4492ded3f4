package pubsub

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/simulator/front"
)

// subscription is one subscription; all its fields are guarded by Room.mu.
type subscription struct {
	name   string
	topic  string
	config map[string]any // as created, without name, topic and pushConfig
	policy json.RawMessage
	push   pushConfig
	ack    time.Duration

	waiting []*queued // not handed out, oldest first
	out     map[string]*queued
	ready   chan struct{} // closed and replaced when something becomes ready
	pusher  *pusher       // nil while the subscription is pulled
}

// queued is a message on one subscription.
type queued struct {
	*message
	attempts int
	ackID    string
	deadline time.Time // of the one who holds it
}

type pushConfig struct {
	PushEndpoint string            `json:"pushEndpoint,omitempty"`
	Attributes   map[string]string `json:"attributes,omitempty"`
	OidcToken    *oidcToken        `json:"oidcToken,omitempty"`
	NoWrapper    *noWrapper        `json:"noWrapper,omitempty"`
	PubsubWrap   *struct{}         `json:"pubsubWrapper,omitempty"`
}

type oidcToken struct {
	ServiceAccountEmail string `json:"serviceAccountEmail,omitempty"`
	Audience            string `json:"audience,omitempty"`
}

type noWrapper struct {
	WriteMetadata bool `json:"writeMetadata,omitempty"`
}

func (p pushConfig) check() *front.Error {
	if p.PushEndpoint == "" {
		return nil
	}
	if !strings.HasPrefix(p.PushEndpoint, "https://") && !strings.HasPrefix(p.PushEndpoint, "http://") {
		return invalid(fmt.Sprintf("Invalid push endpoint given (endpoint=%s). Refer to https://cloud.google.com/pubsub/docs/push for more information.", p.PushEndpoint))
	}
	return nil
}

// maxQueue bounds what an abandoned subscription collects.
const maxQueue = 100000

type subscriptionBody struct {
	Topic              string     `json:"topic"`
	PushConfig         pushConfig `json:"pushConfig"`
	AckDeadlineSeconds int        `json:"ackDeadlineSeconds"`
}

func (r *Room) createSubscription(c *front.Call) (any, error) {
	name := c.Path.Get("name")
	if e := badName(name); e != nil {
		return nil, e
	}
	var body subscriptionBody
	config := map[string]any{}
	if json.Unmarshal(c.Body, &body) != nil || json.Unmarshal(c.Body, &config) != nil {
		return nil, invalid("Invalid JSON payload received.")
	}
	for _, k := range []string{"name", "topic", "pushConfig"} {
		delete(config, k)
	}
	if body.AckDeadlineSeconds == 0 {
		body.AckDeadlineSeconds = 10
	}
	if body.AckDeadlineSeconds < 10 || body.AckDeadlineSeconds > 600 {
		return nil, invalid(fmt.Sprintf("Invalid ack deadline given: %d. Use 10 to 600 seconds.", body.AckDeadlineSeconds))
	}
	if e := body.PushConfig.check(); e != nil {
		return nil, e
	}
	config["ackDeadlineSeconds"] = body.AckDeadlineSeconds
	if config["messageRetentionDuration"] == nil {
		config["messageRetentionDuration"] = "604800s"
	}
	config["state"] = "ACTIVE"
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.subs[name] != nil {
		return nil, exists(name)
	}
	if r.topics[body.Topic] == nil {
		return nil, notFound(body.Topic)
	}
	s := &subscription{
		name: name, topic: body.Topic, config: config, policy: json.RawMessage(`{"etag":"ACAB"}`),
		ack: time.Duration(body.AckDeadlineSeconds) * time.Second, out: map[string]*queued{}, ready: make(chan struct{}),
	}
	r.subs[name] = s
	r.order = append(r.order, name)
	r.setPush(s, body.PushConfig)
	return s.view(), nil
}

func (s *subscription) view() map[string]any {
	out := map[string]any{"name": s.name, "topic": s.topic, "pushConfig": s.push}
	for k, v := range s.config {
		out[k] = v
	}
	return out
}

// find returns a subscription; the caller holds the lock.
func (r *Room) find(c *front.Call) (*subscription, error) {
	s := r.subs[c.Path.Get("subscription")]
	if s == nil {
		return nil, notFound(c.Path.Get("subscription"))
	}
	return s, nil
}

func (r *Room) getSubscription(c *front.Call) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.find(c)
	if err != nil {
		return nil, err
	}
	return s.view(), nil
}

func (r *Room) listSubscriptions(c *front.Call) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, n := range r.order {
		if strings.HasPrefix(n, c.Path.Get("project")+"/") {
			names = append(names, n)
		}
	}
	page, next := pageOf(c, names)
	out := map[string]any{}
	var list []any
	for _, n := range page {
		list = append(list, r.subs[n].view())
	}
	if len(list) > 0 {
		out["subscriptions"] = list
	}
	if next != "" {
		out["nextPageToken"] = next
	}
	return out, nil
}

func (r *Room) deleteSubscription(c *front.Call) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.find(c)
	if err != nil {
		return nil, err
	}
	s.close()
	delete(r.subs, s.name)
	r.order = slices.DeleteFunc(r.order, func(n string) bool { return n == s.name })
	return empty, nil
}

// patchSubscription changes the fields of the update mask.
func (r *Room) patchSubscription(c *front.Call) (any, error) {
	var body struct {
		Subscription json.RawMessage `json:"subscription"`
		UpdateMask   string          `json:"updateMask"`
	}
	var config map[string]any
	var known subscriptionBody
	if json.Unmarshal(c.Body, &body) != nil || json.Unmarshal(body.Subscription, &config) != nil || json.Unmarshal(body.Subscription, &known) != nil {
		return nil, invalid("The subscription is missing.")
	}
	if body.UpdateMask == "" {
		return nil, invalid("The update_mask in the UpdateSubscriptionRequest must be set, and must contain a non-empty paths list.")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.subs[c.Path.Get("name")]
	if s == nil {
		return nil, notFound(c.Path.Get("name"))
	}
	for _, field := range strings.Split(body.UpdateMask, ",") {
		switch field = camel(strings.TrimSpace(field)); field {
		case "pushConfig":
			if e := known.PushConfig.check(); e != nil {
				return nil, e
			}
			r.setPush(s, known.PushConfig)
		case "ackDeadlineSeconds":
			s.ack = time.Duration(known.AckDeadlineSeconds) * time.Second
			s.config[field] = known.AckDeadlineSeconds
		case "name", "topic":
			return nil, invalid("Invalid update_mask provided in the UpdateSubscriptionRequest: the '" + field + "' field in the Subscription is not mutable.")
		default:
			s.config[field] = config[field]
		}
	}
	return s.view(), nil
}

func camel(s string) string {
	parts := strings.Split(s, "_")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}

func (r *Room) modifyPushConfig(c *front.Call) (any, error) {
	var body struct {
		PushConfig pushConfig `json:"pushConfig"`
	}
	if json.Unmarshal(c.Body, &body) != nil {
		return nil, invalid("Invalid JSON payload received.")
	}
	if e := body.PushConfig.check(); e != nil {
		return nil, e
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.find(c)
	if err != nil {
		return nil, err
	}
	r.setPush(s, body.PushConfig)
	return empty, nil
}

// offer puts a message on a subscription.
func (r *Room) offer(s *subscription, m *message) {
	if len(s.waiting) >= maxQueue {
		s.waiting = s.waiting[1:]
	}
	s.waiting = append(s.waiting, &queued{message: m})
	s.wake()
}

// wake tells everybody who waits that something may be ready.
func (s *subscription) wake() {
	close(s.ready)
	s.ready = make(chan struct{})
}

func (s *subscription) close() {
	if s.pusher != nil {
		s.pusher.stop()
		s.pusher = nil
	}
	s.wake()
}

// overdue takes back what was not acknowledged in time.
func (s *subscription) overdue(now time.Time) (next time.Time) {
	for id, q := range s.out {
		if now.Before(q.deadline) {
			if next.IsZero() || q.deadline.Before(next) {
				next = q.deadline
			}
			continue
		}
		delete(s.out, id)
		s.waiting = append([]*queued{q}, s.waiting...)
	}
	return next
}

// longPoll is how long a pull waits for a first message.
const longPoll = 10 * time.Second

func (r *Room) pull(c *front.Call) (any, error) {
	var body struct {
		MaxMessages       int  `json:"maxMessages"`
		ReturnImmediately bool `json:"returnImmediately"`
	}
	if json.Unmarshal(c.Body, &body) != nil || body.MaxMessages < 1 {
		return nil, invalid("The value for max_messages must be greater than 0.")
	}
	give := time.NewTimer(longPoll)
	defer give.Stop()
	for {
		got, ready, next, err := r.take(c, body.MaxMessages)
		if err != nil {
			return nil, err
		}
		if len(got) > 0 || body.ReturnImmediately {
			return pulled(got), nil
		}
		again := time.NewTimer(next)
		select {
		case <-ready:
		case <-again.C:
		case <-give.C:
			again.Stop()
			return pulled(nil), nil
		case <-c.Request.Context().Done():
			again.Stop()
			return pulled(nil), nil
		case <-r.ctx.Done():
			again.Stop()
			return pulled(nil), nil
		}
		again.Stop()
	}
}

// take hands out up to n messages; otherwise it says what to wait for.
func (r *Room) take(c *front.Call, n int) (got []map[string]any, ready chan struct{}, again time.Duration, _ error) {
	now := r.world.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.find(c)
	if err != nil {
		return nil, nil, 0, err
	}
	if s.push.PushEndpoint != "" {
		return nil, nil, 0, &front.Error{Code: 400, Status: "FAILED_PRECONDITION", Message: "This method is not supported for this subscription type."}
	}
	next := s.overdue(now)
	for len(got) < n && len(s.waiting) > 0 {
		q := s.waiting[0]
		s.waiting = s.waiting[1:]
		r.hand(s, q, now.Add(s.ack))
		got = append(got, map[string]any{"ackId": q.ackID, "message": q.view()})
	}
	again = longPoll
	if !next.IsZero() {
		again = max(next.Sub(now), time.Millisecond)
	}
	return got, s.ready, again, nil
}

func (r *Room) hand(s *subscription, q *queued, deadline time.Time) {
	r.nextAck++
	q.ackID = base64.RawURLEncoding.EncodeToString([]byte("ack:" + s.name + ":" + q.id + ":" + strconv.FormatUint(r.nextAck, 10)))
	q.attempts++
	q.deadline = deadline
	s.out[q.ackID] = q
}

func pulled(got []map[string]any) any {
	if len(got) == 0 {
		return empty
	}
	return map[string]any{"receivedMessages": got}
}

func (m *message) view() map[string]any {
	out := map[string]any{
		"messageId":   m.id,
		"publishTime": m.published.Format("2006-01-02T15:04:05.999Z07:00"),
	}
	if len(m.data) > 0 {
		out["data"] = base64.StdEncoding.EncodeToString(m.data)
	}
	if len(m.attributes) > 0 {
		out["attributes"] = m.attributes
	}
	if m.order != "" {
		out["orderingKey"] = m.order
	}
	return out
}

func (r *Room) acknowledge(c *front.Call) (any, error) {
	var body struct{ AckIDs []string }
	if json.Unmarshal(c.Body, &body) != nil || len(body.AckIDs) == 0 {
		return nil, invalid("The ack_ids field is empty.")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.find(c)
	if err != nil {
		return nil, err
	}
	for _, id := range body.AckIDs {
		delete(s.out, id) // unknown and late ones are ignored, as Google does
	}
	return empty, nil
}

func (r *Room) modifyAckDeadline(c *front.Call) (any, error) {
	var body struct {
		AckIDs             []string
		AckDeadlineSeconds int
	}
	if json.Unmarshal(c.Body, &body) != nil || len(body.AckIDs) == 0 {
		return nil, invalid("The ack_ids field is empty.")
	}
	if body.AckDeadlineSeconds < 0 || body.AckDeadlineSeconds > 600 {
		return nil, invalid("Invalid ack deadline given. Use 0 to 600 seconds.")
	}
	now := r.world.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.find(c)
	if err != nil {
		return nil, err
	}
	for _, id := range body.AckIDs {
		if q := s.out[id]; q != nil {
			q.deadline = now.Add(time.Duration(body.AckDeadlineSeconds) * time.Second)
		}
	}
	s.wake()
	return empty, nil
}

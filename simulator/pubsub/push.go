package pubsub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Mode is what happens to push requests.
type Mode string

// Modes of push delivery.
const (
	Deliver Mode = "deliver" // as Google does
	Drop    Mode = "drop"    // acknowledged and never sent
	Double  Mode = "double"  // each sent twice
	Delay   Mode = "delay"   // sent later
	Hold    Mode = "hold"    // kept until the mode changes, then sent
)

// Behaviour is how pushes are delivered.
type Behaviour struct {
	Mode  Mode
	Delay time.Duration
}

// Stats counts what happened since the start.
type Stats struct {
	Published int `json:"published"`
	Limited   int `json:"limited"` // dropped by the limit of one notification a second
	Pushed    int `json:"pushed"`  // accepted by the endpoint
	Failed    int `json:"failed"`  // attempts the endpoint refused or did not answer
	Dropped   int `json:"dropped"`
	Held      int `json:"held"` // waiting now
}

// delivery is a message on its way to an endpoint.
type delivery struct {
	p *pusher
	q *queued
}

// SetBehaviour changes how pushes are delivered. Leaving Hold sends what was
// held, in the order it came (or drops it, in Drop).
func (r *Room) SetBehaviour(b Behaviour) error {
	switch b.Mode {
	case Deliver, Drop, Double, Delay, Hold:
	default:
		return fmt.Errorf("mode %q: use deliver, drop, double, delay or hold", b.Mode)
	}
	if b.Delay < 0 {
		return fmt.Errorf("delay_ms is negative")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behave = b
	if b.Mode == Hold {
		return nil
	}
	held := r.held
	r.held = nil
	for _, d := range held {
		r.dispatch(d)
	}
	return nil
}

// Behaviour returns how pushes are delivered, and what happened so far.
func (r *Room) Behaviour() (Behaviour, Stats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Held = len(r.held)
	return r.behave, s
}

// Back-off of push delivery, for the whole subscription.
const (
	minBackoff = 100 * time.Millisecond
	maxBackoff = 60 * time.Second
	inFlight   = 16 // push requests of one subscription at a time
)

// pusher sends the messages of one subscription to its endpoint.
type pusher struct {
	room   *Room
	sub    *subscription
	config pushConfig
	ctx    context.Context
	stop   context.CancelFunc
	slots  chan struct{}

	backoff time.Duration // guarded by Room.mu
	retryAt time.Time
}

// setPush makes a subscription push to an endpoint, or pull again. The caller
// holds the lock.
func (r *Room) setPush(s *subscription, p pushConfig) {
	if s.pusher != nil {
		s.pusher.stop()
		s.pusher = nil
	}
	s.push = p
	if p.PushEndpoint == "" || r.ctx.Err() != nil {
		return
	}
	ctx, stop := context.WithCancel(r.ctx)
	s.pusher = &pusher{room: r, sub: s, config: p, ctx: ctx, stop: stop, slots: make(chan struct{}, inFlight)}
	pusher := s.pusher
	r.work.Go(func() { pusher.run() })
}

// run takes messages off the queue as long as the subscription pushes.
func (p *pusher) run() {
	for {
		ready, wait := p.next()
		t := time.NewTimer(wait)
		select {
		case <-ready:
		case <-t.C:
		case <-p.ctx.Done():
			t.Stop()
			return
		}
		t.Stop()
	}
}

// next dispatches what is ready and says what to wait for.
func (p *pusher) next() (ready chan struct{}, wait time.Duration) {
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := time.Until(p.retryAt); d > 0 {
		return make(chan struct{}), d
	}
	for len(p.sub.waiting) > 0 && p.ctx.Err() == nil {
		q := p.sub.waiting[0]
		p.sub.waiting = p.sub.waiting[1:]
		r.dispatch(delivery{p, q})
	}
	return p.sub.ready, time.Minute
}

// dispatch does with a delivery what the mode says. The caller holds the lock.
func (r *Room) dispatch(d delivery) {
	if r.ctx.Err() != nil {
		return
	}
	send := func(after time.Duration) { r.work.Go(func() { d.p.send(d.q, after) }) }
	switch r.behave.Mode {
	case Drop:
		r.stats.Dropped++
	case Hold:
		r.held = append(r.held, d)
	case Double:
		send(0)
		send(0)
	case Delay:
		send(r.behave.Delay)
	default:
		send(0)
	}
}

// send makes one push request and requeues the message when it is refused.
func (p *pusher) send(q *queued, after time.Duration) {
	t := time.NewTimer(after)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.ctx.Done():
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-p.ctx.Done():
	}
	accepted := p.ctx.Err() == nil && p.post(q)
	r := p.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if accepted {
		r.stats.Pushed++
		p.backoff = 0
		return
	}
	if p.ctx.Err() == nil {
		r.stats.Failed++
		p.backoff = min(max(p.backoff*2, minBackoff), maxBackoff)
		p.retryAt = time.Now().Add(p.backoff)
		q.attempts++
	}
	// Back to the queue, also when the endpoint was changed meanwhile.
	p.sub.waiting = append([]*queued{q}, p.sub.waiting...)
	p.sub.wake()
}

// post makes the request; true when the endpoint acknowledged.
func (p *pusher) post(q *queued) bool {
	p.room.mu.Lock()
	ack := p.sub.ack
	p.room.mu.Unlock()
	ctx, cancel := context.WithTimeout(p.ctx, ack)
	defer cancel()
	req, err := p.request(ctx, q)
	if err != nil {
		return false
	}
	resp, err := p.room.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection can be used again
	switch resp.StatusCode {
	case 102, 200, 201, 202, 204:
		return true
	}
	return false
}

func (p *pusher) request(ctx context.Context, q *queued) (*http.Request, error) {
	body, kind := q.data, "application/octet-stream"
	if p.config.NoWrapper == nil {
		kind = "application/json"
		var err error
		if body, err = p.envelope(q); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.config.PushEndpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("User-Agent", "CloudPubSub-Google")
	req.Header.Set("From", "noreply@google.com")
	if p.config.NoWrapper != nil && p.config.NoWrapper.WriteMetadata {
		req.Header.Set("x-goog-pubsub-message-id", q.id)
		req.Header.Set("x-goog-pubsub-subscription-name", p.sub.name)
		req.Header.Set("x-goog-pubsub-publish-time", q.published.Format(time.RFC3339Nano))
	}
	if o := p.config.OidcToken; o != nil && o.ServiceAccountEmail != "" {
		token, err := p.token(o)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

// envelope is the wrapped body, with both spellings of its fields.
func (p *pusher) envelope(q *queued) ([]byte, error) {
	m := q.view()
	m["message_id"], m["publish_time"] = m["messageId"], m["publishTime"]
	if m["attributes"] == nil {
		m["attributes"] = map[string]string{}
	}
	out := map[string]any{"message": m, "subscription": p.sub.name}
	p.room.mu.Lock()
	if p.sub.config["deadLetterPolicy"] != nil {
		out["deliveryAttempt"] = q.attempts + 1
	}
	p.room.mu.Unlock()
	return json.Marshal(out)
}

// token signs the identity of the subscription's service account.
func (p *pusher) token(o *oidcToken) (string, error) {
	now := p.room.world.Clock.Now()
	audience := o.Audience
	if audience == "" {
		audience = p.config.PushEndpoint
	}
	h := fnv.New64a()
	h.Write([]byte(o.ServiceAccountEmail))
	id := fmt.Sprintf("1%020d", h.Sum64())
	return p.room.signer.Sign(jwt.MapClaims{
		"iss": p.room.issuer(), "aud": audience, "azp": id, "sub": id,
		"email": o.ServiceAccountEmail, "email_verified": true,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
}

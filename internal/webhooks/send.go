package webhooks

import (
	"context"
	"sync"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

const (
	mostUnderWay = 256 // deliveries under way in a process
	perEndpoint  = 8   // of them to one endpoint
	probes       = 1   // to one that fails
	claimLease   = time.Minute
	look         = 5 * time.Second // without a ring
	postTime     = 10 * time.Second
	aroundTime   = 20 * time.Second // for a try with all that belongs to it
)

// Run sends what is due until ctx ends, then lets what is under way come to its
// end.
func (s *Service) Run(ctx context.Context) {
	rings, quiet := s.Deliveries.JobsBell()
	defer quiet()
	w := newSender(s)
	defer w.group.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.ended:
		case <-rings:
		case <-timer.C:
		}
		if ctx.Err() != nil {
			return
		}
		timer.Reset(w.turn(ctx))
	}
}

// DeliverDue sends everything that is due now, with what becomes due by that, and
// gives how many tries were made.
func (s *Service) DeliverDue(ctx context.Context) (int, error) {
	w := newSender(s)
	tries := 0
	for {
		idle := w.free() == mostUnderWay // before looking: what ends later may let others go
		n, err := w.fill(ctx)
		tries += n
		if err != nil || n == 0 && idle {
			w.group.Wait()
			return tries, err
		}
		if n == 0 && !idle {
			<-w.ended
		}
	}
}

// sender has deliveries under way.
type sender struct {
	*Service
	group sync.WaitGroup
	ended chan struct{} // one of them, or several
	mu    sync.Mutex
	busy  map[crm.WebhookID]int
	total int
}

func newSender(s *Service) *sender {
	return &sender{Service: s, ended: make(chan struct{}, 1), busy: map[crm.WebhookID]int{}}
}

func (w *sender) free() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return mostUnderWay - w.total
}

// turn starts what is due and gives how long to wait if nothing rings.
func (w *sender) turn(ctx context.Context) time.Duration {
	if _, err := w.fill(ctx); err != nil {
		if ctx.Err() == nil {
			w.Log.Warn("webhooks could not be claimed; trying again", "error", err)
		}
		return look
	}
	next, err := w.Deliveries.NextDelivery(ctx)
	if err != nil || next.IsZero() {
		return look
	}
	if wait := next.Sub(w.Now()); wait > 0 {
		return min(wait, look)
	}
	return look / 5 // its endpoint is busy: the end of a try wakes us before
}

// fill claims for the free places and starts what it gets.
func (w *sender) fill(ctx context.Context) (int, error) {
	next, err := w.Deliveries.NextDelivery(ctx)
	now := w.Now()
	if err != nil || next.IsZero() || next.After(now) || w.free() == 0 {
		return 0, err
	}
	w.mu.Lock()
	busy := make(map[crm.WebhookID]int, len(w.busy))
	for id, n := range w.busy {
		busy[id] = n
	}
	w.mu.Unlock()
	claimed, err := w.Deliveries.ClaimDeliveries(ctx, Claim{
		Holder: w.Holder, Now: now, Until: now.Add(claimLease), Limit: w.free(), PerEndpoint: perEndpoint, Probes: probes, Busy: busy,
	})
	for _, d := range claimed {
		w.start(ctx, d)
	}
	return len(claimed), err
}

func (w *sender) start(ctx context.Context, d Delivery) {
	w.count(d.WebhookID, 1)
	w.group.Go(func() {
		defer func() {
			w.count(d.WebhookID, -1)
			select {
			case w.ended <- struct{}{}:
			default:
			}
		}()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), aroundTime)
		defer cancel()
		if err := w.deliver(ctx, d); err != nil {
			// Its lease runs out, and it is sent again under the same id.
			w.Log.Warn("a webhook could not be sent; trying again", "webhook", d.WebhookID, "delivery", d.ID, "error", err)
		}
	})
}

func (w *sender) count(id crm.WebhookID, by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total += by
	if w.busy[id] += by; w.busy[id] == 0 {
		delete(w.busy, id)
	}
}

// deliver makes one try of a claimed delivery and notes it.
func (s *Service) deliver(ctx context.Context, d Delivery) error {
	e, err := s.Endpoints.Webhook(ctx, d.WorkspaceID, d.WebhookID)
	if fault.Is(err, fault.NotFound) { // deleted meanwhile, and the delivery with it
		return nil
	}
	if err != nil {
		return wrap("reading its webhook", err)
	}
	body, err := s.payload(ctx, &e, &d)
	if fault.Is(err, fault.NotFound) {
		return s.withhold(ctx, d)
	}
	if err != nil {
		return err
	}
	began := s.Now()
	clock := time.Now()
	answer := s.post(ctx, &e, &d, body)
	try := Attempt{At: began, Took: time.Since(clock), Status: answer.Status, Error: answer.Trouble, Answer: answer.Body}
	late := s.late()
	err = s.Deliveries.NoteDelivery(ctx, s.Holder, d.ID, &try, func(e *Endpoint, d *Delivery) (Verdict, []access.Audit) {
		v := judge(e, d, answer, began, s.Now(), late)
		if !v.Disabled {
			return v, nil
		}
		row := s.act(access.System(e.WorkspaceID), "webhook.disable", e.ID, e.DisabledReason)
		return v, []access.Audit{row}
	})
	s.measure(d.Event, answer, try.Took)
	return wrap("noting a try", err)
}

// post signs and sends.
func (s *Service) post(ctx context.Context, e *Endpoint, d *Delivery, body []byte) Answer {
	m := Message{URL: e.URL, ID: string(d.ID), At: s.Now(), Body: body}
	sealed := []string{e.SealedSecret}
	if e.SealedOld != "" && e.OldUntil.After(s.Now()) {
		sealed = append(sealed, e.SealedOld)
	}
	for _, one := range sealed {
		secret, err := s.Sealer.Open(string(e.ID), secretField, one)
		if err != nil {
			s.Log.Warn("the secret of a webhook cannot be opened", "webhook", e.ID, "error", err)
			return Answer{Trouble: "Its secret cannot be opened: the encryption key is missing. Rotate the secret, or bring the key back."}
		}
		m.Secrets = append(m.Secrets, secret)
	}
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	return s.Poster.Post(ctx, m)
}

// withhold ends a delivery that its audience may not get.
func (s *Service) withhold(ctx context.Context, d Delivery) error {
	err := s.Deliveries.NoteDelivery(ctx, s.Holder, d.ID, nil, func(_ *Endpoint, d *Delivery) (Verdict, []access.Audit) {
		d.Status, d.Error = 0, errUnseen.Text
		d.end(Withheld, s.Now())
		return Verdict{}, nil
	})
	if s.Meter != nil {
		s.Meter.Delivered(d.Event, Withheld, 0)
	}
	return wrap("noting a delivery that is withheld", err)
}

func (s *Service) measure(event string, a Answer, took time.Duration) {
	if s.Meter == nil {
		return
	}
	state := Delivered
	if a.Trouble != "" {
		state = Failed
	}
	s.Meter.Delivered(event, state, took)
}

package push

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/work"
)

// Service is this part of the product. All fields are required but those that
// say what happens without them.
type Service struct {
	Mailboxes   Mailboxes
	Watches     Watches
	Connections Connections
	Queue       work.Queue
	Now         func() time.Time
	Holder      string // names this process
	Fallback    time.Duration

	Topic        string       // that mailboxes are watched with; "": none is
	Verifier     Verifier     // nil: no notifications are taken over HTTP
	Subscription Subscription // nil: none is pulled
	Meter        Meter        // nil: nobody counts
	Log          *slog.Logger // nil: nothing is logged

	desk desk
}

// Kinds of jobs. The subject of KindWatch is a connection.
const (
	KindWatch   work.Kind = "gmail.watch"
	KindWatches work.Kind = "gmail.watches" // looks after all of them
)

const (
	// renewEvery is daily, and a little before the third of three polls, which it
	// takes the place of (see Service.nothingMissed).
	renewEvery = 23 * time.Hour
	// renewSoon is how much of a watch's life has to be left.
	renewSoon = 48 * time.Hour
	// lookAfter is how often all watches are looked after, and one that failed for
	// good is tried again.
	lookAfter = time.Hour
)

// Schedule gives the jobs that have to wait in the queue at all times.
func (s *Service) Schedule() []work.Job {
	return []work.Job{{Kind: KindWatches, Group: string(KindWatches), DueAt: s.Now(), Priority: 2, Every: lookAfter}}
}

// Definitions are the steps of this part.
func (s *Service) Definitions() []work.Definition {
	return []work.Definition{
		{Kind: KindWatch, Step: s.watch, Timeout: 5 * time.Minute},
		{Kind: KindWatches, Step: s.lookAfterAll, Timeout: 5 * time.Minute},
	}
}

func watchJob(c crm.ConnectionID, at time.Time) work.Job {
	return work.Job{Kind: KindWatch, Subject: string(c), Group: string(KindWatch) + ":" + string(c), DueAt: at, Priority: 8}
}

// Follow has a connection's watch begun, renewed or ended where that is due,
// as its status and settings are now.
func (s *Service) Follow(ctx context.Context, c crm.Connection) error {
	w, err := s.Watches.Watching(ctx, c.ID)
	if err != nil {
		return fmt.Errorf("reading the watch: %w", err)
	}
	switch {
	case c.Status == crm.StatusNeedsReauth || c.Status == crm.StatusDisconnected:
		return s.forget(ctx, c)
	case s.wanted(c) && s.fresh(w), !s.wanted(c) && w.State != On:
		return nil
	}
	return s.Queue.Enqueue(ctx, watchJob(c.ID, s.Now()))
}

func (s *Service) wanted(c crm.Connection) bool { return s.Topic != "" && should(c) }

// fresh reports whether a watch needs nothing for now.
func (s *Service) fresh(w Watch) bool {
	now := s.Now()
	return w.State == On && w.Topic == s.Topic && now.Sub(w.RenewedAt) < renewEvery-time.Hour && w.ExpiresAt.Sub(now) > renewSoon
}

// forget notes that a connection is watched no more, and need not be: Google has
// ended the access. Gmail publishes on until the watch ends, which is harmless.
func (s *Service) forget(ctx context.Context, c crm.Connection) error {
	if err := s.Queue.Cancel(ctx, KindWatch, string(c.ID)); err != nil {
		return fmt.Errorf("cancelling the renewal: %w", err)
	}
	return s.Watches.ChangeWatch(ctx, c, func(w *Watch) *time.Time {
		w.State, w.Error, w.NextStep, w.Via = Off, "", "", ""
		return &time.Time{}
	})
}

// lookAfterAll is the safety net: every watch that is not as it should be gets
// its turn, whatever was lost.
func (s *Service) lookAfterAll(ctx context.Context, _ string) (bool, error) {
	const page = 500
	now := s.Now()
	q := OverdueQuery{Topic: s.Topic, Renewed: now.Add(-renewEvery - time.Hour), Soon: now.Add(renewSoon), Tried: now.Add(-lookAfter + time.Minute)}
	for after := crm.ConnectionID(""); ; {
		ids, err := s.Watches.Overdue(ctx, q, after, page)
		if err != nil {
			return false, fmt.Errorf("finding watches that are overdue: %w", err)
		}
		jobs := make([]work.Job, len(ids))
		for i, id := range ids {
			jobs[i] = watchJob(id, now)
		}
		if err := s.Queue.Enqueue(ctx, jobs...); err != nil {
			return false, fmt.Errorf("asking for watches: %w", err)
		}
		if len(ids) < page {
			return false, nil
		}
		after = ids[len(ids)-1]
	}
}

// Looked implements mail.Pace: what a look has found tells how well push does.
func (s *Service) Looked(ctx context.Context, c crm.Connection, l mail.Look) (bool, error) {
	now := s.Now()
	w, err := s.Watches.Watching(ctx, c.ID)
	if err != nil {
		return false, fmt.Errorf("reading the watch: %w", err)
	}
	p := pace{own: time.Duration(c.Settings.PollSeconds) * time.Second, base: s.Fallback}
	before := w.Mode(now)
	if l.Reached == 0 || before == ByPoll && !w.look(l, p, now).changed {
		return false, nil // the usual poll, which writes nothing
	}
	var out after
	err = s.Watches.ChangeWatch(ctx, c, func(w *Watch) *time.Time {
		before = w.Mode(now)
		out = w.look(l, p, now)
		if out.next.IsZero() && before == ByPoll {
			return nil
		}
		return &out.next // zero: with the next round
	})
	if err != nil {
		return false, fmt.Errorf("noting a look: %w", err)
	}
	if s.Meter != nil && out.delay > 0 {
		s.Meter.Delayed(before, out.delay)
	}
	if !out.again.IsZero() {
		if err := s.Queue.Enqueue(ctx, mail.HistoryJob(c.ID, out.again)); err != nil {
			return false, fmt.Errorf("asking for another look: %w", err)
		}
	}
	return !out.next.IsZero(), nil
}

// Status shows how a connection's news come in.
func (s *Service) Status(ctx context.Context, c crm.Connection) (Seen, error) {
	w, err := s.Watches.Watching(ctx, c.ID)
	if err != nil {
		return Seen{}, fmt.Errorf("reading the watch: %w", err)
	}
	seen := w.See(s.Now())
	if !should(c) {
		seen.Mode = ByPoll
	}
	return seen, nil
}

// Receive takes a push request: it verifies who sent it, notes what it says and
// asks for the look it calls for, all of which is stored when it returns nil.
// fault.NotFound where push is not set up, fault.Unauthenticated when it is not
// Pub/Sub's. What is Pub/Sub's and cannot be read is taken and dropped: to refuse
// it would hold up everybody's notifications (behaviour reference 3.15).
func (s *Service) Receive(ctx context.Context, token crm.Secret, body func() ([]byte, error), header http.Header) error {
	if s.Verifier == nil {
		return &fault.Error{Kind: fault.NotFound, Code: "push_not_configured",
			Text: "This installation takes no notifications here: GOOGLE_PUSH_SERVICE_ACCOUNT is not set. `rapport pubsub setup` says how to set push up."}
	}
	if err := s.Verifier.VerifyPush(ctx, token); err != nil {
		if fault.Is(err, fault.Unauthenticated) {
			s.count(ByPush, Refused)
		}
		return err
	}
	data, err := body()
	if err != nil {
		return err
	}
	n, err := Decode(data, header)
	if err != nil {
		s.count(ByPush, Garbled)
		s.log().WarnContext(ctx, "a notification could not be read and was dropped", "error", err, "bytes", len(data))
		return nil
	}
	return s.desk.announce(ctx, s, n)
}

func (s *Service) count(via Mode, o Outcome) {
	if s.Meter != nil {
		s.Meter.Notified(via, o)
	}
}

func (s *Service) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.New(slog.DiscardHandler)
}

// desk writes down notices. Those that come while it writes share the next
// transaction, and those of one mailbox become one.
type desk struct {
	mu      sync.Mutex
	waiting []ticket
	busy    bool
}

type ticket struct {
	notice Notice
	done   chan error
}

// deskPatience is how long one transaction of the desk may take.
const deskPatience = 10 * time.Second

func (d *desk) announce(ctx context.Context, s *Service, n Notice) error {
	t := ticket{n, make(chan error, 1)}
	d.mu.Lock()
	d.waiting = append(d.waiting, t)
	if !d.busy {
		d.busy = true
		// It writes for everybody who comes meanwhile, also when this caller is gone.
		go d.serve(context.WithoutCancel(ctx), s)
	}
	d.mu.Unlock()
	select {
	case err := <-t.done:
		return err
	case <-ctx.Done():
		return fault.New(fault.Unavailable, "noting a notification: %w", ctx.Err())
	}
}

func (d *desk) serve(ctx context.Context, s *Service) {
	for {
		d.mu.Lock()
		batch := d.waiting
		d.waiting = nil
		d.busy = len(batch) > 0
		d.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		err := s.write(ctx, batch)
		for _, t := range batch {
			t.done <- err
		}
	}
}

func (s *Service) write(ctx context.Context, batch []ticket) error {
	within, cancel := context.WithTimeout(ctx, deskPatience)
	defer cancel()
	notices := make([]Notice, len(batch))
	for i, t := range batch {
		notices[i] = t.notice
	}
	return s.announce(within, notices)
}

// announce notes notices. Of several of one mailbox the newest counts; the
// earliest says how long it took.
func (s *Service) announce(ctx context.Context, notices []Notice) error {
	merged := make([]Notice, 0, len(notices))
	at := make(map[string]int, len(notices))
	for _, n := range notices {
		i, ok := at[n.Address]
		if !ok {
			at[n.Address] = len(merged)
			merged = append(merged, n)
			continue
		}
		m := &merged[i]
		m.HistoryID = max(m.HistoryID, n.HistoryID)
		if n.PublishedAt.Before(m.PublishedAt) {
			m.PublishedAt = n.PublishedAt
		}
	}
	outcomes, err := s.Watches.Announce(ctx, merged, mail.HistoryJob)
	if err != nil {
		return fmt.Errorf("noting notifications: %w", err)
	}
	for _, n := range notices {
		s.count(n.Via, outcomes[at[n.Address]])
	}
	return nil
}

package push

import (
	"context"
	"sync"
	"time"

	"rapport/internal/fault"
)

const (
	pullMost  = 500              // messages at a time
	pullLease = 15 * time.Second // so long a process that died is waited for
	pullBeat  = 5 * time.Second
	pullFirst = time.Second // pause after an error, doubled to
	pullLast  = time.Minute
)

// Pull fetches notifications from the subscription until ctx ends. Of several
// processes one at a time does it; two would be harmless.
func (s *Service) Pull(ctx context.Context) {
	if s.Subscription == nil {
		return
	}
	name := "pull:" + s.Subscription.Name()
	beat := time.NewTicker(pullBeat)
	defer beat.Stop()
	for ctx.Err() == nil {
		ours, err := s.Watches.TakeTurn(ctx, name, s.Holder, s.Now(), s.Now().Add(pullLease))
		if err != nil && ctx.Err() == nil {
			s.log().WarnContext(ctx, "whose turn it is to pull notifications could not be read", "error", err)
		}
		if ours {
			s.pullWhileOurs(ctx, name, beat.C)
			continue
		}
		select {
		case <-ctx.Done():
		case <-beat.C:
		}
	}
	if err := s.Watches.EndTurn(context.WithoutCancel(ctx), name, s.Holder); err != nil {
		s.log().WarnContext(ctx, "giving back the turn to pull notifications", "error", err)
	}
}

// pullWhileOurs pulls and renews the turn until it is lost.
func (s *Service) pullWhileOurs(ctx context.Context, name string, beat <-chan time.Time) {
	pulling, stop := context.WithCancel(ctx)
	var busy sync.WaitGroup
	busy.Go(func() { s.pull(pulling) })
	defer busy.Wait()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat:
		}
		ours, err := s.Watches.TakeTurn(ctx, name, s.Holder, s.Now(), s.Now().Add(pullLease))
		if err == nil && !ours { // another process believes we are gone
			return
		}
	}
}

// pull is the loop: what came is stored, then acknowledged while the next call
// waits already.
func (s *Service) pull(ctx context.Context) {
	var acks sync.WaitGroup
	defer acks.Wait()
	pause := time.Duration(0)
	for ctx.Err() == nil {
		messages, err := s.Subscription.Pull(ctx, pullMost)
		if err == nil && len(messages) > 0 {
			err = s.receive(ctx, messages)
		}
		if err == nil {
			pause = 0
			if len(messages) > 0 {
				acks.Go(func() { s.acknowledge(ctx, messages) })
			}
			continue
		}
		if ctx.Err() != nil {
			return
		}
		pause = max(min(2*pause, pullLast), pullFirst)
		if after := fault.After(err); after > pause {
			pause = min(after, pullLast)
		}
		s.log().WarnContext(ctx, "notifications could not be pulled; trying again", "wait", pause, "error", err)
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-wait.C:
		}
		wait.Stop()
	}
}

// receive notes what pulled messages say. Those that cannot be read are dropped.
func (s *Service) receive(ctx context.Context, messages []Message) error {
	notices := make([]Notice, 0, len(messages))
	for _, m := range messages {
		n, err := DecodeData(m.Data, m.PublishedAt, ByPull)
		if err != nil {
			s.count(ByPull, Garbled)
			s.log().WarnContext(ctx, "a notification could not be read and was dropped", "error", err, "bytes", len(m.Data))
			continue
		}
		notices = append(notices, n)
	}
	if len(notices) == 0 {
		return nil
	}
	return s.announce(ctx, notices)
}

// acknowledge tells Pub/Sub what need not be sent again. It outlives the loop: what
// is not acknowledged comes again, which is harmless.
func (s *Service) acknowledge(ctx context.Context, messages []Message) {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	acks := make([]string, len(messages))
	for i, m := range messages {
		acks[i] = m.Ack
	}
	if err := s.Subscription.Acknowledge(within, acks); err != nil {
		s.log().WarnContext(ctx, "notifications could not be acknowledged; they come again", "error", err)
	}
}

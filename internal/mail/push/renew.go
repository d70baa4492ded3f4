package push

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// turnLife is how long a turn at a mailbox is good for without being given back.
const turnLife = 2 * time.Minute

// watch is the step of gmail.watch: it begins, renews or ends the watch of a
// connection's mailbox, as is due.
func (s *Service) watch(ctx context.Context, subject string) (bool, error) {
	c, err := s.Connections.ConnectionByID(ctx, crm.ConnectionID(subject))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the connection: %w", err)
	}
	ours, err := s.takeTurn(ctx, c)
	if err != nil {
		return false, err
	}
	if !ours {
		return false, fault.New(fault.Stale, "Another worker is at the watch of this mailbox.")
	}
	defer s.endTurn(ctx, c)
	w, err := s.Watches.Watching(ctx, c.ID)
	if err != nil {
		return false, fmt.Errorf("reading the watch: %w", err)
	}
	switch {
	case !s.wanted(c) && w.State == On:
		return false, s.unwatch(ctx, c, w.Topic)
	case !s.wanted(c):
		return false, nil
	case s.fresh(w): // a doubled job
		return false, s.Queue.Enqueue(ctx, watchJob(c.ID, w.RenewedAt.Add(renewEvery)))
	}
	return false, s.renew(ctx, c, w)
}

// A mailbox has one watch for each project of Google's, and refuses calls about
// it at the same time (behaviour reference 3.14): one worker at a time has the
// turn, over all processes.
func (s *Service) takeTurn(ctx context.Context, c crm.Connection) (bool, error) {
	now := s.Now()
	ours, err := s.Watches.TakeTurn(ctx, turnOf(c), s.Holder+"/"+string(c.ID), now, now.Add(turnLife))
	if err != nil {
		return false, fmt.Errorf("taking the turn at a mailbox: %w", err)
	}
	return ours, nil
}

func (s *Service) endTurn(ctx context.Context, c crm.Connection) {
	if err := s.Watches.EndTurn(context.WithoutCancel(ctx), turnOf(c), s.Holder+"/"+string(c.ID)); err != nil {
		s.log().WarnContext(ctx, "giving back the turn at a mailbox", "connection", c.ID, "error", err)
	}
}

func turnOf(c crm.Connection) string { return "watch:" + c.GoogleSub }

// renew begins a watch or prolongs it.
func (s *Service) renew(ctx context.Context, c crm.Connection, w Watch) error {
	began := s.Now()
	got, err := s.Mailboxes.Watch(ctx, c, s.Topic)
	if codeOf(err) == CodeTaken {
		// A topic of earlier, or another program: stop, then watch.
		if err = s.Mailboxes.StopWatch(ctx, c); err == nil {
			got, err = s.Mailboxes.Watch(ctx, c, s.Topic)
		}
	}
	if err != nil {
		return s.failed(ctx, c, err)
	}
	mark, err := s.Watches.Mark(ctx, c.ID)
	if err != nil {
		return fmt.Errorf("reading how far the mailbox has been read: %w", err)
	}
	now := s.Now()
	err = s.Watches.ChangeWatch(ctx, c, func(x *Watch) *time.Time {
		if !(x.Live(began) && x.Topic == s.Topic) && x.NotifiedAt.Before(began) {
			x.Via, x.Interval = "", 0 // nothing has shown yet that notifications come
			x.Suspect, x.SuspectAt, x.MissedAt = 0, time.Time{}, time.Time{}
		}
		x.State, x.Topic, x.ExpiresAt, x.RenewedAt, x.TriedAt, x.Error, x.NextStep = On, s.Topic, got.ExpiresAt, now, now, "", ""
		return s.nothingMissed(x, got.HistoryID, mark, w.Announced, c, now)
	})
	if err != nil {
		return fmt.Errorf("storing the watch: %w", err)
	}
	if got.HistoryID > mark { // Gmail says where the mailbox is: as good as a look
		if err := s.Queue.Enqueue(ctx, mail.HistoryJob(c.ID, now)); err != nil {
			return fmt.Errorf("asking for a look: %w", err)
		}
	}
	return s.Queue.Enqueue(ctx, watchJob(c.ID, now.Add(renewEvery)))
}

// nothingMissed lets a renewal take the place of a look, since its answer says
// how far the mailbox is.
func (s *Service) nothingMissed(w *Watch, at, mark, announced uint64, c crm.Connection, now time.Time) *time.Time {
	if at > max(mark, announced) {
		w.Interval = 0
	}
	if w.Mode(now) == ByPoll || at > mark {
		return nil
	}
	out := w.look(mail.Look{Began: now, Since: mark, Reached: max(mark, w.Announced)},
		pace{own: time.Duration(c.Settings.PollSeconds) * time.Second, base: s.Fallback}, now)
	return &out.next
}

// failed notes why a watch could not be had. What passes is tried again soon by
// the runner; for the rest somebody has to do something, and it is tried hourly.
func (s *Service) failed(ctx context.Context, c crm.Connection, cause error) error {
	now := s.Now()
	passes := fault.Passing(cause)
	err := s.Watches.ChangeWatch(ctx, c, func(w *Watch) *time.Time {
		w.TriedAt = now
		w.Error, w.NextStep = explain(cause, s.Topic)
		if passes && w.Live(now) {
			if w.ExpiresAt.Sub(now) > renewSoon {
				w.Error, w.NextStep = "", ""
			}
			return nil
		}
		w.State, w.Via, w.Interval = Failed, "", 0
		return &time.Time{} // polls take over at once
	})
	if err != nil {
		return fmt.Errorf("storing why a mailbox cannot be watched: %w", err)
	}
	if passes {
		return cause
	}
	s.log().WarnContext(ctx, "a mailbox cannot be watched; it is polled", "connection", c.ID, "error", cause)
	return nil
}

// unwatch ends a watch, unless another connection needs it: Gmail has one for
// both.
func (s *Service) unwatch(ctx context.Context, c crm.Connection, topic string) error {
	shared, err := s.Watches.WatchShared(ctx, c, topic)
	if err != nil {
		return fmt.Errorf("looking for others who watch the mailbox: %w", err)
	}
	if !shared {
		if err := s.Mailboxes.StopWatch(ctx, c); err != nil && fault.Passing(err) {
			return fmt.Errorf("ending a watch: %w", err)
		} else if err != nil {
			s.log().WarnContext(ctx, "a watch could not be ended; it ends by itself within a week", "connection", c.ID, "error", err)
		}
	}
	return s.forget(ctx, c)
}

// stopPatience is how long Stop waits for a renewal that is under way.
const stopPatience = 5 * time.Second

// Stop ends the watch of a connection that is about to be disconnected, while
// Google still lets us: afterwards nobody could, and Gmail would publish on for
// days.
func (s *Service) Stop(ctx context.Context, c crm.Connection) error {
	w, err := s.Watches.Watching(ctx, c.ID)
	if err != nil {
		return fmt.Errorf("reading the watch: %w", err)
	}
	if w.State == "" && w.TriedAt.IsZero() && s.Topic == "" {
		return nil
	}
	if err := s.Queue.Cancel(ctx, KindWatch, string(c.ID)); err != nil {
		return fmt.Errorf("cancelling the renewal: %w", err)
	}
	within, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	for look := time.NewTicker(50 * time.Millisecond); ; {
		ours, err := s.takeTurn(ctx, c)
		if err != nil || ours {
			look.Stop()
			if err != nil {
				return err
			}
			defer s.endTurn(ctx, c)
			break
		}
		select {
		case <-look.C:
			continue
		case <-within.Done():
		}
		look.Stop()
		break // whoever has the turn is stuck or gone
	}
	if w, err = s.Watches.Watching(ctx, c.ID); err != nil {
		return fmt.Errorf("reading the watch: %w", err)
	}
	if w.State != On {
		return nil
	}
	return s.unwatch(ctx, c, w.Topic)
}

func codeOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

// explain puts a failure into words, with what to do about it.
func explain(err error, topic string) (what, next string) {
	const meanwhile = " Meanwhile the mailbox is looked at every minute."
	switch codeOf(err) {
	case CodeNoTopic:
		return "The Pub/Sub topic " + topic + " does not exist.", "Whoever runs Rapport: run `rapport pubsub setup`, which makes it, or correct GOOGLE_PUBSUB_TOPIC." + meanwhile
	case CodeNotPublisher:
		return "Gmail may not publish to the Pub/Sub topic " + topic + ".", "Whoever runs Rapport: give gmail-api-push@system.gserviceaccount.com the role Pub/Sub Publisher on the topic; `rapport pubsub setup` does it. " +
			"Where the organisation restricts sharing to its domain, that policy needs an exception." + meanwhile
	case CodeOtherProject:
		return "The Pub/Sub topic " + topic + " is not in the Google Cloud project of the OAuth client.", "Whoever runs Rapport: make a topic in that project and set GOOGLE_PUBSUB_TOPIC to it." + meanwhile
	case CodeTaken:
		return "Another program watches this mailbox with another topic of the same Google Cloud project.", "Give each installation a Google Cloud project of its own, or stop the other program." + meanwhile
	case "api_disabled":
		return "The Gmail API is not enabled in the Google Cloud project.", "Whoever runs Rapport: enable it there." + meanwhile
	}
	switch fault.Of(err) {
	case fault.Reconnect:
		return "Google no longer accepts Rapport's access to this account.", "Reconnect the account."
	case fault.Permission:
		return "The permission to read mail is missing, which notifications need.", "Reconnect the account and leave the box for mail ticked."
	case fault.Blocked:
		return "The organisation's administrator does not allow it.", "Ask the Google Workspace administrator to allow Rapport."
	case fault.Throttled, fault.Unavailable:
		return "Google could not be asked for notifications just now.", "Nothing: Rapport tries again by itself." + meanwhile
	}
	return "Gmail refused to send notifications for this mailbox.", "Rapport tries again every hour. If it goes on, tell the operator." + meanwhile
}

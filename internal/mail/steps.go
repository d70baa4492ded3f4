package mail

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fault"
	"rapport/internal/work"
)

// Definitions are the steps of this room. A subject is a connection id.
func (s *Service) Definitions() []work.Definition {
	return []work.Definition{
		{Kind: KindHistory, Step: s.step(crm.StreamGmailHistory, Normal, history), Timeout: 30 * time.Minute, Urgent: true},
		{Kind: KindBackfill, Step: s.step(crm.StreamGmailBackfill, Background, backfill), Timeout: 10 * time.Minute},
		{Kind: KindVerify, Step: s.step(crm.StreamGmailVerify, Background, verify), Timeout: 2 * time.Hour},
		{Kind: KindRetry, Step: s.step(crm.StreamGmailRetry, Background, retry), Timeout: 10 * time.Minute},
		{Kind: KindChange, Step: s.sendChange, Timeout: 10 * time.Minute},
		{Kind: KindLabels, Step: s.tidyLabels, Timeout: 10 * time.Minute},
		{Kind: KindSweep, Step: s.sweep, Timeout: 10 * time.Minute},
		{Kind: KindAge, Step: s.age, Timeout: 10 * time.Minute},
		{Kind: KindPoll, Step: s.poll, Timeout: 5 * time.Minute},
	}
}

// session is one step at work on one stream of one connection. It is the sink
// of the stream.
type session struct {
	*Service
	conn    crm.Connection
	key     Key
	box     Mailbox
	run     crm.Run
	at      engine.Checkpoint // as last loaded
	spent   int64             // units accounted for
	profile *Profile
	until   time.Time
	rules   *Rules // read when the first message comes
	// The run was asked for after this look began, which may have missed what it was
	// asked for: another look ends it.
	asked bool
}

type body func(ctx context.Context, x *session) (more bool, err error)

// step wraps what a stream does with what all of them need: the connection, the
// mailbox, the run, and the answer to every kind of failure.
func (s *Service) step(stream crm.Stream, p Priority, do body) work.Step {
	return func(ctx context.Context, subject string) (bool, error) {
		x := &session{Service: s, until: s.Now().Add(s.Budget)}
		ok, err := x.load(ctx, crm.ConnectionID(subject), stream)
		if err != nil || !ok {
			return false, err
		}
		if err := x.retain(ctx); err != nil {
			return false, err
		}
		x.box, err = s.Mailboxes.Open(ctx, x.conn, p)
		more := false
		if err == nil {
			more, err = do(ctx, x)
		}
		return x.settle(ctx, more, err)
	}
}

// load reads the connection and the run going on. ok is false when there is
// nothing to do here any more.
func (x *session) load(ctx context.Context, id crm.ConnectionID, stream crm.Stream) (ok bool, err error) {
	x.conn, err = x.Connections.ConnectionByID(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the connection: %w", err)
	}
	x.key = key(x.conn, stream)
	x.run, err = x.Runs.Running(ctx, id, stream)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, fmt.Errorf("reading the run: %w", err)
	}
	x.key.Run = x.run.ID
	if syncable(x.conn) != nil {
		return false, x.end(ctx, crm.RunCancelled, "", "")
	}
	return true, nil
}

// settle ends the run where the step ended it and says what to do about an error.
func (x *session) settle(ctx context.Context, more bool, err error) (bool, error) {
	switch {
	case err == nil && (more || x.asked):
		return true, nil
	case err == nil:
		return false, x.finish(ctx)
	case fault.Is(err, fault.Stale):
		// The position moved under us: another worker, a rewind, or the end of
		// the connection, which the next step sees.
		return true, nil
	case fault.Passing(err):
		return false, err
	}
	what, next := explain(err)
	if endErr := x.end(ctx, crm.RunFailed, what, next); endErr != nil {
		x.log().ErrorContext(ctx, "ending a failed run", "connection", x.conn.ID, "error", endErr)
	}
	switch fault.Of(err) {
	case fault.NotFound, fault.Gone, fault.Invalid:
		// Of an item that would be the end of it. Of a mailbox it is a mistake of
		// somebody's, and no reason to leave an import where it is.
		return false, fault.New(fault.Internal, "%w", err)
	}
	return false, err
}

// explain puts an error that ends a run into words for the connection's owner.
func explain(err error) (what, next string) {
	var f *fault.Error
	switch fault.Of(err) {
	case fault.Reconnect:
		return "Google no longer accepts Rapport's access to this account.", "Reconnect the account."
	case fault.Permission:
		return "The permission to read mail is missing.", "Reconnect the account and leave the box for mail ticked."
	case fault.Blocked:
		if errors.As(err, &f) && f.Code == "api_disabled" {
			return f.Text, "Ask whoever runs Rapport to enable the Gmail API in the Google Cloud project."
		}
		if errors.As(err, &f) && f.Code == "mailbox_unavailable" {
			return f.Text, "Ask the Google Workspace administrator to switch Gmail on for this account."
		}
		return "The organisation's administrator does not allow this.", "Ask the Google Workspace administrator to allow Rapport."
	case fault.NotFound, fault.Forbidden:
		return "Google does not give Rapport this mailbox.", "Check at Google that the account still has Gmail, then reconnect it."
	}
	return "Something went wrong inside Rapport.", "It is tried again by itself. If it goes on, tell the operator."
}

// beginRun begins a run of this step, or takes part in one that somebody asked for
// meanwhile.
func (x *session) beginRun(ctx context.Context) error {
	run, begun, err := x.begin(ctx, x.conn, x.key.Stream, crm.RunRunning)
	if err != nil {
		return fmt.Errorf("beginning a run: %w", err)
	}
	x.run, x.key.Run, x.asked = run, run.ID, !begun
	return nil
}

// finish ends the run going on, if any, by its counts, and sees to what the
// ledger holds.
func (x *session) finish(ctx context.Context) error {
	if err := x.retryLater(ctx); err != nil {
		return err
	}
	if x.key.Run == "" {
		return nil
	}
	run, err := x.Runs.Run(ctx, x.key.Workspace, x.key.Run)
	if err != nil {
		return fmt.Errorf("reading the run's counts: %w", err)
	}
	what, next := "", ""
	if run.Counts.Failed > 0 {
		what = strconv.FormatInt(run.Counts.Failed, 10) + " messages could not be imported."
		next = "They are tried again by themselves; see the list of failures."
	}
	return x.end(ctx, outcome(run.Counts), what, next)
}

func (x *session) end(ctx context.Context, state crm.RunState, what, next string) error {
	if x.key.Run == "" {
		return nil
	}
	now := x.Now()
	run := x.run
	run.State, run.Error, run.NextStep, run.FinishedAt = state, what, next, &now
	if err := x.Runs.EndRun(ctx, run); err != nil {
		return fmt.Errorf("ending the run: %w", err)
	}
	x.key.Run = ""
	return nil
}

// retryLater asks for the ledger's next item in time. It reads the ledger
// rather than remembering failures, so that a crash forgets none.
func (x *session) retryLater(ctx context.Context) error {
	due, err := x.Ledger.DueFailures(ctx, x.conn.ID, x.Now().Add(48*time.Hour), 1)
	if err != nil {
		return fmt.Errorf("reading the ledger: %w", err)
	}
	if len(due) == 0 {
		return nil
	}
	return x.Queue.Enqueue(ctx, job(KindRetry, x.conn.ID, due[0].NextTryAt))
}

// pull drives a feed until it has nothing more or the step has had its time.
func (x *session) pull(ctx context.Context, feed engine.Feed[Item]) (bool, error) {
	for {
		more, err := engine.Pull(ctx, feed, x)
		if err != nil || !more || !x.Now().Before(x.until) {
			return more, err
		}
	}
}

// Load implements engine.Sink.
func (x *session) Load(ctx context.Context) (engine.Checkpoint, error) {
	at, err := x.Streams.Load(ctx, x.key)
	x.at = at
	return at, err
}

// Apply implements engine.Sink. A run begins with the first item worth one; a
// sweep is never handed on, mail is tombstoned by name only.
func (x *session) Apply(ctx context.Context, from engine.Checkpoint, b engine.Batch[Item]) error {
	b.Sweep = false
	if x.key.Run == "" && (news(b.Changes) || x.key.Stream != crm.StreamGmailHistory) {
		if err := x.beginRun(ctx); err != nil {
			return err
		}
	}
	spent := x.box.Spent()
	x.key.Units = spent - x.spent
	if _, err := x.Streams.Apply(ctx, x.key, from, b); err != nil {
		return err
	}
	x.spent = spent
	if b.Total > 0 {
		x.run.Total = b.Total
	}
	return nil
}

// news says whether any of the changes may write something.
func news(changes []engine.Change[Item]) bool {
	for _, c := range changes {
		if c.Err != nil || c.Value == nil || !c.Value.Skip && !c.Value.Echo {
			return true
		}
	}
	return false
}

// poll enqueues a look at every mailbox that is due (schedule
// check-gmail-auto-sync).
func (s *Service) poll(ctx context.Context, _ string) (bool, error) {
	const page = 500
	if err := s.remindSweeps(ctx); err != nil {
		return false, err
	}
	now := s.Now()
	for after := crm.ConnectionID(""); ; {
		due, err := s.Connections.DueConnections(ctx, now, after, page)
		if err != nil {
			return false, fmt.Errorf("finding mailboxes that are due: %w", err)
		}
		jobs := make([]work.Job, len(due))
		for i, c := range due {
			jobs[i] = job(KindHistory, c, now)
		}
		if len(jobs) > 0 {
			if err := s.Queue.Enqueue(ctx, jobs...); err != nil {
				return false, fmt.Errorf("enqueueing polls: %w", err)
			}
		}
		if len(due) < page {
			return false, nil
		}
		after = due[len(due)-1]
	}
}

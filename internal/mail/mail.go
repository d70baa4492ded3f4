package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/work"
)

// Service is the mail room. All fields but Lanes, LaneFrom, Pace, Log and Budget are required.
type Service struct {
	Mailboxes   Mailboxes
	Streams     Streams
	Runs        Runs
	Ledger      Ledger
	Emails      Emails
	Connections Connections
	Privacy     Privacy
	Queue       work.Queue
	// Accounts reads the mail of an e-mail account again; nil where there are none.
	Accounts func(ctx context.Context, c crm.ConnectionID) error
	Aging    Aging   // nil: mail is kept for ever
	Changes  Changes // nil: mail is only read
	Lanes    Lanes   // nil: every import comes by the API
	LaneFrom int     // messages still to come for which IMAP is worth it; 0: 500
	Pace     Pace    // nil: every connection is polled at its own interval
	Now      func() time.Time
	Random   io.Reader // for ids
	Log      *slog.Logger

	// Budget is how long a step goes on with further pages before it hands back;
	// 0: one page for each step.
	Budget time.Duration

	labels   labelMemory
	listings listings
	policies policyMemory
}

// labelMemory remembers which labels of a mailbox have been saved since the
// process began, so that a label made meanwhile is noticed without asking.
type labelMemory struct {
	sync.Mutex
	seen map[crm.ConnectionID]map[string]struct{}
}

// Kinds of jobs; their subject is a connection id, except for KindPoll.
const (
	KindHistory  work.Kind = "gmail.history"
	KindBackfill work.Kind = "gmail.backfill"
	KindVerify   work.Kind = "gmail.verify"
	KindRetry    work.Kind = "gmail.retry"
	KindPoll     work.Kind = "gmail.poll" // the schedule check-gmail-auto-sync
)

// PollEvery is the interval of the schedule check-gmail-auto-sync.
const PollEvery = time.Minute

const verifyEvery = 24 * time.Hour

var priorities = map[work.Kind]int{KindChange: 15, KindLabels: 12, KindHistory: 10, KindRetry: 5, KindBackfill: 3, KindVerify: 1}

// HistoryJob is a look at what has changed in a mailbox.
func HistoryJob(c crm.ConnectionID, at time.Time) work.Job { return job(KindHistory, c, at) }

// job of a connection. Streams of one connection run side by side, a stream
// never twice.
func job(k work.Kind, c crm.ConnectionID, at time.Time) work.Job {
	return work.Job{Kind: k, Subject: string(c), Group: string(k) + ":" + string(c), DueAt: at, Priority: priorities[k]}
}

// Schedule gives the jobs that have to wait in the queue at all times.
func (s *Service) Schedule() []work.Job {
	return []work.Job{{Kind: KindPoll, Group: string(KindPoll), DueAt: s.Now(), Priority: 20, Every: PollEvery}, s.ageJob(s.Now())}
}

// Start asks for everything a connected mailbox needs: changes, back-fill and,
// from tomorrow, the daily completeness check (the back-fill asks for the first
// one when it is through). Starting twice is harmless.
func (s *Service) Start(ctx context.Context, c crm.ConnectionID) error {
	now := s.Now()
	verify := job(KindVerify, c, now.Add(verifyEvery))
	verify.Every = verifyEvery
	jobs := []work.Job{job(KindHistory, c, now), job(KindBackfill, c, now), verify}
	if s.Changes != nil {
		waiting, err := s.Changes.ChangesWait(ctx, c)
		if err != nil {
			return fmt.Errorf("looking for changes that wait: %w", err)
		}
		if waiting {
			jobs = append(jobs, job(KindChange, c, now))
		}
	}
	return s.Queue.Enqueue(ctx, jobs...)
}

// Stop takes back all work on a connection and ends its runs. A step under way
// ends by itself at its next write.
func (s *Service) Stop(ctx context.Context, c crm.ConnectionID) error {
	var errs []error
	for _, k := range []work.Kind{KindHistory, KindBackfill, KindVerify, KindRetry, KindChange} {
		errs = append(errs, s.Queue.Cancel(ctx, k, string(c)))
	}
	for _, stream := range []crm.Stream{crm.StreamGmailHistory, crm.StreamGmailBackfill, crm.StreamGmailVerify, crm.StreamGmailRetry} {
		errs = append(errs, s.cancel(ctx, c, stream))
	}
	return errors.Join(errs...)
}

// cancel ends the run of a stream that nobody works on any more.
func (s *Service) cancel(ctx context.Context, c crm.ConnectionID, stream crm.Stream) error {
	run, err := s.Runs.Running(ctx, c, stream)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the run: %w", err)
	}
	now := s.Now()
	run.State, run.FinishedAt = crm.RunCancelled, &now
	if err := s.Runs.EndRun(ctx, run); err != nil {
		return fmt.Errorf("ending the run: %w", err)
	}
	return nil
}

// SettingsChanged continues the back-fill when more was chosen: a label turned
// on, a higher limit, an earlier date; and it hides and shows what was stored
// before by the labels that are on.
func (s *Service) SettingsChanged(ctx context.Context, c crm.ConnectionID) error {
	if s.Changes == nil {
		return s.Queue.Enqueue(ctx, job(KindBackfill, c, s.Now()))
	}
	return s.Queue.Enqueue(ctx, job(KindLabels, c, s.Now()), job(KindBackfill, c, s.Now()))
}

// RequestSync asks for changes now and answers the run, or the one going on.
// With full the whole back-fill is walked again: what is missing is fetched,
// what is stored already stays as it is.
func (s *Service) RequestSync(ctx context.Context, caller access.Caller, id crm.ConnectionID, full bool) (crm.Run, error) {
	c, err := s.connection(ctx, caller, access.MailSync, id)
	if err != nil {
		return crm.Run{}, err
	}
	if err := syncable(c); err != nil {
		return crm.Run{}, err
	}
	kind, stream := KindHistory, crm.StreamGmailHistory
	if full {
		kind, stream = KindBackfill, crm.StreamGmailBackfill
		if err := s.restart(ctx, c, stream); err != nil {
			return crm.Run{}, err
		}
	}
	return s.request(ctx, c, kind, stream)
}

// Verify asks for a completeness check now and answers its run.
func (s *Service) Verify(ctx context.Context, caller access.Caller, id crm.ConnectionID) (crm.Run, error) {
	c, err := s.connection(ctx, caller, access.MailSync, id)
	if err != nil {
		return crm.Run{}, err
	}
	if err := syncable(c); err != nil {
		return crm.Run{}, err
	}
	return s.request(ctx, c, KindVerify, crm.StreamGmailVerify)
}

func (s *Service) request(ctx context.Context, c crm.Connection, k work.Kind, stream crm.Stream) (crm.Run, error) {
	run, _, err := s.begin(ctx, c, stream, crm.RunQueued)
	if err != nil {
		return crm.Run{}, err
	}
	return run, s.Queue.Enqueue(ctx, job(k, c.ID, s.Now()))
}

// restart forgets a stream's position unless a run of it is going on.
func (s *Service) restart(ctx context.Context, c crm.Connection, stream crm.Stream) error {
	_, err := s.Runs.Running(ctx, c.ID, stream)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	if stream == crm.StreamGmailBackfill {
		return s.restartBackfill(ctx, c)
	}
	return s.Streams.Restart(ctx, key(c, stream))
}

// Progress gives a run of a workspace.
func (s *Service) Progress(ctx context.Context, caller access.Caller, id crm.RunID) (crm.Run, error) {
	if err := access.Allow(caller, access.ConnectionRead); err != nil {
		return crm.Run{}, err
	}
	run, err := s.Runs.Run(ctx, caller.Workspace, id)
	if err != nil {
		return crm.Run{}, err
	}
	_, err = s.connection(ctx, caller, access.ConnectionRead, run.ConnectionID)
	return run, err
}

// RunsOf lists the runs of a connection, newest first.
func (s *Service) RunsOf(ctx context.Context, caller access.Caller, id crm.ConnectionID, p Page) ([]crm.Run, string, error) {
	if _, err := s.connection(ctx, caller, access.ConnectionRead, id); err != nil {
		return nil, "", err
	}
	return s.Runs.RunsOf(ctx, id, p)
}

// Running gives the run of a stream going on, fault.NotFound when there is none.
func (s *Service) Running(ctx context.Context, caller access.Caller, id crm.ConnectionID, stream crm.Stream) (crm.Run, error) {
	if _, err := s.connection(ctx, caller, access.ConnectionRead, id); err != nil {
		return crm.Run{}, err
	}
	return s.Runs.Running(ctx, id, stream)
}

// Failures lists the ledger of a connection.
func (s *Service) Failures(ctx context.Context, caller access.Caller, id crm.ConnectionID, p Page) ([]crm.Failure, string, error) {
	if _, err := s.connection(ctx, caller, access.ConnectionRead, id); err != nil {
		return nil, "", err
	}
	return s.Ledger.FailuresOf(ctx, id, p)
}

// RetryFailure tries an item of the ledger again now, a parked one too.
func (s *Service) RetryFailure(ctx context.Context, caller access.Caller, id crm.ConnectionID, f crm.FailureID) error {
	c, err := s.connection(ctx, caller, access.MailSync, id)
	if err != nil {
		return err
	}
	if err := s.Ledger.RetryFailure(ctx, c.WorkspaceID, c.ID, f, s.Now()); err != nil {
		return err
	}
	return s.Queue.Enqueue(ctx, job(KindRetry, c.ID, s.Now()))
}

// Completeness gives the last result of the check, fault.NotFound before the first.
func (s *Service) Completeness(ctx context.Context, caller access.Caller, id crm.ConnectionID) (crm.Completeness, error) {
	if _, err := s.connection(ctx, caller, access.ConnectionRead, id); err != nil {
		return crm.Completeness{}, err
	}
	return s.Streams.Completeness(ctx, id)
}

// Counts gives the totals of a connection: numbers, no content.
func (s *Service) Counts(ctx context.Context, caller access.Caller, id crm.ConnectionID) (Totals, error) {
	if _, err := s.connection(ctx, caller, access.ConnectionRead, id); err != nil {
		return Totals{}, err
	}
	return s.Emails.CountsOf(ctx, id)
}

// connection finds a connection the caller may act on: their own, or any of the
// workspace for owners and administrators. Others' do not exist.
func (s *Service) connection(ctx context.Context, caller access.Caller, a access.Action, id crm.ConnectionID) (crm.Connection, error) {
	if err := access.Allow(caller, a); err != nil {
		return crm.Connection{}, err
	}
	c, err := s.Connections.Connection(ctx, caller.Workspace, id)
	if err != nil {
		return crm.Connection{}, err
	}
	if caller.Via != access.ViaSystem && c.UserID != caller.UserID && caller.Role == crm.RoleMember {
		return crm.Connection{}, fault.New(fault.NotFound, "There is no such connection.")
	}
	return c, nil
}

func syncable(c crm.Connection) error {
	switch {
	case c.Status == crm.StatusNeedsReauth:
		return &fault.Error{Kind: fault.Reconnect, Code: "google_reauthorization_required", Text: "Google no longer accepts Rapport's access to this account. Reconnect it."}
	case !c.Status.Syncs():
		return fault.New(fault.Conflict, "This connection is %s; it does not sync.", c.Status)
	case syncsByIMAP(c):
		return &fault.Error{Kind: fault.Conflict, Code: "not_gmail", Text: "This is possible for Gmail alone; this is the mail of an e-mail account. Do it in its own mail program."}
	case !c.GmailSync:
		return fault.New(fault.Conflict, "Mail is turned off for this connection.")
	}
	return nil
}

func key(c crm.Connection, s crm.Stream) Key {
	return Key{Workspace: c.WorkspaceID, Connection: c.ID, Owner: c.UserID, Stream: s}
}

// begin begins a run, or gives the one going on.
func (s *Service) begin(ctx context.Context, c crm.Connection, stream crm.Stream, state crm.RunState) (run crm.Run, begun bool, err error) {
	id, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return crm.Run{}, false, err
	}
	return s.Runs.BeginRun(ctx, crm.Run{
		ID: crm.RunID(id), WorkspaceID: c.WorkspaceID, ConnectionID: c.ID, Stream: stream, State: state, StartedAt: s.Now(),
	})
}

func (s *Service) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.New(slog.DiscardHandler)
}

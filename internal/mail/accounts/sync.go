package accounts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/work"
)

// KindSync is a look at all followed folders of an account; its subject is the
// account's id.
const KindSync work.Kind = "imap.sync"

// How often an account is looked at without news, and while its server tells of
// news (IDLE): of those in one folder, so that the others are still looked at.
const (
	PollEvery     = time.Minute
	ListenedEvery = 15 * time.Minute
)

// job is a look at an account; every 0 leaves the interval as it is.
func job(id crm.AccountID, at time.Time, every time.Duration) work.Job {
	return work.Job{Kind: KindSync, Subject: string(id), Group: string(KindSync) + ":" + string(id), DueAt: at, Priority: 8, Every: every}
}

// Definitions are the steps of this room.
func (s *Service) Definitions() []work.Definition {
	return []work.Definition{{Kind: KindSync, Step: s.sync, Timeout: 10 * time.Minute}}
}

// Start begins to sync an account. Starting twice is harmless.
func (s *Service) Start(ctx context.Context, id crm.AccountID) error {
	return s.Queue.Enqueue(ctx, job(id, s.Now(), PollEvery))
}

// News says that something happened in an account's mailbox.
func (s *Service) News(ctx context.Context, id crm.AccountID) error {
	return s.Queue.Enqueue(ctx, job(id, s.Now(), 0))
}

// unheard has an account looked at often again when nobody listens to it: who did
// may have ended without a word.
func (s *Service) unheard(ctx context.Context, id crm.AccountID) error {
	now := s.Now()
	listened, err := s.Rows.Listened(ctx, id, now)
	if err != nil {
		return fmt.Errorf("looking whether somebody listens to the account: %w", err)
	}
	if listened {
		return nil
	}
	return s.Queue.Enqueue(ctx, job(id, now.Add(PollEvery), PollEvery))
}

// session is one step at work on one account. It is the sink of its folders.
type session struct {
	*Service
	account crm.Account
	conn    crm.Connection
	box     Box
	gmail   bool
	yield   bool // the Gmail API says what becomes of known messages
	labels  labelNames
	run     crm.Run
	folder  crm.Stream
	batch   FolderBatch // belongs to the page that the feed gave last
	rewind  engine.Cursor
	until   time.Time
}

// sync is the step of KindSync.
func (s *Service) sync(ctx context.Context, subject string) (bool, error) {
	a, err := s.Rows.AccountByID(ctx, crm.AccountID(subject))
	if fault.Is(err, fault.NotFound) {
		return false, s.Queue.Cancel(ctx, KindSync, subject)
	}
	if err != nil {
		return false, fmt.Errorf("reading the account: %w", err)
	}
	x := &session{Service: s, account: a, until: s.Now().Add(s.Budget)}
	if x.run, err = s.Runs.Running(ctx, a.ConnectionID, crm.StreamIMAP); err != nil && !fault.Is(err, fault.NotFound) {
		return false, fmt.Errorf("reading the run: %w", err)
	}
	if x.conn, err = s.Rows.ConnectionByID(ctx, a.ConnectionID); err != nil {
		return false, fmt.Errorf("reading the account's connection: %w", err)
	}
	if a.State == crm.AccountRefused || !x.conn.Status.Syncs() {
		return false, x.end(ctx, crm.RunCancelled, "", "")
	}
	more := false
	if x.box, err = s.open(ctx, a); err == nil {
		more, err = x.round(ctx)
		x.box.Close()
	}
	return x.settle(ctx, more, err)
}

// round looks at every followed folder twice: first for what is new, then for
// what is gone, so that a message moved from one to another is never seen as
// deleted.
func (x *session) round(ctx context.Context) (bool, error) {
	x.gmail = x.box.Features().Gmail
	x.yield = x.gmail && x.account.Shared && x.conn.GmailSync
	folders, err := x.folders(ctx)
	if err != nil {
		return false, err
	}
	for _, sweep := range []bool{false, true} {
		for _, f := range folders {
			more, err := x.pull(ctx, f, sweep)
			if more || err != nil {
				return more, err
			}
		}
	}
	return false, nil
}

// pull drives the feed of a folder until it has nothing more or the step has had
// its time.
func (x *session) pull(ctx context.Context, f Folder, sweep bool) (bool, error) {
	feed := &folderFeed{session: x, name: f.Name, own: folderLabel(f), sweep: sweep, only: f.Known}
	defer feed.close()
	x.folder = crm.FolderStream(x.account.ID, f.Name)
	for {
		more, err := engine.Pull(ctx, feed, x)
		if err != nil || !more {
			return false, err
		}
		if !x.Now().Before(x.until) {
			return true, nil
		}
	}
}

// key names the stream of the folder at work.
func (x *session) key() mail.Key {
	return mail.Key{Workspace: x.account.WorkspaceID, Connection: x.conn.ID, Owner: x.account.UserID, Stream: x.folder, Run: x.run.ID}
}

// Load implements engine.Sink.
func (x *session) Load(ctx context.Context) (engine.Checkpoint, error) {
	return x.Copies.Load(ctx, x.key())
}

// Apply implements engine.Sink: messages, copies and position in one
// transaction. A run begins with the first page worth one.
func (x *session) Apply(ctx context.Context, from engine.Checkpoint, b engine.Batch[mail.Item]) error {
	b.Sweep = false
	batch := x.batch
	x.batch = FolderBatch{}
	if x.run.ID == "" && (len(b.Changes) > 0 || b.At.Full) {
		run, err := x.begin(ctx, x.account, crm.RunRunning)
		if err != nil {
			return fmt.Errorf("beginning a run: %w", err)
		}
		x.run = run
	}
	batch.Account, batch.Whole, batch.Yield = x.account.ID, x.gmail, x.yield
	if _, err := x.Copies.ApplyFolder(ctx, x.key(), from, b, batch); err != nil {
		return err
	}
	return x.passOn(ctx)
}

// passOn has the Gmail API look again at what changed while messages were read
// here: its stream ignored changes of messages that were not stored yet.
func (x *session) passOn(ctx context.Context) error {
	mark := x.rewind
	x.rewind = ""
	if mark == "" {
		return nil
	}
	k := x.key()
	k.Stream = crm.StreamGmailHistory
	if err := x.Copies.Rewind(ctx, k, mark); err != nil {
		return fmt.Errorf("having changes at Gmail applied again: %w", err)
	}
	return nil
}

// settle ends the run where the step ended it, notes how the account does, and
// says what to do about an error.
func (x *session) settle(ctx context.Context, more bool, err error) (bool, error) {
	switch {
	case err == nil && more, fault.Is(err, fault.Stale):
		return true, nil
	case err == nil:
		if err := x.unheard(ctx, x.account.ID); err != nil {
			return false, err
		}
		return false, x.well(ctx)
	case errors.Is(err, context.Canceled):
		return false, err
	}
	what, next := explain(err)
	state := crm.AccountFailing
	if k := fault.Of(err); k == fault.Reconnect || k == fault.Permission || k == fault.Blocked {
		state = crm.AccountRefused
	}
	if x.account.State != state || x.account.Error != what {
		_, noted := x.Rows.ChangeAccount(ctx, x.account.ID, func(a *crm.Account) error {
			a.State, a.Error, a.NextStep = state, what, next
			return nil
		})
		if noted != nil {
			x.log().ErrorContext(ctx, "noting how an account does", "account", x.account.ID, "error", noted)
		}
	}
	if fault.Passing(err) {
		return false, err
	}
	if endErr := x.end(ctx, crm.RunFailed, what, next); endErr != nil {
		return false, errors.Join(err, endErr)
	}
	if state == crm.AccountRefused {
		return false, nil // nothing will change before somebody acts
	}
	return false, err
}

func (x *session) well(ctx context.Context) error {
	last := x.account.LastSyncAt
	now := x.Now()
	if x.account.State != crm.AccountActive || last == nil || now.Sub(*last) > 10*time.Minute || x.run.ID != "" {
		_, err := x.Rows.ChangeAccount(ctx, x.account.ID, func(a *crm.Account) error {
			a.State, a.Error, a.NextStep, a.LastSyncAt = crm.AccountActive, "", "", &now
			return nil
		})
		if err != nil && !fault.Is(err, fault.NotFound) {
			return fmt.Errorf("noting how an account does: %w", err)
		}
		if x.account.State == crm.AccountWaiting {
			x.ready()
		}
		if x.account.State != crm.AccountActive { // changes may have waited for it
			if err := x.Queue.Enqueue(ctx, mail.ChangeJob(x.conn.ID, now)); err != nil {
				return fmt.Errorf("going on with changes: %w", err)
			}
		}
	}
	return x.end(ctx, crm.RunSucceeded, "", "")
}

// end ends the run going on, if any; one whose items failed is partial.
func (x *session) end(ctx context.Context, state crm.RunState, what, next string) error {
	if x.run.ID == "" {
		return nil
	}
	run, err := x.Runs.Run(ctx, x.account.WorkspaceID, x.run.ID)
	if err != nil {
		return fmt.Errorf("reading the run's counts: %w", err)
	}
	if state == crm.RunSucceeded && run.Counts.Failed > 0 {
		state, what, next = crm.RunPartial, fmt.Sprintf("%d messages could not be read.", run.Counts.Failed), "They are tried again by themselves."
	}
	now := x.Now()
	run.State, run.Error, run.NextStep, run.FinishedAt = state, what, next, &now
	x.run = crm.Run{}
	if err := x.Runs.EndRun(ctx, run); err != nil {
		return fmt.Errorf("ending the run: %w", err)
	}
	return nil
}

// explain puts an error into words for the account's owner.
func explain(err error) (what, next string) {
	var f *fault.Error
	if errors.As(err, &f) && f.Text != "" && f.Kind != fault.Internal {
		what = f.Text
	}
	switch fault.Of(err) {
	case fault.Reconnect:
		return or(what, "The mail server refuses the sign-in."), "Check the password, or connect with Google again, then test the connection."
	case fault.Permission:
		return or(what, "The permission for IMAP and SMTP is missing."), "Choose Connect with Google."
	case fault.Blocked:
		return or(what, "The mail server does not let this account in by IMAP."), "Ask the administrator of the mailbox to allow IMAP."
	case fault.Throttled:
		return or(what, "The mail server says that it is too much."), "It is tried again later by itself."
	case fault.Unavailable:
		return or(what, "The mail server cannot be reached."), "It is tried again by itself. Test the connection to see where it ends."
	}
	return or(what, "Something went wrong inside Rapport."), "It is tried again by itself. If it goes on, tell the operator."
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

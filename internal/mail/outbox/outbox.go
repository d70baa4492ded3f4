package outbox

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/work"
)

// Service is the outbox. All fields but Log are required.
type Service struct {
	Rows        Rows
	Posts       Posts
	Mail        Mail
	Connections Connections
	Approvals   Approvals
	People      People
	Queue       work.Queue
	Now         func() time.Time
	Random      io.Reader // for ids
	Log         *slog.Logger
	// Reconnect gives the address where the owner of a connection allows what is
	// missing.
	Reconnect func(c crm.Connection) string

	aliases aliasMemory
}

// MarkerHeader carries the id of the row in each message that is sent.
const MarkerHeader = "X-Rapport-Id"

// Refusal is an error by which it is certain that the message was not accepted.
type Refusal struct{ Err error }

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// Answer is an error that came as an answer: the request is not under way any more.
type Answer struct{ Err error }

func (a *Answer) Error() string { return a.Err.Error() }
func (a *Answer) Unwrap() error { return a.Err }

// Take notes a header field of a message in Sent.
func (t *Trace) Take(name, value string) {
	value = strings.TrimSpace(value)
	switch strings.ToLower(name) {
	case strings.ToLower(MarkerHeader):
		t.Marker = value
	case "message-id", "x-google-original-message-id":
		t.MessageIDs = append(t.MessageIDs, strings.Trim(value, "<>"))
	}
}

// Kinds of jobs.
const (
	KindSend  work.Kind = "mail.send"   // sends the message that is its subject
	KindSweep work.Kind = "mail.outbox" // finds messages whose job was lost
)

const (
	sweepEvery = 5 * time.Minute
	sweepAfter = 10 * time.Minute    // overdue for so long
	kept       = 90 * 24 * time.Hour // of what is over, and how long a key is known
	priority   = 30                  // somebody waits
)

// Definitions are the steps of the outbox.
func (s *Service) Definitions() []work.Definition {
	return []work.Definition{
		{Kind: KindSend, Step: s.step, Timeout: 15 * time.Minute, Urgent: true},
		{Kind: KindSweep, Step: s.sweep, Timeout: time.Minute},
	}
}

// Schedule gives the jobs that have to wait in the queue at all times.
func (s *Service) Schedule() []work.Job {
	return []work.Job{{Kind: KindSweep, Group: string(KindSweep), DueAt: s.Now().Add(sweepEvery), Priority: 1, Every: sweepEvery}}
}

// job sends a message when it is due; of one mailbox one goes at a time.
func job(o crm.Outgoing) work.Job {
	return work.Job{Kind: KindSend, Subject: string(o.ID), Group: string(KindSend) + ":" + string(o.ConnectionID), DueAt: o.NextTryAt, Priority: priority}
}

// look asks for the mailbox's changes, so that what was sent is seen here soon.
func look(c crm.ConnectionID, now time.Time) work.Job {
	return work.Job{Kind: mail.KindHistory, Subject: string(c), Group: string(mail.KindHistory) + ":" + string(c), DueAt: now, Priority: 10}
}

// sweep asks again for the jobs of messages that should have moved long ago, and
// forgets what was over long ago.
func (s *Service) sweep(ctx context.Context, _ string) (bool, error) {
	now := s.Now()
	if err := s.Rows.PurgeOutgoing(ctx, now.Add(-kept)); err != nil {
		return false, err
	}
	late, err := s.Rows.OverdueOutgoing(ctx, now.Add(-sweepAfter), 500)
	if err != nil || len(late) == 0 {
		return false, err
	}
	jobs := make([]work.Job, len(late))
	for i, o := range late {
		o.NextTryAt = now
		jobs[i] = job(o)
	}
	return false, s.Queue.Enqueue(ctx, jobs...)
}

// List gives what the caller sends, newest first. A key without the right to read
// mail sees what was asked for with it.
func (s *Service) List(ctx context.Context, c access.Caller, q Query) ([]crm.Outgoing, string, error) {
	if err := access.Allow(c, access.MailSend); err != nil {
		return nil, "", err
	}
	q.OfKey = access.Allow(c, access.MailRead) != nil
	return s.Rows.OutgoingOf(ctx, c, q)
}

// Get gives one message of the caller's.
func (s *Service) Get(ctx context.Context, c access.Caller, id crm.OutgoingID) (crm.Outgoing, error) {
	if err := access.Allow(c, access.MailSend); err != nil {
		return crm.Outgoing{}, err
	}
	o, err := s.Rows.OwnOutgoing(ctx, c, id)
	if err == nil && access.Allow(c, access.MailRead) != nil && o.KeyID != c.KeyID {
		return crm.Outgoing{}, fault.New(fault.NotFound, "There is no such message in the outbox.")
	}
	return o, err
}

const tooLate = "It is too late: Gmail has the message, or is taking it just now."

// Cancel takes a message back that is not on its way yet: fault.Conflict when it
// is too late. Where an attempt is open, Gmail is asked first.
func (s *Service) Cancel(ctx context.Context, c access.Caller, id crm.OutgoingID) (crm.Outgoing, error) {
	o, err := s.Get(ctx, c, id)
	if err != nil {
		return o, err
	}
	if o.State == crm.OutgoingRetry && o.Attempt.Open() && !s.Now().Before(o.Attempt.Settles) {
		if err := s.settle(ctx, o); err != nil && !fault.Is(err, fault.Stale) {
			return o, err
		}
	}
	o, err = s.Rows.MoveOutgoing(ctx, id, func(o *crm.Outgoing) (Then, error) {
		switch {
		case o.State == crm.OutgoingCancelled:
			return Then{}, nil
		case !o.CanCancel():
			return Then{}, &fault.Error{Kind: fault.Conflict, Code: "too_late", Text: tooLate}
		}
		o.State, o.Error, o.NextStep = crm.OutgoingCancelled, "", ""
		return Then{Audit: []access.Audit{s.audit(*o, "mail.cancel", "ok", c)}}, nil
	})
	if err != nil {
		return o, err
	}
	if err := s.Queue.Cancel(ctx, KindSend, string(id)); err != nil {
		return o, err
	}
	return s.Rows.OwnOutgoing(ctx, c, id)
}

// Retry sends a message that failed, or waits for another try, now. One of which
// nobody could tell whether it was sent is sent when it is not found: the person
// has looked.
func (s *Service) Retry(ctx context.Context, c access.Caller, id crm.OutgoingID) (crm.Outgoing, error) {
	if _, err := s.Get(ctx, c, id); err != nil {
		return crm.Outgoing{}, err
	}
	_, err := s.Rows.MoveOutgoing(ctx, id, func(o *crm.Outgoing) (Then, error) {
		switch o.State {
		case crm.OutgoingFailed:
			o.State, o.Attempts, o.Attempt.Settles, o.SendAt = crm.OutgoingRetry, 0, time.Time{}, s.Now()
		case crm.OutgoingRetry:
		default:
			return Then{}, fault.New(fault.Conflict, "This message is %s; there is nothing to try again.", o.State)
		}
		o.NextTryAt, o.Error, o.NextStep = s.Now(), "", ""
		return Then{Jobs: []work.Job{job(*o)}}, nil
	})
	if err != nil {
		return crm.Outgoing{}, err
	}
	return s.Rows.OwnOutgoing(ctx, c, id)
}

// latest is how far ahead a message can be planned.
const latest = 366 * 24 * time.Hour

// Reschedule gives a message that waits another time.
func (s *Service) Reschedule(ctx context.Context, c access.Caller, id crm.OutgoingID, at time.Time) (crm.Outgoing, error) {
	if _, err := s.Get(ctx, c, id); err != nil {
		return crm.Outgoing{}, err
	}
	if err := s.plannable(at); err != nil {
		return crm.Outgoing{}, err
	}
	_, err := s.Rows.MoveOutgoing(ctx, id, func(o *crm.Outgoing) (Then, error) {
		if o.State != crm.OutgoingQueued || o.Attempts > 0 {
			return Then{}, &fault.Error{Kind: fault.Conflict, Code: "too_late", Text: tooLate}
		}
		o.SendAt = later(at, s.Now())
		o.NextTryAt = o.SendAt
		return Then{Jobs: []work.Job{job(*o)}}, nil
	})
	if err != nil {
		return crm.Outgoing{}, err
	}
	return s.Rows.OwnOutgoing(ctx, c, id)
}

func (s *Service) plannable(at time.Time) error {
	if at.After(s.Now().Add(latest)) {
		return invalid("send_at", "must be within a year", "A message can be planned a year ahead at most.")
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func invalid(field, what, text string) error {
	return &fault.Error{Kind: fault.Invalid, Text: text, Fields: map[string]string{field: what}}
}

// audit is a row about a message: who, which, what came of it; no content and no
// addresses.
func (s *Service) audit(o crm.Outgoing, action, outcome string, c access.Caller) access.Audit {
	via := c.Via
	if via == "" || via == access.ViaSystem {
		if via = access.ViaSession; o.KeyID != "" {
			via = access.ViaKey
		}
	}
	return access.Audit{At: s.Now(), Workspace: o.WorkspaceID, UserID: o.UserID, KeyID: o.KeyID, Via: via, Action: action,
		Target: string(o.ID), Outcome: outcome, Detail: recipients(o.Recipients()), Remote: c.Remote}
}

func (s *Service) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.New(slog.DiscardHandler)
}

// aliasMemory keeps the addresses of mailboxes for a while: they change rarely
// and are asked for at each message.
type aliasMemory struct {
	sync.Mutex
	of map[crm.ConnectionID]aliases
}

type aliases struct {
	list []crm.SendAs
	at   time.Time
}

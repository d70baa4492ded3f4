package outbox

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/work"
)

const (
	// patience is how long a request that sends may take, and one more second for
	// each slowest bytes of it.
	patience = 30 * time.Second
	slowest  = 100 << 10
	// settle is how long Google may go on with a request whose connection is gone,
	// and how far a history may run behind.
	settle = 30 * time.Second
	// indexed is the same where Google has answered with an error: the request is over.
	indexed = 10 * time.Second
	// lookAgain is the pause between looks at an open attempt.
	lookAgain = 20 * time.Second
	// giveUp is when trying ends, from the moment the message was to be sent.
	giveUp = 72 * time.Hour
	// longPause is a wait that is worth another word than "a moment".
	longPause = 10 * time.Minute
	// closing is how long writing down what came of an attempt may take.
	closing = 20 * time.Second
)

// pauses between attempts; the last one goes on.
var pauses = []time.Duration{5 * time.Second, 20 * time.Second, time.Minute, 3 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour}

func pause(attempts int) time.Duration { return pauses[min(max(attempts-1, 0), len(pauses)-1)] }

// errMoved is the end of a step whose row somebody else has moved.
var errMoved = &fault.Error{Kind: fault.Stale, Text: "The message has moved on meanwhile."}

// step sends a message, or finds out what became of an earlier attempt. Whatever
// goes wrong with the message itself is in the row; an error is one of ours.
func (s *Service) step(ctx context.Context, subject string) (more bool, err error) {
	o, err := s.Rows.Outgoing(ctx, crm.OutgoingID(subject))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now := s.Now()
	switch {
	case o.State.Over():
		return false, nil
	case o.State == crm.OutgoingSending, o.Attempt.Open() && !now.Before(o.NextTryAt):
		err = s.settle(ctx, o)
	case now.Before(o.NextTryAt):
		err = s.Queue.Enqueue(ctx, job(o))
	default:
		err = s.attempt(ctx, o)
	}
	switch {
	case errors.Is(err, errMoved):
		return false, nil
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.Invalid), fault.Is(err, fault.Gone):
		return false, fault.New(fault.Internal, "%w", err) // of the house, not of the message: try again
	}
	return false, err
}

// from is a change of a row that was read as o and has not moved since.
func from(o crm.Outgoing, change func(*crm.Outgoing) Then) func(*crm.Outgoing) (Then, error) {
	return func(now *crm.Outgoing) (Then, error) {
		if now.State != o.State || now.Attempts != o.Attempts || now.Attempt.Mark != o.Attempt.Mark || now.Attempt.Began.UnixMicro() != o.Attempt.Began.UnixMicro() {
			return Then{}, errMoved
		}
		return change(now), nil
	}
}

// admit opens the mailbox, if the sender may still send from it.
func (s *Service) admit(ctx context.Context, o crm.Outgoing, p mail.Priority) (Post, error) {
	may, err := s.Rows.MayStillSend(ctx, o, s.Now())
	if err != nil {
		return nil, err
	}
	if !may {
		return nil, &fault.Error{Kind: fault.Forbidden, Code: "not_a_member", Text: "Whoever wrote this is not a member of the workspace any more, or their key has ended."}
	}
	c, err := s.Connections.ConnectionByID(ctx, o.ConnectionID)
	if fault.Is(err, fault.NotFound) {
		return nil, &fault.Error{Kind: fault.Reconnect, Code: "google_reauthorization_required", Text: "The account this was to be sent from is not connected any more."}
	}
	if err != nil {
		return nil, err
	}
	if c.UserID != o.UserID || c.WorkspaceID != o.WorkspaceID {
		return nil, fault.New(fault.Forbidden, "This account belongs to somebody else now.")
	}
	return s.open(ctx, c, p)
}

// open opens the mailbox of a connection for sending, when connection and
// organisation allow it.
func (s *Service) open(ctx context.Context, c crm.Connection, p mail.Priority) (Post, error) {
	switch {
	case c.Status == crm.StatusNeedsReauth, c.Status == crm.StatusDisconnected:
		return nil, &fault.Error{Kind: fault.Reconnect, Code: "google_reauthorization_required", Action: s.Reconnect(c), Text: "Google no longer accepts Rapport's access to this account. Reconnect it."}
	case !c.Status.Syncs():
		return nil, fault.New(fault.Conflict, "This connection is %s; nothing is sent from it.", c.Status)
	}
	a, err := s.Approvals.Approval(ctx, c.WorkspaceID)
	if err != nil {
		return nil, err
	}
	if a.State != crm.ApprovalApproved {
		return nil, &fault.Error{Kind: fault.Blocked, Code: "waiting_for_admin", Text: "An administrator of this workspace has to approve Google first."}
	}
	post, err := s.Posts.Open(ctx, c, p)
	var f *fault.Error
	if errors.As(err, &f) && (f.Kind == fault.Permission || f.Kind == fault.Reconnect) && f.Action == "" {
		return nil, &fault.Error{Kind: f.Kind, Code: f.Code, Text: f.Text, Scopes: f.Scopes, Action: s.Reconnect(c), Err: err}
	}
	return post, err
}

// attempt makes one attempt to send.
func (s *Service) attempt(ctx context.Context, o crm.Outgoing) error {
	post, mark, err := s.prepare(ctx, o)
	if err != nil {
		return s.setback(ctx, o, err)
	}
	raw, err := s.Rows.OutgoingMessage(ctx, o.ID)
	if err != nil {
		return err
	}
	began := s.Now()
	life := patience + time.Duration(len(raw)/slowest)*time.Second
	o, err = s.Rows.MoveOutgoing(ctx, o.ID, from(o, func(o *crm.Outgoing) Then {
		o.State, o.Attempts = crm.OutgoingSending, o.Attempts+1
		o.Attempt = crm.SendAttempt{Began: began, Mark: mark, Settles: began.Add(life + settle)}
		o.NextTryAt = o.Attempt.Settles
		return Then{}
	}))
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, life)
	defer cancel()
	var sent Sent
	if now := s.Now(); now.Sub(began) < life {
		sent, err = post.Send(limited, Letter{Raw: dated(raw, now), ThreadID: o.ThreadID, DraftID: o.DraftID})
	} else {
		// A process that was held up here must not send: another one may have settled
		// the attempt meanwhile.
		err = &Refusal{Err: fault.New(fault.Unavailable, "Rapport was held up.")}
	}
	noting, done := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer done()
	return s.note(noting, o, sent, err)
}

// prepare looks whether a message may be sent still, and sets the mark.
func (s *Service) prepare(ctx context.Context, o crm.Outgoing) (Post, uint64, error) {
	post, err := s.admit(ctx, o, mail.Interactive)
	if err != nil {
		return nil, 0, err
	}
	if err := s.maySendAs(ctx, post, o.ConnectionID, o.From.Email); err != nil {
		return nil, 0, err
	}
	mark, err := post.Mark(ctx)
	if fault.Is(err, fault.Permission) { // it may send and not read
		return post, 0, nil
	}
	return post, mark, err
}

// dated puts the moment of sending in front.
func dated(raw []byte, now time.Time) []byte {
	return append([]byte("Date: "+now.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700")+"\r\n"), raw...)
}

// note writes down what came of an attempt.
func (s *Service) note(ctx context.Context, o crm.Outgoing, sent Sent, err error) error {
	var refused *Refusal
	switch {
	case err == nil:
		return s.sent(ctx, o, sent)
	case !errors.As(err, &refused):
		return s.unsure(ctx, o, err)
	case o.ThreadID != "" && (fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid)):
		// The conversation may be gone: it is not worth more than the message.
		return s.move(ctx, o, func(o *crm.Outgoing) Then {
			o.State, o.ThreadID, o.Attempt, o.NextTryAt = crm.OutgoingRetry, "", crm.SendAttempt{}, s.Now()
			return Then{Jobs: []work.Job{job(*o)}}
		})
	}
	return s.setback(ctx, o, err)
}

func (s *Service) move(ctx context.Context, o crm.Outgoing, change func(*crm.Outgoing) Then) error {
	_, err := s.Rows.MoveOutgoing(ctx, o.ID, from(o, change))
	return err
}

// sent ends a message well.
func (s *Service) sent(ctx context.Context, o crm.Outgoing, sent Sent) error {
	now := s.Now()
	return s.move(ctx, o, func(o *crm.Outgoing) Then {
		o.State, o.SentAt, o.GmailID, o.ThreadID = crm.OutgoingSent, &now, sent.ID, sent.ThreadID
		o.Attempt, o.Error, o.NextStep = crm.SendAttempt{}, "", ""
		return Then{Jobs: []work.Job{look(o.ConnectionID, now)}, Audit: []access.Audit{s.audit(*o, "mail.send", "ok", access.Caller{})}}
	})
}

// unsure keeps an attempt open of which nobody knows what came of it.
func (s *Service) unsure(ctx context.Context, o crm.Outgoing, cause error) error {
	s.log().InfoContext(ctx, "Gmail gave no clear answer to a message; looking whether it has it", "outgoing", o.ID, "error", cause)
	now := s.Now()
	return s.move(ctx, o, func(o *crm.Outgoing) Then {
		o.State = crm.OutgoingRetry
		if answered(cause) {
			o.Attempt.Settles = now.Add(indexed)
		} else {
			o.Attempt.Settles = later(o.Attempt.Settles, now.Add(settle))
		}
		o.NextTryAt = now.Add(max(fault.After(cause), pause(o.Attempts)))
		o.Error, o.NextStep = waiting(cause, o.NextTryAt, now)
		return Then{Jobs: []work.Job{job(*o)}}
	})
}

// answered reports whether Google has answered: the request is not under way any more.
func answered(err error) bool {
	var a *Answer
	return errors.As(err, &a)
}

// setback is an attempt that has certainly sent nothing: another one follows, or
// it is given up.
func (s *Service) setback(ctx context.Context, o crm.Outgoing, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	now := s.Now()
	passing := fault.Passing(cause) || fault.Of(cause) == fault.Internal
	return s.move(ctx, o, func(o *crm.Outgoing) Then {
		o.Attempt = crm.SendAttempt{}
		if o.State != crm.OutgoingSending { // it did not come to an attempt
			o.Attempts++
		}
		if passing && now.Sub(o.SendAt) < giveUp {
			o.State = crm.OutgoingRetry
			o.NextTryAt = now.Add(max(fault.After(cause), pause(o.Attempts)))
			o.Error, o.NextStep = waiting(cause, o.NextTryAt, now)
			return Then{Jobs: []work.Job{job(*o)}}
		}
		o.State = crm.OutgoingFailed
		o.Error, o.NextStep = explain(cause, passing)
		return Then{Audit: []access.Audit{s.audit(*o, "mail.send", "failed", access.Caller{})}}
	})
}

// settle finds out what became of an open attempt.
func (s *Service) settle(ctx context.Context, o crm.Outgoing) error {
	post, err := s.admit(ctx, o, mail.Interactive)
	if err != nil {
		return s.unsettled(ctx, o, err)
	}
	now := s.Now() // before looking: what comes later may not have been seen
	sent, v := Sent{}, unclear
	if o.Attempt.Mark > 0 {
		found, whole, err := post.Arrived(ctx, o.Attempt.Mark, o.Attempt.Began)
		if err != nil {
			return s.unsettled(ctx, o, err)
		}
		sent, v = judge(o, found, whole)
	}
	insisted := o.Attempt.Settles.IsZero()
	switch {
	case v == there:
		return s.sent(ctx, o, sent)
	case v == unclear && !insisted && (o.Attempt.Mark == 0 || !now.Before(o.Attempt.Settles)):
		return s.move(ctx, o, func(o *crm.Outgoing) Then {
			o.State, o.Error, o.NextStep = crm.OutgoingFailed, maybeSent, lookInSent
			return Then{Audit: []access.Audit{s.audit(*o, "mail.send", "failed", access.Caller{})}}
		})
	case now.Before(o.Attempt.Settles):
		return s.move(ctx, o, func(o *crm.Outgoing) Then {
			o.State, o.NextTryAt = crm.OutgoingRetry, soonest(now.Add(lookAgain), o.Attempt.Settles)
			return Then{Jobs: []work.Job{job(*o)}}
		})
	}
	return s.move(ctx, o, func(o *crm.Outgoing) Then { // it was not sent
		o.State, o.Attempt, o.NextTryAt = crm.OutgoingRetry, crm.SendAttempt{}, now
		return Then{Jobs: []work.Job{job(*o)}}
	})
}

func soonest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// unsettled is when Gmail cannot be asked: later, or, when it will not be possible
// any more, given up as it is. The attempt stays open.
func (s *Service) unsettled(ctx context.Context, o crm.Outgoing, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	now := s.Now()
	passing := fault.Passing(cause) || fault.Of(cause) == fault.Internal
	return s.move(ctx, o, func(o *crm.Outgoing) Then {
		if passing && now.Sub(o.SendAt) < giveUp {
			o.State, o.Attempts = crm.OutgoingRetry, o.Attempts+1
			o.NextTryAt = now.Add(max(fault.After(cause), pause(o.Attempts)))
			o.Error, o.NextStep = waiting(cause, o.NextTryAt, now)
			return Then{Jobs: []work.Job{job(*o)}}
		}
		o.State, o.Error, o.NextStep = crm.OutgoingFailed, maybeSent, lookInSent
		return Then{Audit: []access.Audit{s.audit(*o, "mail.send", "failed", access.Caller{})}}
	})
}

// verdict on an open attempt.
type verdict int

const (
	absent verdict = iota
	there
	unclear
)

// judge compares what has come into Sent with a message of ours.
func judge(o crm.Outgoing, found []Trace, whole bool) (Sent, verdict) {
	v := absent
	if !whole {
		v = unclear
	}
	for _, t := range found {
		switch {
		case t.Marker == string(o.ID), slices.Contains(t.MessageIDs, o.MessageID) && o.MessageID != "":
			return Sent{ID: t.ID, ThreadID: t.ThreadID}, there
		case t.Marker != "": // another one of ours
		case t.Gone, alike(o, t):
			v = unclear
		}
	}
	return Sent{}, v
}

// alike reports whether a message without marks may be ours: same subject, same
// recipients.
func alike(o crm.Outgoing, t Trace) bool {
	plain := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	set := func(list []crm.Address) []string {
		var out []string
		for _, a := range list {
			out = append(out, strings.ToLower(a.Email))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	return plain(o.Subject) == plain(t.Subject) && slices.Equal(set(o.To), set(t.To))
}

// marked puts our marks in front of a message that has a header already, and takes
// out what it said about itself before.
func marked(raw []byte, id crm.OutgoingID) []byte {
	out := []byte(MarkerHeader + ": " + string(id) + "\r\n")
	dropping := false
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n') + 1
		if end == 0 {
			end = len(raw)
		}
		line := raw[:end]
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			dropping = slices.Contains([]string{strings.ToLower(MarkerHeader), "date", "message-id"}, strings.ToLower(string(bytes.TrimSpace(name))))
		}
		if !dropping {
			out = append(out, line...)
		}
		raw = raw[end:]
	}
	return append(out, raw...)
}

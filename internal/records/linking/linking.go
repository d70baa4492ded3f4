// Package linking ties mail to records, says why, and shows it on timelines.
package linking

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/work"
)

// Service links mail to records.
type Service struct {
	Store  Store
	Queue  work.Queue
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
	// Budget is how long a step goes on before others get their turn.
	Budget time.Duration
}

// Kinds of work.
const (
	KindLink  work.Kind = "records.link"  // of a workspace: what is noted
	KindAudit work.Kind = "records.audit" // nightly, of all
)

const auditEvery = 24 * time.Hour

// Bounds of a piece, each a transaction.
const (
	conversationsAtOnce = 100
	messagesAtOnce      = 500
	addressesAtOnce     = 2000
)

// Definitions are the steps.
func (s *Service) Definitions() []work.Definition {
	return []work.Definition{{Kind: KindLink, Step: s.link}, {Kind: KindAudit, Step: s.audit, Timeout: 10 * time.Minute}}
}

// Schedule is what goes on by itself.
func (s *Service) Schedule() []work.Job {
	return []work.Job{{Kind: KindAudit, DueAt: s.Now(), Every: auditEvery}}
}

// Mail notes messages whose conversations have changed: mail.arrived, mail.changed.
func (s *Service) Mail(ctx context.Context, f fact.Fact) error {
	var data struct {
		IDs []crm.EmailID `json:"ids"`
	}
	if err := json.Unmarshal(f.Data, &data); err != nil {
		return fmt.Errorf("reading a fact about mail: %w", err)
	}
	if len(data.IDs) == 0 {
		return nil
	}
	n, err := s.Store.NoteMail(ctx, f.WorkspaceID, data.IDs)
	if err != nil || n == 0 {
		return err
	}
	return s.ask(ctx, f.WorkspaceID)
}

// Records notes records that mail may belong to now, or does no longer.
func (s *Service) Records(ctx context.Context, f fact.Fact) error {
	var data struct {
		IDs       []crm.RecordID `json:"ids"`
		Addresses bool           `json:"addresses"`
	}
	if err := json.Unmarshal(f.Data, &data); err != nil {
		return fmt.Errorf("reading a fact about records: %w", err)
	}
	if len(data.IDs) == 0 || f.Kind == fact.RecordChanged && !data.Addresses {
		return nil
	}
	if err := s.Store.NoteRecords(ctx, f.WorkspaceID, data.IDs); err != nil {
		return err
	}
	return s.ask(ctx, f.WorkspaceID)
}

// ask lets a workspace's work go on; work of one workspace is done one after the other.
func (s *Service) ask(ctx context.Context, w crm.WorkspaceID) error {
	return s.Queue.Enqueue(ctx, Job(w, s.Now()))
}

// Job lets what is noted in a workspace be done.
func Job(w crm.WorkspaceID, at time.Time) work.Job {
	return work.Job{Kind: KindLink, Subject: string(w), Group: "link:" + string(w), DueAt: at}
}

// Relink looks at all mail of a workspace again, in the background.
func (s *Service) Relink(ctx context.Context, c access.Caller) error {
	if err := s.Store.BeginLinkWalk(ctx, c.Workspace, time.Time{}); err != nil {
		return err
	}
	return s.ask(ctx, c.Workspace)
}

// link does what is noted: conversations first, then records, which note
// conversations, then the walk through all mail, which does so too.
func (s *Service) link(ctx context.Context, subject string) (more bool, err error) {
	ctx = work.Patient(ctx)
	w := crm.WorkspaceID(subject)
	end := s.Now().Add(s.Budget)
	for {
		done, err := s.piece(ctx, w)
		if err != nil || done {
			return false, err
		}
		if !s.Now().Before(end) {
			return true, nil
		}
	}
}

// piece does one piece; done: there is nothing left.
func (s *Service) piece(ctx context.Context, w crm.WorkspaceID) (done bool, err error) {
	p, err := s.Store.LinkSome(ctx, w, conversationsAtOnce)
	if err != nil || p.Conversations > 0 {
		return false, err
	}
	more, err := s.Store.WalkRecords(ctx, w, addressesAtOnce)
	if err != nil || more {
		return false, err
	}
	more, err = s.Store.LinkWalk(ctx, w, messagesAtOnce)
	return !more, err
}

// audit begins a walk through all mail of every workspace that was not gone through
// lately (a start of the program asks for it, too): what is linkable and not linked is
// counted and linked. Addresses that no mail has any more are dropped.
func (s *Service) audit(ctx context.Context, _ string) (more bool, err error) {
	for after := crm.WorkspaceID(""); ; {
		list, err := s.Store.Workspaces(ctx, after, 500)
		if err != nil {
			return false, err
		}
		for _, w := range list {
			if err := s.Store.BeginLinkWalk(ctx, w, s.Now().Add(-auditEvery/2)); err != nil {
				return false, err
			}
			if err := s.ask(ctx, w); err != nil {
				return false, err
			}
			after = w
		}
		if len(list) < 500 {
			break
		}
	}
	for after := int64(0); ; {
		next, err := s.Store.TidyLinks(work.Patient(ctx), after, addressesAtOnce)
		if err != nil || next == 0 {
			return false, err
		}
		after = next
	}
}

// LinkEmail ties a message, or its whole conversation, to a record by hand. It wins
// over every rule, and over what somebody removed before.
func (s *Service) LinkEmail(ctx context.Context, c access.Caller, id crm.EmailID, record crm.RecordID, whole bool) ([]crm.MailLink, error) {
	return s.Store.Choose(ctx, c, Choice{Email: id, Record: record, Whole: whole})
}

// UnlinkEmail takes a message, or its whole conversation, from a record. It is
// remembered: no rule links it again.
func (s *Service) UnlinkEmail(ctx context.Context, c access.Caller, id crm.EmailID, record crm.RecordID, whole bool) error {
	_, err := s.Store.Choose(ctx, c, Choice{Email: id, Record: record, Whole: whole, Removed: true})
	return err
}

// Timeline gives a page of what happened with a record. Mail is left out for keys that
// may not read it, and refused where it alone is asked for.
func (s *Service) Timeline(ctx context.Context, c access.Caller, q TimelineQuery) ([]Activity, string, error) {
	if err := checkKinds(q.Kinds); err != nil {
		return nil, "", err
	}
	if err := access.Allow(c, access.MailRead); err != nil {
		if q.Kinds = withoutMail(q.Kinds); len(q.Kinds) == 0 {
			return nil, "", err
		}
	}
	return s.Store.Timeline(ctx, c, q)
}

// withoutMail are the kinds that are asked for, but for mail.
func withoutMail(kinds []crm.ActivityKind) []crm.ActivityKind {
	if len(kinds) == 0 {
		return []crm.ActivityKind{crm.ActivityMeeting, crm.ActivityCall, crm.ActivityNote, crm.ActivityTask}
	}
	return slices.DeleteFunc(slices.Clone(kinds), func(k crm.ActivityKind) bool { return k == crm.ActivityEmail })
}

// Skipped gives a page of messages that a rule skipped, as the caller sees them.
func (s *Service) Skipped(ctx context.Context, c access.Caller, rule crm.SkipRule, limit int, cursor string) ([]crm.Email, string, error) {
	if err := access.Allow(c, access.MailRead); err != nil {
		return nil, "", err
	}
	return s.Store.SkippedMail(ctx, c, rule, limit, cursor)
}

// Activities gives a page of what happened with all records.
func (s *Service) Activities(ctx context.Context, c access.Caller, q TimelineQuery) ([]Activity, string, error) {
	return s.Timeline(ctx, c, q)
}

func checkKinds(kinds []crm.ActivityKind) error {
	for _, k := range kinds {
		switch k {
		case crm.ActivityEmail, crm.ActivityMeeting, crm.ActivityCall, crm.ActivityNote, crm.ActivityTask:
		default:
			return &fault.Error{Kind: fault.Invalid, Text: "There is no such kind of activity.", Fields: map[string]string{"kind": "must be email, note, task, meeting or call, several with commas between"}}
		}
	}
	return nil
}

package enrich

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/enrich/signature"
	"rapport/internal/fault"
	"rapport/internal/work"
)

// Service considers mail and keeps what it has seen. All fields are required.
type Service struct {
	Rows        Rows
	Runs        Runs
	Connections Connections
	Queue       work.Queue
	Models      Models
	Sealer      Sealer
	// Extract is the engine of rules.
	Extract func(signature.Message) signature.Found
	// Installed is what the operator has set up.
	Installed Installed
	Now       func() time.Time
	Random    io.Reader
	Log       *slog.Logger
	Budget    time.Duration // of a step
}

// Installed is what holds where a workspace has not chosen.
type Installed struct {
	Mode  string
	Model ModelSettings // no provider: none
}

// Kinds of work. Subjects are a connection and a workspace.
const (
	KindConsider work.Kind = "enrich.consider"
	KindPeople   work.Kind = "enrich.people"
)

// Definitions are the steps of this room.
func (s *Service) Definitions() []work.Definition {
	return []work.Definition{
		{Kind: KindConsider, Step: s.consider, Timeout: 10 * time.Minute},
		{Kind: KindPeople, Step: s.people, Timeout: 10 * time.Minute},
	}
}

func (s *Service) considerJob(c crm.ConnectionID) work.Job {
	// A group of its own: mail goes on coming in meanwhile.
	return work.Job{Kind: KindConsider, Subject: string(c), Group: "enrich/" + string(c), DueAt: s.Now()}
}

// settling is how long news of people are gathered before they are looked at.
const settling = time.Second

func (s *Service) peopleJob(w crm.WorkspaceID) work.Job {
	return work.Job{Kind: KindPeople, Subject: string(w), Group: "enrich/" + string(w), DueAt: s.Now().Add(settling)}
}

// MailArrived lets new messages be considered.
func (s *Service) MailArrived(ctx context.Context, id crm.ConnectionID, emails []crm.EmailID) error {
	c, err := s.Connections.ConnectionByID(ctx, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return fmt.Errorf("reading the connection: %w", err)
	case !reads(c):
		return nil
	}
	if err := s.Rows.AwaitMail(ctx, id, emails); err != nil {
		return fmt.Errorf("letting mail wait: %w", err)
	}
	return s.Queue.Enqueue(ctx, s.considerJob(id))
}

// RecordsChanged looks for mail of records that are new or have got addresses, and at
// what they are.
func (s *Service) RecordsChanged(ctx context.Context, w crm.WorkspaceID, ids []crm.RecordID) error {
	if len(ids) == 0 {
		return nil
	}
	if err := s.Rows.AskAbout(ctx, w, ids); err != nil {
		return fmt.Errorf("asking about records: %w", err)
	}
	return s.Queue.Enqueue(ctx, s.peopleJob(w))
}

// reads reports whether the owner of a mailbox lets its mail be read.
func reads(c crm.Connection) bool {
	return c.Settings.Reading() != crm.ConsentOff && c.Status != crm.StatusDisconnected
}

const (
	mailPiece   = 100
	peoplePiece = 50
)

// people looks at people of whom there may be news.
func (s *Service) people(ctx context.Context, subject string) (more bool, err error) {
	ctx = work.Patient(ctx)
	w := crm.WorkspaceID(subject)
	list, err := s.Rows.AskedAbout(ctx, w, peoplePiece)
	if err != nil || len(list) == 0 {
		return false, err
	}
	nos := make([]int64, len(list))
	for i := range list {
		nos[i] = list[i].No
		list[i].Class = Classify(list[i].Deals)
	}
	woken, err := s.Rows.AwaitMailOf(ctx, w, nos)
	if err != nil {
		return false, err
	}
	var jobs []work.Job
	for _, id := range woken {
		jobs = append(jobs, s.considerJob(id))
	}
	if err := s.Queue.Enqueue(ctx, jobs...); err != nil {
		return false, fmt.Errorf("asking for work: %w", err)
	}
	return len(list) == peoplePiece, s.Rows.SaveClasses(ctx, w, list)
}

// RequestRunOf is RequestRun for a mailbox of the caller's own.
func (s *Service) RequestRunOf(ctx context.Context, c access.Caller, id crm.ConnectionID) (crm.Run, error) {
	conn, err := s.Connections.ConnectionByID(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && (conn.WorkspaceID != c.Workspace || conn.UserID != c.UserID) {
		return crm.Run{}, fault.New(fault.NotFound, "There is no such connection.")
	}
	if err != nil {
		return crm.Run{}, fmt.Errorf("reading the connection: %w", err)
	}
	return s.RequestRun(ctx, c, conn)
}

// RequestRun lets all mail of a mailbox be considered that has not been yet, by the
// engines of today. The run going on is given when there is one.
func (s *Service) RequestRun(ctx context.Context, c access.Caller, conn crm.Connection) (crm.Run, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return crm.Run{}, err
	}
	if !reads(conn) {
		return crm.Run{}, &fault.Error{Kind: fault.Conflict, Code: "not_consented", Text: "This mailbox is not read to fill records. Its owner can change that in its settings."}
	}
	id, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return crm.Run{}, err
	}
	run, begun, err := s.Runs.BeginRun(ctx, crm.Run{
		ID: crm.RunID(id), WorkspaceID: conn.WorkspaceID, ConnectionID: conn.ID, Stream: crm.StreamEnrich, State: crm.RunRunning, StartedAt: s.Now(),
	})
	if err != nil {
		return run, fmt.Errorf("beginning a run: %w", err)
	}
	if begun {
		r, err := s.readerFor(ctx, conn)
		if err != nil {
			return run, err
		}
		if run.Total, err = s.Rows.BeginEnriching(ctx, conn.ID, r.name); err != nil {
			return run, err
		}
		if err := s.Runs.SetTotal(ctx, run.ID, run.Total); err != nil {
			return run, fmt.Errorf("counting a run: %w", err)
		}
	}
	return run, s.Queue.Enqueue(ctx, s.considerJob(conn.ID))
}

// Started is what EnrichRecord came to.
type Started struct {
	Messages  int
	Applied   []crm.Sighting
	Suggested []crm.Sighting
}

// How many messages are read for one record at once, and how long that may take.
const (
	recordMail = 30
	recordTime = 20 * time.Second
)

// EnrichRecord reads the newest mail of a record's people now, in mailboxes whose
// owners allow it, and gives what became of it for the record, as the caller sees it.
func (s *Service) EnrichRecord(ctx context.Context, c access.Caller, id crm.RecordID) (Started, error) {
	var out Started
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return out, err
	}
	list, err := s.Rows.MailOf(ctx, c.Workspace, id, recordMail)
	if err != nil {
		return out, err
	}
	limited, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	mine := map[crm.SightingID]bool{}
	for _, box := range byMailbox(list) {
		conn, err := s.Connections.ConnectionByID(ctx, box[0].Connection)
		if err != nil {
			return out, fmt.Errorf("reading a connection: %w", err)
		}
		if !reads(conn) {
			continue
		}
		r, err := s.readerFor(ctx, conn)
		if err != nil {
			return out, err
		}
		got, trouble := s.readAll(limited, r, box)
		if trouble != nil && !fault.Passing(trouble) && !errors.Is(trouble, context.DeadlineExceeded) {
			return out, trouble
		}
		done, err := s.Rows.KeepSightings(ctx, Batch{Workspace: c.Workspace, Reads: got})
		if err != nil {
			return out, err
		}
		out.Messages += len(got)
		for _, v := range append(done.Applied, done.Suggested...) {
			mine[v.ID] = true
		}
	}
	evidence, err := s.Rows.Evidence(ctx, c, id)
	if err != nil {
		return out, err
	}
	for _, v := range evidence {
		switch {
		case mine[v.ID] && v.State == crm.SightingApplied:
			out.Applied = append(out.Applied, v)
		case v.State == crm.SightingSuggested:
			out.Suggested = append(out.Suggested, v)
		}
	}
	return out, s.RecordsChanged(ctx, c.Workspace, []crm.RecordID{id})
}

// byMailbox splits messages by the mailbox they are in.
func byMailbox(list []Candidate) [][]Candidate {
	var out [][]Candidate
	at := map[crm.ConnectionID]int{}
	for _, m := range list {
		i, known := at[m.Connection]
		if !known {
			i = len(out)
			at[m.Connection] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], m)
	}
	return out
}

// List gives suggestions, the newest first.
func (s *Service) List(ctx context.Context, c access.Caller, q SuggestionQuery) ([]Suggestion, string, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return nil, "", err
	}
	if q.State == "" {
		q.State = crm.SightingSuggested
	}
	return s.Rows.ListSuggestions(ctx, c, q)
}

// Evidence gives what was seen for a record, the newest first.
func (s *Service) Evidence(ctx context.Context, c access.Caller, id crm.RecordID) ([]crm.Sighting, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return nil, err
	}
	return s.Rows.Evidence(ctx, c, id)
}

// Decide accepts or dismisses a suggestion.
func (s *Service) Decide(ctx context.Context, c access.Caller, id crm.SightingID, accept bool) (Suggestion, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return Suggestion{}, err
	}
	return s.Rows.DecideSuggestion(ctx, c, id, accept)
}

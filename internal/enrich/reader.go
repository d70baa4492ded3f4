package enrich

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/work"
)

// consider is a step: it looks at the messages of a connection that wait.
func (s *Service) consider(ctx context.Context, subject string) (more bool, err error) {
	ctx = work.Patient(ctx)
	conn, err := s.Connections.ConnectionByID(ctx, crm.ConnectionID(subject))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the connection: %w", err)
	}
	run, err := s.Runs.Running(ctx, conn.ID, crm.StreamEnrich)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return false, fmt.Errorf("reading the run: %w", err)
	}
	if !reads(conn) {
		if err := s.Rows.ForgetWaiting(ctx, conn.ID); err != nil {
			return false, err
		}
		return false, s.end(ctx, run, crm.RunCancelled)
	}
	r, err := s.readerFor(ctx, conn)
	if err != nil {
		return false, err
	}
	until := s.Now().Add(s.Budget)
	for further := true; ; {
		list, err := s.Rows.WaitingMail(ctx, conn.ID, mailPiece)
		if err != nil {
			return false, err
		}
		if len(list) == 0 {
			if !further {
				break
			}
			if further, err = s.Rows.GoOnEnriching(ctx, conn.ID); err != nil {
				return false, err
			}
			continue
		}
		if err := s.considerThese(ctx, r, run.ID, list, until); err != nil {
			return false, err
		}
		if !s.Now().Before(until) {
			return true, nil
		}
	}
	if err := s.Queue.Enqueue(ctx, s.peopleJob(conn.WorkspaceID)); err != nil {
		return false, fmt.Errorf("asking for work: %w", err)
	}
	return false, s.end(ctx, run, crm.RunSucceeded)
}

// considerThese reads messages and keeps what stands in them.
func (s *Service) considerThese(ctx context.Context, r *reader, run crm.RunID, list []Candidate, until time.Time) error {
	for len(list) > 0 {
		n := min(len(list), r.atOnce())
		got, trouble := s.readAll(ctx, r, list[:n])
		if _, err := s.Rows.KeepSightings(ctx, Batch{Workspace: r.workspace, Run: run, Reads: got}); err != nil {
			return fmt.Errorf("keeping what was read: %w", err)
		}
		if trouble != nil {
			return trouble
		}
		if list = list[n:]; !s.Now().Before(until) {
			return nil
		}
	}
	return nil
}

// end ends a run that goes on. One with texts that the model did not answer for is
// partial.
func (s *Service) end(ctx context.Context, run crm.Run, state crm.RunState) error {
	if run.ID == "" {
		return nil
	}
	if state == crm.RunSucceeded {
		now, err := s.Runs.Run(ctx, run.WorkspaceID, run.ID)
		if err != nil {
			return fmt.Errorf("reading the run: %w", err)
		}
		if now.Counts.Failed > 0 {
			state = crm.RunPartial
			run.Error = "The model gave no answer that can be used for some messages. What the rules found in them is kept."
		}
	}
	now := s.Now()
	run.State, run.FinishedAt = state, &now
	if err := s.Runs.EndRun(ctx, run); err != nil {
		return fmt.Errorf("ending the run: %w", err)
	}
	return nil
}

// reader reads the messages of a mailbox with the engines that may.
type reader struct {
	workspace crm.WorkspaceID
	rules     Engine
	model     Engine // nil: none may
	alone     bool   // the model without the rules
	name      string
	trouble   string // of the model, as it is noted
}

// atOnce is how many messages are read before they are kept: asking a model takes
// time.
func (r *reader) atOnce() int {
	if r.model != nil {
		return 8
	}
	return mailPiece
}

// readerFor chooses the engines for a mailbox: the model only where the workspace
// allows one, its mode wants it, and the owner has agreed.
func (s *Service) readerFor(ctx context.Context, conn crm.Connection) (*reader, error) {
	r := &reader{workspace: conn.WorkspaceID, rules: Rules(s.Extract), name: RulesName}
	if conn.Settings.Reading() != crm.ConsentModel {
		return r, nil
	}
	choice, err := s.Rows.Choice(ctx, conn.WorkspaceID)
	if err != nil {
		return nil, fmt.Errorf("reading what the workspace has chosen: %w", err)
	}
	mode := s.mode(choice)
	if !choice.Allowed || mode == ModeRules {
		return r, nil
	}
	r.trouble = choice.Trouble
	m, err := s.model(conn.WorkspaceID, choice)
	if err != nil {
		return r, s.note(ctx, r, plain(err))
	}
	if m == nil {
		return r, nil
	}
	r.model, r.alone = ByModel(m), mode == ModeModel
	r.name = r.model.Name()
	if !r.alone {
		r.name = RulesName + "+" + r.name
	}
	return r, nil
}

// note keeps why the model cannot be used, for those who can do something about it.
func (s *Service) note(ctx context.Context, r *reader, text string) error {
	if r.trouble == text {
		return nil
	}
	r.trouble = text
	if text != "" {
		s.Log.WarnContext(ctx, "a model cannot be used to read signatures; rules go on", "workspace", r.workspace, "why", text)
	}
	if err := s.Rows.NoteTrouble(ctx, r.workspace, text); err != nil {
		return fmt.Errorf("noting trouble with a model: %w", err)
	}
	return nil
}

func plain(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Text != "" {
		return f.Text
	}
	return "The model cannot be used."
}

// aboutText reports whether a fault is about one text, not about the model.
func aboutText(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && (f.Code == CodeRefused || f.Code == CodeGarbled)
}

// together is how many questions a model is asked at a time.
const together = 4

// readAll reads messages. When the model cannot be asked just now, the error says so,
// and those it was not asked about are to be read again; when it cannot be used at
// all, rules go on alone.
func (s *Service) readAll(ctx context.Context, r *reader, list []Candidate) ([]Read, error) {
	if r.model == nil {
		return r.readByRules(ctx, list)
	}
	out := make([]Read, len(list))
	for at := 0; at < len(list); at += together {
		part := list[at:min(at+together, len(list))]
		errs := make([]error, len(part))
		var busy sync.WaitGroup
		for i, c := range part {
			ask := func() { out[at+i], errs[i] = r.read(ctx, c) }
			if r.model == nil {
				ask()
				continue
			}
			busy.Go(ask)
		}
		busy.Wait()
		if err := s.judge(ctx, r, part, out[at:], errs); err != nil {
			return out[:at+len(part)], err
		}
	}
	return out, nil
}

// readByRules reads messages without a model, on all cores. A panic goes on in the
// caller's goroutine, where a step's is caught.
func (r *reader) readByRules(ctx context.Context, list []Candidate) ([]Read, error) {
	out, errs := make([]Read, len(list)), make([]error, len(list))
	var next atomic.Int64
	var busy sync.WaitGroup
	var fell atomic.Pointer[any]
	for range min(runtime.GOMAXPROCS(0), len(list)) {
		busy.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					fell.Store(&p)
				}
			}()
			for i := int(next.Add(1)) - 1; i < len(list); i = int(next.Add(1)) - 1 {
				out[i], errs[i] = r.read(ctx, list[i])
			}
		})
	}
	busy.Wait()
	if p := fell.Load(); p != nil {
		panic(*p)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

// judge says what follows from faults of the model: an error is that it cannot be
// asked just now.
func (s *Service) judge(ctx context.Context, r *reader, part []Candidate, out []Read, errs []error) error {
	var wait error
	asked, stuck := false, ""
	for i, err := range errs {
		switch {
		case err == nil:
			asked = asked || r.model != nil && len(part[i].People) > 0 && !part[i].Sent
		case aboutText(err):
			out[i].Failed = true
		case fault.Passing(err):
			out[i].Again = true
			if wait == nil || fault.After(err) > fault.After(wait) {
				wait = err
			}
		default:
			stuck = plain(err)
		}
	}
	if wait != nil {
		return wait
	}
	if stuck == "" {
		if asked {
			return s.note(ctx, r, "")
		}
		return nil
	}
	r.model, r.alone, r.name = nil, false, RulesName
	for i, err := range errs {
		if err != nil && !aboutText(err) {
			out[i], _ = r.read(ctx, part[i])
		}
	}
	return s.note(ctx, r, stuck)
}

// read reads one message.
func (r *reader) read(ctx context.Context, c Candidate) (Read, error) {
	out := Read{Pos: c.Pos, Turn: c.Turn, EmailID: c.EmailID, From: c.From, SeenAt: c.Message.Date, Engine: r.name, People: c.People, Sent: c.Sent}
	if c.Sent || len(c.People) == 0 {
		return out, nil
	}
	m := c.Message
	m.Region = regionOf(c.From.Email, m.Region)
	engines := []Engine{r.rules}
	if r.model != nil {
		engines = append(engines, r.model)
		if r.alone {
			engines = engines[1:]
		}
	}
	all, err := read(ctx, engines, m)
	for _, v := range agree(all) {
		out.Found = append(out.Found, Value{v.Value, v.engine})
	}
	return out, err
}

// notCountries are top-level domains of two letters that are used everywhere.
const notCountries = " ai am cc co fm gg io la ly me nu sh so st tk to tv vc ws eu "

// regionOf is where somebody's numbers without a country code are from: the country
// of their address, else that of the workspace.
func regionOf(email, usual string) string {
	top := strings.ToLower(email[strings.LastIndexByte(email, '.')+1:])
	if len(top) != 2 || strings.Contains(notCountries, " "+top+" ") || top[0] < 'a' || top[0] > 'z' || top[1] < 'a' || top[1] > 'z' {
		return usual
	}
	if top == "uk" {
		return "GB"
	}
	return strings.ToUpper(top)
}

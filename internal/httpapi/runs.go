package httpapi

import (
	"context"
	"net/http"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
)

const maxWait = time.Minute

// Waiting asks to wait for the end of a run.
type Waiting struct {
	Wait string `query:"wait" maxLength:"20" doc:"Wait so long for the run to end, at most 60s: 30s. The answer is the run as it is then."`
}

func (w Waiting) duration() (time.Duration, error) {
	if w.Wait == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(w.Wait)
	if err != nil || d < 0 {
		return 0, &fault.Error{Kind: fault.Invalid, Text: "The time to wait is not valid.", Fields: map[string]string{"wait": "must be a duration like 30s"}}
	}
	return min(d, maxWait), nil
}

type syncInput struct {
	InWorkspace
	Waiting
	Body *SyncRequest
}

type runOutput struct {
	Status int
	Body   Run
}

func (s *Server) sync(ctx context.Context, c access.Caller, in *syncInput) (*runOutput, error) {
	wait, err := in.duration()
	if err != nil {
		return nil, err
	}
	var wish SyncRequest
	if in.Body != nil {
		wish = *in.Body
	}
	conn, err := s.mine(ctx, c, wish.ConnectionID)
	if err != nil {
		return nil, err
	}
	run, err := s.Mail.RequestSync(ctx, c, conn.ID, wish.Full)
	if err != nil {
		return nil, err
	}
	if run, err = s.await(ctx, c, run, wait); err != nil {
		return nil, err
	}
	return &runOutput{Status: http.StatusAccepted, Body: runShape(run)}, nil
}

type verifyInput struct {
	InWorkspace
	Waiting
	Body *VerifyRequest
}

func (s *Server) verify(ctx context.Context, c access.Caller, in *verifyInput) (*bodyOf[Verification], error) {
	wait, err := in.duration()
	if err != nil {
		return nil, err
	}
	var wish VerifyRequest
	if in.Body != nil {
		wish = *in.Body
	}
	conn, err := s.mine(ctx, c, wish.ConnectionID)
	if err != nil {
		return nil, err
	}
	run, err := s.Mail.Verify(ctx, c, conn.ID)
	if err != nil {
		return nil, err
	}
	if run, err = s.await(ctx, c, run, wait); err != nil {
		return nil, err
	}
	last, err := s.completeness(ctx, c, conn.ID)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Verification]{Verification{Run: runShape(run), Completeness: last}}, nil
}

// await gives the run once it has ended, or as it is when the time is over.
func (s *Server) await(ctx context.Context, c access.Caller, run crm.Run, wait time.Duration) (crm.Run, error) {
	if wait == 0 || run.FinishedAt != nil {
		return run, nil
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	facts, stop := s.Facts.Subscribe(c.Workspace)
	defer stop()
	look := time.NewTicker(time.Second) // facts may be lost by a slow reader
	defer look.Stop()
	for {
		now, err := s.Mail.Progress(context.WithoutCancel(ctx), c, run.ID)
		if err != nil {
			return run, err
		}
		if run = now; run.FinishedAt != nil {
			return run, nil
		}
		if !next(ctx, &facts, look.C) {
			return run, nil
		}
	}
}

// next waits for the end of some run or a look at the clock; false when the
// time is over. A stream of facts that was cut is not read any more.
func next(ctx context.Context, facts *<-chan fact.Fact, look <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-look:
			return true
		case f, ok := <-*facts:
			if !ok {
				*facts = nil
			} else if f.Kind == fact.SyncFinished || f.Kind == fact.SyncFailed {
				return true
			}
		}
	}
}

type previewInput struct {
	InWorkspace
	Body *PreviewRequest
}

func (s *Server) preview(ctx context.Context, c access.Caller, in *previewInput) (*bodyOf[Preview], error) {
	var wish PreviewRequest
	if in.Body != nil {
		wish = *in.Body
	}
	conn, err := s.mine(ctx, c, wish.ConnectionID)
	if err != nil {
		return nil, err
	}
	if err := change(&conn, SettingsPatch{Labels: wish.Labels, Limit: wish.Limit, Since: wish.Since}); err != nil {
		return nil, err
	}
	p, err := s.Mail.Preview(ctx, c, conn.ID, conn.Settings)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Preview]{Preview{
		Messages: p.Messages, Stored: p.Stored, More: p.More, Units: p.Units, EstimatedSeconds: int64(p.Takes.Round(time.Second) / time.Second),
	}}, nil
}

type listInput struct {
	InWorkspace
	PageInput
	ConnectionID string `query:"connection_id" doc:"The caller's first connection when absent."`
}

func (s *Server) listRuns(ctx context.Context, c access.Caller, in *listInput) (*bodyOf[List[Run]], error) {
	conn, err := s.mine(ctx, c, in.ConnectionID)
	if err != nil {
		return noneYet[Run](err, in.ConnectionID)
	}
	runs, next, err := s.Mail.RunsOf(ctx, c, conn.ID, in.page())
	if err != nil {
		return nil, err
	}
	out := listOf(each(runs, runShape))
	out.Body.NextCursor = next
	return out, nil
}

// noneYet is an empty list for somebody without a connection.
func noneYet[T any](err error, id string) (*bodyOf[List[T]], error) {
	if fault.Is(err, fault.NotFound) && id == "" {
		return listOf([]T{}), nil
	}
	return nil, err
}

type runInput struct {
	InWorkspace
	RunID string `path:"run_id"`
}

func (s *Server) getRun(ctx context.Context, c access.Caller, in *runInput) (*bodyOf[Run], error) {
	run, err := s.Mail.Progress(ctx, c, crm.RunID(in.RunID))
	if err != nil {
		return nil, err
	}
	switch _, err := s.mine(ctx, c, string(run.ConnectionID)); {
	case fault.Is(err, fault.NotFound): // a colleague's
		return nil, fault.New(fault.NotFound, "There is no such run.")
	case err != nil:
		return nil, err
	}
	return &bodyOf[Run]{runShape(run)}, nil
}

func (s *Server) listFailures(ctx context.Context, c access.Caller, in *listInput) (*bodyOf[List[Failure]], error) {
	conn, err := s.mine(ctx, c, in.ConnectionID)
	if err != nil {
		return noneYet[Failure](err, in.ConnectionID)
	}
	failures, next, err := s.Mail.Failures(ctx, c, conn.ID, in.page())
	if err != nil {
		return nil, err
	}
	out := listOf(each(failures, failureShape))
	out.Body.NextCursor = next
	return out, nil
}

type failureInput struct {
	InWorkspace
	FailureID    string `path:"failure_id"`
	ConnectionID string `query:"connection_id" doc:"The caller's first connection when absent."`
}

func (s *Server) retryFailure(ctx context.Context, c access.Caller, in *failureInput) (*nothing, error) {
	conn, err := s.mine(ctx, c, in.ConnectionID)
	if err != nil {
		return nil, err
	}
	return nil, s.Mail.RetryFailure(ctx, c, conn.ID, crm.FailureID(in.FailureID))
}

package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

var (
	_ mail.Runs   = (*Store)(nil)
	_ mail.Ledger = (*Store)(nil)
)

const runColumns = `id, workspace_id, integration_id, stream, state, seen, added, updated, deleted, failed, skipped, units,
	total, error, next_step, started_at, finished_at`

func scanRun(r scanner) (crm.Run, error) {
	var v crm.Run
	var started int64
	var finished *int64
	n := &v.Counts
	err := r.Scan(&v.ID, &v.WorkspaceID, &v.ConnectionID, &v.Stream, &v.State, &n.Seen, &n.Added, &n.Updated, &n.Deleted, &n.Failed, &n.Skipped, &n.Units,
		&v.Total, &v.Error, &v.NextStep, &started, &finished)
	v.StartedAt, v.FinishedAt = clock(started), clockPtr(finished)
	return v, err
}

// BeginRun starts a run or gives the one going on. A queued run is made running
// when asked to.
func (s *Store) BeginRun(ctx context.Context, r crm.Run) (run crm.Run, begun bool, err error) {
	err = s.write(ctx, "mail.BeginRun", func(t *tx) error {
		for tries := 0; ; tries++ {
			n, err := t.exec(ctx, "insert run", `INSERT INTO sync_runs (id, workspace_id, integration_id, stream, state, total, error, next_step, started_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
				string(r.ID), string(r.WorkspaceID), string(r.ConnectionID), string(r.Stream), string(r.State), r.Total, r.Error, r.NextStep, stamp(r.StartedAt))
			if err != nil {
				return err
			}
			begun = n == 1
			run, err = t.goingOn(ctx, r.ConnectionID, r.Stream)
			if errors.Is(err, errNone) && tries < 10 {
				continue // the one going on has ended between the two statements
			}
			if err != nil {
				return err
			}
			break
		}
		if !begun && run.State == crm.RunQueued && r.State == crm.RunRunning {
			if _, err := t.exec(ctx, "start run", "UPDATE sync_runs SET state = $2 WHERE id = $1", string(run.ID), string(r.State)); err != nil {
				return err
			}
			run.State = r.State
		}
		if begun {
			return t.progress(ctx, run)
		}
		return nil
	})
	return run, begun && err == nil, err
}

const goingOnQuery = "SELECT " + runColumns + " FROM sync_runs WHERE integration_id = $1 AND stream = $2 AND finished_at IS NULL"

func (t *tx) goingOn(ctx context.Context, c crm.ConnectionID, stream crm.Stream) (crm.Run, error) {
	return one(ctx, t, "read run going on", scanRun, goingOnQuery, string(c), string(stream))
}

// Running gives the run going on of a stream.
func (s *Store) Running(ctx context.Context, c crm.ConnectionID, stream crm.Stream) (crm.Run, error) {
	r, err := one(ctx, s.reading("mail.Running"), "read", scanRun, goingOnQuery, string(c), string(stream))
	return found(r, err, noRun)
}

const noRun = "There is no such run."

// EndRun stores how a run ended, with the fact of it. An ended run stays as it is.
func (s *Store) EndRun(ctx context.Context, r crm.Run) error {
	return s.write(ctx, "mail.EndRun", func(t *tx) error {
		end := t.now
		if r.FinishedAt != nil {
			end = stamp(*r.FinishedAt)
		}
		run, err := one(ctx, t, "end run", scanRun, `UPDATE sync_runs SET state = $2, error = $3, next_step = $4, finished_at = $5
			WHERE id = $1 AND finished_at IS NULL RETURNING `+runColumns,
			string(r.ID), string(r.State), clean(r.Error), clean(r.NextStep), end)
		if errors.Is(err, errNone) {
			return nil
		}
		if err != nil {
			return err
		}
		kind := fact.SyncFinished
		if run.State == crm.RunFailed {
			kind = fact.SyncFailed
		}
		return t.runFact(ctx, kind, run)
	})
}

func (t *tx) progress(ctx context.Context, r crm.Run) error {
	return t.runFact(ctx, fact.SyncProgress, r)
}

func (t *tx) runFact(ctx context.Context, kind fact.Kind, r crm.Run) error {
	owner, err := one(ctx, t, "read owner", scanText, "SELECT user_id FROM google_integrations WHERE id = $1", string(r.ConnectionID))
	if err != nil {
		return err
	}
	t.fact(fact.Fact{Kind: kind, WorkspaceID: r.WorkspaceID, ConnectionID: r.ConnectionID, UserID: crm.UserID(owner), Data: runData(r)})
	return nil
}

func runData(r crm.Run) json.RawMessage {
	return json.RawMessage(jsonText(map[string]any{
		"run": r.ID, "stream": r.Stream, "state": r.State, "counts": r.Counts, "total": r.Total,
	}))
}

// SetTotal stores how many items are expected.
func (s *Store) SetTotal(ctx context.Context, id crm.RunID, total int64) error {
	return s.write(ctx, "mail.SetTotal", func(t *tx) error {
		_, err := t.exec(ctx, "set total", "UPDATE sync_runs SET total = $2 WHERE id = $1 AND total <> $2", string(id), total)
		return err
	})
}

// Run reads a run of a workspace.
func (s *Store) Run(ctx context.Context, w crm.WorkspaceID, id crm.RunID) (crm.Run, error) {
	r, err := one(ctx, s.reading("mail.Run"), "read", scanRun, "SELECT "+runColumns+" FROM sync_runs WHERE workspace_id = $1 AND id = $2", string(w), string(id))
	return found(r, err, noRun)
}

// LastRun gives the newest run of a stream.
func (s *Store) LastRun(ctx context.Context, c crm.ConnectionID, stream crm.Stream) (crm.Run, error) {
	r, err := one(ctx, s.reading("mail.LastRun"), "read", scanRun,
		"SELECT "+runColumns+" FROM sync_runs WHERE integration_id = $1 AND stream = $2 ORDER BY started_at DESC, id DESC LIMIT 1", string(c), string(stream))
	return found(r, err, noRun)
}

// RunsOf lists the runs of a connection, the newest first.
func (s *Store) RunsOf(ctx context.Context, c crm.ConnectionID, page mail.Page) ([]crm.Run, string, error) {
	at, id, err := readCursor(page.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageLimit(page.Limit)
	list, err := all(ctx, s.reading("mail.RunsOf"), "list", scanRun, "SELECT "+runColumns+` FROM sync_runs
		WHERE integration_id = $1 AND (started_at < $2 OR (started_at = $2 AND id < $3)) ORDER BY started_at DESC, id DESC LIMIT $4`,
		string(c), at, id, int64(limit+1))
	if err != nil || len(list) <= limit {
		return list, "", err
	}
	list = list[:limit]
	last := list[limit-1]
	return list, writeCursor(stamp(last.StartedAt), string(last.ID)), nil
}

const failureColumns = "id, workspace_id, integration_id, stream, item_id, thread_id, reason, attempts, next_try_at, parked, created_at"

func scanFailure(r scanner) (crm.Failure, error) {
	var f crm.Failure
	var attempts, next, created int64
	err := r.Scan(&f.ID, &f.WorkspaceID, &f.ConnectionID, &f.Stream, &f.ItemID, &f.ThreadID, &f.Reason, &attempts, &next, &f.Parked, &created)
	f.Attempts, f.NextTryAt, f.CreatedAt = int(attempts), clock(next), clock(created)
	return f, err
}

// DueFailures gives items that are due and not parked, the longest due first.
func (s *Store) DueFailures(ctx context.Context, c crm.ConnectionID, now time.Time, limit int) ([]crm.Failure, error) {
	return all(ctx, s.reading("mail.DueFailures"), "list", scanFailure, "SELECT "+failureColumns+` FROM sync_failures
		WHERE integration_id = $1 AND NOT parked AND next_try_at <= $2 ORDER BY next_try_at, id LIMIT $3`, string(c), stamp(now), int64(limit))
}

// FailuresOf lists the ledger of a connection, the newest first.
func (s *Store) FailuresOf(ctx context.Context, c crm.ConnectionID, page mail.Page) ([]crm.Failure, string, error) {
	at, id, err := readCursor(page.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageLimit(page.Limit)
	list, err := all(ctx, s.reading("mail.FailuresOf"), "list", scanFailure, "SELECT "+failureColumns+` FROM sync_failures
		WHERE integration_id = $1 AND (created_at < $2 OR (created_at = $2 AND id < $3)) ORDER BY created_at DESC, id DESC LIMIT $4`,
		string(c), at, id, int64(limit+1))
	if err != nil || len(list) <= limit {
		return list, "", err
	}
	list = list[:limit]
	last := list[limit-1]
	return list, writeCursor(stamp(last.CreatedAt), string(last.ID)), nil
}

// RetryFailure makes one item due now and unparks it; its attempts begin anew.
func (s *Store) RetryFailure(ctx context.Context, w crm.WorkspaceID, c crm.ConnectionID, id crm.FailureID, now time.Time) error {
	return s.write(ctx, "mail.RetryFailure", func(t *tx) error {
		n, err := t.exec(ctx, "unpark", `UPDATE sync_failures SET parked = FALSE, next_try_at = $4, attempts = CASE WHEN parked THEN 0 ELSE attempts END
			WHERE workspace_id = $1 AND integration_id = $2 AND id = $3`, string(w), string(c), string(id), stamp(now))
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "This item is not in the ledger any more.")
		}
		return err
	})
}

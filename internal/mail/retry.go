package mail

import (
	"context"
	"fmt"

	"rapport/internal/engine"
)

// retry is the step of gmail.retry: items of the ledger that are due are
// fetched again. What comes through leaves the ledger, what fails again waits
// longer or is parked (see NextTry). The page of the checkpoint is the history
// id followed before the last fetch, until the changes since are seen to.
func retry(ctx context.Context, x *session) (bool, error) {
	const most = 100
	if err := x.hold(ctx); err != nil {
		return false, err
	}
	at, err := x.Load(ctx)
	if err != nil {
		return false, fmt.Errorf("loading the checkpoint: %w", err)
	}
	if at.Page != "" { // of what was written last
		id, err := historyID(at.Page)
		if err == nil {
			err = x.rewind(ctx, id)
		}
		if err != nil {
			return false, err
		}
	}
	due, err := x.Ledger.DueFailures(ctx, x.conn.ID, x.Now(), most)
	if err != nil {
		return false, fmt.Errorf("reading the ledger: %w", err)
	}
	if len(due) == 0 {
		_, err := x.Streams.Apply(ctx, x.key, at, engine.Batch[Item]{})
		return false, err
	}
	followed, err := x.followed(ctx)
	if err != nil {
		return false, err
	}
	refs := make([]Ref, len(due))
	for i, f := range due {
		refs[i] = Ref{ID: f.ItemID, ThreadID: f.ThreadID}
	}
	got, err := x.fetch(ctx, refs)
	if err != nil {
		return false, err
	}
	var changes []engine.Change[Item]
	for _, g := range got {
		if !g.extra {
			changes = append(changes, g.change)
		}
	}
	if err := x.Apply(ctx, at, engine.Batch[Item]{Changes: changes, At: engine.Checkpoint{Page: mark(followed)}}); err != nil {
		return false, fmt.Errorf("applying what was tried again: %w", err)
	}
	return true, nil
}

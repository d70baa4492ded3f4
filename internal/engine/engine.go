// Package engine pulls a feed into a sink, one bounded step at a time. It is
// pure: no clock, no SQL, no HTTP. The position lives in the sink; a crash at
// any point repeats work and never skips it, because items and checkpoint are
// applied together.
//
// Invariants, for any interleaving of steps, crashes and workers:
//
//  1. The mark never passes a change that has not been applied: it moves only in
//     the Apply of the last page of a walk, to a position read before or with
//     that page.
//  2. What changes while a full pass runs is seen afterwards: the held mark was
//     read before the first page (or, where the feed gives the mark itself, is
//     the listing's).
//  3. A sweep happens only with the last page of a pass whose every page was
//     applied in this pass (Checkpoint.Pass counts them).
//  4. Two workers cannot both move on from one checkpoint: Apply refuses the
//     second, whose step is simply made again.
//  5. A step that finds nothing new applies nothing: an idle feed costs one call
//     and no write.
//  6. Forgotten marks and pages (fault.Stale) lead to a new full pass, never to
//     a gap; the old mark is kept until that pass is complete.
package engine

import (
	"context"
	"fmt"

	"rapport/internal/fault"
)

// Cursor is a page token, a history id, a sync token. Only the feed that made
// it reads it.
type Cursor string

// Change is one item of a feed. Value nil and Err nil: the item is gone. Err
// set: the item could not be read; the sink puts it in the ledger.
type Change[T any] struct {
	ID    string
	Rev   string
	Value *T
	Err   error
}

// Page is one bounded piece of a feed. Next is the following page, empty on the
// last one; Mark, on the last page, is the position from which Since continues.
type Page[T any] struct {
	Changes []Change[T]
	Next    Cursor
	Mark    Cursor
	Total   int64 // expected items of the whole pass, 0 when unknown
}

// Feed is the other side, read only.
type Feed[T any] interface {
	// Open gives the mark to hold while a full pass runs, or "".
	Open(ctx context.Context) (Cursor, error)
	// List gives a page of everything wanted; page "" is the first. fault.Stale
	// when the other side has forgotten the page: the pass begins anew.
	List(ctx context.Context, page Cursor) (Page[T], error)
	// Since gives a page of changes after mark. fault.Stale when the other side
	// has forgotten the mark.
	Since(ctx context.Context, mark, page Cursor) (Page[T], error)
}

// Checkpoint is where a stream was left.
type Checkpoint struct {
	Mark Cursor // changes after it are not applied yet
	Page Cursor // page to read next within the current pass
	Held Cursor // full pass: becomes Mark when the pass is complete
	Full bool   // a full pass is running
	Pass int64  // number of the last full pass begun
	Done bool   // a feed without marks (a back-fill) has been read to its end
}

// Batch is applied atomically by a sink. Sweep: a full pass is complete with
// this batch, so items it did not name are gone.
type Batch[T any] struct {
	Changes []Change[T]
	At      Checkpoint
	Sweep   bool
	Total   int64
}

// Sink is our side. Apply is atomic and idempotent: items, ledger and
// checkpoint in one transaction; it refuses with fault.Stale when the stored
// checkpoint is not the one the batch was read from (another worker was here).
type Sink[T any] interface {
	Load(ctx context.Context) (Checkpoint, error)
	Apply(ctx context.Context, from Checkpoint, b Batch[T]) error
}

// Pull does one step: reads one page and applies it. more is false when the
// feed has nothing further for now.
func Pull[T any](ctx context.Context, feed Feed[T], sink Sink[T]) (more bool, err error) {
	at, err := sink.Load(ctx)
	if err != nil {
		return false, fmt.Errorf("loading the checkpoint: %w", err)
	}
	if at.Done {
		return false, nil
	}
	if at.Mark == "" && !at.Full {
		return begin(ctx, feed, sink, at)
	}
	if at.Full {
		return full(ctx, feed, sink, at)
	}
	return since(ctx, feed, sink, at)
}

// begin starts a full pass: the mark is read before the listing, so that what
// arrives meanwhile is seen afterwards.
func begin[T any](ctx context.Context, feed Feed[T], sink Sink[T], from Checkpoint) (bool, error) {
	held, err := feed.Open(ctx)
	if err != nil {
		return false, fmt.Errorf("opening the feed: %w", err)
	}
	at := Checkpoint{Mark: from.Mark, Held: held, Full: true, Pass: from.Pass + 1}
	if err := sink.Apply(ctx, from, Batch[T]{At: at}); err != nil {
		return false, fmt.Errorf("beginning a full pass: %w", err)
	}
	return true, nil
}

func full[T any](ctx context.Context, feed Feed[T], sink Sink[T], from Checkpoint) (bool, error) {
	page, err := feed.List(ctx, from.Page)
	if from.Page != "" && fault.Is(err, fault.Stale) {
		return begin(ctx, feed, sink, from)
	}
	if err != nil {
		return false, fmt.Errorf("listing: %w", err)
	}
	at := from
	at.Page = page.Next
	last := page.Next == ""
	if last {
		at.Mark, at.Held, at.Full = from.Held, "", false
		if page.Mark != "" {
			at.Mark = page.Mark
		}
		at.Done = at.Mark == ""
	}
	b := Batch[T]{Changes: page.Changes, At: at, Sweep: last, Total: page.Total}
	if err := sink.Apply(ctx, from, b); err != nil {
		return false, fmt.Errorf("applying a listed page: %w", err)
	}
	return !at.Done, nil
}

func since[T any](ctx context.Context, feed Feed[T], sink Sink[T], from Checkpoint) (bool, error) {
	page, err := feed.Since(ctx, from.Mark, from.Page)
	if fault.Is(err, fault.Stale) {
		return begin(ctx, feed, sink, from)
	}
	if err != nil {
		return false, fmt.Errorf("reading changes: %w", err)
	}
	at := from
	at.Page = page.Next
	if page.Next == "" && page.Mark != "" {
		at.Mark = page.Mark
	}
	if len(page.Changes) == 0 && at == from {
		return false, nil
	}
	b := Batch[T]{Changes: page.Changes, At: at, Total: page.Total}
	if err := sink.Apply(ctx, from, b); err != nil {
		return false, fmt.Errorf("applying changes: %w", err)
	}
	return page.Next != "", nil
}

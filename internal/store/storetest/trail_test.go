package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/org"
)

func (w *World) row(n int) access.Audit {
	return access.Audit{Workspace: w.Home, Action: "token.vend", Target: fmt.Sprint(n), Outcome: "ok"}
}

// targets are the rows written, each once.
func (w *World) targets() map[string]int {
	w.T.Helper()
	out, cursor := map[string]int{}, ""
	for {
		page, next, err := w.AuditOf(ctx, w.Home, org.AuditQuery{Limit: 500, Cursor: cursor})
		require.NoError(w.T, err)
		for _, r := range page {
			out[r.Target]++
		}
		if cursor = next; cursor == "" {
			return out
		}
	}
}

func TestRowsOfManyCallersShareTransactions(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		const callers, each = 64, 20
		var commits, returned atomic.Int64
		w.Hook = func(_ context.Context, op string) error {
			if op == "access.Record/commit" {
				commits.Add(1)
			}
			return nil
		}
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				for j := range each {
					if err := w.Record(ctx, w.row(i*each+j)); err != nil {
						t.Error(err)
					}
					returned.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, callers*each, returned.Load())
		found := w.targets()
		require.Len(t, found, callers*each)
		for target, n := range found {
			require.Equal(t, 1, n, target)
		}
		require.Less(t, commits.Load(), int64(callers*each), "some shared one")
		t.Logf("%d rows in %d transactions", callers*each, commits.Load())
	})
}

// held stops the first transaction before it writes, until the others wait.
func held(w *World) (began, release chan struct{}) {
	began, release = make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.Hook = func(_ context.Context, op string) error {
		if op == "access.Record/commit" {
			once.Do(func() { close(began); <-release })
		}
		return nil
	}
	return began, release
}

func TestARowIsDurableWhenRecordReturns(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		began, release := held(w)
		first := make(chan error, 1)
		go func() { first <- w.Record(ctx, w.row(1)) }()
		<-began
		second := make(chan error, 1)
		go func() { second <- w.Record(ctx, w.row(2)) }()
		select {
		case <-first:
			t.Fatal("the first has returned before its commit")
		case <-second:
			t.Fatal("the second has returned before its commit")
		default:
		}
		close(release)
		require.NoError(t, <-first)
		require.NoError(t, <-second)
		require.Len(t, w.targets(), 2)
	})
}

func TestWhoGivesUpWaitingHoldsUpNobody(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		began, release := held(w)
		leading, stopLeading := context.WithCancel(ctx)
		first := make(chan error, 1)
		go func() { first <- w.Record(leading, w.row(1)) }()
		<-began
		waiting, giveUp := context.WithCancel(ctx)
		second, third := make(chan error, 1), make(chan error, 1)
		go func() { second <- w.Record(waiting, w.row(2)) }()
		go func() { third <- w.Record(ctx, w.row(3)) }()
		giveUp()
		require.ErrorIs(t, <-second, context.Canceled)
		stopLeading() // who writes for others goes on
		close(release)
		require.NoError(t, <-first)
		require.NoError(t, <-third)
		found := w.targets()
		require.Contains(t, found, "1")
		require.Contains(t, found, "3")
		require.NoError(t, w.Record(ctx, w.row(4)), "the desk is free again")
	})
}

func TestAFailureReachesEverybodyWhoseRowsItTook(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		full := errors.New("disk full")
		var broken atomic.Bool
		w.Hook = func(_ context.Context, op string) error {
			if op == "access.Record/insert audit" && broken.Load() {
				return full
			}
			return nil
		}
		broken.Store(true)
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				if err := w.Record(ctx, w.row(i)); !errors.Is(err, full) {
					t.Errorf("row %d: %v", i, err)
				}
			})
		}
		all.Wait()
		require.Empty(t, w.targets())
		broken.Store(false)
		require.NoError(t, w.Record(ctx, w.row(99)))
		require.Len(t, w.targets(), 1)
	})
}

func TestAPanicOfTheWriterFreesTheDesk(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		w.Hook = func(_ context.Context, op string) error {
			if op == "access.Record/insert audit" {
				panic("a mistake of ours")
			}
			return nil
		}
		require.Panics(t, func() { _ = w.Record(ctx, w.row(1)) })
		w.Hook = nil
		require.NoError(t, w.Record(ctx, w.row(2)))
	})
}

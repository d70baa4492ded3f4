package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/store"
)

func (w *World) tell(n int) {
	w.T.Helper()
	require.NoError(w.T, w.Tell(ctx, fact.Fact{Kind: "test", WorkspaceID: w.Home, Data: json.RawMessage(fmt.Sprint(n))}))
}

func numbersOf(facts []fact.Fact) []string {
	list := []string{}
	for _, f := range facts {
		list = append(list, string(f.Data))
	}
	return list
}

// A context that ends while a transaction begins leaves nothing begun: the next write
// goes on, whatever the moment was.
func TestWritesAreCutOffWhileTheyBegin(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		for i := range 800 {
			limited, cancel := context.WithCancel(ctx)
			go func() {
				for range i % 40 {
					runtime.Gosched()
				}
				cancel()
			}()
			if err := w.Tell(limited, fact.Fact{Kind: "test", WorkspaceID: w.Home}); err != nil {
				require.Error(t, limited.Err(), "%v", err)
			}
			cancel()
			require.NoError(t, w.Tell(ctx, fact.Fact{Kind: "test", WorkspaceID: w.Home}), "write %d", i)
		}
	})
}

func TestFactsAreReadInOrder(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		last, err := w.LastFact(ctx)
		require.NoError(t, err)
		require.Zero(t, last)
		for i := range 5 {
			w.tell(i)
		}
		facts, err := w.FactsAfter(ctx, 0, 3)
		require.NoError(t, err)
		require.Equal(t, []string{"0", "1", "2"}, numbersOf(facts))
		require.Equal(t, Start, facts[0].At)
		facts, err = w.FactsAfter(ctx, facts[2].Seq, 10)
		require.NoError(t, err)
		require.Equal(t, []string{"3", "4"}, numbersOf(facts))
	})
}

// A reader that follows the numbers must never be overtaken: a fact with a lower
// number that appears later would be missed for ever.
func TestNoFactAppearsBehindAReader(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		const writers, each = 6, 25
		var wg sync.WaitGroup
		for i := range writers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for j := range each {
					if err := w.Tell(ctx, fact.Fact{Kind: "test", WorkspaceID: w.Home, Data: json.RawMessage(fmt.Sprint(i*1000 + j))}); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		seen, seq := map[string]bool{}, int64(0)
		for over := false; ; {
			select {
			case <-done:
				over = true
			default:
			}
			facts, err := w.FactsAfter(ctx, seq, 7)
			require.NoError(t, err)
			for _, f := range facts {
				require.Greater(t, f.Seq, seq)
				seq = f.Seq
				seen[string(f.Data)] = true
			}
			if over && len(facts) == 0 {
				break
			}
		}
		require.Len(t, seen, writers*each)
	})
}

func TestFactsAreClaimedAtLeastOnce(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		claim := func(holder string, now time.Time) []string {
			facts, err := w.ClaimFacts(ctx, "corridors", holder, now, now.Add(30*time.Second), 2)
			require.NoError(t, err)
			return numbersOf(facts)
		}
		require.Empty(t, claim("a", Start))
		for i := range 5 {
			w.tell(i)
		}
		all, err := w.FactsAfter(ctx, 0, 10)
		require.NoError(t, err)
		require.Equal(t, []string{"0", "1"}, claim("a", Start))
		require.Empty(t, claim("b", Start), "one at a time")
		require.Equal(t, []string{"0", "1"}, claim("a", Start), "not finished: given again")
		require.NoError(t, w.FinishFacts(ctx, "corridors", "a", all[1].Seq))
		require.Equal(t, []string{"2", "3"}, claim("b", Start), "finished: the next may read")
		require.Equal(t, []string{"2", "3"}, claim("a", Start.Add(30*time.Second)), "b is gone")
		require.Equal(t, fault.Conflict, fault.Of(w.FinishFacts(ctx, "corridors", "b", all[3].Seq)))
		require.NoError(t, w.FinishFacts(ctx, "corridors", "a", all[2].Seq))

		facts, err := w.ClaimFacts(ctx, "webhooks", "b", Start, Start.Add(time.Minute), 10)
		require.NoError(t, err)
		require.Len(t, facts, 5, "readers are independent")

		w.Clock.Move(time.Hour)
		w.tell(5)
		n, err := w.PurgeFacts(ctx, Start.Add(time.Minute))
		require.NoError(t, err)
		require.Zero(t, n, "webhooks has finished nothing")
		require.NoError(t, w.FinishFacts(ctx, "webhooks", "b", all[4].Seq))
		n, err = w.PurgeFacts(ctx, Start.Add(time.Minute))
		require.NoError(t, err)
		require.EqualValues(t, 3, n)
		require.Equal(t, []string{"3", "4"}, claim("a", w.Clock.Now()))
		last, err := w.LastFact(ctx)
		require.NoError(t, err)
		w.tell(6)
		next, err := w.LastFact(ctx)
		require.NoError(t, err)
		require.Greater(t, next, last)
	})
}

func TestNumbersOfFactsAreNotUsedAgain(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		w.tell(1)
		w.tell(2)
		last, err := w.LastFact(ctx)
		require.NoError(t, err)
		n, err := w.PurgeFacts(ctx, Start.Add(time.Hour))
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		w.tell(3)
		facts, err := w.FactsAfter(ctx, last, 10)
		require.NoError(t, err)
		require.Equal(t, []string{"3"}, numbersOf(facts))
	})
}

func TestFactsRingInOtherProcesses(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		other, err := store.Open(context.Background(), store.Options{URL: w.Options.URL, Logger: w.Options.Logger})
		require.NoError(t, err)
		defer func() { require.NoError(t, other.Close()) }()
		here, stop := w.FactsBell()
		defer stop()
		there, quiet := other.FactsBell()
		defer quiet()
		// A process that listens only just now may miss one; it looks by itself then.
		stopTelling, told := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(told)
			for n := 0; ; n++ {
				select {
				case <-stopTelling:
					return
				case <-time.After(50 * time.Millisecond):
					if err := w.Tell(ctx, fact.Fact{Kind: "test", WorkspaceID: w.Home}); err != nil {
						t.Error(err)
					}
				}
			}
		}()
		<-here
		<-there
		close(stopTelling)
		<-told // before the store is closed
	})
}

package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"rapport/internal/fault"

	"pgregory.net/rapid"
)

// slow is a feed that lets another worker have a turn within each call.
type slow struct {
	*world
	turn func()
}

func (s slow) Open(ctx context.Context) (Cursor, error) {
	c, err := s.world.Open(ctx)
	s.turn()
	return c, err
}

func (s slow) List(ctx context.Context, page Cursor) (Page[string], error) {
	p, err := s.world.List(ctx, page)
	s.turn()
	return p, err
}

func (s slow) Since(ctx context.Context, mark, page Cursor) (Page[string], error) {
	p, err := s.world.Since(ctx, mark, page)
	s.turn()
	return p, err
}

// TestMachine mixes changes of the other side, forgotten marks and pages,
// crashes before and after writes, failing calls and a second worker, and
// requires after every quiet moment that both sides are equal.
func TestMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, s := newWorld(rapid.IntRange(0, 12).Draw(t, "items")), newShelf()
		w.size = rapid.IntRange(1, 4).Draw(t, "page size")
		w.late = rapid.Bool().Draw(t, "mark comes late")
		step := func(feed Feed[string]) {
			_, err := Pull(context.Background(), feed, s)
			if err != nil && !errors.Is(err, errCrash) && !fault.Is(err, fault.Stale) {
				t.Fatalf("%v", err)
			}
		}
		once := func(err error) func() error {
			return func() error { w.fail = nil; return err }
		}
		t.Repeat(map[string]func(*rapid.T){
			"put":            func(t *rapid.T) { w.put(fmt.Sprintf("i%02d", rapid.IntRange(0, 15).Draw(t, "id"))) },
			"drop":           func(t *rapid.T) { w.drop(fmt.Sprintf("i%02d", rapid.IntRange(0, 15).Draw(t, "id"))) },
			"forget history": func(*rapid.T) { w.first = len(w.log) + 1; w.log = append(w.log, "i00") },
			"forget page":    func(*rapid.T) { w.torn = true },
			"pull":           func(*rapid.T) { step(w) },
			"two workers":    func(*rapid.T) { step(slow{w, func() { step(w) }}) },
			"call fails":     func(*rapid.T) { w.fail = once(errCrash); step(w); w.fail = nil },
			"crash": func(t *rapid.T) {
				when := rapid.SampledFrom([]string{"load", "before apply", "after apply"}).Draw(t, "when")
				s.crash = func(w string) error {
					if w == when {
						s.crash = nil
						return errCrash
					}
					return nil
				}
				step(w)
				s.crash = nil
			},
			"quiet": func(t *rapid.T) { quiet(t, w, s) },
		})
		quiet(t, w, s)
	})
}

// quiet lets the work come to its end and compares both sides.
func quiet(t *rapid.T, w *world, s *shelf) {
	w.fail, s.crash, w.torn = nil, nil, false
	for range 300 {
		more, err := Pull(context.Background(), w, s)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if !more {
			break
		}
	}
	if len(s.items) != len(w.items) {
		t.Fatalf("%d items here, %d there", len(s.items), len(w.items))
	}
	for id := range w.items {
		if s.items[id] != *w.change(id).Value {
			t.Fatalf("%s: %q here, %q there", id, s.items[id], *w.change(id).Value)
		}
	}
}

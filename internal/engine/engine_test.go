package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"rapport/internal/fault"

	"github.com/stretchr/testify/require"
)

// world is the other side: items with revisions, and the log of their changes.
type world struct {
	items map[string]int // id → revision
	log   []string       // ids in the order they changed
	first int            // changes before this one are forgotten
	size  int            // items on a page
	marks bool           // false: a feed without marks, like a back-fill
	late  bool           // the mark comes with the last page, like a calendar's
	torn  bool           // page tokens are forgotten once
	calls int
	fail  func() error
}

func (w *world) put(id string) {
	w.items[id]++
	w.log = append(w.log, id)
}

func (w *world) drop(id string) {
	delete(w.items, id)
	w.log = append(w.log, id)
}

func (w *world) call() error {
	w.calls++
	if w.fail != nil {
		return w.fail()
	}
	return nil
}

func (w *world) mark() Cursor {
	if !w.marks {
		return ""
	}
	return Cursor(strconv.Itoa(len(w.log)))
}

func (w *world) change(id string) Change[string] {
	rev, ok := w.items[id]
	if !ok {
		return Change[string]{ID: id}
	}
	v := id + "@" + strconv.Itoa(rev)
	return Change[string]{ID: id, Rev: strconv.Itoa(rev), Value: &v}
}

func (w *world) Open(context.Context) (Cursor, error) {
	if err := w.call(); err != nil || w.late {
		return "", err
	}
	return w.mark(), nil
}

// List names items in order; "a:m" continues after item a of a listing that began at m.
func (w *world) List(_ context.Context, page Cursor) (Page[string], error) {
	if err := w.call(); err != nil {
		return Page[string]{}, err
	}
	if w.torn && page != "" {
		w.torn = false
		return Page[string]{}, fault.New(fault.Stale, "the page is forgotten")
	}
	after, began := "", w.mark()
	if page != "" {
		var m int
		_, err := fmt.Sscanf(string(page), "%s %d", &after, &m)
		if err != nil {
			return Page[string]{}, err
		}
		began = Cursor(strconv.Itoa(m))
	}
	var out Page[string]
	for _, id := range slices.Sorted(maps.Keys(w.items)) {
		if id <= after {
			continue
		}
		if len(out.Changes) == w.size {
			m, _ := strconv.Atoi(string(began))
			out.Next = Cursor(fmt.Sprintf("%s %d", out.Changes[w.size-1].ID, m))
			return out, nil
		}
		out.Changes = append(out.Changes, w.change(id))
	}
	if w.late {
		out.Mark = began
	}
	return out, nil
}

func (w *world) Since(_ context.Context, mark, page Cursor) (Page[string], error) {
	if err := w.call(); err != nil {
		return Page[string]{}, err
	}
	from, err := strconv.Atoi(string(mark))
	if err != nil {
		return Page[string]{}, err
	}
	if from < w.first {
		return Page[string]{}, fault.New(fault.Stale, "too old")
	}
	if page != "" {
		from, _ = strconv.Atoi(string(page))
	}
	to := min(from+w.size, len(w.log))
	var out Page[string]
	for _, id := range w.log[from:to] {
		out.Changes = append(out.Changes, w.change(id))
	}
	if to < len(w.log) {
		out.Next = Cursor(strconv.Itoa(to))
	} else {
		out.Mark = w.mark()
	}
	return out, nil
}

// shelf is our side. It sweeps: after a full pass what was not named is gone.
type shelf struct {
	at      Checkpoint
	items   map[string]string
	seen    map[string]int64 // the pass in which an item was last named
	applied int
	crash   func(when string) error
}

var errCrash = errors.New("crash")

func (s *shelf) Load(context.Context) (Checkpoint, error) { return s.at, s.crashed("load") }

func (s *shelf) crashed(when string) error {
	if s.crash != nil {
		return s.crash(when)
	}
	return nil
}

func (s *shelf) Apply(_ context.Context, from Checkpoint, b Batch[string]) error {
	if err := s.crashed("before apply"); err != nil {
		return err
	}
	if s.at != from {
		return fault.New(fault.Stale, "another worker was here")
	}
	for _, c := range b.Changes {
		if c.Value == nil {
			delete(s.items, c.ID)
			continue
		}
		s.items[c.ID], s.seen[c.ID] = *c.Value, from.Pass
	}
	if b.Sweep {
		maps.DeleteFunc(s.items, func(id, _ string) bool { return s.seen[id] != from.Pass })
	}
	s.at = b.At
	s.applied++
	return s.crashed("after apply")
}

func newShelf() *shelf { return &shelf{items: map[string]string{}, seen: map[string]int64{}} }

func newWorld(n int) *world {
	w := &world{items: map[string]int{}, size: 3, marks: true}
	for i := range n {
		w.put(fmt.Sprintf("i%02d", i))
	}
	return w
}

// settle pulls until nothing is left; errors that retrying gets over are gone over.
func settle(t *testing.T, w *world, s *shelf) {
	t.Helper()
	for range 1000 {
		more, err := Pull(t.Context(), w, s)
		if err != nil {
			require.True(t, errors.Is(err, errCrash) || fault.Is(err, fault.Stale), "%v", err)
			continue
		}
		if !more {
			return
		}
	}
	t.Fatal("it never ends")
}

func (s *shelf) equals(t *testing.T, w *world) {
	t.Helper()
	want := map[string]string{}
	for id := range w.items {
		want[id] = *w.change(id).Value
	}
	require.Equal(t, want, s.items)
}

// TestPullByState is the table of what one step does, by the state it finds.
func TestPullByState(t *testing.T) {
	mark := func(m Cursor) func(*world, *shelf) {
		return func(_ *world, s *shelf) { s.at = Checkpoint{Mark: m, Pass: 1} }
	}
	for name, c := range map[string]struct {
		given func(*world, *shelf)
		items int
		more  bool
		at    Checkpoint
		err   fault.Kind
		calls int
	}{
		"nothing yet: the mark is held before anything is listed": {
			items: 5, more: true, at: Checkpoint{Held: "5", Full: true, Pass: 1}, calls: 1,
		},
		"full pass, first page": {
			given: func(_ *world, s *shelf) { s.at = Checkpoint{Held: "5", Full: true, Pass: 1} },
			items: 5, more: true, at: Checkpoint{Held: "5", Full: true, Pass: 1, Page: "i02 5"}, calls: 1,
		},
		"full pass, last page: the held mark becomes the mark": {
			given: func(_ *world, s *shelf) { s.at = Checkpoint{Held: "5", Full: true, Pass: 1, Page: "i02 5"} },
			items: 5, more: true, at: Checkpoint{Mark: "5", Pass: 1}, calls: 1,
		},
		"full pass, page forgotten: it begins anew with a new mark": {
			given: func(w *world, s *shelf) {
				s.at = Checkpoint{Held: "5", Full: true, Pass: 1, Page: "i02 5"}
				w.torn = true
				w.put("i99")
			},
			items: 5, more: true, at: Checkpoint{Held: "6", Full: true, Pass: 2}, calls: 2,
		},
		"a feed whose mark comes at the end": {
			given: func(w *world, s *shelf) { w.late = true; s.at = Checkpoint{Full: true, Pass: 1, Page: "i02 4"} },
			items: 5, more: true, at: Checkpoint{Mark: "4", Pass: 1}, calls: 1,
		},
		"a feed without marks is done at its end": {
			given: func(w *world, s *shelf) { w.marks = false; s.at = Checkpoint{Full: true, Pass: 1, Page: "i02 0"} },
			items: 5, at: Checkpoint{Pass: 1, Done: true}, calls: 1,
		},
		"done: nothing is asked": {
			given: func(_ *world, s *shelf) { s.at = Checkpoint{Pass: 1, Done: true} },
			items: 5, at: Checkpoint{Pass: 1, Done: true},
		},
		"no changes: one call, nothing applied": {given: mark("5"), items: 5, at: Checkpoint{Mark: "5", Pass: 1}, calls: 1},
		"changes on one page": {
			given: mark("3"), items: 5, at: Checkpoint{Mark: "5", Pass: 1}, calls: 1,
		},
		"changes on several pages: the mark stays until the last": {
			given: mark("1"), items: 9, more: true, at: Checkpoint{Mark: "1", Page: "4", Pass: 1}, calls: 1,
		},
		"last page of changes: the mark moves": {
			given: func(_ *world, s *shelf) { s.at = Checkpoint{Mark: "1", Page: "7", Pass: 1} },
			items: 9, at: Checkpoint{Mark: "9", Pass: 1}, calls: 1,
		},
		"mark forgotten: a new full pass, the old mark is kept meanwhile": {
			given: func(w *world, s *shelf) { mark("1")(w, s); w.first = 3 },
			items: 5, more: true, at: Checkpoint{Mark: "1", Held: "5", Full: true, Pass: 2}, calls: 2,
		},
		"mark forgotten in mid-walk": {
			given: func(w *world, s *shelf) { s.at = Checkpoint{Mark: "1", Page: "4", Pass: 1}; w.first = 3 },
			items: 5, more: true, at: Checkpoint{Mark: "1", Held: "5", Full: true, Pass: 2}, calls: 2,
		},
		"the other side is down": {
			given: func(w *world, s *shelf) {
				mark("1")(w, s)
				w.fail = func() error { return fault.New(fault.Unavailable, "down") }
			},
			items: 5, at: Checkpoint{Mark: "1", Pass: 1}, err: fault.Unavailable, calls: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := newWorld(c.items), newShelf()
			if c.given != nil {
				c.given(w, s)
			}
			before := s.at
			more, err := Pull(t.Context(), w, s)
			if c.err != 0 {
				require.True(t, fault.Is(err, c.err), "%v", err)
				require.Equal(t, before, s.at)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.more, more)
			require.Equal(t, c.at, s.at)
			require.Equal(t, c.calls, w.calls)
			if c.at == before {
				require.Zero(t, s.applied, "what changes nothing is not applied")
			}
		})
	}
}

func TestPullRefusesWhenAnotherWorkerWasHere(t *testing.T) {
	w, s := newWorld(9), newShelf()
	w.fail = func() error { // the other one is quicker, once
		w.fail = nil
		_, err := Pull(t.Context(), w, s)
		return err
	}
	_, err := Pull(t.Context(), w, s)
	require.True(t, fault.Is(err, fault.Stale))
	settle(t, w, s)
	s.equals(t, w)
}

// TestPullCrashAtEveryCall kills the step at every call of feed and sink.
func TestPullCrashAtEveryCall(t *testing.T) {
	story := func(w *world, s *shelf) {
		settle(t, w, s)
		w.drop("i03")
		w.put("i01")
		w.put("x1")
		settle(t, w, s)
		w.drop("i04")
		w.put("x2")
		w.first = len(w.log)
		settle(t, w, s)
		w.put("x3")
		settle(t, w, s)
	}
	for _, late := range []bool{false, true} {
		points, crashAt := 0, -1
		crash := func() error {
			if points++; points-1 == crashAt {
				return errCrash
			}
			return nil
		}
		run := func() *shelf {
			w, s := newWorld(8), newShelf()
			w.late = late
			w.fail, s.crash = crash, func(string) error { return crash() }
			story(w, s)
			s.equals(t, w)
			return s
		}
		run()
		all := points
		require.Greater(t, all, 40)
		for at := range all {
			points, crashAt = 0, at
			run()
		}
	}
}

func TestPullBeginsAgainAfterASweepThatCrashed(t *testing.T) {
	w, s := newWorld(4), newShelf()
	settle(t, w, s)
	w.drop("i00")
	w.first = len(w.log) + 1 // everything before is forgotten
	w.log = append(w.log, "i01")
	settle(t, w, s)
	s.equals(t, w)
}

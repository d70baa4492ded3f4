package mail

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"

	"golang.org/x/sync/errgroup"
)

// window lists several labels side by side and merges them, newest first by id:
// Gmail's ids grow with the time a message was accepted. Lists are newest first
// by date, which for imported mail is another order; every list is still walked
// to its end, so nothing is missed, it only comes earlier or later.
type window struct {
	*session
	pass  *backfillPass
	heads []head
	queue []*entry
	fresh int                 // entries of the queue that were not passed before
	seen  map[string]struct{} // ids pushed lately: lists shift while they are read
}

// head is the reading position in the list of one label, ahead of the pass.
type head struct {
	token  string // of the page in refs
	refs   []Ref
	offset int
	next   string
	read   bool // refs and next are those of token
	again  int  // entries before this offset were passed by an earlier step
	end    bool
}

// entry is one message of the merged list.
type entry struct {
	ref    Ref
	steps  []step
	state  state
	counts bool // wanted, as far as we know
	again  bool // passed by an earlier step: looked at again, not counted again
	date   time.Time
}

// step is where the list of a label stands behind an entry.
type step struct {
	label  int
	token  string
	offset int
}

type state int

const (
	unknown state = iota
	stored        // or in the ledger
	here          // fetched by this step already
)

// settle notes what fetching came to.
func (e *entry) settle(g fetched) {
	e.state, e.date = here, g.date
	e.counts = g.wanted && !g.excluded || g.change.Err != nil
}

func newWindow(x *session, p *backfillPass) *window {
	w := &window{session: x, pass: p, heads: make([]head, len(p.Labels)), seen: map[string]struct{}{}}
	for i, l := range p.Labels {
		// What stood before the offset is looked at again: the list may have
		// moved up since, when messages were deleted.
		w.heads[i] = head{token: l.Token, again: l.Offset}
	}
	return w
}

func (w *window) peek(i int) *entry {
	if i >= len(w.queue) {
		return nil
	}
	return w.queue[i]
}

func (w *window) drop(n int) {
	for _, e := range w.queue[:n] {
		if !e.again {
			w.fresh--
		}
	}
	w.queue = w.queue[n:]
}

func (w *window) len() int { return len(w.queue) }

// listed says whether all lists have been read to their ends.
func (w *window) listed() bool {
	for i := range w.heads {
		h := &w.heads[i]
		if !h.end && !(h.read && h.next == "" && h.offset >= len(h.refs)) {
			return false
		}
	}
	return true
}

func (w *window) exhausted() bool { return len(w.queue) == 0 && w.listed() }

// fill reads lists until at least so many entries wait that have not been passed
// before, or all lists are at their ends. Of the pages that it reads, it takes up
// to most.
func (w *window) fill(ctx context.Context, least, most int) error {
	if w.fresh >= max(least/2, firstChunk) {
		return nil
	}
	from := len(w.queue)
	for w.fresh < least {
		if err := w.read(ctx); err != nil {
			return err
		}
		if !w.merge(most) {
			break
		}
	}
	return w.lookUp(ctx, w.queue[from:])
}

// read gets the page of every list that has none unread, all at the same time.
func (w *window) read(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for i := range w.heads {
		h := &w.heads[i]
		if h.end || h.read && h.offset < len(h.refs) {
			continue
		}
		if h.read {
			if h.next == "" {
				h.end = true
				continue
			}
			h.token, h.offset, h.again, h.read = h.next, 0, 0, false
		}
		g.Go(func() error { return w.list(ctx, i) })
	}
	return g.Wait()
}

func (w *window) list(ctx context.Context, i int) error {
	h := &w.heads[i]
	l := Listing{Query: w.pass.Query}
	if label := w.pass.Labels[i].Label; label != crm.AllLabels {
		l.Labels = []string{label}
	}
	got, err := w.box.List(ctx, l, h.token)
	switch {
	case err == nil:
	case h.token != "" && forgotten(err):
		return fault.New(fault.Stale, "a page of the listing is gone: %w", err)
	case forgotten(err) && strings.HasPrefix(w.pass.Labels[i].Label, "Label_"):
		h.end = true // the label has been deleted
		return nil
	default:
		return fmt.Errorf("listing messages: %w", err)
	}
	h.refs, h.next, h.read = got.Refs, got.Next, true
	return nil
}

// merge moves entries to the queue until n wait or a list needs its next page.
// It answers false when all lists are at their ends.
func (w *window) merge(n int) bool {
	for w.fresh < n {
		newest := -1
		for i := range w.heads {
			h := &w.heads[i]
			if h.end {
				continue
			}
			if h.offset >= len(h.refs) {
				return true // its next page may hold the newest
			}
			if newest < 0 || newer(h.refs[h.offset].ID, w.heads[newest].refs[w.heads[newest].offset].ID) {
				newest = i
			}
		}
		if newest < 0 {
			return false
		}
		w.push(w.heads[newest].refs[w.heads[newest].offset])
	}
	return true
}

// push takes a message from all lists that have it at their head.
func (w *window) push(ref Ref) {
	e := &entry{ref: ref, again: true}
	for i := range w.heads {
		h := &w.heads[i]
		if h.end || h.offset >= len(h.refs) || h.refs[h.offset].ID != ref.ID {
			continue
		}
		e.again = e.again && h.offset < h.again
		h.offset++
		e.steps = append(e.steps, step{i, h.token, h.offset})
	}
	if _, twice := w.seen[ref.ID]; twice {
		e.again, e.state = true, here
	}
	if len(w.seen) > 5*lookahead {
		clear(w.seen)
	}
	w.seen[ref.ID] = struct{}{}
	w.queue = append(w.queue, e)
	if !e.again {
		w.fresh++
	}
}

// newer compares ids as the numbers they are.
func newer(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return strings.Compare(a, b) > 0
}

// lookUp finds out which of the entries are stored or in the ledger.
func (w *window) lookUp(ctx context.Context, entries []*entry) error {
	const most = 500
	for from := 0; from < len(entries); from += most {
		part := entries[from:min(from+most, len(entries))]
		ids := make([]string, len(part))
		for i, e := range part {
			ids[i] = e.ref.ID
		}
		known, err := w.Streams.Known(ctx, w.conn.ID, ids)
		if err != nil {
			return fmt.Errorf("looking up listed messages: %w", err)
		}
		for _, e := range part {
			k, ok := known[e.ref.ID]
			if !ok || e.state == here || k.Deleted && !k.Excluded { // listed, so it exists: a tombstone was wrong
				continue
			}
			e.state, e.date = stored, k.Date
			e.counts = !k.Excluded && (k.Failed || wanted(k.Labels, w.conn.Settings.Labels))
		}
	}
	return nil
}

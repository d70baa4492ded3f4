package mail

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fault"
)

// verify is the step of gmail.verify: the completeness check. It begins anew
// each time; what an interrupted one has healed is not found again.
func verify(ctx context.Context, x *session) (bool, error) {
	if err := x.hold(ctx); err != nil {
		return false, err
	}
	if more, err := x.catchUp(ctx); err != nil || more {
		return more, err
	}
	at, err := x.Load(ctx)
	if err != nil {
		return false, fmt.Errorf("loading the check's checkpoint: %w", err)
	}
	if at.Full || at.Done {
		if err := x.Streams.Restart(ctx, x.key); err != nil {
			return false, fmt.Errorf("beginning a check: %w", err)
		}
	}
	feed := &verifyFeed{session: x}
	for more := true; more; {
		if more, err = engine.Pull(ctx, feed, x); err != nil {
			return false, err
		}
	}
	if feed.reconciled == nil {
		return false, nil // another worker has brought this check to its end meanwhile
	}
	if err := x.rewind(ctx, feed.reconciled.h0); err != nil {
		return false, fmt.Errorf("setting the history back: %w", err)
	}
	return false, feed.reconciled.conclude(ctx)
}

// catchUp follows the history to its end first, so that mail which has arrived
// since the last look does not count as a difference. more: somebody else moved
// it meanwhile.
func (x *session) catchUp(ctx context.Context) (more bool, err error) {
	h := &session{Service: x.Service, box: x.box, spent: x.spent}
	if ok, err := h.load(ctx, x.conn.ID, crm.StreamGmailHistory); err != nil || !ok {
		return false, err
	}
	for more = true; more && err == nil; {
		h.until = x.Now().Add(x.Budget)
		if more, err = history(ctx, h); fault.Is(err, fault.Stale) {
			break
		}
	}
	x.profile, x.spent = h.profile, h.spent
	return h.settle(ctx, more, err)
}

// verifyFeed is a reconciliation from a history id read first.
type verifyFeed struct {
	*session
	reconciled *reconciliation
}

func (f *verifyFeed) Open(context.Context) (engine.Cursor, error) { return "", nil }

func (f *verifyFeed) Since(context.Context, engine.Cursor, engine.Cursor) (engine.Page[Item], error) {
	return engine.Page[Item]{}, nil
}

func (f *verifyFeed) List(ctx context.Context, page engine.Cursor) (engine.Page[Item], error) {
	if f.reconciled == nil || page == "" {
		p, err := f.look(ctx)
		if err != nil {
			return engine.Page[Item]{}, err
		}
		if f.reconciled, err = reconcile(ctx, f.session, p.HistoryID); err != nil {
			return engine.Page[Item]{}, err
		}
		if err := f.reconciled.arrived(ctx); err != nil {
			return engine.Page[Item]{}, err
		}
	}
	return f.reconciled.page(ctx)
}

// arrived takes from what is missing what came while the lists were read: followed once
// more, the history has brought it, and it was never missing.
func (r *reconciliation) arrived(ctx context.Context) error {
	if len(r.missing) == 0 {
		return nil
	}
	if _, err := r.catchUp(ctx); err != nil {
		return err
	}
	const most = 500
	var missing []Ref
	for part := range slices.Chunk(r.missing, most) {
		ids := make([]string, len(part))
		for i, ref := range part {
			ids[i] = ref.ID
		}
		known, err := r.Streams.Known(ctx, r.conn.ID, ids)
		if err != nil {
			return fmt.Errorf("looking up what came meanwhile: %w", err)
		}
		for _, ref := range part {
			if k, ok := known[ref.ID]; !ok || k.Failed || k.Excluded || k.Deleted {
				missing = append(missing, ref)
			}
		}
	}
	r.missing, r.result.Missing = missing, int64(len(missing))
	return nil
}

// reconciliation compares Google's ids and labels with ours and heals what
// differs. Everything it finds was so at some time after the history id h0;
// changes after h0 are replayed afterwards and win, as they are newer.
type reconciliation struct {
	*session
	h0       uint64
	missing  []Ref // wanted, listed, not stored
	extra    []Ref // stored, not listed: Google is asked about each
	relabel  []engine.Change[Item]
	result   crm.Completeness
	expected []uint64            // ids that have to be here in the end
	excused  map[uint64]struct{} // but not these: gone or unwanted when fetched
	form     idForm
	pages    int
	over     bool
}

// reconcile takes the census and plans. It changes nothing yet.
func reconcile(ctx context.Context, x *session, h0 uint64) (*reconciliation, error) {
	r := &reconciliation{session: x, h0: h0, excused: map[uint64]struct{}{}}
	r.result = crm.Completeness{ConnectionID: x.conn.ID, CheckedAt: x.Now()}
	labels, err := x.saveLabels(ctx)
	if err != nil {
		return nil, err
	}
	ranges, err := x.ranges(ctx)
	if err != nil {
		return nil, err
	}
	c := &census{labels: make(map[string][]uint32, len(labels))}
	listed := make(map[string]uint64, len(labels))
	for _, l := range labels {
		listed[l.ID] = labelHash(l.ID)
	}
	if err := c.readStored(ctx, x, listed); err != nil {
		return nil, err
	}
	if err := c.readAll(ctx, x, ranges.whole()); err != nil {
		return nil, err
	}
	for _, l := range labels {
		if err := c.readLabel(ctx, x, l); err != nil {
			return nil, err
		}
	}
	return r, r.plan(ctx, c, ranges)
}

// bounds says how far down each chosen label has been imported: Unix ms of the
// oldest message, 0 for all of it.
type bounds map[string]int64

func (b bounds) whole() bool {
	for _, floor := range b {
		if floor == 0 {
			return true
		}
	}
	return false
}

// ranges reads from the back-fill's position what it has imported so far.
func (x *session) ranges(ctx context.Context) (bounds, error) {
	at, err := x.Streams.Load(ctx, key(x.conn, crm.StreamGmailBackfill))
	if err != nil {
		return nil, fmt.Errorf("reading how far the back-fill is: %w", err)
	}
	done, err := readMark(at.Mark)
	if err != nil {
		return nil, err
	}
	out := bounds{}
	for _, l := range x.conn.Settings.Labels {
		if c, ok := done.of(l); ok {
			out[l] = c.Floor
		}
	}
	if at.Full && at.Page != "" {
		var p backfillPass
		if err := readPass(at.Page, &p); err != nil {
			return nil, err
		}
		for _, l := range p.Labels {
			if _, ok := out[l.Label]; !ok && p.Floor > 0 {
				out[l.Label] = p.Floor
			}
		}
	}
	return out, nil
}

// plan finds what differs.
func (r *reconciliation) plan(ctx context.Context, c *census, ranges bounds) error {
	r.form = c.form
	want, ends := c.wantedSet(r.conn.Settings.Labels, ranges)
	for pos, w := range want {
		if !w {
			continue
		}
		id := c.ids[pos]
		row := c.row(id)
		if row == nil && !c.within(uint32(pos), ends) {
			continue
		}
		if row == nil && c.keptOut(id) {
			r.result.Excluded++
			continue
		}
		r.expected = append(r.expected, id)
		if row == nil {
			r.missing = append(r.missing, c.ref(uint32(pos)))
		}
	}
	slices.Sort(r.expected)
	r.expected = slices.Compact(r.expected)
	relabel := map[uint32][]string{}
	for _, row := range c.stored {
		switch {
		case row.pos < 0:
			r.extra = append(r.extra, Ref{ID: c.form.text(row.id)})
		case row.hash != c.hashes[row.pos]:
			relabel[uint32(row.pos)] = nil
		}
	}
	c.labelsAt(relabel)
	r.result.Missing, r.result.Extra = int64(len(r.missing)), int64(len(r.extra))
	return r.planLabels(ctx, c, relabel)
}

// planLabels makes the corrections of labels. Labels that Google does not list
// stay as they are. What we are changing ourselves just now is corrected, too,
// but it is no difference: the history brings it.
func (r *reconciliation) planLabels(ctx context.Context, c *census, relabel map[uint32][]string) error {
	positions := make([]uint32, 0, len(relabel))
	for p := range relabel {
		positions = append(positions, p)
	}
	slices.Sort(positions)
	pending, err := r.pending(ctx)
	if err != nil {
		return err
	}
	const most = 500
	for part := range slices.Chunk(positions, most) {
		ids := make([]string, len(part))
		for i, p := range part {
			ids[i] = c.form.text(c.ids[p])
		}
		known, err := r.Streams.Known(ctx, r.conn.ID, ids)
		if err != nil {
			return fmt.Errorf("looking up messages with other labels: %w", err)
		}
		for i, p := range part {
			labels := relabel[p]
			for _, l := range known[ids[i]].Labels {
				if _, listed := c.labels[l]; !listed && !strings.HasPrefix(l, "Label_") {
					labels = append(labels, l)
				}
			}
			slices.Sort(labels)
			if sameLabels(labels, known[ids[i]].Labels) {
				continue // has come with the history since
			}
			if _, ours := pending[ids[i]]; !ours {
				r.result.Relabelled++
			}
			r.relabel = append(r.relabel, engine.Change[Item]{
				ID: ids[i], Rev: strconv.FormatUint(r.h0, 10), Value: &Item{ThreadID: c.ref(p).ThreadID, Labels: labels},
			})
		}
	}
	return nil
}

// pending are the messages with changes of ours on their way.
func (x *session) pending(ctx context.Context) (map[string]struct{}, error) {
	if x.Changes == nil {
		return nil, nil
	}
	ids, err := x.Changes.Pending(ctx, x.conn.ID)
	if err != nil {
		return nil, fmt.Errorf("reading changes on their way: %w", err)
	}
	return ids, nil
}

// wantedSet says for each position whether the message is wanted by its listed
// labels, and how far down each chosen label's range goes.
func (c *census) wantedSet(chosen []string, ranges bounds) (want []bool, ends map[string]uint32) {
	want = make([]bool, len(c.ids))
	if slices.Contains(chosen, crm.AllLabels) {
		for _, p := range c.byID {
			want[p] = true
		}
	}
	for _, l := range chosen {
		for _, p := range c.labels[l] {
			want[p] = true
		}
	}
	for _, l := range never {
		for _, p := range c.labels[l] {
			want[p] = false
		}
	}
	ends = map[string]uint32{}
	for l, floor := range ranges {
		if floor == 0 {
			ends[l] = uint32(len(c.ids))
			continue
		}
		for _, row := range c.stored {
			if row.pos >= 0 && row.want && row.date >= floor {
				ends[l] = max(ends[l], uint32(row.pos))
			}
		}
	}
	return want, ends
}

// within says whether a position lies in the imported range of a label it has.
func (c *census) within(p uint32, ends map[string]uint32) bool {
	for l, end := range ends {
		if p > end {
			continue
		}
		if l == crm.AllLabels {
			return true
		}
		if _, has := slices.BinarySearch(c.labels[l], p); has {
			return true
		}
	}
	return false
}

func (c *census) ref(p uint32) Ref {
	return Ref{ID: c.form.text(c.ids[p]), ThreadID: c.form.text(c.threads[p])}
}

// page heals a piece of the plan: corrected labels, then messages fetched, then
// messages Google is asked about.
func (r *reconciliation) page(ctx context.Context) (engine.Page[Item], error) {
	const labels, messages = 1000, 100
	var out engine.Page[Item]
	switch {
	case len(r.relabel) > 0:
		n := min(labels, len(r.relabel))
		out.Changes, r.relabel = r.relabel[:n], r.relabel[n:]
	case len(r.missing)+len(r.extra) > 0:
		refs := &r.missing
		if len(r.missing) == 0 {
			refs = &r.extra
		}
		n := min(messages, len(*refs))
		got, err := r.fetch(ctx, (*refs)[:n])
		if err != nil {
			return out, err
		}
		*refs = (*refs)[n:]
		out.Changes = r.found(got)
	}
	if len(r.relabel)+len(r.missing)+len(r.extra) > 0 {
		r.pages++
		out.Next = engine.Cursor(strconv.Itoa(r.pages))
	}
	r.over = out.Next == ""
	out.Total = int64(len(r.expected))
	return out, nil
}

func (r *reconciliation) found(got []fetched) []engine.Change[Item] {
	var out []engine.Change[Item]
	for _, g := range got {
		if g.extra {
			continue
		}
		if g.excluded {
			n, _ := r.form.number(g.ref.ID)
			if _, twice := r.excused[n]; !twice {
				r.excused[n] = struct{}{}
				r.result.Missing--
				r.result.Excluded++
			}
		} else if g.change.Err == nil {
			r.result.Healed++
			if !g.wanted {
				n, _ := r.form.number(g.ref.ID)
				r.excused[n] = struct{}{}
			}
		}
		out = append(out, g.change)
	}
	return out
}

// conclude counts what is here now and stores the result.
func (r *reconciliation) conclude(ctx context.Context) error {
	r.result.Healed += r.result.Relabelled
	here := make([]bool, len(r.expected))
	err := r.Streams.EachStored(ctx, r.conn.ID, func(id string, _ time.Time, _ []string) error {
		n, err := r.form.number(id)
		if i, ok := slices.BinarySearch(r.expected, n); ok {
			here[i] = true
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("counting what is stored: %w", err)
	}
	var absent []string
	for i, n := range r.expected {
		if here[i] {
			r.result.RapportCount++
		} else if _, ok := r.excused[n]; !ok {
			absent = append(absent, r.form.text(n))
		}
	}
	r.result.GoogleCount = r.result.RapportCount + int64(len(absent))
	if err := r.explainAbsent(ctx, absent); err != nil {
		return err
	}
	r.result.CheckedAt = r.Now()
	if err := r.Streams.SaveCompleteness(ctx, r.key, r.result); err != nil {
		return fmt.Errorf("storing the result of the check: %w", err)
	}
	return nil
}

// explainAbsent looks for the reason why messages are not here.
func (r *reconciliation) explainAbsent(ctx context.Context, absent []string) error {
	const most = 500
	for part := range slices.Chunk(absent, most) {
		known, err := r.Streams.Known(ctx, r.conn.ID, part)
		if err != nil {
			return fmt.Errorf("looking up missing messages: %w", err)
		}
		for _, id := range part {
			switch k := known[id]; {
			case k.Deleted: // deleted at Google since it was listed
				r.result.GoogleCount--
			case k.Excluded: // a rule has come meanwhile
				r.result.GoogleCount--
				r.result.Excluded++
			case k.Failed: // in the ledger
			default:
				r.result.Unexplained++
			}
		}
	}
	return nil
}

package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fault"
)

// history is the step of gmail.history: what changed since the mark.
func history(ctx context.Context, x *session) (bool, error) {
	feed := &historyFeed{session: x, seen: Look{Began: x.Now()}}
	more, err := x.pull(ctx, feed)
	for err == nil && more && feed.reconciled != nil && !feed.reconciled.over {
		more, err = engine.Pull(ctx, feed, x) // a census is too dear to take twice
	}
	if err == nil && feed.reconciled != nil {
		err = feed.reconciled.conclude(ctx)
	}
	if err != nil || more {
		return more, err
	}
	if err := x.wellAgain(ctx); err != nil {
		return false, err
	}
	if err := x.resume(ctx); err != nil {
		return false, err
	}
	if x.Pace != nil {
		if decided, err := x.Pace.Looked(ctx, x.conn, feed.seen); err != nil || decided {
			return false, err
		}
	}
	if every := time.Duration(x.conn.Settings.PollSeconds) * time.Second; every > PollEvery {
		// Whoever polls with every round needs no note of it.
		return false, x.Connections.Polled(ctx, x.conn.ID, x.Now().Add(every))
	}
	return false, nil
}

// wellAgain puts a good run on record when the last one failed: a look that
// finds nothing new writes none by itself, and the failure would stand for ever.
func (x *session) wellAgain(ctx context.Context) error {
	if x.key.Run != "" {
		return nil
	}
	last, err := x.Runs.LastRun(ctx, x.conn.ID, x.key.Stream)
	if fault.Is(err, fault.NotFound) || err == nil && last.State != crm.RunFailed {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the last run: %w", err)
	}
	return x.beginRun(ctx)
}

// resume asks for a back-fill that is not through, should nobody be at work on
// it: a job may have been lost, given up or cancelled.
func (x *session) resume(ctx context.Context) error {
	more, err := x.incomplete(ctx)
	if err != nil || !more {
		return err
	}
	return x.Queue.Enqueue(ctx, job(KindBackfill, x.conn.ID, x.Now().Add(resumeAfter)))
}

const resumeAfter = 10 * time.Minute

// historyFeed follows users.history.list.
type historyFeed struct {
	*session
	reconciled *reconciliation
	seen       Look
}

// bite is how many messages one page of changes fetches at most: what arrives
// is committed and visible that often.
const bite = 100

// Open gives the mailbox's history id of now.
func (f *historyFeed) Open(ctx context.Context) (engine.Cursor, error) {
	p, err := f.look(ctx)
	return mark(p.HistoryID), err
}

// List is empty for a mailbox that was never followed: the back-fill imports.
// After an expiry it is the reconciliation, whose end makes the held mark good.
func (f *historyFeed) List(ctx context.Context, page engine.Cursor) (engine.Page[Item], error) {
	if f.at.Mark == "" {
		return engine.Page[Item]{}, nil
	}
	if f.reconciled == nil || page == "" { // a pass begins, or another process began it
		h0, err := historyID(f.at.Held)
		if err != nil {
			return engine.Page[Item]{}, err
		}
		if f.reconciled, err = reconcile(ctx, f.session, h0); err != nil {
			return engine.Page[Item]{}, err
		}
	}
	return f.reconciled.page(ctx)
}

// Since gives a bite of a page of changes. The mark comes with the last page of
// a walk only: response ids of earlier pages would skip changes.
func (f *historyFeed) Since(ctx context.Context, since, page engine.Cursor) (engine.Page[Item], error) {
	w, err := readWalk(since, page)
	if err != nil {
		return engine.Page[Item]{}, err
	}
	got, err := f.box.History(ctx, w.Start, w.Token)
	if w.Token != "" && forgotten(err) {
		// Records come in the order of their ids (users.history.list), so the walk
		// goes on behind the last one applied, without the token.
		w = walk{Start: max(w.Start, w.Last), Last: w.Last}
		got, err = f.box.History(ctx, w.Start, "")
	}
	if err != nil {
		return engine.Page[Item]{}, err
	}
	records, left := cut(got.Records, w.Cut, bite)
	changes, err := f.resolve(ctx, records)
	if err != nil {
		return engine.Page[Item]{}, err
	}
	if len(records) > 0 {
		w.Last = max(w.Last, records[len(records)-1].ID)
	}
	out := engine.Page[Item]{Changes: changes}
	switch {
	case left:
		w.Cut = w.Last
		out.Next, err = w.cursor()
	case got.Next != "":
		w.Cut, w.Token = 0, got.Next
		out.Next, err = w.cursor()
	default:
		reached := max(w.Start, w.Last, got.HistoryID)
		out.Mark = mark(reached)
		f.seen.Since, f.seen.Reached, f.seen.Changed = w.Start, reached, w.Last
	}
	return out, err
}

// walk is the position within the pages of changes after a history id.
type walk struct {
	Start uint64 `json:"start"`          // the history id asked for
	Last  uint64 `json:"last,omitempty"` // of the records applied
	Cut   uint64 `json:"cut,omitempty"`  // last record taken from the page of Token, 0: none yet
	Token string `json:"token,omitempty"`
}

func readWalk(since, page engine.Cursor) (w walk, err error) {
	if page == "" {
		w.Start, err = historyID(since)
		return w, err
	}
	if err = json.Unmarshal([]byte(page), &w); err != nil {
		return w, fmt.Errorf("a stored position in the history: %w", err)
	}
	return w, nil
}

func (w walk) cursor() (engine.Cursor, error) {
	b, err := json.Marshal(w)
	return engine.Cursor(b), err
}

// forgotten says whether an error may mean that a page token is no good any more.
func forgotten(err error) bool {
	switch fault.Of(err) {
	case fault.Stale, fault.Invalid, fault.NotFound, fault.Gone:
		return err != nil
	}
	return false
}

// cut takes the records after the history id done, as many as name n messages,
// never splitting the records of one id. left: there are more.
func cut(records []HistoryRecord, done uint64, n int) (taken []HistoryRecord, left bool) {
	first := 0
	for first < len(records) && records[first].ID <= done {
		first++
	}
	seen := make(map[string]struct{}, n)
	for i, r := range records[first:] {
		if _, ok := seen[r.Ref.ID]; !ok && len(seen) >= n && i > 0 && records[first+i-1].ID != r.ID {
			return records[first : first+i], true
		}
		seen[r.Ref.ID] = struct{}{}
	}
	return records[first:], false
}

// delta is what the records of a page say about one message in the end.
type delta struct {
	last    HistoryRecord
	deleted bool
	became  bool // added, or became wanted by a change of labels
}

func reduce(records []HistoryRecord, chosen []string) (order []string, deltas map[string]*delta) {
	deltas = make(map[string]*delta, len(records))
	for _, r := range records {
		d := deltas[r.Ref.ID]
		if d == nil {
			d = &delta{}
			deltas[r.Ref.ID] = d
			order = append(order, r.Ref.ID)
		}
		d.last = r
		d.deleted = d.deleted || r.Kind == MessageDeleted
		d.became = d.became || becameWanted(r, chosen)
	}
	return order, deltas
}

// resolve turns records into changes: deletions and labels as they are, new
// wanted messages fetched.
func (f *historyFeed) resolve(ctx context.Context, records []HistoryRecord) ([]engine.Change[Item], error) {
	if len(records) == 0 {
		return nil, nil
	}
	chosen := f.conn.Settings.Labels
	order, deltas := reduce(records, chosen)
	known, err := f.Streams.Known(ctx, f.conn.ID, order)
	if err != nil {
		return nil, fmt.Errorf("looking up changed messages: %w", err)
	}
	var changes []engine.Change[Item]
	var refs []Ref
	for _, id := range order {
		d := deltas[id]
		k, stored := known[id]
		c := engine.Change[Item]{ID: id, Rev: strconv.FormatUint(d.last.ID, 10)}
		switch {
		case d.deleted:
		case k.Excluded, d.last.ID <= k.HistoryID:
			c.Value = &Item{Skip: true}
		case stored && !k.Deleted && !k.Failed:
			c.Value = &Item{ThreadID: d.last.Ref.ThreadID, Labels: d.last.Labels, Echo: sameLabels(d.last.Labels, k.Shown)}
		case wanted(d.last.Labels, chosen) && (d.became || stored):
			refs = append(refs, d.last.Ref)
			continue
		default:
			c.Value = &Item{Skip: true}
		}
		changes = append(changes, c)
	}
	got, err := f.fetch(ctx, refs)
	if err != nil {
		return nil, err
	}
	for _, g := range got {
		if !g.extra {
			changes = append(changes, g.change)
			f.seen.meet(g.change)
		}
	}
	return changes, f.noticeLabels(ctx, changes)
}

// sameLabels compares sets of labels.
func sameLabels(a, b []string) bool { return slices.Equal(Delta{}.On(a), Delta{}.On(b)) }

// look reads the profile.
func (x *session) look(ctx context.Context) (Profile, error) {
	p, err := x.box.Profile(ctx)
	if err != nil {
		return Profile{}, fmt.Errorf("reading the profile: %w", err)
	}
	x.profile = &p
	return p, nil
}

// hold makes sure that the history stream has its mark before anything is
// listed: what changes after a list must be seen as a change.
func (x *session) hold(ctx context.Context) error {
	h := *x
	h.key = key(x.conn, crm.StreamGmailHistory)
	for range 3 {
		at, err := h.Load(ctx)
		if err != nil {
			return fmt.Errorf("loading the history's checkpoint: %w", err)
		}
		if at.Mark != "" || at.Full {
			return nil
		}
		_, err = engine.Pull(ctx, &historyFeed{session: &h}, &h)
		x.profile, x.spent = h.profile, h.spent
		if err != nil && !fault.Is(err, fault.Stale) {
			return err
		}
	}
	return fault.New(fault.Unavailable, "The mailbox is being opened by somebody else.")
}

// Messages fetched by one stream are written a while later. What changes at
// Gmail in between may by then have been passed by the history stream, which
// ignored it: the message was not stored yet. So every stream that fetches
// notes, with what it writes, the history id followed before it fetched, and
// afterwards has the changes since then applied again; they win, being newer.

// followed is the history id up to which changes have been applied, or will be
// seen for certain.
func (x *session) followed(ctx context.Context) (uint64, error) {
	at, err := x.Streams.Load(ctx, key(x.conn, crm.StreamGmailHistory))
	if err != nil {
		return 0, fmt.Errorf("loading the history's checkpoint: %w", err)
	}
	if at.Full {
		return historyID(at.Held)
	}
	return historyID(at.Mark)
}

// rewind has the changes after a history id applied again. It does nothing
// when they have not been passed yet.
func (x *session) rewind(ctx context.Context, to uint64) error {
	k := key(x.conn, crm.StreamGmailHistory)
	for tries := 1; ; tries++ {
		at, err := x.Streams.Load(ctx, k)
		if err != nil {
			return fmt.Errorf("loading the history's checkpoint: %w", err)
		}
		back, err := setBack(at, to)
		if err != nil || back == at {
			return err
		}
		_, err = x.Streams.Apply(ctx, k, at, engine.Batch[Item]{At: back})
		if !fault.Is(err, fault.Stale) || tries == 10 {
			return err
		}
	}
}

// setBack is a checkpoint of the history from which everything after an id is
// seen again.
func setBack(at engine.Checkpoint, to uint64) (engine.Checkpoint, error) {
	from := &at.Mark
	if at.Full {
		from = &at.Held
	}
	now, err := historyID(*from)
	if err != nil || now <= to {
		return at, err
	}
	*from = mark(to)
	if !at.Full {
		at.Page = ""
	}
	return at, nil
}

// noticeLabels saves the mailbox's labels when a change names one that has not
// been seen.
func (x *session) noticeLabels(ctx context.Context, changes []engine.Change[Item]) error {
	for _, c := range changes {
		if c.Value != nil && !x.labels.all(x.conn.ID, c.Value.Labels) {
			_, err := x.saveLabels(ctx)
			if errors.Is(err, context.Canceled) {
				return err
			}
			if err != nil {
				// The messages matter more than the names of their labels.
				x.log().WarnContext(ctx, "reading labels", "connection", x.conn.ID, "error", err)
			}
			x.labels.add(x.conn.ID, c.Value.Labels)
		}
	}
	return nil
}

func (x *session) saveLabels(ctx context.Context) ([]crm.Label, error) {
	labels, err := x.box.Labels(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading labels: %w", err)
	}
	if err := x.Streams.SaveLabels(ctx, x.conn.ID, labels); err != nil {
		return nil, fmt.Errorf("saving labels: %w", err)
	}
	ids := make([]string, len(labels))
	for i, l := range labels {
		ids[i] = l.ID
	}
	x.labels.add(x.conn.ID, ids)
	return labels, nil
}

// all says whether every user label among ids has been seen.
func (m *labelMemory) all(c crm.ConnectionID, ids []string) bool {
	m.Lock()
	defer m.Unlock()
	return !slices.ContainsFunc(ids, func(id string) bool {
		_, ok := m.seen[c][id]
		return !ok && strings.HasPrefix(id, "Label_")
	})
}

func (m *labelMemory) add(c crm.ConnectionID, ids []string) {
	m.Lock()
	defer m.Unlock()
	if m.seen == nil {
		m.seen = map[crm.ConnectionID]map[string]struct{}{}
	}
	if m.seen[c] == nil {
		m.seen[c] = map[string]struct{}{}
	}
	for _, id := range ids {
		if strings.HasPrefix(id, "Label_") {
			m.seen[c][id] = struct{}{}
		}
	}
}

// mark writes a history id as a cursor.
func mark(id uint64) engine.Cursor { return engine.Cursor(strconv.FormatUint(id, 10)) }

func historyID(c engine.Cursor) (uint64, error) {
	id, err := strconv.ParseUint(string(c), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("a stored history id: %w", err)
	}
	return id, nil
}

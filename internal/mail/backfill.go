package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fault"
)

// backfill is the step of gmail.backfill: the newest N messages of the chosen
// labels, newest first. When it is through it asks for the completeness check.
func backfill(ctx context.Context, x *session) (bool, error) {
	if err := x.hold(ctx); err != nil {
		return false, err
	}
	feed := x.listings.take(x)
	withLane(x, feed)
	defer feed.lane.rest()
	more, err := x.pull(ctx, feed)
	if err == nil && more {
		x.listings.keep(feed)
	}
	if err == nil {
		err = feed.names(ctx)
	}
	if err != nil || more || x.key.Run == "" {
		return more, err
	}
	// The run is ended after this: a crash here asks again.
	check := job(KindVerify, x.conn.ID, x.Now())
	check.Every = verifyEvery
	return false, x.Queue.Enqueue(ctx, check)
}

// incomplete says whether there is more to import than has been.
func (x *session) incomplete(ctx context.Context) (bool, error) {
	at, err := x.Streams.Load(ctx, key(x.conn, crm.StreamGmailBackfill))
	if err != nil {
		return false, fmt.Errorf("loading the back-fill's checkpoint: %w", err)
	}
	done, err := readMark(at.Mark)
	return at.Full || len(done.missing(x.conn.Settings)) > 0, err
}

// Sizes of what is fetched and committed at once. The first chunk is small, so
// that the inbox is useful at once; then chunks grow as long as they are quick.
const (
	firstChunk = 50
	chunk      = 100
	mostChunk  = 500
	quick      = 2 * time.Second
	slow       = 15 * time.Second
	leastChunk = 16
	patience   = 4 * time.Second // longest wait for quota within a chunk
	lookahead  = 2000            // refs listed ahead, so that threads can be fetched whole
)

// backfillMark is what has been imported: the mark of the stream between passes.
type backfillMark struct {
	Labels map[string]covered `json:"labels"`
	After  uint64             `json:"after,omitempty"` // see backfillPass
	Lane   LaneState          `json:"lane,omitzero"`
}

// covered is how far one label has been imported.
type covered struct {
	Limit int   `json:"limit"`           // 0: all
	Since int64 `json:"since"`           // Unix seconds, 0: no bound
	Floor int64 `json:"floor,omitempty"` // Unix ms of the oldest message; 0: to the label's end
}

// less says whether c covers less than the settings ask for.
func (c covered) less(limit int, since int64) bool {
	if c.Since != 0 && (since == 0 || since < c.Since) {
		return true
	}
	return c.Floor != 0 && c.Limit != 0 && (limit == 0 || limit > c.Limit)
}

// backfillPass is the position within a pass, as stored.
type backfillPass struct {
	Labels []labelPlace `json:"labels"`
	Limit  int          `json:"limit"`
	Since  int64        `json:"since,omitempty"`
	Query  string       `json:"query,omitempty"`
	Count  int64        `json:"count"`           // wanted messages passed
	Floor  int64        `json:"floor,omitempty"` // Unix ms of the oldest of them
	After  uint64       `json:"after,omitempty"` // history id followed before the last fetch
	Lane   LaneState    `json:"lane,omitzero"`
}

// labelPlace is the position in the list of one label ("*": of everything).
type labelPlace struct {
	Label  string `json:"label"`
	Token  string `json:"token,omitempty"`
	Offset int    `json:"offset,omitempty"`
}

// Imported is how many messages of a back-fill under way are dealt with. The
// run's counts alone would say too much: what is passed again after a pause, or
// came along with its thread, is counted there each time it is met.
func (s *Service) Imported(ctx context.Context, c crm.Connection, run crm.Run) (int64, error) {
	at, err := s.Streams.Load(ctx, key(c, crm.StreamGmailBackfill))
	if err != nil {
		return 0, fmt.Errorf("reading the back-fill's position: %w", err)
	}
	done := run.Counts.Added + run.Counts.Failed
	if at.Page == "" {
		return done, nil
	}
	var pass backfillPass
	if err := readPass(at.Page, &pass); err != nil {
		return 0, err
	}
	return max(done, pass.Count), nil
}

func readPass(c engine.Cursor, p *backfillPass) error {
	if err := json.Unmarshal([]byte(c), p); err != nil {
		return fmt.Errorf("a stored position in the back-fill: %w", err)
	}
	return nil
}

// backfillFeed lists the chosen labels side by side, newest first.
type backfillFeed struct {
	*session
	pass  *backfillPass
	queue *window
	size  int
	named bool // the labels' names have been saved, or need not be
	lane  lane

	cursor engine.Cursor // the position that pass and queue are at
	kept   time.Time
}

// Open holds nothing: the history stream does.
func (f *backfillFeed) Open(context.Context) (engine.Cursor, error) { return "", nil }

// Since has nothing to give while the settings are covered, and asks for a new
// pass (fault.Stale) when more was chosen.
func (f *backfillFeed) Since(ctx context.Context, m, _ engine.Cursor) (engine.Page[Item], error) {
	done, err := readMark(m)
	if err != nil {
		return engine.Page[Item]{}, err
	}
	if done.After != 0 {
		if err := f.rewind(ctx, done.After); err != nil {
			return engine.Page[Item]{}, err
		}
	}
	if len(done.missing(f.conn.Settings)) > 0 {
		return engine.Page[Item]{}, fault.New(fault.Stale, "more was chosen")
	}
	done.After = 0
	settled, err := json.Marshal(done.kept(f.conn.Settings.Labels))
	return engine.Page[Item]{Mark: engine.Cursor(settled)}, err
}

// List gives the next chunk of the pass.
func (f *backfillFeed) List(ctx context.Context, page engine.Cursor) (engine.Page[Item], error) {
	got, err := f.next(ctx, page)
	if err != nil || got.Next == "" {
		f.queue = nil
	}
	return got, err
}

func (f *backfillFeed) next(ctx context.Context, page engine.Cursor) (engine.Page[Item], error) {
	if err := f.open(ctx, page); err != nil {
		return engine.Page[Item]{}, err
	}
	if err := f.follow(ctx); err != nil {
		return engine.Page[Item]{}, err
	}
	began := f.Now()
	ahead := lookahead
	if f.pass.Limit > 0 {
		ahead = min(ahead, f.pass.Limit-int(f.pass.Count))
	}
	least := ahead
	if f.size == firstChunk { // the first messages wait for one page of each list only
		least = min(least, firstChunk)
	}
	if err := f.queue.fill(ctx, least, ahead); err != nil {
		return engine.Page[Item]{}, err
	}
	changes, err := f.chunk(ctx)
	if err != nil {
		return engine.Page[Item]{}, err
	}
	f.pace(f.Now().Sub(began))
	return f.turn(changes)
}

// follow sees to the changes since the last chunk was fetched, and notes where
// the history is before the next one is.
func (f *backfillFeed) follow(ctx context.Context) (err error) {
	if f.pass.After != 0 {
		if err := f.rewind(ctx, f.pass.After); err != nil {
			return err
		}
	}
	f.pass.After, err = f.followed(ctx)
	if l := f.lane.labels; l != nil && err == nil {
		f.pass.After = min(f.pass.After, l.since)
	}
	return err
}

// names saves the mailbox's labels once in a pass, after the first messages are
// there.
func (f *backfillFeed) names(ctx context.Context) error {
	if f.named || f.pass == nil {
		return nil
	}
	f.named = true
	_, err := f.saveLabels(ctx)
	return err
}

// open begins a pass or takes it up where it was left.
func (f *backfillFeed) open(ctx context.Context, page engine.Cursor) error {
	if f.queue != nil && page != "" && page == f.cursor {
		return nil
	}
	f.pass = &backfillPass{}
	if page == "" {
		done, err := readMark(f.at.Mark)
		if err != nil {
			return err
		}
		f.pass = newPass(f.conn, done.missing(f.conn.Settings))
		f.pass.Lane = done.Lane
	} else if err := readPass(page, f.pass); err != nil {
		return err
	}
	f.named = page != ""
	if page != "" {
		f.size = max(f.size, chunk)
	}
	f.queue, f.cursor = newWindow(f.session, f.pass), page
	return f.expect(ctx)
}

// expect finds out how many messages the mailbox has, for the expected number.
func (f *backfillFeed) expect(ctx context.Context) error {
	if f.profile != nil || f.run.Total > 0 {
		return nil
	}
	_, err := f.look(ctx)
	return err
}

func newPass(c crm.Connection, labels []string) *backfillPass {
	p := &backfillPass{Limit: c.Settings.Limit}
	if s := c.Settings.Since; s != nil {
		p.Since = s.Unix()
		if !metadataOnly(c) {
			p.Query = "after:" + strconv.FormatInt(p.Since-1, 10)
		}
	}
	for _, l := range labels {
		p.Labels = append(p.Labels, labelPlace{Label: l})
	}
	return p
}

// metadataOnly says whether the grant reads headers only; search is not possible
// then (Gmail API, users.messages.list, parameter q).
func metadataOnly(c crm.Connection) bool {
	const scopes = "https://www.googleapis.com/auth/gmail."
	for _, s := range c.GrantedScopes {
		if s == "https://mail.google.com/" || s == scopes+"readonly" || s == scopes+"modify" {
			return false
		}
	}
	return slices.Contains(c.GrantedScopes, scopes+"metadata")
}

func readMark(c engine.Cursor) (backfillMark, error) {
	var m backfillMark
	if c == "" {
		return m, nil
	}
	if err := json.Unmarshal([]byte(c), &m); err != nil {
		return m, fmt.Errorf("the back-fill's stored mark: %w", err)
	}
	return m, nil
}

// missing gives the chosen labels that are not covered yet.
func (m backfillMark) missing(s crm.ConnectionSettings) []string {
	chosen := s.Labels
	if slices.Contains(chosen, crm.AllLabels) {
		chosen = []string{crm.AllLabels}
	}
	since := int64(0)
	if s.Since != nil {
		since = s.Since.Unix()
	}
	var out []string
	for _, l := range chosen {
		if c, ok := m.of(l); !ok || c.less(s.Limit, since) {
			out = append(out, l)
		}
	}
	return out
}

// of says how far a label has been imported, by itself or with all the others.
func (m backfillMark) of(label string) (c covered, ok bool) {
	if c, ok = m.Labels[label]; !ok {
		c, ok = m.Labels[crm.AllLabels]
	}
	return c, ok
}

// kept is the mark without labels that are not chosen any more: what arrives
// under them from now on is not imported, so they are not covered if they are
// chosen again.
func (m backfillMark) kept(chosen []string) backfillMark {
	labels := make(map[string]covered, len(chosen))
	for _, l := range chosen {
		if c, ok := m.of(l); ok {
			labels[l] = c
		}
	}
	m.Labels = labels
	return m
}

// chunk takes entries from the queue until enough messages are to be fetched,
// and fetches them. Other queued messages of the same threads come along, as a
// thread may be cheaper than its messages.
func (f *backfillFeed) chunk(ctx context.Context) ([]engine.Change[Item], error) {
	var changes []engine.Change[Item]
	var take []*entry
	var refs []Ref
	asked := map[string]*entry{}
	fresh := int64(0)
	size := f.affordable()
	for len(refs) < size && len(changes) < lookahead {
		e := f.queue.peek(len(take))
		if e == nil || !e.again && f.full(fresh) {
			break
		}
		take = append(take, e)
		if !e.again {
			fresh++
		}
		switch {
		case e.state == unknown:
			refs, asked[e.ref.ID] = append(refs, e.ref), e
		case e.state == stored && !e.again:
			changes = append(changes, engine.Change[Item]{ID: e.ref.ID, Value: &Item{ThreadID: e.ref.ThreadID, Skip: true}})
		}
	}
	refs = f.mates(refs, asked, len(take), fresh)
	got, err := f.fetch(ctx, refs)
	if err != nil {
		return nil, err
	}
	for _, g := range got {
		e := asked[g.ref.ID]
		switch {
		case e != nil:
			e.settle(g)
		case !g.extra || f.pass.Limit > 0 || !g.wanted:
			continue // came along with its thread, beyond what was asked for
		}
		changes = append(changes, g.change)
	}
	for _, e := range take {
		f.pass.count(e)
	}
	f.queue.drop(len(take))
	return changes, nil
}

// full says whether the limit is reached when so many more have been taken.
func (f *backfillFeed) full(more int64) bool {
	return f.pass.Limit > 0 && f.pass.Count+more >= int64(f.pass.Limit)
}

// mates adds queued messages of the threads that are about to be fetched.
func (f *backfillFeed) mates(refs []Ref, asked map[string]*entry, from int, fresh int64) []Ref {
	threads := make(map[string]struct{}, len(refs))
	for _, r := range refs {
		threads[r.ThreadID] = struct{}{}
	}
	for i := from; !f.full(fresh); i++ {
		e := f.queue.peek(i)
		if e == nil {
			break
		}
		fresh++
		if _, ok := threads[e.ref.ThreadID]; ok && e.state == unknown {
			refs, asked[e.ref.ID] = append(refs, e.ref), e
		}
	}
	return refs
}

// count moves the position past an entry.
func (p *backfillPass) count(e *entry) {
	for _, s := range e.steps {
		l := &p.Labels[s.label]
		if l.Token != s.token || l.Offset < s.offset { // never back over what was passed
			l.Token, l.Offset = s.token, s.offset
		}
	}
	if e.again || !e.counts {
		return
	}
	p.Count++
	if ms := e.date.UnixMilli(); !e.date.IsZero() && (p.Floor == 0 || ms < p.Floor) {
		p.Floor = ms
	}
}

// affordable is the chunk's size, less where quota is short: what has been read
// is to be committed and seen, not to wait for the rest of its chunk.
func (f *backfillFeed) affordable() int {
	e, ok := f.box.(Estimator)
	if !ok {
		return f.size
	}
	n := f.size
	for n > leastChunk {
		if _, takes := e.Estimate(int64(n)); takes <= patience {
			return n
		}
		n /= 2
	}
	return leastChunk
}

// pace makes chunks larger while they are quick.
func (f *backfillFeed) pace(took time.Duration) {
	switch {
	case f.size == firstChunk:
		f.size = chunk
	case took < quick:
		f.size = min(2*f.size, mostChunk)
	case took > slow:
		f.size = max(f.size/2, firstChunk+1)
	}
}

// turn makes the page of a chunk: with the position behind it, or the mark at
// the end of the pass.
func (f *backfillFeed) turn(changes []engine.Change[Item]) (engine.Page[Item], error) {
	page := engine.Page[Item]{Changes: changes, Total: f.total()}
	if !f.full(0) && !f.queue.exhausted() {
		next, err := json.Marshal(f.pass)
		page.Next = engine.Cursor(next)
		f.cursor = page.Next
		return page, err
	}
	done, err := readMark(f.at.Mark)
	if err != nil {
		return page, err
	}
	done = done.kept(f.conn.Settings.Labels)
	floor := f.pass.Floor
	if f.queue.exhausted() {
		floor = 0
		if f.pass.Since != 0 {
			floor = f.pass.Since * 1000
		}
	}
	for _, l := range f.pass.Labels {
		done.Labels[l.Label] = covered{Limit: f.pass.Limit, Since: f.pass.Since, Floor: floor}
	}
	done.After, done.Lane = f.pass.After, f.pass.Lane
	m, err := json.Marshal(done)
	page.Mark = engine.Cursor(m)
	return page, err
}

// total is the expected number: exact when the lists have been read to their
// ends, else the limit or the size of the mailbox, whichever is less.
func (f *backfillFeed) total() int64 {
	n := int64(0)
	switch {
	case f.queue.listed():
		n = f.pass.Count + int64(f.queue.len())
	case f.profile != nil:
		n = f.profile.Messages
	default:
		return 0
	}
	if limit := int64(f.pass.Limit); limit > 0 {
		n = min(n, limit)
	}
	return n
}

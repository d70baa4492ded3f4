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

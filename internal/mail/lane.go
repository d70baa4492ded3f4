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

// The IMAP lane: where its owner has chosen so, a large import reads the messages
// themselves by IMAP, which is outside the API's quota. Everything else stays with the API:
// which messages there are, their ids and threads, the history. What the lane does not
// bring (large messages, what IMAP does not show, all of it while IMAP is refused)
// the API does.

// ScopeMail is the scope that Gmail's IMAP and SMTP ask for.
const ScopeMail = "https://mail.google.com/"

// Lanes opens IMAP lanes (implemented by internal/imapsmtp).
type Lanes interface {
	// Lane gives the lane to the mailbox of a connection of Google's. It signs in
	// when it is first read.
	Lane(c crm.Connection) Lane
}

// Lane reads whole messages of a Gmail mailbox by IMAP. It belongs to one goroutine.
type Lane interface {
	// Read reads those of refs that are there and not larger than most bytes, in any order.
	// An error of yield ends it and is returned. came is how many bytes the
	// server sent, also when it fails. Errors are those of accounts.Servers.
	Read(ctx context.Context, refs []Ref, most int64, yield func(Carried) error) (came int64, err error)
	// Rest ends the connection; what is known of where messages lie is kept.
	Rest()
}

// Carried is a message as IMAP gives it.
type Carried struct {
	Ref   Ref
	Flags []string
	Names []string // X-GM-LABELS, decoded
	Date  time.Time
	Size  int64
	Raw   []byte
}

// Bounds of the lane.
const (
	laneFrom    = 500           // an import with fewer messages to come does without
	laneLeast   = 10            // messages at once that are worth a round trip
	laneLargest = 256 << 10     // of larger messages the API gives the text without the files
	laneDaily   = 2_000_000_000 // of the 2,500 MB a day that Gmail lets an account download by IMAP, other mail programs included
	labelsLast  = 10 * time.Minute
)

// How long the lane rests after trouble.
const (
	restRefused = time.Hour // nothing will change before somebody acts
	restTrouble = 5 * time.Minute
)

// LaneState is what a back-fill knows of its IMAP lane. It is stored with the
// back-fill's position, in the same transaction.
type LaneState struct {
	Messages int64  `json:"n,omitempty"` // brought since it was turned on
	Day      int64  `json:"d,omitempty"` // days since 1970 of Bytes
	Bytes    int64  `json:"b,omitempty"` // downloaded on that day
	Rests    int64  `json:"r,omitempty"` // Unix s: not before
	Why      string `json:"w,omitempty"` // it rests
}

// epochDay counts days as the daily allowance does here: in UTC, since Google does not
// say when its day begins.
func epochDay(t time.Time) int64 { return t.Unix() / 86400 }

// usable says whether the lane may be used now.
func (s *LaneState) usable(now time.Time) bool {
	return s.Rests <= now.Unix() && (s.Day != epochDay(now) || s.Bytes < laneDaily)
}

// note takes in what a read came to.
func (s *LaneState) note(now time.Time, messages, bytes int64, err error) {
	if s.Day != epochDay(now) {
		s.Day, s.Bytes = epochDay(now), 0
	}
	s.Messages, s.Bytes = s.Messages+messages, s.Bytes+bytes
	if err == nil {
		s.Why = ""
		if s.Bytes >= laneDaily {
			s.Rests, s.Why = (epochDay(now)+1)*86400, "Today's share of what Gmail lets an account download by IMAP is used up."
		}
		return
	}
	wait, why := restTrouble, "The mail server broke off."
	switch fault.Of(err) {
	case fault.Reconnect, fault.Permission, fault.Blocked, fault.Conflict, fault.NotFound, fault.Forbidden:
		wait, why = restRefused, "Gmail does not let Rapport in by IMAP."
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Text != "" {
		why = f.Text
	}
	s.Rests, s.Why = now.Add(max(wait, fault.After(err))).Unix(), why
}

// AllowLane refuses the IMAP lane where the grant does not reach to IMAP, with the way
// to where it is given.
func AllowLane(c crm.Connection) error {
	if syncsByIMAP(c) {
		return fault.New(fault.Conflict, "Mail of this account comes by IMAP anyway.")
	}
	if slices.Contains(c.GrantedScopes, ScopeMail) {
		return nil
	}
	return &fault.Error{Kind: fault.Permission, Code: "insufficient_permission", Scopes: []string{ScopeMail},
		Text: "Gmail lets Rapport in by IMAP only after you agree at Google. Connect the account again for IMAP and leave the box for mail ticked.",
		Action: "/api/v1/workspaces/" + string(c.WorkspaceID) + "/integrations/google/connect?services=imap&redirect=true&connection_id=" + string(c.ID) +
			"&return_to=%2Fcrm%2Fsettings%2Fintegrations"}
}

// LaneOf tells how the IMAP lane of a connection does.
func (s *Service) LaneOf(ctx context.Context, c crm.Connection) (LaneState, error) {
	state, err := s.lastLane(ctx, c)
	if err != nil {
		return state, err
	}
	if state.usable(s.Now()) {
		state.Why = ""
	}
	if state.Day != epochDay(s.Now()) {
		state.Bytes = 0
	}
	return state, nil
}

// lastLane is the stored state of the lane.
func (s *Service) lastLane(ctx context.Context, c crm.Connection) (LaneState, error) {
	at, err := s.Streams.Load(ctx, key(c, crm.StreamGmailBackfill))
	if err != nil {
		return LaneState{}, fmt.Errorf("reading the back-fill's position: %w", err)
	}
	if at.Page != "" {
		var pass backfillPass
		err := readPass(at.Page, &pass)
		return pass.Lane, err
	}
	done, err := readMark(at.Mark)
	return done.Lane, err
}

// restartBackfill forgets what was imported, but not what the IMAP lane has used up
// of the day's allowance.
func (s *Service) restartBackfill(ctx context.Context, c crm.Connection) error {
	lane, err := s.lastLane(ctx, c)
	if err != nil {
		return err
	}
	k := key(c, crm.StreamGmailBackfill)
	if err := s.Streams.Restart(ctx, k); err != nil || lane == (LaneState{}) {
		return err
	}
	at, err := s.Streams.Load(ctx, k)
	if err != nil {
		return fmt.Errorf("reading the back-fill's position: %w", err)
	}
	m, err := json.Marshal(backfillMark{Lane: lane})
	if err != nil {
		return err
	}
	to := at
	to.Mark = engine.Cursor(m)
	_, err = s.Streams.Apply(ctx, k, at, engine.Batch[Item]{At: to})
	return err
}

// lane is the IMAP lane of a back-fill's feed.
type lane struct {
	Lane
	labels *laneLabels
}

// rest ends the connection, if there is one.
func (l *lane) rest() {
	if l.Lane != nil {
		l.Rest()
	}
}

// withLane is the mailbox of a back-fill that may read by IMAP.
func withLane(x *session, f *backfillFeed) {
	if x.Lanes == nil || !x.conn.Settings.IMAPLane || AllowLane(x.conn) != nil {
		return
	}
	x.box = laneBox{x.box, f}
}

// laneBox is a mailbox whose messages come by IMAP as far as they can.
type laneBox struct {
	Mailbox
	feed *backfillFeed
}

// Estimate is that of the API while the lane cannot be used; what comes by IMAP
// costs no quota.
func (b laneBox) Estimate(n int64) (units int64, takes time.Duration) {
	if e, ok := b.Mailbox.(Estimator); ok && !b.worth(int(n)) {
		return e.Estimate(n)
	}
	return 0, 0
}

// worth says whether so many messages are to be read by IMAP now. The first chunk never
// is: the API is quicker to bring it.
func (b laneBox) worth(n int) bool {
	f := b.feed
	if f.pass == nil || f.size == firstChunk || n < laneLeast || !f.pass.Lane.usable(f.Now()) {
		return false
	}
	return f.lane.Lane != nil || f.total()-f.pass.Count >= int64(f.laneFrom())
}

func (x *session) laneFrom() int {
	if x.LaneFrom > 0 {
		return x.LaneFrom
	}
	return laneFrom
}

// Fetch reads by IMAP what it can, and the rest by the API.
func (b laneBox) Fetch(ctx context.Context, refs []Ref, yield func(Fetched) error) error {
	if !b.worth(len(refs)) {
		return b.Mailbox.Fetch(ctx, refs, yield)
	}
	came := make(map[string]struct{}, len(refs))
	if err := b.carry(ctx, refs, came, yield); err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(refs), func(r Ref) bool { _, is := came[r.ID]; return is })
	if len(left) == 0 {
		return nil
	}
	return b.Mailbox.Fetch(ctx, left, func(f Fetched) error {
		if _, twice := came[f.Ref.ID]; twice { // came along with its thread
			return nil
		}
		return yield(f)
	})
}

// carry reads by IMAP and notes what came. It fails for what is no matter of the
// lane: the API does what the lane does not.
func (b laneBox) carry(ctx context.Context, refs []Ref, came map[string]struct{}, yield func(Fetched) error) error {
	f := b.feed
	if err := f.readLaneLabels(ctx, b.Mailbox); err != nil {
		return err
	}
	if f.lane.Lane == nil {
		f.lane.Lane = f.Lanes.Lane(f.conn)
	}
	var refused error
	bytes, err := f.lane.Read(ctx, refs, laneLargest, func(c Carried) error {
		if _, twice := came[c.Ref.ID]; twice {
			return nil
		}
		m, ok := f.lane.labels.message(c)
		if !ok {
			return nil
		}
		if refused = yield(Fetched{Ref: c.Ref, Message: m}); refused == nil {
			came[c.Ref.ID] = struct{}{}
		}
		return refused
	})
	if refused != nil {
		return refused
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f.pass.Lane.note(f.Now(), int64(len(came)), bytes, err)
	if err != nil {
		f.lane.rest()
		f.log().InfoContext(ctx, "the IMAP lane rests", "connection", f.conn.ID, "error", err)
	}
	return nil
}

// imapLabels are Gmail's names of its own labels (X-GM-LABELS).
var imapLabels = map[string]string{
	`\Inbox`: "INBOX", `\Sent`: "SENT", `\Important`: "IMPORTANT", `\Starred`: "STARRED", `\Draft`: "DRAFT", `\Drafts`: "DRAFT",
	`\Trash`: "TRASH", `\Junk`: "SPAM", `\Spam`: "SPAM", `\Flagged`: "STARRED",
}

// IMAPLabel gives the label that X-GM-LABELS names in its own way, "" for none.
func IMAPLabel(name string) string { return imapLabels[name] }

// told are Gmail's own labels that IMAP tells, by X-GM-LABELS or by flags.
func told(label string) bool {
	switch label {
	case "INBOX", "SENT", "IMPORTANT", "STARRED", "DRAFT", "TRASH", "SPAM", "UNREAD":
		return true
	}
	return false
}

// laneLabels is what the lane has to know to give messages the labels that the API
// gives them.
type laneLabels struct {
	read    time.Time
	since   uint64 // history id followed before they were read: what changed after it is seen again
	names   map[string]string
	untold  []string // labels of Gmail's that IMAP does not tell: categories and the like
	carried map[string]uint64
}

// readLaneLabels reads the names of labels and lists the messages of those that
// IMAP does not tell, by the API: 5 units for 500 messages.
func (f *backfillFeed) readLaneLabels(ctx context.Context, box Mailbox) error {
	if l := f.lane.labels; l != nil && f.Now().Sub(l.read) < labelsLast {
		return nil
	}
	l := &laneLabels{read: f.Now(), names: map[string]string{}, carried: map[string]uint64{}}
	var err error
	if l.since, err = f.followed(ctx); err != nil {
		return err
	}
	list, err := f.saveLabels(ctx)
	if err != nil {
		return err
	}
	for _, label := range list {
		switch {
		case label.Type == "user":
			l.names[label.Name] = label.ID
		case !told(label.ID) && len(l.untold) < 64:
			l.untold = append(l.untold, label.ID)
		}
	}
	for i, label := range l.untold {
		listing := Listing{Labels: []string{label}, Query: f.pass.Query}
		for page := ""; ; {
			got, err := box.List(ctx, listing, page)
			if err != nil {
				return fmt.Errorf("listing what IMAP does not tell: %w", err)
			}
			for _, r := range got.Refs {
				l.carried[r.ID] |= 1 << i
			}
			if page = got.Next; page == "" {
				break
			}
		}
	}
	f.lane.labels = l
	return nil
}

// message is a message as the API would give it, but for what only Google knows:
// its snippet. It is not ok when it has a label that is not known here.
func (l *laneLabels) message(c Carried) (m *Message, ok bool) {
	labels := make([]string, 0, len(c.Names)+3)
	for _, name := range c.Names {
		id := imapLabels[name]
		if id == "" {
			id = l.names[name]
		}
		if id == "" {
			return nil, false
		}
		labels = append(labels, id)
	}
	seen := false
	for _, flag := range c.Flags {
		switch strings.ToLower(flag) {
		case `\seen`:
			seen = true
		case `\flagged`:
			labels = append(labels, "STARRED")
		case `\draft`:
			labels = append(labels, "DRAFT")
		}
	}
	if !seen {
		labels = append(labels, "UNREAD")
	}
	for i, label := range l.untold {
		if l.carried[c.Ref.ID]&(1<<i) != 0 {
			labels = append(labels, label)
		}
	}
	slices.Sort(labels)
	return &Message{ID: c.Ref.ID, ThreadID: c.Ref.ThreadID, Labels: slices.Compact(labels), HistoryID: l.since,
		InternalDate: c.Date, Size: c.Size, Raw: c.Raw, MIME: true}, true
}

// NumberOf is a Gmail id as the number that IMAP shows (X-GM-MSGID), 0 for what is none.
func NumberOf(id string) uint64 {
	n, err := strconv.ParseUint(id, 16, 64)
	if err != nil {
		return 0
	}
	return n
}

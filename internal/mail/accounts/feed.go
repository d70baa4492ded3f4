package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"rapport/internal/engine"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// folderFeed follows one folder.
type folderFeed struct {
	*session
	name  string
	own   string // label of the folder
	sweep bool   // look for what is gone
	only  bool   // messages that are not known are none of ours
	uids  []uint32
	ready bool // uids is the list of the pass
	look  *Position
	ahead *ahead // the page after the one that is being written
}

// ahead is a page of a full pass that is read while the one before it is written.
type ahead struct {
	uid   uint32 // where it begins
	left  int64
	stop  context.CancelFunc
	done  chan struct{}
	taken taken
	err   error
}

// mark is the position of a folder as a cursor: everything below Next is known,
// with flags as of ModSeq, and there were Exists messages.
type mark struct {
	Validity uint32 `json:"v"`
	Next     uint32 `json:"n"`
	ModSeq   uint64 `json:"m,omitempty"`
	Exists   uint32 `json:"e"`
}

// walk is a position within a pass: UIDs below (a full pass, newest first) or
// from here (changes, oldest first) are still to be read.
type walk struct {
	mark
	UID   uint32 `json:"u"`
	Left  int64  `json:"l,omitempty"` // full pass: so many may still be imported; -1: all
	Heads bool   `json:"h,omitempty"` // full pass: known messages are looked for to the end
	Fresh bool   `json:"f,omitempty"` // full pass: nothing was stored before it
	Came  uint32 `json:"c,omitempty"` // changes: how many were new
}

func write(v any) (engine.Cursor, error) {
	b, err := json.Marshal(v)
	return engine.Cursor(b), err
}

func readCursor(c engine.Cursor, v any) error {
	if err := json.Unmarshal([]byte(c), v); err != nil {
		return fmt.Errorf("a stored position in a folder: %w", err)
	}
	return nil
}

// enter opens the folder and gives its position.
func (f *folderFeed) enter(ctx context.Context) (Position, error) {
	p, err := f.box.Enter(ctx, f.name)
	if err == nil && p.Validity == 0 {
		err = fault.New(fault.Unavailable, "The mail server gives the folder %q no lasting numbers (UIDVALIDITY).", f.name)
	}
	return p, err
}

// position is that of the folder when the feed began.
func (f *folderFeed) position(ctx context.Context) (Position, error) {
	if f.look == nil {
		p, err := f.enter(ctx)
		if err != nil {
			return p, err
		}
		f.look = &p
	}
	return *f.look, nil
}

// Open gives the mark of the folder as it is now.
func (f *folderFeed) Open(ctx context.Context) (engine.Cursor, error) {
	f.look, f.ready = nil, false
	p, err := f.position(ctx)
	if err != nil {
		return "", err
	}
	return write(mark{p.Validity, p.Next, p.ModSeq, p.Exists})
}

// List gives messages, newest first: so many as the settings say. Where the
// folder was read before under another UIDVALIDITY, what is known is looked for
// down to the end, so that nothing is taken for deleted.
func (f *folderFeed) List(ctx context.Context, page engine.Cursor) (engine.Page[mail.Item], error) {
	p, err := f.position(ctx)
	if err != nil {
		return engine.Page[mail.Item]{}, err
	}
	w, err := f.begun(ctx, p, page)
	if err != nil {
		return engine.Page[mail.Item]{}, err
	}
	if w.Validity != p.Validity {
		return engine.Page[mail.Item]{}, fault.New(fault.Stale, "The folder %q got new UIDs.", f.name)
	}
	below, err := f.below(ctx, w.UID)
	if err != nil {
		return engine.Page[mail.Item]{}, err
	}
	took, err := f.taken(ctx, w, below)
	if err != nil {
		return engine.Page[mail.Item]{}, err
	}
	if w.Left >= 0 {
		w.Left = max(0, w.Left-took.counted)
	}
	f.batch = FolderBatch{Folder: f.name, Validity: p.Validity, Seen: took.seen}
	out := engine.Page[mail.Item]{Changes: took.changes}
	if took.lowest > 1 && took.used < len(below) && (w.Left != 0 || w.Heads) {
		w.UID = took.lowest
		f.readAhead(ctx, w, below[took.used:])
		out.Next, err = write(w)
		return out, err
	}
	f.batch.Others = true
	out.Mark, err = write(w.mark)
	return out, err
}

// taken reads a page, unless it was read ahead.
func (f *folderFeed) taken(ctx context.Context, w walk, below []uint32) (taken, error) {
	if a := f.ahead; a != nil {
		f.ahead = nil
		<-a.done
		a.stop()
		if a.uid == w.UID && a.left == w.Left {
			return a.taken, a.err
		}
	}
	return f.take(ctx, below, w.Left, w.Fresh)
}

// readAhead begins to read the next page while this one is written. Nobody else
// uses the box meanwhile. Beside the Gmail API it is not done: there, what is read
// and what is written have to stay close together.
func (f *folderFeed) readAhead(ctx context.Context, w walk, below []uint32) {
	if f.yield || len(below) == 0 {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	a := &ahead{uid: w.UID, left: w.Left, stop: stop, done: make(chan struct{})}
	f.ahead = a
	go func() {
		defer close(a.done)
		a.taken, a.err = f.take(ctx, below, w.Left, w.Fresh)
	}()
}

// close ends what is read ahead and not wanted any more.
func (f *folderFeed) close() {
	if a := f.ahead; a != nil {
		f.ahead = nil
		a.stop()
		<-a.done
	}
}

// begun is the walk of a full pass, at its beginning or where it was left.
func (f *folderFeed) begun(ctx context.Context, p Position, page engine.Cursor) (w walk, err error) {
	if page != "" {
		return w, readCursor(page, &w)
	}
	others, err := f.Copies.OtherCopies(ctx, f.account.ID, f.name, p.Validity)
	if err != nil {
		return w, fmt.Errorf("counting what is known of a folder: %w", err)
	}
	w = walk{mark: mark{p.Validity, p.Next, p.ModSeq, p.Exists}, UID: p.Next, Left: -1, Heads: others > 0 || f.only}
	if !f.gmail {
		if w.Fresh, err = f.Copies.Empty(ctx, f.conn.ID); err != nil {
			return w, fmt.Errorf("looking whether anything is stored: %w", err)
		}
	}
	if limit := int64(f.conn.Settings.Limit); limit > 0 {
		w.Left = max(limit, others)
	}
	if f.only {
		w.Left, w.Fresh = 0, false
	}
	return w, nil
}

// below gives the newest UIDs under a bound, newest first.
func (f *folderFeed) below(ctx context.Context, uid uint32) ([]uint32, error) {
	if !f.ready {
		if uid <= 1 {
			return nil, nil
		}
		list, err := f.box.UIDs(ctx, 1, uid-1)
		if err != nil {
			return nil, err
		}
		slices.Reverse(list)
		f.uids, f.ready = list, true
	}
	i, _ := slices.BinarySearchFunc(f.uids, uid, func(a, b uint32) int { return int(int64(b) - int64(a)) })
	for i < len(f.uids) && f.uids[i] >= uid {
		i++
	}
	return f.uids[i:], nil
}

// Since gives what is new, in pieces, and with the last piece what changed and
// what is gone.
func (f *folderFeed) Since(ctx context.Context, since, page engine.Cursor) (engine.Page[mail.Item], error) {
	var was mark
	if err := readCursor(since, &was); err != nil {
		return engine.Page[mail.Item]{}, err
	}
	p, err := f.position(ctx)
	if err != nil {
		return engine.Page[mail.Item]{}, err
	}
	if p.Validity != was.Validity {
		return engine.Page[mail.Item]{}, fault.New(fault.Stale, "The folder %q got new UIDs.", f.name)
	}
	w := walk{mark: mark{p.Validity, max(p.Next, was.Next), p.ModSeq, p.Exists}, UID: was.Next}
	if page != "" {
		if err := readCursor(page, &w); err != nil {
			return engine.Page[mail.Item]{}, err
		}
	}
	f.batch = FolderBatch{Folder: f.name, Validity: p.Validity}
	out, through, err := f.arrivals(ctx, &w)
	if err != nil || !through {
		return out, err
	}
	if err := f.rest(ctx, was, &w); err != nil {
		return out, err
	}
	if len(f.batch.Seen)+len(f.batch.Gone) > 0 && len(out.Changes) == 0 {
		// The engine writes pages with changes; what the copies say is added later.
		out.Changes = []engine.Change[mail.Item]{{ID: "", Value: &mail.Item{Skip: true}}}
	}
	out.Mark, err = write(w.mark)
	return out, err
}

// arrivals takes a piece of what is new; through says that it was the last.
func (f *folderFeed) arrivals(ctx context.Context, w *walk) (out engine.Page[mail.Item], through bool, err error) {
	if w.UID >= w.Next {
		return out, true, nil
	}
	uids, err := f.box.UIDs(ctx, w.UID, w.Next-1)
	if err != nil || len(uids) == 0 {
		return out, true, err
	}
	took, err := f.take(ctx, uids, -1, false)
	if err != nil {
		return out, false, err
	}
	w.Came += uint32(took.used)
	f.batch.Seen, out.Changes = took.seen, took.changes
	if took.used == len(uids) {
		return out, true, nil
	}
	w.UID = uids[took.used]
	out.Next, err = write(*w)
	return out, false, err
}

// scanned is how many of the newest messages a server without CONDSTORE is asked
// about for changed flags.
const scanned = 1000

// rest looks for changed flags and, in a sweep, for what is gone.
func (f *folderFeed) rest(ctx context.Context, was mark, w *walk) error {
	expected := was.Exists + w.Came
	gone := f.sweep && (w.Exists != expected)
	flags := !f.yield && (w.ModSeq > was.ModSeq || w.ModSeq == 0 && f.sweep)
	if was.Next <= 1 || !gone && !flags {
		w.Exists = expected
		return nil
	}
	known, err := f.Copies.CopiesIn(ctx, f.account.ID, f.name, was.Validity, 1, was.Next-1)
	if err != nil {
		return fmt.Errorf("reading what is known of a folder: %w", err)
	}
	if gone {
		if err := f.missing(ctx, known, was.Next-1); err != nil {
			return err
		}
	} else {
		w.Exists = expected
	}
	if flags && len(known) > 0 {
		return f.changed(ctx, known, was)
	}
	return nil
}

// missing finds the copies that the server has no more.
func (f *folderFeed) missing(ctx context.Context, known []Copy, last uint32) error {
	if len(known) == 0 {
		return nil
	}
	here, err := f.box.UIDs(ctx, known[0].UID, last)
	if err != nil {
		return err
	}
	i := 0
	for _, c := range known {
		for i < len(here) && here[i] < c.UID {
			i++
		}
		if i >= len(here) || here[i] != c.UID {
			f.batch.Gone = append(f.batch.Gone, c.UID)
		}
	}
	return nil
}

// changed finds the copies whose flags or labels are others now.
func (f *folderFeed) changed(ctx context.Context, known []Copy, was mark) error {
	first := known[0].UID
	if was.ModSeq == 0 && len(known) > scanned {
		first = known[len(known)-scanned].UID
	}
	heads, err := f.box.Flags(ctx, first, known[len(known)-1].UID, was.ModSeq)
	if err != nil {
		return err
	}
	for _, h := range heads {
		i, found := slices.BinarySearchFunc(known, h.UID, func(c Copy, uid uint32) int { return int(int64(c.UID) - int64(uid)) })
		if !found || slices.Contains(f.batch.Gone, h.UID) {
			continue
		}
		if labels := f.labelsOf(h); !slices.Equal(labels, known[i].Labels) {
			f.batch.Seen = append(f.batch.Seen, Copy{UID: h.UID, MessageID: known[i].MessageID, Labels: labels})
		}
	}
	return nil
}

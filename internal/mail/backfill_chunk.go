package mail

import (
	"context"
	"encoding/json"
	"time"

	"rapport/internal/engine"
)

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

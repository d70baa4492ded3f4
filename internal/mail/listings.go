package mail

import (
	"sync"
	"time"

	"rapport/internal/crm"
)

// listings keeps what back-fills have listed ahead between their steps, so that
// the next step need not list it again. It is worth quota, nothing else: a feed
// is used only at the very position it was left at, and who does not find one
// lists anew.
type listings struct {
	sync.Mutex
	feeds map[crm.ConnectionID]*backfillFeed
}

const (
	mostListings = 64 // of up to some hundred kilobytes each
	listingsLast = 10 * time.Minute
)

// take gives the feed for a step.
func (l *listings) take(x *session) *backfillFeed {
	l.Lock()
	defer l.Unlock()
	f := l.feeds[x.conn.ID]
	delete(l.feeds, x.conn.ID)
	if f == nil || x.Now().Sub(f.kept) > listingsLast {
		return &backfillFeed{session: x, size: firstChunk}
	}
	f.session = x
	if f.queue != nil {
		f.queue.session = x
	}
	return f
}

// keep puts a feed away that ended its step well.
func (l *listings) keep(f *backfillFeed) {
	l.Lock()
	defer l.Unlock()
	if f.queue == nil {
		return
	}
	if l.feeds == nil {
		l.feeds = map[crm.ConnectionID]*backfillFeed{}
	}
	if len(l.feeds) >= mostListings {
		oldest := f
		for _, other := range l.feeds {
			if oldest == f || other.kept.Before(oldest.kept) {
				oldest = other
			}
		}
		delete(l.feeds, oldest.conn.ID)
	}
	f.kept = f.Now()
	l.feeds[f.conn.ID] = f
}

package app

import (
	"sync"

	"rapport/internal/crm"
	"rapport/internal/fact"
)

// live passes facts on to those who are listening now: open pages and callers
// who wait for a run.
type live struct {
	mu      sync.Mutex
	readers map[crm.WorkspaceID]map[chan fact.Fact]struct{}
	closed  bool
}

// behind is how many facts a reader may be behind before it is cut off; it then
// comes back and reads everything anew.
const behind = 256

func newLive() *live { return &live{readers: map[crm.WorkspaceID]map[chan fact.Fact]struct{}{}} }

// Subscribe gives each fact of a workspace from now on.
func (l *live) Subscribe(w crm.WorkspaceID) (<-chan fact.Fact, func()) {
	c := make(chan fact.Fact, behind)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		close(c)
		return c, func() {}
	}
	if l.readers[w] == nil {
		l.readers[w] = map[chan fact.Fact]struct{}{}
	}
	l.readers[w][c] = struct{}{}
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.drop(w, c)
	}
}

// drop ends a reader once; the lock is held.
func (l *live) drop(w crm.WorkspaceID, c chan fact.Fact) {
	if _, there := l.readers[w][c]; !there {
		return
	}
	delete(l.readers[w], c)
	if len(l.readers[w]) == 0 {
		delete(l.readers, w)
	}
	close(c)
}

func (l *live) publish(f fact.Fact) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.readers[f.WorkspaceID] {
		select {
		case c <- f:
		default:
			l.drop(f.WorkspaceID, c)
		}
	}
}

// close ends every reader.
func (l *live) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for w, readers := range l.readers {
		for c := range readers {
			l.drop(w, c)
		}
	}
}

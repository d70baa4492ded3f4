package front

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Entry is one request in the log. A batch has an entry of its own (method
// "batch", no units) and one for each part.
type Entry struct {
	Number  uint64    `json:"number"`
	Time    time.Time `json:"time"`
	Account string    `json:"account,omitempty"`
	API     string    `json:"api"`
	Method  string    `json:"method"`       // "messages.get"
	ID      string    `json:"id,omitempty"` // "gmail.users.messages.get"
	HTTP    string    `json:"http"`         // "GET"
	Path    string    `json:"path"`
	Status  int       `json:"status"` // 0: the connection was cut
	Units   int       `json:"units"`
	Batch   uint64    `json:"batch,omitempty"` // which batch the part belongs to
	Part    int       `json:"part,omitempty"`  // from 1
	Parts   int       `json:"parts,omitempty"` // of a batch's own entry
	Client  string    `json:"client_id,omitempty"`
}

// Usage is what one account used of one method.
type Usage struct {
	Account  string `json:"account"`
	API      string `json:"api"`
	Method   string `json:"method"`
	Calls    int    `json:"calls"`
	Units    int    `json:"units"`
	Refused  int    `json:"refused"`  // by quota or concurrency
	Failures int    `json:"failures"` // any other status from 400 on, or a cut connection
}

// Log keeps the last requests and sums up all of them.
type Log struct {
	mu    sync.Mutex
	ring  []Entry
	next  uint64 // number of the next entry, from 1
	usage map[usageKey]*Usage

	batches atomic.Uint64
}

type usageKey struct{ account, api, method string }

// NewLog keeps size entries.
func NewLog(size int) *Log {
	return &Log{ring: make([]Entry, 0, size), next: 1, usage: map[usageKey]*Usage{}}
}

// Add numbers an entry and keeps it.
func (l *Log) Add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Number = l.next
	l.next++
	if len(l.ring) < cap(l.ring) {
		l.ring = append(l.ring, e)
	} else {
		l.ring[(e.Number-1)%uint64(cap(l.ring))] = e
	}
	u := l.of(e.Account, e.API, e.Method)
	u.Calls++
	u.Units += e.Units
	if e.Status == 0 || e.Status >= 400 {
		u.Failures++
	}
}

// Refuse counts a refusal; the request's own entry follows and counts as a
// failure, which this takes back.
func (l *Log) Refuse(account, api, method string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.of(account, api, method)
	u.Refused++
	u.Failures--
}

func (l *Log) of(account, api, method string) *Usage {
	k := usageKey{account, api, method}
	u := l.usage[k]
	if u == nil {
		u = &Usage{Account: account, API: api, Method: method}
		l.usage[k] = u
	}
	return u
}

// Since returns the kept entries with a number above n, oldest first.
func (l *Log) Since(n uint64) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []Entry{}
	size := uint64(len(l.ring))
	first := l.next - size
	if n+1 > first {
		first = n + 1
	}
	for i := first; i < l.next; i++ {
		out = append(out, l.ring[(i-1)%uint64(cap(l.ring))])
	}
	return out
}

// Usage returns the sums, ordered by account, API and method.
func (l *Log) Usage() []Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Usage, 0, len(l.usage))
	for _, u := range l.usage {
		out = append(out, *u)
	}
	slices.SortFunc(out, func(a, b Usage) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.API, b.API), cmp.Compare(a.Method, b.Method))
	})
	return out
}

// Reset forgets everything, numbering starts again.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring = l.ring[:0]
	l.next = 1
	l.usage = map[usageKey]*Usage{}
}

package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/sync/semaphore"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

const (
	// smallLetter is up to what size a request needs no room: it is like any other.
	smallLetter = 1 << 20
	// arrivingAtOnce is how much may be on its way in: one sender fills it never.
	arrivingAtOnce = (lettersOfOne + 1) * maxLetter
	// lettersOfOne is how many large requests of one person are read at a time.
	lettersOfOne = 2
	// workedAtOnce bounds the memory of requests that are there: one of the largest,
	// or many smaller ones. A request needs some five times its size while it is taken
	// apart and put together as mail.
	workedAtOnce = maxLetter + 8<<20
	// letterWait is how long a large request waits for its turn to be read.
	letterWait = 5 * time.Second
	// slowest is how many bytes a second a request has to bring, after a first
	// minute.
	slowest      = 100_000
	letterGrace  = time.Minute
	letterAnswer = 2 * time.Minute
)

// letterRooms is where large requests are read and worked on.
type letterRooms struct {
	arriving, working *semaphore.Weighted
	mu                sync.Mutex
	lanes             map[crm.UserID]*lane
}

// lane lets a few large requests of a person in.
type lane struct {
	room *semaphore.Weighted
	used int
}

func newLetterRooms() *letterRooms {
	return &letterRooms{arriving: semaphore.NewWeighted(arrivingAtOnce), working: semaphore.NewWeighted(workedAtOnce), lanes: map[crm.UserID]*lane{}}
}

// enter waits a little for room to read a large request; leave gives it back.
func (l *letterRooms) enter(ctx context.Context, u crm.UserID, size int64) (leave func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, letterWait)
	defer cancel()
	own := l.lane(u)
	if own.room.Acquire(ctx, 1) != nil {
		l.leave(u)
		return nil, tooMany("Your other large messages are still on their way. Try again when they are through.")
	}
	if l.arriving.Acquire(ctx, size) != nil {
		own.room.Release(1)
		l.leave(u)
		return nil, tooMany("Many large messages are coming in right now. Try again in a moment.")
	}
	return func() {
		l.arriving.Release(size)
		own.room.Release(1)
		l.leave(u)
	}, nil
}

func tooMany(text string) error {
	return &fault.Error{Kind: fault.Unavailable, Text: text, After: letterWait}
}

func (l *letterRooms) lane(u crm.UserID) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	own, ok := l.lanes[u]
	if !ok {
		own = &lane{room: semaphore.NewWeighted(lettersOfOne)}
		l.lanes[u] = own
	}
	own.used++
	return own
}

func (l *letterRooms) leave(u crm.UserID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lanes[u].used--; l.lanes[u].used == 0 {
		delete(l.lanes, u)
	}
}

// letters lets an operation take large bodies: a few at a time, so that nobody
// keeps others from sending, and only as long as they come in at some speed. They
// are not checked against the schema: that would take them apart twice.
func letters(r *router) func(*huma.Operation) {
	if r.server.letters == nil {
		r.server.letters = newLetterRooms()
	}
	rooms := r.server.letters
	return func(op *huma.Operation) {
		op.MaxBodyBytes, op.BodyReadTimeout, op.SkipValidateBody = maxLetter, -1, true // letterReader sets deadlines
		op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
			req, w := humago.Unwrap(ctx)
			control, size := http.NewResponseController(w), req.ContentLength
			if size < 0 || size > maxLetter {
				size = maxLetter
			}
			in := &letterReader{ReadCloser: req.Body, control: control, begun: time.Now()}
			if size > smallLetter {
				leave, err := rooms.enter(ctx.Context(), callerOf(ctx.Context()).UserID, size)
				if err != nil {
					writeProblem(w, req, err)
					return
				}
				defer leave()
				in.begun, in.whole = time.Now(), func(n int64) error { return rooms.working.Acquire(ctx.Context(), n) }
				defer func() { rooms.working.Release(in.held) }()
			}
			req.Body = in
			_ = control.SetWriteDeadline(time.Now().Add(patience(size) + letterAnswer))
			next(ctx)
		})
	}
}

// patience is how long a request may take for its first n bytes.
func patience(n int64) time.Duration {
	return letterGrace + time.Duration(n)*time.Second/slowest
}

// letterReader reads a request that has to come in at some speed. When it is there
// it calls whole, before it is taken apart.
type letterReader struct {
	io.ReadCloser
	control *http.ResponseController
	begun   time.Time
	read    int64
	whole   func(n int64) error
	held    int64 // what whole has got
}

func (l *letterReader) Read(p []byte) (int, error) {
	// A server that cannot set deadlines still reads.
	_ = l.control.SetReadDeadline(l.begun.Add(patience(l.read)))
	n, err := l.ReadCloser.Read(p)
	l.read += int64(n)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	_ = l.control.SetReadDeadline(time.Time{}) // the work that follows takes its own time
	if l.whole != nil && l.held == 0 && l.read > 0 {
		if failed := l.whole(l.read); failed != nil {
			return n, failed
		}
		l.held = l.read
	}
	return n, err
}

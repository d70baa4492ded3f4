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
	// smallLetter is how much of a request needs no room: that much it is like any
	// other, and takes no more at a time when it is larger.
	smallLetter = 1 << 20
	// arrivingAtOnce is how much of large requests may be here before they are whole:
	// one sender fills it never, and what is announced and not sent fills nothing.
	arrivingAtOnce = (lettersOfOne + 1) * maxLetter
	// lettersOfOne is how many large requests of one person are read at a time.
	lettersOfOne = 2
	// workedAtOnce bounds the memory of requests that are there: one of the largest,
	// or many smaller ones. A request needs some five times its size while it is taken
	// apart and put together as mail.
	workedAtOnce = maxLetter + 8<<20
	// letterWait is how long a large request waits for room to go on.
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

// room is what one large request holds of the rooms.
type room struct {
	rooms *letterRooms
	user  crm.UserID
	own   *lane // once it is known to be large
	taken int64
}

// grow waits a little for room for the first n bytes of a request.
func (r *room) grow(ctx context.Context, n int64) error {
	if n <= r.taken {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, letterWait)
	defer cancel()
	if r.own == nil {
		own := r.rooms.lane(r.user)
		if own.room.Acquire(ctx, 1) != nil {
			r.rooms.leave(r.user)
			return tooMany("Your other large messages are still on their way. Try again when they are through.")
		}
		r.own = own
	}
	more := max(n-r.taken, smallLetter)
	if r.rooms.arriving.Acquire(ctx, more) != nil {
		return tooMany("Many large messages are coming in right now. Try again in a moment.")
	}
	r.taken += more
	return nil
}

// leave gives back what the request holds.
func (r *room) leave() {
	if r.own == nil {
		return
	}
	r.rooms.arriving.Release(r.taken)
	r.own.room.Release(1)
	r.rooms.leave(r.user)
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

// letters lets an operation take large bodies: of one person a few at a time, as
// far as there is room, and only as long as they come in at some speed. They
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
			if req.ContentLength < 0 || req.ContentLength > smallLetter {
				held := &room{rooms: rooms, user: callerOf(ctx.Context()).UserID}
				defer held.leave()
				in.room = func(n int64) error { return held.grow(ctx.Context(), n) }
				in.whole = func(n int64) error { return rooms.working.Acquire(ctx.Context(), n) }
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

// letterReader reads a request that has to come in at some speed. Before it goes on
// beyond a small one it calls room, and whole when it is there, before it is taken
// apart.
type letterReader struct {
	io.ReadCloser
	control     *http.ResponseController
	begun       time.Time
	read        int64
	room, whole func(n int64) error // nil: it is small
	held        int64               // what whole has got
}

func (l *letterReader) Read(p []byte) (int, error) {
	if next := l.read + int64(len(p)); l.room != nil && next > smallLetter {
		if err := l.room(next); err != nil {
			return 0, err
		}
	}
	// A server that cannot set deadlines still reads.
	_ = l.control.SetReadDeadline(l.begun.Add(patience(l.read)))
	n, err := l.ReadCloser.Read(p)
	l.read += int64(n)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	_ = l.control.SetReadDeadline(time.Time{}) // the work that follows takes its own time
	if l.whole != nil && l.held == 0 && l.read > smallLetter {
		if failed := l.whole(l.read); failed != nil {
			return n, failed
		}
		l.held = l.read
	}
	return n, err
}

package httpapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// TestLargeLettersOfOne: two of a person's are read at a time, a third is told to
// come back, and nobody else waits for them; what is only announced takes nothing.
func TestLargeLettersOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rooms := newLetterRooms()
		enter := func(u crm.UserID, n int64) (*room, error) {
			r := &room{rooms: rooms, user: u}
			return r, r.grow(context.Background(), n)
		}
		first, err := enter("ada", maxLetter)
		require.NoError(t, err)
		second, err := enter("ada", maxLetter)
		require.NoError(t, err)
		begun := time.Now()
		refused, err := enter("ada", 2*smallLetter)
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		require.Equal(t, letterWait, time.Since(begun))
		refused.leave()
		p := problemOf(err, "")
		require.Equal(t, http.StatusServiceUnavailable, p.Status)
		require.Equal(t, "5", p.header.Get("Retry-After"))
		require.Contains(t, p.Detail, "still on their way")

		begun = time.Now()
		others, err := enter("ben", 2*smallLetter)
		require.NoError(t, err)
		more, err := enter("cleo", maxLetter-2*smallLetter)
		require.NoError(t, err)
		require.Zero(t, time.Since(begun))
		err = others.grow(context.Background(), 3*smallLetter)
		require.Equal(t, "5", problemOf(err, "").header.Get("Retry-After"), "all the room is taken")
		first.leave()
		require.NoError(t, others.grow(context.Background(), 3*smallLetter))
		again, err := enter("ada", 2*smallLetter)
		require.NoError(t, err)
		for _, r := range []*room{second, others, more, again} {
			r.leave()
		}
		require.Empty(t, rooms.lanes)
		require.True(t, rooms.arriving.TryAcquire(arrivingAtOnce))
	})
}

// deadlines is an answer that keeps what is set for reading.
type deadlines struct {
	http.ResponseWriter
	set []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.set = append(d.set, at)
	return nil
}

// TestALetterHasToComeIn at some speed: each piece gives it more time, and there is
// no deadline any more once it is there.
func TestALetterHasToComeIn(t *testing.T) {
	begun := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	d := &deadlines{ResponseWriter: httptest.NewRecorder()}
	const letter = 12 * slowest // the eleventh piece is more than a small one
	var whole int64
	var rooms []int64
	in := &letterReader{ReadCloser: io.NopCloser(strings.NewReader(strings.Repeat("x", letter))), control: http.NewResponseController(d), begun: begun,
		room: func(n int64) error { rooms = append(rooms, n); return nil }, whole: func(n int64) error { whole = n; return nil }}
	for n := range int64(letter / slowest) {
		_, err := io.ReadFull(in, make([]byte, slowest))
		require.NoError(t, err)
		require.Equal(t, begun.Add(time.Minute+time.Duration(n)*time.Second), d.set[n])
		require.Zero(t, whole)
	}
	_, err := in.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.Zero(t, d.set[len(d.set)-1])
	require.EqualValues(t, letter, whole)
	require.EqualValues(t, letter, in.held)
	require.Equal(t, []int64{11 * slowest, 12 * slowest, letter + 1}, rooms)
}

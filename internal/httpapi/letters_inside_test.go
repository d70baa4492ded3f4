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
// come back, and nobody else waits for them.
func TestLargeLettersOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rooms := newLetterRooms()
		enter := func(u crm.UserID) (func(), error) { return rooms.enter(context.Background(), u, maxLetter) }
		first, err := enter("ada")
		require.NoError(t, err)
		second, err := enter("ada")
		require.NoError(t, err)
		begun := time.Now()
		_, err = enter("ada")
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		require.Equal(t, letterWait, time.Since(begun))
		p := problemOf(err, "")
		require.Equal(t, http.StatusServiceUnavailable, p.Status)
		require.Equal(t, "5", p.header.Get("Retry-After"))
		require.Contains(t, p.Detail, "still on their way")

		begun = time.Now()
		others, err := enter("ben")
		require.NoError(t, err)
		require.Zero(t, time.Since(begun))
		_, err = enter("cleo")
		require.Equal(t, "5", problemOf(err, "").header.Get("Retry-After"), "all the room is taken")
		first()
		again, err := enter("ada")
		require.NoError(t, err)
		for _, leave := range []func(){second, others, again} {
			leave()
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
	var whole int64
	in := &letterReader{ReadCloser: io.NopCloser(strings.NewReader(strings.Repeat("x", 3*slowest))), control: http.NewResponseController(d), begun: begun,
		whole: func(n int64) error { whole = n; return nil }}
	for n := range int64(3) {
		_, err := io.ReadFull(in, make([]byte, slowest))
		require.NoError(t, err)
		require.Equal(t, begun.Add(time.Minute+time.Duration(n)*time.Second), d.set[n])
		require.Zero(t, whole)
	}
	_, err := in.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.Zero(t, d.set[len(d.set)-1])
	require.EqualValues(t, 3*slowest, whole)
	require.EqualValues(t, 3*slowest, in.held)
}

package org

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestRecentIsReadOnceASecond(t *testing.T) {
	var r recent[string, int]
	reads := 0
	at := func(now time.Time) int {
		v, err := r.get("k", now, func() (int, error) { reads++; return reads, nil })
		require.NoError(t, err)
		return v
	}
	require.Equal(t, 1, at(noon))
	require.Equal(t, 1, at(noon.Add(time.Second-time.Nanosecond)))
	require.Equal(t, 2, at(noon.Add(time.Second)))
	require.Equal(t, 3, at(noon), "a clock that was set back makes nothing last longer")
	require.Equal(t, 3, at(noon))
	r.forget(func(k string, _ int) bool { return k == "other" })
	require.Equal(t, 3, at(noon))
	r.forget(func(k string, _ int) bool { return k == "k" })
	require.Equal(t, 4, at(noon))
	_, err := r.get("bad", noon, func() (int, error) { return 7, errors.New("away") })
	require.Error(t, err)
	v, err := r.get("bad", noon, func() (int, error) { return 8, nil })
	require.NoError(t, err)
	require.Equal(t, 8, v, "errors are not remembered")
}

// What was read before a change must not be remembered after it.
func TestRecentForgetsWhatIsBeingRead(t *testing.T) {
	var r recent[string, string]
	v, err := r.get("key", noon, func() (string, error) {
		r.forget(func(string, string) bool { return true }) // revoked meanwhile, in this process
		return "good", nil
	})
	require.NoError(t, err)
	require.Equal(t, "good", v, "this one came before")
	v, err = r.get("key", noon, func() (string, error) { return "revoked", nil })
	require.NoError(t, err)
	require.Equal(t, "revoked", v)
}

func TestRecentIsBounded(t *testing.T) {
	var r recent[int, int]
	for i := range recentSize + 10 {
		_, err := r.get(i, noon.Add(time.Duration(i)*time.Microsecond), func() (int, error) { return i, nil })
		require.NoError(t, err)
		require.LessOrEqual(t, len(r.kept), recentSize)
	}
	require.NotEmpty(t, r.kept)
}

func TestRecentIsChangedByOne(t *testing.T) {
	var r recent[string, int]
	require.False(t, r.change("k", func(int) bool { return true }, func(*int) {}))
	_, err := r.get("k", noon, func() (int, error) { return 1, nil })
	require.NoError(t, err)
	raise := func() bool { return r.change("k", func(v int) bool { return v == 1 }, func(v *int) { *v = 2 }) }
	require.True(t, raise())
	require.False(t, raise())
}

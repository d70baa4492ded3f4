package webhooks

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatFailsAtOnceIsOneRest(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	e := Endpoint{Enabled: true}
	fails := func(began time.Time) {
		now = now.Add(20 * time.Millisecond)
		judge(&e, &Delivery{}, Answer{Status: 500, Trouble: "It answered 500."}, began, now, 0)
	}
	began := now
	for range 40 { // as many as were under way
		fails(began)
	}
	require.Equal(t, shortestRest, e.RestUntil.Sub(began).Round(time.Second))
	for _, rest := range []time.Duration{2 * shortestRest, 4 * shortestRest, 8 * shortestRest} {
		now = e.RestUntil
		fails(now)
		require.Equal(t, rest, e.RestUntil.Sub(now), "the next one, after the rest, is one more in a row")
	}
	judge(&e, &Delivery{}, Answer{Status: 200}, now, now, 0)
	require.Zero(t, e.Failures)
}

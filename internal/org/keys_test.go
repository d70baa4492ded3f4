package org_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
)

func TestAnIdempotencyKeyStandsForOneEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		c := r.caller(t)
		soon, later := r.clock.Now().Add(time.Hour+123*time.Nanosecond), r.clock.Now().Add(2*time.Hour)
		create := func(idempotency string, end *time.Time) (org.APIKey, error) {
			k, _, err := r.CreateAPIKey(ctx, c, org.KeyWish{Name: "k", Scopes: []string{"mail:read"}, ExpiresAt: end, Idempotency: idempotency})
			return k, err
		}
		first, err := create("one", &soon)
		require.NoError(t, err)
		again, err := create("one", &soon)
		require.NoError(t, err)
		require.Equal(t, first.ID, again.ID)
		for _, other := range []*time.Time{nil, &later} {
			_, err = create("one", other)
			require.True(t, fault.Is(err, fault.Conflict), "a key with another end is another key")
		}
		_, err = create("two", nil)
		require.NoError(t, err)
		_, err = create("two", nil)
		require.NoError(t, err)
		_, err = create("two", &later)
		require.True(t, fault.Is(err, fault.Conflict))
	})
}

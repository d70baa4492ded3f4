package store

import (
	"context"
	"math"
	"time"
)

// Take removes up to want units from the bucket key, which holds capacity, gains
// perSecond and is full when first seen; processes share it. keep units are to
// stay in the bucket. It gives what it got, or how long until a unit is there. A
// clock that runs behind another process's fills nothing.
func (s *Store) Take(ctx context.Context, key string, want, keep, capacity, perSecond float64, now time.Time) (got float64, wait time.Duration, err error) {
	err = s.write(ctx, "Take", func(t *tx) error {
		level, at, err := t.bucket(ctx, key, capacity, stamp(now))
		if err != nil {
			return err
		}
		if passed := stamp(now) - at; passed > 0 {
			level = min(capacity, level+float64(passed)/1e6*perSecond)
			at = stamp(now)
		}
		switch free := min(level, capacity) - keep; {
		case free >= 1:
			got = min(want, free)
		case perSecond > 0:
			wait = time.Duration(math.Ceil((1 - free) / perSecond * 1e9))
		default:
			wait = math.MaxInt64
		}
		_, err = t.exec(ctx, "save bucket", "UPDATE quota_buckets SET level = $2, updated_at = $3 WHERE key = $1", key, level-got, at)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	return got, wait, nil
}

func (t *tx) bucket(ctx context.Context, key string, capacity float64, now int64) (level float64, at int64, err error) {
	if _, err = t.exec(ctx, "make bucket", "INSERT INTO quota_buckets (key, level, updated_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", key, capacity, now); err != nil {
		return 0, 0, err
	}
	_, err = one(ctx, t, "read bucket", func(r scanner) (int, error) { return 0, r.Scan(&level, &at) },
		"SELECT level, updated_at FROM quota_buckets WHERE key = $1"+t.s.d.forUpdate(), key)
	return level, at, err
}

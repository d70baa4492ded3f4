package store

import (
	"context"
	"time"

	"rapport/internal/fault"
)

// BeginOnce claims an Idempotency-Key within a scope (workspace and user). first:
// do the work, then FinishOnce. Otherwise answer is what was answered before;
// fault.Conflict while the first one is still at it, or when the same key comes
// with another request (fingerprint).
func (s *Store) BeginOnce(ctx context.Context, scope, key string, fingerprint []byte, now, expires time.Time) (answer []byte, first bool, err error) {
	err = s.write(ctx, "BeginOnce", func(t *tx) error {
		if _, err := t.exec(ctx, "drop expired", "DELETE FROM idempotency_keys WHERE expires_at <= $1", stamp(now)); err != nil {
			return err
		}
		n, err := t.exec(ctx, "claim key", "INSERT INTO idempotency_keys (scope, key, fingerprint, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
			scope, clean(key), fingerprint, stamp(expires))
		if err != nil || n == 1 {
			first = err == nil
			return err
		}
		var stored []byte
		_, err = one(ctx, t, "read key", func(r scanner) (int, error) { return 0, r.Scan(&stored, &answer) },
			"SELECT fingerprint, answer FROM idempotency_keys WHERE scope = $1 AND key = $2", scope, clean(key))
		switch {
		case err != nil:
			return err
		case string(stored) != string(fingerprint):
			return &fault.Error{Kind: fault.Conflict, Code: "idempotency_key_reused", Text: "This Idempotency-Key was used for another request."}
		case answer == nil:
			return &fault.Error{Kind: fault.Conflict, Code: "idempotency_in_progress", Text: "The same request is being worked on, or was cut off in the middle. If it stays so, see in the list whether it was done, and ask again with another Idempotency-Key."}
		}
		return nil
	})
	return answer, first && err == nil, err
}

// FinishOnce stores the answer for repetitions; a nil answer frees the key, so
// that the request may be tried again.
func (s *Store) FinishOnce(ctx context.Context, scope, key string, answer []byte) error {
	return s.write(ctx, "FinishOnce", func(t *tx) error {
		if answer == nil {
			_, err := t.exec(ctx, "free key", "DELETE FROM idempotency_keys WHERE scope = $1 AND key = $2 AND answer IS NULL", scope, clean(key))
			return err
		}
		_, err := t.exec(ctx, "store answer", "UPDATE idempotency_keys SET answer = $3 WHERE scope = $1 AND key = $2", scope, clean(key), answer)
		return err
	})
}

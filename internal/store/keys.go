package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

const keyColumns = "id, workspace_id, user_id, name, prefix, hash, scopes, expires_at, revoked_at, last_used_at, created_at"

func scanKey(r scanner) (org.APIKey, error) {
	var k org.APIKey
	var scopes string
	var expires, revoked, used *int64
	var created int64
	err := r.Scan(&k.ID, &k.WorkspaceID, &k.UserID, &k.Name, &k.Prefix, &k.Hash, &scopes, &expires, &revoked, &used, &created)
	k.ExpiresAt, k.RevokedAt, k.LastUsedAt, k.CreatedAt = clockPtr(expires), clockPtr(revoked), clockPtr(used), clock(created)
	return k, errors.Join(err, fromJSON(scopes, &k.Scopes))
}

// PutKey stores a new key.
func (s *Store) PutKey(ctx context.Context, k org.APIKey, rows ...access.Audit) error {
	return s.write(ctx, "org.PutKey", func(t *tx) error {
		_, err := t.exec(ctx, "insert key", "INSERT INTO api_keys ("+keyColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
			string(k.ID), string(k.WorkspaceID), string(k.UserID), clean(k.Name), k.Prefix, k.Hash, listText(k.Scopes),
			stampPtr(k.ExpiresAt), stampPtr(k.RevokedAt), stampPtr(k.LastUsedAt), stamp(k.CreatedAt))
		if err != nil {
			return err
		}
		return t.record(ctx, rows)
	})
}

const noKey = "There is no such API key."

// KeyByHash finds a key by its SHA-256, revoked and expired ones too.
func (s *Store) KeyByHash(ctx context.Context, hash []byte) (org.APIKey, error) {
	k, err := one(ctx, s.reading("org.KeyByHash"), "read", scanKey, "SELECT "+keyColumns+" FROM api_keys WHERE hash = $1", hash)
	return found(k, err, noKey)
}

// TouchKey notes when a key was last used, to the minute: a busy key does not
// write at every call.
func (s *Store) TouchKey(ctx context.Context, id crm.KeyID, at time.Time) error {
	return s.write(ctx, "org.TouchKey", func(t *tx) error {
		_, err := t.exec(ctx, "update key", "UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)",
			string(id), stamp(at), stamp(at.Add(-time.Minute)))
		return err
	})
}

// KeysOf lists the keys of a workspace, the oldest first.
func (s *Store) KeysOf(ctx context.Context, w crm.WorkspaceID, q org.KeyQuery) ([]org.APIKey, string, error) {
	after, id, err := readCursorRising(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageLimit(q.Limit)
	args := []any{string(w), after, id, int64(limit + 1)}
	index, state := "api_keys_workspace", ""
	switch q.State {
	case org.KeysActive:
		index, state = "api_keys_active", " AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $5)"
	case org.KeysEnded:
		state = " AND (revoked_at IS NOT NULL OR expires_at <= $5)"
	}
	if state != "" {
		args = append(args, stamp(q.At))
	}
	list, err := all(ctx, s.reading("org.KeysOf"), "list", scanKey, "SELECT "+keyColumns+" FROM api_keys"+s.d.by(index)+
		" WHERE workspace_id = $1 AND (created_at, id) > ($2, $3)"+state+" ORDER BY created_at, id LIMIT $4", args...)
	if err != nil {
		return nil, "", err
	}
	list, next := pageOf(list, limit, func(k org.APIKey) (time.Time, string) { return k.CreatedAt, string(k.ID) })
	return list, next, nil
}

// RevokeKey ends a key, which stays in the list, and the leases taken with it.
func (s *Store) RevokeKey(ctx context.Context, w crm.WorkspaceID, id crm.KeyID, at time.Time, rows ...access.Audit) error {
	return s.write(ctx, "org.RevokeKey", func(t *tx) error {
		n, err := t.exec(ctx, "revoke key", "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $3) WHERE workspace_id = $1 AND id = $2", string(w), string(id), stamp(at))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, noKey)
		}
		_, err = t.exec(ctx, "cut leases", "UPDATE token_leases SET cut_at = $3 WHERE workspace_id = $1 AND key_id = $2 AND cut_at IS NULL", string(w), string(id), stamp(at))
		if err != nil {
			return err
		}
		return t.record(ctx, rows)
	})
}

// Limits of log-in attempts: so many are free, then the wait doubles up to the
// longest, and after a quiet day everything is forgotten.
const (
	attemptsFree   = 5
	attemptsWait   = time.Second
	attemptsLong   = 15 * time.Minute
	attemptsGuess  = time.Minute // the longest for tokens that do not exist
	attemptsForget = 24 * time.Hour
)

// Attempt counts one try under each key and says how long to wait. A try made
// while waiting is refused without being counted.
func (s *Store) Attempt(ctx context.Context, now time.Time, keys ...string) (time.Duration, error) {
	var wait time.Duration
	err := s.write(ctx, "org.Attempt", func(t *tx) error {
		wait = 0
		// One lock for all keys: two tries at once count as two.
		if err := s.d.lock(ctx, t, lockSetup); err != nil {
			return err
		}
		counts := make([]int64, len(keys))
		for i, key := range keys {
			var last, free int64
			err := each(ctx, t, "read attempts", func(r scanner) error { return r.Scan(&counts[i], &last, &free) },
				"SELECT attempts, last_at, free_at FROM login_attempts WHERE key = $1", key)
			if err != nil {
				return err
			}
			wait = max(wait, clock(free).Sub(now))
			if now.Sub(clock(last)) > attemptsForget {
				counts[i] = 0
			}
		}
		if wait > 0 {
			return nil
		}
		for i, key := range keys {
			free := now.Add(attemptPause(key, counts[i]+1))
			_, err := t.exec(ctx, "count attempt", `INSERT INTO login_attempts (key, attempts, last_at, free_at) VALUES ($1, $2, $3, $4)
				ON CONFLICT (key) DO UPDATE SET attempts = excluded.attempts, last_at = excluded.last_at, free_at = excluded.free_at`,
				clean(key), counts[i]+1, stamp(now), stamp(free))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return max(wait, 0), err
}

// attemptPause is the wait after the n-th try in a row.
func attemptPause(key string, n int64) time.Duration {
	if n < attemptsFree {
		return 0
	}
	longest := attemptsLong
	if strings.HasPrefix(key, org.GuessKey) {
		longest = attemptsGuess
	}
	return min(attemptsWait<<min(n-attemptsFree, 20), longest)
}

// Succeeded forgets the tries under the keys.
func (s *Store) Succeeded(ctx context.Context, keys ...string) error {
	return s.write(ctx, "org.Succeeded", func(t *tx) error {
		_, err := t.exec(ctx, "forget attempts", "DELETE FROM login_attempts WHERE "+s.d.in("key", 1), s.d.list(keys))
		return err
	})
}

// TakeBack uncounts one try under each key. The try was let through, so what
// waits now is its own wait.
func (s *Store) TakeBack(ctx context.Context, keys ...string) error {
	return s.write(ctx, "org.TakeBack", func(t *tx) error {
		_, err := t.exec(ctx, "take attempt back", "UPDATE login_attempts SET attempts = attempts - 1, free_at = 0 WHERE attempts > 0 AND "+s.d.in("key", 1), s.d.list(keys))
		return err
	})
}

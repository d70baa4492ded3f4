package store

import (
	"context"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

// PutSession stores a session and forgets those that have expired. What opened
// it has to count still: signing out everywhere and a new password may have come
// in between.
func (s *Store) PutSession(ctx context.Context, v org.Session) error {
	return s.write(ctx, "org.PutSession", func(t *tx) error {
		if _, err := t.exec(ctx, "drop expired", "DELETE FROM sessions WHERE expires_at <= $1", t.now); err != nil {
			return err
		}
		after, err := one(ctx, t, "read user", scanInt, "SELECT tokens_after FROM users WHERE id = $1"+s.d.forUpdate(), string(v.UserID))
		if err != nil {
			return err
		}
		if after != stamp(v.TokensAfter) {
			return fault.New(fault.Unauthenticated, "You were signed out everywhere just now. Sign in again.")
		}
		_, err = t.exec(ctx, "insert session", `INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at, expires_at, remote, user_agent)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			v.TokenHash, string(v.UserID), stamp(v.CreatedAt), stamp(v.LastSeenAt), stamp(v.ExpiresAt), clean(v.Remote), clean(v.UserAgent))
		return err
	})
}

const sessionColumns = "token_hash, user_id, created_at, last_seen_at, expires_at, remote, user_agent"

func scanSession(r scanner) (org.Session, error) {
	var v org.Session
	var created, seen, expires int64
	err := r.Scan(&v.TokenHash, &v.UserID, &created, &seen, &expires, &v.Remote, &v.UserAgent)
	v.CreatedAt, v.LastSeenAt, v.ExpiresAt = clock(created), clock(seen), clock(expires)
	return v, err
}

// SessionByHash finds a session that has not expired.
func (s *Store) SessionByHash(ctx context.Context, hash string, now time.Time) (org.Session, error) {
	v, err := one(ctx, s.reading("org.SessionByHash"), "read", scanSession,
		"SELECT "+sessionColumns+" FROM sessions WHERE token_hash = $1 AND expires_at > $2", hash, stamp(now))
	return found(v, err, "You are not signed in any more.")
}

// SessionsOf lists the sessions of a user that are alive, the last seen first.
func (s *Store) SessionsOf(ctx context.Context, u crm.UserID, alive org.Alive, page org.Page) ([]org.Session, string, error) {
	before, hash, err := readCursor(page.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageLimit(page.Limit)
	list, err := all(ctx, s.reading("org.SessionsOf"), "list", scanSession, "SELECT "+sessionColumns+" FROM sessions"+s.d.by("sessions_seen")+`
		WHERE user_id = $1 AND expires_at > $2 AND created_at > $3 AND (last_seen_at, token_hash) < ($4, $5) ORDER BY last_seen_at DESC, token_hash DESC LIMIT $6`,
		string(u), stamp(alive.Now), stamp(alive.Since), before, hash, int64(limit+1))
	if err != nil {
		return nil, "", err
	}
	list, next := pageOf(list, limit, func(v org.Session) (time.Time, string) { return v.LastSeenAt, v.TokenHash })
	return list, next, nil
}

// SessionOf finds a living session of a user by its id. The id follows from the
// hash and is not stored, so the user's sessions are gone through; one statement,
// so that a session used meanwhile is not missed.
func (s *Store) SessionOf(ctx context.Context, u crm.UserID, alive org.Alive, id crm.SessionID) (org.Session, error) {
	var hit org.Session
	err := each(ctx, s.reading("org.SessionOf"), "find", func(r scanner) error {
		v, err := scanSession(r)
		if err == nil && v.ID() == id {
			hit = v
		}
		return err
	}, "SELECT "+sessionColumns+" FROM sessions WHERE user_id = $1 AND expires_at > $2 AND created_at > $3", string(u), stamp(alive.Now), stamp(alive.Since))
	if err == nil && hit.TokenHash == "" {
		err = errNone
	}
	return found(hit, err, "There is no such session. It may have ended already.")
}

// TouchSession notes that a session was used and until when it lives.
func (s *Store) TouchSession(ctx context.Context, hash string, seen, expires time.Time) error {
	return s.write(ctx, "org.TouchSession", func(t *tx) error {
		_, err := t.exec(ctx, "update session", "UPDATE sessions SET last_seen_at = $2, expires_at = $3 WHERE token_hash = $1", hash, stamp(seen), stamp(expires))
		return err
	})
}

// DropSession signs a browser out.
func (s *Store) DropSession(ctx context.Context, hash string, rows ...access.Audit) error {
	return s.write(ctx, "org.DropSession", func(t *tx) error {
		if _, err := t.exec(ctx, "delete session", "DELETE FROM sessions WHERE token_hash = $1", hash); err != nil {
			return err
		}
		return t.record(ctx, rows)
	})
}

// SignOut ends the sessions of users but one, and makes earlier bearer tokens worthless.
func (s *Store) SignOut(ctx context.Context, users []crm.UserID, except string, rows ...access.Audit) error {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = string(u)
	}
	return s.write(ctx, "org.SignOut", func(t *tx) error {
		if err := t.signOut(ctx, ids, except); err != nil {
			return err
		}
		return t.record(ctx, rows)
	})
}

// signOut ends sessions and leases taken by people themselves. It moves
// tokens_after each time, even when the clock stands still or went back.
func (t *tx) signOut(ctx context.Context, users []string, except string) error {
	_, err := t.exec(ctx, "delete sessions", "DELETE FROM sessions WHERE "+t.s.d.in("user_id", 1)+" AND token_hash <> $2", t.s.d.list(users), except)
	if err != nil {
		return err
	}
	// What was taken by signing in ends with it; leases of keys end with their keys.
	_, err = t.exec(ctx, "cut leases", "UPDATE token_leases SET cut_at = $2 WHERE cut_at IS NULL AND key_id = '' AND "+t.s.d.in("user_id", 1), t.s.d.list(users), t.now)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "outdate tokens", "UPDATE users SET tokens_after = CASE WHEN tokens_after >= $2 THEN tokens_after + 1 ELSE $2 END WHERE "+t.s.d.in("id", 1),
		t.s.d.list(users), t.now)
	return err
}

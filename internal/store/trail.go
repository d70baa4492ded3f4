package store

import (
	"context"
	"errors"
	"math"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

var _ access.Trail = (*Store)(nil)

// Record adds rows to the audit trail.
func (s *Store) Record(ctx context.Context, rows ...access.Audit) error {
	if len(rows) == 0 {
		return nil
	}
	of := func(name string, get func(access.Audit) string) column {
		v := make([]string, len(rows))
		for i, r := range rows {
			v[i] = clean(get(r))
		}
		return column{name, v}
	}
	return s.write(ctx, "access.Record", func(t *tx) error {
		at := make([]int64, len(rows))
		for i, r := range rows {
			if at[i] = stamp(r.At); at[i] == 0 {
				at[i] = t.now
			}
		}
		return t.insert(ctx, "insert audit", "audit_log", len(rows), "",
			column{"at", at},
			of("workspace_id", func(r access.Audit) string { return string(r.Workspace) }),
			of("user_id", func(r access.Audit) string { return string(r.UserID) }),
			of("key_id", func(r access.Audit) string { return string(r.KeyID) }),
			of("via", func(r access.Audit) string { return string(r.Via) }),
			of("action", func(r access.Audit) string { return r.Action }),
			of("target", func(r access.Audit) string { return r.Target }),
			of("outcome", func(r access.Audit) string { return r.Outcome }),
			of("detail", func(r access.Audit) string { return r.Detail }),
			of("remote", func(r access.Audit) string { return r.Remote }))
	})
}

// AuditOf lists the audit trail of a workspace, the newest first.
func (s *Store) AuditOf(ctx context.Context, w crm.WorkspaceID, page mail.Page) ([]access.Audit, string, error) {
	before, _, err := readCursor(page.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageLimit(page.Limit)
	ids := make([]int64, 0, limit+1)
	list, err := all(ctx, s.reading("access.AuditOf"), "list", func(r scanner) (access.Audit, error) {
		var v access.Audit
		var id, at int64
		err := r.Scan(&id, &at, &v.Workspace, &v.UserID, &v.KeyID, &v.Via, &v.Action, &v.Target, &v.Outcome, &v.Detail, &v.Remote)
		v.At = clock(at)
		ids = append(ids, id)
		return v, err
	}, `SELECT id, at, workspace_id, user_id, key_id, via, action, target, outcome, detail, remote FROM audit_log
		WHERE workspace_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, string(w), before, int64(limit+1))
	if err != nil || len(list) <= limit {
		return list, "", err
	}
	return list[:limit], writeCursor(ids[limit-1], ""), nil
}

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
			return &fault.Error{Kind: fault.Conflict, Code: "idempotency_in_progress", Text: "The same request is being worked on. Try again in a moment."}
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

// CachedAttachment gives the bytes of a part if they are at hand.
func (s *Store) CachedAttachment(ctx context.Context, id crm.AttachmentID) (data []byte, ok bool, err error) {
	_, err = one(ctx, s.reading("CachedAttachment"), "read", func(r scanner) (int, error) { return 0, r.Scan(&data) },
		"SELECT c.data FROM email_attachments a JOIN attachments_cache c ON c.hash = a.hash WHERE a.id = $1 AND a.hash <> ''", string(id))
	if errors.Is(err, errNone) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// CacheAttachment keeps the bytes of a part under their SHA-256: the same file in
// ten mails is kept once. When all files are larger than the bound, those used
// longest ago go. Files above a quarter of the bound are not kept.
func (s *Store) CacheAttachment(ctx context.Context, id crm.AttachmentID, hash string, data []byte) error {
	size := int64(len(data))
	if size > s.cache/4 {
		return nil
	}
	return s.write(ctx, "CacheAttachment", func(t *tx) error {
		_, err := t.exec(ctx, "keep file", `INSERT INTO attachments_cache (hash, size, used_at, data) VALUES ($1, $2, $3, $4)
			ON CONFLICT (hash) DO UPDATE SET used_at = excluded.used_at`, hash, size, t.now, data)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, "note hash", "UPDATE email_attachments SET hash = $2 WHERE id = $1", string(id), hash); err != nil {
			return err
		}
		return t.evict(ctx, hash)
	})
}

func (t *tx) evict(ctx context.Context, keep string) error {
	sum, err := one(ctx, t, "measure cache", scanInt, "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM attachments_cache")
	if err != nil {
		return err
	}
	for sum > t.s.cache {
		size, err := one(ctx, t, "evict file", scanInt, `DELETE FROM attachments_cache WHERE hash =
			(SELECT hash FROM attachments_cache WHERE hash <> $1 ORDER BY used_at, hash LIMIT 1) RETURNING size`, keep)
		if errors.Is(err, errNone) {
			return nil
		}
		if err != nil {
			return err
		}
		sum -= size
	}
	return nil
}

package store

import (
	"context"
	"errors"

	"rapport/internal/crm"
)

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

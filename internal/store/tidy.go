package store

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/crm"
)

// PurgeEnded deletes what was over before: sessions, invitations and connect
// links by the end of their life, whatever became of them, and tries of passwords
// that nobody counts any more. It deletes up to n of each and says whether there
// may be more.
func (s *Store) PurgeEnded(ctx context.Context, before time.Time, n int) (more bool, err error) {
	err = s.write(ctx, "org.PurgeEnded", func(t *tx) error {
		more = false
		for _, of := range []struct{ table, key, end string }{
			{"sessions", "token_hash", "expires_at"},
			{"invitations", "id", "expires_at"},
			{"connect_links", "id", "expires_at"},
			{"login_attempts", "key", "last_at"},
		} {
			gone, err := t.exec(ctx, "delete old "+of.table, fmt.Sprintf("DELETE FROM %[1]s WHERE %[2]s IN (SELECT %[2]s FROM %[1]s WHERE %[3]s < $1 LIMIT $2)", of.table, of.key, of.end),
				stamp(before), int64(n))
			if err != nil {
				return err
			}
			more = more || gone == int64(n)
		}
		return nil
	})
	return more, err
}

// PurgeAudit deletes up to n rows of the audit trail that were written before,
// and says whether there may be more.
func (s *Store) PurgeAudit(ctx context.Context, before time.Time, n int) (more bool, err error) {
	workspaces, err := all(ctx, s.reading("org.PurgeAudit"), "list workspaces", scanText, `WITH RECURSIVE known(id) AS (
			SELECT MIN(workspace_id) FROM audit_log
			UNION ALL
			SELECT (SELECT MIN(a.workspace_id) FROM audit_log a WHERE a.workspace_id > known.id) FROM known WHERE known.id IS NOT NULL
		) SELECT id FROM known WHERE id IS NOT NULL`)
	if err != nil {
		return false, err
	}
	left := int64(n)
	for _, w := range workspaces {
		actions, err := s.actionsOf(ctx, crm.WorkspaceID(w), "")
		if err != nil {
			return false, err
		}
		for _, action := range actions { // the one index that holds all rows in the order of time begins so
			var gone int64
			err := s.write(ctx, "org.PurgeAudit", func(t *tx) (err error) {
				gone, err = t.exec(ctx, "delete old rows", "DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log"+s.d.by("audit_log_action")+
					" WHERE workspace_id = $1 AND action = $2 AND at < $3 ORDER BY at LIMIT $4)", w, action, stamp(before), left)
				return err
			})
			if err != nil {
				return false, err
			}
			if left -= gone; left <= 0 {
				return true, nil
			}
		}
	}
	return false, nil
}

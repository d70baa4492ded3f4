package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

const leaseColumns = `id, workspace_id, user_id, key_id, name, subject, service, methods, paths, per_minute, max_calls,
	calls, refused, created_at, expires_at, last_used_at, cut_at`

func scanLease(r scanner) (vault.Lease, error) {
	var l vault.Lease
	var methods, paths string
	var created, expires int64
	var used, cut *int64
	err := r.Scan(&l.ID, &l.WorkspaceID, &l.UserID, &l.KeyID, &l.Name, &l.Subject, &l.Service, &methods, &paths, &l.PerMinute, &l.MaxCalls,
		&l.Calls, &l.Refused, &created, &expires, &used, &cut)
	l.CreatedAt, l.ExpiresAt, l.LastUsedAt, l.CutAt = clock(created), clock(expires), clockPtr(used), clockPtr(cut)
	return l, errors.Join(err, fromJSON(methods, &l.Methods), fromJSON(paths, &l.Paths))
}

// prefixed puts a table's name before each column of a list.
func prefixed(table, columns string) string {
	parts := strings.Split(columns, ",")
	for i, c := range parts {
		parts[i] = table + "." + strings.TrimSpace(c)
	}
	return strings.Join(parts, ", ")
}

// PutLease stores a new lease under the SHA-256 of its handle.
func (s *Store) PutLease(ctx context.Context, l vault.Lease, handleHash string) error {
	return s.write(ctx, "vault.PutLease", func(t *tx) error {
		_, err := t.exec(ctx, "insert lease", "INSERT INTO token_leases ("+leaseColumns+", token_hash) VALUES "+marks(1, 18),
			string(l.ID), string(l.WorkspaceID), string(l.UserID), string(l.KeyID), clean(l.Name), clean(l.Subject), string(l.Service),
			listText(l.Methods), listText(l.Paths), l.PerMinute, l.MaxCalls, l.Calls, l.Refused, stamp(l.CreatedAt), stamp(l.ExpiresAt),
			stampPtr(l.LastUsedAt), stampPtr(l.CutAt), handleHash)
		return err
	})
}

// LeasesOf lists the leases of a workspace, or those a user made there, the
// newest first.
func (s *Store) LeasesOf(ctx context.Context, w crm.WorkspaceID, u crm.UserID, cursor string, limit int) ([]vault.Lease, string, error) {
	return s.leasesBy(ctx, w, "($2 = '' OR user_id = $2)", string(u), cursor, limit)
}

// KeyLeases lists the leases made with an API key, the newest first.
func (s *Store) KeyLeases(ctx context.Context, w crm.WorkspaceID, k crm.KeyID, cursor string, limit int) ([]vault.Lease, string, error) {
	return s.leasesBy(ctx, w, "(key_id = $2 AND key_id <> '')", string(k), cursor, limit)
}

// leasesBy lists leases by who made them, which the condition compares with $2.
func (s *Store) leasesBy(ctx context.Context, w crm.WorkspaceID, condition, maker, cursor string, limit int) ([]vault.Lease, string, error) {
	before, id, err := readCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	n := pageLimit(limit)
	list, err := all(ctx, s.reading("vault.LeasesOf"), "list", scanLease, "SELECT "+leaseColumns+` FROM token_leases
		WHERE workspace_id = $1 AND `+condition+` AND (created_at < $3 OR created_at = $3 AND id < $4)
		ORDER BY created_at DESC, id DESC LIMIT $5`, string(w), maker, before, id, int64(n+1))
	if err != nil || len(list) <= n {
		return list, "", err
	}
	return list[:n], writeCursor(stamp(list[n-1].CreatedAt), string(list[n-1].ID)), nil
}

// CutLease ends a lease of a workspace, or of a user there.
func (s *Store) CutLease(ctx context.Context, w crm.WorkspaceID, u crm.UserID, id crm.LeaseID, at time.Time) error {
	return s.cutLease(ctx, w, "($3 = '' OR user_id = $3)", string(u), id, at)
}

// CutKeyLease ends a lease that was made with an API key.
func (s *Store) CutKeyLease(ctx context.Context, w crm.WorkspaceID, k crm.KeyID, id crm.LeaseID, at time.Time) error {
	return s.cutLease(ctx, w, "(key_id = $3 AND key_id <> '')", string(k), id, at)
}

func (s *Store) cutLease(ctx context.Context, w crm.WorkspaceID, condition, maker string, id crm.LeaseID, at time.Time) error {
	return s.write(ctx, "vault.CutLease", func(t *tx) error {
		n, err := t.exec(ctx, "cut lease", "UPDATE token_leases SET cut_at = COALESCE(cut_at, $4) WHERE id = $1 AND workspace_id = $2 AND "+condition,
			string(id), string(w), maker, stamp(at))
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, noLease)
		}
		return err
	})
}

const noLease = "There is no such lease."

// UseLease lets judge look at a lease, and counts and audits the call in one
// transaction: of calls at the same moment no more get through than are allowed.
func (s *Store) UseLease(ctx context.Context, handleHash string, at time.Time, judge func(vault.LeaseState) (access.Audit, error)) (vault.Lease, error) {
	var state vault.LeaseState
	var refusal error
	// Whoever guesses handles does not take the writer's time.
	known, err := one(ctx, s.reading("vault.UseLease"), "look", scanInt, "SELECT COUNT(*) FROM token_leases WHERE token_hash = $1", handleHash)
	if err != nil {
		return vault.Lease{}, err
	}
	if known == 0 {
		return vault.Lease{}, fault.New(fault.NotFound, noLease)
	}
	err = s.write(ctx, "vault.UseLease", func(t *tx) error {
		minute := at.Unix() / 60
		var err error
		state, err = one(ctx, t, "read lease", func(r scanner) (vault.LeaseState, error) { return scanLeaseState(r, minute) },
			"SELECT "+prefixed("l", leaseColumns)+`, l.minute, l.minute_calls,
				(l.key_id = '' OR EXISTS (SELECT 1 FROM api_keys k WHERE k.id = l.key_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)))
				AND (l.user_id = '' OR EXISTS (SELECT 1 FROM members m WHERE m.workspace_id = l.workspace_id AND m.user_id = l.user_id
					AND (l.key_id = '' OR l.subject = l.user_id OR m.role IN ('owner', 'admin'))))
			FROM token_leases l WHERE l.token_hash = $1`+s.d.forUpdate(), handleHash, stamp(at))
		if _, err = found(state, err, noLease); err != nil {
			return err
		}
		var row access.Audit
		row, refusal = judge(state)
		if refusal != nil {
			_, err = t.exec(ctx, "count refusal", "UPDATE token_leases SET refused = refused + 1, minute = $2, minute_calls = $3 WHERE id = $1",
				string(state.ID), minute, state.InMinute+1)
			state.Refused++
		} else {
			_, err = t.exec(ctx, "count call", "UPDATE token_leases SET calls = calls + 1, last_used_at = $2, minute = $3, minute_calls = $4 WHERE id = $1",
				string(state.ID), stamp(at), minute, state.InMinute+1)
			state.Calls, state.LastUsedAt = state.Calls+1, &at
		}
		if err != nil {
			return err
		}
		if row == (access.Audit{}) {
			return nil
		}
		return t.record(ctx, []access.Audit{row})
	})
	if err != nil {
		return vault.Lease{}, err
	}
	return state.Lease, refusal
}

func scanLeaseState(r scanner, minute int64) (vault.LeaseState, error) {
	var out vault.LeaseState
	var of, calls int64
	l, err := scanLease(scanInto(func(dest ...any) error { return r.Scan(append(dest, &of, &calls, &out.Holder)...) }))
	out.Lease = l
	if of == minute {
		out.InMinute = calls
	}
	return out, err
}

// PurgeLeases deletes leases that ended before.
func (s *Store) PurgeLeases(ctx context.Context, before time.Time) (int64, error) {
	var n int64
	err := s.write(ctx, "vault.PurgeLeases", func(t *tx) (err error) {
		n, err = t.exec(ctx, "delete leases", "DELETE FROM token_leases WHERE expires_at < $1", stamp(before))
		return err
	})
	return n, err
}

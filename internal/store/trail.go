package store

import (
	"context"

	"rapport/internal/access"
	"rapport/internal/crm"
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

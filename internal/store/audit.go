package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/org"
)

const auditColumns = "a.id, a.at, a.workspace_id, a.user_id, a.key_id, a.via, a.action, a.target, a.outcome, a.detail, a.remote"

// auditSearch is a question to the audit trail: one condition leads and goes by
// an index of its own, the others only look at what it finds.
type auditSearch struct {
	args  []any
	where []string
	lists []string // leading conditions, each with its own order by time
}

// arg adds a parameter and gives its mark.
func (q *auditSearch) arg(v any) string {
	q.args = append(q.args, v)
	return fmt.Sprintf("$%d", len(q.args))
}

// aside keeps a condition from choosing the index: an expression has none.
func aside(column string) string { return "(" + column + " || '')" }

// AuditOf lists the audit trail of a workspace, the newest first. Every filter
// goes by an index; of several, the one that leaves the least.
func (s *Store) AuditOf(ctx context.Context, w crm.WorkspaceID, filter org.AuditQuery) ([]org.AuditRow, string, error) {
	before, id, err := readCursorNumber(filter.Cursor)
	if err != nil {
		return nil, "", err
	}
	for _, text := range []string{string(filter.UserID), filter.Target, filter.Action} {
		if clean(text) != text { // no row holds that
			return nil, "", nil
		}
	}
	limit := pageLimit(filter.Limit)
	var q auditSearch
	at := q.arg(before)
	q.where = append(q.where, fmt.Sprintf("a.at <= %s AND (a.at < %s OR a.id < %s)", at, at, q.arg(id)))
	if !filter.Since.IsZero() {
		q.where = append(q.where, "a.at >= "+q.arg(stamp(filter.Since)))
	}
	if !filter.Until.IsZero() {
		q.where = append(q.where, "a.at < "+q.arg(stamp(filter.Until)))
	}
	empty, err := s.leadAudit(ctx, w, filter, &q)
	if err != nil || empty {
		return nil, "", err
	}
	list, err := all(ctx, s.reading("access.AuditOf"), "list", scanAudit, q.text(limit+1), q.args...)
	if err != nil || len(list) <= limit {
		return list, "", err
	}
	last := list[limit-1]
	return list[:limit], writeCursor(stamp(last.At), fmt.Sprint(last.ID)), nil
}

func scanAudit(r scanner) (org.AuditRow, error) {
	var v org.AuditRow
	var at int64
	err := r.Scan(&v.ID, &at, &v.Workspace, &v.UserID, &v.KeyID, &v.Via, &v.Action, &v.Target, &v.Outcome, &v.Detail, &v.Remote, &v.UserName)
	v.At = clock(at)
	return v, err
}

// text puts the statement together: each leading condition gives its newest rows
// by its index, and the newest of all are taken.
func (q *auditSearch) text(n int) string {
	where := strings.Join(q.where, " AND ")
	order := fmt.Sprintf(" ORDER BY a.at DESC, a.id DESC LIMIT %d", n)
	parts := make([]string, len(q.lists))
	for i, lead := range q.lists {
		parts[i] = "SELECT * FROM (SELECT " + auditColumns + " FROM audit_log a WHERE " + lead + " AND " + where + order + ") p" + fmt.Sprint(i)
	}
	return "SELECT " + auditColumns + ", COALESCE(u.name, '') FROM (" + strings.Join(parts, " UNION ALL ") + ") a LEFT JOIN users u ON u.id = a.user_id" + order
}

// auditFew is how many rows of a filter are few enough to look at each.
const auditFew = 2000

// leadAudit chooses the condition that leads; empty: nothing can match.
func (s *Store) leadAudit(ctx context.Context, w crm.WorkspaceID, filter org.AuditQuery, q *auditSearch) (empty bool, err error) {
	workspace := q.arg(string(w))
	var actions []string
	if filter.Action != "" {
		if actions, err = s.actionsOf(ctx, w, filter.Action); err != nil || len(actions) == 0 {
			return true, err
		}
	}
	lead := ""
	switch {
	case filter.Target != "":
		lead = "target"
	case filter.UserID != "" && len(actions) > 0:
		few, err := s.fewAudits(ctx, w, filter.UserID)
		if err != nil {
			return false, err
		}
		if lead = "action"; few {
			lead = "user"
		}
	case filter.UserID != "":
		lead = "user"
	case len(actions) > 0:
		lead = "action"
	}
	q.lead(lead, workspace, filter, actions)
	return false, nil
}

// lead lets one filter lead and puts the others aside.
func (q *auditSearch) lead(by, workspace string, filter org.AuditQuery, actions []string) {
	inWorkspace := "a.workspace_id = " + workspace
	if by == "action" {
		for _, action := range actions {
			q.lists = append(q.lists, inWorkspace+" AND a.action = "+q.arg(action))
		}
	} else if len(actions) > 0 {
		marks := make([]string, len(actions))
		for i, action := range actions {
			marks[i] = q.arg(action)
		}
		q.where = append(q.where, aside("a.action")+" IN ("+strings.Join(marks, ", ")+")")
	}
	switch {
	case by == "target":
		q.lists = append(q.lists, "a.target = "+q.arg(filter.Target)+" AND "+aside("a.workspace_id")+" = "+workspace)
	case by == "user":
		q.lists = append(q.lists, inWorkspace+" AND a.user_id = "+q.arg(string(filter.UserID)))
	case by == "":
		q.lists = append(q.lists, inWorkspace)
	}
	if filter.UserID != "" && by != "user" {
		q.where = append(q.where, aside("a.user_id")+" = "+q.arg(string(filter.UserID)))
	}
}

// actionsOf finds the actions of a workspace that begin so, hopping through the
// index from one to the next: there are dozens among millions of rows.
func (s *Store) actionsOf(ctx context.Context, w crm.WorkspaceID, prefix string) ([]string, error) {
	list, err := all(ctx, s.reading("access.AuditOf"), "list actions", scanText, `WITH RECURSIVE known(action) AS (
			SELECT MIN(action) FROM audit_log WHERE workspace_id = $1
			UNION ALL
			SELECT (SELECT MIN(a.action) FROM audit_log a WHERE a.workspace_id = $1 AND a.action > known.action) FROM known WHERE known.action IS NOT NULL
		) SELECT action FROM known WHERE action IS NOT NULL`, string(w))
	return slices.DeleteFunc(list, func(action string) bool { return !strings.HasPrefix(action, prefix) }), err
}

// fewAudits reports whether a user has so few rows that each can be looked at.
func (s *Store) fewAudits(ctx context.Context, w crm.WorkspaceID, u crm.UserID) (bool, error) {
	n, err := one(ctx, s.reading("access.AuditOf"), "count", scanInt, fmt.Sprintf(
		"SELECT COUNT(*) FROM (SELECT 1 FROM audit_log WHERE workspace_id = $1 AND user_id = $2 LIMIT %d) few", auditFew+1), string(w), string(u))
	return n <= auditFew, err
}

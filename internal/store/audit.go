package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/org"
)

const auditColumns = "a.id, a.at, a.workspace_id, a.user_id, a.key_id, a.via, a.action, a.target, a.outcome, a.detail, a.remote"

// AuditOf lists the audit trail of a workspace, the newest first. Every filter
// goes by an index; of several, the one that leaves the least.
func (s *Store) AuditOf(ctx context.Context, w crm.WorkspaceID, filter org.AuditQuery) ([]org.AuditRow, string, error) {
	c := auditChoice{workspace: w, AuditQuery: filter}
	var err error
	if c.before, c.id, err = readCursorNumber(filter.Cursor); err != nil {
		return nil, "", err
	}
	if until := stamp(filter.Until); !filter.Until.IsZero() && until <= c.before { // one bound: an index takes no two
		c.before, c.id = until-1, math.MaxInt64
	}
	for _, text := range []string{string(filter.UserID), filter.Target, filter.Action} {
		if clean(text) != text { // no row holds that
			return nil, "", nil
		}
	}
	if filter.Action != "" {
		if c.actions, err = s.actionsOf(ctx, w, filter.Action); err != nil || len(c.actions) == 0 {
			return nil, "", err
		}
	}
	lead, err := s.leadOf(ctx, c)
	if err != nil {
		return nil, "", err
	}
	limit := pageLimit(filter.Limit)
	q := c.search(lead, false)
	list, err := all(ctx, s.reading("access.AuditOf"), "list", scanAudit, q.page(s.d, limit+1), q.args...)
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

// auditFew are the sizes by which filters are compared: the first one that lets
// fewer rows through leads.
var auditFew = []int64{2000, 40_000}

// leadOf chooses the filter whose index is gone by.
func (s *Store) leadOf(ctx context.Context, c auditChoice) (string, error) {
	var filters []string
	for _, f := range []struct {
		name  string
		given bool
	}{{"target", c.Target != ""}, {"user", c.UserID != ""}, {"action", c.Action != ""}} {
		if f.given {
			filters = append(filters, f.name)
		}
	}
	switch len(filters) {
	case 0:
		return "time", nil
	case 1:
		return filters[0], nil
	}
	for _, few := range auditFew {
		for _, name := range filters {
			q := c.search(name, true)
			n, err := one(ctx, s.reading("access.AuditOf"), "count", scanInt, q.count(s.d, few), q.args...)
			if err != nil || n < few {
				return name, err
			}
		}
	}
	return filters[0], nil
}

// auditChoice is what is asked for, checked: rows before a time and an id.
type auditChoice struct {
	org.AuditQuery
	workspace  crm.WorkspaceID
	actions    []string
	before, id int64
}

// auditSearch is a question to the audit trail: one filter leads and goes by its
// index, the others look at what it finds.
type auditSearch struct {
	args  []any
	leads []auditLead
	where []string // the other conditions, for all of them
}

// auditLead is a condition that gives rows in the order of time by an index.
type auditLead struct{ index, where string }

// arg adds a parameter and gives its mark.
func (q *auditSearch) arg(v any) string {
	q.args = append(q.args, v)
	return fmt.Sprintf("$%d", len(q.args))
}

func (q *auditSearch) lead(index, where string) { q.leads = append(q.leads, auditLead{index, where}) }

// aside keeps a condition from choosing an index: an expression has none.
func aside(column string) string { return "(a." + column + " || '')" }

// search lets a filter lead; alone: as if there were no others.
func (c auditChoice) search(by string, alone bool) *auditSearch {
	q := &auditSearch{}
	at := q.arg(c.before)
	q.where = append(q.where, fmt.Sprintf("a.at <= %s AND (a.at < %s OR a.id < %s)", at, at, q.arg(c.id)))
	if !c.Since.IsZero() {
		q.where = append(q.where, "a.at >= "+q.arg(stamp(c.Since)))
	}
	workspace := q.arg(string(c.workspace))
	here := "a.workspace_id = " + workspace
	switch by {
	case "time":
		q.lead("audit_log_time", here+" AND a.action <> 'token.vend'")
		q.lead("audit_log_action", here+" AND a.action = 'token.vend'") // the time's index leaves them out
	case "user":
		q.lead("audit_log_user", here+" AND a.user_id = "+q.arg(string(c.UserID)))
	case "target": // ids are of one workspace, mostly
		q.lead("audit_log_target", "a.target = "+q.arg(c.Target)+" AND "+aside("workspace_id")+" = "+workspace)
	case "action":
		for _, action := range c.actions {
			q.lead("audit_log_action", here+" AND a.action = "+q.arg(action))
		}
	}
	if !alone {
		c.rest(by, q)
	}
	return q
}

// rest adds the filters that do not lead.
func (c auditChoice) rest(by string, q *auditSearch) {
	if c.Target != "" && by != "target" {
		q.where = append(q.where, aside("target")+" = "+q.arg(c.Target))
	}
	if c.UserID != "" && by != "user" {
		q.where = append(q.where, aside("user_id")+" = "+q.arg(string(c.UserID)))
	}
	if len(c.actions) > 0 && by != "action" {
		marks := make([]string, len(c.actions))
		for i, action := range c.actions {
			marks[i] = q.arg(action)
		}
		q.where = append(q.where, aside("action")+" IN ("+strings.Join(marks, ", ")+")")
	}
}

// each gives a SELECT for each leading condition.
func (q *auditSearch) each(d dialect, columns, end string) string {
	parts := make([]string, len(q.leads))
	for i, lead := range q.leads {
		parts[i] = "SELECT * FROM (SELECT " + columns + " FROM audit_log a" + d.by(lead.index) +
			" WHERE " + lead.where + " AND " + strings.Join(q.where, " AND ") + end + fmt.Sprint(") p", i)
	}
	return strings.Join(parts, " UNION ALL ")
}

// page gives the newest n rows: of the newest of each leading condition.
func (q *auditSearch) page(d dialect, n int) string {
	order := fmt.Sprintf(" ORDER BY a.at DESC, a.id DESC LIMIT %d", n)
	return "SELECT " + auditColumns + ", COALESCE(u.name, '') FROM (" + q.each(d, auditColumns, order) + ") a LEFT JOIN users u ON u.id = a.user_id" + order
}

// count counts rows, up to most of each leading condition.
func (q *auditSearch) count(d dialect, most int64) string {
	return "SELECT COUNT(*) FROM (" + q.each(d, "1 AS n", fmt.Sprint(" LIMIT ", most)) + ") a"
}

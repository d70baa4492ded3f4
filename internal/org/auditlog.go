package org

import (
	"context"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
)

// AuditQuery chooses rows of the audit trail; what is empty chooses all.
type AuditQuery struct {
	UserID crm.UserID
	Action string // or how it begins: "token." is everything about tokens
	Target string
	Since  time.Time
	Until  time.Time // before it
	Cursor string
	Limit  int
}

// AuditRow is one row, with the name of the person.
type AuditRow struct {
	ID int64
	access.Audit
	UserName string
}

// AuditLog reads the audit trail of the workspace the caller has entered, the
// newest first. A cursor goes on where a page ended, whatever was added since.
func (s *Service) AuditLog(ctx context.Context, c access.Caller, q AuditQuery) ([]AuditRow, string, error) {
	if err := access.Allow(c, access.AuditRead); err != nil {
		return nil, "", err
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return nil, "", invalid("until", "must be later than since")
	}
	rows, next, err := s.Store.AuditOf(ctx, c.Workspace, q)
	return rows, next, wrap("reading the audit trail", err)
}

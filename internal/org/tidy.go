package org

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/work"
)

// KindTidy is the daily clearing away of what is over.
const KindTidy work.Kind = "org.tidy"

const (
	endedKept = 30 * 24 * time.Hour
	tidyEvery = 24 * time.Hour
	tidyAtOne = 2000 // rows of a transaction: others write meanwhile
)

// Definitions of the work this room does by itself.
func (s *Service) Definitions() []work.Definition {
	return []work.Definition{{Kind: KindTidy, Step: s.tidy, Timeout: time.Hour}}
}

// Schedule is the work that is always there.
func (s *Service) Schedule() []work.Job {
	return []work.Job{{Kind: KindTidy, Group: string(KindTidy), DueAt: s.Now(), Every: tidyEvery}}
}

// tidy deletes sessions, invitations, connect links and counted tries that ended
// a month ago, and rows of the audit trail that are older than they are kept. It
// asks to be called again until nothing is left to delete.
func (s *Service) tidy(ctx context.Context, _ string) (more bool, err error) {
	now := s.Now()
	more, err = s.Store.PurgeEnded(ctx, now.Add(-endedKept), tidyAtOne)
	if err != nil || s.AuditKept <= 0 {
		return more, wrap("deleting what is over", err)
	}
	older, err := s.Store.PurgeAudit(ctx, now.Add(-s.AuditKept), tidyAtOne)
	if err != nil {
		return false, fmt.Errorf("deleting old rows of the audit trail: %w", err)
	}
	return more || older, nil
}

package webhooks

import (
	"context"
	"time"

	"rapport/internal/work"
)

// KindTidy is the job that keeps the log short.
const KindTidy work.Kind = "webhooks.tidy"

const (
	logKept   = 30 * 24 * time.Hour
	logMost   = 20_000 // deliveries of an endpoint that are over
	tidyPiece = 1000
)

// Schedule is what goes on without being asked for.
func (s *Service) Schedule() []work.Job {
	return []work.Job{{Kind: KindTidy, Subject: "log", DueAt: s.Now(), Every: time.Hour}}
}

// Definitions are the steps of the jobs.
func (s *Service) Definitions() []work.Definition {
	return []work.Definition{{Kind: KindTidy, Step: s.tidy}}
}

func (s *Service) tidy(ctx context.Context, _ string) (more bool, err error) {
	n, err := s.Deliveries.PurgeDeliveries(ctx, s.Now().Add(-logKept), logMost, tidyPiece)
	return n >= tidyPiece, wrap("dropping old deliveries", err)
}

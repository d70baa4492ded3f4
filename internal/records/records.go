package records

import (
	"io"
	"log/slog"
	"time"
)

// Service keeps records, their types, tags, notes and tasks.
type Service struct {
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
}

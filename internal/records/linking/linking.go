// Package linking ties mail to records, says why, and shows it on timelines.
package linking

import (
	"io"
	"log/slog"
	"time"
)

// Service links mail to records.
type Service struct {
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
}

// Package enrich fills records from what people write at the end of their mail.
package enrich

import (
	"io"
	"log/slog"
	"time"
)

// Service considers mail and keeps what it has seen.
type Service struct {
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
}

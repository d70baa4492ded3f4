// Package merging finds records that stand twice and makes one of them, takes
// files in and gives files out.
package merging

import (
	"io"
	"log/slog"
	"time"

	"rapport/internal/work"
)

// Service merges records, finds duplicates, imports and exports. All fields are required.
type Service struct {
	Store  Store
	Lister Lister
	Queue  work.Queue
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
	// Budget is how long a step goes on before others get their turn.
	Budget time.Duration
}

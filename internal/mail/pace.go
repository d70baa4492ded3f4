package mail

import (
	"context"
	"time"

	"rapport/internal/crm"
	"rapport/internal/engine"
)

// Pace decides how often a mailbox is looked at where something else tells of
// news (internal/mail/push).
type Pace interface {
	// Looked is told of the end of each look at a mailbox's history. decided says
	// that it has stored when the next one is (Connections.Polled is not asked then).
	Looked(ctx context.Context, c crm.Connection, l Look) (decided bool, err error)
}

// Look is what one look at a mailbox's history has found.
type Look struct {
	Began   time.Time
	Since   uint64    // the history id it began after
	Reached uint64    // and how far it came
	Changed uint64    // the newest change in between, 0: none
	Oldest  time.Time // when Google received the oldest message that was new, zero: none was
}

// meet notes a message that was new.
func (l *Look) meet(c engine.Change[Item]) {
	if c.Value == nil || c.Value.Email == nil {
		return
	}
	if at := c.Value.Email.Date; l.Oldest.IsZero() || at.Before(l.Oldest) {
		l.Oldest = at
	}
}

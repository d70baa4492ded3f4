package mail

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
)

// Preview says what an import would be, before it is begun.
type Preview struct {
	Messages int64         // that would be fetched, beyond what is stored
	Stored   int64         // of those chosen, stored already
	More     bool          // there are more than these: counting stopped at the limit
	Units    int64         // quota units the fetch costs
	Takes    time.Duration // under the quota, one message at a time
}

// Preview counts what the settings given would import. It lists ids only, up to
// the limit; nothing is written.
func (s *Service) Preview(ctx context.Context, caller access.Caller, id crm.ConnectionID, settings crm.ConnectionSettings) (Preview, error) {
	c, err := s.connection(ctx, caller, access.MailSync, id)
	if err != nil {
		return Preview{}, err
	}
	if err := syncable(c); err != nil {
		return Preview{}, err
	}
	c.Settings = settings
	box, err := s.Mailboxes.Open(ctx, c, Interactive)
	if err != nil {
		return Preview{}, err
	}
	x := &session{Service: s, conn: c, box: box, key: key(c, crm.StreamGmailBackfill)}
	out, err := x.count(ctx)
	if err != nil {
		return Preview{}, fmt.Errorf("counting what an import would fetch: %w", err)
	}
	out.Units, out.Takes = estimate(box, out.Messages)
	return out, nil
}

// mostCounted bounds a preview: 20 calls for each label.
const mostCounted = 10_000

func (x *session) count(ctx context.Context) (Preview, error) {
	most := mostCounted
	if n := x.conn.Settings.Limit; n > 0 {
		most = min(n, most)
	}
	w := newWindow(x, newPass(x.conn, backfillMark{}.missing(x.conn.Settings)))
	var out Preview
	for out.Messages+out.Stored < int64(most) {
		n := min(lookahead, most-int(out.Messages+out.Stored))
		if err := w.fill(ctx, n, n); err != nil {
			return out, err
		}
		if w.len() == 0 {
			return out, nil
		}
		for i := range w.len() {
			switch e := w.peek(i); e.state {
			case unknown:
				out.Messages++
			case stored:
				if e.counts {
					out.Stored++
				}
			}
		}
		w.drop(w.len())
	}
	out.More = !w.exhausted()
	return out, nil
}

// estimate asks the mailbox for the cost, and falls back on the quota of new
// projects: 20 units a message, 6,000 units a minute (Gmail API, usage limits).
func estimate(box Mailbox, n int64) (units int64, takes time.Duration) {
	if e, ok := box.(Estimator); ok {
		return e.Estimate(n)
	}
	return 20 * n, time.Duration(n) * 200 * time.Millisecond
}

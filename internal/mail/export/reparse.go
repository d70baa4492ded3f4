package export

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/mail"
)

// Reparsed is what reading a mailbox again came to.
type Reparsed struct {
	Read    int64 `json:"read"`
	Changed int64 `json:"changed"`
	Failed  int64 `json:"failed"`  // Google's stored answer could not be read
	Without int64 `json:"without"` // Google's answer was not kept
}

// Reparse reads the stored answers of a mailbox again with the parser of today
// and stores what comes out differently. Every piece is one transaction that moves a
// position; interrupted, the next call goes on from there, and fresh begins
// anew. It asks Google nothing. done is called with the count so far.
func (s *Service) Reparse(ctx context.Context, c crm.Connection, fresh bool, done func(n, total int64)) (Reparsed, error) {
	key := mail.Key{Workspace: c.WorkspaceID, Connection: c.ID, Owner: c.UserID, Stream: crm.StreamReparse}
	var out Reparsed
	total, without, err := s.Rows.RawCount(ctx, c.ID)
	if err != nil {
		return out, fmt.Errorf("counting what was kept: %w", err)
	}
	out.Without = without
	at, err := s.Streams.Load(ctx, key)
	if err == nil && fresh && at != (engine.Checkpoint{}) {
		if err = s.Streams.Restart(ctx, key); err == nil {
			at, err = s.Streams.Load(ctx, key)
		}
	}
	if err != nil {
		return out, fmt.Errorf("reading the position: %w", err)
	}
	for {
		after, _ := strconv.ParseInt(string(at.Page), 10, 64) // empty: from the beginning
		list, next, err := s.Rows.RawAfter(ctx, c.ID, after, piece)
		if err != nil {
			return out, fmt.Errorf("reading what was kept: %w", err)
		}
		b := engine.Batch[mail.Item]{At: engine.Checkpoint{}}
		if next != 0 {
			b.At.Page = engine.Cursor(strconv.FormatInt(next, 10))
		}
		for i := range list {
			change, err := s.again(&list[i])
			if err != nil {
				out.Failed++
				continue
			}
			b.Changes = append(b.Changes, change)
		}
		counts, err := s.Streams.Apply(ctx, key, at, b)
		if err != nil {
			return out, fmt.Errorf("storing what was read again: %w", err)
		}
		at = b.At
		out.Read += int64(len(list))
		out.Changed += counts.Updated
		if done != nil {
			done(out.Read, total)
		}
		if next == 0 {
			return out, nil
		}
	}
}

// again parses a stored message anew; what is not in the answer or may have moved
// on since (labels, history) stays.
func (s *Service) again(e *crm.Email) (engine.Change[mail.Item], error) {
	raw, err := unpack(e.Raw)
	if err != nil {
		return engine.Change[mail.Item]{}, err
	}
	var fresh *crm.Email
	if isJSON(raw) {
		m, err := s.Decode(raw)
		if err != nil {
			return engine.Change[mail.Item]{}, err
		}
		fresh = mail.ParseMessage(m)
	} else if fresh, err = mail.ParseRaw(bytes.NewReader(raw)); err != nil {
		return engine.Change[mail.Item]{}, err
	}
	fresh.GmailID, fresh.ThreadID, fresh.Labels, fresh.HistoryID = e.GmailID, e.ThreadID, e.Labels, e.HistoryID
	fresh.Date, fresh.Size, fresh.Raw = e.Date, e.Size, e.Raw
	return engine.Change[mail.Item]{
		ID: e.GmailID, Rev: strconv.FormatUint(e.HistoryID, 10),
		Value: &mail.Item{Email: fresh, ThreadID: e.ThreadID, Labels: e.Labels},
	}, nil
}

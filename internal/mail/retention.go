package mail

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rapport/internal/crm"
	"rapport/internal/work"
)

// Aging drops mail that a workspace keeps no longer (implemented by the store).
type Aging interface {
	// Aged gives mailboxes that hold something too old, up to limit.
	Aged(ctx context.Context, now time.Time, limit int) ([]crm.ConnectionID, error)
	// Age drops, in one transaction, up to n messages of a mailbox that are too old
	// and the texts of up to n others; how many it was. 0: there is nothing more.
	Age(ctx context.Context, c crm.ConnectionID, now time.Time, n int) (int, error)
}

// RetentionRule stands for a rule's id where a message is older than the workspace keeps them.
const RetentionRule = "retention"

// KindAge is the daily round of what a workspace keeps no longer.
const KindAge work.Kind = "mail.age"

const ageEvery = 24 * time.Hour

func (s *Service) ageJob(at time.Time) work.Job {
	return work.Job{Kind: KindAge, Group: string(KindAge), DueAt: at, Priority: 1, Every: ageEvery}
}

// Cutoffs are the moments before which a workspace keeps no messages, and of
// messages no texts; zero where it keeps them for ever. They move once a day (UTC).
func Cutoffs(p crm.MailPolicy, now time.Time) (messages, texts time.Time) {
	ago := func(days int) time.Time {
		if days <= 0 {
			return time.Time{}
		}
		return now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days)
	}
	return ago(p.RetentionDays), ago(p.BodyRetentionDays)
}

// Keep sets from when on messages and their texts are kept.
func (r *Rules) Keep(messages, texts time.Time) *Rules {
	r.oldest, r.oldestText = messages, texts
	return r
}

// Trim takes from a message what is not kept of one so old: its texts and the
// answer they stand in.
func (r *Rules) Trim(e *crm.Email) {
	if e.Date.Before(r.oldestText) {
		e.BodyText, e.BodyHTML, e.Snippet, e.Raw = "", "", "", nil
	}
}

// policyMemory remembers for a minute what workspaces keep: every look at a
// mailbox asks, and being late costs a fetch at most, since the store decides.
type policyMemory struct {
	mu sync.Mutex
	of map[crm.WorkspaceID]knownPolicy
}

type knownPolicy struct {
	policy crm.MailPolicy
	at     time.Time
}

const policyLife = time.Minute

func (s *Service) policyOf(ctx context.Context, w crm.WorkspaceID) (crm.MailPolicy, error) {
	m, now := &s.policies, s.Now()
	m.mu.Lock()
	known, ok := m.of[w]
	m.mu.Unlock()
	if ok && now.Sub(known.at) < policyLife && !now.Before(known.at) {
		return known.policy, nil
	}
	policy, err := s.Privacy.MailPolicy(ctx, w)
	if err != nil {
		return policy, fmt.Errorf("reading what the workspace keeps: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil || len(m.of) > 10_000 {
		m.of = map[crm.WorkspaceID]knownPolicy{}
	}
	m.of[w] = knownPolicy{policy, now}
	return policy, nil
}

// retain lets a walk over a mailbox leave out what is too old to be kept, rather
// than fetch it for nothing.
func (x *session) retain(ctx context.Context) error {
	policy, err := x.policyOf(ctx, x.conn.WorkspaceID)
	if err != nil {
		return err
	}
	oldest, _ := Cutoffs(policy, x.Now())
	if since := x.conn.Settings.Since; !oldest.IsZero() && (since == nil || since.Before(oldest)) {
		x.conn.Settings.Since = &oldest
	}
	return nil
}

// ageBoxes is how many mailboxes a step asks for, agePiece how much of one is
// dropped at a time.
const (
	ageBoxes = 20
	agePiece = 500
)

// age is the step of KindAge.
func (s *Service) age(ctx context.Context, _ string) (more bool, err error) {
	if s.Aging == nil {
		return false, nil
	}
	boxes, err := s.Aging.Aged(ctx, s.Now(), ageBoxes)
	if err != nil {
		return false, fmt.Errorf("finding mail that is too old: %w", err)
	}
	for _, c := range boxes {
		if _, err := s.Aging.Age(ctx, c, s.Now(), agePiece); err != nil {
			return false, fmt.Errorf("dropping mail that is too old: %w", err)
		}
	}
	return len(boxes) > 0, nil
}

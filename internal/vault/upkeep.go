package vault

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/work"
)

// KindKeepAlive is the daily look after grants.
const KindKeepAlive work.Kind = "tokens.keep_alive"

const (
	idleAfter   = 30 * 24 * time.Hour // Google ends a refresh token unused for six months
	idlePage    = 100
	leasesKept  = 30 * 24 * time.Hour
	keepAliveIn = 24 * time.Hour
)

// Definitions of the work the vault does by itself.
func (s *Service) Definitions() []work.Definition {
	return []work.Definition{{Kind: KindKeepAlive, Step: s.keepAlive, Timeout: time.Hour}}
}

// Schedule is the work that is always there.
func (s *Service) Schedule() []work.Job {
	return []work.Job{{Kind: KindKeepAlive, Group: string(KindKeepAlive), DueAt: s.now(), Every: keepAliveIn}}
}

// keepAlive refreshes each grant that was not used for a month once, and
// deletes leases that are long over. A grant that fails is tried again the next
// day; one that is dead is said to be.
func (s *Service) keepAlive(ctx context.Context, _ string) (more bool, err error) {
	now := s.now()
	after := crm.GrantID("")
	for {
		page, err := s.Upkeep.IdleGrants(ctx, now.Add(-idleAfter), now, after, idlePage)
		if err != nil {
			return false, fmt.Errorf("looking for unused grants: %w", err)
		}
		for _, id := range page {
			after = id
			if _, err := s.Token(ctx, id); err != nil {
				if ctx.Err() != nil {
					return false, fmt.Errorf("keeping tokens alive: %w", ctx.Err())
				}
				if !fault.Is(err, fault.Reconnect) {
					s.log().Warn("a token that was not used for long cannot be refreshed", "grant", id, "err", err)
				}
			}
		}
		if len(page) < idlePage {
			break
		}
	}
	if _, err := s.Leases.PurgeLeases(ctx, now.Add(-leasesKept)); err != nil {
		return false, fmt.Errorf("deleting old leases: %w", err)
	}
	return false, nil
}

// Google ends the refresh tokens of an external app in Testing a week after
// consent (developers.google.com/identity/protocols/oauth2, refresh token
// expiration).
const (
	TestingLife  = 7 * 24 * time.Hour
	TestingSlack = 6 * time.Hour
	deathsCount  = 60 * 24 * time.Hour // deaths longer ago say nothing about today
)

// ClientHealth is how the grants of an OAuth client fare.
type ClientHealth struct {
	Client               crm.ClientID
	Grants, Dead, Sealed int // of the workspace: working, ended by Google, opened by no key
	// Testing: the app's consent screen is in Testing. Evidence says why we think
	// so, Countdown when the next access ends by that.
	Testing   bool
	Countdown *time.Time
	Evidence  string
}

// Health looks at the clients that a workspace has grants of.
func (s *Service) Health(ctx context.Context, w crm.WorkspaceID) ([]ClientHealth, error) {
	list, err := s.Upkeep.ClientGrants(ctx, w, s.now().Add(-deathsCount))
	if err != nil {
		return nil, fmt.Errorf("counting grants: %w", err)
	}
	out := make([]ClientHealth, len(list))
	for i, c := range list {
		out[i] = c.health()
	}
	return out, nil
}

func (c ClientGrants) health() ClientHealth {
	h := ClientHealth{Client: c.Client, Grants: c.Active, Dead: c.Dead, Sealed: c.Sealed}
	switch {
	case !c.NextEnd.IsZero():
		h.Testing, h.Countdown = true, &c.NextEnd
		h.Evidence = "Google gives access that ends by itself, as it does for apps whose consent screen is in Testing."
	case c.WeekDeaths >= 2 && c.Outlived == 0:
		h.Testing = true
		h.Evidence = "Accounts lost their access 7 days after they were connected, as happens to apps whose consent screen is in Testing."
		if !c.FirstConsent.IsZero() {
			end := c.FirstConsent.Add(TestingLife)
			h.Countdown = &end
		}
	}
	return h
}

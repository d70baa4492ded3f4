package vault

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Access is an access token that works for now.
type Access struct {
	Token  crm.Secret
	Expiry time.Time
	Scopes []string
	Client crm.ClientID // its project pays the quota
}

// Token gives a usable access token of a grant, refreshed when it ends within
// Ahead. It is for background use: it asks no permission and writes no audit
// row of its own. fault.Reconnect when the grant is dead or cannot be unsealed;
// fault.Unavailable or Throttled, with After, when Google cannot be asked now.
func (s *Service) Token(ctx context.Context, id crm.GrantID) (Access, error) {
	g, err := s.Grants.Grant(ctx, id)
	if err != nil {
		return Access{}, fmt.Errorf("loading the grant: %w", err)
	}
	return s.usable(ctx, g)
}

// usable is Token for a grant just read.
func (s *Service) usable(ctx context.Context, g Grant) (Access, error) {
	held, err := s.held(ctx, g)
	if err != nil {
		return Access{}, err
	}
	now := s.now()
	left := held.Expiry.Sub(now)
	if left > s.ahead() {
		return held, nil
	}
	if left <= nearlyOver {
		return s.refreshed(ctx, g.ID, crm.Secret{})
	}
	if pause := g.RetryAt.Sub(now); pause > 0 && pause <= longestPause { // nobody is to ask Google now
		return held, nil
	}
	return s.fresher(ctx, g.ID, held), nil
}

// Renew gives an access token other than the one Google has just refused with
// 401: the stored one when somebody has replaced it already, a refreshed one
// otherwise.
func (s *Service) Renew(ctx context.Context, id crm.GrantID, refused crm.Secret) (Access, error) {
	g, err := s.Grants.Grant(ctx, id)
	if err != nil {
		return Access{}, fmt.Errorf("loading the grant: %w", err)
	}
	held, err := s.held(ctx, g)
	if err != nil {
		return Access{}, err
	}
	if held.Token != refused && held.Expiry.Sub(s.now()) > nearlyOver {
		return held, nil
	}
	if s.justRenewed(id, refused) {
		return Access{}, &fault.Error{Kind: fault.Unavailable, Code: "google_unavailable", After: forceGap,
			Text: "Google refuses a token it has just given. It is tried again later."}
	}
	a, err := s.refreshed(ctx, id, refused)
	if err == nil && a.Token == refused {
		a, err = s.refreshed(ctx, id, refused) // the refresh we joined had begun before the refusal
	}
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.renewed == nil {
			s.renewed = map[crm.GrantID]renewal{}
		}
		s.renewed[id] = renewal{a.Token, s.now()}
	}
	return a, err
}

// forceGap keeps a mailbox that answers 401 to every new token from being
// refreshed at each call.
const forceGap = 30 * time.Second

type renewal struct {
	token crm.Secret
	at    time.Time
}

func (s *Service) justRenewed(id crm.GrantID, refused crm.Secret) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.renewed[id]
	return ok && r.token == refused && s.now().Sub(r.at) < forceGap
}

// held opens what is stored. A grant that nobody can use is fault.Reconnect.
func (s *Service) held(ctx context.Context, g Grant) (Access, error) {
	switch g.Status {
	case GrantDead, GrantRevoked:
		// The note to the connections may have been lost in a crash: it changes
		// nothing when it is there already.
		if g.Status == GrantDead {
			if err := s.Connections.Lost(ctx, g.ID, lostReason, s.now()); err != nil {
				return Access{}, fmt.Errorf("marking the connections: %w", err)
			}
		}
		return Access{}, reconnect(nil)
	}
	token, err := s.Sealer.Open(string(g.ID), fieldAccess, g.SealedAccess)
	if err == nil {
		_, err = s.Sealer.Open(string(g.ID), fieldRefresh, g.SealedRefresh)
	}
	if err != nil {
		return Access{}, s.unopened(ctx, g, err)
	}
	if g.Status == GrantSealed {
		if err := s.reopened(ctx, g.ID); err != nil {
			return Access{}, err
		}
	}
	a := Access{token, g.Expiry, g.Scopes, g.ClientID}
	if token.IsZero() {
		a.Expiry = time.Time{}
	}
	return a, nil
}

const lostReason = "Google has ended the access: it was removed at Google, the password was changed, or an administrator withdrew it. Connect again."

func reconnect(err error) error {
	return &fault.Error{Kind: fault.Reconnect, Code: "google_reauthorization_required", Text: lostReason, Err: err}
}

const sealedReason = "The stored access cannot be decrypted with the configured keys. Connect again, or bring the key back."

// unopened notes that a grant cannot be unsealed, once, under its lease: another
// process with other keys may have sealed it anew meanwhile.
func (s *Service) unopened(ctx context.Context, g Grant, cause error) error {
	failed := &fault.Error{Kind: fault.Reconnect, Code: "decryption_failed", Text: sealedReason, Err: cause}
	if g.Status == GrantSealed {
		return failed
	}
	s.auditGrant(ctx, g, "token.unseal", "failed", cause.Error())
	changed, err := s.mark(ctx, g.ID, GrantSealed, func(now Grant) bool {
		return now.SealedAccess == g.SealedAccess && now.SealedRefresh == g.SealedRefresh
	})
	if err != nil || !changed {
		return &fault.Error{Kind: fault.Unavailable, Code: "google_unavailable", Text: "The stored access is being replaced. Try again.", Err: err}
	}
	if err := s.Connections.Lost(ctx, g.ID, sealedReason, s.now()); err != nil {
		return fmt.Errorf("marking the connections: %w", err)
	}
	return failed
}

// reopened undoes unopened: the key is back.
func (s *Service) reopened(ctx context.Context, id crm.GrantID) error {
	if _, err := s.mark(ctx, id, GrantActive, func(Grant) bool { return true }); err != nil {
		return err
	}
	if err := s.Connections.Recovered(ctx, id, s.now()); err != nil {
		return fmt.Errorf("marking the connections: %w", err)
	}
	return nil
}

// mark sets a grant's status under its lease, if it still is as expected. When
// somebody else holds the lease nothing is changed.
func (s *Service) mark(ctx context.Context, id crm.GrantID, to GrantStatus, still func(Grant) bool) (bool, error) {
	holder, err := s.token(12)
	if err != nil {
		return false, err
	}
	now := s.now()
	g, mine, err := s.Grants.LeaseGrant(ctx, id, holder, now, now.Add(leaseLife))
	if err != nil || !mine {
		return false, err
	}
	ok := still(g)
	if ok {
		g.Status, g.UpdatedAt = to, now
	}
	if err := s.save(ctx, g, holder); err != nil {
		return false, fmt.Errorf("saving the grant's status: %w", err)
	}
	return ok, nil
}

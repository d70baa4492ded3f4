package vault

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// fresher tries to better a token that is still valid: it waits for a refresh a
// moment, and gives the held token when that fails or takes long.
func (s *Service) fresher(ctx context.Context, id crm.GrantID, held Access) Access {
	patience := time.NewTimer(s.patience())
	defer patience.Stop()
	select {
	case r := <-s.fly(ctx, id, crm.Secret{}):
		if r.err == nil {
			return r.access
		}
	case <-patience.C:
	case <-ctx.Done():
	}
	return held
}

// refreshed waits for a refresh as long as the caller does.
func (s *Service) refreshed(ctx context.Context, id crm.GrantID, refused crm.Secret) (Access, error) {
	select {
	case r := <-s.fly(ctx, id, refused):
		return r.access, r.err
	case <-ctx.Done():
		return Access{}, fmt.Errorf("waiting for a refresh: %w", ctx.Err())
	}
}

type landed struct {
	access Access
	err    error
}

// fly starts the refresh of a grant, or joins the one under way in this
// process. It goes on when the caller gives up, because others may wait for it.
func (s *Service) fly(ctx context.Context, id crm.GrantID, refused crm.Secret) <-chan landed {
	out := make(chan landed, 1)
	ch := s.flights.DoChan(string(id), func() (any, error) {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseLife+refreshTimeout)
		defer cancel()
		return s.refresh(own, id, refused)
	})
	go func() {
		r := <-ch
		a, _ := r.Val.(Access)
		out <- landed{a, r.Err}
	}()
	return out
}

// refresh gets a new access token under the grant's lease, or waits for the
// worker in another process that holds it.
func (s *Service) refresh(ctx context.Context, id crm.GrantID, refused crm.Secret) (Access, error) {
	holder, err := s.token(12)
	if err != nil {
		return Access{}, err
	}
	for pause := 25 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		now := s.now()
		g, mine, err := s.Grants.LeaseGrant(ctx, id, holder, now, now.Add(leaseLife))
		if err != nil {
			return Access{}, fmt.Errorf("leasing the grant: %w", err)
		}
		if mine {
			return s.underLease(ctx, g, holder, refused)
		}
		if a, done, err := s.byOther(g, refused); done {
			return a, err
		}
		if err := s.wait(ctx, pause); err != nil {
			return Access{}, fmt.Errorf("waiting for another worker's refresh: %w", err)
		}
	}
}

// byOther looks at a grant whose lease another worker holds: is its result there?
func (s *Service) byOther(g Grant, refused crm.Secret) (Access, bool, error) {
	if g.Status == GrantDead || g.Status == GrantRevoked {
		return Access{}, true, reconnect(nil)
	}
	token, err := s.Sealer.Open(string(g.ID), fieldAccess, g.SealedAccess)
	if err != nil || token.IsZero() || token == refused {
		return Access{}, false, nil
	}
	if g.Expiry.Sub(s.now()) > nearlyOver {
		return Access{token, g.Expiry, g.Scopes, g.ClientID}, true, nil
	}
	return Access{}, false, nil
}

// underLease refreshes, after another look at the grant: the holder before us
// may have done it.
func (s *Service) underLease(ctx context.Context, g Grant, holder string, refused crm.Secret) (Access, error) {
	if g.Status == GrantDead || g.Status == GrantRevoked {
		return Access{}, s.release(ctx, g, holder, reconnect(nil))
	}
	token, err1 := s.Sealer.Open(string(g.ID), fieldAccess, g.SealedAccess)
	old, err2 := s.Sealer.Open(string(g.ID), fieldRefresh, g.SealedRefresh)
	if err := firstOf(err1, err2); err != nil {
		if released := s.release(ctx, g, holder, nil); released != nil {
			return Access{}, released
		}
		return Access{}, s.unopened(ctx, g, err)
	}
	now := s.now()
	held := Access{token, g.Expiry, g.Scopes, g.ClientID}
	if !token.IsZero() && token != refused && g.Expiry.Sub(now) > s.ahead() {
		return held, s.release(ctx, g, holder, nil)
	}
	if left := g.RetryAt.Sub(now); left > 0 && left <= longestPause { // beyond that, the clock was set back
		return Access{}, s.release(ctx, g, holder, coolingDown(left, nil))
	}
	return s.ask(ctx, g, holder, old)
}

// ask calls the token endpoint and saves what comes of it.
func (s *Service) ask(ctx context.Context, g Grant, holder string, old crm.Secret) (Access, error) {
	client, err := s.Clients.Client(ctx, g.ClientID)
	if err != nil {
		return Access{}, s.release(ctx, g, holder, fmt.Errorf("finding the grant's OAuth client: %w", err))
	}
	limited, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	t, err := s.Provider.Refresh(limited, client, old)
	switch {
	case err == nil:
		return s.saveGood(ctx, g, holder, t)
	case fault.Is(err, fault.Reconnect):
		return Access{}, s.saveDead(ctx, g, holder, err)
	}
	return Access{}, s.saveFailed(ctx, g, holder, err)
}

func (s *Service) saveGood(ctx context.Context, g Grant, holder string, t Tokens) (Access, error) {
	if err := s.Sealer.sealInto(&g, t); err != nil {
		return Access{}, s.release(ctx, g, holder, err)
	}
	before := g.Scopes
	if len(t.Scopes) > 0 {
		g.Scopes = canonical(t.Scopes)
	}
	now := s.now()
	recovered := g.Status != GrantActive
	g.note(t, now)
	g.Status, g.Failures, g.RetryAt, g.LastUsedAt, g.UpdatedAt = GrantActive, 0, time.Time{}, now, now
	if err := s.save(ctx, g, holder); err != nil {
		// Somebody connected anew, or disconnected, while we asked: their word holds.
		return Access{}, fmt.Errorf("saving refreshed tokens: %w", err)
	}
	s.auditGrant(ctx, g, "token.refresh", "ok", "")
	if !slices.Equal(before, g.Scopes) {
		if err := s.Connections.Rescoped(ctx, g.ID, g.Scopes, now); err != nil {
			return Access{}, fmt.Errorf("noting what Google grants now: %w", err)
		}
	}
	if recovered {
		if err := s.Connections.Recovered(ctx, g.ID, now); err != nil {
			return Access{}, fmt.Errorf("marking the connections: %w", err)
		}
	}
	return Access{t.Access, g.Expiry, g.Scopes, g.ClientID}, nil
}

// saveDead ends a grant: its secrets are of no more use.
func (s *Service) saveDead(ctx context.Context, g Grant, holder string, cause error) error {
	now := s.now()
	g.Status, g.SealedAccess, g.SealedRefresh, g.UpdatedAt = GrantDead, "", "", now
	g.DiedAt, g.Lived = now, 0
	if !g.ConsentedAt.IsZero() {
		g.Lived = now.Sub(g.ConsentedAt)
	}
	if err := s.Grants.SaveRefreshed(ctx, g, holder); err != nil {
		return fmt.Errorf("saving a dead grant: %w", err)
	}
	s.Forget(g.ID)
	s.auditGrant(ctx, g, "token.refresh", "failed", reasonOf(cause))
	if err := s.Connections.Lost(ctx, g.ID, lostReason, now); err != nil {
		return fmt.Errorf("marking the connections: %w", err)
	}
	return reconnect(cause)
}

// saveFailed begins a cool-down that all workers obey.
func (s *Service) saveFailed(ctx context.Context, g Grant, holder string, cause error) error {
	now := s.now()
	g.Failures++
	pause := min(max(s.coolDown(g.Failures), fault.After(cause)), longestPause)
	g.RetryAt, g.UpdatedAt = now.Add(pause), now
	if err := s.save(ctx, g, holder); err != nil {
		return fmt.Errorf("saving a failed refresh: %w", err)
	}
	s.auditGrant(ctx, g, "token.refresh", "failed", reasonOf(cause))
	return coolingDown(pause, cause)
}

func coolingDown(after time.Duration, cause error) error {
	return &fault.Error{Kind: fault.Unavailable, Code: "google_unavailable", After: after, Err: cause,
		Text: "Google does not answer for this account just now. It is tried again by itself."}
}

const (
	longestCoolDown = 10 * time.Minute // by our own growing pauses
	longestPause    = time.Hour        // also when Google asks for more
)

// coolDown grows 1, 2, 4 … seconds with a jitter of up to half of it.
func (s *Service) coolDown(failures int) time.Duration {
	d := time.Second << min(failures-1, 20)
	d = min(d, longestCoolDown)
	var b [8]byte
	if _, err := io.ReadFull(s.random(), b[:]); err != nil {
		return d
	}
	return d + time.Duration(binary.LittleEndian.Uint64(b[:])%uint64(d/2))
}

// save stores a grant and ends the lease. A rotation of keys may have passed
// while we held it: what we write back is under the first key as well.
func (s *Service) save(ctx context.Context, g Grant, holder string) error {
	if next, _, err := s.resealed(g); err == nil {
		g = next
	}
	if err := s.Grants.SaveRefreshed(ctx, g, holder); err != nil {
		return err
	}
	s.Forget(g.ID)
	return nil
}

// note takes over when Google says the refresh token will end. A new refresh
// token begins a new life only with a consent; see fill.
func (g *Grant) note(t Tokens, now time.Time) {
	if t.RefreshExpiresIn > 0 {
		g.RefreshExpiresAt = now.Add(t.RefreshExpiresIn)
	}
}

// release ends the lease with the grant unchanged and gives err through.
func (s *Service) release(ctx context.Context, g Grant, holder string, err error) error {
	if e := s.save(ctx, g, holder); e != nil && err == nil && !fault.Is(e, fault.Conflict) {
		return fmt.Errorf("ending the lease: %w", e)
	}
	return err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) wait(ctx context.Context, d time.Duration) error {
	over := make(chan struct{})
	if s.After != nil {
		s.After(d, func() { close(over) })
	} else {
		t := time.AfterFunc(d, func() { close(over) })
		defer t.Stop()
	}
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

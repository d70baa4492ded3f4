package vault

import (
	"context"
	"fmt"

	"rapport/internal/crm"
)

// Rotation is how far a rotation of keys has come.
type Rotation struct {
	After    crm.GrantID // the last grant looked at: begin here to resume
	Seen     int64
	Resealed int64
	Failed   []crm.GrantID // no key opens them
	Clients  int64         // secrets of OAuth clients sealed anew
	// FailedClients are OAuth clients whose secret no key opens: it has to be
	// entered again.
	FailedClients []crm.ClientID
}

const rotatePage = 100

// Rotate seals everything under the first key, a page at a time, while the
// service runs: a grant is swapped only if nobody has changed it meanwhile,
// otherwise read again. from resumes an earlier rotation ("" begins anew; what
// is under the first key already is passed over). progress is called after each
// page; it may be nil. The secrets of OAuth clients, a handful, are done first
// each time.
func (s *Service) Rotate(ctx context.Context, from crm.GrantID, progress func(Rotation)) (Rotation, error) {
	r := Rotation{After: from}
	if err := s.rotateClients(ctx, &r); err != nil {
		return r, err
	}
	for {
		page, err := s.Grants.ResealPage(ctx, r.After, rotatePage)
		if err != nil {
			return r, fmt.Errorf("reading grants: %w", err)
		}
		if len(page) == 0 {
			return r, nil
		}
		for _, g := range page {
			if err := s.rotateOne(ctx, g, &r); err != nil {
				return r, err
			}
			r.After = g.ID
			r.Seen++
		}
		if progress != nil {
			progress(r)
		}
	}
}

// rotateOne reseals a grant. It tries again when a refresh came in between.
func (s *Service) rotateOne(ctx context.Context, g Grant, r *Rotation) error {
	for range 5 {
		next, changed, err := s.resealed(g)
		if err != nil {
			r.Failed = append(r.Failed, g.ID)
			s.auditGrant(ctx, g, "token.unseal", "failed", err.Error())
			return nil
		}
		if !changed {
			return nil
		}
		ok, err := s.Grants.Reseal(ctx, g, next)
		if err != nil {
			return fmt.Errorf("swapping sealed values: %w", err)
		}
		if ok {
			r.Resealed++
			return nil
		}
		if g, err = s.Grants.Grant(ctx, g.ID); err != nil {
			return fmt.Errorf("reading a grant again: %w", err)
		}
	}
	return fmt.Errorf("grant %s changes faster than it can be sealed anew", g.ID)
}

func (s *Service) resealed(g Grant) (Grant, bool, error) {
	row, changed := string(g.ID), false
	for _, v := range []struct {
		field string
		value *string
	}{{fieldAccess, &g.SealedAccess}, {fieldRefresh, &g.SealedRefresh}} {
		if s.Sealer.Current(row, v.field, *v.value) {
			continue
		}
		secret, err := s.Sealer.Open(row, v.field, *v.value)
		if err != nil {
			return g, false, err
		}
		if *v.value, err = s.Sealer.Seal(row, v.field, secret); err != nil {
			return g, false, err
		}
		changed = true
	}
	return g, changed, nil
}

// fieldSecret is the field of an OAuth client's sealed secret; its row is the
// client's id.
const fieldSecret = "client_secret"

func (s *Service) rotateClients(ctx context.Context, r *Rotation) error {
	list, err := s.Upkeep.SealedClients(ctx)
	if err != nil {
		return fmt.Errorf("reading OAuth clients: %w", err)
	}
	for _, c := range list {
		if s.Sealer.Current(string(c.ID), fieldSecret, c.Secret) {
			continue
		}
		secret, err := s.Sealer.Open(string(c.ID), fieldSecret, c.Secret)
		if err != nil {
			r.FailedClients = append(r.FailedClients, c.ID)
			continue
		}
		sealed, err := s.Sealer.Seal(string(c.ID), fieldSecret, secret)
		if err != nil {
			return err
		}
		swapped, err := s.Upkeep.ResealClient(ctx, c.ID, c.Secret, sealed)
		if err != nil {
			return fmt.Errorf("swapping a client's secret: %w", err)
		}
		if swapped { // otherwise somebody has just entered a new one, sealed by the first key
			r.Clients++
		}
	}
	return nil
}

package accounts

import (
	"context"
	"fmt"

	"rapport/internal/crm"
)

// Rotation is what a rotation of keys came to.
type Rotation struct {
	Resealed int64
	Failed   []crm.AccountID // no key opens their passwords: they have to be entered again
}

// Rotate seals all passwords under the first key while the service runs: one that
// is entered meanwhile stays as it is.
func (s *Service) Rotate(ctx context.Context) (Rotation, error) {
	var r Rotation
	for after := crm.AccountID(""); ; {
		page, err := s.Rows.SealedAccounts(ctx, after, 100)
		if err != nil {
			return r, fmt.Errorf("reading e-mail accounts: %w", err)
		}
		if len(page) == 0 {
			return r, nil
		}
		for _, a := range page {
			after = a.ID
			if s.Sealer.Current(string(a.ID), fieldPassword, a.Sealed) {
				continue
			}
			password, err := s.Sealer.Open(string(a.ID), fieldPassword, a.Sealed)
			if err != nil {
				r.Failed = append(r.Failed, a.ID)
				continue
			}
			sealed, err := s.Sealer.Seal(string(a.ID), fieldPassword, password)
			if err != nil {
				return r, err
			}
			if err := s.Rows.ResealAccount(ctx, a.ID, a.Sealed, sealed); err != nil {
				return r, fmt.Errorf("swapping a password: %w", err)
			}
			r.Resealed++
		}
	}
}

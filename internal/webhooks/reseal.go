package webhooks

import (
	"context"
	"errors"
	"fmt"

	"rapport/internal/access"
	"rapport/internal/crm"
)

// Resealing is what sealing all secrets anew came to.
type Resealing struct {
	Resealed int64
	Failed   []crm.WebhookID // no key opens their secrets: they have to be rotated
}

// errAsItIs leaves an endpoint as it is.
var errAsItIs = errors.New("nothing to seal anew")

// Reseal seals all secrets under the first key of the installation, while the
// service runs.
func (s *Service) Reseal(ctx context.Context) (Resealing, error) {
	var r Resealing
	for after := crm.WebhookID(""); ; {
		page, err := s.Endpoints.EveryWebhook(ctx, after, 100)
		if err != nil {
			return r, fmt.Errorf("reading webhooks: %w", err)
		}
		if len(page) == 0 {
			return r, nil
		}
		for _, e := range page {
			after = e.ID
			if err := s.reseal(ctx, e, &r); err != nil {
				return r, fmt.Errorf("sealing the secret of a webhook anew: %w", err)
			}
		}
	}
}

func (s *Service) reseal(ctx context.Context, e Endpoint, r *Resealing) error {
	lost := false
	_, err := s.Endpoints.ChangeWebhook(ctx, e.WorkspaceID, e.ID, func(e *Endpoint) ([]access.Audit, bool, error) {
		lost = false
		changed := false
		for _, sealed := range []*string{&e.SealedSecret, &e.SealedOld} {
			if *sealed == "" || s.Sealer.Current(string(e.ID), secretField, *sealed) {
				continue
			}
			secret, err := s.Sealer.Open(string(e.ID), secretField, *sealed)
			if err != nil {
				lost = true
				continue
			}
			if *sealed, err = s.Sealer.Seal(string(e.ID), secretField, secret); err != nil {
				return nil, false, err
			}
			changed = true
		}
		if !changed {
			return nil, false, errAsItIs
		}
		return nil, false, nil
	})
	switch {
	case lost:
		r.Failed = append(r.Failed, e.ID)
	case err == nil:
		r.Resealed++
	}
	if errors.Is(err, errAsItIs) {
		return nil
	}
	return err
}

package app

import (
	"context"
	"crypto/rand"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/httpapi"
	"rapport/internal/records"
	"rapport/internal/store"
)

// buildRecords makes the room and joins it with its doors.
func (a *App) buildRecords(doors) error {
	a.Records = &records.Service{Store: a.Store, Now: a.now, Random: rand.Reader, Log: a.log}
	return nil
}

// recordsWork is what it does in the background.
func (a *App) recordsWork() background { return background{} }

// shownRecords gives webhooks records as the API shows them.
type shownRecords struct{ store *store.Store }

// RecordPayload implements webhooks.Records.
func (s shownRecords) RecordPayload(ctx context.Context, c access.Caller, id crm.RecordID) (any, error) {
	r, err := s.store.RecordOf(ctx, c, id)
	if err != nil {
		return nil, err
	}
	return httpapi.RecordShape(c, r), nil
}

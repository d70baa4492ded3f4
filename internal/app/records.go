package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
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
func (a *App) recordsWork() background { return background{definitions: a.Records.Definitions()} }

// recordsCorridors is what follows from facts there.
func (a *App) recordsCorridors() []corridor {
	return []corridor{{fact.MemberRemoved, "their records and open tasks go to their successor, or are nobody's", a.handOver}}
}

func (a *App) handOver(ctx context.Context, f fact.Fact) error {
	user, err := removedMember(f)
	if err != nil || user == "" {
		return err
	}
	var data struct {
		Successor crm.UserID `json:"successor_id"`
		By        crm.UserID `json:"by"`
	}
	if len(f.Data) > 0 {
		if err := json.Unmarshal(f.Data, &data); err != nil {
			return fmt.Errorf("reading the fact: %w", err)
		}
	}
	job, err := records.HandOver{Workspace: f.WorkspaceID, From: user, To: data.Successor, By: data.By}.Job()
	if err != nil {
		return err
	}
	job.DueAt = a.now()
	return a.Store.Enqueue(ctx, job)
}

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

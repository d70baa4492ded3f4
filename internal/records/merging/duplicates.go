package merging

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/work"
)

// Duplicate is two records that may be the same.
type Duplicate struct {
	ID      string
	Records []crm.Record // two, the older first
	Reasons []Reason
	Score   float64
}

// Reason is why two records may be the same.
type Reason struct {
	Kind   string // email, phone, name_company, domain, name
	Detail string // in words
}

// DuplicateQuery chooses duplicates.
type DuplicateQuery struct {
	Type   crm.RecordType
	Record crm.RecordID
	Cursor string
	Limit  int
}

// KindCompare compares records of a workspace that have changed with those that share
// something with them.
const KindCompare work.Kind = "records.compare"

const comparedAtOnce = 100

// Duplicates lists records that may be the same, the likeliest first.
func (s *Service) Duplicates(ctx context.Context, c access.Caller, q DuplicateQuery) ([]Duplicate, string, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return nil, "", err
	}
	list, next, err := s.Store.Duplicates(ctx, c, q)
	if err == nil && q.Cursor == "" { // records that were there before anything was compared
		var ended bool
		if ended, err = s.Store.ComparedAll(ctx, c.Workspace); err == nil && !ended {
			err = s.compareSoon(ctx, c.Workspace)
		}
	}
	return list, next, wrap("listing duplicates", err)
}

// DismissDuplicate says that two records are not the same.
func (s *Service) DismissDuplicate(ctx context.Context, c access.Caller, id string) error {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return err
	}
	return wrap("dismissing a duplicate", s.Store.DismissDuplicate(ctx, c, id, s.act(c, "duplicate.dismiss", id, "")))
}

// RecordsChanged lets records be compared: record.created, updated, restored, deleted.
func (s *Service) RecordsChanged(ctx context.Context, f fact.Fact) error {
	var data struct {
		IDs []crm.RecordID `json:"ids"`
	}
	if err := json.Unmarshal(f.Data, &data); err != nil {
		return fmt.Errorf("reading a fact about records: %w", err)
	}
	if len(data.IDs) == 0 {
		return nil
	}
	if err := s.Store.NoteCompared(ctx, f.WorkspaceID, data.IDs); err != nil {
		return err
	}
	return s.compareSoon(ctx, f.WorkspaceID)
}

func (s *Service) compareSoon(ctx context.Context, w crm.WorkspaceID) error {
	return s.Queue.Enqueue(ctx, work.Job{Kind: KindCompare, Subject: string(w), Group: "compare:" + string(w), DueAt: s.Now()})
}

// compare is the step of KindCompare.
func (s *Service) compare(ctx context.Context, subject string) (more bool, err error) {
	ctx = work.Patient(ctx)
	return s.forAWhile(func() (bool, error) {
		return s.Store.CompareSome(ctx, crm.WorkspaceID(subject), comparedAtOnce)
	})
}

// forAWhile repeats a piece of work until there is no more, or others are to have their
// turn.
func (s *Service) forAWhile(piece func() (more bool, err error)) (more bool, err error) {
	for end := s.Now().Add(s.Budget); ; {
		if more, err = piece(); err != nil || !more || !s.Now().Before(end) {
			return more, err
		}
	}
}

// Definitions are the steps.
func (s *Service) Definitions() []work.Definition {
	return []work.Definition{{Kind: KindCompare, Step: s.compare}, {Kind: KindImport, Step: s.importStep, Timeout: 5 * time.Minute}}
}

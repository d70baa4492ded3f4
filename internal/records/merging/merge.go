package merging

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/records"
)

// MergeWish asks to take records into another.
type MergeWish struct {
	Into   crm.RecordID
	Others []crm.RecordID
	// Keep names the record, one of these, whose value of a field stays; else the one
	// they are taken into keeps what it has, and gets what it has not. Fields that hold
	// several values come together.
	Keep map[string]crm.RecordID
}

// Merge is records that were taken into another.
type Merge struct {
	ID       crm.MergeID
	Into     crm.RecordRef
	Others   []crm.RecordRef
	By       records.Person
	At       time.Time
	UndoneAt *time.Time
}

// Undone is what became of an undone merge.
type Undone struct {
	Merge  Merge
	Record crm.Record // the one that the others were taken into
	// Kept are fields that were changed since the merge: they stay as they are.
	Kept []string
}

const (
	mostMerged = 20
	mostKeep   = 200
)

// Merge takes records into another of their type. Everything of theirs goes over; they
// are deleted, and lead to the other. It can be undone.
func (s *Service) Merge(ctx context.Context, c access.Caller, wish MergeWish) (Merge, crm.Record, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return Merge{}, crm.Record{}, err
	}
	different := slices.Clone(wish.Others)
	slices.Sort(different)
	switch {
	case len(wish.Others) == 0 || len(wish.Others) > mostMerged:
		return Merge{}, crm.Record{}, invalid("other_ids", fmt.Sprintf("must have 1 to %d", mostMerged))
	case slices.Contains(wish.Others, wish.Into):
		return Merge{}, crm.Record{}, invalid("other_ids", "names the record itself")
	case len(slices.Compact(different)) != len(wish.Others):
		return Merge{}, crm.Record{}, invalid("other_ids", "names a record twice")
	case len(wish.Keep) > mostKeep:
		return Merge{}, crm.Record{}, invalid("keep", fmt.Sprintf("must have at most %d", mostKeep))
	}
	for field, id := range wish.Keep {
		if id != wish.Into && !slices.Contains(wish.Others, id) {
			return Merge{}, crm.Record{}, invalid("keep."+field, "names none of these records")
		}
	}
	id, err := s.id()
	if err != nil {
		return Merge{}, crm.Record{}, err
	}
	m, r, err := s.Store.MergeRecords(ctx, c, crm.MergeID(id), wish, s.act(c, "record.merge", string(wish.Into), fmt.Sprintf("%d records", len(wish.Others))))
	return m, r, wrap("merging records", err)
}

// UndoMerge brings back the records of a merge, and takes from the other what it got by
// it, but for what was changed since. fault.Conflict when the other was deleted or
// merged itself meanwhile.
func (s *Service) UndoMerge(ctx context.Context, c access.Caller, id crm.MergeID) (Undone, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return Undone{}, err
	}
	done, err := s.Store.UndoMerge(ctx, c, id, s.act(c, "record.unmerge", string(id), ""))
	return done, wrap("undoing a merge", err)
}

// Merges lists merges, the newest first; of a record, when one is named.
func (s *Service) Merges(ctx context.Context, c access.Caller, record crm.RecordID, cursor string, limit int) ([]Merge, string, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return nil, "", err
	}
	list, next, err := s.Store.Merges(ctx, c, record, cursor, limit)
	return list, next, wrap("listing merges", err)
}

func (s *Service) id() (string, error) { return crm.NewID(s.Now(), s.Random) }

func (s *Service) act(c access.Caller, action, target, detail string) access.Audit {
	return access.Audit{
		At: s.Now(), Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via,
		Action: action, Target: target, Outcome: "ok", Detail: detail, Remote: c.Remote,
	}
}

func invalid(field, what string) error {
	return &fault.Error{Kind: fault.Invalid, Text: field + " " + what + ".", Fields: map[string]string{field: what}}
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

package merging

import (
	"context"

	"rapport/internal/access"
	"rapport/internal/crm"
)

// Store keeps what this room does (implemented by internal/store). Everything is within
// the caller's workspace; what is another's is fault.NotFound.
type Store interface {
	// MergeRecords takes records into another in one transaction. fault.Invalid for
	// records of different types and fields in Keep that are none.
	MergeRecords(ctx context.Context, c access.Caller, id crm.MergeID, wish MergeWish, row access.Audit) (Merge, crm.Record, error)
	// UndoMerge puts back what MergeRecords did.
	UndoMerge(ctx context.Context, c access.Caller, id crm.MergeID, row access.Audit) (Undone, error)
	// Merges lists merges, the newest first; "" is of all records.
	Merges(ctx context.Context, c access.Caller, record crm.RecordID, cursor string, limit int) ([]Merge, string, error)
}

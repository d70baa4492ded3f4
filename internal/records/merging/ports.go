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

	// Duplicates lists pairs that nobody has dismissed, the likeliest first.
	Duplicates(ctx context.Context, c access.Caller, q DuplicateQuery) ([]Duplicate, string, error)
	DismissDuplicate(ctx context.Context, c access.Caller, id string, row access.Audit) error
	// NoteCompared notes records to be compared, whatever their state.
	NoteCompared(ctx context.Context, w crm.WorkspaceID, ids []crm.RecordID) error
	// CompareSome compares up to n noted records with those that share an address, a
	// number, a domain or a key (Looks.Keys) with them, and notes those that were there
	// before; more: there are others.
	CompareSome(ctx context.Context, w crm.WorkspaceID, n int) (more bool, err error)
	// ComparedAll reports whether all records that were there have been noted.
	ComparedAll(ctx context.Context, w crm.WorkspaceID) (bool, error)

	ObjectType(ctx context.Context, w crm.WorkspaceID, key crm.RecordType) (crm.ObjectType, error)
	Region(ctx context.Context, w crm.WorkspaceID) (string, error)

	// PutImport stores an import with the rows of its file, in pieces.
	PutImport(ctx context.Context, in Import, pieces [][][]string) error
	// ImportOf reads an import; "" is any workspace.
	ImportOf(ctx context.Context, w crm.WorkspaceID, id crm.ImportID) (Import, error)
	Imports(ctx context.Context, w crm.WorkspaceID, cursor string, limit int) ([]Import, string, error)
	ImportPiece(ctx context.Context, id crm.ImportID, piece int64) ([][]string, error)
	// Foresee says what would become of rows, without those before them in the file.
	Foresee(ctx context.Context, c access.Caller, in Import, rows []Row) ([]Foreseen, error)
	// SaveForeseen stores columns, choices, counts and preview of an import that is ready.
	SaveForeseen(ctx context.Context, in Import) error
	// BeginImport moves an import on: to queued what is ready, to undoing what is done;
	// fault.Conflict else.
	BeginImport(ctx context.Context, c access.Caller, id crm.ImportID, to ImportState, row access.Audit) (Import, error)
	// ImportSome stores the rows of the import's next piece, counts it and notes what it
	// changed, in one transaction; without rows it ends the import. It does nothing when
	// that piece was stored already.
	ImportSome(ctx context.Context, in Import, rows []Row) (more bool, err error)
	// UndoImportSome takes back some of what an import did, and ends when nothing is left.
	UndoImportSome(ctx context.Context, in Import) (more bool, err error)
	ImportMistakes(ctx context.Context, w crm.WorkspaceID, id crm.ImportID, after int64, limit int) ([]Mistake, error)
}

package records

import (
	"context"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
)

// Store keeps records. Everything is within the caller's workspace, and private tags
// are those of the caller; what is another's is fault.NotFound. Audit rows are stored
// with what they tell of; a row without a target is given the record's id.
type Store interface {
	// ListRecords gives a page. fault.Invalid for a sort or field that the type has not.
	ListRecords(ctx context.Context, c access.Caller, q Query) (Page, error)
	// RecordOf reads a record, a deleted one too.
	RecordOf(ctx context.Context, c access.Caller, id crm.RecordID) (crm.Record, error)
	// RecordByExternal finds a record that is not deleted by its id in another system.
	RecordByExternal(ctx context.Context, c access.Caller, system, id string) (crm.Record, error)
	// CreateRecord stores a new record. fault.Conflict (external_id_taken) when another
	// one has one of its external ids.
	CreateRecord(ctx context.Context, c access.Caller, n NewRecord, row access.Audit) (crm.Record, error)
	// ChangeRecord lets judge see a record under a lock and say what is to be changed.
	// judge may be called more than once.
	ChangeRecord(ctx context.Context, c access.Caller, id crm.RecordID, by crm.Source, row access.Audit, judge func(crm.Record, crm.ObjectType) (Wish, error)) (crm.Record, error)
	// DeleteRecord deletes a record (softly); judge may refuse it.
	DeleteRecord(ctx context.Context, c access.Caller, id crm.RecordID, row access.Audit, judge func(crm.Record) error) error
	// RestoreRecord brings a deleted record back, fault.Conflict for one that was merged
	// into another or whose type is gone.
	RestoreRecord(ctx context.Context, c access.Caller, id crm.RecordID, row access.Audit) (crm.Record, error)
	// ChangeRecords changes many records at once, all or none.
	ChangeRecords(ctx context.Context, c access.Caller, m Many, by crm.Source, row access.Audit) (Changed, error)
	// UndoRecords puts back what ChangeRecords did, as far as nobody has changed it since.
	UndoRecords(ctx context.Context, c access.Caller, id crm.RecordChangeID, row access.Audit) (Changed, error)

	// ObjectTypes lists the types, the standard ones first.
	ObjectTypes(ctx context.Context, w crm.WorkspaceID) ([]crm.ObjectType, error)
	ObjectType(ctx context.Context, w crm.WorkspaceID, key crm.RecordType) (crm.ObjectType, error)
	// PutObjectType stores a new type, fault.Conflict when its key is taken or there are
	// most of them.
	PutObjectType(ctx context.Context, o crm.ObjectType, most int, row access.Audit) (crm.ObjectType, error)
	// ChangeObjectType lets change alter name, plural, icon and fields.
	ChangeObjectType(ctx context.Context, w crm.WorkspaceID, key crm.RecordType, row access.Audit, change func(*crm.ObjectType) error) (crm.ObjectType, error)
	// DropObjectType deletes a type and its records; fault.Conflict (confirm_count) with
	// their number when that is not what confirm says.
	DropObjectType(ctx context.Context, w crm.WorkspaceID, key crm.RecordType, confirm int64, row access.Audit) error
	// Region is where numbers without a country code are from, "" unless chosen.
	Region(ctx context.Context, w crm.WorkspaceID) (string, error)
	SetRegion(ctx context.Context, w crm.WorkspaceID, region string, row access.Audit) error

	// Tags lists the tags that the caller sees, by name.
	Tags(ctx context.Context, c access.Caller) ([]crm.Tag, error)
	// PutTag stores a new tag, fault.Conflict when the name is taken or there are most.
	PutTag(ctx context.Context, c access.Caller, t crm.Tag, most int) (crm.Tag, error)
	ChangeTag(ctx context.Context, c access.Caller, id crm.TagID, change func(*crm.Tag) error) (crm.Tag, error)
	DropTag(ctx context.Context, c access.Caller, id crm.TagID, row access.Audit) error

	// NotesOf lists the notes of a record, the newest first.
	NotesOf(ctx context.Context, c access.Caller, record crm.RecordID, cursor string, limit int) ([]Note, string, error)
	PutNote(ctx context.Context, c access.Caller, record crm.RecordID, n crm.Note) (Note, error)
	ChangeNote(ctx context.Context, c access.Caller, id crm.NoteID, change func(*crm.Note) error) (Note, error)
	DropNote(ctx context.Context, c access.Caller, id crm.NoteID, row access.Audit, judge func(crm.Note) error) error

	// TasksOf lists tasks: open ones by when they are due, done ones the newest first.
	TasksOf(ctx context.Context, c access.Caller, q TaskQuery) ([]Task, string, error)
	Task(ctx context.Context, c access.Caller, id crm.TaskID) (Task, error)
	PutTask(ctx context.Context, c access.Caller, record crm.RecordID, t crm.Task) (Task, error)
	// ChangeTask lets change alter a task; record, when not nil, is the one it is moved to.
	ChangeTask(ctx context.Context, c access.Caller, id crm.TaskID, change func(*crm.Task) (record *crm.RecordID, err error)) (Task, error)
	DropTask(ctx context.Context, c access.Caller, id crm.TaskID, row access.Audit) error

	// HandOver gives at most some records, deleted ones too, and open tasks of somebody
	// who is no member any more to the successor, or to nobody where that one is none
	// either. more: there are others. It does nothing when they are a member again.
	HandOver(ctx context.Context, h HandOver, by crm.Source, most int) (more bool, err error)
}

// NewRecord is a record to be.
type NewRecord struct {
	Type  crm.RecordType
	Maker crm.Maker
	By    crm.Source
	Wish  func(crm.ObjectType) (Wish, error) // for the type as it is
}

// Query chooses records; what is empty does not choose.
type Query struct {
	Type      crm.RecordType
	Q         string // words, or their beginnings, of name, address, company, domain, number
	Sort      string // a field, with - before it the other way round; "" name
	Owner     crm.UserID
	NoOwner   bool
	Tag       crm.TagID
	Stage     string
	Class     string
	Company   crm.RecordID
	Deal      crm.RecordID // people of a deal
	Person    crm.RecordID // deals of a person
	CreatedBy crm.By
	System    string // with External
	External  string
	Email     string
	Fields    map[string]string // of the type's own, by their whole value
	Deleted   bool              // those that were deleted, and no others
	Cursor    string
	Limit     int
}

// Page is a page of records.
type Page struct {
	Records []crm.Record
	Next    string
	// Total is how many there are, -1 when there are more than MostCounted or on pages
	// after the first.
	Total int
}

// MostCounted is how far records are counted that a query chooses.
const MostCounted = 10_000

// Many changes records together.
type Many struct {
	IDs    []crm.RecordID // either these
	All    *Query         // or what it chooses, at most MostChanged
	Set    Wish           // of it Owner, Stage and Class
	Add    []crm.TagID
	Remove []crm.TagID
	Delete bool
}

// MostChanged is how many records one act changes.
const MostChanged = 10_000

// Changed is what an act did, and by what it is undone.
type Changed struct {
	Count  int
	UndoID crm.RecordChangeID
}

// Person names a member, or somebody who was one.
type Person struct {
	ID   crm.UserID
	Name string
}

// Note with its author.
type Note struct {
	crm.Note
	Author Person
}

// Task with its people.
type Task struct {
	crm.Task
	Assignee, Author Person
}

// TaskQuery chooses tasks.
type TaskQuery struct {
	Record   crm.RecordID
	Assignee crm.UserID
	State    TaskState
	Now      time.Time
	Cursor   string
	Limit    int
}

// TaskState is where a task stands.
type TaskState string

const (
	TasksAll     TaskState = ""
	TasksOpen    TaskState = "open"
	TasksDone    TaskState = "done"
	TasksOverdue TaskState = "overdue"
)

package crm

import "time"

// LinkRule is why a message or an event is linked to a record.
type LinkRule string

const (
	LinkManual  LinkRule = "manual"  // somebody linked it: wins, and stays
	LinkAddress LinkRule = "address" // sender, recipient or attendee is the person
	LinkDeal    LinkRule = "deal"    // a person of an open deal takes part
	LinkDomain  LinkRule = "domain"  // an address is at the company's domain
	LinkThread  LinkRule = "thread"  // another message of the conversation is linked
	LinkCompany LinkRule = "company" // a person who takes part works there
)

// MailLink ties a message to a record, and says why.
type MailLink struct {
	Record RecordRef
	Rule   LinkRule
	Detail string    // the address that did it; "" by hand
	Via    RecordRef // the person of a deal or a company that it belongs to; empty for none
	By     UserID    // of a manual link
	ByName string
	At     time.Time
}

// SkipRule is why a message was not considered for records.
type SkipRule string

const (
	SkipBlocked    SkipRule = "blocked"
	SkipBulk       SkipRule = "bulk"
	SkipColleagues SkipRule = "colleagues"
	SkipDraft      SkipRule = "draft"
	SkipNobody     SkipRule = "nobody" // no address belongs to a record, and the policy makes none
)

// ContactPolicy says for whom a connection's mail makes persons.
type ContactPolicy string

const (
	ContactsNone ContactPolicy = "none"
	ContactsSent ContactPolicy = "sent" // people one wrote to
	ContactsAll  ContactPolicy = "all"
)

// ActivityKind is a kind of row on a timeline.
type ActivityKind string

const (
	ActivityEmail   ActivityKind = "email"
	ActivityMeeting ActivityKind = "meeting"
	ActivityCall    ActivityKind = "call"
	ActivityNote    ActivityKind = "note"
	ActivityTask    ActivityKind = "task"
)

// Activity is one dated thing on a record's timeline. Of the parts, the one its
// kind names is set; an e-mail as the caller may see it.
type Activity struct {
	ID     string // of the message, note, task or event
	Kind   ActivityKind
	At     time.Time
	Record RecordRef // the record it was found on
	Email  *Email
	Note   *Note
	Task   *Task
	Event  *EventRef
	Why    *MailLink
}

// EventRef is what a timeline shows of a calendar event.
type EventRef struct {
	Title  string
	Start  time.Time
	End    time.Time
	Status string
}

// Note on a record.
type Note struct {
	ID        NoteID
	Record    RecordRef
	Text      string // plain text, Markdown as written
	AuthorID  UserID
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Task on a record, or of nobody's.
type Task struct {
	ID         TaskID
	Record     *RecordRef
	Title      string
	DueAt      *time.Time
	DoneAt     *time.Time
	AssigneeID UserID
	AuthorID   UserID
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Version    int64 // counts its changes (ETag)
}

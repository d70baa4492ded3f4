package crm

import "time"

// Level is how much of a message somebody sees.
type Level string

const (
	LevelNone     Level = ""         // it does not exist for them
	LevelMetadata Level = "metadata" // who and when
	LevelSubject  Level = "subject"  // and the subject
	LevelFull     Level = "full"     // everything
)

// View is how a caller sees a message that was read for them. Fields of the
// message above the level are empty.
type View struct {
	Level     Level
	Owner     UserID
	OwnerName string
	Mine      bool // the caller owns the mailbox
	Shared    bool // shared beyond the level of its mailbox (of others' mail: with the caller)
	Protected bool // has a protected address; told to the owner alone
}

// Share opens a message, or a conversation with what is yet to come, to members
// or to the whole workspace. Protected messages stay closed.
type Share struct {
	ID           ShareID
	WorkspaceID  WorkspaceID
	ConnectionID ConnectionID
	ThreadID     string  // Gmail's thread id
	EmailID      EmailID // "" for the whole conversation
	UserIDs      []UserID
	Workspace    bool // with everybody
	CreatedBy    UserID
	CreatedAt    time.Time
}

// RuleKind of a MailRule.
type RuleKind string

const (
	RuleBlocked   RuleKind = "blocked"   // mail with the address is not stored
	RuleProtected RuleKind = "protected" // mail with the address is its owner's alone
)

// MailRule is a blocked or protected address or domain.
type MailRule struct {
	ID          RuleID
	WorkspaceID WorkspaceID
	UserID      UserID // whose mailboxes it is for; "" for all of the workspace
	Kind        RuleKind
	Pattern     string // "ann@shop.example", or "@shop.example": the domain and those below it
	CreatedBy   UserID
	CreatedAt   time.Time
}

// MailPolicy is what a workspace has decided about the mail of all.
type MailPolicy struct {
	WorkspaceID       WorkspaceID
	StoreInternal     bool     // keep mail among colleagues only, too
	OwnDomains        []string // the workspace's domains; empty: those of owners and administrators, and of its approval
	BodyRetentionDays int      // bodies older than this are dropped; 0: never
	RetentionDays     int      // messages older than this are dropped; 0: never
	UpdatedAt         time.Time
}

package crm

import "time"

// Stream names one thing with a cursor.
type Stream string

const (
	StreamGmailHistory  Stream = "gmail.history"  // changes, by history id
	StreamGmailBackfill Stream = "gmail.backfill" // the newest N messages, newest first
	StreamGmailVerify   Stream = "gmail.verify"   // completeness check
	StreamGmailRetry    Stream = "gmail.retry"    // items of the ledger tried again
	StreamReparse       Stream = "mail.reparse"   // stored answers read again
	StreamEnrich        Stream = "mail.enrich"    // all mail considered for records
)

// RunState is the outcome of a run, computed from its counts.
type RunState string

const (
	RunQueued    RunState = "queued"
	RunRunning   RunState = "running"
	RunSucceeded RunState = "succeeded" // everything arrived
	RunPartial   RunState = "partial"   // some items are in the ledger
	RunFailed    RunState = "failed"
	RunCancelled RunState = "cancelled"
)

// Counts of a run.
type Counts struct {
	Seen    int64 `json:"seen"`    // items Google named
	Added   int64 `json:"added"`   // rows created
	Updated int64 `json:"updated"` // rows changed
	Deleted int64 `json:"deleted"` // rows tombstoned
	Failed  int64 `json:"failed"`  // items put in the ledger
	Skipped int64 `json:"skipped"` // known already, or excluded by a rule
	Units   int64 `json:"units"`   // quota units spent
}

// Run is one execution of a stream's sync (table sync_runs).
type Run struct {
	ID           RunID
	WorkspaceID  WorkspaceID
	ConnectionID ConnectionID
	Stream       Stream
	State        RunState
	Counts       Counts
	Total        int64 // expected items when known, else 0
	Error        string
	NextStep     string
	StartedAt    time.Time
	FinishedAt   *time.Time
}

// Failure is one item of the ledger (table sync_failures).
type Failure struct {
	ID           FailureID
	WorkspaceID  WorkspaceID
	ConnectionID ConnectionID
	Stream       Stream
	ItemID       string // Gmail message id
	ThreadID     string
	Reason       string // plain words
	Attempts     int
	NextTryAt    time.Time
	Parked       bool // no more tries by itself
	CreatedAt    time.Time
}

// Completeness is the result of comparing Google's ids with ours.
type Completeness struct {
	ConnectionID ConnectionID
	CheckedAt    time.Time
	GoogleCount  int64
	RapportCount int64
	Missing      int64 // at Google, not here, before healing
	Extra        int64 // here, not at Google, before healing
	Relabelled   int64 // labels differed before healing
	Healed       int64
	Unexplained  int64 // left after healing, beyond the ledger
	Excluded     int64 // left out by the workspace's rules or the owner's; in neither count
}

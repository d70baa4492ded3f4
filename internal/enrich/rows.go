package enrich

import (
	"context"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/enrich/signature"
)

// Candidate is a message to consider, with the records it is about.
type Candidate struct {
	Pos        int64
	Turn       int64 // of its waiting: what is said to wait again meanwhile goes on waiting; 0 does not wait
	EmailID    crm.EmailID
	Connection crm.ConnectionID
	Message    signature.Message
	From       crm.Address
	Sent       bool    // by the mailbox's owner: it tells of dealings with its recipients, and of nothing else
	People     []int64 // the records of its sender, or of its recipients; none: it is nobody's
}

// Rows is what is read and written (implemented by the store).
type Rows interface {
	// AwaitMail lets messages of a connection wait to be considered, but for those that
	// nobody signs: bulk, drafts, spam, and those with protected addresses.
	AwaitMail(ctx context.Context, c crm.ConnectionID, ids []crm.EmailID) error
	// AskAbout notes that there may be news of people in the mail: those of records, and
	// those of deals. AskedAbout gives such people with their dealings. AwaitMailOf lets
	// mail of theirs wait that has not been considered for them, and gives the
	// connections it is in. SaveClasses stores what they are, unless somebody has said
	// so, and takes them out.
	AskAbout(ctx context.Context, w crm.WorkspaceID, records []crm.RecordID) error
	AskedAbout(ctx context.Context, w crm.WorkspaceID, n int) ([]Person, error)
	AwaitMailOf(ctx context.Context, w crm.WorkspaceID, people []int64) ([]crm.ConnectionID, error)
	SaveClasses(ctx context.Context, w crm.WorkspaceID, list []Person) error
	// BeginEnriching begins to let all mail of a connection wait that has not been considered
	// by the engine yet, and counts the messages there are; GoOnEnriching goes on with it, a
	// piece at a time, until more is false.
	BeginEnriching(ctx context.Context, c crm.ConnectionID, engine string) (total int64, err error)
	GoOnEnriching(ctx context.Context, c crm.ConnectionID) (more bool, err error)
	// ForgetWaiting lets nothing of a connection wait any more.
	ForgetWaiting(ctx context.Context, c crm.ConnectionID) error
	// WaitingMail gives up to n messages that wait, the oldest first.
	WaitingMail(ctx context.Context, c crm.ConnectionID, n int) ([]Candidate, error)
	// MailOf gives the newest messages that a record's people have sent.
	MailOf(ctx context.Context, w crm.WorkspaceID, id crm.RecordID, n int) ([]Candidate, error)
	// KeepSightings stores what was read, settles the fields it is about, and takes the
	// messages out of those that wait, in one transaction with its facts. Doing it
	// again changes nothing.
	KeepSightings(ctx context.Context, b Batch) (Outcome, error)

	Suggestions
	Choices
}

// Person is one of whom there may be news.
type Person struct {
	No    int64
	Turn  int64 // of asking: asking again meanwhile is not lost
	Deals Dealings
	Class crm.Class
}

// Batch is what was read in messages of a workspace.
type Batch struct {
	Workspace crm.WorkspaceID
	Run       crm.RunID // "" for none: counts are added to it
	Reads     []Read
}

// Outcome of KeepSightings.
type Outcome struct {
	Applied   []crm.Sighting
	Suggested []crm.Sighting
}

// Suggestion is a sighting as it is shown: with its record and what that says.
type Suggestion struct {
	crm.Sighting
	Record  crm.RecordRef
	Current string
}

// SuggestionQuery chooses suggestions.
type SuggestionQuery struct {
	Record crm.RecordID // "": all
	State  crm.SightingState
	Cursor string
	Limit  int
}

// Suggestions are read and decided by people. What a caller may not read fully of the
// message is left out: the line, and where they see nothing of it, its id.
type Suggestions interface {
	ListSuggestions(ctx context.Context, c access.Caller, q SuggestionQuery) ([]Suggestion, string, error)
	// Evidence gives the sightings of a record, the newest first.
	Evidence(ctx context.Context, c access.Caller, id crm.RecordID) ([]crm.Sighting, error)
	// DecideSuggestion accepts or dismisses a suggestion; fault.Conflict when it is none any
	// more.
	DecideSuggestion(ctx context.Context, c access.Caller, id crm.SightingID, accept bool) (Suggestion, error)
}

// Choice is what a workspace has decided about models.
type Choice struct {
	Mode      string // "": the installation's
	Allowed   bool   // a model may read mail
	Provider  string // "": the installation's model
	Model     string
	BaseURL   string
	SealedKey string
	Trouble   string // why the model cannot be used; "" it can, as far as is known
	TroubleAt *time.Time
	Region    string // of numbers without a country code
	UpdatedBy crm.UserID
	UpdatedAt time.Time
}

// Choices are kept for each workspace.
type Choices interface {
	Choice(ctx context.Context, w crm.WorkspaceID) (Choice, error)
	// ChangeChoice changes it with an audit row.
	ChangeChoice(ctx context.Context, w crm.WorkspaceID, change func(*Choice) (access.Audit, error)) (Choice, error)
	// NoteTrouble notes why a model cannot be used, "" that it can.
	NoteTrouble(ctx context.Context, w crm.WorkspaceID, text string) error
	// SealedKeys lists the keys that are kept; ResealKey swaps one if it is still the
	// old one.
	SealedKeys(ctx context.Context) (map[crm.WorkspaceID]string, error)
	ResealKey(ctx context.Context, w crm.WorkspaceID, old, sealed string) error
}

// Runs of connections.
type Runs interface {
	BeginRun(ctx context.Context, r crm.Run) (run crm.Run, begun bool, err error)
	EndRun(ctx context.Context, r crm.Run) error
	Running(ctx context.Context, c crm.ConnectionID, stream crm.Stream) (crm.Run, error)
	SetTotal(ctx context.Context, id crm.RunID, total int64) error
	Run(ctx context.Context, w crm.WorkspaceID, id crm.RunID) (crm.Run, error)
}

// Connections are looked up by id.
type Connections interface {
	ConnectionByID(ctx context.Context, id crm.ConnectionID) (crm.Connection, error)
}

// Sealer keeps keys of models.
type Sealer interface {
	Seal(row, field string, value crm.Secret) (string, error)
	Open(row, field, sealed string) (crm.Secret, error)
	Current(row, field, sealed string) bool
}

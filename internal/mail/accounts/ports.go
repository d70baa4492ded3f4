package accounts

import (
	"context"
	"time"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/mail"
)

// ---- mail servers (implemented by internal/imapsmtp) ----

// Login is how to sign in to one server.
type Login struct {
	Account  crm.AccountID // its connections are counted together
	Server   crm.MailServer
	Password crm.Secret  // AuthPassword
	Grant    crm.GrantID // AuthOAuth2: whose token
}

// Servers reaches mail servers. Errors are classified: fault.Reconnect when the
// sign-in is refused, Blocked when the server does not let this account in by
// IMAP, Throttled when it says that it is too much, Unavailable when it cannot be
// reached or breaks off, Invalid for what it does not take.
type Servers interface {
	// Open signs in by IMAP. The box belongs to one goroutine and has to be closed;
	// ctx ends it.
	Open(ctx context.Context, l Login) (Box, error)
	// Send gives a message to an SMTP server. When it fails after the server may
	// have taken the message, the error is Unavailable with Code "maybe_sent".
	Send(ctx context.Context, l Login, e Envelope, raw []byte) error
	// Examine walks the way to a server step by step and stops at the first that
	// fails.
	Examine(ctx context.Context, imap, smtp Login) []Step
}

// Envelope is who an SMTP server is told about.
type Envelope struct {
	From string
	To   []string
}

// Step is one step of a test of the connection.
type Step struct {
	Name     string // "dns", "tls", "login", "permission", "mailbox", "smtp"
	OK       bool
	Detail   string
	NextStep string // when it failed
}

// Features of an IMAP server that change how it is read.
type Features struct {
	Gmail     bool // X-GM-EXT-1
	Condstore bool
	Idle      bool
	Move      bool // MOVE (RFC 6851)
	Expunge   bool // UID EXPUNGE (UIDPLUS, RFC 4315)
}

// Folder of a server.
type Folder struct {
	Name  string // decoded from modified UTF-7
	Roles []string
	// Closed folders hold other folders only.
	Closed bool
	// Known: of what lies there, only messages that are known already count.
	Known bool
}

// Roles of folders, as RFC 6154 names them.
const (
	RoleAll     = `\All`
	RoleArchive = `\Archive`
	RoleDrafts  = `\Drafts`
	RoleFlagged = `\Flagged`
	RoleJunk    = `\Junk`
	RoleSent    = `\Sent`
	RoleTrash   = `\Trash`
)

// Position of a folder: what the server says of it now.
type Position struct {
	Validity uint32 // of UIDs
	Next     uint32 // UIDs from here on are new
	Exists   uint32
	ModSeq   uint64 // 0 where the server has none
}

// Head is what is needed to know a message without its content.
type Head struct {
	UID        uint32
	Flags      []string
	Date       time.Time // when the server received it
	Size       int64
	MessageID  string // of its header, as written
	Sent       string // Date of its header, as written
	From       string
	Subject    string
	GmailID    string   // X-GM-MSGID in hexadecimal, as the Gmail API writes it
	GmailThrid string   // X-GM-THRID, the same
	GmailLabel []string // X-GM-LABELS
}

// BodyBound is where a message is cut that is larger.
const BodyBound = 48 << 20

// Box is a signed-in IMAP connection.
type Box interface {
	Features() Features
	Folders(ctx context.Context) ([]Folder, error)
	// Enter opens a folder for reading and gives its position; what follows is
	// about it.
	Enter(ctx context.Context, folder string) (Position, error)
	// UIDs lists those from first to last, ascending; last 0 is the end.
	UIDs(ctx context.Context, first, last uint32) ([]uint32, error)
	Heads(ctx context.Context, uids []uint32) ([]Head, error)
	// Sizes is Heads without what stands in the messages themselves.
	Sizes(ctx context.Context, uids []uint32) ([]Head, error)
	// Flags reads flags and labels only; since > 0: of those changed after it.
	Flags(ctx context.Context, first, last uint32, since uint64) ([]Head, error)
	// Bodies reads whole messages, cut at BodyBound; yield gets each as it comes,
	// and must not use the box.
	Bodies(ctx context.Context, heads []Head, yield func(uid uint32, raw []byte) error) error
	// Idle waits in the folder until something happens there or ctx ends (nil).
	Idle(ctx context.Context) error
	// Change opens a folder for changing; what follows is about it.
	Change(ctx context.Context, folder string) (Position, error)
	// Standing reads UID and flags of those of the messages that are there.
	Standing(ctx context.Context, uids []uint32) ([]Head, error)
	// OfSize reads the heads of messages of exactly a size.
	OfSize(ctx context.Context, size int64) ([]Head, error)
	// Store sets flags, or takes them away.
	Store(ctx context.Context, uids []uint32, add bool, flags []string) error
	// Move, Copy and Expunge leave out in silence what is not there. Move needs
	// Features.Move, Expunge (which marks as deleted first) Features.Expunge.
	Move(ctx context.Context, uids []uint32, folder string) error
	Copy(ctx context.Context, uids []uint32, folder string) error
	Expunge(ctx context.Context, uids []uint32) error
	// Append puts a message into a folder, seen.
	Append(ctx context.Context, folder string, at time.Time, raw []byte) error
	Close()
}

// ---- our side (implemented by internal/store, vault and the runner) ----

// Rows keeps accounts.
type Rows interface {
	// AddAccount stores a new account. When it has a connection of its own, that is
	// stored with it: conn, or the one the member's mailbox had before, whose id
	// and mail stay. It gives the account as stored; fault.Conflict when the member
	// has an account of that address.
	AddAccount(ctx context.Context, a crm.Account, conn crm.Connection) (crm.Account, error)
	// Account finds an account of a member.
	Account(ctx context.Context, w crm.WorkspaceID, u crm.UserID, id crm.AccountID) (crm.Account, error)
	// AccountByID and AccountOf are for background work: no workspace to check.
	AccountByID(ctx context.Context, id crm.AccountID) (crm.Account, error)
	AccountOf(ctx context.Context, c crm.ConnectionID) (crm.Account, error)
	AccountsOf(ctx context.Context, w crm.WorkspaceID, u crm.UserID) ([]crm.Account, error)
	// ChangeAccount lets fn change an account in one transaction.
	ChangeAccount(ctx context.Context, id crm.AccountID, fn func(*crm.Account) error) (crm.Account, error)
	// DropAccount deletes an account and, unless it is shared, disconnects its
	// connection. Its mail stays.
	DropAccount(ctx context.Context, id crm.AccountID) error
	// GoogleConnection is the member's connection of a Google account by address,
	// fault.NotFound if none.
	GoogleConnection(ctx context.Context, w crm.WorkspaceID, u crm.UserID, email string) (crm.Connection, error)
	// SealedAccounts gives up to n accounts with a password after the id, by id;
	// ResealAccount swaps a password if the old one still stands.
	SealedAccounts(ctx context.Context, after crm.AccountID, n int) ([]crm.Account, error)
	ResealAccount(ctx context.Context, id crm.AccountID, old, sealed string) error
	// Watch claims accounts to listen to: those nobody listens to, and the holder's.
	Watch(ctx context.Context, holder string, now, until time.Time, limit int) ([]crm.Account, error)
	// Listened says whether somebody has claimed an account to listen to it.
	Listened(ctx context.Context, id crm.AccountID, now time.Time) (bool, error)
	Connection(ctx context.Context, w crm.WorkspaceID, id crm.ConnectionID) (crm.Connection, error)
	ConnectionByID(ctx context.Context, id crm.ConnectionID) (crm.Connection, error)
	// SetMailbox changes limit and visibility of an account's own connection.
	SetMailbox(ctx context.Context, id crm.ConnectionID, fn func(*crm.ConnectionSettings)) (crm.Connection, error)
	DeleteData(ctx context.Context, w crm.WorkspaceID, id crm.ConnectionID) (int64, error)
}

// Copies keeps where messages lie and what came of them.
type Copies interface {
	Load(ctx context.Context, k mail.Key) (engine.Checkpoint, error)
	Known(ctx context.Context, c crm.ConnectionID, ids []string) (map[string]mail.KnownEmail, error)
	// ApplyFolder is mail.Streams.Apply with the copies of a folder, in one
	// transaction. Labels of messages with a copy in f are worked out there, from
	// all copies; a message without copies is gone.
	ApplyFolder(ctx context.Context, k mail.Key, from engine.Checkpoint, b engine.Batch[mail.Item], f FolderBatch) (crm.Counts, error)
	// CopiesIn lists the copies in a folder with UIDs from first to last, by UID.
	CopiesIn(ctx context.Context, a crm.AccountID, folder string, validity, first, last uint32) ([]Copy, error)
	// CopiesOf lists where a message lies.
	CopiesOf(ctx context.Context, a crm.AccountID, messageID string) ([]Place, error)
	// FoldersOf names the folders in which copies are known.
	FoldersOf(ctx context.Context, a crm.AccountID) ([]string, error)
	// Placed notes what copies say and which are gone, in one transaction, beside
	// all folders' positions: what a change of ours has done on the server. Labels of the
	// messages follow from all their copies, with what is pending on top.
	Placed(ctx context.Context, k mail.Key, said []FolderBatch) error
	// Sizes gives the sizes of stored messages.
	Sizes(ctx context.Context, c crm.ConnectionID, ids []string) (map[string]int64, error)
	// OtherCopies counts the copies in a folder under other validities.
	OtherCopies(ctx context.Context, a crm.AccountID, folder string, validity uint32) (int64, error)
	// Empty reports whether nothing of a connection was ever stored.
	Empty(ctx context.Context, c crm.ConnectionID) (bool, error)
	// KeepFolders forgets copies and positions of all folders but these.
	KeepFolders(ctx context.Context, a crm.Account, folders []string) error
	// ForgetPositions has all folders of an account listed again.
	ForgetPositions(ctx context.Context, a crm.Account) error
	// ThreadsOf finds the threads of stored messages by their Message-ID.
	ThreadsOf(ctx context.Context, c crm.ConnectionID, messageIDs []string) (map[string]string, error)
	SaveLabels(ctx context.Context, c crm.ConnectionID, labels []crm.Label) error
	LabelsKnown(ctx context.Context, c crm.ConnectionID) ([]crm.Label, error)
	// Rewind has the changes after a history id of Gmail's applied again.
	Rewind(ctx context.Context, k mail.Key, mark engine.Cursor) error
}

// Copy of a message in a folder.
type Copy struct {
	UID       uint32
	MessageID string // crm.Email.GmailID
	Labels    []string
}

// Place is where a copy lies.
type Place struct {
	Folder        string
	Validity, UID uint32
}

// FolderBatch is what a batch says about the copies in one folder.
type FolderBatch struct {
	Account  crm.AccountID
	Folder   string
	Validity uint32
	Seen     []Copy
	Gone     []uint32
	// Others: copies under other validities are gone.
	Others bool
	// Whole: labels are the message's, not the copy's (Gmail).
	Whole bool
	// Yield: somebody else says what becomes of known messages (the Gmail API).
	Yield bool
}

// Sealer encrypts passwords (vault).
type Sealer interface {
	Seal(row, field string, value crm.Secret) (string, error)
	Open(row, field, sealed string) (crm.Secret, error)
	// Current reports whether the first key opens the value (or it is empty).
	Current(row, field, sealed string) bool
}

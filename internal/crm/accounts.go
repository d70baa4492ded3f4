package crm

import "time"

// Account is an e-mail account of a member: a mailbox read by IMAP and sent from
// by SMTP (table email_accounts). Its mail stands under a connection: one of its
// own (ProviderIMAP), or for a Gmail account that is connected already, that one.
type Account struct {
	ID           AccountID
	WorkspaceID  WorkspaceID
	UserID       UserID
	ConnectionID ConnectionID
	Shared       bool // the connection is one of Google's
	Email        string
	Name         string // as sender
	IMAP, SMTP   MailServer
	Sealed       string   // the password, sealed; "" for oauth2
	Folders      []string // by name; empty: inbox and sent mail; ["*"] all but spam and trash
	State        AccountState
	Error        string // plain words, empty when all is well
	NextStep     string
	LastSyncAt   *time.Time
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// MailServer is where and how an account signs in.
type MailServer struct {
	Host     string       `json:"host"`
	Port     int          `json:"port"`
	Security MailSecurity `json:"security"`
	Auth     MailAuth     `json:"auth"`
	Username string       `json:"username"`
}

// MailSecurity of a connection to a mail server.
type MailSecurity string

const (
	SecurityTLS      MailSecurity = "tls"      // from the first byte
	SecurityStartTLS MailSecurity = "starttls" // agreed on in plain text, then TLS or nothing
	SecurityNone     MailSecurity = "none"     // possible, but nobody signs in over it
)

// MailAuth is how an account signs in.
type MailAuth string

const (
	AuthOAuth2   MailAuth = "oauth2" // XOAUTH2 or OAUTHBEARER with a token of Google's
	AuthPassword MailAuth = "password"
)

// AccountState of an e-mail account.
type AccountState string

const (
	AccountWaiting AccountState = "waiting" // not synced yet
	AccountActive  AccountState = "active"
	AccountFailing AccountState = "failing"     // tried again by itself
	AccountRefused AccountState = "needs_login" // the server refuses the sign-in: somebody has to act
	AccountEnded   AccountState = "ended"       // deleted
)

// Provider of a connection.
type Provider string

const (
	ProviderGoogle Provider = "google"
	ProviderIMAP   Provider = "imap"
)

// StreamIMAP is the stream that runs of e-mail accounts are counted under; the
// position of each folder stands under FolderStream.
const StreamIMAP Stream = "imap"

// FolderStream is the stream of one folder of an e-mail account.
func FolderStream(a AccountID, folder string) Stream {
	return Stream("imap:" + string(a) + ":" + folder)
}

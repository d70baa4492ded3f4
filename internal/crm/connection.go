package crm

import "time"

// ConnectionStatus is the state of a connection (spec: connecting → active ⇄
// degraded → needs_reauth → active; waiting_for_admin, paused, disconnected).
type ConnectionStatus string

const (
	StatusConnecting      ConnectionStatus = "connecting"
	StatusActive          ConnectionStatus = "active"
	StatusDegraded        ConnectionStatus = "degraded"
	StatusNeedsReauth     ConnectionStatus = "needs_reauth"
	StatusWaitingForAdmin ConnectionStatus = "waiting_for_admin"
	StatusPaused          ConnectionStatus = "paused"
	StatusDisconnected    ConnectionStatus = "disconnected"
)

// Syncs reports whether streams of a connection in this state run.
func (s ConnectionStatus) Syncs() bool { return s == StatusActive || s == StatusDegraded }

// Service is a named bundle of Google scopes.
type Service string

const (
	ServiceGmail     Service = "gmail"
	ServiceCalendar  Service = "calendar"
	ServiceContacts  Service = "contacts"
	ServiceDirectory Service = "directory"
	ServiceDrive     Service = "drive"
	ServiceMeet      Service = "meet"
	ServiceSheets    Service = "sheets"
	ServiceIMAP      Service = "imap" // Gmail by IMAP and SMTP
)

// Visibility of a connection's mail for other members.
type Visibility string

const (
	VisibilityPrivate  Visibility = "private"
	VisibilityMetadata Visibility = "metadata"
	VisibilitySubject  Visibility = "subject"
	VisibilityFull     Visibility = "full"
)

// Connection is one Google account linked by one member in one workspace
// (table google_integrations), or the mail of an e-mail account of theirs.
type Connection struct {
	ID            ConnectionID
	WorkspaceID   WorkspaceID
	UserID        UserID // the member who owns it
	Provider      Provider
	GrantID       GrantID
	GoogleSub     string
	GoogleEmail   string
	GrantedScopes []string
	WantedScopes  []string
	Status        ConnectionStatus
	StatusReason  string // plain words, empty when active
	GmailSync     bool
	CalendarSync  bool
	ContactsSync  bool
	Settings      ConnectionSettings
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// ConnectionSettings are the choices of the connection's owner.
type ConnectionSettings struct {
	Labels      []string   `json:"labels"`           // Gmail label ids; ["*"] means all
	Hidden      []string   `json:"hidden,omitempty"` // labels turned off: a message with one of them is not shown unless it has one that is on or kept
	Kept        []string   `json:"kept,omitempty"`   // labels turned off whose messages stay
	Limit       int        `json:"limit"`            // newest messages to import; 0 means all
	Since       *time.Time `json:"since"`            // import nothing older, nil: no bound
	PollSeconds int        `json:"poll_seconds"`     // 60
	Visibility  Visibility `json:"visibility"`
	KeepRaw     bool       `json:"keep_raw"`            // keep Google's answers for reparse
	IMAPLane    bool       `json:"imap_lane,omitempty"` // large imports read messages by IMAP
	// ContactPolicy says of whom mail makes persons; "" is ContactsSent.
	ContactPolicy ContactPolicy `json:"contact_policy,omitempty"`
	Enrich        Consent       `json:"enrich,omitempty"` // what may read the mail to fill records
}

// Consent is what the owner of a mailbox lets its mail be read by, to fill records.
type Consent string

const (
	ConsentOff   Consent = "off"
	ConsentRules Consent = "rules" // on this machine
	ConsentModel Consent = "model" // and by a model, where the workspace has one
)

// Reading is the owner's choice, ConsentRules when they have not made one.
func (s ConnectionSettings) Reading() Consent {
	if s.Enrich == "" {
		return ConsentRules
	}
	return s.Enrich
}

// DefaultSettings are those of a new connection (spec 01).
func DefaultSettings() ConnectionSettings {
	return ConnectionSettings{
		Labels: []string{"INBOX", "SENT"}, Limit: 1000, PollSeconds: 60,
		Visibility: VisibilityPrivate, KeepRaw: true, ContactPolicy: ContactsSent, Enrich: ConsentRules,
	}
}

// Contacts says of whom the connection's mail makes persons.
func (s ConnectionSettings) Contacts() ContactPolicy {
	if s.ContactPolicy == "" {
		return ContactsSent
	}
	return s.ContactPolicy
}

// AllLabels is the entry of Labels that chooses every label.
const AllLabels = "*"

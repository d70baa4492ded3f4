package client

import "time"

// ---- sign-in, people, workspaces ----

// Token is a short-lived bearer token.
type Token struct {
	AccessToken string `json:"access_token" doc:"Send as Authorization: Bearer."`
	TokenType   string `json:"token_type" enum:"Bearer"`
	ExpiresIn   int    `json:"expires_in" doc:"Seconds the token is good for."`
}

// Credentials of a person.
type Credentials struct {
	Email    string `json:"email" maxLength:"320" minLength:"3"`
	Password string `json:"password" maxLength:"1024" minLength:"1"`
}

// User is a person who can sign in.
type User struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name"`
}

// Workspace is a tenant, with the caller's role in it.
type Workspace struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role" enum:"owner,admin,member"`
}

// Me is who is signed in and where they belong.
type Me struct {
	User       User        `json:"user"`
	Workspaces []Workspace `json:"workspaces"`
}

// SetupState says whether an installation still needs its first owner.
type SetupState struct {
	Needed       bool `json:"needed" doc:"Nobody can sign in yet: the first owner has to be made."`
	GoogleSignIn bool `json:"google_sign_in" doc:"Signing in with Google is possible: an OAuth client is configured."`
}

// SetupRequest makes the first workspace and its owner.
type SetupRequest struct {
	WorkspaceName string `json:"workspace_name" minLength:"1" maxLength:"200"`
	Name          string `json:"name" minLength:"1" maxLength:"200"`
	Email         string `json:"email" minLength:"3" maxLength:"320"`
	Password      string `json:"password" minLength:"10" maxLength:"1024"`
}

// Member is a user in a workspace.
type Member struct {
	UserID   string    `json:"user_id"`
	Email    string    `json:"email"`
	Name     string    `json:"name"`
	Role     string    `json:"role" enum:"owner,admin,member"`
	JoinedAt time.Time `json:"joined_at"`
}

// NewMember invites a person into a workspace. Without a password they sign in with Google.
type NewMember struct {
	Email    string `json:"email" minLength:"3" maxLength:"320"`
	Name     string `json:"name,omitempty" maxLength:"200"`
	Role     string `json:"role,omitempty" enum:"owner,admin,member" default:"member"`
	Password string `json:"password,omitempty" maxLength:"1024" doc:"At least 10 characters. For people who already have an account it is ignored."`
}

// APIKey is a key of a member in a workspace. The key itself is shown once.
type APIKey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Prefix     string     `json:"prefix" doc:"The beginning of the key, to recognise it by."`
	Scopes     []string   `json:"scopes"`
	UserID     string     `json:"user_id" doc:"The member the key acts for."`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
	RevokedAt  *time.Time `json:"revoked_at"`
}

// NewAPIKey asks for a key.
type NewAPIKey struct {
	Name      string     `json:"name" minLength:"1" maxLength:"200"`
	Scopes    []string   `json:"scopes" minItems:"1" maxItems:"50" doc:"mail:read, admin, or * for every right of the member."`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// CreatedAPIKey is a new key, with the key itself.
type CreatedAPIKey struct {
	APIKey
	Key string `json:"key" doc:"Shown this once and stored only as a hash."`
}

// ---- the Google connection ----

// Connect is the address of Google's consent page.
type Connect struct {
	AuthorizationURL string `json:"authorization_url" doc:"Send the browser there. Good for 10 minutes and one use."`
}

// Status is the state of the caller's Google connection in a workspace.
type Status struct {
	IsConnected         bool              `json:"is_connected"`
	ConnectionID        string            `json:"connection_id" doc:"Empty without a connection."`
	GoogleEmail         string            `json:"google_email"`
	GoogleName          string            `json:"google_name"`
	Status              string            `json:"status" enum:"none,connecting,active,degraded,needs_reauth,waiting_for_admin,paused,disconnected"`
	StatusReason        string            `json:"status_reason" doc:"Why, in plain words. Empty when all is well."`
	NextStep            string            `json:"next_step" doc:"What to do about it, in plain words."`
	ActionURL           string            `json:"action_url" doc:"Address of the way out, empty when there is nothing to do."`
	GrantedScopes       []string          `json:"granted_scopes"`
	MissingScopes       []MissingScope    `json:"missing_scopes"`
	GmailSyncEnabled    bool              `json:"gmail_sync_enabled"`
	CalendarSyncEnabled bool              `json:"calendar_sync_enabled"`
	ContactsSyncEnabled bool              `json:"contacts_sync_enabled"`
	Settings            Settings          `json:"settings"`
	Counts              Counts            `json:"counts"`
	Streams             []StreamStatus    `json:"streams"`
	Completeness        *Completeness     `json:"completeness,omitempty" doc:"Absent until the first check."`
	Watch               *Watch            `json:"watch,omitempty" doc:"How news of the mailbox come in. Absent without a connection."`
	IMAPLane            *IMAPLane         `json:"imap_lane,omitempty" doc:"Absent while imap_lane is off in the settings."`
	Approval            string            `json:"approval" enum:"pending,approved,blocked"`
	Connections         []ConnectionShort `json:"connections" doc:"Every Google account the caller has connected here."`
}

// MissingScope is a permission that was wanted and not given.
type MissingScope struct {
	Scope       string `json:"scope"`
	Feature     string `json:"feature" doc:"What is off without it."`
	Description string `json:"description"`
}

// Settings of a connection.
type Settings struct {
	Labels      []string          `json:"labels" doc:"Gmail label ids; [\"*\"] means all."`
	LabelsOff   map[string]string `json:"labels_off" doc:"Labels that were turned off, and what became of their messages: hide or keep."`
	Limit       int               `json:"limit" doc:"Newest messages to import; 0 means all."`
	Since       *time.Time        `json:"since" doc:"Import nothing older."`
	PollSeconds int               `json:"poll_seconds"`
	Visibility  string            `json:"visibility" enum:"private,metadata,subject,full"`
	Enrich      string            `json:"enrich" enum:"off,rules,model" doc:"What may read the mail to fill records: nothing, rules on this server, or a model besides, where the workspace allows one."`
	Contacts    string            `json:"contact_policy" enum:"none,sent,all" doc:"Of whom mail makes persons: of nobody, of people the owner wrote to, of everybody who takes part."`
	IMAPLane    bool              `json:"imap_lane" doc:"Large imports read the messages themselves by IMAP, which is outside the Gmail API's quota. Off unless it is turned on."`
}

// IMAPLane tells how reading a large import by IMAP does.
type IMAPLane struct {
	State      string     `json:"state" enum:"ready,resting,no_permission" doc:"resting: the import goes on by the Gmail API until then; no_permission: the permission for IMAP was not given or was taken back, so imports come by the Gmail API."`
	Reason     string     `json:"reason" doc:"Why it rests, in plain words. Empty otherwise."`
	Until      *time.Time `json:"until,omitempty" doc:"When it is tried again."`
	Messages   int64      `json:"messages" doc:"Messages that came by IMAP so far."`
	BytesToday int64      `json:"bytes_today" doc:"Downloaded by it today (UTC). It stops at 2,000,000,000 a day, since Gmail lets an account download 2,500 MB."`
}

// Counts of what is stored for a connection.
type Counts struct {
	Messages int64 `json:"messages"`
	Unread   int64 `json:"unread"`
	Threads  int64 `json:"threads"`
	Failures int64 `json:"failures"`
}

// StreamStatus is one thing that is kept in step with Google.
type StreamStatus struct {
	Stream    string     `json:"stream"`
	State     string     `json:"state" enum:"idle,running,waiting,error,done"`
	LastRunAt *time.Time `json:"last_run_at"`
	NextRunAt *time.Time `json:"next_run_at"`
	SyncedAt  *time.Time `json:"synced_at" doc:"When the stream was last in step with Google, as far as is known."`
	Progress  *Progress  `json:"progress,omitempty" doc:"Absent when nothing is running."`
	Error     string     `json:"error"`
	NextStep  string     `json:"next_step"`
}

// Progress of a run.
type Progress struct {
	Done       int64 `json:"done"`
	Total      int64 `json:"total" doc:"0 when unknown."`
	ETASeconds int64 `json:"eta_seconds" doc:"0 when unknown."`
}

// Completeness is the last comparison of Google's message ids with ours.
type Completeness struct {
	CheckedAt    time.Time `json:"checked_at"`
	GoogleCount  int64     `json:"google_count"`
	RapportCount int64     `json:"rapport_count"`
	Missing      int64     `json:"missing" doc:"At Google and not here, before healing."`
	Extra        int64     `json:"extra" doc:"Here and not at Google, before healing."`
	Healed       int64     `json:"healed"`
	Excluded     int64     `json:"excluded" doc:"At Google and left out by the rules for mail; in neither count."`
	State        string    `json:"state" enum:"complete,healed,explained,incomplete" doc:"explained: what is missing stands in the list of failures."`
}

// ConnectionShort names a connection.
type ConnectionShort struct {
	ID          string `json:"id"`
	GoogleEmail string `json:"google_email"`
	Status      string `json:"status" enum:"connecting,active,degraded,needs_reauth,waiting_for_admin,paused,disconnected"`
}

// SettingsPatch changes settings; what is absent stays.
type SettingsPatch struct {
	ConnectionID        string            `json:"connection_id,omitempty" doc:"The caller's first connection when absent."`
	GmailSyncEnabled    *bool             `json:"gmail_sync_enabled,omitempty"`
	CalendarSyncEnabled *bool             `json:"calendar_sync_enabled,omitempty"`
	ContactsSyncEnabled *bool             `json:"contacts_sync_enabled,omitempty"`
	Paused              *bool             `json:"paused,omitempty" doc:"Pause or resume the whole connection."`
	Labels              []string          `json:"labels,omitempty" minItems:"1" maxItems:"500" doc:"Gmail label ids; [\"*\"] means all. Turning one on imports its messages, as far as limit and since allow."`
	LabelsOff           map[string]string `json:"labels_off,omitempty" doc:"For labels that are turned off: hide (messages with such a label and none that is on or kept are not listed or found any more, until it is turned on again) or keep (they stay and go on being updated). Keep when it does not say."`
	Limit               *int              `json:"limit,omitempty" minimum:"0" maximum:"10000000" doc:"0 means all."`
	Since               *time.Time        `json:"since,omitempty"`
	PollSeconds         *int              `json:"poll_seconds,omitempty" minimum:"15" maximum:"86400"`
	IMAPLane            *bool             `json:"imap_lane,omitempty" doc:"Read the messages of large imports by IMAP. Needs the permission https://mail.google.com/: without it the answer is 403 insufficient_permission, and action_url leads to Google."`
	Visibility          string            `json:"visibility,omitempty" enum:"private,metadata,subject,full"`
	Enrich              string            `json:"enrich,omitempty" enum:"off,rules,model" doc:"What may read the mail to fill records: nothing, rules on this server, or a model besides, where the workspace allows one."`
	Contacts            string            `json:"contact_policy,omitempty" enum:"none,sent,all" doc:"Mail that is here already is looked at again. What was made stays."`
}

// DisconnectRequest ends a connection.
type DisconnectRequest struct {
	ConnectionID string `json:"connection_id,omitempty" doc:"The caller's first connection when absent."`
	DeleteData   bool   `json:"delete_data,omitempty" doc:"Delete what was synced, too, and what stands in the outbox: what waits to be sent is taken back. A message that is on its way at this moment still goes out."`
}

// Disconnected says what became of a connection.
type Disconnected struct {
	ConnectionID    string `json:"connection_id"`
	RevokedAtGoogle bool   `json:"revoked_at_google"`
	DeletedMessages int64  `json:"deleted_messages"`
	Message         string `json:"message" doc:"What happened, in plain words."`
}

// ---- mail ----

// EmailItem is a row of a list of messages.
type EmailItem struct {
	ID             string    `json:"id"`
	GmailID        string    `json:"gmail_id"`
	GmailThreadID  string    `json:"gmail_thread_id"`
	Subject        string    `json:"subject"`
	FromEmail      string    `json:"from_email"`
	FromName       string    `json:"from_name"`
	ToEmails       []string  `json:"to_emails"`
	Cc             []string  `json:"cc"`
	Snippet        string    `json:"snippet"`
	Labels         []string  `json:"labels"`
	IsRead         bool      `json:"is_read"`
	IsStarred      bool      `json:"is_starred"`
	GmailDate      time.Time `json:"gmail_date"`
	HasAttachments bool      `json:"has_attachments"`
	ThreadCount    int       `json:"thread_count" doc:"Messages of the thread that are stored here and that the caller sees."`
	ConnectionID   string    `json:"connection_id"`

	Recipients []NamedAddress `json:"recipients" doc:"to_emails with the names written with them."`
	Access     string         `json:"access" enum:"full,subject,metadata" doc:"How much the caller sees: metadata is who and when, subject that and the subject. Fields beyond are empty."`
	Owner      Owner          `json:"owner"`
	Shared     bool           `json:"shared" doc:"Shared beyond what the mailbox shows to others; of others' mail: with the caller."`
	Protected  bool           `json:"protected" doc:"Has a protected address, so nobody else sees it. Told to the owner alone."`

	Records []RecordRef `json:"records" doc:"That the message belongs to, as far as the caller is told."`

	ThreadSenders []NamedAddress `json:"thread_senders" doc:"Who wrote the messages that thread_count counts, in the order of their first one. In lists of conversations (threads=true), else empty."`
}

// Email is a whole message.
type Email struct {
	EmailItem
	BodyText      string       `json:"body_text"`
	BodyHTML      string       `json:"body_html" doc:"Made safe: no script, no forms, no styles that reach out. Show it in a sandboxed frame all the same, and hold pictures of other servers back until the reader asks (or ask for images=false)."`
	BlockedImages int          `json:"blocked_images" doc:"Pictures of other servers that images=false took out."`
	Bcc           []string     `json:"bcc"`
	ReplyTo       []string     `json:"reply_to"`
	Attachments   []Attachment `json:"attachments"`
	Links         []EmailLink  `json:"links"`
}

// Attachment of a message.
type Attachment struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	Inline bool   `json:"inline"`
}

// Thread is a conversation, oldest message first.
type Thread struct {
	GmailThreadID string  `json:"gmail_thread_id"`
	ConnectionID  string  `json:"connection_id"`
	Subject       string  `json:"subject"`
	Items         []Email `json:"items"`
}

// Label of a mailbox.
type Label struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Type      string `json:"type" enum:"system,user"`
	Color     string `json:"color" doc:"Background colour as #rrggbb, empty when Gmail gives none."`
	TextColor string `json:"text_color" doc:"As #rrggbb, empty when Gmail gives none."`
	Chosen    bool   `json:"chosen" doc:"Its messages are synced."`
	Off       string `json:"off" enum:",hide,keep" doc:"What became of its messages when it was turned off; empty when it is on or never was."`
	Unread    int64  `json:"unread"`
	Total     int64  `json:"total"`
}

// Run is one execution of a stream's sync.
type Run struct {
	ID           string     `json:"id"`
	ConnectionID string     `json:"connection_id"`
	Stream       string     `json:"stream"`
	State        string     `json:"state" enum:"queued,running,succeeded,partial,failed,cancelled"`
	StartedAt    time.Time  `json:"started_at"`
	FinishedAt   *time.Time `json:"finished_at"`
	Counts       RunCounts  `json:"counts"`
	Total        int64      `json:"total" doc:"Items expected, 0 when unknown."`
	Error        string     `json:"error"`
	NextStep     string     `json:"next_step"`
}

// RunCounts of a run.
type RunCounts struct {
	Seen    int64 `json:"seen"`
	Added   int64 `json:"added"`
	Updated int64 `json:"updated"`
	Deleted int64 `json:"deleted"`
	Failed  int64 `json:"failed"`
	Skipped int64 `json:"skipped"`
	Units   int64 `json:"units" doc:"Google quota units spent."`
}

// SyncRequest asks for a sync.
type SyncRequest struct {
	ConnectionID string `json:"connection_id,omitempty" doc:"The caller's first connection when absent."`
	Full         bool   `json:"full,omitempty" doc:"Read everything again instead of the changes."`
}

// Failure is a message that could not be imported (the ledger).
type Failure struct {
	ID        string    `json:"id"`
	Stream    string    `json:"stream"`
	ItemID    string    `json:"item_id" doc:"Gmail's message id."`
	Subject   string    `json:"subject" doc:"Empty when it is not known."`
	Reason    string    `json:"reason"`
	Attempts  int       `json:"attempts"`
	NextTryAt time.Time `json:"next_try_at"`
	Parked    bool      `json:"parked" doc:"Not tried again by itself."`
}

// VerifyRequest asks for a completeness check.
type VerifyRequest struct {
	ConnectionID string `json:"connection_id,omitempty" doc:"The caller's first connection when absent."`
}

// Verification is a completeness check.
type Verification struct {
	Run
	Completeness *Completeness `json:"completeness,omitempty" doc:"The last result; absent while the first check is running."`
}

// PreviewRequest asks what an import with these settings would be.
type PreviewRequest struct {
	ConnectionID string     `json:"connection_id,omitempty" doc:"The caller's first connection when absent."`
	Labels       []string   `json:"labels,omitempty" maxItems:"500" doc:"Those of the connection when absent."`
	Limit        *int       `json:"limit,omitempty" minimum:"0" maximum:"10000000"`
	Since        *time.Time `json:"since,omitempty"`
}

// Preview of an import.
type Preview struct {
	Messages         int64 `json:"messages" doc:"That would be fetched, beyond what is stored."`
	Stored           int64 `json:"stored" doc:"Of those chosen, stored already."`
	More             bool  `json:"more" doc:"There are more: counting stopped at 10,000."`
	EstimatedSeconds int64 `json:"estimated_seconds"`
	Units            int64 `json:"units" doc:"Google quota units it would take."`
}

// List is a page of a list.
type List[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor" doc:"Give it as cursor for the next page; empty on the last one."`
	Total      *int64 `json:"total,omitempty" doc:"Absent where counting would be too dear."`
	Ranked     *int   `json:"ranked,omitempty" doc:"Of a list by relevance: how many of the newest matches were compared; older ones are not in it."`
}

// Event is one live event.
type Event struct {
	ConnectionID string         `json:"connection_id,omitempty"`
	At           time.Time      `json:"at"`
	Data         map[string]any `json:"data,omitempty"`
}

// Problem is how an error comes back (RFC 9457).
type Problem struct {
	Type      string            `json:"type" doc:"Always about:blank: code says what kind of problem it is."`
	Title     string            `json:"title"`
	Status    int               `json:"status"`
	Detail    string            `json:"detail" doc:"What happened and what to do, in plain words."`
	Code      string            `json:"code" doc:"Stable, for programs: validation_failed, not_found, conflict, access_denied, unauthenticated, google_reauthorization_required, insufficient_permission, waiting_for_admin, rate_limited, decryption_failed, google_unavailable, unavailable, gone, internal, ..."`
	ActionURL string            `json:"action_url,omitempty" doc:"Address of the way out."`
	Fields    map[string]string `json:"fields,omitempty" doc:"Field to what is wrong with it."`
	Scopes    []string          `json:"scopes,omitempty" doc:"Google scopes that are missing."`
	RequestID string            `json:"request_id,omitempty" doc:"Name it when asking for help."`
}

func (p *Problem) Error() string { return p.Detail }

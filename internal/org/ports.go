package org

import (
	"context"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
)

// Store keeps everything of this room. A method that takes audit rows writes
// them in the transaction of what they tell about.
type Store interface {
	People
	Workspaces
	Sessions
	Keys
	Attempts
	Approvals
	Clients
	Invitations
	Links
	Connected
	Log
	Tidying
}

// Page asks for a part of a list: what follows the cursor of the part before.
// A limit of 0 is 50 rows, 500 are the most. Lists give the cursor of the next
// page, "" on the last; a cursor goes on where its page ended, whatever was added
// or removed since.
type Page struct {
	Cursor string
	Limit  int
}

// People keeps users, and who is a member of what.
type People interface {
	// Setup makes the first workspace with its owner; fault.Conflict when there is a user already.
	Setup(ctx context.Context, w crm.Workspace, u crm.User) error
	AnyUser(ctx context.Context) (bool, error)
	UserByEmail(ctx context.Context, email string) (crm.User, error)
	UserBySub(ctx context.Context, sub string) (crm.User, error)
	User(ctx context.Context, id crm.UserID) (crm.User, error)
	// LinkGoogle gives a user their Google account, and the user as they are then;
	// fault.Conflict when they have one, or when it is somebody else's. A password
	// that is not known to be their own is taken away with it, in the same
	// transaction: sessions and bearer tokens end, keys are revoked, leases cut,
	// consents under way dropped, and the rows written.
	LinkGoogle(ctx context.Context, id crm.UserID, sub string, at time.Time, ended ...access.Audit) (crm.User, error)
	// SetPassword stores a new hash, ends the user's sessions but the one with the
	// hash given, and the leases they took without a key, and makes earlier bearer
	// tokens worthless. It is the user's own
	// from then on if they have a Google account. fault.Conflict when they have
	// another password than u by now.
	SetPassword(ctx context.Context, u crm.User, password crm.Secret, except string, rows ...access.Audit) error
	// SetName gives a user another name.
	SetName(ctx context.Context, id crm.UserID, name string, rows ...access.Audit) error
	// AddMember creates the user when new; fault.Conflict when they are a member already.
	AddMember(ctx context.Context, m crm.Member, u crm.User, rows ...access.Audit) error
	// Members gives a page of a workspace's members, the oldest first.
	Members(ctx context.Context, w crm.WorkspaceID, q MemberQuery) ([]crm.Member, string, error)
	// ChangeRole and RemoveMember read how things stand under a lock, so that no
	// other change of members comes between, ask judge, and act in the same
	// transaction with its audit row. fault.NotFound when target is no member.
	// judge may be called more than once.
	ChangeRole(ctx context.Context, c MemberChange, role crm.Role, judge func(Standing) (access.Audit, error)) error
	// RemoveMember also revokes the keys they made in the workspace and the leases
	// they took, their open links and invitations and those they gave out, drops
	// their consents under way, ends their sessions and bearer tokens when no workspace is left to them, and tells
	// the fact member.removed with the successor. fault.Invalid (successor_id) when that
	// one is no member. The audit row tells how many records and open tasks change hands.
	RemoveMember(ctx context.Context, c MemberChange, judge func(Standing) (access.Audit, error)) error
}

// MemberChange says who changes whom.
type MemberChange struct {
	Workspace crm.WorkspaceID
	Actor     crm.UserID // "": the system
	Target    crm.UserID
	At        time.Time
	Successor crm.UserID // of a removal: who gets their records and open tasks, "": nobody
}

// Standing is what a change of a member is judged by.
type Standing struct {
	Actor  *crm.Member // nil: the system, or somebody who is no member any more
	Target crm.Member
	Owners int
}

// Workspaces finds workspaces by membership.
type Workspaces interface {
	// Member is fault.NotFound for unknown workspaces and for people outside alike.
	Member(ctx context.Context, w crm.WorkspaceID, u crm.UserID) (crm.Member, error)
	WorkspacesOf(ctx context.Context, u crm.UserID) ([]Membership, error)
	Workspace(ctx context.Context, w crm.WorkspaceID) (crm.Workspace, error)
	// Only gives the workspace of a one-workspace installation ("default"), fault.NotFound otherwise.
	Only(ctx context.Context) (crm.Workspace, error)
	// First gives the oldest workspace: its owners run the installation.
	First(ctx context.Context) (crm.Workspace, error)
}

// Membership is a workspace with the user's role in it.
type Membership struct {
	Workspace crm.Workspace
	Role      crm.Role
}

// Sessions keeps signed-in browsers.
type Sessions interface {
	// PutSession is fault.Unauthenticated when the user has signed out everywhere, or
	// has another password, since their TokensAfter of the session was read.
	PutSession(ctx context.Context, s Session) error
	SessionByHash(ctx context.Context, hash string, now time.Time) (Session, error)
	// SessionsOf gives a page of a user's living sessions, the last seen first.
	SessionsOf(ctx context.Context, u crm.UserID, alive Alive, page Page) ([]Session, string, error)
	// SessionOf finds a living session of a user, fault.NotFound otherwise.
	SessionOf(ctx context.Context, u crm.UserID, alive Alive, id crm.SessionID) (Session, error)
	TouchSession(ctx context.Context, hash string, seen, expires time.Time) error
	DropSession(ctx context.Context, hash string, rows ...access.Audit) error
	// SignOut ends the sessions of users but the one with the hash given, and the
	// leases they took without a key, and makes earlier bearer tokens worthless.
	SignOut(ctx context.Context, users []crm.UserID, except string, rows ...access.Audit) error
}

// Keys keeps API keys.
type Keys interface {
	PutKey(ctx context.Context, k APIKey, rows ...access.Audit) error
	KeyByHash(ctx context.Context, hash []byte) (APIKey, error)
	TouchKey(ctx context.Context, id crm.KeyID, at time.Time) error
	// KeysOf gives a page of a workspace's keys, the oldest first.
	KeysOf(ctx context.Context, w crm.WorkspaceID, q KeyQuery) ([]APIKey, string, error)
	// RevokeKey also cuts the leases taken with the key.
	RevokeKey(ctx context.Context, w crm.WorkspaceID, id crm.KeyID, at time.Time, rows ...access.Audit) error
}

// GuessKey begins the keys of tries of tokens that do not exist: their wait is at
// most a minute.
const GuessKey = "guess:"

// Attempts limits log-in attempts per account and per address.
type Attempts interface {
	// Attempt counts one try under the keys and says how long to wait before
	// the next (0: go on).
	Attempt(ctx context.Context, now time.Time, keys ...string) (time.Duration, error)
	// Succeeded forgets the tries under the keys.
	Succeeded(ctx context.Context, keys ...string) error
	// TakeBack uncounts one try under each key, and its wait.
	TakeBack(ctx context.Context, keys ...string) error
}

// Approvals keeps what organisations have decided, and who waits for it.
type Approvals interface {
	// DecideApproval lets change alter a workspace's approval, under a lock. When it
	// gives audit rows, the approval is stored with them and the fact
	// approval.decided; answers: the open requests are answered then. change may be
	// called more than once.
	DecideApproval(ctx context.Context, w crm.WorkspaceID, at time.Time, change func(*crm.Approval) (rows []access.Audit, answers bool, err error)) (crm.Approval, error)
	// AskApproval stores a request with the fact approval.asked; one that is open
	// already is given instead, and asked is false.
	AskApproval(ctx context.Context, r ApprovalRequest, rows ...access.Audit) (open ApprovalRequest, asked bool, err error)
	// ApprovalRequests lists the open requests of a workspace, or of one user in it.
	ApprovalRequests(ctx context.Context, w crm.WorkspaceID, u crm.UserID) ([]ApprovalRequest, error)
	// AnswerRequest closes an open request, fault.NotFound if there is none.
	AnswerRequest(ctx context.Context, w crm.WorkspaceID, u crm.UserID, at time.Time, rows ...access.Audit) error
}

// Clients keeps OAuth clients entered on the admin page.
type Clients interface {
	// GoogleClientsOf lists the clients that serve a workspace: its own and those of
	// the installation, retired ones too, the newest first.
	GoogleClientsOf(ctx context.Context, w crm.WorkspaceID) ([]ClientRow, error)
	// GoogleClientRow finds a client, fault.NotFound if there is none.
	GoogleClientRow(ctx context.Context, id crm.ClientID) (ClientRow, error)
	// DefaultGoogleClient is what new connections of a workspace are made with: its
	// newest client that is not retired, else the installation's; fault.NotFound if
	// there is none.
	DefaultGoogleClient(ctx context.Context, w crm.WorkspaceID) (ClientRow, error)
	// SaveGoogleClient stores a client, new or changed; fault.Conflict when another
	// one of the workspace has the same id at Google.
	SaveGoogleClient(ctx context.Context, c ClientRow, rows ...access.Audit) error
	// EndGoogleClient deletes a client, or retires it when grants were made with it.
	EndGoogleClient(ctx context.Context, id crm.ClientID, at time.Time, rows ...access.Audit) (deleted bool, err error)
}

// Invitations keeps invitations.
type Invitations interface {
	// PutInvitation stores an invitation in place of open ones for the same address
	// in the same workspace.
	PutInvitation(ctx context.Context, in Invitation, tokenHash string, rows ...access.Audit) error
	// InvitationsOf gives a page of those of a workspace that were neither accepted
	// nor revoked, the newest first.
	InvitationsOf(ctx context.Context, w crm.WorkspaceID, q OpenQuery) ([]Invitation, string, error)
	// InvitationByHash finds an open invitation, fault.NotFound otherwise.
	InvitationByHash(ctx context.Context, tokenHash string, now time.Time) (Invitation, error)
	// InvitationsFor lists the open invitations of an address, everywhere.
	InvitationsFor(ctx context.Context, email string, now time.Time) ([]Invitation, error)
	RevokeInvitation(ctx context.Context, w crm.WorkspaceID, id crm.InvitationID, at time.Time, rows ...access.Audit) error
	// AcceptInvitations makes a user a member by invitations, each used once, and
	// creates the user when new. fault.NotFound, and nothing done, when none of them
	// is open any more. row makes the audit row of each.
	AcceptInvitations(ctx context.Context, u crm.User, list []crm.InvitationID, at time.Time, row func(Invitation) access.Audit) error
}

// Links keeps connect links.
type Links interface {
	// PutLinks stores links with the users and members they need, in place of open
	// links of the same members. Users that exist already, by address, are taken
	// as they are: the links come back with their ids. fault.Conflict (HasAccount), and
	// nothing done, when one of them can sign in or belongs somewhere and is no member.
	PutLinks(ctx context.Context, w crm.WorkspaceID, at time.Time, links []NewLink) ([]ConnectLink, error)
	// LinksOf gives a page of the links of a workspace that were not revoked, the
	// newest first.
	LinksOf(ctx context.Context, w crm.WorkspaceID, q OpenQuery) ([]ConnectLink, string, error)
	// LinkByHash finds a link that can be used, fault.NotFound otherwise.
	LinkByHash(ctx context.Context, tokenHash string, now time.Time) (ConnectLink, error)
	RevokeLink(ctx context.Context, w crm.WorkspaceID, id crm.LinkID, at time.Time, rows ...access.Audit) error
	// UseLink uses a link up, with an audit row; fault.Conflict with the code
	// link_used when it was used or revoked before.
	UseLink(ctx context.Context, id crm.LinkID, at time.Time) error
}

// NewLink is a link to be stored, with the user it is for in case they are new.
type NewLink struct {
	Link      ConnectLink
	User      crm.User
	TokenHash string
	Row       access.Audit
}

// Connected knows who has connected Google.
type Connected interface {
	// DirectoryGrants lists living grants of administrators of the workspace that
	// may hold one of the scopes, the caller's own first, then the newest.
	DirectoryGrants(ctx context.Context, w crm.WorkspaceID, u crm.UserID) ([]DirectoryGrant, error)
	// Acquainted tells what is known in a workspace about people, by their addresses
	// (lower case) and Google accounts.
	Acquainted(ctx context.Context, w crm.WorkspaceID, emails, subs []string) (Acquaintance, error)
}

// DirectoryGrant is a grant that may read the organisation's directory.
type DirectoryGrant struct {
	ID     crm.GrantID
	Scopes []string
}

// Acquaintance is what a workspace knows about people.
type Acquaintance struct {
	Members     []KnownMember
	Connections []KnownConnection
}

// KnownMember is a member with their Google account and when a connect link was
// last made for them.
type KnownMember struct {
	crm.Member
	GoogleSub  string
	LinkSentAt *time.Time
}

// KnownConnection is the account of a connection, and how it does.
type KnownConnection struct {
	GoogleSub, GoogleEmail string // the address in lower case
	UserID                 crm.UserID
	Status                 crm.ConnectionStatus
}

// Log reads the audit trail.
type Log interface {
	AuditOf(ctx context.Context, w crm.WorkspaceID, q AuditQuery) ([]AuditRow, string, error)
}

// Tidying deletes what is over. Both delete up to n rows at once and report
// whether there may be more.
type Tidying interface {
	// PurgeEnded deletes sessions, invitations and connect links whose life ended
	// before, and tries of passwords made before.
	PurgeEnded(ctx context.Context, before time.Time, n int) (more bool, err error)
	// PurgeAudit deletes rows of the audit trail written before.
	PurgeAudit(ctx context.Context, before time.Time, n int) (more bool, err error)
}

// Sealer encrypts a secret for one field of one row (the vault's does).
type Sealer interface {
	Seal(row, field string, v crm.Secret) (string, error)
}

// Directory reads the directory of a Google Workspace organisation with a grant.
type Directory interface {
	// Users gives up to n users that match the query ("": all), and the cursor of
	// the next page. fault.Permission or fault.Forbidden when the account of the
	// grant may not read the directory, fault.Reconnect when the grant is dead.
	Users(ctx context.Context, g crm.GrantID, query, cursor string, n int) ([]DirectoryUser, string, error)
}

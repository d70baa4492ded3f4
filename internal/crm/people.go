package crm

import "time"

// Workspace is a tenant: one CRM with its users, records and settings.
type Workspace struct {
	ID        WorkspaceID
	Name      string
	CreatedAt time.Time
	Approval  Approval
}

// Approval is what an organisation has decided about its Google integration.
type Approval struct {
	State          ApprovalState
	AllowedDomains []string // empty: every domain
	Profile        ScopeProfile
	Products       []Service // what members may connect; empty: all that the profile offers
	DecidedBy      UserID
	DecidedAt      time.Time
}

// ApprovalState of a workspace. A new workspace is approved: its first owner set it up.
type ApprovalState string

const (
	ApprovalPending  ApprovalState = "pending"
	ApprovalApproved ApprovalState = "approved"
	ApprovalBlocked  ApprovalState = "blocked"
)

// ScopeProfile bounds what connections of a workspace may ask Google for.
type ScopeProfile string

const (
	ProfileMetadata ScopeProfile = "metadata"
	ProfileRead     ScopeProfile = "read"
	ProfileFull     ScopeProfile = "full"
)

// User is a person who can sign in. PasswordHash is empty for people who only
// use Google; GoogleSub is empty for people who only use a password.
type User struct {
	ID           UserID
	Email        string
	Name         string
	PasswordHash Secret
	PasswordOwn  bool // chosen by the person, or given by whoever runs the installation; others may know it otherwise
	GoogleSub    string
	TokensAfter  time.Time // bearer tokens issued before are refused: signed out everywhere
	CreatedAt    time.Time
}

// Role of a member in a workspace.
type Role string

const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// Member is a user in a workspace.
type Member struct {
	WorkspaceID WorkspaceID
	UserID      UserID
	Email       string
	Name        string
	Role        Role
	JoinedAt    time.Time
}

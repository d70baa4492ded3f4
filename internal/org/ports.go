package org

import (
	"context"
	"time"

	"rapport/internal/crm"
)

// APIKey is a key of a member in a workspace. The key itself is shown once and
// kept as a SHA-256.
type APIKey struct {
	ID          crm.KeyID
	WorkspaceID crm.WorkspaceID
	UserID      crm.UserID
	Name        string
	Prefix      string
	Hash        []byte
	Scopes      []string
	ExpiresAt   *time.Time
	RevokedAt   *time.Time
	LastUsedAt  *time.Time
	CreatedAt   time.Time
}

// Session is a signed-in browser, stored under the SHA-256 of its token.
type Session struct {
	TokenHash  string
	UserID     crm.UserID
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time
	Remote     string
	UserAgent  string
}

// People keeps users, workspaces and members.
type People interface {
	// Setup makes the first workspace with its owner; fault.Conflict when there is a user already.
	Setup(ctx context.Context, w crm.Workspace, u crm.User) error
	AnyUser(ctx context.Context) (bool, error)
	UserByEmail(ctx context.Context, email string) (crm.User, error)
	UserBySub(ctx context.Context, sub string) (crm.User, error)
	User(ctx context.Context, id crm.UserID) (crm.User, error)
	SaveUser(ctx context.Context, u crm.User) error
	AddMember(ctx context.Context, m crm.Member, u crm.User) error // creates the user when new
	Members(ctx context.Context, w crm.WorkspaceID) ([]crm.Member, error)
}

// Workspaces finds workspaces by membership.
type Workspaces interface {
	// Member is fault.NotFound for unknown workspaces and for people outside alike.
	Member(ctx context.Context, w crm.WorkspaceID, u crm.UserID) (crm.Member, error)
	WorkspacesOf(ctx context.Context, u crm.UserID) ([]Membership, error)
	Workspace(ctx context.Context, w crm.WorkspaceID) (crm.Workspace, error)
	SaveWorkspace(ctx context.Context, w crm.Workspace) error
	// Only gives the workspace of a one-workspace installation ("default"), fault.NotFound otherwise.
	Only(ctx context.Context) (crm.Workspace, error)
}

// Membership is a workspace with the user's role in it.
type Membership struct {
	Workspace crm.Workspace
	Role      crm.Role
}

// Sessions keeps signed-in browsers.
type Sessions interface {
	PutSession(ctx context.Context, s Session) error
	SessionByHash(ctx context.Context, hash string, now time.Time) (Session, error)
	TouchSession(ctx context.Context, hash string, seen, expires time.Time) error
	DropSession(ctx context.Context, hash string) error
}

// Keys keeps API keys.
type Keys interface {
	PutKey(ctx context.Context, k APIKey) error
	KeyByHash(ctx context.Context, hash []byte) (APIKey, error)
	TouchKey(ctx context.Context, id crm.KeyID, at time.Time) error
	KeysOf(ctx context.Context, w crm.WorkspaceID) ([]APIKey, error)
	RevokeKey(ctx context.Context, w crm.WorkspaceID, id crm.KeyID, at time.Time) error
}

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

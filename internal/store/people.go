package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

var (
	_ org.People     = (*Store)(nil)
	_ org.Workspaces = (*Store)(nil)
	_ org.Sessions   = (*Store)(nil)
	_ org.Keys       = (*Store)(nil)
	_ org.Attempts   = (*Store)(nil)
)

const userColumns = "u.id, u.email, u.name, u.password_hash, u.google_sub, u.created_at"

func scanUser(r scanner) (crm.User, error) {
	var u crm.User
	var hash string
	var created int64
	err := r.Scan(&u.ID, &u.Email, &u.Name, &hash, &u.GoogleSub, &created)
	u.PasswordHash, u.CreatedAt = crm.NewSecret(hash), clock(created)
	return u, err
}

const workspaceColumns = "w.id, w.name, w.approval, w.allowed_domains, w.scope_profile, w.created_at"

func scanWorkspace(r scanner) (crm.Workspace, error) {
	var w crm.Workspace
	var domains string
	var created int64
	err := r.Scan(&w.ID, &w.Name, &w.Approval.State, &domains, &w.Approval.Profile, &created)
	w.CreatedAt = clock(created)
	return w, errors.Join(err, fromJSON(domains, &w.Approval.AllowedDomains))
}

// Setup makes the first workspace with its owner.
func (s *Store) Setup(ctx context.Context, w crm.Workspace, u crm.User) error {
	return s.write(ctx, "org.Setup", func(t *tx) error {
		if err := s.d.lock(ctx, t, lockSetup); err != nil {
			return err
		}
		n, err := one(ctx, t, "count users", scanInt, "SELECT COUNT(*) FROM users")
		if err != nil {
			return err
		}
		if n > 0 {
			return fault.New(fault.Conflict, "Rapport has been set up already. Sign in instead.")
		}
		if err := t.putWorkspace(ctx, w); err != nil {
			return err
		}
		if err := t.putUser(ctx, u); err != nil {
			return err
		}
		return t.putMember(ctx, crm.Member{WorkspaceID: w.ID, UserID: u.ID, Role: crm.RoleOwner, JoinedAt: u.CreatedAt})
	})
}

func (t *tx) putWorkspace(ctx context.Context, w crm.Workspace) error {
	_, err := t.exec(ctx, "save workspace", `INSERT INTO workspaces (id, name, approval, allowed_domains, scope_profile, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, approval = excluded.approval,
			allowed_domains = excluded.allowed_domains, scope_profile = excluded.scope_profile`,
		string(w.ID), w.Name, string(w.Approval.State), listText(w.Approval.AllowedDomains), string(w.Approval.Profile), stamp(w.CreatedAt))
	return err
}

func (t *tx) putUser(ctx context.Context, u crm.User) error {
	_, err := t.exec(ctx, "save user", `INSERT INTO users (id, email, name, password_hash, google_sub, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET email = excluded.email, name = excluded.name,
			password_hash = excluded.password_hash, google_sub = excluded.google_sub`,
		string(u.ID), strings.ToLower(u.Email), u.Name, u.PasswordHash.Reveal(), u.GoogleSub, stamp(u.CreatedAt))
	return err
}

func (t *tx) putMember(ctx context.Context, m crm.Member) error {
	_, err := t.exec(ctx, "save member", `INSERT INTO members (workspace_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role`,
		string(m.WorkspaceID), string(m.UserID), string(m.Role), stamp(m.JoinedAt))
	return err
}

// AnyUser reports whether there is a user.
func (s *Store) AnyUser(ctx context.Context) (bool, error) {
	n, err := one(ctx, s.reading("org.AnyUser"), "count", scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM users LIMIT 1) u")
	return n > 0, err
}

const noUser = "There is no such user."

// UserByEmail finds a user by address, whatever its case.
func (s *Store) UserByEmail(ctx context.Context, email string) (crm.User, error) {
	u, err := one(ctx, s.reading("org.UserByEmail"), "read", scanUser,
		"SELECT "+userColumns+" FROM users u WHERE u.email = $1", strings.ToLower(email))
	return found(u, err, noUser)
}

// UserBySub finds a user by Google's id of the account.
func (s *Store) UserBySub(ctx context.Context, sub string) (crm.User, error) {
	u, err := one(ctx, s.reading("org.UserBySub"), "read", scanUser,
		"SELECT "+userColumns+" FROM users u WHERE u.google_sub = $1 AND u.google_sub <> ''", sub)
	return found(u, err, noUser)
}

// User finds a user by id.
func (s *Store) User(ctx context.Context, id crm.UserID) (crm.User, error) {
	u, err := one(ctx, s.reading("org.User"), "read", scanUser,
		"SELECT "+userColumns+" FROM users u WHERE u.id = $1", string(id))
	return found(u, err, noUser)
}

// SaveUser stores a user, fault.Conflict when the address or the Google account is another's.
func (s *Store) SaveUser(ctx context.Context, u crm.User) error {
	return s.write(ctx, "org.SaveUser", func(t *tx) error { return t.putUser(ctx, u) })
}

// AddMember puts a user into a workspace and makes the user when new.
func (s *Store) AddMember(ctx context.Context, m crm.Member, u crm.User) error {
	return s.write(ctx, "org.AddMember", func(t *tx) error {
		_, err := one(ctx, t, "find user", scanInt, "SELECT 1 FROM users WHERE id = $1", string(m.UserID))
		if errors.Is(err, errNone) {
			u.ID = m.UserID
			err = t.putUser(ctx, u)
		}
		if err != nil {
			return err
		}
		return t.putMember(ctx, m)
	})
}

const memberColumns = "m.workspace_id, m.user_id, u.email, u.name, m.role, m.joined_at"

func scanMember(r scanner) (crm.Member, error) {
	var m crm.Member
	var joined int64
	err := r.Scan(&m.WorkspaceID, &m.UserID, &m.Email, &m.Name, &m.Role, &joined)
	m.JoinedAt = clock(joined)
	return m, err
}

// Members lists the members of a workspace, the oldest first.
func (s *Store) Members(ctx context.Context, w crm.WorkspaceID) ([]crm.Member, error) {
	return all(ctx, s.reading("org.Members"), "list", scanMember,
		"SELECT "+memberColumns+" FROM members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 ORDER BY m.joined_at, m.user_id", string(w))
}

// Member is a user's membership; outside and unknown are the same.
func (s *Store) Member(ctx context.Context, w crm.WorkspaceID, u crm.UserID) (crm.Member, error) {
	m, err := one(ctx, s.reading("org.Member"), "read", scanMember,
		"SELECT "+memberColumns+" FROM members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.user_id = $2", string(w), string(u))
	return found(m, err, noWorkspace)
}

const noWorkspace = "There is no such workspace."

// WorkspacesOf lists where a user is a member, by name.
func (s *Store) WorkspacesOf(ctx context.Context, u crm.UserID) ([]org.Membership, error) {
	return all(ctx, s.reading("org.WorkspacesOf"), "list", func(r scanner) (org.Membership, error) {
		var m org.Membership
		var domains string
		var created int64
		w := &m.Workspace
		err := r.Scan(&w.ID, &w.Name, &w.Approval.State, &domains, &w.Approval.Profile, &created, &m.Role)
		w.CreatedAt = clock(created)
		return m, errors.Join(err, fromJSON(domains, &w.Approval.AllowedDomains))
	}, "SELECT "+workspaceColumns+", m.role FROM members m JOIN workspaces w ON w.id = m.workspace_id WHERE m.user_id = $1 ORDER BY w.name, w.id", string(u))
}

// Workspace finds a workspace by id.
func (s *Store) Workspace(ctx context.Context, w crm.WorkspaceID) (crm.Workspace, error) {
	v, err := one(ctx, s.reading("org.Workspace"), "read", scanWorkspace,
		"SELECT "+workspaceColumns+" FROM workspaces w WHERE w.id = $1", string(w))
	return found(v, err, noWorkspace)
}

// SaveWorkspace stores a workspace.
func (s *Store) SaveWorkspace(ctx context.Context, w crm.Workspace) error {
	return s.write(ctx, "org.SaveWorkspace", func(t *tx) error { return t.putWorkspace(ctx, w) })
}

// Only gives the workspace of an installation that has one.
func (s *Store) Only(ctx context.Context) (crm.Workspace, error) {
	list, err := all(ctx, s.reading("org.Only"), "list", scanWorkspace,
		"SELECT "+workspaceColumns+" FROM workspaces w ORDER BY w.id LIMIT 2")
	if err != nil {
		return crm.Workspace{}, err
	}
	if len(list) != 1 {
		return crm.Workspace{}, fault.New(fault.NotFound, noWorkspace)
	}
	return list[0], nil
}

// PutSession stores a session and forgets those that have expired.
func (s *Store) PutSession(ctx context.Context, v org.Session) error {
	return s.write(ctx, "org.PutSession", func(t *tx) error {
		if _, err := t.exec(ctx, "drop expired", "DELETE FROM sessions WHERE expires_at <= $1", t.now); err != nil {
			return err
		}
		_, err := t.exec(ctx, "insert session", `INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at, expires_at, remote, user_agent)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			v.TokenHash, string(v.UserID), stamp(v.CreatedAt), stamp(v.LastSeenAt), stamp(v.ExpiresAt), clean(v.Remote), clean(v.UserAgent))
		return err
	})
}

// SessionByHash finds a session that has not expired.
func (s *Store) SessionByHash(ctx context.Context, hash string, now time.Time) (org.Session, error) {
	v, err := one(ctx, s.reading("org.SessionByHash"), "read", func(r scanner) (org.Session, error) {
		var v org.Session
		var created, seen, expires int64
		err := r.Scan(&v.TokenHash, &v.UserID, &created, &seen, &expires, &v.Remote, &v.UserAgent)
		v.CreatedAt, v.LastSeenAt, v.ExpiresAt = clock(created), clock(seen), clock(expires)
		return v, err
	}, `SELECT token_hash, user_id, created_at, last_seen_at, expires_at, remote, user_agent
		FROM sessions WHERE token_hash = $1 AND expires_at > $2`, hash, stamp(now))
	return found(v, err, "You are not signed in any more.")
}

// TouchSession notes that a session was used and until when it lives.
func (s *Store) TouchSession(ctx context.Context, hash string, seen, expires time.Time) error {
	return s.write(ctx, "org.TouchSession", func(t *tx) error {
		_, err := t.exec(ctx, "update session", "UPDATE sessions SET last_seen_at = $2, expires_at = $3 WHERE token_hash = $1", hash, stamp(seen), stamp(expires))
		return err
	})
}

// DropSession signs a browser out.
func (s *Store) DropSession(ctx context.Context, hash string) error {
	return s.write(ctx, "org.DropSession", func(t *tx) error {
		_, err := t.exec(ctx, "delete session", "DELETE FROM sessions WHERE token_hash = $1", hash)
		return err
	})
}

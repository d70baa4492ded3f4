package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

var _ org.Store = (*Store)(nil)

const userColumns = "u.id, u.email, u.name, u.password_hash, u.password_own, u.google_sub, u.tokens_after, u.created_at"

func scanUser(r scanner) (crm.User, error) {
	var u crm.User
	var hash string
	var after, created int64
	err := r.Scan(&u.ID, &u.Email, &u.Name, &hash, &u.PasswordOwn, &u.GoogleSub, &after, &created)
	u.PasswordHash, u.TokensAfter, u.CreatedAt = crm.NewSecret(hash), clock(after), clock(created)
	return u, err
}

const workspaceColumns = "w.id, w.name, w.approval, w.allowed_domains, w.scope_profile, w.products, w.decided_by, w.decided_at, w.created_at"

func scanWorkspace(r scanner) (crm.Workspace, error) { return scanWorkspaceAnd(r) }

// scanWorkspaceAnd also takes what stands behind the columns of the workspace.
func scanWorkspaceAnd(r scanner, behind ...any) (crm.Workspace, error) {
	var w crm.Workspace
	var domains, products string
	var decided, created int64
	a := &w.Approval
	err := r.Scan(append([]any{&w.ID, &w.Name, &a.State, &domains, &a.Profile, &products, &a.DecidedBy, &decided, &created}, behind...)...)
	w.CreatedAt, a.DecidedAt = clock(created), clock(decided)
	return w, errors.Join(err, fromJSON(domains, &a.AllowedDomains), fromJSON(products, &a.Products))
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
	a := w.Approval
	_, err := t.exec(ctx, "save workspace", `INSERT INTO workspaces (id, name, approval, allowed_domains, scope_profile, products, decided_by, decided_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, approval = excluded.approval, allowed_domains = excluded.allowed_domains,
			scope_profile = excluded.scope_profile, products = excluded.products, decided_by = excluded.decided_by, decided_at = excluded.decided_at`,
		string(w.ID), clean(w.Name), string(a.State), listText(a.AllowedDomains), string(a.Profile), servicesText(a.Products), string(a.DecidedBy), stamp(a.DecidedAt), stamp(w.CreatedAt))
	return err
}

// servicesText is a list of services as JSON, "[]" for none.
func servicesText(list []crm.Service) string {
	if len(list) == 0 {
		return "[]"
	}
	return jsonText(list)
}

// putUser leaves tokens_after alone: only signing out everywhere moves it.
func (t *tx) putUser(ctx context.Context, u crm.User) error {
	_, err := t.exec(ctx, "save user", `INSERT INTO users (id, email, name, password_hash, password_own, google_sub, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET email = excluded.email, name = excluded.name,
			password_hash = excluded.password_hash, password_own = excluded.password_own, google_sub = excluded.google_sub`,
		string(u.ID), strings.ToLower(u.Email), clean(u.Name), u.PasswordHash.Reveal(), u.PasswordOwn, u.GoogleSub, stamp(u.CreatedAt))
	return err
}

func (t *tx) putMember(ctx context.Context, m crm.Member) error {
	return t.joinDomains(ctx, m.WorkspaceID, func() error {
		_, err := t.exec(ctx, "insert member", "INSERT INTO members (workspace_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)",
			string(m.WorkspaceID), string(m.UserID), string(m.Role), stamp(m.JoinedAt))
		return err
	})
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

// LinkGoogle gives a user without one their Google account, and ends all that
// somebody else may hold who chose their password.
func (s *Store) LinkGoogle(ctx context.Context, id crm.UserID, sub string, at time.Time, ended ...access.Audit) (crm.User, error) {
	var u crm.User
	err := s.write(ctx, "org.LinkGoogle", func(t *tx) error {
		n, err := t.exec(ctx, "link google", "UPDATE users SET google_sub = $2 WHERE id = $1 AND google_sub = ''", string(id), sub)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "This person has linked another Google account just now. Sign in again.")
		}
		read := func() (err error) {
			u, err = one(ctx, t, "read user", scanUser, "SELECT "+userColumns+" FROM users u WHERE u.id = $1", string(id))
			return err
		}
		if err := read(); err != nil || u.PasswordHash.IsZero() || u.PasswordOwn {
			return err
		}
		if err := t.endWhatOthersHold(ctx, id, at); err != nil {
			return err
		}
		if err := t.record(ctx, ended); err != nil {
			return err
		}
		return read()
	})
	return u, err
}

// endWhatOthersHold takes a user's password away and ends whatever was opened
// with it.
func (t *tx) endWhatOthersHold(ctx context.Context, id crm.UserID, at time.Time) error {
	u := string(id)
	if err := t.signOut(ctx, []string{u}, ""); err != nil {
		return err
	}
	for _, step := range []struct {
		op, query string
		args      []any
	}{
		{"clear password", "UPDATE users SET password_hash = '' WHERE id = $1", []any{u}},
		{"revoke keys", "UPDATE api_keys SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL", []any{u, stamp(at)}},
		{"cut leases", "UPDATE token_leases SET cut_at = $2 WHERE user_id = $1 AND cut_at IS NULL", []any{u, stamp(at)}},
		{"drop consents", "DELETE FROM oauth_consents WHERE user_id = $1", []any{u}},
	} {
		if _, err := t.exec(ctx, step.op, step.query, step.args...); err != nil {
			return err
		}
	}
	return nil
}

// SetPassword stores a new hash and signs the user out everywhere else. Of a user
// whom Google has shown it is their own from then on.
func (s *Store) SetPassword(ctx context.Context, u crm.User, password crm.Secret, except string, rows ...access.Audit) error {
	return s.write(ctx, "org.SetPassword", func(t *tx) error {
		n, err := t.exec(ctx, "store password", "UPDATE users SET password_hash = $2, password_own = (password_own OR google_sub <> '') WHERE id = $1 AND password_hash = $3",
			string(u.ID), password.Reveal(), u.PasswordHash.Reveal())
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "The password was changed just now. Sign in again.")
		}
		if err := t.signOut(ctx, []string{string(u.ID)}, except); err != nil {
			return err
		}
		return t.record(ctx, rows)
	})
}

// SetName gives a user another name.
func (s *Store) SetName(ctx context.Context, id crm.UserID, name string, rows ...access.Audit) error {
	return s.write(ctx, "org.SetName", func(t *tx) error {
		if _, err := t.exec(ctx, "store name", "UPDATE users SET name = $2 WHERE id = $1", string(id), name); err != nil {
			return err
		}
		return t.record(ctx, rows)
	})
}

// AddMember puts a user into a workspace and makes the user when new;
// fault.Conflict when they are a member already.
func (s *Store) AddMember(ctx context.Context, m crm.Member, u crm.User, rows ...access.Audit) error {
	return s.write(ctx, "org.AddMember", func(t *tx) error {
		u.ID = m.UserID
		if err := t.ensureUser(ctx, u); err != nil {
			return err
		}
		if err := t.putMember(ctx, m); err != nil {
			return err
		}
		return t.record(ctx, rows)
	})
}

// ensureUser makes a user who is not there; one who is stays as they are.
func (t *tx) ensureUser(ctx context.Context, u crm.User) error {
	_, err := one(ctx, t, "find user", scanInt, "SELECT 1 FROM users WHERE id = $1", string(u.ID))
	if errors.Is(err, errNone) {
		return t.putUser(ctx, u)
	}
	return err
}

const memberColumns = "m.workspace_id, m.user_id, u.email, u.name, m.role, m.joined_at"

func scanMember(r scanner) (crm.Member, error) {
	var m crm.Member
	var joined int64
	err := r.Scan(&m.WorkspaceID, &m.UserID, &m.Email, &m.Name, &m.Role, &joined)
	m.JoinedAt = clock(joined)
	return m, err
}

// Members lists the members of a workspace, the oldest first. Without words to
// look for, a page reads what it gives and nothing else.
func (s *Store) Members(ctx context.Context, w crm.WorkspaceID, q org.MemberQuery) ([]crm.Member, string, error) {
	after, id, err := readCursorRising(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageLimit(q.Limit)
	args := []any{string(w), after, id, int64(limit + 1)}
	arg := func(v any) string { args = append(args, v); return fmt.Sprintf("$%d", len(args)) }
	index, where := "members_joined", "m.workspace_id = $1 AND (m.joined_at, m.user_id) > ($2, $3)"
	if q.Role != "" {
		index, where = "members_role", where+" AND m.role = "+arg(string(q.Role))
	}
	if len(q.Users) > 0 {
		arg(s.d.list(cleaned(q.Users)))
		index, where = "", where+" AND "+s.d.in("m.user_id", len(args))
	}
	from := "members m"
	if index != "" {
		from += s.d.by(index)
	}
	const order, page = " ORDER BY m.joined_at, m.user_id", " LIMIT $4"
	// Who is on the page is settled before the names are looked up.
	query := "SELECT " + memberColumns + " FROM (SELECT * FROM " + from + " WHERE " + where + order + page + ") m JOIN users u ON u.id = m.user_id" + order
	if words := strings.Fields(q.Q); len(words) > 0 {
		for _, word := range words {
			like := arg(likeText(word))
			where += ` AND (u.email LIKE ` + like + ` ESCAPE '!' OR LOWER(u.name) LIKE ` + like + ` ESCAPE '!')`
		}
		query = "SELECT " + memberColumns + " FROM " + from + " JOIN users u ON u.id = m.user_id WHERE " + where + order + page
	}
	list, err := all(ctx, s.reading("org.Members"), "list", scanMember, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := pageOf(list, limit, func(m crm.Member) (time.Time, string) { return m.JoinedAt, string(m.UserID) })
	return list, next, nil
}

func cleaned[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = clean(string(v))
	}
	return out
}

// likeText is a word for LIKE, anywhere in a text of lower case. Letters beyond
// ASCII are any letter: databases differ in what their lower case is.
func likeText(word string) string {
	var b strings.Builder
	b.WriteByte('%')
	for _, r := range strings.ToLower(clean(word)) {
		switch {
		case r > unicode.MaxASCII:
			r = '_'
		case r == '%' || r == '_' || r == '!':
			b.WriteByte('!')
		}
		b.WriteRune(r)
	}
	b.WriteByte('%')
	return b.String()
}

// Member is a user's membership; outside and unknown are the same.
func (s *Store) Member(ctx context.Context, w crm.WorkspaceID, u crm.UserID) (crm.Member, error) {
	m, err := one(ctx, s.steady("org.Member"), "read", scanMember,
		"SELECT "+memberColumns+" FROM members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.user_id = $2", string(w), string(u))
	return found(m, err, noWorkspace)
}

const noWorkspace = "There is no such workspace."

// WorkspacesOf lists where a user is a member, by name.
func (s *Store) WorkspacesOf(ctx context.Context, u crm.UserID) ([]org.Membership, error) {
	return all(ctx, s.reading("org.WorkspacesOf"), "list", func(r scanner) (m org.Membership, err error) {
		m.Workspace, err = scanWorkspaceAnd(r, &m.Role)
		return m, err
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

// First gives the oldest workspace.
func (s *Store) First(ctx context.Context) (crm.Workspace, error) {
	w, err := one(ctx, s.reading("org.First"), "read", scanWorkspace,
		"SELECT "+workspaceColumns+" FROM workspaces w ORDER BY w.created_at, w.id LIMIT 1")
	return found(w, err, noWorkspace)
}

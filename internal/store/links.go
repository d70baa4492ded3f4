package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

var selectLink = linkFrom("connect_links")

// linkFrom reads connect links, called l, from the table or a choice of its rows.
func linkFrom(from string) string {
	return `SELECT l.id, l.workspace_id, w.name, l.user_id, u.email, u.name, l.services, l.created_by, l.created_at, l.expires_at, l.used_at, l.revoked_at
	FROM ` + from + ` l JOIN workspaces w ON w.id = l.workspace_id JOIN users u ON u.id = l.user_id`
}

func scanLink(r scanner) (org.ConnectLink, error) {
	var l org.ConnectLink
	var services string
	var created, expires int64
	var used, revoked *int64
	err := r.Scan(&l.ID, &l.WorkspaceID, &l.WorkspaceName, &l.UserID, &l.Email, &l.Name, &services, &l.CreatedBy, &created, &expires, &used, &revoked)
	l.CreatedAt, l.ExpiresAt, l.UsedAt, l.RevokedAt = clock(created), clock(expires), clockPtr(used), clockPtr(revoked)
	return l, errors.Join(err, fromJSON(services, &l.Services))
}

// PutLinks stores connect links with the users and members they need.
func (s *Store) PutLinks(ctx context.Context, w crm.WorkspaceID, at time.Time, links []org.NewLink) ([]org.ConnectLink, error) {
	var stored []org.ConnectLink
	err := s.write(ctx, "org.PutLinks", func(t *tx) error {
		stored = make([]org.ConnectLink, 0, len(links))
		if err := t.lockWorkspace(ctx, w); err != nil {
			return err
		}
		known, err := t.usersByEmail(ctx, links)
		if err != nil {
			return err
		}
		rows := make([]access.Audit, len(links))
		for i, n := range links {
			l := n.Link
			if u, ok := known[l.Email]; ok {
				l.UserID, l.Name = u.ID, u.Name
				if err := t.joinable(ctx, w, u); err != nil {
					return err
				}
			} else if err := t.putUser(ctx, n.User); err != nil {
				return err
			}
			if err := t.putLink(ctx, l, n.TokenHash, at); err != nil {
				return err
			}
			stored, rows[i] = append(stored, l), n.Row
		}
		return t.record(ctx, rows)
	})
	return stored, err
}

// usersByEmail finds those of the links' people who have an account.
func (t *tx) usersByEmail(ctx context.Context, links []org.NewLink) (map[string]crm.User, error) {
	emails := make([]string, len(links))
	for i, l := range links {
		emails[i] = l.Link.Email
	}
	users, err := all(ctx, t, "find users", scanUser, "SELECT "+userColumns+" FROM users u WHERE "+t.s.d.in("u.email", 1), t.s.d.list(emails))
	known := make(map[string]crm.User, len(users))
	for _, u := range users {
		known[u.Email] = u
	}
	return known, err
}

// joinable refuses somebody with an account in use who is no member: they have to
// accept an invitation.
func (t *tx) joinable(ctx context.Context, w crm.WorkspaceID, u crm.User) error {
	list, err := all(ctx, t, "find memberships", scanText, "SELECT workspace_id FROM members WHERE user_id = $1", string(u.ID))
	if err != nil || slices.Contains(list, string(w)) {
		return err
	}
	if len(list) > 0 || !u.PasswordHash.IsZero() || u.GoogleSub != "" {
		return org.HasAccount(u.Email)
	}
	return nil
}

// putLink stores a link in place of open ones of its member, who is made one.
func (t *tx) putLink(ctx context.Context, l org.ConnectLink, tokenHash string, at time.Time) error {
	_, err := t.exec(ctx, "insert member", `INSERT INTO members (workspace_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (workspace_id, user_id) DO NOTHING`, string(l.WorkspaceID), string(l.UserID), string(crm.RoleMember), stamp(at))
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "end earlier ones", "UPDATE connect_links SET revoked_at = $3 WHERE workspace_id = $1 AND user_id = $2 AND used_at IS NULL AND revoked_at IS NULL",
		string(l.WorkspaceID), string(l.UserID), stamp(at))
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "insert link", `INSERT INTO connect_links (id, workspace_id, user_id, services, token_hash, created_by, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		string(l.ID), string(l.WorkspaceID), string(l.UserID), servicesText(l.Services), tokenHash, string(l.CreatedBy), stamp(l.CreatedAt), stamp(l.ExpiresAt))
	return err
}

// LinksOf lists connect links of a workspace that were not revoked, the newest
// first.
func (s *Store) LinksOf(ctx context.Context, w crm.WorkspaceID, q org.OpenQuery) ([]org.ConnectLink, string, error) {
	before, id, err := readCursor(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageLimit(q.Limit)
	index, open := "connect_links_listed", ""
	if !q.OpenAt.IsZero() {
		index, open = "connect_links_open", " AND l.used_at IS NULL"
	}
	const order = " ORDER BY l.created_at DESC, l.id DESC"
	list, err := all(ctx, s.reading("org.LinksOf"), "list", scanLink, linkFrom("(SELECT l.* FROM connect_links l"+s.d.by(index)+`
		WHERE l.workspace_id = $1 AND l.revoked_at IS NULL AND l.expires_at > $2 AND (l.created_at, l.id) < ($3, $4)`+open+order+" LIMIT $5)")+order,
		string(w), endsAfter(q), before, id, int64(limit+1))
	if err != nil {
		return nil, "", err
	}
	list, next := pageOf(list, limit, func(l org.ConnectLink) (time.Time, string) { return l.CreatedAt, string(l.ID) })
	return list, next, nil
}

// LinkByHash finds a connect link that can be used, of somebody who is a member still.
func (s *Store) LinkByHash(ctx context.Context, tokenHash string, now time.Time) (org.ConnectLink, error) {
	l, err := one(ctx, s.reading("org.LinkByHash"), "read", scanLink, selectLink+` JOIN members m ON m.workspace_id = l.workspace_id AND m.user_id = l.user_id
		WHERE l.token_hash = $1 AND l.used_at IS NULL AND l.revoked_at IS NULL AND l.expires_at > $2`, tokenHash, stamp(now))
	return found(l, err, "There is no such link.")
}

// RevokeLink ends a connect link that nobody has used.
func (s *Store) RevokeLink(ctx context.Context, w crm.WorkspaceID, id crm.LinkID, at time.Time, rows ...access.Audit) error {
	return s.write(ctx, "org.RevokeLink", func(t *tx) error {
		n, err := t.exec(ctx, "revoke link", "UPDATE connect_links SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2 AND used_at IS NULL AND revoked_at IS NULL",
			string(w), string(id), stamp(at))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "There is no such link, or it was used or revoked already.")
		}
		return t.record(ctx, rows)
	})
}

// UseLink uses a connect link up, once.
func (s *Store) UseLink(ctx context.Context, id crm.LinkID, at time.Time) error {
	return s.write(ctx, "org.UseLink", func(t *tx) error {
		l, err := one(ctx, t, "read link", scanLink, selectLink+" WHERE l.id = $1", string(id))
		if errors.Is(err, errNone) {
			return linkUsed()
		}
		if err != nil {
			return err
		}
		return t.spendLink(ctx, id, l.WorkspaceID, l.UserID, at)
	})
}

func linkUsed() error {
	return &fault.Error{Kind: fault.Conflict, Code: "link_used", Text: "This link was used or revoked already. Ask your administrator for a new one."}
}

// spendLink uses up the connect link of a member, with an audit row.
func (t *tx) spendLink(ctx context.Context, id crm.LinkID, w crm.WorkspaceID, u crm.UserID, at time.Time) error {
	n, err := t.exec(ctx, "use connect link", `UPDATE connect_links SET used_at = $2
		WHERE id = $1 AND workspace_id = $3 AND user_id = $4 AND used_at IS NULL AND revoked_at IS NULL`, string(id), stamp(at), string(w), string(u))
	if err != nil {
		return err
	}
	if n == 0 {
		return linkUsed()
	}
	return t.record(ctx, []access.Audit{{At: at, Workspace: w, UserID: u, Action: "connect_link.use", Target: string(id), Outcome: "ok", Detail: "connected Google by a link"}})
}

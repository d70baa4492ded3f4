package store

import (
	"context"
	"errors"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/org"
)

// DirectoryGrants lists living grants of administrators that may hold a scope of
// the directory, the one of u first, then the newest.
func (s *Store) DirectoryGrants(ctx context.Context, w crm.WorkspaceID, u crm.UserID) ([]org.DirectoryGrant, error) {
	return all(ctx, s.reading("org.DirectoryGrants"), "list", func(r scanner) (org.DirectoryGrant, error) {
		var g org.DirectoryGrant
		var scopes string
		err := r.Scan(&g.ID, &scopes)
		return g, errors.Join(err, fromJSON(scopes, &g.Scopes))
	}, `SELECT g.id, g.granted_scopes FROM oauth_grants g JOIN members m ON m.workspace_id = g.workspace_id AND m.user_id = g.subject
		WHERE g.workspace_id = $1 AND g.status = 'active' AND m.role IN ('owner', 'admin') AND g.granted_scopes LIKE '%/auth/admin.directory.user%'
		ORDER BY CASE WHEN g.subject = $2 THEN 0 ELSE 1 END, g.updated_at DESC, g.id`, string(w), string(u))
}

// Acquainted tells what a workspace knows about people, in two questions however
// many they are.
func (s *Store) Acquainted(ctx context.Context, w crm.WorkspaceID, emails, subs []string) (org.Acquaintance, error) {
	var known org.Acquaintance
	emails, subs = searchable(emails), searchable(subs)
	var err error
	known.Members, err = all(ctx, s.reading("org.Acquainted"), "find members", func(r scanner) (org.KnownMember, error) {
		var m org.KnownMember
		var joined int64
		var sent *int64
		err := r.Scan(&m.WorkspaceID, &m.UserID, &m.Email, &m.Name, &m.Role, &joined, &m.GoogleSub, &sent)
		m.JoinedAt, m.LinkSentAt = clock(joined), clockPtr(sent)
		return m, err
	}, "SELECT "+memberColumns+`, u.google_sub, (SELECT MAX(l.created_at) FROM connect_links l WHERE l.user_id = u.id AND l.workspace_id = m.workspace_id AND l.revoked_at IS NULL)
		FROM users u JOIN members m ON m.user_id = u.id
		WHERE m.workspace_id = $1 AND u.id IN (SELECT id FROM users WHERE `+s.d.in("email", 2)+" UNION SELECT id FROM users WHERE google_sub <> '' AND "+s.d.in("google_sub", 3)+")",
		string(w), s.d.list(emails), s.d.list(subs))
	if err != nil {
		return known, err
	}
	known.Connections, err = all(ctx, s.reading("org.Acquainted"), "find connections", func(r scanner) (k org.KnownConnection, err error) {
		err = r.Scan(&k.GoogleSub, &k.GoogleEmail, &k.UserID, &k.Status)
		return k, err
	}, "SELECT c.google_sub, LOWER(c.google_email), c.user_id, c.status FROM google_integrations c WHERE c.workspace_id = $1 AND ("+
		s.d.in("c.google_sub", 3)+" OR "+s.d.in("LOWER(c.google_email)", 2)+")", string(w), s.d.list(emails), s.d.list(subs))
	return known, err
}

// searchable leaves out what no text column holds.
func searchable(list []string) []string {
	out := slices.DeleteFunc(slices.Clone(list), func(v string) bool { return v == "" || clean(v) != v })
	return append([]string{}, out...)
}

package store

import (
	"context"
	"math"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

var selectInvitation = invitationOf("invitations")

// invitationOf reads invitations, called i, from a table or a choice of its rows.
func invitationOf(from string) string {
	return `SELECT i.id, i.workspace_id, w.name, i.email, i.name, i.role, i.invited_by, COALESCE(b.name, ''), a.id IS NOT NULL, i.created_at, i.expires_at
	FROM ` + from + ` i JOIN workspaces w ON w.id = i.workspace_id
	LEFT JOIN users b ON b.id = i.invited_by LEFT JOIN users a ON a.email = i.email`
}

func scanInvitation(r scanner) (org.Invitation, error) {
	var v org.Invitation
	var created, expires int64
	err := r.Scan(&v.ID, &v.WorkspaceID, &v.WorkspaceName, &v.Email, &v.Name, &v.Role, &v.InvitedBy, &v.InviterName, &v.HasAccount, &created, &expires)
	v.CreatedAt, v.ExpiresAt = clock(created), clock(expires)
	return v, err
}

const noInvitation = "There is no such invitation."

// PutInvitation stores an invitation in place of open ones for the same address.
func (s *Store) PutInvitation(ctx context.Context, in org.Invitation, tokenHash string, rows ...access.Audit) error {
	return s.write(ctx, "org.PutInvitation", func(t *tx) error {
		if err := t.lockWorkspace(ctx, in.WorkspaceID); err != nil {
			return err
		}
		_, err := t.exec(ctx, "end earlier ones", "UPDATE invitations SET revoked_at = $3 WHERE workspace_id = $1 AND email = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
			string(in.WorkspaceID), in.Email, stamp(in.CreatedAt))
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, "insert invitation", `INSERT INTO invitations (id, workspace_id, email, name, role, token_hash, invited_by, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			string(in.ID), string(in.WorkspaceID), in.Email, clean(in.Name), string(in.Role), tokenHash, string(in.InvitedBy), stamp(in.CreatedAt), stamp(in.ExpiresAt))
		if err != nil {
			return err
		}
		return t.record(ctx, rows)
	})
}

// InvitationsOf lists invitations of a workspace that were neither accepted nor
// revoked, the newest first.
func (s *Store) InvitationsOf(ctx context.Context, w crm.WorkspaceID, q org.OpenQuery) ([]org.Invitation, string, error) {
	before, id, err := readCursor(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageLimit(q.Limit)
	const order = " ORDER BY i.created_at DESC, i.id DESC"
	list, err := all(ctx, s.reading("org.InvitationsOf"), "list", scanInvitation, invitationOf("(SELECT i.* FROM invitations i"+s.d.by("invitations_listed")+`
		WHERE i.workspace_id = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $2 AND (i.created_at, i.id) < ($3, $4)`+order+" LIMIT $5)")+order,
		string(w), endsAfter(q), before, id, int64(limit+1))
	if err != nil {
		return nil, "", err
	}
	list, next := pageOf(list, limit, func(v org.Invitation) (time.Time, string) { return v.CreatedAt, string(v.ID) })
	return list, next, nil
}

// endsAfter is the moment behind which what is asked for ends.
func endsAfter(q org.OpenQuery) int64 {
	if q.OpenAt.IsZero() {
		return math.MinInt64
	}
	return stamp(q.OpenAt)
}

const openInvitation = " AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $2"

// InvitationByHash finds an open invitation.
func (s *Store) InvitationByHash(ctx context.Context, tokenHash string, now time.Time) (org.Invitation, error) {
	v, err := one(ctx, s.reading("org.InvitationByHash"), "read", scanInvitation, selectInvitation+" WHERE i.token_hash = $1"+openInvitation, tokenHash, stamp(now))
	return found(v, err, noInvitation)
}

// InvitationsFor lists the open invitations of an address, the oldest first.
func (s *Store) InvitationsFor(ctx context.Context, email string, now time.Time) ([]org.Invitation, error) {
	return all(ctx, s.reading("org.InvitationsFor"), "list", scanInvitation, selectInvitation+" WHERE i.email = $1"+openInvitation+" ORDER BY i.created_at, i.id", email, stamp(now))
}

// RevokeInvitation ends an invitation that was neither accepted nor revoked.
func (s *Store) RevokeInvitation(ctx context.Context, w crm.WorkspaceID, id crm.InvitationID, at time.Time, rows ...access.Audit) error {
	return s.write(ctx, "org.RevokeInvitation", func(t *tx) error {
		n, err := t.exec(ctx, "revoke invitation", "UPDATE invitations SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
			string(w), string(id), stamp(at))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "There is no such invitation, or it was accepted or revoked already.")
		}
		return t.record(ctx, rows)
	})
}

// AcceptInvitations makes a user a member by invitations, each used once.
func (s *Store) AcceptInvitations(ctx context.Context, u crm.User, list []crm.InvitationID, at time.Time, row func(org.Invitation) access.Audit) error {
	return s.write(ctx, "org.AcceptInvitations", func(t *tx) error {
		var rows []access.Audit
		for _, id := range list {
			n, err := t.exec(ctx, "accept invitation", `UPDATE invitations SET accepted_at = $2, accepted_by = $3
				WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2`, string(id), stamp(at), string(u.ID))
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			in, err := one(ctx, t, "read invitation", scanInvitation, selectInvitation+" WHERE i.id = $1", string(id))
			if err != nil {
				return err
			}
			if err := t.joinBy(ctx, u, in, at); err != nil {
				return err
			}
			rows = append(rows, row(in))
		}
		if len(rows) == 0 {
			return fault.New(fault.NotFound, noInvitation)
		}
		return t.record(ctx, rows)
	})
}

// joinBy makes a user a member by an invitation; who is one already stays as
// they are.
func (t *tx) joinBy(ctx context.Context, u crm.User, in org.Invitation, at time.Time) error {
	if err := t.ensureUser(ctx, u); err != nil {
		return err
	}
	_, err := t.exec(ctx, "insert member", `INSERT INTO members (workspace_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (workspace_id, user_id) DO NOTHING`, string(in.WorkspaceID), string(u.ID), string(in.Role), stamp(at))
	return err
}

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/org"
)

// ChangeRole gives a member another role when judge lets it.
func (s *Store) ChangeRole(ctx context.Context, c org.MemberChange, role crm.Role, judge func(org.Standing) (access.Audit, error)) error {
	return s.write(ctx, "org.ChangeRole", func(t *tx) error {
		st, row, err := t.judged(ctx, c, judge)
		if err != nil || st.Target.Role == role {
			return err
		}
		err = t.joinDomains(ctx, c.Workspace, func() error {
			_, err := t.exec(ctx, "change role", "UPDATE members SET role = $3 WHERE workspace_id = $1 AND user_id = $2", string(c.Workspace), string(c.Target), string(role))
			return err
		})
		if err != nil {
			return err
		}
		if err := t.endInvitationsBy(ctx, c, role); err != nil {
			return err
		}
		t.fact(fact.Fact{Kind: fact.MemberChanged, WorkspaceID: c.Workspace, UserID: c.Target, Data: json.RawMessage(jsonText(map[string]any{"user_id": c.Target, "role": role}))})
		return t.record(ctx, []access.Audit{row})
	})
}

// judged reads how things stand, holding back every other change of the
// workspace's members, and asks judge.
func (t *tx) judged(ctx context.Context, c org.MemberChange, judge func(org.Standing) (access.Audit, error)) (org.Standing, access.Audit, error) {
	var st org.Standing
	if err := t.lockWorkspace(ctx, c.Workspace); err != nil {
		return st, access.Audit{}, err
	}
	member := func(u crm.UserID) (crm.Member, error) {
		return one(ctx, t, "read member", scanMember, "SELECT "+memberColumns+" FROM members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.user_id = $2", string(c.Workspace), string(u))
	}
	target, err := member(c.Target)
	if _, err = found(target, err, "There is no such member."); err != nil {
		return st, access.Audit{}, err
	}
	st.Target = target
	if c.Actor != "" {
		actor, err := member(c.Actor)
		if err == nil {
			st.Actor = &actor
		} else if !errors.Is(err, errNone) {
			return st, access.Audit{}, err
		}
	}
	owners, err := one(ctx, t, "count owners", scanInt, "SELECT COUNT(*) FROM members WHERE workspace_id = $1 AND role = 'owner'", string(c.Workspace))
	if err != nil {
		return st, access.Audit{}, err
	}
	st.Owners = int(owners)
	row, err := judge(st)
	return st, row, err
}

// lockWorkspace holds back other transactions that lock the same workspace.
func (t *tx) lockWorkspace(ctx context.Context, w crm.WorkspaceID) error {
	_, err := one(ctx, t, "lock workspace", scanText, "SELECT id FROM workspaces WHERE id = $1"+t.s.d.forUpdate(), string(w))
	if errors.Is(err, errNone) {
		return fault.New(fault.NotFound, noWorkspace)
	}
	return err
}

// endInvitationsBy revokes invitations and connect links that a member has given
// out and could not give out with their new role, "" for none.
func (t *tx) endInvitationsBy(ctx context.Context, c org.MemberChange, role crm.Role) error {
	if role == crm.RoleOwner {
		return nil
	}
	only := "owner"
	if role != crm.RoleAdmin {
		only = ""
	}
	_, err := t.exec(ctx, "revoke invitations", `UPDATE invitations SET revoked_at = $3
		WHERE workspace_id = $1 AND invited_by = $2 AND accepted_at IS NULL AND revoked_at IS NULL AND ($4 = '' OR role = $4)`,
		string(c.Workspace), string(c.Target), stamp(c.At), only)
	if err != nil || only != "" {
		return err
	}
	_, err = t.exec(ctx, "revoke links given out", `UPDATE connect_links SET revoked_at = $3
		WHERE workspace_id = $1 AND created_by = $2 AND used_at IS NULL AND revoked_at IS NULL`, string(c.Workspace), string(c.Target), stamp(c.At))
	return err
}

// RemoveMember takes a member out of a workspace when judge lets it, with what
// hangs on being one; nothing synced is deleted.
func (s *Store) RemoveMember(ctx context.Context, c org.MemberChange, judge func(org.Standing) (access.Audit, error)) error {
	return s.write(ctx, "org.RemoveMember", func(t *tx) error {
		st, row, err := t.judged(ctx, c, judge)
		if err != nil {
			return err
		}
		if row.Detail, err = t.succession(ctx, c, row.Detail); err != nil {
			return err
		}
		w, u, at := string(c.Workspace), string(c.Target), stamp(c.At)
		err = t.joinDomains(ctx, c.Workspace, func() error {
			_, err := t.exec(ctx, "delete member", "DELETE FROM members WHERE workspace_id = $1 AND user_id = $2", w, u)
			return err
		})
		if err != nil {
			return err
		}
		for _, step := range []struct {
			op, query string
			args      []any
		}{
			{"revoke keys", "UPDATE api_keys SET revoked_at = $3 WHERE workspace_id = $1 AND user_id = $2 AND revoked_at IS NULL", []any{w, u, at}},
			{"cut leases", "UPDATE token_leases SET cut_at = $3 WHERE workspace_id = $1 AND user_id = $2 AND cut_at IS NULL", []any{w, u, at}},
			{"revoke links", "UPDATE connect_links SET revoked_at = $3 WHERE workspace_id = $1 AND user_id = $2 AND used_at IS NULL AND revoked_at IS NULL", []any{w, u, at}},
			{"revoke invitations to them", "UPDATE invitations SET revoked_at = $3 WHERE workspace_id = $1 AND email = $2 AND accepted_at IS NULL AND revoked_at IS NULL", []any{w, st.Target.Email, at}},
			{"drop consents", "DELETE FROM oauth_consents WHERE workspace_id = $1 AND user_id = $2", []any{w, u}},
			{"close request", "DELETE FROM approval_requests WHERE workspace_id = $1 AND user_id = $2", []any{w, u}},
		} {
			if _, err := t.exec(ctx, step.op, step.query, step.args...); err != nil {
				return err
			}
		}
		if err := t.forgetReader(ctx, c.Workspace, c.Target); err != nil {
			return err
		}
		if err := t.endInvitationsBy(ctx, c, ""); err != nil {
			return err
		}
		left, err := one(ctx, t, "count workspaces", scanInt, "SELECT COUNT(*) FROM members WHERE user_id = $1", u)
		if err != nil {
			return err
		}
		if left == 0 {
			if err := t.signOut(ctx, []string{u}, ""); err != nil {
				return err
			}
		}
		data := map[string]any{"user_id": c.Target}
		if c.Successor != "" {
			data["successor_id"], data["by"] = c.Successor, c.Actor
		}
		t.fact(fact.Fact{Kind: fact.MemberRemoved, WorkspaceID: c.Workspace, UserID: c.Target, Data: json.RawMessage(jsonText(data))})
		return t.record(ctx, []access.Audit{row})
	})
}

// succession checks the successor of a member who leaves, and adds to the words of the
// audit row what they get.
func (t *tx) succession(ctx context.Context, c org.MemberChange, detail string) (string, error) {
	if c.Successor != "" {
		there, err := t.isMember(ctx, c.Workspace, c.Successor)
		if err == nil && !there {
			err = refersToNone("successor_id", errNone)
		}
		if err != nil {
			return "", err
		}
	}
	owned, tasks, err := t.owns(ctx, c.Workspace, c.Target)
	if err != nil || owned+tasks == 0 {
		return detail, err
	}
	to := "are nobody's now"
	if c.Successor != "" {
		to = "go to " + string(c.Successor)
	}
	return fmt.Sprintf("%s; records: %d, open tasks: %d, which %s", detail, owned, tasks, to), nil
}

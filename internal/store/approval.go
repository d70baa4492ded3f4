package store

import (
	"context"
	"encoding/json"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/org"
)

// DecideApproval changes a workspace's approval; see org.Approvals.
func (s *Store) DecideApproval(ctx context.Context, w crm.WorkspaceID, at time.Time, change func(*crm.Approval) ([]access.Audit, bool, error)) (crm.Approval, error) {
	var after crm.Approval
	err := s.write(ctx, "org.DecideApproval", func(t *tx) error {
		row, err := one(ctx, t, "read workspace", scanWorkspace, "SELECT "+workspaceColumns+" FROM workspaces w WHERE w.id = $1"+s.d.forUpdate(), string(w))
		if row, err = found(row, err, noWorkspace); err != nil {
			return err
		}
		before := row.Approval.State
		rows, answers, err := change(&row.Approval)
		if err != nil {
			return err
		}
		after = row.Approval
		if len(rows) == 0 {
			return nil
		}
		if answers {
			_, err := t.exec(ctx, "answer requests", "UPDATE approval_requests SET answered_at = $2 WHERE workspace_id = $1 AND answered_at IS NULL", string(w), stamp(at))
			if err != nil {
				return err
			}
		}
		if err := t.joinDomains(ctx, w, func() error { return t.putWorkspace(ctx, row) }); err != nil {
			return err
		}
		t.fact(fact.Fact{Kind: fact.ApprovalDecided, WorkspaceID: w, Data: json.RawMessage(jsonText(map[string]any{"state": after.State, "before": before}))})
		return t.record(ctx, rows)
	})
	return after, err
}

const requestColumns = "r.workspace_id, r.user_id, u.email, u.name, r.note, r.asked_at"

func scanRequest(r scanner) (org.ApprovalRequest, error) {
	var v org.ApprovalRequest
	var asked int64
	err := r.Scan(&v.WorkspaceID, &v.UserID, &v.Email, &v.Name, &v.Note, &asked)
	v.AskedAt = clock(asked)
	return v, err
}

// AskApproval stores a request, or gives the one that is open already.
func (s *Store) AskApproval(ctx context.Context, r org.ApprovalRequest, rows ...access.Audit) (org.ApprovalRequest, bool, error) {
	asked := false
	err := s.write(ctx, "org.AskApproval", func(t *tx) error {
		n, err := t.exec(ctx, "store request", `INSERT INTO approval_requests (workspace_id, user_id, note, asked_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (workspace_id, user_id) DO UPDATE SET note = excluded.note, asked_at = excluded.asked_at, answered_at = NULL
			WHERE approval_requests.answered_at IS NOT NULL`, string(r.WorkspaceID), string(r.UserID), clean(r.Note), stamp(r.AskedAt))
		if err != nil {
			return err
		}
		asked = n > 0
		r, err = one(ctx, t, "read request", scanRequest, "SELECT "+requestColumns+` FROM approval_requests r JOIN users u ON u.id = r.user_id
			WHERE r.workspace_id = $1 AND r.user_id = $2`, string(r.WorkspaceID), string(r.UserID))
		if err != nil || !asked {
			return err
		}
		t.fact(fact.Fact{Kind: fact.ApprovalAsked, WorkspaceID: r.WorkspaceID, Data: json.RawMessage(jsonText(map[string]any{"user_id": r.UserID}))})
		return t.record(ctx, rows)
	})
	return r, asked, err
}

// ApprovalRequests lists the open requests of a workspace, the oldest first; of
// one user, unless u is "".
func (s *Store) ApprovalRequests(ctx context.Context, w crm.WorkspaceID, u crm.UserID) ([]org.ApprovalRequest, error) {
	return all(ctx, s.reading("org.ApprovalRequests"), "list", scanRequest, "SELECT "+requestColumns+` FROM approval_requests r JOIN users u ON u.id = r.user_id
		WHERE r.workspace_id = $1 AND r.answered_at IS NULL AND ($2 = '' OR r.user_id = $2) ORDER BY r.asked_at, r.user_id`, string(w), string(u))
}

// AnswerRequest closes an open request.
func (s *Store) AnswerRequest(ctx context.Context, w crm.WorkspaceID, u crm.UserID, at time.Time, rows ...access.Audit) error {
	return s.write(ctx, "org.AnswerRequest", func(t *tx) error {
		n, err := t.exec(ctx, "answer request", "UPDATE approval_requests SET answered_at = $3 WHERE workspace_id = $1 AND user_id = $2 AND answered_at IS NULL",
			string(w), string(u), stamp(at))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "There is no open request of this person.")
		}
		return t.record(ctx, rows)
	})
}

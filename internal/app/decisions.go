package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

// What follows from decisions about a workspace and its members.

// pausedReason tells connections that we let rest from those that Google's
// administrators keep waiting.
const pausedReason = "An administrator of this workspace has blocked the Google integration. It goes on by itself when it is approved again."

// followApproval brings the connections of a workspace in line with what has
// been decided by now: a fact may be old.
func (a *App) followApproval(ctx context.Context, f fact.Fact) error {
	decided, err := a.Org.Approval(ctx, f.WorkspaceID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the approval: %w", err)
	}
	list, err := a.Store.Mine(ctx, access.System(f.WorkspaceID))
	if err != nil {
		return fmt.Errorf("listing the workspace's connections: %w", err)
	}
	for _, c := range list {
		_, err := a.Store.Change(ctx, access.System(f.WorkspaceID), c.ID, func(c *crm.Connection) error {
			obey(decided.State, c)
			return nil
		})
		if err != nil && !fault.Is(err, fault.NotFound) {
			return fmt.Errorf("changing a connection: %w", err)
		}
	}
	return nil
}

// obey lets a connection rest or go on. Those that need something else first
// keep their status: a connection that was lost while it rested is not brought
// back by an approval.
func obey(state crm.ApprovalState, c *crm.Connection) {
	switch {
	case state == crm.ApprovalBlocked && c.Status.Syncs():
		c.Status, c.StatusReason = crm.StatusWaitingForAdmin, pausedReason
	case state == crm.ApprovalApproved && c.Status == crm.StatusWaitingForAdmin && c.StatusReason == pausedReason:
		c.Status, c.StatusReason = vault.Standing(c.GrantedScopes, c.WantedScopes)
	}
}

// dropMember ends what somebody had in a workspace who is no longer in it. What
// was synced stays.
func (a *App) dropMember(ctx context.Context, f fact.Fact) error {
	user, err := removedMember(f)
	if err != nil || user == "" {
		return err
	}
	if _, err := a.Store.Member(ctx, f.WorkspaceID, user); err == nil {
		return nil // they are back
	} else if !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("looking for the member: %w", err)
	}
	system := access.System(f.WorkspaceID)
	list, err := a.Store.Mine(ctx, access.System(f.WorkspaceID))
	if err != nil {
		return fmt.Errorf("listing the workspace's connections: %w", err)
	}
	for _, c := range list {
		if c.UserID != user || c.Status == crm.StatusDisconnected {
			continue
		}
		if _, err := a.Vault.Disconnect(ctx, system, c.ID); err != nil && !fault.Is(err, fault.NotFound) {
			return fmt.Errorf("disconnecting a former member: %w", err)
		}
	}
	return a.dropTokens(ctx, system, user)
}

// dropTokens revokes the member's grants of the token service and cuts the
// leases they made.
func (a *App) dropTokens(ctx context.Context, system access.Caller, user crm.UserID) error {
	grants, err := a.Store.ServiceGrants(ctx, system.Workspace, string(user))
	if err != nil {
		return fmt.Errorf("listing a former member's tokens: %w", err)
	}
	for _, g := range grants {
		if _, err := a.Vault.RevokeToken(ctx, system, string(user), g.Service); err != nil && !fault.Is(err, fault.NotFound) {
			return fmt.Errorf("revoking a former member's token: %w", err)
		}
	}
	for cursor := ""; ; {
		leases, next, err := a.Store.LeasesOf(ctx, system.Workspace, user, cursor, 200)
		if err != nil {
			return fmt.Errorf("listing a former member's leases: %w", err)
		}
		for _, l := range leases {
			if l.CutAt == nil && l.ExpiresAt.After(a.now()) {
				if err := a.Store.CutLease(ctx, system.Workspace, user, l.ID, a.now().UTC().Truncate(time.Microsecond)); err != nil && !fault.Is(err, fault.NotFound) {
					return fmt.Errorf("cutting a former member's lease: %w", err)
				}
			}
		}
		if cursor = next; cursor == "" {
			return nil
		}
	}
}

// removedMember reads whom a fact is about.
func removedMember(f fact.Fact) (crm.UserID, error) {
	if len(f.Data) == 0 {
		return f.UserID, nil
	}
	var data struct {
		UserID crm.UserID `json:"user_id"`
	}
	if err := json.Unmarshal(f.Data, &data); err != nil {
		return "", fmt.Errorf("reading the fact: %w", err)
	}
	if data.UserID == "" {
		return f.UserID, nil
	}
	return data.UserID, nil
}

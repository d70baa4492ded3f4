package vault

import (
	"context"
	"fmt"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Revocation says what became of a token.
type Revocation struct {
	AtGoogle bool   // Google has ended it
	Note     string // in plain words when Google has not
}

// RevokeToken ends a subject's grant for a service: its secrets are dropped, and
// Google is told unless something else of ours uses the same account there. It
// needs the right to vend; fault.NotFound with Code token_not_found when there
// is no such grant. It succeeds even when Google cannot be reached; Note says
// so then.
func (s *Service) RevokeToken(ctx context.Context, c access.Caller, subject string, service crm.Service) (Revocation, error) {
	if err := s.mayVend(c, subject, service); err != nil {
		if !fault.Is(err, fault.Unauthenticated) {
			s.auditRevoke(ctx, c, "", service, outcomeOf(err), reasonOf(err))
		}
		return Revocation{}, err
	}
	g, err := s.TokenGrants.ServiceGrant(ctx, c.Workspace, subject, service)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Revocation{}, fmt.Errorf("looking for a grant: %w", err)
	}
	if err != nil || g.Status == GrantRevoked {
		err := &fault.Error{Kind: fault.NotFound, Code: "token_not_found",
			Text: fmt.Sprintf("There is no token of this user for %s. (The access of a connected account is ended by disconnecting it.)", service)}
		s.auditRevoke(ctx, c, "", service, "denied", err.Code)
		return Revocation{}, err
	}
	return s.end(ctx, c, g)
}

// RevokeHeld ends a grant of the token service by its id, for administrators.
func (s *Service) RevokeHeld(ctx context.Context, c access.Caller, id crm.GrantID) (Revocation, error) {
	if err := access.Allow(c, access.WorkspaceManage); err != nil {
		return Revocation{}, err
	}
	g, err := s.Grants.Grant(ctx, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Revocation{}, fmt.Errorf("loading the grant: %w", err)
	}
	if err != nil || g.WorkspaceID != c.Workspace || g.Service == "" || g.Status == GrantRevoked {
		return Revocation{}, &fault.Error{Kind: fault.NotFound, Code: "token_not_found", Text: "There is no such token."}
	}
	return s.end(ctx, c, g)
}

func (s *Service) end(ctx context.Context, c access.Caller, g Grant) (Revocation, error) {
	var out Revocation
	out.AtGoogle, out.Note = s.revoke(ctx, g)
	ended, err := s.TokenGrants.EndGrant(ctx, g, GrantRevoked, s.now())
	if err != nil {
		return Revocation{}, fmt.Errorf("ending the grant: %w", err)
	}
	s.changed(g)
	if !ended {
		err := fault.New(fault.Conflict, "The user has authorised this service anew just now. Try again if it is to be revoked.")
		s.auditRevoke(ctx, c, g.ID, g.Service, "failed", "authorised anew")
		return Revocation{}, err
	}
	s.auditRevoke(ctx, c, g.ID, g.Service, "ok", out.Note)
	return out, nil
}

func (s *Service) auditRevoke(ctx context.Context, c access.Caller, id crm.GrantID, service crm.Service, outcome, detail string) {
	text := cut(string(service), 40)
	if detail != "" {
		text += ": " + detail
	}
	s.audit(ctx, access.Audit{Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via,
		Action: "token.revoke", Target: string(id), Outcome: outcome, Detail: text, Remote: c.Remote})
}

package vault

import (
	"context"
	"fmt"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// keepToken stores what a consent for the token service brought, in place of an
// earlier grant of the same subject and service. It never becomes a connection.
func (s *Service) keepToken(ctx context.Context, c Consent, t Tokens, out *Outcome) error {
	if len(c.Services) != 1 {
		return fault.New(fault.Internal, "a consent for %d services", len(c.Services))
	}
	if len(Missing(t.Scopes, c.Scopes)) == len(c.Scopes) {
		return &fault.Error{Kind: fault.Forbidden, Code: "insufficient_scope", Scopes: c.Scopes,
			Text: fmt.Sprintf("Nothing of %s was permitted on Google's page. Start again and leave its boxes ticked.", c.Services[0])}
	}
	old, err := s.TokenGrants.ServiceGrant(ctx, c.WorkspaceID, c.Subject, c.Services[0])
	if err != nil && !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("looking for an earlier grant: %w", err)
	}
	known := err == nil
	if known {
		if err := sameAccount(c, old, out.Identity); err != nil {
			return err
		}
	}
	next := old
	if !known {
		if next, err = s.newGrant(c); err != nil {
			return err
		}
	}
	if next.GoogleSub != out.Identity.Sub || next.ClientID != c.ClientID {
		next.SealedRefresh = "" // that of another account or client
	}
	next.ClientID = c.ClientID
	if err := s.fill(&next, t, out.Identity); err != nil {
		return err
	}
	if err := s.Grants.SaveGrant(ctx, next); err != nil {
		return fmt.Errorf("storing the grant: %w", err)
	}
	s.changed(next)
	out.Missing = Describe(Missing(next.Scopes, c.Scopes))
	out.Replaced = known && old.GoogleSub != next.GoogleSub
	if known && old.GoogleSub != next.GoogleSub && old.Status == GrantActive {
		s.revoke(ctx, old) // nothing of ours uses the earlier account any more, or it is spared
	}
	return nil
}

// sameAccount lets a signed link renew an authorisation that lives, not exchange
// its Google account: links are passed on, and are good for a week.
func sameAccount(c Consent, old Grant, id Identity) error {
	byLink := c.Maker != "" && c.UserID == ""
	if !byLink || old.GoogleSub == id.Sub || old.Status != GrantActive && old.Status != GrantSealed {
		return nil
	}
	return &fault.Error{Kind: fault.Conflict, Code: "wrong_account",
		Text: "This was authorised with another Google account already. Nothing was changed: start again and choose that account. To exchange it, the authorisation has to be taken back first."}
}

func (s *Service) newGrant(c Consent) (Grant, error) {
	id, err := crm.NewID(s.now(), s.random())
	return Grant{ID: crm.GrantID(id), WorkspaceID: c.WorkspaceID, UserID: crm.UserID(c.Subject), Service: c.Services[0],
		ClientID: c.ClientID, CreatedAt: s.now()}, err
}

// changed forgets what a new or changed grant makes outdated.
func (s *Service) changed(g Grant) {
	s.forgetGrant(g.ID, g.WorkspaceID, string(g.UserID))
}

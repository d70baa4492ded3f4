package vault

import (
	"context"
	"fmt"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Disconnected says what became of a connection's access.
type Disconnected struct {
	Connection crm.Connection
	Revoked    bool // at Google
	// Note is in plain words when Google still lists the app: something else of
	// ours uses the account, or Google could not be reached.
	Note string
}

// Disconnect ends a connection: stops its watches, revokes at Google if nothing
// else of ours uses the account, and drops the secret. Synced data stays. It
// succeeds even when Google cannot be reached; Note says so then.
func (s *Service) Disconnect(ctx context.Context, caller access.Caller, id crm.ConnectionID) (Disconnected, error) {
	if err := access.Allow(caller, access.ConnectionManage); err != nil {
		return Disconnected{}, err
	}
	conn, err := s.own(ctx, caller, id)
	if err != nil {
		return Disconnected{}, err
	}
	if conn.Status == crm.StatusDisconnected {
		return Disconnected{Connection: conn}, nil
	}
	g, err := s.grantOf(ctx, conn)
	if err != nil {
		return Disconnected{}, err
	}
	if s.Stop != nil && conn.Status.Syncs() {
		if err := s.Stop(ctx, conn); err != nil {
			// They end by themselves within a week; notices about a connection that
			// is gone are ignored.
			s.log().Warn("stopping watches before disconnecting", "connection", conn.ID, "err", err)
		}
	}
	out := Disconnected{}
	if g.ID != "" {
		out.Revoked, out.Note = s.revoke(ctx, g)
	}
	now := s.now()
	g.Status, g.SealedAccess, g.SealedRefresh, g.UpdatedAt = GrantRevoked, "", "", now
	conn.Status, conn.StatusReason, conn.GrantedScopes, conn.UpdatedAt = crm.StatusDisconnected, "", nil, now
	if err := s.Connections.Dropped(ctx, conn, g); err != nil {
		return Disconnected{}, fmt.Errorf("storing the disconnection: %w", err)
	}
	s.changed(g)
	s.audit(ctx, access.Audit{
		Workspace: conn.WorkspaceID, UserID: caller.UserID, KeyID: caller.KeyID, Via: caller.Via,
		Action: "connection.disconnect", Target: string(conn.ID), Outcome: "ok", Detail: out.Note, Remote: caller.Remote,
	})
	out.Connection = conn
	return out, nil
}

const byHand = "Google still lists this app; it can be removed at myaccount.google.com/permissions."

// revoke ends the grant at Google, when nothing else needs it, and says why not.
func (s *Service) revoke(ctx context.Context, g Grant) (bool, string) {
	shared, err := s.shared(ctx, g)
	if err != nil {
		s.log().Error("counting other uses of an account", "grant", g.ID, "err", err)
		return false, byHand
	}
	if shared {
		return false, "Access at Google stays, because another connection or service here uses the same Google account."
	}
	if g.Status == GrantDead || g.Status == GrantRevoked {
		return false, ""
	}
	if err := s.revokeAtGoogle(ctx, g); err != nil {
		s.auditGrant(ctx, g, "token.revoke", "failed", reasonOf(err))
		return false, byHand
	}
	s.auditGrant(ctx, g, "token.revoke", "ok", "at Google")
	return true, ""
}

// shared reports whether another living grant would die with this one: Google's
// revoke ends all that an account has given a project, through whichever client
// (developers.google.com/identity/protocols/oauth2/web-server, revoking a token).
// A client that nobody knows any more may be of the same project.
func (s *Service) shared(ctx context.Context, g Grant) (bool, error) {
	others, err := s.Grants.OtherUses(ctx, g)
	if err != nil || len(others) == 0 {
		return false, err
	}
	if others[g.ClientID] > 0 {
		return true, nil
	}
	mine, err := s.project(ctx, g.ClientID)
	if err != nil {
		return false, err
	}
	for id := range others {
		theirs, err := s.project(ctx, id)
		if err != nil {
			return false, err
		}
		if mine == "" || theirs == "" || mine == theirs {
			return true, nil
		}
	}
	return false, nil
}

// project is the Google Cloud project of a client, "" when the client is not
// known.
func (s *Service) project(ctx context.Context, id crm.ClientID) (string, error) {
	c, err := s.Clients.Client(ctx, id)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) { // not configured any more
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("finding an OAuth client: %w", err)
	}
	return ProjectOf(c.GoogleID), nil
}

// ProjectOf gives the project number that a client id at Google begins with
// ("123456-abc.apps.googleusercontent.com"); an id of another form stands for
// itself.
func ProjectOf(googleID string) string {
	number, _, ok := strings.Cut(googleID, "-")
	if ok && number != "" && strings.Trim(number, "0123456789") == "" {
		return number
	}
	return googleID
}

func (s *Service) revokeAtGoogle(ctx context.Context, g Grant) error {
	token, err := s.Sealer.Open(string(g.ID), fieldRefresh, g.SealedRefresh)
	if err == nil && token.IsZero() {
		token, err = s.Sealer.Open(string(g.ID), fieldAccess, g.SealedAccess)
	}
	if err != nil {
		return fault.New(fault.Internal, "unsealing the token to revoke: %w", err)
	}
	client, err := s.Clients.Client(ctx, g.ClientID)
	if err != nil {
		return fmt.Errorf("finding the grant's OAuth client: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	return s.Provider.Revoke(limited, client, token)
}

package org

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Presented is what a request shows to say who it is from.
type Presented struct {
	Session crm.Secret // value of the session cookie
	Bearer  crm.Secret // bearer token or API key
	Remote  string
}

// KeyPrefix begins every API key.
const KeyPrefix = "rpt_"

// Authenticate says who a request is from, without a workspace yet;
// fault.Unauthenticated when nobody can be told.
func (s *Service) Authenticate(ctx context.Context, p Presented) (access.Caller, error) {
	switch {
	case strings.HasPrefix(p.Bearer.Reveal(), KeyPrefix):
		return s.byKey(ctx, p)
	case !p.Bearer.IsZero():
		id, err := s.byToken(ctx, p.Bearer)
		return access.Caller{Via: access.ViaToken, UserID: id, Remote: p.Remote}, err
	case !p.Session.IsZero():
		return s.bySession(ctx, p)
	}
	return access.Caller{}, fault.New(fault.Unauthenticated, "Sign in first.")
}

// touchEvery is how often being used is written down.
const touchEvery = 5 * time.Minute

func (s *Service) bySession(ctx context.Context, p Presented) (access.Caller, error) {
	now := s.Now()
	row, err := s.Store.SessionByHash(ctx, digest(p.Session.Reveal()), now)
	if fault.Is(err, fault.NotFound) {
		return access.Caller{}, fault.New(fault.Unauthenticated, "Your session has ended. Sign in again.")
	}
	if err != nil {
		return access.Caller{}, wrap("finding the session", err)
	}
	end := row.CreatedAt.Add(sessionMax)
	if !now.Before(row.ExpiresAt) || !now.Before(end) {
		return access.Caller{}, fault.New(fault.Unauthenticated, "Your session has ended. Sign in again.")
	}
	if now.Sub(row.LastSeenAt) >= touchEvery {
		expires := now.Add(s.SessionLife)
		if expires.After(end) {
			expires = end
		}
		if err := s.Store.TouchSession(ctx, row.TokenHash, now, expires); err != nil && !fault.Is(err, fault.NotFound) {
			return access.Caller{}, wrap("keeping the session", err)
		}
	}
	return access.Caller{Via: access.ViaSession, UserID: row.UserID, Session: row.ID(), Remote: p.Remote}, nil
}

// byToken also asks whether its person has signed out everywhere since.
func (s *Service) byToken(ctx context.Context, token crm.Secret) (crm.UserID, error) {
	id, signedOut, err := s.verifyToken(token)
	if err != nil {
		return "", err
	}
	u, err := s.people.get(id, s.Now(), func() (crm.User, error) {
		u, err := s.Store.User(ctx, id)
		return crm.User{ID: u.ID, TokensAfter: u.TokensAfter}, err
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", wrap("finding the person of a token", err)
	}
	if err != nil || !u.TokensAfter.Equal(signedOut) {
		return "", badToken(err)
	}
	return id, nil
}

// byKey needs no database for a key that was used a moment ago.
func (s *Service) byKey(ctx context.Context, p Presented) (access.Caller, error) {
	refused := &fault.Error{Kind: fault.Unauthenticated, Code: "invalid_token", Text: "This API key is not valid, has expired or was revoked."}
	sum, now := sha256.Sum256([]byte(p.Bearer.Reveal())), s.Now()
	row, err := s.keys.get(sum, now, func() (APIKey, error) { return s.Store.KeyByHash(ctx, sum[:]) })
	if fault.Is(err, fault.NotFound) {
		return access.Caller{}, refused
	}
	if err != nil {
		return access.Caller{}, wrap("finding the API key", err)
	}
	if subtle.ConstantTimeCompare(row.Hash, sum[:]) != 1 || row.RevokedAt != nil || row.ExpiresAt != nil && !now.Before(*row.ExpiresAt) {
		return access.Caller{}, refused
	}
	if row.untouched(now) {
		if err := s.touch(ctx, sum, row.ID, now); err != nil {
			return access.Caller{}, err
		}
	}
	return access.Caller{Via: access.ViaKey, UserID: row.UserID, KeyID: row.ID, Workspace: row.WorkspaceID, Scopes: row.Scopes, Remote: p.Remote}, nil
}

func (k APIKey) untouched(now time.Time) bool {
	return k.LastUsedAt == nil || now.Sub(*k.LastUsedAt) >= touchEvery
}

// touch notes the use of a key: one request does, for all that come with it.
func (s *Service) touch(ctx context.Context, sum [32]byte, id crm.KeyID, now time.Time) error {
	first := s.keys.change(sum, func(k APIKey) bool { return k.untouched(now) }, func(k *APIKey) { k.LastUsedAt = &now })
	if !first {
		return nil
	}
	if err := s.Store.TouchKey(ctx, id, now); err != nil && !fault.Is(err, fault.NotFound) {
		return wrap("noting the use of the API key", err)
	}
	return nil
}

// DefaultWorkspace addresses the workspace of an installation that has one.
const DefaultWorkspace crm.WorkspaceID = "default"

// membership is a person in a workspace.
type membership struct {
	workspace crm.WorkspaceID
	user      crm.UserID
}

// Enter gives the caller with their role in a workspace. fault.NotFound for
// unknown workspaces, for those the caller does not belong to, and for any but
// its own when the caller is an API key. A key has the role that its maker has
// now, or had a second ago.
func (s *Service) Enter(ctx context.Context, c access.Caller, w crm.WorkspaceID) (access.Caller, error) {
	if w == DefaultWorkspace {
		if c.Via == access.ViaKey {
			w = c.Workspace
		} else {
			only, err := s.Store.Only(ctx)
			if err != nil {
				return c, noWorkspace(err)
			}
			w = only.ID
		}
	}
	if c.Via == access.ViaKey && w != c.Workspace {
		return c, noWorkspace(nil)
	}
	m, err := s.member(ctx, c, w)
	if err != nil {
		return c, noWorkspace(err)
	}
	c.Workspace, c.Role = w, m.Role
	return c, nil
}

func (s *Service) member(ctx context.Context, c access.Caller, w crm.WorkspaceID) (crm.Member, error) {
	read := func() (crm.Member, error) { return s.Store.Member(ctx, w, c.UserID) }
	if c.Via != access.ViaKey {
		return read()
	}
	return s.members.get(membership{w, c.UserID}, s.Now(), read)
}

func noWorkspace(err error) error {
	if err != nil && !fault.Is(err, fault.NotFound) {
		return wrap("entering the workspace", err)
	}
	return &fault.Error{Kind: fault.NotFound, Text: "There is no such workspace.", Err: err}
}

// EnterHome is Enter where a request names no workspace, or may: a key enters
// its own, a person the one asked for or, with "", the only one they have;
// fault.Invalid when they have several: others may have given them the second.
func (s *Service) EnterHome(ctx context.Context, c access.Caller, w crm.WorkspaceID) (access.Caller, error) {
	switch {
	case w != "":
	case c.Via == access.ViaKey:
		w = c.Workspace
	default:
		list, err := s.Store.WorkspacesOf(ctx, c.UserID)
		if err != nil {
			return c, wrap("listing workspaces", err)
		}
		if len(list) == 0 {
			return c, noWorkspace(nil)
		}
		if len(list) > 1 {
			return c, &fault.Error{Kind: fault.Invalid, Code: "workspace_needed", Text: "You belong to several workspaces: say which one is meant (workspace_id).",
				Fields: map[string]string{"workspace_id": "must be given: you belong to several workspaces"}}
		}
		c.Workspace, c.Role = list[0].Workspace.ID, list[0].Role
		return c, nil
	}
	return s.Enter(ctx, c, w)
}

// KeyCaller authenticates an API key and enters its workspace: what a request
// outside the workspaces' paths needs. A key whose maker has left the workspace
// is refused as if it were revoked.
func (s *Service) KeyCaller(ctx context.Context, p Presented) (access.Caller, error) {
	c, err := s.byKey(ctx, p)
	if err != nil {
		return access.Caller{}, err
	}
	c, err = s.Enter(ctx, c, c.Workspace)
	if fault.Is(err, fault.NotFound) {
		return access.Caller{}, &fault.Error{Kind: fault.Unauthenticated, Code: "invalid_token", Text: "This API key is not valid any more: its maker has left the workspace."}
	}
	return c, err
}

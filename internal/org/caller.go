package org

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
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
		return s.byKey(ctx, p.Bearer)
	case !p.Bearer.IsZero():
		id, err := s.verifyToken(p.Bearer)
		return access.Caller{Via: access.ViaToken, UserID: id}, err
	case !p.Session.IsZero():
		return s.bySession(ctx, p.Session)
	}
	return access.Caller{}, fault.New(fault.Unauthenticated, "Sign in first.")
}

// touchEvery is how often being used is written down.
const touchEvery = 5 * time.Minute

func (s *Service) bySession(ctx context.Context, token crm.Secret) (access.Caller, error) {
	now := s.Now()
	row, err := s.Sessions.SessionByHash(ctx, digest(token.Reveal()), now)
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
		if err := s.Sessions.TouchSession(ctx, row.TokenHash, now, expires); err != nil && !fault.Is(err, fault.NotFound) {
			return access.Caller{}, wrap("keeping the session", err)
		}
	}
	return access.Caller{Via: access.ViaSession, UserID: row.UserID}, nil
}

func (s *Service) byKey(ctx context.Context, key crm.Secret) (access.Caller, error) {
	refused := &fault.Error{Kind: fault.Unauthenticated, Code: "invalid_token", Text: "This API key is not valid, has expired or was revoked."}
	sum := sha256.Sum256([]byte(key.Reveal()))
	row, err := s.Keys.KeyByHash(ctx, sum[:])
	if fault.Is(err, fault.NotFound) {
		return access.Caller{}, refused
	}
	if err != nil {
		return access.Caller{}, wrap("finding the API key", err)
	}
	now := s.Now()
	if subtle.ConstantTimeCompare(row.Hash, sum[:]) != 1 || row.RevokedAt != nil || row.ExpiresAt != nil && !now.Before(*row.ExpiresAt) {
		return access.Caller{}, refused
	}
	if row.LastUsedAt == nil || now.Sub(*row.LastUsedAt) >= touchEvery {
		if err := s.Keys.TouchKey(ctx, row.ID, now); err != nil && !fault.Is(err, fault.NotFound) {
			return access.Caller{}, wrap("noting the use of the API key", err)
		}
	}
	return access.Caller{Via: access.ViaKey, UserID: row.UserID, KeyID: row.ID, Workspace: row.WorkspaceID, Scopes: row.Scopes}, nil
}

// DefaultWorkspace addresses the workspace of an installation that has one.
const DefaultWorkspace crm.WorkspaceID = "default"

// Enter gives the caller with their role in a workspace. fault.NotFound for
// unknown workspaces, for those the caller does not belong to, and for any but
// its own of an API key.
func (s *Service) Enter(ctx context.Context, c access.Caller, w crm.WorkspaceID) (access.Caller, error) {
	if w == DefaultWorkspace {
		if c.Via == access.ViaKey {
			w = c.Workspace
		} else {
			only, err := s.Workspaces.Only(ctx)
			if err != nil {
				return c, noWorkspace(err)
			}
			w = only.ID
		}
	}
	if c.Via == access.ViaKey && w != c.Workspace {
		return c, noWorkspace(nil)
	}
	m, err := s.Workspaces.Member(ctx, w, c.UserID)
	if err != nil {
		return c, noWorkspace(err)
	}
	c.Workspace, c.Role = w, m.Role
	return c, nil
}

func noWorkspace(err error) error {
	if err != nil && !fault.Is(err, fault.NotFound) {
		return wrap("entering the workspace", err)
	}
	return &fault.Error{Kind: fault.NotFound, Text: "There is no such workspace.", Err: err}
}

// scopes an API key can carry; a scope with a colon at its end takes any ending.
var scopes = []string{"*", "admin", "mail:read", "mail:send", "mail:*", "calendar:read", "calendar:write", "calendar:*", "contacts:write", "contacts:*", "records:*", "tokens:vend:"}

func validScope(scope string) bool {
	return slices.ContainsFunc(scopes, func(known string) bool {
		if strings.HasSuffix(known, ":") {
			return strings.HasPrefix(scope, known) && len(scope) > len(known)
		}
		return scope == known
	})
}

// KeyWish asks for an API key.
type KeyWish struct {
	Name      string
	Scopes    []string
	ExpiresAt *time.Time
	// Idempotency makes asking twice give the same key: the key then follows from
	// it, the caller and our secret, instead of chance.
	Idempotency string
}

// CreateAPIKey makes a key that acts for the caller in their workspace. The
// secret is given this once. A key cannot make one that may do more than itself.
func (s *Service) CreateAPIKey(ctx context.Context, c access.Caller, wish KeyWish) (APIKey, crm.Secret, error) {
	if err := s.checkKey(c, wish); err != nil {
		return APIKey{}, crm.Secret{}, err
	}
	token, err := s.keyText(c, wish.Idempotency)
	if err != nil {
		return APIKey{}, crm.Secret{}, err
	}
	sum := sha256.Sum256([]byte(token))
	k := APIKey{
		WorkspaceID: c.Workspace, UserID: c.UserID, Name: strings.TrimSpace(wish.Name), Prefix: token[:len(KeyPrefix)+6], Hash: sum[:],
		Scopes: wish.Scopes, ExpiresAt: wish.ExpiresAt, CreatedAt: s.Now(),
	}
	if k.ID, err = newID[crm.KeyID](s); err != nil {
		return APIKey{}, crm.Secret{}, err
	}
	err = s.Keys.PutKey(ctx, k)
	if fault.Is(err, fault.Conflict) && wish.Idempotency != "" {
		known, err := s.knownKey(ctx, sum[:], k)
		return known, crm.NewSecret(token), err
	}
	if err != nil {
		return APIKey{}, crm.Secret{}, wrap("storing the API key", err)
	}
	row := access.Audit{Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via, Action: "api_key.create", Target: string(k.ID), Outcome: "ok", Detail: strings.Join(wish.Scopes, " "), Remote: c.Remote}
	return k, crm.NewSecret(token), s.audit(ctx, row)
}

func (s *Service) checkKey(c access.Caller, wish KeyWish) error {
	unknown := func(x string) bool { return !validScope(x) }
	beyond := func(x string) bool { return !slices.Contains(c.Scopes, x) }
	switch {
	case strings.TrimSpace(wish.Name) == "":
		return invalid("name", "must not be empty")
	case len(wish.Scopes) == 0:
		return invalid("scopes", "must not be empty")
	case slices.ContainsFunc(wish.Scopes, unknown):
		return invalid("scopes", "must be among "+strings.Join(scopes, ", ")+"<service>")
	case c.Via == access.ViaKey && !slices.Contains(c.Scopes, "*") && slices.ContainsFunc(wish.Scopes, beyond):
		return fault.New(fault.Forbidden, "An API key cannot make a key that may do more than itself.")
	case wish.ExpiresAt != nil && !wish.ExpiresAt.After(s.Now()):
		return invalid("expires_at", "must lie in the future")
	}
	return nil
}

// keyText is 256 bits of chance, or of what follows from an idempotency key.
func (s *Service) keyText(c access.Caller, idempotency string) (string, error) {
	if idempotency == "" {
		token, err := s.newToken()
		return KeyPrefix + token, err
	}
	info := strings.Join([]string{"api key", string(c.Workspace), string(c.UserID), idempotency}, "\x00")
	bits, err := hkdf.Key(sha256.New, s.SigningKeys[0], nil, info, 32)
	return KeyPrefix + base64.RawURLEncoding.EncodeToString(bits), wrap("deriving the API key", err)
}

// knownKey is the key an earlier call with the same idempotency key made.
func (s *Service) knownKey(ctx context.Context, hash []byte, want APIKey) (APIKey, error) {
	known, err := s.Keys.KeyByHash(ctx, hash)
	if err != nil {
		return APIKey{}, wrap("finding the API key made before", err)
	}
	if known.RevokedAt != nil || known.Name != want.Name || !slices.Equal(known.Scopes, want.Scopes) {
		return APIKey{}, &fault.Error{Kind: fault.Conflict, Code: "idempotency_mismatch", Text: "This Idempotency-Key was used for another key, or for one that is revoked now."}
	}
	return known, nil
}

// APIKeys lists the keys of the workspace the caller has entered.
func (s *Service) APIKeys(ctx context.Context, c access.Caller) ([]APIKey, error) {
	k, err := s.Keys.KeysOf(ctx, c.Workspace)
	return k, wrap("listing API keys", err)
}

// RevokeAPIKey ends a key of the workspace the caller has entered.
func (s *Service) RevokeAPIKey(ctx context.Context, c access.Caller, id crm.KeyID) error {
	if err := s.Keys.RevokeKey(ctx, c.Workspace, id, s.Now()); err != nil {
		return wrap("revoking the API key", err)
	}
	return s.audit(ctx, access.Audit{Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via, Action: "api_key.revoke", Target: string(id), Outcome: "ok", Remote: c.Remote})
}

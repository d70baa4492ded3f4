package org

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// APIKey is a key of a member in a workspace. The key itself is shown once and
// kept as a SHA-256.
type APIKey struct {
	ID          crm.KeyID
	WorkspaceID crm.WorkspaceID
	UserID      crm.UserID
	Name        string
	Prefix      string
	Hash        []byte
	Scopes      []string
	ExpiresAt   *time.Time
	RevokedAt   *time.Time
	LastUsedAt  *time.Time
	CreatedAt   time.Time
}

// scopes an API key can carry; a scope with a colon at its end takes any ending.
var scopes = []string{"*", "admin", "mail:read", "mail:send", "mail:write", "mail:*", "calendar:read", "calendar:write", "calendar:*", "contacts:write", "contacts:*", "records:read", "records:write", "records:*", "tokens:vend:"}

func validScope(scope string) bool {
	return slices.ContainsFunc(scopes, func(known string) bool {
		if ending, ok := strings.CutPrefix(scope, known); ok && strings.HasSuffix(known, ":") {
			return ending == "*" || validService(ending)
		}
		return scope == known
	})
}

// validService takes names of services, the operator's own ones too.
func validService(name string) bool {
	return name != "" && len(name) <= 64 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-.") == ""
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
	if err := access.Allow(c, access.WorkspaceManage); err != nil {
		return APIKey{}, crm.Secret{}, err
	}
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
	err = s.Store.PutKey(ctx, k, s.act(c, "api_key.create", string(k.ID), "scopes "+strings.Join(wish.Scopes, " ")))
	if fault.Is(err, fault.Conflict) && wish.Idempotency != "" {
		known, err := s.knownKey(ctx, sum[:], k)
		return known, crm.NewSecret(token), err
	}
	return k, crm.NewSecret(token), wrap("storing the API key", err)
}

func (s *Service) checkKey(c access.Caller, wish KeyWish) error {
	unknown := func(x string) bool { return !validScope(x) }
	beyond := func(x string) bool { return !access.Holds(c.Scopes, x) }
	switch {
	case strings.TrimSpace(wish.Name) == "":
		return invalid("name", "must not be empty")
	case len(wish.Name) > maxName:
		return invalid("name", fmt.Sprintf("must have at most %d bytes", maxName))
	case len(wish.Scopes) == 0:
		return invalid("scopes", "must not be empty")
	case len(wish.Scopes) > 50:
		return invalid("scopes", "must be at most 50")
	case slices.ContainsFunc(wish.Scopes, unknown):
		return invalid("scopes", "must be among "+strings.Join(scopes, ", ")+"<service> (tokens:vend:gmail, tokens:vend:*)")
	case c.Via == access.ViaKey && slices.ContainsFunc(wish.Scopes, beyond):
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
	known, err := s.Store.KeyByHash(ctx, hash)
	if err != nil {
		return APIKey{}, wrap("finding the API key made before", err)
	}
	if known.RevokedAt != nil || known.Name != want.Name || !slices.Equal(known.Scopes, want.Scopes) || !sameEnd(known.ExpiresAt, want.ExpiresAt) {
		return APIKey{}, &fault.Error{Kind: fault.Conflict, Code: "idempotency_mismatch", Text: "This Idempotency-Key was used for another key, or for one that is revoked now."}
	}
	return known, nil
}

// sameEnd compares ends as they are stored, to the microsecond.
func sameEnd(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.UnixMicro() == b.UnixMicro()
}

// KeyState is whether a key opens anything.
type KeyState string

// States of a key.
const (
	KeysActive KeyState = "active"
	KeysEnded  KeyState = "ended" // revoked or expired
)

// KeyQuery chooses keys; no state is all.
type KeyQuery struct {
	State KeyState
	At    time.Time // when the state is looked at
	Page
}

// APIKeys gives a page of the keys of the workspace the caller has entered, the
// oldest first.
func (s *Service) APIKeys(ctx context.Context, c access.Caller, state KeyState, page Page) ([]APIKey, string, error) {
	if err := access.Allow(c, access.WorkspaceManage); err != nil {
		return nil, "", err
	}
	list, next, err := s.Store.KeysOf(ctx, c.Workspace, KeyQuery{State: state, At: s.Now(), Page: page})
	return list, next, wrap("listing API keys", err)
}

// RevokeAPIKey ends a key of the workspace the caller has entered: in this
// process at once, in others within a second.
func (s *Service) RevokeAPIKey(ctx context.Context, c access.Caller, id crm.KeyID) error {
	if err := access.Allow(c, access.WorkspaceManage); err != nil {
		return err
	}
	err := s.Store.RevokeKey(ctx, c.Workspace, id, s.Now(), s.act(c, "api_key.revoke", string(id), ""))
	s.keys.forget(func(_ [32]byte, k APIKey) bool { return k.ID == id })
	return wrap("revoking the API key", err)
}

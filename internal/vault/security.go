package vault

import (
	"context"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Kinds of security events (developers.google.com/identity/protocols/risc,
// supported event types).
const (
	EventSessionsRevoked  = "sessions-revoked"
	EventTokensRevoked    = "tokens-revoked"
	EventTokenRevoked     = "token-revoked"
	EventAccountDisabled  = "account-disabled"
	EventAccountEnabled   = "account-enabled"
	EventCredentialChange = "credential-change-required"
	EventVerification     = "verification"
)

// SecurityEvent is what Google tells about an account (Cross-Account
// Protection), verified.
type SecurityEvent struct {
	JTI  string // Google's id of the event
	Kind string
	Sub  string // the account
	// Reason is Google's, "hijacking" or "bulk-account" of account-disabled.
	Reason string
	// TokenHash is token-revoked's identifier of the refresh token: its first 16
	// characters or more, or the base64 of its SHA-512 taken twice.
	TokenHash string
	ClientIDs []string // at Google, whom it is for; empty: all of ours
	At        time.Time
}

// SecurityOutcome says what followed.
type SecurityOutcome struct {
	// Users are who was signed out everywhere, since the account is theirs to sign
	// in with. Whoever remembers sessions has to forget them.
	Users  []crm.UserID
	Grants int // grants that are not trusted any more
}

// ReceiveSecurityEvent acts on a verified event, each one once: a repetition
// changes nothing and has an empty outcome. Where Google says that access has
// ended, grants of the account become dead, their secrets are dropped and their
// connections need a new consent; what was synced stays. All of it is one
// transaction: an event that was taken is never half done.
func (s *Service) ReceiveSecurityEvent(ctx context.Context, e SecurityEvent) (SecurityOutcome, error) {
	if e.JTI == "" || len(e.JTI) > 255 {
		return SecurityOutcome{}, fault.New(fault.Invalid, "The event has no id.")
	}
	var grants []Grant
	var out SecurityOutcome
	var err error
	switch e.Kind {
	case EventTokensRevoked, EventAccountDisabled:
		if grants, err = s.grantsOf(ctx, e); err != nil {
			return SecurityOutcome{}, err
		}
	case EventTokenRevoked:
		if grants, err = s.grantsByToken(ctx, e); err != nil {
			return SecurityOutcome{}, err
		}
	}
	if slices.Contains([]string{EventSessionsRevoked, EventTokensRevoked, EventAccountDisabled}, e.Kind) && e.Sub != "" {
		if out.Users, err = s.Upkeep.AccountUsers(ctx, e.Sub); err != nil {
			return SecurityOutcome{}, fmt.Errorf("looking for the account's user: %w", err)
		}
	}
	ids := make([]crm.GrantID, len(grants))
	for i, g := range grants {
		ids[i] = g.ID
	}
	first, err := s.Upkeep.Distrust(ctx, e, ids, out.Users, distrustReason(e), s.now())
	if err != nil {
		return SecurityOutcome{}, fmt.Errorf("acting on a security event: %w", err)
	}
	if !first {
		return SecurityOutcome{}, nil
	}
	for _, g := range grants {
		s.changed(g)
		s.auditGrant(ctx, g, "security."+word(strings.ReplaceAll(e.Kind, "-", "_")), "ok", eventReason(e))
	}
	if len(grants) == 0 {
		s.audit(ctx, access.Audit{Via: access.ViaSystem, Action: "security." + word(strings.ReplaceAll(e.Kind, "-", "_")), Outcome: "ok", Detail: eventReason(e)})
	}
	out.Grants = len(grants)
	return out, nil
}

func eventReason(e SecurityEvent) string {
	if e.Reason == "" {
		return ""
	}
	return word(strings.ReplaceAll(e.Reason, "-", "_"))
}

func distrustReason(e SecurityEvent) string {
	if e.Kind == EventAccountDisabled {
		return "Google has disabled this account. Once it is enabled again, connect it again."
	}
	return "Google reports that the access to this account was withdrawn. Connect again."
}

// grantsOf gives the living grants of the event's account that belong to the
// projects it is for.
func (s *Service) grantsOf(ctx context.Context, e SecurityEvent) ([]Grant, error) {
	if e.Sub == "" {
		return nil, nil
	}
	list, err := s.Upkeep.AccountGrants(ctx, e.Sub)
	if err != nil {
		return nil, fmt.Errorf("looking for the account's grants: %w", err)
	}
	return s.addressed(ctx, e, list)
}

func (s *Service) addressed(ctx context.Context, e SecurityEvent, list []Grant) ([]Grant, error) {
	if len(e.ClientIDs) == 0 {
		return list, nil
	}
	projects := make([]string, len(e.ClientIDs))
	for i, id := range e.ClientIDs {
		projects[i] = ProjectOf(id)
	}
	var out []Grant
	for _, g := range list {
		project, err := s.project(ctx, g.ClientID)
		if err != nil {
			return nil, err
		}
		if project == "" || slices.Contains(projects, project) {
			out = append(out, g)
		}
	}
	return out, nil
}

// grantsByToken finds the grant whose refresh token an event identifies. Without
// an identifier it is about the whole account.
func (s *Service) grantsByToken(ctx context.Context, e SecurityEvent) ([]Grant, error) {
	if e.TokenHash == "" {
		return s.grantsOf(ctx, e)
	}
	if e.Sub != "" {
		list, err := s.Upkeep.AccountGrants(ctx, e.Sub)
		if err != nil {
			return nil, fmt.Errorf("looking for the account's grants: %w", err)
		}
		return s.identified(list, e.TokenHash), nil
	}
	var out []Grant
	after := crm.GrantID("")
	for {
		page, err := s.Grants.ResealPage(ctx, after, rotatePage)
		if err != nil {
			return nil, fmt.Errorf("reading grants: %w", err)
		}
		if len(page) == 0 {
			return out, nil
		}
		after = page[len(page)-1].ID
		out = append(out, s.identified(page, e.TokenHash)...)
	}
}

func (s *Service) identified(list []Grant, identifier string) []Grant {
	return slices.DeleteFunc(list, func(g Grant) bool {
		refresh, err := s.Sealer.Open(string(g.ID), fieldRefresh, g.SealedRefresh)
		return err != nil || refresh.IsZero() || !identifies(identifier, refresh)
	})
}

// identifies compares with both ways that Google's page names: a prefix, and
// hash_base64_sha512_sha512.
func identifies(identifier string, refresh crm.Secret) bool {
	token := refresh.Reveal()
	if len(identifier) >= 16 && len(identifier) < len(token) && subtle.ConstantTimeCompare([]byte(token[:len(identifier)]), []byte(identifier)) == 1 {
		return true
	}
	once := sha512.Sum512([]byte(token))
	twice := sha512.Sum512(once[:])
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(identifier, "="))
	return subtle.ConstantTimeCompare([]byte(base64.RawStdEncoding.EncodeToString(twice[:])), []byte(plain)) == 1
}

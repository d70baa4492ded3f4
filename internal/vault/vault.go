package vault

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"rapport/internal/access"
	"rapport/internal/crm"
)

// Defaults of a Service.
const (
	DefaultAhead    = 5 * time.Minute
	DefaultPatience = 2 * time.Second

	consentLife    = 10 * time.Minute // Google's code lives about as long
	refreshTimeout = 20 * time.Second
	leaseLife      = 30 * time.Second // longer than a refresh may take, so that there are never two
	nearlyOver     = 30 * time.Second // a token this close to its end is not handed out
)

// Service is the vault. All fields but those marked optional are needed.
type Service struct {
	Provider    Provider
	Clients     Clients
	Consents    Consents
	Grants      Grants
	Connections Connections
	Approvals   Approvals
	TokenGrants TokenGrants
	Leases      Leases
	People      People
	Upkeep      Upkeep
	Trail       access.Trail // a vend waits for its row: one that commits rows of several callers at once makes it fast
	Sealer      *Sealer

	PublicURL      string                   // our address as browsers know it, for signed links
	LinkKeys       [][]byte                 // sign authorize links: the first signs, all verify
	AllowedOrigins []string                 // where an authorize link may lead back to, besides ourselves
	Extra          map[crm.Service][]string // services of the operator, with their scopes
	// Open lets anybody who reaches us authorize and vend for any subject of the
	// caller's workspace (BROKER_OPEN).
	Open bool

	Now      func() time.Time // optional: time.Now
	Random   io.Reader        // optional: crypto/rand
	Ahead    time.Duration    // optional: refresh this long before expiry, DefaultAhead
	Patience time.Duration    // optional: how long a holder of a valid token waits for a fresher one, DefaultPatience
	Log      *slog.Logger     // optional
	// After calls do, in a goroutine of its own, when d has passed; nil:
	// time.AfterFunc. For looks at a lease that another worker holds.
	After func(d time.Duration, do func())
	// Stop ends watches and channels of a connection before its grant is
	// revoked; afterwards Google would not let us. Optional.
	Stop func(ctx context.Context, c crm.Connection) error

	flights singleflight.Group // one refresh per grant in this process
	mu      sync.Mutex
	renewed map[crm.GrantID]renewal // what the last refused token was replaced by
	shelf   shelf                   // what was handed out just now
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC()
	}
	return s.Now().UTC()
}

func (s *Service) random() io.Reader {
	if s.Random == nil {
		return rand.Reader
	}
	return s.Random
}

func (s *Service) ahead() time.Duration {
	if s.Ahead <= 0 {
		return DefaultAhead
	}
	return s.Ahead
}

func (s *Service) patience() time.Duration {
	if s.Patience <= 0 {
		return DefaultPatience
	}
	return s.Patience
}

func (s *Service) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// token makes n random bytes as base64url text.
func (s *Service) token(n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.random(), b); err != nil {
		return "", fmt.Errorf("reading randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

func hashOf(state string) string {
	h := sha256.Sum256([]byte(state))
	return hex.EncodeToString(h[:])
}

// audit writes a row; failing to is logged, because the act itself is done.
func (s *Service) audit(ctx context.Context, row access.Audit) {
	row.At = s.now()
	if err := s.Trail.Record(ctx, row); err != nil {
		s.log().Error("writing the audit trail", "action", row.Action, "target", row.Target, "err", err)
	}
}

// auditGrant writes a row about a grant. The subject of a service grant is any
// text, an address perhaps, and no user of ours: the row says the service.
func (s *Service) auditGrant(ctx context.Context, g Grant, action, outcome, detail string) {
	row := access.Audit{
		Workspace: g.WorkspaceID, UserID: g.UserID, Via: access.ViaSystem,
		Action: action, Target: string(g.ID), Outcome: outcome, Detail: detail,
	}
	if g.Service != "" {
		row.UserID, row.Detail = "", strings.TrimSuffix(string(g.Service)+": "+detail, ": ")
	}
	s.audit(ctx, row)
}

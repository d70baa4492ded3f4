package vault

import (
	"context"
	"time"

	"rapport/internal/crm"
)

// Client is an OAuth client registered with Google.
type Client struct {
	ID          crm.ClientID // ours: "env" for the one from the environment
	GoogleID    string       // client_id at Google
	Secret      crm.Secret
	RedirectURI string
}

// Grant is the tokens that Google gave for one Google account and one OAuth
// client (table oauth_grants). Sealed values are Fernet texts.
type Grant struct {
	ID            crm.GrantID
	WorkspaceID   crm.WorkspaceID
	UserID        crm.UserID
	GoogleSub     string
	GoogleEmail   string
	ClientID      crm.ClientID
	SealedAccess  string
	SealedRefresh string
	Expiry        time.Time
	Scopes        []string
	Status        GrantStatus
	Failures      int       // refreshes failed in a row
	RetryAt       time.Time // cool-down after failures
	LastUsedAt    time.Time
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// GrantStatus of a grant. Only a definite answer of Google makes it dead.
type GrantStatus string

const (
	GrantActive  GrantStatus = "active"
	GrantDead    GrantStatus = "dead"
	GrantSealed  GrantStatus = "decryption_failed"
	GrantRevoked GrantStatus = "revoked"
)

// Consent is a consent under way: what the callback has to match. It is stored
// under the SHA-256 of its state and taken once.
type Consent struct {
	StateHash    string
	WorkspaceID  crm.WorkspaceID
	UserID       crm.UserID
	ConnectionID crm.ConnectionID // reconnect, or ""
	ExpectedSub  string           // reconnect: must come back as this account
	Services     []crm.Service
	Scopes       []string
	Verifier     crm.Secret // PKCE
	Nonce        string
	ClientID     crm.ClientID
	RedirectURI  string
	ReturnTo     string // path of our own UI
	Purpose      string // "connect", "sign_in"
	ExpiresAt    time.Time
}

// Tokens is an answer of the token endpoint.
type Tokens struct {
	Access           crm.Secret
	Refresh          crm.Secret // zero: keep the old one
	Expiry           time.Time
	Scopes           []string
	IDToken          crm.Secret
	RefreshExpiresIn time.Duration // > 0 only for time-based grants (apps in Testing)
}

// Identity is a verified id token.
type Identity struct {
	Sub, Email, Name, HostedDomain string
	EmailVerified                  bool
}

// ConsentRequest is what goes into an authorization address.
type ConsentRequest struct {
	Scopes         []string
	State, Nonce   string
	Challenge      string // PKCE S256 of the verifier
	RedirectURI    string
	LoginHint      string
	Prompt         string // "consent", "select_account", ""
	Offline        bool
	IncludeGranted bool
}

// Provider is Google's OAuth and OpenID endpoints.
type Provider interface {
	AuthURL(c Client, r ConsentRequest) string
	// Issued reports whether a callback's "iss" (RFC 9207) is this provider's.
	Issued(iss string) bool
	// Exchange redeems a code. fault.Invalid for a used or garbled code,
	// fault.Unavailable when Google cannot be reached.
	Exchange(ctx context.Context, c Client, code string, verifier crm.Secret, redirect string) (Tokens, error)
	// Verify checks an id token: signature, iss, aud, exp, nonce.
	Verify(ctx context.Context, c Client, idToken crm.Secret, nonce string) (Identity, error)
	// Refresh gives a new access token. fault.Reconnect only for a definite
	// answer that the grant is dead; everything else is Unavailable or Throttled.
	Refresh(ctx context.Context, c Client, refresh crm.Secret) (Tokens, error)
	// Revoke ends the whole grant of the account with the project. A token that
	// is dead already counts as revoked.
	Revoke(ctx context.Context, c Client, token crm.Secret) error
}

// Clients finds OAuth clients.
type Clients interface {
	Client(ctx context.Context, id crm.ClientID) (Client, error)
	Default(ctx context.Context, w crm.WorkspaceID) (Client, error)
}

// Consents keeps consents under way.
type Consents interface {
	PutConsent(ctx context.Context, c Consent) error
	// TakeConsent removes and returns it; fault.NotFound when unknown, taken or expired.
	TakeConsent(ctx context.Context, stateHash string, now time.Time) (Consent, error)
}

// Grants keeps grants.
type Grants interface {
	Grant(ctx context.Context, id crm.GrantID) (Grant, error)
	// FindGrant is the grant of an account and client in a workspace and user, fault.NotFound if none.
	FindGrant(ctx context.Context, w crm.WorkspaceID, u crm.UserID, sub string, c crm.ClientID) (Grant, error)
	SaveGrant(ctx context.Context, g Grant) error
	// LeaseGrant gives holder the sole right to refresh until the time given,
	// unless another holder's lease still lives. It returns the grant as it is
	// now, re-read under the lease.
	LeaseGrant(ctx context.Context, id crm.GrantID, holder string, now, until time.Time) (g Grant, mine bool, err error)
	// SaveRefreshed stores g and ends holder's lease; fault.Conflict when the lease
	// is lost. It saves the outcome of a refresh, good or bad.
	SaveRefreshed(ctx context.Context, g Grant, holder string) error
	// OtherUses counts grants and connections of the same Google account and client besides this grant.
	OtherUses(ctx context.Context, g Grant) (int, error)
	// ResealPage gives up to n grants after the id, in id order; Reseal swaps sealed
	// values only if the old ones still stand there.
	ResealPage(ctx context.Context, after crm.GrantID, n int) ([]Grant, error)
	Reseal(ctx context.Context, old, new Grant) (bool, error)
}

// Connections is what the vault has to know and say about connections. Each
// method that writes does so in one transaction with its facts.
type Connections interface {
	Connection(ctx context.Context, w crm.WorkspaceID, id crm.ConnectionID) (crm.Connection, error)
	// FindConnection is the connection of a Google account made by a user in a
	// workspace, fault.NotFound if none. sub "" finds the one that waits for an
	// administrator before its account is known.
	FindConnection(ctx context.Context, w crm.WorkspaceID, u crm.UserID, sub string) (crm.Connection, error)
	// Granted stores the connection (new or reconnected) with its grant, ends any
	// refresh lease of the grant, and writes the fact connection.granted.
	// fault.Conflict when another connection of the account appeared meanwhile.
	Granted(ctx context.Context, c crm.Connection, g Grant) error
	// Waiting stores the connection as it is, without touching grants, with the
	// fact connection.changed: it waits for an administrator.
	Waiting(ctx context.Context, c crm.Connection) error
	// Lost marks every connection of the grant needs_reauth with the reason and
	// the fact connection.needs_reauth. It leaves alone what is needs_reauth or
	// disconnected already, and does nothing when the grant is active (by then
	// somebody has reconnected).
	Lost(ctx context.Context, g crm.GrantID, reason string, at time.Time) error
	// Recovered clears needs_reauth of the grant's connections (fact connection.changed).
	Recovered(ctx context.Context, g crm.GrantID, at time.Time) error
	// Dropped stores the connection (disconnected) and the grant (revoked, its
	// sealed values empty), ends any lease, and writes the fact connection.changed.
	Dropped(ctx context.Context, c crm.Connection, g Grant) error
}

// Approvals tells what an organisation has decided (the org room knows).
type Approvals interface {
	Approval(ctx context.Context, w crm.WorkspaceID) (crm.Approval, error)
}

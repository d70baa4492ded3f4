package vault

import (
	"context"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
)

// Client is an OAuth client registered with Google.
type Client struct {
	ID          crm.ClientID // ours: "env" for the one from the environment
	GoogleID    string       // client_id at Google
	Secret      crm.Secret
	RedirectURI string
}

// Grant is the tokens that Google gave for one Google account and one OAuth
// client (table oauth_grants). Sealed values are Fernet texts. A grant with a
// Service is one of the token service: UserID is then the subject, any text a
// plugin chose for its user, and there is one per workspace, subject and service.
type Grant struct {
	ID            crm.GrantID
	WorkspaceID   crm.WorkspaceID
	UserID        crm.UserID
	Service       crm.Service // "": a connection's
	GoogleSub     string
	GoogleEmail   string
	HostedDomain  *string // the account's organisation (hd), "" for none; nil: not known, from before it was kept
	ClientID      crm.ClientID
	SealedAccess  string
	SealedRefresh string
	Expiry        time.Time
	Scopes        []string
	Status        GrantStatus
	Failures      int       // refreshes failed in a row
	RetryAt       time.Time // cool-down after failures
	LastUsedAt    time.Time // last refresh or consent: what Google's six-month rule counts from
	// ConsentedAt is when the refresh token was given, RefreshExpiresAt when it
	// ends by itself (zero unless Google said so).
	ConsentedAt      time.Time
	RefreshExpiresAt time.Time
	// DiedAt is when Google last ended this grant, Lived how long after its
	// consent that was. Both outlast a reconnect: they tell apps in testing.
	DiedAt    time.Time
	Lived     time.Duration
	CreatedAt time.Time
	UpdatedAt time.Time
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
	ReturnTo     string     // path of our own UI; for PurposeToken an allowed origin's address too
	Purpose      string     // "connect", "link", "sign_in", "token"
	Subject      string     // PurposeToken: whose token it becomes
	LinkID       crm.LinkID // the connect link it came by, used up when it completes
	Maker        string     // of the signed link it came by; "" for none
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

// Verifier checks Google's security event tokens (Cross-Account Protection).
type Verifier interface {
	// VerifySecurityEvent checks signature, issuer and audience (one of the
	// clients) of a token; fault.Invalid when it is not Google's or not for us.
	VerifySecurityEvent(ctx context.Context, clients []Client, token crm.Secret) (SecurityEvent, error)
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
	// OtherUses counts the living grants (active or decryption_failed) of the same
	// Google account besides this one, in every workspace, by their OAuth client.
	OtherUses(ctx context.Context, g Grant) (map[crm.ClientID]int, error)
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
	// refresh lease of the grant, and writes the facts connection.granted and
	// grant.changed. fault.Conflict when another connection of the account appeared
	// meanwhile.
	Granted(ctx context.Context, c crm.Connection, g Grant) error
	// GrantedByLink is Granted and uses up the owner's connect link; fault.Conflict
	// with Code link_used, and nothing stored, when it was used or taken back.
	GrantedByLink(ctx context.Context, c crm.Connection, g Grant, link crm.LinkID) error
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
	// Rescoped notes what Google grants now, and moves active and degraded
	// connections of the grant by Standing (fact connection.changed where anything
	// changed).
	Rescoped(ctx context.Context, g crm.GrantID, scopes []string, at time.Time) error
	// Dropped stores the connection (disconnected) and the grant (revoked, its
	// sealed values empty), ends any lease, and writes the fact connection.changed.
	Dropped(ctx context.Context, c crm.Connection, g Grant) error
}

// TokenGrants keeps the grants of the token service. Its writes tell the fact
// grant.changed in their transaction.
type TokenGrants interface {
	// ServiceGrant is the grant of a subject for a service, whatever its status;
	// fault.NotFound if none.
	ServiceGrant(ctx context.Context, w crm.WorkspaceID, subject string, service crm.Service) (Grant, error)
	// ServiceGrants lists a subject's, by service.
	ServiceGrants(ctx context.Context, w crm.WorkspaceID, subject string) ([]Grant, error)
	// ServiceGrantsOf lists a workspace's, the newest first.
	ServiceGrantsOf(ctx context.Context, w crm.WorkspaceID, cursor string, limit int) ([]Grant, string, error)
	// OwnGrants lists the grants of a member's own connections that are not
	// disconnected, the oldest connection first.
	OwnGrants(ctx context.Context, w crm.WorkspaceID, u crm.UserID) ([]Grant, error)
	// EndGrant drops a grant's secrets, gives it the status and ends any refresh
	// lease, if it is still the one of the same consent (ConsentedAt). false: it was
	// consented anew meanwhile, and nothing is changed.
	EndGrant(ctx context.Context, g Grant, status GrantStatus, at time.Time) (bool, error)
	// GrantFacts gives the facts grant.changed and approval.decided behind a
	// position, in order, and the position to ask from next. Before the first
	// position (-1) it gives only where the facts end now.
	GrantFacts(ctx context.Context, after int64) (facts []fact.Fact, position int64, err error)
}

// People tells who belongs to a workspace, and which API keys count.
type People interface {
	// Person is a member of a workspace; fault.NotFound for everybody else.
	Person(ctx context.Context, w crm.WorkspaceID, u crm.UserID) (Person, error)
	// KeyMaker is the member an API key acts for; fault.NotFound when the key is
	// revoked or expired at the time, or its maker no longer a member.
	KeyMaker(ctx context.Context, w crm.WorkspaceID, k crm.KeyID, at time.Time) (Person, error)
}

// Person is a member as the vault sees them.
type Person struct {
	ID        crm.UserID
	Email     string
	GoogleSub string // of the account they sign in with, "" if none
	Role      crm.Role
}

// Leases keeps leases of access tokens.
type Leases interface {
	PutLease(ctx context.Context, l Lease, handleHash string) error
	// LeasesOf lists a workspace's leases, or those a user made, the newest first.
	LeasesOf(ctx context.Context, w crm.WorkspaceID, u crm.UserID, cursor string, limit int) ([]Lease, string, error)
	// CutLease ends a lease of the workspace, or of the user there; fault.NotFound
	// if there is none. Cutting twice is harmless.
	CutLease(ctx context.Context, w crm.WorkspaceID, u crm.UserID, id crm.LeaseID, at time.Time) error
	// KeyLeases and CutKeyLease are the same for the leases made with an API key.
	KeyLeases(ctx context.Context, w crm.WorkspaceID, k crm.KeyID, cursor string, limit int) ([]Lease, string, error)
	CutKeyLease(ctx context.Context, w crm.WorkspaceID, k crm.KeyID, id crm.LeaseID, at time.Time) error
	// UseLease finds a lease by its handle, lets judge look at it, and counts the
	// call: as refused with judge's error, which it gives back, else as made. The
	// audit row of judge, unless it is zero, is written in the same transaction.
	// fault.NotFound, without a write, when nothing has that handle. judge may be
	// called more than once.
	UseLease(ctx context.Context, handleHash string, at time.Time, judge func(LeaseState) (access.Audit, error)) (Lease, error)
	// PurgeLeases deletes leases that ended before.
	PurgeLeases(ctx context.Context, before time.Time) (int64, error)
}

// LeaseState is a lease at the moment of a call.
type LeaseState struct {
	Lease
	InMinute int64 // calls made in the running minute, this one not counted
	// Holder is false when the key it was made with is revoked or expired, its maker
	// is no longer in the workspace, or, with a key and for another subject than the
	// maker, no administrator any more.
	Holder bool
}

// Upkeep is what looking after grants needs.
type Upkeep interface {
	// IdleGrants gives active grants not used since before whose cool-down is over,
	// in id order after an id.
	IdleGrants(ctx context.Context, before, now time.Time, after crm.GrantID, n int) ([]crm.GrantID, error)
	// ClientGrants sums up the grants of each OAuth client that the workspace has
	// grants of. Deaths count from since, in every workspace.
	ClientGrants(ctx context.Context, w crm.WorkspaceID, since time.Time) ([]ClientGrants, error)
	// AccountGrants lists the living grants of a Google account, in every workspace.
	AccountGrants(ctx context.Context, sub string) ([]Grant, error)
	// AccountUsers lists who signs in here with a Google account.
	AccountUsers(ctx context.Context, sub string) ([]crm.UserID, error)
	// Distrust notes a security event and, in the same transaction, makes the grants
	// dead with their secrets dropped and their connections needs_reauth for the
	// reason, and signs the users out everywhere. first is false, and nothing
	// changed, when the event was noted before.
	Distrust(ctx context.Context, e SecurityEvent, grants []crm.GrantID, users []crm.UserID, reason string, at time.Time) (first bool, err error)
	// SealedClients lists the OAuth clients kept here; ResealClient swaps a sealed
	// secret only if the old one still stands there.
	SealedClients(ctx context.Context) ([]SealedClient, error)
	ResealClient(ctx context.Context, id crm.ClientID, old, sealed string) (bool, error)
}

// ConnectionHealth is a connection as administrators see it: no mail.
type ConnectionHealth struct {
	crm.Connection
	UserName, UserEmail string
	Grant               GrantStatus  // "" without one
	Client              crm.ClientID // made with
	LastSyncAt          *time.Time
	RefreshExpiresAt    *time.Time // when Google said its access ends by itself
}

// SealedClient is an OAuth client with its secret as it is kept.
type SealedClient struct {
	ID     crm.ClientID
	Secret string
}

// ClientGrants is a client's grants in numbers.
type ClientGrants struct {
	Client               crm.ClientID
	Active, Dead, Sealed int       // of the workspace
	NextEnd              time.Time // earliest RefreshExpiresAt of its active grants, zero when Google named none
	FirstConsent         time.Time // earliest ConsentedAt of its active grants
	WeekDeaths           int       // grants that died 7 days, give or take 6 hours, after consent
	Outlived             int       // active grants that worked longer than that
}

// Approvals tells what an organisation has decided (the org room knows).
type Approvals interface {
	Approval(ctx context.Context, w crm.WorkspaceID) (crm.Approval, error)
}

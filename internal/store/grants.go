package store

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

var (
	_ vault.Consents    = (*Store)(nil)
	_ vault.Grants      = (*Store)(nil)
	_ vault.Connections = (*Store)(nil)
	_ vault.TokenGrants = (*Store)(nil)
	_ vault.Leases      = (*Store)(nil)
	_ vault.People      = (*Store)(nil)
	_ vault.Upkeep      = (*Store)(nil)
)

const consentColumns = `state_hash, workspace_id, user_id, integration_id, expected_sub, services, scopes,
	verifier, nonce, client_id, redirect_uri, return_to, purpose, expires_at, subject, link_id, maker`

// PutConsent stores a consent under way and forgets those that have expired.
func (s *Store) PutConsent(ctx context.Context, c vault.Consent) error {
	return s.write(ctx, "vault.PutConsent", func(t *tx) error {
		if _, err := t.exec(ctx, "drop expired", "DELETE FROM oauth_consents WHERE expires_at <= $1", t.now); err != nil {
			return err
		}
		_, err := t.exec(ctx, "insert consent", "INSERT INTO oauth_consents ("+consentColumns+") VALUES "+marks(1, 17),
			c.StateHash, string(c.WorkspaceID), string(c.UserID), string(c.ConnectionID), c.ExpectedSub, jsonText(c.Services), listText(c.Scopes),
			c.Verifier.Reveal(), c.Nonce, string(c.ClientID), c.RedirectURI, clean(c.ReturnTo), c.Purpose, stamp(c.ExpiresAt), clean(c.Subject), string(c.LinkID), c.Maker)
		return err
	})
}

// TakeConsent removes a consent and returns it, once.
func (s *Store) TakeConsent(ctx context.Context, stateHash string, now time.Time) (vault.Consent, error) {
	var c vault.Consent
	err := s.write(ctx, "vault.TakeConsent", func(t *tx) error {
		var err error
		c, err = one(ctx, t, "take consent", scanConsent, "DELETE FROM oauth_consents WHERE state_hash = $1 RETURNING "+consentColumns, stateHash)
		return err
	})
	if err == nil && !c.ExpiresAt.After(now) {
		c, err = vault.Consent{}, errNone
	}
	return found(c, err, "This sign-in has expired or was used already. Start again.")
}

func scanConsent(r scanner) (vault.Consent, error) {
	var c vault.Consent
	var services, scopes, verifier string
	var expires int64
	err := r.Scan(&c.StateHash, &c.WorkspaceID, &c.UserID, &c.ConnectionID, &c.ExpectedSub, &services, &scopes,
		&verifier, &c.Nonce, &c.ClientID, &c.RedirectURI, &c.ReturnTo, &c.Purpose, &expires, &c.Subject, &c.LinkID, &c.Maker)
	c.Verifier, c.ExpiresAt = crm.NewSecret(verifier), clock(expires)
	return c, errors.Join(err, fromJSON(services, &c.Services), fromJSON(scopes, &c.Scopes))
}

const grantColumns = `id, workspace_id, subject, google_sub, google_email, client_id, access_token, refresh_token,
	token_expiry, granted_scopes, status, failures, retry_at, last_used_at, created_at, updated_at,
	service, consented_at, refresh_expires_at, died_at, lived, google_domain`

const grantWidth = 22

func scanGrant(r scanner) (vault.Grant, error) {
	var g vault.Grant
	var scopes string
	var failures, expiry, retry, used, created, updated, consented, ends, died, lived int64
	err := r.Scan(&g.ID, &g.WorkspaceID, &g.UserID, &g.GoogleSub, &g.GoogleEmail, &g.ClientID, &g.SealedAccess, &g.SealedRefresh,
		&expiry, &scopes, &g.Status, &failures, &retry, &used, &created, &updated, &g.Service, &consented, &ends, &died, &lived, &g.HostedDomain)
	g.Failures, g.Lived = int(failures), time.Duration(lived)*time.Microsecond
	g.Expiry, g.RetryAt, g.LastUsedAt, g.CreatedAt, g.UpdatedAt = clock(expiry), clock(retry), clock(used), clock(created), clock(updated)
	g.ConsentedAt, g.RefreshExpiresAt, g.DiedAt = clock(consented), clock(ends), clock(died)
	return g, errors.Join(err, fromJSON(scopes, &g.Scopes))
}

func grantArgs(g vault.Grant) []any {
	return []any{string(g.ID), string(g.WorkspaceID), string(g.UserID), g.GoogleSub, g.GoogleEmail, string(g.ClientID), g.SealedAccess, g.SealedRefresh,
		stamp(g.Expiry), listText(g.Scopes), string(g.Status), int64(g.Failures), stamp(g.RetryAt), stamp(g.LastUsedAt), stamp(g.CreatedAt), stamp(g.UpdatedAt),
		string(g.Service), stamp(g.ConsentedAt), stamp(g.RefreshExpiresAt), stamp(g.DiedAt), g.Lived.Microseconds(), g.HostedDomain}
}

const noGrant = "There are no tokens for this account."

// Grant reads a grant.
func (s *Store) Grant(ctx context.Context, id crm.GrantID) (vault.Grant, error) {
	g, err := one(ctx, s.reading("vault.Grant"), "read", scanGrant, "SELECT "+grantColumns+" FROM oauth_grants WHERE id = $1", string(id))
	return found(g, err, noGrant)
}

// FindGrant finds the grant of an account and client of a user in a workspace.
func (s *Store) FindGrant(ctx context.Context, w crm.WorkspaceID, u crm.UserID, sub string, c crm.ClientID) (vault.Grant, error) {
	g, err := one(ctx, s.reading("vault.FindGrant"), "read", scanGrant,
		"SELECT "+grantColumns+" FROM oauth_grants WHERE workspace_id = $1 AND subject = $2 AND google_sub = $3 AND client_id = $4 AND service = ''",
		string(w), string(u), sub, string(c))
	return found(g, err, noGrant)
}

// SaveGrant stores a grant. New tokens or a new status end a refresh under way:
// its holder's SaveRefreshed will fail.
func (s *Store) SaveGrant(ctx context.Context, g vault.Grant) error {
	return s.write(ctx, "vault.SaveGrant", func(t *tx) error { return t.putGrant(ctx, g) })
}

// putGrant stores a grant and tells grant.changed.
func (t *tx) putGrant(ctx context.Context, g vault.Grant) error {
	t.grantFact(g)
	_, err := t.exec(ctx, "save grant", "INSERT INTO oauth_grants ("+grantColumns+") VALUES "+marks(1, grantWidth)+`
		ON CONFLICT (id) DO UPDATE SET workspace_id = excluded.workspace_id, subject = excluded.subject,
			google_sub = excluded.google_sub, google_email = excluded.google_email, client_id = excluded.client_id,
			access_token = excluded.access_token, refresh_token = excluded.refresh_token, token_expiry = excluded.token_expiry,
			granted_scopes = excluded.granted_scopes, status = excluded.status, failures = excluded.failures, retry_at = excluded.retry_at,
			last_used_at = excluded.last_used_at, updated_at = excluded.updated_at, service = excluded.service,
			consented_at = excluded.consented_at, refresh_expires_at = excluded.refresh_expires_at,
			died_at = excluded.died_at, lived = excluded.lived, google_domain = excluded.google_domain,
			lease_holder = CASE WHEN oauth_grants.status <> excluded.status OR oauth_grants.refresh_token <> excluded.refresh_token
				THEN '' ELSE oauth_grants.lease_holder END`, grantArgs(g)...)
	return err
}

// grantFact tells that tokens handed out before may be worthless: a matter of
// the grant's subject.
func (t *tx) grantFact(g vault.Grant) {
	t.fact(fact.Fact{Kind: fact.GrantChanged, WorkspaceID: g.WorkspaceID, UserID: g.UserID,
		Data: json.RawMessage(jsonText(vault.GrantChange{GrantID: g.ID, Service: g.Service, Status: g.Status}))})
}

// LeaseGrant gives holder the sole right to refresh, unless another's lease lives.
func (s *Store) LeaseGrant(ctx context.Context, id crm.GrantID, holder string, now, until time.Time) (vault.Grant, bool, error) {
	var g vault.Grant
	var mine bool
	err := s.write(ctx, "vault.LeaseGrant", func(t *tx) error {
		var err error
		g, err = one(ctx, t, "take lease", scanGrant, `UPDATE oauth_grants SET lease_holder = $2, lease_until = $4
			WHERE id = $1 AND (lease_holder IN ('', $2) OR lease_until <= $3) RETURNING `+grantColumns,
			string(id), holder, stamp(now), stamp(until))
		mine = err == nil
		if errors.Is(err, errNone) {
			g, err = one(ctx, t, "read grant", scanGrant, "SELECT "+grantColumns+" FROM oauth_grants WHERE id = $1", string(id))
		}
		return err
	})
	g, err = found(g, err, noGrant)
	return g, mine && err == nil, err
}

// wornOut is how little of its life an access token has left when replacing it
// is the usual refresh, and not because Google has refused it.
const wornOut = 15 * time.Minute

// SaveRefreshed stores g and ends the lease, if holder still has it. It tells
// grant.changed when the status or the scopes have changed, or an access token
// was replaced that seemed good; the usual refresh takes nothing from those
// handed out before.
func (s *Store) SaveRefreshed(ctx context.Context, g vault.Grant, holder string) error {
	return s.write(ctx, "vault.SaveRefreshed", func(t *tx) error {
		before, err := one(ctx, t, "read grant", scanGrant, "SELECT "+grantColumns+" FROM oauth_grants WHERE id = $1 AND lease_holder = $2"+s.d.forUpdate(), string(g.ID), holder)
		if errors.Is(err, errNone) {
			return fault.New(fault.Conflict, "Another worker has taken over this refresh.")
		}
		if err != nil {
			return err
		}
		replaced := before.SealedAccess != g.SealedAccess && before.Expiry.Sub(clock(t.now)) > wornOut
		if before.Status != g.Status || !slices.Equal(before.Scopes, g.Scopes) || replaced {
			t.grantFact(g)
		}
		_, err = t.exec(ctx, "save refreshed", `UPDATE oauth_grants SET access_token = $2, refresh_token = $3, token_expiry = $4,
			granted_scopes = $5, status = $6, failures = $7, retry_at = $8, last_used_at = $9, updated_at = $10, refresh_expires_at = $11,
			died_at = $12, lived = $13, lease_holder = '', lease_until = 0 WHERE id = $1`,
			string(g.ID), g.SealedAccess, g.SealedRefresh, stamp(g.Expiry), listText(g.Scopes), string(g.Status), int64(g.Failures),
			stamp(g.RetryAt), stamp(g.LastUsedAt), stamp(g.UpdatedAt), stamp(g.RefreshExpiresAt), stamp(g.DiedAt), g.Lived.Microseconds())
		return err
	})
}

// living are the states of grants that Google may still honour.
const living = "('active', 'decryption_failed')"

// OtherUses counts the living grants of the same Google account besides g, in
// every workspace, by client.
func (s *Store) OtherUses(ctx context.Context, g vault.Grant) (map[crm.ClientID]int, error) {
	out := map[crm.ClientID]int{}
	err := each(ctx, s.reading("vault.OtherUses"), "count", func(r scanner) error {
		var id crm.ClientID
		var n int64
		err := r.Scan(&id, &n)
		out[id] = int(n)
		return err
	}, "SELECT client_id, COUNT(*) FROM oauth_grants WHERE google_sub = $1 AND id <> $2 AND status IN "+living+" GROUP BY client_id",
		g.GoogleSub, string(g.ID))
	return out, err
}

// ResealPage gives up to n grants after an id, in id order.
func (s *Store) ResealPage(ctx context.Context, after crm.GrantID, n int) ([]vault.Grant, error) {
	return all(ctx, s.reading("vault.ResealPage"), "list", scanGrant,
		"SELECT "+grantColumns+" FROM oauth_grants WHERE id > $1 ORDER BY id LIMIT $2", string(after), int64(n))
}

// Reseal swaps the sealed values if the old ones still stand there.
func (s *Store) Reseal(ctx context.Context, old, new vault.Grant) (bool, error) {
	var n int64
	err := s.write(ctx, "vault.Reseal", func(t *tx) (err error) {
		n, err = t.exec(ctx, "swap sealed values", `UPDATE oauth_grants SET access_token = $2, refresh_token = $3
			WHERE id = $1 AND access_token = $4 AND refresh_token = $5`,
			string(old.ID), new.SealedAccess, new.SealedRefresh, old.SealedAccess, old.SealedRefresh)
		return err
	})
	return n == 1, err
}

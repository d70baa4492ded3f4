package store

import (
	"context"
	"errors"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

var (
	_ vault.Consents    = (*Store)(nil)
	_ vault.Grants      = (*Store)(nil)
	_ vault.Connections = (*Store)(nil)
)

const consentColumns = `state_hash, workspace_id, user_id, integration_id, expected_sub, services, scopes,
	verifier, nonce, client_id, redirect_uri, return_to, purpose, expires_at`

// PutConsent stores a consent under way and forgets those that have expired.
func (s *Store) PutConsent(ctx context.Context, c vault.Consent) error {
	return s.write(ctx, "vault.PutConsent", func(t *tx) error {
		if _, err := t.exec(ctx, "drop expired", "DELETE FROM oauth_consents WHERE expires_at <= $1", t.now); err != nil {
			return err
		}
		_, err := t.exec(ctx, "insert consent", "INSERT INTO oauth_consents ("+consentColumns+") VALUES "+marks(1, 14),
			c.StateHash, string(c.WorkspaceID), string(c.UserID), string(c.ConnectionID), c.ExpectedSub, jsonText(c.Services), listText(c.Scopes),
			c.Verifier.Reveal(), c.Nonce, string(c.ClientID), c.RedirectURI, clean(c.ReturnTo), c.Purpose, stamp(c.ExpiresAt))
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
		&verifier, &c.Nonce, &c.ClientID, &c.RedirectURI, &c.ReturnTo, &c.Purpose, &expires)
	c.Verifier, c.ExpiresAt = crm.NewSecret(verifier), clock(expires)
	return c, errors.Join(err, fromJSON(services, &c.Services), fromJSON(scopes, &c.Scopes))
}

const grantColumns = `id, workspace_id, subject, google_sub, google_email, client_id, access_token, refresh_token,
	token_expiry, granted_scopes, status, failures, retry_at, last_used_at, created_at, updated_at`

func scanGrant(r scanner) (vault.Grant, error) {
	var g vault.Grant
	var scopes string
	var failures, expiry, retry, used, created, updated int64
	err := r.Scan(&g.ID, &g.WorkspaceID, &g.UserID, &g.GoogleSub, &g.GoogleEmail, &g.ClientID, &g.SealedAccess, &g.SealedRefresh,
		&expiry, &scopes, &g.Status, &failures, &retry, &used, &created, &updated)
	g.Failures = int(failures)
	g.Expiry, g.RetryAt, g.LastUsedAt, g.CreatedAt, g.UpdatedAt = clock(expiry), clock(retry), clock(used), clock(created), clock(updated)
	return g, errors.Join(err, fromJSON(scopes, &g.Scopes))
}

func grantArgs(g vault.Grant) []any {
	return []any{string(g.ID), string(g.WorkspaceID), string(g.UserID), g.GoogleSub, g.GoogleEmail, string(g.ClientID), g.SealedAccess, g.SealedRefresh,
		stamp(g.Expiry), listText(g.Scopes), string(g.Status), int64(g.Failures), stamp(g.RetryAt), stamp(g.LastUsedAt), stamp(g.CreatedAt), stamp(g.UpdatedAt)}
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

func (t *tx) putGrant(ctx context.Context, g vault.Grant) error {
	_, err := t.exec(ctx, "save grant", "INSERT INTO oauth_grants ("+grantColumns+") VALUES "+marks(1, 16)+`
		ON CONFLICT (id) DO UPDATE SET workspace_id = excluded.workspace_id, subject = excluded.subject,
			google_sub = excluded.google_sub, google_email = excluded.google_email, client_id = excluded.client_id,
			access_token = excluded.access_token, refresh_token = excluded.refresh_token, token_expiry = excluded.token_expiry,
			granted_scopes = excluded.granted_scopes, status = excluded.status, failures = excluded.failures, retry_at = excluded.retry_at,
			last_used_at = excluded.last_used_at, updated_at = excluded.updated_at,
			lease_holder = CASE WHEN oauth_grants.status <> excluded.status OR oauth_grants.refresh_token <> excluded.refresh_token
				THEN '' ELSE oauth_grants.lease_holder END`, grantArgs(g)...)
	return err
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

// SaveRefreshed stores g and ends the lease, if holder still has it.
func (s *Store) SaveRefreshed(ctx context.Context, g vault.Grant, holder string) error {
	return s.write(ctx, "vault.SaveRefreshed", func(t *tx) error {
		n, err := t.exec(ctx, "save refreshed", `UPDATE oauth_grants SET access_token = $2, refresh_token = $3, token_expiry = $4,
			granted_scopes = $5, status = $6, failures = $7, retry_at = $8, last_used_at = $9, updated_at = $10, lease_holder = '', lease_until = 0
			WHERE id = $1 AND lease_holder = $11`,
			string(g.ID), g.SealedAccess, g.SealedRefresh, stamp(g.Expiry), listText(g.Scopes), string(g.Status), int64(g.Failures),
			stamp(g.RetryAt), stamp(g.LastUsedAt), stamp(g.UpdatedAt), holder)
		if err == nil && n == 0 {
			return fault.New(fault.Conflict, "Another worker has taken over this refresh.")
		}
		return err
	})
}

// OtherUses counts living grants of the same Google account and client besides g,
// in every workspace, and the connections on them.
func (s *Store) OtherUses(ctx context.Context, g vault.Grant) (int, error) {
	n, err := one(ctx, s.reading("vault.OtherUses"), "count", scanInt, `SELECT
		(SELECT COUNT(*) FROM oauth_grants o WHERE o.google_sub = $1 AND o.client_id = $2 AND o.id <> $3 AND o.status IN ('active', 'decryption_failed'))
		+ (SELECT COUNT(*) FROM google_integrations c JOIN oauth_grants o ON o.id = c.grant_id
			WHERE o.google_sub = $1 AND o.client_id = $2 AND o.id <> $3 AND o.status IN ('active', 'decryption_failed') AND c.status <> 'disconnected')`,
		g.GoogleSub, string(g.ClientID), string(g.ID))
	return int(n), err
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

package store

import (
	"context"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/vault"
)

// ServiceGrant finds the grant of a subject for a service.
func (s *Store) ServiceGrant(ctx context.Context, w crm.WorkspaceID, subject string, service crm.Service) (vault.Grant, error) {
	g, err := one(ctx, s.reading("vault.ServiceGrant"), "read", scanGrant,
		"SELECT "+grantColumns+" FROM oauth_grants WHERE workspace_id = $1 AND subject = $2 AND service = $3 AND service <> ''",
		string(w), clean(subject), clean(string(service)))
	return found(g, err, noGrant)
}

// ServiceGrants lists the grants of a subject, by service.
func (s *Store) ServiceGrants(ctx context.Context, w crm.WorkspaceID, subject string) ([]vault.Grant, error) {
	return all(ctx, s.reading("vault.ServiceGrants"), "list", scanGrant,
		"SELECT "+grantColumns+" FROM oauth_grants WHERE workspace_id = $1 AND subject = $2 AND service <> '' ORDER BY service",
		string(w), clean(subject))
}

// ServiceGrantsOf lists the token service's grants of a workspace, the newest
// first. Revoked ones are left out.
func (s *Store) ServiceGrantsOf(ctx context.Context, w crm.WorkspaceID, cursor string, limit int) ([]vault.Grant, string, error) {
	before, id, err := readCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	n := pageLimit(limit)
	list, err := all(ctx, s.reading("vault.ServiceGrantsOf"), "list", scanGrant, "SELECT "+grantColumns+` FROM oauth_grants
		WHERE workspace_id = $1 AND service <> '' AND status <> 'revoked' AND (created_at < $2 OR created_at = $2 AND id < $3)
		ORDER BY created_at DESC, id DESC LIMIT $4`, string(w), before, id, int64(n+1))
	if err != nil || len(list) <= n {
		return list, "", err
	}
	return list[:n], writeCursor(stamp(list[n-1].CreatedAt), string(list[n-1].ID)), nil
}

// OwnGrants lists the grants of a member's own connections, the oldest first.
func (s *Store) OwnGrants(ctx context.Context, w crm.WorkspaceID, u crm.UserID) ([]vault.Grant, error) {
	return all(ctx, s.reading("vault.OwnGrants"), "list", scanGrant, "SELECT "+prefixed("g", grantColumns)+` FROM google_integrations c
		JOIN oauth_grants g ON g.id = c.grant_id
		WHERE c.workspace_id = $1 AND c.user_id = $2 AND c.status <> 'disconnected' AND g.service = '' ORDER BY c.created_at, c.id`, string(w), clean(string(u)))
}

// EndGrant drops the secrets of a grant that was not consented to anew.
func (s *Store) EndGrant(ctx context.Context, g vault.Grant, status vault.GrantStatus, at time.Time) (bool, error) {
	var n int64
	err := s.write(ctx, "vault.EndGrant", func(t *tx) (err error) {
		n, err = t.exec(ctx, "end grant", `UPDATE oauth_grants SET access_token = '', refresh_token = '', token_expiry = 0, status = $2, updated_at = $3,
			lease_holder = '', lease_until = 0 WHERE id = $1 AND consented_at = $4`, string(g.ID), string(status), stamp(at), stamp(g.ConsentedAt))
		if err == nil && n == 1 {
			g.Status = status
			t.grantFact(g)
		}
		return err
	})
	return n == 1, err
}

// GrantFacts gives the facts about grants and approvals behind a position.
func (s *Store) GrantFacts(ctx context.Context, after int64) ([]fact.Fact, int64, error) {
	last, err := s.LastFact(ctx)
	if err != nil || after < 0 || last <= after {
		return nil, max(last, after), err
	}
	list, err := all(ctx, s.reading("vault.GrantFacts"), "list", scanFact, "SELECT "+factColumns+` FROM facts
		WHERE seq > $1 AND seq <= $2 AND kind IN ('grant.changed', 'approval.decided') ORDER BY seq`, after, last)
	return list, last, err
}

// IdleGrants gives active grants that were not used since before.
func (s *Store) IdleGrants(ctx context.Context, before, now time.Time, after crm.GrantID, n int) ([]crm.GrantID, error) {
	return all(ctx, s.reading("vault.IdleGrants"), "list", func(r scanner) (id crm.GrantID, err error) {
		err = r.Scan(&id)
		return id, err
	}, "SELECT id FROM oauth_grants WHERE status = 'active' AND last_used_at < $1 AND retry_at <= $2 AND id > $3 ORDER BY id LIMIT $4",
		stamp(before), stamp(now), string(after), int64(n))
}

// ClientGrants sums up the grants of each client the workspace has grants of.
func (s *Store) ClientGrants(ctx context.Context, w crm.WorkspaceID, since time.Time) ([]vault.ClientGrants, error) {
	week, slack := vault.TestingLife.Microseconds(), vault.TestingSlack.Microseconds()
	return all(ctx, s.reading("vault.ClientGrants"), "sum up", scanClientGrants, `SELECT client_id,
			COUNT(CASE WHEN workspace_id = $1 AND status = 'active' THEN 1 END),
			COUNT(CASE WHEN workspace_id = $1 AND status = 'dead' THEN 1 END),
			COUNT(CASE WHEN workspace_id = $1 AND status = 'decryption_failed' THEN 1 END),
			COALESCE(MIN(CASE WHEN workspace_id = $1 AND status = 'active' AND refresh_expires_at > 0 THEN refresh_expires_at END), 0),
			COALESCE(MIN(CASE WHEN workspace_id = $1 AND status = 'active' AND consented_at > 0 THEN consented_at END), 0),
			COUNT(CASE WHEN died_at >= $2 AND lived BETWEEN $3 AND $4 THEN 1 END),
			COUNT(CASE WHEN status = 'active' AND consented_at > 0 AND last_used_at - consented_at > $4 THEN 1 END)
		FROM oauth_grants GROUP BY client_id HAVING COUNT(CASE WHEN workspace_id = $1 AND status <> 'revoked' THEN 1 END) > 0 ORDER BY client_id`,
		string(w), stamp(since), week-slack, week+slack)
}

func scanClientGrants(r scanner) (vault.ClientGrants, error) {
	var c vault.ClientGrants
	var ends, first int64
	err := r.Scan(&c.Client, &c.Active, &c.Dead, &c.Sealed, &ends, &first, &c.WeekDeaths, &c.Outlived)
	c.NextEnd, c.FirstConsent = clock(ends), clock(first)
	return c, err
}

// AccountGrants lists the living grants of a Google account.
func (s *Store) AccountGrants(ctx context.Context, sub string) ([]vault.Grant, error) {
	return all(ctx, s.reading("vault.AccountGrants"), "list", scanGrant,
		"SELECT "+grantColumns+" FROM oauth_grants WHERE google_sub = $1 AND google_sub <> '' AND status IN "+living+" ORDER BY id", clean(sub))
}

// AccountUsers lists who signs in with a Google account.
func (s *Store) AccountUsers(ctx context.Context, sub string) ([]crm.UserID, error) {
	return all(ctx, s.reading("vault.AccountUsers"), "list", func(r scanner) (id crm.UserID, err error) {
		err = r.Scan(&id)
		return id, err
	}, "SELECT id FROM users WHERE google_sub = $1 AND google_sub <> '' ORDER BY id", clean(sub))
}

// Distrust acts on a security event, once.
func (s *Store) Distrust(ctx context.Context, e vault.SecurityEvent, grants []crm.GrantID, users []crm.UserID, reason string, at time.Time) (bool, error) {
	first := false
	people := make([]string, len(users))
	for i, u := range users {
		people[i] = string(u)
	}
	err := s.write(ctx, "vault.Distrust", func(t *tx) error {
		n, err := t.exec(ctx, "note event", "INSERT INTO security_events (jti, kind, google_sub, received_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
			clean(e.JTI), clean(e.Kind), clean(e.Sub), stamp(at))
		first = err == nil && n == 1
		if err != nil || !first {
			return err
		}
		for _, id := range grants {
			if err := t.distrust(ctx, id, reason, at); err != nil {
				return err
			}
		}
		if len(people) == 0 {
			return nil
		}
		return t.signOut(ctx, people, "")
	})
	return first && err == nil, err
}

func (t *tx) distrust(ctx context.Context, id crm.GrantID, reason string, at time.Time) error {
	list, err := all(ctx, t, "end grant", scanGrant, `UPDATE oauth_grants SET access_token = '', refresh_token = '', token_expiry = 0, status = 'dead',
		updated_at = $2, lease_holder = '', lease_until = 0 WHERE id = $1 AND status IN `+living+" RETURNING "+grantColumns, string(id), stamp(at))
	if err != nil {
		return err
	}
	for _, g := range list {
		t.grantFact(g)
	}
	syncing := []string{string(crm.StatusConnecting), string(crm.StatusActive), string(crm.StatusDegraded), string(crm.StatusPaused)}
	return t.turn(ctx, id, syncing, fact.ConnectionLost, func(c *crm.Connection) {
		c.Status, c.StatusReason, c.UpdatedAt = crm.StatusNeedsReauth, reason, at
	})
}

// SealedClients lists the OAuth clients that were entered here.
func (s *Store) SealedClients(ctx context.Context) ([]vault.SealedClient, error) {
	return all(ctx, s.reading("vault.SealedClients"), "list", func(r scanner) (c vault.SealedClient, err error) {
		err = r.Scan(&c.ID, &c.Secret)
		return c, err
	}, "SELECT id, client_secret FROM oauth_clients ORDER BY id")
}

// ResealClient swaps a sealed secret if the old one still stands there.
func (s *Store) ResealClient(ctx context.Context, id crm.ClientID, old, sealed string) (bool, error) {
	var n int64
	err := s.write(ctx, "vault.ResealClient", func(t *tx) (err error) {
		n, err = t.exec(ctx, "swap client secret", "UPDATE oauth_clients SET client_secret = $2 WHERE id = $1 AND client_secret = $3", string(id), sealed, old)
		return err
	})
	return n == 1, err
}

const noMember = "There is no such member."

func scanPerson(r scanner) (p vault.Person, err error) {
	err = r.Scan(&p.ID, &p.Email, &p.GoogleSub, &p.Role)
	return p, err
}

// Person finds a member of a workspace.
func (s *Store) Person(ctx context.Context, w crm.WorkspaceID, u crm.UserID) (vault.Person, error) {
	p, err := one(ctx, s.reading("vault.Person"), "read", scanPerson, `SELECT u.id, u.email, u.google_sub, m.role
		FROM members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.user_id = $2`, clean(string(w)), clean(string(u)))
	return found(p, err, noMember)
}

// KeyMaker finds the member that an API key acts for, while the key counts.
func (s *Store) KeyMaker(ctx context.Context, w crm.WorkspaceID, k crm.KeyID, at time.Time) (vault.Person, error) {
	p, err := one(ctx, s.reading("vault.KeyMaker"), "read", scanPerson, `SELECT u.id, u.email, u.google_sub, m.role FROM api_keys k
		JOIN members m ON m.workspace_id = k.workspace_id AND m.user_id = k.user_id JOIN users u ON u.id = k.user_id
		WHERE k.workspace_id = $1 AND k.id = $2 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $3)`,
		clean(string(w)), clean(string(k)), stamp(at))
	return found(p, err, noKey)
}

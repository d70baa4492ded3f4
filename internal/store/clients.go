package store

import (
	"context"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/org"
)

const clientColumns = "o.id, o.workspace_id, o.name, o.google_client_id, o.client_secret, o.created_by, o.created_at, o.updated_at, o.retired_at"

// clientGrants counts the living grants of a client.
const clientGrants = "(SELECT COUNT(*) FROM oauth_grants g WHERE g.client_id = o.id AND g.status <> 'revoked')"

func scanClient(r scanner) (org.ClientRow, error) {
	var c org.ClientRow
	var created, updated int64
	var retired *int64
	err := r.Scan(&c.ID, &c.WorkspaceID, &c.Name, &c.GoogleID, &c.SealedSecret, &c.CreatedBy, &created, &updated, &retired, &c.Grants)
	c.CreatedAt, c.UpdatedAt, c.RetiredAt = clock(created), clock(updated), clockPtr(retired)
	return c, err
}

const selectClient = "SELECT " + clientColumns + ", " + clientGrants + " FROM oauth_clients o"

// GoogleClientsOf lists the OAuth clients of a workspace and of the installation.
func (s *Store) GoogleClientsOf(ctx context.Context, w crm.WorkspaceID) ([]org.ClientRow, error) {
	return all(ctx, s.reading("org.GoogleClientsOf"), "list", scanClient,
		selectClient+" WHERE o.workspace_id IN ($1, '') ORDER BY o.created_at DESC, o.id DESC", string(w))
}

const noClient = "There is no such OAuth client."

// GoogleClientRow finds an OAuth client.
func (s *Store) GoogleClientRow(ctx context.Context, id crm.ClientID) (org.ClientRow, error) {
	c, err := one(ctx, s.reading("org.GoogleClientRow"), "read", scanClient, selectClient+" WHERE o.id = $1", string(id))
	return found(c, err, noClient)
}

// DefaultGoogleClient is what new connections of a workspace are made with.
func (s *Store) DefaultGoogleClient(ctx context.Context, w crm.WorkspaceID) (org.ClientRow, error) {
	c, err := one(ctx, s.reading("org.DefaultGoogleClient"), "read", scanClient, selectClient+` WHERE o.workspace_id IN ($1, '') AND o.retired_at IS NULL
		ORDER BY CASE WHEN o.workspace_id = '' THEN 1 ELSE 0 END, o.created_at DESC, o.id DESC LIMIT 1`, string(w))
	return found(c, err, "No OAuth client has been entered.")
}

// SaveGoogleClient stores an OAuth client, new or changed.
func (s *Store) SaveGoogleClient(ctx context.Context, c org.ClientRow, rows ...access.Audit) error {
	return s.write(ctx, "org.SaveGoogleClient", func(t *tx) error {
		_, err := t.exec(ctx, "save client", `INSERT INTO oauth_clients (id, workspace_id, name, google_client_id, client_secret, created_by, created_at, updated_at, retired_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, google_client_id = excluded.google_client_id, client_secret = excluded.client_secret,
				created_at = excluded.created_at, updated_at = excluded.updated_at, retired_at = excluded.retired_at`,
			string(c.ID), string(c.WorkspaceID), clean(c.Name), c.GoogleID, c.SealedSecret, string(c.CreatedBy), stamp(c.CreatedAt), stamp(c.UpdatedAt), stampPtr(c.RetiredAt))
		if err != nil {
			return err
		}
		return t.record(ctx, rows)
	})
}

// EndGoogleClient deletes an OAuth client, or retires it when grants were made
// with it or a consent with it is under way.
func (s *Store) EndGoogleClient(ctx context.Context, id crm.ClientID, at time.Time, rows ...access.Audit) (bool, error) {
	deleted := false
	err := s.write(ctx, "org.EndGoogleClient", func(t *tx) error {
		n, err := t.exec(ctx, "delete client", `DELETE FROM oauth_clients WHERE id = $1
			AND NOT EXISTS (SELECT 1 FROM oauth_grants g WHERE g.client_id = $1)
			AND NOT EXISTS (SELECT 1 FROM oauth_consents c WHERE c.client_id = $1 AND c.expires_at > $2)`, string(id), stamp(at))
		if err != nil {
			return err
		}
		if deleted = n > 0; !deleted {
			if _, err := t.exec(ctx, "retire client", "UPDATE oauth_clients SET retired_at = COALESCE(retired_at, $2) WHERE id = $1", string(id), stamp(at)); err != nil {
				return err
			}
		}
		return t.record(ctx, rows)
	})
	return deleted, err
}

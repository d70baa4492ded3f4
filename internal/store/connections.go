package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/vault"
)

var _ mail.Connections = (*Store)(nil)

const connectionColumns = `c.id, c.workspace_id, c.user_id, c.grant_id, c.google_sub, c.google_email, c.granted_scopes, c.wanted_scopes,
	c.status, c.status_reason, c.gmail_sync_enabled, c.calendar_sync_enabled, c.contacts_sync_enabled, c.settings, c.created_at, c.updated_at, c.provider`

func scanConnection(r scanner) (crm.Connection, error) {
	var c crm.Connection
	var granted, wanted, settings string
	var created, updated int64
	err := r.Scan(&c.ID, &c.WorkspaceID, &c.UserID, &c.GrantID, &c.GoogleSub, &c.GoogleEmail, &granted, &wanted,
		&c.Status, &c.StatusReason, &c.GmailSync, &c.CalendarSync, &c.ContactsSync, &settings, &created, &updated, &c.Provider)
	c.CreatedAt, c.UpdatedAt = clock(created), clock(updated)
	return c, errors.Join(err, fromJSON(granted, &c.GrantedScopes), fromJSON(wanted, &c.WantedScopes), fromJSON(settings, &c.Settings))
}

const noConnection = "There is no such connection."

// Connection reads a connection of a workspace.
func (s *Store) Connection(ctx context.Context, w crm.WorkspaceID, id crm.ConnectionID) (crm.Connection, error) {
	c, err := one(ctx, s.reading("Connection"), "read", scanConnection,
		"SELECT "+connectionColumns+" FROM google_integrations c WHERE c.workspace_id = $1 AND c.id = $2", string(w), string(id))
	return found(c, err, noConnection)
}

// ConnectionByID is for background work only: there is no workspace to check against.
func (s *Store) ConnectionByID(ctx context.Context, id crm.ConnectionID) (crm.Connection, error) {
	c, err := one(ctx, s.reading("ConnectionByID"), "read", scanConnection,
		"SELECT "+connectionColumns+" FROM google_integrations c WHERE c.id = $1", string(id))
	return found(c, err, noConnection)
}

// FindConnection finds the connection of a Google account made by a user in a workspace.
func (s *Store) FindConnection(ctx context.Context, w crm.WorkspaceID, u crm.UserID, sub string) (crm.Connection, error) {
	c, err := one(ctx, s.reading("FindConnection"), "read", scanConnection,
		"SELECT "+connectionColumns+" FROM google_integrations c WHERE c.workspace_id = $1 AND c.user_id = $2 AND c.google_sub = $3",
		string(w), string(u), sub)
	return found(c, err, noConnection)
}

// Mine lists the caller's own Google connections, the oldest first; for the
// system, all of the workspace.
func (s *Store) Mine(ctx context.Context, c access.Caller) ([]crm.Connection, error) {
	return all(ctx, s.reading("Mine"), "list", scanConnection,
		"SELECT "+connectionColumns+" FROM google_integrations c WHERE c.workspace_id = $1 AND (c.user_id = $2 OR $3) AND c.provider = 'google' ORDER BY c.created_at, c.id",
		string(c.Workspace), string(c.UserID), c.Via == access.ViaSystem)
}

// ConnectionsOf lists every connection of a workspace with its owner and its
// health, for administrators: who has connected what, never its mail. The oldest
// first.
func (s *Store) ConnectionsOf(ctx context.Context, w crm.WorkspaceID, cursor string, limit int) ([]vault.ConnectionHealth, string, error) {
	after, id, err := readCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	if cursor == "" {
		after = -1
	}
	n := pageLimit(limit)
	list, err := all(ctx, s.reading("ConnectionsOf"), "list", scanHealth, "SELECT "+connectionColumns+`,
			COALESCE(u.name, ''), COALESCE(u.email, ''), COALESCE(g.status, ''), COALESCE(g.client_id, ''), COALESCE(g.refresh_expires_at, 0),
			(SELECT MAX(r.updated_at) FROM sync_streams r WHERE r.integration_id = c.id)
		FROM google_integrations c LEFT JOIN users u ON u.id = c.user_id LEFT JOIN oauth_grants g ON g.id = c.grant_id
		WHERE c.workspace_id = $1 AND c.provider = 'google' AND (c.created_at > $2 OR c.created_at = $2 AND c.id > $3) ORDER BY c.created_at, c.id LIMIT $4`,
		string(w), after, id, int64(n+1))
	if err != nil || len(list) <= n {
		return list, "", err
	}
	last := list[n-1]
	return list[:n], writeCursor(stamp(last.CreatedAt), string(last.ID)), nil
}

func scanHealth(r scanner) (vault.ConnectionHealth, error) {
	var h vault.ConnectionHealth
	var ends int64
	var synced *int64
	c, err := scanConnection(scanInto(func(dest ...any) error {
		return r.Scan(append(dest, &h.UserName, &h.UserEmail, &h.Grant, &h.Client, &ends, &synced)...)
	}))
	h.Connection, h.LastSyncAt = c, clockPtr(synced)
	if ends > 0 {
		h.RefreshExpiresAt = clockPtr(&ends)
	}
	return h, err
}

// scanInto is a row of which somebody else takes the end.
type scanInto func(dest ...any) error

func (f scanInto) Scan(dest ...any) error { return f(dest...) }

// Change lets fn change one of the caller's own connections (status, services,
// settings; ids and owner stay) and tells connection.changed, in one transaction.
func (s *Store) Change(ctx context.Context, c access.Caller, id crm.ConnectionID, fn func(*crm.Connection) error) (crm.Connection, error) {
	var after crm.Connection
	err := s.write(ctx, "Change", func(t *tx) error {
		before, err := one(ctx, t, "read", scanConnection, "SELECT "+connectionColumns+` FROM google_integrations c
			WHERE c.workspace_id = $1 AND c.id = $2 AND (c.user_id = $3 OR $4)`+s.d.forUpdate(),
			string(c.Workspace), string(id), string(c.UserID), c.Via == access.ViaSystem)
		if _, err = found(before, err, noConnection); err != nil {
			return err
		}
		after = before
		if err := fn(&after); err != nil {
			return err
		}
		after.ID, after.WorkspaceID, after.UserID, after.CreatedAt = before.ID, before.WorkspaceID, before.UserID, before.CreatedAt
		if same(before, after) {
			return nil
		}
		after.UpdatedAt = clock(t.now)
		if err := t.putConnection(ctx, after); err != nil {
			return err
		}
		t.connectionFact(fact.ConnectionChanged, after)
		if before.Settings.Visibility != after.Settings.Visibility { // others see more of it, or less
			t.fact(fact.Fact{Kind: fact.MailShared, WorkspaceID: after.WorkspaceID, ConnectionID: after.ID, Data: json.RawMessage("{}")})
		}
		return nil
	})
	return after, err
}

func same(a, b crm.Connection) bool { return jsonText(a) == jsonText(b) }

func (t *tx) putConnection(ctx context.Context, c crm.Connection) error {
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return fmt.Errorf("writing settings: %w", err)
	}
	visibility := c.Settings.Visibility
	if visibility == "" {
		visibility = crm.VisibilityPrivate
	}
	provider := c.Provider
	if provider == "" {
		provider = crm.ProviderGoogle
	}
	_, err = t.exec(ctx, "save connection", `INSERT INTO google_integrations (id, workspace_id, user_id, grant_id, google_sub, google_email,
			granted_scopes, wanted_scopes, status, status_reason, gmail_sync_enabled, calendar_sync_enabled, contacts_sync_enabled,
			settings, created_at, updated_at, visibility, provider) VALUES `+marks(1, 18)+`
		ON CONFLICT (id) DO UPDATE SET grant_id = excluded.grant_id, google_sub = excluded.google_sub, google_email = excluded.google_email,
			granted_scopes = excluded.granted_scopes, wanted_scopes = excluded.wanted_scopes, status = excluded.status,
			status_reason = excluded.status_reason, gmail_sync_enabled = excluded.gmail_sync_enabled,
			calendar_sync_enabled = excluded.calendar_sync_enabled, contacts_sync_enabled = excluded.contacts_sync_enabled,
			settings = excluded.settings, updated_at = excluded.updated_at, visibility = excluded.visibility`,
		string(c.ID), string(c.WorkspaceID), string(c.UserID), string(c.GrantID), c.GoogleSub, c.GoogleEmail,
		listText(c.GrantedScopes), listText(c.WantedScopes), string(c.Status), c.StatusReason, c.GmailSync, c.CalendarSync, c.ContactsSync,
		string(settings), stamp(c.CreatedAt), stamp(c.UpdatedAt), string(visibility), string(provider))
	return err
}

// connectionFact tells what became of a connection: a matter of its owner.
func (t *tx) connectionFact(kind fact.Kind, c crm.Connection) {
	t.fact(fact.Fact{Kind: kind, WorkspaceID: c.WorkspaceID, ConnectionID: c.ID, UserID: c.UserID,
		Data: json.RawMessage(jsonText(map[string]any{"status": c.Status, "reason": c.StatusReason}))})
}

// Granted stores a connection, new or reconnected, with its grant, and ends a
// refresh of the grant that is under way.
func (s *Store) Granted(ctx context.Context, c crm.Connection, g vault.Grant) error {
	return s.withGrant(ctx, "vault.Granted", c, g, "", fact.ConnectionGranted)
}

// GrantedByLink is Granted for somebody who came by a connect link.
func (s *Store) GrantedByLink(ctx context.Context, c crm.Connection, g vault.Grant, link crm.LinkID) error {
	return s.withGrant(ctx, "vault.Granted", c, g, link, fact.ConnectionGranted)
}

// Dropped stores a connection that was disconnected with its revoked grant.
func (s *Store) Dropped(ctx context.Context, c crm.Connection, g vault.Grant) error {
	return s.withGrant(ctx, "vault.Dropped", c, g, "", fact.ConnectionChanged)
}

func (s *Store) withGrant(ctx context.Context, name string, c crm.Connection, g vault.Grant, link crm.LinkID, kind fact.Kind) error {
	return s.write(ctx, name, func(t *tx) error {
		if kind == fact.ConnectionGranted {
			if err := t.stillMember(ctx, c); err != nil {
				return err
			}
		}
		if link != "" {
			if err := t.spendLink(ctx, link, c.WorkspaceID, c.UserID, clock(t.now)); err != nil {
				return err
			}
		}
		t.connectionFact(kind, c)
		if g.ID != "" { // one that waits for an administrator has none
			if err := t.putGrant(ctx, g); err != nil {
				return err
			}
			if _, err := t.exec(ctx, "end lease", "UPDATE oauth_grants SET lease_holder = '', lease_until = 0 WHERE id = $1", string(g.ID)); err != nil {
				return err
			}
		}
		return t.putConnection(ctx, c)
	})
}

// stillMember refuses a connection of somebody who was removed while they were
// at Google. The row stays locked, so that a removal that comes now finds the
// connection and ends it.
func (t *tx) stillMember(ctx context.Context, c crm.Connection) error {
	_, err := one(ctx, t, "read member", scanText, "SELECT user_id FROM members WHERE workspace_id = $1 AND user_id = $2"+t.s.d.forUpdate(), string(c.WorkspaceID), string(c.UserID))
	if errors.Is(err, errNone) {
		return &fault.Error{Kind: fault.Forbidden, Code: "not_a_member", Text: "You are not a member of this workspace any more."}
	}
	return err
}

// Waiting stores a connection that waits for an administrator.
func (s *Store) Waiting(ctx context.Context, c crm.Connection) error {
	return s.write(ctx, "vault.Waiting", func(t *tx) error {
		if err := t.putConnection(ctx, c); err != nil {
			return err
		}
		t.connectionFact(fact.ConnectionChanged, c)
		return nil
	})
}

// Lost marks the connections of a grant needs_reauth; those that are already,
// or were disconnected, stay as they are. When the grant is active, somebody
// has reconnected meanwhile, and nothing is done.
func (s *Store) Lost(ctx context.Context, g crm.GrantID, reason string, at time.Time) error {
	return s.write(ctx, "vault.Lost", func(t *tx) error {
		status, err := one(ctx, t, "read grant", scanText, "SELECT status FROM oauth_grants WHERE id = $1"+s.d.forUpdate(), string(g))
		if err != nil && !errors.Is(err, errNone) {
			return err
		}
		if status == string(vault.GrantActive) {
			return nil
		}
		syncing := []string{string(crm.StatusConnecting), string(crm.StatusActive), string(crm.StatusDegraded), string(crm.StatusPaused)}
		return t.turn(ctx, g, syncing, fact.ConnectionLost, func(c *crm.Connection) {
			c.Status, c.StatusReason, c.UpdatedAt = crm.StatusNeedsReauth, reason, at
		})
	})
}

// Recovered clears needs_reauth: active again, or degraded where a wanted scope
// is not granted.
func (s *Store) Recovered(ctx context.Context, g crm.GrantID, at time.Time) error {
	return s.write(ctx, "vault.Recovered", func(t *tx) error {
		return t.turn(ctx, g, []string{string(crm.StatusNeedsReauth)}, fact.ConnectionChanged, func(c *crm.Connection) {
			c.Status, c.StatusReason = vault.Standing(c.GrantedScopes, c.WantedScopes)
			c.UpdatedAt = at
		})
	})
}

// Rescoped notes what Google grants now: people take single permissions back.
func (s *Store) Rescoped(ctx context.Context, g crm.GrantID, scopes []string, at time.Time) error {
	return s.write(ctx, "vault.Rescoped", func(t *tx) error {
		all := []string{string(crm.StatusActive), string(crm.StatusDegraded), string(crm.StatusPaused), string(crm.StatusNeedsReauth), string(crm.StatusConnecting)}
		return t.turn(ctx, g, all, fact.ConnectionChanged, func(c *crm.Connection) {
			if slices.Equal(c.GrantedScopes, scopes) {
				return
			}
			c.GrantedScopes, c.UpdatedAt = scopes, at
			if c.Status.Syncs() {
				c.Status, c.StatusReason = vault.Standing(scopes, c.WantedScopes)
			}
		})
	})
}

// turn changes the connections of a grant that are in one of the states.
func (t *tx) turn(ctx context.Context, g crm.GrantID, from []string, kind fact.Kind, change func(*crm.Connection)) error {
	list, err := all(ctx, t, "read connections", scanConnection, "SELECT "+connectionColumns+` FROM google_integrations c
		WHERE c.grant_id = $1 AND `+t.s.d.in("c.status", 2)+" ORDER BY c.id"+t.s.d.forUpdate(), string(g), t.s.d.list(from))
	if err != nil {
		return err
	}
	for _, c := range list {
		before := c
		change(&c)
		if same(before, c) {
			continue
		}
		if err := t.putConnection(ctx, c); err != nil {
			return err
		}
		t.connectionFact(kind, c)
	}
	return nil
}

// DueConnections gives connections whose next poll is due, in pages by id.
func (s *Store) DueConnections(ctx context.Context, now time.Time, after crm.ConnectionID, limit int) ([]crm.ConnectionID, error) {
	return all(ctx, s.reading("mail.DueConnections"), "list", func(r scanner) (id crm.ConnectionID, err error) {
		err = r.Scan(&id)
		return id, err
	}, `SELECT id FROM google_integrations
		WHERE gmail_sync_enabled AND status IN ('active', 'degraded') AND next_poll_at <= $1 AND id > $2 ORDER BY id LIMIT $3`,
		stamp(now), string(after), int64(limit))
}

// Polled stores when a connection is to be polled next.
func (s *Store) Polled(ctx context.Context, id crm.ConnectionID, next time.Time) error {
	return s.write(ctx, "mail.Polled", func(t *tx) error {
		_, err := t.exec(ctx, "store next poll", "UPDATE google_integrations SET next_poll_at = $2 WHERE id = $1", string(id), stamp(next))
		return err
	})
}

// deletedAtOnce bounds the transactions of DeleteData.
const deletedAtOnce = 2000

// DeleteData deletes everything synced by a connection, kept files too, what was
// written to be sent by it, and where its streams stood; the connection itself
// stays, and a message that is on its way this moment. It gives the number of
// messages deleted. It works in pieces: called again after a crash it goes on.
func (s *Store) DeleteData(ctx context.Context, w crm.WorkspaceID, id crm.ConnectionID) (int64, error) {
	no, err := one(ctx, s.reading("DeleteData"), "read", scanInt, "SELECT no FROM google_integrations WHERE workspace_id = $1 AND id = $2", string(w), string(id))
	if _, err = found(no, err, noConnection); err != nil {
		return 0, err
	}
	var deleted int64
	for first := true; ; first = false {
		var n int64
		err := s.write(ctx, "DeleteData", func(t *tx) error {
			if first {
				if err := t.forgetStreams(ctx, id, no); err != nil {
					return err
				}
			}
			piece, err := all(ctx, t, "find emails", scanInt, "SELECT pos FROM synced_emails WHERE pos BETWEEN $1 AND $2 ORDER BY pos LIMIT $3", lowest(no), highest(no), int64(deletedAtOnce))
			if n = int64(len(piece)); err != nil || n == 0 {
				return err
			}
			return t.dropEmails(ctx, piece)
		})
		deleted += n
		if err != nil || n == 0 {
			return deleted, err
		}
	}
}

func (t *tx) forgetStreams(ctx context.Context, id crm.ConnectionID, no int64) error {
	for _, table := range []string{"sync_streams", "sync_failures", "sync_runs", "completeness_checks", "gmail_labels", "gmail_labels_gone", "email_changes", "mail_shares", "excluded_emails"} {
		if _, err := t.exec(ctx, "delete "+table, "DELETE FROM "+table+" WHERE integration_id = $1", string(id)); err != nil {
			return err
		}
	}
	if err := t.forgetOutgoing(ctx, id); err != nil {
		return err
	}
	if _, err := t.exec(ctx, "delete link_choices", "DELETE FROM link_choices WHERE mailbox = $1", no); err != nil {
		return err
	}
	if _, err := t.exec(ctx, "delete counts", "DELETE FROM mailbox_counts WHERE mailbox = $1", no); err != nil {
		return err
	}
	_, err := t.exec(ctx, "clear history id", "UPDATE google_integrations SET gmail_history_id = '', next_poll_at = 0 WHERE id = $1", string(id))
	return err
}

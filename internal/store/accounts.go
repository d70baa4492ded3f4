package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/mail/accounts"
)

var (
	_ accounts.Rows   = (*Store)(nil)
	_ accounts.Copies = (*Store)(nil)
)

const accountColumns = `id, workspace_id, user_id, integration_id, shared, email, name, imap, smtp, sealed_password, folders,
	state, error, next_step, last_sync_at, created_at, updated_at`

const noAccount = "There is no such e-mail account."

func scanAccount(r scanner) (crm.Account, error) {
	var a crm.Account
	var imap, smtp, folders string
	var synced *int64
	var created, updated int64
	err := r.Scan(&a.ID, &a.WorkspaceID, &a.UserID, &a.ConnectionID, &a.Shared, &a.Email, &a.Name, &imap, &smtp, &a.Sealed, &folders,
		&a.State, &a.Error, &a.NextStep, &synced, &created, &updated)
	a.LastSyncAt, a.CreatedAt, a.UpdatedAt = clockPtr(synced), clock(created), clock(updated)
	return a, errors.Join(err, fromJSON(imap, &a.IMAP), fromJSON(smtp, &a.SMTP), fromJSON(folders, &a.Folders))
}

// AddAccount stores a new e-mail account with its own connection, if it has one.
func (s *Store) AddAccount(ctx context.Context, a crm.Account, conn crm.Connection) (crm.Account, error) {
	err := s.write(ctx, "accounts.Add", func(t *tx) error {
		if !a.Shared {
			if err := t.ownConnection(ctx, &conn); err != nil {
				return err
			}
			a.ConnectionID = conn.ID
		}
		n, err := t.exec(ctx, "insert account", "INSERT INTO email_accounts ("+accountColumns+") VALUES "+marks(1, 17)+" ON CONFLICT DO NOTHING",
			string(a.ID), string(a.WorkspaceID), string(a.UserID), string(a.ConnectionID), a.Shared, clean(a.Email), clean(a.Name),
			jsonText(a.IMAP), jsonText(a.SMTP), a.Sealed, listText(a.Folders), string(a.State), a.Error, a.NextStep,
			stampPtr(a.LastSyncAt), stamp(a.CreatedAt), stamp(a.UpdatedAt))
		if err == nil && n == 0 {
			return &fault.Error{Kind: fault.Conflict, Code: "account_exists", Text: "You have an e-mail account of this address already. Change that one, or delete it first."}
		}
		return err
	})
	return a, err
}

// ownConnection stores the connection of an account. One that the same mailbox
// had before goes on, with its mail.
func (t *tx) ownConnection(ctx context.Context, conn *crm.Connection) error {
	before, err := one(ctx, t, "read connection", scanConnection, "SELECT "+connectionColumns+` FROM google_integrations c
		WHERE c.workspace_id = $1 AND c.user_id = $2 AND c.google_sub = $3`+t.s.d.forUpdate(), string(conn.WorkspaceID), string(conn.UserID), conn.GoogleSub)
	switch {
	case err == nil:
		before.Status, before.StatusReason, before.UpdatedAt = conn.Status, "", conn.UpdatedAt
		*conn = before
	case !errors.Is(err, errNone):
		return err
	}
	if err := t.putConnection(ctx, *conn); err != nil {
		return err
	}
	t.connectionFact(fact.ConnectionChanged, *conn)
	return nil
}

// Account finds an account of a member.
func (s *Store) Account(ctx context.Context, w crm.WorkspaceID, u crm.UserID, id crm.AccountID) (crm.Account, error) {
	a, err := one(ctx, s.reading("accounts.Account"), "read", scanAccount,
		"SELECT "+accountColumns+" FROM email_accounts WHERE id = $1 AND workspace_id = $2 AND user_id = $3", string(id), string(w), string(u))
	return found(a, err, noAccount)
}

// AccountByID is for background work only: there is no workspace to check against.
func (s *Store) AccountByID(ctx context.Context, id crm.AccountID) (crm.Account, error) {
	a, err := one(ctx, s.reading("accounts.ByID"), "read", scanAccount, "SELECT "+accountColumns+" FROM email_accounts WHERE id = $1", string(id))
	return found(a, err, noAccount)
}

// AccountOf finds the account behind a connection.
func (s *Store) AccountOf(ctx context.Context, c crm.ConnectionID) (crm.Account, error) {
	a, err := one(ctx, s.reading("accounts.Of"), "read", scanAccount,
		"SELECT "+accountColumns+" FROM email_accounts WHERE integration_id = $1 ORDER BY created_at LIMIT 1", string(c))
	return found(a, err, noAccount)
}

// AccountsOf lists the accounts of a member, the oldest first.
func (s *Store) AccountsOf(ctx context.Context, w crm.WorkspaceID, u crm.UserID) ([]crm.Account, error) {
	return all(ctx, s.reading("accounts.List"), "list", scanAccount,
		"SELECT "+accountColumns+" FROM email_accounts WHERE workspace_id = $1 AND user_id = $2 ORDER BY created_at, id LIMIT 200", string(w), string(u))
}

// ChangeAccount lets fn change an account: not its ids, owner or connection.
func (s *Store) ChangeAccount(ctx context.Context, id crm.AccountID, fn func(*crm.Account) error) (crm.Account, error) {
	var a crm.Account
	err := s.write(ctx, "accounts.Change", func(t *tx) error {
		var err error
		a, err = one(ctx, t, "read account", scanAccount, "SELECT "+accountColumns+" FROM email_accounts WHERE id = $1"+s.d.forUpdate(), string(id))
		if a, err = found(a, err, noAccount); err != nil {
			return err
		}
		if err := fn(&a); err != nil {
			return err
		}
		a.UpdatedAt = clock(t.now)
		_, err = t.exec(ctx, "save account", `UPDATE email_accounts SET name = $2, imap = $3, smtp = $4, sealed_password = $5, folders = $6,
			state = $7, error = $8, next_step = $9, last_sync_at = $10, updated_at = $11 WHERE id = $1`,
			string(id), clean(a.Name), jsonText(a.IMAP), jsonText(a.SMTP), a.Sealed, listText(a.Folders),
			string(a.State), clean(a.Error), clean(a.NextStep), stampPtr(a.LastSyncAt), t.now)
		return err
	})
	return a, err
}

// DropAccount deletes an account; a connection of its own is disconnected, its
// mail stays.
func (s *Store) DropAccount(ctx context.Context, id crm.AccountID) error {
	return s.write(ctx, "accounts.Drop", func(t *tx) error {
		a, err := one(ctx, t, "read account", scanAccount, "SELECT "+accountColumns+" FROM email_accounts WHERE id = $1"+s.d.forUpdate(), string(id))
		if a, err = found(a, err, noAccount); err != nil {
			return err
		}
		if _, err := t.exec(ctx, "delete account", "DELETE FROM email_accounts WHERE id = $1", string(id)); err != nil {
			return err
		}
		if err := t.forgetPositions(ctx, a); err != nil || a.Shared {
			return err
		}
		c, err := one(ctx, t, "read connection", scanConnection, "SELECT "+connectionColumns+" FROM google_integrations c WHERE c.id = $1"+s.d.forUpdate(), string(a.ConnectionID))
		if err != nil {
			return err
		}
		c.Status, c.StatusReason, c.UpdatedAt = crm.StatusDisconnected, "The e-mail account was deleted.", clock(t.now)
		if err := t.putConnection(ctx, c); err != nil {
			return err
		}
		t.connectionFact(fact.ConnectionChanged, c)
		return nil
	})
}

// GoogleConnection finds the member's connection of a Google account by address.
func (s *Store) GoogleConnection(ctx context.Context, w crm.WorkspaceID, u crm.UserID, email string) (crm.Connection, error) {
	c, err := one(ctx, s.reading("accounts.GoogleConnection"), "read", scanConnection, "SELECT "+connectionColumns+` FROM google_integrations c
		WHERE c.workspace_id = $1 AND c.user_id = $2 AND LOWER(c.google_email) = $3 AND c.provider = 'google' AND c.status <> 'disconnected'
		ORDER BY c.created_at LIMIT 1`, string(w), string(u), strings.ToLower(email))
	return found(c, err, noConnection)
}

// SetMailbox changes the settings of an account's connection.
func (s *Store) SetMailbox(ctx context.Context, id crm.ConnectionID, fn func(*crm.ConnectionSettings)) (crm.Connection, error) {
	var c crm.Connection
	err := s.write(ctx, "accounts.SetMailbox", func(t *tx) error {
		var err error
		c, err = one(ctx, t, "read connection", scanConnection, "SELECT "+connectionColumns+" FROM google_integrations c WHERE c.id = $1"+s.d.forUpdate(), string(id))
		if c, err = found(c, err, noConnection); err != nil {
			return err
		}
		before := c
		fn(&c.Settings)
		if same(before, c) {
			return nil
		}
		c.UpdatedAt = clock(t.now)
		if err := t.putConnection(ctx, c); err != nil {
			return err
		}
		t.connectionFact(fact.ConnectionChanged, c)
		return nil
	})
	return c, err
}

// Watch claims accounts to listen to, and keeps the holder's.
func (s *Store) Watch(ctx context.Context, holder string, now, until time.Time, limit int) ([]crm.Account, error) {
	var list []crm.Account
	err := s.write(ctx, "accounts.Watch", func(t *tx) error {
		var err error
		list, err = all(ctx, t, "claim accounts", scanAccount, `UPDATE email_accounts SET watcher = $1, watched_until = $2
			WHERE (watched_until <= $3 OR watcher = $1) AND id IN (
				SELECT id FROM email_accounts WHERE (watched_until <= $3 OR watcher = $1) AND state NOT IN ('needs_login', 'waiting') ORDER BY CASE WHEN watcher = $1 THEN 0 ELSE 1 END, id LIMIT $4)
			RETURNING `+accountColumns, holder, stamp(until), stamp(now), int64(limit))
		return err
	})
	slices.SortFunc(list, func(a, b crm.Account) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list, err
}

// Listened says whether somebody has claimed an account to listen to it.
func (s *Store) Listened(ctx context.Context, id crm.AccountID, now time.Time) (bool, error) {
	n, err := one(ctx, s.reading("accounts.Listened"), "look", scanInt, "SELECT COUNT(*) FROM email_accounts WHERE id = $1 AND watched_until > $2", string(id), stamp(now))
	return n > 0, err
}

// ForgetPositions has all folders of an account listed again.
func (s *Store) ForgetPositions(ctx context.Context, a crm.Account) error {
	return s.write(ctx, "accounts.Forget", func(t *tx) error { return t.forgetPositions(ctx, a) })
}

func (t *tx) forgetPositions(ctx context.Context, a crm.Account) error {
	prefix := string(crm.FolderStream(a.ID, ""))
	_, err := t.exec(ctx, "forget positions", "DELETE FROM sync_streams WHERE integration_id = $1 AND substr(stream, 1, $2) = $3",
		string(a.ConnectionID), int64(len(prefix)), prefix)
	return err
}

// MailboxesOf lists the caller's own connections of every provider, Google's
// first, the oldest first.
func (s *Store) MailboxesOf(ctx context.Context, c access.Caller) ([]crm.Connection, error) {
	return all(ctx, s.reading("MailboxesOf"), "list", scanConnection, "SELECT "+connectionColumns+` FROM google_integrations c
		WHERE c.workspace_id = $1 AND (c.user_id = $2 OR $3) ORDER BY CASE WHEN c.provider = 'google' THEN 0 ELSE 1 END, c.created_at, c.id`,
		string(c.Workspace), string(c.UserID), c.Via == access.ViaSystem)
}

// SealedAccounts gives up to n accounts with a password after the id, by id.
func (s *Store) SealedAccounts(ctx context.Context, after crm.AccountID, n int) ([]crm.Account, error) {
	return all(ctx, s.reading("accounts.Sealed"), "list", scanAccount,
		"SELECT "+accountColumns+" FROM email_accounts WHERE id > $1 AND sealed_password <> '' ORDER BY id LIMIT $2", string(after), int64(n))
}

// ResealAccount swaps a password if the old one still stands.
func (s *Store) ResealAccount(ctx context.Context, id crm.AccountID, old, sealed string) error {
	return s.write(ctx, "accounts.Reseal", func(t *tx) error {
		_, err := t.exec(ctx, "swap password", "UPDATE email_accounts SET sealed_password = $3 WHERE id = $1 AND sealed_password = $2", string(id), old, sealed)
		return err
	})
}

package store

import (
	"context"
	"slices"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
)

// everyReader stands for every member of the workspace among readers.
const everyReader = ""

func readersOf(sh crm.Share) []string {
	var list []string
	for _, u := range sh.UserIDs {
		list = append(list, string(u))
	}
	if sh.Workspace {
		list = append(list, everyReader)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// SaveShare opens a message or a conversation of one of the caller's own
// mailboxes, with the facts mail.shared and its audit row. fault.NotFound when the
// caller does not own it, fault.Invalid for readers who are no members.
func (s *Store) SaveShare(ctx context.Context, c access.Caller, sh crm.Share, a access.Audit) (crm.Share, error) {
	err := s.write(ctx, "mail.SaveShare", func(t *tx) error {
		no, err := t.lockOwn(ctx, c, sh.ConnectionID)
		if err != nil {
			return err
		}
		pos, err := t.shareTarget(ctx, no, &sh)
		if err != nil {
			return err
		}
		if slices.Contains(sh.UserIDs, everyReader) { // who names nobody does not mean everybody
			return strangers()
		}
		readers := readersOf(sh)
		if err := t.checkReaders(ctx, c, readers); err != nil {
			return err
		}
		sh.WorkspaceID, sh.CreatedBy, sh.CreatedAt = c.Workspace, c.UserID, clock(t.now)
		_, err = t.exec(ctx, "insert share", "INSERT INTO mail_shares (id, workspace_id, integration_id, gmail_thread_id, email_pos, created_by, created_at) VALUES "+marks(1, 7),
			string(sh.ID), string(sh.WorkspaceID), string(sh.ConnectionID), clean(sh.ThreadID), pos, string(sh.CreatedBy), t.now)
		if err != nil {
			return err
		}
		ids := slices.Repeat([]string{string(sh.ID)}, len(readers))
		if err := t.insert(ctx, "insert readers", "mail_share_readers", len(readers), "", column{"share_id", ids}, column{"reader", readers}); err != nil {
			return err
		}
		if err := t.openThreads(ctx, no, sh.ConnectionID, []string{sh.ThreadID}); err != nil {
			return err
		}
		t.tellShare(sh, readers, "shared")
		return t.record(ctx, []access.Audit{a})
	})
	return sh, err
}

// lockOwn finds a mailbox of the caller's own and waits for what is being written
// into it.
func (t *tx) lockOwn(ctx context.Context, c access.Caller, id crm.ConnectionID) (no int64, err error) {
	no, err = one(ctx, t, "lock connection", scanInt, "SELECT no FROM google_integrations WHERE id = $1 AND workspace_id = $2 AND user_id = $3 AND $3 <> ''"+t.s.d.forUpdate(),
		string(id), string(c.Workspace), string(c.UserID))
	return found(no, err, noConnection)
}

// shareTarget finds what is to be shared and fills in its thread.
func (t *tx) shareTarget(ctx context.Context, no int64, sh *crm.Share) (pos *int64, err error) {
	if sh.EmailID == "" {
		n, err := one(ctx, t, "look for the thread", scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM synced_emails WHERE gmail_thread_id = $1 AND pos BETWEEN $2 AND $3 AND deleted_at IS NULL LIMIT 1) x",
			sh.ThreadID, lowest(no), highest(no))
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "There is no such conversation.")
		}
		return nil, err
	}
	var at int64
	var protected bool
	_, err = one(ctx, t, "look for the message", func(r scanner) (int, error) { return 0, r.Scan(&at, &sh.ThreadID, &protected) },
		"SELECT pos, gmail_thread_id, protected FROM synced_emails WHERE id = $1 AND pos BETWEEN $2 AND $3 AND deleted_at IS NULL", string(sh.EmailID), lowest(no), highest(no))
	if _, err = found(0, err, "There is no such message."); err != nil {
		return nil, err
	}
	if protected {
		return nil, fault.New(fault.Conflict, "This message has a protected address: it stays yours alone.")
	}
	return &at, nil
}

func (t *tx) checkReaders(ctx context.Context, c access.Caller, readers []string) error {
	people := slices.DeleteFunc(slices.Clone(readers), func(r string) bool { return r == everyReader })
	n, err := one(ctx, t, "look for members", scanInt, "SELECT COUNT(*) FROM members WHERE workspace_id = $1 AND "+t.s.d.in("user_id", 2), string(c.Workspace), t.s.d.list(people))
	if err == nil && (int(n) != len(people) || slices.Contains(people, string(c.UserID))) {
		err = strangers()
	}
	return err
}

func strangers() error {
	return &fault.Error{Kind: fault.Invalid, Text: "Share with other members of the workspace.", Fields: map[string]string{"user_ids": "must be other members of the workspace"}}
}

// openThreads lets the readers of shares read the messages of threads.
func (t *tx) openThreads(ctx context.Context, no int64, c crm.ConnectionID, threads []string) error {
	_, err := t.exec(ctx, "open messages", `INSERT INTO email_readers (reader, pos)
		SELECT DISTINCT r.reader, e.pos FROM mail_shares s JOIN mail_share_readers r ON r.share_id = s.id
			JOIN synced_emails e ON e.gmail_thread_id = s.gmail_thread_id AND e.pos BETWEEN $3 AND $4 AND (s.email_pos IS NULL OR s.email_pos = e.pos)
		WHERE s.integration_id = $1 AND `+t.s.d.in("s.gmail_thread_id", 2)+` ON CONFLICT DO NOTHING`, string(c), t.s.d.list(threads), lowest(no), highest(no))
	return err
}

// DropShare closes what a share opened, as far as no other share does, with facts
// and audit row. fault.NotFound when the caller does not own the mailbox.
func (s *Store) DropShare(ctx context.Context, c access.Caller, id crm.ShareID, a access.Audit) error {
	return s.write(ctx, "mail.DropShare", func(t *tx) error {
		list, err := s.sharesWhere(ctx, t, "s.id = $1 AND s.workspace_id = $2", string(id), string(c.Workspace))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fault.New(fault.NotFound, noShare)
		}
		sh := list[0]
		no, err := t.lockOwn(ctx, c, sh.ConnectionID)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, noShare)
		}
		if err != nil {
			return err
		}
		n, err := t.exec(ctx, "delete share", "DELETE FROM mail_shares WHERE id = $1", string(id))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, noShare)
		}
		_, err = t.exec(ctx, "close messages", `DELETE FROM email_readers WHERE pos IN
			(SELECT e.pos FROM synced_emails e WHERE e.gmail_thread_id = $1 AND e.pos BETWEEN $2 AND $3)`, sh.ThreadID, lowest(no), highest(no))
		if err != nil {
			return err
		}
		if err := t.openThreads(ctx, no, sh.ConnectionID, []string{sh.ThreadID}); err != nil {
			return err
		}
		a.Target = string(sh.ID)
		t.tellShare(sh, readersOf(sh), "unshared")
		return t.record(ctx, []access.Audit{a})
	})
}

const noShare = "There is no such share."

// tellShare tells the readers and the owner.
func (t *tx) tellShare(sh crm.Share, readers []string, what string) {
	data := map[string]any{"connection_id": sh.ConnectionID, "thread_id": sh.ThreadID, "state": what}
	if sh.EmailID != "" {
		data["email_id"] = sh.EmailID
	}
	f := fact.Fact{Kind: fact.MailShared, WorkspaceID: sh.WorkspaceID, ConnectionID: sh.ConnectionID, Data: []byte(jsonText(data))}
	if slices.Contains(readers, everyReader) {
		t.fact(f)
		return
	}
	for _, r := range append(readers, string(sh.CreatedBy)) {
		f.UserID = crm.UserID(r)
		t.fact(f)
	}
}

// Shares lists the shares of a mailbox of the caller's own, of one thread or all,
// the newest first.
func (s *Store) Shares(ctx context.Context, c access.Caller, connection crm.ConnectionID, thread string) ([]crm.Share, error) {
	from := s.reading("mail.Shares")
	_, err := one(ctx, from, "find connection", scanInt, "SELECT no FROM google_integrations WHERE id = $1 AND workspace_id = $2 AND user_id = $3", string(connection), string(c.Workspace), string(c.UserID))
	if _, err = found(0, err, noConnection); err != nil {
		return nil, err
	}
	return s.sharesWhere(ctx, from, "s.integration_id = $1 AND ($2 = '' OR s.gmail_thread_id = $2)", string(connection), thread)
}

func (s *Store) sharesWhere(ctx context.Context, from source, where string, args ...any) ([]crm.Share, error) {
	var list []crm.Share
	err := each(ctx, from, "read shares", func(r scanner) error {
		var sh crm.Share
		var reader string
		var at int64
		err := r.Scan(&sh.ID, &sh.WorkspaceID, &sh.ConnectionID, &sh.ThreadID, &sh.EmailID, &sh.CreatedBy, &at, &reader)
		if n := len(list); n == 0 || list[n-1].ID != sh.ID {
			sh.CreatedAt = clock(at)
			list = append(list, sh)
		}
		if last := &list[len(list)-1]; reader == everyReader {
			last.Workspace = true
		} else {
			last.UserIDs = append(last.UserIDs, crm.UserID(reader))
		}
		return err
	}, `SELECT s.id, s.workspace_id, s.integration_id, s.gmail_thread_id, COALESCE(e.id, ''), s.created_by, s.created_at, r.reader
		FROM mail_shares s JOIN mail_share_readers r ON r.share_id = s.id LEFT JOIN synced_emails e ON e.pos = s.email_pos
		WHERE `+where+" ORDER BY s.created_at DESC, s.id DESC, r.reader", args...)
	return list, err
}

// forgetReader takes a user out of all shares of a workspace; shares that nobody is
// left to read end.
func (t *tx) forgetReader(ctx context.Context, w crm.WorkspaceID, u crm.UserID) error {
	for _, one := range []struct{ what, query string }{
		{"forget reader", "DELETE FROM mail_share_readers WHERE reader = $2 AND share_id IN (SELECT id FROM mail_shares WHERE workspace_id = $1)"},
		{"forget reader of messages", "DELETE FROM email_readers WHERE reader = $2 AND EXISTS (SELECT 1 FROM synced_emails e WHERE e.pos = email_readers.pos AND e.workspace_id = $1)"},
		{"end shares", "DELETE FROM mail_shares WHERE workspace_id = $1 AND $2 <> '' AND NOT EXISTS (SELECT 1 FROM mail_share_readers r WHERE r.share_id = mail_shares.id)"},
	} {
		if _, err := t.exec(ctx, one.what, one.query, string(w), string(u)); err != nil {
			return err
		}
	}
	return nil
}

// MailboxLabels gives the names of all labels in the caller's own mailboxes.
func (s *Store) MailboxLabels(ctx context.Context, c access.Caller) ([]string, error) {
	list, err := all(ctx, s.reading("mail.MailboxLabels"), "list", scanText, `SELECT DISTINCT g.name FROM gmail_labels g JOIN google_integrations c ON c.id = g.integration_id
		WHERE c.workspace_id = $1 AND c.user_id = $2 ORDER BY g.name`, string(c.Workspace), string(c.UserID))
	return list, err
}

package store

import (
	"context"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/mail"
	"rapport/internal/mail/accounts"
)

// ApplyFolder is Apply with the copies of a folder, in one transaction.
func (s *Store) ApplyFolder(ctx context.Context, k mail.Key, from engine.Checkpoint, b engine.Batch[mail.Item], f accounts.FolderBatch) (crm.Counts, error) {
	return s.applied(ctx, "accounts.Apply", k, from, func(t *tx) (engine.Batch[mail.Item], error) {
		whole := b
		touched, err := t.saveCopies(ctx, f)
		if err == nil {
			whole.Changes, err = t.fromCopies(ctx, f, b.Changes, touched)
		}
		return whole, err
	})
}

// Placed notes what copies say and which are gone, beside all folders' positions.
func (s *Store) Placed(ctx context.Context, k mail.Key, said []accounts.FolderBatch) error {
	k.Stream = crm.StreamGmailChange
	return s.write(ctx, "accounts.Placed", func(t *tx) error {
		var touched []string
		for _, f := range said { // before the connection is locked, as in ApplyFolder
			some, err := t.saveCopies(ctx, f)
			if err != nil {
				return err
			}
			touched = append(touched, some...)
		}
		if len(touched) == 0 {
			return nil
		}
		slices.Sort(touched)
		changes, err := t.fromCopies(ctx, accounts.FolderBatch{Account: said[0].Account}, nil, slices.Compact(touched))
		if err != nil {
			return err
		}
		a := newApply(t, k)
		if _, err := a.lock(ctx); err != nil {
			return err
		}
		if err := a.load(ctx, changes); err != nil {
			return err
		}
		for _, c := range changes {
			a.take(c)
		}
		if err := a.write(ctx); err != nil {
			return err
		}
		a.tell()
		return nil
	})
}

// FoldersOf names the folders in which copies are known.
func (s *Store) FoldersOf(ctx context.Context, a crm.AccountID) ([]string, error) {
	return all(ctx, s.reading("accounts.FoldersOf"), "list", scanText, "SELECT DISTINCT folder FROM imap_copies WHERE account_id = $1", string(a))
}

// Sizes gives the sizes of stored messages.
func (s *Store) Sizes(ctx context.Context, c crm.ConnectionID, ids []string) (map[string]int64, error) {
	out := make(map[string]int64, len(ids))
	return out, each(ctx, s.reading("accounts.Sizes"), "read", func(r scanner) error {
		var id string
		var size int64
		err := r.Scan(&id, &size)
		out[id] = size
		return err
	}, "SELECT gmail_id, size FROM synced_emails WHERE integration_id = $1 AND "+s.d.in("gmail_id", 2), string(c), s.d.list(ids))
}

// saveCopies writes what a batch says about copies and names the messages it is
// about.
func (t *tx) saveCopies(ctx context.Context, f accounts.FolderBatch) (touched []string, err error) {
	for _, c := range f.Seen {
		touched = append(touched, c.MessageID)
	}
	lost, err := t.dropCopies(ctx, f)
	if err != nil {
		return nil, err
	}
	touched = append(touched, lost...)
	n := len(f.Seen)
	account, folder, ids, labels := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	validity, uids := make([]int64, n), make([]int64, n)
	for i, c := range f.Seen {
		account[i], folder[i], ids[i], labels[i] = string(f.Account), clean(f.Folder), c.MessageID, listText(labelSet(c.Labels))
		validity[i], uids[i] = int64(f.Validity), int64(c.UID)
	}
	err = t.insert(ctx, "save copies", "imap_copies", n, `ON CONFLICT (account_id, folder, validity, uid)
		DO UPDATE SET gmail_id = excluded.gmail_id, labels = excluded.labels`,
		column{"account_id", account}, column{"folder", folder}, column{"validity", validity}, column{"uid", uids}, column{"gmail_id", ids}, column{"labels", labels})
	slices.Sort(touched)
	return slices.Compact(touched), err
}

// dropCopies deletes copies that are gone and names their messages.
func (t *tx) dropCopies(ctx context.Context, f accounts.FolderBatch) ([]string, error) {
	var lost []string
	if len(f.Gone) > 0 {
		uids := make([]int64, len(f.Gone))
		for i, u := range f.Gone {
			uids[i] = int64(u)
		}
		gone, err := all(ctx, t, "delete copies", scanText, "DELETE FROM imap_copies WHERE account_id = $1 AND folder = $2 AND validity = $3 AND "+
			t.s.d.in("uid", 4)+" RETURNING gmail_id", string(f.Account), clean(f.Folder), int64(f.Validity), t.s.d.list(uids))
		if err != nil {
			return nil, err
		}
		lost = gone
	}
	if f.Others {
		gone, err := all(ctx, t, "delete copies", scanText, "DELETE FROM imap_copies WHERE account_id = $1 AND folder = $2 AND validity <> $3 RETURNING gmail_id",
			string(f.Account), clean(f.Folder), int64(f.Validity))
		if err != nil {
			return nil, err
		}
		lost = append(lost, gone...)
	}
	return lost, nil
}

// fromCopies completes changes by what all copies of the messages say.
func (t *tx) fromCopies(ctx context.Context, f accounts.FolderBatch, changes []engine.Change[mail.Item], touched []string) ([]engine.Change[mail.Item], error) {
	if f.Yield || len(touched) == 0 {
		return changes, nil
	}
	labels := map[string][]string{}
	err := each(ctx, t, "read copies", func(r scanner) error {
		var id, text string
		if err := r.Scan(&id, &text); err != nil {
			return err
		}
		list, err := readList(text)
		labels[id] = append(labels[id], list...)
		if labels[id] == nil {
			labels[id] = []string{}
		}
		return err
	}, "SELECT gmail_id, labels FROM imap_copies WHERE account_id = $1 AND "+t.s.d.in("gmail_id", 2), string(f.Account), t.s.d.list(touched))
	if err != nil {
		return nil, err
	}
	if f.Whole {
		for _, c := range f.Seen {
			labels[c.MessageID] = c.Labels
		}
	}
	out := slices.Clone(changes)
	named := make(map[string]bool, len(changes))
	for _, c := range out {
		named[c.ID] = true
		if c.Value != nil && c.Value.Email != nil {
			c.Value.Email.Labels = labelSet(labels[c.ID])
		}
	}
	for _, id := range touched {
		if named[id] {
			continue
		}
		c := engine.Change[mail.Item]{ID: id}
		if list, here := labels[id]; here {
			c.Value = &mail.Item{Labels: list}
		}
		out = append(out, c)
	}
	return out, nil
}

// CopiesIn lists the copies in a folder with UIDs from first to last, by UID.
func (s *Store) CopiesIn(ctx context.Context, a crm.AccountID, folder string, validity, first, last uint32) ([]accounts.Copy, error) {
	return all(ctx, s.reading("accounts.CopiesIn"), "list", func(r scanner) (c accounts.Copy, err error) {
		var labels string
		if err = r.Scan(&c.UID, &c.MessageID, &labels); err == nil {
			c.Labels, err = readList(labels)
		}
		return c, err
	}, "SELECT uid, gmail_id, labels FROM imap_copies WHERE account_id = $1 AND folder = $2 AND validity = $3 AND uid BETWEEN $4 AND $5 ORDER BY uid",
		string(a), clean(folder), int64(validity), int64(first), int64(last))
}

// CopiesOf lists where a message lies.
func (s *Store) CopiesOf(ctx context.Context, a crm.AccountID, messageID string) ([]accounts.Place, error) {
	return all(ctx, s.reading("accounts.CopiesOf"), "list", func(r scanner) (p accounts.Place, err error) {
		err = r.Scan(&p.Folder, &p.Validity, &p.UID)
		return p, err
	}, "SELECT folder, validity, uid FROM imap_copies WHERE account_id = $1 AND gmail_id = $2 ORDER BY folder, uid", string(a), messageID)
}

// OtherCopies counts the copies in a folder under other validities.
func (s *Store) OtherCopies(ctx context.Context, a crm.AccountID, folder string, validity uint32) (int64, error) {
	return one(ctx, s.reading("accounts.OtherCopies"), "count", scanInt,
		"SELECT COUNT(*) FROM imap_copies WHERE account_id = $1 AND folder = $2 AND validity <> $3", string(a), clean(folder), int64(validity))
}

// KeepFolders forgets copies and positions of all folders but these.
func (s *Store) KeepFolders(ctx context.Context, a crm.Account, folders []string) error {
	followed, err := s.FoldersOf(ctx, a.ID)
	if err != nil {
		return err
	}
	var dropped []string
	for _, f := range followed {
		if !slices.Contains(cleanAll(folders), f) {
			dropped = append(dropped, f)
		}
	}
	if len(dropped) == 0 {
		return nil
	}
	return s.write(ctx, "accounts.KeepFolders", func(t *tx) error {
		for _, f := range dropped {
			if _, err := t.exec(ctx, "forget position", "DELETE FROM sync_streams WHERE integration_id = $1 AND stream = $2",
				string(a.ConnectionID), string(crm.FolderStream(a.ID, f))); err != nil {
				return err
			}
		}
		_, err := t.exec(ctx, "forget copies", "DELETE FROM imap_copies WHERE account_id = $1 AND "+t.s.d.in("folder", 2), string(a.ID), t.s.d.list(dropped))
		return err
	})
}

// ThreadsOf finds the threads of stored messages by their Message-ID.
func (s *Store) ThreadsOf(ctx context.Context, c crm.ConnectionID, messageIDs []string) (map[string]string, error) {
	threads := map[string]string{}
	if len(messageIDs) == 0 {
		return threads, nil
	}
	return threads, each(ctx, s.reading("accounts.ThreadsOf"), "read", func(r scanner) error {
		var id, thread string
		err := r.Scan(&id, &thread)
		threads[id] = thread
		return err
	}, "SELECT rfc822_message_id, gmail_thread_id FROM synced_emails WHERE integration_id = $1 AND rfc822_message_id <> '' AND "+s.d.in("rfc822_message_id", 2), string(c), s.d.list(messageIDs))
}

// LabelsKnown gives the labels of a mailbox as last saved.
func (s *Store) LabelsKnown(ctx context.Context, c crm.ConnectionID) ([]crm.Label, error) {
	return s.labels(ctx, s.reading("accounts.Labels"), c)
}

// Empty reports whether nothing of a connection was ever stored.
func (s *Store) Empty(ctx context.Context, c crm.ConnectionID) (bool, error) {
	n, err := one(ctx, s.reading("accounts.Empty"), "look", scanInt,
		"SELECT COUNT(*) FROM (SELECT 1 FROM synced_emails WHERE integration_id = $1 LIMIT 1) stored", string(c))
	return n == 0, err
}

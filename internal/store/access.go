package store

import (
	"context"
	"fmt"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// visible is the one rule of who may read whose mail, as a condition on a row c
// of google_integrations; its parameters begin at number n. The owner of a
// connection reads everything, other members of the workspace what is shared in
// full. A key acts as the member who made it; administrators have no more rights
// here than others.
func visible(c access.Caller, n int) (condition string, args []any) {
	switch {
	case c.Workspace == "":
		return "FALSE", nil
	case c.Via == access.ViaSystem:
		return fmt.Sprintf("c.workspace_id = $%d", n), []any{string(c.Workspace)}
	case c.Via == access.ViaNobody || c.UserID == "":
		return "FALSE", nil
	}
	return fmt.Sprintf("c.workspace_id = $%d AND (c.user_id = $%d OR c.visibility = 'full')", n, n+1), []any{string(c.Workspace), string(c.UserID)}
}

// box is a mailbox the caller may read.
type box struct {
	no int64
	id crm.ConnectionID
}

// boxes gives the mailboxes that a caller may read: all, or the one asked for,
// which does not exist for those who may not.
func (s *Store) boxes(ctx context.Context, c access.Caller, only crm.ConnectionID) ([]box, error) {
	condition, args := visible(c, 1)
	query := "SELECT c.no, c.id FROM google_integrations c WHERE " + condition
	if only != "" {
		args = append(args, string(only))
		query += fmt.Sprintf(" AND c.id = $%d", len(args))
	}
	list, err := all(ctx, s.reading("mail"), "find mailboxes", func(r scanner) (b box, err error) {
		err = r.Scan(&b.no, &b.id)
		return b, err
	}, query+" ORDER BY c.no", args...)
	if err == nil && only != "" && len(list) == 0 {
		return nil, fault.New(fault.NotFound, noConnection)
	}
	return list, err
}

// Email reads a message with bodies and attachments.
func (s *Store) Email(ctx context.Context, c access.Caller, id crm.EmailID) (crm.Email, error) {
	condition, args := visible(c, 2)
	list, err := s.whole(ctx, s.reading("mail.Email"), "e.id = $1 AND e.deleted_at IS NULL AND "+readable(condition), append([]any{string(id)}, args...)...)
	if err != nil {
		return crm.Email{}, err
	}
	if len(list) == 0 {
		return crm.Email{}, fault.New(fault.NotFound, "There is no such message.")
	}
	return list[0], nil
}

// readable puts the rule of visible before a message e.
func readable(condition string) string {
	return "EXISTS (SELECT 1 FROM google_integrations c WHERE c.id = e.integration_id AND " + condition + ")"
}

// Thread reads the messages of a thread, the oldest first, without those in spam,
// trash or drafts unless there are no others.
func (s *Store) Thread(ctx context.Context, c access.Caller, connection crm.ConnectionID, threadID string) ([]crm.Email, error) {
	condition, args := visible(c, 3)
	list, err := s.whole(ctx, s.reading("mail.Thread"), "e.gmail_thread_id = $1 AND e.integration_id = $2 AND e.deleted_at IS NULL AND "+readable(condition),
		append([]any{threadID, string(connection)}, args...)...)
	if err != nil {
		return nil, err
	}
	var seen []crm.Email
	for _, e := range list {
		if shown(true, e.Labels) {
			seen = append(seen, e)
		}
	}
	if len(seen) == 0 {
		seen = list
	}
	if len(seen) == 0 {
		return nil, fault.New(fault.NotFound, "There is no such conversation.")
	}
	return seen, nil
}

// LabelsOf lists the labels of a mailbox with their numbers.
func (s *Store) LabelsOf(ctx context.Context, c access.Caller, connection crm.ConnectionID) ([]mail.LabelCount, error) {
	found, err := s.boxes(ctx, c, connection)
	if err != nil {
		return nil, err
	}
	return all(ctx, s.reading("mail.LabelsOf"), "list", func(r scanner) (l mail.LabelCount, err error) {
		err = r.Scan(&l.ID, &l.Name, &l.Type, &l.TextColor, &l.BackgroundColor, &l.Total, &l.Unread)
		return l, err
	}, `SELECT g.id, g.name, g.type, g.text_color, g.background_color, COALESCE(n.total, 0), COALESCE(n.unread, 0)
		FROM gmail_labels g LEFT JOIN mailbox_counts n ON n.mailbox = $2 AND n.label = g.id
		WHERE g.integration_id = $1 ORDER BY g.type, g.name, g.id`, string(connection), found[0].no)
}

// CountsOf gives the numbers of a connection: its messages without spam, trash
// and drafts, and its ledger.
func (s *Store) CountsOf(ctx context.Context, connection crm.ConnectionID) (mail.Totals, error) {
	v, err := one(ctx, s.reading("mail.CountsOf"), "read", func(r scanner) (v mail.Totals, err error) {
		err = r.Scan(&v.Messages, &v.Unread, &v.Threads, &v.Failures, &v.Parked)
		return v, err
	}, `SELECT COALESCE(n.total, 0), COALESCE(n.unread, 0), COALESCE(n.threads, 0),
			(SELECT COUNT(*) FROM sync_failures f WHERE f.integration_id = c.id),
			(SELECT COUNT(*) FROM sync_failures f WHERE f.integration_id = c.id AND f.parked)
		FROM google_integrations c LEFT JOIN mailbox_counts n ON n.mailbox = c.no AND n.label = '' WHERE c.id = $1`, string(connection))
	return found(v, err, noConnection)
}

// Raw reads Google's answer about a message as it was fetched (zstd),
// fault.NotFound when it was not kept.
func (s *Store) Raw(ctx context.Context, c access.Caller, id crm.EmailID) ([]byte, error) {
	condition, args := visible(c, 2)
	raw, err := one(ctx, s.reading("mail.Raw"), "read", func(r scanner) (b []byte, err error) {
		err = r.Scan(&b)
		return b, err
	}, "SELECT r.raw FROM synced_emails e JOIN email_raw r ON r.pos = e.pos WHERE e.id = $1 AND e.deleted_at IS NULL AND "+readable(condition),
		append([]any{string(id)}, args...)...)
	return found(raw, err, "Google's answer about this message was not kept.")
}

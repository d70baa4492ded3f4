package store

import (
	"context"
	"errors"
	"slices"

	"rapport/internal/crm"
)

const headColumns = `e.pos, e.id, e.workspace_id, e.integration_id, e.gmail_id, e.gmail_thread_id, e.rfc822_message_id, e.in_reply_to,
	e.subject, e.from_email, e.from_name, e.to_emails, e.cc, e.bcc, e.reply_to, e.snippet, e.labels, e.gmail_date, e.size, e.bulk,
	e.has_attachments, e.history_id, e.deleted_at`

// headers of a message, and what they are scanned into.
type head struct {
	pos                          int64
	email                        crm.Email
	to, cc, bcc, replyTo, labels string
	date, history                int64
	deleted                      *int64
	references                   string
}

func (h *head) dest() []any {
	e := &h.email
	return []any{&h.pos, &e.ID, &e.WorkspaceID, &e.ConnectionID, &e.GmailID, &e.ThreadID, &e.RFC822MessageID, &e.InReplyTo,
		&e.Subject, &e.From.Email, &e.From.Name, &h.to, &h.cc, &h.bcc, &h.replyTo, &e.Snippet, &h.labels, &h.date, &e.Size, &e.Bulk,
		&e.HasAttachments, &h.history, &h.deleted}
}

func (h *head) finish() error {
	e := &h.email
	e.Date, e.HistoryID, e.DeletedAt = clock(h.date), uint64(h.history), clockPtr(h.deleted)
	var errs [5]error
	e.To, errs[0] = readAddresses(h.to)
	e.Cc, errs[1] = readAddresses(h.cc)
	e.Bcc, errs[2] = readAddresses(h.bcc)
	e.ReplyTo, errs[3] = readAddresses(h.replyTo)
	e.Labels, errs[4] = readList(h.labels)
	return errors.Join(errs[:]...)
}

// scanHead reads a row of a list, without what the caller does not see.
func scanHead(r scanner) (head, error) {
	var h head
	if err := r.Scan(append(h.dest(), viewDest(&h.email.View)...)...); err != nil {
		return h, err
	}
	err := h.finish()
	conceal(&h.email)
	return h, err
}

func scanWhole(r scanner) (head, error) {
	var h head
	e := &h.email
	if err := r.Scan(append(append(h.dest(), &h.references, &e.BodyText, &e.BodyHTML), viewDest(&e.View)...)...); err != nil {
		return h, err
	}
	err := h.finish()
	if err == nil {
		e.References, err = readList(h.references)
	}
	conceal(e)
	return h, err
}

// whole reads messages with bodies and attachments, the oldest first, for work
// within the store.
func (s *Store) whole(ctx context.Context, from source, where string, args ...any) ([]crm.Email, error) {
	return s.seen(ctx, from, everything, where, args...)
}

// seen reads as much of messages as a caller sees, with bodies and attachments,
// the oldest first. The parameters of v follow those of where.
func (s *Store) seen(ctx context.Context, from source, v sight, where string, args ...any) ([]crm.Email, error) {
	heads, err := all(ctx, from, "read emails", scanWhole, "SELECT "+headColumns+`, e.reference_ids, COALESCE(b.body_text, ''), COALESCE(b.body_html, ''), `+v.viewColumns()+`
		FROM synced_emails e`+viewJoin+" LEFT JOIN email_bodies b ON b.pos = e.pos WHERE "+where+" AND "+v.where+" ORDER BY e.pos", append(slices.Clone(args), v.args...)...)
	if err != nil || len(heads) == 0 {
		return nil, err
	}
	at := make(map[int64]int, len(heads))
	pos := make([]int64, len(heads))
	emails := make([]crm.Email, len(heads))
	for i, h := range heads {
		at[h.pos], pos[i], emails[i] = i, h.pos, h.email
	}
	err = each(ctx, from, "read attachments", func(r scanner) error {
		var p int64
		var f crm.Attachment
		if err := r.Scan(&p, &f.ID, &f.PartID, &f.Name, &f.Type, &f.Size, &f.ContentID, &f.Inline); err != nil {
			return err
		}
		if e := &emails[at[p]]; e.View.Level == crm.LevelFull {
			e.Attachments = append(e.Attachments, f)
		}
		return nil
	}, "SELECT pos, id, part_id, name, type, size, content_id, inline FROM email_attachments WHERE "+s.d.in("pos", 1)+
		" ORDER BY pos, LENGTH(part_id), part_id", s.d.list(pos))
	return emails, err
}

package store

import (
	"context"
	"errors"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// Labels of our own and those that keep a message out of ordinary lists.
const attachmentLabel = "*attachment"

func hides(label string) bool { return label == "SPAM" || label == "TRASH" || label == "DRAFT" }

func shown(live bool, labels []string) bool { return live && !slices.ContainsFunc(labels, hides) }

// saveMessages writes rows, bodies, label index and numbers.
func (a *apply) saveMessages(ctx context.Context) error {
	a.wrote = len(a.inserts)+len(a.contents)+len(a.relabelled)+len(a.tombstones) > 0
	if !a.wrote {
		return nil
	}
	if err := a.saveCounts(ctx); err != nil {
		return err
	}
	if err := a.place(ctx); err != nil {
		return err
	}
	for _, write := range []func(context.Context) error{a.insertRows, a.updateContents, a.updateStates, a.saveBodies, a.saveFiles, a.saveLabels, a.queueForIndex, a.openShared} {
		if err := write(ctx); err != nil {
			return err
		}
	}
	return nil
}

// place gives new messages their positions and identifiers.
func (a *apply) place(ctx context.Context) error {
	if len(a.inserts) == 0 {
		return nil
	}
	wanted := make([]int64, len(a.inserts))
	seconds := make([]int64, 0, len(a.inserts))
	loaded := make(map[int64]bool, len(a.inserts))
	for i, m := range a.inserts {
		wanted[i] = wantedPosition(a.no, m.email.Date)
		if s := wanted[i] >> slotBits; !loaded[s] {
			loaded[s] = true
			seconds = append(seconds, s<<slotBits)
		}
		if m.id = m.email.ID; m.id == "" {
			m.id = crm.EmailID(a.t.s.newID())
		}
	}
	taken := make(map[int64]bool, len(a.inserts))
	load := func(seconds ...int64) error {
		return each(ctx, a.t, "read positions", func(r scanner) error {
			pos, err := scanInt(r)
			taken[pos] = true
			return err
		}, "SELECT e.pos FROM "+a.t.s.d.each(1, "bigint")+" JOIN synced_emails e ON e.pos BETWEEN v.value AND v.value + 511", a.t.s.d.list(seconds))
	}
	if err := load(seconds...); err != nil {
		return err
	}
	placed, err := place(wanted, taken, func(second int64) error {
		if loaded[second] {
			return nil
		}
		loaded[second] = true
		return load(second << slotBits)
	})
	for i, m := range a.inserts {
		if err == nil {
			m.pos = placed[i]
		}
	}
	return err
}

// texts, numbers and flags are columns of messages.
func texts(name string, of []*message, get func(*message) string) column {
	v := make([]string, len(of))
	for i, m := range of {
		v[i] = get(m)
	}
	return column{name, v}
}

func numbers(name string, of []*message, get func(*message) int64) column {
	v := make([]int64, len(of))
	for i, m := range of {
		v[i] = get(m)
	}
	return column{name, v}
}

func flags(name string, of []*message, get func(*message) bool) column {
	v := make([]bool, len(of))
	for i, m := range of {
		v[i] = get(m)
	}
	return column{name, v}
}

func position(of []*message) column {
	return numbers("pos", of, func(m *message) int64 { return m.pos })
}

// contentColumns are those that a whole message fills.
func contentColumns(of []*message) []column {
	return []column{
		texts("gmail_thread_id", of, func(m *message) string { return clean(m.thread) }),
		texts("rfc822_message_id", of, func(m *message) string { return clean(m.email.RFC822MessageID) }),
		texts("in_reply_to", of, func(m *message) string { return clean(m.email.InReplyTo) }),
		texts("reference_ids", of, func(m *message) string { return listText(m.email.References) }),
		texts("subject", of, func(m *message) string { return clean(m.email.Subject) }),
		texts("from_email", of, func(m *message) string { return clean(m.email.From.Email) }),
		texts("from_name", of, func(m *message) string { return clean(m.email.From.Name) }),
		texts("to_emails", of, func(m *message) string { return addressesText(m.email.To) }),
		texts("cc", of, func(m *message) string { return addressesText(m.email.Cc) }),
		texts("bcc", of, func(m *message) string { return addressesText(m.email.Bcc) }),
		texts("reply_to", of, func(m *message) string { return addressesText(m.email.ReplyTo) }),
		texts("snippet", of, func(m *message) string { return clean(m.email.Snippet) }),
		flags("has_attachments", of, func(m *message) bool { return m.files }),
		flags("bulk", of, func(m *message) bool { return m.email.Bulk }),
		numbers("gmail_date", of, func(m *message) int64 { return stamp(m.email.Date) }),
		numbers("size", of, func(m *message) int64 { return m.email.Size }),
	}
}

// stateColumns are those that change without the content.
func (a *apply) stateColumns(of []*message) []column {
	now := a.t.now
	deleted := make([]*int64, len(of))
	for i, m := range of {
		if !m.live {
			deleted[i] = &now
		}
	}
	return []column{
		texts("labels", of, func(m *message) string { return listText(m.labels) }),
		flags("is_read", of, func(m *message) bool { return !slices.Contains(m.labels, "UNREAD") }),
		flags("is_starred", of, func(m *message) bool { return slices.Contains(m.labels, "STARRED") }),
		numbers("history_id", of, func(m *message) int64 { return m.history }),
		flags("shown", of, a.shows),
		{"deleted_at", deleted},
		numbers("updated_at", of, func(*message) int64 { return now }),
	}
}

func (a *apply) insertRows(ctx context.Context) error {
	of := a.inserts
	columns := []column{
		position(of),
		texts("id", of, func(m *message) string { return string(m.id) }),
		texts("workspace_id", of, func(*message) string { return string(a.k.Workspace) }),
		texts("integration_id", of, func(*message) string { return string(a.k.Connection) }),
		texts("gmail_id", of, func(m *message) string { return clean(m.gmailID) }),
		numbers("created_at", of, func(*message) int64 { return a.t.now }),
	}
	columns = append(append(append(columns, contentColumns(of)...), a.stateColumns(of)...), a.protectedColumn(of))
	return a.t.insert(ctx, "insert emails", "synced_emails", len(of), "", columns...)
}

func (a *apply) updateContents(ctx context.Context) error {
	of := a.contents
	columns := append([]column{position(of)}, contentColumns(of)...)
	return a.t.update(ctx, "update emails", "synced_emails", len(of), append(append(columns, a.stateColumns(of)...), a.protectedColumn(of))...)
}

func (a *apply) updateStates(ctx context.Context) error {
	of := slices.Concat(a.relabelled, a.tombstones)
	return a.t.update(ctx, "update labels", "synced_emails", len(of), append([]column{position(of)}, a.stateColumns(of)...)...)
}

func (a *apply) saveBodies(ctx context.Context) error {
	of := slices.Concat(a.inserts, a.contents)
	err := a.t.insert(ctx, "insert bodies", "email_bodies", len(of),
		"ON CONFLICT (pos) DO UPDATE SET body_text = excluded.body_text, body_html = excluded.body_html",
		position(of),
		texts("body_text", of, func(m *message) string { return clean(m.email.BodyText) }),
		texts("body_html", of, func(m *message) string { return clean(m.email.BodyHTML) }))
	if err != nil {
		return err
	}
	of = slices.DeleteFunc(slices.Clone(of), func(m *message) bool { return len(m.email.Raw) == 0 })
	raw := make([][]byte, len(of))
	for i, m := range of {
		raw[i] = m.email.Raw
	}
	return a.t.insert(ctx, "insert raw", "email_raw", len(of), "ON CONFLICT (pos) DO UPDATE SET raw = excluded.raw", position(of), column{"raw", raw})
}

// saveFiles lists attachments. A part that is listed already keeps its id and cached bytes.
func (a *apply) saveFiles(ctx context.Context) error {
	if err := a.dropFiles(ctx); err != nil {
		return err
	}
	var pos, size []int64
	var id, part, name, kind, content []string
	var inline []bool
	for _, m := range slices.Concat(a.inserts, a.contents) {
		for _, f := range m.email.Attachments {
			if f.ID == "" {
				f.ID = crm.AttachmentID(a.t.s.newID())
			}
			pos, size, id, part = append(pos, m.pos), append(size, f.Size), append(id, string(f.ID)), append(part, clean(f.PartID))
			name, kind, content = append(name, clean(f.Name)), append(kind, clean(f.Type)), append(content, clean(f.ContentID))
			inline = append(inline, f.Inline)
		}
	}
	return a.t.insert(ctx, "insert attachments", "email_attachments", len(pos),
		`ON CONFLICT (pos, part_id) DO UPDATE SET name = excluded.name, type = excluded.type, size = excluded.size,
			content_id = excluded.content_id, inline = excluded.inline`,
		column{"id", id}, column{"pos", pos}, column{"part_id", part}, column{"name", name}, column{"type", kind},
		column{"size", size}, column{"content_id", content}, column{"inline", inline})
}

// dropFiles takes away parts that a message stored before does not have any more.
func (a *apply) dropFiles(ctx context.Context) error {
	for _, m := range a.contents {
		parts := make([]string, 0, len(m.email.Attachments))
		for _, f := range m.email.Attachments {
			parts = append(parts, clean(f.PartID))
		}
		_, err := a.t.exec(ctx, "drop attachments", "DELETE FROM email_attachments WHERE pos = $1 AND NOT ("+a.t.s.d.in("part_id", 2)+")", m.pos, a.t.s.d.list(parts))
		if err != nil {
			return err
		}
	}
	return nil
}

// indexed are the labels a message is found under.
func indexed(live, files bool, labels []string) []string {
	if !live {
		return nil
	}
	if files {
		return append(slices.Clone(labels), attachmentLabel)
	}
	return labels
}

// touched are the messages whose row is written.
func (a *apply) touched() []*message {
	return slices.Concat(a.inserts, a.contents, a.relabelled, a.tombstones)
}

func (m *message) before() []string {
	if m.was == nil {
		return nil
	}
	return indexed(m.was.live, m.was.files, m.was.labels)
}

func (m *message) after() []string { return indexed(m.live, m.files, m.labels) }

// saveLabels keeps the label index.
func (a *apply) saveLabels(ctx context.Context) error {
	var add, drop []string
	var addAt, dropAt []int64
	for _, m := range a.touched() {
		before, after := m.before(), m.after()
		for _, l := range after {
			if !slices.Contains(before, l) {
				add, addAt = append(add, l), append(addAt, m.pos)
			}
		}
		for _, l := range before {
			if !slices.Contains(after, l) {
				drop, dropAt = append(drop, l), append(dropAt, m.pos)
			}
		}
	}
	err := a.t.insert(ctx, "insert label index", "email_labels", len(add), "ON CONFLICT DO NOTHING", column{"label", add}, column{"pos", addAt})
	if err != nil || len(drop) == 0 {
		return err
	}
	return a.t.s.d.remove(ctx, a.t, "delete label index", "email_labels", len(drop), column{"label", drop}, column{"pos", dropAt})
}

// queueForIndex asks for messages with new text, or none any more, to be indexed.
func (a *apply) queueForIndex(ctx context.Context) error {
	of := slices.Concat(a.inserts, a.contents, a.tombstones)
	return a.t.insert(ctx, "queue for index", "email_index_queue", len(of), "ON CONFLICT (pos) DO UPDATE SET turn = email_index_queue.turn + 1",
		position(of), numbers("turn", of, func(*message) int64 { return 1 }))
}

// saveLedger takes out what is through and puts in what failed.
func (a *apply) saveLedger(ctx context.Context) error {
	var through, failed []string
	for id, err := range a.ledger {
		if err == nil {
			through = append(through, clean(id))
		} else {
			failed = append(failed, id)
		}
	}
	if len(through) > 0 {
		n, err := a.t.exec(ctx, "clear ledger", "DELETE FROM sync_failures WHERE integration_id = $1 AND "+a.t.s.d.in("item_id", 2),
			string(a.k.Connection), a.t.s.d.list(through))
		if err != nil {
			return err
		}
		a.wrote = a.wrote || n > 0
	}
	if len(failed) == 0 {
		return nil
	}
	a.wrote = true
	slices.Sort(failed)
	attempts := map[string]int64{}
	err := each(ctx, a.t, "read ledger", func(r scanner) error {
		var id string
		var n int64
		err := r.Scan(&id, &n)
		attempts[id] = n
		return err
	}, "SELECT item_id, attempts FROM sync_failures WHERE integration_id = $1 AND "+a.t.s.d.in("item_id", 2), string(a.k.Connection), a.t.s.d.list(failed))
	if err != nil {
		return err
	}
	for _, id := range failed {
		if err := a.fail(ctx, id, attempts[clean(id)]+1); err != nil {
			return err
		}
	}
	return nil
}

func (a *apply) fail(ctx context.Context, id string, attempts int64) error {
	at, parked := mail.NextTry(int(attempts), clock(a.t.now))
	if after := fault.After(a.ledger[id]); after > 0 && !parked {
		at = latest(at, clock(a.t.now).Add(after))
	}
	_, err := a.t.exec(ctx, "save failure", "INSERT INTO sync_failures ("+failureColumns+") VALUES "+marks(1, 11)+`
		ON CONFLICT (integration_id, item_id) DO UPDATE SET stream = excluded.stream, reason = excluded.reason, attempts = excluded.attempts,
			next_try_at = excluded.next_try_at, parked = excluded.parked,
			thread_id = CASE WHEN excluded.thread_id = '' THEN sync_failures.thread_id ELSE excluded.thread_id END`,
		a.t.s.newID(), string(a.k.Workspace), string(a.k.Connection), string(a.k.Stream), clean(id), clean(a.threads[id]),
		clean(reason(a.ledger[id])), attempts, stamp(at), parked, a.t.now)
	return err
}

// reason says in plain words why an item failed.
func reason(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Text != "" {
		return f.Text
	}
	switch fault.Of(err) {
	case fault.Unavailable:
		return "Gmail could not be reached."
	case fault.Throttled:
		return "Gmail asked to slow down."
	}
	return "The message could not be read."
}

// saveRun adds to the counts of the run.
func (a *apply) saveRun(ctx context.Context, total int64) error {
	a.counts.Units = a.k.Units
	if a.k.Run == "" || !a.wrote && a.k.Units == 0 {
		return nil
	}
	c := a.counts
	run, err := one(ctx, a.t, "count in run", scanRun, `UPDATE sync_runs SET seen = seen + $2, added = added + $3, updated = updated + $4,
			deleted = deleted + $5, failed = failed + $6, skipped = skipped + $7, units = units + $8, total = CASE WHEN $9 > 0 THEN $9 ELSE total END
		WHERE id = $1 RETURNING `+runColumns, string(a.k.Run), c.Seen, c.Added, c.Updated, c.Deleted, c.Failed, c.Skipped, c.Units, total)
	if errors.Is(err, errNone) {
		return nil
	}
	if err != nil {
		return err
	}
	a.t.fact(fact.Fact{Kind: fact.SyncProgress, WorkspaceID: a.k.Workspace, ConnectionID: a.k.Connection, UserID: a.tells, Data: runData(run)})
	return nil
}

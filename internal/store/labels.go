package store

import (
	"context"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/mail"
	"rapport/internal/work"
)

// labelsGone notes labels that Google does not list any more, and asks for them
// to be forgotten.
func (t *tx) labelsGone(ctx context.Context, c crm.ConnectionID, before, now []crm.Label) error {
	there := make([]string, len(now))
	for i, l := range now {
		there[i] = l.ID
	}
	if _, err := t.exec(ctx, "labels are back", "DELETE FROM gmail_labels_gone WHERE integration_id = $1 AND "+t.s.d.in("id", 2), string(c), t.s.d.list(there)); err != nil {
		return err
	}
	var gone, of []string
	for _, l := range before {
		if l.Type != "system" && !slices.Contains(there, l.ID) {
			gone, of = append(gone, l.ID), append(of, string(c))
		}
	}
	if len(gone) == 0 {
		return nil
	}
	err := t.insert(ctx, "insert gone labels", "gmail_labels_gone", len(gone), "ON CONFLICT DO NOTHING", column{"integration_id", of}, column{"id", gone})
	if err != nil {
		return err
	}
	return t.enqueue(ctx, []work.Job{mail.LabelsJob(c, clock(t.now))})
}

// shelf edits a connection without knowing its workspace.
func (s *Store) shelf(ctx context.Context, name string, id crm.ConnectionID, fn func(a *apply, c crm.Connection) error) error {
	c, err := s.ConnectionByID(ctx, id)
	if err != nil {
		return err
	}
	return s.edit(ctx, name, c.WorkspaceID, id, func(a *apply) error {
		now, err := one(ctx, a.t, "read connection", scanConnection, "SELECT "+connectionColumns+" FROM google_integrations c WHERE c.id = $1", string(id))
		if err != nil {
			return err
		}
		return fn(a, now)
	})
}

// Reshow puts up to n messages right that are shown and should not be, or the
// other way round.
func (s *Store) Reshow(ctx context.Context, id crm.ConnectionID, n int) (int, error) {
	found := 0
	err := s.shelf(ctx, "mail.Reshow", id, func(a *apply, c crm.Connection) error {
		hidden := c.Settings.Hidden
		if slices.Contains(c.Settings.Labels, crm.AllLabels) {
			hidden = nil
		}
		on := slices.Concat(c.Settings.Labels, c.Settings.Kept)
		d := s.d
		carries := func(n int) string {
			return "EXISTS (SELECT 1 FROM email_labels l WHERE l.pos = synced_emails.pos AND " + d.in("l.label", n) + ")"
		}
		if len(hidden) > 0 {
			fresh, err := a.read(ctx, "pos IN (SELECT h.pos FROM email_labels h WHERE h.pos BETWEEN $1 AND $2 AND "+d.in("h.label", 3)+") AND shown AND NOT "+carries(4)+
				" ORDER BY pos DESC LIMIT $5", lowest(a.no), highest(a.no), d.list(hidden), d.list(on), int64(n))
			if err != nil {
				return err
			}
			found = len(fresh)
		}
		fresh, err := a.read(ctx, "pos BETWEEN $1 AND $2 AND NOT shown AND deleted_at IS NULL AND NOT "+carries(3)+" AND (NOT "+carries(4)+" OR "+carries(5)+
			") ORDER BY pos DESC LIMIT $6", lowest(a.no), highest(a.no), d.list([]string{"SPAM", "TRASH", "DRAFT"}), d.list(hidden), d.list(on), int64(n))
		found += len(fresh)
		for _, m := range a.inOrder() {
			a.touch(m)
		}
		return err
	})
	return found, err
}

// ForgetLabels takes deleted labels from up to n messages, then from the settings.
func (s *Store) ForgetLabels(ctx context.Context, id crm.ConnectionID, n int) (int, error) {
	some, err := one(ctx, s.reading("mail.ForgetLabels"), "look", scanInt, "SELECT COUNT(*) FROM gmail_labels_gone WHERE integration_id = $1", string(id))
	if err != nil || some == 0 {
		return 0, err
	}
	found := 0
	err = s.shelf(ctx, "mail.ForgetLabels", id, func(a *apply, c crm.Connection) error {
		gone, err := all(ctx, a.t, "read gone labels", scanText, "SELECT id FROM gmail_labels_gone WHERE integration_id = $1 ORDER BY id LIMIT 1", string(id))
		if err != nil || len(gone) == 0 {
			return err
		}
		label := gone[0]
		_, err = a.read(ctx, "pos IN (SELECT l.pos FROM email_labels l WHERE l.label = $1 AND l.pos BETWEEN $2 AND $3 ORDER BY l.pos DESC LIMIT $4)",
			label, lowest(a.no), highest(a.no), int64(n))
		if err != nil {
			return err
		}
		for _, m := range a.inOrder() {
			m.say(slices.DeleteFunc(slices.Clone(m.remote), func(l string) bool { return l == label }))
			if !slices.Equal(m.labels, m.was.labels) {
				a.touch(m)
				found++
			}
		}
		if found > 0 {
			return nil
		}
		found = 1 // what is left is in the settings
		if _, err := a.t.exec(ctx, "label is forgotten", "DELETE FROM gmail_labels_gone WHERE integration_id = $1 AND id = $2", string(id), label); err != nil {
			return err
		}
		return a.t.dropFromSettings(ctx, c, label)
	})
	return found, err
}

// dropFromSettings takes a label out of what was chosen; the last one stays, as
// nothing would be synced without.
func (t *tx) dropFromSettings(ctx context.Context, c crm.Connection, label string) error {
	without := func(list []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(l string) bool { return l == label })
	}
	before := c
	if rest := without(c.Settings.Labels); len(rest) > 0 {
		c.Settings.Labels = rest
	}
	c.Settings.Hidden, c.Settings.Kept = without(c.Settings.Hidden), without(c.Settings.Kept)
	if same(before, c) {
		return nil
	}
	c.UpdatedAt = clock(t.now)
	if err := t.putConnection(ctx, c); err != nil {
		return err
	}
	t.connectionFact(fact.ConnectionChanged, c)
	return nil
}

package store

import (
	"context"
	"errors"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/enrich"
)

func (s *Store) choice(ctx context.Context, from source, w crm.WorkspaceID, lock string) (enrich.Choice, error) {
	c, err := one(ctx, from, "read choice", func(r scanner) (c enrich.Choice, err error) {
		var trouble *int64
		var at int64
		err = r.Scan(&c.Mode, &c.Allowed, &c.Provider, &c.Model, &c.BaseURL, &c.SealedKey, &c.Trouble, &trouble, &c.UpdatedBy, &at)
		c.TroubleAt, c.UpdatedAt = clockPtr(trouble), clock(at)
		return c, err
	}, "SELECT mode, allowed, provider, model, base_url, sealed_key, trouble, trouble_at, updated_by, updated_at FROM enrich_choices WHERE workspace_id = $1"+lock, string(w))
	if errors.Is(err, errNone) {
		return enrich.Choice{}, nil
	}
	return c, err
}

// Choice gives what a workspace has decided about models.
func (s *Store) Choice(ctx context.Context, w crm.WorkspaceID) (enrich.Choice, error) {
	return s.choice(ctx, s.reading("enrich.Choice"), w, "")
}

// ChangeChoice lets change work on what a workspace has decided, and stores it with
// the audit row it gives.
func (s *Store) ChangeChoice(ctx context.Context, w crm.WorkspaceID, change func(*enrich.Choice) (access.Audit, error)) (enrich.Choice, error) {
	var c enrich.Choice
	err := s.write(ctx, "enrich.ChangeChoice", func(t *tx) error {
		var err error
		if c, err = s.choice(ctx, t, w, s.d.forUpdate()); err != nil {
			return err
		}
		row, err := change(&c)
		if err != nil {
			return err
		}
		c.UpdatedBy, c.UpdatedAt = row.UserID, clock(t.now)
		if err := t.saveChoice(ctx, w, c); err != nil {
			return err
		}
		return t.record(ctx, []access.Audit{row})
	})
	return c, err
}

func (t *tx) saveChoice(ctx context.Context, w crm.WorkspaceID, c enrich.Choice) error {
	var trouble *int64
	if c.TroubleAt != nil {
		at := stamp(*c.TroubleAt)
		trouble = &at
	}
	_, err := t.exec(ctx, "save choice", `INSERT INTO enrich_choices (workspace_id, mode, allowed, provider, model, base_url, sealed_key, trouble, trouble_at, updated_by, updated_at) VALUES `+marks(1, 11)+`
		ON CONFLICT (workspace_id) DO UPDATE SET mode = excluded.mode, allowed = excluded.allowed, provider = excluded.provider, model = excluded.model, base_url = excluded.base_url,
			sealed_key = excluded.sealed_key, trouble = excluded.trouble, trouble_at = excluded.trouble_at, updated_by = excluded.updated_by, updated_at = excluded.updated_at`,
		string(w), c.Mode, c.Allowed, c.Provider, clean(c.Model), clean(c.BaseURL), c.SealedKey, clean(c.Trouble), trouble, string(c.UpdatedBy), stamp(c.UpdatedAt))
	return err
}

// NoteTrouble notes why a model cannot be used, "" that it can.
func (s *Store) NoteTrouble(ctx context.Context, w crm.WorkspaceID, text string) error {
	c, err := s.Choice(ctx, w)
	if err != nil || c.Trouble == text {
		return err
	}
	return s.write(ctx, "enrich.NoteTrouble", func(t *tx) error {
		var at *int64
		if text != "" {
			at = &t.now
		}
		_, err := t.exec(ctx, "note", "UPDATE enrich_choices SET trouble = $2, trouble_at = $3 WHERE workspace_id = $1", string(w), clean(text), at)
		return err
	})
}

// SealedKeys lists the keys of models that are kept.
func (s *Store) SealedKeys(ctx context.Context) (map[crm.WorkspaceID]string, error) {
	out := map[crm.WorkspaceID]string{}
	err := each(ctx, s.reading("enrich.SealedKeys"), "list", func(r scanner) error {
		var w crm.WorkspaceID
		var sealed string
		err := r.Scan(&w, &sealed)
		out[w] = sealed
		return err
	}, "SELECT workspace_id, sealed_key FROM enrich_choices WHERE sealed_key <> ''")
	return out, err
}

// ResealKey swaps a key if it is still the old one.
func (s *Store) ResealKey(ctx context.Context, w crm.WorkspaceID, old, sealed string) error {
	return s.write(ctx, "enrich.ResealKey", func(t *tx) error {
		_, err := t.exec(ctx, "swap", "UPDATE enrich_choices SET sealed_key = $3 WHERE workspace_id = $1 AND sealed_key = $2", string(w), old, sealed)
		return err
	})
}

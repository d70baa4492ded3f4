package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"rapport/internal/access"
	"rapport/internal/app"
	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/mail"
	"rapport/internal/store"
)

// importChild imports a mailbox one way and measures it.
func importChild(ctx context.Context, task json.RawMessage) (any, error) {
	var t importTask
	if err := json.Unmarshal(task, &t); err != nil {
		return nil, err
	}
	a, err := openApp(ctx, t.At, t.Google)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	c, err := a.Store.ConnectionByID(ctx, crm.ConnectionID(t.Connection))
	if err != nil {
		return nil, err
	}
	if t.Way != wayRapport {
		c, err = a.Store.Change(ctx, access.System(c.WorkspaceID), c.ID, func(c *crm.Connection) error { c.Settings.KeepRaw = false; return nil })
		if err != nil {
			return nil, err
		}
	}
	var out imported
	resetPeak()
	m := startMeter()
	err = profiled(string(t.Way), func() error {
		if t.Way == wayPlain {
			return plainly(ctx, t, a.Store, c)
		}
		return rapportly(ctx, t, a)
	})
	out.used = m.stop()
	if err != nil {
		return nil, err
	}
	return out, out.look(ctx, a.Store, c)
}

// openApp builds the whole program as `rapport serve` does.
func openApp(ctx context.Context, at place, google string) (*app.App, error) {
	env := []string{
		"ENCRYPTION_KEY=" + encryptionKey, "GOOGLE_CLIENT_ID=" + clientID, "GOOGLE_CLIENT_SECRET=" + clientSecret,
		"GOOGLE_BASE_URL=" + google, "GOOGLE_QUOTA=none", "DATABASE_URL=" + at.URL, "DATABASE_PATH=" + at.Path,
	}
	if at.Path != "" {
		env = append(env, "DATA_DIR="+filepath.Dir(at.Path))
	}
	c, err := config.Load(env, "")
	if err != nil {
		return nil, err
	}
	return app.Open(ctx, app.Options{Config: c, Version: "bench", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

// rapportly lets the program's background work run until the mailbox is there:
// what the connect flow asked for is waiting in the database.
func rapportly(ctx context.Context, t importTask, a *app.App) error {
	stop, err := a.Background(ctx)
	if err != nil {
		return err
	}
	defer stop()
	return untilComplete(ctx, a.Store, t.Messages)
}

// plainly imports with Google's client while the store keeps its index.
func plainly(ctx context.Context, t importTask, s *store.Store, c crm.Connection) error {
	background, cancel := context.WithCancel(ctx)
	indexed := make(chan struct{})
	go func() { defer close(indexed); s.KeepIndexed(background) }()
	err := plainImport(ctx, t, s, c)
	if err == nil {
		err = untilComplete(ctx, s, t.Messages)
	}
	cancel()
	<-indexed
	return err
}

// untilComplete waits until so many messages are stored and indexed.
func untilComplete(ctx context.Context, s *store.Store, n int) error {
	deadline := time.Now().Add(5 * time.Minute)
	for {
		var rows, waiting int64
		err := s.DB().QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM synced_emails), (SELECT COUNT(*) FROM email_index_queue)`).Scan(&rows, &waiting)
		if err != nil {
			return fmt.Errorf("looking how far it is: %w", err)
		}
		if rows >= int64(n) && waiting == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d messages stored, %d wait for the index", rows, n, waiting)
		}
		rest(ctx, 25*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// look counts the rows and reads a whole search.
func (out *imported) look(ctx context.Context, s *store.Store, c crm.Connection) error {
	if err := s.DB().QueryRowContext(ctx, `SELECT COUNT(*) FROM synced_emails WHERE deleted_at IS NULL`).Scan(&out.Rows); err != nil {
		return err
	}
	q := mail.ListQuery{Workspace: c.WorkspaceID, Connection: c.ID, Page: mail.Page{Limit: 200}, Search: &mail.Search{Root: mail.Words{Text: "invoice"}}}
	for {
		page, err := s.List(ctx, access.System(c.WorkspaceID), q)
		if err != nil {
			return err
		}
		out.Hits += int64(len(page.Emails))
		if page.Next == "" {
			return nil
		}
		if page.Next == q.Page.Cursor {
			return errors.New("a list does not end")
		}
		q.Page.Cursor = page.Next
	}
}

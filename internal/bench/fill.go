package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/mail"
	"rapport/internal/store"
	"rapport/internal/vault"
)

// address of the database as the store takes it.
func (p place) address() string {
	if p.URL != "" {
		return p.URL
	}
	return p.Path
}

func (p place) store(ctx context.Context) (*store.Store, error) {
	return store.Open(ctx, store.Options{URL: p.address(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

// fillTask fills a database with invented mail through the store, in batches as
// the sync writes them.
type fillTask struct {
	At         place
	Connection string
	Messages   int
	Words      int // of an average body
	Batch      int
}

type fillResult struct {
	Added int64
	used
}

// newConnection is a connection whose mailbox is never asked: it is paused.
func newConnection(ctx context.Context, b *bench, at place, w string) (string, error) {
	return spawn[string](ctx, b, "connection", map[string]any{"At": at, "Workspace": w})
}

func connectionTask(ctx context.Context, task json.RawMessage) (any, error) {
	var t struct {
		At        place
		Workspace string
	}
	if err := json.Unmarshal(task, &t); err != nil {
		return nil, err
	}
	s, err := t.At.store(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	u, err := s.UserByEmail(ctx, ownerEmail)
	if err != nil {
		return nil, err
	}
	c, g, err := connectionOf(crm.WorkspaceID(t.Workspace), u.ID, ownerEmail, "117000000000000000001", crm.Secret{})
	if err != nil {
		return nil, err
	}
	c.Status, c.StatusReason = crm.StatusPaused, "Filled by the bench."
	return c.ID, s.Granted(ctx, c, g)
}

// connectionOf makes a connection and its grant with an access token good for a day.
func connectionOf(w crm.WorkspaceID, u crm.UserID, email, sub string, token crm.Secret) (crm.Connection, vault.Grant, error) {
	now := time.Now().UTC()
	id, err1 := crm.NewID(now, rand.Reader)
	grant, err2 := crm.NewID(now, rand.Reader)
	sealer, err3 := vault.NewSealer(crm.NewSecret(encryptionKey))
	if err := errors.Join(err1, err2, err3); err != nil {
		return crm.Connection{}, vault.Grant{}, err
	}
	scopes := []string{"openid", "https://www.googleapis.com/auth/userinfo.email", readScope}
	g := vault.Grant{
		ID: crm.GrantID(grant), WorkspaceID: w, UserID: u, GoogleSub: sub, GoogleEmail: email, ClientID: "env",
		Expiry: now.Add(24 * time.Hour), Scopes: scopes, Status: vault.GrantActive, CreatedAt: now, UpdatedAt: now,
	}
	var err error
	if g.SealedAccess, err = sealer.Seal(grant, "access_token", token); err != nil {
		return crm.Connection{}, g, err
	}
	if g.SealedRefresh, err = sealer.Seal(grant, "refresh_token", crm.NewSecret("unused")); err != nil {
		return crm.Connection{}, g, err
	}
	return crm.Connection{
		ID: crm.ConnectionID(id), WorkspaceID: w, UserID: u, GrantID: g.ID, GoogleSub: sub, GoogleEmail: email,
		GrantedScopes: scopes, WantedScopes: scopes, Status: crm.StatusActive, GmailSync: true,
		Settings: crm.DefaultSettings(), CreatedAt: now, UpdatedAt: now,
	}, g, nil
}

func fillChild(ctx context.Context, task json.RawMessage) (any, error) {
	var t fillTask
	if err := json.Unmarshal(task, &t); err != nil {
		return nil, err
	}
	s, err := t.At.store(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	c, err := s.ConnectionByID(ctx, crm.ConnectionID(t.Connection))
	if err != nil {
		return nil, err
	}
	var out fillResult
	m := startMeter()
	err = profiled("fill", func() error {
		out.Added, err = fill(ctx, s, c, t)
		return err
	})
	out.used = m.stop()
	return out, err
}

// fill makes messages in one goroutine and stores them in another.
func fill(ctx context.Context, s *store.Store, c crm.Connection, t fillTask) (added int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := make(chan []engine.Change[mail.Item], 4)
	go func() {
		defer close(batches)
		v := newInvented(t.Words)
		for from := 0; from < t.Messages; from += t.Batch {
			batch := make([]engine.Change[mail.Item], 0, t.Batch)
			for i := from; i < min(from+t.Batch, t.Messages); i++ {
				batch = append(batch, change(v.email(i), c))
			}
			select {
			case batches <- batch:
			case <-ctx.Done():
				return
			}
		}
	}()
	k := mail.Key{Workspace: c.WorkspaceID, Connection: c.ID, Owner: c.UserID, Stream: crm.StreamGmailBackfill}
	from, err := s.Load(ctx, k)
	if err != nil {
		return 0, err
	}
	for batch := range batches {
		at := from
		at.Full, at.Pass, at.Page = true, 1, engine.Cursor(strconv.FormatInt(added, 10))
		counts, err := s.Apply(ctx, k, from, engine.Batch[mail.Item]{Changes: batch, At: at})
		if err != nil {
			return added, fmt.Errorf("storing a batch: %w", err)
		}
		added += counts.Added
		from = at
	}
	for n := 1; n > 0 && ctx.Err() == nil; {
		if n, err = s.IndexPending(ctx, 1<<20); err != nil {
			return added, fmt.Errorf("indexing: %w", err)
		}
	}
	return added, ctx.Err()
}

func change(e *crm.Email, c crm.Connection) engine.Change[mail.Item] {
	e.WorkspaceID, e.ConnectionID = c.WorkspaceID, c.ID
	e.ID = crm.EmailID(mustID())
	for i := range e.Attachments {
		e.Attachments[i].ID = crm.AttachmentID(mustID())
	}
	return engine.Change[mail.Item]{
		ID: e.GmailID, Rev: strconv.FormatUint(e.HistoryID, 10),
		Value: &mail.Item{Email: e, ThreadID: e.ThreadID, Labels: e.Labels},
	}
}

func mustID() string {
	id, err := crm.NewID(time.Now(), rand.Reader)
	if err != nil {
		panic(err) // crypto/rand does not fail (its documentation)
	}
	return id
}

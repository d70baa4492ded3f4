package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/mail"
	"rapport/internal/store"
	"rapport/internal/vault"
	"rapport/internal/work"
)

var errKilled = errors.New("killed")

// killer ends a transaction at its n-th operation, counted from arming.
type killer struct {
	at   int // 0: never
	seen []string
}

func (k *killer) hook(_ context.Context, op string) error {
	k.seen = append(k.seen, op)
	if k.at > 0 && len(k.seen) == k.at {
		return errKilled
	}
	return nil
}

func (k *killer) arm(at int) { k.at, k.seen = at, nil }

// atomically runs do in a fresh world for each operation it consists of, killed
// there: the database holds what it held before or what it holds after, nothing
// between; and doing it again leads to what it would have been.
func atomically(t *testing.T, prepare func(w *World) (do func() error)) {
	Each(t, func(t *testing.T, d Database) {
		fresh := func(t *testing.T) (*World, *killer, func() error) {
			k := &killer{}
			w := NewWorld(t, d, func(o *store.Options) { o.Hook = k.hook })
			return w, k, prepare(w)
		}
		w, k, do := fresh(t)
		before := w.Dump()
		k.arm(0)
		require.NoError(t, do())
		after, operations := w.Dump(), k.seen
		require.NotEmpty(t, operations)
		require.NotEmpty(t, cmp.Diff(before, after))
		t.Logf("%d operations", len(operations))
		w, k, do = fresh(t)
		for i, op := range operations {
			if strings.HasSuffix(op, "/committed") {
				w, k, do = fresh(t) // what follows begins from a new world
			}
			k.arm(i + 1)
			require.ErrorIs(t, do(), errKilled, op)
			require.Equal(t, op, k.seen[len(k.seen)-1])
			if strings.HasSuffix(op, "/committed") {
				require.Empty(t, cmp.Diff(after, w.Dump()), "killed after %s", op)
				w, k, do = fresh(t)
				continue
			}
			require.Empty(t, cmp.Diff(before, w.Dump()), "killed at %s", op)
		}
		k.arm(0)
		require.NoError(t, do())
		require.Empty(t, cmp.Diff(after, w.Dump()))
		w.Consistent()
	})
}

// The identifiers of rows come from a counter, so that repeating makes the same.
func counting(w *World) { w.ids = 1000 }

func TestApplyIsAtomic(t *testing.T) {
	file := func(e *crm.Email) {
		e.Raw = []byte("raw")
		e.HasAttachments, e.Attachments = true, []crm.Attachment{{ID: crm.AttachmentID("a" + e.GmailID), PartID: "2", Name: "plan.pdf"}}
	}
	named := func(e *crm.Email) { e.ID = crm.EmailID("e" + e.GmailID) }
	atomically(t, func(w *World) func() error {
		c := w.Connect(w.Home, w.Ada, "ada")
		run, _, err := w.BeginRun(ctx, crm.Run{ID: "run", WorkspaceID: w.Home, ConnectionID: c.ID, Stream: crm.StreamGmailHistory, State: crm.RunRunning, StartedAt: Start})
		require.NoError(w.T, err)
		w.Put(c, Whole(Mail(1, named), Mail(2, named), Mail(3, named), Mail(4, named, file))...)
		w.Put(c, Gone(Mail(3), 0))
		_, err = w.IndexPending(ctx, 100)
		require.NoError(w.T, err)
		k := Key(c, crm.StreamGmailHistory)
		k.Run, k.Units = run.ID, 12
		from := engine.Checkpoint{Mark: "5"}
		_, err = w.Apply(ctx, k, engine.Checkpoint{}, engine.Batch[mail.Item]{At: from})
		require.NoError(w.T, err)
		changes := append(Whole(
			Mail(10, named, file), Mail(11, named, Labelled("INBOX", "UNREAD")), // new
			Mail(3, named), // back again
			Mail(4, named, func(e *crm.Email) {
				e.BodyText = "changed"
				e.HasAttachments = true
				e.Attachments = []crm.Attachment{{ID: "z", PartID: "3", Name: "new.txt"}}
			})),
			Relabel(Mail(1), 9000, "SENT", "UNREAD"), Gone(Mail(2), 9001))
		batch := engine.Batch[mail.Item]{Changes: changes, At: engine.Checkpoint{Mark: "6"}}
		return func() error {
			_, err := w.Apply(ctx, k, from, batch)
			return err
		}
	})
}

func TestIndexingIsAtomic(t *testing.T) {
	atomically(t, func(w *World) func() error {
		c := w.Connect(w.Home, w.Ada, "ada")
		w.Put(c, Whole(Mail(1, func(e *crm.Email) { e.ID = "e1" }), Mail(2, func(e *crm.Email) { e.ID = "e2" }))...)
		_, err := w.IndexPending(ctx, 100)
		require.NoError(w.T, err)
		w.Put(c, append(Whole(Mail(1, func(e *crm.Email) { e.ID, e.BodyText = "e1", "fresh" }), Mail(3, func(e *crm.Email) { e.ID = "e3" })), Gone(Mail(2), 0))...)
		return func() error {
			_, err := w.IndexPending(ctx, 100)
			return err
		}
	})
}

func TestVaultWritesAreAtomic(t *testing.T) {
	t.Run("granted", func(t *testing.T) {
		atomically(t, func(w *World) func() error {
			counting(w)
			return func() error {
				counting(w)
				c := crm.Connection{ID: "c", WorkspaceID: w.Home, UserID: w.Ada.ID, GrantID: "g", GoogleSub: "s", Status: crm.StatusActive, CreatedAt: Start, UpdatedAt: Start}
				return w.Granted(ctx, c, vault.Grant{ID: "g", WorkspaceID: w.Home, UserID: w.Ada.ID, GoogleSub: "s", ClientID: "env", Status: vault.GrantActive, CreatedAt: Start})
			}
		})
	})
	t.Run("lost", func(t *testing.T) {
		atomically(t, func(w *World) func() error {
			c := w.Connect(w.Home, w.Ada, "ada")
			g, err := w.Grant(ctx, c.GrantID)
			require.NoError(w.T, err)
			g.Status = vault.GrantDead
			require.NoError(w.T, w.SaveGrant(ctx, g))
			return func() error { return w.Lost(ctx, g.ID, "Connect again.", Start) }
		})
	})
	t.Run("disconnected", func(t *testing.T) {
		atomically(t, func(w *World) func() error {
			c := w.Connect(w.Home, w.Ada, "ada")
			c.Status = crm.StatusDisconnected
			return func() error {
				return w.Dropped(ctx, c, vault.Grant{ID: c.GrantID, WorkspaceID: w.Home, UserID: w.Ada.ID, GoogleSub: c.GoogleSub, ClientID: "env", Status: vault.GrantRevoked, CreatedAt: Start})
			}
		})
	})
}

func TestSetupIsAtomic(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		k := &killer{}
		s := Open(t, d, func(o *store.Options) { o.Hook = k.hook })
		for at := 1; ; at++ {
			k.arm(at)
			err := s.Setup(ctx, crm.Workspace{ID: "w", Name: "n"}, crm.User{ID: "u", Email: "a@x.example"})
			if strings.HasSuffix(k.seen[len(k.seen)-1], "/committed") {
				break
			}
			require.ErrorIs(t, err, errKilled)
			any, err := s.AnyUser(ctx)
			require.NoError(t, err)
			require.False(t, any)
			_, err = s.Only(ctx)
			require.Error(t, err)
		}
		m, err := s.Member(ctx, "w", "u")
		require.NoError(t, err)
		require.Equal(t, crm.RoleOwner, m.Role)
	})
}

func TestRunEndsAndJobsFinishAtomically(t *testing.T) {
	t.Run("run", func(t *testing.T) {
		atomically(t, func(w *World) func() error {
			c := w.Connect(w.Home, w.Ada, "ada")
			_, _, err := w.BeginRun(ctx, crm.Run{ID: "run", WorkspaceID: w.Home, ConnectionID: c.ID, Stream: crm.StreamGmailHistory, State: crm.RunRunning, StartedAt: Start})
			require.NoError(w.T, err)
			return func() error { return w.EndRun(ctx, crm.Run{ID: "run", State: crm.RunSucceeded}) }
		})
	})
	t.Run("jobs", func(t *testing.T) {
		atomically(t, func(w *World) func() error {
			var jobs []work.Job
			for _, s := range []string{"a", "b", "c"} {
				jobs = append(jobs, work.Job{Kind: "k", Subject: s, DueAt: Start})
			}
			require.NoError(w.T, w.Enqueue(ctx, jobs...))
			claimed, err := w.Claim(ctx, "me", []work.Kind{"k"}, Start, Start.Add(time.Minute), 10)
			require.NoError(w.T, err)
			require.Len(w.T, claimed, 3)
			require.NoError(w.T, w.Enqueue(ctx, work.Job{Kind: "k", Subject: claimed[1].Subject, DueAt: Start}))
			return func() error {
				return w.Finish(ctx, "me", work.Outcome{ID: claimed[0].ID}, work.Outcome{ID: claimed[1].ID}, work.Outcome{ID: claimed[2].ID, Next: Start.Add(time.Hour), Attempts: 2, Error: "x"})
			}
		})
	})
	t.Run("claim", func(t *testing.T) {
		atomically(t, func(w *World) func() error {
			require.NoError(w.T, w.Enqueue(ctx, work.Job{Kind: "k", Subject: "a", DueAt: Start}))
			return func() error {
				_, err := w.Claim(ctx, "me", []work.Kind{"k"}, Start, Start.Add(time.Minute), 10)
				return err
			}
		})
	})
}

package storetest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/work"
)

func named(e *crm.Email) { e.ID = crm.EmailID("e" + e.GmailID) }

// changing is a change as the room asks for it.
func changing(c crm.Connection, id string, action crm.ChangeAction, label string) crm.Change {
	return crm.Change{ID: crm.ChangeID(id), WorkspaceID: c.WorkspaceID, ConnectionID: c.ID, UserID: c.UserID, Action: action, LabelID: label, State: crm.ChangeWaiting}
}

func sending(c crm.Connection) work.Job {
	return work.Job{Kind: mail.KindChange, Subject: string(c.ID), Group: "gmail.change:" + string(c.ID), DueAt: Start}
}

// change lays a change over messages.
func (w *World) change(c crm.Connection, id string, action crm.ChangeAction, label string, of ...*crm.Email) (crm.Change, error) {
	var p mail.Pick
	for _, e := range of {
		p.Emails = append(p.Emails, crm.EmailID("e"+e.GmailID))
	}
	aim, err := mail.AimOf(action, label)
	require.NoError(w.T, err)
	return w.AddChange(ctx, changing(c, id, action, label), p, aim, sending(c))
}

func (w *World) changed(c crm.Connection, id string, action crm.ChangeAction, label string, of ...*crm.Email) crm.Change {
	w.T.Helper()
	made, err := w.change(c, id, action, label, of...)
	require.NoError(w.T, err)
	return made
}

// follow moves the history of a connection on, with changes.
func (w *World) follow(c crm.Connection, to int, changes ...engine.Change[mail.Item]) {
	w.T.Helper()
	k := Key(c, crm.StreamGmailHistory)
	at, err := w.Load(ctx, k)
	require.NoError(w.T, err)
	_, err = w.Apply(ctx, k, at, engine.Batch[mail.Item]{At: engine.Checkpoint{Mark: engine.Cursor(fmt.Sprint(to))}, Changes: changes})
	require.NoError(w.T, err)
}

func (w *World) labelsOf(c crm.Connection, e *crm.Email) []string {
	w.T.Helper()
	return w.one(c, e.GmailID).Labels
}

func TestChangesLieOverWhatGoogleSays(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		one, two := Mail(1, named, Labelled("INBOX", "UNREAD")), Mail(2, named, Labelled("INBOX"))
		w.Put(c, Whole(one, two)...)
		w.follow(c, 5000)
		made := w.changed(c, "c1", crm.ActionRead, "", one, two)
		require.EqualValues(t, 1, made.Count, "the other one was read")
		require.Equal(t, crm.ChangeWaiting, made.State)
		star := w.changed(c, "c2", crm.ActionStar, "", one)
		require.Equal(t, []string{"INBOX", "STARRED"}, w.labelsOf(c, one))
		known, err := w.Known(ctx, c.ID, []string{one.GmailID})
		require.NoError(t, err)
		require.Equal(t, []string{"INBOX", "UNREAD"}, known[one.GmailID].Labels)
		require.Equal(t, []string{"INBOX", "STARRED"}, known[one.GmailID].Shown)
		require.Equal(t, []string{"INBOX", "UNREAD"}, w.Stored(c)[one.GmailID], "the completeness check compares what Google says")
		w.Consistent()

		// Pages of the past do not flicker; other labels come through.
		w.follow(c, 5010, Relabel(one, 5005, "INBOX", "UNREAD", "Label_1"))
		require.Equal(t, []string{"INBOX", "Label_1", "STARRED"}, w.labelsOf(c, one))
		w.Put(c, Whole(Mail(1, named, Labelled("INBOX", "UNREAD", "Label_1"), func(e *crm.Email) { e.HistoryID = 5006 }))...)
		require.Equal(t, []string{"INBOX", "Label_1", "STARRED"}, w.labelsOf(c, one))

		// They go out in their order.
		next, items, err := w.NextChange(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, made.ID, next.ID)
		require.Equal(t, []mail.ChangeItem{{GmailID: one.GmailID, Delta: mail.Delta{Remove: []string{"UNREAD"}}}}, items)
		require.NoError(t, w.ChangeDone(ctx, next, 5020))
		require.NoError(t, w.ChangeDone(ctx, next, 9999), "twice is once")
		next, _, err = w.NextChange(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, star.ID, next.ID)

		// Gmail has the first: it is pending until the history has told.
		w.follow(c, 5015, Relabel(one, 5012, "UNREAD", "Label_1"))
		require.Equal(t, []string{"Label_1", "STARRED"}, w.labelsOf(c, one))
		before := w.last()
		w.follow(c, 5020, Relabel(one, 5020, "Label_1"))
		require.Empty(t, w.told(before), "our own change is no news")
		require.Equal(t, []string{"Label_1", "STARRED"}, w.labelsOf(c, one))

		// The other is refused: what is left is what Google says.
		require.NoError(t, w.RefuseChange(ctx, next, nil, 0, "Gmail did not accept this change."))
		require.Equal(t, []string{"Label_1"}, w.labelsOf(c, one))
		told := w.told(before)
		require.Equal(t, []fact.Kind{fact.MailRefused, fact.MailChanged}, kinds(told))
		var data struct {
			ChangeID string `json:"change_id"`
			IDs      []string
			Reason   string
		}
		require.NoError(t, json.Unmarshal(told[0].Data, &data))
		require.Equal(t, "c2", data.ChangeID)
		require.Equal(t, []string{"e" + one.GmailID}, data.IDs)
		require.Equal(t, "Gmail did not accept this change.", data.Reason)
		_, _, err = w.NextChange(ctx, c.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))
		waiting, err := w.ChangesWait(ctx, c.ID)
		require.NoError(t, err)
		require.False(t, waiting)
		w.Consistent()
	})
}

func TestAChangeThatIsThereAlready(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		one := Mail(1, named, Labelled("INBOX"))
		w.Put(c, Whole(one, Mail(2, named, Labelled("DRAFT")))...)
		before := w.last()
		made := w.changed(c, "c1", crm.ActionRead, "", one)
		require.Zero(t, made.Count)
		require.Equal(t, crm.ChangeDone, made.State)
		require.Empty(t, w.told(before))
		draft := w.changed(c, "c2", crm.ActionStar, "", Mail(2))
		require.Zero(t, draft.Count, "drafts only ever carry DRAFT")
		_, err := w.change(c, "c3", crm.ActionStar, "", Mail(3))
		require.Equal(t, fault.NotFound, fault.Of(err))
		abroad := w.Connect(w.Abroad, w.Cleo, "cleo")
		_, err = w.change(abroad, "c4", crm.ActionStar, "", one)
		require.Equal(t, fault.NotFound, fault.Of(err), "a message of another mailbox")
	})
}

// What a thread shows is changed; what lies in the trash of it is not.
func TestChangingThreads(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		one, two, bin := Mail(1, named, InThread("t1")), Mail(2, named, InThread("t1")), Mail(3, named, InThread("t1"), Labelled("TRASH"))
		gone := Mail(4, named, InThread("t2"), Labelled("TRASH"))
		w.Put(c, Whole(one, two, bin, gone)...)
		add := func(id string, action crm.ChangeAction, threads ...string) crm.Change {
			aim, err := mail.AimOf(action, "")
			require.NoError(t, err)
			made, err := w.AddChange(ctx, changing(c, id, action, ""), mail.Pick{Threads: threads}, aim, sending(c))
			require.NoError(t, err)
			return made
		}
		require.EqualValues(t, 3, add("c1", crm.ActionStar, "t1", "t2").Count)
		require.Equal(t, []string{"TRASH"}, w.labelsOf(c, bin))
		require.Equal(t, []string{"STARRED", "TRASH"}, w.labelsOf(c, gone), "a thread that is all in the trash")
		require.EqualValues(t, 1, add("c2", crm.ActionUntrash, "t2").Count)
		require.Equal(t, []string{"INBOX", "STARRED"}, w.labelsOf(c, gone))
		w.Consistent()
	})
}

// What is not there, or may not be changed, is named; the others are changed.
func TestLeftOut(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c, other := w.Connect(w.Home, w.Ada, "ada"), w.Connect(w.Home, w.Ben, "ben")
		one, draft, two, abroad := Mail(1, named, InThread("t1")), Mail(2, named, Labelled("DRAFT"), InThread("t1")), Mail(3, named, InThread("t2")), Mail(4, named, InThread("t4"))
		w.Put(c, Whole(one, draft, two)...)
		w.Put(other, Whole(abroad)...)
		aim, err := mail.AimOf(crm.ActionStar, "")
		require.NoError(t, err)
		made, err := w.AddChange(ctx, changing(c, "c1", crm.ActionStar, ""), mail.Pick{
			Emails: []crm.EmailID{one.ID, abroad.ID, "nobody", "nobody", draft.ID}, Threads: []string{"t1", "t2", "t4", "nowhere"}}, aim, sending(c))
		require.NoError(t, err)
		require.EqualValues(t, 2, made.Count)
		require.Equal(t, []crm.LeftOut{
			{Email: abroad.ID, Reason: crm.LeftOutUnknown}, {Email: "nobody", Reason: crm.LeftOutUnknown},
			{Thread: "t4", Reason: crm.LeftOutUnknown}, {Thread: "nowhere", Reason: crm.LeftOutUnknown}, {Email: draft.ID, Reason: crm.LeftOutDraft},
		}, made.LeftOut)
		require.Empty(t, w.changed(c, "c2", crm.ActionUnstar, "", one).LeftOut)
		_, err = w.AddChange(ctx, changing(c, "c3", crm.ActionStar, ""), mail.Pick{Threads: []string{"t4", "nowhere"}}, aim, sending(c))
		require.Equal(t, fault.NotFound, fault.Of(err), "none of it is there")
		w.Consistent()
	})
}

func TestUndo(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		one, two := Mail(1, named, Labelled("INBOX", "UNREAD")), Mail(2, named, Labelled("INBOX"))
		w.Put(c, Whole(one, two)...)

		// One that waits is never sent.
		made := w.changed(c, "c1", crm.ActionTrash, "", one)
		undone, err := w.UndoChange(ctx, made, "i1", sending(c))
		require.NoError(t, err)
		require.Equal(t, crm.ChangeUndone, undone.State)
		require.Equal(t, []string{"INBOX", "UNREAD"}, w.labelsOf(c, one))
		_, _, err = w.NextChange(ctx, c.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))

		// One that is on its way is followed by its inverse, for what it changed.
		made = w.changed(c, "c2", crm.ActionRead, "", one, two)
		sent, _, err := w.NextChange(ctx, c.ID)
		require.NoError(t, err)
		undone, err = w.UndoChange(ctx, made, "i2", sending(c))
		require.NoError(t, err)
		require.Equal(t, crm.ChangeUndone, undone.State)
		again, err := w.UndoChange(ctx, made, "i3", sending(c))
		require.NoError(t, err)
		require.Equal(t, crm.ChangeUndone, again.State, "twice is once")
		require.Equal(t, []string{"INBOX", "UNREAD"}, w.labelsOf(c, one))
		require.NoError(t, w.ChangeDone(ctx, sent, 6000))
		inverse, items, err := w.NextChange(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, crm.ChangeID("i2"), inverse.ID)
		require.Equal(t, crm.ActionUndo, inverse.Action)
		require.Equal(t, made.ID, inverse.UndoOf)
		require.Equal(t, []mail.ChangeItem{{GmailID: one.GmailID, Delta: mail.Delta{Add: []string{"UNREAD"}}}}, items)
		require.NoError(t, w.ChangeDone(ctx, inverse, 6001))

		list, next, err := w.ChangesOf(ctx, w.Home, w.Ada.ID, "", mail.Page{Limit: 2})
		require.NoError(t, err)
		require.Len(t, list, 2)
		more, _, err := w.ChangesOf(ctx, w.Home, w.Ada.ID, "", mail.Page{Limit: 2, Cursor: next})
		require.NoError(t, err)
		require.Len(t, more, 1)
		done, _, err := w.ChangesOf(ctx, w.Home, w.Ada.ID, crm.ChangeDone, mail.Page{})
		require.NoError(t, err)
		require.Len(t, done, 1)
		_, err = w.ChangeOf(ctx, w.Home, w.Ben.ID, made.ID)
		require.Equal(t, fault.NotFound, fault.Of(err), "changes are their maker's own")
		w.Consistent()
	})
}

// Should the history never be followed far enough, what Google says counts after
// a while, and changes that are over are forgotten after a month.
func TestChangesDoNotLieOverMailForEver(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		one := Mail(1, named, Labelled("INBOX"))
		w.Put(c, Whole(one)...)
		w.follow(c, 5000)
		w.changed(c, "c1", crm.ActionStar, "", one)
		sent, _, err := w.NextChange(ctx, c.ID)
		require.NoError(t, err)
		require.NoError(t, w.ChangeDone(ctx, sent, 1<<40))
		w.follow(c, 5001)
		require.Equal(t, []string{"INBOX", "STARRED"}, w.labelsOf(c, one))
		w.Clock.Move(2 * time.Hour)
		w.follow(c, 5002)
		require.Equal(t, []string{"INBOX"}, w.labelsOf(c, one))
		w.Clock.Move(31 * 24 * time.Hour)
		w.changed(c, "c2", crm.ActionStar, "", one)
		_, err = w.ChangeOf(ctx, w.Home, w.Ada.ID, "c1")
		require.Equal(t, fault.NotFound, fault.Of(err))
		w.Consistent()
	})
}

func TestDeletedMessagesAreToldApart(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		var all []*crm.Email
		for n := range 150 {
			all = append(all, Mail(n+1, named))
		}
		w.Put(c, Whole(all...)...)
		before := w.last()
		changes := []engine.Change[mail.Item]{Relabel(all[0], 9000, "SENT")}
		for _, e := range all[1:] {
			changes = append(changes, Gone(e, 9001))
		}
		w.Put(c, changes...)
		told := w.told(before)
		ids, deleted := 0, 0
		for _, f := range told {
			var data struct{ IDs, Deleted []string }
			require.NoError(t, json.Unmarshal(f.Data, &data))
			require.Subset(t, data.IDs, data.Deleted)
			require.NotContains(t, data.Deleted, "e"+all[0].GmailID)
			ids, deleted = ids+len(data.IDs), deleted+len(data.Deleted)
		}
		require.Len(t, told, 2)
		require.Equal(t, 150, ids)
		require.Equal(t, 149, deleted)
	})
}

func TestChangesAreAtomic(t *testing.T) {
	world := func(w *World) (crm.Connection, []*crm.Email) {
		c := w.Connect(w.Home, w.Ada, "ada")
		all := []*crm.Email{Mail(1, named, Labelled("INBOX", "UNREAD")), Mail(2, named, Labelled("INBOX", "UNREAD")), Mail(3, named, Labelled("INBOX"))}
		w.Put(c, Whole(all...)...)
		w.follow(c, 5000)
		return c, all
	}
	taken := func(w *World) (crm.Connection, []*crm.Email, crm.Change) {
		c, all := world(w)
		w.changed(c, "c1", crm.ActionRead, "", all...)
		sent, _, err := w.NextChange(ctx, c.ID)
		require.NoError(w.T, err)
		return c, all, sent
	}
	for name, prepare := range map[string]func(w *World) func() error{
		"made": func(w *World) func() error {
			c, all := world(w)
			return func() error {
				_, err := w.change(c, "c1", crm.ActionTrash, "", all...)
				return err
			}
		},
		"taken": func(w *World) func() error {
			c, all := world(w)
			w.changed(c, "c1", crm.ActionRead, "", all...)
			return func() error {
				_, _, err := w.NextChange(ctx, c.ID)
				return err
			}
		},
		"done": func(w *World) func() error {
			_, _, sent := taken(w)
			return func() error { return w.ChangeDone(ctx, sent, 5001) }
		},
		"done and followed": func(w *World) func() error {
			_, _, sent := taken(w)
			return func() error { return w.ChangeDone(ctx, sent, 4999) }
		},
		"refused": func(w *World) func() error {
			_, _, sent := taken(w)
			return func() error { return w.RefuseChange(ctx, sent, nil, 0, "no") }
		},
		"refused in part": func(w *World) func() error {
			_, all, sent := taken(w)
			return func() error { return w.RefuseChange(ctx, sent, []string{all[0].GmailID}, 5001, "no") }
		},
		"undone": func(w *World) func() error {
			c, all := world(w)
			made := w.changed(c, "c1", crm.ActionRead, "", all...)
			return func() error {
				_, err := w.UndoChange(ctx, made, "i1", sending(c))
				return err
			}
		},
		"undone on its way": func(w *World) func() error {
			c, _, sent := taken(w)
			return func() error {
				_, err := w.UndoChange(ctx, sent, "i1", sending(c))
				return err
			}
		},
		"followed": func(w *World) func() error {
			c, all, sent := taken(w)
			require.NoError(w.T, w.ChangeDone(ctx, sent, 5001))
			k := Key(c, crm.StreamGmailHistory)
			at, err := w.Load(ctx, k)
			require.NoError(w.T, err)
			b := engine.Batch[mail.Item]{At: engine.Checkpoint{Mark: "5002"}, Changes: []engine.Change[mail.Item]{Relabel(all[0], 5001, "INBOX"), Relabel(all[1], 5002, "SENT")}}
			return func() error {
				_, err := w.Apply(ctx, k, at, b)
				return err
			}
		},
	} {
		t.Run(name, func(t *testing.T) { atomically(t, prepare) })
	}
}

func TestShelvesAreAtomic(t *testing.T) {
	labels := []crm.Label{{ID: "INBOX", Name: "INBOX", Type: "system"}, {ID: "Label_1", Name: "Projects", Type: "user"}}
	world := func(w *World) crm.Connection {
		c := w.Connect(w.Home, w.Ada, "ada", func(c *crm.Connection) { c.Settings.Labels = []string{"INBOX", "Label_1"} })
		w.Put(c, Whole(Mail(1, named, Labelled("INBOX")), Mail(2, named, Labelled("Label_1"), InThread("t")), Mail(3, named, Labelled("Label_1", "UNREAD"), InThread("t")),
			Mail(4, named, Labelled("INBOX", "Label_1")))...)
		require.NoError(w.T, w.SaveLabels(ctx, c.ID, labels))
		return c
	}
	choose := func(w *World, c crm.Connection, off map[string]string, on ...string) {
		_, err := w.Change(ctx, Caller(w.Home, w.Ada), c.ID, func(c *crm.Connection) error { mail.ChooseLabels(&c.Settings, on, off); return nil })
		require.NoError(w.T, err)
	}
	t.Run("hidden", func(t *testing.T) {
		atomically(t, func(w *World) func() error {
			c := world(w)
			choose(w, c, map[string]string{"Label_1": "hide"}, "INBOX")
			return func() error {
				n, err := w.Reshow(ctx, c.ID, 100)
				if err == nil {
					require.Equal(w.T, 2, n)
				}
				return err
			}
		})
	})
	t.Run("shown again", func(t *testing.T) {
		atomically(t, func(w *World) func() error {
			c := world(w)
			choose(w, c, map[string]string{"Label_1": "hide"}, "INBOX")
			_, err := w.Reshow(ctx, c.ID, 100)
			require.NoError(w.T, err)
			require.Len(w.T, w.listed(c, mail.ListQuery{}), 2)
			choose(w, c, nil, "INBOX", "Label_1")
			return func() error {
				n, err := w.Reshow(ctx, c.ID, 100)
				if err == nil {
					require.Equal(w.T, 2, n)
				}
				return err
			}
		})
	})
	t.Run("deleted at Google", func(t *testing.T) {
		atomically(t, func(w *World) func() error {
			c := world(w)
			return func() error { return w.SaveLabels(ctx, c.ID, labels[:1]) }
		})
		atomically(t, func(w *World) func() error {
			c := world(w)
			require.NoError(w.T, w.SaveLabels(ctx, c.ID, labels[:1]))
			return func() error {
				_, err := w.ForgetLabels(ctx, c.ID, 2)
				return err
			}
		})
		atomically(t, func(w *World) func() error {
			c := world(w)
			require.NoError(w.T, w.SaveLabels(ctx, c.ID, labels[:1]))
			for _, want := range []int{2, 1} {
				n, err := w.ForgetLabels(ctx, c.ID, 2)
				require.NoError(w.T, err)
				require.Equal(w.T, want, n)
			}
			return func() error { // nobody has it any more: now the settings
				_, err := w.ForgetLabels(ctx, c.ID, 2)
				return err
			}
		})
	})
}

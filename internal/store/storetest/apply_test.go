package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/outbox"
	"rapport/internal/vault"
)

func TestMain(m *testing.M) { Main(m) }

var ctx = context.Background()

// listed gives the subjects of a page.
func (w *World) listed(c crm.Connection, q mail.ListQuery) []string {
	w.T.Helper()
	q.Connection = c.ID
	page, err := w.List(ctx, Caller(c.WorkspaceID, crm.User{ID: c.UserID}), q)
	require.NoError(w.T, err)
	return subjects(page)
}

func subjects(page mail.EmailPage) []string {
	list := []string{}
	for _, e := range page.Emails {
		list = append(list, e.Subject)
	}
	return list
}

// one gives the only message of a search, with its bodies.
func (w *World) one(c crm.Connection, gmailID string) crm.Email {
	w.T.Helper()
	caller := Caller(c.WorkspaceID, crm.User{ID: c.UserID})
	page, err := w.List(ctx, caller, mail.ListQuery{Connection: c.ID, Search: &mail.Search{Root: mail.Flag{Name: mail.FlagAnywhere}}, Page: mail.Page{Limit: 500}})
	require.NoError(w.T, err)
	for _, e := range page.Emails {
		if e.GmailID == gmailID {
			whole, err := w.Email(ctx, caller, e.ID)
			require.NoError(w.T, err)
			return whole
		}
	}
	require.Failf(w.T, "no such message", "%s", gmailID)
	return crm.Email{}
}

// told gives the facts written since a number.
func (w *World) told(since int64) []fact.Fact {
	w.T.Helper()
	facts, err := w.FactsAfter(ctx, since, 10000)
	require.NoError(w.T, err)
	return facts
}

func (w *World) last() int64 {
	w.T.Helper()
	seq, err := w.LastFact(ctx)
	require.NoError(w.T, err)
	return seq
}

func kinds(facts []fact.Fact) []fact.Kind {
	list := []fact.Kind{}
	for _, f := range facts {
		list = append(list, f.Kind)
	}
	return list
}

func TestApplyKeepsEverythingOfAMessage(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		e := Mail(7, Labelled("UNREAD", "INBOX", "STARRED"), func(e *crm.Email) {
			e.InReplyTo, e.References = "p@x.example", []string{"r1@x.example", "r2@x.example"}
			e.Cc = []crm.Address{{Name: "Zoë \"Z\" Öst", Email: "zoe@x.example"}, {Email: "nobody@x.example"}}
			e.Bcc, e.ReplyTo = []crm.Address{{Email: "hidden@x.example"}}, []crm.Address{{Name: "Desk", Email: "desk@x.example"}}
			e.BodyHTML, e.Bulk, e.HasAttachments = "<p>Body</p>", true, true
			e.Raw = []byte{0x28, 0xb5, 0, 1, 2}
			e.Attachments = []crm.Attachment{{PartID: "1.10", Name: "b.pdf", Type: "application/pdf", Size: 10}, {PartID: "1.2", Name: "a.png", Type: "image/png", Size: 20, ContentID: "cid", Inline: true}}
		})
		require.Equal(t, crm.Counts{Seen: 1, Added: 1}, w.Put(c, Whole(e)...))

		got := w.one(c, e.GmailID)
		want := *e
		want.WorkspaceID, want.ConnectionID = w.Home, c.ID
		want.Labels = []string{"INBOX", "STARRED", "UNREAD"}
		want.Raw = nil
		want.Attachments = []crm.Attachment{e.Attachments[1], e.Attachments[0]}
		require.Empty(t, cmp.Diff(want, got, cmpopts.IgnoreFields(crm.Email{}, "ID", "View"), cmpopts.IgnoreFields(crm.Attachment{}, "ID"), cmpopts.EquateEmpty()))
		require.NotEmpty(t, got.Attachments[0].ID)
		require.False(t, got.IsRead())
		raw, err := w.Raw(ctx, Caller(w.Home, w.Ada), got.ID)
		require.NoError(t, err)
		require.Equal(t, e.Raw, raw)
	})
}

func TestApplyTakesTextThatDatabasesRefuse(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		bad := "nul \x00 broken \xff\xfe end"
		e := Mail(1, func(e *crm.Email) {
			e.Subject, e.BodyText, e.BodyHTML, e.Snippet = bad, bad, bad, bad
			e.From, e.To = crm.Address{Name: bad, Email: bad}, []crm.Address{{Name: bad, Email: bad}}
			e.Attachments = []crm.Attachment{{PartID: "2", Name: bad}}
			e.Labels = []string{"INBOX", bad}
			e.References = []string{bad}
		})
		w.Put(c, Whole(e)...)
		require.Equal(t, "nul  broken � end", w.one(c, e.GmailID).Subject)
		require.Equal(t, crm.Counts{Seen: 1}, w.Put(c, Whole(e)...), "the same message once more changes nothing")
		require.Len(t, w.listed(c, mail.ListQuery{Search: &mail.Search{Root: mail.Words{Text: bad}}}), 1)
	})
}

func TestApplyTwiceChangesNothing(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		changes := append(Whole(Mail(1), Mail(2, Labelled("INBOX", "UNREAD")), Mail(3)), Gone(Mail(4), 2000), Relabel(Mail(5), 2000, "INBOX"))
		w.Put(c, changes...)
		before, seq := w.Dump(), w.last()
		w.Clock.Move(time.Hour)
		require.Equal(t, crm.Counts{Seen: 5, Skipped: 2}, w.Put(c, changes...))
		require.Empty(t, cmp.Diff(before, w.Dump()))
		require.Empty(t, w.told(seq))
	})
}

func TestApplyMovesTheCheckpoint(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		k := Key(c, crm.StreamGmailHistory)
		at, err := w.Load(ctx, k)
		require.NoError(t, err)
		require.Zero(t, at)
		first := engine.Checkpoint{Mark: "100", Page: "p", Held: "90", Full: true, Pass: 2}
		_, err = w.Apply(ctx, k, at, engine.Batch[mail.Item]{At: first})
		require.NoError(t, err)
		at, err = w.Load(ctx, k)
		require.NoError(t, err)
		require.Equal(t, first, at)

		_, err = w.Apply(ctx, k, engine.Checkpoint{Mark: "99"}, engine.Batch[mail.Item]{Changes: Whole(Mail(1)), At: engine.Checkpoint{Mark: "200"}})
		require.Equal(t, fault.Stale, fault.Of(err))
		require.Empty(t, w.Stored(c))

		other, err := w.Load(ctx, Key(c, crm.StreamGmailBackfill))
		require.NoError(t, err)
		require.Zero(t, other, "streams have positions of their own")
	})
}

func TestApplyAfterDisconnect(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		c.Status = crm.StatusDisconnected
		g, err := w.Grant(ctx, c.GrantID)
		require.NoError(t, err)
		g.Status = vault.GrantRevoked
		require.NoError(t, w.Dropped(ctx, c, g))
		_, err = w.Apply(ctx, Key(c, crm.StreamGmailBackfill), engine.Checkpoint{}, engine.Batch[mail.Item]{Changes: Whole(Mail(1))})
		require.Equal(t, fault.Stale, fault.Of(err))
		k := Key(c, crm.StreamGmailBackfill)
		k.Workspace = w.Abroad
		_, err = w.Apply(ctx, k, engine.Checkpoint{}, engine.Batch[mail.Item]{Changes: Whole(Mail(1))})
		require.Equal(t, fault.Stale, fault.Of(err))
	})
}

func TestApplyByHistoryIDs(t *testing.T) {
	// A stored message has history id 1001, its tombstone 1010 where it is gone.
	m := Mail(1)
	whole := func(rev uint64, change ...func(*crm.Email)) engine.Change[mail.Item] {
		return Whole(Mail(1, append(change, func(e *crm.Email) { e.HistoryID = rev })...))[0]
	}
	unread := Labelled("INBOX", "UNREAD")
	type step = []engine.Change[mail.Item]
	for _, v := range []struct {
		name   string
		steps  []step
		labels []string // nil: gone
	}{
		{"labels newer", []step{{Relabel(m, 1005, "SENT")}}, []string{"SENT"}},
		{"labels of the same id", []step{{Relabel(m, 1001, "SENT")}}, []string{"SENT"}},
		{"labels older", []step{{Relabel(m, 1000, "SENT")}}, []string{"INBOX"}},
		{"labels nobody dates", []step{{{ID: m.GmailID, Value: &mail.Item{Labels: []string{"SENT"}}}}}, []string{"SENT"}},
		{"equal labels move the id on", []step{{Relabel(m, 1009, "INBOX")}, {Relabel(m, 1005, "SENT")}}, []string{"INBOX"}},
		{"whole message newer", []step{{whole(1005, unread)}}, []string{"INBOX", "UNREAD"}},
		{"whole message older", []step{{whole(900, unread)}}, []string{"INBOX"}},
		{"deletion", []step{{Gone(m, 1010)}}, nil},
		{"deletion older", []step{{Gone(m, 900)}}, []string{"INBOX"}},
		{"deletion nobody dates", []step{{Gone(m, 0)}}, nil},
		{"tombstone and older message", []step{{Gone(m, 1010)}, {whole(1001, unread)}}, nil},
		{"tombstone and newer message", []step{{Gone(m, 1010)}, {whole(1010, unread)}}, []string{"INBOX", "UNREAD"}},
		{"tombstone and newer labels", []step{{Gone(m, 1010)}, {Relabel(m, 1011, "INBOX")}}, nil},
		{"tombstone without date, the same message", []step{{Gone(m, 0)}, {whole(1001)}}, []string{"INBOX"}},
		{"all in one batch", []step{{Relabel(m, 1002, "SENT"), Relabel(m, 1003, "SENT", "UNREAD"), Relabel(m, 1001, "TRASH")}}, []string{"SENT", "UNREAD"}},
		{"deleted and back in one batch", []step{{Gone(m, 1010), whole(1011)}}, []string{"INBOX"}},
		{"back and deleted in one batch", []step{{whole(1009), Gone(m, 1010)}}, nil},
	} {
		t.Run(v.name, func(t *testing.T) {
			Each(t, func(t *testing.T, d Database) {
				w := NewWorld(t, d)
				c := w.Connect(w.Home, w.Ada, "ada")
				w.Put(c, Whole(m)...)
				for _, s := range v.steps {
					w.Put(c, s...)
				}
				if v.labels == nil {
					require.Empty(t, w.Stored(c))
				} else {
					require.Equal(t, map[string][]string{m.GmailID: v.labels}, w.Stored(c))
				}
				w.Consistent()
			})
		})
	}
}

func TestApplyAddedAndGoneWithinABatch(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		w.Put(c, append(Whole(Mail(1), Mail(2), Mail(2)), Gone(Mail(1), 1500))...)
		require.Equal(t, []string{"Message 2"}, w.listed(c, mail.ListQuery{}))
		w.Consistent()
	})
}

func TestApplyChangesContent(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		file := func(part, name string) crm.Attachment {
			return crm.Attachment{PartID: part, Name: name, Type: "text/plain", Size: 5}
		}
		w.Put(c, Whole(Mail(1, func(e *crm.Email) {
			e.HasAttachments, e.Attachments = true, []crm.Attachment{file("2", "plan.txt"), file("3", "old.txt")}
		}))...)
		before := w.one(c, Mail(1).GmailID)
		require.Len(t, w.listed(c, mail.ListQuery{Search: &mail.Search{Root: mail.Words{Text: "old"}}}), 1)
		counts := w.Put(c, Whole(Mail(1, func(e *crm.Email) {
			e.BodyText, e.HasAttachments, e.Attachments = "Parsed anew.", true, []crm.Attachment{file("2", "plan.txt"), file("4", "new.txt")}
		}))...)
		require.Equal(t, crm.Counts{Seen: 1, Updated: 1}, counts)
		after := w.one(c, Mail(1).GmailID)
		require.Equal(t, before.ID, after.ID)
		require.Equal(t, "Parsed anew.", after.BodyText)
		require.Equal(t, before.Attachments[0], after.Attachments[0], "a part that is still there keeps its id")
		require.Equal(t, "new.txt", after.Attachments[1].Name)
		require.Len(t, after.Attachments, 2)
		require.Empty(t, w.listed(c, mail.ListQuery{Search: &mail.Search{Root: mail.Words{Text: "old"}}}))
		require.Len(t, w.listed(c, mail.ListQuery{Search: &mail.Search{Root: mail.Words{Text: "anew"}}}), 1)
		w.Consistent()
	})
}

func TestApplyKeepsTheLedger(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		bad := func(n int, err error) engine.Change[mail.Item] {
			return engine.Change[mail.Item]{ID: Mail(n).GmailID, Value: &mail.Item{ThreadID: "t1"}, Err: err}
		}
		require.Equal(t, crm.Counts{Seen: 2, Added: 1, Failed: 1}, w.Put(c, append(Whole(Mail(1)), bad(2, fault.New(fault.Internal, "The parser gave up.")))...))
		due, err := w.DueFailures(ctx, c.ID, w.Clock.Now(), 10)
		require.NoError(t, err)
		require.Empty(t, due)
		list, next, err := w.FailuresOf(ctx, c.ID, mail.Page{})
		require.NoError(t, err)
		require.Empty(t, next)
		at, _ := mail.NextTry(1, Start)
		want := crm.Failure{WorkspaceID: w.Home, ConnectionID: c.ID, Stream: crm.StreamGmailBackfill, ItemID: Mail(2).GmailID, ThreadID: "t1",
			Reason: "The parser gave up.", Attempts: 1, NextTryAt: at, CreatedAt: Start}
		require.Empty(t, cmp.Diff([]crm.Failure{want}, list, cmpopts.IgnoreFields(crm.Failure{}, "ID")))

		known, err := w.Known(ctx, c.ID, []string{Mail(1).GmailID, Mail(2).GmailID, Mail(3).GmailID})
		require.NoError(t, err)
		require.True(t, known[Mail(2).GmailID].Failed)
		require.Equal(t, mail.KnownEmail{Date: Mail(1).Date, Labels: []string{"INBOX"}, Shown: []string{"INBOX"}, HistoryID: 1001}, known[Mail(1).GmailID])
		require.NotContains(t, known, Mail(3).GmailID)

		for range 20 { // until it is parked
			w.Clock.Move(30 * time.Hour)
			w.Put(c, bad(2, errors.New("secret internals")))
		}
		list, _, err = w.FailuresOf(ctx, c.ID, mail.Page{})
		require.NoError(t, err)
		require.True(t, list[0].Parked)
		require.Equal(t, "The message could not be read.", list[0].Reason)
		w.Clock.Move(1000 * time.Hour)
		due, err = w.DueFailures(ctx, c.ID, w.Clock.Now(), 10)
		require.NoError(t, err)
		require.Empty(t, due)

		require.Equal(t, fault.NotFound, fault.Of(w.RetryFailure(ctx, w.Abroad, c.ID, list[0].ID, w.Clock.Now())))
		require.NoError(t, w.RetryFailure(ctx, w.Home, c.ID, list[0].ID, w.Clock.Now()))
		due, err = w.DueFailures(ctx, c.ID, w.Clock.Now(), 10)
		require.NoError(t, err)
		require.Len(t, due, 1)

		skip := engine.Change[mail.Item]{ID: Mail(2).GmailID, Value: &mail.Item{Skip: true}}
		require.Equal(t, crm.Counts{Seen: 1, Skipped: 1}, w.Put(c, skip))
		totals, err := w.CountsOf(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, mail.Totals{Messages: 1, Threads: 1, Failures: 1}, totals)

		w.Put(c, Whole(Mail(2))...)
		totals, err = w.CountsOf(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, mail.Totals{Messages: 2, Threads: 2}, totals)

		w.Put(c, bad(8, errors.New("x")), bad(9, errors.New("x")))
		w.Put(c, Gone(Mail(8), 0), Relabel(Mail(9), 1, "INBOX"))
		totals, err = w.CountsOf(ctx, c.ID)
		require.NoError(t, err)
		require.Zero(t, totals.Failures, "a deletion and labels of an unknown message settle its entry")
	})
}

func TestApplyCountsInTheRun(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		run := crm.Run{ID: crm.RunID(w.ID()), WorkspaceID: w.Home, ConnectionID: c.ID, Stream: crm.StreamGmailBackfill, State: crm.RunQueued, StartedAt: Start}
		got, begun, err := w.BeginRun(ctx, run)
		require.NoError(t, err)
		require.True(t, begun)
		require.Equal(t, run, got)

		again := run
		again.ID, again.State = crm.RunID(w.ID()), crm.RunRunning
		got, begun, err = w.BeginRun(ctx, again)
		require.NoError(t, err)
		require.False(t, begun)
		require.Equal(t, run.ID, got.ID)
		require.Equal(t, crm.RunRunning, got.State)

		k := Key(c, crm.StreamGmailBackfill)
		k.Run, k.Units = run.ID, 40
		seq := w.last()
		counts, err := w.Apply(ctx, k, engine.Checkpoint{}, engine.Batch[mail.Item]{Changes: Whole(Mail(1), Mail(2)), At: engine.Checkpoint{Page: "2"}, Total: 300})
		require.NoError(t, err)
		require.Equal(t, crm.Counts{Seen: 2, Added: 2, Units: 40}, counts)
		require.Equal(t, []fact.Kind{fact.SyncProgress, fact.MailArrived}, kinds(w.told(seq)))
		k.Units = 5
		_, err = w.Apply(ctx, k, engine.Checkpoint{Page: "2"}, engine.Batch[mail.Item]{Changes: []engine.Change[mail.Item]{Gone(Mail(1), 0)}, At: engine.Checkpoint{Page: "3"}})
		require.NoError(t, err)
		got, err = w.Run(ctx, w.Home, run.ID)
		require.NoError(t, err)
		require.Equal(t, crm.Counts{Seen: 3, Added: 2, Deleted: 1, Units: 45}, got.Counts)
		require.EqualValues(t, 300, got.Total)
		_, err = w.Run(ctx, w.Abroad, run.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))

		end := Start.Add(time.Minute)
		got.State, got.FinishedAt, got.Counts = crm.RunPartial, &end, crm.Counts{}
		seq = w.last()
		require.NoError(t, w.EndRun(ctx, got))
		require.NoError(t, w.EndRun(ctx, got))
		require.Equal(t, []fact.Kind{fact.SyncFinished}, kinds(w.told(seq)))
		got, err = w.Run(ctx, w.Home, run.ID)
		require.NoError(t, err)
		require.EqualValues(t, 3, got.Counts.Seen, "the counts are Apply's")
		require.Equal(t, &end, got.FinishedAt)
		_, err = w.Running(ctx, c.ID, crm.StreamGmailBackfill)
		require.Equal(t, fault.NotFound, fault.Of(err))
		_, begun, err = w.BeginRun(ctx, again)
		require.NoError(t, err)
		require.True(t, begun)
		again.State = crm.RunFailed
		seq = w.last()
		require.NoError(t, w.EndRun(ctx, again))
		require.Equal(t, []fact.Kind{fact.SyncFailed}, kinds(w.told(seq)))

		list, next, err := w.RunsOf(ctx, c.ID, mail.Page{Limit: 1})
		require.NoError(t, err)
		require.Len(t, list, 1)
		more, end2, err := w.RunsOf(ctx, c.ID, mail.Page{Limit: 1, Cursor: next})
		require.NoError(t, err)
		require.Empty(t, end2)
		require.ElementsMatch(t, []crm.RunID{run.ID, again.ID}, []crm.RunID{list[0].ID, more[0].ID})
	})
}

func TestApplyTellsWhatArrivedAndChanged(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		private := w.Connect(w.Home, w.Ada, "ada")
		shared := w.Connect(w.Home, w.Ben, "ben", Shared)
		type data struct {
			Stream crm.Stream
			IDs    []crm.EmailID
			Count  int
		}
		read := func(f fact.Fact) (v data) {
			require.NoError(t, json.Unmarshal(f.Data, &v))
			return v
		}
		seq := w.last()
		var many []*crm.Email
		for i := range 230 {
			many = append(many, Mail(i))
		}
		w.Put(private, Whole(many...)...)
		facts := w.told(seq)
		require.Equal(t, []fact.Kind{fact.MailArrived, fact.MailArrived, fact.MailArrived}, kinds(facts))
		ids := map[crm.EmailID]bool{}
		for _, f := range facts {
			require.Equal(t, w.Ada.ID, f.UserID, "private mail is its owner's matter")
			require.Equal(t, Start, f.At)
			v := read(f)
			require.Equal(t, len(v.IDs), v.Count)
			for _, id := range v.IDs {
				ids[id] = true
			}
		}
		require.Len(t, ids, 230)

		seq = w.last()
		w.Put(private, Relabel(Mail(1), 5000, "INBOX", "UNREAD"), Relabel(Mail(2), 5000, "INBOX"), Gone(Mail(3), 5000))
		facts = w.told(seq)
		require.Equal(t, []fact.Kind{fact.MailChanged}, kinds(facts))
		require.Len(t, read(facts[0]).IDs, 2, "labels that are the same already are no change")
		seq = w.last()
		w.Put(private, Whole(Mail(3, func(e *crm.Email) { e.HistoryID = 6000 }))...)
		require.Equal(t, []fact.Kind{fact.MailArrived}, kinds(w.told(seq)))
		seq = w.last()
		w.Put(shared, Whole(Mail(1))...)
		require.Equal(t, crm.UserID(""), w.told(seq)[0].UserID, "shared mail is everybody's")
	})
}

func TestTwoWorkersOnOneCheckpoint(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		k := Key(c, crm.StreamGmailHistory)
		const rounds, workers = 12, 4
		var wg sync.WaitGroup
		var mu sync.Mutex
		moved := 0
		for worker := range workers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for {
					at, err := w.Load(ctx, k)
					if err != nil || at.Pass == rounds {
						return
					}
					next := at
					next.Pass++
					n := int(at.Pass)
					_, err = w.Apply(ctx, k, at, engine.Batch[mail.Item]{Changes: Whole(Mail(n, func(e *crm.Email) { e.Subject = fmt.Sprint(worker) })), At: next})
					if err == nil {
						mu.Lock()
						moved++
						mu.Unlock()
					} else if !fault.Is(err, fault.Stale) {
						t.Errorf("worker %d: %v", worker, err)
						return
					}
				}
			}()
		}
		wg.Wait()
		require.Equal(t, rounds, moved, "each page was applied by exactly one")
		require.Len(t, w.Stored(c), rounds)
		w.Consistent()
	})
}

func TestTwoStreamsSideBySide(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		var wg sync.WaitGroup
		for i, stream := range []crm.Stream{crm.StreamGmailHistory, crm.StreamGmailBackfill, crm.StreamGmailRetry} {
			wg.Add(1)
			go func() {
				defer wg.Done()
				k := Key(c, stream)
				at := engine.Checkpoint{}
				for n := range 15 {
					next := engine.Checkpoint{Pass: at.Pass + 1}
					changes := Whole(Mail(n, Labelled("INBOX", fmt.Sprint("L", i))), Mail(n+1), Mail(n+2, Labelled("INBOX", "UNREAD")))
					if n%3 == i {
						changes = append(changes, Gone(Mail(n), 0))
					}
					if _, err := w.Apply(ctx, k, at, engine.Batch[mail.Item]{Changes: changes, At: next}); err != nil {
						t.Errorf("%s: %v", stream, err)
						return
					}
					at = next
				}
			}()
		}
		wg.Wait()
		w.Consistent()
	})
}

func TestRewindAndRestart(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		k := Key(c, crm.StreamGmailHistory)
		require.NoError(t, w.Rewind(ctx, k, "5"), "a stream that has not begun stays so")
		at := engine.Checkpoint{Mark: "1000", Page: "x", Pass: 3}
		_, err := w.Apply(ctx, k, engine.Checkpoint{}, engine.Batch[mail.Item]{At: at})
		require.NoError(t, err)
		for _, v := range []struct {
			mark string
			want engine.Checkpoint
		}{
			{"1001", at}, {"1000", at},
			{"999", engine.Checkpoint{Mark: "999", Pass: 3}}, // a number, not a text: 999 < 1000
		} {
			require.NoError(t, w.Rewind(ctx, k, engine.Cursor(v.mark)))
			got, err := w.Load(ctx, k)
			require.NoError(t, err)
			require.Equal(t, v.want, got, v.mark)
		}
		require.Equal(t, fault.Invalid, fault.Of(w.Rewind(ctx, k, "soon")))

		full := engine.Checkpoint{Mark: "999", Held: "1200", Full: true, Pass: 4}
		_, err = w.Apply(ctx, k, engine.Checkpoint{Mark: "999", Pass: 3}, engine.Batch[mail.Item]{At: full})
		require.NoError(t, err)
		require.NoError(t, w.Rewind(ctx, k, "5"))
		got, err := w.Load(ctx, k)
		require.NoError(t, err)
		require.Equal(t, full, got, "a full pass is not disturbed")

		require.NoError(t, w.Restart(ctx, k))
		got, err = w.Load(ctx, k)
		require.NoError(t, err)
		require.Equal(t, engine.Checkpoint{Pass: 4}, got)
	})
}

func TestEachStoredWalksInOrder(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c, other := w.Connect(w.Home, w.Ada, "ada"), w.Connect(w.Home, w.Ada, "ada2")
		var emails []*crm.Email
		for i := range 2500 {
			emails = append(emails, Mail(i, func(e *crm.Email) { e.Date = Start.Add(-time.Duration(i) * time.Second) }))
		}
		w.Put(c, Whole(emails...)...)
		w.Put(other, Whole(emails[0])...)
		w.Put(c, Gone(emails[17], 0))
		var ids []string
		require.NoError(t, w.EachStored(ctx, c.ID, func(id string, date time.Time, labels []string) error {
			ids = append(ids, id)
			return nil
		}))
		require.Len(t, ids, 2499)
		require.True(t, slices.IsSorted(ids))
		stop := errors.New("stop")
		require.ErrorIs(t, w.EachStored(ctx, c.ID, func(string, time.Time, []string) error { return stop }), stop)
		require.Len(t, w.listed(c, mail.ListQuery{Page: mail.Page{Limit: 500}}), 500)
		w.Consistent()
	})
}

func TestManyMessagesOfOneSecond(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		var emails []*crm.Email
		for i := range 1500 { // more than fit into the slots of a second
			emails = append(emails, Mail(i, func(e *crm.Email) { e.Date = Start.Add(time.Duration(i) * time.Microsecond) }))
		}
		w.Put(c, Whole(emails[:700]...)...)
		w.Put(c, Whole(emails[700:]...)...)
		require.Len(t, w.Stored(c), 1500)
		old := Mail(2000, func(e *crm.Email) { e.Date = time.Time{} })
		late := Mail(2001, func(e *crm.Email) { e.Date = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) })
		late2 := Mail(2002, func(e *crm.Email) { e.Date = time.Date(2200, 1, 1, 0, 0, 0, 999e6, time.UTC) })
		late3 := Mail(2003, func(e *crm.Email) { e.Date = late2.Date })
		w.Put(c, Whole(old, late, late2, late3)...)
		seen, cursor := map[crm.EmailID]bool{}, ""
		for {
			page, err := w.List(ctx, Caller(w.Home, w.Ada), mail.ListQuery{Connection: c.ID, Page: mail.Page{Limit: 100, Cursor: cursor}})
			require.NoError(t, err)
			for _, e := range page.Emails {
				require.False(t, seen[e.ID])
				seen[e.ID] = true
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		require.Len(t, seen, 1504)
		w.Consistent()
	})
}

func TestLabelsAndTheirNumbers(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		labels := []crm.Label{{ID: "INBOX", Name: "INBOX", Type: "system"}, {ID: "Label_1", Name: "Trips/2026", Type: "user", TextColor: "#fff", BackgroundColor: "#000"}}
		require.NoError(t, w.SaveLabels(ctx, c.ID, labels))
		before := w.Dump()
		require.NoError(t, w.SaveLabels(ctx, c.ID, []crm.Label{labels[1], labels[0]}))
		require.Empty(t, cmp.Diff(before, w.Dump()))
		w.Put(c, Whole(Mail(1, Labelled("INBOX", "UNREAD")), Mail(2, Labelled("INBOX", "Label_1")), Mail(3, Labelled("TRASH", "Label_1", "UNREAD")), Mail(4, Labelled("SPAM")))...)
		got, err := w.LabelsOf(ctx, Caller(w.Home, w.Ada), c.ID)
		require.NoError(t, err)
		require.Equal(t, []mail.LabelCount{{Label: labels[0], Unread: 1, Total: 2}, {Label: labels[1], Total: 1}}, got)
		_, err = w.LabelsOf(ctx, Caller(w.Home, w.Ben), c.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))
		labels[1].Name = "Trips"
		require.NoError(t, w.SaveLabels(ctx, c.ID, labels))
		got, err = w.LabelsOf(ctx, Caller(w.Home, w.Ada), c.ID)
		require.NoError(t, err)
		require.Equal(t, "Trips", got[1].Name)
	})
}

func TestCompleteness(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		_, err := w.Completeness(ctx, c.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))
		var last crm.Completeness
		for i := range 40 {
			last = crm.Completeness{ConnectionID: c.ID, CheckedAt: Start.Add(time.Duration(i) * time.Hour), GoogleCount: 4212, RapportCount: 4211, Missing: 1, Extra: 2, Relabelled: 3, Healed: 4, Unexplained: 5}
			require.NoError(t, w.SaveCompleteness(ctx, Key(c, crm.StreamGmailVerify), last))
		}
		got, err := w.Completeness(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, last, got)
		require.Len(t, w.Dump()["completeness_checks"], 30)
	})
}

func TestDeleteData(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c, other := w.Connect(w.Home, w.Ada, "ada"), w.Connect(w.Home, w.Ben, "ben")
		w.Put(other, Whole(Mail(1), Mail(2))...)
		_, err := w.IndexPending(ctx, 100)
		require.NoError(t, err)
		empty := w.Dump()
		_, err = w.Apply(ctx, Key(c, crm.StreamGmailHistory), engine.Checkpoint{}, engine.Batch[mail.Item]{At: engine.Checkpoint{Mark: "77"}})
		require.NoError(t, err)
		require.NoError(t, w.SaveLabels(ctx, c.ID, []crm.Label{{ID: "INBOX", Name: "INBOX"}}))
		file := func(e *crm.Email) {
			e.HasAttachments, e.Attachments = true, []crm.Attachment{{ID: "kept", PartID: "1", Name: "x"}}
		}
		w.Put(c, append(Whole(Mail(1, file), Mail(2), Mail(3)), Gone(Mail(2), 0), engine.Change[mail.Item]{ID: "bad", Err: errors.New("x")})...)
		_, err = w.IndexPending(ctx, 100)
		require.NoError(t, err)
		require.NoError(t, w.CacheAttachment(ctx, "kept", "h", []byte("secret figures")))
		n, err := w.DeleteData(ctx, w.Abroad, c.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))
		require.Zero(t, n)
		n, err = w.DeleteData(ctx, w.Home, c.ID)
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		_, err = w.IndexPending(ctx, 100)
		require.NoError(t, err)
		after := w.Dump()
		for _, table := range []string{"facts", "email_index_queue"} {
			delete(empty, table)
			delete(after, table)
		}
		require.Empty(t, cmp.Diff(empty, after))
		require.Len(t, w.listed(other, mail.ListQuery{Search: &mail.Search{Root: mail.Words{Text: "message"}}}), 2)
		require.Empty(t, w.listed(c, mail.ListQuery{Search: &mail.Search{Root: mail.Words{Text: "message"}}}))
		require.Equal(t, crm.Counts{Seen: 1, Added: 1}, w.Put(c, Whole(Mail(1))...))
		w.Consistent()
	})
}

// TestDeleteDataTakesWhatWasWritten: what was planned does not go out after it, its
// sender is told, nothing of what was written stays, and a key still knows that its
// request was made.
func TestDeleteDataTakesWhatWasWritten(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c, other := w.Connect(w.Home, w.Ada, "ada"), w.Connect(w.Home, w.Ben, "ben")
		put := func(c crm.Connection, state crm.OutgoingState, key string, change ...func(*crm.Outgoing)) crm.OutgoingID {
			o, _, err := w.put(w.outgoing(c, append(change, func(o *crm.Outgoing) { o.State = state })...), outbox.Once{Key: key, Fingerprint: []byte(key)})
			require.NoError(t, err)
			return o.ID
		}
		open := func(o *crm.Outgoing) { o.Attempt = crm.SendAttempt{Began: Start, Mark: 7} }
		queued, retry, perhaps := put(c, crm.OutgoingQueued, "q"), put(c, crm.OutgoingRetry, "r"), put(c, crm.OutgoingRetry, "p", open)
		sent, failed := put(c, crm.OutgoingSent, "s"), put(c, crm.OutgoingFailed, "f")
		sending, theirs := put(c, crm.OutgoingSending, "g"), put(other, crm.OutgoingQueued, "t")
		before, err := w.LastFact(ctx)
		require.NoError(t, err)
		for range 2 { // the second time nothing more happens
			_, err = w.DeleteData(ctx, w.Home, c.ID)
			require.NoError(t, err)
		}
		for id, state := range map[crm.OutgoingID]crm.OutgoingState{queued: crm.OutgoingCancelled, retry: crm.OutgoingCancelled, perhaps: crm.OutgoingFailed,
			sent: crm.OutgoingSent, failed: crm.OutgoingFailed} {
			o, err := w.Outgoing(ctx, id)
			require.NoError(t, err)
			require.Equal(t, state, o.State)
			require.Zero(t, o.Recipients())
			require.Empty(t, o.Subject)
			_, err = w.OutgoingMessage(ctx, id)
			require.Equal(t, fault.NotFound, fault.Of(err))
		}
		o, err := w.Outgoing(ctx, perhaps)
		require.NoError(t, err)
		require.Contains(t, o.Error, "before it was known whether")
		for _, id := range []crm.OutgoingID{sending, theirs} {
			o, err := w.Outgoing(ctx, id)
			require.NoError(t, err)
			require.NotEmpty(t, o.Subject, "on its way this moment, or somebody else's")
			_, err = w.OutgoingMessage(ctx, id)
			require.NoError(t, err)
		}
		told := map[string]string{}
		list, err := w.FactsAfter(ctx, before, 100)
		require.NoError(t, err)
		for _, f := range list {
			if f.Kind == fact.MailSending {
				var data struct {
					ID    string `json:"outgoing_id"`
					State string
				}
				require.NoError(t, json.Unmarshal(f.Data, &data))
				require.Empty(t, told[data.ID])
				told[data.ID] = data.State
			}
		}
		require.Equal(t, map[string]string{string(queued): "cancelled", string(retry): "cancelled", string(perhaps): "failed"}, told)
		again, known, err := w.put(w.outgoing(c), outbox.Once{Key: "s", Fingerprint: []byte("s")})
		require.NoError(t, err)
		require.True(t, known)
		require.Equal(t, sent, again.ID, "it is not sent a second time")
	})
}

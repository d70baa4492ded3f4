package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/outbox"
	"rapport/internal/org"
	"rapport/internal/work"
)

// outgoing is a message of Ada's to be sent.
func (w *World) outgoing(c crm.Connection, change ...func(*crm.Outgoing)) crm.Outgoing {
	o := crm.Outgoing{
		ID: crm.OutgoingID(w.ID()), WorkspaceID: c.WorkspaceID, ConnectionID: c.ID, UserID: c.UserID, State: crm.OutgoingQueued,
		From: crm.Address{Name: "Ada", Email: "ada@northwind-lamps.example"}, To: []crm.Address{{Name: `B "x"`, Email: "b@harbour-tea.example"}}, Cc: []crm.Address{{Email: "c@harbour-tea.example"}},
		Subject: "Größe", MessageID: "m@rapport", Size: 3, CreatedAt: w.Clock.Now(), SendAt: w.Clock.Now().Add(time.Minute), NextTryAt: w.Clock.Now().Add(time.Minute),
	}
	for _, f := range change {
		f(&o)
	}
	return o
}

func sendJob(o crm.Outgoing) work.Job {
	return work.Job{Kind: outbox.KindSend, Subject: string(o.ID), Group: "mail.send:" + string(o.ConnectionID), DueAt: o.NextTryAt, Priority: 30}
}

// put stores a message to be sent.
func (w *World) put(o crm.Outgoing, once outbox.Once) (crm.Outgoing, bool, error) {
	if once.Fingerprint == nil {
		once.Fingerprint = []byte{}
	}
	return w.PutOutgoing(ctx, o, once, []byte{0, 1, 255}, sendJob(o))
}

// sending are the facts about messages to be sent, as id and state.
func (w *World) sending() (out []string) {
	list, err := w.FactsAfter(ctx, 0, 1000)
	require.NoError(w.T, err)
	for _, f := range list {
		if f.Kind != fact.MailSending {
			continue
		}
		require.NotEmpty(w.T, f.UserID, "a matter of its sender")
		var d struct {
			ID    string `json:"outgoing_id"`
			State string `json:"state"`
		}
		require.NoError(w.T, json.Unmarshal(f.Data, &d))
		out = append(out, d.ID+" "+d.State)
	}
	return out
}

func TestOutgoing(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		me := Caller(w.Home, w.Ada)
		o := w.outgoing(c)
		row, known, err := w.put(o, outbox.Once{})
		require.NoError(t, err)
		require.False(t, known)
		require.Equal(t, o, row)
		read, err := w.Outgoing(ctx, o.ID)
		require.NoError(t, err)
		require.Equal(t, o, read)
		raw, err := w.OutgoingMessage(ctx, o.ID)
		require.NoError(t, err)
		require.Equal(t, []byte{0, 1, 255}, raw)
		job, _, err := w.Job(ctx, outbox.KindSend, string(o.ID))
		require.NoError(t, err)
		require.Equal(t, o.NextTryAt, job.DueAt)
		require.Equal(t, []string{string(o.ID) + " queued"}, w.sending())

		// Others' do not exist.
		for _, other := range []access.Caller{Caller(w.Home, w.Ben), Caller(w.Abroad, w.Cleo), Caller(w.Abroad, w.Ada), {}} {
			_, err = w.OwnOutgoing(ctx, other, o.ID)
			require.True(t, fault.Is(err, fault.NotFound))
			list, _, err := w.OutgoingOf(ctx, other, outbox.Query{})
			require.NoError(t, err)
			require.Empty(t, list)
		}

		// Sent: the message goes, the row stays, the synced message is named.
		now := w.Clock.Now()
		e := Mail(1, Labelled("SENT"))
		after, err := w.MoveOutgoing(ctx, o.ID, func(o *crm.Outgoing) (outbox.Then, error) {
			o.State, o.SentAt, o.GmailID, o.ThreadID, o.Attempts = crm.OutgoingSent, &now, e.GmailID, e.ThreadID, 3
			o.Attempt = crm.SendAttempt{Began: now, Mark: 1 << 62, Settles: now.Add(time.Minute)}
			return outbox.Then{Jobs: []work.Job{{Kind: mail.KindHistory, Subject: string(c.ID), DueAt: now}}, Audit: []access.Audit{{At: now, Workspace: w.Home, UserID: w.Ada.ID, Action: "mail.send", Outcome: "ok"}}}, nil
		})
		require.NoError(t, err)
		read, err = w.Outgoing(ctx, o.ID)
		require.NoError(t, err)
		require.Equal(t, after, read)
		_, err = w.OutgoingMessage(ctx, o.ID)
		require.True(t, fault.Is(err, fault.NotFound))
		_, _, err = w.Job(ctx, mail.KindHistory, string(c.ID))
		require.NoError(t, err)
		require.Equal(t, []string{string(o.ID) + " queued", string(o.ID) + " sent"}, w.sending())
		seen, err := w.OwnOutgoing(ctx, me, o.ID)
		require.NoError(t, err)
		require.Empty(t, seen.EmailID)
		w.Put(c, Whole(e)...)
		seen, err = w.OwnOutgoing(ctx, me, o.ID)
		require.NoError(t, err)
		require.NotEmpty(t, seen.EmailID)

		_, err = w.Outgoing(ctx, crm.OutgoingID(w.ID()))
		require.True(t, fault.Is(err, fault.NotFound))
		_, err = w.MoveOutgoing(ctx, crm.OutgoingID(w.ID()), func(*crm.Outgoing) (outbox.Then, error) { return outbox.Then{}, nil })
		require.True(t, fault.Is(err, fault.NotFound))
		refused := errors.New("no")
		_, err = w.MoveOutgoing(ctx, o.ID, func(o *crm.Outgoing) (outbox.Then, error) {
			o.State = crm.OutgoingFailed
			return outbox.Then{}, refused
		})
		require.ErrorIs(t, err, refused)
		read, err = w.Outgoing(ctx, o.ID)
		require.NoError(t, err)
		require.Equal(t, crm.OutgoingSent, read.State, "nothing was written")
	})
}

// TestOutgoingOnce: a key makes one row, however many ask at the same time, and so
// does a draft.
func TestOutgoingOnce(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		once := outbox.Once{Key: "click", Fingerprint: []byte{1, 0}}
		rows := make([]crm.Outgoing, 12)
		var all sync.WaitGroup
		for i := range rows {
			o := w.outgoing(c)
			all.Go(func() {
				row, _, err := w.put(o, once)
				if err != nil {
					t.Error(err)
				}
				rows[i] = row
			})
		}
		all.Wait()
		for _, r := range rows {
			require.Equal(t, rows[0].ID, r.ID)
		}
		list, _, err := w.OutgoingOf(ctx, Caller(w.Home, w.Ada), outbox.Query{})
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Len(t, w.sending(), 1)
		_, _, err = w.put(w.outgoing(c), outbox.Once{Key: "click", Fingerprint: []byte{2}})
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		_, err = w.OutgoingByKey(ctx, Caller(w.Home, w.Ada), outbox.Once{Key: "click", Fingerprint: []byte{2}})
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		// Of somebody else, or of a key of theirs, it is another one.
		bens := w.Connect(w.Home, w.Ben, "ben")
		_, known, err := w.put(w.outgoing(bens), once)
		require.NoError(t, err)
		require.False(t, known)
		_, known, err = w.put(w.outgoing(c, func(o *crm.Outgoing) { o.KeyID = "k" }), once)
		require.NoError(t, err)
		require.False(t, known)

		draft := func(o *crm.Outgoing) { o.DraftID = "r1" }
		first, _, err := w.put(w.outgoing(c, draft), outbox.Once{})
		require.NoError(t, err)
		again, known, err := w.put(w.outgoing(c, draft), outbox.Once{Key: "other", Fingerprint: []byte{3}})
		require.NoError(t, err)
		require.True(t, known)
		require.Equal(t, first.ID, again.ID)
		_, err = w.MoveOutgoing(ctx, first.ID, func(o *crm.Outgoing) (outbox.Then, error) { o.State = crm.OutgoingCancelled; return outbox.Then{}, nil })
		require.NoError(t, err)
		_, err = w.OutgoingOfDraft(ctx, Caller(w.Home, w.Ada), c.ID, "r1")
		require.True(t, fault.Is(err, fault.NotFound))
		_, known, err = w.put(w.outgoing(c, draft), outbox.Once{})
		require.NoError(t, err)
		require.False(t, known, "after it was taken back it may be sent")
	})
}

func TestOutgoingLists(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		var want []crm.OutgoingID
		for i := range 7 {
			if i%3 == 0 {
				w.Clock.Move(time.Second)
			}
			o := w.outgoing(c, func(o *crm.Outgoing) {
				o.Subject = fmt.Sprint(i)
				if i%2 == 0 {
					o.State = crm.OutgoingRetry
				}
				if i == 3 {
					o.KeyID = "k"
				}
			})
			_, _, err := w.put(o, outbox.Once{})
			require.NoError(t, err)
			want = append([]crm.OutgoingID{o.ID}, want...)
		}
		var got []crm.OutgoingID
		q := outbox.Query{Page: mail.Page{Limit: 3}}
		for {
			list, next, err := w.OutgoingOf(ctx, Caller(w.Home, w.Ada), q)
			require.NoError(t, err)
			for _, o := range list {
				got = append(got, o.ID)
			}
			if q.Page.Cursor = next; next == "" {
				break
			}
		}
		require.Equal(t, want, got)
		list, _, err := w.OutgoingOf(ctx, Caller(w.Home, w.Ada), outbox.Query{State: crm.OutgoingRetry})
		require.NoError(t, err)
		require.Len(t, list, 4)
		me := Caller(w.Home, w.Ada)
		me.KeyID = "k"
		list, _, err = w.OutgoingOf(ctx, me, outbox.Query{OfKey: true})
		require.NoError(t, err)
		require.Len(t, list, 1)
		late, err := w.OverdueOutgoing(ctx, w.Clock.Now().Add(time.Hour), 100)
		require.NoError(t, err)
		require.Len(t, late, 7)
		late, err = w.OverdueOutgoing(ctx, w.Clock.Now(), 100)
		require.NoError(t, err)
		require.Empty(t, late)
	})
}

func TestOldOutgoingIsDeleted(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		for i, state := range []crm.OutgoingState{crm.OutgoingSent, crm.OutgoingFailed, crm.OutgoingCancelled, crm.OutgoingQueued, crm.OutgoingRetry, crm.OutgoingSending} {
			_, _, err := w.put(w.outgoing(c, func(o *crm.Outgoing) { o.State, o.Subject = state, fmt.Sprint(i) }), outbox.Once{})
			require.NoError(t, err)
		}
		count := func() int {
			list, _, err := w.OutgoingOf(ctx, Caller(w.Home, w.Ada), outbox.Query{})
			require.NoError(t, err)
			return len(list)
		}
		require.NoError(t, w.PurgeOutgoing(ctx, w.Clock.Now()))
		require.Equal(t, 6, count())
		require.NoError(t, w.PurgeOutgoing(ctx, w.Clock.Now().Add(time.Hour)))
		require.Equal(t, 3, count(), "what waits is kept, however old")
		require.Len(t, w.Dump()["outgoing_messages"], 3)
	})
}

func TestMayStillSend(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		may := func(o crm.Outgoing) bool {
			ok, err := w.MayStillSend(ctx, o, w.Clock.Now())
			require.NoError(t, err)
			return ok
		}
		require.True(t, may(w.outgoing(c)))
		require.False(t, may(w.outgoing(c, func(o *crm.Outgoing) { o.UserID = w.Cleo.ID })))
		require.False(t, may(w.outgoing(c, func(o *crm.Outgoing) { o.KeyID = "none" })))
		ends := w.Clock.Now().Add(time.Hour)
		require.NoError(t, w.PutKey(ctx, org.APIKey{ID: "k1", WorkspaceID: w.Home, UserID: w.Ada.ID, Name: "n", Prefix: "rap_x", Hash: []byte{1}, Scopes: []string{"mail:send"}, CreatedAt: Start, ExpiresAt: &ends}))
		keyed := w.outgoing(c, func(o *crm.Outgoing) { o.KeyID = "k1" })
		require.True(t, may(keyed))
		w.Clock.Move(2 * time.Hour)
		require.False(t, may(keyed), "it has expired")
		require.NoError(t, w.PutKey(ctx, org.APIKey{ID: "k2", WorkspaceID: w.Home, UserID: w.Ada.ID, Name: "n", Prefix: "rap_y", Hash: []byte{2}, Scopes: []string{"mail:send"}, CreatedAt: Start}))
		keyed.KeyID = "k2"
		require.True(t, may(keyed))
		require.NoError(t, w.RevokeKey(ctx, w.Home, "k2", w.Clock.Now()))
		require.False(t, may(keyed))
	})
}

package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
	"rapport/internal/webhooks"
)

// What happens to a message is told, with what its audience sees of it.
func TestMessagesAreTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", storetest.Shared)
		w.follow()
		w.hook(w.Ben, webhooks.ForWorkspace, "/all")
		w.hook(w.Ben, webhooks.ForWorkspace, "/some", webhooks.EmailSent, webhooks.EmailDeleted)
		m := storetest.Mail(1, storetest.Labelled("INBOX", "UNREAD"))
		step := func(wanted ...string) []got {
			t.Helper()
			w.receiver.forget()
			w.follow()
			w.deliver()
			list := w.receiver.taken("/all")
			slices.SortFunc(list, func(a, b got) int { return strings.Compare(a.Type, b.Type) })
			require.Equal(t, wanted, types(list))
			return list
		}
		w.Put(c, storetest.Whole(m, storetest.Mail(2, storetest.Labelled("SENT")), storetest.Mail(3, storetest.Labelled("DRAFT")), storetest.Mail(4, storetest.Labelled("SPAM")),
			storetest.Mail(5, func(e *crm.Email) { e.Date = storetest.Start.Add(-time.Hour) }))...) // of the time before the mailbox was connected
		first := step("email.received", "email.sent")
		require.Equal(t, "Message 1", first[0].Data.Subject)
		require.Equal(t, "mira@harbour-tea.example", first[0].Data.From)
		require.Equal(t, "full", first[0].Data.Access)
		require.False(t, first[0].Data.Read)
		require.Empty(t, first[0].Data.Body, "texts only for those who ask for them")
		w.Put(c, storetest.Relabel(m, 5000, "INBOX"))
		require.True(t, step("email.updated")[0].Data.Read)
		w.Put(c, storetest.Gone(m, 5001))
		gone := step("email.deleted")[0]
		require.Equal(t, first[0].Data.ID, gone.Data.ID)
		require.Empty(t, gone.Data.Subject)
		require.Equal(t, []string{"email.deleted"}, types(w.receiver.taken("/some")))
		step() // nothing is left
	})
}

func TestConnectionsAreTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		w.hook(w.Ben, webhooks.ForWorkspace, "/all")
		w.hook(w.Ben, webhooks.ForMaker, "/ben")
		c := w.Connect(w.Home, w.Ada, "ada")
		set := func(s crm.ConnectionStatus) {
			_, err := w.Store.Change(ctx, access.System(w.Home), c.ID, func(c *crm.Connection) error { c.Status = s; return nil })
			require.NoError(t, err)
		}
		set(crm.StatusPaused)
		set(crm.StatusDisconnected)
		run, _, err := w.BeginRun(ctx, crm.Run{ID: "run", WorkspaceID: w.Home, ConnectionID: c.ID, Stream: crm.StreamGmailHistory, State: crm.RunRunning, StartedAt: storetest.Start})
		require.NoError(t, err)
		run.State = crm.RunFailed
		require.NoError(t, w.EndRun(ctx, run))
		w.follow()
		require.NoError(t, w.Follow(ctx, fact.Fact{Seq: 1 << 40, Kind: fact.ConnectionLost, WorkspaceID: w.Home, ConnectionID: c.ID}), "without data")
		w.deliver()
		list := w.receiver.taken("/all")
		require.Equal(t, []string{"connection.granted", "connection.changed", "connection.disconnected", "sync.failed", "connection.needs_reauth"}, types(list), "in their order: they are about one object")
		require.Equal(t, "disconnected", list[2].Data.Status)
		require.Contains(t, list[3].raw, `"run_id":"run"`)
		require.Empty(t, w.receiver.all("/ben"), "connections of others are no matter of a member's own webhook")
	})
}

// A receiver is down for a day. When it is up again everything arrives, each once,
// in order per object.
func TestDownForADay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", storetest.Shared)
		w.follow()
		e := w.hook(w.Ben, webhooks.ForWorkspace, "/crm")
		w.receiver.answers(http.StatusServiceUnavailable)
		var mails []*crm.Email
		want := map[string]int{}
		for hour := range 24 {
			m := storetest.Mail(hour+1, storetest.Labelled("INBOX", "UNREAD"), func(e *crm.Email) { e.Date = w.Clock.Now() })
			mails = append(mails, m)
			w.Put(c, storetest.Whole(m)...)
			for i, old := range mails { // each of them changes every hour
				labels := []string{"INBOX"}
				if (hour+i)%2 == 0 {
					labels = append(labels, "UNREAD", "STARRED")
				}
				w.Put(c, storetest.Relabel(old, uint64(10_000+hour*100+i), labels...))
			}
			w.follow()
			for minute := 0; minute < 60; minute += 10 {
				w.deliver()
				w.Clock.Move(10 * time.Minute)
			}
		}
		require.Empty(t, w.receiver.taken("/crm"))
		tried := len(w.receiver.all("/crm"))
		require.Greater(t, tried, 20)
		require.Less(t, tried, 24*60, "a receiver that is down is left in peace")
		log := w.log(e)
		for _, d := range log {
			require.NotEqual(t, webhooks.Failed, d.State)
			want[string(d.ID)]++
		}
		w.receiver.answers(http.StatusOK)
		for range 12 {
			w.Clock.Move(time.Minute)
			w.deliver()
		}
		taken := w.receiver.taken("/crm")
		require.Len(t, taken, len(log), "within minutes")
		order := map[string][]string{}
		for _, g := range taken {
			want[g.id]--
			order[g.Data.ID] = append(order[g.Data.ID], g.id)
		}
		for id, n := range want {
			require.Zero(t, n, "%s arrives once", id)
		}
		require.Len(t, order, 24)
		made := map[string][]string{}
		for _, d := range w.log(e) {
			require.Equal(t, webhooks.Delivered, d.State)
			made[d.Object] = append(made[d.Object], string(d.ID))
		}
		require.Equal(t, made, order)
		require.True(t, w.now(e).Enabled)
		require.Nil(t, w.now(e).FailingSince)
		w.Clock.Move(72 * time.Hour)
		require.Zero(t, w.deliver(), "and nothing more")
	})
}

// What somebody may not see does not leave, whoever asks for it: every visibility,
// audience and event.
func TestPrivateMailNeverLeaves(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		for _, visibility := range []crm.Visibility{crm.VisibilityPrivate, crm.VisibilityMetadata, crm.VisibilitySubject, crm.VisibilityFull} {
			for _, guarded := range []string{"", "protected", "shared"} {
				t.Run(string(visibility)+guarded, func(t *testing.T) { matrix(t, d, visibility, guarded) })
			}
		}
	})
}

func matrix(t *testing.T, d storetest.Database, visibility crm.Visibility, guarded string) {
	w := newWorld(t, d)
	c := w.Connect(w.Home, w.Ada, "ada", func(c *crm.Connection) { c.Settings.Visibility = visibility })
	if guarded == "protected" {
		_, err := w.SaveMailRule(ctx, crm.MailRule{ID: "rule", WorkspaceID: w.Home, Kind: crm.RuleProtected, Pattern: "mira@harbour-tea.example", CreatedBy: w.Ada.ID}, access.Audit{At: w.Clock.Now(), Workspace: w.Home, Action: "x", Outcome: "ok"})
		require.NoError(t, err)
	}
	w.follow()
	yes := true
	paths := map[string]crm.User{"/all": {}, "/ada": w.Ada, "/ben": w.Ben}
	for path, maker := range paths {
		audience := webhooks.ForMaker
		if maker.ID == "" {
			maker, audience = w.Ben, webhooks.ForWorkspace
		}
		e := w.hook(maker, audience, path)
		_, err := w.Change(ctx, w.admin(maker), e.ID, webhooks.Wish{IncludeBody: &yes})
		require.NoError(t, err)
	}
	m := storetest.Mail(1, storetest.Labelled("INBOX", "UNREAD"), func(e *crm.Email) {
		e.ID, e.Subject, e.Snippet, e.BodyText = "letter", "the subject", "the snippet", "the body"
	})
	if guarded == "shared" {
		w.Put(c, storetest.Whole(storetest.Mail(2, storetest.InThread(m.ThreadID), storetest.Labelled("INBOX")))...)
		_, err := w.SaveShare(ctx, storetest.Caller(w.Home, w.Ada), crm.Share{ID: "share", ConnectionID: c.ID, ThreadID: m.ThreadID, UserIDs: []crm.UserID{w.Ben.ID}}, access.Audit{At: w.Clock.Now(), Workspace: w.Home, Action: "x", Outcome: "ok"})
		require.NoError(t, err)
		w.followed = w.last()
	}
	w.Put(c, storetest.Whole(m)...)
	w.follow()
	w.deliver()
	w.Put(c, storetest.Relabel(m, 5000, "INBOX"))
	w.follow()
	w.deliver()
	w.Put(c, storetest.Gone(m, 5001))
	w.follow()
	w.deliver()
	level := map[string]crm.Level{"/ada": crm.LevelFull}
	for _, path := range []string{"/all", "/ben"} {
		if level[path] = crm.Level(visibility); visibility == crm.VisibilityPrivate || guarded == "protected" {
			level[path] = crm.LevelNone
		}
	}
	if guarded == "shared" {
		level["/ben"] = crm.LevelFull
	}
	for path := range paths {
		list := w.receiver.taken(path)
		if level[path] == crm.LevelNone {
			require.Empty(t, list, path)
			continue
		}
		require.Equal(t, []string{"email.received", "email.updated", "email.deleted"}, types(list), path)
		for _, g := range list[:2] {
			require.Equal(t, string(level[path]), g.Data.Access, path)
			full, subject := level[path] == crm.LevelFull, level[path] != crm.LevelMetadata
			require.Equal(t, full, g.Data.Body == "the body", "%s: %s", path, g.raw)
			require.Equal(t, full, strings.Contains(g.raw, "the snippet"), path)
			require.Equal(t, subject, strings.Contains(g.raw, "the subject"), path)
			require.Equal(t, full, strings.Contains(g.raw, "the body"), path)
		}
		require.NotContains(t, list[2].raw, "the ")
	}
}

func (w *world) last() int64 {
	n, err := w.LastFact(ctx)
	require.NoError(w.T, err)
	return n
}

// The predicate is asked again when a delivery is sent: what was closed meanwhile is
// withheld.
func TestClosedMeanwhile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", storetest.Shared)
		w.follow()
		e := w.hook(w.Ben, webhooks.ForWorkspace, "/all", webhooks.EmailReceived)
		mine := w.hook(w.Ben, webhooks.ForMaker, "/ben", webhooks.EmailReceived)
		w.Put(c, storetest.Whole(storetest.Mail(1))...)
		w.follow()
		_, err := w.Store.Change(ctx, access.System(w.Home), c.ID, func(c *crm.Connection) error { c.Settings.Visibility = crm.VisibilityPrivate; return nil })
		require.NoError(t, err)
		w.deliver()
		require.Empty(t, w.receiver.all("/all"))
		require.Empty(t, w.receiver.all("/ben"))
		for _, e := range []webhooks.Endpoint{e, mine} {
			require.Equal(t, webhooks.Withheld, w.log(e)[0].State)
		}
		shown, err := w.Delivery(ctx, w.admin(w.Ben), e.ID, w.log(e)[0].ID)
		require.NoError(t, err)
		require.Nil(t, shown.Payload, "nor is it shown in the log")
		_, err = w.Store.Change(ctx, access.System(w.Home), c.ID, func(c *crm.Connection) error { c.Settings.Visibility = crm.VisibilityMetadata; return nil })
		require.NoError(t, err)
		_, err = w.Redeliver(ctx, w.admin(w.Ben), e.ID, w.log(e)[0].ID)
		require.NoError(t, err)
		w.deliver()
		again := w.receiver.taken("/all")
		require.Len(t, again, 1)
		require.Equal(t, "metadata", again[0].Data.Access)
		require.Empty(t, again[0].Data.Subject)
	})
}

// A webhook for its maker's eyes is closed to other administrators, and ends when
// its maker leaves.
func TestWebhooksForTheirMakersEyes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.Connect(w.Home, w.Ben, "ben")
		w.follow()
		e := w.hook(w.Ben, webhooks.ForMaker, "/ben", webhooks.EmailReceived)
		w.Put(c, storetest.Whole(storetest.Mail(1))...)
		w.follow()
		ada, evil, off := w.admin(w.Ada), "https://elsewhere.example/", false
		for what, err := range map[string]error{
			"log":      second(w.Service.DeliveriesOf(ctx, ada, e.ID, webhooks.Query{})),
			"delivery": only(w.Delivery(ctx, ada, e.ID, w.log(e)[0].ID)),
			"again":    only(w.Redeliver(ctx, ada, e.ID, w.log(e)[0].ID)),
			"secret":   second(w.Rotate(ctx, ada, e.ID)),
			"test":     only(w.Service.Test(ctx, ada, e.ID)),
			"address":  only(w.Change(ctx, ada, e.ID, webhooks.Wish{URL: &evil})),
			"both":     only(w.Change(ctx, ada, e.ID, webhooks.Wish{URL: &evil, Enabled: &off})),
		} {
			require.Equal(t, fault.Forbidden, fault.Of(err), what)
		}
		_, err := w.Change(ctx, ada, e.ID, webhooks.Wish{Enabled: &off})
		require.NoError(t, err, "but they can stop it")
		on := true
		require.Equal(t, fault.Forbidden, fault.Of(only(w.Change(ctx, ada, e.ID, webhooks.Wish{Enabled: &on}))))
		_, err = w.Change(ctx, w.admin(w.Ben), e.ID, webhooks.Wish{Enabled: &on})
		require.NoError(t, err)
		require.NoError(t, w.MemberLeft(ctx, w.Home, w.Ben.ID), "they are still here")
		require.Len(t, w.log(e), 1)
		require.NoError(t, w.RemoveMember(ctx, org.MemberChange{Workspace: w.Home, Actor: w.Ada.ID, Target: w.Ben.ID, At: w.Clock.Now()}, func(org.Standing) (access.Audit, error) {
			return access.Audit{At: w.Clock.Now(), Workspace: w.Home, Action: "member.remove", Outcome: "ok"}, nil
		}))
		w.deliver()
		require.Empty(t, w.receiver.all("/ben"), "nothing leaves from then on")
		require.NoError(t, w.MemberLeft(ctx, w.Home, w.Ben.ID))
		require.Equal(t, fault.NotFound, fault.Of(only(w.Store.Webhook(ctx, w.Home, e.ID))))
	})
}

func only[T any](_ T, err error) error           { return err }
func second[T, U any](_ T, _ U, err error) error { return err }

var errKilled = errors.New("killed")

// A crash at any point between the fact and the note of its delivery: nothing is
// lost, nothing is made twice, and what is sent twice has the same id.
func TestCrashes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", storetest.Shared)
		w.follow()
		e := w.hook(w.Ben, webhooks.ForWorkspace, "/crm", webhooks.EmailReceived)
		operations := map[string]bool{}
		kill := ""
		w.Hook = func(_ context.Context, op string) error {
			if !strings.HasPrefix(op, "webhooks.") {
				return nil
			}
			operations[op] = true
			if op == kill {
				kill = ""
				return errKilled
			}
			return nil
		}
		n := 0
		round := func(at string) {
			n++
			w.Clock.Move(time.Second)
			m := storetest.Mail(n)
			w.Put(c, storetest.Whole(m)...)
			last := w.last()
			facts, err := w.FactsAfter(ctx, w.followed, 10)
			require.NoError(t, err)
			kill = at
			for _, f := range facts {
				for { // the reader of facts is given it again
					if err := w.Follow(ctx, f); err == nil {
						break
					} else {
						require.ErrorIs(t, err, errKilled)
					}
				}
				require.NoError(t, w.Follow(ctx, f), "and once more, though it was followed")
			}
			w.followed = last
			for {
				if _, err := w.DeliverDue(ctx); err == nil {
					break
				} else {
					require.ErrorIs(t, err, errKilled)
				}
			}
			w.Clock.Move(2 * time.Minute) // the lease of what died ends
			w.deliver()
			require.Empty(t, kill, at)
			sent := map[string]string{}
			for _, g := range w.receiver.taken("/crm") {
				if was, again := sent[g.Data.ID]; again {
					require.Equal(t, was, g.id, "killed at %s: sent again under the same id", at)
				}
				sent[g.Data.ID] = g.id
			}
			require.Len(t, sent, n, "killed at %s", at)
			require.Len(t, w.log(e), n, "killed at %s", at)
		}
		round("")
		points := []string{}
		for op := range operations {
			points = append(points, op)
		}
		slices.Sort(points)
		require.Greater(t, len(points), 8)
		for _, op := range points {
			round(op)
		}
		for _, d := range w.log(e) {
			require.Equal(t, webhooks.Delivered, d.State)
		}
		t.Logf("killed at %d points", len(points))
	})
}

// A receiver that takes its time holds nobody else.
func TestASlowReceiverHoldsNobody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", storetest.Shared)
		w.follow()
		slow := []webhooks.Endpoint{w.hook(w.Ben, webhooks.ForWorkspace, "/slow1"), w.hook(w.Ben, webhooks.ForWorkspace, "/slow2")}
		fast := w.hook(w.Ben, webhooks.ForWorkspace, "/fast")
		hold := make(chan struct{})
		arrived := make(chan struct{}, 1000)
		w.receiver.does(func(_ http.ResponseWriter, g got) int {
			if strings.HasPrefix(g.path, "/slow") {
				<-hold
			} else {
				arrived <- struct{}{}
			}
			return 200
		})
		running, stop := context.WithCancel(ctx)
		var busy sync.WaitGroup
		busy.Go(func() { w.Run(running) })
		for i := range 100 {
			w.Put(c, storetest.Whole(storetest.Mail(i+1))...)
		}
		w.follow()
		for range 100 {
			select {
			case <-arrived:
			case <-time.After(30 * time.Second):
				require.FailNow(t, "the fast receiver waits for the slow ones")
			}
		}
		close(hold)
		stop()
		busy.Wait()
		for range 20 { // a machine under load may have let some of them end without an answer in time
			w.Clock.Move(5 * time.Minute)
			w.deliver()
		}
		for _, e := range append(slow, fast) {
			require.Zero(t, w.now(e).Waiting)
		}
		for _, path := range []string{"/slow1", "/slow2", "/fast"} {
			ids := map[string]bool{}
			for _, g := range w.receiver.taken(path) {
				ids[g.id] = true
			}
			require.Len(t, ids, 100, path)
		}
	})
}

// What fails holds back what comes later about the same object, nothing else.
// TestManySlowReceiversHoldNobody: a place that is free goes to who has least under way.
func TestManySlowReceiversHoldNobody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", storetest.Shared)
		w.follow()
		busy := map[crm.WebhookID]int{}
		for range 20 {
			busy[w.hook(w.Ben, webhooks.ForWorkspace, "/slow").ID] = 3
		}
		idle := w.hook(w.Ben, webhooks.ForWorkspace, "/fast")
		w.Put(c, storetest.Whole(storetest.Mail(1), storetest.Mail(2), storetest.Mail(3))...)
		w.follow()
		for range 3 {
			claimed, err := w.ClaimDeliveries(ctx, webhooks.Claim{Holder: "x", Now: w.Clock.Now(), Until: w.Clock.Now().Add(time.Minute), Limit: 1, PerEndpoint: 8, Probes: 1, Busy: busy})
			require.NoError(t, err)
			require.Len(t, claimed, 1)
			require.Equal(t, idle.ID, claimed[0].WebhookID)
		}
	})
}

func TestOrderPerObject(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", storetest.Shared)
		w.follow()
		e := w.hook(w.Ben, webhooks.ForWorkspace, "/crm")
		bad, good := storetest.Mail(1, func(e *crm.Email) { e.ID = "bad" }), storetest.Mail(2, func(e *crm.Email) { e.ID = "good" })
		var broken sync.Map
		broken.Store("bad", true)
		w.receiver.does(func(_ http.ResponseWriter, g got) int {
			if _, is := broken.Load(g.Data.ID); is {
				return http.StatusBadRequest
			}
			return http.StatusOK
		})
		w.Put(c, storetest.Whole(bad, good)...)
		w.follow()
		w.Put(c, storetest.Relabel(bad, 5000, "INBOX", "STARRED"), storetest.Relabel(good, 5001, "INBOX", "STARRED"))
		w.follow()
		w.deliver()
		var taken []string
		for _, g := range w.receiver.taken("/crm") {
			taken = append(taken, g.Data.ID+" "+g.Type)
		}
		require.Equal(t, []string{"good email.received", "good email.updated"}, taken)
		states := map[string]webhooks.State{}
		for _, d := range w.log(e) {
			states[d.Object+" "+d.Event] = d.State
		}
		require.Equal(t, webhooks.Waiting, states["bad email.received"])
		require.Equal(t, webhooks.Held, states["bad email.updated"])
		broken.Delete("bad")
		w.Clock.Move(5 * time.Second)
		w.deliver()
		require.Equal(t, []string{"email.received", "email.updated"}, types(slices.DeleteFunc(w.receiver.taken("/crm"), func(g got) bool { return g.Data.ID != "bad" })))
	})
}

func TestRetries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		e := w.hook(w.Ben, webhooks.ForWorkspace, "/crm")
		w.receiver.answers(http.StatusInternalServerError)
		_, err := w.Service.Test(ctx, w.admin(w.Ben), e.ID)
		require.NoError(t, err)
		began := w.Clock.Now()
		var at []time.Duration
		for w.now(e).Enabled {
			if w.deliver() > 0 {
				at = append(at, w.Clock.Now().Sub(began))
			}
			next, err := w.NextDelivery(ctx)
			require.NoError(t, err)
			if next.IsZero() {
				break
			}
			w.Clock.Move(max(next.Sub(w.Clock.Now()), time.Millisecond))
		}
		require.Len(t, at, 10, "%v", at)
		require.Equal(t, 5*time.Second, at[1])
		require.Equal(t, 65*time.Second, at[2])
		require.GreaterOrEqual(t, at[9], 72*time.Hour)
		require.Less(t, at[9], 73*time.Hour)
		off := w.now(e)
		require.False(t, off.Enabled, "nothing came through for three days")
		require.Contains(t, off.DisabledReason, "500 Internal Server Error")
		facts, err := w.FactsAfter(ctx, 0, 500)
		require.NoError(t, err)
		told := slices.IndexFunc(facts, func(f fact.Fact) bool { return f.Kind == fact.WebhookDisabled })
		require.GreaterOrEqual(t, told, 0)
		require.Equal(t, w.Ben.ID, facts[told].UserID)
		rows, _, err := w.AuditOf(ctx, w.Home, org.AuditQuery{Action: "webhook.disable"})
		require.NoError(t, err)
		require.Len(t, rows, 1)
		_, tries, err := w.Store.Delivery(ctx, e.ID, w.log(e)[0].ID)
		require.NoError(t, err)
		require.Len(t, tries, 10)
		require.Equal(t, fault.Conflict, fault.Of(only(w.Redeliver(ctx, w.admin(w.Ben), e.ID, w.log(e)[0].ID))))
		on := true
		_, err = w.Change(ctx, w.admin(w.Ben), e.ID, webhooks.Wish{Enabled: &on})
		require.NoError(t, err)
		w.receiver.answers(http.StatusNoContent)
		again, err := w.Redeliver(ctx, w.admin(w.Ben), e.ID, w.log(e)[0].ID)
		require.NoError(t, err)
		require.Equal(t, webhooks.Waiting, again.State)
		require.Equal(t, fault.Conflict, fault.Of(only(w.Redeliver(ctx, w.admin(w.Ben), e.ID, again.ID))), "it is on its way")
		w.deliver()
		require.Equal(t, string(again.ID), w.receiver.taken("/crm")[0].id)
	})
}

func TestWhatReceiversAskFor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		e := w.hook(w.Ben, webhooks.ForWorkspace, "/crm")
		test := func() {
			_, err := w.Service.Test(ctx, w.admin(w.Ben), e.ID)
			require.NoError(t, err)
		}
		w.receiver.does(func(a http.ResponseWriter, _ got) int {
			a.Header().Set("Retry-After", "3600")
			return http.StatusTooManyRequests
		})
		test()
		require.Equal(t, 1, w.deliver())
		test()
		w.Clock.Move(59 * time.Minute)
		require.Zero(t, w.deliver(), "it asked for an hour, whatever there is")
		w.Clock.Move(time.Minute)
		w.receiver.answers(http.StatusGone)
		require.Positive(t, w.deliver())
		off := w.now(e)
		require.False(t, off.Enabled)
		require.Contains(t, off.DisabledReason, "410")
		require.Equal(t, fault.Conflict, fault.Of(only(w.Service.Test(ctx, w.admin(w.Ben), e.ID))))
	})
}

func TestRotation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		e := w.hook(w.Ben, webhooks.ForWorkspace, "/crm")
		old := w.receiver.secrets["/crm"][0]
		require.True(t, strings.HasPrefix(old.Reveal(), "whsec_"))
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, w.now(e), old), strings.TrimPrefix(old.Reveal(), "whsec_"))
		_, fresh, err := w.Rotate(ctx, w.admin(w.Ben), e.ID)
		require.NoError(t, err)
		require.NotEqual(t, old.Reveal(), fresh.Reveal())
		test := func() {
			_, err := w.Service.Test(ctx, w.admin(w.Ben), e.ID)
			require.NoError(t, err)
			require.Equal(t, 1, w.deliver())
		}
		w.receiver.secrets["/crm"] = []crm.Secret{old, fresh} // each is verified
		test()
		w.Clock.Move(24 * time.Hour)
		w.receiver.know("/crm", fresh)
		test()
		w.receiver.secrets["/crm"] = nil
		require.Len(t, w.receiver.taken("/crm"), 2)
		for _, row := range w.Dump()["webhooks"] {
			require.NotContains(t, row, strings.TrimPrefix(fresh.Reveal(), "whsec_"), "secrets lie sealed")
		}
	})
}

// A new key of the installation: secrets are sealed under it, and sign as before.
func TestSecretsAreSealedAnew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		e, other := w.hook(w.Ben, webhooks.ForWorkspace, "/crm"), w.hook(w.Ben, webhooks.ForWorkspace, "/other")
		_, fresh, err := w.Rotate(ctx, w.admin(w.Ben), e.ID)
		require.NoError(t, err)
		fernet, err := vault.NewKey()
		require.NoError(t, err)
		both, err := vault.NewSealer(crm.NewSecret(fernet.Reveal() + "," + key))
		require.NoError(t, err)
		w.Sealer = both
		done, err := w.Reseal(ctx)
		require.NoError(t, err)
		require.Equal(t, webhooks.Resealing{Resealed: 2}, done)
		again, err := w.Reseal(ctx)
		require.NoError(t, err)
		require.Zero(t, again.Resealed)
		w.Sealer, err = vault.NewSealer(fernet)
		require.NoError(t, err)
		w.receiver.secrets["/crm"] = append(w.receiver.secrets["/crm"], fresh) // the old one signs still
		for _, hook := range []webhooks.Endpoint{e, other} {
			_, err = w.Service.Test(ctx, w.admin(w.Ben), hook.ID)
			require.NoError(t, err)
		}
		require.Equal(t, 2, w.deliver())
		third, err := vault.NewKey()
		require.NoError(t, err)
		w.Sealer, err = vault.NewSealer(third)
		require.NoError(t, err)
		lost, err := w.Reseal(ctx)
		require.NoError(t, err)
		require.Len(t, lost.Failed, 2)
		_, err = w.Service.Test(ctx, w.admin(w.Ben), e.ID)
		require.NoError(t, err)
		w.deliver()
		require.Len(t, w.receiver.all("/crm"), 1, "nothing goes out unsigned")
		require.Contains(t, w.log(e)[1].Error, "cannot be opened")
	})
}

// Two processes at one database share the work and double none of it.
func TestTwoProcesses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", storetest.Shared)
		w.follow()
		e := w.hook(w.Ben, webhooks.ForWorkspace, "/crm")
		for i := range 40 {
			m := storetest.Mail(i + 1)
			w.Put(c, storetest.Whole(m)...)
			w.Put(c, storetest.Relabel(m, uint64(9000+i), "INBOX", "STARRED"))
		}
		w.follow()
		other := w.service("two")
		var busy sync.WaitGroup
		for _, s := range []*webhooks.Service{w.Service, other} {
			busy.Go(func() { _, _ = s.DeliverDue(ctx) })
		}
		busy.Wait()
		w.deliver()
		require.Len(t, w.receiver.all("/crm"), 80)
		order := map[string][]string{}
		for _, g := range w.receiver.taken("/crm") {
			order[g.Data.ID] = append(order[g.Data.ID], g.Type)
		}
		require.Len(t, order, 40)
		for _, o := range order {
			require.Equal(t, []string{"email.received", "email.updated"}, o)
		}
		require.Zero(t, w.now(e).Waiting)
	})
}

func TestTheLogIsKeptAMonth(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		e := w.hook(w.Ben, webhooks.ForWorkspace, "/crm")
		for range 5 {
			_, err := w.Service.Test(ctx, w.admin(w.Ben), e.ID)
			require.NoError(t, err)
			w.deliver()
			w.Clock.Move(7 * 24 * time.Hour)
		}
		tidy := w.Definitions()[0].Step
		_, err := tidy(ctx, "log")
		require.NoError(t, err)
		require.Len(t, w.log(e), 4)
		n, err := w.PurgeDeliveries(ctx, time.Time{}, 2, 100)
		require.NoError(t, err)
		require.EqualValues(t, 2, n, "nor more than so many of a webhook")
		require.Len(t, w.log(e), 2)
		require.NoError(t, w.Drop(ctx, w.admin(w.Ben), e.ID))
		require.Empty(t, w.Dump()["webhook_deliveries"])
		require.Empty(t, w.Dump()["webhook_attempts"])
	})
}

func TestWishesThatAreRefused(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	ok, bad := "https://crm.example/", "crm.example"
	all := []string{"*"}
	for what, wish := range map[string]webhooks.Wish{
		"address": {URL: &bad, Events: &all}, "no address": {Events: &all}, "no events": {URL: &ok}, "empty events": {URL: &ok, Events: &[]string{}},
		"unknown event": {URL: &ok, Events: &[]string{"email.read"}},
	} {
		_, _, err := w.Create(ctx, w.admin(w.Ben), webhooks.ForWorkspace, wish)
		require.Equal(t, fault.Invalid, fault.Of(err), what)
	}
	_, _, err := w.Create(ctx, w.admin(w.Ben), "everybody", webhooks.Wish{URL: &ok, Events: &all})
	require.Equal(t, fault.Invalid, fault.Of(err))
	_, _, err = w.Create(ctx, storetest.Caller(w.Home, w.Ada), webhooks.ForWorkspace, webhooks.Wish{URL: &ok, Events: &all})
	require.Equal(t, fault.Forbidden, fault.Of(err), "members do not make webhooks")
	for range 50 {
		_, _, err := w.Create(ctx, w.admin(w.Ben), webhooks.ForWorkspace, webhooks.Wish{URL: &ok, Events: &all})
		require.NoError(t, err)
	}
	_, _, err = w.Create(ctx, w.admin(w.Ben), webhooks.ForWorkspace, webhooks.Wish{URL: &ok, Events: &all})
	require.Equal(t, fault.Conflict, fault.Of(err))
}

// gate is a Poster that counts how much is under way at once.
type gate struct {
	mu        sync.Mutex
	now, most int
	posts     int
}

func (g *gate) Check(string) string { return "" }

func (g *gate) Post(context.Context, webhooks.Message) webhooks.Answer {
	g.mu.Lock()
	g.now++
	g.posts++
	g.most = max(g.most, g.now)
	g.mu.Unlock()
	runtime.Gosched()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now--
	return webhooks.Answer{Status: 200}
}

// Ten thousand facts at once are rows, not memory: no more than a few deliveries are
// read at a time.
func TestABurst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		facts := 10_000
		if testing.Short() { // under the race detector
			facts = 500
		}
		w := newWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", storetest.Shared)
		w.follow()
		g := &gate{}
		w.Poster = g
		w.hook(w.Ben, webhooks.ForWorkspace, "/crm", webhooks.SyncCompleted)
		var list []fact.Fact
		for i := range facts {
			list = append(list, fact.Fact{Kind: fact.SyncFinished, WorkspaceID: w.Home, ConnectionID: crm.ConnectionID(fmt.Sprint(c.ID, i%2000)), UserID: w.Ada.ID, Data: []byte(`{"run":"r"}`)})
		}
		require.NoError(t, w.Tell(ctx, list...))
		list = nil
		var before, peak runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		w.follow()
		runtime.GC()
		runtime.ReadMemStats(&peak)
		held := int64(peak.HeapAlloc) - int64(before.HeapAlloc)
		require.Less(t, held, int64(16<<20))
		claimed, err := w.ClaimDeliveries(ctx, webhooks.Claim{Holder: "x", Now: w.Clock.Now(), Until: w.Clock.Now(), Limit: 256, PerEndpoint: 8, Probes: 1})
		require.NoError(t, err)
		require.Len(t, claimed, 8)
		require.Equal(t, facts, w.deliver())
		require.Equal(t, facts, g.posts)
		require.LessOrEqual(t, g.most, 8)
		t.Logf("%d bytes held after %d facts, %d under way at most", held, facts, g.most)
	})
}

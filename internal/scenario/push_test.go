package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/google"
	"rapport/internal/mail"
	"rapport/internal/mail/push"
	"rapport/internal/store/storetest"
	"rapport/internal/work"
	"rapport/simulator/front"
	"rapport/simulator/pubsub"
	"rapport/simulator/world"
)

const (
	topic      = "projects/" + world.DemoProjectID + "/topics/gmail"
	otherTopic = "projects/" + world.DemoProjectID + "/topics/old"
	pusher     = "rapport-push@" + world.DemoProjectID + ".iam.gserviceaccount.com"
	audience   = "https://crm.example.org/webhooks/google/gmail"
)

// post office: a house whose mailbox is watched, with a subscription that pushes
// to whichever process is open.
type office struct {
	*house
	open atomic.Pointer[process]
	url  string
	made int // subscriptions
}

// newOffice connects a mailbox of a few messages and has it imported and watched.
func newOffice(t *testing.T, w *town) (*office, *process) {
	t.Helper()
	o := &office{house: w.newHouse(t, 8)}
	t.Cleanup(o.leave)
	server := httptest.NewServer(http.HandlerFunc(o.serve))
	t.Cleanup(server.Close)
	o.url = server.URL
	require.NoError(t, w.sim.PubSub.CreateTopic(topic, front.GmailPublisher))
	o.subscribe(topic)
	p := o.start()
	o.connect(p)
	require.NoError(t, p.begin())
	o.follows(p)
	require.NoError(t, p.work())
	return o, p
}

// subscribe makes a subscription of the topic that pushes to us.
func (o *office) subscribe(topic string) {
	o.t.Helper()
	o.made++
	key, err := o.sim.OAuth.IssueToken(o.account, world.DemoClientID, []string{"https://www.googleapis.com/auth/pubsub"})
	require.NoError(o.t, err)
	body := fmt.Sprintf(`{"topic":%q,"pushConfig":{"pushEndpoint":%q,"oidcToken":{"serviceAccountEmail":%q,"audience":%q}}}`, topic, o.url, pusher, audience)
	req, err := http.NewRequest(http.MethodPut, fmt.Sprintf("%s/v1/projects/%s/subscriptions/s%d-%d", o.sim.URL(), world.DemoProjectID, o.houses, o.made), strings.NewReader(body))
	require.NoError(o.t, err)
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	res, err := o.wire.Do(req)
	require.NoError(o.t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(o.t, err)
	require.NoError(o.t, res.Body.Close())
	require.Equal(o.t, http.StatusOK, res.StatusCode, "%s", text)
}

// serve is the push endpoint, as internal/httpapi has it.
func (o *office) serve(w http.ResponseWriter, r *http.Request) {
	p := o.open.Load()
	if p == nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	token := crm.NewSecret(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	err := p.push.Receive(r.Context(), token, func() ([]byte, error) { return io.ReadAll(r.Body) }, r.Header)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case fault.Is(err, fault.Unauthenticated):
		w.WriteHeader(http.StatusUnauthorized)
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// start boots a process with push, and lets the endpoint lead to it.
func (o *office) start() *process {
	o.t.Helper()
	p := o.boot()
	p.push = &push.Service{
		Mailboxes: p.door, Watches: p.store, Connections: p.store, Queue: p.store, Now: o.clock.Now, Holder: p.holder, Fallback: 15 * time.Minute,
		Topic: topic, Verifier: google.NewPushVerifier(google.NewOAuth(google.At(o.sim.URL()), p.client, o.clock.Now), audience, pusher),
	}
	for _, d := range p.push.Definitions() {
		p.steps[d.Kind] = d.Step
	}
	p.mail.Pace = p.push
	p.vault.Stop = p.push.Stop
	require.NoError(o.t, p.store.Enqueue(p.ctx, p.push.Schedule()...))
	o.open.Store(p)
	return p
}

// follows lets push follow the connection, as the corridor does.
func (o *office) follows(p *process) {
	o.t.Helper()
	require.NoError(o.t, p.push.Follow(p.ctx, o.connection()))
}

func (o *office) watch() push.Watch {
	o.t.Helper()
	w, err := o.ground.Watching(context.Background(), o.conn)
	require.NoError(o.t, err)
	return w
}

func (o *office) seen() push.Seen {
	w := o.watch()
	return w.See(o.clock.Now())
}

// told waits until a notification has changed what is known.
func (o *office) told(what string, is func(push.Watch) bool) {
	o.t.Helper()
	require.Eventually(o.t, func() bool { return is(o.watch()) }, 60*time.Second, 2*time.Millisecond, "%s: %+v", what, o.watch())
}

// flowing waits for the first notification of the watch.
func (o *office) flowing() {
	o.t.Helper()
	o.told("the first notification", func(w push.Watch) bool {
		_, s := o.sim.PubSub.Behaviour()
		return w.Via == push.ByPush && s.Pushed > 0 // answered, so that all of it is over
	})
}

// notifications says how they are delivered from now on.
func (o *office) notifications(m pubsub.Mode) {
	o.t.Helper()
	require.NoError(o.t, o.sim.PubSub.SetBehaviour(pubsub.Behaviour{Mode: m}))
}

// delivered waits until Pub/Sub has got rid of n more messages than before.
func (o *office) delivered(n int, do func()) {
	o.t.Helper()
	count := func() int {
		_, s := o.sim.PubSub.Behaviour()
		return s.Pushed + s.Dropped
	}
	before := count()
	do()
	require.Eventually(o.t, func() bool { return count() >= before+n }, 60*time.Second, time.Millisecond)
}

// calls counts what was asked of Google since a number, by method.
func (o *office) asked(since uint64) map[string]int {
	out := map[string]int{}
	for _, r := range o.sim.Front.Log.Since(since) {
		if r.API == "gmail" && r.Account == o.account {
			out[r.Method]++
		}
	}
	return out
}

func (o *office) number() uint64 {
	list := o.sim.Front.Log.Since(0)
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].Number
}

// passes lets time go by, with all the work that is due: minute by minute, long
// times in larger steps.
func (o *office) passes(p *process, d time.Duration) {
	o.t.Helper()
	stride := time.Minute
	if d > 6*time.Hour {
		stride = 20 * time.Minute
	}
	for end := o.clock.Now().Add(d); o.clock.Now().Before(end); {
		step := stride
		if next, err := p.ground.NextDue(p.ctx, slices.DeleteFunc(p.kinds(), func(k work.Kind) bool { return k == mail.KindPoll })); err == nil && !next.IsZero() {
			step = min(max(next.Sub(o.clock.Now()), time.Millisecond), stride)
		}
		o.clock.Move(min(step, end.Sub(o.clock.Now())))
		require.NoError(o.t, p.work())
	}
}

func (o *office) has(id string) bool { return slices.Contains(o.here(), id) }

// TestWatchLives: a mailbox is watched as soon as it is connected, renewed each
// day with five days to spare, and let go before access is given back.
func TestWatchLives(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		o, p := newOffice(t, newTown(t, d))
		o.flowing()
		require.Equal(t, push.On, o.seen().State)
		require.Equal(t, push.ByPush, o.seen().Mode)
		require.Equal(t, o.clock.Now().Add(7*24*time.Hour).Truncate(time.Millisecond), o.seen().ExpiresAt)
		since := o.number()
		for range 10 {
			o.passes(p, 24*time.Hour)
			require.Greater(t, o.seen().ExpiresAt.Sub(o.clock.Now()), 5*24*time.Hour)
			require.Equal(t, push.ByPush, o.seen().Mode)
		}
		require.InDelta(t, 10, o.asked(since)["watch"], 1, "daily")

		// Mail is turned off, and on again.
		turn := func(on bool) {
			_, err := o.ground.Change(p.ctx, o.owners, o.conn, func(c *crm.Connection) error { c.GmailSync = on; return nil })
			require.NoError(t, err)
			o.follows(p)
			require.NoError(t, p.work())
		}
		since = o.number()
		turn(false)
		require.Equal(t, push.Off, o.seen().State)
		require.Equal(t, map[string]int{"stop": 1}, o.asked(since))
		turn(true)
		require.Equal(t, push.On, o.seen().State)

		since = o.number()
		_, err := p.vault.Disconnect(p.ctx, o.owners, o.conn)
		require.NoError(t, err)
		require.Equal(t, push.Off, o.seen().State)
		var order []string
		for _, r := range o.sim.Front.Log.Since(since) {
			if r.Method == "stop" || r.Method == "revoke" {
				order = append(order, r.Method)
			}
		}
		require.Equal(t, []string{"stop", "revoke"}, order, "afterwards Google would not let us")
		require.NoError(t, p.work())
		o.passes(p, 48*time.Hour)
		require.Equal(t, push.Off, o.seen().State)
	})
}

// TestNotificationsBringMail: what is told of is fetched at once, without a poll;
// a doubled notification does nothing, and what Gmail leaves untold within the
// same second (it tells once a second) is found a moment later.
func TestNotificationsBringMail(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		o, p := newOffice(t, newTown(t, d))
		o.flowing()
		o.passes(p, time.Minute)
		o.notifications(pubsub.Double)
		var first, second string
		since := o.number()
		o.delivered(2, func() { first = o.deliver("", "INBOX") })
		require.NoError(t, p.work())
		require.True(t, o.has(first))
		o.clock.Move(300 * time.Millisecond)
		second = o.deliver("", "INBOX") // Gmail does not tell
		require.NoError(t, p.work())
		require.False(t, o.has(second))
		o.clock.Move(1500 * time.Millisecond)
		require.NoError(t, p.work())
		require.True(t, o.has(second))
		require.Equal(t, 2, o.asked(since)["history.list"])
		o.passes(p, 10*time.Minute)
		require.Equal(t, 2, o.asked(since)["history.list"], "no poll in between")
		require.Equal(t, push.ByPush, o.seen().Mode)
		require.True(t, o.seen().Measured)
	})
}

// TestLostNotifications: a poll finds what was not told of; from then on the
// mailbox is polled, and its status says so, until notifications come again.
func TestLostNotifications(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		o, p := newOffice(t, newTown(t, d))
		o.flowing()
		o.passes(p, 5*time.Minute)
		o.notifications(pubsub.Drop)
		lost := ""
		o.delivered(1, func() { lost = o.deliver("", "INBOX") })
		o.passes(p, 10*time.Minute)
		require.False(t, o.has(lost), "push is trusted for so long")
		o.passes(p, 6*time.Minute)
		require.True(t, o.has(lost))
		o.passes(p, 2*time.Minute)
		seen := o.seen()
		require.Equal(t, push.ByPoll, seen.Mode)
		require.Equal(t, push.On, seen.State)
		require.NotEmpty(t, seen.Error)
		require.NotEmpty(t, seen.NextStep)
		since := o.number()
		o.passes(p, 10*time.Minute)
		require.InDelta(t, 10, o.asked(since)["history.list"], 1, "each minute")

		o.notifications(pubsub.Deliver)
		o.delivered(1, func() { o.deliver("", "INBOX") })
		require.NoError(t, p.work())
		require.Equal(t, push.ByPush, o.seen().Mode)
		require.Empty(t, o.seen().Error)
		o.clock.Move(time.Minute)
		require.NoError(t, p.work()) // the echo
		since = o.number()
		o.passes(p, 10*time.Minute)
		require.Zero(t, o.asked(since)["history.list"])
	})
}

// TestLateAndMixedUpNotifications: old ones and ones that come in another order
// cause no look and set nothing back.
func TestLateAndMixedUpNotifications(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		o, p := newOffice(t, newTown(t, d))
		o.flowing()
		o.passes(p, 5*time.Minute)
		o.notifications(pubsub.Hold)
		var ids []string
		for range 3 {
			ids = append(ids, o.deliver("", "INBOX"))
			o.clock.Move(5 * time.Second)
		}
		o.passes(p, 12*time.Minute) // a poll finds them; Pub/Sub is only slow
		for _, id := range ids {
			require.True(t, o.has(id))
		}
		mark, err := o.ground.Mark(p.ctx, o.conn)
		require.NoError(t, err)
		since := o.number()
		o.delivered(3, func() { o.notifications(pubsub.Deliver) })
		require.NoError(t, p.work())
		require.LessOrEqual(t, o.asked(since)["history.list"], 1)

		// Straight to the endpoint, in the wrong order.
		forge := func(history uint64) int {
			status, err := o.sim.PubSub.Forge(p.ctx, pubsub.Forgery{Endpoint: o.url, Email: pusher, Audience: audience, Sign: "good",
				Data: []byte(fmt.Sprintf(`{"emailAddress":%q,"historyId":"%d"}`, o.account, history))})
			require.NoError(t, err)
			return status
		}
		before := o.watch().Announced
		for _, history := range []uint64{mark - 1, 5, mark} {
			require.Equal(t, http.StatusNoContent, forge(history))
		}
		require.Equal(t, before, o.watch().Announced)
		after, err := o.ground.Mark(p.ctx, o.conn)
		require.NoError(t, err)
		require.GreaterOrEqual(t, after, mark, "the position never comes from a notification")
		o.sound()
	})
}

// TestGmailTellsBeforeItLists: the list of changes may be behind the
// notification; a few more looks follow, and then the polls go on as ever.
func TestGmailTellsBeforeItLists(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		o, p := newOffice(t, newTown(t, d))
		o.flowing()
		o.passes(p, 5*time.Minute)
		mark, err := o.ground.Mark(p.ctx, o.conn)
		require.NoError(t, err)
		since := o.number()
		_, err = o.sim.PubSub.Forge(p.ctx, pubsub.Forgery{Endpoint: o.url, Email: pusher, Audience: audience, Sign: "good",
			Data: []byte(fmt.Sprintf(`{"emailAddress":%q,"historyId":%d}`, o.account, mark+1000))})
		require.NoError(t, err)
		o.passes(p, 10*time.Second)
		made := o.asked(since)["history.list"]
		require.GreaterOrEqual(t, made, 3)
		o.passes(p, 4*time.Minute)
		require.LessOrEqual(t, o.asked(since)["history.list"], 8, "bounded")
		id := o.deliver("", "INBOX")
		o.told("it", func(w push.Watch) bool { return w.Announced > 0 })
		o.passes(p, 20*time.Minute)
		require.True(t, o.has(id))
	})
}

// TestUnknownMailbox: a notification about somebody else's mailbox is harmless.
func TestUnknownMailbox(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		o, p := newOffice(t, newTown(t, d))
		o.flowing()
		writes := p.writes.Load()
		status, err := o.sim.PubSub.Forge(p.ctx, pubsub.Forgery{Endpoint: o.url, Email: pusher, Audience: audience, Sign: "good", Data: []byte(`{"emailAddress":"nobody@elsewhere.example","historyId":7}`)})
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, status)
		require.Equal(t, writes, p.writes.Load())
	})
}

// TestWatchesThatCannotBeHad: each reason is told with what to do, polls go on,
// and the watch is there within the hour once somebody has done it.
func TestWatchesThatCannotBeHad(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		for name, c := range map[string]struct {
			topic     string
			what, fix string
			mend      func(o *office)
		}{
			"no topic": {"projects/" + world.DemoProjectID + "/topics/missing", "does not exist", "rapport pubsub setup", func(o *office) {
				require.NoError(o.t, o.sim.PubSub.CreateTopic("projects/"+world.DemoProjectID+"/topics/missing", front.GmailPublisher))
			}},
			"not a publisher": {"projects/" + world.DemoProjectID + "/topics/closed", "may not publish", "Pub/Sub Publisher", func(o *office) {
				require.NoError(o.t, o.sim.PubSub.CreateTopic("projects/"+world.DemoProjectID+"/topics/closed", front.GmailPublisher))
			}},
			"another project": {"projects/somebody-elses/topics/gmail", "not in the Google Cloud project", "GOOGLE_PUBSUB_TOPIC", nil},
		} {
			t.Run(name, func(t *testing.T) {
				w := newTown(t, d)
				o := &office{house: w.newHouse(t, 6)}
				t.Cleanup(o.leave)
				require.NoError(t, w.sim.PubSub.CreateTopic("projects/"+world.DemoProjectID+"/topics/closed"))
				p := o.start()
				p.push.Topic = c.topic
				o.connect(p)
				require.NoError(t, p.begin())
				o.follows(p)
				require.NoError(t, p.work())
				seen := o.seen()
				require.Equal(t, push.Failed, seen.State)
				require.Equal(t, push.ByPoll, seen.Mode)
				require.Contains(t, seen.Error, c.what)
				require.Contains(t, seen.NextStep, c.fix)
				id := o.deliver("", "INBOX")
				o.passes(p, 3*time.Minute)
				require.True(t, o.has(id), "polls go on")
				if c.mend == nil {
					return
				}
				c.mend(o)
				o.passes(p, 2*time.Hour)
				require.Equal(t, push.On, o.seen().State)
				require.Empty(t, o.seen().Error)
			})
		}
	})
}

// TestAnotherTopicIsWatched: Gmail has one watch for each mailbox and project; an
// old topic's is ended, then ours begins.
func TestAnotherTopicIsWatched(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		require.NoError(t, w.sim.PubSub.CreateTopic(otherTopic, front.GmailPublisher))
		o, p := newOffice(t, w)
		p.push.Topic = otherTopic
		since := o.number()
		o.follows(p)
		require.NoError(t, p.work())
		require.Equal(t, push.On, o.seen().State)
		require.Equal(t, otherTopic, o.watch().Topic)
		got := o.asked(since)
		require.Equal(t, 2, got["watch"])
		require.Equal(t, 1, got["stop"])
		_ = p
	})
}

// TestWatchLapses: for a week Gmail renews nothing. Polls take over when the
// watch ends, at the latest, and the status says so; then all is well again.
func TestWatchLapses(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		o, p := newOffice(t, newTown(t, d))
		o.flowing()
		p.before.set(func(_ int64, r *http.Request) error {
			if strings.HasSuffix(r.URL.Path, "/watch") {
				return errors.New("connection reset")
			}
			return nil
		})
		o.passes(p, 4*24*time.Hour)
		require.Equal(t, push.On, o.seen().State)
		require.Empty(t, o.seen().Error, "there is time")
		o.passes(p, 30*time.Hour)
		require.Equal(t, push.On, o.seen().State)
		require.NotEmpty(t, o.seen().Error, "it becomes pressing")
		o.passes(p, 2*24*time.Hour)
		seen := o.seen()
		require.Equal(t, push.Failed, seen.State)
		require.Equal(t, push.ByPoll, seen.Mode)
		require.NotEmpty(t, seen.NextStep)
		id := o.deliver("", "INBOX")
		o.passes(p, 2*time.Minute)
		require.True(t, o.has(id))
		p.before.clear()
		o.passes(p, 2*time.Hour)
		require.Equal(t, push.On, o.seen().State)
		o.flowing()
		require.Equal(t, push.ByPush, o.seen().Mode)
	})
}

// TestTwoProcessesWatch: both do the same step at once, again and again; Gmail
// is asked by one at a time.
func TestTwoProcessesWatch(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		o, p := newOffice(t, newTown(t, d))
		other := o.start()
		var asking, most atomic.Int64
		for _, x := range []*process{p, other} {
			x.before.open(func(_ int64, r *http.Request) error {
				if strings.HasSuffix(r.URL.Path, "/watch") || strings.HasSuffix(r.URL.Path, "/stop") {
					most.Store(max(most.Load(), asking.Add(1)))
				}
				return nil
			})
			x.after.open(func(_ int64, r *http.Request) error {
				if strings.HasSuffix(r.URL.Path, "/watch") || strings.HasSuffix(r.URL.Path, "/stop") {
					asking.Add(-1)
				}
				return nil
			})
		}
		for range 10 {
			o.clock.Move(25 * time.Hour)
			var all sync.WaitGroup
			for _, x := range []*process{p, other} {
				all.Go(func() {
					if _, err := x.step(push.KindWatch); err != nil && !fault.Is(err, fault.Stale) {
						t.Errorf("%v", err)
					}
				})
			}
			all.Wait()
			require.Equal(t, push.On, o.seen().State)
		}
		require.EqualValues(t, 1, most.Load())
	})
}

// TestSharedMailbox: two connections of one mailbox share Gmail's watch; a
// notification is for both, and the first to go leaves the other its watch.
func TestSharedMailbox(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		o, p := newOffice(t, w)
		o.flowing()
		second := crm.Connection{}
		second = o.connection()
		id, err := crm.NewID(o.clock.Now(), zeros{})
		require.NoError(t, err)
		second.ID, second.WorkspaceID = crm.ConnectionID(id), crm.WorkspaceID(id)
		require.NoError(t, o.ground.SaveWorkspace(p.ctx, crm.Workspace{ID: second.WorkspaceID, Name: "Second", CreatedAt: o.clock.Now()}))
		require.NoError(t, o.ground.Waiting(p.ctx, second))
		_, err = p.steps[push.KindWatch](p.ctx, string(second.ID))
		require.NoError(t, err)
		outcomes, err := o.ground.Announce(p.ctx, []push.Notice{{Address: o.account, HistoryID: 1 << 40, Via: push.ByPush}}, mail.HistoryJob)
		require.NoError(t, err)
		require.Equal(t, []push.Outcome{push.Taken}, outcomes)
		for _, c := range []crm.ConnectionID{o.conn, second.ID} {
			_, _, err := o.ground.Job(p.ctx, mail.KindHistory, string(c))
			require.NoError(t, err, "both are looked at")
		}
		since := o.number()
		require.NoError(t, p.push.Stop(p.ctx, second))
		require.Zero(t, o.asked(since)["stop"])
		require.NoError(t, p.push.Stop(p.ctx, o.connection()))
		require.Equal(t, 1, o.asked(since)["stop"])
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestCrashBetweenReceiptAndRun: a process dies at every point from the
// notification to the mail. Before it has answered, Pub/Sub sends it again; after
// that another process does the work, which is on record.
func TestCrashBetweenReceiptAndRun(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		o, p := newOffice(t, newTown(t, d))
		o.flowing()
		for point := int64(1); point < 200; point += 3 {
			o.passes(p, time.Minute)
			p.writes.Store(0)
			var decided atomic.Bool // whether it dies, once
			dying := p
			p.wrote.set(func(n int64, _ string) error {
				if n == point && decided.CompareAndSwap(false, true) {
					return dying.kill()
				}
				return nil
			})
			id := o.deliver("", "INBOX")
			require.Eventually(t, func() bool { // in real time, as Pub/Sub is
				return p.dead.Load() || o.watch().Announced > 0 && p.work() != nil || o.has(id)
			}, 60*time.Second, time.Millisecond)
			died := !decided.CompareAndSwap(false, true) // a write that is still under way kills no more
			if died {
				_ = dying.kill() // it may be about to be
				p = o.start()
				o.clock.Move(2 * time.Minute) // the lease of the job that died with it
			} else {
				p.wrote.clear()
			}
			require.Eventually(t, func() bool {
				return o.watch().Announced > 0 && p.work() == nil && o.has(id)
			}, 60*time.Second, 5*time.Millisecond, "point %d", point)
			if !died {
				require.Greater(t, point, int64(8), "it died often enough")
				o.sound()
				return
			}
		}
		t.Fatal("it dies for ever")
	})
}

// TestAnIdleDay: a mailbox in which nothing happens costs three calls a day when
// it is watched (polled: one each minute), beside the daily completeness check.
func TestAnIdleDay(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		o, p := newOffice(t, newTown(t, d))
		o.flowing()
		p.unchecked = true
		o.passes(p, 24*time.Hour)
		since := o.number()
		const days = 8
		o.passes(p, days*24*time.Hour)
		calls := o.asked(since)
		total := 0
		for _, n := range calls {
			total += n
		}
		t.Logf("%d calls in %d days, %.2f a day: %v", total, days, float64(total)/days, calls)
		require.LessOrEqual(t, total, 4*days)
		require.Equal(t, push.ByPush, o.seen().Mode)

		// Something is missed: the interval shrinks at once.
		o.notifications(pubsub.Drop)
		id := ""
		o.delivered(1, func() { id = o.deliver("", "INBOX") })
		o.passes(p, 8*time.Hour+25*time.Minute)
		require.True(t, o.has(id), "within the longest interval")
		require.Zero(t, o.watch().Interval)
	})
}

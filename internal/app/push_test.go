package app_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app"
	"rapport/internal/app/apptest"
	"rapport/internal/config"
	"rapport/internal/store/storetest"
	"rapport/simulator"
	"rapport/simulator/control"
	"rapport/simulator/oauth"
	"rapport/simulator/pubsub"
)

const (
	mailTopic    = "projects/rapport-demo/topics/gmail"
	subscribed   = "projects/rapport-demo/subscriptions/rapport"
	pushingRobot = "rapport-push@rapport-demo.iam.gserviceaccount.com"
	workingRobot = "operator@rapport-demo.iam.gserviceaccount.com"
)

// robot gives the key file of a service account at the simulated Google.
func robot(t *testing.T, sim *simulator.Simulator) string {
	t.Helper()
	key, err := sim.OAuth.AddServiceAccount(oauth.ServiceAccount{Email: workingRobot}, sim.URL())
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "key.json")
	require.NoError(t, os.WriteFile(file, key, 0o600))
	return file
}

// notified is a World whose mailboxes are watched; it is set up as operators do,
// with the command's own function.
func notified(t *testing.T, d storetest.Database, push bool, changes ...func(*apptest.Setup)) *apptest.World {
	t.Helper()
	key := ""
	w := apptest.Start(t, d, append([]func(*apptest.Setup){fewMessages, func(s *apptest.Setup) {
		s.Google = func(sim *simulator.Simulator) []string {
			key = robot(t, sim)
			environ := []string{"GOOGLE_PUBSUB_TOPIC=" + mailTopic, "GOOGLE_PUSH_SERVICE_ACCOUNT=" + pushingRobot}
			if !push {
				require.NoError(t, sim.PubSub.CreateTopic(mailTopic, "serviceAccount:gmail-api-push@system.gserviceaccount.com"))
				environ = []string{"GOOGLE_PUBSUB_TOPIC=" + mailTopic, "GOOGLE_PUBSUB_SUBSCRIPTION=" + subscribed, "GOOGLE_APPLICATION_CREDENTIALS=" + key}
			}
			return environ
		}
	}}, changes...)...)
	setUpPubSub(t, w, key, push)
	return w
}

func setUpPubSub(t *testing.T, w *apptest.World, key string, push bool) app.PubSubReport {
	t.Helper()
	wish, err := app.PubSubDefaults(w.Config, app.PubSubWish{Push: push, Topic: mailTopic, Credentials: key}, "")
	require.NoError(t, err)
	if push {
		wish.Endpoint = w.URL + config.GmailNotifications
	}
	report, err := app.SetUpPubSub(ctx, w.Config, "test", wish)
	require.NoError(t, err)
	return report
}

func deliver(t *testing.T, w *apptest.World, to, subject string) {
	t.Helper()
	_, err := w.Sim.Mail.Deliver(to, control.Message{From: "Ines Duarte <ines@bellafonte-alberghi.example>", To: []string{to}, Subject: subject, Text: "Dear all, " + subject})
	require.NoError(t, err)
}

// listens hears of the events of a workspace.
func listens(t *testing.T, w *apptest.World, c *client.Client, kind string) <-chan client.Happening {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	heard, ready := make(chan client.Happening, 100), make(chan struct{}, 1)
	go func() {
		_ = c.Workspace(w.Home).Events(ctx, func(h client.Happening) error { // ends with ctx
			switch h.Kind {
			case "ready":
				ready <- struct{}{}
			case kind:
				heard <- h
			}
			return nil
		})
	}()
	<-ready
	return heard
}

// shown waits for the event about the message with a subject, for less than a poll
// may take; one of the import may come before it.
func shown(t *testing.T, w *apptest.World, c *client.Client, arrived <-chan client.Happening, subject string) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		select {
		case h := <-arrived:
			page, err := c.Workspace(w.Home).Emails(ctx, client.EmailQuery{})
			require.NoError(t, err)
			for _, e := range page.Items {
				if e.Subject == subject && strings.Contains(fmt.Sprint(h.Data["ids"]), e.ID) {
					return
				}
			}
		case <-limit:
			require.FailNow(t, "no poll is waited for", subject)
		}
	}
}

// TestMailArrivesByNotification: a mail is on the open page at once, by push and
// by pull, long before a poll would have found it, and the status says so.
func TestMailArrivesByNotification(t *testing.T) {
	t.Parallel()
	for mode, push := range map[string]bool{"push": true, "pull": false} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, d storetest.Database) {
				t.Parallel()
				w := notified(t, d, push)
				owner := w.SetUp()
				require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
				w.Imported(owner)
				seen := w.Until(owner, "notifications to come", func(s client.Status) bool { return s.Watch.Mode == mode })
				require.Equal(t, "on", seen.Watch.State)
				require.WithinDuration(t, time.Now().Add(7*24*time.Hour), *seen.Watch.ExpiresAt, time.Minute)
				require.NotNil(t, seen.Watch.LastNotificationAt)

				arrived := listens(t, w, owner, "mail.arrived")
				deliver(t, w, apptest.Mara, "Lamps for the lobby")
				shown(t, w, owner, arrived, "Lamps for the lobby")
				seen = w.Until(owner, "the delay to be measured", func(s client.Status) bool { return s.Watch.DelayP50MS != nil })
				require.Less(t, *seen.Watch.DelayP50MS, int64(30_000))
				next := w.Until(owner, "the next poll to be put off", func(s client.Status) bool {
					var at int64
					require.NoError(t, w.App.Store.DB().QueryRow("SELECT next_poll_at FROM google_integrations WHERE id = $1", s.ConnectionID).Scan(&at))
					return time.UnixMicro(at).After(time.Now().Add(14 * time.Minute))
				})
				require.Empty(t, next.Watch.Error)
			})
		})
	}
}

// TestPubSubIsSetUpOnce: doing it again finds everything there.
func TestPubSubIsSetUpOnce(t *testing.T) {
	t.Parallel()
	w := apptest.Start(t, storetest.SQLite, fewMessages)
	key := robot(t, w.Sim)
	states := func(r app.PubSubReport) map[string]string {
		out := map[string]string{}
		for _, s := range r.Steps {
			out[s.What] = s.State
		}
		return out
	}
	first := states(setUpPubSub(t, w, key, false))
	require.Equal(t, "made", first["topic"])
	require.Equal(t, "made", first["Gmail may publish"])
	require.Equal(t, "made", first["subscription"])
	second := states(setUpPubSub(t, w, key, false))
	require.Equal(t, "there", second["topic"])
	require.Equal(t, "there", second["Gmail may publish"])
	require.Equal(t, "there", second["subscription"])
	pushes := states(setUpPubSub(t, w, key, true))
	require.Equal(t, "changed", pushes["subscription"], "the same subscription posts now")

	_, err := app.SetUpPubSub(ctx, w.Config, "test", app.PubSubWish{Topic: "projects/rapport-demo/topics/other", Subscription: subscribed, Credentials: key})
	require.ErrorContains(t, err, "is of another topic")
}

// poster keeps as many connections as a burst needs.
var poster = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Second}}

// notify sends a push request as somebody.
func notify(t *testing.T, w *apptest.World, token, body string, header ...string) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, w.URL+config.GmailNotifications, strings.NewReader(body))
	require.NoError(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := poster.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	return res.StatusCode
}

// TestForgedNotifications: whoever is not Pub/Sub with the right service account
// gets 401, whatever else is right; nothing follows from it.
func TestForgedNotifications(t *testing.T) {
	t.Parallel()
	w := notified(t, storetest.SQLite, true)
	owner := w.SetUp()
	require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
	w.Imported(owner)
	w.Until(owner, "notifications to come", func(s client.Status) bool { return s.Watch.Mode == "push" })
	endpoint := w.URL + config.GmailNotifications
	good := pubsub.Forgery{Endpoint: endpoint, Subscription: subscribed, Email: pushingRobot, Audience: w.Config.Audience(), Sign: "good",
		Data: []byte(fmt.Sprintf(`{"emailAddress":%q,"historyId":1}`, apptest.Mara))}
	forge := func(change func(*pubsub.Forgery)) int {
		f := good
		change(&f)
		status, err := w.Sim.PubSub.Forge(ctx, f)
		require.NoError(t, err)
		return status
	}
	require.Equal(t, 204, forge(func(*pubsub.Forgery) {}), "the real thing")
	for name, change := range map[string]func(*pubsub.Forgery){
		"no token":            func(f *pubsub.Forgery) { f.Sign = "none" },
		"another key":         func(f *pubsub.Forgery) { f.Sign = "key" },
		"expired":             func(f *pubsub.Forgery) { f.Sign = "expired" },
		"another issuer":      func(f *pubsub.Forgery) { f.Sign = "issuer" },
		"unverified address":  func(f *pubsub.Forgery) { f.Sign = "unverified" },
		"unsigned":            func(f *pubsub.Forgery) { f.Sign = "algorithm" },
		"another audience":    func(f *pubsub.Forgery) { f.Audience = "https://other.example/webhooks/google/gmail" },
		"another account":     func(f *pubsub.Forgery) { f.Email = "stranger@evil-project.iam.gserviceaccount.com" },
		"no account":          func(f *pubsub.Forgery) { f.Email = "" },
		"a prefix of account": func(f *pubsub.Forgery) { f.Email = pushingRobot + ".evil.example" },
	} {
		require.Equal(t, 401, forge(change), name)
	}
	require.Equal(t, 401, notify(t, w, "not.a.token", "{}"))
	require.Equal(t, 401, notify(t, w, "", "{}"))
	id, err := w.Sim.OAuth.IssueToken(apptest.Mara, "", []string{"openid"})
	require.NoError(t, err)
	require.Equal(t, 401, notify(t, w, id, "{}"), "an access token is no proof")

	// Anybody can make Google's keys be looked at: not more often than once a minute.
	certs := func() (n int) {
		for _, r := range w.Sim.Front.Log.Since(0) {
			if strings.HasSuffix(r.Path, "/oauth2/v3/certs") {
				n++
			}
		}
		return n
	}
	before := certs()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 25 {
				if status := forge(func(f *pubsub.Forgery) { f.Sign = "key" }); status != 401 {
					t.Errorf("status %d", status)
				}
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, certs()-before, 1)
}

// TestWhatNotificationsMayLookLike: Google's guides and its services differ in
// their form; what cannot be read is taken, since refusing would hold up everybody.
func TestWhatNotificationsMayLookLike(t *testing.T) {
	t.Parallel()
	w := notified(t, storetest.SQLite, true)
	owner := w.SetUp()
	require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
	w.Imported(owner)
	w.Until(owner, "notifications to come", func(s client.Status) bool { return s.Watch.Mode == "push" })
	token := pushToken(t, w)
	announced := func() (n uint64) {
		require.NoError(t, w.App.Store.DB().QueryRow("SELECT announced FROM gmail_watches").Scan(&n))
		return n
	}
	id := announced()
	for name, body := range map[string]func(data string) string{
		"standard":   func(d string) string { return wrapped(base64.StdEncoding.EncodeToString([]byte(d))) },
		"unpadded":   func(d string) string { return wrapped(base64.RawStdEncoding.EncodeToString([]byte(d))) },
		"url":        func(d string) string { return wrapped(base64.URLEncoding.EncodeToString([]byte(d))) },
		"url, short": func(d string) string { return wrapped(base64.RawURLEncoding.EncodeToString([]byte(d))) },
		"unwrapped":  func(d string) string { return d },
	} {
		for _, form := range []string{`{"emailAddress":"MARA@northwind-lamps.example","historyId":%d}`, `{"emailAddress":"mara@northwind-lamps.example","historyId":"%d","x":"~~~???>>>"}`} {
			id++
			require.Equal(t, 204, notify(t, w, token, body(fmt.Sprintf(form, id))), name)
			require.Equal(t, id, announced(), name)
		}
	}
	for _, body := range []string{"", "{", "[]", "null", `{"message":{}}`, `{"message":{"data":"%%%"}}`, `{"message":{"data":7}}`, wrapped("e30="), wrapped("AAAA"),
		`{"emailAddress":"mara@northwind-lamps.example","historyId":-4}`, `{"emailAddress":"nobody","historyId":4}`, `{"emailAddress":"a@b.example","historyId":99999999999999999999}`,
		`{"emailAddress":"somebody@elsewhere.example","historyId":12}`} {
		require.Equal(t, 204, notify(t, w, token, body), body)
	}
	require.Equal(t, id, announced())
	require.Equal(t, 413, notify(t, w, token, `{"x":"`+strings.Repeat("x", 64<<10)+`"}`))
	require.Equal(t, 401, notify(t, w, "", `{"x":"`+strings.Repeat("x", 64<<10)+`"}`), "who it is comes first")
}

func wrapped(data string) string {
	return `{"message":{"data":"` + data + `","messageId":"1","publishTime":"2026-11-21T10:00:00.5Z"},"subscription":"` + subscribed + `"}`
}

// pushToken takes the token of a real push request.
func pushToken(t *testing.T, w *apptest.World) string {
	t.Helper()
	tokens := make(chan string, 1)
	l := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		tokens <- strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	})}
	at, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = l.Serve(at) }() // ends with Close
	t.Cleanup(func() { _ = l.Close() })
	_, err = w.Sim.PubSub.Forge(ctx, pubsub.Forgery{Endpoint: "http://" + at.Addr().String(), Email: pushingRobot, Audience: w.Config.Audience(), Sign: "good", Data: []byte("{}")})
	require.NoError(t, err)
	return <-tokens
}

// TestPushIsOffUnlessConfigured: without a service account nobody is let in.
func TestPushIsOffUnlessConfigured(t *testing.T) {
	t.Parallel()
	w := apptest.Start(t, storetest.SQLite, fewMessages)
	owner := w.SetUp()
	require.Equal(t, 404, notify(t, w, "", "{}"))
	require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
	seen := w.Imported(owner)
	require.Equal(t, "poll", seen.Watch.Mode)
	require.Equal(t, "off", seen.Watch.State)
}

// TestDoctorLeavesWatchesAlone: trying the topic does not end the watch that
// mail comes in by.
func TestDoctorLeavesWatchesAlone(t *testing.T) {
	t.Parallel()
	w := notified(t, storetest.SQLite, true)
	owner := w.SetUp()
	require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
	w.Imported(owner)
	w.Until(owner, "notifications to come", func(s client.Status) bool { return s.Watch.Mode == "push" })
	_, err := owner.Workspace(w.Home).Examine(ctx)
	require.NoError(t, err)
	methods := map[string]int{}
	for _, r := range w.Sim.Front.Log.Since(0) {
		methods[r.Method]++
	}
	require.Equal(t, 2, methods["watch"])
	require.Zero(t, methods["stop"])
	arrived := listens(t, w, owner, "mail.arrived")
	deliver(t, w, apptest.Mara, "After the doctor")
	shown(t, w, owner, arrived, "After the doctor")
}

// TestABurstIsOneRun: ten thousand notifications for one mailbox, all at once,
// are a handful of looks at it; the queue never holds more than one job for it.
func TestABurstIsOneRun(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		w := notified(t, d, true)
		owner := w.SetUp()
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		w.Imported(owner)
		had := w.Until(owner, "notifications to come", func(s client.Status) bool { return s.Watch.Mode == "push" }).Counts.Messages
		token := pushToken(t, w)
		require.NoError(t, w.Sim.PubSub.SetBehaviour(pubsub.Behaviour{Mode: pubsub.Drop}))
		for i := range 20 {
			deliver(t, w, apptest.Mara, fmt.Sprintf("Order %d", i))
		}
		newest, err := w.Sim.Mail.Deliver(apptest.Mara, control.Message{From: "ines@bellafonte-alberghi.example", To: []string{apptest.Mara}, Subject: "The last one"})
		require.NoError(t, err)
		top := newest.HistoryID
		before := looks(w)
		var most int
		var all sync.WaitGroup
		began := time.Now()
		for worker := range 20 {
			all.Go(func() {
				for i := range 500 {
					id := top - uint64((worker*500+i)%20) // out of order, and again and again
					status := notify(t, w, token, fmt.Sprintf(`{"emailAddress":%q,"historyId":%d}`, apptest.Mara, id))
					if status != 204 {
						t.Errorf("status %d", status)
						return
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { all.Wait(); close(done) }()
		for waiting := true; waiting; {
			select {
			case <-done:
				waiting = false
			case <-time.After(20 * time.Millisecond):
			}
			var n int
			require.NoError(t, w.App.Store.DB().QueryRow("SELECT COUNT(*) FROM jobs WHERE kind = 'gmail.history'").Scan(&n))
			most = max(most, n)
		}
		took := time.Since(began)
		w.Until(owner, "the mail", func(s client.Status) bool { return s.Counts.Messages >= had+21 })
		made := looks(w) - before
		t.Logf("10,000 notifications in %v: %d looks, at most %d job queued", took.Round(time.Millisecond), made, most)
		require.LessOrEqual(t, most, 1)
		require.LessOrEqual(t, made, 5)
	})
}

// looks counts calls of history.list.
func looks(w *apptest.World) (n int) {
	for _, r := range w.Sim.Front.Log.Since(0) {
		if r.Method == "history.list" {
			n++
		}
	}
	return n
}

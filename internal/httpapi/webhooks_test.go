package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
	"rapport/simulator/control"
)

// posted is a webhook as it arrived.
type posted struct {
	id, path string
	ok       bool // its signature is right
	Type     string
	Data     map[string]any
	raw      string
}

// receiver passes on what is posted to it; secret is known once the webhook is made.
func receiver(t *testing.T, secret func(path string) string) (string, <-chan posted) {
	t.Helper()
	got := make(chan posted, 1000)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p := posted{id: r.Header.Get("webhook-id"), path: r.URL.Path, raw: string(body)}
		if hook, err := standardwebhooks.NewWebhook(secret(r.URL.Path)); err == nil {
			p.ok = hook.Verify(body, r.Header) == nil
		}
		_ = json.Unmarshal(body, &p) // what is none has no type
		got <- p
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func next(t *testing.T, got <-chan posted, is func(posted) bool) posted {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case p := <-got:
			require.True(t, p.ok, "signature of %s", p.raw)
			if is(p) {
				return p
			}
		case <-late:
			require.FailNow(t, "nothing came")
		}
	}
}

func private(s *apptest.Setup) { s.Environ = append(s.Environ, "OUTBOUND_ALLOW_PRIVATE=true") }

// A message arrives at Google; two webhooks are told of it as far as those may see
// it for whom they are; everything of the API is used on the way.
func TestWebhooks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d, private)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		secrets := map[string]string{}
		var making sync.Mutex // nothing is taken before its secret is known
		url, got := receiver(t, func(path string) string {
			making.Lock()
			defer making.Unlock()
			return secrets[path]
		})
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		w.Imported(owner)
		events, err := home.WebhookEvents(ctx)
		require.NoError(t, err)
		require.Greater(t, len(events.Items), 5)
		making.Lock()
		all, err := home.CreateWebhook(ctx, client.NewWebhook{URL: url + "/all", Events: []string{"*"}})
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(all.Secret, "whsec_"))
		require.Equal(t, "workspace", all.Audience)
		mine, err := home.CreateWebhook(ctx, client.NewWebhook{URL: url + "/mine", Events: []string{"email.received"}, Audience: "mine", IncludeBody: true})
		require.NoError(t, err)
		secrets["/all"], secrets["/mine"] = all.Secret, mine.Secret
		making.Unlock()
		_, err = w.Sim.Mail.Deliver(apptest.Mara, control.Message{From: "Petra Holm <petra@lantern-works.example>", To: []string{apptest.Mara}, Subject: "Forty lamps", Text: "Could you send us forty?"})
		require.NoError(t, err)
		_, err = home.Sync(ctx, client.SyncRequest{}, time.Minute)
		require.NoError(t, err)
		first := next(t, got, func(p posted) bool { return p.Type == "email.received" })
		require.Equal(t, "/mine", first.path, "the mailbox is private")
		require.Equal(t, "Forty lamps", first.Data["subject"])
		require.Contains(t, first.Data["body_text"], "forty?")
		rotated, err := home.RotateWebhook(ctx, all.ID)
		require.NoError(t, err)
		require.NotNil(t, rotated.OldSecretUntil)
		test, err := home.TestWebhook(ctx, all.ID) // the old secret signs too
		require.NoError(t, err)
		require.Equal(t, test.ID, next(t, got, func(p posted) bool { return p.Type == "webhook.test" }).id)
		log, err := home.WebhookDeliveries(ctx, mine.ID, "", "")
		require.NoError(t, err)
		require.Len(t, log.Items, 1)
		require.Equal(t, first.id, log.Items[0].ID)
		for log.Items[0].State == "sending" { // the answer is being noted
			log, err = home.WebhookDeliveries(ctx, mine.ID, "", "")
			require.NoError(t, err)
		}
		detail, err := home.WebhookDelivery(ctx, mine.ID, first.id)
		require.NoError(t, err)
		require.Len(t, detail.Tries, 1)
		require.Equal(t, 200, detail.Tries[0].Status)
		require.JSONEq(t, first.raw, string(detail.Payload))
		_, err = home.Redeliver(ctx, mine.ID, first.id)
		require.NoError(t, err)
		require.Equal(t, first.id, next(t, got, func(p posted) bool { return p.path == "/mine" }).id)
		off, err := home.ChangeWebhook(ctx, all.ID, client.WebhookPatch{State: "disabled"})
		require.NoError(t, err)
		require.Equal(t, "disabled", off.State)
		require.NotEmpty(t, off.DisabledReason)
		_, err = home.TestWebhook(ctx, all.ID)
		require.ErrorContains(t, err, "disabled")
		require.NoError(t, home.DeleteWebhook(ctx, all.ID))
		list, err := home.Webhooks(ctx)
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		require.True(t, list.Items[0].Mine)
	})
}

// Without leave of the operator nothing is posted inside.
func TestWebhooksGoNowhereInside(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	home := w.SetUp().Workspace(w.Home)
	for _, url := range []string{"http://crm.example/", "https://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://u:p@crm.example/"} {
		_, err := home.CreateWebhook(ctx, client.NewWebhook{URL: url, Events: []string{"*"}})
		var p *client.Problem
		require.ErrorAs(t, err, &p, url)
		require.Contains(t, p.Fields, "url")
	}
	_, err := home.CreateWebhook(ctx, client.NewWebhook{URL: "https://crm.example/hooks", Events: []string{"email.sent"}})
	require.NoError(t, err)
}

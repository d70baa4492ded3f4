package pubsub_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"google.golang.org/api/pubsub/v1"
)

// endpoint is a push endpoint that remembers what came.
type endpoint struct {
	*httptest.Server
	mu      sync.Mutex
	status  int
	refuse  int // so many are refused first
	at      []time.Time
	headers []http.Header
	bodies  []string
	came    chan string
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{status: http.StatusNoContent, came: make(chan string, 100)}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e.mu.Lock()
		e.at = append(e.at, time.Now())
		e.headers, e.bodies = append(e.headers, r.Header), append(e.bodies, string(body))
		status := e.status
		if e.refuse > 0 {
			e.refuse--
			status = http.StatusInternalServerError
		}
		e.mu.Unlock()
		w.WriteHeader(status)
		e.came <- decode(string(body))
	}))
	t.Cleanup(e.Close)
	return e
}

// answer sets how many pushes are refused, and the answer to the others.
func (e *endpoint) answer(refuse, status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuse, e.status = refuse, status
}

func decode(body string) string {
	var b struct{ Message struct{ Data string } }
	if json.Unmarshal([]byte(body), &b) != nil {
		return body
	}
	data, _ := base64.StdEncoding.DecodeString(b.Message.Data)
	return string(data)
}

func (e *endpoint) next(t *testing.T) string {
	t.Helper()
	select {
	case s := <-e.came:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was pushed")
		return ""
	}
}

func TestPushIsSigned(t *testing.T) {
	c, e := start(t), newEndpoint(t)
	c.topic()
	c.subscribe(push, &pubsub.Subscription{PushConfig: &pubsub.PushConfig{PushEndpoint: e.URL + "/hook",
		OidcToken: &pubsub.OidcToken{ServiceAccountEmail: pusher, Audience: "https://crm.example/push"}}})
	c.publish(`{"emailAddress":"mara@northwind-lamps.example","historyId":7}`)
	require.Equal(t, `{"emailAddress":"mara@northwind-lamps.example","historyId":7}`, e.next(t))

	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(e.bodies[0]), &body))
	require.Equal(t, push, body["subscription"])
	require.NotContains(t, body, "deliveryAttempt")
	m := body["message"].(map[string]any)
	require.NotEmpty(t, m["messageId"])
	require.Equal(t, m["messageId"], m["message_id"])
	require.Equal(t, m["publishTime"], m["publish_time"])
	require.Equal(t, map[string]any{"k": "v"}, m["attributes"])

	provider, err := oidc.NewProvider(t.Context(), c.URL())
	require.NoError(t, err)
	raw, _ := strings.CutPrefix(e.headers[0].Get("Authorization"), "Bearer ")
	tok, err := provider.Verifier(&oidc.Config{ClientID: "https://crm.example/push"}).Verify(t.Context(), raw)
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, tok.Claims(&claims))
	require.Equal(t, pusher, claims["email"])
	require.Equal(t, true, claims["email_verified"])
	require.Equal(t, claims["sub"], claims["azp"])

	_, err = c.Projects.Subscriptions.Pull(push, &pubsub.PullRequest{MaxMessages: 1}).Do()
	requireCode(t, err, 400, "not supported for this subscription type")

	_, err = c.Projects.Subscriptions.ModifyPushConfig(push, &pubsub.ModifyPushConfigRequest{PushConfig: &pubsub.PushConfig{PushEndpoint: e.URL, OidcToken: &pubsub.OidcToken{ServiceAccountEmail: pusher}}}).Do()
	require.NoError(t, err)
	c.publish("again")
	e.next(t)
	raw, _ = strings.CutPrefix(e.headers[1].Get("Authorization"), "Bearer ")
	_, err = provider.Verifier(&oidc.Config{ClientID: e.URL}).Verify(t.Context(), raw)
	require.NoError(t, err, "the audience is the endpoint unless set")
}

func TestPushWithoutEnvelope(t *testing.T) {
	c, e := start(t), newEndpoint(t)
	c.topic()
	c.subscribe(push, &pubsub.Subscription{PushConfig: &pubsub.PushConfig{PushEndpoint: e.URL, NoWrapper: &pubsub.NoWrapper{WriteMetadata: true}}})
	c.publish("plain")
	e.next(t)
	require.Equal(t, "plain", e.bodies[0])
	require.NotEmpty(t, e.headers[0].Get("X-Goog-Pubsub-Message-Id"))
	require.Empty(t, e.headers[0].Get("Authorization"))
}

func TestARefusedPushComesAgain(t *testing.T) {
	c, e := start(t), newEndpoint(t)
	c.topic()
	c.subscribe(push, &pubsub.Subscription{PushConfig: &pubsub.PushConfig{PushEndpoint: e.URL},
		DeadLetterPolicy: &pubsub.DeadLetterPolicy{MaxDeliveryAttempts: 5}})
	e.answer(2, http.StatusAccepted)
	c.publish("stubborn")
	for range 3 {
		require.Equal(t, "stubborn", e.next(t))
	}
	require.Eventually(t, func() bool { _, s := c.PubSub.Behaviour(); return s.Pushed == 1 && s.Failed == 2 }, 30*time.Second, time.Millisecond)
	e.mu.Lock()
	defer e.mu.Unlock()
	require.GreaterOrEqual(t, e.at[1].Sub(e.at[0]), 50*time.Millisecond, "backs off")
	for i, body := range e.bodies {
		require.Contains(t, body, fmt.Sprintf(`"deliveryAttempt":%d`, i+1))
	}
}

func TestNotificationModes(t *testing.T) {
	c, e := start(t), newEndpoint(t)
	c.topic()
	c.subscribe(push, &pubsub.Subscription{PushConfig: &pubsub.PushConfig{PushEndpoint: e.URL}})
	mode := func(body string) {
		resp, err := http.Post(c.URL()+"/_sim/notifications", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, 200, resp.StatusCode)
	}
	stat := func(ok func(dropped, held, pushed int) bool) {
		require.Eventually(t, func() bool { _, s := c.PubSub.Behaviour(); return ok(s.Dropped, s.Held, s.Pushed) }, 30*time.Second, time.Millisecond)
	}
	mode(`{"mode":"drop"}`)
	c.publish("lost")
	stat(func(dropped, _, _ int) bool { return dropped == 1 })

	mode(`{"mode":"double"}`)
	c.publish("twice")
	require.Equal(t, []string{"twice", "twice"}, []string{e.next(t), e.next(t)})

	mode(`{"mode":"hold"}`)
	c.publish("kept")
	stat(func(_, held, _ int) bool { return held == 1 })
	mode(`{"mode":"deliver"}`)
	require.Equal(t, "kept", e.next(t))

	mode(`{"mode":"delay","delay_ms":60}`)
	began := time.Now()
	c.publish("slow")
	require.Equal(t, "slow", e.next(t))
	require.GreaterOrEqual(t, time.Since(began), 60*time.Millisecond)
	stat(func(_, _, pushed int) bool { return pushed == 4 })

	resp, err := http.Post(c.URL()+"/_sim/notifications", "application/json", strings.NewReader(`{"mode":"sometimes"}`))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, 400, resp.StatusCode)
}

// Forged pushes look right but for one thing; a receiver that verifies as
// Google's documentation says refuses all of them.
func TestForgedPushes(t *testing.T) {
	c := start(t)
	provider, err := oidc.NewProvider(t.Context(), c.URL())
	require.NoError(t, err)
	e := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		tok, err := provider.Verifier(&oidc.Config{ClientID: "crm"}).Verify(r.Context(), raw)
		var claims struct {
			Email    string
			Verified bool `json:"email_verified"`
		}
		if !found || err != nil || tok.Claims(&claims) != nil || !claims.Verified || claims.Email != pusher {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if decode(string(body)) != `{"emailAddress":"x"}` {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer e.Close()
	forge := func(sign, email string) (int, string) {
		body := fmt.Sprintf(`{"endpoint":%q,"subscription":%q,"data":{"emailAddress":"x"},"email":%q,"audience":"crm","sign":%q}`, e.URL, push, email, sign)
		resp, err := http.Post(c.URL()+"/_sim/notifications/forge", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, strings.TrimSpace(string(raw))
	}
	for sign, want := range map[string]string{"good": "200", "none": "401", "key": "401", "expired": "401", "issuer": "401", "unverified": "401", "algorithm": "401"} {
		_, got := forge(sign, pusher)
		require.Equal(t, `{"status":`+want+`}`, got, sign)
	}
	_, got := forge("good", "stranger@evil.example")
	require.Equal(t, `{"status":401}`, got)
	status, _ := forge("nicely", pusher)
	require.Equal(t, 400, status)
}

func TestPushBecomesPull(t *testing.T) {
	c, e := start(t), newEndpoint(t)
	c.topic()
	c.subscribe(pull, &pubsub.Subscription{PushConfig: &pubsub.PushConfig{PushEndpoint: e.URL}})
	_, err := c.Projects.Subscriptions.ModifyPushConfig(pull, &pubsub.ModifyPushConfigRequest{PushConfig: &pubsub.PushConfig{}}).Do()
	require.NoError(t, err)
	c.publish("for pull")
	require.Equal(t, []string{"for pull"}, texts(c.pull(false)))
}

package pubsub_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
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
	"go.uber.org/goleak"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/pubsub/v1"

	"rapport/simulator"
	"rapport/simulator/front"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	mara    = "mara@northwind-lamps.example"
	project = "projects/rapport-demo"
	mail    = project + "/topics/mail"
	pull    = project + "/subscriptions/pull"
	push    = project + "/subscriptions/push"
	pusher  = "push@rapport-demo.iam.gserviceaccount.com"
)

type cloud struct {
	*simulator.Simulator
	*pubsub.Service
	t *testing.T
}

func start(t *testing.T) cloud {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Seed: 5, CheckAnswers: true, Accounts: []simulator.Account{{Email: mara}}})
	require.NoError(t, err)
	require.NoError(t, sim.Start("127.0.0.1:0"))
	t.Cleanup(func() {
		require.NoError(t, sim.Close())
		http.DefaultClient.CloseIdleConnections()
	})
	tok, err := sim.OAuth.IssueToken(mara, "", []string{pubsub.PubsubScope})
	require.NoError(t, err)
	svc, err := pubsub.NewService(t.Context(), option.WithEndpoint(sim.URL()), option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: tok})))
	require.NoError(t, err)
	return cloud{sim, svc, t}
}

func (c cloud) topic() {
	c.t.Helper()
	_, err := c.Projects.Topics.Create(mail, &pubsub.Topic{}).Do()
	require.NoError(c.t, err)
}

func (c cloud) subscribe(name string, s *pubsub.Subscription) {
	c.t.Helper()
	s.Topic = mail
	_, err := c.Projects.Subscriptions.Create(name, s).Do()
	require.NoError(c.t, err)
}

func (c cloud) publish(texts ...string) {
	c.t.Helper()
	req := &pubsub.PublishRequest{}
	for _, s := range texts {
		req.Messages = append(req.Messages, &pubsub.PubsubMessage{Data: base64.StdEncoding.EncodeToString([]byte(s)), Attributes: map[string]string{"k": "v"}})
	}
	got, err := c.Projects.Topics.Publish(mail, req).Do()
	require.NoError(c.t, err)
	require.Len(c.t, got.MessageIds, len(texts))
}

func (c cloud) pull(immediately bool) []*pubsub.ReceivedMessage {
	c.t.Helper()
	got, err := c.Projects.Subscriptions.Pull(pull, &pubsub.PullRequest{MaxMessages: 10, ReturnImmediately: immediately}).Do()
	require.NoError(c.t, err)
	return got.ReceivedMessages
}

func texts(list []*pubsub.ReceivedMessage) (out []string) {
	for _, m := range list {
		b, _ := base64.StdEncoding.DecodeString(m.Message.Data)
		out = append(out, string(b))
	}
	return out
}

func requireCode(t *testing.T, err error, code int, message string) {
	t.Helper()
	var e *googleapi.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code)
	require.Contains(t, e.Message, message)
}

func TestTopicsAndSubscriptions(t *testing.T) {
	c := start(t)
	topics, subs := c.Projects.Topics, c.Projects.Subscriptions
	_, err := topics.Get(mail).Do()
	requireCode(t, err, 404, "Resource not found (resource=mail).")
	_, err = subs.Create(pull, &pubsub.Subscription{Topic: mail}).Do()
	requireCode(t, err, 404, "Resource not found (resource=mail).")
	c.topic()
	_, err = topics.Create(mail, &pubsub.Topic{}).Do()
	requireCode(t, err, 409, "Resource already exists in the project (resource=mail).")
	_, err = topics.Create(project+"/topics/googmail", &pubsub.Topic{}).Do()
	requireCode(t, err, 400, "invalid argument")
	_, err = topics.Create(project+"/topics/other", &pubsub.Topic{Labels: map[string]string{"a": "b"}}).Do()
	require.NoError(t, err)
	got, err := topics.Get(project + "/topics/other").Do()
	require.NoError(t, err)
	require.Equal(t, "b", got.Labels["a"])
	page, err := topics.List(project).PageSize(1).Do()
	require.NoError(t, err)
	require.Equal(t, mail, page.Topics[0].Name)
	page, err = topics.List(project).PageSize(1).PageToken(page.NextPageToken).Do()
	require.NoError(t, err)
	require.Equal(t, project+"/topics/other", page.Topics[0].Name)
	require.Empty(t, page.NextPageToken)

	c.subscribe(pull, &pubsub.Subscription{})
	s, err := subs.Get(pull).Do()
	require.NoError(t, err)
	require.EqualValues(t, 10, s.AckDeadlineSeconds)
	require.Equal(t, mail, s.Topic)
	require.Equal(t, "ACTIVE", s.State)
	_, err = subs.Create(pull+"2", &pubsub.Subscription{Topic: mail, AckDeadlineSeconds: 5}).Do()
	requireCode(t, err, 400, "ack deadline")
	_, err = subs.Create(pull+"2", &pubsub.Subscription{Topic: mail, PushConfig: &pubsub.PushConfig{PushEndpoint: "nowhere"}}).Do()
	requireCode(t, err, 400, "Invalid push endpoint")
	names, err := topics.Subscriptions.List(mail).Do()
	require.NoError(t, err)
	require.Equal(t, []string{pull}, names.Subscriptions)
	list, err := subs.List(project).Do()
	require.NoError(t, err)
	require.Len(t, list.Subscriptions, 1)

	s, err = subs.Patch(pull, &pubsub.UpdateSubscriptionRequest{UpdateMask: "ackDeadlineSeconds", Subscription: &pubsub.Subscription{AckDeadlineSeconds: 60}}).Do()
	require.NoError(t, err)
	require.EqualValues(t, 60, s.AckDeadlineSeconds)
	_, err = subs.Patch(pull, &pubsub.UpdateSubscriptionRequest{UpdateMask: "topic", Subscription: &pubsub.Subscription{}}).Do()
	requireCode(t, err, 400, "not mutable")

	_, err = topics.Delete(mail).Do()
	require.NoError(t, err)
	s, err = subs.Get(pull).Do()
	require.NoError(t, err)
	require.Equal(t, "_deleted-topic_", s.Topic)
	_, err = subs.Delete(pull).Do()
	require.NoError(t, err)
	_, err = subs.Get(pull).Do()
	requireCode(t, err, 404, "Resource not found (resource=pull).")
}

func TestPullAcknowledgeAndDeadlines(t *testing.T) {
	c := start(t)
	c.topic()
	c.publish("before anybody subscribed")
	c.subscribe(pull, &pubsub.Subscription{AckDeadlineSeconds: 20})
	require.Empty(t, c.pull(true))
	c.publish("one", "two")
	got := c.pull(false)
	require.Equal(t, []string{"one", "two"}, texts(got))
	require.Equal(t, "v", got[0].Message.Attributes["k"])
	require.NotEqual(t, got[0].Message.MessageId, got[1].Message.MessageId)
	_, err := time.Parse(time.RFC3339Nano, got[0].Message.PublishTime)
	require.NoError(t, err)

	_, err = c.Projects.Subscriptions.Acknowledge(pull, &pubsub.AcknowledgeRequest{AckIds: []string{got[0].AckId}}).Do()
	require.NoError(t, err)
	require.Empty(t, c.pull(true), "two is held by somebody")
	c.World.Clock.Advance(21 * time.Second)
	got = c.pull(true)
	require.Equal(t, []string{"two"}, texts(got), "not acknowledged in time: again")

	_, err = c.Projects.Subscriptions.ModifyAckDeadline(pull, &pubsub.ModifyAckDeadlineRequest{AckIds: []string{got[0].AckId}, AckDeadlineSeconds: 600}).Do()
	require.NoError(t, err)
	c.World.Clock.Advance(5 * time.Minute)
	require.Empty(t, c.pull(true), "extended")
	_, err = c.Projects.Subscriptions.ModifyAckDeadline(pull, &pubsub.ModifyAckDeadlineRequest{AckIds: []string{got[0].AckId}, AckDeadlineSeconds: 0, ForceSendFields: []string{"AckDeadlineSeconds"}}).Do()
	require.NoError(t, err)
	require.Equal(t, []string{"two"}, texts(c.pull(true)), "given back")

	_, err = c.Projects.Subscriptions.Pull(pull, &pubsub.PullRequest{}).Do()
	requireCode(t, err, 400, "max_messages")
	_, err = c.Projects.Topics.Publish(mail, &pubsub.PublishRequest{Messages: []*pubsub.PubsubMessage{{}}}).Do()
	requireCode(t, err, 400, "empty")
}

func TestPullWaitsForAMessage(t *testing.T) {
	c := start(t)
	c.topic()
	c.subscribe(pull, &pubsub.Subscription{})
	got := make(chan []string)
	go func() { got <- texts(c.pull(false)) }()
	require.Eventually(t, func() bool { return len(c.Front.Log.Since(0)) >= 2 }, 5*time.Second, time.Millisecond)
	c.publish("late")
	require.Equal(t, []string{"late"}, <-got)
}

func TestWhoMayPublish(t *testing.T) {
	c := start(t)
	require.ErrorIs(t, c.PubSub.Publish(front.GmailPublisher, mail, []byte("x"), nil), front.ErrNoTopic)
	c.topic()
	require.ErrorIs(t, c.PubSub.Publish(front.GmailPublisher, mail, []byte("x"), nil), front.ErrNotPublisher)
	policy, err := c.Projects.Topics.GetIamPolicy(mail).Do()
	require.NoError(t, err)
	policy.Bindings = append(policy.Bindings, &pubsub.Binding{Role: "roles/pubsub.publisher", Members: []string{front.GmailPublisher}})
	set, err := c.Projects.Topics.SetIamPolicy(mail, &pubsub.SetIamPolicyRequest{Policy: policy}).Do()
	require.NoError(t, err)
	require.NotEqual(t, policy.Etag, set.Etag)
	require.NoError(t, c.PubSub.Publish(front.GmailPublisher, mail, []byte("x"), nil))
	_, err = c.Projects.Topics.SetIamPolicy(mail, &pubsub.SetIamPolicyRequest{Policy: policy}).Do()
	requireCode(t, err, 409, "concurrent policy changes")

	require.NoError(t, c.PubSub.CreateTopic(project+"/topics/ready", front.GmailPublisher))
	require.NoError(t, c.PubSub.Publish(front.GmailPublisher, project+"/topics/ready", []byte("x"), nil))
}

func TestOneNotificationASecond(t *testing.T) {
	c := start(t)
	require.NoError(t, c.PubSub.CreateTopic(mail, front.GmailPublisher))
	c.subscribe(pull, &pubsub.Subscription{})
	notify := func(user, text string) bool {
		sent, err := c.PubSub.Notify(front.GmailPublisher, mail, user, []byte(text))
		require.NoError(t, err)
		return sent
	}
	require.True(t, notify("a", "a1"))
	require.False(t, notify("a", "a2"), "dropped, not queued")
	require.True(t, notify("b", "b1"), "another user")
	c.World.Clock.Advance(time.Second)
	require.True(t, notify("a", "a3"))
	require.Equal(t, []string{"a1", "b1", "a3"}, texts(c.pull(true)))
	_, stats := c.PubSub.Behaviour()
	require.Equal(t, 1, stats.Limited)
	_, err := c.PubSub.Notify(front.GmailPublisher, project+"/topics/none", "a", nil)
	require.ErrorIs(t, err, front.ErrNoTopic)
}

// endpoint is a push endpoint that remembers what came.
type endpoint struct {
	*httptest.Server
	mu      sync.Mutex
	status  int
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
		e.headers, e.bodies = append(e.headers, r.Header), append(e.bodies, string(body))
		status := e.status
		e.mu.Unlock()
		w.WriteHeader(status)
		e.came <- decode(string(body))
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) answer(status int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status = status
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
	e.answer(500)
	c.publish("stubborn")
	first, second := e.next(t), time.Now()
	require.Equal(t, "stubborn", first)
	require.Equal(t, "stubborn", e.next(t))
	require.GreaterOrEqual(t, time.Since(second), 50*time.Millisecond, "backs off")
	e.answer(202)
	require.Equal(t, "stubborn", e.next(t))
	require.Eventually(t, func() bool { _, s := c.PubSub.Behaviour(); return s.Pushed == 1 && s.Failed == 2 }, 5*time.Second, time.Millisecond)
	e.mu.Lock()
	defer e.mu.Unlock()
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
		require.Eventually(t, func() bool { _, s := c.PubSub.Behaviour(); return ok(s.Dropped, s.Held, s.Pushed) }, 5*time.Second, time.Millisecond)
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

func TestScopes(t *testing.T) {
	c := start(t)
	tok, err := c.OAuth.IssueToken(mara, "", []string{"https://mail.google.com/"})
	require.NoError(t, err)
	svc, err := pubsub.NewService(t.Context(), option.WithEndpoint(c.URL()), option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: tok})))
	require.NoError(t, err)
	_, err = svc.Projects.Topics.List(project).Do()
	requireCode(t, err, 403, "insufficient authentication scopes")
	var e *googleapi.Error
	require.True(t, errors.As(err, &e))
	require.Empty(t, e.Errors, "Pub/Sub has status and details only")
}

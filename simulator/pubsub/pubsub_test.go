package pubsub_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"testing"
	"time"

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
	return startAt(t, time.Now)
}

// startAt starts one with a clock of its own.
func startAt(t *testing.T, now func() time.Time) cloud {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Seed: 5, Now: now, CheckAnswers: true, Accounts: []simulator.Account{{Email: mara}}})
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
	require.Eventually(t, func() bool { return len(c.Front.Log.Since(0)) >= 2 }, 30*time.Second, time.Millisecond)
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
	now := time.Now()
	c := startAt(t, func() time.Time { return now })
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

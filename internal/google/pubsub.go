package google

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/api/option"
	"google.golang.org/api/pubsub/v1"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail/push"
)

// PubSub is Cloud Pub/Sub, asked with credentials of the operator's: a
// subscription to pull, and what it takes to set one up.
type PubSub struct {
	service *pubsub.Service
	account *operator
	now     func() time.Time
}

// PubSubOptions of NewPubSub. Now may be nil.
type PubSubOptions struct {
	Endpoints   Endpoints
	Credentials []byte // a key file of a service account, or what `gcloud auth application-default login` writes
	Now         func() time.Time
	UserAgent   string
}

// NewPubSub makes the door to Pub/Sub; fault.Invalid when the credentials are
// none.
func NewPubSub(o PubSubOptions) (*PubSub, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	transport := newTransport()
	transport.ResponseHeaderTimeout = 2 * time.Minute // a pull waits for about 90 s
	client := &http.Client{Transport: bounded{transport, maxAnswer}, CheckRedirect: noRedirects}
	a, err := readAccount(o.Credentials, o.Endpoints, client, o.Now)
	if err != nil {
		return nil, err
	}
	s, err := pubsub.NewService(context.Background(), option.WithHTTPClient(client), option.WithEndpoint(o.Endpoints.PubSub))
	if err != nil {
		return nil, fmt.Errorf("making the Pub/Sub client: %w", err)
	}
	s.UserAgent = o.UserAgent
	return &PubSub{service: s, account: a, now: o.Now}, nil
}

// Account is the address of the service account, "" for a person's credentials.
func (p *PubSub) Account() string { return p.account.email }

// do makes a call with a token, with a new one where the first is refused.
func (p *PubSub) do(ctx context.Context, call func(authorization string) error) error {
	for renewed := false; ; renewed = true {
		token, err := p.account.token(ctx)
		if err != nil {
			return err
		}
		err = fromCall(call("Bearer "+token.Reveal()), p.now())
		if codeOf(err) != codeUnauthenticated || renewed {
			return err
		}
		p.account.forget(token)
	}
}

// Subscription gives a subscription to pull; it implements push.Subscription.
func (p *PubSub) Subscription(name string) push.Subscription { return &subscription{p, name} }

type subscription struct {
	*PubSub
	name string
}

func (s *subscription) Name() string { return s.name }

// Pull waits for messages (projects.subscriptions.pull).
func (s *subscription) Pull(ctx context.Context, most int) ([]push.Message, error) {
	var got *pubsub.PullResponse
	err := s.do(ctx, func(authorization string) (err error) {
		c := s.service.Projects.Subscriptions.Pull(s.name, &pubsub.PullRequest{MaxMessages: int64(most)}).Context(ctx)
		c.Header().Set("Authorization", authorization)
		got, err = c.Do()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("pulling %s: %w", s.name, err)
	}
	out := make([]push.Message, 0, len(got.ReceivedMessages))
	for _, m := range got.ReceivedMessages {
		x := push.Message{Ack: m.AckId}
		if m.Message != nil {
			x.Data, _ = push.Base64(m.Message.Data) // garbled data is nobody's notification, and has to be acknowledged
			x.PublishedAt, _ = time.Parse(time.RFC3339Nano, m.Message.PublishTime)
		}
		out = append(out, x)
	}
	return out, nil
}

// Acknowledge ends the delivery of messages.
func (s *subscription) Acknowledge(ctx context.Context, acks []string) error {
	err := s.do(ctx, func(authorization string) error {
		c := s.service.Projects.Subscriptions.Acknowledge(s.name, &pubsub.AcknowledgeRequest{AckIds: acks}).Context(ctx)
		c.Header().Set("Authorization", authorization)
		_, err := c.Do()
		return err
	})
	if err != nil {
		return fmt.Errorf("acknowledging messages of %s: %w", s.name, err)
	}
	return nil
}

// GmailPublisher is the account that Gmail publishes with.
const GmailPublisher = "serviceAccount:gmail-api-push@system.gserviceaccount.com"

const publisherRole = "roles/pubsub.publisher"

// EnsureTopic makes a topic that is not there.
func (p *PubSub) EnsureTopic(ctx context.Context, name string) (made bool, err error) {
	err = p.do(ctx, func(authorization string) error {
		c := p.service.Projects.Topics.Create(name, &pubsub.Topic{}).Context(ctx)
		c.Header().Set("Authorization", authorization)
		_, err := c.Do()
		return err
	})
	if fault.Is(err, fault.Conflict) { // it is there
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("making the topic: %w", err)
	}
	return true, nil
}

// EnsurePublisher lets Gmail publish to a topic.
func (p *PubSub) EnsurePublisher(ctx context.Context, topic string) (made bool, err error) {
	for range 5 {
		if made, err = p.allowPublisher(ctx, topic); !fault.Is(err, fault.Conflict) {
			break // else somebody else has changed the policy meanwhile
		}
	}
	if err != nil {
		return false, fmt.Errorf("letting Gmail publish: %w", err)
	}
	return made, nil
}

func (p *PubSub) allowPublisher(ctx context.Context, topic string) (bool, error) {
	var policy *pubsub.Policy
	err := p.do(ctx, func(authorization string) (err error) {
		c := p.service.Projects.Topics.GetIamPolicy(topic).Context(ctx)
		c.Header().Set("Authorization", authorization)
		policy, err = c.Do()
		return err
	})
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(policy.Bindings, func(b *pubsub.Binding) bool { return b.Role == publisherRole && b.Condition == nil })
	switch {
	case i < 0:
		policy.Bindings = append(policy.Bindings, &pubsub.Binding{Role: publisherRole, Members: []string{GmailPublisher}})
	case slices.Contains(policy.Bindings[i].Members, GmailPublisher):
		return false, nil
	default:
		policy.Bindings[i].Members = append(policy.Bindings[i].Members, GmailPublisher)
	}
	err = p.do(ctx, func(authorization string) error {
		c := p.service.Projects.Topics.SetIamPolicy(topic, &pubsub.SetIamPolicyRequest{Policy: policy}).Context(ctx)
		c.Header().Set("Authorization", authorization)
		_, err := c.Do()
		return err
	})
	return err == nil, err
}

// PushTo says where a subscription posts to; the zero value is one to pull.
type PushTo struct{ Endpoint, Account, Audience string }

// EnsureSubscription makes a subscription, or changes where it posts to. It is
// never to expire, and keeps what nobody takes for a day.
func (p *PubSub) EnsureSubscription(ctx context.Context, name, topic string, to PushTo) (made, changed bool, err error) {
	config := &pubsub.PushConfig{}
	if to.Endpoint != "" {
		config = &pubsub.PushConfig{PushEndpoint: to.Endpoint, OidcToken: &pubsub.OidcToken{ServiceAccountEmail: to.Account, Audience: to.Audience}}
	}
	err = p.do(ctx, func(authorization string) error {
		c := p.service.Projects.Subscriptions.Create(name, &pubsub.Subscription{Topic: topic, PushConfig: config, AckDeadlineSeconds: 10,
			MessageRetentionDuration: "86400s", ExpirationPolicy: &pubsub.ExpirationPolicy{}}).Context(ctx)
		c.Header().Set("Authorization", authorization)
		_, err := c.Do()
		return err
	})
	if err == nil {
		return true, false, nil
	}
	if !fault.Is(err, fault.Conflict) {
		return false, false, fmt.Errorf("making the subscription: %w", err)
	}
	changed, err = p.adjust(ctx, name, topic, config)
	return false, changed, err
}

// adjust brings a subscription that is there to post to the right place.
func (p *PubSub) adjust(ctx context.Context, name, topic string, want *pubsub.PushConfig) (bool, error) {
	var is *pubsub.Subscription
	err := p.do(ctx, func(authorization string) (err error) {
		c := p.service.Projects.Subscriptions.Get(name).Context(ctx)
		c.Header().Set("Authorization", authorization)
		is, err = c.Do()
		return err
	})
	if err != nil {
		return false, fmt.Errorf("reading the subscription: %w", err)
	}
	if is.Topic != topic {
		return false, &fault.Error{Kind: fault.Conflict, Text: "The subscription " + name + " is of another topic, " + is.Topic + ". Choose another name for it, or delete it."}
	}
	if samePush(is.PushConfig, want) {
		return false, nil
	}
	err = p.do(ctx, func(authorization string) error {
		c := p.service.Projects.Subscriptions.ModifyPushConfig(name, &pubsub.ModifyPushConfigRequest{PushConfig: want}).Context(ctx)
		c.Header().Set("Authorization", authorization)
		_, err := c.Do()
		return err
	})
	if err != nil {
		return false, fmt.Errorf("changing the subscription: %w", err)
	}
	return true, nil
}

func samePush(a, b *pubsub.PushConfig) bool {
	flat := func(p *pubsub.PushConfig) PushTo {
		var out PushTo
		if p != nil && p.PushEndpoint != "" {
			out.Endpoint = p.PushEndpoint
			if p.OidcToken != nil {
				out.Account, out.Audience = p.OidcToken.ServiceAccountEmail, p.OidcToken.Audience
			}
		}
		return out
	}
	return flat(a) == flat(b)
}

// operator makes access tokens from the operator's credentials
// (developers.google.com/identity/protocols/oauth2/service-account).
type operator struct {
	email  string
	client *http.Client
	now    func() time.Time
	form   func(now time.Time) (url.Values, error) // of a request for a token
	at     string

	mu     sync.Mutex
	held   crm.Secret
	expiry time.Time
}

func badCredentials(format string, args ...any) error {
	return fault.New(fault.Invalid, "The Google credentials cannot be used: "+format, args...)
}

func readAccount(file []byte, e Endpoints, client *http.Client, now func() time.Time) (*operator, error) {
	var f struct {
		Type         string `json:"type"`
		Email        string `json:"client_email"`
		Key          string `json:"private_key"`
		KeyID        string `json:"private_key_id"`
		TokenURI     string `json:"token_uri"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.Unmarshal(file, &f); err != nil {
		return nil, badCredentials("the file is no JSON.")
	}
	a := &operator{client: client, now: now, at: e.Token}
	switch f.Type {
	case "service_account":
		key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(f.Key))
		if err != nil || f.Email == "" {
			return nil, badCredentials("the file has no private key of a service account.")
		}
		if e.Base == "" && f.TokenURI != "" {
			a.at = f.TokenURI
		}
		if !strings.HasPrefix(a.at, "https://") && e.Base == "" {
			return nil, badCredentials("its token_uri is not an https address.")
		}
		a.email = f.Email
		a.form = func(now time.Time) (url.Values, error) { return assertion(key, f.KeyID, f.Email, a.at, now) }
	case "authorized_user":
		a.form = func(time.Time) (url.Values, error) {
			return url.Values{"grant_type": {"refresh_token"}, "client_id": {f.ClientID}, "client_secret": {f.ClientSecret}, "refresh_token": {f.RefreshToken}}, nil
		}
	default:
		return nil, badCredentials("the file is neither a key of a service account nor what `gcloud auth application-default login` writes.")
	}
	return a, nil
}

func assertion(key *rsa.PrivateKey, keyID, email, audience string, now time.Time) (url.Values, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": email, "scope": pubsub.PubsubScope, "aud": audience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
	t.Header["kid"] = keyID
	signed, err := t.SignedString(key)
	if err != nil {
		return nil, fmt.Errorf("signing for an access token: %w", err)
	}
	return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {signed}}, nil
}

func (a *operator) token(ctx context.Context) (crm.Secret, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.held.IsZero() && a.now().Before(a.expiry) {
		return a.held, nil
	}
	form, err := a.form(a.now())
	if err != nil {
		return crm.Secret{}, err
	}
	within, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(within, http.MethodPost, a.at, strings.NewReader(form.Encode()))
	if err != nil {
		return crm.Secret{}, fmt.Errorf("asking for an access token: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := a.client.Do(req)
	if err != nil {
		return crm.Secret{}, fromNetwork(err)
	}
	defer func() { _ = res.Body.Close() }()
	var said struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		Error       string `json:"error"`
	}
	err = json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&said)
	switch {
	case res.StatusCode >= 500 || res.StatusCode == 429:
		return crm.Secret{}, fault.New(fault.Unavailable, "Google gives no access token just now.")
	case res.StatusCode != http.StatusOK:
		return crm.Secret{}, &fault.Error{Kind: fault.Reconnect, Code: "credentials_refused", Text: "Google does not accept the credentials of GOOGLE_APPLICATION_CREDENTIALS.", Err: errors.New(shortCode(said.Error))}
	case err != nil || said.AccessToken == "":
		return crm.Secret{}, fault.New(fault.Unavailable, "Google's answer about an access token cannot be read.")
	}
	a.held, a.expiry = crm.NewSecret(said.AccessToken), a.now().Add(time.Duration(said.ExpiresIn)*time.Second-5*time.Minute)
	return a.held, nil
}

// forget drops a token that was refused.
func (a *operator) forget(token crm.Secret) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held.Reveal() == token.Reveal() {
		a.held = crm.Secret{}
	}
}

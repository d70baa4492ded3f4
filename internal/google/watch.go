package google

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	gmail "google.golang.org/api/gmail/v1"
	"google.golang.org/api/googleapi"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/push"
)

var _ push.Mailboxes = (*Gmail)(nil)

// Watch has Gmail publish to a topic when anything changes in the mailbox
// (users.watch); called again it renews. All labels: with a filter, changes of
// other labels would not be told of, and all of them are followed.
func (g *Gmail) Watch(ctx context.Context, c crm.Connection, topic string) (push.Begun, error) {
	m, err := g.opened(ctx, c)
	if err != nil {
		return push.Begun{}, fmt.Errorf("watching a mailbox: %w", err)
	}
	var out push.Begun
	var said string
	err = m.ordinary(ctx, "watch", func(ctx context.Context, header func(http.Header)) error {
		call := g.service.Users.Watch("me", &gmail.WatchRequest{TopicName: topic}).Context(ctx)
		header(call.Header())
		got, err := call.Do()
		said = message(err)
		if err == nil {
			out = push.Begun{HistoryID: got.HistoryId, ExpiresAt: time.UnixMilli(got.Expiration).UTC()}
		}
		return err
	})
	if err != nil {
		return push.Begun{}, fmt.Errorf("watching a mailbox: %w", watchError(err, said))
	}
	return out, nil
}

// StopWatch ends the watch on the mailbox (users.stop).
func (g *Gmail) StopWatch(ctx context.Context, c crm.Connection) error {
	m, err := g.opened(ctx, c)
	if err != nil {
		return fmt.Errorf("ending the watch on a mailbox: %w", err)
	}
	err = m.ordinary(ctx, "stop", func(ctx context.Context, header func(http.Header)) error {
		call := g.service.Users.Stop("me").Context(ctx)
		header(call.Header())
		return call.Do()
	})
	if err != nil {
		return fmt.Errorf("ending the watch on a mailbox: %w", err)
	}
	return nil
}

func (g *Gmail) opened(ctx context.Context, c crm.Connection) (*mailbox, error) {
	box, err := g.Open(ctx, c, mail.Normal)
	if err != nil {
		return nil, err
	}
	return box.(*mailbox), nil
}

func message(err error) string {
	var e *googleapi.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return ""
}

// watchError tells the refusals of users.watch apart. Google gives nothing but
// the text (behaviour reference 3.14).
func watchError(err error, said string) error {
	code := ""
	switch {
	case strings.Contains(said, "Only one user push notification client"):
		code = push.CodeTaken
	case strings.Contains(said, "Invalid topicName"):
		code = push.CodeOtherProject
	case strings.Contains(said, "Cloud PubSub") && strings.Contains(said, "not authorized"):
		code = push.CodeNotPublisher
	case strings.Contains(said, "Cloud PubSub") && strings.Contains(said, "not found"):
		code = push.CodeNoTopic
	default:
		return err
	}
	return &fault.Error{Kind: fault.Conflict, Code: code, Text: "Gmail cannot publish to the topic.", Err: err}
}

// pushAhead is how far Google's clock may be ahead of ours, and how late a token
// may come.
const pushAhead = 5 * time.Minute

// PushVerifier checks tokens of Pub/Sub's push requests; it implements
// push.Verifier.
type PushVerifier struct {
	oauth    *OAuth
	audience string
	account  string
}

var _ push.Verifier = (*PushVerifier)(nil)

// NewPushVerifier lets in tokens for an audience of one service account.
func NewPushVerifier(o *OAuth, audience, account string) *PushVerifier {
	return &PushVerifier{o, audience, strings.ToLower(account)}
}

// pushClaims are the claims of a push request's token
// (cloud.google.com/pubsub/docs/authenticate-push-subscriptions).
type pushClaims struct {
	jwt.RegisteredClaims
	Email    string `json:"email"`
	Verified bool   `json:"email_verified"`
}

// VerifyPush checks the OIDC token of a push request: signed with RS256 by one
// of Google's keys, issued by Google, for our audience, at a sane time, to our
// service account, whose address is verified. The audience alone proves nothing:
// anybody may have Google sign it. fault.Unauthenticated when any of it is wrong,
// fault.Unavailable when Google's keys cannot be had.
func (v *PushVerifier) VerifyPush(ctx context.Context, token crm.Secret) error {
	if token.IsZero() {
		return notPubSub(errors.New("no token"))
	}
	var claims pushClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	if _, _, err := parser.ParseUnverified(token.Reveal(), &claims); err != nil {
		return notPubSub(err)
	}
	// What is not for us is refused before anything is fetched for it.
	if err := v.check(&claims); err != nil {
		return notPubSub(err)
	}
	_, err := parser.ParseWithClaims(token.Reveal(), &pushClaims{}, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		return v.oauth.push.key(ctx, v.oauth.now, v.keys, kid)
	})
	switch {
	case fault.Is(err, fault.Unavailable):
		return err
	case err != nil:
		return notPubSub(err)
	}
	return nil
}

func (v *PushVerifier) keys(ctx context.Context) (map[string]*rsa.PublicKey, error) {
	return v.oauth.fetchKeySet(ctx, v.oauth.endpoints.Keys)
}

func (v *PushVerifier) check(c *pushClaims) error {
	now := v.oauth.now()
	switch {
	case !v.oauth.Issued(c.Issuer):
		return errors.New("issued by somebody else")
	case v.audience == "" || !slices.Contains(c.Audience, v.audience):
		return errors.New("for somebody else")
	case c.ExpiresAt == nil || now.After(c.ExpiresAt.Add(pushAhead)):
		return errors.New("expired")
	case c.IssuedAt == nil || c.IssuedAt.After(now.Add(pushAhead)):
		return errors.New("issued in the future")
	case c.NotBefore != nil && c.NotBefore.After(now.Add(pushAhead)):
		return errors.New("not good yet")
	case v.account == "" || strings.ToLower(c.Email) != v.account:
		return errors.New("of another account")
	case !c.Verified:
		return errors.New("of an address that is not verified")
	}
	return nil
}

func notPubSub(err error) error {
	return &fault.Error{Kind: fault.Unauthenticated, Code: "invalid_token", Text: "This is not Pub/Sub with a token for this installation.", Err: err}
}

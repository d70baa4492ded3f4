// Package pubsub is the simulated Cloud Pub/Sub, as far as Gmail's push
// notifications and those who pull them need it: topics with a policy,
// subscriptions that are pulled or pushed, acknowledgement deadlines, signed
// push requests with retries.
package pubsub

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rapport/simulator/discovery"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

// Signer makes the tokens of push requests.
type Signer interface {
	Sign(claims jwt.MapClaims) (string, error)
}

// Room is the Pub/Sub API.
type Room struct {
	world  *world.World
	signer Signer
	issuer func() string
	client *http.Client

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	topics   map[string]*topic
	subs     map[string]*subscription
	order    []string // names of subscriptions as they were made
	nextID   uint64
	nextAck  uint64
	notified map[noticeKey]time.Time
	behave   Behaviour
	held     []delivery
	stats    Stats
}

type noticeKey struct{ topic, user string }

type topic struct {
	name   string
	config map[string]any
	policy json.RawMessage
}

// message is a published message.
type message struct {
	id         string
	data       []byte
	attributes map[string]string
	order      string
	published  time.Time
}

// New returns a Pub/Sub without topics. issuer names the issuer of push
// tokens when one is made.
func New(w *world.World, signer Signer, issuer func() string) *Room {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Room{
		world: w, signer: signer, issuer: issuer,
		client: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: 5 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		ctx: ctx, cancel: cancel,
	}
	r.clear()
	return r
}

func (r *Room) clear() {
	r.topics = map[string]*topic{}
	r.subs = map[string]*subscription{}
	r.order = nil
	r.notified = map[noticeKey]time.Time{}
	r.behave = Behaviour{Mode: Deliver}
	r.held = nil
	r.stats = Stats{}
	r.nextID = 2070443601311540
	r.nextAck = 0
}

// Reset removes topics and subscriptions and stops their pushes.
func (r *Room) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.subs {
		s.close()
	}
	r.clear()
}

// Close ends all pushes and waits until none is under way.
func (r *Room) Close() {
	r.cancel()
	r.work.Wait()
	r.client.CloseIdleConnections()
}

// Name implements front.Room.
func (r *Room) Name() string { return "pubsub" }

// Document implements front.Room.
func (r *Room) Document() []byte { return discovery.Document("pubsub") }

// Methods implements front.Room.
func (r *Room) Methods() map[string]front.Handler {
	const t, s = "pubsub.projects.topics.", "pubsub.projects.subscriptions."
	return map[string]front.Handler{
		t + "create":             r.createTopic,
		t + "get":                r.getTopic,
		t + "list":               r.listTopics,
		t + "delete":             r.deleteTopic,
		t + "publish":            r.publish,
		t + "getIamPolicy":       r.getPolicy,
		t + "setIamPolicy":       r.setPolicy,
		t + "testIamPermissions": r.testPermissions,
		t + "subscriptions.list": r.listTopicSubscriptions,
		s + "create":             r.createSubscription,
		s + "get":                r.getSubscription,
		s + "list":               r.listSubscriptions,
		s + "delete":             r.deleteSubscription,
		s + "pull":               r.pull,
		s + "acknowledge":        r.acknowledge,
		s + "modifyAckDeadline":  r.modifyAckDeadline,
		s + "modifyPushConfig":   r.modifyPushConfig,
		s + "patch":              r.patchSubscription,
		s + "getIamPolicy":       r.getPolicy,
		s + "setIamPolicy":       r.setPolicy,
		s + "testIamPermissions": r.testPermissions,
	}
}

func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

func notFound(name string) *front.Error {
	return &front.Error{Code: 404, Status: "NOT_FOUND", Message: "Resource not found (resource=" + last(name) + ")."}
}

func exists(name string) *front.Error {
	return &front.Error{Code: 409, Status: "ALREADY_EXISTS", Message: "Resource already exists in the project (resource=" + last(name) + ")."}
}

func invalid(text string) *front.Error {
	return &front.Error{Code: 400, Status: "INVALID_ARGUMENT", Message: text}
}

// empty is google.protobuf.Empty.
var empty = front.Raw("{}\n")

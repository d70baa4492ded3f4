package webhooks_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/outbound"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
	"rapport/internal/webhooks"
)

var ctx = context.Background()

func TestMain(m *testing.M) { storetest.Main(m) }

const key = "nKf5ZBAb1lbYxA9DMSWZtqvVfMcUSUg6rKVFMsIyDWk="

// world is the room over a real store, the real door and a receiver.
type world struct {
	*storetest.World
	*webhooks.Service
	receiver *receiver
	followed int64
}

func newWorld(t *testing.T, d storetest.Database) *world {
	t.Helper()
	w := &world{World: storetest.NewWorld(t, d)}
	w.receiver = newReceiver(t, w.Clock.Now)
	w.Service = w.service("one")
	return w
}

// service is a process at the store.
func (w *world) service(holder string) *webhooks.Service {
	sealer, err := vault.NewSealer(crm.NewSecret(key))
	require.NoError(w.T, err)
	return &webhooks.Service{
		Endpoints: w.Store, Deliveries: w.Store, Mail: w.Store, Records: plainRecords{w.Store}, People: w.Store, Sealer: sealer,
		Poster: outbound.New(outbound.Options{Everywhere: true, UserAgent: "Rapport/test", Now: w.Clock.Now}),
		Now:    w.Clock.Now, Random: rand.Reader, Holder: holder, Log: slog.New(slog.DiscardHandler), Late: func() float64 { return 0 },
	}
}

func (w *world) admin(u crm.User) access.Caller {
	c := storetest.Caller(w.Home, u)
	c.Role = crm.RoleAdmin
	return c
}

// hook makes a webhook of a member; the receiver learns its secret.
func (w *world) hook(u crm.User, a webhooks.Audience, path string, events ...string) webhooks.Endpoint {
	w.T.Helper()
	if events == nil {
		events = []string{webhooks.Everything}
	}
	url := w.receiver.URL + path
	e, secret, err := w.Create(ctx, w.admin(u), a, webhooks.Wish{URL: &url, Events: &events})
	require.NoError(w.T, err)
	w.receiver.know(path, secret)
	return e
}

// follow lets facts have their consequences, as the corridors do.
func (w *world) follow() {
	w.T.Helper()
	for {
		list, err := w.FactsAfter(ctx, w.followed, 100)
		require.NoError(w.T, err)
		if len(list) == 0 {
			return
		}
		for _, f := range list {
			require.NoError(w.T, w.Follow(ctx, f))
			w.followed = f.Seq
		}
	}
}

func (w *world) deliver() int {
	w.T.Helper()
	n, err := w.DeliverDue(ctx)
	require.NoError(w.T, err)
	return n
}

// log gives the deliveries of a webhook, the oldest first.
func (w *world) log(e webhooks.Endpoint) []webhooks.Delivery {
	w.T.Helper()
	var list []webhooks.Delivery
	cursor := ""
	for {
		page, next, err := w.Store.DeliveriesOf(ctx, e.ID, webhooks.Query{Limit: 500, Cursor: cursor})
		require.NoError(w.T, err)
		list = append(page, list...)
		if cursor = next; next == "" {
			break
		}
	}
	for i, d := range list { // the newest first within a page
		_ = d
		for j := i + 1; j < len(list); j++ {
			if list[j].No < list[i].No {
				list[i], list[j] = list[j], list[i]
			}
		}
	}
	return list
}

func (w *world) now(e webhooks.Endpoint) webhooks.Endpoint {
	w.T.Helper()
	e, err := w.Store.Webhook(ctx, w.Home, e.ID)
	require.NoError(w.T, err)
	e.Waiting, err = w.WaitingFor(ctx, e.ID)
	require.NoError(w.T, err)
	return e
}

// got is a delivery as it arrived.
type got struct {
	path, id string
	status   int
	Type     string
	Data     struct {
		ID, Access, Subject, Snippet, Status string
		From                                 string   `json:"from_email"`
		Body                                 string   `json:"body_text"`
		Connection                           string   `json:"connection_id"`
		Labels                               []string `json:"labels"`
		Read                                 bool     `json:"is_read"`
	}
	raw string
}

// receiver is a program that takes webhooks, and verifies each with the library of
// the standard.
type receiver struct {
	*httptest.Server
	t       testing.TB
	now     func() time.Time
	mu      sync.Mutex
	secrets map[string][]crm.Secret
	got     []got
	// answer, if set, says what is answered; 200 else. It is called without the lock.
	answer func(w http.ResponseWriter, g got) int
}

func newReceiver(t testing.TB, now func() time.Time) *receiver {
	r := &receiver{t: t, now: now, secrets: map[string][]crm.Secret{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) know(path string, s crm.Secret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets[path] = []crm.Secret{s}
}

func (r *receiver) does(answer func(http.ResponseWriter, got) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) answers(status int) {
	r.does(func(http.ResponseWriter, got) int { return status })
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	g := got{path: q.URL.Path, id: q.Header.Get("webhook-id"), raw: string(body), status: 200}
	r.mu.Lock()
	secrets, answer := r.secrets[g.path], r.answer
	r.mu.Unlock()
	for _, s := range secrets {
		one, err := standardwebhooks.NewWebhook(s.Reveal())
		if err == nil {
			err = one.VerifyIgnoringTimestamp(body, q.Header) // the clock of tests is turned: compared below
		}
		if err != nil {
			r.t.Errorf("signature at %s: %v", g.path, err)
		}
	}
	if stamp, err := strconv.ParseInt(q.Header.Get("webhook-timestamp"), 10, 64); err != nil || stamp != r.now().Unix() {
		r.t.Errorf("webhook-timestamp %q, the clock shows %d", q.Header.Get("webhook-timestamp"), r.now().Unix())
	}
	if err := json.Unmarshal(body, &g); err != nil {
		r.t.Errorf("payload: %v", err)
	}
	if answer != nil {
		g.status = answer(w, g)
	}
	r.mu.Lock()
	r.got = append(r.got, g)
	r.mu.Unlock()
	w.WriteHeader(g.status)
}

// taken gives what was answered with 2xx at a path, and forgets nothing.
func (r *receiver) taken(path string) []got {
	var list []got
	for _, g := range r.all(path) {
		if g.status < 300 {
			list = append(list, g)
		}
	}
	return list
}

func (r *receiver) all(path string) []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []got
	for _, g := range r.got {
		if g.path == path {
			list = append(list, g)
		}
	}
	return list
}

func (r *receiver) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = nil
}

func types(list []got) []string {
	var out []string
	for _, g := range list {
		out = append(out, g.Type)
	}
	return out
}

// plainRecords shows records as the store gives them.
type plainRecords struct{ *store.Store }

func (p plainRecords) RecordPayload(ctx context.Context, c access.Caller, id crm.RecordID) (any, error) {
	return p.RecordOf(ctx, c, id)
}

package google

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/vault"
	"rapport/simulator"
	"rapport/simulator/control"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

const (
	adaAddress = "ada@northwind-lamps.example"
	base       = "http://google.test"
)

// direct carries requests to a handler in the same process without a network,
// so that a test on a fake clock does not wait for one.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (res *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	in.RequestURI, in.Host, in.RemoteAddr = r.URL.RequestURI(), r.URL.Host, "127.0.0.1:1"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				panic(p)
			}
			res, err = nil, io.ErrUnexpectedEOF
		}
	}()
	d.handler.ServeHTTP(rec, in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

// place is a simulated Google with a door to it.
type place struct {
	t      testing.TB
	sim    *simulator.Simulator
	door   *Gmail
	tokens *issuer
	usage  map[string]int64
	mu     sync.Mutex

	dialled atomic.Int32 // connections opened, over the network
}

// options of a place.
type options struct {
	messages int
	quota    string // of the simulator and of ours
	ours     Quota  // instead, when it has a name
	scopes   []string
	network  bool // over real TCP
	shared   Shared
}

func open(t testing.TB, o options) *place {
	t.Helper()
	if o.quota == "" {
		o.quota = "none"
	}
	sim, err := simulator.New(simulator.Options{Seed: 3, Quota: o.quota, BaseURL: base,
		Accounts: []simulator.Account{{Email: adaAddress, Name: "Ada Winter", Messages: o.messages, Seed: 5}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sim.Close()) })
	p := &place{t: t, sim: sim, usage: map[string]int64{}}
	client := &http.Client{Transport: bounded{direct{sim.Handler()}, maxAnswer}, CheckRedirect: noRedirects}
	at := base
	if o.network {
		client = NewHTTPClient(nil)
		server := httptest.NewUnstartedServer(sim.Handler())
		server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				p.dialled.Add(1)
			}
		}
		server.Start()
		t.Cleanup(func() { client.CloseIdleConnections(); server.Close() })
		at = server.URL
	}
	if len(o.scopes) == 0 {
		o.scopes = []string{vault.ScopeGmailReadonly}
	}
	p.tokens = &issuer{sim: sim, scopes: o.scopes}
	quota := o.ours
	if quota.Name == "" {
		quota, _ = Quotas(strings.Replace(o.quota, "none", "2026", 1))
	}
	if o.quota == "none" && o.ours.Name == "" {
		quota.PerUser, quota.PerProject = 1e9, 1e9
	}
	p.door, err = NewGmail(GmailOptions{Endpoints: At(at), Client: client, Tokens: p.tokens,
		Limiter: NewLimiter(quota, LimiterOptions{Shared: o.shared}), OnUsage: p.note})
	require.NoError(t, err)
	return p
}

func (p *place) note(u Usage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.usage[u.Method] += u.Units
	if u.Refused {
		p.usage["refused"]++
	}
}

func (p *place) mailbox(prio mail.Priority) *mailbox {
	p.t.Helper()
	m, err := p.door.Open(p.t.Context(), crm.Connection{ID: "c", GrantID: "g", GoogleSub: "sub-ada", GoogleEmail: adaAddress}, prio)
	require.NoError(p.t, err)
	return m.(*mailbox)
}

// refs lists the newest n messages.
func (p *place) refs(m mail.Mailbox, n int) []mail.Ref {
	p.t.Helper()
	var out []mail.Ref
	for page := ""; ; {
		l, err := m.List(p.t.Context(), mail.Listing{}, page)
		require.NoError(p.t, err)
		out = append(out, l.Refs...)
		if page = l.Next; page == "" || len(out) >= n {
			return out[:min(n, len(out))]
		}
	}
}

// fetchAll fetches refs and checks that each is answered for exactly once.
func (p *place) fetchAll(m mail.Mailbox, refs []mail.Ref) (byID map[string]mail.Fetched, order []string) {
	p.t.Helper()
	byID = map[string]mail.Fetched{}
	err := m.Fetch(p.t.Context(), refs, func(f mail.Fetched) error {
		if !f.Extra {
			_, twice := byID[f.Ref.ID]
			require.False(p.t, twice, "yielded twice")
			byID[f.Ref.ID] = f
			order = append(order, f.Ref.ID)
		}
		require.Equal(p.t, f.Err == nil, f.Message != nil)
		return nil
	})
	require.NoError(p.t, err)
	require.Len(p.t, byID, len(refs))
	return byID, order
}

func (p *place) fault(f front.Fault) {
	p.t.Helper()
	_, err := p.sim.Front.Faults.Add(f)
	require.NoError(p.t, err)
}

// refusals are the requests the simulator refused for quota or concurrency.
func (p *place) refusals() int {
	n := 0
	for _, u := range p.sim.Front.Log.Usage() {
		n += int(u.Refused)
	}
	return n
}

// issuer gives tokens of the simulator.
type issuer struct {
	sim    *simulator.Simulator
	scopes []string

	mu      sync.Mutex
	current string
	Renewed int
	Dead    bool
}

func (i *issuer) Token(context.Context, crm.GrantID) (vault.Access, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.access(false)
}

func (i *issuer) access(fresh bool) (vault.Access, error) {
	if i.Dead {
		return vault.Access{}, fault.New(fault.Reconnect, "dead")
	}
	if i.current == "" || fresh {
		t, err := i.sim.OAuth.IssueToken(adaAddress, world.DemoClientID, i.scopes)
		if err != nil {
			return vault.Access{}, fmt.Errorf("issuing: %w", err)
		}
		i.current = t
	}
	return vault.Access{Token: crm.NewSecret(i.current), Expiry: time.Now().Add(time.Hour), Scopes: i.scopes, Client: "env"}, nil
}

func (i *issuer) Renew(_ context.Context, _ crm.GrantID, refused crm.Secret) (vault.Access, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	fresh := refused.Reveal() == i.current
	if fresh {
		i.Renewed++
	}
	return i.access(fresh)
}

func connectionOf() crm.Connection {
	return crm.Connection{ID: "c", GrantID: "g", GoogleSub: "sub-ada", GoogleEmail: adaAddress}
}

func arrive(t *testing.T, p *place, subject string) control.Delivered {
	t.Helper()
	d, err := p.sim.Mail.Deliver(adaAddress, control.Message{From: "bo@harbour-freight.example", To: []string{adaAddress}, Subject: subject, Text: "Hello"})
	require.NoError(t, err)
	return d
}

func arriveFile(t *testing.T, p *place, name string, data []byte) control.Delivered {
	t.Helper()
	d, err := p.sim.Mail.Deliver(adaAddress, control.Message{From: "bo@harbour-freight.example", To: []string{adaAddress}, Subject: "A file", Text: "See the file.",
		Attachments: []control.Attachment{{Name: name, Type: "application/octet-stream", Data: base64.StdEncoding.EncodeToString(data)}}})
	require.NoError(t, err)
	return d
}

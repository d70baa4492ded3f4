package scenario

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	gmail "google.golang.org/api/gmail/v1"
	"google.golang.org/api/option"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
	"rapport/simulator"
	"rapport/simulator/world"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// domain of everybody here.
const domain = "northwind-lamps.example"

const callback = "http://localhost:8000/callback"

// clock is the one time of Google, the database and the product. It stands
// still but for those who wait, and they do not wait long: a pause moves it on.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(max(d, 0))
}

// After moves the clock on and then calls do.
func (c *clock) After(d time.Duration, do func()) {
	c.Move(d)
	go do()
}

// town is a simulated Google reached over HTTP and a database, with any number
// of mailboxes connected one after the other.
type town struct {
	t      testing.TB
	sim    *simulator.Simulator
	clock  *clock
	db     storetest.Database
	at     store.Options // of the database
	ground *store.Store  // of the tests themselves: never killed
	sealer *vault.Sealer
	wire   *http.Client // of the mailboxes' owners
	houses int
}

func newTown(t testing.TB, d storetest.Database) *town {
	t.Helper()
	c := &clock{now: time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)}
	sim, err := simulator.New(simulator.Options{Seed: 1, Now: c.Now, Quota: "none", Mail: simulator.MailAddresses{IMAP: "127.0.0.1:0"}})
	require.NoError(t, err)
	require.NoError(t, sim.Start("127.0.0.1:0"))
	t.Cleanup(func() { require.NoError(t, sim.Close()) })
	key, err := vault.NewKey()
	require.NoError(t, err)
	sealer, err := vault.NewSealer(key)
	require.NoError(t, err)
	at := storetest.Options(t, d, func(o *store.Options) { o.Now = c.Now; o.Readers = 4 })
	ground, err := store.Open(context.Background(), at)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ground.Close()) })
	own := &http.Transport{MaxIdleConnsPerHost: 4}
	t.Cleanup(own.CloseIdleConnections)
	return &town{t: t, sim: sim, clock: c, db: d, at: at, ground: ground, sealer: sealer,
		wire: &http.Client{Transport: own, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// house is one mailbox at Google, connected in a workspace of its own.
type house struct {
	*town
	t       testing.TB
	account string
	owners  access.Caller
	conn    crm.ConnectionID
	google  *gmail.Service // the mailbox in its owner's hands
	begun   int64          // the last fact before this house
	started bool           // the corridor has begun the streams
	lane    bool           // large imports read by IMAP, and every import is large
	quota   string         // preset that the product keeps to; "": as much as it likes
	page    int            // size of Google's lists, 0: as asked for
	common  bool           // processes draw from one quota, kept in the database

	processes []*process // all that were ever started
}

// newHouse makes a mailbox of n generated messages. It is not connected yet.
func (w *town) newHouse(t testing.TB, n int) *house {
	t.Helper()
	w.houses++
	ctx := context.Background()
	h := &house{town: w, t: t, account: fmt.Sprintf("house%d@%s", w.houses, domain)}
	account, err := w.sim.World.Accounts.Put(world.Account{Email: h.account, Name: "Ada Winter", Domain: domain, Kind: world.Member})
	require.NoError(t, err)
	require.NoError(t, w.sim.Mail.Create(account, n, int64(7)))
	h.google = h.hands()
	id := func() string {
		id, err := crm.NewID(w.clock.Now(), rand.Reader)
		require.NoError(t, err)
		return id
	}
	h.owners = access.Caller{Via: access.ViaSession, Workspace: crm.WorkspaceID(id()), UserID: crm.UserID(id()), Role: crm.RoleOwner}
	require.NoError(t, w.ground.SaveWorkspace(ctx, crm.Workspace{ID: h.owners.Workspace, Name: "Northwind Lamps", CreatedAt: w.clock.Now(),
		Approval: crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileFull}}))
	require.NoError(t, w.ground.AddMember(ctx, crm.Member{WorkspaceID: h.owners.Workspace, UserID: h.owners.UserID, Role: crm.RoleOwner, JoinedAt: w.clock.Now()},
		crm.User{ID: h.owners.UserID, Email: h.account, Name: "Ada Winter", CreatedAt: w.clock.Now()}))
	// All of a mailbox is to be there, mail among colleagues too.
	_, _, _, err = w.ground.ChangeMailPolicy(ctx, h.owners.Workspace, func(p *crm.MailPolicy) ([]access.Audit, error) {
		p.StoreInternal = true
		return nil, nil
	})
	require.NoError(t, err)
	h.begun, err = w.ground.LastFact(ctx)
	require.NoError(t, err)
	return h
}

// hands is Google's own client, with all rights.
func (h *house) hands() *gmail.Service {
	h.t.Helper()
	s, err := gmail.NewService(context.Background(), option.WithEndpoint(h.sim.URL()+"/"), option.WithHTTPClient(&http.Client{Transport: bearer{h}}))
	require.NoError(h.t, err)
	return s
}

// bearer signs the owner's requests with a fresh token whenever the old one may
// have ended.
type bearer struct{ *house }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := b.sim.OAuth.IssueToken(b.account, world.DemoClientID, []string{vault.ScopeMail})
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	// Faults are the product's lot, not its users'.
	faults := b.sim.Front.Faults.List()
	b.sim.Front.Faults.Clear()
	defer func() {
		for _, f := range faults {
			_, err := b.sim.Front.Faults.Add(f)
			require.NoError(b.t, err)
		}
	}()
	return b.wire.Transport.RoundTrip(r)
}

// connect walks through the consent with the vault of a process and puts the
// streams to work as the corridor does.
func (h *house) connect(p *process, settings ...func(*crm.ConnectionSettings)) {
	h.t.Helper()
	ctx := context.Background()
	wish := vault.Request{Connection: h.conn}
	if h.lane {
		wish.Services = []crm.Service{crm.ServiceGmail, crm.ServiceIMAP}
		settings = append(settings, func(s *crm.ConnectionSettings) { s.IMAPLane = true })
	}
	started, err := p.vault.Begin(ctx, h.owners, wish)
	require.NoError(h.t, err)
	out, err := p.vault.Complete(ctx, h.owners, h.walk(started.URL))
	require.NoError(h.t, err)
	if h.conn != "" {
		require.Equal(h.t, h.conn, out.Connection.ID)
	}
	h.conn = out.Connection.ID
	h.choose(settings...)
	h.started = false
}

// walk agrees to everything on Google's page.
func (h *house) walk(address string) vault.Callback {
	h.t.Helper()
	res, err := h.wire.PostForm(address, url.Values{"account": {h.account}, "decision": {"continue"}, "select_all": {"1"}})
	require.NoError(h.t, err)
	defer func() { require.NoError(h.t, res.Body.Close()) }()
	require.Equal(h.t, http.StatusSeeOther, res.StatusCode)
	to, err := res.Location()
	require.NoError(h.t, err)
	require.True(h.t, strings.HasPrefix(to.String(), callback), "%s", to)
	q := to.Query()
	return vault.Callback{State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error"), Issuer: q.Get("iss")}
}

// choose changes the settings of the connection.
func (h *house) choose(change ...func(*crm.ConnectionSettings)) {
	h.t.Helper()
	if len(change) == 0 {
		return
	}
	_, err := h.ground.Change(context.Background(), h.owners, h.conn, func(c *crm.Connection) error {
		for _, f := range change {
			f(&c.Settings)
		}
		return nil
	})
	require.NoError(h.t, err)
}

func (h *house) connection() crm.Connection {
	h.t.Helper()
	c, err := h.ground.ConnectionByID(context.Background(), h.conn)
	require.NoError(h.t, err)
	return c
}

// leave takes the mailbox out of the town's work, so that the next house has it
// to itself.
func (h *house) leave() {
	h.t.Helper()
	ctx := context.Background()
	h.sim.Front.Faults.Clear()
	for _, p := range h.processes {
		p.stop()
		p.client.CloseIdleConnections()
		require.NoError(h.t, p.store.Close())
	}
	if h.conn == "" {
		return
	}
	_, err := h.ground.Change(ctx, h.owners, h.conn, func(c *crm.Connection) error { c.GmailSync = false; return nil })
	require.NoError(h.t, err)
	for _, k := range kinds {
		require.NoError(h.t, h.ground.Cancel(ctx, k, string(h.conn)))
	}
	require.NoError(h.t, h.ground.Cancel(ctx, mail.KindPoll, ""))
}

// approved lets everybody connect.
type approved struct{}

func (approved) Approval(context.Context, crm.WorkspaceID) (crm.Approval, error) {
	return crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileFull}, nil
}

// demoClient is the OAuth client of the installation.
type demoClient struct{}

func (demoClient) Client(context.Context, crm.ClientID) (vault.Client, error) {
	return vault.Client{ID: "env", GoogleID: world.DemoClientID, Secret: crm.NewSecret(world.DemoClientSecret), RedirectURI: callback}, nil
}

func (c demoClient) Default(ctx context.Context, _ crm.WorkspaceID) (vault.Client, error) {
	return c.Client(ctx, "env")
}

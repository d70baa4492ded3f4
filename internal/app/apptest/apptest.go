// Package apptest starts the whole program on a fresh database, beside a
// simulated Google, for tests that use it as people and programs do: over HTTP.
package apptest

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app"
	"rapport/internal/config"
	"rapport/internal/store/storetest"
	"rapport/simulator"
	"rapport/simulator/world"
)

// Password of everybody in tests.
const Password = "correct horse battery"

// Key is an encryption key for tests.
const Key = "nKf5ZBAb1lbYxA9DMSWZtqvVfMcUSUg6rKVFMsIyDWk="

// Heartbeat of event streams in tests.
const Heartbeat = 500 * time.Millisecond

// People of tests, who have a mailbox each.
const (
	Mara  = "mara@northwind-lamps.example"
	Jonas = "jonas@northwind-lamps.example"
	Elena = "elena@bellafonte-alberghi.example"
)

// Setup changes how a World starts.
type Setup struct {
	Environ  []string // further settings
	Messages int      // in each mailbox; 0: 12
	Quota    string   // of the simulator; "": none
	IMAP     bool     // Google serves IMAP and SMTP too
	Log      io.Writer
	Beat     time.Duration                               // between signs of life on event streams; 0: Heartbeat
	Google   func(*simulator.Simulator) []string         // prepares Google; gives further settings
	Now      func(*simulator.Simulator) func() time.Time // nil: time.Now
}

// World is a running program with a simulated Google.
type World struct {
	T      testing.TB
	Sim    *simulator.Simulator
	App    *app.App
	Config *config.Config
	URL    string
	Home   string // id of the workspace, once SetUp
	stop   func()
	now    func() time.Time
	beat   time.Duration
	people sync.Map // e-mail addresses by the clients of people
}

// Start starts a simulator and the program on a fresh database; both stop when
// the test ends.
func Start(t testing.TB, d storetest.Database, changes ...func(*Setup)) *World {
	t.Helper()
	s := Setup{Messages: 12, Quota: "none", Log: io.Discard, Beat: Heartbeat}
	for _, change := range changes {
		change(&s)
	}
	w := &World{T: t, beat: s.Beat, Sim: Simulator(t, s.Messages, s.Quota, func(o *simulator.Options) {
		if s.IMAP {
			o.Mail = simulator.MailAddresses{IMAP: "127.0.0.1:0", SMTP: "127.0.0.1:0"}
		}
	})}
	database := storetest.Options(t, d).URL
	environ := append([]string{
		"SERVICE_PORT=0", "DATA_DIR=" + t.TempDir(), "ENCRYPTION_KEY=" + Key, "GOOGLE_BASE_URL=" + w.Sim.URL(), "GOOGLE_QUOTA=none",
		"GOOGLE_CLIENT_ID=" + world.DemoClientID, "GOOGLE_CLIENT_SECRET=" + world.DemoClientSecret, "PUBLIC_URL=",
	}, s.Environ...)
	if s.IMAP {
		environ = append(environ, w.mailServers()...)
	}
	if s.Google != nil {
		environ = append(environ, s.Google(w.Sim)...)
	}
	if s.Now != nil {
		w.now = s.Now(w.Sim)
	}
	if strings.HasPrefix(database, "postgres") {
		environ = append(environ, "DATABASE_URL="+database)
	} else {
		environ = append(environ, "DATABASE_PATH="+database)
	}
	var err error
	w.Config, err = config.Load(environ, "")
	require.NoError(t, err)
	w.serve(slog.New(slog.NewTextHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	return w
}

// mailServers are settings that lead to the simulated IMAP and SMTP.
func (w *World) mailServers() []string {
	w.T.Helper()
	pem, err := w.Sim.CertPEM()
	require.NoError(w.T, err)
	file := filepath.Join(w.T.TempDir(), "google-ca.pem")
	require.NoError(w.T, os.WriteFile(file, pem, 0o600))
	return []string{"GOOGLE_IMAP_ADDRESS=" + w.Sim.IMAPAddr(), "GOOGLE_SMTP_ADDRESS=" + w.Sim.SMTPAddr(), "MAIL_CA_FILE=" + file}
}

// Simulator starts a simulated Google with the people of tests.
func Simulator(t testing.TB, messages int, quota string, changes ...func(*simulator.Options)) *simulator.Simulator {
	t.Helper()
	o := simulator.Options{Seed: 1, Quota: quota, Accounts: []simulator.Account{
		{Email: Mara, Name: "Mara Lindqvist", Messages: messages, Seed: 1},
		{Email: Jonas, Name: "Jonas Okafor", Messages: messages, Seed: 2},
		{Email: Elena, Name: "Elena Marchetti", Kind: world.Outside, Messages: messages, Seed: 3},
	}}
	for _, change := range changes {
		change(&o)
	}
	sim, err := simulator.New(o)
	require.NoError(t, err)
	require.NoError(t, sim.Start("127.0.0.1:0"))
	t.Cleanup(func() { _ = sim.Close() })
	return sim
}

func (w *World) serve(log *slog.Logger) {
	w.T.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(w.Config.Port)))
	require.NoError(w.T, err)
	w.Config.Listening(l.Addr().(*net.TCPAddr).Port)
	w.URL = "http://" + l.Addr().String()
	w.App, err = app.Open(context.Background(), app.Options{Config: w.Config, Version: "test", Log: log, Heartbeat: w.beat, Now: w.now})
	require.NoError(w.T, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.App.Serve(ctx, l, app.Hooks{}) }()
	w.stop = func() {
		cancel()
		require.NoError(w.T, <-ended)
		require.NoError(w.T, w.App.Close())
		w.stop = func() {}
	}
	w.T.Cleanup(func() { w.stop() })
}

// Stop ends the program before the test does.
func (w *World) Stop() { w.stop() }

// Nobody is a client that is not signed in.
func (w *World) Nobody() *client.Client { return client.New(w.URL) }

// SetUp makes the first workspace with Mara as its owner and gives her client.
func (w *World) SetUp() *client.Client {
	w.T.Helper()
	me, err := w.Nobody().Setup(context.Background(), client.SetupRequest{WorkspaceName: "Northwind Lamps", Name: "Mara Lindqvist", Email: Mara, Password: Password})
	require.NoError(w.T, err)
	w.Home = me.Workspaces[0].ID
	return w.SignIn(Mara)
}

// SignIn gives the client of a person, with a bearer token.
func (w *World) SignIn(email string) *client.Client {
	w.T.Helper()
	c, err := w.Nobody().SignIn(context.Background(), email, Password)
	require.NoError(w.T, err)
	w.people.Store(c, email)
	return c
}

// browserOf gives a browser in which the person of a client is signed in; one in
// which nobody is for the client of a program.
func (w *World) browserOf(c *client.Client) *http.Client {
	w.T.Helper()
	if email, known := w.people.Load(c); known {
		_, h := w.Browser(email.(string))
		return h
	}
	jar, err := cookiejar.New(nil)
	require.NoError(w.T, err)
	return &http.Client{Jar: jar, Timeout: time.Minute}
}

// Browser gives the client of a person with a session, and its HTTP client.
func (w *World) Browser(email string) (*client.Client, *http.Client) {
	w.T.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(w.T, err)
	h := &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c := client.New(w.URL, client.WithHTTP(h))
	_, err = c.Login(context.Background(), email, Password)
	require.NoError(w.T, err)
	return c, h
}

// AddMember invites somebody and gives their client.
func (w *World) AddMember(owner *client.Client, email, role string) *client.Client {
	w.T.Helper()
	_, err := owner.Workspace(w.Home).AddMember(context.Background(), client.NewMember{Email: email, Role: role, Password: Password})
	require.NoError(w.T, err)
	return w.SignIn(email)
}

// Consent is what a person does on Google's consent page.
type Consent struct {
	Account string
	Scopes  []string // ticked; nil: all
	Deny    bool
}

// Answer fills the consent page and gives the address the browser is sent to.
func (w *World) Answer(page string, c Consent) string {
	w.T.Helper()
	form := url.Values{"account": {c.Account}, "decision": {"continue"}}
	switch {
	case c.Deny:
		form.Set("decision", "cancel")
	case c.Scopes == nil:
		form.Set("select_all", "1")
	default:
		form["scope"] = c.Scopes
	}
	return w.follow(http.DefaultClient, func(h *http.Client) (*http.Response, error) { return h.PostForm(page, form) })
}

// Follow opens an address as a browser and gives where it is sent, as a path of
// our pages.
func (w *World) Follow(h *http.Client, address string) string {
	w.T.Helper()
	return strings.TrimPrefix(w.follow(h, func(h *http.Client) (*http.Response, error) { return h.Get(w.own(address)) }), w.URL)
}

// own leads an address of ours to the name that the test uses, as cookies belong
// to names.
func (w *World) own(address string) string {
	w.T.Helper()
	u, err := url.Parse(address)
	require.NoError(w.T, err)
	own, err := url.Parse(w.URL)
	require.NoError(w.T, err)
	if u.Port() == own.Port() {
		u.Host = own.Host
	}
	return u.String()
}

func (w *World) follow(h *http.Client, ask func(*http.Client) (*http.Response, error)) string {
	w.T.Helper()
	still := *h
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := ask(&still)
	require.NoError(w.T, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(w.T, err)
	to, err := answer.Location()
	require.NoError(w.T, err, "%s %s", answer.Status, text)
	return to.String()
}

// Connect walks the whole consent for a client and gives the outcome (?google=).
// The browser is signed in when another account than the person's own is chosen.
func (w *World) Connect(c *client.Client, wish client.ConnectWish, consent Consent) string {
	w.T.Helper()
	if wish.Services == nil && wish.ConnectionID == "" {
		wish.Services = []string{"gmail"}
	}
	page, err := c.Workspace(w.Home).Connect(context.Background(), wish)
	require.NoError(w.T, err)
	browser := http.DefaultClient
	if email, known := w.people.Load(c); known && email != consent.Account {
		browser = w.browserOf(c)
	}
	back, err := url.Parse(w.Follow(browser, w.Answer(page, consent)))
	require.NoError(w.T, err)
	return back.Query().Get("google")
}

// Key makes an API key of a person and gives its client.
func (w *World) Key(c *client.Client, scopes ...string) *client.Client {
	w.T.Helper()
	made, err := c.Workspace(w.Home).CreateAPIKey(context.Background(), client.NewAPIKey{Name: "test", Scopes: scopes})
	require.NoError(w.T, err)
	return client.New(w.URL, client.WithToken(made.Key))
}

// Authorise lets the person behind an account allow a service of the token
// service for a subject: for a person's own id in their browser, else by a signed
// link of a client that may make it. It gives the page that ends it.
func (w *World) Authorise(c *client.Client, subject, service, account string) string {
	w.T.Helper()
	browser := w.browserOf(c)
	address := w.URL + "/oauth/authorize?" + url.Values{"userId": {subject}, "service": {service}, "workspace_id": {w.Home}}.Encode()
	if _, person := w.people.Load(c); !person {
		link, err := c.AuthorizeLink(context.Background(), client.AuthorizeLinkWish{UserID: subject, Service: service})
		require.NoError(w.T, err)
		address = link.URL
	}
	back := w.Answer(w.Follow(browser, address), Consent{Account: account})
	page, err := browser.Get(w.own(back))
	require.NoError(w.T, err)
	defer func() { _ = page.Body.Close() }()
	text, err := io.ReadAll(page.Body)
	require.NoError(w.T, err)
	require.Equal(w.T, http.StatusOK, page.StatusCode, "%s", text)
	return string(text)
}

// Imported waits until the back-fill of the caller's mailbox is through.
func (w *World) Imported(c *client.Client) client.Status {
	w.T.Helper()
	return w.Until(c, "the import to end", func(s client.Status) bool {
		for _, x := range s.Streams {
			if x.Stream == "gmail.backfill" && x.State == "done" {
				return true
			}
		}
		return false
	})
}

// Until waits for a state of the caller's connection: at each live event, and
// now and then.
func (w *World) Until(c *client.Client, what string, is func(client.Status) bool) client.Status {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	happened := make(chan struct{}, 1)
	ring := func(client.Happening) error {
		select {
		case happened <- struct{}{}:
		default:
		}
		return nil
	}
	go func() { _ = c.Workspace(w.Home).Events(ctx, ring) }() // ends with ctx
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for {
		s, err := c.Workspace(w.Home).Status(ctx, "")
		require.NoError(w.T, err, "waiting for %s", what)
		if is(s) {
			return s
		}
		select {
		case <-ctx.Done():
			require.FailNow(w.T, "waited too long for "+what, "%+v", s)
		case <-happened:
		case <-look.C:
		}
	}
}

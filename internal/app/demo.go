package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/simulator"
	"rapport/simulator/data"
	"rapport/simulator/world"
)

// DemoSeed makes every demonstration start in the same invented world.
const DemoSeed = 7

// World chooses the simulated Google.
type World struct {
	Seed  int64
	Quota string    // 2026, legacy or none
	Empty bool      // without the demonstration's accounts
	Until time.Time // the newest generated message is from about then; zero: now
	Mail  simulator.MailAddresses
}

// StartSimulator starts a simulated Google at an address.
func StartSimulator(address string, w World) (*simulator.Simulator, error) {
	o := simulator.Options{Seed: w.Seed, Quota: w.Quota, Until: w.Until, Mail: w.Mail}
	if !w.Empty {
		o.Accounts = demoAccounts()
	}
	s, err := simulator.New(o)
	if err != nil {
		return nil, fmt.Errorf("making the simulated Google: %w", err)
	}
	if err := s.Start(address); err != nil {
		_ = s.Close()
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, trouble(WithPort, nil, "%s is taken by another program; stop it or choose another port for the simulator", takenBy(err, address))
		}
		return nil, trouble(WithPort, nil, "%s cannot be listened on: %s", address, networkError(err))
	}
	return s, nil
}

// takenBy is the address that could not be listened on: the simulator has several.
func takenBy(err error, address string) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Addr != nil {
		return op.Addr.String()
	}
	return address
}

// mailCertificate is the file in the data folder with the certificate of the
// simulated mail servers.
const mailCertificate = "sim-mail.pem"

// demoMail has the program find IMAP and SMTP at the simulator.
func demoMail(c *config.Config, s *simulator.Simulator) error {
	text, err := s.CertPEM()
	if err != nil {
		return fmt.Errorf("certificate of the simulated mail servers: %w", err)
	}
	path := filepath.Join(c.DataDir, mailCertificate)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return trouble(WithDisk, plain(err), "%s cannot be written", path)
	}
	c.GoogleIMAP, c.GoogleSMTP, c.MailCAFile = s.IMAPAddr(), s.SMTPAddr(), path
	return nil
}

// worldFile keeps in the data folder which world a demonstration began in: the
// ids of generated messages depend on it.
const worldFile = "sim.json"

type keptWorld struct {
	Seed  int64     `json:"seed"`
	Until time.Time `json:"until"`
}

// demoWorld is the world that the demonstration in a folder began in; a new one
// begins now.
func demoWorld(dir string, now func() time.Time) (World, error) {
	path := filepath.Join(dir, worldFile)
	text, err := os.ReadFile(path)
	if err == nil {
		var k keptWorld
		if err := json.Unmarshal(text, &k); err != nil || k.Until.IsZero() {
			return World{}, trouble(WithConfiguration, nil, "%s does not say which simulated mailboxes these are: remove it to begin with new ones", path)
		}
		return World{Seed: k.Seed, Until: k.Until}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return World{}, trouble(WithDisk, plain(err), "%s cannot be read", path)
	}
	k := keptWorld{Seed: DemoSeed, Until: now().UTC().Truncate(time.Second)}
	if text, err = json.Marshal(k); err != nil {
		return World{}, fmt.Errorf("keeping the simulated world: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return World{}, trouble(WithDisk, plain(err), "%s cannot be written", path)
	}
	return World{Seed: k.Seed, Until: k.Until}, nil
}

func demoAccounts() []simulator.Account {
	var out []simulator.Account
	for _, seat := range data.Demo() {
		kind := world.Member
		if seat.Outside {
			kind = world.Outside
		}
		out = append(out, simulator.Account{Email: seat.Email, Name: seat.Name, Domain: seat.Domain, Kind: kind, Admin: seat.Admin, Messages: seat.Messages, Seed: seat.Seed})
	}
	return out
}

// DemoLogin is how a person of the demonstration signs in.
type DemoLogin struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// DemoReady says where the demonstration is. The field names are fixed: other
// people's scripts read them.
type DemoReady struct {
	URL         string    `json:"url"`
	SimURL      string    `json:"sim_url"`
	SimIMAP     string    `json:"sim_imap"` // host and port, in place of imap.gmail.com:993
	SimSMTP     string    `json:"sim_smtp"` // in place of smtp.gmail.com:465
	WorkspaceID string    `json:"workspace_id"`
	Owner       DemoLogin `json:"owner"`
	Member      DemoLogin `json:"member"`
	APIKey      string    `json:"api_key"`
}

// demoPassword opens sample data on loopback only.
const demoPassword = "lamps-and-lanterns"

// DemoSettings are those of a demonstration: of the environment only what is
// about seeing it run, PostgreSQL and receivers of webhooks on one's own machine
// counts.
func DemoSettings(environ []string, port int, dir string) (*config.Config, error) {
	kept := []string{
		"SERVICE_PORT=" + strconv.Itoa(port), "DATA_DIR=" + dir,
		"GOOGLE_CLIENT_ID=" + world.DemoClientID, "GOOGLE_CLIENT_SECRET=" + world.DemoClientSecret,
		"SIGN_IN_DOMAINS=" + data.HomeDomain, "LOG_LEVEL=warn",
	}
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		switch name {
		case "LOG_LEVEL", "LOG_FORMAT", "PPROF_ADDRESS", "DATABASE_URL", "WORKERS", "OUTBOUND_ALLOW_PRIVATE", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT":
			kept = append(kept, entry)
		}
	}
	return config.Load(kept, "")
}

// DemoOptions of Demo.
type DemoOptions struct {
	Options
	SimPort int
	Ready   func(DemoReady) error // called once, when everything listens
}

// Demo runs the program and the simulator in one process until ctx ends.
func Demo(ctx context.Context, o DemoOptions) error {
	l, err := Listen(o.Config)
	if err != nil {
		return err
	}
	release, err := Hold(o.Config)
	if err != nil {
		_ = l.Close()
		return err
	}
	defer release()
	w, err := demoWorld(o.Config.DataDir, time.Now)
	if err != nil {
		_ = l.Close()
		return err
	}
	w.Mail = simulator.MailAddresses{IMAP: "127.0.0.1:0", SMTP: "127.0.0.1:0"}
	s, err := StartSimulator(net.JoinHostPort("127.0.0.1", strconv.Itoa(o.SimPort)), w)
	if err != nil {
		_ = l.Close()
		return err
	}
	defer func() { _ = s.Close() }()
	o.Config.GoogleBaseURL = s.URL()
	if err := demoMail(o.Config, s); err != nil {
		_ = l.Close()
		return err
	}
	a, err := Open(ctx, o.Options)
	if err != nil {
		_ = l.Close()
		return err
	}
	defer func() { _ = a.Close() }()
	ready := DemoReady{URL: o.Config.PublicURL, SimURL: s.URL(), SimIMAP: s.IMAPAddr(), SimSMTP: s.SMTPAddr()}
	return a.Serve(ctx, l, Hooks{Listening: func(ctx context.Context) error {
		if err := a.furnish(ctx, &ready); err != nil {
			return fmt.Errorf("preparing the demonstration: %w", err)
		}
		return o.Ready(ready)
	}})
}

// furnish makes what is not there yet: workspace, people, key, connection.
func (a *App) furnish(ctx context.Context, ready *DemoReady) error {
	seats := data.Demo()
	ready.Owner = DemoLogin{seats[0].Email, demoPassword}
	ready.Member = DemoLogin{seats[1].Email, demoPassword}
	w, err := a.demoPeople(ctx, seats)
	if err != nil {
		return err
	}
	ready.WorkspaceID = string(w)
	owner, err := a.Store.UserByEmail(ctx, ready.Owner.Email)
	if err != nil {
		return err
	}
	c, err := a.Org.Enter(ctx, access.Caller{Via: access.ViaSystem, UserID: owner.ID, Remote: "demo"}, w)
	if err != nil {
		return err
	}
	_, key, err := a.Org.CreateAPIKey(ctx, c, org.KeyWish{Name: "demo", Scopes: []string{"*"}, Idempotency: "demo"})
	if err != nil {
		return err
	}
	ready.APIKey = key.Reveal()
	if err := a.demoRecords(ctx, c); err != nil {
		return err
	}
	return a.demoConnection(ctx, ready)
}

func (a *App) demoPeople(ctx context.Context, seats []data.Seat) (crm.WorkspaceID, error) {
	password := crm.NewSecret(demoPassword)
	_, err := a.Org.Setup(ctx, org.FirstOwner{Workspace: "Northwind Lamps", Name: seats[0].Name, Email: seats[0].Email, Password: password, Remote: "demo"})
	if err != nil && !fault.Is(err, fault.Conflict) {
		return "", err
	}
	w, err := a.Store.Only(ctx)
	if err != nil {
		return "", err
	}
	_, err = a.Org.AddMember(ctx, access.System(w.ID), org.NewMember{Email: seats[1].Email, Name: seats[1].Name, Role: crm.RoleMember, Password: password, Again: true})
	return w.ID, err
}

// demoConnection connects the owner's Google account as a browser would: our
// API for the address, the consent page of the simulator, our callback.
func (a *App) demoConnection(ctx context.Context, ready *DemoReady) error {
	us := client.New(ready.URL, client.WithToken(ready.APIKey), client.WithHTTP(&http.Client{Timeout: 30 * time.Second})).Workspace(ready.WorkspaceID)
	status, err := us.Status(ctx, "")
	if err != nil {
		return err
	}
	wish := client.ConnectWish{Services: []string{"gmail"}}
	switch status.Status {
	case "active", "degraded", "paused":
		return nil
	case "needs_reauth", "disconnected":
		wish.ConnectionID = status.ConnectionID
	}
	page, err := us.Connect(ctx, wish)
	if err != nil {
		return err
	}
	callback, err := agree(ctx, page, ready.Owner.Email)
	if err != nil {
		return fmt.Errorf("consenting: %w", err)
	}
	back, err := sentTo(ctx, http.MethodGet, callback, nil)
	if err != nil {
		return fmt.Errorf("coming back from the consent: %w", err)
	}
	if !strings.Contains(back, "google=connected") {
		return fmt.Errorf("the consent ended at %s", back)
	}
	return nil
}

package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/google"
	"rapport/internal/mail"
	"rapport/internal/org"
	"rapport/internal/store"
	"rapport/internal/vault"
)

// App is the whole program, built and not yet started.
type App struct {
	Config *config.Config
	Store  *store.Store
	Org    *org.Service
	Vault  *vault.Service
	Mail   *mail.Service

	KeyMade bool // this start made the encryption key

	// Patience is how long SyncNow and VerifyNow wait while nothing moves; 0: for ever.
	Patience time.Duration

	version string
	holder  string // names this process in leases
	log     *slog.Logger
	now     func() time.Time
	live    *live
	table   []corridor
	clients clients
	proxy   *google.Proxy
	// verifier knows Google's signature under security events.
	verifier vault.Verifier
	doctor   *examiner
	metrics  *prometheus.Registry
	meters   *meters
	closing  chan struct{}
	beat     time.Duration
	grace    time.Duration                 // for steps of jobs when stopping; 0: the runner's own
	stopped  []func(context.Context) error // in reverse order, at the end
}

// Options of Open.
type Options struct {
	Config  *config.Config
	Version string
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
	// Heartbeat is the time between signs of life on event streams; 0: 15 s.
	Heartbeat time.Duration
	// MustExist refuses to make a new installation.
	MustExist bool
}

// Open builds the program: data folder, key, database with its migrations,
// rooms and doors. Errors an operator can do something about are *Trouble.
func Open(ctx context.Context, o Options) (*App, error) {
	clock := o.Now
	if clock == nil {
		clock = time.Now
	}
	// As exact as both databases keep it: what is read back is what was written.
	now := func() time.Time { return clock().UTC().Truncate(time.Microsecond) }
	a := &App{Config: o.Config, version: o.Version, log: o.Log, now: now, live: newLive(), metrics: prometheus.NewRegistry(), closing: make(chan struct{}), beat: o.Heartbeat}
	if a.beat == 0 {
		a.beat = heartbeat
	}
	host, _ := os.Hostname() // a name is for people: none is no trouble
	a.holder = fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:8])
	if o.MustExist {
		if err := installed(a.Config); err != nil {
			return nil, err
		}
	}
	if err := prepareData(a.Config); err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		if a.Store != nil {
			_ = a.Store.Close()
		}
		return nil, err
	}
	return a, nil
}

// open reads the keys, opens the database and builds the rest. Keys are read
// first, since a broken one is no reason to migrate; the first key is made last,
// since only the database tells whether it is the first.
func (a *App) open(ctx context.Context) error {
	keys, err := loadKeys(a.Config)
	if err != nil {
		return err
	}
	var sealer *vault.Sealer
	if !keys.IsZero() {
		if sealer, err = a.sealer(keys); err != nil {
			return err
		}
	}
	if err := a.openStore(ctx); err != nil {
		return err
	}
	if sealer == nil {
		if keys, err = a.firstKey(ctx); err != nil {
			return err
		}
		if sealer, err = a.sealer(keys); err != nil {
			return err
		}
	}
	return a.build(ctx, sealer, keys)
}

func (a *App) sealer(keys crm.Secret) (*vault.Sealer, error) {
	s, err := vault.NewSealer(keys)
	if err != nil {
		return nil, trouble(WithKey, err, "the encryption key in %s cannot be used", a.Config.KeyFile())
	}
	return s, nil
}

func (a *App) openStore(ctx context.Context) error {
	if err := privateDatabase(a.Config); err != nil {
		return err
	}
	where := a.Config.DatabasePath
	if !a.Config.DatabaseURL.IsZero() {
		where = a.Config.DatabaseURL.Reveal()
	}
	s, err := store.Open(ctx, store.Options{URL: where, Now: a.now, Logger: a.log})
	if err != nil {
		return storageTrouble(a.Config, err)
	}
	a.Store = s
	return closeRights(a.Config)
}

// storageTrouble says which database it was, without its password, and what
// the store made of the error.
func storageTrouble(c *config.Config, err error) error {
	name := "DATABASE_PATH " + c.DatabasePath
	if !c.DatabaseURL.IsZero() {
		name = "DATABASE_URL"
	}
	with := diskOr(err, WithDatabase)
	var f *fault.Error
	if !errors.As(err, &f) || f.Text == "" {
		return trouble(with, err, "%s cannot be opened", name)
	}
	if f.Code == "storage_full" {
		with = WithDisk
	}
	return &Trouble{With: with, Text: name + ": " + f.Text}
}

// build makes rooms and doors and joins them.
func (a *App) build(ctx context.Context, sealer *vault.Sealer, keys crm.Secret) error {
	stopTraces, err := startTracing(ctx, a.Config, a.version)
	if err != nil {
		return trouble(WithConfiguration, err, "OTEL_EXPORTER_OTLP_ENDPOINT")
	}
	a.stopped = append(a.stopped, stopTraces)
	signing, err := signingKeys(keys)
	if err != nil {
		return err
	}
	a.meters = newMeters(a.metrics, a.version)
	a.metrics.MustRegister(newGauges(a.Store.DB(), a.now, func(err error) { a.log.Warn("reading numbers for the metrics", "error", err) }))
	a.Org = &org.Service{
		Store: a.Store, Trail: a.Store, Now: a.now, Random: rand.Reader, Sealer: sealer, SigningKeys: signing,
		TokenLife: a.Config.TokenLife, SessionLife: a.Config.SessionLife, SignInDomains: a.Config.SignInDomains,
		Offered: vault.Services, AnyClientID: a.Config.GoogleBaseURL != "",
	}
	endpoints := google.From(a.Config.Endpoints())
	client := google.NewHTTPClient(tracedTransport(a.Config.Tracing()))
	links, err := linkKeys(keys)
	if err != nil {
		return err
	}
	oauth := google.NewOAuth(endpoints, client, a.now)
	a.verifier = oauth
	a.clients = clients{config: a.Config, rows: a.Store, sealer: sealer}
	a.Vault = &vault.Service{
		Provider: a.meters.provider(oauth), Clients: a.clients, Consents: a.Store, Grants: a.Store, Connections: a.Store,
		TokenGrants: a.Store, Leases: a.Store, Upkeep: a.Store,
		Approvals: a.Org, Trail: a.Store, Sealer: sealer, Now: a.now, Random: rand.Reader, Ahead: a.Config.RefreshAhead, Log: a.log,
		PublicURL: a.Config.PublicURL, LinkKeys: links, AllowedOrigins: a.Config.AllowedOrigins, Extra: a.Config.ExtraServices(), Open: a.Config.BrokerOpen,
	}
	limiter := google.NewLimiter(quota(a.Config.GoogleQuota), google.LimiterOptions{Now: a.now, Shared: a.sharedQuota(), Failed: func(key string, err error) {
		a.log.Warn("the shared quota cannot be reached; going on with a quota of our own", "error", err)
	}})
	boxes, err := google.NewGmail(google.GmailOptions{
		Endpoints: endpoints, Client: client, Tokens: a.Vault, Limiter: limiter, Now: a.now,
		UserAgent: "Rapport/" + a.version, OnUsage: a.meters.usage,
	})
	if err != nil {
		return err
	}
	a.Mail = &mail.Service{
		Mailboxes: boxes, Streams: a.Store, Runs: a.Store, Ledger: a.Store, Emails: a.Store, Connections: a.Store, Queue: a.Store,
		Now: a.now, Random: rand.Reader, Log: a.log, Budget: stepBudget,
	}
	directory, err := google.NewDirectory(google.DirectoryOptions{
		Endpoints: endpoints, Client: client, Tokens: a.Vault, Now: a.now, UserAgent: "Rapport/" + a.version, OnUsage: a.meters.usage,
	})
	if err != nil {
		return err
	}
	a.Org.Directory = directory
	a.proxy = google.NewProxy(google.ProxyOptions{Endpoints: endpoints, Wrap: tracedTransport(a.Config.Tracing()), Failed: func(service crm.Service, err error) {
		a.log.Warn("a call through a lease did not reach Google", "service", service, "error", err)
	}})
	a.doctor = &examiner{app: a}
	a.table = a.corridors()
	return nil
}

// stepBudget is how long a step goes on before others get their turn.
const stepBudget = 2 * time.Second

// sharedQuota is the bucket that several processes draw from; one process on
// SQLite keeps its own.
func (a *App) sharedQuota() google.Shared {
	if a.Config.DatabaseURL.IsZero() {
		return nil
	}
	return a.Store
}

// quota of the settings; "none" is for servers that have none.
func quota(name string) google.Quota {
	q, known := google.Quotas(name)
	if !known {
		q, _ = google.Quotas("2026")
		q.Name, q.PerUser, q.PerProject = "none", 1<<40, 1<<40
	}
	return q
}

// Close gives everything back. Serve has ended by then, or was never called.
func (a *App) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for i := len(a.stopped) - 1; i >= 0; i-- {
		if err := a.stopped[i](ctx); err != nil {
			a.log.Warn("stopping", "error", err)
		}
	}
	return a.Store.Close()
}

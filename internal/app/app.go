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
	"rapport/internal/enrich"
	"rapport/internal/fault"
	"rapport/internal/google"
	"rapport/internal/mail"
	"rapport/internal/mail/accounts"
	"rapport/internal/mail/export"
	"rapport/internal/mail/outbox"
	"rapport/internal/mail/push"
	"rapport/internal/org"
	"rapport/internal/records"
	"rapport/internal/records/linking"
	"rapport/internal/records/merging"
	"rapport/internal/store"
	"rapport/internal/vault"
	"rapport/internal/webhooks"
)

// App is the whole program, built and not yet started.
type App struct {
	Config   *config.Config
	Store    *store.Store
	Org      *org.Service
	Vault    *vault.Service
	Mail     *mail.Service
	Export   *export.Service
	Outbox   *outbox.Service
	Push     *push.Service
	Accounts *accounts.Service
	Webhooks *webhooks.Service
	Records  *records.Service
	Linking  *linking.Service
	Merging  *merging.Service
	Enrich   *enrich.Service

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
	// AsItIs changes nothing: no folder, key or migration.
	AsItIs bool
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
	if !o.AsItIs {
		if err := prepareData(a.Config); err != nil {
			return nil, err
		}
	}
	if err := a.open(ctx, o.AsItIs); err != nil {
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
func (a *App) open(ctx context.Context, asItIs bool) error {
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
	if err := a.openStore(ctx, asItIs); err != nil {
		return err
	}
	if sealer == nil && asItIs {
		return trouble(WithKey, nil, "there is no key: neither ENCRYPTION_KEY nor the file %s", a.Config.KeyFile())
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

func (a *App) openStore(ctx context.Context, asItIs bool) error {
	if !asItIs {
		if err := privateDatabase(a.Config); err != nil {
			return err
		}
	}
	where := a.Config.DatabasePath
	if !a.Config.DatabaseURL.IsZero() {
		where = a.Config.DatabaseURL.Reveal()
	}
	s, err := store.Open(ctx, store.Options{URL: where, Now: a.now, Logger: a.log, AsItIs: asItIs})
	if err != nil {
		return storageTrouble(a.Config, err)
	}
	a.Store = s
	if asItIs {
		return nil
	}
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

package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"

	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/httpapi"
	"rapport/internal/runner/local"
	"rapport/internal/vault"
	"rapport/internal/work"
	"rapport/web"
)

const (
	heartbeat    = 15 * time.Second
	stopPatience = 10 * time.Second // for requests under way when the program stops
)

// Listen takes the port of the settings.
func Listen(c *config.Config) (net.Listener, error) {
	address := net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, trouble(WithPort, nil, "SERVICE_PORT: %s is taken by another program; stop it or choose another port", address)
	case errors.Is(err, os.ErrPermission):
		return nil, trouble(WithPort, nil, "SERVICE_PORT: %s may not be used by this user; choose a port above 1023", address)
	case err != nil:
		return nil, trouble(WithPort, nil, "SERVICE_HOST: %s cannot be listened on: %s", address, networkError(err))
	}
	c.Listening(l.Addr().(*net.TCPAddr).Port)
	return l, nil
}

func networkError(err error) string {
	var o *net.OpError
	if errors.As(err, &o) {
		return o.Err.Error()
	}
	return err.Error()
}

// Hooks let others take part in serving. All are optional.
type Hooks struct {
	// Listening is called when requests are answered, before background work begins.
	Listening func(ctx context.Context) error
}

// Serve answers requests and does the background work until ctx ends, then
// stops: new requests are refused, those under way and steps of work get some
// time, leases are given back.
func (a *App) Serve(ctx context.Context, l net.Listener, hooks Hooks) error {
	handler, err := a.handler()
	if err != nil {
		_ = l.Close()
		return err
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 90 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	var busy sync.WaitGroup
	err = a.startWork(ctx, work, &busy, hooks)
	if err == nil {
		// Building the API and its schemas leaves as much garbage as it leaves in use, and
		// the collector would keep that room for itself: an idle program stays small without it.
		debug.FreeOSMemory()
		select {
		case <-ctx.Done():
		case err = <-served:
		}
	}
	a.shutDown(ctx, server)
	stop()
	busy.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// startWork starts what runs beside requests.
func (a *App) startWork(ctx, work context.Context, busy *sync.WaitGroup, hooks Hooks) error {
	busy.Go(func() { a.tail(work) })
	if a.Config.PprofAddress != "" {
		if err := a.startPprof(work, busy); err != nil {
			return err
		}
	}
	if hooks.Listening != nil {
		if err := hooks.Listening(ctx); err != nil {
			return err
		}
	}
	if a.Config.WithoutSync {
		return nil
	}
	return a.StartSync(work, busy)
}

// StartSync starts the background work: facts and their consequences, jobs, and
// keeping house. It ends with ctx; busy waits for its end.
func (a *App) StartSync(ctx context.Context, busy *sync.WaitGroup) error {
	var schedule []work.Job
	var definitions []work.Definition
	for _, r := range a.rooms() {
		schedule, definitions = append(schedule, r.schedule...), append(definitions, r.definitions...)
		if r.run != nil {
			busy.Go(func() { r.run(ctx) })
		}
	}
	if err := a.Store.Enqueue(ctx, schedule...); err != nil {
		return err
	}
	runner := &local.Runner{
		Rows: a.Store, Holder: a.holder, Definitions: definitions, Parallel: a.Config.Workers, Now: a.now, Log: a.log, Ended: a.meters.ended, Lease: jobLease, Grace: a.grace,
	}
	busy.Go(func() {
		if err := runner.Run(ctx); err != nil {
			a.log.Error("background work", "error", err)
		}
	})
	busy.Go(func() { a.walkCorridors(ctx) })
	busy.Go(func() { a.Store.KeepIndexed(ctx) })
	busy.Go(func() { a.keepHouse(ctx) })
	busy.Go(func() { a.reopen(ctx) })
	return nil
}

// jobLease is how long the jobs of a process that died are waited for.
const jobLease = 15 * time.Second

// reopen tries grants that no key opened: the key may be back since this start.
func (a *App) reopen(ctx context.Context) {
	after := crm.GrantID("")
	for {
		page, err := a.Store.ResealPage(ctx, after, 100)
		if err != nil && ctx.Err() == nil {
			a.log.Warn("looking for grants that could not be opened", "error", err)
		}
		if err != nil || len(page) == 0 {
			return
		}
		for _, g := range page {
			after = g.ID
			if g.Status != vault.GrantSealed {
				continue
			}
			if _, err := a.Vault.Token(ctx, g.ID); err == nil {
				a.log.Info("the key of a grant is back; its connection goes on", "grant", g.ID)
			}
		}
	}
}

// factsKept is how long facts stay in the outbox after everybody has read them.
const factsKept = 7 * 24 * time.Hour

// keepHouse drops what nobody needs any more, once an hour.
func (a *App) keepHouse(ctx context.Context) {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	for {
		if _, err := a.Store.PurgeFacts(ctx, a.now().Add(-factsKept)); err != nil && ctx.Err() == nil {
			a.log.Warn("dropping old facts", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-hourly.C:
		}
	}
}

// shutDown ends event streams, lets requests finish, and cuts what is left.
func (a *App) shutDown(ctx context.Context, server *http.Server) {
	close(a.closing)
	a.live.close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		a.log.Warn("requests under way were cut", "error", err)
		_ = server.Close()
	}
}

// handler is the HTTP door with everything it needs.
func (a *App) handler() (http.Handler, error) {
	proxies, err := prefixes(a.Config.TrustedProxies)
	if err != nil {
		return nil, err
	}
	door := &httpapi.Server{
		Org: a.Org, Vault: a.Vault, Mail: a.Mail, Export: a.Export, Outbox: a.Outbox, Push: a.Push, Accounts: a.Accounts, Webhooks: a.Webhooks, Records: a.Records, Linking: a.Linking, Merging: a.Merging, Enrich: a.Enrich, Connections: a.Store, Facts: a.live, Queue: a.Store, Once: a.Store, Now: a.now, Log: a.log,
		Doctor: a.doctor, Proxy: a.proxy, SecurityEvents: securityEvents{a}, Trace: tracedHandler(a.Config.Tracing()),
		PublicURL: a.Config.PublicURL, RedirectURI: a.Config.GoogleRedirectURI, GoogleSignIn: a.googleSignIn, Version: a.version,
		Heartbeat: a.beat, Closing: a.closing, Pages: web.Files(), AllowedOrigins: a.Config.AllowedOrigins, TrustedProxies: proxies,
		Metrics: a.metrics, MetricsToken: a.Config.MetricsToken,
		Checks: []httpapi.Check{{Name: "database", Run: a.Store.Ping}, {Name: "migrations", Run: a.migrated}, {Name: "key", Run: a.keyWorks}},
	}
	return door.Handler()
}

// prefixes reads addresses and networks.
func prefixes(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range list {
		if ip, err := netip.ParseAddr(text); err == nil {
			out = append(out, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, trouble(WithConfiguration, err, "TRUSTED_PROXIES")
		}
		out = append(out, p)
	}
	return out, nil
}

// startPprof serves Go's profiler on its own, private port.
func (a *App) startPprof(ctx context.Context, busy *sync.WaitGroup) error {
	l, err := net.Listen("tcp", a.Config.PprofAddress)
	if err != nil {
		return trouble(WithPort, nil, "PPROF_ADDRESS: %s cannot be listened on: %s", a.Config.PprofAddress, networkError(err))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	busy.Go(func() { _ = server.Serve(l) })
	busy.Go(func() { <-ctx.Done(); _ = server.Close() })
	return nil
}

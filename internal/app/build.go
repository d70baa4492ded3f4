package app

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"time"

	"rapport/internal/crm"
	"rapport/internal/google"
	"rapport/internal/mail"
	"rapport/internal/mail/export"
	"rapport/internal/org"
	"rapport/internal/vault"
	"rapport/internal/work"
)

// build makes rooms and doors and joins them.
func (a *App) build(ctx context.Context, sealer *vault.Sealer, keys crm.Secret) error {
	stopTraces, err := startTracing(ctx, a.Config, a.version)
	if err != nil {
		return trouble(WithConfiguration, err, "OTEL_EXPORTER_OTLP_ENDPOINT")
	}
	a.stopped = append(a.stopped, stopTraces)
	a.meters = newMeters(a.metrics, a.version)
	a.metrics.MustRegister(newGauges(a.Store.DB(), a.now, func(err error) { a.log.Warn("reading numbers for the metrics", "error", err) }))
	if err := a.buildOrg(sealer, keys); err != nil {
		return err
	}
	endpoints := google.From(a.Config.Endpoints())
	client := google.NewHTTPClient(tracedTransport(a.Config.Tracing()))
	if err := a.buildVault(sealer, keys, endpoints, client); err != nil {
		return err
	}
	d := doors{endpoints: endpoints, client: client, limiter: a.limiter(), sealer: sealer, keys: keys}
	for _, build := range []func(doors) error{a.buildMail, a.buildOutbox, a.buildPush, a.buildAccounts, a.buildWebhooks,
		a.buildRecords, a.buildLinking, a.buildMerging, a.buildEnrich} {
		if err := build(d); err != nil {
			return err
		}
	}
	a.Org.Directory, err = google.NewDirectory(google.DirectoryOptions{
		Endpoints: endpoints, Client: client, Tokens: a.Vault, Now: a.now, UserAgent: a.agent(), OnUsage: a.meters.usage,
	})
	if err != nil {
		return err
	}
	a.proxy = google.NewProxy(google.ProxyOptions{Endpoints: endpoints, Wrap: tracedTransport(a.Config.Tracing()), Failed: func(service crm.Service, err error) {
		a.log.Warn("a call through a lease did not reach Google", "service", service, "error", err)
	}})
	a.doctor = &examiner{app: a}
	a.table = slices.Concat(a.corridors(), a.outboxCorridors(), a.pushCorridors(), a.accountsCorridors(), a.webhooksCorridors(),
		a.recordsCorridors(), a.linkingCorridors(), a.enrichCorridors(), a.mergingCorridors())
	return nil
}

// agent is how we name ourselves to Google.
func (a *App) agent() string { return "Rapport/" + a.version }

func (a *App) buildOrg(sealer *vault.Sealer, keys crm.Secret) error {
	signing, err := signingKeys(keys)
	if err != nil {
		return err
	}
	a.Org = &org.Service{
		Store: a.Store, Trail: a.Store, Now: a.now, Random: rand.Reader, Sealer: sealer, SigningKeys: signing,
		TokenLife: a.Config.TokenLife, SessionLife: a.Config.SessionLife, SignInDomains: a.Config.SignInDomains,
		AuditKept: a.Config.AuditKept, Offered: vault.Services, AnyClientID: a.Config.GoogleBaseURL != "",
	}
	return nil
}

func (a *App) buildVault(sealer *vault.Sealer, keys crm.Secret, endpoints google.Endpoints, client *http.Client) error {
	links, err := linkKeys(keys)
	if err != nil {
		return err
	}
	oauth := google.NewOAuth(endpoints, client, a.now)
	a.verifier = oauth
	a.clients = clients{config: a.Config, rows: a.Store, sealer: sealer}
	a.Vault = &vault.Service{
		Provider: a.meters.provider(oauth), Clients: a.clients, Consents: a.Store, Grants: a.Store, Connections: a.Store,
		TokenGrants: a.Store, Leases: a.Store, People: a.Store, Upkeep: a.Store,
		Approvals: a.Org, Trail: a.meters.trail(a.Store), Sealer: sealer, Now: a.now, Random: rand.Reader, Ahead: a.Config.RefreshAhead, Log: a.log,
		PublicURL: a.Config.PublicURL, LinkKeys: links, AllowedOrigins: a.Config.AllowedOrigins, Extra: a.Config.ExtraServices(), Open: a.Config.BrokerOpen,
	}
	return nil
}

// doors is what rooms are joined with.
type doors struct {
	endpoints google.Endpoints
	client    *http.Client
	limiter   *google.Limiter
	sealer    *vault.Sealer
	keys      crm.Secret
}

// background is what a room does without being asked.
type background struct {
	schedule    []work.Job
	definitions []work.Definition
	// run goes on beside the jobs until ctx ends; nil: nothing.
	run func(ctx context.Context)
}

// rooms is the background work of all of them.
func (a *App) rooms() []background {
	return []background{
		{schedule: a.Org.Schedule(), definitions: a.Org.Definitions()},
		{schedule: a.Mail.Schedule(), definitions: a.Mail.Definitions()},
		{schedule: a.Vault.Schedule(), definitions: a.Vault.Definitions()},
		a.outboxWork(), a.pushWork(), a.accountsWork(), a.webhooksWork(),
		a.recordsWork(), a.linkingWork(), a.mergingWork(), a.enrichWork(),
	}
}

func (a *App) limiter() *google.Limiter {
	return google.NewLimiter(quota(a.Config.GoogleQuota), google.LimiterOptions{Now: a.now, Shared: a.sharedQuota(), Failed: func(key string, err error) {
		a.log.Warn("the shared quota cannot be reached; going on with a quota of our own", "error", err)
	}})
}

func (a *App) buildMail(d doors) error {
	boxes, err := google.NewGmail(google.GmailOptions{
		Endpoints: d.endpoints, Client: d.client, Tokens: a.Vault, Limiter: d.limiter, Now: a.now, UserAgent: a.agent(), OnUsage: a.meters.usage,
	})
	if err != nil {
		return err
	}
	a.Mail = &mail.Service{
		Mailboxes: boxes, Streams: a.Store, Runs: a.Store, Ledger: a.Store, Emails: a.Store, Connections: a.Store, Privacy: a.Store, Queue: a.Store, Aging: a.Store, Changes: a.Store,
		Now: a.now, Random: rand.Reader, Log: a.log, Budget: stepBudget,
	}
	a.Export = &export.Service{Emails: a.Store, Rows: a.Store, Mailboxes: boxes, Connections: a.Store, Streams: a.Store, Decode: google.DecodeMessage}
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

package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/work"
)

// What the commands do with a program that does not serve.

// SystemFor is the caller of work on a connection.
func SystemFor(c crm.Connection) access.Caller { return access.System(c.WorkspaceID) }

// Welcome logs where the program is and what there is to do first.
func (a *App) Welcome(ctx context.Context, log *slog.Logger) {
	if a.KeyMade {
		log.Info("made an encryption key; keep a copy apart from the database", "file", a.Config.KeyFile())
	}
	if a.Config.BrokerOpen {
		log.Warn("BROKER_OPEN is set: the token service gives tokens to every program on this machine, without a key", "address", a.Config.Host)
	}
	if _, err := a.clients.Default(ctx, ""); fault.Is(err, fault.Conflict) {
		log.Warn("no Google client is configured: nobody can connect; enter one on the page Google credentials, or set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET", "guide", "docs/guides/google-cloud-setup.md")
	}
	next := a.Config.PublicURL
	if first, err := a.Org.NeedsSetup(ctx); err == nil && first {
		next += "/setup"
	}
	log.Info("Rapport is listening", "open", next, "version", a.version)
}

// Targets finds connections that sync: one by id or address, or all.
func (a *App) Targets(ctx context.Context, which string) ([]crm.Connection, error) {
	const piece = 500
	var out []crm.Connection
	after := crm.ConnectionID("")
	for {
		// Every connection that syncs is due some day.
		ids, err := a.Store.DueConnections(ctx, a.now().AddDate(10, 0, 0), after, piece)
		if err != nil {
			return nil, fmt.Errorf("listing connections: %w", err)
		}
		for _, id := range ids {
			c, err := a.Store.ConnectionByID(ctx, id)
			if err != nil {
				return nil, fmt.Errorf("reading a connection: %w", err)
			}
			if which == "" || string(c.ID) == which || strings.EqualFold(c.GoogleEmail, which) {
				out = append(out, c)
			}
			after = id
		}
		if len(ids) < piece {
			break
		}
	}
	if which != "" && len(out) == 0 {
		return nil, fault.New(fault.NotFound, "there is no connection %q that syncs", which)
	}
	slices.SortFunc(out, func(x, y crm.Connection) int { return x.CreatedAt.Compare(y.CreatedAt) })
	return out, nil
}

// Background does the work of this process's jobs until stop is called.
func (a *App) Background(ctx context.Context) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var busy sync.WaitGroup
	a.grace = commandGrace
	if err := a.StartSync(ctx, &busy); err != nil {
		cancel()
		return nil, err
	}
	return func() { cancel(); busy.Wait() }, nil
}

// commandGrace is what steps under way get when a command is interrupted: who
// pressed Ctrl-C waits, and a step that is cut is done again.
const commandGrace = 500 * time.Millisecond

// Done is how many items a run is through with.
func Done(r crm.Run) int64 {
	return r.Counts.Added + r.Counts.Updated + r.Counts.Skipped + r.Counts.Failed
}

const lookEvery = 200 * time.Millisecond

// SyncNow syncs a mailbox and waits: changes first, then what the back-fill has
// left to do. It gives the runs in that order. Trouble with Google when nothing
// has moved for App.Patience; what is left to do stays in line.
func (a *App) SyncNow(ctx context.Context, c crm.Connection, full bool, see func(run crm.Run, waits string)) ([]crm.Run, error) {
	changes, err := a.Mail.RequestSync(ctx, SystemFor(c), c.ID, false)
	if err != nil {
		return nil, err
	}
	var rest crm.Run
	if full {
		rest, err = a.Mail.RequestSync(ctx, SystemFor(c), c.ID, true)
	} else {
		err = a.Mail.SettingsChanged(ctx, c.ID)
	}
	if err != nil {
		return nil, err
	}
	if changes, err = a.await(ctx, c, changes, mail.KindHistory, see); err != nil {
		return nil, err
	}
	out := []crm.Run{changes}
	if rest.ID == "" {
		if rest, err = a.backfillRun(ctx, c); err != nil || rest.ID == "" {
			return out, err
		}
	}
	rest, err = a.await(ctx, c, rest, mail.KindBackfill, see)
	return append(out, rest), err
}

// backfillRun waits for the back-fill to begin a run, or to find nothing to do.
func (a *App) backfillRun(ctx context.Context, c crm.Connection) (crm.Run, error) {
	p := a.patience(c)
	for {
		run, err := a.Store.Running(ctx, c.ID, crm.StreamGmailBackfill)
		if err == nil || !fault.Is(err, fault.NotFound) {
			return run, err
		}
		job, reason, err := a.Store.Job(ctx, mail.KindBackfill, string(c.ID))
		if fault.Is(err, fault.NotFound) {
			return crm.Run{}, nil
		}
		if err != nil {
			return crm.Run{}, err
		}
		if reason == "" && job.Holder == "" && job.DueAt.After(a.now().Add(time.Second)) {
			return crm.Run{}, nil // it has looked, and looks again some day
		}
		if err := p.look(crm.Run{}, job, reason); err != nil {
			return crm.Run{}, err
		}
		if err := pause(ctx, lookEvery); err != nil {
			return crm.Run{}, err
		}
	}
}

// patience notices that nothing moves any more.
type patience struct {
	who   string
	limit time.Duration
	now   func() time.Time
	since time.Time
	last  mark
}

// mark is what moves while a run gets on: its numbers, and with each step that
// goes well the time its job is due. A step that fails moves nothing.
type mark struct {
	counts crm.Counts
	total  int64
	due    time.Time
}

func (a *App) patience(c crm.Connection) *patience {
	return &patience{who: c.GoogleEmail, limit: a.Patience, now: a.now, since: a.now()}
}

// look compares with the last look; it is an error when nothing has moved for
// too long. reason is why the job failed last, if it did.
func (p *patience) look(run crm.Run, job work.Claimed, reason string) error {
	m := mark{counts: run.Counts, total: run.Total}
	m.counts.Units = 0 // calls that fail cost some, too
	if reason == "" {
		m.due = job.DueAt.UTC()
	}
	now := p.now()
	if m != p.last {
		p.last, p.since = m, now
	}
	if p.limit <= 0 || now.Sub(p.since) < p.limit {
		return nil
	}
	if reason == "" {
		reason = "Google does not answer."
	}
	return trouble(WithGoogle, nil, "%s: gave up, nothing has moved for %s: %s What was done is kept; `rapport doctor` says what is wrong", p.who, p.limit, reason)
}

// VerifyNow checks a mailbox and waits for the result.
func (a *App) VerifyNow(ctx context.Context, c crm.Connection, see func(run crm.Run, waits string)) (crm.Completeness, error) {
	run, err := a.Mail.Verify(ctx, SystemFor(c), c.ID)
	if err != nil {
		return crm.Completeness{}, err
	}
	if run, err = a.await(ctx, c, run, mail.KindVerify, see); err != nil {
		return crm.Completeness{}, err
	}
	if run.State == crm.RunFailed || run.State == crm.RunCancelled {
		return crm.Completeness{}, &Trouble{With: WithGoogle, Text: c.GoogleEmail + ": " + run.Error}
	}
	return a.Store.Completeness(ctx, c.ID)
}

// PreviewNow tells what a back-fill would fetch, within App.Patience.
func (a *App) PreviewNow(ctx context.Context, c crm.Connection) (mail.Preview, error) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if a.Patience > 0 {
		limited, cancel = context.WithTimeout(ctx, a.Patience)
	}
	defer cancel()
	p, err := a.Mail.Preview(limited, SystemFor(c), c.ID, c.Settings)
	switch {
	case err != nil && ctx.Err() != nil:
		return p, ctx.Err()
	case err != nil && limited.Err() != nil:
		return p, trouble(WithGoogle, nil, "%s: gave up, Google has not answered for %s", c.GoogleEmail, a.Patience)
	case fault.Is(err, fault.Unavailable):
		return p, trouble(WithGoogle, err, "%s", c.GoogleEmail)
	}
	return p, err
}

// await waits for the end of a run, telling see how far it is and why it waits,
// if it does. When its job waits after a failure that
// somebody has to do something about, it gives the run as it is.
func (a *App) await(ctx context.Context, c crm.Connection, run crm.Run, kind work.Kind, see func(run crm.Run, waits string)) (crm.Run, error) {
	p := a.patience(c)
	for {
		now, err := a.Store.Run(ctx, c.WorkspaceID, run.ID)
		if err != nil {
			return run, fmt.Errorf("reading a run: %w", err)
		}
		if now.FinishedAt != nil {
			see(now, "")
			return now, nil
		}
		job, reason, err := a.Store.Job(ctx, kind, string(c.ID))
		see(now, reason)
		if fault.Is(err, fault.NotFound) {
			// The job has ended without ending the run: look once more, it may just have.
			if now, err = a.Store.Run(ctx, c.WorkspaceID, run.ID); err != nil || now.FinishedAt != nil {
				return now, err
			}
			return now, fmt.Errorf("%s stopped without an outcome", run.Stream)
		}
		if err != nil {
			return now, fmt.Errorf("reading a job: %w", err)
		}
		if err := p.look(now, job, reason); err != nil {
			return now, err
		}
		if err := pause(ctx, lookEvery); err != nil {
			return now, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

func quotaSections() []section {
	return []section{
		{
			ids: []string{"P3"}, title: "1,000 messages under Google's quota, enforced, in real time",
			words: `A mailbox of 1,100 messages, 1.85 a conversation; the newest 1,000 of all labels are imported by the running program (bin/rapport serve) into
				an empty database. The simulator enforces the quota model: a bucket of one minute's units for each user, refilled all the time, refusals as Gmail's. Seconds
				from the start of the program to the thousandth row. Nothing else runs. Goal: 106 s and no refused call with the quota of new projects. The plain way, one messages.get for each message, is
				calculated: units less the full bucket, divided by the refill.`,
			run: underQuota,
		},
		{
			ids: []string{"P4"}, title: "The newest messages readable after consent, quota of 2026, 100 ms latency",
			words: `The program runs; the person has allowed access on the consent page. Clock from the moment the browser is sent to the callback, to the moment GET …/gmail/emails gives the newest 50, then 500, of
				the mailbox's inbox and sent mail (checked against the finished import). Every call of Google's APIs takes 100 ms longer; the token exchange takes what it takes. 50: median of 5 fresh accounts; 500: one account. Inbox and sent mail of this mailbox have few messages of one conversation, so most cost a get (20 units) and the quota alone takes 40 s for 500 of them; with all labels chosen (clock from the start of the program) conversations are read whole.`,
			run: firstReadable,
		},
	}
}

// plain is the one-by-one import of n messages under a quota model, calculated:
// n gets and a list for each 500.
func plain(n int, preset string) (units int, secs float64) {
	get, minute := 20, 6000
	if preset == "legacy" {
		get, minute = 5, 15000
	}
	units = n*get + (n+499)/500*5
	return units, max(0, float64(units-minute)/float64(minute)*60)
}

func underQuota(ctx context.Context, b *bench) error {
	n := b.size(1000, 400)
	return b.eachWithGoogle(ctx, func(g *gmailSim, d database) error {
		for _, preset := range []string{"2026", "legacy"} {
			if err := b.quotaImport(ctx, g, d, preset, n); err != nil {
				return fmt.Errorf("%s: %w", preset, err)
			}
		}
		return nil
	})
}

// eachWithGoogle does something for each database with a simulator of its own,
// so that all of them meet the same mailboxes.
func (b *bench) eachWithGoogle(ctx context.Context, do func(g *gmailSim, d database) error) error {
	var errs []error
	for _, d := range b.dbs {
		g, err := b.gmail(ctx)
		if err != nil {
			return err
		}
		if err := do(g, d); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.name, err))
		}
		g.stop()
	}
	return errors.Join(errs...)
}

func (b *bench) quotaImport(ctx context.Context, g *gmailSim, d database, preset string, n int) error {
	account := "quota." + preset + "@northwind-lamps.example"
	if err := errors.Join(g.mailbox(ctx, account, n*11/10, 5), g.quota(ctx, preset)); err != nil {
		return err
	}
	at, drop, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	defer drop()
	limit := n
	if err := b.connected(ctx, g, at, account, map[string]any{"limit": limit, "labels": []string{"*"}}); err != nil {
		return err
	}
	began := time.Now()
	p, err := b.serve(ctx, serveOptions{at: at, google: g.url, quota: preset})
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.signIn(ctx); err != nil {
		return err
	}
	if _, err := p.await(ctx, 5*time.Minute, func(s status) bool { return s.Counts.Messages >= int64(n) }); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	calls, units, refused, err := g.used(ctx, account)
	if err != nil {
		return err
	}
	rows, err := at.count(ctx, `SELECT count(*) FROM synced_emails`)
	if err := errors.Join(err, check("no more rows than asked for", rows <= int64(n)+60, true)); err != nil {
		return err
	}
	plainUnits, plainSeconds := plain(n, preset)
	r := row{What: fmt.Sprintf("%s messages, quota %s", number(float64(n)), preset), On: d.name, Value: took, Unit: "s", Base: plainSeconds,
		Note: fmt.Sprintf("%d units (%.1f a message; one by one %d), %d calls: %s; %s s CPU", units, float64(units)/float64(n), plainUnits, total(calls), named(calls), number(p.cpu()))}
	if preset == "2026" && !b.quick {
		r.Goal = atMost(106)
	}
	b.add(r)
	b.add(row{What: "refused calls, quota " + preset, On: d.name, Value: float64(refused), Unit: "calls", Goal: exactly(0)})
	return nil
}

// connected makes a workspace whose owner has connected an account with the
// settings given, and of which nothing has been synced yet.
func (b *bench) connected(ctx context.Context, g *gmailSim, at place, account string, settings map[string]any) error {
	p, err := b.serve(ctx, serveOptions{at: at, google: g.url, withoutSync: true})
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.setUp(ctx); err != nil {
		return err
	}
	if err := p.connect(ctx, account); err != nil {
		return err
	}
	return p.call(ctx, http.MethodPatch, p.google("/settings"), settings, nil)
}

// await asks for the status until it is as wanted.
func (p *product) await(ctx context.Context, most time.Duration, ready func(status) bool) (status, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		s, err := p.status(ctx)
		if err != nil {
			return s, fmt.Errorf("waiting: %w", err)
		}
		if ready(s) {
			return s, nil
		}
		select {
		case <-ctx.Done():
			last, _ := json.Marshal(s)
			return s, fmt.Errorf("after %s still not ready: %s", most, last)
		case <-p.gone:
			return s, fmt.Errorf("the program ended: %s", p.log)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func firstReadable(ctx context.Context, b *bench) error {
	return b.eachWithGoogle(ctx, func(g *gmailSim, d database) error {
		if err := errors.Join(g.quota(ctx, "2026"), g.latency(ctx, 100*time.Millisecond)); err != nil {
			return err
		}
		return b.readableIn(ctx, g, d)
	})
}

func (b *bench) readableIn(ctx context.Context, g *gmailSim, d database) error {
	var fifty []float64
	var got readableAfter
	rounds := b.size(5, 2)
	for i := range rounds {
		var err error
		wanted := 50
		if i == rounds-1 {
			wanted = 500
		}
		if got, err = b.readable(ctx, g, d, fmt.Sprintf("fresh%d@northwind-lamps.example", i), wanted, nil); err != nil {
			return err
		}
		fifty = append(fifty, got.fifty)
	}
	b.add(row{What: "newest 50 readable", On: d.name, Value: median(fifty), Unit: "s", Goal: atMost(0.6), Note: "first row after " + number(got.one) + " s; calls to Google before the fiftieth row: " + got.calls})
	b.add(got.row(d, "newest 500 readable, inbox and sent (default)"))
	all, err := b.readable(ctx, g, d, "all.labels@northwind-lamps.example", 500, map[string]any{"labels": []string{"*"}})
	if err != nil {
		return err
	}
	b.add(all.row(d, "newest 500 readable, all labels"))
	return check("refused calls", got.refused+all.refused, 0)
}

type readableAfter struct {
	one, fifty, fiveHundred float64
	calls, all              string // before the fiftieth and the five hundredth row
	refused                 int
}

func (r readableAfter) row(d database, what string) row {
	return row{What: what, On: d.name, Value: r.fiveHundred, Unit: "s", Goal: atMost(25), Note: fmt.Sprintf("%d refused calls; %s", r.refused, r.all)}
}

// seen is what the list showed at a moment.
type seen struct {
	after float64
	ids   []string
}

// readable connects a fresh account and watches its inbox fill to so many rows.
// With settings, these are made first and the clock begins with the start of the
// program, else it begins with the callback.
func (b *bench) readable(ctx context.Context, g *gmailSim, d database, account string, wanted int, settings map[string]any) (out readableAfter, err error) {
	if err := g.mailbox(ctx, account, 1400, 6); err != nil {
		return out, err
	}
	at, drop, err := d.fresh(ctx)
	if err != nil {
		return out, err
	}
	defer drop()
	if settings != nil {
		if err := b.connected(ctx, g, at, account, settings); err != nil {
			return out, err
		}
	}
	began := time.Now()
	p, err := b.serve(ctx, serveOptions{at: at, google: g.url, quota: "2026"})
	if err != nil {
		return out, err
	}
	defer p.stop()
	connected := make(chan error, 1)
	if settings != nil {
		connected <- nil
		err = p.signIn(ctx)
	} else {
		began, err = p.consenting(ctx, account, connected)
	}
	if err != nil {
		return out, err
	}
	history, err := out.watch(ctx, g, p, account, began, wanted)
	if err := errors.Join(err, <-connected); err != nil {
		return out, err
	}
	final := history[len(history)-1].ids
	if wanted == 500 {
		if final, err = p.finished(ctx, wanted); err != nil {
			return out, err
		}
		out.fiveHundred = complete(history, final)
	}
	out.one, out.fifty = history[0].after, complete(history, final[:50])
	_, _, out.refused, err = g.used(ctx, account)
	return out, err
}

// consenting makes the workspace, allows access on the consent page, and lets
// the browser go to the callback; connected tells how that went.
func (p *product) consenting(ctx context.Context, account string, connected chan<- error) (began time.Time, err error) {
	if err := p.setUp(ctx); err != nil {
		return began, err
	}
	callback, err := p.consent(ctx, account)
	if err != nil {
		return began, err
	}
	began = time.Now()
	go func() { connected <- p.follow(ctx, callback) }()
	return began, nil
}

// watch looks at the list again and again until it has so many rows.
func (out *readableAfter) watch(ctx context.Context, g *gmailSim, p *product, account string, began time.Time, wanted int) ([]seen, error) {
	var history []seen
	for n := 0; n < wanted; {
		ids, err := p.newest(ctx, wanted, n)
		if err != nil {
			return nil, err
		}
		if len(ids) > n {
			now := time.Since(began).Seconds()
			calls, units, _, err := g.used(ctx, account)
			if err != nil {
				return nil, err
			}
			if n < 50 && len(ids) >= 50 {
				out.calls = named(calls)
			}
			out.all = fmt.Sprintf("until then %d units: %s", units, named(calls))
			n = len(ids)
			history = append(history, seen{now, ids})
		}
		if time.Since(began) > 3*time.Minute {
			return nil, fmt.Errorf("only %d messages readable after %s", n, time.Since(began))
		}
		pause := 5 * time.Millisecond
		if n >= 50 {
			pause = 100 * time.Millisecond
		}
		if rest(ctx, pause); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return history, nil
}

// complete is when all the ids could be read, 0 for never.
func complete(history []seen, ids []string) float64 {
	for _, h := range history {
		if !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(h.ids, id) }) {
			return h.after
		}
	}
	return 0
}

// newest gives the ids of the newest messages; before 50 are there only the
// first page is read, so that looking costs little.
func (p *product) newest(ctx context.Context, wanted, have int) ([]string, error) {
	var ids []string
	cursor := ""
	for len(ids) < wanted {
		limit := "50"
		if have >= 50 {
			limit = "200"
		}
		got, _, err := p.list(ctx, url.Values{"limit": {limit}, "cursor": {cursor}})
		if err != nil {
			return nil, err
		}
		for _, e := range got.Items {
			ids = append(ids, e.ID)
		}
		if cursor = got.Next; cursor == "" || have < 50 {
			break
		}
	}
	return ids, nil
}

// finished waits for the end of the import and gives the newest ids then.
func (p *product) finished(ctx context.Context, n int) ([]string, error) {
	_, err := p.await(ctx, 3*time.Minute, func(s status) bool {
		return slices.ContainsFunc(s.Streams, func(x struct{ Stream, State, Error string }) bool {
			return x.Stream == "gmail.backfill" && x.State == "done"
		})
	})
	if err != nil {
		return nil, err
	}
	ids, err := p.newest(ctx, n, n)
	return ids[:min(n, len(ids))], err
}

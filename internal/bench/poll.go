package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/crm"
)

func pollSections() []section {
	return []section{
		{
			ids: []string{"idle"}, title: "An idle mailbox, polled",
			words: `A connected mailbox of 60 messages, fully imported and checked. It is polled 5 times while nothing happens in it (made due by hand; by itself it is each 60 seconds).
				The simulator counts the calls, triggers on every table count the rows written. Housekeeping, named apart, is the rows that say when to look again (jobs and the connection's next time).`,
			run: idleMailbox,
		},
		{
			ids: []string{"10k"}, title: "10,000 connections, polled",
			words: `10,000 accounts with 2 messages each, all connected in one workspace and imported by the program. Then, three times, all of them are made due at
				once; a round lasts until Google has been asked for the changes of each. No quota, no latency, default settings (8 workers), the simulator on the same two cores. Nothing has changed, so
				nothing but housekeeping is written.`,
			run: manyConnections,
		},
	}
}

// housekeeping are the tables that say when to do what next.
var housekeeping = []string{"jobs", "google_integrations", "fact_readers", "quota_buckets", "oauth_grants"}

func idleMailbox(ctx context.Context, b *bench) error {
	return b.eachWithGoogle(ctx, func(g *gmailSim, d database) error { return b.idle(ctx, g, d) })
}

func (b *bench) idle(ctx context.Context, g *gmailSim, d database) error {
	const account = "idle@northwind-lamps.example"
	if err := g.mailbox(ctx, account, 60, 3); err != nil {
		return err
	}
	at, drop, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	defer drop()
	if err := b.connected(ctx, g, at, account, map[string]any{"labels": []string{"*"}, "limit": 0}); err != nil {
		return err
	}
	p, err := b.serve(ctx, serveOptions{at: at, google: g.url, quota: "none"})
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.signIn(ctx); err != nil {
		return err
	}
	if err := p.call(ctx, http.MethodPost, p.google("/verify?wait=30s"), nil, nil); err != nil {
		return err
	}
	if err := quiet(ctx, g, account, 4*time.Second, 2*time.Minute); err != nil {
		return err
	}
	if err := at.countWrites(ctx); err != nil {
		return fmt.Errorf("setting triggers: %w", err)
	}
	before, units, _, err := g.used(ctx, account)
	if err != nil {
		return err
	}
	polls := b.size(5, 2)
	var after map[string]int
	var unitsAfter int
	for i := range polls {
		if err := makeDue(ctx, at); err != nil {
			return err
		}
		if after, unitsAfter, err = awaitPolls(ctx, g, account, before["history.list"]+i+1); err != nil {
			return err
		}
		rest(ctx, 500*time.Millisecond)
	}
	writes, err := at.writes(ctx)
	if err != nil {
		return err
	}
	for _, ours := range []string{"jobs", "google_integrations"} { // by makeDue
		writes[ours] -= polls
	}
	maps.DeleteFunc(after, func(m string, n int) bool { after[m] = n - before[m]; return after[m] == 0 })
	kept := 0
	for table, n := range writes {
		if !slices.Contains(housekeeping, table) {
			kept += n
		}
	}
	per := func(n int) float64 { return float64(n) / float64(polls) }
	b.add(row{What: "calls to Google a poll", On: d.name, Value: per(total(after)), Unit: "calls", Goal: exactly(1), Note: fmt.Sprintf("%s in %d polls, %s units each", named(after), polls, number(per(unitsAfter-units)))})
	b.add(row{What: "rows written a poll", On: d.name, Value: per(kept), Unit: "rows", Goal: exactly(0), Note: "by table, housekeeping included, in all polls: " + tables(writes)})
	return nil
}

func tables(writes map[string]int) string {
	var out []string
	for _, t := range slices.Sorted(maps.Keys(writes)) {
		out = append(out, fmt.Sprintf("%s %d", t, writes[t]))
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// quiet waits until Google has not been called for a while.
func quiet(ctx context.Context, g *gmailSim, account string, d, most time.Duration) error {
	last, since := -1, time.Now()
	deadline := time.Now().Add(most)
	for time.Since(since) < d {
		calls, _, _, err := g.used(ctx, account)
		if err != nil {
			return err
		}
		if n := total(calls); n != last {
			last, since = n, time.Now()
		}
		if time.Now().After(deadline) {
			return errors.New("the mailbox does not come to rest")
		}
		rest(ctx, max(100*time.Millisecond, d/10))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func awaitPolls(ctx context.Context, g *gmailSim, account string, n int) (map[string]int, int, error) {
	deadline := time.Now().Add(6 * time.Minute)
	for time.Now().Before(deadline) {
		calls, units, _, err := g.used(ctx, account)
		if err != nil {
			return nil, 0, err
		}
		if calls["history.list"] >= n {
			return calls, units, nil
		}
		rest(ctx, 100*time.Millisecond)
		if ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
	}
	return nil, 0, errors.New("the polls do not come")
}

// account of the simulator with an access token.
type simAccount struct{ Email, Sub, Token string }

func manyConnections(ctx context.Context, b *bench) error {
	g, err := b.gmail(ctx)
	if err != nil {
		return err
	}
	defer g.stop()
	n := b.size(10_000, 200)
	accounts, err := g.many(ctx, n)
	if err != nil {
		return err
	}
	for _, d := range b.dbs {
		if err := b.rounds(ctx, g, d, accounts); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return nil
}

// many makes accounts with 2 messages each.
func (g *gmailSim) many(ctx context.Context, n int) ([]simAccount, error) {
	out := make([]simAccount, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for w := range errs {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || errs[w] != nil {
					return
				}
				email := fmt.Sprintf("seat%05d@northwind-lamps.example", i)
				var made struct{ Sub string }
				errs[w] = g.control(ctx, http.MethodPost, "accounts", map[string]any{"email": email, "messages": 2, "seed": i}, &made)
				if errs[w] != nil {
					return
				}
				out[i] = simAccount{Email: email, Sub: made.Sub}
				out[i].Token, errs[w] = g.token(ctx, email, "openid", "https://www.googleapis.com/auth/userinfo.email", readScope)
			}
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// seatsTask connects accounts in a workspace without asking anybody.
type seatsTask struct {
	At        place
	Workspace string
	Accounts  []simAccount
}

func seatsChild(ctx context.Context, task json.RawMessage) (any, error) {
	var t seatsTask
	if err := json.Unmarshal(task, &t); err != nil {
		return nil, err
	}
	s, err := t.At.store(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	u, err := s.UserByEmail(ctx, ownerEmail)
	if err != nil {
		return nil, err
	}
	for _, a := range t.Accounts {
		c, grant, err := connectionOf(crm.WorkspaceID(t.Workspace), u.ID, a.Email, a.Sub, crm.NewSecret(a.Token))
		if err != nil {
			return nil, err
		}
		c.Settings.PollSeconds = 3600 // rounds are asked for
		c.Settings.Labels = []string{crm.AllLabels}
		if err := s.Granted(ctx, c, grant); err != nil {
			return nil, err
		}
	}
	return len(t.Accounts), nil
}

func (b *bench) rounds(ctx context.Context, g *gmailSim, d database, accounts []simAccount) error {
	at, drop, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	defer drop()
	p, err := b.serve(ctx, serveOptions{at: at, google: g.url, withoutSync: true})
	if err != nil {
		return err
	}
	err = p.setUp(ctx)
	p.stop()
	if err != nil {
		return err
	}
	n := len(accounts)
	if _, err := spawn[int](ctx, b, "seats", seatsTask{At: at, Workspace: p.workspace, Accounts: accounts}); err != nil {
		return err
	}
	began := time.Now()
	if p, err = b.serve(ctx, serveOptions{at: at, google: g.url, quota: "none"}); err != nil {
		return err
	}
	defer p.stop()
	if err := awaitRows(ctx, at, int64(n), 8*time.Minute); err != nil {
		return fmt.Errorf("first import: %w", err)
	}
	if err := quiet(ctx, g, "", 3*time.Second, 8*time.Minute); err != nil {
		return err
	}
	first := time.Since(began).Seconds() - 3
	var walls, cpus []float64
	for range b.size(3, 1) {
		before, _, _, err := g.used(ctx, "")
		if err != nil {
			return err
		}
		cpu := p.cpu()
		if err := makeDue(ctx, at); err != nil {
			return err
		}
		wall, err := round(ctx, at)
		if err != nil {
			return err
		}
		walls, cpus = append(walls, wall), append(cpus, p.cpu()-cpu)
		after, _, _, err := g.used(ctx, "")
		if err != nil {
			return err
		}
		maps.DeleteFunc(after, func(m string, n int) bool { after[m] = n - before[m]; return after[m] == 0 })
		if err := quiet(ctx, g, "", time.Second, time.Minute); err != nil {
			return err
		}
		if err := check("calls in a round", total(after), n); err != nil {
			return fmt.Errorf("%w (%s)", err, named(after))
		}
	}
	b.add(row{What: fmt.Sprintf("a round of %s connections", number(float64(n))), On: d.name, Value: median(walls), Unit: "s",
		Note: fmt.Sprintf("%s s CPU (%s ms a connection); first import of all: %s s", number(median(cpus)), number(median(cpus)/float64(n)*1000), number(first))})
	b.add(row{What: "memory of the program after the rounds", On: d.name, Value: p.rss(), Unit: "MB", Note: "peak " + number(p.peak()) + " MB"})
	return nil
}

// round measures from the moment the jobs of a round appear to the end of the
// last one.
func round(ctx context.Context, at place) (secs float64, err error) {
	db, err := at.open()
	if err != nil {
		return 0, err
	}
	defer db.Close()
	deadline := time.Now().Add(5 * time.Minute)
	var began time.Time
	for time.Now().Before(deadline) {
		var polls, due int
		err := db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM jobs WHERE kind = 'gmail.history'),
			(SELECT COUNT(*) FROM jobs WHERE kind = 'gmail.poll' AND (due_at = 0 OR lease_until IS NOT NULL))`).Scan(&polls, &due)
		if err != nil {
			return 0, err
		}
		switch {
		case polls > 0 && began.IsZero():
			began = time.Now()
		case polls == 0 && due == 0 && !began.IsZero():
			return time.Since(began).Seconds(), nil
		}
		rest(ctx, 50*time.Millisecond)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
	return 0, errors.New("the round does not end")
}

func awaitRows(ctx context.Context, at place, n int64, most time.Duration) error {
	deadline := time.Now().Add(most)
	for {
		got, err := at.count(ctx, `SELECT count(*) FROM synced_emails`)
		if err != nil {
			return err
		}
		if got >= n {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("only %d of %d rows after %s", got, n, most)
		}
		rest(ctx, 250*time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// makeDue makes every connection and the schedule itself due now.
func makeDue(ctx context.Context, at place) error {
	db, err := at.open()
	if err != nil {
		return err
	}
	defer db.Close()
	for _, statement := range []string{
		`UPDATE google_integrations SET next_poll_at = 0`,
		`UPDATE jobs SET due_at = 0 WHERE kind = 'gmail.poll'`,
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func pushSections() []section {
	return []section{{
		ids: []string{"P15"}, title: "From Gmail to the browser",
		words: `100 watched mailboxes in one workspace, whose owner has the page open (the stream of live events). Mail is delivered 25 times a second, to each mailbox once in four seconds (Gmail tells once a second at most),
			1,000 times in all, with push and with pull. Measured from the moment the delivery is asked for at the simulator, its own work and Pub/Sub's included, to the event mail.arrived, whose rows are
			stored by then. Meanwhile 12 other mailboxes import 2,000 messages each, after their first burst as fast as the quota of new projects lets them: more of them than the program has workers. The simulator works on the same two cores.`,
		run: mailToBrowser,
	}}
}

// The watched mailboxes, and those that keep the program busy.
const (
	watchedBoxes = 100
	busyBoxes    = 12
	benchProject = "projects/100000000002" // of clientID
	benchPusher  = "push@bench.iam.gserviceaccount.com"
)

func mailToBrowser(ctx context.Context, b *bench) error {
	return b.eachWithGoogle(ctx, func(g *gmailSim, d database) error {
		key := filepath.Join(b.scratch, "robot-"+d.name+".json")
		var file json.RawMessage
		if err := g.control(ctx, http.MethodPost, "service-accounts", map[string]any{"email": "bench@bench.iam.gserviceaccount.com"}, &file); err != nil {
			return err
		}
		if err := errors.Join(os.WriteFile(key, file, 0o600), g.quota(ctx, "2026")); err != nil {
			return err
		}
		for _, mode := range []string{"push", "pull"} {
			if err := b.toBrowser(ctx, g, d, mode, key); err != nil {
				return fmt.Errorf("%s: %w", mode, err)
			}
		}
		return nil
	})
}

func (b *bench) toBrowser(ctx context.Context, g *gmailSim, d database, mode, key string) error {
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
	boxes, err := b.boxes(ctx, g, mode)
	if err != nil {
		return err
	}
	if _, err := spawn[int](ctx, b, "seats", seatsTask{At: at, Workspace: p.workspace, Accounts: boxes}); err != nil {
		return err
	}
	topic, subscription := benchProject+"/topics/"+mode, benchProject+"/subscriptions/"+mode
	p, err = b.serve(ctx, serveOptions{at: at, google: g.url, quota: "2026", more: func(address string) []string {
		env := []string{"PUBLIC_URL=" + address, "GOOGLE_PUBSUB_TOPIC=" + topic, "GOOGLE_APPLICATION_CREDENTIALS=" + key}
		if mode == "push" {
			return append(env, "GOOGLE_PUSH_SERVICE_ACCOUNT="+benchPusher)
		}
		return append(env, "GOOGLE_PUBSUB_SUBSCRIPTION="+subscription)
	}, prepare: func(env []string) error {
		cmd := exec.CommandContext(ctx, b.program, "pubsub", "setup", "--"+mode, "--subscription", subscription)
		cmd.Env, cmd.Dir = env, b.scratch
		said, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("pubsub setup: %w: %s", err, tail(said, 300))
		}
		return nil
	}})
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.signIn(ctx); err != nil {
		return err
	}
	ids, err := watchedIDs(ctx, at, mode)
	if err != nil {
		return err
	}
	if err := afterBurst(ctx, at); err != nil {
		return err
	}
	return b.measureDeliveries(ctx, g, d, p, at, mode, ids)
}

// boxes makes the mailboxes of a mode. Those that import come first.
func (b *bench) boxes(ctx context.Context, g *gmailSim, mode string) ([]simAccount, error) {
	out := make([]simAccount, 0, watchedBoxes+busyBoxes)
	for i := range watchedBoxes + busyBoxes {
		email, messages := fmt.Sprintf("%s.watched%03d@northwind-lamps.example", mode, i-busyBoxes), 1
		if i < busyBoxes {
			email, messages = fmt.Sprintf("%s.busy%02d@northwind-lamps.example", mode, i), 2000
		}
		var made struct{ Sub string }
		if err := g.control(ctx, http.MethodPost, "accounts", map[string]any{"email": email, "messages": messages, "seed": i}, &made); err != nil {
			return nil, err
		}
		token, err := g.token(ctx, email, "openid", "https://www.googleapis.com/auth/userinfo.email", readScope)
		if err != nil {
			return nil, err
		}
		out = append(out, simAccount{Email: email, Sub: made.Sub, Token: token})
	}
	return out, nil
}

// watchedIDs waits until notifications of every watched mailbox come in, and
// gives the addresses by connection.
func watchedIDs(ctx context.Context, at place, mode string) (map[string]string, error) {
	db, err := at.open()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	for deadline := time.Now().Add(2 * time.Minute); ; rest(ctx, 200*time.Millisecond) {
		rows, err := db.QueryContext(ctx, `SELECT c.id, c.google_email FROM google_integrations c JOIN gmail_watches w ON w.integration_id = c.id
			WHERE w.via = $1 AND c.gmail_history_id <> '' AND c.google_email LIKE '%watched%'`, mode)
		if err != nil {
			return nil, err
		}
		out := map[string]string{}
		for rows.Next() {
			var id, email string
			if err := rows.Scan(&id, &email); err != nil {
				return nil, err
			}
			out[email] = id
		}
		if err := errors.Join(rows.Err(), rows.Close(), ctx.Err()); err != nil {
			return nil, err
		}
		if len(out) == watchedBoxes {
			return out, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("notifications of %d of %d mailboxes come in", len(out), watchedBoxes)
		}
	}
}

// afterBurst waits until the imports go on as fast as the quota is refilled: five
// messages a second in each mailbox.
func afterBurst(ctx context.Context, at place) error {
	const look = 2 * time.Second
	before := int64(0)
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		n, err := at.count(ctx, `SELECT count(*) FROM synced_emails`)
		if err != nil {
			return err
		}
		if before > busyBoxes*250 && n-before <= int64(busyBoxes*7*look.Seconds()) {
			return nil
		}
		before = n
		rest(ctx, look)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.New("the first burst of the imports does not end")
}

// arrivals notes when the event of a delivery came, by connection.
type arrivals struct {
	mu      sync.Mutex
	waiting map[string]chan time.Time
}

func (a *arrivals) await(connection string) <-chan time.Time {
	c := make(chan time.Time, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting[connection] = c
	return c
}

func (a *arrivals) note(connection string, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.waiting[connection]; c != nil {
		c <- at
		delete(a.waiting, connection)
	}
}

// page is the open page: it reads the stream of live events.
func (p *product) page(ctx context.Context, a *arrivals, ready chan<- struct{}) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v1/workspaces/"+p.workspace+"/events", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	res, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	kind := ""
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		switch line := lines.Text(); {
		case line == "event: ready":
			ready <- struct{}{}
		case strings.HasPrefix(line, "event: "):
			kind = line[7:]
		case strings.HasPrefix(line, "data: ") && kind == "mail.arrived":
			now := time.Now()
			var e struct {
				ConnectionID string `json:"connection_id"`
			}
			if err := json.Unmarshal([]byte(line[6:]), &e); err != nil {
				return err
			}
			a.note(e.ConnectionID, now)
		}
	}
	return ctx.Err()
}

func (b *bench) measureDeliveries(ctx context.Context, g *gmailSim, d database, p *product, at place, mode string, ids map[string]string) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	a := &arrivals{waiting: map[string]chan time.Time{}}
	ready := make(chan struct{}, 1)
	go func() { _ = p.page(reading, a, ready) }() // ends with reading
	select {
	case <-ready:
	case <-time.After(10 * time.Second):
		return errors.New("the page does not open")
	}
	imported, err := at.count(ctx, `SELECT count(*) FROM synced_emails`)
	if err != nil {
		return err
	}
	n := b.size(1000, 100)
	emails := make([]string, 0, len(ids))
	for email := range ids {
		emails = append(emails, email)
	}
	slices.Sort(emails)
	took, posted := make([]float64, n), make([]float64, n)
	var late atomic.Int64
	var all sync.WaitGroup
	began, cpu := time.Now(), p.cpu()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	var failed atomic.Pointer[error]
	for i := range n {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		email := emails[i%len(emails)]
		all.Go(func() {
			came := a.await(ids[email])
			start := time.Now()
			err := g.control(ctx, http.MethodPost, "accounts/"+url.PathEscape(email)+"/messages", map[string]any{
				"from": "Ines Duarte <ines@bellafonte-alberghi.example>", "to": []string{email}, "subject": fmt.Sprintf("Order %d", i), "text": "Twelve lamps for the lobby, please."}, nil)
			if err != nil {
				failed.Store(&err)
				return
			}
			posted[i] = time.Since(start).Seconds() * 1000
			select {
			case at := <-came:
				took[i] = at.Sub(start).Seconds() * 1000
			case <-time.After(10 * time.Second):
				late.Add(1)
				took[i] = 10_000
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	wall := time.Since(began).Seconds()
	after, err := at.count(ctx, `SELECT count(*) FROM synced_emails`)
	if err != nil {
		return err
	}
	if err := check("deliveries that never came", late.Load(), 0); err != nil {
		return err
	}
	note := fmt.Sprintf("the delivery itself takes %s ms of it (p50; p99 %s ms); p90 %s ms, longest %s ms; meanwhile %d messages were imported; %s s CPU in %s s",
		number(median(posted)), number(percentile(posted, 99)), number(percentile(took, 90)), number(percentile(took, 100)), after-imported-int64(n), number(p.cpu()-cpu), number(wall))
	b.add(row{What: "with " + mode + ", p50", On: d.name, Value: median(took), Unit: "ms", Goal: atMost(10), Note: note})
	b.add(row{What: "with " + mode + ", p99", On: d.name, Value: percentile(took, 99), Unit: "ms", Goal: atMost(50)})
	return nil
}

package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/vault"
)

func vendSections() []section {
	return []section{
		{
			ids: []string{"P10"}, title: "Vending tokens",
			words: `1,000 users with a token each for gmail, drive, calendar, sheets and contacts. GET /api/token/{userId}/{service} over 200 kept connections with an API key, a random one of the 5,000
				at a time, for 10 seconds after 3 to get warm; then the same over 64. Callers wait for their answer before they ask again, so that 200 of them and 20,000 answers a second are 10 ms each, whatever the program does: the
				slowest hundredth is asked of 64. Every answer must be the right token. Every vend's audit row is on disk before its answer (SQLite synchronous=FULL while it records, PostgreSQL with fsync); they are counted
				afterwards. The load comes from a process on the same two cores that keeps connections and decodes nothing. The plain way is a FastAPI service with two workers, the same paths, Fernet and SQLite, with the same guarantee.`,
			run: vending,
		},
		{
			ids: []string{"P11"}, title: "An expired token, wanted by everybody",
			words: `1,000 connections ask at the same moment for one token that has expired; the token endpoint takes 100 ms. On PostgreSQL half of them ask a second process. The simulator's log tells how often it was refreshed.
				All must get the new token.`,
			run: stampede,
		},
	}
}

// vendCallers is how many ask at the same time: what 20,000 answers a second of
// 10 ms each make. fewCallers do not wait for each other so long.
const (
	vendCallers = 200
	fewCallers  = 64
)

var vended = []string{"gmail", "drive", "calendar", "sheets", "contacts"}

// grantsTask stores grants of the token service.
type grantsTask struct {
	At        place
	Workspace string
	Users     int
	Refresh   string // of the simulator; "" for grants that need none
	Account   string
}

func benchUser(i int) string { return fmt.Sprintf("user%04d", i) }

func benchToken(user, service string) string {
	return "ya29.bench-" + user + "-" + service + "-" + strings.Repeat("x", 160)
}

func grantsChild(ctx context.Context, task json.RawMessage) (any, error) {
	var t grantsTask
	if err := json.Unmarshal(task, &t); err != nil {
		return nil, err
	}
	s, err := t.At.store(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	sealer, err := vault.NewSealer(crm.NewSecret(encryptionKey))
	if err != nil {
		return nil, err
	}
	n := 0
	for i := range t.Users {
		for _, service := range vended {
			g, err := benchGrant(sealer, t, benchUser(i), service)
			if err != nil {
				return nil, err
			}
			if err := s.SaveGrant(ctx, g); err != nil {
				return nil, err
			}
			n++
			if t.Refresh != "" {
				return n, nil
			}
		}
	}
	return n, nil
}

func benchGrant(sealer *vault.Sealer, t grantsTask, user, service string) (vault.Grant, error) {
	now := time.Now().UTC()
	id, err := crm.NewID(now, rand.Reader)
	if err != nil {
		return vault.Grant{}, err
	}
	scopes, _ := vault.ScopesOf(crm.ProfileFull, crm.Service(service))
	g := vault.Grant{
		ID: crm.GrantID(id), WorkspaceID: crm.WorkspaceID(t.Workspace), UserID: crm.UserID(user), Service: crm.Service(service), GoogleSub: "1" + user, GoogleEmail: user + "@northwind-lamps.example",
		ClientID: "env", Expiry: now.Add(24 * time.Hour), Scopes: scopes, Status: vault.GrantActive, CreatedAt: now, UpdatedAt: now,
	}
	access, refresh := benchToken(user, service), "unused"
	if t.Refresh != "" {
		g.Expiry, refresh, g.GoogleEmail = now.Add(-time.Minute), t.Refresh, t.Account
	}
	if g.SealedAccess, err = sealer.Seal(id, "access_token", crm.NewSecret(access)); err != nil {
		return g, err
	}
	g.SealedRefresh, err = sealer.Seal(id, "refresh_token", crm.NewSecret(refresh))
	return g, err
}

// host is the address of a process without its scheme.
func (p *process) host() string { return strings.TrimPrefix(p.url, "http://") }

// key makes an API key that may vend everything.
func (p *product) key(ctx context.Context) (string, error) {
	var made struct{ Key string }
	err := p.call(ctx, http.MethodPost, "/workspaces/"+p.workspace+"/api-keys", map[string]any{"name": "bench", "scopes": []string{"tokens:vend:*"}}, &made)
	return made.Key, err
}

func vending(ctx context.Context, b *bench) error {
	users := b.size(1000, 20)
	plain, why, err := b.plainVends(ctx, users)
	if err != nil {
		return fmt.Errorf("the plain way: %w", err)
	}
	for _, d := range b.dbs {
		if err := b.vends(ctx, d, users, plain, why); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return nil
}

// vendLoad is what is asked of a service.
func (b *bench) vendLoad(address, key string, users, callers int) loadTask {
	t := loadTask{Addresses: []string{address}, Header: "Authorization: Bearer " + key + "\r\n", Connections: callers, Warm: float64(b.size(3, 1)), Seconds: float64(b.size(10, 1))}
	for i := range users {
		for _, s := range vended {
			t.Paths = append(t.Paths, "/api/token/"+benchUser(i)+"/"+s)
			t.Proof = append(t.Proof, benchToken(benchUser(i), s))
		}
	}
	return t
}

func (b *bench) vends(ctx context.Context, d database, users int, plain loadResult, why string) error {
	at, drop, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	defer drop()
	p, err := b.serve(ctx, serveOptions{at: at, withoutSync: true})
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.setUp(ctx); err != nil {
		return err
	}
	key, err := p.key(ctx)
	if err != nil {
		return err
	}
	if _, err := spawn[int](ctx, b, "grants", grantsTask{At: at, Workspace: p.workspace, Users: users}); err != nil {
		return err
	}
	if d.server != "" {
		if fsync, err := at.setting(ctx, "fsync"); err != nil || fsync != "on" {
			why = strings.TrimSpace(why + " PostgreSQL runs with fsync " + fsync + ": not durable, not to be quoted (PG_FSYNC=on scripts/with-postgres).")
		}
	}
	var r loadResult
	var rows int64
	cpu := 0.0
	err = b.watched(ctx, p, "vends-"+d.name, func() (err error) {
		cpu = p.cpu()
		r, rows, err = b.vended(ctx, at, b.vendLoad(p.host(), key, users, vendCallers))
		cpu = p.cpu() - cpu
		return err
	})
	if err != nil {
		return err
	}
	few, _, err := b.vended(ctx, at, b.vendLoad(p.host(), key, users, fewCallers))
	if err != nil {
		return err
	}
	note := fmt.Sprintf("p50 %s ms, slowest %s ms; %s rows of audit for %s answers and their warming up; CPU: %s s of the program (%s µs a vend), %s s of the load. %s", number(r.P50), number(r.Slowest),
		number(float64(rows)), number(float64(r.Answers)), number(cpu), number(cpu*1e6/float64(rows)), number(r.CPU), why)
	rate := float64(r.Answers) / r.Wall
	row1 := row{What: "vends a second", On: d.name, Value: rate, Unit: "/s", Goal: atLeast(20_000), Note: note}
	if plain.Answers > 0 {
		base := float64(plain.Answers) / plain.Wall
		row1.Note = fmt.Sprintf("the plain way: %s/s, p50 %s ms, p99 %s ms: ours is %s times as fast; ", number(base), number(plain.P50), number(plain.P99), number(rate/base)) + note
	}
	b.add(row1)
	b.add(row{What: fmt.Sprintf("vend, p99, %d callers", vendCallers), On: d.name, Value: r.P99, Unit: "ms"})
	b.add(row{What: fmt.Sprintf("vend, p99, %d callers", fewCallers), On: d.name, Value: few.P99, Unit: "ms", Goal: atMost(10),
		Note: fmt.Sprintf("p50 %s ms, slowest %s ms, at %s vends a second", number(few.P50), number(few.Slowest), number(float64(few.Answers)/few.Wall))})
	return nil
}

// vended runs a load and gives the audit rows it has left: one for each answer, and
// those of warming up.
func (b *bench) vended(ctx context.Context, at place, load loadTask) (r loadResult, rows int64, err error) {
	before, err := at.vendsAudited(ctx)
	if err != nil {
		return r, 0, err
	}
	if r, err = spawn[loadResult](ctx, b, "load", load); err != nil {
		return r, 0, err
	}
	if err := check("wrong answers ("+r.FirstWrong+")", r.Wrong, 0); err != nil {
		return r, 0, err
	}
	after, err := at.vendsAudited(ctx)
	if err == nil && after-before < r.Answers {
		err = fmt.Errorf("the work was not done: %d answers and %d audit rows", r.Answers, after-before)
	}
	return r, after - before, err
}

// vendsAudited counts the rows that vends have left.
func (p place) vendsAudited(ctx context.Context) (int64, error) {
	return p.count(ctx, `SELECT count(*) FROM audit_log WHERE action = 'token.vend'`)
}

func (p place) setting(ctx context.Context, name string) (string, error) {
	db, err := p.open()
	if err != nil {
		return "", err
	}
	defer db.Close()
	var v string
	err = db.QueryRowContext(ctx, "SHOW "+name).Scan(&v)
	return v, err
}

// pythonWith finds a Python that has modules, "" when there is none.
func pythonWith(ctx context.Context, modules string) string {
	for _, python := range []string{"python3", "/usr/bin/python3"} { // another one may stand before the system's
		if exec.CommandContext(ctx, python, "-c", "import "+modules).Run() == nil {
			return python
		}
	}
	return ""
}

//go:embed baseline/service.py
var plainService []byte

// plainVends measures the plain way; without FastAPI it says what is missing.
func (b *bench) plainVends(ctx context.Context, users int) (loadResult, string, error) {
	var none loadResult
	python := pythonWith(ctx, "fastapi, uvicorn, cryptography")
	if python == "" {
		return none, "The plain way was not measured: no Python here has fastapi, uvicorn and cryptography (Debian: apt-get install python3-fastapi python3-uvicorn python3-cryptography).", ctx.Err()
	}
	dir := filepath.Join(b.scratch, "plain")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return none, "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "service.py"), plainService, 0o600); err != nil {
		return none, "", err
	}
	port, err := freePort()
	if err != nil {
		return none, "", err
	}
	const key = "plain-key"
	env := []string{"DATABASE=" + filepath.Join(dir, "tokens.db"), "KEY=" + encryptionKey, "PYTHONDONTWRITEBYTECODE=1"}
	fill := exec.CommandContext(ctx, python, "service.py", "fill", strconv.Itoa(users), key)
	fill.Dir, fill.Env = dir, append(os.Environ(), env...)
	if out, err := fill.CombinedOutput(); err != nil {
		return none, "", fmt.Errorf("filling: %w: %s", err, tail(out, 300))
	}
	other := *b
	other.program, other.scratch = python, dir
	p, _, err := other.launch(ctx, port, "/health", env, "-m", "uvicorn", "service:app", "--port", strconv.Itoa(port), "--workers", "2", "--log-level", "warning", "--no-access-log")
	if err != nil {
		return none, "", err
	}
	defer p.stop()
	r, err := spawn[loadResult](ctx, b, "load", b.vendLoad(p.host(), key, users, vendCallers))
	if err == nil {
		err = check("wrong answers ("+r.FirstWrong+")", r.Wrong, 0)
	}
	return r, "", err
}

// stampede lets everybody want one expired token.
func stampede(ctx context.Context, b *bench) error {
	return b.eachWithGoogle(ctx, func(g *gmailSim, d database) error { return b.expired(ctx, g, d) })
}

func (b *bench) expired(ctx context.Context, g *gmailSim, d database) error {
	const account = "wanted@northwind-lamps.example"
	if err := g.mailbox(ctx, account, 1, 5); err != nil {
		return err
	}
	at, drop, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	defer drop()
	p, err := b.serve(ctx, serveOptions{at: at, google: g.url, withoutSync: true})
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.setUp(ctx); err != nil {
		return err
	}
	key, err := p.key(ctx)
	if err != nil {
		return err
	}
	addresses := []string{p.host()}
	if d.server != "" {
		second, err := b.serve(ctx, serveOptions{at: at, google: g.url, withoutSync: true})
		if err != nil {
			return err
		}
		defer second.stop()
		addresses = append(addresses, second.host())
	}
	scopes, _ := vault.ScopesOf(crm.ProfileFull, crm.ServiceGmail)
	var given struct {
		Refresh string `json:"refresh_token"`
	}
	if err := g.control(ctx, http.MethodPost, "accounts/"+url.PathEscape(account)+"/token", map[string]any{"client_id": clientID, "scopes": scopes, "refresh": true}, &given); err != nil {
		return err
	}
	if _, err := spawn[int](ctx, b, "grants", grantsTask{At: at, Workspace: p.workspace, Users: 1, Refresh: given.Refresh, Account: account}); err != nil {
		return err
	}
	if err := g.latency(ctx, 100*time.Millisecond); err != nil {
		return err
	}
	defer func() { _ = g.latency(ctx, 0) }()
	before, err := g.refreshes(ctx)
	if err != nil {
		return err
	}
	callers := b.size(1000, 50)
	r, err := spawn[loadResult](ctx, b, "load", loadTask{
		Addresses: addresses, Header: "Authorization: Bearer " + key + "\r\n", Connections: callers, Requests: 1,
		Paths: []string{"/api/token/" + benchUser(0) + "/gmail"}, Proof: []string{`"access_token":"ya29.`},
	})
	if err != nil {
		return err
	}
	if err := check("wrong answers ("+r.FirstWrong+")", r.Wrong, 0); err != nil {
		return err
	}
	if err := check("answers", r.Answers, int64(callers)); err != nil {
		return err
	}
	after, err := g.refreshes(ctx)
	if err != nil {
		return err
	}
	b.add(row{What: fmt.Sprintf("refreshes for %s callers", number(float64(callers))), On: d.name, Value: float64(after - before), Unit: "refreshes", Goal: exactly(1),
		Note: fmt.Sprintf("in %d processes; all answered after %s ms, p50 %s ms", len(addresses), number(r.Slowest), number(r.P50))})
	return nil
}

// refreshes counts what the token endpoint has been asked.
func (g *gmailSim) refreshes(ctx context.Context) (int, error) {
	var all []struct{ API, Method string }
	if err := g.control(ctx, http.MethodGet, "requests", nil, &all); err != nil {
		return 0, err
	}
	n := 0
	for _, r := range all {
		if r.API == "oauth" && r.Method == "token" {
			n++
		}
	}
	return n, nil
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	ownerEmail    = "mara.lindqvist@northwind-lamps.example"
	ownerPassword = "a bench of oak and brass"
	encryptionKey = "YmVuY2ggYmVuY2ggYmVuY2ggYmVuY2ggYmVuY2ggMTI=" // of throw-away databases
)

// product is `rapport serve` in a process of its own.
type product struct {
	*process
	client    *http.Client // keeps one connection and the session
	token     string
	workspace string
	profiler  string        // address of Go's profiler, "" when profiles are not wanted
	started   time.Duration // from exec to the first answer of /health
}

// serveOptions choose how the program is started.
type serveOptions struct {
	at          place
	google      string // address of the simulator, "" for none
	quota       string // GOOGLE_QUOTA
	withoutSync bool
	more        func(address string) []string // further settings
	prepare     func(env []string) error      // done before the start, with all settings
}

func (b *bench) serve(ctx context.Context, o serveOptions) (*product, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	env := []string{
		"SERVICE_PORT=" + strconv.Itoa(port), "LOG_LEVEL=error", "DATA_DIR=" + b.scratch, "ENCRYPTION_KEY=" + encryptionKey,
		"GOOGLE_CLIENT_ID=" + clientID, "GOOGLE_CLIENT_SECRET=" + clientSecret, "GOOGLE_BASE_URL=" + o.google,
	}
	if o.at.URL != "" {
		env = append(env, "DATABASE_URL="+o.at.URL)
	} else {
		env = append(env, "DATABASE_PATH="+o.at.Path)
	}
	if o.quota != "" {
		env = append(env, "GOOGLE_QUOTA="+o.quota)
	}
	if o.withoutSync {
		env = append(env, "WITHOUT_SYNC=true")
	}
	profiler := ""
	if b.profile != "" {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		profiler = "127.0.0.1:" + strconv.Itoa(port)
		env = append(env, "PPROF_ADDRESS="+profiler)
	}
	if o.more != nil {
		env = append(env, o.more("http://127.0.0.1:"+strconv.Itoa(port))...)
	}
	if o.prepare != nil {
		if err := o.prepare(env); err != nil {
			return nil, err
		}
	}
	p, took, err := b.launch(ctx, port, "/health", env, "serve")
	if err != nil {
		return nil, err
	}
	jar, _ := cookiejar.New(nil) // fails for bad options only
	return &product{process: p, profiler: profiler, started: took, client: plainHTTP(jar, true)}, nil
}

// plainHTTP is a client with a connection of its own, with or without asking for
// compressed answers.
func plainHTTP(jar http.CookieJar, compressed bool) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = !compressed
	return &http.Client{Jar: jar, Timeout: 2 * time.Minute, Transport: t}
}

// watched does work while the profiler of the program runs, if profiles are
// wanted.
func (b *bench) watched(ctx context.Context, p *product, name string, work func() error) error {
	if p.profiler == "" {
		return work()
	}
	began := time.Now()
	if err := work(); err != nil { // once to know how long it takes
		return err
	}
	secs := max(1, int(time.Since(began).Seconds()))
	taken := make(chan error, 1)
	go func() { taken <- p.takeProfile(ctx, filepath.Join(b.profile, name+".pprof"), secs) }()
	err := work()
	return errors.Join(err, <-taken)
}

func (p *product) takeProfile(ctx context.Context, file string, secs int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", p.profiler, secs), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("taking a profile: %s: %w: %s", resp.Status, err, tail(b, 200))
	}
	return os.WriteFile(file, b, 0o644)
}

// setUp makes the first owner and workspace.
func (p *product) setUp(ctx context.Context) error {
	var me struct {
		Workspaces []struct{ ID string }
	}
	err := p.call(ctx, http.MethodPost, "/setup", map[string]string{
		"workspace_name": "Northwind Lamps", "name": "Mara Lindqvist", "email": ownerEmail, "password": ownerPassword,
	}, &me)
	if err != nil {
		return err
	}
	if len(me.Workspaces) != 1 {
		return fmt.Errorf("setup gave %d workspaces", len(me.Workspaces))
	}
	p.workspace = me.Workspaces[0].ID
	return p.signIn(ctx)
}

// signIn gets a bearer token.
func (p *product) signIn(ctx context.Context) error {
	var t struct {
		AccessToken string `json:"access_token"`
	}
	if err := p.call(ctx, http.MethodPost, "/auth/token", map[string]string{"email": ownerEmail, "password": ownerPassword}, &t); err != nil {
		return err
	}
	p.token = t.AccessToken
	var list struct {
		Items []struct{ ID string }
	}
	if err := p.call(ctx, http.MethodGet, "/workspaces", nil, &list); err != nil {
		return err
	}
	if len(list.Items) == 0 {
		return errors.New("no workspace")
	}
	p.workspace = list.Items[0].ID
	return nil
}

// google is the path of the Google integration of the workspace.
func (p *product) google(path string) string {
	return "/workspaces/" + p.workspace + "/integrations/google" + path
}

func (p *product) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.url+"/api/v1"+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	return do(p.client, req, out)
}

// consent walks through the simulator's consent page for an account and gives
// the callback address Google would send the browser to. Following it connects.
func (p *product) consent(ctx context.Context, account string) (callback string, err error) {
	var to struct {
		AuthorizationURL string `json:"authorization_url"`
	}
	if err := p.call(ctx, http.MethodGet, p.google("/connect?services=gmail"), nil, &to); err != nil {
		return "", err
	}
	return agree(ctx, to.AuthorizationURL, account)
}

// follow sends the browser to the callback: from here on the product may work.
func (p *product) follow(ctx context.Context, callback string) error {
	u, err := url.Parse(callback)
	if err != nil {
		return err
	}
	own, err := url.Parse(p.url)
	if err != nil {
		return err
	}
	u.Host = own.Host // the public address is localhost
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	c := *p.client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if to := resp.Header.Get("Location"); resp.StatusCode/100 != 3 || !strings.Contains(to, "connected") {
		return fmt.Errorf("the callback answered %s to %q: %s", resp.Status, to, tail(body, 300))
	}
	return nil
}

// connect walks the whole consent.
func (p *product) connect(ctx context.Context, account string) error {
	callback, err := p.consent(ctx, account)
	if err != nil {
		return err
	}
	return p.follow(ctx, callback)
}

// status is the part of the connection's status that is looked at here.
type status struct {
	ConnectionID string `json:"connection_id"`
	Counts       struct{ Messages, Failures int64 }
	Streams      []struct {
		Stream, State, Error string
	}
}

func (p *product) status(ctx context.Context) (status, error) {
	var s status
	err := p.call(ctx, http.MethodGet, p.google("/status"), nil, &s)
	return s, err
}

// agree is the person in front of the consent page: chooses the account, allows
// everything, and gives the address the browser is sent back to.
func agree(ctx context.Context, authorization, account string) (string, error) {
	form := url.Values{"account": {account}, "decision": {"continue"}, "select_all": {"1"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, authorization, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusSeeOther {
		return "", fmt.Errorf("the consent page answered %s: %s", resp.Status, tail(body, 300))
	}
	return resp.Header.Get("Location"), nil
}

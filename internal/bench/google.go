package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// gmailSim is the simulator in a process of its own, driven by its control API.
type gmailSim struct{ *process }

// OAuth client of the measurements, registered when first used.
const (
	clientID     = "100000000002-bench.apps.googleusercontent.com"
	clientSecret = "GOCSPX-bench"
	readScope    = "https://www.googleapis.com/auth/gmail.readonly"
)

// gmail starts a simulator without quota and latency.
func (b *bench) gmail(ctx context.Context) (*gmailSim, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p, _, err := b.launch(ctx, port, "/_sim/clock", nil, "sim", "--port", strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	g := &gmailSim{p}
	if err := g.quota(ctx, "none"); err != nil {
		g.stop()
		return nil, err
	}
	return g, nil
}

func (g *gmailSim) quota(ctx context.Context, preset string) error {
	return g.control(ctx, http.MethodPost, "quota", map[string]any{"preset": preset}, nil)
}

func (g *gmailSim) latency(ctx context.Context, d time.Duration) error {
	return g.control(ctx, http.MethodPost, "latency", map[string]any{"ms": d.Milliseconds(), "jitter_ms": 0}, nil)
}

// mailbox makes an account with n generated messages.
func (g *gmailSim) mailbox(ctx context.Context, email string, n int, seed int64) error {
	return g.control(ctx, http.MethodPost, "accounts", map[string]any{
		"email": email, "name": "Bench", "domain": "northwind-lamps.example", "messages": n, "seed": seed,
	}, nil)
}

func (g *gmailSim) token(ctx context.Context, email string, scopes ...string) (string, error) {
	var out struct {
		AccessToken string `json:"access_token"`
	}
	err := g.control(ctx, http.MethodPost, "accounts/"+url.PathEscape(email)+"/token", map[string]any{"client_id": clientID, "scopes": scopes}, &out)
	return out.AccessToken, err
}

// usage is what one account used of one method.
type usage struct {
	Account, API, Method            string
	Calls, Units, Refused, Failures int
}

// used sums up the calls of an account ("" for all) to Gmail: by method, units
// and refusals.
func (g *gmailSim) used(ctx context.Context, account string) (calls map[string]int, units, refused int, err error) {
	var all []usage
	if err := g.control(ctx, http.MethodGet, "usage", nil, &all); err != nil {
		return nil, 0, 0, err
	}
	calls = map[string]int{}
	for _, u := range all {
		if u.API == "gmail" && (account == "" || u.Account == account) {
			calls[u.Method] += u.Calls
			units += u.Units
			refused += u.Refused
		}
	}
	return calls, units, refused, nil
}

// total of calls.
func total(calls map[string]int) int {
	n := 0
	for _, c := range calls {
		n += c
	}
	return n
}

// named lists calls as "messages.get 20, threads.get 3".
func named(calls map[string]int) string {
	var parts []string
	for _, m := range slices.Sorted(maps.Keys(calls)) {
		if calls[m] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", m, calls[m]))
		}
	}
	return strings.Join(parts, ", ")
}

func (g *gmailSim) control(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, g.url+"/_sim/"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return do(http.DefaultClient, req, out)
}

// answer is the body of one call of an API.
func (g *gmailSim) answer(ctx context.Context, token, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	var raw json.RawMessage
	err = do(http.DefaultClient, req, &raw)
	return raw, err
}

// do sends a request and decodes its JSON answer.
func do(c *http.Client, req *http.Request, out any) error {
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, err)
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", req.Method, req.URL.Path, resp.Status, tail(b, 300))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("%s %s: %w: %s", req.Method, req.URL.Path, err, tail(b, 200))
	}
	return nil
}

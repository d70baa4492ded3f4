package vaulttest

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

// Provider is a small OAuth server without HTTP: codes, rotation and death of
// tokens follow Google's rules as far as the vault can see them.
type Provider struct {
	Now func() time.Time

	mu        sync.Mutex
	Refreshes int
	Revoked   []string
	Exchanged int
	NoRefresh bool  // the next exchange gives no refresh token
	RotateOn  bool  // refreshes give a new refresh token
	Fails     error // of every refresh
	Block     chan struct{}
	Entered   chan struct{} // told when a refresh has begun, if not nil
	Life      time.Duration
	Narrow    []string      // scopes that refreshes give, nil: as consented
	EndsIn    time.Duration // refresh_token_expires_in of every answer

	script  func(count int) error
	scripts int
	codes   map[string]given
	living  map[string]given // by refresh token
	counter int
}

type given struct {
	identity vault.Identity
	nonce    string
	verifier string
	scopes   []string
}

// NewProvider makes a provider whose access tokens live an hour.
func NewProvider(now func() time.Time) *Provider {
	return &Provider{Now: now, Life: 3599 * time.Second, codes: map[string]given{}, living: map[string]given{}}
}

// Grant is what a person does on the consent page: it gives a code.
func (p *Provider) Grant(address string, id vault.Identity, scopes ...string) (state, code string) {
	u, _ := url.Parse(address)
	q := u.Query()
	if len(scopes) == 0 {
		scopes = strings.Fields(q.Get("scope"))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counter++
	code = fmt.Sprintf("4/%d", p.counter)
	p.codes[code] = given{identity: id, nonce: q.Get("nonce"), verifier: q.Get("code_challenge"), scopes: scopes}
	return q.Get("state"), code
}

func (p *Provider) AuthURL(c vault.Client, r vault.ConsentRequest) string {
	return "https://accounts.google.example/auth?" + url.Values{
		"client_id": {c.GoogleID}, "scope": {strings.Join(r.Scopes, " ")}, "state": {r.State}, "nonce": {r.Nonce},
		"code_challenge": {r.Challenge}, "prompt": {r.Prompt}, "login_hint": {r.LoginHint}, "redirect_uri": {r.RedirectURI},
		"offline": {fmt.Sprint(r.Offline)}, "include_granted_scopes": {fmt.Sprint(r.IncludeGranted)},
	}.Encode()
}

func (p *Provider) Issued(iss string) bool { return iss == "https://accounts.google.example" }

func (p *Provider) Exchange(_ context.Context, _ vault.Client, code string, verifier crm.Secret, _ string) (vault.Tokens, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Exchanged++
	g, ok := p.codes[code]
	delete(p.codes, code)
	if !ok || verifier.IsZero() {
		return vault.Tokens{}, &fault.Error{Kind: fault.Invalid, Code: "consent_expired", Text: "The code was used."}
	}
	t := p.issue(g)
	if !p.NoRefresh {
		t.Refresh = p.refreshToken(g)
	}
	p.NoRefresh = false
	t.IDToken = crm.NewSecret(g.identity.Sub + "|" + g.nonce + "|" + g.identity.Email + "|" + g.identity.HostedDomain + "|" + fmt.Sprint(g.identity.EmailVerified))
	return t, nil
}

func (p *Provider) issue(g given) vault.Tokens {
	p.counter++
	return vault.Tokens{Access: crm.NewSecret(fmt.Sprintf("ya29.%d", p.counter)), Expiry: p.Now().Add(p.Life), Scopes: g.scopes, RefreshExpiresIn: p.EndsIn}
}

func (p *Provider) refreshToken(g given) crm.Secret {
	p.counter++
	t := fmt.Sprintf("1//%d", p.counter)
	p.living[t] = g
	return crm.NewSecret(t)
}

func (p *Provider) Verify(_ context.Context, _ vault.Client, idToken crm.Secret, nonce string) (vault.Identity, error) {
	f := strings.Split(idToken.Reveal(), "|")
	if len(f) != 5 || f[1] != nonce {
		return vault.Identity{}, fault.New(fault.Invalid, "another nonce")
	}
	return vault.Identity{Sub: f[0], Email: f[2], HostedDomain: f[3], EmailVerified: f[4] == "true"}, nil
}

func (p *Provider) Refresh(ctx context.Context, _ vault.Client, refresh crm.Secret) (vault.Tokens, error) {
	p.mu.Lock()
	p.Refreshes++
	block, entered := p.Block, p.Entered
	p.mu.Unlock()
	if entered != nil {
		entered <- struct{}{}
	}
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return vault.Tokens{}, fault.New(fault.Unavailable, "timed out: %w", ctx.Err())
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Fails != nil {
		return vault.Tokens{}, p.Fails
	}
	if p.script != nil {
		p.scripts++
		if err := p.script(p.scripts); err != nil {
			return vault.Tokens{}, err
		}
	}
	g, ok := p.living[refresh.Reveal()]
	if !ok {
		return vault.Tokens{}, fault.New(fault.Reconnect, "invalid_grant")
	}
	t := p.issue(g)
	if p.Narrow != nil {
		t.Scopes = p.Narrow
	}
	if p.RotateOn {
		delete(p.living, refresh.Reveal())
		t.Refresh = p.refreshToken(g)
	}
	return t, nil
}

func (p *Provider) Revoke(_ context.Context, _ vault.Client, token crm.Secret) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Fails != nil {
		return p.Fails
	}
	p.Revoked = append(p.Revoked, token.Reveal())
	delete(p.living, token.Reveal())
	return nil
}

// Script decides on each refresh from now on, by its number: nil lets it be.
func (p *Provider) Script(decide func(count int) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script, p.scripts = decide, 0
}

// KillAll ends every grant, as a change of password does.
func (p *Provider) KillAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.living)
}

// Alive reports whether a refresh token works.
func (p *Provider) Alive(refresh crm.Secret) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.living[refresh.Reveal()]
	return ok
}

// Count is the number of refreshes asked for.
func (p *Provider) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Refreshes
}

// Covers reports whether the consent address asks for all these scopes.
func Covers(address string, scopes ...string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	asked := strings.Fields(u.Query().Get("scope"))
	return !slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(asked, s) })
}

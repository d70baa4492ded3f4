package google

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

// OAuth is Google's OAuth 2.0 and OpenID Connect; it implements vault.Provider.
type OAuth struct {
	endpoints Endpoints
	client    *http.Client
	now       func() time.Time
	keys      func() oidc.KeySet
	warm      sync.Once
	risc      signingKeys
	push      signingKeys // of push requests: those of id tokens, fetched within bounds
}

var _ vault.Provider = (*OAuth)(nil)

// NewOAuth makes the provider. now may be nil.
func NewOAuth(e Endpoints, client *http.Client, now func() time.Time) *OAuth {
	if now == nil {
		now = time.Now
	}
	o := &OAuth{endpoints: e, client: client, now: now}
	o.keys = sync.OnceValue(func() oidc.KeySet {
		// The key set outlives every request: it must not be bound to one's context.
		return oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), client), e.Keys)
	})
	return o
}

// Issued reports whether iss is a name under which this provider answers.
func (o *OAuth) Issued(iss string) bool { return slices.Contains(o.endpoints.Issuers, iss) }

func (o *OAuth) config(c vault.Client, redirect string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: c.GoogleID, ClientSecret: c.Secret.Reveal(), RedirectURL: redirect,
		Endpoint: oauth2.Endpoint{AuthURL: o.endpoints.Auth, TokenURL: o.endpoints.Token, AuthStyle: oauth2.AuthStyleInParams},
	}
}

func (o *OAuth) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, o.client)
}

// AuthURL makes the address of the consent page.
func (o *OAuth) AuthURL(c vault.Client, r vault.ConsentRequest) string {
	cfg := o.config(c, r.RedirectURI)
	cfg.Scopes = r.Scopes
	opts := []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("nonce", r.Nonce),
		oauth2.SetAuthURLParam("code_challenge", r.Challenge),
		oauth2.SetAuthURLParam("code_challenge_method", "S256"),
	}
	for key, value := range map[string]string{"prompt": r.Prompt, "login_hint": r.LoginHint} {
		if value != "" {
			opts = append(opts, oauth2.SetAuthURLParam(key, value))
		}
	}
	if r.Offline {
		opts = append(opts, oauth2.AccessTypeOffline)
	}
	if r.IncludeGranted {
		opts = append(opts, oauth2.SetAuthURLParam("include_granted_scopes", "true"))
	}
	return cfg.AuthCodeURL(r.State, opts...)
}

// unsigned is a token that no key has signed: {"alg":"RS256"}, {}.
const unsigned = "eyJhbGciOiJSUzI1NiJ9.e30.AA"

// fetchKeys lets the key set fetch Google's keys, as it does for a token whose
// key it does not know. When that fails, Verify fetches them again.
func (o *OAuth) fetchKeys() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _ = o.keys().VerifySignature(ctx, unsigned)
}

// Exchange redeems a code.
func (o *OAuth) Exchange(ctx context.Context, c vault.Client, code string, verifier crm.Secret, redirect string) (vault.Tokens, error) {
	// Google's keys are needed to verify what comes back: the first time they are
	// fetched meanwhile.
	o.warm.Do(func() { go o.fetchKeys() })
	if code == "" {
		return vault.Tokens{}, fault.New(fault.Invalid, "Google sent no code. Start again.")
	}
	t, err := o.config(c, redirect).Exchange(o.context(ctx), code, oauth2.VerifierOption(verifier.Reveal()))
	if err != nil {
		return vault.Tokens{}, fromToken(err, fault.Invalid, o.now())
	}
	return o.tokens(t, ""), nil
}

// Refresh gives a new access token.
func (o *OAuth) Refresh(ctx context.Context, c vault.Client, refresh crm.Secret) (vault.Tokens, error) {
	old := refresh.Reveal()
	if old == "" {
		return vault.Tokens{}, fault.New(fault.Reconnect, "There is no refresh token.")
	}
	t, err := o.config(c, "").TokenSource(o.context(ctx), &oauth2.Token{RefreshToken: old}).Token()
	if err != nil {
		return vault.Tokens{}, fromToken(err, fault.Reconnect, o.now())
	}
	return o.tokens(t, old), nil
}

// tokens reads an answer. The library copies the old refresh token into an
// answer without one, which is undone here.
func (o *OAuth) tokens(t *oauth2.Token, old string) vault.Tokens {
	out := vault.Tokens{Access: crm.NewSecret(t.AccessToken), Expiry: o.now().Add(time.Duration(t.ExpiresIn) * time.Second)}
	if t.ExpiresIn <= 0 {
		out.Expiry = o.now() // never trust a token without an end for long
	}
	if t.RefreshToken != old {
		out.Refresh = crm.NewSecret(t.RefreshToken)
	}
	if scope, ok := t.Extra("scope").(string); ok {
		out.Scopes = strings.Fields(scope)
	}
	if id, ok := t.Extra("id_token").(string); ok {
		out.IDToken = crm.NewSecret(id)
	}
	if n, ok := t.Extra("refresh_token_expires_in").(float64); ok && n > 0 {
		out.RefreshExpiresIn = time.Duration(n) * time.Second
	}
	return out
}

// Verify checks an id token: signature by Google's keys, iss, aud, exp, nonce.
func (o *OAuth) Verify(ctx context.Context, c vault.Client, idToken crm.Secret, nonce string) (vault.Identity, error) {
	if idToken.IsZero() {
		return vault.Identity{}, fault.New(fault.Invalid, "Google did not say who signed in. Start again.")
	}
	// SkipIssuerCheck: the library knows one issuer, Google has two spellings; checked below.
	verifier := oidc.NewVerifier("", o.keys(), &oidc.Config{ClientID: c.GoogleID, SkipIssuerCheck: true, Now: o.now})
	t, err := verifier.Verify(oidc.ClientContext(ctx, o.client), idToken.Reveal())
	if err != nil {
		return vault.Identity{}, o.notVerified(ctx, err)
	}
	if !o.Issued(t.Issuer) || t.Nonce != nonce || nonce == "" {
		return vault.Identity{}, fault.New(fault.Invalid, "The identity Google sent is not for this sign-in. Start again.")
	}
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
		Name     string `json:"name"`
		Domain   string `json:"hd"`
	}
	if err := t.Claims(&claims); err != nil || t.Subject == "" {
		return vault.Identity{}, fault.New(fault.Invalid, "The identity Google sent cannot be read. Start again.")
	}
	return vault.Identity{Sub: t.Subject, Email: strings.ToLower(claims.Email), Name: claims.Name,
		HostedDomain: claims.Domain, EmailVerified: claims.Verified}, nil
}

// notVerified tells a bad token from keys that could not be fetched.
func (o *OAuth) notVerified(ctx context.Context, err error) error {
	var network *url.Error
	if ctx.Err() != nil || errors.As(err, &network) || strings.Contains(err.Error(), "fetching keys") {
		return &fault.Error{Kind: fault.Unavailable, Code: "google_unavailable", Text: "Google's keys cannot be fetched just now. Try again.", Err: err}
	}
	return &fault.Error{Kind: fault.Invalid, Text: "The identity Google sent could not be verified. Start again.", Err: err}
}

// Revoke ends the whole grant. A token that is dead already counts as revoked:
// Google answers 400 invalid_token for it.
func (o *OAuth) Revoke(ctx context.Context, c vault.Client, token crm.Secret) error {
	form := url.Values{"token": {token.Reveal()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.endpoints.Revoke, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("making the revocation: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := o.client.Do(req)
	if err != nil {
		return fromNetwork(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return fromNetwork(err)
	}
	if res.StatusCode == http.StatusOK || res.StatusCode == http.StatusBadRequest && strings.Contains(string(body), `"invalid_token"`) {
		return nil
	}
	return classify(res.StatusCode, res.Header, body, o.now())
}

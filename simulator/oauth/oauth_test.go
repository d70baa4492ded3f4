package oauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/oauth2"
	oauth2api "google.golang.org/api/oauth2/v2"
	"google.golang.org/api/option"

	"rapport/simulator"
	"rapport/simulator/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	mara     = "mara@northwind-lamps.example"
	tom      = "tom@northwind-lamps.example"
	pia      = "pia@mailbox.example" // outside
	readonly = "https://www.googleapis.com/auth/gmail.readonly"
	modify   = "https://www.googleapis.com/auth/gmail.modify"
	events   = "https://www.googleapis.com/auth/calendar.events"
	email    = "https://www.googleapis.com/auth/userinfo.email"
	profile  = "https://www.googleapis.com/auth/userinfo.profile"
	redirect = "http://localhost:8000/callback"
)

func ctx(t *testing.T) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), oauth2.HTTPClient, http.DefaultClient)
}

func start(t *testing.T, change ...func(*simulator.Options)) *simulator.Simulator {
	t.Helper()
	opt := simulator.Options{Seed: 7, Accounts: []simulator.Account{
		{Email: mara, Name: "Mara Lindqvist"}, {Email: tom, Name: "Tom Okafor"}, {Email: pia, Name: "Pia Sandoval", Kind: world.Outside},
	}}
	for _, c := range change {
		c(&opt)
	}
	sim, err := simulator.New(opt)
	require.NoError(t, err)
	require.NoError(t, sim.Start("127.0.0.1:0"))
	t.Cleanup(func() {
		require.NoError(t, sim.Close())
		http.DefaultClient.CloseIdleConnections()
	})
	return sim
}

func config(sim *simulator.Simulator, scopes ...string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: world.DemoClientID, ClientSecret: world.DemoClientSecret, RedirectURL: redirect, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: sim.URL() + "/o/oauth2/v2/auth", TokenURL: sim.URL() + "/token", AuthStyle: oauth2.AuthStyleInParams},
	}
}

// consent walks from the application to its callback, ticking all boxes.
func consent(t *testing.T, cfg *oauth2.Config, account string, opts ...oauth2.AuthCodeOption) url.Values {
	t.Helper()
	b := newBrowser(t)
	to := b.open(cfg.AuthCodeURL("state-1", opts...))
	if to == nil {
		to = b.choose(account)
	}
	if to == nil {
		all, _ := b.ticked()
		to = b.press("continue", append([]string{"none"}, all...))
	}
	require.NotNil(t, to, "still on a page")
	require.Equal(t, redirect, to.Scheme+"://"+to.Host+to.Path)
	return to.Query()
}

func connect(t *testing.T, cfg *oauth2.Config, account string, opts ...oauth2.AuthCodeOption) *oauth2.Token {
	t.Helper()
	q := consent(t, cfg, account, opts...)
	require.Empty(t, q.Get("error"))
	tok, err := cfg.Exchange(ctx(t), q.Get("code"))
	require.NoError(t, err)
	return tok
}

func TestWholeFlowWithGooglesLibraries(t *testing.T) {
	sim := start(t)
	cfg := config(sim, "openid", "email", "profile", readonly, events)
	verifier := oauth2.GenerateVerifier()

	b := newBrowser(t)
	require.Nil(t, b.open(cfg.AuthCodeURL("my state", oauth2.AccessTypeOffline, oauth2.ApprovalForce,
		oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("nonce", "n-1"))))
	require.Equal(t, http.StatusOK, b.status)
	require.Contains(t, b.text("simulated"), "Simulated Google")
	require.NotNil(t, b.element("account-"+tom))

	require.Nil(t, b.choose(mara))
	require.Equal(t, mara, b.text("chosen-account"))
	all, on := b.ticked()
	require.ElementsMatch(t, []string{readonly, events}, all, "sign-in scopes have no box")
	require.Empty(t, on, "boxes are unticked at first")

	to := b.press("continue", []string{readonly})
	require.NotNil(t, to)
	q := to.Query()
	require.Equal(t, "my state", q.Get("state"))
	require.Equal(t, sim.URL(), q.Get("iss"))
	require.Equal(t, "northwind-lamps.example", q.Get("hd"))
	require.Equal(t, "consent", q.Get("prompt"))
	require.ElementsMatch(t, []string{"openid", email, profile, readonly}, strings.Fields(q.Get("scope")))
	require.True(t, strings.HasPrefix(q.Get("code"), "4/"))

	tok, err := cfg.Exchange(ctx(t), q.Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(t, err)
	require.NotEmpty(t, tok.RefreshToken)
	require.LessOrEqual(t, len(tok.RefreshToken), 512)
	require.Equal(t, "Bearer", tok.TokenType)
	require.EqualValues(t, 3599, tok.Extra("expires_in"))
	require.ElementsMatch(t, []string{"openid", email, profile, readonly}, strings.Fields(tok.Extra("scope").(string)), "only what was ticked, long names")
	require.Nil(t, tok.Extra("refresh_token_expires_in"))

	provider, err := oidc.NewProvider(ctx(t), sim.URL())
	require.NoError(t, err)
	id, err := provider.Verifier(&oidc.Config{ClientID: cfg.ClientID}).Verify(ctx(t), tok.Extra("id_token").(string))
	require.NoError(t, err)
	require.NoError(t, id.VerifyAccessToken(tok.AccessToken))
	require.Equal(t, "n-1", id.Nonce)
	var claims map[string]any
	require.NoError(t, id.Claims(&claims))
	for k, want := range map[string]any{"email": mara, "email_verified": true, "hd": "northwind-lamps.example",
		"name": "Mara Lindqvist", "given_name": "Mara", "family_name": "Lindqvist", "azp": cfg.ClientID} {
		require.Equal(t, want, claims[k], k)
	}
	require.Regexp(t, `^\d{21}$`, id.Subject)

	info, err := provider.UserInfo(ctx(t), oauth2.StaticTokenSource(tok))
	require.NoError(t, err)
	require.Equal(t, mara, info.Email)
	require.Equal(t, id.Subject, info.Subject)

	svc, err := googleOAuth(t, sim, tok)
	require.NoError(t, err)
	me, err := svc.Userinfo.Get().Do()
	require.NoError(t, err)
	require.Equal(t, mara, me.Email)
	require.Equal(t, id.Subject, me.Id)
	require.Equal(t, "northwind-lamps.example", me.Hd)
	require.True(t, *me.VerifiedEmail)
	ti, err := svc.Tokeninfo().AccessToken(tok.AccessToken).Do()
	require.NoError(t, err)
	require.Equal(t, cfg.ClientID, ti.IssuedTo)
	require.Equal(t, mara, ti.Email)

	again, err := cfg.TokenSource(ctx(t), &oauth2.Token{RefreshToken: tok.RefreshToken}).Token()
	require.NoError(t, err)
	require.NotEqual(t, tok.AccessToken, again.AccessToken)
	require.Equal(t, tok.RefreshToken, again.RefreshToken)
	require.NotEmpty(t, again.Extra("id_token"))

	_, err = cfg.Exchange(ctx(t), q.Get("code"), oauth2.VerifierOption(verifier))
	requireOAuthError(t, err, 400, "invalid_grant", "Bad Request")
}

func googleOAuth(t *testing.T, sim *simulator.Simulator, tok *oauth2.Token) (*oauth2api.Service, error) {
	t.Helper()
	return oauth2api.NewService(t.Context(), option.WithEndpoint(sim.URL()), option.WithTokenSource(oauth2.StaticTokenSource(tok)))
}

func requireOAuthError(t *testing.T, err error, status int, code, description string) {
	t.Helper()
	var e *oauth2.RetrieveError
	require.ErrorAs(t, err, &e)
	require.Equal(t, status, e.Response.StatusCode)
	require.Equal(t, code, e.ErrorCode)
	require.Equal(t, description, e.ErrorDescription)
}

// post calls an endpoint and returns its JSON.
func post(t *testing.T, address string, form url.Values, basic ...string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(basic) == 2 {
		req.SetBasicAuth(basic[0], basic[1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	out := map[string]any{}
	require.NoError(t, json.Unmarshal(body, &out), "%s", body)
	return resp.StatusCode, out
}

func getJSON(t *testing.T, address, bearer string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	out := map[string]any{}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
	return resp.StatusCode, out
}

func postRevoke(t *testing.T, sim *simulator.Simulator, token string) {
	t.Helper()
	status, _ := post(t, sim.URL()+"/revoke", url.Values{"token": {token}})
	require.Equal(t, http.StatusOK, status)
}

func control(t *testing.T, sim *simulator.Simulator, method, path string, body any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), method, sim.URL()+path, bytes.NewReader(raw))
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	out := map[string]any{}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&out))
	require.Equal(t, http.StatusOK, resp.StatusCode, "%v", out)
	return out
}

func TestFixedIssuer(t *testing.T) {
	sim := start(t, func(o *simulator.Options) { o.Issuer = "https://accounts.google.com" })
	q := consent(t, config(sim, "openid"), mara)
	require.Equal(t, "https://accounts.google.com", q.Get("iss"))
	_, doc := getJSON(t, sim.URL()+"/.well-known/openid-configuration", "")
	require.Equal(t, "https://accounts.google.com", doc["issuer"])
	require.Equal(t, sim.URL()+"/token", doc["token_endpoint"])
}

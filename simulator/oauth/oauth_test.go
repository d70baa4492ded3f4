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
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/html"
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

// Every row of the table of token endpoint errors.
func TestTokenErrors(t *testing.T) {
	const deleted, public = "200000000002-gone.apps.googleusercontent.com", "200000000003-native.apps.googleusercontent.com"
	sim := start(t, func(o *simulator.Options) {
		o.StrictClients = true
		o.Clients = []world.Client{{ID: deleted, Secret: "s", Deleted: true}, {ID: public, Public: true},
			{ID: "200000000004-other.apps.googleusercontent.com", Secret: "other"}}
	})
	token := sim.URL() + "/token"
	cfg := config(sim, readonly)
	code := func(opts ...oauth2.AuthCodeOption) string { return consent(t, cfg, mara, opts...).Get("code") }
	refresh := func(account string) string {
		r, err := sim.OAuth.IssueRefresh(account, "", []string{readonly})
		require.NoError(t, err)
		return r
	}
	client := func(more ...string) url.Values {
		v := url.Values{"client_id": {world.DemoClientID}, "client_secret": {world.DemoClientSecret}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	revoked := refresh(mara)
	postRevoke(t, sim, revoked)
	s256 := oauth2.S256ChallengeOption("a verifier of sufficient length, forty-three characters at least")
	expired := code()
	sim.World.Clock.Advance(10 * time.Minute)

	for _, c := range []struct {
		name              string
		form              url.Values
		status            int
		code, description string
	}{
		{"refresh token revoked", client("grant_type", "refresh_token", "refresh_token", revoked), 400, "invalid_grant", "Token has been expired or revoked."},
		{"refresh token unknown", client("grant_type", "refresh_token", "refresh_token", "1//nobody"), 400, "invalid_grant", "Bad Request"},
		{"refresh token of another client", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh(tom)},
			"client_id": {"200000000004-other.apps.googleusercontent.com"}, "client_secret": {"other"}}, 400, "invalid_grant", "Bad Request"},
		{"refresh token missing", client("grant_type", "refresh_token"), 400, "invalid_request", "Missing required parameter: refresh_token"},
		{"code garbled", client("grant_type", "authorization_code", "code", "4%2F0Aabc", "redirect_uri", redirect), 400, "invalid_grant", "Malformed auth code."},
		{"code unknown", client("grant_type", "authorization_code", "code", "4/0Aabc", "redirect_uri", redirect), 400, "invalid_grant", "Bad Request"},
		{"code expired", client("grant_type", "authorization_code", "code", expired, "redirect_uri", redirect), 400, "invalid_grant", "Bad Request"},
		{"verifier wrong", client("grant_type", "authorization_code", "code", code(s256), "redirect_uri", redirect, "code_verifier", "wrong"), 400, "invalid_grant", "Invalid code verifier."},
		{"verifier missing", client("grant_type", "authorization_code", "code", code(s256), "redirect_uri", redirect), 400, "invalid_grant", "Missing code verifier."},
		{"verifier without challenge", client("grant_type", "authorization_code", "code", code(), "redirect_uri", redirect, "code_verifier", "x"), 400, "invalid_grant", "code_verifier or verifier is not needed."},
		{"code missing", client("grant_type", "authorization_code", "redirect_uri", redirect), 400, "invalid_request", "Missing required parameter: code"},
		{"redirect missing", client("grant_type", "authorization_code", "code", code()), 400, "invalid_request", "Missing required parameter: redirect_uri"},
		{"redirect differs", client("grant_type", "authorization_code", "code", code(), "redirect_uri", redirect+"/"), 400, "redirect_uri_mismatch", "Bad Request"},
		{"no client", url.Values{"grant_type": {"refresh_token"}}, 400, "invalid_request", "Could not determine client ID from request."},
		{"no secret", url.Values{"grant_type": {"refresh_token"}, "client_id": {world.DemoClientID}}, 400, "invalid_request", "client_secret is missing."},
		{"client unknown", url.Values{"grant_type": {"refresh_token"}, "client_id": {"nobody"}, "client_secret": {"x"}}, 401, "invalid_client", "The OAuth client was not found."},
		{"secret wrong", url.Values{"grant_type": {"refresh_token"}, "client_id": {world.DemoClientID}, "client_secret": {"x"}}, 401, "invalid_client", "Unauthorized"},
		{"client deleted", url.Values{"grant_type": {"refresh_token"}, "client_id": {deleted}, "client_secret": {"s"}}, 401, "deleted_client", "The OAuth client was deleted."},
		{"native client needs no secret", url.Values{"grant_type": {"refresh_token"}, "client_id": {public}, "refresh_token": {"1//x"}}, 400, "invalid_grant", "Bad Request"},
		{"grant type missing", client(), 400, "invalid_request", "Missing required parameter: grant_type"},
		{"grant type unknown", client("grant_type", "password"), 400, "unsupported_grant_type", "Invalid grant_type: password"},
		{"refresh with more scopes", client("grant_type", "refresh_token", "refresh_token", refresh(mara), "scope", readonly+" "+events), 400, "invalid_scope", "Bad Request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := post(t, token, c.form)
			require.Equal(t, c.status, status)
			require.Equal(t, map[string]any{"error": c.code, "error_description": c.description}, body)
		})
	}

	t.Run("client by Basic", func(t *testing.T) {
		status, body := post(t, token, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh(mara)}}, world.DemoClientID, world.DemoClientSecret)
		require.Equal(t, 200, status)
		require.NotEmpty(t, body["access_token"])
		status, body = post(t, token, url.Values{"grant_type": {"refresh_token"}}, world.DemoClientID, "wrong")
		require.Equal(t, 401, status)
		require.Equal(t, "invalid_client", body["error"])
	})
	t.Run("session control", func(t *testing.T) {
		r := refresh(tom)
		for _, sub := range []string{"invalid_rapt", "rapt_required"} {
			sim.OAuth.SetReauth(tom, sub)
			status, body := post(t, token, client("grant_type", "refresh_token", "refresh_token", r))
			require.Equal(t, 400, status)
			require.Equal(t, map[string]any{"error": "invalid_grant", "error_description": "reauth related error (" + sub + ")", "error_subtype": sub}, body)
		}
		sim.OAuth.SetReauth(tom, "")
		status, _ := post(t, token, client("grant_type", "refresh_token", "refresh_token", r))
		require.Equal(t, 200, status)
	})
	t.Run("administrator restricts a scope later", func(t *testing.T) {
		r := refresh(tom)
		sim.World.Domains.Set("northwind-lamps.example", world.Policy{RestrictedScopes: []string{readonly}})
		defer sim.World.Domains.Replace(nil)
		status, body := post(t, token, client("grant_type", "refresh_token", "refresh_token", r))
		require.Equal(t, 400, status)
		require.Equal(t, "admin_policy_enforced", body["error"])
	})
	t.Run("internal failure", func(t *testing.T) {
		control(t, sim, "POST", "/_sim/faults", map[string]any{"api": "oauth", "method": "token", "status": 503, "times": 1})
		status, body := post(t, token, client("grant_type", "refresh_token", "refresh_token", refresh(mara)))
		require.Equal(t, 503, status)
		require.Equal(t, map[string]any{"error": "internal_failure", "error_description": "Backend Error"}, body)
	})
	t.Run("account deleted", func(t *testing.T) {
		r := refresh(tom)
		control(t, sim, "DELETE", "/_sim/accounts/"+tom, nil)
		status, body := post(t, token, client("grant_type", "refresh_token", "refresh_token", r))
		require.Equal(t, 400, status)
		require.Equal(t, "The account has been deleted", body["error_description"])
	})
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

func TestRefreshTokenOnlyWithOfflineAndAShownConsent(t *testing.T) {
	sim := start(t)
	cfg := config(sim, "openid", "email", readonly)
	require.Empty(t, connect(t, cfg, mara).RefreshToken, "access_type=online")
	require.Empty(t, connect(t, cfg, mara, oauth2.AccessTypeOffline).RefreshToken, "everything granted: no page is shown")
	require.NotEmpty(t, connect(t, cfg, mara, oauth2.AccessTypeOffline, oauth2.ApprovalForce).RefreshToken)
	require.NotEmpty(t, connect(t, cfg, mara, oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("approval_prompt", "force")).RefreshToken)
	require.NotEmpty(t, connect(t, cfg, tom, oauth2.AccessTypeOffline).RefreshToken, "the first consent is always shown")
}

func TestConsentPage(t *testing.T) {
	sim := start(t)
	t.Run("cancel", func(t *testing.T) {
		b := newBrowser(t)
		b.open(config(sim, readonly, events).AuthCodeURL("s"))
		b.choose(mara)
		q := b.press("cancel", nil).Query()
		require.Equal(t, "access_denied", q.Get("error"))
		require.Equal(t, "s", q.Get("state"))
		require.Empty(t, q.Get("code"))
	})
	t.Run("cancel before choosing", func(t *testing.T) {
		b := newBrowser(t)
		b.open(config(sim, readonly, events).AuthCodeURL("s"))
		require.Equal(t, "access_denied", b.press("cancel", nil).Query().Get("error"))
	})
	t.Run("nothing ticked, nothing granted", func(t *testing.T) {
		b := newBrowser(t)
		b.open(config(sim, readonly, events).AuthCodeURL("s"))
		b.choose(mara)
		require.Equal(t, "access_denied", b.press("continue", []string{}).Query().Get("error"))
	})
	t.Run("nothing ticked leaves the sign-in", func(t *testing.T) {
		b := newBrowser(t)
		b.open(config(sim, "openid", "email", readonly, events).AuthCodeURL("s"))
		b.choose(mara)
		q := b.press("continue", []string{}).Query()
		require.ElementsMatch(t, []string{"openid", email}, strings.Fields(q.Get("scope")))
	})
	t.Run("select all", func(t *testing.T) {
		b := newBrowser(t)
		b.open(config(sim, readonly, events).AuthCodeURL("s"))
		b.choose(tom)
		q := b.press("continue", []string{"select_all"}).Query()
		require.ElementsMatch(t, []string{readonly, events}, strings.Fields(q.Get("scope")))
	})
	t.Run("boxes granted earlier are ticked", func(t *testing.T) {
		b := newBrowser(t)
		b.open(config(sim, readonly, events, modify).AuthCodeURL("s"))
		b.choose(tom)
		all, on := b.ticked()
		require.Len(t, all, 3)
		require.ElementsMatch(t, []string{readonly, events}, on)
	})
	t.Run("one scope has no box", func(t *testing.T) {
		b := newBrowser(t)
		b.open(config(sim, "openid", "email", modify).AuthCodeURL("s"))
		b.choose(pia)
		all, _ := b.ticked()
		require.Empty(t, all)
		q := b.press("continue", nil).Query()
		require.ElementsMatch(t, []string{"openid", email, modify}, strings.Fields(q.Get("scope")))
		require.Empty(t, q.Get("hd"), "no organisation")
	})
	t.Run("another account", func(t *testing.T) {
		b := newBrowser(t)
		b.open(config(sim, readonly, events, modify).AuthCodeURL("s"))
		b.choose(mara)
		link := b.element("switch-account")
		require.NotNil(t, link)
		u, err := b.address.Parse(attr(link, "href"))
		require.NoError(t, err)
		require.Nil(t, b.open(u.String()))
		require.NotNil(t, b.element("account-"+tom))
	})
	t.Run("hint comes first and does not force", func(t *testing.T) {
		b := newBrowser(t)
		b.open(config(sim, readonly, events, modify).AuthCodeURL("s", oauth2.SetAuthURLParam("login_hint", pia)))
		first := find(b.page, func(n *html.Node) bool { return strings.HasPrefix(attr(n, "id"), "account-") })
		require.Equal(t, "account-"+pia, attr(first, "id"))
		require.NotNil(t, b.element("account-"+mara))
	})
	t.Run("hd narrows", func(t *testing.T) {
		b := newBrowser(t)
		b.open(config(sim, readonly).AuthCodeURL("s", oauth2.SetAuthURLParam("hd", "northwind-lamps.example")))
		require.NotNil(t, b.element("account-"+mara))
		require.Nil(t, b.element("account-"+pia))
	})
	t.Run("the short address", func(t *testing.T) {
		b := newBrowser(t)
		cfg := config(sim, readonly)
		cfg.Endpoint.AuthURL = sim.URL() + "/o/oauth2/auth"
		require.Nil(t, b.open(cfg.AuthCodeURL("s")))
		require.NotNil(t, b.element("account-"+mara))
	})
}

func TestPromptNone(t *testing.T) {
	sim := start(t)
	cfg := config(sim, "openid", "email", readonly)
	none, hint := oauth2.SetAuthURLParam("prompt", "none"), oauth2.SetAuthURLParam("login_hint", mara)
	silent := func(opts ...oauth2.AuthCodeOption) url.Values {
		to := newBrowser(t).open(cfg.AuthCodeURL("s", append(opts, none)...))
		require.NotNil(t, to, "prompt=none never shows a page")
		return to.Query()
	}
	require.Equal(t, "interaction_required", silent().Get("error"))
	require.Equal(t, "consent_required", silent(hint).Get("error"))
	connect(t, cfg, mara)
	require.NotEmpty(t, silent(hint).Get("code"))
	id, err := sim.OAuth.IssueToken(mara, "", []string{"openid"})
	require.NoError(t, err)
	_, info := getJSON(t, sim.URL()+"/v1/userinfo", id)
	require.NotEmpty(t, silent(oauth2.SetAuthURLParam("login_hint", info["sub"].(string))).Get("code"), "the hint may be the sub")
}

func TestPagesThatNeverRedirect(t *testing.T) {
	const listed = "300000000001-web.apps.googleusercontent.com"
	sim := start(t, func(o *simulator.Options) {
		o.StrictClients = true
		o.Clients = []world.Client{
			{ID: listed, Secret: "s", Name: "Ledger", RedirectURIs: []string{"https://crm.example/callback"}},
			{ID: "internal", Secret: "s", Name: "Intranet", Publishing: world.Internal, Organisation: "northwind-lamps.example"},
			{ID: "testing", Secret: "s", Name: "Draft", Publishing: world.Testing, TestUsers: []string{mara}},
			{ID: "deleted", Secret: "s", Deleted: true},
		}
	})
	auth := func(client, redirect, scope string, more ...string) string {
		v := url.Values{"client_id": {client}, "redirect_uri": {redirect}, "scope": {scope}, "response_type": {"code"}}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return sim.URL() + "/o/oauth2/v2/auth?" + v.Encode()
	}
	for _, c := range []struct {
		name, address string
		choose        string
		status        int
		code          string
	}{
		{"redirect not registered", auth(listed, "https://crm.example/callback/", readonly), "", 400, "redirect_uri_mismatch"},
		{"redirect in another case", auth(listed, "https://crm.example/Callback", readonly), "", 400, "redirect_uri_mismatch"},
		{"redirect off loopback", auth(world.DemoClientID, "https://evil.example/", readonly), "", 400, "redirect_uri_mismatch"},
		{"no redirect", auth(listed, "", readonly), "", 400, "invalid_request"},
		{"no scope", auth(listed, "https://crm.example/callback", ""), "", 400, "invalid_request"},
		{"no client", auth("", redirect, readonly), "", 400, "invalid_request"},
		{"unknown client", auth("nobody", redirect, readonly), "", 401, "invalid_client"},
		{"deleted client", auth("deleted", redirect, readonly), "", 401, "deleted_client"},
		{"misspelt scope", auth(world.DemoClientID, redirect, readonly+"s"), "", 400, "invalid_scope"},
		{"no scope at all", auth(world.DemoClientID, redirect, "everything"), "", 400, "invalid_scope"},
		{"two prompts", auth(world.DemoClientID, redirect, readonly, "prompt", "consent", "approval_prompt", "force"), "", 400, "invalid_request"},
		{"outside the organisation", auth("internal", redirect, readonly), pia, 403, "org_internal"},
		{"not a tester", auth("testing", redirect, readonly), tom, 403, "access_denied"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBrowser(t)
			require.Nil(t, b.open(c.address))
			if c.choose != "" {
				require.Nil(t, b.choose(c.choose))
			}
			require.Equal(t, c.status, b.status)
			require.Equal(t, c.code, b.text("error-code"))
		})
	}
	t.Run("a registered address works", func(t *testing.T) {
		b := newBrowser(t)
		b.open(auth(listed, "https://crm.example/callback", readonly))
		b.choose(pia)
		require.NotEmpty(t, b.press("continue", nil).Query().Get("code"))
	})
	for name, v := range map[string][2]string{"response_type": {"response_type", "token"}, "challenge method": {"code_challenge_method", "S512"},
		"challenge": {"code_challenge", "short"}, "prompt": {"prompt", "sometimes"}, "access_type": {"access_type", "later"}} {
		t.Run("to the callback: "+name, func(t *testing.T) {
			more := []string{v[0], v[1]}
			if v[0] == "code_challenge" {
				more = append(more, "code_challenge_method", "S256")
			}
			to := newBrowser(t).open(auth(world.DemoClientID, redirect, readonly, more...))
			require.NotNil(t, to)
			require.Contains(t, []string{"invalid_request", "unsupported_response_type"}, to.Query().Get("error"))
		})
	}
}

func TestAdministratorPolicy(t *testing.T) {
	sim := start(t)
	cfg := config(sim, "openid", readonly)
	open := func() (*browser, *url.URL) {
		b := newBrowser(t)
		b.open(cfg.AuthCodeURL("s"))
		return b, b.choose(mara)
	}
	control(t, sim, "POST", "/_sim/domains/northwind-lamps.example/policy", map[string]any{"blocked_clients": []string{world.DemoClientID}})
	b, to := open()
	require.Nil(t, to)
	require.Equal(t, 400, b.status)
	require.Equal(t, "admin_policy_enforced", b.text("error-code"))

	control(t, sim, "POST", "/_sim/domains/northwind-lamps.example/policy", map[string]any{"restricted_scopes": []string{readonly}, "to_callback": true})
	_, to = open()
	require.Equal(t, "admin_policy_enforced", to.Query().Get("error"))

	control(t, sim, "POST", "/_sim/domains/northwind-lamps.example/policy", map[string]any{"restricted_scopes": []string{readonly}, "trusted_clients": []string{world.DemoClientID}})
	connect(t, cfg, mara)
	connect(t, cfg, pia)
}

func TestIncrementalScopes(t *testing.T) {
	sim := start(t)
	require.NotEmpty(t, connect(t, config(sim, "openid", "email", readonly), mara).AccessToken)
	more := connect(t, config(sim, events), mara, oauth2.SetAuthURLParam("include_granted_scopes", "true"))
	require.ElementsMatch(t, []string{"openid", email, readonly, events}, strings.Fields(more.Extra("scope").(string)))
	only := connect(t, config(sim, events), mara)
	require.Equal(t, events, only.Extra("scope"))
}

func TestRevokeEndsTheWholeGrantOfTheProject(t *testing.T) {
	const web, phone = "400000000001-web.apps.googleusercontent.com", "400000000001-phone.apps.googleusercontent.com"
	sim := start(t, func(o *simulator.Options) {
		o.Clients = []world.Client{{ID: web, Secret: "w"}, {ID: phone, Secret: "p"}}
	})
	onWeb, onPhone, elsewhere := config(sim, "openid", "email", readonly), config(sim, events), config(sim, readonly)
	onWeb.ClientID, onWeb.ClientSecret = web, "w"
	onPhone.ClientID, onPhone.ClientSecret = phone, "p"
	a, b := connect(t, onWeb, mara, oauth2.AccessTypeOffline), connect(t, onPhone, mara, oauth2.AccessTypeOffline)
	c := connect(t, elsewhere, mara, oauth2.AccessTypeOffline)
	d := connect(t, onWeb, tom, oauth2.AccessTypeOffline)

	status, _ := getJSON(t, sim.URL()+"/v1/userinfo", a.AccessToken)
	require.Equal(t, 200, status)
	postRevoke(t, sim, b.AccessToken) // the access token of the other client
	status, _ = getJSON(t, sim.URL()+"/v1/userinfo", a.AccessToken)
	require.Equal(t, 401, status)
	for cfg, tok := range map[*oauth2.Config]*oauth2.Token{onWeb: a, onPhone: b} {
		_, err := cfg.TokenSource(ctx(t), &oauth2.Token{RefreshToken: tok.RefreshToken}).Token()
		requireOAuthError(t, err, 400, "invalid_grant", "Token has been expired or revoked.")
	}
	_, err := elsewhere.TokenSource(ctx(t), &oauth2.Token{RefreshToken: c.RefreshToken}).Token()
	require.NoError(t, err, "another project")
	_, err = onWeb.TokenSource(ctx(t), &oauth2.Token{RefreshToken: d.RefreshToken}).Token()
	require.NoError(t, err, "another user")

	for _, dead := range []string{a.RefreshToken, a.AccessToken, "1//nobody"} {
		status, body := post(t, sim.URL()+"/revoke", url.Values{"token": {dead}})
		require.Equal(t, 400, status)
		require.Equal(t, map[string]any{"error": "invalid_token", "error_description": "Token expired or revoked"}, body)
	}
	status, body := post(t, sim.URL()+"/revoke", nil)
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_request", body["error"])

	q := consent(t, onWeb, mara, oauth2.AccessTypeOffline)
	require.Equal(t, "consent", q.Get("prompt"), "the user is asked again")
}

func TestHowRefreshTokensDie(t *testing.T) {
	refreshes := func(t *testing.T, cfg *oauth2.Config, refresh string) error {
		t.Helper()
		_, err := cfg.TokenSource(ctx(t), &oauth2.Token{RefreshToken: refresh}).Token()
		return err
	}
	dead := func(t *testing.T, err error) {
		t.Helper()
		requireOAuthError(t, err, 400, "invalid_grant", "Token has been expired or revoked.")
	}
	t.Run("Testing: after seven days", func(t *testing.T) {
		sim := start(t, func(o *simulator.Options) {
			o.Clients = []world.Client{{ID: "draft", Secret: "s", Publishing: world.Testing}}
		})
		cfg := config(sim, "openid", readonly)
		cfg.ClientID, cfg.ClientSecret = "draft", "s"
		tok := connect(t, cfg, mara, oauth2.AccessTypeOffline)
		require.EqualValues(t, 604799, tok.Extra("refresh_token_expires_in"))
		control(t, sim, "POST", "/_sim/clock", map[string]any{"advance": "167h"})
		require.NoError(t, refreshes(t, cfg, tok.RefreshToken))
		control(t, sim, "POST", "/_sim/clock", map[string]any{"advance": "1h"})
		dead(t, refreshes(t, cfg, tok.RefreshToken))

		identity := config(sim, "openid", "email")
		identity.ClientID, identity.ClientSecret = "draft", "s"
		id := connect(t, identity, tom, oauth2.AccessTypeOffline)
		control(t, sim, "POST", "/_sim/clock", map[string]any{"advance": "720h"})
		require.NoError(t, refreshes(t, identity, id.RefreshToken), "identity alone has no limit")
	})
	t.Run("unused for six months", func(t *testing.T) {
		sim := start(t)
		cfg := config(sim, readonly)
		tok := connect(t, cfg, mara, oauth2.AccessTypeOffline)
		control(t, sim, "POST", "/_sim/clock", map[string]any{"advance": "4300h"})
		require.NoError(t, refreshes(t, cfg, tok.RefreshToken))
		control(t, sim, "POST", "/_sim/clock", map[string]any{"advance": "4300h"})
		require.NoError(t, refreshes(t, cfg, tok.RefreshToken), "use counts")
		control(t, sim, "POST", "/_sim/clock", map[string]any{"advance": "4400h"})
		dead(t, refreshes(t, cfg, tok.RefreshToken))
	})
	t.Run("more than a hundred", func(t *testing.T) {
		sim := start(t)
		cfg := config(sim, readonly)
		first := connect(t, cfg, mara, oauth2.AccessTypeOffline)
		for range 99 {
			_, err := sim.OAuth.IssueRefresh(mara, "", []string{readonly})
			require.NoError(t, err)
		}
		require.NoError(t, refreshes(t, cfg, first.RefreshToken), "a hundred live")
		_, err := sim.OAuth.IssueRefresh(mara, "", []string{readonly})
		require.NoError(t, err)
		dead(t, refreshes(t, cfg, first.RefreshToken))
	})
	t.Run("password changed", func(t *testing.T) {
		sim := start(t)
		mail, calendar := config(sim, readonly, events), config(sim, events)
		m := connect(t, mail, mara, oauth2.AccessTypeOffline)
		c := connect(t, calendar, mara, oauth2.AccessTypeOffline, oauth2.ApprovalForce)
		control(t, sim, "POST", "/_sim/accounts/"+mara+"/password", map[string]any{})
		dead(t, refreshes(t, mail, m.RefreshToken))
		require.NoError(t, refreshes(t, calendar, c.RefreshToken), "no Gmail scope in it")
	})
	t.Run("removed in the account", func(t *testing.T) {
		sim := start(t)
		cfg := config(sim, "openid", readonly)
		tok := connect(t, cfg, mara, oauth2.AccessTypeOffline)
		require.EqualValues(t, 1, control(t, sim, "POST", "/_sim/accounts/"+mara+"/revoke", map[string]any{})["revoked"])
		dead(t, refreshes(t, cfg, tok.RefreshToken))
		status, _ := getJSON(t, sim.URL()+"/v1/userinfo", tok.AccessToken)
		require.Equal(t, 401, status)
	})
	t.Run("a restart of the simulator kills none", func(t *testing.T) {
		sim := start(t)
		tok := connect(t, config(sim, "openid", "email", readonly, events), mara, oauth2.AccessTypeOffline)
		next := start(t)
		cfg := config(next)
		again, err := cfg.TokenSource(ctx(t), &oauth2.Token{RefreshToken: tok.RefreshToken}).Token()
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"openid", email, readonly, events}, strings.Fields(again.Extra("scope").(string)))
		other := start(t, func(o *simulator.Options) { o.Seed = 8 })
		requireOAuthError(t, refreshes(t, config(other), tok.RefreshToken), 400, "invalid_grant", "Bad Request")
	})
	t.Run("a reset kills all", func(t *testing.T) {
		sim := start(t)
		cfg := config(sim, readonly)
		tok := connect(t, cfg, mara, oauth2.AccessTypeOffline)
		control(t, sim, "POST", "/_sim/reset", map[string]any{})
		requireOAuthError(t, refreshes(t, cfg, tok.RefreshToken), 400, "invalid_grant", "Bad Request")
	})
}

func TestAccessTokensExpire(t *testing.T) {
	sim := start(t)
	tok := connect(t, config(sim, "openid", "email"), mara)
	control(t, sim, "POST", "/_sim/clock", map[string]any{"advance": "59m"})
	status, _ := getJSON(t, sim.URL()+"/v1/userinfo", tok.AccessToken)
	require.Equal(t, 200, status)
	control(t, sim, "POST", "/_sim/clock", map[string]any{"advance": "1m"})
	status, body := getJSON(t, sim.URL()+"/v1/userinfo", tok.AccessToken)
	require.Equal(t, 401, status)
	require.Equal(t, "Invalid Credentials", body["error_description"])
}

func TestTokenInfo(t *testing.T) {
	sim := start(t)
	tok := connect(t, config(sim, "openid", "email", readonly), mara, oauth2.AccessTypeOffline)
	status, body := getJSON(t, sim.URL()+"/tokeninfo?access_token="+tok.AccessToken, "")
	require.Equal(t, 200, status)
	require.Equal(t, world.DemoClientID, body["aud"])
	require.Equal(t, mara, body["email"])
	require.Equal(t, "true", body["email_verified"], "strings")
	require.Equal(t, "offline", body["access_type"])
	require.IsType(t, "", body["expires_in"])

	status, body = getJSON(t, sim.URL()+"/tokeninfo?id_token="+tok.Extra("id_token").(string), "")
	require.Equal(t, 200, status)
	require.Equal(t, mara, body["email"])

	for _, path := range []string{"/tokeninfo?access_token=x", "/tokeninfo?id_token=x", "/tokeninfo", "/oauth2/v2/tokeninfo?access_token=x"} {
		status, body = getJSON(t, sim.URL()+path, "")
		require.Equal(t, 400, status)
		require.Equal(t, map[string]any{"error": "invalid_token", "error_description": "Invalid Value"}, body)
	}
	status, _ = post(t, sim.URL()+"/tokeninfo", url.Values{"access_token": {tok.AccessToken}})
	require.Equal(t, 200, status)

	mailOnly := connect(t, config(sim, readonly), tom)
	status, _ = getJSON(t, sim.URL()+"/v1/userinfo", mailOnly.AccessToken)
	require.Equal(t, 403, status, "no identity scope")
}

func TestFixedIssuer(t *testing.T) {
	sim := start(t, func(o *simulator.Options) { o.Issuer = "https://accounts.google.com" })
	q := consent(t, config(sim, "openid"), mara)
	require.Equal(t, "https://accounts.google.com", q.Get("iss"))
	_, doc := getJSON(t, sim.URL()+"/.well-known/openid-configuration", "")
	require.Equal(t, "https://accounts.google.com", doc["issuer"])
	require.Equal(t, sim.URL()+"/token", doc["token_endpoint"])
}

func TestClientsRegisterThemselvesUnlessStrict(t *testing.T) {
	sim := start(t)
	cfg := config(sim, "openid")
	cfg.ClientID, cfg.ClientSecret = "555000111222-mine.apps.googleusercontent.com", "first"
	connect(t, cfg, mara)
	cfg.ClientSecret = "second"
	_, err := cfg.Exchange(ctx(t), consent(t, cfg, mara).Get("code"))
	requireOAuthError(t, err, 401, "invalid_client", "Unauthorized")
}

package oauth_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"rapport/simulator"
	"rapport/simulator/world"
)

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

func TestRefreshTokenOnlyWithOfflineAndAShownConsent(t *testing.T) {
	sim := start(t)
	cfg := config(sim, "openid", "email", readonly)
	require.Empty(t, connect(t, cfg, mara).RefreshToken, "access_type=online")
	require.Empty(t, connect(t, cfg, mara, oauth2.AccessTypeOffline).RefreshToken, "everything granted: no page is shown")
	require.NotEmpty(t, connect(t, cfg, mara, oauth2.AccessTypeOffline, oauth2.ApprovalForce).RefreshToken)
	require.NotEmpty(t, connect(t, cfg, mara, oauth2.AccessTypeOffline, oauth2.SetAuthURLParam("approval_prompt", "force")).RefreshToken)
	require.NotEmpty(t, connect(t, cfg, tom, oauth2.AccessTypeOffline).RefreshToken, "the first consent is always shown")
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

package oauth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"golang.org/x/oauth2"

	"rapport/simulator"
	"rapport/simulator/world"
)

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

func TestClientsRegisterThemselvesUnlessStrict(t *testing.T) {
	sim := start(t)
	cfg := config(sim, "openid")
	cfg.ClientID, cfg.ClientSecret = "555000111222-mine.apps.googleusercontent.com", "first"
	connect(t, cfg, mara)
	cfg.ClientSecret = "second"
	_, err := cfg.Exchange(ctx(t), consent(t, cfg, mara).Get("code"))
	requireOAuthError(t, err, 401, "invalid_client", "Unauthorized")
}

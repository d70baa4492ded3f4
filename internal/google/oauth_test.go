package google

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
	"rapport/internal/vault/vaulttest"
	"rapport/simulator"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

const (
	boAddress = "bo@northwind-lamps.example"
	callback  = "http://localhost:8000/callback"
)

var member = access.Caller{Via: access.ViaSession, UserID: "u-ada", Workspace: "lamps", Role: crm.RoleMember}

// consenting is a vault whose provider is the simulator's OAuth.
type consenting struct {
	*vault.Service
	t      *testing.T
	sim    *simulator.Simulator
	memory *vaulttest.Memory
	oauth  *OAuth
	client *http.Client
}

func consent(t *testing.T) *consenting {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Seed: 3, BaseURL: base, Accounts: []simulator.Account{
		{Email: adaAddress, Name: "Ada Winter"}, {Email: boAddress, Name: "Bo Lindgren"}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sim.Close()) })
	client := &http.Client{Transport: bounded{direct{sim.Handler()}, maxAnswer}, CheckRedirect: noRedirects}
	c := &consenting{t: t, sim: sim, client: client}
	c.memory = vaulttest.New(vault.Client{ID: "env", GoogleID: world.DemoClientID, Secret: crm.NewSecret(world.DemoClientSecret), RedirectURI: callback})
	c.oauth = NewOAuth(At(base), client, nil)
	c.Service = c.service()
	return c
}

var sealing = sync.OnceValue(func() *vault.Sealer {
	key, err := vault.NewKey()
	if err != nil {
		panic(err)
	}
	s, err := vault.NewSealer(key)
	if err != nil {
		panic(err)
	}
	return s
})

func (c *consenting) service() *vault.Service {
	m := c.memory
	return &vault.Service{Provider: c.oauth, Clients: m, Consents: m, Grants: m, Connections: m, Approvals: m, Trail: m,
		Sealer: sealing(), Random: rand.Reader}
}

// walk goes through Google's pages as a person would. No scopes: all boxes.
func (c *consenting) walk(address, account string, scopes ...string) vault.Callback {
	c.t.Helper()
	form := url.Values{"account": {account}, "decision": {"continue"}, "scope": scopes}
	if len(scopes) == 0 {
		form.Set("select_all", "1")
	}
	if account == "" {
		form = url.Values{"decision": {"cancel"}}
	}
	res, err := c.client.PostForm(address, form)
	require.NoError(c.t, err)
	defer res.Body.Close()
	require.Equal(c.t, http.StatusSeeOther, res.StatusCode)
	to, err := res.Location()
	require.NoError(c.t, err)
	require.Equal(c.t, callback, to.Scheme+"://"+to.Host+to.Path)
	q := to.Query()
	return vault.Callback{State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error"), Issuer: q.Get("iss")}
}

func (c *consenting) connect(r vault.Request, account string, scopes ...string) (vault.Outcome, error) {
	c.t.Helper()
	started, err := c.Begin(c.t.Context(), member, r)
	require.NoError(c.t, err)
	return c.Complete(c.t.Context(), member, c.walk(started.URL, account, scopes...))
}

func TestTheWholeWayOfAConsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consent(t)
		out, err := c.connect(vault.Request{}, adaAddress)
		require.NoError(t, err)
		require.Equal(t, crm.StatusActive, out.Connection.Status)
		require.Equal(t, adaAddress, out.Connection.GoogleEmail)
		require.Equal(t, "northwind-lamps.example", out.Identity.HostedDomain)
		require.True(t, out.Identity.EmailVerified)
		_, g := c.memory.Only()
		a, err := c.Token(t.Context(), g.ID)
		require.NoError(t, err)
		require.InDelta(t, 3599, time.Until(a.Expiry).Seconds(), 1)
		time.Sleep(time.Hour)
		b, err := c.Token(t.Context(), g.ID)
		require.NoError(t, err)
		require.NotEqual(t, a.Token, b.Token)
		require.ElementsMatch(t, a.Scopes, b.Scopes)
	})
}

func TestDegradedThenOneClickMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consent(t)
		out, err := c.connect(vault.Request{}, adaAddress, vault.ScopeGmailReadonly)
		require.NoError(t, err)
		require.Equal(t, crm.StatusDegraded, out.Connection.Status)
		require.NotEmpty(t, out.Missing)
		out, err = c.connect(vault.Request{Connection: out.Connection.ID}, adaAddress)
		require.NoError(t, err)
		require.Equal(t, crm.StatusActive, out.Connection.Status)
		require.True(t, vault.Covered(out.Connection.GrantedScopes, vault.ScopeGmailReadonly), "what was granted before came along")
	})
}

func TestDeniedAndOtherAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consent(t)
		_, err := c.connect(vault.Request{}, "")
		require.Equal(t, fault.Forbidden, fault.Of(err))
		out, err := c.connect(vault.Request{}, adaAddress)
		require.NoError(t, err)
		_, err = c.connect(vault.Request{Connection: out.Connection.ID}, boAddress)
		require.Equal(t, "wrong_account", codeOf(err))
		conn, _ := c.memory.Only()
		require.Equal(t, adaAddress, conn.GoogleEmail)
	})
}

func TestPolicyOfAnOrganisation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consent(t)
		c.sim.World.Domains.Set("northwind-lamps.example", world.Policy{BlockedClients: []string{world.DemoClientID}, ToCallback: true})
		_, err := c.connect(vault.Request{}, adaAddress)
		require.Equal(t, fault.Blocked, fault.Of(err))
		conn, _ := c.memory.Only()
		require.Equal(t, crm.StatusWaitingForAdmin, conn.Status)
	})
}

func TestACodeIsGoodOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consent(t)
		client := c.memory.OAuth
		verifier := crm.NewSecret(strings.Repeat("v", 43))
		ask := vault.ConsentRequest{Scopes: []string{"openid", vault.ScopeGmailReadonly}, State: "s", Nonce: "n", Challenge: challenge(verifier), RedirectURI: callback, Offline: true, Prompt: "consent"}
		one := c.walk(c.oauth.AuthURL(client, ask), adaAddress).Code
		_, err := c.oauth.Exchange(t.Context(), client, one, crm.NewSecret(strings.Repeat("x", 43)), callback)
		require.Equal(t, fault.Invalid, fault.Of(err), "another verifier")
		one = c.walk(c.oauth.AuthURL(client, ask), adaAddress).Code
		_, err = c.oauth.Exchange(t.Context(), client, one, verifier, callback+"/else")
		require.Equal(t, fault.Invalid, fault.Of(err), "another redirect")
		one = c.walk(c.oauth.AuthURL(client, ask), adaAddress).Code
		tokens, err := c.oauth.Exchange(t.Context(), client, one, verifier, callback)
		require.NoError(t, err)
		require.False(t, tokens.Refresh.IsZero())
		_, err = c.oauth.Exchange(t.Context(), client, one, verifier, callback)
		require.Equal(t, fault.Invalid, fault.Of(err), "redeemed already")
		for _, garbled := range []string{"", "4%2F123", "nonsense"} {
			_, err = c.oauth.Exchange(t.Context(), client, garbled, verifier, callback)
			require.Equal(t, fault.Invalid, fault.Of(err))
		}
		late := c.walk(c.oauth.AuthURL(client, ask), adaAddress).Code
		time.Sleep(11 * time.Minute)
		_, err = c.oauth.Exchange(t.Context(), client, late, verifier, callback)
		require.Equal(t, fault.Invalid, fault.Of(err), "expired")
	})
}

func challenge(verifier crm.Secret) string {
	return oauth2.S256ChallengeFromVerifier(verifier.Reveal())
}

func TestAnIDTokenIsVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consent(t)
		client := c.memory.OAuth
		verifier := crm.NewSecret(strings.Repeat("v", 43))
		ask := vault.ConsentRequest{Scopes: []string{"openid", "email", "profile"}, State: "s", Nonce: "n-1", Challenge: challenge(verifier), RedirectURI: callback}
		tokens, err := c.oauth.Exchange(t.Context(), client, c.walk(c.oauth.AuthURL(client, ask), adaAddress).Code, verifier, callback)
		require.NoError(t, err)
		require.True(t, tokens.Refresh.IsZero(), "online access")
		id, err := c.oauth.Verify(t.Context(), client, tokens.IDToken, "n-1")
		require.NoError(t, err)
		require.Equal(t, "Ada Winter", id.Name)
		bad := map[string]func() error{
			"nonce":    func() error { _, err := c.oauth.Verify(t.Context(), client, tokens.IDToken, "n-2"); return err },
			"no nonce": func() error { _, err := c.oauth.Verify(t.Context(), client, tokens.IDToken, ""); return err },
			"aud": func() error {
				_, err := c.oauth.Verify(t.Context(), vault.Client{GoogleID: "other"}, tokens.IDToken, "n-1")
				return err
			},
			"none":    func() error { _, err := c.oauth.Verify(t.Context(), client, crm.Secret{}, "n-1"); return err },
			"garbage": func() error { _, err := c.oauth.Verify(t.Context(), client, crm.NewSecret("a.b.c"), "n-1"); return err },
			"signature": func() error {
				text := tokens.IDToken.Reveal()
				at := strings.LastIndexByte(text, '.') + 1
				signature, err := base64.RawURLEncoding.DecodeString(text[at:])
				require.NoError(t, err)
				signature[0] ^= 1
				_, err = c.oauth.Verify(t.Context(), client, crm.NewSecret(text[:at]+base64.RawURLEncoding.EncodeToString(signature)), "n-1")
				return err
			},
			"issuer": func() error {
				strict := NewOAuth(Endpoints{Keys: base + "/oauth2/v3/certs", Issuers: issuers}, c.client, nil)
				_, err := strict.Verify(t.Context(), client, tokens.IDToken, "n-1")
				return err
			},
		}
		for what, verify := range bad {
			require.Equal(t, fault.Invalid, fault.Of(verify()), what)
		}
		time.Sleep(2 * time.Hour)
		_, err = c.oauth.Verify(t.Context(), client, tokens.IDToken, "n-1")
		require.Equal(t, fault.Invalid, fault.Of(err), "expired")
	})
}

func TestKeysThatCannotBeFetchedAreNoVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consent(t)
		started, err := c.Begin(t.Context(), member, vault.Request{})
		require.NoError(t, err)
		back := c.walk(started.URL, adaAddress)
		_, err = c.sim.Front.Faults.Add(front.Fault{API: "oauth", Method: "certs", Kind: "cut"})
		require.NoError(t, err)
		_, err = c.Complete(t.Context(), member, back)
		require.Equal(t, fault.Unavailable, fault.Of(err), "%v", err)
		require.Empty(t, c.memory.Connections)
	})
}

// Every row of the token endpoint's table, as the simulator answers it, and what
// the connection becomes.
func TestWhatARefreshFailureDoesToAConnection(t *testing.T) {
	for _, c := range []struct {
		what  string
		fault front.Fault
		dead  bool
	}{
		{"expired or revoked", front.Fault{Status: 400, Reason: "invalid_grant", Message: "Token has been expired or revoked."}, true},
		{"unknown", front.Fault{Status: 400, Reason: "invalid_grant", Message: "Bad Request"}, true},
		{"account deleted", front.Fault{Status: 400, Reason: "invalid_grant", Message: "The account has been deleted"}, true},
		{"session control", front.Fault{Status: 400, Reason: "invalid_grant", Message: "reauth related error (invalid_rapt)"}, true},
		{"session control 2", front.Fault{Status: 400, Reason: "invalid_grant", Message: "reauth related error (rapt_required)"}, true},
		{"admin policy", front.Fault{Status: 400, Reason: "admin_policy_enforced"}, true},
		{"client deleted", front.Fault{Status: 401, Reason: "deleted_client"}, true},
		{"client not authorised", front.Fault{Status: 401, Reason: "unauthorized_client"}, true},
		{"wrong secret", front.Fault{Status: 401, Reason: "invalid_client", Message: "Unauthorized"}, false},
		{"wrong client", front.Fault{Status: 401, Reason: "invalid_client", Message: "The OAuth client was not found."}, false},
		{"bad request", front.Fault{Status: 400, Reason: "invalid_request"}, false},
		{"restricted", front.Fault{Status: 403, Reason: "access_denied", Message: "Account restricted"}, false},
		{"too fast", front.Fault{Status: 429, RetryAfter: []byte("9")}, false},
		{"500", front.Fault{Status: 500}, false},
		{"503", front.Fault{Status: 503}, false},
		{"500 that speaks of a grant", front.Fault{Status: 500, Reason: "invalid_grant"}, false},
		{"cut", front.Fault{Kind: "cut"}, false},
		{"garbage", front.Fault{Kind: "garbage"}, false},
		{"a page", front.Fault{Kind: "html", Status: 400}, false},
		{"a page of 200", front.Fault{Kind: "html", Status: 200}, false},
		{"slow", front.Fault{Kind: "slow", DelayMS: 60000}, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := consent(t)
				_, err := v.connect(vault.Request{}, adaAddress)
				require.NoError(t, err)
				_, g := v.memory.Only()
				time.Sleep(2 * time.Hour)
				c.fault.API, c.fault.Method = "oauth", "token"
				_, err = v.sim.Front.Faults.Add(c.fault)
				require.NoError(t, err)
				_, err = v.Token(t.Context(), g.ID)
				conn, _ := v.memory.Only()
				if c.dead {
					require.Equal(t, fault.Reconnect, fault.Of(err), "%v", err)
					require.Equal(t, crm.StatusNeedsReauth, conn.Status)
					return
				}
				if c.fault.Kind != "slow" { // an answer that comes late is good all the same
					require.Equal(t, fault.Unavailable, fault.Of(err), "%v", err)
				}
				require.Equal(t, crm.StatusActive, conn.Status)
				v.sim.Front.Faults.Clear()
				time.Sleep(time.Hour)
				_, err = v.Token(t.Context(), g.ID)
				require.NoError(t, err)
			})
		})
	}
}

func TestRevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consent(t)
		out, err := c.connect(vault.Request{}, adaAddress)
		require.NoError(t, err)
		_, g := c.memory.Only()
		refresh, err := c.Sealer.Open(string(g.ID), "refresh_token", g.SealedRefresh)
		require.NoError(t, err)
		gone, err := c.Disconnect(t.Context(), member, out.Connection.ID)
		require.NoError(t, err)
		require.True(t, gone.Revoked)
		_, err = c.oauth.Refresh(t.Context(), c.memory.OAuth, refresh)
		require.Equal(t, fault.Reconnect, fault.Of(err))
		require.NoError(t, c.oauth.Revoke(t.Context(), c.memory.OAuth, refresh), "dead already counts as revoked")
		for _, f := range []front.Fault{{Kind: "cut"}, {Status: 503}} {
			f.API, f.Method, f.Times = "oauth", "revoke", 1
			_, err = c.sim.Front.Faults.Add(f)
			require.NoError(t, err)
			require.Equal(t, fault.Unavailable, fault.Of(c.oauth.Revoke(t.Context(), c.memory.OAuth, refresh)))
		}
	})
}

func TestSixtyFourCallersTwoProcessesOneRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := consent(t)
		_, err := c.connect(vault.Request{}, adaAddress)
		require.NoError(t, err)
		_, g := c.memory.Only()
		time.Sleep(58 * time.Minute)
		c.sim.Front.Latency.Set(300*time.Millisecond, 0)
		before := c.tokenCalls()
		services := []*vault.Service{c.Service, c.service()}
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				a, err := services[i%2].Token(t.Context(), g.ID)
				require.NoError(t, err)
				require.True(t, time.Now().Before(a.Expiry))
			})
		}
		all.Wait()
		require.Equal(t, 1, c.tokenCalls()-before)
	})
}

func (c *consenting) tokenCalls() int {
	n := 0
	for _, u := range c.sim.Front.Log.Usage() {
		if u.API == "oauth" && u.Method == "token" {
			n += u.Calls
		}
	}
	return n
}

func TestEndpointsFoldOntoOneAddress(t *testing.T) {
	require.Equal(t, Real(), At(""))
	e := At("http://127.0.0.1:8100/")
	require.Equal(t, "http://127.0.0.1:8100/o/oauth2/v2/auth", e.Auth)
	require.Equal(t, "http://127.0.0.1:8100/", e.Gmail)
	require.Contains(t, e.Issuers, "http://127.0.0.1:8100")
	require.Contains(t, e.Issuers, "https://accounts.google.com")
}

func TestAnswersAreBounded(t *testing.T) {
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 64 {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	client := &http.Client{Transport: bounded{http.DefaultTransport, 10 << 10}}
	res, err := client.Get(endless.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	_, err = readBody(res)
	require.ErrorIs(t, err, errTooLarge)
}

func TestTokensDoNotTravelThroughRedirects(t *testing.T) {
	var reached bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	first := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer first.Close()
	client := NewHTTPClient(nil)
	defer client.CloseIdleConnections()
	g := &Gmail{base: first.URL + "/", client: client, userAgent: "x", now: time.Now}
	_, err := g.get(t.Context(), "gmail/v1/users/me/messages/1", crm.NewSecret("ya29.secret"))
	require.Equal(t, fault.Unavailable, fault.Of(err))
	require.False(t, reached)
	require.NotContains(t, err.Error(), "ya29")
}

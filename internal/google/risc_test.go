package google

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
	"rapport/simulator"
	"rapport/simulator/oauth"
	"rapport/simulator/world"
)

const otherClient = "200000000002-other.apps.googleusercontent.com"

var ours = []vault.Client{{ID: "env", GoogleID: world.DemoClientID}, {ID: "c2", GoogleID: otherClient}, {ID: "empty"}}

// guard is a simulated Google that tells of security events, over real HTTP,
// and counts how often its keys are fetched.
func guard(t *testing.T) (*simulator.Simulator, *OAuth, *atomic.Int64, *time.Time) {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Seed: 3, Accounts: []simulator.Account{{Email: adaAddress, Name: "Ada Winter"}}})
	require.NoError(t, err)
	var fetched atomic.Int64
	inner := sim.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/risc-configuration" {
			fetched.Add(1)
		}
		inner.ServeHTTP(w, r)
	}))
	client := NewHTTPClient(nil)
	t.Cleanup(func() {
		client.CloseIdleConnections()
		server.Close()
		require.NoError(t, sim.Close())
	})
	now := time.Now()
	return sim, NewOAuth(At(server.URL), client, func() time.Time { return now }), &fetched, &now
}

func TestSecurityEvents(t *testing.T) {
	sim, door, fetched, _ := guard(t)
	ada, _ := sim.World.Accounts.Get(adaAddress)
	refresh, err := sim.OAuth.IssueRefresh(adaAddress, world.DemoClientID, []string{vault.ScopeGmailReadonly})
	require.NoError(t, err)
	once := sha512.Sum512([]byte(refresh))
	twice := sha512.Sum512(once[:])
	for _, c := range []struct {
		event oauth.SecurityEvent
		want  vault.SecurityEvent
	}{
		{oauth.SecurityEvent{Event: "sessions-revoked"}, vault.SecurityEvent{Kind: vault.EventSessionsRevoked, Sub: ada.Sub}},
		{oauth.SecurityEvent{Event: "tokens-revoked"}, vault.SecurityEvent{Kind: vault.EventTokensRevoked, Sub: ada.Sub}},
		{oauth.SecurityEvent{Event: "account-disabled", Reason: "hijacking"}, vault.SecurityEvent{Kind: vault.EventAccountDisabled, Sub: ada.Sub, Reason: "hijacking"}},
		{oauth.SecurityEvent{Event: "account-enabled"}, vault.SecurityEvent{Kind: vault.EventAccountEnabled, Sub: ada.Sub}},
		{oauth.SecurityEvent{Event: "account-credential-change-required"}, vault.SecurityEvent{Kind: vault.EventCredentialChange, Sub: ada.Sub}},
		{oauth.SecurityEvent{Event: "verification", State: "x"}, vault.SecurityEvent{Kind: vault.EventVerification}},
		{oauth.SecurityEvent{Event: "token-revoked"}, vault.SecurityEvent{Kind: vault.EventTokenRevoked, TokenHash: base64.StdEncoding.EncodeToString(twice[:])}},
		{oauth.SecurityEvent{Event: "token-revoked", Prefix: true}, vault.SecurityEvent{Kind: vault.EventTokenRevoked, TokenHash: refresh[:16]}},
	} {
		t.Run(c.event.Event, func(t *testing.T) {
			c.event.Email = adaAddress
			token, err := sim.OAuth.SignSecurityEvent(c.event)
			require.NoError(t, err)
			got, err := door.VerifySecurityEvent(t.Context(), ours, crm.NewSecret(token))
			require.NoError(t, err)
			require.NotEmpty(t, got.JTI)
			require.WithinDuration(t, time.Now(), got.At, time.Minute)
			require.Equal(t, []string{world.DemoClientID}, got.ClientIDs)
			got.JTI, got.At, got.ClientIDs = "", time.Time{}, nil
			require.Equal(t, c.want, got)
		})
	}
	require.EqualValues(t, 1, fetched.Load(), "keys are kept")
}

func TestForgedSecurityEvents(t *testing.T) {
	for _, how := range []string{"none", "key", "algorithm", "issuer", "audience", "future"} {
		t.Run(how, func(t *testing.T) {
			sim, door, _, _ := guard(t)
			token, err := sim.OAuth.SignSecurityEvent(oauth.SecurityEvent{Email: adaAddress, Event: "tokens-revoked", Clients: []string{world.DemoClientID}, Forged: how})
			require.NoError(t, err)
			_, err = door.VerifySecurityEvent(t.Context(), ours, crm.NewSecret(token))
			require.Equal(t, fault.Invalid, fault.Of(err), "%v", err)
		})
	}
	t.Run("not for us fetches nothing", func(t *testing.T) {
		sim, door, fetched, now := guard(t)
		sign := func(e oauth.SecurityEvent) crm.Secret {
			e.Email, e.Event = adaAddress, "tokens-revoked"
			token, err := sim.OAuth.SignSecurityEvent(e)
			require.NoError(t, err)
			return crm.NewSecret(token)
		}
		for _, token := range []crm.Secret{crm.NewSecret("a.b.c"), crm.NewSecret(""), sign(oauth.SecurityEvent{Forged: "audience"}), sign(oauth.SecurityEvent{Clients: []string{"stranger"}})} {
			_, err := door.VerifySecurityEvent(t.Context(), ours, token)
			require.Equal(t, fault.Invalid, fault.Of(err))
		}
		require.Zero(t, fetched.Load())
		forged := sign(oauth.SecurityEvent{Clients: []string{otherClient}, Forged: "key"})
		for range 5 {
			_, err := door.VerifySecurityEvent(t.Context(), ours, forged)
			require.Equal(t, fault.Invalid, fault.Of(err))
		}
		require.EqualValues(t, 1, fetched.Load(), "an unknown key is looked for once a minute")
		*now = now.Add(keysPause + time.Second)
		_, err := door.VerifySecurityEvent(t.Context(), ours, forged)
		require.Equal(t, fault.Invalid, fault.Of(err))
		require.EqualValues(t, 2, fetched.Load())
		got, err := door.VerifySecurityEvent(t.Context(), ours, sign(oauth.SecurityEvent{Clients: []string{otherClient, world.DemoClientID, "stranger"}}))
		require.NoError(t, err)
		require.Equal(t, []string{world.DemoClientID, otherClient}, got.ClientIDs)
	})
	t.Run("too old", func(t *testing.T) {
		sim, door, _, now := guard(t)
		token, err := sim.OAuth.SignSecurityEvent(oauth.SecurityEvent{Email: adaAddress, Event: "tokens-revoked", Clients: []string{world.DemoClientID}})
		require.NoError(t, err)
		*now = now.Add(6 * 24 * time.Hour)
		_, err = door.VerifySecurityEvent(t.Context(), ours, crm.NewSecret(token))
		require.NoError(t, err, "a token has no end of its own")
		*now = now.Add(2 * 24 * time.Hour)
		_, err = door.VerifySecurityEvent(t.Context(), ours, crm.NewSecret(token))
		require.Equal(t, fault.Invalid, fault.Of(err))
	})
}

// keyring is a Google whose keys and tokens a test makes itself.
type keyring struct {
	t      *testing.T
	key    *rsa.PrivateKey
	kid    string // of what is signed
	down   atomic.Bool
	server *httptest.Server
}

func newKeyring(t *testing.T) *keyring {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	k := &keyring{t: t, key: key, kid: "one"}
	k.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any = map[string]string{"jwks_uri": k.server.URL + "/keys"}
		if r.URL.Path == "/keys" {
			answer = map[string]any{"keys": []map[string]string{
				{"kid": "small", "kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kid": "ec", "kty": "EC"},
				{"kid": "one", "kty": "RSA", "use": "sig", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())},
			}}
		}
		if k.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(answer) // a client that went away is none of the test's
	}))
	t.Cleanup(k.server.Close)
	return k
}

func (k *keyring) sign(change func(c jwt.MapClaims)) crm.Secret {
	k.t.Helper()
	c := jwt.MapClaims{"iss": "https://accounts.google.com/", "aud": world.DemoClientID, "iat": time.Now().Unix(), "jti": "j1",
		"events": map[string]any{"https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked": map[string]any{
			"subject": map[string]string{"subject_type": "iss-sub", "iss": "https://accounts.google.com/", "sub": "117"}}}}
	change(c)
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, c)
	token.Header["kid"] = k.kid
	text, err := token.SignedString(k.key)
	require.NoError(k.t, err)
	return crm.NewSecret(text)
}

func TestSecurityEventClaims(t *testing.T) {
	k := newKeyring(t)
	door := NewOAuth(At(k.server.URL), NewHTTPClient(nil), nil)
	for name, c := range map[string]struct {
		change func(c jwt.MapClaims)
		good   bool
	}{
		"as Google makes it":         {func(jwt.MapClaims) {}, true},
		"the issuer without a slash": {func(c jwt.MapClaims) { c["iss"] = "https://accounts.google.com" }, true},
		"several in the audience":    {func(c jwt.MapClaims) { c["aud"] = []string{"stranger", otherClient} }, true},
		"an end that is long past":   {func(c jwt.MapClaims) { c["exp"] = 5 }, true},
		"a kind that is not known": {func(c jwt.MapClaims) {
			c["events"] = map[string]any{"https://x.example/event-type/account-purged": map[string]any{}}
		}, true},
		"another issuer":             {func(c jwt.MapClaims) { c["iss"] = "https://accounts.google.com.evil.example/" }, false},
		"an issuer in another place": {func(c jwt.MapClaims) { c["iss"] = "https://accounts.google.com//" }, false},
		"no audience":                {func(c jwt.MapClaims) { delete(c, "aud") }, false},
		"an empty audience":          {func(c jwt.MapClaims) { c["aud"] = "" }, false},
		"no time":                    {func(c jwt.MapClaims) { delete(c, "iat") }, false},
		"tomorrow":                   {func(c jwt.MapClaims) { c["iat"] = time.Now().Add(time.Hour).Unix() }, false},
		"a month ago":                {func(c jwt.MapClaims) { c["iat"] = time.Now().Add(-30 * 24 * time.Hour).Unix() }, false},
		"no id":                      {func(c jwt.MapClaims) { delete(c, "jti") }, false},
		"no event":                   {func(c jwt.MapClaims) { delete(c, "events") }, false},
		"an event that is no object": {func(c jwt.MapClaims) { c["events"] = "tokens-revoked" }, false},
		"a revoked token without one": {func(c jwt.MapClaims) {
			c["events"] = map[string]any{"https://schemas.openid.net/secevent/oauth/event-type/token-revoked": map[string]any{}}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := door.VerifySecurityEvent(t.Context(), ours, k.sign(c.change))
			if !c.good {
				require.Equal(t, fault.Invalid, fault.Of(err), "%+v", e)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "j1", e.JTI)
		})
	}
	e, err := door.VerifySecurityEvent(t.Context(), ours, k.sign(func(c jwt.MapClaims) {
		c["events"] = map[string]any{"https://x.example/event-type/account-purged": map[string]any{}}
	}))
	require.NoError(t, err)
	require.Equal(t, "account-purged", e.Kind)
}

func TestSecurityEventsWhenGoogleIsDown(t *testing.T) {
	k := newKeyring(t)
	now := time.Now()
	door := NewOAuth(At(k.server.URL), NewHTTPClient(nil), func() time.Time { return now })
	good := func(jwt.MapClaims) {}
	k.down.Store(true)
	for range 2 {
		_, err := door.VerifySecurityEvent(t.Context(), ours, k.sign(good))
		require.Equal(t, fault.Unavailable, fault.Of(err), "Google may send it again")
	}
	k.down.Store(false)
	_, err := door.VerifySecurityEvent(t.Context(), ours, k.sign(good))
	require.Equal(t, fault.Unavailable, fault.Of(err), "a failure is remembered")
	now = now.Add(keysPause)
	_, err = door.VerifySecurityEvent(t.Context(), ours, k.sign(good))
	require.NoError(t, err, "for a minute")
	k.down.Store(true)
	now = now.Add(keysFresh + time.Hour)
	_, err = door.VerifySecurityEvent(t.Context(), ours, k.sign(good))
	require.NoError(t, err, "with the keys that are there")
	now = now.Add(keysStale)
	_, err = door.VerifySecurityEvent(t.Context(), ours, k.sign(func(c jwt.MapClaims) { c["iat"] = now.Unix() }))
	require.Equal(t, fault.Unavailable, fault.Of(err), "not for ever")
}

// transport answers requests as it is told to.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestASlowFetchOfKeysHoldsNobodyUp(t *testing.T) {
	k := newKeyring(t)
	now := time.Now()
	var slow atomic.Bool
	begun, end := make(chan time.Duration, 10), make(chan struct{})
	client := &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		if !slow.Load() {
			return http.DefaultTransport.RoundTrip(r)
		}
		by, _ := r.Context().Deadline()
		begun <- time.Until(by)
		<-end
		return nil, context.DeadlineExceeded
	})}
	door := NewOAuth(At(k.server.URL), client, func() time.Time { return now })
	good := k.sign(func(jwt.MapClaims) {})
	_, err := door.VerifySecurityEvent(t.Context(), ours, good)
	require.NoError(t, err)

	slow.Store(true)
	now = now.Add(keysPause)
	k.kid = "new"
	unknown := k.sign(func(jwt.MapClaims) {})
	waiting := make(chan error, 3)
	ask := func() {
		_, err := door.VerifySecurityEvent(t.Context(), ours, unknown)
		waiting <- err
	}
	go ask()
	limit := <-begun
	require.Positive(t, limit)
	require.LessOrEqual(t, limit, keysPatience)
	_, err = door.VerifySecurityEvent(t.Context(), ours, good)
	require.NoError(t, err, "whose key is here does not wait")
	go ask()
	go ask()
	close(end)
	for range 3 {
		require.Equal(t, fault.Unavailable, fault.Of(<-waiting))
	}
	require.Empty(t, begun, "one fetch for all, and none soon after")
}

func FuzzSecurityEvent(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJSUzI1NiJ9.e30.AA")
	f.Add("eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2FjY291bnRzLmdvb2dsZS5jb20vIn0.")
	door := NewOAuth(At("http://127.0.0.1:1"), NewHTTPClient(nil), nil)
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := door.VerifySecurityEvent(t.Context(), nil, crm.NewSecret(token)); err == nil {
			t.Fatal("believed")
		}
	})
}

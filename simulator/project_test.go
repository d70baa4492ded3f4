package simulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/api/googleapi"

	"rapport/simulator"
	"rapport/simulator/data"
	"rapport/simulator/world"
)

// consent asks for a scope as an account and gives where Google sends the
// browser, or the page it shows instead.
func (s sim) consent(account string, scopes ...string) (back url.Values, page string) {
	s.t.Helper()
	q := url.Values{"client_id": {world.DemoClientID}, "redirect_uri": {"http://localhost:9/callback"}, "response_type": {"code"}, "access_type": {"offline"},
		"scope": {strings.Join(append(scopes, "openid", "email"), " ")}}
	h := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := h.PostForm(s.URL()+"/o/oauth2/v2/auth?"+q.Encode(), url.Values{"account": {account}, "decision": {"continue"}, "select_all": {"1"}})
	require.NoError(s.t, err)
	defer func() { _ = res.Body.Close() }()
	if to, err := res.Location(); err == nil {
		return to.Query(), ""
	}
	text, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	return nil, string(text)
}

// tokens redeems a code, or refreshes.
func (s sim) tokens(form url.Values, secret string) (int, map[string]any) {
	s.t.Helper()
	form.Set("client_id", world.DemoClientID)
	form.Set("client_secret", secret)
	form.Set("redirect_uri", "http://localhost:9/callback")
	res, err := http.PostForm(s.URL()+"/token", form)
	require.NoError(s.t, err)
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode, decoded(s.t, res.Body)
}

func decoded(t *testing.T, r io.Reader) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.NewDecoder(r).Decode(&out))
	return out
}

func (s sim) connect(account string, scopes ...string) map[string]any {
	s.t.Helper()
	back, page := s.consent(account, scopes...)
	require.NotEmpty(s.t, back.Get("code"), page)
	status, got := s.tokens(url.Values{"grant_type": {"authorization_code"}, "code": {back.Get("code")}}, world.DemoClientSecret)
	require.Equal(s.t, 200, status, "%v", got)
	return got
}

func (s sim) refresh(token any) (int, map[string]any) {
	return s.tokens(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.(string)}}, world.DemoClientSecret)
}

func (s sim) project(change string) { call[object](s, "POST", "/_sim/project", change) }

func TestProjectInTesting(t *testing.T) {
	s := start(t)
	s.project(`{"publishing":"testing","test_users":["` + mara + `"]}`)
	_, page := s.consent(tom, full)
	require.Contains(t, page, "access_denied")
	got := s.connect(mara, full)
	require.EqualValues(t, 604799, got["refresh_token_expires_in"])
	call[object](s, "POST", "/_sim/clock", `{"advance":"167h"}`)
	status, again := s.refresh(got["refresh_token"])
	require.Equal(t, 200, status)
	require.InDelta(t, 604799-167*3600, again["refresh_token_expires_in"], 30)
	call[object](s, "POST", "/_sim/clock", `{"advance":"2h"}`)
	status, again = s.refresh(got["refresh_token"])
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_grant", again["error"])
	require.Equal(t, "Token has been expired or revoked.", again["error_description"])

	s.project(`{"publishing":"production"}`)
	require.NotContains(t, s.connect(tom, full), "refresh_token_expires_in")
}

func TestProjectOfOneOrganisation(t *testing.T) {
	s := start(t)
	s.project(`{"publishing":"internal","organisation":"northwind-lamps.example"}`)
	_, page := s.consent(pia, full)
	require.Contains(t, page, "org_internal")
	s.project(`{"mode":"callback"}`)
	back, _ := s.consent(pia, full)
	require.Equal(t, "org_internal", back.Get("error"))
	s.project(`{"mode":"page"}`)
	s.connect(mara, full)
	status, _ := s.raw("POST", "/_sim/project", `{"publishing":"internal","organisation":""}`)
	require.Equal(t, 400, status)
}

func TestProjectBlockedByAnOrganisation(t *testing.T) {
	s := start(t)
	got := s.connect(mara, full)
	for name, what := range map[string]string{"the application": `"app":true`, "a scope": `"scopes":["` + full + `"]`} {
		t.Run(name, func(t *testing.T) {
			s.project(`{"blocked":{"domain":"northwind-lamps.example",` + what + `,"mode":"page"}}`)
			_, page := s.consent(mara, full)
			require.Contains(t, page, "admin_policy_enforced")
			s.project(`{"blocked":{"domain":"northwind-lamps.example",` + what + `,"mode":"callback"}}`)
			back, _ := s.consent(mara, full)
			require.Equal(t, "admin_policy_enforced", back.Get("error"))
			status, refused := s.refresh(got["refresh_token"])
			require.Equal(t, 400, status)
			require.Equal(t, "admin_policy_enforced", refused["error"])
			s.connect(pia, full) // of no organisation
			s.project(`{"blocked":{"domain":"northwind-lamps.example"}}`)
			status, _ = s.refresh(got["refresh_token"])
			require.Equal(t, 200, status, "lifted")
		})
	}
}

func TestProjectWithoutAnAPI(t *testing.T) {
	s := start(t)
	s.project(`{"disabled_apis":["gmail","drive"]}`)
	_, err := s.gmail(mara, full).Users.GetProfile("me").Do()
	var e *googleapi.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, 403, e.Code)
	require.Equal(t, "accessNotConfigured", e.Errors[0].Reason)
	require.Equal(t, "Gmail API has not been used in project 100000000001 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/gmail.googleapis.com/overview?project=100000000001 then retry. "+
		"If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.", e.Message)
	require.Contains(t, e.Body, "SERVICE_DISABLED")
	other := call[map[string]any](s, "POST", "/_sim/accounts/"+mara+"/token", `{"client_id":"200000000002-x.apps.googleusercontent.com"}`)
	status, _ := s.get("/gmail/v1/users/me/profile", other["access_token"].(string))
	require.Equal(t, 200, status, "another project has it")

	s.project(`{"disabled_apis":[]}`)
	_, err = s.gmail(mara, full).Users.GetProfile("me").Do()
	require.NoError(t, err)
	bad, text := s.raw("POST", "/_sim/project", `{"disabled_apis":["chess"]}`)
	require.Equal(t, 400, bad)
	require.Contains(t, string(text), "chess")
}

func (s sim) get(path, token string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "GET", s.URL()+path, nil)
	require.NoError(s.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	return res.StatusCode, string(text)
}

func TestProjectWithTheWrongAddressOrSecret(t *testing.T) {
	s := start(t)
	s.project(`{"redirect_uris":["https://crm.example.org/callback"]}`)
	_, page := s.consent(mara, full)
	require.Contains(t, page, "redirect_uri_mismatch")
	s.project(`{"redirect_uris":["http://localhost:9/callback"]}`)
	back, _ := s.consent(mara, full)
	s.project(`{"secret":"another"}`)
	status, got := s.tokens(url.Values{"grant_type": {"authorization_code"}, "code": {back.Get("code")}}, world.DemoClientSecret)
	require.Equal(t, 401, status)
	require.Equal(t, "invalid_client", got["error"])
	require.Equal(t, "Unauthorized", got["error_description"])
	s.project(`{"deleted":true}`)
	_, page = s.consent(mara, full)
	require.Contains(t, page, "deleted_client")
	require.Equal(t, true, call[object](s, "GET", "/_sim/project", "")["deleted"])

	call[object](s, "POST", "/_sim/reset", "")
	s.connect(mara, full)
}

func TestAHundredTokens(t *testing.T) {
	s := start(t)
	first := s.connect(mara, full)
	for range 100 {
		call[object](s, "POST", "/_sim/accounts/"+mara+"/token", `{"refresh":true}`)
	}
	status, got := s.refresh(first["refresh_token"])
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_grant", got["error"])
}

func TestAccountsOfAnOrganisation(t *testing.T) {
	s := start(t)
	got := s.connect(tom, full)
	set := func(change string) { call[object](s, "PATCH", "/_sim/accounts/"+tom, change) }
	access := got["access_token"].(string)

	set(`{"no_mailbox":true}`)
	status, text := s.get("/gmail/v1/users/me/profile", access)
	require.Equal(t, 400, status)
	require.Contains(t, text, "Mail service not enabled")
	set(`{"no_mailbox":false,"org_unit":"/Sales","title":"Buyer","admin":true}`)
	status, _ = s.get("/gmail/v1/users/me/profile", access)
	require.Equal(t, 200, status)

	set(`{"suspended":true}`)
	status, _ = s.get("/gmail/v1/users/me/profile", access)
	require.Equal(t, 401, status)
	status, refused := s.refresh(got["refresh_token"])
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_grant", refused["error"])
	_, page := s.consent(tom, full)
	require.Contains(t, page, "account_suspended")
	set(`{"suspended":false}`)
	status, _ = s.refresh(got["refresh_token"])
	require.Equal(t, 200, status, "it sleeps only")
}

func TestSecurityEvents(t *testing.T) {
	s := start(t)
	s.connect(mara, full)
	var got *http.Request
	var token string
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ := io.ReadAll(r.Body)
		token = string(body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer receiver.Close()
	answer := call[object](s, "POST", "/_sim/accounts/"+mara+"/risc", `{"event":"account-disabled","reason":"hijacking","to":"`+receiver.URL+`/risc"}`)
	require.EqualValues(t, 202, answer["status"])
	require.Equal(t, answer["token"], token)
	require.Equal(t, "application/secevent+jwt", got.Header.Get("Content-Type"))

	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(token, claims)
	require.NoError(t, err)
	require.Equal(t, "RS256", parsed.Method.Alg())
	require.Equal(t, "https://accounts.google.com/", claims["iss"])
	require.Equal(t, []any{world.DemoClientID}, claims["aud"])
	require.NotContains(t, claims, "exp")
	require.NotEmpty(t, claims["jti"])
	a, _ := s.World.Accounts.Get(mara)
	require.Equal(t, map[string]any{"https://schemas.openid.net/secevent/risc/event-type/account-disabled": map[string]any{"reason": "hijacking",
		"subject": map[string]any{"subject_type": "iss-sub", "iss": "https://accounts.google.com/", "sub": a.Sub}}}, claims["events"])

	configuration := call[object](s, "GET", "/.well-known/risc-configuration", "")
	_, keys := s.get(strings.TrimPrefix(configuration["jwks_uri"].(string), s.URL()), "")
	require.Contains(t, keys, parsed.Header["kid"])
	_, certs := s.get("/oauth2/v3/certs", "")
	require.NotContains(t, certs, parsed.Header["kid"], "not a key of id tokens")

	for _, body := range []string{`{"event":"party"}`, `{"event":"tokens-revoked","forged":"badly"}`, `{"event":"tokens-revoked","to":"http://127.0.0.1:1/"}`} {
		status, _ := s.raw("POST", "/_sim/accounts/"+mara+"/risc", body)
		require.Equal(t, 400, status, body)
	}
	call[object](s, "POST", "/_sim/accounts/"+mara+"/revoke", "")
	afterwards := call[map[string]string](s, "POST", "/_sim/accounts/"+mara+"/risc", `{"event":"tokens-revoked"}`)
	claims = jwt.MapClaims{}
	_, _, err = jwt.NewParser().ParseUnverified(afterwards["token"], claims)
	require.NoError(t, err)
	require.Equal(t, []any{world.DemoClientID}, claims["aud"], "an application hears that it lost access")

	back, _ := s.consent(tom) // who only signed in hears of it, too
	require.NotEmpty(t, back.Get("code"))
	signed := call[map[string]string](s, "POST", "/_sim/accounts/"+tom+"/risc", `{"event":"sessions-revoked"}`)
	claims = jwt.MapClaims{}
	_, _, err = jwt.NewParser().ParseUnverified(signed["token"], claims)
	require.NoError(t, err)
	require.Equal(t, []any{world.DemoClientID}, claims["aud"])
	status, _ := s.raw("POST", "/_sim/accounts/"+tom+"/risc", `{"event":"token-revoked"}`)
	require.Equal(t, 400, status, "there is no token")
}

func TestTheDemoHasColleagues(t *testing.T) {
	seat := data.Demo()[0]
	s, err := simulator.New(simulator.Options{Seed: 7, Now: func() time.Time { return time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC) },
		Accounts: []simulator.Account{{Email: seat.Email, Name: seat.Name, Domain: seat.Domain, Admin: true}}})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	all := s.World.Accounts.List()
	require.Len(t, all, 13)
	closed, without := 0, 0
	for _, a := range all {
		require.Equal(t, data.HomeDomain, a.Domain)
		require.True(t, strings.HasSuffix(a.Email, "@"+data.HomeDomain), a.Email)
		if a.Closed() {
			closed++
		}
		if _, has := s.Mail.Counts(a.Email); !has {
			without++
		}
	}
	require.Equal(t, 2, closed)
	require.Equal(t, 1, without)
}

func TestTheDemoHasFiles(t *testing.T) {
	seat := data.Demo()[0]
	s, err := simulator.New(simulator.Options{Seed: 7, Accounts: []simulator.Account{{Email: seat.Email, Name: seat.Name, Domain: seat.Domain}}})
	require.NoError(t, err)
	require.NoError(t, s.Start("127.0.0.1:0"))
	defer func() { require.NoError(t, s.Close()) }()
	own := sim{s, t}
	token, err := s.OAuth.IssueToken(seat.Email, "", []string{"https://www.googleapis.com/auth/drive.readonly"})
	require.NoError(t, err)
	list := func() string {
		status, text := own.get("/drive/v3/files?orderBy=name&fields=files(id,name)&prettyPrint=false", token)
		require.Equal(t, 200, status)
		return text
	}
	first := list()
	for _, name := range []string{"Price list 2026", "Open offers", "Sales", "Notes.txt"} {
		require.Contains(t, first, name)
	}
	call[object](own, "POST", "/_sim/reset", "")
	token, err = s.OAuth.IssueToken(seat.Email, "", []string{"https://www.googleapis.com/auth/drive.readonly"})
	require.NoError(t, err)
	require.Equal(t, first, list(), "the same files with the same ids")
}

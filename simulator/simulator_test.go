package simulator_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/gmail/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"rapport/simulator"
	"rapport/simulator/oauth"
	"rapport/simulator/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	mara = "mara@northwind-lamps.example"
	tom  = "tom@northwind-lamps.example"
	pia  = "pia@mailbox.example"
	full = "https://mail.google.com/"
)

type sim struct {
	*simulator.Simulator
	t *testing.T
}

func start(t *testing.T) sim {
	t.Helper()
	return startAt(t, time.Now)
}

// startAt starts one with a clock of its own.
func startAt(t *testing.T, now func() time.Time) sim {
	t.Helper()
	s, err := simulator.New(simulator.Options{Seed: 42, Now: now, CheckAnswers: true, Accounts: []simulator.Account{
		{Email: mara, Name: "Mara Lindqvist", Messages: 40, Seed: 1},
		{Email: tom, Name: "Tom Okafor"},
		{Email: pia, Kind: world.Outside, Messages: 3, Seed: 2},
	}})
	require.NoError(t, err)
	require.NoError(t, s.Start("127.0.0.1:0"))
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		http.DefaultClient.CloseIdleConnections()
	})
	return sim{s, t}
}

// call uses the control API and decodes its answer.
func call[T any](s sim, method, path, body string) T {
	s.t.Helper()
	status, raw := s.raw(method, path, body)
	require.Equal(s.t, http.StatusOK, status, "%s", raw)
	var out T
	require.NoError(s.t, json.Unmarshal(raw, &out), "%s", raw)
	return out
}

func (s sim) raw(method, path, body string) (int, []byte) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.URL()+path, strings.NewReader(body))
	require.NoError(s.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, "application/json; charset=utf-8", resp.Header.Get("Content-Type"))
	return resp.StatusCode, raw
}

func (s sim) gmail(account string, scopes ...string) *gmail.Service {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"scopes": scopes})
	require.NoError(s.t, err)
	tok := call[map[string]any](s, "POST", "/_sim/accounts/"+account+"/token", string(body))
	svc, err := gmail.NewService(s.t.Context(), option.WithEndpoint(s.URL()),
		option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: tok["access_token"].(string)})))
	require.NoError(s.t, err)
	return svc
}

type object = map[string]any

func TestControlAccounts(t *testing.T) {
	s := start(t)
	list := call[[]object](s, "GET", "/_sim/accounts", "")
	require.Len(t, list, 3)
	require.Equal(t, mara, list[0]["email"])
	require.Equal(t, "Mara Lindqvist", list[0]["name"])
	require.Equal(t, "northwind-lamps.example", list[0]["domain"])
	require.Equal(t, "member", list[0]["kind"])
	require.EqualValues(t, 40, list[0]["messages"])
	require.NotZero(t, list[0]["history_id"])
	require.Equal(t, "outside", list[2]["kind"])

	made := call[object](s, "POST", "/_sim/accounts", `{"email":"New.Person@northwind-lamps.example","name":"New Person","domain":"northwind-lamps.example","messages":25,"seed":9}`)
	require.Equal(t, "new.person@northwind-lamps.example", made["email"])
	require.EqualValues(t, 25, made["messages"])
	p, err := s.gmail("new.person@northwind-lamps.example", full).Users.GetProfile("me").Do()
	require.NoError(t, err)
	require.EqualValues(t, 25, p.MessagesTotal)

	for body, status := range map[string]int{
		`{"email":"` + mara + `"}`:                 409,
		`{"email":"nobody"}`:                       400,
		`{"email":"a@b.example","messages":-1}`:    400,
		`{"email":"a@b.example","kind":"alien"}`:   400,
		`{"email":"a@b.example","message":1}`:      400,
		`{"email":"a@b.example","messages":"ten"}`: 400,
	} {
		got, raw := s.raw("POST", "/_sim/accounts", body)
		require.Equal(t, status, got, "%s: %s", body, raw)
		require.Contains(t, string(raw), `"error"`)
	}
	for _, path := range []string{"/_sim/accounts/nobody@x.example/messages", "/_sim/accounts/nobody@x.example/token",
		"/_sim/accounts/nobody@x.example/history/expire", "/_sim/accounts/nobody@x.example/revoke", "/_sim/nothing"} {
		got, _ := s.raw("POST", path, `{}`)
		require.Equal(t, 404, got, path)
	}
	got, _ := s.raw("POST", "/_sim/accounts/"+mara+"/people/expire", "")
	require.Equal(t, 501, got, "there is no People room yet")
}

func TestControlMail(t *testing.T) {
	s := start(t)
	svc := s.gmail(mara, full)
	before, err := svc.Users.GetProfile("me").Do()
	require.NoError(t, err)
	d := call[object](s, "POST", "/_sim/accounts/"+mara+"/messages", `{"from":"Ida <ida@oakrill.example>","to":["`+mara+`"],"subject":"Lamp 7",
		"text":"Hello","html":"<p>Hello</p>","date":"2026-03-04T05:06:07Z","labels":["INBOX","UNREAD"],
		"attachments":[{"name":"offer.txt","type":"text/plain","data":"`+base64.StdEncoding.EncodeToString([]byte("lamps"))+`"}]}`)
	require.Regexp(t, `^[0-9a-f]{16}$`, d["id"])
	require.NotEmpty(t, d["threadId"])
	require.IsType(t, "", d["historyId"])
	m, err := svc.Users.Messages.Get("me", d["id"].(string)).Do()
	require.NoError(t, err)
	require.Equal(t, "Hello", m.Snippet)
	h, err := svc.Users.History.List("me").StartHistoryId(before.HistoryId).Do()
	require.NoError(t, err)
	require.Equal(t, d["id"], h.History[0].MessagesAdded[0].Message.Id)

	raw := base64.URLEncoding.EncodeToString([]byte("From: a@oakrill.example\r\nSubject: raw\r\n\r\nText"))
	call[object](s, "POST", "/_sim/accounts/"+mara+"/messages", `{"raw":"`+raw+`","date":""}`)
	status, _ := s.raw("POST", "/_sim/accounts/"+mara+"/messages", `{"raw":"***"}`)
	require.Equal(t, 400, status)

	require.Equal(t, object{}, call[object](s, "POST", "/_sim/accounts/"+mara+"/history/expire", ""))
	_, err = svc.Users.History.List("me").StartHistoryId(before.HistoryId).Do()
	require.ErrorContains(t, err, "404")

	require.Empty(t, call[[]object](s, "GET", "/_sim/sent", ""))
	mail := base64.URLEncoding.EncodeToString([]byte("From: " + mara + "\r\nTo: " + tom + "\r\nSubject: Ours\r\nMessage-ID: <x1@northwind-lamps.example>\r\n\r\nHi"))
	_, err = svc.Users.Messages.Send("me", &gmail.Message{Raw: mail}).Do()
	require.NoError(t, err)
	sent := call[[]object](s, "GET", "/_sim/sent", "")
	require.Len(t, sent, 1)
	require.Equal(t, []any{mara, []any{tom}, "Ours", "send"}, []any{sent[0]["from"], sent[0]["to"], sent[0]["subject"], sent[0]["why"]})
	require.NotEmpty(t, sent[0]["message_id"])
	there, err := s.gmail(tom, full).Users.Messages.List("me").Q("subject:Ours").Do()
	require.NoError(t, err)
	require.Len(t, there.Messages, 1, "mail really arrives")
}

func TestControlTokenAndRevoke(t *testing.T) {
	s := start(t)
	tok := call[object](s, "POST", "/_sim/accounts/"+mara+"/token", `{"client_id":"777-x.apps.googleusercontent.com","scopes":["email","`+full+`"],"refresh":true}`)
	require.EqualValues(t, 3599, tok["expires_in"])
	require.Equal(t, full+" https://www.googleapis.com/auth/userinfo.email", tok["scope"])
	require.NotEmpty(t, tok["refresh_token"])
	get := func() int {
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/gmail/v1/users/me/profile", http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+tok["access_token"].(string))
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, 200, get())
	require.EqualValues(t, 0, call[object](s, "POST", "/_sim/accounts/"+mara+"/revoke", `{"client_id":"`+world.DemoClientID+`"}`)["revoked"])
	require.Equal(t, 200, get())
	require.EqualValues(t, 1, call[object](s, "POST", "/_sim/accounts/"+mara+"/revoke", "")["revoked"])
	require.Equal(t, 401, get())
}

func TestControlClockLogUsageAndReset(t *testing.T) {
	s := start(t)
	c := call[object](s, "GET", "/_sim/clock", "")
	require.Equal(t, "0s", c["offset"])
	c = call[object](s, "POST", "/_sim/clock", `{"advance":"168h"}`)
	at, err := time.Parse(time.RFC3339Nano, c["now"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(168*time.Hour), at, time.Minute)
	status, _ := s.raw("POST", "/_sim/clock", `{"advance":"a week"}`)
	require.Equal(t, 400, status)

	_, err = s.gmail(mara, full).Users.GetProfile("me").Do()
	require.NoError(t, err)
	log := call[[]object](s, "GET", "/_sim/requests?since=0", "")
	require.Len(t, log, 1)
	for _, field := range []string{"number", "time", "account", "api", "method", "path", "status", "units", "client_id"} {
		require.Contains(t, log[0], field)
	}
	require.Empty(t, call[[]object](s, "GET", "/_sim/requests?since=1", ""))
	usage := call[[]object](s, "GET", "/_sim/usage", "")
	require.Equal(t, []object{{"account": mara, "api": "gmail", "method": "getProfile", "calls": 1., "units": 1., "refused": 0., "failures": 0.}}, usage)

	call[object](s, "POST", "/_sim/accounts", `{"email":"extra@northwind-lamps.example"}`)
	call[object](s, "POST", "/_sim/accounts/"+mara+"/messages", `{"from":"a@b.example","subject":"x","text":"y"}`)
	call[object](s, "POST", "/_sim/faults", `{"status":500}`)
	call[object](s, "POST", "/_sim/quota", `{"preset":"legacy","concurrency":3}`)
	call[object](s, "POST", "/_sim/latency", `{"ms":1}`)
	call[object](s, "POST", "/_sim/notifications", `{"mode":"drop"}`)
	call[object](s, "POST", "/_sim/reset", "")
	list := call[[]object](s, "GET", "/_sim/accounts", "")
	require.Len(t, list, 3)
	require.EqualValues(t, 40, list[0]["messages"])
	require.Equal(t, "0s", call[object](s, "GET", "/_sim/clock", "")["offset"])
	require.Empty(t, call[[]object](s, "GET", "/_sim/faults", ""))
	require.Empty(t, call[[]object](s, "GET", "/_sim/requests", ""))
	require.Equal(t, "2026", call[object](s, "GET", "/_sim/quota", "")["preset"])
	require.Equal(t, "deliver", call[object](s, "GET", "/_sim/notifications", "")["mode"])
	p, err := s.gmail(mara, full).Users.GetProfile("me").Do()
	require.NoError(t, err)
	require.EqualValues(t, 40, p.MessagesTotal)
}

func TestControlIsForThisMachineOnly(t *testing.T) {
	s := start(t)
	for name, change := range map[string]func(*http.Request){
		"another machine": func(r *http.Request) { r.RemoteAddr = "203.0.113.9:1234" },
		"a web page":      func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/_sim/reset", http.NoBody)
			r.RemoteAddr = "127.0.0.1:1234"
			change(r)
			rec := httptest.NewRecorder()
			s.Handler().ServeHTTP(rec, r)
			require.Equal(t, 403, rec.Code)
		})
	}
	r := httptest.NewRequest("GET", "/_sim/accounts", http.NoBody)
	r.RemoteAddr = "[::1]:1234"
	r.Header.Set("Origin", "http://localhost:5173")
	rec := httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, r)
	require.Equal(t, 200, rec.Code)
}

func TestTheSameSeedIsTheSameWorld(t *testing.T) {
	now := time.Now() // mail ends a little before it
	subjects := func() (out []string) {
		s := startAt(t, func() time.Time { return now })
		svc := s.gmail(mara, full)
		list, err := svc.Users.Messages.List("me").Do()
		require.NoError(t, err)
		for _, m := range list.Messages[:10] {
			full, err := svc.Users.Messages.Get("me", m.Id).Format("metadata").MetadataHeaders("Subject").Do()
			require.NoError(t, err)
			out = append(out, m.Id+full.Payload.Headers[0].Value)
		}
		return out
	}
	require.Equal(t, subjects(), subjects())
}

// TestMailEndsAtAFixedTime starts a world again weeks later.
func TestMailEndsAtAFixedTime(t *testing.T) {
	until := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	ids := func(now time.Time) (out []string) {
		s, err := simulator.New(simulator.Options{Seed: 42, Now: func() time.Time { return now }, Until: until, Accounts: []simulator.Account{
			{Email: mara, Name: "Mara Lindqvist", Messages: 40, Seed: 1},
		}})
		require.NoError(t, err)
		require.NoError(t, s.Start("127.0.0.1:0"))
		defer func() {
			require.NoError(t, s.Close())
			http.DefaultClient.CloseIdleConnections()
		}()
		list, err := sim{s, t}.gmail(mara, full).Users.Messages.List("me").IncludeSpamTrash(true).Do()
		require.NoError(t, err)
		for _, m := range list.Messages {
			out = append(out, m.Id)
		}
		return out
	}
	first := ids(until)
	require.Len(t, first, 40)
	require.Equal(t, first, ids(until.AddDate(0, 0, 25)))
}

func TestServiceAccounts(t *testing.T) {
	s := start(t)
	const robot = "robot@rapport-demo.iam.gserviceaccount.com"
	key := call[json.RawMessage](s, "POST", "/_sim/service-accounts", `{"email":"`+robot+`","delegated":{"northwind-lamps.example":["`+gmail.GmailReadonlyScope+`"]}}`)
	token := func(subject string, scopes ...string) (string, error) {
		cfg, err := google.JWTConfigFromJSON(key, scopes...)
		require.NoError(t, err)
		cfg.Subject = subject
		tok, err := cfg.TokenSource(context.WithValue(t.Context(), oauth2.HTTPClient, http.DefaultClient)).Token()
		if err != nil {
			return "", err
		}
		return tok.AccessToken, nil
	}
	profile := func(tok string) (*gmail.Profile, error) {
		svc, err := gmail.NewService(t.Context(), option.WithEndpoint(s.URL()), option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: tok})))
		require.NoError(t, err)
		return svc.Users.GetProfile("me").Do()
	}
	tok, err := token(mara, gmail.GmailReadonlyScope)
	require.NoError(t, err)
	p, err := profile(tok)
	require.NoError(t, err)
	require.Equal(t, mara, p.EmailAddress)

	tok, err = token("", gmail.GmailReadonlyScope)
	require.NoError(t, err)
	_, err = profile(tok)
	var refused *googleapi.Error
	require.ErrorAs(t, err, &refused, "a service account has no mailbox")
	require.Equal(t, 400, refused.Code)
	require.Equal(t, "Precondition check failed.", refused.Message)
	require.Equal(t, "failedPrecondition", refused.Errors[0].Reason)

	for _, c := range []struct {
		name, subject, scope string
		status               int
		code, description    string
	}{
		{"a scope that was not authorised", mara, gmail.GmailModifyScope, 401, "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."},
		{"an organisation that authorised nothing", pia, gmail.GmailReadonlyScope, 401, "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."},
		{"nobody", "ghost@northwind-lamps.example", gmail.GmailReadonlyScope, 400, "invalid_grant", "Invalid email or User ID"},
		{"not an address", "mara", gmail.GmailReadonlyScope, 400, "invalid_grant", "Not a valid email"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := token(c.subject, c.scope)
			requireRefused(t, err, c.status, c.code, c.description)
		})
	}
	t.Run("access control", func(t *testing.T) {
		s.World.Domains.Set("northwind-lamps.example", world.Policy{RestrictedScopes: []string{gmail.GmailReadonlyScope}})
		_, err := token(mara, gmail.GmailReadonlyScope)
		requireRefused(t, err, 403, "access_denied", "Account restricted")
		s.World.Domains.Set("northwind-lamps.example", world.Policy{BlockedClients: []string{world.DemoProject + "000000001"}})
		_, err = token(mara, gmail.GmailReadonlyScope)
		requireRefused(t, err, 403, "access_denied", "Requested client not authorized")
		s.World.Domains.Replace(nil)
	})
	t.Run("another key", func(t *testing.T) {
		old := key
		_, err := s.OAuth.AddServiceAccount(oauth.ServiceAccount{Email: robot}, s.URL())
		require.NoError(t, err)
		key = old
		_, err = token(mara, gmail.GmailReadonlyScope)
		requireRefused(t, err, 400, "invalid_grant", "Invalid JWT Signature.")
	})
	t.Run("a clock that is wrong", func(t *testing.T) {
		key = call[json.RawMessage](s, "POST", "/_sim/service-accounts", `{"email":"late@rapport-demo.iam.gserviceaccount.com"}`)
		call[object](s, "POST", "/_sim/clock", `{"advance":"3h"}`)
		_, err := token("", gmail.GmailReadonlyScope)
		requireRefused(t, err, 400, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.")
	})
}

func requireRefused(t *testing.T, err error, status int, code, description string) {
	t.Helper()
	var e *oauth2.RetrieveError
	require.ErrorAs(t, err, &e)
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	require.NoError(t, json.Unmarshal(e.Body, &body))
	require.Equal(t, []any{status, code, description}, []any{e.Response.StatusCode, body.Error, body.Description})
}

func TestStartAndClose(t *testing.T) {
	s, err := simulator.New(simulator.Options{})
	require.NoError(t, err)
	require.Empty(t, s.URL())
	require.NoError(t, s.Start("127.0.0.1:0"))
	require.Error(t, s.Start("127.0.0.1:0"), "once")
	other, err := simulator.New(simulator.Options{})
	require.NoError(t, err)
	require.ErrorContains(t, other.Start(strings.TrimPrefix(s.URL(), "http://")), "listen for the simulator")
	require.NoError(t, other.Close())

	resp, err := http.Get(s.URL() + "/")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Contains(t, string(body), "simulated Google")
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, s.Shutdown(t.Context()))
	_, err = http.Get(s.URL() + "/")
	require.Error(t, err)
}

func TestMistakesInOptions(t *testing.T) {
	_, err := simulator.New(simulator.Options{Accounts: []simulator.Account{{Email: "nobody"}}})
	require.ErrorContains(t, err, "not an e-mail address")
	_, err = simulator.New(simulator.Options{Quota: "1999"})
	require.ErrorContains(t, err, "use 2026, legacy or none")
}

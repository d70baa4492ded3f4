package front_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/oauth2"
	"google.golang.org/api/gmail/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"rapport/simulator"
	"rapport/simulator/discovery"
	"rapport/simulator/front"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	mara     = "mara@northwind-lamps.example"
	tom      = "tom@northwind-lamps.example"
	readonly = "https://www.googleapis.com/auth/gmail.readonly"
	modify   = "https://www.googleapis.com/auth/gmail.modify"
	sendOnly = "https://www.googleapis.com/auth/gmail.send"
	full     = "https://mail.google.com/"
)

// room answers a few Gmail methods from nothing, so that only what front does
// is tested.
type room struct {
	get  func(*front.Call) (any, error)
	last *front.Call
}

func (r *room) Name() string     { return "gmail" }
func (r *room) Document() []byte { return discovery.Document("gmail") }

func (r *room) Methods() map[string]front.Handler {
	return map[string]front.Handler{
		"gmail.users.getProfile": func(c *front.Call) (any, error) {
			return front.Raw(`{"emailAddress":"` + c.Account + `","messagesTotal":3,"historyId":"7"}`), nil
		},
		"gmail.users.messages.get": func(c *front.Call) (any, error) {
			if r.get != nil {
				return r.get(c)
			}
			return front.Raw(`{"id":"` + c.Path.Get("id") + `","snippet":"<b> & more","sizeEstimate":2048}`), nil
		},
		"gmail.users.messages.list": func(c *front.Call) (any, error) {
			return map[string]any{"messages": []map[string]string{{"id": "1", "threadId": "1"}}, "resultSizeEstimate": 1}, nil
		},
		"gmail.users.messages.send": func(c *front.Call) (any, error) {
			r.last = c
			return map[string]any{"id": "9", "sizeEstimate": len(c.Media)}, nil
		},
		"gmail.users.messages.delete": func(*front.Call) (any, error) { return nil, nil },
		"gmail.users.threads.get":     func(*front.Call) (any, error) { return nil, errors.New("disk on fire") },
		"gmail.users.labels.list":     func(*front.Call) (any, error) { panic("a bug") },
		"gmail.users.labels.get": func(c *front.Call) (any, error) {
			return nil, &front.Error{Code: 404, Message: "Requested entity was not found."}
		},
	}
}

type world struct {
	*simulator.Simulator
	room *room
	t    *testing.T
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{room: &room{}, t: t}
	sim, err := simulator.New(simulator.Options{Seed: 3,
		Accounts: []simulator.Account{{Email: mara}, {Email: tom}},
		Rooms:    []simulator.RoomMaker{func(simulator.Kit) (front.Room, error) { return w.room, nil }}})
	require.NoError(t, err)
	require.NoError(t, sim.Start("127.0.0.1:0"))
	w.Simulator = sim
	t.Cleanup(func() {
		require.NoError(t, sim.Close())
		http.DefaultClient.CloseIdleConnections()
	})
	return w
}

func (w *world) token(account string, scopes ...string) string {
	w.t.Helper()
	tok, err := w.OAuth.IssueToken(account, "", scopes)
	require.NoError(w.t, err)
	return tok
}

// gmail is Google's own client.
func (w *world) gmail(account string, scopes ...string) *gmail.Service {
	w.t.Helper()
	svc, err := gmail.NewService(w.t.Context(), option.WithEndpoint(w.URL()),
		option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: w.token(account, scopes...)})))
	require.NoError(w.t, err)
	return svc
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	out := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(a.body), &out), "%s", a.body)
	return out
}

// call makes a request by hand; header pairs follow the body.
func (w *world) call(method, path, token, body string, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, w.URL()+path, strings.NewReader(body))
	require.NoError(w.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(raw)}, err
}

func (w *world) must(method, path, token, body string, header ...string) answer {
	w.t.Helper()
	a, err := w.call(method, path, token, body, header...)
	require.NoError(w.t, err)
	return a
}

func (w *world) control(method, path string, body any) {
	w.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(w.t, err)
	a := w.must(method, path, "", string(raw))
	require.Equal(w.t, 200, a.status, a.body)
}

func (w *world) fault(f map[string]any) {
	w.t.Helper()
	w.control("POST", "/_sim/faults", f)
}

func (w *world) log() []front.Entry {
	w.t.Helper()
	var out []front.Entry
	require.NoError(w.t, json.Unmarshal([]byte(w.must("GET", "/_sim/requests", "", "").body), &out))
	return out
}

const profilePath = "/gmail/v1/users/me/profile"

func TestRefusals(t *testing.T) {
	w := start(t)
	ok, narrow := w.token(mara, full), w.token(mara, sendOnly)
	for _, c := range []struct {
		name, method, path, token, body string
		status                          int
		wants                           map[string]any // of the error object
		reason, errorMessage            string
	}{
		{"no token", "GET", profilePath, "", "", 401, map[string]any{"status": "UNAUTHENTICATED"}, "required", "Login Required."},
		{"unknown token", "GET", profilePath, "ya29.nobody", "", 401, map[string]any{"status": "UNAUTHENTICATED"}, "authError", "Invalid Credentials"},
		{"scope missing", "GET", profilePath, narrow, "", 403, map[string]any{"status": "PERMISSION_DENIED", "message": "Request had insufficient authentication scopes."}, "insufficientPermissions", "Insufficient Permission"},
		{"unknown parameter", "GET", profilePath + "?format=full", ok, "", 400, map[string]any{"status": "INVALID_ARGUMENT"}, "invalidParameter", ""},
		{"wrong type", "GET", "/gmail/v1/users/me/messages?maxResults=x", ok, "", 400, map[string]any{"status": "INVALID_ARGUMENT"}, "invalidParameter", ""},
		{"unknown field", "POST", "/gmail/v1/users/me/messages/send", ok, `{"row":"x"}`, 400, map[string]any{"status": "INVALID_ARGUMENT"}, "invalid", ""},
		{"bad selection", "GET", profilePath + "?fields=mail", ok, "", 400, map[string]any{"message": "Invalid field selection mail"}, "invalidParameter", ""},
		{"unknown path", "GET", "/gmail/v1/users/me/mails", ok, "", 400, map[string]any{"message": "No method of the gmail API has the path /gmail/v1/users/me/mails."}, "badRequest", ""},
		{"wrong HTTP method", "PUT", "/gmail/v1/users/me/messages", ok, "", 400, map[string]any{"message": "The gmail API has no method PUT /gmail/v1/users/me/messages."}, "badRequest", ""},
		{"not simulated", "GET", "/gmail/v1/users/me/settings/vacation", ok, "", 501, map[string]any{"message": "The simulator does not implement gmail.users.settings.getVacation.", "status": "UNIMPLEMENTED"}, "notImplemented", ""},
		{"handler's error", "GET", "/gmail/v1/users/me/labels/x", ok, "", 404, map[string]any{"status": "NOT_FOUND", "message": "Requested entity was not found."}, "notFound", ""},
		{"any other error", "GET", "/gmail/v1/users/me/threads/x", ok, "", 500, map[string]any{"status": "INTERNAL"}, "backendError", ""},
		{"a panic", "GET", "/gmail/v1/users/me/labels", ok, "", 500, map[string]any{"status": "INTERNAL"}, "backendError", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := w.must(c.method, c.path, c.token, c.body)
			require.Equal(t, c.status, a.status, a.body)
			require.Equal(t, "application/json; charset=UTF-8", a.header.Get("Content-Type"))
			e := a.json(t)["error"].(map[string]any)
			require.EqualValues(t, c.status, e["code"])
			for k, v := range c.wants {
				require.Equal(t, v, e[k])
			}
			item := e["errors"].([]any)[0].(map[string]any)
			require.Equal(t, c.reason, item["reason"])
			if c.errorMessage != "" {
				require.Equal(t, c.errorMessage, item["message"])
			}
		})
	}
	t.Run("headers", func(t *testing.T) {
		require.Equal(t, `Bearer realm="https://accounts.google.com/"`, w.must("GET", profilePath, "", "").header.Get("WWW-Authenticate"))
		require.Contains(t, w.must("GET", profilePath, "x", "").header.Get("WWW-Authenticate"), `error="invalid_token"`)
		h := w.must("GET", profilePath, narrow, "").header.Get("WWW-Authenticate")
		require.Contains(t, h, `error="insufficient_scope"`)
		require.Contains(t, h, readonly)
	})
	t.Run("nobody's path", func(t *testing.T) {
		a := w.must("GET", "/nothing/here", "", "")
		require.Equal(t, 404, a.status)
		require.Contains(t, a.header.Get("Content-Type"), "text/html")
		require.Contains(t, a.body, "Error 404 (Not Found)!!1")
	})
	t.Run("as Google's client reads it", func(t *testing.T) {
		_, err := w.gmail(mara, sendOnly).Users.GetProfile("me").Do()
		var e *googleapi.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, 403, e.Code)
		require.Equal(t, "insufficientPermissions", e.Errors[0].Reason)
		require.Equal(t, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", e.Details[0].(map[string]any)["reason"])
	})
}

func TestAnswers(t *testing.T) {
	w := start(t)
	ok := w.token(mara, full)
	require.Equal(t, "{\n  \"emailAddress\": \""+mara+"\",\n  \"messagesTotal\": 3,\n  \"historyId\": \"7\"\n}\n", w.must("GET", profilePath, ok, "").body, "pretty by default")
	require.Equal(t, `{"emailAddress":"`+mara+`","messagesTotal":3,"historyId":"7"}`, w.must("GET", profilePath+"?prettyPrint=false", ok, "").body)
	require.Equal(t, `{"historyId":"7"}`, w.must("GET", profilePath+"?prettyPrint=false&fields=historyId", ok, "").body)
	require.Equal(t, 204, w.must("DELETE", "/gmail/v1/users/me/messages/1", ok, "").status)
	require.Equal(t, 200, w.must("GET", profilePath+"?access_token="+ok, "", "").status)
	require.Equal(t, 200, w.must("POST", profilePath, ok, "", "X-HTTP-Method-Override", "GET").status)
	require.Contains(t, w.must("GET", "/gmail/v1/users/me/messages/1", ok, "").body, "<b> & more", "HTML is not escaped")

	svc := w.gmail(mara, readonly)
	p, err := svc.Users.GetProfile("me").Fields("emailAddress").Do()
	require.NoError(t, err)
	require.Equal(t, mara, p.EmailAddress)
	require.Zero(t, p.HistoryId)
	m, err := svc.Users.Messages.Get("me", "a/b c").Do()
	require.NoError(t, err)
	require.Equal(t, "a/b c", m.Id, "path parameters are unescaped")
	require.NoError(t, w.gmail(mara, full).Users.Messages.Delete("me", "1").Do())
}

func TestGzipOnlyForClientsThatSayItTwice(t *testing.T) {
	w := start(t)
	ok := w.token(mara, full)
	w.room.get = func(*front.Call) (any, error) {
		return front.Raw(`{"id":"1","snippet":"` + strings.Repeat("word ", 1000) + `"}`), nil
	}
	const path = "/gmail/v1/users/me/messages/1"
	require.Empty(t, w.must("GET", path, ok, "", "Accept-Encoding", "gzip").header.Get("Content-Encoding"))
	a := w.must("GET", path, ok, "", "Accept-Encoding", "gzip", "User-Agent", "crm (gzip)")
	require.Equal(t, "gzip", a.header.Get("Content-Encoding"))
	z, err := gzip.NewReader(strings.NewReader(a.body))
	require.NoError(t, err)
	plain, err := io.ReadAll(z)
	require.NoError(t, err)
	require.True(t, json.Valid(plain))
}

func TestTheClockShows(t *testing.T) {
	w := start(t)
	ok := w.token(mara, full)
	w.control("POST", "/_sim/clock", map[string]any{"advance": "48h"})
	a := w.must("GET", profilePath, ok, "")
	require.Equal(t, 401, a.status, "the token expired")
	at, err := http.ParseTime(a.header.Get("Date"))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(48*time.Hour), at, time.Minute)
}

func TestLog(t *testing.T) {
	w := start(t)
	svc := w.gmail(mara, full)
	for range 3 {
		_, err := svc.Users.Messages.Get("me", "1").Do()
		require.NoError(t, err)
	}
	_, err := w.gmail(tom, sendOnly).Users.GetProfile("me").Do()
	require.Error(t, err)
	log := w.log()
	require.Len(t, log, 4)
	first := log[0]
	require.EqualValues(t, 1, first.Number)
	require.Equal(t, mara, first.Account)
	require.Equal(t, "gmail", first.API)
	require.Equal(t, "messages.get", first.Method)
	require.Equal(t, "gmail.users.messages.get", first.ID)
	require.Equal(t, "GET", first.HTTP)
	require.Equal(t, "/gmail/v1/users/me/messages/1?alt=json&prettyPrint=false", first.Path)
	require.Equal(t, 200, first.Status)
	require.Equal(t, 20, first.Units)
	require.NotEmpty(t, first.Client)
	require.Equal(t, 403, log[3].Status)
	require.Zero(t, log[3].Units)

	require.Len(t, w.Front.Log.Since(3), 1)
	require.Empty(t, w.Front.Log.Since(4))
	usage := w.Front.Log.Usage()
	require.Equal(t, []front.Usage{
		{Account: mara, API: "gmail", Method: "messages.get", Calls: 3, Units: 60},
		{Account: tom, API: "gmail", Method: "getProfile", Calls: 1, Failures: 1},
	}, usage)

	w.control("POST", "/_sim/reset", nil)
	require.Empty(t, w.log())
}

func TestLogKeepsTheLastOnes(t *testing.T) {
	l := front.NewLog(4)
	for i := range 10 {
		l.Add(front.Entry{API: "gmail", Method: "m", Status: 200, Units: i})
	}
	got := l.Since(0)
	require.Len(t, got, 4)
	for i, e := range got {
		require.EqualValues(t, 7+i, e.Number)
		require.Equal(t, 6+i, e.Units)
	}
	require.Len(t, l.Since(9), 1)
	require.Equal(t, 10, l.Usage()[0].Calls, "sums go on")
}

func TestLatency(t *testing.T) {
	w := start(t)
	ok := w.token(mara, full)
	w.control("POST", "/_sim/latency", map[string]any{"ms": 30, "jitter_ms": 10})
	began := time.Now()
	w.must("GET", profilePath, ok, "")
	require.GreaterOrEqual(t, time.Since(began), 30*time.Millisecond)
}

func TestRoomWithAMethodGoogleDoesNotHave(t *testing.T) {
	_, err := simulator.New(simulator.Options{Rooms: []simulator.RoomMaker{func(simulator.Kit) (front.Room, error) { return badRoom{}, nil }}})
	require.ErrorContains(t, err, `room drive: no method "drive.files.fly"`)
}

type badRoom struct{}

func (badRoom) Name() string     { return "drive" }
func (badRoom) Document() []byte { return discovery.Document("drive") }
func (badRoom) Methods() map[string]front.Handler {
	return map[string]front.Handler{"drive.files.fly": nil}
}

func TestFaults(t *testing.T) {
	w := start(t)
	ok, other := w.token(mara, full), w.token(tom, full)
	clear := func() { w.control("DELETE", "/_sim/faults", nil) }
	get := func(token string) answer { return w.must("GET", profilePath, token, "") }

	t.Run("status, reason and what follows from them", func(t *testing.T) {
		for _, c := range []struct {
			fault   map[string]any
			status  int
			message string
			reason  string
			domain  string
			state   string
		}{
			{map[string]any{"status": 500}, 500, "Internal error encountered.", "backendError", "global", "INTERNAL"},
			{map[string]any{"status": 503}, 503, "The service is currently unavailable.", "backendError", "global", "UNAVAILABLE"},
			{map[string]any{"status": 404}, 404, "Requested entity was not found.", "notFound", "global", "NOT_FOUND"},
			{map[string]any{"status": 429, "reason": "rateLimitExceeded", "message": "Too many concurrent requests for user"}, 429, "Too many concurrent requests for user", "rateLimitExceeded", "usageLimits", "RESOURCE_EXHAUSTED"},
			{map[string]any{"status": 403, "reason": "dailyLimitExceeded"}, 403, "Daily Limit Exceeded", "dailyLimitExceeded", "usageLimits", "PERMISSION_DENIED"},
			{map[string]any{"status": 403, "reason": "domainPolicy"}, 403, "The domain administrators have disabled third-party access.", "domainPolicy", "global", "PERMISSION_DENIED"},
			{map[string]any{"status": 400, "reason": "failedPrecondition", "message": "Mail service not enabled"}, 400, "Mail service not enabled", "failedPrecondition", "global", "FAILED_PRECONDITION"},
		} {
			w.fault(c.fault)
			a := get(ok)
			clear()
			require.Equal(t, c.status, a.status)
			e := a.json(t)["error"].(map[string]any)
			item := e["errors"].([]any)[0].(map[string]any)
			require.Equal(t, []any{c.message, c.reason, c.domain, c.state}, []any{e["message"], item["reason"], item["domain"], e["status"]})
		}
		w.fault(map[string]any{"status": 403, "reason": "userRateLimitExceeded"})
		defer clear()
		require.Regexp(t, `^User-rate limit exceeded\.  Retry after \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, get(ok).json(t)["error"].(map[string]any)["message"])
	})
	t.Run("Retry-After in both forms", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"status": 429, "retry_after": 7, "times": 1})
		w.fault(map[string]any{"status": 503, "retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"})
		require.Equal(t, "7", get(ok).header.Get("Retry-After"))
		require.Equal(t, "Wed, 21 Oct 2026 07:28:00 GMT", get(ok).header.Get("Retry-After"))
	})
	t.Run("cut", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"kind": "cut", "times": 1})
		before := len(w.log())
		_, err := w.call("GET", profilePath, ok, "")
		require.Error(t, err)
		require.Equal(t, 200, get(ok).status)
		require.Zero(t, w.log()[before].Status)
	})
	t.Run("cut after the work was done", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"kind": "cut", "method": "messages.send", "when": "after"})
		w.room.last = nil
		_, err := w.call("POST", "/gmail/v1/users/me/messages/send", ok, `{"raw":"YQ"}`)
		require.Error(t, err)
		require.NotNil(t, w.room.last, "the message was sent")
	})
	t.Run("slow", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"kind": "slow", "delay_ms": 40})
		began := time.Now()
		a := get(ok)
		require.GreaterOrEqual(t, time.Since(began), 40*time.Millisecond)
		require.Equal(t, mara, a.json(t)["emailAddress"], "complete in the end")
	})
	t.Run("garbage", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"kind": "garbage"})
		a := get(ok)
		require.Equal(t, 200, a.status)
		require.False(t, json.Valid([]byte(a.body)))
	})
	t.Run("html", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"kind": "html", "status": 502})
		a := get(ok)
		require.Equal(t, 502, a.status)
		require.Contains(t, a.header.Get("Content-Type"), "text/html")
	})
	t.Run("whom and what it hits", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"api": "gmail", "method": "getProfile", "account": mara, "status": 500})
		require.Equal(t, 500, get(ok).status)
		require.Equal(t, 200, get(other).status)
		require.Equal(t, 200, w.must("GET", "/gmail/v1/users/me/messages", ok, "").status)
		clear()
		w.fault(map[string]any{"api": "calendar", "status": 500})
		require.Equal(t, 200, get(ok).status)
		clear()
		w.fault(map[string]any{"method": "get", "status": 500})
		require.Equal(t, 500, w.must("GET", "/gmail/v1/users/me/messages/1", ok, "").status)
		require.Equal(t, 200, get(ok).status, "getProfile does not end in .get")
	})
	t.Run("after and times", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"status": 500, "after": 2, "times": 3})
		var got []int
		for range 7 {
			got = append(got, get(ok).status)
		}
		require.Equal(t, []int{200, 200, 500, 500, 500, 200, 200}, got)
	})
	t.Run("a rate follows from the seed", func(t *testing.T) {
		defer clear()
		run := func() (out []int) {
			clear()
			w.fault(map[string]any{"status": 500, "rate": 0.3})
			for range 200 {
				out = append(out, get(ok).status)
			}
			return out
		}
		first := run()
		require.Equal(t, first, run())
		bad := 0
		for _, s := range first {
			if s == 500 {
				bad++
			}
		}
		require.InDelta(t, 60, bad, 20)
	})
	t.Run("mistakes are refused", func(t *testing.T) {
		for _, body := range []string{`{"kind":"explode"}`, `{"rate":2}`, `{"status":42}`, `{"knid":"cut"}`, `{"when":"never"}`, `{`} {
			require.Equal(t, 400, w.must("POST", "/_sim/faults", "", body).status, body)
		}
	})
}

func TestQuota(t *testing.T) {
	w := start(t)
	ok, other := w.token(mara, full), w.token(tom, full)
	get := func(token string) answer { return w.must("GET", "/gmail/v1/users/me/messages/1", token, "") }
	quota := func(q map[string]any) { w.control("POST", "/_sim/quota", q) }
	drain := func(token string) (n int, refused answer) {
		for {
			a := get(token)
			if a.status != 200 {
				return n, a
			}
			n++
		}
	}
	retryAfter := func(t *testing.T, a answer) time.Time {
		t.Helper()
		msg := a.json(t)["error"].(map[string]any)["message"].(string)
		text, found := strings.CutPrefix(msg, "User-rate limit exceeded.  Retry after ")
		require.True(t, found, msg)
		at, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return at
	}

	t.Run("a user's minute", func(t *testing.T) {
		quota(map[string]any{"preset": "2026", "per_user_minute": 600})
		n, a := drain(ok)
		require.InDelta(t, 30, n, 2, "600 units at 20 each")
		require.Contains(t, []int{403, 429}, a.status)
		item := a.json(t)["error"].(map[string]any)["errors"].([]any)[0].(map[string]any)
		require.Equal(t, "usageLimits", item["domain"])
		require.Contains(t, []any{"rateLimitExceeded", "userRateLimitExceeded"}, item["reason"])
		require.Empty(t, a.header.Get("Retry-After"), "Gmail says it in the text only")
		wait := retryAfter(t, a).Sub(w.World.Clock.Now())
		require.Less(t, wait, 3*time.Second)
		require.Equal(t, 200, get(other).status, "another user has a bucket of its own")

		w.control("POST", "/_sim/clock", map[string]any{"advance": "30s"})
		n, _ = drain(ok)
		require.InDelta(t, 15, n, 2, "half a minute refills half")
		w.control("POST", "/_sim/clock", map[string]any{"advance": "50m"})
		n, _ = drain(ok)
		require.InDelta(t, 30, n, 2, "never more than a minute's worth")
	})
	t.Run("legacy prices", func(t *testing.T) {
		quota(map[string]any{"preset": "legacy", "per_user_minute": 600})
		n, _ := drain(w.token(mara, full))
		require.InDelta(t, 120, n, 3, "600 units at 5 each")
	})
	t.Run("both models as presets", func(t *testing.T) {
		quota(map[string]any{"preset": "legacy"})
		require.Equal(t, 15000, w.Front.Quota.Limits().PerUserMinute)
		require.Equal(t, 10, w.Front.Quota.Limits().Costs["threads.get"])
		quota(map[string]any{"preset": "2026"})
		l := w.Front.Quota.Limits()
		require.Equal(t, []int{6000, 1200000, 40, 20, 5, 2, 1, 100, 0},
			[]int{l.PerUserMinute, l.PerProjectMinute, l.Costs["threads.get"], l.Costs["messages.get"], l.Costs["messages.list"], l.Costs["history.list"], l.Costs["getProfile"], l.Costs["messages.send"], l.Concurrency})
	})
	t.Run("the project's minute", func(t *testing.T) {
		quota(map[string]any{"preset": "2026", "per_project_minute": 100})
		n, a := drain(w.token(mara, full))
		require.Equal(t, 5, n)
		require.Equal(t, 403, a.status)
		require.Contains(t, a.body, "Quota exceeded for quota metric 'Queries' and limit 'Units per minute' of service 'gmail.googleapis.com' for consumer 'project_number:100000000001'.")
		require.Equal(t, 403, get(w.token(tom, full)).status, "all users of the project")
	})
	t.Run("prices may change", func(t *testing.T) {
		quota(map[string]any{"preset": "2026", "per_user_minute": 600, "costs": map[string]int{"messages.get": 300}})
		n, _ := drain(w.token(mara, full))
		require.Equal(t, 2, n)
	})
	t.Run("none", func(t *testing.T) {
		quota(map[string]any{"preset": "none"})
		for range 400 {
			require.Equal(t, 200, get(w.token(mara, full)).status)
		}
	})
	t.Run("refusals are counted and cost nothing", func(t *testing.T) {
		w.control("POST", "/_sim/reset", nil)
		quota(map[string]any{"preset": "2026", "per_user_minute": 40})
		n, _ := drain(w.token(mara, full))
		require.Equal(t, 2, n)
		require.Equal(t, []front.Usage{{Account: mara, API: "gmail", Method: "messages.get", Calls: 3, Units: 40, Refused: 1}}, w.Front.Log.Usage())
	})
	t.Run("concurrency", func(t *testing.T) {
		quota(map[string]any{"preset": "none", "concurrency": 2})
		inside, leave := make(chan struct{}), make(chan struct{})
		w.room.get = func(*front.Call) (any, error) {
			inside <- struct{}{}
			<-leave
			return front.Raw(`{}`), nil
		}
		tok := w.token(mara, full)
		done := make(chan int, 2)
		for range 2 {
			go func() {
				a, _ := w.call("GET", "/gmail/v1/users/me/messages/1", tok, "")
				done <- a.status
			}()
			<-inside
		}
		a := w.must("GET", profilePath, tok, "")
		require.Equal(t, 429, a.status)
		require.Contains(t, a.body, "Too many concurrent requests for user")
		require.Equal(t, 200, w.must("GET", profilePath, w.token(tom, full), "").status)
		close(leave)
		require.Equal(t, []int{200, 200}, []int{<-done, <-done})
		require.Equal(t, 200, w.must("GET", profilePath, tok, "").status)
	})
	t.Run("mistakes are refused", func(t *testing.T) {
		for _, body := range []string{`{"preset":"1999"}`, `{"per_user_minute":-1}`, `{"per_user":1}`} {
			require.Equal(t, 400, w.must("POST", "/_sim/quota", "", body).status, body)
		}
	})
}

func TestUpload(t *testing.T) {
	w := start(t)
	w.control("POST", "/_sim/quota", map[string]any{"preset": "none"})
	ok := w.token(mara, full)
	svc := w.gmail(mara, full)
	mail := []byte("From: mara@northwind-lamps.example\r\n\r\nHello")
	const send = "/upload/gmail/v1/users/me/messages/send"

	t.Run("media", func(t *testing.T) {
		a := w.must("POST", send+"?uploadType=media", ok, string(mail), "Content-Type", "message/rfc822")
		require.Equal(t, 200, a.status, a.body)
		require.Equal(t, mail, w.room.last.Media)
		require.Empty(t, w.room.last.Body)
	})
	t.Run("multipart by Google's client", func(t *testing.T) {
		m, err := svc.Users.Messages.Send("me", &gmail.Message{ThreadId: "7"}).Media(bytes.NewReader(mail), googleapi.ContentType("message/rfc822")).Do()
		require.NoError(t, err)
		require.EqualValues(t, len(mail), m.SizeEstimate)
		require.Equal(t, mail, w.room.last.Media)
		require.JSONEq(t, `{"threadId":"7"}`, string(w.room.last.Body))
	})
	t.Run("resumable by Google's client", func(t *testing.T) {
		big := bytes.Repeat([]byte("0123456789abcdef"), 70000) // 1.1 MB in chunks of 256 KB
		m, err := svc.Users.Messages.Send("me", &gmail.Message{ThreadId: "8"}).
			Media(bytes.NewReader(big), googleapi.ContentType("message/rfc822"), googleapi.ChunkSize(googleapi.MinUploadChunkSize)).Do()
		require.NoError(t, err)
		require.EqualValues(t, len(big), m.SizeEstimate)
		require.Equal(t, big, w.room.last.Media)
		require.JSONEq(t, `{"threadId":"8"}`, string(w.room.last.Body))
	})
	t.Run("resumable by hand, with 308", func(t *testing.T) {
		a := w.must("POST", send+"?uploadType=resumable", ok, `{"threadId":"9"}`, "Content-Type", "application/json", "X-Upload-Content-Length", "10")
		require.Equal(t, 200, a.status, a.body)
		u, err := url.Parse(a.header.Get("Location"))
		require.NoError(t, err)
		put := func(body string, header ...string) answer { return w.must("PUT", u.RequestURI(), ok, body, header...) }
		a = put("01234", "Content-Range", "bytes 0-4/10")
		require.Equal(t, 308, a.status)
		require.Equal(t, "bytes=0-4", a.header.Get("Range"))
		a = put("", "Content-Range", "bytes */10")
		require.Equal(t, 308, a.status, "how far is it")
		require.Equal(t, 400, put("x", "Content-Range", "bytes 9-9/10").status, "a gap")
		a = put("56789", "Content-Range", "bytes 5-9/10")
		require.Equal(t, 200, a.status, a.body)
		require.Equal(t, "0123456789", string(w.room.last.Media))
		require.Equal(t, 400, put("56789", "Content-Range", "bytes 5-9/10").status, "the session is over")
	})
	t.Run("too large", func(t *testing.T) {
		a := w.must("POST", send+"?uploadType=resumable", ok, `{}`, "X-Upload-Content-Length", "36700161")
		require.Equal(t, 413, a.status)
		a = w.must("POST", send+"?uploadType=media", ok, strings.Repeat("x", 36700161))
		require.Equal(t, 413, a.status)
	})
	t.Run("refused", func(t *testing.T) {
		require.Equal(t, 400, w.must("POST", send, ok, "x").status, "no upload type")
		require.Equal(t, 400, w.must("POST", send+"?uploadType=multipart", ok, "x", "Content-Type", "text/plain").status)
		require.Equal(t, 401, w.must("POST", send+"?uploadType=media", "", "x").status)
		require.Equal(t, 400, w.must("POST", send+"?uploadType=resumable", ok, "{").status)
	})
}

func Example_errorIsAnError() {
	var err error = &front.Error{Code: 404, Message: "Requested entity was not found."}
	fmt.Println(err)
	// Output: Requested entity was not found.
}

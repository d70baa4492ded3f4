package front_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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

func (r *room) Name() string { return "gmail" }

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

func (badRoom) Name() string { return "drive" }

func (badRoom) Document() []byte { return discovery.Document("drive") }

func (badRoom) Methods() map[string]front.Handler {
	return map[string]front.Handler{"drive.files.fly": nil}
}

func Example_errorIsAnError() {
	var err error = &front.Error{Code: 404, Message: "Requested entity was not found."}
	fmt.Println(err)
	// Output: Requested entity was not found.
}

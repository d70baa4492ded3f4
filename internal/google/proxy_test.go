package google

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/simulator"
	"rapport/simulator/world"
)

// hatch is a proxy in front of a Google, over real HTTP on both sides. Paths
// begin with the service.
type hatch struct {
	url string
	err chan error
}

func openHatch(t *testing.T, e Endpoints, token crm.Secret, longest time.Duration) *hatch {
	t.Helper()
	h := &hatch{err: make(chan error, 8)}
	p := NewProxy(ProxyOptions{Endpoints: e, Longest: longest, Failed: func(_ crm.Service, err error) { h.err <- err }})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service, path, _ := strings.Cut(r.URL.EscapedPath()[1:], "/")
		p.Forward(w, r, token, crm.Service(service), "/"+path)
	}))
	t.Cleanup(func() {
		server.Close()
		p.transport.(*http.Transport).CloseIdleConnections()
	})
	h.url = server.URL
	return h
}

func (h *hatch) do(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.url+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := (&http.Client{CheckRedirect: noRedirects}).Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(text)
}

func TestProxyReachesEveryAPI(t *testing.T) {
	sim, err := simulator.New(simulator.Options{Seed: 3, Accounts: []simulator.Account{{Email: adaAddress, Name: "Ada Winter", Admin: true, Messages: 3}}})
	require.NoError(t, err)
	google := httptest.NewServer(sim.Handler())
	t.Cleanup(func() {
		google.Close()
		require.NoError(t, sim.Close())
	})
	auth := "https://www.googleapis.com/auth/"
	token, err := sim.OAuth.IssueToken(adaAddress, world.DemoClientID, []string{auth + "gmail.readonly", auth + "drive.file", auth + "spreadsheets", auth + "meetings.space.created", auth + "admin.directory.user.readonly"})
	require.NoError(t, err)
	h := openHatch(t, At(google.URL), crm.NewSecret(token), 0)

	res, text := h.do(t, "GET", "/gmail/gmail/v1/users/me/profile?prettyPrint=false", "")
	require.Equal(t, 200, res.StatusCode, text)
	require.Contains(t, text, adaAddress)

	res, text = h.do(t, "POST", "/sheets/v4/spreadsheets", `{"properties":{"title":"Deals"}}`, "Content-Type", "application/json")
	require.Equal(t, 200, res.StatusCode, text)
	var book struct{ SpreadsheetID string }
	require.NoError(t, json.Unmarshal([]byte(text), &book))
	res, text = h.do(t, "POST", "/sheets/v4/spreadsheets/"+book.SpreadsheetID+"/values/Sheet1%21A1%3AB1:append?valueInputOption=RAW", `{"values":[["a%2Fb",1]]}`, "Content-Type", "application/json")
	require.Equal(t, 200, res.StatusCode, text)
	require.Contains(t, text, "Sheet1!A1:B1", "escaped paths arrive as they were sent")

	res, text = h.do(t, "POST", "/meet/v2/spaces", `{}`, "Content-Type", "application/json")
	require.Equal(t, 200, res.StatusCode, text)
	res, text = h.do(t, "GET", "/directory/admin/directory/v1/users?customer=my_customer", "")
	require.Equal(t, 200, res.StatusCode, text)

	t.Run("Google's errors as they are", func(t *testing.T) {
		res, text := h.do(t, "GET", "/drive/drive/v3/files/nothing?prettyPrint=false", "")
		require.Equal(t, 404, res.StatusCode)
		require.JSONEq(t, `{"error":{"code":404,"message":"File not found: nothing.","errors":[{"message":"File not found: nothing.","domain":"global","reason":"notFound","location":"fileId","locationType":"parameter"}]}}`, text)
		res, _ = h.do(t, "POST", "/gmail/gmail/v1/users/me/messages/send", `{"raw":"eA"}`, "Content-Type", "application/json")
		require.Equal(t, 403, res.StatusCode)
		require.Contains(t, res.Header.Get("WWW-Authenticate"), "insufficient_scope")
	})
	t.Run("an upload in pieces", func(t *testing.T) {
		res, text := h.do(t, "POST", "/drive/upload/drive/v3/files?uploadType=resumable", `{"name":"plan.txt"}`, "Content-Type", "application/json", "X-Upload-Content-Type", "text/plain")
		require.Equal(t, 200, res.StatusCode, text)
		at := res.Header.Get("Location")
		require.True(t, strings.HasPrefix(at, "/upload/drive/v3/files?"), "of Google's path only: %s", at)
		res, _ = h.do(t, "PUT", "/drive"+at, "0123", "Content-Range", "bytes 0-3/8")
		require.Equal(t, 308, res.StatusCode, "not followed")
		require.Equal(t, "bytes=0-3", res.Header.Get("Range"))
		res, text = h.do(t, "PUT", "/drive"+at, "4567", "Content-Range", "bytes 4-7/8")
		require.Equal(t, 200, res.StatusCode, text)
		require.Contains(t, text, "text/plain")
	})
}

func TestProxyPassesOnWhatGoogleReads(t *testing.T) {
	var got *http.Request
	var body string
	google := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		text, _ := io.ReadAll(r.Body)
		body = string(text)
		for name, value := range map[string]string{"Set-Cookie": "NID=1", "Alt-Svc": "h3", "Strict-Transport-Security": "max-age=1", "Access-Control-Allow-Origin": "*",
			"Etag": `"7"`, "Content-Type": "application/json; charset=UTF-8", "X-Goog-Hash": "crc32c=1", "Location": "https://elsewhere.example/x"} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusTemporaryRedirect)
		_, _ = io.WriteString(w, `{"moved":true}`)
	}))
	defer google.Close()
	h := openHatch(t, At(google.URL), crm.NewSecret("ya29.real"), 0)
	res, text := h.do(t, "POST", "/drive/drive/v3/files?fields=id&q=name%20%3D%20%27x%27", "payload",
		"Authorization", "Bearer rapport_key", "Cookie", "session=1", "Origin", "https://app.example", "Referer", "https://app.example/x", "X-Forwarded-For", "10.0.0.1",
		"X-Real-IP", "10.0.0.1", "X-Csrf-Token", "t", "X-Http-Method-Override", "DELETE", "X-Goog-Api-Key", "k", "X-Goog-User-Project", "p", "Forwarded", "for=1", "X-Request-Id", "r",
		"Content-Type", "text/plain", "If-Match", `"6"`, "Accept-Encoding", "gzip", "User-Agent", "plugin/1 (gzip)", "X-Goog-Api-Client", "gl-go/1", "X-Upload-Content-Type", "image/png", "Range", "bytes=0-9")
	require.Equal(t, http.StatusTemporaryRedirect, res.StatusCode, "no redirect is followed")
	require.JSONEq(t, `{"moved":true}`, text)
	require.Equal(t, "payload", body)
	require.Equal(t, "/drive/v3/files", got.URL.Path)
	require.Equal(t, "fields=id&q=name+%3D+%27x%27", got.URL.RawQuery)
	sent := got.Header.Clone()
	sent.Del("Content-Length")
	require.Equal(t, http.Header{"Authorization": {"Bearer ya29.real"}, "Content-Type": {"text/plain"}, "If-Match": {`"6"`}, "Accept-Encoding": {"gzip"},
		"User-Agent": {"plugin/1 (gzip)"}, "X-Goog-Api-Client": {"gl-go/1"}, "X-Upload-Content-Type": {"image/png"}, "Range": {"bytes=0-9"}}, sent)
	for _, name := range []string{"Set-Cookie", "Alt-Svc", "Strict-Transport-Security", "Access-Control-Allow-Origin"} {
		require.Empty(t, res.Header.Get(name), name)
	}
	require.Equal(t, `"7"`, res.Header.Get("Etag"))
	require.Equal(t, "crc32c=1", res.Header.Get("X-Goog-Hash"))
	require.Equal(t, "https://elsewhere.example/x", res.Header.Get("Location"))
}

func TestProxyRefusesRoundaboutPaths(t *testing.T) {
	google := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a call went to Google") }))
	defer google.Close()
	p := NewProxy(ProxyOptions{Endpoints: At(google.URL)})
	for _, path := range []string{"", "gmail/v1", "/gmail/v1/../../drive/v3/files", "/gmail/v1/%2e%2e/x", "/gmail/v1/.", "/batch/gmail/v1", "/batch", "/batch:x", "/%62atch/gmail/v1", "/a\\b", "/a%5cb", "/a%zz", "/a%0d%0ab", "/", "/a?b", "/a#b", "//a", "/a%00"} {
		rec := httptest.NewRecorder()
		p.Forward(rec, httptest.NewRequest("GET", "/x", nil), crm.NewSecret("t"), "gmail", path)
		require.Equal(t, 400, rec.Code, path)
		require.Equal(t, "application/problem+json", rec.Header().Get("Content-Type"))
	}
}

// What stands in the query must not change what the path and the method say.
func TestProxyRefusesParametersThatOverride(t *testing.T) {
	var wire []string
	google := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { wire = append(wire, r.URL.RawQuery) }))
	defer google.Close()
	h := openHatch(t, At(google.URL), crm.NewSecret("t"), 0)
	for _, query := range []string{
		"$httpMethod=POST", "%24httpMethod=POST", "%24HTTPMETHOD=POST", "a=1&$httpMethod=POST&$ct=application/json&$req=e30", "$ct=application/json", "$req=e30",
		"$httpHeaders=X-HTTP-Method-Override:POST", "$key=k", "$callback=f", "$access_token=t", "$userProject=p", "$Alt=json", "$=1", "+$httpMethod=POST", "%09$httpMethod=POST",
		"access_token=t", "Access_Token=t", "oauth_token=t", "bearer_token=t", "key=k", "KEY=k", "callback=f", "userIp=10.0.0.1", "userProject=p", "xoauth_requestor_id=u", "httpMethod=POST",
	} {
		res, text := h.do(t, "GET", "/gmail/gmail/v1/users/me/messages/send?"+query, "")
		require.Equal(t, 400, res.StatusCode, query)
		require.Contains(t, text, "bad_parameter", query)
	}
	for _, kind := range []string{"application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=utf-8"} {
		res, text := h.do(t, "POST", "/gmail/gmail/v1/users/me/messages/send", "$httpMethod=DELETE", "Content-Type", kind)
		require.Equal(t, 400, res.StatusCode, kind)
		require.Contains(t, text, "bad_body")
	}
	require.Empty(t, wire, "none of them went to Google")

	res, text := h.do(t, "GET", "/gmail/gmail/v1/users/me/messages?$alt=json&$fields=id&$prettyPrint=false&$.xgafv=2&quotaUser=u&alt=json&q=key%3D1", "")
	require.Equal(t, 200, res.StatusCode, text)
	require.Equal(t, []string{"%24.xgafv=2&%24alt=json&%24fields=id&%24prettyPrint=false&alt=json&q=key%3D1&quotaUser=u"}, wire)
}

func TestProxyHosts(t *testing.T) {
	for _, c := range []struct {
		service    crm.Service
		path, want string
	}{
		{crm.ServiceGmail, "/gmail/v1/users/me/messages", "https://gmail.googleapis.com/gmail/v1/users/me/messages"},
		{crm.ServiceGmail, "/upload/gmail/v1/users/me/messages/send", "https://gmail.googleapis.com/upload/gmail/v1/users/me/messages/send"},
		{crm.ServiceCalendar, "/calendar/v3/calendars/a%40b.example/events", "https://www.googleapis.com/calendar/v3/calendars/a%40b.example/events"},
		{crm.ServiceDrive, "/upload/drive/v3/files", "https://www.googleapis.com/upload/drive/v3/files"},
		{crm.ServiceSheets, "/v4/spreadsheets/1a/values/A%2F1", "https://sheets.googleapis.com/v4/spreadsheets/1a/values/A%2F1"},
		{crm.ServiceMeet, "/v2/spaces", "https://meet.googleapis.com/v2/spaces"},
		{crm.ServiceMeet, "/calendar/v3/freeBusy", "https://www.googleapis.com/calendar/v3/freeBusy"},
		{crm.ServiceContacts, "/v1/people/me", "https://people.googleapis.com/v1/people/me"},
		{crm.ServiceDirectory, "/admin/directory/v1/users", "https://admin.googleapis.com/admin/directory/v1/users"},
		{"tasks", "/tasks/v1/lists", "https://tasks.googleapis.com/tasks/v1/lists"},
		{"evil.example/", "/x", ""},
		{"", "/x", ""},
	} {
		u, ok := NewProxy(ProxyOptions{Endpoints: Real()}).target(c.service, c.path, nil)
		require.Equal(t, c.want != "", ok, "%+v", c)
		if ok {
			require.Equal(t, c.want, u.String())
		}
	}
}

func TestProxyStreamsBothWays(t *testing.T) {
	google := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex() // HTTP/1.1 answers while it reads
		line := make([]byte, 1)
		for {
			if _, err := io.ReadFull(r.Body, line); err != nil {
				return
			}
			_, _ = w.Write(bytes.ToUpper(line))
			_ = control.Flush()
		}
	}))
	defer google.Close()
	p := NewProxy(ProxyOptions{Endpoints: At(google.URL)})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		p.Forward(w, r, crm.NewSecret("t"), "drive", "/upload/drive/v3/files")
	}))
	defer front.Close()
	body, feed := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", front.URL, body)
	require.NoError(t, err)
	sent := make(chan error, 1)
	go func() { _, err := feed.Write([]byte("a")); sent <- err }()
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	require.NoError(t, <-sent)
	one := make([]byte, 1)
	for _, letter := range "abc" {
		if letter != 'a' {
			_, err = feed.Write([]byte(string(letter)))
			require.NoError(t, err)
		}
		_, err = io.ReadFull(res.Body, one)
		require.NoError(t, err)
		require.Equal(t, strings.ToUpper(string(letter)), string(one), "before the request has ended")
	}
	require.NoError(t, feed.Close())
	_, err = res.Body.Read(one)
	require.ErrorIs(t, err, io.EOF)
}

func TestProxyWhenGoogleFails(t *testing.T) {
	hang := make(chan struct{})
	google := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/drive/v3/hang" {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
			return
		}
		if r.URL.Path == "/drive/v3/half" {
			_, _ = io.WriteString(w, "half of it")
			_ = http.NewResponseController(w).Flush()
		}
		panic(http.ErrAbortHandler)
	}))
	defer google.Close()
	defer close(hang)
	h := openHatch(t, At(google.URL), crm.NewSecret("ya29.real"), 0)
	res, text := h.do(t, "POST", "/drive/drive/v3/cut", "x")
	require.Equal(t, 502, res.StatusCode)
	require.Contains(t, text, `"code":"google_unavailable"`)
	require.NotContains(t, text, "ya29")
	require.Error(t, <-h.err)
	broken, err := http.Get(h.url + "/drive/drive/v3/half")
	require.NoError(t, err)
	_, err = io.ReadAll(broken.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "half an answer does not pass for a whole one")
	require.NoError(t, broken.Body.Close())
	require.ErrorContains(t, <-h.err, "unexpected EOF")
	h = openHatch(t, At(google.URL), crm.NewSecret("ya29.real"), 100*time.Millisecond)
	res, _ = h.do(t, "GET", "/drive/drive/v3/hang", "")
	require.Equal(t, 504, res.StatusCode)
	require.True(t, errors.Is(<-h.err, context.DeadlineExceeded))
}

// Whatever the path, a call stays at the host of its service and names no place
// in a roundabout way.
func FuzzProxyPath(f *testing.F) {
	for _, s := range []string{"/gmail/v1/users/me/messages", "//evil.example/x", "/@evil.example", "/..%2f", "/a%2e%2e/", "/\t", "?x", "/a#b", "/batch%2fgmail", ":80/x", "/%00"} {
		f.Add(s)
	}
	p := NewProxy(ProxyOptions{Endpoints: Real()})
	f.Fuzz(func(t *testing.T, path string) {
		u, ok := p.target(crm.ServiceGmail, path, nil)
		if !ok {
			return
		}
		if u.Host != "gmail.googleapis.com" || u.Scheme != "https" || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q leads to %s", path, u)
		}
		for _, s := range strings.Split(u.Path, "/") {
			if s == "." || s == ".." {
				t.Fatalf("%q leads to %s", path, u)
			}
		}
		if strings.HasPrefix(strings.TrimLeft(u.Path, "/"), "batch/") {
			t.Fatalf("%q leads to %s", path, u)
		}
	})
}

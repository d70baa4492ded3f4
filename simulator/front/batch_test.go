package front_test

import (
	"bufio"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/simulator"
	"rapport/simulator/front"
)

// batchOf writes requests ("GET /path\nHeader: x\n\nbody") as a batch; as in
// Google's guide the request lines carry no HTTP version.
func batchOf(requests ...string) (body, contentType string) {
	var b strings.Builder
	for i, r := range requests {
		line, rest, _ := strings.Cut(r, "\n")
		fmt.Fprintf(&b, "--batch_x\r\nContent-Type: application/http\r\nContent-ID: <item%d>\r\n\r\n%s\r\n%s", i+1, line, strings.ReplaceAll(rest, "\n", "\r\n"))
		if rest == "" {
			b.WriteString("\r\n")
		}
		b.WriteString("\r\n")
	}
	return b.String() + "--batch_x--\r\n", "multipart/mixed; boundary=batch_x"
}

type partAnswer struct {
	id string
	answer
}

func (w *world) batch(token string, requests ...string) []partAnswer {
	w.t.Helper()
	body, kind := batchOf(requests...)
	a := w.must("POST", "/batch/gmail/v1", token, body, "Content-Type", kind)
	require.Equal(w.t, 200, a.status, a.body)
	return w.parts(a)
}

func (w *world) parts(a answer) []partAnswer {
	w.t.Helper()
	kind, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	require.NoError(w.t, err)
	require.Equal(w.t, "multipart/mixed", kind)
	mr := multipart.NewReader(strings.NewReader(a.body), params["boundary"])
	var out []partAnswer
	for {
		p, err := mr.NextPart()
		if err == io.EOF {
			return out
		}
		require.NoError(w.t, err)
		require.Equal(w.t, "application/http", p.Header.Get("Content-Type"))
		resp, err := http.ReadResponse(bufio.NewReader(p), nil)
		require.NoError(w.t, err)
		raw, err := io.ReadAll(resp.Body)
		require.NoError(w.t, err)
		require.NoError(w.t, resp.Body.Close())
		out = append(out, partAnswer{p.Header.Get("Content-ID"), answer{resp.StatusCode, resp.Header, string(raw)}})
	}
}

func get(id string) string { return "GET /gmail/v1/users/me/messages/" + id + "?prettyPrint=false" }

func TestBatch(t *testing.T) {
	w := start(t)
	ok := w.token(mara, full)

	t.Run("each part by itself", func(t *testing.T) {
		got := w.batch(ok, get("1"), "GET /gmail/v1/users/me/labels/x", "GET /gmail/v1/users/me/messages?bogus=1",
			"POST /gmail/v1/users/me/messages/send\nContent-Type: application/json\n\n{\"raw\":\"YQ\"}",
			"DELETE /gmail/v1/users/me/messages/1", "GET /gmail/v1/users/me/profile HTTP/1.1\nAuthorization: Bearer "+w.token(tom, full)+"\n\n",
			"GET /gmail/v1/users/me/profile\nAuthorization: Bearer nobody\n\n")
		var statuses []int
		for i, p := range got {
			require.Equal(t, fmt.Sprintf("<response-item%d>", i+1), p.id)
			statuses = append(statuses, p.status)
		}
		require.Equal(t, []int{200, 404, 400, 200, 204, 200, 401}, statuses)
		require.Equal(t, "1", got[0].json(t)["id"])
		require.Equal(t, "application/json; charset=UTF-8", got[0].header.Get("Content-Type"))
		require.Equal(t, tom, got[5].json(t)["emailAddress"], "a part may bring its own token")
	})
	t.Run("a hundred and no more", func(t *testing.T) {
		w.control("POST", "/_sim/reset", nil)
		ok = w.token(mara, full)
		var hundred []string
		for i := range 100 {
			hundred = append(hundred, get(fmt.Sprint(i)))
		}
		got := w.batch(ok, hundred...)
		require.Len(t, got, 100)
		for i, p := range got {
			require.Equal(t, fmt.Sprint(i), p.json(t)["id"])
		}
		log := w.log()
		require.Len(t, log, 101)
		seen := map[int]bool{}
		for _, e := range log[:100] {
			require.Equal(t, "messages.get", e.Method)
			require.Equal(t, 20, e.Units, "n parts cost n calls")
			require.EqualValues(t, log[100].Batch, e.Batch)
			seen[e.Part] = true
		}
		require.Len(t, seen, 100)
		require.Equal(t, "batch", log[100].Method)
		require.Equal(t, 100, log[100].Parts)
		require.Zero(t, log[100].Units)

		body, kind := batchOf(append(hundred, get("x"))...)
		a := w.must("POST", "/batch/gmail/v1", ok, body, "Content-Type", kind)
		require.Equal(t, 400, a.status)
		require.Contains(t, a.body, "maximum of 100 calls")
	})
	t.Run("refused as a whole", func(t *testing.T) {
		body, kind := batchOf(get("1"))
		a := w.must("POST", "/batch/gmail/v1", "nobody", body, "Content-Type", kind)
		require.Equal(t, 401, a.status)
		require.Equal(t, "application/json; charset=UTF-8", a.header.Get("Content-Type"), "not multipart")
		require.Equal(t, 400, w.must("POST", "/batch/gmail/v1", ok, body, "Content-Type", "application/json").status)
		require.Equal(t, 400, w.must("POST", "/batch/gmail/v1", ok, "--batch_x--\r\n", "Content-Type", kind).status)
		require.Equal(t, 404, w.must("POST", "/batch/nothing/v1", ok, body, "Content-Type", kind).status)
		require.Equal(t, 404, w.must("GET", "/batch/gmail/v1", ok, "").status)
	})
	t.Run("without a token each part says so", func(t *testing.T) {
		require.Equal(t, 401, w.batch("", get("1"))[0].status)
	})
	t.Run("one API only", func(t *testing.T) {
		got := w.batch(ok, get("1"), "GET /v1/projects/p/topics")
		require.Equal(t, []int{200, 400}, []int{got[0].status, got[1].status})
	})
	t.Run("a host with one API answers at /batch", func(t *testing.T) {
		body, kind := batchOf(get("1"))
		a := w.must("POST", "/batch", ok, body, "Content-Type", kind)
		require.Equal(t, 200, w.parts(a)[0].status)
	})
	t.Run("broken parts", func(t *testing.T) {
		body := "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: application/http\r\n\r\nGET\r\n\r\n--b--\r\n"
		a := w.must("POST", "/batch/gmail/v1", ok, body, "Content-Type", "multipart/mixed; boundary=b")
		got := w.parts(a)
		require.Equal(t, []int{400, 400}, []int{got[0].status, got[1].status})
	})
}

func TestBatchMeetsLimitsAllAtOnce(t *testing.T) {
	w := start(t)
	ok := w.token(mara, full)
	w.control("POST", "/_sim/quota", map[string]any{"preset": "none", "concurrency": 10})
	var requests []string
	for i := range 25 {
		requests = append(requests, get(fmt.Sprint(i)))
	}
	count := func(parts []partAnswer) map[int]int {
		out := map[int]int{}
		for _, p := range parts {
			out[p.status]++
		}
		return out
	}
	require.Equal(t, map[int]int{200: 10, 429: 15}, count(w.batch(ok, requests...)))
	require.Equal(t, map[int]int{200: 10}, count(w.batch(ok, requests[:10]...)), "places are given back")

	w.control("POST", "/_sim/quota", map[string]any{"preset": "2026", "per_user_minute": 100})
	got := w.batch(ok, requests[:10]...)
	refused := 0
	for _, p := range got {
		if p.status != 200 {
			refused++
			require.Contains(t, p.body, "Retry after")
		}
	}
	require.Equal(t, 5, refused)
}

func TestFaultsInsideABatch(t *testing.T) {
	w := start(t)
	ok := w.token(mara, full)
	w.fault(map[string]any{"api": "gmail", "method": "messages.get", "status": 429, "retry_after": 3, "times": 1})
	w.fault(map[string]any{"api": "gmail", "method": "messages.get", "kind": "garbage", "times": 1})
	w.fault(map[string]any{"api": "gmail", "method": "messages.get", "kind": "html", "times": 1})
	count := map[int]int{}
	for _, p := range w.batch(ok, get("1"), get("2"), get("3"), get("4")) {
		count[p.status]++
		if p.status == 429 {
			require.Equal(t, "3", p.header.Get("Retry-After"))
		}
	}
	require.Equal(t, map[int]int{429: 1, 200: 2, 502: 1}, count)

	w.control("DELETE", "/_sim/faults", nil)
	w.fault(map[string]any{"method": "messages.get", "kind": "cut", "times": 1})
	body, kind := batchOf(get("1"), get("2"))
	_, err := w.call("POST", "/batch/gmail/v1", ok, body, "Content-Type", kind)
	require.Error(t, err, "one cut part cuts the connection")

	w.control("DELETE", "/_sim/faults", nil)
	w.fault(map[string]any{"method": "batch", "status": 503})
	require.Equal(t, 503, w.must("POST", "/batch/gmail/v1", ok, body, "Content-Type", kind).status)
	require.Equal(t, 200, w.must("GET", profilePath, ok, "").status)
}

func TestPartsRunAtTheSameTime(t *testing.T) {
	w := start(t)
	var inside sync.WaitGroup
	inside.Add(5)
	w.room.get = func(*front.Call) (any, error) {
		inside.Done()
		inside.Wait() // for ever, if parts ran one by one
		return front.Raw(`{}`), nil
	}
	require.Len(t, w.batch(w.token(mara, full), get("1"), get("2"), get("3"), get("4"), get("5")), 5)
}

// Whatever comes as a batch, the answer is an error or one part for each part.
func FuzzBatch(f *testing.F) {
	body, kind := batchOf(get("1"), "POST /gmail/v1/users/me/messages/send\nContent-Length: 3\n\n{}x")
	f.Add(body, kind)
	f.Add("--b\r\nContent-Type: application/http\r\n\r\nGET :\r\n\r\n--b--", "multipart/mixed; boundary=b")
	f.Add("--b\r\n\r\n\x00 \xff HTTP/9\r\n--b\r\n", "multipart/mixed; boundary=b")
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = sim.Close() })
	f.Fuzz(func(t *testing.T, body, kind string) {
		r := httptest.NewRequest(http.MethodPost, "/batch/gmail/v1", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		rec := httptest.NewRecorder()
		sim.Handler().ServeHTTP(rec, r)
		if rec.Code != 200 && rec.Code != 400 {
			t.Fatalf("status %d: %s", rec.Code, rec.Body)
		}
	})
}

func FuzzUpload(f *testing.F) {
	f.Add("uploadType=multipart", "multipart/related; boundary=b", "", "--b\r\n\r\n{}\r\n--b\r\n\r\nx\r\n--b--")
	f.Add("uploadType=resumable&upload_id=AB0000000001", "", "bytes 0-1/2", "xx")
	f.Add("uploadType=resumable&upload_id=AB0000000001", "", "bytes */*", "")
	f.Add("uploadType=media", "", "", "x")
	w := &world{room: &room{}}
	sim, err := simulator.New(simulator.Options{Quota: "none", Accounts: []simulator.Account{{Email: mara}},
		Rooms: []simulator.RoomMaker{func(simulator.Kit) (front.Room, error) { return w.room, nil }}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = sim.Close() })
	f.Fuzz(func(t *testing.T, query, kind, contentRange, body string) {
		tok, err := sim.OAuth.IssueToken(mara, "", []string{full})
		if err != nil {
			t.Fatal(err)
		}
		u := url.URL{Path: "/upload/gmail/v1/users/me/messages/send", RawQuery: query}
		for _, path := range []string{"/upload/gmail/v1/users/me/messages/send?uploadType=resumable", u.String()} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
			if err != nil {
				return
			}
			r.RequestURI = path
			r.Header.Set("Authorization", "Bearer "+tok)
			r.Header.Set("Content-Type", kind)
			r.Header.Set("Content-Range", contentRange)
			rec := httptest.NewRecorder()
			sim.Handler().ServeHTTP(rec, r)
			if rec.Code >= 500 {
				t.Fatalf("status %d: %s", rec.Code, rec.Body)
			}
		}
	})
}

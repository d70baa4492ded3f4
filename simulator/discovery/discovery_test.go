package discovery

import (
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDocumentsAreThoseOfTheModule(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	require.NoError(t, err)
	dir := strings.TrimSpace(string(out))
	for name, file := range Sources {
		want, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		require.NoError(t, err)
		require.Equal(t, string(want), string(Document(name)), "%s is stale: run go generate ./simulator/discovery", name)
	}
}

func compileT(t *testing.T, name string) *API {
	t.Helper()
	api, err := Compile(Document(name))
	require.NoError(t, err)
	return api
}

func everything(t *testing.T) (*Matcher, []*API) {
	t.Helper()
	m := NewMatcher()
	var apis []*API
	for _, name := range slices.Sorted(maps.Keys(Sources)) {
		api := compileT(t, name)
		require.NoError(t, m.Add(api))
		apis = append(apis, api)
	}
	return m, apis
}

// Every method of every API is found under its own path, with all APIs behind
// one address, and gets its path parameters back.
func TestEveryMethodIsFound(t *testing.T) {
	m, apis := everything(t)
	n := 0
	for _, api := range apis {
		for id, method := range api.Methods {
			path, want := fill(method.Template)
			got, _, ok := m.Find(method.HTTP, "/"+path)
			require.True(t, ok, "%s: %s %s", id, method.HTTP, path)
			require.Equal(t, id, got.Method.ID, path)
			require.Equal(t, want, got.Path, path)
			n++
		}
	}
	require.Greater(t, n, 400)
}

// fill puts a value that needs escaping into every variable of a template.
func fill(template string) (path string, values url.Values) {
	values = url.Values{}
	var segs []string
	for _, seg := range splitTemplate(template) {
		name, shape, verb := parseSegment(seg)
		if name == "" {
			segs = append(segs, seg)
			continue
		}
		var parts, raw []string
		for _, p := range shape {
			if p == "*" {
				raw, parts = append(raw, "a b@x.example"), append(parts, "a%20b%40x.example")
				continue
			}
			raw, parts = append(raw, p), append(parts, p)
		}
		if verb != "" {
			parts[len(parts)-1] += ":" + verb
		}
		values[name] = []string{strings.Join(raw, "/")}
		segs = append(segs, strings.Join(parts, "/"))
	}
	return strings.Join(segs, "/"), values
}

func TestPathsThatAreNoMethod(t *testing.T) {
	m, _ := everything(t)
	for _, c := range []struct {
		http, path string
		known      bool
	}{
		{"GET", "/gmail/v1/users/me/nonsense", false},
		{"GET", "/gmail/v1/users/me/messages/", false},
		{"GET", "/gmail/v1/users//messages", false},
		{"PUT", "/gmail/v1/users/me/messages", true},
		{"GET", "/", false},
		{"GET", "/" + strings.Repeat("a/", 200), false},
	} {
		_, known, ok := m.Find(c.http, c.path)
		require.False(t, ok, c.path)
		require.Equal(t, c.known, known, c.path)
	}
}

func TestUploadPaths(t *testing.T) {
	m, _ := everything(t)
	got, _, ok := m.Find("POST", "/upload/gmail/v1/users/me/messages/send")
	require.True(t, ok)
	require.True(t, got.Upload)
	require.Equal(t, "gmail.users.messages.send", got.Method.ID)
	require.Equal(t, int64(36700160), got.Method.Upload.MaxSize)
	_, _, ok = m.Find("GET", "/upload/gmail/v1/users/me/messages")
	require.False(t, ok, "list takes no media")
}

func TestQuery(t *testing.T) {
	list := compileT(t, "gmail").Methods["gmail.users.messages.list"]
	get := compileT(t, "gmail").Methods["gmail.users.messages.get"]
	history := compileT(t, "gmail").Methods["gmail.users.history.list"]
	events := compileT(t, "calendar").Methods["calendar.events.list"]
	people := compileT(t, "people").Methods["people.people.connections.list"]
	for _, c := range []struct {
		name   string
		m      *Method
		query  string
		wants  string // part of the message; empty: accepted
		reason string
	}{
		{"nothing", list, "", "", ""},
		{"what Go's client sends", list, "alt=json&prettyPrint=false&q=from%3Ame&labelIds=INBOX&labelIds=UNREAD&maxResults=500&includeSpamTrash=true", "", ""},
		{"fields and quotaUser", list, "fields=messages(id)&quotaUser=x&key=k&%24.xgafv=2", "", ""},
		{"unknown parameter", list, "maxresults=5", `Unknown name "maxresults": Cannot bind query parameter. Field 'maxresults' could not be found in request message.`, "invalidParameter"},
		{"not a number", list, "maxResults=many", `Invalid value at 'max_results' (TYPE_UINT32), "many"`, "invalidParameter"},
		{"negative unsigned", list, "maxResults=-1", "TYPE_UINT32", "invalidParameter"},
		{"not a boolean", list, "includeSpamTrash=yes", "TYPE_BOOL", "invalidParameter"},
		{"enum", get, "format=complete", "Allowed values: full, metadata, minimal, raw", "invalidParameter"},
		{"repeated where one is allowed", get, "format=full&format=raw", "not a repeated field", "invalidParameter"},
		{"path parameter in the query", get, "id=1", "bound by the path", "invalidParameter"},
		{"history id", history, "startHistoryId=12&historyTypes=messageAdded&historyTypes=labelAdded", "", ""},
		{"history id that is none", history, "startHistoryId=abc", "TYPE_UINT64", "invalidParameter"},
		{"out of range", events, "maxResults=0", "within the range: [1,", "invalidParameter"},
		{"required missing", compileT(t, "meet").Methods["meet.spaces.members.create"], "", "", ""},
		{"not of a Gmail method", events, "access_token=x", `Unknown name "access_token"`, "invalidParameter"},
		{"people", people, "personFields=names&requestSyncToken=true", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := url.ParseQuery(c.query)
			require.NoError(t, err)
			v := c.m.CheckQuery(q)
			if c.wants == "" {
				require.Nil(t, v)
				return
			}
			require.NotNil(t, v)
			require.Contains(t, v.Message, c.wants)
			require.Equal(t, c.reason, v.Reason)
		})
	}
}

func TestQueryIsCompleted(t *testing.T) {
	get := compileT(t, "gmail").Methods["gmail.users.messages.get"]
	q := url.Values{"format": {"METADATA"}}
	require.Nil(t, get.CheckQuery(q))
	require.Equal(t, "metadata", q.Get("format"), "the document's spelling")

	list := compileT(t, "gmail").Methods["gmail.users.messages.list"]
	q = url.Values{}
	require.Nil(t, list.CheckQuery(q))
	require.Equal(t, url.Values{"maxResults": {"100"}, "includeSpamTrash": {"false"}}, q, "defaults")
}

func TestRequiredParameter(t *testing.T) {
	for id, m := range compileT(t, "drive").Methods {
		if len(m.required) == 0 {
			continue
		}
		v := m.CheckQuery(url.Values{})
		require.NotNil(t, v, id)
		require.Equal(t, "required", v.Reason)
		require.Equal(t, "Required parameter: "+m.required[0], v.Message)
		return
	}
	t.Fatal("no method with a required query parameter")
}

func TestBody(t *testing.T) {
	gmail := compileT(t, "gmail")
	send := gmail.Methods["gmail.users.messages.send"]
	modify := gmail.Methods["gmail.users.messages.modify"]
	watch := gmail.Methods["gmail.users.watch"]
	event := compileT(t, "calendar").Methods["calendar.events.insert"]
	for _, c := range []struct {
		name, body, wants string
		m                 *Method
	}{
		{"empty", "", "", send},
		{"a message", `{"raw":"SGVsbG8_","threadId":"18c"}`, "", send},
		{"padded", `{"raw":"SGVsbG8="}`, "", send},
		{"null clears", `{"raw":null}`, "", send},
		{"unknown field", `{"rawe":"x"}`, `Unknown name "rawe" at 'message': Cannot find field.`, send},
		{"unknown field of a request", `{"add":["x"]}`, `Unknown name "add": Cannot find field.`, modify},
		{"unknown nested field", `{"payload":{"header":[]}}`, `Unknown name "header" at 'message.payload': Cannot find field.`, send},
		{"number for a string", `{"threadId":12}`, `Invalid value at 'message.thread_id' (TYPE_STRING), 12`, send},
		{"not base64", `{"raw":"äöü"}`, "Base64 decoding failed", send},
		{"string for a list", `{"addLabelIds":"INBOX"}`, `Invalid value at 'add_label_ids'`, modify},
		{"number in a list", `{"addLabelIds":["A",3]}`, `Invalid value at 'add_label_ids[1]' (TYPE_STRING), 3`, modify},
		{"list for an object", `[]`, "Invalid value", modify},
		{"int64 as a number", `{"historyId":12}`, "", send},
		{"int64 as a string", `{"historyId":"12"}`, "", send},
		{"int64 that is none", `{"historyId":"x"}`, "TYPE_UINT64", send},
		{"enum in either case", `{"topicName":"projects/p/topics/t","labelFilterBehavior":"INCLUDE"}`, "", watch},
		{"enum", `{"labelFilterBehavior":"sometimes"}`, "TYPE_ENUM", watch},
		{"cut off", `{"raw":"abc`, "Invalid JSON payload received. Unexpected end of string.", send},
		{"no JSON", `hello`, "Invalid JSON payload received. Unknown token", send},
		{"two values", `{} {}`, "Parsing terminated before end of input", send},
		{"map of strings", `{"summary":"x","extendedProperties":{"private":{"any":"value"}},"start":{"date":"2026-01-01"}}`, "", event},
		{"boolean", `{"guestsCanModify":"yes"}`, "TYPE_BOOL", event},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := c.m.CheckBody([]byte(c.body))
			if c.wants == "" {
				require.Nil(t, v)
				return
			}
			require.NotNil(t, v)
			require.Contains(t, v.Message, c.wants)
		})
	}
	require.NotNil(t, gmail.Methods["gmail.users.stop"].CheckBody([]byte(`{"x":1}`)), "stop takes no body")
	require.Nil(t, gmail.Methods["gmail.users.stop"].CheckBody([]byte(`{}`)))
}

func TestResponse(t *testing.T) {
	gmail := compileT(t, "gmail")
	get, list, del := gmail.Methods["gmail.users.messages.get"], gmail.Methods["gmail.users.messages.list"], gmail.Methods["gmail.users.messages.delete"]
	for _, c := range []struct {
		m           *Method
		body, wants string
	}{
		{get, `{"id":"1","historyId":"7","sizeEstimate":12,"labelIds":["INBOX"],"payload":{"headers":[{"name":"a","value":"b"}],"body":{"size":1}}}`, ""},
		{get, `{"historyId":7}`, `Invalid value at 'Message.historyId' (string), 7`},
		{get, `{"sizeEstimate":"12"}`, `Message.sizeEstimate`},
		{get, `{"payload":{"mime":"x"}}`, `unknown field "mime" in Message.payload`},
		{get, `{"labelIds":null}`, `Message.labelIds`},
		{get, `{"raw":"ä"}`, `Base64`},
		{get, `{`, `Unexpected end`},
		{list, `{"messages":[{"id":"1"},{"id":2}]}`, `messages[1].id`},
		{list, `[]`, `ListMessagesResponse`},
		{del, ``, ""},
		{del, `{"id":"1"}`, "answers without a body"},
	} {
		v := c.m.CheckResponse([]byte(c.body))
		if c.wants == "" {
			require.Nil(t, v, c.body)
			continue
		}
		require.NotNil(t, v, c.body)
		require.Contains(t, v.Message, c.wants)
	}
}

func TestFields(t *testing.T) {
	m := compileT(t, "gmail").Methods["gmail.users.messages.list"]
	get := compileT(t, "gmail").Methods["gmail.users.messages.get"]
	const list = `{"messages": [{"id":"1","threadId":"a"}, {"id":"2","threadId":"b,}\""}],"nextPageToken":"9","resultSizeEstimate":2}`
	for _, c := range []struct {
		m                 *Method
		mask, from, wants string
	}{
		{m, "nextPageToken", list, `{"nextPageToken":"9"}`},
		{m, "messages/id", list, `{"messages":[{"id":"1"},{"id":"2"}]}`},
		{m, "messages(id,threadId),resultSizeEstimate", list, `{"messages":[{"id":"1","threadId":"a"},{"id":"2","threadId":"b,}\""}],"resultSizeEstimate":2}`},
		{m, "messages.threadId", list, `{"messages":[{"threadId":"a"},{"threadId":"b,}\""}]}`},
		{m, "messages/*", list, `{"messages":[{"id":"1","threadId":"a"},{"id":"2","threadId":"b,}\""}]}`},
		{m, "messages/id,messages/threadId", list, `{"messages":[{"id":"1","threadId":"a"},{"id":"2","threadId":"b,}\""}]}`},
		{m, "messages,messages/id", list, `{"messages":[{"id":"1","threadId":"a"}, {"id":"2","threadId":"b,}\""}]}`},
		{m, "nextPageToken", `{}`, `{}`},
		{get, "payload(headers,parts/parts/filename)", `{"id":"1","payload":{"headers":[{"name":"a","value":"}"}],"parts":[{"filename":"x","parts":[{"filename":"y","partId":"3"}]}]}}`,
			`{"payload":{"headers":[{"name":"a","value":"}"}],"parts":[{"parts":[{"filename":"y"}]}]}}`},
	} {
		mask, v := c.m.ParseFields(c.mask)
		require.Nil(t, v, c.mask)
		require.Equal(t, c.wants, string(mask.Select(nil, []byte(c.from))), c.mask)
	}
	for _, bad := range []string{"message", "messages(id", "messages(id))", "messages/", ",", "messages/size", "id", "messages()", "a b"} {
		_, v := m.ParseFields(bad)
		require.NotNil(t, v, bad)
		require.Contains(t, v.Message, "Invalid field selection")
	}
}

func TestScopes(t *testing.T) {
	gmail := compileT(t, "gmail")
	const p = "https://www.googleapis.com/auth/"
	require.False(t, gmail.Methods["gmail.users.getProfile"].Allows([]string{p + "gmail.send", "openid"}))
	require.True(t, gmail.Methods["gmail.users.getProfile"].Allows([]string{p + "gmail.metadata"}))
	require.False(t, gmail.Methods["gmail.users.messages.delete"].Allows([]string{p + "gmail.modify"}))
	require.True(t, gmail.Methods["gmail.users.messages.delete"].Allows([]string{"https://mail.google.com/"}))
	require.False(t, compileT(t, "calendar").Methods["calendar.freebusy.query"].Allows([]string{p + "calendar.events"}))
}

func FuzzBody(f *testing.F) {
	f.Add(`{"raw":"SGVsbG8_"}`)
	f.Add(`{"payload":{"parts":[{"parts":[{}]}]}}`)
	f.Add(`[1,{"a":null}]`)
	api, err := Compile(Document("gmail"))
	if err != nil {
		f.Fatal(err)
	}
	send := api.Methods["gmail.users.messages.send"]
	f.Fuzz(func(_ *testing.T, body string) { send.CheckBody([]byte(body)) })
}

func FuzzFields(f *testing.F) {
	f.Add("messages(id,threadId)", `{"messages":[{"id":"1"}]}`)
	f.Add("*/id", `{"a":{"id":[1,2]}}`)
	f.Add("messages", `{"messages`)
	api, err := Compile(Document("gmail"))
	if err != nil {
		f.Fatal(err)
	}
	list := api.Methods["gmail.users.messages.list"]
	f.Fuzz(func(_ *testing.T, mask, body string) {
		if k, v := list.ParseFields(mask); v == nil {
			k.Select(nil, []byte(body))
		}
	})
}

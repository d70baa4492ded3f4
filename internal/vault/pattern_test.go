package vault

import (
	"crypto/sha512"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
)

func TestPatternsThatCanBeLeased(t *testing.T) {
	for _, c := range []struct {
		service crm.Service
		pattern string
		ok      bool
	}{
		{"gmail", "/gmail/v1/users/me/messages*", true},
		{"gmail", "/gmail/v1/users/me/messages", true},
		{"gmail", "/gmail/v1/users/*/messages/*", true},
		{"gmail", "/gmail/v1/users/ada%40northwind-lamps.example/labels", true},
		{"gmail", "/upload/gmail/v1/users/me/messages/send", true},
		{"gmail", "/gmail/v1/*", true},
		{"gmail", "/gmail/v1*", true},
		{"gmail", "/gmail/*", false},
		{"gmail", "/gmail/v*", false},
		{"gmail", "/*", false},
		{"gmail", "*", false},
		{"gmail", "/*/v1/users", false},
		{"gmail", "", false},
		{"gmail", "/", false},
		{"gmail", "gmail/v1/users/me/messages", false},
		{"gmail", "/gmail/v2/users/me/messages", false},
		{"gmail", "/gmail/v10/users/me/messages", false},
		{"gmail", "/drive/v3/files", false},
		{"gmail", "/batch/gmail/v1", false},
		{"gmail", "/batch*", false},
		{"gmail", "/gmail/v1/../../drive/v3/files", false},
		{"gmail", "/gmail/v1/%2e%2e/%2e%2e/drive/v3/files", false},
		{"gmail", "/gmail/v1/users/me%2Fmessages", false},
		{"gmail", "/gmail/v1//users", false},
		{"gmail", "/gmail/v1/users/", false},
		{"gmail", "/gmail/v1/users/m*e/messages", false},
		{"gmail", "/gmail/v1/users/**", false},
		{"gmail", "/gmail/v1/users?alt=json", false},
		{"gmail", "/gmail/v1/users#x", false},
		{"gmail", "/gmail/v1/users\\me", false},
		{"gmail", "/gmail/v1/users/%zz", false},
		{"gmail", "https://gmail.googleapis.com/gmail/v1/users", false},
		{"contacts", "/v1/people:searchContacts", true},
		{"contacts", "/v1/people*", true},
		{"contacts", "/v1/people/*", true},
		{"contacts", "/v1/peoples", false},
		{"contacts", "/v1/*", false},
		{"sheets", "/v4/spreadsheets/*", true},
		{"drive", "/drive/v3/files*", true},
		{"drive", "/upload/drive/v3/files", true},
		{"meet", "/v2/spaces*", true},
		{"meet", "/calendar/v3/calendars/primary/events", true},
		{"calendar", "/calendar/v3/calendars/*/events*", true},
		{"directory", "/admin/directory/v1/users", true},
		{"directory", "/admin/directory/v1/users*", true},
		{"tasks", "/tasks/v1/lists*", true}, // of the operator's
		{"tasks", "/batch/tasks/v1", false},
		{"tasks", "/*", false},
	} {
		err := checkPattern(c.service, c.pattern)
		require.Equal(t, c.ok, err == nil, "%s %s: %v", c.service, c.pattern, err)
	}
}

func TestPathsOfALease(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/gmail/v1/users/me/messages", "/gmail/v1/users/me/messages", true},
		{"/gmail/v1/users/me/messages", "/gmail/v1/users/me/messages/", false},
		{"/gmail/v1/users/me/messages", "/gmail/v1/users/me/messages/17", false},
		{"/gmail/v1/users/me/messages", "/gmail/v1/users/me/messages:batch", false},
		{"/gmail/v1/users/me/messages", "/gmail/v1/users/me", false},
		{"/gmail/v1/users/me/messages", "/gmail/v1/users/me/%6Dessages", true}, // the same path
		{"/gmail/v1/users/me/messages", "/gmail/v1/users/ME/messages", false},

		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages", true},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/17", true},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/17/attachments/a", true},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages:batchDelete", true},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messagesX", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messagesX/17", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/settings", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me", false},

		{"/gmail/v1/users/me/messages/*", "/gmail/v1/users/me/messages/17", true},
		{"/gmail/v1/users/me/messages/*", "/gmail/v1/users/me/messages/17/x", true},
		{"/gmail/v1/users/me/messages/*", "/gmail/v1/users/me/messages", false},
		{"/gmail/v1/users/me/messages/*", "/gmail/v1/users/me/messages/", false},

		{"/gmail/v1/users/*/labels", "/gmail/v1/users/ada%40northwind-lamps.example/labels", true},
		{"/gmail/v1/users/*/labels", "/gmail/v1/users/a/b/labels", false},
		{"/gmail/v1/users/*/labels", "/gmail/v1/users//labels", false},
		{"/calendar/v3/calendars/*/events", "/calendar/v3/calendars/lamps%23holiday@group.v.calendar.google.com/events", true},

		// What two readers may take for different paths never matches.
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/../settings", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/./17", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/%2e%2e/settings", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/%2E%2E/settings", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/.%2e/settings", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages%2F..%2Fsettings", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/a%2fb", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/a%5cb", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/a\\b", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/%252e%252e/settings", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages//17", false},
		{"/gmail/v1/users/me/messages*", "//gmail/v1/users/me/messages/17", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/17?alt=media", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/17#x", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/17;v=2", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/%00", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/%0d%0aHost:evil", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/%ff", false},
		{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/messages/%2", false},
		{"/gmail/v1/users/me/messages*", "gmail/v1/users/me/messages", false},
		{"/gmail/v1/users/me/messages*", "", false},
		{"/gmail/v1/users/me/messages*", "/", false},
	} {
		pattern, ok := matching([]string{"/nothing", c.pattern}, c.path)
		require.Equal(t, c.want, ok, "%s against %s", c.path, c.pattern)
		if ok {
			require.Equal(t, c.pattern, pattern)
		}
	}
}

// Whatever a path looks like: when it matches, Google takes it for one below the
// leased one, however it decodes and cleans it.
func FuzzPathsOfALeaseStayBelowIt(f *testing.F) {
	for _, seed := range []string{"/gmail/v1/users/me/messages/17", "/gmail/v1/users/me/messages/../x", "/gmail/v1/users/me/messages/%2e%2e/x",
		"/gmail/v1/users/me/messages%2f..", "/gmail/v1/users/me/messages:x", "//gmail", "/gmail/v1/users/me/messages/%252e%252e/%252fx", "/a\\..\\b"} {
		f.Add(seed)
	}
	const leased = "/gmail/v1/users/me/messages"
	f.Fuzz(func(t *testing.T, path string) {
		if _, ok := matching([]string{leased + "*"}, path); !ok {
			return
		}
		text := path
		for range 3 { // decoded once, twice, thrice
			u, err := url.Parse("https://gmail.example" + text)
			if err != nil {
				if text == path {
					t.Fatalf("%q matches and is no address: %v", path, err)
				}
				return
			}
			if u.Host != "gmail.example" || u.RawQuery != "" || u.Fragment != "" {
				t.Fatalf("%q matches and leads elsewhere: %v", path, u)
			}
			clean := u.JoinPath().Path
			rest, below := strings.CutPrefix(strings.ReplaceAll(clean, "\\", "/"), leased)
			if !below || rest != "" && rest[0] != '/' && rest[0] != ':' || strings.Contains(rest, "/../") {
				t.Fatalf("%q matches and is %q", path, clean)
			}
			if text = u.Path; strings.ContainsAny(text, "?#") {
				return // encoded once, they are a part of a segment
			}
		}
	})
}

func FuzzPatternsThatPassCanBeRead(f *testing.F) {
	f.Add("/gmail/v1/users/me/messages*")
	f.Add("/gmail/v1/*/x")
	f.Fuzz(func(t *testing.T, pattern string) {
		if checkPattern("gmail", pattern) != nil {
			return
		}
		r, err := readPattern(pattern)
		if err != nil {
			t.Fatalf("%q passes and cannot be read: %v", pattern, err)
		}
		if len(r.segments) < 2 || r.segments[0] == "batch" || r.matches([]string{"drive", "v3", "files"}) {
			t.Fatalf("%q passes and leads out of Gmail", pattern)
		}
	})
}

func TestTheProjectOfAClient(t *testing.T) {
	for id, want := range map[string]string{
		"123456-abc.apps.googleusercontent.com": "123456",
		"123456-xyz.apps.googleusercontent.com": "123456",
		"654321-abc.apps.googleusercontent.com": "654321",
		"123456.apps.googleusercontent.com":     "123456.apps.googleusercontent.com",
		"lamps-client":                          "lamps-client",
		"-abc":                                  "-abc",
		"":                                      "",
	} {
		require.Equal(t, want, ProjectOf(id), id)
	}
}

func TestIdentifiersOfTokens(t *testing.T) {
	token := crm.NewSecret("1//0e-invented-refresh-token-of-a-usual-length")
	for identifier, want := range map[string]bool{
		"1//0e-invented-r":    true, // 16 characters
		"1//0e-invented-refr": true,
		"1//0e-invented-":     false, // too few
		"1//0e-invented-x":    false,
		"1//0e-invented-refresh-token-of-a-usual-length": false, // nobody sends the token itself
		"":                         false,
		doubleHash(token.Reveal()): true,
		strings.NewReplacer("+", "-", "/", "_").Replace(doubleHash(token.Reveal())): true,
		strings.TrimRight(doubleHash(token.Reveal()), "="):                          true,
		doubleHash("another"): false,
	} {
		require.Equal(t, want, identifies(identifier, token), identifier)
	}
}

// doubleHash is Google's hash_base64_sha512_sha512.
func doubleHash(token string) string {
	once := sha512.Sum512([]byte(token))
	twice := sha512.Sum512(once[:])
	return base64.StdEncoding.EncodeToString(twice[:])
}

package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzAddress sends any address through what hides secrets and what takes a path
// of Google's out of a call through a lease.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"rapl_abc/gmail/v1/users/me/messages?q=x", "rapl_abc/a/%2e%2e/b", "x/..%2f", "%2F/", "a%00/b", "/", "-/x", "x\\..", "tok%65n"} {
		for i := range hiding {
			f.Add(i, seed)
		}
	}
	f.Fuzz(func(t *testing.T, start int, rest string) {
		u, err := url.ParseRequestURI(hiding[((start%len(hiding))+len(hiding))%len(hiding)] + rest)
		if err != nil {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		r.URL, r.RequestURI = u, u.RequestURI()
		before := *u
		secret, _ := hide(r)
		require.Equal(t, before.RawQuery, r.URL.RawQuery)
		if !secret.IsZero() {
			again, err := url.ParseRequestURI(r.RequestURI)
			require.NoError(t, err, "it stays an address")
			require.Equal(t, r.URL.EscapedPath(), again.EscapedPath())
			require.Contains(t, r.URL.Path, "/"+hiddenMark)
		}
		path, err := googlePath(r)
		if err != nil || !strings.HasPrefix(r.URL.Path, proxyPath) {
			return
		}
		require.True(t, strings.HasPrefix(path, "/"))
		plain, err := url.PathUnescape(path)
		require.NoError(t, err)
		parts := strings.FieldsFunc(plain, func(c rune) bool { return c == '/' || c == '\\' })
		require.False(t, slices.Contains(parts, "..") || slices.Contains(parts, "."), path)
	})
}

// FuzzOwnPath: nobody is sent to another origin, whatever they ask for.
func FuzzOwnPath(f *testing.F) {
	for _, seed := range []string{"/crm", "//evil.example", "/\\evil.example", "https://evil.example", "https://crm.example.org/x", "https://crm.example.org.evil.example", "https://crm.example.org@evil.example/", "javascript:alert(1)", "/%2f/evil.example", "%2f/evil.example/ ", "/%2fevil.example/ ", "/\t/evil.example"} {
		f.Add(seed)
	}
	s := &Server{PublicURL: "https://crm.example.org"}
	home, err := url.Parse(s.PublicURL)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, to string) {
		got, err := home.Parse(s.ownPath(to, "/crm"))
		require.NoError(t, err)
		require.Equal(t, "https://crm.example.org", got.Scheme+"://"+got.Host, to)
		require.Nil(t, got.User)
		require.False(t, strings.HasPrefix(s.ownPath(to, "/crm"), "//"))
		require.False(t, strings.ContainsAny(s.ownPath(to, "/crm"), "\r\n\\"))
	})
}

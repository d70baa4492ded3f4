package world

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestClock(t *testing.T) {
	base := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	c := NewClock(func() time.Time { return base })
	require.Equal(t, "2026-03-01T11:00:00Z", c.Now().Format(time.RFC3339))
	require.Equal(t, c.Now().Add(time.Hour), c.Advance(time.Hour))
	c.Advance(-30 * time.Minute)
	require.Equal(t, 30*time.Minute, c.Offset())
	c.Reset()
	require.True(t, c.Now().Equal(base))
}

func TestAccounts(t *testing.T) {
	s := NewAccounts(1)
	a, err := s.Add(Account{Email: " Mara.Lindqvist@Northwind-Lamps.Example "})
	require.NoError(t, err)
	require.Equal(t, Account{Email: "mara.lindqvist@northwind-lamps.example", Name: "Mara Lindqvist", Domain: "northwind-lamps.example", Kind: Member, Sub: a.Sub}, a)
	require.Regexp(t, `^\d{21}$`, a.Sub)
	require.Equal(t, "Mara", a.Given())
	require.Equal(t, "Lindqvist", a.Family())

	_, err = s.Add(Account{Email: "MARA.LINDQVIST@northwind-lamps.example"})
	require.ErrorIs(t, err, ErrExists)
	for _, bad := range []string{"", "mara", "@x", "mara@"} {
		_, err = s.Add(Account{Email: bad})
		require.Error(t, err, bad)
	}
	got, ok := s.Get("Mara.Lindqvist@northwind-lamps.example")
	require.True(t, ok)
	require.Equal(t, a, got)
	got, ok = s.BySub(a.Sub)
	require.True(t, ok)
	require.Equal(t, a, got)

	_, err = s.Put(Account{Email: a.Email, Name: "Mara Berg", Sub: a.Sub})
	require.NoError(t, err)
	_, err = s.Add(Account{Email: "b@x.example", Kind: Outside})
	require.NoError(t, err)
	list := s.List()
	require.Equal(t, []string{"Mara Berg", "B"}, []string{list[0].Name, list[1].Name})

	s.Remove(a.Email)
	_, ok = s.BySub(a.Sub)
	require.False(t, ok)
	s.Replace([]Account{a})
	require.Equal(t, []Account{a}, s.List())

	other, err := NewAccounts(2).Add(Account{Email: a.Email})
	require.NoError(t, err)
	require.NotEqual(t, a.Sub, other.Sub, "another seed, another person")
}

func TestClients(t *testing.T) {
	c := NewClients()
	demo, err := c.Get(DemoClientID)
	require.NoError(t, err)
	require.Equal(t, DemoProject, demo.Project)
	for uri, ok := range map[string]bool{
		"http://localhost:8000/callback": true, "http://127.0.0.1/": true, "http://[::1]:9/x": true, "https://app.localhost/": true,
		"http://localhost/#x": false, "http://u@localhost/": false, "https://crm.example/": false, "ftp://localhost/": false, "::": false,
		"http://localhost.evil.example/": false,
	} {
		require.Equal(t, ok, demo.AllowsRedirect(uri), uri)
	}
	listed := Client{RedirectURIs: []string{"https://crm.example/cb"}}
	require.True(t, listed.AllowsRedirect("https://crm.example/cb"))
	require.False(t, listed.AllowsRedirect("http://localhost/cb"))

	found, err := c.Get("123456789-abc.apps.googleusercontent.com")
	require.NoError(t, err)
	require.Equal(t, "123456789", found.Project)
	require.True(t, found.OfProject("project-123456789"))
	require.True(t, c.CheckSecret(found.ID, "first"), "adopted")
	require.True(t, c.CheckSecret(found.ID, "first"))
	require.False(t, c.CheckSecret(found.ID, "second"))

	c.SetStrict(true)
	_, err = c.Get("unknown")
	require.ErrorIs(t, err, ErrNoClient)
	require.False(t, c.CheckSecret("unknown", ""))
	require.Len(t, c.List(), 2)
}

func TestPolicy(t *testing.T) {
	p := Policy{BlockedClients: []string{"a"}, RestrictedScopes: []string{"s"}, TrustedClients: []string{"t"}}
	require.True(t, p.Forbids("a", nil))
	require.True(t, p.Forbids("b", []string{"x", "s"}))
	require.False(t, p.Forbids("b", []string{"x"}))
	require.False(t, p.Forbids("t", []string{"s"}))
}

func TestRandIsNamed(t *testing.T) {
	w := New(9, nil)
	require.Equal(t, w.Rand("mail", "a").Uint64(), Rand(9, "mail", "a").Uint64())
	require.NotEqual(t, w.Rand("mail", "a").Uint64(), w.Rand("mail", "b").Uint64())
	require.NotEqual(t, w.Rand("ab").Uint64(), w.Rand("a", "b").Uint64())
}

package google

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/vault"
	"rapport/simulator"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

const benAddress = "ben@northwind-lamps.example"

// office is an organisation with a directory, over real HTTP.
type office struct {
	sim    *simulator.Simulator
	door   *Directory
	tokens *grants
	url    string
	usage  []Usage
}

// grants gives tokens by grant: the id of a grant is the address of its account.
type grants struct {
	sim     *simulator.Simulator
	scopes  []string
	renewed int
	dead    bool
}

func (g *grants) Token(_ context.Context, id crm.GrantID) (vault.Access, error) {
	if g.dead {
		return vault.Access{}, fault.New(fault.Reconnect, "dead")
	}
	t, err := g.sim.OAuth.IssueToken(string(id), world.DemoClientID, g.scopes)
	return vault.Access{Token: crm.NewSecret(t), Expiry: time.Now().Add(time.Hour), Scopes: g.scopes, Client: "env"}, err
}

func (g *grants) Renew(ctx context.Context, id crm.GrantID, _ crm.Secret) (vault.Access, error) {
	g.renewed++
	return g.Token(ctx, id)
}

func openOffice(t *testing.T) *office {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Seed: 3, Quota: "none", Accounts: []simulator.Account{
		{Email: adaAddress, Name: "Ada Winter", Admin: true},
		{Email: benAddress, Name: "Ben Anders", OrgUnit: "/Sales", Aliases: []string{"sales@northwind-lamps.example"}},
		{Email: "cleo.winter@northwind-lamps.example", Name: "Cleo Winter", Suspended: true},
		{Email: "door@northwind-lamps.example", Name: "Front Door", NoMailbox: true},
		{Email: "eve@northwind-lamps.example", Name: "Eve O'Hara", Archived: true},
		{Email: "pia@mailbox.example", Name: "Pia Private", Kind: world.Outside, Admin: true},
	}})
	require.NoError(t, err)
	server := httptest.NewServer(sim.Handler())
	client := NewHTTPClient(nil)
	t.Cleanup(func() {
		client.CloseIdleConnections()
		server.Close()
		require.NoError(t, sim.Close())
	})
	o := &office{sim: sim, url: server.URL, tokens: &grants{sim: sim, scopes: []string{vault.ScopeDirectory}}}
	o.door, err = NewDirectory(DirectoryOptions{Endpoints: At(server.URL), Client: client, Tokens: o.tokens, OnUsage: func(u Usage) { o.usage = append(o.usage, u) },
		After: func(_ time.Duration, do func()) { go do() }})
	require.NoError(t, err)
	return o
}

func people(users []org.DirectoryUser) []string {
	out := []string{}
	for _, u := range users {
		out = append(out, u.Name)
	}
	return out
}

func TestDirectoryUsers(t *testing.T) {
	o := openOffice(t)
	users, next, err := o.door.Users(t.Context(), adaAddress, "", "", 50)
	require.NoError(t, err)
	require.Empty(t, next)
	require.Equal(t, []string{"Ada Winter", "Ben Anders", "Cleo Winter", "Front Door", "Eve O'Hara"}, people(users), "by address")
	bo, _ := o.sim.World.Accounts.Get(benAddress)
	require.Equal(t, org.DirectoryUser{ID: bo.Sub, Email: benAddress, Name: "Ben Anders", PhotoURL: o.url + "/a/" + bo.Sub, OrgUnit: "/Sales",
		Aliases: []string{"sales@northwind-lamps.example"}}, users[1])
	require.True(t, users[0].Admin)
	require.True(t, users[2].Suspended)
	require.True(t, users[3].NoMailbox)
	require.True(t, users[4].Archived)
	require.Equal(t, []Usage{{Method: "directory.users.list", Priority: 2, Units: 1}}, o.usage)

	first, next, err := o.door.Users(t.Context(), adaAddress, "", "", 3)
	require.NoError(t, err)
	require.Len(t, first, 3)
	rest, end, err := o.door.Users(t.Context(), adaAddress, "", next, 3)
	require.NoError(t, err)
	require.Empty(t, end)
	require.Equal(t, people(users), append(people(first), people(rest)...))
}

func TestDirectoryQueries(t *testing.T) {
	o := openOffice(t)
	for typed, want := range map[string][]string{
		"winter":              {"Ada Winter", "Cleo Winter"},
		"  ada   WIN ":        {"Ada Winter"},
		"ben@north":           {"Ben Anders"},
		"@":                   {"Ada Winter", "Ben Anders", "Cleo Winter", "Front Door", "Eve O'Hara"},
		"O'Hara":              {"Eve O'Hara"},
		"isAdmin=true":        {},
		"name:Ada":            {},
		"nobody":              {},
		"cleo.winter@nort*":   {"Cleo Winter"},
		`weird"@ex=ample.com`: {},
	} {
		t.Run(typed, func(t *testing.T) {
			users, _, err := o.door.Users(t.Context(), adaAddress, typed, "", 50)
			require.NoError(t, err)
			require.Equal(t, want, people(users))
		})
	}
}

func TestDirectoryRefusals(t *testing.T) {
	o := openOffice(t)
	users := func(g crm.GrantID, cursor string) error {
		_, _, err := o.door.Users(t.Context(), g, "", cursor, 50)
		return err
	}
	require.Equal(t, fault.Forbidden, fault.Of(users(benAddress, "")), "no administrator")
	require.Equal(t, fault.Forbidden, fault.Of(users("pia@mailbox.example", "")), "of no organisation")
	require.Equal(t, fault.Stale, fault.Of(users(adaAddress, "made-up")))
	o.tokens.scopes = []string{vault.ScopeGmailReadonly}
	err := users(adaAddress, "")
	require.Equal(t, fault.Permission, fault.Of(err), "the scope is missing")
	o.tokens.dead = true
	require.Equal(t, fault.Reconnect, fault.Of(users(adaAddress, "")))
}

func TestDirectoryTriesAgain(t *testing.T) {
	for name, c := range map[string]struct {
		fault front.Fault
		kind  fault.Kind // of the error in the end; Internal: none
	}{
		"a bad gateway, twice":   {front.Fault{Kind: "html", Status: 502, Times: 2}, fault.Internal},
		"a cut connection":       {front.Fault{Kind: "cut", Times: 1}, fault.Internal},
		"a refused token, once":  {front.Fault{Status: 401, Reason: "authError", Times: 1}, fault.Internal},
		"a refused token":        {front.Fault{Status: 401, Reason: "authError"}, fault.Unavailable},
		"a long pause":           {front.Fault{Status: 403, Reason: "quotaExceeded"}, fault.Throttled},
		"Google is down":         {front.Fault{Status: 503}, fault.Unavailable},
		"the API is not enabled": {front.Fault{Status: 403, Reason: "accessNotConfigured"}, fault.Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			o := openOffice(t)
			c.fault.API = "directory"
			_, err := o.sim.Front.Faults.Add(c.fault)
			require.NoError(t, err)
			users, _, err := o.door.Users(t.Context(), adaAddress, "", "", 50)
			if c.kind == fault.Internal {
				require.NoError(t, err)
				require.Len(t, users, 5)
				return
			}
			require.Equal(t, c.kind, fault.Of(err), "%v", err)
		})
	}
	t.Run("not enabled in the project, as Google says it", func(t *testing.T) {
		o := openOffice(t)
		o.sim.World.Projects.Disable(world.DemoProject, []string{"directory"})
		_, _, err := o.door.Users(t.Context(), adaAddress, "", "", 50)
		require.Equal(t, fault.Blocked, fault.Of(err))
		require.Equal(t, "api_disabled", codeOf(err))
	})
}

package directory_test

import (
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	api "google.golang.org/api/admin/directory/v1"

	"rapport/simulator"
	"rapport/simulator/directory"
	"rapport/simulator/simtest"
	"rapport/simulator/world"
)

const scope = "admin.directory.user.readonly"

func service(t *testing.T, h *simtest.House, account string) *api.Service {
	t.Helper()
	s, err := api.NewService(t.Context(), h.Options("", h.Client(account, "", scope))...)
	require.NoError(t, err)
	return s
}

func open(t *testing.T) *simtest.House {
	return simtest.Open(t,
		simulator.Account{Email: "anna.smith@lamps.example", Name: "Anna Smith", OrgUnit: "/Sales", Title: "Account Manager", Aliases: []string{"offers@lamps.example"}},
		simulator.Account{Email: "bo@lamps.example", Name: "Bo Anders", Suspended: true, OrgUnit: "/Salesforce"},
		simulator.Account{Email: "workshop@lamps.example", Name: "Workshop Tablet", NoMailbox: true},
		simulator.Account{Email: "former@lamps.example", Name: "Anders Former", Archived: true, OrgUnit: "/Former"})
}

func addresses(u *api.Users) []string {
	out := []string{}
	for _, x := range u.Users {
		out = append(out, x.PrimaryEmail)
	}
	return out
}

func TestQueries(t *testing.T) {
	h := open(t)
	d := service(t, h, simtest.Mara)
	const anna, bo, former, jonas, mara, workshop = "anna.smith@lamps.example", "bo@lamps.example", "former@lamps.example", "jonas@lamps.example", "mara@lamps.example", "workshop@lamps.example"
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"", []string{anna, bo, former, jonas, mara, workshop}},
		{"email:ann*", []string{anna}},
		{"email:smith", []string{anna}},
		{"email:offers*", []string{anna}},
		{"email=" + jonas, []string{jonas}},
		{"name:'Anna Smith'", []string{anna}},
		{"name='anna smith'", []string{anna}},
		{"givenName:an*", []string{anna, former}},
		{"familyName=Anders", []string{bo}},
		{"anders", []string{bo, former}},
		{"an", []string{anna, bo, former}},
		{"isSuspended=true", []string{bo}},
		{"isSuspended=false isArchived=false", []string{anna, jonas, mara, workshop}},
		{"isAdmin=true", []string{mara}},
		{"orgUnitPath='/Sales'", []string{anna, jonas}},
		{"orgUnitPath=/", []string{anna, bo, former, jonas, mara, workshop}},
		{"orgTitle:manager", []string{anna}},
		{`name:'O\'Hara'`, []string{}},
	} {
		t.Run(c.query, func(t *testing.T) {
			u, err := d.Users.List().Customer("my_customer").Query(c.query).Do()
			require.NoError(t, err)
			require.Equal(t, c.want, addresses(u))
		})
	}
	for _, q := range []string{"colour:red", "name:'open", "isAdmin:true", "isAdmin=maybe", "email:", "na*me"} {
		_, err := d.Users.List().Customer("my_customer").Query(q).Do()
		simtest.Refused(t, err, 400, "invalid", "Invalid Input: "+q)
	}
}

func TestUsers(t *testing.T) {
	h := open(t)
	d := service(t, h, simtest.Mara)
	u, err := d.Users.Get("bo@lamps.example").Do()
	require.NoError(t, err)
	require.Equal(t, "Bo", u.Name.GivenName)
	require.Equal(t, "Anders", u.Name.FamilyName)
	require.True(t, u.Suspended)
	require.True(t, u.IsMailboxSetup)
	require.Equal(t, "/Salesforce", u.OrgUnitPath)
	require.Equal(t, directory.CustomerID("lamps.example"), u.CustomerId)
	same, err := d.Users.Get(u.Id).Do()
	require.NoError(t, err)
	require.Equal(t, u.PrimaryEmail, same.PrimaryEmail)
	w, err := d.Users.Get("workshop@lamps.example").Do()
	require.NoError(t, err)
	require.False(t, w.IsMailboxSetup)
	byAlias, err := d.Users.Get("offers@lamps.example").Do()
	require.NoError(t, err)
	require.Equal(t, []string{"offers@lamps.example"}, byAlias.Aliases)
	for _, key := range []string{"nobody@lamps.example", simtest.Other, simtest.Elena} {
		_, err = d.Users.Get(key).Do()
		simtest.Refused(t, err, 404, "notFound", "Resource Not Found: userKey")
	}
}

func TestOrderAndPages(t *testing.T) {
	h := open(t)
	d := service(t, h, simtest.Mara)
	u, err := d.Users.List().Domain("lamps.example").OrderBy("familyName").SortOrder("DESCENDING").Do()
	require.NoError(t, err)
	require.Equal(t, []string{"workshop@lamps.example", "anna.smith@lamps.example", "mara@lamps.example", "former@lamps.example", "jonas@lamps.example", "bo@lamps.example"}, addresses(u))

	var got []string
	list := d.Users.List().Customer(directory.CustomerID("lamps.example")).OrderBy("givenName").MaxResults(4)
	require.NoError(t, list.Pages(t.Context(), func(u *api.Users) error { got = append(got, addresses(u)...); return nil }))
	require.Len(t, got, 6)

	first, err := d.Users.List().Customer("my_customer").MaxResults(1).Do()
	require.NoError(t, err)
	_, err = d.Users.List().Customer("my_customer").Query("isAdmin=true").PageToken(first.NextPageToken).Do()
	simtest.Refused(t, err, 400, "invalid", "Invalid Input: pageToken")
	h.World.Clock.Advance(directory.PageLife + time.Minute)
	d = service(t, h, simtest.Mara) // the token has ended as well
	_, err = d.Users.List().Customer("my_customer").PageToken(first.NextPageToken).Do()
	simtest.Refused(t, err, 400, "invalid", "Invalid Input: pageToken")
	_, err = d.Users.List().Customer("my_customer").MaxResults(501).Do()
	require.ErrorContains(t, err, "Values must be within the range: [1, 500]")
}

func TestWhoMay(t *testing.T) {
	h := open(t)
	const forbidden = "Not Authorized to access this resource/api"
	list := func(account, customer, domain, view string) (*api.Users, error) {
		c := service(t, h, account).Users.List()
		if customer != "" {
			c.Customer(customer)
		}
		if domain != "" {
			c.Domain(domain)
		}
		if view != "" {
			c.ViewType(view)
		}
		return c.Do()
	}
	for _, c := range []struct {
		name, account, customer, domain, view string
		status                                int
		reason, message                       string
	}{
		{"no administrator", simtest.Jonas, "my_customer", "", "", 403, "forbidden", forbidden},
		{"of no organisation", simtest.Elena, "my_customer", "", "", 403, "forbidden", forbidden},
		{"of no organisation, the public view", simtest.Elena, "my_customer", "", "domain_public", 403, "forbidden", forbidden},
		{"another organisation's", simtest.Mara, directory.CustomerID("chairs.example"), "", "", 403, "forbidden", forbidden},
		{"another organisation's domain", simtest.Mara, "", "chairs.example", "", 403, "forbidden", forbidden},
		{"a domain that is none", simtest.Mara, "", "nowhere.example", "", 404, "notFound", "Domain not found."},
		{"neither customer nor domain", simtest.Mara, "", "", "", 400, "badRequest", "Bad Request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := list(c.account, c.customer, c.domain, c.view)
			simtest.Refused(t, err, c.status, c.reason, c.message)
		})
	}
	t.Run("colleagues see what is public", func(t *testing.T) {
		u, err := list(simtest.Jonas, "my_customer", "", "domain_public")
		require.NoError(t, err)
		require.Equal(t, []string{"anna.smith@lamps.example", "jonas@lamps.example", "mara@lamps.example", "workshop@lamps.example"}, addresses(u), "no suspended ones")
		require.Empty(t, u.Users[0].OrgUnitPath)
		require.False(t, u.Users[2].IsAdmin, "that is nobody's business")
		h.World.Domains.Set("lamps.example", world.Policy{DirectoryHidden: true})
		_, err = list(simtest.Jonas, "my_customer", "", "domain_public")
		simtest.Refused(t, err, 403, "forbidden", forbidden)
	})
}

func TestAnEmptyListIsLeftOut(t *testing.T) {
	h := open(t)
	res, err := h.Client(simtest.Mara, "", scope).Get(h.URL() + "/admin/directory/v1/users?customer=my_customer&query=email:nobody*")
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	var got map[string]any
	require.NoError(t, json.Unmarshal(body, &got))
	require.NotContains(t, got, "users")
	require.Equal(t, "admin#directory#users", got["kind"])
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"email:ann*", "name:'Jane Smith'", `name:'it\'s'`, "isAdmin=true x", "'", ":", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, text string) { directory.Parse(text) })
}

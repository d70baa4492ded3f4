package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

// whole reads a list two at a time and gives its ids.
func whole[T any](t *testing.T, read func(client.Page) (client.List[T], error), id func(T) string) []string {
	t.Helper()
	ids := []string{}
	for page := (client.Page{Limit: 2}); ; {
		list, err := read(page)
		require.NoError(t, err)
		for _, v := range list.Items {
			ids = append(ids, id(v))
		}
		if list.NextCursor == "" {
			require.NotEmpty(t, list.Items, "a list does not end with an empty page")
			return ids
		}
		require.Len(t, list.Items, 2)
		page.Cursor = list.NextCursor
	}
}

func TestListsComePageByPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		here, _ := w.Browser(apptest.Mara)
		var links client.NewConnectLinks
		for i := range 5 {
			email := fmt.Sprintf("person%d@northwind-lamps.example", i)
			_, err := home.Invite(ctx, client.NewInvitation{Email: email})
			require.NoError(t, err)
			links.People = append(links.People, client.LinkPerson{Email: "linked-" + email, Name: fmt.Sprint("Linked ", i)})
			key, err := home.CreateAPIKey(ctx, client.NewAPIKey{Name: fmt.Sprint("key ", i), Scopes: []string{"mail:read"}})
			require.NoError(t, err)
			if i < 2 {
				require.NoError(t, home.RevokeAPIKey(ctx, key.ID))
			}
			w.Browser(apptest.Mara)
		}
		made, err := home.CreateConnectLinks(ctx, links)
		require.NoError(t, err)

		members := func(q client.MemberQuery) []string {
			return whole(t, func(p client.Page) (client.List[client.Member], error) { q.Page = p; return home.Members(ctx, q) }, func(m client.Member) string { return m.UserID })
		}
		keys := func(state string) []string {
			return whole(t, func(p client.Page) (client.List[client.APIKey], error) {
				return home.APIKeys(ctx, client.KeyQuery{State: state, Page: p})
			}, func(k client.APIKey) string { return k.ID })
		}
		all := map[string][]string{
			"members":        members(client.MemberQuery{}),
			"members called": members(client.MemberQuery{Q: "LINKED northwind"}),
			"plain members":  members(client.MemberQuery{Role: "member"}),
			"some members":   members(client.MemberQuery{UserIDs: []string{made[0].UserID, made[3].UserID, "nobody"}}),
			"keys":           keys(""),
			"active keys":    keys("active"),
			"ended keys":     keys("ended"),
			"invitations": whole(t, func(p client.Page) (client.List[client.Invitation], error) {
				return home.Invitations(ctx, client.OpenQuery{Page: p})
			}, func(i client.Invitation) string { return i.ID }),
			"open links": whole(t, func(p client.Page) (client.List[client.ConnectLink], error) {
				return home.ConnectLinks(ctx, client.OpenQuery{Open: true, Page: p})
			}, func(l client.ConnectLink) string { return l.ID }),
			"sessions": whole(t, func(p client.Page) (client.List[client.Session], error) { return here.Sessions(ctx, p) }, func(s client.Session) string { return s.ID }),
		}
		want := map[string]int{"members": 6, "members called": 5, "plain members": 5, "some members": 2, "keys": 5, "active keys": 3, "ended keys": 2, "invitations": 5, "open links": 5, "sessions": 7}
		for name, ids := range all {
			require.Len(t, ids, want[name], name)
			slices.Sort(ids)
			require.Len(t, slices.Compact(ids), want[name], "%s: none comes twice", name)
		}
		for _, path := range []string{"/me/sessions", "/workspaces/default/members", "/workspaces/default/api-keys", "/workspaces/default/invitations", "/workspaces/default/connect-links"} {
			for _, bad := range []string{"?limit=0", "?limit=201", "?limit=many", "?cursor=nonsense"} {
				err := owner.Do(ctx, http.MethodGet, "/api/v1"+path+bad, nil, nil)
				require.Equal(t, http.StatusUnprocessableEntity, statusOf(err), path+bad)
			}
		}
		many := slices.Repeat([]string{"x"}, 101)
		_, err = home.Members(ctx, client.MemberQuery{UserIDs: many})
		require.Equal(t, "validation_failed", client.Code(err))
		got, err := home.ChangeRole(ctx, made[4].UserID, "admin")
		require.NoError(t, err)
		require.Equal(t, "Linked 4", got.Name)
		require.WithinDuration(t, time.Now(), got.JoinedAt, time.Minute)
	})
}

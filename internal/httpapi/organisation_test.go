package httpapi_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

func TestApprovalFromRequestToDecision(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		jonas := w.AddMember(owner, apptest.Jonas, "member")
		a, err := home.DecideApproval(ctx, client.ApprovalPatch{State: "pending"})
		require.NoError(t, err)
		require.Equal(t, "pending", a.State)
		require.Equal(t, "environment", a.Client.Source)
		require.Equal(t, w.Config.GoogleClientID, a.Client.GoogleClientID)
		require.Equal(t, w.Config.RedirectURIs(), a.RedirectURIs)
		require.Equal(t, []string{w.Config.PublicURL}, a.JavaScriptOrigins)
		require.Contains(t, a.Scopes, scopeBase+"gmail.send")
		require.Contains(t, a.AdminConsolePath, "Manage third-party app access")

		_, err = jonas.Workspace(w.Home).Connect(ctx, client.ConnectWish{Services: []string{"gmail"}})
		require.Equal(t, "waiting_for_admin", client.Code(err))
		asked, err := jonas.Workspace(w.Home).AskApproval(ctx, "I need my mail")
		require.NoError(t, err)
		again, err := jonas.Workspace(w.Home).AskApproval(ctx, "")
		require.NoError(t, err)
		require.Equal(t, asked, again, "asking twice is asking once")
		his, err := jonas.Workspace(w.Home).GoogleApproval(ctx)
		require.NoError(t, err)
		require.Equal(t, "I need my mail", his.MyRequest.Note)
		require.Empty(t, his.Requests, "members do not see who else waits")
		hers, err := home.GoogleApproval(ctx)
		require.NoError(t, err)
		require.Len(t, hers.Requests, 1)
		require.Equal(t, apptest.Jonas, hers.Requests[0].Email)

		a, err = home.DecideApproval(ctx, client.ApprovalPatch{State: "approved", ScopeProfile: "read", AllowedDomains: &[]string{"northwind-lamps.example"}, Products: &[]string{"gmail"}})
		require.NoError(t, err)
		require.Empty(t, a.Requests, "the decision answers them")
		require.NotNil(t, a.DecidedAt)
		require.Contains(t, a.Scopes, scopeBase+"gmail.readonly")
		require.NotContains(t, a.Scopes, scopeBase+"gmail.send")
		require.NotContains(t, strings.Join(a.Scopes, " "), "calendar")
		require.Equal(t, "connected", w.Connect(jonas, client.ConnectWish{}, apptest.Consent{Account: apptest.Jonas}))

		_, err = home.DecideApproval(ctx, client.ApprovalPatch{State: "blocked"})
		require.NoError(t, err)
		s := w.Until(jonas, "the connection to rest", func(s client.Status) bool { return s.Status == "waiting_for_admin" })
		require.NotEmpty(t, s.StatusReason)
		all, err := home.Connections(ctx, "")
		require.NoError(t, err)
		require.Len(t, all.Items, 1)
		require.Equal(t, []string{apptest.Jonas, "waiting_for_admin"}, []string{all.Items[0].UserEmail, all.Items[0].Status})
		_, err = home.DecideApproval(ctx, client.ApprovalPatch{State: "approved"})
		require.NoError(t, err)
		w.Until(jonas, "it to go on", func(s client.Status) bool { return s.Status == "active" })
		_, err = home.DecideApproval(ctx, client.ApprovalPatch{Products: &[]string{"fax"}})
		require.Equal(t, "validation_failed", client.Code(err))
	})
}

func TestGoogleClientsOfThePage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		made, err := home.AddGoogleClient(ctx, client.NewGoogleClient{Name: "Ours", GoogleClientID: "123-abc.apps.googleusercontent.com", ClientSecret: "GOCSPX-made-up-secret"})
		require.NoError(t, err)
		require.True(t, made.Current, "the page wins")
		list, err := home.GoogleClients(ctx)
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, []string{"page", "environment"}, []string{list[0].Source, list[1].Source})
		require.Equal(t, []bool{true, false}, []bool{list[0].Current, list[1].Current})
		a, err := home.GoogleApproval(ctx)
		require.NoError(t, err)
		require.Equal(t, client.ApprovalClient{ID: made.ID, GoogleClientID: "123-abc.apps.googleusercontent.com", Name: "Ours", Source: "page"}, a.Client)
		page, err := home.Connect(ctx, client.ConnectWish{Services: []string{"gmail"}})
		require.NoError(t, err)
		require.Contains(t, page, "client_id=123-abc.apps.googleusercontent.com")
		changed, err := home.ChangeGoogleClient(ctx, made.ID, client.GoogleClientPatch{Name: "Still ours"})
		require.NoError(t, err)
		require.Equal(t, "Still ours", changed.Name)
		_, err = home.ChangeGoogleClient(ctx, "env", client.GoogleClientPatch{Name: "x"})
		require.Equal(t, http.StatusConflict, statusOf(err))
		require.NoError(t, home.RetireGoogleClient(ctx, made.ID))
		a, err = home.GoogleApproval(ctx)
		require.NoError(t, err)
		require.Equal(t, "environment", a.Client.Source)
		var stored string
		require.NoError(t, w.App.Store.DB().QueryRow("SELECT COUNT(*) FROM oauth_clients WHERE client_secret LIKE '%made-up%'").Scan(&stored))
		require.Equal(t, "0", stored)
	})
}

func TestAConnectLinkWorksWithoutAnAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		made, err := home.CreateConnectLinks(ctx, client.NewConnectLinks{People: []client.LinkPerson{{Email: apptest.Jonas, Name: "Jonas Okafor"}}, Services: []string{"gmail"}})
		require.NoError(t, err)
		require.Len(t, made, 1)
		require.True(t, strings.HasPrefix(made[0].URL, w.Config.PublicURL+"/connect/"))
		token := last(made[0].URL)
		seen, err := w.Nobody().ConnectLink(ctx, token)
		require.NoError(t, err)
		require.Equal(t, []string{"Northwind Lamps", apptest.Jonas, "gmail"}, []string{seen.WorkspaceName, seen.Email, seen.Services[0]})

		start := "/api/v1/connect-links/" + token + "/start"
		h := fresh(t)
		answer, _ := look(t, w, h, start)
		require.Equal(t, http.StatusFound, answer.StatusCode)
		require.Contains(t, answer.Header.Get("Location"), url.QueryEscape(apptest.Jonas), "his account is preselected")
		answer, _ = look(t, w, h, w.Answer(answer.Header.Get("Location"), apptest.Consent{Account: apptest.Jonas, Deny: true}))
		require.Equal(t, "/connect/"+token+"?google=denied", answer.Header.Get("Location"))
		_, err = w.Nobody().ConnectLink(ctx, token)
		require.NoError(t, err, "a consent that fails leaves it usable")

		answer, _ = look(t, w, h, start)
		callback := w.Answer(answer.Header.Get("Location"), apptest.Consent{Account: apptest.Jonas})
		answer, _ = look(t, w, fresh(t), callback)
		require.Contains(t, answer.Header.Get("Location"), "google=wrong_user", "it ends in the browser that began it")
		answer, _ = look(t, w, h, start)
		answer, _ = look(t, w, h, w.Answer(answer.Header.Get("Location"), apptest.Consent{Account: apptest.Jonas}))
		require.Equal(t, "/connect/"+token+"?google=connected", answer.Header.Get("Location"))
		all, err := home.Connections(ctx, "")
		require.NoError(t, err)
		require.Len(t, all.Items, 1)
		require.Equal(t, []string{apptest.Jonas, apptest.Jonas, "active"}, []string{all.Items[0].UserEmail, all.Items[0].GoogleEmail, all.Items[0].Status})
		_, err = w.Nobody().ConnectLink(ctx, token)
		require.Equal(t, http.StatusNotFound, statusOf(err), "it worked once")
		answer, _ = look(t, w, h, start)
		require.Contains(t, answer.Header.Get("Location"), "/connect/"+token+"?google=expired")
		links, err := home.ConnectLinks(ctx, client.OpenQuery{})
		require.NoError(t, err)
		require.NotNil(t, links.Items[0].UsedAt)
	})
}

func TestAConnectLinkIsNotForWhoeverIsSignedIn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		w.AddMember(owner, apptest.Jonas, "member")
		made, err := home.CreateConnectLinks(ctx, client.NewConnectLinks{People: []client.LinkPerson{{Email: apptest.Jonas}}, Services: []string{"gmail"}})
		require.NoError(t, err)
		token := last(made[0].URL)
		start := "/api/v1/connect-links/" + token + "/start"

		mara, maras := w.Browser(apptest.Mara)
		seen, err := mara.ConnectLink(ctx, token)
		require.NoError(t, err)
		require.Equal(t, []string{apptest.Jonas, apptest.Mara}, []string{seen.Email, seen.SignedInAs})
		answer, _ := look(t, w, maras, start)
		require.Contains(t, answer.Header.Get("Location"), "/connect/"+token+"?google=wrong_user", "an administrator does not connect for somebody else")

		h := fresh(t)
		answer, _ = look(t, w, h, start)
		callback := w.Answer(answer.Header.Get("Location"), apptest.Consent{Account: apptest.Jonas})
		own, err := url.Parse(w.URL)
		require.NoError(t, err)
		h.Jar.SetCookies(own, maras.Jar.Cookies(own)) // Mara signs in while Google asks
		answer, _ = look(t, w, h, callback)
		require.Contains(t, answer.Header.Get("Location"), "/connect/"+token+"?google=wrong_user")
		all, err := home.Connections(ctx, "")
		require.NoError(t, err)
		require.Empty(t, all.Items)

		jonas, his := w.Browser(apptest.Jonas)
		seen, err = jonas.ConnectLink(ctx, token)
		require.NoError(t, err)
		require.Empty(t, seen.SignedInAs)
		answer, _ = look(t, w, his, start)
		answer, _ = look(t, w, his, w.Answer(answer.Header.Get("Location"), apptest.Consent{Account: apptest.Jonas}))
		require.Equal(t, "/connect/"+token+"?google=connected", answer.Header.Get("Location"))
	})
}

// TestAnEventStreamKnowsTheRoleOfNow: who is no administrator any more hears at once
// no more what administrators hear, and who becomes one does.
func TestAnEventStreamKnowsTheRoleOfNow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d, func(s *apptest.Setup) { s.Beat = 24 * time.Hour })
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		falls, rises, asks := w.AddMember(owner, apptest.Jonas, "admin"), w.AddMember(owner, apptest.Elena, "member"), w.AddMember(owner, "ines@northwind-lamps.example", "member")
		_, err := home.DecideApproval(ctx, client.ApprovalPatch{State: "pending"})
		require.NoError(t, err)
		listen := func(c *client.Client) <-chan client.Happening {
			out := make(chan client.Happening, 100)
			limited, cancel := context.WithCancel(ctx)
			t.Cleanup(cancel)
			go func() {
				_ = c.Workspace(w.Home).Events(limited, func(h client.Happening) error { out <- h; return nil })
			}()
			require.Equal(t, "ready", (<-out).Kind)
			return out
		}
		until := func(from <-chan client.Happening, kind string) (kinds []string) {
			for {
				select {
				case h := <-from:
					if kinds = append(kinds, h.Kind); h.Kind == kind {
						return kinds
					}
				case <-time.After(30 * time.Second):
					t.Fatalf("%s did not come, but %v", kind, kinds)
				}
			}
		}
		idOf := func(c *client.Client) string {
			me, err := c.Me(ctx)
			require.NoError(t, err)
			return me.User.ID
		}
		fallen, risen := listen(falls), listen(rises)
		_, err = home.ChangeRole(ctx, idOf(falls), "member")
		require.NoError(t, err)
		_, err = home.ChangeRole(ctx, idOf(rises), "admin")
		require.NoError(t, err)
		_, err = asks.Workspace(w.Home).AskApproval(ctx, "I need my mail")
		require.NoError(t, err)
		_, err = home.DecideApproval(ctx, client.ApprovalPatch{State: "approved"})
		require.NoError(t, err)
		// The first decision may be heard, too: what counts is what comes after the roles.
		until(risen, "member.changed")
		until(risen, "approval.asked")
		until(fallen, "member.changed")
		require.NotContains(t, until(fallen, "approval.decided"), "approval.asked")
	})
}

package httpapi_test

import (
	"bytes"
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

// last is what stands behind the last slash of an address.
func last(address string) string { return address[strings.LastIndex(address, "/")+1:] }

func TestInvitations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		made, err := home.Invite(ctx, client.NewInvitation{Email: nadia, Name: "Nadia Berg", Role: "admin"})
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(made.URL, w.Config.PublicURL+"/invite/"))
		seen, err := w.Nobody().Invitation(ctx, last(made.URL))
		require.NoError(t, err)
		require.Equal(t, []string{"Northwind Lamps", nadia, "Nadia Berg", "admin", "Mara Lindqvist"}, []string{seen.WorkspaceName, seen.Email, seen.Name, seen.Role, seen.InvitedBy})
		require.True(t, seen.GoogleSignIn)
		require.False(t, seen.HasAccount)
		require.WithinDuration(t, time.Now().Add(7*24*time.Hour), seen.ExpiresAt, time.Minute)

		h := fresh(t)
		guest := client.New(w.URL, client.WithHTTP(h))
		_, err = guest.AcceptInvitation(ctx, last(made.URL), client.AcceptInvitation{Password: "short"})
		require.Equal(t, "validation_failed", client.Code(err))
		me, err := guest.AcceptInvitation(ctx, last(made.URL), client.AcceptInvitation{Name: "Nadia B.", Password: apptest.Password})
		require.NoError(t, err)
		require.Equal(t, "admin", me.Workspaces[0].Role)
		again, err := guest.Me(ctx)
		require.NoError(t, err, "accepting signs in")
		require.Equal(t, nadia, again.User.Email)
		_, err = w.Nobody().Invitation(ctx, last(made.URL))
		require.Equal(t, "invitation_not_found", client.Code(err), "it works once")

		second, err := home.Invite(ctx, client.NewInvitation{Email: "ivo@northwind-lamps.example"})
		require.NoError(t, err)
		open, err := home.Invitations(ctx)
		require.NoError(t, err)
		require.Len(t, open, 1)
		require.NoError(t, home.RevokeInvitation(ctx, second.ID))
		_, err = w.Nobody().Invitation(ctx, last(second.URL))
		require.Equal(t, "invitation_not_found", client.Code(err))
	})
}

func TestGuessingTokensIsSlow(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	good, err := owner.Workspace(w.Home).Invite(ctx, client.NewInvitation{Email: nadia})
	require.NoError(t, err)
	for range 20 {
		_, err = w.Nobody().Invitation(ctx, last(good.URL))
		require.NoError(t, err, "right ones are not counted")
	}
	for i := 0; client.Code(err) != "rate_limited"; i++ {
		require.Less(t, i, 50)
		if i%2 == 0 {
			_, err = w.Nobody().Invitation(ctx, "made-up")
		} else {
			_, err = w.Nobody().ConnectLink(ctx, "made-up")
		}
		require.Error(t, err)
	}
	_, err = w.Nobody().Invitation(ctx, last(good.URL))
	require.Equal(t, "rate_limited", client.Code(err), "who guesses waits, even with a right one")
}

func TestRolesAndRemoval(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		jonas := w.AddMember(owner, apptest.Jonas, "member")
		me, err := jonas.Me(ctx)
		require.NoError(t, err)
		_, err = jonas.Workspace(w.Home).ChangeRole(ctx, me.User.ID, "owner")
		require.Equal(t, "access_denied", client.Code(err))
		m, err := home.ChangeRole(ctx, me.User.ID, "admin")
		require.NoError(t, err)
		require.Equal(t, "admin", m.Role)
		key, err := jonas.Workspace(w.Home).CreateAPIKey(ctx, client.NewAPIKey{Name: "k", Scopes: []string{"*"}})
		require.NoError(t, err, "the new role counts at once")
		mara, err := owner.Me(ctx)
		require.NoError(t, err)
		require.Equal(t, "access_denied", client.Code(jonas.Workspace(w.Home).RemoveMember(ctx, mara.User.ID)), "admins do not remove owners")
		_, err = home.ChangeRole(ctx, mara.User.ID, "member")
		require.Equal(t, http.StatusConflict, statusOf(err), "the last owner stays one")

		require.NoError(t, home.RemoveMember(ctx, me.User.ID))
		_, err = client.New(w.URL, client.WithToken(key.Key)).Workspace(w.Home).Members(ctx)
		require.Equal(t, http.StatusUnauthorized, statusOf(err), "their keys end")
		_, err = jonas.Workspace(w.Home).Members(ctx)
		require.Contains(t, []int{401, 404}, statusOf(err))
		require.Equal(t, http.StatusNotFound, statusOf(home.RemoveMember(ctx, me.User.ID)))
	})
}

// statusOf is the status of a problem, 0 for none.
func statusOf(err error) int {
	p, ok := err.(*client.Problem)
	if !ok {
		return 0
	}
	return p.Status
}

func TestOnesOwnAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		w.SetUp()
		here, _ := w.Browser(apptest.Mara)
		there, _ := w.Browser(apptest.Mara)
		list, err := here.Sessions(ctx)
		require.NoError(t, err)
		require.Len(t, list, 3, "with the one that set up")
		current := 0
		for _, s := range list {
			if s.Current {
				current++
				continue
			}
			require.NoError(t, here.EndSession(ctx, s.ID))
		}
		require.Equal(t, 1, current)
		_, err = there.Me(ctx)
		require.Equal(t, "unauthenticated", client.Code(err))
		require.Equal(t, http.StatusNotFound, statusOf(here.EndSession(ctx, "01900000-0000-7000-8000-000000000000")))

		there, _ = w.Browser(apptest.Mara)
		bearer := w.SignIn(apptest.Mara)
		require.Equal(t, "validation_failed", client.Code(here.ChangePassword(ctx, client.PasswordChange{OldPassword: "not it", NewPassword: "another long one"})))
		require.NoError(t, here.ChangePassword(ctx, client.PasswordChange{OldPassword: apptest.Password, NewPassword: "another long one"}))
		_, err = here.Me(ctx)
		require.NoError(t, err, "who changes it stays")
		_, err = there.Me(ctx)
		require.Error(t, err)
		_, err = bearer.Me(ctx)
		require.Error(t, err)
		_, err = w.Nobody().SignIn(ctx, apptest.Mara, apptest.Password)
		require.Equal(t, "wrong_credentials", client.Code(err))

		other, err := w.Nobody().SignIn(ctx, apptest.Mara, "another long one")
		require.NoError(t, err)
		require.NoError(t, here.SignOutEverywhere(ctx, client.SignOutEverywhere{KeepThis: true}))
		_, err = here.Me(ctx)
		require.NoError(t, err)
		_, err = other.Me(ctx)
		require.Error(t, err)
		require.NoError(t, here.SignOutEverywhere(ctx, client.SignOutEverywhere{}))
		_, err = here.Me(ctx)
		require.Error(t, err)
	})
}

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
		_, maras := w.Browser(apptest.Mara)
		maras.Jar = h.Jar // an administrator tries the link in her own browser
		answer, _ = look(t, w, maras, start)
		answer, _ = look(t, w, maras, w.Answer(answer.Header.Get("Location"), apptest.Consent{Account: apptest.Jonas}))
		require.Equal(t, "/connect/"+token+"?google=connected", answer.Header.Get("Location"))
		all, err := home.Connections(ctx, "")
		require.NoError(t, err)
		require.Len(t, all.Items, 1)
		require.Equal(t, []string{apptest.Jonas, apptest.Jonas, "active"}, []string{all.Items[0].UserEmail, all.Items[0].GoogleEmail, all.Items[0].Status})
		_, err = w.Nobody().ConnectLink(ctx, token)
		require.Equal(t, http.StatusNotFound, statusOf(err), "it worked once")
		answer, _ = look(t, w, h, start)
		require.Contains(t, answer.Header.Get("Location"), "/connect/"+token+"?google=expired")
		links, err := home.ConnectLinks(ctx)
		require.NoError(t, err)
		require.NotNil(t, links[0].UsedAt)
	})
}

func TestTheAuditTrailTellsWhoDidWhat(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		p, _ := plugin(t, w, owner, "tokens:vend:gmail")
		answer, text := authorize(t, w, p, client.AuthorizeLinkWish{UserID: "u1", Service: "gmail"}, apptest.Consent{Account: apptest.Jonas})
		require.Equal(t, http.StatusOK, answer.StatusCode, text)
		for range 3 {
			_, err := p.Vend(ctx, "u1", "gmail")
			require.NoError(t, err)
		}
		_, err := p.Vend(ctx, "u1", "drive")
		require.Error(t, err)
		rows, err := home.Audit(ctx, client.AuditQuery{Action: "token.vend"})
		require.NoError(t, err)
		var outcomes []string
		for _, r := range rows.Items {
			require.NotEmpty(t, r.KeyID, "which key")
			require.NotEmpty(t, r.Remote, "from where")
			require.Equal(t, "Mara Lindqvist", r.UserName)
			outcomes = append(outcomes, r.Outcome)
		}
		require.Equal(t, []string{"denied", "ok", "ok", "ok"}, outcomes, "the newest first")
		rows, err = home.Audit(ctx, client.AuditQuery{Action: "token.", Until: time.Now().Add(-time.Hour)})
		require.NoError(t, err)
		require.Empty(t, rows.Items)
		all, err := home.Audit(ctx, client.AuditQuery{})
		require.NoError(t, err)
		actions := map[string]bool{}
		for _, r := range all.Items {
			actions[r.Action] = true
		}
		for _, action := range []string{"api_key.create", "token.link", "token.authorize", "token.vend"} {
			require.True(t, actions[action], action)
		}
	})
}

// TestCreatingOnceWithAnIdempotencyKey: what creates something gives the first
// answer again, with what is otherwise shown once.
func TestCreatingOnceWithAnIdempotencyKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		p, key := plugin(t, w, owner, "tokens:vend:gmail")
		answer, page := authorize(t, w, p, client.AuthorizeLinkWish{UserID: "u1", Service: "gmail"}, apptest.Consent{Account: apptest.Jonas})
		require.Equal(t, http.StatusOK, answer.StatusCode, page)
		mara, home := token(t, w, apptest.Mara), "/api/v1/workspaces/"+w.Home
		for _, c := range []struct{ path, bearer, body, other string }{
			{home + "/invitations", mara, `{"email":"` + nadia + `"}`, `{"email":"ivo@northwind-lamps.example"}`},
			{home + "/google-clients", mara, `{"name":"a","google_client_id":"123-abc.apps.googleusercontent.com","client_secret":"GOCSPX-x"}`, `{"name":"b","google_client_id":"124-abc.apps.googleusercontent.com","client_secret":"GOCSPX-x"}`},
			{home + "/connect-links", mara, `{"people":[{"email":"` + apptest.Jonas + `"}]}`, `{"people":[{"email":"ivo@northwind-lamps.example"}]}`},
			{"/api/v1/tokens/leases", key, `{"name":"l","user_id":"u1","service":"gmail","paths":["/gmail/v1/users/me/profile"]}`, `{"name":"m","user_id":"u1","service":"gmail","paths":["/gmail/v1/users/me/profile"]}`},
			{"/api/v1/tokens/authorize-links", key, `{"user_id":"u1","service":"gmail"}`, `{"user_id":"u2","service":"gmail"}`},
		} {
			post := func(key, body string) (int, string) {
				answer, text := send(t, http.MethodPost, w.URL+c.path, body, "Authorization", "Bearer "+c.bearer, "Content-Type", "application/json", "Idempotency-Key", key)
				return answer.StatusCode, text
			}
			status, first := post("k", c.body)
			require.Equal(t, http.StatusCreated, status, "%s: %s", c.path, first)
			status, again := post("k", c.body)
			require.Equal(t, http.StatusCreated, status, again)
			require.Equal(t, first, again, c.path)
			status, text := post("k", c.other)
			require.Equal(t, http.StatusConflict, status)
			require.Contains(t, text, "idempotency_key_reused")
			status, broken := post("broken", `{}`)
			require.Equal(t, http.StatusUnprocessableEntity, status, broken)
			status, text = post("broken", c.other)
			require.Equal(t, http.StatusCreated, status, "a request that failed does not use the key up: %s", text)
		}
		var kept string
		require.NoError(t, w.App.Store.DB().QueryRow("SELECT COUNT(*) FROM idempotency_keys WHERE CAST(answer AS TEXT) LIKE '%invite%'").Scan(&kept))
		require.Equal(t, "0", kept, "answers are sealed")
	})
}

// TestSecretsOfAddressesStayOutOfLogs: tokens of links, handles of leases, codes
// and states.
func TestSecretsOfAddressesStayOutOfLogs(t *testing.T) {
	var log bytes.Buffer
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Log = &log })
	owner := w.SetUp()
	home := owner.Workspace(w.Home)
	p, key := plugin(t, w, owner, "tokens:vend:gmail")
	link, err := p.AuthorizeLink(ctx, client.AuthorizeLinkWish{UserID: "somebody@customer.example", Service: "gmail"})
	require.NoError(t, err)
	h := fresh(t)
	answer, _ := look(t, w, h, link.URL)
	callback := w.Answer(answer.Header.Get("Location"), apptest.Consent{Account: apptest.Jonas})
	answer, page := look(t, w, h, callback)
	require.Equal(t, http.StatusOK, answer.StatusCode, page)
	vended, err := p.Vend(ctx, "somebody@customer.example", "gmail")
	require.NoError(t, err)
	_, _ = p.AuthorizedServices(ctx, "somebody@customer.example")
	lease, err := p.CreateLease(ctx, client.LeaseWish{Name: "l", UserID: "somebody@customer.example", Service: "gmail", Paths: []string{"/gmail/v1/users/me/profile"}})
	require.NoError(t, err)
	_, _ = get(t, w.URL+"/api/v1/google/proxy/"+lease.Handle+"/gmail/v1/users/me/labels")
	invitation, err := home.Invite(ctx, client.NewInvitation{Email: nadia})
	require.NoError(t, err)
	_, err = w.Nobody().Invitation(ctx, last(invitation.URL))
	require.NoError(t, err)
	_, _ = get(t, w.URL+"/invite/"+last(invitation.URL), "Accept", "text/html")
	links, err := home.CreateConnectLinks(ctx, client.NewConnectLinks{People: []client.LinkPerson{{Email: apptest.Elena}}})
	require.NoError(t, err)
	_, _ = look(t, w, fresh(t), "/api/v1/connect-links/"+last(links[0].URL)+"/start")
	_, metrics := get(t, w.URL+"/metrics")
	w.Stop()
	back, err := url.Parse(callback)
	require.NoError(t, err)
	signed, err := url.Parse(link.URL)
	require.NoError(t, err)
	for name, secret := range map[string]string{
		"key": key, "token": vended.AccessToken, "handle": lease.Handle, "invitation": last(invitation.URL), "connect link": last(links[0].URL),
		"code": back.Query().Get("code"), "state": back.Query().Get("state"), "signature": signed.Query().Get("signature"), "a plugin's user": "somebody@customer.example",
	} {
		require.NotEmpty(t, secret, name)
		require.NotContains(t, log.String(), secret, name)
		require.NotContains(t, metrics, secret, name)
	}
	require.Contains(t, log.String(), "/api/v1/google/proxy/-/gmail/v1/users/me/labels")
}

// TestMetricsKnowRoutesOnly: whatever is asked for, the series are those of the
// table of contents.
func TestMetricsKnowRoutesOnly(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	patterns := map[string]bool{"/": true, "/api/": true, "": true, "GET /docs/": true}
	for _, op := range operations(t, w) {
		patterns[op.Method+" "+op.Path] = true
	}
	bearer := token(t, w, apptest.Mara)
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "CONNECT", "MADE-UP"} {
		for _, path := range []string{
			"/api/v1/workspaces/" + w.Home + "/api-keys", "/api/v1/workspaces/" + w.Home + "/api-keys/k1", "/api/v1/workspaces/a/api-keys/", "/api/v1/workspaces//api-keys",
			"/api/v1/nothing/k2", "/api", "/docs/x", "/docs", "/crm/k3", "/../k4", "/api/token/u/gmail", "/api/token/u/gmail/k5", "/api/v1/google/proxy/h/k6", "/assets/k7",
		} {
			r, err := http.NewRequestWithContext(t.Context(), method, w.URL, nil)
			require.NoError(t, err)
			r.URL.Opaque = path
			r.Header.Set("Authorization", "Bearer "+bearer)
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err == nil {
				_ = answer.Body.Close()
			}
		}
	}
	_, text := get(t, w.URL+"/metrics")
	seen := 0
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, "rapport_http_request_duration_seconds_count{") {
			continue
		}
		seen++
		_, route, _ := strings.Cut(line, `route="`)
		route, _, _ = strings.Cut(route, `"`)
		plain := strings.NewReplacer("{path...}", "{path}", "{$}", "").Replace(route)
		require.True(t, patterns[plain], line)
	}
	require.Greater(t, seen, 10)
	_, err := owner.Me(ctx)
	require.NoError(t, err)
}

// TestPrivateThingsOfAnotherMemberDoNotExist: ids of somebody else's mail, runs
// and sessions are no way to them.
func TestPrivateThingsOfAnotherMemberDoNotExist(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		w.AddMember(owner, apptest.Jonas, "admin")
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		status := w.Imported(owner)
		home := owner.Workspace(w.Home)
		found, err := home.Emails(ctx, client.EmailQuery{})
		require.NoError(t, err)
		runs, err := home.Runs(ctx, "", "")
		require.NoError(t, err)
		browser, _ := w.Browser(apptest.Mara)
		sessions, err := browser.Sessions(ctx)
		require.NoError(t, err)
		fill := strings.NewReplacer("{workspace_id}", w.Home, "{email_id}", found.Items[0].ID, "{attachment_id}", "a", "{thread_id}", found.Items[0].GmailThreadID,
			"{run_id}", runs.Items[0].ID, "{session_id}", sessions[0].ID)
		his := token(t, w, apptest.Jonas)
		asked := 0
		for _, op := range operations(t, w) {
			private := op.Method == http.MethodGet && strings.Contains(op.Path, "/integrations/google/") && strings.Contains(op.Path, "_id}/") || op.ID == "end-session"
			if !private || op.Rule == "holder" || op.ID == "google-callback" {
				continue
			}
			address := w.URL + fill.Replace(op.Path)
			if !strings.Contains(address, found.Items[0].ID) { // names no thing of hers: the connection does
				address += "?connection_id=" + status.ConnectionID
			}
			answer, text := send(t, op.Method, address, "", "Authorization", "Bearer "+his)
			asked++
			require.Equal(t, 404, answer.StatusCode, "%s: %s", op.ID, text)
		}
		require.Greater(t, asked, 6)
	})
}

package httpapi_test

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

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
		rows, err := w.App.Store.DB().Query("SELECT answer FROM idempotency_keys")
		require.NoError(t, err)
		defer func() { _ = rows.Close() }()
		kept := 0
		for rows.Next() {
			var answer []byte
			require.NoError(t, rows.Scan(&answer))
			require.NotContains(t, string(answer), "/invite/", "answers are sealed")
			kept++
		}
		require.NoError(t, rows.Err())
		require.Positive(t, kept)
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

// ownLists are about the caller's own mail alone, whatever connection is named.
var ownLists = []string{"list-changes", "list-outbox", "suggest-search"}

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
		sessions, err := browser.Sessions(ctx, client.Page{})
		require.NoError(t, err)
		fill := strings.NewReplacer("{workspace_id}", w.Home, "{email_id}", found.Items[0].ID, "{attachment_id}", "a", "{thread_id}", found.Items[0].GmailThreadID,
			"{run_id}", runs.Items[0].ID, "{session_id}", sessions.Items[0].ID)
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
			if slices.Contains(ownLists, op.ID) {
				require.Equal(t, 200, answer.StatusCode, "%s: %s", op.ID, text)
				require.NotContains(t, text, found.Items[0].ID)
				require.NotContains(t, text, status.ConnectionID)
				require.NotContains(t, text, "@", "nobody's address: %s", op.ID)
				continue
			}
			require.Equal(t, 404, answer.StatusCode, "%s: %s", op.ID, text)
		}
		require.Greater(t, asked, 6)
	})
}

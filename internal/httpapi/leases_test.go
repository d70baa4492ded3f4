package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

// authorized is a program whose user has authorised a service.
func authorized(t *testing.T, w *apptest.World, owner *client.Client, service string) *client.Client {
	t.Helper()
	p, _ := plugin(t, w, owner, "tokens:vend:"+service)
	answer, text := authorize(t, w, p, client.AuthorizeLinkWish{UserID: "u1", Service: service}, apptest.Consent{Account: apptest.Jonas})
	require.Equal(t, http.StatusOK, answer.StatusCode, text)
	return p
}

// at is an address of ours under the name that tests use.
func at(w *apptest.World, address string) string {
	return strings.Replace(address, w.Config.PublicURL, w.URL, 1)
}

func TestALeaseInsteadOfTheToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		p := authorized(t, w, owner, "gmail")
		lease, err := p.CreateLease(ctx, client.LeaseWish{Name: "reader", UserID: "u1", Service: "gmail", Methods: []string{"GET"},
			Paths: []string{"/gmail/v1/users/me/messages*", "/gmail/v1/users/me/profile"}, Seconds: 60})
		require.NoError(t, err)
		require.Equal(t, w.Config.PublicURL+"/api/v1/google/proxy/"+lease.Handle, lease.URL)
		answer, text := get(t, at(w, lease.URL)+"/gmail/v1/users/me/profile", "Cookie", "rapport_session=x", "Authorization", "Bearer nonsense")
		require.Equal(t, http.StatusOK, answer.StatusCode, text)
		require.Contains(t, text, apptest.Jonas)
		require.Equal(t, "sandbox; default-src 'none'", answer.Header.Get("Content-Security-Policy"))
		answer, text = get(t, at(w, lease.URL)+"/gmail/v1/users/me/messages?maxResults=1")
		require.Equal(t, http.StatusOK, answer.StatusCode, text)
		require.Contains(t, text, `"messages"`)
		answer, _ = get(t, at(w, lease.URL)+"/gmail/v1/users/me/messages/0000000000000000")
		require.Equal(t, http.StatusNotFound, answer.StatusCode, "Google's errors come through")
		require.NotContains(t, answer.Header.Get("Content-Type"), "problem+json")

		require.Equal(t, "same-origin", answer.Header.Get("Cross-Origin-Resource-Policy"))
		for _, to := range []string{"script", "style", "worker", "serviceworker", "iframe", "object", "image"} {
			answer, text = get(t, at(w, lease.URL)+"/gmail/v1/users/me/profile", "Sec-Fetch-Dest", to)
			require.Equal(t, "not_for_pages", problem(t, answer, text).Code, to)
		}
		for path, code := range map[string]string{"/gmail/v1/users/me/labels": "lease_path", "/gmail/v1/users/me/messages/%2e%2e/labels": "bad_path"} {
			answer, text = get(t, at(w, lease.URL)+path)
			require.Equal(t, code, problem(t, answer, text).Code)
		}
		answer, text = send(t, http.MethodPost, at(w, lease.URL)+"/gmail/v1/users/me/messages/send", "{}")
		require.Equal(t, "lease_method", problem(t, answer, text).Code)
		answer, text = get(t, w.URL+"/api/v1/google/proxy/rapl_made-up/gmail/v1/users/me/profile")
		require.Equal(t, http.StatusUnauthorized, answer.StatusCode, text)

		list, err := p.Leases(ctx, "")
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		require.EqualValues(t, 3, list.Items[0].Calls)
		require.EqualValues(t, 2, list.Items[0].Refused)
		require.NotNil(t, list.Items[0].LastUsedAt)
		rows, err := owner.Workspace(w.Home).Audit(ctx, client.AuditQuery{Action: "lease."})
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(rows.Items), 5)

		nora := w.AddMember(owner, nadia, "member")
		require.Equal(t, "not_found", client.Code(nora.CutLease(ctx, lease.ID)), "another member's does not exist")
		hers, err := nora.Leases(ctx, "")
		require.NoError(t, err)
		require.Empty(t, hers.Items)
		require.NoError(t, owner.CutLease(ctx, lease.ID), "an administrator cuts it")
		answer, text = get(t, at(w, lease.URL)+"/gmail/v1/users/me/profile")
		require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
		require.Equal(t, "lease_over", problem(t, answer, text).Code)
		_, err = p.CreateLease(ctx, client.LeaseWish{Name: "x", UserID: "u1", Service: "drive", Paths: []string{"/drive/v3/files"}})
		require.Equal(t, "insufficient_scope", client.Code(err))
	})
}

func TestALeaseCarriesFiles(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	p := authorized(t, w, owner, "drive")
	lease, err := p.CreateLease(ctx, client.LeaseWish{Name: "files", UserID: "u1", Service: "drive", Methods: []string{"GET", "POST", "PUT"},
		Paths: []string{"/drive/v3/files*", "/upload/drive/v3/files*"}})
	require.NoError(t, err)
	url := at(w, lease.URL)

	// A page kept in Drive comes back as it is, and can do nothing under our address.
	begun, text := send(t, http.MethodPost, url+"/upload/drive/v3/files?uploadType=resumable", `{"name":"page.html","mimeType":"text/html"}`,
		"Content-Type", "application/json", "X-Upload-Content-Type", "text/html")
	require.Equal(t, http.StatusOK, begun.StatusCode, text)
	require.True(t, strings.HasPrefix(begun.Header.Get("Location"), lease.URL+"/upload/drive/v3/files?"), "the upload goes on through us: %s", begun.Header.Get("Location"))
	html := "<script>alert(1)</script>" + strings.Repeat("x", 3<<20)
	done, text := send(t, http.MethodPut, at(w, begun.Header.Get("Location")), html, "Content-Type", "text/html")
	require.Equal(t, http.StatusOK, done.StatusCode, text)
	var file struct{ ID string }
	require.NoError(t, json.Unmarshal([]byte(text), &file))
	shown, text := get(t, url+"/drive/v3/files/"+file.ID+"?alt=media", "Accept-Encoding", "gzip")
	require.Equal(t, http.StatusOK, shown.StatusCode)
	require.Equal(t, html, text)
	require.Equal(t, "sandbox; default-src 'none'", shown.Header.Get("Content-Security-Policy"))
	require.Equal(t, "nosniff", shown.Header.Get("X-Content-Type-Options"))

	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/upload/drive/v3/files?uploadType=media", io.LimitReader(endless{}, 50<<20))
	require.NoError(t, err)
	r.ContentLength = 50 << 20
	answer, err := http.DefaultClient.Do(r)
	if err == nil { // else the line was cut while we still sent
		_ = answer.Body.Close()
		require.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestSecurityEventsOfGoogle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		w.Imported(owner)
		event := func(wish string) string {
			answer, text := send(t, http.MethodPost, w.Sim.URL()+"/_sim/accounts/"+apptest.Mara+"/risc", wish)
			require.Equal(t, http.StatusOK, answer.StatusCode, text)
			var made struct{ Token string }
			require.NoError(t, json.Unmarshal([]byte(text), &made))
			return made.Token
		}
		deliver := func(body string) int {
			answer, text := send(t, http.MethodPost, w.URL+"/api/v1/auth/google/risc", body, "Content-Type", "application/secevent+jwt")
			if answer.StatusCode != http.StatusAccepted {
				problem(t, answer, text)
			}
			return answer.StatusCode
		}
		for _, forged := range []string{"key", "algorithm", "issuer", "audience"} {
			require.Equal(t, http.StatusBadRequest, deliver(event(fmt.Sprintf(`{"event":"tokens-revoked","forged":%q}`, forged))), forged)
		}
		require.Equal(t, http.StatusBadRequest, deliver(""))
		require.Equal(t, http.StatusBadRequest, deliver("not a token"))
		require.Equal(t, http.StatusRequestEntityTooLarge, deliver(strings.Repeat("a.", 100_000)))
		s, err := owner.Workspace(w.Home).Status(ctx, "")
		require.NoError(t, err)
		require.Equal(t, "active", s.Status, "what is not Google's changes nothing")

		require.Equal(t, http.StatusAccepted, deliver(event(`{"event":"verification","state":"x"}`)))
		true1 := event(`{"event":"tokens-revoked"}`)
		require.Equal(t, http.StatusAccepted, deliver(true1))
		require.Equal(t, http.StatusAccepted, deliver(true1), "once more is harmless")
		s = w.Until(owner, "the connection to need a new consent", func(s client.Status) bool { return s.Status == "needs_reauth" })
		require.NotEmpty(t, s.StatusReason)
		kept, err := owner.Workspace(w.Home).Emails(ctx, client.EmailQuery{})
		require.NoError(t, err)
		require.NotEmpty(t, kept.Items, "nothing is deleted because of it")
	})
}

func TestTheDirectoryNamesWhoHasNotConnected(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		send(t, http.MethodPatch, w.Sim.URL()+"/_sim/accounts/"+apptest.Mara, `{"admin":true}`)
		_, err := home.Colleagues(ctx, "", "")
		var p *client.Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, "directory_not_connected", p.Code)
		_, h := w.Browser(apptest.Mara)
		answer, text := look(t, w, h, p.ActionURL)
		require.Equal(t, http.StatusFound, answer.StatusCode, text)
		answer, text = look(t, w, h, w.Answer(answer.Header.Get("Location"), apptest.Consent{Account: apptest.Mara}))
		require.Equal(t, "/admin/colleagues?google=connected&service=directory", answer.Header.Get("Location"), text)

		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		_, err = home.CreateConnectLinks(ctx, client.NewConnectLinks{People: []client.LinkPerson{{Email: apptest.Jonas}}})
		require.NoError(t, err)
		found, err := home.Colleagues(ctx, "", "")
		require.NoError(t, err)
		seen := map[string]client.Colleague{}
		for _, x := range found.Items {
			seen[x.Email] = x
		}
		require.True(t, seen[apptest.Mara].Connected)
		require.Equal(t, "owner", seen[apptest.Mara].Role)
		require.False(t, seen[apptest.Jonas].Connected)
		require.NotNil(t, seen[apptest.Jonas].LinkSentAt)
		require.NotContains(t, seen, apptest.Elena, "she is of another organisation")
		var rest client.List[client.Colleague]
		require.NoError(t, owner.Do(ctx, http.MethodGet, "/api/v1/workspaces/"+w.Home+"/directory?not_connected=true", nil, &rest))
		require.Len(t, rest.Items, len(found.Items)-1)
	})
}

func TestTheSetUpCheckNamesTheFirstBrokenLink(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	report, err := owner.Workspace(w.Home).Examine(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, report.Findings)
	for _, f := range report.Findings {
		require.NotEmpty(t, f.ID)
		require.NotEmpty(t, f.Name)
		require.Contains(t, []string{"ok", "warning", "broken", "skipped"}, f.State)
	}
}

func TestAnOpenBrokerAsksNobody(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Environ = append(s.Environ, "BROKER_OPEN=true", "SERVICE_HOST=127.0.0.1") })
	owner := w.SetUp()
	h := fresh(t)
	answer, text := look(t, w, h, "/oauth/authorize?userId=u1&service=gmail")
	require.Equal(t, http.StatusFound, answer.StatusCode, text)
	answer, text = look(t, w, h, w.Answer(answer.Header.Get("Location"), apptest.Consent{Account: apptest.Jonas}))
	require.Equal(t, http.StatusOK, answer.StatusCode, text)
	got, err := w.Nobody().Vend(ctx, "u1", "gmail")
	require.NoError(t, err)
	require.NotEmpty(t, got.AccessToken)
	_, err = w.Nobody().AuthorizedServices(ctx, "u1")
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/api/token/u1/gmail", nil)
	require.NoError(t, err)
	r.Host = "rebound.evil.example"
	refused, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	_ = refused.Body.Close()
	require.Equal(t, http.StatusForbidden, refused.StatusCode, "a foreign name that points here")
	for _, name := range []string{"X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server", "X-Client-IP", "CF-Connecting-IP", "True-Client-IP", "Cdn-Loop"} {
		answer, text = get(t, w.URL+"/api/token/u1/gmail", name, "1")
		require.Equal(t, http.StatusUnauthorized, answer.StatusCode, "%s: %s", name, text)
	}
	for _, name := range []string{"X-Forwarded-For", "Forwarded"} {
		for _, path := range []string{"/api/token/u1/gmail", "/api/tokens/u1", "/oauth/authorize?userId=u1&service=gmail"} {
			answer, text = get(t, w.URL+path, name, "for=127.0.0.1")
			require.Equal(t, http.StatusUnauthorized, answer.StatusCode, "through a proxy: %s %s", path, text)
			answer, text = get(t, w.URL+path, name, "for=127.0.0.1", "Authorization", "Bearer "+token(t, w, apptest.Mara))
			require.Equal(t, http.StatusForbidden, answer.StatusCode, "nor for who is signed in: %s %s", path, text)
		}
	}
	_, err = w.Nobody().Workspace(w.Home).Members(ctx, client.MemberQuery{})
	require.Equal(t, "unauthenticated", client.Code(err), "the rest stays closed")
	_, err = owner.Me(ctx)
	require.NoError(t, err)
	otherWorkspace(t, w)
	_, err = w.Nobody().Vend(ctx, "u1", "gmail")
	require.Equal(t, "unauthenticated", client.Code(err), "with two workspaces nobody knows which")
}

package httpapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

// fresh is a browser that nobody is signed in with.
func fresh(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// look opens an address in a browser, as a person does.
func look(t *testing.T, w *apptest.World, h *http.Client, address string) (*http.Response, string) {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	own, err := url.Parse(w.URL)
	require.NoError(t, err)
	if u.Host == "" || u.Port() == own.Port() {
		u.Scheme, u.Host = own.Scheme, own.Host
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String(), nil)
	require.NoError(t, err)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	answer, err := h.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(text)
}

// plugin makes a program with an API key of the scopes.
func plugin(t *testing.T, w *apptest.World, owner *client.Client, scopes ...string) (*client.Client, string) {
	t.Helper()
	key, err := owner.Workspace(w.Home).CreateAPIKey(ctx, client.NewAPIKey{Name: strings.Join(scopes, " "), Scopes: scopes})
	require.NoError(t, err)
	return client.New(w.URL, client.WithToken(key.Key)), key.Key
}

// authorize lets a person authorise a service by a link of the plugin's, and
// gives the page they end at.
func authorize(t *testing.T, w *apptest.World, p *client.Client, wish client.AuthorizeLinkWish, consent apptest.Consent) (*http.Response, string) {
	t.Helper()
	link, err := p.AuthorizeLink(ctx, wish)
	require.NoError(t, err)
	h := fresh(t)
	answer, text := look(t, w, h, link.URL)
	require.Equal(t, http.StatusFound, answer.StatusCode, text)
	return look(t, w, h, w.Answer(answer.Header.Get("Location"), consent))
}

func TestTheTokenServiceAsPluginsKnowIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		p, key := plugin(t, w, owner, "tokens:vend:gmail")
		const user = "crm-user:42/ö"
		theWayOut(t, w, p, user)
		vendedByHand(t, w, user, key)

		_, err := p.Vend(ctx, user, "drive")
		require.Equal(t, http.StatusForbidden, statusOf(err))
		require.Equal(t, "insufficient_scope", client.Code(err))
		wide, _ := plugin(t, w, owner, "tokens:vend:*")
		_, err = wide.Vend(ctx, user, "fax")
		var problem *client.Problem
		require.ErrorAs(t, err, &problem)
		require.Equal(t, http.StatusUnprocessableEntity, problem.Status)
		require.Contains(t, problem.Detail+problem.Fields["service"], "gmail, drive, calendar, meet, sheets, contacts, directory")

		listedByHand(t, w, user, key)
		held, err := owner.Workspace(w.Home).ServiceTokens(ctx, "")
		require.NoError(t, err)
		require.Len(t, held.Items, 1)
		require.Equal(t, user, held.Items[0].UserID)

		answer, text := send(t, http.MethodDelete, w.URL+"/api/token/"+url.PathEscape(user)+"/gmail", "", "Authorization", "Bearer "+key)
		require.Equal(t, http.StatusOK, answer.StatusCode, text)
		require.JSONEq(t, `{"success":true,"message":"Token revoked for user crm-user:42/ö, service gmail"}`, text)
		_, err = p.Vend(ctx, user, "gmail")
		require.Equal(t, "token_not_found", client.Code(err))
		require.Equal(t, "token_not_found", client.Code(owner.Do(ctx, http.MethodDelete, "/api/v1/workspaces/"+w.Home+"/tokens/"+held.Items[0].ID, nil, nil)))
	})
}

// theWayOut follows the address that the problem names when there is no token.
func theWayOut(t *testing.T, w *apptest.World, p *client.Client, user string) {
	t.Helper()
	_, err := p.Vend(ctx, user, "gmail")
	var problem *client.Problem
	require.ErrorAs(t, err, &problem)
	require.Equal(t, http.StatusNotFound, problem.Status)
	require.Equal(t, "token_not_found", problem.Code)
	require.True(t, strings.HasPrefix(problem.ActionURL, w.Config.PublicURL+"/oauth/authorize?"), "the way out: %s", problem.ActionURL)
	h := fresh(t)
	answer, _ := look(t, w, h, problem.ActionURL)
	require.Equal(t, http.StatusFound, answer.StatusCode)
	asked, err := url.Parse(answer.Header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "offline", asked.Query().Get("access_type"))
	require.Contains(t, asked.Query().Get("prompt"), "consent")
	require.Equal(t, w.Config.PublicURL+"/oauth/callback", asked.Query().Get("redirect_uri"))
	answer, page := look(t, w, h, w.Answer(answer.Header.Get("Location"), apptest.Consent{Account: apptest.Jonas}))
	require.Equal(t, http.StatusOK, answer.StatusCode, page)
	require.Contains(t, page, "Access granted")
	require.Contains(t, page, apptest.Jonas)
}

// vendedByHand reads the JSON as a program without our client does, and tries
// the token at Google.
func vendedByHand(t *testing.T, w *apptest.World, user, key string) {
	t.Helper()
	answer, text := get(t, w.URL+"/api/token/"+url.PathEscape(user)+"/gmail", "Authorization", "Bearer "+key)
	require.Equal(t, http.StatusOK, answer.StatusCode, text)
	require.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	require.ElementsMatch(t, []string{"access_token", "token_type", "user_id", "service", "expires_at", "scopes"}, keys(got))
	require.Equal(t, []any{"Bearer", user, "gmail"}, []any{got["token_type"], got["user_id"], got["service"]})
	ends, err := time.Parse(time.RFC3339, got["expires_at"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), ends, 5*time.Minute)
	google, text := get(t, w.Sim.URL()+"/gmail/v1/users/me/profile", "Authorization", "Bearer "+got["access_token"].(string))
	require.Equal(t, http.StatusOK, google.StatusCode, text)
}

func listedByHand(t *testing.T, w *apptest.World, user, key string) {
	t.Helper()
	_, text := get(t, w.URL+"/api/tokens/"+url.PathEscape(user), "Authorization", "Bearer "+key)
	var list struct {
		UserID   string           `json:"user_id"`
		Services []map[string]any `json:"authorized_services"`
		Total    int              `json:"total_services"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &list))
	require.Equal(t, user, list.UserID)
	require.Equal(t, 1, list.Total)
	for _, name := range []string{"service", "expires_at", "has_refresh_token", "created_at", "updated_at"} {
		require.Contains(t, list.Services[0], name)
	}
	require.Equal(t, true, list.Services[0]["has_refresh_token"])
}

func keys(m map[string]any) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	return out
}

func TestARevokedTokenNamesTheWayOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		w.App.Vault.Ahead = 2 * time.Hour // every token counts as near its end: each vend asks Google
		owner := w.SetUp()
		p, _ := plugin(t, w, owner, "tokens:vend:gmail")
		answer, text := authorize(t, w, p, client.AuthorizeLinkWish{UserID: "u1", Service: "gmail"}, apptest.Consent{Account: apptest.Jonas})
		require.Equal(t, http.StatusOK, answer.StatusCode, text)
		_, err := p.Vend(ctx, "u1", "gmail")
		require.NoError(t, err)
		gone, err := http.Post(w.Sim.URL()+"/_sim/accounts/"+apptest.Jonas+"/revoke", "application/json", nil)
		require.NoError(t, err)
		_ = gone.Body.Close()
		require.Eventually(t, func() bool { // the token held may be given until Google has refused another
			_, err = p.Vend(ctx, "u1", "gmail")
			return err != nil
		}, 30*time.Second, 20*time.Millisecond)
		var problem *client.Problem
		require.ErrorAs(t, err, &problem)
		require.Equal(t, http.StatusConflict, problem.Status)
		require.Equal(t, "google_reauthorization_required", problem.Code)
		answer, _ = look(t, w, fresh(t), problem.ActionURL)
		require.Equal(t, http.StatusFound, answer.StatusCode)
	})
}

func TestOwnSessionAuthorizesAndVends(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	w.AddMember(owner, apptest.Jonas, "member")
	jonas, h := w.Browser(apptest.Jonas)
	me, err := jonas.Me(ctx)
	require.NoError(t, err)
	answer, text := look(t, w, h, "/oauth/authorize?service=drive&userId="+me.User.ID)
	require.Equal(t, http.StatusFound, answer.StatusCode, text)
	answer, text = look(t, w, h, w.Answer(answer.Header.Get("Location"), apptest.Consent{Account: apptest.Jonas}))
	require.Equal(t, http.StatusOK, answer.StatusCode, text)
	got, err := jonas.Vend(ctx, me.User.ID, "drive")
	require.NoError(t, err)
	require.Contains(t, strings.Join(got.Scopes, " "), "drive.file")
	_, err = owner.Vend(ctx, me.User.ID, "drive")
	require.Equal(t, "not_your_tokens", client.Code(err), "not even the owner of the workspace")

	answer, text = look(t, w, h, "/oauth/authorize?service=drive&userId=somebody-else")
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
	require.Contains(t, text, "signed link")
	answer, text = look(t, w, fresh(t), "/oauth/authorize?service=drive&userId="+me.User.ID)
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
	require.Contains(t, text, `href="/login?next=%2Foauth%2Fauthorize`)
	answer, text = get(t, w.URL+"/oauth/authorize?service=drive&userId="+me.User.ID)
	require.Equal(t, "unauthenticated", problem(t, answer, text).Code, "programs get a problem, not a page")
}

func TestSignedLinksAreCheckedAndGuessesLimited(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	p, _ := plugin(t, w, owner, "tokens:vend:gmail")
	link, err := p.AuthorizeLink(ctx, client.AuthorizeLinkWish{UserID: "u1", Service: "gmail"})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(7*24*time.Hour), link.ExpiresAt, time.Minute)
	for range 12 { // a good one may be opened as often as they like
		answer, text := look(t, w, fresh(t), link.URL)
		require.Equal(t, http.StatusFound, answer.StatusCode, text)
	}
	changed := strings.Replace(link.URL, "userId=u1", "userId=u2", 1)
	for i := 0; ; i++ {
		answer, text := look(t, w, fresh(t), changed)
		if answer.StatusCode == http.StatusTooManyRequests {
			require.Greater(t, i, 2)
			require.NotEmpty(t, answer.Header.Get("Retry-After"))
			require.Contains(t, text, "Too many attempts")
			return
		}
		require.Equal(t, http.StatusForbidden, answer.StatusCode)
		require.Contains(t, text, "This link is not valid")
		require.Less(t, i, 50)
	}
}

func TestTheWayBackAfterAuthorizing(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) {
		s.Environ = append(s.Environ, "ALLOWED_ORIGINS=https://plugin.example.org")
	})
	owner := w.SetUp()
	p, _ := plugin(t, w, owner, "tokens:vend:gmail")
	wish := client.AuthorizeLinkWish{UserID: "u1", Service: "gmail", Redirect: "https://plugin.example.org/done?x=1"}
	answer, _ := authorize(t, w, p, wish, apptest.Consent{Account: apptest.Jonas})
	require.Equal(t, "https://plugin.example.org/done?google=connected&service=gmail&x=1", answer.Header.Get("Location"))
	answer, _ = authorize(t, w, p, wish, apptest.Consent{Account: apptest.Jonas, Deny: true})
	back, err := answer.Location()
	require.NoError(t, err)
	require.Equal(t, "plugin.example.org", back.Host)
	require.Equal(t, "access_denied", back.Query().Get("error"))
	require.Equal(t, "denied", back.Query().Get("google"))
	require.NotEmpty(t, back.Query().Get("error_description"))
	for _, elsewhere := range []string{"https://evil.example/x", "//evil.example", "javascript:alert(1)", "https://plugin.example.org.evil.example/"} {
		wish.Redirect = elsewhere
		_, err := p.AuthorizeLink(ctx, wish)
		require.Equal(t, "redirect_not_allowed", client.Code(err), elsewhere)
	}
	_, h := w.Browser(apptest.Mara)
	me, err := owner.Me(ctx)
	require.NoError(t, err)
	answer, text := look(t, w, h, "/oauth/authorize?service=gmail&userId="+me.User.ID+"&redirect=https://evil.example")
	require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode)
	require.Contains(t, text, "The way back is not registered here")
	answer, text = look(t, w, h, "/oauth/authorize?service=gmail&userId="+me.User.ID+"&redirect="+url.QueryEscape("/%2fevil.example/ "))
	require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode, text)
}

func TestPagesOfTheTokenService(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	p, _ := plugin(t, w, owner, "tokens:vend:*")
	evil := `<script>alert(1)</script>"onload=x`
	denied, page := authorize(t, w, p, client.AuthorizeLinkWish{UserID: evil, Service: "gmail"}, apptest.Consent{Account: apptest.Jonas, Deny: true})
	require.Equal(t, http.StatusForbidden, denied.StatusCode)
	require.Contains(t, page, "There are three likely reasons")
	require.Equal(t, 3, strings.Count(page, "<li>"))
	require.Contains(t, page, "Start again")
	partly, text := authorize(t, w, p, client.AuthorizeLinkWish{UserID: evil, Service: "gmail"}, apptest.Consent{Account: apptest.Jonas, Scopes: []string{scopeBase + "gmail.readonly"}})
	require.Equal(t, http.StatusOK, partly.StatusCode, text)
	require.Contains(t, text, "Send mail", "the page names what is off")

	for name, address := range map[string]string{
		"unknown": "/oauth/callback?state=" + url.QueryEscape(evil) + "&code=x", "none": "/oauth/callback", "error": "/oauth/callback?error=" + url.QueryEscape(evil),
		"service": "/oauth/authorize?userId=" + url.QueryEscape(evil) + "&service=" + url.QueryEscape(evil),
	} {
		answer, body := look(t, w, fresh(t), address)
		require.GreaterOrEqual(t, answer.StatusCode, 400, name)
		for what, shown := range map[string]*http.Response{"error": answer, "denied": denied, "partly": partly} {
			policy := shown.Header.Get("Content-Security-Policy")
			require.Contains(t, policy, "default-src 'none'; style-src 'sha256-", what)
			require.NotContains(t, policy, "unsafe-inline")
			require.Equal(t, "noindex", shown.Header.Get("X-Robots-Tag"))
			require.Equal(t, "no-referrer", shown.Header.Get("Referrer-Policy"))
			require.Equal(t, "no-store", shown.Header.Get("Cache-Control"))
		}
		_, style, _ := strings.Cut(page, "<style>")
		style, _, _ = strings.Cut(style, "</style>")
		sum := sha256.Sum256([]byte(style))
		require.Contains(t, denied.Header.Get("Content-Security-Policy"), base64.StdEncoding.EncodeToString(sum[:]), "browsers take the style")
		for _, html := range []string{body, page, text} {
			require.NotContains(t, html, "<script")
			require.NotContains(t, html, `"onload`)
			require.Contains(t, html, "prefers-color-scheme:dark")
		}
	}
}

func TestAConsentEndsInTheBrowserThatBeganIt(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	p, _ := plugin(t, w, owner, "tokens:vend:gmail")
	link, err := p.AuthorizeLink(ctx, client.AuthorizeLinkWish{UserID: "u1", Service: "gmail"})
	require.NoError(t, err)
	h := fresh(t)
	answer, _ := look(t, w, h, link.URL)
	callback := w.Answer(answer.Header.Get("Location"), apptest.Consent{Account: apptest.Jonas})
	answer, text := look(t, w, fresh(t), callback)
	require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode)
	require.Contains(t, text, "This page has expired")
	_, err = p.Vend(ctx, "u1", "gmail")
	require.Equal(t, "token_not_found", client.Code(err), "nothing was stored")
	answer, _ = look(t, w, h, callback)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	answer, text = look(t, w, h, callback)
	require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode, "a callback works once")
	require.Contains(t, text, `href="/oauth/authorize?`, "with a way to start again")
}

func TestTheBrokerForOtherOrigins(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) {
		s.Environ = append(s.Environ, "ALLOWED_ORIGINS=https://plugin.example.org")
	})
	owner := w.SetUp()
	p, key := plugin(t, w, owner, "tokens:vend:gmail")
	answer, text := authorize(t, w, p, client.AuthorizeLinkWish{UserID: "u1", Service: "gmail"}, apptest.Consent{Account: apptest.Jonas})
	require.Equal(t, http.StatusOK, answer.StatusCode, text)
	for _, path := range []string{"/api/token/u1/gmail", "/api/tokens/u1"} {
		for origin, want := range map[string]string{"https://plugin.example.org": "https://plugin.example.org", "https://evil.example": "", "null": ""} {
			answer, _ := get(t, w.URL+path, "Origin", origin, "Authorization", "Bearer "+key)
			require.Equal(t, want, answer.Header.Get("Access-Control-Allow-Origin"), "%s from %s", path, origin)
			require.Equal(t, want != "", answer.Header.Get("Access-Control-Allow-Credentials") == "true")
			require.Contains(t, answer.Header.Values("Vary"), "Origin")
			preflight, _ := send(t, http.MethodOptions, w.URL+path, "", "Origin", origin, "Access-Control-Request-Method", "DELETE", "Access-Control-Request-Headers", "authorization")
			require.Equal(t, want, preflight.Header.Get("Access-Control-Allow-Origin"))
		}
		answer, text := send(t, http.MethodDelete, w.URL+"/api/token/u1/drive", "", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Authorization", "Bearer "+key)
		require.Equal(t, "cross_origin", problem(t, answer, text).Code)
	}
}

func TestWhatTheServiceIs(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	answer, text := get(t, w.URL+"/")
	require.Equal(t, "application/json", answer.Header.Get("Content-Type"))
	var info client.ServiceInfo
	require.NoError(t, json.Unmarshal([]byte(text), &info))
	require.Equal(t, "running", info.Status)
	require.Contains(t, info.Services, "sheets")
	answer, _ = look(t, w, fresh(t), "/")
	require.Contains(t, answer.Header.Get("Content-Type"), "text/html")
	require.Contains(t, answer.Header.Values("Vary"), "Accept")
	var health client.Health
	require.NoError(t, w.Nobody().Do(ctx, http.MethodGet, "/health", nil, &health))
	require.Equal(t, "ok", health.Status)
}

func TestANarrowKeyHearsThatAServiceDoesNotExist(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	p, _ := plugin(t, w, owner, "tokens:vend:gmail")
	_, vended := p.Vend(ctx, "u1", "fax")
	_, linked := p.AuthorizeLink(ctx, client.AuthorizeLinkWish{UserID: "u1", Service: "fax"})
	_, leased := p.CreateLease(ctx, client.LeaseWish{Name: "x", UserID: "u1", Service: "fax", Paths: []string{"/fax/v1/*"}})
	for _, err := range []error{vended, linked, leased} {
		require.Equal(t, "unknown_service", client.Code(err))
		require.Equal(t, http.StatusUnprocessableEntity, statusOf(err))
		require.Contains(t, err.Error(), "gmail")
	}
	_, err := p.Vend(ctx, "u1", "drive")
	require.Equal(t, "insufficient_scope", client.Code(err), "what exists is still not theirs")
}

func TestAMembersLinkSendsThemToSignInFirst(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	me, err := owner.Me(ctx)
	require.NoError(t, err)
	p, _ := plugin(t, w, owner, "tokens:vend:gmail")
	link, err := p.AuthorizeLink(ctx, client.AuthorizeLinkWish{UserID: me.User.ID, Service: "gmail"})
	require.NoError(t, err)
	for range 10 { // a good link is no guess
		answer, text := look(t, w, fresh(t), link.URL)
		require.Equal(t, http.StatusUnauthorized, answer.StatusCode, text)
		require.Contains(t, text, "Sign in first")
		require.Contains(t, text, `href="/login?next=%2Foauth%2Fauthorize`)
	}
	_, maras := w.Browser(apptest.Mara)
	answer, text := look(t, w, maras, link.URL)
	require.Equal(t, http.StatusFound, answer.StatusCode, text)
}

func TestAuthorisingIsBounded(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, standing)
	w.SetUp()
	_, h := w.Browser(apptest.Mara)
	answer, text := look(t, w, h, "/oauth/authorize?service=gmail&redirect=/"+strings.Repeat("x", 2001))
	require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode, text)
	require.Empty(t, answer.Cookies())
	for range 120 {
		answer, _ = look(t, w, h, "/oauth/authorize?service=gmail")
		if answer.StatusCode != http.StatusFound {
			break
		}
	}
	answer, _ = look(t, w, h, "/oauth/authorize?service=gmail")
	require.Equal(t, http.StatusTooManyRequests, answer.StatusCode)
}

package httpapi_test

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
	"rapport/simulator"
)

var ctx = context.Background()

func TestFirstOwnerSetsUpOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		state, err := w.Nobody().NeedsSetup(ctx)
		require.NoError(t, err)
		require.Equal(t, client.SetupState{Needed: true, GoogleSignIn: true}, state)

		owner := w.SetUp()
		me, err := owner.Me(ctx)
		require.NoError(t, err)
		require.Equal(t, apptest.Mara, me.User.Email)
		require.Equal(t, []client.Workspace{{ID: w.Home, Name: "Northwind Lamps", Role: "owner"}}, me.Workspaces)

		_, err = w.Nobody().Setup(ctx, client.SetupRequest{WorkspaceName: "Another", Name: "X", Email: "x@other.example", Password: apptest.Password})
		require.Equal(t, "conflict", client.Code(err))
		state, err = w.Nobody().NeedsSetup(ctx)
		require.NoError(t, err)
		require.False(t, state.Needed)
	})
}

// A page of anybody's may let its own name point here (DNS rebinding): the first
// owner is made under a name of ours.
func TestTheFirstOwnerIsMadeUnderOurName(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Environ = append(s.Environ, "PUBLIC_URL=http://crm.example.org:8080") })
	setup := func(host string) int {
		body := strings.NewReader(`{"workspace_name":"Lamps","name":"M","email":"` + apptest.Mara + `","password":"` + apptest.Password + `"}`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/api/v1/setup", body)
		require.NoError(t, err)
		r.Host = host
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "http://"+host)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	require.Equal(t, http.StatusForbidden, setup("evil.example:8080"))
	require.Equal(t, http.StatusForbidden, setup("localhost.evil.example"))
	require.Equal(t, http.StatusCreated, setup("crm.example.org:8080"))
}

func TestSessionLivesUntilLogout(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		w.SetUp()
		c, h := w.Browser(apptest.Mara)
		_, err := c.Me(ctx)
		require.NoError(t, err)
		u, err := url.Parse(w.URL)
		require.NoError(t, err)
		old := h.Jar.Cookies(u)
		require.Len(t, old, 1)

		require.NoError(t, c.Logout(ctx))
		require.Empty(t, h.Jar.Cookies(u))
		_, err = c.Me(ctx)
		require.Equal(t, "unauthenticated", client.Code(err))
		h.Jar.SetCookies(u, old)
		_, err = c.Me(ctx)
		require.Equal(t, "unauthenticated", client.Code(err), "a stolen cookie ends with the session")
	})
}

func TestSessionCookieIsGuarded(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Environ = append(s.Environ, "PUBLIC_URL=https://crm.example.org") })
	w.SetUp()
	answer, err := http.Post(w.URL+"/api/v1/auth/login", "application/json", strings.NewReader(`{"email":"`+apptest.Mara+`","password":"`+apptest.Password+`"}`))
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	cookie := answer.Cookies()[0]
	require.Equal(t, "__Host-rapport_session", cookie.Name)
	require.Equal(t, "/", cookie.Path)
	require.Empty(t, cookie.Domain)
	for name, status := range map[string]int{"__Host-rapport_session": 200, "rapport_session": 401} { // others in the domain can set the second
		answer, _ := get(t, w.URL+"/api/v1/me", "Cookie", name+"="+cookie.Value)
		require.Equal(t, status, answer.StatusCode, name)
	}
	require.True(t, cookie.HttpOnly)
	require.True(t, cookie.Secure)
	require.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
	require.NotEmpty(t, answer.Header.Get("Strict-Transport-Security"))
}

func TestWrongPasswordAndUnknownPersonLookTheSame(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	w.SetUp()
	_, wrong := w.Nobody().SignIn(ctx, apptest.Mara, "not the password")
	_, unknown := w.Nobody().SignIn(ctx, "nobody@northwind-lamps.example", "not the password")
	var a, b *client.Problem
	require.ErrorAs(t, wrong, &a)
	require.ErrorAs(t, unknown, &b)
	a.RequestID, b.RequestID = "", ""
	require.Equal(t, a, b)
	require.Equal(t, "wrong_credentials", a.Code)
	require.Equal(t, http.StatusUnauthorized, a.Status)
}

// standing is a clock that stands still: what is counted by the minute does not
// depend on how quick the machine is.
func standing(s *apptest.Setup) {
	s.Now = func(*simulator.Simulator) func() time.Time {
		at := time.Now()
		return func() time.Time { return at }
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d, standing)
		w.SetUp()
		for range 50 {
			body := `{"email":"` + apptest.Mara + `","password":"guess"}`
			answer, err := http.Post(w.URL+"/api/v1/auth/token", "application/json", strings.NewReader(body))
			require.NoError(t, err)
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusTooManyRequests {
				seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
				require.NoError(t, err)
				require.Positive(t, seconds)
				_, err = w.Nobody().SignIn(ctx, apptest.Mara, apptest.Password)
				require.Equal(t, "rate_limited", client.Code(err), "the right password has to wait, too")
				return
			}
		}
		t.Fatal("fifty guesses were let through")
	})
}

// googleSignIn walks the sign-in at Google in a fresh browser and gives the
// path the browser ends at.
func googleSignIn(t *testing.T, w *apptest.World, account string) (string, *http.Client) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	h := &http.Client{Jar: jar}
	page := w.Follow(h, w.URL+"/api/v1/auth/google/login?return_to=/crm/inbox")
	return w.Follow(h, w.Answer(page, apptest.Consent{Account: account})), h
}

func TestGoogleSignInNeedsAnInvitation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		at, _ := googleSignIn(t, w, apptest.Jonas)
		require.Equal(t, "/login?error=not_invited", at, "nobody has invited Jonas")

		_, err := owner.Workspace(w.Home).AddMember(ctx, client.NewMember{Email: "Jonas@Northwind-Lamps.example"})
		require.NoError(t, err)
		at, h := googleSignIn(t, w, apptest.Jonas)
		require.Equal(t, "/crm/inbox", at)
		me, err := client.New(w.URL, client.WithHTTP(h)).Me(ctx)
		require.NoError(t, err)
		require.Equal(t, apptest.Jonas, me.User.Email)
		require.Equal(t, "member", me.Workspaces[0].Role)

		at, _ = googleSignIn(t, w, apptest.Jonas)
		require.Equal(t, "/crm/inbox", at, "the second time by sub")
	})
}

// An administrator accepts their own invitation of somebody, who signs in with
// Google later: from then on the account is that person's alone.
func TestGoogleSignInTakesAnAccountBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		made, err := owner.Workspace(w.Home).Invite(ctx, client.NewInvitation{Email: apptest.Jonas, Role: "admin"})
		require.NoError(t, err)
		_, err = w.Nobody().AcceptInvitation(ctx, last(made.URL), client.AcceptInvitation{Password: apptest.Password})
		require.NoError(t, err)
		theirs, _ := w.Browser(apptest.Jonas)
		bearer := w.SignIn(apptest.Jonas)
		key := w.Key(bearer, "*")

		at, h := googleSignIn(t, w, apptest.Jonas)
		require.Equal(t, "/crm/settings/account?next=%2Fcrm%2Finbox&password=cleared", at, "he is told")
		for _, c := range []*client.Client{theirs, bearer} {
			_, err = c.Me(ctx)
			require.Equal(t, http.StatusUnauthorized, statusOf(err))
		}
		_, err = key.Workspace(w.Home).Members(ctx, client.MemberQuery{})
		require.Equal(t, http.StatusUnauthorized, statusOf(err))
		_, err = w.Nobody().SignIn(ctx, apptest.Jonas, apptest.Password)
		require.Equal(t, "wrong_credentials", client.Code(err))

		jonas := client.New(w.URL, client.WithHTTP(h))
		me, err := jonas.Me(ctx)
		require.NoError(t, err)
		require.NoError(t, jonas.ChangePassword(ctx, client.PasswordChange{NewPassword: "a password of his own"}))
		_, err = w.Nobody().SignIn(ctx, apptest.Jonas, "a password of his own")
		require.NoError(t, err)
		at, _ = googleSignIn(t, w, apptest.Jonas)
		require.Equal(t, "/crm/inbox", at, "once")
		_, err = jonas.Me(ctx)
		require.NoError(t, err)

		require.NoError(t, jonas.Workspace(w.Home).RemoveMember(ctx, me.User.ID), "who came by somebody else's doing can leave")
	})
}

// A member goes by themselves; others they cannot take out, and a key never does.
func TestMembersLeave(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	jonas := w.AddMember(owner, apptest.Jonas, "member")
	mara, err := owner.Me(ctx)
	require.NoError(t, err)
	me, err := jonas.Me(ctx)
	require.NoError(t, err)
	require.Equal(t, "only_yourself", client.Code(jonas.Workspace(w.Home).RemoveMember(ctx, mara.User.ID)))
	require.Equal(t, "last_owner", client.Code(owner.Workspace(w.Home).RemoveMember(ctx, mara.User.ID)))
	require.NoError(t, jonas.Workspace(w.Home).RemoveMember(ctx, me.User.ID))
	_, err = jonas.Workspace(w.Home).Members(ctx, client.MemberQuery{})
	require.Contains(t, []int{401, 404}, statusOf(err))
}

func TestGoogleSignInByDomain(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Environ = append(s.Environ, "SIGN_IN_DOMAINS=northwind-lamps.example") })
	w.SetUp()
	at, _ := googleSignIn(t, w, apptest.Jonas)
	require.Equal(t, "/crm/inbox", at)
	at, _ = googleSignIn(t, w, apptest.Elena)
	require.Equal(t, "/login?error=mailbox_not_google", at, "no hd claim at all: the text of an address is no domain")
}

func TestGoogleSignInEndsInTheBrowserThatBeganIt(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Environ = append(s.Environ, "SIGN_IN_DOMAINS=northwind-lamps.example") })
	w.SetUp()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	callback := w.Answer(w.Follow(&http.Client{Jar: jar}, w.URL+"/api/v1/auth/google/login"), apptest.Consent{Account: apptest.Jonas})
	require.Equal(t, "/login?error=consent_expired", w.Follow(http.DefaultClient, callback), "a link cannot sign somebody else in")
}

func TestNobodyIsSentToAnotherOrigin(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Environ = append(s.Environ, "SIGN_IN_DOMAINS=northwind-lamps.example") })
	w.SetUp()
	for _, to := range []string{"https://evil.example/x", "//evil.example", `/\evil.example`, "javascript:alert(1)", "crm", "%2f/evil.example/ ", "/%2fevil.example/ "} {
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		h := &http.Client{Jar: jar}
		page := w.Follow(h, w.URL+"/api/v1/auth/google/login?return_to="+url.QueryEscape(to))
		require.Equal(t, "/crm", w.Follow(h, w.Answer(page, apptest.Consent{Account: apptest.Jonas})), to)
	}
}

// cookieOf gives the value of a cookie of a browser.
func cookieOf(t *testing.T, w *apptest.World, h *http.Client, name string) string {
	t.Helper()
	u, err := url.Parse(w.URL)
	require.NoError(t, err)
	for _, c := range h.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	require.FailNow(t, "no cookie "+name)
	return ""
}

func TestSigningInAtGoogleIsNotBegunWithoutEnd(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, standing)
	w.SetUp()
	for range 30 {
		answer, _ := get(t, w.URL+"/api/v1/auth/google/login")
		require.Equal(t, http.StatusFound, answer.StatusCode)
	}
	answer, text := get(t, w.URL+"/api/v1/auth/google/login")
	require.Equal(t, http.StatusTooManyRequests, answer.StatusCode)
	require.Equal(t, "rate_limited", problem(t, answer, text).Code)
	require.NotEmpty(t, answer.Header.Get("Retry-After"))
}

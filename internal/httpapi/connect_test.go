package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

const scopeBase = "https://www.googleapis.com/auth/"

func TestConnectAndImport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d, func(s *apptest.Setup) { s.Messages = 60 })
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		s := w.Imported(owner)
		require.True(t, s.IsConnected)
		require.Equal(t, "active", s.Status)
		require.Equal(t, apptest.Mara, s.GoogleEmail)
		require.Empty(t, s.MissingScopes)
		require.Equal(t, []string{"INBOX", "SENT"}, s.Settings.Labels)
		require.Equal(t, "approved", s.Approval)
		require.Len(t, s.Connections, 1)
		require.Positive(t, s.Counts.Messages)
		require.Zero(t, s.Counts.Failures)

		v, err := home.Verify(ctx, client.VerifyRequest{}, 30e9)
		require.NoError(t, err)
		require.Equal(t, "succeeded", v.State)
		require.NotNil(t, v.Completeness)
		require.Equal(t, "complete", v.Completeness.State)
		require.Equal(t, s.Counts.Messages, v.Completeness.GoogleCount)
		runs, err := home.Runs(ctx, "", "")
		require.NoError(t, err)
		streams := map[string]bool{}
		for _, r := range runs.Items {
			streams[r.Stream] = true
			require.Contains(t, []string{"succeeded", "running", "queued"}, r.State)
			require.Equal(t, r.State == "succeeded", r.FinishedAt != nil)
		}
		require.True(t, streams["gmail.backfill"] && streams["gmail.verify"])
	})
}

func TestUntickedBoxesLeaveTheConnectionDegraded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		outcome := w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara, Scopes: []string{scopeBase + "gmail.readonly"}})
		require.Equal(t, "degraded", outcome)
		s, err := owner.Workspace(w.Home).Status(ctx, "")
		require.NoError(t, err)
		require.Equal(t, "degraded", s.Status)
		require.True(t, s.IsConnected, "what was allowed works")
		var off []string
		for _, m := range s.MissingScopes {
			off = append(off, strings.TrimPrefix(m.Scope, scopeBase))
			require.NotEmpty(t, m.Feature)
			require.NotEmpty(t, m.Description)
		}
		require.ElementsMatch(t, []string{"gmail.modify", "gmail.send"}, off)
		require.Contains(t, s.ActionURL, s.ConnectionID)

		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{ConnectionID: s.ConnectionID}, apptest.Consent{Account: apptest.Mara}))
		s, err = owner.Workspace(w.Home).Status(ctx, "")
		require.NoError(t, err)
		require.Equal(t, "active", s.Status)
		require.Len(t, s.Connections, 1, "the same connection, not a second one")
	})
}

func TestConsentThatGoesWrongChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		require.Equal(t, "denied", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara, Deny: true}))
		s, err := home.Status(ctx, "")
		require.NoError(t, err)
		require.Equal(t, "none", s.Status)

		page, err := home.Connect(ctx, client.ConnectWish{Services: []string{"gmail"}})
		require.NoError(t, err)
		callback := w.Answer(page, apptest.Consent{Account: apptest.Mara})
		require.Equal(t, "/crm/settings/integrations?google=connected", w.Follow(http.DefaultClient, callback))
		require.Equal(t, "/crm/settings/integrations?google=expired", w.Follow(http.DefaultClient, callback), "a callback works once")
		require.Equal(t, "/crm/settings/integrations?google=expired", w.Follow(http.DefaultClient, w.URL+"/api/v1/integrations/google/callback?state=made-up&code=x"))

		s, err = home.Status(ctx, "")
		require.NoError(t, err)
		require.Equal(t, "wrong_account", w.Connect(owner, client.ConnectWish{ConnectionID: s.ConnectionID}, apptest.Consent{Account: apptest.Jonas}))
		after, err := home.Status(ctx, "")
		require.NoError(t, err)
		require.Equal(t, apptest.Mara, after.GoogleEmail)
		require.Equal(t, "active", after.Status)
	})
}

func TestAConsentBegunInABrowserEndsInItsSession(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	w.AddMember(owner, apptest.Jonas, "member")
	mara, maraBrowser := w.Browser(apptest.Mara)
	_, jonasBrowser := w.Browser(apptest.Jonas)
	page, err := mara.Workspace(w.Home).Connect(ctx, client.ConnectWish{Services: []string{"gmail"}, ReturnTo: "/crm/inbox?x=1"})
	require.NoError(t, err)
	callback := w.Answer(page, apptest.Consent{Account: apptest.Mara})
	require.Equal(t, "/crm/inbox?google=wrong_user&x=1", w.Follow(jonasBrowser, callback), "nobody links their mailbox to another's account")

	page, err = mara.Workspace(w.Home).Connect(ctx, client.ConnectWish{Services: []string{"gmail"}, ReturnTo: "/crm/inbox?x=1"})
	require.NoError(t, err)
	require.Equal(t, "/crm/inbox?google=connected&x=1", w.Follow(maraBrowser, w.Answer(page, apptest.Consent{Account: apptest.Mara})))
}

func TestRedirectSendsTheBrowserOn(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	w.SetUp()
	_, browser := w.Browser(apptest.Mara)
	to := w.Follow(browser, w.URL+"/api/v1/workspaces/"+w.Home+"/integrations/google/connect?services=gmail&redirect=1")
	u, err := url.Parse(to)
	require.NoError(t, err)
	require.Equal(t, "/o/oauth2/v2/auth", u.Path)
	q := u.Query()
	require.Equal(t, "S256", q.Get("code_challenge_method"))
	require.Equal(t, "offline", q.Get("access_type"))
	require.Equal(t, w.Config.PublicURL+"/api/v1/integrations/google/callback", q.Get("redirect_uri"), "one address for every workspace")
}

func TestPauseSettingsAndDisconnect(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		imported := w.Imported(owner).Counts.Messages

		s, err := home.UpdateSettings(ctx, client.SettingsPatch{Labels: []string{"*"}, Visibility: "subject"})
		require.NoError(t, err)
		require.Equal(t, []string{"*"}, s.Settings.Labels)
		require.Equal(t, "subject", s.Settings.Visibility)
		_, err = home.UpdateSettings(ctx, client.SettingsPatch{PollSeconds: ptr(1)})
		require.Equal(t, "validation_failed", client.Code(err))
		_, err = home.UpdateSettings(ctx, client.SettingsPatch{Labels: []string{"INBOX", "Label_nobody"}})
		var p *client.Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, "validation_failed", p.Code)
		require.Contains(t, p.Fields, "labels")
		for _, name := range []string{"two\nlines", "bell\a", " \t "} {
			_, err = home.CreateLabel(ctx, client.LabelName{Name: name})
			require.ErrorAs(t, err, &p, "%q", name)
			require.Equal(t, 422, p.Status)
			require.Contains(t, p.Fields, "name")
		}
		w.Until(owner, "more to be imported", func(s client.Status) bool { return s.Counts.Messages >= imported })

		s, err = home.UpdateSettings(ctx, client.SettingsPatch{Paused: ptr(true)})
		require.NoError(t, err)
		require.Equal(t, "paused", s.Status)
		_, err = home.Sync(ctx, client.SyncRequest{}, 0)
		require.Equal(t, "conflict", client.Code(err))
		s, err = home.UpdateSettings(ctx, client.SettingsPatch{Paused: ptr(false)})
		require.NoError(t, err)
		require.Equal(t, "active", s.Status)

		gone, err := home.Disconnect(ctx, client.DisconnectRequest{})
		require.NoError(t, err)
		require.True(t, gone.RevokedAtGoogle)
		s, err = home.Status(ctx, "")
		require.NoError(t, err)
		require.Equal(t, "disconnected", s.Status)
		require.False(t, s.IsConnected)
		kept, err := home.Emails(ctx, client.EmailQuery{})
		require.NoError(t, err)
		require.NotEmpty(t, kept.Items, "disconnecting keeps what was synced")

		gone, err = home.Disconnect(ctx, client.DisconnectRequest{DeleteData: true})
		require.NoError(t, err)
		require.Positive(t, gone.DeletedMessages)
		kept, err = home.Emails(ctx, client.EmailQuery{})
		require.NoError(t, err)
		require.Empty(t, kept.Items)

		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{ConnectionID: s.ConnectionID}, apptest.Consent{Account: apptest.Mara}))
		require.Positive(t, w.Imported(owner).Counts.Messages)
	})
}

func ptr[T any](v T) *T { return &v }

func TestTwoAccountsOfOneMember(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
	require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Elena}))
	s, err := owner.Workspace(w.Home).Status(ctx, "")
	require.NoError(t, err)
	require.Equal(t, apptest.Mara, s.GoogleEmail, "the default is the first one")
	require.Len(t, s.Connections, 2)
	s, err = owner.Workspace(w.Home).Status(ctx, s.Connections[1].ID)
	require.NoError(t, err)
	require.Equal(t, apptest.Elena, s.GoogleEmail)
}

func TestARevokedGrantAsksForAReconnect(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		before := w.Imported(owner)
		answer, err := http.Post(w.Sim.URL()+"/_sim/accounts/"+apptest.Mara+"/revoke", "application/json", nil)
		require.NoError(t, err)
		_ = answer.Body.Close()
		_, _ = home.Sync(ctx, client.SyncRequest{}, 0) // may be told so already
		s := w.Until(owner, "the loss to be noticed", func(s client.Status) bool { return s.Status == "needs_reauth" })
		require.NotEmpty(t, s.StatusReason)
		require.NotEmpty(t, s.NextStep)
		require.Contains(t, s.ActionURL, "/connect?")
		_, err = home.Sync(ctx, client.SyncRequest{}, 0)
		var p *client.Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, "google_reauthorization_required", p.Code)
		require.Equal(t, http.StatusConflict, p.Status)

		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{ConnectionID: s.ConnectionID}, apptest.Consent{Account: apptest.Mara}))
		run, err := home.Sync(ctx, client.SyncRequest{}, 30e9)
		require.NoError(t, err)
		require.Equal(t, "succeeded", run.State)
		after, err := home.Status(ctx, "")
		require.NoError(t, err)
		require.Equal(t, "active", after.Status)
		require.Equal(t, before.Counts, after.Counts, "nothing lost, nothing doubled")
	})
}

// TestAnOutageIsSaid: while Google refuses by its quota, the status says what is
// so and that it passes; afterwards it says nothing of it any more.
func TestAnOutageIsSaid(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		w.Imported(owner)
		fault := `{"api":"gmail","kind":"status","status":403,"reason":"rateLimitExceeded","message":"User-rate limit exceeded.","retry_after":2}`
		answer, err := http.Post(w.Sim.URL()+"/_sim/faults", "application/json", strings.NewReader(fault))
		require.NoError(t, err)
		_ = answer.Body.Close()
		_, err = home.Sync(ctx, client.SyncRequest{}, 0)
		require.NoError(t, err)
		held := func(s client.Status) bool {
			for _, x := range s.Streams {
				if x.Stream == "gmail.history" && x.State == "waiting" && x.Error != "" && x.NextStep != "" && x.NextRunAt != nil {
					return true
				}
			}
			return false
		}
		s := w.Until(owner, "the outage to be said", held)
		require.Equal(t, "active", s.Status, "an outage costs no connection")
		clear, err := http.NewRequest(http.MethodDelete, w.Sim.URL()+"/_sim/faults", nil)
		require.NoError(t, err)
		answer, err = http.DefaultClient.Do(clear)
		require.NoError(t, err)
		_ = answer.Body.Close()
		w.Until(owner, "it to be over", func(s client.Status) bool { return !held(s) })
	})
}

// TestAnOrganisationThatSaysNo: both ways in which Google tells it, and ours.
func TestAnOrganisationThatSaysNo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		_, err := home.DecideApproval(ctx, client.ApprovalPatch{AllowedDomains: &[]string{"northwind-lamps.example"}})
		require.NoError(t, err)
		require.Equal(t, "domain_not_allowed", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Elena}))
		for _, reason := range []string{"admin_policy_enforced", "org_internal"} {
			page, err := home.Connect(ctx, client.ConnectWish{Services: []string{"gmail"}, ReturnTo: "/crm/onboarding/connect"})
			require.NoError(t, err)
			u, err := url.Parse(page)
			require.NoError(t, err)
			callback := w.URL + "/api/v1/integrations/google/callback?error=" + reason + "&state=" + url.QueryEscape(u.Query().Get("state"))
			require.Equal(t, "/crm/onboarding/connect?google=waiting_for_admin&reason="+reason, w.Follow(http.DefaultClient, callback))
		}
		s, err := home.Status(ctx, "")
		require.NoError(t, err)
		require.Equal(t, "waiting_for_admin", s.Status)
		require.NotEmpty(t, s.StatusReason)
	})
}

func TestWithoutASessionOnlyTheMembersOwnAccountIsConnected(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		page, err := home.Connect(ctx, client.ConnectWish{Services: []string{"gmail"}})
		require.NoError(t, err)
		answer, text := get(t, w.Answer(page, apptest.Consent{Account: apptest.Jonas}))
		require.Equal(t, http.StatusConflict, answer.StatusCode, text)
		require.Equal(t, "text/html; charset=utf-8", answer.Header.Get("Content-Type"))
		require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
		for _, word := range []string{"That was another Google account", apptest.Jonas, apptest.Mara} {
			require.Contains(t, text, word)
		}
		s, err := home.Status(ctx, "")
		require.NoError(t, err)
		require.Equal(t, "none", s.Status)

		link, err := home.CreateConnectLinks(ctx, client.NewConnectLinks{People: []client.LinkPerson{{Email: apptest.Jonas}}, Services: []string{"gmail"}})
		require.NoError(t, err)
		h := fresh(t)
		begun, _ := look(t, w, h, "/api/v1/connect-links/"+last(link[0].URL)+"/start")
		done, _ := look(t, w, h, w.Answer(begun.Header.Get("Location"), apptest.Consent{Account: apptest.Mara}))
		require.Contains(t, done.Header.Get("Location"), "google=wrong_account", "a link brings its person's account only")
	})
}

func TestAConsentEndsWhereItsKindDoes(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	page, err := owner.Workspace(w.Home).Connect(ctx, client.ConnectWish{Services: []string{"gmail"}})
	require.NoError(t, err)
	callback := w.Answer(page, apptest.Consent{Account: apptest.Mara})
	u, err := url.Parse(callback)
	require.NoError(t, err)
	state := u.Query().Get("state")
	answer, _ := get(t, w.URL+"/api/v1/auth/google/callback?"+u.RawQuery, "Cookie", "rapport_state="+state)
	require.Equal(t, "/login?error=consent_expired", answer.Header.Get("Location"), "a connection is no sign-in")
	require.Empty(t, answer.Header.Values("Set-Cookie"))

	begun, _ := get(t, w.URL+"/api/v1/auth/google/login")
	u, err = url.Parse(w.Answer(begun.Header.Get("Location"), apptest.Consent{Account: apptest.Mara}))
	require.NoError(t, err)
	answer, _ = get(t, w.URL+"/api/v1/integrations/google/callback?"+u.RawQuery)
	require.Contains(t, answer.Header.Get("Location"), "google=expired", "a sign-in is no connection")
	s, err := owner.Workspace(w.Home).Status(ctx, "")
	require.NoError(t, err)
	require.Equal(t, "none", s.Status)
}

package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/org"
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
		open, err := home.Invitations(ctx, client.OpenQuery{})
		require.NoError(t, err)
		require.Len(t, open.Items, 1)
		require.NoError(t, home.RevokeInvitation(ctx, second.ID))
		_, err = w.Nobody().Invitation(ctx, last(second.URL))
		require.Equal(t, "invitation_not_found", client.Code(err))
	})
}

func TestNamesAreChanged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		me, err := owner.Rename(ctx, "Mara Berg")
		require.NoError(t, err)
		require.Equal(t, "Mara Berg", me.User.Name)
		list, err := owner.Workspace(w.Home).Members(ctx, client.MemberQuery{})
		require.NoError(t, err)
		require.Equal(t, "Mara Berg", list.Items[0].Name)
		_, err = owner.Rename(ctx, "")
		require.Equal(t, "validation_failed", client.Code(err))
	})
}

func TestGuessingTokensIsSlow(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, standing)
	owner := w.SetUp()
	good, err := owner.Workspace(w.Home).Invite(ctx, client.NewInvitation{Email: nadia})
	require.NoError(t, err)
	for range 20 {
		_, err = w.Nobody().Invitation(ctx, last(good.URL))
		require.NoError(t, err, "right ones are not counted")
	}
	for i := 0; client.Code(err) != "rate_limited"; i++ {
		require.Less(t, i, 50)
		_, err = w.Nobody().Invitation(ctx, "made-up")
		require.Error(t, err)
	}
	_, err = w.Nobody().Invitation(ctx, last(good.URL))
	require.NoError(t, err, "a right one never waits")
	_, err = w.Nobody().Invitation(ctx, "made-up")
	require.Equal(t, "rate_limited", client.Code(err), "and a wrong one still does")
	_, err = w.Nobody().ConnectLink(ctx, "made-up")
	require.Equal(t, "link_not_found", client.Code(err), "each kind is counted by itself")
	for range 6 {
		_, err = w.Nobody().ConnectLink(ctx, "made-up")
	}
	require.Equal(t, "rate_limited", client.Code(err))
	p, _ := plugin(t, w, owner, "tokens:vend:gmail")
	link, err := p.AuthorizeLink(ctx, client.AuthorizeLinkWish{UserID: "u1", Service: "gmail"})
	require.NoError(t, err)
	wrong := strings.Replace(at(w, link.URL), "userId=u1", "userId=u2", 1)
	require.NotEqual(t, at(w, link.URL), wrong)
	for i, status := 0, 0; status != http.StatusTooManyRequests; i++ {
		require.Less(t, i, 50)
		answer, _ := get(t, wrong)
		status = answer.StatusCode
	}
	answer, text := get(t, at(w, link.URL))
	require.Equal(t, http.StatusFound, answer.StatusCode, text)
	for i := range 20 { // somebody goes on for hours
		wait, err := w.App.Store.Attempt(ctx, time.Now().Add(time.Duration(i-20)*2*time.Minute), org.GuessKey+"connect-link:192.0.2.1")
		require.NoError(t, err)
		require.Zero(t, wait, "after two minutes the wait is over")
	}
	now := time.Now()
	_, err = w.App.Store.Attempt(ctx, now, org.GuessKey+"connect-link:192.0.2.1")
	require.NoError(t, err)
	wait, err := w.App.Store.Attempt(ctx, now, org.GuessKey+"connect-link:192.0.2.1")
	require.NoError(t, err)
	require.Equal(t, time.Minute, wait.Round(time.Second))
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

		deal, err := home.CreateRecord(ctx, client.RecordInput{Type: "deal", Name: "Lobby", OwnerID: me.User.ID})
		require.NoError(t, err)
		for _, nobody := range []string{"somebody", me.User.ID} {
			err = home.ReplaceMember(ctx, me.User.ID, nobody)
			require.Equal(t, http.StatusUnprocessableEntity, statusOf(err), "%s is no successor: %v", nobody, err)
		}
		require.NoError(t, home.ReplaceMember(ctx, me.User.ID, mara.User.ID))
		require.Eventually(t, func() bool {
			r, err := home.Record(ctx, deal.ID)
			return err == nil && r.Owner != nil && r.Owner.ID == mara.User.ID
		}, 20*time.Second, 20*time.Millisecond, "the successor has it")
		_, err = client.New(w.URL, client.WithToken(key.Key)).Workspace(w.Home).Members(ctx, client.MemberQuery{})
		require.Equal(t, http.StatusUnauthorized, statusOf(err), "their keys end")
		_, err = jonas.Workspace(w.Home).Members(ctx, client.MemberQuery{})
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
		here, browser := w.Browser(apptest.Mara)
		there, _ := w.Browser(apptest.Mara)
		list, err := here.Sessions(ctx, client.Page{})
		require.NoError(t, err)
		require.Len(t, list.Items, 3, "with the one that set up")
		current := 0
		for _, s := range list.Items {
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
		u, err := url.Parse(w.URL)
		require.NoError(t, err)
		require.Empty(t, browser.Jar.Cookies(u), "the browser forgets")
		_, err = here.Me(ctx)
		require.Error(t, err)
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

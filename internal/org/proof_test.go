package org_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
)

// hosted is a Google account whose mailbox Google runs.
func hosted(sub, email string) org.GoogleIdentity {
	return org.GoogleIdentity{Sub: sub, Email: email, HostedDomain: "x.example", EmailVerified: true}
}

// held is everything that somebody who knows a password can take with it.
type held struct {
	shown []org.Presented
	lease crm.LeaseID
}

// take signs in with a password and takes everything there is.
func (r *room) take(t *testing.T, email string, pw crm.Secret) held {
	t.Helper()
	ctx := context.Background()
	u, err := r.SignIn(ctx, email, pw, "203.0.113.66")
	require.NoError(t, err)
	session, c := r.browser(t, u, "theirs")
	bearer, _, err := r.IssueToken(u)
	require.NoError(t, err)
	c, err = r.Enter(ctx, c, r.w)
	require.NoError(t, err)
	_, key, err := r.CreateAPIKey(ctx, c, org.KeyWish{Name: "k", Scopes: []string{"tokens:vend:gmail"}})
	require.NoError(t, err)
	out := held{[]org.Presented{session, {Bearer: bearer}, {Bearer: key}}, r.lease(t, u.ID, "")}
	for i, p := range out.shown {
		require.True(t, r.signedIn(p), i)
	}
	return out
}

func (r *room) lease(t *testing.T, u crm.UserID, k crm.KeyID) crm.LeaseID {
	t.Helper()
	id, err := crm.NewID(r.clock.Now(), r.Random)
	require.NoError(t, err)
	now := r.clock.Now()
	require.NoError(t, r.store.PutLease(context.Background(), vault.Lease{ID: crm.LeaseID(id), WorkspaceID: r.w, UserID: u, KeyID: k, Subject: string(u), Service: crm.ServiceGmail,
		Methods: []string{"GET"}, Paths: []string{"/gmail/*"}, PerMinute: 1, MaxCalls: 1, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}, id))
	return crm.LeaseID(id)
}

func (r *room) cut(t *testing.T, id crm.LeaseID) bool {
	t.Helper()
	list, _, err := r.store.LeasesOf(context.Background(), r.w, "", "", 100)
	require.NoError(t, err)
	for _, l := range list {
		if l.ID == id {
			return l.CutAt != nil
		}
	}
	t.Fatal("no such lease")
	return false
}

// Whoever invites somebody knows the link, and whoever adds them chooses their
// password: until Google has shown who they are, others may be them.
func TestGooglesProofEndsWhatOthersHold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		accepted := r.invite(t, "priya@x.example", crm.RoleAdmin)
		_, err := r.AcceptInvitation(ctx, access.Caller{Remote: "203.0.113.66"}, accepted, "Priya", chosen)
		require.NoError(t, err)
		_, err = r.AddMember(ctx, r.caller(t), org.NewMember{Email: "asa@x.example", Role: crm.RoleAdmin, Password: chosen})
		require.NoError(t, err)
		for _, email := range []string{"priya@x.example", "asa@x.example"} {
			theirs := r.take(t, email, chosen)
			// They may change the password they know: that proves nothing.
			other := crm.NewSecret("another password of theirs")
			c, err := r.Authenticate(ctx, theirs.shown[0])
			require.NoError(t, err)
			require.NoError(t, r.ChangePassword(ctx, c, chosen, other))
			theirs = r.take(t, email, other)
			before, err := r.SignIn(ctx, email, other, "203.0.113.67")
			require.NoError(t, err)

			u, err := r.SignInWithGoogle(ctx, hosted("sub "+email, email), "198.51.100.7")
			require.NoError(t, err)
			require.True(t, u.Cleared, "they hear of it")
			for i, p := range theirs.shown {
				require.False(t, r.signedIn(p), "%s: %d", email, i)
			}
			require.True(t, r.cut(t, theirs.lease))
			_, err = r.SignIn(ctx, email, other, "203.0.113.68")
			require.True(t, fault.Is(err, fault.Unauthenticated))
			_, _, err = r.OpenSession(ctx, before, "203.0.113.67", "a sign-in that was under way")
			require.True(t, fault.Is(err, fault.Unauthenticated))
			require.True(t, fault.Is(r.store.SetPassword(ctx, before, chosen, ""), fault.Conflict), "a change that was under way")
			mine, _ := r.browser(t, u.User, "her own")
			require.True(t, r.signedIn(mine))

			again, err := r.SignInWithGoogle(ctx, hosted("sub "+email, email), "")
			require.NoError(t, err)
			require.False(t, again.Cleared)
			require.True(t, r.signedIn(mine), "once is enough")
		}
		rows, _, err := r.AuditLog(ctx, r.caller(t), org.AuditQuery{Action: "password.clear"})
		require.NoError(t, err)
		require.Len(t, rows, 2)
	})
}

func TestAPasswordOfOnesOwnStays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		require.NoError(t, r.store.SaveWorkspace(ctx, crm.Workspace{ID: "abroad", Name: "Harbour Tea"}))
		_, err := r.AddMember(ctx, access.System(r.w), org.NewMember{Email: "ben@x.example", Role: crm.RoleAdmin, Password: crm.NewSecret(password)})
		require.NoError(t, err)
		for _, email := range []string{r.owner.Email, "ben@x.example"} { // set up; made at the command line
			own := r.take(t, email, crm.NewSecret(password))
			u, err := r.SignInWithGoogle(ctx, hosted("sub "+email, email), "")
			require.NoError(t, err)
			require.False(t, u.Cleared)
			for i, p := range own.shown {
				require.True(t, r.signedIn(p), "%s: %d", email, i)
			}
			require.False(t, r.cut(t, own.lease))
			_, err = r.SignIn(ctx, email, crm.NewSecret(password), "")
			require.NoError(t, err)
		}
	})
}

func TestWhoHasNoPasswordChoosesOneAfterGoogle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		_, err := r.AcceptInvitation(ctx, access.Caller{}, r.invite(t, "priya@x.example", crm.RoleMember), "Priya", chosen)
		require.NoError(t, err)
		u, err := r.SignInWithGoogle(ctx, hosted("priya", "priya@x.example"), "")
		require.NoError(t, err)
		_, fresh := r.browser(t, u.User, "fresh")
		old, stale := r.browser(t, u.User, "left open")
		own := crm.NewSecret("a password of her own")

		r.clock.Move(16 * time.Minute)
		require.Equal(t, "no_password", codeOf(t, r.ChangePassword(ctx, stale, crm.Secret{}, own)), "a session that was left open gives nobody a password")
		bearer := fresh
		bearer.Via, bearer.Session = access.ViaToken, ""
		require.Equal(t, "no_password", codeOf(t, r.ChangePassword(ctx, bearer, crm.Secret{}, own)))
		u, err = r.SignInWithGoogle(ctx, hosted("priya", "priya@x.example"), "")
		require.NoError(t, err)
		_, fresh = r.browser(t, u.User, "fresh")
		require.Contains(t, fieldsOf(t, r.ChangePassword(ctx, fresh, crm.Secret{}, crm.NewSecret("short"))), "new_password")
		require.NoError(t, r.ChangePassword(ctx, fresh, crm.Secret{}, own))
		require.False(t, r.signedIn(old))
		_, err = r.SignIn(ctx, "priya@x.example", own, "")
		require.NoError(t, err)
		user, err := r.User(ctx, u.ID)
		require.NoError(t, err)
		require.True(t, user.PasswordOwn)
	})
}

func TestLeasesEndWithTheSignInTheyWereTakenBy(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		other := r.person(t, "other@x.example", crm.RoleAdmin)
		_, here := r.browser(t, r.owner, "here")
		for name, act := range map[string]func() error{
			"a new password":       func() error { return r.ChangePassword(ctx, here, crm.NewSecret(password), chosen) },
			"everywhere":           func() error { return r.SignOutEverywhere(ctx, here, true) },
			"an event of Google's": func() error { return r.EndSessionsOf(ctx, []crm.UserID{r.owner.ID}) },
		} {
			mine, byKey, others := r.lease(t, r.owner.ID, ""), r.lease(t, r.owner.ID, "key"), r.lease(t, other.UserID, "")
			require.NoError(t, act(), name)
			require.True(t, r.cut(t, mine), name)
			require.False(t, r.cut(t, byKey), name)
			require.False(t, r.cut(t, others), name)
			u, err := r.User(ctx, r.owner.ID)
			require.NoError(t, err)
			_, here = r.browser(t, u, "here")
		}
	})
}

// Administrators of one workspace must not reach people of another by naming
// their address.
func TestNobodyJoinsAnotherWorkspaceUnasked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		r.Offered = vault.Services
		require.NoError(t, r.store.SaveWorkspace(ctx, crm.Workspace{ID: "abroad", Name: "Aaa", Approval: crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileFull}}))
		_, err := r.AddMember(ctx, access.System("abroad"), org.NewMember{Email: "mallory@x.example", Role: crm.RoleOwner, Password: chosen})
		require.NoError(t, err)
		mallory, err := r.store.UserByEmail(ctx, "mallory@x.example")
		require.NoError(t, err)
		theirs, err := r.Enter(ctx, access.Caller{Via: access.ViaSession, UserID: mallory.ID}, "abroad")
		require.NoError(t, err)

		jonas := r.person(t, "jonas@x.example", crm.RoleMember)
		_, err = r.AddMember(ctx, theirs, org.NewMember{Email: "Jonas@x.example"})
		require.Equal(t, "account_exists", codeOf(t, err))
		_, err = r.CreateConnectLinks(ctx, theirs, []org.LinkWish{{Email: "new@x.example"}, {Email: "jonas@x.example"}}, nil)
		require.Equal(t, "account_exists", codeOf(t, err))
		list, _, err := r.Members(ctx, theirs, org.MemberQuery{})
		require.NoError(t, err)
		require.Len(t, list, 1, "nobody came in, the new one of the list neither")

		google, err := r.SignInWithGoogle(ctx, hosted("jonas", "jonas@x.example"), "")
		require.NoError(t, err)
		_, token, err := r.InviteByLink(ctx, theirs, org.InvitationWish{Email: "jonas@x.example"})
		require.NoError(t, err)
		google, err = r.SignInWithGoogle(ctx, hosted("jonas", "jonas@x.example"), "")
		require.NoError(t, err)
		_, here := r.browser(t, google.User, "")
		home, err := r.EnterHome(ctx, here, "")
		require.NoError(t, err)
		require.Equal(t, r.w, home.Workspace, "an invitation alone changes nothing")

		_, err = r.AcceptInvitation(ctx, here, token, "", crm.Secret{})
		require.NoError(t, err)
		_, err = r.EnterHome(ctx, here, "")
		require.Equal(t, "workspace_needed", codeOf(t, err), "no name decides")
		for _, w := range []crm.WorkspaceID{r.w, "abroad"} {
			c, err := r.EnterHome(ctx, here, w)
			require.NoError(t, err)
			require.Equal(t, w, c.Workspace)
		}
		abroad := here
		abroad.Workspace = "abroad"
		require.NoError(t, r.RemoveMember(ctx, abroad, jonas.UserID), "they leave by themselves")
		require.Equal(t, crm.RoleMember, r.roles(t)[jonas.UserID])

		// Who was only ever named, and never came, can be added.
		gone := r.person(t, "gone@x.example", crm.RoleMember)
		require.NoError(t, r.RemoveMember(ctx, r.caller(t), gone.UserID))
		_, err = r.AddMember(ctx, theirs, org.NewMember{Email: "gone@x.example"})
		require.NoError(t, err)
	})
}

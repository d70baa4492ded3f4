package org_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
)

// browser signs somebody in and gives how their requests come.
func (r *room) browser(t *testing.T, u crm.User, agent string) (org.Presented, access.Caller) {
	t.Helper()
	token, _, err := r.OpenSession(context.Background(), u, "198.51.100.7", agent)
	require.NoError(t, err)
	p := org.Presented{Session: token, Remote: "198.51.100.7"}
	c, err := r.Authenticate(context.Background(), p)
	require.NoError(t, err)
	return p, c
}

func (r *room) signedIn(p org.Presented) bool {
	_, err := r.Authenticate(context.Background(), p)
	return err == nil
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		laptop, here := r.browser(t, r.owner, "laptop")
		r.clock.Move(time.Minute)
		phone, _ := r.browser(t, r.owner, "phone")
		other := r.person(t, "other@x.example", crm.RoleMember)
		theirs, _ := r.browser(t, crm.User{ID: other.UserID}, "theirs")

		list, _, err := r.Sessions(ctx, here, org.Page{})
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, "phone", list[0].UserAgent, "the last seen first")
		require.False(t, list[0].Current)
		require.True(t, list[1].Current)
		require.Equal(t, here.Session, list[1].ID)
		require.NotContains(t, list[0].TokenHash, string(list[0].ID), "the id tells nothing of the token")

		require.True(t, fault.Is(r.EndSession(ctx, other, list[0].ID), fault.NotFound), "somebody else's")
		require.NoError(t, r.EndSession(ctx, here, list[0].ID))
		require.False(t, r.signedIn(phone))
		require.True(t, r.signedIn(laptop))
		require.True(t, fault.Is(r.EndSession(ctx, here, list[0].ID), fault.NotFound))

		key := here
		key.Via = access.ViaKey
		_, _, err = r.Sessions(ctx, key, org.Page{})
		require.True(t, fault.Is(err, fault.Forbidden), "a key does not touch how its maker signs in")
		require.True(t, fault.Is(r.SignOutEverywhere(ctx, key, false), fault.Forbidden))
		require.True(t, fault.Is(r.ChangePassword(ctx, key, crm.NewSecret(password), chosen), fault.Forbidden))
		_, _, err = r.Sessions(ctx, access.Caller{}, org.Page{})
		require.True(t, fault.Is(err, fault.Unauthenticated))
		require.True(t, r.signedIn(theirs))
	})
}

func TestSignOutEverywhere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		laptop, here := r.browser(t, r.owner, "laptop")
		phone, _ := r.browser(t, r.owner, "phone")
		bearer := func() org.Presented {
			u, err := r.User(ctx, r.owner.ID)
			require.NoError(t, err)
			token, _, err := r.IssueToken(u)
			require.NoError(t, err)
			return org.Presented{Bearer: token}
		}
		before := bearer()
		require.True(t, r.signedIn(before))
		elsewhere := &org.Service{Store: r.store, Trail: r.store, Now: r.Now, SigningKeys: r.SigningKeys} // another process
		_, err := elsewhere.Authenticate(ctx, before)
		require.NoError(t, err)

		require.NoError(t, r.SignOutEverywhere(ctx, here, true))
		require.True(t, r.signedIn(laptop), "the one that asked stays")
		require.False(t, r.signedIn(phone))
		require.False(t, r.signedIn(before), "bearer tokens end")
		after := bearer()
		require.True(t, r.signedIn(after), "one made in the same second is good")
		r.clock.Move(time.Second)
		_, err = elsewhere.Authenticate(ctx, before)
		require.True(t, fault.Is(err, fault.Unauthenticated), "elsewhere within a second")

		require.NoError(t, r.SignOutEverywhere(ctx, here, false))
		require.False(t, r.signedIn(laptop))
		require.False(t, r.signedIn(after))
		again := bearer()
		require.NoError(t, r.SignOutEverywhere(ctx, access.Caller{Via: access.ViaToken, UserID: r.owner.ID}, true))
		require.False(t, r.signedIn(again), "though the clock stands still")
		stale, _, err := r.IssueToken(r.owner)
		require.NoError(t, err)
		require.False(t, r.signedIn(org.Presented{Bearer: stale}), "a token for how things were before")
	})
}

func TestSecurityEventsEndSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		other := r.person(t, "other@x.example", crm.RoleMember)
		_, err := r.store.LinkGoogle(ctx, other.UserID, "sub-other", r.clock.Now())
		require.NoError(t, err)
		mine, _ := r.browser(t, r.owner, "")
		theirs, _ := r.browser(t, crm.User{ID: other.UserID}, "")
		require.NoError(t, r.EndSessionsOf(ctx, nil))
		require.NoError(t, r.EndSessionsOfAccount(ctx, "nobody's"))
		require.True(t, r.signedIn(theirs))
		require.NoError(t, r.EndSessionsOfAccount(ctx, "sub-other"))
		require.False(t, r.signedIn(theirs))
		require.True(t, r.signedIn(mine))
		require.NoError(t, r.EndSessionsOf(ctx, []crm.UserID{r.owner.ID, other.UserID}))
		require.False(t, r.signedIn(mine))
	})
}

func TestPasswordsAreChanged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		laptop, here := r.browser(t, r.owner, "laptop")
		phone, _ := r.browser(t, r.owner, "phone")
		for _, bad := range []struct{ old, new, field string }{
			{password, "short", "new_password"}, {password, password, "new_password"}, {"wrong password", chosen.Reveal(), "old_password"},
		} {
			err := r.ChangePassword(ctx, here, crm.NewSecret(bad.old), crm.NewSecret(bad.new))
			require.True(t, fault.Is(err, fault.Invalid))
			require.Contains(t, fieldsOf(t, err), bad.field)
		}
		require.True(t, r.signedIn(phone))
		require.NoError(t, r.ChangePassword(ctx, here, crm.NewSecret(password), chosen))
		require.True(t, r.signedIn(laptop))
		require.False(t, r.signedIn(phone))
		_, err := r.SignIn(ctx, r.owner.Email, crm.NewSecret(password), "")
		require.True(t, fault.Is(err, fault.Unauthenticated))
		_, err = r.SignIn(ctx, r.owner.Email, chosen, "")
		require.NoError(t, err)

		google := r.person(t, "google@x.example", crm.RoleMember)
		require.Equal(t, "no_password", codeOf(t, r.ChangePassword(ctx, google, crm.Secret{}, chosen)), "a stolen session gives nobody a password")
	})
}

func TestPeopleChangeTheirName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		_, here := r.browser(t, r.owner, "laptop")
		for _, bad := range []string{"", " \u202e\n", strings.Repeat("x", 201)} {
			require.Contains(t, fieldsOf(t, r.Rename(ctx, here, bad)), "name")
		}
		require.NoError(t, r.Rename(ctx, here, " Mara\u202e Berg\n"))
		u, err := r.User(ctx, r.owner.ID)
		require.NoError(t, err)
		require.Equal(t, "Mara Berg", u.Name)
		m, err := r.Member(ctx, r.caller(t), r.owner.ID)
		require.NoError(t, err)
		require.Equal(t, "Mara Berg", m.Name, "so do colleagues see them")
		rows, _, err := r.AuditLog(ctx, r.caller(t), org.AuditQuery{Action: "name.change"})
		require.NoError(t, err)
		require.Len(t, rows, 1)
		key := here
		key.Via = access.ViaKey
		require.True(t, fault.Is(r.Rename(ctx, key, "Somebody else"), fault.Forbidden), "a key is nobody's name")
	})
}

func TestPasswordsAreReset(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		laptop, _ := r.browser(t, r.owner, "laptop")
		member := r.person(t, "member@x.example", crm.RoleMember)
		theirs, _ := r.browser(t, crm.User{ID: member.UserID}, "theirs")
		var err error
		for i := 0; !fault.Is(err, fault.Throttled); i++ {
			require.Less(t, i, 20)
			_, err = r.SignIn(ctx, r.owner.Email, crm.NewSecret("guess of a password"), fmt.Sprint("203.0.113.", i))
			require.Error(t, err)
		}
		_, err = r.ResetPassword(ctx, "nobody@x.example", chosen)
		require.True(t, fault.Is(err, fault.NotFound))
		_, err = r.ResetPassword(ctx, r.owner.Email, crm.NewSecret("short"))
		require.Contains(t, fieldsOf(t, err), "password")
		require.True(t, r.signedIn(laptop), "nothing came of it")

		u, err := r.ResetPassword(ctx, " "+strings.ToUpper(r.owner.Email), chosen)
		require.NoError(t, err)
		require.Equal(t, r.owner.ID, u.ID)
		require.False(t, r.signedIn(laptop))
		require.True(t, r.signedIn(theirs))
		_, err = r.SignIn(ctx, r.owner.Email, chosen, "203.0.113.99")
		require.NoError(t, err, "and nobody has to wait for the wrong tries of before")
		_, err = r.SignIn(ctx, r.owner.Email, crm.NewSecret(password), "203.0.113.98")
		require.True(t, fault.Is(err, fault.Unauthenticated), "the old one is worthless")
		rows, _, err := r.AuditLog(ctx, r.caller(t), org.AuditQuery{Action: "password.reset"})
		require.NoError(t, err)
		require.Len(t, rows, 1)
		require.Equal(t, access.ViaSystem, rows[0].Via)
		require.Equal(t, string(r.owner.ID), rows[0].Target)

		_, err = r.ResetPassword(ctx, "member@x.example", chosen)
		require.NoError(t, err, "who signed in with Google alone has one now")
		_, err = r.SignIn(ctx, "member@x.example", chosen, "203.0.113.97")
		require.NoError(t, err)
	})
}

func TestGuessingTheOldPasswordIsLimited(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		_, here := r.browser(t, r.owner, "")
		var err error
		for i := 0; !fault.Is(err, fault.Throttled); i++ {
			require.Less(t, i, 20)
			err = r.ChangePassword(ctx, here, crm.NewSecret("guess of a password"), chosen)
			require.Error(t, err)
		}
		_, err = r.SignIn(ctx, r.owner.Email, crm.NewSecret(password), "203.0.113.5")
		require.True(t, fault.Is(err, fault.Throttled), "they count together with those of signing in")
		r.clock.Move(time.Hour)
		require.NoError(t, r.ChangePassword(ctx, here, crm.NewSecret(password), chosen))
		rows, _, err := r.AuditLog(ctx, r.caller(t), org.AuditQuery{Action: "password.change"})
		require.NoError(t, err)
		require.Equal(t, "ok", rows[0].Outcome)
		require.Equal(t, "denied", rows[1].Outcome)
		require.Equal(t, "Mara Lindqvist", rows[0].UserName)
		rows, _, err = r.AuditLog(ctx, r.caller(t), org.AuditQuery{Action: "login.failed", UserID: r.owner.ID})
		require.NoError(t, err)
		require.Empty(t, rows, "who waits was not looked at")
		_, err = r.SignIn(ctx, r.owner.Email, crm.NewSecret("guess of a password"), "203.0.113.5")
		require.Error(t, err)
		rows, _, err = r.AuditLog(ctx, r.caller(t), org.AuditQuery{Action: "login"})
		require.NoError(t, err)
		require.Equal(t, "login.failed", rows[0].Action, "administrators see how their people sign in")
		require.Equal(t, "203.0.113.5", rows[0].Remote)
		_, err = r.SignIn(ctx, "nobody@x.example", crm.NewSecret("guess of a password"), "203.0.113.6")
		require.Error(t, err)
		require.Equal(t, "denied: nobody has this address", r.said(t, "login.failed")[0])
	})
}

// Of IPv6 everybody has a whole network: its addresses count as one.
func TestANetworkGuessesAsOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		var err error
		for i := 0; !fault.Is(err, fault.Throttled); i++ {
			require.Less(t, i, 60)
			_, err = r.SignIn(ctx, fmt.Sprintf("person%d@x.example", i), chosen, fmt.Sprintf("2001:db8::%x", i+1))
			require.Error(t, err)
		}
		_, err = r.SignIn(ctx, r.owner.Email, crm.NewSecret(password), "2001:db8:0:1::1")
		require.NoError(t, err, "others go on")
	})
}

func TestNamesCannotLookLikeOthers(t *testing.T) {
	r, ctx := open(t, storetest.SQLite), context.Background()
	m, err := r.AddMember(ctx, r.caller(t), org.NewMember{Email: "a@x.example", Name: " Mara\tLindqvist\n\u202e[owner]\x07\u2066 \u0085x"})
	require.NoError(t, err)
	require.Equal(t, "Mara Lindqvist [owner] x", m.Name)
}

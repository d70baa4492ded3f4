package org_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
)

func (r *room) invite(t *testing.T, email string, role crm.Role) crm.Secret {
	t.Helper()
	_, token, err := r.InviteByLink(context.Background(), r.caller(t), org.InvitationWish{Email: email, Role: role})
	require.NoError(t, err)
	return token
}

var chosen = crm.NewSecret("a password of theirs")

func TestInvitationsByLink(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner := r.caller(t)
		in, token, err := r.InviteByLink(ctx, owner, org.InvitationWish{Email: " Elena@X.example ", Name: "Elena Voss", Role: crm.RoleAdmin})
		require.NoError(t, err)
		require.Len(t, token.Reveal(), 43, "256 bits")
		require.Equal(t, r.clock.Now().Add(7*24*time.Hour), in.ExpiresAt)
		seen, err := r.InvitationByToken(ctx, token)
		require.NoError(t, err)
		want := in
		want.InviterName = "Mara Lindqvist"
		require.Equal(t, want, seen)
		require.Equal(t, "Northwind Lamps", seen.WorkspaceName)
		require.Equal(t, "elena@x.example", seen.Email)

		_, err = r.AcceptInvitation(ctx, access.Caller{}, token, "", crm.NewSecret("short"))
		require.True(t, fault.Is(err, fault.Invalid))
		_, err = r.AcceptInvitation(ctx, access.Caller{}, token, "", crm.Secret{})
		require.True(t, fault.Is(err, fault.Invalid), "who has no account chooses a password")
		user, err := r.AcceptInvitation(ctx, access.Caller{Remote: "198.51.100.4"}, token, " Elena V. ", chosen)
		require.NoError(t, err)
		require.Equal(t, "Elena V.", user.Name)
		require.Equal(t, crm.RoleAdmin, r.roles(t)[user.ID])
		signedIn, err := r.SignIn(ctx, "elena@x.example", chosen, "")
		require.NoError(t, err)
		require.Equal(t, user.ID, signedIn.ID)
		require.Equal(t, []string{"ok: joined as admin by its link"}, r.said(t, "invitation.accept"))

		_, err = r.AcceptInvitation(ctx, access.Caller{}, token, "", chosen)
		require.Equal(t, "invitation_not_found", codeOf(t, err), "used once")
		_, err = r.InvitationByToken(ctx, token)
		require.True(t, fault.Is(err, fault.NotFound))
		_, err = r.InvitationByToken(ctx, crm.NewSecret("guess"))
		require.True(t, fault.Is(err, fault.NotFound))
		_, _, err = r.InviteByLink(ctx, owner, org.InvitationWish{Email: "elena@x.example"})
		require.Equal(t, "member_exists", codeOf(t, err))
	})
}

func TestWhoMayInvite(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		admin, member := r.person(t, "admin@x.example", crm.RoleAdmin), r.person(t, "member@x.example", crm.RoleMember)
		_, _, err := r.InviteByLink(ctx, member, org.InvitationWish{Email: "a@x.example"})
		require.True(t, fault.Is(err, fault.Forbidden))
		_, _, err = r.InviteByLink(ctx, admin, org.InvitationWish{Email: "a@x.example", Role: crm.RoleOwner})
		require.True(t, fault.Is(err, fault.Forbidden), "only owners make owners")
		for _, bad := range []org.InvitationWish{{}, {Email: "x"}, {Email: "A <a@x.example>"}, {Email: "a@x.example", Role: "god"}} {
			_, _, err = r.InviteByLink(ctx, admin, bad)
			require.True(t, fault.Is(err, fault.Invalid), "%+v", bad)
		}
		_, _, err = r.Invitations(ctx, member, false, org.Page{})
		require.True(t, fault.Is(err, fault.Forbidden))
		require.True(t, fault.Is(r.RevokeInvitation(ctx, member, "x"), fault.Forbidden))
	})
}

func TestInvitationsEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner := r.caller(t)
		gone := func(token crm.Secret) {
			t.Helper()
			_, err := r.AcceptInvitation(ctx, access.Caller{}, token, "", chosen)
			require.Equal(t, "invitation_not_found", codeOf(t, err))
		}
		first := r.invite(t, "a@x.example", crm.RoleMember)
		second := r.invite(t, "a@x.example", crm.RoleAdmin)
		gone(first)
		list, _, err := r.Invitations(ctx, owner, false, org.Page{})
		require.NoError(t, err)
		require.Len(t, list, 1, "the newer one replaces the earlier one")
		require.NoError(t, r.RevokeInvitation(ctx, owner, list[0].ID))
		gone(second)
		require.True(t, fault.Is(r.RevokeInvitation(ctx, owner, list[0].ID), fault.NotFound))
		third := r.invite(t, "a@x.example", crm.RoleMember)
		r.clock.Move(7 * 24 * time.Hour)
		gone(third)
		list, _, err = r.Invitations(ctx, owner, false, org.Page{})
		require.NoError(t, err)
		require.Len(t, list, 1, "expired ones are shown")
		abroad := owner
		abroad.Workspace = "abroad"
		require.True(t, fault.Is(r.RevokeInvitation(ctx, abroad, list[0].ID), fault.NotFound), "another workspace's")
	})
}

// A link must never open an account that is there: whoever invites somebody holds
// the link, too.
func TestALinkOpensNoAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		require.NoError(t, r.store.SaveWorkspace(ctx, crm.Workspace{ID: "abroad", Name: "Harbour Tea"}))
		_, err := r.AddMember(ctx, access.System("abroad"), org.NewMember{Email: "cleo@x.example", Role: crm.RoleOwner, Password: crm.NewSecret(password)})
		require.NoError(t, err)
		_, err = r.AddMember(ctx, access.System("abroad"), org.NewMember{Email: "ada@x.example", Role: crm.RoleOwner})
		require.NoError(t, err)

		token := r.invite(t, "cleo@x.example", crm.RoleMember)
		seen, err := r.InvitationByToken(ctx, token)
		require.NoError(t, err)
		require.True(t, seen.HasAccount)
		_, err = r.AcceptInvitation(ctx, access.Caller{Remote: "198.51.100.66"}, token, "Mallory", chosen)
		require.Equal(t, "wrong_credentials", codeOf(t, err), "the password of the account is wanted")
		cleo, err := r.AcceptInvitation(ctx, access.Caller{}, token, "Cleo", crm.NewSecret(password))
		require.NoError(t, err)
		require.Equal(t, crm.RoleMember, r.roles(t)[cleo.ID])

		token = r.invite(t, "ada@x.example", crm.RoleMember)
		_, err = r.AcceptInvitation(ctx, access.Caller{}, token, "Mallory", chosen)
		require.Equal(t, "sign_in_with_google", codeOf(t, err))
		_, err = r.SignIn(ctx, "ada@x.example", chosen, "")
		require.Error(t, err)
		ada, err := r.SignInWithGoogle(ctx, hosted("ada", "ada@x.example"), "")
		require.NoError(t, err)
		require.NotContains(t, r.roles(t), ada.ID, "who belongs somewhere is asked first")
		_, asAda := r.browser(t, ada.User, "")
		_, asCleo := r.browser(t, cleo, "")
		_, err = r.AcceptInvitation(ctx, asCleo, token, "", crm.Secret{})
		require.Equal(t, "sign_in_with_google", codeOf(t, err), "somebody else's session accepts nothing")
		byKey := asAda
		byKey.Via = access.ViaKey
		_, err = r.AcceptInvitation(ctx, byKey, token, "", crm.Secret{})
		require.Equal(t, "sign_in_with_google", codeOf(t, err), "nor does a key")
		_, err = r.AcceptInvitation(ctx, asAda, token, "", crm.Secret{})
		require.NoError(t, err)
		require.Equal(t, crm.RoleMember, r.roles(t)[ada.ID], "being signed in accepts it")
		for i := range 7 {
			_, err = r.AcceptInvitation(ctx, access.Caller{Remote: "198.51.100.66"}, r.invite(t, fmt.Sprintf("new%d@x.example", i), crm.RoleMember), "", chosen)
			require.NoError(t, err, "new people are not slowed down by what others tried")
		}
	})
}

func TestInvitationsByGoogle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		sign := func(sub, email string, verified bool) (org.Arrival, error) {
			return r.SignInWithGoogle(ctx, org.GoogleIdentity{Sub: sub, Email: email, Name: "Elena Voss", HostedDomain: "x.example", EmailVerified: verified}, "")
		}
		token := r.invite(t, "elena@x.example", crm.RoleAdmin)
		_, err := sign("1", "elena@x.example", false)
		require.True(t, fault.Is(err, fault.Forbidden), "an address that is not verified says nothing")
		_, err = sign("2", "other@x.example", true)
		require.True(t, fault.Is(err, fault.Forbidden))
		_, err = r.SignInWithGoogle(ctx, org.GoogleIdentity{Sub: "1", Email: "elena@x.example", EmailVerified: true}, "")
		require.Equal(t, "mailbox_not_google", codeOf(t, err), "a mailbox that Google does not run")
		elena, err := sign("1", "Elena@X.example", true)
		require.NoError(t, err)
		require.Equal(t, "Elena Voss", elena.Name)
		require.Equal(t, crm.RoleAdmin, r.roles(t)[elena.ID])
		_, err = r.InvitationByToken(ctx, token)
		require.True(t, fault.Is(err, fault.NotFound), "it is used")

		require.NoError(t, r.RemoveMember(ctx, r.caller(t), elena.ID))
		_, err = sign("1", "elena@x.example", true)
		require.NoError(t, err)
		require.NotContains(t, r.roles(t), elena.ID, "who was removed comes back by no old invitation")
		r.invite(t, "elena.voss@x.example", crm.RoleMember)
		_, err = sign("1", "elena.voss@x.example", false)
		require.NoError(t, err)
		require.NotContains(t, r.roles(t), elena.ID, "an address that is not verified accepts nothing")
		_, err = sign("1", "elena.voss@x.example", true)
		require.NoError(t, err)
		require.Equal(t, crm.RoleMember, r.roles(t)[elena.ID], "a new one, by the address of now")

		expired := r.invite(t, "late@x.example", crm.RoleMember)
		r.clock.Move(8 * 24 * time.Hour)
		_, err = sign("3", "late@x.example", true)
		require.True(t, fault.Is(err, fault.Forbidden))
		_, err = r.InvitationByToken(ctx, expired)
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

func TestAnInvitationIsAcceptedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		for _, email := range []string{"a@x.example", "b@x.example", "c@x.example"} {
			token := r.invite(t, email, crm.RoleMember)
			byLink := func() error {
				_, err := r.AcceptInvitation(ctx, access.Caller{}, token, "", chosen)
				return err
			}
			byGoogle := func() error {
				_, err := r.SignInWithGoogle(ctx, org.GoogleIdentity{Sub: "sub-" + email, Email: email, EmailVerified: true}, "")
				return err
			}
			won := 0
			for _, err := range atOnce(byLink, byLink, byGoogle) {
				if err == nil {
					won++
					continue
				}
				require.Contains(t, []fault.Kind{fault.NotFound, fault.Conflict, fault.Forbidden, fault.Unauthenticated}, fault.Of(err), "%v", err)
			}
			require.GreaterOrEqual(t, won, 1)
			u, err := r.store.UserByEmail(ctx, email)
			require.NoError(t, err)
			require.Equal(t, crm.RoleMember, r.roles(t)[u.ID])
		}
		require.Len(t, r.roles(t), 4)
		require.Len(t, r.said(t, "invitation.accept"), 3, "each was used once")
	})
}

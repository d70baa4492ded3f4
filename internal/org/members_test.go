package org_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
)

func codeOf(t *testing.T, err error) string {
	t.Helper()
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	return f.Code
}

// atOnce runs tasks side by side, as nearly at the same moment as can be.
func atOnce(tasks ...func() error) []error {
	errs, begin := make([]error, len(tasks)), make(chan struct{})
	var wg sync.WaitGroup
	for i, task := range tasks {
		wg.Add(1)
		go func() {
			defer wg.Done()
			<-begin
			errs[i] = task()
		}()
	}
	close(begin)
	wg.Wait()
	return errs
}

func (r *room) roles(t *testing.T) map[crm.UserID]crm.Role {
	t.Helper()
	list, _, err := r.store.Members(context.Background(), r.w, org.MemberQuery{})
	require.NoError(t, err)
	roles := map[crm.UserID]crm.Role{}
	for _, m := range list {
		roles[m.UserID] = m.Role
	}
	return roles
}

func TestRoles(t *testing.T) {
	const yes fault.Kind = -1
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner, second := r.caller(t), r.person(t, "second@x.example", crm.RoleOwner)
		admin, other := r.person(t, "admin@x.example", crm.RoleAdmin), r.person(t, "other@x.example", crm.RoleAdmin)
		member := r.person(t, "member@x.example", crm.RoleMember)
		for _, c := range []struct {
			what string
			who  access.Caller
			whom access.Caller
			role crm.Role
			want fault.Kind
		}{
			{"a member changes nobody", member, other, crm.RoleMember, fault.Forbidden},
			{"not even themselves", member, member, crm.RoleAdmin, fault.Forbidden},
			{"an admin does not touch an owner", admin, second, crm.RoleMember, fault.Forbidden},
			{"an admin makes no owner", admin, other, crm.RoleOwner, fault.Forbidden},
			{"an admin does not rise", admin, admin, crm.RoleOwner, fault.Forbidden},
			{"an admin makes an admin", admin, member, crm.RoleAdmin, yes},
			{"and takes it back", admin, member, crm.RoleMember, yes},
			{"the same again", admin, member, crm.RoleMember, yes},
			{"no such role", owner, member, "king", fault.Invalid},
			{"no role", owner, member, "", fault.Invalid},
			{"nobody known", owner, access.Caller{UserID: "nobody"}, crm.RoleAdmin, fault.NotFound},
			{"an owner makes an owner", owner, other, crm.RoleOwner, yes},
			{"and takes it back", owner, other, crm.RoleAdmin, yes},
			{"an owner steps down while there is another", second, second, crm.RoleAdmin, yes},
			{"the last owner stays", owner, owner, crm.RoleAdmin, fault.Conflict},
			{"whoever asks", access.System(r.w), owner, crm.RoleMember, fault.Conflict},
		} {
			err := r.ChangeRole(ctx, c.who, c.whom.UserID, c.role)
			if c.want == yes {
				require.NoError(t, err, c.what)
				require.Equal(t, c.role, r.roles(t)[c.whom.UserID], c.what)
				continue
			}
			require.Error(t, err, c.what)
			require.Equal(t, c.want, fault.Of(err), c.what)
		}
		require.Equal(t, "last_owner", codeOf(t, r.ChangeRole(ctx, owner, owner.UserID, crm.RoleMember)))
		require.Contains(t, r.said(t, "member.role"), "ok: from member to admin")
		require.Len(t, r.said(t, "member.role"), 5, "what changed nothing is not told")
		err := r.ChangeRole(ctx, second, member.UserID, crm.RoleAdmin) // an owner when the request began
		require.NoError(t, err, "an admin still may")
		require.True(t, fault.Is(r.ChangeRole(ctx, second, other.UserID, crm.RoleOwner), fault.Forbidden), "what counts is the role of now")
		require.NoError(t, r.RemoveMember(ctx, owner, second.UserID))
		require.True(t, fault.Is(r.ChangeRole(ctx, second, other.UserID, crm.RoleMember), fault.Forbidden), "who was removed meanwhile does nothing more")
		require.True(t, fault.Is(r.RemoveMember(ctx, second, other.UserID), fault.Forbidden))
	})
}

func TestTwoOwnersDemoteEachOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		first, second := r.caller(t), r.person(t, "second@x.example", crm.RoleOwner)
		for range 10 {
			errs := atOnce(
				func() error { return r.ChangeRole(ctx, first, second.UserID, crm.RoleMember) },
				func() error { return r.ChangeRole(ctx, second, first.UserID, crm.RoleMember) },
			)
			roles := r.roles(t)
			require.NotEqual(t, roles[first.UserID], roles[second.UserID], "one is an owner still: %v", errs)
			require.True(t, (errs[0] == nil) != (errs[1] == nil), "%v", errs)
			for _, u := range []crm.UserID{first.UserID, second.UserID} {
				if roles[u] == crm.RoleMember {
					require.NoError(t, r.ChangeRole(ctx, access.System(r.w), u, crm.RoleOwner))
				}
			}
		}
		for range 5 {
			errs := atOnce(
				func() error { return r.RemoveMember(ctx, first, first.UserID) },
				func() error { return r.RemoveMember(ctx, second, second.UserID) },
			)
			require.Len(t, r.roles(t), 1, "the last owner cannot leave: %v", errs)
			for i, c := range []access.Caller{first, second} {
				if errs[i] == nil {
					_, err := r.AddMember(ctx, access.System(r.w), org.NewMember{Email: []string{"mara@northwind-lamps.example", "second@x.example"}[i], Role: crm.RoleOwner})
					require.NoError(t, err)
				} else {
					require.Contains(t, []fault.Kind{fault.Conflict, fault.Forbidden}, fault.Of(errs[i]), "%v %s", errs[i], c.UserID)
				}
			}
		}
	})
}

func TestMembersAreRemoved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner, admin, member := r.caller(t), r.person(t, "admin@x.example", crm.RoleAdmin), r.person(t, "member@x.example", crm.RoleMember)
		user, err := r.User(ctx, admin.UserID)
		require.NoError(t, err)
		session, _, err := r.OpenSession(ctx, user, "", "")
		require.NoError(t, err)
		bearer, _, err := r.IssueToken(user)
		require.NoError(t, err)
		_, key, err := r.CreateAPIKey(ctx, admin, org.KeyWish{Name: "k", Scopes: []string{"tokens:vend:gmail"}})
		require.NoError(t, err)
		_, _, err = r.InviteByLink(ctx, admin, org.InvitationWish{Email: "friend@x.example"})
		require.NoError(t, err)
		presents := []org.Presented{{Session: session}, {Bearer: bearer}, {Bearer: key}}
		for _, p := range presents {
			_, err := r.Authenticate(ctx, p)
			require.NoError(t, err)
		}

		require.True(t, fault.Is(r.RemoveMember(ctx, member, admin.UserID), fault.Forbidden))
		require.True(t, fault.Is(r.RemoveMember(ctx, admin, owner.UserID), fault.Forbidden), "admins do not touch owners")
		require.True(t, fault.Is(r.RemoveMember(ctx, owner, "nobody"), fault.NotFound))
		require.Equal(t, "last_owner", codeOf(t, r.RemoveMember(ctx, owner, owner.UserID)))
		r.facts(t)
		require.NoError(t, r.RemoveMember(ctx, owner, admin.UserID))
		for i, p := range presents {
			_, err := r.Authenticate(ctx, p)
			require.True(t, fault.Is(err, fault.Unauthenticated), "%d: no workspace is left", i)
		}
		_, err = r.Enter(ctx, access.Caller{Via: access.ViaSession, UserID: admin.UserID}, r.w)
		require.True(t, fault.Is(err, fault.NotFound))
		list, err := r.store.FactsAfter(ctx, r.seen, 10)
		require.NoError(t, err)
		require.Equal(t, admin.UserID, list[0].UserID)
		require.JSONEq(t, `{"user_id":"`+string(admin.UserID)+`"}`, string(list[0].Data))
		require.Equal(t, []fact.Kind{fact.MemberRemoved}, r.facts(t))
		invited, _, err := r.Invitations(ctx, owner, false, org.Page{})
		require.NoError(t, err)
		require.Empty(t, invited, "whom they invited is not")
		require.Equal(t, []string{"ok: was admin"}, r.said(t, "member.remove"))
		_, err = r.User(ctx, admin.UserID)
		require.NoError(t, err, "the account stays")

		require.NoError(t, r.RemoveMember(ctx, member, member.UserID), "members may leave")
		require.Equal(t, "ok: was member, left by themselves", r.said(t, "member.remove")[0])
		key2 := member
		key2.Via = access.ViaKey
		require.True(t, fault.Is(r.RemoveMember(ctx, key2, member.UserID), fault.Forbidden), "a key does not leave for its maker")
	})
}

func TestWhoHasAnotherWorkspaceStaysSignedIn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		jonas := r.person(t, "jonas@x.example", crm.RoleMember)
		require.NoError(t, r.store.SaveWorkspace(ctx, crm.Workspace{ID: "abroad", Name: "Harbour Tea", CreatedAt: r.clock.Now()}))
		_, err := r.AddMember(ctx, access.System("abroad"), org.NewMember{Email: "jonas@x.example", Role: crm.RoleAdmin})
		require.NoError(t, err)
		user, err := r.User(ctx, jonas.UserID)
		require.NoError(t, err)
		session, _, err := r.OpenSession(ctx, user, "", "")
		require.NoError(t, err)
		abroad, err := r.Enter(ctx, jonas, "abroad")
		require.NoError(t, err)
		_, key, err := r.CreateAPIKey(ctx, abroad, org.KeyWish{Name: "k", Scopes: []string{"*"}})
		require.NoError(t, err)
		require.NoError(t, r.RemoveMember(ctx, r.caller(t), jonas.UserID))
		_, err = r.Authenticate(ctx, org.Presented{Session: session})
		require.NoError(t, err)
		c, err := r.KeyCaller(ctx, org.Presented{Bearer: key})
		require.NoError(t, err, "keys of other workspaces are not touched")
		require.Equal(t, crm.RoleAdmin, c.Role)
		home, err := r.EnterHome(ctx, access.Caller{Via: access.ViaSession, UserID: jonas.UserID}, "")
		require.NoError(t, err)
		require.Equal(t, crm.WorkspaceID("abroad"), home.Workspace)
	})
}

func TestDemotionEndsWhatWasGivenOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner, second := r.caller(t), r.person(t, "second@x.example", crm.RoleOwner)
		for email, role := range map[string]crm.Role{"a@x.example": crm.RoleOwner, "b@x.example": crm.RoleAdmin} {
			_, _, err := r.InviteByLink(ctx, second, org.InvitationWish{Email: email, Role: role})
			require.NoError(t, err)
		}
		open := func() int {
			list, _, err := r.Invitations(ctx, owner, false, org.Page{})
			require.NoError(t, err)
			return len(list)
		}
		made, err := r.CreateConnectLinks(ctx, second, []org.LinkWish{{Email: "c@x.example"}}, []crm.Service{crm.ServiceGmail})
		require.NoError(t, err)
		require.Equal(t, 2, open())
		require.NoError(t, r.ChangeRole(ctx, owner, second.UserID, crm.RoleAdmin))
		_, err = r.ConnectLinkByToken(ctx, made[0].Token)
		require.NoError(t, err)
		require.Equal(t, 1, open(), "an admin makes no owner")
		require.NoError(t, r.ChangeRole(ctx, owner, second.UserID, crm.RoleMember))
		require.Zero(t, open())
		_, err = r.ConnectLinkByToken(ctx, made[0].Token)
		require.Equal(t, "link_not_found", codeOf(t, err), "nor do links of somebody who makes none any more")
	})
}

func TestKeysFollowTheirMaker(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner, admin := r.caller(t), r.person(t, "admin@x.example", crm.RoleAdmin)
		_, key, err := r.CreateAPIKey(ctx, admin, org.KeyWish{Name: "k", Scopes: []string{"*"}})
		require.NoError(t, err)
		p := org.Presented{Bearer: key, Remote: "198.51.100.3"}
		role := func(s *org.Service) crm.Role {
			c, err := s.KeyCaller(ctx, p)
			require.NoError(t, err)
			require.Equal(t, "198.51.100.3", c.Remote)
			return c.Role
		}
		elsewhere := &org.Service{Store: r.store, Trail: r.store, Now: r.Now} // another process
		require.Equal(t, crm.RoleAdmin, role(r.Service))
		require.Equal(t, crm.RoleAdmin, role(elsewhere))
		require.NoError(t, r.ChangeRole(ctx, owner, admin.UserID, crm.RoleMember))
		require.Equal(t, crm.RoleMember, role(r.Service), "here at once")
		require.Equal(t, crm.RoleAdmin, role(elsewhere), "there what was read is good for a moment")
		r.clock.Move(time.Second)
		require.Equal(t, crm.RoleMember, role(elsewhere), "of one second")
		c, err := r.KeyCaller(ctx, p)
		require.NoError(t, err)
		require.True(t, fault.Is(access.Allow(c, access.WorkspaceManage), fault.Forbidden))

		require.NoError(t, r.RemoveMember(ctx, owner, admin.UserID))
		_, err = r.KeyCaller(ctx, p)
		require.True(t, fault.Is(err, fault.Unauthenticated))
		_, err = r.AddMember(ctx, access.System(r.w), org.NewMember{Email: "admin@x.example", Role: crm.RoleAdmin})
		require.NoError(t, err)
		_, err = r.KeyCaller(ctx, p)
		require.True(t, fault.Is(err, fault.Unauthenticated), "who comes back makes new keys")
	})
}

func TestRevokedKeysEndAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner := r.caller(t)
		k, key, err := r.CreateAPIKey(ctx, owner, org.KeyWish{Name: "k", Scopes: []string{"mail:read"}})
		require.NoError(t, err)
		elsewhere := &org.Service{Store: r.store, Trail: r.store, Now: r.Now}
		p := org.Presented{Bearer: key}
		for _, s := range []*org.Service{r.Service, elsewhere} {
			_, err = s.Authenticate(ctx, p)
			require.NoError(t, err)
		}
		require.NoError(t, r.RevokeAPIKey(ctx, owner, k.ID))
		_, err = r.Authenticate(ctx, p)
		require.True(t, fault.Is(err, fault.Unauthenticated))
		r.clock.Move(time.Second)
		_, err = elsewhere.Authenticate(ctx, p)
		require.True(t, fault.Is(err, fault.Unauthenticated))
		member := r.person(t, "m@x.example", crm.RoleMember)
		require.True(t, fault.Is(r.RevokeAPIKey(ctx, member, k.ID), fault.Forbidden))
		_, _, err = r.CreateAPIKey(ctx, member, org.KeyWish{Name: "k", Scopes: []string{"mail:read"}})
		require.True(t, fault.Is(err, fault.Forbidden))
	})
}

func TestKeysMakeNoStrongerKeys(t *testing.T) {
	r, ctx := open(t, storetest.SQLite), context.Background()
	c := r.caller(t)
	c.Via = access.ViaKey
	for _, v := range []struct {
		has, wants string
		ok         bool
	}{
		{"*", "tokens:vend:*", true}, {"tokens:vend:*", "tokens:vend:gmail", true}, {"tokens:vend:gmail", "tokens:vend:gmail", true},
		{"tokens:vend:gmail", "tokens:vend:drive", false}, {"tokens:vend:gmail", "tokens:vend:*", false}, {"mail:*", "mail:send", true}, {"mail:read", "mail:*", false}, {"admin", "*", false},
	} {
		c.Scopes = []string{"admin", v.has}
		_, _, err := r.CreateAPIKey(ctx, c, org.KeyWish{Name: "k", Scopes: []string{v.wants}})
		if v.ok {
			require.NoError(t, err, "%+v", v)
		} else {
			require.True(t, fault.Is(err, fault.Forbidden), "%+v", v)
		}
	}
	for _, bad := range []string{"tokens:vend:", "tokens:vend:**", "tokens:vend:a b", "tokens:vend:Gmail", "tokens:*", "x"} {
		_, _, err := r.CreateAPIKey(ctx, r.caller(t), org.KeyWish{Name: "k", Scopes: []string{bad}})
		require.True(t, fault.Is(err, fault.Invalid), bad)
	}
}

func TestABusyKeyIsTouchedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		k, key, err := r.CreateAPIKey(ctx, r.caller(t), org.KeyWish{Name: "k", Scopes: []string{"mail:read"}})
		require.NoError(t, err)
		counted := &counting{Store: r.store}
		r.Store = counted
		p := org.Presented{Bearer: key}
		use := func() error { _, err := r.KeyCaller(ctx, p); return err }
		require.NoError(t, use())
		for range 30 {
			for _, err := range atOnce(use, use, use, use) {
				require.NoError(t, err)
			}
		}
		require.EqualValues(t, 1, counted.touched.Load())
		require.EqualValues(t, 1, counted.keys.Load(), "one look for all of them")
		r.clock.Move(5 * time.Minute)
		require.NoError(t, use())
		require.EqualValues(t, 2, counted.touched.Load())
		keys, _, err := r.APIKeys(ctx, r.caller(t), "", org.Page{})
		require.NoError(t, err)
		require.Equal(t, k.ID, keys[0].ID)
		require.Equal(t, r.clock.Now(), *keys[0].LastUsedAt)
	})
}

func TestAKeyMakesNobodyMoreThanAMember(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		key := r.caller(t)
		key.Via = access.ViaKey
		member := r.person(t, "member@x.example", crm.RoleMember)
		for _, scopes := range [][]string{{"admin"}, {"admin", "mail:*", "tokens:vend:*"}} {
			key.Scopes = scopes
			for _, role := range []crm.Role{crm.RoleAdmin, crm.RoleOwner} {
				_, err := r.AddMember(ctx, key, org.NewMember{Email: "new@x.example", Role: role, Password: crm.NewSecret(password)})
				require.True(t, fault.Is(err, fault.Forbidden), "%s: %v", role, err)
				_, _, err = r.InviteByLink(ctx, key, org.InvitationWish{Email: "new@x.example", Role: role})
				require.True(t, fault.Is(err, fault.Forbidden), "%s: %v", role, err)
				err = r.ChangeRole(ctx, key, member.UserID, role)
				require.True(t, fault.Is(err, fault.Forbidden), "%s: %v", role, err)
				require.Contains(t, err.Error(), "API key")
			}
		}
		_, err := r.AddMember(ctx, key, org.NewMember{Email: "new@x.example"})
		require.NoError(t, err)
		_, _, err = r.InviteByLink(ctx, key, org.InvitationWish{Email: "other@x.example"})
		require.NoError(t, err)
		key.Scopes = []string{"*"}
		require.NoError(t, r.ChangeRole(ctx, key, member.UserID, crm.RoleAdmin), "a key that may do everything may do this")
	})
}

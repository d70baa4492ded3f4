package org_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
)

func TestConnectLinks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		r.Offered = vault.Services
		owner, jonas := r.caller(t), r.person(t, "jonas@x.example", crm.RoleAdmin)
		made, err := r.CreateConnectLinks(ctx, owner, []org.LinkWish{{Email: " Jonas@X.example", Name: "somebody"}, {Email: "elena@x.example", Name: "Elena Voss"}, {Email: "ELENA@x.example"}}, nil)
		require.NoError(t, err)
		require.Len(t, made, 2, "each person once")
		require.Equal(t, jonas.UserID, made[0].UserID)
		require.Equal(t, "jonas", made[0].Link.Name, "a person who is known keeps their name")
		require.Equal(t, crm.RoleAdmin, r.roles(t)[jonas.UserID], "and their role")
		require.Equal(t, crm.RoleMember, r.roles(t)[made[1].UserID], "others become members")
		require.Equal(t, []crm.Service{"gmail", "calendar"}, made[1].Link.Services)
		require.Len(t, made[1].Token.Reveal(), 43)
		_, err = r.SignIn(ctx, "elena@x.example", crm.NewSecret(made[1].Token.Reveal()), "")
		require.True(t, fault.Is(err, fault.Unauthenticated), "a link is no password")

		l, err := r.ConnectLinkByToken(ctx, made[1].Token)
		require.NoError(t, err)
		require.Equal(t, made[1].Link, l)
		require.Equal(t, "Northwind Lamps", l.WorkspaceName)
		require.NoError(t, r.UseConnectLink(ctx, l.ID))
		require.Equal(t, "link_used", codeOf(t, r.UseConnectLink(ctx, l.ID)))
		_, err = r.ConnectLinkByToken(ctx, made[1].Token)
		require.Equal(t, "link_not_found", codeOf(t, err))
		require.Len(t, r.said(t, "connect_link.use"), 1)
		require.True(t, fault.Is(r.RevokeConnectLink(ctx, owner, l.ID), fault.NotFound), "it was used")

		again, err := r.CreateConnectLinks(ctx, owner, []org.LinkWish{{Email: "jonas@x.example"}}, []crm.Service{"contacts", "gmail"})
		require.NoError(t, err)
		_, err = r.ConnectLinkByToken(ctx, made[0].Token)
		require.True(t, fault.Is(err, fault.NotFound), "a newer link ends the earlier one")
		list, _, err := r.ConnectLinks(ctx, owner, false, org.Page{})
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.NoError(t, r.RevokeConnectLink(ctx, owner, again[0].Link.ID))
		_, err = r.ConnectLinkByToken(ctx, again[0].Token)
		require.True(t, fault.Is(err, fault.NotFound))
		require.Equal(t, "link_used", codeOf(t, r.UseConnectLink(ctx, again[0].Link.ID)), "revoked while its consent went on")
	})
}

func TestConnectLinksEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner := r.caller(t)
		link := func(email string) org.CreatedLink {
			made, err := r.CreateConnectLinks(ctx, owner, []org.LinkWish{{Email: email}}, nil)
			require.NoError(t, err)
			return made[0]
		}
		a, b := link("a@x.example"), link("b@x.example")
		require.NoError(t, r.RemoveMember(ctx, owner, a.UserID))
		_, err := r.ConnectLinkByToken(ctx, a.Token)
		require.True(t, fault.Is(err, fault.NotFound), "who has left connects nothing")
		r.clock.Move(7*24*time.Hour - time.Second)
		_, err = r.ConnectLinkByToken(ctx, b.Token)
		require.NoError(t, err)
		r.clock.Move(time.Second)
		_, err = r.ConnectLinkByToken(ctx, b.Token)
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

func TestConnectLinksKeepTheRulesOfTheOrganisation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		r.Offered = vault.Services
		owner, member := r.caller(t), r.person(t, "m@x.example", crm.RoleMember)
		one := []org.LinkWish{{Email: "a@northwind-lamps.example"}}
		_, err := r.CreateConnectLinks(ctx, member, one, nil)
		require.True(t, fault.Is(err, fault.Forbidden))
		_, err = r.Decide(ctx, owner, org.ApprovalWish{AllowedDomains: to([]string{"northwind-lamps.example"}), Profile: to(crm.ProfileMetadata), Products: to([]crm.Service{"calendar", "directory"})})
		require.NoError(t, err)
		made, err := r.CreateConnectLinks(ctx, owner, one, nil)
		require.NoError(t, err)
		require.Equal(t, []crm.Service{"calendar"}, made[0].Link.Services, "as far as the organisation allows them")
		for _, bad := range []struct {
			people   []org.LinkWish
			services []crm.Service
		}{
			{nil, nil}, {[]org.LinkWish{{Email: "x"}}, nil}, {[]org.LinkWish{{Email: "a@elsewhere.example"}}, nil},
			{[]org.LinkWish{{Email: "a@northwind-lamps.example.elsewhere.example"}}, nil},
			{one, []crm.Service{"gmail"}}, {one, []crm.Service{"contacts"}}, {one, []crm.Service{"fax"}}, {make([]org.LinkWish, 501), nil},
		} {
			_, err = r.CreateConnectLinks(ctx, owner, bad.people, bad.services)
			require.True(t, fault.Is(err, fault.Invalid), "%.80v", bad)
		}
		for _, state := range []crm.ApprovalState{crm.ApprovalPending, crm.ApprovalBlocked} {
			_, err = r.Decide(ctx, owner, org.ApprovalWish{State: &state})
			require.NoError(t, err)
			_, err = r.CreateConnectLinks(ctx, owner, one, nil)
			require.Equal(t, "waiting_for_admin", codeOf(t, err))
		}
	})
}

func TestALinkIsUsedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		for i := range 8 {
			made, err := r.CreateConnectLinks(ctx, r.caller(t), []org.LinkWish{{Email: fmt.Sprintf("p%d@x.example", i)}}, nil)
			require.NoError(t, err)
			use := func() error { return r.UseConnectLink(ctx, made[0].Link.ID) }
			won := 0
			for _, err := range atOnce(use, use, use) {
				if err == nil {
					won++
				} else {
					require.Equal(t, "link_used", codeOf(t, err))
				}
			}
			require.Equal(t, 1, won)
		}
	})
}

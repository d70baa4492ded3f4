package org_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
)

// person adds a member and gives them as a caller in a browser.
func (r *room) person(t *testing.T, email string, role crm.Role) access.Caller {
	t.Helper()
	m, err := r.AddMember(context.Background(), access.System(r.w), org.NewMember{Email: email, Role: role})
	require.NoError(t, err)
	c, err := r.Enter(context.Background(), access.Caller{Via: access.ViaSession, UserID: m.UserID, Remote: "198.51.100.9"}, r.w)
	require.NoError(t, err)
	return c
}

// facts gives the kinds of facts told since the last call.
func (r *room) facts(t *testing.T) []fact.Kind {
	t.Helper()
	list, err := r.store.FactsAfter(context.Background(), r.seen, 100)
	require.NoError(t, err)
	var kinds []fact.Kind
	for _, f := range list {
		require.Equal(t, r.w, f.WorkspaceID)
		kinds, r.seen = append(kinds, f.Kind), f.Seq
	}
	return kinds
}

// said gives the audit rows of an action, the newest first: outcome and detail.
func (r *room) said(t *testing.T, action string) []string {
	t.Helper()
	rows, _, err := r.store.AuditOf(context.Background(), r.w, org.AuditQuery{Action: action})
	require.NoError(t, err)
	var list []string
	for _, row := range rows {
		if row.Action == action {
			list = append(list, row.Outcome+": "+row.Detail)
		}
	}
	return list
}

func to[T any](v T) *T { return &v }

func TestApprovalIsDecidedByAdministrators(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		r.Offered = vault.Services
		owner, member := r.caller(t), r.person(t, "jonas@northwind-lamps.example", crm.RoleMember)
		a, err := r.Approval(ctx, r.w)
		require.NoError(t, err)
		require.Equal(t, crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileFull}, a, "a new workspace is approved: its owner set it up")

		_, err = r.Decide(ctx, member, org.ApprovalWish{State: to(crm.ApprovalBlocked)})
		require.True(t, fault.Is(err, fault.Forbidden))
		r.clock.Move(time.Minute)
		a, err = r.Decide(ctx, owner, org.ApprovalWish{
			State: to(crm.ApprovalBlocked), Profile: to(crm.ProfileRead),
			AllowedDomains: to([]string{" @Northwind-Lamps.example. ", "northwind-lamps.example", "xn--bcher-kva.example"}), Products: to([]crm.Service{"calendar", "gmail", "gmail"}),
		})
		require.NoError(t, err)
		require.Equal(t, crm.Approval{
			State: crm.ApprovalBlocked, Profile: crm.ProfileRead, AllowedDomains: []string{"northwind-lamps.example", "xn--bcher-kva.example"},
			Products: []crm.Service{"gmail", "calendar"}, DecidedBy: r.owner.ID, DecidedAt: r.clock.Now(),
		}, a)
		stored, err := r.Approval(ctx, r.w)
		require.NoError(t, err)
		require.Equal(t, a, stored)
		require.Equal(t, []fact.Kind{fact.ApprovalDecided}, r.facts(t))
		require.Equal(t, []string{"ok: from approved to blocked; scope profile read; domains northwind-lamps.example, xn--bcher-kva.example; products gmail, calendar"}, r.said(t, "approval.decide"))

		same, err := r.Decide(ctx, owner, org.ApprovalWish{Profile: to(crm.ProfileRead), Products: &a.Products, AllowedDomains: &a.AllowedDomains})
		require.NoError(t, err)
		require.Equal(t, a, same)
		require.Empty(t, r.facts(t), "nothing was decided")
		a, err = r.Decide(ctx, owner, org.ApprovalWish{AllowedDomains: to([]string{}), Products: to([]crm.Service{})})
		require.NoError(t, err)
		require.Empty(t, a.AllowedDomains, "every domain")
		require.Empty(t, a.Products)
		require.Equal(t, crm.ApprovalBlocked, a.State)
	})
}

func TestApprovalRefusesWhatMakesNoSense(t *testing.T) {
	r, ctx := open(t, storetest.SQLite), context.Background()
	r.Offered = vault.Services
	owner := r.caller(t)
	many := make([]string, 201)
	for i := range many {
		many[i] = strings.Repeat("a", i%50+1) + "." + strings.Repeat("b", i/50+1) + ".example"
	}
	for field, wishes := range map[string][]org.ApprovalWish{
		"state":         {{State: to(crm.ApprovalState(""))}, {State: to(crm.ApprovalState("Approved"))}},
		"scope_profile": {{Profile: to(crm.ScopeProfile(""))}, {Profile: to(crm.ScopeProfile("all"))}},
		"allowed_domains": {{AllowedDomains: to([]string{"localhost"})}, {AllowedDomains: to([]string{"a b.example"})}, {AllowedDomains: to([]string{""})},
			{AllowedDomains: to([]string{"-a.example"})}, {AllowedDomains: to([]string{"a..example"})}, {AllowedDomains: to([]string{"192.0.2.1"})},
			{AllowedDomains: to([]string{"bücher.example"})}, {AllowedDomains: to([]string{"https://a.example"})}, {AllowedDomains: to([]string{"x@a.example"})},
			{AllowedDomains: to([]string{strings.Repeat("a", 64) + ".example"})}, {AllowedDomains: &many}},
		"products": {{Products: to([]crm.Service{"fax"})}, {Profile: to(crm.ProfileMetadata), Products: to([]crm.Service{"contacts"})}},
	} {
		for _, wish := range wishes {
			_, err := r.Decide(ctx, owner, wish)
			require.True(t, fault.Is(err, fault.Invalid), "%s", field)
			require.Contains(t, fieldsOf(t, err), field)
		}
	}
	a, err := r.Approval(ctx, r.w)
	require.NoError(t, err)
	require.Equal(t, crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileFull}, a, "nothing of it was stored")
}

func fieldsOf(t *testing.T, err error) map[string]string {
	t.Helper()
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	return f.Fields
}

func TestMembersAskForApproval(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner, jonas, elena := r.caller(t), r.person(t, "jonas@x.example", crm.RoleMember), r.person(t, "elena@x.example", crm.RoleMember)
		_, err := r.Decide(ctx, owner, org.ApprovalWish{State: to(crm.ApprovalPending)})
		require.NoError(t, err)
		r.facts(t)
		first, err := r.AskApproval(ctx, jonas, "  please ")
		require.NoError(t, err)
		require.Equal(t, org.ApprovalRequest{WorkspaceID: r.w, UserID: jonas.UserID, Email: "jonas@x.example", Name: "jonas", Note: "please", AskedAt: r.clock.Now()}, first)
		r.clock.Move(time.Hour)
		again, err := r.AskApproval(ctx, jonas, "now!")
		require.NoError(t, err)
		require.Equal(t, first, again, "the request is open already")
		_, err = r.AskApproval(ctx, elena, "")
		require.NoError(t, err)
		require.Equal(t, []fact.Kind{fact.ApprovalAsked, fact.ApprovalAsked}, r.facts(t))
		require.Len(t, r.said(t, "approval.ask"), 2)
		_, err = r.AskApproval(ctx, elena, strings.Repeat("é", 1001))
		require.True(t, fault.Is(err, fault.Invalid))

		whose := func(c access.Caller) []crm.UserID {
			list, err := r.ApprovalRequests(ctx, c)
			require.NoError(t, err)
			ids := []crm.UserID{}
			for _, q := range list {
				ids = append(ids, q.UserID)
			}
			return ids
		}
		require.Equal(t, []crm.UserID{jonas.UserID, elena.UserID}, whose(owner), "administrators see all, the oldest first")
		require.Equal(t, []crm.UserID{elena.UserID}, whose(elena), "members their own")
		require.True(t, fault.Is(r.DismissRequest(ctx, elena, jonas.UserID), fault.Forbidden))
		require.NoError(t, r.DismissRequest(ctx, elena, elena.UserID), "one's own may be taken back")
		require.True(t, fault.Is(r.DismissRequest(ctx, owner, elena.UserID), fault.NotFound))
		require.Equal(t, []crm.UserID{jonas.UserID}, whose(owner))
		r.facts(t)
		_, err = r.Decide(ctx, owner, org.ApprovalWish{Profile: to(crm.ProfileRead)})
		require.NoError(t, err)
		require.Equal(t, []crm.UserID{jonas.UserID}, whose(owner), "nobody said yes or no")
		_, err = r.Decide(ctx, owner, org.ApprovalWish{State: to(crm.ApprovalApproved)})
		require.NoError(t, err)
		require.Empty(t, whose(owner), "answered")
		_, err = r.AskApproval(ctx, jonas, "Google still says no")
		require.NoError(t, err)
		require.Equal(t, []crm.UserID{jonas.UserID}, whose(owner), "asked anew: an administrator of Google may have to act")
		_, err = r.Decide(ctx, owner, org.ApprovalWish{State: to(crm.ApprovalApproved)})
		require.NoError(t, err)
		require.Empty(t, whose(jonas))
		require.Equal(t, "ok: approved, as before", r.said(t, "approval.decide")[0])
	})
}

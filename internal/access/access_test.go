package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

func TestHolds(t *testing.T) {
	for _, c := range []struct {
		scopes []string
		want   string
		holds  bool
	}{
		{nil, "mail:read", false},
		{[]string{"mail:read"}, "mail:read", true},
		{[]string{"*"}, "admin", true},
		{[]string{"*"}, "tokens:vend:gmail", true},
		{[]string{"mail:*"}, "mail:read", true},
		{[]string{"mail:*"}, "mail:*", true},
		{[]string{"mail:read"}, "mail:*", false},
		{[]string{"mail:*"}, "mailbox:read", false},
		{[]string{"mail"}, "mail:read", false},
		{[]string{"mail:rea*"}, "mail:read", false},
		{[]string{"tokens:vend:*"}, "tokens:vend:gmail", true},
		{[]string{"tokens:vend:gmail"}, "tokens:vend:gmail.more", false},
		{[]string{"tokens:vend:gmail"}, "tokens:vend:", true},
		{[]string{"tokens:vend:*"}, "tokens:vend:", true},
		{[]string{"tokens:other:gmail", "admin"}, "tokens:vend:", false},
		{[]string{"", ":", "*:"}, "admin", false},
	} {
		require.Equal(t, c.holds, access.Holds(c.scopes, c.want), "%v %s", c.scopes, c.want)
	}
}

// The whole table of rights, written out: whoever changes it changes this.
func TestPolicy(t *testing.T) {
	const owners, admins, everyone = 1, 2, 3
	want := map[access.Action]struct {
		who   int
		scope string
	}{
		access.MailRead:           {everyone, "mail:read"},
		access.MailSync:           {everyone, "mail:*"},
		access.MailSend:           {everyone, "mail:send"},
		access.MailChange:         {everyone, "mail:write"},
		access.MailExport:         {everyone, "mail:read"},
		access.AccountsManage:     {everyone, "admin"},
		access.WebhooksManage:     {admins, "admin"},
		access.ConnectionRead:     {everyone, "mail:read"},
		access.ConnectionManage:   {everyone, "admin"},
		access.ConnectionsReadAll: {admins, "admin"},
		access.MembersRead:        {everyone, "admin"},
		access.MembersManage:      {admins, "admin"},
		access.WorkspaceManage:    {admins, "admin"},
		access.ApprovalRead:       {everyone, "mail:read"},
		access.ApprovalAsk:        {everyone, "admin"},
		access.AuditRead:          {admins, "admin"},
		access.DirectoryRead:      {admins, "admin"},
		access.RecordsRead:        {everyone, "records:read"},
		access.RecordsWrite:       {everyone, "records:write"},
		access.ObjectsManage:      {admins, "admin"},
		access.TokensManage:       {everyone, "tokens:vend:gmail"},
	}
	require.Len(t, access.Policy, len(want))
	for action, w := range want {
		for n, role := range []crm.Role{"", crm.RoleOwner, crm.RoleAdmin, crm.RoleMember} {
			may := n > 0 && n <= w.who
			for _, c := range []access.Caller{
				{Via: access.ViaSession, UserID: "u", Role: role},
				{Via: access.ViaToken, UserID: "u", Role: role},
				{Via: access.ViaKey, UserID: "u", Role: role, Scopes: []string{"x", w.scope}},
			} {
				err := access.Allow(c, action)
				if may {
					require.NoError(t, err, "%s %+v", action, c)
				} else {
					require.Equal(t, fault.Forbidden, fault.Of(err), "%s %+v", action, c)
				}
			}
			err := access.Allow(access.Caller{Via: access.ViaKey, UserID: "u", Role: role, Scopes: []string{"contacts:*", "calendar:write"}}, action)
			require.Equal(t, fault.Forbidden, fault.Of(err), "a key without the scope: %s", action)
			require.Equal(t, fault.Unauthenticated, fault.Of(access.Allow(access.Caller{Role: role}, action)))
			require.Equal(t, fault.Unauthenticated, fault.Of(access.Allow(access.Caller{Via: access.ViaSession, Role: role}, action)))
		}
		require.NoError(t, access.Allow(access.System("w"), action))
		if action == access.MailRead {
			require.NoError(t, access.Allow(access.Everyone("w"), action))
		} else {
			require.Equal(t, fault.Forbidden, fault.Of(access.Allow(access.Everyone("w"), action)), "a workspace as such reads and does nothing else: %s", action)
		}
		require.Error(t, access.Allow(access.Everyone(""), action))
	}
	require.Equal(t, fault.Forbidden, fault.Of(access.Allow(access.Caller{Via: access.ViaSession, UserID: "u", Role: crm.RoleOwner}, "no such action")))
}

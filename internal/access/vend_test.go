package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

func TestAllowVend(t *testing.T) {
	key := func(scopes ...string) access.Caller {
		return access.Caller{Via: access.ViaKey, UserID: "ada", KeyID: "k", Workspace: "w", Role: crm.RoleAdmin, Scopes: scopes}
	}
	members := func(scopes ...string) access.Caller {
		c := key(scopes...)
		c.Role = crm.RoleMember
		return c
	}
	person := func(via access.Via, id crm.UserID, role crm.Role) access.Caller {
		return access.Caller{Via: via, UserID: id, Workspace: "w", Role: role}
	}
	const yes fault.Kind = -1
	for _, c := range []struct {
		what    string
		who     access.Caller
		service crm.Service
		subject string
		want    fault.Kind
	}{
		{"a key for the service", key("tokens:vend:gmail"), "gmail", "anybody", yes},
		{"a key for another service", key("tokens:vend:gmail"), "drive", "anybody", fault.Forbidden},
		{"a key whose service only begins like it", key("tokens:vend:g"), "gmail", "anybody", fault.Forbidden},
		{"a key for every service", key("tokens:vend:*"), "drive", "anybody", yes},
		{"a key for all of tokens", key("tokens:*"), "drive", "anybody", yes},
		{"a key for everything", key("*"), "drive", "anybody", yes},
		{"a key of a plain member, for its maker", members("tokens:vend:*"), "gmail", "ada", yes},
		{"a key of a plain member, for somebody else", members("tokens:vend:*"), "gmail", "anybody", fault.Forbidden},
		{"the widest key of a plain member, for somebody else", members("*"), "gmail", "anybody", fault.Forbidden},
		{"a key for something else", key("mail:read", "records:*", "admin"), "gmail", "anybody", fault.Forbidden},
		{"a key without scopes, though its maker is the subject", key(), "gmail", "ada", fault.Forbidden},
		{"a key with a scope for no service", key("tokens:vend:"), "", "anybody", fault.Forbidden},
		{"a key of nobody", access.Caller{Via: access.ViaKey, Scopes: []string{"*"}}, "gmail", "ada", fault.Forbidden},
		{"one's own session", person(access.ViaSession, "ada", crm.RoleMember), "gmail", "ada", yes},
		{"one's own bearer", person(access.ViaToken, "ada", crm.RoleMember), "gmail", "ada", yes},
		{"a colleague's id", person(access.ViaSession, "ada", crm.RoleMember), "gmail", "ben", fault.Forbidden},
		{"a colleague's id, asked by the owner", person(access.ViaSession, "ada", crm.RoleOwner), "gmail", "ben", fault.Forbidden},
		{"nobody", access.Caller{}, "gmail", "ada", fault.Unauthenticated},
		{"nobody, for the empty subject", access.Caller{}, "gmail", "", fault.Unauthenticated},
		{"a session of nobody", person(access.ViaSession, "", crm.RoleOwner), "gmail", "", fault.Unauthenticated},
		{"our own work", access.System("w"), "gmail", "ada", yes},
	} {
		err := access.AllowVend(c.who, c.service, c.subject)
		if c.want == yes {
			require.NoError(t, err, c.what)
			continue
		}
		require.Error(t, err, c.what)
		require.Equal(t, c.want, fault.Of(err), c.what)
	}
}

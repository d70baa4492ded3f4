package org_test

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
)

// A cursor comes from outside: whatever it is, the answer is a page or a mistake
// of the caller.
func FuzzColleaguesCursor(f *testing.F) {
	r := open(f, storetest.SQLite)
	dir := &directory{users: []org.DirectoryUser{inDirectory(1, "a@x.example"), inDirectory(2, "b@x.example")}}
	r.Directory = dir
	c := r.caller(f)
	grant := r.granted(f, "env", string(r.owner.ID), org.ScopeDirectory)
	_, next, err := r.Colleagues(context.Background(), c, "", "", 1)
	require.NoError(f, err)
	for _, seed := range []string{"", next, string(grant), "eyJnIjoiIn0", "eyJnIjoieCIsInMiOi0xfQ", "{", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		list, _, err := r.Colleagues(context.Background(), c, "", cursor, 1)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		}
		require.LessOrEqual(t, len(list), 1)
	})
}

// A domain that is taken is a name that can stand behind an @, and is stored as
// it will be compared.
func FuzzAllowedDomains(f *testing.F) {
	r := open(f, storetest.SQLite)
	c := r.caller(f)
	for _, seed := range []string{"northwind-lamps.example", "@X.example.", "a..b", "xn--bcher-kva.example", "192.0.2.1", "\xff.example", "a.b\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := r.Decide(context.Background(), c, org.ApprovalWish{AllowedDomains: &[]string{text}})
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			return
		}
		d := a.AllowedDomains[0]
		require.True(t, utf8.ValidString(d) && d == strings.ToLower(d) && strings.Contains(d, ".") && !strings.ContainsAny(d, "@ /:\x00"), "%q", d)
		_, err = r.AddMember(context.Background(), access.System(r.w), org.NewMember{Email: "somebody@" + d, Role: crm.RoleMember, Again: true})
		require.NoError(t, err, "%q", d)
	})
}

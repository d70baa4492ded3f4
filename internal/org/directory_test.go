package org_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
)

// directory is an organisation that pages through its people, and refuses grants
// of those who may not look.
type directory struct {
	users   []org.DirectoryUser
	refuses map[crm.GrantID]error
	asked   []crm.GrantID
}

func (d *directory) Users(_ context.Context, g crm.GrantID, query, cursor string, n int) ([]org.DirectoryUser, string, error) {
	d.asked = append(d.asked, g)
	if err := d.refuses[g]; err != nil {
		return nil, "", err
	}
	var found []org.DirectoryUser
	for _, u := range d.users {
		if strings.Contains(u.Email, query) {
			found = append(found, u)
		}
	}
	at := 0
	if cursor != "" {
		at, _ = strconv.Atoi(cursor)
	}
	end := min(at+n, len(found))
	if end == len(found) {
		return found[at:], "", nil
	}
	return found[at:end], strconv.Itoa(end), nil
}

func inDirectory(id int, email string, change ...func(*org.DirectoryUser)) org.DirectoryUser {
	u := org.DirectoryUser{ID: fmt.Sprint("g", id), Email: email, Name: email}
	for _, f := range change {
		f(&u)
	}
	return u
}

// connect stores a connection of a member with a Google account.
func (r *room) connect(t *testing.T, u crm.UserID, sub, email string, status crm.ConnectionStatus) {
	t.Helper()
	text, err := crm.NewID(r.clock.Now(), r.Random)
	require.NoError(t, err)
	c := crm.Connection{ID: crm.ConnectionID(text), WorkspaceID: r.w, UserID: u, GoogleSub: sub, GoogleEmail: email, Status: status, Settings: crm.DefaultSettings(), CreatedAt: r.clock.Now()}
	require.NoError(t, r.store.Waiting(context.Background(), c))
}

func TestColleagues(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner, jonas := r.caller(t), r.person(t, "jonas@x.example", crm.RoleMember)
		renamed, alias, waiting := r.person(t, "old.name@x.example", crm.RoleMember), r.person(t, "a.short@x.example", crm.RoleMember), r.person(t, "waiting@x.example", crm.RoleMember)
		dir := &directory{users: []org.DirectoryUser{
			inDirectory(1, "Jonas@X.example"),
			inDirectory(2, "new.name@x.example"),
			inDirectory(3, "alexandra.long@x.example", func(u *org.DirectoryUser) { u.Aliases = []string{"A.Short@x.example"} }),
			inDirectory(4, "waiting@x.example"),
			inDirectory(5, "nobody.here@x.example"),
			inDirectory(6, "suspended@x.example", func(u *org.DirectoryUser) { u.Suspended = true }),
			inDirectory(7, "archived@x.example", func(u *org.DirectoryUser) { u.Archived = true }),
			inDirectory(8, "robot@x.example", func(u *org.DirectoryUser) { u.NoMailbox = true }),
			inDirectory(9, "gone@x.example"),
		}}
		r.Directory = dir
		gone := r.person(t, "gone@x.example", crm.RoleMember)
		_, err := r.store.LinkGoogle(ctx, renamed.UserID, "g2", r.clock.Now())
		require.NoError(t, err)
		r.connect(t, jonas.UserID, "other-sub", "jonas@x.example", crm.StatusDegraded)
		r.connect(t, renamed.UserID, "g2", "old.name@x.example", crm.StatusActive)
		r.connect(t, alias.UserID, "unknown", "a.short@x.example", crm.StatusNeedsReauth)
		r.connect(t, alias.UserID, "unknown2", "alexandra.long@x.example", crm.StatusDisconnected)
		r.connect(t, waiting.UserID, "g4", "waiting@x.example", crm.StatusWaitingForAdmin)
		r.connect(t, gone.UserID, "g9", "gone@x.example", crm.StatusDisconnected)
		_, err = r.CreateConnectLinks(ctx, owner, []org.LinkWish{{Email: "waiting@x.example"}}, nil)
		require.NoError(t, err)

		_, _, err = r.Colleagues(ctx, jonas, "", "", 0)
		require.True(t, fault.Is(err, fault.Forbidden))
		_, _, err = r.Colleagues(ctx, owner, "", "", 0)
		require.Equal(t, "directory_not_connected", codeOf(t, err))
		r.granted(t, "env", string(r.owner.ID), "openid", org.ScopeDirectory)
		list, next, err := r.Colleagues(ctx, owner, "", "", 0)
		require.NoError(t, err)
		require.Empty(t, next)
		type line struct {
			who       string
			member    crm.UserID
			connected bool
			status    crm.ConnectionStatus
			sent      bool
		}
		var got []line
		for _, v := range list {
			l := line{v.Email, "", v.Connected, v.Status, v.LinkSentAt != nil}
			if v.Member != nil {
				l.member = v.Member.UserID
			}
			got = append(got, l)
		}
		require.Equal(t, []line{
			{"Jonas@X.example", jonas.UserID, true, crm.StatusDegraded, false},
			{"new.name@x.example", renamed.UserID, true, crm.StatusActive, false},
			{"alexandra.long@x.example", alias.UserID, true, crm.StatusNeedsReauth, false},
			{"waiting@x.example", waiting.UserID, false, crm.StatusWaitingForAdmin, true},
			{"nobody.here@x.example", "", false, "", false},
			{"gone@x.example", gone.UserID, false, crm.StatusDisconnected, false},
		}, got)
		open, _, err := r.NotConnected(ctx, owner, "", "", 0)
		require.NoError(t, err)
		require.Len(t, open, 3)
		found, _, err := r.Colleagues(ctx, owner, "nobody", "", 0)
		require.NoError(t, err)
		require.Len(t, found, 1)
	})
}

func TestColleaguesInPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		dir := &directory{}
		for i := range 101 {
			dir.users = append(dir.users, inDirectory(i, fmt.Sprintf("p%03d@x.example", i), func(u *org.DirectoryUser) { u.Suspended = i%4 == 3 }))
			if i%3 != 0 {
				r.connect(t, r.owner.ID, fmt.Sprint("g", i), fmt.Sprintf("p%03d@x.example", i), crm.StatusActive)
			}
		}
		r.Directory = dir
		grant := r.granted(t, "env", string(r.owner.ID), org.ScopeDirectory)
		counted := &counting{Store: r.store}
		r.Store = counted
		walk := func(read func(context.Context, string, int) ([]org.Colleague, string, error), n int) []string {
			var seen []string
			for cursor := ""; ; {
				page, next, err := read(ctx, cursor, n)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page), n)
				for _, v := range page {
					seen = append(seen, v.Email)
				}
				if next == "" {
					return seen
				}
				cursor = next
			}
		}
		c := r.caller(t)
		var all, open []string
		for i, u := range dir.users {
			if !u.Suspended {
				all = append(all, u.Email)
				if i%3 == 0 {
					open = append(open, u.Email)
				}
			}
		}
		for _, n := range []int{1, 7, 50, 200} {
			require.Equal(t, all, walk(func(ctx context.Context, cursor string, n int) ([]org.Colleague, string, error) {
				return r.Colleagues(ctx, c, "", cursor, n)
			}, n), n)
			require.Equal(t, open, walk(func(ctx context.Context, cursor string, n int) ([]org.Colleague, string, error) {
				return r.NotConnected(ctx, c, "", cursor, n)
			}, n), n)
		}
		counted.acquainted.Store(0)
		_, _, err := r.Colleagues(ctx, c, "", "", 200)
		require.NoError(t, err)
		require.EqualValues(t, 1, counted.acquainted.Load(), "one look for a page")

		_, next, err := r.Colleagues(ctx, c, "", "", 10)
		require.NoError(t, err)
		for _, bad := range []string{"x", "e30", "{}"} {
			_, _, err = r.Colleagues(ctx, c, "", bad, 10)
			require.Equal(t, "bad_cursor", codeOf(t, err), bad)
		}
		g, err := r.store.Grant(ctx, grant)
		require.NoError(t, err)
		g.Status = vault.GrantDead
		require.NoError(t, r.store.SaveGrant(ctx, g))
		_, _, err = r.Colleagues(ctx, c, "", next, 10)
		require.Equal(t, "bad_cursor", codeOf(t, err), "pages of one account's listing are worth nothing with another")
	})
}

func TestWhoseGrantReadsTheDirectory(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner, admin, member := r.caller(t), r.person(t, "admin@x.example", crm.RoleAdmin), r.person(t, "m@x.example", crm.RoleMember)
		dir := &directory{users: []org.DirectoryUser{inDirectory(1, "a@x.example")}, refuses: map[crm.GrantID]error{}}
		r.Directory = dir
		r.granted(t, "env", string(member.UserID), org.ScopeDirectory)
		r.granted(t, "env", string(admin.UserID), "https://www.googleapis.com/auth/admin.directory.user.alias.readonly")
		_, _, err := r.Colleagues(ctx, owner, "", "", 0)
		require.Equal(t, "directory_not_connected", codeOf(t, err), "a member's grant is not for administrators, and another scope is another scope")
		theirs := r.granted(t, "env", string(admin.UserID), org.ScopeDirectory)
		_, _, err = r.Colleagues(ctx, owner, "", "", 0)
		require.NoError(t, err, "another administrator's")
		r.clock.Move(-time.Hour)
		own := r.granted(t, "env", string(r.owner.ID), "https://www.googleapis.com/auth/admin.directory.user")
		dir.asked = nil
		_, _, err = r.Colleagues(ctx, owner, "", "", 0)
		require.NoError(t, err)
		require.Equal(t, []crm.GrantID{own}, dir.asked, "one's own first")
		dir.refuses[own], dir.asked = fault.New(fault.Forbidden, "Not Authorized to access this resource/api"), nil
		_, _, err = r.Colleagues(ctx, owner, "", "", 0)
		require.NoError(t, err)
		require.Equal(t, []crm.GrantID{own, theirs}, dir.asked, "then the others'")
		dir.refuses[theirs] = fault.New(fault.Permission, "scope")
		_, _, err = r.Colleagues(ctx, owner, "", "", 0)
		require.Equal(t, "directory_refused", codeOf(t, err))
		dir.refuses[own] = fault.New(fault.Unavailable, "Google is away")
		_, _, err = r.Colleagues(ctx, owner, "", "", 0)
		require.True(t, fault.Is(err, fault.Unavailable), "that is no reason to try others")
		dir.refuses = nil
		require.NoError(t, r.ChangeRole(ctx, owner, admin.UserID, crm.RoleMember))
		dir.asked = nil
		_, _, err = r.Colleagues(ctx, owner, "", "", 0)
		require.NoError(t, err)
		require.False(t, slices.Contains(dir.asked, theirs))
	})
}

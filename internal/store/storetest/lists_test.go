package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

// walked is a list read page after page: what it holds, and of which workspaces
// or people it is.
type walked struct {
	ids, of []string
	at      []time.Time
}

func walk[T any](t *testing.T, size int, read func(org.Page) ([]T, string, error), row func(T) (id, of string, at time.Time)) walked {
	t.Helper()
	var w walked
	page := org.Page{Limit: size}
	for {
		list, next, err := read(page)
		require.NoError(t, err)
		for _, v := range list {
			id, of, at := row(v)
			w.ids, w.at = append(w.ids, id), append(w.at, at)
			if !slices.Contains(w.of, of) {
				w.of = append(w.of, of)
			}
		}
		if next == "" {
			require.LessOrEqual(t, len(list), size)
			return w
		}
		require.Len(t, list, size, "a page that goes on is full")
		page.Cursor = next
	}
}

// Read gives each list of the first workspace, from newest or oldest as it comes.
func (w *World) lists(t *testing.T, size int) map[string]walked {
	now := Start.Add(2 * time.Hour)
	members := func(q org.MemberQuery) walked {
		return walk(t, size, func(p org.Page) ([]crm.Member, string, error) { q.Page = p; return w.Members(ctx, w.Home, q) },
			func(m crm.Member) (string, string, time.Time) {
				return string(m.UserID), string(m.WorkspaceID), m.JoinedAt
			})
	}
	keys := func(state org.KeyState) walked {
		return walk(t, size, func(p org.Page) ([]org.APIKey, string, error) {
			return w.KeysOf(ctx, w.Home, org.KeyQuery{State: state, At: now, Page: p})
		}, func(k org.APIKey) (string, string, time.Time) {
			return string(k.ID), string(k.WorkspaceID), k.CreatedAt
		})
	}
	invitations := func(open time.Time) walked {
		return walk(t, size, func(p org.Page) ([]org.Invitation, string, error) {
			return w.InvitationsOf(ctx, w.Home, org.OpenQuery{OpenAt: open, Page: p})
		}, func(i org.Invitation) (string, string, time.Time) {
			return string(i.ID), string(i.WorkspaceID), i.CreatedAt
		})
	}
	links := func(open time.Time) walked {
		return walk(t, size, func(p org.Page) ([]org.ConnectLink, string, error) {
			return w.LinksOf(ctx, w.Home, org.OpenQuery{OpenAt: open, Page: p})
		}, func(l org.ConnectLink) (string, string, time.Time) {
			return string(l.ID), string(l.WorkspaceID), l.CreatedAt
		})
	}
	return map[string]walked{
		"members":          members(org.MemberQuery{}),
		"plain members":    members(org.MemberQuery{Role: crm.RoleMember}),
		"sought members":   members(org.MemberQuery{Q: "person X.EXAMPLE"}),
		"keys":             keys(""),
		"active keys":      keys(org.KeysActive),
		"ended keys":       keys(org.KeysEnded),
		"invitations":      invitations(time.Time{}),
		"open invitations": invitations(now),
		"links":            links(time.Time{}),
		"open links":       links(now),
		"sessions": walk(t, size, func(p org.Page) ([]org.Session, string, error) {
			return w.SessionsOf(ctx, w.Ada.ID, org.Alive{Now: now}, p)
		}, func(s org.Session) (string, string, time.Time) { return s.TokenHash, string(s.UserID), s.LastSeenAt }),
	}
}

func TestListsComeWholePageAfterPage(t *testing.T) {
	const n = 132
	// Active keys: those neither revoked nor expired by then; open invitations and
	// links: those of a day that nobody has used.
	want := map[string]int{"members": n + 2, "plain members": n, "sought members": n, "keys": n, "active keys": n / 3, "ended keys": n - n/3,
		"invitations": n, "open invitations": n / 2, "links": n, "open links": n - n/3, "sessions": n}
	rising := []string{"members", "plain members", "sought members", "keys", "active keys", "ended keys"}
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		w.Many(n)
		whole := w.lists(t, 500)
		for _, size := range []int{1, 50, 200} {
			for name, got := range w.lists(t, size) {
				require.Equal(t, whole[name], got, "%s, %d at a time", name, size)
			}
		}
		for name, got := range whole {
			require.Len(t, got.ids, want[name], name)
			seen := slices.Sorted(slices.Values(got.ids))
			require.Len(t, slices.Compact(seen), want[name], "%s: none comes twice", name)
			require.Len(t, got.of, 1, "%s of nobody else", name)
			order := time.Time.Compare
			if !slices.Contains(rising, name) {
				order = func(a, b time.Time) int { return b.Compare(a) }
			}
			require.True(t, slices.IsSortedFunc(got.at, order), name)
		}
		for _, bad := range []string{"x", "MC5h!", "!"} {
			_, _, err := w.Members(ctx, w.Home, org.MemberQuery{Page: org.Page{Cursor: bad}})
			require.Equal(t, fault.Invalid, fault.Of(err), bad)
		}
	})
}

// A cursor goes on where its page ended, whatever was added or taken away since.
func TestListsGoOnWhereTheyWereLeft(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		w.Many(9)
		whole := w.lists(t, 500)
		first, next, err := w.Members(ctx, w.Home, org.MemberQuery{Page: org.Page{Limit: 5}})
		require.NoError(t, err)
		require.NoError(t, w.RemoveMember(ctx, org.MemberChange{Workspace: w.Home, Target: first[4].UserID, At: Start}, func(org.Standing) (access.Audit, error) { return access.Audit{Action: "x"}, nil }))
		rest, _, err := w.Members(ctx, w.Home, org.MemberQuery{Page: org.Page{Cursor: next}})
		require.NoError(t, err)
		got := []string{}
		for _, m := range append(first, rest...) {
			got = append(got, string(m.UserID))
		}
		require.Equal(t, whole["members"].ids, got)

		latest, next, err := w.InvitationsOf(ctx, w.Home, org.OpenQuery{Page: org.Page{Limit: 4}})
		require.NoError(t, err)
		require.NoError(t, w.PutInvitation(ctx, org.Invitation{ID: "newer", WorkspaceID: w.Home, Email: "newer@x.example", CreatedAt: Start.Add(time.Hour), ExpiresAt: Start.Add(2 * time.Hour)}, "newer"))
		older, _, err := w.InvitationsOf(ctx, w.Home, org.OpenQuery{Page: org.Page{Cursor: next}})
		require.NoError(t, err)
		got = got[:0]
		for _, v := range append(latest, older...) {
			got = append(got, string(v.ID))
		}
		require.Subset(t, whole["invitations"].ids, got)
		require.NotContains(t, got, "newer")
	})
}

func TestMembersAreFound(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		for i, name := range []string{"Özgür Şahin", "Per_cent 100%", "Anna-Lena O'Brien", "Ada!"} {
			u := crm.User{ID: crm.UserID(fmt.Sprint("u", i)), Email: fmt.Sprintf("Person.%d@Harbour-Tea.example", i), Name: name}
			require.NoError(t, w.AddMember(ctx, crm.Member{WorkspaceID: w.Home, UserID: u.ID, Role: crm.RoleMember, JoinedAt: Start.Add(time.Duration(i+1) * time.Second)}, u))
		}
		find := func(q org.MemberQuery) []string {
			list, next, err := w.Members(ctx, w.Home, q)
			require.NoError(t, err)
			require.Empty(t, next)
			found := []string{}
			for _, m := range list {
				found = append(found, m.Name)
			}
			return found
		}
		for q, want := range map[string][]string{
			"özgür":              {"Özgür Şahin"},
			"ÖZGÜR":              {"Özgür Şahin"},
			"sahin":              {}, // an accent is a letter of its own
			"_":                  {"Per_cent 100%"},
			"100%":               {"Per_cent 100%"},
			"%":                  {"Per_cent 100%"},
			"!":                  {"Ada!"},
			"o'brien anna":       {"Anna-Lena O'Brien"},
			"anna harbour":       {"Anna-Lena O'Brien"},
			"ANNA northwind":     {},
			"ada":                {"ada", "Ada!"},
			"PERSON.2@harbour":   {"Anna-Lena O'Brien"},
			"cleo":               {},
			"\x00ben":            {"ben"},
			"  ":                 {"ada", "ben", "Özgür Şahin", "Per_cent 100%", "Anna-Lena O'Brien", "Ada!"},
			"'; DROP TABLE x --": {},
		} {
			require.Equal(t, want, find(org.MemberQuery{Q: q}), "%q", q)
		}
		require.Equal(t, []string{"ada"}, find(org.MemberQuery{Q: "ada", Role: crm.RoleOwner}))
		require.Equal(t, []string{"ben"}, find(org.MemberQuery{Role: crm.RoleAdmin}))
		require.Equal(t, []string{"ben", "Ada!"}, find(org.MemberQuery{Users: []crm.UserID{"u3", w.Ben.ID, w.Cleo.ID, "nobody", "\x00"}}), "of this workspace only")
	})
}

func TestSessionsOfAPerson(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		w.Many(60)
		alive := org.Alive{Now: Start.Add(time.Hour)}
		list, _, err := w.SessionsOf(ctx, w.Ada.ID, alive, org.Page{Limit: 500})
		require.NoError(t, err)
		for _, v := range []org.Session{list[0], list[59]} {
			got, err := w.SessionOf(ctx, w.Ada.ID, alive, v.ID())
			require.NoError(t, err)
			require.Equal(t, v, got)
			for _, other := range []struct {
				u     crm.UserID
				alive org.Alive
			}{{w.Cleo.ID, alive}, {w.Ada.ID, org.Alive{Now: Start.Add(100 * time.Hour)}}, {w.Ada.ID, org.Alive{Now: alive.Now, Since: v.CreatedAt}}} {
				_, err = w.SessionOf(ctx, other.u, other.alive, v.ID())
				require.Equal(t, fault.NotFound, fault.Of(err))
			}
		}
		young, _, err := w.SessionsOf(ctx, w.Ada.ID, org.Alive{Now: alive.Now, Since: list[3].CreatedAt}, org.Page{})
		require.NoError(t, err)
		require.Equal(t, list[:3], young, "those that began before are over, however much they are used")
	})
}

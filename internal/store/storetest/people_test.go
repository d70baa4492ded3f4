package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

func TestPeople(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		require.Equal(t, fault.Conflict, fault.Of(w.Setup(ctx, crm.Workspace{ID: "x"}, crm.User{ID: "x", Email: "x@x.example"})), "a second set-up")

		u, err := w.UserByEmail(ctx, "ADA@northwind-lamps.example")
		require.NoError(t, err)
		require.Equal(t, w.Ada, u)
		_, err = w.UserBySub(ctx, "")
		require.Equal(t, fault.NotFound, fault.Of(err), "nobody without a Google account is found by none")
		u.GoogleSub, u.PasswordHash, u.Name = "sub-1", crm.NewSecret("argon"), "Ada Quill"
		require.NoError(t, w.SaveUser(ctx, u))
		got, err := w.UserBySub(ctx, "sub-1")
		require.NoError(t, err)
		require.Equal(t, u, got)
		got, err = w.User(ctx, u.ID)
		require.NoError(t, err)
		require.Equal(t, u, got)
		ben := w.Ben
		ben.Email = "Ada@Northwind-Lamps.example"
		require.Equal(t, fault.Conflict, fault.Of(w.SaveUser(ctx, ben)), "an address is one person's")
		ben = w.Ben
		ben.GoogleSub = "sub-1"
		require.Equal(t, fault.Conflict, fault.Of(w.SaveUser(ctx, ben)), "a Google account is one person's")
		_, err = w.User(ctx, "nobody")
		require.Equal(t, fault.NotFound, fault.Of(err))
		_, err = w.UserByEmail(ctx, "nobody@x.example")
		require.Equal(t, fault.NotFound, fault.Of(err))
	})
}

func TestMembersAndWorkspaces(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		members, _, err := w.Members(ctx, w.Home, org.MemberQuery{})
		require.NoError(t, err)
		require.Equal(t, []crm.Member{
			{WorkspaceID: w.Home, UserID: w.Ada.ID, Email: w.Ada.Email, Name: "ada", Role: crm.RoleOwner, JoinedAt: Start},
			{WorkspaceID: w.Home, UserID: w.Ben.ID, Email: w.Ben.Email, Name: "ben", Role: crm.RoleAdmin, JoinedAt: Start},
		}, members)
		m, err := w.Member(ctx, w.Home, w.Ben.ID)
		require.NoError(t, err)
		require.Equal(t, members[1], m)
		_, outside := w.Member(ctx, w.Home, w.Cleo.ID)
		_, unknown := w.Member(ctx, "nowhere", w.Cleo.ID)
		require.Equal(t, fault.NotFound, fault.Of(outside))
		require.Equal(t, outside.Error(), unknown.Error(), "outside and unknown look alike")

		_, err = w.Only(ctx)
		require.Equal(t, fault.NotFound, fault.Of(err), "there are two")
		require.NoError(t, w.AddMember(ctx, crm.Member{WorkspaceID: w.Abroad, UserID: w.Ada.ID, Role: crm.RoleMember, JoinedAt: Start}, w.Ada))
		ofAda, err := w.WorkspacesOf(ctx, w.Ada.ID)
		require.NoError(t, err)
		require.Len(t, ofAda, 2)
		require.Equal(t, "Harbour Tea", ofAda[0].Workspace.Name)
		require.Equal(t, crm.RoleMember, ofAda[0].Role)
		ws := ofAda[1].Workspace
		require.Equal(t, crm.ProfileFull, ws.Approval.Profile)
		ws.Name, ws.Approval = "Northwind", crm.Approval{State: crm.ApprovalBlocked, AllowedDomains: []string{"a.example", "b.example"}, Profile: crm.ProfileRead}
		require.NoError(t, w.SaveWorkspace(ctx, ws))
		got, err := w.Workspace(ctx, w.Home)
		require.NoError(t, err)
		require.Equal(t, ws, got)
		_, err = w.Workspace(ctx, "nowhere")
		require.Equal(t, fault.NotFound, fault.Of(err))
		require.Equal(t, fault.Conflict, fault.Of(w.AddMember(ctx, crm.Member{WorkspaceID: "nowhere", UserID: w.Ada.ID}, w.Ada)))
	})
}

func TestSetupHappensOnce(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		s := Open(t, d)
		var wg sync.WaitGroup
		results := make(chan error, 6)
		for i := range 6 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				id := string(rune('a' + i))
				results <- s.Setup(ctx, crm.Workspace{ID: crm.WorkspaceID(id)}, crm.User{ID: crm.UserID(id), Email: id + "@x.example"})
			}()
		}
		wg.Wait()
		close(results)
		won := 0
		for err := range results {
			if err == nil {
				won++
			} else {
				require.Equal(t, fault.Conflict, fault.Of(err))
			}
		}
		require.Equal(t, 1, won)
		_, err := s.Only(ctx)
		require.NoError(t, err)
	})
}

func TestSessions(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		s := org.Session{TokenHash: "h", UserID: w.Ada.ID, CreatedAt: Start, LastSeenAt: Start, ExpiresAt: Start.Add(time.Hour), Remote: "192.0.2.1", UserAgent: "browser \x00"}
		require.NoError(t, w.PutSession(ctx, s))
		got, err := w.SessionByHash(ctx, "h", Start.Add(59*time.Minute))
		require.NoError(t, err)
		s.UserAgent = "browser "
		require.Equal(t, s, got)
		_, err = w.SessionByHash(ctx, "h", Start.Add(time.Hour))
		require.Equal(t, fault.NotFound, fault.Of(err))
		require.NoError(t, w.TouchSession(ctx, "h", Start.Add(time.Minute), Start.Add(2*time.Hour)))
		got, err = w.SessionByHash(ctx, "h", Start.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, Start.Add(time.Minute), got.LastSeenAt)
		w.Clock.Move(3 * time.Hour)
		s.TokenHash, s.ExpiresAt = "h2", Start.Add(5*time.Hour)
		require.NoError(t, w.PutSession(ctx, s))
		require.Len(t, w.Dump()["sessions"], 1, "expired ones are forgotten")
		require.NoError(t, w.DropSession(ctx, "h2"))
		_, err = w.SessionByHash(ctx, "h2", Start)
		require.Equal(t, fault.NotFound, fault.Of(err))
	})
}

func TestKeys(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		expires := Start.Add(time.Hour)
		k := org.APIKey{ID: "k1", WorkspaceID: w.Home, UserID: w.Ada.ID, Name: "script", Prefix: "rap_ab", Hash: []byte{1, 2, 0, 255}, Scopes: []string{"mail:read"}, ExpiresAt: &expires, CreatedAt: Start}
		require.NoError(t, w.PutKey(ctx, k))
		got, err := w.KeyByHash(ctx, k.Hash)
		require.NoError(t, err)
		require.Equal(t, k, got)
		_, err = w.KeyByHash(ctx, []byte{1, 2})
		require.Equal(t, fault.NotFound, fault.Of(err))
		require.NoError(t, w.TouchKey(ctx, "k1", Start))
		require.NoError(t, w.TouchKey(ctx, "k1", Start.Add(59*time.Second)))
		list, _, err := w.KeysOf(ctx, w.Home, org.KeyQuery{})
		require.NoError(t, err)
		require.Equal(t, Start, *list[0].LastUsedAt, "to the minute")
		require.NoError(t, w.TouchKey(ctx, "k1", Start.Add(time.Minute)))
		require.Equal(t, fault.NotFound, fault.Of(w.RevokeKey(ctx, w.Abroad, "k1", Start)))
		require.NoError(t, w.RevokeKey(ctx, w.Home, "k1", Start))
		require.NoError(t, w.RevokeKey(ctx, w.Home, "k1", Start.Add(time.Hour)))
		got, err = w.KeyByHash(ctx, k.Hash)
		require.NoError(t, err)
		require.Equal(t, Start, *got.RevokedAt)
		require.Equal(t, Start.Add(time.Minute), *got.LastUsedAt)
		list, _, err = w.KeysOf(ctx, w.Abroad, org.KeyQuery{})
		require.NoError(t, err)
		require.Empty(t, list)
	})
}

func TestAttempts(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		now := Start
		try := func(keys ...string) time.Duration {
			wait, err := w.Attempt(ctx, now, keys...)
			require.NoError(t, err)
			return wait
		}
		for range 5 {
			require.Zero(t, try("account:ada", "remote:1"))
		}
		require.Equal(t, time.Second, try("account:ada", "remote:1"))
		require.Equal(t, time.Second, try("account:ada"), "a try while waiting does not count")
		require.Equal(t, time.Second, try("account:ben", "remote:1"), "the address waits, whoever it tries")
		require.Zero(t, try("account:ben", "remote:2"))
		var waits []time.Duration
		for range 14 {
			now = now.Add(time.Hour)
			require.Zero(t, try("account:ada"))
			waits = append(waits, try("account:ada"))
		}
		require.Equal(t, []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second}, waits[:3])
		require.Equal(t, 15*time.Minute, waits[13])
		require.NoError(t, w.Succeeded(ctx, "account:ada", "remote:1"))
		require.Zero(t, try("account:ada"))
		for range 10 {
			now = now.Add(time.Hour)
			try("account:zoe")
		}
		now = now.Add(25 * time.Hour)
		require.Zero(t, try("account:zoe"))
		require.Zero(t, try("account:zoe"), "a quiet day forgets")
	})
}

func TestAttemptsSideBySide(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		var wg sync.WaitGroup
		var mu sync.Mutex
		free := 0
		for range 20 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				wait, err := w.Attempt(ctx, Start, "account:ada")
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				} else if wait == 0 {
					free++
				}
			}()
		}
		wg.Wait()
		require.Equal(t, 5, free)
	})
}

package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/vault"
)

func TestConsentsAreTakenOnce(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := vault.Consent{StateHash: "s", Maker: "key:k", WorkspaceID: w.Home, UserID: w.Ada.ID, ConnectionID: "c", ExpectedSub: "sub", Services: []crm.Service{crm.ServiceGmail, crm.ServiceCalendar},
			Scopes: []string{"a", "b"}, Verifier: crm.NewSecret("pkce"), Nonce: "n", ClientID: "env", RedirectURI: "https://x.example/cb", ReturnTo: "/crm", Purpose: "connect", ExpiresAt: Start.Add(10 * time.Minute)}
		require.NoError(t, w.PutConsent(ctx, c))
		_, err := w.TakeConsent(ctx, "other", Start)
		require.Equal(t, fault.NotFound, fault.Of(err))
		var wg sync.WaitGroup
		got := make(chan vault.Consent, 10)
		for range 10 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				v, err := w.TakeConsent(ctx, "s", Start)
				if err == nil {
					got <- v
				} else if !fault.Is(err, fault.NotFound) {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		require.Len(t, got, 1)
		require.Equal(t, c, <-got)

		require.NoError(t, w.PutConsent(ctx, c))
		_, err = w.TakeConsent(ctx, "s", c.ExpiresAt)
		require.Equal(t, fault.NotFound, fault.Of(err), "expired")
		w.Clock.Move(time.Hour)
		require.NoError(t, w.PutConsent(ctx, vault.Consent{StateHash: "t", ExpiresAt: Start.Add(2 * time.Hour)}))
		require.Len(t, w.Dump()["oauth_consents"], 1)
	})
}

func grant(w *World, id string) vault.Grant {
	domain := "x.example"
	return vault.Grant{ID: crm.GrantID(id), WorkspaceID: w.Home, UserID: w.Ada.ID, HostedDomain: &domain, GoogleSub: "sub-" + id, GoogleEmail: id + "@x.example", ClientID: "env",
		SealedAccess: "a-" + id, SealedRefresh: "r-" + id, Expiry: Start.Add(time.Hour), Scopes: []string{"x"}, Status: vault.GrantActive,
		Failures: 2, RetryAt: Start.Add(time.Minute), LastUsedAt: Start, CreatedAt: Start, UpdatedAt: Start}
}

func TestGrants(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		g := grant(w, "g")
		require.NoError(t, w.SaveGrant(ctx, g))
		got, err := w.Grant(ctx, "g")
		require.NoError(t, err)
		require.Equal(t, g, got)
		got, err = w.FindGrant(ctx, w.Home, w.Ada.ID, "sub-g", "env")
		require.NoError(t, err)
		require.Equal(t, g, got)
		for _, find := range []func() (vault.Grant, error){
			func() (vault.Grant, error) { return w.Grant(ctx, "nothing") },
			func() (vault.Grant, error) { return w.FindGrant(ctx, w.Abroad, w.Ada.ID, "sub-g", "env") },
			func() (vault.Grant, error) { return w.FindGrant(ctx, w.Home, w.Ben.ID, "sub-g", "env") },
			func() (vault.Grant, error) { return w.FindGrant(ctx, w.Home, w.Ada.ID, "sub-g", "other") },
		} {
			_, err := find()
			require.Equal(t, fault.NotFound, fault.Of(err))
		}
		twin := g
		twin.ID = "twin"
		require.Equal(t, fault.Conflict, fault.Of(w.SaveGrant(ctx, twin)), "one grant for an account, client, user and workspace")
	})
}

func TestRefreshLease(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		g := grant(w, "g")
		require.NoError(t, w.SaveGrant(ctx, g))
		until := Start.Add(30 * time.Second)
		lease := func(holder string, now time.Time) bool {
			_, mine, err := w.LeaseGrant(ctx, "g", holder, now, now.Add(30*time.Second))
			require.NoError(t, err)
			return mine
		}
		require.True(t, lease("one", Start))
		require.False(t, lease("two", Start))
		require.True(t, lease("one", Start), "the holder may take it again")
		require.False(t, lease("two", until.Add(-time.Millisecond)))
		require.True(t, lease("two", until), "a lease that has run out is free")

		fresh := g
		fresh.SealedAccess = "a2"
		require.Equal(t, fault.Conflict, fault.Of(w.SaveRefreshed(ctx, fresh, "one")))
		require.NoError(t, w.SaveRefreshed(ctx, fresh, "two"))
		require.Equal(t, fault.Conflict, fault.Of(w.SaveRefreshed(ctx, fresh, "two")), "the lease has ended")
		got, mine, err := w.LeaseGrant(ctx, "g", "one", until, until.Add(time.Minute))
		require.NoError(t, err)
		require.True(t, mine)
		require.Equal(t, "a2", got.SealedAccess, "re-read under the lease")

		got.LastUsedAt = until
		require.NoError(t, w.SaveGrant(ctx, got))
		require.False(t, lease("two", until), "noting a use does not end a refresh under way")
		got.Status = vault.GrantRevoked
		require.NoError(t, w.SaveGrant(ctx, got))
		require.Equal(t, fault.Conflict, fault.Of(w.SaveRefreshed(ctx, fresh, "one")), "a refresh does not bring a revoked grant back")
		_, _, err = w.LeaseGrant(ctx, "nothing", "one", Start, until)
		require.Equal(t, fault.NotFound, fault.Of(err))
	})
}

func TestOneRefreshOfMany(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		require.NoError(t, w.SaveGrant(ctx, grant(w, "g")))
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for i := range 20 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				_, mine, err := w.LeaseGrant(ctx, "g", fmt.Sprint(i), Start, Start.Add(time.Minute))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if mine {
					won++
				}
			}()
		}
		wg.Wait()
		require.Equal(t, 1, won)
	})
}

func TestReseal(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		for i := range 5 {
			require.NoError(t, w.SaveGrant(ctx, grant(w, fmt.Sprint("g", i))))
		}
		page, err := w.ResealPage(ctx, "", 3)
		require.NoError(t, err)
		require.Len(t, page, 3)
		rest, err := w.ResealPage(ctx, page[2].ID, 3)
		require.NoError(t, err)
		require.Len(t, rest, 2)
		sealed := page[0]
		sealed.SealedAccess, sealed.SealedRefresh, sealed.Failures = "A", "R", 99
		done, err := w.Reseal(ctx, page[0], sealed)
		require.NoError(t, err)
		require.True(t, done)
		done, err = w.Reseal(ctx, page[0], sealed)
		require.NoError(t, err)
		require.False(t, done, "the old values do not stand there any more")
		got, err := w.Grant(ctx, page[0].ID)
		require.NoError(t, err)
		require.Equal(t, "A", got.SealedAccess)
		require.Equal(t, 2, got.Failures, "only the sealed values are swapped")
	})
}

func TestOtherUses(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "shared")
		g, err := w.Grant(ctx, c.GrantID)
		require.NoError(t, err)
		uses := func() map[crm.ClientID]int {
			n, err := w.OtherUses(ctx, g)
			require.NoError(t, err)
			return n
		}
		require.Empty(t, uses())
		abroad := w.Connect(w.Abroad, w.Cleo, "shared")
		w.Connect(w.Abroad, w.Cleo, "another account")
		require.Equal(t, map[crm.ClientID]int{"env": 1}, uses(), "the same account in another workspace")
		other, err := w.Grant(ctx, abroad.GrantID)
		require.NoError(t, err)
		for status, n := range map[vault.GrantStatus]int{vault.GrantRevoked: 0, vault.GrantDead: 0, vault.GrantSealed: 1, vault.GrantActive: 1} {
			other.Status = status
			require.NoError(t, w.SaveGrant(ctx, other))
			require.Equal(t, n, uses()["env"], status)
		}
		other.ClientID, other.Status = "another client", vault.GrantActive
		require.NoError(t, w.SaveGrant(ctx, other))
		token := g
		token.ID, token.UserID, token.Service = "token", "shop-7", crm.ServiceDrive
		require.NoError(t, w.SaveGrant(ctx, token))
		require.Equal(t, map[crm.ClientID]int{"env": 1, "another client": 1}, uses(), "the vault decides which clients share a project")
	})
}

func TestConnections(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		seq := w.last()
		since := Start.Add(-24 * time.Hour)
		c := w.Connect(w.Home, w.Ada, "ada", func(c *crm.Connection) {
			c.Settings.Since, c.Settings.Labels, c.StatusReason = &since, []string{"*"}, "why"
			c.WantedScopes = append(c.WantedScopes, "calendar")
		})
		facts := w.told(seq)
		require.Equal(t, []fact.Kind{fact.ConnectionGranted, fact.GrantChanged}, kinds(facts))
		require.Equal(t, c.ID, facts[0].ConnectionID)
		require.Equal(t, w.Ada.ID, facts[1].UserID)
		require.JSONEq(t, `{"grant_id":"`+string(c.GrantID)+`","status":"active"}`, string(facts[1].Data))
		require.Equal(t, w.Ada.ID, facts[0].UserID)
		got, err := w.Connection(ctx, w.Home, c.ID)
		require.NoError(t, err)
		require.Equal(t, c, got)
		got, err = w.ConnectionByID(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, c, got)
		got, err = w.FindConnection(ctx, w.Home, w.Ada.ID, c.GoogleSub)
		require.NoError(t, err)
		require.Equal(t, c.ID, got.ID)
		_, err = w.Connection(ctx, w.Abroad, c.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))
		_, err = w.FindConnection(ctx, w.Home, w.Ben.ID, c.GoogleSub)
		require.Equal(t, fault.NotFound, fault.Of(err))

		twin := c
		twin.ID, twin.GrantID = "twin", "twin"
		require.Equal(t, fault.Conflict, fault.Of(w.Granted(ctx, twin, grant(w, "twin"))))
		_, err = w.Grant(ctx, "twin")
		require.Equal(t, fault.NotFound, fault.Of(err), "nothing of it stays")
	})
}

func TestNobodyIsConnectedAfterTheyWereRemoved(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ben, "ben")
		require.NoError(t, w.RemoveMember(ctx, org.MemberChange{Workspace: w.Home, Target: w.Ben.ID, At: Start},
			func(org.Standing) (access.Audit, error) { return access.Audit{Action: "member.remove"}, nil }))
		g, err := w.Grant(ctx, c.GrantID)
		require.NoError(t, err)
		c.Status = crm.StatusDegraded
		require.Equal(t, fault.Forbidden, fault.Of(w.Granted(ctx, c, g)), "the consent page was open meanwhile")
		got, err := w.ConnectionByID(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, crm.StatusActive, got.Status)
	})
}

func TestLostAndRecovered(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		status := func() crm.ConnectionStatus {
			got, err := w.ConnectionByID(ctx, c.ID)
			require.NoError(t, err)
			return got.Status
		}
		seq := w.last()
		require.NoError(t, w.Lost(ctx, c.GrantID, "Connect again.", Start))
		require.Equal(t, crm.StatusActive, status(), "the grant is active: somebody has reconnected")
		g, err := w.Grant(ctx, c.GrantID)
		require.NoError(t, err)
		g.Status = vault.GrantDead
		require.NoError(t, w.SaveGrant(ctx, g))
		require.Equal(t, []fact.Kind{fact.GrantChanged}, kinds(w.told(seq)))
		seq = w.last()
		require.NoError(t, w.Recovered(ctx, c.GrantID, Start))
		require.Empty(t, w.told(seq))
		at := Start.Add(time.Hour)
		require.NoError(t, w.Lost(ctx, c.GrantID, "Connect again.", at))
		require.NoError(t, w.Lost(ctx, c.GrantID, "Connect again.", at))
		require.Equal(t, []fact.Kind{fact.ConnectionLost}, kinds(w.told(seq)), "told once")
		got, err := w.ConnectionByID(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, crm.StatusNeedsReauth, got.Status)
		require.Equal(t, "Connect again.", got.StatusReason)
		require.Equal(t, at, got.UpdatedAt)
		require.NoError(t, w.Recovered(ctx, c.GrantID, at))
		require.Equal(t, crm.StatusActive, status())

		got.Status = crm.StatusDisconnected
		require.NoError(t, w.Dropped(ctx, got, g))
		require.NoError(t, w.Lost(ctx, c.GrantID, "x", at))
		require.Equal(t, crm.StatusDisconnected, status())
		got.Status = crm.StatusWaitingForAdmin
		require.NoError(t, w.Waiting(ctx, got))
		require.Equal(t, crm.StatusWaitingForAdmin, status())
	})
}

func TestRecoveredToDegraded(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", func(c *crm.Connection) {
			c.Status, c.WantedScopes = crm.StatusNeedsReauth, []string{"https://www.googleapis.com/auth/gmail.readonly", "https://www.googleapis.com/auth/calendar"}
			c.GrantedScopes = c.WantedScopes[:1]
		})
		require.NoError(t, w.Recovered(ctx, c.GrantID, Start))
		got, err := w.ConnectionByID(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, crm.StatusDegraded, got.Status)
	})
}

func TestChangeOfAConnection(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		mine, err := w.Mine(ctx, Caller(w.Home, w.Ada))
		require.NoError(t, err)
		require.Len(t, mine, 1)
		mine, err = w.Mine(ctx, Caller(w.Home, w.Ben))
		require.NoError(t, err)
		require.Empty(t, mine)
		list, _, err := w.ConnectionsOf(ctx, w.Home, "", 0)
		require.NoError(t, err)
		require.Len(t, list, 1)

		seq := w.last()
		w.Clock.Move(time.Minute)
		got, err := w.Change(ctx, Caller(w.Home, w.Ada), c.ID, func(c *crm.Connection) error {
			c.Settings.Limit, c.UserID, c.WorkspaceID = 5, w.Ben.ID, w.Abroad
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 5, got.Settings.Limit)
		require.Equal(t, w.Ada.ID, got.UserID, "the owner stays")
		require.Equal(t, w.Clock.Now(), got.UpdatedAt)
		require.Equal(t, []fact.Kind{fact.ConnectionChanged}, kinds(w.told(seq)))
		seq = w.last()
		_, err = w.Change(ctx, Caller(w.Home, w.Ada), c.ID, func(*crm.Connection) error { return nil })
		require.NoError(t, err)
		require.Empty(t, w.told(seq), "no change is no fact")
		no := fault.New(fault.Invalid, "no")
		_, err = w.Change(ctx, Caller(w.Home, w.Ada), c.ID, func(c *crm.Connection) error { c.Settings.Limit = 6; return no })
		require.ErrorIs(t, err, no)
		for _, stranger := range []access.Caller{Caller(w.Home, w.Ben), Caller(w.Abroad, w.Ada), Caller(w.Abroad, w.Cleo), {Workspace: w.Home}} {
			_, err = w.Change(ctx, stranger, c.ID, func(*crm.Connection) error { t.Error("called"); return nil })
			require.Equal(t, fault.NotFound, fault.Of(err))
		}
		got, err = w.ConnectionByID(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, 5, got.Settings.Limit)
	})
}

func TestDueConnections(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		a, b := w.Connect(w.Home, w.Ada, "a"), w.Connect(w.Home, w.Ada, "b")
		w.Connect(w.Home, w.Ada, "paused", func(c *crm.Connection) { c.Status = crm.StatusPaused })
		w.Connect(w.Home, w.Ada, "off", func(c *crm.Connection) { c.GmailSync = false })
		degraded := w.Connect(w.Home, w.Ada, "degraded", func(c *crm.Connection) { c.Status = crm.StatusDegraded })
		due := func(now time.Time, after crm.ConnectionID, n int) []crm.ConnectionID {
			list, err := w.DueConnections(ctx, now, after, n)
			require.NoError(t, err)
			return list
		}
		require.Equal(t, []crm.ConnectionID{a.ID, b.ID, degraded.ID}, due(Start, "", 10))
		require.Equal(t, []crm.ConnectionID{a.ID, b.ID}, due(Start, "", 2))
		require.Equal(t, []crm.ConnectionID{degraded.ID}, due(Start, b.ID, 2))
		require.NoError(t, w.Polled(ctx, a.ID, Start.Add(time.Minute)))
		require.Equal(t, []crm.ConnectionID{b.ID, degraded.ID}, due(Start.Add(59*time.Second), "", 10))
		require.Equal(t, []crm.ConnectionID{a.ID, b.ID, degraded.ID}, due(Start.Add(time.Minute), "", 10))
	})
}

package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/vault"
)

// exec runs a statement beside the store.
func (w *World) exec(query string, args ...any) {
	w.T.Helper()
	db := w.Look()
	defer func() { require.NoError(w.T, db.Close()) }()
	_, err := db.Exec(query, args...)
	require.NoError(w.T, err)
}

// token is a grant of the token service.
func token(w *World, id, subject string, service crm.Service) vault.Grant {
	g := grant(w, id)
	g.UserID, g.Service, g.GoogleSub = crm.UserID(subject), service, "sub-shop"
	g.ConsentedAt, g.RefreshExpiresAt, g.DiedAt, g.Lived = Start, Start.Add(7*24*time.Hour), Start.Add(-time.Hour), 90*time.Minute
	return g
}

func ids(list []vault.Grant) []string {
	out := []string{}
	for _, g := range list {
		out = append(out, string(g.ID))
	}
	return out
}

func TestGrantsOfTheTokenService(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		drive, gmail := token(w, "t1", "shop-7", crm.ServiceDrive), token(w, "t2", "shop-7", crm.ServiceGmail)
		other := token(w, "t3", "shop-8", crm.ServiceDrive)
		other.CreatedAt = Start.Add(time.Hour)
		abroad := token(w, "t4", "shop-7", crm.ServiceDrive)
		abroad.WorkspaceID = w.Abroad
		connection := w.Connect(w.Home, w.Ada, "ada")
		for _, g := range []vault.Grant{drive, gmail, other, abroad} {
			require.NoError(t, w.SaveGrant(ctx, g))
		}
		got, err := w.ServiceGrant(ctx, w.Home, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		require.Equal(t, drive, got, "every field")
		for _, c := range [][2]string{{"shop-9", "drive"}, {"shop-7", "sheets"}, {"shop-7", ""}, {string(w.Ada.ID), ""}, {"shop\x00-7", "sheets"}} {
			_, err := w.ServiceGrant(ctx, w.Home, c[0], crm.Service(c[1]))
			require.Equal(t, fault.NotFound, fault.Of(err), c)
		}
		list, err := w.ServiceGrants(ctx, w.Home, "shop-7")
		require.NoError(t, err)
		require.Equal(t, []string{"t1", "t2"}, ids(list))

		twin := token(w, "twin", "shop-7", crm.ServiceDrive)
		twin.GoogleSub = "another account"
		require.Equal(t, fault.Conflict, fault.Of(w.SaveGrant(ctx, twin)), "one for a subject and service, whatever the account")
		_, err = w.FindGrant(ctx, w.Home, "shop-7", "sub-shop", "env")
		require.Equal(t, fault.NotFound, fault.Of(err), "they are no connection's")

		page, next, err := w.ServiceGrantsOf(ctx, w.Home, "", 2)
		require.NoError(t, err)
		require.Equal(t, []string{"t3", "t2"}, ids(page), "the newest first")
		rest, end, err := w.ServiceGrantsOf(ctx, w.Home, next, 2)
		require.NoError(t, err)
		require.Equal(t, []string{"t1"}, ids(rest))
		require.Empty(t, end)
		_, _, err = w.ServiceGrantsOf(ctx, w.Home, "nonsense", 2)
		require.Equal(t, fault.Invalid, fault.Of(err))

		own, err := w.OwnGrants(ctx, w.Home, w.Ada.ID)
		require.NoError(t, err)
		require.Equal(t, []string{string(connection.GrantID)}, ids(own))
		for _, c := range []struct {
			w crm.WorkspaceID
			u crm.UserID
		}{{w.Home, w.Ben.ID}, {w.Abroad, w.Ada.ID}, {w.Home, "shop-7"}, {w.Home, ""}} {
			own, err = w.OwnGrants(ctx, c.w, c.u)
			require.NoError(t, err)
			require.Empty(t, own)
		}
		connection.Status = crm.StatusDisconnected
		require.NoError(t, w.Dropped(ctx, connection, heldBy(t, w, connection)))
		own, err = w.OwnGrants(ctx, w.Home, w.Ada.ID)
		require.NoError(t, err)
		require.Empty(t, own)
	})
}

func heldBy(t *testing.T, w *World, c crm.Connection) vault.Grant {
	t.Helper()
	g, err := w.Grant(ctx, c.GrantID)
	require.NoError(t, err)
	return g
}

func TestTwoConsentsAtOnceMakeOneGrant(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		var all sync.WaitGroup
		var made atomic.Int64
		for i := range 16 {
			all.Go(func() {
				err := w.SaveGrant(ctx, token(w, fmt.Sprint("g", i), "shop-7", crm.ServiceDrive))
				if err == nil {
					made.Add(1)
				} else if !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, made.Load())
	})
}

func TestEndGrant(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		g := token(w, "g", "shop-7", crm.ServiceDrive)
		require.NoError(t, w.SaveGrant(ctx, g))
		_, mine, err := w.LeaseGrant(ctx, "g", "refresher", Start, Start.Add(time.Minute))
		require.NoError(t, err)
		require.True(t, mine)
		earlier := g
		earlier.ConsentedAt = Start.Add(-time.Hour)
		ended, err := w.EndGrant(ctx, earlier, vault.GrantRevoked, Start)
		require.NoError(t, err)
		require.False(t, ended, "it was consented to anew")
		seq := w.last()
		ended, err = w.EndGrant(ctx, g, vault.GrantRevoked, Start.Add(time.Minute))
		require.NoError(t, err)
		require.True(t, ended)
		facts := w.told(seq)
		require.Equal(t, []fact.Kind{fact.GrantChanged}, kinds(facts))
		require.Equal(t, crm.UserID("shop-7"), facts[0].UserID)
		require.JSONEq(t, `{"grant_id":"g","service":"drive","status":"revoked"}`, string(facts[0].Data))
		got, err := w.Grant(ctx, "g")
		require.NoError(t, err)
		require.Equal(t, vault.GrantRevoked, got.Status)
		require.Empty(t, got.SealedAccess+got.SealedRefresh)
		require.Equal(t, fault.Conflict, fault.Of(w.SaveRefreshed(ctx, g, "refresher")), "a refresh under way does not bring it back")
	})
}

func TestFactsOfGrants(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		_, at, err := w.GrantFacts(ctx, -1)
		require.NoError(t, err)
		require.Zero(t, at)
		g := token(w, "g", "shop-7", crm.ServiceDrive)
		require.NoError(t, w.SaveGrant(ctx, g))
		w.tell(1) // about something else
		require.NoError(t, w.Tell(ctx, fact.Fact{Kind: fact.ApprovalDecided, WorkspaceID: w.Home}))
		facts, at, err := w.GrantFacts(ctx, 0)
		require.NoError(t, err)
		require.Equal(t, []fact.Kind{fact.GrantChanged, fact.ApprovalDecided}, kinds(facts))
		require.Equal(t, w.last(), at)
		facts, again, err := w.GrantFacts(ctx, at)
		require.NoError(t, err)
		require.Empty(t, facts)
		require.Equal(t, at, again)
		facts, again, err = w.GrantFacts(ctx, -1)
		require.NoError(t, err)
		require.Empty(t, facts, "before the first look there is nothing to tell")
		require.Equal(t, at, again)

		refresh := func(change func(*vault.Grant)) int {
			seq := w.last()
			now := w.Clock.Now()
			g, mine, err := w.LeaseGrant(ctx, "g", "x", now, now.Add(time.Minute))
			require.NoError(t, err)
			require.True(t, mine)
			change(&g)
			require.NoError(t, w.SaveRefreshed(ctx, g, "x"))
			return len(w.told(seq))
		}
		require.Zero(t, refresh(func(*vault.Grant) {}), "the end of a lease is no change")
		require.Zero(t, refresh(func(g *vault.Grant) { g.Failures, g.RetryAt = 3, Start.Add(time.Minute) }))
		require.Equal(t, 1, refresh(func(g *vault.Grant) { g.SealedAccess = "next" }), "a token that seemed good was replaced")
		w.Clock.Move(55 * time.Minute)
		require.Zero(t, refresh(func(g *vault.Grant) { g.SealedAccess, g.Expiry = "third", w.Clock.Now().Add(time.Hour) }), "the usual refresh")
		require.Equal(t, 1, refresh(func(g *vault.Grant) { g.Scopes = []string{"less"} }))
		require.Equal(t, 1, refresh(func(g *vault.Grant) { g.Status, g.DiedAt, g.Lived = vault.GrantDead, Start, time.Hour }))
		got, err := w.Grant(ctx, "g")
		require.NoError(t, err)
		require.Equal(t, Start, got.DiedAt)
		require.Equal(t, time.Hour, got.Lived)
	})
}

func TestIdleGrants(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		month := Start.Add(-30 * 24 * time.Hour)
		for id, change := range map[string]func(*vault.Grant){
			"a-idle":    func(*vault.Grant) {},
			"b-used":    func(g *vault.Grant) { g.LastUsedAt = month },
			"c-dead":    func(g *vault.Grant) { g.Status = vault.GrantDead },
			"d-sealed":  func(g *vault.Grant) { g.Status = vault.GrantSealed },
			"e-waiting": func(g *vault.Grant) { g.RetryAt = Start.Add(time.Minute) },
			"f-waited":  func(g *vault.Grant) { g.RetryAt = Start },
			"g-idle":    func(*vault.Grant) {},
		} {
			g := grant(w, id)
			g.LastUsedAt, g.RetryAt = month.Add(-time.Second), time.Time{}
			change(&g)
			require.NoError(t, w.SaveGrant(ctx, g))
		}
		list, err := w.IdleGrants(ctx, month, Start, "", 2)
		require.NoError(t, err)
		require.Equal(t, []crm.GrantID{"a-idle", "f-waited"}, list)
		list, err = w.IdleGrants(ctx, month, Start, "f-waited", 2)
		require.NoError(t, err)
		require.Equal(t, []crm.GrantID{"g-idle"}, list)
	})
}

func TestSumsOfClients(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		since := Start.Add(-60 * 24 * time.Hour)
		week := 7 * 24 * time.Hour
		n := 0
		put := func(client crm.ClientID, change func(*vault.Grant)) {
			n++
			g := grant(w, fmt.Sprint("g", n))
			g.ClientID, g.ConsentedAt = client, Start.Add(-time.Hour)
			change(&g)
			require.NoError(t, w.SaveGrant(ctx, g))
		}
		died := func(lived time.Duration) func(*vault.Grant) {
			return func(g *vault.Grant) { g.Status, g.DiedAt, g.Lived = vault.GrantDead, Start, lived }
		}
		put("env", func(*vault.Grant) {})
		put("env", func(g *vault.Grant) { g.ConsentedAt, g.LastUsedAt = Start.Add(-2*time.Hour), Start })
		put("env", func(g *vault.Grant) { g.Status = vault.GrantSealed })
		put("env", func(g *vault.Grant) { g.Status = vault.GrantRevoked })
		put("env", died(week))
		put("env", died(week-6*time.Hour))
		put("env", died(week+6*time.Hour))
		put("env", died(week-6*time.Hour-time.Second))
		put("env", died(week+6*time.Hour+time.Second))
		put("env", func(g *vault.Grant) { died(week)(g); g.DiedAt = since.Add(-time.Second) })
		put("env", func(g *vault.Grant) { died(week)(g); g.WorkspaceID = w.Abroad })
		put("ends", func(g *vault.Grant) { g.RefreshExpiresAt = Start.Add(2 * time.Hour) })
		put("ends", func(g *vault.Grant) { g.RefreshExpiresAt = Start.Add(time.Hour) })
		put("ends", func(g *vault.Grant) { g.RefreshExpiresAt, g.Status = Start.Add(time.Minute), vault.GrantDead })
		put("old", func(g *vault.Grant) { g.ConsentedAt, g.LastUsedAt = Start.Add(-week-7*time.Hour), Start })
		put("old", func(g *vault.Grant) { g.ConsentedAt, g.LastUsedAt = time.Time{}, Start })
		put("abroad", func(g *vault.Grant) { g.WorkspaceID = w.Abroad })
		put("gone", func(g *vault.Grant) { g.Status = vault.GrantRevoked })
		list, err := w.ClientGrants(ctx, w.Home, since)
		require.NoError(t, err)
		require.Equal(t, []vault.ClientGrants{
			{Client: "ends", Active: 2, Dead: 1, NextEnd: Start.Add(time.Hour), FirstConsent: Start.Add(-time.Hour)},
			{Client: "env", Active: 2, Dead: 6, Sealed: 1, FirstConsent: Start.Add(-2 * time.Hour), WeekDeaths: 4},
			{Client: "old", Active: 2, FirstConsent: Start.Add(-week - 7*time.Hour), Outlived: 1},
		}, list)
	})
}

func TestASecurityEventActsOnce(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		w.exec("UPDATE users SET google_sub = 'sub-ada' WHERE id = $1", string(w.Ada.ID))
		users, err := w.AccountUsers(ctx, "sub-ada")
		require.NoError(t, err)
		require.Equal(t, []crm.UserID{w.Ada.ID}, users)
		users, err = w.AccountUsers(ctx, "")
		require.NoError(t, err)
		require.Empty(t, users, "nobody is everybody without an account")

		c := w.Connect(w.Home, w.Ada, "ada")
		spared := w.Connect(w.Home, w.Ben, "ben")
		g := token(w, "g", "shop-7", crm.ServiceDrive)
		g.GoogleSub = "sub-ada"
		require.NoError(t, w.SaveGrant(ctx, g))
		list, err := w.AccountGrants(ctx, "sub-ada")
		require.NoError(t, err)
		require.Equal(t, []string{string(c.GrantID), "g"}, ids(list))

		session := func(hash string, u crm.User) {
			now, err := w.User(ctx, u.ID)
			require.NoError(t, err)
			require.NoError(t, w.PutSession(ctx, org.Session{TokenHash: hash, UserID: u.ID, CreatedAt: Start, LastSeenAt: Start, ExpiresAt: Start.Add(24 * time.Hour), TokensAfter: now.TokensAfter}))
		}
		session("adas", w.Ada)
		session("bens", w.Ben)
		e := vault.SecurityEvent{JTI: "jti-1", Kind: vault.EventTokensRevoked, Sub: "sub-ada"}
		seq := w.last()
		var first atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				did, err := w.Distrust(ctx, e, []crm.GrantID{c.GrantID, "g", "nothing"}, []crm.UserID{w.Ada.ID}, "Connect again.", Start)
				if err != nil {
					t.Error(err)
				}
				if did {
					first.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, first.Load())
		require.Equal(t, []fact.Kind{fact.GrantChanged, fact.ConnectionLost, fact.GrantChanged}, kinds(w.told(seq)))
		for _, id := range []crm.GrantID{c.GrantID, "g"} {
			got, err := w.Grant(ctx, id)
			require.NoError(t, err)
			require.Equal(t, vault.GrantDead, got.Status)
			require.Empty(t, got.SealedAccess+got.SealedRefresh)
		}
		got, err := w.ConnectionByID(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, crm.StatusNeedsReauth, got.Status)
		require.Equal(t, "Connect again.", got.StatusReason)
		got, err = w.ConnectionByID(ctx, spared.ID)
		require.NoError(t, err)
		require.Equal(t, crm.StatusActive, got.Status)
		list, err = w.AccountGrants(ctx, "sub-ada")
		require.NoError(t, err)
		require.Empty(t, list, "none of them lives")

		open, _, err := w.SessionsOf(ctx, w.Ada.ID, org.Alive{Now: Start}, org.Page{})
		require.NoError(t, err)
		require.Empty(t, open, "signed out")
		open, _, err = w.SessionsOf(ctx, w.Ben.ID, org.Alive{Now: Start}, org.Page{})
		require.NoError(t, err)
		require.Len(t, open, 1)

		session("adas next", w.Ada)
		// A new consent is not undone by the repetition of an old event.
		require.NoError(t, w.SaveGrant(ctx, g))
		did, err := w.Distrust(ctx, e, []crm.GrantID{"g"}, []crm.UserID{w.Ada.ID}, "x", Start)
		require.NoError(t, err)
		require.False(t, did)
		again, err := w.Grant(ctx, "g")
		require.NoError(t, err)
		require.Equal(t, vault.GrantActive, again.Status)
		open, _, err = w.SessionsOf(ctx, w.Ada.ID, org.Alive{Now: Start}, org.Page{})
		require.NoError(t, err)
		require.Len(t, open, 1, "nor a new session ended")
	})
}

func TestSecretsOfClientsAreResealed(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		for _, id := range []string{"c2", "c1"} {
			w.exec(`INSERT INTO oauth_clients (id, workspace_id, name, google_client_id, client_secret, created_by, created_at, updated_at)
				VALUES ($1, '', 'Lamps', $2, 'old', '', 1, 1)`, id, "100-"+id+".apps")
		}
		list, err := w.SealedClients(ctx)
		require.NoError(t, err)
		require.Equal(t, []vault.SealedClient{{ID: "c1", Secret: "old"}, {ID: "c2", Secret: "old"}}, list)
		done, err := w.ResealClient(ctx, "c1", "old", "new")
		require.NoError(t, err)
		require.True(t, done)
		done, err = w.ResealClient(ctx, "c1", "old", "newer")
		require.NoError(t, err)
		require.False(t, done, "somebody has entered another meanwhile")
		list, err = w.SealedClients(ctx)
		require.NoError(t, err)
		require.Equal(t, "new", list[0].Secret)
	})
}

func TestAConnectLinkIsSpentWithItsConnection(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		link := func(id string, u crm.User) {
			w.exec(`INSERT INTO connect_links (id, workspace_id, user_id, services, token_hash, created_by, created_at, expires_at)
				VALUES ($1, $2, $3, '[]', $4, '', 1, 1)`, id, string(w.Home), string(u.ID), id)
		}
		link("first", w.Ada)
		link("taken-back", w.Ada)
		link("bens", w.Ben)
		w.exec("UPDATE connect_links SET revoked_at = 2 WHERE id = 'taken-back'")
		connect := func(account string, id crm.LinkID) error {
			c := crm.Connection{ID: crm.ConnectionID("c-" + account), WorkspaceID: w.Home, UserID: w.Ada.ID, GrantID: crm.GrantID("g-" + account), GoogleSub: account,
				Status: crm.StatusActive, Settings: crm.DefaultSettings(), CreatedAt: Start}
			g := grant(w, "g-"+account)
			return w.GrantedByLink(ctx, c, g, id)
		}
		for _, bad := range []crm.LinkID{"taken-back", "bens", "nothing"} {
			err := connect("a", bad)
			require.Equal(t, fault.Conflict, fault.Of(err), bad)
			_, err = w.Grant(ctx, "g-a")
			require.Equal(t, fault.NotFound, fault.Of(err), "nothing of it stays")
		}
		var all sync.WaitGroup
		var made atomic.Int64
		for i := range 8 {
			all.Go(func() {
				if connect(fmt.Sprint(i), "first") == nil {
					made.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, made.Load(), "one use")
	})
}

func TestScopesThatShrank(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		all := []string{vault.ScopeGmailReadonly, vault.ScopeCalendar}
		with := func(status crm.ConnectionStatus) func(*crm.Connection) {
			return func(c *crm.Connection) { c.Status, c.GrantedScopes, c.WantedScopes = status, all, all }
		}
		for before, after := range map[crm.ConnectionStatus]crm.ConnectionStatus{
			crm.StatusActive: crm.StatusDegraded, crm.StatusPaused: crm.StatusPaused, crm.StatusNeedsReauth: crm.StatusNeedsReauth,
		} {
			c := w.Connect(w.Home, w.Ada, string(before), with(before))
			seq := w.last()
			for range 2 {
				require.NoError(t, w.Rescoped(ctx, c.GrantID, all[:1], Start.Add(time.Hour)))
			}
			require.Equal(t, []fact.Kind{fact.ConnectionChanged}, kinds(w.told(seq)), "told once")
			got, err := w.ConnectionByID(ctx, c.ID)
			require.NoError(t, err)
			require.Equal(t, after, got.Status)
			require.Equal(t, all[:1], got.GrantedScopes)
			require.NoError(t, w.Rescoped(ctx, c.GrantID, all, Start.Add(time.Hour)))
			got, err = w.ConnectionByID(ctx, c.ID)
			require.NoError(t, err)
			require.Equal(t, before, got.Status)
		}
	})
}

func TestConnectionsOfAWorkspaceInPages(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		for i := range 5 {
			w.Connect(w.Home, w.Ada, fmt.Sprint("a", i))
			if i%2 == 1 {
				w.Clock.Move(time.Minute)
			}
		}
		w.Connect(w.Abroad, w.Cleo, "far")
		g, err := w.FindGrant(ctx, w.Home, w.Ada.ID, "sub-a0", "env")
		require.NoError(t, err)
		g.RefreshExpiresAt = Start.Add(time.Hour)
		require.NoError(t, w.SaveGrant(ctx, g))
		var seen []string
		cursor := ""
		for {
			page, next, err := w.ConnectionsOf(ctx, w.Home, cursor, 2)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page), 2)
			for _, h := range page {
				seen = append(seen, h.GoogleSub)
				require.Equal(t, w.Ada.Email, h.UserEmail)
				require.Equal(t, vault.GrantActive, h.Grant)
				require.Equal(t, crm.ClientID("env"), h.Client)
				require.Equal(t, h.GoogleSub == "sub-a0", h.RefreshExpiresAt != nil)
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		require.Equal(t, []string{"sub-a0", "sub-a1", "sub-a2", "sub-a3", "sub-a4"}, seen)
	})
}

func TestWritesOfTheVaultAreAtomic(t *testing.T) {
	t.Run("distrust", func(t *testing.T) {
		atomically(t, func(w *World) func() error {
			c := w.Connect(w.Home, w.Ada, "ada")
			return func() error {
				_, err := w.Distrust(ctx, vault.SecurityEvent{JTI: "1", Kind: vault.EventTokensRevoked, Sub: "sub-ada"}, []crm.GrantID{c.GrantID}, []crm.UserID{w.Ada.ID}, "Connect again.", Start)
				return err
			}
		})
	})
	t.Run("end grant", func(t *testing.T) {
		atomically(t, func(w *World) func() error {
			g := token(w, "g", "shop-7", crm.ServiceDrive)
			require.NoError(w.T, w.SaveGrant(ctx, g))
			return func() error {
				_, err := w.EndGrant(ctx, g, vault.GrantRevoked, Start)
				return err
			}
		})
	})
	t.Run("a refresh that dies", func(t *testing.T) {
		atomically(t, func(w *World) func() error {
			g := token(w, "g", "shop-7", crm.ServiceDrive)
			require.NoError(w.T, w.SaveGrant(ctx, g))
			_, _, err := w.LeaseGrant(ctx, "g", "x", Start, Start.Add(time.Minute))
			require.NoError(w.T, err)
			g.Status = vault.GrantDead
			return func() error { return w.SaveRefreshed(ctx, g, "x") }
		})
	})
}

func TestMembersAndMakersOfKeys(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		end := Start.Add(time.Hour)
		require.NoError(t, w.PutKey(ctx, org.APIKey{ID: "k", WorkspaceID: w.Home, UserID: w.Ben.ID, Hash: []byte("k"), CreatedAt: Start, ExpiresAt: &end}))
		ben := vault.Person{ID: w.Ben.ID, Email: w.Ben.Email, GoogleSub: w.Ben.GoogleSub, Role: crm.RoleAdmin}
		p, err := w.Person(ctx, w.Home, w.Ben.ID)
		require.NoError(t, err)
		require.Equal(t, ben, p)
		for _, stranger := range []crm.UserID{w.Cleo.ID, "shop-7", "", "a\x00\xff"} {
			_, err = w.Person(ctx, w.Home, stranger)
			require.Equal(t, fault.NotFound, fault.Of(err))
		}
		p, err = w.KeyMaker(ctx, w.Home, "k", Start)
		require.NoError(t, err)
		require.Equal(t, ben, p)
		gone := func(ws crm.WorkspaceID, k crm.KeyID, at time.Time) {
			t.Helper()
			_, err := w.KeyMaker(ctx, ws, k, at)
			require.Equal(t, fault.NotFound, fault.Of(err))
		}
		gone(w.Home, "k", end)
		gone(w.Abroad, "k", Start)
		gone(w.Home, "", Start)
		require.NoError(t, w.RevokeKey(ctx, w.Home, "k", Start))
		gone(w.Home, "k", Start)
	})
}

package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/vault"
)

// furnished is a world with one of everything that people's acts are about.
func furnished(t *testing.T, d Database) *World {
	w := NewWorld(t, d)
	end := Start.Add(time.Hour)
	require.NoError(t, w.PutSession(ctx, org.Session{TokenHash: "h1", UserID: w.Ben.ID, CreatedAt: Start, LastSeenAt: Start, ExpiresAt: end}))
	require.NoError(t, w.PutKey(ctx, org.APIKey{ID: "key", WorkspaceID: w.Home, UserID: w.Ben.ID, Hash: []byte("x"), CreatedAt: Start}))
	require.NoError(t, w.PutInvitation(ctx, org.Invitation{ID: "in", WorkspaceID: w.Home, Email: "new@x.example", Role: crm.RoleAdmin, InvitedBy: w.Ben.ID, CreatedAt: Start, ExpiresAt: end}, "token"))
	_, err := w.PutLinks(ctx, w.Home, Start, []org.NewLink{{Link: org.ConnectLink{ID: "link", WorkspaceID: w.Home, Email: w.Ben.Email, CreatedAt: Start, ExpiresAt: end}, TokenHash: "link"}})
	require.NoError(t, err)
	require.NoError(t, w.SaveGoogleClient(ctx, org.ClientRow{GoogleClient: org.GoogleClient{ID: "client", WorkspaceID: w.Home, GoogleID: "g", CreatedAt: Start}}))
	_, _, err = w.AskApproval(ctx, org.ApprovalRequest{WorkspaceID: w.Home, UserID: w.Ben.ID, AskedAt: Start})
	require.NoError(t, err)
	return w
}

// acts is everything that people do here, each with an audit row.
func acts(w *World) map[string]func() error {
	row := access.Audit{At: Start, Workspace: w.Home, Action: "act", Outcome: "ok"}
	yes := func(org.Standing) (access.Audit, error) { return row, nil }
	change := org.MemberChange{Workspace: w.Home, Actor: w.Ada.ID, Target: w.Ben.ID, At: Start}
	end := Start.Add(time.Hour)
	return map[string]func() error{
		"add a member": func() error {
			return w.AddMember(ctx, crm.Member{WorkspaceID: w.Home, UserID: w.Cleo.ID, Role: crm.RoleMember}, w.Cleo, row)
		},
		"change a role":       func() error { return w.ChangeRole(ctx, change, crm.RoleMember, yes) },
		"remove a member":     func() error { return w.RemoveMember(ctx, change, yes) },
		"set a password":      func() error { return w.SetPassword(ctx, w.Ben, crm.NewSecret("hash"), "", row) },
		"sign out everywhere": func() error { return w.SignOut(ctx, []crm.UserID{w.Ben.ID}, "", row) },
		"end a session":       func() error { return w.DropSession(ctx, "h1", row) },
		"make a key": func() error {
			return w.PutKey(ctx, org.APIKey{ID: "k2", WorkspaceID: w.Home, UserID: w.Ben.ID, Hash: []byte("y")}, row)
		},
		"revoke a key": func() error { return w.RevokeKey(ctx, w.Home, "key", Start, row) },
		"invite": func() error {
			return w.PutInvitation(ctx, org.Invitation{ID: "i2", WorkspaceID: w.Home, Email: "new@x.example", CreatedAt: Start, ExpiresAt: end}, "t2", row)
		},
		"revoke an invitation": func() error { return w.RevokeInvitation(ctx, w.Home, "in", Start, row) },
		"accept an invitation": func() error {
			return w.AcceptInvitations(ctx, crm.User{ID: "u", Email: "new@x.example"}, []crm.InvitationID{"in"}, Start, func(org.Invitation) access.Audit { return row })
		},
		"make a link": func() error {
			_, err := w.PutLinks(ctx, w.Home, Start, []org.NewLink{{Link: org.ConnectLink{ID: "l2", WorkspaceID: w.Home, UserID: "u", Email: "l@x.example", ExpiresAt: end}, User: crm.User{ID: "u", Email: "l@x.example"}, TokenHash: "l2", Row: row}})
			return err
		},
		"revoke a link": func() error { return w.RevokeLink(ctx, w.Home, "link", Start, row) },
		"use a link":    func() error { return w.UseLink(ctx, "link", Start) },
		"enter a client": func() error {
			return w.SaveGoogleClient(ctx, org.ClientRow{GoogleClient: org.GoogleClient{ID: "c2", WorkspaceID: w.Home, GoogleID: "g2"}}, row)
		},
		"end a client": func() error { _, err := w.EndGoogleClient(ctx, "client", Start, row); return err },
		"decide": func() error {
			_, err := w.DecideApproval(ctx, w.Home, Start, func(a *crm.Approval) ([]access.Audit, bool, error) {
				a.State = crm.ApprovalBlocked
				return []access.Audit{row}, true, nil
			})
			return err
		},
		"ask": func() error {
			_, _, err := w.AskApproval(ctx, org.ApprovalRequest{WorkspaceID: w.Home, UserID: w.Ada.ID}, row)
			return err
		},
		"close a request": func() error { return w.AnswerRequest(ctx, w.Home, w.Ben.ID, Start, row) },
	}
}

// What people do is done with its audit row, or not done at all.
func TestActsAreDoneWithTheirAuditRow(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := furnished(t, d)
		broken := errors.New("the disk is full")
		before := w.Dump()
		for name, act := range acts(w) {
			tried := false
			w.Hook = func(_ context.Context, op string) error {
				if strings.HasSuffix(op, "/insert audit") {
					tried = true
					return broken
				}
				return nil
			}
			require.ErrorIs(t, act(), broken, name)
			require.True(t, tried, name)
			w.Hook = nil
			require.Equal(t, before, w.Dump(), name)
		}
		for name := range acts(w) {
			w := furnished(t, d)
			n := len(w.Dump()["audit_log"])
			require.NoError(t, acts(w)[name](), name)
			require.Len(t, w.Dump()["audit_log"], n+1, name)
		}
	})
}

func TestJudgesSeeHowThingsStand(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		var seen org.Standing
		no := fault.New(fault.Forbidden, "no")
		refuse := func(st org.Standing) (access.Audit, error) { seen = st; return access.Audit{}, no }
		c := org.MemberChange{Workspace: w.Home, Actor: w.Ada.ID, Target: w.Ben.ID, At: Start}
		before := w.Dump()
		require.ErrorIs(t, w.ChangeRole(ctx, c, crm.RoleOwner, refuse), no)
		require.Equal(t, w.Ben.ID, seen.Target.UserID)
		require.Equal(t, crm.RoleAdmin, seen.Target.Role)
		require.Equal(t, crm.RoleOwner, seen.Actor.Role)
		require.Equal(t, 1, seen.Owners)
		require.ErrorIs(t, w.RemoveMember(ctx, c, refuse), no)
		c.Actor = w.Cleo.ID
		require.ErrorIs(t, w.RemoveMember(ctx, c, refuse), no)
		require.Nil(t, seen.Actor, "no member here")
		c.Target = w.Cleo.ID
		require.Equal(t, fault.NotFound, fault.Of(w.RemoveMember(ctx, c, refuse)))
		c.Workspace = "nowhere"
		require.Equal(t, fault.NotFound, fault.Of(w.ChangeRole(ctx, c, crm.RoleAdmin, refuse)))
		require.Equal(t, before, w.Dump())
	})
}

// Removing a member ends what hangs on being one, and nothing else.
func TestWhatARemovalEnds(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := furnished(t, d)
		c := w.Connect(w.Home, w.Ben, "ben")
		w.Put(c, Whole(Mail(1), Mail(2))...)
		require.NoError(t, w.PutInvitation(ctx, org.Invitation{ID: "back", WorkspaceID: w.Home, Email: w.Ben.Email, CreatedAt: Start, ExpiresAt: Start.Add(time.Hour)}, "back"))
		for _, table := range []string{"Home", "Abroad"} {
			ws := map[string]crm.WorkspaceID{"Home": w.Home, "Abroad": w.Abroad}[table]
			lease(t, w, ws, w.Ben.ID, "key of "+table)
		}
		for _, ws := range []crm.WorkspaceID{w.Home, w.Abroad} {
			require.NoError(t, w.PutConsent(ctx, vault.Consent{StateHash: "of " + string(ws), WorkspaceID: ws, UserID: w.Ben.ID, ExpiresAt: Start.Add(time.Hour)}))
		}
		before := w.Dump()
		at := Start.Add(time.Minute)
		require.NoError(t, w.RemoveMember(ctx, org.MemberChange{Workspace: w.Home, Target: w.Ben.ID, At: at}, func(org.Standing) (access.Audit, error) { return access.Audit{Action: "x"}, nil }))
		after := w.Dump()
		for table := range before {
			switch table {
			case "members", "sessions", "users", "api_keys", "token_leases", "connect_links", "invitations", "approval_requests", "oauth_consents", "facts", "audit_log":
				require.NotEqual(t, before[table], after[table], table)
			default:
				require.Equal(t, before[table], after[table], "%s: nothing that was synced is lost", table)
			}
		}
		require.Empty(t, after["sessions"])
		require.Empty(t, after["approval_requests"])
		require.Len(t, after["oauth_consents"], 1, "what is under way elsewhere goes on")
		for _, table := range []string{"connect_links", "invitations"} {
			for _, line := range after[table] {
				require.NotContains(t, line, "revoked_at=<nil>", table)
			}
		}
		cut := 0
		for _, line := range after["token_leases"] {
			if !strings.Contains(line, "cut_at=<nil>") {
				cut++
			}
		}
		require.Equal(t, 1, cut, "leases of other workspaces go on")
	})
}

// lease stores a lease by hand: what takes leases is another room.
func lease(t *testing.T, w *World, ws crm.WorkspaceID, u crm.UserID, key string) {
	t.Helper()
	db := w.Look()
	defer func() { _ = db.Close() }()
	_, err := db.Exec(`INSERT INTO token_leases (id, workspace_id, user_id, key_id, name, subject, service, token_hash, methods, paths, per_minute, max_calls, created_at, expires_at)
		VALUES ($1, $2, $3, $4, '', '', '', $1, '[]', '[]', 1, 1, 1, 2)`, "lease of "+key, string(ws), string(u), key)
	require.NoError(t, err)
}

func TestRevokedKeysCutTheirLeases(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := furnished(t, d)
		lease(t, w, w.Home, w.Ben.ID, "key")
		lease(t, w, w.Home, w.Ben.ID, "other")
		require.NoError(t, w.RevokeKey(ctx, w.Home, "key", Start))
		for _, line := range w.Dump()["token_leases"] {
			require.Equal(t, strings.Contains(line, "key_id=other"), strings.Contains(line, "cut_at=<nil>"), line)
		}
	})
}

func TestManyLinksAtOnce(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		var list []org.NewLink
		for range 300 {
			id := w.ID()
			list = append(list, org.NewLink{Link: org.ConnectLink{ID: crm.LinkID(id), WorkspaceID: w.Home, UserID: crm.UserID(id), Email: id + "@x.example", Services: []crm.Service{"gmail"}, CreatedAt: Start, ExpiresAt: Start.Add(time.Hour)},
				User: crm.User{ID: crm.UserID(id), Email: id + "@x.example", Name: "P\x00"}, TokenHash: id, Row: access.Audit{Workspace: w.Home, Action: "connect_link.create"}})
		}
		made, err := w.PutLinks(ctx, w.Home, Start, list)
		require.NoError(t, err)
		require.Len(t, made, 300)
		members, _, err := w.Members(ctx, w.Home, org.MemberQuery{Page: org.Page{Limit: 500}})
		require.NoError(t, err)
		require.Len(t, members, 302)
		links, _, err := w.LinksOf(ctx, w.Home, org.OpenQuery{Page: org.Page{Limit: 500}})
		require.NoError(t, err)
		require.Len(t, links, 300)
		require.Equal(t, []crm.Service{"gmail"}, links[0].Services)
		_, err = w.PutLinks(ctx, "nowhere", Start, list[:1])
		require.Equal(t, fault.NotFound, fault.Of(err))
	})
}

func TestInvitationsAreAcceptedWhileOpen(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		invite := func(id crm.InvitationID, ws crm.WorkspaceID) {
			require.NoError(t, w.PutInvitation(ctx, org.Invitation{ID: id, WorkspaceID: ws, Email: string(id) + "@x.example", Role: crm.RoleAdmin, CreatedAt: Start, ExpiresAt: Start.Add(time.Hour)}, string(id)))
		}
		accept := func(u crm.User, at time.Time, ids ...crm.InvitationID) error {
			return w.AcceptInvitations(ctx, u, ids, at, func(in org.Invitation) access.Audit { return access.Audit{Workspace: in.WorkspaceID, Action: "joined"} })
		}
		for _, id := range []crm.InvitationID{"used", "revoked", "late", "home"} {
			invite(id, w.Home)
		}
		invite("abroad", w.Abroad)
		require.NoError(t, accept(w.Cleo, Start, "used"))
		require.NoError(t, w.RevokeInvitation(ctx, w.Home, "revoked", Start))
		before := w.Dump()
		stranger := crm.User{ID: "stranger", Email: "stranger@x.example"}
		for _, err := range []error{accept(stranger, Start, "used"), accept(stranger, Start, "revoked"), accept(stranger, Start.Add(time.Hour), "late"), accept(stranger, Start, "none"), accept(stranger, Start), accept(w.Cleo, Start, "used")} {
			require.Equal(t, fault.NotFound, fault.Of(err))
		}
		require.Equal(t, before, w.Dump(), "nobody came of it")
		require.NoError(t, accept(stranger, Start, "used", "home", "abroad"), "those that are open count")
		list, err := w.WorkspacesOf(ctx, "stranger")
		require.NoError(t, err)
		require.Len(t, list, 2)
		invite("again", w.Home)
		require.NoError(t, accept(w.Ada, Start, "again"))
		m, err := w.Member(ctx, w.Home, w.Ada.ID)
		require.NoError(t, err)
		require.Equal(t, crm.RoleOwner, m.Role, "who is a member stays what they are")
	})
}

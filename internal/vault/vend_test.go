package vault_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/vault"
	"rapport/internal/vault/vaulttest"
)

// authorized is a house on the bubble's clock with one token of the service.
func authorized(t *testing.T) (*house, vault.Grant) {
	t.Helper()
	h := &house{}
	h.memory = vaulttest.New(vault.Client{ID: "env", GoogleID: "100-x.apps"})
	h.provider = vaulttest.NewProvider(time.Now)
	h.Service, h.key = serviceOn(t, h.memory, h.provider, time.Now)
	_, err := h.authorize(t, "shop-7", crm.ServiceDrive, adas)
	require.NoError(t, err)
	g, err := h.memory.ServiceGrant(t.Context(), "lamps", "shop-7", crm.ServiceDrive)
	require.NoError(t, err)
	return h, g
}

func faultOf(t *testing.T, err error) *fault.Error {
	t.Helper()
	var e *fault.Error
	require.ErrorAs(t, err, &e)
	return e
}

func TestVendGivesATokenAndItsAuditRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, g := authorized(t)
		v, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		require.NotEmpty(t, v.Token.Reveal())
		require.Equal(t, "shop-7", v.Subject)
		require.Equal(t, crm.ServiceDrive, v.Service)
		require.Contains(t, v.Scopes, vault.ScopeDriveFile)
		require.Greater(t, time.Until(v.Expiry), 5*time.Minute)
		row := h.memory.Rows[len(h.memory.Rows)-1]
		require.Equal(t, access.Audit{At: time.Now().UTC(), Workspace: "lamps", UserID: "ada", KeyID: "shop-key", Via: access.ViaKey, Action: "token.vend",
			Target: "drive", Outcome: "ok", Detail: "grant " + string(g.ID), Remote: "192.0.2.7"}, row)
	})
}

func TestNothingIsVendedWithoutItsAuditRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		synctest.Wait()
		h.memory.Fail = func(m string) error {
			if m == "Record" {
				return errors.New("disk full")
			}
			return nil
		}
		for range 2 { // also what is on the shelf
			v, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
			require.ErrorContains(t, err, "disk full")
			require.Empty(t, v.Token.Reveal())
		}
	})
}

func TestWhoIsVendedWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, err := h.connect(t, ada, vault.Request{}, adas) // ada's mailbox and calendar
		require.NoError(t, err)
		key := func(maker crm.UserID, scopes ...string) access.Caller {
			return access.Caller{Via: access.ViaKey, UserID: maker, KeyID: "k", Workspace: "lamps", Role: crm.RoleOwner, Scopes: scopes}
		}
		in := func(c access.Caller, w crm.WorkspaceID) access.Caller { c.Workspace = w; return c }
		for _, c := range []struct {
			what    string
			who     access.Caller
			subject string
			service crm.Service
			want    string
		}{
			{"a key of anybody, for a token of the service", key("bo", "tokens:vend:drive"), "shop-7", "drive", ""},
			{"a key for another service", key("bo", "tokens:vend:gmail"), "shop-7", "drive", "insufficient_scope"},
			{"the same key in another workspace", in(key("bo", "*"), "other"), "shop-7", "drive", "token_not_found"},
			{"a service not authorised", key("bo", "*"), "shop-7", "gmail", "token_not_found"},
			{"a subject nobody knows", key("bo", "*"), "shop-8", "drive", "token_not_found"},
			{"one's own session, one's own connection", ada, "ada", "gmail", ""},
			{"one's own session, the other service of the connection", ada, "ada", "calendar", ""},
			{"a key one made, one's own connection", key("ada", "tokens:vend:gmail", "tokens:vend:calendar"), "ada", "gmail", ""},
			{"a key one made, a connection that opens more than the key", key("ada", "tokens:vend:gmail"), "ada", "gmail", "token_not_found"},
			{"the same, after a session was served", key("ada", "tokens:vend:calendar"), "ada", "calendar", "token_not_found"},
			{"a colleague's key never reaches a private mailbox", key("bo", "*"), "ada", "gmail", "token_not_found"},
			{"a colleague's session", bo, "ada", "gmail", "not_your_tokens"},
			{"an owner's session", access.Caller{Via: access.ViaSession, UserID: "own", Workspace: "lamps", Role: crm.RoleOwner}, "ada", "gmail", "not_your_tokens"},
			{"a service the connection does not cover", ada, "ada", "contacts", "token_not_found"},
			{"one's own id in another workspace", in(ada, "other"), "ada", "gmail", "token_not_found"},
			{"nobody", access.Caller{Workspace: "lamps"}, "shop-7", "drive", ""},
			{"a service nobody has defined", key("bo", "*"), "shop-7", "fax", "unknown_service"},
			{"the empty service", key("bo", "*"), "shop-7", "", "unknown_service"},
			{"no id", key("bo", "*"), "", "drive", "bad_user_id"},
			{"an id that is too long", key("bo", "*"), strings.Repeat("x", 201), "drive", "bad_user_id"},
			{"an id that is broken", key("bo", "*"), "a\xff", "drive", "bad_user_id"},
		} {
			v, err := h.Vend(t.Context(), c.who, c.subject, c.service)
			if c.who.Via == access.ViaNobody {
				require.Equal(t, fault.Unauthenticated, fault.Of(err), c.what)
				continue
			}
			require.Equal(t, c.want, code(err), c.what)
			require.Equal(t, c.want == "", !v.Token.IsZero(), c.what)
		}
		for _, row := range h.memory.Rows {
			require.False(t, row.Via == access.ViaNobody && row.Action == "token.vend", "nobody can fill the trail")
		}
	})
}

func TestAnOpenHouseVendsToAnybodyButNoPrivateMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, err := h.connect(t, ada, vault.Request{}, adas)
		require.NoError(t, err)
		h.Open = true
		visitor := access.Caller{Workspace: "lamps", Remote: "127.0.0.1"}
		_, err = h.Vend(t.Context(), visitor, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		require.Equal(t, access.ViaNobody, h.memory.Rows[len(h.memory.Rows)-1].Via)
		_, err = h.Vend(t.Context(), visitor, "ada", crm.ServiceGmail)
		require.Equal(t, "token_not_found", code(err))
		_, err = h.Vend(t.Context(), access.Caller{}, "shop-7", crm.ServiceDrive)
		require.Equal(t, fault.Unauthenticated, fault.Of(err), "no workspace")
	})
}

func TestErrorsOfVendNameTheWayOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, g := authorized(t)
		good := func(err error) {
			t.Helper()
			action := faultOf(t, err).Action
			_, err = h.Authorize(t.Context(), access.Caller{}, read(t, action), vault.TokenRequest{})
			require.NoError(t, err, "the link in the error works")
		}
		_, err := h.Vend(t.Context(), shop, "shop-8", crm.ServiceDrive)
		require.Equal(t, fault.NotFound, fault.Of(err))
		good(err)

		h.memory.Update(g.ID, func(g *vault.Grant) { g.Scopes = []string{"openid"} })
		_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.Equal(t, "insufficient_scope", code(err))
		require.Equal(t, fault.Forbidden, fault.Of(err))
		require.ElementsMatch(t, []string{vault.ScopeDriveFile, vault.ScopeDriveReadonly}, faultOf(t, err).Scopes)
		good(err)
		h.memory.Update(g.ID, func(g *vault.Grant) { g.Scopes = []string{vault.ScopeDriveFile} })
		v, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err, "a part of it is vended, and says what it is")
		require.Equal(t, []string{vault.ScopeDriveFile}, v.Scopes)

		h.provider.KillAll()
		time.Sleep(2 * time.Hour)
		_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.Equal(t, "google_reauthorization_required", code(err))
		require.Equal(t, fault.Reconnect, fault.Of(err))
		good(err)
		require.Equal(t, "failed", h.memory.Rows[len(h.memory.Rows)-1].Outcome)
		_, err = h.authorize(t, "shop-7", crm.ServiceDrive, adas)
		require.NoError(t, err)
		_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
	})
}

func TestALostKeyIsSaidToPlugins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		key, err := vault.NewKey()
		require.NoError(t, err)
		h.Sealer, err = vault.NewSealer(key)
		require.NoError(t, err)
		_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.Equal(t, "decryption_failed", code(err))
		require.NotEmpty(t, faultOf(t, err).Action)
	})
}

func TestABlockedWorkspaceVendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		for _, state := range []crm.ApprovalState{crm.ApprovalBlocked, crm.ApprovalPending} {
			h.memory.Decide(crm.Approval{State: state})
			h.Heard(fact.Fact{Kind: fact.ApprovalDecided, WorkspaceID: "lamps"})
			_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
			require.Equal(t, "waiting_for_admin", code(err))
			require.Equal(t, fault.Blocked, fault.Of(err))
		}
		// Another process hears of it within three seconds, whatever happens.
		h.memory.Decide(crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileFull})
		time.Sleep(3 * time.Second)
		_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
	})
}

func TestATokenNearItsEndIsRefreshed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		first, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		for range 54 * 60 {
			time.Sleep(time.Second)
			v, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
			require.NoError(t, err)
			require.Equal(t, first.Token, v.Token)
		}
		time.Sleep(time.Minute)
		v, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		require.NotEqual(t, first.Token, v.Token)
		require.Equal(t, 1, h.provider.Count())
	})
}

func TestOnesOwnGrantComesBeforeOnesConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, err := h.connect(t, ada, vault.Request{}, adas)
		require.NoError(t, err)
		byConnection, err := h.Vend(t.Context(), ada, "ada", crm.ServiceGmail)
		require.NoError(t, err)
		_, err = h.authorize(t, "ada", crm.ServiceGmail, adas)
		require.NoError(t, err)
		own, err := h.Vend(t.Context(), ada, "ada", crm.ServiceGmail)
		require.NoError(t, err)
		require.NotEqual(t, byConnection.Token, own.Token, "noticed at once, though another grant was on the shelf")
		_, err = h.RevokeToken(t.Context(), ada, "ada", crm.ServiceGmail)
		require.NoError(t, err)
		again, err := h.Vend(t.Context(), ada, "ada", crm.ServiceGmail)
		require.NoError(t, err)
		require.Equal(t, byConnection.Token, again.Token)
		_, err = h.RevokeToken(t.Context(), ada, "ada", crm.ServiceGmail)
		require.Equal(t, "token_not_found", code(err), "a connection is ended by disconnecting it")
	})
}

func TestAuthorizationsShowWhatOneMayVend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, err := h.authorize(t, "shop-7", crm.ServiceGmail, adas)
		require.NoError(t, err)
		_, err = h.connect(t, ada, vault.Request{}, adas)
		require.NoError(t, err)
		names := func(c access.Caller, subject string) (out []string) {
			list, err := h.Authorizations(t.Context(), c, subject)
			require.NoError(t, err)
			for _, a := range list {
				require.True(t, a.HasRefreshToken)
				require.Equal(t, adas.Email, a.GoogleEmail)
				require.Equal(t, vault.GrantActive, a.Status)
				name := string(a.Service)
				if a.ByConnection {
					name += " by connection"
				}
				out = append(out, name)
			}
			return out
		}
		require.Equal(t, []string{"gmail", "drive"}, names(shop, "shop-7"))
		narrow := shop
		narrow.Scopes = []string{"tokens:vend:drive", "mail:read"}
		require.Equal(t, []string{"drive"}, names(narrow, "shop-7"))
		require.Equal(t, []string{"gmail by connection", "calendar by connection"}, names(ada, "ada"))
		require.Equal(t, []string{"gmail by connection", "calendar by connection"}, names(shop, "ada"), "a key she made")
		colleague := shop
		colleague.UserID = "bo"
		require.Empty(t, names(colleague, "ada"))
		_, err = h.RevokeToken(t.Context(), shop, "shop-7", crm.ServiceGmail)
		require.NoError(t, err)
		require.Equal(t, []string{"drive"}, names(shop, "shop-7"))

		_, err = h.Authorizations(t.Context(), bo, "ada")
		require.Equal(t, fault.Forbidden, fault.Of(err))
		_, err = h.Authorizations(t.Context(), access.Caller{}, "ada")
		require.Equal(t, fault.Unauthenticated, fault.Of(err))
		narrow.Scopes = []string{"mail:read"}
		_, err = h.Authorizations(t.Context(), narrow, "shop-7")
		require.Equal(t, "insufficient_scope", code(err))
	})
}

func TestHeldTokensAreForAdministrators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, g := authorized(t)
		boss := access.Caller{Via: access.ViaSession, UserID: "own", Workspace: "lamps", Role: crm.RoleOwner}
		list, _, err := h.HeldTokens(t.Context(), boss, "", 10)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, "shop-7", list[0].Subject)
		_, _, err = h.HeldTokens(t.Context(), ada, "", 10)
		require.Equal(t, fault.Forbidden, fault.Of(err))
		_, err = h.RevokeHeld(t.Context(), ada, g.ID)
		require.Equal(t, fault.Forbidden, fault.Of(err))
		elsewhere := boss
		elsewhere.Workspace = "other"
		_, err = h.RevokeHeld(t.Context(), elsewhere, g.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))
		out, err := h.connect(t, ada, vault.Request{}, adas)
		require.NoError(t, err)
		_, err = h.RevokeHeld(t.Context(), boss, out.Connection.GrantID)
		require.Equal(t, fault.NotFound, fault.Of(err), "a member's connection is not one of them")
	})
}

func TestAKeyOfAPlainMemberServesItsMakerOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		demoted := shop
		demoted.Role = crm.RoleMember
		_, err := h.Vend(t.Context(), demoted, "shop-7", crm.ServiceDrive)
		require.Equal(t, "not_your_tokens", code(err))
		_, err = h.Authorizations(t.Context(), demoted, "shop-7")
		require.Equal(t, "not_your_tokens", code(err))
		_, err = h.RevokeToken(t.Context(), demoted, "shop-7", crm.ServiceDrive)
		require.Equal(t, "not_your_tokens", code(err))
		_, _, err = h.CreateLease(t.Context(), demoted, reading)
		require.Equal(t, "not_your_tokens", code(err))
		_, err = h.authorize(t, "ada", crm.ServiceDrive, adas)
		require.NoError(t, err)
		_, err = h.Vend(t.Context(), demoted, "ada", crm.ServiceDrive)
		require.NoError(t, err)
	})
}

// What was consented to does not outlast a narrower decision: neither on the
// shelf nor after it, neither by vending nor by a lease.
func TestVendObeysTheOrganisationAsItDecidesNow(t *testing.T) {
	full := crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileFull}
	for _, c := range []struct {
		what   string
		decide func(*crm.Approval)
		ok     bool // the service drive is still given
		mail   bool // gmail, by connection
		wayOut bool // for drive
	}{
		{"nothing", func(*crm.Approval) {}, true, true, false},
		{"the product is off", func(a *crm.Approval) { a.Products = []crm.Service{crm.ServiceGmail} }, false, true, false},
		{"the product is on", func(a *crm.Approval) { a.Products = []crm.Service{crm.ServiceDrive} }, true, false, false},
		{"a narrower profile", func(a *crm.Approval) { a.Profile = crm.ProfileRead }, false, false, false},
		{"the narrowest profile", func(a *crm.Approval) { a.Profile = crm.ProfileMetadata }, false, false, false},
		{"its own domain", func(a *crm.Approval) { a.AllowedDomains = []string{"NORTHWIND-lamps.example"} }, true, true, false},
		{"another domain", func(a *crm.Approval) { a.AllowedDomains = []string{"other.example"} }, false, false, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			h, _ := authorized(t)
			_, err := h.connect(t, ada, vault.Request{}, adas)
			require.NoError(t, err)
			_, handle, err := h.CreateLease(t.Context(), shop, reading)
			require.NoError(t, err)
			_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
			require.NoError(t, err)
			decided := full
			c.decide(&decided)
			h.memory.Decide(decided)
			h.ForgetApproval("lamps")
			for range 2 {
				want := "not_allowed_by_organisation"
				if c.ok {
					want = ""
				}
				_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
				require.Equal(t, want, code(err), c.what)
				if !c.ok {
					require.Equal(t, fault.Forbidden, fault.Of(err), c.what)
					require.Equal(t, c.wayOut, faultOf(t, err).Action != "", c.what)
				}
				_, _, err = h.UseLease(t.Context(), handle, "GET", "/drive/v3/files", "")
				require.Equal(t, want, code(err), c.what)
				_, err = h.Vend(t.Context(), ada, "ada", crm.ServiceGmail)
				if c.mail {
					require.NoError(t, err, c.what)
				} else {
					require.Equal(t, "not_allowed_by_organisation", code(err), c.what)
				}
				time.Sleep(4 * time.Second)
			}
		})
	}
}

func TestANarrowedProfileAsksToAuthoriseAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, err := h.authorize(t, "shop-7", crm.ServiceGmail, adas)
		require.NoError(t, err)
		h.memory.Decide(crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileRead})
		h.ForgetApproval("lamps")
		_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceGmail)
		require.Equal(t, "not_allowed_by_organisation", code(err))
		require.Contains(t, err.Error(), "authorise it again")
		require.Contains(t, faultOf(t, err).Action, "signature=")
		_, err = h.authorize(t, "shop-7", crm.ServiceGmail, adas)
		require.NoError(t, err)
		v, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceGmail)
		require.NoError(t, err)
		require.NotContains(t, v.Scopes, vault.ScopeGmailModify)
	})
}

func TestServicesOfTheOperatorHaveNoSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		h.Extra = map[crm.Service][]string{"tasks": {"https://www.googleapis.com/auth/tasks"}}
		_, err := h.authorize(t, "shop-7", "tasks", adas)
		require.NoError(t, err)
		h.memory.Decide(crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileFull, Products: []crm.Service{crm.ServiceGmail}})
		h.ForgetApproval("lamps")
		_, err = h.Vend(t.Context(), shop, "shop-7", "tasks")
		require.NoError(t, err)
	})
}

package vault_test

import (
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

func TestRevokingATokenSparesWhatElseUsesTheAccount(t *testing.T) {
	kim := vault.Identity{Sub: "2002", Email: "kim@harbour-tea.example", EmailVerified: true}
	for _, c := range []struct {
		what     string
		besides  func(t *testing.T, h *house)
		atGoogle bool
	}{
		{"nothing else", func(*testing.T, *house) {}, true},
		{"another account", func(t *testing.T, h *house) {
			_, err := h.authorize(t, "shop-8", crm.ServiceDrive, kim)
			require.NoError(t, err)
		}, true},
		{"another service of the same subject", func(t *testing.T, h *house) {
			_, err := h.authorize(t, "shop-7", crm.ServiceGmail, adas)
			require.NoError(t, err)
		}, false},
		{"another subject with the same account", func(t *testing.T, h *house) {
			_, err := h.authorize(t, "shop-8", crm.ServiceDrive, adas)
			require.NoError(t, err)
		}, false},
		{"a connection of the account", func(t *testing.T, h *house) {
			_, err := h.connect(t, ada, vault.Request{}, adas)
			require.NoError(t, err)
		}, false},
		{"a connection in another workspace", func(t *testing.T, h *house) {
			elsewhere := ada
			elsewhere.Workspace = "second"
			_, err := h.connect(t, elsewhere, vault.Request{}, adas)
			require.NoError(t, err)
		}, false},
		{"a revoked grant", func(t *testing.T, h *house) {
			_, err := h.authorize(t, "shop-7", crm.ServiceGmail, adas)
			require.NoError(t, err)
			_, err = h.RevokeToken(t.Context(), shop, "shop-7", crm.ServiceGmail)
			require.NoError(t, err)
			require.Empty(t, h.provider.Revoked)
		}, true},
		{"another client of the same project", byClient("second", "100-y.apps"), false},
		{"a client of another project", byClient("second", "200-x.apps"), true},
		{"a client that nobody knows any more", func(t *testing.T, h *house) {
			byClient("second", "200-x.apps")(t, h)
			delete(h.memory.Others, "second")
		}, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, g := authorized(t)
				c.besides(t, h)
				out, err := h.RevokeToken(t.Context(), shop, "shop-7", crm.ServiceDrive)
				require.NoError(t, err)
				require.Equal(t, c.atGoogle, out.AtGoogle)
				require.Equal(t, c.atGoogle, out.Note == "")
				require.Equal(t, c.atGoogle, len(h.provider.Revoked) == 1)
				after, err := h.memory.Grant(t.Context(), g.ID)
				require.NoError(t, err)
				require.Equal(t, vault.GrantRevoked, after.Status)
				require.Empty(t, after.SealedAccess+after.SealedRefresh)
				_, err = h.RevokeToken(t.Context(), shop, "shop-7", crm.ServiceDrive)
				require.Equal(t, "token_not_found", code(err))
			})
		})
	}
}

// byClient gives the account a grant by another OAuth client.
func byClient(id crm.ClientID, googleID string) func(*testing.T, *house) {
	return func(t *testing.T, h *house) {
		first := h.memory.OAuth
		h.memory.OAuth = vault.Client{ID: id, GoogleID: googleID}
		_, err := h.authorize(t, "shop-9", crm.ServiceSheets, adas)
		require.NoError(t, err)
		h.memory.Others[id] = h.memory.OAuth
		h.memory.OAuth = first
	}
}

func TestRevokingWorksWhileGoogleIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		h.provider.Fails = fault.New(fault.Unavailable, "down")
		out, err := h.RevokeToken(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		require.False(t, out.AtGoogle)
		require.Contains(t, out.Note, "myaccount.google.com")
		_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.Equal(t, "token_not_found", code(err))
	})
}

func TestARevocationDoesNotEndWhatWasAuthorisedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		time.Sleep(time.Minute)
		once := true
		synctest.Wait()
		h.memory.Fail = func(m string) error {
			if m == "EndGrant" && once {
				once = false
				_, err := h.authorize(t, "shop-7", crm.ServiceDrive, adas)
				require.NoError(t, err)
			}
			return nil
		}
		_, err := h.RevokeToken(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.Equal(t, fault.Conflict, fault.Of(err))
		_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
	})
}

func TestUnusedGrantsAreKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		step := h.Definitions()[0].Step
		jobs := h.Schedule()
		require.Len(t, jobs, 1)
		require.Equal(t, h.Definitions()[0].Kind, jobs[0].Kind)
		require.Equal(t, 24*time.Hour, jobs[0].Every)
		day := func() {
			more, err := step(t.Context(), "")
			require.NoError(t, err)
			require.False(t, more)
			time.Sleep(24 * time.Hour)
		}
		for range 30 {
			day()
		}
		require.Zero(t, h.provider.Count())
		day()
		day()
		require.Equal(t, 1, h.provider.Count(), "once a month")
		for range 31 {
			day()
		}
		require.Equal(t, 2, h.provider.Count())

		// A grant that fails is tried the next day; one that died is known to be dead.
		h.provider.Fails = fault.New(fault.Unavailable, "down")
		for range 30 {
			day()
		}
		h.provider.Fails = nil
		h.provider.KillAll()
		day()
		g, err := h.memory.ServiceGrant(t.Context(), "lamps", "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		require.Equal(t, vault.GrantDead, g.Status)
		n := h.provider.Count()
		day()
		require.Equal(t, n, h.provider.Count())
	})
}

func TestKeepingAliveSeesEveryPageAndPurgesLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, _, err := h.CreateLease(t.Context(), shop, reading)
		require.NoError(t, err)
		for i := range 250 {
			_, err := h.authorize(t, "shop-x"+time.Duration(i).String(), crm.ServiceDrive, adas)
			require.NoError(t, err)
		}
		time.Sleep(31 * 24 * time.Hour)
		_, err = h.Definitions()[0].Step(t.Context(), "")
		require.NoError(t, err)
		require.Equal(t, 251, h.provider.Count())
		require.Empty(t, h.memory.Leased)
	})
}

func TestHealthTellsAppsInTesting(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 5, day, 9, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		what    string
		sums    vault.ClientGrants
		testing bool
		end     time.Time
	}{
		{"nothing odd", vault.ClientGrants{Active: 5, FirstConsent: at(1)}, false, time.Time{}},
		{"Google says when it ends", vault.ClientGrants{Active: 5, FirstConsent: at(1), NextEnd: at(8)}, true, at(8)},
		{"one death after a week", vault.ClientGrants{Active: 5, Dead: 1, FirstConsent: at(1), WeekDeaths: 1}, false, time.Time{}},
		{"two deaths after a week", vault.ClientGrants{Active: 5, Dead: 2, FirstConsent: at(1), WeekDeaths: 2}, true, at(8)},
		{"two deaths, everybody else is gone", vault.ClientGrants{Dead: 2, WeekDeaths: 2}, true, time.Time{}},
		{"two deaths, but others live longer: it was published since", vault.ClientGrants{Active: 5, Dead: 2, FirstConsent: at(1), WeekDeaths: 2, Outlived: 1}, false, time.Time{}},
	} {
		h := build(t)
		c.sums.Client = "env"
		h.memory.Sums = []vault.ClientGrants{c.sums}
		list, err := h.Health(t.Context(), "lamps")
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, crm.ClientID("env"), list[0].Client)
		require.Equal(t, c.sums.Active, list[0].Grants)
		require.Equal(t, c.testing, list[0].Testing, c.what)
		require.Equal(t, c.testing, list[0].Evidence != "", c.what)
		if c.end.IsZero() {
			require.Nil(t, list[0].Countdown, c.what)
		} else {
			require.Equal(t, c.end, *list[0].Countdown, c.what)
		}
	}
}

func TestWhenAnAccessEndsByItselfIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, g := authorized(t)
		require.True(t, g.RefreshExpiresAt.IsZero())
		h.provider.EndsIn = 604799 * time.Second
		began := time.Now().UTC()
		_, err := h.authorize(t, "shop-8", crm.ServiceDrive, adas)
		require.NoError(t, err)
		g, err = h.memory.ServiceGrant(t.Context(), "lamps", "shop-8", crm.ServiceDrive)
		require.NoError(t, err)
		require.Equal(t, began.Add(604799*time.Second), g.RefreshExpiresAt)
		h.provider.EndsIn = 0
		time.Sleep(2 * time.Hour)
		_, err = h.Token(t.Context(), g.ID)
		require.NoError(t, err)
		g, err = h.memory.Grant(t.Context(), g.ID)
		require.NoError(t, err)
		require.Equal(t, began.Add(604799*time.Second), g.RefreshExpiresAt, "a refresh says nothing of it")

		time.Sleep(7*24*time.Hour - 2*time.Hour)
		h.provider.KillAll()
		_, err = h.Token(t.Context(), g.ID)
		require.Error(t, err)
		_, err = h.authorize(t, "shop-8", crm.ServiceDrive, adas) // the app was published
		require.NoError(t, err)
		g, err = h.memory.Grant(t.Context(), g.ID)
		require.NoError(t, err)
		require.True(t, g.RefreshExpiresAt.IsZero())
		require.Equal(t, 7*24*time.Hour, g.Lived, "the death outlasts the reconnect: it is evidence")
	})
}

func TestSecurityEvents(t *testing.T) {
	refresh := func(t *testing.T, h *house, g vault.Grant) string {
		secret, err := h.Sealer.Open(string(g.ID), "refresh_token", g.SealedRefresh)
		require.NoError(t, err)
		once := sha512.Sum512([]byte(secret.Reveal()))
		twice := sha512.Sum512(once[:])
		return base64.StdEncoding.EncodeToString(twice[:])
	}
	for _, c := range []struct {
		what   string
		event  func(t *testing.T, h *house, g vault.Grant) vault.SecurityEvent
		users  []crm.UserID
		grants int
	}{
		{"sessions-revoked", func(*testing.T, *house, vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: vault.EventSessionsRevoked, Sub: adas.Sub}
		}, []crm.UserID{"ada"}, 0},
		{"tokens-revoked", func(*testing.T, *house, vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: vault.EventTokensRevoked, Sub: adas.Sub}
		}, []crm.UserID{"ada"}, 2},
		{"account-disabled", func(*testing.T, *house, vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: vault.EventAccountDisabled, Sub: adas.Sub, Reason: "hijacking"}
		}, []crm.UserID{"ada"}, 2},
		{"tokens-revoked of another project", func(*testing.T, *house, vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: vault.EventTokensRevoked, Sub: adas.Sub, ClientIDs: []string{"200-x.apps"}}
		}, []crm.UserID{"ada"}, 0},
		{"tokens-revoked of another client of the project", func(*testing.T, *house, vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: vault.EventTokensRevoked, Sub: adas.Sub, ClientIDs: []string{"100-other.apps"}}
		}, []crm.UserID{"ada"}, 2},
		{"token-revoked by its hash", func(t *testing.T, h *house, g vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: vault.EventTokenRevoked, TokenHash: refresh(t, h, g)}
		}, nil, 1},
		{"token-revoked by its hash, with the account", func(t *testing.T, h *house, g vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: vault.EventTokenRevoked, Sub: adas.Sub, TokenHash: refresh(t, h, g)}
		}, nil, 1},
		{"token-revoked of nobody's", func(*testing.T, *house, vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: vault.EventTokenRevoked, TokenHash: "bm90aGluZw=="}
		}, nil, 0},
		{"account-enabled", func(*testing.T, *house, vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: vault.EventAccountEnabled, Sub: adas.Sub}
		}, nil, 0},
		{"credential-change-required", func(*testing.T, *house, vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: vault.EventCredentialChange, Sub: adas.Sub}
		}, nil, 0},
		{"verification", func(*testing.T, *house, vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: vault.EventVerification}
		}, nil, 0},
		{"one without an account", func(*testing.T, *house, vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: vault.EventTokensRevoked}
		}, nil, 0},
		{"one of tomorrow", func(*testing.T, *house, vault.Grant) vault.SecurityEvent {
			return vault.SecurityEvent{Kind: "<new>", Sub: adas.Sub}
		}, nil, 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, g := authorized(t)
				h.memory.Users[adas.Sub] = "ada"
				out, err := h.connect(t, ada, vault.Request{}, adas)
				require.NoError(t, err)
				e := c.event(t, h, g)
				e.JTI = "event-1"
				did, err := h.ReceiveSecurityEvent(t.Context(), e)
				require.NoError(t, err)
				require.Equal(t, c.users, did.Users)
				require.Equal(t, c.users, h.memory.SignedOut)
				require.Equal(t, c.grants, did.Grants)
				conn, grant := h.memory.Only()
				if c.grants == 2 {
					require.Equal(t, crm.StatusNeedsReauth, conn.Status)
					require.NotEmpty(t, conn.StatusReason)
					require.Equal(t, vault.GrantDead, grant.Status)
					require.Empty(t, grant.SealedRefresh)
					require.Len(t, h.memory.Connections, 1, "nothing is deleted")
				} else {
					require.Equal(t, crm.StatusActive, conn.Status)
				}
				rows := len(h.memory.Rows)

				again, err := h.ReceiveSecurityEvent(t.Context(), e)
				require.NoError(t, err)
				require.Zero(t, again.Grants)
				require.Empty(t, again.Users)
				require.Len(t, h.memory.Rows, rows, "once")

				_, err = h.connect(t, ada, vault.Request{Connection: out.Connection.ID}, adas)
				require.NoError(t, err)
				conn, _ = h.memory.Only()
				require.Equal(t, crm.StatusActive, conn.Status)
			})
		})
	}
}

func TestASecurityEventWithoutAnIdIsRefused(t *testing.T) {
	h := build(t)
	_, err := h.ReceiveSecurityEvent(t.Context(), vault.SecurityEvent{Kind: vault.EventTokensRevoked, Sub: "1"})
	require.Equal(t, fault.Invalid, fault.Of(err))
}

func TestASecurityEventThatCouldNotBeKeptComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		synctest.Wait()
		h.memory.Fail = func(m string) error {
			if m == "Distrust" {
				return errors.New("killed")
			}
			return nil
		}
		e := vault.SecurityEvent{JTI: "1", Kind: vault.EventTokensRevoked, Sub: adas.Sub}
		_, err := h.ReceiveSecurityEvent(t.Context(), e)
		require.ErrorContains(t, err, "killed")
		synctest.Wait()
		h.memory.Fail = nil
		out, err := h.ReceiveSecurityEvent(t.Context(), e)
		require.NoError(t, err)
		require.Equal(t, 1, out.Grants)
	})
}

func TestRotateSealsSecretsOfClientsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		sealed, err := h.Sealer.Seal("client-1", "client_secret", crm.NewSecret("the secret"))
		require.NoError(t, err)
		h.memory.Secrets["client-1"], h.memory.Secrets["client-2"], h.memory.Secrets["client-3"] = sealed, sealed, ""
		newKey, err := vault.NewKey()
		require.NoError(t, err)
		h.Sealer = joined(t, newKey, h)
		r, err := h.Rotate(t.Context(), "", nil)
		require.NoError(t, err)
		require.EqualValues(t, 1, r.Clients)
		require.Equal(t, []crm.ClientID{"client-2"}, r.FailedClients, "copied from another row")
		only, err := vault.NewSealer(newKey)
		require.NoError(t, err)
		secret, err := only.Open("client-1", "client_secret", h.memory.Secrets["client-1"])
		require.NoError(t, err)
		require.Equal(t, "the secret", secret.Reveal())
		again, err := h.Rotate(t.Context(), "", nil)
		require.NoError(t, err)
		require.Zero(t, again.Clients)
	})
}

func TestVendsGoOnWhileKeysRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		newKey, err := vault.NewKey()
		require.NoError(t, err)
		h.Sealer = joined(t, newKey, h)
		stop := make(chan struct{})
		failed := make(chan error, 1)
		go func() {
			defer close(failed)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive); err != nil {
					failed <- err
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		time.Sleep(time.Second)
		_, err = h.Rotate(t.Context(), "", nil)
		require.NoError(t, err)
		time.Sleep(5 * time.Second)
		close(stop)
		require.NoError(t, <-failed)
		second := h.other() // a process that has only the new key
		second.Sealer, err = vault.NewSealer(newKey)
		require.NoError(t, err)
		_, err = second.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
	})
}

package vault_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

// count counts the calls of a method of the memory.
func (h *house) count(method string) *int {
	n := new(int)
	var mu sync.Mutex
	synctest.Wait()
	h.memory.Fail = func(m string) error {
		mu.Lock()
		defer mu.Unlock()
		if m == method {
			*n++
		}
		return nil
	}
	return n
}

func TestABusyTokenIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		synctest.Wait() // the first look at the facts empties the shelf
		reads := h.count("ServiceGrant")
		for range 600 {
			_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
			require.NoError(t, err)
			time.Sleep(100 * time.Millisecond)
		}
		require.Equal(t, 1, *reads)
	})
}

func TestWhatAnotherProcessChangesIsNoticedWithinThreeSeconds(t *testing.T) {
	for what, looks := range map[string]bool{"the facts can be read": true, "they cannot": false} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, g := authorized(t)
				second := h.other()
				busy := func() error {
					_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
					return err
				}
				for range 50 {
					require.NoError(t, busy())
					time.Sleep(100 * time.Millisecond)
				}
				if !looks {
					synctest.Wait()
					h.memory.Fail = func(m string) error {
						if m == "GrantFacts" {
							return errors.New("no answer")
						}
						return nil
					}
				}
				changed := time.Now()
				_, err := second.RevokeToken(t.Context(), shop, "shop-7", crm.ServiceDrive)
				require.NoError(t, err)
				for busy() == nil {
					time.Sleep(50 * time.Millisecond)
				}
				require.LessOrEqual(t, time.Since(changed), 3*time.Second)
				require.Equal(t, "token_not_found", code(busy()))
				synctest.Wait()
				h.memory.Fail = nil
				_, err = second.Token(t.Context(), g.ID)
				require.Equal(t, fault.Reconnect, fault.Of(err))
			})
		})
	}
}

func TestOnesOwnChangesAreNoticedAtOnce(t *testing.T) {
	for what, change := range map[string]func(*testing.T, *house, vault.Grant){
		"revoked": func(t *testing.T, h *house, _ vault.Grant) {
			_, err := h.RevokeToken(t.Context(), shop, "shop-7", crm.ServiceDrive)
			require.NoError(t, err)
		},
		"revoked by an administrator": func(t *testing.T, h *house, g vault.Grant) {
			_, err := h.RevokeHeld(t.Context(), access.Caller{Via: access.ViaSession, UserID: "own", Workspace: "lamps", Role: crm.RoleOwner}, g.ID)
			require.NoError(t, err)
		},
		"not trusted any more": func(t *testing.T, h *house, _ vault.Grant) {
			_, err := h.ReceiveSecurityEvent(t.Context(), vault.SecurityEvent{JTI: "1", Kind: vault.EventTokensRevoked, Sub: adas.Sub})
			require.NoError(t, err)
		},
		"changed elsewhere, and heard of": func(_ *testing.T, h *house, g vault.Grant) {
			h.memory.Update(g.ID, func(g *vault.Grant) { g.Status = vault.GrantDead })
			h.Heard(fact.Fact{Kind: fact.GrantChanged, WorkspaceID: "lamps", UserID: "shop-7", Data: []byte(`{"grant_id":"` + string(g.ID) + `"}`)})
		},
		"forgotten by its id": func(_ *testing.T, h *house, g vault.Grant) {
			h.memory.Update(g.ID, func(g *vault.Grant) { g.Status = vault.GrantDead })
			h.Forget(g.ID)
		},
		"dead at the refresh of somebody else": func(t *testing.T, h *house, g vault.Grant) {
			a, err := h.Token(t.Context(), g.ID)
			require.NoError(t, err)
			h.provider.KillAll()
			_, err = h.Renew(t.Context(), g.ID, a.Token)
			require.Error(t, err)
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, g := authorized(t)
				for range 3 {
					_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
					require.NoError(t, err)
					synctest.Wait()
				}
				change(t, h, g)
				_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
				require.Error(t, err)
			})
		})
	}
}

func TestAReadThatAChangeOvertakesIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, g := authorized(t)
		_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		synctest.Wait()
		h.Forget(g.ID)
		// The change comes while the row is read, before it is put on the shelf.
		once := true
		synctest.Wait()
		h.memory.Fail = func(m string) error {
			if m == "ServiceGrant" && once {
				once = false
				go func() { h.Forget(g.ID) }()
				synctest.Wait()
			}
			return nil
		}
		_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		reads := h.count("ServiceGrant")
		_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		require.Equal(t, 1, *reads, "it was not kept, so it is read again")
		_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		require.Equal(t, 1, *reads)
	})
}

package vault_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

var reading = vault.LeaseWish{Name: "newsletter", Subject: "shop-7", Service: crm.ServiceDrive, Paths: []string{"/drive/v3/files*"}}

func wish(change func(*vault.LeaseWish)) vault.LeaseWish {
	w := reading
	change(&w)
	return w
}

func TestALeaseMakesCallsItAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		l, handle, err := h.CreateLease(t.Context(), shop, reading)
		require.NoError(t, err)
		require.Equal(t, []string{"GET"}, l.Methods)
		require.Equal(t, 15*time.Minute, l.ExpiresAt.Sub(l.CreatedAt))
		require.Equal(t, crm.KeyID("shop-key"), l.KeyID)
		require.True(t, strings.HasPrefix(handle.Reveal(), "rapl_"))
		require.Len(t, handle.Reveal(), 5+43, "256 bits")
		for hash := range h.memory.Leased {
			require.NotContains(t, hash, handle.Reveal()[5:], "only its hash is kept")
		}

		used, a, err := h.UseLease(t.Context(), handle, "GET", "/drive/v3/files/17", "198.51.100.4")
		require.NoError(t, err)
		require.EqualValues(t, 1, used.Calls)
		v, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
		require.NoError(t, err)
		require.Equal(t, v.Token, a.Token)
		var row access.Audit
		for _, r := range h.memory.Rows {
			if r.Action == "lease.use" {
				row = r
			}
		}
		require.Equal(t, access.Audit{At: time.Now().UTC(), Workspace: "lamps", UserID: "ada", KeyID: "shop-key", Via: "lease", Action: "lease.use",
			Target: string(l.ID), Outcome: "ok", Detail: "GET /drive/v3/files*", Remote: "198.51.100.4"}, row, "the pattern, not the path: paths hold addresses")
		require.Equal(t, []string{"token.link ok", "token.authorize ok", "lease.create ok", "lease.use ok", "token.vend ok"}, h.memory.Audited())
	})
}

func TestALeaseRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			what         string
			wish         vault.LeaseWish
			method, path string
			handle       string
			wait         time.Duration
			code         string
			kind         fault.Kind
		}{
			{what: "another method", wish: reading, method: "DELETE", path: "/drive/v3/files/17", code: "lease_method", kind: fault.Forbidden},
			{what: "a method in small letters", wish: reading, method: "get", path: "/drive/v3/files/17", code: "lease_method", kind: fault.Forbidden},
			{what: "another path", wish: reading, method: "GET", path: "/drive/v3/about", code: "lease_path", kind: fault.Forbidden},
			{what: "a way around", wish: reading, method: "GET", path: "/drive/v3/files/%2e%2e/about", code: "lease_path", kind: fault.Forbidden},
			{what: "its end", wish: wish(func(w *vault.LeaseWish) { w.Life = time.Minute }), method: "GET", path: "/drive/v3/files", wait: time.Minute, code: "lease_over", kind: fault.Unauthenticated},
			{what: "another handle", wish: reading, method: "GET", path: "/drive/v3/files", handle: "rapl_" + strings.Repeat("A", 43), code: "lease_unknown", kind: fault.Unauthenticated},
			{what: "no handle", wish: reading, method: "GET", path: "/drive/v3/files", handle: "x", code: "lease_unknown", kind: fault.Unauthenticated},
		} {
			h, _ := authorized(t)
			l, handle, err := h.CreateLease(t.Context(), shop, c.wish)
			require.NoError(t, err)
			if c.handle != "" {
				handle = crm.NewSecret(c.handle)
			}
			time.Sleep(c.wait)
			_, a, err := h.UseLease(t.Context(), handle, c.method, c.path, "")
			require.Equal(t, c.code, code(err), c.what)
			require.Equal(t, c.kind, fault.Of(err), c.what)
			require.Empty(t, a.Token.Reveal(), c.what)
			list, _, err := h.LeasesOf(t.Context(), shop, "", 10)
			require.NoError(t, err)
			require.Equal(t, l.ID, list[0].ID)
			require.Zero(t, list[0].Calls, c.what)
			if c.code != "lease_unknown" {
				require.EqualValues(t, 1, list[0].Refused, c.what)
			}
			denied := c.kind == fault.Forbidden // what is merely over does not fill the trail
			require.Equal(t, denied, h.memory.Rows[len(h.memory.Rows)-1].Outcome == "denied", c.what)
		}
	})
}

func TestALeaseIsCutOffAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		boss := access.Caller{Via: access.ViaSession, UserID: "own", Workspace: "lamps", Role: crm.RoleOwner}
		elsewhere := boss
		elsewhere.Workspace = "other"
		for _, who := range []access.Caller{shop, ada, boss} {
			l, handle, err := h.CreateLease(t.Context(), shop, reading)
			require.NoError(t, err)
			for _, stranger := range []access.Caller{bo, elsewhere} {
				require.Equal(t, fault.NotFound, fault.Of(h.CutLease(t.Context(), stranger, l.ID)))
			}
			require.Equal(t, fault.Unauthenticated, fault.Of(h.CutLease(t.Context(), access.Caller{Workspace: "lamps"}, l.ID)))
			_, _, err = h.UseLease(t.Context(), handle, "GET", "/drive/v3/files", "")
			require.NoError(t, err)
			require.NoError(t, h.CutLease(t.Context(), who, l.ID))
			require.NoError(t, h.CutLease(t.Context(), who, l.ID), "twice is harmless")
			_, _, err = h.UseLease(t.Context(), handle, "GET", "/drive/v3/files", "")
			require.Equal(t, "lease_over", code(err))
		}
	})
}

func TestALeaseEndsWithWhatItStandsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for what, c := range map[string]struct {
			happens func(h *house)
			want    string
		}{
			"its maker left, or its key was revoked": {func(h *house) {
				for _, l := range h.memory.Leased {
					l.Left = true
				}
			}, "lease_over"},
			"the workspace was blocked": {func(h *house) {
				h.memory.Decide(crm.Approval{State: crm.ApprovalBlocked})
				h.ForgetApproval("lamps")
			}, "waiting_for_admin"},
			"the token was revoked": {func(h *house) {
				_, err := h.RevokeToken(t.Context(), shop, "shop-7", crm.ServiceDrive)
				require.NoError(t, err)
			}, "token_not_found"},
			"the account was disabled": {func(h *house) {
				_, err := h.ReceiveSecurityEvent(t.Context(), vault.SecurityEvent{JTI: "1", Kind: vault.EventAccountDisabled, Sub: adas.Sub})
				require.NoError(t, err)
			}, "google_reauthorization_required"},
		} {
			h, _ := authorized(t)
			_, handle, err := h.CreateLease(t.Context(), shop, reading)
			require.NoError(t, err)
			_, _, err = h.UseLease(t.Context(), handle, "GET", "/drive/v3/files", "")
			require.NoError(t, err)
			c.happens(h)
			_, a, err := h.UseLease(t.Context(), handle, "GET", "/drive/v3/files", "")
			require.Equal(t, c.want, code(err), what)
			require.True(t, a.Token.IsZero())
		}
	})
}

func TestALeaseHasItsSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, handle, err := h.CreateLease(t.Context(), shop, wish(func(w *vault.LeaseWish) { w.PerMinute, w.MaxCalls = 3, 5 }))
		require.NoError(t, err)
		use := func() error {
			_, _, err := h.UseLease(t.Context(), handle, "GET", "/drive/v3/files", "")
			return err
		}
		time.Sleep(20 * time.Second)
		for range 3 {
			require.NoError(t, use())
		}
		err = use()
		require.Equal(t, "lease_too_fast", code(err))
		require.Equal(t, fault.Throttled, fault.Of(err))
		require.Equal(t, 40*time.Second, fault.After(err))
		time.Sleep(fault.After(err))
		require.NoError(t, use())
		require.NoError(t, use())
		require.Equal(t, "lease_over", code(use()), "five calls in all")
	})
}

// Each refusal writes a row: they have the lease's speed, too.
func TestRefusedCallsHaveTheLeasesSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, handle, err := h.CreateLease(t.Context(), shop, wish(func(w *vault.LeaseWish) { w.PerMinute = 3 }))
		require.NoError(t, err)
		before := len(h.memory.Rows)
		for i := range 100 {
			_, _, err := h.UseLease(t.Context(), handle, "GET", "/drive/v3/about", "")
			require.Equal(t, map[bool]string{true: "lease_path", false: "lease_too_fast"}[i < 3], code(err))
		}
		require.Len(t, h.memory.Rows, before+3)
	})
}

func TestALeaseOfAnOpenHouseEndsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		h.Open = true
		_, handle, err := h.CreateLease(t.Context(), access.Caller{Workspace: "lamps"}, reading)
		require.NoError(t, err)
		_, _, err = h.UseLease(t.Context(), handle, "GET", "/drive/v3/files", "")
		require.NoError(t, err)
		h.Open = false // started again without BROKER_OPEN
		_, _, err = h.UseLease(t.Context(), handle, "GET", "/drive/v3/files", "")
		require.Equal(t, "lease_over", code(err))
	})
}

func TestCallsAtOnceDoNotSlipThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, handle, err := h.CreateLease(t.Context(), shop, wish(func(w *vault.LeaseWish) { w.MaxCalls = 10 }))
		require.NoError(t, err)
		var through atomic.Int64
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				if _, _, err := h.UseLease(t.Context(), handle, "GET", "/drive/v3/files", ""); err == nil {
					through.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 10, through.Load())
	})
}

func TestWishesThatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		for field, w := range map[string]vault.LeaseWish{
			"name":       wish(func(w *vault.LeaseWish) { w.Name = strings.Repeat("x", 101) }),
			"seconds":    wish(func(w *vault.LeaseWish) { w.Life = time.Hour + time.Second }),
			"max_calls":  wish(func(w *vault.LeaseWish) { w.MaxCalls = -1 }),
			"per_minute": wish(func(w *vault.LeaseWish) { w.PerMinute = 6001 }),
			"methods":    wish(func(w *vault.LeaseWish) { w.Methods = []string{"GET", "TRACE"} }),
			"paths":      wish(func(w *vault.LeaseWish) { w.Paths = nil }),
		} {
			_, handle, err := h.CreateLease(t.Context(), shop, w)
			require.Equal(t, fault.Invalid, fault.Of(err), field)
			require.Contains(t, faultOf(t, err).Fields, field)
			require.True(t, handle.IsZero())
		}
		path := "/drive/v3/files/" + strings.Repeat("x", 300-len("/drive/v3/files/"))
		for _, paths := range [][]string{slices.Repeat([]string{path}, 21), {path + "x"}} {
			_, _, err := h.CreateLease(t.Context(), shop, wish(func(w *vault.LeaseWish) { w.Paths = paths }))
			require.Contains(t, faultOf(t, err).Fields, "paths")
		}
		_, handle, err := h.CreateLease(t.Context(), shop, wish(func(w *vault.LeaseWish) { w.Paths = slices.Repeat([]string{path}, 20) }))
		require.NoError(t, err)
		_, _, err = h.UseLease(t.Context(), handle, "GET", path, "")
		require.NoError(t, err)
		for _, row := range h.memory.Rows {
			require.LessOrEqual(t, len([]rune(row.Detail)), 201)
		}
		_, _, err = h.CreateLease(t.Context(), shop, wish(func(w *vault.LeaseWish) { w.Life = -time.Second }))
		require.Contains(t, faultOf(t, err).Fields, "seconds")
		_, _, err = h.CreateLease(t.Context(), shop, wish(func(w *vault.LeaseWish) { w.Paths = []string{"/gmail/v1/users/me/messages"} }))
		require.Equal(t, "bad_path", code(err), "a path of another service")
		_, _, err = h.CreateLease(t.Context(), shop, wish(func(w *vault.LeaseWish) { w.Subject = "shop-8" }))
		require.Equal(t, "token_not_found", code(err))
		_, _, err = h.CreateLease(t.Context(), shop, wish(func(w *vault.LeaseWish) { w.Service = "fax" }))
		require.Equal(t, "unknown_service", code(err))
		narrow := shop
		narrow.Scopes = []string{"tokens:vend:gmail"}
		_, _, err = h.CreateLease(t.Context(), narrow, reading)
		require.Equal(t, "insufficient_scope", code(err))
		_, _, err = h.CreateLease(t.Context(), bo, reading)
		require.Equal(t, fault.Forbidden, fault.Of(err))
		require.Len(t, h.memory.Leased, 1)

		l, _, err := h.CreateLease(t.Context(), shop, wish(func(w *vault.LeaseWish) { w.Methods = []string{"get", "POST", "GET"} }))
		require.NoError(t, err)
		require.Equal(t, []string{"GET", "POST"}, l.Methods)
	})
}

func TestLeasesAreSeenByTheirMakerAndAdministrators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, _, err := h.CreateLease(t.Context(), shop, reading)
		require.NoError(t, err)
		n := func(c access.Caller) int {
			list, _, err := h.LeasesOf(t.Context(), c, "", 10)
			require.NoError(t, err)
			return len(list)
		}
		require.Equal(t, 1, n(shop))
		require.Equal(t, 1, n(ada), "she made the key")
		other := shop
		other.KeyID = "another key of hers"
		require.Zero(t, n(other), "a key sees its own")
		list, _, err := h.LeasesOf(t.Context(), shop, "", 10)
		require.NoError(t, err)
		require.Equal(t, fault.NotFound, fault.Of(h.CutLease(t.Context(), other, list[0].ID)), "and cuts its own")
		require.NoError(t, h.CutLease(t.Context(), shop, list[0].ID))
		require.Zero(t, n(bo))
		require.Equal(t, 1, n(access.Caller{Via: access.ViaSession, UserID: "own", Workspace: "lamps", Role: crm.RoleAdmin}))
		require.Zero(t, n(access.Caller{Via: access.ViaSession, UserID: "own", Workspace: "other", Role: crm.RoleAdmin}))
		_, _, err = h.LeasesOf(t.Context(), access.Caller{Workspace: "lamps"}, "", 10)
		require.Equal(t, fault.Unauthenticated, fault.Of(err))
	})
}

func TestALeaseOnOnesOwnConnectionIsOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := authorized(t)
		_, err := h.connect(t, ada, vault.Request{}, adas)
		require.NoError(t, err)
		mine := vault.LeaseWish{Subject: "ada", Service: crm.ServiceGmail, Paths: []string{"/gmail/v1/users/me/labels"}}
		_, handle, err := h.CreateLease(t.Context(), ada, mine)
		require.NoError(t, err)
		_, _, err = h.UseLease(t.Context(), handle, "GET", "/gmail/v1/users/me/labels", "")
		require.NoError(t, err)
		colleague := shop
		colleague.UserID = "bo"
		_, _, err = h.CreateLease(t.Context(), colleague, mine)
		require.Equal(t, "token_not_found", code(err))
	})
}

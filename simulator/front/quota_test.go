package front_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/simulator/front"
)

func TestQuota(t *testing.T) {
	w := start(t)
	ok, other := w.token(mara, full), w.token(tom, full)
	get := func(token string) answer { return w.must("GET", "/gmail/v1/users/me/messages/1", token, "") }
	quota := func(q map[string]any) { w.control("POST", "/_sim/quota", q) }
	drain := func(token string) (n int, refused answer) {
		for {
			a := get(token)
			if a.status != 200 {
				return n, a
			}
			n++
		}
	}
	// Buckets fill up while they are drained: what may come on top of a number of
	// calls, at 600 units a minute.
	began := time.Now()
	gained := func(price float64) float64 { return 10 / price * time.Since(began).Seconds() }
	retryAfter := func(t *testing.T, a answer) time.Time {
		t.Helper()
		msg := a.json(t)["error"].(map[string]any)["message"].(string)
		text, found := strings.CutPrefix(msg, "User-rate limit exceeded.  Retry after ")
		require.True(t, found, msg)
		at, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return at
	}

	t.Run("a user's minute", func(t *testing.T) {
		quota(map[string]any{"preset": "2026", "per_user_minute": 600})
		began = time.Now()
		n, a := drain(ok)
		require.InDelta(t, 30, n, 2+gained(20), "600 units at 20 each")
		require.Contains(t, []int{403, 429}, a.status)
		item := a.json(t)["error"].(map[string]any)["errors"].([]any)[0].(map[string]any)
		require.Equal(t, "usageLimits", item["domain"])
		require.Contains(t, []any{"rateLimitExceeded", "userRateLimitExceeded"}, item["reason"])
		require.Empty(t, a.header.Get("Retry-After"), "Gmail says it in the text only")
		wait := retryAfter(t, a).Sub(w.World.Clock.Now())
		require.Less(t, wait, 3*time.Second)
		require.Equal(t, 200, get(other).status, "another user has a bucket of its own")

		w.control("POST", "/_sim/clock", map[string]any{"advance": "30s"})
		n, _ = drain(ok)
		require.InDelta(t, 15, n, 2+gained(20), "half a minute refills half")
		w.control("POST", "/_sim/clock", map[string]any{"advance": "50m"})
		n, _ = drain(ok)
		require.InDelta(t, 30, n, 2+gained(20), "never more than a minute's worth")
	})
	t.Run("legacy prices", func(t *testing.T) {
		quota(map[string]any{"preset": "legacy", "per_user_minute": 600})
		began = time.Now()
		n, _ := drain(w.token(mara, full))
		require.InDelta(t, 120, n, 3+gained(5), "600 units at 5 each")
	})
	t.Run("both models as presets", func(t *testing.T) {
		quota(map[string]any{"preset": "legacy"})
		require.Equal(t, 15000, w.Front.Quota.Limits().PerUserMinute)
		require.Equal(t, 10, w.Front.Quota.Limits().Costs["threads.get"])
		quota(map[string]any{"preset": "2026"})
		l := w.Front.Quota.Limits()
		require.Equal(t, []int{6000, 1200000, 40, 20, 5, 2, 1, 100, 0},
			[]int{l.PerUserMinute, l.PerProjectMinute, l.Costs["threads.get"], l.Costs["messages.get"], l.Costs["messages.list"], l.Costs["history.list"], l.Costs["getProfile"], l.Costs["messages.send"], l.Concurrency})
	})
	t.Run("the project's minute", func(t *testing.T) {
		quota(map[string]any{"preset": "2026", "per_project_minute": 100})
		n, a := drain(w.token(mara, full))
		require.Equal(t, 5, n)
		require.Equal(t, 403, a.status)
		require.Contains(t, a.body, "Quota exceeded for quota metric 'Queries' and limit 'Units per minute' of service 'gmail.googleapis.com' for consumer 'project_number:100000000001'.")
		require.Equal(t, 403, get(w.token(tom, full)).status, "all users of the project")
	})
	t.Run("prices may change", func(t *testing.T) {
		quota(map[string]any{"preset": "2026", "per_user_minute": 600, "costs": map[string]int{"messages.get": 300}})
		n, _ := drain(w.token(mara, full))
		require.Equal(t, 2, n)
	})
	t.Run("none", func(t *testing.T) {
		quota(map[string]any{"preset": "none"})
		for range 400 {
			require.Equal(t, 200, get(w.token(mara, full)).status)
		}
	})
	t.Run("refusals are counted and cost nothing", func(t *testing.T) {
		w.control("POST", "/_sim/reset", nil)
		quota(map[string]any{"preset": "2026", "per_user_minute": 40})
		n, _ := drain(w.token(mara, full))
		require.Equal(t, 2, n)
		require.Equal(t, []front.Usage{{Account: mara, API: "gmail", Method: "messages.get", Calls: 3, Units: 40, Refused: 1}}, w.Front.Log.Usage())
	})
	t.Run("concurrency", func(t *testing.T) {
		quota(map[string]any{"preset": "none", "concurrency": 2})
		inside, leave := make(chan struct{}), make(chan struct{})
		w.room.get = func(*front.Call) (any, error) {
			inside <- struct{}{}
			<-leave
			return front.Raw(`{}`), nil
		}
		tok := w.token(mara, full)
		done := make(chan int, 2)
		for range 2 {
			go func() {
				a, _ := w.call("GET", "/gmail/v1/users/me/messages/1", tok, "")
				done <- a.status
			}()
			<-inside
		}
		a := w.must("GET", profilePath, tok, "")
		require.Equal(t, 429, a.status)
		require.Contains(t, a.body, "Too many concurrent requests for user")
		require.Equal(t, 200, w.must("GET", profilePath, w.token(tom, full), "").status)
		close(leave)
		require.Equal(t, []int{200, 200}, []int{<-done, <-done})
		require.Equal(t, 200, w.must("GET", profilePath, tok, "").status)
	})
	t.Run("mistakes are refused", func(t *testing.T) {
		for _, body := range []string{`{"preset":"1999"}`, `{"per_user_minute":-1}`, `{"per_user":1}`} {
			require.Equal(t, 400, w.must("POST", "/_sim/quota", "", body).status, body)
		}
	})
}

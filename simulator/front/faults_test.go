package front_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFaults(t *testing.T) {
	w := start(t)
	ok, other := w.token(mara, full), w.token(tom, full)
	clear := func() { w.control("DELETE", "/_sim/faults", nil) }
	get := func(token string) answer { return w.must("GET", profilePath, token, "") }

	t.Run("status, reason and what follows from them", func(t *testing.T) {
		for _, c := range []struct {
			fault   map[string]any
			status  int
			message string
			reason  string
			domain  string
			state   string
		}{
			{map[string]any{"status": 500}, 500, "Internal error encountered.", "backendError", "global", "INTERNAL"},
			{map[string]any{"status": 503}, 503, "The service is currently unavailable.", "backendError", "global", "UNAVAILABLE"},
			{map[string]any{"status": 404}, 404, "Requested entity was not found.", "notFound", "global", "NOT_FOUND"},
			{map[string]any{"status": 429, "reason": "rateLimitExceeded", "message": "Too many concurrent requests for user"}, 429, "Too many concurrent requests for user", "rateLimitExceeded", "usageLimits", "RESOURCE_EXHAUSTED"},
			{map[string]any{"status": 403, "reason": "dailyLimitExceeded"}, 403, "Daily Limit Exceeded", "dailyLimitExceeded", "usageLimits", "PERMISSION_DENIED"},
			{map[string]any{"status": 403, "reason": "domainPolicy"}, 403, "The domain administrators have disabled third-party access.", "domainPolicy", "global", "PERMISSION_DENIED"},
			{map[string]any{"status": 400, "reason": "failedPrecondition", "message": "Mail service not enabled"}, 400, "Mail service not enabled", "failedPrecondition", "global", "FAILED_PRECONDITION"},
		} {
			w.fault(c.fault)
			a := get(ok)
			clear()
			require.Equal(t, c.status, a.status)
			e := a.json(t)["error"].(map[string]any)
			item := e["errors"].([]any)[0].(map[string]any)
			require.Equal(t, []any{c.message, c.reason, c.domain, c.state}, []any{e["message"], item["reason"], item["domain"], e["status"]})
		}
		w.fault(map[string]any{"status": 403, "reason": "userRateLimitExceeded"})
		defer clear()
		require.Regexp(t, `^User-rate limit exceeded\.  Retry after \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, get(ok).json(t)["error"].(map[string]any)["message"])
	})
	t.Run("Retry-After in both forms", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"status": 429, "retry_after": 7, "times": 1})
		w.fault(map[string]any{"status": 503, "retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"})
		require.Equal(t, "7", get(ok).header.Get("Retry-After"))
		require.Equal(t, "Wed, 21 Oct 2026 07:28:00 GMT", get(ok).header.Get("Retry-After"))
	})
	t.Run("cut", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"kind": "cut", "times": 1})
		before := len(w.log())
		_, err := w.call("GET", profilePath, ok, "")
		require.Error(t, err)
		require.Equal(t, 200, get(ok).status)
		require.Zero(t, w.log()[before].Status)
	})
	t.Run("cut after the work was done", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"kind": "cut", "method": "messages.send", "when": "after"})
		w.room.last = nil
		_, err := w.call("POST", "/gmail/v1/users/me/messages/send", ok, `{"raw":"YQ"}`)
		require.Error(t, err)
		require.NotNil(t, w.room.last, "the message was sent")
	})
	t.Run("slow", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"kind": "slow", "delay_ms": 40})
		began := time.Now()
		a := get(ok)
		require.GreaterOrEqual(t, time.Since(began), 40*time.Millisecond)
		require.Equal(t, mara, a.json(t)["emailAddress"], "complete in the end")
	})
	t.Run("garbage", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"kind": "garbage"})
		a := get(ok)
		require.Equal(t, 200, a.status)
		require.False(t, json.Valid([]byte(a.body)))
	})
	t.Run("html", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"kind": "html", "status": 502})
		a := get(ok)
		require.Equal(t, 502, a.status)
		require.Contains(t, a.header.Get("Content-Type"), "text/html")
	})
	t.Run("whom and what it hits", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"api": "gmail", "method": "getProfile", "account": mara, "status": 500})
		require.Equal(t, 500, get(ok).status)
		require.Equal(t, 200, get(other).status)
		require.Equal(t, 200, w.must("GET", "/gmail/v1/users/me/messages", ok, "").status)
		clear()
		w.fault(map[string]any{"api": "calendar", "status": 500})
		require.Equal(t, 200, get(ok).status)
		clear()
		w.fault(map[string]any{"method": "get", "status": 500})
		require.Equal(t, 500, w.must("GET", "/gmail/v1/users/me/messages/1", ok, "").status)
		require.Equal(t, 200, get(ok).status, "getProfile does not end in .get")
	})
	t.Run("after and times", func(t *testing.T) {
		defer clear()
		w.fault(map[string]any{"status": 500, "after": 2, "times": 3})
		var got []int
		for range 7 {
			got = append(got, get(ok).status)
		}
		require.Equal(t, []int{200, 200, 500, 500, 500, 200, 200}, got)
	})
	t.Run("a rate follows from the seed", func(t *testing.T) {
		defer clear()
		run := func() (out []int) {
			clear()
			w.fault(map[string]any{"status": 500, "rate": 0.3})
			for range 200 {
				out = append(out, get(ok).status)
			}
			return out
		}
		first := run()
		require.Equal(t, first, run())
		bad := 0
		for _, s := range first {
			if s == 500 {
				bad++
			}
		}
		require.InDelta(t, 60, bad, 20)
	})
	t.Run("mistakes are refused", func(t *testing.T) {
		for _, body := range []string{`{"kind":"explode"}`, `{"rate":2}`, `{"status":42}`, `{"knid":"cut"}`, `{"when":"never"}`, `{`} {
			require.Equal(t, 400, w.must("POST", "/_sim/faults", "", body).status, body)
		}
	})
}

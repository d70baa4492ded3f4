package push

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const base = 15 * time.Minute

// live is a watch whose notifications come.
func live() Watch {
	return Watch{Topic: "projects/p/topics/t", State: On, RenewedAt: start, ExpiresAt: start.Add(7 * 24 * time.Hour), Via: ByPush, NotifiedAt: start, Announced: 100}
}

func quietLook(at time.Time) mail.Look { return mail.Look{Began: at, Since: 100, Reached: 100} }

func TestModeIsWhatReallyArrives(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Watch)
		want   Mode
	}{
		"flowing":           {func(*Watch) {}, ByPush},
		"pulled":            {func(w *Watch) { w.Via = ByPull }, ByPull},
		"nothing came yet":  {func(w *Watch) { w.Via = "" }, ByPoll},
		"something missing": {func(w *Watch) { w.MissedAt = start }, ByPoll},
		"failed":            {func(w *Watch) { w.State = Failed }, ByPoll},
		"off":               {func(w *Watch) { w.State = Off }, ByPoll},
		"lapsed":            {func(w *Watch) { w.ExpiresAt = start }, ByPoll},
		"never watched":     {func(w *Watch) { *w = Watch{} }, ByPoll},
	} {
		w := live()
		c.change(&w)
		require.Equal(t, c.want, w.Mode(start), name)
		if c.want == ByPoll && w.State == On {
			seen := w.See(start)
			require.Equal(t, w.ExpiresAt.Equal(start), seen.State == Failed, name)
			require.Equal(t, name != "nothing came yet", seen.Error != "", name)
		}
	}
}

// TestQuietGrows: the time without a look doubles as long as nothing is missed,
// to eight hours, and never beyond the end of the watch.
func TestQuietGrows(t *testing.T) {
	w, now := live(), start
	var intervals []time.Duration
	for range 8 {
		now = now.Add(max(w.Interval, base))
		out := w.look(quietLook(now), pace{time.Minute, base}, now)
		require.Zero(t, out.again)
		intervals = append(intervals, out.next.Sub(now))
	}
	require.Equal(t, []time.Duration{30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 8 * time.Hour, 8 * time.Hour, 8 * time.Hour}, intervals)
	w.ExpiresAt = now.Add(time.Hour)
	require.Equal(t, w.ExpiresAt, w.look(quietLook(now), pace{time.Minute, base}, now).next)
	require.Equal(t, now.Add(10*time.Hour), func() time.Time {
		w = live()
		w.ExpiresAt = now.Add(99 * time.Hour)
		return w.look(quietLook(now), pace{10 * time.Hour, base}, now).next
	}(), "who wants to be looked at less is")
}

// TestWhatWasNotToldOf: it is suspected, and counts as missed when no
// notification comes within half a minute.
func TestWhatWasNotToldOf(t *testing.T) {
	w := live()
	w.Interval = 4 * time.Hour
	now := start.Add(4 * time.Hour)
	out := w.look(mail.Look{Began: now, Since: 100, Reached: 120, Changed: 120}, pace{time.Minute, base}, now)
	require.Equal(t, ByPush, w.Mode(now))
	require.EqualValues(t, 120, w.Suspect)
	require.Equal(t, now.Add(mail.PollEvery), out.next, "soon again")

	late := w
	_, changed := late.Hear(Notice{HistoryID: 120, Via: ByPush}, 120, now.Add(20*time.Second))
	require.True(t, changed)
	require.Zero(t, late.Suspect)
	require.Zero(t, late.look(quietLook(now.Add(time.Hour)), pace{time.Minute, base}, now.Add(time.Hour)).delay)
	require.Equal(t, ByPush, late.Mode(now.Add(time.Hour)))

	now = now.Add(time.Minute)
	out = w.look(mail.Look{Began: now, Since: 120, Reached: 120}, pace{time.Minute, base}, now)
	require.Equal(t, ByPoll, w.Mode(now))
	require.Zero(t, out.next, "every round")
	require.Zero(t, w.Interval)
	due, _ := w.Hear(Notice{HistoryID: 121, Via: ByPull}, 120, now)
	require.Equal(t, now, due)
	require.Equal(t, ByPull, w.Mode(now))
}

// TestHearing: what is new makes a look due now, what has been read already but
// was not told of makes one in a moment, repetitions and old ones nothing.
func TestHearing(t *testing.T) {
	for name, c := range map[string]struct {
		id, mark uint64
		due      time.Duration // -1: never
	}{
		"new": {130, 110, 0}, "read by a poll a moment ago": {130, 130, echo}, "the same again": {100, 90, -1}, "old": {50, 110, -1}, "out of order": {99, 90, -1},
	} {
		w := live()
		now := start.Add(time.Hour)
		due, _ := w.Hear(Notice{HistoryID: c.id, Via: ByPush}, c.mark, now)
		if c.due < 0 {
			require.Zero(t, due, name)
			continue
		}
		require.Equal(t, now.Add(c.due), due, name)
		require.Equal(t, c.id, w.Announced, name)
	}
}

// TestLookingAgain: for what Gmail drops within the second, and for what it told
// of before it lists it, a bounded number of times.
func TestLookingAgain(t *testing.T) {
	w := live()
	now := start.Add(time.Hour)
	w.Hear(Notice{HistoryID: 110, Via: ByPush, PublishedAt: now.Add(-40 * time.Millisecond)}, 100, now)
	out := w.look(mail.Look{Began: now, Since: 100, Reached: 110, Changed: 110}, pace{time.Minute, base}, now.Add(10*time.Millisecond))
	require.Equal(t, now.Add(echo), out.again)
	require.Equal(t, 50*time.Millisecond, out.delay)
	out = w.look(mail.Look{Began: out.again, Since: 110, Reached: 111, Changed: 111}, pace{time.Minute, base}, out.again)
	require.Zero(t, out.again)
	require.Zero(t, w.Suspect, "Gmail may drop what comes within the second")

	w = live()
	w.Hear(Notice{HistoryID: 500, Via: ByPush}, 100, now)
	n := 0
	for at := now; ; n++ {
		out = w.look(mail.Look{Began: at, Since: 100, Reached: 100}, pace{time.Minute, base}, at)
		if out.again.IsZero() {
			break
		}
		require.True(t, out.again.After(at))
		at = out.again
	}
	require.Equal(t, mostAgain, n)
	require.Empty(t, w.Delays)
}

func TestDelays(t *testing.T) {
	w := live()
	_, measured := w.Delay(0.5)
	require.False(t, measured)
	now := start
	for i := range 70 {
		now = now.Add(time.Minute)
		w.Hear(Notice{HistoryID: uint64(200 + i), Via: ByPush, PublishedAt: now.Add(-time.Duration(i) * time.Millisecond)}, uint64(199+i), now)
		w.look(mail.Look{Began: now, Since: uint64(199 + i), Reached: uint64(200 + i), Changed: uint64(200 + i)}, pace{time.Minute, base}, now.Add(time.Millisecond))
	}
	require.Len(t, w.Delays, keptDelays)
	p50, _ := w.Delay(0.5)
	p99, _ := w.Delay(0.99)
	require.Equal(t, 46*time.Millisecond, p50)
	require.Equal(t, 70*time.Millisecond, p99)

	// Polled: from Google's receipt. What was brought in from elsewhere is no arrival.
	w = Watch{}
	require.Equal(t, 40*time.Second, w.look(mail.Look{Began: now, Reached: 5, Changed: 5, Oldest: now.Add(-40 * time.Second)}, pace{time.Minute, base}, now).delay)
	require.Zero(t, w.look(mail.Look{Began: now, Reached: 6, Changed: 6, Oldest: now.Add(-90 * 24 * time.Hour)}, pace{time.Minute, base}, now).delay)
	require.Zero(t, w.look(mail.Look{Began: now, Reached: 6}, pace{time.Minute, base}, now).delay)
}

// TestEveryFailureHasWords of what happened and what to do.
func TestEveryFailureHasWords(t *testing.T) {
	seen := map[string]string{}
	for _, code := range []string{CodeNoTopic, CodeNotPublisher, CodeOtherProject, CodeTaken, "api_disabled"} {
		what, next := explain(&fault.Error{Kind: fault.Conflict, Code: code}, "projects/p/topics/t")
		require.NotEmpty(t, next)
		require.Empty(t, seen[what], "%s and %s", code, seen[what])
		seen[what] = code
	}
	for k := fault.Internal; k <= fault.Blocked; k++ {
		what, next := explain(fault.New(k, "x"), "t")
		require.NotEmpty(t, what)
		require.NotEmpty(t, next)
	}
}

func TestWhoIsWatched(t *testing.T) {
	c := crm.Connection{Status: crm.StatusActive, GmailSync: true, GoogleSub: "1"}
	require.True(t, should(c))
	for name, change := range map[string]func(*crm.Connection){
		"paused": func(c *crm.Connection) { c.Status = crm.StatusPaused }, "mail is off": func(c *crm.Connection) { c.GmailSync = false },
		"disconnected": func(c *crm.Connection) { c.Status = crm.StatusDisconnected }, "not at Google": func(c *crm.Connection) { c.Provider = crm.ProviderIMAP },
	} {
		x := c
		change(&x)
		require.False(t, should(x), name)
	}
}

// FuzzDecode: whatever comes from outside is a notice with an address and an id,
// or an error.
func FuzzDecode(f *testing.F) {
	data := `{"emailAddress":"Mara@northwind-lamps.example","historyId":9876543210}`
	for _, s := range []string{data, `{"message":{"data":"` + base64.StdEncoding.EncodeToString([]byte(data)) + `","publishTime":"2026-02-26T19:13:55.749Z"}}`,
		`{"message":{"data":"` + base64.RawURLEncoding.EncodeToString([]byte(data)) + `","publish_time":"x"}}`, `{"message":null}`, `{}`, `[]`, `"`, `{"historyId":"1","emailAddress":"@"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := Decode(body, http.Header{})
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			return
		}
		require.Contains(t, n.Address, "@")
		require.NotZero(t, n.HistoryID)
		require.Less(t, n.HistoryID, uint64(1)<<63)
		again, err := Decode([]byte(fmt.Sprintf(`{"emailAddress":%q,"historyId":"%d"}`, n.Address, n.HistoryID)), http.Header{})
		if err == nil {
			require.Equal(t, n.HistoryID, again.HistoryID)
		}
	})
}

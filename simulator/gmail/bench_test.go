package gmail

import (
	"encoding/json"
	"fmt"
	"net/url"
	"runtime"
	"syscall"
	"testing"
	"time"

	"rapport/simulator/front"
	"rapport/simulator/world"
)

func jsonValid(b []byte) bool { return json.Valid(b) }

func call(r *Room, method string, path, query url.Values) (any, error) {
	if path == nil {
		path = url.Values{}
	}
	if query == nil {
		query = url.Values{}
	}
	path.Set("userId", "me")
	return r.Methods()["gmail.users."+method](&front.Call{Method: "gmail.users." + method, Path: path, Query: query, Account: "a@lamps.example", Now: fuzzNow})
}

func roomOf(tb testing.TB, n int) *Room {
	w := world.New(1, world.NewClock(func() time.Time { return fuzzNow }))
	r := New(w, nil)
	if err := r.Create(world.Account{Email: "a@lamps.example", Domain: "lamps.example"}, n, 3); err != nil {
		tb.Fatal(err)
	}
	return r
}

func BenchmarkGetFull(b *testing.B) {
	r := roomOf(b, 20000)
	m := r.box("a@lamps.example")
	handler := r.Methods()["gmail.users.messages.get"]
	b.ReportAllocs()
	total := 0
	begin := cpuTime()
	for i := range b.N {
		out, err := handler(&front.Call{Path: url.Values{"userId": {"me"}, "id": {hexID(m.entries[1+i%20000].id)}}, Query: url.Values{"format": {"full"}}, Account: "a@lamps.example", Now: fuzzNow})
		if err != nil {
			b.Fatal(err)
		}
		total += len(out.(front.Raw))
	}
	b.ReportMetric(float64(total)/float64(b.N), "bytes/msg")
	b.ReportMetric(float64((cpuTime()-begin).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// cpuTime is the processor time of the process: what counts on a busy machine.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkMillion(b *testing.B) {
	begin := time.Now()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := roomOf(b, 1_000_000)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.Logf("created in %v, %d MB", time.Since(begin), (after.HeapAlloc-before.HeapAlloc)>>20)
	for _, q := range []string{"", "label:starred", "label:starred is:unread", "after:2025/1/1 before:2025/1/3", "in:inbox older_than:3y", "from:elena.marchetti", "from:nobody@nowhere.example", "has:attachment subject:nothing-like-it", "winterbourne", "zzzzz"} {
		b.Run(fmt.Sprintf("q=%q", q), func(b *testing.B) {
			for range b.N {
				if _, err := call(r, "messages.list", nil, url.Values{"q": {q}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("labels.get", func(b *testing.B) {
		for range b.N {
			r.box("a@lamps.example").stats.valid = false
			if _, err := call(r, "labels.get", url.Values{"id": {"INBOX"}}, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	runtime.KeepAlive(r)
}

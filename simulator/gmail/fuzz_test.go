package gmail

import (
	"testing"
	"time"
	"unicode/utf8"

	"rapport/simulator/data"
	"rapport/simulator/world"
)

var fuzzNow = time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)

func fuzzRoom(tb testing.TB) *Room {
	w := world.New(1, world.NewClock(func() time.Time { return fuzzNow }))
	r := New(w, nil)
	if err := r.Create(world.Account{Email: "a@lamps.example", Domain: "lamps.example"}, 40, 3); err != nil {
		tb.Fatal(err)
	}
	return r
}

// No search is a crash, and none is slower than linear in its length.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"a OR b", "{a b} -c", `subject:("x y" OR z)`, "after:2026/1/1", "((((", "-", "OR OR", "from:{", "size:9999999999999999999", "newer_than:99999999d", "- - -a"} {
		f.Add(s)
	}
	m := fuzzRoom(f).box("a@lamps.example")
	f.Fuzz(func(t *testing.T, q string) {
		p := m.search(parseQuery(q, fuzzNow, pacific), nil, true)
		pr := probe{m: m}
		for slot := uint32(1); slot < 10; slot++ {
			pr.reset(slot)
			p.match(&pr)
		}
	})
}

// No message is a crash, and every answer is valid JSON text.
func FuzzMessage(f *testing.F) {
	m := fuzzRoom(f).box("a@lamps.example")
	src := data.NewSource(data.CastOf(1), data.Options{Seed: 5, Owner: m.person, Messages: 30, Until: fuzzNow})
	src.Plan(m.person, func(k data.Key, _ int64, _ data.Place) { f.Add(src.AppendRaw(nil, k, m.person)) })
	f.Add([]byte("Content-Type: multipart/mixed; boundary=a\n\n--a\n--a--"))
	f.Add([]byte("Content-Type: text/plain; name*0*=\xff\n\n="))
	f.Add([]byte("\r\n"))
	r := fuzzRoom(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		v := view{m: m, e: entry{id: 1, body: newStored(raw)}}
		out := r.appendMessage(nil, &v, format{name: "full"}, fuzzNow)
		if !utf8.Valid(out) {
			t.Fatalf("not UTF-8: %q", out)
		}
		if !jsonValid(out) {
			t.Fatalf("not JSON: %s", out)
		}
	})
}

package data_test

import (
	"bytes"
	"fmt"
	"io"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"
	"github.com/stretchr/testify/require"

	"rapport/simulator/data"
)

var now = time.Date(2026, 11, 20, 15, 4, 0, 0, time.UTC)

func demoSource(n int) (*data.Source, *data.Person) {
	cast := data.CastOf(1)
	owner := cast.Someone(data.Demo()[0].Email, "")
	return data.NewSource(cast, data.Options{Seed: 11, Owner: owner, Messages: n, Until: now}), owner
}

func keys(s *data.Source) []data.Key {
	var out []data.Key
	for t := range s.Threads() {
		for p := range s.Len(uint32(t)) {
			out = append(out, data.Key{Thread: uint32(t), Pos: uint16(p)})
		}
	}
	return out
}

// Every message is one that an independent parser reads without complaint.
func TestEveryMessageParses(t *testing.T) {
	s, owner := demoSource(1500)
	all := keys(s)
	require.Len(t, all, 1500)
	var raw []byte
	for _, k := range all {
		raw = s.AppendRaw(raw[:0], k, owner)
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		require.NoError(t, err, "%s", raw)
		_, err = io.ReadAll(m.Body)
		require.NoError(t, err)
		date, err := m.Header.Date()
		require.NoError(t, err)
		require.Equal(t, s.Date(k)/1000, date.Unix())
		e, err := enmime.ReadEnvelope(bytes.NewReader(raw))
		require.NoError(t, err)
		for _, p := range e.Errors {
			if p.Severe {
				t.Fatalf("%v: %v\n%s", k, p, raw)
			}
		}
		require.NotContains(t, e.Text, "{", "an unfilled variable")
		require.NotContains(t, e.GetHeader("Subject"), "{")
		var env data.Envelope
		s.Envelope(k, owner, &env)
		require.Equal(t, e.GetHeader("Subject"), string(env.Subject))
		require.Equal(t, len(env.Files), len(e.Attachments), "%s", raw)
		got, ok := s.MessageKey(m.Header.Get("Message-ID"))
		require.True(t, ok)
		require.Equal(t, k, got)
	}
}

func TestSameSeedSameMail(t *testing.T) {
	a, owner := demoSource(400)
	b, _ := demoSource(400)
	for _, k := range keys(a) {
		require.Equal(t, string(a.AppendRaw(nil, k, owner)), string(b.AppendRaw(nil, k, owner)))
	}
}

func TestShape(t *testing.T) {
	s, owner := demoSource(20000)
	require.InDelta(t, 1.85, 20000/float64(s.Threads()), 0.1)
	size, n := 0, 0
	charsets, last := map[string]int{}, int64(0)
	for _, k := range keys(s) {
		raw := s.AppendRaw(nil, k, owner)
		size, n = size+len(raw), n+1
		for _, c := range []string{"iso-8859-1", "iso-2022-jp", "windows-1251", "gb18030", "iso-8859-2"} {
			if strings.Contains(string(raw), c) {
				charsets[c]++
			}
		}
	}
	for _, k := range keys(s) {
		at := s.Date(k)
		require.LessOrEqual(t, at, now.UnixMilli())
		last = max(last, at)
	}
	require.Less(t, now.UnixMilli()-last, int64(24*3600*1000))
	require.Len(t, charsets, 5)
	t.Logf("average raw %d bytes, charsets %v", size/n, charsets)
}

func BenchmarkAppendRaw(b *testing.B) {
	s, owner := demoSource(20000)
	all := keys(s)
	var raw []byte
	b.ReportAllocs()
	total := 0
	for i := range b.N {
		raw = s.AppendRaw(raw[:0], all[i%len(all)], owner)
		total += len(raw)
	}
	b.ReportMetric(float64(total)/float64(b.N), "bytes/msg")
}

func ExampleSource() {
	s, owner := demoSource(1200)
	all := keys(s)
	k := all[len(all)-1]
	p, _ := s.Place(k, owner)
	fmt.Println(len(all), p.Sent)
	// Output: 1200 false
}

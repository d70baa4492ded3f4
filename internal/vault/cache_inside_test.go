package vault

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rapport/internal/crm"
)

// The shelf against a list of what was put: it never gives what was forgotten,
// never what was put on top of a change, and counts what it keeps.
func TestTheShelfAgainstAList(t *testing.T) {
	now := time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		h := &shelf{}
		want := map[place]crm.GrantID{}
		places := rapid.Custom(func(t *rapid.T) place {
			return place{workspace: "w", subject: fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "subject")), service: crm.Service(fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "service"))), own: rapid.Bool().Draw(t, "own")}
		})
		grantOf := func(p place) crm.GrantID { return crm.GrantID(p.subject + "/" + string(p.service)) }
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				p := places.Draw(t, "place")
				version := h.version()
				if rapid.Bool().Draw(t, "overtaken") {
					h.forget(nil)
					h.put(p, shelved{grant: "stale", since: now}, version)
					return
				}
				h.put(p, shelved{grant: grantOf(p), since: now}, version)
				want[p] = grantOf(p)
			},
			"forget a grant": func(t *rapid.T) {
				p := places.Draw(t, "place")
				_, kept := want[p]
				h.forget([]crm.GrantID{grantOf(p)})
				for q := range want {
					if q.subject == p.subject && (kept || h.tokens[q.owner()] == nil) {
						delete(want, q)
					}
				}
				_, ok := h.token(p, now)
				require.False(t, ok && kept)
			},
			"forget a subject": func(t *rapid.T) {
				p := places.Draw(t, "place")
				h.forget(nil, p.owner())
				for q := range want {
					if q.subject == p.subject {
						delete(want, q)
					}
				}
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(want), h.kept)
				for p, id := range want {
					v, ok := h.token(p, now)
					require.True(t, ok)
					require.Equal(t, id, v.grant)
				}
				for id, o := range h.owners {
					found := false
					for _, v := range h.tokens[o] {
						found = found || v.grant == id
					}
					require.True(t, found, "no owner is left behind")
				}
			},
		})
	})
}

func TestTheShelfIsBounded(t *testing.T) {
	h := &shelf{}
	now := time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	for i := range shelfSize + 10 {
		h.put(place{workspace: "w", subject: fmt.Sprint(i), service: "drive"}, shelved{grant: crm.GrantID(fmt.Sprint(i)), since: now}, 0)
	}
	require.Equal(t, 10, h.kept)
	require.Len(t, h.owners, 10)
}

func TestAClockSetBackMakesNothingGood(t *testing.T) {
	h := &shelf{}
	now := time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	p := place{workspace: "w", subject: "s", service: "drive"}
	h.put(p, shelved{grant: "g", since: now}, 0)
	for at, want := range map[time.Duration]bool{0: true, shelfLife - 1: true, shelfLife: false, -time.Second: false} {
		_, ok := h.token(p, now.Add(at))
		require.Equal(t, want, ok, at)
	}
	h.confirmed = now.Add(time.Hour)
	_, ok := h.token(p, now.Add(time.Hour+shelfLife-1))
	require.True(t, ok, "confirmed since")
	_, ok = h.token(p, now.Add(time.Minute))
	require.False(t, ok)
}

package google

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rapport/internal/mail"
)

// names writes a plan as "m1 t(a:2,3) m4".
func names(calls []fetchCall) string {
	out := ""
	for _, c := range calls {
		if c.thread == "" {
			out += " m" + c.refs[0].ID
			continue
		}
		out += " t(" + c.thread + ":"
		for i, r := range c.refs {
			if i > 0 {
				out += ","
			}
			out += r.ID
		}
		out += ")"
	}
	return out[min(1, len(out)):]
}

func refsOf(threads ...string) []mail.Ref {
	var out []mail.Ref
	for i, t := range threads {
		out = append(out, mail.Ref{ID: fmt.Sprint(i + 1), ThreadID: t})
	}
	return out
}

func TestThePlanIsTheCheapest(t *testing.T) {
	q, _ := Quotas("2026")
	for want, refs := range map[string][]mail.Ref{
		"":                      nil,
		"m1 m2":                 refsOf("a", "b"),
		"t(a:1,2)":              refsOf("a", "a"), // the same units in fewer calls
		"m1 t(a:2,4,5) m3":      refsOf("b", "a", "c", "a", "a"),
		"t(a:1,3,4) t(b:2,5,6)": refsOf("a", "b", "a", "a", "b", "b"),
		"m1 m2 m3":              refsOf("", "", ""), // thread unknown
		"m1":                    {{ID: "1", ThreadID: "a"}, {ID: "1", ThreadID: "a"}},
	} {
		require.Equal(t, want, names(plan(refs, q)))
	}
	q.Costs["threads.get"] = 50 // a tie no more: three are needed
	require.Equal(t, "m1 m2", names(plan(refsOf("a", "a"), q)))
	require.Equal(t, "t(a:1,2,3)", names(plan(refsOf("a", "a", "a"), q)))
}

func TestEveryPlanCoversEachRefOnceInOrder(t *testing.T) {
	q, _ := Quotas("2026")
	rapid.Check(t, func(t *rapid.T) {
		refs := rapid.SliceOf(rapid.Custom(func(t *rapid.T) mail.Ref {
			id := rapid.IntRange(0, 40).Draw(t, "id")
			return mail.Ref{ID: fmt.Sprint(id), ThreadID: fmt.Sprint(id % 9)}
		})).Draw(t, "refs")
		var wanted []string
		place := map[string]int{}
		for _, r := range refs {
			if _, ok := place[r.ID]; !ok {
				place[r.ID] = len(wanted)
				wanted = append(wanted, r.ID)
			}
		}
		seen, units, first := map[string]bool{}, int64(0), -1
		for _, c := range plan(refs, q) {
			require.Greater(t, place[c.refs[0].ID], first, "calls stand by their newest message")
			first = place[c.refs[0].ID]
			units += c.units
			for _, r := range c.refs {
				require.False(t, seen[r.ID])
				seen[r.ID] = true
				require.True(t, c.thread == "" || c.thread == r.ThreadID)
			}
		}
		require.Len(t, seen, len(wanted))
		require.LessOrEqual(t, units, int64(len(wanted))*20, "never dearer than one by one")
	})
}

package enrich_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rapport/internal/crm"
	"rapport/internal/enrich"
)

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// seen is a sighting on a day, written "day value confidence [state]".
func seen(t *testing.T, list ...string) []crm.Sighting {
	t.Helper()
	var out []crm.Sighting
	for i, text := range list {
		var day int
		var sure float64
		parts := strings.Split(text, "|")
		_, err := fmt.Sscanf(parts[0]+" "+parts[2], "%d %f", &day, &sure)
		require.NoError(t, err, text)
		s := crm.Sighting{
			ID: crm.SightingID(fmt.Sprintf("s%d", i)), Field: "title", Value: parts[1], Confidence: sure, SeenAt: monday.AddDate(0, 0, day), EmailID: crm.EmailID(fmt.Sprintf("m%02d", day)), Engine: "rules",
		}
		if len(parts) > 3 {
			s.State = crm.SightingState(parts[3])
			if s.State == crm.SightingDismissed || s.State == crm.SightingAccepted {
				s.DecidedAt = &s.SeenAt
			}
		}
		out = append(out, s)
	}
	return out
}

func states(v enrich.Verdict) string {
	list := slices.Clone(v.Sightings)
	slices.SortFunc(list, func(a, b crm.Sighting) int { return strings.Compare(string(a.ID), string(b.ID)) })
	var out []string
	for _, s := range list {
		out = append(out, string(s.State))
	}
	return strings.Join(out, " ")
}

func taken(v enrich.Verdict) string {
	var out []string
	for _, s := range v.Take {
		out = append(out, s.Value)
	}
	return strings.Join(out, " ")
}

func TestFieldsOfOneValue(t *testing.T) {
	typed := func(v ...string) enrich.Have { return enrich.Have{Values: v, Typed: true} }
	enriched := func(v string) enrich.Have { return enrich.Have{Values: []string{v}, Enriched: true} }
	for _, test := range []struct {
		name   string
		have   enrich.Have
		list   []string
		take   string
		states string
	}{
		{"an empty field is filled", enrich.Have{}, []string{"1|Buyer|.9"}, "Buyer", "applied"},
		{"a guess is asked about", enrich.Have{}, []string{"1|Buyer|.5"}, "", "suggested"},
		{"what the field says is confirmed", enriched("Buyer"), []string{"1|Buyer|.9", "2|buyer |.8"}, "", "applied confirmed"},
		{"what mail has filled has evidence now", enrich.Have{Values: []string{"Buyer"}}, []string{"1|BUYER|.9"}, "", "applied"},
		{"surer than what a display name said", enrich.Have{Values: []string{"Mara"}}, []string{"1|Mara Linden|.9"}, "Mara Linden", "applied"},
		{"not surer: asked", enriched("Buyer"), []string{"1|Buyer|.9", "2|Head Buyer|.9"}, "", "applied suggested"},
		{"surer: changes by itself", enriched("Buyer"), []string{"1|Buyer|.8", "2|Head Buyer|.9"}, "Head Buyer", "superseded applied"},
		{"older, surer, and seen late: as if it had been seen in time", enriched("Buyer"), []string{"2|Buyer|.8", "1|Trainee|.95"}, "Trainee", "suggested applied"},
		{"older, and not surer", enriched("Buyer"), []string{"2|Buyer|.9", "1|Trainee|.8"}, "", "applied superseded"},
		{"a guess, however often, changes nothing", enriched("Buyer"), []string{"1|Buyer|.9", "2|Chief|.5", "3|Chief|.5", "4|Chief|.5"}, "", "applied superseded superseded suggested"},
		{"two later sightings: changes by itself", enriched("Buyer"), []string{"1|Buyer|.9", "2|Head Buyer|.8", "3|Head Buyer|.7"}, "Head Buyer", "superseded confirmed applied"},
		{"two later ones that differ: the newest is asked", enriched("Buyer"), []string{"1|Buyer|.9", "2|Head Buyer|.8", "3|Chief Buyer|.8"}, "", "applied superseded suggested"},
		{"what is said again is right again", enriched("Buyer"), []string{"1|Buyer|.9", "2|Head Buyer|.8", "3|Buyer|.9"}, "", "applied superseded confirmed"},
		{"not two in a row", enriched("Buyer"), []string{"1|Buyer|.9", "2|Head Buyer|.8", "3|Buyer|.9", "4|Head Buyer|.8"}, "", "applied superseded confirmed suggested"},
		{"typed: never", typed("Owner"), []string{"1|Buyer|.99", "2|Buyer|.99", "3|Buyer|.99"}, "", "superseded superseded suggested"},
		{"typed and seen", typed("Owner"), []string{"1|Owner|.9", "2|owner|.9"}, "", "confirmed confirmed"},
		{"typed, seen later than another", typed("Owner"), []string{"1|Buyer|.9", "2|Owner|.9"}, "", "superseded confirmed"},
		{"typed over what was applied: not asked again", typed("Owner"), []string{"1|Buyer|.9|applied", "2|Buyer|.9"}, "", "superseded superseded"},
		{"typed to be empty", typed(), []string{"1|Buyer|.9"}, "", "suggested"},
		{"typed to be empty after it was applied", typed(), []string{"1|Buyer|.9|applied", "2|Buyer|.9"}, "", "superseded superseded"},
		{"dismissed: not asked again", enriched("Buyer"), []string{"1|Buyer|.9", "2|Head Buyer|.9|dismissed", "3|head buyer|.9", "4|Head Buyer|.99"}, "", "applied dismissed dismissed dismissed"},
		{"dismissed does not fill an empty field", enrich.Have{}, []string{"1|Buyer|.9|dismissed", "2|Buyer|.95"}, "", "dismissed dismissed"},
		{"accepted stays", typed("Head Buyer"), []string{"1|Buyer|.9", "2|Head Buyer|.9|accepted", "3|Head Buyer|.9"}, "", "superseded accepted confirmed"},
		{"newer than what was accepted", typed("Head Buyer"), []string{"2|Head Buyer|.9|accepted", "3|Chief|.9"}, "", "accepted suggested"},
		{"its evidence is gone", enriched("Buyer"), []string{"1|Chief|.7", "2|Chief|.7"}, "Chief", "applied confirmed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			list := seen(t, test.list...)
			v := enrich.Settle("title", test.have, list)
			require.Equal(t, test.take, taken(v))
			require.Equal(t, test.states, states(v))
		})
	}
}

func TestMayHaveChangedJob(t *testing.T) {
	v := enrich.Settle("title", enrich.Have{Values: []string{"Owner"}, Typed: true}, seen(t, "1|Buyer|.9"))
	require.Equal(t, `May have changed job: the title was "Owner".`, v.Sightings[0].Note)
	v = enrich.Settle("company", enrich.Have{Values: []string{"Harbour Tea"}, Enriched: true}, seen(t, "1|Harbour Tea|.8", "2|Northwind Lamps|.9"))
	require.Equal(t, `May have changed job: the company was "Harbour Tea".`, v.Take[0].Note)
	v = enrich.Settle("company", enrich.Have{Values: []string{"Harbour Tea"}, Enriched: true}, seen(t, "1|Harbour Tea|.8", "2|Harbour Tea GmbH|.9"))
	require.Empty(t, v.Take, "the legal form is no other company")
	for _, field := range []string{"name", "address", "website"} {
		v = enrich.Settle(field, enrich.Have{Values: []string{"a"}, Typed: true}, seen(t, "1|b|.9"))
		require.Empty(t, v.Sightings[0].Note, field)
	}
}

func TestFieldsOfSeveralValues(t *testing.T) {
	const a, b, c = "+4930111", "+4930222", "+4930333"
	for _, test := range []struct {
		name   string
		have   enrich.Have
		list   []string
		take   string
		states string
	}{
		{"all numbers of the first message", enrich.Have{}, []string{"1|" + a + "|.9", "1|" + b + "|.9"}, a + " " + b, "applied applied"},
		{"others are asked about", enrich.Have{Values: []string{a}, Enriched: true}, []string{"1|" + a + "|.9", "2|" + b + "|.9"}, "", "applied suggested"},
		{"seen twice: taken", enrich.Have{Values: []string{a}, Enriched: true}, []string{"1|" + a + "|.9", "2|" + b + "|.9", "3|" + b + "|.9"}, b, "applied confirmed applied"},
		{"once in two lines is once", enrich.Have{Values: []string{a}, Enriched: true}, []string{"1|" + a + "|.9", "2|" + b + "|.9", "2|" + b + "|.8"}, "", "applied superseded suggested"},
		{"typed: asked, however often", enrich.Have{Values: []string{a}, Typed: true}, []string{"1|" + b + "|.9", "2|" + b + "|.9", "3|" + c + "|.9"}, "", "superseded suggested suggested"},
		{"typed and seen", enrich.Have{Values: []string{a}, Typed: true}, []string{"1|" + a + "|.9"}, "", "confirmed"},
		{"taken away by somebody: not again", enrich.Have{Values: []string{b}, Typed: true}, []string{"1|" + a + "|.9|applied", "2|" + a + "|.9"}, "", "superseded superseded"},
		{"dismissed", enrich.Have{Values: []string{a}, Enriched: true}, []string{"1|" + a + "|.9", "2|" + b + "|.9|dismissed", "3|" + b + "|.9", "4|" + b + "|.9"}, "", "applied dismissed dismissed dismissed"},
		{"filled by another service", enrich.Have{Values: []string{a}}, []string{"1|" + a + "|.9", "1|" + b + "|.9"}, "", "confirmed suggested"},
		{"a guess", enrich.Have{}, []string{"1|" + a + "|.4"}, "", "suggested"},
	} {
		t.Run(test.name, func(t *testing.T) {
			list := seen(t, test.list...)
			for i := range list {
				list[i].Field = "phone"
			}
			v := enrich.Settle("phone", test.have, list)
			require.Equal(t, test.take, taken(v))
			require.Equal(t, test.states, states(v))
		})
	}
}

// field is a field that takes what it is told to, as a record does.
type field struct {
	name string
	have enrich.Have
	list []crm.Sighting
}

func (f *field) see(s ...crm.Sighting) {
	f.list = append(f.list, s...)
	f.settle()
}

// settle does what the store does; it reports whether anything changed.
func (f *field) settle() (changed bool) {
	v := enrich.Settle(f.name, f.have, f.list)
	for _, s := range v.Take {
		if f.name == "phone" {
			f.have.Values = append(f.have.Values, s.Value)
		} else {
			f.have.Values = []string{s.Value}
		}
		f.have.Enriched, changed = true, true
	}
	before := map[crm.SightingID]crm.Sighting{}
	for _, s := range f.list {
		before[s.ID] = s
	}
	for _, s := range v.Sightings {
		changed = changed || before[s.ID] != s
	}
	f.list = v.Sightings
	return changed
}

// Whatever is seen, in whatever order and pieces: a field ends the same, and settling
// it again changes nothing.
func TestTheOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(r, "sightings")
		var list []crm.Sighting
		for i := range n {
			list = append(list, crm.Sighting{
				ID: crm.SightingID(fmt.Sprintf("s%d", i)), Field: "title", EmailID: crm.EmailID(fmt.Sprintf("m%d", i)), SeenAt: monday.AddDate(0, 0, i),
				Value: rapid.SampledFrom([]string{"Buyer", "Head Buyer", "Chief"}).Draw(r, "value"), Confidence: rapid.SampledFrom([]float64{.4, .7, .9}).Draw(r, "confidence"),
			})
		}
		have := rapid.SampledFrom([]enrich.Have{{}, {Values: []string{"Chief"}}, {Values: []string{"Buyer"}, Typed: true}, {Typed: true}}).Draw(r, "have")
		at := func(order []crm.Sighting, piece int) *field {
			f := &field{name: "title", have: have}
			for p := range slices.Chunk(order, piece) {
				f.see(p...)
			}
			if f.settle() {
				r.Fatalf("settling again changed something")
			}
			return f
		}
		all := at(list, n)
		shuffled := slices.Clone(list)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1)).Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		some := at(shuffled, rapid.IntRange(1, n).Draw(r, "piece"))
		if fmt.Sprint(all.have.Values) != fmt.Sprint(some.have.Values) {
			r.Fatalf("%v, and in another order %v", all.have.Values, some.have.Values)
		}
		if a, b := states(enrich.Verdict{Sightings: all.list}), states(enrich.Verdict{Sightings: some.list}); a != b {
			r.Fatalf("%s, and in another order %s", a, b)
		}
	})
}

// What a person typed never changes by itself.
func TestTypedStays(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom([]string{"title", "phone", "company", "name"}).Draw(r, "field")
		f := &field{name: name, have: enrich.Have{Values: []string{"typed"}, Typed: true}}
		for i := range rapid.IntRange(1, 12).Draw(r, "sightings") {
			f.see(crm.Sighting{
				ID: crm.SightingID(fmt.Sprintf("s%d", i)), Field: name, EmailID: crm.EmailID(fmt.Sprintf("m%d", i)), SeenAt: monday.AddDate(0, 0, rapid.IntRange(0, 9).Draw(r, "day")),
				Value: rapid.SampledFrom([]string{"a", "b", "typed"}).Draw(r, "value"), Confidence: rapid.Float64Range(0, 1).Draw(r, "confidence"),
			})
		}
		if fmt.Sprint(f.have.Values) != "[typed]" {
			r.Fatalf("it says %v", f.have.Values)
		}
	})
}

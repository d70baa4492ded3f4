package enrich

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rapport/internal/crm"
	"rapport/internal/enrich/signature"
)

// Have is what a record says in a field now. Fields with several values (phones)
// have several.
type Have struct {
	Values []string
	// Typed: somebody means it, or that it is empty. It does not change by itself.
	Typed    bool
	Since    time.Time // when, of what is Typed
	Enriched bool      // it came from a sighting
}

func (h Have) value() string {
	if len(h.Values) == 0 {
		return ""
	}
	return h.Values[0]
}

// Verdict is what becomes of a field and its sightings.
type Verdict struct {
	// Take are the sightings whose values the record is to say from now on, in place
	// of what it says in a field of one value, beside it in others.
	Take []crm.Sighting
	// Sightings are those given, with their state and note.
	Sightings []crm.Sighting
}

const (
	enough     = 0.6 // what is less sure is asked about, and counts for nothing else
	guess      = 0.5 // what mail told before, a display name or a domain: any signature is surer
	convincing = 2   // later sightings
)

// Settle says what becomes of a field: a pure function of what the record says, and
// of everything that was seen. The order of list does not matter.
func Settle(field string, have Have, list []crm.Sighting) Verdict {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b crm.Sighting) int {
		return cmp.Or(a.SeenAt.Compare(b.SeenAt), cmp.Compare(a.EmailID, b.EmailID), cmp.Compare(valueKey(field, a.Value), valueKey(field, b.Value)))
	})
	w := walk{field: field, have: have, list: list, out: map[string]bool{}}
	w.declined()
	if many(field) {
		return w.several()
	}
	return w.single()
}

// walk goes through the sightings of one field in the order of their messages.
type walk struct {
	field string
	have  Have
	list  []crm.Sighting
	out   map[string]bool // values that somebody does not want
}

func (w *walk) key(s crm.Sighting) string { return valueKey(w.field, s.Value) }

func (w *walk) says(v string) bool {
	return slices.ContainsFunc(w.have.Values, func(h string) bool { return same(w.field, h, v) })
}

// declined collects values that were dismissed, and those that the record said
// before somebody typed another.
func (w *walk) declined() {
	for _, s := range w.list {
		if s.State == crm.SightingDismissed || s.State == crm.SightingSuperseded && s.DecidedAt != nil || w.typedOver(s) {
			w.out[w.key(s)] = true
		}
	}
	for _, v := range w.have.Values {
		delete(w.out, valueKey(w.field, v))
	}
}

// typedOver reports whether the record said so before somebody typed something else.
func (w *walk) typedOver(s crm.Sighting) bool {
	switch s.State {
	case crm.SightingApplied, crm.SightingConfirmed, crm.SightingAccepted:
		return w.have.Typed && !w.says(s.Value)
	}
	return false
}

// supersede takes a value out that is not wanted, and remembers by whose word: the
// state alone would be forgotten the next time.
func (w *walk) supersede(s *crm.Sighting) {
	if w.typedOver(*s) {
		since := w.have.Since
		s.DecidedAt = &since
	}
	s.State, s.Note = crm.SightingSuperseded, ""
	if w.dismissed(*s) {
		s.State = crm.SightingDismissed
	}
}

// current is what a field of one value says while its sightings are gone through.
type current struct {
	value string
	sure  float64
	by    int // the sighting it came from, -1 none
	last  time.Time
	was   string // what it said before
}

// single settles a field of one value.
func (w *walk) single() Verdict {
	cur := w.begin()
	seen := map[string]int{} // later sightings of other values
	for i, s := range w.list {
		k := w.key(s)
		switch {
		case w.out[k]:
		case cur.value != "" && same(w.field, cur.value, s.Value):
			cur.last = s.SeenAt
			if s.Confidence >= enough {
				cur.sure = max(cur.sure, s.Confidence)
				clear(seen)
			}
		case w.have.Typed || s.Confidence < enough:
		case cur.value == "":
			cur = current{s.Value, s.Confidence, i, s.SeenAt, ""}
		default:
			seen[k]++
			if s.Confidence > cur.sure || seen[k] >= convincing {
				cur = current{s.Value, s.Confidence, i, s.SeenAt, cur.value}
				clear(seen)
			}
		}
	}
	return w.verdict(cur)
}

// begin is what the field said before anything was seen. What has been seen is found
// again on the way.
func (w *walk) begin() current {
	cur := current{value: w.have.value(), sure: guess, by: -1}
	if !w.have.Typed && slices.ContainsFunc(w.list, func(s crm.Sighting) bool { return s.Confidence >= enough && same(w.field, s.Value, cur.value) }) {
		return current{by: -1}
	}
	return cur
}

// verdict gives each sighting its state.
func (w *walk) verdict(cur current) Verdict {
	out := Verdict{Sightings: w.list}
	newest := -1 // of those that say something else
	for i := range w.list {
		s := &w.list[i]
		switch {
		case s.State == crm.SightingAccepted || s.State == crm.SightingDismissed && s.DecidedAt != nil: // somebody's word
		case w.out[w.key(*s)]:
			w.supersede(s)
		case i == cur.by:
			if cur.was != "" || s.State != crm.SightingApplied { // else the note says what was there before
				s.Note = w.note(cur.was, s.Value)
			}
			s.State = crm.SightingApplied
		case cur.value != "" && same(w.field, cur.value, s.Value):
			s.State, s.Note = crm.SightingConfirmed, ""
		default:
			s.State, s.Note = crm.SightingSuperseded, ""
			if s.SeenAt.After(cur.last) {
				newest = i
			}
		}
	}
	if newest >= 0 {
		s := &w.list[newest]
		s.State, s.Note = crm.SightingSuggested, w.note(cur.value, s.Value)
	}
	// A name that somebody writes is better than one guessed from an address or a domain.
	nicer := (w.field == FieldName || w.field == fieldCompanyName) && !w.have.Typed && !w.have.Enriched && cur.value != w.have.value()
	if cur.by >= 0 && (nicer || !w.says(cur.value)) {
		out.Take = []crm.Sighting{w.list[cur.by]}
	}
	return out
}

// dismissed reports whether somebody has dismissed the value, in whatever message.
func (w *walk) dismissed(s crm.Sighting) bool {
	return slices.ContainsFunc(w.list, func(o crm.Sighting) bool {
		return o.State == crm.SightingDismissed && o.DecidedAt != nil && same(w.field, o.Value, s.Value)
	})
}

// note says what a change of a field may mean.
func (w *walk) note(was, now string) string {
	if was == "" || same(w.field, was, now) {
		return ""
	}
	switch w.field {
	case signature.FieldTitle:
		return fmt.Sprintf("May have changed job: the title was %q.", was)
	case signature.FieldCompany:
		return fmt.Sprintf("May have changed job: the company was %q.", was)
	}
	return ""
}

// several settles a field of several values: the numbers of the first message with
// any are taken; others when they are seen twice, or somebody accepts them.
func (w *walk) several() Verdict {
	out := Verdict{Sightings: w.list}
	first := crm.EmailID("")
	times, taken := map[string]map[crm.EmailID]bool{}, map[string]bool{}
	foreign := !w.have.Typed && !w.have.Enriched && len(w.have.Values) > 0 // filled by others
	for i := range w.list {
		s := &w.list[i]
		k := w.key(*s)
		if times[k] == nil {
			times[k] = map[crm.EmailID]bool{}
		}
		times[k][s.EmailID] = true
		if s.State == crm.SightingAccepted || s.State == crm.SightingDismissed && s.DecidedAt != nil {
			continue
		}
		empty := first == "" && !foreign
		switch {
		case w.out[k]:
			w.supersede(s)
		case taken[k], (w.have.Typed || foreign) && w.says(s.Value):
			s.State = crm.SightingConfirmed
		case !w.have.Typed && s.Confidence >= enough && (empty || s.EmailID == first || len(times[k]) >= convincing):
			if first == "" {
				first = s.EmailID
			}
			taken[k] = true
			s.State = crm.SightingApplied
			if !w.says(s.Value) {
				out.Take = append(out.Take, *s)
			}
		case w.says(s.Value): // taken while an older message was not known
			s.State = crm.SightingConfirmed
		default:
			s.State = crm.SightingSuggested
		}
	}
	return w.once(out, taken)
}

// once leaves one suggestion of each value, the newest, and none of what was taken
// later.
func (w *walk) once(out Verdict, taken map[string]bool) Verdict {
	said := map[string]bool{}
	for i := len(w.list) - 1; i >= 0; i-- {
		s := &w.list[i]
		if s.State != crm.SightingSuggested {
			continue
		}
		k := w.key(*s)
		switch {
		case taken[k]:
			s.State = crm.SightingConfirmed
		case said[k]:
			s.State = crm.SightingSuperseded
		}
		said[k] = true
	}
	return out
}

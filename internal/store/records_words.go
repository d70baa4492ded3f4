package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/records"
)

// mostAsked is how many words of a search count.
const mostAsked = 8

// byWords chooses records that have a word for each beginning.
func (l *listing) byWords(ctx context.Context) error {
	beginnings := askedWords(clean(l.q.Q))
	if len(beginnings) == 0 {
		l.never = true
		return nil
	}
	condition := func() string {
		parts := make([]string, len(beginnings))
		for i, b := range beginnings {
			parts[i] = "r.words LIKE " + l.arg("% "+b+"%")
		}
		return strings.Join(parts, " AND ")
	}
	if l.q.Deleted { // what is deleted is not in the index
		l.and(condition())
		return nil
	}
	look := func(beginnings []string, whole bool) statement {
		return statement{l.s.d.recordMatches(1), []any{l.s.d.recordQuery(l.listNos(), beginnings, whole)}}
	}
	if len(beginnings) > 1 { // one that is rare leads, and saves the index from what is frequent
		few, err := l.chosenFew(ctx, look([]string{rarest(beginnings)}, false))
		if err != nil {
			return err
		}
		if few != nil {
			l.among(few)
			l.and(condition())
			return nil
		}
	}
	if slices.ContainsFunc(beginnings, func(b string) bool { return len(b) > 3 }) {
		// The index gathers all that begins with a longer beginning before it gives
		// any; of whole words it gives one after the other.
		n, err := l.bounded(ctx, look(beginnings, true), records.MostCounted)
		if err != nil {
			return err
		}
		if n < 0 {
			l.and(condition())
			l.uncounted() // there are more than are counted
			l.uncounted()
			return nil
		}
	}
	return l.probe(ctx, look(beginnings, false), "", condition)
}

// chosenFew gives what a statement chooses if that is few, nil otherwise.
func (l *listing) chosenFew(ctx context.Context, st statement) ([]int64, error) {
	n, err := l.bounded(ctx, st, l.mostFew())
	if err != nil || n < 0 {
		return nil, err
	}
	found, err := all(ctx, l.s.reading("records.List"), "probe", scanInt, st.sql+fmt.Sprintf(" LIMIT %d", fewRecords), st.args...)
	return append([]int64{}, found...), err
}

// rarest guesses which beginning of several is that of the fewest words: one with
// digits, or the longest.
func rarest(beginnings []string) string {
	weight := func(b string) int {
		if strings.ContainsAny(b, "0123456789") {
			return 2 * len(b)
		}
		return len(b)
	}
	return slices.MaxFunc(beginnings, func(a, b string) int { return weight(a) - weight(b) })
}

// askedWords gives the beginnings of words that a search asks for. A telephone number
// is one word, however it is written.
func askedWords(q string) []string {
	digits := strings.Map(func(r rune) rune {
		switch {
		case '0' <= r && r <= '9':
			return r
		case strings.ContainsRune("+-/(). ", r):
			return -1
		}
		return 'x'
	}, strings.TrimSpace(q))
	if len(digits) >= 5 && !strings.Contains(digits, "x") {
		return []string{strings.TrimLeft(digits, "0")}
	}
	return foldedWords(q, mostAsked)
}

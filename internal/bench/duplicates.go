package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"rapport/internal/crm"
	"rapport/internal/records/merging"
)

func duplicateSections() []section {
	return []section{{
		ids: []string{"DUP"}, title: "Names of people that may be the same",
		words: `Given names and short forms of the corpus dedup-nicknames, each pair with the same family name in the same company: are they compared at all, and are they alike? The list in the product is of its
			own and much smaller. Against it names drawn together that the corpus does not know as one. Skipped where the corpus is absent; dedup-dedupeio holds no data.`,
		run: duplicates,
	}}
}

func duplicates(_ context.Context, b *bench) error {
	path := filepath.Join(corpusFolder(), "dedup-nicknames", "names.csv")
	file, err := os.Open(path)
	if err != nil {
		fmt.Fprintf(b.live.w, "   skipped: no %s\n", path)
		return nil
	}
	defer func() { _ = file.Close() }()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return fmt.Errorf("reading nicknames: %w", err)
	}
	of := map[string]map[string]bool{}
	found, compared, total := 0, 0, 0
	for _, row := range rows[1:] {
		if of[row[0]] == nil {
			of[row[0]] = map[string]bool{}
		}
		of[row[0]][row[2]] = true
		total++
		alike, shared := alikeGiven(row[0], row[2])
		if shared {
			compared++
		}
		if alike && shared {
			found++
		}
	}
	b.add(row{What: fmt.Sprintf("%d short forms: found", total), Value: ratio(found, total), Unit: "of 1"})
	b.add(row{What: "the same: compared at all", Value: ratio(compared, total), Unit: "of 1"})
	names := slices.Sorted(maps.Keys(of))
	wrong, strangers := 0, 0
	began := time.Now()
	for i, a := range names {
		for step := 7; step < 7+20; step++ {
			c := names[(i*31+step*97)%len(names)]
			if a == c || of[a][c] || of[c][a] {
				continue
			}
			strangers++
			if alike, _ := alikeGiven(a, c); alike {
				wrong++
			}
		}
	}
	b.add(row{What: fmt.Sprintf("%d pairs of other names: taken for the same", strangers), Value: ratio(wrong, strangers), Unit: "of 1"})
	b.add(row{What: "a comparison with its keys", Value: float64(time.Since(began).Microseconds()) / float64(strangers), Unit: "µs"})
	return nil
}

// alikeGiven compares two given names with one family name in one company.
func alikeGiven(a, b string) (alike, shared bool) {
	a, b = a+" Quistgaard", b+" Quistgaard"
	x, y := merging.Looks{Type: crm.Person, Name: a, Company: 1}.Keys(), merging.Looks{Type: crm.Person, Name: b, Company: 1}.Keys()
	return merging.AlikeNames(crm.Person, a, b) >= 0.6, slices.ContainsFunc(x, func(key string) bool { return slices.Contains(y, key) })
}

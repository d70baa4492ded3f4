package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/enrich/signature"
)

func signatureSections() []section {
	return []section{{
		ids: []string{"SIG"}, title: "Contact fields from signatures",
		words: `Labelled real messages of the corpus gold-signatures, read with the rules engine and scored as its README says: right, wrong and missing values per field, the share of messages
			without a signature that give nothing, and per tag. The half "tuning" (by a hash of the id) was looked at while the rules were written, "held out" once, when they stood; docs/performance.md
			has what it gave before that.
			Then other people's sets, none of which the rules were written on but for half of the companies of names-probablepeople, which was looked at: new text without quotes (reply-*), address lines (addr-usaddress), person or company (names-probablepeople).
			Last, the same messages again and again on all cores: messages per second. Skipped where the corpora are absent.`,
		run: signatures,
	}}
}

// corpusFolder is the folder of the measuring data, beside the repository; CORPORA
// names another.
func corpusFolder() string {
	if dir := os.Getenv("CORPORA"); dir != "" {
		return dir
	}
	return filepath.Join("..", "shared", "corpora")
}

func signatures(ctx context.Context, b *bench) error {
	path := filepath.Join(corpusFolder(), "gold-signatures", "gold-signatures.dev.jsonl")
	if _, err := os.Stat(path); err != nil {
		fmt.Fprintf(b.live.w, "   skipped: no %s\n", path)
		return nil
	}
	gold, err := readGold(path)
	if err != nil {
		return err
	}
	for _, half := range []string{"held out", "tuning"} {
		b.goldRows(half, slices.DeleteFunc(slices.Clone(gold), func(g goldMail) bool { return g.goldHalf() != half }))
	}
	b.goldTags(gold)
	if err := b.otherSets(); err != nil {
		return err
	}
	return b.signatureSpeed(ctx, gold)
}

// goldGoals are the goals of precision and recall; 0 is none.
var goldGoals = map[string][2]float64{
	signature.FieldName: {0.97, 0.90}, signature.FieldPhone: {0.97, 0.90}, signature.FieldTitle: {0.95, 0.85}, signature.FieldCompany: {0.95, 0.85}, signature.FieldAddress: {0.93, 0},
}

// goldRows prints what a half of the messages gives. Goals stand beside the
// half that was not looked at.
func (b *bench) goldRows(half string, gold []goldMail) {
	sums := map[string]tally{}
	var all tally
	negatives, silent := 0, 0
	for i := range gold {
		found := signature.Extract(gold[i].message())
		for field, t := range gold[i].score(found) {
			s := sums[field]
			s.add(t)
			sums[field] = s
			all.add(t)
		}
		if gold[i].Class == "none" {
			negatives++
			silent += boolInt(scored(found) == 0)
		}
	}
	for _, field := range goldFields {
		t := sums[field]
		note := fmt.Sprintf("F1 %.3f: %d right, %d wrong, %d missing", t.f1(), t.right, t.wrong, t.missing)
		precision := row{What: field + ": precision, " + half, Value: t.precision(), Unit: "of 1"}
		recall := row{What: field + ": recall, " + half, Value: t.recall(), Unit: "of 1", Note: note}
		if goals := goldGoals[field]; half == "held out" {
			if goals[0] > 0 {
				precision.Goal = atLeast(goals[0])
			}
			if goals[1] > 0 {
				recall.Goal = atLeast(goals[1])
			}
		}
		b.add(precision)
		b.add(recall)
	}
	b.add(row{What: "all fields: F1, " + half, Value: all.f1(), Unit: "of 1"})
	quiet := row{What: "no value where there is no signature, " + half, Value: ratio(silent, negatives), Unit: "of 1", Note: fmt.Sprintf("%d of %d messages", silent, negatives)}
	if half == "held out" {
		quiet.Goal = atLeast(0.98)
	}
	b.add(quiet)
}

// scored counts the values that the corpus has labels for.
func scored(f signature.Found) int {
	n := 0
	for _, v := range f.Values {
		n += boolInt(v.Field != signature.FieldWebsite)
	}
	return n
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// goldTags prints right, wrong and missing for each kind of difficulty.
func (b *bench) goldTags(gold []goldMail) {
	tags := map[string]tally{}
	seen := map[string]int{}
	for i := range gold {
		for _, t := range gold[i].score(signature.Extract(gold[i].message())) {
			for _, tag := range gold[i].Tags {
				s := tags[tag]
				s.add(t)
				tags[tag] = s
			}
		}
		for _, tag := range gold[i].Tags {
			seen[tag]++
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(tags)) {
		t := tags[tag]
		if t.right+t.wrong+t.missing == 0 {
			continue
		}
		b.add(row{What: fmt.Sprintf("tag %s (%d messages): F1", tag, seen[tag]), Value: t.f1(), Unit: "of 1", Note: fmt.Sprintf("%d right, %d wrong, %d missing", t.right, t.wrong, t.missing)})
	}
}

// signatureSpeed reads the messages on all cores for some seconds.
func (b *bench) signatureSpeed(ctx context.Context, gold []goldMail) error {
	messages := make([]signature.Message, len(gold))
	for i := range gold {
		messages[i] = gold[i].message()
	}
	var done atomic.Int64
	var wait sync.WaitGroup
	length := time.Duration(b.size(5, 1)) * time.Second
	m := startMeter()
	for worker := range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := worker; time.Since(m.wall) < length && ctx.Err() == nil; i++ {
				signature.Extract(messages[i%len(messages)])
				done.Add(1)
			}
		})
	}
	wait.Wait()
	took, cpu := time.Since(m.wall).Seconds(), ownCPU()-m.cpu
	n := float64(done.Load())
	size := 0
	for _, m := range messages {
		size += len(m.Text)
	}
	b.add(row{What: fmt.Sprintf("messages a second on %d cores", runtime.GOMAXPROCS(0)), Value: n / took, Unit: "/s", Goal: atLeast(2000), Note: fmt.Sprintf("%d bytes of text each on average; %.0f µs of CPU a message: %.0f /s where nothing else runs", size/len(messages), cpu/n*1e6, n/cpu*float64(runtime.GOMAXPROCS(0)))})
	return ctx.Err()
}

// glob lists files of a corpus.
func glob(parts ...string) []string {
	files, err := filepath.Glob(filepath.Join(append([]string{corpusFolder()}, parts...)...))
	if err != nil {
		panic(err) // the pattern is ours
	}
	return slices.DeleteFunc(files, func(f string) bool { return strings.Contains(f, "SOURCE") })
}

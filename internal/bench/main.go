// Command bench measures Rapport against the goals of docs/performance.md and
// prints one section per area: what was done in words, what came out, the goal
// beside it. Every measurement checks that its work was done.
//
//	go run ./internal/bench [--only P1,P16] [--json] [--quick]
//
// TEST_DATABASE_URL names a PostgreSQL server (scripts/with-postgres starts
// one); without it only SQLite is measured. bin/rapport is the program and the
// simulator that are measured; the simulator always runs in a process of its
// own, so that its work is not counted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// section is one area: its words are printed above its rows.
type section struct {
	ids   []string // goals it answers, the first names it
	title string
	words string
	run   func(ctx context.Context, b *bench) error
}

// sections in the order they run. The ones that fill the machine's memory with
// a million rows come last.
func sections() []section {
	return slices.Concat(importSections(), quotaSections(), cpuSections(), jobSections(), pollSections(), pushSections(), vendSections(), readSections(), recordSections(), linkingSections(), timelineSections(), signatureSections(), duplicateSections(), processSections())
}

// bench is one run of the command.
type bench struct {
	program string // bin/rapport
	scratch string // removed at the end
	quick   bool   // small work: to see that everything runs, not to quote
	profile string // folder for CPU profiles, "" for none
	each    bool   // print every kind of request by itself, too
	keep    string // folder of filled databases that are read again, "" to fill anew
	dbs     []database
	rows    []row
	current *section
	live    printer
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "--child" {
		os.Exit(runChild(os.Args[2]))
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	only := flag.String("only", "", "ids of sections, comma separated (P1,P16); empty for all")
	asJSON := flag.Bool("json", false, "print rows as JSON, one a line")
	quick := flag.Bool("quick", false, "a tenth of the work or less: proves that it runs, gives no numbers to quote")
	program := flag.String("program", "bin/rapport", "the program to measure")
	profile := flag.String("profile", "", "folder for CPU profiles of the measured processes")
	keep := flag.String("keep", "", "folder where filled databases (CRM, TIME) stay and are read again; those of PostgreSQL stay on its server")
	each := flag.Bool("each", false, "print what each kind of request takes (CRM)")
	list := flag.Bool("list", false, "list the sections and stop")
	flag.Parse()

	chosen, err := choose(sections(), *only)
	if err != nil {
		return err
	}
	if *list {
		for _, s := range chosen {
			fmt.Printf("%-10s %s\n", strings.Join(s.ids, " "), s.title)
		}
		return nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	scratch, err := os.MkdirTemp("", "rapport-bench.")
	if err != nil {
		return fmt.Errorf("making a scratch folder: %w", err)
	}
	defer os.RemoveAll(scratch)
	path, err := filepath.Abs(*program)
	if err != nil {
		return err
	}
	b := &bench{program: path, scratch: scratch, quick: *quick, profile: *profile, keep: *keep, each: *each, dbs: databases(scratch), live: newPrinter(os.Stdout, *asJSON)}
	return b.all(ctx, chosen)
}

// all runs the sections one after another, never two at once. One that fails
// is printed as failed and the others go on.
func (b *bench) all(ctx context.Context, chosen []section) error {
	b.live.head(b)
	began := time.Now()
	var failed []error
	for i := range chosen {
		if ctx.Err() != nil {
			break
		}
		b.current = &chosen[i]
		b.live.section(chosen[i])
		start := time.Now()
		if err := chosen[i].run(ctx, b); err != nil {
			err = fmt.Errorf("%s: %w", strings.Join(chosen[i].ids, " "), err)
			b.live.failed(err)
			failed = append(failed, err)
		}
		b.live.end(time.Since(start))
	}
	b.live.goals(b.rows, time.Since(began), b.quick)
	return errors.Join(append(failed, ctx.Err())...)
}

func choose(all []section, only string) ([]section, error) {
	if only == "" {
		return all, nil
	}
	var out []section
	for id := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(s section) bool { return slices.Contains(s.ids, strings.TrimSpace(id)) })
		if i < 0 {
			return nil, fmt.Errorf("no section %q; --list names them", id)
		}
		if !slices.ContainsFunc(out, func(s section) bool { return s.ids[0] == all[i].ids[0] }) {
			out = append(out, all[i])
		}
	}
	return out, nil
}

// size is n, or the small number of a quick run.
func (b *bench) size(n, quick int) int {
	if b.quick {
		return quick
	}
	return n
}

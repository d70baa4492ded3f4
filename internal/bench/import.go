package main

import (
	"context"
	"errors"
	"fmt"
)

func importSections() []section {
	return []section{{
		ids: []string{"P1", "P2"}, title: "Importing a mailbox: Gmail API to rows and search index",
		words: `A mailbox of 10,000 messages (format full) is read from the simulator, which runs in a process of its own, without quota and latency, and
			stored: messages, bodies, labels, attachments, ledger, runs, positions, facts, and the full-text index, complete at the end. CPU is getrusage of the importing process alone (with PostgreSQL the
			server's CPU is named beside it); wall is from the first call to the last index entry. Three ways in turn, A B C A B C, each in a fresh process on an empty database, median of 5: (A) Rapport with its default settings, which keep
			Google's answers compressed; (B) Rapport without keeping them; (C) the plain way: Google's Go client (google.golang.org/api), messages.list and one messages.get after another with 10 in flight, its
			encoding/json, the same parser and the same store in batches of 100. B and C do the same work. Checked: rows, and the hits of searches.`,
		run: importing,
	}}
}

// way is how a mailbox is imported.
type way string

const (
	wayRapport way = "rapport"
	wayNoRaw   way = "without raw"
	wayPlain   way = "plain"
)

// importTask is one import of a mailbox into a database that is ready for it.
type importTask struct {
	Way        way
	At         place
	Google     string
	Token      string
	Connection string
	Messages   int
}

type imported struct {
	used
	Google float64 // CPU seconds of the simulator meanwhile
	Rows   int64
	Hits   int64 // of a search afterwards
}

func importing(ctx context.Context, b *bench) error {
	g, err := b.gmail(ctx)
	if err != nil {
		return err
	}
	defer g.stop()
	n := b.size(10_000, 500)
	const account = "import@northwind-lamps.example"
	if err := g.mailbox(ctx, account, n, 9); err != nil {
		return err
	}
	token, err := g.token(ctx, account, readScope)
	if err != nil {
		return err
	}
	box, err := g.look(ctx, token)
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range b.dbs {
		one := func(w way) func(int) (imported, error) {
			return func(int) (imported, error) { return b.importOne(ctx, g, d, w, account, token, box) }
		}
		got, err := interleave(b.size(5, 1), one(wayRapport), one(wayNoRaw), one(wayPlain))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.name, err))
			continue
		}
		if err := sameHits(got); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.name, err))
			continue
		}
		b.reportImport(d, got, box)
	}
	return errors.Join(errs...)
}

// sameHits compares what a search finds after each import: the ways decode and
// store by different means, so agreement says that all did the work.
func sameHits(got [][]imported) error {
	want := got[0][0].Hits
	if want == 0 {
		return errors.New("the work was not done: a search finds nothing")
	}
	for _, of := range got {
		for _, r := range of {
			if err := check("hits of a search", r.Hits, want); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) reportImport(d database, got [][]imported, box mailboxFacts) {
	n := float64(box.messages)
	mid := make([]used, len(got))
	for i, of := range got {
		all := make([]used, len(of))
		for j, r := range of {
			all[j] = r.used
		}
		mid[i] = medianOf(all)
	}
	ms := func(u used) float64 { return u.CPU / n * 1000 }
	server := func(u used) string {
		if u.Server == 0 {
			return ""
		}
		return fmt.Sprintf("; the database server's CPU %s ms", number(u.Server/n*1000))
	}
	cpuGoal, wallGoal := atMost(0.10), atMost(1.5)
	if b.quick {
		wallGoal = goal{}
	}
	if d.server != "" {
		cpuGoal = goal{} // set for SQLite
	}
	b.add(row{ID: "P1", What: "CPU a message (default settings)", On: d.name, Value: ms(mid[0]), Unit: "ms", Goal: cpuGoal,
		Note: fmt.Sprintf("%s messages of %s KB on average as Google sends them; peak memory %s MB%s", number(n), number(box.kilobytes), number(mid[0].PeakMB), server(mid[0]))})
	b.add(row{ID: "P1", What: "CPU a message (answers not kept)", On: d.name, Value: ms(mid[1]), Unit: "ms", Goal: cpuGoal, Base: ms(mid[2]),
		Note: fmt.Sprintf("peak memory %s MB, the plain way %s MB%s", number(mid[1].PeakMB), number(mid[2].PeakMB), server(mid[1]))})
	b.add(row{ID: "P2", What: "wall, " + number(n) + " messages (default settings)", On: d.name, Value: mid[0].Wall, Unit: "s", Goal: wallGoal,
		Note: fmt.Sprintf("the simulator used %s s CPU of the same two cores meanwhile", number(got[0][0].Google))})
	b.add(row{ID: "P2", What: "wall, " + number(n) + " messages (answers not kept)", On: d.name, Value: mid[1].Wall, Unit: "s", Goal: wallGoal, Base: mid[2].Wall})
}

// importOne prepares an empty database with the connection and imports into it.
func (b *bench) importOne(ctx context.Context, g *gmailSim, d database, w way, account, token string, box mailboxFacts) (imported, error) {
	at, drop, err := d.fresh(ctx)
	if err != nil {
		return imported{}, err
	}
	defer drop()
	if err := b.connected(ctx, g, at, account, map[string]any{"limit": 0, "labels": []string{"*"}}); err != nil {
		return imported{}, err
	}
	var id string
	db, err := at.open()
	if err != nil {
		return imported{}, err
	}
	err = db.QueryRowContext(ctx, `SELECT id FROM google_integrations`).Scan(&id)
	db.Close()
	if err != nil {
		return imported{}, err
	}
	master := at.postmaster(ctx)
	before, sim := 0.0, g.cpu()
	if master != 0 {
		before = treeCPU(master)
	}
	got, err := spawn[imported](ctx, b, "import", importTask{Way: w, At: at, Google: g.url, Token: token, Connection: id, Messages: box.messages})
	if err != nil {
		return got, fmt.Errorf("%s: %w", w, err)
	}
	if master != 0 {
		got.Server = treeCPU(master) - before
	}
	got.Google = g.cpu() - sim
	return got, check("rows stored", got.Rows, int64(box.messages))
}

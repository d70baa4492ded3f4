package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

func processSections() []section {
	return []section{{
		ids: []string{"P22"}, title: "Start, idle memory, size",
		words: `bin/rapport serve is started until GET /health answers 200 (looked at each millisecond), on a database that is migrated already and on an empty one.
			Median of 9. Then it idles for 5 seconds with its background work on and no connection; memory is the resident size (VmRSS).`,
		run: startups,
	}}
}

func startups(ctx context.Context, b *bench) error {
	info, err := os.Stat(b.program)
	if err != nil {
		return err
	}
	b.add(row{What: "size of bin/rapport, web UI inside", Value: float64(info.Size()) / 1e6, Unit: "MB", Goal: atMost(60)})
	for _, d := range b.dbs {
		if err := b.startup(ctx, d); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return nil
}

func (b *bench) startup(ctx context.Context, d database) error {
	var first, again []float64
	var idle float64
	rounds := b.size(9, 2)
	for i := range rounds {
		at, drop, err := d.fresh(ctx)
		if err != nil {
			return err
		}
		for _, times := range []*[]float64{&first, &again} {
			p, err := b.serve(ctx, serveOptions{at: at})
			if err != nil {
				drop()
				return err
			}
			*times = append(*times, p.started.Seconds()*1000)
			if i == rounds-1 && times == &again {
				rest(ctx, 5*time.Second)
				idle = p.rss()
			}
			p.stop()
		}
		drop()
	}
	b.add(row{What: "start to /health", On: d.name, Value: median(again), Unit: "ms", Goal: atMost(150),
		Note: fmt.Sprintf("on an empty database, with all migrations: %s ms", number(median(first)))})
	b.add(row{What: "idle memory", On: d.name, Value: idle, Unit: "MB", Goal: atMost(50)})
	return nil
}

// rest waits, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

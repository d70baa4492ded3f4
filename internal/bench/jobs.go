package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"rapport/internal/runner/local"
	"rapport/internal/work"
)

func jobSections() []section {
	return []section{{
		ids: []string{"P12"}, title: "Due jobs, run durably",
		words: `20,000 due jobs of a step that does nothing, each in a group of its own, stand in the database (asking for them is not counted). The local runner claims them under leases, runs them with 8 workers and
			writes down each outcome, until none is left. Jobs a second, median of 5 runs in processes of their own. Checked: every step ran exactly once, the table is empty.`,
		run: jobsPerSecond,
	}}
}

type jobsTask struct {
	At   place
	Jobs int
}

type jobsDone struct {
	used
	Ran, Left int64
	Asking    float64 // seconds to enqueue
}

func jobsPerSecond(ctx context.Context, b *bench) error {
	n := b.size(20_000, 1000)
	for _, d := range b.dbs {
		got, err := interleave(b.size(5, 1), func(int) (jobsDone, error) {
			at, drop, err := d.fresh(ctx)
			if err != nil {
				return jobsDone{}, err
			}
			defer drop()
			return spawn[jobsDone](ctx, b, "jobs", jobsTask{at, n})
		})
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		var rate, cpu, asked []float64
		for _, r := range got[0] {
			if err := check("steps run", r.Ran, int64(n)); err != nil {
				return err
			}
			if err := check("jobs left", r.Left, int64(0)); err != nil {
				return err
			}
			rate, cpu, asked = append(rate, float64(n)/r.Wall), append(cpu, r.CPU/float64(n)*1e6), append(asked, float64(n)/r.Asking)
		}
		b.add(row{What: "jobs a second", On: d.name, Value: median(rate), Unit: "/s", Goal: atLeast(2000),
			Note: fmt.Sprintf("%s µs CPU a job; asked for at %s/s", number(median(cpu)), number(median(asked)))})
	}
	return nil
}

func jobsChild(ctx context.Context, task json.RawMessage) (any, error) {
	var t jobsTask
	if err := json.Unmarshal(task, &t); err != nil {
		return nil, err
	}
	s, err := t.At.store(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var out jobsDone
	jobs := make([]work.Job, t.Jobs)
	for i := range jobs {
		id := fmt.Sprintf("subject-%d", i)
		jobs[i] = work.Job{Kind: "bench", Subject: id, Group: id, DueAt: time.Now().Add(-time.Minute)}
	}
	began := time.Now()
	for from := 0; from < len(jobs); from += 500 {
		if err := s.Enqueue(ctx, jobs[from:min(from+500, len(jobs))]...); err != nil {
			return nil, err
		}
	}
	out.Asking = time.Since(began).Seconds()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var ran atomic.Int64
	r := &local.Runner{Rows: s, Holder: "bench", Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Definitions: []work.Definition{{
		Kind: "bench", Step: func(context.Context, string) (bool, error) {
			if ran.Add(1) == int64(t.Jobs) {
				stop()
			}
			return false, nil
		},
	}}}
	m := startMeter()
	err = profiled("run", func() error { return r.Run(ctx) })
	out.used = m.stop()
	if err != nil {
		return nil, err
	}
	out.Ran = ran.Load()
	err = s.DB().QueryRowContext(context.WithoutCancel(ctx), `SELECT COUNT(*) FROM jobs`).Scan(&out.Left)
	return out, err
}

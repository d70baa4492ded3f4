package local_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/runner/local"
	"rapport/internal/store/storetest"
	"rapport/internal/work"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// BenchmarkJobs runs due jobs of groups of their own durably: claimed, run and
// written down.
func BenchmarkJobs(b *testing.B) {
	for _, d := range []storetest.Database{storetest.SQLite, storetest.PostgreSQL} {
		b.Run(string(d), func(b *testing.B) {
			s := storetest.Open(b, d)
			jobs := make([]work.Job, b.N)
			for i := range jobs {
				jobs[i] = work.Job{Kind: "test", Subject: fmt.Sprint(i), Group: fmt.Sprint("g", i), DueAt: time.Now().Add(-time.Second)}
			}
			require.NoError(b, s.Enqueue(context.Background(), jobs...))
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			var ran atomic.Int64
			r := &local.Runner{Rows: s, Holder: "bench", Parallel: 16, Definitions: []work.Definition{{Kind: "test", Step: func(context.Context, string) (bool, error) {
				if ran.Add(1) == int64(b.N) {
					stop()
				}
				return false, nil
			}}}}
			b.ResetTimer()
			require.NoError(b, r.Run(ctx))
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

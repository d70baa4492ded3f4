package scenario

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/mail"
	"rapport/internal/store/storetest"
)

// BenchmarkLane imports 20,000 messages under the quota of new projects, by the
// API alone and with the IMAP lane. simulated-s is what passes on the clock that both sides share:
// the waits for quota. What the network takes is not in it; MB is what would have to
// pass by IMAP.
func BenchmarkLane(b *testing.B) {
	for _, lane := range []bool{false, true} {
		b.Run(fmt.Sprintf("lane=%t", lane), func(b *testing.B) {
			for range b.N {
				w := newTown(b, storetest.SQLite)
				h := w.newHouse(b, 20_000)
				h.lane, h.quota = lane, "2026"
				require.NoError(b, w.sim.Front.Quota.Set("2026", nil, nil, nil, nil))
				p := h.boot()
				h.connect(p, func(s *crm.ConnectionSettings) { s.Labels, s.Limit = []string{crm.AllLabels}, 0 })
				simulated, wall := w.clock.Now(), time.Now()
				for more := true; more; {
					var err error
					more, err = p.step(mail.KindBackfill)
					require.NoError(b, err)
				}
				b.ReportMetric(w.clock.Now().Sub(simulated).Seconds(), "simulated-s")
				b.ReportMetric(time.Since(wall).Seconds(), "wall-s")
				state := h.carried(p)
				b.ReportMetric(float64(state.Messages), "by-imap")
				b.ReportMetric(float64(state.Bytes)/1e6, "MB")
				b.ReportMetric(float64(h.last(crm.StreamGmailBackfill).Counts.Added), "messages")
				h.leave()
			}
		})
	}
}

package google

import (
	"syscall"
	"testing"
	"time"

	"rapport/internal/mail"
)

// BenchmarkFetch reads a mailbox of 2,000 messages over TCP from the simulator
// in the same process, without quota. us/msg is wall time, cpu-us/msg the CPU
// of both sides together.
func BenchmarkFetch(b *testing.B) {
	for _, c := range []struct {
		name    string
		latency time.Duration
	}{{"latency=0", 0}, {"latency=100ms", 100 * time.Millisecond}} {
		b.Run(c.name, func(b *testing.B) {
			p := open(b, options{messages: 2000, network: true})
			m := p.mailbox(mail.Background)
			refs := p.refs(m, 2000)
			p.sim.Front.Latency.Set(c.latency, 0)
			b.ReportAllocs()
			var before, after syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
			n := 0
			for b.Loop() {
				if err := m.Fetch(b.Context(), refs, func(f mail.Fetched) error { n++; return f.Err }); err != nil {
					b.Fatal(err)
				}
			}
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
			cpu := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "us/msg")
			b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-us/msg")
		})
	}
}

// BenchmarkIdlePoll is what an idle mailbox costs each minute: opening it and one
// call for its history, without a network.
func BenchmarkIdlePoll(b *testing.B) {
	p := open(b, options{messages: 10})
	profile, err := p.mailbox(mail.Normal).Profile(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.mailbox(mail.Normal).History(b.Context(), profile.HistoryID, ""); err != nil {
			b.Fatal(err)
		}
	}
}

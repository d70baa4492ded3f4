package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/google"
	"rapport/internal/runner/local"
	"rapport/internal/vault"
)

// meters count what this process does. What stands in the database is read when
// Prometheus asks (gauges.go).
type meters struct {
	units     *prometheus.CounterVec
	calls     *prometheus.CounterVec
	refreshes *prometheus.CounterVec
	events    *prometheus.CounterVec
	vends     *prometheus.CounterVec
	facts     *prometheus.CounterVec
	steps     *prometheus.HistogramVec
}

func newMeters(r *prometheus.Registry, version string) *meters {
	m := &meters{
		units:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rapport_google_units_total", Help: "Quota units spent at Google."}, []string{"method"}),
		calls:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rapport_google_calls_total", Help: "Attempts of calls to Google, refused ones by its quota apart."}, []string{"method", "refused"}),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rapport_token_refreshes_total", Help: "Access tokens refreshed, by outcome."}, []string{"outcome"}),
		vends:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rapport_token_vends_total", Help: "Access tokens asked for by plugins and people, by outcome."}, []string{"outcome"}),
		events:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rapport_security_events_total", Help: "Security events of Google that were taken, by kind."}, []string{"kind"}),
		facts:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rapport_facts_total", Help: "Facts seen by this process: mail.arrived, sync.completed, ..."}, []string{"kind"}),
		steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rapport_job_duration_seconds", Help: "Time of a turn of background work, by kind and outcome.", Buckets: []float64{.01, .05, .25, 1, 2.5, 10, 60, 600},
		}, []string{"kind", "outcome"}),
	}
	about := prometheus.NewGauge(prometheus.GaugeOpts{Name: "rapport_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version}})
	about.Set(1)
	r.MustRegister(m.units, m.calls, m.refreshes, m.vends, m.events, m.facts, m.steps, about, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *meters) usage(u google.Usage) {
	refused := "no"
	if u.Refused {
		refused = "yes"
	}
	m.calls.WithLabelValues(u.Method, refused).Inc()
	m.units.WithLabelValues(u.Method).Add(float64(u.Units))
}

func (m *meters) ended(e local.Ended) {
	outcome := "ok"
	if e.Err != nil {
		outcome = fault.Of(e.Err).String()
	}
	m.steps.WithLabelValues(string(e.Kind), outcome).Observe(e.Took.Seconds())
}

// trail counts vends of a trail.
func (m *meters) trail(t access.Trail) access.Trail { return countedTrail{t, m.vends} }

type countedTrail struct {
	access.Trail
	vends *prometheus.CounterVec
}

func (c countedTrail) Record(ctx context.Context, rows ...access.Audit) error {
	err := c.Trail.Record(ctx, rows...)
	for _, r := range rows {
		if r.Action == "token.vend" && err == nil {
			c.vends.WithLabelValues(r.Outcome).Inc()
		}
	}
	return err
}

func (m *meters) securityEvent(kind string) { m.events.WithLabelValues(kind).Inc() }

func (m *meters) fact(f fact.Fact) { m.facts.WithLabelValues(string(f.Kind)).Inc() }

// provider counts refreshes of a provider.
func (m *meters) provider(p vault.Provider) vault.Provider { return countedProvider{p, m.refreshes} }

type countedProvider struct {
	vault.Provider
	refreshes *prometheus.CounterVec
}

func (c countedProvider) Refresh(ctx context.Context, client vault.Client, refresh crm.Secret) (vault.Tokens, error) {
	t, err := c.Provider.Refresh(ctx, client, refresh)
	outcome := "ok"
	if err != nil {
		outcome = fault.Of(err).String()
	}
	c.refreshes.WithLabelValues(outcome).Inc()
	return t, err
}

package app

import (
	"context"
	"database/sql"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// gauges read what stands in the database when Prometheus asks.
type gauges struct {
	db      *sql.DB
	now     func() time.Time
	failed  func(error)
	queries []gauge
}

// gauge is a query of labels and a value; times are given as ages.
type gauge struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	query string
	age   bool
}

const gaugeTimeout = 2 * time.Second

func newGauges(db *sql.DB, now func() time.Time, failed func(error)) *gauges {
	one := func(name, help, query string, kind prometheus.ValueType, age bool, labels ...string) gauge {
		return gauge{prometheus.NewDesc(name, help, labels, nil), kind, query, age}
	}
	return &gauges{db, now, failed, []gauge{
		one("rapport_connections", "Connections by status.", "SELECT status, COUNT(*) FROM google_integrations GROUP BY status", prometheus.GaugeValue, false, "status"),
		one("rapport_jobs", "Jobs that wait or run.", "SELECT CASE WHEN lease_until IS NULL THEN 'waiting' ELSE 'running' END AS state, COUNT(*) FROM jobs GROUP BY 1", prometheus.GaugeValue, false, "state"),
		one("rapport_jobs_overdue_seconds", "How long the longest overdue job has been due.", "SELECT COALESCE(MIN(due_at), 0) FROM jobs WHERE lease_until IS NULL", prometheus.GaugeValue, true),
		one("rapport_ledger_items", "Items that could not be imported; parked ones are not tried again by themselves.",
			"SELECT p, COUNT(f.id) FROM (SELECT 'no' AS p UNION ALL SELECT 'yes') k LEFT JOIN sync_failures f ON (CASE WHEN f.parked THEN 'yes' ELSE 'no' END) = k.p GROUP BY p", prometheus.GaugeValue, false, "parked"),
		one("rapport_runs_total", "Runs by stream and outcome.", "SELECT stream, state, COUNT(*) FROM sync_runs GROUP BY stream, state", prometheus.CounterValue, false, "stream", "state"),
		one("rapport_run_items_total", "Items that runs added, updated, deleted, and failed on.",
			`SELECT stream, 'added', SUM(added) FROM sync_runs GROUP BY stream UNION ALL SELECT stream, 'updated', SUM(updated) FROM sync_runs GROUP BY stream
			UNION ALL SELECT stream, 'deleted', SUM(deleted) FROM sync_runs GROUP BY stream UNION ALL SELECT stream, 'failed', SUM(failed) FROM sync_runs GROUP BY stream`, prometheus.CounterValue, false, "stream", "what"),
		one("rapport_sync_lag_seconds", "How long ago the mailbox that has waited longest for a look at Google was to be looked at.",
			"SELECT 'gmail.history', COALESCE(MIN(next_poll_at), 0) FROM google_integrations WHERE status IN ('active', 'degraded') AND gmail_sync_enabled AND next_poll_at > 0", prometheus.GaugeValue, true, "stream"),
	}}
}

// Describe names the gauges.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	for _, q := range g.queries {
		out <- q.desc
	}
}

// Collect reads them.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), gaugeTimeout)
	defer cancel()
	for _, q := range g.queries {
		if err := g.read(ctx, q, out); err != nil {
			g.failed(err)
			return
		}
	}
}

func (g *gauges) read(ctx context.Context, q gauge, out chan<- prometheus.Metric) error {
	rows, err := g.db.QueryContext(ctx, q.query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		labels, value := make([]string, len(columns)-1), int64(0)
		into := make([]any, 0, len(columns))
		for i := range labels {
			into = append(into, &labels[i])
		}
		if err := rows.Scan(append(into, &value)...); err != nil {
			return err
		}
		number := float64(value)
		if q.age {
			number = g.age(value)
		}
		out <- prometheus.MustNewConstMetric(q.desc, q.kind, number, labels...)
	}
	return rows.Err()
}

// age of a stored time in seconds: 0 for none, and for one that is to come.
func (g *gauges) age(micros int64) float64 {
	if micros == 0 {
		return 0
	}
	return max(0, g.now().Sub(time.UnixMicro(micros)).Seconds())
}

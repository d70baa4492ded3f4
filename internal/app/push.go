package app

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/google"
	"rapport/internal/mail/push"
)

// buildPush makes push and joins it with its doors.
func (a *App) buildPush(d doors) error {
	boxes, err := google.NewGmail(google.GmailOptions{
		Endpoints: d.endpoints, Client: d.client, Tokens: a.Vault, Limiter: d.limiter, Now: a.now, UserAgent: a.agent(), OnUsage: a.meters.usage,
	})
	if err != nil {
		return err
	}
	a.Push = &push.Service{
		Mailboxes: boxes, Watches: a.Store, Connections: a.Store, Queue: a.Store, Now: a.now, Holder: a.holder, Fallback: a.Config.PushFallback,
		Topic: a.Config.PubSubTopic, Meter: newPushMeters(a.metrics), Log: a.log,
	}
	if a.Config.PushAccount != "" {
		a.Push.Verifier = google.NewPushVerifier(google.NewOAuth(d.endpoints, d.client, a.now), a.Config.Audience(), a.Config.PushAccount)
	}
	if a.Config.PubSubSubscription != "" && a.Config.GoogleCredentials != "" {
		door, err := a.pubsub(d.endpoints)
		if err != nil {
			return err
		}
		a.Push.Subscription = door.Subscription(a.Config.PubSubSubscription)
	}
	a.Mail.Pace = a.Push
	a.Vault.Stop = a.Push.Stop
	a.metrics.MustRegister(newWatchGauges(a))
	return nil
}

// pubsub is Pub/Sub with the operator's credentials.
func (a *App) pubsub(e google.Endpoints) (*google.PubSub, error) {
	return openPubSub(a.Config.GoogleCredentials, e, a.now, a.agent())
}

func openPubSub(file string, e google.Endpoints, now func() time.Time, agent string) (*google.PubSub, error) {
	key, err := os.ReadFile(file)
	if err != nil {
		return nil, trouble(WithConfiguration, err, "GOOGLE_APPLICATION_CREDENTIALS: %s cannot be read", file)
	}
	door, err := google.NewPubSub(google.PubSubOptions{Endpoints: e, Credentials: key, Now: now, UserAgent: agent})
	if err != nil {
		return nil, trouble(WithConfiguration, err, "GOOGLE_APPLICATION_CREDENTIALS: %s: %s", file, plain(err))
	}
	return door, nil
}

// pushWork is what push does in the background.
func (a *App) pushWork() background {
	return background{schedule: a.Push.Schedule(), definitions: a.Push.Definitions(), run: a.Push.Pull}
}

// pushCorridors is what follows from facts there.
func (a *App) pushCorridors() []corridor {
	return []corridor{
		{fact.ConnectionGranted, "its mailbox is watched", a.followWatch},
		{fact.ConnectionChanged, "its mailbox is watched, or not any more", a.followWatch},
		{fact.ConnectionLost, "its mailbox is watched no more", a.followWatch},
	}
}

func (a *App) followWatch(ctx context.Context, f fact.Fact) error {
	return a.withConnection(ctx, f, func(c crm.Connection) error { return a.Push.Follow(ctx, c) })
}

// pushMeters count notifications.
type pushMeters struct {
	notices *prometheus.CounterVec
	delays  *prometheus.HistogramVec
}

func newPushMeters(r *prometheus.Registry) *pushMeters {
	m := &pushMeters{
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rapport_notifications_total", Help: "Notifications of Gmail by the way they came and what became of them: taken, known, unknown (nobody has the mailbox), garbled, refused."}, []string{"via", "outcome"}),
		delays: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rapport_mail_delay_seconds", Help: "From Google's notification (or receipt, where none came) of a change to our commit of it.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 3600},
		}, []string{"via"}),
	}
	r.MustRegister(m.notices, m.delays)
	return m
}

// Notified implements push.Meter.
func (m *pushMeters) Notified(via push.Mode, o push.Outcome) {
	m.notices.WithLabelValues(string(via), string(o)).Inc()
}

// Delayed implements push.Meter.
func (m *pushMeters) Delayed(via push.Mode, d time.Duration) {
	m.delays.WithLabelValues(string(via)).Observe(d.Seconds())
}

// watchGauges show the watches when Prometheus asks, and the delays of the
// mailboxes over all of them.
type watchGauges struct {
	app            *App
	watches, modes *prometheus.Desc
	expiry, delay  *prometheus.Desc
}

func newWatchGauges(a *App) *watchGauges {
	return &watchGauges{a,
		prometheus.NewDesc("rapport_watches", "Connections by the state of Gmail's notifications for them; lapsed ones have failed.", []string{"state"}, nil),
		prometheus.NewDesc("rapport_mailboxes", "Connections by the way their news come in now.", []string{"mode"}, nil),
		prometheus.NewDesc("rapport_watch_expiry_seconds", "How long until the first of Gmail's notifications that are on ends, unless it is renewed; negative when it has.", nil, nil),
		prometheus.NewDesc("rapport_mail_delay_by_mailbox_seconds", "Delays of the last 50 arrivals of each mailbox: the median over mailboxes of their quantiles, and the worst.", []string{"quantile", "of"}, nil),
	}
}

// Describe names the gauges.
func (g *watchGauges) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.watches, g.modes, g.expiry, g.delay} {
		out <- d
	}
}

// Collect reads them.
func (g *watchGauges) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), gaugeTimeout)
	defer cancel()
	now := g.app.now()
	states, modes := map[push.State]int{push.On: 0, push.Failed: 0, push.Off: 0}, map[push.Mode]int{push.ByPush: 0, push.ByPull: 0, push.ByPoll: 0}
	delays := map[string][]float64{}
	var first time.Time
	err := g.app.Store.EachWatch(ctx, func(w push.Watch) {
		seen := w.See(now)
		states[seen.State]++
		modes[seen.Mode]++
		if w.State == push.On && (first.IsZero() || w.ExpiresAt.Before(first)) {
			first = w.ExpiresAt
		}
		if seen.Measured {
			delays["0.5"] = append(delays["0.5"], seen.P50.Seconds())
			delays["0.99"] = append(delays["0.99"], seen.P99.Seconds())
		}
	})
	if err != nil {
		g.app.log.Warn("reading numbers for the metrics", "error", err)
		return
	}
	for s, n := range states {
		out <- prometheus.MustNewConstMetric(g.watches, prometheus.GaugeValue, float64(n), string(s))
	}
	for m, n := range modes {
		out <- prometheus.MustNewConstMetric(g.modes, prometheus.GaugeValue, float64(n), string(m))
	}
	if !first.IsZero() {
		out <- prometheus.MustNewConstMetric(g.expiry, prometheus.GaugeValue, first.Sub(now).Seconds())
	}
	for q, list := range delays {
		slices.Sort(list)
		out <- prometheus.MustNewConstMetric(g.delay, prometheus.GaugeValue, list[len(list)/2], q, "median")
		out <- prometheus.MustNewConstMetric(g.delay, prometheus.GaugeValue, list[len(list)-1], q, "worst")
	}
}

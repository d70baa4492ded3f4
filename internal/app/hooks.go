package app

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rapport/internal/fact"
	"rapport/internal/outbound"
	"rapport/internal/webhooks"
)

// buildWebhooks makes webhooks and joins it with its doors.
func (a *App) buildWebhooks(d doors) error {
	a.Webhooks = &webhooks.Service{
		Endpoints: a.Store, Deliveries: a.Store, Mail: a.Store, Records: shownRecords{a.Store}, People: a.Store, Sealer: d.sealer,
		Poster: outbound.New(outbound.Options{
			Everywhere: a.Config.OutboundPrivate, UserAgent: a.agent(), Now: a.now,
			Trace: tracedTransport(a.Config.Tracing()),
		}),
		Now: a.now, Random: rand.Reader, Holder: a.holder, Log: a.log, Meter: newHookMeters(a.metrics),
	}
	return nil
}

// webhooksWork is what webhooks does in the background.
func (a *App) webhooksWork() background {
	return background{schedule: a.Webhooks.Schedule(), definitions: a.Webhooks.Definitions(), run: a.Webhooks.Run}
}

// webhooksCorridors is what follows from facts there.
func (a *App) webhooksCorridors() []corridor {
	list := []corridor{{fact.MemberRemoved, "webhooks for their eyes are deleted", a.dropWebhooks}}
	for _, kind := range webhooks.Kinds() {
		list = append(list, corridor{kind, "webhooks that chose it get a delivery", a.Webhooks.Follow})
	}
	return list
}

func (a *App) dropWebhooks(ctx context.Context, f fact.Fact) error {
	user, err := removedMember(f)
	if err != nil || user == "" {
		return err
	}
	return a.Webhooks.MemberLeft(ctx, f.WorkspaceID, user)
}

// hookMeters count what webhooks are sent.
type hookMeters struct{ sent *prometheus.HistogramVec }

func newHookMeters(r *prometheus.Registry) *hookMeters {
	m := &hookMeters{prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "rapport_webhook_seconds", Help: "Tries to deliver webhooks, by event and by what came of them: delivered, failed, withheld.",
		Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"event", "outcome"})}
	r.MustRegister(m.sent)
	return m
}

// Delivered implements webhooks.Meter.
func (m *hookMeters) Delivered(event string, state webhooks.State, took time.Duration) {
	m.sent.WithLabelValues(event, string(state)).Observe(took.Seconds())
}

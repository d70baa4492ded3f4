package main

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
	"rapport/simulator"
)

// left counts what left Mara's mailbox, by subject.
func left(sim *simulator.Simulator) map[string]int {
	out := map[string]int{}
	for _, s := range sim.Mail.Sent() {
		if s.From == apptest.Mara && s.Why == "send" {
			out[s.Subject]++
		}
	}
	return out
}

// eventually looks until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	limited, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !is() {
		select {
		case <-limited.Done():
			require.FailNow(t, "waited too long for "+what)
		case <-look.C:
		}
	}
}

// mailroom is a real server that dies and comes back while mail is sent from it.
type mailroom struct {
	t       *testing.T
	sim     *simulator.Simulator
	environ []string
	s       *server
	w       *apptest.World
	home    *client.InWorkspace
	asked   map[string]string // ids by subject
}

// die is kill -9, and another start. Whoever asked for something asks again, with
// the same key.
func (m *mailroom) die() {
	m.t.Helper()
	m.s.kill()
	m.sim.Front.Faults.Clear()
	m.s = serves(m.t, m.environ)
	m.w = m.s.world(m.sim, m.w.Home)
	m.home = m.w.SignIn(apptest.Mara).Workspace(m.w.Home)
	for subject, id := range m.asked {
		require.Equal(m.t, id, m.ask(subject).ID, subject)
	}
}

func (m *mailroom) ask(subject string) client.Outgoing {
	m.t.Helper()
	o, err := m.home.Keyed(subject).Send(ctx, client.SendRequest{To: []string{apptest.Jonas}, Subject: subject, Text: "Hello", UndoSeconds: 1})
	require.NoError(m.t, err)
	m.asked[subject] = o.ID
	return o
}

// TestKillWhileSending kills the real process with -9 before a message is on its
// way, while Google takes it, when Google has it and we do not know, and at random.
// Each message arrives once.
func TestKillWhileSending(t *testing.T) {
	t.Parallel() // it mostly waits until requests of the dead have certainly ended
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		sim := apptest.Simulator(t, 5, "none")
		environ := settingsFor(t, d, sim)
		m := &mailroom{t: t, sim: sim, environ: environ, s: serves(t, environ), asked: map[string]string{}}
		m.w = m.s.world(sim, "")
		owner := m.w.SetUp()
		require.Equal(t, "connected", m.w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		m.w.Imported(owner)
		m.home = owner.Workspace(m.w.Home)

		m.ask("Killed in the outbox")
		m.die()

		// Google has taken it; its answer comes slowly.
		control(t, sim, http.MethodPost, "faults", `{"kind":"slow","method":"messages.send","delay_ms":5000}`, nil)
		m.ask("Killed when Google had it")
		eventually(t, "Google to have it", func() bool { return left(sim)["Killed when Google had it"] == 1 })
		m.die()

		// Everything takes long on its way.
		control(t, sim, http.MethodPost, "latency", `{"ms":1500}`, nil)
		id := m.ask("Killed on the way").ID
		eventually(t, "it to be on its way", func() bool {
			o, err := m.home.Outgoing(ctx, id)
			require.NoError(t, err)
			return o.State == "sending"
		})
		m.s.kill()
		control(t, sim, http.MethodPost, "latency", `{"ms":10}`, nil)
		m.die()

		for i := range 12 {
			m.ask(fmt.Sprintf("Killed at random %d", i))
			if i%4 == 3 {
				eventually(t, "some to be sent", func() bool { return len(left(sim)) >= i })
				m.die()
			}
		}
		control(t, sim, http.MethodPost, "latency", `{"ms":0}`, nil)
		for subject, id := range m.asked {
			eventually(t, subject+" to be sent", func() bool {
				o, err := m.home.Outgoing(ctx, id)
				require.NoError(t, err)
				require.NotEqual(t, "failed", o.State, o.Error)
				return o.State == "sent"
			})
		}
		copies := left(sim)
		require.Len(t, copies, len(m.asked))
		for subject := range m.asked {
			require.Equal(t, 1, copies[subject], subject)
		}
		m.s.stop()
	})
}

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

// TestKillWhileReadingSignatures kills the real process with -9 again and again while
// mail makes people and signatures fill them. In the end every one of them is there
// once, filled, and looking again changes nothing.
func TestKillWhileReadingSignatures(t *testing.T) {
	t.Parallel() // it mostly waits for the leases of the dead
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		const people, each = 24, 3
		sim := apptest.Simulator(t, 5, "none")
		for n := range people * each {
			who := n % people
			message, err := json.Marshal(map[string]any{
				"from": fmt.Sprintf("Ines%d Marlow <ines@quarry%d.example>", who, who), "to": []string{apptest.Mara}, "subject": fmt.Sprintf("Stones %d", n),
				"text": fmt.Sprintf("Dear Mara,\n\nthank you.\n\nKind regards\nInes%d Marlow\nHead of Purchasing\nQuarry%d GmbH\nPhone: +49 40 360%03d 0\n", who, who, who),
			})
			require.NoError(t, err)
			control(t, sim, http.MethodPost, "accounts/"+apptest.Mara+"/messages", string(message), nil)
		}
		control(t, sim, http.MethodPost, "latency", `{"ms":10}`, nil)
		environ := settingsFor(t, d, sim)
		s := serves(t, environ)
		w := s.world(sim, "")
		owner := w.SetUp()
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		_, err := owner.Workspace(w.Home).UpdateSettings(ctx, client.SettingsPatch{Contacts: "all"})
		require.NoError(t, err)
		filled := func() (out []client.Record) {
			list, err := owner.Workspace(w.Home).Records(ctx, client.RecordQuery{Type: "person", Q: "quarry", Limit: 200})
			require.NoError(t, err)
			for _, r := range list.Items {
				if r.Title != "" && r.Class != nil {
					out = append(out, r)
				}
			}
			return out
		}
		until := func(n int) {
			t.Helper()
			end := time.Now().Add(90 * time.Second)
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for len(filled()) < n {
				require.True(t, time.Now().Before(end), "%d of %d are filled", len(filled()), n)
				<-tick.C
			}
		}
		for _, n := range []int{1, people / 3, people * 3 / 4} {
			until(n)
			s.kill()
			s = serves(t, environ)
			w = s.world(sim, w.Home)
			owner = w.SignIn(apptest.Mara)
		}
		until(people)
		home := owner.Workspace(w.Home)
		w.Imported(owner)
		look := func() (versions map[string]int64) {
			run, err := home.Enrich(ctx, client.EnrichRequest{})
			require.NoError(t, err)
			for run.FinishedAt == nil {
				runs, err := home.Runs(ctx, "", "")
				require.NoError(t, err)
				for _, r := range runs.Items {
					if r.ID == run.ID {
						run = r
					}
				}
			}
			require.Equal(t, "succeeded", run.State)
			versions = map[string]int64{}
			for _, r := range filled() {
				versions[r.ID] = r.Version
				require.Equal(t, "Head of Purchasing", r.Title)
				require.Len(t, r.Phones, 1, r.Name)
				require.Regexp(t, `^Quarry\d+ GmbH$`, r.Company.Name)
				evidence, err := home.Evidence(ctx, r.ID)
				require.NoError(t, err)
				for _, f := range evidence.Items {
					require.Len(t, f.Sightings, each, "%s of %s: each message once", f.Field, r.Name)
				}
			}
			require.Len(t, versions, people, "each person once")
			return versions
		}
		before := look()
		require.Equal(t, before, look(), "without news nothing is written")
		s.stop()
	})
}

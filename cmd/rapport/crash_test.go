package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
	"rapport/simulator"
	"rapport/simulator/front"
)

// control makes a call to the simulator's control API.
func control(t *testing.T, sim *simulator.Simulator, method, path, body string, out any) {
	t.Helper()
	r, err := http.NewRequest(method, sim.URL()+"/_sim/"+path, strings.NewReader(body))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Less(t, answer.StatusCode, 300, string(text))
	if out != nil {
		require.NoError(t, json.Unmarshal(text, out), string(text))
	}
}

// wanted are the ids of the messages that the default settings import: those of
// the inbox and of sent mail.
func wanted(t *testing.T, sim *simulator.Simulator, account string) map[string]bool {
	t.Helper()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	control(t, sim, http.MethodPost, "accounts/"+account+"/token", `{"client_id":"100000000099-judge.apps.googleusercontent.com","scopes":["https://www.googleapis.com/auth/gmail.readonly"]}`, &token)
	out := map[string]bool{}
	for _, label := range []string{"INBOX", "SENT"} {
		for page := ""; ; {
			r, err := http.NewRequest(http.MethodGet, sim.URL()+"/gmail/v1/users/me/messages?maxResults=500&labelIds="+label+"&pageToken="+page, nil)
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+token.AccessToken)
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			var list struct {
				Messages      []struct{ ID string }
				NextPageToken string
			}
			require.NoError(t, json.NewDecoder(answer.Body).Decode(&list))
			require.NoError(t, answer.Body.Close())
			for _, m := range list.Messages {
				out[m.ID] = true
			}
			if page = list.NextPageToken; page == "" {
				break
			}
		}
	}
	return out
}

// keepsAll makes a workspace store mail among colleagues, too: the mailbox can then
// be compared message by message.
func keepsAll(t *testing.T, home *client.InWorkspace) {
	t.Helper()
	yes := true
	_, err := home.ChangeMailPolicy(ctx, client.MailPolicyPatch{StoreInternal: &yes})
	require.NoError(t, err)
}

// equalsMailbox checks that exactly the wanted messages are stored, each once.
func equalsMailbox(t *testing.T, sim *simulator.Simulator, c *client.InWorkspace) {
	t.Helper()
	want, have := wanted(t, sim, apptest.Mara), stored(t, c)
	for id := range want {
		require.Contains(t, have, id, "a message is missing")
	}
	require.Len(t, have, len(want))
}

// TestKillInMidImport kills the real process with -9 again and again while it
// imports. Afterwards the store equals the mailbox and the ledger is empty.
func TestKillInMidImport(t *testing.T) {
	t.Parallel() // it mostly waits for the leases of the dead
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		sim := apptest.Simulator(t, 600, "none")
		control(t, sim, http.MethodPost, "latency", `{"ms":100}`, nil) // the import is not through before the last kill
		environ := settingsFor(t, d, sim)
		s := serves(t, environ)
		w := s.world(sim, "")
		owner := w.SetUp()
		keepsAll(t, owner.Workspace(w.Home))
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		total := int64(len(wanted(t, sim, apptest.Mara)))
		for _, share := range []int64{10, 30, 50} {
			w.Until(owner, fmt.Sprintf("%d %% of the import", share), func(s client.Status) bool { return s.Counts.Messages >= total*share/100 })
			s.kill()
			s = serves(t, environ)
			w = s.world(sim, w.Home)
			owner = w.SignIn(apptest.Mara)
			status, err := owner.Workspace(w.Home).Status(ctx, "")
			require.NoError(t, err)
			require.Less(t, status.Counts.Messages, total, "killed in mid-import")
		}
		status := w.Imported(owner)
		require.Equal(t, "active", status.Status)
		require.Zero(t, status.Counts.Failures)
		require.Equal(t, total, status.Counts.Messages)
		home := owner.Workspace(w.Home)
		equalsMailbox(t, sim, home)
		v, err := home.Verify(ctx, client.VerifyRequest{}, 30*time.Second)
		require.NoError(t, err)
		require.Equal(t, "complete", v.Completeness.State)
		s.stop()
	})
}

// requests reads the simulator's log from a number on.
func requests(t *testing.T, sim *simulator.Simulator, since uint64) []front.Entry {
	t.Helper()
	var out []front.Entry
	control(t, sim, http.MethodGet, fmt.Sprintf("requests?since=%d", since), "", &out)
	return out
}

// TestTwoProcessesOnOneDatabase runs two servers on one PostgreSQL with one
// connection: each message is fetched once and tokens are refreshed once.
func TestTwoProcessesOnOneDatabase(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		if d == storetest.SQLite {
			return // one process owns the file
		}
		sim := apptest.Simulator(t, 400, "none")
		control(t, sim, http.MethodPost, "latency", `{"ms":5}`, nil)
		environ := settingsFor(t, d, sim)
		one, two := serves(t, environ), serves(t, environ)
		w := one.world(sim, "")
		owner := w.SetUp()
		other := two.world(sim, w.Home)
		keepsAll(t, owner.Workspace(w.Home))
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		there := other.SignIn(apptest.Mara) // a token of one is good at the other
		_, err := there.Workspace(w.Home).Sync(ctx, client.SyncRequest{}, 0)
		require.NoError(t, err)
		other.Imported(there)
		equalsMailbox(t, sim, owner.Workspace(w.Home))
		fetchedOnce(t, sim)
		seenByBoth(t, sim, owner.Workspace(w.Home), there.Workspace(w.Home))
		refreshedOnce(t, sim, owner.Workspace(w.Home), there.Workspace(w.Home))
		one.stop()
		two.stop()
	})
}

func fetchedOnce(t *testing.T, sim *simulator.Simulator) {
	t.Helper()
	fetched := map[string]int{}
	for _, r := range requests(t, sim, 0) {
		require.Less(t, r.Status, 400, "%+v", r)
		if r.Method == "messages.get" || r.Method == "threads.get" {
			path, _, _ := strings.Cut(r.Path, "?")
			fetched[path]++
		}
	}
	require.NotEmpty(t, fetched)
	for path, times := range fetched {
		require.Equal(t, 1, times, path)
	}
}

// seenByBoth delivers a message: the pages open at either process hear of it,
// whichever did the work.
func seenByBoth(t *testing.T, sim *simulator.Simulator, homes ...*client.InWorkspace) {
	t.Helper()
	heard := make(chan bool, len(homes))
	var ready, all sync.WaitGroup
	limited, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, home := range homes {
		ready.Add(1)
		all.Go(func() {
			arrived := false
			_ = home.Events(limited, func(h client.Happening) error {
				if h.Kind == "ready" {
					ready.Done()
				}
				if arrived = h.Kind == "mail.arrived"; arrived {
					return io.EOF
				}
				return nil
			})
			heard <- arrived
		})
	}
	ready.Wait()
	control(t, sim, http.MethodPost, "accounts/"+apptest.Mara+"/messages", `{"from":"`+apptest.Elena+`","to":["`+apptest.Mara+`"],"subject":"For both","text":"x"}`, nil)
	_, err := homes[0].Sync(ctx, client.SyncRequest{}, 0)
	require.NoError(t, err)
	all.Wait()
	for range homes {
		require.True(t, <-heard)
	}
}

// refreshedOnce lets the access token die and both processes need it at once.
func refreshedOnce(t *testing.T, sim *simulator.Simulator, homes ...*client.InWorkspace) {
	t.Helper()
	page, err := homes[0].Emails(ctx, client.EmailQuery{Q: "has:attachment", Limit: 20})
	require.NoError(t, err)
	require.NotEmpty(t, page.Items)
	e, err := homes[0].Email(ctx, page.Items[0].ID)
	require.NoError(t, err)
	log := requests(t, sim, 0)
	control(t, sim, http.MethodPost, "clock", `{"advance":"2h"}`, nil)
	var all sync.WaitGroup
	for range 10 {
		for _, home := range homes {
			all.Go(func() {
				if err := home.Attachment(ctx, e.ID, e.Attachments[0].ID, io.Discard); err != nil {
					t.Errorf("downloading: %v", err)
				}
			})
		}
	}
	all.Wait()
	refreshes, refused := 0, 0
	for _, r := range requests(t, sim, log[len(log)-1].Number) {
		if r.API == "oauth" && r.Method == "token" {
			refreshes++
		}
		if r.Status == http.StatusUnauthorized {
			refused++
		}
	}
	require.Positive(t, refused, "the old token was tried")
	require.Equal(t, 1, refreshes)
}

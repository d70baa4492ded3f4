package httpapi_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
	"rapport/simulator/control"
)

// arrives has Google deliver a letter.
func arrives(t *testing.T, w *apptest.World, subject string) {
	t.Helper()
	_, err := w.Sim.Mail.Deliver(apptest.Mara, control.Message{From: "Petra Holm <petra@lantern-works.example>", To: []string{apptest.Mara}, Subject: subject, Text: "About " + subject})
	require.NoError(t, err)
}

// settings changes what IMAP is like for the owner's account.
func settings(t *testing.T, w *apptest.World, change func(*control.IMAPSettings)) {
	t.Helper()
	s := w.Sim.IMAP().Settings(apptest.Mara)
	change(&s)
	require.NoError(t, w.Sim.IMAP().Set(apptest.Mara, s))
}

func TestGmailWithTooManyConnectionsIsNotTheUsersTrouble(t *testing.T) {
	w, home, a := gmailByBoth(t, storetest.SQLite)
	until(t, home, a.ID, "synced", active)
	listens := func() bool { return w.Sim.IMAP().Connections(apptest.Mara) == 1 }
	require.Eventually(t, listens, 10*time.Second, 10*time.Millisecond)
	settings(t, w, func(s *control.IMAPSettings) { s.Connections = 1 }) // other programs have the rest
	tested, err := home.TestEmailAccount(ctx, a.ID)
	require.NoError(t, err)
	require.False(t, tested.OK)
	failed := tested.Steps[len(tested.Steps)-1]
	for _, s := range tested.Steps {
		if !s.OK {
			failed = s
			break
		}
	}
	require.Contains(t, failed.Detail, "too many connections")
	_, err = home.SyncEmailAccount(ctx, a.ID)
	require.NoError(t, err)
	got, err := home.EmailAccount(ctx, a.ID)
	require.NoError(t, err)
	require.NotEqual(t, "needs_login", got.State, "nobody has to sign in again")
	settings(t, w, func(s *control.IMAPSettings) { s.Connections = 15 })
	arrives(t, w, "When there is room again")
	inboxHas(t, home, a.ConnectionID, "When there is room again")
}

func TestGmailFoldersThatChangeTheirLanguageKeepTheirMail(t *testing.T) {
	w, home, a := gmailByBoth(t, storetest.SQLite)
	until(t, home, a.ID, "synced", active)
	before := gmailIDs(t, home, a.ConnectionID)
	settings(t, w, func(s *control.IMAPSettings) { s.Language = "ja" })
	w.Sim.IMAP().Drop(apptest.Mara)
	arrives(t, w, "In another language")
	inboxHas(t, home, a.ConnectionID, "In another language")
	began := time.Now()
	_, err := home.SyncEmailAccount(ctx, a.ID)
	require.NoError(t, err)
	until(t, home, a.ID, "synced", func(a client.EmailAccount) bool { return active(a) && a.LastSyncAt.After(began) })
	require.Len(t, gmailIDs(t, home, a.ConnectionID), len(before)+1)
}

func TestGmailSessionsThatAreLiveWhenTheirTokenEndsBeginAnew(t *testing.T) {
	w, home, a := gmailByBoth(t, storetest.SQLite)
	until(t, home, a.ID, "synced", active)
	connected := func(n int) func() bool {
		return func() bool { return w.Sim.IMAP().Connections(apptest.Mara) == n }
	}
	require.Eventually(t, connected(1), 10*time.Second, 10*time.Millisecond)
	w.Sim.World.Clock.Advance(61 * time.Minute)
	require.Eventually(t, connected(0), 10*time.Second, time.Millisecond, "Google ends the session with its token")
	require.Eventually(t, connected(1), 20*time.Second, 10*time.Millisecond, "it listens again, with a fresh token")
	arrives(t, w, "After the token")
	inboxHas(t, home, a.ConnectionID, "After the token")
}

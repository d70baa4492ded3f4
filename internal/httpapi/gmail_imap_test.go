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

// gmailByBoth is a program whose owner's Gmail is synced by the API and read by
// IMAP.
func gmailByBoth(t *testing.T, d storetest.Database) (*apptest.World, *client.InWorkspace, client.EmailAccount) {
	t.Helper()
	w := apptest.Start(t, d, func(s *apptest.Setup) { s.IMAP = true })
	owner := w.SetUp()
	w.Connect(owner, client.ConnectWish{Services: []string{"gmail", "imap"}}, apptest.Consent{Account: apptest.Mara})
	w.Imported(owner)
	home := owner.Workspace(w.Home)
	a, err := home.AddEmailAccount(ctx, client.NewEmailAccount{Email: apptest.Mara, IMAP: client.MailServer{Host: "imap.gmail.com"}, SMTP: client.MailServer{Host: "smtp.gmail.com"}})
	require.NoError(t, err)
	require.True(t, a.Google)
	return w, home, a
}

// until waits for an account.
func until(t *testing.T, home *client.InWorkspace, id, what string, is func(client.EmailAccount) bool) client.EmailAccount {
	t.Helper()
	var last client.EmailAccount
	require.Eventually(t, func() bool {
		var err error
		last, err = home.EmailAccount(ctx, id)
		require.NoError(t, err)
		return is(last)
	}, time.Minute, 50*time.Millisecond, what)
	return last
}

// lookedAt has an account looked at from the first folder to the last. The first
// run asked for may be one that is at its end already, so the second one counts.
func lookedAt(t *testing.T, home *client.InWorkspace, a client.EmailAccount) {
	t.Helper()
	for range 2 {
		run, err := home.SyncEmailAccount(ctx, a.ID)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			runs, err := home.Runs(ctx, a.ConnectionID, "")
			require.NoError(t, err)
			for _, r := range runs.Items {
				if r.ID == run.ID {
					run = r
				}
			}
			return run.FinishedAt != nil
		}, 30*time.Second, 20*time.Millisecond, "the run ends")
		require.Equal(t, "succeeded", run.State, run.Error)
	}
}

func active(a client.EmailAccount) bool { return a.State == "active" && a.LastSyncAt != nil }

// gmailIDs are the messages of the inbox, none twice.
func gmailIDs(t *testing.T, home *client.InWorkspace, connection string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for cursor := ""; ; {
		page, err := home.Emails(ctx, client.EmailQuery{ConnectionID: connection, Cursor: cursor, Limit: 200})
		require.NoError(t, err)
		for _, e := range page.Items {
			require.NotContains(t, out, e.GmailID)
			out[e.GmailID] = e.Subject
		}
		if cursor = page.NextCursor; cursor == "" {
			return out
		}
	}
}

func TestGmailSyncedBothWaysIsNotDoubled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w, home, a := gmailByBoth(t, d)
		before := gmailIDs(t, home, a.ConnectionID)
		require.NotEmpty(t, before)
		until(t, home, a.ID, "synced", active)
		require.Equal(t, before, gmailIDs(t, home, a.ConnectionID))
		tested, err := home.TestEmailAccount(ctx, a.ID)
		require.NoError(t, err)
		require.True(t, tested.OK, "%+v", tested)

		listened(t, w, home, a)
		begun := time.Now()
		_, err = w.Sim.Mail.Deliver(apptest.Mara, control.Message{From: "Petra Holm <petra@lantern-works.example>", To: []string{apptest.Mara}, Subject: "Forty lamps", Text: "Could you send us forty?"})
		require.NoError(t, err)
		inboxHas(t, home, a.ConnectionID, "Forty lamps")
		t.Logf("shown %v after delivery", time.Since(begun).Round(time.Millisecond))
		_, err = home.Sync(ctx, client.SyncRequest{ConnectionID: a.ConnectionID, Full: true}, 10*time.Second)
		require.NoError(t, err)
		_, err = home.SyncEmailAccount(ctx, a.ID)
		require.NoError(t, err)
		run, err := home.Verify(ctx, client.VerifyRequest{ConnectionID: a.ConnectionID}, 10*time.Second)
		require.NoError(t, err)
		require.NotEqual(t, "failed", run.State)
		require.Len(t, gmailIDs(t, home, a.ConnectionID), len(before)+1)

		require.NoError(t, w.Sim.IMAP().ChangeValidity(apptest.Mara, ""))
		_, err = home.SyncEmailAccount(ctx, a.ID)
		require.NoError(t, err)
		until(t, home, a.ID, "synced", active)
		require.Len(t, gmailIDs(t, home, a.ConnectionID), len(before)+1, "new UIDs double nothing")
	})
}

func TestGmailInAnotherLanguageAndWithoutIMAP(t *testing.T) {
	w, home, a := gmailByBoth(t, storetest.SQLite)
	until(t, home, a.ID, "synced", active)
	s := w.Sim.IMAP().Settings(apptest.Mara)
	s.Language = "de"
	require.NoError(t, w.Sim.IMAP().Set(apptest.Mara, s))
	folders, err := home.EmailFolders(ctx, a.ID)
	require.NoError(t, err)
	followed := ""
	for _, f := range folders.Items {
		if f.Followed {
			followed = f.Name + " " + f.Role
		}
	}
	require.Equal(t, "[Gmail]/Alle Nachrichten all", followed)

	s.Disabled = true
	require.NoError(t, w.Sim.IMAP().Set(apptest.Mara, s))
	tested, err := home.TestEmailAccount(ctx, a.ID)
	require.NoError(t, err)
	require.False(t, tested.OK)
	require.Equal(t, "permission", tested.Steps[2].Name, "%+v", tested)
	_, err = home.SyncEmailAccount(ctx, a.ID)
	require.NoError(t, err)
	told := until(t, home, a.ID, "told", func(a client.EmailAccount) bool { return a.State == "needs_login" })
	require.NotEmpty(t, told.NextStep)
}

func TestGmailSessionsOutliveTheirTokens(t *testing.T) {
	w, home, a := gmailByBoth(t, storetest.SQLite)
	until(t, home, a.ID, "synced", active)
	listened(t, w, home, a)
	require.LessOrEqual(t, len(w.Sim.IMAP().Sessions(apptest.Mara)), 3)
	w.Sim.World.Clock.Advance(61 * time.Minute) // the token ends, and the session with it
	w.Sim.IMAP().Drop(apptest.Mara)
	_, err := w.Sim.Mail.Deliver(apptest.Mara, control.Message{From: "Petra Holm <petra@lantern-works.example>", To: []string{apptest.Mara}, Subject: "After an hour", Text: "Still there?"})
	require.NoError(t, err)
	inboxHas(t, home, a.ConnectionID, "After an hour")
	until(t, home, a.ID, "well", active)
}

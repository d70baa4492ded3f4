package httpapi_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/mail/accounts"
	"rapport/internal/store/storetest"
	"rapport/simulator/control"
	"rapport/simulator/gmail"
	"rapport/simulator/postal"
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

// told waits until the server of an account tells of its news: from then on polls
// are far apart.
func told(t *testing.T, w *apptest.World, a client.EmailAccount) {
	t.Helper()
	require.Eventually(t, func() bool {
		job, _, err := w.App.Store.Job(ctx, accounts.KindSync, a.ID)
		return err == nil && job.Every == accounts.ListenedEvery
	}, 60*time.Second, 10*time.Millisecond, "the server tells")
}

// listened waits until somebody listens at Gmail, and nobody else is signed in: a
// look that was under way may be for a moment. It gives which sign-in listens.
func listened(t *testing.T, w *apptest.World, home *client.InWorkspace, a client.EmailAccount) (signIn int) {
	t.Helper()
	told(t, w, a)
	lookedAt(t, home, a)
	require.Eventually(t, func() bool {
		now := w.Sim.IMAP().Sessions(apptest.Mara)
		if len(now) == 1 {
			signIn = now[0]
		}
		return len(now) == 1
	}, 30*time.Second, 10*time.Millisecond, "somebody listens")
	return signIn
}

func TestGmailWithTooManyConnectionsIsNotTheUsersTrouble(t *testing.T) {
	w, home, a := gmailByBoth(t, storetest.SQLite)
	until(t, home, a.ID, "synced", active)
	listened(t, w, home, a)
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
	lookedAt(t, home, a)
	require.Len(t, gmailIDs(t, home, a.ConnectionID), len(before)+1)
}

func TestGmailSessionsThatAreLiveWhenTheirTokenEndsBeginAnew(t *testing.T) {
	w, home, a := gmailByBoth(t, storetest.SQLite)
	until(t, home, a.ID, "synced", active)
	before := listened(t, w, home, a)
	w.Sim.World.Clock.Advance(61 * time.Minute)
	require.Eventually(t, func() bool {
		now := w.Sim.IMAP().Sessions(apptest.Mara)
		return len(now) == 1 && now[0] > before
	}, 60*time.Second, 10*time.Millisecond, "Google ends the session with its token, and somebody listens again with a fresh one")
	arrives(t, w, "After the token")
	inboxHas(t, home, a.ConnectionID, "After the token")
}

// TestGmailByIMAPAlone is an owner who let Rapport in by IMAP, not by the API.
func TestGmailByIMAPAlone(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.IMAP = true })
	owner := w.SetUp()
	w.Connect(owner, client.ConnectWish{Services: []string{"imap"}}, apptest.Consent{Account: apptest.Mara})
	home := owner.Workspace(w.Home)
	a, err := home.AddEmailAccount(ctx, client.NewEmailAccount{Email: apptest.Mara, IMAP: client.MailServer{Host: "imap.gmail.com"}, SMTP: client.MailServer{Host: "smtp.gmail.com"}})
	require.NoError(t, err)
	until(t, home, a.ID, "synced", active)
	box, ok := w.Sim.Mail.(postal.Mailboxes).Mailbox(apptest.Mara)
	require.True(t, ok)
	ids := func() map[string]bool {
		out := map[string]bool{}
		box.All(func(s gmail.Summary) {
			if slices.Contains(s.Labels, "INBOX") || slices.Contains(s.Labels, "SENT") {
				out[fmt.Sprintf("%016x", s.ID)] = true
			}
		})
		return out
	}
	here := func() map[string]bool {
		out := map[string]bool{}
		for id := range gmailIDs(t, home, a.ConnectionID) {
			out[id] = true
		}
		return out
	}
	same := func(why string) {
		t.Helper()
		require.Eventually(t, func() bool {
			_, err := home.SyncEmailAccount(ctx, a.ID)
			require.NoError(t, err)
			return maps.Equal(ids(), here())
		}, 30*time.Second, 100*time.Millisecond, "%s: %v is not %v", why, ids(), here())
	}
	require.NotEmpty(t, ids())
	same("imported with the ids of the API")
	arrives(t, w, "By the other door")
	item := inboxHas(t, home, a.ConnectionID, "By the other door")
	require.Contains(t, item.Labels, "UNREAD")
	id, err := strconv.ParseUint(item.GmailID, 16, 64)
	require.NoError(t, err)
	box.Modify([]uint64{id}, []string{"STARRED"}, []string{"UNREAD"}, false)
	require.Eventually(t, func() bool {
		got := inboxHas(t, home, a.ConnectionID, "By the other door")
		return slices.Contains(got.Labels, "STARRED") && !slices.Contains(got.Labels, "UNREAD")
	}, 30*time.Second, 50*time.Millisecond, "read and starred at Gmail")
	require.NoError(t, w.Sim.IMAP().ChangeValidity(apptest.Mara, ""))
	same("new UIDs double nothing")
	box.Delete([]uint64{id})
	same("deleted at Gmail")
}

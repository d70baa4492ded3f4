package accounts_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/client"
	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/accounts"
	"rapport/internal/store/storetest"
	"rapport/internal/work"
)

func TestAMailboxIsImportedAndFollowed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.other()
		for i := range 12 {
			deliver(t, c, "INBOX", letter(i), imap.SeenFlag)
		}
		deliver(t, c, "Gesendete Objekte", letter(100, "In-Reply-To: <3@harbour-tea.example>", "References: <3@harbour-tea.example>"), imap.SeenFlag)
		deliver(t, c, "Entwürfe", letter(200), imap.DraftFlag)
		v := w.add()
		require.False(t, v.Shared)
		w.sync(v.ID)
		seen := w.inbox(v.ConnectionID)
		require.Len(t, seen, 13)
		require.Equal(t, []string{"INBOX"}, seen["Lamp 3"])
		require.Equal(t, []string{"SENT"}, seen["Lamp 100"])
		thread := w.email(v.ConnectionID, "Lamp 3").ThreadID
		require.Equal(t, thread, w.email(v.ConnectionID, "Lamp 100").ThreadID, "an answer stands with what it answers")

		deliver(t, c, "INBOX", letter(12))
		w.sync(v.ID)
		require.Equal(t, []string{"INBOX", "UNREAD"}, w.inbox(v.ConnectionID)["Lamp 12"])

		require.NoError(t, c.UidStore(pick(t, c, "INBOX", "Lamp 12"), imap.AddFlags, []any{imap.SeenFlag, imap.FlaggedFlag}, nil))
		w.sync(v.ID)
		require.Equal(t, []string{"INBOX", "STARRED"}, w.inbox(v.ConnectionID)["Lamp 12"])

		w.expunge(c, "INBOX", "Lamp 12")
		w.sync(v.ID)
		seen = w.inbox(v.ConnectionID)
		require.NotContains(t, seen, "Lamp 12")
		require.Len(t, seen, 13)

		a, err := w.Get(context.Background(), w.caller(), v.ID)
		require.NoError(t, err)
		require.Equal(t, crm.AccountActive, a.State)
		require.NotNil(t, a.LastSyncAt)
	})
}

func TestNothingNewWritesNothing(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	c := w.other()
	deliver(t, c, "INBOX", letter(1))
	v := w.add()
	w.sync(v.ID)
	w.sync(v.ID)
	writes := 0
	w.Hook = func(_ context.Context, operation string) error {
		if strings.HasPrefix(operation, "accounts.Apply/") || strings.HasPrefix(operation, "accounts.Change/") {
			writes++
		}
		return nil
	}
	w.sync(v.ID)
	require.Zero(t, writes)
}

func TestAMovedMessageIsTheSameMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.other()
		require.NoError(t, c.Create("Kunden/Südwest"))
		deliver(t, c, "INBOX", letter(1))
		deliver(t, c, "INBOX", letter(2))
		v := w.add(func(wish *accounts.Wish) { wish.Folders = []string{"INBOX", "Kunden/Südwest"} })
		w.sync(v.ID)
		before := w.email(v.ConnectionID, "Lamp 1")

		require.NoError(t, c.UidMove(pick(t, c, "INBOX", "Lamp 1"), "Kunden/Südwest"))
		require.NoError(t, c.UidCopy(pick(t, c, "INBOX", "Lamp 2"), "Kunden/Südwest"))
		w.sync(v.ID)
		after := w.email(v.ConnectionID, "Lamp 1")
		require.Equal(t, before.ID, after.ID)
		labels, err := w.Store.LabelsOf(context.Background(), w.caller(), v.ConnectionID)
		require.NoError(t, err)
		id := ""
		for _, l := range labels {
			if l.Name == "Kunden/Südwest" {
				id = l.ID
			}
		}
		require.NotEmpty(t, id)
		seen := w.inbox(v.ConnectionID)
		require.Equal(t, []string{id, "UNREAD"}, seen["Lamp 1"])
		require.ElementsMatch(t, []string{id, "INBOX", "UNREAD"}, seen["Lamp 2"])
	})
}

func TestNewUIDsDoubleAndLoseNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.other()
		for i := range 30 {
			deliver(t, c, "INBOX", letter(i))
		}
		limit := 10
		v := w.add(func(wish *accounts.Wish) { wish.Limit = &limit })
		w.sync(v.ID)
		require.Len(t, w.inbox(v.ConnectionID), 10, "the newest ten")
		for i := 30; i < 35; i++ {
			deliver(t, c, "INBOX", letter(i))
		}
		w.sync(v.ID)
		before := w.inbox(v.ConnectionID)
		require.Len(t, before, 15)
		first := w.email(v.ConnectionID, "Lamp 34")

		w.server.Renumber(t, w.user)
		c = w.other()
		_, err := c.Select("INBOX", false) // the server counts anew what it has
		require.NoError(t, err)
		deliver(t, c, "INBOX", letter(35))
		w.expunge(c, "INBOX", "Lamp 33")
		w.sync(v.ID)
		after := w.inbox(v.ConnectionID)
		delete(before, "Lamp 33")
		before["Lamp 35"] = []string{"INBOX", "UNREAD"}
		require.Equal(t, before, after)
		require.Equal(t, first.ID, w.email(v.ConnectionID, "Lamp 34").ID)
	})
}

func TestCutConnectionsLoseNothing(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	var all [][]byte
	for i := range 300 {
		all = append(all, letter(i, "X-Padding: "+strings.Repeat("x", 900)))
	}
	w.server.Fill(t, w.user, all...)
	v := w.add(func(wish *accounts.Wish) { wish.Limit = new(int) })
	failures := 0
	for w.lines.after = 60_000; ; w.lines.after *= 2 {
		err := w.try(v.ID)
		if err == nil {
			break
		}
		require.Equal(t, fault.Unavailable, fault.Of(err), "%v", err)
		failures++
	}
	require.Positive(t, failures)
	require.Len(t, w.inbox(v.ConnectionID), 300)
}

func TestACrashAtEveryWriteLosesNothing(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	c := w.other()
	for i := range 5 {
		deliver(t, c, "INBOX", letter(i))
	}
	v := w.add()
	crashes := 0
	for at := 1; ; at++ {
		n, crashed := 0, false
		w.Hook = func(_ context.Context, operation string) error {
			if !strings.HasPrefix(operation, "accounts.") && !strings.HasPrefix(operation, "mail.") {
				return nil
			}
			if n++; n == at {
				crashed = true
				return fault.New(fault.Unavailable, "crash at %s", operation)
			}
			return nil
		}
		err := w.try(v.ID)
		w.Hook = nil
		if !crashed {
			require.NoError(t, err)
			break
		}
		crashes++
		switch at { // something happens between crashes
		case 3:
			require.NoError(t, c.UidStore(pick(t, c, "INBOX", "Lamp 1"), imap.AddFlags, []any{imap.SeenFlag}, nil))
		case 5:
			w.expunge(c, "INBOX", "Lamp 2")
		case 7:
			deliver(t, c, "INBOX", letter(7))
		}
	}
	require.Greater(t, crashes, 10)
	seen := w.inbox(v.ConnectionID)
	require.Len(t, seen, 5)
	require.Equal(t, []string{"INBOX"}, seen["Lamp 1"])
	require.NotContains(t, seen, "Lamp 2")
}

func TestTokensEndWhileASessionLives(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	conn := w.Connect(w.Home, w.Ada, strings.Split(w.user, "@")[0], func(c *crm.Connection) {
		c.GrantedScopes, c.GmailSync, c.Settings.Labels = []string{accounts.ScopeMail}, false, []string{crm.AllLabels}
	})
	w.server.Grant("first", w.user)
	w.tokens.now, w.tokens.next = "first", "second"
	c := w.other()
	deliver(t, c, "INBOX", letter(1))
	v := w.add(gmailWish)
	require.True(t, v.Shared)
	require.Equal(t, conn.ID, v.ConnectionID)
	w.sync(v.ID)
	require.Len(t, w.inbox(conn.ID), 1)

	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	w.take(v.ID)
	go func() { w.Listen(ctx, "here"); close(done) }()
	w.listening(v.ID)
	w.server.Forget("first")
	w.server.Grant("second", w.user)
	w.server.Kick(t, w.user)
	w.waitFor(func() bool { w.tokens.Lock(); defer w.tokens.Unlock(); return w.tokens.renewed == 1 })
	w.listening(v.ID)
	stop()
	<-done
	deliver(t, w.other(), "INBOX", letter(2))
	w.sync(v.ID)
	require.Len(t, w.inbox(conn.ID), 2)
}

func TestListeningMakesAnAccountDueAtOnce(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	c := w.other()
	v := w.add()
	w.sync(v.ID)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	w.take(v.ID)
	go func() { w.Listen(ctx, "here"); close(done) }()
	w.listening(v.ID)
	deliver(t, c, "INBOX", letter(1))
	begun := time.Now()
	w.waitFor(func() bool { return w.take(v.ID) })
	t.Logf("due %v after delivery", time.Since(begun))
	w.sync(v.ID)
	require.Contains(t, w.inbox(v.ConnectionID), "Lamp 1")
	w.lines.Lock()
	require.LessOrEqual(t, w.lines.most, 3)
	w.lines.Unlock()
	stop()
	<-done
}

func TestAWrongPasswordIsToldAndNotTriedAgain(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	v := w.add(func(wish *accounts.Wish) { wish.Password = crm.NewSecret("not it") })
	require.NoError(t, w.try(v.ID), "nothing will change before somebody acts")
	a, err := w.Get(context.Background(), w.caller(), v.ID)
	require.NoError(t, err)
	require.Equal(t, crm.AccountRefused, a.State)
	require.NotEmpty(t, a.NextStep)
	before := w.lines.dialed
	require.NoError(t, w.try(v.ID))
	require.Equal(t, before, w.lines.dialed)

	_, err = w.Change(context.Background(), w.caller(), v.ID, func(wish *accounts.Wish) { wish.Password = w.wish().Password })
	require.NoError(t, err)
	w.sync(v.ID)
	a, err = w.Get(context.Background(), w.caller(), v.ID)
	require.NoError(t, err)
	require.Equal(t, crm.AccountActive, a.State)
}

func TestAttachmentsComeFromTheServer(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	c := w.other()
	body := "--b\r\nContent-Type: text/plain\r\n\r\nSee the drawing.\r\n--b\r\nContent-Type: image/png; name=lamp.png\r\nContent-Disposition: attachment; filename=lamp.png\r\nContent-Transfer-Encoding: base64\r\n\r\nbGFtcC1kcmF3aW5n\r\n--b--\r\n"
	message := strings.Replace(string(letter(1, "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b")), "Hello, lamp 1.\r\n", body, 1)
	deliver(t, c, "INBOX", []byte(message))
	v := w.add()
	w.sync(v.ID)
	e := w.email(v.ConnectionID, "Lamp 1")
	require.Len(t, e.Attachments, 1)
	var got strings.Builder
	require.NoError(t, w.Attachment(context.Background(), v.ConnectionID, e.GmailID, e.Attachments[0].PartID, &got))
	require.Equal(t, "lamp-drawing", got.String())
	w.expunge(c, "INBOX", "Lamp 1")
	err := w.Attachment(context.Background(), v.ConnectionID, e.GmailID, e.Attachments[0].PartID, &got)
	require.Equal(t, fault.Gone, fault.Of(err))
}

func TestTenThousandMessages(t *testing.T) {
	count := 10_000
	if testing.Short() {
		count = 500
	}
	w := newWorld(t, storetest.SQLite)
	var all [][]byte
	for i := range count {
		all = append(all, letter(i, "X-Lamp: "+strings.Repeat("brass ", 40)))
	}
	w.server.Fill(t, w.user, all...)
	v := w.add(func(wish *accounts.Wish) { wish.Limit = new(int) })
	w.warm()
	begun := time.Now()
	w.sync(v.ID)
	t.Logf("%d messages in %v", count, time.Since(begun).Round(time.Millisecond))
	totals, err := w.Store.CountsOf(context.Background(), v.ConnectionID)
	require.NoError(t, err)
	require.EqualValues(t, count, totals.Messages)
}

// warm lets the server make its own index of the mailbox.
func (w *world) warm() {
	_, err := w.other().Select("INBOX", true)
	require.NoError(w.t, err)
}

func (w *world) email(c crm.ConnectionID, subject string) crm.Email {
	w.t.Helper()
	page, err := w.Store.List(context.Background(), w.caller(), mail.ListQuery{Workspace: w.Home, Connection: c, Page: mail.Page{Limit: 200}})
	require.NoError(w.t, err)
	for _, e := range page.Emails {
		if e.Subject == subject {
			whole, err := w.Store.Email(context.Background(), w.caller(), e.ID)
			require.NoError(w.t, err)
			return whole
		}
	}
	w.t.Fatalf("no message %q", subject)
	return crm.Email{}
}

// take says whether an account is due, and takes its job.
func (w *world) take(id crm.AccountID) bool {
	w.t.Helper()
	now := w.Clock.Now()
	jobs, err := w.Store.Claim(context.Background(), "test", []work.Kind{accounts.KindSync}, now, now.Add(time.Minute), 10)
	require.NoError(w.t, err)
	found := false
	for _, j := range jobs {
		found = found || j.Subject == string(id)
		require.NoError(w.t, w.Store.Finish(context.Background(), "test", work.Outcome{ID: j.ID, Next: now.Add(time.Hour)}))
	}
	return found
}

// waitFor looks again and again: servers take their time.
func (w *world) waitFor(good func() bool) {
	w.t.Helper()
	require.Eventually(w.t, good, 60*time.Second, 10*time.Millisecond)
}

// listening waits until somebody listens: then the account is due once, for what
// came before.
func (w *world) listening(id crm.AccountID) {
	w.t.Helper()
	w.waitFor(func() bool { return w.take(id) })
}

// expunge deletes messages of a folder for good.
func (w *world) expunge(c *client.Client, folder, subject string) {
	w.t.Helper()
	require.NoError(w.t, c.UidStore(pick(w.t, c, folder, subject), imap.AddFlags, []any{imap.DeletedFlag}, nil))
	require.NoError(w.t, c.Expunge(nil))
}

func gmailWish(w *accounts.Wish) {
	w.IMAP, w.SMTP, w.Password = crm.MailServer{Host: "imap.gmail.com"}, crm.MailServer{Host: "smtp.gmail.com"}, crm.Secret{}
}

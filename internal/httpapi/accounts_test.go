package httpapi_test

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap"
	imap "github.com/emersion/go-imap/client"
	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/imapsmtp/dovecottest"
	"rapport/internal/imapsmtp/smtptest"
	"rapport/internal/store/storetest"
)

func serverAt(t *testing.T, address string) client.MailServer {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	return client.MailServer{Host: "localhost", Port: n, Security: "tls"}
}

// TestAnEmailAccountFromFormToInbox walks what the settings page does.
func TestAnEmailAccountFromFormToInbox(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		dovecot := dovecottest.Run(t)
		post := smtptest.Start(t, dovecot.Certificate(t), dovecottest.Password)
		w := apptest.Start(t, d, func(s *apptest.Setup) {
			s.Environ = append(s.Environ, "OUTBOUND_ALLOW_PRIVATE=true", "MAIL_CA_FILE="+dovecot.CA)
		})
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		const address = "shop@northwind-lamps.example"
		dovecot.Fill(t, address,
			[]byte("From: Jonas <jonas@harbour-tea.example>\r\nTo: shop@northwind-lamps.example\r\nSubject: Brass lamps\r\nMessage-ID: <1@harbour-tea.example>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\n\r\nTwelve, please.\r\n"))
		in := client.NewEmailAccount{Email: address, Name: "Shop", IMAP: serverAt(t, dovecot.TLS), SMTP: serverAt(t, post.TLS), Password: "wrong"}

		tested, err := home.TestNewEmailAccount(ctx, in)
		require.NoError(t, err)
		require.False(t, tested.OK)
		require.Equal(t, "login", tested.Steps[2].Name)
		require.NotEmpty(t, tested.Steps[2].NextStep)
		in.Password = dovecottest.Password
		tested, err = home.TestNewEmailAccount(ctx, in)
		require.NoError(t, err)
		require.True(t, tested.OK, "%+v", tested)

		a, err := home.AddEmailAccount(ctx, in)
		require.NoError(t, err)
		require.True(t, a.HasPassword)
		require.False(t, a.Google)
		require.Equal(t, "private", a.Visibility)
		run, err := home.SyncEmailAccount(ctx, a.ID)
		require.NoError(t, err)
		require.Equal(t, a.ConnectionID, run.ConnectionID)
		item := inboxHas(t, home, a.ConnectionID, "Brass lamps")
		read, err := home.Email(ctx, item.ID)
		require.NoError(t, err)
		require.Contains(t, read.BodyText, "Twelve, please.")
		mail, err := imap.DialTLS(dovecot.TLS, &tls.Config{RootCAs: dovecot.Roots, ServerName: "localhost"})
		require.NoError(t, err)
		require.NoError(t, mail.Login(address, dovecottest.Password))
		done, err := home.ChangeMail(ctx, client.NewChange{EmailIDs: []string{item.ID}, Action: "star"})
		require.NoError(t, err)
		changed(t, home, done.ID, "done")
		_, err = mail.Select("INBOX", true)
		require.NoError(t, err)
		by := goimap.NewSearchCriteria()
		by.WithFlags = []string{goimap.FlaggedFlag}
		starred, err := mail.Search(by)
		require.NoError(t, err)
		require.Len(t, starred, 1, "the star is on the server")
		_, err = home.CreateLabel(ctx, client.LabelName{Name: "Brass", ConnectionID: a.ConnectionID})
		var refused *client.Problem
		require.ErrorAs(t, err, &refused)
		require.Equal(t, "not_found", refused.Code, "folders are made in the mail program")
		told(t, w, a)
		begun := time.Now()
		require.NoError(t, mail.Append("INBOX", nil, time.Now(), strings.NewReader("From: jonas@harbour-tea.example\r\nSubject: Copper lamps\r\nMessage-ID: <2@harbour-tea.example>\r\n\r\nTwo.\r\n")))
		require.NoError(t, mail.Logout())
		inboxHas(t, home, a.ConnectionID, "Copper lamps") // the next poll would be later
		t.Logf("shown %v after delivery", time.Since(begun).Round(time.Millisecond))

		folders, err := home.EmailFolders(ctx, a.ID)
		require.NoError(t, err)
		require.Contains(t, folders.Items, client.EmailFolder{Name: "Gesendete Objekte", Role: "sent", Followed: true})

		w.AddMember(owner, apptest.Jonas, "admin")
		jonas := w.SignIn(apptest.Jonas).Workspace(w.Home)
		_, err = jonas.EmailAccount(ctx, a.ID)
		require.Equal(t, 404, statusOf(err))
		_, err = jonas.Email(ctx, item.ID)
		require.Equal(t, 404, statusOf(err), "an administrator does not read private mail")

		a, err = home.ChangeEmailAccount(ctx, a.ID, client.EmailAccountPatch{Visibility: "full"})
		require.NoError(t, err)
		require.Equal(t, "full", a.Visibility)
		_, err = jonas.Email(ctx, item.ID)
		require.NoError(t, err)
		status, err := home.Status(ctx, "")
		require.NoError(t, err)
		require.False(t, status.IsConnected, "no Google account is")
		require.Empty(t, status.Connections)
		removed, err := home.RemoveEmailAccount(ctx, a.ID, true)
		require.NoError(t, err)
		require.EqualValues(t, 2, removed.DeletedMessages)
	})
}

// inboxHas waits until a message stands in the inbox.
func inboxHas(t *testing.T, home *client.InWorkspace, connection, subject string) client.EmailItem {
	t.Helper()
	var found client.EmailItem
	require.Eventually(t, func() bool {
		page, err := home.Emails(ctx, client.EmailQuery{ConnectionID: connection})
		require.NoError(t, err)
		for _, e := range page.Items {
			if e.Subject == subject {
				found = e
				return true
			}
		}
		return false
	}, 60*time.Second, 50*time.Millisecond)
	return found
}

// TestGmailAsksForConsentAndNeverForAPassword is the panel "Connect with Google".
func TestGmailAsksForConsentAndNeverForAPassword(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	home := owner.Workspace(w.Home)
	in := client.NewEmailAccount{Email: apptest.Mara, IMAP: client.MailServer{Host: "imap.gmail.com"}, SMTP: client.MailServer{Host: "smtp.gmail.com"}}
	refused := func(in client.NewEmailAccount) *client.Problem {
		_, err := home.AddEmailAccount(ctx, in)
		var p *client.Problem
		require.True(t, errors.As(err, &p), "%v", err)
		return p
	}
	withPassword := in
	withPassword.Password = "app password"
	p := refused(withPassword)
	require.Equal(t, 422, p.Status)
	require.Contains(t, p.Fields["password"], "no password for Gmail")
	p = refused(in)
	require.Equal(t, 403, p.Status)
	require.Equal(t, "insufficient_permission", p.Code)
	require.Equal(t, []string{"https://mail.google.com/"}, p.Scopes)

	w.Connect(owner, client.ConnectWish{Services: []string{"gmail"}}, apptest.Consent{Account: apptest.Mara})
	p = refused(in)
	require.Equal(t, 403, p.Status, "reading mail by the API is another permission")
	require.True(t, strings.Contains(p.ActionURL, "services=imap") && strings.Contains(p.ActionURL, "connection_id="), p.ActionURL)
	before := w.Imported(owner)
	w.Connect(owner, client.ConnectWish{Services: []string{"imap"}, ConnectionID: before.ConnectionID}, apptest.Consent{Account: apptest.Mara})
	a, err := home.AddEmailAccount(ctx, in)
	require.NoError(t, err)
	require.True(t, a.Google)
	require.False(t, a.HasPassword)
	require.Empty(t, a.ConsentURL)
	require.Equal(t, before.ConnectionID, a.ConnectionID)
	require.Equal(t, client.MailServer{Host: "imap.gmail.com", Port: 993, Security: "tls", Auth: "oauth2", Username: apptest.Mara}, a.IMAP)
}

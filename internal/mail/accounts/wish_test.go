package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail/accounts"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
)

// fields are those that are wrong.
func fields(t *testing.T, err error) map[string]string {
	t.Helper()
	var f *fault.Error
	require.True(t, errors.As(err, &f), "%v", err)
	require.Equal(t, fault.Invalid, f.Kind)
	return f.Fields
}

func TestWhatAnAccountMayBe(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	gmail := func(wish *accounts.Wish) {
		gmailWish(wish)
		wish.Email = "ada@northwind-lamps.example"
	}
	for name, c := range map[string]struct {
		change func(*accounts.Wish)
		wrong  []string
	}{
		"no address":                       {func(w *accounts.Wish) { w.Email = "ada" }, []string{"email"}},
		"no password":                      {func(w *accounts.Wish) { w.Password = crm.Secret{} }, []string{"password"}},
		"no TLS":                           {func(w *accounts.Wish) { w.IMAP.Security = crm.SecurityNone }, []string{"imap.security"}},
		"a host with a path":               {func(w *accounts.Wish) { w.SMTP.Host = "mail.example/x" }, []string{"smtp.host"}},
		"a host with a port":               {func(w *accounts.Wish) { w.SMTP.Host = "mail.example:25" }, []string{"smtp.host"}},
		"a token for somebody else's host": {func(w *accounts.Wish) { w.IMAP.Auth = crm.AuthOAuth2 }, []string{"imap.auth"}},
		"a password for Gmail": {func(w *accounts.Wish) { gmail(w); w.Password = crm.NewSecret("x"); w.IMAP.Auth = crm.AuthPassword },
			[]string{"imap.auth", "password"}},
		"Gmail on another port":     {func(w *accounts.Wish) { gmail(w); w.IMAP.Port = 143 }, []string{"imap.port"}},
		"Gmail's SMTP on port 25":   {func(w *accounts.Wish) { gmail(w); w.SMTP.Port = 25 }, []string{"smtp.port"}},
		"half Gmail":                {func(w *accounts.Wish) { gmail(w); w.SMTP.Host = smtpd }, []string{"smtp.host"}},
		"Gmail with another's name": {func(w *accounts.Wish) { gmail(w); w.IMAP.Username = "ben@northwind-lamps.example" }, []string{"imap.username"}},
		"a line too many":           {func(w *accounts.Wish) { w.IMAP.Username = "a\r\nb" }, []string{"imap.username"}},
	} {
		t.Run(name, func(t *testing.T) {
			wish := w.wish()
			c.change(&wish)
			_, err := w.Add(context.Background(), w.caller(), wish)
			got := fields(t, err)
			for _, f := range c.wrong {
				require.Contains(t, got, f)
			}
		})
	}
	list, err := w.List(context.Background(), w.caller())
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestGmailNeedsAConnectionThatMayUseIMAP(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	wish := accounts.Wish{Email: "ada@northwind-lamps.example"}
	gmailWish(&wish)
	refused := func() *fault.Error {
		_, err := w.Add(context.Background(), w.caller(), wish)
		var f *fault.Error
		require.True(t, errors.As(err, &f), "%v", err)
		require.Equal(t, fault.Permission, f.Kind)
		require.Equal(t, "insufficient_permission", f.Code)
		require.Equal(t, []string{accounts.ScopeMail}, f.Scopes)
		require.Contains(t, f.Action, "services=imap")
		return f
	}
	require.Contains(t, refused().Action, "login_hint=ada@northwind-lamps.example")
	w.Connect(w.Home, w.Ben, "ada", func(c *crm.Connection) { c.GoogleSub, c.GrantedScopes = "other", []string{accounts.ScopeMail} })
	refused() // somebody else's does not serve
	narrow := w.Connect(w.Home, w.Ada, "ada")
	require.Contains(t, refused().Action, "connection_id="+string(narrow.ID))
	_, err := w.Change2(narrow.ID)
	require.NoError(t, err)
	v, err := w.Add(context.Background(), w.caller(), wish)
	require.NoError(t, err)
	require.True(t, v.Shared)
	require.Equal(t, narrow.ID, v.ConnectionID)
	require.Empty(t, v.Sealed)
	require.Empty(t, v.Consent)
	require.Equal(t, crm.MailServer{Host: "imap.gmail.com", Port: 993, Security: crm.SecurityTLS, Auth: crm.AuthOAuth2, Username: wish.Email}, v.IMAP)
	require.Equal(t, crm.MailServer{Host: "smtp.gmail.com", Port: 465, Security: crm.SecurityTLS, Auth: crm.AuthOAuth2, Username: wish.Email}, v.SMTP)

	_, err = w.Add(context.Background(), w.caller(), wish)
	require.Equal(t, fault.Conflict, fault.Of(err))
	_, err = w.Remove(context.Background(), w.caller(), v.ID, true)
	require.NoError(t, err)
	c, err := w.Store.ConnectionByID(context.Background(), narrow.ID)
	require.NoError(t, err)
	require.Equal(t, crm.StatusActive, c.Status, "Google's connection stays")
}

// Change2 gives a connection the scope of IMAP.
func (w *world) Change2(id crm.ConnectionID) (crm.Connection, error) {
	return w.Store.Change(context.Background(), w.caller(), id, func(c *crm.Connection) error {
		c.GrantedScopes = append(c.GrantedScopes, accounts.ScopeMail)
		return nil
	})
}

func TestPasswordsAreSealedAndGoToTheirHostsOnly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		v := w.add()
		require.NotEmpty(t, v.Sealed)
		require.NotContains(t, v.Sealed, w.wish().Password.Reveal())
		require.NotContains(t, fmt.Sprintf("%+v", v), w.wish().Password.Reveal())
		_, err := w.Change(context.Background(), w.caller(), v.ID, func(wish *accounts.Wish) { wish.IMAP.Host = "mail.harbour-tea.example" })
		require.Contains(t, fields(t, err), "password")
		changed, err := w.Change(context.Background(), w.caller(), v.ID, func(wish *accounts.Wish) { wish.Name = "Ada Lamp" })
		require.NoError(t, err)
		require.Equal(t, "Ada Lamp", changed.Name)
		require.Equal(t, v.Sealed, changed.Sealed)

		ben := storetest.Caller(w.Home, w.Ben)
		_, err = w.Get(context.Background(), ben, v.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))
		_, err = w.Remove(context.Background(), ben, v.ID, false)
		require.Equal(t, fault.NotFound, fault.Of(err))
	})
}

func TestAnAccountThatComesBackKeepsItsMail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		c := w.other()
		deliver(t, c, "INBOX", letter(1))
		deliver(t, c, "INBOX", letter(2))
		v := w.add()
		w.sync(v.ID)
		first := w.email(v.ConnectionID, "Lamp 1")
		_, err := w.Remove(context.Background(), w.caller(), v.ID, false)
		require.NoError(t, err)
		require.Len(t, w.inbox(v.ConnectionID), 2, "what was synced stays")
		w.expunge(c, "INBOX", "Lamp 2")

		again := w.add()
		require.Equal(t, v.ConnectionID, again.ConnectionID)
		w.sync(again.ID)
		require.Equal(t, first.ID, w.email(v.ConnectionID, "Lamp 1").ID)

		n, err := w.Remove(context.Background(), w.caller(), again.ID, true)
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
	})
}

func TestWhoLeavesTakesTheirAccountsAlong(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	v := w.add()
	require.NoError(t, w.DropMember(context.Background(), w.Home, w.Ada.ID))
	_, err := w.Store.AccountByID(context.Background(), v.ID)
	require.Equal(t, fault.NotFound, fault.Of(err))
	require.NoError(t, w.try(v.ID), "a step that comes late does nothing")
}

func TestPasswordsAreSealedAnewUnderANewKey(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	v := w.add()
	key, err := vault.NewKey()
	require.NoError(t, err)
	both, err := vault.NewSealer(crm.NewSecret(key.Reveal() + "," + w.key.Reveal()))
	require.NoError(t, err)
	w.Sealer = both
	done, err := w.Rotate(context.Background())
	require.NoError(t, err)
	require.EqualValues(t, 1, done.Resealed)
	w.Sealer, err = vault.NewSealer(key)
	require.NoError(t, err)
	w.sync(v.ID)
	a, err := w.Get(context.Background(), w.caller(), v.ID)
	require.NoError(t, err)
	require.Equal(t, crm.AccountActive, a.State)

	other, err := vault.NewKey()
	require.NoError(t, err)
	w.Sealer, err = vault.NewSealer(other)
	require.NoError(t, err)
	done, err = w.Rotate(context.Background())
	require.NoError(t, err)
	require.Equal(t, []crm.AccountID{v.ID}, done.Failed)
	w.sync(v.ID)
	a, err = w.Get(context.Background(), w.caller(), v.ID)
	require.NoError(t, err)
	require.Equal(t, crm.AccountRefused, a.State)
	require.Contains(t, a.Error, "Enter it again")
}

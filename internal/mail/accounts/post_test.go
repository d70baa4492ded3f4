package accounts_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"rapport/internal/fault"
	"rapport/internal/imapsmtp/smtptest"
	"rapport/internal/mail/outbox"
	"rapport/internal/store/storetest"
)

const outgoing = "Date: Mon, 02 Mar 2026 09:00:00 +0000\r\nFrom: Ada <ada@northwind-lamps.example>\r\nTo: Jonas <jonas@harbour-tea.example>\r\nCc: elena@harbour-tea.example\r\nBcc: quiet@harbour-tea.example,\r\n more@harbour-tea.example\r\nSubject: Offer\r\nMessage-ID: <offer-1@northwind-lamps.example>\r\nX-Rapport-Id: 0190\r\n\r\nTwo lamps.\r\n"

func TestSendingFilesACopyThatIsKnownAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWorld(t, d)
		v := w.add()
		w.sync(v.ID)
		conn, err := w.Store.ConnectionByID(context.Background(), v.ConnectionID)
		require.NoError(t, err)
		post, err := w.Post(context.Background(), conn)
		require.NoError(t, err)
		mark, err := post.Mark(context.Background())
		require.NoError(t, err)
		require.NotZero(t, mark)
		sent, err := post.Send(context.Background(), outbox.Letter{Raw: []byte(outgoing)})
		require.NoError(t, err)

		taken := w.smtp.Taken()
		require.Len(t, taken, 1)
		require.Equal(t, w.user, taken[0].From)
		require.Equal(t, []string{"jonas@harbour-tea.example", "elena@harbour-tea.example", "quiet@harbour-tea.example", "more@harbour-tea.example"}, taken[0].To)
		require.NotContains(t, strings.ToLower(taken[0].Raw), "quiet@")
		require.NotContains(t, strings.ToLower(taken[0].Raw), "more@")
		require.Contains(t, taken[0].Raw, "Subject: Offer\r\n")

		require.True(t, w.take(v.ID), "it is shown at once")
		w.sync(v.ID)
		e := w.email(v.ConnectionID, "Offer")
		require.Equal(t, sent.ID, e.GmailID)
		require.Equal(t, sent.ThreadID, e.ThreadID)
		require.Equal(t, []string{"SENT"}, e.Labels)

		found, whole, err := post.Arrived(context.Background(), mark, w.Clock.Now())
		require.NoError(t, err)
		require.False(t, whole, "what is not there may have been sent all the same")
		require.Len(t, found, 1)
		require.Equal(t, sent.ID, found[0].ID)
		require.Contains(t, found[0].MessageIDs, e.RFC822MessageID)
	})
}

func TestARefusalIsCertainAndABreakIsNot(t *testing.T) {
	w := newWorld(t, storetest.SQLite)
	v := w.add()
	conn, err := w.Store.ConnectionByID(context.Background(), v.ConnectionID)
	require.NoError(t, err)
	post, err := w.Post(context.Background(), conn)
	require.NoError(t, err)
	send := func() error {
		_, err := post.Send(context.Background(), outbox.Letter{Raw: []byte(outgoing)})
		return err
	}
	var refusal *outbox.Refusal
	w.smtp.Wrong(func(step string) error {
		if step == "rcpt" {
			return &smtp.SMTPError{Code: 550, Message: "no such user"}
		}
		return nil
	})
	err = send()
	require.True(t, errors.As(err, &refusal))
	require.Equal(t, fault.Invalid, fault.Of(err))
	w.smtp.Wrong(func(step string) error {
		if step == "taken" {
			return smtptest.ErrCut
		}
		return nil
	})
	err = send()
	require.Error(t, err)
	require.False(t, errors.As(err, &refusal), "it may be out")
}

package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/mail"
)

func TestMain(m *testing.M) { Main(m) }

func TestApplyKeepsMessages(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		counts := w.Put(c, Whole(Mail(1), Mail(2, Labelled("INBOX", "UNREAD")), Mail(3))...)
		require.Equal(t, crm.Counts{Seen: 3, Added: 3}, counts)
		page, err := w.List(context.Background(), Caller(w.Home, w.Ada), mail.ListQuery{Workspace: w.Home})
		require.NoError(t, err)
		require.Len(t, page.Emails, 3)
		require.Equal(t, "Message 3", page.Emails[0].Subject)
		e, err := w.Email(context.Background(), Caller(w.Home, w.Ada), page.Emails[1].ID)
		require.NoError(t, err)
		require.Equal(t, "Body of message 2.", e.BodyText)
		page, err = w.List(context.Background(), Caller(w.Home, w.Ada), mail.ListQuery{Workspace: w.Home, Search: &mail.Search{Root: mail.Words{Text: "body 3"}}})
		require.NoError(t, err)
		require.Empty(t, page.Emails)
		page, err = w.List(context.Background(), Caller(w.Home, w.Ada), mail.ListQuery{Workspace: w.Home, Threads: true, Search: &mail.Search{Root: mail.And{Nodes: []mail.Node{mail.Words{Text: "message 3"}, mail.Field{Name: "from", Text: "mira"}}}}})
		require.NoError(t, err)
		require.Len(t, page.Emails, 1)
	})
}

package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail"
)

// keepFor changes how long a workspace keeps messages and their texts.
func (w *World) keepFor(messages, texts int) {
	_, _, _, err := w.ChangeMailPolicy(ctx, w.Home, func(p *crm.MailPolicy) ([]access.Audit, error) {
		p.RetentionDays, p.BodyRetentionDays = messages, texts
		return nil, nil
	})
	require.NoError(w.T, err)
}

func TestOldMailGoes(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		other := w.Connect(w.Abroad, w.Cleo, "cleo")
		of := func(n int) *crm.Email {
			return Mail(n, func(e *crm.Email) {
				e.Date = Start.AddDate(0, 0, -n)
				e.Raw, e.Snippet, e.BodyText, e.BodyHTML = []byte("kept"), "a snippet", "wordofbody", "<p>wordofbody</p>"
			})
		}
		var all []*crm.Email
		for n := range 100 {
			all = append(all, of(n+1))
		}
		w.Put(c, Whole(all...)...)
		w.Put(other, Whole(all...)...)
		list := func(search string) []mail.ListedEmail {
			q := mail.ListQuery{Connection: c.ID, Page: mail.Page{Limit: 200}}
			if search != "" {
				q.Search = &mail.Search{Root: mail.Words{Text: search}}
			}
			page, err := w.List(ctx, access.System(w.Home), q)
			require.NoError(t, err)
			return page.Emails
		}
		age := func() {
			t.Helper()
			for round := 0; ; round++ {
				due, err := w.Aged(ctx, Start, 10)
				require.NoError(t, err)
				if len(due) == 0 {
					return
				}
				require.Equal(t, []crm.ConnectionID{c.ID}, due, "nothing of other workspaces")
				n, err := w.Age(ctx, c.ID, Start, 7)
				require.NoError(t, err)
				require.Positive(t, n)
				require.Less(t, round, 100)
			}
		}
		age()
		require.Len(t, list(""), 100, "kept for ever until somebody decides")
		require.Len(t, list("wordofbody"), 100)

		w.keepFor(0, 40)
		age()
		require.Len(t, list(""), 100)
		require.Len(t, list("wordofbody"), 40, "texts are not found any more")
		for _, e := range list("") {
			old := Start.Sub(e.Date) > 41*24*time.Hour
			whole, err := w.Email(ctx, access.System(w.Home), e.ID)
			require.NoError(t, err)
			_, rawErr := w.Raw(ctx, access.System(w.Home), e.ID)
			if old {
				require.Empty(t, whole.BodyText+whole.BodyHTML+whole.Snippet)
				require.Error(t, rawErr)
				require.NotEmpty(t, whole.Subject)
			}
		}
		w.Put(c, Whole(Mail(90, func(e *crm.Email) { *e = *of(90); e.HistoryID = 5000; e.Subject = "read again" }))...)
		require.Len(t, list("wordofbody"), 40, "and do not come back")

		w.keepFor(60, 40)
		age()
		require.Len(t, list(""), 60)
		counts, err := w.CountsOf(ctx, c.ID)
		require.NoError(t, err)
		require.EqualValues(t, 60, counts.Messages)
		require.EqualValues(t, 1, w.Put(c, Whole(of(80))...).Skipped, "and is not stored again")
		require.Len(t, list(""), 60)

		w.keepFor(0, 0)
		require.EqualValues(t, 1, w.Put(c, Whole(of(80))...).Added, "kept for ever again")
		page, err := w.List(ctx, access.System(w.Abroad), mail.ListQuery{Connection: other.ID, Page: mail.Page{Limit: 200}})
		require.NoError(t, err)
		require.Len(t, page.Emails, 100)
	})
}

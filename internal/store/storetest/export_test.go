package storetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/google"
	"rapport/internal/mail"
	"rapport/internal/mail/export"
)

// answered is Google's answer about message n, packed as it is kept.
func answered(n int, subject string) []byte {
	return mail.Compress([]byte(fmt.Sprintf(`{"id":"%s","threadId":"t1","labelIds":["INBOX"],"historyId":"9","internalDate":"1770000000000","sizeEstimate":2000,
		"payload":{"partId":"","mimeType":"text/plain","filename":"","headers":[{"name":"Subject","value":%q},{"name":"From","value":"Ann <ann@shop.example>"}],
		"body":{"size":5,"data":"aGVsbG8"}}}`, Mail(n).GmailID, subject)))
}

func TestStoredMailIsReadAgain(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		var items []*crm.Email
		for n := 1; n <= 250; n++ {
			items = append(items, Mail(n, func(e *crm.Email) {
				e.Labels = []string{"INBOX", "UNREAD"}
				if n%5 != 0 { // of the others nothing was kept
					e.Raw = answered(n, fmt.Sprintf("right %d", n))
				}
			}))
		}
		w.Put(c, Whole(items...)...)
		s := &export.Service{Emails: w, Rows: w, Streams: w, Decode: google.DecodeMessage}
		steps := 0
		got, err := s.Reparse(ctx, c, false, func(n, total int64) { steps++; require.EqualValues(t, 200, total) })
		require.NoError(t, err)
		require.Equal(t, export.Reparsed{Read: 200, Changed: 200, Without: 50}, got)
		require.Equal(t, 3, steps)
		page, err := w.List(ctx, access.System(w.Home), mail.ListQuery{Connection: c.ID, Page: mail.Page{Limit: 200}})
		require.NoError(t, err)
		for _, e := range page.Emails {
			require.Equal(t, []string{"INBOX", "UNREAD"}, e.Labels, "labels are of today, not of the answer")
		}
		found, err := w.List(ctx, access.System(w.Home), mail.ListQuery{Connection: c.ID, Search: &mail.Search{Root: mail.Field{Name: mail.FieldSubject, Text: "right"}}, Page: mail.Page{Limit: 200}})
		require.NoError(t, err)
		require.Len(t, found.Emails, 200, "and are found by it")

		again, err := s.Reparse(ctx, c, false, nil)
		require.NoError(t, err)
		require.Equal(t, export.Reparsed{Read: 200, Without: 50}, again, "a second time nothing is written")

		t.Run("a broken answer is passed over", func(t *testing.T) {
			w.Put(c, Whole(Mail(300, func(e *crm.Email) { e.Raw = []byte("broken") }))...)
			got, err := s.Reparse(ctx, c, false, nil)
			require.NoError(t, err)
			require.EqualValues(t, 1, got.Failed)
		})
		t.Run("interrupted it goes on", func(t *testing.T) {
			key := mail.Key{Workspace: c.WorkspaceID, Connection: c.ID, Owner: c.UserID, Stream: crm.StreamReparse}
			_, next, err := w.RawAfter(ctx, c.ID, 0, 150)
			require.NoError(t, err)
			at, err := w.Load(ctx, key)
			require.NoError(t, err)
			_, err = w.Apply(ctx, key, at, engine.Batch[mail.Item]{At: engine.Checkpoint{Page: engine.Cursor(fmt.Sprint(next))}})
			require.NoError(t, err)
			got, err := s.Reparse(ctx, c, false, nil)
			require.NoError(t, err)
			require.EqualValues(t, 51, got.Read)
		})
	})
}

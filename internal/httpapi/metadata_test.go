package httpapi_test

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

// An organisation that allows headers and labels only: everything that needs no
// more works, and the rest says what is missing.
func TestMailWithTheMetadataPermission(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d, func(s *apptest.Setup) { s.Messages = 40 })
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		_, err := home.DecideApproval(ctx, client.ApprovalPatch{ScopeProfile: "metadata"})
		require.NoError(t, err)
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		status := w.Imported(owner)
		require.Positive(t, status.Counts.Messages)
		require.Zero(t, status.Counts.Failures)

		_ = deliver(t, w, apptest.Mara, map[string]any{"from": apptest.Elena, "to": []string{apptest.Mara}, "subject": "Quartz", "text": "the hidden body",
			"attachments": []map[string]string{{"name": "a.pdf", "type": "application/pdf", "data": "JVBERi0="}}})
		w.Until(owner, "the new message", func(s client.Status) bool {
			_, err := home.Sync(ctx, client.SyncRequest{}, 10*time.Second)
			require.NoError(t, err)
			return s.Counts.Messages > status.Counts.Messages
		})
		found, err := home.Emails(ctx, client.EmailQuery{Q: "from:elena subject:quartz is:unread"})
		require.NoError(t, err)
		require.Len(t, found.Items, 1)
		e, err := home.Email(ctx, found.Items[0].ID)
		require.NoError(t, err)
		require.Equal(t, "Quartz", e.Subject)
		require.Empty(t, e.BodyText+e.BodyHTML+e.Snippet)
		require.Empty(t, e.Attachments)
		none, err := home.Emails(ctx, client.EmailQuery{Q: "hidden"})
		require.NoError(t, err)
		require.Empty(t, none.Items)

		check, err := home.Verify(ctx, client.VerifyRequest{}, 30*time.Second)
		require.NoError(t, err)
		require.NotNil(t, check.Completeness)
		require.Zero(t, check.Completeness.Missing)
		_, err = home.Send(ctx, client.SendRequest{To: []string{apptest.Elena}, Subject: "x", Text: "x"})
		require.Equal(t, "insufficient_permission", client.Code(err))
		_, err = home.ChangeMail(ctx, client.NewChange{EmailIDs: []string{e.ID}, Action: "read"})
		require.Equal(t, "insufficient_permission", client.Code(err))
		_, err = home.Export(ctx, client.ExportQuery{Format: "eml", EmailID: e.ID}, io.Discard)
		require.NoError(t, err, "of what is here")
	})
}

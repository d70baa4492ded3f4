package httpapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

// deliver puts a message into a mailbox at the simulated Google.
func deliver(t *testing.T, w *apptest.World, to string, message map[string]any) string {
	t.Helper()
	body, err := json.Marshal(message)
	require.NoError(t, err)
	answer, err := http.Post(w.Sim.URL()+"/_sim/accounts/"+to+"/messages", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	var out struct{ ID string }
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &out), string(text))
	require.NotEmpty(t, out.ID, string(text))
	return out.ID
}

// connected is a world whose owner's mailbox is imported.
func connected(t *testing.T, d storetest.Database, messages int) (*apptest.World, *client.Client, *client.InWorkspace) {
	t.Helper()
	w := apptest.Start(t, d, func(s *apptest.Setup) { s.Messages = messages })
	owner := w.SetUp()
	require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
	w.Imported(owner)
	return w, owner, owner.Workspace(w.Home)
}

// synced syncs until a run that began after the call has ended, as one of them
// with the state wanted. The run given may be one that was going on already and
// had passed what the test is about.
func synced(t *testing.T, home *client.InWorkspace, state string) {
	t.Helper()
	began := time.Now()
	states := []string{}
	for {
		run, err := home.Sync(ctx, client.SyncRequest{}, 30*time.Second)
		require.NoError(t, err)
		require.NotNil(t, run.FinishedAt, "%+v", run)
		states = append(states, run.State)
		if run.StartedAt.After(began) {
			require.Contains(t, states, state, "%+v", run)
			return
		}
	}
}

func TestNewMailIsReadOutWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w, _, home := connected(t, d, 5)
		file := bytes.Repeat([]byte("quotation "), 30_000)
		deliver(t, w, apptest.Mara, map[string]any{
			"from": apptest.Elena, "to": []string{apptest.Mara}, "subject": "Quotation 4711", "text": "as promised",
			"html":        `<p onclick="x()">as <b>promised</b></p><script>alert(1)</script><img src="https://pixel.example/t.gif"><form action="/x"></form>`,
			"attachments": []map[string]string{{"name": "Angebot für März.pdf", "type": "application/pdf", "data": base64.StdEncoding.EncodeToString(file)}},
		})
		synced(t, home, "succeeded")
		found, err := home.Emails(ctx, client.EmailQuery{Q: "from:elena has:attachment subject:quotation"})
		require.NoError(t, err)
		require.Len(t, found.Items, 1)
		e, err := home.Email(ctx, found.Items[0].ID)
		require.NoError(t, err)
		require.Equal(t, "Quotation 4711", e.Subject)
		require.Equal(t, apptest.Elena, e.FromEmail)
		require.Equal(t, []string{apptest.Mara}, e.ToEmails)
		require.False(t, e.IsRead)
		require.Contains(t, e.BodyText, "as promised")
		require.Contains(t, e.BodyHTML, "<b>promised</b>")
		for _, bad := range []string{"script", "onclick", "<form"} {
			require.NotContains(t, e.BodyHTML, bad)
		}
		require.Len(t, e.Attachments, 1)

		var out bytes.Buffer
		require.NoError(t, home.Attachment(ctx, e.ID, e.Attachments[0].ID, &out))
		require.True(t, bytes.Equal(file, out.Bytes()))
		checkDownload(t, w, e)
		checkPictures(t, w, e.ID)

		thread, err := home.Thread(ctx, e.GmailThreadID, "")
		require.NoError(t, err)
		require.Len(t, thread.Items, 1)
		require.Equal(t, e, thread.Items[0])
	})
}

// checkDownload looks at how a browser is told to treat the file.
func checkDownload(t *testing.T, w *apptest.World, e client.Email) {
	t.Helper()
	_, browser := w.Browser(apptest.Mara)
	answer, err := browser.Get(w.URL + "/api/v1/workspaces/default/integrations/google/gmail/emails/" + e.ID + "/attachments/" + e.Attachments[0].ID + "?inline=1")
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, "application/octet-stream", answer.Header.Get("Content-Type"), "a file of ours is never a script of ours")
	require.Equal(t, "same-origin", answer.Header.Get("Cross-Origin-Resource-Policy"))
	require.Contains(t, answer.Header.Get("Content-Disposition"), "attachment", "only pictures are shown in place")
	require.Contains(t, answer.Header.Get("Content-Disposition"), "filename*=utf-8''Angebot%20f%C3%BCr%20M%C3%A4rz.pdf")
	require.Contains(t, answer.Header.Get("Content-Security-Policy"), "sandbox")
	require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
}

// checkPictures asks for a message without what loads from elsewhere.
func checkPictures(t *testing.T, w *apptest.World, id string) {
	t.Helper()
	var e client.Email
	c := w.SignIn(apptest.Mara)
	require.NoError(t, c.Do(ctx, http.MethodGet, "/api/v1/workspaces/default/integrations/google/gmail/emails/"+id+"?images=false", nil, &e))
	require.NotContains(t, e.BodyHTML, ` src="https://pixel.example`)
	require.Equal(t, 1, e.BlockedImages)
}

func TestPagesOfAListMeetWithoutGapOrOverlap(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		_, _, home := connected(t, d, 120)
		s, err := home.Status(ctx, "")
		require.NoError(t, err)
		seen := map[string]bool{}
		last := time.Now().Add(time.Hour)
		require.NoError(t, home.EachEmail(ctx, client.EmailQuery{Limit: 7}, func(e client.EmailItem) error {
			require.False(t, seen[e.ID])
			seen[e.ID] = true
			require.False(t, e.GmailDate.After(last), "newest first")
			last = e.GmailDate
			return nil
		}))
		require.EqualValues(t, s.Counts.Messages, len(seen))

		unread, err := home.Emails(ctx, client.EmailQuery{Unread: ptr(true), Limit: 200})
		require.NoError(t, err)
		for _, e := range unread.Items {
			require.False(t, e.IsRead)
		}
		labels, err := home.Labels(ctx, "")
		require.NoError(t, err)
		byID := map[string]client.Label{}
		for _, l := range labels {
			byID[l.ID] = l
		}
		require.True(t, byID["INBOX"].Chosen)
		inbox, err := home.Emails(ctx, client.EmailQuery{Label: "INBOX", Limit: 200})
		require.NoError(t, err)
		require.EqualValues(t, byID["INBOX"].Total, len(inbox.Items))

		_, err = home.Emails(ctx, client.EmailQuery{Limit: 201})
		require.Equal(t, "validation_failed", client.Code(err))
		_, err = home.Emails(ctx, client.EmailQuery{Cursor: "made up"})
		var p *client.Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, http.StatusUnprocessableEntity, p.Status)
	})
}

func TestPrivateMailIsItsOwners(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w, owner, home := connected(t, d, 20)
		admin := w.AddMember(owner, apptest.Jonas, "admin")
		theirs, err := admin.Workspace(w.Home).Emails(ctx, client.EmailQuery{})
		require.NoError(t, err)
		require.Empty(t, theirs.Items, "not even an administrator reads it")
		mine, err := home.Emails(ctx, client.EmailQuery{})
		require.NoError(t, err)
		for _, e := range mine.Items[:3] {
			_, err = admin.Workspace(w.Home).Email(ctx, e.ID)
			require.Equal(t, "not_found", client.Code(err))
			_, err = admin.Workspace(w.Home).Thread(ctx, e.GmailThreadID, e.ConnectionID)
			require.Equal(t, "not_found", client.Code(err))
		}
		_, err = admin.Workspace(w.Home).Labels(ctx, mine.Items[0].ConnectionID)
		require.Equal(t, "not_found", client.Code(err))
		_, err = admin.Workspace(w.Home).Disconnect(ctx, client.DisconnectRequest{ConnectionID: mine.Items[0].ConnectionID})
		require.Equal(t, "not_found", client.Code(err))
	})
}

func TestLiveEventsReachTheirOwnerAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w, owner, home := connected(t, d, 5)
		other := w.AddMember(owner, apptest.Jonas, "member")
		listen := func(c *client.Client) <-chan client.Happening {
			out := make(chan client.Happening, 100)
			limited, cancel := context.WithCancel(ctx)
			t.Cleanup(cancel)
			go func() {
				_ = c.Workspace(w.Home).Events(limited, func(h client.Happening) error { out <- h; return nil })
			}()
			require.Equal(t, "ready", (<-out).Kind, "the first event comes at once")
			return out
		}
		mine, theirs := listen(owner), listen(other)
		deliver(t, w, apptest.Mara, map[string]any{"from": apptest.Elena, "to": []string{apptest.Mara}, "subject": "Fresh", "text": "x"})
		_, err := home.Sync(ctx, client.SyncRequest{}, 0)
		require.NoError(t, err)
		for {
			select {
			case h := <-mine:
				if h.Kind != "mail.arrived" || h.Data["count"] != 1.0 {
					continue // of the import: it may be told late
				}
				for len(theirs) > 0 {
					require.False(t, strings.HasPrefix((<-theirs).Kind, "mail."), "private mail is nobody else's matter")
				}
				return
			case <-time.After(30 * time.Second):
				t.Fatal("the event did not come")
			}
		}
	})
}

func TestPreviewCountsBeforeImporting(t *testing.T) {
	_, _, home := connected(t, storetest.SQLite, 40)
	p, err := home.Preview(ctx, client.PreviewRequest{})
	require.NoError(t, err)
	require.Zero(t, p.Messages)
	require.Positive(t, p.Stored)
	stored := p.Stored
	p, err = home.Preview(ctx, client.PreviewRequest{Labels: []string{"*"}})
	require.NoError(t, err)
	require.EqualValues(t, stored, p.Stored)
	require.Positive(t, p.Messages, "what lies beside INBOX and SENT")
	require.Positive(t, p.Units)
}

func TestWhatCannotBeImportedIsInTheLedger(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w, owner, home := connected(t, d, 5)
		// The check that follows an import fetches what is missing, too: not in between.
		w.Until(owner, "the first check", func(s client.Status) bool { return s.Completeness != nil })
		body := `{"api":"gmail","method":"messages.get","kind":"status","status":400,"reason":"invalidArgument","message":"Invalid id value","rate":1}`
		answer, err := http.Post(w.Sim.URL()+"/_sim/faults", "application/json", strings.NewReader(body))
		require.NoError(t, err)
		_ = answer.Body.Close()
		id := deliver(t, w, apptest.Mara, map[string]any{"from": apptest.Elena, "to": []string{apptest.Mara}, "subject": "Stubborn", "text": "x"})
		synced(t, home, "partial")
		failures, err := home.Failures(ctx, "", "")
		require.NoError(t, err)
		require.Len(t, failures.Items, 1)
		require.Equal(t, id, failures.Items[0].ItemID)
		require.NotEmpty(t, failures.Items[0].Reason)

		r, err := http.NewRequest(http.MethodDelete, w.Sim.URL()+"/_sim/faults", nil)
		require.NoError(t, err)
		answer, err = http.DefaultClient.Do(r)
		require.NoError(t, err)
		_ = answer.Body.Close()
		require.NoError(t, home.RetryFailure(ctx, failures.Items[0].ID))
		w.Until(w.SignIn(apptest.Mara), "the retry", func(s client.Status) bool { return s.Counts.Failures == 0 })
		found, err := home.Emails(ctx, client.EmailQuery{Q: "subject:stubborn"})
		require.NoError(t, err)
		require.Len(t, found.Items, 1)
		require.Equal(t, "not_found", client.Code(home.RetryFailure(ctx, failures.Items[0].ID)))
	})
}

func TestAnEventStreamEndsWithItsSession(t *testing.T) {
	w, owner, home := connected(t, storetest.SQLite, 5)
	made, err := home.CreateAPIKey(ctx, client.NewAPIKey{Name: "listener", Scopes: []string{"mail:read"}})
	require.NoError(t, err)
	ready, ended := make(chan struct{}, 100), make(chan error, 1)
	go func() {
		c := client.New(w.URL, client.WithToken(made.Key))
		ended <- c.Workspace(w.Home).Events(ctx, func(client.Happening) error { ready <- struct{}{}; return nil })
	}()
	<-ready
	require.NoError(t, owner.Workspace(w.Home).RevokeAPIKey(ctx, made.ID))
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(60 * apptest.Heartbeat):
		t.Fatal("the stream goes on")
	}
}

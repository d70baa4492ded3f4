package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

// labelsAt reads a message's labels from the simulated Google.
func labelsAt(t *testing.T, w *apptest.World, account, gmailID string) []string {
	t.Helper()
	token, err := w.Sim.OAuth.IssueToken(account, "", []string{"https://mail.google.com/"})
	require.NoError(t, err)
	answer, text := send(t, http.MethodGet, w.Sim.URL()+"/gmail/v1/users/me/messages/"+gmailID+"?format=minimal", "", "Authorization", "Bearer "+token)
	require.Equal(t, 200, answer.StatusCode, text)
	var m struct{ LabelIDs []string }
	require.NoError(t, json.Unmarshal([]byte(text), &m))
	return m.LabelIDs
}

// changed waits until a change has the state.
func changed(t *testing.T, home *client.InWorkspace, id, state string) client.Change {
	t.Helper()
	var last client.Change
	require.Eventually(t, func() bool {
		list, err := home.Changes(ctx, client.ChangeQuery{})
		require.NoError(t, err)
		for _, c := range list.Items {
			if c.ID == id {
				last = c
			}
		}
		return last.State == state
	}, 60*time.Second, 50*time.Millisecond, "%s: %+v", state, last)
	return last
}

func TestChangingMail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w, _, home := connected(t, d, 20)
		id := deliver(t, w, apptest.Mara, map[string]any{"from": apptest.Elena, "to": []string{apptest.Mara}, "subject": "Change me", "text": "soon"})
		synced(t, home, "succeeded")
		found, err := home.Emails(ctx, client.EmailQuery{Q: "subject:\"Change me\""})
		require.NoError(t, err)
		require.Len(t, found.Items, 1)
		e := found.Items[0]
		require.False(t, e.IsRead)

		done, err := home.ChangeMail(ctx, client.NewChange{EmailIDs: []string{e.ID}, Action: "read"})
		require.NoError(t, err)
		require.EqualValues(t, 1, done.Count)
		require.Empty(t, done.LeftOut)
		partly, err := home.ChangeMail(ctx, client.NewChange{EmailIDs: []string{e.ID, "nobody"}, Action: "read"})
		require.NoError(t, err)
		require.Equal(t, []client.LeftOut{{EmailID: "nobody", Reason: "not_found"}}, partly.LeftOut)
		now, err := home.Email(ctx, e.ID)
		require.NoError(t, err)
		require.True(t, now.IsRead, "at once")
		changed(t, home, done.ID, "done")
		require.NotContains(t, labelsAt(t, w, apptest.Mara, id), "UNREAD")

		again, err := home.ChangeMail(ctx, client.NewChange{EmailIDs: []string{e.ID}, Action: "read"})
		require.NoError(t, err)
		require.Zero(t, again.Count)
		require.Equal(t, "done", again.State)

		archived, err := home.ChangeMail(ctx, client.NewChange{ThreadIDs: []string{e.GmailThreadID}, Action: "archive"})
		require.NoError(t, err)
		changed(t, home, archived.ID, "done")
		require.NotContains(t, labelsAt(t, w, apptest.Mara, id), "INBOX")
		back, err := home.UndoChange(ctx, archived.ID)
		require.NoError(t, err)
		require.Equal(t, "undone", back.State)
		require.Eventually(t, func() bool {
			for _, l := range labelsAt(t, w, apptest.Mara, id) {
				if l == "INBOX" {
					return true
				}
			}
			return false
		}, 20*time.Second, 50*time.Millisecond)

		l, err := home.CreateLabel(ctx, client.LabelName{Name: "Follow up"})
		require.NoError(t, err)
		_, err = home.CreateLabel(ctx, client.LabelName{Name: "follow UP"})
		require.Equal(t, "label_exists", client.Code(err), "%v", err)
		renamed, err := home.RenameLabel(ctx, l.ID, client.LabelName{Name: "Chase"})
		require.NoError(t, err)
		require.Equal(t, "Chase", renamed.Name)
		labelled, err := home.ChangeMail(ctx, client.NewChange{EmailIDs: []string{e.ID}, Action: "add_label", LabelID: l.ID})
		require.NoError(t, err)
		changed(t, home, labelled.ID, "done")
		require.Contains(t, labelsAt(t, w, apptest.Mara, id), l.ID)
		require.NoError(t, home.DeleteLabel(ctx, l.ID, ""))
		require.Eventually(t, func() bool {
			now, err := home.Email(ctx, e.ID)
			require.NoError(t, err)
			for _, x := range now.Labels {
				if x == l.ID {
					return false
				}
			}
			return true
		}, 20*time.Second, 50*time.Millisecond)
		_, err = home.ChangeMail(ctx, client.NewChange{EmailIDs: []string{e.ID}, Action: "add_label", LabelID: l.ID})
		require.Equal(t, "validation_failed", client.Code(err), "%v", err)
	})
}

// Asking again with the same Idempotency-Key gives the first answer, and changes
// nothing that has been changed back since.
func TestAChangeIsMadeOnce(t *testing.T) {
	w, _, home := connected(t, storetest.SQLite, 5)
	found, err := home.Emails(ctx, client.EmailQuery{Q: "in:inbox"})
	require.NoError(t, err)
	require.NotEmpty(t, found.Items)
	body, err := json.Marshal(client.NewChange{EmailIDs: []string{found.Items[0].ID}, Action: "archive"})
	require.NoError(t, err)
	ask := func(key string) client.Change {
		answer, text := send(t, http.MethodPost, w.URL+"/api/v1/workspaces/default/integrations/google/gmail/changes", string(body),
			"Authorization", "Bearer "+token(t, w, apptest.Mara), "Content-Type", "application/json", "Idempotency-Key", key)
		require.Equal(t, http.StatusAccepted, answer.StatusCode, text)
		var c client.Change
		require.NoError(t, json.Unmarshal([]byte(text), &c))
		return c
	}
	first := ask("one")
	require.EqualValues(t, 1, first.Count)
	_, err = home.UndoChange(ctx, first.ID)
	require.NoError(t, err)
	require.Equal(t, first.ID, ask("one").ID)
	now, err := home.Email(ctx, found.Items[0].ID)
	require.NoError(t, err)
	require.Contains(t, now.Labels, "INBOX")
	require.NotEqual(t, first.ID, ask("two").ID)
}

// Without the permission nothing changes, and the answer says what is missing
// and where to give it.
func TestChangingMailNeedsThePermission(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	require.Equal(t, "degraded", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara, Scopes: []string{
		"openid", "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/userinfo.profile", "https://www.googleapis.com/auth/gmail.readonly",
	}}))
	w.Imported(owner)
	home := owner.Workspace(w.Home)
	found, err := home.Emails(ctx, client.EmailQuery{})
	require.NoError(t, err)
	e := found.Items[0]
	_, err = home.ChangeMail(ctx, client.NewChange{EmailIDs: []string{e.ID}, Action: "trash"})
	var p *client.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, 403, p.Status)
	require.Equal(t, "insufficient_permission", p.Code)
	require.Equal(t, []string{"https://www.googleapis.com/auth/gmail.modify"}, p.Scopes)
	require.Contains(t, p.ActionURL, "/integrations/google/connect?redirect=1&connection_id="+e.ConnectionID)
	now, err := home.Email(ctx, e.ID)
	require.NoError(t, err)
	require.Equal(t, e.Labels, now.Labels)
	list, err := home.Changes(ctx, client.ChangeQuery{})
	require.NoError(t, err)
	require.Empty(t, list.Items)
	_, err = home.CreateLabel(ctx, client.LabelName{Name: "Follow up"})
	require.Equal(t, "insufficient_permission", client.Code(err))
}

// Mail of others is not there to be changed, whatever one may read of it.
func TestChangingMailOfOthers(t *testing.T) {
	w, owner, home := connected(t, storetest.SQLite, 5)
	_, err := home.UpdateSettings(ctx, client.SettingsPatch{Visibility: "full"})
	require.NoError(t, err)
	found, err := home.Emails(ctx, client.EmailQuery{})
	require.NoError(t, err)
	jonas := w.AddMember(owner, apptest.Jonas, "admin").Workspace(w.Home)
	for _, c := range []client.NewChange{
		{EmailIDs: []string{found.Items[0].ID}, Action: "trash"},
		{EmailIDs: []string{found.Items[0].ID}, Action: "trash", ConnectionID: found.Items[0].ConnectionID},
		{ThreadIDs: []string{found.Items[0].GmailThreadID}, Action: "trash", ConnectionID: found.Items[0].ConnectionID},
	} {
		_, err = jonas.ChangeMail(ctx, c)
		require.Equal(t, "not_found", client.Code(err), "%v", err)
	}
	done, err := home.ChangeMail(ctx, client.NewChange{EmailIDs: []string{found.Items[0].ID}, Action: "star"})
	require.NoError(t, err)
	_, err = jonas.UndoChange(ctx, done.ID)
	require.Equal(t, "not_found", client.Code(err))
	list, err := jonas.Changes(ctx, client.ChangeQuery{})
	require.NoError(t, err)
	require.Empty(t, list.Items)
}

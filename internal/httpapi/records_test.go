package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

// sendRaw makes a request as it stands and gives status, ETag and body.
func sendRaw(t *testing.T, w *apptest.World, bearer, method, path, body string, header ...string) (status int, etag, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, w.URL+"/api/v1/workspaces/"+w.Home+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	var b strings.Builder
	_, err = io.Copy(&b, answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, answer.Header.Get("ETag"), b.String()
}

func problemIn(t *testing.T, text string) client.Problem {
	t.Helper()
	var p client.Problem
	require.NoError(t, json.Unmarshal([]byte(text), &p), text)
	return p
}

func TestRecordsOverHTTP(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		bearer := token(t, w, apptest.Mara)

		// A record is made once per Idempotency-Key.
		body := `{"type":"person","name":"Anna Berg","emails":["Anna@Oakrill.example"],"stage":"lead"}`
		status, _, text := sendRaw(t, w, bearer, "POST", "/records", body, "Idempotency-Key", "one")
		require.Equal(t, 201, status, text)
		_, _, again := sendRaw(t, w, bearer, "POST", "/records", body, "Idempotency-Key", "one")
		require.Equal(t, text, again)
		list, err := home.Records(ctx, client.RecordQuery{Type: "person"})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		require.EqualValues(t, 1, *list.Total)
		anna := list.Items[0]
		require.Equal(t, []client.Contact{{Value: "anna@oakrill.example", Label: "work", Primary: true}}, anna.Emails)
		require.Equal(t, "member", anna.Sources["emails"].By)
		var whole map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(text), &whole))
		for _, name := range strings.Fields("id type name emails phones title company amount close_date people class fields owner tags external_ids deleted_at merged_into version") {
			require.Contains(t, whole, name)
			require.NotEqual(t, "", string(whole[name]))
		}

		// Versions: ETag, If-Match.
		one := "/records/" + anna.ID
		status, etag, _ := sendRaw(t, w, bearer, "GET", one, "")
		require.Equal(t, []any{200, `"1"`}, []any{status, etag})
		status, etag, text = sendRaw(t, w, bearer, "PATCH", one, `{"title":"Miller","stage":"customer"}`, "If-Match", etag)
		require.Equal(t, []any{200, `"2"`}, []any{status, etag}, text)
		for _, match := range []string{`"1"`, `W/"1"`, "nonsense"} {
			status, _, text = sendRaw(t, w, bearer, "PATCH", one, `{"title":"Late"}`, "If-Match", match)
			require.Equal(t, http.StatusPreconditionFailed, status, text)
			require.Equal(t, "changed_meanwhile", problemIn(t, text).Code)
		}
		status, _, text = sendRaw(t, w, bearer, "PATCH", one, `{"title":null}`, "If-Match", "*")
		require.Equal(t, 200, status, text)
		require.Contains(t, text, `"title":""`)

		// What is wrong is named field by field.
		status, _, text = sendRaw(t, w, bearer, "PATCH", one, `{"name":7,"emails":["x"],"amount":{},"naem":1,"close_date":true}`)
		require.Equal(t, 422, status)
		require.Equal(t, map[string]string{
			"name": "must be a text", "emails[0].value": "is no e-mail address", "amount": "is no field of people", "naem": "is no field of people", "close_date": "is no field of people",
		}, problemIn(t, text).Fields)
		for _, bad := range []string{`[]`, `"x"`, `{`, `7`, `{"type":7}`, `{"type":"person"}`, `{"type":"ghost","name":"x"}`} {
			status, _, text = sendRaw(t, w, bearer, "POST", "/records", bad)
			require.Contains(t, []int{400, 422}, status, "%s: %s", bad, text)
		}
		status, _, _ = sendRaw(t, w, bearer, "POST", "/records", `{"type":"person","name":"`+strings.Repeat("x", 10<<20)+`"}`)
		require.Equal(t, http.StatusRequestEntityTooLarge, status)
		status, _, _ = sendRaw(t, w, bearer, "PATCH", one, `{"type":"company"}`)
		require.Equal(t, 422, status)

		// Mirrors.
		key, err := home.CreateAPIKey(ctx, client.NewAPIKey{Name: "mirror", Scopes: []string{"records:*"}})
		require.NoError(t, err)
		status, etag, text = sendRaw(t, w, key.Key, "PUT", "/records/by-external/shop/C%2F1", `{"type":"company","name":"Oakrill","domains":["oakrill.example"]}`)
		require.Equal(t, []any{201, `"1"`}, []any{status, etag}, text)
		status, etag, text = sendRaw(t, w, key.Key, "PUT", "/records/by-external/shop/C%2F1", `{"website":"oakrill.example"}`)
		require.Equal(t, []any{200, `"2"`}, []any{status, etag}, text)
		require.Contains(t, text, `"created_by":{"by":"api"`)
		found, err := home.Records(ctx, client.RecordQuery{External: "shop:C/1"})
		require.NoError(t, err)
		require.Len(t, found.Items, 1)

		// Many at once, and back.
		tag, err := home.CreateTag(ctx, client.NewTag{Name: "VIP"})
		require.NoError(t, err)
		done, err := home.ChangeRecords(ctx, client.RecordsChange{All: map[string]any{"type": "person", "q": "ann"}, Set: map[string]json.RawMessage{"owner_id": []byte(`"me"`)}, AddTags: []string{tag.ID}})
		require.NoError(t, err)
		require.Equal(t, 1, done.Changed)
		mine, err := home.Records(ctx, client.RecordQuery{OwnerID: "me", TagID: tag.ID})
		require.NoError(t, err)
		require.Len(t, mine.Items, 1)
		require.Equal(t, []client.Tag{tag}, mine.Items[0].Tags)
		_, err = home.UndoRecordsChange(ctx, done.UndoID)
		require.NoError(t, err)
		mine, err = home.Records(ctx, client.RecordQuery{OwnerID: "me"})
		require.NoError(t, err)
		require.Empty(t, mine.Items)
		_, err = home.ChangeRecords(ctx, client.RecordsChange{All: map[string]any{"naem": "x"}, Delete: true})
		require.Equal(t, "validation_failed", client.Code(err))

		// A custom type from nothing to a table.
		_, err = home.CreateObjectType(ctx, client.NewObjectType{Name: "Boat", Fields: []client.ObjectField{{Name: "Length", Type: "number"}, {Name: "Of", Type: "relation", Target: "person"}}})
		require.NoError(t, err)
		gull, err := home.CreateRecord(ctx, client.RecordInput{Type: "boat", Name: "Gull", Fields: map[string]json.RawMessage{"length": []byte("7.5"), "of": []byte(`"` + anna.ID + `"`)}})
		require.NoError(t, err)
		require.JSONEq(t, `{"id":"`+anna.ID+`","type":"person","name":"Anna Berg"}`, string(gull.Fields["of"]))
		boats, err := home.Records(ctx, client.RecordQuery{Type: "boat", Sort: "-length", Fields: map[string]string{"length": "7.5"}})
		require.NoError(t, err)
		require.Len(t, boats.Items, 1)
		counts, err := home.RecordCounts(ctx)
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"person": 1, "company": 1, "deal": 0, "boat": 1}, counts)
		require.Equal(t, "confirm_count", client.Code(home.DeleteObjectType(ctx, "boat", 0)))
		require.NoError(t, home.DeleteObjectType(ctx, "boat", 1))

		// Deleted and back.
		require.NoError(t, home.DeleteRecord(ctx, anna.ID))
		gone, err := home.Records(ctx, client.RecordQuery{Deleted: true, Type: "person"})
		require.NoError(t, err)
		require.Len(t, gone.Items, 1)
		require.NotNil(t, gone.Items[0].DeletedAt)
		_, err = home.ChangeRecord(ctx, anna.ID, client.RecordPatch{"title": "x"})
		require.Equal(t, "deleted", client.Code(err))
		_, err = home.RestoreRecord(ctx, anna.ID)
		require.NoError(t, err)

		// Notes and tasks.
		note, err := home.CreateNote(ctx, anna.ID, "Called.\nLikes lamps.")
		require.NoError(t, err)
		require.Equal(t, "Called.\nLikes lamps.", note.Text)
		task, err := home.CreateTask(ctx, client.TaskInput{Title: "Call back", RecordID: anna.ID})
		require.NoError(t, err)
		require.NotNil(t, task.Assignee)
		status, etag, text = sendRaw(t, w, bearer, "PATCH", "/tasks/"+task.ID, `{"done":true,"assignee_id":null}`, "If-Match", `"1"`)
		require.Equal(t, []any{200, `"2"`}, []any{status, etag}, text)
		require.Contains(t, text, `"assignee":null`)
		status, _, text = sendRaw(t, w, bearer, "PATCH", "/tasks/"+task.ID, `{"done":"yes"}`)
		require.Equal(t, 422, status)
		require.Equal(t, map[string]string{"done": "must be true or false"}, problemIn(t, text).Fields)
		open, err := home.Tasks(ctx, client.TaskQuery{State: "open", RecordID: anna.ID})
		require.NoError(t, err)
		require.Empty(t, open.Items)

		// Numbers of the region.
		_, err = home.SetRecordSettings(ctx, client.RecordSettings{Region: "de"})
		require.NoError(t, err)
		r, err := home.ChangeRecord(ctx, anna.ID, client.RecordPatch{"phones": []any{"030 901820"}})
		require.NoError(t, err)
		require.Equal(t, "+4930901820", r.Phones[0].Value)
	})
}

func TestWebhooksTellOfRecords(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, func(s *apptest.Setup) { s.Environ = append(s.Environ, "OUTBOUND_ALLOW_PRIVATE=true") })
	owner := w.SetUp()
	home := owner.Workspace(w.Home)
	secret := ""
	url, got := receiver(t, func(string) string { return secret })
	hook, err := home.CreateWebhook(ctx, client.NewWebhook{URL: url, Events: []string{"record.created", "record.updated", "record.deleted", "record.restored"}, Audience: "workspace"})
	require.NoError(t, err)
	secret = hook.Secret
	private, err := home.CreateTag(ctx, client.NewTag{Name: "mine alone", Mine: true})
	require.NoError(t, err)
	anna, err := home.CreateRecord(ctx, client.RecordInput{Type: "person", Name: "Anna", TagIDs: []string{private.ID}})
	require.NoError(t, err)
	p := next(t, got, func(p posted) bool { return p.Type == "record.created" })
	require.Equal(t, []any{anna.ID, "Anna", "person", []any{}}, []any{p.Data["id"], p.Data["name"], p.Data["type"], p.Data["tags"]}, "private tags stay at home")
	_, err = home.ChangeRecord(ctx, anna.ID, client.RecordPatch{"title": "Miller"})
	require.NoError(t, err)
	require.Equal(t, "Miller", next(t, got, func(p posted) bool { return p.Type == "record.updated" }).Data["title"])
	require.NoError(t, home.DeleteRecord(ctx, anna.ID))
	require.Equal(t, map[string]any{"id": anna.ID}, next(t, got, func(p posted) bool { return p.Type == "record.deleted" }).Data)
	_, err = home.RestoreRecord(ctx, anna.ID)
	require.NoError(t, err)
	require.Equal(t, "Anna", next(t, got, func(p posted) bool { return p.Type == "record.restored" }).Data["name"])
}

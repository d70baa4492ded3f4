package httpapi_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

func TestMergeImportAndExportOverHTTP(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		home := w.SetUp().Workspace(w.Home)
		person := func(name, email string) client.Record {
			r, err := home.CreateRecord(ctx, client.RecordInput{Type: "person", Name: name, Emails: []client.ContactInput{{Value: email}}})
			require.NoError(t, err)
			return r
		}
		a, b := person("Anna Berg", "anna@berg.example"), person("A. Berg", "a@berg.example")
		m, err := home.MergeRecords(ctx, a.ID, client.MergeRequest{OtherIDs: []string{b.ID}})
		require.NoError(t, err)
		require.Len(t, m.Record.Emails, 2)
		through, err := home.Record(ctx, b.ID)
		require.NoError(t, err)
		require.Equal(t, a.ID, through.ID)
		list, err := home.Merges(ctx, a.ID, "")
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		done, err := home.UndoMerge(ctx, m.MergeID)
		require.NoError(t, err)
		require.Empty(t, done.Kept)
		_, err = home.Duplicates(ctx, "person", "", "")
		require.NoError(t, err)

		in, err := home.CreateImport(ctx, client.NewImport{Type: "person", Format: "csv", Name: "people.csv", Data: []byte("Name;E-Mail\nJ\xf6rg M\xfcller;joerg@berg.example\n")})
		require.NoError(t, err)
		require.Equal(t, "Jörg Müller", in.Preview[0].Name)
		require.Equal(t, map[string]int64{"create": 1}, in.Counts)
		in, err = home.ChangeImport(ctx, in.ID, client.ImportPatch{Mapping: map[string]string{"E-Mail": ""}})
		require.NoError(t, err)
		require.Empty(t, in.Columns[1].Field)
		in, err = home.RunImport(ctx, in.ID)
		require.NoError(t, err)
		require.Equal(t, "queued", in.State)

		shared, err := home.CreateTag(ctx, client.NewTag{Name: "Hotels"})
		require.NoError(t, err)
		private, err := home.CreateTag(ctx, client.NewTag{Name: "Difficult", Mine: true})
		require.NoError(t, err)
		_, err = home.ChangeRecord(ctx, a.ID, client.RecordPatch{"tag_ids": []string{shared.ID, private.ID}})
		require.NoError(t, err)

		request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+"/api/v1/workspaces/"+w.Home+"/records/export?format=csv&type=person&q=anna", nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+token(t, w, apptest.Mara))
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode, string(text))
		require.Contains(t, answer.Header.Get("Content-Disposition"), "attachment")
		require.Contains(t, answer.Header.Get("Content-Security-Policy"), "sandbox")
		require.Contains(t, string(text), "anna@berg.example")
		require.Contains(t, string(text), "Hotels")
		require.NotContains(t, string(text), "Difficult", "private tags are no file's")
	})
}

package drive_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	api "google.golang.org/api/drive/v3"
	"google.golang.org/api/googleapi"

	"rapport/simulator/files"
	"rapport/simulator/simtest"
)

const otherApp = "200000000002-other.apps.googleusercontent.com"

func service(t *testing.T, h *simtest.House, account, client string, scopes ...string) *api.Service {
	t.Helper()
	s, err := api.NewService(t.Context(), h.Options("/drive/v3/", h.Client(account, client, scopes...))...)
	require.NoError(t, err)
	return s
}

func names(l *api.FileList) []string {
	out := []string{}
	for _, f := range l.Files {
		out = append(out, f.Name)
	}
	return out
}

func TestFilesAreMadeInEveryWay(t *testing.T) {
	h := simtest.Open(t)
	d := service(t, h, simtest.Mara, "", "drive")

	bare, err := d.Files.Create(&api.File{}).Do()
	require.NoError(t, err)
	require.Equal(t, &api.File{Kind: "drive#file", Id: bare.Id, Name: "Untitled", MimeType: "application/octet-stream", ServerResponse: bare.ServerResponse}, bare,
		"without fields only the usual four")
	require.Len(t, bare.Id, 33)

	folder, err := d.Files.Create(&api.File{Name: "Offers", MimeType: files.Folder}).Fields("id,parents,webViewLink").Do()
	require.NoError(t, err)
	require.Len(t, folder.Parents, 1)
	require.Empty(t, folder.Name, "not asked for")

	note, err := d.Files.Create(&api.File{Name: "note.txt", Parents: []string{folder.Id}, Properties: map[string]string{"deal": "7"}}).
		Media(strings.NewReader("Twelve lamps, brass."), googleapi.ContentType("text/plain")).Fields("*").Do()
	require.NoError(t, err)
	require.Equal(t, "text/plain", note.MimeType)
	require.EqualValues(t, 20, note.Size)
	require.Equal(t, []string{folder.Id}, note.Parents)
	require.Equal(t, "note.txt", note.OriginalFilename)
	require.Equal(t, simtest.Mara, note.Owners[0].EmailAddress)
	require.True(t, note.Owners[0].Me)

	large := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	big, err := d.Files.Create(&api.File{Name: "plan.pdf"}).Media(bytes.NewReader(large), googleapi.ContentType("application/pdf"), googleapi.ChunkSize(256<<10)).Fields("id,size,mimeType").Do()
	require.NoError(t, err, "resumable, in three chunks")
	require.EqualValues(t, len(large), big.Size)
	require.Equal(t, "application/pdf", big.MimeType)

	for id, want := range map[string][]byte{note.Id: []byte("Twelve lamps, brass."), big.Id: large} {
		res, err := d.Files.Get(id).Download()
		require.NoError(t, err)
		got, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, want, got)
	}

	plain := h.Client(simtest.Mara, "", "drive")
	res, err := plain.Post(h.URL()+"/upload/drive/v3/files?uploadType=media", "image/png", strings.NewReader("not really"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)

	res, err = plain.Post(h.URL()+"/upload/drive/v3/files?uploadType=multipart&fields=mimeType,size", "multipart/related; boundary=p",
		strings.NewReader("--p\r\nContent-Type: application/json\r\n\r\n{\"name\":\"a\"}\r\n--p\r\nContent-Type: image/gif\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--p--\r\n"))
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.JSONEq(t, `{"mimeType":"image/gif","size":"3"}`, string(text), "a part in base64 is decoded")

	ids, err := d.Files.GenerateIds().Count(2).Do()
	require.NoError(t, err)
	mine, err := d.Files.Create(&api.File{Id: ids.Ids[0], Name: "planned"}).Do()
	require.NoError(t, err)
	require.Equal(t, ids.Ids[0], mine.Id)
	_, err = d.Files.Create(&api.File{Id: ids.Ids[0]}).Do()
	simtest.Refused(t, err, 409, "fileIdInUse", "A file already exists with the provided ID.")
	_, err = d.Files.Create(&api.File{Parents: []string{"nowhere"}}).Do()
	simtest.Refused(t, err, 404, "notFound", "File not found: nowhere.")
}

func TestLists(t *testing.T) {
	h := simtest.Open(t)
	d := service(t, h, simtest.Mara, "", "drive")
	folder, err := d.Files.Create(&api.File{Name: "Offers", MimeType: files.Folder}).Do()
	require.NoError(t, err)
	make := func(f *api.File, text string) *api.File {
		h.World.Clock.Advance(time.Minute)
		out, err := d.Files.Create(f).Media(strings.NewReader(text), googleapi.ContentType("text/plain")).Do()
		require.NoError(t, err)
		return out
	}
	make(&api.File{Name: "Offer 10 Bellafonte", Parents: []string{folder.Id}, Starred: true}, "chandeliers for the lobby")
	make(&api.File{Name: "Offer 9 Oakrill", Parents: []string{folder.Id}, Properties: map[string]string{"deal": "9"}, AppProperties: map[string]string{"stage": "won"}}, "desk lamps")
	binned := make(&api.File{Name: "It's old"}, "x")
	_, err = d.Files.Update(binned.Id, &api.File{Trashed: true}).Do()
	require.NoError(t, err)

	for _, c := range []struct {
		name, q, order string
		want           []string
	}{
		{"everything, the newest first, the bin too", "", "", []string{"It's old", "Offer 9 Oakrill", "Offer 10 Bellafonte", "Offers"}},
		{"not the bin", "trashed=false", "name", []string{"Offer 10 Bellafonte", "Offer 9 Oakrill", "Offers"}},
		{"numbers as numbers", "trashed = false and mimeType != '" + files.Folder + "'", "name_natural", []string{"Offer 9 Oakrill", "Offer 10 Bellafonte"}},
		{"folders first", "trashed=false", "folder,name desc", []string{"Offers", "Offer 9 Oakrill", "Offer 10 Bellafonte"}},
		{"in a folder", "'" + folder.Id + "' in parents", "name", []string{"Offer 10 Bellafonte", "Offer 9 Oakrill"}},
		{"at the top", "'root' in parents", "name", []string{"It's old", "Offers"}},
		{"begins a word", "name contains 'bella'", "", []string{"Offer 10 Bellafonte"}},
		{"not inside a word", "name contains 'fonte'", "", []string{}},
		{"a quote in a name", `name = 'It\'s old'`, "", []string{"It's old"}},
		{"in the text", "fullText contains 'lobby'", "", []string{"Offer 10 Bellafonte"}},
		{"starred", "starred = true", "", []string{"Offer 10 Bellafonte"}},
		{"a property", "properties has { key='deal' and value='9' }", "", []string{"Offer 9 Oakrill"}},
		{"a property of the application", "appProperties has { key='stage' and value='won' }", "", []string{"Offer 9 Oakrill"}},
		{"later than", "modifiedTime > '2026-11-20T15:05:30' and not trashed = true", "", []string{"Offer 9 Oakrill"}},
		{"either", "(name contains 'oakrill' or starred = true) and 'me' in owners", "name", []string{"Offer 10 Bellafonte", "Offer 9 Oakrill"}},
		{"shared with me", "sharedWithMe", "", []string{}},
		{"of somebody else", "'" + simtest.Jonas + "' in owners", "", []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := d.Files.List().Q(c.q).OrderBy(c.order).Do()
			require.NoError(t, err)
			require.Equal(t, c.want, names(l))
		})
	}
	for _, q := range []string{"name", "name contains", "name like 'x'", "trashed=maybe", "name='x", "(starred=true", "starred=true name='x'", "modifiedTime > 'soon'", "colour='red'"} {
		_, err := d.Files.List().Q(q).Do()
		simtest.Refused(t, err, 400, "invalid", "Invalid Value")
	}
	_, err = d.Files.List().OrderBy("size").Do()
	simtest.Refused(t, err, 400, "invalid", "Invalid Value")
	_, err = d.Files.List().DriveId("x").Do()
	simtest.Refused(t, err, 501, "notImplemented", "The simulator's Drive has no shared drives.")
}

func TestPages(t *testing.T) {
	h := simtest.Open(t)
	d := service(t, h, simtest.Mara, "", "drive")
	for _, n := range []string{"a", "b", "c", "d", "e"} {
		_, err := d.Files.Create(&api.File{Name: n}).Do()
		require.NoError(t, err)
	}
	var got []string
	pages := 0
	err := d.Files.List().OrderBy("name").PageSize(2).Fields("nextPageToken", "files(name)").Pages(t.Context(), func(l *api.FileList) error {
		pages++
		got = append(got, names(l)...)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c", "d", "e"}, got)
	require.Equal(t, 3, pages)

	l, err := d.Files.List().OrderBy("name").PageSize(2).Do()
	require.NoError(t, err)
	for _, token := range []string{"rubbish", l.NextPageToken} { // the second belongs to another listing
		_, err = d.Files.List().OrderBy("name desc").PageToken(token).Do()
		simtest.Refused(t, err, 400, "invalid", "Invalid Value")
	}
	_, err = d.Files.List().PageSize(1001).Do()
	require.ErrorContains(t, err, "Values must be within the range: [1, 1000]")
}

func TestWhatAnApplicationSees(t *testing.T) {
	h := simtest.Open(t)
	wide := service(t, h, simtest.Mara, otherApp, "drive")
	elsewhere, err := wide.Files.Create(&api.File{Name: "made elsewhere"}).Do()
	require.NoError(t, err)
	narrow := service(t, h, simtest.Mara, "", "drive.file")
	own, err := narrow.Files.Create(&api.File{Name: "made here"}).Do()
	require.NoError(t, err)

	t.Run("drive.file: what the application made", func(t *testing.T) {
		l, err := narrow.Files.List().Do()
		require.NoError(t, err)
		require.Equal(t, []string{"made here"}, names(l))
		_, err = narrow.Files.Get(elsewhere.Id).Do()
		simtest.Refused(t, err, 404, "notFound", "File not found: "+elsewhere.Id+".")
		_, err = narrow.Files.Update(elsewhere.Id, &api.File{Name: "mine now"}).Do()
		simtest.Refused(t, err, 404, "notFound", "File not found: "+elsewhere.Id+".")
		require.NoError(t, narrow.Files.Delete(own.Id).Do())
	})
	t.Run("with drive.readonly: sees all, changes its own", func(t *testing.T) {
		both := service(t, h, simtest.Mara, "", "drive.file", "drive.readonly")
		f, err := both.Files.Get(elsewhere.Id).Do()
		require.NoError(t, err)
		require.Equal(t, "made elsewhere", f.Name)
		text := "The user has not granted the app 100000000001 write access to the file " + elsewhere.Id + "."
		_, err = both.Files.Update(elsewhere.Id, &api.File{Name: "mine now"}).Do()
		simtest.Refused(t, err, 403, "appNotAuthorizedToFile", text)
		simtest.Refused(t, both.Files.Delete(elsewhere.Id).Do(), 403, "appNotAuthorizedToFile", text)
	})
	t.Run("drive.metadata.readonly: no contents", func(t *testing.T) {
		meta := service(t, h, simtest.Mara, "", "drive.metadata.readonly")
		_, err := meta.Files.Get(elsewhere.Id).Do()
		require.NoError(t, err)
		_, err = meta.Files.Get(elsewhere.Id).Download()
		require.ErrorContains(t, err, "appNotAuthorizedToFile")
		_, err = meta.Files.Create(&api.File{}).Do()
		simtest.Refused(t, err, 403, "insufficientPermissions", "Request had insufficient authentication scopes.")
	})
	t.Run("another account's", func(t *testing.T) {
		jonas := service(t, h, simtest.Jonas, "", "drive")
		_, err := jonas.Files.Get(elsewhere.Id).Do()
		simtest.Refused(t, err, 404, "notFound", "File not found: "+elsewhere.Id+".")
	})
}

func TestErrorShapeIsTheClassicOne(t *testing.T) {
	h := simtest.Open(t)
	res, err := h.Client(simtest.Mara, "", "drive").Get(h.URL() + "/drive/v3/files/1abc?prettyPrint=false")
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 404, res.StatusCode)
	require.JSONEq(t, `{"error":{"code":404,"message":"File not found: 1abc.","errors":[{"message":"File not found: 1abc.","domain":"global","reason":"notFound","location":"fileId","locationType":"parameter"}]}}`, string(body))
}

func TestChanges(t *testing.T) {
	h := simtest.Open(t)
	d := service(t, h, simtest.Mara, "", "drive")
	folder, err := d.Files.Create(&api.File{Name: "Offers", MimeType: files.Folder}).Do()
	require.NoError(t, err)
	f, err := d.Files.Create(&api.File{Name: "a.txt"}).Media(strings.NewReader("one"), googleapi.ContentType("text/plain")).Fields("id,version,modifiedTime").Do()
	require.NoError(t, err)

	h.World.Clock.Advance(30 * time.Minute)
	got, err := d.Files.Update(f.Id, &api.File{Name: "b.txt", Description: "the second"}).AddParents(folder.Id).RemoveParents("root").
		Media(strings.NewReader("two!"), googleapi.ContentType("text/plain")).Fields("name,description,parents,size,version,modifiedTime").Do()
	require.NoError(t, err)
	require.Equal(t, "b.txt", got.Name)
	require.Equal(t, "the second", got.Description)
	require.Equal(t, []string{folder.Id}, got.Parents)
	require.EqualValues(t, 4, got.Size)
	require.Greater(t, got.Version, f.Version)
	require.NotEqual(t, f.ModifiedTime, got.ModifiedTime)

	_, err = d.Files.Update(f.Id, &api.File{Id: "other"}).Do()
	simtest.Refused(t, err, 403, "fieldNotWritable", "The resource body includes fields which are not directly writable.")
	_, err = d.Files.Update(folder.Id, &api.File{}).AddParents(folder.Id).Do()
	require.ErrorContains(t, err, "cyclicFolder")

	_, err = d.Files.Update(folder.Id, &api.File{Trashed: true}).Do()
	require.NoError(t, err)
	below, err := d.Files.Get(f.Id).Fields("trashed,explicitlyTrashed").Do()
	require.NoError(t, err)
	require.True(t, below.Trashed)
	require.False(t, below.ExplicitlyTrashed)
	require.NoError(t, d.Files.EmptyTrash().Do())
	_, err = d.Files.Get(f.Id).Do()
	simtest.Refused(t, err, 404, "notFound", "File not found: "+f.Id+".")
}

func TestAboutNeedsFields(t *testing.T) {
	h := simtest.Open(t)
	d := service(t, h, simtest.Mara, "", "drive.file")
	_, err := d.About.Get().Do()
	simtest.Refused(t, err, 400, "required", "The 'fields' parameter is required for this method.")
	a, err := d.About.Get().Fields("user,storageQuota").Do()
	require.NoError(t, err)
	require.Equal(t, simtest.Mara, a.User.EmailAddress)
	require.Equal(t, "Mara Lind", a.User.DisplayName)
}

func TestSpreadsheetsOfValues(t *testing.T) {
	h := simtest.Open(t)
	d := service(t, h, simtest.Mara, "", "drive.file")
	f, err := d.Files.Create(&api.File{Name: "Prices", MimeType: files.Spreadsheet}).
		Media(strings.NewReader("Lamp,Price\nNorrsken,\"1,200\"\n"), googleapi.ContentType("text/csv")).Do()
	require.NoError(t, err)
	require.Equal(t, files.Spreadsheet, f.MimeType)
	require.Len(t, f.Id, 44)
	_, err = d.Files.Get(f.Id).Download()
	require.ErrorContains(t, err, "fileNotDownloadable")
	res, err := d.Files.Export(f.Id, "text/csv").Download()
	require.NoError(t, err)
	got, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, "Lamp,Price\nNorrsken,\"1,200\"\n", string(got))

	c, err := d.Files.Copy(f.Id, &api.File{Name: "Prices 2"}).Do()
	require.NoError(t, err)
	require.NotEqual(t, f.Id, c.Id)
	require.Equal(t, files.Spreadsheet, c.MimeType)
}

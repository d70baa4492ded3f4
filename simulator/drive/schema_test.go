package drive_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	api "google.golang.org/api/drive/v3"
	"google.golang.org/api/googleapi"

	"rapport/simulator/discovery"
	"rapport/simulator/files"
	"rapport/simulator/simtest"
)

// Whole answers are what Google's discovery document says.
func TestWholeAnswersFollowTheDocument(t *testing.T) {
	h := simtest.Open(t)
	doc, err := discovery.Compile(discovery.Document("drive"))
	require.NoError(t, err)
	d := service(t, h, simtest.Mara, "", "drive")
	f, err := d.Files.Create(&api.File{Name: "a.txt", Description: "x", Properties: map[string]string{"a": "b"}, AppProperties: map[string]string{"c": "d"}}).
		Media(strings.NewReader("one"), googleapi.ContentType("text/plain")).Do()
	require.NoError(t, err)
	s, err := d.Files.Create(&api.File{Name: "s", MimeType: files.Spreadsheet}).Do()
	require.NoError(t, err)
	_, err = d.Files.Update(s.Id, &api.File{Trashed: true}).Do()
	require.NoError(t, err)
	plain := h.Client(simtest.Mara, "", "drive")
	for path, method := range map[string]string{
		"files/" + f.Id: "drive.files.get", "files/" + s.Id: "drive.files.get", "files/root": "drive.files.get", "files": "drive.files.list",
		"about": "drive.about.get", "files/generateIds": "drive.files.generateIds",
	} {
		res, err := plain.Get(h.URL() + "/drive/v3/" + path + "?fields=*")
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, 200, res.StatusCode, "%s", body)
		if v := doc.Methods[method].CheckResponse(body); v != nil {
			t.Errorf("%s: %v", path, v)
		}
	}
}

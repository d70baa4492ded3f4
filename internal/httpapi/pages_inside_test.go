package httpapi

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// packedPages are pages whose one script is kept compressed, and the script.
func packedPages(t *testing.T) (p *pages, script string, packed []byte) {
	t.Helper()
	script = strings.Repeat("export const answer = 42;\n", 200)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(script))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	p, err = newPages(fstest.MapFS{
		"index.html":         {Data: []byte("<!doctype html>")},
		"assets/app-1.js.gz": {Data: b.Bytes()},
		"assets/face-1.txt":  {Data: []byte("plain")},
	}, "http://localhost:8000")
	require.NoError(t, err)
	return p, script, b.Bytes()
}

func read(p *pages, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func TestAPackedFileGoesAsItIsToWhoTakesGzip(t *testing.T) {
	p, script, packed := packedPages(t)
	for accepts, asItIs := range map[string]bool{
		"gzip": true, "br, gzip, zstd": true, "GZIP;q=0.5": true, "*": true, "br;q=1.0, *;q=0.1": true,
		"": false, "identity": false, "br": false, "gzip;q=0": false, "gzip; q=0.000, *": false, "*;q=0": false, "gzipped": false,
	} {
		w := read(p, "/assets/app-1.js", "Accept-Encoding", accepts)
		require.Equal(t, http.StatusOK, w.Code, accepts)
		require.Contains(t, w.Header().Get("Content-Type"), "javascript", accepts)
		require.Contains(t, w.Header().Get("Cache-Control"), "immutable", accepts)
		require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"), accepts)
		if asItIs {
			require.Equal(t, "gzip", w.Header().Get("Content-Encoding"), accepts)
			require.Equal(t, packed, w.Body.Bytes(), accepts)
		} else {
			require.Empty(t, w.Header().Get("Content-Encoding"), accepts)
			require.Equal(t, script, w.Body.String(), accepts)
		}
		require.Equal(t, strconv.Itoa(w.Body.Len()), w.Header().Get("Content-Length"), accepts)
	}
	two := read(p, "/assets/app-1.js", "Accept-Encoding", "br", "Accept-Encoding", "gzip")
	require.Equal(t, "gzip", two.Header().Get("Content-Encoding"), "the header may come in pieces")
}

func TestThePackedAndTheUnpackedFileAreRevalidatedApart(t *testing.T) {
	p, _, _ := packedPages(t)
	packed := read(p, "/assets/app-1.js", "Accept-Encoding", "gzip").Header().Get("ETag")
	plain := read(p, "/assets/app-1.js").Header().Get("ETag")
	require.NotEqual(t, packed, plain, "two bodies, two strong tags")
	for _, c := range []struct {
		accepts, tag string
		want         int
	}{
		{"gzip", packed, http.StatusNotModified}, {"", plain, http.StatusNotModified},
		{"gzip", plain, http.StatusOK}, {"", packed, http.StatusOK},
	} {
		w := read(p, "/assets/app-1.js", "Accept-Encoding", c.accepts, "If-None-Match", c.tag)
		require.Equal(t, c.want, w.Code, c)
		if c.want == http.StatusNotModified {
			require.Zero(t, w.Body.Len())
			require.Empty(t, w.Header().Get("Content-Encoding"))
			require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))
		}
	}
	failed := read(p, "/assets/app-1.js", "Accept-Encoding", "gzip", "If-Match", `"another"`)
	require.Equal(t, http.StatusPreconditionFailed, failed.Code)
	require.Empty(t, failed.Header().Get("Content-Length"))
}

func TestARangeCountsBytesOfTheFileItself(t *testing.T) {
	p, script, _ := packedPages(t)
	w := read(p, "/assets/app-1.js", "Accept-Encoding", "gzip", "Range", "bytes=7-19")
	require.Equal(t, http.StatusPartialContent, w.Code)
	require.Empty(t, w.Header().Get("Content-Encoding"))
	require.Equal(t, script[7:20], w.Body.String())
	tag := read(p, "/assets/app-1.js", "Accept-Encoding", "gzip").Header().Get("ETag")
	w = read(p, "/assets/app-1.js", "Accept-Encoding", "gzip", "Range", "bytes=7-19", "If-Range", tag)
	require.Equal(t, http.StatusOK, w.Code, "a part never continues the compressed file")
	require.Equal(t, script, w.Body.String())
}

func TestAFileThatIsNotPackedKnowsNoEncodings(t *testing.T) {
	p, _, _ := packedPages(t)
	w := read(p, "/assets/face-1.txt", "Accept-Encoding", "gzip")
	require.Equal(t, "plain", w.Body.String())
	require.Empty(t, w.Header().Get("Vary"))
	require.Empty(t, w.Header().Get("Content-Encoding"))
	require.Equal(t, http.StatusNotFound, read(p, "/assets/gone-1.js", "Accept-Encoding", "gzip").Code)
}

package examples_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/client"
)

// A program that holds no token uploads a file in two pieces, and is cut off.
func TestAnUploadThroughALease(t *testing.T) {
	o := open(t)
	key := o.key(t, "tokens:vend:drive")
	asked, _ := o.run(t, plugins(t)[0], key, nil, "drive")
	o.authorise(t, asked["drive"])
	by := client.New(o.URL, client.WithToken(key))
	lease, err := by.CreateLease(t.Context(), client.LeaseWish{Name: "upload", UserID: user, Service: "drive", Methods: []string{"POST", "PUT"}, Paths: []string{"/upload/drive/v3/files"}})
	require.NoError(t, err)

	call := func(method, address, body string, headers ...string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
		require.NoError(t, err)
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res, string(text)
	}
	own, err := url.Parse(lease.URL)
	require.NoError(t, err)
	own.Host = strings.TrimPrefix(o.URL, "http://")
	res, text := call("POST", own.String()+"/upload/drive/v3/files?uploadType=resumable", `{"name":"plan.txt"}`, "Content-Type", "application/json", "X-Upload-Content-Type", "text/plain")
	require.Equal(t, 200, res.StatusCode, text)
	next, err := own.Parse(res.Header.Get("Location"))
	require.NoError(t, err)
	require.Contains(t, next.Path, lease.Handle, "the rest goes through the lease, too")
	res, _ = call("PUT", next.String(), "0123", "Content-Range", "bytes 0-3/8")
	require.Equal(t, 308, res.StatusCode)
	res, text = call("PUT", next.String(), "4567", "Content-Range", "bytes 4-7/8")
	require.Equal(t, 200, res.StatusCode, text)
	require.Contains(t, text, `"plan.txt"`)

	res, _ = call("GET", own.String()+"/drive/v3/files", "")
	require.Equal(t, 403, res.StatusCode, "not in the lease")
	res, _ = call("POST", own.String()+"/upload/drive/v3/files?uploadType=media", "x", "X-HTTP-Method-Override", "DELETE")
	require.Equal(t, 200, res.StatusCode, "a method cannot be smuggled in: this made a file")
	require.NoError(t, by.CutLease(t.Context(), lease.ID))
	res, _ = call("POST", own.String()+"/upload/drive/v3/files?uploadType=media", "x")
	require.Equal(t, 401, res.StatusCode)

	seen, err := by.Leases(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, seen.Items, 1)
	require.EqualValues(t, 4, seen.Items[0].Calls)
	require.NotNil(t, seen.Items[0].CutAt)
}

package front_test

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/api/gmail/v1"
	"google.golang.org/api/googleapi"
)

func TestUpload(t *testing.T) {
	w := start(t)
	w.control("POST", "/_sim/quota", map[string]any{"preset": "none"})
	ok := w.token(mara, full)
	svc := w.gmail(mara, full)
	mail := []byte("From: mara@northwind-lamps.example\r\n\r\nHello")
	const send = "/upload/gmail/v1/users/me/messages/send"

	t.Run("media", func(t *testing.T) {
		a := w.must("POST", send+"?uploadType=media", ok, string(mail), "Content-Type", "message/rfc822")
		require.Equal(t, 200, a.status, a.body)
		require.Equal(t, mail, w.room.last.Media)
		require.Empty(t, w.room.last.Body)
	})
	t.Run("multipart by Google's client", func(t *testing.T) {
		m, err := svc.Users.Messages.Send("me", &gmail.Message{ThreadId: "7"}).Media(bytes.NewReader(mail), googleapi.ContentType("message/rfc822")).Do()
		require.NoError(t, err)
		require.EqualValues(t, len(mail), m.SizeEstimate)
		require.Equal(t, mail, w.room.last.Media)
		require.JSONEq(t, `{"threadId":"7"}`, string(w.room.last.Body))
	})
	t.Run("resumable by Google's client", func(t *testing.T) {
		big := bytes.Repeat([]byte("0123456789abcdef"), 70000) // 1.1 MB in chunks of 256 KB
		m, err := svc.Users.Messages.Send("me", &gmail.Message{ThreadId: "8"}).
			Media(bytes.NewReader(big), googleapi.ContentType("message/rfc822"), googleapi.ChunkSize(googleapi.MinUploadChunkSize)).Do()
		require.NoError(t, err)
		require.EqualValues(t, len(big), m.SizeEstimate)
		require.Equal(t, big, w.room.last.Media)
		require.JSONEq(t, `{"threadId":"8"}`, string(w.room.last.Body))
	})
	t.Run("resumable by hand, with 308", func(t *testing.T) {
		a := w.must("POST", send+"?uploadType=resumable", ok, `{"threadId":"9"}`, "Content-Type", "application/json", "X-Upload-Content-Length", "10")
		require.Equal(t, 200, a.status, a.body)
		u, err := url.Parse(a.header.Get("Location"))
		require.NoError(t, err)
		put := func(body string, header ...string) answer { return w.must("PUT", u.RequestURI(), ok, body, header...) }
		a = put("01234", "Content-Range", "bytes 0-4/10")
		require.Equal(t, 308, a.status)
		require.Equal(t, "bytes=0-4", a.header.Get("Range"))
		a = put("", "Content-Range", "bytes */10")
		require.Equal(t, 308, a.status, "how far is it")
		require.Equal(t, 400, put("x", "Content-Range", "bytes 9-9/10").status, "a gap")
		a = put("56789", "Content-Range", "bytes 5-9/10")
		require.Equal(t, 200, a.status, a.body)
		require.Equal(t, "0123456789", string(w.room.last.Media))
		require.Equal(t, 400, put("56789", "Content-Range", "bytes 5-9/10").status, "the session is over")
	})
	t.Run("too large", func(t *testing.T) {
		a := w.must("POST", send+"?uploadType=resumable", ok, `{}`, "X-Upload-Content-Length", "36700161")
		require.Equal(t, 413, a.status)
		a = w.must("POST", send+"?uploadType=media", ok, strings.Repeat("x", 36700161))
		require.Equal(t, 413, a.status)
	})
	t.Run("refused", func(t *testing.T) {
		require.Equal(t, 400, w.must("POST", send, ok, "x").status, "no upload type")
		require.Equal(t, 400, w.must("POST", send+"?uploadType=multipart", ok, "x", "Content-Type", "text/plain").status)
		require.Equal(t, 401, w.must("POST", send+"?uploadType=media", "", "x").status)
		require.Equal(t, 400, w.must("POST", send+"?uploadType=resumable", ok, "{").status)
	})
}

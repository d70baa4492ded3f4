package google

import (
	"bytes"
	"mime/multipart"
	"net/textproto"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const answerType = `multipart/mixed; boundary=batch_x-1`

func answer3() string {
	return strings.ReplaceAll(`--batch_x-1
Content-Type: application/http
Content-ID: <response-item1>

HTTP/1.1 200 OK
Content-Type: application/json; charset=UTF-8
Content-Length: 12

{"id":"two"}
--batch_x-1
Content-Type: application/http
content-id: response-item0

HTTP/1.1 404 Not Found
Retry-After: 3

{"error":{"code":404}}

--batch_x-1
Content-Type: application/http
Content-ID: <response-item7>

HTTP/1.1 200 OK

{}
--batch_x-1--
`, "\n", "\r\n")
}

func TestABatchIsSplitByContentID(t *testing.T) {
	for _, text := range []string{answer3(), strings.ReplaceAll(answer3(), "\r\n", "\n"), "preamble\r\n" + answer3() + "epilogue"} {
		parts, err := parseBatch(answerType, []byte(text), 3)
		require.NoError(t, err)
		require.Equal(t, 404, parts[0].status)
		require.Equal(t, "3", parts[0].header.Get("Retry-After"))
		require.JSONEq(t, `{"error":{"code":404}}`, string(parts[0].body))
		require.Equal(t, 200, parts[1].status)
		require.Equal(t, `{"id":"two"}`, string(parts[1].body))
		require.Nil(t, parts[2], "no answer, and one for a part we did not send")
	}
}

func TestABatchThatIsCutLosesOnlyWhatIsMissing(t *testing.T) {
	text := answer3()
	cut := text[:strings.Index(text, "HTTP/1.1 404")+20]
	parts, err := parseBatch(answerType, []byte(cut), 2)
	require.NoError(t, err)
	require.Nil(t, parts[0])
	require.NotNil(t, parts[1])
	_, err = parseBatch("application/json", []byte(`{"error":{}}`), 2)
	require.Error(t, err)
	_, err = parseBatch("multipart/mixed", nil, 2)
	require.Error(t, err)
}

// What the standard library reads as a whole answer, we read the same.
func FuzzParseBatch(f *testing.F) {
	f.Add([]byte(answer3()))
	f.Add([]byte("--batch_x-1\r\nContent-ID: item0\r\n\r\nHTTP/1.1 200\r\nContent-Length: 99\r\n\r\n{}\r\n--batch_x-1--"))
	f.Fuzz(func(t *testing.T, text []byte) {
		parts, err := parseBatch(answerType, text, 5)
		require.NoError(t, err)
		require.Len(t, parts, 5)
		for _, p := range parts {
			if p != nil {
				require.True(t, bytes.Contains(text, p.body))
			}
		}
	})
}

func FuzzBatchRoundTrip(f *testing.F) {
	f.Add(`{"id":"1"}`, `{"error":{}}`, 404)
	f.Fuzz(func(t *testing.T, one, two string, status int) {
		one, two = strings.TrimSpace(one), strings.TrimSpace(two)
		if strings.Contains(one+two, "batch_x-1") || status < 100 || status > 999 {
			return
		}
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		require.NoError(t, w.SetBoundary("batch_x-1"))
		for i, text := range []string{one, two} {
			p, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/http"}, "Content-ID": {"<response-item" + string(rune('0'+i)) + ">"}})
			require.NoError(t, err)
			code := []string{"200", strconv.Itoa(status)}[i]
			_, err = p.Write([]byte("HTTP/1.1 " + code + " x\r\nContent-Length: " + strconv.Itoa(len(text)) + "\r\n\r\n" + text + "\r\n"))
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		parts, err := parseBatch(answerType, b.Bytes(), 2)
		require.NoError(t, err)
		require.Equal(t, one, string(parts[0].body))
		require.Equal(t, two, string(parts[1].body))
		require.Equal(t, status, parts[1].status)
	})
}

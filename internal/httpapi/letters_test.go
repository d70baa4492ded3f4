package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

// TestASlowLetter: requests that announce much and bring nothing keep nobody from
// sending.
func TestASlowLetter(t *testing.T) {
	d := newDesk(t, storetest.SQLite)
	made, err := d.home.CreateAPIKey(ctx, client.NewAPIKey{Name: "slow", Scopes: []string{"mail:send"}})
	require.NoError(t, err)
	for _, key := range []string{made.Key, made.Key, "nobody's", "nobody's"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, err = fmt.Fprintf(conn, "POST /api/v1/workspaces/%s/integrations/google/gmail/send HTTP/1.1\r\nHost: rapport\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: 40000000\r\n\r\n{", d.Home, key)
		require.NoError(t, err)
	}
	soon, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	o, err := d.home.Send(soon, client.SendRequest{To: []string{apptest.Jonas}, Subject: "Quick", Text: "x"})
	require.NoError(t, err)
	d.until(o.ID, sent)
}

// TestLettersOfUnknownLength: programs that do not say how long a request is send
// small ones side by side.
func TestLettersOfUnknownLength(t *testing.T) {
	d := newDesk(t, storetest.SQLite)
	made, err := d.home.CreateAPIKey(ctx, client.NewAPIKey{Name: "chunks", Scopes: []string{"mail:send"}})
	require.NoError(t, err)
	for range 3 * lettersOfOne {
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, err = fmt.Fprintf(conn, "POST /api/v1/workspaces/%s/integrations/google/gmail/send HTTP/1.1\r\nHost: rapport\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", d.Home, made.Key)
		require.NoError(t, err)
	}
	send := func(text io.Reader) *http.Response {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL+"/api/v1/workspaces/"+d.Home+"/integrations/google/gmail/send", text)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+made.Key)
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		t.Cleanup(func() { _ = answer.Body.Close() })
		return answer
	}
	small, large := `{"to":["`+apptest.Jonas+`"],"text":"x"}`, `{"to":["`+apptest.Jonas+`"],"text":"`+strings.Repeat("x ", smallLetter)+`"}`
	require.Equal(t, http.StatusAccepted, send(io.MultiReader(strings.NewReader(small))).StatusCode)
	require.Equal(t, http.StatusAccepted, send(io.MultiReader(strings.NewReader(large))).StatusCode)

	for range lettersOfOne { // these two are large by what they bring
		body, pipe := io.Pipe()
		t.Cleanup(func() { _ = pipe.CloseWithError(io.ErrUnexpectedEOF) })
		go func() {
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, d.URL+"/api/v1/workspaces/"+d.Home+"/integrations/google/gmail/send", body)
			r.Header.Set("Authorization", "Bearer "+made.Key)
			r.Header.Set("Content-Type", "application/json")
			if answer, err := http.DefaultClient.Do(r); err == nil {
				_ = answer.Body.Close()
			}
		}()
		_, err := io.WriteString(pipe, large[:len(large)-2])
		require.NoError(t, err)
	}
	refused := send(strings.NewReader(large))
	for tries := 0; refused.StatusCode == http.StatusAccepted && tries < 50; tries++ { // what was written may not have been read yet
		refused = send(strings.NewReader(large))
	}
	require.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
	require.Equal(t, "5", refused.Header.Get("Retry-After"))
	text, err := io.ReadAll(refused.Body)
	require.NoError(t, err)
	require.Contains(t, string(text), "still on their way")
}

const (
	smallLetter  = 1 << 20
	lettersOfOne = 2
)

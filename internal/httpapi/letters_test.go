package httpapi_test

import (
	"context"
	"fmt"
	"net"
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

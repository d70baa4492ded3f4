package httpapi_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

// BenchmarkVend asks for a token that is at hand, over HTTP, on 64 lines. The
// other side is as light as can be: it shares the machine.
func BenchmarkVend(b *testing.B) {
	databases := []storetest.Database{storetest.SQLite}
	if os.Getenv("TEST_DATABASE_URL") != "" {
		databases = append(databases, storetest.PostgreSQL)
	}
	for _, d := range databases {
		b.Run(string(d), func(b *testing.B) {
			w := apptest.Start(b, d)
			owner := w.SetUp()
			key, err := owner.Workspace(w.Home).CreateAPIKey(ctx, client.NewAPIKey{Name: "bench", Scopes: []string{"tokens:vend:gmail"}})
			require.NoError(b, err)
			require.Equal(b, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
			w.Imported(owner)
			me, err := owner.Me(ctx)
			require.NoError(b, err)
			ask := []byte(fmt.Sprintf("GET /api/token/%s/gmail HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", me.User.ID, key.Key))
			b.SetParallelism(32)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				c, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
				if err != nil {
					b.Error(err)
					return
				}
				defer func() { _ = c.Close() }()
				in := bufio.NewReader(c)
				for pb.Next() {
					if err := once(c, in, ask); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "vends/s")
		})
	}
}

// once makes a request on a line and reads its good answer.
func once(c net.Conn, in *bufio.Reader, ask []byte) error {
	if _, err := c.Write(ask); err != nil {
		return err
	}
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 "+strconv.Itoa(http.StatusOK))):
			return fmt.Errorf("answered %s", line)
		case bytes.HasPrefix(line, []byte("Content-Length: ")):
			length, err = strconv.Atoi(string(bytes.TrimSpace(line[len("Content-Length: "):])))
			if err != nil {
				return err
			}
		case len(line) == 2:
			_, err = io.CopyN(io.Discard, in, int64(length))
			return err
		}
	}
}

package imapsmtp

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// from is a connection that says something in pieces.
type from struct {
	net.Conn
	r    io.Reader
	most int
}

func (f from) Read(p []byte) (int, error) { return f.r.Read(p[:min(len(p), f.most)]) }
func (f from) Close() error               { return nil }

func TestWhatAServerSendsIsBounded(t *testing.T) {
	good := "* OK hello {99999999999}\r\n" // text, and far too large: refused all the same
	for name, c := range map[string]struct {
		text string
		good bool
	}{
		"an answer":                   {"* 1 FETCH (BODY[] {5}\r\nhello UID 7)\r\na OK done\r\n", true},
		"braces within a literal":     {"* 1 FETCH (BODY[] {16}\r\nx {4294967295}\r\n UID 7)\r\n", true},
		"braces in text":              {"* OK see {12}\r\n* 1 EXISTS\r\n", true},
		"a literal too large":         {"* 1 FETCH (BODY[] {4294967295}\r\n", false},
		"digits without end":          {"* 1 FETCH (BODY[] {" + strings.Repeat("9", 25) + "}\r\n", false},
		"a large one after a good":    {"* 1 FETCH (A {3}\r\nabc B {4000000000}\r\n", false},
		"too large within a code":     {"* OK [X {4000000000}\r\n", false},
		"huge in words":               {good, false},
		"a line without end":          {"* SEARCH " + strings.Repeat("1 ", mostResponse), false},
		"many literals of one answer": {"* 1 FETCH (" + strings.Repeat("A {33554432}\r\n"+strings.Repeat("x", 32<<20), 3), false},
	} {
		for _, piece := range []int{1, 7, 1 << 20} {
			if piece < 1<<20 && len(c.text) > 1<<20 {
				continue
			}
			b := &bounded{Conn: from{r: strings.NewReader(c.text), most: piece}}
			got, err := io.ReadAll(b)
			if c.good {
				require.NoError(t, err, name)
				require.Equal(t, c.text, string(got), name)
			} else {
				require.ErrorIs(t, err, errTooMuch, name)
			}
		}
	}
}

func FuzzBoundedChangesNothing(f *testing.F) {
	f.Add([]byte("* 1 FETCH (BODY[] {5}\r\nhello UID 7)\r\n"), 3)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		b := &bounded{Conn: from{r: bytes.NewReader(data), most: max(1, piece%64)}}
		got, err := io.ReadAll(b)
		if err == nil && !bytes.Equal(got, data) {
			t.Fatal("something was changed")
		}
	})
}

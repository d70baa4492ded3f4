package imap

import (
	"encoding/base64"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"rapport/simulator/control"
	"rapport/simulator/front"
	"rapport/simulator/gmail"
	"rapport/simulator/postal"
	"rapport/simulator/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ada = "ada@lamps.example"

// anyToken is good.
type anyToken struct{}

func (anyToken) Token(string) (*front.Grant, bool) {
	return &front.Grant{Account: ada, Scopes: []string{postal.Scope}}, true
}
func (anyToken) Expires(string) (time.Time, bool) { return time.Now().Add(time.Hour), true }

func openServer(t testing.TB) *Server {
	t.Helper()
	w := world.New(1, world.NewClock(nil))
	room := gmail.New(w, nil)
	a, err := w.Accounts.Put(world.Account{Email: ada, Name: "Ada Lund"})
	require.NoError(t, err)
	require.NoError(t, room.Create(a, 3, 1))
	_, err = room.Deliver(ada, control.Message{From: "Zoe <zoe@chairs.example>", Subject: "Lamps", HTML: "<p>Ten</p>", Text: "Ten", Labels: []string{"INBOX", "Größe"},
		Attachments: []control.Attachment{{Name: "a.txt", Type: "text/plain", Data: "aGVsbG8="}}})
	require.NoError(t, err)
	s := New(&postal.Door{World: w, Tokens: anyToken{}, Mail: room, Faults: front.NewFaults(1)}, nil)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// talk signs in, opens the inbox, says more and gives what the server said, until it
// ends the connection or has said nothing more for a while.
func talk(t testing.TB, s *Server, more string, patience time.Duration) string {
	t.Helper()
	here, there := net.Pipe()
	s.serve(there, false)
	heard := make(chan string)
	go func() {
		text, _ := io.ReadAll(here)
		heard <- string(text)
	}()
	first := base64.StdEncoding.EncodeToString([]byte("user=" + ada + "\x01auth=Bearer x\x01\x01"))
	_, _ = io.WriteString(here, "A1 AUTHENTICATE XOAUTH2 "+first+"\r\nA2 SELECT INBOX\r\n"+more) // it may be closed before the end
	_, _ = io.WriteString(here, "\r\nA9 LOGOUT\r\n")
	_ = here.SetReadDeadline(time.Now().Add(patience)) // what waits for more than came
	text := <-heard
	require.NoError(t, here.Close())
	return text
}

func TestWhatCannotBeUnderstoodIsBad(t *testing.T) {
	s := openServer(t)
	for _, line := range []string{"A3", "A3 NOTHING", "A3 FETCH", "A3 FETCH 1", "A3 FETCH x FLAGS", "A3 FETCH 1 (BODY[", "A3 STORE 1 FLAGS", "A3 SEARCH", "A3 SEARCH NOT",
		"A3 UID", "A3 UID NOTHING 1", "A3 LIST", "A3 STATUS INBOX (WEATHER)", "A3 APPEND INBOX", "A3 SEARCH X-GM-MSGID twelve", "A3 AUTHENTICATE XOAUTH2 x"} {
		text := talk(t, s, line+"\r\n", 30*time.Second)
		require.Contains(t, text, "A2 OK", line)
		require.Regexp(t, `(?m)^(A3|\*) BAD`, text, line)
		require.Contains(t, text, "A9 OK", line)
	}
}

func FuzzSession(f *testing.F) {
	for _, line := range []string{"A3 UID FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY[1.2]<0.5> X-GM-LABELS)", "A3 UID SEARCH OR (SINCE 1-Jan-2020 NOT SEEN) X-GM-RAW \"has:attachment\"",
		"A3 STORE 1 +X-GM-LABELS (a \\Starred)", "A3 APPEND INBOX (\\Seen) {3+}\r\nabc", "A3 UID MOVE 1:* [Gmail]/Trash", "A3 IDLE\r\nDONE", "A3 LIST \"\" (a% *) RETURN (CHILDREN)"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if len(line) > 400 || strings.Contains(line, "{") && strings.Contains(line, "}") && !strings.Contains(line, "+}") {
			return // literals that wait
		}
		talk(t, openServer(t), line, 50*time.Millisecond)
	})
}

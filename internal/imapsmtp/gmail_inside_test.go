package imapsmtp

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/client"
	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail/accounts"
)

// scripted is a box at a server that answers each command as told. A reply that
// begins with "+" is a continuation, after which the client's line is taken.
func scripted(t *testing.T, answer func(command string) []string) *box {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() {
		defer func() { _ = theirs.Close() }()
		in := bufio.NewReader(theirs)
		_, _ = io.WriteString(theirs, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=OAUTHBEARER IDLE X-GM-EXT-1 CONDSTORE] Gimap ready\r\n")
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			tag, command, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
			for _, l := range answer(command) {
				if strings.HasPrefix(l, "+") {
					_, _ = io.WriteString(theirs, l+"\r\n")
					if line, err = in.ReadString('\n'); err != nil {
						return
					}
					answer("> " + strings.TrimRight(line, "\r\n"))
					continue
				}
				_, _ = io.WriteString(theirs, strings.ReplaceAll(l, "TAG", tag)+"\r\n")
			}
		}
	}()
	b := &box{conn: &bounded{Conn: ours}, patience: time.Minute, leave: func() {}, news: make(chan struct{}, 1),
		features: accounts.Features{Gmail: true, Condstore: true, Idle: true}, caps: map[string]bool{}}
	c, err := client.New(b.conn)
	require.NoError(t, err)
	b.c = c
	b.c.ErrorLog, b.c.Timeout = log.New(io.Discard, "", 0), time.Minute
	updates := make(chan client.Update, 8)
	b.c.Updates = updates
	go b.listen(updates)
	t.Cleanup(b.cut)
	return b
}

func TestGmailsOwnItemsAreRead(t *testing.T) {
	var asked string
	b := scripted(t, func(command string) []string {
		asked = command
		return []string{
			"* 3 FETCH (X-GM-THRID 1278455344230334865 X-GM-MSGID 1278455344230334866 X-GM-LABELS (\"\\\\Inbox\" \"\\\\Sent\" Important {11}",
			"&ZeVnLIqe-x \"Kunden/S&APw-dwest\") UID 4 RFC822.SIZE 44827 MODSEQ (12121231000) INTERNALDATE \" 2-Mar-2026 09:00:00 +0100\" FLAGS (\\Seen $NotJunk))",
			"* 9 FETCH (FLAGS (\\Seen))", // somebody else's news
			"TAG OK Success",
		}
	})
	heads, err := b.Heads(t.Context(), []uint32{4})
	require.NoError(t, err)
	require.Contains(t, asked, "X-GM-MSGID")
	require.NotContains(t, asked, "HEADER", "Gmail's number is enough")
	require.Len(t, heads, 1)
	h := heads[0]
	require.Equal(t, fmt.Sprintf("%x", uint64(1278455344230334866)), h.GmailID)
	require.Equal(t, fmt.Sprintf("%x", uint64(1278455344230334865)), h.GmailThrid)
	require.Equal(t, []string{`\Inbox`, `\Sent`, "Important", "日本語x", "Kunden/Südwest"}, h.GmailLabel)
	require.Equal(t, time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), h.Date)
	require.EqualValues(t, 44827, h.Size)
}

func TestTheTwoStepRefusalIsAnsweredAsEachMechanismWants(t *testing.T) {
	for mechanism, want := range map[string]string{xoauth2: "> ", oauthBearer: "> AQ=="} {
		var lines []string
		b := scripted(t, func(command string) []string {
			lines = append(lines, command)
			switch {
			case strings.HasPrefix(command, "AUTHENTICATE"):
				return []string{"+ eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==",
					"TAG NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"}
			}
			return []string{"TAG OK"}
		})
		begun := time.Now()
		err := b.authenticate(t.Context(), crm.MailServer{Host: "imap.gmail.com", Auth: crm.AuthOAuth2}, &bearer{mechanism: mechanism, user: "a@b.example", token: "t", host: "imap.gmail.com"})
		require.True(t, loginRefused(err), "%v", err)
		require.Less(t, time.Since(begun), 20*time.Second)
		require.Equal(t, want, lines[len(lines)-1])
	}
}

func TestGmailsWordsAreUnderstood(t *testing.T) {
	for said, kind := range map[string]fault.Kind{
		"[ALERT] Too many simultaneous connections. (Failure)":                                 fault.Throttled,
		"[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)":                  fault.Throttled,
		"[ALERT] Your account is not enabled for IMAP use. Please visit your account settings": fault.Blocked,
		"[UNAVAILABLE] Temporary System Error":                                                 fault.Unavailable,
		"[AUTHENTICATIONFAILED] Invalid credentials (Failure)":                                 fault.Reconnect,
	} {
		b := scripted(t, func(string) []string { return []string{"TAG NO " + said} })
		err := b.authenticate(t.Context(), crm.MailServer{Host: "imap.gmail.com", Auth: crm.AuthOAuth2}, &bearer{mechanism: xoauth2, user: "a@b.example", token: "t"})
		require.Equal(t, kind, fault.Of(err), said)
	}
	b := scripted(t, func(string) []string { return []string{"* BYE Session expired, please login again."} })
	_, err := b.UIDs(t.Context(), 1, 0)
	require.Equal(t, fault.Unavailable, fault.Of(err), "%v", err)
}

func TestWithoutUIDNEXTTheLastUIDTells(t *testing.T) {
	b := scripted(t, func(command string) []string {
		if strings.HasPrefix(command, "EXAMINE") {
			return []string{"* 2 EXISTS", "* OK [UIDVALIDITY 7] UIDs valid", "TAG OK [READ-ONLY] done"}
		}
		return []string{"* SEARCH 3 9", "TAG OK done"}
	})
	p, err := b.Enter(t.Context(), "INBOX")
	require.NoError(t, err)
	require.Equal(t, accounts.Position{Validity: 7, Next: 10, Exists: 2}, p)
}

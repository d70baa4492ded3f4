package simulator_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/client"
	"github.com/emersion/go-imap/utf7"
	"github.com/stretchr/testify/require"

	"rapport/simulator/gmail"
	"rapport/simulator/postal"
)

func TestAuthenticationTakesTokensAlone(t *testing.T) {
	p := openPost(t)
	for _, mechanism := range []string{"XOAUTH2", "OAUTHBEARER"} {
		c := p.dial()
		require.NoError(t, c.Authenticate(&bearer{mechanism: mechanism, user: ada, token: p.token(ada)}), mechanism)
	}
	dead := p.token(ada)
	p.OAuth.RevokeAccount(ada, "")
	for name, b := range map[string]*bearer{
		"revoked":          {user: ada, token: dead},
		"of another":       {user: bela, token: p.token(ada)},
		"of another scope": {user: ada, token: p.token(ada, "https://www.googleapis.com/auth/gmail.modify")},
		"invented":         {user: ada, token: "ya29.nothing"},
	} {
		err := p.dial().Authenticate(b)
		require.EqualError(t, err, "Invalid credentials (Failure)", name)
		require.JSONEq(t, `{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}`, string(b.challenge), name)
	}
	require.ErrorContains(t, p.dial().Login(ada, "secret"), "Application-specific password required")
	old := p.token(ada)
	p.World.Clock.Advance(time.Hour)
	require.Error(t, p.dial().Authenticate(&bearer{user: ada, token: old}), "its hour is over")
}

func TestCapabilitiesBeforeAndAfter(t *testing.T) {
	p := openPost(t)
	c := p.dial()
	before := c.run("CAPABILITY")[0]
	require.Contains(t, before, "AUTH=XOAUTH2")
	require.Contains(t, before, "SASL-IR")
	require.NotContains(t, before, "CONDSTORE")
	after := p.reader(ada).run("CAPABILITY")[0]
	for _, one := range []string{"IMAP4rev1", "X-GM-EXT-1", "CONDSTORE", "MOVE", "IDLE", "UIDPLUS", "SPECIAL-USE", "APPENDLIMIT=35651584"} {
		require.Contains(t, after, one)
	}
	require.NotContains(t, after, "QRESYNC")
	plain, err := client.Dial(p.IMAPPlainAddr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = plain.Terminate() })
	require.NoError(t, plain.StartTLS(p.tls()))
	require.NoError(t, plain.Authenticate(&bearer{user: ada, token: p.token(ada)}))
}

func TestLabelsAreFolders(t *testing.T) {
	p := openPost(t)
	id := p.deliver(ada, "Ten lamps", "INBOX", "UNREAD", "Kunden/Südwest")
	p.deliver(ada, "Rubbish", "SPAM")
	p.deliver(ada, "Archived", "STARRED")
	p.control("accounts/"+ada+"/imap", `{"language":"de"}`, 200)
	c := p.reader(ada)
	folders := strings.Join(c.run("LIST", `""`, `"*"`), "\n")
	encoded, err := utf7.Encoding.NewEncoder().String("Kunden/Südwest")
	require.NoError(t, err)
	for _, want := range []string{`\Sent) / [Gmail]/Gesendet`, `\All) / [Gmail]/Alle Nachrichten`, `\Junk) / [Gmail]/Spam`, `[Gmail]/Entw&APw-rfe`, encoded, "/ Kunden\n", `\Noselect`} {
		require.Contains(t, folders, want)
	}
	count := func(folder string) uint32 {
		s, err := c.Select(folder, true)
		require.NoError(t, err, folder)
		return s.Messages
	}
	require.EqualValues(t, 1, count("INBOX"))
	require.EqualValues(t, 1, count("Kunden/Südwest"))
	require.EqualValues(t, 1, count("[Gmail]/Spam"))
	require.EqualValues(t, 2, count("[Gmail]/Alle Nachrichten"), "each once, without spam")
	lines := c.run("UID FETCH", "1:*", "(X-GM-MSGID X-GM-THRID X-GM-LABELS FLAGS RFC822.SIZE MODSEQ)")
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], "X-GM-MSGID "+strconv.FormatUint(id, 10))
	require.Contains(t, lines[0], `X-GM-LABELS (\Inbox Kunden/S&APw-dwest)`)
	require.Contains(t, lines[1], `\Starred`)
	require.Contains(t, lines[1], `\Seen`)
}

func TestFoldersOfAnAccountOfTheSeedAreInItsLanguage(t *testing.T) {
	p := openPost(t)
	for range 2 {
		require.Contains(t, strings.Join(p.reader(bela).run("LIST", `""`, `"*"`), "\n"), "[Gmail]/Tous les messages")
		p.control("accounts/"+bela+"/imap", `{"language":"es"}`, 200)
		p.control("reset", "", 200)
	}
}

func TestBodiesEnvelopesAndSearch(t *testing.T) {
	p := openPost(t)
	for i := range 5 {
		p.deliver(ada, fmt.Sprintf("Lamp %d", i))
	}
	c := p.reader(ada)
	s, err := c.Select("INBOX", false)
	require.NoError(t, err)
	require.EqualValues(t, 6, s.UidNext)
	require.NotZero(t, s.UidValidity)
	messages := make(chan *imap.Message, 10)
	whole := &imap.BodySectionName{Peek: true}
	set, _ := imap.ParseSeqSet("1:*")
	require.NoError(t, c.UidFetch(set, []imap.FetchItem{imap.FetchEnvelope, imap.FetchBodyStructure, imap.FetchFlags, imap.FetchInternalDate, whole.FetchItem()}, messages))
	n := 0
	for m := range messages {
		require.Equal(t, fmt.Sprintf("Lamp %d", n), m.Envelope.Subject)
		require.Equal(t, "text", m.BodyStructure.MIMEType)
		require.NotContains(t, m.Flags, imap.SeenFlag)
		text, err := io.ReadAll(m.GetBody(whole))
		require.NoError(t, err)
		require.Contains(t, string(text), fmt.Sprintf("About Lamp %d", n))
		n++
	}
	require.Equal(t, 5, n)
	require.Equal(t, []string{"* SEARCH 3"}, c.run("UID SEARCH", `X-GM-RAW "subject:(lamp 2)"`))
	require.Equal(t, []string{"* SEARCH 4 5"}, c.run("UID SEARCH", "UID 4:*"))
	require.Equal(t, []string{"* SEARCH 1 2 3 4 5"}, c.run("UID SEARCH", "SINCE 20-Nov-2026 UNSEEN"))
	require.Equal(t, []string{"* SEARCH"}, c.run("UID SEARCH", "SINCE 21-Nov-2026"))
	require.Contains(t, c.run("UID SEARCH", "RETURN (MIN MAX COUNT) ALL")[0], "5")
	head := c.run("UID FETCH", "2", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[]<0.10>)")[0]
	require.Contains(t, head, "Subject: ")
	require.NotContains(t, head, "Message-ID")
	require.Contains(t, head, "BODY[]<0>")
	c.run("UID FETCH", "1", "BODY[]")
	require.Equal(t, []string{"* SEARCH 1"}, c.run("UID SEARCH", "SEEN"), "reading marks as read, peeking does not")
}

func TestWhatImapChangesTheApiSees(t *testing.T) {
	p := openPost(t)
	id := p.deliver(ada, "Ten lamps")
	before := p.api(ada, "profile")["historyId"]
	c := p.reader(ada)
	_, err := c.Select("INBOX", false)
	require.NoError(t, err)
	c.run("UID STORE", "1", `+FLAGS (\Seen \Flagged)`)
	c.run("UID STORE", "1", `+X-GM-LABELS (Kunden)`)
	message := p.api(ada, fmt.Sprintf("messages/%016x?format=minimal", id))
	require.Equal(t, []any{"STARRED", "INBOX", "Label_1"}, message["labelIds"])
	require.Len(t, p.api(ada, "history?startHistoryId="+before.(string))["history"], 2)
	lines := c.run("UID MOVE", "1", "[Gmail]/Trash")
	require.Contains(t, strings.Join(lines, "\n"), "COPYUID")
	require.Contains(t, strings.Join(lines, "\n"), "EXPUNGE")
	require.Contains(t, p.api(ada, fmt.Sprintf("messages/%016x?format=minimal", id))["labelIds"], "TRASH")
	_, status := c.try("UID STORE", "1:*", `+X-GM-LABELS (\Sent)`)
	require.Equal(t, imap.StatusRespOk, status.Type, "no message: nothing is refused")

	require.NoError(t, c.Append("[Gmail]/Sent Mail", []string{imap.SeenFlag}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		bytes.NewReader([]byte("From: "+ada+"\r\nTo: zoe@chairs.example\r\nSubject: By hand\r\n\r\nHello.\r\n"))))
	found := p.api(ada, "messages?q=subject:hand")["messages"].([]any)
	require.Len(t, found, 1)
	require.Equal(t, []any{"SENT"}, p.api(ada, "messages/"+found[0].(map[string]any)["id"].(string))["labelIds"])
}

func TestChangedSinceTellsOnlyWhatChanged(t *testing.T) {
	p := openPost(t)
	p.deliver(ada, "One")
	id := p.deliver(ada, "Two")
	c := p.reader(ada)
	modseq := func() uint64 {
		for _, l := range c.run("SELECT", `"[Gmail]/All Mail"`, "(CONDSTORE)") {
			if _, rest, ok := strings.Cut(l, "HIGHESTMODSEQ ["); ok {
				n, err := strconv.ParseUint(strings.TrimSuffix(strings.Fields(rest)[0], "]]"), 10, 64)
				require.NoError(t, err)
				return n
			}
		}
		t.Fatal("no HIGHESTMODSEQ")
		return 0
	}
	at := modseq()
	require.Empty(t, c.run("UID FETCH", "1:*", "(FLAGS)", fmt.Sprintf("(CHANGEDSINCE %d)", at)))
	other := p.reader(ada)
	_, err := other.Select("INBOX", false)
	require.NoError(t, err)
	other.run("UID STORE", "2", `+FLAGS (\Seen)`)
	lines := c.run("UID FETCH", "1:*", "(FLAGS X-GM-MSGID)", fmt.Sprintf("(CHANGEDSINCE %d)", at))
	require.Contains(t, strings.Join(lines, "\n"), strconv.FormatUint(id, 10))
	require.Greater(t, modseq(), at)
}

func TestIdleHearsOfMail(t *testing.T) {
	p := openPost(t)
	c := p.reader(ada)
	_, err := c.Select("INBOX", false)
	require.NoError(t, err)
	updates := make(chan client.Update, 10)
	c.Updates = updates
	c.Timeout = 0
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- c.Idle(stop, nil) }()
	p.deliver(ada, "Ten lamps") // before or after IDLE began: it is told either way
	u, ok := (<-updates).(*client.MailboxUpdate)
	require.True(t, ok)
	require.EqualValues(t, 1, u.Mailbox.Messages)
	close(stop)
	require.NoError(t, <-done)
}

func TestSessionsEndWithTheirToken(t *testing.T) {
	p := openPost(t)
	waiting := p.reader(ada)
	p.World.Clock.Advance(30 * time.Minute)
	require.NoError(t, waiting.Noop())
	p.World.Clock.Advance(time.Hour)
	<-waiting.LoggedOut()
	revoked := p.reader(ada)
	p.OAuth.RevokeAccount(ada, "")
	require.Error(t, revoked.Noop())
}

func TestConnectionsAreCounted(t *testing.T) {
	p := openPost(t)
	var first *reader
	for i := range 15 {
		r := p.reader(ada)
		if i == 0 {
			first = r
		}
	}
	err := p.dial().Authenticate(&bearer{user: ada, token: p.token(ada)})
	require.EqualError(t, err, "Too many simultaneous connections. (Failure)")
	p.reader(bela)
	require.NoError(t, first.Logout())
	require.Eventually(t, func() bool { return len(p.IMAP().Sessions(ada)) == 14 }, 30*time.Second, time.Millisecond)
	p.reader(ada)
	require.Equal(t, []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, p.IMAP().Sessions(ada), "who was refused is none")
	p.control("accounts/"+bela+"/imap", `{"connections":1}`, 200)
	require.Error(t, p.dial().Authenticate(&bearer{user: bela, token: p.token(bela)}))
	p.control("accounts/"+bela+"/imap", `{"disabled":true}`, 200)
	require.ErrorContains(t, p.dial().Authenticate(&bearer{user: bela, token: p.token(bela)}), "not enabled for IMAP use")
	p.control("accounts/"+bela+"/imap", `{"language":"xx"}`, 400)
}

func TestUidValidityChanges(t *testing.T) {
	p := openPost(t)
	p.deliver(ada, "One")
	c := p.reader(ada)
	before, err := c.Select("INBOX", false)
	require.NoError(t, err)
	p.control("accounts/"+ada+"/imap/uidvalidity", `{"folder":"INBOX"}`, 200)
	require.Error(t, c.Noop(), "who is in the folder has to come again")
	after, err := p.reader(ada).Select("INBOX", false)
	require.NoError(t, err)
	require.Greater(t, after.UidValidity, before.UidValidity)
	p.control("accounts/"+ada+"/imap/uidvalidity", `{"folder":"Nowhere"}`, 400)
}

func TestFaultsReachImap(t *testing.T) {
	p := openPost(t)
	p.deliver(ada, "One")
	c := p.reader(ada)
	_, err := c.Select("INBOX", false)
	require.NoError(t, err)
	p.control("faults", `{"api":"imap","method":"fetch","times":1}`, 200)
	_, status := c.try("UID FETCH", "1", "FLAGS")
	require.Equal(t, imap.StatusRespNo, status.Type)
	c.run("UID FETCH", "1", "FLAGS")
	p.control("faults", `{"api":"imap","kind":"cut","times":1}`, 200)
	require.Error(t, c.Noop())
}

func TestDraftsOfMailProgramsAreDraftsOfTheApi(t *testing.T) {
	p := openPost(t)
	c := p.reader(ada)
	require.NoError(t, c.Append("[Gmail]/Drafts", []string{imap.SeenFlag, imap.DraftFlag}, time.Now(), bytes.NewReader([]byte("Subject: Half a letter\r\n\r\nDear\r\n"))))
	require.Len(t, p.api(ada, "drafts")["drafts"], 1)
}

func TestExpungeLeavesTheMessageInAllMail(t *testing.T) {
	p := openPost(t)
	id := p.deliver(ada, "One")
	p.deliver(ada, "Two", "TRASH")
	c := p.reader(ada)
	_, err := c.Select("INBOX", false)
	require.NoError(t, err)
	c.run("UID STORE", "1", `+FLAGS.SILENT (\Deleted)`)
	require.Contains(t, c.run("UID EXPUNGE", "1"), "* 1 EXPUNGE")
	require.NotContains(t, p.api(ada, fmt.Sprintf("messages/%016x", id))["labelIds"], "INBOX")
	_, err = c.Select("[Gmail]/Trash", false)
	require.NoError(t, err)
	c.run("STORE", "1", `+FLAGS (\Deleted)`)
	c.run("EXPUNGE")
	require.EqualValues(t, 1, p.api(ada, "profile")["messagesTotal"], "out of trash it is deleted for good")
}

func TestFoldersAreMadeRenamedAndDeleted(t *testing.T) {
	p := openPost(t)
	c := p.reader(ada)
	require.NoError(t, c.Create("Kunden/Südwest"))
	require.Error(t, c.Create("Kunden/Südwest"))
	require.Error(t, c.Create("[Gmail]/Mine"))
	require.NoError(t, c.Rename("Kunden/Südwest", "Kunden/West"))
	require.Error(t, c.Delete("[Gmail]/Spam"))
	labels := fmt.Sprint(p.api(ada, "labels"))
	require.Contains(t, labels, "Kunden/West")
	require.NoError(t, c.Delete("Kunden/West"))
	_, err := c.Select("Kunden/West", false)
	require.ErrorContains(t, err, "Unknown Mailbox")
}

func TestSessionsAtOnceSeeTheSameMailbox(t *testing.T) {
	p := openPost(t)
	for i := range 20 {
		p.deliver(ada, fmt.Sprintf("Lamp %d", i))
	}
	const workers = 6
	readers := make([]*reader, workers)
	for i := range readers {
		readers[i] = p.reader(ada)
		_, err := readers[i].Select([]string{"INBOX", "[Gmail]/All Mail"}[i%2], false)
		require.NoError(t, err)
	}
	var busy sync.WaitGroup
	for i, r := range readers {
		busy.Go(func() {
			for n := range 25 {
				uid := strconv.Itoa(1 + (i*7+n)%20)
				for _, c := range [][]any{{"UID STORE", uid, `+FLAGS (\Seen)`}, {"UID STORE", uid, `-X-GM-LABELS (Moved)`}, {"UID FETCH", uid, "(FLAGS X-GM-LABELS)"}, {"NOOP"}} {
					if _, err := r.Execute(&imap.Command{Name: c[0].(string), Arguments: asWritten(c[1:])}, nil); err != nil {
						t.Errorf("%v: %v", c, err)
						return
					}
				}
				if i == 0 && n%5 == 0 {
					p.deliver(ada, fmt.Sprintf("More %d", n))
				}
			}
		})
	}
	busy.Wait()
	box, ok := p.Mail.(postal.Mailboxes).Mailbox(ada)
	require.True(t, ok)
	unread := 0
	box.All(func(s gmail.Summary) {
		if slices.Contains(s.Labels, "UNREAD") {
			unread++
		}
	})
	for _, r := range readers {
		require.NoError(t, r.Noop())
		require.EqualValues(t, 25, r.Mailbox().Messages)
		require.Contains(t, r.run("UID SEARCH", "RETURN (COUNT) UNSEEN")[0], fmt.Sprintf("COUNT %d", unread))
	}
	require.Equal(t, 5, unread, "those that came meanwhile")
	require.NotContains(t, fmt.Sprint(p.api(ada, "labels")), "Moved", "taking a label away makes none")
}

func asWritten(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = imap.RawString(a.(string))
	}
	return out
}

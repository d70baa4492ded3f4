package accounts_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/accounts"
	"rapport/internal/store/storetest"
)

// gmail is a mailbox as Gmail shows it by IMAP: All Mail holds each message once,
// with its labels.
type gmail struct {
	list   []message
	next   uint32
	modseq uint64
	opened int
	during func() // happens while bodies are read
}

type message struct {
	uid    uint32
	id     uint64
	labels []string
	flags  []string
	raw    []byte
	modseq uint64
}

// put puts a message into the mailbox, or changes the one with the id.
func (g *gmail) put(id uint64, n int, flags []string, labels ...string) {
	g.modseq++
	for i := range g.list {
		if g.list[i].id == id {
			g.list[i].labels, g.list[i].flags, g.list[i].modseq = labels, flags, g.modseq
			return
		}
	}
	g.next++
	g.list = append(g.list, message{g.next, id, labels, flags, letter(n), g.modseq})
}

func (g *gmail) drop(id uint64) {
	g.modseq++
	g.list = slices.DeleteFunc(g.list, func(m message) bool { return m.id == id })
}

func (g *gmail) Open(context.Context, accounts.Login) (accounts.Box, error) {
	g.opened++
	return gmailBox{gmail: g}, nil
}
func (g *gmail) Send(context.Context, accounts.Login, accounts.Envelope, []byte) error { return nil }
func (g *gmail) Examine(context.Context, accounts.Login, accounts.Login) []accounts.Step {
	return nil
}

type gmailBox struct {
	*gmail
	accounts.Box
}

func (b gmailBox) Features() accounts.Features {
	return accounts.Features{Gmail: true, Condstore: true, Idle: true}
}

func (b gmailBox) Folders(context.Context) ([]accounts.Folder, error) {
	return []accounts.Folder{{Name: "INBOX"}, {Name: "[Gmail]", Closed: true}, {Name: "[Gmail]/Alle Nachrichten", Roles: []string{accounts.RoleAll}},
		{Name: "[Gmail]/Gesendet", Roles: []string{accounts.RoleSent}}, {Name: "[Gmail]/Spam", Roles: []string{accounts.RoleJunk}}}, nil
}

func (b gmailBox) Enter(_ context.Context, folder string) (accounts.Position, error) {
	if folder != "[Gmail]/Alle Nachrichten" {
		return accounts.Position{}, fault.New(fault.NotFound, "only All Mail is read")
	}
	return accounts.Position{Validity: 1, Next: b.next + 1, Exists: uint32(len(b.list)), ModSeq: b.modseq}, nil
}

func (b gmailBox) UIDs(_ context.Context, first, last uint32) (out []uint32, err error) {
	for _, m := range b.list {
		if m.uid >= first && (last == 0 || m.uid <= last) {
			out = append(out, m.uid)
		}
	}
	return out, nil
}

func (m message) head() accounts.Head {
	return accounts.Head{UID: m.uid, Flags: m.flags, Date: time.Date(2026, 3, 1, 9, 0, int(m.uid), 0, time.UTC), Size: int64(len(m.raw)),
		GmailID: strconv.FormatUint(m.id, 16), GmailThrid: strconv.FormatUint(m.id, 16), GmailLabel: m.labels}
}

func (b gmailBox) Heads(_ context.Context, uids []uint32) (out []accounts.Head, err error) {
	for _, m := range b.list {
		if slices.Contains(uids, m.uid) {
			out = append(out, m.head())
		}
	}
	return out, nil
}

func (b gmailBox) Sizes(ctx context.Context, uids []uint32) ([]accounts.Head, error) {
	return nil, fmt.Errorf("at Gmail the number of a message costs nothing")
}

func (b gmailBox) Flags(_ context.Context, first, last uint32, since uint64) (out []accounts.Head, err error) {
	for _, m := range b.list {
		if m.uid >= first && m.uid <= last && m.modseq > since {
			out = append(out, m.head())
		}
	}
	return out, nil
}

func (b gmailBox) Bodies(_ context.Context, heads []accounts.Head, yield func(uint32, []byte) error) error {
	if b.during != nil {
		b.during()
	}
	for _, h := range heads {
		for _, m := range b.list {
			if m.uid == h.UID {
				if err := yield(m.uid, m.raw); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b gmailBox) Idle(ctx context.Context) error                          { <-ctx.Done(); return nil }
func (b gmailBox) Append(context.Context, string, time.Time, []byte) error { return nil }
func (b gmailBox) Close()                                                  {}

// atGmail is a world whose user has a Google connection and an account beside it.
func atGmail(t *testing.T, d storetest.Database, api bool) (*world, *gmail, crm.Connection) {
	w := newWorld(t, d)
	g := &gmail{}
	w.Servers = g
	w.user = "ada@northwind-lamps.example"
	conn := w.Connect(w.Home, w.Ada, "ada", func(c *crm.Connection) {
		c.GrantedScopes, c.GmailSync, c.Settings.Labels = []string{accounts.ScopeMail}, api, []string{"INBOX", "SENT", "Label_7"}
	})
	require.NoError(t, w.SaveLabels(context.Background(), conn.ID, []crm.Label{{ID: "INBOX", Name: "INBOX", Type: "system"}, {ID: "Label_7", Name: "Kunden/Südwest", Type: "user"}}))
	return w, g, conn
}

// byAPI is what the Gmail API's stream writes.
func (w *world) byAPI(conn crm.Connection, mark string, changes ...engine.Change[mail.Item]) {
	w.t.Helper()
	k := mail.Key{Workspace: w.Home, Connection: conn.ID, Owner: w.Ada.ID, Stream: crm.StreamGmailHistory}
	from, err := w.Store.Load(context.Background(), k)
	require.NoError(w.t, err)
	_, err = w.Store.Apply(context.Background(), k, from, engine.Batch[mail.Item]{Changes: changes, At: engine.Checkpoint{Mark: engine.Cursor(mark), Pass: 1}})
	require.NoError(w.t, err)
}

func apiMessage(id uint64, n int, rev uint64, labels ...string) engine.Change[mail.Item] {
	hex := strconv.FormatUint(id, 16)
	return engine.Change[mail.Item]{ID: hex, Rev: strconv.FormatUint(rev, 10), Value: &mail.Item{ThreadID: hex, Email: &crm.Email{
		GmailID: hex, ThreadID: hex, Subject: fmt.Sprintf("Lamp %d", n), Labels: labels, Date: time.Date(2026, 3, 1, 9, 0, n, 0, time.UTC), HistoryID: rev,
	}}}
}

func TestAMailboxSyncedBothWaysIsNotDoubled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w, g, conn := atGmail(t, d, true)
		const base = uint64(0x18c2f00000000000)
		for i := range 6 {
			g.put(base+uint64(i), i, []string{`\Seen`}, `\Inbox`)
		}
		w.byAPI(conn, "100", apiMessage(base, 0, 90, "INBOX"), apiMessage(base+1, 1, 91, "INBOX", "UNREAD"), apiMessage(base+2, 2, 92, "INBOX"))
		w.byAPI(conn, "110", engine.Change[mail.Item]{ID: strconv.FormatUint(base+2, 16), Rev: "105"}) // deleted at Gmail, which IMAP has not noticed
		v := w.add(gmailWish)
		require.Equal(t, conn.ID, v.ConnectionID)
		w.sync(v.ID)
		seen := w.inbox(conn.ID)
		require.Len(t, seen, 5, "two the API brought, three IMAP did, and the deleted one stays deleted")
		require.Equal(t, []string{"INBOX", "UNREAD"}, seen["Lamp 1"], "the API says what becomes of messages")

		at, err := w.Store.Load(context.Background(), mail.Key{Workspace: w.Home, Connection: conn.ID, Stream: crm.StreamGmailHistory})
		require.NoError(t, err)
		require.EqualValues(t, "110", at.Mark)
		w.byAPI(conn, "120", apiMessage(base+4, 4, 115, "INBOX", "STARRED"))
		w.sync(v.ID)
		seen = w.inbox(conn.ID)
		require.Len(t, seen, 5)
		require.Equal(t, []string{"INBOX", "STARRED"}, seen["Lamp 4"])

		g.put(base+9, 9, nil, `\Inbox`, "Kunden/Südwest")
		g.put(base+10, 10, nil, "Newsletters") // a label that is not chosen
		g.drop(base)
		w.sync(v.ID)
		seen = w.inbox(conn.ID)
		require.Equal(t, []string{"INBOX", "Label_7", "UNREAD"}, seen["Lamp 9"])
		require.NotContains(t, seen, "Lamp 10")
		require.Contains(t, seen, "Lamp 0", "until the API says so too")

		g.put(base+11, 11, nil, `\Inbox`)
		g.during = func() { w.byAPI(conn, "140") } // it passes changes of a message that is not stored yet
		w.sync(v.ID)
		g.during = nil
		at, err = w.Store.Load(context.Background(), mail.Key{Workspace: w.Home, Connection: conn.ID, Stream: crm.StreamGmailHistory})
		require.NoError(t, err)
		require.EqualValues(t, "120", at.Mark, "the API looks again at what it passed meanwhile")
	})
}

func TestGmailByIMAPAlone(t *testing.T) {
	w, g, conn := atGmail(t, storetest.SQLite, false)
	for i := range 4 {
		g.put(uint64(1000+i), i, nil, `\Inbox`, "Kunden/Südwest")
	}
	v := w.add(gmailWish)
	w.sync(v.ID)
	require.Equal(t, []string{"INBOX", "Label_7", "UNREAD"}, w.inbox(conn.ID)["Lamp 2"])
	g.put(1002, 2, []string{`\Seen`, `\Flagged`}, "Kunden/Südwest", `\Important`)
	g.drop(1003)
	w.sync(v.ID)
	seen := w.inbox(conn.ID)
	require.Equal(t, []string{"IMPORTANT", "Label_7", "STARRED"}, seen["Lamp 2"])
	require.NotContains(t, seen, "Lamp 3")
	require.Len(t, seen, 3)
}

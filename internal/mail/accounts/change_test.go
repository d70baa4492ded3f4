package accounts_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-imap"
	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/accounts"
	"rapport/internal/store/storetest"
	"rapport/internal/work"
)

// writer is the part of the mail room that changes mail.
type writer struct {
	*world
	mail *mail.Service
	conn crm.ConnectionID
	id   crm.AccountID
}

// onServer opens the mailbox of an account for changing, as internal/app does.
type onServer struct {
	mail.Mailbox
	mail.Changer
	*world
	conn crm.Connection
}

func (o onServer) Open(_ context.Context, c crm.Connection, _ mail.Priority) (mail.Mailbox, error) {
	return onServer{world: o.world, conn: c}, nil
}

func (o onServer) Modify(ctx context.Context, ids []string, d mail.Delta) ([]string, error) {
	return o.Service.Modify(ctx, o.conn, ids, d)
}

var folders = []string{"Archive", "Junk", "Kunden"}

// newWriter is an account with the letters 1 to n in the inbox and every folder that
// changes need; what an account follows by itself is inbox and sent mail.
func newWriter(t *testing.T, d storetest.Database, n int, change ...func(*accounts.Wish)) *writer {
	t.Helper()
	w := &writer{world: newWorld(t, d)}
	c := w.other()
	for _, f := range folders {
		require.NoError(t, c.Create(f))
	}
	for i := range n {
		deliver(t, c, "INBOX", letter(i+1))
	}
	v := w.add(change...)
	w.conn, w.id = v.ConnectionID, v.ID
	w.sync(v.ID)
	w.mail = &mail.Service{Mailboxes: onServer{world: w.world}, Emails: w.Store, Connections: w.Store, Changes: w.Store, Queue: w.Store, Now: w.Clock.Now, Random: rand.Reader}
	return w
}

func following(names ...string) func(*accounts.Wish) {
	return func(w *accounts.Wish) { w.Folders = names }
}

// ask asks for a change of the letters with these subjects.
func (w *writer) ask(action crm.ChangeAction, label string, subjects ...string) (crm.Change, error) {
	wish := mail.Wish{Connection: w.conn, Action: action, Label: label}
	for _, s := range subjects {
		wish.Emails = append(wish.Emails, w.emailID(s))
	}
	return w.mail.ChangeMail(context.Background(), w.caller(), wish)
}

func (w *writer) emailID(subject string) crm.EmailID {
	w.t.Helper()
	rows, err := w.Store.DB().QueryContext(context.Background(), "SELECT id FROM synced_emails WHERE subject = '"+subject+"' AND integration_id = '"+string(w.conn)+"'")
	require.NoError(w.t, err)
	defer func() { _ = rows.Close() }()
	var id crm.EmailID
	n := 0
	for rows.Next() {
		require.NoError(w.t, rows.Scan(&id))
		n++
	}
	require.NoError(w.t, rows.Err())
	require.Equal(w.t, 1, n, subject)
	return id
}

// write writes what waits to the server.
func (w *writer) write() error {
	i := slices.IndexFunc(w.mail.Definitions(), func(d work.Definition) bool { return d.Kind == mail.KindChange })
	for range 50 {
		more, err := w.mail.Definitions()[i].Step(context.Background(), string(w.conn))
		if err != nil || !more {
			return err
		}
	}
	return errors.New("it does not end")
}

// do asks for a change and writes it.
func (w *writer) do(action crm.ChangeAction, label string, subjects ...string) crm.Change {
	w.t.Helper()
	c, err := w.ask(action, label, subjects...)
	require.NoError(w.t, err)
	require.NoError(w.t, w.write())
	c, err = w.Store.ChangeOf(context.Background(), w.Home, w.Ada.ID, c.ID)
	require.NoError(w.t, err)
	return c
}

// labels are those a letter is shown with, nil when it is not there.
func (w *writer) labels(subject string) []string {
	w.t.Helper()
	e, err := w.Store.Email(context.Background(), w.caller(), w.emailID(subject))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	require.NoError(w.t, err)
	return e.Labels
}

// onTheServer says what lies in the folders: "INBOX: Lamp 1 \Seen".
func (w *writer) onTheServer() []string {
	w.t.Helper()
	c := w.other()
	defer func() { _ = c.Logout() }()
	out := []string{}
	for _, f := range append([]string{"INBOX", "Papierkorb"}, folders...) {
		box, err := c.Select(f, true)
		require.NoError(w.t, err)
		if box.Messages == 0 {
			continue
		}
		set := new(imap.SeqSet)
		set.AddRange(1, box.Messages)
		list := make(chan *imap.Message, 100)
		require.NoError(w.t, c.Fetch(set, []imap.FetchItem{imap.FetchEnvelope, imap.FetchFlags}, list))
		for m := range list {
			flags := slices.DeleteFunc(m.Flags, func(f string) bool { return f == imap.RecentFlag })
			slices.Sort(flags)
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s: %s %s", f, m.Envelope.Subject, strings.Join(flags, " "))))
		}
	}
	slices.Sort(out)
	return out
}

func label(folder string) string { return accounts.LabelOf(folder) }

func TestChangesAreWrittenToTheServer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWriter(t, d, 3)
		require.Equal(t, []string{"INBOX", "UNREAD"}, w.labels("Lamp 1"))
		same := func(why string, want map[string][]string, lie ...string) {
			t.Helper()
			require.Equal(t, lie, w.onTheServer(), why)
			for range 2 { // what the server says then is what was shown before
				for s, l := range want {
					require.Equal(t, l, w.labels(s), "%s: %s", why, s)
				}
				w.sync(w.id)
			}
			w.Consistent()
		}

		waits, err := w.ask(crm.ActionRead, "", "Lamp 1", "Lamp 2")
		require.NoError(t, err)
		require.Equal(t, crm.ChangeWaiting, waits.State)
		require.Equal(t, []string{"INBOX"}, w.labels("Lamp 1"), "shown at once")
		w.sync(w.id)
		require.Equal(t, []string{"INBOX"}, w.labels("Lamp 1"), "what the server still says does not undo it")
		require.NoError(t, w.write())
		done, err := w.Store.ChangeOf(context.Background(), w.Home, w.Ada.ID, waits.ID)
		require.NoError(t, err)
		require.Equal(t, crm.ChangeDone, done.State)
		same("read", map[string][]string{"Lamp 1": {"INBOX"}, "Lamp 3": {"INBOX", "UNREAD"}}, `INBOX: Lamp 1 \Seen`, `INBOX: Lamp 2 \Seen`, `INBOX: Lamp 3`)

		w.do(crm.ActionUnread, "", "Lamp 2")
		w.do(crm.ActionStar, "", "Lamp 3")
		same("flags", map[string][]string{"Lamp 2": {"INBOX", "UNREAD"}, "Lamp 3": {"INBOX", "STARRED", "UNREAD"}}, `INBOX: Lamp 1 \Seen`, `INBOX: Lamp 2`, `INBOX: Lamp 3 \Flagged`)
		w.do(crm.ActionUnstar, "", "Lamp 3")

		archived := w.do(crm.ActionArchive, "", "Lamp 1", "Lamp 2")
		require.Equal(t, crm.ChangeDone, archived.State)
		same("archive", map[string][]string{"Lamp 1": {label("Archive")}, "Lamp 2": {label("Archive"), "UNREAD"}}, `Archive: Lamp 1 \Seen`, `Archive: Lamp 2`, `INBOX: Lamp 3`)

		binned := w.do(crm.ActionTrash, "", "Lamp 2", "Lamp 3")
		same("trash", map[string][]string{"Lamp 2": {"TRASH", "UNREAD"}, "Lamp 3": {"TRASH", "UNREAD"}}, `Archive: Lamp 1 \Seen`, `Papierkorb: Lamp 2`, `Papierkorb: Lamp 3`)

		for _, c := range []crm.Change{binned, archived} {
			undone, err := w.mail.UndoChange(context.Background(), w.caller(), c.ID)
			require.NoError(t, err)
			require.NotEmpty(t, undone)
			require.NoError(t, w.write())
		}
		same("both undone", map[string][]string{"Lamp 1": {"INBOX"}, "Lamp 2": {"INBOX", "UNREAD"}}, `INBOX: Lamp 1 \Seen`, `INBOX: Lamp 2`, `INBOX: Lamp 3`)

		w.do(crm.ActionSpam, "", "Lamp 3")
		same("spam", map[string][]string{"Lamp 3": {"SPAM", "UNREAD"}}, `INBOX: Lamp 1 \Seen`, `INBOX: Lamp 2`, `Junk: Lamp 3`)
		w.do(crm.ActionNotSpam, "", "Lamp 3")
		same("no spam", map[string][]string{"Lamp 3": {"INBOX", "UNREAD"}}, `INBOX: Lamp 1 \Seen`, `INBOX: Lamp 2`, `INBOX: Lamp 3`)

		// One that is taken back before it was sent never is.
		taken, err := w.ask(crm.ActionTrash, "", "Lamp 1")
		require.NoError(t, err)
		_, err = w.mail.UndoChange(context.Background(), w.caller(), taken.ID)
		require.NoError(t, err)
		require.NoError(t, w.write())
		same("taken back", map[string][]string{"Lamp 1": {"INBOX"}}, `INBOX: Lamp 1 \Seen`, `INBOX: Lamp 2`, `INBOX: Lamp 3`)
	})
}

func TestLabelsAreFoldersOnTheServer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWriter(t, d, 2, following("INBOX", "Kunden"))
		kunden := label("Kunden")
		w.do(crm.ActionAddLabel, kunden, "Lamp 1")
		require.Equal(t, []string{"INBOX: Lamp 1", "INBOX: Lamp 2", "Kunden: Lamp 1"}, w.onTheServer())
		w.sync(w.id)
		require.Equal(t, []string{"INBOX", kunden, "UNREAD"}, w.labels("Lamp 1"))
		w.do(crm.ActionRead, "", "Lamp 1")
		require.Equal(t, []string{`INBOX: Lamp 1 \Seen`, "INBOX: Lamp 2", `Kunden: Lamp 1 \Seen`}, w.onTheServer(), "every copy is read")
		w.do(crm.ActionRemoveLabel, kunden, "Lamp 1")
		require.Equal(t, []string{`INBOX: Lamp 1 \Seen`, "INBOX: Lamp 2"}, w.onTheServer(), "its copy is taken away, as it lies elsewhere")

		w.do(crm.ActionAddLabel, kunden, "Lamp 1")
		w.do(crm.ActionArchive, "", "Lamp 1")
		require.Equal(t, []string{`Archive: Lamp 1 \Seen`, "INBOX: Lamp 2", `Kunden: Lamp 1 \Seen`}, w.onTheServer())
		w.do(crm.ActionTrash, "", "Lamp 1")
		require.Equal(t, []string{"INBOX: Lamp 2", `Papierkorb: Lamp 1 \Seen`, `Papierkorb: Lamp 1 \Seen`}, w.onTheServer(), "nothing of it is left elsewhere")
		w.sync(w.id)
		require.Equal(t, []string{"TRASH"}, w.labels("Lamp 1"))
		w.Consistent()

		_, err := w.ask(crm.ActionAddLabel, "Label_nothing", "Lamp 2")
		require.Equal(t, fault.Invalid, fault.Of(err))
		_, err = w.ask(crm.ActionAddLabel, "IMPORTANT", "Lamp 2")
		require.Equal(t, fault.Invalid, fault.Of(err))
	})
}

func TestRefusedByTheServer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := newWriter(t, d, 3)
		c := w.other()
		before := w.onTheServer()
		no := w.do(crm.ActionAddLabel, label("Kunden"), "Lamp 1")
		require.Equal(t, crm.ChangeRefused, no.State)
		require.Contains(t, no.Reason, "not among those that Rapport follows")
		require.Equal(t, before, w.onTheServer())
		require.Equal(t, []string{"INBOX", "UNREAD"}, w.labels("Lamp 1"), "as it was")

		require.NoError(t, c.Delete("Archive"))
		no = w.do(crm.ActionArchive, "", "Lamp 1")
		require.Equal(t, crm.ChangeRefused, no.State)
		require.Contains(t, no.Reason, "no folder for archived mail")
		require.NoError(t, c.Create("Archive"))

		w.expunge(c, "INBOX", "Lamp 2")
		half := w.do(crm.ActionTrash, "", "Lamp 1", "Lamp 2")
		require.Equal(t, crm.ChangeRefused, half.State)
		require.Equal(t, "The mail server does not have 1 of these 2 messages any more.", half.Reason)
		require.Equal(t, []string{"INBOX: Lamp 3", "Papierkorb: Lamp 1"}, w.onTheServer())
		w.sync(w.id)
		require.Equal(t, []string{"TRASH", "UNREAD"}, w.labels("Lamp 1"))
		require.Nil(t, w.labels("Lamp 2"))
		w.Consistent()
	})
}

// withoutMove is a server that has no MOVE.
type withoutMove struct{ accounts.Servers }

func (s withoutMove) Open(ctx context.Context, l accounts.Login) (accounts.Box, error) {
	b, err := s.Servers.Open(ctx, l)
	if err != nil {
		return nil, err
	}
	return plainBox{b}, nil
}

type plainBox struct{ accounts.Box }

func (b plainBox) Features() accounts.Features {
	f := b.Box.Features()
	f.Move = false
	return f
}

// TestChangesAreMadeOnce cuts the connection at everything that is said to the server,
// and has the store fail after everything that was done there: in the end each message
// lies exactly once where it should.
func TestChangesAreMadeOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		for _, move := range []bool{true, false} {
			for name, x := range map[string]struct {
				action crm.ChangeAction
				label  string
				lie    []string
			}{
				"read":    {crm.ActionRead, "", []string{`INBOX: Lamp 1 \Seen`, `INBOX: Lamp 2 \Seen`, "INBOX: Lamp 3"}},
				"archive": {crm.ActionArchive, "", []string{"Archive: Lamp 1", "Archive: Lamp 2", "INBOX: Lamp 3"}},
				"trash":   {crm.ActionTrash, "", []string{"INBOX: Lamp 3", "Papierkorb: Lamp 1", "Papierkorb: Lamp 2"}},
				"label":   {crm.ActionAddLabel, label("Kunden"), []string{"INBOX: Lamp 1", "INBOX: Lamp 2", "INBOX: Lamp 3", "Kunden: Lamp 1", "Kunden: Lamp 2"}},
			} {
				t.Run(fmt.Sprintf("%s, move %t", name, move), func(t *testing.T) {
					w := newWriter(t, d, 3, following("INBOX", "Kunden"))
					if !move {
						w.Servers = withoutMove{w.Servers}
					}
					_, err := w.ask(x.action, x.label, "Lamp 1", "Lamp 2")
					require.NoError(t, err)
					n, step := 0, 1
					if d == storetest.PostgreSQL || testing.Short() { // what is said to the server is the same
						step = 4
					}
					for ; ; n += step {
						// One more command gets through than the time before; what it
						// did is not remembered here.
						w.lines.allow(int64(n))
						err := w.write()
						w.lines.allow(-1)
						if err == nil {
							break
						}
						require.Less(t, n, 200)
					}
					require.Greater(t, n, 8)
					require.Equal(t, x.lie, w.onTheServer(), "after %d cuts", n)
					w.sync(w.id)
					w.sync(w.id)
					require.Equal(t, x.lie, w.onTheServer())
					w.Consistent()
				})
			}
		}
	})
}

// allow lets so many pieces be sent from now on, and cuts the connection before the
// answer to the last of them is read; -1: any number.
func (l *lines) allow(n int64) {
	l.pieces.Store(n)
	l.bounded.Store(n >= 0)
}

type cutter struct {
	pieces  atomic.Int64
	bounded atomic.Bool
}

// spent: what comes now is the answer to the last piece, or to none.
func (c *cutter) spent() bool { return c.bounded.Load() && c.pieces.Load() <= 0 }

// spend is false when nothing more may be sent.
func (c *cutter) spend() bool { return !c.bounded.Load() || c.pieces.Add(-1) >= 0 }

func (c *line) Write(p []byte) (int, error) {
	if !c.of.spend() {
		_ = c.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

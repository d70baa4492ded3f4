package accounts_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/client"
	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/imapsmtp"
	"rapport/internal/imapsmtp/dovecottest"
	"rapport/internal/imapsmtp/smtptest"
	"rapport/internal/mail"
	"rapport/internal/mail/accounts"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
)

func TestMain(m *testing.M) { dovecottest.Main(m) }

const (
	host  = "mail.northwind-lamps.example"
	smtpd = "smtp.northwind-lamps.example"
)

var users atomic.Int64

// world is a store, the room, the door, a Dovecot and one user of it.
type world struct {
	*storetest.World
	*accounts.Service
	t      testing.TB
	server *dovecottest.Server
	user   string
	tokens *tokens
	lines  *lines
	smtp   *smtptest.Server
	key    crm.Secret
}

// tokens is a vault whose tokens a test decides.
type tokens struct {
	sync.Mutex
	now, next string
	renewed   int
}

func (v *tokens) Token(context.Context, crm.GrantID) (vault.Access, error) {
	v.Lock()
	defer v.Unlock()
	return vault.Access{Token: crm.NewSecret(v.now)}, nil
}

func (v *tokens) Renew(context.Context, crm.GrantID, crm.Secret) (vault.Access, error) {
	v.Lock()
	defer v.Unlock()
	v.renewed++
	v.now = v.next
	return vault.Access{Token: crm.NewSecret(v.now)}, nil
}

// lines are the connections that the door has open, to be cut.
type lines struct {
	sync.Mutex
	cutter
	open   map[net.Conn]bool
	most   int
	dialed int
	after  int64 // cut each connection after so many bytes; 0: never
}

func (l *lines) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.Lock()
	defer l.Unlock()
	n := &line{Conn: c, of: l, left: l.after}
	if l.open == nil {
		l.open = map[net.Conn]bool{}
	}
	l.open[n] = true
	l.dialed++
	l.most = max(l.most, len(l.open))
	return n, nil
}

type line struct {
	net.Conn
	of   *lines
	left int64
}

func (c *line) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.of.spent() {
		_ = c.Close()
		return 0, net.ErrClosed
	}
	if c.left > 0 {
		if c.left -= int64(n); c.left <= 0 {
			_ = c.Close()
			return 0, net.ErrClosed
		}
	}
	return n, err
}

func (c *line) Close() error {
	c.of.Lock()
	delete(c.of.open, c)
	c.of.Unlock()
	return c.Conn.Close()
}

func newWorld(t testing.TB, d storetest.Database) *world {
	t.Helper()
	s := dovecottest.Start(t)
	key, err := vault.NewKey()
	require.NoError(t, err)
	sealer, err := vault.NewSealer(key)
	require.NoError(t, err)
	w := &world{World: storetest.NewWorld(t, d), t: t, server: s, tokens: &tokens{}, lines: &lines{}, key: key,
		user: fmt.Sprintf("ada%d@northwind-lamps.example", users.Add(1))}
	w.smtp = smtptest.Start(t, s.Certificate(t), dovecottest.Password)
	w.Service = &accounts.Service{
		Servers: imapsmtp.New(imapsmtp.Options{Tokens: w.tokens, Dial: w.lines.dial, Roots: s.Roots, Patience: 10 * time.Second,
			Instead: map[string]string{host + ":993": s.TLS, host + ":465": w.smtp.TLS, "imap.gmail.com:993": s.TLS}}),
		Rows: w.Store, Copies: w.Store, Runs: w.Store, Queue: w.Store, Sealer: sealer, Trail: w.Store, Now: w.Clock.Now, Random: rand.Reader,
	}
	w.Budget = time.Hour
	return w
}

func (w *world) caller() access.Caller { return storetest.Caller(w.Home, w.Ada) }

func (w *world) wish() accounts.Wish {
	return accounts.Wish{Email: w.user, IMAP: crm.MailServer{Host: host}, SMTP: crm.MailServer{Host: host}, Password: crm.NewSecret(dovecottest.Password)}
}

// add adds the account of the user.
func (w *world) add(change ...func(*accounts.Wish)) accounts.View {
	w.t.Helper()
	wish := w.wish()
	for _, f := range change {
		f(&wish)
	}
	v, err := w.Add(context.Background(), w.caller(), wish)
	require.NoError(w.t, err)
	return v
}

// sync looks at an account until there is nothing more.
func (w *world) sync(id crm.AccountID) {
	w.t.Helper()
	require.NoError(w.t, w.try(id))
}

func (w *world) try(id crm.AccountID) error {
	for range 1000 {
		more, err := w.Definitions()[0].Step(context.Background(), string(id))
		if err != nil || !more {
			return err
		}
	}
	return fmt.Errorf("it does not end")
}

// other is another mail program of the user's.
func (w *world) other() *client.Client {
	w.t.Helper()
	c, err := client.DialTLS(w.server.TLS, &tls.Config{RootCAs: w.server.Roots, ServerName: "localhost"})
	require.NoError(w.t, err)
	require.NoError(w.t, c.Login(w.user, dovecottest.Password))
	w.t.Cleanup(func() { _ = c.Logout() })
	return c
}

// letter is message n; extra are further lines of its header.
func letter(n int, extra ...string) []byte {
	head := []string{"From: Jonas <jonas@harbour-tea.example>", "To: ada@northwind-lamps.example", fmt.Sprintf("Subject: Lamp %d", n),
		fmt.Sprintf("Message-ID: <%d@harbour-tea.example>", n), time.Date(2026, 3, 1, 9, 0, n, 0, time.UTC).Format("Date: Mon, 02 Jan 2006 15:04:05 -0700")}
	return []byte(strings.Join(append(head, extra...), "\r\n") + "\r\n\r\nHello, lamp " + strconv.Itoa(n) + ".\r\n")
}

func deliver(t testing.TB, c *client.Client, folder string, message []byte, flags ...string) {
	t.Helper()
	require.NoError(t, c.Append(folder, flags, time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), strings.NewReader(string(message))))
}

// pick selects messages of a folder by their subjects.
func pick(t testing.TB, c *client.Client, folder, subject string) *imap.SeqSet {
	t.Helper()
	_, err := c.Select(folder, false)
	require.NoError(t, err)
	by := imap.NewSearchCriteria()
	by.Header.Set("Subject", subject)
	uids, err := c.UidSearch(by)
	require.NoError(t, err)
	require.NotEmpty(t, uids)
	set := new(imap.SeqSet)
	set.AddNum(uids...)
	return set
}

// inbox is what the owner sees, by subject, with labels.
func (w *world) inbox(c crm.ConnectionID) map[string][]string {
	w.t.Helper()
	out := map[string][]string{}
	for cursor := ""; ; {
		page, err := w.Store.List(context.Background(), w.caller(), mail.ListQuery{Workspace: w.Home, Connection: c, Page: mail.Page{Limit: 200, Cursor: cursor}})
		require.NoError(w.t, err)
		for _, e := range page.Emails {
			require.NotContains(w.t, out, e.Subject, "doubled")
			out[e.Subject] = e.Labels
		}
		if cursor = page.Next; cursor == "" {
			return out
		}
	}
}

package imapsmtp_test

import (
	"context"
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

	"crypto/tls"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/imapsmtp"
	"rapport/internal/imapsmtp/dovecottest"
	"rapport/internal/mail/accounts"
	"rapport/internal/vault"
)

func TestMain(m *testing.M) { dovecottest.Main(m) }

var users atomic.Int64

// somebody is a user of the server that nobody else uses.
func somebody() string {
	return fmt.Sprintf("mara%d@northwind-lamps.example", users.Add(1))
}

// tokens is a vault whose tokens a test decides.
type tokens struct {
	sync.Mutex
	now     string
	next    []string
	renewed int
}

func (v *tokens) Token(context.Context, crm.GrantID) (vault.Access, error) {
	v.Lock()
	defer v.Unlock()
	return vault.Access{Token: crm.NewSecret(v.now)}, nil
}

func (v *tokens) Renew(_ context.Context, _ crm.GrantID, refused crm.Secret) (vault.Access, error) {
	v.Lock()
	defer v.Unlock()
	v.renewed++
	if refused.Reveal() == v.now && len(v.next) > 0 {
		v.now, v.next = v.next[0], v.next[1:]
	}
	return vault.Access{Token: crm.NewSecret(v.now)}, nil
}

func door(s *dovecottest.Server, v *tokens) *imapsmtp.Servers {
	return imapsmtp.New(imapsmtp.Options{
		Tokens: v, Dial: imapsmtp.Guarded(true), Roots: s.Roots, Patience: time.Minute,
		Instead: map[string]string{"imap.gmail.com:993": s.TLS, "mail.northwind-lamps.example:993": s.TLS, "mail.northwind-lamps.example:143": s.Plain},
	})
}

func withPassword(user string) accounts.Login {
	return accounts.Login{Account: crm.AccountID(user), Password: crm.NewSecret(dovecottest.Password),
		Server: crm.MailServer{Host: "mail.northwind-lamps.example", Port: 993, Security: crm.SecurityTLS, Auth: crm.AuthPassword, Username: user}}
}

func withToken(user string) accounts.Login {
	return accounts.Login{Account: crm.AccountID(user), Grant: "g",
		Server: crm.MailServer{Host: "imap.gmail.com", Port: 993, Security: crm.SecurityTLS, Auth: crm.AuthOAuth2, Username: user}}
}

// other is another mail program of a user's.
func other(t testing.TB, s *dovecottest.Server, user string) *client.Client {
	t.Helper()
	c, err := client.DialTLS(s.TLS, &tls.Config{RootCAs: s.Roots, ServerName: "localhost"})
	require.NoError(t, err)
	require.NoError(t, c.Login(user, dovecottest.Password))
	t.Cleanup(func() { _ = c.Logout() })
	return c
}

func letter(n int, extra ...string) []byte {
	head := fmt.Sprintf("From: Jonas <jonas@harbour-tea.example>\r\nTo: mara@northwind-lamps.example\r\nSubject: Lamp %d\r\nMessage-ID: <%d@harbour-tea.example>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\n", n, n)
	return []byte(head + strings.Join(extra, "\r\n") + "\r\nHello, lamp " + strconv.Itoa(n) + ".\r\n")
}

func TestSignsInWithAPasswordAndWithTokensOfBothKinds(t *testing.T) {
	s := dovecottest.Start(t)
	ctx := t.Context()
	user := somebody()
	s.Grant("token-"+user, user)
	v := &tokens{now: "token-" + user}

	box, err := door(s, v).Open(ctx, withPassword(user))
	require.NoError(t, err)
	require.True(t, box.Features().Condstore)
	require.True(t, box.Features().Idle)
	require.False(t, box.Features().Gmail)
	box.Close()

	box, err = door(s, v).Open(ctx, withToken(user))
	require.NoError(t, err)
	box.Close()

	starttls := withPassword(user)
	starttls.Server.Port, starttls.Server.Security = 143, crm.SecurityStartTLS
	box, err = door(s, v).Open(ctx, starttls)
	require.NoError(t, err)
	box.Close()
}

func TestARefusedTokenIsRenewedOnceAndARefusalIsAnAnswer(t *testing.T) {
	s := dovecottest.Start(t)
	user := somebody()
	s.Grant("fresh", user)
	v := &tokens{now: "stale", next: []string{"fresh"}}
	box, err := door(s, v).Open(t.Context(), withToken(user))
	require.NoError(t, err)
	box.Close()
	require.Equal(t, 1, v.renewed)

	s.Forget("fresh")
	begun := time.Now()
	_, err = door(s, v).Open(t.Context(), withToken(user))
	require.Equal(t, fault.Reconnect, fault.Of(err))
	require.Equal(t, 2, v.renewed)
	require.Less(t, time.Since(begun), 30*time.Second, "nobody waits for an answer that does not come")

	wrong := withPassword(user)
	wrong.Password = crm.NewSecret("wrong")
	_, err = door(s, v).Open(t.Context(), wrong)
	require.Equal(t, fault.Reconnect, fault.Of(err))
	require.NotContains(t, fmt.Sprintf("%+v %#v", err, err), "wrong\"")
}

func TestCertificatesAreVerified(t *testing.T) {
	s := dovecottest.Start(t)
	l := withPassword(somebody())
	unknown := imapsmtp.New(imapsmtp.Options{Dial: imapsmtp.Guarded(true), Instead: map[string]string{"mail.northwind-lamps.example:993": s.TLS}})
	_, err := unknown.Open(t.Context(), l)
	require.ErrorContains(t, err, "authority that is not known")
	l.Server.Host = "mail.harbour-tea.example"
	named := imapsmtp.New(imapsmtp.Options{Dial: imapsmtp.Guarded(true), Roots: s.Roots, Instead: map[string]string{"mail.harbour-tea.example:993": s.TLS}})
	_, err = named.Open(t.Context(), l)
	require.ErrorContains(t, err, "not for mail.harbour-tea.example")
	l.Server.Security = crm.SecurityNone
	_, err = named.Open(t.Context(), l)
	require.Equal(t, fault.Invalid, fault.Of(err))
}

func TestAddressesInsideAreNotDialled(t *testing.T) {
	s := dovecottest.Start(t)
	host, port, err := net.SplitHostPort(s.TLS)
	require.NoError(t, err)
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	for _, name := range []string{host, "localhost", "::1", "10.0.0.7", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "::ffff:127.0.0.1", "fe80::1"} {
		l := withPassword(somebody())
		l.Server.Host, l.Server.Port = name, n
		_, err := imapsmtp.New(imapsmtp.Options{Dial: imapsmtp.Guarded(false), Roots: s.Roots}).Open(t.Context(), l)
		require.Equal(t, fault.Forbidden, fault.Of(err), name)
	}
}

func TestFoldersInOtherLanguages(t *testing.T) {
	s := dovecottest.Start(t)
	user := somebody()
	c := other(t, s, user)
	names := []string{"Kunden/Südwest", "顧客", "Привет мир", "R&D", "Déjà vu", "emoji 💡"}
	for _, n := range names {
		require.NoError(t, c.Create(n))
	}
	require.NoError(t, c.Append("顧客", nil, time.Now(), strings.NewReader(string(letter(1)))))
	box, err := door(s, &tokens{}).Open(t.Context(), withPassword(user))
	require.NoError(t, err)
	defer box.Close()
	list, err := box.Folders(t.Context())
	require.NoError(t, err)
	roles := map[string]string{}
	for _, f := range list {
		roles[f.Name] = strings.Join(f.Roles, " ")
	}
	for _, n := range names {
		require.Contains(t, roles, n)
	}
	require.Equal(t, accounts.RoleSent, roles["Gesendete Objekte"])
	require.Equal(t, accounts.RoleDrafts, roles["Entwürfe"])
	require.Equal(t, accounts.RoleTrash, roles["Papierkorb"])
	p, err := box.Enter(t.Context(), "顧客")
	require.NoError(t, err)
	require.EqualValues(t, 1, p.Exists)
	_, err = box.Enter(t.Context(), "not there")
	require.Equal(t, fault.NotFound, fault.Of(err), "%v", err)
}

func TestReadsHeadsBodiesAndChanges(t *testing.T) {
	s := dovecottest.Start(t)
	ctx, user := t.Context(), somebody()
	c := other(t, s, user)
	for i := range 5 {
		require.NoError(t, c.Append("INBOX", []string{imap.SeenFlag}, time.Date(2026, 3, 2, 9, i, 0, 0, time.UTC), strings.NewReader(string(letter(i)))))
	}
	box, err := door(s, &tokens{}).Open(ctx, withPassword(user))
	require.NoError(t, err)
	defer box.Close()
	p, err := box.Enter(ctx, "INBOX")
	require.NoError(t, err)
	require.EqualValues(t, 5, p.Exists)
	require.NotZero(t, p.Validity)
	require.NotZero(t, p.ModSeq)
	uids, err := box.UIDs(ctx, 1, 0)
	require.NoError(t, err)
	require.Len(t, uids, 5)
	require.EqualValues(t, uids[4]+1, p.Next)
	none, err := box.UIDs(ctx, p.Next, 0)
	require.NoError(t, err)
	require.Empty(t, none, "n:* names the last message too")

	heads, err := box.Heads(ctx, uids)
	require.NoError(t, err)
	require.Len(t, heads, 5)
	require.Equal(t, "<3@harbour-tea.example>", heads[3].MessageID)
	require.Equal(t, "Lamp 3", heads[3].Subject)
	require.Equal(t, time.Date(2026, 3, 2, 9, 3, 0, 0, time.UTC), heads[3].Date)
	require.EqualValues(t, len(letter(3)), heads[3].Size)
	require.Contains(t, heads[3].Flags, imap.SeenFlag)
	got := map[uint32]string{}
	require.NoError(t, box.Bodies(ctx, heads, func(uid uint32, raw []byte) error { got[uid] = string(raw); return nil }))
	require.Len(t, got, 5)
	require.Equal(t, string(letter(2)), got[uids[2]])

	seq := new(imap.SeqSet)
	seq.AddNum(2)
	_, err = c.Select("INBOX", false)
	require.NoError(t, err)
	require.NoError(t, c.Store(seq, imap.AddFlags, []any{imap.FlaggedFlag}, nil))
	changed, err := box.Flags(ctx, 1, p.Next-1, p.ModSeq)
	require.NoError(t, err)
	require.Len(t, changed, 1, "only what changed (CONDSTORE)")
	require.Equal(t, uids[1], changed[0].UID)
	require.Contains(t, changed[0].Flags, imap.FlaggedFlag)
}

func TestIdleTellsAboutNewMail(t *testing.T) {
	s := dovecottest.Start(t)
	user := somebody()
	c := other(t, s, user)
	box, err := door(s, &tokens{}).Open(t.Context(), withPassword(user))
	require.NoError(t, err)
	defer box.Close()
	_, err = box.Enter(t.Context(), "INBOX")
	require.NoError(t, err)
	for i := range 3 {
		woken := make(chan error, 1)
		go func() { woken <- box.Idle(t.Context()) }()
		require.NoError(t, c.Append("INBOX", nil, time.Now(), strings.NewReader(string(letter(i)))))
		select {
		case err := <-woken:
			require.NoError(t, err)
		case <-time.After(10 * time.Second):
			t.Fatal("nobody told")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	woken := make(chan error, 1)
	go func() { woken <- box.Idle(ctx) }()
	cancel()
	require.NoError(t, <-woken)
	_, err = box.UIDs(t.Context(), 1, 0)
	require.NoError(t, err, "the connection is good for other commands")
}

func TestASessionThatEndsIsAnError(t *testing.T) {
	s := dovecottest.Start(t)
	user := somebody()
	box, err := door(s, &tokens{}).Open(t.Context(), withPassword(user))
	require.NoError(t, err)
	defer box.Close()
	_, err = box.Enter(t.Context(), "INBOX")
	require.NoError(t, err)
	woken := make(chan error, 1)
	go func() { woken <- box.Idle(t.Context()) }()
	s.Kick(t, user)
	select {
	case err := <-woken:
		require.Equal(t, fault.Unavailable, fault.Of(err), "%v", err)
	case <-time.After(10 * time.Second):
		t.Fatal("nobody noticed")
	}
	_, err = box.UIDs(t.Context(), 1, 0)
	require.Equal(t, fault.Unavailable, fault.Of(err))
}

func TestAnAccountHasThreeConnections(t *testing.T) {
	s := dovecottest.Start(t)
	user := somebody()
	d := door(s, &tokens{})
	var open []accounts.Box
	for range 3 {
		box, err := d.Open(t.Context(), withPassword(user))
		require.NoError(t, err)
		open = append(open, box)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := d.Open(ctx, withPassword(user))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	open[0].Close()
	box, err := d.Open(t.Context(), withPassword(user))
	require.NoError(t, err)
	box.Close()
	for _, b := range open[1:] {
		b.Close()
	}
}

func TestTheServersOwnLimitIsTold(t *testing.T) {
	s := dovecottest.Start(t)
	user := somebody()
	for range dovecottest.Connections {
		other(t, s, user)
	}
	_, err := door(s, &tokens{}).Open(t.Context(), withPassword(user))
	require.Equal(t, fault.Throttled, fault.Of(err), "%v", err)
	require.Positive(t, fault.After(err))
}

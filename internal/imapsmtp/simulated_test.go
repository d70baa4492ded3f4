package imapsmtp_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/imapsmtp"
	"rapport/internal/mail/accounts"
	"rapport/internal/vault"
	"rapport/simulator"
	"rapport/simulator/control"
	"rapport/simulator/front"
)

const ada = "ada@lamps.example"

// google is a simulated Gmail, and the door that leads to it.
type google struct {
	*simulator.Simulator
	*imapsmtp.Servers
	t      *testing.T
	issued int
}

// Token and Renew give tokens as the vault does.
func (g *google) Token(context.Context, crm.GrantID) (vault.Access, error) {
	g.issued++
	token, err := g.OAuth.IssueToken(ada, "", []string{accounts.ScopeMail})
	return vault.Access{Token: crm.NewSecret(token)}, err
}

func (g *google) Renew(ctx context.Context, id crm.GrantID, _ crm.Secret) (vault.Access, error) {
	return g.Token(ctx, id)
}

func openGoogle(t *testing.T) *google {
	t.Helper()
	const any = "127.0.0.1:0"
	sim, err := simulator.New(simulator.Options{Seed: 1, Quota: "none", Mail: simulator.MailAddresses{IMAP: any, SMTP: any, Submission: any},
		Accounts: []simulator.Account{{Email: ada, Name: "Ada Lund"}, {Email: "bela@lamps.example", Name: "Bela Kis"}}})
	require.NoError(t, err)
	require.NoError(t, sim.Start(any))
	t.Cleanup(func() { require.NoError(t, sim.Close()) })
	roots, err := sim.CertPool()
	require.NoError(t, err)
	g := &google{Simulator: sim, t: t}
	g.Servers = imapsmtp.New(imapsmtp.Options{Tokens: g, Dial: imapsmtp.Guarded(true), Roots: roots, Patience: 10 * time.Second, PerAccount: 5, Instead: map[string]string{
		"imap.gmail.com:993": sim.IMAPAddr(), "smtp.gmail.com:465": sim.SMTPAddr(), "smtp.gmail.com:587": sim.SubmissionAddr()}})
	return g
}

func gmailLogin(host string, port int, security crm.MailSecurity) accounts.Login {
	return accounts.Login{Account: "a", Grant: "g", Server: crm.MailServer{Host: host, Port: port, Security: security, Auth: crm.AuthOAuth2, Username: ada}}
}

func (g *google) box() accounts.Box {
	g.t.Helper()
	b, err := g.Open(g.t.Context(), gmailLogin("imap.gmail.com", 993, crm.SecurityTLS))
	require.NoError(g.t, err)
	g.t.Cleanup(b.Close)
	return b
}

func (g *google) arrives(subject, text string, labels ...string) string {
	g.t.Helper()
	d, err := g.Mail.Deliver(ada, control.Message{From: "Zoe <zoe@chairs.example>", Subject: subject, Text: text, Labels: labels})
	require.NoError(g.t, err)
	return d.ID
}

func TestGmailsMessagesHaveTheIDsOfTheAPI(t *testing.T) {
	g := openGoogle(t)
	s := g.IMAP().Settings(ada)
	s.Language = "de"
	require.NoError(t, g.IMAP().Set(ada, s))
	first := g.arrives("One", "short", "INBOX", "UNREAD", "Kunden/Südwest")
	second := g.arrives("Two", strings.Repeat("long\r\n", 100_000), "STARRED")
	b := g.box()
	require.Equal(t, accounts.Features{Gmail: true, Condstore: true, Idle: true, Move: true, Expunge: true}, b.Features())
	folders, err := b.Folders(t.Context())
	require.NoError(t, err)
	all := ""
	for _, f := range folders {
		for _, r := range f.Roles {
			if r == accounts.RoleAll {
				all = f.Name
			}
		}
	}
	require.Equal(t, "[Gmail]/Alle Nachrichten", all)
	at, err := b.Enter(t.Context(), all)
	require.NoError(t, err)
	require.EqualValues(t, 2, at.Exists)
	require.EqualValues(t, 3, at.Next)
	require.NotZero(t, at.Validity)
	uids, err := b.UIDs(t.Context(), 1, 0)
	require.NoError(t, err)
	heads, err := b.Heads(t.Context(), uids)
	require.NoError(t, err)
	require.Len(t, heads, 2)
	require.Equal(t, []string{first, second}, []string{heads[0].GmailID, heads[1].GmailID})
	require.Equal(t, first, heads[0].GmailThrid)
	require.ElementsMatch(t, []string{`\Inbox`, "Kunden/Südwest"}, heads[0].GmailLabel)
	require.Empty(t, heads[0].Flags)
	require.ElementsMatch(t, []string{`\Seen`, `\Flagged`}, heads[1].Flags)
	sizes := map[uint32]int{}
	require.NoError(t, b.Bodies(t.Context(), heads, func(uid uint32, raw []byte) error { sizes[uid] = len(raw); return nil }))
	require.EqualValues(t, heads[0].Size, sizes[1])
	require.EqualValues(t, min(heads[1].Size, accounts.BodyBound), sizes[2])

	m, ok := g.Mail.Counts(ada)
	require.True(t, ok)
	require.Equal(t, at.ModSeq, m.HistoryID, "one history for both doors")
	none, err := b.Flags(t.Context(), 1, 2, at.ModSeq)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestGmailTellsOfNewMailInIdle(t *testing.T) {
	g := openGoogle(t)
	b := g.box()
	_, err := b.Enter(t.Context(), "INBOX")
	require.NoError(t, err)
	heard := make(chan error, 1)
	go func() { heard <- b.Idle(t.Context()) }()
	g.arrives("One", "text")
	require.NoError(t, <-heard)
	go func() { heard <- b.Idle(t.Context()) }()
	g.World.Clock.Advance(2 * time.Hour)
	var f *fault.Error
	require.True(t, errors.As(<-heard, &f))
	require.Equal(t, "mail_server_gone", f.Code, "the session ends with its token; the next has a fresh one")
}

func TestGmailsRefusalsAreWhatTheyMean(t *testing.T) {
	g := openGoogle(t)
	refused := func(change func(*control.IMAPSettings)) error {
		s := control.IMAPSettings{Language: "en", Connections: 15}
		change(&s)
		require.NoError(t, g.IMAP().Set(ada, s))
		_, err := g.Open(t.Context(), gmailLogin("imap.gmail.com", 993, crm.SecurityTLS))
		return err
	}
	require.Equal(t, fault.Blocked, fault.Of(refused(func(s *control.IMAPSettings) { s.Disabled = true })))
	require.Equal(t, fault.Throttled, fault.Of(refused(func(s *control.IMAPSettings) { s.Connections = 0 })))
	require.Equal(t, 2, g.issued, "neither is the token's fault: it is not renewed")
	require.NoError(t, g.IMAP().Set(ada, control.IMAPSettings{Language: "en", Connections: 15}))
	_, err := g.Front.Faults.Add(front.Fault{API: "imap", Method: "authenticate", Kind: "cut", Times: 1})
	require.NoError(t, err)
	_, err = g.Open(t.Context(), gmailLogin("imap.gmail.com", 993, crm.SecurityTLS))
	require.Equal(t, fault.Unavailable, fault.Of(err))
	g.box()
}

func TestGmailSendsByBothPorts(t *testing.T) {
	g := openGoogle(t)
	text := []byte("From: Ada <" + ada + ">\r\nTo: bela@lamps.example\r\nSubject: Ten lamps\r\nMessage-ID: <1@lamps.example>\r\n\r\nHello.\r\n.\r\n")
	e := accounts.Envelope{From: ada, To: []string{"bela@lamps.example"}}
	require.NoError(t, g.Send(t.Context(), gmailLogin("smtp.gmail.com", 465, crm.SecurityTLS), e, text))
	require.NoError(t, g.Send(t.Context(), gmailLogin("smtp.gmail.com", 587, crm.SecurityStartTLS), e, text))
	sent := g.Mail.Sent()
	require.Len(t, sent, 2)
	require.Equal(t, "<1@lamps.example>", sent[0].MessageID)
	got, _ := g.Mail.Counts("bela@lamps.example")
	require.Equal(t, 2, got.Messages)
	_, err := g.Front.Faults.Add(front.Fault{API: "smtp", Method: "data", Kind: "status", Status: 452, Times: 1})
	require.NoError(t, err)
	require.Equal(t, fault.Throttled, fault.Of(g.Send(t.Context(), gmailLogin("smtp.gmail.com", 465, crm.SecurityTLS), e, text)))
	require.Len(t, g.Mail.Sent(), 2)
}

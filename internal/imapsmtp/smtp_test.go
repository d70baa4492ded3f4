package imapsmtp_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/imapsmtp"
	"rapport/internal/imapsmtp/dovecottest"
	"rapport/internal/imapsmtp/smtptest"
	"rapport/internal/mail/accounts"
)

func postOffice(t *testing.T, v *tokens) (*smtptest.Server, *imapsmtp.Servers, *dovecottest.Server) {
	t.Helper()
	d := dovecottest.Start(t)
	s := smtptest.Start(t, d.Certificate(t), dovecottest.Password)
	return s, imapsmtp.New(imapsmtp.Options{
		Tokens: v, Dial: imapsmtp.Guarded(true), Roots: d.Roots, Patience: 5 * time.Second,
		Instead: map[string]string{"smtp.gmail.com:465": s.TLS, "localhost:465": s.TLS, "localhost:587": s.Plain, "imap.gmail.com:993": d.TLS, "localhost:993": d.TLS},
	}), d
}

func sender(user string, port int, security crm.MailSecurity) accounts.Login {
	return accounts.Login{Account: "a", Password: crm.NewSecret(dovecottest.Password),
		Server: crm.MailServer{Host: "localhost", Port: port, Security: security, Auth: crm.AuthPassword, Username: user}}
}

var envelope = accounts.Envelope{From: "mara@northwind-lamps.example", To: []string{"jonas@harbour-tea.example", "elena@harbour-tea.example"}}

func TestSendsOverTLSAndStartTLSWithPasswordAndToken(t *testing.T) {
	s, d, _ := postOffice(t, &tokens{now: "good"})
	s.Token("good")
	gmail := accounts.Login{Account: "a", Grant: "g", Server: crm.MailServer{Host: "smtp.gmail.com", Port: 465, Security: crm.SecurityTLS, Auth: crm.AuthOAuth2, Username: "mara@northwind-lamps.example"}}
	for i, l := range []accounts.Login{sender("mara", 465, crm.SecurityTLS), sender("mara", 587, crm.SecurityStartTLS), gmail} {
		require.NoError(t, d.Send(t.Context(), l, envelope, letter(i)))
	}
	taken := s.Taken()
	require.Len(t, taken, 3)
	for i, m := range taken {
		require.Equal(t, envelope.From, m.From)
		require.Equal(t, envelope.To, m.To)
		require.Equal(t, string(letter(i)), m.Raw)
	}
}

func TestARefusedTokenOfSMTPIsAnsweredWithAnEmptyLineAndRenewed(t *testing.T) {
	v := &tokens{now: "stale", next: []string{"fresh"}}
	s, d, _ := postOffice(t, v)
	s.Token("fresh")
	gmail := accounts.Login{Account: "a", Grant: "g", Server: crm.MailServer{Host: "smtp.gmail.com", Port: 465, Security: crm.SecurityTLS, Auth: crm.AuthOAuth2, Username: "mara@northwind-lamps.example"}}
	require.NoError(t, d.Send(t.Context(), gmail, envelope, letter(1)))
	require.Equal(t, 1, v.renewed)
	s.Token("another")
	err := d.Send(t.Context(), gmail, envelope, letter(1))
	require.Equal(t, fault.Reconnect, fault.Of(err))
	require.Len(t, s.Taken(), 1)
}

func TestWhatServersSayIsUnderstood(t *testing.T) {
	for name, c := range map[string]struct {
		step string
		err  error
		kind fault.Kind
		code string
		sent int
	}{
		"later":                 {"greet", &smtp.SMTPError{Code: 421, Message: "busy"}, fault.Throttled, "smtp_later", 0},
		"a recipient unknown":   {"rcpt", &smtp.SMTPError{Code: 550, Message: "no such\r\nuser"}, fault.Invalid, "smtp_refused", 0},
		"greylisted":            {"rcpt", &smtp.SMTPError{Code: 451, Message: "greylisted"}, fault.Throttled, "smtp_later", 0},
		"too large":             {"data", &smtp.SMTPError{Code: 552, Message: "too large"}, fault.Invalid, "message_too_large", 0},
		"refused":               {"data", &smtp.SMTPError{Code: 554, Message: "spam"}, fault.Invalid, "smtp_refused", 0},
		"cut before":            {"mail", smtptest.ErrCut, fault.Unavailable, "mail_server_gone", 0},
		"cut after it was sent": {"taken", smtptest.ErrCut, fault.Unavailable, "maybe_sent", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, d, _ := postOffice(t, &tokens{})
			s.Wrong(func(step string) error {
				if step == c.step {
					return c.err
				}
				return nil
			})
			err := d.Send(t.Context(), sender("mara", 465, crm.SecurityTLS), envelope, letter(1))
			require.Equal(t, c.kind, fault.Of(err), "%v", err)
			var f *fault.Error
			require.True(t, errors.As(err, &f))
			require.Equal(t, c.code, f.Code, "%v", err)
			require.NotContains(t, f.Text, "\n")
			require.Len(t, s.Taken(), c.sent)
		})
	}
}

func TestTestConnectionNamesWhatFailed(t *testing.T) {
	s, d, dove := postOffice(t, &tokens{now: "bad", next: []string{"bad"}})
	user := somebody()
	imap := accounts.Login{Account: "t", Password: crm.NewSecret(dovecottest.Password), Server: crm.MailServer{Host: "localhost", Port: 993, Security: crm.SecurityTLS, Auth: crm.AuthPassword, Username: user}}
	smtp := sender(user, 465, crm.SecurityTLS)
	names := func(steps []accounts.Step) (out []string) {
		for _, s := range steps {
			require.NotEmpty(t, s.Detail)
			require.Equal(t, s.OK, s.NextStep == "", "%+v", s)
			out = append(out, fmt.Sprintf("%s %v", s.Name, s.OK))
		}
		return out
	}
	good := []string{"dns true", "tls true", "login true", "permission true", "mailbox true", "smtp true"}
	require.Equal(t, good, names(d.Examine(t.Context(), imap, smtp)))

	unknown := imap
	unknown.Server.Host = "mail.northwind-lamps.invalid"
	require.Equal(t, []string{"dns false", "smtp true"}, names(d.Examine(t.Context(), unknown, smtp)))

	closed := imap
	closed.Server.Port = 1
	require.Equal(t, []string{"dns true", "tls false", "smtp true"}, names(d.Examine(t.Context(), closed, smtp)))

	wrong, wrongSMTP := imap, smtp
	wrong.Password, wrongSMTP.Password = crm.NewSecret("no"), crm.NewSecret("no")
	require.Equal(t, []string{"dns true", "tls true", "login false", "smtp false"}, names(d.Examine(t.Context(), wrong, wrongSMTP)))

	gmail := imap
	gmail.Server.Host, gmail.Server.Auth, gmail.Grant = "imap.gmail.com", crm.AuthOAuth2, ""
	require.Equal(t, []string{"dns true", "tls true"}, names(d.Examine(t.Context(), gmail, smtp)), "as far as one gets without a grant")

	inside := imapsmtp.New(imapsmtp.Options{Dial: imapsmtp.Guarded(false), Roots: dove.Roots})
	require.Equal(t, []string{"dns false", "smtp false"}, names(inside.Examine(t.Context(), imap, smtp)))
	_ = s
}

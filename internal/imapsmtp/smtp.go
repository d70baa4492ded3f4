package imapsmtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail/accounts"
)

// post is a signed-in SMTP connection.
type post struct {
	*smtp.Client
	conn *reached
}

// greetSMTP reaches a server and introduces us.
func (s *Servers) greetSMTP(ctx context.Context, m crm.MailServer) (*post, error) {
	r, err := s.reach(ctx, m, smtpPrelude)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = r.Close() })
	defer stop()
	p := &post{smtp.NewClient(r), r}
	p.CommandTimeout, p.SubmissionTimeout = s.Patience, 5*time.Minute
	if err := p.Hello("localhost"); err != nil {
		_ = p.Close()
		return nil, p.classify(err)
	}
	return p, nil
}

// openSMTP signs in.
func (s *Servers) openSMTP(ctx context.Context, l accounts.Login) (*post, error) {
	var opened *post
	err := s.signIn(ctx, l, func(secret crm.Secret) error {
		p, err := s.greetSMTP(ctx, l.Server)
		if err != nil {
			return err
		}
		if err := p.login(ctx, l.Server, secret); err != nil {
			_ = p.Close()
			return err
		}
		opened = p
		return nil
	})
	return opened, err
}

func (p *post) login(ctx context.Context, m crm.MailServer, secret crm.Secret) error {
	stop := context.AfterFunc(ctx, func() { _ = p.conn.Close() })
	defer stop()
	var with sasl.Client
	switch {
	case m.Auth == crm.AuthOAuth2 && (p.SupportsAuth(xoauth2) || !p.SupportsAuth(oauthBearer)):
		with = &bearer{mechanism: xoauth2, user: m.Username, token: secret.Reveal()}
	case m.Auth == crm.AuthOAuth2:
		with = &bearer{mechanism: oauthBearer, user: m.Username, token: secret.Reveal(), host: m.Host}
	case p.SupportsAuth("PLAIN"):
		with = sasl.NewPlainClient("", m.Username, secret.Reveal())
	case p.SupportsAuth("LOGIN"):
		with = sasl.NewLoginClient(m.Username, secret.Reveal())
	default:
		return fault.New(fault.Blocked, "%s lets nobody sign in with a password on this port. Try port 465 or 587.", m.Host)
	}
	err := p.Auth(with)
	var said *smtp.SMTPError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &said) && said.Code >= 500:
		return refusedLogin(m, said.Error())
	}
	return p.classify(err)
}

// classify says what an SMTP answer means for a message.
func (p *post) classify(err error) error {
	var said *smtp.SMTPError
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	if !errors.As(err, &said) {
		return lost(err)
	}
	if e := known(said.Error()); e != nil {
		return e
	}
	switch {
	case said.Code == 421 || said.Code == 450 || said.Code == 451 || said.Code == 452:
		return &fault.Error{Kind: fault.Throttled, Code: "smtp_later", After: 5 * time.Minute, Text: "The mail server asks to try again later.", Err: err}
	case said.Code == 552 || said.Code == 523:
		return &fault.Error{Kind: fault.Invalid, Code: "message_too_large", Text: "The mail server does not take messages of this size.", Err: err}
	case said.Code >= 500:
		return &fault.Error{Kind: fault.Invalid, Code: "smtp_refused", Text: "The mail server refuses the message: " + plainWords(said.Message), Err: err}
	}
	return &fault.Error{Kind: fault.Unavailable, Code: "smtp_trouble", Text: "The mail server has trouble of its own.", Err: err}
}

// plainWords is text of a server, made fit for a page.
func plainWords(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == ' ' || r == 0x7f }), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

// Send gives a message to an SMTP server.
func (s *Servers) Send(ctx context.Context, l accounts.Login, e accounts.Envelope, message []byte) error {
	if len(e.To) == 0 {
		return fault.New(fault.Invalid, "The message has no recipients.")
	}
	leave, err := s.seat(ctx, l.Account)
	if err != nil {
		return err
	}
	defer leave()
	p, err := s.openSMTP(ctx, l)
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = p.conn.Close() })
	defer stop()
	if most, known := p.MaxMessageSize(); known && most > 0 && len(message) > most {
		return &fault.Error{Kind: fault.Invalid, Code: "message_too_large", Text: fmt.Sprintf("The mail server takes messages of up to %d MB.", most>>20)}
	}
	if err := p.envelope(e); err != nil {
		return err
	}
	if err := p.data(message); err != nil {
		return err
	}
	_ = p.Quit() // it is sent, whatever is said now
	return nil
}

func (p *post) envelope(e accounts.Envelope) error {
	if err := p.Mail(e.From, nil); err != nil {
		return p.classify(err)
	}
	for _, to := range e.To {
		if err := p.Rcpt(to, nil); err != nil {
			return p.classify(err)
		}
	}
	return nil
}

// data sends the message. From the moment its end is sent nobody knows whether
// it was taken until the server says so.
func (p *post) data(message []byte) error {
	w, err := p.Data()
	if err != nil {
		return p.classify(err)
	}
	if _, err := bytes.NewReader(message).WriteTo(w); err != nil {
		return p.classify(err)
	}
	if err := w.Close(); err != nil {
		var said *smtp.SMTPError
		if errors.As(err, &said) {
			return p.classify(err)
		}
		return &fault.Error{Kind: fault.Unavailable, Code: "maybe_sent", Text: "The mail server broke off after it got the message. It may have sent it.", Err: err}
	}
	return nil
}

package imapsmtp

import (
	"context"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/commands"
	"github.com/emersion/go-imap/responses"
	"github.com/emersion/go-sasl"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail/accounts"
)

// login signs in with what the server offers of what the account has.
func (b *box) login(ctx context.Context, l accounts.Login, secret crm.Secret) error {
	offers := func(mechanism string) bool {
		ok, err := b.c.Support("AUTH=" + mechanism)
		return ok && err == nil
	}
	var with sasl.Client
	switch {
	case l.Server.Auth == crm.AuthOAuth2 && (offers(xoauth2) || !offers(oauthBearer)):
		with = &bearer{mechanism: xoauth2, user: l.Server.Username, token: secret.Reveal()}
	case l.Server.Auth == crm.AuthOAuth2:
		with = &bearer{mechanism: oauthBearer, user: l.Server.Username, token: secret.Reveal(), host: l.Server.Host}
	case offers("PLAIN"):
		with = sasl.NewPlainClient("", l.Server.Username, secret.Reveal())
	default:
		return b.loginCommand(ctx, l.Server, secret)
	}
	return b.authenticate(ctx, l.Server, with)
}

// authenticate is AUTHENTICATE (RFC 3501, 6.2.2) with the initial response where
// the server takes it (RFC 4959).
func (b *box) authenticate(ctx context.Context, m crm.MailServer, with sasl.Client) error {
	mechanism, first, err := with.Start()
	if err != nil {
		return fault.New(fault.Internal, "beginning to sign in: %w", err)
	}
	cmd := &commands.Authenticate{Mechanism: mechanism}
	answers := &responses.Authenticate{Mechanism: with, InitialResponse: first, RepliesCh: make(chan []byte, 10)}
	if atOnce, err := b.c.Support("SASL-IR"); err != nil {
		return b.failure(err)
	} else if atOnce {
		cmd.InitialResponse, answers.InitialResponse = first, nil
	}
	return b.signedIn(ctx, m, cmd, answers)
}

// loginCommand is LOGIN (RFC 3501, 6.2.3).
func (b *box) loginCommand(ctx context.Context, m crm.MailServer, secret crm.Secret) error {
	if off, err := b.c.Support("LOGINDISABLED"); err != nil {
		return b.failure(err)
	} else if off {
		return fault.New(fault.Blocked, "%s does not let anybody sign in with a password.", m.Host)
	}
	nothing := responses.HandlerFunc(func(imap.Resp) error { return responses.ErrUnhandled })
	return b.signedIn(ctx, m, command("LOGIN", m.Username, secret.Reveal()), nothing)
}

// signedIn makes the command that signs in.
func (b *box) signedIn(ctx context.Context, m crm.MailServer, cmd imap.Commander, h responses.Handler) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, b.cut)
	defer stop()
	status, err := b.c.Execute(cmd, h)
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return b.failure(err)
	case status.Type == imap.StatusRespOk:
		b.c.SetState(imap.AuthenticatedState, nil)
		return nil
	}
	return refusedLogin(m, words(status))
}

package imapsmtp

import (
	"context"

	"github.com/emersion/go-imap"
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
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, b.cut)
	defer stop()
	err := b.c.Authenticate(with)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case b.ended() && known(err.Error()) == nil:
		return b.failure(err)
	}
	return refusedLogin(m, err.Error())
}

// loginCommand is LOGIN (RFC 3501, 6.2.3).
func (b *box) loginCommand(ctx context.Context, m crm.MailServer, secret crm.Secret) error {
	if off, err := b.c.Support("LOGINDISABLED"); err != nil {
		return b.failure(err)
	} else if off {
		return fault.New(fault.Blocked, "%s does not let anybody sign in with a password.", m.Host)
	}
	said := ""
	stop := context.AfterFunc(ctx, b.cut)
	defer stop()
	status, err := b.c.Execute(command("LOGIN", m.Username, secret.Reveal()), responses.HandlerFunc(func(imap.Resp) error { return responses.ErrUnhandled }))
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return b.failure(err)
	case status.Type == imap.StatusRespOk:
		b.c.SetState(imap.AuthenticatedState, nil)
		return nil
	}
	said = words(status)
	return refusedLogin(m, said)
}

// ended says whether the connection is over.
func (b *box) ended() bool {
	select {
	case <-b.c.LoggedOut():
		return true
	default:
		return b.c.State() == imap.LogoutState
	}
}

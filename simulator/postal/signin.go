package postal

import (
	"slices"
	"strings"
	"time"

	"rapport/simulator/front"
	"rapport/simulator/gmail"
	"rapport/simulator/world"
)

// Scope is the one scope that IMAP and SMTP take.
const Scope = "https://mail.google.com/"

// The mechanisms of signing in.
const (
	XOAuth2     = "XOAUTH2"
	OAuthBearer = "OAUTHBEARER"
)

// Refusal is the challenge that explains a refused token. The client has to
// answer it before it gets the error itself.
const Refusal = `{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}`

// Tokens is what is needed of the OAuth server.
type Tokens interface {
	Token(access string) (*front.Grant, bool)
	Expires(access string) (time.Time, bool)
}

// Mailboxes is what is needed of the mail room.
type Mailboxes interface {
	Mailbox(email string) (gmail.Mailbox, bool)
}

// Door lets accounts in.
type Door struct {
	World  *world.World
	Tokens Tokens
	Mail   Mailboxes
	Faults *front.Faults
}

// Login is an account that has signed in.
type Login struct {
	Email, Token, Client string
	Expires              time.Time
}

// Parse reads the response of a client: XOAUTH2 as Google describes it,
// OAUTHBEARER as RFC 7628 does.
func Parse(mechanism string, response []byte) (user, token string, ok bool) {
	parts := strings.Split(string(response), "\x01")
	if len(parts) < 3 || parts[len(parts)-1] != "" || parts[len(parts)-2] != "" {
		return "", "", false
	}
	switch mechanism {
	case XOAuth2:
		user, ok = strings.CutPrefix(parts[0], "user=")
	case OAuthBearer:
		head := strings.Split(parts[0], ",")
		ok = len(head) >= 2 && head[0] == "n"
		for _, h := range head[min(1, len(head)):] {
			if a, is := strings.CutPrefix(h, "a="); is {
				user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(a)
			}
		}
	}
	for _, p := range parts[1:] {
		if value, is := strings.CutPrefix(p, "auth="); is {
			kind, secret, _ := strings.Cut(value, " ")
			if strings.EqualFold(kind, "Bearer") {
				token = strings.TrimSpace(secret)
			}
		}
	}
	return user, token, ok && token != ""
}

// Enter checks the response of a client. The token has to be alive, of the
// account it is shown for, and to have the scope of all mail. OAUTHBEARER may
// leave the account out.
func (d *Door) Enter(mechanism string, response []byte) (Login, bool) {
	user, token, ok := Parse(mechanism, response)
	if !ok {
		return Login{}, false
	}
	g, ok := d.Tokens.Token(token)
	if !ok || !slices.Contains(g.Scopes, Scope) {
		return Login{}, false
	}
	if user == "" && mechanism == OAuthBearer {
		user = g.Account
	}
	a, ok := d.World.Accounts.Get(g.Account)
	if !ok || a.Closed() || a.NoMailbox || !d.named(a, user) {
		return Login{}, false
	}
	until, ok := d.Tokens.Expires(token)
	return Login{Email: a.Email, Token: token, Client: g.Client, Expires: until}, ok
}

func (d *Door) named(a world.Account, user string) bool {
	return strings.EqualFold(user, a.Email) || slices.ContainsFunc(a.Aliases, func(o string) bool { return strings.EqualFold(o, user) })
}

// Alive tells whether a login is still good.
func (d *Door) Alive(l Login) bool {
	_, ok := d.Tokens.Token(l.Token)
	a, known := d.World.Accounts.Get(l.Email)
	return ok && known && !a.Closed()
}

package imapsmtp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"sync"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/client"
	"github.com/emersion/go-imap/responses"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail/accounts"
)

// box is a signed-in IMAP connection.
type box struct {
	c        *client.Client
	conn     *bounded
	patience time.Duration
	features accounts.Features
	caps     map[string]bool
	leave    func()
	news     chan struct{}

	mu  sync.Mutex
	bye string // what the server said when it ended the connection
}

// greet reaches a server and waits for its first word.
func (s *Servers) greet(ctx context.Context, m crm.MailServer) (*box, error) {
	r, err := s.reach(ctx, m, imapPrelude)
	if err != nil {
		return nil, err
	}
	b := &box{conn: &bounded{Conn: r}, patience: s.Patience, leave: func() {}, news: make(chan struct{}, 1)}
	_ = r.SetDeadline(time.Now().Add(s.Patience)) // of the machine: what the network waits for
	stop := context.AfterFunc(ctx, b.cut)
	defer stop()
	if b.c, err = client.New(b.conn); err != nil {
		b.cut()
		return nil, lost(err)
	}
	b.c.ErrorLog = log.New(io.Discard, "", 0)
	updates := make(chan client.Update, 64)
	b.c.Updates = updates
	go b.listen(updates)
	b.c.Timeout = s.Patience
	if b.c.State() == imap.LogoutState {
		b.cut()
		return nil, b.failure(errors.New("the server said goodbye at once"))
	}
	return b, nil
}

// listen takes what the server says unasked, until the connection ends.
func (b *box) listen(updates <-chan client.Update) {
	for {
		select {
		case u := <-updates:
			b.hear(u)
		case <-b.c.LoggedOut():
			for { // what was said before the end
				select {
				case u := <-updates:
					b.hear(u)
				default:
					return
				}
			}
		}
	}
}

func (b *box) hear(u client.Update) {
	if said, is := u.(*client.StatusUpdate); is {
		if said.Status.Type == imap.StatusRespBye {
			b.mu.Lock()
			b.bye = words(said.Status)
			b.mu.Unlock()
		}
		return
	}
	select {
	case b.news <- struct{}{}:
	default:
	}
}

// words is the text of a status with its code.
func words(r *imap.StatusResp) string {
	if r.Code == "" {
		return r.Info
	}
	return "[" + string(r.Code) + "] " + r.Info
}

// cut ends the connection at once.
func (b *box) cut() { _ = b.conn.Close() }

// Close says goodbye and gives the seat back.
func (b *box) Close() {
	b.c.Timeout = 2 * time.Second
	_ = b.c.Logout() // whatever it says, the connection ends
	b.cut()
	b.leave()
}

// failure is an error of the connection, by what the server said last.
func (b *box) failure(err error) error {
	var f *fault.Error
	if errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, errTooMuch) {
		return err
	}
	if b.conn.broken != nil && errors.Is(b.conn.broken, errTooMuch) {
		return &fault.Error{Kind: fault.Unavailable, Code: "mail_server_gone", Text: "The mail server sent far more than was asked for.", Err: err}
	}
	b.mu.Lock()
	said := b.bye
	b.mu.Unlock()
	if said != "" {
		if e := known(said); e != nil {
			return e
		}
	}
	return lost(err)
}

// run makes one command; see gets the untagged responses it wants.
func (b *box) run(ctx context.Context, cmd imap.Commander, see func(imap.Resp) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, b.cut)
	defer stop()
	status, err := b.c.Execute(cmd, responses.HandlerFunc(func(r imap.Resp) error {
		if see == nil {
			return responses.ErrUnhandled
		}
		return see(r)
	}))
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return b.failure(err)
	case status.Type == imap.StatusRespOk:
		return nil
	}
	said := words(status)
	if err := known(said); err != nil {
		return err
	}
	switch status.Code {
	case "NONEXISTENT", "TRYCREATE":
		return &fault.Error{Kind: fault.NotFound, Text: "There is no such folder on the mail server.", Err: errors.New(said)}
	case "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED":
		return &fault.Error{Kind: fault.Unavailable, Code: "mail_session_ended", Text: "The mail server has ended the session.", Err: errors.New(said)}
	}
	return &fault.Error{Kind: fault.Unavailable, Code: "mail_server_refused", Text: "The mail server refuses a command.", Err: errors.New(said)}
}

// command is a command with its arguments as they are.
func command(name string, args ...any) imap.Commander {
	return &imap.Command{Name: name, Arguments: args}
}

func raw(s string) imap.RawString { return imap.RawString(s) }

// Open signs in by IMAP.
func (s *Servers) Open(ctx context.Context, l accounts.Login) (accounts.Box, error) {
	b, err := s.open(ctx, l)
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (s *Servers) open(ctx context.Context, l accounts.Login) (*box, error) {
	leave, err := s.seat(ctx, l.Account)
	if err != nil {
		return nil, err
	}
	var opened *box
	err = s.signIn(ctx, l, func(secret crm.Secret) error {
		b, err := s.greet(ctx, l.Server)
		if err != nil {
			return err
		}
		if err := b.login(ctx, l, secret); err != nil {
			b.cut()
			return err
		}
		opened = b
		return nil
	})
	if err == nil {
		err = opened.learn(ctx)
	}
	if err != nil {
		if opened != nil {
			opened.cut()
		}
		leave()
		return nil, err
	}
	opened.leave = leave
	return opened, nil
}

// signIn tries with the stored password, or with a token; one that is refused is
// renewed once, since it may have ended a moment ago.
func (s *Servers) signIn(ctx context.Context, l accounts.Login, try func(secret crm.Secret) error) error {
	if l.Server.Auth != crm.AuthOAuth2 {
		return try(l.Password)
	}
	token, err := s.Tokens.Token(ctx, l.Grant)
	if err != nil {
		return err
	}
	if err = try(token.Token); !loginRefused(err) {
		return err
	}
	if token, err = s.Tokens.Renew(ctx, l.Grant, token.Token); err != nil {
		return err
	}
	return try(token.Token)
}

func loginRefused(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code == "mail_login_refused"
}

// learn asks what the server can do, now that somebody has signed in.
func (b *box) learn(ctx context.Context) error {
	b.caps = map[string]bool{}
	err := b.run(ctx, command("CAPABILITY"), func(r imap.Resp) error {
		name, fields, is := imap.ParseNamedResp(r)
		if !is || name != "CAPABILITY" {
			return responses.ErrUnhandled
		}
		for _, f := range fields {
			if text, is := f.(string); is {
				b.caps[text] = true
			}
		}
		return nil
	})
	b.features = accounts.Features{Gmail: b.caps["X-GM-EXT-1"], Condstore: b.caps["CONDSTORE"], Idle: b.caps["IDLE"],
		Move: b.caps["MOVE"], Expunge: b.caps["UIDPLUS"]}
	return err
}

func (b *box) Features() accounts.Features { return b.features }

// Append puts a message into a folder.
func (b *box) Append(ctx context.Context, folder string, at time.Time, message []byte) error {
	stop := context.AfterFunc(ctx, b.cut)
	defer stop()
	b.c.Timeout = 4 * b.patience
	defer func() { b.c.Timeout = b.patience }()
	if err := b.c.Append(folder, []string{imap.SeenFlag}, at, bytes.NewReader(message)); err != nil {
		if e := known(err.Error()); e != nil {
			return e
		}
		return b.failure(err)
	}
	return nil
}

// Idle waits until something happens in the folder. It says so to the server
// anew every few minutes, which shows whether it is still there.
func (b *box) Idle(ctx context.Context) error {
	b.c.Timeout = 0
	defer func() { b.c.Timeout = b.patience }()
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- b.c.Idle(stop, &client.IdleOptions{LogoutTimeout: idleRound, PollInterval: time.Minute})
	}()
	select {
	case err := <-done:
		if err == nil {
			err = io.EOF
		}
		return b.failure(err)
	case <-b.news:
	case <-ctx.Done():
	}
	close(stop)
	hung := time.AfterFunc(10*time.Second, b.cut)
	defer hung.Stop()
	if err := <-done; err != nil {
		return b.failure(err)
	}
	return nil
}

// idleRound is how long one IDLE lasts. Servers may end it after 30 minutes (RFC
// 2177), routers forget connections sooner.
const idleRound = 9 * time.Minute

// Package smtptest is a mail server for tests that takes mail and goes wrong as
// told.
package smtptest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// Server takes mail.
type Server struct {
	TLS, Plain string // addresses: TLS from the first byte, and STARTTLS

	mu       sync.Mutex
	password string
	token    string
	taken    []Mail
	wrong    func(step string) error
	conns    map[net.Conn]bool
}

// Mail is a message as it was taken.
type Mail struct {
	From string
	To   []string
	Raw  string
}

// Start runs a server until the test ends. Everybody has the same password.
func Start(t testing.TB, c *tls.Config, password string) *Server {
	t.Helper()
	s := &Server{password: password, conns: map[net.Conn]bool{}}
	for _, secure := range []bool{true, false} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		server := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
			return &session{server: s, conn: conn}, s.goes("greet")
		}))
		server.Domain, server.MaxMessageBytes, server.ErrorLog = "localhost", 10<<20, log.New(io.Discard, "", 0)
		if secure {
			s.TLS = l.Addr().String()
			l = tls.NewListener(l, c)
		} else {
			s.Plain = l.Addr().String()
			server.TLSConfig = c
		}
		go func() { _ = server.Serve(l) }()
		t.Cleanup(func() { _ = server.Close() })
	}
	return s
}

// Wrong lets the server go wrong: the function gives the answer at a step
// ("greet", "auth", "mail", "rcpt", "data", "taken"), nil for a good one. ErrCut
// ends the connection without a word.
func (s *Server) Wrong(f func(step string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = f
}

// Token is the one that is good.
func (s *Server) Token(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// ErrCut ends a connection without a word.
var ErrCut = errors.New("cut")

func (s *Server) goes(step string) error {
	s.mu.Lock()
	f := s.wrong
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(step)
}

// Taken is what was taken so far.
func (s *Server) Taken() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.taken...)
}

type session struct {
	server *Server
	conn   *smtp.Conn
	mail   Mail
	in     bool
}

var _ smtp.AuthSession = (*session)(nil)

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain, "XOAUTH2"} }

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	refused := &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Username and Password not accepted. BadCredentials"}
	if err := s.server.goes("auth"); err != nil {
		return nil, err
	}
	if mechanism == "XOAUTH2" {
		return &xoauth2{session: s, refused: refused}, nil
	}
	return sasl.NewPlainServer(func(_, _, password string) error {
		if s.in = password == s.server.password; !s.in {
			return refused
		}
		return nil
	}), nil
}

// xoauth2 explains a refusal in a challenge and waits for an empty answer, as
// Gmail does.
type xoauth2 struct {
	session   *session
	refused   error
	explained bool
}

func (x *xoauth2) Next(response []byte) (challenge []byte, done bool, err error) {
	if x.explained {
		if len(response) != 0 {
			return nil, true, fmt.Errorf("an empty line was expected")
		}
		return nil, true, x.refused
	}
	x.session.server.mu.Lock()
	good := "auth=Bearer " + x.session.server.token + "\x01\x01"
	x.session.server.mu.Unlock()
	if x.session.in = strings.HasSuffix(string(response), good); x.session.in {
		return nil, true, nil
	}
	x.explained = true
	return []byte(`{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}`), false, nil
}

func (s *session) step(name string) error {
	err := s.server.goes(name)
	if errors.Is(err, ErrCut) {
		_ = s.conn.Conn().Close()
	}
	return err
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.in {
		return smtp.ErrAuthRequired
	}
	s.mail = Mail{From: from}
	return s.step("mail")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.To = append(s.mail.To, to)
	return s.step("rcpt")
}

func (s *session) Data(r io.Reader) error {
	if err := s.step("data"); err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mail.Raw = string(raw)
	s.server.mu.Lock()
	s.server.taken = append(s.server.taken, s.mail)
	s.server.mu.Unlock()
	return s.step("taken")
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

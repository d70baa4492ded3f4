// Package smtp takes mail of the simulated accounts as smtp.gmail.com does: with
// TLS from the beginning or STARTTLS, signed in with an access token. What comes
// goes the way of the API's messages.send: a copy in Sent, the recipients'
// mailboxes, the list of what was sent.
package smtp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"rapport/simulator/front"
	"rapport/simulator/postal"
)

// MaxMessage is the largest message in bytes, as EHLO tells it.
const MaxMessage = 35882577

// maxRecipients of one message (https://support.google.com/a/answer/166852).
const maxRecipients = 100

// Server is Gmail's SMTP server.
type Server struct {
	door   *postal.Door
	server *smtp.Server
	config *tls.Config
	wg     sync.WaitGroup

	mu        sync.Mutex
	listeners []net.Listener
}

// New makes a server. Accounts come in by door.
func New(door *postal.Door, config *tls.Config) *Server {
	s := &Server{door: door, config: config}
	s.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{server: s, conn: c}, nil }))
	s.server.Domain = "smtp.gmail.com"
	s.server.MaxMessageBytes = MaxMessage
	s.server.MaxRecipients = maxRecipients
	s.server.MaxLineLength = 64 << 10
	s.server.ReadTimeout, s.server.WriteTimeout = 10*time.Minute, time.Minute
	s.server.EnableSMTPUTF8 = true
	s.server.TLSConfig = config
	s.server.ErrorLog = log.New(io.Discard, "", 0)
	return s
}

// Listen serves at an address until Close and returns where that is: with TLS
// from the beginning, or with STARTTLS.
func (s *Server) Listen(address string, implicitTLS bool) (net.Addr, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for SMTP: %w", err)
	}
	at := l.Addr()
	if implicitTLS {
		l = tls.NewListener(l, s.config)
	}
	s.mu.Lock()
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		_ = s.server.Serve(l) // ends with Close
	}()
	return at, nil
}

// Close ends all connections. The listeners are closed here, too: the library
// knows of one only when Serve has begun, and would wait for it forever.
func (s *Server) Close() error {
	err := s.server.Close()
	s.mu.Lock()
	for _, l := range s.listeners {
		_ = l.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	if errors.Is(err, smtp.ErrServerClosed) {
		return nil
	}
	return err
}

// Gmail's words.
func said(code int, a, b, c int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{a, b, c}, Message: text + " - gsmtp"}
}

var (
	errCredentials = said(535, 5, 7, 8, "Username and Password not accepted. For more information, go to https://support.google.com/mail/?p=BadCredentials")
	errPassword    = said(534, 5, 7, 9, "Application-specific password required. For more information, go to https://support.google.com/mail/?p=InvalidSecondFactor")
	errUnsigned    = said(530, 5, 7, 0, "Authentication Required. For more information, go to https://support.google.com/mail/?p=WantAuthError")
	errAddress     = said(553, 5, 1, 3, "The recipient address is not a valid RFC 5321 address.")
	errTooLarge    = said(552, 5, 3, 4, "Your message exceeded Google's message size limits. For more information, go to https://support.google.com/mail/?p=MaxSizeError")
	errEmpty       = said(555, 5, 5, 2, "Syntax error, cannot decode response.")
)

// session is one connection.
type session struct {
	server *Server
	conn   *smtp.Conn
	login  postal.Login
	to     []string
}

func (x *session) AuthMechanisms() []string {
	return []string{"LOGIN", "PLAIN", postal.XOAuth2, postal.OAuthBearer}
}

func (x *session) Auth(mechanism string) (sasl.Server, error) {
	switch mechanism {
	case postal.XOAuth2, postal.OAuthBearer:
		return &bearer{x: x, mechanism: mechanism}, nil
	case "PLAIN", "LOGIN":
		return nil, errPassword
	}
	return nil, said(504, 5, 7, 4, "Unrecognized Authentication Type")
}

// bearer signs in with a token. A refused one is explained in a challenge that
// the client has to answer.
type bearer struct {
	x              *session
	mechanism      string
	asked, refused bool
}

func (b *bearer) Next(response []byte) ([]byte, bool, error) {
	if b.refused {
		return nil, true, errCredentials
	}
	if response == nil && !b.asked {
		b.asked = true
		return nil, false, nil
	}
	if err := b.x.faulty("auth"); err != nil {
		return nil, true, err
	}
	l, ok := b.x.server.door.Enter(b.mechanism, response)
	if !ok {
		b.refused = true
		return []byte(postal.Refusal), false, nil
	}
	b.x.login = l
	return nil, true, nil
}

// faulty lets a fault of API "smtp" happen: cut, slow, or a status as the code.
func (x *session) faulty(method string) error {
	f := x.server.door.Faults.Pick("smtp", method, x.login.Email)
	if f == nil {
		return nil
	}
	switch f.Kind {
	case "slow":
		timer := time.NewTimer(f.Delay())
		defer timer.Stop()
		<-timer.C
		return nil
	case "status":
		return faultOf(f)
	}
	_ = x.conn.Conn().Close()
	return io.ErrUnexpectedEOF
}

func faultOf(f *front.Fault) error {
	code, text := f.Status, f.Message
	if code < 400 {
		code = 421
	}
	if text == "" {
		text = "Temporary System Problem. Try again later."
	}
	return said(code, code/100, 7, 0, text)
}

// signed checks that somebody has signed in and still may send.
func (x *session) signed() error {
	if x.login.Email == "" {
		return errUnsigned
	}
	if !x.server.door.Alive(x.login) {
		c := x.conn.Conn() // the library would keep it open
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(c, "421 4.7.0 Session expired, please login again. - gsmtp\r\n")
		_ = c.Close()
		return io.ErrClosedPipe
	}
	return nil
}

// Mail takes any sender: From is made one of the account's addresses.
func (x *session) Mail(_ string, o *smtp.MailOptions) error {
	if err := x.signed(); err != nil {
		return err
	}
	if o != nil && o.Size > MaxMessage {
		return errTooLarge
	}
	return x.faulty("mail")
}

func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	at := strings.LastIndexByte(to, '@')
	if at <= 0 || at == len(to)-1 || strings.ContainsAny(to, " \t") {
		return errAddress
	}
	if err := x.faulty("rcpt"); err != nil {
		return err
	}
	x.to = append(x.to, to)
	return nil
}

func (x *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if errors.Is(err, smtp.ErrDataTooLarge) {
		return errTooLarge
	}
	if err != nil {
		return err
	}
	if err := x.signed(); err != nil {
		return err
	}
	if err := x.faulty("data"); err != nil {
		return err
	}
	b, ok := x.server.door.Mail.Mailbox(x.login.Email)
	if !ok {
		return errCredentials
	}
	if _, err := b.Submit(raw, x.to, "["+host(x.conn.Conn())+"]"); err != nil {
		return errEmpty
	}
	return nil
}

func host(c net.Conn) string {
	h, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	return h
}

func (x *session) Reset()        { x.to = nil }
func (x *session) Logout() error { return nil }

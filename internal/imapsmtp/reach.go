package imapsmtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// reached is a connection to a server, encrypted, before anybody has signed in.
type reached struct {
	net.Conn
	greeting string // of a server that spoke before TLS began: it does not speak again
}

// reach connects to a server and makes the connection safe.
func (s *Servers) reach(ctx context.Context, m crm.MailServer, prelude func(*plain) (string, error)) (*reached, error) {
	if m.Security != crm.SecurityTLS && m.Security != crm.SecurityStartTLS {
		return nil, fault.New(fault.Invalid, "Passwords and tokens are sent over TLS only.")
	}
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	conn, err := s.Dial(ctx, "tcp", s.address(m))
	if err != nil {
		return nil, unreachable(m, err)
	}
	until := s.Now().Add(s.Patience)
	_ = conn.SetDeadline(until) // a connection that cannot have one fails at its first use
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	r := &reached{}
	if m.Security == crm.SecurityStartTLS {
		if r.greeting, err = prelude(&plain{conn}); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	safe := tls.Client(conn, &tls.Config{ServerName: m.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12})
	if err := safe.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, unsafe(m, err)
	}
	_ = safe.SetDeadline(time.Time{})
	r.Conn = safe
	return r, nil
}

// plain is a connection on which lines are exchanged before TLS. Not a byte
// behind a line is read: what a stranger might have put there is never taken for
// the server's word.
type plain struct{ net.Conn }

func (p *plain) line() (string, error) {
	var text []byte
	one := make([]byte, 1)
	for len(text) < 2000 {
		if _, err := io.ReadFull(p.Conn, one); err != nil {
			return "", fmt.Errorf("reading before TLS: %w", err)
		}
		if one[0] == '\n' {
			return string(bytes.TrimRight(text, "\r")), nil
		}
		text = append(text, one[0])
	}
	return "", errors.New("a line without an end")
}

func (p *plain) say(text string) error {
	_, err := io.WriteString(p.Conn, text+"\r\n")
	return err
}

// imapPrelude asks an IMAP server for TLS (RFC 3501, 6.2.1). One that says at
// once that somebody is signed in (PREAUTH) would never begin with it.
func imapPrelude(p *plain) (string, error) {
	greeting, err := p.line()
	if err != nil {
		return "", lost(err)
	}
	if words := strings.Fields(strings.ToUpper(greeting)); len(words) < 2 || words[1] != "OK" {
		if e := known(greeting); e != nil {
			return "", e
		}
		return "", withoutTLS()
	}
	for err = p.say("t STARTTLS"); err == nil; {
		var text string
		if text, err = p.line(); err != nil || !strings.HasPrefix(text, "t ") {
			continue
		}
		if strings.HasPrefix(strings.ToUpper(text), "T OK") {
			return "* OK ready", nil
		}
		return "", withoutTLS()
	}
	return "", lost(err)
}

// smtpPrelude asks an SMTP server for TLS (RFC 3207).
func smtpPrelude(p *plain) (string, error) {
	for _, ask := range []struct{ say, want string }{{"", "220"}, {"EHLO localhost", "250"}, {"STARTTLS", "220"}} {
		if ask.say != "" {
			if err := p.say(ask.say); err != nil {
				return "", lost(err)
			}
		}
		for {
			text, err := p.line()
			if err != nil {
				return "", lost(err)
			}
			if len(text) > 3 && text[3] == '-' {
				continue
			}
			if strings.HasPrefix(text, ask.want) {
				break
			}
			if ask.say == "STARTTLS" {
				return "", withoutTLS()
			}
			return "", fault.New(fault.Unavailable, "The server does not want to talk now.")
		}
	}
	return "220 ready", nil
}

func withoutTLS() error {
	return fault.New(fault.Blocked, "The server does not offer TLS on this port (STARTTLS), and without it nobody signs in. Try tls on port 993 or 465.")
}

// Read gives the greeting first, when the server does not.
func (r *reached) Read(b []byte) (int, error) {
	if r.greeting != "" {
		n := copy(b, r.greeting+"\r\n")
		r.greeting = ""
		return n, nil
	}
	return r.Conn.Read(b)
}

package simulator

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"rapport/simulator/imap"
	"rapport/simulator/postal"
	"rapport/simulator/smtp"
)

// MailAddresses are where IMAP and SMTP listen, "127.0.0.1:0" for any free port;
// an empty one is not served.
type MailAddresses struct {
	IMAP       string // TLS from the beginning, like imap.gmail.com:993
	IMAPPlain  string // without TLS, or STARTTLS: for tests
	SMTP       string // TLS from the beginning, like smtp.gmail.com:465
	Submission string // STARTTLS, like smtp.gmail.com:587
}

// protocols are the servers of IMAP and SMTP and where they listen.
type protocols struct {
	imap  *imap.Server
	smtp  *smtp.Server
	bound map[string]net.Addr
}

func (s *Simulator) makeProtocols() error {
	mailboxes, ok := s.Mail.(postal.Mailboxes)
	if !ok { // another mail room than Gmail's
		return nil
	}
	config, err := postal.TLS()
	if err != nil {
		return fmt.Errorf("certificate of the mail servers: %w", err)
	}
	door := &postal.Door{World: s.World, Tokens: s.OAuth, Mail: mailboxes, Faults: s.Front.Faults}
	s.mail = protocols{imap: imap.New(door, config), smtp: smtp.New(door, config), bound: map[string]net.Addr{}}
	return nil
}

// speak names the folders of an account in a language.
func (s *Simulator) speak(email, language string) error {
	if language == "" || s.mail.imap == nil {
		return nil
	}
	x := s.mail.imap.Settings(email)
	x.Language = language
	return s.mail.imap.Set(email, x)
}

// listenForMail begins to serve IMAP and SMTP where the options say.
func (s *Simulator) listenForMail() error {
	a := s.opt.Mail
	if a == (MailAddresses{}) {
		return nil
	}
	if s.mail.imap == nil {
		return errors.New("IMAP and SMTP need the standard mail room")
	}
	for name, l := range map[string]struct {
		address string
		listen  func(string, bool) (net.Addr, error)
		tls     bool
	}{
		"imap": {a.IMAP, s.mail.imap.Listen, true}, "imap plain": {a.IMAPPlain, s.mail.imap.Listen, false},
		"smtp": {a.SMTP, s.mail.smtp.Listen, true}, "submission": {a.Submission, s.mail.smtp.Listen, false},
	} {
		if l.address == "" {
			continue
		}
		at, err := l.listen(l.address, l.tls)
		if err != nil {
			return err
		}
		s.mail.bound[name] = at
	}
	return nil
}

func (s *Simulator) closeMail() error {
	if s.mail.imap == nil {
		return nil
	}
	return errors.Join(s.mail.imap.Close(), s.mail.smtp.Close())
}

func (s *Simulator) boundTo(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.mail.bound[name]; at != nil {
		return at.String()
	}
	return ""
}

// IMAPAddr is where IMAP with TLS listens; empty when it does not.
func (s *Simulator) IMAPAddr() string { return s.boundTo("imap") }

// IMAPPlainAddr is where IMAP without TLS listens.
func (s *Simulator) IMAPPlainAddr() string { return s.boundTo("imap plain") }

// SMTPAddr is where SMTP with TLS from the beginning listens.
func (s *Simulator) SMTPAddr() string { return s.boundTo("smtp") }

// SubmissionAddr is where SMTP with STARTTLS listens.
func (s *Simulator) SubmissionAddr() string { return s.boundTo("submission") }

// IMAP is the IMAP server, for its settings; nil without the standard mail room.
func (s *Simulator) IMAP() *imap.Server { return s.mail.imap }

// CertPool trusts the certificate of IMAP and SMTP, which is for imap.gmail.com,
// smtp.gmail.com, localhost and loopback addresses.
func (s *Simulator) CertPool() (*x509.CertPool, error) { return postal.CertPool() }

// CertPEM is that certificate.
func (s *Simulator) CertPEM() ([]byte, error) { return postal.CertPEM() }

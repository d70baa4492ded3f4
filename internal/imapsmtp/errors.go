package imapsmtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// unreachable classifies what went wrong before anything was said.
func unreachable(m crm.MailServer, err error) error {
	var f *fault.Error
	var dns *net.DNSError
	switch {
	case errors.As(err, &f): // the dialler refuses to go there
		return err
	case errors.As(err, &dns) && dns.IsNotFound:
		return &fault.Error{Kind: fault.Unavailable, Code: "host_unknown", Text: fmt.Sprintf("There is no server named %s.", m.Host), Err: err}
	case errors.As(err, &dns):
		return &fault.Error{Kind: fault.Unavailable, Code: "host_unknown", Text: fmt.Sprintf("The name %s cannot be looked up just now.", m.Host), Err: err}
	case errors.Is(err, context.Canceled):
		return err
	}
	return &fault.Error{Kind: fault.Unavailable, Code: "host_unreachable", Text: fmt.Sprintf("%s does not answer on port %d.", m.Host, m.Port), Err: err}
}

// unsafe classifies what went wrong while TLS began.
func unsafe(m crm.MailServer, err error) error {
	var name x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	text := fmt.Sprintf("%s breaks off when the connection is to be encrypted.", m.Host)
	switch {
	case errors.As(err, &name):
		text = fmt.Sprintf("The certificate of the server is not for %s.", m.Host)
	case errors.As(err, &unknown):
		text = fmt.Sprintf("The certificate of %s is signed by an authority that is not known here.", m.Host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		text = fmt.Sprintf("The certificate of %s has expired.", m.Host)
	case errors.As(err, &record):
		text = fmt.Sprintf("%s does not speak TLS on port %d. Try starttls, or the other port.", m.Host, m.Port)
	default:
		return &fault.Error{Kind: fault.Unavailable, Code: "tls_failed", Text: text, Err: err}
	}
	return &fault.Error{Kind: fault.Blocked, Code: "tls_failed", Text: text, Err: err}
}

// lost is a connection that broke.
func lost(err error) error {
	var f *fault.Error
	switch {
	case err == nil || errors.As(err, &f) || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &fault.Error{Kind: fault.Unavailable, Code: "mail_server_silent", Text: "The mail server has stopped answering.", Err: err}
	}
	return &fault.Error{Kind: fault.Unavailable, Code: "mail_server_gone", Text: "The mail server has ended the connection.", Err: err}
}

// refusedLogin is a sign-in that the server does not take.
func refusedLogin(m crm.MailServer, said string) error {
	if err := known(said); err != nil {
		return err
	}
	text := fmt.Sprintf("%s refuses the user name or the password.", m.Host)
	if m.Auth == crm.AuthOAuth2 {
		text = fmt.Sprintf("%s refuses the sign-in with Google, with a fresh token too. Perhaps IMAP is switched off for this account.", m.Host)
	}
	return &fault.Error{Kind: fault.Reconnect, Code: "mail_login_refused", Text: text, Err: errors.New(said)}
}

// known classifies what servers say in words alone, nil for anything else (Gmail:
// "[ALERT] Too many simultaneous connections. (Failure)" and others).
func known(said string) error {
	text := strings.ToLower(said)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("too many simultaneous", "maximum number of connections", "too many connections", "[limit]"):
		return &fault.Error{Kind: fault.Throttled, Code: "too_many_connections", After: 2 * time.Minute, Text: "The mail server says that this account has too many connections. Other mail programs have theirs too.", Err: errors.New(said)}
	case has("bandwidth limit", "exceeded command", "[overquota] rate", "try again later", "rate limit"):
		return &fault.Error{Kind: fault.Throttled, Code: "mail_server_limit", After: time.Hour, Text: "The mail server has had enough of this account for now. It is tried again in an hour.", Err: errors.New(said)}
	case has("not enabled for imap", "imap access is disabled", "imap is disabled"):
		return &fault.Error{Kind: fault.Blocked, Code: "imap_disabled", Text: "IMAP is switched off for this account. Its owner or an administrator can switch it on.", Err: errors.New(said)}
	case has("[unavailable]", "temporary", "temporarily", "internal error", "[serverbug]", "[inuse]"):
		return &fault.Error{Kind: fault.Unavailable, Code: "mail_server_trouble", Text: "The mail server has trouble of its own.", Err: errors.New(said)}
	}
	return nil
}

package imapsmtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail/accounts"
)

// way collects steps.
type way struct{ steps []accounts.Step }

func (w *way) good(name, detail string) {
	w.steps = append(w.steps, accounts.Step{Name: name, OK: true, Detail: detail})
}

func (w *way) bad(name string, err error, next string) {
	w.steps = append(w.steps, accounts.Step{Name: name, Detail: said(err), NextStep: next})
}

// Examine walks the way to the IMAP server and stops at the first step that
// fails; SMTP is tried in any case. Without a grant or password it goes as far as
// one gets without.
func (s *Servers) Examine(ctx context.Context, imap, smtp accounts.Login) []accounts.Step {
	w := &way{}
	s.examineIMAP(ctx, w, imap)
	anonymous := imap.Server.Auth == crm.AuthOAuth2 && imap.Grant == ""
	if !anonymous && ctx.Err() == nil {
		s.examineSMTP(ctx, w, smtp)
	}
	return w.steps
}

func (s *Servers) examineIMAP(ctx context.Context, w *way, l accounts.Login) {
	host := l.Server.Host
	b, err := s.greet(ctx, l.Server)
	switch code := codeOf(err); {
	case err != nil && (code == "host_unknown" || code == "address_not_allowed"):
		w.bad("dns", err, "Check the name of the server.")
		return
	case err != nil && code == "host_unreachable":
		w.good("dns", host+" was found.")
		w.bad("tls", err, "Check the port, and whether a firewall is in between.")
		return
	case err != nil:
		w.good("dns", host+" was found.")
		w.bad("tls", err, tlsAdvice(l.Server))
		return
	}
	b.cut()
	w.good("dns", host+" was found.")
	w.good("tls", fmt.Sprintf("%s answers on port %d, and its certificate is valid.", host, l.Server.Port))
	if l.Server.Auth == crm.AuthOAuth2 && l.Grant == "" {
		return
	}
	signed, err := s.open(ctx, l)
	if err != nil {
		name, next := "login", "Check the user name and the password. Many providers want an app password here, made in their settings for mail programs."
		if l.Server.Auth == crm.AuthOAuth2 {
			next = "Choose Connect with Google again. If it stays, ask the administrator whether IMAP is allowed."
		}
		switch fault.Of(err) {
		case fault.Permission:
			name, next = "permission", "Choose Connect with Google and leave the box for mail ticked."
		case fault.Blocked:
			name, next = "permission", "Switch IMAP on in the settings of the mailbox, or ask its administrator."
		case fault.Throttled, fault.Unavailable:
			next = "Wait some minutes and test again."
		}
		w.bad(name, err, next)
		return
	}
	defer signed.Close()
	w.good("login", l.Server.Username+" is signed in.")
	w.good("permission", "IMAP is allowed.")
	s.examineMailbox(ctx, w, signed)
}

func (s *Servers) examineMailbox(ctx context.Context, w *way, b *box) {
	p, err := b.Enter(ctx, "INBOX")
	if err != nil {
		w.bad("mailbox", err, "Check in another mail program whether the inbox opens.")
		return
	}
	extras := []string{}
	if b.features.Idle {
		extras = append(extras, "tells about new mail at once")
	}
	if b.features.Condstore {
		extras = append(extras, "tells what changed")
	}
	text := fmt.Sprintf("The inbox has %d messages.", p.Exists)
	if p.Exists == 1 {
		text = "The inbox has 1 message."
	}
	if len(extras) > 0 {
		text += " The server " + strings.Join(extras, " and ") + "."
	}
	w.good("mailbox", text)
}

func (s *Servers) examineSMTP(ctx context.Context, w *way, l accounts.Login) {
	p, err := s.openSMTP(ctx, l)
	if err != nil {
		next := "Check host, port and security for sending."
		if k := fault.Of(err); k == fault.Reconnect || k == fault.Permission {
			next = "Check user name and password for sending."
			if l.Server.Auth == crm.AuthOAuth2 {
				next = "Choose Connect with Google again."
			}
		}
		w.bad("smtp", err, next)
		return
	}
	_ = p.Quit()
	_ = p.Close()
	w.good("smtp", fmt.Sprintf("%s takes mail from %s.", l.Server.Host, l.Server.Username))
}

func tlsAdvice(m crm.MailServer) string {
	if m.Security == crm.SecurityTLS {
		return "Check the port: 993 and 465 are for tls, 143 and 587 for starttls. A certificate of one's own goes into MAIL_CA_FILE."
	}
	return "Try tls on port 993 or 465. A certificate of one's own goes into MAIL_CA_FILE."
}

// said is the text of an error that is meant for people.
func said(err error) string {
	var f *fault.Error
	var dns *net.DNSError
	switch {
	case errors.As(err, &f) && f.Text != "":
		return f.Text
	case errors.As(err, &dns):
		return "The name of the server cannot be looked up."
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "It took too long."
	}
	return "Something went wrong on the way."
}

func codeOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

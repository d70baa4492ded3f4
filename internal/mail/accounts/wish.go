package accounts

import (
	"fmt"
	"net"
	"net/mail"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Hosts of Gmail (Gmail, "IMAP, POP, and SMTP").
const (
	GmailIMAP = "imap.gmail.com"
	GmailSMTP = "smtp.gmail.com"
)

// IsGmail says whether a host is one of Gmail's.
func IsGmail(host string) bool {
	h := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(host)), ".")
	return h == GmailIMAP || h == GmailSMTP || h == "imap.googlemail.com" || h == "smtp.googlemail.com"
}

func (w Wish) gmail() bool { return IsGmail(w.IMAP.Host) || IsGmail(w.SMTP.Host) }

// complete fills in what goes without saying and refuses what cannot be; was is
// the account that is changed.
func (w Wish) complete(was *crm.Account) (Wish, error) {
	wrong := map[string]string{}
	w.Email = strings.ToLower(strings.TrimSpace(w.Email))
	if a, err := mail.ParseAddress(w.Email); err != nil || a.Address != w.Email || strings.ContainsAny(w.Email, "\r\n\x00") {
		wrong["email"] = "must be an address like name@example.org"
	}
	if w.Name = strings.TrimSpace(w.Name); strings.ContainsAny(w.Name, "\r\n\x00") {
		wrong["name"] = "must be one line"
	}
	presets(&w.IMAP, w.Email, GmailIMAP, 993, 143)
	presets(&w.SMTP, w.Email, GmailSMTP, 465, 587)
	checkServer(wrong, "imap", w.IMAP)
	checkServer(wrong, "smtp", w.SMTP)
	if w.gmail() {
		w.checkGmail(wrong)
	} else {
		w.checkOther(wrong, was)
	}
	slices.Sort(w.Folders)
	w.Folders = slices.Compact(slices.DeleteFunc(w.Folders, func(f string) bool { return f == "" }))
	if len(w.Folders) > 200 || slices.ContainsFunc(w.Folders, func(f string) bool { return len(f) > 500 || strings.ContainsAny(f, "\r\n\x00") }) {
		wrong["folders"] = "at most 200 names of folders"
	}
	if w.Limit != nil && (*w.Limit < 0 || *w.Limit > 10_000_000) {
		wrong["limit"] = "a number of messages, 0 for all"
	}
	if len(wrong) > 0 {
		return w, &fault.Error{Kind: fault.Invalid, Text: "The account cannot be stored like this: see fields.", Fields: wrong}
	}
	return w, nil
}

// presets fills in security, port, kind of sign-in and name.
func presets(s *crm.MailServer, email, gmail string, tls, starttls int) {
	s.Host = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s.Host)), ".")
	if IsGmail(s.Host) { // one name each, whatever the kind
		s.Host = gmail
	}
	if s.Security == "" {
		s.Security = crm.SecurityTLS
		if s.Port == starttls {
			s.Security = crm.SecurityStartTLS
		}
	}
	if s.Port == 0 {
		s.Port = tls
		if s.Security != crm.SecurityTLS {
			s.Port = starttls
		}
	}
	if s.Auth == "" {
		s.Auth = crm.AuthPassword
		if IsGmail(s.Host) {
			s.Auth = crm.AuthOAuth2
		}
	}
	if s.Username = strings.TrimSpace(s.Username); s.Username == "" {
		s.Username = email
	}
}

func checkServer(wrong map[string]string, at string, s crm.MailServer) {
	switch {
	case s.Host == "":
		wrong[at+".host"] = "is missing"
	case len(s.Host) > 253 || strings.ContainsAny(s.Host, " /@:?#\r\n\t\x00") && net.ParseIP(s.Host) == nil:
		wrong[at+".host"] = "must be the name of a server, without port or path"
	}
	if s.Port < 1 || s.Port > 65535 {
		wrong[at+".port"] = "must be between 1 and 65535"
	}
	switch s.Security {
	case crm.SecurityTLS, crm.SecurityStartTLS:
	case crm.SecurityNone:
		wrong[at+".security"] = "passwords and tokens are sent over TLS only: choose tls or starttls"
	default:
		wrong[at+".security"] = "must be tls or starttls"
	}
	if s.Auth != crm.AuthOAuth2 && s.Auth != crm.AuthPassword {
		wrong[at+".auth"] = "must be oauth2 or password"
	}
	if strings.ContainsAny(s.Username, "\r\n\x00\x01") {
		wrong[at+".username"] = "must be one line"
	}
}

// checkGmail: no passwords, and Gmail's own ports.
func (w Wish) checkGmail(wrong map[string]string) {
	if w.IMAP.Host != GmailIMAP || w.SMTP.Host != GmailSMTP {
		wrong["smtp.host"] = "a Gmail account reads from imap.gmail.com and sends through smtp.gmail.com"
	}
	if w.IMAP.Port != 993 || w.IMAP.Security != crm.SecurityTLS {
		wrong["imap.port"] = "Gmail's IMAP is on port 993 with tls"
	}
	if good := w.SMTP.Port == 465 && w.SMTP.Security == crm.SecurityTLS || w.SMTP.Port == 587 && w.SMTP.Security == crm.SecurityStartTLS; !good {
		wrong["smtp.port"] = "Gmail's SMTP is on port 465 with tls or 587 with starttls"
	}
	for at, s := range map[string]crm.MailServer{"imap": w.IMAP, "smtp": w.SMTP} {
		if s.Auth == crm.AuthPassword {
			wrong[at+".auth"] = "Rapport stores no password for Gmail: choose Connect with Google (oauth2)"
		}
		if !strings.EqualFold(s.Username, w.Email) {
			wrong[at+".username"] = "must be the address of the account"
		}
	}
	if !w.Password.IsZero() {
		wrong["password"] = "Rapport stores no password for Gmail: choose Connect with Google"
	}
}

// checkOther: tokens of Google's go to Google alone, and a password goes to no
// host that it was not entered for.
func (w Wish) checkOther(wrong map[string]string, was *crm.Account) {
	for at, s := range map[string]crm.MailServer{"imap": w.IMAP, "smtp": w.SMTP} {
		if s.Auth == crm.AuthOAuth2 {
			wrong[at+".auth"] = fmt.Sprintf("signing in with Google works with %s and %s only", GmailIMAP, GmailSMTP)
		}
	}
	if strings.ContainsAny(w.Password.Reveal(), "\r\n\x00") {
		wrong["password"] = "must be one line"
	}
	if !w.Password.IsZero() {
		return
	}
	switch {
	case was == nil:
		wrong["password"] = "is missing"
	case was.IMAP.Host != w.IMAP.Host || was.SMTP.Host != w.SMTP.Host:
		wrong["password"] = "has to be entered again for another server"
	}
}

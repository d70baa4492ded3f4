// Package accounts is the part of the mail room that keeps e-mail accounts:
// mailboxes read by IMAP and sent from by SMTP.
package accounts

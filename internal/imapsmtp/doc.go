// Package imapsmtp is the door to mail servers: IMAP and SMTP with passwords or
// OAuth tokens.
package imapsmtp

// Package postal is what the simulator's IMAP and SMTP servers have in common:
// the certificate they show and signing in with an access token.
package postal

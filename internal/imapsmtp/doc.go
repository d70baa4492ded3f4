// Package imapsmtp is the door to mail servers: IMAP and SMTP with passwords or
// OAuth tokens.
//
//   - TLS is always verified; nobody signs in without it.
//   - Addresses are judged after their names were resolved (Options.Dial).
//   - XOAUTH2 and OAUTHBEARER answer the challenge that carries an error, as Gmail
//     asks ("IMAP, POP, and SMTP: OAuth 2.0 mechanism"), so that a refusal is an
//     answer and not a silence. A refused token is renewed once.
//   - What servers send is bounded (see bounded): they are not ours.
//   - An account has at most Options.PerAccount connections at a time.
//   - Errors leave classified (see errors.go).
package imapsmtp

// Package accounts is the part of the mail room that keeps e-mail accounts:
// mailboxes read by IMAP and sent from by SMTP.
//
// # Identity
//
// A message is known by what it is, not by where it lies: by Gmail's X-GM-MSGID
// (in hexadecimal, as the Gmail API writes it), elsewhere by its Message-ID, Date
// and size. So a message that is moved, copied, or found again after a folder got
// new UIDs (UIDVALIDITY) stays the same row, and a Gmail account that is read by
// the Gmail API too is not doubled. Where it lies is kept beside it (Copy): the
// folders are its labels.
//
// # Position
//
// Each folder is a stream whose mark is UIDVALIDITY, UIDNEXT and, where the
// server has CONDSTORE, the mod-sequence. Messages, copies and mark are written
// in one transaction (Copies.ApplyFolder).
//
// # Gmail
//
// An account at Gmail's hosts signs in with the member's Google connection, never
// with a password, and its mail stands under that connection. While the Gmail API
// syncs it, IMAP brings messages that are missing and news of changes (IDLE), and
// leaves what becomes of them to the API.
package accounts

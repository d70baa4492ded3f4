// Package imap serves the simulated mailboxes by IMAP (RFC 3501) as Gmail does:
// labels are folders, a message is in several of them and once in All Mail,
// extensions X-GM-EXT-1, CONDSTORE, MOVE, IDLE, UIDPLUS, SPECIAL-USE
// (https://developers.google.com/workspace/gmail/imap/imap-extensions).
//
// What it does not do: COMPRESS, UTF8=ACCEPT, QRESYNC, SORT, THREAD.
package imap

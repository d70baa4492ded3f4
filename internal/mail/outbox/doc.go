// Package outbox is the part of the mail room that sends: messages wait as rows
// until Gmail has them, drafts, aliases and signatures.
//
// Rules:
//
//   - A message is stored before it is sent, whole and as it will travel, with the
//     Idempotency-Key of whoever asked. Asking twice makes one row.
//   - A row is sent by one job at a time, and moves only from the state it was
//     read in. What it moves to is told in the same transaction.
//   - Rights are looked at when the message is asked for and again when it is sent.
//   - No attempt is made while the outcome of an earlier one is open.
//
// # Was it sent?
//
// Gmail knows no idempotency key: after a time-out, a cut connection, a 5xx or a
// crash of ours nobody knows whether it has taken the message. An attempt is
// therefore written down before it is made, with the mailbox's history id of that
// moment (the mark), and stays open until we know:
//
//	answer with an id              it was sent
//	400, 401, 403, 404, 413        it was not: Google refused the request itself
//	everything else, and a crash   open
//
// An open attempt is settled by reading the mailbox's history from the mark.
// Whatever Gmail accepts after a moment stands in the history after that moment's
// id as an added message with the label SENT, and goes on standing there when it
// is deleted later; the history is what synchronisation rests on (Gmail API
// guides, "Synchronizing a mailbox"), while searches run behind. Each such message
// is read and compared with our marks: the header X-Rapport-Id, and the Message-ID
// or X-Google-Original-Message-ID, since Gmail may replace the Message-ID.
//
//	one of them carries our mark            it was sent
//	nothing is there, and the attempt is
//	older than a request can live           it was not: another attempt is made
//	nothing is there yet                    wait, look again
//	one is there that cannot be read, or
//	without any mark but with the same
//	subject and recipients                  nobody can tell: it is given up with
//	                                        words, never sent again by itself
//
// A request lives no longer than its own deadline plus the time Google may go on
// with it (settle). Google forgets histories after a week or so; then Sent is read
// through, newest first, down to the moment of the attempt. Where the grant does
// not let the mailbox be read, nothing is ever sent a second time.
package outbox

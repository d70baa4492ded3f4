// Package mail is the mail room: it keeps a complete, current copy of the chosen
// part of a Gmail mailbox, reads it to its owner, and says what it could not
// import.
//
// Rules:
//
//   - Items, ledger, counts and the position of a stream are written in one
//     transaction. A crash repeats work and never skips it.
//   - The history id is read before anything is listed. Whatever changes
//     meanwhile is seen again as a change.
//   - A message is tombstoned only when Google names it: a deletion in the
//     history, or a 404 when it was fetched. Absence from a list is a reason to
//     ask for it, never a reason to delete.
//   - A message that cannot be read goes to the ledger and never holds up the
//     others. It is tried again by itself, then parked until somebody asks.
//   - Newer beats older: every change carries the history id up to which it is
//     known, and the store ignores what is older than its row.
//   - What is fetched is written a while later: every stream that fetches has the
//     changes since its fetch applied again after it has written.
//   - Spam, trash, drafts and chats are never imported. What was imported and is
//     moved there later keeps its row and shows its labels.
//
// Streams of a connection (each a position in the store, see engine.Checkpoint):
//
//	stream          begins with            position                      ends
//	gmail.history   profile's history id   history id, page, record      never; a poll without changes writes nothing
//	gmail.backfill  history's mark held    page and offset per label     newest N imported; continues when more is chosen
//	gmail.verify    history id             none: begins anew             Google's ids and ours agree
//	gmail.retry     the ledger             none                          nothing due
//
// States of gmail.history:
//
//	fresh     no mark       Open holds the history id, the listing is empty (the back-fill imports)
//	following mark          Since gives changes; the mark moves with the last page of a walk
//	expired   Google 404    the engine begins a full pass: Open holds a new history id, the listing
//	                        is the reconciliation, then the held id is the mark
//
// Where the package speaks of Gmail's behaviour, the pages "Synchronizing a
// mailbox" (Gmail API guides) and the references of users.messages and
// users.history are meant.
package mail

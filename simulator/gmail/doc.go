// Package gmail is the simulated Gmail: mailboxes with their messages,
// threads, labels, drafts, history, search, sending, and push notifications.
//
// A mailbox keeps one small entry per message. Generated messages are only a
// key into a data.Source and are written out when somebody reads them;
// messages that were sent, delivered or inserted are kept as they came. So a
// mailbox of a million messages costs some 70 MB and is made in seconds.
//
// Behaviour follows Google's reference; where the reference is silent the
// comment at the place says so.
package gmail

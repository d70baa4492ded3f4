// Package control is the simulator's own API under /_sim/: accounts, mail,
// clock, faults, notifications, quota, latency, logs and reset. It is what
// tests and demonstrations drive; it exists on loopback only and has no login.
package control

import (
	"time"

	"rapport/simulator/world"
)

// Mailboxes is what the control API needs of the mail room.
type Mailboxes interface {
	// Create makes the mailbox of a new account with n generated messages; the
	// same (account, n, seed) always gives the same mailbox. n may be 1,000,000:
	// the mailbox is generated on the fly. Creating a mailbox that exists
	// replaces it.
	Create(account world.Account, n int, seed int64) error
	// Counts tells the size of a mailbox; false when the account has none.
	Counts(email string) (Counts, bool)
	// Deliver puts a message into a mailbox as if it had arrived now (or at
	// m.Date): history is written and watchers are notified. When From is an
	// account of the simulator nothing is put into its Sent.
	Deliver(email string, m Message) (Delivered, error)
	// ExpireHistory makes every history id known so far too old for a mailbox.
	ExpireHistory(email string) error
	// Sent lists everything that left an account, oldest first.
	Sent() []Sent
	// Reset drops all mailboxes and the Sent list. The control API then calls
	// Create again for every account of the seed.
	Reset()
}

// Counts is the size of a mailbox.
type Counts struct {
	Messages  int
	HistoryID uint64
}

// Message is a message to deliver. Raw wins over everything else but Labels.
type Message struct {
	From        string       `json:"from"`
	To          []string     `json:"to"`
	Subject     string       `json:"subject"`
	Text        string       `json:"text"`
	HTML        string       `json:"html"`
	Raw         string       `json:"raw"` // base64url, with or without padding
	Date        time.Time    `json:"date"`
	Labels      []string     `json:"labels"` // ids or names; empty means INBOX and UNREAD
	ThreadID    string       `json:"thread_id"`
	InReplyTo   string       `json:"in_reply_to"`
	Attachments []Attachment `json:"attachments"`
}

// Attachment is a file of a Message.
type Attachment struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Data string `json:"data"` // base64, either alphabet
}

// Delivered names a delivered message.
type Delivered struct {
	ID        string `json:"id"`
	ThreadID  string `json:"threadId"`
	HistoryID uint64 `json:"historyId,string"`
}

// Sent is one message or invitation that left an account.
type Sent struct {
	Time      time.Time `json:"time"`
	From      string    `json:"from"`
	To        []string  `json:"to"`
	Subject   string    `json:"subject"`
	MessageID string    `json:"message_id"` // the Message-ID header
	ID        string    `json:"id"`         // the id in the sender's mailbox
	Why       string    `json:"why"`        // send, invite, update, cancel
}

// Expirer makes the sync cursors of one account too old for one API: the
// calendar room for /calendar/expire, the people room for /people/expire.
type Expirer interface {
	Expire(email string) error
}

// Resetter is a room that can go back to its beginning.
type Resetter interface {
	Reset()
}

// IMAP is what the control API needs of the IMAP server.
type IMAP interface {
	Settings(email string) IMAPSettings
	Set(email string, to IMAPSettings) error
	// ChangeValidity gives the messages of a folder other UIDs; of all folders
	// with "".
	ChangeValidity(email, folder string) error
	// Sessions are those that are signed in, each by which of the account's sign-ins
	// it is, from 1, in order.
	Sessions(email string) []int
	Drop(email string) // cuts the connections
}

// IMAPSettings are what IMAP is like for an account.
type IMAPSettings struct {
	Language    string // of the folders under [Gmail]
	Disabled    bool   // IMAP is switched off
	Connections int    // at once
}

// Meetings is what the control API needs of the Meet room.
type Meetings interface {
	// Join makes a conference go on in the space of a meeting code, as when
	// somebody enters it; false when there is no such space.
	Join(code string) bool
}

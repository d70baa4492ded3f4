package crm

import "time"

// Address is a mailbox with an optional display name. Email is lower case.
type Address struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Email is one synced message (table synced_emails). Date is Google's internal
// date: the sort key. BodyHTML is as received: it is made safe on the way out,
// never trusted.
type Email struct {
	ID              EmailID
	WorkspaceID     WorkspaceID
	ConnectionID    ConnectionID
	GmailID         string
	ThreadID        string // Gmail's thread id
	RFC822MessageID string
	InReplyTo       string
	References      []string
	Subject         string
	From            Address
	To, Cc, Bcc     []Address
	ReplyTo         []Address
	Snippet         string
	BodyText        string
	BodyHTML        string
	Labels          []string
	Date            time.Time
	Size            int64
	Bulk            bool // List-Id, List-Unsubscribe, Precedence, Auto-Submitted
	HasAttachments  bool
	Attachments     []Attachment
	HistoryID       uint64 // of the last change seen
	Raw             []byte // Google's answer, zstd; nil when not kept
	DeletedAt       *time.Time
	View            View       // how the caller it was read for sees it
	Links           []MailLink // to records, those that the caller sees
}

// IsRead reports whether Gmail shows the message as read.
func (e *Email) IsRead() bool { return !e.HasLabel("UNREAD") }

// IsStarred reports whether Gmail shows the message starred.
func (e *Email) IsStarred() bool { return e.HasLabel("STARRED") }

// HasLabel reports whether the message carries a Gmail label id.
func (e *Email) HasLabel(id string) bool {
	for _, l := range e.Labels {
		if l == id {
			return true
		}
	}
	return false
}

// Attachment of a message. PartID is stable; Gmail's attachment ids are not
// (Gmail API, users.messages.attachments), so they are never stored.
type Attachment struct {
	ID        AttachmentID `json:"id"`
	PartID    string       `json:"part_id"`
	Name      string       `json:"name"`
	Type      string       `json:"type"`
	Size      int64        `json:"size"`
	ContentID string       `json:"content_id"`
	Inline    bool         `json:"inline"`
}

// Label of a mailbox. Type is "system" or "user".
type Label struct {
	ID, Name, Type  string
	TextColor       string
	BackgroundColor string
}

// Package crm holds the nouns of the product and their typed identifiers. It
// knows no database, no HTTP and no Google.
package crm

import (
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// Identifiers are UUIDs (version 7) in their canonical text form.
type (
	WorkspaceID    string
	UserID         string
	ConnectionID   string
	GrantID        string
	ClientID       string // an OAuth client registered with Google, ours by row
	EmailID        string
	AttachmentID   string
	RunID          string
	FailureID      string
	KeyID          string
	SessionID      string
	RecordID       string
	InvitationID   string
	LinkID         string // a connect link
	LeaseID        string
	OutgoingID     string // a message in the outbox
	ChangeID       string // a change of labels on its way to Gmail
	ShareID        string
	RuleID         string // a blocked or protected address
	AccountID      string // an e-mail account
	WebhookID      string
	DeliveryID     string // of a webhook
	ObjectTypeID   string
	TagID          string
	NoteID         string
	TaskID         string
	MergeID        string // one record taken into another
	ImportID       string // of a CSV or vCard file
	RecordChangeID string // a change of many records at once
	SightingID     string // a value seen in a message: evidence, and perhaps a suggestion
)

// NewID makes a UUID version 7 (RFC 9562): 48 bits of milliseconds, then
// randomness, so that ids made later sort later.
func NewID(now time.Time, random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[6:]); err != nil {
		return "", fmt.Errorf("reading randomness for an id: %w", err)
	}
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (8 * (5 - i)))
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}

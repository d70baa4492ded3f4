package crm

import "time"

// Sighting is a value for a field of a person or a company that was seen in a
// message, with what shows it.
type Sighting struct {
	ID         SightingID
	RecordID   RecordID
	Field      string // name, title, company, phone, linkedin, website, address, email
	Value      string // as it would be stored: E.164 for a phone
	Label      string // of a phone: work, mobile, home, fax
	Ext        string // of a phone
	Raw        string // as it stands in the message
	EmailID    EmailID
	Line       string // the quoted line
	SeenAt     time.Time
	Engine     string // rules, or model:<name>
	Confidence float64
	State      SightingState
	Note       string // "may have changed job", in words
	DecidedBy  UserID
	DecidedAt  *time.Time
}

// SightingState says what became of a value.
type SightingState string

const (
	SightingApplied    SightingState = "applied"    // it is the record's value
	SightingConfirmed  SightingState = "confirmed"  // it says what the record has already
	SightingSuggested  SightingState = "suggested"  // somebody is to look at it
	SightingAccepted   SightingState = "accepted"   // somebody took it
	SightingDismissed  SightingState = "dismissed"  // somebody does not want it: not suggested again
	SightingSuperseded SightingState = "superseded" // a newer one took its place
)

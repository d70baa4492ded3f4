// Package signature finds what people say of themselves at the end of their mail:
// name, title, company, phones, addresses. It is pure: what it is given is all it
// looks at.
package signature

import "time"

// Message is one message as the engine reads it.
type Message struct {
	FromName  string
	FromEmail string
	Subject   string
	Text      string // plain text, quotes and all
	Date      time.Time
	Region    string // country of numbers without a country code (ISO 3166: DE), "" unknown
	Bulk      bool   // lists, newsletters, automatic answers
}

// Kinds of Found.
const (
	KindSignature = "signature" // a block with more than a name
	KindNameOnly  = "name_only" // a name under the text, and nothing else
	KindNone      = "none"
)

// Found is what stands in a message.
type Found struct {
	Kind   string
	Values []Value
	Block  string // the lines of the signature, as they stand in the message
}

// Fields of Value.
const (
	FieldName     = "name"
	FieldTitle    = "title"
	FieldCompany  = "company"
	FieldPhone    = "phone"
	FieldLinkedIn = "linkedin"
	FieldWebsite  = "website"
	FieldAddress  = "address"
)

// Value is one value with what shows it.
type Value struct {
	Field      string
	Value      string // as it is stored: E.164 for a phone
	Label      string // of a phone: work, mobile, home, fax, other
	Ext        string // of a phone
	Raw        string // as it stands in the message
	Line       string // the line it stands in
	Confidence float64
}

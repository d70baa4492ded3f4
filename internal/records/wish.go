package records

import (
	"encoding/json"

	"rapport/internal/crm"
)

// Wish asks for a record, or for a change of one: what is nil stays, what is empty
// is taken away. Values are as they are stored: see Checker.
type Wish struct {
	Name, FirstName, LastName *string
	Title                     *string
	Emails, Phones            *[]crm.Contact
	Domains                   *[]string
	Company                   *crm.RecordID
	Stage                     *string
	Amount                    *crm.Money // without a currency: none
	CloseDate                 *string
	People                    *[]Role
	Address                   *string
	LinkedIn                  *string
	Website                   *string
	Description               *string
	Class                     *crm.Class
	Fields                    map[string]json.RawMessage // nil or null: taken away
	Owner                     *crm.UserID
	Tags                      *[]crm.TagID      // of those the caller sees
	ExternalIDs               map[string]string // by system; "": taken away

	// What is to be there beside what is there already.
	AddEmails, AddPhones []crm.Contact
	AddDomains           []string
}

// Role is a person of a deal.
type Role struct {
	Person crm.RecordID
	Role   string
}

// Deliberate reports whether somebody means what is set: a person, or a program or file
// that a person let in. What others set gives way to what a person typed.
func Deliberate(by crm.By) bool {
	return by == crm.ByMember || by == crm.ByAPI || by == crm.ByImport
}

package crm

import (
	"encoding/json"
	"time"
)

// RecordType is the key of an object type: one of the three below, or that of a
// custom one.
type RecordType string

const (
	Person  RecordType = "person"
	Company RecordType = "company"
	Deal    RecordType = "deal"
)

// Record is a person, a company, a deal or a custom object. Fields that its type
// does not have are empty. Version counts its changes (ETag).
type Record struct {
	ID          RecordID
	WorkspaceID WorkspaceID
	Type        RecordType
	Name        string // as shown: a person's full name, a company's name, a deal's title
	FirstName   string // of a person; empty where only the full name is known
	LastName    string
	Emails      []Contact // one is primary, and stands first
	Phones      []Contact // E.164 in Value, as written in Raw
	Domains     []string  // of a company, the first is the main one; lower case, registrable
	Title       string    // of a person: the job
	Company     *RecordRef
	Stage       string // a person's or a deal's: see PersonStages, DealStages
	Amount      *Money
	CloseDate   string     // of a deal: 2026-11-30
	People      []DealRole // of a deal
	Address     string     // postal, in lines
	LinkedIn    string     // https://www.linkedin.com/in/...
	Website     string
	Description string
	Class       Class
	Fields      map[string]json.RawMessage // of custom types, and extra fields of the standard ones, by key
	OwnerID     UserID
	OwnerName   string
	Tags        []Tag // those the caller sees
	ExternalIDs map[string]string
	Sources     map[string]Source // who filled a field, by its name in the API; absent: nobody yet
	CreatedBy   Maker
	CreatedAt   time.Time
	UpdatedAt   time.Time
	LastAt      *time.Time // of the newest activity that is linked
	DeletedAt   *time.Time
	MergedInto  RecordID
	Version     int64
}

// RecordRef names another record.
type RecordRef struct {
	ID   RecordID   `json:"id"`
	Type RecordType `json:"type"`
	Name string     `json:"name"`
}

// Contact is an e-mail address or a phone number of a record.
type Contact struct {
	Value   string `json:"value"`
	Raw     string `json:"raw,omitempty"`
	Label   string `json:"label,omitempty"` // work, mobile, home, fax, other
	Ext     string `json:"ext,omitempty"`
	Primary bool   `json:"primary"`
}

// DealRole is a person of a deal.
type DealRole struct {
	Person RecordRef `json:"person"`
	Role   string    `json:"role,omitempty"`
}

// Stages in their order. A lead is a person of stage "lead".
var (
	PersonStages = []string{"lead", "contact", "customer", "former"}
	DealStages   = []string{"new", "qualified", "proposal", "negotiation", "won", "lost"}
)

// Open reports whether mail of its people is linked to a deal of this stage.
func Open(stage string) bool { return stage != "won" && stage != "lost" }

// Class is what a person is to the workspace.
type Class struct {
	Name       string  `json:"name"` // see Classes; "" not classified yet
	Confidence float64 `json:"confidence"`
	By         string  `json:"by"`            // rules, model, person: a person's stays
	Why        string  `json:"why,omitempty"` // in words
}

// Classes of contacts.
var Classes = []string{"lead", "customer", "vendor", "partner", "recruiter", "personal", "automated", "unknown"}

// Source is who filled a field of a record.
type Source struct {
	By         By        `json:"by"`
	Confidence float64   `json:"confidence,omitempty"` // of enrichment
	EmailID    EmailID   `json:"email_id,omitempty"`
	UserID     UserID    `json:"user_id,omitempty"` // who typed it
	Name       string    `json:"-"`                 // of who typed it, where one record is read
	At         time.Time `json:"at"`
}

// By is how something came into the CRM.
type By string

const (
	ByMember  By = "member" // typed by a person: nothing overwrites it by itself
	ByMail    By = "mail"
	ByEnrich  By = "enrichment"
	ByEvent   By = "calendar"
	ByContact By = "contacts"
	ByAPI     By = "api"
	ByImport  By = "import"
)

// Maker is who made a record.
type Maker struct {
	By     By     `json:"by"`
	UserID UserID `json:"user_id,omitempty"`
	Name   string `json:"name,omitempty"` // of the user; filled when it is read
	KeyID  KeyID  `json:"key_id,omitempty"`
}

// Tag of a workspace, or a private one of a member.
type Tag struct {
	ID      TagID  `json:"id"`
	Name    string `json:"name"`
	Colour  string `json:"colour"`
	OwnerID UserID `json:"owner_id,omitempty"` // "" for shared ones
}

// ObjectType describes a kind of records. The three standard ones always exist;
// administrators give them fields and make others.
type ObjectType struct {
	ID          ObjectTypeID
	WorkspaceID WorkspaceID
	Key         RecordType // a-z, 0-9 and _, never changes
	Name        string
	Plural      string
	Icon        string // name of an icon of the UI
	Fields      []Field
	Standard    bool
	Count       int64 // its records, deleted ones left out
	CreatedAt   time.Time
	DeletedAt   *time.Time
}

// Field of an object type.
type Field struct {
	Key      string     `json:"key"`
	Name     string     `json:"name"`
	Type     FieldType  `json:"type"`
	Options  []string   `json:"options,omitempty"`  // of a select
	Currency string     `json:"currency,omitempty"` // of money
	Target   RecordType `json:"target,omitempty"`   // of a relation
	Required bool       `json:"required,omitempty"`
}

// FieldType is what a field holds, in JSON: text, email, phone, url and select a
// string, number a number, money {"minor","currency"}, date "2026-11-30",
// relation {"id","type","name"}.
type FieldType string

const (
	FieldText     FieldType = "text"
	FieldNumber   FieldType = "number"
	FieldMoney    FieldType = "money"
	FieldDate     FieldType = "date"
	FieldSelect   FieldType = "select"
	FieldEmail    FieldType = "email"
	FieldPhone    FieldType = "phone"
	FieldURL      FieldType = "url"
	FieldRelation FieldType = "relation"
)

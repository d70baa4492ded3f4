package records

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Checker checks what is to be stored in records.
type Checker struct {
	// Region is where numbers without a country code are from (ISO 3166), "" nowhere.
	Region string
}

// Bounds of what a record holds.
const (
	maxName        = 300
	maxText        = 500
	maxAddress     = 1000
	maxDescription = 20_000
	maxOwnText     = 5000
	maxContacts    = 50
	maxPeople      = 100
	maxSystems     = 20
	maxTags        = 50
	maxURL         = 2000
	shortestPhone  = len("+123456")
	maxMinor       = 1_000_000_000_000_000
)

// of says which fields a type has; every type has those of allTypes.
var (
	allTypes = []string{"type", "name", "description", "fields", "owner_id", "tag_ids", "external_ids"}
	fieldsOf = map[crm.RecordType][]string{
		crm.Person:  {"first_name", "last_name", "emails", "phones", "title", "company_id", "stage", "address", "linkedin", "website", "class"},
		crm.Company: {"emails", "phones", "domains", "address", "linkedin", "website"},
		crm.Deal:    {"company_id", "stage", "amount", "close_date", "people"},
	}
)

// Labels of e-mail addresses and phone numbers.
var (
	emailLabels = []string{"work", "home", "other"}
	phoneLabels = []string{"work", "mobile", "home", "fax", "other"}
)

// Wish reads fields as the API names them, in JSON, for a record of a type: null and
// empty values take away, what is absent stays. creating asks for what a new record
// must have. fault.Invalid names every field that is wrong.
func (k Checker) Wish(o crm.ObjectType, in map[string]json.RawMessage, creating bool) (Wish, error) {
	c := &checking{Checker: k, in: in, wrong: map[string]string{}}
	for _, field := range slices.Sorted(maps.Keys(in)) {
		if !slices.Contains(allTypes, field) && !slices.Contains(fieldsOf[o.Key], field) {
			c.mistake(field, "is no field of "+strings.ToLower(o.Plural))
		}
	}
	w := c.standard()
	c.own(o, &w, creating)
	c.named(o, &w, creating)
	if len(c.wrong) > 0 {
		return Wish{}, Invalid(c.wrong)
	}
	return w, nil
}

// Invalid is the fault of fields that are wrong.
func Invalid(wrong map[string]string) error {
	first := slices.Sorted(maps.Keys(wrong))[0]
	return &fault.Error{Kind: fault.Invalid, Text: first + " " + wrong[first] + ".", Fields: wrong}
}

func invalid(field, what string) error { return Invalid(map[string]string{field: what}) }

// checking is one run over fields.
type checking struct {
	Checker
	in    map[string]json.RawMessage
	wrong map[string]string
}

func (c *checking) mistake(field, what string) {
	if _, known := c.wrong[field]; !known && len(c.wrong) < 50 {
		c.wrong[field] = what
	}
}

// read gives a value as T; absent and null are nil, and given says which.
func read[T any](c *checking, field, kind string) (v *T, given bool) {
	raw, given := c.in[field]
	if !given || isNull(raw) {
		return nil, given
	}
	v = new(T)
	if err := strict(raw, v); err != nil {
		c.mistake(field, "must be "+kind)
		return nil, false
	}
	return v, true
}

func strict(raw json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(bytes.TrimSpace(raw)) == "null" }

// text reads a text; null is the empty one.
func (c *checking) text(field string, most int, lines bool) *string {
	v, given := read[string](c, field, "a text")
	if !given {
		return nil
	}
	if v == nil {
		v = new(string)
	}
	tidy := tidyText(*v, lines)
	if utf8.RuneCountInString(tidy) > most {
		c.mistake(field, fmt.Sprintf("must have at most %d characters", most))
		return nil
	}
	return &tidy
}

// tidyText takes off spaces at the ends and characters that no text has.
func tidyText(v string, lines bool) string {
	v = strings.ReplaceAll(v, "\r\n", "\n")
	v = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines, r == '\t' && lines:
			return r
		case r == '\n', r == '\t', r == '\r':
			return ' '
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
			return -1
		}
		return r
	}, strings.ToValidUTF8(v, "\uFFFD"))
	return strings.TrimSpace(v)
}

// parsed reads a text that has one form; the empty one stays empty.
func (c *checking) parsed(field string, most int, parse func(string) (string, string)) *string {
	v := c.text(field, most, false)
	if v == nil || *v == "" {
		return v
	}
	out, wrong := parse(*v)
	if wrong != "" {
		c.mistake(field, wrong)
		return nil
	}
	return &out
}

func (c *checking) standard() Wish {
	w := Wish{
		Name: c.text("name", maxName, false), FirstName: c.text("first_name", maxName, false), LastName: c.text("last_name", maxName, false),
		Title: c.text("title", maxText, false), Address: c.text("address", maxAddress, true), Description: c.text("description", maxDescription, true),
		LinkedIn: c.parsed("linkedin", maxURL, LinkedIn), Website: c.parsed("website", maxURL, URL), CloseDate: c.parsed("close_date", 10, date),
		Emails: c.contacts("emails", emailLabels, c.Email), Phones: c.contacts("phones", phoneLabels, c.Phone),
	}
	w.Stage = c.text("stage", maxText, false)
	w.Company = (*crm.RecordID)(c.id("company_id"))
	w.Owner = (*crm.UserID)(c.id("owner_id"))
	c.domains(&w)
	c.amount(&w)
	c.people(&w)
	c.class(&w)
	c.tags(&w)
	c.externalIDs(&w)
	return w
}

// id reads an id; null is the empty one.
func (c *checking) id(field string) *string {
	v := c.text(field, 64, false)
	if v != nil && strings.ContainsFunc(*v, func(r rune) bool { return r > unicode.MaxASCII }) {
		c.mistake(field, "is no id")
		return nil
	}
	return v
}

// contacts reads a list of {"value", "label", "ext", "primary"}, or of texts.
func (c *checking) contacts(field string, labels []string, parse func(string) (crm.Contact, string)) *[]crm.Contact {
	raw, given := read[[]json.RawMessage](c, field, "a list")
	if !given {
		return nil
	}
	list := []crm.Contact{}
	if raw == nil {
		return &list
	}
	if len(*raw) > maxContacts {
		c.mistake(field, fmt.Sprintf("must have at most %d", maxContacts))
		return nil
	}
	for i, one := range *raw {
		at := fmt.Sprintf("%s[%d]", field, i)
		var in crm.Contact
		if json.Unmarshal(one, &in.Value) != nil && strict(one, &in) != nil {
			c.mistake(at, `must be a text, or {"value", "label", "primary"}`)
			continue
		}
		out, wrong := parse(tidyText(in.Value, false))
		if wrong != "" {
			c.mistake(at+".value", wrong)
			continue
		}
		switch {
		case in.Label == "":
		case !slices.Contains(labels, in.Label):
			c.mistake(at+".label", "must be one of "+strings.Join(labels, ", "))
		default:
			out.Label = in.Label
		}
		if out.Primary = in.Primary; in.Ext != "" {
			if out.Ext = tidyText(in.Ext, false); len(out.Ext) > 20 {
				c.mistake(at+".ext", "must have at most 20 characters")
			}
		}
		list = append(list, out)
	}
	return &list
}

func (c *checking) domains(w *Wish) {
	in, given := read[[]string](c, "domains", "a list of texts")
	if !given {
		return
	}
	list := []string{}
	if in != nil {
		if len(*in) > maxContacts {
			c.mistake("domains", fmt.Sprintf("must have at most %d", maxContacts))
		}
		for i, text := range *in {
			domain, wrong := Domain(text)
			if wrong != "" {
				c.mistake(fmt.Sprintf("domains[%d]", i), wrong)
				continue
			}
			list = append(list, domain)
		}
	}
	w.Domains = &list
}

func (c *checking) amount(w *Wish) {
	raw, given := c.in["amount"]
	if !given {
		return
	}
	if isNull(raw) {
		w.Amount = &crm.Money{}
		return
	}
	if m, wrong := money(raw, ""); wrong != "" {
		c.mistake("amount", wrong)
	} else {
		w.Amount = &m
	}
}

// money reads {"minor", "currency"}; usual is the currency when none is named.
func money(raw json.RawMessage, usual string) (crm.Money, string) {
	var m crm.Money
	const wrong = `must be {"minor": 125000, "currency": "EUR"}`
	if strict(raw, &m) != nil {
		return m, wrong
	}
	if m.Currency == "" {
		m.Currency = usual
	}
	m.Currency = strings.ToUpper(m.Currency)
	if m.Minor > maxMinor || m.Minor < -maxMinor {
		return m, "is too large"
	}
	if m.Currency == "" {
		return m, wrong
	}
	if _, known := crm.Exponent(m.Currency); !known {
		return m, crm.UnknownCurrency(m.Currency)
	}
	return m, ""
}

func (c *checking) people(w *Wish) {
	type person struct {
		Person string `json:"person_id"`
		Role   string `json:"role"`
	}
	in, given := read[[]person](c, "people", `a list of {"person_id", "role"}`)
	if !given {
		return
	}
	list := []Role{}
	if in != nil {
		if len(*in) > maxPeople {
			c.mistake("people", fmt.Sprintf("must have at most %d", maxPeople))
		}
		for i, p := range *in {
			role := tidyText(p.Role, false)
			if utf8.RuneCountInString(role) > 100 {
				c.mistake(fmt.Sprintf("people[%d].role", i), "must have at most 100 characters")
			}
			list = append(list, Role{crm.RecordID(tidyText(p.Person, false)), role})
		}
	}
	w.People = &list
}

// classWords is why a record is of a class that somebody chose.
const classWords = "Somebody said so."

func (c *checking) class(w *Wish) {
	in, given := read[struct {
		Name string `json:"name"`
	}](c, "class", `{"name"}`)
	if !given {
		return
	}
	if in == nil || in.Name == "" {
		w.Class = &crm.Class{}
		return
	}
	if !slices.Contains(crm.Classes, in.Name) {
		c.mistake("class.name", "must be one of "+strings.Join(crm.Classes, ", "))
		return
	}
	w.Class = &crm.Class{Name: in.Name, Confidence: 1, By: "person", Why: classWords}
}

func (c *checking) tags(w *Wish) {
	in, given := read[[]crm.TagID](c, "tag_ids", "a list of ids")
	if !given {
		return
	}
	list := []crm.TagID{}
	if in != nil {
		list = append(list, *in...)
	}
	if len(list) > maxTags {
		c.mistake("tag_ids", fmt.Sprintf("must have at most %d", maxTags))
	}
	w.Tags = &list
}

var systemName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// CheckExternal says what is wrong with an id in another system.
func CheckExternal(system, id string) (field, wrong string) {
	switch {
	case !systemName.MatchString(system):
		return "system", "must be a name of a-z, 0-9, dots, dashes and underscores"
	case id == "" || len(id) > 200 || tidyText(id, false) != id:
		return "external_id", "must have 1 to 200 characters"
	}
	return "", ""
}

func (c *checking) externalIDs(w *Wish) {
	in, given := read[map[string]*string](c, "external_ids", "an object of texts")
	if !given || in == nil {
		return
	}
	if len(*in) > maxSystems {
		c.mistake("external_ids", fmt.Sprintf("must have at most %d", maxSystems))
	}
	w.ExternalIDs = map[string]string{}
	for system, id := range *in {
		if id == nil || *id == "" {
			w.ExternalIDs[system] = ""
			continue
		}
		if _, wrong := CheckExternal(system, *id); wrong != "" {
			c.mistake("external_ids."+tidyText(system[:min(len(system), 64)], false), wrong)
			continue
		}
		w.ExternalIDs[system] = *id
	}
}

// named sees to what a record must have: a name. A person's may come from its parts or
// from the address.
func (c *checking) named(o crm.ObjectType, w *Wish, creating bool) {
	if o.Key == crm.Person && (w.Name == nil || *w.Name == "") {
		parts := strings.TrimSpace(value(w.FirstName) + " " + value(w.LastName))
		if parts == "" && creating && w.Emails != nil && len(*w.Emails) > 0 {
			parts = (*w.Emails)[0].Value
		}
		if parts != "" && creating {
			w.Name = &parts
		}
	}
	if w.Name != nil && *w.Name == "" || creating && w.Name == nil {
		c.mistake("name", "is required")
	}
	if w.Stage != nil {
		stages := crm.PersonStages
		if o.Key == crm.Deal {
			stages = crm.DealStages
		}
		if !slices.Contains(stages, *w.Stage) {
			c.mistake("stage", "must be one of "+strings.Join(stages, ", "))
		}
	}
}

func value(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

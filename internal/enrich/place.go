package enrich

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/enrich/signature"
	"rapport/internal/link"
)

// Read is what was read in one message.
type Read struct {
	Pos     int64 // the message's position in the store
	Turn    int64 // see Candidate
	EmailID crm.EmailID
	From    crm.Address
	SeenAt  time.Time
	Engine  string  // with what it was read: rules, or those and a model
	Found   []Value // none: nothing stands in it
	People  []int64 // the sender's records, by their number in the store
	Failed  bool    // the model did not answer for this text
	Again   bool    // to be considered once more: the model could not be asked just now
	Sent    bool    // see Candidate
}

// Value is one value that was read.
type Value struct {
	signature.Value
	Engine string
}

// Placed is a value with the record it is for: the sender's, or that of the company
// the sender writes from.
type Placed struct {
	OnCompany bool
	Field     string // of that record
	Value     Value
}

// Fields of sightings, as the API names them.
const (
	FieldName     = signature.FieldName
	FieldTitle    = signature.FieldTitle
	FieldCompany  = signature.FieldCompany
	FieldPhone    = signature.FieldPhone
	FieldLinkedIn = signature.FieldLinkedIn
	FieldWebsite  = signature.FieldWebsite
	FieldAddress  = signature.FieldAddress
)

// Place says which values of a message are for whom. A message that somebody else has
// signed is for nobody: a colleague writes from a shared address, an assistant from
// another's. company is the one the person belongs to, nil for none.
func Place(person crm.Record, company *crm.Record, r Read) []Placed {
	at := slices.IndexFunc(r.Found, func(v Value) bool { return v.Field == FieldName })
	if at >= 0 && !ofSender(r.Found[at].Value.Value, person.Name+" "+r.From.Name, r.From.Email) {
		return nil
	}
	domain := link.CompanyDomain(r.From.Email)
	writesFrom := company != nil && domain != "" && slices.Contains(company.Domains, domain)
	var out []Placed
	for _, v := range r.Found {
		p := Placed{Field: v.Field, Value: v}
		switch v.Field {
		case FieldCompany:
			if writesFrom { // where they work is known: this is how it calls itself
				p.OnCompany, p.Field = true, FieldName
			}
		case FieldWebsite:
			if d := siteDomain(v.Value.Value); company != nil && d != "" && slices.Contains(company.Domains, d) {
				p.OnCompany = true
			}
		case FieldPhone:
			if !strings.HasPrefix(v.Value.Value, "+") { // of which country is not known
				continue
			}
		}
		out = append(out, p)
	}
	return out
}

// siteDomain is the registrable domain of a website that is somebody's own.
func siteDomain(site string) string {
	u, err := url.Parse(site)
	if err == nil && u.Host == "" {
		u, err = url.Parse("https://" + site)
	}
	if err != nil {
		return ""
	}
	d := link.Registrable(u.Hostname())
	name, _, _ := strings.Cut(d, ".")
	if d == "" || link.FreeMail(d) || slices.Contains(everybodys, name) {
		return ""
	}
	return d
}

// everybodys are sites on which everybody can have a page.
var everybodys = []string{
	"facebook", "instagram", "twitter", "x", "youtube", "tiktok", "linkedin", "xing", "github", "gitlab", "medium", "calendly", "zoom", "google", "goo", "bit", "tinyurl", "wa", "whatsapp", "t", "telegram", "pinterest", "vimeo",
	"skype", "slack", "microsoft", "apple", "maps", "trustpilot", "yelp", "linktr", "about", "hubspot", "cal", "doodle", "eventbrite", "wikipedia", "amazon", "dropbox", "notion", "substack",
}

// Detected is the company that a message tells of.
type Detected struct {
	Name    string
	Domain  string // "": none that says where somebody works
	Website string
}

// Detect says what company a message tells of, by its signature and the sender's
// domain: that of the website where the address is at a free-mail provider.
func Detect(name string, from string, found []Value) Detected {
	d := Detected{Name: name, Domain: link.CompanyDomain(from)}
	for _, v := range found {
		if v.Field != FieldWebsite {
			continue
		}
		site := siteDomain(v.Value.Value)
		if d.Domain == "" {
			d.Domain = site
		}
		if site != "" && site == d.Domain {
			d.Website = v.Value.Value
		}
	}
	return d
}

// Haves are what a record says in the fields that are filled from mail, by their
// names in sightings. sourceOf names them in Record.Sources.
func Haves(r crm.Record) map[string]Have {
	have := func(field string, values ...string) Have {
		src := r.Sources[sourceOf(field)]
		h := Have{Typed: deliberate(src.By), Since: src.At, Enriched: src.By == crm.ByEnrich}
		for _, v := range values {
			if v != "" {
				h.Values = append(h.Values, v)
			}
		}
		return h
	}
	out := map[string]Have{FieldName: have(FieldName, r.Name), FieldWebsite: have(FieldWebsite, r.Website)}
	if r.Type != crm.Person {
		return out
	}
	company := ""
	if r.Company != nil {
		company = r.Company.Name
	}
	phones := make([]string, len(r.Phones))
	for i, p := range r.Phones {
		phones[i] = p.Value
	}
	out[FieldTitle], out[FieldCompany], out[FieldPhone] = have(FieldTitle, r.Title), have(FieldCompany, company), have(FieldPhone, phones...)
	out[FieldLinkedIn], out[FieldAddress] = have(FieldLinkedIn, r.LinkedIn), have(FieldAddress, r.Address)
	return out
}

func sourceOf(field string) string {
	if field == FieldPhone {
		return "phones"
	}
	return field
}

// deliberate reports whether somebody means what a field says: a person, or a
// program or file that a person let in.
func deliberate(by crm.By) bool { return by == crm.ByMember || by == crm.ByAPI || by == crm.ByImport }

// SettleRecord settles every field of a record that has sightings: see Settle.
func SettleRecord(r crm.Record, list []crm.Sighting) Verdict {
	by := map[string][]crm.Sighting{}
	for _, s := range list {
		by[s.Field] = append(by[s.Field], s)
	}
	have := Haves(r)
	var out Verdict
	for _, field := range []string{FieldName, FieldTitle, FieldCompany, FieldPhone, FieldLinkedIn, FieldWebsite, FieldAddress} {
		if len(by[field]) == 0 {
			continue
		}
		kind := field
		if field == FieldName && r.Type == crm.Company {
			kind = fieldCompanyName
		}
		v := Settle(kind, have[field], by[field])
		out.Take, out.Sightings = append(out.Take, v.Take...), append(out.Sightings, v.Sightings...)
	}
	return out
}

// ValueKey is what two ways of writing one value of a field have in common; company
// says that the record is a company.
func ValueKey(kind crm.RecordType, field, value string) string {
	if field == FieldName && kind == crm.Company {
		field = fieldCompanyName
	}
	return valueKey(field, value)
}

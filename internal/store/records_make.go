package store

import (
	"context"
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/link"
	"rapport/internal/records"
)

// makeRecord stores a new record with what is set. Stages begin with the first of
// their type that fits: a person is a contact, a deal is new.
func (t *tx) makeRecord(ctx context.Context, w crm.WorkspaceID, kind crm.RecordType, maker crm.Maker, by crm.Source, set records.Wish) (*recordRow, error) {
	if by.At.IsZero() {
		by.At = clock(t.now)
	}
	r := &recordRow{Record: crm.Record{WorkspaceID: w, Type: kind, CreatedBy: maker}}
	list, err := t.listOf(ctx, w, kind)
	if err != nil {
		return nil, err
	}
	r.list = list.no
	f := filling{t: t, r: r, by: by}
	if err := f.all(ctx, &set); err != nil {
		return nil, err
	}
	if r.Stage == "" {
		switch kind {
		case crm.Person:
			r.Stage = "contact"
		case crm.Deal:
			r.Stage = "new"
		}
	}
	if err := t.addRecord(ctx, r); err != nil {
		return nil, err
	}
	if _, err := t.putExternal(ctx, r, set.ExternalIDs); err != nil {
		return nil, err
	}
	return r, f.beside(ctx)
}

// newPerson is somebody whom mail has made known.
type newPerson struct {
	Email   string
	Name    string // as they write it; "" when they do not
	Company int64  // their company's number; 0: none
	Maker   crm.Maker
	Source  crm.Source
}

// makePerson gives the number and id of the person with an address, and makes one
// when nobody has it; made says so. Two transactions that come at the same time make
// one person.
func (t *tx) makePerson(ctx context.Context, w crm.WorkspaceID, p newPerson) (no int64, id crm.RecordID, made bool, err error) {
	key := link.Key(p.Email)
	if key == "" {
		return 0, "", false, fault.New(fault.Invalid, "This is no e-mail address.")
	}
	if err := t.s.d.lock(ctx, t, lockOf(w, "email", key)); err != nil {
		return 0, "", false, err
	}
	known, err := t.s.recordsBy(ctx, t, w, recordKeys{Emails: []string{key}})
	if err != nil {
		return 0, "", false, err
	}
	for _, k := range known {
		if k.Type == crm.Person {
			return k.No, k.ID, false, nil
		}
	}
	name := strings.TrimSpace(p.Name)
	if name == "" || strings.EqualFold(name, p.Email) {
		name = nameOfAddress(p.Email)
	}
	set := records.Wish{Name: &name, Emails: &[]crm.Contact{{Value: strings.ToLower(strings.TrimSpace(p.Email)), Label: "work", Primary: true}}}
	if p.Company != 0 {
		company, err := one(ctx, t, "read company", scanText, "SELECT id FROM records WHERE no = $1 AND workspace_id = $2", p.Company, string(w))
		if err != nil {
			return 0, "", false, refersToNone("company", err)
		}
		set.Company = (*crm.RecordID)(&company)
	}
	r, err := t.makeRecord(ctx, w, crm.Person, p.Maker, p.Source, set)
	if err != nil {
		return 0, "", false, err
	}
	return r.no, r.ID, true, nil
}

// nameOfAddress makes a name of what stands before the @.
func nameOfAddress(email string) string {
	local, _, _ := strings.Cut(strings.TrimSpace(email), "@")
	local, _, _ = strings.Cut(local, "+")
	parts := strings.FieldsFunc(local, func(c rune) bool { return c == '.' || c == '_' || c == '-' })
	for i, p := range parts {
		first, size := utf8.DecodeRuneInString(p)
		parts[i] = string(unicode.ToUpper(first)) + p[size:]
	}
	if len(parts) == 0 {
		return email
	}
	return strings.Join(parts, " ")
}

// newCompany is a company that a domain has made known.
type newCompany struct {
	Domain string // registrable, lower case
	Name   string // "" when nobody has said it
	Maker  crm.Maker
	Source crm.Source
}

// companyOf gives the number and id of the company with a domain (the oldest, of
// several), and makes one when there is none; made says so. Whether the domain may be
// anybody's (free mail, the workspace's own) its caller knows.
func (t *tx) companyOf(ctx context.Context, w crm.WorkspaceID, c newCompany) (no int64, id crm.RecordID, made bool, err error) {
	domain := strings.ToLower(c.Domain)
	if err := t.s.d.lock(ctx, t, lockOf(w, "domain", domain)); err != nil {
		return 0, "", false, err
	}
	known, err := t.s.recordsBy(ctx, t, w, recordKeys{Domains: []string{domain}})
	if err != nil {
		return 0, "", false, err
	}
	for _, k := range known {
		if k.Type == crm.Company {
			return k.No, k.ID, false, nil
		}
	}
	name := strings.TrimSpace(c.Name)
	if name == "" {
		name = nameOfDomain(domain)
	}
	r, err := t.makeRecord(ctx, w, crm.Company, c.Maker, c.Source, records.Wish{Name: &name, Domains: &[]string{domain}})
	if err != nil {
		return 0, "", false, err
	}
	return r.no, r.ID, true, nil
}

// nameOfDomain makes a name of a domain's first part: northwind-lamps.example is
// Northwind Lamps.
func nameOfDomain(domain string) string {
	first, _, _ := strings.Cut(domain, ".")
	return nameOfAddress(first)
}

// lockOf is a number for dialect.lock that stands for a value in a workspace. Two
// values that share one wait for each other and do no harm.
func lockOf(w crm.WorkspaceID, kind, value string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(string(w) + "\x00" + kind + "\x00" + value))
	return int64(h.Sum64() >> 2) // not among the locks by name, which begin with "Rapp"
}

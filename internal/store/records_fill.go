package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/link"
	"rapport/internal/records"
)

// Everything that changes what a record says goes through fill: what a person types
// and what a program, a file, or mail brings. What a person has typed gives way to
// what is deliberate (records.Deliberate) and to nothing else.

// filled is what became of the fields of a wish, by their names in the API; fields of
// a type's own are "fields.<key>".
type filled struct {
	ID      crm.RecordID
	Changed []string
	Kept    []string // a person has typed them
	Version int64
}

// fill sets fields of a record, notes by whom, counts the version on and tells of it,
// all in the transaction. Values are as they are stored (records.Checker makes them
// so). Nothing happens when nothing changes. fault.NotFound when the record is not
// there or deleted; fault.Invalid for a company, person, owner or tag that is none.
func (t *tx) fill(ctx context.Context, w crm.WorkspaceID, no int64, by crm.Source, set records.Wish) (filled, error) {
	r, err := t.recordLocked(ctx, w, no)
	if err == nil && r.DeletedAt != nil {
		err = errNone
	}
	if _, err = found(r, err, noRecord); err != nil {
		return filled{}, err
	}
	return t.fillRow(ctx, r, by, &set)
}

const noRecord = "There is no such record."

// fillRow is fill for a record that was read under a lock.
func (t *tx) fillRow(ctx context.Context, r *recordRow, by crm.Source, set *records.Wish) (filled, error) {
	if by.At.IsZero() {
		by.At = clock(t.now)
	}
	f := filling{t: t, r: r, by: by}
	if err := f.all(ctx, set); err != nil {
		return filled{}, err
	}
	if called, err := t.putExternal(ctx, r, set.ExternalIDs); err != nil {
		return filled{}, err
	} else if called {
		f.changed = append(f.changed, "external_ids")
	}
	done := filled{ID: r.ID, Changed: f.changed, Kept: f.kept, Version: r.Version}
	if len(f.changed) == 0 {
		return done, nil
	}
	if err := t.saveRecord(ctx, r, f.parts); err != nil {
		return filled{}, err
	}
	done.Version = r.Version
	return done, f.beside(ctx)
}

// filling is a record that is being filled.
type filling struct {
	t             *tx
	r             *recordRow
	by            crm.Source
	changed, kept []string
	parts         parts
	people        []dealPerson // of a deal, when they changed
	relations     map[string]int64
}

type dealPerson struct {
	no   int64
	role string
}

// may reports whether a field may be set, and notes it when it may not.
func (f *filling) may(field string) bool {
	if f.r.Sources[field].By == crm.ByMember && !records.Deliberate(f.by.By) {
		f.kept = append(f.kept, field)
		return false
	}
	return true
}

func (f *filling) note(field string, p parts) {
	f.changed = append(f.changed, field)
	f.parts |= p
	if f.r.Sources == nil {
		f.r.Sources = map[string]crm.Source{}
	}
	f.r.Sources[field] = f.by
}

func (f *filling) text(field string, at *string, to *string, p parts) {
	if to == nil || *at == *to || !f.may(field) {
		return
	}
	*at = *to
	f.note(field, p)
}

func (f *filling) all(ctx context.Context, set *records.Wish) error {
	r := f.r
	f.name(set)
	f.text("title", &r.Title, set.Title, 0)
	f.text("stage", &r.Stage, set.Stage, partStage)
	f.text("close_date", &r.CloseDate, set.CloseDate, 0)
	f.text("address", &r.Address, set.Address, 0)
	f.text("linkedin", &r.LinkedIn, set.LinkedIn, 0)
	f.text("website", &r.Website, set.Website, 0)
	f.text("description", &r.Description, set.Description, 0)
	f.contacts("emails", &r.Emails, set.Emails, set.AddEmails, partEmails, func(c crm.Contact) string { return link.Key(c.Value) })
	f.contacts("phones", &r.Phones, set.Phones, set.AddPhones, partPhones, func(c crm.Contact) string { return c.Value + "x" + c.Ext })
	f.domains(set)
	if a := set.Amount; a != nil {
		to := a
		if a.Currency == "" {
			to = nil
		}
		if (to == nil) != (r.Amount == nil) || to != nil && *to != *r.Amount {
			if f.may("amount") {
				r.Amount = to
				f.note("amount", 0)
			}
		}
	}
	if c := set.Class; c != nil && *c != r.Class && f.may("class") {
		r.Class = *c
		f.note("class", 0)
		if c.Name == "" { // to be found again
			delete(r.Sources, "class")
		}
	}
	if err := f.company(ctx, set); err != nil {
		return err
	}
	if err := f.owner(ctx, set); err != nil {
		return err
	}
	if err := f.dealPeople(ctx, set); err != nil {
		return err
	}
	return f.fields(ctx, set)
}

// name keeps the full name and its parts together.
func (f *filling) name(set *records.Wish) {
	r, full := f.r, set.Name
	first, last := set.FirstName, set.LastName
	if full == nil && (first != nil || last != nil) {
		a, b := r.FirstName, r.LastName
		if first != nil {
			a = *first
		}
		if last != nil {
			b = *last
		}
		if joined := strings.TrimSpace(a + " " + b); joined != "" {
			full = &joined
		}
	}
	if full != nil && *full != r.Name && first == nil && last == nil { // the parts are of another name
		none := ""
		first, last = &none, &none
	}
	if full != nil && *full != r.Name && !f.may("name") {
		return // nor its parts
	}
	f.text("first_name", &r.FirstName, first, partName)
	f.text("last_name", &r.LastName, last, partName)
	f.text("name", &r.Name, full, partName)
}

// contacts sets a list, or adds what is not in it yet. One is primary, and first.
func (f *filling) contacts(field string, at *[]crm.Contact, to *[]crm.Contact, more []crm.Contact, p parts, key func(crm.Contact) string) {
	before := *at
	list := slices.Clone(before)
	if to != nil {
		list = nil
		more = append(slices.Clone(*to), more...)
	}
	for _, c := range more {
		if !slices.ContainsFunc(list, func(have crm.Contact) bool { return key(have) == key(c) }) {
			list = append(list, c)
		}
	}
	primary := max(0, slices.IndexFunc(list, func(c crm.Contact) bool { return c.Primary }))
	for i := range list {
		list[i].Primary = i == primary
	}
	if primary > 0 {
		first := list[primary]
		list = slices.Insert(slices.Delete(list, primary, primary+1), 0, first)
	}
	if slices.Equal(before, list) {
		return
	}
	adds := to == nil
	if !adds && !f.may(field) {
		return
	}
	*at = list
	was, had := f.r.Sources[field]
	f.note(field, p)
	if adds && had && was.By == crm.ByMember { // what they typed is still theirs
		f.r.Sources[field] = was
	}
}

func (f *filling) domains(set *records.Wish) {
	list := slices.Clone(f.r.Domains)
	more := set.AddDomains
	if set.Domains != nil {
		list, more = nil, append(slices.Clone(*set.Domains), more...)
	}
	for _, d := range more {
		if !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	if slices.Equal(list, f.r.Domains) || set.Domains != nil && !f.may("domains") {
		return
	}
	f.r.Domains = list
	f.note("domains", partDomains)
}

func (f *filling) company(ctx context.Context, set *records.Wish) error {
	if set.Company == nil {
		return nil
	}
	var no int64
	var ref *crm.RecordRef
	if *set.Company != "" {
		target, err := f.t.ref(ctx, f.r.WorkspaceID, *set.Company, crm.Company)
		if err != nil {
			return refersToNone("company", err)
		}
		no, ref = target.no, &target.RecordRef
	}
	if no == f.r.companyNo || !f.may("company") {
		return nil
	}
	f.r.companyNo, f.r.Company = no, ref
	f.note("company", partCompany)
	return nil
}

// target is a record that another one refers to.
type target struct {
	crm.RecordRef
	no int64
}

// ref finds a record that is there, of a type; errNone else.
func (t *tx) ref(ctx context.Context, w crm.WorkspaceID, id crm.RecordID, kind crm.RecordType) (target, error) {
	return one(ctx, t, "find record", func(r scanner) (target, error) {
		var x target
		err := r.Scan(&x.no, &x.ID, &x.Type, &x.Name)
		return x, err
	}, "SELECT no, id, type, name FROM records WHERE id = $1 AND workspace_id = $2 AND type = $3 AND deleted_at IS NULL", string(id), string(w), string(kind))
}

// refersToNone says which field names something that is not there.
func refersToNone(field string, err error) error {
	if !errors.Is(err, errNone) {
		return err
	}
	const text = "names nothing that is there"
	return &fault.Error{Kind: fault.Invalid, Code: "bad_reference", Text: field + " " + text + ".", Fields: map[string]string{field: text}}
}

func (f *filling) owner(ctx context.Context, set *records.Wish) error {
	if set.Owner == nil || *set.Owner == f.r.OwnerID || !f.may("owner") {
		return nil
	}
	name := ""
	if *set.Owner != "" {
		var err error
		name, err = one(ctx, f.t, "find owner", scanText, "SELECT u.name FROM members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.user_id = $2",
			string(f.r.WorkspaceID), string(*set.Owner))
		if err != nil {
			return refersToNone("owner_id", err)
		}
	}
	f.r.OwnerID, f.r.OwnerName = *set.Owner, name
	f.note("owner", 0)
	return nil
}

func (f *filling) dealPeople(ctx context.Context, set *records.Wish) error {
	if set.People == nil {
		return nil
	}
	var list []dealPerson
	for i, p := range *set.People {
		person, err := f.t.ref(ctx, f.r.WorkspaceID, p.Person, crm.Person)
		if err != nil {
			return refersToNone(fmt.Sprintf("people[%d].person_id", i), err)
		}
		if !slices.ContainsFunc(list, func(have dealPerson) bool { return have.no == person.no }) {
			list = append(list, dealPerson{person.no, p.Role})
		}
	}
	before, err := f.t.peopleOf(ctx, f.r.no)
	if err != nil || slices.Equal(before, list) || !f.may("people") {
		return err
	}
	f.people = append([]dealPerson{}, list...)
	f.note("people", partPeople)
	return nil
}

// peopleOf gives the people of a deal that are there: others stay with it, for when they
// are restored.
func (t *tx) peopleOf(ctx context.Context, deal int64) ([]dealPerson, error) {
	return all(ctx, t, "read people of a deal", func(r scanner) (p dealPerson, err error) {
		err = r.Scan(&p.no, &p.role)
		return p, err
	}, "SELECT x.person_no, x.role FROM deal_people x JOIN records p ON p.no = x.person_no AND p.deleted_at IS NULL WHERE x.deal_no = $1 ORDER BY x.place", deal)
}

// fields are those of the type's own.
func (f *filling) fields(ctx context.Context, set *records.Wish) error {
	if len(set.Fields) == 0 {
		return nil
	}
	list, err := f.t.listByNo(ctx, f.r.WorkspaceID, f.r.list)
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(set.Fields)) {
		at := slices.IndexFunc(list.Fields, func(d crm.Field) bool { return d.Key == key })
		if at < 0 {
			continue
		}
		value, related, err := f.value(ctx, list.Fields[at], set.Fields[key])
		if err != nil {
			return err
		}
		if bytes.Equal(value, f.r.Fields[key]) || !f.may("fields."+key) {
			continue
		}
		f.r.Fields = maps.Clone(f.r.Fields)
		if f.r.Fields == nil {
			f.r.Fields = map[string]json.RawMessage{}
		}
		if value == nil {
			delete(f.r.Fields, key)
		} else {
			f.r.Fields[key] = value
		}
		if list.Fields[at].Type == crm.FieldRelation {
			if f.relations == nil {
				f.relations = map[string]int64{}
			}
			f.relations[key] = related
		}
		f.note("fields."+key, partFields)
	}
	return nil
}

// value gives a value of an own field as it is stored; a relation is looked up, and
// stored by its id.
func (f *filling) value(ctx context.Context, field crm.Field, raw json.RawMessage) (json.RawMessage, int64, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, 0, nil
	}
	if field.Type != crm.FieldRelation {
		return raw, 0, nil
	}
	var ref crm.RecordRef
	if err := json.Unmarshal(raw, &ref); err != nil {
		return nil, 0, refersToNone("fields."+field.Key, errNone)
	}
	x, err := f.t.ref(ctx, f.r.WorkspaceID, ref.ID, field.Target)
	if err != nil {
		return nil, 0, refersToNone("fields."+field.Key, err)
	}
	return json.RawMessage(jsonText(map[string]crm.RecordID{"id": x.ID})), x.no, nil
}

// beside writes what needs the number of the record.
func (f *filling) beside(ctx context.Context) error {
	if f.parts&partPeople != 0 {
		if _, err := f.t.exec(ctx, "drop people of a deal", `DELETE FROM deal_people WHERE deal_no = $1
			AND EXISTS (SELECT 1 FROM records p WHERE p.no = deal_people.person_no AND p.deleted_at IS NULL)`, f.r.no); err != nil {
			return err
		}
		n := len(f.people)
		nos, roles, places := make([]int64, n), make([]string, n), make([]int64, n)
		for i, p := range f.people {
			nos[i], roles[i], places[i] = p.no, p.role, int64(i)
		}
		err := f.t.insert(ctx, "insert people of a deal", "deal_people", n, "", column{"deal_no", times(n, f.r.no)}, column{"person_no", nos}, column{"role", roles}, column{"place", places})
		if err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(f.relations)) {
		if _, err := f.t.exec(ctx, "drop relation", "DELETE FROM record_relations WHERE record_no = $1 AND field = $2", f.r.no, key); err != nil {
			return err
		}
		if no := f.relations[key]; no != 0 {
			if _, err := f.t.exec(ctx, "insert relation", "INSERT INTO record_relations (record_no, field, target_no) VALUES ($1, $2, $3)", f.r.no, key, no); err != nil {
				return err
			}
		}
	}
	return nil
}

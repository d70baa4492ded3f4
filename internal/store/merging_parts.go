package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/link"
)

// A merge changes parts of the record that goes on: each a key with a value as text,
// "" for none. Single values are named as in sources, and stand with who filled them;
// of several values each is a part of its own ("emails:<key>"), and "by:emails" says who
// filled them. What points to a record holds its number.

// recordParts are the parts of a record.
type recordParts map[string]string

// partValue is the value of a part.
type partValue struct {
	V json.RawMessage `json:"v,omitempty"`
	S *crm.Source     `json:"s,omitempty"`
}

type nameParts struct {
	Name  string `json:"n"`
	First string `json:"f,omitempty"`
	Last  string `json:"l,omitempty"`
}

// singleTexts are the fields that hold one text.
func singleTexts(r *recordRow) map[string]*string {
	return map[string]*string{"title": &r.Title, "stage": &r.Stage, "close_date": &r.CloseDate, "address": &r.Address, "linkedin": &r.LinkedIn, "website": &r.Website, "description": &r.Description}
}

func contactKey(field string, c crm.Contact) string {
	if field == "emails" {
		return link.Key(c.Value)
	}
	return c.Value + "x" + c.Ext
}

// alone reports whether a part is a field with one value, such as can be chosen.
func alone(key string) bool { return !strings.Contains(key, ":") }

// partsOf reads the parts of a record.
func (t *tx) partsOf(ctx context.Context, r *recordRow) (recordParts, error) {
	p := recordParts{}
	put := func(key string, v any) {
		value := partValue{V: json.RawMessage(jsonText(v))}
		if source, has := r.Sources[key]; has {
			value.S = &source
		}
		p[key] = jsonText(value)
	}
	put("name", nameParts{r.Name, r.FirstName, r.LastName})
	for field, at := range singleTexts(r) {
		if *at != "" {
			put(field, *at)
		}
	}
	if r.Amount != nil {
		put("amount", r.Amount)
	}
	if r.Class.Name != "" {
		put("class", r.Class)
	}
	if r.companyNo != 0 {
		put("company", r.companyNo)
	}
	if r.OwnerID != "" {
		put("owner", r.OwnerID)
	}
	for field, list := range map[string][]crm.Contact{"emails": r.Emails, "phones": r.Phones} {
		for _, c := range list {
			c.Primary = false
			p[field+":"+contactKey(field, c)] = jsonText(partValue{V: json.RawMessage(jsonText(c))})
		}
	}
	for _, d := range r.Domains {
		p["domains:"+d] = jsonText(partValue{V: json.RawMessage(jsonText(d))})
	}
	for _, field := range []string{"emails", "phones", "domains", "people"} {
		if source, has := r.Sources[field]; has {
			p["by:"+field] = jsonText(partValue{S: &source})
		}
	}
	for key, v := range r.Fields {
		put("fields."+key, v)
	}
	return p, t.partsBeside(ctx, r, p)
}

// partsBeside reads those that stand in tables of their own.
func (t *tx) partsBeside(ctx context.Context, r *recordRow, p recordParts) error {
	for _, q := range []struct{ kind, query string }{
		{"tags", "SELECT tag_no, '' FROM record_tags WHERE record_no = $1"},
		{"deals", "SELECT deal_no, role FROM deal_people WHERE person_no = $1"},
		{"people", "SELECT person_no, role FROM deal_people WHERE deal_no = $1"},
	} {
		err := each(ctx, t, "read "+q.kind, func(row scanner) error {
			var no int64
			var role string
			err := row.Scan(&no, &role)
			p[fmt.Sprintf("%s:%d", q.kind, no)] = jsonText(partValue{V: json.RawMessage(jsonText(role))})
			return err
		}, q.query, r.no)
		if err != nil {
			return err
		}
	}
	err := each(ctx, t, "read external ids", func(row scanner) error {
		var system, id string
		err := row.Scan(&system, &id)
		p["external:"+system] = jsonText(partValue{V: json.RawMessage(jsonText(id))})
		return err
	}, "SELECT system, external_id FROM external_ids WHERE record_no = $1", r.no)
	if err != nil {
		return err
	}
	return each(ctx, t, "read relations", func(row scanner) error {
		var field string
		var target int64
		err := row.Scan(&field, &target)
		key := "fields." + field
		value := partValue{V: json.RawMessage(jsonText(relationPart{target}))}
		if source, has := r.Sources[key]; has {
			value.S = &source
		}
		p[key] = jsonText(value)
		return err
	}, "SELECT field, target_no FROM record_relations WHERE record_no = $1", r.no)
}

// relationPart is the value of a field that points to a record.
type relationPart struct {
	To int64 `json:"to"`
}

// pointsTo gives the record that the value of a part points to, 0 for none.
func pointsTo(key, text string) int64 {
	var value partValue
	if text == "" || json.Unmarshal([]byte(text), &value) != nil {
		return 0
	}
	if key == "company" {
		no, _ := strconv.ParseInt(string(value.V), 10, 64)
		return no
	}
	var to relationPart
	if strings.HasPrefix(key, "fields.") && json.Unmarshal(value.V, &to) == nil {
		return to.To
	}
	return 0
}

// pointed is the value of a part that points to another record instead.
func pointed(key, text string, to int64) string {
	var value partValue
	if json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	if value.V = json.RawMessage(jsonText(relationPart{to})); key == "company" {
		value.V = json.RawMessage(strconv.FormatInt(to, 10))
	}
	return jsonText(value)
}

// reforming is a record whose parts are being set.
type reforming struct {
	t     *tx
	r     *recordRow
	parts parts
	// shown are other records of which something is shown differently now: deals.
	shown map[int64]bool
}

// set gives a part a value, "" takes it away. from is the record that it comes from or
// goes back to.
func (f *reforming) set(ctx context.Context, key, text string, from int64) error {
	var value partValue
	if text != "" {
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			return fmt.Errorf("reading a part of a record: %w", err)
		}
	}
	kind, rest, several := strings.Cut(key, ":")
	switch {
	case kind == "by" && several:
		f.source(rest, value.S)
		return nil
	case kind == "tags" && several, kind == "deals" && several, kind == "people" && several, kind == "external" && several:
		return f.beside(ctx, kind, rest, text != "", value, from)
	case several:
		return f.contact(kind, rest, value)
	}
	f.source(key, value.S)
	return f.single(ctx, key, value)
}

func (f *reforming) source(field string, s *crm.Source) {
	f.r.Sources = maps.Clone(f.r.Sources)
	if s == nil {
		delete(f.r.Sources, field)
		return
	}
	if f.r.Sources == nil {
		f.r.Sources = map[string]crm.Source{}
	}
	f.r.Sources[field] = *s
}

// into reads the value of a part; none is the zero value.
func (v partValue) into(at any) error {
	if len(v.V) == 0 {
		return nil
	}
	if err := json.Unmarshal(v.V, at); err != nil {
		return fmt.Errorf("reading a part of a record: %w", err)
	}
	return nil
}

func (f *reforming) single(ctx context.Context, key string, value partValue) error {
	r := f.r
	if at := singleTexts(r)[key]; at != nil {
		*at = ""
		if key == "stage" {
			f.parts |= partStage
		}
		return value.into(at)
	}
	if field, own := strings.CutPrefix(key, "fields."); own {
		return f.field(ctx, field, pointsTo(key, jsonText(value)), value)
	}
	switch key {
	case "name":
		var n nameParts
		err := value.into(&n)
		r.Name, r.FirstName, r.LastName = n.Name, n.First, n.Last
		f.parts |= partName
		return err
	case "amount":
		r.Amount = nil
		return value.into(&r.Amount)
	case "class":
		r.Class = crm.Class{}
		return value.into(&r.Class)
	case "owner":
		r.OwnerID = ""
		return value.into(&r.OwnerID)
	case "company":
		r.companyNo, r.Company = 0, nil
		f.parts |= partCompany
		if err := value.into(&r.companyNo); err != nil || r.companyNo == 0 {
			return err
		}
		ref, err := all(ctx, f.t, "read company", func(row scanner) (c crm.RecordRef, err error) { return c, row.Scan(&c.ID, &c.Name) },
			"SELECT id, name FROM records WHERE no = $1 AND deleted_at IS NULL", r.companyNo)
		if len(ref) == 1 {
			ref[0].Type = crm.Company
			r.Company = &ref[0]
		}
		return err
	}
	return fmt.Errorf("a record has no part %q", key)
}

// field sets one of the type's own; to is what it points to.
func (f *reforming) field(ctx context.Context, field string, to int64, value partValue) error {
	f.r.Fields = maps.Clone(f.r.Fields)
	if f.r.Fields == nil {
		f.r.Fields = map[string]json.RawMessage{}
	}
	f.parts |= partFields
	delete(f.r.Fields, field)
	if _, err := f.t.exec(ctx, "drop relation", "DELETE FROM record_relations WHERE record_no = $1 AND field = $2", f.r.no, field); err != nil {
		return err
	}
	if to == 0 {
		if len(value.V) > 0 {
			f.r.Fields[field] = value.V
		}
		return nil
	}
	id, err := one(ctx, f.t, "read relation", scanText, "SELECT id FROM records WHERE no = $1", to)
	if err != nil {
		return err
	}
	f.r.Fields[field] = json.RawMessage(jsonText(map[string]string{"id": id}))
	_, err = f.t.exec(ctx, "insert relation", "INSERT INTO record_relations (record_no, field, target_no) VALUES ($1, $2, $3)", f.r.no, field, to)
	return err
}

// contact sets one of several addresses, numbers or domains; what is first stays so.
func (f *reforming) contact(kind, key string, value partValue) error {
	if kind == "domains" {
		f.parts |= partDomains
		f.r.Domains = slices.DeleteFunc(slices.Clone(f.r.Domains), func(d string) bool { return d == key })
		if len(value.V) > 0 {
			f.r.Domains = append(f.r.Domains, key)
		}
		return nil
	}
	at := &f.r.Emails
	f.parts |= partEmails
	if kind == "phones" {
		at = &f.r.Phones
		f.parts |= partPhones
	}
	list := slices.DeleteFunc(slices.Clone(*at), func(c crm.Contact) bool { return contactKey(kind, c) == key })
	if len(value.V) > 0 {
		var c crm.Contact
		if err := value.into(&c); err != nil {
			return err
		}
		list = append(list, c)
	}
	if len(list) > 0 && !slices.ContainsFunc(list, func(c crm.Contact) bool { return c.Primary }) {
		list[0].Primary = true
	}
	*at = list
	return nil
}

// beside sets what stands in a table of its own.
func (f *reforming) beside(ctx context.Context, kind, key string, on bool, value partValue, from int64) error {
	if kind == "external" {
		to, was := f.r.no, from
		if !on {
			to, was = from, f.r.no
		}
		_, err := f.t.exec(ctx, "move external id", `UPDATE external_ids SET record_no = $1 WHERE record_no = $2 AND system = $3
			AND NOT EXISTS (SELECT 1 FROM external_ids o WHERE o.record_no = $1 AND o.system = $3)`, to, was, key)
		return err
	}
	no, err := strconv.ParseInt(key, 10, 64)
	if err != nil {
		return fmt.Errorf("reading a part of a record: %w", err)
	}
	if kind == "tags" {
		if !on {
			_, err = f.t.exec(ctx, "take tag off", "DELETE FROM record_tags WHERE tag_no = $1 AND record_no = $2", no, f.r.no)
			return err
		}
		return f.t.putTag(ctx, no, []int64{f.r.no})
	}
	deal, person := no, f.r.no
	if kind == "people" {
		deal, person = f.r.no, no
		f.parts |= partPeople
	} else {
		f.shown[deal] = true
	}
	if !on {
		_, err = f.t.exec(ctx, "take person off", "DELETE FROM deal_people WHERE deal_no = $1 AND person_no = $2", deal, person)
		return err
	}
	var role string
	if err := value.into(&role); err != nil {
		return err
	}
	_, err = f.t.exec(ctx, "put person on", `INSERT INTO deal_people (deal_no, person_no, role, place)
		VALUES ($1, $2, $3, COALESCE((SELECT p.place FROM deal_people p WHERE p.deal_no = $1 AND p.person_no = $4), (SELECT MAX(p.place) + 1 FROM deal_people p WHERE p.deal_no = $1), 0))
		ON CONFLICT (deal_no, person_no) DO UPDATE SET role = excluded.role`, deal, person, role, from)
	return err
}

// save stores the record.
func (f *reforming) save(ctx context.Context) error {
	if err := f.t.saveRecord(ctx, f.r, f.parts); err != nil {
		return err
	}
	delete(f.shown, f.r.no)
	return f.t.showAnew(ctx, f.r.WorkspaceID, slices.Sorted(maps.Keys(f.shown)))
}

package merging

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/records"
)

// Row is a row of a file as it would be stored.
type Row struct {
	Number  int64 // from 1, heads left out
	Name    string
	ID      crm.RecordID // of the record that it says it is
	Wish    records.Wish // for a new record
	Company string       // by name
	Tags    []string     // by name
	Owner   string       // by name or address
	Left    []string     // what could not be read and is left out, in words
	Wrong   string       // why the row is none
}

// Why is what there is to say of a row.
func (r Row) Why() string {
	if r.Wrong != "" {
		return r.Wrong
	}
	return strings.Join(r.Left, " ")
}

// rowReader makes rows of cells.
type rowReader struct {
	object  crm.ObjectType
	columns []Column
	check   records.Checker
}

// cells are the values of a row by field, several in their order.
func (r rowReader) cells(row []string) map[string][]string {
	out := map[string][]string{}
	for i, c := range r.columns {
		if c.Field != "" && i < len(row) && row[i] != "" {
			out[c.Field] = append(out[c.Field], row[i])
		}
	}
	return out
}

var labelledForm = regexp.MustCompile(`^(.*\S)\s*\((work|mobile|home|fax|other)\)$`)

// contactList reads the addresses or numbers of a row.
func contactList(cells map[string][]string, field string) []map[string]string {
	out := []map[string]string{}
	seen := map[string]bool{}
	for _, kind := range []string{"", ".mobile", ".home", ".fax"} {
		for _, cell := range cells[field+kind] {
			cell = strings.ReplaceAll(cell, " ::: ", ";") // as Google writes several in one cell
			for _, value := range strings.FieldsFunc(cell, func(r rune) bool { return r == ';' || r == '\n' || r == ',' && field == "email" }) {
				one := map[string]string{"value": strings.TrimSpace(value)}
				if m := labelledForm.FindStringSubmatch(one["value"]); m != nil {
					one["value"], one["label"] = m[1], m[2]
				} else if kind != "" {
					one["label"] = kind[1:]
				}
				if field == "email" && (one["label"] == "mobile" || one["label"] == "fax") {
					delete(one, "label")
				}
				if at := strings.LastIndexByte(one["value"], '<'); at >= 0 { // Anna Berg <anna@...>
					one["value"] = strings.TrimSuffix(one["value"][at+1:], ">")
				}
				if key := strings.ToLower(one["value"]); one["value"] != "" && !seen[key] {
					seen[key] = true
					out = append(out, one)
				}
			}
		}
	}
	return out
}

func first(cells map[string][]string, field string) string {
	if len(cells[field]) == 0 {
		return ""
	}
	return cells[field][0]
}

// read makes a row of cells.
func (r rowReader) read(number int64, row []string) Row {
	cells := r.cells(row)
	out := Row{Number: number, ID: crm.RecordID(first(cells, "id")), Company: first(cells, "company"), Owner: first(cells, "owner")}
	for _, cell := range cells["tags"] {
		for _, tag := range strings.FieldsFunc(cell, func(c rune) bool { return c == ';' || c == ',' || c == '\n' }) {
			if tag = strings.TrimSpace(tag); tag != "" && tag != "* myContacts" && !slices.Contains(out.Tags, tag) && len(out.Tags) < 50 {
				out.Tags = append(out.Tags, tag)
			}
		}
	}
	in := r.fields(cells)
	wish, err := r.wish(&out, in)
	var f *fault.Error
	switch {
	case errors.As(err, &f) && f.Fields["name"] != "":
		out.Wrong = "There is no name."
	case errors.As(err, &f):
		out.Wrong = f.Text
	case err != nil:
		out.Wrong = err.Error()
	}
	out.Wish = wish
	if wish.Name != nil {
		out.Name = *wish.Name
	}
	return out
}

// fields are those of the API.
func (r rowReader) fields(cells map[string][]string) map[string]json.RawMessage {
	in := map[string]json.RawMessage{}
	put := func(field string, v any) {
		if text, err := json.Marshal(v); err == nil {
			in[field] = text
		}
	}
	for _, field := range []string{"name", "first_name", "last_name", "title", "website", "linkedin", "address", "description"} {
		if v := first(cells, field); v != "" {
			put(field, v)
		}
	}
	if v := first(cells, "stage"); v != "" {
		put("stage", strings.ToLower(v))
	}
	if v := first(cells, "class"); v != "" {
		put("class", map[string]string{"name": strings.ToLower(v)})
	}
	if _, whole := in["address"]; !whole {
		if a := addressOf(first(cells, "street"), "", first(cells, "zip"), first(cells, "city"), first(cells, "state"), first(cells, "country")); a != "" {
			put("address", a)
		}
	}
	if list := contactList(cells, "email"); len(list) > 0 {
		put("emails", list)
	}
	if list := contactList(cells, "phone"); len(list) > 0 {
		put("phones", list)
	}
	var domains []string
	for _, cell := range cells["domain"] {
		domains = append(domains, strings.FieldsFunc(cell, func(c rune) bool { return strings.ContainsRune(";, \n", c) })...)
	}
	if len(domains) > 0 {
		put("domains", domains)
	}
	if v := first(cells, "close_date"); v != "" {
		put("close_date", isoDate(v))
	}
	if v := first(cells, "amount"); v != "" {
		put("amount", amountOf(v, first(cells, "currency")))
	}
	external := map[string]string{}
	for field, list := range cells {
		if system, is := strings.CutPrefix(field, "external."); is {
			external[system] = list[0]
		}
	}
	if len(external) > 0 {
		put("external_ids", external)
	}
	own := map[string]any{}
	for _, f := range r.object.Fields {
		if v := first(cells, "fields."+f.Key); v != "" {
			own[f.Key] = ownValue(f, v)
		}
	}
	if len(own) > 0 {
		put("fields", own)
	}
	return in
}

// ownValue is a cell as the value of a field of the type's own.
func ownValue(f crm.Field, text string) any {
	switch f.Type {
	case crm.FieldNumber:
		if n, ok := numberOf(text); ok {
			return n
		}
	case crm.FieldMoney:
		return amountOf(text, f.Currency)
	case crm.FieldDate:
		return isoDate(text)
	case crm.FieldSelect:
		for _, o := range f.Options {
			if strings.EqualFold(o, text) {
				return o
			}
		}
	}
	return text
}

// numberOf reads a number as people write it: 1,234.50 and 1.234,50 and 1 234,5.
func numberOf(text string) (float64, bool) {
	text = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", "'", "", "’", "").Replace(strings.TrimSpace(text))
	dot, comma := strings.LastIndexByte(text, '.'), strings.LastIndexByte(text, ',')
	switch {
	case comma > dot && (dot >= 0 || strings.Count(text, ",") == 1 && len(text)-comma-1 != 3):
		text = strings.ReplaceAll(strings.ReplaceAll(text, ".", ""), ",", ".")
	case comma >= 0:
		text = strings.ReplaceAll(text, ",", "")
	case strings.Count(text, ".") > 1:
		text = strings.ReplaceAll(text, ".", "")
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
}

// amountOf reads an amount; the currency may stand beside the number. What is none stays
// as it is, for the check to refuse.
func amountOf(text, currency string) any {
	digits := strings.TrimFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789-", r) })
	if beside := strings.TrimSpace(strings.Replace(text, digits, "", 1)); beside != "" {
		switch beside {
		case "€":
			beside = "EUR"
		case "$":
			beside = "USD"
		case "£":
			beside = "GBP"
		case "¥", "円":
			beside = "JPY"
		case "₩":
			beside = "KRW"
		}
		if len(beside) == 3 {
			currency = beside
		}
	}
	n, ok := numberOf(digits)
	if !ok {
		return text
	}
	if currency = strings.ToUpper(strings.TrimSpace(currency)); currency == "" {
		currency = "EUR"
	}
	m, err := crm.MoneyOf(n, currency)
	if _, known := crm.Exponent(currency); known && err != nil {
		return text
	}
	m.Currency = currency // an unknown one is told by its name
	return m
}

// isoDate writes a date as ISO 8601 does, where it is plain what is meant.
func isoDate(text string) string {
	for _, layout := range []string{time.DateOnly, "02.01.2006", "2.1.2006", "2006/01/02", time.RFC3339, "2006-01-02 15:04:05", "January 2, 2006", "2 January 2006", "Jan 2, 2006", "2 Jan 2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Format(time.DateOnly)
		}
	}
	return text
}

var listPlace = regexp.MustCompile(`^(emails|phones|domains)\[(\d+)\]`)

// wish checks fields; what is wrong is left out, and told.
func (r rowReader) wish(out *Row, in map[string]json.RawMessage) (records.Wish, error) {
	for range 60 {
		wish, err := r.check.Wish(r.object, in, true)
		var f *fault.Error
		if err == nil || !errors.As(err, &f) || len(f.Fields) == 0 {
			return wish, err
		}
		dropped := false
		for _, field := range slices.Backward(slices.Sorted(maps.Keys(f.Fields))) {
			dropped = leaveOut(out, in, field, f.Fields[field]) || dropped
		}
		if !dropped {
			return wish, err
		}
	}
	return records.Wish{}, invalid("row", "has too many mistakes")
}

// leaveOut takes a value out of the fields, and says so.
func leaveOut(out *Row, in map[string]json.RawMessage, field, what string) bool {
	tell := func(value string) {
		if value != "" {
			value = " (" + value + ")"
		}
		out.Left = append(out.Left, "Left out: "+field+value+" "+what+".")
	}
	if m := listPlace.FindStringSubmatch(field); m != nil {
		var list []json.RawMessage
		at, _ := strconv.Atoi(m[2])
		if json.Unmarshal(in[m[1]], &list) != nil || at >= len(list) {
			return false
		}
		var c struct{ Value string }
		if json.Unmarshal(list[at], &c) != nil {
			_ = json.Unmarshal(list[at], &c.Value)
		}
		list = slices.Delete(list, at, at+1)
		text, err := json.Marshal(list)
		field = strings.TrimSuffix(m[1], "s")
		tell(c.Value)
		in[m[1]] = text
		return err == nil
	}
	if own, is := strings.CutPrefix(field, "fields."); is {
		var values map[string]json.RawMessage
		if json.Unmarshal(in["fields"], &values) != nil || values[own] == nil {
			return false
		}
		delete(values, own)
		text, err := json.Marshal(values)
		in["fields"] = text
		tell("")
		return err == nil
	}
	base, _, _ := strings.Cut(field, ".")
	if in[base] == nil || base == "name" {
		return false
	}
	delete(in, base)
	tell("")
	return true
}

// ForKnown is the wish of a row for a record that is there: what has several values is
// added to. Fields that a person has typed stay, unless overwrite is wanted.
func (r Row) ForKnown(known crm.Record, overwrite bool) records.Wish {
	w := r.Wish
	typed := func(field string) bool { return known.Sources[field].By == crm.ByMember && !overwrite }
	for field, at := range map[string]**string{
		"title": &w.Title, "stage": &w.Stage, "close_date": &w.CloseDate, "address": &w.Address, "linkedin": &w.LinkedIn, "website": &w.Website, "description": &w.Description,
	} {
		if typed(field) {
			*at = nil
		}
	}
	if typed("name") || known.Name == r.Name { // the parts of a name that is the same say nothing new
		w.Name, w.FirstName, w.LastName = nil, nil, nil
	}
	if typed("amount") {
		w.Amount = nil
	}
	if typed("class") || w.Class != nil && w.Class.Name == known.Class.Name {
		w.Class = nil
	}
	if w.ExternalIDs["vcard"] == ownUID+string(known.ID) {
		w.ExternalIDs = maps.Clone(w.ExternalIDs)
		delete(w.ExternalIDs, "vcard")
	}
	if w.Emails != nil {
		w.AddEmails, w.Emails = plainly(*w.Emails), nil
	}
	if w.Phones != nil {
		w.AddPhones, w.Phones = plainly(*w.Phones), nil
	}
	if w.Domains != nil {
		w.AddDomains, w.Domains = *w.Domains, nil
	}
	w.Fields = maps.Clone(w.Fields)
	for key, value := range w.Fields {
		if value == nil || typed("fields."+key) {
			delete(w.Fields, key)
		}
	}
	return w
}

func plainly(list []crm.Contact) []crm.Contact {
	list = slices.Clone(list)
	for i := range list {
		list[i].Primary = false
	}
	return list
}

package merging

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-vcard"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/records"
)

// Lister lists records (the room of records does).
type Lister interface {
	List(ctx context.Context, c access.Caller, q records.Query) (records.Page, error)
}

// Format of an export.
type Format string

const (
	CSV   Format = "csv"
	VCard Format = "vcard"
	JSONL Format = "jsonl"
)

const exportedAtOnce = 500

// Export writes the records of a list, all pages of it. shape is a record as the API
// shows it, for JSONL. It begins to write when the first page is read: an error before
// is none of a half-written file.
func (s *Service) Export(ctx context.Context, c access.Caller, format Format, q records.Query, to io.Writer, shape func(crm.Record) any) error {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return err
	}
	if q.Type == "" && format != JSONL {
		return invalid("type", "must be given: each type has fields of its own")
	}
	if format == VCard && q.Type != crm.Person && q.Type != crm.Company {
		return invalid("format", "is for people and companies")
	}
	write, end, err := s.writer(ctx, c, format, q.Type, to, shape)
	if err != nil {
		return err
	}
	for q.Limit = exportedAtOnce; ; {
		page, err := s.Lister.List(ctx, c, q)
		if err != nil {
			return wrap("reading what is exported", err)
		}
		for _, r := range page.Records {
			if err := write(r); err != nil {
				return fmt.Errorf("writing an export: %w", err)
			}
		}
		if page.Next == "" {
			return end()
		}
		q.Cursor = page.Next
	}
}

// writer gives what writes a record, and what ends the file.
func (s *Service) writer(ctx context.Context, c access.Caller, format Format, kind crm.RecordType, to io.Writer, shape func(crm.Record) any) (func(crm.Record) error, func() error, error) {
	nothing := func() error { return nil }
	switch format {
	case JSONL:
		out := json.NewEncoder(to)
		out.SetEscapeHTML(false)
		return func(r crm.Record) error { return out.Encode(shape(r)) }, nothing, nil
	case VCard:
		return func(r crm.Record) error {
			var card bytes.Buffer
			if err := vcard.NewEncoder(&card).Encode(cardOf(r)); err != nil {
				return err
			}
			_, err := to.Write(card.Bytes())
			return err
		}, nothing, nil
	case CSV:
		o, err := s.Store.ObjectType(ctx, c.Workspace, kind)
		if err != nil {
			return nil, nil, err
		}
		out := csv.NewWriter(to)
		columns := exportColumns(o)
		began := false
		begin := func() error {
			if began {
				return nil
			}
			began = true
			if _, err := io.WriteString(to, "\xef\xbb\xbf"); err != nil { // its mark: spreadsheets take it for Windows-1252 else
				return err
			}
			return out.Write(columns)
		}
		return func(r crm.Record) error {
				if err := begin(); err != nil {
					return err
				}
				cells := cellsOf(r, o)
				row := make([]string, len(columns))
				for i, column := range columns {
					row[i] = Guarded(cells[column])
				}
				return out.Write(row)
			}, func() error {
				err := begin()
				out.Flush()
				if err != nil {
					return err
				}
				return out.Error()
			}, nil
	}
	return nil, nil, invalid("format", "must be csv, vcard or jsonl")
}

// exportColumns are the columns of a type's records, named as an import knows them.
func exportColumns(o crm.ObjectType) []string {
	columns := []string{"id", "name"}
	for _, field := range []string{"first_name", "last_name", "email", "phone", "domain", "title", "company", "stage", "amount", "currency", "close_date", "class", "website", "linkedin", "address", "description"} {
		if fieldExists(o, field) && field != "description" {
			columns = append(columns, field)
		}
	}
	columns = append(columns, "description", "owner", "tags")
	for _, f := range o.Fields {
		columns = append(columns, "fields."+f.Key)
	}
	return append(columns, "created_at", "updated_at", "last_at")
}

func cellsOf(r crm.Record, o crm.ObjectType) map[string]string {
	cells := map[string]string{
		"id": string(r.ID), "name": r.Name, "first_name": r.FirstName, "last_name": r.LastName, "email": contactCell(r.Emails), "phone": contactCell(r.Phones), "domain": strings.Join(r.Domains, "; "),
		"title": r.Title, "stage": r.Stage, "close_date": r.CloseDate, "class": r.Class.Name, "website": r.Website, "linkedin": r.LinkedIn, "address": r.Address, "description": r.Description,
		"owner": r.OwnerName, "created_at": r.CreatedAt.UTC().Format("2006-01-02T15:04:05Z"), "updated_at": r.UpdatedAt.UTC().Format("2006-01-02T15:04:05Z"),
	}
	if r.LastAt != nil {
		cells["last_at"] = r.LastAt.UTC().Format("2006-01-02T15:04:05Z")
	}
	if r.Company != nil {
		cells["company"] = r.Company.Name
	}
	if r.Amount != nil {
		cells["amount"], cells["currency"] = r.Amount.Decimal(), r.Amount.Currency
	}
	var tags []string
	for _, t := range r.Tags {
		if t.OwnerID == "" {
			tags = append(tags, t.Name)
		}
	}
	cells["tags"] = strings.Join(tags, "; ")
	for _, f := range o.Fields {
		cells["fields."+f.Key] = ownCell(f, r.Fields[f.Key])
	}
	return cells
}

func contactCell(list []crm.Contact) string {
	var out []string
	for _, c := range list {
		value := c.Value
		if c.Ext != "" {
			value += " ext. " + c.Ext
		}
		out = append(out, labelled(value, c.Label))
	}
	return strings.Join(out, "; ")
}

func ownCell(f crm.Field, raw json.RawMessage) string {
	switch f.Type {
	case crm.FieldMoney:
		var m crm.Money
		if json.Unmarshal(raw, &m) == nil && m.Currency != "" {
			return m.Decimal() + " " + m.Currency
		}
		return ""
	case crm.FieldRelation:
		var ref crm.RecordRef
		if json.Unmarshal(raw, &ref) == nil {
			return string(ref.ID)
		}
		return ""
	case crm.FieldNumber:
		var n float64
		if json.Unmarshal(raw, &n) == nil && len(raw) > 0 {
			return strconv.FormatFloat(n, 'f', -1, 64)
		}
		return ""
	}
	var text string
	_ = json.Unmarshal(raw, &text) // what is no text is nothing
	return text
}

// cardOf is a person or a company as vCard 4.0 (RFC 6350).
func cardOf(r crm.Record) vcard.Card {
	card := vcard.Card{}
	card.SetValue(vcard.FieldVersion, "4.0")
	card.SetValue(vcard.FieldUID, "urn:uuid:"+string(r.ID))
	card.SetValue(vcard.FieldFormattedName, r.Name)
	if r.Type == crm.Company {
		card.SetKind(vcard.KindOrganization)
		card.SetName(&vcard.Name{})
		card.AddValue(vcard.FieldOrganization, r.Name)
	} else {
		card.SetName(&vcard.Name{FamilyName: r.LastName, GivenName: r.FirstName})
	}
	add := func(field, value string) {
		if value != "" {
			card.AddValue(field, value)
		}
	}
	contacts := func(field string, list []crm.Contact) {
		for i, c := range list {
			f := &vcard.Field{Value: c.Value, Params: vcard.Params{}}
			if c.Ext != "" {
				f.Value += " ext. " + c.Ext
			}
			if kind := map[string]string{"mobile": "cell", "home": "home", "fax": "fax", "work": "work"}[c.Label]; kind != "" {
				f.Params.Add(vcard.ParamType, kind)
			}
			if i == 0 && len(list) > 1 {
				f.Params.Set(vcard.ParamPreferred, "1")
			}
			card.Add(field, f)
		}
	}
	contacts(vcard.FieldEmail, r.Emails)
	contacts(vcard.FieldTelephone, r.Phones)
	add(vcard.FieldTitle, r.Title)
	if r.Company != nil {
		add(vcard.FieldOrganization, strings.ReplaceAll(r.Company.Name, ";", "\\;"))
	}
	add(vcard.FieldURL, r.Website)
	add(vcard.FieldURL, r.LinkedIn)
	add(vcard.FieldNote, r.Description)
	if r.Address != "" {
		card.AddAddress(&vcard.Address{StreetAddress: strings.ReplaceAll(r.Address, "\n", ", ")})
	}
	var tags []string
	for _, t := range r.Tags {
		if t.OwnerID == "" {
			tags = append(tags, t.Name)
		}
	}
	if slices.Sort(tags); len(tags) > 0 {
		card.SetCategories(tags)
	}
	return card
}
